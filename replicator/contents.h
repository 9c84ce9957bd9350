/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Contents that are not here: fetched from the peer that told of them, else from any that can be
 * reached; small ones many at a time, large ones in pieces, going on where they were cut off.
 */
#ifndef REPLICATOR_CONTENTS_H
#define REPLICATOR_CONTENTS_H

#include "replicator/node_internal.h"
#include "replicator/wire/message.h"

#define CONTENTS_MAX 1000000       /* wanted at once */
#define CONTENTS_LARGE_MAX 4       /* being fetched at once */
#define CONTENTS_REQUESTS_MAX 4    /* to one peer under way */
#define CONTENTS_ANSWER_MSEC 60000 /* before a request is taken for lost */
#define CONTENTS_SWIFT_MSEC 250    /* an answer within that: the next one may be larger */
#define CONTENTS_SLOW_MSEC 1000    /* ... later than that: it must be smaller */
#define CONTENTS_RETRY_MSEC 5000   /* after no reachable peer had it */

struct contents *contents_new(struct node *n);
void contents_free(struct contents *c);

/* EFFECT_FETCH: EVENT_CONTENT follows when it is in the store. */
void contents_fetch(struct contents *c, struct hash hash, uint64_t size, uint32_t peer);
/* Likewise, for something that may be given up: the core is told, too, which need not want it. */
void contents_look_for(struct contents *c, struct hash hash, uint64_t size, uint32_t peer);
/* ... it is not looked for any more, unless it is wanted otherwise. */
void contents_let_go(struct contents *c, struct hash hash);
/* A peer asks for pieces. */
void contents_answer(struct node *n, uint32_t peer, const struct link_route *route,
		     const struct message *m);
/* Pieces came. */
void contents_take(struct contents *c, uint32_t peer, const struct message *m);
/* The peer became reachable (ask it anew), or is no more (what it was asked for is asked
 * elsewhere). */
void contents_peer(struct contents *c, uint32_t peer, bool reachable);
/* Once a round: sends requests. True if there is more to do at once. */
bool contents_work(struct contents *c);
int64_t contents_wake(const struct contents *c);
uint32_t contents_wanted(const struct contents *c);

/* How far the fetching has come, since it was idle last. */
void contents_progress(const struct contents *c, struct contents_progress *to);
/* Contents that this peer is being asked for. */
uint32_t contents_asked(const struct contents *c, uint32_t peer);

#endif
