/* simd.h - kernels over arrays: sums, bounds, filters, selections, arithmetic, hashes.
 *
 * A vl_simd is a table of kernels, one table for each instruction set. The baseline's kernels are
 * plain C and the definition; those of the other sets return the same bits. src/simd/README.md
 * tells how they are made.
 *
 * Common to all
 *   cells     unsigned integers of 1, 2 or 4 bytes, or int64_t; arrays [4] of kernels are indexed
 *             by vl_simd_width: the logarithm of the width. Minipages are such cells over a base
 *             (storage/leaf_pax.h).
 *   bitmaps   words of 64 bits, row i is bit i % 64 of word i / 64. In inputs the bits behind
 *             count mean nothing, in outputs they are 0. A `mask` is set where a row takes part:
 *             validity, a selection, or both by bits_and; NULL stands for all rows.
 *   count     rows, at most VL_SIMD_MAX_COUNT.
 *   reals     never NaN; infinities, subnormals and -0.0 are ordinary.
 *   memory    exactly the named rows are read and written, plus whole words of bitmaps. Cells need
 *             no alignment, bitmaps that of a word. Outputs overlap an input only where said.
 *   threads   any; kernels keep no state and cannot fail. */
#ifndef VL_SIMD_SIMD_H
#define VL_SIMD_SIMD_H

#include "base/cpu.h"
#include "base/platform.h"

__extension__ typedef __int128 vl_int128;

/* The most rows of one call: 64-bit accumulators of halves stay exact. */
#define VL_SIMD_MAX_COUNT (1U << 30)

/* The most values of one IN list. */
#define VL_SIMD_MAX_IN 8U

/* What rows are compared by. */
typedef enum vl_simd_compare {
    VL_SIMD_EQ,
    VL_SIMD_NE,
    VL_SIMD_LT,
    VL_SIMD_LE,
    VL_SIMD_GT,
    VL_SIMD_GE
} vl_simd_compare;

/* Smallest and largest so far. Begins with INT64_MAX and INT64_MIN. */
typedef struct vl_simd_bounds {
    int64_t min; /* smallest */
    int64_t max; /* largest */
} vl_simd_bounds;

/* The same of reals. Begins with infinity and -infinity. A zero comes out as 0.0. */
typedef struct vl_simd_real_bounds {
    double min; /* smallest */
    double max; /* largest */
} vl_simd_real_bounds;

/* A range of cells: those with (cell - low) mod 2^width <= span, or where invert is 1, the others.
 * Made by vl_simd_range_cells. */
typedef struct vl_simd_range {
    uint64_t low;  /* first cell, below 2^width */
    uint64_t span; /* last cell minus low, below 2^width */
    int invert;    /* 1: the rows outside of it */
} vl_simd_range;

/* A range of reals. */
typedef struct vl_simd_real_range {
    double low;       /* lower end */
    double high;      /* upper end */
    int is_low_open;  /* low itself is outside */
    int is_high_open; /* high itself is outside */
    int invert;       /* 1: the rows outside of it */
} vl_simd_real_range;

/* A sum of reals in the making: eight sums by position in the scan, each with what rounding took
 * from it. Row p of the scan belongs to lane p % 8, whatever pieces the scan comes in and whatever
 * rows take part. All zeros at first. */
typedef struct vl_real_sum {
    double sum[8];     /* of the rows of a lane */
    double carry[8];   /* the sum of its rounding errors */
    uint64_t position; /* rows so far, those that took no part included */
} vl_real_sum;

/* A sum over the form number: doubles, and a bitmap of those that are integers. */
typedef struct vl_number_sum {
    vl_real_sum real;    /* of all rows that took part */
    uint64_t real_count; /* how many of these were no integers */
} vl_number_sum;

/* A text as vectors hold it: length, first four bytes, the rest or a pointer. */
typedef struct vl_simd_head {
    uint64_t words[2]; /* all 16 bytes */
} vl_simd_head;

