/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What administrators say to a node: what is to be at a path, and whether what its safety brake holds
 * is meant.
 */
#include <stdlib.h>
#include <string.h>

#include "base/port.h"
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

/* ---- what is held ---- */

struct held {
	struct world *w;
	struct node *n;
	enum held_by by;
	bool excuse; /* it is put back as it was */
	uint32_t goes;
};

static bool each_path(void *arg, const struct core_path *p)
{
	struct held *h = arg;
	struct spot *spot;
	uint32_t i;

	if (!p->draft || h->by != core_held_by(p->draft))
		return true;
	spot = truth_spot(h->w, h->n, p->path);
	i = truth_path(h->w, p->path);
	spot->goes = h->goes; /* be it that it was about to go already */
	spot->goes_at = h->w->now;
	spot->discarded = h->excuse && (!p->draft->aside || p->moving);
	if (spot->last < 0)
		return true;
	h->w->paths[i]->save[spot->last].decided = true;
	if (h->excuse && h->by == HELD_BRAKE)
		h->w->paths[i]->save[spot->last].excused = true;
	return true;
}

/* Then what is found there is shown, and what is current is installed over it. */
static bool about_aside(void *arg, const struct core_path *p)
{
	const struct held *h = arg;

	if (p->draft && !p->draft->aside)
		truth_spot(h->w, h->n, p->path)->discarded = true;
	return true;
}

/* While it holds anything, or is about to find again what it held before a restart. */
bool admin_braked(const struct node *n)
{
	return core_braked(n->core) || storage_meta_is(&n->store, "brake", 1);
}

static void give(struct world *w, struct node *n, struct event *e, bool braked)
{
	struct decision d = {0};
	bool discard = e->type == EVENT_DISCARD;
	struct held h = {w, n, braked ? HELD_BRAKE : HELD_SET, discard,
			 discard || braked ? 0 : ++n->release};

	e->decision = &d;
	core_each(n->core, "", each_path, &h);
	if (discard) {
		h.by = braked ? HELD_SET : HELD_BRAKE;
		core_each(n->core, "", each_path, &h);
		h.by = HELD_GATE;
		core_each(n->core, "", each_path, &h);
	}
	if (e->type != EVENT_APPROVE)
		n->holds = false;
	n->releases = e->type == EVENT_RELEASE;
	if (e->type == EVENT_APPROVE) { /* what the gate holds in doubt, too */
		n->approves_until = w->now + JUDGED_BY_MSEC;
		judge_approved(n);
	}
	w->decisions++;
	host_event(w, n, e);
	host_pump(w, n);
}

static bool count_held(void *arg, const struct core_path *p)
{
	*(uint32_t *)arg += core_held_by(p->draft) == HELD_SET;
	return true;
}

static uint32_t held_by_sets(const struct node *n)
{
	uint32_t held = 0;

	core_each(n->core, "", count_held, &held);
	return held;
}

void admin_decide(struct world *w, struct node *n)
{
	struct event e = {.type = rng_chance(&w->rng, 5000) ? EVENT_DISCARD : EVENT_APPROVE};
	struct core_set set;

	if (!n->up)
		return;
	if (core_braked(n->core)) {
		tell(w, "%s administrator: what the brake holds is %s", n->name,
		     e.type == EVENT_APPROVE ? "meant" : "not meant");
		give(w, n, &e, true);
	}
	if (!n->up || (!core_set(n->core, &set) && !held_by_sets(n)))
		return;
	e.type = rng_chance(&w->rng, 3000) ? EVENT_DISCARD : EVENT_RELEASE;
	tell(w, "%s administrator: the set is %s", n->name,
	     e.type == EVENT_RELEASE ? "released" : "discarded");
	give(w, n, &e, false);
}

static void saves(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	const char *path = rng_chance(&w->rng, 5000) ? "a" : "b";

	(void)arg;
	if (w->faults && !power_off(n) && !truth_full(w, path))
		session_start(w, n, path, rng_pick(&w->rng, w->weights.user, USER_ACTIONS));
}

/* What else may happen just then. */
static void aside_meets(struct world *w, struct node *n)
{
	if (rng_chance(&w->rng, 5000))
		fs_hint(w, n, HINT_RESCAN, "", "", 0);
	if (rng_chance(&w->rng, 5000))
		world_at(w, rng_below(&w->rng, 30), n->index, 0, saves, NULL, NULL);
	if (rng_chance(&w->rng, 3000))
		world_at(w, rng_below(&w->rng, 30), n->index, 0, host_killed, NULL, NULL);
}

