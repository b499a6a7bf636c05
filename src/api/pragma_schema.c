/* pragma_schema.c - the pragmas that tell of tables, indexes and databases.
 *
 * Invariants
 *   PS1  What is told is the schema that the statement's snapshot has: statement->schema. */
#include "api/pragma_int.h"

#include "catalog/pragma_rows.h"

#include <string.h>

/* Give rows that were made elsewhere. */
static velo_status
schema_answer(vl_ctx *ctx, velo_statement *statement, const vl_pragma_rows *rows)
{
    for (uint32_t i = 0; i < rows->row_count; i++)
        VL_TRY(vl_made_add(ctx, statement, rows->values + (size_t)i * rows->column_count));
    return VELO_OK;
}

/* The table that an argument names, or NULL. */
static const vl_table_def *
schema_table(const velo_statement *statement, const vl_ast *argument)
{
    return argument == NULL
               ? NULL
               : vl_schema_table(statement->schema, argument->text, argument->text_size);
}

/* ---- columns of views ---- */

/* What a view's query yields, as columns. */
static velo_status
schema_view_columns(vl_ctx *ctx, velo_statement *statement, const vl_table_def *view,
                    vl_column_def **columns, uint32_t *count)
{
    vl_arena *arena = &statement->run_arena;
    size_t size = strlen(view->object.name);
    char *sql = vl_arena_alloc(arena, 2 * size + 32);
    vl_parse_result parsed;
    vl_plan *plan;
    size_t at;

    if (sql == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a statement");
    memcpy(sql, "SELECT * FROM ", 14);
    at = 14 + vl_put_name(sql + 14, view->object.name);
    sql[at] = '\0'; /* the binder looks for it */
    VL_TRY(vl_parse(ctx, sql, at, NULL, arena, &parsed));
    VL_TRY(vl_plan_by_schema(ctx, arena, parsed.statement, sql, statement->schema, &plan));
    *columns = vl_arena_alloc_array(arena, plan->column_count + 1U, sizeof **columns);
    if (*columns == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a view's columns");
    memset(*columns, 0, plan->column_count * sizeof **columns);
    for (uint32_t i = 0; i < plan->column_count; i++) {
        (*columns)[i].name = plan->columns[i].name;
        (*columns)[i].type = plan->columns[i].declared != NULL ? plan->columns[i].declared : "";
    }
    *count = plan->column_count;
    return VELO_OK;
}

/* For table_list: a view whose query cannot be bound has no columns. */
static uint32_t
schema_count_view(void *argument, const vl_table_def *view)
{
    velo_statement *statement = argument;
    vl_column_def *columns;
    uint32_t count = 0;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    if (schema_view_columns(&ctx, statement, view, &columns, &count) != VELO_OK)
        return 0;
    return count;
}

/* ---- the pragmas ---- */

static velo_status
schema_tell_columns(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument, int is_extended)
{
    const vl_table_def *table = schema_table(statement, argument);
    vl_column_def *columns;
    vl_pragma_rows rows;
    uint32_t count;

    if (table == NULL)
        return VELO_OK;
    columns = table->columns;
    count = table->column_count;
    if (table->object.type == VL_OBJECT_VIEW)
        VL_TRY(schema_view_columns(ctx, statement, table, &columns, &count));
    VL_TRY(vl_pragma_table_info(ctx, &statement->run_arena, columns, count, is_extended, &rows));
    return schema_answer(ctx, statement, &rows);
}

static velo_status
schema_table_info(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    return schema_tell_columns(ctx, statement, argument, 0);
}

static velo_status
schema_table_xinfo(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    return schema_tell_columns(ctx, statement, argument, 1);
}

static velo_status
schema_table_list(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    const vl_schema *schemas[1] = {statement->schema};
    char *name = NULL;
    vl_pragma_rows rows;

    if (argument != NULL) {
        name = vl_arena_alloc(&statement->run_arena, (size_t)argument->text_size + 1);
        if (name == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate a name");
        memcpy(name, argument->text, argument->text_size);
        name[argument->text_size] = 0;
    }
    VL_TRY(vl_pragma_table_list(ctx, &statement->run_arena, schemas, 1, name, schema_count_view,
                                statement, &rows));
    return schema_answer(ctx, statement, &rows);
}

static velo_status
schema_index_list(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    const vl_table_def *table = schema_table(statement, argument);
    vl_pragma_rows rows;

    if (table == NULL)
        return VELO_OK;
    VL_TRY(vl_pragma_index_list(ctx, &statement->run_arena, table, &rows));
    return schema_answer(ctx, statement, &rows);
}

static velo_status
schema_tell_index(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument, int is_extended)
{
    const vl_table_def *table = schema_table(statement, argument);
    const vl_index_def *index = NULL;
    vl_pragma_rows rows;

    if (argument != NULL)
        index = vl_schema_index(statement->schema, argument->text, argument->text_size);
    if (index == NULL && table != NULL && table->is_without_rowid)
        index = table->primary;
    if (index == NULL)
        return VELO_OK;
    VL_TRY(vl_pragma_index_info(ctx, &statement->run_arena, index, is_extended, &rows));
    return schema_answer(ctx, statement, &rows);
}

static velo_status
schema_index_info(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    return schema_tell_index(ctx, statement, argument, 0);
}

static velo_status
schema_index_xinfo(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    return schema_tell_index(ctx, statement, argument, 1);
}

static velo_status
schema_foreign_key_list(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    const vl_table_def *table = schema_table(statement, argument);
    vl_pragma_rows rows;

    if (table == NULL)
        return VELO_OK;
    VL_TRY(vl_pragma_foreign_key_list(ctx, &statement->run_arena, table, &rows));
    return schema_answer(ctx, statement, &rows);
}

static velo_status
schema_database_list(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    const char *path = statement->connection->engine->path;
    vl_pragma_database database = {0, "main", path != NULL ? path : ""};
    vl_pragma_rows rows;

    (void)argument;
    VL_TRY(vl_pragma_database_list(ctx, &statement->run_arena, &database, 1, &rows));
    return schema_answer(ctx, statement, &rows);
}

static velo_status
schema_collation_list(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument)
{
    vl_pragma_rows rows;

    (void)argument;
    VL_TRY(vl_pragma_collation_list(ctx, &statement->run_arena, &rows));
    return schema_answer(ctx, statement, &rows);
}

static const vl_pragma schema_pragmas[] = {
    {"collation_list", {"seq", "name"}, 2, 0, 1, schema_collation_list},
    {"database_list", {"seq", "name", "file"}, 3, 0, 1, schema_database_list},
    {"foreign_key_list",
     {"id", "seq", "table", "from", "to", "on_update", "on_delete", "match"},
     8,
     0,
     1,
     schema_foreign_key_list},
    {"index_info", {"seqno", "cid", "name"}, 3, 0, 1, schema_index_info},
    {"index_list", {"seq", "name", "unique", "origin", "partial"}, 5, 0, 1, schema_index_list},
    {"index_xinfo", {"seqno", "cid", "name", "desc", "coll", "key"}, 6, 0, 1, schema_index_xinfo},
    {"table_info",
     {"cid", "name", "type", "notnull", "dflt_value", "pk"},
     6,
     0,
     1,
     schema_table_info},
    {"table_list", {"schema", "name", "type", "ncol", "wr", "strict"}, 6, 0, 1, schema_table_list},
    {"table_xinfo",
     {"cid", "name", "type", "notnull", "dflt_value", "pk", "hidden"},
     7,
     0,
     1,
     schema_table_xinfo},
};

const vl_pragma *
vl_pragma_find_schema(const char *name, size_t size)
{
    for (size_t i = 0; i < VL_ARRAY_COUNT(schema_pragmas); i++)
        if (vl_name_compare(schema_pragmas[i].name, strlen(schema_pragmas[i].name), name, size) ==
            0)
            return &schema_pragmas[i];
    return NULL;
}
