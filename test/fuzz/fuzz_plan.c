/* fuzz_plan.c - any statement is planned against a fixed schema, or refused with a message; a plan
 * is sound, and can be printed and explained. */
#include "lib/fuzz.h"
#include "lib/plan_rig.h"

#include <stdlib.h>
#include <string.h>

static plan_rig fuzz_rig;

/* Expressions name columns and arguments that there are. */
static void
fuzz_check_expr(const vl_plan *plan, const vl_program *program, const vl_expr *expr, uint32_t width)
{
    if (expr == NULL)
        return;
    FUZZ_CHECK(expr->kind != VL_EXPR_COLUMN || expr->index < width);
    FUZZ_CHECK(expr->kind != VL_EXPR_OUTER || expr->index < program->argument_count);
    if (expr->kind == VL_EXPR_SCALAR || expr->kind == VL_EXPR_EXISTS ||
        expr->kind == VL_EXPR_IN_QUERY) {
        const vl_program *other = &plan->programs[expr->program];

        FUZZ_CHECK(expr->program < plan->program_count && other->root != NULL);
        FUZZ_CHECK(expr->kid_count ==
                   other->argument_count + (expr->kind == VL_EXPR_IN_QUERY ? expr->op : 0U));
    }
    for (uint32_t i = 0; i < expr->kid_count; i++)
        fuzz_check_expr(plan, program, expr->kids[i], width);
}

static void
fuzz_check_list(const vl_plan *plan, const vl_program *program, const vl_exprs *list,
                uint32_t width)
{
    for (uint32_t i = 0; i < list->count; i++)
        fuzz_check_expr(plan, program, list->list[i], width);
}

/* check_tree: table, of operators */
static void
fuzz_check_op(const vl_plan *plan, const vl_program *program, const vl_op *op)
{
    uint32_t width = op->child_count > 0 ? op->children[0]->column_count : 0;
    uint32_t both = width + (op->child_count > 1 ? op->children[1]->column_count : 0);

    for (uint32_t i = 0; i < op->child_count; i++)
        fuzz_check_op(plan, program, op->children[i]);
    switch (op->kind) {
    case VL_OP_KIND_VALUES:
        for (uint32_t i = 0; i < op->as.values.row_count; i++) {
            FUZZ_CHECK(op->as.values.rows[i].count == op->column_count);
            fuzz_check_list(plan, program, &op->as.values.rows[i], 0);
        }
        break;
    case VL_OP_KIND_TABLE_SCAN:
        fuzz_check_list(plan, program, &op->as.table_scan.filter, op->column_count);
        fuzz_check_expr(plan, program, op->as.table_scan.low.expr, 0);
        fuzz_check_expr(plan, program, op->as.table_scan.high.expr, 0);
        break;
    case VL_OP_KIND_INDEX_SCAN:
        fuzz_check_list(plan, program, &op->as.index_scan.filter, op->column_count);
        for (uint32_t i = 0; i < op->as.index_scan.key_count; i++)
            fuzz_check_expr(plan, program, op->as.index_scan.keys[i].expr, 0);
        break;
    case VL_OP_KIND_FUNCTION_SCAN:
        fuzz_check_list(plan, program, &op->as.function_scan.arguments, 0);
        break;
    case VL_OP_KIND_VIRTUAL_SCAN:
        fuzz_check_list(plan, program, &op->as.virtual_scan.filter, op->column_count);
        for (uint32_t i = 0; i < op->as.virtual_scan.argument_count; i++)
            fuzz_check_expr(plan, program, op->as.virtual_scan.arguments[i].expr, 0);
        break;
    case VL_OP_KIND_PROGRAM_SCAN: {
        const vl_program *other = &plan->programs[op->as.program_scan.program];

        FUZZ_CHECK(other->root != NULL && other->root->column_count == op->column_count);
        FUZZ_CHECK(other->argument_count == op->as.program_scan.arguments.count);
        break;
    }
    case VL_OP_KIND_QUEUE_SCAN:
        break;
    case VL_OP_KIND_FILTER:
        FUZZ_CHECK(op->column_count == width);
        fuzz_check_list(plan, program, &op->as.filter.conjuncts, width);
        break;
    case VL_OP_KIND_PROJECT:
        FUZZ_CHECK(op->as.project.exprs.count == op->column_count);
        fuzz_check_list(plan, program, &op->as.project.exprs, width);
        break;
    case VL_OP_KIND_LOOP_JOIN: {
        const vl_program *other = &plan->programs[op->as.loop_join.program];

        FUZZ_CHECK(other->argument_count == op->as.loop_join.arguments.count);
        FUZZ_CHECK(other->root->column_count == op->as.loop_join.right_count);
        FUZZ_CHECK(op->column_count == width + op->as.loop_join.right_count);
        fuzz_check_list(plan, program, &op->as.loop_join.arguments, width);
        break;
    }
    case VL_OP_KIND_HASH_JOIN:
        FUZZ_CHECK(op->column_count == both);
        fuzz_check_list(plan, program, &op->as.hash_join.left, width);
        fuzz_check_list(plan, program, &op->as.hash_join.right, both - width);
        fuzz_check_list(plan, program, &op->as.hash_join.condition, both);
        break;
    case VL_OP_KIND_AGGREGATE:
        FUZZ_CHECK(op->column_count == op->as.aggregate.groups.count +
                                           op->as.aggregate.aggregate_count +
                                           op->as.aggregate.bare.count);
        fuzz_check_list(plan, program, &op->as.aggregate.groups, width);
        fuzz_check_list(plan, program, &op->as.aggregate.bare, width);
        break;
    case VL_OP_KIND_WINDOW:
        FUZZ_CHECK(op->column_count == width + op->as.window.call_count);
        fuzz_check_list(plan, program, &op->as.window.partition, width);
        for (uint32_t i = 0; i < op->as.window.order_count; i++)
            fuzz_check_expr(plan, program, op->as.window.order[i].expr, width);
        for (uint32_t i = 0; i < op->as.window.call_count; i++) {
            fuzz_check_list(plan, program, &op->as.window.calls[i].arguments, width);
            fuzz_check_expr(plan, program, op->as.window.calls[i].filter, width);
            FUZZ_CHECK(op->as.window.calls[i].frame < op->as.window.frame_count);
        }
        break;
    case VL_OP_KIND_DISTINCT:
        FUZZ_CHECK(op->column_count == width && op->as.distinct.key_count <= width);
        break;
    case VL_OP_KIND_SORT:
        FUZZ_CHECK(op->column_count == width);
        for (uint32_t i = 0; i < op->as.sort.key_count; i++)
            fuzz_check_expr(plan, program, op->as.sort.keys[i].expr, width);
        break;
    case VL_OP_KIND_LIMIT:
        fuzz_check_expr(plan, program, op->as.limit.limit, 0);
        fuzz_check_expr(plan, program, op->as.limit.offset, 0);
        break;
    case VL_OP_KIND_COMPOUND:
        FUZZ_CHECK(op->column_count == width && both == 2 * width);
        break;
    case VL_OP_KIND_RECURSE: {
        const vl_program *other = &plan->programs[op->as.recurse.program];

        FUZZ_CHECK(other->root->column_count == op->column_count && op->column_count == width);
        FUZZ_CHECK(other->argument_count == op->as.recurse.arguments.count);
        break;
    }
    case VL_OP_KIND_INSERT:
        FUZZ_CHECK(op->column_count == op->as.insert.target.returning.count);
        break;
    case VL_OP_KIND_UPDATE:
        FUZZ_CHECK(op->as.update.key_count <= width);
        fuzz_check_list(plan, program, &op->as.update.sets,
                        op->as.update.target.row_count + width - op->as.update.key_count);
        break;
    case VL_OP_KIND_DELETE:
        FUZZ_CHECK(op->as.delete_.key_count == width);
        break;
    }
}

