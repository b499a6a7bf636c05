/* ddl_run.c - carrying out what sql/ddl.h says that a statement does to the schema.
 *
 * Invariants
 *   DR1  The connection is the one that changes the schema (part.c, PA2), so sqlite_schema
 * is read and changed by nobody else meanwhile. DR2  Rows of sqlite_schema and trees change in the
 * statement's transaction; the schema of the connection is made anew from the rows before anything
 * is filled by it. */
#include "api/api_int.h"

#include "base/alloc.h"
#include "exec/packed.h"
#include "sql/ddl.h"
#include "sql/plan_make.h"

#include <string.h>

/* A schema that was made anew. */
typedef struct ddl_schema {
    vl_schema *schema; /* NULL: not yet */
    vl_schema *shared; /* the same by the engine's name; NULL: that is `schema` */
} ddl_schema;

/* A list of changes at work. */
typedef struct ddl_run {
    velo_statement *statement; /* its target is the database that the change at hand is about */
    vl_engine *engine;         /* of that database */
    vl_txn_table *master;      /* likewise */
    ddl_schema *at;            /* likewise: one of `schemas` */
    vl_tree_id *trees;         /* by vl_ddl_change.new_tree - 1 */
    ddl_schema schemas[VL_DATABASES_MAX]; /* by number */
    int64_t newest_row;                   /* of sqlite_schema, that was inserted last */
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
    vl_statement *txn = vl_prepared_txn(run->statement);
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

    return vl_txn_create_tree(ctx, vl_prepared_txn(run->statement), is_packed ? &packed : columns,
                              id);
}

