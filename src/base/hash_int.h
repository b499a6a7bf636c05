/* hash_int.h - the checksum compiled for wider vectors, for hash.c alone.
 *
 * The same values as vl_hash64, whatever the size. Only where vl_cpu() allows the level. */
#ifndef VL_BASE_HASH_INT_H
#define VL_BASE_HASH_INT_H

#include "base/platform.h"

#if defined(__x86_64__)
#define VL_HASH_IS_WIDE 1
uint64_t vl_hash64_avx2(const void *data, size_t size, uint64_t seed);
uint64_t vl_hash64_avx512(const void *data, size_t size, uint64_t seed);
#else
#define VL_HASH_IS_WIDE 0
#endif

#endif
