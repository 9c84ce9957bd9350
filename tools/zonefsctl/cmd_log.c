/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl log: a line a version, and below it what became of it on each node.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/lines.h"
#include "tools/zonefsctl/log_records.h"
#include "tools/zonefsctl/text.h"
#include "tools/zonefsctl/zonefsctl.h"

#define SILENCE_SEC 30
#define LAST_MAX 100000
#define KNOWN_MAX 1024 /* outcomes that are not said twice */

/* ---- a version ---- */

static void say_version(const json_t *line)
{
	char text[TEXT_MAX];

	text_time(text, line_number(line, "time"));
	printf("%s  %s  ", text, line_text(line, "node"));
	lines_say_who(line);
	printf("  %s: ", line_text(line, "path"));
	lines_say_what(line);
	printf("  [%s]%s\n", line_text(line, "id"),
	       line_bool(line, "fetched") ? " (from a peer's log)" : "");
	if (!line_text(line, "words")[0])
		return;
	printf("    %s: held: ", line_text(line, "node"));
	ctl_say_words(line_text(line, "words"), 8);
}

static void say_hole(const json_t *line)
{
	long long n = line_number(line, "changes");
	char since[TEXT_MAX], until[TEXT_MAX];

	text_time(since, line_number(line, "since"));
	text_time(until, line_number(line, "until"));
	printf("-- %lld change%s of %s between %s and %s %s %s\n", n, n == 1 ? "" : "s",
	       line_text(line, "node"), since, until, n == 1 ? "is" : "are",
	       line_bool(line, "looking") ? "still being asked for"
					  : "not in any log that could be reached");
}

/* ---- outcomes ---- */

static void say_after(const json_t *o)
{
	char span[CLOCK_SPAN_TEXT];

	if (!json_object_get(o, "after_ms"))
		return;
	clock_span(span, line_number(o, "after_ms"));
	printf(" after %s", span);
}

static void say_hook(const json_t *o)
{
	const json_t *served = json_object_get(o, "served");
	long long status = line_number(o, "status");

	printf("hook %s ", line_text(o, "hook"));
	if (status == 0)
		printf("ok");
	else if (status < 0)
		printf("FAILED (signal or time limit)");
	else
		printf("FAILED (exit status %lld)", status);
	say_after(o);
	for (size_t i = 0; i < json_array_size(served); i++)
		printf("%s%s", i ? ", " : "; serves ",
		       json_string_value(json_array_get(served, i)));
	putchar('\n');
	if (status == 0 || !line_text(o, "words")[0])
		return;
	printf("        ");
	ctl_say_words(line_text(o, "words"), 8);
}

/* `path`: said only where the outcome does not stand below its version. */
static void say_outcome(const json_t *o, const char *path)
{
	printf("    %s: %s%s", line_text(o, "node"), path, path[0] ? ": " : "");
	if (json_object_get(o, "hook")) {
		say_hook(o);
		return;
	}
	if (line_number(o, "status") == 0) {
		printf("installed");
		say_after(o);
	} else {
		printf("NOT installed: %s", line_text(o, "words"));
	}
	putchar('\n');
}

/* The hook ran again for it on that node: only the last run counts. */
static bool is_repeated(const json_t *outcomes, size_t i)
{
	const json_t *o = json_array_get(outcomes, i);

	for (size_t k = i + 1; json_object_get(o, "hook") && k < json_array_size(outcomes); k++) {
		const json_t *later = json_array_get(outcomes, k);

		if (json_equal(json_object_get(o, "hook"), json_object_get(later, "hook")) &&
		    json_equal(json_object_get(o, "node"), json_object_get(later, "node")))
			return true;
	}
	return false;
}

/* The same was said of the same version a while ago: a failing hook is run again and again. */
static bool is_known(const json_t *version, const json_t *o)
{
	static uint64_t said[KNOWN_MAX];
	static size_t n;
	const char *const parts[] = {line_text(version, "version"), line_text(version, "path"),
				     line_text(o, "node"), line_text(o, "hook"),
				     line_text(o, "words")};
	uint64_t sum = (uint64_t)line_number(o, "status");

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		for (const char *p = parts[i]; *p; p++)
			sum = (sum ^ (unsigned char)*p) * 0x100000001b3u + i;
	for (size_t i = 0; i < KNOWN_MAX; i++)
		if (said[i] == sum)
			return true;
	said[n++ % KNOWN_MAX] = sum;
	return false;
}

static void say(void *arg, const json_t *line)
{
	const json_t *outcomes = json_object_get(line, "outcomes");
	const bool *records = arg;

	if (line_is(line, "outcome")) {
		if (!is_known(line, line))
			say_outcome(line, line_text(line, "path"));
		return;
	}
	if (line_is(line, "hole"))
		say_hole(line);
	if (!line_is(line, "version"))
		return;
	say_version(line);
	if (*records)
		log_records(line);
	for (size_t i = 0; i < json_array_size(outcomes); i++) {
		const json_t *o = json_array_get(outcomes, i);

		if (!is_repeated(outcomes, i) && !is_known(line, o))
			say_outcome(o, "");
	}
}

/* ---- the request ---- */

static int wrong(const char *option, const char *value, const char *what)
{
	ctl_fail("%s: \"%s\" is not %s", option, value, what);
	return CTL_USAGE;
}

static int add_number(json_t *request, const char *name, int64_t n)
{
	json_object_set_new(request, name, json_integer(n));
	return CTL_OK;
}

static int add_option(struct client_call *call, int option, const char *value)
{
	int64_t n;

	switch (option) {
	case 'f':
		json_object_set_new(call->request, "follow", json_true());
		call->silence_sec = 0;
		return CTL_OK;
	case 'j':
		call->json = true;
		return CTL_OK;
	case 'p':
		return lines_add_path(call->request, value);
	case 'o':
		json_object_set_new(call->request, "origin", json_string(value));
		return CTL_OK;
	case 's':
		n = text_since(value, clock_wall_msec());
		if (n < 0)
			return wrong("--since", value,
				     "like 10m, 2h, 3d, 2026-11-21, \"2026-11-21 10:30\" or "
				     "@1795255200");
		return add_number(call->request, "since", n);
	case 'n':
		n = text_count(value, 0, LAST_MAX);
		return n < 0 ? wrong("-n", value, "a number up to 100000")
			     : add_number(call->request, "last", n);
	default:
		return ctl_usage("log");
	}
}

int cmd_log(int argc, char **argv)
{
	static const struct option options[] = {{"follow", no_argument, NULL, 'f'},
						{"path", required_argument, NULL, 'p'},
						{"since", required_argument, NULL, 's'},
						{"origin", required_argument, NULL, 'o'},
						{"number", required_argument, NULL, 'n'},
						{"json", no_argument, NULL, 'j'},
						{"records", no_argument, NULL, 'r'},
						{0}};
	bool records = false;
	struct client_call call = {.command = "log",
				   .request = json_object(),
				   .silence_sec = SILENCE_SEC,
				   .each = say,
				   .arg = &records};
	int c, status = CTL_OK;

	optind = 0;
	while (status == CTL_OK && (c = getopt_long(argc, argv, "fn:", options, NULL)) != -1) {
		if (c == 'r')
			records = true;
		else
			status = add_option(&call, c, optarg);
	}
	if (status == CTL_OK && (optind != argc || (records && call.json)))
		status = ctl_usage("log");
	if (status != CTL_OK) {
		json_decref(call.request);
		return status;
	}
	status = client_ask(call, NULL);
	log_records_end();
	return status;
}
