/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the control socket asks of the node as a whole.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "replicator/contents.h"
#include "replicator/hollow.h"
#include "replicator/judge/judge_forward.h"
#include "replicator/node_internal.h"
#include "replicator/repair.h"
#include "replicator/runner.h"
#include "replicator/runs.h"
#include "replicator/taker.h"

static void add_waited(void *arg, uint32_t peer)
{
	*(uint64_t *)arg |= 1ull << peer;
}

void node_status(struct node *n, struct node_status *s)
{
	struct heartbeat h;
	struct core_gate gate;
	struct core_set set;

	memset(s, 0, sizeof(*s));
	struct zones_status zones;
	zones_status(n->zones, &zones);
	s->zones = zones.state;
	s->zones_words = zones.words;
	s->zones_since_msec = zones.since_msec;
	core_heartbeat(n->core, &h, n->wall_msec, n->now_msec);
	s->node = n->conf->node;
	s->started_msec = n->started_msec;
	s->joining = h.joining;
	s->looking = !s->joining && !n->looked_through;
	if (s->joining)
		core_waits_for(n->core, add_waited, &s->waits_for);
	s->blocked = runner_blocked(n->runner);
	s->blocked_since_msec = n->blocked_since_msec;
	s->paused_msec = n->paused_msec;
	s->paused_by = n->paused_by;
	s->ops = h.ops;
	s->tree = h.tree;
	s->digest = h.digest;
	s->pending = h.pending;
	s->lag_msec = h.lag_msec;
	s->conflicts = h.conflicts;
	s->tombstones = core_tombstones(n->core);
	core_gate(n->core, &gate);
	s->judging = gate.judging;
	s->zones_checked = n->zones_checked;
	s->held = core_held(n->core) - gate.judging;
	s->braked = core_braked(n->core);
	if (core_set(n->core, &set)) {
		s->set_msec = set.since_msec;
		s->set_user = set.user;
	}
	s->damaged = repair_left(n->repair);
	s->damaged_all = repair_found(n->repair, &s->damaged_msec);
	s->mended = core_mended(n->core);
	s->hollow = hollow_count(n->hollow);
	s->put_aside_msec = n->put_aside_msec;
	s->put_aside_old = n->put_aside_old;
	s->hooks_failing = runs_failing(n->runs);
	contents_progress(n->contents, &s->fetching);
	s->refused_links = link_refused(n->link, s->refused_address, sizeof(s->refused_address));
	store_usage(n->store, &s->usage);
}

/* ---- troubles ---- */

struct troubles {
	bool (*each)(void *arg, const struct trouble *t);
	void *arg;
	bool stopped;
};

static bool tell(struct troubles *t, enum trouble_kind kind, const char *path, const char *words,
		 uint32_t peer)
{
	struct trouble trouble = {kind, path, words, peer};

	if (!t->stopped)
		t->stopped = !t->each(t->arg, &trouble);
	return !t->stopped;
}

static void tell_held(struct troubles *t, const struct core_path *p)
{
	static const char *const held_by[] = {[HELD_SET] = "by a change set",
					      [HELD_BRAKE] = "by the safety brake",
					      [HELD_GATE] = "by the gate"};
	char words[512];

	snprintf(words, sizeof(words), "%s%s%s%s", held_by[core_held_by(p->draft)],
		 p->draft->aside ? ", and set aside" : "", p->words ? ": " : "",
		 p->words ? p->words : "");
	words[strcspn(words, "\n")] = '\0';
	tell(t, TROUBLE_HELD, p->path, words, UINT32_MAX);
}

static bool look_at(void *arg, const struct core_path *p)
{
	struct troubles *t = arg;
	char words[64], said[512];

	if (p->waiting && p->words && !p->draft) {
		snprintf(said, sizeof(said), "%s: %s", p->waiting, p->words);
		said[strcspn(said, "\n")] = '\0';
		tell(t, TROUBLE_WAITING, p->path, said, p->waiting_for_peer);
	} else if (p->waiting) {
		tell(t, TROUBLE_WAITING, p->path, p->waiting, p->waiting_for_peer);
	}
	if (p->unwanted)
		tell(t, TROUBLE_UNWANTED, p->path, "", UINT32_MAX);
	if (p->shown && p->shown->raised)
		tell(t, TROUBLE_RAISED, p->path, "", UINT32_MAX);
	if (p->shown && p->shown->leftover)
		tell(t, TROUBLE_LEFTOVER, p->path, "", UINT32_MAX);
	if (p->draft && !core_judging(p))
		tell_held(t, p);
	if (p->mended)
		tell(t, TROUBLE_MENDED, p->path, p->mended, UINT32_MAX);
	if (p->conflict) {
		snprintf(words, sizeof(words), "%u versions", p->n);
		tell(t, TROUBLE_CONFLICT, p->path, words, UINT32_MAX);
	}
	return !t->stopped;
}

