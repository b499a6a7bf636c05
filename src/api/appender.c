/* appender.c - many rows into one table: by value or by columns, inserted in groups.
 *
 * Rows gather in a buffer. A flush runs an INSERT of one row once for all of them, where nothing is
 * fired by rows (vl_run_rows); else one of a group of rows, whose parameters are set at once, and
 * for what is left of a group that of one row. So all that an INSERT keeps is kept, and what a
 * statement costs is paid once for many. If rows fail the flush is undone, and its rows are
 * inserted one by one to find the row that is to blame.
 *
 * Invariants
 *   AP1  A flush inserts all rows of the buffer or none; the buffer is empty afterwards.
 *   AP2  values has row_count whole rows and `filled` values of another one; their bytes are in the
 *        arena, or borrowed within velo_append_columns, which flushes before it returns. */
#include "api/sql_text.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

/* Rows and values of the buffer, and bytes of its texts, from which it is flushed. */
#define APPENDER_ROWS   8192U
#define APPENDER_VALUES 65536U
#define APPENDER_BYTES  ((size_t)4 << 20)

/* Memory for short texts that is taken at a time. */
#define APPENDER_ROOM ((size_t)16 << 10)

/* Fewer rows are inserted one by one, so that a message names the one that is to blame. */
#define APPENDER_AT_ONCE 32U

/* Rows and parameters of the statement of many rows, at most. */
#define APPENDER_GROUP      128U
#define APPENDER_PARAMETERS 4096U

struct velo_appender {
    velo_connection *connection;
    velo_statement *single;   /* inserts one row */
    velo_statement *many;     /* inserts `group` rows; NULL: it has not been needed */
    vl_sql_text many_sql;     /* its text */
    uint32_t group;           /* see many */
    uint32_t columns;         /* of a row */
    vl_value *values;         /* room for row_room rows; owned */
    uint32_t row_room;        /* rows of the buffer */
    int takes_rows;           /* `single` is run for all rows at once */
    uint32_t row_count;       /* see AP2 */
    uint32_t filled;          /* see AP2 */
    int64_t flushed;          /* rows before those in the buffer */
    vl_arena arena;           /* see AP2 */
    uint8_t *room;            /* in the arena, for short texts: room_size bytes */
    size_t room_size;         /* see room */
    velo_append_fails *fails; /* see velo_appender_pass_over; or NULL */
    void *fails_user;         /* its argument */
};

static velo_status
appender_fail(velo_appender *appender, velo_status st, const char *text)
{
    vl_ctx *ctx = vl_connection_begin_call(appender->connection);

    return vl_connection_end_call(appender->connection, vl_fail(ctx, st, "%s", text));
}

/* ---- flushing ---- */

/* Run a statement with the parameters of rows from `first` on. */
static velo_status
appender_insert(velo_appender *appender, velo_statement *statement, uint32_t first, uint32_t rows)
{
    if (statement->param_count != rows * appender->columns)
        return appender_fail(appender, VELO_INTERNAL, "the INSERT has other parameters");
    memcpy(statement->params, appender->values + (size_t)first * appender->columns,
           (size_t)rows * appender->columns * sizeof *statement->params);
    return vl_run_bound(statement);
}

/* A row cannot be inserted: ask whether it is left out; if not, say which one it was. */
static velo_status
appender_fail_row(velo_appender *appender, uint32_t row, velo_status st)
{
    vl_ctx *ctx = &appender->connection->ctx;
    vl_error error = ctx->error;
    const char *text = error.text[0] != 0 ? error.text : velo_status_text(st);
    int64_t number = appender->flushed + row + 1;

    if (appender->fails != NULL && velo_in_transaction(appender->connection) &&
        appender->fails(appender->fails_user, number, st, text) == 0)
        return VELO_OK;
    return vl_connection_end_call(appender->connection,
                                  vl_fail(ctx, st, "row %lld: %s", (long long)number, text));
}

/* Insert rows one by one, up to the first failure that is not passed over. */
static velo_status
appender_insert_singly(velo_appender *appender, uint32_t first, uint32_t end)
{
    for (uint32_t row = first; row < end; row++) {
        velo_status st = appender_insert(appender, appender->single, row, 1);

        if (st != VELO_OK)
            VL_TRY(appender_fail_row(appender, row, st));
    }
    return VELO_OK;
}

