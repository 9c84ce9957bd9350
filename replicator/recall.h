/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The slow lane: what happened while this node was away. A catch-up brings what is, and of what was
 * only which ops there were; who did what in them is told by the logs of the peers, asked one after
 * the other for what the log here lacks. Nothing depends on it: what no peer has any more stays a hole.
 *
 * What a peer may not tell this node it is not asked: a receive-only one nothing, one that is limited to
 * paths (accept) only what it made itself, there.
 */
#ifndef REPLICATOR_RECALL_H
#define REPLICATOR_RECALL_H

#include "replicator/node_internal.h"
#include "replicator/wire/message.h"

#define RECALL_OPS_MAX 2048      /* asked for in one request */
#define RECALL_WINDOW 2          /* requests under way */
#define RECALL_ANSWER_MSEC 15000 /* before a request is taken for lost */
#define RECALL_REST_MSEC 10      /* between two requests */
#define RECALL_BUSY_MSEC 250     /* likewise while contents are being fetched */
#define RECALL_AGAIN_MSEC                                                                          \
	5000 /* before all are asked again for what is left, then twice that ... */
#define RECALL_LAST_MSEC 3600000              /* ... up to that */
#define RECALL_BYTES_MAX (256 * 1024)         /* about: an answer ends with a whole op */
#define RECALL_OP_BYTES_MAX (4 * 1024 * 1024) /* of an op; a larger one is not told */

struct recall *recall_new(struct node *n);
void recall_free(struct recall *r);

/* The log may lack something new. */
void recall_news(struct recall *r);
/* The peer is there, or is no more. */
void recall_peer(struct recall *r, uint32_t peer, bool open);
/* RECALL of a peer: RECORDS follows when what it speaks of is durable here. */
void recall_answer(struct node *n, uint32_t peer, const struct link_route *route,
		   const struct message *m);
/* RECORDS came. */
void recall_take(struct recall *r, uint32_t peer, const struct message *m);
void recall_tick(struct recall *r);
int64_t recall_wake(const struct recall *r);
/* Peers are being asked, or are about to be. */
bool recall_looking(const struct recall *r);

#endif
