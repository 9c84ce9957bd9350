/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A look at what the peers have, before a node is started for the first time: what would joining them
 * change? Asked by a process of its own, which listens nowhere and keeps nothing; and answered so that
 * the one who asked has not been heard: it is no node yet.
 */
#ifndef REPLICATOR_PEEK_H
#define REPLICATOR_PEEK_H

#include "replicator/node_internal.h"
#include "replicator/wire/message.h"

#define PEEK_CONNECT_MSEC 10000 /* for a peer to be reached */
#define PEEK_ANSWER_MSEC 15000  /* for an answer */
#define PEEK_TRY_MSEC 2000      /* after a failure that may be over in a moment */
#define PEEK_PATHS_MAX 4000000

/* PEEK of a peer, answered with the next page of what is visible here. */
void peek_answer(struct node *n, uint32_t peer, const struct link_route *route,
		 const struct message *m);

/* Asks all configured peers, and writes to `fd` (taken) an object a line: {"type":"peer",...} for each
 * peer, {"type":"entry",...} for each path that they have, in byte order, and a last one with "end".
 * The exit status. */
int peek_run(const struct conf *conf, const struct conf_keys *keys, int fd);

#endif
