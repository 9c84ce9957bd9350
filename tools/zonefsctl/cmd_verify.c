/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl verify: path by path, not by a digest.
 */
#include <stdio.h>
#include <string.h>

#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/zonefsctl.h"

#define SILENCE_SEC 60

static void say(void *arg, const json_t *line)
{
	const char *peer = line_text(line, "peer");

	(void)arg;
	if (line_is(line, "difference"))
		printf("%s: %s: %s\n", peer, line_text(line, "difference"),
		       line_text(line, "path"));
	else if (line_is(line, "compared") && json_object_get(line, "failed"))
		printf("%s: not compared: %s\n", peer, line_text(line, "failed"));
	else if (line_is(line, "compared") && line_number(line, "differences") > 0)
		printf("%s: %lld paths compared, %lld differ\n", peer, line_number(line, "paths"),
		       line_number(line, "differences"));
	else if (line_is(line, "compared"))
		printf("%s: identical, %lld paths compared\n", peer, line_number(line, "paths"));
}

int cmd_verify(int argc, char **argv)
{
	struct client_call call = {.command = "verify", .silence_sec = SILENCE_SEC, .each = say};

	return ctl_no_arguments(argc, argv) ? CTL_USAGE : client_show(call);
}
