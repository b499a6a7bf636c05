/* sqlite_import.c - all of a database of SQLite's, by the reader of lite/, into a connection's.
 *
 * Tables are made from their texts, filled in the order of their rows, and then indexes, views and
 * triggers are made in the order in which they were. What fails says for which object and row.
 *
 * Invariants
 *   SI1  All is one transaction, or a part of the one that is open: nothing of it stays after a
 *        failure.
 *   SI2  A text of the file is run only if it is one CREATE statement of the kind, the name and the
 *        table that its row says, in the database "main", without a query that fills it. */
#include "api/sqlite_int.h"

#include "api/sql_text.h"
#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

/* Rows, and pages, between two looks at the progress. */
#define IMPORT_TELL_ROWS  4096U
#define IMPORT_TELL_PAGES 4096U

/* A row of the file's sqlite_schema. */
typedef struct import_object {
    const char *type;
    const char *name;
    const char *table; /* that it belongs to; NULL: not said */
    const char *sql;   /* NULL: an automatic index */
    uint32_t root;
} import_object;

typedef struct import_run {
    velo_connection *connection;
    vl_lite_reader *reader;
    const vl_sqlite_told *told;
    vl_arena arena; /* of the objects */
    import_object *objects;
    uint32_t count;
    uint32_t capacity;
    uint64_t row_count; /* rows so far */
} import_run;

/* An import of rows into one table. */
typedef struct import_table {
    const char *name;
    vl_arena arena;
    const vl_table_def *def;
    vl_sqlite_columns order; /* what a record has */
    const char *rowid_name;  /* NULL: not given */
    velo_statement *insert;  /* for records of `columns` values */
    uint32_t columns;        /* see insert */
    int has_insert;
} import_table;

/* Put what it is about before the words of the connection's error; the code stays. */
static velo_status
import_explain(import_run *run, velo_status st, const char *what, const char *name)
{
    vl_ctx *ctx = &run->connection->ctx;
    vl_error error = ctx->error;

    if (st == VELO_OK)
        return VELO_OK;
    return vl_connection_end_call(run->connection,
                                  vl_fail(ctx, st, "%s %s: %s", what, name,
                                          error.text[0] != 0 ? error.text : velo_status_text(st)));
}

static velo_status
import_fail(import_run *run, velo_status st, const char *text)
{
    return vl_connection_end_call(run->connection, vl_fail(&run->connection->ctx, st, "%s", text));
}

/* Tell how far it is. Returns whether it is to end. */
static int
import_is_stopped(import_run *run)
{
    const vl_sqlite_told *told = run->told;

    return told->progress != NULL &&
           told->progress(told->user, vl_lite_pages_read(run->reader),
                          vl_lite_get_header(run->reader)->page_count) != 0;
}

static velo_status
import_tell(import_run *run)
{
    return import_is_stopped(run) ? import_fail(run, VELO_INTERRUPT, "interrupted") : VELO_OK;
}

/* Before a page is read: a tree may have many pages and no rows. */
static velo_status
import_watch(vl_ctx *ctx, void *user)
{
    import_run *run = user;

    if (atomic_load(&run->connection->interrupt) ||
        (vl_lite_pages_read(run->reader) % IMPORT_TELL_PAGES == 0 && import_is_stopped(run)))
        return vl_fail(ctx, VELO_INTERRUPT, "interrupted");
    return VELO_OK;
}

static velo_status
import_check(import_run *run)
{
    if (atomic_load(&run->connection->interrupt))
        return import_fail(run, VELO_INTERRUPT, "interrupted");
    if (++run->row_count % IMPORT_TELL_ROWS != 0)
        return VELO_OK;
    return import_tell(run);
}

/* ---- the file's schema ---- */

static velo_status
import_copy_text(import_run *run, const vl_value *value, const char **out)
{
    *out = NULL;
    if (value->type != VL_TYPE_TEXT)
        return VELO_OK;
    *out = vl_arena_copy(&run->arena, value->as.data, value->size);
    if (*out == NULL)
        return import_fail(run, VELO_NOMEM, "cannot allocate the schema");
    if (memchr(*out, 0, value->size) != NULL)
        return import_fail(run, VELO_CORRUPT, "the schema has a text with a zero byte");
    return VELO_OK;
}

