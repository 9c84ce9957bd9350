/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inner part of the reader of named's configuration; only base/named_*.c include this.
 *
 * Terms are what a zone, a view or `options` says of how zones are loaded. Each says some of it, or
 * nothing; a zone has what it says itself, else its view, else `options`, else the default.
 */
#ifndef BASE_NAMED_TERMS_H
#define BASE_NAMED_TERMS_H

#include "base/named_conf.h"
#include "base/named_text.h"

enum named_term {
	TERM_DYNAMIC,
	TERM_INLINE, /* inline-signing */
	TERM_POLICY, /* dnssec-policy other than none */
	TERM_FORMAT,
	TERM_NAMES, /* check-names of a zone; in views and options, of primaries */
	TERM_NAMES_SECONDARY,
	TERM_MX,
	TERM_MX_CNAME,
	TERM_SRV_CNAME,
	TERM_DUP_RECORDS,
	TERM_SPF,
	TERM_WILDCARD,
	TERM_INTEGRITY,
	TERM_SIBLING,
	TERM_MAX_TTL,
	TERM_MAX_RECORDS,
	TERM_MAX_PER_TYPE,
	TERM_MAX_TYPES,
	TERMS,
};

struct named_terms {
	uint32_t value[TERMS];
	bool said[TERMS];
	char *policy; /* dnssec-policy's name; owned; NULL: not said, or none */
};

/* The dnssec-policies of the configuration that say `inline-signing`. */
struct named_policy {
	char *name;
	bool inline_signing;
};

struct named_policies {
	struct named_policy *list;
	size_t n;
};

/* A statement that means the same in zones, views and options: true, it was one, and is used up. */
bool named_terms_take(struct named_text *t, const struct named_statement *s,
		      struct named_terms *terms);
void named_terms_fini(struct named_terms *terms);
/* What `z`, whose type is known, has of all that. */
void named_terms_settle(struct named_zone *z, const struct named_terms *own,
			const struct named_terms *view, const struct named_terms *options,
			const struct named_policies *policies, unsigned version);

/* "1d", "1h30m", "3600", "unlimited" (0), ISO 8601 "P1D": seconds. False: none of these. */
bool named_terms_ttl(const char *text, uint32_t *seconds);

#endif
