/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * named-checkconf reads a configuration as named does only if it enters named's chroot first, and
 * chroot(2) is a right that named's user does not have. A user namespace gives it, to this process
 * and its children alone: files are still opened with the rights of the user who runs the hook.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "tools/hooks/bind_tool.h"

static int write_text(const char *file, const char *text)
{
	CLEANUP_CLOSE int fd = open(file, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* Root in a namespace of its own, where root is nobody but the user that we are. */
static int enter_user_namespace(void)
{
	char uid_map[64];
	char gid_map[64];
	int r;

	snprintf(uid_map, sizeof uid_map, "0 %u 1\n", (unsigned)geteuid());
	snprintf(gid_map, sizeof gid_map, "0 %u 1\n", (unsigned)getegid());
	if (unshare(CLONE_NEWUSER) < 0)
		return -errno;
	r = write_text("/proc/self/setgroups", "deny");
	if (r >= 0)
		r = write_text("/proc/self/uid_map", uid_map);
	if (r >= 0)
		r = write_text("/proc/self/gid_map", gid_map);
	return r;
}

/* In the child: does not return. */
static void become_tool(const struct tool_run *run, int out)
{
	int null = open("/dev/null", O_RDONLY);
	int r;

	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(127);
	if (run->own_root && geteuid() != 0) {
		r = enter_user_namespace();
		if (r < 0) {
			dprintf(2,
				"no user namespace for chroot (%s): let root run this hook, or let "
				"its user have user namespaces\n",
				err_text(r));
			_exit(127);
		}
	}
	execvp(run->argv[0], (char *const *)run->argv);
	dprintf(2, "%s: %s\n", run->argv[0], err_text(-errno));
	_exit(127);
}

/* Reads to the end of the output. False: the time is up. What is over the maximum is dropped. */
static bool collect(int fd, int64_t deadline_msec, struct buf *output)
{
	char bytes[16384];
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (;;) {
		int64_t left = deadline_msec - clock_monotonic_msec();
		ssize_t n;

		if (left <= 0)
			return false;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = read(fd, bytes, sizeof bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return true;
		if (output->len + (size_t)n <= output->max)
			buf_raw(output, bytes, (size_t)n);
	}
}

int tool_run(const struct tool_run *run, struct buf *output)
{
	int64_t deadline = clock_monotonic_msec() + run->timeout_msec;
	int fds[2];
	int status = 0;
	bool ended;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		int r = -errno;

		close(fds[0]);
		close(fds[1]);
		return r;
	}
	if (pid == 0)
		become_tool(run, fds[1]);
	close(fds[1]);
	ended = collect(fds[0], deadline, output);
	close(fds[0]);
	if (!ended)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!ended)
		return ERR_TIMEOUT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
