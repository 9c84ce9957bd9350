/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The highest serial that any node has released, for each zone in each view: durable, learned from all
 * versions that become known, also from those that lose in a conflict. A version that has seen all
 * others, and whose serial is lower, was let go by somebody: from then on that one counts.
 */
#ifndef REPLICATOR_JUDGE_SERIALS_H
#define REPLICATOR_JUDGE_SERIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "replicator/core/core.h"
#include "replicator/node_internal.h"

struct serials;

struct serials *serials_open(struct node *n);
void serials_close(struct serials *s);

struct known_serial {
	uint32_t serial;
	struct hash hash; /* of the content that has it: none, if that is not known; else of all bits, if
			   * several have */
};

/* False: none is known. */
bool serials_known(const struct node *n, const char *zone, const char *view,
		   struct known_serial *known);
/* `view`: "" where there is none. False: none is known. */
bool serials_highest(const struct node *n, const char *zone, const char *view, uint32_t *serial);

/* The serial that a content holds. False: none is there, or it cannot be read. */
bool serials_read(struct node *n, const struct attrs *a, uint32_t *serial);
/* The static primary zones whose file, or a file that they include, this path is. */
void serials_zones(struct node *n, const char *path,
		   void (*each)(void *arg, const struct zone_entry *e), void *arg);

/* EFFECT_STORE of a version: its serial is learned once its content is there. */
void serials_note(struct serials *s, const char *path, const struct version *v);
/* What is shown at this path of a zone, now. */
void serials_look(struct node *n, const char *path);
/* Once a round. */
void serials_work(struct serials *s);

#endif
