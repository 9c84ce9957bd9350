/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl peers: one line each.
 */
#include <stdio.h>

#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/zonefsctl.h"

static void say(void *arg, const json_t *line)
{
	(void)arg;
	if (!line_is(line, "peer"))
		return;
	printf("%-12s %-28s %s %s", line_text(line, "peer"), line_text(line, "address"),
	       line_text(line, "key"), line_text(line, "state"));
	if (line_bool(line, "receive_only") || line_bool(line, "limited"))
		printf(", %s", line_bool(line, "limited") ? "limited" : "receive-only");
	if (!line_bool(line, "reachable") && line_text(line, "last_error")[0])
		printf(": %s", line_text(line, "last_error"));
	putchar('\n');
}

int cmd_peers(int argc, char **argv)
{
	if (ctl_no_arguments(argc, argv))
		return CTL_USAGE;
	return client_ask((struct client_call){.command = "peers", .silence_sec = 10, .each = say},
			  NULL);
}
