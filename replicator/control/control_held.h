/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the commands about held versions share: control_held.c (what is held), control_hold.c (a change set
 * begins), control_decide.c (release, approve, discard, edit, set-aside).
 */
#ifndef REPLICATOR_CONTROL_HELD_H
#define REPLICATOR_CONTROL_HELD_H

#include "replicator/control/control_history.h"

#define HELD_LIMIT_MSEC 15000
#define HELD_LOOK_MSEC 100 /* how often it is looked whether something has ended */

/* request[name] as at most HOLD_PATTERNS_MAX texts, which stay the request's; false: it is no list of
 * texts, or too long. */
bool held_texts(const json_t *request, const char *name, const char **to, uint32_t *n);
/* request["why"], "" where there is none. False: the command has been ended in words. */
bool held_why(struct client *c, const json_t *request, const char **why);

/* Until fs has given all hints up to a barrier, and they have been dealt with. */
struct before {
	uint64_t wait; /* 0: over */
	bool over;
};

/* request["serial"], where there is one. False: the command has been ended in words. */
bool held_before(struct client *c, const json_t *request, struct before *b);
int64_t held_before_wake(const struct client *c, const struct before *b);

/* ---- control_everywhere.c: release --everywhere ---- */

struct asking; /* what has been told of it; NULL: it is no such release */

/* request["everywhere"], and ["reachable"]. False: the command has been ended in words. */
bool asking_read(struct client *c, const json_t *request, struct asking **to);
/* It is about to be decided. False: another one is under way, and the command has been ended. */
bool asking_begin(struct client *c, struct asking *a);
/* A line for each node of which there is something new. */
void asking_round(struct client *c, struct asking *a);
/* What became of it; `n` paths are told if it goes. `words`: why not, by the gate; NULL: it says nothing. */
void asking_over(struct client *c, const struct asking *a, uint32_t n, const char *words);
/* What is not released by then is not released. */
void asking_free(struct client *c, struct asking *a);

#endif
