/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Slots in chunks that never move; free ones are chained through the slots themselves.
 */
#include "fs/slots.h"

#include <stddef.h>
#include <stdlib.h>

#define CHUNK 1024

struct slot {
	void *what; /* NULL: free */
	uint32_t generation;
	uint32_t next_free;
};

struct slots_chunk {
	struct slot slots[CHUNK];
};

void slots_init(struct slots *s)
{
	*s = (struct slots){.used = 1};
}

void slots_fini(struct slots *s)
{
	for (uint32_t i = 0; i < s->nchunks; i++)
		free(s->chunks[i]);
	free(s->chunks);
	slots_init(s);
}

static struct slot *slot_at(const struct slots *s, uint32_t index)
{
	return &s->chunks[index / CHUNK]->slots[index % CHUNK];
}

static uint32_t fresh_slot(struct slots *s)
{
	if (s->used / CHUNK >= s->nchunks) {
		struct slots_chunk **chunks =
		    reallocarray(s->chunks, s->nchunks + 1, sizeof(struct slots_chunk *));
		if (!chunks)
			return 0;
		s->chunks = chunks;
		s->chunks[s->nchunks] = calloc(1, sizeof(struct slots_chunk));
		if (!s->chunks[s->nchunks])
			return 0;
		s->nchunks++;
	}
	return s->used == UINT32_MAX ? 0 : s->used++;
}

uint64_t slots_add(struct slots *s, void *what)
{
	uint32_t index = s->free;

	if (index != 0)
		s->free = slot_at(s, index)->next_free;
	else
		index = fresh_slot(s);
	if (index == 0)
		return 0;
	struct slot *slot = slot_at(s, index);
	slot->what = what;
	s->count++;
	return (uint64_t)slot->generation << 32 | index;
}

void *slots_find(const struct slots *s, uint64_t id)
{
	uint32_t index = (uint32_t)id;

	if (index == 0 || index >= s->used)
		return NULL;
	struct slot *slot = slot_at(s, index);
	return slot->generation == id >> 32 ? slot->what : NULL;
}

void slots_remove(struct slots *s, uint64_t id)
{
	uint32_t index = (uint32_t)id;

	if (!slots_find(s, id))
		return;
	struct slot *slot = slot_at(s, index);
	slot->what = NULL;
	slot->generation++;
	slot->next_free = s->free;
	s->free = index;
	s->count--;
}

void *slots_next(const struct slots *s, uint32_t *at)
{
	while (++*at < s->used) {
		struct slot *slot = slot_at(s, *at);
		if (slot->what)
			return slot->what;
	}
	return NULL;
}
