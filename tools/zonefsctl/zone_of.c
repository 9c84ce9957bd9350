/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One pass over what `zonefsctl zones` shows.
 */
#include "tools/zonefsctl/zone_of.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/lines.h"
#include "tools/zonefsctl/zonefsctl.h"

#define ANSWER_SEC 30

/* A map that is not up to date is better than none. */
static void ask_for_zones(void (*each)(void *arg, const json_t *line), void *arg)
{
	CLEANUP_FREE char *words = NULL;
	struct client_call call = {.command = "zones",
				   .silence_sec = ANSWER_SEC,
				   .each = each,
				   .arg = arg,
				   .words = &words};

	client_call(&call);
}

struct looking {
	const char *path; /* of the tree; NULL: by the zone's name */
	const char *name;
	size_t len;
	char *zone, *found; /* the first one's */
	bool several;       /* that are not the same */
};

static bool same_name(const struct looking *l, const char *zone)
{
	return strlen(zone) == l->len && strncasecmp(zone, l->name, l->len) == 0;
}

static void take(void *arg, const json_t *line)
{
	const char *zone = line_text(line, "zone"), *path = line_text(line, "path");
	struct looking *l = arg;

	if (!line_is(line, "zone") || !path[0] ||
	    !(l->path ? strcmp(path, l->path) == 0 : same_name(l, zone)))
		return;
	if (l->zone && l->found) {
		l->several |= strcmp(l->found, path) != 0 || strcasecmp(l->zone, zone) != 0;
		return;
	}
	l->zone = strdup(zone);
	l->found = strdup(path);
}

static void look(struct looking *l)
{
	ask_for_zones(take, l);
}

/* ---- all of them ---- */

struct zone_file {
	char *path, *zone;
};

struct zone_list {
	struct zone_file *files; /* by path */
	size_t n, room;
};

static void add(void *arg, const json_t *line)
{
	struct zone_list *l = arg;

	if (!line_is(line, "zone") || !line_text(line, "path")[0])
		return;
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct zone_file *grown = reallocarray(l->files, room, sizeof(*grown));

		if (!grown)
			return;
		l->files = grown;
		l->room = room;
	}
	struct zone_file *f = &l->files[l->n];
	*f = (struct zone_file){strdup(line_text(line, "path")), strdup(line_text(line, "zone"))};
	if (f->path && f->zone) {
		l->n++;
		return;
	}
	free(f->path);
	free(f->zone);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct zone_file *)a)->path, ((const struct zone_file *)b)->path);
}

struct zone_list *zone_list_new(void)
{
	struct zone_list *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	ask_for_zones(add, l);
	if (l->n > 0)
		qsort(l->files, l->n, sizeof(*l->files), by_path);
	return l;
}

void zone_list_free(struct zone_list *l)
{
	for (size_t i = 0; l && i < l->n; i++) {
		free(l->files[i].path);
		free(l->files[i].zone);
	}
	if (l)
		free(l->files);
	free(l);
}

const char *zone_list_find(const struct zone_list *l, const char *path)
{
	struct zone_file key = {(char *)(uintptr_t)path, NULL};
	const struct zone_file *f =
	    l->n ? bsearch(&key, l->files, l->n, sizeof(*l->files), by_path) : NULL;

	return f ? f->zone : NULL;
}

/* ---- one ---- */

char *zone_of_path(const char *argument)
{
	json_t *request = json_object();
	struct looking l = {0};

	if (lines_add_path(request, argument) == CTL_OK) {
		l.path = line_text(request, "path");
		look(&l);
	}
	json_decref(request);
	free(l.found);
	if (!l.several)
		return l.zone;
	free(l.zone);
	return NULL;
}

int zone_of_name(const char *argument, char **path, char **zone)
{
	size_t len = strlen(argument);
	struct looking l = {.name = argument,
			    .len = len > 1 && argument[len - 1] == '.' ? len - 1 : len};
	const struct conf *c = client_conf();
	int status = CTL_OK;
	struct stat st;

	*path = *zone = NULL;
	if (!c || strchr(argument, '/') || lstat(argument, &st) == 0)
		return CTL_OK;
	look(&l);
	if (l.several) {
		status = ctl_fail(
		    "%s has several files, as zonefsctl zones shows: name one of them", argument);
	} else if (l.zone && l.found && asprintf(path, "%s/%s", c->mount, l.found) >= 0) {
		*zone = l.zone;
		l.zone = NULL;
	}
	free(l.zone);
	free(l.found);
	return status;
}
