/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Making versions of what happened here. The past of a new version is the
 * context of what this node *showed* at that path: that is what the person saw
 * when saving.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/path.h"
#include "replicator/core/parts.h"

#define STAMP_SHIFT 16
#define ORIGIN_OWN ((UINT64_C(1) << ORIGIN_TAG_SHIFT) - 1)

/* A new origin at the first version of each life: a dot is never used twice,
 * whatever happened to the store. */
static uint64_t origin_of(struct core *c, uint64_t *origin, uint64_t random)
{
	struct origin o = {0};

	if (*origin)
		return *origin;
	/* What is derived from this life's number is of the same node. */
	*origin = (c->random & ~ORIGIN_OWN & INT64_MAX) | (random & ORIGIN_OWN);
	if (!*origin)
		*origin = 1;
	o.origin = *origin;
	strncpy(o.node, c->conf.node, sizeof(o.node) - 1);
	merge_origin(c, &o);
	return *origin;
}

static uint64_t own_origin(struct core *c)
{
	return origin_of(c, &c->origin, c->random);
}

/* One vector cannot say that an origin's later version has not seen an earlier one of it. A save
 * has seen all that was saved here before; but not what was ordered and is yet to be put in place.
 */
uint64_t author_order_origin(struct core *c)
{
	return origin_of(c, &c->order_origin, XXH3_64bits(&c->random, sizeof(c->random)));
}

uint64_t author_stamp(const struct core *c, const struct key *k)
{
	uint64_t stamp = (uint64_t)c->wall << STAMP_SHIFT;

	for (uint32_t i = 0; i < k->n; i++) {
		if (k->entry[i]->stamp >= stamp)
			stamp = k->entry[i]->stamp + 1;
	}
	return stamp;
}

/* Its content was let go by force, now or when it was told. */
static bool is_forced(const struct core *c, const struct key *k, const struct version *v)
{
	const struct version *from = entry_shown(k);

	if (c->forcing)
		return true;
	return from && from->forced && !(v->changed & (CHANGED_KIND | CHANGED_CONTENT));
}

/* Peers know what is shown there; where that was found, they know what it was found over. A save of
 * it has changed what differs from that: the content and the mode, say, of a discarded draft that is not
 * put back yet, but not the mode if that had left it alone, too. */
static void set_by(struct version *v, const struct key *k)
{
	if (shown_found(k->shown) && k->found_over)
		version_set_by(v, k->found_over, attrs_compare(&k->found_over->attrs, &v->attrs));
	else
		version_set_by(v, entry_shown(k), v->changed);
}

static struct version *version_make(struct core *c, struct edit e, struct dot dot)
{
	static const struct attrs none = {.kind = KIND_ABSENT};
	const struct attrs *before = e.key->shown ? &e.key->shown->attrs : &none;
	struct version *v = version_new();

	v->dot = dot;
	if (e.key->shown)
		vv_copy(&v->context, &e.key->shown->context);
	vv_raise(&v->context, dot);
	v->stamp = author_stamp(c, e.key);
	v->attrs = e.attrs;
	if (e.attrs.kind == KIND_ABSENT)
		v->attrs = none;
	if (e.attrs.kind == KIND_DIR)
		v->attrs.mtime_nsec = 0;
	v->changed = attrs_compare(before, &v->attrs);
	if (shown_found(e.key->shown)) /* no version has had that */
		v->changed |= CHANGED_CONTENT;
	set_by(v, e.key);
	v->forced = is_forced(c, e.key, v);
	v->replaced = before->hash;
	if (e.attrs.kind == KIND_LINK)
		v->target = core_strdup(e.target);
	v->who = e.key->who;
	if (e.key->user) {
		free(v->user);
		v->user = core_strdup(e.key->user);
	}
	return v;
}

/* `shown` becomes what was found, and stands for the version made of it. */
static void show_edit(struct core *c, const struct edit *e, const struct version *v)
{
	struct shown *s = key_shown(e->key);

	if (s->attrs.kind == KIND_ABSENT)
		e->key->appeared = c->now;
	mend_forget(c, e->key);
	s->ident = e->ident;
	s->attrs = e->attrs;
	vv_raise(&s->context, v->dot);
	s->dot = v->dot;
	s->raised = false;
	s->leftover = false;
	shown_floor(s);
	key_shown_changed(c, e->key);
	c->nsaved_anew += held_saved_anew(c, e->key);
	held_end(c, e->key); /* told, be it as the old name of a rename */
}

static void tell(struct core *c, struct key *k, struct version *v)
{
	struct effect *e = effect_add(c, EFFECT_TOLD, k->path);

	e->told.version = version_get(v);
	e->told.own = true;
	e->told.kind = v->attrs.kind;
	e->told.changed = v->changed;
}

/* One op of this node: versions made, entries and `shown` changed, stored,
 * broadcast. */
