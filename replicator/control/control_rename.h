/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which of an op's versions are the two names of one rename. Pure: an op says only what is at each
 * path afterwards.
 */
#ifndef REPLICATOR_CONTROL_RENAME_H
#define REPLICATOR_CONTROL_RENAME_H

#include <stdbool.h>
#include <stdint.h>

#include "replicator/core/version.h"

#define RENAME_NAMES_MAX 2048

/* A name that came or went in an op. */
struct rename_name {
	char *path;
	bool gone;        /* else it came */
	struct hash hash; /* its content's: now, or before it went */
	uint32_t other;   /* index of the rename's other name; UINT32_MAX: none */
};

/* The names of one op, owned. */
struct renames {
	struct dot dot;
	struct rename_name *p;
	uint32_t n;
};

void renames_init(struct renames *r, struct dot dot);
void renames_fini(struct renames *r);
/* Adds a version of the op; others, and those of names that stay, are skipped. -ENOMEM. */
int renames_add(struct renames *r, const char *path, const struct version *v);
/* Finds the pairs: what came and what went in equal numbers belong together in their order, since a
 * renamed directory keeps the names below it; else those that are alone with their content. */
void renames_pair(struct renames *r);
/* The other name of `path`, or NULL. */
const char *renames_other(const struct renames *r, const char *path);

#endif
