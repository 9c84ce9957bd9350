/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What becomes of what is held (held.c): somebody releases, approves or discards it. A release looks at
 * all its paths first, so that what goes is what is there, brings back what was set aside, and then goes
 * as one op, or not at all; what passes a gate is judged as a whole before that. What is released again
 * meanwhile goes with the later release.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/path.h"
#include "replicator/core/parts.h"

#define RELEASE_LIMIT_MSEC 10000 /* what is being written for so long stays held, and all with it */

/* The later decision is the one that counts. */
void release_leave(struct core *c, struct key *k)
{
	for (struct release *r = c->releases; r && k->releasing; r = r->next) {
		for (uint32_t i = 0; i < r->n; i++) {
			if (r->keys[i] != k)
				continue;
			memmove(r->keys + i, r->keys + i + 1, (--r->n - i) * sizeof(*r->keys));
			r->at -= i < r->at;
			k->releasing = false;
			k->held--;
			break;
		}
	}
}

/* ... here, too: what is released again goes with that, as one op. */
static void release_add(struct core *c, struct release *r, struct key *k)
{
	bool aside = k->draft->aside;

	release_leave(c, k);
	if (k->hearing && k->hearing->kind == HEARING_RELEASE)
		hearing_leave(c, k->hearing, k);
	k->releasing = true;
	k->draft_seen = k->put_back = k->to_aside = false;
	k->held++;
	GROW(r->keys, r->n, r->cap);
	r->keys[r->n++] = k;
	if (aside)
		aside_edit(c, k); /* be it that nothing has to be put back, and it is over */
	/* What is read already may be older; that of a rename waits for what is at its other name. */
	if (!aside || k->looking || (k->delay && k->delay->due))
		observe_look(c, k);
}

static struct release *release_of(const struct core *c, const struct key *k)
{
	for (struct release *r = c->releases; r && k->releasing; r = r->next)
		for (uint32_t i = 0; i < r->n; i++)
			if (r->keys[i] == k)
				return r;
	return NULL;
}

/* What goes together goes with that of it which is being released, or judged for that: no peer shall
 * have both names of a file that was renamed. */
void release_with(struct core *c, const struct edit *edits, uint32_t n)
{
	struct hearing *h = NULL;
	struct release *r = NULL;

	for (uint32_t i = 0; i < n && !r; i++) {
		struct hearing *of = edits[i].key->hearing;

		r = release_of(c, edits[i].key);
		if (of && of->kind == HEARING_RELEASE)
			h = of;
	}
	for (uint32_t i = 0; i < n && (r || h); i++) {
		if (r && release_of(c, edits[i].key) != r)
			release_add(c, r, edits[i].key);
		else if (!r && edits[i].key->hearing != h)
			gate_goes(c, h, edits[i].key);
	}
	if (!r && h)
		hearing_again(c, h);
}

/* The set ends with the last of them. */
static void releases_end_no_set(struct core *c)
{
	struct hearing *h;
	enum hearing_state state;

	for (struct release *r = c->releases; r; r = r->next)
		r->ends_set = false;
	HEARING_EACH(h, c, state)
		h->ends_set = false;
}

static void discard_one(struct core *c, struct key *k)
{
	k->to_aside = false;
	if (k->draft->aside && k->placing != k->draft) {
		held_end(c, k);
		place_consider(c, k);
		return;
	}
	k->put_back = true;
	k->draft_seen = false; /* nothing is told that is to be put back */
	gate_aside(c, k);
	observe_look(c, k);
}

/* One of the set is to be judged before it goes. */
static bool set_is_gated(const struct core *c)
{
	for (struct key *k = c->conf.gated ? key_first(c, "") : NULL; k; k = key_next(k))
		if (core_held_by(k->draft) == HELD_SET && gate_is(c, k))
			return true;
	return false;
}

static void decide_on(struct core *c, struct release *r, struct key *k, const struct decision *d,
		      enum event_type type)
{
	enum held_by by = core_held_by(k->draft);

	if (type == EVENT_DISCARD) {
		release_leave(c, k);
		discard_one(c, k);
	} else if (by == HELD_GATE) {
		if (type == EVENT_APPROVE || d->n)
			gate_decide(c, k, type, d->force);
	} else if ((type == EVENT_APPROVE) == (by == HELD_BRAKE)) {
		release_add(c, r, k);
	} else if (by == HELD_SET && c->set.verdict == VERDICT_DOUBT) {
		r->ends_set = true;
		release_add(c, r, k);
	}
}

