/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The proofs of one node: a tree to find a zone in, and a list in the order of the last change, each with
 * the number that it was given then.
 */
#ifndef REPLICATOR_PROOF_TABLE_H
#define REPLICATOR_PROOF_TABLE_H

#include <stdint.h>
#include <sys/queue.h>

#include "replicator/wire/proof.h"

#define PROOFS_MAX 200000 /* of one node; more are not kept */

struct proof_kept {
	struct proof proof; /* first: the tree compares these */
	TAILQ_ENTRY(proof_kept) list;
	uint64_t number;
	bool mapped; /* the owner's: found in the map */
};

struct proof_table {
	void *tree;
	TAILQ_HEAD(proof_list, proof_kept) list; /* what changed last is last */
	size_t n;
};

void proof_table_init(struct proof_table *t);
void proof_table_clear(struct proof_table *t); /* empty, and as after init */
/* By zone, class and view; NULL: it has none. */
struct proof_kept *proof_table_find(const struct proof_table *t, const struct proof *key);
/* Puts it last, in the place of one of the same zone. Takes the proof over, which is all zero then,
 * whatever comes of it. The one in the table, or NULL: there is no room, or out of memory. */
struct proof_kept *proof_table_put(struct proof_table *t, struct proof *proof, uint64_t number);
/* Something about that one has changed in place: it is the last now. */
void proof_table_renew(struct proof_table *t, struct proof_kept *k, uint64_t number);

#endif
