/* kern_scalar.c - the kernels in plain C: the baseline set, and the definition of all sets.
 *
 * Invariants
 *   K1  What is computed here for a row, the other sets compute bit for bit.
 *   K2  Loops are as plain as can be: what the compiler makes of them is the baseline that the
 *       other sets are measured against. */
#include "simd/simd_int.h"

/* Cells, at any address. */
typedef uint8_t kern_u8;
typedef uint16_t kern_u16 __attribute__((aligned(1)));
typedef uint32_t kern_u32 __attribute__((aligned(1)));
typedef uint64_t kern_u64 __attribute__((aligned(1)));
typedef int64_t kern_i64 __attribute__((aligned(1)));

#define W_CELL         kern_u8
#define W_TOTAL        uint64_t
#define W_UNSIGNED     kern_u8
#define W(name)        name##_8_scalar
#define W_SHARED(name) vl_##name##_8
#include "simd/kern_scalar_width.h"
#undef W_CELL
#undef W_TOTAL
#undef W_UNSIGNED
#undef W
#undef W_SHARED
#define W_CELL         kern_u16
#define W_TOTAL        uint64_t
#define W_UNSIGNED     kern_u16
#define W(name)        name##_16_scalar
#define W_SHARED(name) vl_##name##_16
#include "simd/kern_scalar_width.h"
#undef W_CELL
#undef W_TOTAL
#undef W_UNSIGNED
#undef W
#undef W_SHARED
#define W_CELL         kern_u32
#define W_TOTAL        uint64_t
#define W_UNSIGNED     kern_u32
#define W(name)        name##_32_scalar
#define W_SHARED(name) vl_##name##_32
#include "simd/kern_scalar_width.h"
#undef W_CELL
#undef W_TOTAL
#undef W_UNSIGNED
#undef W
#undef W_SHARED
#define W_CELL         kern_i64
#define W_TOTAL        vl_int128
#define W_UNSIGNED     kern_u64
#define W(name)        name##_64_scalar
#define W_SHARED(name) vl_##name##_64
#include "simd/kern_scalar_width.h"
#undef W_CELL
#undef W_TOTAL
#undef W_UNSIGNED
#undef W
#undef W_SHARED

static void
scalar_sum_real(vl_real_sum *sum, const double *values, const uint64_t *mask, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t lane = (uint32_t)(sum->position + i) % 8;
        double total = sum->sum[lane] + values[i];

        if (mask != NULL && !vl_bits_get(mask, i))
            continue;
        sum->carry[lane] += vl_sum_error(sum->sum[lane], values[i], total);
        sum->sum[lane] = total;
    }
    sum->position += count;
}

static void
scalar_bounds_real(vl_simd_real_bounds *bounds, const double *values, const uint64_t *mask,
                   uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (mask != NULL && !vl_bits_get(mask, i))
            continue;
        bounds->min = values[i] < bounds->min ? values[i] : bounds->min;
        bounds->max = values[i] > bounds->max ? values[i] : bounds->max;
    }
    bounds->min += 0.0; /* -0.0 becomes 0.0 */
    bounds->max += 0.0;
}

static void
scalar_in_range_real(const double *values, uint32_t count, const vl_simd_real_range *range,
                     uint64_t *out)
{
    double low = range->low;
    double high = range->high;
    int is_low_open = range->is_low_open;
    int is_high_open = range->is_high_open;
    unsigned invert = range->invert != 0;

    for (uint32_t i = 0; i < count; i += 64) {
        uint64_t bits = 0;

        for (uint32_t j = 0; j < 64 && i + j < count; j++) {
            double x = values[i + j];
            unsigned is_above = (unsigned)(is_low_open ? x > low : x >= low);
            unsigned is_below = (unsigned)(is_high_open ? x < high : x <= high);

            bits |= (uint64_t)((is_above & is_below) ^ invert) << j;
        }
        out[i / 64] = bits;
    }
}

static void
scalar_in_list_real(const double *values, uint32_t count, const double *list, uint32_t list_count,
                    uint64_t *out)
{
    for (uint32_t i = 0; i < count; i += 64) {
        uint64_t bits = 0;

        for (uint32_t j = 0; j < 64 && i + j < count; j++) {
            unsigned is_found = 0;

            for (uint32_t k = 0; k < list_count; k++)
                is_found |= values[i + j] == list[k];
            bits |= (uint64_t)is_found << j;
        }
        out[i / 64] = bits;
    }
}

/* The bits of the last word that are rows, after a comparison that may have inverted others. */
static void
scalar_finish(uint64_t *out, uint32_t count)
{
    if (count % 64 != 0)
        out[count / 64] &= vl_bits_last(count);
}

