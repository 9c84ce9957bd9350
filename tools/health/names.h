/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All zones that the name server should serve, for the probes that ask for all: the replicator says
 * them, from the name server's own configuration, and says them anew when that changes.
 */
#ifndef HEALTH_NAMES_H
#define HEALTH_NAMES_H

#include <jansson.h>
#include <stdbool.h>

#include "base/conf.h"
#include "tools/health/probe.h"

#define NAMES_MAX 200000 /* of a probe; more are left out, and that is logged */

struct names;

/* `conf` is borrowed. NULL: out of memory. */
struct names *names_new(const struct conf *conf);
void names_free(struct names *m);

/* Whether any probe asks for all zones. */
bool names_wanted(const struct names *m);
/* The lines of one answer, from its beginning. */
void names_begin(struct names *m);
void names_line(struct names *m, const json_t *line);
/* It was whole. */
void names_end(struct names *m);
/* Hands over what came whole since the last call; false: nothing did. Between rounds only. */
bool names_give(struct names *m, struct probes *p);

#endif
