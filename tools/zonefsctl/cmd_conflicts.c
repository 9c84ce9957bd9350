/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl conflicts: each path, its versions below it, and what can be done. Exit status 1 where
 * there are any.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/lines.h"
#include "tools/zonefsctl/text.h"
#include "tools/zonefsctl/zonefsctl.h"

#define SILENCE_SEC 30

static void say(void *arg, const json_t *line)
{
	char **last = arg, text[TEXT_MAX];
	const char *path = line_text(line, "path");

	if (!line_is(line, "version"))
		return;
	if (!*last || strcmp(*last, path) != 0) {
		free(*last);
		*last = strdup(path);
		printf("%s\n", path);
		if (line_bool(line, "hidden"))
			printf("  directory  shown now, for what is in it\n");
	}
	text_time(text, line_number(line, "time"));
	printf("  %s  %.19s  %s  ", line_text(line, "id"), text, line_text(line, "node"));
	lines_say_who(line);
	printf("  ");
	lines_say_what(line);
	printf("%s\n", line_bool(line, "visible") ? "  <- shown now" : "");
}

int cmd_conflicts(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
	CLEANUP_FREE char *words = NULL, *last = NULL;
	struct client_call call = {.command = "conflicts",
				   .silence_sec = SILENCE_SEC,
				   .each = say,
				   .arg = &last,
				   .words = &words};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'j')
			return ctl_usage("conflicts");
		call.json = true;
	}
	if (optind != argc)
		return ctl_usage("conflicts");
	int status = client_call(&call);
	if (words && !call.json) {
		printf("%s\n", words);
		if (last)
			printf(
			    "compare: zonefsctl diff PATH@VERSION   choose: zonefsctl resolve PATH"
			    " --take VERSION   (or save the file: that resolves, too)\n");
	}
	return status;
}
