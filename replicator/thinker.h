/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Long computations beside the loop: two threads, of which one takes only what is small, so that a
 * zone of a million records keeps none of ten from its turn. What a thread does touches nothing but
 * its argument.
 */
#ifndef REPLICATOR_THINKER_H
#define REPLICATOR_THINKER_H

#include <stdbool.h>

#define THINKER_THREADS 2

struct thinker;

/* NULL: out of memory, or of descriptors. The threads start with the first work. */
struct thinker *thinker_new(void);
/* Waits for what is being done; what waits is not done, and `done` is not called. */
void thinker_free(struct thinker *t);

/* `work` in a thread, then `done` in the loop's. 0, or -EAGAIN, -ENOMEM: neither is called. */
int thinker_start(struct thinker *t, bool large, void (*work)(void *arg), void (*done)(void *arg),
		  void *arg);

/* Readable when something is done. */
int thinker_fd(const struct thinker *t);
/* Calls `done` of all that is; how many. */
int thinker_receive(struct thinker *t);

#endif
