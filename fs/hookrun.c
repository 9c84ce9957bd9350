/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All that needs memory, locks or the user database happens before the fork; the child, being that
 * of a threaded process, makes system calls only. Standard input is a memory file, not a pipe:
 * there is nothing to feed, and a hook that does not read harms nobody.
 *
 * A session is ended by signal to its process group, then to whatever else /proc shows in it.
 */
#include "fs/signals.h"
#include "fs/hookrun.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/path.h"
#include "fs/account.h"
#include "fs/hookcheck.h"
#include "fs/memfile.h"

#define ARGS_MAX 64
#define VERB_MAX 32
#define KILL_AFTER_MSEC 1000
#define ENV_OWN 6
#define ENV_VALUE_MAX (PATH_ESCAPED_MAX + 64)

struct run {
	const struct conf *conf;
	const struct conf_hook *hook;
	struct hook_result *result;
	struct account account;
	char *argv[ARGS_MAX + 2];
	char env_text[ENV_OWN + HOOK_MORE_MAX][ENV_VALUE_MAX];
	char *envp[ENV_OWN + HOOK_MORE_MAX + 1];
	int input;
	int output;  /* reading end */
	int write;   /* the hook's end */
	int failure; /* reading end: an errno, or closed by exec */
	int report;  /* the child's end */
	pid_t pid;
	int pidfd;
};

static int refuse(struct hook_result *result, int err, const char *what)
{
	int n = snprintf(result->output, sizeof(result->output), "%s", what);

	result->output_len = n < 0 ? 0 : (size_t)n;
	if (result->output_len >= sizeof(result->output))
		result->output_len = sizeof(result->output) - 1;
	return err;
}

static bool verb_valid(const char *verb)
{
	size_t n = strspn(verb, "abcdefghijklmnopqrstuvwxyz-");

	return n > 0 && n <= VERB_MAX && verb[n] == '\0' && verb[0] != '-';
}

static int set_arguments(struct run *r, const char *verb)
{
	size_t n = 0;

	for (; r->hook->run[n]; n++) {
		if (n == ARGS_MAX)
			return ERR_LIMIT;
		r->argv[n] = r->hook->run[n];
	}
	if (n == 0)
		return ERR_CONFIG;
	r->argv[n] = (char *)(uintptr_t)verb;
	return 0;
}

