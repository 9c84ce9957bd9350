/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A pass: the gaps of the log are read, split into requests and asked of one peer, a few at a time; of
 * what it did not get to the rest is asked for next. When it has said all it knows, the next peer is
 * asked for what is left. Of all that only the gaps are kept: a pass that is cut off begins anew with
 * what is missing then.
 */
#include "replicator/recall.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "replicator/contents.h"
#include "replicator/peers.h"
#include "replicator/runner.h"

#define NOBODY UINT32_MAX

/* A request under way; id 0: none. */
struct flight {
	uint64_t id;
	int64_t until_msec;
	uint32_t n;
	struct wire_range p[WIRE_RANGES_MAX];
};

struct recall {
	struct node *node;
	uint64_t due;            /* bit i: peer i is to be asked for all that is missing */
	uint32_t peer;           /* who is being asked; NOBODY */
	struct wire_range *todo; /* of this pass; the last one first */
	uint32_t ntodo, cap_todo;
	struct flight flights[RECALL_WINDOW];
	int64_t rest_msec;  /* no request before */
	int64_t again_msec; /* when all are asked again; INT64_MAX: nothing is missing */
	int64_t delay_msec; /* before that, the next time */
	bool more;          /* a peer may have more in a while */
	bool missing;       /* this pass has found something */
};

struct recall *recall_new(struct node *n)
{
	struct recall *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->node = n;
	r->peer = NOBODY;
	r->again_msec = INT64_MAX;
	r->delay_msec = RECALL_AGAIN_MSEC;
	return r;
}

void recall_free(struct recall *r)
{
	if (!r)
		return;
	free(r->todo);
	free(r);
}

bool recall_looking(const struct recall *r)
{
	return r->due != 0 || r->peer != NOBODY;
}

bool node_recalls(const struct node *n)
{
	return recall_looking(n->recall);
}

/* One that is limited to paths is asked for its own, there: take_gap and keep see to that. */
static bool may_tell(const struct node *n, uint32_t peer)
{
	return !n->conf->peers[peer].receive_only;
}

static uint64_t all_open(const struct node *n)
{
	uint64_t open = 0;

	for (uint32_t i = 0; i < n->peers->n; i++)
		if (n->peers->p[i].open && may_tell(n, i))
			open |= 1ull << i;
	return open;
}

void recall_news(struct recall *r)
{
	r->due = all_open(r->node);
	r->delay_msec = RECALL_AGAIN_MSEC;
}

/* ---- a pass ---- */

static int push(struct recall *r, const struct wire_range *range)
{
	if (r->ntodo == r->cap_todo) {
		uint32_t cap = r->cap_todo ? r->cap_todo * 2 : 64;
		struct wire_range *todo = realloc(r->todo, cap * sizeof(*todo));

		if (!todo)
			return -ENOMEM;
		r->todo = todo;
		r->cap_todo = cap;
	}
	r->todo[r->ntodo++] = *range;
	return 0;
}

static int take_gap(void *arg, const struct gap *g)
{
	const struct wire_range range = {g->origin, g->first, g->last};
	struct recall *r = arg;

	r->missing = true;
	return core_takes_origin(r->node->core, r->peer, g->origin) ? push(r, &range) : 0;
}

static void end_pass(struct recall *r)
{
	r->peer = NOBODY;
	r->ntodo = 0;
	memset(r->flights, 0, sizeof(r->flights));
	if (r->due != 0)
		return;
	r->again_msec = r->node->now_msec + r->delay_msec;
	/* Whoever looks itself will have found something soon, or nothing. */
	r->delay_msec *= r->more ? 2 : 16;
	if (r->delay_msec > RECALL_LAST_MSEC)
		r->delay_msec = RECALL_LAST_MSEC;
	r->more = false;
}

