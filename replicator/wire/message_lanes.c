/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The lanes beside the exchange of versions: contents in pieces, outcomes, waiting, listings, and
 * the log of the past.
 *
 *   want     = n u32, n * (hash, offset u64)
 *   pieces   = n u32, n * (hash, offset u64, total u64, status u8, bytes)
 *   outcomes = n u32, n * outcome
 *   outcome  = dot, path str, node str, wall i64 (ms), after u32 (ms, signed),
 *              installed u8 (1: no hook), hook str, status u32 (signed), words str, served str
 *   proofs   = anew u8, n u32, n * proof (proof.h)
 *   waitfor  = vector, served u8, path str, limit u32 (ms)
 *   listing  = next str, n u32, n * (path str, digest u64)
 *   recall   = n u32, n * (origin u64, first u64, last u64)
 *   records  = n u32, n * item, whole u32, upto u64, flags u8 (1: looking)
 *   peek     = node str, patterns u64, cursor str
 *   peeked   = node str, as str, patterns u64, wall i64 (ms), flags u8, n u32, n * item, next str
 *   flags    = 1 joining, 2 paused, 4 known, 8 receive-only
 *   would    = n u32, n * item
 *   verdict  = kind u8 (0 yes, 1 no, 2 not known), words str
 */
#include <stdlib.h>
#include <string.h>

#include "replicator/wire/codec.h"

#define WANT_LEAST 24 /* bytes */
#define PIECE_LEAST 37
#define OUTCOME_LEAST 43
#define PROOF_LEAST 49
#define LISTED_LEAST 11
#define HOOK_NAME_MAX 255
#define RANGE_BYTES 24

enum { PEEKED_JOINING = 1, PEEKED_PAUSED = 2, PEEKED_KNOWN = 4, PEEKED_RECEIVE_ONLY = 8 };
#define PEEKED_ALL 15

/* ---- contents ---- */

void buf_want_body(struct buf *b, const struct message *m)
{
	buf_u32(b, m->pieces.n);
	for (uint32_t i = 0; i < m->pieces.n; i++) {
		buf_hash(b, m->pieces.p[i].hash);
		buf_u64(b, m->pieces.p[i].offset);
	}
}

void rd_want_body(struct rd *r, struct message *m)
{
	m->pieces.n = rd_count(r, WIRE_WANT_MAX, WANT_LEAST);
	for (uint32_t i = 0; i < m->pieces.n; i++) {
		struct wire_piece *p = &m->pieces.p[i];

		p->hash = rd_hash(r);
		p->offset = rd_u64(r);
		if (p->offset > VERSION_SIZE_MAX)
			rd_fail(r);
	}
}

void buf_pieces_body(struct buf *b, const struct message *m)
{
	buf_u32(b, m->pieces.n);
	for (uint32_t i = 0; i < m->pieces.n; i++) {
		const struct wire_piece *p = &m->pieces.p[i];

		buf_hash(b, p->hash);
		buf_u64(b, p->offset);
		buf_u64(b, p->total);
		buf_u8(b, p->status);
		buf_bytes(b, p->p, p->len);
	}
}

static bool piece_sound(const struct wire_piece *p)
{
	if (p->status > 1)
		return false;
	if (p->status == 1)
		return p->len == 0;
	return p->total <= VERSION_SIZE_MAX && p->offset <= p->total &&
	       p->len <= p->total - p->offset;
}

void rd_pieces_body(struct rd *r, struct message *m)
{
	size_t all = 0;

	m->pieces.n = rd_count(r, WIRE_WANT_MAX, PIECE_LEAST);
	for (uint32_t i = 0; i < m->pieces.n; i++) {
		struct wire_piece *p = &m->pieces.p[i];

		p->hash = rd_hash(r);
		p->offset = rd_u64(r);
		p->total = rd_u64(r);
		p->status = rd_u8(r);
		p->p = rd_bytes(r, &p->len, WIRE_PIECE_MAX);
		all += p->len;
		if (all > WIRE_PIECES_MAX || !piece_sound(p))
			rd_fail(r);
	}
}

/* ---- outcomes ---- */

