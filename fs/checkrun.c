/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two processes: the outer one makes the namespaces, starts the inner one in them, and ends it at the
 * time limit; the inner one is the checker. If the worker dies the outer one does, and with it the inner
 * one. Both come from a threaded process and make system calls only.
 *
 * The outer one reports what became of the inner one through a pipe, in which the inner one says first
 * what kept it from becoming the checker, if anything did.
 */
#include "fs/checkrun.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "fs/signals.h"

#define MEMORY_MAX (UINT64_C(4) << 30)
#define FILES_MAX 1024
#define TASKS_MAX 4096 /* of the user, the name server's own included */
#define GRACE_SEC 5    /* beyond the time limit, until the outer process is given up */

enum report_what { REPORT_FAILED = 1, REPORT_ENDED = 2, REPORT_TIMEOUT = 3 };

struct report {
	int what;
	int value; /* FAILED: -errno; ENDED: a wait status */
	int step;  /* FAILED */
};

enum step { STEP_NAMESPACES, STEP_FORK, STEP_VIEW, STEP_LIMITS, STEP_USER, STEP_EXEC };

static const char *const step_texts[] = {
    [STEP_NAMESPACES] = "no namespaces of its own",
    [STEP_FORK] = "no process",
    [STEP_VIEW] = "what it is to look at cannot be put together",
    [STEP_LIMITS] = "its limits cannot be set",
    [STEP_USER] = "it cannot be given its user",
    [STEP_EXEC] = "the program cannot be run",
};

struct pipes {
	int output[2];
	int report[2];
	int null;
};

/* ---- the inner process ---- */

static _Noreturn void fail(int to, enum step step, int err)
{
	struct report report = {REPORT_FAILED, err, (int)step};

	ssize_t n = write(to, &report, sizeof(report));
	_exit(n < 0 ? 126 : 127);
}

static int set_limit(__rlimit_resource_t what, uint64_t to)
{
	struct rlimit limit = {to, to};

	return setrlimit(what, &limit) < 0 ? -errno : 0;
}

static int set_limits(int timeout_sec)
{
	int rc = set_limit(RLIMIT_CORE, 0);

#ifndef __SANITIZE_ADDRESS__
	rc = rc < 0 ? rc : set_limit(RLIMIT_AS, MEMORY_MAX);
#endif
	rc = rc < 0 ? rc : set_limit(RLIMIT_NOFILE, FILES_MAX);
	rc = rc < 0 ? rc : set_limit(RLIMIT_CPU, (uint64_t)timeout_sec + 1);
	return rc < 0 ? rc : set_limit(RLIMIT_FSIZE, 0);
}

static _Noreturn void inner(const struct checkrun *r, const struct pipes *p)
{
	static char *const environment[] = {
	    (char *)(uintptr_t) "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
	    (char *)(uintptr_t) "LANG=C",
	    NULL,
	};
	int report = p->report[1];

	int rc = r->view(r->arg);
	if (rc < 0)
		fail(report, STEP_VIEW, rc);
	if (dup2(p->null, 0) < 0 || dup2(p->output[1], 1) < 0 || dup2(p->output[1], 2) < 0)
		fail(report, STEP_LIMITS, -errno);
	rc = set_limits(r->timeout_sec);
	if (rc < 0)
		fail(report, STEP_LIMITS, rc);
	rc = account_become_keeping(r->account, CAP_SYS_CHROOT);
	if (rc < 0)
		fail(report, STEP_USER, rc);
	set_limit(RLIMIT_NPROC, TASKS_MAX); /* only now: setuid would count the user's others */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	execve(r->argv[0], (char *const *)(uintptr_t)r->argv, environment);
	fail(report, STEP_EXEC, -errno);
}

/* ---- the outer process ---- */

static _Noreturn void outer(const struct checkrun *r, const struct pipes *p)
{
	struct report report = {REPORT_ENDED, 0, 0};
	struct timespec limit = {r->timeout_sec, 0};
	int to = p->report[1];

	signals_as_at_login();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	umask(022);
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC) < 0)
		fail(to, STEP_NAMESPACES, -errno);
	pid_t pid = _Fork();
	if (pid < 0)
		fail(to, STEP_FORK, -errno);
	if (pid == 0)
		inner(r, p);
	close(p->output[1]);
	struct pollfd until[2] = {{pidfd_open(pid, 0), POLLIN, 0}, {r->end_fd, POLLIN, 0}};
	if (until[0].fd < 0 || ppoll(until, 2, &limit, NULL) == 0 || until[1].revents) {
		report.what = REPORT_TIMEOUT;
		kill(pid, SIGKILL);
	}
	while (waitpid(pid, &report.value, 0) < 0 && errno == EINTR)
		;
	ssize_t n = write(to, &report, sizeof(report));
	_exit(n < 0 ? 126 : 0);
}

