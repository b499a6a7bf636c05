/* explain.c - EXPLAIN QUERY PLAN, and EXPLAIN.
 *
 * There is no bytecode to show. EXPLAIN gives the same operators in the columns that tools for
 * SQLite's expect: a row that says what kind of statement it is, then for each operator its number
 * (addr and p1), its first word (opcode), the number of the one that it belongs to (p2; 0: the
 * statement), and its description (p4). */
#include "api/api_int.h"

#include "sql/plan_explain.h"

#include <string.h>

velo_status
vl_explain_describe(vl_ctx *ctx, velo_statement *statement)
{
    static const char *const names[] = {"id", "parent", "notused", "detail"};
    static const char *const code_names[] = {"addr", "opcode", "p1", "p2",
                                             "p3",   "p4",     "p5", "comment"};
    int is_plan = (statement->tree->flags & VL_AST_QUERY_PLAN) != 0;

    (void)ctx;
    statement->made.column_count = is_plan ? 4 : 8;
    statement->made.names = is_plan ? names : code_names;
    return VELO_OK;
}

static vl_value
explain_value(const char *text, size_t size)
{
    return (vl_value){.type = VL_TYPE_TEXT, .size = (uint32_t)size, .as.data = text};
}

/* A row of EXPLAIN. detail: NULL for the statement itself. */
static velo_status
explain_add_code(vl_ctx *ctx, velo_statement *statement, int32_t id, int32_t parent,
                 const char *opcode, const char *detail)
{
    size_t size = strcspn(opcode, " ");
    vl_value row[8] = {vl_value_of_integer(id), explain_value(opcode, size),
                       vl_value_of_integer(id), vl_value_of_integer(parent),
                       vl_value_of_integer(0),  vl_value_of_null(),
                       vl_value_of_integer(0),  vl_value_of_null()};

    if (detail != NULL)
        row[5] = explain_value(detail, strlen(detail));
    return vl_made_add(ctx, &statement->made, &statement->run_arena, row);
}

static velo_status
explain_add_plan(vl_ctx *ctx, velo_statement *statement, const vl_explain_row *row)
{
    vl_value values[4] = {vl_value_of_integer(row->id), vl_value_of_integer(row->parent),
                          vl_value_of_integer(0), explain_value(row->detail, strlen(row->detail))};

    return vl_made_add(ctx, &statement->made, &statement->run_arena, values);
}

velo_status
vl_explain_run(vl_ctx *ctx, velo_statement *statement)
{
    static const char *const kinds[] = {"Select", "Insert", "Update", "Delete", "Other"};
    int is_plan = (statement->tree->flags & VL_AST_QUERY_PLAN) != 0;
    const vl_explain_row *rows;
    vl_plan *plan;
    uint32_t count;

    VL_TRY(vl_plan_by_statement(ctx, &statement->run_arena, statement->tree->kid[0], statement->sql,
                                statement, &plan));
    if (!is_plan)
        VL_TRY(explain_add_code(ctx, statement, 0, 0, kinds[plan->kind], NULL));
    if (plan->kind == VL_PLAN_OTHER)
        return VELO_OK;
    VL_TRY(vl_plan_explain(ctx, &statement->run_arena, plan, &rows, &count));
    for (uint32_t i = 0; i < count; i++)
        VL_TRY(is_plan ? explain_add_plan(ctx, statement, &rows[i])
                       : explain_add_code(ctx, statement, rows[i].id, rows[i].parent,
                                          rows[i].detail, rows[i].detail));
    return VELO_OK;
}
