/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl restore: a version of the history is to be there again, as a new version; or all that was
 * there at a time.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/lines.h"
#include "tools/zonefsctl/text.h"
#include "tools/zonefsctl/zonefsctl.h"

#define SILENCE_SEC 30

static int restore(const char *path, const char *version)
{
	struct client_call call = {
	    .command = "restore", .request = json_object(), .silence_sec = SILENCE_SEC};
	int status = lines_add_path(call.request, path);

	if (status != CTL_OK) {
		json_decref(call.request);
		return status;
	}
	json_object_set_new(call.request, "version", json_string(version));
	lines_add_who(call.request);
	return client_order(call, path);
}

/* ---- a tree as it was ---- */

static void say_planned(void *arg, const json_t *line)
{
	const char *action = line_text(line, "action");

	(void)arg;
	if (!line_is(line, "planned"))
		return;
	if (strcmp(action, "left") == 0)
		printf("left alone  %s: %s\n", line_text(line, "path"), line_text(line, "words"));
	else if (strcmp(action, "delete") == 0)
		printf("delete      %s\n", line_text(line, "path"));
	else
		printf("restore     %s@%s%s%s\n", line_text(line, "path"), line_text(line, "id"),
		       line_text(line, "words")[0] ? ": " : "", line_text(line, "words"));
}

static int restore_at(int64_t at, const char *what, bool dry_run)
{
	struct client_call call = {.command = "restore-at",
				   .request = json_object(),
				   .silence_sec = SILENCE_SEC,
				   .each = dry_run ? say_planned : NULL};
	int status = CTL_OK;

	if (what && strpbrk(what, "*?["))
		json_object_set_new(call.request, "pattern", json_string(what));
	else if (what)
		status = lines_add_path(call.request, what);
	if (status != CTL_OK) {
		json_decref(call.request);
		return status;
	}
	json_object_set_new(call.request, "at", json_integer(at));
	json_object_set_new(call.request, "dry_run", json_boolean(dry_run));
	lines_add_who(call.request);
	return client_show(call);
}

static int restore_tree(int64_t at, const char *what, bool dry_run, bool yes)
{
	int status = CTL_OK;

	if (dry_run || !yes)
		status = restore_at(at, what, true);
	if (dry_run)
		return status;
	if (!yes && !isatty(STDIN_FILENO)) {
		ctl_fail("nothing was done: without a terminal to ask at, say --yes");
		return CTL_FAILED;
	}
	if (!yes && !ctl_agreed())
		return ctl_fail("nothing was done");
	return restore_at(at, what, false);
}

int cmd_restore(int argc, char **argv)
{
	static const struct option options[] = {{"at", required_argument, NULL, 'a'},
						{"dry-run", no_argument, NULL, 'n'},
						{"yes", no_argument, NULL, 'y'},
						{0}};
	CLEANUP_FREE char *path = NULL, *version = NULL;
	bool dry_run = false, yes = false;
	int64_t at = 0;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "ny", options, NULL)) != -1) {
		if (c == 'n')
			dry_run = true;
		else if (c == 'y')
			yes = true;
		else if (c != 'a')
			return ctl_usage("restore");
		if (c == 'a' && (at = text_since(optarg, clock_wall_msec())) <= 0) {
			ctl_fail("--at: \"%s\" is not like 10m, 2h, 3d, 2026-11-21, \"2026-11-21 "
				 "10:30\" or @1795255200",
				 optarg);
			return CTL_USAGE;
		}
	}
	if (at > 0 && optind + 1 >= argc)
		return restore_tree(at, optind < argc ? argv[optind] : NULL, dry_run, yes);
	if (at > 0 || dry_run || yes || optind + 1 != argc ||
	    !lines_cut(argv[optind], &path, &version))
		return ctl_usage("restore");
	return restore(path, version);
}
