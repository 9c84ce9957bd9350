/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl peers: one line each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/zonefsctl.h"

static void say(void *arg, const json_t *line)
{
	(void)arg;
	if (!line_is(line, "peer"))
		return;
	printf("%-12s %-28s %s %s", line_text(line, "peer"), line_text(line, "address"),
	       line_text(line, "key"), line_text(line, "state"));
	if (!line_bool(line, "reachable") && line_text(line, "last_error")[0])
		printf(": %s", line_text(line, "last_error"));
	putchar('\n');
}

int cmd_peers(int argc, char **argv)
{
	CLEANUP_FREE char *words = NULL;
	struct client_call call = {
	    .command = "peers", .silence_sec = 10, .each = say, .words = &words};

	if (ctl_no_arguments(argc, argv))
		return CTL_USAGE;
	int status = client_call(&call);
	if (status != CTL_OK && words)
		ctl_fail("%s", words);
	return status;
}
