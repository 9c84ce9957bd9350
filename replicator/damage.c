/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A power cut (or a kernel that dies) loses what was in the page cache. It is told from a process
 * that was killed by the kernel's boot id, which is kept in the store: another one than then, and no
 * mark of a clean end, is an end that may have been one.
 *
 * Disks lose whole blocks: one is as it was in a version before, or NULs, or not there. So a file is
 * damaged if each of its blocks is the beginning of that block in some known version of the path,
 * and then nothing but NULs. That takes in the empty file, the cut off one, and the mixture of two.
 *
 * Data may be lost and the inode not (written in place, and the times were on disk first). So what
 * was saved here within SAVED_LATELY_MSEC before the last sign of life is read, whatever its identity, and
 * what was installed within INSTALLED_LATELY_MSEC, though it was fsynced: disks have been seen to lie. The
 * kernel writes back what is older than vm.dirty_expire_centisecs (30 s) every
 * vm.dirty_writeback_centisecs (5 s); in laptop mode after up to 10 minutes
 * (Documentation/admin-guide/sysctl/vm.rst).
 *
 * Other bytes under an identity that is unchanged are damage, whatever they are: who writes, through
 * the mount or beneath it, leaves another ctime, which our fsync has taken to the disk with the bytes.
 */
#include "replicator/damage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/crash.h"
#include "base/err.h"
#include "base/log.h"

#define BOOT "boot" /* the store's value */
#define BOOT_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_MAX 64
#define SAVED_LATELY_MSEC (60 * 60 * 1000)
#define INSTALLED_LATELY_MSEC (10 * 60 * 1000)
#define LATELY_MAX 100000
#define VERSIONS_MAX 16 /* of one path that it is compared with */
#define BLOCK 4096
#define PIECE (64 * 1024)

struct lately {
	char **lately; /* paths saved or installed here before the power cut, sorted */
	uint32_t n;
	uint32_t seen; /* records */
	bool all;      /* they are too many */
	int64_t last_msec;
};

/* ---- was it a power cut? ---- */

static size_t boot_id(char id[BOOT_MAX])
{
	int fd CLEANUP_CLOSE = open(BOOT_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, id, BOOT_MAX);

	if (n <= 0)
		log_warning(BOOT_FILE
			    " cannot be read: each start is taken for one after a power cut");
	return n > 0 ? (size_t)n : 0;
}

/* Notes the kernel that runs. 1: the store was last in use under another one, and not ended. */
static int look_at_boot(struct node *n)
{
	char now[BOOT_MAX], then[BOOT_MAX];
	size_t len = boot_id(now);
	long known = store_value_get(n->store, BOOT, then, sizeof(then));

	if (known < 0)
		return (int)known;
	if (len > 0 && known == (long)len && memcmp(now, then, len) == 0)
		return 0;
	if (len > 0) {
		int err = store_value_put(n->store, BOOT, now, len);
		if (err < 0)
			return err;
	}
	return known > 0 && !n->clean;
}

/* ---- what was saved lately ---- */

static int newest(void *arg, const struct log_record *r)
{
	*(int64_t *)arg = r->wall_msec;
	return 0;
}

