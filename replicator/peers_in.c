/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Messages from peers. A message that is none is dropped, counted, and logged with its peer; a peer
 * of another protocol version is told so in words.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/err.h"
#include "base/log.h"
#include "replicator/contents.h"
#include "replicator/everywhere.h"
#include "replicator/hashing.h"
#include "replicator/notes.h"
#include "replicator/outcomes.h"
#include "replicator/peek.h"
#include "replicator/peers_internal.h"
#include "replicator/proofs.h"
#include "replicator/recall.h"
#include "replicator/verify.h"
#include "replicator/waits.h"

/* ---- what cannot be taken ---- */

static void refuse(struct peers *p, struct peer *peer, const struct link_event *l,
		   const char *words)
{
	struct message m = {.type = WIRE_REFUSE};
	char own[WIRE_WORDS_MAX];

	snprintf(own, sizeof(own), "%s", words);
	m.refuse.words = own;
	if (l->type == LINK_REQUEST)
		peers_answer(p, (uint32_t)(peer - p->p), &l->route, &m);
}

static void other_protocol(struct peers *p, struct peer *peer, const struct link_event *l)
{
	char words[200];
	int theirs = l->len > 2 ? l->p[2] : 0;

	snprintf(words, sizeof(words), "node %s speaks protocol version %d, node %s version %d",
		 p->node->conf->node, WIRE_VERSION, peer->name, theirs);
	if (!peer->other_protocol)
		log_error("peer %s is refused: %s; upgrade the older one", peer->name, words);
	snprintf(peer->last_error, sizeof(peer->last_error), "%s", words);
	peer->other_protocol = true;
	peer->greeted = false;
	peers_judge(p, peer);
	refuse(p, peer, l, words);
}

static void bad_message(struct peer *peer, const char *what, int err)
{
	peer->bad_messages++;
	snprintf(peer->last_error, sizeof(peer->last_error), "sent what is no message (%s): %s",
		 what, err_text(err));
	log_limited(LOG_LEVEL_WARNING, "peer %s sent what is no message (%s): %s", peer->name, what,
		    err_text(err));
}

/* ---- contents that come with versions ---- */

/* The version's content is here, or will be with the version. */
static bool have_content(struct node *n, struct peer *peer, const struct attrs *a,
			 const struct wire_content *c)
{
	static const uint8_t nothing[1];
	const uint8_t *p = c && c->p ? c->p : a->size == 0 ? nothing : NULL;
	size_t len = c && c->p ? c->len : 0;

	if (a->kind != KIND_FILE)
		return true;
	if (store_has(n->store, a->hash))
		return true;
	if (!p)
		return false;
	if (len != a->size || !hash_same(hash_of(p, len), a->hash)) {
		bad_message(peer, "content", ERR_CORRUPT);
		return false;
	}
	return store_stash(n->store, a->hash, p, len) == 0;
}

/* It is limited, and this is not its own, or it is only to receive: not even contents are kept. */
static bool refuse_op(struct peers *p, struct peer *peer, const struct message *m)
{
	uint32_t i = (uint32_t)(peer - p->p);

	if (core_takes_origin(p->node->core, i, m->op.op.dot.origin))
		return false;
	peer->refused++;
	if (!p->node->conf->peers[i].receive_only) {
		log_limited(LOG_LEVEL_WARNING,
			    "peer %s is limited: what another node has made is not taken from it",
			    peer->name);
		return true;
	}
	log_limited(LOG_LEVEL_WARNING,
		    "peer %s is receive-only: its change of /%s%s is not taken, and stays there",
		    peer->name, m->op.op.items[0].path, m->op.op.n > 1 ? " and others" : "");
	return true;
}

