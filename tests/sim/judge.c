/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate: which paths pass it, what is true of a content, how long a judgement takes, what
 * administrators let go. What is true follows from the content alone, the same everywhere, but for a
 * few that only one node finds bad; at last (judge_open) everything is good, and all is judged again.
 *
 * Invariant: what is told here and what is installed has been judged good here, or was let go by an
 * administrator. All chance comes from a stream of its own, so that histories without a gate stay what
 * they are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

#define NEEDS 8 /* of that many paths one is needed */
#define UNKNOWN_LAST_MSEC 10000 /* after everything is good */

static struct world *current; /* whose paths are asked about */

/* ---- what is true ---- */

static uint64_t draw(const struct world *w, const void *bytes, uint64_t salt)
{
	uint64_t h;

	memcpy(&h, bytes, sizeof h);
	return rng_mix(h ^ rng_mix(w->gate.seed ^ salt));
}

static bool chance_of(const struct world *w, const void *bytes, uint64_t salt, uint32_t per_10k)
{
	return draw(w, bytes, salt) % 10000 < per_10k;
}

static bool is_gated(void *arg, const char *path)
{
	uint64_t h = text_hash(path);

	(void)arg;
	return chance_of(current, &h, 1, current->gate.paths);
}

bool judge_gates(const struct world *w, const char *path)
{
	return w->gate.on && is_gated(NULL, path);
}

static bool is_made(const struct world *w, struct hash h)
{
	for (uint32_t i = 0; i < w->gate.nmade; i++)
		if (hash_same(w->gate.made[i].hash, h))
			return true;
	return false;
}

static bool is_bad(const struct world *w, const struct node *n, const struct item *i)
{
	const struct attrs *a = &i->version->attrs;

	if (a->kind != KIND_FILE || is_made(w, a->hash) || !judge_gates(w, i->path))
		return false;
	return chance_of(w, a->hash.b, 2, w->gate.bad) ||
	       chance_of(w, a->hash.b, 100 + n->index, w->gate.local_bad);
}

static bool is_doubtful(const struct world *w, const struct item *i)
{
	const struct attrs *a = &i->version->attrs;
	uint64_t h = text_hash(i->path) + i->version->dot.seq;

	if (!judge_gates(w, i->path))
		return false;
	if (a->kind == KIND_ABSENT)
		return chance_of(w, &h, 3, w->gate.doubt);
	return a->kind == KIND_FILE && !is_made(w, a->hash) &&
	       chance_of(w, a->hash.b, 4, w->gate.doubt);
}

static bool is_rewritten(const struct world *w, const struct item *i)
{
	const struct attrs *a = &i->version->attrs;

	return a->kind == KIND_FILE && judge_gates(w, i->path) && !is_made(w, a->hash) &&
	       chance_of(w, a->hash.b, 5, w->gate.rewrite);
}

/* A path that has to be there with it. */
static bool needs(const struct world *w, const struct item *i, char out[SIM_PATH_MAX])
{
	const struct attrs *a = &i->version->attrs;

	if (a->kind != KIND_FILE || !judge_gates(w, i->path) ||
	    !chance_of(w, a->hash.b, 6, w->gate.needs))
		return false;
	snprintf(out, SIM_PATH_MAX, "%c",
		 'a' + (int)(draw(w, a->hash.b, 7) % (w->weights.names ? w->weights.names : 1)));
	return strcmp(out, i->path) != 0;
}

static bool is_there(struct node *n, const struct trial *t, const char *path)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (strcmp(t->items[i].path, path) == 0)
			return version_live(t->items[i].version);
	return disk_find(&n->disk, path);
}

/* ---- what was judged ---- */

static bool same_thing(const struct judged *j, const char *path, const struct attrs *a)
{
	return j->path == text_hash(path) && j->kind == a->kind && hash_same(j->hash, a->hash);
}

static bool was_judged(const struct node *n, const char *path, const struct attrs *a, bool doubt)
{
	for (uint32_t i = 0; i < n->njudged; i++)
		if (same_thing(&n->judged[i], path, a) && n->judged[i].doubt == doubt)
			return true;
	return false;
}

static void judged(struct node *n, const char *path, const struct attrs *a, bool doubt)
{
	if (was_judged(n, path, a, doubt))
		return;
	n->judged = realloc(n->judged, (n->njudged + 1) * sizeof *n->judged);
	if (!n->judged)
		abort();
	n->judged[n->njudged++] = (struct judged){text_hash(path), a->kind, a->hash, doubt};
}

