/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl start-alone: an administrator's word that nobody is to be waited for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/zonefsctl.h"

static void nothing(void *arg, const json_t *line)
{
	(void)arg;
	(void)line;
}

int cmd_start_alone(int argc, char **argv)
{
	CLEANUP_FREE char *words = NULL;
	struct client_call call = {
	    .command = "start-alone", .silence_sec = 10, .each = nothing, .words = &words};

	if (ctl_no_arguments(argc, argv))
		return CTL_USAGE;
	int status = client_call(&call);
	if (status == CTL_OK && words)
		printf("%s\n", words);
	else if (words)
		ctl_fail("%s", words);
	return status;
}