static void take_op(struct peers *p, struct peer *peer, const struct message *m)
{
	static bool have[OP_VERSIONS_MAX];
	struct event e = {.type = EVENT_OP, .peer = (uint32_t)(peer - p->p), .have = have};

	if (p->node->paused_msec)
		return; /* asked for when it goes on */
	if (refuse_op(p, peer, m))
		return;
	for (uint32_t i = 0; i < m->op.op.n; i++)
		log_stage("received", m->op.op.items[i].path);
	for (uint32_t i = 0; i < m->op.op.n; i++)
		have[i] = core_accepts(p->node->core, e.peer, m->op.op.items[i].path) &&
			  have_content(p->node, peer, &m->op.op.items[i].version->attrs,
				       &m->op.contents[i]);
	e.op = &m->op.op;
	crash_point("op");
	node_event(p->node, &e);
	crash_point("op-taken");
}

static void take_page(struct peers *p, struct peer *peer, const struct message *m)
{
	static bool have[PAGE_VERSIONS_MAX];
	struct event e = {.type = EVENT_PAGE, .peer = (uint32_t)(peer - p->p), .have = have};

	if (peer->ask_id == 0 || m->id != peer->ask_id)
		return; /* the answer to a question that was given up */
	peer->ask_id = 0;
	for (uint32_t i = 0; i < m->page.n; i++)
		have[i] = have_content(p->node, peer, &m->page.items[i].version->attrs, NULL);
	e.page = &m->page;
	crash_point("page");
	node_event(p->node, &e);
	crash_point("page-taken");
}

static void take_ask(struct peers *p, struct peer *peer, const struct link_event *l,
		     const struct message *m)
{
	struct event e = {.type = EVENT_ASK, .peer = (uint32_t)(peer - p->p)};
	struct asked *a = &peer->asked[peer->nasked % PEERS_ASKS_MAX];

	if (p->node->paused_msec)
		return; /* it has not heard yet that this node is */
	peer->nasked++;
	a->transfer = m->ask.id;
	a->id = m->id;
	a->route = l->route;
	e.ask = &m->ask;
	node_event(p->node, &e);
}

/* ---- by type ---- */

static void take_nodes(struct peers *p, struct peer *peer, const struct message *m)
{
	struct event e = {.type = EVENT_NODES, .peer = (uint32_t)(peer - p->p)};

	e.nodes = &m->nodes;
	node_event(p->node, &e);
}

static void take_broadcast(struct peers *p, struct peer *peer, const struct message *m)
{
	if (m->type == WIRE_OP)
		take_op(p, peer, m);
	else if (m->type == WIRE_HEARTBEAT)
		peers_take_heartbeat(p, peer, m);
	else if (m->type == WIRE_NODES)
		take_nodes(p, peer, m);
	else if (m->type == WIRE_NOTE)
		notes_take(p->node->notes, (uint32_t)(peer - p->p), m);
	else
		bad_message(peer, message_name(m->type), ERR_FORMAT);
}

static void answer_hello(struct peers *p, struct peer *peer, const struct link_event *l,
			 const struct message *m)
{
	struct message back = {.type = WIRE_HELLO, .id = m->id};

	peers_met(p, peer, m);
	snprintf(back.hello.node, sizeof(back.hello.node), "%s", p->node->conf->node);
	back.hello.patterns = locality_hash(p->node->conf->locality);
	back.hello.node_id = p->node->node_id;
	peers_answer(p, (uint32_t)(peer - p->p), &l->route, &back);
	if (peer->connected && !peer->greeted)
		peers_say_hello(p, peer);
}

static void take_request(struct peers *p, struct peer *peer, const struct link_event *l,
			 struct message *m)
{
	uint32_t i = (uint32_t)(peer - p->p);

