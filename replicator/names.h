/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Owners and groups: numbers to names and back, kept for a minute, since asking the system may
 * cost milliseconds and thousands of files have the same few owners.
 */
#ifndef REPLICATOR_NAMES_H
#define REPLICATOR_NAMES_H

#include <stdint.h>

#include "replicator/core/version.h"

#define NAMES_KEEP_MSEC 60000

struct names;

/* Who is asked. NULL for the system's databases. */
struct names_source {
	/* 0 and the name, -ENOENT, or another error. */
	int (*name)(bool group, uint32_t id, char *name, size_t size);
	int (*id)(bool group, const char *name, uint32_t *id);
};

struct names *names_new(const struct names_source *source);
void names_free(struct names *n);

/* The name goes into dst: "" where there is none, or it is too long. */
void names_of(struct names *n, bool group, uint32_t id, char dst[OWNER_MAX], int64_t now_msec);
/* The number that `name` has on this host; `fallback` where it has none or is "". */
uint32_t names_id(struct names *n, bool group, const char *name, uint32_t fallback,
		  int64_t now_msec);

#endif
