/* hash_avx2.c - the checksum on vectors of 32 bytes.
 *
 * All of the header's code is compiled for them here, and none of it is seen elsewhere. */
#include "base/hash_int.h"

#if VL_HASH_IS_WIDE
#include <immintrin.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx2")
#endif

#define HASH_VECTOR 2 /* XXH_AVX2 */
#include "base/hash_xxh.h"
#undef HASH_VECTOR

uint64_t
vl_hash64_avx2(const void *data, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, size, seed);
}

#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif
#endif
