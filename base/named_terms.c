/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A table says which statement is which term, and what its words mean as a number.
 */
#include "base/named_terms.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define INLINE_BY_DEFAULT_SINCE 91900 /* with a dnssec-policy */

enum value_kind { VALUE_BOOL, VALUE_MODE, VALUE_FORMAT, VALUE_TTL, VALUE_NUMBER };

static const struct {
	const char *name;
	enum value_kind kind;
	enum named_term term;
} simple[] = {
    {"inline-signing", VALUE_BOOL, TERM_INLINE},
    {"masterfile-format", VALUE_FORMAT, TERM_FORMAT},
    {"check-mx", VALUE_MODE, TERM_MX},
    {"check-mx-cname", VALUE_MODE, TERM_MX_CNAME},
    {"check-srv-cname", VALUE_MODE, TERM_SRV_CNAME},
    {"check-dup-records", VALUE_MODE, TERM_DUP_RECORDS},
    {"check-spf", VALUE_MODE, TERM_SPF},
    {"check-wildcard", VALUE_BOOL, TERM_WILDCARD},
    {"check-integrity", VALUE_BOOL, TERM_INTEGRITY},
    {"check-sibling", VALUE_BOOL, TERM_SIBLING},
    {"max-zone-ttl", VALUE_TTL, TERM_MAX_TTL},

    {"max-records", VALUE_NUMBER, TERM_MAX_RECORDS},
    {"max-records-per-type", VALUE_NUMBER, TERM_MAX_PER_TYPE},
    {"max-types-per-name", VALUE_NUMBER, TERM_MAX_TYPES},
};

/* ---- words to numbers ---- */

bool named_terms_ttl(const char *text, uint32_t *seconds)
{
	static const char units[] = "smhdw";
	static const uint32_t size[] = {1, 60, 3600, 86400, 604800};
	uint64_t sum = 0;

	if (strcasecmp(text, "unlimited") == 0) {
		*seconds = 0;
		return true;
	}
	text += *text == 'P' || *text == 'p';
	do {
		char *end;

		text += *text == 'T' || *text == 't';
		if (!isdigit((unsigned char)*text))
			return false;
		errno = 0;
		unsigned long n = strtoul(text, &end, 10);
		const char *unit = *end ? strchr(units, tolower((unsigned char)*end)) : units;
		if (errno || n > UINT32_MAX || !unit)
			return false;
		sum += (uint64_t)n * size[unit - units];
		text = end + (*end != '\0');
		if (sum > UINT32_MAX)
			return false;
	} while (*text);
	*seconds = (uint32_t)sum;
	return true;
}

static bool is_yes(const struct named_statement *s, size_t i)
{
	return named_statement_is(s, i, "yes") || named_statement_is(s, i, "true") ||
	       named_statement_is(s, i, "1");
}

static uint32_t mode_of(const struct named_statement *s, size_t i)
{
	return named_statement_is(s, i, "fail")     ? NAMED_FAIL
	       : named_statement_is(s, i, "ignore") ? NAMED_IGNORE
						    : NAMED_WARN;
}

static void say(struct named_terms *terms, enum named_term term, uint32_t value)
{
	terms->value[term] = value;
	terms->said[term] = true;
}

static void take_simple(struct named_terms *terms, const struct named_statement *s, size_t which)
{
	enum named_term term = simple[which].term;
	uint32_t value = 0;

	if (s->n < 2)
		return;
	switch (simple[which].kind) {
	case VALUE_BOOL:
		value = is_yes(s, 1);
		break;
	case VALUE_MODE:
		value = mode_of(s, 1);
		break;
	case VALUE_FORMAT:
		value = named_statement_is(s, 1, "text") ? NAMED_TEXT : NAMED_RAW;
		break;
	case VALUE_TTL:
	case VALUE_NUMBER:
		if (!named_terms_ttl(s->words[1], &value))
			return;
		break;
	}
	say(terms, term, value);
}

/* `check-names MODE` in a zone, `check-names (primary|secondary|response) MODE` above. */
static void take_names(struct named_terms *terms, const struct named_statement *s)
{
	if (named_statement_is(s, 1, "primary") || named_statement_is(s, 1, "master"))
		say(terms, TERM_NAMES, mode_of(s, 2));
	else if (named_statement_is(s, 1, "secondary") || named_statement_is(s, 1, "slave"))
		say(terms, TERM_NAMES_SECONDARY, mode_of(s, 2));
	else if (s->n == 2) {
		say(terms, TERM_NAMES, mode_of(s, 1));
		say(terms, TERM_NAMES_SECONDARY, mode_of(s, 1));
	}
}

