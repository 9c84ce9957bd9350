/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What cores tell each other, in bytes: ops, heartbeats, and the pages of a catch-up.
 *
 *   op        = dot, n u32, n * (item, content)
 *   item      = path str, version bytes
 *   heartbeat = digest u64, ops u64, tree u64, pending u32, lag u32 (ms), failing u32,
 *               conflicts u32, flags u8, wall i64 (ms), n u32, n * dot, patterns u64
 *   flags     = 1 joining, 2 paused, 4 refusing
 *   ask       = transfer u64, vector, start vector, cursor str, flags u8, compare
 *   compare   = u8 0 | u8 1 ranges, n u32, n * (path str, digest u64) | u8 2 dots, n u32, n * (path str, dot)
 *   page      = transfer u64, n u32, n * item, m u32, m * (origin u64, node str), start vector,
 *               cursor str, total u32, flags u8, vector, floor vector, compared
 *   compared  = u8 0 | (u8 1 | u8 2), n u32, n * u8 (0, 1)
 *   nodes     = n u32, n * (node str, covers vector, heard i64 (ms), forgotten u64)
 *   flags     = 1 swept, 2 joining, 4 last, 8 joined with, 16 known
 */
#include <stdlib.h>

#include "base/path.h"
#include "replicator/wire/codec.h"

#define ITEM_LEAST 8 /* bytes: lengths and a path of one byte */
#define ORIGIN_LEAST 11
#define DOT_BYTES 16
#define MARK_LEAST 10
#define NODE_LEAST 23

enum { BEAT_JOINING = 1, BEAT_PAUSED = 2, BEAT_REFUSING = 4 };
enum {
	FLAG_SWEPT = 1,
	FLAG_JOINING = 2,
	FLAG_LAST = 4,
	FLAG_JOINED_WITH = 8,
	FLAG_KNOWN = 16,
};

static uint8_t rd_flags(struct rd *r, unsigned all)
{
	uint8_t flags = rd_u8(r);

	if (flags & ~all)
		rd_fail(r);
	return flags;
}

/* ---- items ---- */

void buf_item(struct buf *b, const struct item *i)
{
	buf_str(b, i->path);
	size_t at = b->len;
	buf_u32(b, 0);
	buf_version(b, i->version);
	if (!b->err)
		buf_put_u32_at(b, at, (uint32_t)(b->len - at - 4));
}

static void rd_item(struct rd *r, struct item *i)
{
	struct rd inner;
	size_t len;

	i->path = rd_path(r);
	const uint8_t *p = rd_bytes(r, &len, WIRE_MESSAGE_MAX);
	if (r->err)
		return;
	rd_init(&inner, p, len);
	i->version = rd_version(&inner);
	if (rd_end(&inner))
		rd_fail(r);
}

struct item *rd_items(struct rd *r, uint32_t *n, uint32_t max)
{
	uint32_t count = rd_count(r, max, ITEM_LEAST);
	struct item *items = rd_array(r, count, sizeof(*items));

	while (items && *n < count && !r->err)
		rd_item(r, &items[(*n)++]);
	return items;
}

/* ---- op ---- */

void buf_op_body(struct buf *b, const struct message *m)
{
	const struct op *op = &m->op.op;

	buf_dot(b, op->dot);
	buf_u32(b, op->n);
	for (uint32_t i = 0; i < op->n; i++) {
		const struct wire_content *c = m->op.contents ? &m->op.contents[i] : NULL;

		buf_item(b, &op->items[i]);
		buf_u8(b, c && c->p);
		if (c && c->p)
			buf_bytes(b, c->p, c->len);
	}
}

/* Inline content belongs to a file of just that size; *total is what the op has had of it. */
static void rd_content(struct rd *r, struct wire_content *c, const struct version *v, size_t *total)
{
	if (!rd_bool(r))
		return;
	c->p = rd_bytes(r, &c->len, WIRE_INLINE_MAX);
	if (r->err)
		return;
	*total += c->len;
	if (v->attrs.kind != KIND_FILE || v->attrs.size != c->len || *total > WIRE_OP_INLINE_MAX)
		rd_fail(r);
}

void rd_op_body(struct rd *r, struct message *m)
{
	struct op *op = &m->op.op;
	size_t total = 0;

	op->dot = rd_dot(r);
	uint32_t n = rd_count(r, OP_VERSIONS_MAX, ITEM_LEAST);
	if (n == 0)
		rd_fail(r);
	op->items = rd_array(r, n, sizeof(*op->items));
	m->op.contents = rd_array(r, n, sizeof(*m->op.contents));
	while (!r->err && op->n < n) {
		struct item *item = &op->items[op->n];
		struct wire_content *c = &m->op.contents[op->n++];

		rd_item(r, item);
		if (!r->err && !dot_same(item->version->dot, op->dot))
			rd_fail(r);
		if (!r->err)
			rd_content(r, c, item->version, &total);
	}
}

