/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The hash of a content or of a link's target: XXH3-128 in its canonical form.
 */
#ifndef REPLICATOR_HASHING_H
#define REPLICATOR_HASHING_H

#include <string.h>
#include <xxhash.h>

#include "replicator/core/version.h"

static inline struct hash hash_of(const void *p, size_t len)
{
	XXH128_canonical_t canonical;
	struct hash h;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits(p, len));
	_Static_assert(sizeof(canonical) == sizeof(h), "a hash has 128 bits");
	memcpy(&h, &canonical, sizeof(h));
	return h;
}

/* Of all that a state was given. */
static inline struct hash hash_of_state(const XXH3_state_t *state)
{
	XXH128_canonical_t canonical;
	struct hash h;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
	memcpy(&h, &canonical, sizeof(h));
	return h;
}

#endif
