/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Virtual time: a heap of events, fired one after the other; and the course of a history: edits and
 * faults first, then everything is healed, and after a bounded time all must be equal and quiet.
 */
#include "tests/sim/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_MAX_MSEC 240000
#define DAY_MSEC INT64_C(86400000)
#define STAYS_MSEC 40000 /* longer than anything that waits */

void world_note(struct world *w, uint64_t a, uint64_t b)
{
	w->hash = rng_mix(w->hash ^ a) + b;
}

uint64_t text_hash(const char *s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; s && *s; s++)
		h = (h ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
	return h;
}

void world_tell(struct world *w, const char *format, ...)
{
	va_list ap;

	printf("t=%lld ", (long long)w->now);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
}

void world_fail(struct world *w, const char *invariant, const char *format, ...)
{
	va_list ap;
	int at;

	if (w->failed)
		return;
	w->failed = true;
	at = snprintf(w->failure, sizeof w->failure, "%s: t=%lld ", invariant, (long long)w->now);
	va_start(ap, format);
	vsnprintf(w->failure + at, sizeof w->failure - (size_t)at, format, ap);
	va_end(ap);
	tell(w, "FAILED %s", w->failure);
}

int64_t node_wall_msec(const struct world *w, const struct node *n)
{
	return WALL_START_MSEC + w->now + w->now * n->drift_ppm / 1000000 + w->days_msec +
	       n->skew_msec;
}

/* ---- the heap ---- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void swap(struct sim_event *a, struct sim_event *b)
{
	struct sim_event t = *a;

	*a = *b;
	*b = t;
}

void world_at(struct world *w, int64_t delay_msec, uint8_t node, uint64_t life,
	      void (*fire)(struct world *, uint8_t, void *), void (*drop)(void *), void *arg)
{
	uint32_t i = w->nheap++;

	if (w->nheap > w->heap_cap) {
		w->heap_cap = w->heap_cap ? 2 * w->heap_cap : 256;
		w->heap = realloc(w->heap, w->heap_cap * sizeof *w->heap);
		if (!w->heap)
			abort();
	}
	w->heap[i] =
	    (struct sim_event){w->now + delay_msec, w->order++, node, life, fire, drop, arg};
	for (; i > 0 && before(&w->heap[i], &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&w->heap[i], &w->heap[(i - 1) / 2]);
}

static struct sim_event heap_pop(struct world *w)
{
	struct sim_event top = w->heap[0];
	uint32_t i = 0;

	w->heap[0] = w->heap[--w->nheap];
	for (;;) {
		uint32_t least = i;

		for (uint32_t k = 2 * i + 1; k <= 2 * i + 2; k++)
			if (k < w->nheap && before(&w->heap[k], &w->heap[least]))
				least = k;
		if (least == i)
			return top;
		swap(&w->heap[i], &w->heap[least]);
		i = least;
	}
}

static void fire_one(struct world *w)
{
	struct sim_event e = heap_pop(w);

	if (e.at > w->now)
		w->now = e.at;
	if (e.life == 0 || (w->nodes[e.node].up && w->nodes[e.node].life == e.life))
		e.fire(w, e.node, e.arg);
	if (e.drop)
		e.drop(e.arg);
}

static void run_until(struct world *w, int64_t until)
{
	while (!w->failed && w->nheap > 0 && w->heap[0].at <= until)
		fire_one(w);
	if (w->now < until)
		w->now = until;
}

/* ---- the course ---- */

static int64_t a_day_at_most(struct world *w)
{
	return (int64_t)rng_below(&w->rng, 2 * 86400000) - 86400000;
}

void world_set_clock(struct world *w, struct node *n)
{
	int64_t step =
	    rng_chance(&w->rng, 5000) ? a_day_at_most(w) : (int64_t)rng_below(&w->rng, 4000) - 2000;

	if (!w->faults)
		return;
	n->skew_msec += step;
	tell(w, "%s its clock is set by %lld ms", n->name, (long long)step);
}

