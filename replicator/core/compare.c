/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The full comparison: for whoever has missed that tombstones were collected. Where the sender's
 * floor (what these covered) is not reached by our vector, we may still hold what they deleted, and
 * nothing in the sender's entries says so. So before its vector is joined, what it covers and its
 * entries lack is dropped: it is dead.
 *
 * Our keys are gone through in ranges of a few; a digest says whether the sender's range is the
 * same; only where it is not, our dots are listed, and the sender says which are dead. The sender
 * keeps nothing, and what one page says stays true: dead is dead. Cut off, it begins again. When it
 * is through, the transfer goes on with what has come meanwhile, and only then is the vector joined.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/log.h"
#include "base/path.h"
#include "replicator/core/parts.h"

#define RANGE_KEYS 64
#define RANGES_MAX 256 /* in one ask */

static uint64_t entry_digest(const struct key *k)
{
	uint64_t path = XXH3_64bits(k->path, strlen(k->path)), digest = 0;

	for (uint32_t i = 0; i < key_versions(k); i++) {
		struct dot of = key_version(k, i)->dot, d = {htole64(of.origin), htole64(of.seq)};

		digest += XXH3_64bits_withSeed(&d, sizeof(d), path);
	}
	return digest;
}

static struct version *entry_find(const struct key *k, struct dot d)
{
	for (uint32_t i = 0; k && i < key_versions(k); i++) {
		if (dot_same(key_version(k, i)->dot, d))
			return key_version(k, i);
	}
	return NULL;
}

/* ---- the asking side ---- */

static void range_free(struct range *r)
{
	free(r->start);
	free(r->end);
}

void compare_end(struct peer *p)
{
	for (uint32_t i = 0; i < p->ndiffer; i++)
		range_free(&p->differ[i]);
	free(p->differ);
	p->differ = NULL;
	p->ndiffer = p->cap_differ = 0;
	for (uint32_t i = 0; i < p->nmarks; i++)
		free(p->marks[i].path);
	free(p->marks);
	p->marks = NULL;
	p->nmarks = p->cap_marks = 0;
	free(p->compare_cursor);
	p->compare_cursor = NULL;
	p->comparing = COMPARE_NONE;
}

static void mark(struct peer *p, const char *path, struct dot dot)
{
	GROW(p->marks, p->nmarks, p->cap_marks);
	p->marks[p->nmarks++] = (struct mark){core_strdup(path), dot};
}

static void mark_ranges(const struct core *c, struct peer *p)
{
	struct key *k = key_first(c, p->compare_cursor);
	uint64_t digest = 0;
	uint32_t keys = 0;

	for (; k && p->nmarks < RANGES_MAX; k = key_next(k)) {
		if (!key_versions(k))
			continue;
		digest += entry_digest(k);
		if (++keys < RANGE_KEYS)
			continue;
		mark(p, k->path, (struct dot){0, digest});
		digest = keys = 0;
	}
	if (!k)
		mark(p, "", (struct dot){0, digest});
}

/* As many of the differing ranges' dots as fit; the last range taken may be cut. */
static void mark_dots(const struct core *c, struct peer *p)
{
	uint32_t done = 0;

	for (; done < p->ndiffer; done++) {
		struct range *r = &p->differ[done];
		struct key *k = key_first(c, r->start);

		for (; k && (!r->end[0] || path_compare(k->path, r->end) <= 0); k = key_next(k)) {
			if (p->nmarks + key_versions(k) > MARKS_MAX && p->nmarks)
				break;
			for (uint32_t i = 0; i < key_versions(k) && p->nmarks < MARKS_MAX; i++)
				mark(p, k->path, key_version(k, i)->dot);
			free(r->start);
			r->start = core_strdup(k->path);
		}
		if (k && (!r->end[0] || path_compare(k->path, r->end) <= 0))
			break;
		range_free(r);
	}
	if (done)
		memmove(p->differ, p->differ + done, (p->ndiffer - done) * sizeof(*p->differ));
	p->ndiffer -= done;
}

static void ask(struct core *c, uint32_t peer)
{
	struct peer *p = &c->peers[peer];
	struct ask *a = core_alloc(sizeof(*a));
	struct effect *e;

	p->ask_id = ++c->last_ask;
	p->asked_at = c->now;
	a->id = p->ask_id;
	a->cursor = core_strdup(p->comparing == COMPARE_RANGES ? p->compare_cursor : "");
	a->joining = c->joining;
	a->compare = p->comparing;
	a->nmarks = p->nmarks;
	a->marks = core_alloc(p->nmarks * sizeof(*a->marks));
	for (uint32_t i = 0; i < p->nmarks; i++)
		a->marks[i] = (struct mark){core_strdup(p->marks[i].path), p->marks[i].dot};
	e = effect_add(c, EFFECT_ASK, NULL);
	e->peer = peer;
	e->ask = a;
}

void compare_start(struct core *c, uint32_t peer)
{
	struct peer *p = &c->peers[peer];

	compare_end(p);
	vv_clear(&p->compared);
	vv_clear(&p->compared_vector);
	vv_clear(&p->compared_late);
	p->compare_cursor = core_strdup("");
	p->comparing = COMPARE_RANGES;
	mark_ranges(c, p);
	ask(c, peer);
	effect_note(c, LOG_LEVEL_INFO, "compares in full with peer %s", p->name);
}

