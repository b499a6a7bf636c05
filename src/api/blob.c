/* blob.c - reading and writing parts of a value.
 *
 * Invariants
 *   BL1  data has the value's bytes as they were when the handle last looked; before each use it
 *        looks again if anything of the connection has changed rows since, and is expired when they
 *        differ, or when the connection has another database now.
 *   BL2  A write is an UPDATE of the whole value, which counts no changes and is told to no hook.
 */
#include "api/api_int.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

struct velo_blob {
    velo_connection *connection;
    velo_statement *select; /* finds the value of a rowid */
    velo_statement *update; /* NULL: for reading only */
    int64_t rowid;
    int64_t seen_changes; /* connection->tally.total_changes when it was looked at */
    uint64_t swap_count;  /* connection->swap_count when it was opened */
    velo_type type;       /* VELO_TEXT or VELO_BLOB */
    int is_expired;       /* the row has changed, or reopening failed */
    char *data;
    int64_t size;
};

/* What is put aside while a statement of the handle runs. keeps BL2 */
typedef struct blob_quiet {
    int64_t changes;
    int64_t total_changes;
    vl_change_hook hook;
    unsigned trace_events;
} blob_quiet;

static blob_quiet
blob_begin_quiet(velo_connection *connection)
{
    blob_quiet quiet = {connection->tally.changes, connection->tally.total_changes,
                        connection->update_hook, connection->trace_events};

    connection->update_hook = (vl_change_hook){NULL, NULL, NULL, NULL};
    connection->trace_events = 0;
    return quiet;
}

static void
blob_end_quiet(velo_connection *connection, const blob_quiet *quiet)
{
    connection->tally.changes = quiet->changes;
    connection->tally.total_changes = quiet->total_changes;
    connection->update_hook = quiet->hook;
    connection->trace_events = quiet->trace_events;
}

/* End the run of a statement that came to `st`, whose error is kept. */
static velo_status
blob_reset(velo_connection *connection, velo_statement *statement, velo_status st)
{
    vl_error error = connection->ctx.error;

    if (st == VELO_OK)
        return velo_reset(statement);
    (void)velo_reset(statement);
    connection->ctx.error = error;
    connection->code = st;
    return st;
}

/* Fail a call of the handle with words of ours. */
static velo_status
blob_fail(velo_connection *connection, velo_status st, const char *text)
{
    vl_ctx *ctx = vl_connection_begin_call(connection);

    return vl_connection_end_call(connection, vl_fail(ctx, st, "%s", text));
}

/* ---- looking at the value ---- */

/* Take the value of the row at hand. */
static velo_status
blob_take(velo_blob *blob)
{
    velo_type type = velo_column_type(blob->select, 0);
    const char *bytes;
    char text[80];
    int64_t size;
    char *data;

    if (type != VELO_TEXT && type != VELO_BLOB) {
        (void)snprintf(text, sizeof text, "cannot open value of type %s",
                       type == VELO_NULL      ? "null"
                       : type == VELO_INTEGER ? "integer"
                                              : "real");
        return blob_fail(blob->connection, VELO_ERROR, text);
    }
    bytes =
        velo_column_text(blob->select, 0); /* those of a blob too; not NULL when there are none */
    size = velo_column_bytes(blob->select, 0);
    data = vl_alloc(&blob->connection->ctx, (size_t)size + 1);
    if (data == NULL || bytes == NULL) {
        vl_free(data);
        return blob_fail(blob->connection, VELO_NOMEM, "cannot allocate a value");
    }
    if (size > 0)
        memcpy(data, bytes, (size_t)size);
    vl_free(blob->data);
    blob->data = data;
    blob->size = size;
    blob->type = type;
    return VELO_OK;
}

/* Look at a row's value. */
static velo_status
blob_look(velo_blob *blob, int64_t rowid)
{
    velo_connection *connection = blob->connection;
    blob_quiet quiet = blob_begin_quiet(connection);
    char text[60];
    velo_status st;

    st = velo_bind_int64(blob->select, 1, rowid);
    if (st == VELO_OK)
        st = velo_step(blob->select);
    if (st == VELO_DONE) {
        (void)snprintf(text, sizeof text, "no such rowid: %lld", (long long)rowid);
        st = blob_fail(connection, VELO_ERROR, text);
    } else if (st == VELO_ROW) {
        st = blob_take(blob);
    }
    st = blob_reset(connection, blob->select, st);
    blob_end_quiet(connection, &quiet);
    blob->rowid = rowid;
    blob->seen_changes = connection->tally.total_changes;
    return st;
}

