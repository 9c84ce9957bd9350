/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The order is always: make it in the staging directory and fsync it, without a lock; lock;
 * compare; announce the invalidation; rename; mark what was replaced; unlock; remove what was
 * replaced; invalidate and wait; fsync the directory; answer.
 *
 * The rename is an exchange where something is expected, so that what was there is under our name
 * afterwards and is compared once more, and one that refuses to replace where nothing is.
 */
#include "fs/install.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/backing.h"
#include "fs/fs.h"
#include "fs/make.h"

/* How long a path that was cached before the invalidation may still be on its way to us. */
#define STALE_MSEC 50

struct installing {
	struct fs *fs;
	const char *path;
	const struct ident *expected;
	struct place place;
	struct fhandle handle; /* of what is there */
	struct found victim;
	struct node *dir; /* the directory's node, with a reference */
	bool exclusive;   /* of the tree's shape: a directory goes */
	bool changed;     /* the tree was: what follows must be carried through */
	int64_t ticket;   /* of the invalidation; 0: the kernel knows nothing of it */
};

/* ---- the comparison ---- */

/* With directory and inode locked, so that no writer can come: whether one is there is asked first,
 * and what it has written is seen by the look that follows. */
static int refuse_writers(struct installing *i, struct node *n)
{
	struct fs *fs = i->fs;
	int rc = 0;

	if (!n)
		return 0;
	nodes_lock(&fs->nodes);
	if (n->writers > 0 || n->save) {
		n->wanted = true;
		busy_wait_writer(fs->busy, i->path, n->id);
		rc = ERR_BUSY;
	}
	nodes_unlock(&fs->nodes);
	return rc;
}

static int compare(struct installing *i)
{
	struct fs *fs = i->fs;

	if (mounts_at(fs->mounts, i->path)) {
		busy_wait_mount(fs->busy, i->path);
		return ERR_MOUNTED;
	}
	struct node *n = node_peek(&fs->nodes, &i->handle);
	int rc = refuse_writers(i, n);
	node_put(&fs->nodes, n);
	if (rc == 0)
		rc = place_look(fs, &i->place, &i->victim);
	if (rc < 0)
		return rc;
	if (!ident_same(i->expected, &i->victim.look.ident))
		rc = ERR_CHANGED;
	else if (busy_held(fs->busy, i->path, clock_monotonic_msec()))
		rc = ERR_BUSY;
	if (rc < 0)
		found_fini(fs, &i->victim);
	return rc;
}

/* ---- around the change ---- */

/* With tree and directory locked. 0: with the inode locked, too. */
static int enter_inode(struct installing *i)
{
	struct fs *fs = i->fs;
	struct stat st;

	i->handle = (struct fhandle){0};
	int rc = backing_look(fs, i->place.dir, i->place.name, &i->handle, &st);
	if (rc < 0 && rc != -ENOENT)
		return rc;
	if (rc == 0 && S_ISDIR(st.st_mode) && !i->exclusive)
		return -EAGAIN;
	i->dir = node_get(&fs->nodes, &i->place.handle, S_IFDIR);
	if (!i->dir)
		return -ENOMEM;
	lock_inode(&fs->locks, node_hash(&i->handle));
	rc = compare(i);
	if (rc == 0)
		return 0;
	unlock_inode(&fs->locks, node_hash(&i->handle));
	node_put(&fs->nodes, i->dir);
	i->dir = NULL;
	return rc;
}

static int try_enter(struct installing *i)
{
	struct fs *fs = i->fs;

	lock_tree(&fs->locks, i->exclusive);
	int rc = place_open(fs, i->path, &i->place);
	if (rc == 0) {
		lock_dir(&fs->locks, i->place.hash, true);
		rc = enter_inode(i);
		if (rc == 0)
			return 0;
		unlock_dir(&fs->locks, i->place.hash);
		place_close(&i->place);
	}
	unlock_tree(&fs->locks);
	return rc == -EXDEV ? ERR_MOUNTED : rc;
}

/* Locks, looks and compares. 0: do it, and then call leave. */
static int enter(struct installing *i)
{
	int rc = try_enter(i);

	if (rc == -EAGAIN) { /* a directory goes: that needs a lock which comes before the others */
		i->exclusive = true;
		rc = try_enter(i);
	}
	return rc;
}

static bool has_other_names(const struct found *f)
{
	return !S_ISDIR(f->st.st_mode) && f->st.st_nlink > 1;
}