static velo_status
ddl_create_tree(vl_ctx *ctx, ddl_run *run, const vl_ddl_change *change)
{
    vl_tree_id *id = &run->trees[change->new_tree - 1];
    vl_leaf_schema schema;

    if (change->is_key_tree)
        return vl_txn_create_tree(ctx, vl_prepared_txn(run->statement), NULL, id);
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

/* Make the database's schema anew from what sqlite_schema has now. */
static velo_status
ddl_make_schema(vl_ctx *ctx, ddl_run *run)
{
    return vl_database_make_schema(ctx, vl_prepared_database(run->statement),
                                   vl_prepared_txn(run->statement), &run->at->schema,
                                   &run->at->shared);
}

static void
ddl_forget_schema(ddl_schema *at)
{
    vl_schema_release(at->schema);
    vl_schema_release(at->shared);
    *at = (ddl_schema){NULL, NULL};
}

/* An index is filled with the rows that the statement sees, and they are what is checked or written
 * anew. A transaction whose snapshot lacks rows that others have committed since would leave them
 * out. */
static velo_status
ddl_check_snapshot(vl_ctx *ctx, const ddl_run *run)
{
    if (atomic_load(&run->engine->data_version) ==
        vl_prepared_database(run->statement)->snapshot_version)
        return VELO_OK;
    return vl_fail(ctx, VELO_BUSY_SNAPSHOT,
                   "rows were committed after this transaction's snapshot");
}

/* Write a table's rows into a new tree, with which it goes on. */
static velo_status
ddl_rewrite(vl_ctx *ctx, ddl_run *run, const vl_ddl_change *change, const vl_leaf_schema *columns)
{
    vl_statement *txn = vl_prepared_txn(run->statement);
    vl_value root = {.type = VL_TYPE_INTEGER};
    vl_tree_id tree;

    VL_TRY(ddl_check_snapshot(ctx, run));
    VL_TRY(ddl_create_table(ctx, run, columns, &tree));
    root.as.integer = (int64_t)tree;
    VL_TRY(vl_rows_update(ctx, txn, run->master, change->table->object.rowid, &vl_master_ids[3],
                          &root, 1));
    VL_TRY(ddl_make_schema(ctx, run));
    VL_TRY(vl_rewrite_rows(ctx, run->statement, run->at->schema, change->table, columns));
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
    st = vl_txn_add_columns(ctx, vl_prepared_txn(run->statement), change->tree, &columns);
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
    const char *database = vl_prepared_database(run->statement)->name;
    size_t room = 2 * (strlen(change->name) + strlen(database)) + text_size + 32;
    char *sql = vl_arena_alloc(&run->statement->run_arena, room);
    size_t at = 0;

    if (sql == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a statement");
    memcpy(sql, "INSERT INTO ", 12);
    at = 12 + vl_put_name(sql + 12, database);
    sql[at++] = '.';
    at += vl_put_name(sql + at, change->name);
    sql[at++] = ' ';
    memcpy(sql + at, text, text_size);
    at += text_size;
    sql[at] = '\0'; /* the binder looks for it */
    return vl_run_nested_wide(ctx, run->statement, run->at->schema, sql, at);
}

static velo_status
ddl_fill_index(vl_ctx *ctx, ddl_run *run, const vl_ddl_change *change)
{
    VL_TRY(ddl_check_snapshot(ctx, run));
    return vl_fill_index(ctx, run->statement, run->at->schema, change->name);
}

static velo_status
ddl_check_rows(vl_ctx *ctx, const ddl_run *run, const vl_ddl_change *change)
{
    VL_TRY(ddl_check_snapshot(ctx, run));
    return vl_check_rows(ctx, run->statement, run->at->schema, change->name,
                         change->kind == VL_DDL_CHECK_ROWS ? VL_CHECK_ALL : change->column);
}

static velo_status
ddl_require_empty(vl_ctx *ctx, const ddl_run *run, const vl_ddl_change *change)
{
    int found;

    VL_TRY(ddl_check_snapshot(ctx, run));
    VL_TRY(vl_has_row(ctx, run->statement, vl_prepared_schema(run->statement),
                      change->table->object.name, &found));
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
    vl_schema *schema = vl_prepared_schema(run->statement);
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
    vl_schema *schema = vl_prepared_schema(run->statement);
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
    vl_database *database = vl_prepared_database(run->statement);
    vl_schema *schema = database->schema;
    vl_schema *shared = database->shared;
    int has_ddl = database->has_ddl;
    velo_status st;

    if (schema != NULL)
        vl_schema_retain(schema);
    if (shared != NULL)
        vl_schema_retain(shared);
    st = vl_virtual_create(ctx, run->statement, database->name, change->row.name, change->row.sql,
                           run->newest_row);
    if (st != VELO_OK && database->schema != schema) {
        vl_database_forget_schema(database);
        database->schema = schema;
        database->shared = shared;
        database->has_ddl = has_ddl;
        return st;
    }
    vl_schema_release(schema);
    vl_schema_release(shared);
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
    case VL_DDL_CHECK_CONSTRAINT:
        return ddl_check_rows(ctx, run, change);
    case VL_DDL_ANALYZE:
        return vl_analyze_table(ctx, run->statement, run->at->schema, change->name,
                                change->new_name);
    default:
        return vl_fail(ctx, VELO_ERROR, "this form of ALTER TABLE is not supported yet");
    }
}

/* ---- the list ---- */

static int
ddl_needs_schema(vl_ddl_kind kind)
{
    return kind == VL_DDL_FILL_TABLE || kind == VL_DDL_FILL_INDEX || kind == VL_DDL_CHECK_ROWS ||
           kind == VL_DDL_CHECK_CONSTRAINT || kind == VL_DDL_ANALYZE;
}

static velo_status
ddl_carry_out(vl_ctx *ctx, ddl_run *run, const vl_ddl_change *change)
{
    vl_statement *txn = vl_prepared_txn(run->statement);

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
        ddl_forget_schema(run->at);
        return ddl_make_schema(ctx, run);
    default:
        return ddl_fill(ctx, run, change);
    }
}

/* Turn to a database. */
static velo_status
ddl_turn_to(vl_ctx *ctx, ddl_run *run, uint32_t number)
{
    run->statement->target = number;
    run->at = &run->schemas[number];
    run->engine = vl_prepared_engine(run->statement);
    return vl_rows_open(ctx, run->engine->store, run->engine->master, &run->master);
}

/* Turn to the database that a change is about. */
static velo_status
ddl_turn(vl_ctx *ctx, ddl_run *run, const vl_ddl_change *change)
{
    uint32_t number = 0;

    if (run->at != NULL && change->schema == vl_prepared_schema(run->statement))
        return VELO_OK;
    while (run->statement->schemas[number] != change->schema)
        number++;
    return ddl_turn_to(ctx, run, number);
}

