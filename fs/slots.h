/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Numbers for things that come and go: a slot and a generation in one. A number that is no longer
 * valid is never mistaken for its successor in the same slot, and the kernel, which keeps such
 * numbers (nodeids, file handles) for long, is told apart from a table that has moved on.
 *
 *   id = generation << 32 | slot        the first one ever given is 1: FUSE's root
 *
 * Not locked: the caller's lock protects it.
 */
#ifndef FS_SLOTS_H
#define FS_SLOTS_H

#include <stdint.h>

struct slots {
	struct slots_chunk **chunks;
	uint32_t nchunks;
	uint32_t used;  /* slots ever used, slot 0 included */
	uint32_t free;  /* the first of the free list, 0: none */
	uint32_t count; /* in use now */
};

void slots_init(struct slots *s);
void slots_fini(struct slots *s); /* what the numbers stand for stays the caller's */
/* A number above 0, or 0: out of memory. */
uint64_t slots_add(struct slots *s, void *what);
/* What was added, NULL for a number that is not valid (any more). */
void *slots_find(const struct slots *s, uint64_t id);
void slots_remove(struct slots *s, uint64_t id);
/* Each of them in turn: *at is 0 before the first. NULL: there are no more. */
void *slots_next(const struct slots *s, uint32_t *at);

#endif
