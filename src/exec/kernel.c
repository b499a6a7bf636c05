/* kernel.c - conditions on whole vectors.
 *
 * A comparison with a number becomes a range of the vector's own type, once for the chunk: 2.5
 * against integers is 2 and a strict or open end. Where that is not exact (an integer that is no
 * double against reals), the evaluator is asked.
 *
 * Invariants
 *   K1  A row that is NULL is never true, whatever its place in the array holds. */
#include "exec/kernel.h"

#include "base/bytes.h"
#include "exec/in_set.h"
#include "vec/like.h"
#include "vec/number.h"
#include "vec/value.h"

#include <math.h>
#include <string.h>

/* The most values of an IN list that are compared one by one. */
#define KERNEL_MAX_IN (VL_IN_SET_LEAST - 1)

/* `column op constant`, with how it is compared. */
typedef struct kernel_term {
    vl_comparison op; /* none of the IS ones */
    vl_affinity affinity;
    vl_collation collation;
    vl_value constant;
} kernel_term;

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

/* Whether two values that are not NULL are compared as they are: the affinity changes neither. */
static int
kernel_is_direct(vl_affinity affinity, const vl_value *a, const vl_value *b)
{
    int is_number = a->type == VL_TYPE_INTEGER || a->type == VL_TYPE_REAL;

    if (is_number)
        return (b->type == VL_TYPE_INTEGER || b->type == VL_TYPE_REAL) &&
               affinity != VL_AFFINITY_TEXT;
    return a->type == VL_TYPE_TEXT && b->type == VL_TYPE_TEXT &&
           (affinity <= VL_AFFINITY_TEXT || (vl_value_is_no_number(a) && vl_value_is_no_number(b)));
}

static int
kernel_decide(vl_comparison op, int order)
{
    return op == VL_COMPARE_EQ   ? order == 0
           : op == VL_COMPARE_NE ? order != 0
           : op == VL_COMPARE_LT ? order < 0
           : op == VL_COMPARE_LE ? order <= 0
           : op == VL_COMPARE_GT ? order > 0
                                 : order >= 0;
}

/* The order of two values that are compared directly. */
static int
kernel_order(const vl_value *a, const vl_value *b, vl_collation collation, int is_equality)
{
    if (a->type == VL_TYPE_INTEGER && b->type == VL_TYPE_INTEGER)
        return (a->as.integer > b->as.integer) - (a->as.integer < b->as.integer);
    if (is_equality && a->type == VL_TYPE_TEXT && collation == VL_COLLATE_BINARY)
        return a->size != b->size || memcmp(a->as.data, b->as.data, a->size) != 0;
    return vl_value_compare(a, b, collation);
}

/* Whether two texts of one size are the same: most are short, so no call is worth it. */
static int
kernel_same_bytes(const uint8_t *a, const uint8_t *b, uint32_t size)
{
    uint64_t differs = 0;

    if (size >= 8) {
        for (uint32_t i = 0; i + 8 <= size; i += 8)
            if (vl_load_le64(a + i) != vl_load_le64(b + i))
                return 0;
        return vl_load_le64(a + size - 8) == vl_load_le64(b + size - 8);
    }
    if (size >= 4)
        return vl_load_le32(a) == vl_load_le32(b) &&
               vl_load_le32(a + size - 4) == vl_load_le32(b + size - 4);
    for (uint32_t i = 0; i < size; i++)
        differs |= (uint64_t)(a[i] ^ b[i]);
    return differs == 0;
}

/* = and <> of texts by their bytes; 0: a value is no text, or NULL. By numeric affinity a constant
 * that is still a text is no number, and so equal to its own bytes only. */
static int
kernel_texts(const vl_chunk *chunk, const kernel_term *term, const vl_vector *vector,
             uint64_t *bits)
{
    int wanted = term->op == VL_COMPARE_EQ;

    if (term->op > VL_COMPARE_NE || term->constant.type != VL_TYPE_TEXT ||
        term->collation != VL_COLLATE_BINARY)
        return 0;
    for (uint32_t n = 0; n < chunk->count; n++) {
        uint32_t row = vl_chunk_row(chunk, n);
        const vl_value *value = &vector->as.values[row];
        int is_same = value->type == VL_TYPE_TEXT && value->size == term->constant.size &&
                      kernel_same_bytes(value->as.data, term->constant.as.data, value->size);

        if (value->type != VL_TYPE_TEXT)
            return 0;
        bits[row / 64] |= (uint64_t)(is_same == wanted) << (row % 64);
    }
    return 1;
}