/* ---- the worker's side ---- */

static void close_pair(int pair[2])
{
	for (int i = 0; i < 2; i++) {
		if (pair[i] >= 0)
			close(pair[i]);
		pair[i] = -1;
	}
}

static int open_pipes(struct pipes *p)
{
	*p = (struct pipes){{-1, -1}, {-1, -1}, -1};
	p->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (p->null >= 0 && pipe2(p->output, O_CLOEXEC) == 0 && pipe2(p->report, O_CLOEXEC) == 0 &&
	    fcntl(p->output[0], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	return -errno;
}

static void close_pipes(struct pipes *p)
{
	close_pair(p->output);
	close_pair(p->report);
	if (p->null >= 0)
		close(p->null);
}

static bool grow(struct checkrun *r, size_t *room)
{
	size_t size = *room ? 2 * *room : 16384;

	if (size > r->output_max + 1)
		size = r->output_max + 1;
	char *p = size > *room ? realloc(r->output, size) : NULL;
	if (!p)
		return false;
	r->output = p;
	*room = size;
	return true;
}

/* What is there now; what does not fit is dropped. False at the end. */
static bool read_output(struct checkrun *r, int fd, size_t *room)
{
	char dropped[4096];

	for (;;) {
		bool fits = r->output_len + 1 < *room || grow(r, room);
		ssize_t n = fits ? read(fd, r->output + r->output_len, *room - 1 - r->output_len)
				 : read(fd, dropped, sizeof(dropped));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		if (fits)
			r->output_len += (size_t)n;
		else
			r->cut = true;
	}
}

/* Until the outer process has ended, which ends by itself. */
static void watch(struct checkrun *r, int output, pid_t pid, int pidfd)
{
	int64_t deadline = clock_monotonic_msec() + (r->timeout_sec + GRACE_SEC) * INT64_C(1000);
	struct pollfd p[2] = {{pidfd, POLLIN, 0}, {output, POLLIN, 0}};
	size_t room = 0;

	while (!(p[0].revents & POLLIN)) {
		int64_t left = deadline - clock_monotonic_msec();

		if (left <= 0) {
			kill(pid, SIGKILL);
			left = 1000;
		}
		if (poll(p, 2, (int)left) < 0)
			continue;
		if (p[1].revents && !read_output(r, output, &room))
			p[1].fd = -1;
	}
	if (p[1].fd >= 0)
		read_output(r, output, &room);
	if (!r->output)
		grow(r, &room);
	if (r->output)
		r->output[r->output_len] = '\0';
}

static void say(struct checkrun *r, const char *what, int err)
{
	free(r->output);
	r->output = NULL;
	int n = asprintf(&r->output, "%s: %s: %s", r->argv[0], what, err_text(err));
	r->output_len = n < 0 ? 0 : (size_t)n;
	if (n < 0)
		r->output = NULL;
}

/* What the two said. */
static int read_reports(struct checkrun *r, int fd)
{
	struct report report;
	int rc = -EIO;

	while (read(fd, &report, sizeof(report)) == (ssize_t)sizeof(report)) {
		if (report.what == REPORT_FAILED) {
			say(r, step_texts[report.step], report.value);
			return report.value;
		}
		rc = 0;
		r->timed_out = report.what == REPORT_TIMEOUT;
		r->exit_status = WIFEXITED(report.value) ? WEXITSTATUS(report.value) : -1;
		r->signal = WIFSIGNALED(report.value) ? WTERMSIG(report.value) : 0;
	}
	if (rc < 0)
		say(r, "it ended, nobody knows how", rc);
	return rc;
}

int checkrun(struct checkrun *r)
{
	int64_t started = clock_monotonic_msec();
	struct pipes p;

	r->exit_status = -1;
	r->signal = 0;
	r->timed_out = r->cut = false;
	r->output = NULL;
	r->output_len = 0;
	int rc = open_pipes(&p);
	pid_t pid = rc < 0 ? -1 : fork();
	if (pid == 0)
		outer(r, &p);
	if (rc == 0 && pid < 0)
		rc = -errno;
	if (rc == 0) {
		close(p.output[1]);
		close(p.report[1]);
		p.output[1] = p.report[1] = -1;
		int pidfd = pidfd_open(pid, 0);
		if (pidfd >= 0) {
			watch(r, p.output[0], pid, pidfd);
			close(pidfd);
		} else {
			rc = -errno;
			kill(pid, SIGKILL);
		}
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		if (rc == 0)
			rc = read_reports(r, p.report[0]);
	}
	if (rc < 0 && !r->output)
		say(r, "it cannot be run", rc);
	close_pipes(&p);
	r->run_msec = (uint32_t)(clock_monotonic_msec() - started);
	return rc;
}
