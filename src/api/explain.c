/* explain.c - EXPLAIN QUERY PLAN, EXPLAIN, and EXPLAIN ANALYZE.
 *
 * There is no bytecode to show. EXPLAIN gives the same operators in the columns that tools for
 * SQLite's expect: a row that says what kind of statement it is, then for each operator its number
 * (addr and p1), its first word (opcode), the number of the one that it belongs to (p2; 0: the
 * statement), and its description (p4).
 *
 * EXPLAIN ANALYZE runs the statement, as a callback would: with its changes, without its rows. Then
 * it gives a row for each operator as it was at work.
 *
 * Invariants
 *   EX1  Rows are copied into the arena of the run: nothing of the plan that they tell of stays. */
#include "api/api_int.h"

#include "exec/profile.h"
#include "sql/grammar.h"
#include "sql/lexer.h"
#include "sql/plan_explain.h"

#include <stdio.h>
#include <string.h>

velo_status
vl_explain_describe(vl_ctx *ctx, velo_statement *statement)
{
    static const char *const names[] = {"id", "parent", "notused", "detail"};
    static const char *const code_names[] = {"addr", "opcode", "p1", "p2",
                                             "p3",   "p4",     "p5", "comment"};
    static const char *const run_names[] = {"id",   "parent", "notused", "detail",
                                            "rows", "loops",  "time_ms", "memory"};
    int is_plan = (statement->tree->flags & VL_AST_QUERY_PLAN) != 0;

    (void)ctx;
    if ((statement->tree->flags & VL_AST_RUN) != 0) {
        statement->made.column_count = 8;
        statement->made.names = run_names;
        return VELO_OK;
    }
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

/* ---- EXPLAIN ANALYZE ---- */

/* Rows that an operator has given; one that changes a table: rows that it has changed. */
static int64_t
explain_count_rows(const velo_statement *inner, const vl_profile *profile)
{
    if (profile->op->kind == VL_OP_KIND_INSERT || profile->op->kind == VL_OP_KIND_UPDATE ||
        profile->op->kind == VL_OP_KIND_DELETE)
        return (int64_t)vl_exec_get_counts(inner->exec).changes;
    return (int64_t)profile->rows;
}

/* A row for an operator of the statement that was run. */
static velo_status
explain_add_profile(vl_ctx *ctx, velo_statement *statement, const velo_statement *inner,
                    const vl_profile *profile)
{
    const vl_profile *parent = profile->parent;
    const char *what = "";
    const char *detail;
    size_t size;
    char *text;
    vl_value row[8];

    VL_TRY(vl_plan_describe(ctx, &statement->run_arena, inner->plan, profile->op, &detail));
    if (profile->program != NULL && parent != NULL && parent->op->kind != VL_OP_KIND_LOOP_JOIN &&
        parent->op->kind != VL_OP_KIND_PROGRAM_SCAN && parent->op->kind != VL_OP_KIND_RECURSE)
        what = profile->program->is_correlated ? "CORRELATED SUBQUERY: " : "SUBQUERY: ";
    size = strlen(what) + strlen(detail);
    text = vl_arena_alloc(&statement->run_arena, size + 1);
    if (text == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate what is told of an operator");
    (void)snprintf(text, size + 1, "%s%s", what, detail);
    row[0] = vl_value_of_integer(profile->id);
    row[1] = vl_value_of_integer(parent != NULL ? parent->id : 0);
    row[2] = vl_value_of_integer(0);
    row[3] = explain_value(text, size);
    row[4] = vl_value_of_integer(explain_count_rows(inner, profile));
    row[5] = vl_value_of_integer((int64_t)profile->loops);
    row[6] = vl_value_of_real((double)profile->ns / 1e6);
    row[7] = vl_value_of_integer((int64_t)profile->peak_bytes);
    return vl_made_add(ctx, &statement->made, &statement->run_arena, row);
}

/* Where the statement begins in the text of one that analyzes it: behind two words. */
static const char *
explain_find_inner(const velo_statement *statement)
{
    const char *at = statement->sql;
    const char *end = statement->sql + statement->sql_size;

    for (uint32_t words = 0; words < 2;) {
        vl_token token;

        int kind = vl_lexer_token(at, end, &token);

        words += kind != VL_TK_SPACE && kind != VL_TK_SEMI; /* empty statements may come first */
        at += token.size;
    }
    return at;
}

/* Run the inner statement to its end. */
static velo_status
explain_run_inner(velo_statement *inner, const velo_statement *outer)
{
    velo_status st;

    inner->is_profiled = 1;
    for (uint32_t i = 0; i < inner->param_count && i < outer->param_count; i++)
        inner->params[i] = outer->params[i];
    do
        st = velo_step(inner);
    while (st == VELO_ROW);
    return st == VELO_DONE ? VELO_OK : st;
}

static velo_status
explain_analyze(vl_ctx *ctx, velo_statement *statement)
{
    velo_statement *inner;
    velo_status st;

    VL_TRY(velo_prepare(statement->connection, explain_find_inner(statement), -1, &inner, NULL));
    st = explain_run_inner(inner, statement);
    for (const vl_profile *at = inner->exec != NULL ? inner->exec->profiles : NULL;
         st == VELO_OK && at != NULL; at = at->next)
        st = explain_add_profile(ctx, statement, inner, at);
    if (st == VELO_OK)
        return velo_finalize(inner);
    (void)velo_finalize(inner); /* which keeps the words of a failure */
    return st;
}

velo_status
vl_explain_run(vl_ctx *ctx, velo_statement *statement)
{
    static const char *const kinds[] = {"Select", "Insert", "Update", "Delete", "Other"};
    int is_plan = (statement->tree->flags & VL_AST_QUERY_PLAN) != 0;
    const vl_explain_row *rows;
    vl_plan *plan;
    uint32_t count;

    if ((statement->tree->flags & VL_AST_RUN) != 0)
        return explain_analyze(ctx, statement);
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

velo_status
velo_statement_set_explain(velo_statement *statement, velo_explain explain)
{
    vl_ctx *ctx;
    velo_status st;

    if (statement == NULL)
        return VELO_MISUSE;
    ctx = vl_connection_begin_call(statement->connection);
    if (explain != VELO_EXPLAIN_NONE && explain != VELO_EXPLAIN_CODE &&
        explain != VELO_EXPLAIN_PLAN)
        st = vl_fail(ctx, VELO_ERROR, "a statement cannot be made to explain itself so");
    else if (velo_statement_get_explain(statement) == explain)
        st = VELO_OK;
    else if (velo_statement_is_busy(statement))
        st = vl_fail(ctx, VELO_BUSY, "the statement is at work");
    else
        st = vl_prepared_explain(ctx, statement, explain);
    return vl_connection_end_call(statement->connection, st);
}
