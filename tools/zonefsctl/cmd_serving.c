/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl status --zones: zone by zone, what every node serves. What is not as it should be is marked
 * in the first column, so that it is found among thousands.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/text.h"
#include "tools/zonefsctl/zonefsctl.h"

#define ANSWER_SEC 30

static const char *state_words(const char *state)
{
	static const struct {
		const char *state, *words;
	} list[] = {
	    {"served", "serves"},
	    {"not yet", "does NOT serve this version yet; last proved"},
	    {"failed", "FAILED"},
	    {"refused", "does NOT take this version; last proved"},
	    {"waits", "waits for the zone's file"},
	    {"held and served", "SERVES WHAT IS HELD there (it was loaded by hand); serial"},
	    {"held", "holds a change of it (zonefsctl held); last proved"},
	    {"not proved", "has NOT proved that it serves it"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		if (strcmp(list[i].state, state) == 0)
			return list[i].words;
	return state;
}

static void say_node(const json_t *o)
{
	const char *state = line_text(o, "state"), *words = line_text(o, "words");
	bool self = line_bool(o, "self");
	char time[TEXT_MAX];

	printf("    %-12s %s", line_text(o, "node"), state_words(state));
	if (line_text(o, "serial")[0])
		printf(" %s", line_text(o, "serial"));
	if (line_number(o, "loaded") > 0) {
		text_time(time, line_number(o, "loaded"));
		printf(", loaded %.19s", time);
	}
	if (line_text(o, "version")[0])
		printf(" [%s]", line_text(o, "version"));
	if (words[0])
		printf(": %s", words);
	if (!self && !line_bool(o, "reachable")) {
		printf("; CANNOT BE REACHED");
		if (line_number(o, "asked") > 0) {
			text_time(time, line_number(o, "asked"));
			printf(", as of %.19s", time);
		}
	}
	putchar('\n');
}

static void say(void *arg, const json_t *line)
{
	const json_t *nodes = json_object_get(line, "nodes");

	(void)arg;
	if (line_is(line, "behind"))
		printf("  %s is known through the peers: ask it, or its own peers, what it serves\n",
		       line_text(line, "node"));
	if (!line_is(line, "serving"))
		return;
	printf("%c %s", line_bool(line, "well") ? ' ' : '!', line_text(line, "zone"));
	if (strcasecmp(line_text(line, "class"), "IN") != 0)
		printf(" %s", line_text(line, "class"));
	if (line_text(line, "view")[0])
		printf(" in %s", line_text(line, "view"));
	if (line_text(line, "path")[0])
		printf(": %s", line_text(line, "path"));
	if (line_text(line, "version")[0])
		printf(" [%s]", line_text(line, "version"));
	if (line_text(line, "serial")[0])
		printf(", serial %s", line_text(line, "serial"));
	printf("%s\n", line_bool(line, "differs") ? ": the serials DIFFER" : "");
	for (size_t i = 0; i < json_array_size(nodes); i++)
		say_node(json_array_get(nodes, i));
}

int status_zones(int argc, char **argv, bool json)
{
	struct client_call call = {.command = "serving",
				   .request = json_object(),
				   .silence_sec = ANSWER_SEC,
				   .json = json,
				   .each = say};
	json_t *zones = json_array();

	for (int i = 0; i < argc; i++)
		json_array_append_new(zones, json_string(argv[i]));
	json_object_set_new(call.request, "zones", zones);
	return client_show(call);
}
