/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl resolve: of the versions in conflict this one is to be there.
 */
#include <getopt.h>

#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/lines.h"
#include "tools/zonefsctl/zonefsctl.h"

#define SILENCE_SEC 30

int cmd_resolve(int argc, char **argv)
{
	static const struct option options[] = {{"take", required_argument, NULL, 't'}, {0}};
	struct client_call call = {.command = "resolve", .silence_sec = SILENCE_SEC};
	const char *take = NULL;
	int c, status;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 't')
			return ctl_usage("resolve");
		take = optarg;
	}
	if (optind + 1 != argc || !take)
		return ctl_usage("resolve");
	call.request = json_object();
	status = lines_add_path(call.request, argv[optind]);
	if (status != CTL_OK) {
		json_decref(call.request);
		return status;
	}
	json_object_set_new(call.request, "take", json_string(take));
	lines_add_who(call.request);
	return client_order(call, argv[optind]);
}
