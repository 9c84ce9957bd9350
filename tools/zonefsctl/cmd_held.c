/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl held, approve, discard: what the safety brake holds, and an administrator's decision.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/place.h"
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
	CLEANUP_FREE char *words = NULL;
	struct client_call call = {
	    .command = "held", .silence_sec = ANSWER_SEC, .each = say, .words = &words};

	if (ctl_no_arguments(argc, argv))
		return CTL_USAGE;
	int status = client_call(&call);
	if (status == CTL_OK && words)
		printf("%s\n", words);
	else if (words)
		ctl_fail("%s", words);
	return status;
}

/* For one path ("": all that is held). */
static int decide(const char *command, const char *path)
{
	char escaped[PATH_ESCAPED_MAX];
	CLEANUP_FREE char *words = NULL;
	json_t *request = json_object();

	json_object_set_new(request, "path",
			    json_string(path_escape(escaped, sizeof(escaped), path)));
	struct client_call call = {.command = command,
				   .request = request,
				   .silence_sec = ANSWER_SEC,
				   .each = say,
				   .words = &words};
	int status = client_call(&call);
	if (status == CTL_OK && words)
		printf("%s\n", words);
	else if (words)
		ctl_fail("%s", words);
	return status;
}

static int decide_argument(const char *command, const char *mount, const char *argument)
{
	char path[PATH_LEN_MAX + 1];
	int err = place_resolve(mount, argument, path);

	if (err == ERR_DENIED)
		return ctl_fail("%s: not in the tree, which is mounted at %s", argument, mount);
	if (err < 0)
		return ctl_fail("%s: %s", argument, err_text(err));
	return decide(command, path);
}

static int decide_all(int argc, char **argv)
{
	static const struct option none[] = {{0}};
	int status = CTL_OK;

	optind = 0;
	if (getopt_long(argc, argv, "+", none, NULL) != -1)
		return ctl_usage(argv[0]);
	const struct conf *c = client_conf();
	if (!c)
		return CTL_FAILED;
	if (optind == argc)
		return decide(argv[0], "");
	for (int i = optind; i < argc; i++)
		if (decide_argument(argv[0], c->mount, argv[i]) != CTL_OK)
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
