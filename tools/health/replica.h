/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the replicator says of the data, by its control socket's "status", without blocking. One
 * that does not answer is something to be told, and nothing else.
 */
#ifndef HEALTH_REPLICA_H
#define HEALTH_REPLICA_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "tools/health/probe.h"
#include "tools/health/rule.h"

struct replica;

/* NULL: out of memory. `conf` is borrowed. */
struct replica *replica_new(const struct conf *conf);
void replica_free(struct replica *r);

/* Asks; does nothing while an answer is awaited. */
void replica_start(struct replica *r, int64_t now);
bool replica_busy(const struct replica *r);
struct pollfd replica_poll(const struct replica *r); /* fd -1: nothing to wait for */
int64_t replica_next(const struct replica *r);
/* True: there is an answer, or there will be none. */
bool replica_go_on(struct replica *r, int64_t now);
/* What was said last, into the rule. */
void replica_tell(struct replica *r, struct rule *rule, int64_t now);
/* All zones that should be served, to the probes that ask for them, if they are new. */
bool replica_give_zones(struct replica *r, struct probes *p);

#endif