/* Values that are compared as they are are compared here, all else by the evaluator. */
static int
kernel_values(vl_ctx *ctx, vl_eval *eval, const kernel_term *term, const vl_vector *vector,
              uint64_t *bits)
{
    const vl_chunk *chunk = eval->chunk;
    int is_equality =
        (term->op == VL_COMPARE_EQ || term->op == VL_COMPARE_NE) && term->constant.size > 0;

    kernel_fill(bits, chunk->row_count, 0);
    if (kernel_texts(chunk, term, vector, bits))
        return 1;
    kernel_fill(bits, chunk->row_count, 0);
    for (uint32_t n = 0; n < chunk->count; n++) {
        uint32_t row = vl_chunk_row(chunk, n);
        const vl_value *value = &vector->as.values[row];
        int truth;

        if (value->type == VL_TYPE_NULL)
            continue;
        if (kernel_is_direct(term->affinity, value, &term->constant)) {
            truth = kernel_decide(
                term->op, kernel_order(value, &term->constant, term->collation, is_equality));
        } else if (vl_eval_compare(ctx, eval->arena, term->op, term->affinity, term->collation,
                                   value, &term->constant, &truth) != VELO_OK) {
            vl_error_clear(ctx);
            return 0; /* the evaluator meets it in its place */
        }
        if (truth > 0)
            vl_bits_set(bits, row);
    }
    return 1;
}

/* ---- comparisons ---- */

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

