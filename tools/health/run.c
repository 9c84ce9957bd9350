/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A child in a process group of its own, watched by its pidfd and its output's end.
 */
#include "tools/health/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

void run_init(struct run *r)
{
	*r = (struct run){.pidfd = -1, .out = -1};
}

/* A file that holds the text, to be read from its beginning. */
static int input_of(const char *text)
{
	int fd = memfd_create("zonefs-health", MFD_CLOEXEC);
	size_t len = strlen(text);

	if (fd >= 0 && (write(fd, text, len) != (ssize_t)len || lseek(fd, 0, SEEK_SET) != 0)) {
		close(fd);
		errno = EIO;
		return -1;
	}
	return fd;
}

static int spawn(pid_t *pid, char *const argv[], char *const environment[], int in, int out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						  POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	int err = posix_spawn(pid, argv[0], &actions, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -err;
}

int run_start(struct run *r, char *const argv[], char *const environment[], const char *input,
	      int limit_sec, int64_t now)
{
	int pipes[2];
	CLEANUP_CLOSE int in = input_of(input);

	run_init(r);
	if (in < 0 || pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	int err = spawn(&r->pid, argv, environment, in, pipes[1]);
	close(pipes[1]);
	if (err < 0) {
		close(pipes[0]);
		r->pid = 0;
		return err;
	}
	r->out = pipes[0];
	fcntl(r->out, F_SETFL, O_NONBLOCK);
	r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
	r->started = now;
	r->until = now + limit_sec * (int64_t)1000;
	return 0;
}

bool run_busy(const struct run *r)
{
	return r->pid > 0;
}

unsigned run_poll(const struct run *r, struct pollfd fds[RUN_FDS])
{
	if (!run_busy(r))
		return 0;
	fds[0] = (struct pollfd){.fd = r->pidfd, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = r->out, .events = POLLIN};
	return RUN_FDS;
}

int64_t run_next(const struct run *r)
{
	if (!run_busy(r))
		return INT64_MAX;
	return r->late ? INT64_MAX : r->until;
}

static void read_output(struct run *r)
{
	char bytes[4096];
	ssize_t n;

	if (r->out < 0)
		return;
	while ((n = read(r->out, bytes, sizeof bytes)) > 0) {
		size_t room = sizeof r->output - 1 - r->len;
		size_t take = (size_t)n < room ? (size_t)n : room;

		memcpy(r->output + r->len, bytes, take);
		r->len += take;
	}
	r->output[r->len] = '\0';
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close(r->out);
		r->out = -1;
	}
}

bool run_go_on(struct run *r, int64_t now)
{
	if (!run_busy(r))
		return false;
	read_output(r);
	if (now >= r->until && !r->late) {
		r->late = true;
		kill(-r->pid, SIGKILL);
	}
	if (waitpid(r->pid, &r->status, WNOHANG) != r->pid)
		return false;
	read_output(r);
	/* What it has left behind goes on by itself; nobody listens to it any more. */
	if (r->out >= 0)
		close(r->out);
	if (r->pidfd >= 0)
		close(r->pidfd);
	r->pid = 0;
	r->out = r->pidfd = -1;
	return true;
}

bool run_succeeded(const struct run *r)
{
	return !r->late && WIFEXITED(r->status) && WEXITSTATUS(r->status) == 0;
}

void run_words(const struct run *r, char *words, size_t size)
{
	size_t len = r->len;

	while (len > 0 && (r->output[len - 1] == '\n' || r->output[len - 1] == ' '))
		len--;
	const char *colon = len > 0 ? ": " : "";
	if (r->late)
		snprintf(words, size, "ended by its time limit%s%.*s", colon, (int)len, r->output);
	else if (WIFSIGNALED(r->status))
		snprintf(words, size, "ended by signal %d%s%.*s", WTERMSIG(r->status), colon,
			 (int)len, r->output);
	else if (WEXITSTATUS(r->status) != 0)
		snprintf(words, size, "exit status %d%s%.*s", WEXITSTATUS(r->status), colon,
			 (int)len, r->output);
	else
		snprintf(words, size, "succeeded%s%.*s", colon, (int)len, r->output);
}
