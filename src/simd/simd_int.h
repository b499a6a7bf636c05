/* simd_int.h - what the kernels' files share: the tables, and steps that all sets take. */
#ifndef VL_SIMD_SIMD_INT_H
#define VL_SIMD_SIMD_INT_H

#include "base/hash.h"
#include "simd/simd.h"

#include <string.h>

/* The tables: the baseline, which is the definition, and the others where they were compiled. */
extern const vl_simd vl_simd_baseline;
#if defined(__x86_64__)
extern const vl_simd vl_simd_avx2;
extern const vl_simd vl_simd_avx512;
#endif

/* Kernels that all sets share: gathering single cells gains nothing from vectors. */
vl_int128 vl_sum_at_8(const void *cells, const uint16_t *rows, uint32_t count);
void vl_gather_8(const void *cells, const uint16_t *rows, uint32_t count, int64_t base,
                 int64_t *out);
vl_int128 vl_sum_at_16(const void *cells, const uint16_t *rows, uint32_t count);
void vl_gather_16(const void *cells, const uint16_t *rows, uint32_t count, int64_t base,
                  int64_t *out);
vl_int128 vl_sum_at_32(const void *cells, const uint16_t *rows, uint32_t count);
void vl_gather_32(const void *cells, const uint16_t *rows, uint32_t count, int64_t base,
                  int64_t *out);
vl_int128 vl_sum_at_64(const void *cells, const uint16_t *rows, uint32_t count);
void vl_gather_64(const void *cells, const uint16_t *rows, uint32_t count, int64_t base,
                  int64_t *out);

/* What rounding took from s + x = t, exactly (Knuth, "The Art of Computer Programming", 4.2.2,
 * theorem B), unless something overflows. */
static inline double
vl_sum_error(double s, double x, double t)
{
    double part = t - s;

    return (s - (t - part)) + (x - part);
}

/* How a comparison is made of = and <: exchange the sides, then compare, then invert. */
typedef struct vl_compare_plan {
    int is_equality; /* 1: =, 0: < */
    int swap;        /* b < a instead of a < b */
    uint64_t flip;   /* all ones: the rows that do not compare so */
} vl_compare_plan;

static inline vl_compare_plan
vl_compare_plan_of(vl_simd_compare op)
{
    vl_compare_plan plan;

    plan.is_equality = op == VL_SIMD_EQ || op == VL_SIMD_NE;
    plan.swap = op == VL_SIMD_GT || op == VL_SIMD_LE;
    plan.flip = op == VL_SIMD_NE || op == VL_SIMD_LE || op == VL_SIMD_GE ? UINT64_MAX : 0;
    return plan;
}

#endif
