/* sqlite_export.c - all that a connection sees, by the writer of lite/, as a database of SQLite's.
 *
 * Each table is read in the order of its rows, and each index by a query that gives its entries in
 * their order; so trees are built from one end to the other, and memory is what a sort takes.
 *
 * Invariants
 *   SE1  All is read in one transaction, by one snapshot. */
#include "api/sqlite_int.h"

#include "api/sql_text.h"
#include "sql/ast_print.h"

#include "base/alloc.h"
#include "base/collation.h"

#include <stdio.h>
#include <string.h>

/* Rows between two looks at the progress. */
#define EXPORT_TELL_ROWS 4096U

typedef struct export_run {
    velo_connection *connection;
    uint32_t database; /* its number */
    vl_lite_writer *writer;
    const vl_sqlite_told *told;
    const vl_schema *schema; /* that the transaction sees */
    vl_arena arena;          /* of the object at hand */
    vl_arena rows_arena;     /* of the rows of sqlite_schema */
    vl_value *rows;          /* five values for each of row_count rows; owned */
    int64_t *rowids;         /* of them; owned */
    uint32_t row_count;
    uint32_t capacity;
    uint64_t done; /* rows and entries written */
} export_run;

/* ---- helpers ---- */

static const vl_database *
export_database(const export_run *run)
{
    return run->connection->databases[run->database];
}

static velo_status
export_fail(export_run *run, velo_status st, const char *text, const char *name)
{
    return vl_connection_end_call(run->connection,
                                  vl_fail(&run->connection->ctx, st, "%s%s", text, name));
}

static velo_status
export_tell(export_run *run)
{
    if (atomic_load(&run->connection->interrupt))
        return export_fail(run, VELO_INTERRUPT, "interrupted", "");
    if (run->told->progress != NULL && run->told->progress(run->told->user, run->done, 0) != 0)
        return export_fail(run, VELO_INTERRUPT, "interrupted", "");
    return VELO_OK;
}

/* ---- queries ---- */

/* Append a column or expression of an index. */
static velo_status
export_add_term(export_run *run, vl_sql_text *sql, const vl_table_def *table,
                const vl_index_term *term)
{
    const char *text;
    size_t size;

    if (term->column >= 0) {
        vl_sql_text_add_name(sql, table->columns[term->column].name);
        return VELO_OK;
    }
    if (term->column == -1) {
        vl_sql_text_add_name(sql, vl_rowid_name(table));
        return VELO_OK;
    }
    VL_TRY(vl_connection_end_call(run->connection, vl_ast_print(&run->connection->ctx, term->ast,
                                                                &run->arena, &text, &size)));
    vl_sql_text_add(sql, "(");
    vl_sql_text_add(sql, text);
    vl_sql_text_add(sql, ")");
    return VELO_OK;
}

/* Append ORDER BY of `count` terms. */
static velo_status
export_add_order(export_run *run, vl_sql_text *sql, const vl_table_def *table,
                 const vl_index_term *terms, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        vl_sql_text_add(sql, i == 0 ? " ORDER BY " : ", ");
        VL_TRY(export_add_term(run, sql, table, &terms[i]));
        vl_sql_text_add(sql, " COLLATE ");
        vl_sql_text_add_name(sql, vl_collation_name((vl_collation)terms[i].collation));
        if (terms[i].is_descending)
            vl_sql_text_add(sql, " DESC");
    }
    return VELO_OK;
}

/* The terms of an index as SQLite has them: its own, and those that make an entry's key whole,
 * without those that are there already. */
