/* range.c - turns conditions on a column into ranges of its cells.
 *
 * Invariants
 *   R1  A constant reaches a kernel only as a cell: it was clamped to [base, base + largest cell]
 *       first, in 128 bits, so that nothing wraps.
 *   R2  With 8-byte cells the range is taken mod 2^64, where [low, high] has no wrap to fear. */
#include "simd/simd.h"

vl_simd_verdict
vl_simd_range_between(int64_t low, int64_t high, int64_t base, uint32_t width, vl_simd_range *range)
{
    vl_int128 largest;

    if (low > high)
        return VL_SIMD_NONE;
    range->invert = 0;
    if (width == 8) { /* R2 */
        range->low = (uint64_t)low - (uint64_t)base;
        range->span = (uint64_t)high - (uint64_t)low;
        return range->span == UINT64_MAX ? VL_SIMD_ALL : VL_SIMD_SOME;
    }
    largest = (vl_int128)base + (((int64_t)1 << (8 * width)) - 1);
    if (high < base || low > largest)
        return VL_SIMD_NONE;
    if (low <= base && high >= largest)
        return VL_SIMD_ALL;
    range->low = low <= base ? 0 : (uint64_t)low - (uint64_t)base; /* R1 */
    range->span = (high >= largest ? (uint64_t)(largest - base) : (uint64_t)high - (uint64_t)base) -
                  range->low;
    return VL_SIMD_SOME;
}

vl_simd_verdict
vl_simd_range_compare(vl_simd_compare op, int64_t constant, int64_t base, uint32_t width,
                      vl_simd_range *range)
{
    vl_simd_verdict verdict;

    switch (op) {
    case VL_SIMD_EQ:
        return vl_simd_range_between(constant, constant, base, width, range);
    case VL_SIMD_NE:
        verdict = vl_simd_range_between(constant, constant, base, width, range);
        range->invert = 1;
        return verdict == VL_SIMD_NONE ? VL_SIMD_ALL : verdict;
    case VL_SIMD_LT:
        if (constant == INT64_MIN)
            return VL_SIMD_NONE;
        return vl_simd_range_between(INT64_MIN, constant - 1, base, width, range);
    case VL_SIMD_LE:
        return vl_simd_range_between(INT64_MIN, constant, base, width, range);
    case VL_SIMD_GT:
        if (constant == INT64_MAX)
            return VL_SIMD_NONE;
        return vl_simd_range_between(constant + 1, INT64_MAX, base, width, range);
    case VL_SIMD_GE:
        return vl_simd_range_between(constant, INT64_MAX, base, width, range);
    }
    return VL_SIMD_NONE;
}

vl_simd_real_range
vl_simd_real_range_compare(vl_simd_compare op, double constant)
{
    vl_simd_real_range range = {-__builtin_inf(), __builtin_inf(), 0, 0, 0};

    if (op == VL_SIMD_EQ || op == VL_SIMD_NE || op == VL_SIMD_GT || op == VL_SIMD_GE)
        range.low = constant;
    if (op == VL_SIMD_EQ || op == VL_SIMD_NE || op == VL_SIMD_LT || op == VL_SIMD_LE)
        range.high = constant;
    range.is_low_open = op == VL_SIMD_GT;
    range.is_high_open = op == VL_SIMD_LT;
    range.invert = op == VL_SIMD_NE;
    return range;
}
