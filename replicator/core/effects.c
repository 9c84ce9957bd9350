/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The effects of one step, and the memory that lives as long as they do.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "replicator/core/parts.h"

void *core_alloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		abort();
	return p;
}

void *core_grow(void *p, size_t n)
{
	p = realloc(p, n);
	if (!p)
		abort();
	return p;
}

char *core_strdup(const char *s)
{
	char *p = strdup(s ? s : "");

	if (!p)
		abort();
	return p;
}

struct effect *effect_add(struct core *c, enum effect_type type, const char *path)
{
	struct effect *e;

	GROW(c->effects, c->neffects, c->cap_effects);
	e = &c->effects[c->neffects++];
	memset(e, 0, sizeof(*e));
	e->type = type;
	e->path = path;
	return e;
}

void step_own(struct core *c, void *p)
{
	GROW(c->owned, c->nowned, c->cap_owned);
	c->owned[c->nowned++] = p;
}

void *step_alloc(struct core *c, size_t n)
{
	void *p = core_alloc(n);

	step_own(c, p);
	return p;
}

static void effect_release(struct effect *e)
{
	switch (e->type) {
	case EFFECT_STORE:
		if (e->store.what == STORE_VERSION || e->store.what == STORE_HISTORY ||
		    e->store.what == STORE_DRAFT)
			version_put(e->store.version);
		if (e->store.what == STORE_SHOWN && e->store.shown) {
			struct shown *s = (struct shown *)(uintptr_t)e->store.shown;

			vv_fini(&s->context);
			free(s);
		}
		break;
	case EFFECT_BROADCAST:
		op_fini(e->op);
		free(e->op);
		break;
	case EFFECT_ASK:
		ask_fini(e->ask);
		free(e->ask);
		break;
	case EFFECT_ANSWER:
		page_fini(e->page);
		free(e->page);
		break;
	case EFFECT_TOLD:
	case EFFECT_REFUSED:
		version_put(e->told.version);
		break;
	case EFFECT_JUDGE:
		trial_free(e->trial);
		break;
	default:
		break;
	}
}

void effects_reset(struct core *c)
{
	for (size_t i = 0; i < c->neffects; i++)
		effect_release(&c->effects[i]);
	c->neffects = 0;
	for (size_t i = 0; i < c->nowned; i++)
		free(c->owned[i]);
	c->nowned = 0;
}

static struct effect *store_add(struct core *c, enum store_what what, const char *path)
{
	struct effect *e = effect_add(c, EFFECT_STORE, path);

	e->store.what = what;
	return e;
}

void store_version(struct core *c, struct key *k, struct version *v, bool own)
{
	struct effect *e = store_add(c, STORE_VERSION, k->path);

	e->store.version = version_get(v);
	e->store.dot = v->dot;
	e->store.own = own;
}

void store_history(struct core *c, struct key *k, struct version *v)
{
	struct effect *e = store_add(c, STORE_HISTORY, k->path);

	e->store.version = version_get(v);
	e->store.dot = v->dot;
	e->store.own = true;
}

void store_draft(struct core *c, struct key *k)
{
	struct effect *e = store_add(c, STORE_DRAFT, k->path);

	e->store.version = version_get(k->draft);
	e->store.dot = k->draft->dot;
	e->store.own = true;
}

void store_superseded(struct core *c, struct key *k, struct dot d)
{
	store_add(c, STORE_SUPERSEDED, k->path)->store.dot = d;
}

/* A copy: `shown` may change again within the step, and each record must be
 * what it was then. */
void store_shown(struct core *c, struct key *k)
{
	struct shown *s = NULL;

	if (k->shown) {
		s = core_alloc(sizeof(*s));
		*s = *k->shown;
		memset(&s->context, 0, sizeof(s->context));
		vv_copy(&s->context, &k->shown->context);
	}
	store_add(c, STORE_SHOWN, k->path)->store.shown = s;
}

void store_intent(struct core *c, struct key *k)
{
	struct intent *copy = NULL;

	if (k->intent) {
		copy = step_alloc(c, sizeof(*copy));
		*copy = *k->intent;
		memset(&copy->context, 0, sizeof(copy->context));
		vv_copy(&copy->context, &k->intent->context);
		if (copy->context.p)
			step_own(c, copy->context.p);
	}
	store_add(c, STORE_INTENT, k->path)->store.intent = copy;
}

void store_vector(struct core *c, struct dot d, uint64_t untold)
{
	struct effect *e = store_add(c, STORE_VECTOR, NULL);

	e->store.dot = d;
	e->store.untold = untold;
}

