/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Messages to peers. An op is encoded when the core says so, with the contents that no peer can
 * have yet; it leaves when it is durable.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "replicator/peers_internal.h"
#include "replicator/runs.h"
#include "replicator/taker.h"

/* ---- bytes ---- */

static int encode(struct buf *b, const struct message *m)
{
	buf_init(b, WIRE_MESSAGE_MAX);
	message_encode(b, m);
	if (b->err) {
		log_error("a message (%s) cannot be made: %s", message_name(m->type),
			  err_text(b->err));
		buf_fini(b);
		return b->err;
	}
	return 0;
}

int peers_request(struct peers *p, uint32_t peer, const struct message *m)
{
	struct buf b;
	int err = encode(&b, m);

	if (err < 0)
		return err;
	err = link_request(p->node->link, peer, b.data, b.len);
	if (err == 0)
		p->p[peer].bytes_out += b.len;
	p->sent = true;
	buf_fini(&b);
	return err;
}

int peers_answer(struct peers *p, uint32_t peer, const struct link_route *route,
		 const struct message *m)
{
	struct buf b;
	int err = encode(&b, m);

	if (err < 0)
		return err;
	err = link_answer(p->node->link, route, b.data, b.len);
	if (err == 0)
		p->p[peer].bytes_out += b.len;
	else
		log_debug("an answer (%s) to peer %s was dropped: %s", message_name(m->type),
			  p->p[peer].name, err_text(err));
	p->sent = true;
	buf_fini(&b);
	return err;
}

static void broadcast(struct peers *p, const void *bytes, size_t len)
{
	int err = link_broadcast(p->node->link, bytes, len);

	if (err < 0)
		log_limited(LOG_LEVEL_WARNING, "a broadcast was lost: %s", err_text(err));
	for (uint32_t i = 0; i < p->n; i++)
		if (p->p[i].connected)
			p->p[i].bytes_out += len;
	p->sent = true;
}

/* ---- hello, heartbeat ---- */

void peers_say_hello(struct peers *p, struct peer *peer)
{
	struct message m = {.type = WIRE_HELLO, .id = peers_next_id(p)};

	snprintf(m.hello.node, sizeof(m.hello.node), "%s", p->node->conf->node);
	m.hello.patterns = locality_hash(p->node->conf->locality);
	m.hello.node_id = p->node->node_id;
	peer->hello_id = m.id;
	peer->hello_msec = p->node->now_msec;
	peers_request(p, (uint32_t)(peer - p->p), &m);
}

void peers_send_heartbeat(struct peers *p)
{
	struct node *n = p->node;
	struct message m = {.type = WIRE_HEARTBEAT};
	struct buf b;

	if (runner_blocked(n->runner) == 0 && !store_dirty(n->store)) {
		core_heartbeat(n->core, &p->told, n->wall_msec, n->now_msec);
		p->told.failing = runs_failing(n->runs);
	}
	p->told.paused = n->paused_msec != 0;
	p->told.wall_msec = n->wall_msec;
	m.heartbeat.heartbeat = p->told;
	m.heartbeat.patterns = locality_hash(n->conf->locality);
	if (encode(&b, &m) < 0)
		return;
	broadcast(p, b.data, b.len);
	buf_fini(&b);
}

/* Only what is durable is told. */
void peers_send_nodes(struct peers *p)
{
	struct node *n = p->node;
	struct message m = {.type = WIRE_NODES};
	struct buf b;

	if (runner_blocked(n->runner) || store_dirty(n->store))
		return;
	core_nodes(n->core, &m.nodes, n->wall_msec);
	if (encode(&b, &m) == 0) {
		broadcast(p, b.data, b.len);
		buf_fini(&b);
		p->nodes_msec = n->now_msec;
		p->nodes_told = core_nodes_news(n->core);
	}
	known_nodes_fini(&m.nodes);
}

void peers_send_note(struct peers *p, const uint8_t *bytes, size_t len)
{
	struct message m = {.type = WIRE_NOTE};
	struct buf b;

	m.note.p = bytes;
	m.note.len = len;
	if (encode(&b, &m) < 0)
		return;
	broadcast(p, b.data, b.len);
	buf_fini(&b);
}

