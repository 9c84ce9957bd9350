/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * This host's tree, as it lies there before zonefs was ever started, against what the peers have.
 */
#ifndef ZONEFSCTL_JOIN_TREE_H
#define ZONEFSCTL_JOIN_TREE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"

enum join_action {
	JOIN_SAME,    /* nothing */
	JOIN_TAKE,    /* the peers have it, this host does not */
	JOIN_REPLACE, /* both have it, and not the same: the peers' is put in its place */
	JOIN_ONLY,    /* this host alone has it */
	JOIN_STAYS,   /* likewise, and it is too big or of a kind that stays local */
	JOIN_ACTIONS
};

struct join_plan {
	enum join_action action;
	const char *path; /* as path_escape shows it */
	const char *peer; /* who has it; "" */
	const char *what; /* REPLACE: what differs, in words; STAYS: why; "" */
	uint64_t here;    /* bytes of the file here, and there; 0: none */
	uint64_t there;
};

/* `entries`: what the peers have, an object by path. Calls back for each path, sorted by the bytes that
 * are shown. Nothing is changed or locked: what is changed meanwhile may be told as it was before. 0, or
 * -1: the tree cannot be read, said why. */
int join_compare(const struct conf *conf, json_t *entries,
		 void (*each)(void *arg, const struct join_plan *p), void *arg);

#endif
