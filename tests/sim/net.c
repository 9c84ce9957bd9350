/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The network: what is broadcast may be lost, doubled, late and out of order; questions and pages
 * may be lost, so that a transfer is cut off anywhere; links are cut in both directions or in one.
 * A question ends with the asking process, whose connection goes with it; its page may still come
 * to the next one.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/world.h"

struct message {
	enum event_type type;
	uint8_t from;
	uint64_t asker; /* the life of the one who asks; of a page: when it was sent */
	struct op *op;
	struct heartbeat *heartbeat;
	struct nodes nodes;
	struct ask *ask;
	struct page *page;
	bool *inlined; /* for each item: its content comes along */
};

static void message_free(void *arg)
{
	struct message *m = arg;

	op_free(m->op);
	free(m->heartbeat);
	known_nodes_fini(&m->nodes);
	ask_free(m->ask);
	page_free(m->page);
	free(m->inlined);
	free(m);
}

static struct message *message_new(enum event_type type, uint8_t from)
{
	struct message *m = calloc(1, sizeof *m);

	if (!m)
		abort();
	m->type = type;
	m->from = from;
	return m;
}

static uint32_t peer_of(const struct node *n, uint8_t node)
{
	for (uint32_t i = 0; i < n->conf.npeers; i++)
		if (n->peer_node[i] == node)
			return i;
	abort();
}

bool net_linked(const struct world *w, uint8_t a, uint8_t b)
{
	if (a == b)
		return false;
	if (w->weights.topology == TOPOLOGY_CHAIN)
		return a + 1 == b || b + 1 == a;
	return w->weights.topology != TOPOLOGY_STAR || a == 0 || b == 0;
}

bool net_reaches(const struct world *w, uint8_t from, uint8_t to)
{
	return !w->cut[from][to];
}

static bool both_ways(const struct world *w, uint8_t a, uint8_t b)
{
	return w->nodes[a].up && w->nodes[b].up && net_reaches(w, a, b) && net_reaches(w, b, a);
}

static uint32_t delay(struct world *w)
{
	if (w->faults && rng_chance(&w->rng, w->weights.slow))
		return rng_below(&w->rng, rng_chance(&w->rng, 1000) ? 5000 : 400);
	return rng_range(&w->rng, 0, 4);
}

/* The contents that came with the message are beside it: they get into the store with their
 * versions. */
static bool *contents_of(struct node *n, const struct message *m, const struct item *items,
			 uint32_t count)
{
	bool *have = calloc(count + 1, sizeof *have);

	if (!have)
		abort();
	for (uint32_t i = 0; i < count; i++) {
		const struct attrs *a = &items[i].version->attrs;

		have[i] = a->kind != KIND_FILE || storage_has(&n->store, a->hash);
		if (!have[i] && m->inlined[i]) {
			have[i] = true;
			n->stash = realloc(n->stash, (n->nstash + 1) * sizeof *n->stash);
			if (!n->stash)
				abort();
			n->stash[n->nstash++] = a->hash;
		}
	}
	return have;
}

static void deliver(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	struct message *m = arg;
	struct event e = {.type = m->type};
	bool *have = NULL;

	if (!n->up || !net_reaches(w, m->from, node))
		return;
	if (m->ask && m->asker != w->nodes[m->from].life)
		return;
	e.peer = peer_of(n, m->from);
	e.op = m->op;
	if (m->op)
		have = contents_of(n, m, m->op->items, m->op->n);
	if (m->heartbeat)
		e.heartbeat = m->heartbeat;
	if (m->type == EVENT_NODES)
		e.nodes = &m->nodes;
	if (m->ask)
		e.ask = m->ask;
	if (m->page) {
		e.page = m->page;
		n->answered[m->from] |= m->page->last && m->asker == n->life;
		if (m->page->last && m->asker == n->life && !m->page->joining && !n->joined)
			n->returns |= truth_known(w, &w->nodes[m->from], n);
		have = contents_of(n, m, m->page->items, m->page->n);
	}
	e.have = have;
	host_event(w, n, &e);
	free(have);
	host_pump(w, n);
}

static bool content_is_small(const struct world *w, struct hash h)
{
	uint64_t x;

	memcpy(&x, h.b, sizeof x);
	return rng_mix(x ^ w->seed) % 10000 >= w->weights.big;
}

