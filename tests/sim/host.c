/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Runs one core as the replicator's loop does: every event a step, its effects into a queue, and
 * the queue carried out in order. What others can see waits for the commit of what was to be stored
 * before it; meanwhile further steps may happen. A crash may come before any effect: core, queue
 * and open transaction are gone, disk, fs and store remain.
 */
#include <stdlib.h>
#include <string.h>

#include "base/port.h"
#include "tests/sim/world.h"

#define HEARTBEAT_MSEC 1000
#define RESTART_MSEC 10 /* at least: what was asked of fs before is done by then */

static bool others_see(const struct queued *q)
{
	if (q->heartbeat || q->nodes)
		return true;
	switch (q->e.type) {
	case EFFECT_ACK:
	case EFFECT_INSTALL:
	case EFFECT_REMOVE:
	case EFFECT_BROADCAST:
	case EFFECT_ASK:
	case EFFECT_ANSWER:
	case EFFECT_TOLD:
	case EFFECT_JOINED:
	case EFFECT_STARTED:
		return true;
	default:
		return false;
	}
}

static void queued_free(struct queued *q)
{
	effect_fini(&q->e);
	free(q->heartbeat);
	if (q->nodes)
		known_nodes_fini(q->nodes);
	free(q->nodes);
	free(q);
}

static struct queued *enqueue(struct node *n)
{
	struct queued *q = calloc(1, sizeof *q);

	if (!q)
		abort();
	q->e.type = EFFECT_WAKE;
	*n->queue_end = q;
	n->queue_end = &q->next;
	return q;
}

static bool content_here(const struct node *n, struct hash h)
{
	for (uint32_t i = 0; i < n->nstash; i++)
		if (hash_same(n->stash[i], h))
			return true;
	return storage_has(&n->store, h);
}

/* The truth follows the core's decisions at once. */
static void decided(struct world *w, struct node *n, const struct effect *e, struct queued *q)
{
	const struct version *v = e->store.version;

	if (e->type == EFFECT_TOLD)
		hook_decided(n, e);
	if (e->type != EFFECT_STORE)
		return;
	if (v && v->attrs.kind == KIND_FILE)
		q->with_content = content_here(n, v->attrs.hash);
	switch (e->store.what) {
	case STORE_VERSION:
		if (e->store.own && v->attrs.kind == KIND_FILE && !q->with_content)
			world_fail(w, "durable before said",
				   "%s has no content for its version of %s", n->name, e->path);
		if (e->store.own &&
		    locality_local(n->conf.locality, e->path, v->attrs.kind == KIND_DIR, ""))
			world_fail(w, "no one else", "%s told of %s, which is local", n->name,
				   e->path);
		if (e->store.own)
			judge_told(w, n, e->path, v);
		if (e->store.own)
			truth_version(w, n, e->path, e->store.version);
		else
			truth_learned(w, n, e->path, v->dot);
		break;
	case STORE_SUPERSEDED:
		truth_superseded(w, n, e->path, e->store.dot);
		break;
	case STORE_SHOWN:
		truth_shown(w, n, e->path, e->store.shown);
		break;
	case STORE_DRAFT:
	case STORE_HISTORY:
		if (v->attrs.kind == KIND_FILE && !q->with_content)
			world_fail(w, "loses nothing", "%s puts %s aside without its content",
				   n->name, e->path);
		if (e->store.what == STORE_HISTORY)
			truth_history(w, n, e->path);
		else
			truth_draft(w, n, e->path, v);
		break;
	default:
		break;
	}
}

/* What is held lies on the disk, and whatever is told by others waits: but for what its judge has
 * made of it. */
static void check_held(struct world *w, struct node *n, const struct effect *e)
{
	const struct intent *i;
	const struct version *draft;

	if (e->type != EFFECT_INSTALL && e->type != EFFECT_REMOVE)
		return;
	i = e->install.intent;
	draft = core_draft(n->core, e->path);
	if (draft && !draft->aside && (i->kind != INTENT_CONTENT || i->dot.origin))
		world_fail(w, "what is held stays", "%s replaces what it holds at %s", n->name,
			   e->path);
}

void host_event(struct world *w, struct node *n, struct event *e)
{
	const struct effect *effects;
	size_t count;

	if (w->failed || !n->up)
		return;
	e->wall_msec = node_wall_msec(w, n);
	e->now_msec = w->now + 1000;
	w->steps++;
	if (w->trace)
		trace_event(w, n, e);
	world_note(w, (uint64_t)e->type << 8 | n->index, text_hash(e->path));
	effects = core_step(n->core, e, &count);
	for (size_t i = 0; i < count; i++) {
		struct queued *q = enqueue(n);

		if (w->trace)
			trace_effect(w, n, &effects[i]);
		world_note(w, (uint64_t)effects[i].type << 16, text_hash(effects[i].path));
		effect_copy(&q->e, &effects[i]);
		decided(w, n, &effects[i], q);
		check_held(w, n, &effects[i]);
	}
	admin_stepped(n);
}