static bool outside(void *arg, const struct core_refused *r)
{
	const struct version *v = r->version;
	char words[256];

	snprintf(words, sizeof(words), "%s, %s%s%s", r->node ? r->node : "an unknown node",
		 version_live(v) ? "saved" : "deleted", v->user[0] ? " by " : "", v->user);
	return tell(arg, TROUBLE_OUTSIDE, r->path, words, UINT32_MAX);
}

static bool damaged(void *arg, const char *path)
{
	return tell(arg, TROUBLE_DAMAGED, path, "", UINT32_MAX);
}

static bool too_big(void *arg, const char *path)
{
	return tell(arg, TROUBLE_TOO_BIG, path, "", UINT32_MAX);
}

static bool hollow(void *arg, const char *path)
{
	return tell(arg, TROUBLE_HOLLOW, path, "", UINT32_MAX);
}

static bool reported(void *arg, const char *path, const char *words, int64_t since_msec)
{
	(void)since_msec;
	return tell(arg, TROUBLE_SERIAL, path, words, UINT32_MAX);
}

void node_troubles(struct node *n, bool (*each)(void *arg, const struct trouble *t), void *arg)
{
	struct troubles t = {each, arg, false};

	core_each(n->core, "", look_at, &t);
	if (!t.stopped)
		core_refused(n->core, outside, &t);
	if (!t.stopped)
		forward_reported(n->forwards, reported, &t);
	if (!t.stopped)
		repair_each(n->repair, damaged, &t);
	if (!t.stopped)
		taker_too_big(n->taker, too_big, &t);
	if (!t.stopped)
		hollow_each(n->hollow, hollow, &t);
}

int node_start_alone(struct node *n)
{
	struct event e = {.type = EVENT_START_ALONE};

	if (!core_joining(n->core))
		return -EALREADY;
	node_defer(n, &e);
	return 0;
}

uint32_t node_known(const struct node *n, struct core_node *to)
{
	return core_known(n->core, to, n->wall_msec);
}

bool node_knows(const struct node *n, const char *name, const struct vv *v)
{
	return core_node_knows(n->core, name, v);
}

void node_forget(struct node *n, const char *name)
{
	struct event e = {.type = EVENT_FORGET, .path = name};

	node_defer(n, &e);
}

int node_order(struct node *n, const struct order *o)
{
	struct event e = {.type = EVENT_ORDER, .order = o};
	int blocked = runner_blocked(n->runner);

	if (blocked == 0)
		node_event(n, &e);
	return blocked;
}

/* ---- what is held ---- */

struct held {
	const struct decision *d;
	bool (*each)(void *arg, const struct core_path *p);
	void *arg;
	uint32_t n;
};

static bool is_meant(const struct decision *d, const char *path)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (!d->paths[i][0] || strcmp(path, d->paths[i]) == 0 ||
		    path_below(path, d->paths[i]))
			return true;
	return d->n == 0;
}

static bool look_if_held(void *arg, const struct core_path *p)
{
	struct held *h = arg;

	if (!p->draft || !is_meant(h->d, p->path))
		return true;
	h->n++;
	return !h->each || h->each(h->arg, p);
}

uint32_t node_held(struct node *n, const struct decision *d,
		   bool (*each)(void *arg, const struct core_path *p), void *arg)
{
	struct held h = {d, each, arg, 0};

	if (core_held(n->core) > 0)
		core_each(n->core, "", look_if_held, &h);
	return h.n;
}

int node_decide(struct node *n, enum event_type type, const struct decision *d)
{
	struct event e = {.type = type, .decision = d};
	int blocked = runner_blocked(n->runner);

	if (blocked == 0)
		node_event(n, &e);
	return blocked;
}

int node_hold(struct node *n, const struct hold *h)
{
	struct event e = {.type = EVENT_HOLD, .hold = h};
	int blocked = runner_blocked(n->runner);

	if (blocked == 0)
		node_event(n, &e);
	return blocked;
}
