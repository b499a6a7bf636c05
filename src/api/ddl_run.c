/* ddl_run.c - carrying out what sql/ddl.h says that a statement does to the schema.
 *
 * Invariants
 *   DR1  The connection is the one that changes the schema (transaction.c, TR2), so sqlite_schema
 * is read and changed by nobody else meanwhile. DR2  Rows of sqlite_schema and trees change in the
 * statement's transaction; the schema of the connection is made anew from the rows before anything
 * is filled by it. */
#include "api/api_int.h"

#include "base/alloc.h"
#include "exec/packed.h"
#include "sql/ddl.h"
#include "sql/plan_make.h"

#include <string.h>

/* A list of changes at work. */
typedef struct ddl_run {
    velo_statement *statement;
    vl_engine *engine;
    vl_txn_table *master;
    vl_tree_id *trees;  /* by vl_ddl_change.new_tree - 1 */
    vl_schema *schema;  /* made anew; NULL before */
    int64_t newest_row; /* of sqlite_schema, that was inserted last */
} ddl_run;

/* ---- rows of sqlite_schema ---- */

static velo_status
ddl_make_row(vl_ctx *ctx, const ddl_run *run, const vl_ddl_change *change, vl_value *values)
{
    const vl_schema_row *row = &change->row;
    uint64_t tree = change->new_tree > 0 ? run->trees[change->new_tree - 1] : row->tree;
    uint64_t key_tree =
        change->new_key_tree > 0 ? run->trees[change->new_key_tree - 1] : row->key_tree;

    values[0] = vl_value_of_name(row->type);
    values[1] = vl_value_of_name(row->name);
    values[2] = vl_value_of_name(row->table_name);
    values[3] = (vl_value){.type = VL_TYPE_INTEGER, .as.integer = (int64_t)tree};
    values[4] = vl_value_of_name(row->sql);
    return vl_make_layout(ctx, &run->statement->run_arena, key_tree, row->layout, &values[5]);
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
    VL_TRY(vl_rows_append(ctx, txn, run->master, values, &rowid));
    run->newest_row = rowid;
    return VELO_OK;
}

/* ---- trees ---- */

/* The columns of a table's tree, in the statement's arena. */
static velo_status
ddl_make_columns(vl_ctx *ctx, const ddl_run *run, const vl_ddl_change *change,
                 vl_leaf_schema *schema)
{
    vl_arena *arena = &run->statement->run_arena;
    uint32_t *ids = vl_arena_alloc_array(arena, change->column_count, sizeof *ids);
    vl_leaf_value *defaults = vl_arena_alloc_array(arena, change->column_count, sizeof *defaults);

    if (ids == NULL || defaults == NULL) {
        (void)vl_fail(ctx, VELO_NOMEM, "cannot allocate a table's columns");
        return VELO_NOMEM;
    }
    for (uint32_t i = 0; i < change->column_count; i++) {
        ids[i] = change->columns[i].id;
        defaults[i] = (vl_leaf_value){.value = change->columns[i].missing};
    }
    *schema = (vl_leaf_schema){ids, defaults, (uint16_t)change->column_count, 0};
    return VELO_OK;
}

/* Create a table's tree; one of too many columns has its rows packed. */
static velo_status
ddl_create_table(vl_ctx *ctx, const ddl_run *run, const vl_leaf_schema *columns, vl_tree_id *id)
{
    static const uint32_t packed_id = VL_PACKED_ID;
    static const vl_leaf_value packed_default = {.value = {.type = VL_TYPE_NULL}};
    vl_leaf_schema packed = {&packed_id, &packed_default, 1, 0};
    int is_packed = columns->count > vl_txn_max_columns(run->engine->store);

    return vl_txn_create_tree(ctx, &run->statement->txn, is_packed ? &packed : columns, id);
}

static velo_status
ddl_create_tree(vl_ctx *ctx, ddl_run *run, const vl_ddl_change *change)
{
    vl_tree_id *id = &run->trees[change->new_tree - 1];
    vl_leaf_schema schema;

    if (change->is_key_tree)
        return vl_txn_create_tree(ctx, &run->statement->txn, NULL, id);
    VL_TRY(ddl_make_columns(ctx, run, change, &schema));
    return ddl_create_table(ctx, run, &schema, id);
}

