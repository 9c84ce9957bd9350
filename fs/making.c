/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Begin and end of an operation on one name.
 */
#include "fs/making.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "fs/cred.h"

int making_begin(struct making *m, fuse_req_t req, struct node *parent, const char *name)
{
	*m = (struct making){.fs = op_fs(req), .parent = parent, .name = name};
	if (op_hidden(parent, name))
		return -EPERM;
	op_who(req, &m->who);
	lock_dir(&m->fs->locks, parent->hash, true);
	m->dir = backing_fd(m->fs, parent);
	if (m->dir.fd >= 0)
		return 0;
	unlock_dir(&m->fs->locks, parent->hash);
	return m->dir.fd;
}

void making_end(struct making *m)
{
	backing_done(m->dir);
	unlock_dir(&m->fs->locks, m->parent->hash);
}

void making_become(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	cred_become(ctx->uid, ctx->gid, ctx->umask);
}

void making_raise_mtime(struct making *m, struct fuse_entry_param *e)
{
	int64_t floor_nsec =
	    floor_find(m->fs->floor, m->parent->hash, m->name, clock_monotonic_msec());
	int64_t disk = backing_mtime(&e->attr);

	if (!S_ISREG(e->attr.st_mode) || floor_nsec == 0 || disk > floor_nsec)
		return;
	struct node *n = node_find(&m->fs->nodes, e->ino);
	struct backing_fd fd = backing_fd(m->fs, n);
	int64_t raised = mtime_raise(floor_nsec, disk, clock_wall_nsec());
	if (fd.fd >= 0 && backing_utimens(fd.fd, UTIME_OMIT_NSEC, raised) == 0)
		backing_set_mtime(&e->attr, raised);
	backing_done(fd);
}
