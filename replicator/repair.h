/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Contents that the store's disk has not kept: found when they are read, at the start, or by going
 * through all of them; thrown away, and got again from this host's tree or from the peers.
 */
#ifndef REPLICATOR_REPAIR_H
#define REPLICATOR_REPAIR_H

#include "replicator/node_internal.h"

#define REPAIR_LISTED_MAX 1000 /* contents that are missing, by name */

struct repair *repair_new(struct node *n);
void repair_free(struct repair *r);

/* At the start: what the tree needs of large contents is there, each in its size. */
void repair_start(struct repair *r);
/* This content is damaged. May be called while effects are carried out. */
void repair_content(struct repair *r, struct hash hash);

/* Goes through all contents, from the beginning; nobody listens. 0 or -ENOMEM. */
int repair_check(struct repair *r);

/* A piece of the work, once a round: true if there is more. */
bool repair_work(struct repair *r);
int64_t repair_wake(const struct repair *r);
/* Contents that have not come back yet; each of the first REPAIR_LISTED_MAX by its path. */
uint32_t repair_left(const struct repair *r);
/* All that were damaged or missing in this life; when the last one was found (wall clock). */
uint32_t repair_found(const struct repair *r, int64_t *last_msec);
void repair_each(const struct repair *r, bool (*each)(void *arg, const char *path), void *arg);

#endif
