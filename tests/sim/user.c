/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What people and programs do in a node's directory, in single steps: each changes the disk, is
 * noted as a save, and is hinted as fs would hint it. While fs is down the same steps go to the
 * plain directory: nothing is hinted and no mtime is raised.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/path.h"
#include "base/port.h"
#include "tests/sim/world.h"

int64_t node_wall_nsec(struct world *w, struct node *n)
{
	return node_wall_msec(w, n) * NSEC_PER_MSEC + rng_below(&w->rng, 1000);
}

uint64_t user_content(struct world *w)
{
	if (rng_chance(&w->rng, w->weights.same_content))
		return 1 + rng_below(&w->rng, 3);
	return ++w->contents;
}

static int64_t raised(struct world *w, struct node *n, const char *path, int64_t wanted)
{
	struct spot *spot = truth_spot(w, n, path);

	if (spot->floor_until < w->now)
		spot->floor = 0;
	return n->fs_up ? mtime_raise(spot->floor, wanted, node_wall_nsec(w, n)) : wanted;
}

static void plain_hint(struct world *w, struct node *n, const char *path, uint8_t flags)
{
	fs_hint(w, n, HINT_CHANGED, path, "", flags);
}

struct inode *user_create(struct world *w, struct node *n, const char *path, enum kind kind,
			  uint64_t content, bool hinted)
{
	struct inode *i;

	if (truth_full(w, path) || disk_find(&n->disk, path))
		return NULL;
	if (!user_make_parents(w, n, path))
		return NULL;
	i = disk_make(&n->disk, kind, node_wall_nsec(w, n));
	i->content = kind == KIND_DIR ? 0 : content;
	if (rng_chance(&w->rng, 3000))
		i->uid = i->gid = 100u + n->index;
	if (disk_link(&n->disk, i, path, node_wall_nsec(w, n)) < 0)
		return NULL;
	if (kind != KIND_DIR)
		i->mtime = raised(w, n, path, i->mtime);
	inode_wrote(i, w->now, WRITTEN_BACK_MSEC);
	fs_floor_note(w, n, path, i);
	truth_save(w, n, path, kind, i->content);
	if (hinted)
		plain_hint(w, n, path, HINT_CREATED | HINT_NAMES);
	return i;
}

bool user_make_parents(struct world *w, struct node *n, const char *path)
{
	char parent[SIM_PATH_MAX];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		struct inode *i;

		snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
		i = disk_find(&n->disk, parent);
		if (i && i->kind != KIND_DIR)
			return false;
		if (!i && !user_create(w, n, parent, KIND_DIR, 0, true))
			return false;
	}
	return true;
}

void user_changed(struct world *w, struct node *n, struct inode *i, int64_t wanted_mtime)
{
	char path[SIM_PATH_MAX];

	disk_touch(&n->disk, i, node_wall_nsec(w, n));
	if (!disk_path(i, path)) {
		i->mtime = wanted_mtime;
		return;
	}
	if (i->kind != KIND_DIR && wanted_mtime)
		i->mtime = raised(w, n, path, wanted_mtime);
	inode_wrote(i, w->now, WRITTEN_BACK_MSEC);
	fs_floor_note(w, n, path, i);
	truth_save(w, n, path, i->kind, i->content);
	if (i->writers == 0)
		plain_hint(w, n, path, 0);
}

void user_closed(struct world *w, struct node *n, struct inode *i)
{
	char path[SIM_PATH_MAX];

	if (i->writers > 0)
		i->writers--;
	if (i->writers > 0)
		return;
	i->fresh = false;
	if (!disk_path(i, path))
		return;
	plain_hint(w, n, path, HINT_CREATED | HINT_NAMES);
	fs_owed(w, n, path);
}

bool user_unlink(struct world *w, struct node *n, const char *path)
{
	struct inode *i = disk_find(&n->disk, path);

	if (!i || i->nkids > 0 || truth_full(w, path))
		return false;
	disk_unlink(&n->disk, i, node_wall_nsec(w, n));
	fs_floor_note(w, n, path, NULL);
	truth_save(w, n, path, KIND_ABSENT, 0);
	plain_hint(w, n, path, HINT_NAMES);
	fs_owed(w, n, path);
	return true;
}

static void moved(struct world *w, struct node *n, const struct inode *i, const char *from,
		  const char *to)
{
	char below_from[SIM_PATH_MAX * 2];
	char below_to[SIM_PATH_MAX * 2];

	truth_save(w, n, from, KIND_ABSENT, 0);
	fs_floor_note(w, n, from, NULL);
	truth_save(w, n, to, i->kind, i->content);
	fs_floor_note(w, n, to, i);
	for (uint32_t k = 0; k < i->nkids; k++) {
		snprintf(below_from, sizeof below_from, "%s/%s", from, i->kids[k]->name);
		snprintf(below_to, sizeof below_to, "%s/%s", to, i->kids[k]->name);
		moved(w, n, i->kids[k], below_from, below_to);
		fs_owed(w, n, below_from);
	}
}

