/* hash.c - XXH3, with the widest vectors that pay. */
#include "base/hash.h"

#include "base/cpu.h"
#include "base/hash_int.h"
#include "base/hash_xxh.h"

/* From here on XXH3 is vectors only, and wider ones pay. */
#define HASH_LONG 1024U

uint64_t
vl_hash64(const void *data, size_t size, uint64_t seed)
{
#if VL_HASH_IS_WIDE
    if (size >= HASH_LONG && vl_cpu()->level >= VL_CPU_AVX512)
        return vl_hash64_avx512(data, size, seed);
    if (size >= HASH_LONG && vl_cpu()->level >= VL_CPU_AVX2)
        return vl_hash64_avx2(data, size, seed);
#endif
    return XXH3_64bits_withSeed(data, size, seed);
}
