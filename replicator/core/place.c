/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Bringing the disk to what the entries say. A key that is not as it should be
 * is *unsettled*: it waits in the queue to be placed, or is blocked until
 * something happens. An install is decided on what is shown (expected
 * identity), recorded as an intent, and then either done, refused because the
 * disk is not what the decision was made on, or not possible now. Parents come
 * before what is in them, contents before the absences of the same op, and a
 * directory goes when nothing known is left in it.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "replicator/core/state.h"

#define SETID_BITS 06000
#define CHANGED_AGAIN_MAX 8

/* ---- what should be there ---- */

/* A directory that exists only for what is in it: as its nearest explicit
 * ancestor. */
static void implied_attrs(const struct core *c, const struct key *k, struct attrs *a)
{
	struct key *parent = key_parent(c, k);

	memset(a, 0, sizeof(*a));
	for (; parent; parent = key_parent(c, parent)) {
		struct visible v = key_visible(c, parent);

		if (v.kind == KIND_DIR && v.version) {
			*a = v.version->attrs;
			return;
		}
	}
	a->kind = KIND_DIR;
	a->mode = 0755;
	strcpy(a->owner, "root");
	strcpy(a->group, "root");
}

static void wanted_attrs(const struct core *c, const struct key *k, struct visible v,
			 struct attrs *a)
{
	if (v.version)
		*a = v.version->attrs;
	else
		implied_attrs(c, k, a);
	if (!c->conf.allow_setid)
		a->mode &= (uint32_t)~SETID_BITS;
}

static uint8_t wanted_change(const struct core *c, const struct key *k, struct visible v)
{
	struct attrs wanted;

	wanted_attrs(c, k, v, &wanted);
	return attrs_compare(&k->shown->attrs, &wanted);
}

static bool shown_covers_entry(const struct key *k)
{
	for (uint32_t i = 0; i < k->n; i++) {
		if (!k->shown || !vv_reaches(&k->shown->context, &k->entry[i]->context))
			return false;
	}
	return true;
}

static bool is_settled(const struct core *c, const struct key *k, struct visible v)
{
	if (!shown_covers_entry(k))
		return false;
	if (v.kind == KIND_ABSENT)
		return !key_present(k) || k->shown->leftover;
	if (!key_present(k) || k->shown->attrs.kind != v.kind)
		return false;
	if (k->shown->leftover)
		return false;
	if (v.version)
		return dot_same(k->shown->dot, v.version->dot);
	return !(wanted_change(c, k, v) & (CHANGED_MODE | CHANGED_OWNER));
}

static bool is_unwanted(const struct core *c, const struct key *k, struct visible v)
{
	if (observe_local(c, k, v.kind == KIND_DIR))
		return true;
	return v.kind == KIND_FILE && v.version->attrs.size > c->conf.max_file_size;
}

/* ---- the queue ---- */

static bool must_wait(const struct core *c, const struct key *k)
{
	switch (k->block) {
	case BLOCK_BUSY:
	case BLOCK_MOUNTED:
	case BLOCK_FOREIGN:
		return true;
	case BLOCK_ERROR:
		return k->retry_at > c->now;
	default:
		return false;
	}
}

/* A file has taken the place of a directory, and what was in that is about to
 * be told as gone. */
static bool gone_below(const struct core *c, const struct key *k)
{
	const struct key *below = NULL;

	if (!key_present(k) || k->shown->attrs.kind == KIND_DIR)
		return false;
	while ((below = key_next_below(c, k->path, below)))
		if (below->delay || below->looking)
			return true;
	return false;
}

void place_consider(struct core *c, struct key *k)
{
	struct visible v;

	if (c->joining || c->taking_in || k->flight || k->looking || k->delay || k->recovering)
		return;
	if (!k->n && !k->shown && !key_live_below(c, k->path))
		return;
	v = key_visible(c, k);
	k->unwanted = is_unwanted(c, k, v);
	if (k->unwanted || is_settled(c, k, v)) {
		key_settled(c, k);
		opwait_placed(c, k);
		return;
	}
	key_unsettled(c, k);
	if (k->ready || must_wait(c, k) || (v.kind == KIND_DIR && gone_below(c, k)))
		return;
	k->ready = true;
	TAILQ_INSERT_TAIL(&c->ready, k, ready_link);
}