static int note(void *arg, const struct log_record *r)
{
	struct lately *d = arg;

	d->seen++;
	if (!r->own && r->wall_msec < d->last_msec - INSTALLED_LATELY_MSEC)
		return 0;
	d->lately[d->n] = strdup(r->path);
	if (!d->lately[d->n])
		return -ENOMEM;
	d->n++;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int find_lately(struct node *n, struct lately *d)
{
	struct log_filter f = {.last = 1};
	int err = store_log(n->store, &f, newest, &d->last_msec);

	d->lately = calloc(LATELY_MAX, sizeof(*d->lately));
	if (err == 0 && !d->lately)
		err = -ENOMEM;
	if (err < 0)
		return err;
	f = (struct log_filter){.last = LATELY_MAX, .since_msec = d->last_msec - SAVED_LATELY_MSEC};
	err = store_log(n->store, &f, note, d);
	d->all = d->seen == LATELY_MAX;
	qsort(d->lately, d->n, sizeof(*d->lately), by_name);
	return err;
}

int damage_open(struct node *n)
{
	int unclean = look_at_boot(n);

	if (unclean < 0)
		return unclean;
	if (unclean) {
		log_warning(
		    "the last end was no clean one and the kernel is another one since (a power "
		    "cut?): what this host's disk has lost is put back, not told");
		core_distrust(n->core);
		n->unclean = true;
		crash_point("unclean");
		int err = store_check_database(n->store);
		if (err < 0)
			return err;
	}
	if (!core_suspects(n->core, ""))
		return 0;
	n->damage = calloc(1, sizeof(*n->damage));
	return n->damage ? find_lately(n, n->damage) : -ENOMEM;
}

void damage_free(struct lately *d)
{
	if (!d)
		return;
	for (uint32_t i = 0; i < d->n; i++)
		free(d->lately[i]);
	free(d->lately);
	free(d);
}

bool damage_read_again(const struct node *n, const char *path)
{
	const struct lately *d = n->damage;

	if (!d || !core_suspects(n->core, path))
		return false;
	return d->all || (d->n && bsearch(&path, d->lately, d->n, sizeof(path), by_name));
}

/* ---- what it looks like ---- */

struct versions {
	struct version *v[VERSIONS_MAX];
	uint32_t n;
};

static int remember(void *arg, const struct log_record *r)
{
	struct versions *all = arg;

	if (all->n < VERSIONS_MAX && version_live(r->version))
		all->v[all->n++] = version_get((struct version *)(uintptr_t)r->version);
	return 0;
}

static bool no_later(const struct shown *shown, const struct version *v, const struct attrs *found)
{
	int64_t limit = v->attrs.mtime_nsec;

	if (found->kind == KIND_DIR)
		return true;
	if (shown && shown->floor_nsec > limit)
		limit = shown->floor_nsec;
	return found->mtime_nsec <= limit;
}

/* A version of the path is like it, and whoever saved it so now would have left a later time. */
static bool is_older(const struct versions *all, const struct shown *shown,
		     const struct attrs *found)
{
	for (uint32_t i = 0; i < all->n; i++) {
		const struct attrs *a = &all->v[i]->attrs;
		uint8_t differs = attrs_compare(a, found);
		bool other =
		    !shown || attrs_compare(&shown->attrs, a) & (CHANGED_KIND | CHANGED_CONTENT);

		/* Of another content than what was shown, the attributes may have been newer. */
		if (other)
			differs &= (uint8_t) ~(CHANGED_MODE | CHANGED_OWNER);
		if (!(differs & ~CHANGED_MTIME) && no_later(shown, all->v[i], found))
			return true;
	}
	return false;
}

static long read_piece(struct node *n, struct hash hash, uint64_t at, uint8_t *p)
{
	uint64_t total;

	return store_read(n->store, hash, at, p, PIECE, &total);
}

/* Marks the blocks of a piece that are the beginning of what `other` has there. */
static void match(const uint8_t *piece, const size_t *lens, uint32_t blocks, const uint8_t *other,
		  size_t other_len, bool *known)
{
	for (uint32_t i = 0; i < blocks; i++) {
		size_t at = (size_t)i * BLOCK;

		known[i] |= at + lens[i] <= other_len && !memcmp(piece + at, other + at, lens[i]);
	}
}

/* Each block of a piece: its length without the NULs at its end. */
static uint32_t measure(const uint8_t *piece, size_t len, size_t lens[PIECE / BLOCK])
{
	uint32_t blocks = 0;

	for (size_t at = 0; at < len; at += BLOCK) {
		size_t n = len - at < BLOCK ? len - at : BLOCK;

		while (n > 0 && piece[at + n - 1] == 0)
			n--;
		lens[blocks++] = n;
	}
	return blocks;
}

/* One piece: NONE, NULS or PART. */
static enum damage piece_damage(struct node *n, const struct versions *all, uint64_t at,
				const uint8_t *piece, size_t len)
{
	static uint8_t other[PIECE];
	size_t lens[PIECE / BLOCK];
	bool known[PIECE / BLOCK] = {false}, nuls = true;
	uint32_t blocks = measure(piece, len, lens);

	for (uint32_t i = 0; i < blocks; i++) {
		known[i] = lens[i] == 0;
		nuls &= known[i];
	}
	if (nuls)
		return DAMAGE_NULS;
	for (uint32_t i = 0; i < all->n; i++) {
		const struct attrs *a = &all->v[i]->attrs;
		long got = a->kind == KIND_FILE ? read_piece(n, a->hash, at, other) : -ENOENT;

		if (got > 0)
			match(piece, lens, blocks, other, (size_t)got, known);
	}
	for (uint32_t i = 0; i < blocks; i++)
		if (!known[i])
			return DAMAGE_NONE;
	return DAMAGE_PART;
}

static enum damage content_damage(struct node *n, const struct versions *all,
				  const struct attrs *found)
{
	static uint8_t piece[PIECE];
	enum damage damage = DAMAGE_NULS;

	if (found->size == 0)
		return DAMAGE_EMPTY;
	for (uint64_t at = 0; at < found->size; at += PIECE) {
		long len = read_piece(n, found->hash, at, piece);

		if (len <= 0)
			return DAMAGE_NONE;
		enum damage d = piece_damage(n, all, at, piece, (size_t)len);
		if (d == DAMAGE_NONE)
			return d;
		if (d == DAMAGE_PART)
			damage = d;
	}
	return damage;
}

enum damage damage_found(struct node *n, const char *path, const struct ident *ident,
			 const struct attrs *found)
{
	const struct shown *shown = core_shown(n->core, path);
	struct log_filter f = {.path = path, .exact = true, .last = VERSIONS_MAX};
	struct versions all = {.n = 0};
	enum damage damage = DAMAGE_NONE;
	bool shown_file = shown && shown->attrs.kind == KIND_FILE;
	bool deleted = shown && shown->attrs.kind == KIND_ABSENT; /* but that was lost, too */
	uint8_t differs;

	if (!n->damage || !core_suspects(n->core, path) || found->kind == KIND_ABSENT ||
	    found->kind == KIND_OTHER)
		return DAMAGE_NONE;
	differs = shown ? attrs_compare(&shown->attrs, found) : CHANGED_KIND;
	if (!differs)
		return DAMAGE_NONE;
	if (store_log(n->store, &f, remember, &all) == 0) {
		if (is_older(&all, shown, found))
			damage = DAMAGE_OLDER;
		else if (found->kind == KIND_FILE && (shown_file || deleted) &&
			 differs & CHANGED_CONTENT)
			damage = content_damage(n, &all, found);
	}
	if (damage == DAMAGE_NONE && shown_file && differs & CHANGED_CONTENT &&
	    ident_same(ident, &shown->ident))
		damage = DAMAGE_BYTES;
	for (uint32_t i = 0; i < all.n; i++)
		version_put(all.v[i]);
	return damage;
}
