/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is known of each peer. One timer a second serves them all: an idle node wakes for it and for
 * little else.
 */
#include "replicator/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "replicator/contents.h"
#include "replicator/outcomes.h"
#include "replicator/peers_internal.h"
#include "replicator/proofs.h"
#include "replicator/recall.h"
#include "replicator/runs.h"
#include "replicator/verify.h"
#include "replicator/waits.h"

#define HELLO_AGAIN_MSEC 2000

struct peers *peers_new(struct node *n)
{
	struct peers *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->node = n;
	p->n = (uint32_t)n->conf->npeers;
	p->next_id = 1;
	core_heartbeat(n->core, &p->told, n->wall_msec, n->now_msec); /* as it was loaded */
	p->p = calloc(p->n ? p->n : 1, sizeof(*p->p));
	if (!p->p) {
		free(p);
		return NULL;
	}
	for (uint32_t i = 0; i < p->n; i++) {
		p->p[i].name = n->conf->peers[i].name;
		p->p[i].untold = true;
	}
	return p;
}

void peers_free(struct peers *p)
{
	if (!p)
		return;
	free(p->p);
	free(p);
}

struct peer *peers_find(struct peers *p, const char *name)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (strcmp(p->p[i].name, name) == 0)
			return &p->p[i];
	return NULL;
}

uint64_t peers_next_id(struct peers *p)
{
	return p->next_id++;
}

/* ---- reachable or not ---- */

/* What is said between the cores goes on, or ends. */
static void judge_open(struct peers *p, struct peer *peer)
{
	struct node *n = p->node;
	uint32_t i = (uint32_t)(peer - p->p);
	bool there = peer->heartbeat_came && peer->heartbeat.paused;
	struct event e = {.type = EVENT_PEER, .peer = i};

	e.reachable = peer->reachable && !n->paused_msec && !there;
	if (e.reachable == peer->open)
		return;
	peer->open = e.reachable;
	peer->ask_id = 0;
	node_event(n, &e);
	contents_peer(n->contents, i, peer->open);
	recall_peer(n->recall, i, peer->open);
}

void peers_open_all(struct peers *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		judge_open(p, &p->p[i]);
	p->beat_msec = p->node->now_msec; /* the peers hear of it at once */
}

static void tell_reachable(struct peers *p, struct peer *peer)
{
	struct node *n = p->node;
	uint32_t i = (uint32_t)(peer - p->p);

	log_notice("peer %s is %s", peer->name,
		   peer->reachable ? "reachable" : "not reachable any more");
	peer->outcomes_id = 0;
	peer->untold = true;
	p->nodes_told = 0;
	judge_open(p, peer);
	if (!peer->reachable) {
		waits_peer_lost(n->waits, i);
		verify_peer_lost(n->verify, i);
	}
}

void peers_judge(struct peers *p, struct peer *peer)
{
	bool silent = p->node->now_msec - peer->heard_msec > PEERS_SILENCE_MSEC;
	bool reachable;

	/* A broadcast that comes after a silence proves nothing for our requests: their connection
	 * may be dead, and be found so a second later. */
	if (silent)
		peer->greeted = false;
	reachable = peer->connected && peer->greeted && !silent;

	if (reachable == peer->reachable)
		return;
	if (!reachable && silent && peer->connected)
		snprintf(peer->last_error, sizeof(peer->last_error), "nothing heard for %d s",
			 PEERS_SILENCE_MSEC / 1000);
	peer->reachable = reachable;
	if (reachable)
		proofs_peer_found(p->node->proofs, (uint32_t)(peer - p->p));
	tell_reachable(p, peer);
}

/* Now, and not when the round began: a commit in it may have taken seconds, in which the peer was
 * not silent but not listened to. */
void peers_heard(struct peer *peer)
{
	peer->heard_msec = clock_monotonic_msec();
	peer->heard_wall_msec = clock_wall_msec();
}

/* While the store cannot be written nobody listens to the peers: their silence means nothing. */
static void peers_excuse(struct peers *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (p->p[i].reachable)
			p->p[i].heard_msec = p->node->now_msec;
}

void peers_connected(struct peers *p, struct peer *peer, bool connected)
{
	log_debug("the link to peer %s is %s", peer->name, connected ? "up" : "down");
	peer->connected = connected;
	peer->greeted = false;
	peers_judge(p, peer);
	if (connected)
		peers_say_hello(p, peer);
}

void peers_check_patterns(struct peers *p, struct peer *peer, uint64_t patterns)
{
	bool differ = patterns != locality_hash(p->node->conf->locality);

	if (differ && (!peer->patterns_differ || peer->patterns != patterns))
		log_warning("peer %s excludes other paths than this node: what one of them keeps "
			    "local the other waits for; make `exclude` and `include` the same",
			    peer->name);
	peer->patterns = patterns;
	peer->patterns_differ = differ;
}