static void
fuzz_check_plan(const vl_plan *plan)
{
    for (uint32_t i = 0; i < plan->program_count; i++)
        if (plan->programs[i].root != NULL)
            fuzz_check_op(plan, &plan->programs[i], plan->programs[i].root);
}

/* A plan of a body: its arguments are columns of OLD and NEW. */
static void
fuzz_check_body_plan(const vl_plan *plan)
{
    FUZZ_CHECK(plan->programs[0].argument_count == 0 || plan->row_columns != NULL);
    for (uint32_t i = 0; i < plan->programs[0].argument_count; i++)
        FUZZ_CHECK(plan->row_columns[i] < 2U * (VL_PLAN_COLUMNS_MAX + 1U));
    fuzz_check_plan(plan);
}

/* A CREATE TRIGGER on a table that there is gives a body, or is refused with a message. */
static void
fuzz_check_trigger(const vl_plan *plan, const char *text)
{
    const vl_ast *ast = plan->other;
    vl_trigger_def trigger = {.object = {.name = "fuzz", .sql = text}, .ast = ast};
    vl_action action = {.trigger = &trigger};
    vl_body *body;
    velo_status st;

    if (ast == NULL || ast->type != VL_AST_CREATE_TRIGGER)
        return;
    action.table = vl_schema_table(fuzz_rig.schema, ast->kid[1]->text, ast->kid[1]->text_size);
    if (action.table == NULL)
        return;
    action.has_old = ast->op2 != VL_OP_INSERT;
    action.has_new = ast->op2 != VL_OP_DELETE;
    st = vl_plan_body(&fuzz_rig.ctx, &fuzz_rig.arena, &action, &fuzz_rig.env, &body);
    FUZZ_CHECK((st == VELO_OK) == (body != NULL));
    FUZZ_CHECK(st == VELO_OK || fuzz_rig.ctx.error.text[0] != '\0');
    if (body == NULL)
        return;
    if (body->when != NULL)
        fuzz_check_body_plan(body->when);
    for (uint32_t i = 0; i < body->step_count; i++)
        fuzz_check_body_plan(body->steps[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    vl_plan *plan;
    velo_status st;

    FUZZ_CHECK(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (fuzz_rig.schema == NULL)
        plan_rig_init(&fuzz_rig, NULL);
    st = plan_rig_make(&fuzz_rig, text, &plan);
    FUZZ_CHECK((st == VELO_OK) == (plan != NULL));
    FUZZ_CHECK(st == VELO_OK || fuzz_rig.ctx.error.text[0] != '\0');
    if (plan != NULL) {
        const vl_explain_row *rows;
        uint32_t count;

        fuzz_check_plan(plan);
        fuzz_check_trigger(plan, text);
        FUZZ_CHECK(vl_plan_explain(&fuzz_rig.ctx, &fuzz_rig.arena, plan, &rows, &count) == VELO_OK);
        (void)sql_plan_print(&fuzz_rig.arena, plan);
    }
    free(text);
    return 0;
}
