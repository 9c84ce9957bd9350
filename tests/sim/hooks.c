/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hooks: each node has one for all paths, scheduled by the core's own scheduler, slow and failing by
 * chance. That one is due is noted in the store together with what it is due for; after a crash it
 * runs once for everything. The invariant: of whatever an install has put on the disk, and of whatever
 * a version was made, a run has started later, and succeeded.
 */
#include <stdlib.h>

#include "replicator/core/hooks.h"
#include "tests/sim/world.h"

#define META_DUE "hooks-due"
#define QUIET_MSEC 50
#define RETRY_MSEC 1000

static const struct hook_spec *spec(void)
{
	static struct hook_spec all = {.name = "reload", .quiet_msec = QUIET_MSEC};
	static struct patterns *everything;
	const char *why;

	if (!everything) {
		everything = patterns_new();
		if (!everything || patterns_add(everything, "*", &why) < 0 ||
		    patterns_add(everything, "**", &why) < 0)
			abort();
		all.match = everything;
	}
	return &all;
}

static int64_t now(const struct world *w)
{
	return w->now + 1000;
}

/* ---- the note in the store ---- */

static void note(struct node *n, bool due)
{
	uint8_t one = 1;
	struct effect e = {.type = EFFECT_STORE, .path = META_DUE};

	e.store.what = STORE_META;
	e.store.bytes = &one;
	e.store.len = 1;
	e.store.forget = !due;
	storage_apply(&n->store, &e);
	n->hooks_noted = due;
}

/* TOLD, as the core decides it. */
void hook_decided(struct node *n, const struct effect *e)
{
	if (!(e->told.changed & ~CHANGED_MTIME))
		return;
	n->hooks_coming++;
	if (!n->hooks_noted)
		note(n, true);
}

/* ---- runs ---- */

struct run {
	bool all;
	bool recovery;
};

static void tick(struct world *w, struct node *n);

/* What the run is for: it has started after that was put there. */
static void cover(struct world *w, struct node *n, const char *path)
{
	struct spot *spot = truth_spot(w, n, path);

	spot->running |= spot->due_install || spot->due_own;
	spot->due_install = spot->due_own = false;
}

static void ended(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	const struct run *run = arg;
	bool ok = !w->faults || !rng_chance(&w->rng, w->weights.hook_fails);

	tell(w, "%s hook %s", n->name, ok ? "ran" : "failed");
	for (uint32_t i = 0; i < n->nspots; i++) {
		n->spots[i].due_install |= n->spots[i].running && !ok;
		n->spots[i].running = false;
	}
	if (run->recovery) {
		n->hook_recovers = !ok;
		n->hook_recover_at = now(w) + RETRY_MSEC;
	} else {
		hooks_done(n->hooks, 0, ok, now(w));
	}
	n->hook_runs = false;
	if (n->hooks_noted && !n->hooks_coming && !hook_pending(n))
		note(n, false);
	tick(w, n);
	host_pump(w, n);
}

static void start(struct world *w, struct node *n, const struct hook_run *of)
{
	struct run *run = calloc(1, sizeof *run);

	if (!run)
		abort();
	run->recovery = !of;
	n->hook_runs = true;
	for (uint32_t i = 0; of && !of->all && i < of->n; i++)
		cover(w, n, of->items[i].path);
	for (uint32_t i = 0; (!of || of->all) && i < w->npaths; i++)
		cover(w, n, w->paths[i]->path);
	tell(w, "%s hook starts, for %u paths%s", n->name, of ? of->n : 0,
	     of ? "" : " (for everything)");
	world_at(w, rng_below(&w->rng, w->faults ? 400 : 20), n->index, n->life, ended, free, run);
}

static void woken(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	tick(w, &w->nodes[node]);
}

static void tick(struct world *w, struct node *n)
{
	const struct hook_run *run;
	int64_t at;

	if (n->hook_runs)
		return;
	if (n->hook_recovers && n->hook_recover_at <= now(w)) {
		start(w, n, NULL);
		return;
	}
	run = n->hook_recovers ? NULL : hooks_next(n->hooks, now(w));
	if (run) {
		start(w, n, run);
		return;
	}
	at = n->hook_recovers ? n->hook_recover_at : hooks_wake(n->hooks);
	if (at != INT64_MAX)
		world_at(w, at > now(w) ? at - now(w) : 0, n->index, n->life, woken, NULL, NULL);
}

/* TOLD, carried out. */
void hook_told(struct world *w, struct node *n, const struct effect *e)
{
	struct dot none = {0, 0};

	if (!(e->told.changed & ~CHANGED_MTIME))
		return;
	n->hooks_coming--;
	hooks_changed(n->hooks, e->path, e->told.kind == KIND_DIR, e->told.kind == KIND_ABSENT,
		      e->told.changed, e->told.version ? e->told.version->dot : none, e->told.more,
		      now(w));
	tick(w, n);
}

/* ---- life ---- */

bool hook_pending(const struct node *n)
{
	return n->hook_recovers || n->hook_runs || hooks_pending(n->hooks);
}

void hook_start(struct world *w, struct node *n)
{
	n->hooks = hooks_new(spec(), 1);
	n->hooks_noted = n->hook_recovers = storage_has_meta(&n->store, META_DUE);
	n->hook_recover_at = now(w);
	n->hook_runs = false;
	n->hooks_coming = 0;
	tick(w, n);
}

void hook_crash(struct node *n)
{
	hooks_free(n->hooks);
	n->hooks = NULL;
	for (uint32_t i = 0; i < n->nspots; i++) {
		n->spots[i].due_install |= n->spots[i].running;
		n->spots[i].running = false;
	}
}

/* Its store was lost, or store and tree are other ones: a new beginning. */
void hook_forget(struct node *n)
{
	for (uint32_t i = 0; i < n->nspots; i++)
		n->spots[i].due_install = n->spots[i].due_own = n->spots[i].running = false;
}

void hook_check(struct world *w, struct node *n, const char *path)
{
	const struct spot *spot = truth_spot(w, n, path);

	if (spot->due_install || spot->due_own || spot->running)
		world_fail(w, "every change is told", "no hook ran on %s for what is at %s",
			   n->name, path);
}
