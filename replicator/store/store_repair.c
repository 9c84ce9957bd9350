/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * When the disk has not kept what was written: all contents are gone through and compared with
 * their hashes, a damaged one is thrown away so that it is missing and can be fetched again, and a
 * database that cannot be read is put aside under another name.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/crash.h"
#include "base/err.h"
#include "base/log.h"
#include "replicator/store/internal.h"
#include "replicator/store/seal.h"

#define PIECE (1024 * 1024)
#define ROWS 64 /* of the database in one piece */
#define PAGES 256

/* ---- a damaged content ---- */

int store_drop(struct store *s, struct hash hash)
{
	char name[OBJECT_NAME];
	int err = database_begin(s);
	sqlite3_stmt *st = err ? NULL : database_statement(s, SQL_CONTENT_DROP, &err);

	if (!st)
		return err;
	bind_hash(st, 1, &hash);
	err = database_run(s, st);
	object_name(name, hash);
	if (s->objects_fd >= 0 && unlinkat(s->objects_fd, name, 0) == 0)
		s->objects_bytes = -1;
	return err;
}

int store_whose(struct store *s, struct hash hash, char path[PATH_LEN_MAX + 1], uint64_t *size)
{
	int err;
	sqlite3_stmt *st = database_statement(s, SQL_WHOSE, &err);
	struct version *v = NULL;

	if (!st)
		return err;
	bind_hash(st, 1, &hash);
	int rc = sqlite3_step(st);
	err = database_error(s, rc, "reading a version");
	if (!err && rc != SQLITE_ROW)
		err = -ENOENT;
	if (!err) {
		const char *name = column_path(st, 0, &err);
		struct rd r;

		rd_init(&r, sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1));
		v = rd_version(&r);
		if (!v)
			err = ERR_CORRUPT;
		if (!err) {
			strcpy(path, name);
			*size = v->attrs.size;
		}
	}
	version_put(v);
	sqlite3_reset(st);
	return err;
}

long store_size(struct store *s, struct hash hash)
{
	uint64_t total = 0;
	uint8_t nothing;
	long n = stash_find(s, hash) ? store_read(s, hash, 0, &nothing, 0, &total) : -ENOENT;

	if (n == -ENOENT)
		n = object_read(s, hash, 0, &nothing, 0, &total);
	return n < 0 ? n : (long)total;
}

int store_prove(struct store *s, struct hash hash)
{
	XXH128_canonical_t canonical;
	uint64_t total = 1;
	long n = 0;

	CLEANUP_FREE uint8_t *piece = malloc(PIECE);
	XXH3_state_t *state = XXH3_createState();
	if (!piece || !state)
		n = -ENOMEM;
	else
		XXH3_128bits_reset(state);
	for (uint64_t at = 0; n >= 0 && at < total; at += (uint64_t)n) {
		n = object_read(s, hash, at, piece, PIECE, &total);
		if (n == 0 || (n > 0 && total > STORE_PROVED_MAX))
			break;
		if (n > 0)
			XXH3_128bits_update(state, piece, (size_t)n);
	}
	if (n >= 0 && total <= STORE_PROVED_MAX) {
		XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
		n = memcmp(canonical.digest, hash.b, sizeof(hash.b)) == 0 ? 0 : ERR_CORRUPT;
	}
	XXH3_freeState(state);
	return n < 0 ? (int)n : 0;
}

/* ---- all contents ---- */

struct store_check {
	struct store *store;
	sqlite3_int64 page;  /* of the database: all of them first; 0: they have been read */
	int64_t id;          /* of the last row of the database */
	int directory;       /* of objects; -1: the database first */
	struct hash *hashes; /* of the objects in it, yet to be read */
	uint32_t n, cap;
	uint64_t at; /* in the last of them */
	XXH3_state_t *state;
};

struct store_check *store_check_new(struct store *s)
{
	struct store_check *k = calloc(1, sizeof(*k));

	if (!k || !(k->state = XXH3_createState())) {
		free(k);
		return NULL;
	}
	k->store = s;
	k->page = 1;
	k->directory = -1;
	return k;
}

void store_check_free(struct store_check *k)
{
	if (!k)
		return;
	XXH3_freeState(k->state);
	free(k->hashes);
	free(k);
}

static int check_pages(struct store_check *k)
{
	int rc = seal_check(k->store->db, &k->page, PAGES);

	if (rc == SQLITE_IOERR_DATA)
		log_error("%s/zonefs.db: page %lld is damaged", k->store->dir, (long long)k->page);
	int err = database_error(k->store, rc, "reading all of it");
	return err ? err : 1;
}

