/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The gate. What this node's programs save at a gated path is told when it has been judged good, and
 * not before: until then it is a draft (held.c), in the store, like what a change set holds.
 *
 *   together   An op's edits, what a verdict said that it missed (`needs`), and what is saved at any of
 *              these paths later: judged as a whole, told as one op.
 *   what goes  is what was judged. A save meanwhile makes the question another one.
 *   bad        stays a draft until a later save is good, or somebody lets it go by force. In doubt:
 *              likewise, or until it is approved. Could not be judged: tried again, ever later.
 *
 * A change set is judged when it is released (held.c); bad, nothing of it goes. What others made is
 * judged where it is installed (admit.c).
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/log.h"
#include "base/path.h"
#include "replicator/core/parts.h"

bool gate_is(const struct core *c, const struct key *k)
{
	return c->conf.gated && c->conf.gated(c->conf.gated_arg, k->path);
}

/* ---- what is held ---- */

/* An own one that waits for it, but for `not`. */
static struct hearing *who_needs(const struct core *c, const struct key *k, const struct hearing *not)
{
	enum hearing_state state;
	struct hearing *h;

	HEARING_EACH(h, c, state)
		if (h != not && h->kind == HEARING_OWN && hearing_needs(h, k->path))
			return h;
	return NULL;
}

static bool is_judged(struct core *c, const struct edit *e)
{
	static const struct attrs none = {.kind = KIND_ABSENT};
	const struct attrs *before = e->key->shown ? &e->key->shown->attrs : &none;

	if (core_held_by(e->key->draft) == HELD_GATE)
		return true;
	/* What is shown and no version's, as what was discarded or set aside, was never let through. */
	if (key_present(e->key) && !e->key->shown->dot.origin && gate_is(c, e->key))
		return true;
	if (!(attrs_compare(before, &e->attrs) & (CHANGED_KIND | CHANGED_CONTENT)))
		return false;
	return gate_is(c, e->key) || (c->gate.n && who_needs(c, e->key, NULL));
}

/* Even, and not 0: no set's, and not the brake's. */
static uint64_t new_id(struct core *c)
{
	uint64_t id = XXH3_64bits_withSeed(&c->random, sizeof(c->random), ++c->gate.last_id) & ~1ull;

	return id ? id : 2;
}

static struct hearing *own_hearing(struct core *c)
{
	struct hearing *h = hearing_new(c, HEARING_OWN);

	GROW(h->ids, h->nids, h->cap_ids);
	h->ids[h->nids++] = new_id(c);
	return h;
}

/* Those that wait for one of these, or hold an earlier save of it, become one with it. */
static void join_waiting(struct core *c, struct hearing *h, const struct key *k)
{
	struct hearing *other;

	if (k->hearing && k->hearing->kind == HEARING_OWN)
		hearing_join(c, h, k->hearing);
	while ((other = who_needs(c, k, h)))
		hearing_join(c, h, other);
}

bool gate_takes(struct core *c, const struct edit *edits, uint32_t n)
{
	struct hearing *h = NULL;
	bool any = false;

	if (!c->conf.gated)
		return false;
	for (uint32_t i = 0; i < n && !any; i++)
		any = is_judged(c, &edits[i]);
	if (!any)
		return false;
	for (uint32_t i = 0; i < n && !h; i++)
		if (edits[i].key->hearing && edits[i].key->hearing->kind == HEARING_OWN)
			h = edits[i].key->hearing;
	if (!h)
		h = own_hearing(c);
	for (uint32_t i = 0; i < n; i++)
		join_waiting(c, h, edits[i].key);
	for (uint32_t i = 0; i < n; i++) {
		struct key *k = edits[i].key;

		held_put(c, &edits[i], k->hearing == h ? k->draft->group : h->ids[0]);
		if (k->hearing == h)
			continue;
		hearing_add(h, k);
		h->last = VERDICT_NONE;
		h->approved = h->forced = false;
		hearing_again(c, h); /* what is out did not know of it */
	}
	return true;
}

void gate_dropped(struct core *c, struct key *k)
{
	hearing_leave(c, k->hearing, k);
}