/* ---- judging ---- */

struct judging {
	struct trial *trial;
};

static void judging_free(void *arg)
{
	struct judging *j = arg;

	trial_free(j->trial);
	free(j);
}

struct answer {
	struct verdict v;
	const char *needs[OP_VERSIONS_MAX];
	char need[SIM_PATH_MAX];
	struct rewrite rewrites[OP_VERSIONS_MAX];
};

/* Contents of the trial that are not in the store: they are fetched. */
static void look_for_contents(struct world *w, const struct node *n, const struct trial *t,
			      struct answer *a)
{
	for (uint32_t i = 0; i < t->n; i++) {
		const struct attrs *x = &t->items[i].version->attrs;

		if (x->kind != KIND_FILE || storage_has(&n->store, x->hash))
			continue;
		if (t->own)
			world_fail(w, "durable before said", "%s judges %s without its content",
				   n->name, t->items[i].path);
		a->v.kind = VERDICT_UNKNOWN;
		if (a->v.nneeds < OP_VERSIONS_MAX)
			a->needs[a->v.nneeds++] = t->items[i].path;
	}
}

/* For a while also when everything is good: then only the core itself tries it again. */
static bool is_unknown(struct world *w)
{
	if (!w->gate.unknown || !w->gate.open)
		return rng_chance(&w->gate.rng, w->gate.unknown);
	return w->now < w->gate.open_at + UNKNOWN_LAST_MSEC && rng_chance(&w->gate.rng, 5000);
}

static enum verdict_kind find_verdict(struct world *w, struct node *n, const struct trial *t,
			       struct answer *a)
{
	bool doubt = false;

	if (is_unknown(w))
		return VERDICT_UNKNOWN;
	if (w->gate.open)
		return VERDICT_GOOD;
	for (uint32_t i = 0; i < t->n; i++) {
		if (is_bad(w, n, &t->items[i]))
			return VERDICT_BAD;
		doubt |= is_doubtful(w, &t->items[i]);
	}
	for (uint32_t i = 0; i < t->n; i++)
		if (needs(w, &t->items[i], a->need) && !is_there(n, t, a->need)) {
			a->needs[0] = a->need;
			a->v.nneeds = 1;
			return VERDICT_BAD;
		}
	if (!t->own)
		return VERDICT_GOOD;
	if (doubt)
		return VERDICT_DOUBT;
	for (uint32_t i = 0; i < t->n; i++)
		if (is_rewritten(w, &t->items[i]))
			return VERDICT_REWRITE;
	return VERDICT_GOOD;
}

static void rewrite(struct world *w, struct node *n, const struct trial *t, struct answer *a)
{
	bool doubt = a->v.kind == VERDICT_DOUBT;

	for (uint32_t i = 0; i < t->n && i < OP_VERSIONS_MAX; i++) {
		struct attrs as = t->items[i].version->attrs;

		if (!is_rewritten(w, &t->items[i])) {
			judged(n, t->items[i].path, &as, doubt);
			continue;
		}
		as.hash = content_hash(++w->contents);
		as.size = content_size(w->contents);
		storage_put(&n->store, as.hash);
		w->gate.made = realloc(w->gate.made, (w->gate.nmade + 1) * sizeof *w->gate.made);
		if (!w->gate.made)
			abort();
		w->gate.made[w->gate.nmade++] =
		    (struct made){as.hash, t->items[i].version->attrs.hash};
		judged(n, t->items[i].path, &as, doubt);
		a->rewrites[a->v.nrewrites++] =
		    (struct rewrite){t->items[i].path, {{0}}, as.hash, as.size};
	}
}

