/* dispatch.c - chooses the kernels of the instruction set at hand. */
#include "simd/simd_int.h"

const vl_simd *
vl_simd_at(vl_cpu_level level)
{
    if (level > vl_cpu()->level)
        return NULL;
    switch (level) {
    case VL_CPU_BASELINE:
        return &vl_simd_baseline;
#if defined(__x86_64__)
    case VL_CPU_AVX2:
        return &vl_simd_avx2;
    case VL_CPU_AVX512:
        return &vl_simd_avx512;
#else
    case VL_CPU_AVX2:
    case VL_CPU_AVX512:
        return NULL;
#endif
    }
    return NULL;
}

const vl_simd *
vl_simd_best(void)
{
    return vl_simd_at(vl_cpu()->level);
}
