/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a judgement depended on beside its own items, as the files of a zone that a new configuration
 * names: where it was not good, it is asked for again when one of these is another one. Such a file may
 * be none that the gate is asked about, and what is saved there goes on its own (other than `needs` of a
 * verdict, which wait for each other).
 */
#ifndef REPLICATOR_JUDGE_WATCH_H
#define REPLICATOR_JUDGE_WATCH_H

#include <stdbool.h>

#include "replicator/node_internal.h"

#define WATCH_MAX 65536 /* of all judgements; what is beyond waits for another save of an item */

struct judgement;
struct watches;

struct watches *watches_new(void);
void watches_free(struct watches *w);

/* A path, or a pattern (glob(7)): what is there counts for this judgement. */
void watch_look(struct judgement *j, const char *path);
/* Another content is shown at the path now: while the judgement is under way, and for all that are over. */
void watch_told_during(struct judgement *j, const char *path);
void watch_told(struct watches *w, const char *path);
/* What it was about, beside its items, is another one by now: it says nothing. */
bool watch_late(const struct judgement *j);
/* It is over: `held`: what it has looked at is watched, for the sake of its first item; else nothing. */
void watch_end(struct watches *w, const struct judgement *j, bool held);
/* Gives the core EVENT_REJUDGE of what may be judged otherwise now. Once a round. */
void watches_work(struct watches *w, struct node *n);
/* That has something to do. */
bool watches_due(const struct watches *w);

/* For judgement_free. */
void watch_forget(struct judgement *j);

#endif
