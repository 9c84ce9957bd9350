/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * STAGE, INSTALL and REMOVE, as the worker answers them: compare and install, in one step of the
 * history, after a while.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/path.h"
#include "tests/sim/world.h"

#define ESTALE_WAIT_MSEC 20

static void *zalloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

static uint32_t id_of(const struct node *n, const char *name, uint32_t number)
{
	if (strcmp(name, "root") == 0)
		return 0;
	if (strcmp(name, "bind") == 0)
		return 100u + n->index;
	return number;
}

/* ---- STAGE ---- */

static uint64_t content_find(const struct world *w, struct hash hash)
{
	static const uint64_t kinds[] = {0, CONTENT_NULS, CONTENT_TORN,
					 CONTENT_NULS | CONTENT_TORN};

	for (uint64_t i = 0; i <= w->contents; i++)
		for (int k = 0; k < 4; k++)
			if (hash_same(content_hash(i | kinds[k]), hash))
				return i | kinds[k];
	return w->contents + 1;
}

struct stage_arg {
	char path[SIM_PATH_MAX];
	struct hash hash;
};

static void staged(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	struct stage_arg *s = arg;
	struct event e = {.type = EVENT_STAGED, .path = s->path};

	if (w->faults && rng_chance(&w->rng, w->weights.io_error)) {
		e.staged.status = -EIO;
	} else if (!storage_has(&n->store, s->hash)) {
		e.staged.status = -ENOENT;
	} else {
		struct inode *i = disk_make(&n->disk, KIND_FILE, node_wall_nsec(w, n));

		i->content = content_find(w, s->hash);
		disk_handle(i, &e.staged.handle);
	}
	host_event(w, n, &e);
	host_pump(w, n);
}

void fs_stage(struct world *w, struct node *n, const char *path, struct hash hash)
{
	struct stage_arg *s = zalloc(sizeof *s);

	snprintf(s->path, sizeof s->path, "%s", path);
	s->hash = hash;
	world_at(w, rng_below(&w->rng, 4), n->index, n->life, staged, free, s);
}

/* ---- INSTALL, REMOVE ---- */

static void free_after_estale(struct world *w, uint8_t node, void *arg)
{
	fs_owed(w, &w->nodes[node], arg);
}

/* 0 if the path is what was expected, and may be replaced now. */
static int may_replace(struct world *w, struct node *n, const char *path,
		       const struct ident *expected, struct inode **found)
{
	struct spot *spot = truth_spot(w, n, path);
	struct inode *i = disk_find(&n->disk, path);
	struct ident is;

	*found = i;
	if (w->faults && rng_chance(&w->rng, w->weights.io_error))
		return -EIO;
	if (spot->estale_until <= w->now && w->faults && rng_chance(&w->rng, 100)) {
		spot->estale_until = w->now + ESTALE_WAIT_MSEC;
		world_at(w, ESTALE_WAIT_MSEC, n->index, 0, free_after_estale, free, strdup(path));
	}
	disk_ident(&n->disk, i, &is);
	if (!ident_same(&is, expected))
		return ERR_CHANGED;
	if (spot->estale_until > w->now || (i && i->writers > 0)) {
		spot->refused = true;
		return ERR_BUSY;
	}
	if (i && i->kind == KIND_DIR && i->nkids > 0)
		return -ENOTEMPTY;
	return 0;
}

static int parent_status(struct node *n, const char *path)
{
	char parent[SIM_PATH_MAX];
	size_t len = path_parent_len(path);
	struct inode *dir;

	memcpy(parent, path, len);
	parent[len] = '\0';
	dir = disk_find(&n->disk, parent);
	return !dir ? -ENOENT : dir->kind != KIND_DIR ? -ENOTDIR : 0;
}

void fs_floor_note(struct world *w, struct node *n, const char *path, const struct inode *i)
{
	struct spot *spot = truth_spot(w, n, path);

	if (!i || i->kind == KIND_DIR) {
		spot->file_mtime = 0;
		spot->floor_until = w->now + 100;
		return;
	}
	if (i->mtime > spot->floor)
		spot->floor = i->mtime;
	spot->floor_until = INT64_MAX;
	spot->file_mtime = i->kind == KIND_FILE ? i->mtime : 0;
	spot->file_content = i->content;
}

static void set_attrs(struct node *n, struct inode *i, const struct attrs *a)
{
	if (i->kind != KIND_LINK)
		i->mode = a->mode;
	i->uid = id_of(n, a->owner, a->uid);
	i->gid = id_of(n, a->group, a->gid);
	if (i->kind != KIND_DIR)
		i->mtime = a->mtime_nsec;
}

static struct inode *new_inode(struct world *w, struct node *n, const struct effect *e)
{
	const struct intent *in = e->install.intent;
	struct inode *i;

	if (in->kind == INTENT_CONTENT) {
		i = disk_by_handle(&n->disk, &in->handle);
		return i && !i->linked ? i : NULL;
	}
	i = disk_make(&n->disk, in->kind == INTENT_DIR ? KIND_DIR : KIND_LINK,
		      node_wall_nsec(w, n));
	if (in->kind == INTENT_LINK)
		i->content = strtoull(e->install.target + 1, NULL, 10);
	return i;
}

/* What a name server has loaded, be it three versions ago, is older than what it is given now; but
 * what had the latest time may have that again. */