/* ---- heartbeat ---- */

void buf_heartbeat_body(struct buf *b, const struct message *m)
{
	const struct heartbeat *h = &m->heartbeat.heartbeat;

	buf_u64(b, h->digest);
	buf_u64(b, h->ops);
	buf_u64(b, h->tree);
	buf_u32(b, h->pending);
	buf_u32(b, h->lag_msec);
	buf_u32(b, h->failing);
	buf_u32(b, h->conflicts);
	buf_u8(b, (uint8_t)((h->joining ? BEAT_JOINING : 0) | (h->paused ? BEAT_PAUSED : 0) |
			    (h->refusing ? BEAT_REFUSING : 0)));
	buf_i64(b, h->wall_msec);
	buf_u32(b, h->nrecent);
	for (uint32_t i = 0; i < h->nrecent; i++)
		buf_dot(b, h->recent[i]);
	buf_u64(b, m->heartbeat.patterns);
}

void rd_heartbeat_body(struct rd *r, struct message *m)
{
	struct heartbeat *h = &m->heartbeat.heartbeat;

	h->digest = rd_u64(r);
	h->ops = rd_u64(r);
	h->tree = rd_u64(r);
	h->pending = rd_u32(r);
	h->lag_msec = rd_u32(r);
	h->failing = rd_u32(r);
	h->conflicts = rd_u32(r);
	uint8_t flags = rd_u8(r);
	if (flags & ~(BEAT_JOINING | BEAT_PAUSED | BEAT_REFUSING))
		rd_fail(r);
	h->joining = flags & BEAT_JOINING;
	h->paused = flags & BEAT_PAUSED;
	h->refusing = flags & BEAT_REFUSING;
	h->wall_msec = rd_i64(r);
	h->nrecent = rd_count(r, HEARTBEAT_RECENT_MAX, DOT_BYTES);
	for (uint32_t i = 0; i < h->nrecent; i++)
		h->recent[i] = rd_dot(r);
	m->heartbeat.patterns = rd_u64(r);
}

/* ---- catch-up ---- */

static enum compare rd_compare(struct rd *r)
{
	uint8_t compare = rd_u8(r);

	if (compare > COMPARE_DOTS)
		rd_fail(r);
	return r->err ? COMPARE_NONE : (enum compare)compare;
}

static void buf_marks(struct buf *b, const struct ask *a)
{
	buf_u8(b, (uint8_t)a->compare);
	if (a->compare == COMPARE_NONE)
		return;
	buf_u32(b, a->nmarks);
	for (uint32_t i = 0; i < a->nmarks; i++) {
		buf_str(b, a->marks[i].path);
		if (a->compare == COMPARE_RANGES)
			buf_u64(b, a->marks[i].dot.seq);
		else
			buf_dot(b, a->marks[i].dot);
	}
}

/* Ranges follow each other; only the last may be open. */
static void rd_range(struct rd *r, const struct ask *a, struct mark *m, bool last)
{
	const char *before = a->nmarks ? a->marks[a->nmarks - 1].path : a->cursor;

	m->path = rd_path_or_root(r);
	m->dot.seq = rd_u64(r);
	if (r->err)
		return;
	if (!m->path[0] ? !last : before[0] && path_compare(before, m->path) >= 0)
		rd_fail(r);
}

static void rd_marks(struct rd *r, struct ask *a)
{
	a->compare = rd_compare(r);
	if (a->compare == COMPARE_NONE)
		return;
	uint32_t n = rd_count(r, MARKS_MAX, MARK_LEAST);
	a->marks = rd_array(r, n, sizeof(*a->marks));
	while (!r->err && a->nmarks < n) {
		struct mark *m = &a->marks[a->nmarks];

		if (a->compare == COMPARE_RANGES) {
			rd_range(r, a, m, a->nmarks + 1 == n);
		} else {
			m->path = rd_path(r);
			m->dot = rd_dot(r);
		}
		a->nmarks++;
	}
}

static void buf_found(struct buf *b, const struct page *p)
{
	buf_u8(b, (uint8_t)p->compare);
	if (p->compare == COMPARE_NONE)
		return;
	buf_u32(b, p->nfound);
	buf_raw(b, p->found, p->nfound);
}

