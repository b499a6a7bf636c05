/* real_sum.c - what becomes of eight compensated lanes. */
#include "simd/simd_int.h"

static void
real_sum_add(double *sum, double *carry, double value)
{
    double total = *sum + value;

    *carry += vl_sum_error(*sum, value, total);
    *sum = total;
}

void
vl_real_sum_merge(vl_real_sum *into, const vl_real_sum *from)
{
    for (int lane = 0; lane < 8; lane++) {
        real_sum_add(&into->sum[lane], &into->carry[lane], from->sum[lane]);
        into->carry[lane] += from->carry[lane];
    }
    into->position += from->position;
}

double
vl_real_sum_total(const vl_real_sum *sum)
{
    double total = sum->sum[0];
    double carry = sum->carry[0];

    for (int lane = 1; lane < 8; lane++) {
        real_sum_add(&total, &carry, sum->sum[lane]);
        carry += sum->carry[lane];
    }
    return __builtin_isfinite(carry) ? total + carry : total;
}

vl_int128
vl_real_sum_integer(const vl_real_sum *sum)
{
    vl_int128 total = 0;

    for (int lane = 0; lane < 8; lane++)
        total += (vl_int128)sum->sum[lane] + (vl_int128)sum->carry[lane];
    return total;
}

void
vl_number_sum_add(const vl_simd *simd, vl_number_sum *sum, const double *values,
                  const uint64_t *is_integer, const uint64_t *mask, uint32_t count)
{
    simd->sum_real(&sum->real, values, mask, count);
    for (uint32_t w = 0; w < vl_bits_words(count); w++) {
        uint64_t reals = vl_bits_word(mask, w) & ~is_integer[w];

        if (w + 1 == vl_bits_words(count))
            reals &= vl_bits_last(count);
        sum->real_count += (uint64_t)__builtin_popcountll(reals);
    }
}
