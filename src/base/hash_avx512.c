/* hash_avx512.c - the checksum on vectors of 64 bytes.
 *
 * All of the header's code is compiled for them here, and none of it is seen elsewhere. */
#include "base/hash_int.h"

#if VL_HASH_IS_WIDE
#include <immintrin.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
#elif defined(__GNUC__)
#pragma GCC push_options
#pragma GCC target("avx512f")
#endif

#define HASH_VECTOR 3 /* XXH_AVX512 */
#include "base/hash_xxh.h"
#undef HASH_VECTOR

uint64_t
vl_hash64_avx512(const void *data, size_t size, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, size, seed);
}

#if defined(__clang__)
#pragma clang attribute pop
#elif defined(__GNUC__)
#pragma GCC pop_options
#endif
#endif
