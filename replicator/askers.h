/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Peers that ask when this node has (or serves) what they have: the other side of their `wait`.
 */
#ifndef REPLICATOR_ASKERS_H
#define REPLICATOR_ASKERS_H

#include "replicator/node_internal.h"
#include "replicator/wire/message.h"

#define ASKERS_MAX 256 /* at once */

struct askers;

struct askers *askers_new(struct node *n); /* NULL: out of memory */
void askers_free(struct askers *w);
/* WAITFOR of a peer. */
void askers_take(struct askers *w, uint32_t peer, const struct link_route *route,
		 const struct message *m);
/* What it asks is answered all the same. */
void askers_peer_lost(struct askers *w, uint32_t peer);
/* Once a round: answers what is reached (looked at where there is news), or late. */
void askers_tick(struct askers *w, bool news);
int64_t askers_wake(const struct askers *w);

#endif
