/* steady.c - which operators yield the same rows whenever they are run within one run of a
 * statement.
 *
 * Invariants
 *   Y1  What is not known to be steady is not: a kind or place that is forgotten here costs time,
 *       never a wrong row.
 *   Y2  The depth of recursion is that of expressions and operators, times STEADY_DEPTH_MAX for
 *       programs that scan programs. */
#include "exec/steady.h"

#define STEADY_DEPTH_MAX 8

static int steady_op(const vl_plan *plan, const vl_op *op, int depth);

static int
steady_expr(const vl_expr *expr)
{
    if (expr == NULL)
        return 1;
    if (expr->kind == VL_EXPR_OUTER || expr->kind == VL_EXPR_SCALAR ||
        expr->kind == VL_EXPR_EXISTS || expr->kind == VL_EXPR_IN_QUERY ||
        expr->kind == VL_EXPR_RAISE || expr->effect == VL_EFFECT_VOLATILE)
        return 0;
    for (uint32_t i = 0; i < expr->kid_count; i++) {
        if (!steady_expr(expr->kids[i]))
            return 0;
    }
    return 1;
}

int
vl_exprs_are_steady(const vl_exprs *exprs)
{
    for (uint32_t i = 0; i < exprs->count; i++) {
        if (!steady_expr(exprs->list[i]))
            return 0;
    }
    return 1;
}

static int
steady_keys(const vl_sort_key *keys, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!steady_expr(keys[i].expr))
            return 0;
    }
    return 1;
}

static int
steady_lookups(const vl_lookup *lookups, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!steady_expr(lookups[i].expr) || !vl_exprs_are_steady(&lookups[i].in_list) ||
            (lookups[i].in_program >= 0 && lookups[i].expr == NULL &&
             lookups[i].in_list.count == 0))
            return 0;
    }
    return 1;
}

static int
steady_values(const vl_op *op)
{
    for (uint32_t i = 0; i < op->as.values.row_count; i++) {
        if (!vl_exprs_are_steady(&op->as.values.rows[i]))
            return 0;
    }
    return 1;
}

static int
steady_table_scan(const vl_op_table_scan *scan)
{
    return (scan->key == NULL || steady_lookups(scan->key, 1)) && steady_expr(scan->low.expr) &&
           steady_expr(scan->high.expr) && vl_exprs_are_steady(&scan->filter);
}

static int
steady_index_scan(const vl_op_index_scan *scan)
{
    return steady_lookups(scan->keys, scan->key_count) && vl_exprs_are_steady(&scan->low) &&
           vl_exprs_are_steady(&scan->high) && vl_exprs_are_steady(&scan->filter);
}

static int
steady_program_scan(const vl_plan *plan, const vl_op_program_scan *scan, int depth)
{
    const vl_program *program = &plan->programs[scan->program];

    if (scan->is_shared)
        return 1; /* it has no arguments, and its rows are kept */
    return scan->arguments.count == 0 && depth < STEADY_DEPTH_MAX && program->root != NULL &&
           steady_op(plan, program->root, depth + 1);
}

static int
steady_aggregate(const vl_op_aggregate *aggregate)
{
    for (uint32_t i = 0; i < aggregate->aggregate_count; i++) {
        const vl_aggregate *call = &aggregate->aggregates[i];

        if (!vl_exprs_are_steady(&call->arguments) || !steady_expr(call->filter) ||
            !steady_keys(call->order, call->order_count))
            return 0;
    }
    return vl_exprs_are_steady(&aggregate->groups) && vl_exprs_are_steady(&aggregate->bare);
}

static int
steady_window(const vl_op_window *window)
{
    for (uint32_t i = 0; i < window->call_count; i++) {
        if (!vl_exprs_are_steady(&window->calls[i].arguments) ||
            !steady_expr(window->calls[i].filter))
            return 0;
    }
    for (uint32_t i = 0; i < window->frame_count; i++) {
        if (!steady_expr(window->frames[i].start_offset) ||
            !steady_expr(window->frames[i].end_offset))
            return 0;
    }
    return vl_exprs_are_steady(&window->partition) &&
           steady_keys(window->order, window->order_count);
}

static int
steady_hash_join(const vl_op_hash_join *join)
{
    return vl_exprs_are_steady(&join->left) && vl_exprs_are_steady(&join->right) &&
           vl_exprs_are_steady(&join->condition);
}

/* check_tree: table, the expressions of each kind of operator. */
static int
steady_of_itself(const vl_plan *plan, const vl_op *op, int depth)
{
    switch (op->kind) {
    case VL_OP_KIND_VALUES:
        return steady_values(op);
    case VL_OP_KIND_TABLE_SCAN:
        return steady_table_scan(&op->as.table_scan);
    case VL_OP_KIND_INDEX_SCAN:
        return steady_index_scan(&op->as.index_scan);
    case VL_OP_KIND_PROGRAM_SCAN:
        return steady_program_scan(plan, &op->as.program_scan, depth);
    case VL_OP_KIND_FILTER:
        return vl_exprs_are_steady(&op->as.filter.conjuncts);
    case VL_OP_KIND_PROJECT:
        return vl_exprs_are_steady(&op->as.project.exprs);
    case VL_OP_KIND_HASH_JOIN:
        return steady_hash_join(&op->as.hash_join);
    case VL_OP_KIND_AGGREGATE:
        return steady_aggregate(&op->as.aggregate);
    case VL_OP_KIND_WINDOW:
        return steady_window(&op->as.window);
    case VL_OP_KIND_SORT:
        return steady_keys(op->as.sort.keys, op->as.sort.key_count) &&
               steady_expr(op->as.sort.limit) && steady_expr(op->as.sort.offset);
    case VL_OP_KIND_LIMIT:
        return steady_expr(op->as.limit.limit) && steady_expr(op->as.limit.offset);
    case VL_OP_KIND_DISTINCT:
    case VL_OP_KIND_COMPOUND:
        return 1;
    case VL_OP_KIND_FUNCTION_SCAN:
    case VL_OP_KIND_VIRTUAL_SCAN:
    case VL_OP_KIND_QUEUE_SCAN:
    case VL_OP_KIND_LOOP_JOIN:
    case VL_OP_KIND_RECURSE:
    case VL_OP_KIND_INSERT:
    case VL_OP_KIND_UPDATE:
    case VL_OP_KIND_DELETE:
        return 0;
    }
    return 0;
}

static int
steady_op(const vl_plan *plan, const vl_op *op, int depth)
{
    for (uint32_t i = 0; i < op->child_count; i++) {
        if (!steady_op(plan, op->children[i], depth))
            return 0;
    }
    return steady_of_itself(plan, op, depth);
}

int
vl_op_is_steady(const vl_plan *plan, const vl_op *op)
{
    return steady_op(plan, op, 0);
}
