/* kernel.c - conditions on whole vectors.
 *
 * A comparison with a number becomes a range of the vector's own type, once for the chunk: 2.5
 * against integers is 2 and a strict or open end. Where that is not exact (an integer that is no
 * double against reals), the evaluator is asked.
 *
 * Invariants
 *   K1  A row that is NULL is never true, whatever its place in the array holds. */
#include "exec/kernel.h"

#include "vec/number.h"
#include "vec/value.h"

#include <math.h>
#include <string.h>

static void
kernel_fill(uint64_t *bits, uint32_t count, int is_set)
{
    memset(bits, 0, VL_KERNEL_WORDS * sizeof *bits);
    if (!is_set)
        return;
    memset(bits, 0xff, vl_bits_words(count) * sizeof *bits);
    if (count % 64 != 0)
        bits[count / 64] = vl_bits_last(count);
}

/* Clear what is NULL. Keeps K1. */
static void
kernel_clear_nulls(const vl_vector *vector, uint32_t count, uint64_t *bits)
{
    if (vector->validity != NULL)
        vl_simd_best()->bits_and(bits, vector->validity, count, bits);
}

/* ---- integers ---- */

static void
kernel_integers_with_integer(const vl_vector *vector, uint32_t count, vl_comparison op,
                             int64_t constant, uint64_t *bits)
{
    vl_simd_range range;
    vl_simd_verdict verdict =
        vl_simd_range_compare((vl_simd_compare)op, constant, 0, sizeof(int64_t), &range);

    if (verdict == VL_SIMD_SOME)
        vl_simd_best()->in_range[3](vector->as.integers, count, &range, bits);
    else
        kernel_fill(bits, count, verdict == VL_SIMD_ALL);
}

/* Integers against a real that is none: below it are those up to its floor. */
static void
kernel_integers_with_real(const vl_vector *vector, uint32_t count, vl_comparison op,
                          double constant, uint64_t *bits)
{
    int is_below = op == VL_COMPARE_LT || op == VL_COMPARE_LE;
    int is_above = op == VL_COMPARE_GT || op == VL_COMPARE_GE;
    int64_t integer;

    if (vl_number_is_integer(constant, &integer))
        kernel_integers_with_integer(vector, count, op, integer, bits);
    else if (!is_below && !is_above)
        kernel_fill(bits, count, op == VL_COMPARE_NE);
    else if (constant >= 0x1p63 || constant < -0x1p63)
        kernel_fill(bits, count, constant > 0.0 ? is_below : is_above);
    else
        kernel_integers_with_integer(vector, count, is_below ? VL_COMPARE_LE : VL_COMPARE_GT,
                                     (int64_t)floor(constant), bits);
}

/* ---- reals ---- */

/* Whether a number is exactly a double. */
static int
kernel_is_real(const vl_value *number, double *real)
{
    int64_t back;

    *real = number->as.real;
    if (number->type == VL_TYPE_REAL)
        return 1;
    *real = (double)number->as.integer;
    return vl_number_is_integer(*real, &back) && back == number->as.integer;
}

static int
kernel_reals(const vl_vector *vector, uint32_t count, vl_comparison op, const vl_value *constant,
             uint64_t *bits)
{
    vl_simd_real_range range;
    double real;

    if (!kernel_is_real(constant, &real))
        return 0;
    range = vl_simd_real_range_compare((vl_simd_compare)op, real);
    vl_simd_best()->in_range_real(vector->as.reals, count, &range, bits);
    return 1;
}

/* ---- values of any class ---- */

/* Two integers are compared here, all else by the evaluator's comparison. */
static int
kernel_values(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_comparison op,
              const vl_vector *vector, const vl_value *constant, uint64_t *bits)
{
    const vl_chunk *chunk = eval->chunk;
    int is_number = constant->type == VL_TYPE_INTEGER && expr->compared != VL_AFFINITY_TEXT;

    kernel_fill(bits, chunk->row_count, 0);
    for (uint32_t n = 0; n < chunk->count; n++) {
        uint32_t row = vl_chunk_row(chunk, n);
        const vl_value *value = &vector->as.values[row];
        int truth;

        if (is_number && value->type == VL_TYPE_INTEGER) {
            int64_t a = value->as.integer;
            int64_t b = constant->as.integer;
            int order = (a > b) - (a < b);

            truth = op == VL_COMPARE_EQ   ? order == 0
                    : op == VL_COMPARE_NE ? order != 0
                    : op == VL_COMPARE_LT ? order < 0
                    : op == VL_COMPARE_LE ? order <= 0
                    : op == VL_COMPARE_GT ? order > 0
                                          : order >= 0;
        } else if (value->type == VL_TYPE_NULL) {
            continue;
        } else if (vl_eval_compare(ctx, eval->arena, op, (vl_affinity)expr->compared,
                                   (vl_collation)expr->collation, value, constant,
                                   &truth) != VELO_OK) {
            vl_error_clear(ctx);
            return 0; /* the evaluator meets it in its place */
        }
        if (truth > 0)
            vl_bits_set(bits, row);
    }
    return 1;
}