/* Carry the whole list out, which is about the databases of a set of numbers. */
static velo_status
ddl_carry_out_all(vl_ctx *ctx, ddl_run *run, const vl_ddl *ddl, uint32_t changed)
{
    for (const vl_ddl_change *change = ddl->changes; change != NULL; change = change->next) {
        VL_TRY(ddl_turn(ctx, run, change));
        if (run->at->schema == NULL && ddl_needs_schema(change->kind))
            VL_TRY(ddl_make_schema(ctx, run));
        VL_TRY(ddl_carry_out(ctx, run, change));
    }
    for (uint32_t i = 0; i < run->statement->schema_count; i++) {
        if ((changed >> i & 1U) == 0 || run->schemas[i].schema != NULL)
            continue;
        VL_TRY(ddl_turn_to(ctx, run, i));
        VL_TRY(ddl_make_schema(ctx, run));
    }
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
    VL_TRY(vl_plan_by_statement(ctx, &statement->arena, tree->kid[3], statement->sql, statement,
                                &plan));
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

/* ---- which databases ---- */

/* Find out which databases the changes are about. */
static uint32_t
ddl_find_changed(const velo_statement *statement, const vl_ddl *ddl)
{
    uint32_t changed = 0;

    for (uint32_t i = 0; i < statement->schema_count; i++) {
        if (ddl->schema == statement->schemas[i])
            changed |= UINT32_C(1) << i;
        for (const vl_ddl_change *change = ddl->changes; change != NULL; change = change->next)
            changed |= (uint32_t)(change->schema == statement->schemas[i]) << i;
    }
    return changed;
}

/* What vl_ddl_plan may see. */
static vl_ddl_input
ddl_make_input(const velo_statement *statement)
{
    const velo_connection *connection = statement->connection;

    return (vl_ddl_input){.schemas = (const vl_schema *const *)statement->schemas,
                          .schema_count = statement->schema_count,
                          .statement = statement->tree,
                          .sql = statement->sql,
                          .sql_size = statement->sql_size,
                          .has_foreign_keys = connection->has_foreign_keys,
                          .may_reserve = connection->writable_schema,
                          .is_deferring = connection->foreign.is_deferring};
}

/* The database of the statement when there are several: by planning it. */
static velo_status
ddl_ask_needs(vl_ctx *ctx, velo_statement *statement, vl_needs *needs)
{
    vl_ddl_result none = {"x", VL_AFFINITY_NONE};
    vl_ddl_input input = ddl_make_input(statement);
    vl_ddl ddl = {0};
    vl_arena arena;
    velo_status st;

    input.results = &none; /* what the query yields does not matter here */
    input.result_count = 1;
    vl_arena_init(&arena, ctx->allocator, 0);
    st = vl_ddl_plan(ctx, &input, &arena, &ddl);
    needs->ddl = st == VELO_OK ? ddl_find_changed(statement, &ddl) : 0;
    for (uint32_t i = 0; st == VELO_OK && i < statement->schema_count; i++)
        if (ddl.schema == statement->schemas[i])
            statement->target = i;
    vl_arena_deinit(&arena);
    if (st == VELO_NOMEM)
        return st;
    vl_error_clear(ctx); /* it is told when it runs */
    return VELO_OK;
}

/* The databases that have an engine. */
static uint32_t
ddl_present(const velo_connection *connection)
{
    uint32_t present = 0;

    for (uint32_t i = 0; i < connection->database_count; i++)
        present |= (uint32_t)(connection->databases[i]->engine != NULL) << i;
    return present;
}

/* Those of them that the connection may change. */
static uint32_t
ddl_writable(const velo_connection *connection)
{
    uint32_t writable = ddl_present(connection);

    for (uint32_t i = 0; i < connection->database_count; i++)
        writable &= ~((uint32_t)(connection->databases[i]->is_read_only != 0) << i);
    return writable;
}

/* What the query of CREATE TABLE AS reads. */
static velo_status
ddl_add_query(vl_ctx *ctx, velo_statement *statement, vl_needs *needs)
{
    vl_plan *plan = NULL;
    vl_arena arena;
    velo_status st;

    vl_arena_init(&arena, ctx->allocator, 0);
    st = vl_plan_by_statement(ctx, &arena, statement->tree->kid[3], statement->sql, statement,
                              &plan);
    if (st == VELO_OK) {
        needs->reads |= vl_database_numbers(plan->reads);
        needs->reads |= plan->calls_table_functions ? ddl_present(statement->connection) : 0;
    }
    vl_arena_deinit(&arena);
    if (st == VELO_NOMEM)
        return st;
    vl_error_clear(ctx); /* it is told when it runs */
    return VELO_OK;
}

velo_status
vl_ddl_find_needs(vl_ctx *ctx, velo_statement *statement, vl_needs *needs)
{
    const velo_connection *connection = statement->connection;
    const vl_ast *tree = statement->tree;

    statement->target = VL_DATABASE_MAIN;
    needs->ddl = UINT32_C(1) << VL_DATABASE_MAIN;
    if (connection->database_count > VL_DATABASE_ATTACHED || connection->temp.engine != NULL ||
        (tree->flags & VL_AST_TEMP) != 0 ||
        (tree->type == VL_AST_ANALYZE && tree->kid[0] != NULL) || /* it may name a database */
        (tree->kid[0] != NULL && tree->kid[0]->type == VL_AST_QNAME &&
         tree->kid[0]->kid[0] != NULL))
        VL_TRY(ddl_ask_needs(ctx, statement, needs));
    needs->writes = needs->ddl;
    if (tree->type == VL_AST_CREATE_TABLE && tree->kid[3] != NULL)
        VL_TRY(ddl_add_query(ctx, statement, needs));
    if (tree->type == VL_AST_DROP && connection->has_foreign_keys &&
        statement->schemas[VL_DATABASE_TEMP]->trigger_count > 0)
        needs->writes |= ddl_writable(connection); /* its triggers may be fired, and go anywhere */
    needs->reads |= needs->writes;
    return VELO_OK;
}

/* ---- running ---- */

/* Whether all databases that the changes are about were opened for that. */
static int
ddl_is_ready(const velo_statement *statement, uint32_t changed)
{
    for (uint32_t i = 0; i < statement->schema_count; i++)
        if ((changed >> i & 1U) != 0 &&
            (i >= statement->part_count || !statement->parts[i].is_writing))
            return 0;
    return 1;
}

/* The databases have the schemas that were made, or those are dropped. */
static void
ddl_finish(ddl_run *run, velo_status st)
{
    velo_connection *connection = run->statement->connection;

    for (uint32_t i = 0; i < run->statement->schema_count; i++) {
        ddl_schema *made = &run->schemas[i];

        if (st != VELO_OK)
            ddl_forget_schema(made);
        if (made->schema == NULL)
            continue;
        vl_database_set_schema(connection->databases[i], made->schema, made->shared);
        if (i != VL_DATABASE_MAIN)
            connection->epoch++; /* other names may mean something else now */
    }
}

/* Refuse what a callback wants of the schema while a statement around it changes rows: that has the
 * trees of indexes open, and its failure would undo rows of the schema, but not what was read of
 * them. Modules create tables where virtual ones are created. */
static velo_status
ddl_check_around(vl_ctx *ctx, const velo_statement *statement)
{
    if (statement->connection->depth < 2)
        return VELO_OK;
    for (const velo_statement *at = statement->connection->statements; at != NULL; at = at->next)
        if (at != statement && at->is_open && at->is_writing && at->plan != NULL &&
            at->plan->kind != VL_PLAN_OTHER)
            return vl_fail(ctx, VELO_LOCKED,
                           "database table is locked: a statement around this one changes rows");
    return VELO_OK;
}

velo_status
vl_ddl_run(vl_ctx *ctx, velo_statement *statement)
{
    vl_ddl_input input = ddl_make_input(statement);
    ddl_run run = {.statement = statement};
    uint32_t target = statement->target;
    uint32_t changed;
    velo_status st;
    vl_ddl ddl;

    input.next_column = ddl_next_column;
    input.argument = vl_prepared_engine(statement);
    VL_TRY(ddl_check_around(ctx, statement));
    VL_TRY(ddl_check_functions(ctx, statement));
    VL_TRY(ddl_describe_query(ctx, statement, &input));
    VL_TRY(vl_ddl_plan(ctx, &input, &statement->run_arena, &ddl));
    if (ddl.changes == NULL)
        return VELO_OK;
    VL_TRY(vl_ddl_check_create(ctx, statement));
    changed = ddl_find_changed(statement, &ddl);
    if (!ddl_is_ready(statement, changed))
        return vl_fail(ctx, VELO_SCHEMA, "database schema has changed");
    run.trees = vl_arena_alloc_array(&statement->run_arena, ddl.tree_count + 1U, sizeof *run.trees);
    if (run.trees == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a list of trees");
    st = ddl_carry_out_all(ctx, &run, &ddl, changed);
    ddl_finish(&run, st);
    statement->target = target;
    return st;
}
