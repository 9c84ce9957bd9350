/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The guard: a new version of a zone that any checker passes, and that is an accident all the same.
 * Half a zone can be perfectly valid. Pure: it says why a version is to be held; whether it is, and
 * who approves it, is decided elsewhere.
 */
#ifndef ZONE_GUARD_H
#define ZONE_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replicator/zone/records.h"

#define GUARD_SHRINK_LEAST 10    /* fewer records may always go */
#define GUARD_JUMP_MOST 10000000 /* a serial by date moves by a million a year */
#define GUARD_WORDS_MAX 256

enum guard_kind {
	GUARD_SHRUNK,      /* too many records dropped */
	GUARD_NO_SOA,      /* had one */
	GUARD_NO_NS,       /* at the top; had some */
	GUARD_CUT_OFF,     /* the beginning of the old text, and nothing else */
	GUARD_SERIAL_BACK, /* by RFC 1982; half the circle away counts as back, too */
	GUARD_SERIAL_JUMP,
	GUARD_KINDS,
};

struct guard_side {
	const char *text;
	size_t len;
	const struct records
	    *set; /* NULL: the text could not be read: only text and serial count */
	bool has_serial;
	uint32_t serial;
};

struct guard_verdict {
	size_t n; /* 0: nothing to hold it for */
	struct {
		enum guard_kind kind;
		char words[GUARD_WORDS_MAX];
	} list[GUARD_KINDS];
};

/* `shrink`: the percentage of its records that a zone may lose at once. A record is dropped where its
 * name has fewer of its type than before: a changed address is none. */
void guard_judge(struct guard_verdict *g, const struct guard_side *was, const struct guard_side *is,
		 unsigned shrink);

#endif
