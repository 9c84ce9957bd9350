/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefs: reads the command line and the configuration, and becomes the keeper; or, with an
 * argument that only the keeper gives, the worker (its descriptors are 3 to 7).
 */
#include <getopt.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/conf.h"
#include "base/log.h"
#include "base/version.h"
#include "fs/keeper.h"
#include "fs/keeper_parts.h"
#include "fs/worker.h"

enum { EXIT_USAGE = 2 };
enum { FD_DEVICE = 3, FD_ROOT, FD_KEEPER, FD_INVAL, FD_CONF };

static const char usage[] =
    "usage: zonefs [-f] [-c FILE]       mount, and go to the background\n"
    "       zonefs --check [-c FILE]    only check the configuration\n"
    "\n"
    "  -c, --config FILE   the configuration (" CONF_DEFAULT_FILE ")\n"
    "  -f, --foreground    stay in front, log to standard error\n"
    "      --check         look for mistakes in the configuration, and do nothing\n"
    "      --help          this text\n"
    "      --version       the version\n";

struct arguments {
	struct keeper_options keeper;
	bool check;
	bool worker;
};

/* -1: go on; else the exit status. */
static int parse_arguments(int argc, char **argv, struct arguments *a)
{
	enum { CHECK = 256, WORKER, HELP, VERSION };
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"foreground", no_argument, NULL, 'f'},
	    {"check", no_argument, NULL, CHECK},
	    {"worker", no_argument, NULL, WORKER},
	    {"help", no_argument, NULL, HELP},
	    {"version", no_argument, NULL, VERSION},
	    {NULL, 0, NULL, 0},
	};
	int option;

	a->keeper.conf_file = CONF_DEFAULT_FILE;
	while ((option = getopt_long(argc, argv, "c:f", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			a->keeper.conf_file = optarg;
			break;
		case 'f':
			a->keeper.foreground = true;
			break;
		case CHECK:
			a->check = true;
			break;
		case WORKER:
			a->worker = true;
			break;
		case HELP:
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		case VERSION:
			puts("zonefs " ZONEFS_VERSION);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "zonefs: %s: not an argument of zonefs\n%s", argv[optind], usage);
	return EXIT_USAGE;
}

static int check(const struct conf *conf)
{
	struct keeper_secrets *secrets CLEANUP_FREE = calloc(1, sizeof(*secrets));

	if (!secrets)
		return EXIT_FAILURE;
	int node = keeper_check(conf, secrets, conf_report_stderr, NULL);
	int hooks = keeper_check_hooks(conf, conf_report_stderr, NULL);
	explicit_bzero(secrets, sizeof(*secrets));
	if (node < 0 || hooks < 0)
		return EXIT_FAILURE;
	printf("%s: no mistakes\n", conf->file);
	return EXIT_SUCCESS;
}

static int run_keeper(const struct arguments *a)
{
	size_t len;

	char *text CLEANUP_FREE = conf_load(a->keeper.conf_file, &len, conf_report_stderr, NULL);
	if (!text)
		return EXIT_FAILURE;
	struct conf *conf = conf_parse(a->keeper.conf_file, text, len, conf_report_stderr, NULL);
	if (!conf)
		return EXIT_FAILURE;
	int status;
	if (a->check) {
		status = check(conf);
	} else {
		/* What the caller left open must not stay open in a daemon. */
		close_range(3, ~0U, 0);
		log_open("zonefs", true, keeper_log_level(conf));
		status = keeper_run(conf, text, len, &a->keeper);
	}
	conf_free(conf);
	return status;
}

/* What the keeper put into memory: a new string, or NULL. */
static char *read_conf(size_t *len)
{
	struct stat st;

	if (fstat(FD_CONF, &st) < 0 || st.st_size > CONF_SIZE_MAX)
		return NULL;
	char *text = malloc((size_t)st.st_size + 1);
	ssize_t n = text ? read(FD_CONF, text, (size_t)st.st_size) : -1;
	if (n != st.st_size) {
		free(text);
		return NULL;
	}
	text[n] = '\0';
	*len = (size_t)n;
	return text;
}

static int run_worker(const struct arguments *a)
{
	/* Kept to the end: a hook that outlives the mount still runs by it. */
	static struct conf *conf;
	const struct worker_fds fds = {FD_DEVICE, FD_ROOT, FD_KEEPER, FD_INVAL};
	size_t len;

	prctl(PR_SET_NAME, "zonefs-worker");
	signal(SIGPIPE, SIG_IGN);
	/* Not for the programs that hooks are. */
	close_range(FD_DEVICE, FD_CONF, CLOSE_RANGE_CLOEXEC);
	char *text CLEANUP_FREE = read_conf(&len);
	close(FD_CONF);
	conf = text ? conf_parse(a->keeper.conf_file, text, len, conf_report_stderr, NULL) : NULL;
	if (!conf)
		return EXIT_FAILURE;
	log_open("zonefs", a->keeper.foreground, keeper_log_level(conf));
	return worker_run(conf, &fds) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct arguments a = {0};
	int status = parse_arguments(argc, argv, &a);

	if (status >= 0)
		return status;
	return a.worker ? run_worker(&a) : run_keeper(&a);
}