void place_above(struct core *c, struct key *k)
{
	for (k = key_parent(c, k); k; k = key_parent(c, k)) {
		if (k->block == BLOCK_CHILDREN && k->blocker && key_present(k->blocker) &&
		    key_visible(c, k).kind != KIND_DIR)
			return;
		place_leftover(c, k);
		place_consider(c, k);
	}
}

void place_below(struct core *c, const struct key *dir)
{
	struct key *k = NULL;

	while ((k = key_next_below(c, dir->path, k))) {
		if (k->block == BLOCK_PARENT || (key_present(k) && !k->shown->dot.origin))
			place_consider(c, k);
	}
}

static void block_error(struct core *c, struct key *k, int error)
{
	k->block = BLOCK_ERROR;
	k->error = error;
	k->retry_msec = k->retry_msec ? k->retry_msec * 2 : RETRY_FIRST_MSEC;
	if (k->retry_msec > RETRY_LAST_MSEC)
		k->retry_msec = RETRY_LAST_MSEC;
	k->retry_at = c->now + k->retry_msec;
	if (k->retry_at < c->next_retry)
		c->next_retry = k->retry_at;
}

void place_due(struct core *c)
{
	struct key *k, *next;

	if (c->next_retry > c->now)
		return;
	c->next_retry = INT64_MAX;
	TAILQ_FOREACH_SAFE(k, &c->unsettled, unsettled_link, next) {
		if (k->block != BLOCK_ERROR)
			continue;
		if (k->retry_at <= c->now)
			place_consider(c, k);
		else if (k->retry_at < c->next_retry)
			c->next_retry = k->retry_at;
	}
}

/* ---- one placement ---- */

static uint32_t teller(const struct core *c, const struct version *v)
{
	const char *node = core_origin_node(c, v->dot.origin);

	for (uint32_t i = 0; node && i < c->conf.npeers; i++) {
		if (strcmp(c->peers[i].name, node) == 0)
			return i;
	}
	return UINT32_MAX;
}

/* What `shown` will stand for, by the entry as it is now. */
static void decide(struct key *k, enum intent_kind kind, const struct attrs *attrs,
		   struct visible v, bool raised)
{
	struct intent *d = &k->decided;

	vv_clear(&d->context);
	if (k->shown)
		vv_join(&d->context, &k->shown->context);
	entry_context(k, &d->context);
	d->kind = kind;
	d->handle = (struct fhandle){0};
	d->attrs = *attrs;
	d->dot = v.version ? v.version->dot : (struct dot){0, 0};
	d->raised = raised;
	version_put(k->placing);
	k->placing = v.version ? version_get(v.version) : NULL;
}

static void confirm(struct core *c, struct key *k, struct visible v)
{
	static const struct attrs none = {.kind = KIND_ABSENT};

	decide(k, INTENT_NONE, k->shown ? &k->shown->attrs : &none, v,
	       k->shown && k->shown->raised);
	k->confirming = true;
	observe_look(c, k);
}

static void take_off(struct core *c, struct key *k, enum flight flight)
{
	k->flight = flight;
	k->touched = c->step;
	c->nflight++;
}

static void land(struct core *c, struct key *k)
{
	k->flight = FLIGHT_NONE;
	k->touched = c->step;
	c->nflight--;
	version_put(k->placing);
	k->placing = NULL;
}

static void intend(struct core *c, struct key *k)
{
	if (!k->intent)
		k->intent = core_alloc(sizeof(*k->intent));
	else
		vv_fini(&k->intent->context);
	*k->intent = k->decided;
	memset(&k->intent->context, 0, sizeof(k->intent->context));
	vv_copy(&k->intent->context, &k->decided.context);
	store_intent(c, k);
}