/* ---- the core's effects ---- */

static bool keep(struct task *t, const struct message *m)
{
	struct buf b;

	if (encode(&b, m) < 0)
		return false;
	t->bytes.p = b.data;
	t->bytes.len = b.len;
	t->bytes.id = m->id;
	return true;
}

/* Content that no peer can have yet goes along. Returns the bytes that it took, 0: none. */
static size_t put_content(struct node *n, const struct version *v, struct wire_content *c,
			  size_t room)
{
	const struct attrs *a = &v->attrs;
	uint64_t total = 0;

	if (a->kind != KIND_FILE || a->size > WIRE_INLINE_MAX || a->size > room || a->size == 0 ||
	    !taker_fresh(n->taker, a->hash))
		return 0;
	uint8_t *p = malloc((size_t)a->size);
	if (!p)
		return 0;
	long len = store_read(n->store, a->hash, 0, p, (size_t)a->size, &total);
	if (len < 0 || (uint64_t)len != a->size || total != a->size) {
		free(p);
		return 0;
	}
	c->p = p;
	c->len = (size_t)len;
	return c->len;
}

static bool prepare_op(struct peers *p, const struct effect *e, struct task *t)
{
	struct message m = {.type = WIRE_OP};
	size_t room = WIRE_OP_INLINE_MAX;

	m.op.op = *e->op;
	m.op.contents = calloc(e->op->n ? e->op->n : 1, sizeof(*m.op.contents));
	if (!m.op.contents)
		return false;
	for (uint32_t i = 0; i < e->op->n; i++)
		room -= put_content(p->node, e->op->items[i].version, &m.op.contents[i], room);
	bool kept = keep(t, &m);
	for (uint32_t i = 0; i < e->op->n; i++)
		free((void *)m.op.contents[i].p);
	free(m.op.contents);
	return kept;
}

static bool prepare_answer(struct peers *p, const struct effect *e, struct task *t)
{
	struct peer *peer = &p->p[e->peer];
	struct message m = {.type = WIRE_PAGE};

	for (int i = 0; i < PEERS_ASKS_MAX; i++) {
		const struct asked *a = &peer->asked[i];

		if (a->id == 0 || a->transfer != e->page->id)
			continue;
		m.id = a->id;
		m.page = *e->page;
		if (!keep(t, &m))
			return false;
		t->bytes.route_len = a->route.len;
		memcpy(t->bytes.route, a->route.id, a->route.len);
		peer->asked[i].id = 0;
		return true;
	}
	return false;
}

bool peers_prepare(struct peers *p, const struct effect *e, struct task *t)
{
	struct message m = {.type = WIRE_ASK};

	switch (e->type) {
	case EFFECT_BROADCAST:
		return prepare_op(p, e, t);
	case EFFECT_ANSWER:
		return prepare_answer(p, e, t);
	case EFFECT_ASK:
		m.id = peers_next_id(p);
		m.ask = *e->ask;
		return keep(t, &m);
	default:
		return true;
	}
}

void peers_carry_out(struct peers *p, const struct task *t)
{
	struct link_route route = {.len = t->bytes.route_len};
	int err = 0;

	if (p->node->paused_msec && t->type != TASK_REPLY)
		return; /* the peers ask for it when it goes on */
	if (t->type == EFFECT_BROADCAST) {
		broadcast(p, t->bytes.p, t->bytes.len);
		return;
	}
	if (t->type == EFFECT_ASK) {
		err = link_request(p->node->link, t->peer, t->bytes.p, t->bytes.len);
		p->p[t->peer].ask_id = err == 0 ? t->bytes.id : 0;
	} else {
		memcpy(route.id, t->bytes.route, route.len);
		err = link_answer(p->node->link, &route, t->bytes.p, t->bytes.len);
	}
	p->sent = true;
	if (err == 0)
		p->p[t->peer].bytes_out += t->bytes.len;
	else
		log_debug("a message to peer %s was dropped: %s", p->p[t->peer].name,
			  err_text(err));
}