static velo_status
export_index_terms(export_run *run, const vl_index_def *index, vl_index_term **terms,
                   uint32_t *count)
{
    const vl_table_def *table = index->table;
    const vl_index_def *primary = table->primary;
    uint32_t more = primary != NULL ? primary->term_count : 1;

    *count = index->term_count;
    *terms = vl_arena_alloc_array(&run->arena, (size_t)index->term_count + more, sizeof **terms);
    if (*terms == NULL)
        return export_fail(run, VELO_NOMEM, "cannot allocate the terms of an index", "");
    memcpy(*terms, index->terms, index->term_count * sizeof **terms);
    if (primary == NULL) {
        (*terms)[(*count)++] = (vl_index_term){.column = -1};
        return VELO_OK;
    }
    for (uint32_t i = 0; i < primary->term_count; i++) {
        const vl_index_term *term = &primary->terms[i];
        uint32_t k = 0;

        while (k < *count &&
               ((*terms)[k].column != term->column || (*terms)[k].collation != term->collation))
            k++;
        if (k == *count)
            (*terms)[(*count)++] =
                (vl_index_term){.column = term->column, .collation = term->collation};
    }
    return VELO_OK;
}

/* The query that gives the entries of an index in their order. */
static velo_status
export_index_query(export_run *run, const vl_index_def *index, vl_sql_text *sql)
{
    vl_index_term *terms;
    uint32_t count;

    VL_TRY(export_index_terms(run, index, &terms, &count));
    vl_sql_text_add(sql, "SELECT ");
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            vl_sql_text_add(sql, ", ");
        VL_TRY(export_add_term(run, sql, index->table, &terms[i]));
    }
    vl_sql_text_add(sql, " FROM ");
    vl_sql_text_add_name(sql, export_database(run)->name);
    vl_sql_text_add(sql, ".");
    vl_sql_text_add_name(sql, index->table->object.name);
    if (index->where_ast != NULL) {
        const char *text;
        size_t size;

        VL_TRY(vl_connection_end_call(
            run->connection,
            vl_ast_print(&run->connection->ctx, index->where_ast, &run->arena, &text, &size)));
        vl_sql_text_add(sql, " WHERE ");
        vl_sql_text_add(sql, text);
    }
    return export_add_order(run, sql, index->table, terms, count);
}

/* The query that gives the rows of a table in their order: of one with rowids the rowid first. */
static velo_status
export_table_query(export_run *run, const vl_table_def *table, vl_sql_text *sql)
{
    const char *between = "";
    vl_sqlite_columns order;

    VL_TRY(vl_connection_end_call(
        run->connection,
        vl_sqlite_order_columns(&run->connection->ctx, &run->arena, table, &order)));
    vl_sql_text_add(sql, "SELECT ");
    if (!table->is_without_rowid) {
        vl_sql_text_add_name(sql, vl_rowid_name(table));
        between = ", ";
    }
    for (uint32_t i = 0; i < order.count; i++) {
        vl_sql_text_add(sql, between);
        between = ", ";
        if ((int32_t)order.columns[i] == table->rowid_column)
            vl_sql_text_add(sql, "NULL"); /* the rowid says it */
        else
            vl_sql_text_add_name(sql, table->columns[order.columns[i]].name);
    }
    vl_sql_text_add(sql, " FROM ");
    vl_sql_text_add_name(sql, export_database(run)->name);
    vl_sql_text_add(sql, ".");
    vl_sql_text_add_name(sql, table->object.name);
    if (table->is_without_rowid)
        return export_add_order(run, sql, table, table->primary->terms, table->primary->term_count);
    vl_sql_text_add(sql, " ORDER BY ");
    vl_sql_text_add_name(sql, vl_rowid_name(table));
    return VELO_OK;
}

/* ---- trees ---- */

/* Write what a query gives as a tree. */
static velo_status
export_write(export_run *run, velo_statement *statement, vl_lite_kind kind, uint32_t *root)
{
    velo_connection *connection = run->connection;
    uint32_t skip = kind == VL_LITE_TABLE;
    velo_status st;

    VL_TRY(vl_connection_end_call(connection,
                                  vl_lite_tree_begin(&connection->ctx, run->writer, kind)));
    while ((st = velo_step(statement)) == VELO_ROW) {
        const vl_value *row = statement->row;

        VL_TRY(vl_connection_end_call(connection,
                                      vl_lite_tree_add(&connection->ctx, run->writer,
                                                       skip ? row[0].as.integer : 0, row + skip,
                                                       statement->column_count - skip)));
        if (++run->done % EXPORT_TELL_ROWS == 0)
            VL_TRY(export_tell(run));
    }
    if (st != VELO_DONE)
        return st;
    return vl_connection_end_call(connection,
                                  vl_lite_tree_end(&connection->ctx, run->writer, root));
}