static int check_rows(struct store_check *k, store_checked *each, void *arg)
{
	struct hash hashes[ROWS];
	bool whole[ROWS];
	int n = 0, err, rc = SQLITE_DONE;
	sqlite3_stmt *st = database_statement(k->store, SQL_CHECK_CONTENTS, &err);

	if (!st)
		return err;
	sqlite3_bind_int64(st, 1, k->id);
	sqlite3_bind_int(st, 2, ROWS);
	while (n < ROWS && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		const void *data = sqlite3_column_blob(st, 2);
		size_t len = (size_t)sqlite3_column_bytes(st, 2);

		k->id = sqlite3_column_int64(st, 0);
		if (!column_hash(st, 1, &hashes[n]))
			continue;
		whole[n] = hash_same(content_hash(data, len), hashes[n]);
		n++;
	}
	err = database_error(k->store, rc, "checking contents");
	sqlite3_reset(st);
	for (int i = 0; i < n; i++)
		each(arg, hashes[i], whole[i]);
	if (!err && n < ROWS)
		k->directory = 0;
	return err ? err : 1;
}

/* The names in objects/ab. */
static int list_objects(struct store_check *k)
{
	CLEANUP_CLOSEDIR DIR *d = objects_stream(k->store, k->directory);
	const struct dirent *e;
	struct hash hash;

	while (d && (e = readdir(d))) {
		if (!object_hash(e->d_name, &hash))
			continue;
		if (k->n == k->cap) {
			uint32_t cap = k->cap ? 2 * k->cap : 256;
			struct hash *more = realloc(k->hashes, cap * sizeof(*more));

			if (!more)
				return -ENOMEM;
			k->hashes = more;
			k->cap = cap;
		}
		k->hashes[k->n++] = hash;
	}
	k->directory++;
	return 1;
}

static int check_object(struct store_check *k, store_checked *each, void *arg)
{
	static uint8_t piece[PIECE];
	struct hash hash = k->hashes[k->n - 1];
	XXH128_canonical_t canonical;
	uint64_t total;

	if (k->at == 0)
		XXH3_128bits_reset(k->state);
	long len = object_read(k->store, hash, k->at, piece, sizeof(piece), &total);
	if (len > 0) {
		XXH3_128bits_update(k->state, piece, (size_t)len);
		k->at += (uint64_t)len;
		if (k->at < total)
			return 1;
	}
	k->n--;
	k->at = 0;
	if (len == -ENOENT) /* swept meanwhile */
		return 1;
	if (len < 0 && len != ERR_CORRUPT)
		return (int)len;
	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(k->state));
	each(arg, hash, len >= 0 && memcmp(canonical.digest, hash.b, sizeof(hash.b)) == 0);
	return 1;
}

int store_check_go_on(struct store_check *k, store_checked *each, void *arg)
{
	if (k->page)
		return check_pages(k);
	if (k->directory < 0)
		return check_rows(k, each, arg);
	if (k->n > 0)
		return check_object(k, each, arg);
	return k->directory < 256 && k->store->objects_fd >= 0 ? list_objects(k) : 0;
}

/* ---- a damaged database ---- */

bool store_damaged(const struct store *s)
{
	return s->damaged;
}

static int lock_folder(const char *state_dir, int dir)
{
	int fd = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	int err = -errno;
	log_error("%s/lock: %s", state_dir, err_text(err));
	if (fd >= 0)
		close(fd);
	return err;
}

int store_put_aside(const char *state_dir, enum store_aside why)
{
	static const char *const files[] = {"zonefs.db-wal", "zonefs.db-shm", "zonefs.db"};
	char stamp[32], name[80];
	const bool old = why == STORE_ASIDE_OLD;
	time_t now = time(NULL);
	struct tm tm;
	int dir CLEANUP_CLOSE = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return -errno;
	int lock CLEANUP_CLOSE = lock_folder(state_dir, dir);
	if (lock < 0)
		return lock;
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	/* The database last: until then it is still there, and still what it was. */
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(name, sizeof(name), "%s-%s-%s", old ? "old" : "damaged", stamp, files[i]);
		if (renameat(dir, files[i], dir, name) < 0 && errno != ENOENT)
			return -errno;
		crash_point("put-aside");
	}
	unlinkat(dir, STORE_SUSPECT, 0);
	if (fsync(dir) < 0)
		return -errno;
	log_error(
	    "%s/zonefs.db is %s: it is put aside as %s/%s; this node starts with an empty "
	    "store and takes the tree of its peers when all of them have answered, what it has "
	    "otherwise goes to its history (zonefsctl status says for whom it waits)",
	    state_dir, old ? "older than the tree" : "damaged", state_dir, name);
	return 0;
}