/* `count` rows from `first` on have failed: insert all of the buffer one by one. What the flush has
 * done is undone before, since ON CONFLICT FAIL leaves rows of the group. A savepoint for each
 * group would keep the groups before it, but has its price where nothing fails. */
static velo_status
appender_retry_singly(velo_appender *appender, uint32_t first, uint32_t count, velo_status st)
{
    velo_connection *connection = appender->connection;

    if (!velo_in_transaction(connection)) { /* ON CONFLICT ROLLBACK: nothing is there to go on in */
        vl_error error = connection->ctx.error;

        return vl_connection_end_call(
            connection, vl_fail(&connection->ctx, st, "rows %lld to %lld: %s",
                                (long long)appender->flushed + first + 1,
                                (long long)appender->flushed + first + count,
                                error.text[0] != 0 ? error.text : velo_status_text(st)));
    }
    VL_TRY(vl_whole_undo(connection));
    return appender_insert_singly(appender, 0, appender->row_count);
}

/* Insert all rows by one run of `single`. *is_taken 0: that cannot be done, and nothing was. */
static velo_status
appender_insert_at_once(velo_appender *appender, int *is_taken)
{
    velo_status st;

    *is_taken = appender->takes_rows && appender->row_count >= APPENDER_AT_ONCE &&
                appender->single->param_count == appender->columns;
    if (!*is_taken)
        return VELO_OK;
    st = vl_run_rows(appender->single, appender->values, appender->row_count, is_taken);
    appender->takes_rows = *is_taken;
    return st == VELO_OK ? st : appender_retry_singly(appender, 0, appender->row_count, st);
}

static velo_status
appender_insert_all(velo_appender *appender)
{
    uint32_t row = 0;
    int is_taken;

    VL_TRY(appender_insert_at_once(appender, &is_taken));
    if (is_taken)
        return VELO_OK;
    if (appender->many == NULL && appender->group >= 2 && appender->row_count >= appender->group)
        VL_TRY(vl_sql_text_prepare(appender->connection, &appender->many_sql, &appender->many));
    while (appender->many != NULL && row + appender->group <= appender->row_count) {
        velo_status st = appender_insert(appender, appender->many, row, appender->group);

        if (st != VELO_OK)
            return appender_retry_singly(appender, row, appender->group, st);
        row += appender->group;
    }
    return appender_insert_singly(appender, row, appender->row_count);
}

/* Insert what is in the buffer. keeps AP1 */
static velo_status
appender_flush(velo_appender *appender)
{
    velo_status st = VELO_OK;

    if (appender->row_count > 0) {
        st = vl_whole_begin(appender->connection);
        if (st == VELO_OK)
            st = vl_whole_end(appender->connection, appender_insert_all(appender));
    }
    /* A row that was begun goes on as the first of the buffer. keeps AP2 */
    memmove(appender->values, appender->values + (size_t)appender->row_count * appender->columns,
            appender->filled * sizeof *appender->values);
    appender->flushed += appender->row_count;
    appender->row_count = 0;
    if (appender->filled == 0) {
        vl_arena_reset(&appender->arena);
        appender->room = NULL;
        appender->room_size = 0;
    }
    return st;
}

/* ---- beginning ---- */

/* Write one INSERT of `rows` rows. names: NULL-terminated, or NULL: no list of columns. */
static void
appender_write_sql(vl_sql_text *sql, const char *database, const char *table,
                   const char *const *names, uint32_t columns, uint32_t rows)
{
    vl_sql_text_add(sql, "INSERT INTO ");
    if (database != NULL) {
        vl_sql_text_add_name(sql, database);
        vl_sql_text_add(sql, ".");
    }
    vl_sql_text_add_name(sql, table);
    for (uint32_t i = 0; names != NULL && i < columns; i++) {
        vl_sql_text_add(sql, i == 0 ? "(" : ", ");
        vl_sql_text_add_name(sql, names[i]);
    }
    vl_sql_text_add(sql, names != NULL ? ") VALUES " : " VALUES ");
    for (uint32_t row = 0; row < rows; row++) {
        vl_sql_text_add(sql, row == 0 ? "(?" : ", (?");
        for (uint32_t i = 1; i < columns; i++)
            vl_sql_text_add(sql, ",?");
        vl_sql_text_add(sql, ")");
    }
}

