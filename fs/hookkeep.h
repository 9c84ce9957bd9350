/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hooks that go on running (`persistent`): the program is started with the verb "batches", reads one
 * batch after another on its standard input (the lines of a run, then an empty one), and answers each with
 * the lines that a run prints and then "done STATUS". It ends when its standard input does, so it does not
 * outlive this process. zonefs-hooks(7) is what programs go by.
 */
#ifndef FS_HOOKKEEP_H
#define FS_HOOKKEEP_H

#include "fs/hookrun.h"

struct hookkeep;

/* NULL: out of memory. conf is borrowed. */
struct hookkeep *hookkeep_new(const struct conf *conf);
/* Ends all of them. */
void hookkeep_free(struct hookkeep *k);

/* As hook_run with the verb "reload", for a hook of conf->hooks with `persistent`: starts its program where
 * it does not run. One that is not done at the time limit is ended, and started anew for the next batch. A
 * program that does not know batches (it has never been done with one, and ends by itself) is run as
 * any hook from then on. Safe from several threads; batches of one hook follow each other. */
int hookkeep_run(struct hookkeep *k, const struct conf_hook *hook, const void *input,
		 size_t input_len, struct hook_result *result);

#endif