void store_origin(struct core *c, const struct origin *o)
{
	struct origin *copy = step_alloc(c, sizeof(*copy));

	*copy = *o;
	store_add(c, STORE_ORIGIN, NULL)->store.origin = copy;
}

void store_meta(struct core *c, const char *name, const void *p, size_t len)
{
	uint8_t *copy = step_alloc(c, len);
	char *own_name = core_strdup(name);
	struct effect *e;

	step_own(c, own_name);
	if (len)
		memcpy(copy, p, len);
	e = store_add(c, STORE_META, own_name);
	e->store.bytes = copy;
	e->store.len = len;
}

void store_meta_forget(struct core *c, const char *name)
{
	char *own_name = core_strdup(name);

	step_own(c, own_name);
	store_add(c, STORE_META, own_name)->store.forget = true;
}

void effect_note(struct core *c, int level, const char *format, ...)
{
	char *text = NULL;
	struct effect *e;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	step_own(c, text);
	e = effect_add(c, EFFECT_NOTE, NULL);
	e->note.level = level;
	e->note.text = text;
}

/* What neither list has yet counts once more. Both stay as they are but for `to`. */
static void serials_merge(struct serials *to, const struct serials *from)
{
	struct serials both = {0};
	uint32_t i = 0, k = 0;

	both.cap = to->n + from->n;
	both.p = core_alloc(both.cap * sizeof(*both.p));
	while (i < to->n || k < from->n) {
		bool first = k == from->n || (i < to->n && to->p[i]->number <= from->p[k]->number);
		struct ticket *t = first ? to->p[i++] : from->p[k++];

		if (both.n && both.p[both.n - 1] == t)
			continue;
		t->refs += !first;
		both.p[both.n++] = t;
	}
	free(to->p);
	*to = both;
}

static struct ticket *ticket_new(struct core *c, struct serials *s, uint64_t serial)
{
	struct ticket *t = core_alloc(sizeof(*t));

	*t = (struct ticket){.number = ++c->last_ticket, .serial = serial, .refs = 1};
	GROW(s->p, s->n, s->cap);
	s->p[s->n++] = t;
	return t;
}

void serials_add(struct core *c, struct serials *s, uint64_t serial)
{
	if (serial)
		(void)ticket_new(c, s, serial);
}

void serials_add_hint(struct core *c, struct key *k, struct ticket **known, uint64_t serial)
{
	if (!serial)
		return;
	if (!*known) {
		*known = ticket_new(c, &k->hinted, serial);
		(*known)->key = k;
		return;
	}
	(*known)->serial = serial;
	serials_merge(&k->hinted, &(const struct serials){.p = known, .n = 1});
}

void serials_share(struct serials *to, const struct serials *from)
{
	if (to != from && from->n)
		serials_merge(to, from);
}

static void ticket_free(struct ticket *t)
{
	if (t->key && t->key->changed == t)
		t->key->changed = NULL;
	else if (t->key)
		t->key->freed = NULL;
	free(t);
}

void serials_move(struct serials *to, struct serials *from)
{
	if (!to->n) {
		free(to->p);
		*to = *from;
		*from = (struct serials){0};
		return;
	}
	serials_share(to, from);
	serials_free(from); /* nothing goes: `to` has them all */
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = (*(struct ticket *const *)a)->number, y = (*(struct ticket *const *)b)->number;

	return x < y ? -1 : x > y;
}

void serials_move_hinted(struct core *c, struct serials *to)
{
	struct serials all = {0}, each = {0};

	for (struct key *k = key_first(c, ""); k; k = key_next(k)) {
		for (uint32_t i = 0; i < k->hinted.n; i++) {
			GROW(all.p, all.n, all.cap);
			all.p[all.n++] = k->hinted.p[i];
		}
		free(k->hinted.p);
		k->hinted = (struct serials){0};
	}
	if (all.n)
		qsort(all.p, all.n, sizeof(*all.p), by_number);
	serials_merge(&each, &all);
	serials_free(&all);
	serials_move(to, &each);
}

void serials_ack(struct core *c, struct serials *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (--s->p[i]->refs > 0)
			continue;
		if (s->p[i]->serial == SERIAL_START)
			effect_add(c, EFFECT_STARTED, NULL);
		else
			effect_add(c, EFFECT_ACK, NULL)->serial = s->p[i]->serial;
		if (s->p[i]->key)
			key_scratch(c, s->p[i]->key);
		ticket_free(s->p[i]);
	}
	free(s->p);
	memset(s, 0, sizeof(*s));
}

void serials_free(struct serials *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (--s->p[i]->refs == 0)
			ticket_free(s->p[i]);
	}
	free(s->p);
	memset(s, 0, sizeof(*s));
}
