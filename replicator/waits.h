/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `wait`, both sides: peers that ask when this node has (or serves) what they have, and the waits
 * that the control socket starts here (node_wait).
 */
#ifndef REPLICATOR_WAITS_H
#define REPLICATOR_WAITS_H

#include "replicator/node_internal.h"
#include "replicator/wire/message.h"

#define WAITS_MAX 64        /* started here at once */
#define WAITS_LIMIT_MAX_MSEC (3600 * 1000)

struct waits *waits_new(struct node *n);
void waits_free(struct waits *w);

/* WAITFOR of a peer. */
void waits_asked(struct waits *w, uint32_t peer, const struct link_route *route,
		 const struct message *m);
/* DONE of a peer. */
void waits_answered(struct waits *w, uint32_t peer, const struct message *m);
/* What it was asked ends as not reached; what it asks is answered all the same. */
void waits_peer_lost(struct waits *w, uint32_t peer);
/* Once a round: answers what is reached, or late. */
void waits_tick(struct waits *w);
int64_t waits_wake(const struct waits *w);

#endif
