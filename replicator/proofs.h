/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What each node has last proved of the zones that it serves. This node's own proofs come from the lines
 * that hooks print, are kept in the store, and told to every peer; the peers' are kept in memory, since a
 * peer tells all of them whenever it can be reached anew. A peer speaks of itself alone: of nodes behind
 * the peers nothing is known here.
 */
#ifndef REPLICATOR_PROOFS_H
#define REPLICATOR_PROOFS_H

#include "replicator/peers.h"
#include "replicator/wire/proof.h"

struct proofs;

/* Loads this node's own. NULL: out of memory. */
struct proofs *proofs_new(struct node *n);
void proofs_free(struct proofs *p);

/* A hook has run: takes the proofs in its output. `since` says which paths have changed since the run
 * began: what was proved is not of the version that is there now. */
void proofs_hook(struct proofs *p, const char *output,
		 bool (*since)(const void *arg, const char *path), const void *arg);
/* Another version of a path is on disk with the same content, and no hook will run for that. */
void proofs_touched(struct proofs *p, const char *path, const struct version *v);
/* A path is gone. */
void proofs_removed(struct proofs *p, const char *path);

/* PROOFS of a peer. */
void proofs_take(struct node *n, uint32_t peer, const struct link_route *route,
		 const struct message *m);
/* A peer has those of that request. */
void proofs_told(struct node *n, uint32_t peer, const struct message *m);
/* It can be reached anew: it may know nothing any more. */
void proofs_peer_found(struct proofs *p, uint32_t peer);
/* Once a round: sends what peers have not heard. */
void proofs_tick(struct proofs *p);
int64_t proofs_wake(const struct proofs *p);

#define PROOFS_SELF UINT32_MAX /* in the place of a peer */

/* What that node proved last of a zone; NULL: nothing. Borrowed until the loop's next round. */
const struct proof *proofs_find(const struct proofs *p, uint32_t peer, const struct proof *key);
/* Each that it has proved, in no order. */
void proofs_each(const struct proofs *p, uint32_t peer,
		 void (*each)(void *arg, const struct proof *proof), void *arg);
/* Own zones whose file is held, and was loaded by hand all the same; in no order. */
uint32_t proofs_by_hand(const struct proofs *p, void (*each)(void *arg, const struct proof *proof),
			void *arg);
/* Counts what changed, of any node. */
uint64_t proofs_news(const struct proofs *p);

/* How a node stands with a zone, as this node knows it. */
enum serving {
	SERVING_UNKNOWN, /* it has proved nothing of it */
	SERVING,         /* it serves what is on disk here */
	SERVING_OTHER,   /* it last proved another version, or its file has changed since */
	SERVING_FAILED,  /* its name server does not serve what its file holds */
	SERVING_WAITS,   /* its zone has no file yet */
	SERVING_HELD,    /* what is held there was loaded by hand */
};
/* `here` is the version that this node shows (NULL: none). */
enum serving proofs_standing(const struct proof *proof, const struct version *here);

#endif
