/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * RENAME with all its flags. The directories are locked both, and the tree's shape too where a
 * directory moves or two names are exchanged. A regular file that comes to a name shows a later
 * mtime than that name has shown.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/path.h"
#include "fs/ops.h"
#include "fs/reader.h"

struct side {
	struct node *parent;
	const char *name;
	struct backing_fd dir;
	bool there;
	struct fhandle handle;
	struct stat st;    /* the mtime as shown */
	int64_t disk_nsec; /* and on the disk */
	struct node *node; /* with a reference; NULL: not in the table */
	char path[PATH_LEN_MAX + 1];
	bool has_path;
	bool raised; /* on the disk: the kernel may have cached another mtime */
	int64_t raised_nsec;
};

struct renaming {
	struct fs *fs;
	struct side from;
	struct side to;
	unsigned flags;
	struct who who;
};

static int look_side(struct fs *fs, struct side *s)
{
	uint64_t moment;

	s->has_path = node_path(&fs->nodes, s->parent, s->name, s->path) == 0;
	if (s->dir.fd < 0)
		return s->dir.fd;
	do {
		moment = save_moment(fs);
		int rc = backing_look(fs, s->dir.fd, s->name, &s->handle, &s->st);
		s->there = rc == 0;
		if (rc < 0)
			return rc;
		s->disk_nsec = backing_mtime(&s->st);
		if (!s->node)
			s->node = node_peek(&fs->nodes, &s->handle);
	} while (s->node && !save_show(fs, s->node, &s->st, moment));
	return 0;
}

