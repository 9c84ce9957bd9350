/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What differs between two sets of records of a zone: order and formatting of the text are gone by
 * then. The SOA's serial is told apart from the rest of the SOA: it changes each time. Pure.
 */
#ifndef ZONE_CHANGES_H
#define ZONE_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "replicator/zone/records.h"

enum change_kind {
	CHANGE_REMOVED, /* was: the record */
	CHANGE_ADDED,   /* is: the record */
	CHANGE_TTL,     /* a name and type that both have: a record of it in each */
	CHANGE_SOA,     /* another field than the serial, or the TTL; one may be NULL */
};

struct change {
	enum change_kind kind;
	const struct record *was, *is; /* in the sets compared, which must outlive this */
};

struct changes {
	struct change
	    *list;     /* the SOA, then by owner and type; of one, what was is before what is */
	size_t n, cap; /* n 0: the sets say the same, but for the serial perhaps */
	size_t added, removed; /* records */
	size_t ttls;           /* names and types */
	bool soa;
	bool serial; /* both have an SOA, and the serials differ */
};

/* 0 or -ENOMEM. changes_fini in both cases. */
int changes_make(struct changes *c, const struct records *was, const struct records *is);
void changes_fini(struct changes *c);

/* A line for people, without a newline: "+ www A 192.0.2.7", "- www ...", "~ www A TTL 300 -> 600",
 * "~ @ SOA ..." (the data that it has now). Names are relative to the zone. A new string, the
 * caller's; NULL: no memory. */
char *changes_line(const struct change *one, const struct dname *zone);
/* "+2 -1", with ", 1 TTL", ", SOA" and ", serial 5 -> 6" where that is so; "no changes". Likewise. */
char *changes_summary(const struct changes *c, const struct records *was, const struct records *is);

#endif
