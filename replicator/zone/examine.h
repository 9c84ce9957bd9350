/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A zone's new text beside the one that was released last: all that is to be said of it and that the
 * name server's checker does not say. Pure; a million records take seconds.
 *
 *   errors    records outside the zone, more at a name than named loads
 *   doubts    what the guard holds, missing dots, targets that do not exist
 *   warnings  the serial was not raised
 *
 * What the released text has, too, in the same words, is no reason: it is served already. That a text
 * cannot be read is none either, since named may read more than ldns.
 */
#ifndef ZONE_EXAMINE_H
#define ZONE_EXAMINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "replicator/zone/lint.h"

#define EXAMINE_WORDS_MAX 8192 /* of each kind; what is more is left out, whole lines of it */

/* By which name a text includes which file: an index into its side's. */
struct examine_include {
	const char *name;
	size_t file;
};

/* A text, and what it includes. */
struct examine_file {
	const char *path; /* in messages */
	const char *text;
	size_t len;
	const struct examine_include *included;
	size_t n;
};

struct examine_side {
	struct examine_file *files; /* files[0]: the zone's own; none: there is no text */
	size_t n;
};

struct examine {
	/* What is asked. All of it is borrowed. */
	const atomic_bool *stop; /* true: what is found does not matter any more, also meanwhile. NULL: never */
	const char *zone;
	struct examine_side is, was;
	unsigned shrink;     /* percent */
	struct lint_limits limits;
	bool known;          /* a serial that was released: */
	uint32_t highest;
	bool raises; /* the serial is raised where that is needed: that it is not, is no doubt then */

	/* What is found. */
	struct buf errors, doubts, warnings; /* lines; NUL-terminated unless empty */
	bool unread;                         /* `why` says why: of the records nothing is known */
	char why[512];
	bool has_serial;
	uint32_t serial;
	size_t serial_file; /* which it stands in */
	bool is_signed;     /* the text must not be changed */
	bool verifiable;    /* it holds signatures, or what is there only with signatures */
	bool low;           /* the records have changed, and the serial is not above the highest */
	int err;            /* 0, -ENOMEM */
};

/* examine_fini in any case. */
void examine_zone(struct examine *e);
void examine_fini(struct examine *e);

#endif