static void forget_intent(struct core *c, struct key *k)
{
	if (!k->intent)
		return;
	vv_fini(&k->intent->context);
	free(k->intent);
	k->intent = NULL;
	store_intent(c, k);
}

static void launch(struct core *c, struct key *k)
{
	struct effect *e;

	intend(c, k);
	k->flight = k->decided.kind == INTENT_REMOVE ? FLIGHT_REMOVING : FLIGHT_INSTALLING;
	e = effect_add(c, k->flight == FLIGHT_REMOVING ? EFFECT_REMOVE : EFFECT_INSTALL, k->path);
	e->install.intent = &k->decided;
	if (k->placing && k->placing->target) {
		char *target = core_strdup(k->placing->target);

		step_own(c, target);
		e->install.target = target;
	}
	if (k->shown)
		e->install.expected = k->shown->ident;
}

/* Something known is still in this directory. */
static bool has_children(const struct core *c, struct key *k)
{
	struct key *child = k->blocker && path_below(k->blocker->path, k->path) ? k->blocker : NULL;
	bool all = !child;

	if (child && key_present(child) && !child->shown->leftover)
		return true;
	for (;;) {
		child = key_next_below(c, k->path, child);
		if (!child && !all) { /* once more from the beginning */
			all = true;
			continue;
		}
		if (!child || (key_present(child) && !child->shown->leftover))
			break;
	}
	k->blocker = child;
	return child;
}

static void remove_it(struct core *c, struct key *k, struct visible v)
{
	static const struct attrs none = {.kind = KIND_ABSENT};
	struct visible nothing = {KIND_ABSENT, NULL};

	if (k->shown->attrs.kind == KIND_DIR && has_children(c, k)) {
		k->block = BLOCK_CHILDREN;
		return;
	}
	if (v.kind == KIND_ABSENT) {
		decide(k, INTENT_REMOVE, &none, v, false);
	} else { /* of another kind: make way; this alone has seen nothing new */
		decide(k, INTENT_REMOVE, &none, nothing, false);
		vv_copy(&k->decided.context, &k->shown->context);
	}
	take_off(c, k, FLIGHT_REMOVING);
	launch(c, k);
}

static void place_absent(struct core *c, struct key *k, struct visible v)
{
	if (k->opwait_absent) {
		k->block = BLOCK_OP;
		return;
	}
	if (key_present(k) && !k->shown->leftover)
		remove_it(c, k, v);
	else
		confirm(c, k, v);
}

static bool parent_ready(struct core *c, struct key *k)
{
	size_t len = path_parent_len(k->path);
	char path[PATH_LEN_MAX + 1];
	struct key *parent;

	if (!len)
		return true;
	memcpy(path, k->path, len);
	path[len] = 0;
	parent = key_get(c, path);
	key_scratch(c, parent);
	if (key_present(parent) && parent->shown->attrs.kind == KIND_DIR &&
	    !parent->shown->leftover)
		return true;
	k->block = BLOCK_PARENT;
	place_consider(c, parent);
	return false;
}

/* The same content, or none: mode, owner and time in place. */
static void place_attrs(struct core *c, struct key *k, struct visible v, struct attrs *wanted)
{
	struct shown *s = k->shown;
	bool keep = s->raised && v.kind == KIND_FILE;
	uint8_t change;

	if (keep)
		wanted->mtime_nsec = s->attrs.mtime_nsec;
	change = attrs_compare(&s->attrs, wanted);
	if (!change) {
		confirm(c, k, v);
		return;
	}
	decide(k, INTENT_INPLACE, wanted, v, keep);
	take_off(c, k, FLIGHT_INSTALLING);
	launch(c, k);
}