static void
scalar_compare(const int64_t *a, const int64_t *b, uint32_t count, vl_simd_compare op,
               uint64_t *out)
{
    vl_compare_plan plan = vl_compare_plan_of(op);
    const int64_t *left = plan.swap ? b : a;
    const int64_t *right = plan.swap ? a : b;

    for (uint32_t i = 0; i < count; i += 64) {
        uint64_t bits = 0;

        for (uint32_t j = 0; j < 64 && i + j < count; j++)
            bits |= (uint64_t)(plan.is_equality ? left[i + j] == right[i + j]
                                                : left[i + j] < right[i + j])
                    << j;
        out[i / 64] = bits ^ plan.flip;
    }
    scalar_finish(out, count);
}

static void
scalar_compare_real(const double *a, const double *b, uint32_t count, vl_simd_compare op,
                    uint64_t *out)
{
    vl_compare_plan plan = vl_compare_plan_of(op);
    const double *left = plan.swap ? b : a;
    const double *right = plan.swap ? a : b;

    for (uint32_t i = 0; i < count; i += 64) {
        uint64_t bits = 0;

        for (uint32_t j = 0; j < 64 && i + j < count; j++)
            bits |= (uint64_t)(plan.is_equality ? left[i + j] == right[i + j]
                                                : left[i + j] < right[i + j])
                    << j;
        out[i / 64] = bits ^ plan.flip;
    }
    scalar_finish(out, count);
}

static void
scalar_equal_heads(const vl_simd_head *a, const vl_simd_head *b, uint32_t b_step, uint32_t count,
                   uint64_t *out)
{
    memset(out, 0, sizeof *out * vl_bits_words(count));
    for (uint32_t i = 0; i < count; i++) {
        const vl_simd_head *other = &b[(size_t)i * b_step];

        if (a[i].words[0] == other->words[0] && a[i].words[1] == other->words[1])
            vl_bits_set(out, i);
    }
}

static void
scalar_bits_and(const uint64_t *a, const uint64_t *b, uint32_t count, uint64_t *out)
{
    for (uint32_t w = 0; w < vl_bits_words(count); w++)
        out[w] = a[w] & b[w];
    scalar_finish(out, count);
}

static void
scalar_bits_or(const uint64_t *a, const uint64_t *b, uint32_t count, uint64_t *out)
{
    for (uint32_t w = 0; w < vl_bits_words(count); w++)
        out[w] = a[w] | b[w];
    scalar_finish(out, count);
}

static void
scalar_bits_and_not(const uint64_t *a, const uint64_t *b, uint32_t count, uint64_t *out)
{
    for (uint32_t w = 0; w < vl_bits_words(count); w++)
        out[w] = a[w] & ~b[w];
    scalar_finish(out, count);
}

static void
scalar_bits_not(const uint64_t *a, uint32_t count, uint64_t *out)
{
    for (uint32_t w = 0; w < vl_bits_words(count); w++)
        out[w] = ~a[w];
    scalar_finish(out, count);
}

static uint32_t
scalar_bits_count(const uint64_t *a, uint32_t count)
{
    uint32_t total = 0;

    for (uint32_t w = 0; w < count / 64; w++)
        total += (uint32_t)__builtin_popcountll(a[w]);
    if (count % 64 != 0)
        total += (uint32_t)__builtin_popcountll(a[count / 64] & vl_bits_last(count));
    return total;
}

static uint32_t
scalar_rows16(const uint64_t *a, uint32_t count, uint16_t *out)
{
    uint32_t found = 0;

    for (uint32_t w = 0; w < vl_bits_words(count); w++) {
        uint64_t bits = a[w] & (w == count / 64 ? vl_bits_last(count) : UINT64_MAX);

        for (; bits != 0; bits &= bits - 1)
            out[found++] = (uint16_t)(w * 64 + (uint32_t)__builtin_ctzll(bits));
    }
    return found;
}

static uint32_t
scalar_rows32(const uint64_t *a, uint32_t count, uint32_t *out)
{
    uint32_t found = 0;

    for (uint32_t w = 0; w < vl_bits_words(count); w++) {
        uint64_t bits = a[w] & (w == count / 64 ? vl_bits_last(count) : UINT64_MAX);

        for (; bits != 0; bits &= bits - 1)
            out[found++] = w * 64 + (uint32_t)__builtin_ctzll(bits);
    }
    return found;
}

static void
scalar_to_real(const int64_t *values, uint32_t count, double *out)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = (double)values[i];
}

