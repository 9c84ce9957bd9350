/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The directory beneath the mount: how an inode of it is named and reached. No descriptor is kept
 * per inode: it is opened by its file handle, or, where the file system has none or an ordinary
 * user may not use them, by a walk over its names (and then compared).
 */
#ifndef FS_BACKING_H
#define FS_BACKING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/item.h"
#include "fs/node.h"

struct fs;

/* Opens fs->root and fs->root_ro from the keeper's O_PATH descriptor (which stays the caller's),
 * finds out about file handles and the ctime's tick. *h: the root's handle. 0 or -errno. */
int backing_init(struct fs *fs, int root, struct fhandle *h);
void backing_fini(struct fs *fs);

/* Handle and attributes of what `name` in `dirfd` is, "" for `dirfd` itself; no symbolic link is
 * followed. Each may be NULL. 0, -EXDEV (something is mounted there beneath), or -errno. */
int backing_look(const struct fs *fs, int dirfd, const char *name, struct fhandle *h,
		 struct stat *st);

/* An O_PATH descriptor, or a negative error in `fd`. To be given back with backing_done. */
struct backing_fd {
	int fd;
	bool borrowed;
};
struct backing_fd backing_fd(struct fs *fs, struct node *n);
void backing_done(struct backing_fd fd);

/* Opens it with O_* flags: a descriptor, the caller's, or -errno. */
int backing_open(struct fs *fs, struct node *n, int flags);
/* Likewise from an O_PATH descriptor. */
int backing_reopen(int path_fd, int flags);
/* Opens a path beneath the root, O_PATH, no symbolic link followed, the last included. */
int backing_resolve(int root, const char *path, uint64_t flags);

/* What is at `name` in `dirfd` loses its last name, or its only one: its attributes can still be
 * asked for while the kernel knows it. To be called before. */
void backing_pin(struct fs *fs, int dirfd, const char *name, const struct stat *st);

/* On descriptors of any kind, O_PATH included. 0 or -errno. */
int backing_chmod(int fd, mode_t mode);
#define UTIME_OMIT_NSEC INT64_MIN
#define UTIME_NOW_NSEC (INT64_MIN + 1)
int backing_utimens(int fd, int64_t atime_nsec, int64_t mtime_nsec);
#define BACKING_PROC_MAX 32
/* /proc/self/fd/N, for calls that know paths only. Returns dst. */
char *backing_proc(char *dst, int fd);

int64_t backing_mtime(const struct stat *st);
void backing_set_mtime(struct stat *st, int64_t mtime_nsec);

#endif
