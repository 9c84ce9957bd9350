/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * $GENERATE START-STOP[/STEP] LHS [TTL] [CLASS] TYPE RHS, as BIND has it ("BIND Master File
 * Extension: the $GENERATE Directive" in its reference manual): in LHS and RHS each $ is the number,
 * ${OFFSET,WIDTH,BASE} with an offset, at least that wide, in base d, o, x, X, or n, N: nibbles with
 * dots, the last one first. $$ and \$ are a $. RHS is one token: in quotes where it has blanks.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "replicator/zone/records_reader.h"

#define SIDE_MAX 65535   /* bytes of an expanded side, as in BIND */
#define NUMBER_MAX 128   /* of an expanded number, as in BIND */
#define REFERENCE_MAX 64 /* of "{OFFSET,WIDTH,BASE}" */

struct range {
	unsigned start, stop, step;
};

static const char *read_range(const struct master_token *t, struct range *range)
{
	char text[REFERENCE_MAX], slash[2];

	if (t->len >= sizeof(text))
		return "no range (START-STOP or START-STOP/STEP)";
	memcpy(text, t->text, t->len);
	text[t->len] = '\0';
	range->step = 1;
	int n = sscanf(text, "%u-%u%1[/]%u", &range->start, &range->stop, slash, &range->step);
	if ((n != 2 && n != 4) || range->start > range->stop || range->step == 0 ||
	    range->stop > INT_MAX)
		return "no range (START-STOP or START-STOP/STEP)";
	if ((range->stop - range->start) / range->step >= RECORDS_GENERATE_MAX)
		return "a range of more than 65536 records";
	return NULL;
}

/* Nibbles, the lowest first, with dots between; a width counts the dots, too. */
static void put_nibbles(struct buf *to, unsigned width, bool capitals, unsigned value)
{
	const char *digits = capitals ? "0123456789ABCDEF" : "0123456789abcdef";

	do {
		buf_u8(to, (uint8_t)digits[value & 15]);
		value >>= 4;
		width -= width > 0;
		if (width > 0 || value != 0) {
			buf_u8(to, '.');
			width -= width > 0;
		}
	} while (width > 0 || value != 0);
}

/* "{OFFSET,WIDTH,BASE}" at p, or nothing of the kind; returns its end, NULL: it is wrong. */
static const char *put_number(struct buf *to, const char *p, const char *end, unsigned number)
{
	char text[REFERENCE_MAX], base[2] = "d";
	size_t len = (size_t)(end - p) < sizeof(text) - 1 ? (size_t)(end - p) : sizeof(text) - 1;
	int offset = 0;
	unsigned width = 0;

	if (p < end && *p == '{') {
		memcpy(text, p, len);
		text[len] = '\0';
		const char *close = strchr(text, '}');
		if (sscanf(text, "{%d,%u,%1[doxXnN]}", &offset, &width, base) < 1 || !close)
			return NULL;
		p += close - text + 1;
	}
	long long value = (long long)number + offset;
	if (value < INT_MIN || value > INT_MAX || width >= NUMBER_MAX)
		return NULL;
	char digits[NUMBER_MAX + 16];
	int n = 0, w = (int)width, v = (int)value;
	switch (base[0]) {
	case 'n':
	case 'N':
		put_nibbles(to, width, base[0] == 'N', (unsigned)v);
		return p;
	case 'o':
		n = snprintf(digits, sizeof(digits), "%0*o", w, (unsigned)v);
		break;
	case 'x':
		n = snprintf(digits, sizeof(digits), "%0*x", w, (unsigned)v);
		break;
	case 'X':
		n = snprintf(digits, sizeof(digits), "%0*X", w, (unsigned)v);
		break;
	default:
		n = snprintf(digits, sizeof(digits), "%0*d", w, v);
	}
	buf_raw(to, digits, (size_t)n);
	return p;
}

/* A side for this number, NUL-terminated. NULL: all is well, else why not. */
static const char *expand(struct buf *to, const struct master_token *t, unsigned number)
{
	const char *p = t->text, *end = p + t->len;

	buf_reset(to);
	while (p && p < end) {
		if (*p == '\\' && p + 1 < end) {
			if (!t->quoted || p[1] != '"') /* its quotes are gone, so is their escape */
				buf_u8(to, '\\');
			buf_u8(to, (uint8_t)p[1]);
			p += 2;
		} else if (*p != '$') {
			buf_u8(to, (uint8_t)*p++);
		} else if (p + 1 < end && p[1] == '$') {
			buf_u8(to, '$');
			p += 2;
		} else {
			p = put_number(to, p + 1, end, number);
		}
	}
	buf_u8(to, 0);
	if (!p)
		return "not as in ${OFFSET,WIDTH,BASE}, or too large";
	return to->err ? "it becomes too long" : NULL;
}

/* The line for one number. The record's data are tokens again. */
static int one(struct reader *rd, struct reader_file *f, const struct master *m,
	       struct master_record *r, struct buf *side, unsigned number)
{
	const struct master_token *rhs = &m->tokens[m->n - 1];
	const char *why = expand(side, &m->tokens[2], number);
	struct master data;
	int err;

	if (!why) {
		err = reader_owner(rd, f, (char *)side->data, side->len - 1, m->line);
		if (err < 0)
			return err;
		why = expand(side, rhs, number);
	}
	if (why)
		return reader_wrong(rd, f, m->line, ERR_FORMAT, "$GENERATE: %s", why);
	rd->generated += side->len;
	if (rd->generated > RECORDS_BYTES_MAX)
		return reader_wrong(rd, f, m->line, ERR_LIMIT, "$GENERATE makes more than %u MiB",
				    RECORDS_BYTES_MAX >> 20);
	master_init(&data, (char *)side->data, side->len - 1);
	err = master_next(&data);
	if (err < 0) {
		err = reader_wrong(rd, f, m->line, err, "$GENERATE: %s", data.why);
	} else {
		r->rdata = data.tokens;
		r->n = data.n;
		for (size_t i = 0; i < data.n; i++)
			data.tokens[i].line = m->line;
		err = reader_take(rd, f, r, m->line);
	}
	master_fini(&data);
	return err;
}

int reader_generate(struct reader *rd, struct reader_file *f, const struct master *m)
{
	/* From LHS on it is a record with one token of data. */
	struct master line = {.tokens = m->tokens + 2, .n = m->n > 2 ? m->n - 2 : 0, .named = true};
	struct reader_file at = *f; /* the name of the records around it stays, and goes on */
	struct reader_run run = rd->run;
	struct master_record r;
	struct range range;
	struct buf side;
	int err = 0;

	if (!master_split(&line, &r) || r.n != 1)
		return reader_wrong(rd, f, m->line, ERR_FORMAT,
				    "not as in $GENERATE START-STOP[/STEP] NAME [TTL] [CLASS] TYPE "
				    "DATA (in quotes where it has blanks)");
	const char *why = read_range(&m->tokens[1], &range);
	if (why)
		return reader_wrong(rd, f, m->line, ERR_FORMAT, "$GENERATE: %s", why);
	buf_init(&side, SIDE_MAX);
	for (unsigned n = range.start; err == 0; n += range.step) {
		rd->run.n = 0; /* each by itself */
		err = one(rd, &at, m, &r, &side, n);
		if (range.stop - n < range.step)
			break;
	}
	buf_fini(&side);
	rd->run = run;
	return err;
}
