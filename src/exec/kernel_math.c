/* kernel_math.c - arithmetic on whole vectors.
 *
 * Invariants
 *   KM1  A row's result is what vl_value_operate gives: class, sign of zero, NULL for what is not a
 *        number. Where integers overflow, or numbers mixed of both classes leave what doubles hold
 *        exactly, nothing is said of the whole vector.
 *   KM2  Rows that are NULL, or left out by the selection, decide nothing, whatever they hold. */
#include "exec/kernel.h"

#include "vec/value.h"

#include <math.h>
#include <string.h>

/* Integers below this are doubles. */
#define MATH_EXACT 0x1p53

/* One side of an operator. */
typedef struct math_side {
    vl_vector vector; /* is_constant: one element, in `constant` */
    union {
        int64_t integer;
        double real;
    } constant;
} math_side;

/* A vector of reals for each row, in the arena. */
static void *
math_array(vl_eval *eval, size_t size)
{
    return vl_arena_alloc_aligned(eval->arena, size, 64);
}

static uint64_t *
math_bits(vl_eval *eval)
{
    return math_array(eval, VL_KERNEL_WORDS * sizeof(uint64_t));
}

/* ---- sides ---- */

/* What is the same in all rows. */
static int
math_take_constant(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, math_side *side)
{
    vl_value value;

    if (vl_eval_expr(ctx, eval, expr, &value) != VELO_OK) {
        vl_error_clear(ctx);
        return 0;
    }
    side->vector = (vl_vector){.is_constant = 1};
    if (value.type == VL_TYPE_INTEGER) {
        side->vector.form = VL_VECTOR_INTEGER;
        side->constant.integer = value.as.integer;
        return 1;
    }
    side->vector.form = VL_VECTOR_REAL;
    side->constant.real = value.as.real;
    return value.type == VL_TYPE_REAL;
}

/* Recursion goes as deep as the expression, whose depth the parser limits. */
static int
math_take(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, math_side *side)
{
    int is_fixed = expr->kind == VL_EXPR_CONSTANT || expr->kind == VL_EXPR_PARAM ||
                   expr->kind == VL_EXPR_OUTER ||
                   (expr->is_constant && expr->effect == VL_EFFECT_TOTAL);

    if (is_fixed)
        return math_take_constant(ctx, eval, expr, side);
    return vl_kernel_compute(ctx, eval, expr, &side->vector) && !side->vector.is_constant;
}

/* Where a side's elements are: its step is 0 for a constant. */
static const void *
math_at(const math_side *side, uint32_t *step)
{
    *step = !side->vector.is_constant;
    return side->vector.is_constant ? (const void *)&side->constant
                                    : (const void *)side->vector.as.integers;
}

/* A side as reals. */
static int
math_to_reals(vl_eval *eval, math_side *side, uint32_t count)
{
    double *reals;

    if (side->vector.form != VL_VECTOR_INTEGER)
        return 1;
    if (side->vector.is_constant) {
        side->constant.real = (double)side->constant.integer;
        return 1;
    }
    reals = math_array(eval, VL_CHUNK_ROWS * sizeof *reals);
    if (reals == NULL)
        return 0;
    vl_simd_best()->to_real(side->vector.as.integers, count, reals);
    side->vector.as.reals = reals;
    return 1;
}

/* ---- bitmaps ---- */

/* What both sides have: AND of bitmaps of which NULL is all. */
static int
math_and(vl_eval *eval, const uint64_t *a, const uint64_t *b, const uint64_t **out)
{
    uint64_t *bits;

    *out = a == NULL ? b : a;
    if (a == NULL || b == NULL || a == b)
        return 1;
    *out = bits = math_bits(eval);
    if (bits != NULL)
        vl_simd_best()->bits_and(a, b, eval->chunk->row_count, bits);
    return bits != NULL;
}

/* The rows that the chunk has; NULL for all. */
static int
math_selected(vl_eval *eval, const uint64_t **out)
{
    const vl_chunk *chunk = eval->chunk;
    uint64_t *bits;

    *out = NULL;
    if (chunk->selection == NULL)
        return 1;
    *out = bits = math_bits(eval);
    if (bits == NULL)
        return 0;
    memset(bits, 0, VL_KERNEL_WORDS * sizeof *bits);
    for (uint32_t n = 0; n < chunk->count; n++)
        vl_bits_set(bits, chunk->selection[n]);
    return 1;
}

/* ---- operators ---- */

static int
math_integers(vl_eval *eval, vl_operator op, const math_side *left, const math_side *right,
              vl_vector *out)
{
    const vl_simd *simd = vl_simd_best();
    uint32_t count = eval->chunk->row_count;
    int64_t *to = math_array(eval, VL_CHUNK_ROWS * sizeof *to);
    const uint64_t *mask;
    uint32_t a_step, b_step;
    const int64_t *a = math_at(left, &a_step);
    const int64_t *b = math_at(right, &b_step);
    uint32_t done;

    if (to == NULL || !math_selected(eval, &mask) || !math_and(eval, mask, out->validity, &mask))
        return 0;
    if (op == VL_OPERATOR_ADD)
        done = simd->add(a, a_step, b, b_step, mask, count, to);
    else if (op == VL_OPERATOR_SUBTRACT)
        done = simd->subtract(a, a_step, b, b_step, mask, count, to);
    else
        done = simd->multiply(a, a_step, b, b_step, mask, count, to);
    out->form = VL_VECTOR_INTEGER;
    out->as.integers = to;
    return done == count; /* keeps KM1 */
}