/* All others limit the last one. */
static void node_limits(struct world *w, struct node *n)
{
	const char *why;

	if (!w->weights.limited)
		return;
	if (!w->accepted) {
		w->accepted = patterns_new();
		if (!w->accepted || patterns_add(w->accepted, "a/**", &why) < 0)
			abort();
	}
	for (uint32_t i = 0; i < n->conf.npeers; i++) {
		n->origin_tags[i] = n->peer_node[i] + 1u;
		if (n->peer_node[i] == w->nnodes - 1)
			n->accept[i] = w->accepted;
	}
	n->conf.accept = n->accept;
	n->conf.origin_tags = n->origin_tags;
}

static void set_clock(struct world *w, uint8_t node, void *arg)
{
	(void)node;
	(void)arg;
	world_set_clock(w, &w->nodes[rng_below(&w->rng, w->nnodes)]);
}

static void node_init(struct world *w, uint8_t index)
{
	struct node *n = &w->nodes[index];
	const char *why;

	n->index = index;
	snprintf(n->name, sizeof n->name, "n%u", index + 1);
	disk_init(&n->disk, (uint64_t)(index + 1) << 32);
	n->hints_end = &n->hints;
	n->queue_end = &n->queue;
	n->locality = locality_new();
	n->bare = locality_new();
	if (!n->locality || !n->bare)
		abort();
	if (rng_chance(&w->rng, w->weights.exclude) ||
	    (w->weights.lists && index == w->nnodes - 1))
		locality_exclude(n->locality, "b", &why);
	if (w->weights.skewed)
		n->skew_msec = a_day_at_most(w);
	if (w->weights.skewed)
		n->drift_ppm = (int32_t)rng_below(&w->rng, 20000) - 10000;
	for (uint8_t i = 0; i < w->nnodes; i++) {
		if (!net_linked(w, i, index))
			continue;
		n->peer_node[n->conf.npeers] = i;
		n->peer_names[n->conf.npeers++] = w->nodes[i].name;
	}
	n->conf.node = n->name;
	n->conf.locality = n->locality;
	node_limits(w, n);
	n->conf.delete_delay_msec = 100;
	n->conf.max_file_size = UINT64_C(1) << 30;
	n->conf.page_versions = w->weights.page_versions;
	n->conf.peers = n->peer_names;
	n->conf.collect_every_msec = 2000;
	n->conf.brake_share = w->weights.brake_share;
	n->conf.brake_paths = 1;
}

static void start_node(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	host_start(w, &w->nodes[node]);
}

static void start_alone(struct world *w, uint8_t node, void *arg)
{
	struct event e = {.type = EVENT_START_ALONE};

	(void)arg;
	w->nodes[node].alone = w->nodes[node].alone || w->nodes[node].up;
	host_event(w, &w->nodes[node], &e);
	host_pump(w, &w->nodes[node]);
}

/* Clocks go on by more than a day: what was deleted may be forgotten by those who all know it. */
static void day_passes(struct world *w, uint8_t node, void *arg)
{
	(void)node;
	(void)arg;
	w->days_msec += DAY_MSEC + DAY_MSEC / 10;
	tell(w, "a day passes");
}

static void forget(struct world *w, uint8_t node, void *arg)
{
	struct event e = {.type = EVENT_FORGET};

	(void)arg;
	if (!w->faults)
		return;
	e.path = w->nodes[w->weights.absence ? w->away : rng_below(&w->rng, w->nnodes)].name;
	tell(w, "%s forgets %s", w->nodes[node].name, e.path);
	host_event(w, &w->nodes[node], &e);
	host_pump(w, &w->nodes[node]);
}

/* One node is cut off for most of the history; the others, who may be told that it does not come
 * back, go on. It returns when the faults end, or before. */
static void goes_away(struct world *w, uint8_t node, void *arg)
{
	(void)arg;
	if (w->faults)
		net_isolate(w, node);
}

