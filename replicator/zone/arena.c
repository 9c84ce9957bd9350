/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A list of chunks; what is larger than one gets a chunk of its own.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "replicator/zone/arena.h"

#define CHUNK (256u * 1024)

struct chunk {
	struct chunk *next;
	size_t used, size;
	char bytes[];
};

struct arena {
	struct chunk *chunks; /* the first one is being filled */
	size_t bytes, max;
	int full;
};

struct arena *arena_new(size_t max)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (a)
		a->max = max;
	return a;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct chunk *c = a->chunks, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	free(a);
}

static struct chunk *room_for(struct arena *a, size_t len)
{
	struct chunk *c = a->chunks;
	/* The first ones are small: most zones are. */
	size_t size = a->bytes < CHUNK ? CHUNK / 32 : CHUNK;

	if (c && c->size - c->used >= len)
		return c;
	if (len > size)
		size = len;
	if (size > a->max - a->bytes) {
		a->full = 1;
		return NULL;
	}
	c = malloc(sizeof(*c) + size);
	if (!c)
		return NULL;
	*c = (struct chunk){.next = a->chunks, .size = size};
	a->chunks = c;
	a->bytes += size;
	return c;
}

char *arena_keep(struct arena *a, const void *bytes, size_t len)
{
	struct chunk *c = room_for(a, len + 1);

	if (!c)
		return NULL;
	char *at = c->bytes + c->used;
	memcpy(at, bytes, len);
	at[len] = '\0';
	c->used += len + 1;
	return at;
}

int arena_full(const struct arena *a)
{
	return a->full;
}
