/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl hold, held (--edit), release, approve, discard: a change set by hand, what the safety brake holds,
 * and an administrator's decision. What was saved before the decision is waited for, as by zonefsctl
 * wait: a question sent through the mount is answered when all that came before it is done.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/lines.h"
#include "tools/zonefsctl/text.h"
#include "tools/zonefsctl/zonefsctl.h"

#define BARRIER "user.zonefs.barrier"
#define ANSWER_SEC 45

/* ---- held ---- */

static void say_set(const json_t *line)
{
	const json_t *pattern, *patterns = json_object_get(line, "patterns");
	char when[TEXT_MAX];
	size_t i;

	text_time(when, line_number(line, "since"));
	printf("change set since %.19s", when);
	if (line_text(line, "user")[0])
		printf(" by %s", line_text(line, "user"));
	if (line_text(line, "why")[0])
		printf(": %s", line_text(line, "why"));
	json_array_foreach(patterns, i, pattern)
	    printf("%s%s", i ? " " : "; only: ", json_string_value(pattern));
	printf("\n");
}

/* What was loaded by hand all the same. */
static void say_served(const json_t *zones)
{
	char when[TEXT_MAX];
	const json_t *z;
	size_t i;

	json_array_foreach(zones, i, z)
	{
		text_time(when, line_number(z, "loaded"));
		printf("  IT IS SERVED HERE: zone %s%s%s, serial %lld, was loaded by hand, %.19s\n",
		       line_text(z, "zone"), line_text(z, "view")[0] ? " in " : "",
		       line_text(z, "view"), line_number(z, "serial"), when);
	}
}

static void say_path(const json_t *line)
{
	char when[TEXT_MAX];

	text_time(when, line_number(line, "time"));
	printf("%s  %.19s  ", line_text(line, "path"), when);
	lines_say_who(line);
	printf("  ");
	lines_say_what(line);
	if (strcmp(line_text(line, "by"), "set") != 0)
		printf("  (%s)", line_text(line, "by"));
	if (line_bool(line, "aside"))
		printf("  (set aside)");
	if (strcmp(line_text(line, "verdict"), "doubt") == 0)
		printf(" in doubt");
	else if (strcmp(line_text(line, "verdict"), "judged") == 0)
		printf(" being judged");
	printf("\n");
	if (line_text(line, "words")[0]) {
		printf("  ");
		ctl_say_words(line_text(line, "words"), 2);
	}
	say_served(json_object_get(line, "served"));
}

static void say(void *arg, const json_t *line)
{
	(void)arg;
	if (line_is(line, "set"))
		say_set(line);
	else if (line_is(line, "held"))
		say_path(line);
}

static int decide(int argc, char **argv, const char *command, json_t *request);

int cmd_held(int argc, char **argv)
{
	static const struct option options[] = {
	    {"json", no_argument, NULL, 'j'}, {"edit", no_argument, NULL, 'e'}, {0}};
	struct client_call call = {.command = "held", .silence_sec = ANSWER_SEC, .each = say};
	bool edit = false;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'j' && c != 'e')
			return ctl_usage("held");
		call.json |= c == 'j';
		edit |= c == 'e';
	}
	if (edit && !call.json)
		return decide(argc, argv, "edit", json_object());
	if (edit || optind != argc)
		return ctl_usage("held");
	return call.json ? client_call(&call) : client_order(call, NULL);
}

/* ---- decisions ---- */

/* All that was saved before is known to the worker by this number. Where there is no mount to ask
 * through, the node decides on what it knows. */
void held_add_barrier(json_t *request)
{
	const struct conf *c = client_conf();
	char serial[32];
	ssize_t len = c ? getxattr(c->mount, BARRIER, serial, sizeof(serial) - 1) : -1;

	if (len <= 0)
		return;
	serial[len] = '\0';
	json_object_set_new(request, "serial", json_string(serial));
}

static int add_paths(json_t *request, int n, char **arguments)
{
	json_t *paths = json_array();
	int status = CTL_OK;

	for (int i = 0; i < n && status == CTL_OK; i++) {
		json_t *one = json_object();

		status = lines_add_path(one, arguments[i]);
		json_array_append(paths, json_object_get(one, "path"));
		json_decref(one);
	}
	json_object_set_new(request, "paths", paths);
	return status;
}