static void check_mtime(struct world *w, struct node *n, const char *path, const struct inode *i)
{
	const struct spot *spot = truth_spot(w, n, path);
	const struct stored_path *p = storage_find(&n->store, path);

	if (i->kind != KIND_FILE)
		return;
	if (spot->file_mtime && spot->file_content != i->content && i->mtime <= spot->file_mtime)
		world_fail(w, "mtime goes forward only", "%s: %s had %lld, is given %lld", n->name,
			   path, (long long)spot->file_mtime, (long long)i->mtime);
	if (p && p->highest && i->mtime <= p->highest &&
	    (i->mtime < p->highest || !hash_same(inode_hash(i), p->highest_hash)))
		world_fail(w, "mtime goes forward only", "%s: %s once had %lld, is given %lld",
			   n->name, path, (long long)p->highest, (long long)i->mtime);
}

static int place(struct world *w, struct node *n, const struct effect *e, struct inode **now)
{
	const struct intent *in = e->install.intent;
	struct inode *old;
	int r = may_replace(w, n, e->path, &e->install.expected, &old);
	struct attrs before;
	struct inode *i;

	if (in->kind == INTENT_INPLACE) {
		if (r == -ENOTEMPTY)
			r = 0;
		if (r == 0 && !old)
			r = -ENOENT;
		if (r < 0)
			return r;
		fs_attrs(n, old, &before);
		set_attrs(n, old, &in->attrs);
		disk_touch(&n->disk, old, node_wall_nsec(w, n));
		*now = old;
	} else {
		if (r == 0)
			r = parent_status(n, e->path);
		if (r < 0)
			return r;
		i = new_inode(w, n, e);
		if (!i)
			return -ESTALE;
		set_attrs(n, i, &in->attrs);
		check_mtime(w, n, e->path, i);
		fs_attrs(n, old, &before);
		if (old)
			disk_unlink(&n->disk, old, node_wall_nsec(w, n));
		disk_link(&n->disk, i, e->path, node_wall_nsec(w, n));
		*now = i;
	}
	w->installs++;
	inode_synced(*now);
	if (in->kind == INTENT_CONTENT && !in->dot.origin) {
		truth_rewritten(w, n, e->path, &before);
	} else {
		judge_installs(w, n, e->path, in);
		truth_installed(w, n, e->path, in, &before);
	}
	fs_floor_note(w, n, e->path, *now);
	return 0;
}

static int take_away(struct world *w, struct node *n, const struct effect *e)
{
	struct inode *old;
	int r = may_replace(w, n, e->path, &e->install.expected, &old);
	struct attrs before;

	if (r < 0)
		return r;
	if (!old)
		return -ENOENT;
	fs_attrs(n, old, &before);
	disk_unlink(&n->disk, old, node_wall_nsec(w, n));
	judge_installs(w, n, e->path, e->install.intent);
	truth_installed(w, n, e->path, e->install.intent, &before);
	fs_floor_note(w, n, e->path, NULL);
	return 0;
}

struct install_arg {
	struct effect e;
	uint64_t hints; /* given by then */
	int status;
	struct ident ident;
	int64_t mtime;
	uint32_t uid;
	uint32_t gid;
};

static void install_free(void *arg)
{
	struct install_arg *a = arg;

	effect_fini(&a->e);
	free(a);
}

static void installed(struct world *w, uint8_t node, void *arg)
{
	struct install_arg *a = arg;
	struct event e = {.type = EVENT_INSTALLED, .path = a->e.path};

	if (a->status == 0)
		power_checkpoint(w, &w->nodes[node]);
	if (!fs_hints_first(w, &w->nodes[node], a->hints))
		return;
	e.installed.status = a->status;
	e.installed.ident = a->ident;
	e.installed.mtime_nsec = a->mtime;
	e.installed.uid = a->uid;
	e.installed.gid = a->gid;
	host_event(w, &w->nodes[node], &e);
	host_pump(w, &w->nodes[node]);
}

static void install(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	struct install_arg *in = arg;
	struct install_arg *a = zalloc(sizeof *a);
	struct inode *i = NULL;

	effect_copy(&a->e, &in->e);
	a->hints = n->hint_serial;
	a->status = a->e.type == EFFECT_REMOVE ? take_away(w, n, &a->e) : place(w, n, &a->e, &i);
	if (a->status == 0 && i) {
		disk_ident(&n->disk, i, &a->ident);
		a->mtime = i->mtime;
		a->uid = i->uid;
		a->gid = i->gid;
	}
	tell(w, "%s fs: %s %s: %d", n->name, a->e.type == EFFECT_REMOVE ? "REMOVE" : "INSTALL",
	     a->e.path, a->status);
	world_note(w, text_hash(a->e.path), (uint64_t)(uint32_t)a->status);
	if (a->status == 0 && i)
		focus_installed(w, n, i);
	world_at(w, rng_below(&w->rng, 3), node, n->life, installed, install_free, a);
}

void fs_install(struct world *w, struct node *n, const struct effect *e)
{
	struct install_arg *a = zalloc(sizeof *a);

	effect_copy(&a->e, e);
	world_at(w, rng_below(&w->rng, 4), n->index, n->life, install, install_free, a);
}

void fs_remove(struct world *w, struct node *n, const struct effect *e)
{
	fs_install(w, n, e);
}
