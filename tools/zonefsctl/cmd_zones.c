/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl zones: which file is which zone.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/zonefsctl.h"

#define ANSWER_SEC 30

static const char *place_words(const json_t *line)
{
	static const struct {
		const char *place, *words;
	} list[] = {
	    {"replicated", "replicated"},
	    {"no file", "no file"},
	    {"outside", "outside of the tree"},
	    {"secondary", "local: named writes what it transfers"},
	    {"dynamic", "local: named writes what it is updated with"},
	    {"excluded", "local: excluded by a pattern"},
	};
	const char *place = line_text(line, "place");

	if (strcmp(place, "replicated") == 0 && line_bool(line, "inline_signing"))
		return "replicated; what named signs is local";
	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		if (strcmp(list[i].place, place) == 0)
			return list[i].words;
	return place;
}

static void say(void *arg, const json_t *line)
{
	(void)arg;
	if (!line_is(line, "zone"))
		return;
	const char *view = line_text(line, "view"), *zclass = line_text(line, "class");
	const char *file = line_text(line, json_object_get(line, "path") ? "path" : "file");

	printf("%s", line_text(line, "zone"));
	if (strcmp(zclass, "IN") != 0 && strcmp(zclass, "in") != 0)
		printf(" %s", zclass);
	if (view[0])
		printf(" in %s", view);
	printf(": %s", line_text(line, "kind"));
	if (line_text(line, "in_view")[0])
		printf(" %s", line_text(line, "in_view"));
	if (line_bool(line, "catalog"))
		printf(", catalog");
	if (file[0])
		printf(", %s", file);
	printf("%s%s\n", strcmp(line_text(line, "kind"), "in-view") ? ", " : "",
	       strcmp(line_text(line, "kind"), "in-view") ? place_words(line) : "");
}

int cmd_zones(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
	struct client_call call = {.command = "zones", .silence_sec = ANSWER_SEC, .each = say};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'j')
			return ctl_usage("zones");
		call.json = true;
	}
	if (optind != argc)
		return ctl_usage("zones");
	return call.json ? client_call(&call) : client_order(call, NULL);
}