/* vl_ddl_input.next_column */
static velo_status
ddl_next_column(vl_ctx *ctx, void *argument, uint64_t tree, uint32_t *next)
{
    vl_engine *engine = argument;
    vl_txn_table *table;

    *next = 0;
    VL_TRY(vl_rows_open(ctx, engine->store, tree, &table));
    if (vl_packed_is(table))
        return VELO_OK; /* each change of columns makes another tree */
    return vl_txn_next_column(ctx, engine->store, tree, next);
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

/* An index is filled with the rows that the statement sees, and they are what is checked or written
 * anew. A transaction whose snapshot lacks rows that others have committed since would leave them
 * out. */
static velo_status
ddl_check_snapshot(vl_ctx *ctx, const ddl_run *run)
{
    if (atomic_load(&run->engine->data_version) == run->statement->connection->snapshot_version)
        return VELO_OK;
    return vl_fail(ctx, VELO_BUSY_SNAPSHOT,
                   "rows were committed after this transaction's snapshot");
}

/* Write a table's rows into a new tree, with which it goes on. */
static velo_status
ddl_rewrite(vl_ctx *ctx, ddl_run *run, const vl_ddl_change *change, const vl_leaf_schema *columns)
{
    vl_statement *txn = &run->statement->txn;
    vl_value root = {.type = VL_TYPE_INTEGER};
    vl_tree_id tree;

    VL_TRY(ddl_check_snapshot(ctx, run));
    VL_TRY(ddl_create_table(ctx, run, columns, &tree));
    root.as.integer = (int64_t)tree;
    VL_TRY(vl_rows_update(ctx, txn, run->master, change->table->object.rowid, &vl_master_ids[3],
                          &root, 1));
    VL_TRY(ddl_make_schema(ctx, run));
    VL_TRY(vl_rewrite_rows(ctx, run->statement, run->schema, change->table, columns));
    return vl_txn_drop_tree(ctx, txn, change->tree);
}

/* Whether columns have an id that the table did not have. */
static int
ddl_has_new(const vl_table_def *table, const vl_leaf_schema *columns)
{
    for (uint32_t i = 0; i < columns->count; i++) {
        int32_t c = 0;

        while (c < table->column_count && table->columns[c].id != columns->ids[i])
            c++;
        if (c == table->column_count)
            return 1;
    }
    return 0;
}

/* ALTER TABLE of stored columns: added ones come into the tree, dropped ones are not asked for any
 * more (txn.h). */
static velo_status
ddl_set_columns(vl_ctx *ctx, ddl_run *run, const vl_ddl_change *change)
{
    vl_txn_table *table;
    vl_leaf_schema columns;
    velo_status st;

    VL_TRY(ddl_make_columns(ctx, run, change, &columns));
    if (!ddl_has_new(change->table, &columns))
        return VELO_OK;
    VL_TRY(vl_rows_open(ctx, run->engine->store, change->tree, &table));
    if (vl_packed_is(table))
        return ddl_rewrite(ctx, run, change, &columns);
    st = vl_txn_add_columns(ctx, &run->statement->txn, change->tree, &columns);
    if (st != VELO_TOOBIG)
        return st;
    vl_error_clear(ctx);
    return ddl_rewrite(ctx, run, change, &columns);
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

static velo_status
ddl_fill_index(vl_ctx *ctx, ddl_run *run, const vl_ddl_change *change)
{
    VL_TRY(ddl_check_snapshot(ctx, run));
    return vl_fill_index(ctx, run->statement, run->schema, change->name);
}

static velo_status
ddl_check_rows(vl_ctx *ctx, const ddl_run *run, const vl_ddl_change *change)
{
    VL_TRY(ddl_check_snapshot(ctx, run));
    return vl_check_rows(ctx, run->statement, run->schema, change->name);
}

static velo_status
ddl_require_empty(vl_ctx *ctx, const ddl_run *run, const vl_ddl_change *change)
{
    int found;

    VL_TRY(ddl_check_snapshot(ctx, run));
    VL_TRY(vl_has_row(ctx, run->statement, run->statement->schema, change->table->object.name,
                      &found));
    return found ? vl_fail(ctx, VELO_ERROR, "%s", change->message) : VELO_OK;
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

/* Forget the counts of an index, of a table with all of its indexes, or all. */
static velo_status
ddl_drop_statistics(vl_ctx *ctx, ddl_run *run, const vl_ddl_change *change)
{
    static const char delete_begin[] = "DELETE FROM sqlite_stat1";
    const char *name = change->new_name != NULL ? change->new_name : change->name;
    vl_schema *schema = run->statement->schema;
    size_t at = sizeof delete_begin - 1;
    char *sql;

    if (vl_schema_table(schema, "sqlite_stat1", 12) == NULL)
        return VELO_OK;
    sql = vl_arena_alloc(&run->statement->run_arena, (name != NULL ? 2 * strlen(name) : 0) + 64);
    if (sql == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a statement");
    memcpy(sql, delete_begin, at);
    if (name != NULL) {
        memcpy(sql + at, change->new_name != NULL ? " WHERE idx = " : " WHERE tbl = ", 13);
        at += 13;
        at += ddl_put_text(sql + at, name);
    }
    sql[at] = 0;
    return vl_run_nested(ctx, run->statement, schema, sql, at);
}

/* Have a module make the table whose row is there. What it runs may change the schema as well: if
 * it fails afterwards, the transaction goes on with the schema from before. */
static velo_status
ddl_create_virtual(vl_ctx *ctx, ddl_run *run, const vl_ddl_change *change)
{
    velo_connection *connection = run->statement->connection;
    vl_schema *schema = connection->schema;
    int has_ddl = connection->has_ddl;
    velo_status st;

    if (schema != NULL)
        vl_schema_retain(schema);
    st = vl_virtual_create(ctx, run->statement, change->row.name, change->row.sql, run->newest_row);
    if (st != VELO_OK && connection->schema != schema) {
        vl_schema_release(connection->schema);
        connection->schema = schema;
        connection->has_ddl = has_ddl;
        return st;
    }
    vl_schema_release(schema);
    return st;
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
    case VL_DDL_CHECK_ROWS:
        return ddl_check_rows(ctx, run, change);
    case VL_DDL_ANALYZE:
        return vl_analyze_table(ctx, run->statement, run->schema, change->name, change->new_name);
    default:
        return vl_fail(ctx, VELO_ERROR, "this form of ALTER TABLE is not supported yet");
    }
}

/* ---- the list ---- */

static int
ddl_needs_schema(vl_ddl_kind kind)
{
    return kind == VL_DDL_FILL_TABLE || kind == VL_DDL_FILL_INDEX || kind == VL_DDL_CHECK_ROWS ||
           kind == VL_DDL_ANALYZE;
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
        return ddl_set_columns(ctx, run, change);
    case VL_DDL_REQUIRE_EMPTY:
        return ddl_require_empty(ctx, run, change);
    case VL_DDL_DELETE_ROWS:
        return vl_delete_dropped(ctx, run->statement, change->table);
    case VL_DDL_DROP_SEQUENCE:
    case VL_DDL_RENAME_SEQUENCE:
        return ddl_change_sequence(ctx, run, change);
    case VL_DDL_DROP_STATISTICS:
        return ddl_drop_statistics(ctx, run, change);
    case VL_DDL_CREATE_VIRTUAL:
        return ddl_create_virtual(ctx, run, change);
    case VL_DDL_DESTROY_VIRTUAL:
        return vl_virtual_destroy(ctx, run->statement, change->table);
    case VL_DDL_RENAME_VIRTUAL:
        return vl_virtual_rename(ctx, run->statement, change->table, change->new_name);
    case VL_DDL_LOAD_STATISTICS:
        vl_schema_release(run->schema);
        run->schema = NULL;
        return ddl_make_schema(ctx, run);
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
                             statement->schema, statement, &plan));
    results = vl_arena_alloc_array(&statement->run_arena, plan->column_count, sizeof *results);
    if (results == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a table's columns");
    for (uint32_t i = 0; i < plan->column_count; i++)
        results[i] = (vl_ddl_result){plan->columns[i].name, (vl_affinity)plan->columns[i].affinity};
    input->results = results;
    input->result_count = plan->column_count;
    return VELO_OK;
}

/* ---- functions of the application ---- */

/* Whether a call is of a function of the application that may give another result each time. */
static int
ddl_is_volatile(const vl_func_set *set, const vl_ast *call)
{
    const vl_ast *arguments = call->kid[0];
    const vl_func *func;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    return vl_func_find(&ctx, set, call->text, call->text_size,
                        arguments == NULL ? 0 : (int)arguments->count, &func) == VELO_OK &&
           func->release != NULL && (func->flags & VL_FUNC_DETERMINISTIC) == 0;
}

/* Whether there is such a call in a tree and those behind it in its list: with only_generated 1 in
 * generated columns only. The parser has limited how deep it goes. */
static int
ddl_has_volatile(const vl_func_set *set, const vl_ast *node, int only_generated)
{
    for (; node != NULL; node = node->next) {
        int only =
            only_generated && !(node->type == VL_AST_CONSTRAINT && node->op == VL_OP_GENERATED);

        if (node->type == VL_AST_FUNCTION && !only && ddl_is_volatile(set, node))
            return 1;
        for (uint32_t i = 0; i < node->kid_count; i++)
            if (ddl_has_volatile(set, node->kid[i], only))
                return 1;
    }
    return 0;
}

/* What schema_check.h checks of built-in functions, of those that it does not know. */
static velo_status
ddl_check_functions(vl_ctx *ctx, const velo_statement *statement)
{
    const vl_func_set *set = statement->connection->function_set;
    const vl_ast *tree = statement->tree;
    const char *place = NULL;

    if (set == NULL)
        return VELO_OK;
    if (tree->type == VL_AST_CREATE_INDEX && ddl_has_volatile(set, tree->kid[2], 0))
        place = "index expressions";
    else if (tree->type == VL_AST_CREATE_INDEX && ddl_has_volatile(set, tree->kid[3], 0))
        place = "partial index WHERE clauses";
    else if (tree->type == VL_AST_CREATE_TABLE && ddl_has_volatile(set, tree, 1))
        place = "generated columns";
    if (place == NULL)
        return VELO_OK;
    return vl_fail(ctx, VELO_ERROR, "non-deterministic functions prohibited in %s", place);
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
                          .is_deferring = connection->foreign.is_deferring,
                          .next_column = ddl_next_column,
                          .argument = connection->engine};
    ddl_run run = {.statement = statement, .engine = connection->engine};
    velo_status st;
    vl_ddl ddl;

    if ((statement->tree->flags & VL_AST_TEMP) != 0)
        return vl_fail(ctx, VELO_ERROR, "TEMP objects are not supported yet");
    VL_TRY(ddl_check_functions(ctx, statement));
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