static velo_status
appender_prepare_single(velo_appender *appender, const char *database, const char *table,
                        const char *const *names)
{
    vl_sql_text sql = {.ctx = &appender->connection->ctx};
    velo_status st;

    appender_write_sql(&sql, database, table, names, appender->columns, 1);
    st = vl_sql_text_prepare(appender->connection, &sql, &appender->single);
    vl_sql_text_free(&sql);
    return st;
}

/* How many columns a row has that names none: those that are not computed. */
static velo_status
appender_count_columns(velo_connection *connection, const char *database, const char *table,
                       uint32_t *count)
{
    vl_sql_text sql = {.ctx = &connection->ctx};
    velo_statement *statement;
    velo_status st;

    vl_sql_text_add(&sql, "SELECT count(*) FROM pragma_table_xinfo(");
    vl_sql_text_add_quoted(&sql, table);
    if (database != NULL) {
        vl_sql_text_add(&sql, ", ");
        vl_sql_text_add_quoted(&sql, database);
    }
    vl_sql_text_add(&sql, ") WHERE hidden = 0");
    st = vl_sql_text_prepare(connection, &sql, &statement);
    vl_sql_text_free(&sql);
    if (st != VELO_OK)
        return st;
    st = velo_step(statement);
    if (st == VELO_ROW) {
        *count = (uint32_t)velo_column_int64(statement, 0);
        st = VELO_OK;
    }
    return vl_finalize_with(connection, statement, st);
}

/* Make the buffer and the statements. */
static velo_status
appender_start(velo_appender *appender, const char *database, const char *table,
               const char *const *names)
{
    vl_ctx *ctx = &appender->connection->ctx;

    if (names != NULL)
        while (names[appender->columns] != NULL)
            appender->columns++;
    else
        VL_TRY(appender_count_columns(appender->connection, database, table, &appender->columns));
    if (appender->columns == 0) {
        char text[200];

        (void)snprintf(text, sizeof text, "no such table: %.150s", table);
        return appender_fail(appender, VELO_ERROR, text);
    }
    appender->row_room = APPENDER_VALUES / appender->columns;
    if (appender->row_room > APPENDER_ROWS)
        appender->row_room = APPENDER_ROWS;
    if (appender->row_room < 2)
        appender->row_room = 2;
    appender->values = vl_alloc_array(ctx, (size_t)appender->row_room * appender->columns,
                                      sizeof *appender->values);
    if (appender->values == NULL)
        return appender_fail(appender, VELO_NOMEM, "cannot allocate a buffer of rows");
    VL_TRY(appender_prepare_single(appender, database, table, names));
    appender->takes_rows = 1;
    appender->group = APPENDER_PARAMETERS / appender->columns;
    if (appender->group > APPENDER_GROUP)
        appender->group = APPENDER_GROUP;
    appender->many_sql.ctx = ctx;
    if (appender->group >= 2)
        appender_write_sql(&appender->many_sql, database, table, names, appender->columns,
                           appender->group);
    return VELO_OK;
}

static void
appender_destroy(velo_appender *appender)
{
    (void)velo_finalize(appender->single);
    (void)velo_finalize(appender->many);
    vl_sql_text_free(&appender->many_sql);
    vl_arena_deinit(&appender->arena);
    vl_free(appender->values);
    vl_free(appender);
}

velo_status
velo_appender_begin(velo_connection *connection, const char *database, const char *table,
                    const char *const *columns, velo_appender **out)
{
    velo_appender *appender;
    vl_ctx *ctx;
    velo_status st;

    if (out == NULL)
        return VELO_MISUSE;
    *out = NULL;
    if (connection == NULL || connection->engine == NULL || table == NULL)
        return VELO_MISUSE;
    ctx = vl_connection_begin_call(connection);
    appender = vl_alloc_zero(ctx, sizeof *appender);
    if (appender == NULL)
        return vl_connection_end_call(connection,
                                      vl_fail(ctx, VELO_NOMEM, "cannot allocate an appender"));
    appender->connection = connection;
    vl_arena_init(&appender->arena, ctx->allocator, 0);
    st = appender_start(appender, database, table, columns);
    if (st != VELO_OK) {
        vl_error error = ctx->error;

        appender_destroy(appender);
        ctx->error = error;
        return vl_connection_end_call(connection, st);
    }
    *out = appender;
    return VELO_OK;
}