static velo_status
import_add_object(import_run *run, const vl_lite_row *row)
{
    import_object object;

    if (row->count < 5 || row->values[0].type != VL_TYPE_TEXT ||
        row->values[1].type != VL_TYPE_TEXT)
        return import_fail(run, VELO_CORRUPT, "the schema has a row that it cannot have");
    VL_TRY(import_copy_text(run, &row->values[0], &object.type));
    VL_TRY(import_copy_text(run, &row->values[1], &object.name));
    VL_TRY(import_copy_text(run, &row->values[2], &object.table));
    VL_TRY(import_copy_text(run, &row->values[4], &object.sql));
    object.root = 0;
    if (row->values[3].type == VL_TYPE_INTEGER && row->values[3].as.integer > 0 &&
        row->values[3].as.integer <= UINT32_MAX)
        object.root = (uint32_t)row->values[3].as.integer;
    if (run->count == run->capacity) {
        uint32_t capacity = run->capacity == 0 ? 64 : run->capacity * 2;
        import_object *more =
            vl_realloc(&run->connection->ctx, run->objects, capacity * sizeof *more);

        if (more == NULL)
            return import_fail(run, VELO_NOMEM, "cannot allocate the schema");
        run->objects = more;
        run->capacity = capacity;
    }
    run->objects[run->count++] = object;
    return VELO_OK;
}

/* Read a tree of the file to its end, with each row given to a function. */
static velo_status
import_scan(import_run *run, uint32_t root, int is_index,
            velo_status (*take)(import_run *run, void *user, const vl_lite_row *row), void *user)
{
    vl_ctx *ctx = &run->connection->ctx;
    vl_lite_scan *scan;
    vl_lite_row row;
    int found = 1;
    velo_status st = vl_lite_scan_create(ctx, run->reader, root, is_index, &scan);

    while (st == VELO_OK && found) {
        st = vl_lite_scan_next(ctx, scan, &row, &found);
        if (st == VELO_OK && found)
            st = take(run, user, &row);
    }
    vl_lite_scan_destroy(scan);
    return vl_connection_end_call(run->connection, st);
}

static velo_status
import_take_object(import_run *run, void *user, const vl_lite_row *row)
{
    (void)user;
    return import_add_object(run, row);
}

/* ---- making objects ---- */

static int
import_is_type(const import_object *object, const char *type)
{
    return strcmp(object->type, type) == 0;
}

/* Whether SQLite made it for itself. */
static int
import_is_system(const import_object *object)
{
    return strncmp(object->name, "sqlite_", 7) == 0;
}

static int
import_is_named(const vl_ast *name, const char *wanted)
{
    return wanted != NULL &&
           vl_name_compare(name->text, name->text_size, wanted, strlen(wanted)) == 0;
}

/* Whether the table that a statement names is the one that the object's row says. Only a trigger
 * may have said "main", which SQLite leaves in its text. */
static int
import_is_on_table(const vl_ast *tree, const import_object *object)
{
    const vl_ast *name;
    const vl_ast *schema;

    if (tree->type != VL_AST_CREATE_INDEX && tree->type != VL_AST_CREATE_TRIGGER)
        return 1;
    name = tree->kid[1];
    schema = tree->type == VL_AST_CREATE_TRIGGER ? name->kid[0] : NULL;
    return import_is_named(name, object->table) &&
           (schema == NULL || import_is_named(schema, "main"));
}

/* Whether a prepared statement is what the object's row says; SQLite takes TEMP, IF NOT EXISTS and
 * the name of the database out of what it stores. keeps SI2 */
static int
import_is_create(const velo_statement *statement, const import_object *object)
{
    vl_ast_type type = import_is_type(object, "table")   ? VL_AST_CREATE_TABLE
                       : import_is_type(object, "index") ? VL_AST_CREATE_INDEX
                       : import_is_type(object, "view")  ? VL_AST_CREATE_VIEW
                                                         : VL_AST_CREATE_TRIGGER;
    const vl_ast *tree = statement != NULL ? statement->tree : NULL;

    if (tree == NULL || tree->type != type ||
        (tree->flags & (VL_AST_TEMP | VL_AST_IF_EXISTS)) != 0 || tree->kid[0]->kid[0] != NULL ||
        !import_is_named(tree->kid[0], object->name))
        return 0;
    if (type == VL_AST_CREATE_TABLE && tree->kid[3] != NULL)
        return 0;
    return import_is_on_table(tree, object);
}

/* Prepare an object's text with "main." before its name: without it an index or a trigger would go
 * to a temporary table of the same name. `name_at`: where the name is in the text. */
