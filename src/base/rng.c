/* rng.c - xoshiro256** seeded through SplitMix64. */
#include "base/rng.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/hash.h"

static uint64_t
rng_rotate_left(uint64_t value, unsigned count)
{
    return (value << count) | (value >> (64 - count));
}

void
vl_rng_init(vl_rng *rng, uint64_t seed)
{
    for (size_t i = 0; i < VL_ARRAY_COUNT(rng->state); i++) {
        seed += 0x9e3779b97f4a7c15U;
        rng->state[i] = vl_mix64(seed); /* a bijection of four different values: not all zero */
    }
}

uint64_t
vl_rng_next(vl_rng *rng)
{
    uint64_t *s = rng->state;
    uint64_t result = rng_rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rng_rotate_left(s[3], 45);
    return result;
}

uint64_t
vl_rng_below(vl_rng *rng, uint64_t bound)
{
    __extension__ typedef unsigned __int128 rng_uint128;
    rng_uint128 product;

    VL_ASSERT(bound > 0);
    product = (rng_uint128)vl_rng_next(rng) * bound;
    if ((uint64_t)product < bound) {
        uint64_t threshold = (0 - bound) % bound;

        /* Ends: each turn is left with a chance above one half. */
        while ((uint64_t)product < threshold)
            product = (rng_uint128)vl_rng_next(rng) * bound;
    }
    return (uint64_t)(product >> 64);
}

int
vl_rng_chance(vl_rng *rng, uint64_t numerator, uint64_t denominator)
{
    return vl_rng_below(rng, denominator) < numerator;
}

void
vl_rng_fill(vl_rng *rng, void *data, size_t size)
{
    uint8_t *to = data;

    for (; size >= 8; size -= 8, to += 8)
        vl_store_le64(to, vl_rng_next(rng));
    if (size > 0) {
        uint64_t rest = vl_rng_next(rng);

        for (size_t i = 0; i < size; i++)
            to[i] = (uint8_t)(rest >> (8 * i));
    }
}