static void author_op(struct core *c, const struct edit *edits, uint32_t n, uint64_t group,
		      void (*adjust)(struct core *c, struct version *v))
{
	struct dot dot = {own_origin(c), 0};
	struct op *op = core_alloc(sizeof(*op));

	dot.seq = vv_get(&c->vector, dot.origin) + 1;
	op->dot = dot;
	op->items = core_alloc(n * sizeof(*op->items));
	for (uint32_t i = 0; i < n; i++) {
		struct version *v = version_make(c, edits[i], dot);

		v->group = group;
		if (adjust)
			adjust(c, v);
		entry_merge(c, edits[i].key, v, true);
		show_edit(c, &edits[i], v);
		op->items[op->n++] = (struct item){core_strdup(edits[i].key->path), v};
	}
	merge_vector(c, dot);
	effect_add(c, EFFECT_BROADCAST, NULL)->op = op;
	for (uint32_t i = 0; i < n; i++)
		tell(c, edits[i].key, op->items[i].version);
	for (uint32_t i = 0; i < n; i++) {
		opwait_placed(c, edits[i].key);
		place_consider(c, edits[i].key); /* something may live below what has gone */
		place_above(c, edits[i].key);
		if (edits[i].attrs.kind == KIND_DIR) /* what is implied below is like it */
			place_below(c, edits[i].key);
	}
}

void author_ops(struct core *c, const struct edit *edits, uint32_t n)
{
	uint64_t group = n > OP_VERSIONS_MAX ? (c->random ^ (c->step << 20)) | 1 : 0;

	for (uint32_t at = 0; at < n;) {
		uint32_t count = n - at < OP_VERSIONS_MAX ? n - at : OP_VERSIONS_MAX;

		/* A new name and the absence of its old one stay together. */
		if (at + count < n && edits[at + count].attrs.kind == KIND_ABSENT)
			count--;
		author_op(c, edits + at, count, group, NULL);
		at += count;
	}
}

void author_edits(struct core *c, const struct edit *edits, uint32_t n)
{
	if (!held_takes(c, edits, n) && !gate_takes(c, edits, n))
		author_ops(c, edits, n);
}

void author_change(struct core *c, struct key *k, const struct observation *o)
{
	struct edit e = {k, o->attrs, o->ident, o->target};

	if (k->shown && k->shown->leftover && o->attrs.kind == KIND_ABSENT) {
		/* A deleted directory that stayed for its local files has gone at last. */
		k->shown->leftover = false;
		k->shown->ident = o->ident;
		k->shown->attrs = (struct attrs){.kind = KIND_ABSENT};
		key_shown_changed(c, k);
		place_above(c, k);
		return;
	}
	author_edits(c, &e, 1);
}

void author_keep(struct core *c, struct key *k, const struct observation *o)
{
	struct dot dot = {own_origin(c), 0};
	struct version *v;

	dot.seq = vv_get(&c->vector, dot.origin) + 1;
	v = version_make(c, (struct edit){k, o->attrs, o->ident, o->target}, dot);
	v->who = (struct who){.login_uid = (uint32_t)-1, .command = "unclean stop"};
	free(v->user);
	v->user = core_strdup("");
	store_history(c, k, v);
	merge_vector(c, dot);
	version_put(v);
}

/* Taken in with a first tree: below everything that was saved; among its like
 * by the file's age where nobody had anything yet, last of all where peers had.
 */
static void adjust_import(struct core *c, struct version *v)
{
	int64_t msec = v->attrs.mtime_nsec / 1000000;

	v->import = true;
	v->stamp = c->take_in_equal && msec > 0 ? (uint64_t)msec << STAMP_SHIFT : 1;
}

void author_import(struct core *c, struct key *k, const struct observation *o)
{
	struct edit e = {k, o->attrs, o->ident, o->target};

	author_op(c, &e, 1, 0, adjust_import);
}

/* Kept in the history alone: no vector speaks of it, nobody is told. */
void author_aside(struct core *c, struct key *k, const struct observation *o)
{
	struct edit e = {k, o->attrs, o->ident, o->target};
	uint64_t random = XXH3_64bits_withSeed(&c->random, sizeof(c->random), 1);
	struct dot dot = {origin_of(c, &c->aside_origin, random), ++c->aside};
	struct version *v = version_make(c, e, dot);
	int64_t msec = v->attrs.mtime_nsec / 1000000;

	v->import = true;
	v->stamp = msec > 0 ? (uint64_t)msec << STAMP_SHIFT : 1;
	store_history(c, k, v);
	version_put(v);
}

struct version *author_draft(struct core *c, const struct edit *e)
{
	uint64_t random = XXH3_64bits_withSeed(&c->random, sizeof(c->random), 2);
	struct dot dot = {origin_of(c, &c->draft_origin, random), ++c->drafts};

	struct version *v = version_make(c, *e, dot);

	v->draft = true;
	return v;
}
