/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is told late. Editors move a file away and write a new one in its place:
 * no peer may ever see that as a delete, so a disappearance is believed only
 * when the name is still absent at the end of `delete-delay`; a rename of a
 * name that peers know is told then as one op; the names that tools give to
 * their temporary files are not looked at before.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "replicator/core/parts.h"

static void delay_insert(struct core *c, struct delay *d, int64_t msec)
{
	struct delay *at;

	d->deadline = c->now + msec;
	TAILQ_FOREACH_REVERSE(at, &c->delays, delays, link)
	{
		if (at->deadline <= d->deadline)
			break;
	}
	if (at)
		TAILQ_INSERT_AFTER(&c->delays, at, d, link);
	else
		TAILQ_INSERT_HEAD(&c->delays, d, link);
}

static struct delay *delay_add(struct core *c, enum delay_kind kind, struct key *k, int64_t msec)
{
	struct delay *d = core_alloc(sizeof(*d));

	d->kind = kind;
	d->key = k;
	k->delay = d;
	delay_insert(c, d, msec);
	return d;
}

void delay_gone(struct core *c, struct key *k)
{
	if (k->delay)
		return;
	delay_add(c, DELAY_GONE, k, c->conf.delete_delay_msec);
	brake_expect(c);
}

void delay_new(struct core *c, struct key *k)
{
	if (!k->delay)
		delay_add(c, DELAY_NEW, k, c->conf.delete_delay_msec);
}

/* What a scan finds under its new name is not told as its rename. */
static void scans_forget_move(struct core *c, const struct delay *d)
{
	struct scan *s;

	STAILQ_FOREACH(s, &c->scans, link)
	{
		if (s->move == d)
			s->move = NULL;
	}
}

/* A look at k failed: what was to be told then is looked at again later. */
void delay_failed(struct core *c, struct key *k, int64_t msec)
{
	struct delay *d = k->delay;

	if (!d) {
		delay_add(c, DELAY_LOOK, k, msec);
		return;
	}
	if (!d->due)
		return;
	scans_forget_move(c, d);
	TAILQ_REMOVE(&c->due, d, link);
	d->due = d->have_key = d->have_from = false;
	delay_insert(c, d, msec);
}

/* Another rename takes over one of its names: the other one is looked at for
 * itself. */
static void delay_break(struct core *c, struct delay *d, const struct key *from,
			const struct key *to)
{
	struct key *other[2] = {d->key, d->from};
	bool tree = d->tree;

	delay_end(c, d);
	for (int i = 0; i < 2; i++) {
		if (!other[i])
			continue;
		if (tree)
			scan_for(c, other[i]);
		if (other[i] == from || other[i] == to)
			continue;
		observe_look(c, other[i]);
	}
}

void delay_move(struct core *c, struct key *from, struct key *to, bool tree)
{
	struct delay *d;

	if (from->delay)
		delay_break(c, from->delay, from, to);
	if (to->delay)
		delay_break(c, to->delay, from, to);
	d = delay_add(c, DELAY_MOVE, to, c->conf.delete_delay_msec);
	d->from = from;
	d->tree = tree;
	from->delay = d;
}

/* The keys go back to being looked at for themselves. */
void delay_end(struct core *c, struct delay *d)
{
	d->key->delay = NULL;
	key_scratch(c, d->key);
	if (d->kind == DELAY_GONE)
		brake_forget(c);
	if (d->from) {
		d->from->delay = NULL;
		key_scratch(c, d->from);
	}
	scans_forget_move(c, d);
	if (d->due)
		TAILQ_REMOVE(&c->due, d, link);
	else
		TAILQ_REMOVE(&c->delays, d, link);
	free(d->key_target);
	free(d);
}

/* True: the safety brake wants to see first how many more come. */
static bool braked(struct core *c, struct delay *d)
{
	int64_t later;

	if (held_by_set(c, d->key)) /* nothing is told */
		return false;
	later = brake_wait_until(c, d->deadline);

	if (later) {
		TAILQ_REMOVE(&c->delays, d, link);
		delay_insert(c, d, later - c->now);
		return true;
	}
	d->hold = brake_holds(c, d->deadline);
	return false;
}

void delays_due(struct core *c)
{
	struct delay *d;

	while ((d = TAILQ_FIRST(&c->delays)) && d->deadline <= c->now) {
		if (d->kind == DELAY_GONE && braked(c, d))
			continue;
		TAILQ_REMOVE(&c->delays, d, link);
		TAILQ_INSERT_TAIL(&c->due, d, link);
		d->due = true;
		d->due_step = c->step;
		switch (d->kind) {
		case DELAY_GONE:
			observe_look(c, d->key);
			break;
		case DELAY_MOVE:
			observe_look(c, d->key);
			observe_look(c, d->from);
			break;
		case DELAY_NEW:
		case DELAY_LOOK: {
			struct key *k = d->key;

			delay_end(c, d);
			observe_look(c, k);
			break;
		}
		}
	}
}

/* The content under the new name is still being written: the old name's absence
 * waits for it. */
static void move_again(struct core *c, struct delay *d)
{
	struct key *from = d->from, *to = d->key;
	bool tree = d->tree;
	uint32_t tries = d->tries + 1;

	delay_end(c, d);
	if (tries > MOVE_TRIES_MAX) {
		observe_look(c, to);
		observe_look(c, from);
		return;
	}
	delay_move(c, from, to, tree);
	to->delay->tries = tries;
}

/* What led to the look that told of the rename; not what has led to another one since. */
static void told(struct core *c, struct key *k)
{
	if (!k->looking)
		serials_ack(c, &k->looked);
}

