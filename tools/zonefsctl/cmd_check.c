/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl check: has this node's disk kept the contents of the store?
 */
#include <stdio.h>

#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/zonefsctl.h"

#define SILENCE_SEC 3600 /* all of it is read */

static void say(void *arg, const json_t *line)
{
	(void)arg;
	if (line_is(line, "content"))
		printf("%s: %s (content %s)\n", line_text(line, "path"), line_text(line, "found"),
		       line_text(line, "hash"));
}

int cmd_check(int argc, char **argv)
{
	struct client_call call = {.command = "check", .silence_sec = SILENCE_SEC, .each = say};

	return ctl_no_arguments(argc, argv) ? CTL_USAGE : client_show(call);
}