/* The sender said which ranges differ. True: all keys have been gone through. */
static bool ranges_found(struct peer *p, const struct page *page)
{
	bool last = true;

	for (uint32_t i = 0; i < p->nmarks; i++) {
		const char *end = p->marks[i].path;

		if (page->found[i]) {
			GROW(p->differ, p->ndiffer, p->cap_differ);
			p->differ[p->ndiffer++] =
			    (struct range){core_strdup(p->compare_cursor), core_strdup(end)};
		}
		free(p->compare_cursor);
		p->compare_cursor = core_strdup(end);
		last = !end[0];
	}
	return last;
}

/* What is dropped told others what is dead, as a tombstone does that is collected: from now on the
 * floor does. (The sender's may never be joined: our vector may reach it by then, through others.) */
static void dots_found(struct core *c, struct peer *p, const struct page *page)
{
	bool any = false;

	for (uint32_t i = 0; i < p->nmarks; i++) {
		struct key *k = key_find(c, p->marks[i].path);
		const struct version *v = entry_find(k, p->marks[i].dot);

		if (!page->found[i] || !v)
			continue;
		key_scratch(c, k);
		if (refused_release(c, k, p->marks[i].dot))
			continue;
		vv_join(&c->floor, &v->context);
		any = true;
		entry_drop(c, k, p->marks[i].dot);
		place_consider(c, k);
		place_above(c, k);
	}
	if (any)
		nodes_store_floor(c);
}

static void marks_clear(struct peer *p)
{
	for (uint32_t i = 0; i < p->nmarks; i++)
		free(p->marks[i].path);
	p->nmarks = 0;
}

/* What came from elsewhere between the first question and its answer was not asked about. */
static bool came_late(const struct peer *p)
{
	for (uint32_t i = 0; i < p->compared_late.n; i++) {
		if (vv_covers(&p->compared_vector, p->compared_late.p[i]))
			return true;
	}
	return false;
}

bool compare_page(struct core *c, uint32_t peer, const struct page *page)
{
	struct peer *p = &c->peers[peer];

	if (page->compare != p->comparing || page->nfound != p->nmarks)
		return false; /* no answer to what was asked: asked again in a while */
	if (!p->compared_vector.n) {
		vv_copy(&p->compared, &page->floor);
		vv_copy(&p->compared_vector, &page->vector);
		if (came_late(p))
			vv_clear(&p->compared);
	}
	if (p->comparing == COMPARE_RANGES)
		p->compare_swept = ranges_found(p, page);
	else
		dots_found(c, p, page);
	marks_clear(p);
	p->comparing = COMPARE_DOTS;
	mark_dots(c, p);
	if (!p->nmarks && !p->compare_swept) {
		p->comparing = COMPARE_RANGES;
		mark_ranges(c, p);
	}
	if (p->nmarks) {
		ask(c, peer);
		return false;
	}
	compare_end(p);
	return true;
}

/* Of each origin the first is enough: the asked one's vector covers it if it covers any. */
static void note_late(struct peer *p, struct dot d)
{
	if (vv_get(&p->compared_late, d.origin))
		vv_lower(&p->compared_late, (struct dot){d.origin, d.seq + 1});
	else
		vv_raise(&p->compared_late, d);
}

/* A version that came from elsewhere was not among those compared. */
void compare_added(struct core *c, uint32_t peer, struct dot d)
{
	for (uint32_t i = 0; i < c->conf.npeers; i++) {
		struct peer *p = &c->peers[i];

		if (i == peer)
			continue;
		if (vv_covers(&p->compared_vector, d))
			vv_clear(&p->compared);
		else if (p->comparing && !p->compared_vector.n)
			note_late(p, d);
	}
}

/* ---- the answering side ---- */

static uint8_t range_differs(const struct core *c, const char *start, const struct mark *m)
{
	uint64_t digest = 0;

	for (struct key *k = key_first(c, start); k; k = key_next(k)) {
		if (m->path[0] && path_compare(k->path, m->path) > 0)
			break;
		digest += entry_digest(k);
	}
	return digest != m->dot.seq;
}

static uint8_t is_dead(const struct core *c, const struct mark *m)
{
	return vv_covers(&c->vector, m->dot) && !entry_find(key_find(c, m->path), m->dot);
}

void compare_answer(const struct core *c, const struct ask *a, struct page *page)
{
	const char *start = a->cursor ? a->cursor : "";

	page->compare = a->compare;
	page->found = core_alloc(a->nmarks);
	page->nfound = a->nmarks;
	for (uint32_t i = 0; i < a->nmarks; i++) {
		if (a->compare == COMPARE_RANGES)
			page->found[i] = range_differs(c, start, &a->marks[i]);
		else
			page->found[i] = is_dead(c, &a->marks[i]);
		start = a->marks[i].path;
	}
	page->cursor = core_strdup("");
	vv_copy(&page->vector, &c->vector);
	vv_copy(&page->floor, &c->floor);
}
