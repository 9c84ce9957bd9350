/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table of operations, and what they share. Left out on purpose: flush, which says nothing
 * about a save and is never sent again once it was answered with ENOSYS; access, since the kernel
 * checks permissions; and locks, which the kernel keeps itself.
 */
#include "fs/ops.h"

#include <errno.h>
#include <string.h>

#include "base/crash.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "fs/who.h"

#define NGROUPS_LISTED 1024

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	static const unsigned wanted =
	    FUSE_CAP_ASYNC_READ | FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_EXPORT_SUPPORT |
	    FUSE_CAP_DONT_MASK | FUSE_CAP_IOCTL_DIR | FUSE_CAP_READDIRPLUS |
	    FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_ASYNC_DIO | FUSE_CAP_PARALLEL_DIROPS |
	    FUSE_CAP_POSIX_ACL | FUSE_CAP_CACHE_SYMLINKS;

	(void)userdata;
	conn->want = conn->capable & wanted;
	conn->max_background = 64;
	conn->time_gran = 1;
}

void ops_fill(struct fuse_lowlevel_ops *ops)
{
	*ops = (struct fuse_lowlevel_ops){
	    .init = op_init,
	    .lookup = op_lookup,
	    .forget = op_forget,
	    .forget_multi = op_forget_multi,
	    .getattr = op_getattr,
	    .setattr = op_setattr,
	    .readlink = op_readlink,
	    .mknod = op_mknod,
	    .mkdir = op_mkdir,
	    .unlink = op_unlink,
	    .rmdir = op_rmdir,
	    .symlink = op_symlink,
	    .rename = op_rename,
	    .link = op_link,
	    .open = op_open,
	    .read = op_read,
	    .write = op_write,
	    .release = op_release,
	    .fsync = op_fsync,
	    .opendir = op_opendir,
	    .readdir = op_readdir,
	    .readdirplus = op_readdirplus,
	    .releasedir = op_release,
	    .fsyncdir = op_fsync,
	    .statfs = op_statfs,
	    .setxattr = op_setxattr,
	    .getxattr = op_getxattr,
	    .listxattr = op_listxattr,
	    .removexattr = op_removexattr,
	    .create = op_create,
	    .ioctl = op_ioctl,
	    .fallocate = op_fallocate,
	    .copy_file_range = op_copy_file_range,
	    .lseek = op_lseek,
	};
}

struct node *op_node(fuse_req_t req, fuse_ino_t ino)
{
	struct node *n = node_find(&op_fs(req)->nodes, ino);

	if (!n)
		fuse_reply_err(req, ESTALE);
	return n;
}

struct handle *op_handle(fuse_req_t req, const struct fuse_file_info *fi)
{
	struct handle *h = fi ? handle_find(op_fs(req), fi->fh) : NULL;

	if (!h)
		fuse_reply_err(req, EBADF);
	return h;
}

void op_reply(fuse_req_t req, int rc)
{
	if (rc >= 0)
		fuse_reply_err(req, 0);
	else
		fuse_reply_err(req, rc > -1000 ? -rc : EIO);
}

void op_who(fuse_req_t req, struct who *who)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	who_find(who, ctx->pid, ctx->uid);
}

bool op_hidden(const struct node *parent, const char *name)
{
	return parent->id == 1 && strcmp(name, PATH_STAGING) == 0;
}

bool op_show(struct fs *fs, struct node *n, struct stat *st, uint64_t moment)
{
	if (n->id == 1 && st->st_nlink > 2)
		st->st_nlink--;
	crash_point("fs-shown");
	return save_show(fs, n, st, moment);
}

bool op_in_group(fuse_req_t req, gid_t gid)
{
	gid_t groups[NGROUPS_LISTED];

	if (fuse_req_ctx(req)->gid == gid)
		return true;
	int n = fuse_req_getgroups(req, NGROUPS_LISTED, groups);
	for (int i = 0; i < n && i < NGROUPS_LISTED; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

void op_drop_setid(fuse_req_t req, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	mode_t clean = st.st_mode & ~(mode_t)S_ISUID;
	if ((st.st_mode & S_IXGRP) || !op_in_group(req, st.st_gid))
		clean &= ~(mode_t)S_ISGID;
	if (clean != st.st_mode)
		backing_chmod(fd, clean & 07777);
}

int op_enter(struct fs *fs, struct node *parent, int dirfd, const char *name,
	     struct fuse_entry_param *e)
{
	uint64_t moment = save_moment(fs);
	struct fhandle h;

	*e = (struct fuse_entry_param){.attr_timeout = OP_TIMEOUT_SEC,
				       .entry_timeout = OP_TIMEOUT_SEC};
	int rc = backing_look(fs, dirfd, name, &h, &e->attr);
	if (rc < 0)
		return rc;
	struct node *n = node_enter(&fs->nodes, &h, e->attr.st_mode, parent, name);
	if (!n)
		return -ENOMEM;
	e->ino = n->id;
	e->generation = 1;
	while (rc == 0 && !op_show(fs, n, &e->attr, moment)) {
		moment = save_moment(fs);
		rc = backing_look(fs, dirfd, name, NULL, &e->attr);
	}
	if (rc < 0)
		node_forget(&fs->nodes, e->ino, 1);
	return rc;
}

void op_reply_entry(fuse_req_t req, const struct fuse_entry_param *e)
{
	struct fs *fs = op_fs(req);

	/* An interrupted caller has not heard of it. */
	if (fuse_reply_entry(req, e) < 0 && e->ino != 0)
		node_forget(&fs->nodes, e->ino, 1);
}

void op_tell(struct fs *fs, struct node *parent, const char *name, const char *from, uint8_t flags,
	     const struct who *who)
{
	char path[PATH_LEN_MAX + 1];

	if (node_path(&fs->nodes, parent, name, path) == 0)
		capture_changed(fs->capture, path, from, flags, who, 0);
}
