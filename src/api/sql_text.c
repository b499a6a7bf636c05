/* sql_text.c - SQL that the layer here puts together for itself, and small means of running it. *
 * Invariants
 *   ST1  A text ends with a zero after every addition; one that failed stays failed. */
#include "api/sql_text.h"

#include "base/alloc.h"

#include <string.h>

/* The savepoint of vl_whole_begin. */
#define WHOLE_NAME "velo_whole"

/* Have room for more bytes and a zero. */
static char *
sql_text_reserve(vl_sql_text *text, size_t more)
{
    size_t capacity = text->capacity < 128 ? 128 : text->capacity;
    char *data;

    if (text->has_failed)
        return NULL;
    while (capacity - text->size < more + 1)
        capacity *= 2;
    if (capacity != text->capacity) {
        data = vl_realloc(text->ctx, text->data, capacity);
        if (data == NULL) {
            text->has_failed = 1;
            return NULL;
        }
        text->data = data;
        text->capacity = capacity;
    }
    return text->data + text->size;
}

static void
sql_text_add_bytes(vl_sql_text *text, const char *bytes, size_t size)
{
    char *to = sql_text_reserve(text, size);

    if (to == NULL)
        return;
    memcpy(to, bytes, size);
    text->size += size;
    text->data[text->size] = 0;
}

/* With each `quote` inside twice. */
static void
sql_text_add_inside(vl_sql_text *text, const char *value, char quote)
{
    sql_text_add_bytes(text, &quote, 1);
    for (const char *end; (end = strchr(value, quote)) != NULL; value = end + 1) {
        sql_text_add_bytes(text, value, (size_t)(end - value) + 1);
        sql_text_add_bytes(text, &quote, 1);
    }
    sql_text_add_bytes(text, value, strlen(value));
    sql_text_add_bytes(text, &quote, 1);
}

void
vl_sql_text_add(vl_sql_text *text, const char *more)
{
    sql_text_add_bytes(text, more, strlen(more));
}

void
vl_sql_text_add_name(vl_sql_text *text, const char *name)
{
    sql_text_add_inside(text, name, '"');
}

void
vl_sql_text_add_quoted(vl_sql_text *text, const char *value)
{
    sql_text_add_inside(text, value, '\'');
}

void
vl_sql_text_free(vl_sql_text *text)
{
    vl_free(text->data);
    text->data = NULL;
    text->size = text->capacity = 0;
}

velo_status
vl_sql_text_end(const vl_sql_text *text)
{
    if (!text->has_failed && text->data != NULL)
        return VELO_OK;
    return vl_fail(text->ctx, VELO_NOMEM, "cannot allocate a statement");
}

velo_status
vl_sql_text_prepare(velo_connection *connection, const vl_sql_text *text,
                    velo_statement **statement)
{
    velo_status st = vl_sql_text_end(text);

    *statement = NULL;
    if (st != VELO_OK)
        return vl_connection_end_call(connection, st);
    return velo_prepare(connection, text->data, (int64_t)text->size, statement, NULL);
}

velo_status
vl_sql_text_run(velo_connection *connection, const vl_sql_text *text)
{
    velo_statement *statement;
    velo_status st = vl_sql_text_prepare(connection, text, &statement);

    if (st != VELO_OK)
        return st;
    do
        st = velo_step(statement);
    while (st == VELO_ROW);
    return vl_finalize_with(connection, statement, st == VELO_DONE ? VELO_OK : st);
}

velo_status
vl_bind_borrowed(velo_statement *statement, int index, const vl_value *value)
{
    switch (value->type) {
    case VL_TYPE_INTEGER:
        return velo_bind_int64(statement, index, value->as.integer);
    case VL_TYPE_REAL:
        return velo_bind_double(statement, index, value->as.real);
    case VL_TYPE_TEXT:
        return velo_bind_text(statement, index, value->size == 0 ? "" : value->as.data, value->size,
                              VELO_BORROW);
    case VL_TYPE_BLOB:
        return velo_bind_blob(statement, index, value->size == 0 ? "" : value->as.data, value->size,
                              VELO_BORROW);
    case VL_TYPE_NULL:
        break;
    }
    return velo_bind_null(statement, index);
}

velo_status
vl_run_bound(velo_statement *statement)
{
    velo_connection *connection = statement->connection;
    velo_status st = velo_step(statement);
    vl_error error = connection->ctx.error;

    if (st == VELO_ROW || st == VELO_DONE)
        return velo_reset(statement);
    (void)velo_reset(statement);
    connection->ctx.error = error;
    return vl_connection_end_call(connection, st);
}

velo_status
vl_run_rows(velo_statement *statement, const vl_value *values, uint32_t rows, int *is_taken)
{
    velo_connection *connection = statement->connection;
    velo_status st;
    vl_error error;

    statement->many = values;
    statement->many_count = rows;
    st = velo_step(statement);
    error = connection->ctx.error;
    *is_taken = statement->exec == NULL || vl_exec_takes_rows(statement->exec);
    (void)velo_reset(statement); /* repeats the step's error */
    statement->many = NULL;
    if (st == VELO_DONE || !*is_taken)
        return VELO_OK;
    connection->ctx.error = error;
    return vl_connection_end_call(connection, st);
}

velo_status
vl_finalize_with(velo_connection *connection, velo_statement *statement, velo_status st)
{
    vl_error error = connection->ctx.error;
    velo_status end = velo_finalize(statement);

    if (st == VELO_OK)
        return end;
    connection->ctx.error = error;
    return vl_connection_end_call(connection, st);
}

velo_status
vl_whole_begin(velo_connection *connection)
{
    return velo_exec(connection, "SAVEPOINT " WHOLE_NAME, NULL, NULL);
}

velo_status
vl_whole_undo(velo_connection *connection)
{
    return velo_exec(connection, "ROLLBACK TO " WHOLE_NAME, NULL, NULL);
}

velo_status
vl_whole_end(velo_connection *connection, velo_status st)
{
    vl_error error;

    if (st == VELO_OK) {
        st = velo_exec(connection, "RELEASE " WHOLE_NAME, NULL, NULL);
        if (st == VELO_OK)
            return VELO_OK;
    }
    error = connection->ctx.error;
    if (velo_in_transaction(connection) && /* else the error has ended it */
        velo_exec(connection, "ROLLBACK TO " WHOLE_NAME "; RELEASE " WHOLE_NAME, NULL, NULL) !=
            VELO_OK &&
        velo_exec(connection, "ROLLBACK", NULL, NULL) != VELO_OK) { /* no memory for a statement */
        vl_session_enter_call(connection->session);
        vl_connection_roll_back(&connection->ctx, connection);
        vl_session_leave_call(connection->session);
    }
    connection->ctx.error = error;
    return vl_connection_end_call(connection, st);
}

const char *
vl_rowid_name(const vl_table_def *table)
{
    static const char *const names[] = {"rowid", "_rowid_", "oid"};

    if (table->is_without_rowid)
        return NULL;
    if (table->rowid_column >= 0)
        return table->columns[table->rowid_column].name;
    for (size_t i = 0; i < VL_ARRAY_COUNT(names); i++)
        if (vl_table_def_column(table, names[i], strlen(names[i])) < 0)
            return names[i];
    return NULL;
}
