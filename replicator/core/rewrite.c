/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is good but for something that the gate mends itself (a zone's serial): the content that it gives
 * takes the place of the saved one on this node's disk, by compare and install over the draft, and is
 * what is told. A save meanwhile is never lost: then the install is refused, and that save is judged.
 *
 * No intent is recorded: found after a crash, the content counts as saved, and is judged as that.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "replicator/core/state.h"

static struct key *key_in(const struct hearing *h, const char *path)
{
	for (uint32_t i = 0; i < h->n; i++)
		if (strcmp(h->keys[i]->path, path) == 0)
			return h->keys[i];
	return NULL;
}

void rewrite_begin(struct core *c, struct hearing *h, const struct verdict *v)
{
	hearing_idle(c, h);
	h->rewriting = core_alloc(v->nrewrites * sizeof(*h->rewriting));
	for (uint32_t i = 0; i < v->nrewrites; i++) {
		const struct rewrite *r = &v->rewrites[i];
		struct key *k = key_in(h, r->path);

		if (!k || k->draft->attrs.kind != KIND_FILE ||
		    hash_same(k->draft->attrs.hash, r->hash))
			continue;
		h->rewriting[h->nrewriting++] = (struct rewriting){k, r->hash, r->size, false};
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
	d->attrs = k->draft->attrs;
	d->attrs.hash = r->hash;
	d->attrs.size = r->size;
	if (k->draft->attrs.mtime_nsec > floor)
		floor = k->draft->attrs.mtime_nsec;
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
		const struct key *k = h->rewriting[i].key;

		if (!h->rewriting[i].started && !k->flight && !k->looking && !k->delay &&
		    !k->recovering)
			start(c, &h->rewriting[i]);
	}
}

static struct rewriting *find(struct hearing *h, const struct key *k)
{
	for (uint32_t i = 0; h && i < h->nrewriting; i++)
		if (h->rewriting[i].key == k && h->rewriting[i].started)
			return &h->rewriting[i];
	return NULL;
}

/* What is on the disk now is the draft, made by whom the saved one was. */
static void replace_draft(struct core *c, struct key *k, const struct edit *e)
{
	struct who who = k->who;
	char *user = k->user;
	struct hearing *h = k->hearing;

	k->who = k->draft->who;
	k->user = core_strdup(k->draft->user);
	k->hearing = NULL; /* it stays in it */
	held_put(c, e, k->draft->group);
	k->hearing = h;
	free(k->user);
	k->user = user;
	k->who = who;
}

void rewrite_installed(struct core *c, struct key *k, const struct event *e)
{
	struct hearing *h = k->hearing;
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
	replace_draft(c, k, &edit);
	*r = h->rewriting[--h->nrewriting];
	if (!h->nrewriting)
		gate_tell(c, h, false);
}

void rewrite_failed(struct core *c, struct key *k, int error)
{
	struct hearing *h = k->hearing;

	k->rewriting = false;
	k->look_again = true; /* a save may have come before it */
	if (!find(h, k))
		return;
	if (error != ERR_CHANGED && error != ERR_BUSY)
		hearing_say(c, h,
			    &(struct verdict){.kind = VERDICT_UNKNOWN, .words = err_text(error)});
	hearing_later(c, h);
}
