/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Has this node's disk changed? A hint says only that it may have; a look is
 * compared with what was last *shown* there, never with the entry, which may
 * know something newer that is not installed.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/path.h"
#include "replicator/core/parts.h"

bool observe_local(const struct core *c, struct key *k, bool dir)
{
	uint8_t bit = dir ? 2 : 1;

	if (!(k->local_known & bit)) {
		k->local_known |= bit;
		if (locality_local(c->conf.locality, k->path, dir, NULL))
			k->local_found |= bit;
	}
	return k->local || (k->local_found & bit);
}

/* Something is known to be there, if only that it was being written (also when an earlier life's intent was
 * looked at), or was about to be told as moved there: should the directory above have gone, it is to be looked at. */
bool observe_may_go(const struct core *c, struct key *k)
{
	bool moved_here = k->delay && k->delay->kind == DELAY_MOVE && k->delay->due;

	return (key_present(k) || k->block == BLOCK_BUSY || k->recovering || k->looking || k->draft ||
		moved_here) &&
	       !observe_local(c, k, false);
}

/* One LOOK at a time per path, none while an install is under way there. */
void observe_look(struct core *c, struct key *k)
{
	if (k->looking || k->flight) {
		k->look_again = true;
		return;
	}
	k->looking = true;
	c->nlooking++;
	k->look_again = false;
	serials_move(&k->looked, &k->hinted);
	effect_add(c, EFFECT_LOOK, k->path);
}

void observe_look_for(struct core *c, struct key *k, const struct serials *why)
{
	serials_share(&k->hinted, why);
	observe_look(c, k);
}

static void remember_who(struct key *k, const struct event *e)
{
	if (!e->hint.who)
		return;
	k->who = *e->hint.who;
	free(k->user);
	k->user = core_strdup(e->hint.user);
}

/* A hint for a local path tells nothing; but a deleted directory that stayed
 * for its local files may be empty now. */
static void local_hint(struct core *c, struct key *k)
{
	struct key *parent = key_parent(c, k);

	serials_ack(c, &k->hinted);
	key_scratch(c, k);
	for (; parent; parent = key_parent(c, parent))
		place_leftover(c, parent);
}

/* A save through a temporary file of a name that no pattern knows: it was told
 * a moment ago, and takes the place of a path that peers have. That path is
 * told at once, as an edit. */
static bool replaced_by_young(const struct core *c, const struct key *to, const struct key *from)
{
	return key_present(to) && from->appeared &&
	       c->now - from->appeared < (int64_t)c->conf.delete_delay_msec;
}

static void renamed(struct core *c, struct key *k, struct key *from, bool tree)
{
	bool to_local = observe_local(c, k, tree), from_local = observe_local(c, from, tree);

	if (key_present(from) && !from_local && !to_local &&
	    !(replaced_by_young(c, k, from) && !tree)) {
		serials_share(&from->hinted, &k->hinted);
		delay_move(c, from, k, tree);
		return;
	}
	if (from->delay && from->delay->kind == DELAY_MOVE && from->delay->key == from &&
	    !to_local) {
		/* Moved on before it was told: one rename from where peers know it. */
		struct key *first = from->delay->from;
		bool deep = from->delay->tree || tree;

		delay_end(c, from->delay);
		observe_look_for(c, from, &k->hinted);
		if (deep) /* what was below may have been told under that name */
			scan_for(c, from);
		if (first != k) {
			serials_share(&first->hinted, &k->hinted);
			delay_move(c, first, k, deep);
			return;
		}
		if (deep) /* there and back again */
			scan_for(c, k);
		observe_look(c, k);
		return;
	}
	if ((key_present(from) || from->looking || from->delay || from->unsettled || from->draft ||
	     tree) &&
	    !from_local) {
		observe_look_for(c, from, &k->hinted);
		if (tree)
			scan_for(c, from);
	}
	if (tree && !to_local)
		scan_for(c, k);
	if (!to_local)
		observe_look(c, k);
}

/* Everything will be looked at after the join, and is told then. */
static void joining_hint(struct core *c, struct key *k, struct key *from, const struct event *e)
{
	bool tree = e->hint.flags & HINT_TREE;

	k->edited = !observe_local(c, k, tree);
	if (!k->edited && (!from || observe_local(c, from, tree)))
		serials_ack(c, &k->hinted);
}

