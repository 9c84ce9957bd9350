/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For the tests that read zones: a text into a set, a set into lines.
 */
#ifndef TESTS_ZONE_HELP_H
#define TESTS_ZONE_HELP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/zone/records.h"

static inline struct dname zone_name(const char *name)
{
	struct dname d;
	const char *why;

	if (dname_from_text(&d, name, strlen(name), NULL, &why) != 0)
		fail_msg("%s: %s", name, why);
	return d;
}

/* $INCLUDE of files that a table has: name, text, name, text, NULL. */
static inline int zone_include(void *arg, const char *from, const char *name,
			       struct records_text *to)
{
	(void)from;
	for (const char **f = arg; f && *f; f += 2)
		if (strcmp(f[0], name) == 0) {
			*to = (struct records_text){f[0], f[1], strlen(f[1])};
			return 0;
		}
	return strcmp(name, "left-out") == 0 ? 1 : ERR_DENIED;
}

static inline int zone_try(struct records **set, const char *zone, const char *text, size_t len,
			   const char **files, char words[RECORDS_WORDS_MAX])
{
	struct dname name = zone_name(zone);
	struct records_text t = {"zone", text, len};
	struct records_reading how = {.zone = &name, .include = zone_include, .arg = files};

	return records_read(set, &t, &how, words);
}

static inline struct records *zone_read(const char *zone, const char *text)
{
	char words[RECORDS_WORDS_MAX];
	struct records *set = NULL;

	if (zone_try(&set, zone, text, strlen(text), NULL, words) != 0)
		fail_msg("%s", words);
	return set;
}

static inline void zone_print_one(FILE *to, const struct records *set, const struct record *r)
{
	char name[DNAME_TEXT_MAX], type[RECORDS_TYPE_MAX];

	fprintf(to, "%s %u %s %s\n", dname_text_in(name, r->owner, r->owner_len, &set->zone),
		r->ttl, records_type(type, r->type), r->rdata);
}

/* The set as text, the SOA first; the caller's. */
static inline char *zone_print(const struct records *set)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (set->soa.rdata)
		zone_print_one(to, set, &set->soa);
	for (size_t i = 0; i < set->n; i++)
		zone_print_one(to, set, &set->list[i]);
	fclose(to);
	return text;
}

#endif