static void place_content(struct core *c, struct key *k, struct visible v, struct attrs *wanted)
{
	int64_t floor = k->shown ? k->shown->floor_nsec : 0;
	bool again = floor && hash_same(k->shown->floor_hash, wanted->hash);
	bool raised = v.kind == KIND_FILE && floor &&
		      (again ? wanted->mtime_nsec < floor : wanted->mtime_nsec <= floor);
	struct effect *e;

	if (v.kind == KIND_FILE && want_also(c, k, wanted->hash)) {
		k->block = BLOCK_CONTENT;
		return;
	}
	if (raised) /* what was there with the floor's time before may have it again */
		wanted->mtime_nsec =
		    again ? floor : mtime_raise(floor, wanted->mtime_nsec, c->wall * 1000000);
	decide(k,
	       v.kind == KIND_FILE  ? INTENT_CONTENT
	       : v.kind == KIND_DIR ? INTENT_DIR
				    : INTENT_LINK,
	       wanted, v, raised);
	if (v.kind != KIND_FILE) {
		take_off(c, k, FLIGHT_INSTALLING);
		launch(c, k);
		return;
	}
	take_off(c, k, FLIGHT_STAGING);
	e = effect_add(c, EFFECT_STAGE, k->path);
	e->content.hash = wanted->hash;
	e->content.size = wanted->size;
}

static void place_present(struct core *c, struct key *k, struct visible v)
{
	struct attrs wanted;
	uint8_t change;

	if (!parent_ready(c, k))
		return;
	wanted_attrs(c, k, v, &wanted);
	if (!key_present(k)) {
		place_content(c, k, v, &wanted);
		return;
	}
	if (k->shown->attrs.kind != v.kind &&
	    (k->shown->attrs.kind == KIND_DIR || v.kind == KIND_DIR)) {
		remove_it(c, k, v);
		return;
	}
	change = attrs_compare(&k->shown->attrs, &wanted);
	if (change & (CHANGED_KIND | CHANGED_CONTENT))
		place_content(c, k, v, &wanted);
	else
		place_attrs(c, k, v, &wanted);
}

static void place(struct core *c, struct key *k)
{
	struct visible v;

	if (c->joining || c->taking_in || k->flight || k->looking || k->delay || k->recovering)
		return;
	v = key_visible(c, k);
	if (is_unwanted(c, k, v) || is_settled(c, k, v)) {
		place_consider(c, k);
		return;
	}
	if (must_wait(c, k))
		return;
	k->block = BLOCK_NONE;
	if (v.kind == KIND_ABSENT)
		place_absent(c, k, v);
	else
		place_present(c, k, v);
}

void place_pump(struct core *c)
{
	struct key *k;

	while (c->nflight < FLIGHT_MAX && (k = TAILQ_FIRST(&c->ready))) {
		TAILQ_REMOVE(&c->ready, k, ready_link);
		k->ready = false;
		key_scratch(c, k);
		place(c, k);
	}
}

/* ---- what became of it ---- */

static void told(struct core *c, struct key *k, uint8_t changed)
{
	struct effect *e = effect_add(c, EFFECT_TOLD, k->path);

	e->told.version = k->placing ? version_get(k->placing) : NULL;
	e->told.changed = changed;
	e->told.more = k->opwait && (k->opwait->contents > 1 || k->opwait->n);
}

static void end_flight(struct core *c, struct key *k)
{
	land(c, k);
	if (k->look_again)
		observe_look(c, k);
	else
		place_consider(c, k);
}

void place_confirmed(struct core *c, struct key *k)
{
	struct shown *s = key_shown(k);

	vv_join(&s->context, &k->decided.context);
	s->dot = k->decided.dot;
	if (s->attrs.kind == KIND_DIR && key_visible(c, k).kind == KIND_DIR)
		s->leftover = false;
	key_shown_changed(c, k);
	told(c, k, 0);
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
		launch(c, k);
		return;
	}
	if (e->staged.status == -ENOENT) { /* the store lacks it */
		k->block = BLOCK_CONTENT;
		want_content(c, k, k->placing, teller(c, k->placing));
	} else {
		block_error(c, k, e->staged.status);
	}
	end_flight(c, k);
}

