/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The peers: who can be reached, what each said of itself, and the messages from and to them. A
 * peer is reachable when its link is up, it has answered our hello since the link came up and since
 * its last silence, and something was heard of it in the last PEERS_SILENCE_MSEC.
 */
#ifndef REPLICATOR_PEERS_H
#define REPLICATOR_PEERS_H

#include "replicator/node_internal.h"
#include "replicator/runner.h"
#include "replicator/wire/message.h"

#define PEERS_HEARTBEAT_MSEC 1000
#define PEERS_NODES_MSEC 30000
#define PEERS_NODES_NEWS_MSEC 2000 /* with news: what a node has travels along chains */
#define PEERS_SILENCE_MSEC 5000
#define PEERS_ASKS_MAX 4 /* of one peer, being answered */

/* A peer's ask that the core is answering. */
struct asked {
	uint64_t transfer; /* ask.id */
	uint64_t id;       /* of the request */
	struct link_route route;
};

struct peer {
	const char *name;
	bool connected;
	bool greeted; /* our hello was answered in this connection, and no silence followed */
	bool reachable;
	bool open; /* and neither side is paused: for the core and for contents it is there */
	uint64_t hello_id;
	uint64_t node_id; /* 0: not told yet */
	int64_t hello_msec;
	int64_t heard_msec; /* monotonic; 0: never */
	int64_t heard_wall_msec;
	bool heartbeat_came;
	struct heartbeat heartbeat;
	int64_t offset_msec;
	uint64_t patterns;
	bool patterns_differ;
	bool other_protocol;
	uint64_t bytes_in;
	uint64_t bytes_out;
	uint64_t bad_messages;
	uint64_t refused; /* ops of a receive-only peer */
	char last_error[WIRE_WORDS_MAX + 1];
	uint64_t ask_id; /* of our ask under way; 0: none */
	struct asked asked[PEERS_ASKS_MAX];
	uint32_t nasked; /* ever; the next one's place is this modulo PEERS_ASKS_MAX */
	/* outcomes.c: what this peer has not heard */
	bool untold;
	uint64_t outcomes_id; /* of the request under way; 0: none */
	int64_t outcomes_msec;
	uint32_t noutcomes;
	int64_t outcome_ids[WIRE_OUTCOMES_MAX];
};

struct peers {
	struct node *node;
	struct peer *p;
	uint32_t n;
	uint64_t next_id;
	int64_t beat_msec;     /* when the next heartbeat is due, monotonic */
	int64_t nodes_msec;    /* when the nodes that are known were told last */
	uint64_t nodes_told;   /* core_nodes_news then */
	struct heartbeat told; /* the last one sent */
	bool sent; /* something was sent: the link must be received from before the next poll */
};

struct peers *peers_new(struct node *n);
void peers_free(struct peers *p);

/* Takes what came over the link, at most `budget` events; how many. */
int peers_receive(struct peers *p, int budget);
/* Once a round: reachability, hellos and, once a second, the heartbeat (which speaks only of what
 * is durable). */
void peers_tick(struct peers *p);
int64_t peers_wake(const struct peers *p);
uint64_t peers_next_id(struct peers *p);
/* Sends a request (m->id: see peers_next_id) or an answer. 0, or an error: it is not on its way. */
int peers_request(struct peers *p, uint32_t peer, const struct message *m);
int peers_answer(struct peers *p, uint32_t peer, const struct link_route *route,
		 const struct message *m);

/* The core's effects: encodes into the task (false: impossible), and sends. */
bool peers_prepare(struct peers *p, const struct effect *e, struct task *t);
void peers_carry_out(struct peers *p, const struct task *t);

/* To all peers, see notes.h. */
void peers_send_note(struct peers *p, const uint8_t *bytes, size_t len);

/* This node was paused or resumed. */
void peers_open_all(struct peers *p);

/* The peer of that name, or NULL. */
struct peer *peers_find(struct peers *p, const char *name);

#endif