static velo_status
import_prepare_in_main(import_run *run, const import_object *object, uint32_t name_at,
                       velo_statement **statement)
{
    vl_sql_text sql = {.ctx = &run->connection->ctx};
    const char *before = vl_arena_copy(&run->arena, object->sql, name_at);
    velo_status st;

    if (before == NULL)
        return import_fail(run, VELO_NOMEM, "cannot allocate a statement");
    vl_sql_text_add(&sql, before);
    vl_sql_text_add(&sql, " main."); /* the name may be in quotes, right behind a word */
    vl_sql_text_add(&sql, object->sql + name_at);
    st = vl_sql_text_prepare(run->connection, &sql, statement);
    vl_sql_text_free(&sql);
    return st;
}

static velo_status
import_create(import_run *run, const import_object *object)
{
    velo_connection *connection = run->connection;
    velo_statement *statement = NULL;
    velo_status st = velo_prepare(connection, object->sql, -1, &statement, NULL);

    if (st == VELO_OK && !import_is_create(statement, object))
        st = import_fail(run, VELO_CORRUPT, "its text is not the statement that made it");
    if (st == VELO_OK) {
        uint32_t name_at = ((const vl_ast *)statement->tree)->kid[0]->offset;

        st = velo_finalize(statement);
        statement = NULL;
        if (st == VELO_OK)
            st = import_prepare_in_main(run, object, name_at, &statement);
    }
    if (st == VELO_OK) {
        st = velo_step(statement);
        st = st == VELO_DONE ? VELO_OK : st;
    }
    st = vl_finalize_with(connection, statement, st);
    return import_explain(run, st, object->type, object->name);
}

/* ---- rows ---- */

velo_status
vl_sqlite_order_columns(vl_ctx *ctx, vl_arena *arena, const vl_table_def *table,
                        vl_sqlite_columns *out)
{
    uint8_t *is_taken = vl_arena_alloc_array(arena, (size_t)table->column_count + 1, 1);
    uint32_t term_count = table->primary != NULL ? table->primary->term_count : 0;

    out->count = 0;
    out->columns = vl_arena_alloc_array(arena, (size_t)table->column_count + term_count + 1,
                                        sizeof *out->columns);
    if (is_taken == NULL || out->columns == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the columns of a table");
    for (uint32_t i = 0; i < term_count; i++) {
        const vl_index_term *term = &table->primary->terms[i];
        uint32_t k = 0;

        while (k < i && (table->primary->terms[k].column != term->column ||
                         table->primary->terms[k].collation != term->collation))
            k++;
        if (k < i || term->column < 0)
            continue; /* the same again */
        out->columns[out->count++] = (uint32_t)term->column;
        is_taken[term->column] = 1;
    }
    for (uint32_t i = 0; i < table->column_count; i++)
        if (!is_taken[i] && table->columns[i].generated != 1)
            out->columns[out->count++] = i;
    return VELO_OK;
}

/* Whether the value of a record's column goes into the INSERT: not what is computed, nor what was
 * given before. */
static int
import_is_given(const import_table *table, uint32_t at)
{
    uint32_t column = table->order.columns[at];

    for (uint32_t i = 0; i < at; i++)
        if (table->order.columns[i] == column)
            return 0;
    return table->def->columns[column].generated == 0 &&
           (int32_t)column != table->def->rowid_column;
}

/* Make the INSERT for records of `count` values: columns behind those have their defaults, as
 * SQLite reads them. */
static velo_status
import_prepare(import_run *run, import_table *table, uint32_t count)
{
    vl_sql_text sql = {.ctx = &run->connection->ctx};
    const char *between = "(";
    uint32_t given = 0;
    velo_status st;

    st = velo_finalize(table->insert);
    table->insert = NULL;
    table->has_insert = 0;
    VL_TRY(st);
    vl_sql_text_add(&sql, "INSERT INTO main.");
    vl_sql_text_add_name(&sql, table->name);
    if (table->rowid_name != NULL) {
        vl_sql_text_add(&sql, between);
        vl_sql_text_add_name(&sql, table->rowid_name);
        between = ",";
        given++;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!import_is_given(table, i))
            continue;
        vl_sql_text_add(&sql, between);
        vl_sql_text_add_name(&sql, table->def->columns[table->order.columns[i]].name);
        between = ",";
        given++;
    }
    vl_sql_text_add(&sql, given == 0 ? " DEFAULT VALUES" : ") VALUES(?");
    for (uint32_t i = 1; i < given; i++)
        vl_sql_text_add(&sql, ",?");
    if (given > 0)
        vl_sql_text_add(&sql, ")");
    st = vl_sql_text_prepare(run->connection, &sql, &table->insert);
    vl_sql_text_free(&sql);
    table->columns = count;
    table->has_insert = st == VELO_OK;
    return st;
}