typedef struct vl_simd {
    vl_cpu_level level; /* the instruction set */

    /* ---- sums ---- */

    /* The exact sum of the cells. */
    vl_int128 (*sum[4])(const void *cells, const uint64_t *mask, uint32_t count);
    /* The exact sum of the cells at `rows`, in any order. */
    vl_int128 (*sum_at[4])(const void *cells, const uint16_t *rows, uint32_t count);
    /* Add reals to a sum. */
    void (*sum_real)(vl_real_sum *sum, const double *values, const uint64_t *mask, uint32_t count);

    /* ---- smallest and largest ---- */

    void (*bounds[4])(vl_simd_bounds *bounds, const void *cells, const uint64_t *mask,
                      uint32_t count);
    void (*bounds_real)(vl_simd_real_bounds *bounds, const double *values, const uint64_t *mask,
                        uint32_t count);

    /* ---- filters: they set the bits of the rows that pass ---- */

    void (*in_range[4])(const void *cells, uint32_t count, const vl_simd_range *range,
                        uint64_t *out);
    void (*in_range_real)(const double *values, uint32_t count, const vl_simd_real_range *range,
                          uint64_t *out);
    /* Whether the cell is one of up to VL_SIMD_MAX_IN values, each below 2^width. */
    void (*in_list[4])(const void *cells, uint32_t count, const uint64_t *list, uint32_t list_count,
                       uint64_t *out);
    void (*in_list_real)(const double *values, uint32_t count, const double *list,
                         uint32_t list_count, uint64_t *out);
    /* a[i] op b[i] */
    void (*compare)(const int64_t *a, const int64_t *b, uint32_t count, vl_simd_compare op,
                    uint64_t *out);
    void (*compare_real)(const double *a, const double *b, uint32_t count, vl_simd_compare op,
                         uint64_t *out);
    /* Whether all 16 bytes of a[i] and b[i * b_step] are equal; b_step is 1, or 0 for a constant.
     */
    void (*equal_heads)(const vl_simd_head *a, const vl_simd_head *b, uint32_t b_step,
                        uint32_t count, uint64_t *out);

    /* ---- bitmaps of `count` rows; out may be an input ---- */

    void (*bits_and)(const uint64_t *a, const uint64_t *b, uint32_t count, uint64_t *out);
    void (*bits_or)(const uint64_t *a, const uint64_t *b, uint32_t count, uint64_t *out);
    void (*bits_and_not)(const uint64_t *a, const uint64_t *b, uint32_t count, uint64_t *out);
    void (*bits_not)(const uint64_t *a, uint32_t count, uint64_t *out);
    uint32_t (*bits_count)(const uint64_t *a, uint32_t count);
    /* Write the numbers of the set bits, rising, and return how many. out has room for count.
     * rows16: count is at most 65,536. */
    uint32_t (*rows16)(const uint64_t *a, uint32_t count, uint16_t *out);
    uint32_t (*rows32)(const uint64_t *a, uint32_t count, uint32_t *out);

    /* ---- copies ---- */

    /* out[i] = base + cell, mod 2^64 */
    void (*widen[4])(const void *cells, uint32_t count, int64_t base, int64_t *out);
    /* out[i] = base + the cell at rows[i], mod 2^64; also for doubles, with base 0 */
    void (*gather[4])(const void *cells, const uint16_t *rows, uint32_t count, int64_t base,
                      int64_t *out);
    /* The nearest double. */
    void (*to_real)(const int64_t *values, uint32_t count, double *out);

    /* ---- arithmetic; steps are 1, or 0 for a constant; out may be a or b where its step is 1 ----
     *
     * Integers: returns the first row that overflows, or count; rows from there on hold anything.
     * Only rows of the mask count. */

    uint32_t (*add)(const int64_t *a, uint32_t a_step, const int64_t *b, uint32_t b_step,
                    const uint64_t *mask, uint32_t count, int64_t *out);
    uint32_t (*subtract)(const int64_t *a, uint32_t a_step, const int64_t *b, uint32_t b_step,
                         const uint64_t *mask, uint32_t count, int64_t *out);
    uint32_t (*multiply)(const int64_t *a, uint32_t a_step, const int64_t *b, uint32_t b_step,
                         const uint64_t *mask, uint32_t count, int64_t *out);
    void (*add_real)(const double *a, uint32_t a_step, const double *b, uint32_t b_step,
                     uint32_t count, double *out);
    void (*subtract_real)(const double *a, uint32_t a_step, const double *b, uint32_t b_step,
                          uint32_t count, double *out);
    void (*multiply_real)(const double *a, uint32_t a_step, const double *b, uint32_t b_step,
                          uint32_t count, double *out);
    void (*divide_real)(const double *a, uint32_t a_step, const double *b, uint32_t b_step,
                        uint32_t count, double *out);

    /* ---- hashes: values that SQL calls equal have equal ones: 1 and 1.0, 0.0 and -0.0 ---- */

    void (*hash)(const int64_t *values, uint32_t count, uint64_t *out);
    void (*hash_real)(const double *values, uint32_t count, uint64_t *out);
} vl_simd;

