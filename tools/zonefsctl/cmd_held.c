/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl held, approve, discard: what the safety brake holds, and an administrator's decision.
 */
#include <getopt.h>
#include <stdio.h>

#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/lines.h"
#include "tools/zonefsctl/zonefsctl.h"

#define ANSWER_SEC 10

static void say(void *arg, const json_t *line)
{
	(void)arg;
	if (line_is(line, "held"))
		printf("%s\n", line_text(line, "path"));
}

int cmd_held(int argc, char **argv)
{
	struct client_call call = {.command = "held", .silence_sec = ANSWER_SEC, .each = say};

	if (ctl_no_arguments(argc, argv))
		return CTL_USAGE;
	return client_order(call, NULL);
}

/* For one path (NULL: all that is held). */
static int decide(const char *command, const char *argument)
{
	struct client_call call = {
	    .command = command, .request = json_object(), .silence_sec = ANSWER_SEC};

	if (argument && lines_add_path(call.request, argument) != CTL_OK) {
		json_decref(call.request);
		return CTL_FAILED;
	}
	return client_order(call, NULL);
}

static int decide_all(int argc, char **argv)
{
	static const struct option none[] = {{0}};
	int status = CTL_OK;

	optind = 0;
	if (getopt_long(argc, argv, "+", none, NULL) != -1)
		return ctl_usage(argv[0]);
	if (optind == argc)
		return decide(argv[0], NULL);
	for (int i = optind; i < argc; i++)
		if (decide(argv[0], argv[i]) != CTL_OK)
			status = CTL_FAILED;
	return status;
}

int cmd_approve(int argc, char **argv)
{
	return decide_all(argc, argv);
}

int cmd_discard(int argc, char **argv)
{
	return decide_all(argc, argv);
}
