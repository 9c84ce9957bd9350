/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What administrators say to a node: what is to be at a path, and whether what its safety brake holds
 * is meant.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

/* An administrator takes a version of the path that somebody once made. */
void admin_order(struct world *w, struct node *n, const char *path)
{
	static const struct who who = {.command = SIM_ORDER};
	uint32_t index = truth_path(w, path); /* may move w->paths */
	const struct path_truth *p = w->paths[index];
	const struct version *v =
	    p->nversions ? p->versions[rng_below(&w->rng, p->nversions)].version : NULL;

	if (!v || !n->up || !n->joined || truth_full(w, path) ||
	    (v->attrs.kind == KIND_FILE && !storage_has(&n->store, v->attrs.hash)))
		return;
	struct order_item item = {path, &v->attrs, v->target};
	struct order o = {.items = &item, .n = 1, .who = &who};
	struct event e = {.type = EVENT_ORDER, .order = &o};

	tell(w, "%s administrator: %s is to be %s", n->name, path, kind_text(v->attrs.kind));
	host_event(w, n, &e);
	host_pump(w, n);
}

/* ---- the safety brake ---- */

struct held {
	struct world *w;
	struct node *n;
	bool excuse;
};

static bool each_path(void *arg, const struct core_path *p)
{
	struct held *h = arg;

	if (p->held) {
		struct spot *spot = truth_spot(h->w, h->n, p->path);
		uint32_t i = truth_path(h->w, p->path);

		if (spot->last < 0)
			return true;
		h->w->paths[i]->save[spot->last].decided = true;
		if (h->excuse) /* it is put back as it was */
			h->w->paths[i]->save[spot->last].excused = true;
	}
	return true;
}

/* While it holds anything, or is about to find again what it held before a restart. */
bool admin_braked(const struct node *n)
{
	return core_held(n->core) || storage_meta_is(&n->store, "brake", 1);
}

void admin_decide(struct world *w, struct node *n)
{
	bool approve = rng_chance(&w->rng, 5000);
	struct event e = {.type = approve ? EVENT_APPROVE : EVENT_DISCARD, .path = ""};
	struct held h = {w, n, !approve};

	if (!n->up || !core_held(n->core))
		return;
	tell(w, "%s administrator: what is held is %s", n->name, approve ? "meant" : "not meant");
	core_each(n->core, "", each_path, &h);
	w->decisions++;
	host_event(w, n, &e);
	host_pump(w, n);
}

static void decide(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	if (w->faults)
		admin_decide(w, &w->nodes[node]);
}

void admin_start(struct world *w)
{
	uint32_t span = w->weights.actions * w->weights.pause_msec / 2 + 1000;

	for (uint32_t i = 0; i < w->weights.decisions; i++)
		world_at(w, rng_below(&w->rng, span), (uint8_t)rng_below(&w->rng, w->nnodes), 0,
			 decide, NULL, NULL);
}
