/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * splitmix64, and the few shapes of chance that the simulator needs.
 */
#include "tests/sim/rng.h"

uint64_t rng_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

uint64_t rng_next(struct rng *r)
{
	r->state += UINT64_C(0x9e3779b97f4a7c15);
	return rng_mix(r->state);
}

uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)((rng_next(r) >> 32) * n >> 32);
}

uint32_t rng_range(struct rng *r, uint32_t from, uint32_t to)
{
	return from + rng_below(r, to - from + 1);
}

bool rng_chance(struct rng *r, uint32_t per_10k)
{
	return rng_below(r, 10000) < per_10k;
}

uint32_t rng_pick(struct rng *r, const uint32_t *weights, uint32_t n)
{
	uint32_t sum = 0;
	uint32_t at;

	for (uint32_t i = 0; i < n; i++)
		sum += weights[i];
	if (sum == 0)
		return 0;
	at = rng_below(r, sum);
	for (uint32_t i = 0; i < n; i++) {
		if (at < weights[i])
			return i;
		at -= weights[i];
	}
	return n - 1;
}