static void take_policy(struct named_text *t, struct named_terms *terms,
			const struct named_statement *s)
{
	bool none = named_statement_is(s, 1, "none");

	free(terms->policy);
	terms->policy = none || s->n < 2 ? NULL : strdup(s->words[1]);
	if (!none && s->n > 1 && !terms->policy)
		t->err = -ENOMEM;
	say(terms, TERM_POLICY, terms->policy != NULL);
}

bool named_terms_take(struct named_text *t, const struct named_statement *s,
		      struct named_terms *terms)
{
	char first[64];
	unsigned count;

	if (named_statement_is(s, 0, "allow-update") && s->end == '{') {
		named_text_list(t, first, sizeof first, &count);
		say(terms, TERM_DYNAMIC,
		    count > 0 && !(count == 1 && strcasecmp(first, "none") == 0));
		return true;
	}
	if (named_statement_is(s, 0, "update-policy")) {
		say(terms, TERM_DYNAMIC, 1);
		if (s->end == '{') {
			named_text_skip_block(t);
			named_text_finish(t);
		}
		return true;
	}
	if (s->end != ';')
		return false;
	if (named_statement_is(s, 0, "dnssec-policy")) {
		take_policy(t, terms, s);
		return true;
	}
	if (named_statement_is(s, 0, "check-names")) {
		take_names(terms, s);
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(simple); i++) {
		if (!named_statement_is(s, 0, simple[i].name))
			continue;
		take_simple(terms, s, i);
		return true;
	}
	return false;
}

void named_terms_fini(struct named_terms *terms)
{
	free(terms->policy);
	terms->policy = NULL;
}

/* ---- inheritance ---- */

struct heirs {
	const struct named_terms *own, *view, *options;
};

static const struct named_terms *who_says(const struct heirs *h, enum named_term term)
{
	return h->own->said[term]       ? h->own
	       : h->view->said[term]    ? h->view
	       : h->options->said[term] ? h->options
					: NULL;
}

static uint32_t effective(const struct heirs *h, enum named_term term, uint32_t otherwise)
{
	const struct named_terms *t = who_says(h, term);

	return t ? t->value[term] : otherwise;
}

/* Until 9.18 not unless it is said; later with a policy unless the policy says otherwise. */
static bool inline_by_default(const struct heirs *h, const struct named_policies *policies,
			      unsigned version)
{
	const struct named_terms *t = who_says(h, TERM_POLICY);

	if (version < INLINE_BY_DEFAULT_SINCE || !t || !t->value[TERM_POLICY])
		return false;
	for (size_t i = 0; i < policies->n; i++)
		if (strcmp(policies->list[i].name, t->policy) == 0)
			return policies->list[i].inline_signing;
	return true;
}

static void settle_checks(struct named_zone *z, const struct heirs *h)
{
	bool secondary = z->type == NAMED_SECONDARY || z->type == NAMED_MIRROR;

	z->checks = (struct named_checks){
	    .format = effective(h, TERM_FORMAT, secondary ? NAMED_RAW : NAMED_TEXT),
	    .names = secondary ? effective(h, TERM_NAMES_SECONDARY, NAMED_WARN)
			       : effective(h, TERM_NAMES, NAMED_FAIL),
	    .mx = effective(h, TERM_MX, NAMED_WARN),
	    .mx_cname = effective(h, TERM_MX_CNAME, NAMED_WARN),
	    .srv_cname = effective(h, TERM_SRV_CNAME, NAMED_WARN),
	    .dup_records = effective(h, TERM_DUP_RECORDS, NAMED_WARN),
	    .spf = effective(h, TERM_SPF, NAMED_WARN),
	    .wildcard = effective(h, TERM_WILDCARD, true),
	    .integrity = effective(h, TERM_INTEGRITY, true),
	    .sibling = effective(h, TERM_SIBLING, true),
	    .max_ttl = effective(h, TERM_MAX_TTL, 0),
	    .max_records = effective(h, TERM_MAX_RECORDS, 0),
	    .max_records_per_type = effective(h, TERM_MAX_PER_TYPE, 100),
	    .max_types_per_name = effective(h, TERM_MAX_TYPES, 100),
	};
	/* named itself leaves max-zone-ttl aside where a policy says how long signatures last. */
	if (z->policy)
		z->checks.max_ttl = 0;
}

void named_terms_settle(struct named_zone *z, const struct named_terms *own,
			const struct named_terms *view, const struct named_terms *options,
			const struct named_policies *policies, unsigned version)
{
	const struct heirs h = {own, view, options};

	z->dynamic = effective(&h, TERM_DYNAMIC, false);
	z->policy = effective(&h, TERM_POLICY, false);
	z->inline_signed = effective(&h, TERM_INLINE, inline_by_default(&h, policies, version));
	z->signs_itself = z->inline_signed || z->policy;
	settle_checks(z, &h);
	z->text = z->checks.format == NAMED_TEXT;
}