/* One line, whatever a value holds. */
static void set_variable(struct run *r, size_t i, const char *variable, const char *value)
{
	snprintf(r->env_text[i], ENV_VALUE_MAX, "%s=%s", variable, value);
	for (char *p = r->env_text[i]; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	r->envp[i] = r->env_text[i];
}

static void set_environment(struct run *r, const struct hook_more *more)
{
	const char *const pairs[ENV_OWN][2] = {
	    {"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"},
	    {"LANG", "C"},
	    {"ZONEFS_HOOK", r->hook->name},
	    {"ZONEFS_NODE", r->conf->node},
	    {"ZONEFS_MOUNT", r->conf->mount},
	    {"HOME", r->account.home},
	};

	for (size_t i = 0; i < ENV_OWN; i++)
		set_variable(r, i, pairs[i][0], pairs[i][1]);
	for (size_t i = 0; more && i < HOOK_MORE_MAX && more[i].name; i++)
		set_variable(r, ENV_OWN + i, more[i].name, more[i].value);
}

static int open_descriptors(struct run *r)
{
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	r->output = pipes[0];
	r->write = pipes[1];
	if (fcntl(r->output, F_SETFL, O_NONBLOCK) < 0 || pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	r->failure = pipes[0];
	r->report = pipes[1];
	return 0;
}

static void close_descriptor(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_descriptors(struct run *r)
{
	close_descriptor(&r->input);
	close_descriptor(&r->output);
	close_descriptor(&r->write);
	close_descriptor(&r->failure);
	close_descriptor(&r->report);
	close_descriptor(&r->pidfd);
}

/* ---- the child: system calls only ---- */

static int child_settle(const struct run *r)
{
	struct rlimit files = {1024, 4096};
	int high[4] = {r->input, r->write, r->write, r->report};

	signals_as_at_login();
	if (setsid() < 0 || chdir("/") < 0)
		return -errno;
	umask(022);
	setrlimit(RLIMIT_NOFILE, &files);
	/* Out of the way of 0 to 2 first, whatever numbers they have. */
	for (int i = 0; i < 4; i++) {
		high[i] = fcntl(high[i], F_DUPFD_CLOEXEC, 16);
		if (high[i] < 0)
			return -errno;
	}
	for (int i = 0; i < 3; i++)
		if (dup2(high[i], i) < 0)
			return -errno;
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	return account_become(&r->account);
}

static void child(const struct run *r)
{
	int rc = child_settle(r);

	if (rc == 0) {
		execve(r->argv[0], r->argv, r->envp);
		rc = -errno;
	}
	ssize_t n = write(r->report, &rc, sizeof(rc));
	_exit(n < 0 ? 126 : 127);
}

/* ---- the parent ---- */

static void end_session(pid_t session, int sig)
{
	kill(-session, sig);
	DIR *d CLEANUP_CLOSEDIR = opendir("/proc");
	struct dirent *e;
	while (d && (e = readdir(d))) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		if (isdigit((unsigned char)e->d_name[0]) && pid != session &&
		    getsid(pid) == session)
			kill(pid, sig);
	}
}

static int start(struct run *r)
{
	r->pid = fork();
	if (r->pid < 0)
		return -errno;
	if (r->pid == 0)
		child(r);
	close_descriptor(&r->write);
	close_descriptor(&r->report);
	close_descriptor(&r->input);

	int failure = 0;
	ssize_t n;
	do
		n = read(r->failure, &failure, sizeof(failure));
	while (n < 0 && errno == EINTR);
	if (n == 0) {
		r->pidfd = pidfd_open(r->pid, 0);
		if (r->pidfd >= 0)
			return 0;
		failure = -errno;
		end_session(r->pid, SIGKILL);
	}
	while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
		;
	return failure ? failure : -EIO;
}

/* What is there now; what does not fit is dropped. False at the end. */
static bool read_output(struct run *r)
{
	struct hook_result *result = r->result;
	char dropped[4096];

	for (;;) {
		size_t room = sizeof(result->output) - result->output_len;
		ssize_t n =
		    read(r->output, room > 0 ? result->output + result->output_len : dropped,
			 room > 0 ? room : sizeof(dropped));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		if (room > 0)
			result->output_len += (size_t)n;
	}
}

/* Until the hook has ended. What it leaves behind may hold the pipe open for longer: that is not
 * waited for. */
static void watch(struct run *r, int64_t deadline)
{
	struct pollfd p[2] = {{r->pidfd, POLLIN, 0}, {r->output, POLLIN, 0}};
	bool killed = false;

	while (!(p[0].revents & POLLIN)) {
		int64_t left = deadline - clock_monotonic_msec();
		if (left <= 0 && !killed) {
			end_session(r->pid, r->result->timed_out ? SIGKILL : SIGTERM);
			killed = r->result->timed_out;
			r->result->timed_out = true;
			deadline = clock_monotonic_msec() + KILL_AFTER_MSEC;
			continue;
		}
		if (poll(p, 2, killed ? -1 : (int)(left < 60000 ? left : 60000)) < 0)
			continue;
		if (p[1].revents && !read_output(r))
			p[1].fd = -1;
	}
	if (p[1].fd >= 0)
		read_output(r);
}

static void finish(struct run *r, int64_t started)
{
	struct hook_result *result = r->result;
	int status = 0;

	/* Not reaped yet, so the session's number is still its own. */
	if (result->timed_out)
		end_session(r->pid, SIGKILL);
	while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		;
	result->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	result->run_msec = (uint32_t)(clock_monotonic_msec() - started);
}

/* All but the input, which is there already, or an error that it could not be made with. Starts it. */
static int run_start(struct run *r, const char *verb, const struct hook_more *more)
{
	char why[PORT_OUTPUT_MAX];

	if (!verb_valid(verb))
		return refuse(r->result, ERR_DENIED, "not a verb that hooks are run with");
	int rc = set_arguments(r, verb);
	if (rc < 0)
		return refuse(r->result, rc, "the hook's 'run' is empty or has too many words");
	rc = hookcheck_program(r->argv[0], r->conf->mount, why, sizeof(why));
	if (rc < 0)
		return refuse(r->result, rc, why);
	rc = account_find(&r->account, r->hook->user);
	if (rc < 0) {
		snprintf(why, sizeof(why), "user %s: %s", r->hook->user,
			 rc == ERR_UNKNOWN ? "no such user" : err_text(rc));
		return refuse(r->result, rc, why);
	}
	set_environment(r, more);
	rc = r->input < 0 ? r->input : open_descriptors(r);
	if (rc == 0)
		rc = start(r);
	if (rc == 0)
		return 0;
	snprintf(why, sizeof(why), "%s cannot be run: %s", r->argv[0], err_text(rc));
	return refuse(r->result, rc, why);
}

static struct run *run_new(const struct conf *conf, const struct conf_hook *hook,
			   struct hook_result *result)
{
	struct run *r = calloc(1, sizeof(*r));

	memset(result, 0, sizeof(*result));
	result->exit_status = -1;
	if (!r)
		return NULL;
	r->conf = conf;
	r->hook = hook;
	r->result = result;
	r->input = r->output = r->write = r->failure = r->report = r->pidfd = -1;
	return r;
}

int hook_run(const struct conf *conf, const struct conf_hook *hook, const char *verb,
	     const void *input, size_t input_len, struct hook_result *result)
{
	return hook_run_with(conf, hook, verb, NULL, input, input_len, result);
}

int hook_run_with(const struct conf *conf, const struct conf_hook *hook, const char *verb,
		  const struct hook_more *more, const void *input, size_t input_len,
		  struct hook_result *result)
{
	int64_t started = clock_monotonic_msec();
	struct run *r CLEANUP_FREE = run_new(conf, hook, result);

	if (!r)
		return -ENOMEM;
	if (input_len > PORT_INPUT_MAX)
		return refuse(result, ERR_LIMIT, "more input than a hook is given");
	r->input = memfile_new("zonefs-hook-input", input, input_len);
	int rc = run_start(r, verb, more);
	if (rc == 0) {
		watch(r, started + (int64_t)hook->timeout_sec * 1000);
		finish(r, started);
	}
	close_descriptors(r);
	return rc;
}

/* ---- one that goes on running ---- */

int hook_start(const struct conf *conf, const struct conf_hook *hook, const char *verb,
	       struct hook_kept *k, struct hook_result *result)
{
	struct run *r CLEANUP_FREE = run_new(conf, hook, result);
	int pipes[2];

	if (!r)
		return -ENOMEM;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	r->input = pipes[0];
	fcntl(pipes[1], F_SETFL, O_NONBLOCK);
	int rc = run_start(r, verb, NULL);
	if (rc == 0) {
		*k = (struct hook_kept){r->pid, r->pidfd, pipes[1], r->output};
		r->pidfd = r->output = -1;
	} else {
		close(pipes[1]);
	}
	close_descriptors(r);
	return rc;
}

void hook_end(struct hook_kept *k, struct hook_result *result)
{
	int status = 0;

	end_session(k->pid, SIGKILL);
	while (waitpid(k->pid, &status, 0) < 0 && errno == EINTR)
		;
	result->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	close_descriptor(&k->pidfd);
	close_descriptor(&k->input);
	close_descriptor(&k->output);
	k->pid = 0;
}
