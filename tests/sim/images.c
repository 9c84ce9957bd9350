/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What happens to a whole host: its store is lost, or store and tree are put back from an image that
 * was taken a while ago. Either comes with a new life of both processes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

#define SPAN_FIRST_MSEC 2000

static void go_down(struct world *w, struct node *n)
{
	if (n->up)
		host_crash(w, n);
	if (n->fs_up)
		fs_crash(w, n);
	n->fs_up = false;
}

/* ---- lost ---- */

void images_lose(struct world *w, struct node *n)
{
	if (!n->started)
		return;
	go_down(w, n);
	tell(w, "%s its store is lost", n->name);
	storage_fini(&n->store);
	n->joined = false;
	n->alone = n->returns = false;
	memset(n->answered, 0, sizeof n->answered);
	for (uint32_t i = 0; i < n->nspots; i++) {
		n->spots[i].base = (struct attrs){0};
		/* What its disk stands for it cannot know: a delete has seen what it shows anew. */
		n->spots[i].strong = (struct saves){0};
		n->spots[i].cut = false;
	}
	hook_forget(n);
	truth_forgotten(w, n);
	w->losses++;
}

/* One node's; or, which is the worst, those of all. */
static void store_lost(struct world *w, uint8_t node, void *arg)
{
	bool all = rng_chance(&w->rng, 500);

	(void)arg;
	if (!w->faults)
		return;
	w->eras += all;
	for (uint8_t i = 0; i < w->nnodes; i++)
		if (i == node || all)
			images_lose(w, &w->nodes[i]);
}

/* ---- put back ---- */

struct image {
	struct storage store;
	struct disk disk;
	struct spot *spots;
	uint32_t nspots;
	uint64_t era;
};

static void image_free(void *arg)
{
	struct image *i = arg;

	storage_fini(&i->store);
	disk_fini(&i->disk);
	free(i->spots);
	free(i);
}

static struct image *image_take(const struct world *w, const struct node *n)
{
	struct image *i = calloc(1, sizeof *i);

	if (!i)
		abort();
	storage_copy(&i->store, &n->store);
	disk_copy(&i->disk, &n->disk);
	i->era = w->eras;
	i->nspots = n->nspots;
	i->spots = calloc(i->nspots + 1, sizeof *i->spots);
	if (!i->spots)
		abort();
	if (i->nspots)
		memcpy(i->spots, n->spots, i->nspots * sizeof *i->spots);
	return i;
}

bool images_installed(const struct stored_path *s, const struct inode *now, const struct attrs *a)
{
	struct fhandle h;

	if (!s || !s->intent)
		return false;
	if (s->intent->kind != INTENT_CONTENT || !now)
		return !attrs_compare(a, &s->intent->attrs);
	disk_handle(now, &h);
	return fhandle_same(&h, &s->intent->handle);
}

/* What was told or installed and is not in the store was not, for this one. */
static void stands_for(struct node *n, const char *path, struct spot *spot)
{
	const struct stored_path *s = storage_find(&n->store, path);
	struct inode *now = disk_find(&n->disk, path);
	struct attrs a;

	fs_attrs(n, now, &a);
	spot->base = s && s->shown ? s->shown->attrs : (struct attrs){0};
	if (images_installed(s, now, &a))
		spot->base = s->intent->attrs;
	spot->told = spot->base;
	truth_doubt(n, spot, path);
}

/* So is what was set aside, when it is there again. */
static void save_draft(struct world *w, struct node *n, uint32_t path, const struct version *draft)
{
	struct path_truth *p = w->paths[path];
	struct spot *spot = truth_spot(w, n, p->path);
	struct spot now = *spot;

	if (now.aside_last < 0)
		return;
	spot->last = -1;
	spot->strong = (struct saves){0};
	truth_of_context(w, p->path, &draft->context, &spot->shown);
	truth_save(w, n, p->path, draft->attrs.kind, p->save[now.aside_last].content);
	if (spot->last >= 0) {
		p->save[spot->last].looked = p->save[spot->last].held = true;
		now.aside_last = spot->last;
		now.aside_strong = spot->strong;
	}
	*spot = now;
}

