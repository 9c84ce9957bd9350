/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl diff --records. What a text includes is not in it, and so is not compared; that is said.
 */
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
	(void)arg;
	(void)to;
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

static int read_side(struct records **set, const struct diff_text *side, const struct dname *zone)
{
	struct records_text text = {side->name, side->text, side->len};
	struct records_reading how = {.zone = zone, .include = leave_out};
	char words[RECORDS_WORDS_MAX];

	if (records_read(set, &text, &how, words) == 0) {
		if ((*set)->outside_total > 0)
			ctl_fail("%s: %zu records are outside the zone: they are not compared",
				 side->name, (*set)->outside_total);
		return 0;
	}
	ctl_fail("%s", words);
	return TROUBLE;
}

static int print(const struct records *was, const struct records *is)
{
	struct changes c;
	int status = TROUBLE;

	if (changes_make(&c, was, is) == 0) {
		status = c.n > 0 || c.serial ? DIFFERENT : SAME;
		for (size_t i = 0; i < c.n && status != TROUBLE; i++) {
			CLEANUP_FREE char *line = changes_line(&c.list[i], &is->zone);
			if (line)
				puts(line);
			else
				status = TROUBLE;
		}
		CLEANUP_FREE char *summary = changes_summary(&c, was, is);
		if (status != TROUBLE && summary)
			puts(summary);
		else
			status = TROUBLE;
	}
	changes_fini(&c);
	if (status == TROUBLE)
		ctl_fail("no memory to compare with");
	return status;
}

int diff_records(const char *zone, const struct diff_text *was, const struct diff_text *is)
{
	struct records *a = NULL, *b = NULL;
	struct dname name;
	int status = which_zone(&name, zone, was, is);

	if (status == 0)
		status = read_side(&a, was, &name);
	if (status == 0)
		status = read_side(&b, is, &name);
	if (status == 0)
		status = print(a, b);
	records_free(a);
	records_free(b);
	return status;
}
