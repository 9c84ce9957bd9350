/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Shared by the parts of the reader of records; no one else's.
 */
#ifndef ZONE_RECORDS_READER_H
#define ZONE_RECORDS_READER_H

#include "replicator/zone/arena.h"
#include "replicator/zone/master.h"
#include "replicator/zone/rdata.h"
#include "replicator/zone/records.h"

#define READER_RUN_MAX 64 /* types of one owner whose TTL is remembered while it goes on */

/* A file that is being read. */
struct reader_file {
	const struct reader_file *from; /* which includes it; NULL: the zone's own */
	const char *name;
	uint16_t number; /* in records.files */
	struct dname origin;
	struct dname owner; /* the last one */
	bool owned;         /* there is one */
	bool inside;        /* it is in the zone */
};

/* The TTLs of the name that goes on, by type: in BIND, too, they are put away with the name. */
struct reader_run {
	struct {
		uint32_t set;
		uint32_t ttl;
	} list[READER_RUN_MAX];
	size_t n;
};

struct reader {
	struct records *set;
	const struct records_reading *how;
	struct rdata *rdata;
	size_t cap, outside_cap;
	size_t taken;     /* records read, in the zone or not */
	size_t generated; /* bytes of text that $GENERATE has made of a few */
	uint16_t rclass;  /* the zone's: its first record's; 0: none yet */
	/* TTLs */
	uint32_t ttl, default_ttl;
	bool ttl_known, default_known;
	struct reader_run run;
	const uint8_t *kept; /* the last owner's key in the arena */
	uint16_t kept_len;
	char *words;
};

/* A record as it stands in a text, its owner's name already known (in f->owner). */
int reader_take(struct reader *rd, struct reader_file *f, const struct master_record *r,
		uint32_t line);
/* $GENERATE, whose tokens these are. */
int reader_generate(struct reader *rd, struct reader_file *f, const struct master *m);
/* f->owner from a name's text, and whether it is in the zone. */
int reader_owner(struct reader *rd, struct reader_file *f, const char *text, size_t len,
		 uint32_t line);

/* "FILE:LINE: ..." into rd->words; returns the code. */
int reader_wrong(struct reader *rd, const struct reader_file *f, uint32_t line, int code,
		 const char *format, ...) __attribute__((format(printf, 5, 6)));
#define READER_SHOWN_MAX 128
/* A token as a message can show it: short, printable. Returns dst. */
char *reader_shown(char dst[READER_SHOWN_MAX], const char *text, size_t len);

/* Makes set->list what records.h says. 0 or -ENOMEM. */
int records_sort(struct records *set);

#endif
