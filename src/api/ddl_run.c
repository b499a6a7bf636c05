/* ddl_run.c - carrying out what sql/ddl.h says that a statement does to the schema.
 *
 * Invariants
 *   DR1  The connection is the one that changes the schema (transaction.c, TR2), so sqlite_schema
 * is read and changed by nobody else meanwhile. DR2  Rows of sqlite_schema and trees change in the
 * statement's transaction; the schema of the connection is made anew from the rows before anything
 * is filled by it. */
#include "api/api_int.h"

#include "base/alloc.h"
#include "sql/ddl.h"
#include "sql/plan_make.h"

#include <stdio.h>
#include <string.h>

/* A list of changes at work. */
typedef struct ddl_run {
    velo_statement *statement;
    vl_engine *engine;
    vl_txn_table *master;
    vl_tree_id *trees; /* by vl_ddl_change.new_tree - 1 */
    vl_schema *schema; /* made anew; NULL before */
} ddl_run;

/* ---- rows of sqlite_schema ---- */

static vl_value
ddl_text(const char *text)
{
    if (text == NULL)
        return (vl_value){.type = VL_TYPE_NULL};
    return (vl_value){.type = VL_TYPE_TEXT, .size = (uint32_t)strlen(text), .as.data = text};
}

/* The text of the hidden column: ids, and before them the tree of a primary key (schema_build.h).
 */
