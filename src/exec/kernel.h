/* kernel.h - conditions on whole vectors.
 *
 * What these say of a row is what the evaluator says of it; where they cannot tell, they say so.
 * They may run under a page's latch: nothing waits, and nothing of the application is called.
 * Threads: one at a time. */
#ifndef VL_EXEC_KERNEL_H
#define VL_EXEC_KERNEL_H

#include "exec/eval.h"
#include "simd/simd.h"

/* Words of a bitmap of a chunk's rows. */
#define VL_KERNEL_WORDS ((VL_CHUNK_ROWS + 63) / 64)

/* Decide a condition for the rows of eval->chunk: columns compared with what has no column or with
 * one another, BETWEEN, IN a list of constants, LIKE a plain pattern (like.h), NULL or not, and
 * AND, OR and NOT of these. Values of ANY vectors are looked at where the chunk's selection has
 * them.
 *
 * bits    VL_KERNEL_WORDS words: receives 1 for the rows of the vectors of which it is true, 0 for
 *         others and behind the rows; of rows that the selection leaves out anything
 * returns 1; or 0 when the evaluator must be asked, and bits are undefined */
int vl_kernel_filter(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, uint64_t *bits);

/* Whether a condition is `column = text` by bytes, with a text that is the same for all rows, which
 * is put to *text. */
int vl_kernel_is_text_equality(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, uint32_t *column,
                               vl_value *text);

/* Decide the first conjuncts for all rows at once, as far as that can be done. Conjuncts behind the
 * first that cannot be decided so wait for it: it may fail, and its error is that of the first row
 * that meets it.
 *
 * selection  room for VL_CHUNK_ROWS; receives the rows of eval->chunk that pass those
 * decided    receives how many conjuncts that is
 * returns    how many rows pass */
uint32_t vl_kernel_decide(vl_ctx *ctx, vl_eval *eval, const vl_exprs *conjuncts,
                          uint16_t *selection, uint32_t *decided);

/* Compute + - * of columns and of what has no column, for all rows of eval->chunk at once
 * (kernel_math.c). Rows that the chunk's selection leaves out hold anything.
 *
 * out      receives a vector that lives as long as eval->arena and the chunk
 * returns  1; or 0 when the evaluator must be asked, row by row: for any other expression, for ANY
 *          vectors, when integers overflow, when there is no memory */
int vl_kernel_compute(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_vector *out);

/* The smallest and largest value of a typed vector's first `count` rows, in the rows of
 * `mask` (NULL: all) that are not NULL. Returns 0 when there is none, when the vector has another
 * form or integers among reals, or when either is a zero of which the sign is not known. */
int vl_kernel_bounds(const vl_vector *vector, uint32_t count, const uint64_t *mask, vl_value *min,
                     vl_value *max);

#endif
