/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is wrong with a zone though the checkers pass it:
 *
 *   - records outside the zone, which named ignores with a word in its log (an error);
 *   - owners and targets that end in ZONE.ZONE, because a last dot is missing (to be approved);
 *   - targets in the zone of CNAME, NS, MX, SRV and PTR that have no records (to be approved); not
 *     below a delegation or a DNAME, where others decide, nor where a wildcard answers (RFC 4592);
 *   - more records of a name and type, or more types of a name, than named loads: it would refuse the
 *     zone at its next start (an error).
 *
 * Pure.
 */
#ifndef ZONE_LINT_H
#define ZONE_LINT_H

#include <stddef.h>
#include <stdint.h>

#include "replicator/zone/records.h"

#define LINT_FINDINGS_MAX 200 /* kept; all are counted */

enum lint_severity {
	LINT_ERROR,    /* it is not to be served */
	LINT_APPROVAL, /* nobody means that, usually */
};

struct lint_finding {
	enum lint_severity severity;
	const char *file; /* of the set's, which must outlive this */
	uint32_t line;
	char *words; /* a sentence, without file and line */
};

struct lint {
	struct lint_finding *list; /* by file and line */
	size_t n;
	size_t errors, approvals; /* found, kept or not */
};

/* What named loads; 0: as many as there are. Without a word in its configuration both are 100. */
struct lint_limits {
	size_t per_type; /* records of a name and type: max-records-per-type */
	size_t types;    /* of a name, RRSIGs of each type as one more: max-types-per-name */
};

/* 0 or -ENOMEM; lint_fini in both cases. */
int lint_zone(struct lint *l, const struct records *set, struct lint_limits limits);
void lint_fini(struct lint *l);

#endif
