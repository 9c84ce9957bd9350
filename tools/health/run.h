/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Runs one command at a time: argv, never a shell; an environment of its own; a time limit; its
 * first words kept for the log. It may be stopped only by its time limit: half a change of routes is
 * worse than a late one.
 */
#ifndef HEALTH_RUN_H
#define HEALTH_RUN_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define RUN_OUTPUT 1024
#define RUN_FDS 2

struct run {
	pid_t pid; /* 0: nothing runs */
	int pidfd, out;
	int64_t started, until;
	int status; /* as of waitpid; -1: it could not be started */
	bool late;  /* ended by the time limit */
	char output[RUN_OUTPUT];
	size_t len;
};

void run_init(struct run *r);
/* `environment` and argv end with NULL. Fails only for want of processes or descriptors: -errno. */
int run_start(struct run *r, char *const argv[], char *const environment[], const char *input,
	      int limit_sec, int64_t now);
bool run_busy(const struct run *r);
unsigned run_poll(const struct run *r, struct pollfd fds[RUN_FDS]);
int64_t run_next(const struct run *r);
/* True: it has ended. */
bool run_go_on(struct run *r, int64_t now);
bool run_succeeded(const struct run *r);
/* How it ended, in words: "succeeded", "exit status 1: ...". */
void run_words(const struct run *r, char *words, size_t size);

#endif
