/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate of who installs. A version that is about to be put in place at a gated path, whoever made it
 * and however it came, is judged here first, together with what else of its op is here: this node's own
 * checkers decide. What is bad waits, and its author hears of it, until another version takes its
 * place, something of its op or something that it needs is there, or the judgement may be another one
 * (EVENT_REJUDGE). A doubt holds nothing here: its author has decided. What was released by force is
 * installed, and said.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/path.h"
#include "replicator/core/parts.h"

#define OTHERS_MAX 4096 /* unsettled paths: beyond, they are not gone through for one op */

static struct dot op_of(const struct version *v)
{
	return v->group ? (struct dot){0, v->group} : v->dot;
}

/* ---- asking ---- */

bool admit(struct core *c, struct key *k, struct version *v)
{
	if (!c->conf.gated || !v || v == k->draft || dot_same(k->passed, v->dot) || !gate_is(c, k))
		return true;
	if (v->forced) {
		effect_note(c, LOG_LEVEL_WARNING,
			    "/%s was released by force: it is installed unchecked", k->path);
		k->passed = v->dot;
		return true;
	}
	if (v->attrs.kind == KIND_FILE && want_also(c, k, v->attrs.hash)) {
		k->block = BLOCK_CONTENT;
		return false;
	}
	k->block = BLOCK_GATE;
	if (k->admission && dot_same(k->tried, v->dot))
		return false;
	hearing_leave(c, k->admission, k);
	GROW(c->gate.pending, c->gate.npending, c->gate.cap_pending);
	c->gate.pending[c->gate.npending++] = k;
	return false;
}

static struct hearing *hearing_of(struct core *c, struct dot op)
{
	enum hearing_state state;
	struct hearing *h;

	HEARING_EACH(h, c, state)
		if (h->kind == HEARING_PEER && dot_same(h->op, op))
			return h;
	h = hearing_new(c, HEARING_PEER);
	h->op = op;
	return h;
}

void admit_due(struct core *c)
{
	for (uint32_t i = 0; i < c->gate.npending; i++) {
		struct key *k = c->gate.pending[i];
		struct version *v = key_visible(c, k).version;
		struct hearing *h;

		if (k->admission || key_drafted(k) || !v || !k->unsettled || k->block != BLOCK_GATE)
			continue;
		h = hearing_of(c, op_of(v));
		k->tried = v->dot;
		hearing_add(h, k);
		hearing_again(c, h);
	}
	c->gate.npending = 0;
}

static bool content_here(const struct core *c, const struct version *v)
{
	return v->attrs.kind != KIND_FILE || !want_find(c, v->attrs.hash);
}

void admit_others(struct core *c, const struct hearing *h, struct trial *t, uint32_t *cap)
{
	struct key *k;

	if (c->nunsettled > OTHERS_MAX)
		return;
	TAILQ_FOREACH(k, &c->unsettled, unsettled_link) {
		struct version *v = key_visible(c, k).version;

		if (k->admission == h || key_drafted(k) || !v || k->unwanted || !dot_same(op_of(v), h->op) ||
		    !content_here(c, v))
			continue;
		GROW(t->items, t->n, *cap);
		t->items[t->n++] = (struct item){core_strdup(k->path), version_get(v)};
	}
}

/* ---- the verdict ---- */

static bool is_tried(const struct core *c, const struct key *k)
{
	const struct version *v = key_visible(c, k).version;

	return v && dot_same(v->dot, k->tried);
}

static void admitted(struct core *c, struct hearing *h)
{
	struct key **keys = step_alloc(c, h->n * sizeof(struct key *));
	uint32_t n = h->n;

	for (uint32_t i = 0; i < n; i++)
		keys[i] = h->keys[i];
	hearing_free(c, h);
	for (uint32_t i = 0; i < n; i++) {
		struct key *k = keys[i];

		if (is_tried(c, k))
			k->passed = k->tried;
		if (k->block == BLOCK_GATE)
			k->block = BLOCK_NONE;
		key_scratch(c, k);
		place_consider(c, k);
	}
}

static void refuse(struct core *c, struct hearing *h, const struct verdict *v)
{
	char *words = core_strdup(v->words);

	step_own(c, words);
	effect_note(c, LOG_LEVEL_ERROR, "/%s does not pass the gate here, and is not installed%s%s",
		    h->keys[0]->path, words[0] ? ": " : "", words);
	for (uint32_t i = 0; i < h->n; i++) {
		struct effect *e;

		if (!is_tried(c, h->keys[i]))
			continue;
		e = effect_add(c, EFFECT_REFUSED, h->keys[i]->path);
		e->told.version = version_get(key_visible(c, h->keys[i]).version);
		e->told.words = words;
	}
}

/* Contents of the trial that the store lacks. */
static void fetch(struct core *c, const struct verdict *v)
{
	for (uint32_t i = 0; i < v->nneeds; i++) {
		struct key *k = key_find(c, v->needs[i]);
		struct version *missing = k ? key_visible(c, k).version : NULL;

		if (!missing || missing->attrs.kind != KIND_FILE || !k->unsettled)
			continue;
		if (k->admission) {
			hearing_leave(c, k->admission, k);
			k->block = BLOCK_CONTENT;
		}
		if (!want_also(c, k, missing->attrs.hash))
			want_content(c, k, missing, place_teller(c, missing));
	}
}

void admit_verdict(struct core *c, struct hearing *h, const struct verdict *v)
{
	bool said = h->words && v->words && strncmp(h->words, v->words, VERDICT_WORDS_MAX) == 0;

	switch (v->kind) {
	case VERDICT_GOOD:
	case VERDICT_DOUBT:
	case VERDICT_REWRITE:
		admitted(c, h);
		break;
	case VERDICT_BAD:
		hearing_say(c, h, v);
		if (!said && h->n)
			refuse(c, h, v);
		if (hearing_is_late(c, h))
			hearing_again(c, h);
		else
			hearing_idle(c, h);
		break;
	case VERDICT_NONE:
	case VERDICT_UNKNOWN:
		hearing_say(c, h, &(struct verdict){.kind = VERDICT_UNKNOWN, .words = v->words});
		if (!said && h->n && !v->nneeds)
			effect_note(c, LOG_LEVEL_ERROR, "/%s could not be checked here%s%s",
				    h->keys[0]->path, v->words ? ": " : "",
				    v->words ? v->words : "");
		hearing_later(c, h);
		fetch(c, v);
		break;
	}
}

/* ---- other reasons to ask ---- */

void admit_shown(struct core *c, const struct key *k)
{
	const struct version *v = entry_shown(k);
	struct hearing *h, *next;

	TAILQ_FOREACH_SAFE(h, &c->gate.list[HEARING_IDLE], link, next)
		if (h->kind == HEARING_PEER &&
		    (hearing_needs(h, k->path) || (v && dot_same(op_of(v), h->op))))
			hearing_again(c, h);
}

void admit_forget(struct core *c, const char *path)
{
	struct key *k = path ? key_find(c, path) : NULL;

	if (k)
		k->passed = (struct dot){0, 0};
	if (path)
		return;
	TAILQ_FOREACH(k, &c->unsettled, unsettled_link)
		k->passed = (struct dot){0, 0};
}
