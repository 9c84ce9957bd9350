/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What became of a placement: staged, installed, confirmed by a look, refused; and of one that an
 * earlier life intended.
 */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "replicator/core/parts.h"

#define CHANGED_AGAIN_MAX 8 /* installs in a row that find something else */

/* `found`: what it takes the place of nobody had been told of. So it changes what was told last, be
 * it the same. */
static void told(struct core *c, struct key *k, uint8_t changed, bool found)
{
	struct effect *e = effect_add(c, EFFECT_TOLD, k->path);

	e->told.version = k->placing ? version_get(k->placing) : NULL;
	e->told.kind = k->shown->attrs.kind;
	e->told.changed = found ? changed | CHANGED_CONTENT : changed;
	e->told.more = k->opwait && (k->opwait->contents > 1 || k->opwait->n);
}

static void look_or_place(struct core *c, struct key *k)
{
	place_leftover_again(c, k);
	if (k->look_again)
		observe_look(c, k);
	else
		place_consider(c, k);
}

static void end_flight(struct core *c, struct key *k)
{
	place_land(c, k);
	look_or_place(c, k);
}

/* It was put there, and another version has taken its place in the entry meanwhile: what is made of
 * what is on disk still comes from it. */
static void keep_shown(struct key *k)
{
	if (!k->placing || entry_shown(k))
		return;
	version_put(k->shown_once);
	k->shown_once = version_get(k->placing);
}

/* No vector has the dot of what was set aside. */
static bool of_draft(const struct intent *i)
{
	return !vv_covers(&i->context, i->dot);
}

void place_confirmed(struct core *c, struct key *k)
{
	struct shown *s = key_shown(k);
	bool found = shown_found(s);

	if (of_draft(&k->decided)) { /* which may be over: then it is as if nobody had asked */
		if (aside_is(k, k->decided.dot))
			aside_back(c, k, &s->ident, &s->attrs);
		version_put(k->placing);
		k->placing = NULL;
		return;
	}
	vv_join(&s->context, &k->decided.context);
	s->dot = k->decided.dot;
	if (s->attrs.kind == KIND_DIR && key_visible(c, k).kind == KIND_DIR)
		s->leftover = false;
	key_shown_changed(c, k);
	keep_shown(k);
	told(c, k, 0, found);
	version_put(k->placing);
	k->placing = NULL;
	opwait_placed(c, k);
	if (s->attrs.kind == KIND_DIR) /* what is implied below is like it */
		place_below(c, k);
}

void place_staged(struct core *c, const struct event *e)
{
	struct key *k = key_find(c, e->path);

	if (!k || k->flight != FLIGHT_STAGING)
		return;
	if (e->staged.status >= 0) {
		k->decided.handle = e->staged.handle;
		place_launch(c, k);
		return;
	}
	if (k->rewriting) {
		rewrite_failed(c, k, e->staged.status);
		end_flight(c, k);
		return;
	}
	if (e->staged.status == -ENOENT) { /* the store lacks it */
		k->block = BLOCK_CONTENT;
		want_content(c, k, k->placing, place_teller(c, k->placing));
	} else {
		place_block(c, k, e->staged.status);
	}
	end_flight(c, k);
}

/* None, if it is that of a draft, which is over by now. */
static struct dot version_of(const struct intent *i)
{
	return of_draft(i) ? (struct dot){0, 0} : i->dot;
}

/* `shown` becomes what was intended. */
static void show_intended(struct core *c, struct key *k, const struct intent *i,
			  const struct ident *ident)
{
	struct shown *s = key_shown(k);

	s->ident = *ident;
	s->attrs = i->attrs;
	vv_copy(&s->context, &i->context);
	s->dot = version_of(i);
	s->raised = i->raised;
	s->leftover = false;
	shown_floor(s);
	key_shown_changed(c, k);
}

static struct attrs shown_attrs(const struct key *k)
{
	return k->shown ? k->shown->attrs : (struct attrs){.kind = KIND_ABSENT};
}

/* What `i` intended took the place of `before`. (A directory that makes way is not told: what it
 * makes way for is.) */
static void told_intended(struct core *c, struct key *k, const struct intent *i,
			  const struct attrs *before, bool found)
{
	if (i->dot.origin || i->attrs.kind != KIND_ABSENT || before->kind == KIND_FILE ||
	    before->kind == KIND_LINK)
		told(c, k, attrs_compare(before, &k->shown->attrs), found);
}