void buf_outcome(struct buf *b, const struct outcome *o)
{
	buf_dot(b, o->dot);
	buf_str(b, o->path);
	buf_str(b, o->node);
	buf_i64(b, o->wall_msec);
	buf_u32(b, (uint32_t)o->after_msec);
	buf_u8(b, o->hook == NULL);
	buf_words(b, o->hook, HOOK_NAME_MAX);
	buf_u32(b, (uint32_t)o->status);
	buf_words(b, o->words, WIRE_WORDS_MAX);
	buf_words(b, o->served, WIRE_SERVED_MAX);
}

void rd_outcome(struct rd *r, struct outcome *o)
{
	char node[NODE_NAME_MAX];

	o->dot = rd_dot(r);
	o->path = rd_path(r);
	rd_node(r, node);
	if (!r->err) {
		o->node = strdup(node);
		if (!o->node)
			rd_fail(r);
	}
	o->wall_msec = rd_i64(r);
	o->after_msec = (int32_t)rd_u32(r);
	bool installed = rd_bool(r);
	o->hook = rd_str(r, HOOK_NAME_MAX);
	if (o->hook && installed) {
		if (o->hook[0])
			rd_fail(r);
		free(o->hook);
		o->hook = NULL;
	}
	o->status = (int32_t)rd_u32(r);
	o->words = rd_str(r, WIRE_WORDS_MAX);
	o->served = rd_str(r, WIRE_SERVED_MAX);
}

void buf_outcomes_body(struct buf *b, const struct message *m)
{
	buf_u32(b, m->outcomes.n);
	for (uint32_t i = 0; i < m->outcomes.n; i++)
		buf_outcome(b, &m->outcomes.o[i]);
}

void rd_outcomes_body(struct rd *r, struct message *m)
{
	uint32_t n = rd_count(r, WIRE_OUTCOMES_MAX, OUTCOME_LEAST);

	m->outcomes.o = rd_array(r, n, sizeof(*m->outcomes.o));
	while (!r->err && m->outcomes.n < n)
		rd_outcome(r, &m->outcomes.o[m->outcomes.n++]);
}

void buf_proofs_body(struct buf *b, const struct message *m)
{
	buf_u8(b, m->proofs.anew);
	buf_u32(b, m->proofs.n);
	for (uint32_t i = 0; i < m->proofs.n; i++)
		buf_proof(b, &m->proofs.p[i]);
}

void rd_proofs_body(struct rd *r, struct message *m)
{
	m->proofs.anew = rd_bool(r);
	uint32_t n = rd_count(r, WIRE_PROOFS_MAX, PROOF_LEAST);

	m->proofs.p = rd_array(r, n, sizeof(*m->proofs.p));
	while (!r->err && m->proofs.n < n)
		rd_proof(r, &m->proofs.p[m->proofs.n++]);
}

/* ---- waiting ---- */

void buf_waitfor_body(struct buf *b, const struct message *m)
{
	buf_vv(b, &m->waitfor.vector);
	buf_u8(b, m->waitfor.served);
	buf_str(b, m->waitfor.path);
	buf_u32(b, m->waitfor.limit_msec);
}

void rd_waitfor_body(struct rd *r, struct message *m)
{
	rd_vv(r, &m->waitfor.vector);
	m->waitfor.served = rd_bool(r);
	m->waitfor.path = rd_path_or_root(r);
	m->waitfor.limit_msec = rd_u32(r);
}

/* ---- listings ---- */

void buf_listing_body(struct buf *b, const struct message *m)
{
	buf_str(b, m->listing.next);
	buf_u32(b, m->listing.n);
	for (uint32_t i = 0; i < m->listing.n; i++) {
		buf_str(b, m->listing.p[i].path);
		buf_u64(b, m->listing.p[i].digest);
	}
}

void rd_listing_body(struct rd *r, struct message *m)
{
	m->listing.next = rd_path_or_root(r);
	uint32_t n = rd_count(r, WIRE_LISTING_MAX, LISTED_LEAST);
	m->listing.p = rd_array(r, n, sizeof(*m->listing.p));
	while (!r->err && m->listing.n < n) {
		struct wire_listed *l = &m->listing.p[m->listing.n++];

		l->path = rd_path(r);
		l->digest = rd_u64(r);
	}
}

/* ---- the log of the past ---- */

void buf_recall_body(struct buf *b, const struct message *m)
{
	buf_u32(b, m->recall.n);
	for (uint32_t i = 0; i < m->recall.n; i++) {
		buf_u64(b, m->recall.p[i].origin);
		buf_u64(b, m->recall.p[i].first);
		buf_u64(b, m->recall.p[i].last);
	}
}

