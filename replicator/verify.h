/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Are all nodes identical? Listings of what is shown, page by page, compared with what is shown
 * here (node_verify), and the pages that peers ask for.
 */
#ifndef REPLICATOR_VERIFY_H
#define REPLICATOR_VERIFY_H

#include "replicator/node_internal.h"
#include "replicator/wire/message.h"

#define VERIFY_MAX 8             /* at once */
#define VERIFY_REPORTED_MAX 1000 /* differences a peer that are told one by one */
#define VERIFY_ANSWER_MSEC 10000

struct verify *verify_new(struct node *n);
void verify_free(struct verify *v);

/* LIST of a peer. */
void verify_answer(struct node *n, uint32_t peer, const struct link_route *route,
		   const struct message *m);
/* LISTING of a peer. */
void verify_take(struct verify *v, uint32_t peer, const struct message *m);
void verify_peer_lost(struct verify *v, uint32_t peer);
void verify_tick(struct verify *v);
int64_t verify_wake(const struct verify *v);

#endif
