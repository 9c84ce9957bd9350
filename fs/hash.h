/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The hash of the tables in memory (FNV-1a with a last mix). Nothing that is stored or sent uses
 * it.
 */
#ifndef FS_HASH_H
#define FS_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t hash_bytes(uint64_t seed, const void *p, size_t len)
{
	const uint8_t *bytes = p;
	uint64_t h = seed ^ UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 32;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

static inline uint64_t hash_name(uint64_t seed, const char *name)
{
	return hash_bytes(seed, name, strlen(name));
}

#endif