static velo_status
export_tree(export_run *run, const vl_sql_text *sql, vl_lite_kind kind, uint32_t *root)
{
    velo_statement *statement;
    velo_status st = vl_sql_text_prepare(run->connection, sql, &statement);

    if (st == VELO_OK)
        st = export_write(run, statement, kind, root);
    return vl_finalize_with(run->connection, statement, st);
}

static velo_status
export_table(export_run *run, const char *name, uint32_t *root)
{
    const vl_table_def *table = vl_schema_table(run->schema, name, strlen(name));
    vl_sql_text sql = {.ctx = &run->connection->ctx};
    velo_status st;

    if (table == NULL)
        return export_fail(run, VELO_INTERNAL, "missing from the schema: ", name);
    if (table->virtual_ast != NULL)
        return VELO_OK; /* what it holds is its module's */
    if (!table->is_without_rowid && vl_rowid_name(table) == NULL)
        return export_fail(run, VELO_ERROR,
                           "columns hide all names of the rowids that are to be kept of table ",
                           name);
    st = export_table_query(run, table, &sql);
    if (st == VELO_OK)
        st = export_tree(run, &sql, table->is_without_rowid ? VL_LITE_INDEX : VL_LITE_TABLE, root);
    vl_sql_text_free(&sql);
    return st;
}

static velo_status
export_index(export_run *run, const char *name, uint32_t *root)
{
    const vl_index_def *index = vl_schema_index(run->schema, name, strlen(name));
    vl_sql_text sql = {.ctx = &run->connection->ctx};
    velo_status st;

    if (index == NULL)
        return export_fail(run, VELO_INTERNAL, "missing from the schema: ", name);
    st = export_index_query(run, index, &sql);
    if (st == VELO_OK)
        st = export_tree(run, &sql, VL_LITE_INDEX, root);
    vl_sql_text_free(&sql);
    return st;
}

/* ---- the schema ---- */

/* Keep the row of sqlite_schema that the statement has; its tree comes later. */
static velo_status
export_keep_row(export_run *run, velo_statement *statement)
{
    vl_value *row;

    if (run->row_count == run->capacity) {
        uint32_t capacity = run->capacity == 0 ? 64 : run->capacity * 2;
        vl_value *rows =
            vl_realloc(&run->connection->ctx, run->rows, (size_t)capacity * 5 * sizeof *rows);
        int64_t *rowids;

        if (rows == NULL)
            return export_fail(run, VELO_NOMEM, "cannot allocate the schema", "");
        run->rows = rows;
        rowids = vl_realloc(&run->connection->ctx, run->rowids, capacity * sizeof *rowids);
        if (rowids == NULL)
            return export_fail(run, VELO_NOMEM, "cannot allocate the schema", "");
        run->rowids = rowids;
        run->capacity = capacity;
    }
    row = run->rows + (size_t)run->row_count * 5;
    run->rowids[run->row_count] = velo_column_int64(statement, 0);
    for (int i = 0; i < 5; i++) {
        const char *text = velo_column_text(statement, i + 1);
        char *copy;

        row[i] = vl_value_of_name(text);
        if (velo_column_type(statement, i + 1) == VELO_NULL)
            continue;
        if (text == NULL)
            return export_fail(run, VELO_NOMEM, "cannot allocate the schema", "");
        copy = vl_arena_copy(&run->rows_arena, text, row[i].size);
        if (copy == NULL)
            return export_fail(run, VELO_NOMEM, "cannot allocate the schema", "");
        row[i].as.data = copy;
    }
    run->row_count++;
    return VELO_OK;
}

