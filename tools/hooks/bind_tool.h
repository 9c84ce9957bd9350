/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Runs one of BIND's tools: argv and never a shell, found through PATH, nothing on its standard
 * input, its output kept up to a maximum, killed at a time limit.
 */
#ifndef HOOKS_BIND_TOOL_H
#define HOOKS_BIND_TOOL_H

#include <stdbool.h>

#include "base/buf.h"

#define TOOL_OUTPUT_MAX (64 * 1024 * 1024) /* 10,000 zones are printed in 0.6 MB */

struct tool_run {
	const char *const *argv; /* NULL at the end */
	int timeout_msec;
	bool own_root; /* the tool calls chroot(2): without root's rights, run it in a user
			  namespace */
};

/* Appends what the tool writes (standard output and error) to `output`, which gets no longer than
 * its max. Returns its exit status (128 and the signal's number where one ended it), ERR_TIMEOUT,
 * or -errno where it could not be run. */
int tool_run(const struct tool_run *run, struct buf *output);

#endif
