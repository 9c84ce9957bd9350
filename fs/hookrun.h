/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Runs a configured hook: argv as configured (never a shell) with the verb added, as the configured
 * user with that user's groups, with no descriptor but standard input, output and error, a clean
 * environment, cwd "/", in a session of its own that is killed as a whole at the time limit. The
 * program and every directory above it must belong to root and be writable by nobody else, and must
 * not lie in the tree.
 */
#ifndef FS_HOOKRUN_H
#define FS_HOOKRUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/conf.h"
#include "base/port.h"

struct hook_result {
	int exit_status; /* -1 where a signal ended it */
	int signal;      /* 0: none */
	bool timed_out;
	uint32_t run_msec;
	size_t output_len;
	char output[PORT_HOOK_OUTPUT_MAX]; /* standard output and error, its beginning */
};

/* What a program is told besides: each "NAME=value" of its own in the environment. */
#define HOOK_MORE_MAX 8
struct hook_more {
	const char *name;
	const char *value; /* cut at PATH_ESCAPED_MAX; bytes that are none of a text become blanks */
};

/* Blocks until the hook has ended. `input` is given on standard input. 0, or an error where it
 * could not be run at all (then result->output holds the words). Safe from several threads. */
int hook_run(const struct conf *conf, const struct conf_hook *hook, const char *verb,
	     const void *input, size_t input_len, struct hook_result *result);
/* Likewise, with `more` in the environment: up to HOOK_MORE_MAX, a name NULL at the end. */
int hook_run_with(const struct conf *conf, const struct conf_hook *hook, const char *verb,
		  const struct hook_more *more, const void *input, size_t input_len,
		  struct hook_result *result);

/* A hook that goes on running: started as by hook_run, with a pipe as its standard input. */
struct hook_kept {
	pid_t pid;
	int pidfd;
	int input;  /* our end of its standard input, which does not block */
	int output; /* likewise of its standard output and error */
};

/* 0; or an error, with the words in result->output. */
int hook_start(const struct conf *conf, const struct conf_hook *hook, const char *verb,
	       struct hook_kept *k, struct hook_result *result);
/* Ends its whole session, if it is still there, and fills in what `result` says of its end. */
void hook_end(struct hook_kept *k, struct hook_result *result);

#endif
