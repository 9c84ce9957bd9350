/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Large contents that have been here for an hour are compressed, where that pays, in quiet moments
 * and a block at a time; a save, a fetch and an install never wait for it.
 *
 *   object = u8 OBJECT_FORMAT_PACKED, size u64, a seal for each block, the blocks
 *   seal   = end u64, check u64
 *
 * Numbers are little-endian. A block is a zstd frame of BLOCK bytes of the content (the last one: of
 * the rest); `end` is where it ends, counted from the end of the seals; `check` is the XXH3-64 of
 * these bytes, seeded with the block's number. So a piece can be read from anywhere, of one block at
 * most memory is taken for it, and what is damaged, or is another block, is noticed. That all blocks
 * together are the content is proved by its hash before the object takes the plain one's place.
 */
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <xxhash.h>
#include <zstd.h>

#include "base/cleanup.h"
#include "base/crash.h"
#include "base/err.h"
#include "base/log.h"
#include "replicator/store/internal.h"

#define BLOCK (256 * 1024)
#define LEVEL 3
#define HEAD 9
#define SEAL 16
#define SPARE (64 * 1024 * 1024) /* free bytes beside the object's size */
#define WRITE_OUT (1024 * 1024)  /* the kernel is told to begin with as much */
#define PACK_NAME "pack"

struct pack {
	int in, out;
	char name[OBJECT_NAME];
	struct hash hash;
	struct stat st; /* of the plain object */
	uint64_t size;
	uint64_t block; /* the next one */
	uint64_t end;   /* of those before it */
	uint64_t written, begun; /* of `end`: the disk has them; the kernel has begun to write them */
	XXH3_state_t *state;
	uint8_t plain[BLOCK];
	uint8_t packed[ZSTD_COMPRESSBOUND(BLOCK)];
};

static uint64_t blocks_of(uint64_t size)
{
	return size / BLOCK + (size % BLOCK != 0);
}

static size_t block_len(uint64_t size, uint64_t block)
{
	return size - block * BLOCK < BLOCK ? (size_t)(size - block * BLOCK) : BLOCK;
}

static uint64_t data_at(uint64_t size)
{
	return HEAD + SEAL * blocks_of(size);
}

