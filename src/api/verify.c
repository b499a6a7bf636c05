/* verify.c - checking that rows keep the rules of their tables, and that indexes have what the rows
 * say. */
#include "api/api_int.h"

#include "sql/parse.h"

#include <string.h>

/* Check the indexes of one table, by the statement's own view. */
static velo_status
verify_table(vl_ctx *ctx, velo_statement *statement, uint32_t number, const vl_table_def *table,
             vl_arena *arena, vl_exec_fault *tell, void *argument)
{
    velo_connection *connection = statement->connection;
    vl_source source = {connection->databases[number]->engine->store, &statement->parts[number].txn,
                        NULL, 0};
    vl_exec_env env = {.source = &source,
                       .functions = &connection->functions,
                       .table_func_user = statement,
                       .io = connection->engine->io,
                       .interrupt = &connection->interrupt};
    size_t size;
    char *sql = vl_text_with_name(ctx, arena, "DELETE FROM ", table->object.name, "", &size);
    vl_parse_result parsed;
    vl_exec *exec;
    vl_plan *plan;
    velo_status st;

    if (sql == NULL)
        return VELO_NOMEM;
    VL_TRY(vl_parse(ctx, sql, size, NULL, arena, &parsed));
    VL_TRY(vl_plan_by_schema(ctx, arena, parsed.statement, sql, statement->schemas[number],
                             connection->function_set, &plan));
    VL_TRY(vl_exec_create(ctx, plan, &env, &exec));
    st = vl_exec_verify_indexes(ctx, exec, tell, argument);
    vl_exec_destroy(exec);
    return st;
}

velo_status
vl_verify_tables(vl_ctx *ctx, velo_statement *statement, uint32_t number, const vl_table_def *only,
                 int has_indexes, vl_exec_fault *tell, void *argument)
{
    const vl_schema *schema = statement->schemas[number];
    velo_status st = VELO_OK;

    for (uint32_t i = 0; i < schema->table_count && st == VELO_OK; i++) {
        const vl_table_def *table = schema->tables[i];
        vl_arena arena;

        if (table->object.type != VL_OBJECT_TABLE || table->virtual_ast != NULL ||
            table->is_system || (only != NULL && only != table))
            continue;
        vl_arena_init(&arena, ctx->allocator, 0);
        st = vl_verify_rows(ctx, statement, number, table, &arena, tell, argument);
        if (st == VELO_OK && has_indexes && table->indexes != NULL)
            st = verify_table(ctx, statement, number, table, &arena, tell, argument);
        vl_arena_deinit(&arena);
    }
    return st;
}
