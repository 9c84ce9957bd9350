/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Zones as they are served, for the commands that speak of that: which there are, and how every node
 * stands with each.
 */
#ifndef REPLICATOR_CONTROL_SERVING_H
#define REPLICATOR_CONTROL_SERVING_H

#include "replicator/control/control_internal.h"
#include "replicator/proofs.h"

struct serving_row {
	struct proof key; /* zone, class, view, and the path here ("": none); owned */
};

struct serving_rows {
	struct serving_row *list; /* in order */
	size_t n;
};

/* All static primary zones of the map, and all of which any node has proved something. `zone`: only
 * those of that name, with or without its last dot; NULL: all. `path`: only those whose file here that is;
 * NULL: all. 0, -ENOMEM. */
int serving_collect(struct node *n, const char *zone, const char *path, struct serving_rows *rows);
/* Has hooks asked what is served of what is held here; until when the answer is waited for. And: it is. */
int64_t serving_ask(struct client *c);
bool serving_asking(const struct client *c, int64_t until_msec);
void serving_fini(struct serving_rows *rows);

#endif
