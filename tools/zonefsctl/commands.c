/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table of subcommands: who is called and how each is used, for the dispatcher and for help.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/zonefsctl/zonefsctl.h"

#define WORDS_LINES 5 /* of a text, a failed hook's output mostly */

const char *ctl_program = "zonefsctl";

const struct ctl_command ctl_commands[] = {
    {"keygen", cmd_keygen, "[-p] FILE", "make this node's key pair; -p: show its public key"},
    {"status", cmd_status, "[--json] [--zones [ZONE...]]",
     "is all well? this node, its peers, what waits and why; --zones: who serves what"},
    {"log", cmd_log, "[-f] [--path P] [--since T] [--origin NODE] [-n N] [--records | --json]",
     "what was changed, where, by whom, and what became of it"},
    {"peers", cmd_peers, "", "the other nodes: name, address, key, state"},
    {"wait", cmd_wait, "[--served] [--all] [--timeout S] [PATH|ZONE...]",
     "until the peers have (or serve) what is on this disk now"},
    {"verify", cmd_verify, "", "are all nodes identical, and if not, which paths differ?"},
    {"check", cmd_check, "", "has this node's disk kept all contents of the store?"},
    {"conflicts", cmd_conflicts, "[--json]", "what was changed on two sides at once, and by whom"},
    {"resolve", cmd_resolve, "PATH --take VERSION", "of the versions in conflict this one"},
    {"history", cmd_history, "[--json] PATH", "a path's versions: who, what, when, where"},
    {"show", cmd_show, "PATH@VERSION", "what a version held, to standard output"},
    {"diff", cmd_diff, "[--records [--zone NAME]] PATH|ZONE[@VERSION] [@VERSION]",
     "what changed: since the last version, since this one, between two; --records: in a zone"},
    {"restore", cmd_restore, "PATH@VERSION | --at T [-n] [-y] [PATH|PATTERN]",
     "a version is there again, or all that was at a time; deleted files too"},
    {"join", cmd_join, "--dry-run [--json]",
     "before the first start: what would joining the peers change, and where?"},
    {"start-alone", cmd_start_alone, "", "join no longer: do not wait for peers that are away"},
    {"forget", cmd_forget, "[-y] NODE", "a node that is gone for good: nothing is kept for it"},
    {"hold", cmd_hold, "[-m WHY] [PATTERN...]", "begin a change set: what is saved here is held here"},
    {"held", cmd_held, "[--json] | --edit [PATH...]",
     "what is held here, and by what; --edit: what was set aside is in the tree again"},
    {"release", cmd_release, "[-m WHY] [--everywhere [--reachable] | [--force] [PATH...]]",
     "what the change set holds goes out, as one change; --everywhere: if all nodes agree"},
    {"approve", cmd_approve, "[PATH...]", "what the safety brake holds, or the gate in doubt, is meant: it goes"},
    {"discard", cmd_discard, "[PATH...]", "what is held is not meant: put it back here"},
    {"lint", cmd_lint, "[--json] [PATH...]", "what the name server's own checkers say of this disk"},
    {"zones", cmd_zones, "[--json]", "which file is which zone, and what of it replicates"},
    {"health", cmd_health, "[--json]", "is this node announced, and if not, why? (zonefs-health)"},
    {"drain", cmd_drain, "[--force]", "withdraw this node from anycast, until undrain"},
    {"undrain", cmd_undrain, "", "announce it again as soon as it is well"},
    {"pause", cmd_pause, "", "take nothing from the peers and give them nothing, until resume"},
    {"resume", cmd_resume, "", "replicate again: both sides catch up"},
    {0},
};

int ctl_usage(const char *name)
{
	for (const struct ctl_command *c = ctl_commands; c->name; c++)
		if (strcmp(c->name, name) == 0)
			fprintf(stderr, "usage: zonefsctl [-c FILE] %s %s\n", c->name, c->usage);
	return CTL_USAGE;
}

int ctl_no_arguments(int argc, char **argv)
{
	static const struct option none[] = {{0}};

	optind = 0;
	if (getopt_long(argc, argv, "+", none, NULL) == -1 && optind == argc)
		return 0;
	return ctl_usage(argv[0]);
}

bool ctl_agreed(void)
{
	char answer[16];

	printf("Do it? [y/N] ");
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

void ctl_say_words(const char *words, int indent)
{
	for (int i = 0; i < WORDS_LINES && *words; i++) {
		size_t len = strcspn(words, "\n");

		printf("%*s%.*s\n", i ? indent : 0, "", (int)len, words);
		words += len + (words[len] == '\n');
	}
	if (*words)
		printf("%*s...\n", indent, "");
}

int ctl_fail(const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s: ", ctl_program);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return CTL_FAILED;
}
