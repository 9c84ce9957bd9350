/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tree is of the proofs themselves: tsearch(3) keeps pointers to the first member of each entry.
 */
#include "replicator/proof_table.h"

#include <search.h>
#include <stdlib.h>

void proof_table_init(struct proof_table *t)
{
	*t = (struct proof_table){0};
	TAILQ_INIT(&t->list);
}

static int compare(const void *a, const void *b)
{
	return proof_compare(a, b);
}

struct proof_kept *proof_table_find(const struct proof_table *t, const struct proof *key)
{
	struct proof_kept **at = tfind(key, &t->tree, compare);

	return at ? *at : NULL;
}

static void kept_free(struct proof_kept *k)
{
	proof_fini(&k->proof);
	free(k);
}

void proof_table_clear(struct proof_table *t)
{
	struct proof_kept *k;

	while ((k = TAILQ_FIRST(&t->list))) {
		TAILQ_REMOVE(&t->list, k, list);
		tdelete(&k->proof, &t->tree, compare);
		kept_free(k);
	}
	t->n = 0;
}

struct proof_kept *proof_table_put(struct proof_table *t, struct proof *proof, uint64_t number)
{
	struct proof_kept *k = proof_table_find(t, proof);

	if (k) {
		TAILQ_REMOVE(&t->list, k, list);
		tdelete(&k->proof, &t->tree, compare);
		proof_fini(&k->proof);
	} else {
		k = t->n < PROOFS_MAX ? calloc(1, sizeof(*k)) : NULL;
		t->n += k != NULL;
	}
	if (!k) {
		proof_fini(proof);
		return NULL;
	}
	k->proof = *proof;
	k->number = number;
	*proof = (struct proof){0};
	if (!tsearch(&k->proof, &t->tree, compare)) {
		t->n--;
		kept_free(k);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&t->list, k, list);
	return k;
}

void proof_table_renew(struct proof_table *t, struct proof_kept *k, uint64_t number)
{
	TAILQ_REMOVE(&t->list, k, list);
	TAILQ_INSERT_TAIL(&t->list, k, list);
	k->number = number;
}