	switch (m->type) {
	case WIRE_HELLO:
		answer_hello(p, peer, l, m);
		break;
	case WIRE_ASK:
		take_ask(p, peer, l, m);
		break;
	case WIRE_WANT:
		if (!p->node->paused_msec)
			contents_answer(p->node, i, &l->route, m);
		break;
	case WIRE_OUTCOMES:
		outcomes_take(p->node, i, &l->route, m);
		break;
	case WIRE_PROOFS:
		proofs_take(p->node, i, &l->route, m);
		break;
	case WIRE_WAITFOR:
		waits_asked(p->node->waits, i, &l->route, m);
		break;
	case WIRE_RECALL:
		if (!p->node->paused_msec)
			recall_answer(p->node, i, &l->route, m);
		break;
	case WIRE_LIST:
		verify_answer(p->node, i, &l->route, m);
		break;
	case WIRE_WOULD:
		questions_take(p->node->questions, i, &l->route, m);
		break;
	default:
		bad_message(peer, message_name(m->type), ERR_FORMAT);
		break;
	}
}

static void take_answer(struct peers *p, struct peer *peer, const struct message *m)
{
	uint32_t i = (uint32_t)(peer - p->p);

	switch (m->type) {
	case WIRE_HELLO:
		if (m->id != peer->hello_id)
			break;
		peers_met(p, peer, m);
		peer->greeted = true;
		peer->last_error[0] = '\0';
		peers_judge(p, peer);
		break;
	case WIRE_PAGE:
		take_page(p, peer, m);
		break;
	case WIRE_PIECES:
		contents_take(p->node->contents, i, m);
		break;
	case WIRE_RECORDS:
		recall_take(p->node->recall, i, m);
		break;
	case WIRE_TOLD:
		outcomes_told(p->node, peer, m);
		proofs_told(p->node, i, m);
		break;
	case WIRE_DONE:
		waits_answered(p->node->waits, i, m);
		break;
	case WIRE_LISTING:
		verify_take(p->node->verify, i, m);
		break;
	case WIRE_VERDICT:
		everywhere_answered(p->node->everywhere, i, m);
		break;
	case WIRE_REFUSE:
		everywhere_refused(p->node->everywhere, i, m);
		log_limited(LOG_LEVEL_ERROR, "peer %s refuses this node: %s", peer->name,
			    m->refuse.words);
		snprintf(peer->last_error, sizeof(peer->last_error), "refuses this node: %s",
			 m->refuse.words);
		break;
	default:
		bad_message(peer, message_name(m->type), ERR_FORMAT);
		break;
	}
}

static void take_message(struct peers *p, struct peer *peer, const struct link_event *l)
{
	struct message *m = calloc(1, sizeof(*m));
	int err = m ? message_decode(m, l->p, l->len) : -1;

	peer->bytes_in += l->len;
	if (!m)
		return;
	if (err == ERR_PROTOCOL) {
		other_protocol(p, peer, l);
	} else if (err < 0) {
		bad_message(peer, l->len > 3 ? message_name(l->p[3]) : "too short", err);
		if (l->type == LINK_REQUEST)
			refuse(p, peer, l, "that was no message");
	} else if (l->type == LINK_REQUEST && m->type == WIRE_PEEK) {
		peek_answer(p->node, (uint32_t)(peer - p->p), &l->route, m); /* and it was not here */
		message_fini(m);
	} else {
		peers_heard(peer);
		if (l->type == LINK_BROADCAST)
			take_broadcast(p, peer, m);
		else if (l->type == LINK_REQUEST)
			take_request(p, peer, l, m);
		else
			take_answer(p, peer, m);
		message_fini(m);
	}
	free(m);
}

int peers_receive(struct peers *p, int budget)
{
	int given = 0;

	p->sent = false;
	while (given < budget) {
		struct link_event l;
		int got = link_receive(p->node->link, &l);

		if (got < 0) {
			log_limited(LOG_LEVEL_ERROR, "the link failed: %s", err_text(got));
			break;
		}
		if (got == 0)
			break;
		given++;
		if (l.peer >= p->n)
			continue;
		if (l.type == LINK_CONNECTED || l.type == LINK_DISCONNECTED)
			peers_connected(p, &p->p[l.peer], l.type == LINK_CONNECTED);
		else
			take_message(p, &p->p[l.peer], &l);
	}
	return given;
}