static velo_status
ddl_make_layout(vl_ctx *ctx, const ddl_run *run, uint64_t key_tree, const char *ids, vl_value *to)
{
    size_t room = (ids != NULL ? strlen(ids) : 0) + 24;
    char *text;

    *to = ddl_text(ids);
    if (key_tree == 0)
        return VELO_OK;
    text = vl_arena_alloc(&run->statement->run_arena, room);
    if (text == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row of the schema");
    (void)snprintf(text, room, "%llu/%s", (unsigned long long)key_tree, ids != NULL ? ids : "");
    *to = ddl_text(text);
    return VELO_OK;
}

static velo_status
ddl_make_row(vl_ctx *ctx, const ddl_run *run, const vl_ddl_change *change, vl_value *values)
{
    const vl_schema_row *row = &change->row;
    uint64_t tree = change->new_tree > 0 ? run->trees[change->new_tree - 1] : row->tree;
    uint64_t key_tree =
        change->new_key_tree > 0 ? run->trees[change->new_key_tree - 1] : row->key_tree;

    values[0] = ddl_text(row->type);
    values[1] = ddl_text(row->name);
    values[2] = ddl_text(row->table_name);
    values[3] = (vl_value){.type = VL_TYPE_INTEGER, .as.integer = (int64_t)tree};
    values[4] = ddl_text(row->sql);
    return ddl_make_layout(ctx, run, key_tree, row->layout, &values[5]);
}

static velo_status
ddl_change_row(vl_ctx *ctx, ddl_run *run, const vl_ddl_change *change)
{
    vl_statement *txn = &run->statement->txn;
    vl_value values[VL_MASTER_COLUMNS];
    int64_t rowid;

    if (change->kind == VL_DDL_DELETE_ROW)
        return vl_rows_delete(ctx, txn, run->master, change->row.rowid);
    VL_TRY(ddl_make_row(ctx, run, change, values));
    if (change->kind == VL_DDL_UPDATE_ROW)
        return vl_rows_update(ctx, txn, run->master, change->row.rowid, vl_master_ids, values,
                              VL_MASTER_COLUMNS);
    return vl_rows_append(ctx, txn, run->master, values, &rowid);
}

/* ---- trees ---- */

static velo_status
ddl_create_tree(vl_ctx *ctx, ddl_run *run, const vl_ddl_change *change)
{
    vl_arena *arena = &run->statement->run_arena;
    vl_tree_id *id = &run->trees[change->new_tree - 1];
    vl_leaf_value *defaults;
    vl_leaf_schema schema;
    uint32_t *ids;

    if (change->is_key_tree)
        return vl_txn_create_tree(ctx, &run->statement->txn, NULL, id);
    ids = vl_arena_alloc_array(arena, change->column_count, sizeof *ids);
    defaults = vl_arena_alloc_array(arena, change->column_count, sizeof *defaults);
    if (ids == NULL || defaults == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a table's columns");
    for (uint32_t i = 0; i < change->column_count; i++) {
        ids[i] = change->columns[i].id;
        defaults[i] = (vl_leaf_value){.value = change->columns[i].missing};
    }
    schema = (vl_leaf_schema){ids, defaults, (uint16_t)change->column_count, 0};
    return vl_txn_create_tree(ctx, &run->statement->txn, &schema, id);
}

/* ---- filling ---- */

/* Make the connection's schema anew from what sqlite_schema has now. */
static velo_status
ddl_make_schema(vl_ctx *ctx, ddl_run *run)
{
    vl_view view = vl_statement_newest(&run->statement->txn);
    vl_statement *txn = &run->statement->txn;
    int64_t version;

    VL_TRY(vl_engine_read_meta(ctx, run->engine, &view, VL_META_SCHEMA_VERSION, &version));
    VL_TRY(vl_engine_write_meta(ctx, run->engine, txn, VL_META_SCHEMA_VERSION, version + 1));
    view = vl_statement_newest(txn);
    return vl_engine_read_schema(ctx, run->engine, &view, &run->schema);
}

/* CREATE TABLE AS: the query's rows, by an INSERT of its own. */
static velo_status
ddl_fill_table(vl_ctx *ctx, ddl_run *run, const vl_ddl_change *change)
{
    const vl_ast *query = run->statement->tree->kid[3];
    size_t begin =
        (size_t)query->offset + query->length; /* behind AS; all that is left is the query */
    const char *text = run->statement->sql + begin;
    size_t text_size = run->statement->sql_size - begin;
    size_t name_size = strlen(change->name);
    size_t room = 2 * name_size + text_size + 32;
    char *sql = vl_arena_alloc(&run->statement->run_arena, room);
    size_t at = 0;

    if (sql == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a statement");
    memcpy(sql, "INSERT INTO ", 12);
    at = 12 + vl_put_name(sql + 12, change->name);
    sql[at++] = ' ';
    memcpy(sql + at, text, text_size);
    at += text_size;
    sql[at] = '\0'; /* the binder looks for it */
    return vl_run_nested(ctx, run->statement, run->schema, sql, at);
}

/* An index is filled with the rows that the statement sees. A transaction whose snapshot lacks rows
 * that others have committed since would leave them out. */
static velo_status
ddl_fill_index(vl_ctx *ctx, ddl_run *run, const vl_ddl_change *change)
{
    if (atomic_load(&run->engine->data_version) != run->statement->connection->snapshot_version)
        return vl_fail(ctx, VELO_BUSY_SNAPSHOT,
                       "rows were committed after this transaction's snapshot");
    return vl_fill_index(ctx, run->statement, run->schema, change->name);
}

/* ---- sqlite_sequence ---- */

/* Append a text in single quotes. */
static size_t
ddl_put_text(char *to, const char *text)
{
    size_t at = 0;

    to[at++] = '\'';
    for (; *text != 0; text++) {
        if (*text == '\'')
            to[at++] = '\'';
        to[at++] = *text;
    }
    to[at++] = '\'';
    return at;
}

/* Forget how far a table's AUTOINCREMENT has come, or remember it under the table's new name. */
static velo_status
ddl_change_sequence(vl_ctx *ctx, ddl_run *run, const vl_ddl_change *change)
{
    static const char delete_begin[] = "DELETE FROM sqlite_sequence WHERE name = ";
    static const char update_begin[] = "UPDATE sqlite_sequence SET name = ";
    static const char update_where[] = " WHERE name = ";
    vl_schema *schema = run->statement->schema;
    int is_rename = change->kind == VL_DDL_RENAME_SEQUENCE;
    size_t room = 2 * strlen(change->name) + 128;
    size_t at = 0;
    char *sql;

    if (vl_schema_table(schema, "sqlite_sequence", 15) == NULL)
        return VELO_OK;
    if (is_rename)
        room += 2 * strlen(change->new_name);
    sql = vl_arena_alloc(&run->statement->run_arena, room);
    if (sql == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a statement");
    if (is_rename) {
        memcpy(sql, update_begin, sizeof update_begin - 1);
        at = sizeof update_begin - 1;
        at += ddl_put_text(sql + at, change->new_name);
        memcpy(sql + at, update_where, sizeof update_where - 1);
        at += sizeof update_where - 1;
    } else {
        memcpy(sql, delete_begin, sizeof delete_begin - 1);
        at = sizeof delete_begin - 1;
    }
    at += ddl_put_text(sql + at, change->name);
    sql[at] = 0;
    return vl_run_nested(ctx, run->statement, schema, sql, at);
}

/* Carry out one change of those that need the new schema. */
static velo_status
ddl_fill(vl_ctx *ctx, ddl_run *run, const vl_ddl_change *change)
{
    switch (change->kind) {
    case VL_DDL_FILL_TABLE:
        return ddl_fill_table(ctx, run, change);
    case VL_DDL_FILL_INDEX:
        return ddl_fill_index(ctx, run, change);
    default:
        return vl_fail(ctx, VELO_ERROR, "this form of ALTER TABLE is not supported yet");
    }
}

/* ---- the list ---- */

static int
ddl_needs_schema(vl_ddl_kind kind)
{
    return kind == VL_DDL_FILL_TABLE || kind == VL_DDL_FILL_INDEX || kind == VL_DDL_CHECK_ROWS;
}

static velo_status
ddl_carry_out(vl_ctx *ctx, ddl_run *run, const vl_ddl_change *change)
{
    vl_statement *txn = &run->statement->txn;

    switch (change->kind) {
    case VL_DDL_CREATE_TREE:
        return ddl_create_tree(ctx, run, change);
    case VL_DDL_INSERT_ROW:
    case VL_DDL_UPDATE_ROW:
    case VL_DDL_DELETE_ROW:
        return ddl_change_row(ctx, run, change);
    case VL_DDL_DROP_TREE:
        return vl_txn_drop_tree(ctx, txn, change->tree);
    case VL_DDL_SET_COLUMNS:
        return vl_fail(ctx, VELO_ERROR, "ALTER TABLE of columns is not supported yet");
    case VL_DDL_DELETE_ROWS:
        return vl_delete_dropped(ctx, run->statement, change->table);
    case VL_DDL_REQUIRE_EMPTY:
    case VL_DDL_CHECK_ROWS:
        return vl_fail(ctx, VELO_ERROR, "this form of ALTER TABLE is not supported yet");
    case VL_DDL_DROP_SEQUENCE:
    case VL_DDL_RENAME_SEQUENCE:
        return ddl_change_sequence(ctx, run, change);
    case VL_DDL_DROP_STATISTICS: /* there are none: ANALYZE is not supported yet */
        return VELO_OK;
    default:
        return ddl_fill(ctx, run, change);
    }
}

/* Carry the whole list out. */
static velo_status
ddl_carry_out_all(vl_ctx *ctx, ddl_run *run, const vl_ddl *ddl)
{
    for (const vl_ddl_change *change = ddl->changes; change != NULL; change = change->next) {
        if (run->schema == NULL && ddl_needs_schema(change->kind))
            VL_TRY(ddl_make_schema(ctx, run));
        VL_TRY(ddl_carry_out(ctx, run, change));
    }
    if (run->schema == NULL)
        VL_TRY(ddl_make_schema(ctx, run));
    return VELO_OK;
}

/* Names and affinities of the query of CREATE TABLE AS. */
static velo_status
ddl_describe_query(vl_ctx *ctx, velo_statement *statement, vl_ddl_input *input)
{
    const vl_ast *tree = statement->tree;
    vl_ddl_result *results;
    vl_plan *plan;

    if (tree->type != VL_AST_CREATE_TABLE || tree->kid[3] == NULL)
        return VELO_OK;
    VL_TRY(vl_plan_by_schema(ctx, &statement->arena, tree->kid[3], statement->sql,
                             statement->schema, &plan));
    results = vl_arena_alloc_array(&statement->run_arena, plan->column_count, sizeof *results);
    if (results == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a table's columns");
    for (uint32_t i = 0; i < plan->column_count; i++)
        results[i] = (vl_ddl_result){plan->columns[i].name, (vl_affinity)plan->columns[i].affinity};
    input->results = results;
    input->result_count = plan->column_count;
    return VELO_OK;
}

velo_status
vl_ddl_run(vl_ctx *ctx, velo_statement *statement)
{
    velo_connection *connection = statement->connection;
    const vl_schema *schemas[1] = {statement->schema};
    vl_ddl_input input = {.schemas = schemas,
                          .schema_count = 1,
                          .statement = statement->tree,
                          .sql = statement->sql,
                          .sql_size = statement->sql_size,
                          .has_foreign_keys = connection->has_foreign_keys,
                          .is_deferring = connection->foreign.is_deferring};
    ddl_run run = {.statement = statement, .engine = connection->engine};
    velo_status st;
    vl_ddl ddl;

    if ((statement->tree->flags & VL_AST_TEMP) != 0)
        return vl_fail(ctx, VELO_ERROR, "TEMP objects are not supported yet");
    VL_TRY(ddl_describe_query(ctx, statement, &input));
    VL_TRY(vl_ddl_plan(ctx, &input, &statement->run_arena, &ddl));
    if (ddl.changes == NULL)
        return VELO_OK;
    run.trees = vl_arena_alloc_array(&statement->run_arena, ddl.tree_count + 1U, sizeof *run.trees);
    if (run.trees == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a list of trees");
    VL_TRY(vl_rows_open(ctx, connection->engine->store, connection->engine->master, &run.master));
    st = ddl_carry_out_all(ctx, &run, &ddl);
    if (st != VELO_OK) {
        vl_schema_release(run.schema);
        return st;
    }
    vl_connection_set_schema(connection, run.schema);
    return VELO_OK;
}
