/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What proofs.c (this node's own, and questions) and proofs_tell.c (from and to the peers) share.
 */
#ifndef REPLICATOR_PROOFS_INTERNAL_H
#define REPLICATOR_PROOFS_INTERNAL_H

#include "replicator/proof_table.h"
#include "replicator/proofs.h"

/* What a peer has been told. */
struct listener {
	bool anew;     /* nothing yet, since it can be reached */
	uint64_t has;  /* up to this number */
	uint64_t id;   /* of the request under way; 0: none */
	uint64_t upto; /* what it will have then */
	int64_t sent_msec;
};

struct proofs {
	struct node *node;
	struct proof_table own;
	struct proof_table *peers;
	struct listener *listeners;
	uint64_t last; /* number given */
	uint64_t news;
	uint64_t map; /* generation of the map that the own table was compared with */
};

/* Sends what peers have not heard, and forgets requests that nobody has answered. */
void proofs_tell(struct proofs *p);

#endif
