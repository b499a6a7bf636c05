/* eval.c - the scalar evaluator: an expression of a plan on one row gives one value.
 *
 * Invariants
 *   E1  A kid is evaluated at most once for each evaluation of its parent, and not at all where
 *       the kids before it decide the result: AND, OR, CASE, COALESCE, IN.
 *   E2  The depth of recursion is that of the expression, which the parser limits. */
#include "exec/eval.h"

#include "base/assert.h"
#include "exec/exec_int.h"
#include "exec/in_set.h"
#include "vec/like.h"

/* Truth as a value. */
static vl_value
eval_of_truth(int truth)
{
    return truth < 0 ? vl_value_of_null() : vl_value_of_integer(truth);
}

/* Truth turned round where is_not says so. */
static vl_value
eval_of_truth_not(int truth, int is_not)
{
    return eval_of_truth(truth < 0 || !is_not ? truth : !truth);
}

static int
eval_is_null(const vl_value *value)
{
    return value->type == VL_TYPE_NULL;
}

velo_status
vl_eval_truth(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, int *truth)
{
    vl_value value;

    *truth = 0;
    VL_TRY(vl_eval_expr(ctx, eval, expr, &value));
    *truth = vl_value_truth(&value);
    return VELO_OK;
}

velo_status
vl_eval_conjuncts(vl_ctx *ctx, vl_eval *eval, const vl_exprs *conjuncts, int *passes)
{
    *passes = 0;
    for (uint32_t i = 0; i < conjuncts->count; i++) {
        int truth;

        VL_TRY(vl_eval_truth(ctx, eval, conjuncts->list[i], &truth));
        if (truth <= 0)
            return VELO_OK;
    }
    *passes = 1;
    return VELO_OK;
}

velo_status
vl_eval_list(vl_ctx *ctx, vl_eval *eval, const vl_exprs *exprs, vl_value *values)
{
    for (uint32_t i = 0; i < exprs->count; i++)
        VL_TRY(vl_eval_expr(ctx, eval, exprs->list[i], &values[i]));
    return VELO_OK;
}

/* ---- comparison ---- */

/* What an order of two values that are not NULL says about a comparison. */
static int
eval_decide(vl_comparison op, int order)
{
    switch (op) {
    case VL_COMPARE_EQ:
    case VL_COMPARE_IS:
        return order == 0;
    case VL_COMPARE_NE:
    case VL_COMPARE_IS_NOT:
        return order != 0;
    case VL_COMPARE_LT:
        return order < 0;
    case VL_COMPARE_LE:
        return order <= 0;
    case VL_COMPARE_GT:
        return order > 0;
    case VL_COMPARE_GE:
        return order >= 0;
    }
    return 0;
}

static int
eval_sees_nulls(vl_comparison op)
{
    return op == VL_COMPARE_IS || op == VL_COMPARE_IS_NOT;
}

velo_status
vl_eval_compare(vl_ctx *ctx, vl_arena *arena, vl_comparison op, vl_affinity affinity,
                vl_collation collation, const vl_value *left, const vl_value *right, int *truth)
{
    vl_value a = *left;
    vl_value b = *right;

    *truth = -1;
    if ((eval_is_null(&a) || eval_is_null(&b)) && !eval_sees_nulls(op))
        return VELO_OK;
    if (affinity != VL_AFFINITY_NONE) {
        VL_TRY(vl_value_apply_comparison(ctx, arena, affinity, &a));
        VL_TRY(vl_value_apply_comparison(ctx, arena, affinity, &b));
    }
    *truth = eval_decide(op, vl_value_compare(&a, &b, collation));
    return VELO_OK;
}

