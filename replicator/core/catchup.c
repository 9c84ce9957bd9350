/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Catching up: one question, "here is my vector", and one answer, all versions
 * in the other's entries that it does not cover, in pages. There is no second
 * mechanism: an hour's absence, a year's and a new node are the same case. Cut
 * off, it is asked again and nothing is harmed.
 *
 * The answering side keeps nothing: the asker repeats its vector, a cursor, and
 * `start`, the sender's vector as of the first page. When all keys have been
 * gone through, what the sender has learned meanwhile (beyond `start`) is sent
 * together with its vector: only that last page lets the asker join the vector,
 * since a version superseded behind the cursor would otherwise be claimed and
 * never sent. Where that is too much for a page, the sweep begins again, with
 * what has been sent as known.
 *
 * Of a transfer that was cut off versions remain that the vector does not cover: *loose* ones. Should
 * their sender never come back, no vector will ever speak of them, and nobody would ask for them: so
 * they are part of the digest by which nodes see that they know the same.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/log.h"
#include "replicator/core/parts.h"

/* ---- loose versions ---- */

static uint64_t loose_digest(const struct key *k, const struct version *v)
{
	return XXH3_64bits_withSeed(k->path, strlen(k->path), XXH3_64bits(&v->dot, sizeof(v->dot)));
}

static void count_loose(struct core *c)
{
	c->loose = c->nloose = 0;
	c->loose_stale = false;
	for (struct key *k = key_first(c, ""); k; k = key_next(k)) {
		for (uint32_t i = 0; i < k->n; i++) {
			if (vv_covers(&c->vector, k->entry[i]->dot))
				continue;
			c->loose += loose_digest(k, k->entry[i]);
			c->nloose++;
		}
	}
}

void catchup_start(struct core *c)
{
	count_loose(c);
}

static void note_loose(struct core *c, const struct page *page)
{
	for (uint32_t i = 0; i < page->n && !c->loose_stale; i++)
		c->loose_stale = !vv_covers(&c->vector, page->items[i].version->dot);
}

uint64_t catchup_digest(const struct core *c)
{
	return vv_digest(&c->vector) + c->loose;
}

/* ---- asking ---- */

static void send_ask(struct core *c, uint32_t peer)
{
	struct peer *p = &c->peers[peer];
	struct ask *ask = core_alloc(sizeof(*ask));
	struct effect *e;

	ask->id = p->ask_id;
	vv_copy(&ask->vector, &p->ask_vector);
	vv_copy(&ask->start, &p->ask_start);
	ask->cursor = core_strdup(p->ask_cursor ? p->ask_cursor : "");
	ask->swept = p->ask_swept;
	ask->joining = c->joining;
	p->asked_at = c->now;
	e = effect_add(c, EFFECT_ASK, NULL);
	e->peer = peer;
	e->ask = ask;
}

void catchup_want(struct core *c, uint32_t peer)
{
	struct peer *p = &c->peers[peer];

	if (!p->reachable || p->receive_only)
		return; /* asked when it is; or never */
	if (p->asking) {
		p->ask_again = true;
		return;
	}
	p->asking = true;
	p->ask_again = false;
	p->ask_id = ++c->last_ask;
	p->since = c->now;
	p->taken = p->of = 0;
	compare_end(p);
	vv_clear(&p->compared);
	vv_clear(&p->compared_vector);
	vv_copy(&p->ask_vector, &c->vector);
	if (!p->limited) /* it may have taken what is refused here */
		refused_cap(c, &p->ask_vector);
	vv_clear(&p->ask_start);
	free(p->ask_cursor);
	p->ask_cursor = NULL;
	p->ask_swept = false;
	send_ask(c, peer);
}

void catchup_peer(struct core *c, const struct event *e)
{
	struct peer *p = &c->peers[e->peer];

	p->reachable = e->reachable;
	p->asking = false;
	p->mismatches = 0;
	if (p->reachable)
		catchup_want(c, e->peer);
}

void catchup_due(struct core *c)
{
	bool asking = false;

	for (uint32_t i = 0; i < c->conf.npeers; i++) {
		struct peer *p = &c->peers[i];

		asking |= p->asking;
		if (!p->asking || c->now - p->asked_at < ASK_LIMIT_MSEC)
			continue;
		p->asking = false;
		catchup_want(c, i);
	}
	if (c->loose_stale && !asking)
		count_loose(c);
}

/* A peer that is not limited may have taken by now what is refused here. */
static void ask_for_refused(struct core *c, uint32_t peer, uint64_t digest)
{
	struct peer *p = &c->peers[peer];

	if (!c->nrefused || p->limited || p->refused_digest == digest ||
	    c->now - p->asked_at < REFUSED_MSEC)
		return;
	p->refused_digest = digest;
	catchup_want(c, peer);
}