static void start_pass(struct recall *r)
{
	uint32_t i = 0;
	int err;

	while (!(r->due >> i & 1))
		i++;
	r->due &= ~(1ull << i);
	r->ntodo = 0;
	r->peer = i;
	r->missing = false;
	err = store_gaps(r->node->store, take_gap, r);
	if (err < 0)
		log_limited(LOG_LEVEL_WARNING, "what the log lacks cannot be read: %s",
			    err_text(err));
	if (!r->missing)
		r->due = 0;
	if (r->ntodo == 0) {
		end_pass(r);
		r->again_msec = r->missing ? r->again_msec : INT64_MAX;
		return;
	}
	/* The newest are asked for first. */
	for (uint32_t a = 0, b = r->ntodo - 1; a < b; a++, b--) {
		struct wire_range range = r->todo[a];
		r->todo[a] = r->todo[b];
		r->todo[b] = range;
	}
	log_debug("peer %s is asked for %u gaps of the log", r->node->peers->p[i].name, r->ntodo);
}

/* Moves what one request may ask for from the pass to a flight. */
static void fill(struct recall *r, struct flight *f)
{
	uint64_t ops = 0;

	f->n = 0;
	while (r->ntodo > 0 && f->n < WIRE_RANGES_MAX && ops < RECALL_OPS_MAX) {
		struct wire_range *from = &r->todo[r->ntodo - 1], *to = &f->p[f->n++];
		uint64_t n = from->last - from->first + 1, room = RECALL_OPS_MAX - ops;

		*to = *from;
		if (n <= room) {
			r->ntodo--;
		} else { /* its end, which is the newest */
			n = room;
			to->first = from->last - n + 1;
			from->last = to->first - 1;
		}
		ops += n;
	}
}

static void send(struct recall *r, struct flight *f)
{
	struct message *m = calloc(1, sizeof(*m));
	struct node *n = r->node;

	fill(r, f);
	f->id = peers_next_id(n->peers);
	f->until_msec = n->now_msec + RECALL_ANSWER_MSEC;
	r->rest_msec =
	    n->now_msec + (contents_wanted(n->contents) ? RECALL_BUSY_MSEC : RECALL_REST_MSEC);
	int err = m ? 0 : -ENOMEM;
	if (m) {
		m->type = WIRE_RECALL;
		m->id = f->id;
		m->recall.n = f->n;
		memcpy(m->recall.p, f->p, f->n * sizeof(*f->p));
		err = peers_request(n->peers, r->peer, m);
	}
	free(m);
	if (err < 0) { /* it has gone, or reads nothing: again when it is back, or in a while */
		r->more = true;
		end_pass(r);
	}
}

/* ---- answers ---- */

/* The item is of what was asked for, and not before what came before it. */
static bool is_in(const struct flight *f, const struct wire_records *a, uint32_t *range,
		  const struct item *i, struct dot *before)
{
	struct dot dot = i->version->dot;

	while (*range < f->n && (f->p[*range].origin != dot.origin ||
				 dot.seq < f->p[*range].first || dot.seq > f->p[*range].last)) {
		before->seq = 0;
		++*range;
	}
	if (*range >= f->n || dot.seq < before->seq)
		return false;
	*before = dot;
	return *range < a->whole || (*range == a->whole && dot.seq <= a->upto);
}

static bool is_sound(const struct flight *f, const struct wire_records *a)
{
	struct dot before = {0};
	uint32_t range = 0;

	if (a->whole > f->n || (a->whole == f->n && a->upto != 0) ||
	    (a->upto && (a->upto < f->p[a->whole].first || a->upto >= f->p[a->whole].last)))
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (!is_in(f, a, &range, &a->items[i], &before))
			return false;
	return true;
}

static int keep(struct recall *r, const struct wire_records *a)
{
	struct store *s = r->node->store;
	struct dot heard = {0};
	int err = 0;

	for (uint32_t i = 0; i < a->n && !err; i++) {
		struct dot dot = a->items[i].version->dot;

		if (!core_accepts(r->node->core, r->peer, a->items[i].path))
			continue;
		err = store_past_add(s, a->items[i].path, a->items[i].version, r->node->wall_msec);
		if (!err && !dot_same(heard, dot))
			err = store_heard(s, dot.origin, dot.seq, dot.seq);
		heard = dot;
	}
	r->node->changes += a->n > 0;
	return err;
}