/* ---- conditions ---- */

/* The same comparison with its sides exchanged. */
static vl_comparison
kernel_turn(vl_comparison op)
{
    switch (op) {
    case VL_COMPARE_LT:
        return VL_COMPARE_GT;
    case VL_COMPARE_LE:
        return VL_COMPARE_GE;
    case VL_COMPARE_GT:
        return VL_COMPARE_LT;
    case VL_COMPARE_GE:
        return VL_COMPARE_LE;
    case VL_COMPARE_EQ:
    case VL_COMPARE_NE:
    case VL_COMPARE_IS:
    case VL_COMPARE_IS_NOT:
        break;
    }
    return op;
}

/* What costs nothing to evaluate, cannot fail, and is the same for all rows. */
static int
kernel_is_fixed(const vl_expr *expr)
{
    return expr->kind == VL_EXPR_CONSTANT || expr->kind == VL_EXPR_PARAM ||
           expr->kind == VL_EXPR_OUTER;
}

static int
kernel_compare(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, uint64_t *bits)
{
    int is_turned = kernel_is_fixed(expr->kids[0]);
    const vl_expr *column = expr->kids[is_turned];
    const vl_expr *other = expr->kids[!is_turned];
    vl_comparison op = is_turned ? kernel_turn((vl_comparison)expr->op) : (vl_comparison)expr->op;
    uint32_t count = eval->chunk->row_count;
    const vl_vector *vector;
    vl_value constant;

    if (column->kind != VL_EXPR_COLUMN || !kernel_is_fixed(other) || op > VL_COMPARE_GE)
        return 0;
    if (vl_eval_expr(ctx, eval, other, &constant) != VELO_OK)
        return 0;
    vector = &eval->chunk->vectors[column->index];
    if (vector->is_constant)
        return 0;
    if (constant.type == VL_TYPE_NULL) {
        kernel_fill(bits, count, 0);
        return 1;
    }
    if (vector->form == VL_VECTOR_ANY)
        return kernel_values(ctx, eval, expr, op, vector, &constant, bits);
    if ((constant.type != VL_TYPE_INTEGER && constant.type != VL_TYPE_REAL) ||
        expr->compared == VL_AFFINITY_TEXT)
        return 0;
    kernel_fill(bits, count, 0);
    if (vector->form == VL_VECTOR_REAL) {
        if (!kernel_reals(vector, count, op, &constant, bits))
            return 0;
    } else if (constant.type == VL_TYPE_INTEGER) {
        kernel_integers_with_integer(vector, count, op, constant.as.integer, bits);
    } else {
        kernel_integers_with_real(vector, count, op, constant.as.real, bits);
    }
    kernel_clear_nulls(vector, count, bits);
    return 1;
}

static int
kernel_is_null(vl_eval *eval, const vl_expr *expr, uint64_t *bits)
{
    uint32_t count = eval->chunk->row_count;
    const vl_vector *vector;

    if (expr->kids[0]->kind != VL_EXPR_COLUMN)
        return 0;
    vector = &eval->chunk->vectors[expr->kids[0]->index];
    if (vector->is_constant || vector->form == VL_VECTOR_ANY)
        return 0;
    kernel_fill(bits, count, 1);
    kernel_clear_nulls(vector, count, bits);
    if (!expr->is_not)
        vl_simd_best()->bits_not(bits, count, bits);
    return 1;
}

int
vl_kernel_filter(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, uint64_t *bits)
{
    if (expr->kind == VL_EXPR_COMPARE)
        return kernel_compare(ctx, eval, expr, bits);
    if (expr->kind == VL_EXPR_IS_NULL)
        return kernel_is_null(eval, expr, bits);
    return 0;
}

/* ---- bounds ---- */

int
vl_kernel_bounds(const vl_vector *vector, uint32_t count, const uint64_t *mask, vl_value *min,
                 vl_value *max)
{
    const vl_simd *simd = vl_simd_best();
    uint64_t bits[VL_KERNEL_WORDS];
    vl_simd_bounds bounds = {.min = INT64_MAX, .max = INT64_MIN};
    vl_simd_real_bounds reals = {.min = (double)INFINITY, .max = -(double)INFINITY};

    if (vector->form == VL_VECTOR_ANY || vector->is_constant)
        return 0;
    kernel_fill(bits, count, 1);
    kernel_clear_nulls(vector, count, bits);
    if (mask != NULL)
        simd->bits_and(bits, mask, count, bits);
    if (simd->bits_count(bits, count) == 0)
        return 0;
    if (vector->form == VL_VECTOR_INTEGER) {
        simd->bounds[3](&bounds, vector->as.integers, bits, count);
        *min = vl_value_of_integer(bounds.min);
        *max = vl_value_of_integer(bounds.max);
        return 1;
    }
    simd->bounds_real(&reals, vector->as.reals, bits, count);
    *min = vl_value_of_real(reals.min);
    *max = vl_value_of_real(reals.max);
    return reals.min < 0.0 || reals.min > 0.0 ? reals.max < 0.0 || reals.max > 0.0 : 0;
}
