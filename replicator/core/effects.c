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

void serials_add(struct serials *s, uint64_t serial)
{
	struct ticket *t;

	if (!serial || s->n >= SERIALS_MAX)
		return;
	t = core_alloc(sizeof(*t));
	t->serial = serial;
	t->refs = 1;
	GROW(s->p, s->n, s->cap);
	s->p[s->n++] = t;
}

static bool serials_has(const struct serials *s, const struct ticket *t)
{
	/* The same hint comes again and again, others seldom: a double does no harm. */
	for (uint32_t i = 0; i < s->n && i < 4; i++) {
		if (s->p[s->n - 1 - i] == t)
			return true;
	}
	return false;
}

void serials_share(struct serials *to, const struct serials *from)
{
	for (uint32_t i = 0; to != from && i < from->n && to->n < SERIALS_MAX; i++) {
		if (serials_has(to, from->p[i]))
			continue;
		from->p[i]->refs++;
		GROW(to->p, to->n, to->cap);
		to->p[to->n++] = from->p[i];
	}
}

void serials_move(struct serials *to, struct serials *from)
{
	for (uint32_t i = 0; i < from->n; i++) {
		GROW(to->p, to->n, to->cap);
		to->p[to->n++] = from->p[i];
	}
	free(from->p);
	memset(from, 0, sizeof(*from));
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
		free(s->p[i]);
	}
	free(s->p);
	memset(s, 0, sizeof(*s));
}

void serials_free(struct serials *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (--s->p[i]->refs == 0)
			free(s->p[i]);
	}
	free(s->p);
	memset(s, 0, sizeof(*s));
}
