/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Rounds of queries: every probe of the configuration over each of its transports is a *check* of
 * the rule. Of a probe's zones some are asked in each round, in turn; one that failed is asked again
 * in each round until it answers.
 */
#ifndef HEALTH_PROBE_H
#define HEALTH_PROBE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "tools/health/query.h"

#define PROBE_QUERIES_MAX 1024 /* CONF_PROBES_MAX probes, two transports, 16 zones */

struct probes;

/* `conf` is borrowed. NULL: out of memory. */
struct probes *probes_new(const struct conf *conf);
void probes_free(struct probes *p);

unsigned probes_checks(const struct probes *p);
bool probes_tcp(const struct probes *p, unsigned check);
/* "NAME/UDP", for people. */
const char *probes_name(const struct probes *p, unsigned check);

/* A probe that asks for all zones: these, instead of those before. Between rounds only. Takes the list and
 * the names, both malloc'd; until the first call it asks only whether there is a reply. */
void probes_take_zones(struct probes *p, size_t probe, char **names, size_t n);

/* Begins a round, of which there is one at a time, and queries to the service addresses: only one
 * zone, over UDP, and any reply will do. */
void probes_start(struct probes *p, int64_t now);
void probes_start_service(struct probes *p, int64_t now);
bool probes_busy(const struct probes *p);

/* The descriptors to wait for: how many, at most PROBE_QUERIES_MAX. */
unsigned probes_poll(struct probes *p, struct pollfd *fds);
/* When what is under way must be looked at again, INT64_MAX: never. */
int64_t probes_next(const struct probes *p);
/* After the wait. True: the round is over; each check's outcome can be asked for. */
bool probes_go_on(struct probes *p, int64_t now);
/* Of the round that is over. `words` says which zone and why, "" where all is good. */
enum rule_outcome probes_outcome(const struct probes *p, unsigned check, const char **words);

/* A zone that failed in it, "": there was none. */
const char *probes_bad_zone(const struct probes *p);
/* What is over: queries to the service addresses, else a round. */
bool probes_were_service(const struct probes *p);
/* Why the name server does not answer on all service addresses; NULL: it does. */
const char *probes_service_silent(const struct probes *p);

#endif