/* What had changed on the disk, and was not known to the store yet, is a save of whoever puts it back:
 * since then it may have been told, and deleted by somebody. */
static void save_again(struct world *w, struct node *n)
{
	for (uint32_t i = 0; i < w->npaths; i++) {
		const char *path = w->paths[i]->path;
		const struct stored_path *s = storage_find(&n->store, path);
		struct inode *now = disk_find(&n->disk, path);
		struct spot *spot = truth_spot(w, n, path);
		struct attrs a;

		if (s && s->draft && s->draft->aside)
			save_draft(w, n, i, s->draft);
		fs_attrs(n, now, &a);
		if (images_installed(s, now, &a) && spot->aside_last >= 0 &&
		    truth_aside(n, path, s->intent->dot)) { /* it is what the disk shows */
			spot->last = spot->aside_last;
			spot->strong = spot->aside_strong;
			saves_join(&spot->shown, &w->paths[i]->save[spot->last].past);
		}
		if (!attrs_compare(&a, s && s->shown ? &s->shown->attrs : &(struct attrs){0}))
			continue;
		if (images_installed(s, now, &a) && !attrs_compare(&a, &s->intent->attrs))
			continue;
		spot->strong = spot->shown = (struct saves){0};
		if (images_installed(s, now, &a))
			truth_of_context(w, path, &s->intent->context, &spot->shown);
		else if (s && s->shown)
			truth_of_context(w, path, &s->shown->context, &spot->shown);
		truth_save(w, n, path, a.kind, now ? now->content : 0);
	}
}

static void put_back(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	struct image *i = arg;

	/* Not when its own store was lost since. And what all have forgotten at once nobody can tell
	 * from what nobody has heard of yet. */
	if (!w->faults || !n->joined || i->era != w->eras)
		return;
	go_down(w, n);
	tell(w, "%s store and tree are put back from an image", n->name);
	storage_fini(&n->store);
	storage_copy(&n->store, &i->store);
	disk_put_back(&n->disk, &i->disk);
	for (uint32_t k = 0; k < n->nspots; k++) {
		n->spots[k] =
		    k < i->nspots ? i->spots[k] : (struct spot){.last = -1, .looked_last = -1};
		n->spots[k].looked = n->spots[k].refused = false;
		n->spots[k].estale_until = 0;
		if (k < w->npaths)
			stands_for(n, w->paths[k]->path, &n->spots[k]);
	}
	hook_forget(n);
	truth_forgotten(w, n);
	save_again(w, n);
	power_excuse(w, n);
	power_checkpoint(w, n);
	w->put_back++;
}

static void take_image(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];

	(void)arg;
	if (!w->faults || !n->up || !n->joined || !n->fs_up)
		return;
	for (const struct inode *i = n->disk.all; i; i = i->next)
		if (i->linked && i->writers)
			return; /* half a save is another story */
	tell(w, "%s an image is taken", n->name);
	world_at(w, rng_range(&w->rng, 500, 20000), node, 0, put_back, image_free,
		 image_take(w, n));
}

void images_remember(struct world *w, uint8_t node)
{
	const struct node *n = &w->nodes[node];

	if (!w->remembered && n->up && n->joined && n->fs_up)
		w->remembered = image_take(w, n);
}

void images_put_back(struct world *w, uint8_t node)
{
	if (!w->remembered)
		return;
	put_back(w, node, w->remembered);
	images_forget(w);
}

void images_forget(struct world *w)
{
	if (w->remembered)
		image_free(w->remembered);
	w->remembered = NULL;
}

void images_start(struct world *w)
{
	uint32_t span = w->weights.actions * w->weights.pause_msec / 2 + SPAN_FIRST_MSEC;

	for (uint32_t i = 0; i < w->weights.lost_stores; i++)
		world_at(w, rng_below(&w->rng, span), (uint8_t)rng_below(&w->rng, w->nnodes), 0,
			 store_lost, NULL, NULL);
	/* Always of the same host: two that have both forgotten what only they had agreed on would be
	 * another matter. */
	for (uint32_t i = 0; i < w->weights.images; i++)
		world_at(w, rng_below(&w->rng, span), (uint8_t)(w->seed % w->nnodes), 0, take_image,
			 NULL, NULL);
}