/* The comparison that is true where this one is false, of values that are not NULL. */
static vl_comparison
kernel_opposite(vl_comparison op)
{
    switch (op) {
    case VL_COMPARE_EQ:
        return VL_COMPARE_NE;
    case VL_COMPARE_NE:
        return VL_COMPARE_EQ;
    case VL_COMPARE_LT:
        return VL_COMPARE_GE;
    case VL_COMPARE_LE:
        return VL_COMPARE_GT;
    case VL_COMPARE_GT:
        return VL_COMPARE_LE;
    case VL_COMPARE_GE:
        return VL_COMPARE_LT;
    case VL_COMPARE_IS:
        return VL_COMPARE_IS_NOT;
    case VL_COMPARE_IS_NOT:
        return VL_COMPARE_IS;
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

/* The rows that are not NULL and compare so with the constant. */
static int
kernel_term_rows(vl_ctx *ctx, vl_eval *eval, const kernel_term *term, const vl_vector *vector,
                 uint64_t *bits)
{
    uint32_t count = eval->chunk->row_count;

    if (vector->is_constant)
        return 0;
    if (term->constant.type == VL_TYPE_NULL) {
        kernel_fill(bits, count, 0);
        return 1;
    }
    if (vector->form == VL_VECTOR_ANY)
        return kernel_values(ctx, eval, term, vector, bits);
    if ((term->constant.type != VL_TYPE_INTEGER && term->constant.type != VL_TYPE_REAL) ||
        term->affinity == VL_AFFINITY_TEXT)
        return 0;
    kernel_fill(bits, count, 0);
    if (vector->form != VL_VECTOR_INTEGER) {
        if (!kernel_reals(vector, count, term->op, &term->constant, bits))
            return 0;
    } else if (term->constant.type == VL_TYPE_INTEGER) {
        kernel_integers_with_integer(vector, count, term->op, term->constant.as.integer, bits);
    } else {
        kernel_integers_with_real(vector, count, term->op, term->constant.as.real, bits);
    }
    kernel_clear_nulls(vector, count, bits);
    return 1;
}

/* Two columns of one type. */
static int
kernel_columns(vl_eval *eval, const vl_expr *expr, vl_comparison op, uint64_t *bits)
{
    uint32_t count = eval->chunk->row_count;
    const vl_vector *left = &eval->chunk->vectors[expr->kids[0]->index];
    const vl_vector *right = &eval->chunk->vectors[expr->kids[1]->index];

    if (left->is_constant || right->is_constant || left->form == VL_VECTOR_ANY ||
        expr->compared == VL_AFFINITY_TEXT || op > VL_COMPARE_GE ||
        (left->form == VL_VECTOR_INTEGER) != (right->form == VL_VECTOR_INTEGER) ||
        right->form == VL_VECTOR_ANY)
        return 0;
    kernel_fill(bits, count, 0);
    if (left->form == VL_VECTOR_INTEGER)
        vl_simd_best()->compare(left->as.integers, right->as.integers, count, (vl_simd_compare)op,
                                bits);
    else
        vl_simd_best()->compare_real(left->as.reals, right->as.reals, count, (vl_simd_compare)op,
                                     bits);
    kernel_clear_nulls(left, count, bits);
    kernel_clear_nulls(right, count, bits);
    return 1;
}

/* A column compared with what is fixed, by this operator. */
static int
kernel_column(vl_ctx *ctx, vl_eval *eval, const vl_expr *column, const vl_expr *other,
              kernel_term *term, uint64_t *bits)
{
    if (column->kind != VL_EXPR_COLUMN || !kernel_is_fixed(other) || term->op > VL_COMPARE_GE ||
        term->collation >= VL_COLLATE_USER) /* a page may be latched */
        return 0;
    if (vl_eval_expr(ctx, eval, other, &term->constant) != VELO_OK ||
        vl_value_apply_comparison(ctx, eval->arena, term->affinity, &term->constant) != VELO_OK) {
        vl_error_clear(ctx);
        return 0;
    }
    return kernel_term_rows(ctx, eval, term, &eval->chunk->vectors[column->index], bits);
}

/* IS and IS NOT with what is not NULL: as = , and its opposite everywhere else. */
static int
kernel_is(vl_ctx *ctx, vl_eval *eval, const vl_expr *column, const vl_expr *other,
          kernel_term *term, uint64_t *bits)
{
    int is_not = term->op == VL_COMPARE_IS_NOT;

    term->op = VL_COMPARE_EQ;
    if (!kernel_column(ctx, eval, column, other, term, bits) || term->constant.type == VL_TYPE_NULL)
        return 0;
    if (is_not)
        vl_simd_best()->bits_not(bits, eval->chunk->row_count, bits);
    return 1;
}

static int
kernel_compare(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, int wanted, uint64_t *bits)
{
    int is_turned = kernel_is_fixed(expr->kids[0]);
    const vl_expr *column = expr->kids[is_turned];
    const vl_expr *other = expr->kids[!is_turned];
    kernel_term term = {.op = (vl_comparison)expr->op,
                        .affinity = (vl_affinity)expr->compared,
                        .collation = (vl_collation)expr->collation};

    if (!wanted)
        term.op = kernel_opposite(term.op);
    if (column->kind == VL_EXPR_COLUMN && other->kind == VL_EXPR_COLUMN)
        return kernel_columns(eval, expr, term.op, bits);
    if (is_turned)
        term.op = kernel_turn(term.op);
    if (term.op == VL_COMPARE_IS || term.op == VL_COMPARE_IS_NOT)
        return kernel_is(ctx, eval, column, other, &term, bits);
    return kernel_column(ctx, eval, column, other, &term, bits);
}

static int
kernel_is_null(vl_eval *eval, const vl_expr *expr, int wanted, uint64_t *bits)
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
    if (expr->is_not != !wanted)
        return 1;
    vl_simd_best()->bits_not(bits, count, bits);
    return 1;
}

/* LIKE of texts with a plain pattern; a value that is neither text nor NULL ends it. */
static int
kernel_like(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, int wanted, uint64_t *bits)
{
    const vl_chunk *chunk = eval->chunk;
    const vl_vector *vector;
    vl_value pattern;

    if (expr->op != 0 || expr->kid_count != 2 || expr->kids[0]->kind != VL_EXPR_COLUMN ||
        !kernel_is_fixed(expr->kids[1]))
        return 0;
    vector = &chunk->vectors[expr->kids[0]->index];
    if (vector->form != VL_VECTOR_ANY || vector->is_constant)
        return 0;
    if (vl_eval_expr(ctx, eval, expr->kids[1], &pattern) != VELO_OK) {
        vl_error_clear(ctx);
        return 0;
    }
    if (pattern.type != VL_TYPE_TEXT || !vl_like_is_plain(pattern.as.data, pattern.size))
        return 0;
    wanted = wanted != expr->is_not;
    kernel_fill(bits, chunk->row_count, 0);
    for (uint32_t n = 0; n < chunk->count; n++) {
        uint32_t row = vl_chunk_row(chunk, n);
        const vl_value *value = &vector->as.values[row];
        int is_match;

        if (value->type == VL_TYPE_NULL)
            continue; /* keeps K1 */
        if (value->type != VL_TYPE_TEXT)
            return 0;
        is_match = vl_like_match_plain(pattern.as.data, pattern.size, value->as.data, value->size);
        bits[row / 64] |= (uint64_t)(is_match == wanted) << (row % 64);
    }
    return 1;
}

/* ---- what is made of comparisons ---- */

static void
kernel_join(uint32_t count, int is_and, const uint64_t *more, uint64_t *bits)
{
    if (is_and)
        vl_simd_best()->bits_and(bits, more, count, bits);
    else
        vl_simd_best()->bits_or(bits, more, count, bits);
}

/* True: above the one and below the other. False: on the other side of one. */
static int
kernel_between(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, int wanted, uint64_t *bits)
{
    uint64_t more[VL_KERNEL_WORDS];
    kernel_term low = {.affinity = (vl_affinity)expr->compared,
                       .collation = (vl_collation)expr->collation};
    kernel_term high = {.affinity = (vl_affinity)expr->compared2,
                        .collation = (vl_collation)expr->collation2};

    wanted = wanted != expr->is_not;
    low.op = wanted ? VL_COMPARE_GE : VL_COMPARE_LT;
    high.op = wanted ? VL_COMPARE_LE : VL_COMPARE_GT;
    if (!kernel_column(ctx, eval, expr->kids[0], expr->kids[1], &low, bits) ||
        !kernel_column(ctx, eval, expr->kids[0], expr->kids[2], &high, more))
        return 0;
    kernel_join(eval->chunk->row_count, wanted, more, bits);
    return 1;
}

/* A list of many values, by its table. */
static int
kernel_in_set(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, int wanted, uint64_t *bits)
{
    const vl_chunk *chunk = eval->chunk;
    vl_in_set *set = NULL;

    if (expr->kids[0]->kind != VL_EXPR_COLUMN)
        return 0;
    if (vl_in_set_get(ctx, eval, expr, 1, &set) != VELO_OK)
        vl_error_clear(ctx);
    kernel_fill(bits, chunk->row_count, 0);
    if (set != NULL && vl_in_set_mark_integers(set, chunk, expr->kids[0]->index, wanted, bits))
        return 1;
    for (uint32_t n = 0; n < chunk->count && set != NULL; n++) {
        uint32_t row = vl_chunk_row(chunk, n);
        vl_value value = vl_vector_get(&chunk->vectors[expr->kids[0]->index], row);
        int truth;

        if (vl_in_set_find(ctx, eval->arena, set, &value, &truth) != VELO_OK) {
            vl_error_clear(ctx);
            return 0; /* the evaluator meets it in its place */
        }
        if (truth == wanted)
            vl_bits_set(bits, row);
    }
    return set != NULL;
}

/* True: equal to one of them. False: equal to none, and neither side is NULL. */
static int
kernel_in_list(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, int wanted, uint64_t *bits)
{
    uint64_t more[VL_KERNEL_WORDS];

    wanted = wanted != expr->is_not;
    if (expr->kid_count > KERNEL_MAX_IN + 1)
        return kernel_in_set(ctx, eval, expr, wanted, bits);
    kernel_fill(bits, eval->chunk->row_count, !wanted);
    for (uint32_t i = 1; i < expr->kid_count; i++) {
        kernel_term term = {.op = wanted ? VL_COMPARE_EQ : VL_COMPARE_NE,
                            .affinity = (vl_affinity)expr->compared,
                            .collation = (vl_collation)expr->collation};

        if (!kernel_column(ctx, eval, expr->kids[0], expr->kids[i], &term, more))
            return 0;
        kernel_join(eval->chunk->row_count, !wanted, more, bits);
    }
    return 1;
}

static int kernel_truth(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, int wanted,
                        uint64_t *bits);

/* AND is true where all are, and false where one is; OR the other way round. */
static int
kernel_junction(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, int wanted, uint64_t *bits)
{
    int is_and = (expr->kind == VL_EXPR_AND) == (wanted != 0);
    uint64_t more[VL_KERNEL_WORDS];

    for (uint32_t i = 0; i < expr->kid_count; i++) {
        if (!kernel_truth(ctx, eval, expr->kids[i], wanted, i == 0 ? bits : more))
            return 0;
        if (i > 0)
            kernel_join(eval->chunk->row_count, is_and, more, bits);
    }
    return expr->kid_count > 0;
}

/* The rows of which a condition is true, or (wanted 0) false. None of what is decided here can
 * fail, so operands may be looked at that the evaluator would pass over. Recursion goes as deep as
 * the expression, whose depth the parser limits. */
static int
kernel_truth(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, int wanted, uint64_t *bits)
{
    kernel_term zero = {.op = wanted ? VL_COMPARE_NE : VL_COMPARE_EQ,
                        .constant = vl_value_of_integer(0)};

    if (expr->kind == VL_EXPR_COMPARE)
        return kernel_compare(ctx, eval, expr, wanted, bits);
    if (expr->kind == VL_EXPR_IS_NULL)
        return kernel_is_null(eval, expr, wanted, bits);
    if (expr->kind == VL_EXPR_BETWEEN)
        return kernel_between(ctx, eval, expr, wanted, bits);
    if (expr->kind == VL_EXPR_IN_LIST)
        return kernel_in_list(ctx, eval, expr, wanted, bits);
    if (expr->kind == VL_EXPR_LIKE)
        return kernel_like(ctx, eval, expr, wanted, bits);
    if (expr->kind == VL_EXPR_AND || expr->kind == VL_EXPR_OR)
        return kernel_junction(ctx, eval, expr, wanted, bits);
    if (expr->kind == VL_EXPR_NOT)
        return kernel_truth(ctx, eval, expr->kids[0], !wanted, bits);
    if (expr->kind == VL_EXPR_COLUMN && eval->chunk->vectors[expr->index].form != VL_VECTOR_ANY)
        return kernel_term_rows(ctx, eval, &zero, &eval->chunk->vectors[expr->index], bits);
    return 0;
}

int
vl_kernel_is_text_equality(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, uint32_t *column,
                           vl_value *text)
{
    int is_turned;

    if (expr->kind != VL_EXPR_COMPARE || expr->op != VL_COMPARE_EQ ||
        expr->collation != VL_COLLATE_BINARY)
        return 0;
    is_turned = kernel_is_fixed(expr->kids[0]);
    if (expr->kids[is_turned]->kind != VL_EXPR_COLUMN || !kernel_is_fixed(expr->kids[!is_turned]))
        return 0;
    if (vl_eval_expr(ctx, eval, expr->kids[!is_turned], text) != VELO_OK ||
        vl_value_apply_comparison(ctx, eval->arena, (vl_affinity)expr->compared, text) != VELO_OK) {
        vl_error_clear(ctx);
        return 0;
    }
    *column = expr->kids[is_turned]->index;
    return text->type == VL_TYPE_TEXT && text->size > 0;
}

int
vl_kernel_filter(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, uint64_t *bits)
{
    return kernel_truth(ctx, eval, expr, 1, bits);
}

uint32_t
vl_kernel_decide(vl_ctx *ctx, vl_eval *eval, const vl_exprs *conjuncts, uint16_t *selection,
                 uint32_t *decided)
{
    const vl_chunk *in = eval->chunk;
    uint64_t bits[VL_KERNEL_WORDS];
    uint64_t more[VL_KERNEL_WORDS];
    uint32_t count = 0;

    for (*decided = 0; *decided < conjuncts->count; ++*decided) {
        if (!kernel_truth(ctx, eval, conjuncts->list[*decided], 1, *decided == 0 ? bits : more))
            break;
        if (*decided > 0)
            vl_simd_best()->bits_and(bits, more, in->row_count, bits);
    }
    if (*decided > 0 && in->selection == NULL)
        return vl_simd_best()->rows16(bits, in->row_count, selection);
    for (uint32_t n = 0; n < in->count; n++) {
        uint32_t row = vl_chunk_row(in, n);

        selection[count] = (uint16_t)row;
        count += *decided == 0 || vl_bits_get(bits, row);
    }
    return count;
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
    if (vector->form == VL_VECTOR_NUMBER) {
        uint64_t whole[VL_KERNEL_WORDS];

        simd->bits_and(bits, vector->integral, count, whole);
        if (simd->bits_count(whole, count) > 0)
            return 0; /* which of two equal ones came first is not told */
    }
    simd->bounds_real(&reals, vector->as.reals, bits, count);
    *min = vl_value_of_real(reals.min);
    *max = vl_value_of_real(reals.max);
    return reals.min < 0.0 || reals.min > 0.0 ? reals.max < 0.0 || reals.max > 0.0 : 0;
}
