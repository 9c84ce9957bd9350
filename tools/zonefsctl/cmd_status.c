/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl status: is all well, in the first line and as the exit status; then what that was said
 * of.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/text.h"
#include "tools/zonefsctl/zonefsctl.h"

#define SILENCE_SEC 10
#define CLOCK_MSEC 1000    /* an offset that is said aloud */
#define GONE_MSEC 86400000 /* a silence that may be for ever */

struct status {
	long long now; /* the node's clock */
	bool told;     /* its first line has come */
	bool known;    /* a node that is no reachable peer has been told */
	bool troubles; /* a path has been told */
};

static const char *plural(long long n)
{
	return n == 1 ? "" : "s";
}

/* ---- this node ---- */

static void say_store(const json_t *line)
{
	const json_t *store = json_object_get(line, "store");
	char used[TEXT_MAX], left[TEXT_MAX], current[TEXT_MAX], history[TEXT_MAX];
	char log[TEXT_MAX], keep[TEXT_MAX];

	text_size(used, line_number(store, "database_bytes") + line_number(store, "objects_bytes"));
	text_size(left, line_number(store, "free_bytes"));
	printf("  store      %lld path%s, %lld version%s, %s; %s free\n",
	       line_number(store, "paths"), plural(line_number(store, "paths")),
	       line_number(store, "versions"), plural(line_number(store, "versions")), used, left);
	if (!json_object_get(store, "history_bytes"))
		return;
	text_size(current, line_number(store, "current_bytes"));
	text_size(history, line_number(store, "history_bytes"));
	text_size(log, line_number(store, "log_bytes"));
	text_size(keep, line_number(store, "keep_bytes"));
	printf("             current contents %s, history %s, log %s (at most %s of these two)\n",
	       current, history, log, keep);
}

static void say_joining(const json_t *line)
{
	const json_t *waits_for = json_object_get(line, "waits_for");

	printf("  joining: takes the peers' tree before it publishes its own");
	for (size_t i = 0; i < json_array_size(waits_for); i++)
		printf("%s%s", i == 0 ? "; waits for " : ", ",
		       json_string_value(json_array_get(waits_for, i)));
	printf("\n  (if they will not come: zonefsctl start-alone)\n");
}

/* What is known here already, and comes yet. */
static void say_fetching(const struct status *s, const json_t *line)
{
	const json_t *f = json_object_get(line, "fetching");
	long long n = line_number(f, "contents"), nowhere = line_number(f, "nowhere");
	char left[TEXT_MAX], got[TEXT_MAX], span[CLOCK_SPAN_TEXT];

	if (!f)
		return;
	text_size(left, line_number(f, "bytes"));
	text_size(got, line_number(f, "fetched_bytes"));
	clock_span(span, s->now - line_number(f, "since"));
	printf("  fetching   %lld content%s to come, %s; %lld came since %s, %s\n", n, plural(n), left,
	       line_number(f, "fetched"), span, got);
	if (nowhere > 0)
		printf("             of those to come no peer that can be reached has %lld\n", nowhere);
}

static void say_node(struct status *s, const json_t *line)
{
	char span[CLOCK_SPAN_TEXT];

	s->now = line_number(line, "now");
	clock_span(span, s->now - line_number(line, "started"));
	printf("\n%s (this node), %s, up since %s\n", line_text(line, "node"),
	       line_text(line, "mount"), span);
	if (line_bool(line, "joining"))
		say_joining(line);
	if (line_bool(line, "looking"))
		printf("  changes    the whole tree is being looked at since the start\n");
	if (json_object_get(line, "blocked")) {
		clock_span(span, s->now - line_number(line, "blocked_since"));
		printf("  STORE CANNOT BE WRITTEN since %s: %s\n"
		       "  (local edits go on; replication waits until there is room)\n",
		       span, line_text(line, "blocked"));
	}
	if (json_object_get(line, "paused_since")) {
		clock_span(span, s->now - line_number(line, "paused_since"));
		printf("  PAUSED since %s by %s\n"
		       "  (local edits are recorded; peers get them after zonefsctl resume)\n",
		       span, line_text(line, "paused_by"));
	}
	printf("  tree       %s, %lld op%s known, vector %s\n", line_text(line, "tree"),
	       line_number(line, "ops"), plural(line_number(line, "ops")),
	       line_text(line, "vector"));
	if (line_number(line, "pending") > 0) {
		clock_span(span, line_number(line, "lag_ms"));
		printf("  waiting    %lld path%s, the oldest since %s\n",
		       line_number(line, "pending"), plural(line_number(line, "pending")), span);
	}
	say_fetching(s, line);
	say_store(line);
	if (line_number(line, "conflicts") > 0)
		printf("  conflicts  %lld path%s\n", line_number(line, "conflicts"),
		       plural(line_number(line, "conflicts")));
	if (line_number(line, "refused") > 0)
		printf("  refused    %lld connection%s, the last from %s\n",
		       line_number(line, "refused"), plural(line_number(line, "refused")),
		       line_text(line, "refused_address"));
}