void observe_hint(struct core *c, const struct event *e)
{
	struct key *k = key_get(c, e->path);
	bool tree = e->hint.flags & HINT_TREE;
	struct key *from = NULL;

	key_scratch(c, k);
	k->touched = c->step; /* what a scan has read may be older */
	serials_add_hint(c, k, &k->changed, e->hint.serial);
	remember_who(k, e);
	mend_hinted(c, k, tree);
	if (e->hint.from && e->hint.from[0]) {
		from = key_get(c, e->hint.from);
		mend_hinted(c, from, tree);
		key_scratch(c, from);
		remember_who(from, e);
		from->touched = c->step;
	}
	mark_hint(c, k, from, e);
	if (c->joining) {
		joining_hint(c, k, from, e);
		return;
	}
	join_late_hinted(c, k);
	if (!from && observe_local(c, k, tree)) {
		local_hint(c, k);
		return;
	}
	if (from) {
		renamed(c, k, from, tree);
		if (observe_local(c, k, tree))
			local_hint(c, k);
		return;
	}
	if (k->delay && k->delay->kind == DELAY_MOVE && !k->delay->due)
		return; /* looked at when the rename is told */
	if (!key_present(k) && locality_temporary(k->path)) {
		delay_new(c, k);
		return;
	}
	if (tree)
		scan_for(c, k);
	observe_look(c, k);
}

void observe_free(struct core *c, const struct event *e)
{
	struct key *k = key_get(c, e->path);

	key_scratch(c, k);
	serials_add_hint(c, k, &k->freed, e->hint.serial);
	if (c->joining || observe_local(c, k, false)) {
		serials_ack(c, &k->hinted);
		return;
	}
	if (k->block == BLOCK_BUSY || k->block == BLOCK_MOUNTED)
		k->block = BLOCK_NONE;
	observe_look(c, k);
}

/* ---- looks ---- */

/* Whatever the disk says is what is shown: nothing has changed but perhaps its
 * identity. */
static void same_as_shown(struct core *c, struct key *k, const struct observation *o)
{
	if (k->shown && !ident_same(&k->shown->ident, &o->ident)) {
		k->shown->ident = o->ident;
		key_shown_changed(c, k);
	}
	if (k->confirming)
		place_confirmed(c, k);
}

bool observe_differs(const struct key *k, const struct observation *o)
{
	static const struct attrs none = {.kind = KIND_ABSENT};

	if (o->unchanged)
		return false;
	if (o->attrs.kind == KIND_ABSENT)
		return key_present(k);
	return attrs_compare(k->shown ? &k->shown->attrs : &none, &o->attrs) != 0;
}

/* No directory is there (any more): what was known below it has gone, too. */
void observe_below(struct core *c, const struct key *dir, const struct serials *why)
{
	struct key *k = NULL;

	while ((k = key_next_below(c, dir->path, k)))
		if (observe_may_go(c, k))
			observe_look_for(c, k, why);
}

static bool dir_seen(const struct key *k, const struct observation *o)
{
	if (o->unchanged)
		return k->shown && k->shown->attrs.kind == KIND_DIR;
	return o->attrs.kind == KIND_DIR;
}

/* What a power cut has left empty is not told. Whatever is known of the path, or comes later (its install
 * finds something here, which is looked at), takes its place. */
static void hollow(struct core *c, struct key *k, const struct observation *o)
{
	if (!k->n && key_visible(c, k).kind == KIND_ABSENT)
		return;
	author_keep(c, k, o);
	held_show_found(c, k, o);
	effect_note(c, LOG_LEVEL_NOTICE,
		    "/%s, left empty by an unclean stop, gives way to what a peer did; it is in the history", k->path);
}

void observe_compare(struct core *c, struct key *k, const struct observation *o,
		     const struct serials *why)
{
	bool removed = brake_removes(k, o), put_back = k->put_back && k->draft;
	bool aside = k->to_aside && key_drafted(k);

	k->put_back = k->to_aside = false;
	/* Something may be known below what was never shown itself: a directory that was moved on
	 * before it was told. */
	if (!dir_seen(k, o))
		observe_below(c, k, why);

	if (!o->unchanged && (o->too_big || o->attrs.kind == KIND_OTHER)) {
		k->block = BLOCK_FOREIGN;
		held_end(c, k);
		if (o->too_big)
			effect_note(c, LOG_LEVEL_WARNING,
				    "/%s is larger than max-file-size: it stays local", k->path);
		return;
	}
	if (k->block == BLOCK_FOREIGN)
		k->block = BLOCK_NONE;
	if (o->hollow) {
		held_end(c, k);
		hollow(c, k, o);
		return;
	}
	if (!observe_differs(k, o)) {
		if (key_drafted(k) && core_suspects(c, k->path))
			effect_note(c, LOG_LEVEL_WARNING,
				    "/%s: what was held there went with an unclean stop; it is in "
				    "its history",
				    k->path);
		if (key_drafted(k) || put_back)
			held_end(c, k);
		same_as_shown(c, k, o);
		return;
	}
	if (held_is(k, o) && !put_back && !aside)
		return;
	if (k->draft && k->draft->aside && !removed && !put_back &&
	    attrs_compare(&k->draft->attrs, &o->attrs) == 0) { /* somebody has put it there */
		aside_back(c, k, &o->ident, &o->attrs);
		return;
	}
	if (mend_take(c, k, o))
		return;
	if (put_back)
		held_put_back(c, k, o);
	else if (aside)
		aside_put(c, k, o);
	else if (!removed)
		author_change(c, k, o);
	else
		delay_gone(c, k);
}

