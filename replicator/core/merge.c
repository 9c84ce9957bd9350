/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Taking what others made: an origin's ops in their order, versions into
 * entries, contents that are still missing, and the absences of an op that wait
 * for its contents.
 */
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "replicator/core/parts.h"

static int want_order(struct want *a, struct want *b)
{
	return memcmp(a->hash.b, b->hash.b, sizeof(a->hash.b));
}

TREE(wants, want, link, want_order)

static int origin_order(struct origin_node *a, struct origin_node *b)
{
	return a->origin.origin < b->origin.origin ? -1 : a->origin.origin > b->origin.origin;
}

TREE(origins, origin_node, link, origin_order)

/* ---- origins and the vector ---- */

const char *core_origin_node(const struct core *c, uint64_t origin)
{
	struct origin_node probe, *found;

	probe.origin.origin = origin;
	found = RB_FIND(origins, (struct origins *)(uintptr_t)&c->origins, &probe);
	return found ? found->origin.node : NULL;
}

bool merge_origin_own(const struct core *c, uint64_t origin)
{
	const char *node = core_origin_node(c, origin);

	return node && strcmp(node, c->conf.node) == 0;
}

void merge_origin(struct core *c, const struct origin *o)
{
	struct origin_node *node;

	if (!o->origin || !o->node[0] || core_origin_node(c, o->origin))
		return;
	node = core_alloc(sizeof(*node));
	node->origin = *o;
	RB_INSERT(origins, &c->origins, node);
	if (c->started)
		store_origin(c, o);
}

static void origins_free(struct core *c)
{
	struct origin_node *o;

	while ((o = RB_MIN(origins, &c->origins))) {
		RB_REMOVE(origins, &c->origins, o);
		free(o);
	}
}

static void raise_vector(struct core *c, struct dot d, uint64_t untold)
{
	uint32_t at = 0;

	join_learned(c, d.origin);
	vv_raise(&c->vector, d);
	store_vector(c, d, untold);
	while (at < c->nrecent && c->recent[at].origin != d.origin)
		at++;
	if (at == c->nrecent && c->nrecent < HEARTBEAT_RECENT_MAX)
		c->nrecent++;
	else if (at == c->nrecent)
		at--; /* the oldest is forgotten */
	memmove(c->recent + 1, c->recent, at * sizeof(*c->recent));
	c->recent[0] = d;
}

void merge_vector(struct core *c, struct dot d)
{
	if (!vv_covers(&c->vector, d))
		raise_vector(c, d, 0);
}

void merge_vector_untold(struct core *c, struct dot d)
{
	if (!vv_covers(&c->vector, d))
		raise_vector(c, d, vv_get(&c->vector, d.origin) + 1);
}

/* ---- contents that are not here yet ---- */

struct want *want_find(const struct core *c, struct hash hash)
{
	struct want probe;

	probe.hash = hash;
	return RB_FIND(wants, (struct wants *)(uintptr_t)&c->wants, &probe);
}

void want_content(struct core *c, struct key *k, const struct version *v, uint32_t peer)
{
	struct want *w = want_find(c, v->attrs.hash);
	struct effect *e;

	if (!w) {
		w = core_alloc(sizeof(*w));
		w->hash = v->attrs.hash;
		w->size = v->attrs.size;
		w->peer = peer;
		RB_INSERT(wants, &c->wants, w);
		e = effect_add(c, EFFECT_FETCH, k->path);
		e->peer = peer;
		e->content.hash = w->hash;
		e->content.size = w->size;
	}
	GROW(w->keys, w->n, w->cap);
	w->keys[w->n++] = k;
	k->held++;
}

static bool has_shown(const struct key *k, const struct version *v)
{
	return key_present(k) && k->shown->attrs.kind == KIND_FILE &&
	       hash_same(k->shown->attrs.hash, v->attrs.hash);
}

/* Nobody remembers what an earlier life wanted, and what is lacking of what is not shown here (the
 * other side of a conflict, what is excluded, what cannot be put in place since something is in the
 * way) is not known: peers may get it from this node only. */
