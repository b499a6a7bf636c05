/* pragma_schema.c - the pragmas that tell of tables, indexes and databases.
 *
 * Invariants
 *   PS1  What is told is the schema that the statement's snapshot has: statement->schema. */
#include "api/pragma_int.h"

#include "catalog/pragma_rows.h"

#include <string.h>

/* What is told of a table or an index. */
#define SCHEMA_OF_OBJECT (VL_PRAGMA_ANSWERS | VL_PRAGMA_TAKES_ARG | VL_PRAGMA_TAKES_SCHEMA)

/* Give rows that were made elsewhere. */
static velo_status
schema_answer(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_rows *rows)
{
    for (uint32_t i = 0; i < rows->row_count; i++)
        VL_TRY(vl_made_add(ctx, call->made, call->arena,
                           rows->values + (size_t)i * rows->column_count));
    return VELO_OK;
}

/* The table that an argument names, or NULL. */
static const vl_table_def *
schema_table(const vl_pragma_call *call, const vl_pragma_text *argument)
{
    return argument == NULL
               ? NULL
               : vl_schema_table(call->statement->schema, argument->text, argument->text_size);
}

/* ---- columns of views ---- */

/* What a view's query yields, as columns. */
static velo_status
schema_view_columns(vl_ctx *ctx, const vl_pragma_call *call, const vl_table_def *view,
                    vl_column_def **columns, uint32_t *count)
{
    vl_arena *arena = call->arena;
    size_t size;
    char *sql = vl_text_with_name(ctx, arena, "SELECT * FROM ", view->object.name, "", &size);
    vl_parse_result parsed;
    vl_plan *plan;

    if (sql == NULL)
        return VELO_NOMEM;
    VL_TRY(vl_parse(ctx, sql, size, NULL, arena, &parsed));
    VL_TRY(vl_plan_by_schema(ctx, arena, parsed.statement, sql, call->statement->schema,
                             call->statement, &plan));
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
    const vl_pragma_call *call = argument;
    vl_column_def *columns;
    uint32_t count = 0;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    if (view->virtual_ast != NULL)
        return vl_virtual_columns(&ctx, call->statement->connection, view, NULL, 0, &view) ==
                       VELO_OK
                   ? view->column_count
                   : 0;
    if (schema_view_columns(&ctx, call, view, &columns, &count) != VELO_OK)
        return 0;
    return count;
}

/* ---- the pragmas ---- */

static velo_status
schema_tell_columns(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument,
                    int is_extended)
{
    const vl_table_def *table = schema_table(call, argument);
    vl_column_def *columns;
    vl_pragma_rows rows;
    uint32_t count;

    if ((table == NULL && argument != NULL) || (table != NULL && table->virtual_ast != NULL))
        VL_TRY(vl_virtual_columns(ctx, call->statement->connection, table, argument->text,
                                  argument->text_size, &table));
    if (table == NULL)
        return VELO_OK;
    columns = table->columns;
    count = table->column_count;
    if (table->object.type == VL_OBJECT_VIEW)
        VL_TRY(schema_view_columns(ctx, call, table, &columns, &count));
    VL_TRY(vl_pragma_table_info(ctx, call->arena, columns, count, is_extended, &rows));
    return schema_answer(ctx, call, &rows);
}

static velo_status
schema_table_info(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    return schema_tell_columns(ctx, call, argument, 0);
}

static velo_status
schema_table_xinfo(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    return schema_tell_columns(ctx, call, argument, 1);
}