/* `s` is about to come to the name of `to`, which has shown up to what is there or was there. */
static void raise_mtime(struct renaming *r, struct side *s, const struct side *to)
{
	struct fs *fs = r->fs;
	int64_t floor_nsec =
	    floor_find(fs->floor, to->parent->hash, to->name, clock_monotonic_msec());

	if (!S_ISREG(s->st.st_mode))
		return;
	if (to->there && S_ISREG(to->st.st_mode) && backing_mtime(&to->st) > floor_nsec)
		floor_nsec = backing_mtime(&to->st);
	if (floor_nsec == 0)
		return;
	int64_t shown = s->disk_nsec;
	nodes_lock(&fs->nodes);
	if (s->node && s->node->save) {
		if (floor_nsec > s->node->save->floor_nsec)
			s->node->save->floor_nsec = floor_nsec;
		shown = save_mtime_locked(s->node, s->disk_nsec);
	} else if (shown <= floor_nsec) {
		shown = mtime_raise(floor_nsec, shown, clock_wall_nsec());
	}
	nodes_unlock(&fs->nodes);
	if (shown == s->disk_nsec)
		return;
	int fd = openat(s->dir.fd, s->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	s->raised = backing_utimens(fd, UTIME_OMIT_NSEC, shown) == 0;
	s->raised_nsec = shown;
	close(fd);
}

/* It does not come to the other name after all: the rename has failed, and changes nothing. Unless
 * somebody has set another time meanwhile, or it is being saved and gets one at its close. */
static void take_back(const struct renaming *r, struct side *s)
{
	struct stat st;

	if (!s->raised)
		return;
	int fd = openat(s->dir.fd, s->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	nodes_lock(&r->fs->nodes);
	bool saving = s->node && s->node->save;
	nodes_unlock(&r->fs->nodes);
	if (!saving && fstat(fd, &st) == 0 && backing_mtime(&st) == s->raised_nsec)
		backing_utimens(fd, UTIME_OMIT_NSEC, s->disk_nsec);
	close(fd);
}

/* The kernel expects a rename to change no more than the ctime. It is told before the reply, so
 * that nobody sees the old time after it. */
static void show_raised(struct renaming *r, const struct side *s)
{
	if (s->raised && s->node)
		reader_inval_attr(r->fs->reader, s->node->id);
}

static void note_gone(struct renaming *r, const struct side *s)
{
	if (s->there && S_ISREG(s->st.st_mode))
		floor_note(r->fs->floor, s->parent->hash, s->name, backing_mtime(&s->st),
			   clock_monotonic_msec());
}

/* Memory follows the disk. */
static void move_links(struct renaming *r)
{
	struct nodes *t = &r->fs->nodes;
	struct side *from = &r->from;
	struct side *to = &r->to;

	nodes_lock(t);
	if (from->node)
		node_unlink_locked(t, from->node, from->parent, from->name);
	if (to->node)
		node_unlink_locked(t, to->node, to->parent, to->name);
	if (from->node && !node_link_locked(t, from->node, to->parent, to->name))
		capture_rescan(r->fs->capture);
	if (r->flags & RENAME_EXCHANGE) {
		if (to->node && !node_link_locked(t, to->node, from->parent, from->name))
			capture_rescan(r->fs->capture);
	}
	if (from->node)
		node_changed_locked(t, from->node);
	if (to->node)
		node_changed_locked(t, to->node);
	node_unsettled_locked(t, from->parent);
	node_unsettled_locked(t, to->parent);
	nodes_unlock(t);
}

/* True: the inode has a writer, or its hint is delayed, and the hint of its new name waits for
 * that. `s`: where the inode was before. */
static bool told_at_close(struct renaming *r, struct side *s)
{
	bool waits = false;

	if (!s->node || !S_ISREG(s->st.st_mode))
		return false;
	nodes_lock(&r->fs->nodes);
	struct node *n = s->node;
	if (n->writers > 0 || (n->save && n->save->due_msec > 0)) {
		struct save *save = save_begin_locked(r->fs, n, 0, &r->who);
		waits = save;
		if (save) {
			save->flags |= HINT_NAMES;
			free(save->from);
			save->from = s->has_path ? strdup(s->path) : NULL;
		}
	}
	nodes_unlock(&r->fs->nodes);
	return waits;
}

static void tell(struct renaming *r)
{
	struct capture *c = r->fs->capture;
	struct side *from = &r->from;
	struct side *to = &r->to;
	bool exchange = r->flags & RENAME_EXCHANGE;
	uint8_t flags = HINT_NAMES;

	if (S_ISDIR(from->st.st_mode) || (exchange && S_ISDIR(to->st.st_mode)))
		flags |= HINT_TREE;
	if (from->has_path && !(exchange && told_at_close(r, to)))
		capture_changed(c, from->path, exchange && to->has_path ? to->path : NULL, flags,
				&r->who, 0);
	if (to->has_path && !told_at_close(r, from))
		capture_changed(c, to->path, from->has_path ? from->path : NULL, flags, &r->who, 0);
}

static int carry_out(struct renaming *r)
{
	struct side *from = &r->from;
	struct side *to = &r->to;

	int rc = look_side(r->fs, from);
	if (rc < 0)
		return rc;
	rc = look_side(r->fs, to);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (to->there && fhandle_same(&from->handle, &to->handle) && r->flags == 0)
		return 0; /* two names of one inode: nothing happens */
	if (r->flags & RENAME_EXCHANGE)
		raise_mtime(r, to, from);
	else if (to->there && !(r->flags & RENAME_NOREPLACE))
		backing_pin(r->fs, to->dir.fd, to->name, &to->st);
	if (!(to->there && (r->flags & RENAME_NOREPLACE)))
		raise_mtime(r, from, to);
	__atomic_add_fetch(&r->fs->moving, 1, __ATOMIC_SEQ_CST);
	rc = renameat2(from->dir.fd, from->name, to->dir.fd, to->name, r->flags) < 0 ? -errno : 0;
	if (rc == 0)
		move_links(r);
	__atomic_add_fetch(&r->fs->moved, 1, __ATOMIC_SEQ_CST);
	if (rc < 0) {
		take_back(r, from);
		take_back(r, to);
	}
	show_raised(r, from);
	show_raised(r, to);
	if (rc < 0)
		return rc;
	note_gone(r, from);
	tell(r);
	return 0;
}

static int locked_rename(struct renaming *r, bool shape)
{
	struct fs *fs = r->fs;
	struct locks *l = &fs->locks;
	struct stat st;
	int rc;

	crash_point("fs-rename");
	if (shape)
		lock_tree(l, true);
	lock_dirs(l, r->from.parent->hash, r->to.parent->hash);
	r->from.dir = backing_fd(fs, r->from.parent);
	r->to.dir = backing_fd(fs, r->to.parent);
	rc = r->from.dir.fd < 0 ? r->from.dir.fd
				: backing_look(fs, r->from.dir.fd, r->from.name, NULL, &st);
	if (rc == 0 && S_ISDIR(st.st_mode) && !shape)
		rc = -EAGAIN;
	else if (rc == 0)
		rc = carry_out(r);
	node_put(&fs->nodes, r->from.node);
	node_put(&fs->nodes, r->to.node);
	backing_done(r->from.dir);
	backing_done(r->to.dir);
	unlock_dirs(l, r->from.parent->hash, r->to.parent->hash);
	if (shape)
		unlock_tree(l);
	return rc;
}

void op_rename(fuse_req_t req, fuse_ino_t ino, const char *name, fuse_ino_t new_ino,
	       const char *new_name, unsigned flags)
{
	struct node *parent = op_node(req, ino);
	struct node *new_parent = parent ? op_node(req, new_ino) : NULL;
	struct renaming *r;

	if (!new_parent)
		return;
	if (op_hidden(parent, name) || op_hidden(new_parent, new_name)) {
		op_reply(req, -EPERM);
		return;
	}
	r = calloc(1, sizeof(*r));
	if (!r) {
		op_reply(req, -ENOMEM);
		return;
	}
	r->fs = op_fs(req);
	r->flags = flags;
	op_who(req, &r->who);
	r->from = (struct side){.parent = parent, .name = name};
	r->to = (struct side){.parent = new_parent, .name = new_name};
	/* Whether it is a directory is known once the name is locked, and the tree comes first. */
	int rc = locked_rename(r, flags & RENAME_EXCHANGE);
	if (rc == -EAGAIN)
		rc = locked_rename(r, true);
	free(r);
	op_reply(req, rc);
}