static velo_status
import_insert(import_run *run, import_table *table, const vl_lite_row *row)
{
    int at = 0;

    if (row->count > table->order.count)
        return import_fail(run, VELO_CORRUPT, "it has more values than the table has columns");
    if (!table->has_insert || table->columns != row->count)
        VL_TRY(import_prepare(run, table, row->count));
    if (table->rowid_name != NULL)
        VL_TRY(velo_bind_int64(table->insert, ++at, row->rowid));
    for (uint32_t i = 0; i < row->count; i++)
        if (import_is_given(table, i))
            VL_TRY(vl_bind_borrowed(table->insert, ++at, &row->values[i]));
    return vl_run_bound(table->insert);
}

static velo_status
import_take_row(import_run *run, void *user, const vl_lite_row *row)
{
    import_table *table = user;
    velo_status st = import_check(run);
    char place[80];

    if (st == VELO_OK)
        st = import_insert(run, table, row);
    if (st == VELO_OK)
        return VELO_OK;
    if (table->def->is_without_rowid)
        (void)snprintf(place, sizeof place, "on page %u", (unsigned)row->pgno);
    else
        (void)snprintf(place, sizeof place, "%lld (page %u)", (long long)row->rowid,
                       (unsigned)row->pgno);
    return import_explain(run, st, "row", place);
}

/* The connection's table of a name; the schema is that of the open transaction. */
static const vl_table_def *
import_find_table(const import_run *run, const char *name)
{
    return run->connection->main.schema == NULL
               ? NULL
               : vl_schema_table(run->connection->main.schema, name, strlen(name));
}

static velo_status
import_fill(import_run *run, const import_object *object)
{
    import_table table = {.name = object->name, .def = import_find_table(run, object->name)};
    vl_schema *schema = run->connection->main.schema;
    velo_status st, end;

    if (table.def == NULL || table.def->object.type != VL_OBJECT_TABLE)
        return import_fail(run, VELO_CORRUPT, "its text makes something of another name");
    vl_schema_retain(schema); /* the definition is in it */
    vl_arena_init(&table.arena, run->connection->ctx.allocator, 0);
    table.rowid_name = vl_rowid_name(table.def);
    st = vl_sqlite_order_columns(&run->connection->ctx, &table.arena, table.def, &table.order);
    if (st == VELO_OK)
        st = import_scan(run, object->root, table.def->is_without_rowid, import_take_row, &table);
    end = vl_finalize_with(run->connection, table.insert, st);
    vl_arena_deinit(&table.arena);
    vl_schema_release(schema);
    return end;
}

static velo_status
import_make_table(import_run *run, const import_object *object)
{
    if (object->sql == NULL)
        return import_explain(run, import_fail(run, VELO_CORRUPT, "it has no text"), "table",
                              object->name);
    VL_TRY(import_create(run, object));
    return import_explain(run, import_fill(run, object), "table", object->name);
}

/* ---- tables of the system ---- */

static const import_object *
import_find(const import_run *run, const char *name)
{
    for (uint32_t i = 0; i < run->count; i++)
        if (import_is_type(&run->objects[i], "table") && strcmp(run->objects[i].name, name) == 0)
            return &run->objects[i];
    return NULL;
}

static velo_status
import_run_sql(import_run *run, const char *sql)
{
    return velo_exec(run->connection, sql, NULL, NULL);
}

/* Forget what filling the tables has written to sqlite_sequence. */
static velo_status
import_clear_sequence(import_run *run)
{
    for (uint32_t i = 0; i < run->count; i++) {
        vl_sql_text sql = {.ctx = &run->connection->ctx};
        velo_status st;

        if (!import_is_type(&run->objects[i], "table"))
            continue;
        vl_sql_text_add(&sql, "DELETE FROM main.sqlite_sequence WHERE name = ");
        vl_sql_text_add_quoted(&sql, run->objects[i].name);
        st = vl_sql_text_run(run->connection, &sql);
        vl_sql_text_free(&sql);
        VL_TRY(st);
    }
    return VELO_OK;
}

static velo_status
import_take_system_row(import_run *run, void *user, const vl_lite_row *row)
{
    velo_statement *insert = user;
    vl_value missing = vl_value_of_name(NULL);
    int count = velo_parameter_count(insert);

    (void)run;
    for (int i = 0; i < count; i++)
        VL_TRY(
            vl_bind_borrowed(insert, i + 1, (uint32_t)i < row->count ? &row->values[i] : &missing));
    return vl_run_bound(insert);
}

