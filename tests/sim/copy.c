/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Deep copies of effects and messages: what the core gives is its own until its next step, and the
 * simulator keeps it longer.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/storage.h"

static void *zalloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		abort();
	return p;
}

static void vv_dup(struct vv *to, const struct vv *from)
{
	*to = (struct vv){0};
	vv_copy(to, from);
}

struct shown *shown_copy(const struct shown *s)
{
	struct shown *c = zalloc(sizeof *c);

	*c = *s;
	vv_dup(&c->context, &s->context);
	return c;
}

void shown_free(struct shown *s)
{
	if (!s)
		return;
	vv_fini(&s->context);
	free(s);
}

struct intent *intent_copy(const struct intent *i)
{
	struct intent *c = zalloc(sizeof *c);

	*c = *i;
	vv_dup(&c->context, &i->context);
	return c;
}

void intent_free(struct intent *i)
{
	if (!i)
		return;
	vv_fini(&i->context);
	free(i);
}

static struct item *items_copy(const struct item *items, uint32_t n)
{
	struct item *c = zalloc(n * sizeof *c);

	for (uint32_t i = 0; i < n; i++)
		c[i] = (struct item){strdup(items[i].path), version_get(items[i].version)};
	return c;
}

static void items_free(struct item *items, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		free(items[i].path);
		version_put(items[i].version);
	}
	free(items);
}

struct op *op_copy(const struct op *o)
{
	struct op *c = zalloc(sizeof *c);

	*c = *o;
	c->items = items_copy(o->items, o->n);
	return c;
}

void op_free(struct op *o)
{
	if (!o)
		return;
	items_free(o->items, o->n);
	free(o);
}

struct ask *ask_copy(const struct ask *a)
{
	struct ask *c = zalloc(sizeof *c);

	*c = *a;
	vv_dup(&c->vector, &a->vector);
	vv_dup(&c->start, &a->start);
	c->cursor = strdup(a->cursor ? a->cursor : "");
	c->marks = zalloc(a->nmarks * sizeof *a->marks);
	for (uint32_t i = 0; i < a->nmarks; i++)
		c->marks[i] = (struct mark){strdup(a->marks[i].path), a->marks[i].dot};
	return c;
}

void ask_free(struct ask *a)
{
	if (!a)
		return;
	vv_fini(&a->vector);
	vv_fini(&a->start);
	free(a->cursor);
	for (uint32_t i = 0; i < a->nmarks; i++)
		free(a->marks[i].path);
	free(a->marks);
	free(a);
}

struct page *page_copy(const struct page *p)
{
	struct page *c = zalloc(sizeof *c);

	*c = *p;
	c->items = items_copy(p->items, p->n);
	c->origins = zalloc(p->norigins * sizeof *p->origins);
	if (p->norigins)
		memcpy(c->origins, p->origins, p->norigins * sizeof *p->origins);
	vv_dup(&c->start, &p->start);
	vv_dup(&c->vector, &p->vector);
	vv_dup(&c->floor, &p->floor);
	c->cursor = strdup(p->cursor ? p->cursor : "");
	c->found = zalloc(p->nfound);
	if (p->nfound)
		memcpy(c->found, p->found, p->nfound);
	return c;
}

void page_free(struct page *p)
{
	if (!p)
		return;
	items_free(p->items, p->n);
	free(p->origins);
	vv_fini(&p->start);
	vv_fini(&p->vector);
	vv_fini(&p->floor);
	free(p->cursor);
	free(p->found);
	free(p);
}

static void store_copy(struct effect *to, const struct effect *from)
{
	if (from->store.version)
		version_get(from->store.version);
	if (from->store.shown)
		to->store.shown = shown_copy(from->store.shown);
	if (from->store.intent)
		to->store.intent = intent_copy(from->store.intent);
	if (from->store.origin) {
		struct origin *o = zalloc(sizeof *o);

		*o = *from->store.origin;
		to->store.origin = o;
	}
	if (from->store.bytes) {
		uint8_t *b = zalloc(from->store.len);

		memcpy(b, from->store.bytes, from->store.len);
		to->store.bytes = b;
	}
}

void effect_copy(struct effect *to, const struct effect *from)
{
	*to = *from;
	to->path = from->path ? strdup(from->path) : NULL;
	switch (from->type) {
	case EFFECT_STORE:
		store_copy(to, from);
		break;
	case EFFECT_INSTALL:
	case EFFECT_REMOVE:
		if (from->install.intent)
			to->install.intent = intent_copy(from->install.intent);
		if (from->install.target)
			to->install.target = strdup(from->install.target);
		break;
	case EFFECT_BROADCAST:
		to->op = op_copy(from->op);
		break;
	case EFFECT_ASK:
		to->ask = ask_copy(from->ask);
		break;
	case EFFECT_ANSWER:
		to->page = page_copy(from->page);
		break;
	case EFFECT_TOLD:
	case EFFECT_REFUSED:
		if (from->told.version)
			version_get(from->told.version);
		break;
	case EFFECT_JUDGE:
		to->trial = trial_copy(from->trial);
		break;
	case EFFECT_NOTE:
		to->note.text = strdup(from->note.text);
		break;
	default:
		break;
	}
}

void effect_fini(struct effect *e)
{
	free((char *)e->path);
	switch (e->type) {
	case EFFECT_STORE:
		version_put(e->store.version);
		shown_free((struct shown *)e->store.shown);
		intent_free((struct intent *)e->store.intent);
		free((struct origin *)e->store.origin);
		free((uint8_t *)e->store.bytes);
		break;
	case EFFECT_INSTALL:
	case EFFECT_REMOVE:
		intent_free(e->install.intent);
		free((char *)e->install.target);
		break;
	case EFFECT_BROADCAST:
		op_free(e->op);
		break;
	case EFFECT_ASK:
		ask_free(e->ask);
		break;
	case EFFECT_ANSWER:
		page_free(e->page);
		break;
	case EFFECT_TOLD:
	case EFFECT_REFUSED:
		version_put(e->told.version);
		break;
	case EFFECT_JUDGE:
		trial_free(e->trial);
		break;
	case EFFECT_NOTE:
		free((char *)e->note.text);
		break;
	default:
		break;
	}
}
