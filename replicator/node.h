/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The replicator's loop: turns the world into events for the core and carries its effects out. One
 * thread; what would take long (hashing a large file) goes on beside it in workers.
 *
 *   node.c      the loop itself: poll, step, commit, carry out; node_parts.c: opening and closing, and which
 *               part carries out which effect; node_status.c: what is asked of the node as a whole
 *   runner.c    the core's effects, in their order, across the store's commits
 *   portal.c    the port to fs: requests and answers, hints
 *   taker.c     LOOK, read, hash, LOOK again; taker_tell.c: what came of it; scan.c: all below a directory
 *   placer.c    STAGE, INSTALL, REMOVE
 *   names.c     owners: numbers to names and back
 *   pause.c     replication by hand
 *   peers.c     what is known of each peer; peers_in.c, peers_out.c: messages
 *   contents.c  fetching contents in pieces; wants.c: which; contents_answer.c: for peers
 *   recall.c    what happened while this node was away: fetched from peers' logs; recall_answer.c: for
 *               peers
 *   peek.c      instead of all that: what the peers have, before the first start; peek_answer.c: for peers
 *   outcomes.c  what became of versions, told to their authors
 *   notes.c     what zonefs-health says to its like on the peers' hosts
 *   runs.c      hook runs; runs_text.c: what hooks read and print
 *   proofs.c    who serves what; proofs_tell.c: from and to the peers; stale.c: who serves it fresher
 *   byhand.c    what is held and was loaded by hand
 *   teller.c    alerts: what an administrator is told
 *   waits.c     `wait`: until peers have what this node has; askers.c: for peers
 *   everywhere.c  a release that all nodes have agreed to; everywhere_answer.c: for peers
 *   repair.c    contents that the store has lost: got again
 *   damage.c    what a power cut may have done: to the store, and to what is looked at
 *   marker.c    is the store older than the tree?
 *   hollow.c    new files that a power cut has left empty
 *   zones.c     the map: which file is which zone; checks.c: asking the name server's checkers; judge/: the
 *               gate's verdicts
 *   verify.c    are all nodes identical?
 *   control/    the socket for zonefsctl; one file a command
 *   stopped.c   instead of all that: a stopped node's store, read for zonefsctl
 */
#ifndef REPLICATOR_NODE_H
#define REPLICATOR_NODE_H

#include "base/conf.h"
#include "replicator/core/core.h"
#include "replicator/core/hooks.h"
#include "replicator/link/link.h"
#include "replicator/store/store.h"

struct node;

/* Runs until SIGTERM or the keeper's end of the port closes. `clean`: so did the last keeper, and the
 * tree was synced. The exit status. */
int node_run(const struct conf *conf, const struct conf_keys *keys, int port, bool clean);

#endif
