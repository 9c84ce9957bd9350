/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Held versions. What is saved here and is not to be told, since it belongs to a change set that
 * somebody has begun (`zonefsctl hold`), or since it would remove too much (brake.c), is a *draft*:
 * it has no dot that any vector speaks of, and nobody is told of it.
 *
 *   the disk   has the draft; `shown` still says what was there before, so that the path counts
 *              neither as edited nor as to be installed: a peer's version is merged into the entry,
 *              and waits.
 *   the store  has the draft beside the entries, with its content, from before the hint is
 *              acknowledged. A later save takes its place, and it goes to the history, as does a draft
 *              that is discarded, or is no longer there.
 *   released   it becomes an ordinary version. What that has seen is what was shown when the draft was
 *              made, and still is: so beside a peer's version that came meanwhile it is in conflict,
 *              by the same rules as if both had been saved at the same time.
 *   discarded  what is there is shown, but stands for no more than what was there before: so the
 *              version that is current is installed over it.
 *
 * Drafts of a set carry its number as their `group`; those of the brake have none. How they are released
 * is release.c's.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/log.h"
#include "base/path.h"
#include "replicator/core/parts.h"

#define META_SET "set"
#define SET_FORMAT 2 /* 1: without a verdict */
#define SET_BYTES_MAX (512 * 1024)

/* ---- the set ---- */

static void set_clear(struct set *s)
{
	for (uint32_t i = 0; i < s->npatterns; i++)
		free(s->pattern[i]);
	free(s->pattern);
	patterns_free(s->patterns);
	free(s->why);
	free(s->user);
	free(s->words);
	*s = (struct set){0};
}

static void set_pattern(struct set *s, const char *pattern)
{
	const char *why;

	if (!s->patterns)
		s->patterns = patterns_new();
	if (!s->patterns)
		abort();
	if (patterns_add(s->patterns, pattern, &why) < 0)
		return;
	s->pattern = core_grow(s->pattern, (s->npatterns + 1) * sizeof(*s->pattern));
	s->pattern[s->npatterns++] = core_strdup(pattern);
}

static void set_store(struct core *c)
{
	const struct set *s = &c->set;
	struct buf b;

	buf_init(&b, SET_BYTES_MAX);
	buf_u8(&b, SET_FORMAT);
	buf_u64(&b, s->id);
	buf_i64(&b, s->since_msec);
	buf_who(&b, &s->who);
	buf_str(&b, s->user);
	buf_str(&b, s->why);
	buf_u32(&b, s->npatterns);
	for (uint32_t i = 0; i < s->npatterns; i++)
		buf_str(&b, s->pattern[i]);
	buf_u8(&b, (uint8_t)s->verdict);
	buf_str(&b, s->words);
	if (!b.err) /* else it lasts as long as this life */
		store_meta(c, META_SET, b.data, b.len);
	buf_fini(&b);
}

static bool is_of_set(const struct hearing *h)
{
	return h->n && core_held_by(h->keys[0]->draft) == HELD_SET;
}

void held_say(struct core *c, const struct hearing *h, enum verdict_kind verdict, const char *words)
{
	struct set *s = &c->set;

	if (!s->open || !is_of_set(h))
		return;
	s->verdict = verdict;
	free(s->words);
	s->words = words ? core_strdup(words) : NULL;
	set_store(c);
}

void held_load(struct core *c, const char *name, const uint8_t *p, size_t len)
{
	struct set s = {0};
	uint8_t format;
	struct rd r;

	if (strcmp(name, META_SET) != 0)
		return;
	rd_init(&r, p, len);
	format = rd_u8(&r);
	if (format != SET_FORMAT && format != 1)
		return;
	s.id = rd_u64(&r);
	s.since_msec = rd_i64(&r);
	rd_who(&r, &s.who);
	s.user = rd_str(&r, VERSION_USER_MAX);
	s.why = rd_str(&r, HOLD_WHY_MAX);
	for (uint32_t n = rd_u32(&r); n > 0 && !r.err; n--) {
		CLEANUP_FREE char *pattern = rd_str(&r, PATTERN_LEN_MAX);

		if (pattern)
			set_pattern(&s, pattern);
	}
	if (format > 1) {
		s.verdict = rd_u8(&r);
		s.words = rd_str(&r, VERDICT_WORDS_MAX);
	}
	s.open = s.user && s.why && rd_end(&r) == 0 && s.id && s.verdict <= VERDICT_REWRITE;
	set_clear(&c->set);
	if (s.open)
		c->set = s;
	else
		set_clear(&s);
}

void held_begin(struct core *c, const struct event *e)
{
	struct set *s = &c->set;

	/* A release takes what it finds, also what was saved since it began. */
	if (s->open || core_joining(c) || core_releasing(c))
		return;
	s->open = true;
	s->id = XXH3_64bits_withSeed(&c->random, sizeof(c->random), c->step) | 1;
	s->since_msec = c->wall;
	s->user = core_strdup(e->hold->user);
	s->why = core_strdup(e->hold->why);
	if (e->hold->who)
		s->who = *e->hold->who;
	for (uint32_t i = 0; i < e->hold->n; i++)
		set_pattern(s, e->hold->patterns[i]);
	set_store(c);
}

void held_end_set(struct core *c)
{
	if (!c->set.open)
		return;
	set_clear(&c->set);
	store_meta_forget(c, META_SET);
}

/* The set that a change of it belongs to; 0: none. */
static uint64_t set_of(const struct core *c, const struct key *k, enum kind kind)
{
	bool dir = kind == KIND_DIR ||
		   (kind == KIND_ABSENT && key_present(k) && k->shown->attrs.kind == KIND_DIR);

	if (core_held_by(k->draft) == HELD_SET)
		return k->draft->group;
	if (!c->set.open || (c->set.patterns && !patterns_match(c->set.patterns, k->path, dir)))
		return 0;
	return c->set.id;
}