/* A name server is about to start, or somebody wants to go on with what was set aside. */
static void put_aside(struct world *w, uint8_t node, void *arg)
{
	static const char *const some[] = {"a", "b"};
	struct node *n = &w->nodes[node];
	struct decision d = {.paths = some, .n = rng_below(&w->rng, 3)};
	struct event e = {.type = rng_chance(&w->rng, 6000) ? EVENT_SET_ASIDE : EVENT_EDIT,
			  .decision = &d};
	struct held h = {.w = w, .n = n};

	if (!w->faults || !n->up || !core_held(n->core))
		return;
	if (w->weights.asides_meet && !arg) {
		aside_meets(w, n);
		world_at(w, rng_below(&w->rng, 15), node, 0, put_aside, NULL, w);
		return;
	}
	tell(w, "%s administrator: what is held is %s", n->name,
	     e.type == EVENT_EDIT ? "edited" : "set aside");
	if (e.type == EVENT_SET_ASIDE)
		core_each(n->core, "", about_aside, &h);
	w->asides++;
	host_event(w, n, &e);
	host_pump(w, n);
}

static void decide(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	if (w->faults)
		admin_decide(w, &w->nodes[node]);
}

static void begin_set(struct world *w, uint8_t node, void *arg)
{
	static const char *const some[] = {"a", "b"};
	struct node *n = &w->nodes[node];
	struct hold h = {
	    .patterns = some, .n = rng_below(&w->rng, 3), .why = "why", .user = "admin"};
	struct event e = {.type = EVENT_HOLD, .hold = &h};
	struct core_set set;

	(void)arg;
	if (!w->faults || !n->up || !n->joined || core_joining(n->core))
		return;
	tell(w, "%s administrator: a set of %u patterns begins", n->name, h.n);
	w->sets++;
	host_event(w, n, &e);
	if (!n->releases) /* else none begins, and the open one is about to go */
		n->holds = n->up && core_set(n->core, &set);
	host_pump(w, n);
}

void admin_started(struct world *w, struct node *n)
{
	struct core_set set;

	n->releases = false;
	n->holds = n->up && core_set(n->core, &set);
	if (n->up && !n->holds && storage_has_meta(&n->store, "set"))
		world_fail(w, "what is held is not told", "%s has forgotten its set", n->name);
}

/* Saved before the set began, and judged since. */
static bool was_gates(const struct spot *spot, const struct version *v)
{
	return spot->held && spot->draft_group && !(spot->draft_group & 1) &&
	       !attrs_compare(&spot->draft_attrs, &v->attrs);
}

void admin_check(struct world *w, struct node *n, const char *path, const struct version *v)
{
	struct spot *spot = truth_spot(w, n, path);
	const struct path_truth *p = w->paths[truth_path(w, path)];
	struct core_set set;

	if (v->import)
		return;
	bool goes = spot->goes && spot->held; /* else it is told for itself */

	if (goes && spot->looked_at < spot->goes_at)
		world_fail(w, "a set goes as it is", "%s tells %s as it was before", n->name, path);
	if (goes) {
		if (n->release_told == spot->goes && !dot_same(n->release_dot, v->dot))
			world_fail(w, "a set is one op", "%s tells %s in another one", n->name,
				   path);
		w->released += n->release_told != spot->goes;
		n->release_told = spot->goes;
		n->release_dot = v->dot;
	} else if (was_gates(spot, v)) {
		return;
	} else if (n->holds && core_set(n->core, &set) && set.n == 0) {
		world_fail(w, "what is held is not told", "%s tells %s, and a set is open", n->name,
			   path);
	} else if (spot->looked_last >= 0 && p->save[spot->looked_last].held && spot->held &&
		   (spot->draft_group & 1) && !attrs_compare(&spot->draft_attrs, &v->attrs)) {
		world_fail(w, "what is held is not told", "%s tells %s, which nobody released",
			   n->name, path);
	}
}

void admin_stepped(struct node *n)
{
	struct core_set set;

	/* What is over by then is not held by that release any more, should it be held anew. */
	for (uint32_t i = 0; n->release && i < n->nspots; i++)
		if (n->spots[i].goes == n->release_told || !n->spots[i].held ||
		    !core_releasing(n->core))
			n->spots[i].goes = 0;
	n->release_told = 0;
	if (!n->releases || core_releasing(n->core))
		return;
	n->releases = false; /* it has gone, or it did not pass the gate */
	n->holds = core_set(n->core, &set);
}

void admin_start(struct world *w)
{
	uint32_t span = w->weights.actions * w->weights.pause_msec / 2 + 1000;

	for (uint32_t i = 0; i < w->weights.decisions; i++)
		world_at(w, rng_below(&w->rng, span), (uint8_t)rng_below(&w->rng, w->nnodes), 0,
			 decide, NULL, NULL);
	for (uint32_t i = 0; i < w->weights.sets; i++)
		world_at(w, rng_below(&w->rng, span), (uint8_t)rng_below(&w->rng, w->nnodes), 0,
			 begin_set, NULL, NULL);
	for (uint32_t i = 0; i < w->weights.asides; i++)
		world_at(w, rng_below(&w->rng, span), (uint8_t)rng_below(&w->rng, w->nnodes), 0,
			 put_aside, NULL, NULL);
}
