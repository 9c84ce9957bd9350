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
#include "replicator/core/parts.h"

#define SETID_BITS 06000

/* ---- what should be there ---- */

/* A directory that exists only for what is in it: as its nearest explicit
 * ancestor. */
void place_implied(const struct core *c, const struct key *k, struct attrs *a)
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
		place_implied(c, k, a);
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

static bool is_unwanted(const struct core *c, struct key *k, struct visible v)
{
	bool dir = key_present(k) ? k->shown->attrs.kind == KIND_DIR : true;

	/* What is to be absent is what is shown there; where nothing is, whatever it was. */
	if (observe_local(c, k, v.kind == KIND_ABSENT ? dir : v.kind == KIND_DIR))
		return true;
	return v.kind == KIND_FILE && v.version->attrs.size > c->conf.max_file_size;
}

/* As the entries say, or what was set aside and is to be edited. */
static struct visible wanted(struct core *c, struct key *k)
{
	if (k->to_edit && !aside_vain(c, k))
		return (struct visible){k->draft->attrs.kind, k->draft};
	return key_visible(c, k);
}

/* ---- the queue ---- */

static bool must_wait(const struct core *c, const struct key *k)
{
	if (key_drafted(k))
		return true;
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

void place_consider(struct core *c, struct key *k)
{
	/* Then it is considered again; but what it lacks is known from now on. */
	bool later = k->flight || k->looking || k->delay || k->recovering;
	struct visible v;

	if (!c->started || c->joining || c->taking_in)
		return;
	if (!k->n && !k->shown && !k->to_edit && !k->unsettled && !key_live_below(c, k->path))
		return;
	v = wanted(c, k);
	if (lists_taken_back(c, k, v.kind == KIND_DIR || v.kind == KIND_ABSENT))
		return;
	k->unwanted = is_unwanted(c, k, v);
	if (k->unwanted || is_settled(c, k, v)) {
		if (later)
			return;
		key_settled(c, k);
		combine_later(c, k);
		opwait_placed(c, k);
		return;
	}
	key_unsettled(c, k);
	if (later || k->ready || must_wait(c, k))
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
		if (k->block == BLOCK_PARENT || (key_present(k) && !key_visible(c, k).version))
			place_consider(c, k);
	}
}

void place_block(struct core *c, struct key *k, int error)
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

uint32_t place_teller(const struct core *c, const struct version *v)
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
	if (v.version && v.version == k->draft) {
		aside_seen(k, &d->context);
	} else {
		if (k->shown)
			vv_join(&d->context, &k->shown->context);
		entry_context(k, &d->context);
	}
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

void place_take_off(struct core *c, struct key *k, enum flight flight)
{
	k->flight = flight;
	k->touched = c->step;
	c->nflight++;
}

void place_land(struct core *c, struct key *k)
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

void place_forget_intent(struct core *c, struct key *k)
{
	if (!k->intent)
		return;
	vv_fini(&k->intent->context);
	free(k->intent);
	k->intent = NULL;
	store_intent(c, k);
}

void place_launch(struct core *c, struct key *k)
{
	struct effect *e;

	if (!k->rewriting)
		intend(c, k);
	k->flight = k->decided.kind == INTENT_REMOVE ? FLIGHT_REMOVING : FLIGHT_INSTALLING;
	e = effect_add(c, k->flight == FLIGHT_REMOVING ? EFFECT_REMOVE : EFFECT_INSTALL, k->path);
	e->install.intent = &k->decided;
	if (k->placing && k->placing->target) {
		char *target = core_strdup(k->placing->target);

		step_own(c, target);
		e->install.target = target;
	}
	if (k->rewriting && k->draft)
		e->install.expected = k->draft_ident;
	else if (k->shown)
		e->install.expected = k->shown->ident;
}

/* Something known is still there: of a draft the disk says more than what is shown. */
static bool in_the_way(const struct key *dir, const struct key *child)
{
	if (dir->to_edit && key_drafted(child))
		return child->draft->attrs.kind != KIND_ABSENT;
	return key_present(child) && !child->shown->leftover;
}

/* Something known is still in this directory. */
bool place_has_children(const struct core *c, struct key *k)
{
	struct key *child = k->blocker && path_below(k->blocker->path, k->path) ? k->blocker : NULL;
	bool all = !child;

	if (child && in_the_way(k, child))
		return true;
	for (;;) {
		child = key_next_below(c, k->path, child);
		if (!child && !all) { /* once more from the beginning */
			all = true;
			continue;
		}
		if (!child || in_the_way(k, child))
			break;
	}
	k->blocker = child;
	return child;
}