static void say_fs(const json_t *line)
{
	if (!line_bool(line, "answers"))
		printf("  the file system's worker DOES NOT ANSWER\n");
	if (line_number(line, "hints_waiting") + line_number(line, "hints_unacknowledged") > 0)
		printf("  changes    %lld seen here, yet to be looked at\n",
		       line_number(line, "hints_waiting") +
			   line_number(line, "hints_unacknowledged"));
	if (line_bool(line, "rescan"))
		printf("  changes    the whole tree is being looked at\n");
}

static void say_beneath(const json_t *line)
{
	printf("  RESTART %s (pid %lld): it lives in the directory beneath the mount, "
	       "what it writes is not seen\n",
	       line_text(line, "command"), line_number(line, "pid"));
}

static void say_hook(const struct status *s, const json_t *line)
{
	char ago[CLOCK_SPAN_TEXT], took[CLOCK_SPAN_TEXT];

	printf("  hook       %s: ", line_text(line, "hook"));
	if (!json_object_get(line, "last")) {
		printf("%s\n",
		       line_bool(line, "running") ? "runs for the first time" : "not run yet");
		return;
	}
	clock_span(ago, s->now - line_number(line, "last"));
	clock_span(took, line_number(line, "run_ms"));
	if (!line_bool(line, "failing")) {
		printf("ok, last run %s ago took %s%s\n", ago, took,
		       line_bool(line, "running") ? "; runs now" : "");
		return;
	}
	if (line_number(line, "status") < 0)
		printf("FAILS (signal or time limit)");
	else
		printf("FAILS (exit status %lld)", line_number(line, "status"));
	printf(", last run %s ago took %s; %s\n             ", ago, took,
	       line_bool(line, "running") ? "runs again now" : "will be tried again");
	ctl_say_words(line_text(line, "words"), 13);
}

/* ---- the peers ---- */

static void say_difference(const json_t *line)
{
	long long behind = line_number(line, "behind"), ahead = line_number(line, "ahead");

	printf("  tree       NOT identical");
	if (behind > 0 || ahead > 0) {
		printf(": it lacks %lld change%s that %s here", behind, plural(behind),
		       behind == 1 ? "is" : "are");
		if (ahead > 0)
			printf(", has %lld that are not here yet", ahead);
	} else if (line_number(line, "outside") > 0) {
		printf(": what it has changed there is not taken");
	} else if (line_bool(line, "patterns_differ")) {
		printf(": it excludes other paths");
	} else if (line_bool(line, "refusing")) {
		printf(": it does not take all that is made elsewhere");
	}
	putchar('\n');
}

/* What it has, in comparison with this node. */
static void say_standing(const json_t *line)
{
	char span[CLOCK_SPAN_TEXT];

	if (!json_object_get(line, "ops"))
		return;
	if (line_bool(line, "identical")) {
		printf("  tree       identical\n");
	} else {
		say_difference(line);
	}
	if (line_number(line, "pending") > 0) {
		clock_span(span, line_number(line, "lag_ms"));
		printf("  waiting    %lld path%s, the oldest since %s\n",
		       line_number(line, "pending"), plural(line_number(line, "pending")), span);
	}
	if (line_number(line, "hooks_failing") > 0)
		printf("  hooks      %lld FAIL%s there: ask zonefsctl status on that host\n",
		       line_number(line, "hooks_failing"),
		       line_number(line, "hooks_failing") == 1 ? "S" : "");
}

