/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hook runs: when, by core/hooks.h; carried out by fs; their outcomes kept and sent to the authors.
 * That a run is due is remembered durably with the change that it is for: after a crash of this
 * process every hook that was due runs once for everything.
 */
#ifndef REPLICATOR_RUNS_H
#define REPLICATOR_RUNS_H

#include "replicator/node_internal.h"
#include "replicator/runner.h"

struct runs *runs_new(struct node *n);
void runs_free(struct runs *r);

/* EFFECT_TOLD as it comes: notes durably that hooks are due. */
void runs_note(struct runs *r, const struct effect *e);
/* EFFECT_TOLD carried out: the hooks hear of it. */
void runs_changed(struct runs *r, const struct task *t);
/* Once a round: starts what is due. */
void runs_tick(struct runs *r);
int64_t runs_wake(const struct runs *r);

/* Hooks that print proofs are to say what is served of what is held, loading nothing. False: there is none. */
bool runs_ask(struct runs *r);
/* Some of them have not said it yet. */
bool runs_asking(const struct runs *r);

/* Something that hooks have not covered yet: not durable yet, waiting, running, or failed. */
bool runs_pending(const struct runs *r);
uint32_t runs_failing(const struct runs *r);
/* Names the first hook that is pending or failing, in words. */
void runs_words(const struct runs *r, char *dst, size_t size);

#endif
