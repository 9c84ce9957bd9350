/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What became of versions: kept in the store, and told to the node that made them, again after
 * every reconnection until it says that it has them.
 */
#ifndef REPLICATOR_OUTCOMES_H
#define REPLICATOR_OUTCOMES_H

#include "replicator/peers.h"

/* Notes an outcome of this node in the open transaction. */
void outcomes_add(struct node *n, const struct outcome *o);
/* EFFECT_TOLD, as the effect comes: notes that a peer's version is installed. */
void outcomes_installed(struct node *n, const struct effect *e);
/* EFFECT_REFUSED, likewise: that it is not taken. */
void outcomes_refused(struct node *n, const struct effect *e);
/* Milliseconds since the author made it, as well as its clock is known here; -1: not known. */
int32_t outcomes_after(const struct node *n, const struct version *v);

/* A peer tells outcomes: keeps them, answers once they are durable. */
void outcomes_take(struct node *n, uint32_t peer, const struct link_route *route,
		   const struct message *m);
/* A peer has the outcomes of that request. */
void outcomes_told(struct node *n, struct peer *peer, const struct message *m);
/* Once a round: sends what peers have not heard. */
void outcomes_tick(struct node *n);
/* When it has something to send: monotonic ms, INT64_MAX. */
int64_t outcomes_wake(const struct node *n);

#endif
