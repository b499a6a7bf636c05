/* rng.h - seeded random numbers, the same on every machine.
 *
 * For tests, the simulator, sampling and back-off: everything that must be repeatable from its
 * seed. Not for secrets: those come from vl_io_random. One thread at a time. */
#ifndef VL_BASE_RNG_H
#define VL_BASE_RNG_H

#include "base/platform.h"

/* State of xoshiro256** (Blackman and Vigna, "Scrambled linear pseudorandom number generators",
 * ACM TOMS 47:4, 2021). Never all zero. */
typedef struct vl_rng {
    uint64_t state[4]; /* advanced by each number drawn */
} vl_rng;

/* Start a sequence. Every seed, 0 included, gives a good one of its own. */
void vl_rng_init(vl_rng *rng, uint64_t seed);

/* Draw 64 random bits. */
uint64_t vl_rng_next(vl_rng *rng);

/* Draw a number from 0 to bound - 1, each equally likely (Lemire, "Fast random integer generation
 * in an interval", ACM TOMACS 29:1, 2019). bound is at least 1. */
uint64_t vl_rng_below(vl_rng *rng, uint64_t bound);

/* True with a chance of `numerator` in `denominator`. */
int vl_rng_chance(vl_rng *rng, uint64_t numerator, uint64_t denominator);

/* Fill size bytes. */
void vl_rng_fill(vl_rng *rng, void *data, size_t size);

#endif