bool held_by_set(const struct core *c, const struct key *k)
{
	return set_of(c, k, KIND_ABSENT) != 0;
}

/* ---- drafts ---- */

static void count(struct core *c, const struct key *k, int by)
{
	c->ndrafts += (uint32_t)by;
	if (core_held_by(k->draft) == HELD_BRAKE)
		c->brake.held += (uint32_t)by;
}

void core_load_draft(struct core *c, const char *path, struct version *v)
{
	struct key *k = key_get(c, path);

	if (k->draft)
		return;
	k->draft = version_get(v);
	count(c, k, 1);
}

/* It is over: in the history. */
static void drop(struct core *c, struct key *k)
{
	gate_dropped(c, k);
	store_superseded(c, k, k->draft->dot);
	count(c, k, -1);
	version_put(k->draft);
	k->draft = NULL;
	k->put_back = k->to_aside = k->to_edit = false; /* what was decided of it is over */
	key_scratch(c, k);
}

void held_end(struct core *c, struct key *k)
{
	if (!k->draft)
		return;
	drop(c, k);
	if (key_present(k) && k->shown->attrs.kind == KIND_DIR)
		place_below(c, k);
}

bool held_is(struct key *k, const struct observation *o)
{
	if (!key_drafted(k) || o->unchanged || attrs_compare(&k->draft->attrs, &o->attrs) != 0)
		return false;
	k->draft_ident = o->ident;
	k->draft_seen = true;
	return true;
}

void held_put(struct core *c, const struct edit *e, uint64_t group)
{
	struct key *k = e->key;
	struct hearing *h = k->hearing;
	enum held_by by = core_held_by(k->draft);
	struct shown *s;

	held_saved_anew(c, k);
	k->draft_ident = e->ident;
	k->draft_seen = true;
	if (key_drafted(k) && k->draft->group == group &&
	    attrs_compare(&k->draft->attrs, &e->attrs) == 0)
		return;
	if (k->draft && k->draft->aside)
		effect_note(c, LOG_LEVEL_NOTICE,
			    "/%s is saved anew: what was set aside there is in its history",
			    k->path);
	hearing_leave(c, k->admission, k);
	if (k->draft)
		drop(c, k);
	k->draft = author_draft(c, e);
	k->draft->group = group;
	/* The gate's goes when it is good, whoever let go what was there before. */
	if (core_held_by(k->draft) == HELD_GATE)
		release_leave(c, k);
	if (h && core_held_by(k->draft) == by)
		hearing_add(h, k); /* it is judged in its place */
	count(c, k, 1);
	store_draft(c, k);
	s = key_shown(k); /* programs have seen its time under this name */
	if (shown_floor_of(s, &k->draft->attrs))
		key_shown_changed(c, k);
}

/* Where something was found already, it is still over the same. */
static void found_over(struct key *k)
{
	const struct version *v = entry_shown(k);

	if (!v)
		return;
	version_put(k->found_over);
	k->found_over = version_copy(v);
	k->found_over->attrs = k->shown->attrs;
}

void held_show_found(struct core *c, struct key *k, const struct observation *o)
{
	struct shown *s = key_shown(k);

	found_over(k);
	s->attrs = o->attrs;
	s->ident = o->ident;
	s->dot = (struct dot){0, 0};
	shown_floor_of(s, &s->attrs);
	key_shown_changed(c, k);
}

/* Be it that it was saved again since. */
void held_put_back(struct core *c, struct key *k, const struct observation *o)
{
	struct edit e = {k, o->attrs, o->ident, o->target};

	held_put(c, &e, k->draft->group);
	held_end(c, k);
	held_show_found(c, k, o);
	c->nputting_back += !k->putting_back;
	k->putting_back = true; /* until it is settled */
}

bool held_saved_anew(struct core *c, struct key *k)
{
	bool was = k->putting_back;

	c->nputting_back -= was;
	k->putting_back = false;
	return was;
}

bool held_takes(struct core *c, const struct edit *edits, uint32_t n)
{
	uint64_t set = 0;

	for (uint32_t i = 0; i < n && !set; i++)
		set = set_of(c, edits[i].key, edits[i].attrs.kind);
	if (!set)
		return false;
	for (uint32_t i = 0; i < n; i++)
		held_put(c, &edits[i], set);
	release_with(c, edits, n);
	return true;
}

bool held_meant(const struct decision *d, const struct key *k)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (!d->paths[i][0] || strcmp(k->path, d->paths[i]) == 0 ||
		    path_below(k->path, d->paths[i]))
			return true;
	return d->n == 0;
}

void held_free(struct core *c)
{
	set_clear(&c->set);
	release_free_all(c);
}

/* ---- questions ---- */

uint32_t core_held(const struct core *c)
{
	return c->ndrafts;
}

uint32_t core_braked(const struct core *c)
{
	return c->brake.held;
}

const struct version *core_draft(const struct core *c, const char *path)
{
	const struct key *k = c->ndrafts ? key_find(c, path) : NULL;

	return k ? k->draft : NULL;
}

bool core_putting_back(const struct core *c)
{
	return c->nputting_back > 0;
}

uint32_t core_saved_anew(const struct core *c)
{
	return c->nsaved_anew;
}

bool core_set(const struct core *c, struct core_set *to)
{
	const struct set *s = &c->set;

	if (!s->open)
		return false;
	*to = (struct core_set){.id = s->id,
				.since_msec = s->since_msec,
				.who = &s->who,
				.user = s->user,
				.why = s->why,
				.patterns = (const char *const *)s->pattern,
				.n = s->npatterns,
				.verdict = s->verdict,
				.words = s->words};
	return true;
}
