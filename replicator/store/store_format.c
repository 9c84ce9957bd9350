/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The bytes that only this store reads again:
 *
 *   shown  = u8 FORMAT, ident, attrs, context vector, origin u64, seq u64, floor i64 (ns),
 *            its content's hash, flags u8 (1 raised, 2 leftover)
 *   intent = u8 FORMAT, kind u8, fhandle, attrs, context vector, origin u64, seq u64,
 *            flags u8 (1 raised)
 *
 * An origin of 0 is "no version".
 */
#include "replicator/store/internal.h"

#define FORMAT 1

enum { FLAG_RAISED = 1, FLAG_LEFTOVER = 2 };

static struct dot rd_dot_or_none(struct rd *r)
{
	struct dot d = {.origin = rd_u64(r), .seq = 0};

	d.seq = rd_u64(r);
	if (d.origin > INT64_MAX || d.seq > INT64_MAX || (d.origin == 0) != (d.seq == 0))
		rd_fail(r);
	return d;
}

static uint8_t rd_flags(struct rd *r, unsigned all)
{
	uint8_t flags = rd_u8(r);

	if (flags & ~all)
		rd_fail(r);
	return flags;
}

static void rd_format(struct rd *r)
{
	if (rd_u8(r) != FORMAT)
		rd_fail(r);
}

void buf_shown(struct buf *b, const struct shown *s)
{
	buf_u8(b, FORMAT);
	buf_ident(b, &s->ident);
	buf_attrs(b, &s->attrs);
	buf_vv(b, &s->context);
	buf_dot(b, s->dot);
	buf_i64(b, s->floor_nsec);
	buf_hash(b, s->floor_hash);
	buf_u8(b, (uint8_t)((s->raised ? FLAG_RAISED : 0) | (s->leftover ? FLAG_LEFTOVER : 0)));
}

void rd_shown(struct rd *r, struct shown *s)
{
	*s = (struct shown){0};
	rd_format(r);
	rd_ident(r, &s->ident);
	rd_attrs(r, &s->attrs);
	rd_vv(r, &s->context);
	s->dot = rd_dot_or_none(r);
	s->floor_nsec = rd_i64(r);
	s->floor_hash = rd_hash(r);
	uint8_t flags = rd_flags(r, FLAG_RAISED | FLAG_LEFTOVER);
	s->raised = flags & FLAG_RAISED;
	s->leftover = flags & FLAG_LEFTOVER;
}

void buf_intent(struct buf *b, const struct intent *i)
{
	buf_u8(b, FORMAT);
	buf_u8(b, (uint8_t)i->kind);
	buf_fhandle(b, &i->handle);
	buf_attrs(b, &i->attrs);
	buf_vv(b, &i->context);
	buf_dot(b, i->dot);
	buf_u8(b, i->raised ? FLAG_RAISED : 0);
}

void rd_intent(struct rd *r, struct intent *i)
{
	*i = (struct intent){0};
	rd_format(r);
	uint8_t kind = rd_u8(r);
	if (kind > INTENT_REMOVE)
		rd_fail(r);
	else
		i->kind = (enum intent_kind)kind;
	rd_fhandle(r, &i->handle);
	rd_attrs(r, &i->attrs);
	rd_vv(r, &i->context);
	i->dot = rd_dot_or_none(r);
	i->raised = rd_flags(r, FLAG_RAISED) & FLAG_RAISED;
}
