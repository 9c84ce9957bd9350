/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hearings: what is judged together, from the question to the verdict. A hearing whose keys or
 * contents change is asked for anew; the verdict that was on its way is then nobody's.
 *
 * Of own ones the store keeps, besides the drafts, which belong together and what was said of them last:
 *
 *   META gate/ID = u8 format, n u32, n * id u64, verdict u8, words str, n u32, n * path
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "replicator/core/parts.h"

#define META_GATE "gate/"
#define NAME_LEN 32
#define GATE_FORMAT 1
#define GATE_BYTES_MAX (512 * 1024)

/* ---- in which list ---- */

static void move_to(struct core *c, struct hearing *h, enum hearing_state state)
{
	TAILQ_REMOVE(&c->gate.list[h->state], h, link);
	c->gate.out -= h->state == HEARING_OUT;
	h->state = state;
	c->gate.out += h->state == HEARING_OUT;
	TAILQ_INSERT_TAIL(&c->gate.list[state], h, link);
}

static void stop_rewriting(struct hearing *h)
{
	free(h->rewriting);
	h->rewriting = NULL;
	h->nrewriting = 0;
}

void hearing_again(struct core *c, struct hearing *h)
{
	stop_rewriting(h);
	h->trial = 0;
	h->verdict = VERDICT_NONE;
	h->retry_at = 0;
	move_to(c, h, HEARING_DUE);
}

void hearing_later(struct core *c, struct hearing *h)
{
	enum verdict_kind verdict = h->verdict;

	hearing_again(c, h);
	h->verdict = verdict;
	h->retry_msec = h->retry_msec ? h->retry_msec * 2 : RETRY_FIRST_MSEC;
	if (h->retry_msec > RETRY_LAST_MSEC)
		h->retry_msec = RETRY_LAST_MSEC;
	h->retry_at = c->now + h->retry_msec;
}

void hearing_idle(struct core *c, struct hearing *h)
{
	h->trial = 0;
	move_to(c, h, HEARING_IDLE);
}

/* ---- who is in it ---- */

struct hearing *hearing_new(struct core *c, enum hearing_kind kind)
{
	struct hearing *h = core_alloc(sizeof(*h));

	h->kind = kind;
	TAILQ_INSERT_TAIL(&c->gate.list[HEARING_DUE], h, link);
	c->gate.n++;
	return h;
}

static void free_needs(struct hearing *h)
{
	for (uint32_t i = 0; i < h->nneeds; i++)
		free(h->needs[i]);
	free(h->needs);
	h->needs = NULL;
	h->nneeds = 0;
}

static void name_of(char to[NAME_LEN], const struct hearing *h)
{
	snprintf(to, NAME_LEN, META_GATE "%" PRIx64, h->ids[0]);
}

static void forget_stored(struct core *c, struct hearing *h)
{
	char name[NAME_LEN];

	if (!h->stored)
		return;
	name_of(name, h);
	store_meta_forget(c, name);
	h->stored = false;
}

static struct hearing **place_of(const struct hearing *h, struct key *k)
{
	return h->kind == HEARING_PEER ? &k->admission : &k->hearing;
}

void hearing_free(struct core *c, struct hearing *h)
{
	if (c->started)
		forget_stored(c, h);
	for (uint32_t i = 0; i < h->n; i++)
		*place_of(h, h->keys[i]) = NULL;
	TAILQ_REMOVE(&c->gate.list[h->state], h, link);
	c->gate.out -= h->state == HEARING_OUT;
	c->gate.n--;
	stop_rewriting(h);
	free_needs(h);
	free(h->keys);
	free(h->ids);
	free(h->words);
	free(h->why);
	free(h->user);
	free(h);
}

void hearing_add(struct hearing *h, struct key *k)
{
	if (*place_of(h, k) == h)
		return;
	GROW(h->keys, h->n, h->cap);
	h->keys[h->n++] = k;
	*place_of(h, k) = h;
}

void hearing_leave(struct core *c, struct hearing *h, struct key *k)
{
	if (!h)
		return;
	*place_of(h, k) = NULL;
	key_scratch(c, k);
	for (uint32_t i = 0; i < h->n; i++) {
		if (h->keys[i] != k)
			continue;
		memmove(h->keys + i, h->keys + i + 1, (--h->n - i) * sizeof(*h->keys));
		break;
	}
	h->last = VERDICT_NONE;
	h->approved = h->forced = false;
	hearing_again(c, h);
}

static void add_id(struct hearing *h, uint64_t id)
{
	GROW(h->ids, h->nids, h->cap_ids);
	h->ids[h->nids++] = id;
}

void hearing_join(struct core *c, struct hearing *h, struct hearing *other)
{
	if (h == other)
		return;
	for (uint32_t i = 0; i < other->n; i++) {
		*place_of(other, other->keys[i]) = NULL;
		hearing_add(h, other->keys[i]);
	}
	other->n = 0;
	for (uint32_t i = 0; i < other->nids; i++)
		add_id(h, other->ids[i]);
	hearing_free(c, other);
	h->last = VERDICT_NONE;
	h->approved = h->forced = false;
	hearing_again(c, h);
	if (h->nids)
		hearing_store(c, h);
}

