/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A zone's text as a set of records, so that two texts which mean the same make the same set: names
 * absolute and in lower case, data in ldns's presentation form, sorted, no duplicates, and one TTL for
 * all records of a name and type. What a text means is what named makes of it (lib/dns/master.c):
 *
 *   - a record without a TTL has the one of $TTL; without that the last one before it; without that,
 *     the SOA's own minimum (RFC 2308, 4), which is then the default;
 *   - a name and type (RRSIG: and type covered) has one TTL: of lines that follow each other with the
 *     same name that of the first, and if it comes again behind another name, the later one;
 *   - $INCLUDE begins with its own origin or the current one, and no owner; behind it origin and owner
 *     are as before it, a $TTL in it stays;
 *   - records outside the zone are no part of the set; they are kept apart, for messages.
 *
 * The text is the world's: every mistake is a sentence "FILE:LINE: what", and time and memory are
 * bounded by the limits below. Pure: included texts come through a callback.
 */
#ifndef ZONE_RECORDS_H
#define ZONE_RECORDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replicator/zone/dname.h"

#define RECORDS_MAX 4000000
#define RECORDS_BYTES_MAX                                                                          \
	(512u * 1024 * 1024)       /* names and data; likewise what $GENERATE makes, as text */
#define RECORDS_OUTSIDE_MAX 1000   /* kept; all are counted */
#define RECORDS_DEPTH_MAX 16       /* $INCLUDE in $INCLUDE */
#define RECORDS_FILES_MAX 1000     /* $INCLUDEs, all in all */
#define RECORDS_GENERATE_MAX 65536 /* records of one $GENERATE */
#define RECORDS_WORDS_MAX 512

struct record {
	const uint8_t *owner; /* a key (dname.h), owner_len long */
	const char *rdata;    /* presentation form; "" for a record outside the zone */
	uint32_t ttl;
	uint32_t line; /* in file `file`; of a $GENERATE: its line */
	uint16_t owner_len;
	uint16_t type; /* IANA's number */
	uint16_t file; /* into records.files */
};

struct records {
	struct record *list; /* sorted by owner, type, data: all but the SOA */
	size_t n;
	struct record soa; /* rdata NULL: there is none */
	uint32_t serial;
	struct record *outside; /* in the text's order, `n_outside` of `outside_total` */
	size_t n_outside;
	size_t outside_total;
	char **files; /* files[0]: the zone's own text */
	size_t n_files;
	struct dname zone;
	struct arena *arena; /* what names and data lie in */
};

struct records_text {
	const char *name; /* in messages, and to tell files from each other */
	const char *text;
	size_t len;
};

struct records_reading {
	const struct dname *zone;
	size_t max; /* records to read, those outside the zone and duplicates too; 0: RECORDS_MAX */
	/* $INCLUDE "name", found in the file `from`: fills *to, whose memory stays valid until
	 * records_read returns. 0; 1: it is to be left out, as if the line were not there; an error
	 * (err.h): it cannot be had. NULL: every $INCLUDE is left out. */
	int (*include)(void *arg, const char *from, const char *name, struct records_text *to);
	void *arg;
	const atomic_bool *stop; /* true: -ECANCELED, also meanwhile. NULL: never */
};

/* Reads a text into a new set, which records_free gives back. 0; ERR_FORMAT (a mistake), ERR_LIMIT,
 * ERR_UNKNOWN (a type that ldns does not know: named may), what the callback said, -ENOMEM: then
 * `words` is "FILE:LINE: why", and *set is untouched. What named takes and ldns does not is rare, but
 * there: that a text cannot be read is no proof that it is wrong. */
int records_read(struct records **set, const struct records_text *text,
		 const struct records_reading *how, char words[RECORDS_WORDS_MAX]);
void records_free(struct records *set); /* NULL: nothing */

/* The zone that a text seems to be of: the owner of its first SOA, with the $ORIGIN before it. 0;
 * ERR_UNKNOWN: only who has configured it knows. */
int records_zone_of(const char *text, size_t len, struct dname *zone);

/* The order of the list; and that of its sets: owner, type, and for RRSIG the type covered. */
int records_compare(const struct record *a, const struct record *b);
int records_compare_sets(const struct record *a, const struct record *b);
/* The index of the first record whose owner is this name or comes after it; n: none does. */
size_t records_at(const struct records *set, const uint8_t *key, size_t len);
/* There is a record of this name and type; not for SOA and RRSIG. */
bool records_has(const struct records *set, const uint8_t *key, size_t len, uint16_t type);
/* Index behind the last record of list[i]'s set. */
size_t records_set_end(const struct records *set, size_t i);

#define RECORDS_TYPE_MAX 16
/* "A", "TYPE65280". Returns dst. */
char *records_type(char dst[RECORDS_TYPE_MAX], uint16_t type);

#endif
