/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl health, drain and undrain: of zonefs-health on this host.
 */
#include <getopt.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/text.h"
#include "tools/zonefsctl/zonefsctl.h"

#define SILENCE_SEC 10
#define DRAIN_SEC 300 /* peers have to agree, and routes go at their own pace */

/* Another node. */
static void say_mirror(const json_t *line)
{
	char when[TEXT_MAX];

	if (!line_text(line, "reason")[0]) {
		printf("  %-20s unknown (%s)\n", line_text(line, "node"),
		       line_bool(line, "reachable") ? "its zonefs-health says nothing"
						    : "cannot be reached");
		return;
	}
	text_time(when, line_number(line, "since"));
	printf("  %-20s %s, %s since %s: %s%s\n", line_text(line, "node"), line_text(line, "state"),
	       line_text(line, "reason"), when, line_text(line, "words"),
	       line_bool(line, "grants") ? "; has promised to stay"
	       : line_bool(line, "asks") ? "; asks to leave"
					 : "");
}

static void say(void *arg, const json_t *line)
{
	char when[TEXT_MAX];

	(void)arg;
	if (line_is(line, "health")) {
		text_time(when, line_number(line, "since"));
		printf("%s on %s: %s%s\n  %s since %s: %s\n", line_text(line, "health"),
		       line_text(line, "node"), line_text(line, "state"),
		       line_bool(line, "disabled") ? " (disabled: nothing is changed)" : "",
		       line_text(line, "reason"), when, line_text(line, "words"));
	} else if (line_is(line, "mirror")) {
		say_mirror(line);
	} else if (line_is(line, "check")) {
		const char *words = line_text(line, "words");

		printf("  %-20s %s%s%s\n", line_text(line, "check"), line_text(line, "outcome"),
		       words[0] ? ": " : "", words);
	} else if (line_is(line, "record")) {
		text_time(when, line_number(line, "at"));
		printf("  %s %s\n", when, line_text(line, "words"));
	}
}

int cmd_health(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {0}};
	struct client_call call = {
	    .command = "health", .health = true, .silence_sec = SILENCE_SEC, .each = say};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'j')
			return ctl_usage("health");
		call.json = true;
	}
	if (optind != argc)
		return ctl_usage("health");
	return client_call(&call);
}

int cmd_drain(int argc, char **argv)
{
	static const struct option options[] = {{"force", no_argument, NULL, 'f'}, {0}};
	struct client_call call = {.command = "drain", .health = true, .silence_sec = DRAIN_SEC};
	bool force = false;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'f')
			return ctl_usage("drain");
		force = true;
	}
	if (optind != argc)
		return ctl_usage("drain");
	call.request = json_pack("{s:b}", "force", force);
	return client_order(call, NULL);
}

int cmd_undrain(int argc, char **argv)
{
	struct client_call call = {
	    .command = "undrain", .health = true, .silence_sec = SILENCE_SEC};
	int status = ctl_no_arguments(argc, argv);

	return status ? status : client_order(call, NULL);
}