static void verdict(struct world *w, uint8_t node, void *arg)
{
	static const char *const words[] = {"", "good", "bad", "doubtful", "not known", "mended"};
	static struct answer a; /* large */
	struct node *n = &w->nodes[node];
	const struct trial *t = ((struct judging *)arg)->trial;
	struct event e = {.type = EVENT_VERDICT, .verdict = &a.v};

	memset(&a.v, 0, sizeof a.v);
	a.v.id = t->id;
	a.v.needs = a.needs;
	a.v.rewrites = a.rewrites;
	look_for_contents(w, n, t, &a);
	if (a.v.kind == VERDICT_NONE)
		a.v.kind = find_verdict(w, n, t, &a);
	if (a.v.kind != VERDICT_GOOD && a.v.kind != VERDICT_REWRITE)
		a.v.words = words[a.v.kind];
	if (a.v.kind == VERDICT_REWRITE || (a.v.kind == VERDICT_DOUBT && t->own))
		rewrite(w, n, t, &a);
	for (uint32_t i = 0; i < t->n; i++)
		if (a.v.kind == VERDICT_GOOD || a.v.kind == VERDICT_DOUBT)
			judged(n, t->items[i].path, &t->items[i].version->attrs,
			       a.v.kind == VERDICT_DOUBT);
	w->gate.verdicts[a.v.kind]++;
	tell(w, "%s gate: trial %llu of %u is %s", n->name, (unsigned long long)t->id, t->n,
	     words[a.v.kind]);
	host_event(w, n, &e);
	host_pump(w, n);
}

/* Somebody goes on working on what is being judged. */
static void goes_on(struct world *w, uint8_t node, void *path)
{
	struct node *n = &w->nodes[node];

	if (w->faults && disk_find(&n->disk, path) && !truth_full(w, path))
		session_start(w, n, path, USER_SAVE);
}

static void may_go_on(struct world *w, struct node *n, const struct trial *t, uint32_t msec)
{
	char *path;

	if (!t->own || !w->faults || !rng_chance(&w->gate.rng, w->gate.hasty))
		return;
	path = strdup(t->items[rng_below(&w->gate.rng, t->n)].path);
	if (!path)
		abort();
	world_at(w, rng_below(&w->gate.rng, msec + 1), n->index, n->life, goes_on, free, path);
}

void judge_trial(struct world *w, struct node *n, const struct trial *t)
{
	struct judging *j = malloc(sizeof *j);
	uint32_t msec = rng_below(&w->gate.rng, w->gate.slow);

	if (!j)
		abort();
	for (uint32_t i = 0; i < t->n; i++)
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(t->items[i].path, t->items[k].path) == 0)
				world_fail(w, "simulator", "%s judges %s twice at once", n->name,
					   t->items[i].path);
	j->trial = trial_copy(t);
	if (rng_chance(&w->gate.rng, 1000))
		msec *= 10;
	may_go_on(w, n, t, msec);
	world_at(w, msec, n->index, n->life, verdict, judging_free, j);
}

/* ---- the invariant ---- */

/* What was let go, or what rewriting made of it. */
static bool is_of(const struct world *w, const struct attrs *a, const struct attrs *decided)
{
	if (!(attrs_compare(a, decided) & (CHANGED_KIND | CHANGED_CONTENT)))
		return true;
	for (uint32_t i = 0; a->kind == decided->kind && i < w->gate.nmade; i++)
		if (hash_same(w->gate.made[i].hash, a->hash) &&
		    hash_same(w->gate.made[i].of, decided->hash))
			return true;
	return false;
}

/* The safety brake's were approved. */
static bool is_approved(struct world *w, struct node *n, const char *path, const struct attrs *a)
{
	const struct spot *spot = truth_spot(w, n, path);

	return was_judged(n, path, a, true) &&
	       (w->now < n->approves_until || (spot->held && !spot->draft_group) ||
		(spot->approved && is_of(w, a, &spot->approved_attrs)));
}

/* It passes the gate, or the gate holds it with something that does. */
static bool is_judged(struct world *w, struct node *n, const char *path)
{
	const struct spot *spot = truth_spot(w, n, path);

	return judge_gates(w, path) || (spot->held && spot->draft_group && !(spot->draft_group & 1));
}

void judge_told(struct world *w, struct node *n, const char *path, const struct version *v)
{
	const struct spot *spot = truth_spot(w, n, path);
	bool forces = w->now < n->forces_until ||
		      (spot->forced && !(attrs_compare(&spot->forced_attrs, &v->attrs) &
					 (CHANGED_KIND | CHANGED_CONTENT)));

	if (!w->gate.on || v->import || v->combined || strcmp(v->who.command, SIM_ORDER) == 0)
		return;
	if (v->forced && !forces && (v->changed & (CHANGED_KIND | CHANGED_CONTENT)))
		world_fail(w, "only checked data is served", "%s tells %s as forced", n->name,
			   path);
	if (!(v->changed & (CHANGED_KIND | CHANGED_CONTENT)) || (forces && v->forced) ||
	    !is_judged(w, n, path) || was_judged(n, path, &v->attrs, false) ||
	    is_approved(w, n, path, &v->attrs))
		return;
	world_fail(w, "only checked data is served", "%s tells %s unchecked", n->name, path);
}