void rd_recall_body(struct rd *r, struct message *m)
{
	m->recall.n = rd_count(r, WIRE_RANGES_MAX, RANGE_BYTES);
	for (uint32_t i = 0; i < m->recall.n; i++) {
		struct wire_range *p = &m->recall.p[i];

		p->origin = rd_u64(r);
		p->first = rd_u64(r);
		p->last = rd_u64(r);
		if (p->origin < 1 || p->origin > INT64_MAX || p->first < 1 || p->last < p->first ||
		    p->last > INT64_MAX)
			rd_fail(r);
	}
}

void buf_records_body(struct buf *b, const struct message *m)
{
	buf_u32(b, m->records.n);
	for (uint32_t i = 0; i < m->records.n; i++)
		buf_item(b, &m->records.items[i]);
	buf_u32(b, m->records.whole);
	buf_u64(b, m->records.upto);
	buf_u8(b, m->records.looking);
}

void rd_records_body(struct rd *r, struct message *m)
{
	m->records.items = rd_items(r, &m->records.n, WIRE_RECORDS_MAX);
	m->records.whole = rd_u32(r);
	m->records.upto = rd_u64(r);
	m->records.looking = rd_bool(r);
	if (m->records.whole > WIRE_RANGES_MAX || m->records.upto > INT64_MAX)
		rd_fail(r);
}

/* ---- who would like to join ---- */

void buf_peek_body(struct buf *b, const struct message *m)
{
	buf_str(b, m->peek.node);
	buf_u64(b, m->peek.patterns);
	buf_str(b, m->peek.cursor);
}

void rd_peek_body(struct rd *r, struct message *m)
{
	rd_node(r, m->peek.node);
	m->peek.patterns = rd_u64(r);
	m->peek.cursor = rd_path_or_root(r);
}

void buf_peeked_body(struct buf *b, const struct message *m)
{
	const struct wire_peeked *p = &m->peeked;

	buf_str(b, p->node);
	buf_str(b, p->as);
	buf_u64(b, p->patterns);
	buf_i64(b, p->wall_msec);
	buf_u8(b, (uint8_t)((p->joining ? PEEKED_JOINING : 0) | (p->paused ? PEEKED_PAUSED : 0) |
			    (p->known ? PEEKED_KNOWN : 0) |
			    (p->receive_only ? PEEKED_RECEIVE_ONLY : 0)));
	buf_u32(b, p->n);
	for (uint32_t i = 0; i < p->n; i++)
		buf_item(b, &p->items[i]);
	buf_str(b, p->next);
}

void rd_peeked_body(struct rd *r, struct message *m)
{
	struct wire_peeked *p = &m->peeked;

	rd_node(r, p->node);
	rd_node(r, p->as);
	p->patterns = rd_u64(r);
	p->wall_msec = rd_i64(r);
	uint8_t flags = rd_u8(r);
	if (flags & ~PEEKED_ALL)
		rd_fail(r);
	p->joining = flags & PEEKED_JOINING;
	p->paused = flags & PEEKED_PAUSED;
	p->known = flags & PEEKED_KNOWN;
	p->receive_only = flags & PEEKED_RECEIVE_ONLY;
	p->items = rd_items(r, &p->n, PAGE_VERSIONS_MAX);
	p->next = rd_path_or_root(r);
}

/* ---- what would be installed ---- */

void buf_would_body(struct buf *b, const struct message *m)
{
	buf_u32(b, m->would.n);
	for (uint32_t i = 0; i < m->would.n; i++)
		buf_item(b, &m->would.items[i]);
}

void rd_would_body(struct rd *r, struct message *m)
{
	m->would.items = rd_items(r, &m->would.n, WIRE_WOULD_MAX);
	if (m->would.n == 0)
		rd_fail(r);
}

void buf_verdict_body(struct buf *b, const struct message *m)
{
	buf_u8(b, (uint8_t)m->verdict.kind);
	buf_words(b, m->verdict.words, WIRE_WORDS_MAX);
}

void rd_verdict_body(struct rd *r, struct message *m)
{
	uint8_t kind = rd_u8(r);

	if (kind > WIRE_UNKNOWN)
		rd_fail(r);
	else
		m->verdict.kind = (enum wire_verdict)kind;
	m->verdict.words = rd_str(r, WIRE_WORDS_MAX);
}
