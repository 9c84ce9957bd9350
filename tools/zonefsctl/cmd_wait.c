/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl wait: exact, right after a save. For a path fs knows whether it still has a writer; for
 * everything, a question sent through the mount is answered when all that came before it is done.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/lines.h"
#include "tools/zonefsctl/text.h"
#include "tools/zonefsctl/zonefsctl.h"

#define BARRIER "user.zonefs.barrier"
#define LIMIT_DEFAULT_MSEC 30000
#define ANSWER_SEC 10 /* that the node's answer may come after the limit */

struct waiting {
	bool served;
	bool all;
	int64_t until_msec; /* monotonic */
	const char *path;   /* as it is shown; "": everything */
};

static void say_why(const char *peer, const char *words)
{
	printf("%s: ", peer);
	ctl_say_words(words[0] ? words : "not yet", 4);
}

static void say(void *arg, const json_t *line)
{
	const struct waiting *w = arg;
	const char *peer = line_text(line, "peer");

	if (line_is(line, "writer")) {
		printf("%s%sstill open for writing by %s (pid %lld)\n", w->path,
		       w->path[0] ? ": " : "", line_text(line, "command"),
		       line_number(line, "pid"));
		return;
	}
	if (!line_is(line, "reached"))
		return;
	if (!line_bool(line, "reached"))
		say_why(peer, line_text(line, "words"));
	else if (!line_bool(line, "self"))
		printf("%s: %s it\n", peer, w->served ? "serves" : "has");
}

/* For what `request`, which is taken, names. */
static int wait_for(struct waiting *w, json_t *request)
{
	int64_t left = w->until_msec - clock_monotonic_msec();

	left = left > 0 ? left : 0;
	json_object_set_new(request, "served", json_boolean(w->served));
	json_object_set_new(request, "all", json_boolean(w->all));
	json_object_set_new(request, "limit_ms", json_integer(left));
	struct client_call call = {.command = "wait",
				   .request = request,
				   .silence_sec = (int)(left / 1000) + ANSWER_SEC,
				   .each = say,
				   .arg = w};
	return client_ask(call, w->path[0] ? w->path : NULL);
}

static int wait_for_all(struct waiting *w, const struct conf *c)
{
	char serial[32];
	ssize_t len = getxattr(c->mount, BARRIER, serial, sizeof(serial) - 1);

	if (len < 0 && (errno == ENODATA || errno == ENOTSUP))
		return ctl_fail("%s: zonefs is not mounted there", c->mount);
	if (len < 0)
		return ctl_fail("%s: %s", c->mount, strerror(errno));
	serial[len] = '\0';
	w->path = "";
	return wait_for(w, json_pack("{s:s}", "serial", serial));
}

static void count_zones(void *arg, const json_t *line)
{
	*(int *)arg += line_is(line, "serving");
}

/* A zone's name that is no file's. */
static bool is_zone(const struct waiting *w, const char *argument)
{
	CLEANUP_FREE char *words = NULL;
	struct stat st;
	int n = 0;

	if (!w->served || strchr(argument, '/') || lstat(argument, &st) == 0)
		return false;
	struct client_call call = {.command = "serving",
				   .request = json_pack("{s:[s]}", "zones", argument),
				   .silence_sec = ANSWER_SEC,
				   .each = count_zones,
				   .arg = &n,
				   .words = &words};
	client_call(&call);
	return n > 0;
}

static int wait_for_zone(struct waiting *w, const char *zone)
{
	int64_t left = w->until_msec - clock_monotonic_msec();

	left = left > 0 ? left : 0;
	struct client_call call = {.command = "wait-zone",
				   .request = json_pack("{s:s,s:I}", "zone", zone, "limit_ms",
							(json_int_t)left),
				   .silence_sec = (int)(left / 1000) + ANSWER_SEC,
				   .each = say,
				   .arg = w};
	w->path = zone;
	int status = client_ask(call, zone);
	w->path = "";
	return status;
}

static int wait_for_path(struct waiting *w, const struct conf *c, const char *argument)
{
	if (is_zone(w, argument))
		return wait_for_zone(w, argument);
	json_t *request = json_object();
	int status = lines_add_path(request, argument);

	CLEANUP_FREE char *path = strdup(line_text(request, "path")); /* outlives the request */
	w->path = path ? path : "";
	if (status == CTL_OK && w->path[0]) {
		status = wait_for(w, request);
		w->path = "";
		return status;
	}
	json_decref(request);
	return status == CTL_OK ? wait_for_all(w, c) : status;
}

static int wait_for_each(struct waiting *w, int argc, char **argv)
{
	const struct conf *c = client_conf();
	int status = CTL_OK;

	if (!c)
		return CTL_FAILED;
	if (argc == 0)
		return wait_for_all(w, c);
	for (int i = 0; i < argc; i++)
		if (wait_for_path(w, c, argv[i]) != CTL_OK)
			status = CTL_FAILED;
	return status;
}

int cmd_wait(int argc, char **argv)
{
	static const struct option options[] = {
	    {"served", no_argument, NULL, 's'}, {"timeout", required_argument, NULL, 't'},
	    {"all", no_argument, NULL, 'a'}, {0}};
	struct waiting w = {.path = ""};
	int64_t limit = LIMIT_DEFAULT_MSEC;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 's') {
			w.served = true;
		} else if (c == 'a') {
			w.all = true;
		} else if (c == 't') {
			limit = text_seconds(optarg);
		} else {
			return ctl_usage("wait");
		}
		if (limit < 0) {
			ctl_fail("--timeout: \"%s\" is not a number of seconds up to 3600", optarg);
			return CTL_USAGE;
		}
	}
	w.until_msec = clock_monotonic_msec() + limit;
	return wait_for_each(&w, argc - optind, argv + optind);
}