/* The kernel may know of it: said before the change, since we may die in between. */
static int announce(struct installing *i, bool name)
{
	struct inval_item items[2];
	struct node *n = i->victim.node;
	int count = 0;

	nodes_lock(&i->fs->nodes);
	bool failed = false;
	if (name && n && has_other_names(&i->victim) && !n->stale) {
		n->stale = calloc(1, sizeof(*n->stale)); /* later, it is too late to fail */
		failed = !n->stale;
	}
	if (name && (i->dir->nlookup > 0 || i->dir->id == 1))
		items[count++] = (struct inval_item){INVAL_NAME, i->dir->id, i->place.name};
	if (n && n->nlookup > 0)
		items[count++] = (struct inval_item){INVAL_INODE, n->id, NULL};
	nodes_unlock(&i->fs->nodes);
	if (failed || count == 0)
		return failed ? -ENOMEM : 0;
	i->ticket = inval_prepare(i->fs->inval, items, count);
	int rc = i->ticket < 0 ? (int)i->ticket : 0;
	if (rc < 0)
		i->ticket = 0;
	return rc;
}

/* The victim has lost this name, and from here on answers ESTALE. */
static void mark(struct installing *i)
{
	struct fs *fs = i->fs;
	struct node *n = i->victim.node;

	if (!n)
		return;
	nodes_lock(&fs->nodes);
	node_unlink_locked(&fs->nodes, n, i->dir, i->place.name);
	free(n->place);
	n->place = strdup(i->path);
	if (has_other_names(&i->victim))
		*n->stale = (struct node_stale){.until_msec = INT64_MAX};
	else
		n->replaced = true;
	node_changed_locked(&fs->nodes, n);
	nodes_unlock(&fs->nodes);
}

/* Unlocks; where the tree was changed, has the kernel forget and the disk remember. `leftover`: a
 * name in the staging directory to be removed, or NULL. */
static int leave(struct installing *i, const char *leftover)
{
	struct fs *fs = i->fs;
	struct node *n = i->victim.node;
	int rc = 0;

	unlock_inode(&fs->locks, node_hash(&i->handle));
	unlock_dir(&fs->locks, i->place.hash);
	unlock_tree(&fs->locks);
	if (leftover)
		staging_remove(fs->staging, leftover);
	if (i->ticket > 0 && !i->changed) {
		inval_cancel(fs->inval, i->ticket);
	} else if (i->ticket > 0) {
		crash_point("fs-invalidate");
		int done = inval_go(fs->inval, i->ticket);
		if (done < 0)
			log_limited(LOG_LEVEL_ERROR, "%s: the kernel's cache is not told: %s",
				    fs->mount, err_text(done));
	}
	if (n && i->changed) {
		nodes_lock(&fs->nodes);
		if (n->stale && n->stale->until_msec == INT64_MAX)
			n->stale->until_msec = clock_monotonic_msec() + STALE_MSEC;
		nodes_unlock(&fs->nodes);
	}
	crash_point("fs-invalidated");
	if (i->changed)
		rc = dirsync_do(fs->dirsync, i->place.dir, &i->place.handle);
	found_fini(fs, &i->victim);
	node_put(&fs->nodes, i->dir);
	place_close(&i->place);
	return rc;
}

/* ---- something new ---- */

/* What was exchanged must be what was compared: beneath the mount, somebody else may have been
 * there. */
static int exchange(struct installing *i, const char *name)
{
	struct fhandle out;
	int staging = staging_fd(i->fs->staging);
	int dir = i->place.dir;

	if (renameat2(staging, name, dir, i->place.name, RENAME_EXCHANGE) < 0)
		return errno == ENOENT ? ERR_CHANGED : -errno;
	if (backing_look(i->fs, staging, name, &out, NULL) == 0 &&
	    fhandle_same(&out, &i->victim.handle))
		return 0;
	if (renameat2(staging, name, dir, i->place.name, RENAME_EXCHANGE) < 0)
		log_error("%s: cannot be put back: %s", i->path, err_text(-errno));
	return ERR_CHANGED;
}

/* An empty directory goes first: nobody sees the moment between, since the names are locked. */
static int move_in(struct installing *i, const char *name)
{
	struct found *v = &i->victim;
	int dir = i->place.dir;

	if (v->look.kind != KIND_ABSENT)
		backing_pin(i->fs, dir, i->place.name, &v->st);
	if (v->look.kind == KIND_DIR && unlinkat(dir, i->place.name, AT_REMOVEDIR) < 0)
		return -errno;
	if (v->look.kind != KIND_DIR && v->look.kind != KIND_ABSENT)
		return exchange(i, name);
	if (renameat2(staging_fd(i->fs->staging), name, dir, i->place.name, RENAME_NOREPLACE) < 0)
		return errno == EEXIST ? ERR_CHANGED : errno == EXDEV ? ERR_MOUNTED : -errno;
	return 0;
}

