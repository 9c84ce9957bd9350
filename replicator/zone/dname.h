/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Domain names as keys that memcmp puts in the canonical order of DNS (RFC 4034, 6.1): labels from
 * the root down, in lower case, each ended by a 0. So a name's descendants follow it without a gap, and
 * "is at or below" is "begins with". In a label a byte 0 is written 1 1 and a byte 1 is written 1 2.
 * The root is the empty key. Pure, no memory of its own.
 */
#ifndef ZONE_DNAME_H
#define ZONE_DNAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNAME_WIRE_MAX 255 /* RFC 1035, 2.3.4 */
#define DNAME_LABEL_MAX 63
#define DNAME_KEY_MAX 512   /* each byte as two, and the ends */
#define DNAME_TEXT_MAX 1025 /* each byte as \DDD, a dot a label, and the NUL */

struct dname {
	uint16_t len;
	uint8_t key[DNAME_KEY_MAX];
};

/* From a zone's text: "www", "www.example.", "@", with \X and \DDD. A name without a last dot, and @,
 * is relative to the origin; NULL: there is none. 0, or ERR_FORMAT and why in a few static words. May
 * be called with dst == origin. */
int dname_from_text(struct dname *dst, const char *text, size_t len, const struct dname *origin,
		    const char **why);
/* With its last dot, special bytes as BIND writes them. Returns dst. */
char *dname_text(char dst[DNAME_TEXT_MAX], const uint8_t *key, size_t len);
/* Likewise, but relative to the zone where it is in it; the apex is "@". */
char *dname_text_in(char dst[DNAME_TEXT_MAX], const uint8_t *key, size_t len,
		    const struct dname *zone);

/* Canonical order: less than, 0, more than 0. */
int dname_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);
/* At `top`, or below it. */
bool dname_within(const uint8_t *key, size_t len, const uint8_t *top, size_t top_len);
/* The length of the parent's key, which is the beginning of this one; 0 for the root's. */
size_t dname_parent(const uint8_t *key, size_t len);
unsigned dname_labels(const uint8_t *key, size_t len);
/* `below` under `top`: "a.b." and "c." make "a.b.c.". 0, or ERR_LIMIT: too long for a name. */
int dname_join(struct dname *dst, const struct dname *below, const struct dname *top);

#endif