/* A result is stored only after its overflow was seen: gcc 12 at -Og reads the operands anew behind
 * a store, which may have changed them where out is a or b. */
static uint32_t
scalar_add(const int64_t *a, uint32_t a_step, const int64_t *b, uint32_t b_step,
           const uint64_t *mask, uint32_t count, int64_t *out)
{
    for (uint32_t i = 0; i < count; i++) {
        int64_t result;
        int is_over = __builtin_add_overflow(a[(size_t)i * a_step], b[(size_t)i * b_step], &result);

        if (is_over && (mask == NULL || vl_bits_get(mask, i)))
            return i;
        out[i] = result;
    }
    return count;
}

static uint32_t
scalar_subtract(const int64_t *a, uint32_t a_step, const int64_t *b, uint32_t b_step,
                const uint64_t *mask, uint32_t count, int64_t *out)
{
    for (uint32_t i = 0; i < count; i++) {
        int64_t result;
        int is_over = __builtin_sub_overflow(a[(size_t)i * a_step], b[(size_t)i * b_step], &result);

        if (is_over && (mask == NULL || vl_bits_get(mask, i)))
            return i;
        out[i] = result;
    }
    return count;
}

static uint32_t
scalar_multiply(const int64_t *a, uint32_t a_step, const int64_t *b, uint32_t b_step,
                const uint64_t *mask, uint32_t count, int64_t *out)
{
    for (uint32_t i = 0; i < count; i++) {
        int64_t result;
        int is_over = __builtin_mul_overflow(a[(size_t)i * a_step], b[(size_t)i * b_step], &result);

        if (is_over && (mask == NULL || vl_bits_get(mask, i)))
            return i;
        out[i] = result;
    }
    return count;
}

static void
scalar_add_real(const double *a, uint32_t a_step, const double *b, uint32_t b_step, uint32_t count,
                double *out)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = a[(size_t)i * a_step] + b[(size_t)i * b_step];
}

static void
scalar_subtract_real(const double *a, uint32_t a_step, const double *b, uint32_t b_step,
                     uint32_t count, double *out)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = a[(size_t)i * a_step] - b[(size_t)i * b_step];
}

static void
scalar_multiply_real(const double *a, uint32_t a_step, const double *b, uint32_t b_step,
                     uint32_t count, double *out)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = a[(size_t)i * a_step] * b[(size_t)i * b_step];
}

static void
scalar_divide_real(const double *a, uint32_t a_step, const double *b, uint32_t b_step,
                   uint32_t count, double *out)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = a[(size_t)i * a_step] / b[(size_t)i * b_step];
}

static void
scalar_hash(const int64_t *values, uint32_t count, uint64_t *out)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = vl_mix64((uint64_t)values[i]);
}

static void
scalar_hash_real(const double *values, uint32_t count, uint64_t *out)
{
    for (uint32_t i = 0; i < count; i++)
        out[i] = vl_hash_real(values[i]);
}

#define WIDTHS(name) {name##_8_scalar, name##_16_scalar, name##_32_scalar, name##_64_scalar}
const vl_simd vl_simd_baseline = {
    .level = VL_CPU_BASELINE,
    .sum = WIDTHS(sum),
    .sum_at = {vl_sum_at_8, vl_sum_at_16, vl_sum_at_32, vl_sum_at_64},
    .sum_real = scalar_sum_real,
    .bounds = WIDTHS(bounds),
    .bounds_real = scalar_bounds_real,
    .in_range = WIDTHS(in_range),
    .in_range_real = scalar_in_range_real,
    .in_list = WIDTHS(in_list),
    .in_list_real = scalar_in_list_real,
    .compare = scalar_compare,
    .compare_real = scalar_compare_real,
    .equal_heads = scalar_equal_heads,
    .bits_and = scalar_bits_and,
    .bits_or = scalar_bits_or,
    .bits_and_not = scalar_bits_and_not,
    .bits_not = scalar_bits_not,
    .bits_count = scalar_bits_count,
    .rows16 = scalar_rows16,
    .rows32 = scalar_rows32,
    .widen = WIDTHS(widen),
    .gather = {vl_gather_8, vl_gather_16, vl_gather_32, vl_gather_64},
    .to_real = scalar_to_real,
    .add = scalar_add,
    .subtract = scalar_subtract,
    .multiply = scalar_multiply,
    .add_real = scalar_add_real,
    .subtract_real = scalar_subtract_real,
    .multiply_real = scalar_multiply_real,
    .divide_real = scalar_divide_real,
    .hash = scalar_hash,
    .hash_real = scalar_hash_real,
};
#undef WIDTHS