void wants_start(struct core *c)
{
	for (struct key *k = key_first(c, ""); k; k = key_next(k)) {
		for (uint32_t i = 0; i < k->n; i++) {
			const struct version *v = k->entry[i];

			if (v->attrs.kind == KIND_FILE && !has_shown(k, v) &&
			    v->attrs.size <= c->conf.max_file_size && !want_also(c, k, v->attrs.hash))
				want_content(c, k, v, place_teller(c, v));
		}
	}
}

/* A version whose content was said to be here can still find it wanted: it came in the same moment,
 * and CONTENT is yet to be given. */
bool want_also(struct core *c, struct key *k, struct hash hash)
{
	struct want *w = want_find(c, hash);

	if (!w)
		return false;
	for (uint32_t i = 0; i < w->n; i++) {
		if (w->keys[i] == k)
			return true;
	}
	GROW(w->keys, w->n, w->cap);
	w->keys[w->n++] = k;
	k->held++;
	return true;
}

static void want_free(struct core *c, struct want *w)
{
	RB_REMOVE(wants, &c->wants, w);
	free(w->keys);
	free(w);
}

void merge_content(struct core *c, struct hash hash)
{
	struct want *w = want_find(c, hash);
	struct key **keys;
	uint32_t n;

	if (!w)
		return;
	keys = w->keys;
	n = w->n;
	w->keys = NULL;
	want_free(c, w);
	for (uint32_t i = 0; i < n; i++) {
		keys[i]->held--;
		keys[i]->fetched = true;
		key_scratch(c, keys[i]);
		place_consider(c, keys[i]);
	}
	free(keys);
}

void wants_free(struct core *c)
{
	struct want *w;

	while ((w = RB_MIN(wants, &c->wants)))
		want_free(c, w);
	origins_free(c);
}

/* ---- absences that wait for the rest of their op ---- */

static void opwait_release(struct core *c, struct opwait *w)
{
	struct opwait **at = &c->opwaits;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	for (uint32_t i = 0; i < w->n; i++)
		w->absent[i]->opwait_absent = NULL;
	for (uint32_t i = 0; i < w->n; i++)
		place_consider(c, w->absent[i]);
	free(w->absent);
	free(w);
}

void opwait_placed(struct core *c, struct key *k)
{
	struct opwait *w = k->opwait;

	if (!w)
		return;
	k->opwait = NULL;
	key_scratch(c, k);
	if (--w->contents == 0)
		opwait_release(c, w);
}

/* Some of its contents are not installed here since the gate says so: what they take the place of
 * stays, too. */
static bool gate_delays(struct core *c, struct opwait *w)
{
	struct key *k;

	TAILQ_FOREACH(k, &c->unsettled, unsettled_link) {
		if (k->opwait != w || k->block != BLOCK_GATE)
			continue;
		w->deadline = c->now + OP_WAIT_MSEC;
		return true;
	}
	return false;
}

void opwaits_due(struct core *c)
{
	struct opwait *w = c->opwaits, *next;
	struct key *k = NULL;

	for (; w; w = next) {
		next = w->next;
		if (w->deadline > c->now || gate_delays(c, w))
			continue;
		for (k = key_first(c, ""); k; k = key_next(k)) {
			if (k->opwait == w)
				k->opwait = NULL;
		}
		opwait_release(c, w);
		next = c->opwaits; /* releasing may have released others */
	}
}

void opwaits_free(struct core *c)
{
	struct opwait *w;

	while ((w = c->opwaits)) {
		c->opwaits = w->next;
		free(w->absent);
		free(w);
	}
}

static struct opwait *opwait_for(struct core *c, struct dot dot)
{
	struct opwait *w = c->opwaits;

	while (w && !dot_same(w->dot, dot))
		w = w->next;
	if (w)
		return w;
	w = core_alloc(sizeof(*w));
	w->dot = dot;
	w->deadline = c->now + OP_WAIT_MSEC;
	w->next = c->opwaits;
	c->opwaits = w;
	return w;
}

/* What is to take the place of a directory of this op waits for what is in it to go. */
static bool makes_way(const struct core *c, const struct key *k, const struct opwait *w)
{
	for (k = key_parent(c, k); k; k = key_parent(c, k))
		if (k->opwait == w && key_visible(c, k).kind != KIND_DIR)
			return true;
	return false;
}

/* The keys of items that were added: absences wait for the live versions of the
 * same op, and hooks for all of these. */
