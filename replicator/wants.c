/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The contents that are wanted, found by their hash, each in one list at most. A want is idle (its
 * turn will come), in a request to one peer (in no list), or resting (no peer that can be reached
 * has it; tried again after a while, and when a peer comes back).
 */
#include "replicator/contents_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "replicator/peers.h"

static uint32_t slot_of(const struct contents *c, struct hash hash)
{
	uint32_t i;

	memcpy(&i, hash.b, sizeof(i));
	return i & (c->nslots - 1);
}

static struct want *find(const struct contents *c, struct hash hash)
{
	struct want *w = c->slots[slot_of(c, hash)];

	while (w && !hash_same(w->hash, hash))
		w = w->chain;
	return w;
}

static void grow(struct contents *c)
{
	uint32_t old = c->nslots;
	struct want **slots = c->slots;
	struct want **more = calloc((size_t)old * 4, sizeof(*more));

	if (!more)
		return;
	c->slots = more;
	c->nslots = old * 4;
	for (uint32_t i = 0; i < old; i++) {
		struct want *next;
		for (struct want *w = slots[i]; w; w = next) {
			struct want **slot = &more[slot_of(c, w->hash)];
			next = w->chain;
			w->chain = *slot;
			*slot = w;
		}
	}
	free(slots);
}

void want_unlist(struct want *w)
{
	struct want_list *l = w->list;

	if (!l)
		return;
	*(w->prev ? &w->prev->next : &l->first) = w->next;
	*(w->next ? &w->next->prev : &l->last) = w->prev;
	l->n--;
	w->list = NULL;
}

static void enlist(struct want_list *l, struct want *w)
{
	want_unlist(w);
	w->list = l;
	w->next = NULL;
	w->prev = l->last;
	*(l->last ? &l->last->next : &l->first) = w;
	l->last = w;
	l->n++;
}

bool want_is_small(const struct want *w)
{
	return w->size <= STORE_SMALL_MAX;
}

void want_idle(struct contents *c, struct want *w)
{
	enlist(want_is_small(w) ? &c->small : &c->large, w);
}

void want_rest(struct contents *c, struct want *w)
{
	w->rest_msec = c->node->now_msec + CONTENTS_RETRY_MSEC;
	enlist(&c->resting, w);
}

void want_put_away(struct contents *c, struct want *w, bool keep)
{
	if (!w->incoming)
		return;
	incoming_cancel(w->incoming, keep);
	w->incoming = NULL;
	c->nlarge--;
}

static void drop(struct contents *c, struct want *w)
{
	struct want **at = &c->slots[slot_of(c, w->hash)];

	while (*at != w)
		at = &(*at)->chain;
	*at = w->chain;
	want_unlist(w);
	want_put_away(c, w, true);
	c->n--;
	free(w);
}

void want_arrived(struct contents *c, struct want *w)
{
	struct event e = {.type = EVENT_CONTENT, .content = w->hash};

	node_defer(c->node, &e);
	c->got++;
	c->got_bytes += w->size;
	drop(c, w);
}

bool wants_init(struct contents *c)
{
	c->nslots = 1024;
	c->slots = calloc(c->nslots, sizeof(*c->slots));
	return c->slots != NULL;
}

void wants_fini(struct contents *c)
{
	for (uint32_t i = 0; i < c->nslots; i++)
		while (c->slots[i])
			drop(c, c->slots[i]);
	free(c->slots);
}

void contents_progress(const struct contents *c, struct contents_progress *to)
{
	*to = (struct contents_progress){.n = c->n, .resting = c->resting.n};
	if (c->n == 0)
		return;
	to->since_msec = c->since_msec;
	to->got = c->got;
	to->got_bytes = c->got_bytes;
	for (uint32_t i = 0; i < c->nslots; i++) {
		for (const struct want *w = c->slots[i]; w; w = w->chain) {
			uint64_t here = w->incoming ? incoming_size(w->incoming) : 0;

			to->bytes += w->size - (here < w->size ? here : w->size);
			to->got_bytes += here;
		}
	}
}

uint32_t contents_asked(const struct contents *c, uint32_t peer)
{
	uint32_t n = 0;

	for (const struct request *r = c->requests; r; r = r->next)
		n += r->peer == peer ? r->n : 0;
	return n;
}

uint32_t contents_wanted(const struct contents *c)
{
	return c->n;
}

bool want_is_over(struct contents *c, struct want *w)
{
	if (!w->dropped)
		return false;
	drop(c, w);
	return true;
}

static void want(struct contents *c, struct hash hash, uint64_t size, uint32_t peer, bool kept)
{
	struct want *w = find(c, hash);

	if (w) {
		w->dropped = false;
		w->kept |= kept;
		w->teller = peer;
		w->tried = 0;
		if (w->list == &c->resting)
			want_idle(c, w);
		return;
	}
	if (store_has(c->node->store, hash)) {
		struct event e = {.type = EVENT_CONTENT, .content = hash};
		node_defer(c->node, &e);
		return;
	}
	if (c->n >= c->nslots * 2)
		grow(c);
	w = c->n < CONTENTS_MAX ? calloc(1, sizeof(*w)) : NULL;
	if (!w) {
		log_limited(LOG_LEVEL_ERROR, "more contents are wanted than can be remembered");
		return;
	}
	w->hash = hash;
	w->size = size;
	w->kept = kept;
	w->teller = peer;
	if (c->n == 0) {
		c->since_msec = c->node->wall_msec;
		c->got = c->got_bytes = 0;
	}
	w->chain = c->slots[slot_of(c, hash)];
	c->slots[slot_of(c, hash)] = w;
	c->n++;
	want_idle(c, w);
}

void contents_fetch(struct contents *c, struct hash hash, uint64_t size, uint32_t peer)
{
	want(c, hash, size, peer, true);
}

void contents_look_for(struct contents *c, struct hash hash, uint64_t size, uint32_t peer)
{
	want(c, hash, size, peer, false);
}

void contents_let_go(struct contents *c, struct hash hash)
{
	struct want *w = find(c, hash);

	if (w && !w->kept)
		w->dropped = true;
}

void want_fault(struct contents *c, struct want *w, uint32_t peer, const char *what)
{
	if (what)
		log_limited(LOG_LEVEL_WARNING, "a content from peer %s %s",
			    c->node->peers->p[peer].name, what);
	w->tried |= 1ull << peer;
	want_idle(c, w);
}
