/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The serial is the third token of the rdata of the first SOA record, wherever its line ends,
 * parentheses and comments put it.
 */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/zone/master.h"
#include "replicator/zone/serial.h"

enum serial_order serial_compare(uint32_t a, uint32_t b)
{
	uint32_t ahead = a - b;

	if (ahead == 0)
		return SERIAL_EQUAL;
	if (ahead == 0x80000000u)
		return SERIAL_UNDEFINED;
	return ahead < 0x80000000u ? SERIAL_GREATER : SERIAL_LESS;
}

uint32_t serial_add(uint32_t a, uint32_t n)
{
	return a + n;
}

uint32_t serial_next(uint32_t highest, uint32_t own)
{
	if (serial_compare(own, highest) == SERIAL_GREATER)
		return own;
	uint32_t next = serial_add(highest, 1);
	return next ? next : 1;
}

static bool number(const struct master_token *t, uint32_t *value)
{
	uint64_t n = 0;

	if (t->quoted || t->len == 0)
		return false;
	for (size_t i = 0; i < t->len; i++) {
		if (t->text[i] < '0' || t->text[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(t->text[i] - '0');
		if (n > UINT32_MAX)
			return false;
	}
	*value = (uint32_t)n;
	return true;
}

static int found(const char *text, const struct master_record *r, struct serial_place *place,
		 const char **why)
{
	struct serial_place p = {.line = r->type->line};

	if (r->n < 3) {
		place->line = p.line;
		*why = "an SOA record without a serial";
		return ERR_FORMAT;
	}
	p.line = r->rdata[2].line;
	place->line = p.line;
	if (!number(&r->rdata[2], &p.value)) {
		*why = "the SOA record's serial is no number from 0 to 4294967295";
		return ERR_FORMAT;
	}
	p.start = (size_t)(r->rdata[2].text - text);
	p.end = p.start + r->rdata[2].len;
	*place = p;
	return 0;
}

int serial_find(const char *text, size_t len, struct serial_place *place, const char **why)
{
	struct master m;
	struct master_record rec;
	int r;

	*why = NULL;
	master_init(&m, text, len);
	r = master_check(&m);
	for (bool soa = false; r == 0 && !soa;) {
		r = master_next(&m);
		if (r < 0)
			break;
		if (r == 0) {
			r = ERR_UNKNOWN;
			break;
		}
		soa = !master_directive(&m) && master_split(&m, &rec) && master_is(rec.type, "SOA");
		r = soa ? found(text, &rec, place, why) : 0;
	}
	if (m.why) {
		*why = m.why;
		place->line = m.why_line;
	}
	master_fini(&m);
	return r;
}

static bool depends_on_serial(const struct master_token *type)
{
	static const char *const types[] = {"RRSIG",  "NSEC",   "NSEC3",  "ZONEMD",
					    "TYPE46", "TYPE47", "TYPE50", "TYPE63"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (master_is(type, types[i]))
			return true;
	return false;
}

int serial_signed(const char *text, size_t len)
{
	struct master m;
	struct master_record rec;
	bool is = false;
	int r;

	master_init(&m, text, len);
	r = master_check(&m);
	if (r == 0)
		while (!is && (r = master_next(&m)) > 0)
			is = !master_directive(&m) && master_split(&m, &rec) &&
			     depends_on_serial(rec.type);
	master_fini(&m);
	return r < 0 ? r : is;
}

void serial_rewrite(struct buf *to, const char *text, size_t len, const struct serial_place *place,
		    uint32_t serial)
{
	char digits[64];
	size_t width = place->end - place->start;
	int n =
	    snprintf(digits, sizeof(digits), "%0*u",
		     text[place->start] == '0' && width < sizeof(digits) ? (int)width : 1, serial);

	buf_raw(to, text, place->start);
	buf_raw(to, digits, (size_t)n);
	buf_raw(to, text + place->end, len - place->end);
}