/* What was hinted while the rename was being looked at. */
static void look_if_hinted(struct core *c, struct key *k)
{
	if (k->hinted.n)
		observe_look(c, k);
	else
		place_consider(c, k);
}

static bool seen_absent(const struct observation *o)
{
	return !o->busy && !o->unchanged && o->attrs.kind == KIND_ABSENT;
}

static void move_told(struct core *c, struct delay *d)
{
	struct key *from = d->from, *to = d->key;
	struct edit edits[2] = {
	    {to, d->key_seen.attrs, d->key_seen.ident, d->key_target},
	    {from, d->from_seen.attrs, d->from_seen.ident, NULL},
	};
	char *target = d->key_target;

	d->key_target = NULL;
	delay_end(c, d);
	author_edits(c, edits, 2);
	free(target);
	if (edits[0].attrs.kind != KIND_DIR) /* of what is held nothing may be shown */
		observe_below(c, to, &to->looked);
	observe_below(c, from, &from->looked);
	told(c, to);
	told(c, from);
	look_if_hinted(c, to);
	look_if_hinted(c, from);
}

/* Both names have been looked at. */
static void move_seen(struct core *c, struct delay *d)
{
	struct key *from = d->from, *to = d->key;
	struct observation *o = &d->key_seen;

	if (o->busy) {
		move_again(c, d);
		return;
	}
	if (d->tree && !o->unchanged && o->attrs.kind == KIND_DIR && seen_absent(&d->from_seen)) {
		struct scan *s = scan_for(c, to);

		serials_share(&s->serials, &from->looked);
		s->move = d;
		return;
	}
	if (!d->tree && !o->unchanged && o->attrs.kind != KIND_ABSENT &&
	    o->attrs.kind != KIND_OTHER && !o->too_big && seen_absent(&d->from_seen) &&
	    key_present(from) && (!to->shown || attrs_compare(&to->shown->attrs, &o->attrs))) {
		move_told(c, d);
		return;
	}
	/* Not a rename any more: each name for itself, at once or as a disappearance.
	 */
	if (d->tree) {
		scan_for(c, to);
		scan_for(c, from);
	}
	delay_end(c, d);
	observe_look(c, to);
	observe_look(c, from);
}

/* One of the two names is being looked at again: what that finds comes first. */
bool delay_open(const struct delay *d)
{
	return d->key->looking || d->from->looking;
}

void delay_seen(struct core *c, struct key *k, const struct observation *o)
{
	struct delay *d = k->delay;

	if (k == d->key) {
		d->have_key = true;
		d->key_seen = *o;
		free(d->key_target);
		d->key_target = o->target ? core_strdup(o->target) : NULL;
		d->key_seen.target = d->key_target;
	} else {
		d->have_from = true;
		d->from_seen = *o;
	}
	if (d->have_key && d->have_from)
		move_seen(c, d);
}

/* What a look found at k stays local: nothing is to be told of it late, and a rename that it was
 * part of is none any more. */
void delay_local(struct core *c, struct key *k)
{
	struct delay *d = k->delay;

	if (!d || !d->due)
		return;
	if (d->kind == DELAY_MOVE)
		delay_break(c, d, k, k);
	else
		delay_end(c, d);
}

static void add_edit(struct edit **list, uint32_t *n, uint32_t *cap, struct edit e)
{
	GROW(*list, *n, *cap);
	(*list)[(*n)++] = e;
}

/* Whoever moved the directory moved what is in it. */
static void same_who(struct key *k, const struct key *as)
{
	k->who = as->who;
	free(k->user);
	k->user = as->user ? core_strdup(as->user) : NULL;
}

/* A whole directory has moved: its new names and its old ones, each new name
 * beside its old one, so that a pair is never split over two ops. */
void delay_scanned(struct core *c, struct scan *s)
{
	struct delay *d = s->move;
	struct key *from = d->from, *to = d->key, *k = NULL;
	size_t to_len = strlen(to->path);
	struct edit *list = NULL;
	uint32_t n = 0, cap = 0;
	char *target = d->key_target;

	add_edit(&list, &n, &cap, (struct edit){to, d->key_seen.attrs, d->key_seen.ident, target});
	add_edit(&list, &n, &cap,
		 (struct edit){from, d->from_seen.attrs, d->from_seen.ident, NULL});
	for (uint32_t i = 0; i < s->n; i++) {
		CLEANUP_FREE char *old_path =
		    path_join(from->path, s->edits[i].key->path + to_len + 1);
		struct key *old = old_path ? key_find(c, old_path) : NULL;

		if (s->edits[i].key->looking || s->edits[i].key->flight || s->edits[i].key->delay ||
		    s->edits[i].key->touched >= s->step) {
			observe_look_for(c, s->edits[i].key, &s->serials);
			continue;
		}
		same_who(s->edits[i].key, to);
		add_edit(&list, &n, &cap, s->edits[i]);
		if (!old || !key_present(old) || old->looking || old->flight || old->delay ||
		    old->touched >= d->due_step)
			continue;
		same_who(old, to);
		add_edit(&list, &n, &cap, (struct edit){.key = old});
	}
	d->key_target = NULL;
	delay_end(c, d);
	author_edits(c, list, n);
	free(list);
	free(target);
	told(c, to);
	told(c, from);
	look_if_hinted(c, to);
	while ((k = key_next_below(c, from->path, k))) { /* what had no partner */
		if (observe_may_go(c, k))
			observe_look_for(c, k, &s->serials);
	}
	look_if_hinted(c, from);
}