static void draw_inlined(struct world *w, struct node *from, struct message *m,
			 const struct item *items, uint32_t n)
{
	m->inlined = calloc(n + 1, sizeof *m->inlined);
	if (!m->inlined)
		abort();
	for (uint32_t i = 0; i < n; i++)
		m->inlined[i] = items[i].version->attrs.kind == KIND_FILE &&
				storage_has(&from->store, items[i].version->attrs.hash) &&
				content_is_small(w, items[i].version->attrs.hash);
}

void net_broadcast(struct world *w, struct node *from, const struct op *op)
{
	for (uint8_t i = 0; i < w->nnodes; i++) {
		uint32_t copies = 1;

		if (!net_linked(w, i, from->index))
			continue;
		if (w->faults && rng_chance(&w->rng, w->weights.loss))
			copies = 0;
		else if (w->faults && rng_chance(&w->rng, w->weights.dup))
			copies = 2;
		for (; copies > 0; copies--) {
			struct message *m = message_new(EVENT_OP, from->index);

			m->op = op_copy(op);
			draw_inlined(w, from, m, op->items, op->n);
			world_at(w, delay(w), i, 0, deliver, message_free, m);
		}
	}
}

void net_heartbeat(struct world *w, struct node *from, const struct heartbeat *h)
{
	for (uint8_t i = 0; i < w->nnodes; i++) {
		struct message *m;

		if (!net_linked(w, i, from->index) || (w->faults && rng_chance(&w->rng, w->weights.loss)))
			continue;
		m = message_new(EVENT_HEARTBEAT, from->index);
		m->heartbeat = malloc(sizeof *h);
		if (!m->heartbeat)
			abort();
		*m->heartbeat = *h;
		world_at(w, delay(w), i, 0, deliver, message_free, m);
	}
}

void net_nodes(struct world *w, struct node *from, const struct nodes *nodes)
{
	for (uint8_t i = 0; i < w->nnodes; i++) {
		struct message *m;

		if (!net_linked(w, i, from->index) ||
		    (w->faults && rng_chance(&w->rng, w->weights.loss)))
			continue;
		m = message_new(EVENT_NODES, from->index);
		m->nodes.p = calloc(nodes->n + 1, sizeof *nodes->p);
		if (!m->nodes.p)
			abort();
		for (uint32_t k = 0; k < nodes->n; k++) {
			struct known_node *to = &m->nodes.p[m->nodes.n++];

			*to = nodes->p[k];
			to->covers = (struct vv){0};
			vv_copy(&to->covers, &nodes->p[k].covers);
		}
		world_at(w, delay(w), i, 0, deliver, message_free, m);
	}
}

static void unicast(struct world *w, uint8_t to, struct message *m)
{
	if (w->faults && rng_chance(&w->rng, w->weights.cut))
		message_free(m);
	else
		world_at(w, delay(w), to, 0, deliver, message_free, m);
}

void net_ask(struct world *w, struct node *from, uint8_t to, const struct ask *ask)
{
	struct message *m = message_new(EVENT_ASK, from->index);

	m->ask = ask_copy(ask);
	m->asker = from->life;
	unicast(w, to, m);
}

void net_answer(struct world *w, struct node *from, uint8_t to, const struct page *page)
{
	struct message *m = message_new(EVENT_PAGE, from->index);

	m->page = page_copy(page);
	m->asker = w->nodes[to].life;
	draw_inlined(w, from, m, page->items, page->n);
	unicast(w, to, m);
}

/* ---- contents that do not travel with their versions ---- */

struct fetch_arg {
	struct hash hash;
	uint32_t peer;
};

static void fetch_later(struct world *w, struct node *n, const struct fetch_arg *f, uint32_t after);

static void give_content(struct world *w, struct node *n, const struct hash *h)
{
	struct event e = {.type = EVENT_CONTENT, .content = *h};

	for (uint32_t i = 0; i < n->nfetching; i++) {
		if (hash_same(n->fetching[i], *h)) {
			n->fetching[i] = n->fetching[--n->nfetching];
			break;
		}
	}
	storage_put(&n->store, *h);
	host_event(w, n, &e);
	host_pump(w, n);
}

static void fetch(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	struct fetch_arg *f = arg;

	if (storage_has(&n->store, f->hash)) {
		give_content(w, n, &f->hash);
		return;
	}
	for (uint8_t i = 0; i < w->nnodes; i++) {
		if (!net_linked(w, i, node) || !both_ways(w, i, node) ||
		    (w->faults && rng_chance(&w->rng, w->weights.cut)))
			continue;
		if (storage_durable(&w->nodes[i].store, f->hash)) {
			give_content(w, n, &f->hash);
			return;
		}
	}
	fetch_later(w, n, f, rng_range(&w->rng, 50, 500));
}