/* ---- time ---- */

static void wake(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	struct event e = {.type = EVENT_TIME};

	if (*(int64_t *)arg != n->wake_at)
		return;
	n->wake_at = INT64_MAX;
	e.random = rng_next(&w->rng) >> 1 | 1;
	host_event(w, n, &e);
	host_pump(w, n);
}

static void wake_at(struct world *w, struct node *n, int64_t at_msec)
{
	int64_t *arg;
	int64_t in = at_msec - 1000 - w->now;

	n->wake_at = at_msec;
	if (at_msec == INT64_MAX)
		return;
	arg = malloc(sizeof *arg);
	if (!arg)
		abort();
	*arg = at_msec;
	world_at(w, in > 0 ? in : 0, n->index, n->life, wake, free, arg);
}

static void heartbeat(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	struct heartbeat h = {0};
	struct queued *q;

	(void)arg;
	core_heartbeat(n->core, &h, node_wall_msec(w, n), w->now + 1000);
	q = enqueue(n);
	q->heartbeat = malloc(sizeof h);
	if (!q->heartbeat)
		abort();
	*q->heartbeat = h;
	world_at(w, HEARTBEAT_MSEC, node, n->life, heartbeat, NULL, NULL);
	host_pump(w, n);
}

/* More often than in the daemon: a history is short. */
static void tell_nodes(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	struct queued *q = enqueue(n);

	(void)arg;
	q->nodes = calloc(1, sizeof *q->nodes);
	if (!q->nodes)
		abort();
	core_nodes(n->core, q->nodes, node_wall_msec(w, n));
	world_at(w, 2 * HEARTBEAT_MSEC, node, n->life, tell_nodes, NULL, NULL);
	host_pump(w, n);
}

void host_heartbeat(struct world *w, struct node *n)
{
	world_at(w, rng_below(&w->rng, HEARTBEAT_MSEC), n->index, n->life, heartbeat, NULL, NULL);
	world_at(w, rng_below(&w->rng, HEARTBEAT_MSEC), n->index, n->life, tell_nodes, NULL, NULL);
}

/* ---- carrying out ---- */

/* Somebody was forgotten, or has forgotten something, or came later. */
static bool may_have_missed(const struct world *w)
{
	return w->weights.forgets || w->weights.lost_stores || w->weights.images ||
	       w->weights.focus || w->weights.start_alone || w->weights.late;
}

static void carry_out(struct world *w, struct node *n, struct queued *q)
{
	const struct effect *e = &q->e;

	if (q->heartbeat) {
		net_heartbeat(w, n, q->heartbeat);
		return;
	}
	if (q->nodes) {
		net_nodes(w, n, q->nodes);
		return;
	}
	switch (e->type) {
	case EFFECT_STORE:
		storage_apply(&n->store, e);
		if (q->with_content)
			storage_put(&n->store, e->store.version->attrs.hash);
		break;
	case EFFECT_ACK:
		fs_acked(w, n, e->serial);
		break;
	case EFFECT_LOOK:
		fs_look(w, n, e->path);
		break;
	case EFFECT_SCAN:
		fs_scan(w, n, e->path);
		break;
	case EFFECT_STAGE:
		fs_stage(w, n, e->path, e->content.hash);
		break;
	case EFFECT_INSTALL:
		check_intent(w, n, e->path, e->install.intent);
		fs_install(w, n, e);
		break;
	case EFFECT_REMOVE:
		check_intent(w, n, e->path, e->install.intent);
		fs_remove(w, n, e);
		break;
	case EFFECT_FETCH:
		net_fetch(w, n, e->content.hash, e->peer);
		break;
	case EFFECT_BROADCAST:
		check_told(w, n, e->op->items, e->op->n);
		check_vector(w, n, &(struct vv){.p = &e->op->dot, .n = 1});
		net_broadcast(w, n, e->op);
		break;
	case EFFECT_ASK:
		if (e->ask->compare && !may_have_missed(w))
			world_fail(w, "who is known is waited for",
				   "%s missed deletes that have been forgotten", n->name);
		net_ask(w, n, n->peer_node[e->peer], e->ask);
		break;
	case EFFECT_ANSWER:
		check_told(w, n, e->page->items, e->page->n);
		check_vector(w, n, &e->page->vector);
		net_answer(w, n, n->peer_node[e->peer], e->page);
		break;
	case EFFECT_JOINED:
		n->joined = true;
		break;
	case EFFECT_STARTED:
		n->looked_through = true;
		check_acked(w, n);
		break;
	case EFFECT_WAKE:
		wake_at(w, n, e->at_msec);
		break;
	case EFFECT_TOLD:
		hook_told(w, n, e);
		break;
	case EFFECT_NOTE:
	case EFFECT_REFUSED:
		break;
	case EFFECT_JUDGE:
		judge_trial(w, n, e->trial);
		break;
	}
}

