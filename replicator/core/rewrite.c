/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is good but for something that the gate mends itself (a zone's serial): the content that it gives
 * takes the place of the saved one on this node's disk, by compare and install over the draft, and is
 * what is told. A save meanwhile is never lost: then the install is refused, and that save is judged.
 * So, too, for a path that was not saved (the zone whose include was), by compare and install over what
 * is shown: it becomes a draft beside the others, and is told with them.
 *
 * No intent is recorded: found after a crash, the content counts as saved, and is judged as that.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "replicator/core/parts.h"

static struct key *key_in(const struct hearing *h, const char *path)
{
	for (uint32_t i = 0; i < h->n; i++)
		if (strcmp(h->keys[i]->path, path) == 0)
			return h->keys[i];
	return NULL;
}

bool core_settled(const struct core *c, const char *path)
{
	const struct key *k = key_find(c, path);
	const struct version *v = k ? key_visible(c, k).version : NULL;

	return v && !k->draft && key_present(k) && k->shown->attrs.kind == KIND_FILE &&
	       dot_same(k->shown->dot, v->dot) && k->n == 1;
}

/* One that was not saved, and is what the content was made of. */
static struct key *key_beside(const struct core *c, const char *path, struct hash of)
{
	if (hash_none(of) || !core_settled(c, path))
		return NULL;
	struct key *k = key_find(c, path);
	return hash_same(k->shown->attrs.hash, of) ? k : NULL;
}

static const struct attrs *attrs_of(const struct key *k)
{
	return k->draft ? &k->draft->attrs : &k->shown->attrs;
}

void rewrite_begin(struct core *c, struct hearing *h, const struct verdict *v)
{
	hearing_idle(c, h);
	h->rewriting = core_alloc(v->nrewrites * sizeof(*h->rewriting));
	for (uint32_t i = 0; i < v->nrewrites; i++) {
		const struct rewrite *r = &v->rewrites[i];
		struct key *k = key_in(h, r->path);
		bool beside = !k;

		if (beside && !(k = key_beside(c, r->path, r->of))) {
			hearing_again(c, h); /* it has changed meanwhile */
			return;
		}
		if (attrs_of(k)->kind != KIND_FILE || hash_same(attrs_of(k)->hash, r->hash))
			continue;
		h->rewriting[h->nrewriting] = (struct rewriting){.key = k, .hash = r->hash, .size = r->size};
		if (beside)
			h->rewriting[h->nrewriting].of = r->of;
		h->nrewriting++;
	}
	if (!h->nrewriting)
		gate_tell(c, h, false);
}

static void start(struct core *c, struct rewriting *r)
{
	struct key *k = r->key;
	struct intent *d = &k->decided;
	int64_t now = c->wall * 1000000;
	int64_t floor = k->shown ? k->shown->floor_nsec : 0;
	struct effect *e;

	r->started = true;
	vv_clear(&d->context);
	d->kind = INTENT_CONTENT;
	d->handle = (struct fhandle){0};
	d->attrs = *attrs_of(k);
	d->attrs.hash = r->hash;
	d->attrs.size = r->size;
	if (attrs_of(k)->mtime_nsec > floor)
		floor = attrs_of(k)->mtime_nsec;
	d->attrs.mtime_nsec = mtime_raise(floor, now, now);
	d->dot = (struct dot){0, 0};
	d->raised = false;
	version_put(k->placing);
	k->placing = NULL;
	k->rewriting = true;
	place_take_off(c, k, FLIGHT_STAGING);
	e = effect_add(c, EFFECT_STAGE, k->path);
	e->content.hash = r->hash;
	e->content.size = r->size;
	e->content.attrs = &d->attrs;
}

void rewrite_due(struct core *c, struct hearing *h)
{
	for (uint32_t i = 0; i < h->nrewriting && c->nflight < FLIGHT_MAX; i++) {
		struct rewriting *r = &h->rewriting[i];
		const struct key *k = r->key;

		if (r->started || k->flight || k->looking || k->delay || k->recovering)
			continue;
		if (!hash_none(r->of) && !key_beside(c, k->path, r->of)) {
			hearing_again(c, h);
			return;
		}
		start(c, r);
	}
}

static struct rewriting *find(struct hearing *h, const struct key *k)
{
	for (uint32_t i = 0; h && i < h->nrewriting; i++)
		if (h->rewriting[i].key == k && h->rewriting[i].started)
			return &h->rewriting[i];
	return NULL;
}

/* For which it is. NULL: there is another question by now. */
static struct hearing *hearing_of(struct core *c, const struct key *k)
{
	struct hearing *h;

	TAILQ_FOREACH(h, &c->gate.list[HEARING_IDLE], link)
		if (find(h, k))
			return h;
	return NULL;
}

/* What is on the disk now is the draft, made by whom the saved one was, or that beside it. */
static void replace_draft(struct core *c, struct hearing *h, struct key *k, const struct edit *e)
{
	bool beside = !k->draft;
	const struct version *saved = beside ? h->keys[0]->draft : k->draft;
	struct hash of = saved->attrs.hash;
	struct who who = k->who;
	char *user = k->user;

	k->who = saved->who;
	k->user = core_strdup(saved->user);
	k->hearing = NULL; /* it stays in it */
	held_put(c, e, saved->group);
	if (beside)
		hearing_add(h, k);
	else
		k->hearing = h;
	if (!beside)
		k->draft->replaced = of; /* that, and not what is told, is what it was made of */
	free(k->user);
	k->user = user;
	k->who = who;
}

void rewrite_installed(struct core *c, struct key *k, const struct event *e)
{
	struct hearing *h = hearing_of(c, k);
	struct rewriting *r = find(h, k);
	struct edit edit = {k, k->decided.attrs, e->installed.ident, NULL};

	k->rewriting = false;
	if (!r) { /* there is another question by now, and this is on the disk */
		k->look_again = true;
		return;
	}
	edit.attrs.uid = e->installed.uid;
	edit.attrs.gid = e->installed.gid;
	edit.attrs.mtime_nsec = e->installed.mtime_nsec;
	replace_draft(c, h, k, &edit);
	*r = h->rewriting[--h->nrewriting];
	if (!h->nrewriting)
		gate_tell(c, h, false);
}

void rewrite_failed(struct core *c, struct key *k, int error)
{
	struct hearing *h = hearing_of(c, k);

	k->rewriting = false;
	k->look_again = true; /* a save may have come before it */
	if (!h)
		return;
	if (error != ERR_CHANGED && error != ERR_BUSY)
		hearing_say(c, h,
			    &(struct verdict){.kind = VERDICT_UNKNOWN, .words = err_text(error)});
	hearing_later(c, h);
}
