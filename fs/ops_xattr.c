/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Extended attributes and ACLs are passed through. Two names on the root are our own: the barrier, and
 * the replicator's mark, which nobody sees.
 */
#include <errno.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "fs/settle.h"
#include "fs/treemark.h"
#include "fs/ops.h"
#include "fs/reader.h"

static void barrier(fuse_req_t req, size_t size)
{
	struct fs *fs = op_fs(req);
	char text[32];

	reader_barrier(fs->reader);
	int len =
	    snprintf(text, sizeof(text), "%llu", (unsigned long long)capture_serial(fs->capture));
	if (size == 0)
		fuse_reply_xattr(req, sizeof(text));
	else if (size < (size_t)len)
		op_reply(req, -ERANGE);
	else
		fuse_reply_buf(req, text, (size_t)len);
}

static void reply_bytes(fuse_req_t req, const char *value, ssize_t len, size_t size)
{
	if (len < 0)
		op_reply(req, (int)len);
	else if (size == 0)
		fuse_reply_xattr(req, (size_t)len);
	else
		fuse_reply_buf(req, value, (size_t)len);
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct fs *fs = op_fs(req);
	struct node *n = op_node(req, ino);
	char proc[BACKING_PROC_MAX];
	char *value CLEANUP_FREE = NULL;

	if (!n)
		return;
	if (n->id == 1 && strcmp(name, OP_BARRIER) == 0) {
		barrier(req, size);
		return;
	}
	if (n->id == 1 && strcmp(name, TREEMARK_NAME) == 0) {
		op_reply(req, -ENODATA);
		return;
	}
	if (size > 0 && !(value = malloc(size))) {
		op_reply(req, -ENOMEM);
		return;
	}
	struct backing_fd fd = backing_fd(fs, n);
	ssize_t len = fd.fd;
	if (fd.fd >= 0) {
		len = getxattr(backing_proc(proc, fd.fd), name, value, size);
		len = len < 0 ? -errno : len;
	}
	backing_done(fd);
	reply_bytes(req, value, len, size);
}

/* Leaves the names out of list[len] that begin so; the new length. */
static size_t leave_out(char *list, size_t len, const char *prefix)
{
	size_t kept = 0;

	for (size_t at = 0; at < len;) {
		size_t one = strlen(list + at) + 1;
		if (strncmp(list + at, prefix, strlen(prefix)) != 0) {
			memmove(list + kept, list + at, one);
			kept += one;
		}
		at += one;
	}
	return kept;
}

/* All of them: only then it is known how many there are for this caller. */
static ssize_t list_names(fuse_req_t req, const struct node *n, const char *proc, char *list)
{
	ssize_t len = listxattr(proc, list, XATTR_LIST_MAX);

	if (len < 0)
		return -errno;
	if (fuse_req_ctx(req)->uid != 0)
		len = (ssize_t)leave_out(list, (size_t)len, "trusted."); /* as every file system does */
	else if (n->id == 1)
		len = (ssize_t)leave_out(list, (size_t)len, TREEMARK_NAME);
	return len;
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct fs *fs = op_fs(req);
	struct node *n = op_node(req, ino);
	char proc[BACKING_PROC_MAX];
	char *list CLEANUP_FREE = n ? malloc(XATTR_LIST_MAX) : NULL;

	if (!n)
		return;
	if (!list) {
		op_reply(req, -ENOMEM);
		return;
	}
	struct backing_fd fd = backing_fd(fs, n);
	ssize_t len = fd.fd < 0 ? fd.fd : list_names(req, n, backing_proc(proc, fd.fd), list);
	backing_done(fd);
	if (size > 0 && len > 0 && (size_t)len > size)
		len = -ERANGE;
	reply_bytes(req, list, len, size);
}

/* Who may not set the set-group-id bit loses it with an ACL, too; we, as root, would keep it. */
static void drop_setgid(fuse_req_t req, const char *name, int fd)
{
	struct stat st;

	if (fuse_req_ctx(req)->uid == 0 || strcmp(name, "system.posix_acl_access") != 0)
		return;
	if (fstat(fd, &st) == 0 && (st.st_mode & S_ISGID) && !op_in_group(req, st.st_gid))
		backing_chmod(fd, st.st_mode & 07777 & ~(mode_t)S_ISGID);
}

/* `value` NULL: removes it. */
static int change(fuse_req_t req, struct node *n, const char *name, const char *value, size_t size,
		  int flags)
{
	struct fs *fs = op_fs(req);
	char proc[BACKING_PROC_MAX];
	struct who who;

	if (n->id == 1 && (strcmp(name, OP_BARRIER) == 0 || strcmp(name, TREEMARK_NAME) == 0))
		return -EPERM;
	op_who(req, &who);
	lock_inode(&fs->locks, n->hash);
	int rc = handle_admit_change(fs, n, fuse_req_ctx(req)->pid, false);
	struct backing_fd fd = {.fd = rc};
	if (rc == 0) {
		fd = backing_fd(fs, n);
		rc = fd.fd;
	}
	if (rc >= 0) {
		backing_proc(proc, fd.fd);
		rc = value ? setxattr(proc, name, value, size, flags) : removexattr(proc, name);
		rc = rc < 0 ? -errno : 0;
		if (rc == 0 && value)
			drop_setgid(req, name, fd.fd);
		backing_done(fd);
	}
	if (rc == 0) {
		settle_note(fs, n);
		save_attributes(fs, n, &who);
	}
	unlock_inode(&fs->locks, n->hash);
	return rc;
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
		 int flags)
{
	struct node *n = op_node(req, ino);

	if (n)
		op_reply(req, change(req, n, name, value, size, flags));
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct node *n = op_node(req, ino);

	if (n)
		op_reply(req, change(req, n, name, NULL, 0, 0));
}
