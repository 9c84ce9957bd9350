/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * CREATE: makes a name and opens it. Its hint waits for the close of whoever writes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/path.h"
#include "fs/cred.h"
#include "fs/making.h"
#include "fs/ops.h"

/* What the kernel believed to be absent may have been installed meanwhile: it has not checked
 * whether the caller may open that, so it walks the path again. */
static int exists(struct making *m, int flags, pid_t tid)
{
	char path[PATH_LEN_MAX + 1];

	if (flags & O_EXCL)
		return -EEXIST;
	if (node_path(&m->fs->nodes, m->parent, m->name, path) == 0)
		busy_hold(m->fs->busy, path, tid, clock_monotonic_msec());
	return -ESTALE;
}

static struct handle *create_handle(struct making *m, struct node *n, int fd, int accmode)
{
	struct fs *fs = m->fs;
	bool writer = accmode != O_RDONLY;
	int64_t floor_nsec =
	    floor_find(fs->floor, m->parent->hash, m->name, clock_monotonic_msec());

	nodes_lock(&fs->nodes);
	n->opens++;
	n->writers += writer;
	n->makers += writer;
	struct save *s = save_begin_locked(fs, n, floor_nsec, &m->who);
	if (s)
		s->flags |= HINT_CREATED | HINT_NAMES;
	nodes_unlock(&fs->nodes);

	struct handle *h = handle_new(fs, n, fd);
	if (h) {
		h->writer = h->maker = h->created = h->touched = writer;
		h->who = m->who;
	} else {
		struct handle gone = {.fd = -1, .writer = writer, .maker = writer};
		handle_dismiss(fs, n, &gone);
	}
	if (!writer) { /* open(O_CREAT | O_RDONLY) has no close to wait for */
		nodes_lock(&fs->nodes);
		if (n->save && n->writers == 0)
			save_give_locked(fs, n);
		nodes_unlock(&fs->nodes);
	}
	return h;
}

static int create(struct making *m, fuse_req_t req, mode_t mode, struct fuse_file_info *fi,
		  struct fuse_entry_param *e, struct handle **h)
{
	int flags = fi->flags & ~(O_APPEND | O_DIRECT | O_NOCTTY | O_NONBLOCK | O_TRUNC);

	making_become(req);
	int fd =
	    openat(m->dir.fd, m->name, flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	int rc = fd < 0 ? -errno : 0;
	cred_restore();
	if (rc == -EEXIST)
		return exists(m, fi->flags, fuse_req_ctx(req)->pid);
	if (rc == 0)
		rc = op_enter(m->fs, m->parent, m->dir.fd, m->name, e);
	if (rc < 0) {
		if (fd >= 0)
			close(fd);
		return rc;
	}
	struct node *n = node_find(&m->fs->nodes, e->ino);
	*h = create_handle(m, n, fd, fi->flags & O_ACCMODE);
	if (!*h) {
		node_forget(&m->fs->nodes, e->ino, 1);
		return -ENOMEM;
	}
	while (!op_show(m->fs, n, &e->attr, save_moment(m->fs)))
		; /* nobody else knows it */
	return 0;
}

void op_create(fuse_req_t req, fuse_ino_t ino, const char *name, mode_t mode,
	       struct fuse_file_info *fi)
{
	struct fs *fs = op_fs(req);
	struct node *parent = op_node(req, ino);
	struct fuse_entry_param e;
	struct handle *h = NULL;
	struct making m;

	if (!parent)
		return;
	int rc = making_begin(&m, req, parent, name);
	if (rc == 0) {
		rc = create(&m, req, mode, fi, &e, &h);
		making_end(&m);
	}
	if (rc < 0) {
		op_reply(req, rc);
		return;
	}
	fi->fh = h->id;
	fi->keep_cache = 1;
	if (fuse_reply_create(req, &e, fi) < 0) {
		handle_close(fs, h);
		node_forget(&fs->nodes, e.ino, 1);
	}
}
