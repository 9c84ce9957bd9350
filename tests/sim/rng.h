/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All chance of a history, from its seed (splitmix64: Steele, Lea, Flood, 2014).
 */
#ifndef SIM_RNG_H
#define SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

uint64_t rng_mix(uint64_t x);
uint64_t rng_next(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t n);                 /* 0 .. n - 1; n is not 0 */
uint32_t rng_range(struct rng *r, uint32_t from, uint32_t to); /* both included */
bool rng_chance(struct rng *r, uint32_t per_10k);
/* An index, chosen by weight. */
uint32_t rng_pick(struct rng *r, const uint32_t *weights, uint32_t n);

#endif