static velo_status
eval_comparison(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
{
    vl_value left;
    vl_value right;
    int truth;

    VL_TRY(vl_eval_expr(ctx, eval, expr->kids[0], &left));
    VL_TRY(vl_eval_expr(ctx, eval, expr->kids[1], &right));
    VL_TRY(vl_eval_compare(ctx, eval->arena, (vl_comparison)expr->op, (vl_affinity)expr->compared,
                           (vl_collation)expr->collation, &left, &right, &truth));
    *value = eval_of_truth(truth);
    return VELO_OK;
}

/* AND of two truths. */
static int
eval_and(int a, int b)
{
    if (a == 0 || b == 0)
        return 0;
    return a < 0 || b < 0 ? -1 : 1;
}

static velo_status
eval_between(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
{
    vl_value tested;
    vl_value low;
    vl_value high;
    int above;
    int below;

    VL_TRY(vl_eval_expr(ctx, eval, expr->kids[0], &tested));
    VL_TRY(vl_eval_expr(ctx, eval, expr->kids[1], &low));
    VL_TRY(vl_eval_compare(ctx, eval->arena, VL_COMPARE_GE, (vl_affinity)expr->compared,
                           (vl_collation)expr->collation, &tested, &low, &above));
    VL_TRY(vl_eval_expr(ctx, eval, expr->kids[2], &high));
    VL_TRY(vl_eval_compare(ctx, eval->arena, VL_COMPARE_LE, (vl_affinity)expr->compared2,
                           (vl_collation)expr->collation2, &tested, &high, &below));
    *value = eval_of_truth_not(eval_and(above, below), expr->is_not);
    return VELO_OK;
}

/* Rows are compared by their first columns that differ. = and <> go on behind a NULL, since a
 * later column may decide; <, <=, > and >= do not. */
static velo_status
eval_row_comparison(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
{
    uint32_t count = expr->kid_count / 2;
    vl_comparison op = (vl_comparison)expr->op;
    int is_equality = op == VL_COMPARE_EQ || op == VL_COMPARE_NE || eval_sees_nulls(op);
    vl_comparison same = eval_sees_nulls(op) ? VL_COMPARE_IS : VL_COMPARE_EQ;
    int is_equal = 1;

    for (uint32_t i = 0; i < count && is_equal != 0; i++) {
        vl_value left;
        vl_value right;
        int truth;

        VL_TRY(vl_eval_expr(ctx, eval, expr->kids[i], &left));
        VL_TRY(vl_eval_expr(ctx, eval, expr->kids[count + i], &right));
        VL_TRY(vl_eval_compare(ctx, eval->arena, same, (vl_affinity)expr->affinities[i],
                               (vl_collation)expr->collations[i], &left, &right, &truth));
        is_equal = eval_and(is_equal, truth);
        if (is_equality || truth == 1)
            continue;
        if (truth == 0)
            VL_TRY(vl_eval_compare(ctx, eval->arena, op, (vl_affinity)expr->affinities[i],
                                   (vl_collation)expr->collations[i], &left, &right, &truth));
        *value = eval_of_truth(truth);
        return VELO_OK;
    }
    if (is_equality)
        *value = eval_of_truth_not(is_equal, op == VL_COMPARE_NE || op == VL_COMPARE_IS_NOT);
    else
        *value = eval_of_truth(eval_decide(op, 0));
    return VELO_OK;
}

/* ---- what evaluates its later kids only where they are needed: keeps E1 ---- */

static velo_status
eval_junction(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, int is_and, vl_value *value)
{
    int result = is_and;

    for (uint32_t i = 0; i < expr->kid_count; i++) {
        int truth;

        VL_TRY(vl_eval_truth(ctx, eval, expr->kids[i], &truth));
        if (truth == !is_and) {
            result = truth;
            break;
        }
        if (truth < 0)
            result = -1;
    }
    *value = eval_of_truth(result);
    return VELO_OK;
}

static velo_status
eval_case(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
{
    const vl_value *outer_base = eval->base;
    uint32_t at = expr->op == 1 ? 1 : 0;
    velo_status status = VELO_OK;
    vl_value base;
    int truth = 0;

    if (at == 1) {
        VL_TRY(vl_eval_expr(ctx, eval, expr->kids[0], &base));
        eval->base = &base;
    }
    for (; at + 1 < expr->kid_count; at += 2) {
        status = vl_eval_truth(ctx, eval, expr->kids[at], &truth);
        if (status != VELO_OK || truth > 0)
            break;
    }
    eval->base = outer_base;
    if (status != VELO_OK)
        return status;
    if (at + 1 < expr->kid_count)
        return vl_eval_expr(ctx, eval, expr->kids[at + 1], value);
    if (at < expr->kid_count)
        return vl_eval_expr(ctx, eval, expr->kids[at], value);
    *value = vl_value_of_null();
    return VELO_OK;
}

static velo_status
eval_let(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
{
    const vl_value *outer_base = eval->base;
    vl_exprs kids = {.list = expr->kids, .count = expr->op};
    vl_value *values = vl_arena_alloc_array(eval->arena, kids.count, sizeof *values);
    velo_status status;

    if (values == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u values", (unsigned)kids.count);
    VL_TRY(vl_eval_list(ctx, eval, &kids, values));
    eval->base = values;
    status = vl_eval_expr(ctx, eval, expr->kids[kids.count], value);
    eval->base = outer_base;
    return status;
}

static velo_status
eval_coalesce(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
{
    *value = vl_value_of_null();
    for (uint32_t i = 0; i < expr->kid_count && eval_is_null(value); i++)
        VL_TRY(vl_eval_expr(ctx, eval, expr->kids[i], value));
    return VELO_OK;
}

static velo_status
eval_in_list(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
{
    vl_in_set *set;
    vl_value tested;
    int result = 0;

    VL_TRY(vl_eval_expr(ctx, eval, expr->kids[0], &tested));
    VL_TRY(vl_in_set_get(ctx, eval, expr, 0, &set));
    if (set != NULL) {
        VL_TRY(vl_in_set_find(ctx, eval->arena, set, &tested, &result));
        *value = eval_of_truth_not(result, expr->is_not);
        return VELO_OK;
    }
    for (uint32_t i = 1; i < expr->kid_count; i++) {
        vl_value item;
        int truth;

        if (eval_is_null(&tested)) {
            result = -1;
            break;
        }
        VL_TRY(vl_eval_expr(ctx, eval, expr->kids[i], &item));
        VL_TRY(vl_eval_compare(ctx, eval->arena, VL_COMPARE_EQ, (vl_affinity)expr->compared,
                               (vl_collation)expr->collation, &tested, &item, &truth));
        if (truth > 0) {
            result = 1;
            break;
        }
        if (truth < 0)
            result = -1;
    }
    *value = eval_of_truth_not(result, expr->is_not);
    return VELO_OK;
}

/* ---- single values ---- */

static velo_status
eval_operation(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
{
    vl_value left;
    vl_value right;

    VL_TRY(vl_eval_expr(ctx, eval, expr->kids[0], &left));
    VL_TRY(vl_eval_expr(ctx, eval, expr->kids[1], &right));
    if (expr->kind == VL_EXPR_CONCAT)
        return vl_value_concat(ctx, eval->arena, &left, &right, value);
    *value = vl_value_operate((vl_operator)expr->op, &left, &right);
    return VELO_OK;
}

/* An operand of LIKE as text. */
static velo_status
eval_text(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
{
    VL_TRY(vl_eval_expr(ctx, eval, expr, value));
    return vl_value_apply(ctx, eval->arena, VL_AFFINITY_TEXT, value);
}

static velo_status
eval_like(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
{
    vl_value text;
    vl_value pattern;
    vl_value escape;
    uint32_t escape_character = 0;
    int is_match;

    *value = vl_value_of_null();
    VL_TRY(eval_text(ctx, eval, expr->kids[0], &text));
    VL_TRY(eval_text(ctx, eval, expr->kids[1], &pattern));
    if (expr->kid_count > 2) {
        VL_TRY(eval_text(ctx, eval, expr->kids[2], &escape));
        if (eval_is_null(&escape))
            return VELO_OK;
        VL_TRY(vl_like_escape(ctx, escape.as.data, escape.size, &escape_character));
    }
    if (eval_is_null(&text) || eval_is_null(&pattern))
        return VELO_OK;
    if (expr->op == 1)
        VL_TRY(
            vl_glob_match(ctx, pattern.as.data, pattern.size, text.as.data, text.size, &is_match));
    else
        VL_TRY(vl_like_match(ctx, pattern.as.data, pattern.size, text.as.data, text.size,
                             escape_character, &is_match));
    *value = eval_of_truth_not(is_match, expr->is_not);
    return VELO_OK;
}

/* What changes the value of kid 0. */
static velo_status
eval_unary(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
{
    vl_value kid;
    int truth;

    VL_TRY(vl_eval_expr(ctx, eval, expr->kids[0], &kid));
    switch (expr->kind) {
    case VL_EXPR_NEGATE:
        *value = vl_value_negate(&kid);
        return VELO_OK;
    case VL_EXPR_BIT_NOT:
        *value = vl_value_complement(&kid);
        return VELO_OK;
    case VL_EXPR_NOT:
        *value = vl_value_not(&kid);
        return VELO_OK;
    case VL_EXPR_IS_NULL:
        *value = vl_value_of_integer(eval_is_null(&kid) != (expr->is_not != 0));
        return VELO_OK;
    case VL_EXPR_IS_TRUE:
        truth = vl_value_truth(&kid);
        *value = eval_of_truth_not(truth == (expr->op == 1 ? 0 : 1), expr->is_not);
        return VELO_OK;
    case VL_EXPR_CAST:
        *value = kid;
        VL_TRY(vl_value_cast(ctx, eval->arena, (vl_affinity)expr->affinity, value));
        value->is_json = value->subtype = 0;
        if (expr->affinity <= VL_AFFINITY_TEXT) { /* SQLite keeps what stands beside it */
            value->is_json = kid.is_json;
            value->subtype = kid.subtype;
        }
        return VELO_OK;
    default: /* VL_EXPR_CONVERT */
        *value = kid;
        if (expr->op == 2)
            return VELO_OK;
        value->is_json = value->subtype = 0;
        if (expr->op == 1)
            return vl_value_apply_comparison(ctx, eval->arena, (vl_affinity)expr->affinity, value);
        return vl_value_apply(ctx, eval->arena, (vl_affinity)expr->affinity, value);
    }
}

static velo_status
eval_query(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
{
    int truth;

    if (expr->kind == VL_EXPR_SCALAR) {
        VL_TRY(vl_subquery_scalar(ctx, eval, expr, value));
        value->is_json = value->subtype = 0;
        return VELO_OK;
    }
    if (expr->kind == VL_EXPR_EXISTS)
        VL_TRY(vl_subquery_exists(ctx, eval, expr, &truth));
    else
        VL_TRY(vl_subquery_in(ctx, eval, expr, &truth));
    *value = eval_of_truth_not(truth, expr->is_not);
    return VELO_OK;
}

static velo_status
eval_raise(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr)
{
    vl_value message = vl_value_of_null();

    if (expr->kid_count > 0)
        VL_TRY(eval_text(ctx, eval, expr->kids[0], &message));
    if (eval->frame != NULL && expr->op == VL_CONFLICT_IGNORE)
        eval->frame->exec->is_ignored = 1;
    else if (eval->frame != NULL)
        eval->frame->exec->counts.resolution = (vl_conflict)expr->op;
    return vl_fail(ctx, VELO_CONSTRAINT_TRIGGER, "%.*s", (int)message.size,
                   message.size == 0 ? "" : (const char *)message.as.data);
}

static vl_value
eval_param(const vl_eval *eval, uint32_t number)
{
    const vl_exec *exec = eval->frame == NULL ? NULL : eval->frame->exec;

    if (exec == NULL || number == 0 || number > exec->param_count)
        return vl_value_of_null();
    return exec->params[number - 1];
}

/* check_tree: table, one line or call for each kind of expression. */
velo_status
vl_eval_expr(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
{
    switch ((vl_expr_kind)expr->kind) {
    case VL_EXPR_CONSTANT:
        *value = expr->value;
        return VELO_OK;
    case VL_EXPR_PARAM:
        *value = eval_param(eval, expr->index);
        return VELO_OK;
    case VL_EXPR_COLUMN:
        if (eval->row != NULL) {
            *value = eval->row[expr->index];
            return VELO_OK;
        }
        VL_ASSERT(eval->chunk != NULL && expr->index < eval->chunk->column_count);
        *value = vl_vector_get(&eval->chunk->vectors[expr->index], eval->at);
        return VELO_OK;
    case VL_EXPR_OUTER:
        *value = eval->frame->outer[expr->index];
        return VELO_OK;
    case VL_EXPR_BASE:
        *value = eval->base[expr->index];
        return VELO_OK;
    case VL_EXPR_NEGATE:
    case VL_EXPR_BIT_NOT:
    case VL_EXPR_NOT:
    case VL_EXPR_IS_NULL:
    case VL_EXPR_IS_TRUE:
    case VL_EXPR_CAST:
    case VL_EXPR_CONVERT:
        return eval_unary(ctx, eval, expr, value);
    case VL_EXPR_ARITHMETIC:
    case VL_EXPR_CONCAT:
        return eval_operation(ctx, eval, expr, value);
    case VL_EXPR_COMPARE:
        return eval_comparison(ctx, eval, expr, value);
    case VL_EXPR_BETWEEN:
        return eval_between(ctx, eval, expr, value);
    case VL_EXPR_AND:
        return eval_junction(ctx, eval, expr, 1, value);
    case VL_EXPR_OR:
        return eval_junction(ctx, eval, expr, 0, value);
    case VL_EXPR_LIKE:
        return eval_like(ctx, eval, expr, value);
    case VL_EXPR_CASE:
        return eval_case(ctx, eval, expr, value);
    case VL_EXPR_LET:
        return eval_let(ctx, eval, expr, value);
    case VL_EXPR_COALESCE:
        return eval_coalesce(ctx, eval, expr, value);
    case VL_EXPR_FUNCTION:
        return vl_call_scalar(ctx, eval, expr, value);
    case VL_EXPR_IN_LIST:
        return eval_in_list(ctx, eval, expr, value);
    case VL_EXPR_IN_QUERY:
    case VL_EXPR_EXISTS:
    case VL_EXPR_SCALAR:
        return eval_query(ctx, eval, expr, value);
    case VL_EXPR_ROW_COMPARE:
        return eval_row_comparison(ctx, eval, expr, value);
    case VL_EXPR_RAISE:
        *value = vl_value_of_null();
        return eval_raise(ctx, eval, expr);
    }
    return vl_fail(ctx, VELO_INTERNAL, "unknown kind of expression: %d", expr->kind);
}