/* ---- values ---- */

static velo_status
appender_add(velo_appender *appender, const vl_value *value)
{
    if (appender == NULL)
        return VELO_MISUSE;
    if (appender->filled == appender->columns)
        return appender_fail(appender, VELO_MISUSE, "the row has all of its values already");
    appender->values[(size_t)appender->row_count * appender->columns + appender->filled] = *value;
    appender->filled++;
    return VELO_OK;
}

/* Copy the bytes of a text or blob; short ones one behind the other, since they are many. NULL: no
 * memory. */
static const void *
appender_copy(velo_appender *appender, const void *data, size_t size)
{
    void *copy;

    if (size > APPENDER_ROOM / 8)
        return vl_arena_copy(&appender->arena, data, size);
    if (size > appender->room_size ||
        appender->room == NULL) { /* the empty one needs a place too */
        appender->room_size = 0;
        appender->room = vl_arena_alloc(&appender->arena, APPENDER_ROOM);
        if (appender->room == NULL)
            return NULL;
        appender->room_size = APPENDER_ROOM;
    }
    copy = appender->room;
    if (size > 0)
        memcpy(copy, data, size);
    appender->room += size;
    appender->room_size -= size;
    return copy;
}

static velo_status
appender_add_bytes(velo_appender *appender, vl_type type, const void *data, int64_t size)
{
    vl_value value = {.type = type};

    if (appender == NULL)
        return VELO_MISUSE;
    if (data == NULL)
        return velo_append_null(appender);
    if (size > (int64_t)VL_VALUE_SIZE_MAX)
        return appender_fail(appender, VELO_TOOBIG, "string or blob too big");
    value.size = (uint32_t)size;
    value.as.data = appender_copy(appender, data, (size_t)size);
    if (value.as.data == NULL)
        return appender_fail(appender, VELO_NOMEM, "cannot allocate a value");
    return appender_add(appender, &value);
}

velo_status
velo_append_null(velo_appender *appender)
{
    vl_value value = vl_value_of_name(NULL);

    return appender_add(appender, &value);
}

velo_status
velo_append_int64(velo_appender *appender, int64_t integer)
{
    vl_value value = {.type = VL_TYPE_INTEGER, .as.integer = integer};

    return appender_add(appender, &value);
}

velo_status
velo_append_double(velo_appender *appender, double real)
{
    vl_value value = {.type = VL_TYPE_REAL, .as.real = real};

    return real != real ? velo_append_null(appender) : appender_add(appender, &value);
}

velo_status
velo_append_text(velo_appender *appender, const char *text, int64_t size)
{
    return appender_add_bytes(appender, VL_TYPE_TEXT, text,
                              text != NULL && size < 0 ? (int64_t)strlen(text) : size);
}

velo_status
velo_append_blob(velo_appender *appender, const void *data, int64_t size)
{
    return size < 0 ? VELO_MISUSE : appender_add_bytes(appender, VL_TYPE_BLOB, data, size);
}

velo_status
velo_append_row(velo_appender *appender)
{
    if (appender == NULL)
        return VELO_MISUSE;
    if (appender->filled != appender->columns) {
        char text[100];

        (void)snprintf(text, sizeof text, "row %lld has %u values, not %u",
                       (long long)appender->flushed + appender->row_count + 1,
                       (unsigned)appender->filled, (unsigned)appender->columns);
        appender->filled = 0; /* the row is dropped */
        return appender_fail(appender, VELO_MISUSE, text);
    }
    appender->filled = 0;
    appender->row_count++;
    if (appender->row_count < appender->row_room && appender->arena.held_bytes < APPENDER_BYTES)
        return VELO_OK;
    return appender_flush(appender);
}

/* ---- columns ---- */

