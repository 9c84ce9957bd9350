/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl diff --records. What a text includes is not in it, and so is not compared; that is said.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "replicator/zone/changes.h"
#include "tools/zonefsctl/diff_records.h"
#include "tools/zonefsctl/zonefsctl.h"

enum { SAME = 0, DIFFERENT = 1, TROUBLE = 2 };

static int leave_out(void *arg, const char *from, const char *name, struct records_text *to)
{
	const struct diff_telling *how = arg;

	(void)to;
	if (!how->quiet)
		ctl_fail("%s: what it includes from \"%s\" is not compared", from, name);
	return 1;
}

bool diff_records_says_zone(const struct diff_text *was, const struct diff_text *is)
{
	struct dname zone;

	return records_zone_of(is->text, is->len, &zone) == 0 ||
	       records_zone_of(was->text, was->len, &zone) == 0;
}

static int which_zone(struct dname *zone, const char *name, const struct diff_text *was,
		      const struct diff_text *is)
{
	static const struct dname root;
	const char *why;

	if (!name) {
		if (records_zone_of(is->text, is->len, zone) == 0 ||
		    records_zone_of(was->text, was->len, zone) == 0)
			return 0;
		ctl_fail("%s: its text does not say which zone it is of: say --zone NAME",
			 is->name);
		return TROUBLE;
	}
	if (dname_from_text(zone, name, strlen(name), &root, &why) == 0)
		return 0;
	ctl_fail("--zone %s: %s", name, why);
	return TROUBLE;
}

static int read_side(struct records **set, const struct diff_text *side, const struct dname *zone,
		     const struct diff_telling *telling)
{
	struct records_text text = {side->name, side->text, side->len};
	struct records_reading how = {
	    .zone = zone, .include = leave_out, .arg = (void *)(uintptr_t)telling};
	char words[RECORDS_WORDS_MAX];

	if (records_read(set, &text, &how, words) == 0) {
		if ((*set)->outside_total > 0 && !telling->quiet)
			ctl_fail("%s: %zu records are outside the zone: they are not compared",
				 side->name, (*set)->outside_total);
		return 0;
	}
	if (!telling->quiet)
		ctl_fail("%s", words);
	return TROUBLE;
}

/* The lines, at most so many. False: no memory. */
static bool print_list(const struct changes *c, const struct dname *zone,
		       const struct diff_telling *how)
{
	size_t n = how->most && c->n > how->most ? how->most : c->n;

	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *line = changes_line(&c->list[i], zone);

		if (!line)
			return false;
		printf("%s%s\n", how->indent, line);
	}
	if (n < c->n)
		printf("%s... and %zu more\n", how->indent, c->n - n);
	return true;
}

static int print(const struct records *was, const struct records *is, const struct diff_telling *how)
{
	struct changes c;
	int status = TROUBLE;

	if (changes_make(&c, was, is) == 0) {
		CLEANUP_FREE char *summary = changes_summary(&c, was, is);
		if (print_list(&c, &is->zone, how) && summary) {
			printf("%s%s\n", how->indent, summary);
			status = c.n > 0 || c.serial ? DIFFERENT : SAME;
		}
	}
	changes_fini(&c);
	if (status == TROUBLE)
		ctl_fail("no memory to compare with");
	return status;
}

int diff_records(const char *zone, const struct diff_text *was, const struct diff_text *is,
		 const struct diff_telling *how)
{
	struct records *a = NULL, *b = NULL;
	struct dname name;
	int status = which_zone(&name, zone, was, is);

	if (status == 0)
		status = read_side(&a, was, &name, how);
	if (status == 0)
		status = read_side(&b, is, &name, how);
	if (status == 0)
		status = print(a, b, how);
	records_free(a);
	records_free(b);
	return status;
}