static void remove_it(struct core *c, struct key *k, struct visible v)
{
	static const struct attrs none = {.kind = KIND_ABSENT};
	struct visible nothing = {KIND_ABSENT, NULL};

	if (k->shown->attrs.kind == KIND_DIR && place_has_children(c, k)) {
		k->block = BLOCK_CHILDREN;
		return;
	}
	if (v.kind == KIND_ABSENT) {
		decide(k, INTENT_REMOVE, &none, v, false);
	} else { /* of another kind: make way; this alone has seen nothing new */
		decide(k, INTENT_REMOVE, &none, nothing, false);
		vv_copy(&k->decided.context, &k->shown->context);
	}
	place_take_off(c, k, FLIGHT_REMOVING);
	place_launch(c, k);
}

static void place_absent(struct core *c, struct key *k, struct visible v)
{
	if (k->opwait_absent) {
		k->block = BLOCK_OP;
		return;
	}
	if (!key_present(k) || k->shown->leftover)
		confirm(c, k, v);
	else if (admit(c, k, v.version))
		remove_it(c, k, v);
}

static bool parent_ready(struct core *c, struct key *k, struct visible v)
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
	if (v.version && v.version == k->draft && key_drafted(parent) &&
	    parent->draft->attrs.kind == KIND_DIR)
		return true;
	if (key_present(parent) && parent->shown->attrs.kind == KIND_DIR &&
	    !parent->shown->leftover &&
	    !(key_drafted(parent) && parent->draft->attrs.kind != KIND_DIR))
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
	place_take_off(c, k, FLIGHT_INSTALLING);
	place_launch(c, k);
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
		place_take_off(c, k, FLIGHT_INSTALLING);
		place_launch(c, k);
		return;
	}
	place_take_off(c, k, FLIGHT_STAGING);
	e = effect_add(c, EFFECT_STAGE, k->path);
	e->content.hash = wanted->hash;
	e->content.size = wanted->size;
	e->content.attrs = &k->decided.attrs;
}

/* What was shown in a directory cannot be there without it: it has just come, or has gone with all
 * that was in it. Looks tell which: those that are out, or one of its own (once while it is
 * unsettled: what was shown may never be told as gone). */
static bool gone_below(struct core *c, struct key *k)
{
	const struct key *below = NULL;
	bool present = false;

	if (key_present(k) && k->shown->attrs.kind == KIND_DIR)
		return false;
	while ((below = key_next_live_below(c, k->path, below))) {
		if (below->delay || below->looking)
			return true;
		present = present || (key_present(below) && !key_drafted(below));
	}
	if (!present || k->below_asked)
		return false;
	k->below_asked = true;
	observe_look(c, k);
	return true;
}

static void place_present(struct core *c, struct key *k, struct visible v)
{
	struct attrs wanted;
	uint8_t change;

	if (!parent_ready(c, k, v) || (v.kind == KIND_DIR && gone_below(c, k)))
		return;
	wanted_attrs(c, k, v, &wanted);
	change = key_present(k) ? attrs_compare(&k->shown->attrs, &wanted) : CHANGED_KIND;
	if ((change & (CHANGED_KIND | CHANGED_CONTENT)) && !admit(c, k, v.version))
		return;
	if (!key_present(k)) {
		place_content(c, k, v, &wanted);
		return;
	}
	if (k->shown->attrs.kind != v.kind &&
	    (k->shown->attrs.kind == KIND_DIR || v.kind == KIND_DIR)) {
		remove_it(c, k, v);
		return;
	}
	/* A draft's file as a whole: of attributes alone it would not be known after a crash. */
	if ((change & (CHANGED_KIND | CHANGED_CONTENT)) ||
	    (v.kind == KIND_FILE && v.version == k->draft))
		place_content(c, k, v, &wanted);
	else
		place_attrs(c, k, v, &wanted);
}

static void place(struct core *c, struct key *k)
{
	struct visible v;

	if (c->joining || c->taking_in || k->flight || k->looking || k->delay || k->recovering)
		return;
	v = wanted(c, k);
	if (lists_taken_back(c, k, v.kind == KIND_DIR || v.kind == KIND_ABSENT))
		return;
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
