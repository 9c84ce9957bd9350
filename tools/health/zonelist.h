/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All zones that the name server should serve, for the probes that ask for all: the replicator says
 * them, from the name server's own configuration, and says them anew when that changes.
 */
#ifndef HEALTH_ZONELIST_H
#define HEALTH_ZONELIST_H

#include <jansson.h>
#include <stdbool.h>

#include "base/conf.h"
#include "tools/health/probe.h"

#define ZONELIST_MAX 200000 /* of a probe; more are left out, and that is logged */

struct zonelist;

/* `conf` is borrowed. NULL: out of memory. */
struct zonelist *zonelist_new(const struct conf *conf);
void zonelist_free(struct zonelist *m);

/* Whether any probe asks for all zones. */
bool zonelist_wanted(const struct zonelist *m);
/* The lines of one answer, from its beginning. */
void zonelist_begin(struct zonelist *m);
void zonelist_line(struct zonelist *m, const json_t *line);
/* It was whole. */
void zonelist_end(struct zonelist *m);
/* Hands over what came whole since the last call; false: nothing did. Between rounds only. */
bool zonelist_give(struct zonelist *m, struct probes *p);

#endif