static bool tree_full(struct world *w, const struct inode *i, const char *from, const char *to)
{
	char below_from[SIM_PATH_MAX * 2];
	char below_to[SIM_PATH_MAX * 2];

	if (strlen(to) > SIM_PATH_MAX / 2 || truth_full(w, from) || truth_full(w, to))
		return true;
	for (uint32_t k = 0; k < i->nkids; k++) {
		snprintf(below_from, sizeof below_from, "%s/%s", from, i->kids[k]->name);
		snprintf(below_to, sizeof below_to, "%s/%s", to, i->kids[k]->name);
		if (tree_full(w, i->kids[k], below_from, below_to))
			return true;
	}
	return false;
}

bool user_rename(struct world *w, struct node *n, const char *from, const char *to)
{
	struct inode *i = disk_find(&n->disk, from);
	struct inode *t;

	if (!i || !*from || strcmp(from, to) == 0 || path_below(to, from) || path_below(from, to) ||
	    tree_full(w, i, from, to) || !user_make_parents(w, n, to))
		return false;
	t = disk_find(&n->disk, to);
	if (t && (t->nkids > 0 || (t->kind == KIND_DIR) != (i->kind == KIND_DIR)))
		return false;
	if (t)
		disk_unlink(&n->disk, t, node_wall_nsec(w, n));
	disk_unlink(&n->disk, i, node_wall_nsec(w, n));
	if (rng_chance(&w->rng, w->weights.clock_rename))
		world_set_clock(w, n);
	disk_link(&n->disk, i, to, node_wall_nsec(w, n));
	if (i->kind != KIND_DIR)
		i->mtime = raised(w, n, to, i->mtime);
	moved(w, n, i, from, to);
	if (i->kind == KIND_DIR) {
		truth_tree_moved(w, n, from);
		truth_tree_moved(w, n, to);
	}
	if (i->writers > 0)
		plain_hint(w, n, from, HINT_NAMES);
	else
		fs_hint(w, n, HINT_CHANGED, to, from,
			HINT_NAMES | (i->kind == KIND_DIR ? HINT_TREE : 0));
	fs_owed(w, n, from);
	fs_owed(w, n, to);
	if (rng_chance(&w->rng, w->weights.clock_rename)) /* before it is told */
		world_set_clock(w, n);
	return true;
}

/* ---- actions at random ---- */

static void random_path(struct world *w, char *out)
{
	uint32_t depth = rng_range(&w->rng, 1, w->weights.depth);
	int at = 0;

	if (depth == 3 && rng_chance(&w->rng, 5000))
		depth = 2;
	for (uint32_t i = 0; i < depth; i++)
		at += snprintf(out + at, SIM_PATH_MAX - (size_t)at, "%s%c", i ? "/" : "",
			       'a' + (int)rng_below(&w->rng, w->weights.names));
}

static void act(struct world *w, uint8_t node, void *arg)
{
	char path[SIM_PATH_MAX];
	struct node *n = &w->nodes[rng_below(&w->rng, w->nnodes)];
	uint32_t action = rng_pick(&w->rng, w->weights.user, USER_ACTIONS);
	uint32_t pause = w->weights.pause_msec;

	(void)node;
	(void)arg;
	w->actions_left--;
	random_path(w, path);
	if (rng_chance(&w->rng, w->weights.orders))
		admin_order(w, n, path);
	else if (!truth_full(w, path))
		session_start(w, n, path, action);
	if (w->actions_left > 0)
		world_at(w,
			 rng_chance(&w->rng, 2000) ? rng_below(&w->rng, 5 * pause)
						   : rng_below(&w->rng, pause),
			 0, 0, act, NULL, NULL);
}

void user_start(struct world *w)
{
	w->actions_left = w->weights.actions;
	world_at(w, rng_below(&w->rng, 1000), 0, 0, act, NULL, NULL);
}

/* ---- the trees before the first start ---- */

static void initial_path(struct world *w, struct node *n, struct rng *r, uint32_t nth)
{
	static const uint32_t modes[] = {0644, 0600, 0755};
	char path[SIM_PATH_MAX];
	struct rng own = w->rng;
	struct inode *i;

	w->rng = *r; /* the path, from the common chance */
	random_path(w, path);
	*r = w->rng;
	w->rng = own;
	i = user_create(w, n, path,
			rng_chance(r, 1500)  ? KIND_DIR
			: rng_chance(r, 800) ? KIND_LINK
					     : KIND_FILE,
			1 + nth + rng_below(r, 3), false);
	if (!i)
		return;
	i->uid = i->gid = 0;
	if (i->kind != KIND_LINK)
		i->mode = modes[rng_below(r, 3)];
	i->mtime = (WALL_START_MSEC - rng_below(r, 1000000)) * NSEC_PER_MSEC;
	fs_floor_note(w, n, path, i);
}

void user_initial_trees(struct world *w)
{
	struct rng common = {rng_next(&w->rng)};

	for (uint8_t k = 0; k < w->nnodes; k++) {
		struct rng r = common;
		uint32_t paths = w->weights.initial;

		if (!w->weights.initial_same) {
			r.state = rng_next(&w->rng);
			if (rng_chance(&w->rng, 2000))
				paths = 0;
		}
		for (uint32_t i = 0; i < paths; i++)
			initial_path(w, &w->nodes[k], &r, i);
	}
}