/* `shown` becomes what was intended. */
static void show_intended(struct core *c, struct key *k, const struct intent *i,
			  const struct ident *ident)
{
	struct shown *s = key_shown(k);

	s->ident = *ident;
	s->attrs = i->attrs;
	vv_copy(&s->context, &i->context);
	s->dot = i->dot;
	s->raised = i->raised;
	s->leftover = false;
	shown_floor(s);
	key_shown_changed(c, k);
}

static void installed(struct core *c, struct key *k, const struct event *e)
{
	static const struct attrs none = {.kind = KIND_ABSENT};
	struct attrs before = k->shown ? k->shown->attrs : none;
	uint8_t changed;

	if (k->decided.kind != INTENT_REMOVE) {
		k->decided.attrs.uid = e->installed.uid;
		k->decided.attrs.gid = e->installed.gid;
		if (k->decided.attrs.kind != KIND_DIR)
			k->decided.attrs.mtime_nsec = e->installed.mtime_nsec;
	}
	show_intended(c, k, &k->decided, &e->installed.ident);
	forget_intent(c, k);
	changed = attrs_compare(&before, &k->shown->attrs);
	if (k->decided.dot.origin || k->decided.attrs.kind != KIND_ABSENT)
		told(c, k, changed);
	k->changed_again = 0;
	k->retry_msec = 0;
	opwait_placed(c, k);
	if (k->shown->attrs.kind == KIND_DIR && (changed & (CHANGED_MODE | CHANGED_OWNER)))
		place_below(c, k);
}

/* The local files may have gone: its removal is tried again. */
void place_leftover(struct core *c, struct key *k)
{
	if (!k->shown || !k->shown->leftover || k->flight || k->looking ||
	    key_visible(c, k).kind == KIND_DIR)
		return;
	k->shown->leftover = false;
	k->was_present = true; /* those above are told when it goes */
	place_consider(c, k);
}

/* A deleted directory that holds local files stays; what is known of it is told
 * as done. */
static void not_empty(struct core *c, struct key *k)
{
	if (key_visible(c, k).kind != KIND_ABSENT) {
		block_error(c, k, -ENOTEMPTY);
		return;
	}
	vv_join(&key_shown(k)->context, &k->decided.context);
	k->shown->dot = k->decided.dot;
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
	if (status >= 0) {
		installed(c, k, e);
		end_flight(c, k);
		return;
	}
	forget_intent(c, k);
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
			block_error(c, k, status);
		break;
	case -ENOTEMPTY:
		not_empty(c, k);
		break;
	default:
		block_error(c, k, status);
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
	case INTENT_REMOVE:
		return o->attrs.kind == KIND_ABSENT;
	default:
		return false;
	}
}

/* Recognised by the staged inode, not by content: a person may have saved the
 * same bytes. What a writer has done to it since is then an edit of what was
 * installed. */
void place_recover(struct core *c, struct key *k, const struct observation *o)
{
	static const struct ident unknown = {.a = UINT64_MAX}; /* not that of absence */
	bool whole;

	if (o->busy && k->intent->kind != INTENT_CONTENT)
		return; /* a hint follows */
	k->recovering = false;
	if (is_ours(k, o)) {
		whole = !o->busy && !attrs_compare(&k->intent->attrs, &o->attrs);
		show_intended(c, k, k->intent, whole ? &o->ident : &unknown);
	} else if (k->intent->kind == INTENT_INPLACE && k->shown && !o->unchanged &&
		   fhandle_same(&k->shown->ident.handle, &o->ident.handle) && partly_done(k, o)) {
		if (!attrs_compare(&k->intent->attrs, &o->attrs)) {
			show_intended(c, k, k->intent, &o->ident);
		} else {
			k->shown->attrs = o->attrs;
			k->shown->ident = o->ident;
			key_shown_changed(c, k);
		}
	}
	forget_intent(c, k);
}

const char *place_reason(const struct key *k)
{
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
	case BLOCK_ERROR:
		return err_text(k->error);
	case BLOCK_NONE:
		break;
	}
	return "waits for a local change to be looked at";
}