/* All of it, or an error: ERR_CORRUPT where the file ends before, or cannot be read. */
static int read_all(int fd, void *p, size_t len, uint64_t at)
{
	while (len) {
		ssize_t n = pread(fd, p, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 || err_unreadable(-errno) ? ERR_CORRUPT : -errno;
		p = (uint8_t *)p + n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

/* ---- reading ---- */

struct seal {
	uint64_t end, check;
};

static int read_seal(int fd, uint64_t block, struct seal *m)
{
	int err = read_all(fd, m, SEAL, HEAD + SEAL * block);

	m->end = le64toh(m->end);
	m->check = le64toh(m->check);
	return err;
}

/* A whole block into plain[BLOCK]. */
static int read_block(int fd, uint64_t size, uint64_t block, uint8_t *plain, uint8_t *packed)
{
	struct seal before = {0}, seal;
	size_t len = block_len(size, block);
	int err = block ? read_seal(fd, block - 1, &before) : 0;

	if (!err)
		err = read_seal(fd, block, &seal);
	if (err)
		return err;
	if (seal.end < before.end || seal.end - before.end > ZSTD_COMPRESSBOUND(BLOCK) ||
	    seal.end > VERSION_SIZE_MAX)
		return ERR_CORRUPT;
	size_t packed_len = (size_t)(seal.end - before.end);
	err = read_all(fd, packed, packed_len, data_at(size) + before.end);
	if (err)
		return err;
	if (ZSTD_decompress(plain, len, packed, packed_len) != len ||
	    XXH3_64bits_withSeed(plain, len, block) != seal.check)
		return ERR_CORRUPT;
	return 0;
}

long pack_read(int fd, uint64_t offset, void *p, size_t max, uint64_t *total)
{
	CLEANUP_FREE uint8_t *plain = malloc(BLOCK);
	CLEANUP_FREE uint8_t *packed = malloc(ZSTD_COMPRESSBOUND(BLOCK));
	uint64_t size;
	size_t done = 0;
	int err = read_all(fd, &size, sizeof(size), 1);

	if (!plain || !packed)
		return -ENOMEM;
	size = le64toh(size);
	if (!err && size > VERSION_SIZE_MAX)
		err = ERR_CORRUPT;
	while (!err && done < max && offset + done < size) {
		uint64_t block = (offset + done) / BLOCK;
		size_t skip = (size_t)((offset + done) % BLOCK);
		size_t n = block_len(size, block) - skip;

		err = read_block(fd, size, block, plain, packed);
		if (err)
			break;
		if (n > max - done)
			n = max - done;
		memcpy((uint8_t *)p + done, plain + skip, n);
		done += n;
	}
	if (err)
		return err;
	*total = size;
	return (long)done;
}

/* ---- packing ---- */

void pack_end(struct store *s)
{
	struct pack *k = s->pack;

	if (!k)
		return;
	if (k->out >= 0)
		unlinkat(s->incoming_fd, PACK_NAME, 0);
	if (k->in >= 0)
		close(k->in);
	if (k->out >= 0)
		close(k->out);
	XXH3_freeState(k->state);
	free(k);
	s->pack = NULL;
}

/* It is left plain, and not tried again. */
static void leave_plain(struct store *s)
{
	const uint8_t format = OBJECT_FORMAT_UNPACKABLE;
	CLEANUP_CLOSE int fd = openat(s->objects_fd, s->pack->name, O_WRONLY | O_CLOEXEC);
	const struct timespec times[2] = {s->pack->st.st_atim, s->pack->st.st_mtim};

	crash_point("left-plain");
	if (fd >= 0 && object_write(fd, &format, 1, 0) == 0)
		futimens(fd, times);
}

static bool pays(uint64_t packed, uint64_t plain)
{
	return packed < plain - plain / 8;
}

/* What is to save room must not take the last of it from what has to be stored. */
static bool has_room(const struct store *s, const struct stat *st)
{
	struct statvfs vfs;

	return fstatvfs(s->incoming_fd, &vfs) == 0 &&
	       (uint64_t)vfs.f_bavail * vfs.f_frsize > (uint64_t)st->st_size + SPARE;
}

static int begin(struct store *s, const char *name, struct hash hash)
{
	struct pack *k = malloc(sizeof(*k));
	uint8_t format;

	if (!k)
		return -ENOMEM;
	k->in = openat(s->objects_fd, name, O_RDONLY | O_CLOEXEC);
	k->out = -1;
	k->state = XXH3_createState();
	k->hash = hash;
	k->block = k->end = k->written = k->begun = 0;
	strcpy(k->name, name);
	s->pack = k;
	if (k->in < 0 || !k->state || fstat(k->in, &k->st) < 0 ||
	    read_all(k->in, &format, 1, 0) < 0 || format != OBJECT_FORMAT_PLAIN ||
	    k->st.st_size <= STORE_SMALL_MAX || !has_room(s, &k->st)) {
		pack_end(s);
		return 0;
	}
	XXH3_128bits_reset(k->state);
	k->size = (uint64_t)k->st.st_size - 1;
	k->out = openat(s->incoming_fd, PACK_NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (k->out < 0)
		return -errno;
	const uint64_t size = htole64(k->size);
	const uint8_t head = OBJECT_FORMAT_PACKED;
	int err = object_write(k->out, &head, 1, 0);
	return err ? err : object_write(k->out, &size, sizeof(size), 1);
}

/* So that neither a block nor the end waits for the disk for long: see incoming's in objects.c. */
static int write_out(struct pack *k)
{
	off_t at = (off_t)data_at(k->size);

	if (k->end - k->begun < WRITE_OUT)
		return 0;
	if (sync_file_range(k->out, at + (off_t)k->written, (off_t)(k->begun - k->written),
			    SYNC_FILE_RANGE_WAIT_BEFORE) < 0 ||
	    sync_file_range(k->out, at + (off_t)k->begun, (off_t)(k->end - k->begun),
			    SYNC_FILE_RANGE_WRITE) < 0)
		return -errno;
	k->written = k->begun;
	k->begun = k->end;
	return 0;
}

/* The next block; 1: it does not pay. */
static int pack_block(struct pack *k)
{
	size_t len = block_len(k->size, k->block);
	int err = read_all(k->in, k->plain, len, 1 + k->block * BLOCK);

	if (err)
		return err;
	XXH3_128bits_update(k->state, k->plain, len);
	size_t n = ZSTD_compress(k->packed, sizeof(k->packed), k->plain, len, LEVEL);
	if (ZSTD_isError(n))
		return -EIO;
	if (k->block == 0 && !pays(n, len))
		return 1;
	struct seal seal = {htole64(k->end + n),
			    htole64(XXH3_64bits_withSeed(k->plain, len, k->block))};
	err = object_write(k->out, k->packed, n, data_at(k->size) + k->end);
	if (!err)
		err = object_write(k->out, &seal, SEAL, HEAD + SEAL * k->block);
	k->end += n;
	k->block++;
	if (!err)
		err = write_out(k);
	crash_point("pack");
	return err;
}

static bool is_proved(const struct pack *k)
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(k->state));
	return memcmp(k->hash.b, canonical.digest, sizeof(k->hash.b)) == 0;
}

/* In the plain one's place, as old as that. */
static int take_place(struct store *s)
{
	struct pack *k = s->pack;
	const struct timespec times[2] = {k->st.st_atim, k->st.st_mtim};
	char directory[3] = {k->name[0], k->name[1], '\0'};

	if (futimens(k->out, times) < 0 || fsync(k->out) < 0)
		return -errno;
	CLEANUP_CLOSE int fd = openat(s->objects_fd, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	crash_point("packed");
	if (fd < 0 || renameat(s->incoming_fd, PACK_NAME, s->objects_fd, k->name) < 0)
		return -errno;
	if (s->objects_bytes >= 0)
		s->objects_bytes += (int64_t)(data_at(k->size) + k->end) - k->st.st_size;
	close(k->out);
	k->out = -1;
	crash_point("pack-named");
	return fsync(fd) < 0 ? -errno : 0;
}

static int go_on(struct store *s)
{
	struct pack *k = s->pack;
	int err = k->block < blocks_of(k->size) ? pack_block(k) : 0;

	if (err == 0 && k->block < blocks_of(k->size))
		return 1;
	if (err == 0 && !is_proved(k)) {
		log_limited(LOG_LEVEL_ERROR, "%s: the content %s is damaged", s->dir, k->name + 3);
		err = ERR_CORRUPT;
	} else if (err == 1 || (err == 0 && !pays(data_at(k->size) + k->end, k->size))) {
		leave_plain(s);
		err = 0;
	} else if (err == 0) {
		err = take_place(s);
	}
	pack_end(s);
	return err < 0 && err != ERR_CORRUPT ? err : 1;
}

/* The first in the directory after `after` that may be packed: its name, or "". */
static void find_next(struct store *s, int directory, char name[OBJECT_NAME], struct hash *hash)
{
	char folder[3], best[OBJECT_NAME] = "";
	const struct dirent *e;
	struct stat st;

	snprintf(folder, sizeof(folder), "%02x", directory & 255);
	int fd = openat(s->objects_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_CLOSEDIR DIR *d = fd < 0 ? NULL : fdopendir(fd);
	while (d && (e = readdir(d))) {
		struct hash h;

		if (!object_hash(e->d_name, &h) || strcmp(e->d_name, s->packed_last) <= 0 ||
		    (best[0] && strcmp(e->d_name, best + 3) >= 0) ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode) || st.st_mtime > time(NULL) - OBJECT_YOUNG_SEC)
			continue;
		object_name(best, h);
		*hash = h;
	}
	strcpy(name, best);
}

int objects_pack(struct store *s, int directory)
{
	char name[OBJECT_NAME];
	struct hash hash;

	if (s->pack)
		return go_on(s);
	find_next(s, directory, name, &hash);
	if (!name[0]) {
		s->packed_last[0] = '\0';
		return 0;
	}
	strcpy(s->packed_last, name + 3);
	int err = begin(s, name, hash);
	if (err)
		pack_end(s);
	return err ? err : 1;
}