static velo_status
schema_table_list(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    const vl_schema *schemas[1] = {call->statement->schema};
    char *name = NULL;
    vl_pragma_rows rows;

    if (argument != NULL) {
        name = vl_arena_alloc(call->arena, (size_t)argument->text_size + 1);
        if (name == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate a name");
        memcpy(name, argument->text, argument->text_size);
        name[argument->text_size] = 0;
    }
    VL_TRY(vl_pragma_table_list(ctx, call->arena, schemas, 1, name, schema_count_view,
                                (void *)(uintptr_t)call, &rows));
    for (uint32_t i = 0; i < rows.row_count; i++) {
        vl_value *row = rows.values + (size_t)i * rows.column_count;

        if (vl_virtual_is_shadow(call->statement->connection, schemas[0], row[1].as.data,
                                 row[1].size))
            row[2] = vl_value_of_name("shadow");
    }
    return schema_answer(ctx, call, &rows);
}

static velo_status
schema_index_list(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    const vl_table_def *table = schema_table(call, argument);
    vl_pragma_rows rows;

    if (table == NULL)
        return VELO_OK;
    VL_TRY(vl_pragma_index_list(ctx, call->arena, table, &rows));
    return schema_answer(ctx, call, &rows);
}

static velo_status
schema_tell_index(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument,
                  int is_extended)
{
    const vl_table_def *table = schema_table(call, argument);
    const vl_index_def *index = NULL;
    vl_pragma_rows rows;

    if (argument != NULL)
        index = vl_schema_index(call->statement->schema, argument->text, argument->text_size);
    if (index == NULL && table != NULL && table->is_without_rowid)
        index = table->primary;
    if (index == NULL)
        return VELO_OK;
    VL_TRY(vl_pragma_index_info(ctx, call->arena, index, is_extended, &rows));
    return schema_answer(ctx, call, &rows);
}

static velo_status
schema_index_info(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    return schema_tell_index(ctx, call, argument, 0);
}

static velo_status
schema_index_xinfo(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    return schema_tell_index(ctx, call, argument, 1);
}

static velo_status
schema_foreign_key_list(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    const vl_table_def *table = schema_table(call, argument);
    vl_pragma_rows rows;

    if (table == NULL)
        return VELO_OK;
    VL_TRY(vl_pragma_foreign_key_list(ctx, call->arena, table, &rows));
    return schema_answer(ctx, call, &rows);
}

static velo_status
schema_database_list(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    const vl_engine *engine = call->statement->connection->engine;
    const char *path = engine->is_memory ? NULL : engine->path;
    vl_pragma_database database = {0, "main", path != NULL ? path : ""};
    vl_pragma_rows rows;

    (void)argument;
    VL_TRY(vl_pragma_database_list(ctx, call->arena, &database, 1, &rows));
    return schema_answer(ctx, call, &rows);
}

static velo_status
schema_collation_list(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    vl_pragma_rows rows;

    (void)argument;
    VL_TRY(vl_pragma_collation_list(ctx, call->arena, &rows));
    return schema_answer(ctx, call, &rows);
}

static const vl_pragma schema_pragmas[] = {
    VL_PRAGMA("collation_list", schema_collation_list, VL_PRAGMA_ANSWERS, "seq", "name"),
    VL_PRAGMA("database_list", schema_database_list, VL_PRAGMA_ANSWERS, "seq", "name", "file"),
    VL_PRAGMA("foreign_key_check", vl_pragma_foreign_key_check, SCHEMA_OF_OBJECT, "table", "rowid",
              "parent", "fkid", "arg", "schema"),
    VL_PRAGMA("foreign_key_list", schema_foreign_key_list, SCHEMA_OF_OBJECT, "id", "seq", "table",
              "from", "to", "on_update", "on_delete", "match", "arg", "schema"),
    VL_PRAGMA("index_info", schema_index_info, SCHEMA_OF_OBJECT, "seqno", "cid", "name", "arg",
              "schema"),
    VL_PRAGMA("index_list", schema_index_list, SCHEMA_OF_OBJECT, "seq", "name", "unique", "origin",
              "partial", "arg", "schema"),
    VL_PRAGMA("index_xinfo", schema_index_xinfo, SCHEMA_OF_OBJECT, "seqno", "cid", "name", "desc",
              "coll", "key", "arg", "schema"),
    VL_PRAGMA("table_info", schema_table_info, SCHEMA_OF_OBJECT, "cid", "name", "type", "notnull",
              "dflt_value", "pk", "arg", "schema"),
    VL_PRAGMA("table_list", schema_table_list, VL_PRAGMA_ANSWERS | VL_PRAGMA_TAKES_ARG, "schema",
              "name", "type", "ncol", "wr", "strict", "arg"),
    VL_PRAGMA("table_xinfo", schema_table_xinfo, SCHEMA_OF_OBJECT, "cid", "name", "type", "notnull",
              "dflt_value", "pk", "hidden", "arg", "schema"),
};

const vl_pragma *
vl_pragma_find_schema(const char *name, size_t size)
{
    for (size_t i = 0; i < VL_ARRAY_COUNT(schema_pragmas); i++)
        if (vl_pragma_is(&schema_pragmas[i], name, size))
            return &schema_pragmas[i];
    return NULL;
}