static void unstall(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	w->nodes[node].stalled = false;
	host_pump(w, &w->nodes[node]);
}

static void commit(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];

	(void)arg;
	storage_commit(&n->store);
	n->power_cut = false; /* if it was one, the store says so now */
	free(n->stash);
	n->stash = NULL;
	n->nstash = 0;
	world_note(w, 0xc0, node);
	unstall(w, node, NULL);
}

static void stall(struct world *w, struct node *n, uint32_t msec,
		  void (*then)(struct world *, uint8_t, void *))
{
	n->stalled = true;
	world_at(w, msec, n->index, n->life, then, NULL, NULL);
}

void host_pump(struct world *w, struct node *n)
{
	while (n->up && !n->stalled && !w->failed) {
		struct queued *q = n->queue;
		bool dirty = storage_dirty(&n->store);

		if (!q && !dirty)
			return;
		if (w->faults && rng_chance(&w->rng, w->weights.crash)) {
			host_crash(w, n);
			return;
		}
		if (!q || (dirty && others_see(q))) {
			stall(w, n, rng_below(&w->rng, 4), commit);
			return;
		}
		if (w->faults && rng_chance(&w->rng, w->weights.stall)) {
			stall(w, n, rng_below(&w->rng, 30), unstall);
			return;
		}
		n->queue = q->next;
		if (!n->queue)
			n->queue_end = &n->queue;
		carry_out(w, n, q);
		queued_free(q);
	}
}

bool host_idle(const struct node *n)
{
	return n->up && !hook_pending(n) && !n->queue && !n->stalled && !storage_dirty(&n->store);
}

/* ---- life ---- */

static void drop_queue(struct node *n)
{
	while (n->queue) {
		struct queued *q = n->queue;

		n->queue = q->next;
		queued_free(q);
	}
	n->queue_end = &n->queue;
}

static void start_again(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	host_start(w, &w->nodes[node]);
}

void host_crash(struct world *w, struct node *n)
{
	uint32_t rest = RESTART_MSEC + rng_below(&w->rng, rng_chance(&w->rng, 2000) ? 5000 : 200);

	tell(w, "%s CRASH", n->name);
	world_note(w, 0xdead, n->index);
	w->crashes++;
	core_free(n->core);
	n->core = NULL;
	hook_crash(n);
	n->up = false;
	n->stalled = false;
	drop_queue(n);
	storage_crash(&n->store);
	truth_crashed(w, n);
	free(n->stash);
	n->stash = NULL;
	n->nstash = 0;
	n->nfetching = 0;
	for (uint32_t i = 0; i < n->nspots; i++)
		n->spots[i].looked = n->spots[i].drafted = false;
	for (struct fs_hint *h = n->hints; h; h = h->next)
		h->given = 0;
	if (rng_chance(&w->rng, w->weights.fs_crash)) {
		fs_crash(w, n);
		n->fs_up = false; /* until the start: edits go to the plain directory */
		if (rng_chance(&w->rng, w->weights.power))
			power_cut(w, n);
	}
	net_changed(w);
	world_at(w, rest, n->index, 0, start_again, NULL, NULL);
}

void host_killed(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	if (w->faults && w->nodes[node].up)
		host_crash(w, &w->nodes[node]);
}

void host_start(struct world *w, struct node *n)
{
	struct event e = {.type = EVENT_START};

	if (n->up)
		return;
	tell(w, "%s START", n->name);
	n->up = true;
	n->started = true;
	n->life++;
	n->looked_through = false;
	n->wake_at = INT64_MAX;
	memset(n->peer_up, 0, sizeof n->peer_up);
	if (w->weights.lists && n->index == w->nnodes - 1 && rng_chance(&w->rng, 3000)) {
		n->conf.locality = n->conf.locality == n->bare ? n->locality : n->bare;
		tell(w, "%s excludes %s", n->name, n->conf.locality == n->bare ? "nothing" : "b");
	}
	n->core = core_new(&n->conf);
	storage_load(&n->store, n->core);
	truth_loaded(w, n);
	if (n->power_cut)
		core_distrust(n->core);
	n->off = false;
	e.random = rng_next(&w->rng) >> 1 | 1;
	if (w->weights.limited) /* whose its origins are can be seen */
		e.random = (n->index + UINT64_C(1)) << ORIGIN_TAG_SHIFT |
			   e.random >> (63 - ORIGIN_TAG_SHIFT);
	if (core_joining(n->core)) { /* what a life was answered that did not join is over with it */
		memset(n->answered, 0, sizeof n->answered);
		n->returns = false;
	}
	hook_start(w, n);
	host_event(w, n, &e);
	admin_started(w, n);
	fs_give_hints(w, n);
	n->fs_up = true;
	if (!w->weights.quiet_restart)
		fs_hint(w, n, HINT_RESCAN, "", "", 0);
	net_changed(w);
	host_heartbeat(w, n);
	focus_started(w, n);
	host_pump(w, n);
}