/* Put the rows of a table of the system into ours. */
static velo_status
import_fill_system(import_run *run, const import_object *object, const char *sql)
{
    velo_statement *insert;
    velo_status st = velo_prepare(run->connection, sql, -1, &insert, NULL);

    if (st == VELO_OK)
        st = import_scan(run, object->root, 0, import_take_system_row, insert);
    return import_explain(run, vl_finalize_with(run->connection, insert, st), "table",
                          object->name);
}

static velo_status
import_sequences(import_run *run)
{
    const import_object *object = import_find(run, "sqlite_sequence");

    if (object == NULL)
        return VELO_OK;
    if (import_find_table(run, "sqlite_sequence") == NULL) /* all that counted were dropped */
        VL_TRY(import_run_sql(run, "CREATE TABLE main.\"velo sequence\"(a INTEGER PRIMARY KEY "
                                   "AUTOINCREMENT); DROP TABLE main.\"velo sequence\""));
    VL_TRY(import_clear_sequence(run));
    return import_fill_system(run, object,
                              "INSERT INTO main.sqlite_sequence(name, seq) VALUES(?, ?)");
}

static velo_status
import_statistics(import_run *run)
{
    const import_object *object = import_find(run, "sqlite_stat1");

    if (object == NULL)
        return VELO_OK;
    VL_TRY(import_run_sql(run, "ANALYZE main; DELETE FROM main.sqlite_stat1"));
    return import_fill_system(run, object,
                              "INSERT INTO main.sqlite_stat1(tbl, idx, stat) VALUES(?, ?, ?)");
}

/* Numbers of the database, for one that had nothing in it. */
static velo_status
import_numbers(import_run *run)
{
    const vl_lite_header *header = vl_lite_get_header(run->reader);
    char sql[120];

    (void)snprintf(sql, sizeof sql,
                   "PRAGMA main.user_version = %d; PRAGMA main.application_id = %d",
                   (int)header->user_version, (int)header->application_id);
    return import_run_sql(run, sql);
}

/* ---- all of it ---- */

/* Make everything but tables, in the order in which it was made. */
static velo_status
import_make_others(import_run *run)
{
    for (uint32_t i = 0; i < run->count; i++) {
        const import_object *object = &run->objects[i];

        if (import_is_type(object, "table") || object->sql == NULL || import_is_system(object))
            continue;
        if (atomic_load(&run->connection->interrupt))
            return import_fail(run, VELO_INTERRUPT, "interrupted");
        VL_TRY(import_create(run, object));
    }
    return VELO_OK;
}

/* Whether the connection's database has no object, as the open transaction sees it. */
static velo_status
import_is_empty(const import_run *run, int *is_empty)
{
    velo_statement *statement = NULL;
    velo_status st = velo_prepare(run->connection, "SELECT 1 FROM main.sqlite_schema LIMIT 1", -1,
                                  &statement, NULL);

    if (st == VELO_OK)
        st = velo_step(statement);
    *is_empty = st == VELO_DONE;
    return vl_finalize_with(run->connection, statement,
                            st == VELO_ROW || st == VELO_DONE ? VELO_OK : st);
}

static velo_status
import_all(import_run *run)
{
    int is_empty;

    VL_TRY(import_scan(run, 1, 0, import_take_object, NULL));
    VL_TRY(import_is_empty(run, &is_empty));
    for (uint32_t i = 0; i < run->count; i++)
        if (import_is_type(&run->objects[i], "table") && !import_is_system(&run->objects[i]))
            VL_TRY(import_make_table(run, &run->objects[i]));
    VL_TRY(import_sequences(run));
    VL_TRY(import_make_others(run));
    VL_TRY(import_statistics(run));
    if (is_empty)
        VL_TRY(import_numbers(run));
    VL_TRY(vl_connection_end_call(run->connection,
                                  vl_lite_check_unchanged(&run->connection->ctx, run->reader)));
    return import_tell(run);
}

velo_status
vl_sqlite_import(velo_connection *connection, vl_lite_reader *reader, const vl_sqlite_told *told)
{
    import_run run = {.connection = connection, .reader = reader, .told = told};
    int has_foreign_keys = connection->has_foreign_keys;
    velo_status st;

    atomic_store(&connection->interrupt, 0);
    VL_TRY(vl_whole_begin(connection));
    connection->has_foreign_keys = 0; /* rows come in another order than they were made */
    vl_arena_init(&run.arena, connection->ctx.allocator, 0);
    vl_lite_set_watch(reader, import_watch, &run);
    st = vl_whole_end(connection, import_all(&run)); /* keeps SI1 */
    vl_lite_set_watch(reader, NULL, NULL);
    vl_arena_deinit(&run.arena);
    vl_free(run.objects);
    connection->has_foreign_keys = has_foreign_keys;
    return st;
}