static void installed(struct core *c, struct key *k, const struct event *e)
{
	struct attrs before = shown_attrs(k);
	bool found = shown_found(k->shown);
	uint8_t changed;

	if (k->decided.kind != INTENT_REMOVE) {
		k->decided.attrs.uid = e->installed.uid;
		k->decided.attrs.gid = e->installed.gid;
		if (k->decided.attrs.kind != KIND_DIR)
			k->decided.attrs.mtime_nsec = e->installed.mtime_nsec;
	}
	if (aside_is(k, k->decided.dot)) {
		aside_back(c, k, &e->installed.ident, &k->decided.attrs);
		place_forget_intent(c, k);
		return;
	}
	show_intended(c, k, &k->decided, &e->installed.ident);
	keep_shown(k);
	place_forget_intent(c, k);
	changed = attrs_compare(&before, &k->shown->attrs);
	told_intended(c, k, &k->decided, &before, found);
	k->changed_again = 0;
	k->retry_msec = 0;
	opwait_placed(c, k);
	if (k->shown->attrs.kind == KIND_DIR && (changed & (CHANGED_MODE | CHANGED_OWNER)))
		place_below(c, k);
}

/* The local files may have gone: its removal is tried again. */
void place_leftover(struct core *c, struct key *k)
{
	if (k->flight || k->looking) {
		k->left_again = true;
		return;
	}
	if (!k->shown || !k->shown->leftover || key_visible(c, k).kind == KIND_DIR)
		return;
	k->shown->leftover = false;
	k->was_present = true; /* those above are told when it goes */
	place_consider(c, k);
}

void place_leftover_again(struct core *c, struct key *k)
{
	if (!k->left_again)
		return;
	k->left_again = false;
	place_leftover(c, k);
}

/* A deleted directory that holds local files stays; what is known of it is told
 * as done. */
static void not_empty(struct core *c, struct key *k)
{
	if (key_visible(c, k).kind != KIND_ABSENT) {
		place_block(c, k, -ENOTEMPTY);
		return;
	}
	if (place_has_children(c, k)) { /* installed there meanwhile */
		k->block = BLOCK_CHILDREN;
		return;
	}
	vv_join(&key_shown(k)->context, &k->decided.context);
	k->shown->dot = version_of(&k->decided);
	k->shown->leftover = true;
	key_shown_changed(c, k);
	opwait_placed(c, k);
	place_above(c, k);
	if (!k->left_told)
		effect_note(c, LOG_LEVEL_NOTICE,
			    "/%s was deleted elsewhere and stays here: it holds local files",
			    k->path);
	k->left_told = true;
}

void place_installed(struct core *c, const struct event *e)
{
	struct key *k = key_find(c, e->path);
	int status = e->installed.status;

	if (!k || (k->flight != FLIGHT_INSTALLING && k->flight != FLIGHT_REMOVING))
		return;
	if (k->rewriting) {
		place_land(c, k); /* it is told by what follows */
		if (status >= 0)
			rewrite_installed(c, k, e);
		else
			rewrite_failed(c, k, status);
		look_or_place(c, k);
		return;
	}
	if (status >= 0) {
		installed(c, k, e);
		end_flight(c, k);
		return;
	}
	place_forget_intent(c, k);
	switch (status) {
	case ERR_BUSY:
		k->block = BLOCK_BUSY;
		break;
	case ERR_MOUNTED:
		k->block = BLOCK_MOUNTED;
		break;
	case -ENOENT: /* the directory has gone, or what was to be removed */
	case -ENOTDIR: {
		struct key *parent = key_parent(c, k);

		if (parent)
			observe_look(c, parent);
	} /* fall through */
	case ERR_CHANGED:
		k->look_again = true;
		if (++k->changed_again > CHANGED_AGAIN_MAX)
			place_block(c, k, status);
		break;
	case -ENOTEMPTY:
		not_empty(c, k);
		break;
	default:
		place_block(c, k, status);
		break;
	}
	end_flight(c, k);
}

/* ---- an intent of an earlier life ---- */

/* In place: each attribute is the old one or the intended one, and the content
 * is as it was. */
static bool partly_done(const struct key *k, const struct observation *o)
{
	uint8_t old = attrs_compare(&k->shown->attrs, &o->attrs);
	uint8_t new = attrs_compare(&k->intent->attrs, &o->attrs);

	return !(old & new);
}

static bool is_ours(const struct key *k, const struct observation *o)
{
	if (o->unchanged)
		return false;
	switch (k->intent->kind) {
	case INTENT_CONTENT:
		return fhandle_same(&k->intent->handle, &o->ident.handle);
	case INTENT_DIR:
		return o->attrs.kind == KIND_DIR && !key_present(k) &&
		       !attrs_compare(&k->intent->attrs, &o->attrs);
	case INTENT_LINK: /* its time, to the nanosecond, is the version's */
		return o->attrs.kind == KIND_LINK && !attrs_compare(&k->intent->attrs, &o->attrs);
	case INTENT_REMOVE:
		return o->attrs.kind == KIND_ABSENT;
	default:
		return false;
	}
}

