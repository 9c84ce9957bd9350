/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two sides that changed different things of one path: here somebody took away the others' right to
 * read it, there somebody wrote into it. Both are meant. The author of the version that is not shown
 * makes a third one of the two, which has seen both, and publishes it as any other. Nobody else
 * does, so that there is one; should its author never come back, the conflict stays listed.
 *
 * Which fields a side has changed does not follow from its last version alone: it may have saved
 * five times. So each version knows the version that each of its fields comes from (`setter`). A
 * side whose setter the other one has seen has not changed that field since. Where both have, to
 * different values, nothing is combined: that is for people.
 *
 * It is made when the winner is on disk here: then its content is, too, and what a local program
 * may have done to it meanwhile has become a version of its own.
 *
 * A version may have to be told anew though nobody changes it: a zone that won a conflict, with a serial
 * that another content was served with (EVENT_RENEW). Its author does that, so that there is one, too. It
 * has seen no more than the one that it replaces, and changes no field itself: who had seen that one has
 * seen all that is in it, and whoever saves on top of that one is combined with it.
 */
#include <stdlib.h>
#include <string.h>

#include "replicator/core/parts.h"

void combine_later(struct core *c, struct key *k)
{
	if (k->n < 2 || k->unwanted || k->draft || k->entry[0]->import)
		return;
	GROW(c->combining, c->ncombining, c->cap_combining);
	c->combining[c->ncombining++] = k;
}

/* ---- two versions ---- */

static bool same_field(const struct version *a, const struct version *b, enum field f)
{
	return !(attrs_compare(&a->attrs, &b->attrs) & field_changed(f));
}

static bool has_seen(const struct version *v, struct dot setter)
{
	return setter.origin && vv_covers(&v->context, setter);
}

/* Which fields the loser alone has changed: bits by number. -1: nothing is to be combined, since both
 * have changed the same one, or nothing differs. */
static int fields_to_take(const struct version *winner, const struct version *loser)
{
	bool differ = false;
	int fields = 0;

	if (winner->attrs.kind != loser->attrs.kind || !version_live(winner) || loser->import)
		return -1;
	for (int f = 0; f < FIELDS; f++) {
		bool old = has_seen(loser, winner->setter[f]);
		bool seen = has_seen(winner, loser->setter[f]);

		if (same_field(winner, loser, (enum field)f))
			continue;
		differ = true;
		if (winner->combined && loser->combined && winner->setter[f].origin &&
		    dot_same(winner->setter[f], loser->setter[f]))
			continue; /* one of them was renewed, or both were */
		if (old && seen && winner->combined != loser->combined)
			old = loser->combined; /* who combines has chosen, who saves takes what is shown */
		else if (old == seen)
			return -1;
		if (old)
			fields |= 1 << f;
	}
	return differ ? fields : -1;
}

static void take_fields(struct attrs *to, const struct attrs *from, int fields)
{
	if (fields >> FIELD_CONTENT & 1) {
		to->size = from->size;
		to->hash = from->hash;
	}
	if (fields >> FIELD_MODE & 1)
		to->mode = from->mode;
	if (fields >> FIELD_OWNER & 1) {
		to->uid = from->uid;
		to->gid = from->gid;
		memcpy(to->owner, from->owner, sizeof(to->owner));
		memcpy(to->group, from->group, sizeof(to->group));
	}
}

/* By whom the loser was made: the change that is told is theirs. */
static struct version *version_make(struct core *c, const struct key *k, int fields,
				    const struct version *loser, struct dot dot)
{
	const struct version *winner = k->entry[0];
	const char *target = (fields >> FIELD_CONTENT & 1 ? loser : winner)->target;
	struct version *v = version_new();

	v->dot = dot;
	vv_copy(&v->context, &winner->context);
	vv_join(&v->context, &loser->context);
	vv_raise(&v->context, dot);
	v->stamp = author_stamp(c, k);
	v->combined = true;
	v->attrs = winner->attrs;
	take_fields(&v->attrs, &loser->attrs, fields);
	if (fields >> FIELD_CONTENT & 1)
		v->attrs.mtime_nsec = order_mtime(c, k);
	if (target)
		v->target = core_strdup(target);
	v->changed = attrs_compare(&winner->attrs, &v->attrs);
	version_set_by(v, winner, v->changed);
	for (int f = 0; f < FIELDS; f++) /* it changes nothing itself: who has seen that has seen this */
		if (fields >> f & 1 && loser->setter[f].origin)
			v->setter[f] = loser->setter[f];
	v->replaced = winner->attrs.hash;
	v->forced = (fields >> FIELD_CONTENT & 1 ? loser : winner)->forced;
	v->who = loser->who;
	free(v->user);
	v->user = core_strdup(loser->user);
	return v;
}