void peers_met(struct peers *p, struct peer *peer, const struct message *m)
{
	if (strcmp(m->hello.node, peer->name) != 0)
		log_limited(LOG_LEVEL_WARNING,
			    "the node that is configured here as peer \"%s\" calls itself \"%s\"",
			    peer->name, m->hello.node);
	if (peer->other_protocol)
		log_notice("peer %s speaks this protocol now", peer->name);
	peer->other_protocol = false;
	peer->node_id = m->hello.node_id;
	peers_check_patterns(p, peer, m->hello.patterns);
}

void peers_take_heartbeat(struct peers *p, struct peer *peer, const struct message *m)
{
	struct event e = {.type = EVENT_HEARTBEAT, .peer = (uint32_t)(peer - p->p)};

	if (peer->heartbeat.paused != m->heartbeat.heartbeat.paused)
		log_notice("replication %s on peer %s",
			   peer->heartbeat.paused ? "goes on" : "is paused", peer->name);
	peer->heartbeat = m->heartbeat.heartbeat;
	peer->heartbeat_came = true;
	peer->offset_msec = peer->heartbeat.wall_msec - p->node->wall_msec;
	peers_check_patterns(p, peer, m->heartbeat.patterns);
	peers_judge(p, peer);
	judge_open(p, peer);
	e.heartbeat = &peer->heartbeat;
	node_event(p->node, &e);
}

/* ---- time ---- */

static bool nodes_due(const struct peers *p)
{
	const struct node *n = p->node;
	bool news = core_nodes_news(n->core) != p->nodes_told;

	return n->now_msec - p->nodes_msec >= (news ? PEERS_NODES_NEWS_MSEC : PEERS_NODES_MSEC);
}

void peers_tick(struct peers *p)
{
	struct node *n = p->node;

	if (n->now_msec < p->beat_msec)
		return;
	p->beat_msec = n->now_msec + PEERS_HEARTBEAT_MSEC;
	peers_send_heartbeat(p);
	if (nodes_due(p))
		peers_send_nodes(p);
	if (runner_blocked(n->runner)) {
		peers_excuse(p);
		return;
	}
	for (uint32_t i = 0; i < p->n; i++) {
		struct peer *peer = &p->p[i];

		peers_judge(p, peer);
		if (peer->connected && !peer->greeted && !peer->other_protocol &&
		    n->now_msec - peer->hello_msec >= HELLO_AGAIN_MSEC)
			peers_say_hello(p, peer);
	}
}

int64_t peers_wake(const struct peers *p)
{
	return p->beat_msec;
}

/* ---- for the control socket ---- */

struct outside {
	const char *node;
	uint32_t n;
};

static bool count_outside(void *arg, const struct core_refused *r)
{
	struct outside *o = arg;

	o->n += r->node && strcmp(r->node, o->node) == 0;
	return true;
}

static uint32_t outside_of(const struct node *n, const char *node)
{
	struct outside o = {node, 0};

	core_refused(n->core, count_outside, &o);
	return o.n;
}

uint32_t node_peers(const struct node *n)
{
	return n->peers->n;
}

void node_peer(struct node *n, uint32_t i, struct peer_status *s)
{
	const struct peer *peer = &n->peers->p[i];
	const struct heartbeat *h = &peer->heartbeat;
	static struct link_peer_state link;
	struct heartbeat own;

	core_heartbeat(n->core, &own, n->wall_msec, n->now_msec);
	link_peer(n->link, i, &link);
	memset(s, 0, sizeof(*s));
	s->name = peer->name;
	s->address = n->conf->peers[i].address;
	s->key = n->conf->peers[i].key;
	s->connected = peer->connected;
	s->reachable = peer->reachable;
	s->heard = peer->heartbeat_came;
	s->joining = h->joining;
	s->paused = h->paused;
	s->heard_msec = peer->heard_wall_msec;
	s->ops = h->ops;
	s->same_knowledge = peer->heartbeat_came && h->digest == own.digest;
	s->identical = s->same_knowledge && h->tree == own.tree;
	if (peer->heartbeat_came && !s->same_knowledge) {
		s->behind = own.ops > h->ops ? own.ops - h->ops : 0;
		s->ahead = h->ops > own.ops ? h->ops - own.ops : 0;
	}
	core_transfer(n->core, i, &s->transfer);
	s->transfer.since_msec += n->wall_msec - n->now_msec;
	s->asked = contents_asked(n->contents, i);
	s->pending = h->pending;
	s->lag_msec = h->lag_msec;
	s->hooks_failing = h->failing;
	s->conflicts = h->conflicts;
	s->offset_msec = peer->offset_msec;
	s->patterns_differ = peer->patterns_differ;
	s->receive_only = n->conf->peers[i].receive_only;
	s->refused = peer->refused;
	s->refusing = h->refusing;
	s->limited = n->conf->peers[i].accept != NULL;
	s->outside = outside_of(n, peer->name);
	s->bytes_in = peer->bytes_in;
	s->bytes_out = peer->bytes_out;
	s->bad_messages = peer->bad_messages + link.bad_messages;
	s->last_error = link.last_error[0] && !peer->connected ? link.last_error : peer->last_error;
	if (peer->reachable)
		s->last_error = "";
}