static void fetch_later(struct world *w, struct node *n, const struct fetch_arg *f, uint32_t after)
{
	struct fetch_arg *copy = malloc(sizeof *copy);

	if (!copy)
		abort();
	*copy = *f;
	world_at(w, after, n->index, n->life, fetch, free, copy);
}

void net_fetch(struct world *w, struct node *n, struct hash hash, uint32_t peer)
{
	struct fetch_arg f = {hash, peer};

	for (uint32_t i = 0; i < n->nfetching; i++)
		if (hash_same(n->fetching[i], hash))
			return;
	n->fetching = realloc(n->fetching, (n->nfetching + 1) * sizeof hash);
	if (!n->fetching)
		abort();
	n->fetching[n->nfetching++] = hash;
	fetch_later(w, n, &f, rng_below(&w->rng, 20));
}

/* ---- links ---- */

static void tell_peer(struct world *w, uint8_t node, void *arg)
{
	struct node *n = &w->nodes[node];
	uint8_t other = *(uint8_t *)arg;
	bool up = both_ways(w, node, other);
	struct event e = {.type = EVENT_PEER, .reachable = up};

	if (n->peer_up[other] == up)
		return;
	n->peer_up[other] = up;
	e.peer = peer_of(n, other);
	host_event(w, n, &e);
	host_pump(w, n);
}

void net_tell_peers(struct world *w, struct node *n)
{
	for (uint8_t i = 0; i < w->nnodes; i++) {
		uint8_t *other;

		if (!net_linked(w, i, n->index) || n->peer_up[i] == both_ways(w, n->index, i))
			continue;
		other = malloc(1);
		if (!other)
			abort();
		*other = i;
		world_at(w, rng_below(&w->rng, w->faults ? 300 : 20), n->index, n->life, tell_peer,
			 free, other);
	}
}

void net_changed(struct world *w)
{
	for (uint8_t i = 0; i < w->nnodes; i++)
		if (w->nodes[i].up)
			net_tell_peers(w, &w->nodes[i]);
}

void net_heal(struct world *w)
{
	memset(w->cut, 0, sizeof w->cut);
	net_changed(w);
}

static void isolate(struct world *w, uint8_t node)
{
	for (uint8_t i = 0; i < w->nnodes; i++)
		w->cut[i][node] = w->cut[node][i] = i != node;
}

void net_isolate(struct world *w, uint8_t node)
{
	isolate(w, node);
	tell(w, "net: %s is cut off", w->nodes[node].name);
	net_changed(w);
}

static void disturb(struct world *w, uint8_t node, void *arg)
{
	uint8_t a = (uint8_t)rng_below(&w->rng, w->nnodes);
	uint8_t b = (uint8_t)rng_below(&w->rng, w->nnodes);

	(void)node;
	(void)arg;
	if (!w->faults)
		return;
	switch (rng_below(&w->rng, 6)) {
	case 0:
		net_isolate(w, a);
		return;
	case 1:
		w->cut[a][b] = a != b;
		tell(w, "net: %s -> %s is cut", w->nodes[a].name, w->nodes[b].name);
		break;
	case 2:
		w->cut[a][b] = w->cut[b][a] = a != b;
		tell(w, "net: %s <-> %s is cut", w->nodes[a].name, w->nodes[b].name);
		break;
	case 3:
		w->cut[a][b] = w->cut[b][a] = false;
		tell(w, "net: %s <-> %s is whole", w->nodes[a].name, w->nodes[b].name);
		break;
	default:
		memset(w->cut, 0, sizeof w->cut);
		tell(w, "net: all is whole");
		break;
	}
	net_changed(w);
}

static void lights_on(struct world *w, uint8_t node, void *arg)
{
	(void)node;
	(void)arg;
	tell(w, "net: all is whole");
	net_heal(w);
}

void net_start(struct world *w)
{
	uint32_t span = w->weights.actions * w->weights.pause_msec / 2 + 1000;

	if (w->weights.dark_start) {
		for (uint8_t i = 0; i < w->nnodes; i++)
			isolate(w, i);
		world_at(w, rng_below(&w->rng, span), 0, 0, lights_on, NULL, NULL);
	}
	for (uint32_t i = 0; i < w->weights.partitions; i++)
		world_at(w, rng_below(&w->rng, span), 0, 0, disturb, NULL, NULL);
}