static void comes_back(struct world *w, uint8_t node, void *arg)
{
	(void)node;
	(void)arg;
	net_heal(w);
}

static void somebody_is_away(struct world *w, int64_t span)
{
	uint8_t who = (uint8_t)(w->seed % w->nnodes);

	w->away = who;
	world_at(w, rng_below(&w->rng, (uint32_t)span / 2), who, 0, goes_away, NULL, NULL);
	if (rng_chance(&w->rng, 3000))
		world_at(w, span / 2 + rng_below(&w->rng, (uint32_t)span / 2), who, 0, comes_back,
			 NULL, NULL);
}

static void days_and_forgetting(struct world *w)
{
	int64_t span = (int64_t)w->weights.actions * w->weights.pause_msec / 2 + 4000;

	for (uint32_t i = 0; i < w->weights.days; i++)
		world_at(w, rng_below(&w->rng, (uint32_t)span), 0, 0, day_passes, NULL, NULL);
	for (uint32_t i = 0; i < w->weights.forgets; i++)
		world_at(w, rng_below(&w->rng, (uint32_t)span),
			 (uint8_t)rng_below(&w->rng, w->nnodes), 0, forget, NULL, NULL);
	if (w->weights.absence)
		somebody_is_away(w, span);
}

static void begin(struct world *w)
{
	for (uint8_t i = 0; i < w->nnodes; i++)
		snprintf(w->nodes[i].name, sizeof w->nodes[i].name, "n%u", i + 1);
	for (uint8_t i = 0; i < w->nnodes; i++)
		node_init(w, i);
	user_initial_trees(w);
	net_start(w);
	for (uint8_t i = 0; i < w->nnodes; i++) {
		bool late = w->weights.late && i == w->nnodes - 1;
		int64_t span = (int64_t)w->weights.actions * w->weights.pause_msec / 2;
		int64_t at = rng_below(&w->rng, 300);

		if (late)
			at += span / 2;
		world_at(w, at, i, 0, start_node, NULL, NULL);
		if (w->weights.start_alone && !late)
			world_at(w, at + 1 + rng_below(&w->rng, 2000), i, 0, start_alone, NULL,
				 NULL);
	}
	for (uint32_t i = 0; i < w->weights.clock_steps; i++)
		world_at(w, rng_below(&w->rng, w->weights.actions * w->weights.pause_msec + 1), 0,
			 0, set_clock, NULL, NULL);
	user_start(w);
	days_and_forgetting(w);
	images_start(w);
	power_start(w);
	admin_start(w);
	focus_start(w);
	judge_start(w);
}

static void make_whole(struct world *w)
{
	tell(w, "---- the faults end ----");
	w->faults = false;
	net_heal(w);
	for (uint8_t i = 0; i < w->nnodes; i++)
		if (!w->nodes[i].up)
			host_start(w, &w->nodes[i]);
	net_changed(w);
	judge_open(w);
}

static void settle(struct world *w)
{
	int64_t end = w->now + SETTLE_MAX_MSEC;
	const char *not_yet;

	do {
		run_until(w, w->now + 500);
		for (uint8_t i = 0; i < w->nnodes && !w->failed; i++)
			admin_decide(w, &w->nodes[i]);
		for (uint8_t i = 0; i < w->nnodes && !w->failed; i++)
			judge_settle(w, &w->nodes[i]);
		not_yet = check_settled(w);
		/* Who began to edit before the faults ended may open the file only seconds later. What
		 * comes of that is a version of something: it belongs before the count below. */
	} while ((not_yet || w->sessions > 0) && w->now < end && !w->failed);
	if (not_yet)
		world_fail(w, "converges", "%s", not_yet);
	if (w->failed)
		return;
	run_until(w, w->now + 3000); /* a look that failed is done again by then */
	/* What somebody went on saving may be judged later. */
	for (int i = 0; i < 60 && w->gate.on && !w->failed && check_settled(w); i++)
		run_until(w, w->now + 500);
	for (uint8_t i = 0; i < w->nnodes; i++)
		w->nodes[i].own_versions = 0;
	run_until(w, w->now + STAYS_MSEC);
	not_yet = check_settled(w);
	for (int i = 0; i < 10 && not_yet; i++) { /* something that has to wait is tried again */
		run_until(w, w->now + 50);
		not_yet = check_settled(w);
	}
	if (not_yet)
		world_fail(w, "converges", "not any more: %s", not_yet);
	for (uint8_t i = 0; i < w->nnodes; i++)
		if (w->nodes[i].own_versions)
			world_fail(w, "converges", "%s makes versions of nothing",
				   w->nodes[i].name);
}

