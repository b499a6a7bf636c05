/* kernel.h - conditions on whole vectors.
 *
 * What these say of a row is what the evaluator says of it; where they cannot tell, they say so.
 * Threads: one at a time. */
#ifndef VL_EXEC_KERNEL_H
#define VL_EXEC_KERNEL_H

#include "exec/eval.h"
#include "simd/simd.h"

/* Words of a bitmap of a chunk's rows. */
#define VL_KERNEL_WORDS ((VL_CHUNK_ROWS + 63) / 64)

/* Decide a condition for the rows of eval->chunk: a column compared with what has no column, or
 * a column that is NULL or is not. Takes no account of the chunk's selection.
 *
 * bits    VL_KERNEL_WORDS words: receives 1 for the rows of the vectors of which it is true, 0 for
 *         others and behind the rows
 * returns 1; or 0 when the evaluator must be asked, and bits are undefined */
int vl_kernel_filter(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, uint64_t *bits);

/* The smallest and largest value of an INTEGER or REAL vector's first `count` rows, in the rows of
 * `mask` (NULL: all) that are not NULL. Returns 0 when there is none, when the vector has another
 * form, or when either is a zero of which the sign is not known. */
int vl_kernel_bounds(const vl_vector *vector, uint32_t count, const uint64_t *mask, vl_value *min,
                     vl_value *max);

#endif