/* The value of a column in a row; its bytes are borrowed. Returns 0 when it is none. */
static int
appender_take(const velo_array *array, int64_t row, vl_value *value)
{
    const uint8_t *bytes = array->values;

    *value = vl_value_of_name(NULL);
    if (array->type == VELO_NULL ||
        (array->valid != NULL && (array->valid[row / 8] >> (row % 8) & 1) == 0))
        return 1;
    switch (array->type) {
    case VELO_INTEGER:
        *value = (vl_value){.type = VL_TYPE_INTEGER,
                            .as.integer = ((const int64_t *)array->values)[row]};
        return 1;
    case VELO_REAL: {
        double real = ((const double *)array->values)[row];

        if (real == real)
            *value = (vl_value){.type = VL_TYPE_REAL, .as.real = real};
        return 1;
    }
    case VELO_TEXT:
    case VELO_BLOB: {
        int64_t begin = array->offsets[row];
        int64_t size = array->offsets[row + 1] - begin;

        if (begin < 0 || size < 0 || size > (int64_t)VL_VALUE_SIZE_MAX ||
            (size > 0 && bytes == NULL))
            return 0;
        *value = (vl_value){.type = array->type == VELO_TEXT ? VL_TYPE_TEXT : VL_TYPE_BLOB,
                            .size = (uint32_t)size,
                            .as.data = size == 0 ? (const void *)"" : bytes + begin};
        return 1;
    }
    case VELO_NULL:
        break;
    }
    return 0;
}

static velo_status
appender_check_arrays(velo_appender *appender, const velo_array *arrays, int count, int64_t rows)
{
    if (count < 0 || (uint32_t)count != appender->columns || rows < 0 || arrays == NULL)
        return appender_fail(appender, VELO_MISUSE, "the number of columns is another one");
    if (appender->filled > 0)
        return appender_fail(appender, VELO_MISUSE, "a row has been begun and not ended");
    for (int i = 0; i < count; i++) {
        const velo_array *array = &arrays[i];
        int is_bytes = array->type == VELO_TEXT || array->type == VELO_BLOB;

        if (array->type < VELO_INTEGER || array->type > VELO_NULL ||
            (rows > 0 && array->values == NULL && array->type != VELO_NULL && !is_bytes) ||
            (rows > 0 && is_bytes && array->offsets == NULL))
            return appender_fail(appender, VELO_MISUSE, "a column has no values");
    }
    return VELO_OK;
}

velo_status
velo_append_columns(velo_appender *appender, const velo_array *arrays, int count, int64_t rows)
{
    if (appender == NULL)
        return VELO_MISUSE;
    VL_TRY(appender_check_arrays(appender, arrays, count, rows));
    VL_TRY(appender_flush(appender)); /* a failure here must not drop what gathered before */
    for (int64_t row = 0; row < rows; row++) {
        vl_value *values = appender->values + (size_t)appender->row_count * appender->columns;

        for (uint32_t i = 0; i < appender->columns; i++) {
            char text[100];

            if (appender_take(&arrays[i], row, &values[i]))
                continue;
            (void)snprintf(text, sizeof text, "row %lld, column %u: bad offsets",
                           (long long)appender->flushed + appender->row_count + 1, (unsigned)i + 1);
            appender->flushed += appender->row_count; /* they count, as after a failed flush */
            appender->row_count = 0; /* borrowed bytes do not outlive the call; keeps AP2 */
            return appender_fail(appender, VELO_MISUSE, text);
        }
        if (++appender->row_count == appender->row_room)
            VL_TRY(appender_flush(appender));
    }
    return appender_flush(appender);
}

/* ---- ends ---- */

void
velo_appender_pass_over(velo_appender *appender, velo_append_fails *fails, void *user)
{
    if (appender == NULL)
        return;
    appender->fails = fails;
    appender->fails_user = user;
}

velo_status
velo_appender_flush(velo_appender *appender)
{
    return appender == NULL ? VELO_MISUSE : appender_flush(appender);
}

velo_status
velo_appender_end(velo_appender *appender)
{
    velo_connection *connection;
    vl_error error;
    velo_status st;

    if (appender == NULL)
        return VELO_OK;
    connection = appender->connection;
    st = appender_flush(appender);
    error = connection->ctx.error;
    appender_destroy(appender);
    connection->ctx.error = error;
    return vl_connection_end_call(connection, st);
}
