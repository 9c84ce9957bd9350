/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Content. Opening for writing counts a writer, under the lock that an install takes to look
 * whether there is one; what changes content says so before and after, so that nobody who looks in
 * between takes it for what it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/ops.h"
#include "fs/reader.h"

/* ---- open and close ---- */

static int truncate_opened(fuse_req_t req, struct node *n, int fd, const struct who *who)
{
	struct fs *fs = op_fs(req);
	bool touched = false;

	save_touch(fs, n, fd, who, &touched);
	if (ftruncate(fd, 0) < 0)
		return -errno;
	if (reader_kills_setid())
		op_drop_setid(req, fd);
	save_touch(fs, n, fd, who, &touched);
	return 0;
}

/* With the inode locked if it is opened for writing. */
static int open_admitted(fuse_req_t req, struct node *n, int flags, const struct who *who)
{
	struct fs *fs = op_fs(req);
	bool truncated = flags & O_TRUNC;
	int beneath =
	    flags & ~(O_APPEND | O_CREAT | O_EXCL | O_DIRECT | O_NOCTTY | O_NONBLOCK | O_TRUNC);

	if (truncated && (flags & O_ACCMODE) == O_RDONLY)
		beneath = (beneath & ~O_ACCMODE) | O_RDWR;
	int fd = backing_open(fs, n, beneath);
	/* The kernel counts where appending goes; but such a file takes nothing else. */
	if (fd == -EPERM && (flags & O_APPEND))
		fd = backing_open(fs, n, beneath | O_APPEND);
	if (fd < 0 || !truncated)
		return fd;
	int rc = truncate_opened(req, n, fd, who);
	if (rc < 0) {
		close(fd);
		return rc;
	}
	return fd;
}

static int open_node(fuse_req_t req, struct node *n, int flags, const struct who *who,
		     struct handle **h)
{
	struct fs *fs = op_fs(req);
	struct handle tried = {.fd = -1};

	tried.maker = flags & O_TRUNC;
	tried.writer = tried.maker || (flags & O_ACCMODE) != O_RDONLY;
	if (tried.writer)
		lock_inode(&fs->locks, n->hash);
	int rc = handle_admit(fs, n, fuse_req_ctx(req)->pid, tried.writer, tried.maker);
	if (rc == 0) {
		int fd = open_admitted(req, n, flags, who);
		rc = fd < 0 ? fd : 0;
		*h = fd < 0 ? NULL : handle_new(fs, n, fd);
		if (rc == 0 && !*h)
			rc = -ENOMEM;
		if (handle_lost(fs, n, fuse_req_ctx(req)->pid, rc) < 0)
			handle_dismiss(fs, n, &tried);
	}
	if (rc == 0) {
		(*h)->writer = tried.writer;
		(*h)->maker = (*h)->touched = tried.maker;
		(*h)->who = *who;
	}
	if (tried.writer)
		unlock_inode(&fs->locks, n->hash);
	return rc;
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = op_fs(req);
	struct node *n = op_node(req, ino);
	struct handle *h = NULL;
	struct who who = {0};

	if (!n)
		return;
	if ((fi->flags & O_ACCMODE) != O_RDONLY || (fi->flags & O_TRUNC))
		op_who(req, &who);
	int rc = open_node(req, n, fi->flags, &who, &h);
	if (rc < 0) {
		op_reply(req, rc);
		return;
	}
	fi->fh = h->id;
	fi->keep_cache = 1;
	/* An interrupted caller will never close it. */
	if (fuse_reply_open(req, fi) < 0)
		handle_close(fs, h);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *h = op_handle(req, fi);

	(void)ino;
	if (!h)
		return;
	handle_close(op_fs(req), h);
	op_reply(req, 0);
}

/* ---- reading and writing ---- */

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct handle *h = op_handle(req, fi);
	char *buffer = reader_buffer(size);

	(void)ino;
	if (!h)
		return;
	ssize_t n = buffer ? pread(h->fd, buffer, size, off) : -1;
	if (n < 0)
		op_reply(req, buffer ? -errno : -ENOMEM);
	else
		fuse_reply_buf(req, buffer, (size_t)n);
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
	      struct fuse_file_info *fi)
{
	struct fs *fs = op_fs(req);
	struct handle *h = op_handle(req, fi);

	(void)ino;
	if (!h)
		return;
	save_touch(fs, h->node, h->fd, &h->who, &h->touched);
	ssize_t n = pwrite(h->fd, data, size, off);
	int rc = n < 0 ? -errno : 0;
	if (rc == 0 && reader_kills_setid())
		op_drop_setid(req, h->fd);
	save_touch(fs, h->node, h->fd, &h->who, &h->touched);
	if (rc < 0)
		op_reply(req, rc);
	else
		fuse_reply_write(req, (size_t)n);
}

/* fdatasync would leave out the times: after a power cut, new bytes under the old ones are taken for
 * damage. */
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct handle *h = op_handle(req, fi);

	(void)ino;
	(void)datasync;
	if (h)
		op_reply(req, fsync(h->fd) < 0 ? -errno : 0);
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
		  struct fuse_file_info *fi)
{
	struct fs *fs = op_fs(req);
	struct handle *h = op_handle(req, fi);

	(void)ino;
	if (!h)
		return;
	lock_inode(&fs->locks, h->node->hash);
	save_touch(fs, h->node, h->fd, &h->who, &h->touched);
	int rc = fallocate(h->fd, mode, off, len) < 0 ? -errno : 0;
	save_touch(fs, h->node, h->fd, &h->who, &h->touched);
	unlock_inode(&fs->locks, h->node->hash);
	op_reply(req, rc);
}

void op_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in,
			struct fuse_file_info *fi_in, fuse_ino_t ino_out, off_t off_out,
			struct fuse_file_info *fi_out, size_t len, int flags)
{
	struct fs *fs = op_fs(req);
	struct handle *in = op_handle(req, fi_in);
	struct handle *out = in ? op_handle(req, fi_out) : NULL;

	(void)ino_in;
	(void)ino_out;
	if (!out)
		return;
	save_touch(fs, out->node, out->fd, &out->who, &out->touched);
	ssize_t n = copy_file_range(in->fd, &off_in, out->fd, &off_out, len, (unsigned)flags);
	int rc = n < 0 ? -errno : 0;
	save_touch(fs, out->node, out->fd, &out->who, &out->touched);
	if (rc < 0)
		op_reply(req, rc);
	else
		fuse_reply_write(req, (size_t)n);
}

void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	struct handle *h = op_handle(req, fi);

	(void)ino;
	if (!h)
		return;
	off_t at = lseek(h->fd, off, whence);
	if (at < 0)
		op_reply(req, -errno);
	else
		fuse_reply_lseek(req, at);
}
