/* plan_imply.c - which conditions follow from others: for the predicates of partial indexes.
 *
 * Seen are: the same condition, also with its sides exchanged; one of the alternatives of an OR;
 * and `x IS NOT NULL` of what would not be true otherwise.
 *
 * Invariants
 *   PI1  An answer of yes is a proof: what is not understood is no. */
#include "sql/bind_int.h"

/* Whether the comparison is NULL when a side is. */
static int
imply_compares_values(const vl_expr *expr)
{
    return expr->op != VL_COMPARE_IS && expr->op != VL_COMPARE_IS_NOT;
}

/* Whether an expression is NULL whenever `x` is. */
static int
imply_is_strict(const vl_expr *expr, const vl_expr *x)
{
    uint32_t count = 0; /* of the first kids, any of which makes it NULL */

    if (vl_expr_equal(expr, x))
        return 1;
    switch ((vl_expr_kind)expr->kind) {
    case VL_EXPR_NEGATE:
    case VL_EXPR_BIT_NOT:
    case VL_EXPR_NOT:
    case VL_EXPR_CAST:
    case VL_EXPR_CONVERT:
    case VL_EXPR_BETWEEN:
        count = 1;
        break;
    case VL_EXPR_ARITHMETIC:
    case VL_EXPR_CONCAT:
    case VL_EXPR_LIKE:
        count = 2;
        break;
    case VL_EXPR_COMPARE:
        count = imply_compares_values(expr) ? 2 : 0;
        break;
    case VL_EXPR_CONSTANT:
    case VL_EXPR_PARAM:
    case VL_EXPR_COLUMN:
    case VL_EXPR_OUTER:
    case VL_EXPR_IS_NULL:
    case VL_EXPR_IS_TRUE:
    case VL_EXPR_AND:
    case VL_EXPR_OR:
    case VL_EXPR_CASE:
    case VL_EXPR_BASE:
    case VL_EXPR_LET:
    case VL_EXPR_COALESCE:
    case VL_EXPR_FUNCTION:
    case VL_EXPR_IN_LIST:
    case VL_EXPR_IN_QUERY:
    case VL_EXPR_EXISTS:
    case VL_EXPR_SCALAR:
    case VL_EXPR_ROW_COMPARE:
    case VL_EXPR_RAISE:
        break;
    }
    for (uint32_t i = 0; i < count; i++)
        if (imply_is_strict(expr->kids[i], x))
            return 1;
    return 0;
}

/* Whether `x` is not NULL where a condition is true. */
static int
imply_not_null(const vl_expr *given, const vl_expr *x)
{
    int is_all = given->kind == VL_EXPR_OR;

    if (given->kind == VL_EXPR_AND || given->kind == VL_EXPR_OR) {
        for (uint32_t i = 0; i < given->kid_count; i++)
            if (imply_not_null(given->kids[i], x) != is_all)
                return !is_all;
        return is_all;
    }
    if (given->kind == VL_EXPR_IS_NULL)
        return given->is_not && imply_is_strict(given->kids[0], x);
    if (given->kind == VL_EXPR_IS_TRUE)
        return !given->is_not && imply_is_strict(given->kids[0], x);
    if (given->kind == VL_EXPR_IN_LIST) /* NOT IN of nothing is true of NULL too */
        return (!given->is_not || given->kid_count > 1) && imply_is_strict(given->kids[0], x);
    if (given->kind == VL_EXPR_IN_QUERY && given->op == 1)
        return !given->is_not && imply_is_strict(given->kids[0], x);
    return imply_is_strict(given, x);
}

/* Whether two comparisons are one with its sides exchanged. */
static int
imply_is_mirrored(const vl_expr *a, const vl_expr *b)
{
    static const uint8_t mirrored[] = {
        [VL_COMPARE_EQ] = VL_COMPARE_EQ, [VL_COMPARE_NE] = VL_COMPARE_NE,
        [VL_COMPARE_LT] = VL_COMPARE_GT, [VL_COMPARE_LE] = VL_COMPARE_GE,
        [VL_COMPARE_GT] = VL_COMPARE_LT, [VL_COMPARE_GE] = VL_COMPARE_LE,
        [VL_COMPARE_IS] = VL_COMPARE_IS, [VL_COMPARE_IS_NOT] = VL_COMPARE_IS_NOT};

    return a->kind == VL_EXPR_COMPARE && b->kind == VL_EXPR_COMPARE && mirrored[a->op] == b->op &&
           a->compared == b->compared && a->collation == b->collation &&
           vl_expr_equal(a->kids[0], b->kids[1]) && vl_expr_equal(a->kids[1], b->kids[0]);
}

int
vl_expr_implies(const vl_expr *given, const vl_expr *wanted)
{
    if (vl_expr_equal(given, wanted) || imply_is_mirrored(given, wanted))
        return 1;
    if (wanted->kind == VL_EXPR_OR)
        for (uint32_t i = 0; i < wanted->kid_count; i++)
            if (vl_expr_implies(given, wanted->kids[i]))
                return 1;
    return wanted->kind == VL_EXPR_IS_NULL && wanted->is_not &&
           imply_not_null(given, wanted->kids[0]);
}