/* It is judged when it is back, or saved again; a release goes without it. */
void gate_aside(struct core *c, struct key *k)
{
	struct hearing *h = k->hearing;

	if (h && h->kind == HEARING_RELEASE)
		hearing_leave(c, h, k);
	else if (h && (h->state == HEARING_OUT || h->nrewriting))
		hearing_again(c, h);
}

/* Known to be on the disk, in this life. */
static bool all_seen(const struct hearing *h)
{
	for (uint32_t i = 0; i < h->n && h->kind != HEARING_PEER; i++)
		if (!h->keys[i]->draft_seen || h->keys[i]->draft->aside)
			return false;
	return true;
}

/* ---- telling ---- */

void gate_goes(struct core *c, struct hearing *h, struct key *k)
{
	struct hearing *earlier = k->hearing;

	if (!earlier) {
		hearing_add(h, k);
	} else if (earlier != h) {
		h->ends_set |= earlier->ends_set;
		hearing_join(c, h, earlier);
	}
}

/* What has been saved under the set since its release began goes with it. */
static bool add_late(struct core *c, struct hearing *h)
{
	bool added = false;

	for (struct key *k = key_first(c, ""); k && h->ends_set; k = key_next(k)) {
		if (core_held_by(k->draft) != HELD_SET || k->hearing == h || k->draft->aside)
			continue;
		gate_goes(c, h, k);
		added = true;
	}
	if (added)
		hearing_again(c, h);
	return added;
}

void gate_tell(struct core *c, struct hearing *h, bool force)
{
	struct key **keys;
	uint32_t n;

	if (add_late(c, h))
		return;
	n = h->n;
	keys = step_alloc(c, n * sizeof(struct key *));
	if (h->kind == HEARING_RELEASE)
		release_say(c, n, h->user, h->why);
	if (h->ends_set)
		held_end_set(c);
	for (uint32_t i = 0; i < n; i++)
		keys[i] = h->keys[i];
	hearing_free(c, h);
	c->forcing = force;
	release_tell(c, keys, n);
	c->forcing = false;
}

static void say(struct core *c, const struct hearing *h, int level, const char *what,
		const char *words)
{
	const char *path = h->n ? h->keys[0]->path : "";

	effect_note(c, level, "/%s%s %s%s%s", path, h->n > 1 ? " and what belongs to it" : "", what,
		    words && words[0] ? ": " : "", words ? words : "");
}

static void good(struct core *c, struct hearing *h, const struct verdict *v)
{
	if (v->words && v->words[0])
		say(c, h, LOG_LEVEL_WARNING,
		    v->kind == VERDICT_DOUBT ? "is approved, though in doubt" : "passes the gate",
		    v->words);
	if (v->nrewrites)
		rewrite_begin(c, h, v);
	else
		gate_tell(c, h, false);
}

/* ---- verdicts ---- */

static bool same_words(const struct hearing *h, const struct verdict *v)
{
	return h->verdict == v->kind && h->words && v->words &&
	       strncmp(h->words, v->words, VERDICT_WORDS_MAX) == 0;
}

/* What it needs is held itself. */
static bool join_needed(struct core *c, struct hearing *h)
{
	bool joined = false;

	for (uint32_t i = 0; i < h->nneeds; i++) {
		const struct key *k = key_find(c, h->needs[i]);

		if (!k || !k->hearing || k->hearing == h || k->hearing->kind != HEARING_OWN)
			continue;
		hearing_join(c, h, k->hearing);
		joined = true;
	}
	return joined;
}

static void held(struct core *c, struct hearing *h, const struct verdict *v)
{
	bool said = same_words(h, v);

	hearing_say(c, h, v);
	if (!said)
		say(c, h, v->kind == VERDICT_BAD ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
		    v->kind == VERDICT_BAD ? "does not pass the gate, and is held here"
					   : "is in doubt, and held here until `zonefsctl approve`",
		    v->words);
	if (h->kind == HEARING_RELEASE) {
		held_say(c, h, h->verdict, h->words);
		hearing_free(c, h);
		return;
	}
	if (join_needed(c, h))
		return;
	if (hearing_is_late(c, h))
		hearing_again(c, h);
	else
		hearing_idle(c, h);
}

