/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Notices a store that is older than the tree: put back from an image, while the tree went on. What it
 * takes for known is then no longer so, and what peers have changed or deleted since would look like
 * edits of this host.
 *
 * The store counts, and the tree has a mark that says how far it had come (base/port.h, MARK). The
 * store counts first and is made durable, then the mark follows: at the start, and every
 * MARKER_EVERY_MSEC while anything changes. So a mark that is ahead of its store is never seen, but
 * where the store has gone back.
 */
#ifndef REPLICATOR_MARKER_H
#define REPLICATOR_MARKER_H

#include "base/port.h"
#include "replicator/node_internal.h"

#define MARKER_EVERY_MSEC 10000
#define MARKER_PEEK_MSEC 60000 /* that fs has to say what mark the tree has */

/* The tree's mark, from the first packet of the port, which stays there. All 0: none, or not said in
 * time. */
struct tree_mark marker_peek(int port);

/* This store (its node_id is known) is older than a tree with that mark. 0, 1, or an error. */
int marker_behind(struct node *n, const struct tree_mark *tree);

struct marker *marker_new(struct node *n, const struct tree_mark *tree); /* NULL: out of memory */
void marker_free(struct marker *m);
/* Once a round, when nothing is blocked. */
void marker_tick(struct marker *m);
int64_t marker_wake(const struct marker *m);

#endif