/* Its name in the request, of an option that `release` alone has. NULL: it is none. */
static const char *flag_of(int option)
{
	return option == 'f'   ? "force"
	       : option == 'e' ? "everywhere"
	       : option == 'r' ? "reachable"
			       : NULL;
}

/* The options of `release` and `hold`: why. False: others. */
static bool read_why(int argc, char **argv, json_t *request, bool releases)
{
	static const struct option options[] = {{"message", required_argument, NULL, 'm'},
						{"force", no_argument, NULL, 'f'},
						{"everywhere", no_argument, NULL, 'e'},
						{"reachable", no_argument, NULL, 'r'},
						{0}};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "+m:", options, NULL)) != -1) {
		if (flag_of(c) && releases) {
			json_object_set_new(request, flag_of(c), json_true());
			continue;
		}
		if (c != 'm')
			return false;
		json_t *why = json_string(optarg);
		if (!why) {
			ctl_fail("-m: this is no UTF-8");
			return false;
		}
		json_object_set_new(request, "why", why);
	}
	return true;
}

/* What the other nodes say. */
static void say_node(void *arg, const json_t *line)
{
	const char *state = line_text(line, "state"), *words = line_text(line, "words");

	(void)arg;
	if (line_is(line, "again")) {
		printf("what is to be released has changed: all are asked again\n");
		return;
	}
	if (line_is(line, "waits")) {
		fprintf(stderr,
			"waiting for hook %s, which is running: it could load what is brought back\n",
			line_text(line, "hook"));
		return;
	}
	if (!line_is(line, "node"))
		return;
	printf("%s: %s", line_text(line, "node"),
	       strcmp(state, "could-not") == 0    ? "could not check it"
	       : strcmp(state, "waited-for") == 0 ? "waited for"
	       : strcmp(state, "left-out") == 0	  ? "not asked"
						  : state);
	if (words[0]) {
		printf(": ");
		ctl_say_words(words, 2);
	} else {
		printf("\n");
	}
}

static int decide(int argc, char **argv, const char *command, json_t *request)
{
	bool asks = json_is_true(json_object_get(request, "everywhere")); /* and waits, if need be */
	struct client_call call = {.command = command,
				   .request = request,
				   .silence_sec = asks ? 0 : ANSWER_SEC,
				   .each = say_node};

	if (add_paths(request, argc - optind, argv + optind) != CTL_OK) {
		json_decref(request);
		return CTL_FAILED;
	}
	lines_add_who(request);
	held_add_barrier(request);
	return client_order(call, NULL);
}

static int decide_without_words(int argc, char **argv)
{
	static const struct option none[] = {{0}};

	optind = 0;
	if (getopt_long(argc, argv, "+", none, NULL) != -1)
		return ctl_usage(argv[0]);
	return decide(argc, argv, argv[0], json_object());
}

int cmd_approve(int argc, char **argv)
{
	return decide_without_words(argc, argv);
}

int cmd_discard(int argc, char **argv)
{
	return decide_without_words(argc, argv);
}

int cmd_release(int argc, char **argv)
{
	json_t *request = json_object();

	bool usable = read_why(argc, argv, request, true);
	bool all = json_object_get(request, "everywhere");
	if (!usable || (all && (optind != argc || json_object_get(request, "force"))) ||
	    (!all && json_object_get(request, "reachable"))) {
		json_decref(request);
		return ctl_usage("release");
	}
	return decide(argc, argv, argv[0], request);
}

/* ---- hold ---- */

int cmd_hold(int argc, char **argv)
{
	struct client_call call = {.command = "hold", .silence_sec = ANSWER_SEC};
	json_t *patterns = json_array();

	call.request = json_object();
	json_object_set_new(call.request, "patterns", patterns);
	if (!read_why(argc, argv, call.request, false)) {
		json_decref(call.request);
		return ctl_usage("hold");
	}
	for (int i = optind; i < argc; i++) {
		json_t *pattern = json_string(argv[i]);

		if (!pattern) {
			json_decref(call.request);
			return ctl_fail("a pattern is no UTF-8");
		}
		json_array_append_new(patterns, pattern);
	}
	lines_add_who(call.request);
	held_add_barrier(call.request);
	return client_order(call, NULL);
}
