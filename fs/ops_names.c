/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Operations on one name: LOOKUP, and what makes a name or takes it away. The directory's lock is
 * held shared for the first, exclusively for the others, until memory says the same as the disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/path.h"
#include "fs/cred.h"
#include "fs/making.h"
#include "fs/ops.h"
#include "fs/settle.h"

/* ---- lookups ---- */

/* "." and ".." come from NFS's server and from handles only. */
static int lookup_dots(struct fs *fs, struct node *n, const char *name, struct fuse_entry_param *e)
{
	if (strcmp(name, "..") == 0) {
		nodes_lock(&fs->nodes);
		if (n->id != 1)
			n = n->links ? n->links->parent : NULL;
		if (n)
			n->nlookup++;
		nodes_unlock(&fs->nodes);
	} else {
		node_looked_up(&fs->nodes, n);
	}
	if (!n)
		return -ESTALE;
	struct backing_fd fd = backing_fd(fs, n);
	*e = (struct fuse_entry_param){.attr_timeout = OP_TIMEOUT_SEC,
				       .entry_timeout = OP_TIMEOUT_SEC,
				       .generation = 1,
				       .ino = n->id};
	uint64_t moment;
	int rc;
	do {
		moment = save_moment(fs);
		rc = fd.fd < 0 ? fd.fd : backing_look(fs, fd.fd, "", NULL, &e->attr);
	} while (rc == 0 && !op_show(fs, n, &e->attr, moment));
	backing_done(fd);
	if (rc < 0)
		node_forget(&fs->nodes, e->ino, 1);
	return rc;
}

static int lookup_name(struct fs *fs, struct node *parent, const char *name, pid_t tid,
		       struct fuse_entry_param *e)
{
	if (op_hidden(parent, name))
		return -ENOENT;
	busy_walks(fs->busy, tid, clock_monotonic_msec());
	lock_dir(&fs->locks, parent->hash, false);
	struct backing_fd dir = backing_fd(fs, parent);
	int rc = dir.fd < 0 ? dir.fd : op_enter(fs, parent, dir.fd, name, e);
	if (rc == 0)
		node_walked(&fs->nodes, node_find(&fs->nodes, e->ino), tid);
	backing_done(dir);
	unlock_dir(&fs->locks, parent->hash);
	return rc;
}

