/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Going through a whole directory: the first tree, the start, a RESCAN, a directory that was moved.
 * One scan at a time. What it finds is compared as by a look; what is known below and was not found
 * is looked at one by one.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/path.h"
#include "replicator/core/parts.h"

void scan_free(struct core *c, struct scan *s)
{
	for (uint32_t i = 0; i < s->n; i++) {
		free((char *)(uintptr_t)s->edits[i].target);
		s->edits[i].key->held--;
		key_scratch(c, s->edits[i].key);
	}
	free(s->edits);
	serials_free(&s->serials);
	free(s->path);
	free(s);
}

struct scan *scan_new(struct core *c, const char *path)
{
	struct scan *s = core_alloc(sizeof(*s));

	s->path = core_strdup(path);
	s->id = ++c->last_scan;
	STAILQ_INSERT_TAIL(&c->scans, s, link);
	return s;
}

struct scan *scan_for(struct core *c, const struct key *k)
{
	struct scan *s = scan_new(c, k->path);

	serials_share(&s->serials, &k->hinted);
	serials_share(&s->serials, &k->looked);
	return s;
}

/* One at a time. */
void scans_run(struct core *c)
{
	struct scan *s = STAILQ_FIRST(&c->scans);

	if (!s || s->running)
		return;
	s->running = true;
	s->step = c->step;
	effect_add(c, EFFECT_SCAN, s->path);
}

void scan_again(struct core *c, uint64_t serial)
{
	struct scan *s;

	if (c->joining) { /* told with the first tree; the later stands for the earlier ones */
		serials_ack(c, &c->join_rescan);
		serials_add(c, &c->join_rescan, serial);
		return;
	}
	STAILQ_FOREACH(s, &c->scans, link)
	{
		if (!s->running && !s->path[0] && !s->take_in)
			break;
	}
	if (!s)
		s = scan_new(c, "");
	serials_add(c, &s->serials, serial);
}

/* What was known below and has not been found: looked at one by one. */
static void scan_missing(struct core *c, const struct scan *s)
{
	struct key *k = NULL;

	while ((k = key_next_below(c, s->path, k))) {
		if (k->seen_scan == s->id)
			continue;
		if (k->local || observe_may_go(c, k))
			observe_look_for(c, k, &s->serials);
		else if (k->delay) /* it was there a moment ago, and may yet be told so */
			serials_share(&k->hinted, &s->serials);
	}
}

void scan_ended(struct core *c, const struct event *e)
{
	struct scan *s = STAILQ_FIRST(&c->scans);

	if (!s || !s->running || strcmp(s->path, e->path) != 0)
		return;
	if (e->scanned.status < 0 && e->scanned.status != -ENOENT &&
	    e->scanned.status != -ENOTDIR) {
		/* Again, from the beginning, behind the others. */
		effect_note(c, LOG_LEVEL_WARNING, "scan of /%s: %s; it is done again", s->path,
			    err_text(e->scanned.status));
		STAILQ_REMOVE_HEAD(&c->scans, link);
		s->running = false;
		s->id = ++c->last_scan;
		STAILQ_INSERT_TAIL(&c->scans, s, link);
		return;
	}
	STAILQ_REMOVE_HEAD(&c->scans, link);
	if (s->move && !delay_open(s->move))
		delay_scanned(c, s);
	for (uint32_t i = 0; !s->move && i < s->n; i++) /* its rename was called off */
		observe_look_for(c, s->edits[i].key, &s->serials);
	scan_missing(c, s);
	if (!s->path[0])
		brake_scanned(c);
	if (s->take_in)
		join_taken(c, s);
	if (!s->path[0])
		lists_scanned(c);
	serials_ack(c, &s->serials);
	scan_free(c, s);
}

/* Found while something else is done about it: looked at once more after that, for what the scan
 * is to tell. What is held there is not told before that, should it be gone. */
static void found_meanwhile(struct core *c, struct key *k, const struct scan *s,
			    const struct observation *o)
{
	bool undone = key_drafted(k) && o->status >= 0 && !o->busy &&
		      (o->unchanged || attrs_compare(&k->draft->attrs, &o->attrs));

	if (o->status >= 0 && (o->busy || (!undone && !observe_differs(k, o))))
		return;
	if (undone) {
		k->draft_seen = false;
		if (k->hearing)
			hearing_again(c, k->hearing);
	}
	serials_share(&k->hinted, &s->serials);
	if (k->looking || k->flight)
		k->look_again = true;
}

/* Found by a scan. What the disk held a while ago may have been replaced since:
 * what looks like a change of a path that was touched meanwhile, or as if what
 * is held there had gone, is looked at anew; so is what has been removed or
 * emptied, since it is told late. */
void scan_found(struct core *c, struct key *k, const struct observation *o)
{
	struct scan *s = STAILQ_FIRST(&c->scans);
	bool take_in, older, differs;

	if (!s || !s->running)
		return;
	older = k->touched >= s->step;
	take_in = s->take_in || lists_taken_back(c, k, o->attrs.kind == KIND_DIR);
	k->seen_scan = s->id;
	if (s->move && path_below(k->path, s->path)) {
		struct edit *edit;

		if (o->status < 0 || o->busy || o->too_big || o->hollow || o->unchanged ||
		    !observe_differs(k, o) || o->attrs.kind == KIND_OTHER) {
			observe_look_for(c, k, &s->serials);
			return;
		}
		GROW(s->edits, s->n, s->cap);
		edit = &s->edits[s->n++];
		k->held++;
		*edit =
		    (struct edit){k, o->attrs, o->ident, o->target ? core_strdup(o->target) : NULL};
		return;
	}
	if (k->recovering && !o->busy)
		observe_look_for(c, k, &s->serials);
	if (k->looking || k->flight || k->delay || k->recovering) {
		found_meanwhile(c, k, s, o);
		return;
	}
	if (o->status >= 0 && !o->busy && k->block == BLOCK_BUSY)
		k->block = BLOCK_NONE;
	if (join_take_late(c, k, o))
		return;
	if (o->status < 0 || o->busy) {
		if (o->status < 0 && take_in)
			join_late(c, k);
		if (o->status < 0)
			observe_look_for(c, k, &s->serials);
		return;
	}
	place_leftover(c, k);
	if (take_in && !k->shown && !k->edited && !older) {
		join_take(c, k, o);
		return;
	}
	differs = observe_differs(k, o);
	if ((older && (differs || key_drafted(k))) ||
	    (differs && (o->attrs.kind == KIND_ABSENT || brake_removes(k, o)))) {
		observe_look_for(c, k, &s->serials);
		return;
	}
	observe_compare(c, k, o, &s->serials);
}