/* What it did not get to is asked for next. */
static int put_back(struct recall *r, const struct flight *f, const struct wire_records *a)
{
	int err = 0;

	for (uint32_t i = f->n; i > a->whole && !err; i--) {
		struct wire_range rest = f->p[i - 1];

		if (i - 1 == a->whole && a->upto)
			rest.first = a->upto + 1;
		err = push(r, &rest);
	}
	return err;
}

void recall_take(struct recall *r, uint32_t peer, const struct message *m)
{
	const struct wire_records *a = &m->records;
	struct flight *f = r->flights;

	while (f < r->flights + RECALL_WINDOW && (f->id == 0 || f->id != m->id))
		f++;
	if (peer != r->peer || f == r->flights + RECALL_WINDOW)
		return; /* of a request that was given up */
	r->more |= a->looking;
	if (!is_sound(f, a) || (a->whole == 0 && a->upto == 0)) {
		log_limited(LOG_LEVEL_WARNING,
			    "peer %s tells of the past what it was not asked for",
			    r->node->peers->p[peer].name);
		end_pass(r);
		return;
	}
	f->id = 0;
	int err = keep(r, a);
	if (!err)
		err = put_back(r, f, a);
	if (err < 0) {
		log_limited(LOG_LEVEL_WARNING, "what a peer's log has cannot be kept: %s",
			    err_text(err));
		r->more = true;
		end_pass(r);
	}
}

/* ---- time ---- */

void recall_peer(struct recall *r, uint32_t peer, bool open)
{
	if (open && may_tell(r->node, peer)) {
		r->due |= 1ull << peer;
		return;
	}
	r->due &= ~(1ull << peer);
	if (peer == r->peer)
		end_pass(r);
}

static uint32_t under_way(const struct recall *r)
{
	uint32_t n = 0;

	for (int i = 0; i < RECALL_WINDOW; i++)
		n += r->flights[i].id != 0;
	return n;
}

static bool is_late(const struct recall *r)
{
	for (int i = 0; i < RECALL_WINDOW; i++)
		if (r->flights[i].id && r->flights[i].until_msec <= r->node->now_msec)
			return true;
	return false;
}

static void go_on(struct recall *r)
{
	for (int i = 0; i < RECALL_WINDOW && r->peer != NOBODY; i++)
		if (r->flights[i].id == 0 && r->ntodo > 0 && r->rest_msec <= r->node->now_msec)
			send(r, &r->flights[i]);
}

void recall_tick(struct recall *r)
{
	struct node *n = r->node;

	if (r->again_msec <= n->now_msec) {
		r->again_msec = INT64_MAX;
		r->due = all_open(n);
	}
	if (r->peer != NOBODY && is_late(r)) {
		r->more = true;
		end_pass(r);
	}
	if (r->peer != NOBODY)
		go_on(r);
	if (r->peer != NOBODY && r->ntodo == 0 && under_way(r) == 0)
		end_pass(r);
	/* What the log lacks is read when it is durable what it has. */
	while (r->peer == NOBODY && r->due != 0 && !store_dirty(n->store))
		start_pass(r);
}

int64_t recall_wake(const struct recall *r)
{
	int64_t wake = r->again_msec;

	if (r->peer == NOBODY && r->due && store_dirty(r->node->store))
		return r->node->now_msec + RUNNER_LAZY_MSEC;
	if (r->peer == NOBODY)
		return r->due ? 0 : wake;
	if (under_way(r) < RECALL_WINDOW && r->ntodo > 0 && r->rest_msec < wake)
		wake = r->rest_msec;
	for (int i = 0; i < RECALL_WINDOW; i++)
		if (r->flights[i].id && r->flights[i].until_msec < wake)
			wake = r->flights[i].until_msec;
	return r->ntodo == 0 && under_way(r) == 0 ? 0 : wake;
}