/* What is not a number is NULL. */
static int
math_drop_nans(vl_eval *eval, const double *reals, vl_vector *out)
{
    uint32_t count = eval->chunk->row_count;
    uint64_t *bits = NULL;
    int is_any = 0;

    for (uint32_t i = 0; i < count; i++)
        is_any |= reals[i] != reals[i];
    if (!is_any)
        return 1;
    bits = math_bits(eval);
    if (bits == NULL)
        return 0;
    for (uint32_t w = 0; w < vl_bits_words(count); w++)
        bits[w] = vl_bits_word(out->validity, w);
    for (uint32_t i = 0; i < count; i++)
        if (reals[i] != reals[i])
            vl_bits_clear(bits, i);
    out->validity = bits;
    return 1;
}

static int
math_reals(vl_eval *eval, vl_operator op, math_side *left, math_side *right, vl_vector *out)
{
    const vl_simd *simd = vl_simd_best();
    uint32_t count = eval->chunk->row_count;
    double *to = math_array(eval, VL_CHUNK_ROWS * sizeof *to);
    uint32_t a_step, b_step;
    const double *a;
    const double *b;

    if (to == NULL || !math_to_reals(eval, left, count) || !math_to_reals(eval, right, count))
        return 0;
    a = math_at(left, &a_step);
    b = math_at(right, &b_step);
    if (op == VL_OPERATOR_ADD)
        simd->add_real(a, a_step, b, b_step, count, to);
    else if (op == VL_OPERATOR_SUBTRACT)
        simd->subtract_real(a, a_step, b, b_step, count, to);
    else
        simd->multiply_real(a, a_step, b, b_step, count, to);
    out->as.reals = to;
    out->form = VL_VECTOR_REAL;
    return math_drop_nans(eval, to, out);
}

/* ---- numbers of both classes ---- */

/* Whether a side's integers are doubles. Its bitmap of integers is put to *integral: NULL, all. */
static int
math_is_exact(vl_eval *eval, const math_side *side, const uint64_t **integral)
{
    uint32_t count = eval->chunk->row_count;
    vl_simd_bounds bounds = {.min = INT64_MAX, .max = INT64_MIN};
    int64_t limit = (int64_t)MATH_EXACT;

    *integral = NULL;
    if (side->vector.form == VL_VECTOR_NUMBER)
        *integral = side->vector.integral;
    if (side->vector.form != VL_VECTOR_INTEGER)
        return 1;
    if (side->vector.is_constant)
        return side->constant.integer < limit && side->constant.integer > -limit;
    vl_simd_best()->bounds[3](&bounds, side->vector.as.integers, side->vector.validity, count);
    return bounds.max < limit && bounds.min > -limit;
}

/* As reals, where that is exact for the rows in which both are integers. */
static int
math_numbers(vl_eval *eval, vl_operator op, math_side *left, math_side *right, vl_vector *out)
{
    uint32_t count = eval->chunk->row_count;
    int is_real = left->vector.form == VL_VECTOR_REAL || right->vector.form == VL_VECTOR_REAL;
    const uint64_t *a;
    const uint64_t *b;
    const uint64_t *integral;
    const uint64_t *rows;
    const uint64_t *mask;

    if (is_real)
        return math_reals(eval, op, left, right, out);
    if (!math_is_exact(eval, left, &a) || !math_is_exact(eval, right, &b) ||
        !math_and(eval, a, b, &integral) || !math_reals(eval, op, left, right, out) ||
        !math_selected(eval, &mask) || !math_and(eval, mask, out->validity, &mask) ||
        !math_and(eval, mask, integral, &rows))
        return 0;
    out->form = VL_VECTOR_NUMBER;
    out->integral = integral;
    for (uint32_t i = 0; i < count; i++)
        if (vl_bits_get(rows, i) && !(fabs(out->as.reals[i]) < MATH_EXACT))
            return 0; /* keeps KM1 */
    return 1;
}

int
vl_kernel_compute(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_vector *out)
{
    math_side left;
    math_side right;

    if (expr->kind == VL_EXPR_COLUMN) {
        *out = eval->chunk->vectors[expr->index];
        return out->form != VL_VECTOR_ANY && !out->is_constant;
    }
    if (expr->kind != VL_EXPR_ARITHMETIC || expr->op > VL_OPERATOR_MULTIPLY ||
        !math_take(ctx, eval, expr->kids[0], &left) ||
        !math_take(ctx, eval, expr->kids[1], &right) ||
        (left.vector.is_constant && right.vector.is_constant))
        return 0;
    *out = (vl_vector){.validity = NULL};
    if (!math_and(eval, left.vector.validity, right.vector.validity, &out->validity))
        return 0;
    if (left.vector.form == VL_VECTOR_INTEGER && right.vector.form == VL_VECTOR_INTEGER)
        return math_integers(eval, (vl_operator)expr->op, &left, &right, out);
    if (left.vector.form == VL_VECTOR_NUMBER || right.vector.form == VL_VECTOR_NUMBER)
        return math_numbers(eval, (vl_operator)expr->op, &left, &right, out);
    return math_reals(eval, (vl_operator)expr->op, &left, &right, out);
}
