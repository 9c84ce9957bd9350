/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl history: the versions of one path, a line each, the newest last.
 */
#include <getopt.h>
#include <stdio.h>

#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/lines.h"
#include "tools/zonefsctl/text.h"
#include "tools/zonefsctl/zonefsctl.h"

#define SILENCE_SEC 30

static const char *state(const json_t *line)
{
	if (line_bool(line, "visible"))
		return "  <- now";
	if (!line_bool(line, "history"))
		return "  <- IN CONFLICT with what is shown";
	return line_bool(line, "content_here") ? "" : "  (its content is not on this node)";
}

static void say(void *arg, const json_t *line)
{
	char text[TEXT_MAX];

	(void)arg;
	if (!line_is(line, "version"))
		return;
	text_time(text, line_number(line, "time"));
	printf("%s  %.19s  %s  ", line_text(line, "id"), text, line_text(line, "node"));
	lines_say_who(line);
	printf("  ");
	lines_say_what(line);
	printf("%s\n", state(line));
}

int cmd_history(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
	struct client_call call = {.command = "history", .silence_sec = SILENCE_SEC, .each = say};
	int c, status;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'j')
			return ctl_usage("history");
		call.json = true;
	}
	if (optind + 1 != argc)
		return ctl_usage("history");
	call.request = json_object();
	status = lines_add_path(call.request, argv[optind]);
	if (status != CTL_OK) {
		json_decref(call.request);
		return status;
	}
	return client_ask(call, NULL);
}