void world_run(struct world *w, uint64_t seed, bool trace)
{
	*w = (struct world){.seed = seed, .trace = trace, .faults = true, .contents = 100};
	w->rng.state = rng_mix(seed + 1) ^ UINT64_C(0x7a6f6e656673);
	weights_draw(&w->weights, &w->rng);
	judge_draw(w);
	w->nnodes = w->weights.nodes;
	tell(w, "seed %llu: %s, %u nodes, %u actions", (unsigned long long)seed, w->weights.flavour,
	     w->nnodes, w->weights.actions);
	if (trace)
		trace_legend();
	begin(w);
	while (!w->failed && (w->actions_left > 0 || w->sessions > 0))
		fire_one(w);
	run_until(w, w->now + rng_below(&w->rng, 2000));
	if (w->failed)
		return;
	make_whole(w);
	settle(w);
	if (!w->failed)
		check_end(w);
}

static void print_below(const struct inode *dir)
{
	char path[SIM_PATH_MAX];

	for (uint32_t i = 0; i < dir->nkids; i++) {
		if (disk_path(dir->kids[i], path))
			printf(" %s%s", path, dir->kids[i]->kind == KIND_DIR ? "/" : "");
		print_below(dir->kids[i]);
	}
}

static bool print_waiting(void *arg, const struct core_path *p)
{
	(void)arg;
	if (p->waiting)
		printf("   %s waits: %s%s; shown: %s\n", p->path, p->waiting,
		       p->unwanted ? " (unwanted)" : "",
		       p->shown ? kind_text(p->shown->attrs.kind) : "never");
	return true;
}

void world_print_trees(const struct world *w)
{
	for (uint32_t i = 0; i < w->nnodes; i++) {
		printf("%s has", w->nodes[i].name);
		print_below(w->nodes[i].disk.root);
		putchar('\n');
		if (w->nodes[i].core)
			core_each(w->nodes[i].core, "", print_waiting, NULL);
	}
}

static void node_fini(struct node *n)
{
	if (n->core) {
		core_free(n->core);
		hook_crash(n);
	}
	while (n->queue) {
		struct queued *q = n->queue;

		n->queue = q->next;
		effect_fini(&q->e);
		free(q->heartbeat);
		if (q->nodes)
			known_nodes_fini(q->nodes);
		free(q->nodes);
		free(q);
	}
	while (n->hints) {
		struct fs_hint *h = n->hints;

		n->hints = h->next;
		free(h);
	}
	storage_fini(&n->store);
	disk_fini(&n->disk);
	disk_fini(&n->stable);
	locality_free(n->locality);
	locality_free(n->bare);
	free(n->spots);
	free(n->stash);
	free(n->fetching);
	free(n->judged);
}

void world_fini(struct world *w)
{
	images_forget(w);
	patterns_free(w->accepted);
	w->accepted = NULL;
	for (uint32_t i = 0; i < w->nheap; i++)
		if (w->heap[i].drop)
			w->heap[i].drop(w->heap[i].arg);
	free(w->heap);
	for (uint32_t i = 0; i < w->nnodes; i++)
		node_fini(&w->nodes[i]);
	free(w->gate.made);
	truth_fini(w);
}
