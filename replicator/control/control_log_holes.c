/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where something is missing in the log: in the order of their ends, each is told before the first version
 * that was made later.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replicator/control/control_log.h"

#define DAY_MSEC (INT64_C(24) * 60 * 60 * 1000)

static int take_hole(void *arg, const struct hole *h)
{
	struct log_holes *j = arg;

	if (h->until_msec < j->since_msec || (j->origin && strcmp(j->origin, h->node) != 0))
		return 0;
	if (j->n == j->cap) {
		uint32_t cap = j->cap ? j->cap * 2 : 16;
		struct log_hole *list = realloc(j->list, cap * sizeof(*list));

		if (!list)
			return -ENOMEM;
		j->list = list;
		j->cap = cap;
	}
	struct log_hole *m = &j->list[j->n++];
	m->hole = *h;
	snprintf(m->node, sizeof(m->node), "%s", h->node);
	return 0;
}

static int by_end(const void *a, const void *b)
{
	const struct hole *x = &((const struct log_hole *)a)->hole;
	const struct hole *y = &((const struct log_hole *)b)->hole;

	if (x->until_msec != y->until_msec)
		return x->until_msec < y->until_msec ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

int log_holes_find(struct log_holes *j, struct node *n)
{
	int64_t after = n->wall_msec - n->conf->keep_age_days * DAY_MSEC;
	int err = store_holes(n->store, after, take_hole, j);

	if (j->n > 0)
		qsort(j->list, j->n, sizeof(*j->list), by_end);
	return err;
}

bool log_holes_tell(struct log_holes *j, struct client *c, int64_t until_msec)
{
	for (; j->next < j->n; j->next++) {
		const struct log_hole *m = &j->list[j->next];

		if (m->hole.until_msec > until_msec)
			break;
		json_t *o = json_object();
		control_add_text(o, "type", "hole");
		control_add_text(o, "node", m->node);
		control_add_hex(o, "origin", m->hole.origin);
		control_add_number(o, "changes", (int64_t)m->hole.n);
		control_add_number(o, "since", m->hole.since_msec);
		control_add_number(o, "until", m->hole.until_msec);
		control_add_bool(o, "looking", !c->node->stopped && node_recalls(c->node));
		if (!control_line(c, o))
			return false;
	}
	return true;
}
