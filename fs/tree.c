/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * LOOK and LIST.
 */
#include "fs/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "fs/backing.h"
#include "fs/fs.h"

int place_open(struct fs *fs, const char *path, struct place *p)
{
	char parent[PATH_LEN_MAX + 1];
	size_t len = path_parent_len(path);

	memcpy(parent, path, len);
	parent[len] = '\0';
	p->name = path_name(path);
	p->dir = backing_resolve(fs->root, parent, O_PATH | O_DIRECTORY);
	if (p->dir < 0)
		return p->dir;
	int rc = backing_look(fs, p->dir, "", &p->handle, NULL);
	if (rc < 0) {
		place_close(p);
		return rc;
	}
	p->hash = node_hash(&p->handle);
	return 0;
}

void place_close(struct place *p)
{
	if (p->dir >= 0)
		close(p->dir);
	p->dir = -1;
}

static void fill_look(struct found *f)
{
	struct look *l = &f->look;

	l->kind = kind_of_mode(f->st.st_mode);
	l->mode = f->st.st_mode & 07777;
	l->uid = f->st.st_uid;
	l->gid = f->st.st_gid;
	l->nlink = (uint32_t)f->st.st_nlink;
	l->size = l->kind == KIND_FILE || l->kind == KIND_LINK ? (uint64_t)f->st.st_size : 0;
	l->mtime_nsec = backing_mtime(&f->st);
}

static int read_target(const struct place *p, struct found *f)
{
	ssize_t n = readlinkat(p->dir, p->name, f->target, sizeof(f->target));

	if (n < 0)
		return -errno;
	if ((size_t)n >= sizeof(f->target))
		return -ENAMETOOLONG;
	f->target[n] = '\0';
	return 0;
}

int place_look(struct fs *fs, const struct place *p, struct found *f)
{
	uint64_t count = 0;

	f->look = (struct look){.target = f->target};
	f->handle = (struct fhandle){0};
	f->node = NULL;
	f->target[0] = '\0';
	int rc = backing_look(fs, p->dir, p->name, &f->handle, &f->st);
	if (rc == -ENOENT) {
		f->handle = (struct fhandle){0};
		return 0;
	}
	if (rc < 0)
		return rc;
	fill_look(f);
	if (f->look.kind == KIND_LINK && (rc = read_target(p, f)) < 0)
		return rc;
	f->node = node_peek(&fs->nodes, &f->handle);
	if (f->node) {
		nodes_lock(&fs->nodes);
		count = f->node->count;
		f->look.writer = f->node->writers > 0;
		f->look.busy = save_busy_locked(fs, f->node, clock_monotonic_msec());
		nodes_unlock(&fs->nodes);
	}
	ident_make(&f->look.ident, &f->handle, &f->st, fs->life, count);
	return 0;
}

void found_fini(struct fs *fs, struct found *f)
{
	node_put(&fs->nodes, f->node);
	f->node = NULL;
}

/* Through the read-only mount. */
static int open_content(struct fs *fs, const char *path, const struct found *f)
{
	struct stat st;

	int fd = backing_resolve(fs->root_ro, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == f->st.st_ino)
		return fd;
	close(fd);
	return -ESTALE;
}

/* All of it, and nothing but: true. */
static bool read_whole(int fd, uint8_t *dst, size_t size)
{
	size_t len = 0;
	ssize_t n;

	do {
		uint8_t more;
		n = len < size ? pread(fd, dst + len, size - len, (off_t)len)
			       : pread(fd, &more, 1, (off_t)len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len <= size) || (n < 0 && errno == EINTR));
	return n == 0 && len == size;
}

/* Whoever writes counts before and after: content that was read between two looks with one identity
 * is what the file had then. */
static bool read_content(struct fs *fs, const struct place *p, const struct found *f, int fd,
			 uint8_t *dst, size_t max)
{
	struct found again;

	if (f->look.busy || f->look.size > max || !read_whole(fd, dst, (size_t)f->look.size) ||
	    place_look(fs, p, &again) < 0)
		return false;
	bool same = again.look.kind == KIND_FILE && !again.look.busy &&
		    ident_same(&again.look.ident, &f->look.ident);
	found_fini(fs, &again);
	return same;
}