/* Something else is there than before the intent, and it is not what was intended: put there by
 * somebody, after the install or instead of it, though it may look as what was shown before. An
 * edit, which has not seen what was intended. After a power cut it is judged by what was shown. */
static void not_ours(struct core *c, struct key *k, const struct observation *o)
{
	if (o->busy || o->unchanged || o->attrs.kind == KIND_ABSENT || !key_present(k) ||
	    core_suspects(c, k->path) || fhandle_same(&k->shown->ident.handle, &o->ident.handle))
		return;
	k->shown->attrs = (struct attrs){.kind = KIND_ABSENT};
	k->shown->ident = (struct ident){0};
	key_shown_changed(c, k);
}

/* What was set aside may have been put there before that came, be it in place: then it has seen no more
 * than the draft had. Where nothing is, as before, it may have been there and gone again. */
static void after_draft(struct core *c, struct key *k, const struct observation *o)
{
	bool there = o->unchanged ? key_present(k) : o->attrs.kind != KIND_ABSENT;
	bool same = o->unchanged || (k->intent->kind != INTENT_INPLACE && k->shown &&
				     fhandle_same(&k->shown->ident.handle, &o->ident.handle));

	if (!aside_is(k, k->intent->dot) || !k->shown || (there && same))
		return;
	aside_stands(k, &k->intent->context);
	key_shown_changed(c, k);
}

/* It was done, and nobody was told before the end. `ident`: NULL if it is not as it was then. */
static void recovered(struct core *c, struct key *k, const struct ident *ident)
{
	static const struct ident unknown = {.a = UINT64_MAX}; /* not that of absence */
	struct attrs before = shown_attrs(k);
	bool found = shown_found(k->shown);
	const struct version *v;

	if (aside_is(k, k->intent->dot)) {
		aside_back(c, k, ident ? ident : &unknown, &k->intent->attrs);
		k->draft_seen &= ident != NULL; /* nothing is told of it before it is looked at */
		return;
	}
	show_intended(c, k, k->intent, ident ? ident : &unknown);
	v = entry_shown(k);
	k->placing = v ? version_get((struct version *)(uintptr_t)v) : NULL;
	told_intended(c, k, k->intent, &before, found);
	version_put(k->placing);
	k->placing = NULL;
}

/* Recognised by the staged inode, not by content: a person may have saved the
 * same bytes. What a writer has done to it since is then an edit of what was
 * installed. */
void place_recover(struct core *c, struct key *k, const struct observation *o)
{
	bool whole;

	if (o->busy && k->intent->kind != INTENT_CONTENT)
		return; /* a hint follows */
	k->recovering = false;
	if (is_ours(k, o)) {
		whole = !o->busy && !attrs_compare(&k->intent->attrs, &o->attrs);
		recovered(c, k, whole ? &o->ident : NULL);
	} else if (k->intent->kind == INTENT_INPLACE && k->shown && !o->unchanged &&
		   fhandle_same(&k->shown->ident.handle, &o->ident.handle) && partly_done(k, o)) {
		if (!attrs_compare(&k->intent->attrs, &o->attrs)) {
			recovered(c, k, &o->ident);
		} else {
			k->shown->attrs = o->attrs;
			k->shown->ident = o->ident;
			key_shown_changed(c, k);
		}
	} else {
		after_draft(c, k, o);
		not_ours(c, k, o);
	}
	place_forget_intent(c, k);
}

const char *place_reason(const struct key *k)
{
	if (key_drafted(k))
		return "a local change is held there";
	if (k->flight || k->ready || k->looking)
		return "being installed";
	switch (k->block) {
	case BLOCK_BUSY:
		return "a local program has it open for writing";
	case BLOCK_MOUNTED:
		return "something is mounted there";
	case BLOCK_CONTENT:
		return "its content has not arrived";
	case BLOCK_PARENT:
		return "its directory is not there yet";
	case BLOCK_CHILDREN:
		return "the directory is not empty yet";
	case BLOCK_OP:
		return "waits for the rest of its change";
	case BLOCK_FOREIGN:
		return "a device, socket, FIFO or too large file is in the way";
	case BLOCK_GATE:
		return !k->admission || k->admission->verdict == VERDICT_NONE ? "it is being checked"
		       : k->admission->verdict == VERDICT_BAD
			   ? "it does not pass the gate here"
			   : "it could not be checked here yet";
	case BLOCK_ERROR:
		return err_text(k->error);
	case BLOCK_NONE:
		break;
	}
	return "waits for a local change to be looked at";
}
