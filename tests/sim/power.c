/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Power cuts. A host's tree is on stable storage as it was at its last checkpoint: one is made with
 * each install that was answered, and now and then. What has happened to names and attributes since
 * is gone, or is not; what was written into files shortly before is gone, too, whatever became of
 * their times: such a file is empty, full of NULs, torn, or as it was.
 *
 * Nobody works on a host without power, nor in its plain directory as long as its store says that the
 * tree has not been gone through since: what is found there then was done by the power cut. Where the
 * core can tell so, it must not make a version of it. Where it cannot, since the store never knew
 * what was there, it counts as a save.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

#define CHECKPOINT_MSEC 3000
#define NULS CONTENT_NULS
#define TORN CONTENT_TORN

static bool suspected(const struct node *n)
{
	return n->power_cut || storage_has_meta(&n->store, "unclean");
}

bool power_off(const struct node *n)
{
	return n->off || (!n->fs_up && suspected(n));
}

/* ---- what is on stable storage ---- */

void power_checkpoint(struct world *w, struct node *n)
{
	if (!w->weights.power)
		return;
	disk_fini(&n->stable);
	disk_copy(&n->stable, &n->disk);
}

static void now_and_then(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	if (!w->faults)
		return;
	if (!w->nodes[node].off)
		power_checkpoint(w, &w->nodes[node]);
	world_at(w, CHECKPOINT_MSEC, node, 0, now_and_then, NULL, NULL);
}

void power_start(struct world *w)
{
	for (uint8_t i = 0; w->weights.power && i < w->nnodes; i++)
		now_and_then(w, i, NULL);
}

/* ---- what a look sees in it: as replicator/damage.c judges ---- */

static bool is_older(const struct version *v, const struct shown *shown, const struct attrs *a)
{
	uint8_t differs = attrs_compare(&v->attrs, a);
	int64_t limit = v->attrs.mtime_nsec;

	if (shown && shown->floor_nsec > limit)
		limit = shown->floor_nsec;
	if (!shown || attrs_compare(&shown->attrs, &v->attrs) & (CHANGED_KIND | CHANGED_CONTENT))
		differs &= (uint8_t) ~(CHANGED_MODE | CHANGED_OWNER);
	return version_live(v) && !(differs & ~CHANGED_MTIME) &&
	       (a->kind == KIND_DIR || a->mtime_nsec <= limit);
}

static enum damage damage_of(const struct stored_path *p, const struct shown *shown,
			     const struct inode *i, const struct attrs *a)
{
	bool known = false;

	if (!i || (shown && !attrs_compare(&shown->attrs, a)))
		return DAMAGE_NONE;
	for (uint32_t k = 0; p && k < p->n + p->nhistory; k++) {
		const struct version *v = k < p->n ? p->entry[k] : p->history[k - p->n];

		if (is_older(v, shown, a))
			return DAMAGE_OLDER;
		known |= v->attrs.kind == KIND_FILE && hash_same(v->attrs.hash, a->hash);
	}
	if (i->kind != KIND_FILE || !shown || shown->attrs.kind != KIND_FILE ||
	    !(attrs_compare(&shown->attrs, a) & CHANGED_CONTENT))
		return DAMAGE_NONE;
	return !i->content                  ? DAMAGE_EMPTY
	       : i->content & NULS          ? DAMAGE_NULS
	       : i->content & TORN || known ? DAMAGE_PART
					    : DAMAGE_NONE;
}

enum damage power_damage(const struct node *n, const char *path, const struct inode *i,
			 const struct attrs *a)
{
	if (!core_suspects(n->core, path))
		return DAMAGE_NONE;
	return damage_of(storage_find(&n->store, path), core_shown(n->core, path), i, a);
}

/* ---- the cut ---- */