/* What this node takes from it. */
static void say_transfer(const struct status *s, const json_t *line)
{
	const json_t *t = json_object_get(line, "catching_up");
	long long asked = line_number(line, "contents_asked");
	char span[CLOCK_SPAN_TEXT];

	if (t) {
		clock_span(span, s->now - line_number(t, "since"));
		printf("  catch-up   ");
		if (line_bool(t, "comparing"))
			printf("in full: what is here is compared with what is there");
		else if (json_object_get(t, "of"))
			printf("%lld of %lld entries taken", line_number(t, "taken"),
			       line_number(t, "of"));
		else
			printf("asked for what is new there");
		printf(", since %s\n", span);
	}
	if (asked > 0)
		printf("  fetching   %lld content%s asked of it\n", asked, plural(asked));
}

static void say_clock(const json_t *line)
{
	long long offset = line_number(line, "clock_offset_ms");
	char span[CLOCK_SPAN_TEXT];

	clock_span(span, offset < 0 ? -offset : offset);
	if (!json_object_get(line, "clock_offset_ms"))
		return;
	if (offset > CLOCK_MSEC || offset < -CLOCK_MSEC)
		printf("  CLOCK      %s %s of this one: are both set by NTP?\n", span,
		       offset < 0 ? "behind" : "ahead");
	else
		printf("  clock      %lld ms from this one\n", offset);
}

static void say_peer(const struct status *s, const json_t *line)
{
	long long heard = line_number(line, "heard");
	char span[CLOCK_SPAN_TEXT];

	printf("\n%s, %s: %s\n", line_text(line, "peer"), line_text(line, "address"),
	       line_text(line, "state"));
	if (line_text(line, "last_error")[0])
		printf("  last error %s\n", line_text(line, "last_error"));
	if (!line_bool(line, "reachable")) {
		clock_span(span, s->now - heard);
		printf("  last heard %s%s\n", heard ? span : "never",
		       heard ? " ago; what it said then:" : "");
	}
	if (line_number(line, "refused") > 0)
		printf("  refused    %lld change%s %s\n", line_number(line, "refused"),
		       plural(line_number(line, "refused")),
		       line_bool(line, "receive_only") ? "of its own: it is receive-only"
						       : "of other nodes: it is limited");
	if (line_number(line, "outside") > 0)
		printf("  outside    %lld path%s that it has changed outside what is accepted from "
		       "it: see below\n",
		       line_number(line, "outside"), plural(line_number(line, "outside")));
	say_standing(line);
	say_transfer(s, line);
	if (line_bool(line, "reachable"))
		say_clock(line);
	if (line_number(line, "conflicts") > 0)
		printf("  conflicts  %lld path%s\n", line_number(line, "conflicts"),
		       plural(line_number(line, "conflicts")));
	if (line_bool(line, "patterns_differ"))
		printf("  patterns   its \"exclude\" and \"include\" are others than here\n");
	if (line_number(line, "bad_messages") > 0)
		printf("  messages   %lld that were none: see the log\n",
		       line_number(line, "bad_messages"));
}

/* Which file is which zone. */
static void say_map(const json_t *line)
{
	const char *state = line_text(line, "state");
	long long zones = line_number(line, "zones");
	char as_of[TEXT_MAX] = "";

	if (line_number(line, "as_of"))
		text_time(as_of, line_number(line, "as_of"));
	printf("  zones      %lld of %s", zones, line_text(line, "server"));
	if (strcmp(state, "good") == 0)
		printf("\n");
	else if (strcmp(state, "asking") == 0)
		printf(", its configuration is being read\n");
	else
		printf(", as they were %s: the configuration %s\n",
		       as_of[0] ? as_of : "(never known)",
		       strcmp(state, "broken") == 0 ? "is broken" : "could not be checked");
	if (line_text(line, "words")[0]) {
		printf("             ");
		ctl_say_words(line_text(line, "words"), 13);
	}
}

