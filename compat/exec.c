/* exec.c - sqlite3_exec and sqlite3_get_table. */
#include "compat_int.h"

#include <string.h>

/* Hand a row, or with is_row 0 the names only, to the callback. */
static int
exec_tell(sqlite3_stmt *stmt, int is_row, sqlite3_callback row, void *arg, char **texts)
{
    int columns = sqlite3_column_count(stmt);
    size_t count = (size_t)columns;
    union {
        const char *given;
        const unsigned char *bytes;
        char *text;
    } pointer;

    for (int i = 0; i < columns; i++) {
        pointer.given = sqlite3_column_name(stmt, i);
        texts[count + (size_t)i] = pointer.text;
        pointer.bytes = is_row ? sqlite3_column_text(stmt, i) : NULL;
        texts[i] = pointer.text;
        if (is_row && texts[i] == NULL && sqlite3_column_type(stmt, i) != SQLITE_NULL)
            return SQLITE_NOMEM;
    }
    texts[2 * count] = NULL;
    return row(arg, columns, texts, texts + count) == 0 ? SQLITE_OK : SQLITE_ABORT;
}

static int
exec_statement(sqlite3 *db, sqlite3_stmt *stmt, sqlite3_callback row, void *arg)
{
    size_t count = (size_t)sqlite3_column_count(stmt);
    char **texts = NULL;
    int told = SQLITE_OK;
    int code;

    if (row != NULL) {
        texts = sqlite3_malloc64((2 * count + 1) * sizeof *texts);
        if (texts == NULL) {
            (void)sqlite3_finalize(stmt);
            return compat_fail(db, SQLITE_NOMEM, "out of memory");
        }
    }
    do {
        code = sqlite3_step(stmt);
        if (code == SQLITE_ROW && row != NULL)
            told = exec_tell(stmt, 1, row, arg, texts);
    } while (code == SQLITE_ROW && told == SQLITE_OK);
    sqlite3_free(texts);
    code = sqlite3_finalize(stmt);
    if (told != SQLITE_OK)
        return compat_fail(db, told, "%s", sqlite3_errstr(told));
    return code;
}

int
sqlite3_exec(sqlite3 *db, const char *sql, sqlite3_callback row, void *arg, char **message)
{
    int code = SQLITE_OK;

    if (message != NULL)
        *message = NULL;
    if (!compat_enter(db))
        return compat_misuse();
    if (sql == NULL)
        sql = "";
    while (code == SQLITE_OK && *sql != 0) {
        sqlite3_stmt *stmt = NULL;

        code = sqlite3_prepare_v2(db, sql, -1, &stmt, &sql);
        if (stmt != NULL)
            code = exec_statement(db, stmt, row, arg);
    }
    if (code != SQLITE_OK && message != NULL)
        *message = compat_copy(sqlite3_errmsg(db));
    compat_unlock(db);
    return code;
}

/* ---- get_table ---- */

/* What is collected: cells[0] is for the count of cells, then come the names, then the rows. */
typedef struct exec_table {
    char **cells;
    size_t used;
    size_t capacity;
    int rows;
    int columns;
    int code;
    const char *message;
} exec_table;

static int
exec_table_add(exec_table *table, const char *text)
{
    if (table->used == table->capacity) {
        size_t capacity = table->capacity * 2 + 16;
        char **cells = sqlite3_realloc64(table->cells, capacity * sizeof *cells);

        if (cells == NULL) {
            table->code = SQLITE_NOMEM;
            return 1;
        }
        table->cells = cells;
        table->capacity = capacity;
    }
    table->cells[table->used] = NULL;
    if (text != NULL) {
        table->cells[table->used] = compat_copy(text);
        if (table->cells[table->used] == NULL) {
            table->code = SQLITE_NOMEM;
            return 1;
        }
    }
    table->used++;
    return 0;
}

static int
exec_table_row(void *arg, int count, char **values, char **names)
{
    exec_table *table = arg;

    if (table->rows == 0) {
        table->columns = count;
        for (int i = 0; i < count; i++)
            if (exec_table_add(table, names[i]))
                return 1;
    } else if (table->columns != count) {
        table->code = SQLITE_ERROR;
        table->message = "sqlite3_get_table() called with two or more incompatible queries";
        return 1;
    }
    for (int i = 0; i < count; i++)
        if (exec_table_add(table, values[i]))
            return 1;
    table->rows++;
    return 0;
}

/* The first cell, which sqlite3_free_table needs, tells how many there are. */
static void
exec_table_seal(exec_table *table)
{
    memcpy(&table->cells[0], &table->used, sizeof table->used);
}

_Static_assert(sizeof(size_t) == sizeof(char *), "a count takes the place of a pointer");

int
sqlite3_get_table(sqlite3 *db, const char *sql, char ***result, int *rows, int *columns,
                  char **message)
{
    exec_table table;
    int code;

    if (result == NULL || db == NULL)
        return compat_misuse();
    *result = NULL;
    if (rows != NULL)
        *rows = 0;
    if (columns != NULL)
        *columns = 0;
    memset(&table, 0, sizeof table);
    if (exec_table_add(&table, NULL)) {
        sqlite3_free(table.cells);
        return SQLITE_NOMEM;
    }
    code = sqlite3_exec(db, sql, exec_table_row, &table, message);
    exec_table_seal(&table);
    if (code != SQLITE_OK) {
        sqlite3_free_table(&table.cells[1]);
        if (table.code != SQLITE_OK && message != NULL) {
            sqlite3_free(*message);
            *message =
                compat_copy(table.message != NULL ? table.message : sqlite3_errstr(table.code));
        }
        return table.code != SQLITE_OK ? table.code : code;
    }
    *result = &table.cells[1];
    if (rows != NULL)
        *rows = table.rows;
    if (columns != NULL)
        *columns = table.columns;
    return SQLITE_OK;
}

void
sqlite3_free_table(char **result)
{
    size_t count;

    if (result == NULL)
        return;
    result--;
    memcpy(&count, &result[0], sizeof count);
    for (size_t i = 1; i < count; i++)
        sqlite3_free(result[i]);
    sqlite3_free(result);
}