void op_lookup(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct fs *fs = op_fs(req);
	struct node *parent = op_node(req, ino);
	struct fuse_entry_param e;
	int rc;

	if (!parent)
		return;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		rc = lookup_dots(fs, parent, name, &e);
	else
		rc = lookup_name(fs, parent, name, fuse_req_ctx(req)->pid, &e);
	if (rc == -ENOENT) { /* remembered as absent */
		e = (struct fuse_entry_param){.entry_timeout = OP_TIMEOUT_SEC};
		rc = 0;
	}
	if (rc < 0)
		op_reply(req, rc);
	else
		op_reply_entry(req, &e);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	node_forget(&op_fs(req)->nodes, ino, nlookup);
	fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		node_forget(&op_fs(req)->nodes, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

/* ---- making names ---- */

/* The start of what mkdir, mknod and symlink do: from here to `made`, this thread creates as the
 * caller. False: that is not to be, and it has been replied to. */
static bool make(struct making *m, fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct node *parent = op_node(req, ino);

	if (!parent)
		return false;
	int rc = making_begin(m, req, parent, name);
	if (rc < 0)
		op_reply(req, rc);
	else
		making_become(req);
	return rc == 0;
}

/* The rest: it went well, or -errno. */
static void made(struct making *m, fuse_req_t req, int rc)
{
	struct fuse_entry_param e;

	cred_restore();
	if (rc == 0)
		rc = op_enter(m->fs, m->parent, m->dir.fd, m->name, &e);
	if (rc == 0) {
		making_raise_mtime(m, &e);
		settle_note(m->fs, m->parent);
		op_tell(m->fs, m->parent, m->name, NULL, HINT_CREATED | HINT_NAMES, &m->who);
	}
	making_end(m);
	if (rc < 0)
		op_reply(req, rc);
	else
		op_reply_entry(req, &e);
}

void op_mknod(fuse_req_t req, fuse_ino_t ino, const char *name, mode_t mode, dev_t rdev)
{
	struct making m;

	if (make(&m, req, ino, name))
		made(&m, req, mknodat(m.dir.fd, name, mode, rdev) < 0 ? -errno : 0);
}

void op_mkdir(fuse_req_t req, fuse_ino_t ino, const char *name, mode_t mode)
{
	struct making m;

	if (make(&m, req, ino, name))
		made(&m, req, mkdirat(m.dir.fd, name, mode) < 0 ? -errno : 0);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t ino, const char *name)
{
	struct making m;

	if (make(&m, req, ino, name))
		made(&m, req, symlinkat(target, m.dir.fd, name) < 0 ? -errno : 0);
}

static int link_inode(struct making *m, struct node *n)
{
	char proc[BACKING_PROC_MAX];
	struct backing_fd fd = backing_fd(m->fs, n);
	int rc = fd.fd;

	if (fd.fd >= 0) {
		rc = linkat(fd.fd, "", m->dir.fd, m->name, AT_EMPTY_PATH) < 0 ? -errno : 0;
		if (rc == -ENOENT) /* not allowed that way to everybody */
			rc = linkat(AT_FDCWD, backing_proc(proc, fd.fd), m->dir.fd, m->name,
				    AT_SYMLINK_FOLLOW) < 0
				 ? -errno
				 : 0;
	}
	backing_done(fd);
	return rc;
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t new_parent, const char *name)
{
	struct node *n = op_node(req, ino);
	struct node *parent = n ? op_node(req, new_parent) : NULL;
	struct fuse_entry_param e;
	struct making m;

	if (!parent)
		return;
	int rc = making_begin(&m, req, parent, name);
	if (rc < 0) {
		op_reply(req, rc);
		return;
	}
	lock_inode(&m.fs->locks, n->hash);
	rc = handle_admit_change(m.fs, n, fuse_req_ctx(req)->pid, false);
	if (rc == 0)
		rc = link_inode(&m, n);
	unlock_inode(&m.fs->locks, n->hash);
	if (rc == 0)
		rc = op_enter(m.fs, parent, m.dir.fd, name, &e);
	if (rc == 0) {
		making_raise_mtime(&m, &e);
		settle_note(m.fs, parent);
		nodes_lock(&m.fs->nodes);
		bool writer = n->writers > 0; /* told at its close, then */
		if (writer)
			save_begin_locked(m.fs, n, 0, &m.who);
		else
			node_changed_locked(&m.fs->nodes, n);
		nodes_unlock(&m.fs->nodes);
		if (!writer)
			op_tell(m.fs, parent, name, NULL, HINT_CREATED | HINT_NAMES, &m.who);
	}
	making_end(&m);
	if (rc < 0)
		op_reply(req, rc);
	else
		op_reply_entry(req, &e);
}

/* ---- taking names away ---- */

/* With the directory locked. */
static int take_away(struct making *m, int flags)
{
	struct fs *fs = m->fs;
	struct fhandle h;
	struct node *n = NULL;
	struct stat st;
	uint64_t moment;
	int rc;

	do {
		node_put(&fs->nodes, n);
		moment = save_moment(fs);
		rc = backing_look(fs, m->dir.fd, m->name, &h, &st);
		if (rc < 0)
			return rc;
		n = node_peek(&fs->nodes, &h);
	} while (n && !save_show(fs, n, &st, moment));
	backing_pin(fs, m->dir.fd, m->name, &st);
	if (unlinkat(m->dir.fd, m->name, flags) < 0)
		rc = -errno;
	if (rc == 0 && S_ISREG(st.st_mode))
		floor_note(fs->floor, m->parent->hash, m->name, backing_mtime(&st),
			   clock_monotonic_msec());
	if (rc == 0 && n) {
		nodes_lock(&fs->nodes);
		node_unlink_locked(&fs->nodes, n, m->parent, m->name);
		node_changed_locked(&fs->nodes, n);
		nodes_unlock(&fs->nodes);
	}
	node_put(&fs->nodes, n);
	if (rc == 0) {
		settle_note(fs, m->parent);
		op_tell(fs, m->parent, m->name, NULL, HINT_NAMES, &m->who);
	}
	return rc;
}

static void remove_name(fuse_req_t req, fuse_ino_t ino, const char *name, int flags)
{
	struct fs *fs = op_fs(req);
	struct node *parent = op_node(req, ino);
	struct making m;

	if (!parent)
		return;
	if (flags)
		lock_tree(&fs->locks, true);
	int rc = making_begin(&m, req, parent, name);
	if (rc == 0) {
		rc = take_away(&m, flags);
		making_end(&m);
	}
	if (flags)
		unlock_tree(&fs->locks);
	op_reply(req, rc);
}

void op_unlink(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	remove_name(req, ino, name, 0);
}

void op_rmdir(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	remove_name(req, ino, name, AT_REMOVEDIR);
}
