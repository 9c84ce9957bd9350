/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Large contents, each a file named by its hash. One that is being written lies in incoming/; it is
 * fsynced, its hash proved, and then renamed into place, so that what has an object's name is
 * whole.
 *
 *   object = u8 OBJECT_FORMAT_PLAIN, content (or OBJECT_FORMAT_PACKED: see object_pack.c)
 *
 * An incoming file whose hash is known from the start is named by it and may go on later, also
 * after a restart: what is there is read again, and whatever a crash did to it is found by the hash
 * at the end.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/crash.h"
#include "base/err.h"
#include "base/log.h"
#include "replicator/store/internal.h"

#define KEPT_SEC (24 * 60 * 60) /* a cut off incoming file */
#define BLOCK (1024 * 1024)
#define WRITE_OUT (4 * 1024 * 1024) /* the kernel is told to begin with as much */

struct incoming {
	struct store *store;
	struct incoming *next; /* of the store's open ones */
	int fd;
	bool named; /* by `hash` */
	char name[HASH_TEXT + 8];
	struct hash hash;
	uint64_t size; /* content so far */
	/* Bytes of the file that the disk has, and that the kernel has begun to write. */
	uint64_t written, begun;
	XXH3_state_t *state;
};

void object_name(char dst[OBJECT_NAME], struct hash hash)
{
	hash_text(dst + 3, hash);
	dst[0] = dst[3];
	dst[1] = dst[4];
	dst[2] = '/';
}

/* ---- reading ---- */

bool object_has(const struct store *s, struct hash hash)
{
	char name[OBJECT_NAME];

	object_name(name, hash);
	return s->objects_fd >= 0 && faccessat(s->objects_fd, name, F_OK, 0) == 0;
}