/* ---- one path ---- */

/* A new version of the origin that orders are made with would say that it has seen all earlier ones
 * of it. */
static bool would_claim(const struct core *c, const struct key *k, const struct version *loser)
{
	for (uint32_t i = 1; i < k->n; i++)
		if (k->entry[i] != loser && c->order_origin &&
		    k->entry[i]->dot.origin == c->order_origin)
			return true;
	return false;
}

/* What is told must be here. A version that this node made in another life may have come back to it
 * from a peer, to a store that was put back from an image: then its content is fetched first. */
static bool content_here(struct core *c, struct key *k, const struct version *loser)
{
	if (loser->attrs.kind != KIND_FILE || loser->dot.origin == c->origin ||
	    loser->dot.origin == c->order_origin)
		return true;
	if (want_also(c, k, loser->attrs.hash))
		return false;
	if (!k->fetched)
		want_content(c, k, loser, UINT32_MAX);
	return k->fetched;
}

static void publish(struct core *c, struct key *k, struct version *v)
{
	struct op *op = core_alloc(sizeof(*op));

	op->dot = v->dot;
	op->items = core_alloc(sizeof(*op->items));
	op->items[op->n++] = (struct item){core_strdup(k->path), v};
	entry_merge(c, k, v, true);
	merge_vector(c, v->dot);
	effect_add(c, EFFECT_BROADCAST, NULL)->op = op;
	place_consider(c, k);
	place_above(c, k);
}

static void combine(struct core *c, struct key *k)
{
	const struct version *shown = key_visible(c, k).version;

	for (uint32_t i = 1; i < k->n && shown == k->entry[0]; i++) {
		const struct version *loser = k->entry[i];
		int fields = fields_to_take(shown, loser);

		if (fields < 0 || !merge_origin_own(c, loser->dot.origin) || would_claim(c, k, loser))
			continue;
		if (fields >> FIELD_CONTENT & 1 && !content_here(c, k, loser))
			continue;
		struct dot dot = {author_order_origin(c), 0};
		dot.seq = vv_get(&c->vector, dot.origin) + 1;
		publish(c, k, version_make(c, k, fields, loser, dot));
		return;
	}
}

/* ---- told anew ---- */

/* What is to be combined first is renewed after that. */
static bool will_be_combined(const struct key *k)
{
	for (uint32_t i = 1; i < k->n; i++)
		if (fields_to_take(k->entry[0], k->entry[i]) >= 0)
			return true;
	return false;
}

static bool may_renew(const struct core *c, struct key *k, const struct renew *r)
{
	const struct version *v = key_visible(c, k).version;

	return v && v == k->entry[0] && dot_same(v->dot, r->dot) &&
	       v->attrs.kind == KIND_FILE && merge_origin_own(c, v->dot.origin) &&
	       !would_claim(c, k, v) && !will_be_combined(k);
}

void combine_renew(struct core *c, const struct event *e)
{
	struct key *k = key_find(c, e->path);

	if (!k || core_joining(c) || !may_renew(c, k, e->renew))
		return;
	const struct version *old = k->entry[0];
	struct version *v = version_new();
	v->dot.origin = author_order_origin(c);
	v->dot.seq = vv_get(&c->vector, v->dot.origin) + 1;
	vv_copy(&v->context, &old->context);
	vv_raise(&v->context, v->dot);
	v->stamp = author_stamp(c, k);
	v->combined = true;
	v->attrs = old->attrs;
	v->attrs.hash = e->renew->hash;
	v->attrs.size = e->renew->size;
	v->attrs.mtime_nsec = order_mtime(c, k);
	v->changed = attrs_compare(&old->attrs, &v->attrs);
	version_set_by(v, old, v->changed);
	v->setter[FIELD_CONTENT] = old->setter[FIELD_CONTENT];
	v->replaced = old->attrs.hash;
	v->forced = old->forced;
	v->who = old->who;
	free(v->user);
	v->user = core_strdup(old->user);
	publish(c, k, v);
}

bool combine_due(struct core *c)
{
	uint32_t n = c->ncombining;

	if (n == 0)
		return false; /* there may be no array yet */
	for (uint32_t i = 0; i < n; i++)
		combine(c, c->combining[i]);
	memmove(c->combining, c->combining + n, (c->ncombining - n) * sizeof(*c->combining));
	c->ncombining -= n;
	return n;
}