/* Read sqlite_schema, and with it the schema that goes with the snapshot. */
static velo_status
export_read_schema(export_run *run)
{
    vl_sql_text sql = {.ctx = &run->connection->ctx};
    velo_statement *statement = NULL;
    velo_status st;

    vl_sql_text_add(&sql, "SELECT rowid, type, name, tbl_name, rootpage, sql FROM ");
    vl_sql_text_add_name(&sql, export_database(run)->name);
    vl_sql_text_add(&sql, ".sqlite_schema ORDER BY rowid");
    st = vl_sql_text_prepare(run->connection, &sql, &statement);
    vl_sql_text_free(&sql);

    if (st == VELO_OK)
        while ((st = velo_step(statement)) == VELO_ROW && st == VELO_ROW)
            if ((st = export_keep_row(run, statement)) != VELO_OK)
                break;
    st = vl_finalize_with(run->connection, statement, st == VELO_DONE ? VELO_OK : st);
    run->schema = export_database(run)->schema;
    if (st == VELO_OK && run->schema == NULL)
        return export_fail(run, VELO_INTERNAL, "the transaction has no schema", "");
    return st;
}

/* Write the tree of each object, and put its root into the object's row. */
static velo_status
export_objects(export_run *run)
{
    for (uint32_t i = 0; i < run->row_count; i++) {
        vl_value *row = run->rows + (size_t)i * 5;
        const char *type = row[0].as.data;
        uint32_t root = 0;

        vl_arena_reset(&run->arena);
        if (strcmp(type, "table") == 0)
            VL_TRY(export_table(run, row[1].as.data, &root));
        else if (strcmp(type, "index") == 0)
            VL_TRY(export_index(run, row[1].as.data, &root));
        row[3] = (vl_value){.type = VL_TYPE_INTEGER, .as.integer = root};
        VL_TRY(export_tell(run));
    }
    return VELO_OK;
}

static velo_status
export_read_number(export_run *run, const char *pragma, int64_t *number)
{
    velo_statement *statement = NULL;
    velo_status st = velo_prepare(run->connection, pragma, -1, &statement, NULL);

    *number = 0;
    if (st == VELO_OK && (st = velo_step(statement)) == VELO_ROW) {
        *number = velo_column_int64(statement, 0);
        st = VELO_OK;
    }
    return vl_finalize_with(run->connection, statement, st);
}

/* Write sqlite_schema and page 1. */
static velo_status
export_finish(export_run *run)
{
    vl_ctx *ctx = &run->connection->ctx;
    int64_t numbers[3];
    uint32_t root;

    VL_TRY(export_read_number(run, "PRAGMA main.schema_version", &numbers[0]));
    VL_TRY(export_read_number(run, "PRAGMA main.user_version", &numbers[1]));
    VL_TRY(export_read_number(run, "PRAGMA main.application_id", &numbers[2]));
    VL_TRY(vl_lite_tree_begin(ctx, run->writer, VL_LITE_SCHEMA));
    for (uint32_t i = 0; i < run->row_count; i++)
        VL_TRY(vl_lite_tree_add(ctx, run->writer, run->rowids[i], run->rows + (size_t)i * 5, 5));
    VL_TRY(vl_lite_tree_end(ctx, run->writer, &root));
    return vl_lite_writer_finish(
        ctx, run->writer,
        &(vl_lite_numbers){(uint32_t)numbers[0], (int32_t)numbers[1], (int32_t)numbers[2]});
}

static velo_status
export_all(export_run *run)
{
    VL_TRY(export_read_schema(run));
    VL_TRY(export_objects(run));
    return vl_connection_end_call(run->connection, export_finish(run));
}

velo_status
vl_sqlite_export(velo_connection *connection, uint32_t database, vl_lite_writer *writer,
                 const vl_sqlite_told *told)
{
    export_run run = {
        .connection = connection, .database = database, .writer = writer, .told = told};
    velo_status st;

    atomic_store(&connection->interrupt, 0);
    VL_TRY(vl_whole_begin(connection)); /* keeps SE1 */
    vl_arena_init(&run.arena, connection->ctx.allocator, 0);
    vl_arena_init(&run.rows_arena, connection->ctx.allocator, 0);
    st = vl_whole_end(connection, export_all(&run));
    vl_arena_deinit(&run.rows_arena);
    vl_arena_deinit(&run.arena);
    vl_free(run.rows);
    vl_free(run.rowids);
    return st;
}