void release_decide(struct core *c, const struct event *e)
{
	const struct decision *d = e->decision;
	struct release *r = core_alloc(sizeof(*r)), **at = &c->releases;

	r->force = d->force;
	r->approved = e->type == EVENT_APPROVE;
	if (e->type != EVENT_APPROVE && d->n == 0) {
		releases_end_no_set(c);
		r->everywhere = e->type == EVENT_RELEASE && d->everywhere;
		r->ends_set = e->type == EVENT_RELEASE && !d->force && (r->everywhere || set_is_gated(c));
		if (!r->ends_set)
			held_end_set(c);
	}
	for (struct key *k = c->ndrafts ? key_first(c, "") : NULL; k; k = key_next(k))
		if (k->draft && held_meant(d, k))
			decide_on(c, r, k, d, e->type);
	r->why = core_strdup(d->why);
	r->user = core_strdup(d->user);
	r->deadline = c->now + RELEASE_LIMIT_MSEC;
	while (*at)
		at = &(*at)->next;
	*at = r;
}

static void release_free(struct core *c, struct release *r)
{
	for (uint32_t i = 0; i < r->n; i++) {
		r->keys[i]->held--;
		r->keys[i]->releasing = false;
		key_scratch(c, r->keys[i]);
	}
	free(r->keys);
	free(r->why);
	free(r->user);
	free(r);
}

void release_tell(struct core *c, struct key **keys, uint32_t of)
{
	struct edit *edits = step_alloc(c, of * sizeof(*edits));
	uint32_t n = 0;

	for (uint32_t i = 0; i < of; i++) {
		struct key *k = keys[i];

		if (!k->draft) /* undone meanwhile */
			continue;
		k->who = k->draft->who;
		free(k->user);
		k->user = core_strdup(k->draft->user);
		edits[n++] = (struct edit){k, k->draft->attrs, k->draft_ident, k->draft->target};
	}
	if (n)
		author_ops(c, edits, n);
}

void release_say(struct core *c, uint32_t n, const char *user, const char *why)
{
	effect_note(c, LOG_LEVEL_NOTICE, "%u path%s released%s%s%s%s", n, n == 1 ? " is" : "s are",
		    user[0] ? " by " : "", user, why[0] ? ": " : "", why);
}

static bool is_gated(const struct core *c, const struct release *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		if (r->keys[i]->draft && gate_is(c, r->keys[i]))
			return true;
	return false;
}

/* It is judged as a whole first. */
static void release_judged(struct core *c, struct release *r)
{
	struct hearing *h = hearing_new(c, HEARING_RELEASE);

	h->ends_set = r->ends_set;
	h->everywhere = r->everywhere;
	for (uint32_t i = 0; i < r->n; i++)
		if (r->keys[i]->draft)
			gate_goes(c, h, r->keys[i]);
	h->approved = r->approved;
	h->why = core_strdup(r->why);
	h->user = core_strdup(r->user);
	held_say(c, h, VERDICT_NONE, NULL);
}

/* Everything has been looked at: as one op. */
static void release_now(struct core *c, struct release *r)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->n; i++)
		n += r->keys[i]->draft != NULL;
	if (n && !r->force && (r->everywhere || is_gated(c, r))) {
		release_judged(c, r);
		return;
	}
	if (r->ends_set)
		held_end_set(c);
	if (!n)
		return;
	release_say(c, n, r->user, r->why);
	c->forcing = r->force;
	release_tell(c, r->keys, r->n);
	c->forcing = false;
}

static bool is_open(const struct key *k)
{
	return k->draft &&
	       (k->draft->aside || !k->draft_seen || k->looking || k->look_again || k->delay);
}

/* All of it has been looked at, and nothing has come up since: what was seen first may have been
 * changed, or have gone, while the others were looked at. */
static bool is_seen(struct release *r)
{
	while (r->at < r->n && !is_open(r->keys[r->at]))
		r->at++;
	for (uint32_t i = 0; r->at == r->n && i < r->n; i++)
		if (is_open(r->keys[i]))
			r->at = i;
	return r->at == r->n;
}

void release_due(struct core *c)
{
	struct release **at = &c->releases, *r;

	while ((r = *at)) {
		bool seen = is_seen(r);

		if (!seen && c->now < r->deadline) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		if (!seen)
			effect_note(c, LOG_LEVEL_ERROR,
				    "nothing is released: /%s is still being written%s",
				    r->keys[r->at]->path,
				    r->keys[r->at]->draft && r->keys[r->at]->draft->aside
					? ", or what was set aside there cannot be put back"
					: "");
		else
			release_now(c, r);
		release_free(c, r);
	}
}

int64_t release_wake(const struct core *c)
{
	int64_t at = INT64_MAX;

	for (const struct release *r = c->releases; r; r = r->next)
		at = r->deadline < at ? r->deadline : at;
	return at;
}

void release_free_all(struct core *c)
{
	struct release *r;

	while ((r = c->releases)) {
		c->releases = r->next;
		release_free(c, r);
	}
}

bool core_releasing(const struct core *c)
{
	const struct hearing *h;
	enum hearing_state state;

	HEARING_EACH(h, c, state)
		if (h->kind == HEARING_RELEASE)
			return true;
	return c->releases;
}
