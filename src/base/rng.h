/* rng.h - seeded random numbers for tests and load, the same on every machine.
 * SPDX-License-Identifier: Apache-2.0
 *
 * splitmix64 (Steele, Lea, Flood 2014): not for secrets; those come from node/entropy.h.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
    uint64_t z = r->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static inline uint64_t rng_below(struct rng *r, uint64_t n) /* 0..n-1; n > 0. Bias below 2^-32 for small n. */
{
    return n <= UINT32_MAX ? (rng_next(r) >> 32) * n >> 32 : rng_next(r) % n;
}

static inline int64_t rng_between(struct rng *r, int64_t low, int64_t high) /* Both included. */
{
    return low + (int64_t)rng_below(r, (uint64_t)(high - low) + 1);
}

static inline double rng_unit(struct rng *r) /* 0 <= x < 1 */
{
    return (double)(rng_next(r) >> 11) * 0x1p-53;
}

#endif
