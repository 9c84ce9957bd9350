/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The peers' zonefs-health: every second a note goes to all of them through the replicator, and the
 * newest of each comes back; what follows from them says grant.h. Whoever was not heard within a lease
 * is unknown: it counts as one that does not announce.
 */
#ifndef HEALTH_MIRRORS_H
#define HEALTH_MIRRORS_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "tools/health/note.h"

struct mirrors;

/* NULL: out of memory. `conf` is borrowed. */
struct mirrors *mirrors_new(const struct conf *conf, int64_t now);
void mirrors_free(struct mirrors *m);

/* What this node says from now on: of it the note's announces, asks, state, reason, since_sec, words. */
void mirrors_say(struct mirrors *m, const struct note *own);
/* Talks, when it is time to. */
void mirrors_go_on(struct mirrors *m, int64_t now);
struct pollfd mirrors_poll(const struct mirrors *m);
int64_t mirrors_next(const struct mirrors *m);

/* Until when this node may be withdrawn although its name server answers; INT64_MIN: not now. */
int64_t mirrors_until(const struct mirrors *m, int64_t now);
/* How many have said within a lease that they announce. */
unsigned mirrors_announcing(const struct mirrors *m, int64_t now);

struct mirror {
	const char *node;
	bool reachable;   /* as the replicator says */
	bool heard;       /* within a lease; else nothing below means anything */
	bool grants;      /* it has promised this node to stay */
	int64_t age_msec; /* of what it said */
	struct note note;
};
/* The nth peer; false: there are no more. */
bool mirrors_nth(const struct mirrors *m, unsigned nth, struct mirror *mirror, int64_t now);

#endif
