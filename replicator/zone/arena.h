/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Memory for many small strings that go together, all at once.
 */
#ifndef ZONE_ARENA_H
#define ZONE_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_new(size_t max); /* `max`: bytes in all. NULL: no memory */
void arena_free(struct arena *a);    /* NULL: nothing */
/* A copy of the bytes, with a NUL behind it. NULL: no memory, or the maximum is reached (then
 * arena_full). */
char *arena_keep(struct arena *a, const void *bytes, size_t len);
int arena_full(const struct arena *a);

#endif
