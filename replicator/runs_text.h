/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What hooks and alerts read, and what is in that which they print (zonefs-hooks(7)).
 */
#ifndef REPLICATOR_RUNS_TEXT_H
#define REPLICATOR_RUNS_TEXT_H

#include "base/port.h"
#include "replicator/core/hooks.h"

/* What fs answers to HOOK and ALERT. */
struct run_result {
	int status; /* exit status, -1: a signal, the time limit, or it could not be run */
	uint32_t run_msec;
	char output[PORT_HOOK_OUTPUT_MAX + 1];
};
void runs_result(struct run_result *out, int status, struct rd *r);

/* The text that a hook reads: a line for each item, or "all\t\n" where that does not fit max. Adds
 * to b. */
void runs_input(struct buf *b, const struct hook_run *run, size_t max);
/* The lines of `output` that start with "served ", without that word; a new string. */
char *runs_served(const char *output);
/* Copies the lines that start with `word`, less the word (or, without: all others) into dst, as much as
 * there is room for. */
void runs_pick_lines(char *dst, size_t size, const char *output, const char *word, bool with);
/* Takes the lines that start with `word` out of the text. */
void runs_drop_lines(char *text, const char *word);

#endif