int tree_look_content(struct fs *fs, const char *path, struct found *f, int *fd, uint8_t *content,
		      size_t max, bool *whole)
{
	struct place p;

	*fd = -1;
	*whole = false;
	*f = (struct found){.look = {.target = f->target}};
	lock_tree(&fs->locks, false);
	int rc = place_open(fs, path, &p);
	if (rc == 0) {
		lock_dir(&fs->locks, p.hash, false);
		rc = place_look(fs, &p, f);
		if (rc == 0 && f->look.kind == KIND_FILE) {
			*fd = open_content(fs, path, f);
			rc = *fd < 0 ? *fd : 0;
		}
		if (rc == 0 && *fd >= 0 && content)
			*whole = read_content(fs, &p, f, *fd, content, max);
		unlock_dir(&fs->locks, p.hash);
		place_close(&p);
	} else if (rc == -ENOENT || rc == -ENOTDIR || rc == -ELOOP) {
		rc = 0; /* where there is no directory, there is nothing */
	}
	unlock_tree(&fs->locks);
	found_fini(fs, f);
	if (*whole) {
		close(*fd);
		*fd = -1;
	}
	return rc;
}

int tree_look(struct fs *fs, const char *path, struct found *f, int *fd)
{
	bool whole;

	return tree_look_content(fs, path, f, fd, NULL, 0, &whole);
}

struct node *tree_node(struct fs *fs, const char *path)
{
	struct fhandle h;
	struct node *n = NULL;

	int fd = backing_resolve(fs->root, path, O_PATH);
	if (fd < 0)
		return NULL;
	if (backing_look(fs, fd, "", &h, NULL) == 0)
		n = node_peek(&fs->nodes, &h);
	close(fd);
	return n;
}

/* ---- LIST ---- */

struct raw_entry {
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

static enum kind kind_of_entry(int dir, const struct raw_entry *e)
{
	struct stat st;

	if (e->type != DT_UNKNOWN)
		return kind_of_mode((mode_t)e->type << 12);
	if (fstatat(dir, e->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return KIND_ABSENT;
	return kind_of_mode(st.st_mode);
}

static bool listed(const char *path, const char *name)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	return path[0] || strcmp(name, PATH_STAGING) != 0;
}

struct listing {
	const char *path;
	int dir;
	struct buf *answer;
	size_t max;
	uint64_t cursor;
	uint16_t n;
	bool full;
};

static void put_entries(struct listing *l, const char *data, size_t len)
{
	for (size_t at = 0; at < len && !l->full;) {
		const struct raw_entry *e = (const void *)(data + at);
		at += e->len;
		if (listed(l->path, e->name)) {
			enum kind kind = kind_of_entry(l->dir, e);
			if (l->answer->len + 3 + strlen(e->name) > l->max || l->n == UINT16_MAX) {
				l->full = true;
				return;
			}
			if (kind != KIND_ABSENT) {
				buf_u8(l->answer, (uint8_t)kind);
				buf_str(l->answer, e->name);
				l->n++;
			}
		}
		l->cursor = (uint64_t)e->off;
	}
}

static int list_dir(struct listing *l)
{
	char *data CLEANUP_FREE = malloc(32768);
	long n = 0;

	if (!data)
		return -ENOMEM;
	if (lseek(l->dir, (off_t)l->cursor, SEEK_SET) < 0)
		return -errno;
	while (!l->full && (n = syscall(SYS_getdents64, l->dir, data, 32768)) > 0)
		put_entries(l, data, (size_t)n);
	return n < 0 ? -errno : 0;
}

int tree_list(struct fs *fs, const char *path, uint64_t cursor, struct buf *answer, size_t max)
{
	struct listing l = {.path = path, .answer = answer, .max = max, .cursor = cursor};

	l.dir = backing_resolve(fs->root, path, O_RDONLY | O_DIRECTORY);
	if (l.dir < 0)
		return l.dir;
	size_t at = answer->len;
	buf_u64(answer, 0);
	buf_u16(answer, 0);
	int rc = list_dir(&l);
	close(l.dir);
	if (rc < 0 || answer->err)
		return rc < 0 ? rc : answer->err;
	uint64_t next = l.full ? l.cursor : 0;
	for (int i = 0; i < 8; i++)
		answer->data[at + (size_t)i] = (uint8_t)(next >> (8 * i));
	answer->data[at + 8] = (uint8_t)l.n;
	answer->data[at + 9] = (uint8_t)(l.n >> 8);
	return 0;
}