/* A heartbeat that knows more than we do starts a catch-up. A differing digest
 * alone usually means that ops are under way: asked only when it lasts, and
 * once for each. */
void catchup_heartbeat(struct core *c, const struct event *e)
{
	const struct heartbeat *h = e->heartbeat;
	struct peer *p = &c->peers[e->peer];

	join_heard(c, e->peer, h->joining);
	nodes_heard(c, e->peer);
	if (h->digest == catchup_digest(c)) {
		p->mismatches = 0;
		ask_for_refused(c, e->peer, h->digest);
		return;
	}
	for (uint32_t i = 0; i < h->nrecent; i++) {
		if (limits_origin(c, e->peer, h->recent[i].origin) &&
		    !vv_covers(&c->vector, h->recent[i])) {
			catchup_want(c, e->peer);
			return;
		}
	}
	if (p->mismatch_digest != h->digest) {
		p->mismatch_digest = h->digest;
		p->mismatches = 0;
	}
	if (++p->mismatches != MISMATCH_BEATS)
		return;
	c->loose_stale |= c->nloose > 0; /* they may have been superseded */
	catchup_want(c, e->peer);
}

/* What the sender's collected tombstones covered is covered here, too, or was compared. */
static bool reaches_floor(const struct core *c, const struct peer *p, const struct vv *floor)
{
	for (uint32_t i = 0; i < floor->n; i++) {
		if (!vv_covers(&c->vector, floor->p[i]) && !vv_covers(&p->compared, floor->p[i]))
			return false;
	}
	return true;
}

/* All that was sent is known here, but the vector is not joined: the rest of the transfer follows. */
static void go_on(struct core *c, uint32_t peer)
{
	struct peer *p = &c->peers[peer];

	p->ask_id = ++c->last_ask;
	vv_clear(&p->ask_start);
	free(p->ask_cursor);
	p->ask_cursor = NULL;
	p->ask_swept = false;
	send_ask(c, peer);
}

static void page_ended(struct core *c, uint32_t peer, const struct page *page)
{
	struct peer *p = &c->peers[peer];

	if (!p->limited && !reaches_floor(c, p, &page->floor)) {
		vv_join(&p->ask_vector, &page->vector);
		compare_start(c, peer);
		return;
	}
	if (!vv_reaches(&c->vector, &p->compared) && !vv_reaches(&c->floor, &p->compared)) {
		vv_join(&c->floor, &p->compared);
		nodes_store_floor(c);
	}
	vv_clear(&p->compared);
	vv_clear(&p->compared_vector);
	for (uint32_t i = 0; i < page->vector.n; i++)
		if (limits_origin(c, peer, page->vector.p[i].origin)) /* of others it proves nothing */
			merge_vector_untold(c, page->vector.p[i]);
	c->loose_stale |= c->nloose > 0;
	p->asking = false;
	join_answered(c, peer, page);
	if (p->ask_again)
		catchup_want(c, peer);
}

void catchup_page(struct core *c, const struct event *e)
{
	const struct page *page = e->page;
	struct peer *p = &c->peers[e->peer];

	if (!p->asking || page->id != p->ask_id)
		return; /* of a transfer that was given up */
	if (p->comparing) {
		if (compare_page(c, e->peer, page))
			go_on(c, e->peer);
		return;
	}
	for (uint32_t i = 0; i < page->norigins; i++)
		limits_know_origin(c, e->peer, &page->origins[i]);
	if (page->total)
		p->of = p->taken + page->total;
	p->taken += page->n;
	merge_items(c, e->peer, true, page->items, e->have, page->n);
	if (page->last) {
		page_ended(c, e->peer, page);
		note_loose(c, page);
		return;
	}
	note_loose(c, page);
	if (!page->swept && (!page->cursor || !page->cursor[0])) /* a new sweep */
		vv_join(&p->ask_vector, &p->ask_start);
	vv_copy(&p->ask_start, &page->start);
	free(p->ask_cursor);
	p->ask_cursor = core_strdup(page->cursor);
	p->ask_swept = page->swept;
	send_ask(c, e->peer);
}

void core_transfer(const struct core *c, uint32_t peer, struct core_transfer *to)
{
	const struct peer *p = &c->peers[peer];

	*to = (struct core_transfer){.asking = p->asking};
	if (!p->asking)
		return;
	to->comparing = p->comparing != COMPARE_NONE;
	to->since_msec = p->since;
	to->taken = p->taken;
	to->of = p->of > p->taken || p->of == 0 ? p->of : p->taken; /* it may have grown since */
}

/* ---- answering ---- */

struct filler {
	struct page *page;
	uint32_t cap;
	size_t bytes;
	uint32_t max; /* versions */
};

static bool filled(const struct filler *f)
{
	return f->page->n >= f->max || f->bytes >= PAGE_BYTES_MAX;
}