/* The kernels of the best set that vl_cpu() allows; VELO_CPU can only lower it. Static. */
const vl_simd *vl_simd_best(void);

/* The kernels of a set, or NULL when vl_cpu() does not allow it. */
const vl_simd *vl_simd_at(vl_cpu_level level);

/* ---- from conditions to ranges (range.c) ---- */

/* What is known of a condition before any row is seen. */
typedef enum vl_simd_verdict {
    VL_SIMD_NONE, /* no row passes */
    VL_SIMD_ALL,  /* every row passes that is not NULL */
    VL_SIMD_SOME  /* ask the kernel */
} vl_simd_verdict;

/* Turn `column op constant` into a range of cells of `width` bytes over `base`: the constant is
 * clamped to what cells can say, so that it is never compared in the wrong width. The column's
 * values are base + cell mod 2^64; for a width below 8, base + 2^(8 * width) - 1 may lie above
 * INT64_MAX only if no cell does. Sets *range for VL_SIMD_SOME. */
vl_simd_verdict vl_simd_range_compare(vl_simd_compare op, int64_t constant, int64_t base,
                                      uint32_t width, vl_simd_range *range);

/* The same for `column BETWEEN low AND high`; low above high passes nothing. */
vl_simd_verdict vl_simd_range_between(int64_t low, int64_t high, int64_t base, uint32_t width,
                                      vl_simd_range *range);

/* The range of `column op constant` over reals. */
vl_simd_real_range vl_simd_real_range_compare(vl_simd_compare op, double constant);

/* ---- sums of reals (real_sum.c) ---- */

/* Append the sum of the rows behind those of `into`: both begin at lane 0, lanes are added each to
 * its like. The order of merging is part of the result. */
void vl_real_sum_merge(vl_real_sum *into, const vl_real_sum *from);

/* The sum as one double: lanes 0 to 7 in this order, compensated. As in SQLite, an infinity stays
 * one: a carry that is not finite is left out. */
double vl_real_sum_total(const vl_real_sum *sum);

/* The exact sum, when all values were integers below 2^53 in magnitude and rows were at most 2^30:
 * the carries are then exact (README). */
vl_int128 vl_real_sum_integer(const vl_real_sum *sum);

/* Add rows of the form number to a sum; is_integer is its bitmap. The result is an integer,
 * vl_real_sum_integer, while real_count is 0. */
void vl_number_sum_add(const vl_simd *simd, vl_number_sum *sum, const double *values,
                       const uint64_t *is_integer, const uint64_t *mask, uint32_t count);

/* ---- helpers ---- */

/* Index of a width of 1, 2, 4 or 8 bytes in the arrays of kernels. */
static inline uint32_t
vl_simd_width(uint32_t width)
{
    return (uint32_t)__builtin_ctz(width);
}

/* Words of a bitmap of count rows. */
static inline uint32_t
vl_bits_words(uint32_t count)
{
    return (count + 63) / 64;
}

/* The bits of the last word of a bitmap of count rows that are rows; all of them where count is a
 * multiple of 64. */
static inline uint64_t
vl_bits_last(uint32_t count)
{
    return UINT64_MAX >> (-count & 63);
}

static inline int
vl_bits_get(const uint64_t *bits, uint32_t row)
{
    return (int)((bits[row / 64] >> (row % 64)) & 1);
}

static inline void
vl_bits_set(uint64_t *bits, uint32_t row)
{
    bits[row / 64] |= (uint64_t)1 << (row % 64);
}

static inline void
vl_bits_clear(uint64_t *bits, uint32_t row)
{
    bits[row / 64] &= ~((uint64_t)1 << (row % 64));
}

/* Word w of a mask, of which NULL stands for all rows. */
static inline uint64_t
vl_bits_word(const uint64_t *mask, uint32_t w)
{
    return mask == NULL ? UINT64_MAX : mask[w];
}

#endif
