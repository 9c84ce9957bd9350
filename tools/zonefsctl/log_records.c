/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A version says the hash of what it replaced: that is looked for in the path's history, and both contents are
 * fetched. The log is being read meanwhile; these are conversations of their own.
 */
#include "tools/zonefsctl/log_records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/diff_records.h"
#include "tools/zonefsctl/lines.h"
#include "tools/zonefsctl/zone_of.h"
#include "tools/zonefsctl/zonefsctl.h"

#define SILENCE_SEC 30
#define LINES_MAX 10

static struct zone_list *zones; /* asked for once */

/* Of a path's history: one version each that has the contents in question, and has them here. */
struct finding {
	const char *was, *is; /* hashes */
	char *was_at, *is_at; /* names */
};

static void take(char **to, const json_t *line)
{
	if (!*to && line_bool(line, "content_here"))
		*to = strdup(line_text(line, "version"));
}

static void look(void *arg, const json_t *line)
{
	struct finding *f = arg;

	if (!line_is(line, "version"))
		return;
	if (strcmp(line_text(line, "hash"), f->was) == 0)
		take(&f->was_at, line);
	if (strcmp(line_text(line, "hash"), f->is) == 0)
		take(&f->is_at, line);
}

static bool find(struct finding *f, const char *path)
{
	CLEANUP_FREE char *words = NULL;
	struct client_call call = {.command = "history",
				   .request = json_object(),
				   .silence_sec = SILENCE_SEC,
				   .each = look,
				   .arg = f,
				   .words = &words};

	json_object_set_new(call.request, "path", json_string(path));
	return client_call(&call) == CTL_OK && f->was_at && f->is_at;
}

/* The content of that version, a new string; NULL: it could not be had. */
static char *content(const char *path, const char *version, size_t *len)
{
	CLEANUP_FREE char *absolute = NULL;
	const struct conf *c = client_conf();
	char *text = NULL;
	FILE *to = open_memstream(&text, len);
	bool ok = to && c && asprintf(&absolute, "%s/%s", c->mount, path) >= 0 &&
		  lines_content(absolute, version, to, NULL) == CTL_OK;

	if (to)
		ok &= fclose(to) == 0;
	if (ok)
		return text;
	free(text);
	return NULL;
}

static void compare(const char *zone, const char *path, const struct finding *f)
{
	struct diff_text was = {.name = path}, is = {.name = path};
	CLEANUP_FREE char *old = content(path, f->was_at, &was.len);
	CLEANUP_FREE char *new = old ? content(path, f->is_at, &is.len) : NULL;

	was.text = old;
	is.text = new;
	if (new)
		diff_records(
		    zone, &was, &is,
		    &(struct diff_telling){.indent = "    ", .most = LINES_MAX, .quiet = true});
}

void log_records(const json_t *version)
{
	const char *path = line_text(version, "path");
	struct finding f = {.was = line_text(version, "replaced"),
			    .is = line_text(version, "hash")};

	if (!f.was[0] || !f.is[0] || strcmp(f.was, f.is) == 0)
		return;
	if (!zones)
		zones = zone_list_new();
	const char *zone = zones ? zone_list_find(zones, path) : NULL;
	if (zone && find(&f, path))
		compare(zone, path, &f);
	free(f.was_at);
	free(f.is_at);
}

void log_records_end(void)
{
	zone_list_free(zones);
	zones = NULL;
}
