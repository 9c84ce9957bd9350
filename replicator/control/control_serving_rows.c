/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which zones there are to speak of: those of the map, and what is in any node's proofs. A zone that is
 * found in several places is one row: the one with its path here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "replicator/control/control_serving.h"

struct collecting {
	struct node *node;
	const char *zone, *path;
	struct serving_rows *rows;
	size_t cap;
	int err;
};

static bool same_name(const char *zone, const char *wanted)
{
	size_t len = strlen(wanted);

	len -= len > 1 && wanted[len - 1] == '.';
	return strlen(zone) == len && strncasecmp(zone, wanted, len) == 0;
}

static void add(struct collecting *c, const struct proof *key)
{
	struct serving_rows *rows = c->rows;

	if (c->err || (c->zone && !same_name(key->zone, c->zone)) ||
	    (c->path && strcmp(key->path, c->path) != 0))
		return;
	if (rows->n == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 64;
		struct serving_row *list = realloc(rows->list, cap * sizeof(*list));

		if (!list) {
			c->err = -ENOMEM;
			return;
		}
		rows->list = list;
		c->cap = cap;
	}
	struct proof *to = &rows->list[rows->n].key;
	*to = (struct proof){.zone = strdup(key->zone),
			     .zclass = strdup(key->zclass),
			     .view = strdup(key->view),
			     .path = strdup(key->path)};
	rows->n++;
	if (!to->zone || !to->zclass || !to->view || !to->path)
		c->err = -ENOMEM;
}

static void add_proof(void *arg, const struct proof *proof)
{
	add(arg, proof);
}

static void add_map(struct collecting *c)
{
	struct zone_entry e;
	char none[1] = "";

	for (size_t i = 0; zones_entry(c->node->zones, i, &e); i++) {
		struct proof key = {.zone = e.zone->name,
				    .zclass = e.zone->zclass,
				    .view = e.zone->view ? e.zone->view : none,
				    .path = e.path ? (char *)(uintptr_t)e.path : none};

		if (e.zone->primary && e.zone->file && !e.zone->dynamic)
			add(c, &key);
	}
}

static int compare_rows(const void *a, const void *b)
{
	const struct serving_row *x = a, *y = b;
	int order = proof_compare(&x->key, &y->key);

	/* Of the same zone the one that has a path first. */
	return order ? order : (x->key.path[0] == '\0') - (y->key.path[0] == '\0');
}

int serving_collect(struct node *n, const char *zone, const char *path, struct serving_rows *rows)
{
	struct collecting c = {.node = n, .zone = zone, .path = path, .rows = rows};
	size_t kept = 0;

	*rows = (struct serving_rows){0};
	add_map(&c);
	proofs_each(n->proofs, PROOFS_SELF, add_proof, &c);
	for (uint32_t i = 0; i < node_peers(n); i++)
		proofs_each(n->proofs, i, add_proof, &c);
	if (c.err) {
		serving_fini(rows);
		return c.err;
	}
	if (rows->n > 0)
		qsort(rows->list, rows->n, sizeof(*rows->list), compare_rows);
	for (size_t i = 0; i < rows->n; i++) {
		if (kept > 0 &&
		    proof_compare(&rows->list[kept - 1].key, &rows->list[i].key) == 0)
			proof_fini(&rows->list[i].key);
		else
			rows->list[kept++] = rows->list[i];
	}
	rows->n = kept;
	return 0;
}

void serving_fini(struct serving_rows *rows)
{
	for (size_t i = 0; i < rows->n; i++)
		proof_fini(&rows->list[i].key);
	free(rows->list);
	*rows = (struct serving_rows){0};
}