static void unknown(struct core *c, struct hearing *h, const struct verdict *v)
{
	bool said = same_words(h, v);
	struct verdict as = *v;

	as.kind = VERDICT_UNKNOWN;
	as.nneeds = 0;
	if (!said)
		hearing_say(c, h, &as);
	h->verdict = VERDICT_UNKNOWN;
	if (!said)
		say(c, h, LOG_LEVEL_ERROR, "could not be checked, and is held here", v->words);
	if (h->kind == HEARING_RELEASE) {
		held_say(c, h, h->verdict, h->words);
		hearing_free(c, h);
	} else {
		hearing_later(c, h);
	}
}

void gate_verdict(struct core *c, const struct verdict *v)
{
	struct hearing *h;

	TAILQ_FOREACH(h, &c->gate.list[HEARING_OUT], link)
		if (h->trial == v->id)
			break;
	if (!h)
		return;
	if (h->kind == HEARING_PEER) {
		admit_verdict(c, h, v);
		return;
	}
	switch (v->kind) {
	case VERDICT_GOOD:
		good(c, h, v);
		break;
	case VERDICT_REWRITE:
		rewrite_begin(c, h, v);
		break;
	case VERDICT_DOUBT:
		if (h->approved) {
			good(c, h, v);
			break;
		}
		/* fall through */
	case VERDICT_BAD:
		held(c, h, v);
		break;
	case VERDICT_NONE:
	case VERDICT_UNKNOWN:
		unknown(c, h, v);
		break;
	}
}

/* ---- other reasons to ask ---- */

void gate_shown(struct core *c, const struct key *k)
{
	struct hearing *h, *next;

	TAILQ_FOREACH_SAFE(h, &c->gate.list[HEARING_IDLE], link, next)
		if (h->kind == HEARING_OWN && !h->nrewriting && hearing_needs(h, k->path))
			hearing_again(c, h);
	admit_shown(c, k);
}

static bool is_about(const struct hearing *h, const char *path)
{
	for (uint32_t i = 0; i < h->n; i++)
		if (strcmp(h->keys[i]->path, path) == 0)
			return true;
	return hearing_needs(h, path);
}

static void again_about(struct core *c, const char *path)
{
	enum hearing_state state;
	struct hearing *h, *next;

	for (state = HEARING_OUT; state <= HEARING_IDLE; state++)
		TAILQ_FOREACH_SAFE(h, &c->gate.list[state], link, next)
			if (!h->nrewriting && (!path || is_about(h, path)))
				hearing_again(c, h);
	TAILQ_FOREACH(h, &c->gate.list[HEARING_DUE], link)
		if (!path || is_about(h, path))
			h->retry_at = 0;
	admit_forget(c, path);
}

void gate_again(struct core *c, const struct event *e)
{
	if (!e->rejudge.n)
		again_about(c, NULL);
	for (uint32_t i = 0; i < e->rejudge.n; i++)
		again_about(c, e->rejudge.paths[i]);
}

/* ---- time ---- */

static struct hearing *hearing_of(struct core *c, uint64_t id)
{
	struct hearing *h;

	TAILQ_FOREACH(h, &c->gate.list[HEARING_DUE], link)
		if (hearing_has_id(h, id))
			return h;
	h = hearing_new(c, HEARING_OWN);
	GROW(h->ids, h->nids, h->cap_ids);
	h->ids[h->nids++] = id;
	return h;
}

void gate_start(struct core *c)
{
	for (struct key *k = c->ndrafts ? key_first(c, "") : NULL; k; k = key_next(k)) {
		if (core_held_by(k->draft) != HELD_GATE)
			continue;
		if (c->joining) { /* what is on the disk is taken in with the first tree */
			held_end(c, k);
			continue;
		}
		hearing_add(hearing_of(c, k->draft->group), k);
		if (!k->draft->aside)
			observe_look(c, k);
	}
}

