/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl restore: a version of the history is to be there again, as a new version.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/lines.h"
#include "tools/zonefsctl/zonefsctl.h"

#define SILENCE_SEC 30

static void nothing(void *arg, const json_t *line)
{
	(void)arg;
	(void)line;
}

static int restore(const char *path, const char *version)
{
	CLEANUP_FREE char *words = NULL;
	struct client_call call = {.command = "restore",
				   .request = json_object(),
				   .silence_sec = SILENCE_SEC,
				   .each = nothing,
				   .words = &words};
	int status = lines_add_path(call.request, path);

	if (status != CTL_OK) {
		json_decref(call.request);
		return status;
	}
	json_object_set_new(call.request, "version", json_string(version));
	lines_add_who(call.request);
	status = client_call(&call);
	if (words && status == CTL_OK)
		printf("%s: %s\n", path, words);
	else if (words)
		ctl_fail("%s: %s", path, words);
	return status;
}

int cmd_restore(int argc, char **argv)
{
	static const struct option none[] = {{0}};
	CLEANUP_FREE char *path = NULL, *version = NULL;

	optind = 0;
	if (getopt_long(argc, argv, "", none, NULL) != -1 || optind + 1 != argc ||
	    !lines_cut(argv[optind], &path, &version))
		return ctl_usage("restore");
	return restore(path, version);
}
