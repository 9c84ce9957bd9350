/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the gate is asked about: the files of the configuration and of static primary zones, by the map,
 * and what those include, by what was released last. Learned from the store, some zones a round, when the
 * map has changed, and from each zone when it has; then what is held is judged again.
 */
#ifndef REPLICATOR_JUDGE_GATED_H
#define REPLICATOR_JUDGE_GATED_H

#include <stdbool.h>

#include "base/path.h"
#include "replicator/node_internal.h"

struct gated;

struct gated *gated_new(struct node *n);
void gated_free(struct gated *g);

/* The configuration is another one, and what it names is not known so far: every path may belong to it,
 * and nothing but the configuration can be judged. */
bool gated_settling(const struct gated *g);
bool gated_is(const struct gated *g, const char *path);
/* The path lies below one that is known to be gated, which is in `above` then: a directory would be in its
 * place. */
bool gated_below(const struct gated *g, const char *path, char above[PATH_LEN_MAX + 1]);
/* The zone's file includes the path, be it by another. */
bool gated_includes(const struct gated *g, const char *zone_path, const char *path);
/* The files of zones that include it. */
void gated_users(const struct gated *g, const char *path,
		 void (*each)(void *arg, const char *zone_path), void *arg);

/* What is shown at the path is another content now. */
void gated_changed(struct gated *g, const char *path);
/* Once a round. True: there is more to do at once. Gives the core EVENT_REJUDGE. */
bool gated_work(struct gated *g);

#endif