bool hearing_needs(const struct hearing *h, const char *path)
{
	for (uint32_t i = 0; i < h->nneeds; i++)
		if (strcmp(h->needs[i], path) == 0)
			return true;
	return false;
}

bool hearing_is_late(const struct core *c, const struct hearing *h)
{
	for (uint32_t i = 0; i < h->nneeds; i++) {
		const struct key *k = key_find(c, h->needs[i]);

		if (k && k->touched > h->step)
			return true;
	}
	return false;
}

bool hearing_has_id(const struct hearing *h, uint64_t id)
{
	for (uint32_t i = 0; i < h->nids; i++)
		if (h->ids[i] == id)
			return true;
	return false;
}

/* ---- what was said ---- */

static char *words_of(const char *words)
{
	char *copy = words ? strndup(words, VERDICT_WORDS_MAX) : NULL;

	if (words && !copy)
		abort();
	return copy;
}

static void take_needs(struct hearing *h, const struct verdict *v)
{
	free_needs(h);
	for (uint32_t i = 0; i < v->nneeds && i < VERDICT_NEEDS_MAX; i++) {
		if (!path_valid(v->needs[i]))
			continue;
		h->needs = core_grow(h->needs, (h->nneeds + 1) * sizeof(*h->needs));
		h->needs[h->nneeds++] = core_strdup(v->needs[i]);
	}
}

void hearing_say(struct core *c, struct hearing *h, const struct verdict *v)
{
	h->verdict = h->last = v->kind;
	h->mends = v->nrewrites > 0;
	free(h->words);
	h->words = words_of(v->words);
	if (v->kind != VERDICT_UNKNOWN || v->nneeds) /* else what it misses is not known to be another */
		take_needs(h, v);
	if (h->kind == HEARING_OWN)
		hearing_store(c, h);
}

void hearing_store(struct core *c, struct hearing *h)
{
	char name[NAME_LEN];
	struct buf b;

	buf_init(&b, GATE_BYTES_MAX);
	buf_u8(&b, GATE_FORMAT);
	buf_u32(&b, h->nids);
	for (uint32_t i = 0; i < h->nids; i++)
		buf_u64(&b, h->ids[i]);
	buf_u8(&b, (uint8_t)h->last);
	buf_str(&b, h->words);
	buf_u32(&b, h->nneeds);
	for (uint32_t i = 0; i < h->nneeds; i++)
		buf_str(&b, h->needs[i]);
	name_of(name, h);
	if (!b.err) /* else it lasts as long as this life */
		store_meta(c, name, b.data, b.len);
	h->stored = h->stored || !b.err;
	buf_fini(&b);
}

void hearing_load(struct core *c, const char *name, const uint8_t *p, size_t len)
{
	struct hearing *h;
	struct rd r;

	if (strncmp(name, META_GATE, strlen(META_GATE)) != 0)
		return;
	rd_init(&r, p, len);
	if (rd_u8(&r) != GATE_FORMAT)
		return;
	h = hearing_new(c, HEARING_OWN);
	for (uint32_t n = rd_u32(&r); n > 0 && !r.err; n--)
		add_id(h, rd_u64(&r));
	h->last = rd_u8(&r); /* it is judged anew */
	h->words = rd_str(&r, VERDICT_WORDS_MAX);
	for (uint32_t n = rd_u32(&r); n > 0 && !r.err; n--) {
		char *path = rd_str(&r, PATH_LEN_MAX);

		if (!path)
			break;
		h->needs = core_grow(h->needs, (h->nneeds + 1) * sizeof(*h->needs));
		h->needs[h->nneeds++] = path;
	}
	h->stored = h->nids > 0;
	if (r.err || !h->nids || h->last > VERDICT_REWRITE)
		hearing_free(c, h);
}

/* ---- asking ---- */

static void add_item(struct trial *t, uint32_t *cap, const struct key *k, struct version *v)
{
	GROW(t->items, t->n, *cap);
	t->items[t->n++] = (struct item){core_strdup(k->path), version_get(v)};
}

void hearing_ask(struct core *c, struct hearing *h)
{
	struct trial *t = core_alloc(sizeof(*t));
	uint32_t cap = 0;

	t->id = ++c->gate.last_trial;
	t->own = h->kind != HEARING_PEER;
	t->everywhere = h->everywhere;
	for (uint32_t i = 0; i < h->n; i++) {
		struct key *k = h->keys[i];
		struct version *v = t->own ? k->draft : key_visible(c, k).version;

		if (!t->own) /* which may be another one than when it came here */
			k->tried = v ? v->dot : (struct dot){0, 0};
		if (v)
			add_item(t, &cap, k, v);
	}
	if (!t->own)
		admit_others(c, h, t, &cap);
	h->trial = t->id;
	h->step = c->step;
	move_to(c, h, HEARING_OUT);
	effect_add(c, EFFECT_JUDGE, NULL)->trial = t;
}
