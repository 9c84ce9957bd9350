/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl start-alone: an administrator's word that nobody is to be waited for.
 */
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/zonefsctl.h"

int cmd_start_alone(int argc, char **argv)
{
	if (ctl_no_arguments(argc, argv))
		return CTL_USAGE;
	return client_order((struct client_call){.command = "start-alone", .silence_sec = 10},
			    NULL);
}
