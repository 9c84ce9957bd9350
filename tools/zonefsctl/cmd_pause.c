/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl pause, resume: replication by hand.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/lines.h"
#include "tools/zonefsctl/zonefsctl.h"

static void nothing(void *arg, const json_t *line)
{
	(void)arg;
	(void)line;
}

static int order(int argc, char **argv)
{
	CLEANUP_FREE char *words = NULL;
	struct client_call call = {
	    .command = argv[0], .silence_sec = 10, .each = nothing, .words = &words};

	if (ctl_no_arguments(argc, argv))
		return CTL_USAGE;
	call.request = json_object();
	lines_add_who(call.request);
	int status = client_call(&call);
	if (status == CTL_OK && words)
		printf("%s\n", words);
	else if (words)
		ctl_fail("%s", words);
	return status;
}

int cmd_pause(int argc, char **argv)
{
	return order(argc, argv);
}

int cmd_resume(int argc, char **argv)
{
	return order(argc, argv);
}