void gate_due(struct core *c)
{
	struct hearing *h, *next;
	bool told = false;

	if (!c->gate.n && !c->gate.npending)
		return;
	admit_due(c);
	TAILQ_FOREACH_SAFE(h, &c->gate.list[HEARING_DUE], link, next) {
		if (!h->n) {
			hearing_free(c, h);
		} else if (h->retry_at <= c->now && all_seen(h)) {
			if (c->gate.out >= TRIALS_MAX)
				break;
			if (!h->forced && (c->conf.gated || h->everywhere || h->kind == HEARING_PEER)) {
				hearing_ask(c, h);
				continue;
			}
			gate_tell(c, h, h->forced); /* or there is no gate any more */
			told = true;
		}
	}
	TAILQ_FOREACH_SAFE(h, &c->gate.list[HEARING_IDLE], link, next)
		if (h->nrewriting)
			rewrite_due(c, h);
	if (told)
		place_pump(c);
}

int64_t gate_wake(const struct core *c)
{
	int64_t at = INT64_MAX;
	struct hearing *h;

	TAILQ_FOREACH(h, &c->gate.list[HEARING_DUE], link)
		if (h->retry_at > c->now && h->retry_at < at)
			at = h->retry_at;
	return at;
}

void gate_free(struct core *c)
{
	struct hearing *h;

	c->started = false; /* the store keeps what it has */
	for (int state = HEARING_DUE; state <= HEARING_IDLE; state++)
		while ((h = TAILQ_FIRST(&c->gate.list[state])))
			hearing_free(c, h);
	free(c->gate.pending);
}

/* ---- decisions ---- */

bool gate_decide(struct core *c, struct key *k, enum event_type type, bool force)
{
	struct hearing *h = k->hearing;

	if (!h || h->kind != HEARING_OWN || h->nrewriting)
		return false;
	if (type == EVENT_APPROVE && h->last != VERDICT_DOUBT)
		return false;
	k->put_back = false; /* the later decision is the one that counts */
	if (type == EVENT_APPROVE || force)
		effect_note(c, LOG_LEVEL_NOTICE, "/%s is let through the gate%s", k->path,
			    type == EVENT_APPROVE ? "" : " by force");
	if (type == EVENT_APPROVE && h->state == HEARING_IDLE && !h->mends && all_seen(h)) {
		gate_tell(c, h, false);
		return true;
	}
	for (uint32_t i = 0; i < h->n && (force || type == EVENT_APPROVE);) {
		struct key *each = h->keys[i];

		if (each->draft->aside)
			aside_edit(c, each);
		else
			each->to_aside = false;
		i += i < h->n && h->keys[i] == each; /* else it is over, and has left */
	}
	hearing_again(c, h);
	h->forced = force;
	h->approved = type == EVENT_APPROVE;
	return true;
}

/* ---- questions ---- */

enum verdict_kind gate_verdict_of(const struct key *k)
{
	const struct hearing *h = k->draft ? k->hearing : k->admission;

	return !h ? VERDICT_NONE : k->draft && k->draft->aside ? h->last : h->verdict;
}

const char *gate_words(const struct key *k)
{
	const struct hearing *h = k->draft ? k->hearing : k->admission;

	return h ? h->words : NULL;
}

static void count_own(const struct hearing *h, struct core_gate *to)
{
	for (uint32_t i = 0; i < h->n; i++) {
		enum verdict_kind v = gate_verdict_of(h->keys[i]);

		to->judging += v == VERDICT_NONE;
		to->bad += v == VERDICT_BAD;
		to->doubt += v == VERDICT_DOUBT;
		to->unknown += v == VERDICT_UNKNOWN;
	}
}

bool core_hears(const struct core *c, uint64_t trial)
{
	const struct hearing *h;

	TAILQ_FOREACH(h, &c->gate.list[HEARING_OUT], link)
		if (h->trial == trial)
			return true;
	return false;
}

void core_gate(const struct core *c, struct core_gate *to)
{
	enum hearing_state state;
	struct hearing *h;

	*to = (struct core_gate){0};
	HEARING_EACH(h, c, state) {
		if (h->kind == HEARING_PEER) {
			if (h->verdict == VERDICT_NONE)
				to->waiting += h->n;
			else
				to->refused += h->n;
		} else if (h->kind == HEARING_OWN) {
			count_own(h, to);
		}
	}
}
