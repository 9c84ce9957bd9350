/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Giving back what cores tell each other.
 */
#include "replicator/core/exchange.h"

#include <stdlib.h>

void item_fini(struct item *i)
{
	free(i->path);
	version_put(i->version);
	*i = (struct item){0};
}

static void items_free(struct item *items, uint32_t n)
{
	for (uint32_t i = 0; items && i < n; i++)
		item_fini(&items[i]);
	free(items);
}

void op_fini(struct op *o)
{
	items_free(o->items, o->n);
	*o = (struct op){0};
}

void ask_fini(struct ask *a)
{
	vv_fini(&a->vector);
	vv_fini(&a->start);
	free(a->cursor);
	for (uint32_t i = 0; a->marks && i < a->nmarks; i++)
		free(a->marks[i].path);
	free(a->marks);
	*a = (struct ask){0};
}

void page_fini(struct page *p)
{
	items_free(p->items, p->n);
	free(p->origins);
	vv_fini(&p->start);
	free(p->cursor);
	vv_fini(&p->vector);
	vv_fini(&p->floor);
	free(p->found);
	*p = (struct page){0};
}

void known_nodes_fini(struct nodes *n)
{
	for (uint32_t i = 0; n->p && i < n->n; i++)
		vv_fini(&n->p[i].covers);
	free(n->p);
	*n = (struct nodes){0};
}

void outcome_fini(struct outcome *o)
{
	free(o->path);
	free(o->node);
	free(o->hook);
	free(o->words);
	free(o->served);
	*o = (struct outcome){0};
}
