/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Attributes. SETATTR through a path on an inode that was replaced is answered ESTALE, so that the
 * kernel walks the path again; fchmod, fchown and futimens look the same, and are carried out where
 * the inode is open.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/path.h"
#include "fs/ops.h"
#include "fs/reader.h"
#include "fs/settle.h"

static int get_attr(struct fs *fs, struct node *n, const struct handle *h, struct stat *st)
{
	struct backing_fd fd = {.fd = h ? h->fd : -1, .borrowed = true};

	if (!h)
		fd = backing_fd(fs, n);
	if (fd.fd < 0)
		return fd.fd;
	uint64_t moment;
	int rc;
	do {
		moment = save_moment(fs);
		rc = fstat(fd.fd, st) < 0 ? -errno : 0;
	} while (rc == 0 && !op_show(fs, n, st, moment));
	backing_done(fd);
	return rc;
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = op_fs(req);
	struct node *n = op_node(req, ino);
	struct stat st;

	if (!n)
		return;
	int rc = get_attr(fs, n, fi ? handle_find(fs, fi->fh) : NULL, &st);
	if (rc < 0)
		op_reply(req, rc);
	else
		fuse_reply_attr(req, &st, OP_TIMEOUT_SEC);
}

/* ---- SETATTR ---- */

struct setting {
	fuse_req_t req;
	struct fs *fs;
	struct node *n;
	struct handle *h; /* NULL: through a path, or so it seems */
	struct backing_fd fd;
	const struct stat *attr;
	int to_set;
	struct who who;
};