void opwaits_make(struct core *c, struct key **keys, struct version **added, uint32_t n)
{
	bool live = false, absent = false, one_op = n > 1;

	for (uint32_t i = 0; i < n; i++) {
		live |= version_live(added[i]);
		absent |= !version_live(added[i]);
		one_op &= dot_same(added[i]->dot, added[0]->dot);
	}
	if (!live || (!absent && !one_op))
		return;
	for (uint32_t i = 0; i < n; i++) {
		struct opwait *w;

		if (!version_live(added[i]) || key_visible(c, keys[i]).version != added[i] ||
		    observe_local(c, keys[i], added[i]->attrs.kind == KIND_DIR))
			continue;
		opwait_placed(c, keys[i]); /* an older op need not wait for what is superseded */
		w = opwait_for(c, added[i]->dot);
		w->contents++;
		keys[i]->opwait = w;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct opwait *w = c->opwaits;

		while (w && !dot_same(w->dot, added[i]->dot))
			w = w->next;
		if (version_live(added[i]) || !w || keys[i]->opwait_absent ||
		    makes_way(c, keys[i], w))
			continue;
		GROW(w->absent, w->n, w->cap);
		w->absent[w->n++] = keys[i];
		keys[i]->opwait_absent = w;
	}
}

/* ---- versions ---- */

/* True: by this node, and for the first time. */
static bool refuse(struct core *c, uint32_t peer, struct key *k, struct version *v)
{
	struct effect *e;

	if (!refused_add(c, k, v))
		return false;
	if (!c->peers[peer].limited) { /* by others: its author is asked, where it is a peer */
		uint32_t author = place_teller(c, v);

		if (author < c->conf.npeers && author != peer && !c->peers[author].limited)
			catchup_want(c, author);
		return false;
	}
	e = effect_add(c, EFFECT_REFUSED, k->path);
	e->told.version = version_get(v);
	return true;
}

void merge_items(struct core *c, uint32_t peer, bool page, const struct item *items,
		 const bool *have, uint32_t n)
{
	struct key **keys = core_alloc(n * sizeof(struct key *));
	struct version **added = core_alloc(n * sizeof(struct version *));
	uint32_t count = 0, refused = 0;
	const char *first = NULL; /* of these */

	for (uint32_t i = 0; i < n; i++) {
		enum judgement judged;
		struct key *k;

		if (!path_valid(items[i].path))
			continue;
		k = key_get(c, items[i].path);
		key_scratch(c, k);
		judged = limits_judge(c, peer, k, items[i].version);
		if (judged != JUDGED_NOTHING && c->peers[peer].limited)
			limits_own_origin(c, peer, items[i].version->dot.origin);
		if (judged == JUDGED_REFUSED && refuse(c, peer, k, items[i].version) && !refused++)
			first = k->path;
		if (judged != JUDGED_TAKEN)
			continue;
		if (entry_merge(c, k, items[i].version, false) == MERGE_DROPPED)
			continue;
		compare_added(c, page ? peer : UINT32_MAX, items[i].version->dot);
		if (items[i].version->attrs.kind == KIND_FILE && !have[i] &&
		    items[i].version->attrs.size <= c->conf.max_file_size)
			want_content(c, k, items[i].version, peer);
		keys[count] = k;
		added[count++] = items[i].version;
	}
	limits_say(c, peer, first, refused);
	opwaits_make(c, keys, added, count);
	for (uint32_t i = 0; i < count; i++) {
		place_consider(c, keys[i]);
		place_above(c, keys[i]);
	}
	free(keys);
	free(added);
}

/* An op that does not follow on is not taken: taken out of order, it would make
 * this node claim what it has never seen. */
void merge_op(struct core *c, const struct event *e)
{
	const struct op *op = e->op;
	uint64_t seq = vv_get(&c->vector, op->dot.origin);

	if (!limits_origin(c, e->peer, op->dot.origin))
		return;
	if (op->dot.seq <= seq) { /* but what others have refused may be taken here */
		if (c->nrefused)
			merge_items(c, e->peer, false, op->items, e->have, op->n);
		return;
	}
	if (op->dot.seq != seq + 1) {
		catchup_want(c, e->peer);
		return;
	}
	limits_own_origin(c, e->peer, op->dot.origin);
	merge_items(c, e->peer, false, op->items, e->have, op->n);
	merge_vector(c, op->dot);
}