/* A handle of a database that the connection has no more is expired: a row of the same number in
 * the one that took its place is another row, whatever its bytes. keeps BL1 */
static void
blob_notice_swap(velo_blob *blob)
{
    if (blob->swap_count != blob->connection->swap_count)
        blob->is_expired = 1;
}

/* Whether the value is still what it was; keeps BL1. */
static velo_status
blob_check(velo_blob *blob)
{
    char *before = blob->data;
    int64_t size = blob->size;
    velo_type type = blob->type;
    velo_status st;

    blob_notice_swap(blob);
    if (!blob->is_expired && blob->seen_changes != blob->connection->tally.total_changes) {
        blob->data = NULL;
        st = blob_look(blob, blob->rowid);
        blob->is_expired = st != VELO_OK || blob->data == NULL || size != blob->size ||
                           type != blob->type || memcmp(before, blob->data, (size_t)size) != 0;
        vl_free(before);
    }
    if (blob->is_expired || blob->data == NULL) {
        (void)blob_fail(blob->connection, VELO_ABORT, "query aborted");
        return VELO_ABORT;
    }
    return VELO_OK;
}

/* ---- opening ---- */

/* Append a text that has no zero byte within. */
static size_t
blob_put(char *to, size_t at, const char *text)
{
    size_t size = strlen(text);

    memcpy(to + at, text, size + 1);
    return at + size;
}

/* Append the table's name, with that of its database if it is known. */
static size_t
blob_put_table(char *to, size_t at, const char *database, const char *table)
{
    if (database != NULL) {
        at += vl_put_name(to + at, database);
        to[at++] = '.';
    }
    return at + vl_put_name(to + at, table);
}

/* Make one of the two statements. */
static velo_status
blob_prepare(velo_connection *connection, int is_update, const char *database, const char *table,
             const char *column, velo_statement **statement)
{
    size_t database_size = database != NULL ? strlen(database) : 0;
    size_t room = 2 * (database_size + strlen(table) + strlen(column)) + 64;
    char *sql = vl_alloc(&connection->ctx, room);
    size_t at;
    velo_status st;

    if (sql == NULL)
        return blob_fail(connection, VELO_NOMEM, "cannot allocate a statement");
    at = blob_put(sql, 0, is_update ? "UPDATE " : "SELECT ");
    at = is_update ? blob_put_table(sql, at, database, table) : at + vl_put_name(sql + at, column);
    at = blob_put(sql, at, is_update ? " SET " : " FROM ");
    at = is_update ? at + vl_put_name(sql + at, column) : blob_put_table(sql, at, database, table);
    (void)blob_put(sql, at, is_update ? " = ?2 WHERE rowid = ?1" : " WHERE rowid = ?1");
    st = velo_prepare(connection, sql, -1, statement, NULL);
    vl_free(sql);
    return st;
}

/* Whether the column is there and can be opened. */
static velo_status
blob_find(velo_connection *connection, const char *database, const char *table, const char *column)
{
    velo_column_info info = {.size = sizeof info};
    char text[300];
    velo_status st = velo_find_column(connection, database, table, NULL, NULL);
    int has_table = st == VELO_OK;

    if (has_table)
        st = velo_find_column(connection, database, table, column, &info);
    if (st == VELO_OK || st == VELO_NOMEM)
        return st;
    if (!has_table)
        (void)snprintf(text, sizeof text, "no such table: %.100s.%.100s",
                       database != NULL ? database : "main", table);
    else
        (void)snprintf(text, sizeof text, "no such column: \"%.100s\"", column);
    return blob_fail(connection, VELO_ERROR, text);
}

