/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What has to change for the tree to be as it was at a time, path by path, by the versions that are kept
 * here. What is older than all that is known of it is left alone, and so is what cannot be had back: that
 * is in the plan too, with the reason.
 */
#ifndef REPLICATOR_CONTROL_RESTORE_PLAN_H
#define REPLICATOR_CONTROL_RESTORE_PLAN_H

#include "base/pattern.h"
#include "replicator/node_internal.h"

#define RESTORE_PLAN_MAX 100000

struct planned {
	char *path;
	struct version *version; /* NULL: nothing is to be there */
	struct dot now;          /* what was visible when it was planned; origin 0: nothing */
	const char *left;        /* why it is left alone; NULL: it is not */
	struct attrs attrs; /* of `version`, a file: with the serial gone forward if it has to */
	char *words;        /* what there is to say of the serial; NULL: nothing */
	bool report;        /* the serial stays, and has been served: it is reported */
	bool beside;        /* only for its serial: it includes what is restored */
};

struct restore_plan {
	int64_t at_msec;
	char *path;                /* "": all; owned, like all that follows */
	struct patterns *patterns; /* NULL: none */
	struct planned *p;
	size_t n, cap;
};

/* Plans what has to be done about a path, if it is meant and anything has to. 0; ERR_LIMIT: the plan is
 * full; -ENOMEM, or an error of the store. */
int restore_plan_path(struct node *n, struct restore_plan *j, const char *path);
/* All paths have been looked at: puts them in order, and lets directories be in which something stays. */
void restore_plan_end(struct node *n, struct restore_plan *j);
/* A zone whose file is to stay as it is but for its serial, for what it includes is restored. Left out
 * where there is no room. May move `p`. */
void restore_plan_beside(struct restore_plan *j, const char *zone_path, const struct version *now);
void restore_plan_fini(struct restore_plan *j);

#endif
