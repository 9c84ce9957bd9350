/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An administrator's order: "this is to be there". It becomes ordinary versions that have seen all
 * that is listed at their paths, and touches no disk by itself: placing installs them here as on
 * every peer, by comparing and installing, so that a local edit which nobody has looked at is not
 * overwritten but becomes a concurrent version.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/path.h"
#include "replicator/core/parts.h"

struct wish {
	struct key *key;
	struct attrs attrs;
	const char *target;
};

struct wishes {
	struct wish *p;
	uint32_t n;
	uint32_t cap;
};

static const struct attrs absent = {.kind = KIND_ABSENT};

/* ---- what is to be there ---- */

static void wish_for(struct core *c, struct wishes *w, struct key *k, const struct attrs *attrs,
		     const char *target)
{
	struct wish wish = {.key = k, .target = target};

	if (k->ordered || observe_local(c, k, attrs && attrs->kind == KIND_DIR))
		return;
	if (attrs)
		wish.attrs = *attrs;
	else
		place_implied(c, k, &wish.attrs);
	if (wish.attrs.kind == KIND_DIR)
		wish.attrs.mtime_nsec = 0;
	k->ordered = true;
	GROW(w->p, w->n, w->cap);
	w->p[w->n++] = wish;
}

/* The directories that it is in, where there are none. */
static void wish_for_parents(struct core *c, struct wishes *w, const char *path)
{
	char parent[PATH_LEN_MAX + 1];

	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t len = (size_t)(slash - path);
		struct key *k;

		memcpy(parent, path, len);
		parent[len] = '\0';
		k = key_get(c, parent);
		key_scratch(c, k);
		if (key_visible(c, k).kind != KIND_DIR)
			wish_for(c, w, k, NULL, NULL);
	}
}

/* What is in a directory goes where something else takes its place. */
static void wish_below_away(struct core *c, struct wishes *w, const struct key *dir)
{
	struct key *k = NULL;

	while ((k = key_next_below(c, dir->path, k)))
		if (k->is_live)
			wish_for(c, w, k, &absent, NULL);
}

static void wish_for_all(struct core *c, struct wishes *w, const struct order *o)
{
	uint32_t own;

	for (uint32_t i = 0; i < o->n; i++) {
		struct key *k;

		if (!path_valid(o->items[i].path))
			continue;
		k = key_get(c, o->items[i].path);
		key_scratch(c, k);
		wish_for(c, w, k, o->items[i].attrs, o->items[i].target);
	}
	own = w->n;
	for (uint32_t i = 0; i < own; i++) {
		struct key *k = w->p[i].key;
		enum kind kind = w->p[i].attrs.kind;

		if (kind != KIND_ABSENT)
			wish_for_parents(c, w, k->path);
		if (kind != KIND_DIR)
			wish_below_away(c, w, k);
	}
}

/* ---- versions ---- */

/* It is so already, and nobody disagrees. */
static bool is_granted(const struct wish *w)
{
	const struct key *k = w->key;

	if (k->n > 1)
		return false;
	return !(attrs_compare(k->n ? &k->entry[0]->attrs : &absent, &w->attrs) & ~CHANGED_MTIME);
}

/* Another content has a time above all that this path is known to have had. */
int64_t order_mtime(const struct core *c, const struct key *k)
{
	int64_t now = c->wall * 1000000, floor = k->shown ? k->shown->floor_nsec : 0, mtime;

	for (uint32_t i = 0; i < k->n; i++)
		if (k->entry[i]->attrs.mtime_nsec > floor)
			floor = k->entry[i]->attrs.mtime_nsec;
	mtime = mtime_raise(floor, now, now);
	return mtime > VERSION_MTIME_MAX ? VERSION_MTIME_MAX : mtime;
}

static struct version *version_make(struct core *c, const struct wish *w, const struct order *o,
				    struct dot dot)
{
	const struct attrs *before = w->key->n ? &w->key->entry[0]->attrs : &absent;
	struct version *v = version_new();

	v->dot = dot;
	entry_context(w->key, &v->context);
	vv_raise(&v->context, dot);
	v->stamp = author_stamp(c, w->key);
	v->attrs = w->attrs;
	v->replaced = before->hash;
	if (v->attrs.kind == KIND_LINK)
		v->target = core_strdup(w->target);
	if (v->attrs.kind == KIND_FILE || v->attrs.kind == KIND_LINK) {
		uint8_t differs = attrs_compare(before, &v->attrs);

		v->attrs.mtime_nsec = differs & (CHANGED_KIND | CHANGED_CONTENT)
					  ? order_mtime(c, w->key)
					  : before->mtime_nsec;
	}
	v->changed = attrs_compare(before, &v->attrs);
	version_set_by(v, w->key->n ? w->key->entry[0] : NULL, v->changed);
	if (o->who)
		v->who = *o->who;
	if (o->user) {
		free(v->user);
		v->user = core_strdup(o->user);
	}
	return v;
}

/* One op: known, stored, broadcast; then it is placed like anybody's. */
static void order_op(struct core *c, const struct wish *w, uint32_t n, const struct order *o,
		     uint64_t group)
{
	struct key **keys = step_alloc(c, n * sizeof(struct key *));
	struct version **made = step_alloc(c, n * sizeof(struct version *));
	struct op *op = core_alloc(sizeof(*op));
	struct dot dot = {author_order_origin(c), 0};

	dot.seq = vv_get(&c->vector, dot.origin) + 1;
	op->dot = dot;
	op->items = core_alloc(n * sizeof(*op->items));
	for (uint32_t i = 0; i < n; i++) {
		struct version *v = version_make(c, &w[i], o, dot);

		v->group = group;
		entry_merge(c, w[i].key, v, true);
		op->items[op->n++] = (struct item){core_strdup(w[i].key->path), v};
		keys[i] = w[i].key;
		made[i] = v;
	}
	merge_vector(c, dot);
	effect_add(c, EFFECT_BROADCAST, NULL)->op = op;
	opwaits_make(c, keys, made, n);
	for (uint32_t i = 0; i < n; i++) {
		place_consider(c, keys[i]);
		place_above(c, keys[i]);
	}
}

void order_take(struct core *c, const struct event *e)
{
	struct wishes w = {0};
	uint32_t n = 0;

	if (core_joining(c))
		return;
	wish_for_all(c, &w, e->order);
	for (uint32_t i = 0; i < w.n; i++) {
		w.p[i].key->ordered = false;
		if (!is_granted(&w.p[i]))
			w.p[n++] = w.p[i];
	}
	uint64_t group = n > OP_VERSIONS_MAX ? (c->random ^ (c->step << 20)) | 1 : 0;
	for (uint32_t at = 0; at < n; at += OP_VERSIONS_MAX)
		order_op(c, w.p + at, n - at < OP_VERSIONS_MAX ? n - at : OP_VERSIONS_MAX, e->order,
			 group);
	free(w.p);
}