static void rd_found(struct rd *r, struct page *p)
{
	p->compare = rd_compare(r);
	if (p->compare == COMPARE_NONE)
		return;
	uint32_t n = rd_count(r, MARKS_MAX, 1);
	p->found = rd_array(r, n, 1);
	while (!r->err && p->nfound < n)
		p->found[p->nfound++] = rd_bool(r);
}

void buf_ask_body(struct buf *b, const struct message *m)
{
	const struct ask *a = &m->ask;

	buf_u64(b, a->id);
	buf_vv(b, &a->vector);
	buf_vv(b, &a->start);
	buf_str(b, a->cursor);
	buf_u8(b, (uint8_t)((a->swept ? FLAG_SWEPT : 0) | (a->joining ? FLAG_JOINING : 0)));
	buf_marks(b, a);
}

void rd_ask_body(struct rd *r, struct message *m)
{
	struct ask *a = &m->ask;

	a->id = rd_u64(r);
	rd_vv(r, &a->vector);
	rd_vv(r, &a->start);
	a->cursor = rd_path_or_root(r);
	uint8_t flags = rd_flags(r, FLAG_SWEPT | FLAG_JOINING);
	a->swept = flags & FLAG_SWEPT;
	a->joining = flags & FLAG_JOINING;
	if (!r->err)
		rd_marks(r, a);
}

static void rd_origins(struct rd *r, struct page *p)
{
	uint32_t n = rd_count(r, ORIGINS_MAX, ORIGIN_LEAST);

	p->origins = rd_array(r, n, sizeof(*p->origins));
	while (!r->err && p->norigins < n) {
		struct origin *o = &p->origins[p->norigins++];

		o->origin = rd_u64(r);
		if (o->origin < 1 || o->origin > INT64_MAX)
			rd_fail(r);
		rd_node(r, o->node);
	}
}

void buf_page_body(struct buf *b, const struct message *m)
{
	const struct page *p = &m->page;
	unsigned flags = (p->swept ? FLAG_SWEPT : 0) | (p->joining ? FLAG_JOINING : 0) |
			 (p->last ? FLAG_LAST : 0) | (p->joined_with ? FLAG_JOINED_WITH : 0) |
			 (p->known ? FLAG_KNOWN : 0);

	buf_u64(b, p->id);
	buf_u32(b, p->n);
	for (uint32_t i = 0; i < p->n; i++)
		buf_item(b, &p->items[i]);
	buf_u32(b, p->norigins);
	for (uint32_t i = 0; i < p->norigins; i++) {
		buf_u64(b, p->origins[i].origin);
		buf_str(b, p->origins[i].node);
	}
	buf_vv(b, &p->start);
	buf_str(b, p->cursor);
	buf_u32(b, p->total);
	buf_u8(b, (uint8_t)flags);
	buf_vv(b, &p->vector);
	buf_vv(b, &p->floor);
	buf_found(b, p);
}

void rd_page_body(struct rd *r, struct message *m)
{
	struct page *p = &m->page;

	p->id = rd_u64(r);
	p->items = rd_items(r, &p->n, PAGE_VERSIONS_MAX);
	rd_origins(r, p);
	rd_vv(r, &p->start);
	p->cursor = rd_path_or_root(r);
	p->total = rd_u32(r);
	uint8_t flags =
	    rd_flags(r, FLAG_SWEPT | FLAG_JOINING | FLAG_LAST | FLAG_JOINED_WITH | FLAG_KNOWN);
	p->swept = flags & FLAG_SWEPT;
	p->joining = flags & FLAG_JOINING;
	p->last = flags & FLAG_LAST;
	p->joined_with = flags & FLAG_JOINED_WITH;
	p->known = flags & FLAG_KNOWN;
	rd_vv(r, &p->vector);
	rd_vv(r, &p->floor);
	rd_found(r, p);
}

/* ---- nodes ---- */

void buf_nodes_body(struct buf *b, const struct message *m)
{
	buf_u32(b, m->nodes.n);
	for (uint32_t i = 0; i < m->nodes.n; i++) {
		const struct known_node *k = &m->nodes.p[i];

		buf_str(b, k->name);
		buf_vv(b, &k->covers);
		buf_i64(b, k->heard_msec);
		buf_u64(b, k->forgotten);
	}
}

void rd_nodes_body(struct rd *r, struct message *m)
{
	uint32_t n = rd_count(r, NODES_KNOWN_MAX, NODE_LEAST);

	m->nodes.p = rd_array(r, n, sizeof(*m->nodes.p));
	while (!r->err && m->nodes.n < n) {
		struct known_node *k = &m->nodes.p[m->nodes.n++];

		rd_node(r, k->name);
		rd_vv(r, &k->covers);
		k->heard_msec = rd_i64(r);
		k->forgotten = rd_u64(r);
	}
}