void judge_installs(struct world *w, struct node *n, const char *path, const struct intent *i)
{
	const struct truth *t = truth_find(w, path, i->dot);

	if (!judge_gates(w, path) || i->kind == INTENT_INPLACE || !t ||
	    (t->version->forced && t->version->attrs.kind == i->attrs.kind))
		return;
	if (!was_judged(n, path, &t->version->attrs, false))
		world_fail(w, "only checked data is served", "%s installs %s unchecked", n->name,
			   path);
}

/* ---- administrators ---- */

struct deciding {
	struct world *w;
	struct node *n;
	const char *path;
	uint32_t gate;   /* paths there that the gate holds, */
	uint32_t others; /* or somebody else */
	uint32_t pick;   /* of the former, to find one */
	bool discards;
	bool forces;
	bool approves;
};

static bool below_or_same(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '/' || !path[len]);
}

static bool pick_one(void *arg, const struct core_path *p)
{
	struct deciding *d = arg;

	if (core_held_by(p->draft) != HELD_GATE)
		return true;
	d->gate++;
	if (d->gate > d->pick && !d->path)
		d->path = p->path;
	return true;
}

static void approve(struct world *w, struct node *n, const struct core_path *p)
{
	struct spot *spot = truth_spot(w, n, p->path);

	spot->approved = true;
	spot->approved_attrs = p->draft->attrs;
}

static bool look_at(void *arg, const struct core_path *p)
{
	struct deciding *d = arg;

	if (!p->draft || !below_or_same(p->path, d->path))
		return true;
	d->others += core_held_by(p->draft) != HELD_GATE;
	if (d->discards && core_held_by(p->draft) == HELD_GATE)
		truth_spot(d->w, d->n, p->path)->discarded = true;
	if (d->forces && core_held_by(p->draft) == HELD_GATE) {
		truth_spot(d->w, d->n, p->path)->forced = true;
		truth_spot(d->w, d->n, p->path)->forced_attrs = p->draft->attrs;
	}
	if (d->approves && core_held_by(p->draft) == HELD_GATE)
		approve(d->w, d->n, p);
	return true;
}

static bool approve_held(void *arg, const struct core_path *p)
{
	if (core_held_by(p->draft) == HELD_GATE)
		approve(current, arg, p);
	return true;
}

void judge_approved(struct node *n)
{
	core_each(n->core, "", approve_held, n);
}

/* About one path that the gate holds, if there is any. */
static void decide(struct world *w, uint8_t node, void *arg)
{
	static const enum event_type types[] = {EVENT_RELEASE, EVENT_RELEASE, EVENT_APPROVE,
						EVENT_APPROVE, EVENT_DISCARD};
	struct node *n = &w->nodes[node];
	struct deciding d = {.w = w, .n = n};
	struct decision about = {.n = 1};
	struct event e = {.type = types[rng_below(&w->gate.rng, 5)], .decision = &about};

	(void)arg;
	if (!n->up || !n->core)
		return;
	core_each(n->core, "", pick_one, &d);
	if (!d.gate)
		return;
	d.pick = rng_below(&w->gate.rng, d.gate);
	d.gate = 0;
	d.path = NULL;
	core_each(n->core, "", pick_one, &d);
	core_each(n->core, "", look_at, &d);
	if (d.others)
		return;
	d.discards = e.type == EVENT_DISCARD;
	d.forces = e.type == EVENT_RELEASE;
	d.approves = e.type == EVENT_APPROVE;
	core_each(n->core, "", look_at, &d);
	char *path = strdup(d.path);
	const char *paths[] = {path};
	about.paths = paths;
	about.force = e.type == EVENT_RELEASE;
	tell(w, "%s administrator: what the gate holds at %s is %s", n->name, path,
	     about.force ? "forced" : d.discards ? "put back" : "approved");
	w->gate.decided++;
	if (about.force)
		n->forces_until = w->now + 10000;
	if (e.type == EVENT_APPROVE)
		n->approves_until = w->now + JUDGED_BY_MSEC;
	host_event(w, n, &e);
	host_pump(w, n);
	free(path);
}

#define EDIT_MSEC 40000

/* Of what the gate holds and is set aside: all of it, or what cannot be brought back. */
struct asides {
	const char *paths[PATHS_TRUTH_MAX];
	uint32_t n;
	uint32_t of;
	bool stuck;
};

