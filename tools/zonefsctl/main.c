/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefsctl: asks the node that runs on this host, over its control socket.
 */
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "base/log.h"
#include "base/version.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/zonefsctl.h"

static void help(FILE *to)
{
	fputs("usage: zonefsctl [-c FILE] SUBCOMMAND [ARGUMENTS]\n\n", to);
	for (const struct ctl_command *c = ctl_commands; c->name; c++) {
		fprintf(to, "  %s%s%s\n", c->name, c->usage[0] ? " " : "", c->usage);
		fprintf(to, "        %s\n", c->words);
	}
	fputs("\n  -c, --config FILE   the node's configuration (" CONF_DEFAULT_FILE ")\n"
	      "  -h, --help          this text\n"
	      "  -V, --version       the version\n\n"
	      "Exit status: 0 all well, 1 not, 2 wrong usage. See zonefsctl(8).\n",
	      to);
}

static int run(int argc, char **argv)
{
	if (strcmp(argv[0], "help") == 0) {
		help(stdout);
		return CTL_OK;
	}
	for (const struct ctl_command *c = ctl_commands; c->name; c++)
		if (strcmp(c->name, argv[0]) == 0)
			return c->run(argc, argv);
	fprintf(stderr, "zonefsctl: there is no subcommand \"%s\"\n", argv[0]);
	help(stderr);
	return CTL_USAGE;
}

/* What was said has arrived, or it does not count. */
static int flushed(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return status == CTL_OK ? ctl_fail("standard output cannot be written") : status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"help", no_argument, NULL, 'h'},
						{"version", no_argument, NULL, 'V'},
						{0}};
	int c;

	setlocale(LC_CTYPE, "");
	log_open("zonefsctl", true, LOG_LEVEL_WARNING);
	while ((c = getopt_long(argc, argv, "+c:hV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			client_use_file(optarg);
			break;
		case 'h':
			help(stdout);
			return flushed(CTL_OK);
		case 'V':
			puts("zonefsctl " ZONEFS_VERSION);
			return flushed(CTL_OK);
		default:
			help(stderr);
			return CTL_USAGE;
		}
	}
	if (optind == argc) {
		help(stderr);
		return CTL_USAGE;
	}
	int status = flushed(run(argc - optind, argv + optind));
	client_forget();
	return status;
}
