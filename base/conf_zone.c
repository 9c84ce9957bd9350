/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The sections `zone`: what is to be done about zones whose names match a pattern. Of each option the
 * first section in the file counts that matches and says it.
 */
#include "base/conf_text.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"

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

/* "%s" once, and a path of the tree with any name in its place. */
static void take_file(struct conf_source *s, struct conf_zone *z)
{
	const char *value = cfg_getstr(s->cfg, "file"), *at;
	char path[PATH_LEN_MAX + 1];

	if (!value)
		return;
	value += value[0] == '/';
	at = strstr(value, "%s");
	if (!at || strchr(at + 1, '%') || strchr(value, '%') != at ||
	    snprintf(path, sizeof(path), "%.*sx%s", (int)(at - value), value, at + 2) >=
		(int)sizeof(path) ||
	    !path_valid(path))
		mistake(s->mistakes, conf_line_of(s, "file"),
			"file is a path within the directory, with %%s in the place of the zone's "
			"name, as \"nsd/zones/%%s.zone\", not \"%.100s\"",
			value);
	z->file = strdup(value);
	s->failed |= !z->file;
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
	take_file(s, z);
	take_serial(s, z);
	z->guard_shrink =
	    conf_given(s->section, "guard-shrink") ? conf_take_int(s, "guard-shrink", 0, 100) : -1;
}

void conf_free_zones(struct conf *c)
{
	for (size_t i = 0; i < c->nzones; i++) {
		free(c->zones[i].pattern);
		free(c->zones[i].file);
	}
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

/* What is in the place of "%s"; NULL: it is not of this pattern. */
static char *name_in(const char *file, const char *path)
{
	size_t before = (size_t)(strstr(file, "%s") - file), after = strlen(file) - before - 2;
	size_t len = strlen(path);

	if (len <= before + after || strncmp(path, file, before) != 0 ||
	    strcmp(path + len - after, file + before + 2) != 0 ||
	    memchr(path + before, '/', len - before - after))
		return NULL;
	return strndup(path + before, len - before - after);
}

char *conf_zone_of_file(const struct conf *c, const char *path)
{
	for (size_t i = 0; i < c->nzones; i++) {
		const struct conf_zone *z = &c->zones[i];
		CLEANUP_FREE char *said = z->file ? name_in(z->file, path) : NULL;
		CLEANUP_FREE char *name = said ? bare(said) : NULL;

		if (name && matches(z, name))
			return strdup(name);
	}
	return NULL;
}

bool conf_zones_by_file(const struct conf *c)
{
	for (size_t i = 0; i < c->nzones && !c->server; i++)
		if (c->zones[i].file)
			return true;
	return false;
}
