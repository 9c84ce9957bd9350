/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is held lies on this node's disk, where a name server that starts would load it. So it can be set
 * aside for a while, and brought back.
 *
 *   set aside  The draft stays in the store, and says so. What is on disk is shown, and stands for no
 *              more than what was there before, as with a draft that is discarded: so the version that
 *              is current is installed over it, also one that a peer has told meanwhile, and later ones.
 *   edited     The draft is installed over that, by compare and install like any version, recorded as
 *              an intent with its dot. It is on disk, held as ever, and told to nobody. What is shown
 *              stands again for no more than its author had seen: so beside what came meanwhile it
 *              will be in conflict.
 *   released   It is edited first.
 *   discarded  It goes to the history.
 *
 * A save of what is there instead is one of somebody who has seen that: it takes the draft's place.
 */
#include <string.h>

#include "base/path.h"
#include "replicator/core/parts.h"

/* Another copy of the draft, since the store may still have to write the one that is there. */
static struct version *change_draft(struct key *k)
{
	struct version *v = version_copy(k->draft);

	version_put(k->draft);
	k->draft = v;
	return v;
}

void aside_put(struct core *c, struct key *k, const struct observation *o)
{
	struct edit e = {k, o->attrs, o->ident, o->target};

	held_put(c, &e, k->draft->group); /* be it that it was saved again since */
	change_draft(k)->aside = true;
	k->draft_seen = false;
	store_draft(c, k);
	gate_aside(c, k);
	held_show_found(c, k, o);
	if (o->attrs.kind == KIND_DIR)
		place_below(c, k);
}

bool aside_is(const struct key *k, struct dot dot)
{
	return k->draft && dot_same(k->draft->dot, dot);
}

/* No vector has the draft's own dot. */
void aside_seen(const struct key *k, struct vv *to)
{
	vv_copy(to, &k->draft->context);
	vv_lower(to, (struct dot){k->draft->dot.origin, 1});
}

void aside_stands(struct key *k, const struct vv *seen)
{
	struct shown *s = key_shown(k);

	if (vv_compare(seen, &s->context) == VV_EQUAL)
		return;
	vv_copy(&s->context, seen);
	s->dot = (struct dot){0, 0};
	key_forget_found_over(k); /* it is what came */
}

void aside_back(struct core *c, struct key *k, const struct ident *ident, const struct attrs *a)
{
	struct shown *s = key_shown(k);
	struct version *v = change_draft(k);
	struct vv seen = {0};

	aside_seen(k, &seen);
	aside_stands(k, &seen);
	vv_fini(&seen);
	if (a->kind != KIND_ABSENT)
		v->attrs.mtime_nsec = a->mtime_nsec;
	v->aside = false;
	k->draft_ident = *ident;
	k->draft_seen = !k->releasing;
	k->to_edit = false;
	if (k->releasing) /* what goes is what is there */
		observe_look(c, k);
	shown_floor_of(s, a);
	key_shown_changed(c, k);
	store_draft(c, k);
	place_below(c, k);
	place_above(c, k);
}

bool aside_vain(struct core *c, struct key *k)
{
	if (k->draft->attrs.kind != KIND_ABSENT || (key_present(k) && !k->shown->leftover))
		return false;
	held_end(c, k);
	return true;
}

void aside_edit(struct core *c, struct key *k)
{
	k->to_edit = true;
	place_consider(c, k);
	while ((k = key_parent(c, k))) { /* new directories that it was in */
		if (!k->draft || !k->draft->aside || k->draft->attrs.kind != KIND_DIR)
			continue;
		k->to_edit = true;
		place_consider(c, k);
	}
}

static void put_one(struct core *c, struct key *k)
{
	if (k->releasing || k->put_back)
		return;
	if (k->draft->aside && k->placing != k->draft) {
		k->to_edit = false;
		place_consider(c, k);
		return;
	}
	k->to_aside = true;
	observe_look(c, k);
}

void aside_decide(struct core *c, const struct event *e)
{
	const struct decision *d = e->decision;

	for (struct key *k = c->ndrafts ? key_first(c, "") : NULL; k; k = key_next(k)) {
		if (!k->draft || !held_meant(d, k))
			continue;
		if (e->type == EVENT_SET_ASIDE) {
			put_one(c, k);
		} else if (k->draft->aside) {
			aside_edit(c, k);
		} else {
			k->to_aside = false;
		}
	}
}
