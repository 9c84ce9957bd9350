/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The FUSE operations, by kind, and what they share. Each takes its locks, does its work on the
 * directory beneath, puts memory in order, gives its hint, lets the locks go and only then replies.
 */
#ifndef FS_OPS_H
#define FS_OPS_H

#include <fuse_lowlevel.h>
#include <stdbool.h>

#include "fs/backing.h"
#include "fs/fs.h"
#include "fs/handle.h"

/* Everything that changes the tree behind the kernel invalidates: what is cached stays valid. */
#define OP_TIMEOUT_SEC 86400.0
/* getxattr of this name on the root is answered when all requests received before it are done: with
 * the decimal serial of the latest hint. */
#define OP_BARRIER "user.zonefs.barrier"

void ops_fill(struct fuse_lowlevel_ops *ops);

static inline struct fs *op_fs(fuse_req_t req)
{
	return fuse_req_userdata(req);
}
/* The node of a request, or NULL after a reply. */
struct node *op_node(fuse_req_t req, fuse_ino_t ino);
/* Likewise the handle. */
struct handle *op_handle(fuse_req_t req, const struct fuse_file_info *fi);
/* 0 or a negative error of any kind, as FUSE wants it. */
void op_reply(fuse_req_t req, int rc);
void op_who(fuse_req_t req, struct who *who);
/* The staging directory's name. */
bool op_hidden(const struct node *parent, const char *name);
/* What stat shows of a node: its mtime floor, the root without the staging directory. False: to be
 * read again (save_show). */
bool op_show(struct fs *fs, struct node *n, struct stat *st, uint64_t moment);
/* Content was changed by somebody whom that costs the set-id bits; we, as root, would keep them. */
void op_drop_setid(fuse_req_t req, int fd);
bool op_in_group(fuse_req_t req, gid_t gid); /* the caller is */
/* What is at `name`, entered into the table: one lookup more, which op_reply_entry gives to the
 * kernel. 0 or -errno. */
int op_enter(struct fs *fs, struct node *parent, int dirfd, const char *name,
	     struct fuse_entry_param *e);
void op_reply_entry(fuse_req_t req, const struct fuse_entry_param *e);
/* A name may have changed; `from` NULL: not a rename. */
void op_tell(struct fs *fs, struct node *parent, const char *name, const char *from, uint8_t flags,
	     const struct who *who);

/* ops_names.c: names come and go one at a time */
void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name);
void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup);
void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
/* ops_create.c */
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi);
/* ops_rename.c */
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned flags);
/* ops_attr.c */
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		struct fuse_file_info *fi);
void op_readlink(fuse_req_t req, fuse_ino_t ino);
void op_statfs(fuse_req_t req, fuse_ino_t ino);
void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg, struct fuse_file_info *fi,
	      unsigned flags, const void *in, size_t in_size, size_t out_size);
/* ops_xattr.c */
void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
		 int flags);
void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);
/* ops_data.c */
void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
	      struct fuse_file_info *fi);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
		  struct fuse_file_info *fi);
void op_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in,
			struct fuse_file_info *fi_in, fuse_ino_t ino_out, off_t off_out,
			struct fuse_file_info *fi_out, size_t len, int flags);
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi);
/* ops_dir.c */
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi);

#endif
