/* hash.h - checksums and hashes.
 *
 * The checksum of pages and log records is XXH3 with 64 bits (https://xxhash.com, the format is
 * stable since version 0.8.0): near the speed of memory, and with 64 bits the chance that a rotten
 * page passes is 2^-64. It does not protect against an attacker who can compute it as well. */
#ifndef VL_BASE_HASH_H
#define VL_BASE_HASH_H

#include "base/bytes.h"
#include "base/platform.h"

/* XXH3-64 of size bytes. The seed makes the same bytes in another place or generation differ.
 * The value is the same on every processor. */
uint64_t vl_hash64(const void *data, size_t size, uint64_t seed);

/* Mix a 64-bit number: a bijection whose every output bit depends on every input bit (the
 * finalizer of SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators",
 * OOPSLA 2014, in the variant 13 of Stafford). For tables in memory, not for disk. */
static inline uint64_t
vl_mix64(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31);
}

/* Hash of a double: what vl_mix64 makes of the integer that it equals, so that numbers which SQL
 * calls equal have one hash (1 and 1.0, 0.0 and -0.0), or else of its bits. */
static inline uint64_t
vl_hash_real(double real)
{
    if (real >= -0x1p63 && real < 0x1p63 && (double)(int64_t)real == real)
        return vl_mix64((uint64_t)(int64_t)real);
    return vl_mix64(vl_real_bits(real));
}

#endif
