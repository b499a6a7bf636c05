/* column.c - the row at hand, and what is known of its columns.
 *
 * Reading a column takes the connection's mutex, so that another thread may step or reset the
 * statement meanwhile. What a pointer leads to belongs to the row, as in SQLite. */
#include "compat_int.h"

#include <string.h>

/* ---- what a column is ---- */

int
sqlite3_column_count(sqlite3_stmt *stmt)
{
    return stmt == NULL ? 0 : velo_column_count(stmt->core);
}

int
sqlite3_data_count(sqlite3_stmt *stmt)
{
    return stmt == NULL || !stmt->has_row ? 0 : velo_column_count(stmt->core);
}

const char *
sqlite3_column_name(sqlite3_stmt *stmt, int column)
{
    return stmt == NULL ? NULL : velo_column_name(stmt->core, column);
}

const char *
sqlite3_column_decltype(sqlite3_stmt *stmt, int column)
{
    return stmt == NULL ? NULL : velo_column_declared_type(stmt->core, column);
}

const char *
sqlite3_column_database_name(sqlite3_stmt *stmt, int column)
{
    return stmt == NULL ? NULL : velo_column_database(stmt->core, column);
}

const char *
sqlite3_column_table_name(sqlite3_stmt *stmt, int column)
{
    return stmt == NULL ? NULL : velo_column_table(stmt->core, column);
}

const char *
sqlite3_column_origin_name(sqlite3_stmt *stmt, int column)
{
    return stmt == NULL ? NULL : velo_column_origin(stmt->core, column);
}

const void *
sqlite3_column_name16(sqlite3_stmt *stmt, int column)
{
    return stmt == NULL ? NULL : compat_name16(stmt, sqlite3_column_name(stmt, column));
}

const void *
sqlite3_column_decltype16(sqlite3_stmt *stmt, int column)
{
    return stmt == NULL ? NULL : compat_name16(stmt, sqlite3_column_decltype(stmt, column));
}

const void *
sqlite3_column_database_name16(sqlite3_stmt *stmt, int column)
{
    return stmt == NULL ? NULL : compat_name16(stmt, sqlite3_column_database_name(stmt, column));
}

const void *
sqlite3_column_table_name16(sqlite3_stmt *stmt, int column)
{
    return stmt == NULL ? NULL : compat_name16(stmt, sqlite3_column_table_name(stmt, column));
}

const void *
sqlite3_column_origin_name16(sqlite3_stmt *stmt, int column)
{
    return stmt == NULL ? NULL : compat_name16(stmt, sqlite3_column_origin_name(stmt, column));
}

/* ---- values ---- */

/* Begin reading a column of the row at hand: whether there is one, and then the mutex is held;
 * notes SQLITE_RANGE when not. */
static int
column_enter(sqlite3_stmt *stmt, int column)
{
    if (stmt == NULL)
        return 0;
    compat_lock(stmt->db);
    if (stmt->has_row && column >= 0 && column < velo_column_count(stmt->core))
        return 1;
    (void)compat_leave_own(stmt->db,
                           compat_fail(stmt->db, SQLITE_RANGE, "%s", sqlite3_errstr(SQLITE_RANGE)));
    return 0;
}

int
sqlite3_column_type(sqlite3_stmt *stmt, int column)
{
    int type;

    if (!column_enter(stmt, column))
        return SQLITE_NULL;
    type = (int)velo_column_type(stmt->core, column);
    compat_unlock(stmt->db);
    return type;
}

sqlite3_int64
sqlite3_column_int64(sqlite3_stmt *stmt, int column)
{
    sqlite3_int64 number;

    if (!column_enter(stmt, column))
        return 0;
    number = velo_column_int64(stmt->core, column);
    compat_unlock(stmt->db);
    return number;
}

int
sqlite3_column_int(sqlite3_stmt *stmt, int column)
{
    return (int)sqlite3_column_int64(stmt, column);
}

double
sqlite3_column_double(sqlite3_stmt *stmt, int column)
{
    double number;

    if (!column_enter(stmt, column))
        return 0.0;
    number = velo_column_double(stmt->core, column);
    compat_unlock(stmt->db);
    return number;
}

const unsigned char *
sqlite3_column_text(sqlite3_stmt *stmt, int column)
{
    const char *text;

    if (!column_enter(stmt, column))
        return NULL;
    text = velo_column_text(stmt->core, column);
    compat_unlock(stmt->db);
    return (const unsigned char *)text;
}

const void *
sqlite3_column_blob(sqlite3_stmt *stmt, int column)
{
    const void *bytes;

    if (!column_enter(stmt, column))
        return NULL;
    bytes = velo_column_blob(stmt->core, column);
    compat_unlock(stmt->db);
    return bytes;
}

int
sqlite3_column_bytes(sqlite3_stmt *stmt, int column)
{
    int size;

    if (!column_enter(stmt, column))
        return 0;
    size = (int)velo_column_bytes(stmt->core, column);
    compat_unlock(stmt->db);
    return size;
}

sqlite3_value *
sqlite3_column_value(sqlite3_stmt *stmt, int column)
{
    static sqlite3_value null_value; /* without a core value it is NULL, and stays so */
    sqlite3_value *value = &null_value;
    int count;

    if (!column_enter(stmt, column))
        return &null_value;
    if (stmt->values == NULL) {
        count = velo_column_count(stmt->core);
        stmt->values = sqlite3_malloc64((sqlite3_uint64)count * sizeof *stmt->values);
        if (stmt->values != NULL) {
            memset(stmt->values, 0, (size_t)count * sizeof *stmt->values);
            stmt->value_count = count;
        }
    }
    if (stmt->values != NULL) {
        value = &stmt->values[column];
        if (value->core == NULL)
            value->core = velo_column_value(stmt->core, column);
    }
    compat_unlock(stmt->db);
    return value;
}

const void *
sqlite3_column_text16(sqlite3_stmt *stmt, int column)
{
    return sqlite3_value_text16(sqlite3_column_value(stmt, column));
}

int
sqlite3_column_bytes16(sqlite3_stmt *stmt, int column)
{
    return sqlite3_value_bytes16(sqlite3_column_value(stmt, column));
}
