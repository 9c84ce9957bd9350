/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The serial of a zone: its arithmetic (RFC 1982, with 32 bits), where it stands in the zone's text,
 * and how it is replaced there with every other byte untouched. Pure.
 */
#ifndef ZONE_SERIAL_H
#define ZONE_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* RFC 1982, 3.2: what two serials are to each other. Serials half the circle apart (2^31) are
 * undefined: neither is greater, and a secondary may do either. */
enum serial_order { SERIAL_EQUAL, SERIAL_LESS, SERIAL_GREATER, SERIAL_UNDEFINED };

#define SERIAL_ADD_MAX 0x7fffffffu /* RFC 1982, 3.1 */

enum serial_order serial_compare(uint32_t a, uint32_t b); /* "a is ... b" */
/* a + n; n is at most SERIAL_ADD_MAX. */
uint32_t serial_add(uint32_t a, uint32_t n);
/* What a version gets whose text says `own`, where `highest` is the highest serial that any node has
 * released: its own one if that is greater, else one above the highest, so that 2026112199 becomes
 * 2026112200 and the administrator's next one by date is greater still; never 0, which old servers
 * take for "none". */
uint32_t serial_next(uint32_t highest, uint32_t own);

struct serial_place {
	size_t start, end; /* the number is text[start..end) */
	uint32_t line;
	uint32_t value;
};

/* The serial of the first SOA record in the text. 0; ERR_UNKNOWN: there is no SOA in this text (it
 * may be in a file that it includes); ERR_FORMAT, ERR_LIMIT: what is before it, or it, cannot be
 * read, and *why (static words) says so, place->line where; -ENOMEM. */
int serial_find(const char *text, size_t len, struct serial_place *place, const char **why);

/* The text holds RRSIG, NSEC, NSEC3 or ZONEMD records, which change with the serial: never rewrite
 * it. 1, 0; ERR_FORMAT, ERR_LIMIT, -ENOMEM: it cannot be told, so it is not to be rewritten either. */
int serial_signed(const char *text, size_t len);

/* The text into `to` with the serial at `place` replaced: as wide as it was where it began with a 0,
 * else as wide as it is. What went wrong is in to->err. Looks at nothing: ask serial_signed before. */
void serial_rewrite(struct buf *to, const char *text, size_t len, const struct serial_place *place,
		    uint32_t serial);

#endif
