/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl forget: an administrator's word that a node does not come back.
 */
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/zonefsctl.h"

static int forget(const char *node, bool ask)
{
	struct client_call call = {.command = "forget",
				   .request = json_object(),
				   .silence_sec = 10};

	json_object_set_new(call.request, "node", json_string(node));
	json_object_set_new(call.request, "ask", json_boolean(ask));
	return client_order(call, NULL);
}

int cmd_forget(int argc, char **argv)
{
	static const struct option options[] = {{"yes", no_argument, NULL, 'y'}, {0}};
	bool yes = false;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "y", options, NULL)) != -1) {
		if (c != 'y')
			return ctl_usage("forget");
		yes = true;
	}
	if (optind + 1 != argc)
		return ctl_usage("forget");
	const char *node = argv[optind];
	if (yes)
		return forget(node, false);
	int status = forget(node, true);
	if (status != CTL_OK)
		return status;
	if (!isatty(STDIN_FILENO))
		return ctl_fail("nothing was done: without a terminal to ask at, say --yes");
	return ctl_agreed() ? forget(node, false) : ctl_fail("nothing was done");
}