static int put_new(struct fs *fs, const struct install *in, struct found *now)
{
	struct installing i = {.fs = fs, .path = in->path, .expected = &in->expected};
	struct made made;

	int rc = make_staged(fs, in, &made);
	if (rc < 0)
		return rc;
	rc = enter(&i);
	if (rc < 0) {
		make_undone(fs, &made);
		return rc;
	}
	bool replaced = i.victim.look.kind != KIND_ABSENT && i.victim.look.kind != KIND_DIR;
	/* Special files are never another node's business. */
	rc = i.victim.look.kind == KIND_OTHER ? ERR_DENIED : announce(&i, true);
	crash_point("fs-install");
	if (rc == 0)
		rc = move_in(&i, made.name);
	if (rc == 0) {
		crash_point("fs-moved-in");
		i.changed = true;
		mark(&i);
		rc = place_look(fs, &i.place, now);
		found_fini(fs, now);
	}
	int left = leave(&i, i.changed && replaced ? made.name : NULL);
	if (!i.changed)
		make_undone(fs, &made);
	return rc < 0 ? rc : left;
}

/* ---- attributes of what is there ---- */

static int change_attributes(struct installing *i, const struct install *in)
{
	int rc = 0;

	int fd = openat(i->place.dir, i->place.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fchownat(fd, "", in->uid, in->gid, AT_EMPTY_PATH) < 0)
		rc = -errno;
	if (rc == 0 && in->kind != KIND_LINK)
		rc = backing_chmod(fd, make_mode(i->fs, in));
	if (rc == 0 && in->kind != KIND_DIR)
		rc = backing_utimens(fd, UTIME_OMIT_NSEC, in->mtime_nsec);
	if (rc == 0 && in->kind == KIND_FILE) {
		int file = backing_reopen(fd, O_RDONLY | O_NONBLOCK);
		if (file >= 0) {
			fsync(file);
			close(file);
		}
	}
	close(fd);
	return rc;
}

static int put_attributes(struct fs *fs, const struct install *in, struct found *now)
{
	struct installing i = {.fs = fs, .path = in->path, .expected = &in->expected};

	int rc = enter(&i);
	if (rc < 0)
		return rc;
	rc = i.victim.look.kind == in->kind ? announce(&i, false) : ERR_CHANGED;
	if (rc == 0) {
		i.changed = true;
		crash_point("fs-attributes");
		rc = change_attributes(&i, in);
		crash_point("fs-attributes-set");
		if (i.victim.node) {
			nodes_lock(&fs->nodes);
			node_changed_locked(&fs->nodes, i.victim.node);
			nodes_unlock(&fs->nodes);
		}
		int looked = place_look(fs, &i.place, now);
		found_fini(fs, now);
		rc = rc < 0 ? rc : looked;
	}
	int left = leave(&i, NULL);
	return rc < 0 ? rc : left;
}

int install_put(struct fs *fs, const struct install *in, struct found *now)
{
	*now = (struct found){.look = {.target = now->target}};
	if (in->flags & INSTALL_INPLACE)
		return ident_absent(&in->expected) ? ERR_FORMAT : put_attributes(fs, in, now);
	return put_new(fs, in, now);
}

/* ---- removal ---- */

static int take_out(struct installing *i)
{
	struct found *v = &i->victim;
	bool dir = v->look.kind == KIND_DIR;

	if (v->look.kind == KIND_ABSENT)
		return ERR_CHANGED;
	if (v->look.kind == KIND_OTHER)
		return ERR_DENIED;
	int rc = announce(i, true);
	if (rc < 0)
		return rc;
	crash_point("fs-remove");
	backing_pin(i->fs, i->place.dir, i->place.name, &v->st);
	if (unlinkat(i->place.dir, i->place.name, dir ? AT_REMOVEDIR : 0) < 0)
		return errno == ENOENT ? ERR_CHANGED : -errno;
	crash_point("fs-removed");
	i->changed = true;
	mark(i);
	if (v->look.kind == KIND_FILE)
		floor_note(i->fs->floor, i->place.hash, i->place.name, v->look.mtime_nsec,
			   clock_monotonic_msec());
	return 0;
}

int install_remove(struct fs *fs, const char *path, const struct ident *expected)
{
	struct installing i = {.fs = fs, .path = path, .expected = expected};

	int rc = enter(&i);
	if (rc < 0)
		return rc;
	rc = take_out(&i);
	int left = leave(&i, NULL);
	return rc < 0 ? rc : left;
}