/* It has been gone, or empty, for long enough. */
static void gone(struct core *c, struct key *k, const struct observation *o, bool hold)
{
	struct edit e = {k, o->attrs, o->ident, NULL};
	bool put_back = k->put_back && k->draft, aside = k->to_aside && key_drafted(k);

	k->put_back = k->to_aside = false;
	if (put_back)
		held_put_back(c, k, o);
	else if (aside)
		aside_put(c, k, o);
	else if (hold)
		held_put(c, &e, 0);
	else
		author_change(c, k, o);
}

static void looked(struct core *c, struct key *k, const struct observation *o)
{
	if (join_late_ended(k)) { /* it may have read what was there before that save */
		serials_share(&k->hinted, &k->looked);
		k->look_again = true;
		return;
	}
	if (o->status < 0) {
		delay_failed(c, k, RETRY_FIRST_MSEC);
		return;
	}
	if (!o->busy && k->block == BLOCK_BUSY)
		k->block = BLOCK_NONE;
	/* Before it is taken in: what an earlier life installed was known to it. */
	if (k->recovering) {
		place_recover(c, k, o);
		if (k->recovering)
			return;
		if (c->mend.on) { /* whether it is damaged was asked of what was shown before */
			serials_share(&k->hinted, &k->looked);
			k->look_again = true;
			return;
		}
	}
	if (join_take_late(c, k, o))
		return;
	if (k->delay && k->delay->kind == DELAY_MOVE) {
		if (k->delay->due)
			delay_seen(c, k, o);
		return;
	}
	if (k->delay && k->delay->kind == DELAY_GONE) {
		bool final = k->delay->due, removed = brake_removes(k, o), hold = k->delay->hold;

		if (final || !removed)
			delay_end(c, k->delay); /* there again, or its time is up */
		if (final && removed) {
			gone(c, k, o, hold);
			return;
		}
	}
	if (o->busy) { /* a hint follows */
		if (k->put_back)
			effect_note(c, LOG_LEVEL_WARNING,
				    "/%s is being written, and not put back: what was to be "
				    "discarded is not there any more",
				    k->path);
		k->draft_seen = k->put_back = k->to_aside = false; /* what was decided is not there any more */
		if (k->unsettled)
			k->block = BLOCK_BUSY;
		return;
	}
	observe_compare(c, k, o, &k->looked);
}

/* What is to be a directory waits until what was below has been looked at. */
static void consider_above(struct core *c, struct key *k)
{
	bool gone = !key_present(k);

	for (k = key_parent(c, k); k; k = key_parent(c, k)) {
		if (gone)
			place_leftover(c, k);
		if (k->unsettled && !(key_present(k) && k->shown->attrs.kind == KIND_DIR))
			place_consider(c, k);
	}
}

void observe_looked(struct core *c, const struct event *e)
{
	const struct observation *o = &e->looked.o;
	struct key *k = key_get(c, e->path);

	key_scratch(c, k);
	if (e->looked.scan) {
		if (!observe_local(c, k, o->attrs.kind == KIND_DIR))
			scan_found(c, k, o);
		place_consider(c, k);
		return;
	}
	if (!k->looking)
		return;
	k->looking = false;
	c->nlooking--;
	if (k->local)
		mark_looked(c, k, o);
	if (observe_local(c, k, o->attrs.kind == KIND_DIR))
		delay_local(c, k);
	else
		looked(c, k, o);
	k->confirming = false;
	if (!k->delay && !k->looking)
		serials_ack(c, &k->looked);
	place_leftover_again(c, k);
	if (k->look_again)
		observe_look(c, k);
	else
		place_consider(c, k);
	consider_above(c, k);
}
