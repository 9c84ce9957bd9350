/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefs-health: withdraws a name server that does not answer from anycast, and lets one that is
 * stale step back. See zonefs-health(8).
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "base/log.h"
#include "base/version.h"
#include "tools/health/ask.h"
#include "tools/health/health.h"
#include "tools/health/record.h"

static void help(FILE *to)
{
	fputs("usage: zonefs-health [-f] [--json] [--check] [-c FILE]\n\n"
	      "  -c, --config FILE   the node's configuration (" CONF_DEFAULT_FILE ")\n"
	      "  -f, --foreground    log to standard error, not to syslog\n"
	      "      --json          each record on standard output, too, as a JSON object\n"
	      "      --check         report every mistake in the configuration and end\n"
	      "  -h, --help          this text\n"
	      "  -V, --version       the version\n\n"
	      "It stays in front either way. Exit status: 0 all well, 1 not, 2 wrong usage.\n"
	      "See zonefs-health(8).\n",
	      to);
}

static enum log_level level_of(const char *name)
{
	static const char *const names[] = {"error", "warning", "notice", "info", "debug"};

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i]) == 0)
			return (enum log_level)i;
	return LOG_LEVEL_NOTICE;
}

/* What the configuration's reader, which knows no DNS, can't see. */
static int check_names(const struct conf *c)
{
	char sentence[512];
	int mistakes = 0;

	for (size_t i = 0; i < c->nprobes; i++) {
		const struct conf_probe *p = &c->probes[i];

		if (!ask_type(p->type)) {
			snprintf(sentence, sizeof sentence, "\"%s\" is no record type", p->type);
			conf_report_stderr(NULL, c->file, p->line, sentence);
			mistakes++;
		}
		for (size_t k = 0; k < p->nzones; k++) {
			if (p->all || ask_name_ok(p->zones[k]))
				continue;
			snprintf(sentence, sizeof sentence, "\"%.255s\" is no domain name",
				 p->zones[k]);
			conf_report_stderr(NULL, c->file, p->line, sentence);
			mistakes++;
		}
	}
	if (!c->health) {
		conf_report_stderr(NULL, c->file, 0,
				   "has no section health \"NAME\" { ... }: zonefs-health(8)");
		mistakes++;
	}
	return mistakes;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"foreground", no_argument, NULL, 'f'},
						{"json", no_argument, NULL, 'j'},
						{"check", no_argument, NULL, 'k'},
						{"help", no_argument, NULL, 'h'},
						{"version", no_argument, NULL, 'V'},
						{0}};
	const char *file = CONF_DEFAULT_FILE;
	bool front = false, check = false;
	int c, status = 1;

	while ((c = getopt_long(argc, argv, "c:fhV", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			file = optarg;
			break;
		case 'f':
			front = true;
			break;
		case 'j':
			record_json(true);
			break;
		case 'k':
			check = true;
			break;
		case 'h':
			help(stdout);
			return 0;
		case 'V':
			puts("zonefs-health " ZONEFS_VERSION);
			return 0;
		default:
			help(stderr);
			return 2;
		}
	}
	if (optind != argc) {
		help(stderr);
		return 2;
	}
	struct conf *conf = conf_read(file, conf_report_stderr, NULL);
	if (conf && check_names(conf) == 0) {
		log_open("zonefs-health", front, level_of(conf->log_level));
		status = check || health_run(conf) == 0 ? 0 : 1;
	}
	conf_free(conf);
	return status;
}