velo_status
velo_blob_open(velo_connection *connection, const char *database, const char *table,
               const char *column, int64_t rowid, int is_writing, velo_blob **out)
{
    velo_blob *blob;
    velo_status st;

    if (out == NULL)
        return VELO_MISUSE;
    *out = NULL;
    if (connection == NULL || connection->engine == NULL || table == NULL || column == NULL)
        return VELO_MISUSE;
    VL_TRY(blob_find(connection, database, table, column));
    blob = vl_alloc_zero(&connection->ctx, sizeof *blob);
    if (blob == NULL)
        return blob_fail(connection, VELO_NOMEM, "cannot allocate a blob handle");
    blob->connection = connection;
    blob->swap_count = connection->swap_count;
    st = blob_prepare(connection, 0, database, table, column, &blob->select);
    if (st == VELO_OK && is_writing)
        st = blob_prepare(connection, 1, database, table, column, &blob->update);
    if (st == VELO_OK)
        st = blob_look(blob, rowid);
    if (st != VELO_OK) {
        vl_error error = connection->ctx.error;

        velo_blob_close(blob);
        connection->ctx.error = error;
        connection->code = st;
        return st;
    }
    *out = blob;
    return VELO_OK;
}

velo_status
velo_blob_reopen(velo_blob *blob, int64_t rowid)
{
    velo_status st;

    if (blob == NULL)
        return VELO_MISUSE;
    blob_notice_swap(blob);
    if (blob->is_expired)
        return blob_fail(blob->connection, VELO_ABORT, "query aborted");
    st = blob_look(blob, rowid);
    blob->is_expired = st != VELO_OK;
    if (blob->is_expired)
        blob->size = 0;
    return st;
}

void
velo_blob_close(velo_blob *blob)
{
    if (blob == NULL)
        return;
    (void)velo_finalize(blob->select);
    (void)velo_finalize(blob->update);
    vl_free(blob->data);
    vl_free(blob);
}

/* ---- reading and writing ---- */

int64_t
velo_blob_bytes(const velo_blob *blob)
{
    return blob == NULL || blob->is_expired || blob->swap_count != blob->connection->swap_count
               ? 0
               : blob->size;
}

static int
blob_has(const velo_blob *blob, int64_t size, int64_t offset)
{
    return size >= 0 && offset >= 0 && offset <= blob->size && size <= blob->size - offset;
}

velo_status
velo_blob_read(velo_blob *blob, void *to, int64_t size, int64_t offset)
{
    if (blob == NULL)
        return VELO_MISUSE;
    if (!blob_has(blob, size, offset))
        return blob_fail(blob->connection, VELO_ERROR, "SQL logic error");
    VL_TRY(blob_check(blob));
    if (size > 0)
        memcpy(to, blob->data + offset, (size_t)size);
    (void)vl_connection_begin_call(blob->connection);
    return vl_connection_end_call(blob->connection, VELO_OK);
}

/* Store the handle's bytes. */
static velo_status
blob_store(velo_blob *blob)
{
    velo_connection *connection = blob->connection;
    blob_quiet quiet = blob_begin_quiet(connection);
    velo_status st = velo_bind_int64(blob->update, 1, blob->rowid);

    if (st == VELO_OK)
        st = blob->type == VELO_TEXT
                 ? velo_bind_text(blob->update, 2, blob->data, blob->size, VELO_BORROW)
                 : velo_bind_blob(blob->update, 2, blob->data, blob->size, VELO_BORROW);
    if (st == VELO_OK)
        st = velo_step(blob->update);
    st = blob_reset(connection, blob->update, st == VELO_DONE ? VELO_OK : st);
    blob_end_quiet(connection, &quiet);
    return st;
}

velo_status
velo_blob_write(velo_blob *blob, const void *from, int64_t size, int64_t offset)
{
    velo_status st;
    char *before;

    if (blob == NULL)
        return VELO_MISUSE;
    if (blob->update == NULL)
        return blob_fail(blob->connection, VELO_READONLY, "attempt to write a readonly database");
    if (!blob_has(blob, size, offset))
        return blob_fail(blob->connection, VELO_ERROR, "SQL logic error");
    VL_TRY(blob_check(blob));
    if (size == 0)
        return VELO_OK;
    before = vl_alloc(&blob->connection->ctx, (size_t)size);
    if (before == NULL)
        return blob_fail(blob->connection, VELO_NOMEM, "cannot allocate a value");
    memcpy(before, blob->data + offset, (size_t)size);
    memcpy(blob->data + offset, from, (size_t)size);
    st = blob_store(blob);
    if (st != VELO_OK)
        memcpy(blob->data + offset, before, (size_t)size);
    vl_free(before);
    return st;
}
