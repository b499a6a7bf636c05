/* explain.c - EXPLAIN QUERY PLAN. */
#include "api/api_int.h"

#include "sql/plan_explain.h"

#include <string.h>

velo_status
vl_explain_describe(vl_ctx *ctx, velo_statement *statement)
{
    static const char *const names[] = {"id", "parent", "notused", "detail"};

    if ((statement->tree->flags & VL_AST_QUERY_PLAN) == 0)
        return vl_fail(ctx, VELO_ERROR,
                       "EXPLAIN without QUERY PLAN is not supported: there is no bytecode");
    statement->made.column_count = 4;
    statement->made.names = names;
    return VELO_OK;
}

velo_status
vl_explain_run(vl_ctx *ctx, velo_statement *statement)
{
    const vl_explain_row *rows;
    vl_plan *plan;
    uint32_t count;

    VL_TRY(vl_plan_by_statement(ctx, &statement->run_arena, statement->tree->kid[0], statement->sql,
                                statement, &plan));
    if (plan->kind == VL_PLAN_OTHER)
        return VELO_OK;
    VL_TRY(vl_plan_explain(ctx, &statement->run_arena, plan, &rows, &count));
    for (uint32_t i = 0; i < count; i++) {
        vl_value row[4] = {{.type = VL_TYPE_INTEGER, .as.integer = rows[i].id},
                           {.type = VL_TYPE_INTEGER, .as.integer = rows[i].parent},
                           {.type = VL_TYPE_INTEGER, .as.integer = 0},
                           {.type = VL_TYPE_TEXT,
                            .size = (uint32_t)strlen(rows[i].detail),
                            .as.data = rows[i].detail}};

        VL_TRY(vl_made_add(ctx, &statement->made, &statement->run_arena, row));
    }
    return VELO_OK;
}
