/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl pause, resume: replication by hand.
 */
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/lines.h"
#include "tools/zonefsctl/zonefsctl.h"

static int order(int argc, char **argv)
{
	struct client_call call = {.command = argv[0], .silence_sec = 10};

	if (ctl_no_arguments(argc, argv))
		return CTL_USAGE;
	call.request = json_object();
	lines_add_who(call.request);
	return client_order(call, NULL);
}

int cmd_pause(int argc, char **argv)
{
	return order(argc, argv);
}

int cmd_resume(int argc, char **argv)
{
	return order(argc, argv);
}
