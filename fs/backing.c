/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The root is opened through a private clone of its mount where that is allowed: what else is
 * mounted inside the directory is then out of the way. A second, read-only clone serves the
 * descriptors that go to the replicator: they cannot be reopened for writing.
 */
#include "fs/backing.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "fs/fs.h"

#define SEC_NSEC INT64_C(1000000000)
#define RESOLVE_TRIES 16
#define WALKS_MAX 10000 /* a second at least, while renames are under way */
/* A handle of our own making, where the file system has none: inode number and time of birth. */
#define HANDLE_OWN (-0x7a6f6e65)

struct raw_handle {
	struct file_handle head;
	uint8_t bytes[FHANDLE_MAX];
};

/* ---- handles ---- */

static int own_handle(int dirfd, const char *name, struct fhandle *h)
{
	struct statx stx;

	if (statx(dirfd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &stx) <
	    0)
		return -errno;
	*h = (struct fhandle){.type = HANDLE_OWN, .len = 20};
	memcpy(h->bytes, &stx.stx_ino, 8);
	memcpy(h->bytes + 8, &stx.stx_btime.tv_sec, 8);
	memcpy(h->bytes + 16, &stx.stx_btime.tv_nsec, 4);
	return 0;
}

static int kernel_handle(int dirfd, const char *name, struct fhandle *h, int *mount_id)
{
	struct raw_handle raw;

	raw.head.handle_bytes = FHANDLE_MAX;
	if (name_to_handle_at(dirfd, name, &raw.head, mount_id, name[0] ? 0 : AT_EMPTY_PATH) < 0)
		return -errno;
	*h = (struct fhandle){.type = raw.head.handle_type, .len = (uint8_t)raw.head.handle_bytes};
	memcpy(h->bytes, raw.head.f_handle, h->len);
	return 0;
}

int backing_look(const struct fs *fs, int dirfd, const char *name, struct fhandle *h,
		 struct stat *st)
{
	int mount_id = fs->mount_id;
	int rc = 0;