long object_read(struct store *s, struct hash hash, uint64_t offset, void *p, size_t max,
		 uint64_t *total)
{
	char name[OBJECT_NAME];
	uint8_t format;
	struct stat st;

	object_name(name, hash);
	CLEANUP_CLOSE int fd =
	    s->objects_fd < 0 ? -1 : openat(s->objects_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return s->objects_fd < 0 ? -ENOENT : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size < 1 || pread(fd, &format, 1, 0) != 1)
		return ERR_CORRUPT;
	if (format == OBJECT_FORMAT_PACKED)
		return pack_read(fd, offset, p, max, total);
	if (format != OBJECT_FORMAT_PLAIN && format != OBJECT_FORMAT_UNPACKABLE)
		return ERR_CORRUPT;
	uint64_t size = (uint64_t)st.st_size - 1;
	size_t done = 0;
	while (offset < size && done < max) {
		ssize_t n = pread(fd, (uint8_t *)p + done, max - done, (off_t)(1 + offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_unreadable(-errno) ? ERR_CORRUPT : -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	*total = size;
	return (long)done;
}

/* ---- an incoming file ---- */

static void incoming_free(struct incoming *in, bool keep)
{
	struct store *s = in->store;
	struct incoming **at = &s->incoming;

	while (*at && *at != in)
		at = &(*at)->next;
	if (*at)
		*at = in->next;
	if (!keep && in->fd >= 0)
		unlinkat(s->incoming_fd, in->name, 0);
	if (in->fd >= 0)
		close(in->fd);
	XXH3_freeState(in->state);
	free(in);
}

int object_write(int fd, const void *p, size_t len, uint64_t at)
{
	while (len) {
		ssize_t n = pwrite(fd, p, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		p = (const uint8_t *)p + n;
		len -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

/* The file's first byte; anything odd begins anew. */
static int begin(struct incoming *in)
{
	const uint8_t format = OBJECT_FORMAT_PLAIN;
	uint8_t first;

	if (pread(in->fd, &first, 1, 0) == 1 && first == OBJECT_FORMAT_PLAIN)
		return 0;
	if (ftruncate(in->fd, 0) < 0)
		return -errno;
	return object_write(in->fd, &format, 1, 0);
}

int incoming_take_in(struct incoming *in)
{
	CLEANUP_FREE uint8_t *block = malloc(BLOCK);
	ssize_t n;

	if (!block)
		return -ENOMEM;
	do
		n = pread(in->fd, block, BLOCK, (off_t)(1 + in->size));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	XXH3_128bits_update(in->state, block, (size_t)n);
	in->size += (uint64_t)n;
	in->written = in->begun = in->size;
	return n > 0;
}

/* Whoever writes stands still in the fsync at the end, and with it the node's heartbeats. So the
 * kernel begins with each few megabytes when they have come, and is waited for a few megabytes later:
 * little is left to do at the end, however large the content and slow the disk. */
static int write_out(struct incoming *in)
{
	if (in->size - in->begun < WRITE_OUT)
		return 0;
	if (sync_file_range(in->fd, (off_t)in->written, (off_t)(in->begun - in->written),
			    SYNC_FILE_RANGE_WAIT_BEFORE) < 0 ||
	    sync_file_range(in->fd, (off_t)in->begun, (off_t)(in->size - in->begun),
			    SYNC_FILE_RANGE_WRITE) < 0)
		return -errno;
	in->written = in->begun;
	in->begun = in->size;
	return 0;
}

static int open_file(struct store *s, struct incoming *in, bool resume)
{
	int flags = O_RDWR | O_CREAT | O_CLOEXEC | (resume ? 0 : O_TRUNC);

	in->state = XXH3_createState();
	if (!in->state)
		return -ENOMEM;
	XXH3_128bits_reset(in->state);
	in->fd = openat(s->incoming_fd, in->name, flags, 0600);
	if (in->fd < 0)
		return -errno;
	return begin(in);
}

static int incoming_start(struct store *s, const struct incoming *how, bool resume,
			  struct incoming **out)
{
	struct incoming *in = malloc(sizeof(*in));

	if (!in)
		return -ENOMEM;
	*in = *how;
	in->store = s;
	in->fd = -1;
	int err = open_file(s, in, resume);
	if (err) {
		incoming_free(in, resume);
		return err;
	}
	in->next = s->incoming;
	s->incoming = in;
	*out = in;
	return 0;
}

int incoming_open(struct store *s, struct hash hash, bool resume, struct incoming **out)
{
	struct incoming how = {.named = true, .hash = hash};

	for (struct incoming *in = s->incoming; in; in = in->next)
		if (in->named && hash_same(in->hash, hash))
			return -EBUSY;
	hash_text(how.name, hash);
	return incoming_start(s, &how, resume, out);
}

int incoming_open_new(struct store *s, struct incoming **out)
{
	struct incoming how = {.named = false};

	snprintf(how.name, sizeof(how.name), "new-%u", s->incoming_serial++);
	return incoming_start(s, &how, false, out);
}

uint64_t incoming_size(const struct incoming *in)
{
	return in->size;
}

int incoming_write(struct incoming *in, const void *p, size_t len)
{
	if (len > VERSION_SIZE_MAX - in->size)
		return ERR_LIMIT;
	int err = write_out(in);
	if (!err)
		err = object_write(in->fd, p, len, 1 + in->size);
	if (err) {
		/* As if nothing of it had been written. */
		int cut = ftruncate(in->fd, (off_t)(1 + in->size));

		return cut < 0 ? -errno : err;
	}
	XXH3_128bits_update(in->state, p, len);
	in->size += len;
	return 0;
}

static struct hash digest(const struct incoming *in)
{
	XXH128_canonical_t canonical;
	struct hash h;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(in->state));
	memcpy(h.b, canonical.digest, sizeof(h.b));
	return h;
}

/* The directory objects/ab, made and its name durable if need be: a descriptor or -errno. */
static int object_directory(struct store *s, const char *name)
{
	char directory[3] = {name[0], name[1], '\0'};

	if (mkdirat(s->objects_fd, directory, 0700) == 0) {
		if (fsync(s->objects_fd) < 0)
			return -errno;
	} else if (errno != EEXIST) {
		return -errno;
	}
	int fd = openat(s->objects_fd, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int place(struct incoming *in, struct hash hash)
{
	struct store *s = in->store;
	char name[OBJECT_NAME];

	if (fsync(in->fd) < 0)
		return -errno;
	object_name(name, hash);
	CLEANUP_CLOSE int directory = object_directory(s, name);
	if (directory < 0)
		return directory;
	struct stat old = {0}; /* an equal one: it may be packed */
	if (fstatat(s->objects_fd, name, &old, AT_SYMLINK_NOFOLLOW) < 0)
		old.st_size = 0;
	crash_point("object");
	if (renameat(s->incoming_fd, in->name, directory, name + 3) < 0)
		return -errno;
	if (s->objects_bytes >= 0)
		s->objects_bytes += (int64_t)(in->size + 1) - old.st_size;
	s->prune.due = true;
	content_affirm(s, hash);
	crash_point("object-named");
	return fsync(directory) < 0 ? -errno : 0;
}

int incoming_finish(struct incoming *in)
{
	int err = ERR_CORRUPT;

	if (hash_same(digest(in), in->hash))
		err = place(in, in->hash);
	incoming_free(in, err != ERR_CORRUPT);
	return err;
}

int incoming_finish_new(struct incoming *in, struct hash *hash, uint64_t *size)
{
	struct hash h = digest(in);
	int err = place(in, h);

	if (!err) {
		*hash = h;
		*size = in->size;
	}
	incoming_free(in, err == 0);
	return err;
}

void incoming_cancel(struct incoming *in, bool keep)
{
	incoming_free(in, keep && in->named);
}

/* ---- cleaning ---- */

/* A directory stream of its own of a descriptor's directory; NULL where there is none. */
static DIR *stream_of(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

void incoming_clean(struct store *s)
{
	CLEANUP_CLOSEDIR DIR *d = stream_of(s->incoming_fd, ".");
	const struct dirent *e;
	struct stat st;

	while (d && (e = readdir(d))) {
		if (fstatat(s->incoming_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		bool resumable = strlen(e->d_name) == HASH_TEXT - 1;
		if (!resumable || st.st_mtime < time(NULL) - KEPT_SEC)
			unlinkat(s->incoming_fd, e->d_name, 0);
	}
}

bool object_hash(const char *name, struct hash *h)
{
	if (strlen(name) != HASH_TEXT - 1 || strspn(name, "0123456789abcdef") != HASH_TEXT - 1)
		return false;
	for (size_t i = 0; i < sizeof(h->b); i++) {
		char digits[3] = {name[2 * i], name[2 * i + 1], '\0'};

		h->b[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return true;
}

void objects_directories(const struct store *s, bool there[256])
{
	const struct dirent *e;
	char *end;

	memset(there, 0, 256 * sizeof(there[0]));
	CLEANUP_CLOSEDIR DIR *d = stream_of(s->objects_fd, ".");
	while (d && (e = readdir(d))) {
		unsigned long directory = strtoul(e->d_name, &end, 16);

		if (*end == '\0' && directory < 256)
			there[directory] = true;
	}
}

DIR *objects_stream(const struct store *s, int directory)
{
	char name[3];

	snprintf(name, sizeof(name), "%02x", directory & 255);
	return stream_of(s->objects_fd, name);
}

void objects_sweep(struct store *s, int directory)
{
	const struct dirent *e;
	struct stat st;
	struct hash hash;

	CLEANUP_CLOSEDIR DIR *d = objects_stream(s, directory);
	while (d && (e = readdir(d))) {
		if (!object_hash(e->d_name, &hash) ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    st.st_mtime > time(NULL) - OBJECT_YOUNG_SEC)
			continue;
		if (content_needed(s, hash))
			continue;
		crash_point("sweep");
		if (unlinkat(dirfd(d), e->d_name, 0) == 0 && s->objects_bytes >= 0)
			s->objects_bytes -= st.st_size;
		crash_point("swept");
	}
}

static int64_t directory_size(const struct store *s, int directory)
{
	const struct dirent *e;
	struct stat st;
	int64_t all = 0;

	CLEANUP_CLOSEDIR DIR *d = objects_stream(s, directory);
	while (d && (e = readdir(d)))
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			all += st.st_size;
	return all;
}

uint64_t objects_size(struct store *s)
{
	if (s->objects_bytes < 0) {
		s->objects_bytes = 0;
		for (int directory = 0; directory < 256 && s->objects_fd >= 0; directory++)
			s->objects_bytes += directory_size(s, directory);
	}
	return (uint64_t)s->objects_bytes;
}
