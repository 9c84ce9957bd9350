/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The sections `zone`: what is to be done about zones whose names match a pattern. Of each option the
 * first section in the file counts that matches and says it.
 */
#include "base/conf_text.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define PATTERN_MAX 1023

static void take_serial(struct conf_source *s, struct conf_zone *z)
{
	const char *value = cfg_getstr(s->cfg, "serial");

	if (!value)
		return;
	if (strcmp(value, "keep") == 0)
		z->serial = CONF_SERIAL_KEEP;
	else if (strcmp(value, "raise") == 0)
		z->serial = CONF_SERIAL_RAISE;
	else
		mistake(s->mistakes, conf_line_of(s, "serial"),
			"serial is keep or raise, not \"%.100s\"", value);
}

void conf_take_zone(struct conf_source *s, struct conf_zone *z)
{
	const char *title = cfg_title(s->cfg);

	z->line = s->text->tokens[s->section->title].line;
	z->pattern = strdup(title);
	s->failed |= !z->pattern;
	if (!title[0] || strlen(title) > PATTERN_MAX || strpbrk(title, " \t\r\n/"))
		mistake(
		    s->mistakes, z->line,
		    "a zone is a name like \"example.com\", or a pattern like \"*.example.com\" "
		    "or \"*\", not \"%.100s\"",
		    title);
	take_serial(s, z);
	z->guard_shrink =
	    conf_given(s->section, "guard-shrink") ? conf_take_int(s, "guard-shrink", 0, 100) : -1;
}

void conf_free_zones(struct conf *c)
{
	for (size_t i = 0; i < c->nzones; i++)
		free(c->zones[i].pattern);
	free(c->zones);
}

/* Without the dot at its end, but for the root itself. */
static char *bare(const char *name)
{
	size_t len = strlen(name);

	return strndup(name, len > 1 && name[len - 1] == '.' ? len - 1 : len);
}

static bool matches(const struct conf_zone *z, const char *zone)
{
	CLEANUP_FREE char *pattern = bare(z->pattern);

	return pattern && fnmatch(pattern, zone, FNM_CASEFOLD | FNM_NOESCAPE) == 0;
}

struct conf_zone_options conf_zone_options(const struct conf *c, const char *zone)
{
	struct conf_zone_options o = {.guard_shrink = -1};
	CLEANUP_FREE char *name = bare(zone);

	for (size_t i = 0; name && i < c->nzones; i++) {
		const struct conf_zone *z = &c->zones[i];

		if (!matches(z, name))
			continue;
		if (o.serial == CONF_SERIAL_UNSAID)
			o.serial = z->serial;
		if (o.guard_shrink < 0)
			o.guard_shrink = z->guard_shrink;
	}
	if (o.serial == CONF_SERIAL_UNSAID)
		o.serial = CONF_SERIAL_KEEP;
	if (o.guard_shrink < 0)
		o.guard_shrink = CONF_GUARD_SHRINK;
	return o;
}