/* Nodes that are peers of peers only, and whoever holds up that deletions are forgotten. */
static void say_known(struct status *s, const json_t *line)
{
	long long ago = s->now - line_number(line, "heard"), kept = line_number(line, "kept");
	bool gone = ago >= GONE_MSEC;
	char span[CLOCK_SPAN_TEXT];

	if (line_bool(line, "forgotten") || (line_bool(line, "peer") && !(gone && kept)))
		return;
	if (!s->known)
		printf("\nother nodes\n");
	s->known = true;
	clock_span(span, ago < 0 ? 0 : ago);
	printf("  %-10s %s, last heard %s ago", line_text(line, "node"),
	       line_bool(line, "peer") ? "a peer" : "known through the peers", span);
	if (kept)
		printf("; %lld deletion%s kept for it", kept, kept == 1 ? " is" : "s are");
	printf(gone ? "\n             (if it is gone for good: zonefsctl forget %s)\n" : "\n",
	       line_text(line, "node"));
}

/* ---- troubles ---- */

static const char *trouble_words(const char *trouble)
{
	static const struct {
		const char *trouble, *words;
	} list[] = {
	    {"waiting", "waits"},
	    {"unwanted", "is not installed here"},
	    {"raised", "has a later mtime here than elsewhere"},
	    {"leftover", "deleted, but holds local files"},
	    {"conflict", "in conflict: saved on two nodes at once"},
	    {"serial", "save it with a higher serial"},
	    {"held", "changed here, told to no peer: held"},
	    {"damaged", "its content in the store is damaged or missing, and asked for"},
	    {"outside", "not taken, since it is outside what is accepted from its author"},
	    {"mended", "put back: after an unclean stop it"},
	    {"hollow", "not told: new, and empty after an unclean stop; save or remove it"},
	    {"too big", "bigger than max-file-size: stays on this host"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		if (strcmp(list[i].trouble, trouble) == 0)
			return list[i].words;
	return trouble;
}

static void say_trouble(struct status *s, const json_t *line)
{
	if (!s->troubles)
		printf("\npaths\n");
	s->troubles = true;
	if (strcmp(line_text(line, "trouble"), "more") == 0) {
		printf("  and %lld more\n", line_number(line, "count"));
		return;
	}
	printf("  %s: %s", line_text(line, "path"), trouble_words(line_text(line, "trouble")));
	if (line_text(line, "words")[0])
		printf(": %s", line_text(line, "words"));
	if (line_text(line, "peer")[0])
		printf(" (%s has it)", line_text(line, "peer"));
	putchar('\n');
}

static void say(void *arg, const json_t *line)
{
	struct status *s = arg;

	s->told = true;
	if (line_is(line, "summary"))
		printf("%s\n", line_text(line, "words"));
	else if (line_is(line, "node"))
		say_node(s, line);
	else if (line_is(line, "fs"))
		say_fs(line);
	else if (line_is(line, "beneath"))
		say_beneath(line);
	else if (line_is(line, "map"))
		say_map(line);
	else if (line_is(line, "hook"))
		say_hook(s, line);
	else if (line_is(line, "peer"))
		say_peer(s, line);
	else if (line_is(line, "known"))
		say_known(s, line);
	else if (line_is(line, "trouble"))
		say_trouble(s, line);
}

int cmd_status(int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'},
						{"zones", no_argument, NULL, 'z'},
						{0}};
	CLEANUP_FREE char *words = NULL;
	struct status s = {.now = clock_wall_msec()};
	struct client_call call = {.command = "status",
				   .silence_sec = SILENCE_SEC,
				   .each = say,
				   .arg = &s,
				   .words = &words};
	bool zones = false;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'j')
			call.json = true;
		else if (c == 'z')
			zones = true;
		else
			return ctl_usage("status");
	}
	if (zones)
		return status_zones(argc - optind, argv + optind, call.json);
	if (optind != argc)
		return ctl_usage("status");
	int status = client_call(&call);
	/* Otherwise the first line has said it. */
	if (status != CTL_OK && words && !s.told && !call.json)
		ctl_fail("%s", words);
	return status;
}