	if (h)
		rc = fs->handles ? kernel_handle(dirfd, name, h, &mount_id)
				 : own_handle(dirfd, name, h);
	if (rc == 0 && mount_id != fs->mount_id)
		return -EXDEV;
	if (rc == 0 && st && fstatat(dirfd, name, st, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
		rc = -errno;
	return rc;
}

static int open_handle(int root, const struct fhandle *h, int flags)
{
	struct raw_handle raw;

	raw.head.handle_type = h->type;
	raw.head.handle_bytes = h->len;
	memcpy(raw.head.f_handle, h->bytes, h->len);
	int fd = open_by_handle_at(root, &raw.head, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* ---- reaching an inode ---- */

int backing_resolve(int root, const char *path, uint64_t flags)
{
	struct open_how how = {
	    .flags = O_CLOEXEC | O_NOFOLLOW | flags,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	long fd;

	for (int i = 0; i < RESOLVE_TRIES; i++) {
		fd = syscall(SYS_openat2, root, path[0] ? path : ".", &how, sizeof(how));
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break; /* EAGAIN: a rename elsewhere came between */
	}
	return fd < 0 ? -errno : (int)fd;
}

static int walk_once(struct fs *fs, struct node *n)
{
	char path[PATH_LEN_MAX + 1];
	struct fhandle wanted;
	struct fhandle found;

	node_handle(n, &wanted);
	int rc = node_path(&fs->nodes, n, NULL, path);
	if (rc < 0)
		return rc;
	int fd = backing_resolve(fs->root, path, O_PATH);
	if (fd < 0)
		return fd;
	rc = backing_look(fs, fd, "", &found, NULL);
	if (rc == 0 && fhandle_same(&wanted, &found))
		return fd;
	close(fd);
	return -ESTALE;
}

/* Over its names. What is found has to be compared: what is done beneath is not known, and a rename between
 * its two steps, on the disk and in memory, leads astray. Only that is a reason to walk again. */
static int walk(struct fs *fs, struct node *n)
{
	const struct timespec pause = {.tv_nsec = 100000};
	int rc = -ESTALE;

	for (int i = 0; i < WALKS_MAX; i++) {
		uint32_t moved = __atomic_load_n(&fs->moved, __ATOMIC_SEQ_CST);
		rc = walk_once(fs, n);
		if (rc >= 0 || __atomic_load_n(&fs->moving, __ATOMIC_SEQ_CST) == moved)
			break;
		nanosleep(&pause, NULL);
	}
	return rc == -ENOENT ? -ESTALE : rc;
}

static int pinned(const struct node *n)
{
	return __atomic_load_n(&n->pin, __ATOMIC_ACQUIRE);
}

struct backing_fd backing_fd(struct fs *fs, struct node *n)
{
	struct fhandle h;

	if (n->id == 1)
		return (struct backing_fd){.fd = fs->root, .borrowed = true};
	int pin = pinned(n);
	if (pin >= 0)
		return (struct backing_fd){.fd = pin, .borrowed = true};
	if (!fs->by_handle)
		return (struct backing_fd){.fd = walk(fs, n)};
	node_handle(n, &h);
	return (struct backing_fd){.fd = open_handle(fs->root, &h, O_PATH | O_NOFOLLOW)};
}

void backing_done(struct backing_fd fd)
{
	if (fd.fd >= 0 && !fd.borrowed)
		close(fd.fd);
}

char *backing_proc(char *dst, int fd)
{
	snprintf(dst, BACKING_PROC_MAX, "/proc/self/fd/%d", fd);
	return dst;
}

int backing_reopen(int path_fd, int flags)
{
	char proc[BACKING_PROC_MAX];
	int fd;

	if (flags & O_DIRECTORY)
		fd = openat(path_fd, ".", flags | O_CLOEXEC);
	else
		fd = open(backing_proc(proc, path_fd), (flags & ~O_NOFOLLOW) | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int backing_open(struct fs *fs, struct node *n, int flags)
{
	struct fhandle h;

	if (fs->by_handle && n->id != 1 && pinned(n) < 0) {
		node_handle(n, &h);
		return open_handle(fs->root, &h, flags | O_NOFOLLOW);
	}
	struct backing_fd path = backing_fd(fs, n);
	if (path.fd < 0)
		return path.fd;
	int fd = backing_reopen(path.fd, flags);
	backing_done(path);
	return fd;
}

void backing_pin(struct fs *fs, int dirfd, const char *name, const struct stat *st)
{
	struct fhandle h;

	if (!S_ISDIR(st->st_mode) && st->st_nlink > 1)
		return;
	if (backing_look(fs, dirfd, name, &h, NULL) < 0)
		return;
	struct node *n = node_peek(&fs->nodes, &h);
	if (!n)
		return;
	/* Without a descriptor to spare, only fstat of a file that has no name left fails. */
	int fd = pinned(n) >= 0 ? -1 : openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	nodes_lock(&fs->nodes);
	if (fd >= 0 && n->pin < 0 && (n->nlookup > 0 || n->opens > 0)) {
		__atomic_store_n(&n->pin, fd, __ATOMIC_RELEASE);
		fd = -1;
	}
	nodes_unlock(&fs->nodes);
	if (fd >= 0)
		close(fd);
	node_put(&fs->nodes, n);
}

/* ---- attributes ---- */

int backing_chmod(int fd, mode_t mode)
{
	char proc[BACKING_PROC_MAX];

	return chmod(backing_proc(proc, fd), mode) < 0 ? -errno : 0;
}

static struct timespec time_of(int64_t nsec)
{
	if (nsec == UTIME_OMIT_NSEC)
		return (struct timespec){.tv_nsec = UTIME_OMIT};
	if (nsec == UTIME_NOW_NSEC)
		return (struct timespec){.tv_nsec = UTIME_NOW};
	struct timespec t = {.tv_sec = nsec / SEC_NSEC, .tv_nsec = nsec % SEC_NSEC};
	if (t.tv_nsec < 0) {
		t.tv_nsec += SEC_NSEC;
		t.tv_sec--;
	}
	return t;
}

int backing_utimens(int fd, int64_t atime_nsec, int64_t mtime_nsec)
{
	struct timespec times[2] = {time_of(atime_nsec), time_of(mtime_nsec)};

	return utimensat(fd, "", times, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

int64_t backing_mtime(const struct stat *st)
{
	return clock_nsec_of(&st->st_mtim);
}

void backing_set_mtime(struct stat *st, int64_t mtime_nsec)
{
	st->st_mtim = time_of(mtime_nsec);
}

/* ---- set-up ---- */

static int open_clone(int root, bool read_only)
{
	char empty[] = "";
	int tree = open_tree(root, empty, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	if (tree < 0)
		return -errno;
	if (read_only) {
		struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
						      MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
		if (mount_setattr(tree, empty, AT_EMPTY_PATH, &attr, sizeof(attr)) < 0) {
			int rc = -errno;
			close(tree);
			return rc;
		}
	}
	int fd = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -errno : fd;
	close(tree);
	return rc;
}

static int open_root(int root, bool read_only)
{
	int fd = open_clone(root, read_only);

	if (fd >= 0)
		return fd;
	fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void probe_handles(struct fs *fs, struct fhandle *h)
{
	fs->handles = kernel_handle(fs->root, "", h, &fs->mount_id) == 0 && h->len > 0;
	if (!fs->handles)
		return;
	int fd = open_handle(fs->root, h, O_PATH);
	fs->by_handle = fd >= 0;
	if (fd >= 0)
		close(fd);
	else
		log_notice("inodes cannot be opened by handle (%s): paths are walked instead",
			   err_text(fd));
}

/* The kernel stamps files with its coarse clock. */
static uint32_t clock_tick_msec(void)
{
	struct timespec res;

	if (clock_getres(CLOCK_REALTIME_COARSE, &res) < 0)
		return 10;
	return (uint32_t)(res.tv_sec * 1000 + res.tv_nsec / 1000000 + 1);
}

int backing_init(struct fs *fs, int root, struct fhandle *h)
{
	fs->root_ro = -1;
	fs->root = open_root(root, false);
	if (fs->root < 0)
		return fs->root;
	fs->root_ro = open_root(root, true);
	if (fs->root_ro < 0)
		return fs->root_ro;
	probe_handles(fs, h);
	fs->tick_msec = clock_tick_msec();
	return fs->handles ? 0 : own_handle(fs->root, "", h);
}

void backing_fini(struct fs *fs)
{
	if (fs->root >= 0)
		close(fs->root);
	if (fs->root_ro >= 0)
		close(fs->root_ro);
}
