/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two texts of a zone, compared as records.
 */
#ifndef ZONEFSCTL_DIFF_RECORDS_H
#define ZONEFSCTL_DIFF_RECORDS_H

#include <stdbool.h>
#include <stddef.h>

/* One side. */
struct diff_text {
	const char *name; /* in messages: PATH@VERSION */
	const char *text;
	size_t len;
};

/* How it is told. */
struct diff_telling {
	const char *indent;
	size_t most; /* lines of records; 0: all */
	bool quiet;  /* of what cannot be compared */
};

/* Does one of them say which zone it is of? */
bool diff_records_says_zone(const struct diff_text *was, const struct diff_text *is);
/* What differs, on standard output. `zone`: its name; NULL: what the texts say. 0 the same, 1
 * different, 2: said why they cannot be compared. */
int diff_records(const char *zone, const struct diff_text *was, const struct diff_text *is,
		 const struct diff_telling *how);

#endif