static void fill(struct filler *f, const struct key *k, struct version *v)
{
	struct page *p = f->page;

	GROW(p->items, p->n, f->cap);
	p->items[p->n++] = (struct item){core_strdup(k->path), version_get(v)};
	f->bytes += 256 + strlen(k->path) + v->context.n * sizeof(struct dot) + v->xattrs_len +
		    (v->target ? strlen(v->target) : 0);
}

/* From the cursor on, whatever the asker's vector does not cover. True when all
 * keys were gone through. */
static bool sweep(const struct core *c, const struct ask *ask, struct filler *f)
{
	struct key *k = key_first(c, ask->cursor ? ask->cursor : "");

	for (; k; k = key_next(k)) {
		if (filled(f))
			return false;
		for (uint32_t i = 0; i < key_versions(k); i++) {
			if (!vv_covers(&ask->vector, key_version(k, i)->dot))
				fill(f, k, key_version(k, i));
		}
		free(f->page->cursor);
		f->page->cursor = core_strdup(k->path);
	}
	return true;
}

/* For people: how many versions the asker lacks. */
static uint32_t count(const struct core *c, const struct ask *ask)
{
	uint32_t n = 0;

	for (const struct key *k = key_first(c, ""); k; k = key_next(k))
		for (uint32_t i = 0; i < k->n; i++)
			n += !vv_covers(&ask->vector, k->entry[i]->dot);
	return n;
}

/* What has come since the first page; what is loose is not claimed. False if it is too much for this
 * one. */
static bool fill_newer(const struct core *c, const struct ask *ask, struct filler *f)
{
	const struct vv *start = &f->page->start;

	if (vv_compare(start, &c->vector) == VV_EQUAL)
		return true;
	for (struct key *k = key_first(c, ""); k; k = key_next(k)) {
		for (uint32_t i = 0; i < key_versions(k); i++) {
			struct dot dot = key_version(k, i)->dot;

			if (vv_covers(&ask->vector, dot) || vv_covers(start, dot) ||
			    (i < k->n && !vv_covers(&c->vector, dot)))
				continue;
			if (filled(f))
				return false;
			fill(f, k, key_version(k, i));
		}
	}
	return true;
}

static void fill_origins(const struct core *c, struct page *page)
{
	uint32_t cap = 0;

	for (uint32_t i = 0; i < c->vector.n && page->norigins < ORIGINS_MAX; i++) {
		const char *node = core_origin_node(c, c->vector.p[i].origin);
		struct origin *o;

		if (!node)
			continue;
		GROW(page->origins, page->norigins, cap);
		o = &page->origins[page->norigins++];
		memset(o, 0, sizeof(*o));
		o->origin = c->vector.p[i].origin;
		strncpy(o->node, node, sizeof(o->node) - 1);
	}
}

void catchup_ask(struct core *c, const struct event *e)
{
	const struct ask *ask = e->ask;
	struct peer *p = &c->peers[e->peer];
	struct page *page = core_alloc(sizeof(*page));
	struct filler f = {.page = page, .max = c->conf.page_versions};
	struct effect *effect;
	bool first = !ask->swept && (!ask->cursor || !ask->cursor[0]);

	if (!f.max || f.max > PAGE_VERSIONS_MAX / 2)
		f.max = PAGE_VERSIONS_MAX / 2;
	page->id = ask->id;
	page->joining = c->joining;
	page->joined_with = !c->joining && ask->joining && p->heard_joining && !p->known;
	page->known = p->known;
	if (ask->joining) /* that it is established its heartbeat says, when that is durable */
		join_heard(c, e->peer, true);
	if (ask->compare) {
		compare_answer(c, ask, page);
		effect = effect_add(c, EFFECT_ANSWER, NULL);
		effect->peer = e->peer;
		effect->page = page;
		return;
	}
	if (first)
		page->total = count(c, ask);
	vv_copy(&page->start, first ? &c->vector : &ask->start);
	page->swept = ask->swept || sweep(c, ask, &f);
	if (page->swept && fill_newer(c, ask, &f)) {
		page->last = true;
		vv_copy(&page->vector, &c->vector);
		vv_copy(&page->floor, &c->floor);
		fill_origins(c, page);
	} else if (page->swept && ask->swept) {
		/* Too much is new: all over again, without what has been sent. */
		page->swept = false;
		free(page->cursor);
		page->cursor = NULL;
		vv_copy(&page->start, &c->vector);
		for (uint32_t i = 0; i < page->n; i++)
			item_fini(&page->items[i]);
		page->n = 0;
	}
	if (!page->cursor)
		page->cursor = core_strdup("");
	effect = effect_add(c, EFFECT_ANSWER, NULL);
	effect->peer = e->peer;
	effect->page = page;
}
