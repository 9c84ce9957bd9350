/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl lint: is what lies in this node's tree a configuration and zones that the name server takes?
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/lines.h"
#include "tools/zonefsctl/zonefsctl.h"

#define SILENCE_SEC 3700 /* a checker's longest time limit */

static void say(void *arg, const json_t *line)
{
	const char *verdict = line_text(line, "verdict"), *zone = line_text(line, "zone");

	(void)arg;
	if (line_is(line, "again"))
		printf("The configuration has changed meanwhile: all of it again.\n");
	if (line_is(line, "held")) {
		printf("%s is held, in doubt:\n  ", line_text(line, "path"));
		ctl_say_words(line_text(line, "words"), 2);
	}
	if (!line_is(line, "checked") || strcmp(verdict, "good") == 0)
		return;
	printf("%s", zone[0] ? zone : "the configuration");
	if (line_text(line, "view")[0])
		printf(" in %s", line_text(line, "view"));
	if (line_text(line, "path")[0])
		printf(" (%s)", line_text(line, "path"));
	printf("%s\n  ", strcmp(verdict, "bad") == 0 ? ":" : " could not be checked:");
	ctl_say_words(line_text(line, "words"), 2);
}

static int lint(const char *argument, bool json)
{
	struct client_call call = {.command = "lint",
				   .request = json_object(),
				   .silence_sec = SILENCE_SEC,
				   .json = json,
				   .each = say};

	if (argument && lines_add_path(call.request, argument) != CTL_OK) {
		json_decref(call.request);
		return CTL_FAILED;
	}
	return json ? client_call(&call) : client_order(call, argument);
}

int cmd_lint(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
	int status = CTL_OK, c;
	bool json = false;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'j')
			return ctl_usage("lint");
		json = true;
	}
	if (optind == argc)
		return lint(NULL, json);
	for (int i = optind; i < argc; i++)
		if (lint(argv[i], json) != CTL_OK)
			status = CTL_FAILED;
	return status;
}
