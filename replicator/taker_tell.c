/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The end of a take: what was found is told to the core, with its content in the store. And what is
 * remembered of what was told: which contents are new here, and which files are too big.
 */
#include "replicator/taker_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/err.h"
#include "base/log.h"
#include "replicator/damage.h"
#include "replicator/hashing.h"
#include "replicator/hollow.h"
#include "replicator/names.h"

/* ---- what is new, what is too big ---- */

static struct hash *fresh_slot(struct taker *t, struct hash hash)
{
	uint32_t i;

	memcpy(&i, hash.b, sizeof(i));
	return &t->fresh[i % FRESH_SLOTS];
}

bool taker_fresh(struct taker *t, struct hash hash)
{
	struct hash *slot = fresh_slot(t, hash);

	if (!hash_same(*slot, hash))
		return false;
	memset(slot, 0, sizeof(*slot));
	return true;
}

void taker_too_big(struct taker *t, bool (*each)(void *arg, const char *path), void *arg)
{
	for (uint32_t i = 0; i < t->ntoo_big; i++)
		if (!each(arg, t->too_big[i]))
			return;
}

static void note_size(struct taker *t, const char *path, bool too_big)
{
	uint32_t i = 0;

	while (i < t->ntoo_big && strcmp(t->too_big[i], path) != 0)
		i++;
	if (!too_big && i < t->ntoo_big) {
		free(t->too_big[i]);
		t->too_big[i] = t->too_big[--t->ntoo_big];
	} else if (too_big && i == t->ntoo_big && i < TOO_BIG_MAX) {
		t->too_big[i] = strdup(path);
		t->ntoo_big += t->too_big[i] != NULL;
	}
}

/* ---- telling the core ---- */

void take_tell(struct taker *t, struct take *k, const struct observation *o)
{
	struct event e = {.type = EVENT_LOOKED, .path = k->path};
	struct scan *s = k->scan;

	if (k->refill) {
		take_free(k);
		return;
	}
	e.looked.o = *o;
	e.looked.scan = s != NULL;
	if (o->too_big || t->ntoo_big > 0)
		note_size(t, k->path, o->too_big);
	node_event(t->node, &e);
	if (o->hollow && core_shown(t->node->core, k->path)) /* a version takes its place */
		hollow_gone(t->node->hollow, k->path);
	take_free(k);
	if (s)
		scan_took(t, s);
}

void take_tell_status(struct taker *t, struct take *k, int status)
{
	struct observation o = {.status = status};

	take_tell(t, k, &o);
}

void take_tell_found(struct taker *t, struct take *k, struct hash hash)
{
	const struct look *l = &k->found;
	struct node *n = t->node;
	struct observation o = {.ident = l->ident, .busy = l->busy};

	o.attrs.kind = l->kind;
	o.attrs.mode = l->mode;
	o.attrs.uid = l->uid;
	o.attrs.gid = l->gid;
	o.attrs.mtime_nsec = l->mtime_nsec;
	o.attrs.size = l->kind == KIND_FILE   ? l->size
		       : l->kind == KIND_LINK ? strlen(l->target)
					      : 0;
	o.attrs.hash = hash;
	if (l->kind != KIND_ABSENT) {
		names_of(n->names, false, l->uid, o.attrs.owner, n->now_msec);
		names_of(n->names, true, l->gid, o.attrs.group, n->now_msec);
	}
	o.target = l->kind == KIND_LINK ? l->target : NULL;
	crash_point("looked");
	o.too_big = l->kind == KIND_FILE && !l->busy && l->size > (uint64_t)n->conf->max_file_size;
	if (!o.too_big && !o.busy) {
		o.damage = damage_found(n, k->path, &o.ident, &o.attrs);
		if (o.damage)
			crash_point("damage-found");
		o.hollow = hollow_found(n->hollow, k->path, &o.attrs);
	}
	take_tell(t, k, &o);
}

/* The content did not change while it was read. */
void take_tell_content(struct taker *t, struct take *k)
{
	struct node *n = t->node;
	struct hash hash;
	uint64_t size = k->len;
	int err = 0;

	if (k->incoming) {
		err = incoming_finish_new(k->incoming, &hash, &size);
		k->incoming = NULL;
	} else {
		hash = hash_of(k->content, k->len);
		if (!store_has(n->store, hash)) {
			/* Not stashed: the core may make a version of it some commits later. */
			err = store_put(n->store, hash, k->content, k->len);
			*fresh_slot(t, hash) = hash;
		}
	}
	if (err == 0 && size != k->found.size)
		err = -EAGAIN;
	if (err < 0) {
		log_limited(LOG_LEVEL_WARNING, "a content cannot be kept: %s", err_text(err));
		take_tell_status(t, k, err);
		return;
	}
	take_tell_found(t, k, hash);
}