static int set_owner(struct setting *s)
{
	uid_t uid = s->to_set & FUSE_SET_ATTR_UID ? s->attr->st_uid : (uid_t)-1;
	gid_t gid = s->to_set & FUSE_SET_ATTR_GID ? s->attr->st_gid : (gid_t)-1;

	return fchownat(s->fd.fd, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* A shorter file is a truncated one. */
static int set_size(struct setting *s)
{
	char proc[BACKING_PROC_MAX];
	bool touched = false;
	struct stat st;
	int rc;

	if (fstat(s->fd.fd, &st) < 0)
		return -errno;
	save_touch(s->fs, s->n, s->fd.fd, &s->who, s->h ? &s->h->touched : &touched);
	if (s->h)
		rc = ftruncate(s->h->fd, s->attr->st_size);
	else
		rc = truncate(backing_proc(proc, s->fd.fd), s->attr->st_size);
	rc = rc < 0 ? -errno : 0;
	if (rc == 0 && reader_kills_setid())
		op_drop_setid(s->req, s->fd.fd);
	if (rc == 0 && s->h && s->attr->st_size < st.st_size)
		handle_made(s->fs, s->h);
	nodes_lock(&s->fs->nodes);
	node_changed_locked(&s->fs->nodes, s->n);
	nodes_unlock(&s->fs->nodes);
	return rc;
}

static int64_t time_wanted(const struct timespec *t, int to_set, int set, int set_now)
{
	if (to_set & set_now)
		return UTIME_NOW_NSEC;
	if (!(to_set & set))
		return UTIME_OMIT_NSEC;
	return clock_nsec_of(t);
}

/* An explicit mtime is above what the name has shown before this save, too. */
static int64_t raised(struct setting *s, int64_t wanted)
{
	struct stat st;
	int64_t floor_nsec;

	if (wanted == UTIME_OMIT_NSEC || fstat(s->fd.fd, &st) < 0 || !S_ISREG(st.st_mode))
		return wanted;
	int64_t now = clock_wall_nsec();
	int64_t value = wanted == UTIME_NOW_NSEC ? now : wanted;
	int64_t disk = backing_mtime(&st);
	nodes_lock(&s->fs->nodes);
	struct save *save = s->n->save;
	floor_nsec = save ? save->floor_nsec : disk;
	if (!save && value == disk)
		floor_nsec = 0; /* as it is already */
	if (save)
		save->raised_nsec = 0;
	nodes_unlock(&s->fs->nodes);
	int64_t result = mtime_raise(floor_nsec, value, now);
	return result == value ? wanted : result;
}

static int set_times(struct setting *s)
{
	int64_t atime =
	    time_wanted(&s->attr->st_atim, s->to_set, FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW);
	int64_t mtime =
	    time_wanted(&s->attr->st_mtim, s->to_set, FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW);

	return backing_utimens(s->fd.fd, atime, raised(s, mtime));
}

/* With the inode locked. The owner comes first, since it takes set-id bits away. */
static int set_attr(struct setting *s)
{
	static const int owner = FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID;
	static const int times = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME |
				 FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW;
	int rc = 0;

	s->fd =
	    s->h ? (struct backing_fd){.fd = s->h->fd, .borrowed = true} : backing_fd(s->fs, s->n);
	if (s->fd.fd < 0)
		return s->fd.fd;
	/* chown(-1, -1) comes without any bit */
	if ((s->to_set & owner) || !(s->to_set & (times | FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_SIZE)))
		rc = set_owner(s);
	if (rc == 0 && (s->to_set & FUSE_SET_ATTR_MODE))
		rc = backing_chmod(s->fd.fd, s->attr->st_mode & 07777);
	if (rc == 0 && (s->to_set & FUSE_SET_ATTR_SIZE))
		rc = set_size(s);
	if (rc == 0 && (s->to_set & times))
		rc = set_times(s);
	/* truncate(path) without a writer is a save of its own, complete already */
	if (s->to_set & FUSE_SET_ATTR_SIZE)
		save_settle_mtime(s->fs, s->n, s->fd.fd);
	if (rc == 0 || (s->to_set & FUSE_SET_ATTR_SIZE))
		save_attributes(s->fs, s->n, &s->who);
	backing_done(s->fd);
	return rc;
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		struct fuse_file_info *fi)
{
	struct setting s = {.req = req, .fs = op_fs(req), .attr = attr, .to_set = to_set};
	struct stat st;

	s.n = op_node(req, ino);
	if (!s.n)
		return;
	s.h = fi ? handle_find(s.fs, fi->fh) : NULL;
	op_who(req, &s.who);
	lock_inode(&s.fs->locks, s.n->hash);
	int rc = s.h ? 0 : handle_admit_change(s.fs, s.n, fuse_req_ctx(req)->pid, true);
	if (rc == 0) {
		settle_note(s.fs, s.n);
		rc = set_attr(&s);
	}
	unlock_inode(&s.fs->locks, s.n->hash);
	if (rc == 0)
		rc = get_attr(s.fs, s.n, s.h, &st);
	if (rc < 0)
		op_reply(req, rc);
	else
		fuse_reply_attr(req, &st, OP_TIMEOUT_SEC);
}

/* ---- others ---- */

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = op_fs(req);
	struct node *n = op_node(req, ino);
	char target[PATH_MAX + 1];

	if (!n)
		return;
	struct backing_fd fd = backing_fd(fs, n);
	ssize_t len = fd.fd < 0 ? fd.fd : readlinkat(fd.fd, "", target, sizeof(target) - 1);
	if (fd.fd >= 0 && len < 0)
		len = -errno;
	backing_done(fd);
	if (len < 0) {
		op_reply(req, (int)len);
		return;
	}
	target[len] = '\0';
	fuse_reply_readlink(req, target);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;

	(void)ino;
	if (fstatvfs(op_fs(req)->root, &st) < 0)
		op_reply(req, -errno);
	else
		fuse_reply_statfs(req, &st);
}

/* chattr and lsattr. The kernel asks through an open file, and its own view of the flags does not
 * matter to anybody else. */
void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg, struct fuse_file_info *fi,
	      unsigned flags, const void *in, size_t in_size, size_t out_size)
{
	struct handle *h = op_handle(req, fi);
	struct fsxattr x;
	unsigned number;

	(void)ino;
	(void)arg;
	if (!h)
		return;
	int rc = -ENOTTY;
	if ((flags & FUSE_IOCTL_COMPAT) || (flags & FUSE_IOCTL_UNRESTRICTED))
		rc = -ENOSYS;
	else if (cmd == FS_IOC_GETFLAGS && out_size >= sizeof(number))
		rc = ioctl(h->fd, FS_IOC_GETFLAGS, &number) < 0 ? -errno : 0;
	else if (cmd == FS_IOC_SETFLAGS && in_size >= sizeof(number)) {
		memcpy(&number, in, sizeof(number));
		rc = ioctl(h->fd, FS_IOC_SETFLAGS, &number) < 0 ? -errno : 0;
	} else if (cmd == FS_IOC_FSGETXATTR && out_size >= sizeof(x))
		rc = ioctl(h->fd, FS_IOC_FSGETXATTR, &x) < 0 ? -errno : 0;
	else if (cmd == FS_IOC_FSSETXATTR && in_size >= sizeof(x)) {
		memcpy(&x, in, sizeof(x));
		rc = ioctl(h->fd, FS_IOC_FSSETXATTR, &x) < 0 ? -errno : 0;
	}
	if (rc < 0)
		op_reply(req, rc);
	else if (cmd == FS_IOC_GETFLAGS)
		fuse_reply_ioctl(req, 0, &number, sizeof(number));
	else if (cmd == FS_IOC_FSGETXATTR)
		fuse_reply_ioctl(req, 0, &x, sizeof(x));
	else
		fuse_reply_ioctl(req, 0, NULL, 0);
}
