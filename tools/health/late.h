/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How long this node has been behind the others: which zones a peer serves fresher, each since when, and
 * which peers have versions that are not here. Pure: no clock, no socket; times are milliseconds of a
 * clock that only goes forward.
 *
 * Each zone has its own age: where another one changes every second, none is old. A peer's age begins
 * anew when this node has what that peer had at its beginning: where versions come all the time and are
 * taken all the time, nobody is behind.
 */
#ifndef HEALTH_LATE_H
#define HEALTH_LATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "tools/health/rule.h"

#define LATE_ZONES 256 /* at a time */

struct late;

/* NULL: out of memory. */
struct late *late_new(void);
void late_free(struct late *l);

/* A zone is served fresher elsewhere, `words` say where and why; of the same zone the first counts.
 * Beyond LATE_ZONES they are left out. */
void late_zone(struct late *l, const char *zone, const char *view, const char *words, int64_t now);
/* All were said: those that were not are well. */
void late_zones_end(struct late *l);
/* Whether one has been so for the limit; then *words are of the oldest, with how many there are. */
bool late_zones(const struct late *l, int64_t limit_msec, int64_t now, char words[RULE_WORDS]);

/* The peers, by their number below CONF_PEERS_MAX: how many versions are known here and there. Whoever
 * is not said between two calls of late_peers_end cannot be reached. */
void late_peer(struct late *l, unsigned peer, const char *name, uint64_t here, uint64_t there,
	       int64_t now);
void late_peers_end(struct late *l);
/* Whether more than half of those that can be reached have been ahead for the limit. */
bool late_behind(const struct late *l, int64_t limit_msec, int64_t now, char words[RULE_WORDS]);

#endif
