/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zonefs-prestart: what is held on this host lies in the tree, where a name server that starts would load
 * it. Run before that start (zonefs-prestart.conf), this asks the node to put what was released last in
 * its place.
 *
 * A name server has to start, at night too, and with zonefs down: so all of it happens in a child, which
 * is left alone when its time is over, be it that it hangs in the mount; whatever could not be done is
 * said, and by default that is no failure.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/version.h"
#include "tools/zonefsctl/client.h"
#include "tools/zonefsctl/lines.h"
#include "tools/zonefsctl/zonefsctl.h"

#define TIMEOUT_SEC 15
#define TIMEOUT_MAX_SEC 300
#define UNCONFIGURED 3 /* the child's status: there is nothing to be done on this host */

static void help(FILE *to)
{
	fprintf(to,
		"usage: zonefs-prestart [-c FILE] [--timeout SECONDS] [--strict]\n"
		"Before a name server starts: puts what was released last in the place of what is "
		"held on this host.\n"
		"  -c, --config FILE    another zonefs.conf than " CONF_DEFAULT_FILE "\n"
		"      --timeout S      how long the start may be kept waiting (%d s)\n"
		"      --strict         exit status 1 where not all of it could be done\n"
		"  -h, --help           this\n"
		"  -V, --version        which version it is\n",
		TIMEOUT_SEC);
}

static void say_path(void *arg, const json_t *line)
{
	(void)arg;
	if (!line_is(line, "held"))
		return;
	if (line_bool(line, "aside"))
		fprintf(stderr,
			"zonefs-prestart: %s is held: what was released last is in its place\n",
			line_text(line, "path"));
	else
		fprintf(stderr, "zonefs-prestart: %s is held, and still as it was saved here\n",
			line_text(line, "path"));
}

/* In the child. */
static int set_aside(const char *file, int timeout_sec)
{
	struct client_call call = {
	    .command = "set-aside", .silence_sec = timeout_sec + 1, .each = say_path};

	if (access(file, F_OK) < 0 && errno == ENOENT) {
		fprintf(stderr, "zonefs-prestart: there is no %s: nothing to do\n", file);
		return UNCONFIGURED;
	}
	client_use_file(file);
	if (!client_conf())
		return CTL_FAILED;
	call.request = json_object();
	lines_add_who(call.request);
	held_add_barrier(call.request);
	json_object_set_new(call.request, "limit_ms", json_integer(timeout_sec * 900));
	return client_order(call, NULL);
}

/* Its exit status; -1 when its time is over. */
static int wait_for(pid_t child, int timeout_sec)
{
	struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, child, 0), .events = POLLIN};
	int status = 0;

	if (ended.fd >= 0 && poll(&ended, 1, timeout_sec * 1000) == 0) {
		kill(child, SIGKILL); /* one that hangs in the kernel goes when it can */
		return -1;
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : CTL_FAILED;
}

static int run(const char *file, int timeout_sec)
{
	pid_t parent = getpid(), child = fork();

	if (child < 0) {
		fprintf(stderr, "zonefs-prestart: %s\n", strerror(errno));
		return CTL_FAILED;
	}
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(CTL_FAILED);
		int status = set_aside(file, timeout_sec);
		client_forget();
		fflush(stdout);
		_exit(status);
	}
	int status = wait_for(child, timeout_sec);
	if (status == -1)
		fprintf(stderr, "zonefs-prestart: zonefs has not answered for %d seconds\n",
			timeout_sec);
	if (status == UNCONFIGURED)
		return CTL_OK;
	if (status != CTL_OK)
		fprintf(stderr, "zonefs-prestart: WARNING: what is held on this host may lie in "
				"the tree, and the name server that starts now would load it: "
				"zonefsctl held\n");
	return status == CTL_OK ? CTL_OK : CTL_FAILED;
}

static bool read_seconds(const char *text, int *to)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end || n < 1 || n > TIMEOUT_MAX_SEC)
		return false;
	*to = (int)n;
	return true;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'}, {"timeout", required_argument, NULL, 't'},
	    {"strict", no_argument, NULL, 's'},       {"help", no_argument, NULL, 'h'},
	    {"version", no_argument, NULL, 'V'},      {0}};
	const char *file = CONF_DEFAULT_FILE;
	int timeout_sec = TIMEOUT_SEC, c;
	bool strict = false;

	ctl_program = "zonefs-prestart";
	log_open("zonefs-prestart", true, LOG_LEVEL_WARNING);
	while ((c = getopt_long(argc, argv, "+c:hV", options, NULL)) != -1) {
		if (c == 'c') {
			file = optarg;
		} else if (c == 's') {
			strict = true;
		} else if (c == 'h') {
			help(stdout);
			return CTL_OK;
		} else if (c == 'V') {
			puts("zonefs-prestart " ZONEFS_VERSION);
			return CTL_OK;
		} else if (c != 't' || !read_seconds(optarg, &timeout_sec)) {
			if (c == 't')
				fprintf(stderr,
					"zonefs-prestart: --timeout: not from 1 to %d seconds\n",
					TIMEOUT_MAX_SEC);
			help(stderr);
			return CTL_USAGE;
		}
	}
	if (optind != argc) {
		help(stderr);
		return CTL_USAGE;
	}
	int status = run(file, timeout_sec);
	return strict ? status : CTL_OK;
}
