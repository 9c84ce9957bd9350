/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Starting worker and replicator: fork, then system calls only (a second thread may hold any lock
 * at that moment), then exec. Whether the program was executed comes back through a pipe that exec
 * closes.
 */
#include "fs/signals.h"
#include "fs/keeper_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"

#define CAPS_MAX 63
#define FIRST_FD 3
#define HIGH_FD 32 /* above all that a child is given */

static int place_descriptors(const struct child_spec *spec)
{
	int high[CHILD_FDS_MAX];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0)
		return -errno;
	if (spec->quiet && (dup2(null, 1) < 0 || dup2(null, 2) < 0))
		return -errno;
	for (int i = 0; i < spec->nfds; i++) {
		high[i] = fcntl(spec->fds[i], F_DUPFD_CLOEXEC, HIGH_FD);
		if (high[i] < 0)
			return -errno;
	}
	for (int i = 0; i < spec->nfds; i++)
		if (dup2(high[i], FIRST_FD + i) < 0)
			return -errno;
	if (close_range((unsigned int)(FIRST_FD + spec->nfds), ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return -errno;
	return 0;
}

static int give_up_rights(const struct account *account)
{
	/* While still root: afterwards the bounding set could not be changed. */
	for (int cap = 0; cap <= CAPS_MAX; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return account_become(account);
}

/* In the child. Returns only on failure. */
static int become_program(const struct child_spec *spec, int program, pid_t parent)
{

	signals_as_at_login();
	if (setsid() < 0 || chdir("/") < 0)
		return -errno;
	umask(077);
	int rc = place_descriptors(spec);
	if (rc == 0 && spec->account)
		rc = give_up_rights(spec->account);
	if (rc < 0)
		return rc;
	/* After the change of user, which would clear it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	if (getppid() != parent)
		return -ESRCH;

	char *const *argv = (char *const *)(uintptr_t)spec->argv;
	char *const *envp = (char *const *)(uintptr_t)spec->envp;
	execve(spec->path, argv, envp);
	if (errno == EACCES && program >= 0)
		syscall(SYS_execveat, program, "", argv, envp, AT_EMPTY_PATH);
	return -errno;
}

static void child_main(const struct child_spec *spec, int report, pid_t parent)
{
	int program = spec->program < 0 ? -1 : fcntl(spec->program, F_DUPFD_CLOEXEC, HIGH_FD);
	int high = fcntl(report, F_DUPFD_CLOEXEC, HIGH_FD);
	int rc = high < 0 ? -errno : become_program(spec, program, parent);

	ssize_t n = write(high, &rc, sizeof(rc));
	_exit(n < 0 ? 126 : 127);
}

int child_spawn(struct child *c, const struct child_spec *spec)
{
	int pipes[2], failure = 0;
	pid_t self = getpid();

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		child_main(spec, pipes[1], self);
	int err = pid < 0 ? -errno : 0;
	close(pipes[1]);
	ssize_t n = 0;
	if (err == 0)
		do
			n = read(pipes[0], &failure, sizeof(failure));
		while (n < 0 && errno == EINTR);
	close(pipes[0]);
	if (err < 0)
		return err;

	int pidfd = n == 0 ? pidfd_open(pid, 0) : -1;
	if (pidfd < 0) {
		if (n == 0)
			failure = -errno;
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return failure ? failure : -EIO;
	}
	c->pid = pid;
	c->pidfd = pidfd;
	return 0;
}

bool child_reap(struct child *c, char *how, size_t size)
{
	int status = 0;

	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(c->pidfd);
	c->pid = 0;
	c->pidfd = -1;
	if (WIFSIGNALED(status))
		snprintf(how, size, "was ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(how, size, "exited with status %d", WEXITSTATUS(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void child_kill(const struct child *c, int sig)
{
	if (c->pid > 0)
		pidfd_send_signal(c->pidfd, sig, NULL, 0);
}