static void tear(struct world *w, struct node *n, struct inode *i)
{
	static const char *const words[] = {"empty", "full of NULs", "torn", "as it was before"};
	uint64_t contents[] = {0, NULS | i->content, TORN | i->content, i->synced};
	uint32_t which = rng_below(&w->rng, 4);
	char path[SIM_PATH_MAX];

	if (which == 3 || rng_chance(&w->rng, 3000))
		i->mtime = i->synced_mtime ? i->synced_mtime : i->mtime;
	i->content = contents[which];
	if (disk_path(i, path))
		tell(w, "%s power cut: %s is %s", n->name, path, words[which]);
}

static void lose_what_was_not_written(struct world *w, struct node *n)
{
	if (rng_chance(&w->rng, 6000) && n->stable.root) {
		disk_put_back(&n->disk, &n->stable);
		tell(w, "%s power cut: names are as of the last checkpoint", n->name);
	}
	for (struct inode *i = n->disk.all; i; i = i->next) {
		if (!i->linked || i->kind != KIND_FILE || i->content == i->synced)
			continue;
		if (w->now - i->dirty_at < rng_below(&w->rng, WRITTEN_BACK_MSEC))
			tear(w, n, i);
		inode_synced(i);
	}
}

/* What users did here, and no version was made of, may be gone: nothing was promised. */
void power_excuse(struct world *w, struct node *n)
{
	for (uint32_t i = 0; suspected(n) && i < w->npaths; i++)
		for (uint32_t k = 0; k < w->paths[i]->nsaves; k++)
			if (w->paths[i]->save[k].node == n->index &&
			    !w->paths[i]->save[k].published)
				w->paths[i]->save[k].excused = true;
}

/* The disk is not what its users made of it any more. */
static void stands_for(struct world *w, struct node *n, const char *path)
{
	const struct stored_path *s = storage_find(&n->store, path);
	const struct shown *shown = s ? s->shown : NULL;
	struct inode *now = disk_find(&n->disk, path);
	struct spot *spot = truth_spot(w, n, path);
	struct shown as_intended;
	struct attrs a;
	bool held;

	fs_attrs(n, now, &a);
	spot->last = -1;
	spot->strong = spot->shown = (struct saves){0};
	if (shown)
		truth_of_context(w, path, &shown->context, &spot->shown);
	spot->base = shown ? shown->attrs : (struct attrs){0};
	spot->told = spot->base;
	spot->cut = spot->looked = spot->due_install = spot->due_own = false;
	spot->floor = 0;
	fs_floor_note(w, n, path, now);
	/* What was set aside is a save when it is there again, and no more than that. */
	held = s && s->draft && !attrs_compare(&s->draft->attrs, &a);
	if (images_installed(s, now, &a) && truth_aside(n, path, s->intent->dot)) {
		held = true;
	} else if (images_installed(s, now, &a)) {
		truth_of_context(w, path, &s->intent->context, &spot->shown);
		spot->base = spot->told = s->intent->attrs;
		as_intended = (struct shown){.attrs = s->intent->attrs,
					     .floor_nsec = s->intent->attrs.mtime_nsec};
		shown = &as_intended;
	}
	truth_doubt(n, spot, path);
	if (!attrs_compare(&a, &spot->base))
		return;
	if (n->joined && !held &&
	    (now ? damage_of(s, shown, now, &a) != DAMAGE_NONE : !shown->leftover))
		spot->cut = true;
	else
		truth_save(w, n, path, a.kind, now ? now->content : 0);
}

void power_cut(struct world *w, struct node *n)
{
	uint32_t npaths = w->npaths;
	struct attrs *before = calloc(npaths + 1, sizeof *before), now;

	if (!before)
		abort();
	for (uint32_t i = 0; i < npaths; i++)
		fs_attrs(n, disk_find(&n->disk, w->paths[i]->path), &before[i]);
	lose_what_was_not_written(w, n);
	n->power_cut = n->off = true;
	n->power_cuts++;
	w->power_cuts++;
	power_excuse(w, n);
	for (uint32_t i = 0; i < npaths; i++) {
		fs_attrs(n, disk_find(&n->disk, w->paths[i]->path), &now);
		if (attrs_compare(&now, &before[i]))
			stands_for(w, n, w->paths[i]->path);
	}
	power_excuse(w, n);
	free(before);
}
