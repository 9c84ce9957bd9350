/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A program to whose system call the file system has replied, and which gets no processor to go on with: in the
 * kernel, the call is still under way, with all locks that it holds.
 *
 *   stalled CPU POINT MSEC rename FROM TO
 *   stalled CPU POINT MSEC link FROM TO
 *   stalled CPU POINT MSEC symlink TARGET PATH
 *   stalled CPU POINT MSEC mkdir PATH
 *   stalled CPU WORKER MSEC unlink PATH
 *   stalled CPU WORKER MSEC rmdir PATH
 *   stalled CPU WORKER MSEC chmod MODE PATH
 *   stalled CPU WORKER MSEC look PATH          which need not be there
 *
 * The file system's process, WORKER, is stopped and the call made. When that waits, its processor, CPU, is
 * given to somebody else for MSEC milliseconds, and WORKER goes on: "replied". Whatever else is to run in that time
 * has to be on another processor. POINT, since what makes a name looks it up first: a file "FILE.LABEL" of
 * base/crash.h, which is made, and removed when the request has come there.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OTHERS 3

static const struct timespec moment = {.tv_nsec = 1000000};

/* The letter of proc_pid_stat(5); 0: there is no such process. */
static char state_of(pid_t pid)
{
	char path[64], line[512] = "";
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (!fgets(line, sizeof line, f))
		line[0] = '\0';
	fclose(f);
	const char *end = strrchr(line, ')');
	return end && end[1] ? end[2] : 0;
}

static void wait_for_file(const char *point)
{
	char here[4096];

	snprintf(here, sizeof here, "%s.here", point);
	for (int i = 0; i < 10000 && access(here, F_OK) < 0; i++)
		nanosleep(&moment, NULL);
}

static void wait_for_state(pid_t pid, const char *states)
{
	for (int i = 0; i < 10000; i++) {
		char state = state_of(pid);
		if (state && strchr(states, state))
			return;
		nanosleep(&moment, NULL);
	}
	fprintf(stderr, "stalled: %d never gets into a state of %s\n", (int)pid, states);
	exit(2);
}

static int call(char **argv)
{
	struct stat st;
	const char *what = argv[0];

	if (strcmp(what, "rename") == 0)
		return rename(argv[1], argv[2]);
	if (strcmp(what, "unlink") == 0)
		return unlink(argv[1]);
	if (strcmp(what, "rmdir") == 0)
		return rmdir(argv[1]);
	if (strcmp(what, "mkdir") == 0)
		return mkdir(argv[1], 0755);
	if (strcmp(what, "symlink") == 0)
		return symlink(argv[1], argv[2]);
	if (strcmp(what, "link") == 0)
		return link(argv[1], argv[2]);
	if (strcmp(what, "chmod") == 0)
		return chmod(argv[2], (mode_t)strtol(argv[1], NULL, 8));
	return stat(argv[1], &st) < 0 && errno != ENOENT ? -1 : 0;
}

/* 0 in the child, which is on that processor; the parent goes on when it is. */
static pid_t fork_there(size_t processor, int policy)
{
	const struct sched_param param = {0};
	cpu_set_t set;
	int there[2];
	char byte = 0;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	if (pipe(there) < 0)
		exit(2);
	pid_t pid = fork();
	if (pid != 0) {
		close(there[1]);
		if (read(there[0], &byte, 1) != 1) {
			fprintf(stderr, "stalled: no child, or not where it should be\n");
			exit(2);
		}
		return pid;
	}
	if (sched_setaffinity(0, sizeof set, &set) < 0 || sched_setscheduler(0, policy, &param) < 0 ||
	    write(there[1], &byte, 1) != 1) {
		perror("stalled: the processor");
		_exit(2);
	}
	return 0;
}

static int64_t now_msec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void occupy(long msec)
{
	int64_t end = now_msec() + msec;

	while (now_msec() < end)
		;
}

int main(int argc, char **argv)
{
	struct stat st;
	int status = 1;

	if (argc < 6)
		return 2;
	size_t processor = strtoul(argv[1], NULL, 10);
	argv++;
	argc--;
	/* So that the call is one request only. */
	for (int i = 4; i < argc && strcmp(argv[3], "look") != 0; i++)
		(void)stat(argv[i], &st);
	const char *point = argv[1][0] == '/' ? argv[1] : NULL;
	pid_t worker = point ? 0 : (pid_t)atol(argv[1]);
	if (point ? close(creat(point, 0644)) < 0 : worker <= 0 || kill(worker, SIGSTOP) < 0) {
		perror("stalled: the worker");
		return 2;
	}
	if (!point)
		wait_for_state(worker, "T");
	/* Whoever else wants the processor gets nearly all of it. */
	pid_t caller = fork_there(processor, SCHED_OTHER);
	if (caller == 0) {
		if (call(argv + 3) == 0)
			_exit(0);
		perror("stalled");
		_exit(1);
	}
	if (point)
		wait_for_file(point);
	else
		wait_for_state(caller, "SD");
	const struct sched_param param = {0};
	if (sched_setscheduler(caller, SCHED_IDLE, &param) < 0) { /* from now on: it is in its call */
		perror("stalled: the caller");
		return 2;
	}
	/* Several: of those that want it, the scheduler leaves out who is ahead of their average, so one alone
	 * would have to let the caller in every few milliseconds. */
	for (int i = 0; i < OTHERS; i++) {
		if (fork_there(processor, SCHED_OTHER) == 0) {
			occupy(atol(argv[2]));
			_exit(0);
		}
	}
	if (point)
		unlink(point);
	else
		kill(worker, SIGCONT);
	puts("replied");
	fflush(stdout);
	waitpid(caller, &status, 0);
	while (wait(NULL) > 0)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
