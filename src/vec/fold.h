/* fold.h - sums and counts of a vector's rows, by kernels.
 *
 * The rows are those that a selection lists, or the first `count`. What comes out is what one row
 * after the other would give, bit for bit: func/aggregate.c tells how rows are summed. Threads:
 * any; nothing is kept. */
#ifndef VL_VEC_FOLD_H
#define VL_VEC_FOLD_H

#include "simd/simd.h"
#include "vec/vector.h"

/* A sum in the making. */
typedef struct vl_fold_sum {
    vl_int128 integers; /* exact sum of the integers */
    vl_real_sum reals;  /* of the reals; its position is that of the next row */
    int64_t rows;       /* that are not NULL */
    int64_t real_count; /* of these, reals */
} vl_fold_sum;

/* Add `count` rows to a sum. Returns 0, with the sum as it was, when rows must be looked at one by
 * one: the vector is ANY or constant, a real is infinite, or a sum has become so. */
int vl_fold_sum_add(const vl_vector *vector, const uint16_t *selection, uint32_t count,
                    vl_fold_sum *sum);

/* How many of the rows are not NULL. */
uint32_t vl_fold_count(const vl_vector *vector, const uint16_t *selection, uint32_t count);

#endif