static bool find_aside(void *arg, const struct core_path *p)
{
	struct asides *a = arg;

	if (core_held_by(p->draft) != HELD_GATE || !p->draft->aside)
		return true;
	a->of++;
	if (!a->stuck || p->waiting)
		a->paths[a->n++] = p->path;
	return a->n < PATHS_TRUTH_MAX;
}

/* At last it is edited; what cannot be, since its directory has gone meanwhile, or since others have put
 * something into one that is to go, is discarded. */
void judge_settle(struct world *w, struct node *n)
{
	static struct asides a; /* large */
	struct decision some = {.paths = a.paths};
	struct event e = {.type = EVENT_EDIT, .decision = &some};

	if (!w->gate.open || !n->up)
		return;
	memset(&a, 0, sizeof a);
	a.stuck = n->edits_since && w->now - n->edits_since > EDIT_MSEC;
	core_each(n->core, "", find_aside, &a);
	if (!a.of || !n->edits_since)
		n->edits_since = a.of ? w->now : 0;
	if (!a.n)
		return;
	if (a.stuck) {
		e.type = EVENT_DISCARD;
		tell(w, "%s administrator: %u paths cannot be edited, and are put back", n->name, a.n);
	}
	some.n = a.n;
	host_event(w, n, &e);
	host_pump(w, n);
}

static void again(struct world *w, uint8_t node, void *arg)
{
	struct event e = {.type = EVENT_REJUDGE};

	(void)arg;
	if (!w->nodes[node].up)
		return;
	host_event(w, &w->nodes[node], &e);
	host_pump(w, &w->nodes[node]);
}

static void open_all(struct world *w, uint8_t node, void *arg)
{
	(void)node;
	(void)arg;
	tell(w, "---- everything is good ----");
	w->gate.open = true;
	w->gate.open_at = w->now;
	for (uint8_t i = 0; i < w->nnodes; i++)
		again(w, i, NULL);
}

void judge_open(struct world *w)
{
	if (w->gate.on)
		world_at(w, rng_below(&w->gate.rng, 4000), 0, 0, open_all, NULL, NULL);
}

/* ---- what kind of history ---- */

void judge_draw(struct world *w)
{
	struct rng *r = &w->gate.rng;

	current = w;
	r->state = rng_mix(w->seed ^ UINT64_C(0x67617465)); /* "gate" */
	w->gate.seed = rng_next(r);
	w->gate.on = rng_chance(r, 3333) && !sim_options.limited && !sim_options.lists;
	w->gate.paths = rng_chance(r, 5000) ? 10000 : rng_range(r, 2000, 8000);
	w->gate.bad = rng_chance(r, 7000) ? rng_below(r, 3000) : 0;
	w->gate.local_bad = rng_chance(r, 3000) ? rng_below(r, 1000) : 0;
	w->gate.doubt = rng_chance(r, 4000) ? rng_below(r, 3000) : 0;
	w->gate.unknown = rng_chance(r, 3000) ? rng_below(r, 2000) : 0;
	w->gate.rewrite = rng_chance(r, 4000) ? rng_below(r, 5000) : 0;
	w->gate.needs = rng_chance(r, 3000) ? rng_below(r, 4000) : 0;
	w->gate.slow = rng_chance(r, 5000) ? rng_range(r, 1, 50) : rng_range(r, 50, 1500);
	w->gate.hasty = rng_chance(r, 4000) ? rng_below(r, 2500) : 0;
	if (sim_options.gate)
		w->gate.on = true;
}

void judge_start(struct world *w)
{
	uint32_t span = w->weights.actions * w->weights.pause_msec / 2 + 1000;

	if (!w->gate.on)
		return;
	for (uint8_t i = 0; i < w->nnodes; i++)
		w->nodes[i].conf.gated = is_gated;
	for (uint32_t i = rng_below(&w->gate.rng, 20); i > 0; i--)
		world_at(w, rng_below(&w->gate.rng, span),
			 (uint8_t)rng_below(&w->gate.rng, w->nnodes), 0, decide, NULL, NULL);
	for (uint32_t i = rng_below(&w->gate.rng, 4); i > 0; i--)
		world_at(w, rng_below(&w->gate.rng, span),
			 (uint8_t)rng_below(&w->gate.rng, w->nnodes), 0, again, NULL, NULL);
}
