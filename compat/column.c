/* column.c - the row at hand, and what is known of its columns.
 *
 * Reading a column takes no mutex: a row belongs to whoever stepped to it. */
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

/* Whether there is such a column of a row; notes SQLITE_RANGE when not. */
static int
column_is_there(sqlite3_stmt *stmt, int column)
{
    if (stmt == NULL)
        return 0;
    if (stmt->has_row && column >= 0 && column < velo_column_count(stmt->core))
        return 1;
    compat_lock(stmt->db);
    (void)compat_leave_own(stmt->db,
                           compat_fail(stmt->db, SQLITE_RANGE, "%s", sqlite3_errstr(SQLITE_RANGE)));
    return 0;
}

int
sqlite3_column_type(sqlite3_stmt *stmt, int column)
{
    return column_is_there(stmt, column) ? (int)velo_column_type(stmt->core, column) : SQLITE_NULL;
}

sqlite3_int64
sqlite3_column_int64(sqlite3_stmt *stmt, int column)
{
    return column_is_there(stmt, column) ? velo_column_int64(stmt->core, column) : 0;
}

int
sqlite3_column_int(sqlite3_stmt *stmt, int column)
{
    return (int)sqlite3_column_int64(stmt, column);
}

double
sqlite3_column_double(sqlite3_stmt *stmt, int column)
{
    return column_is_there(stmt, column) ? velo_column_double(stmt->core, column) : 0.0;
}

const unsigned char *
sqlite3_column_text(sqlite3_stmt *stmt, int column)
{
    return column_is_there(stmt, column)
               ? (const unsigned char *)velo_column_text(stmt->core, column)
               : NULL;
}

const void *
sqlite3_column_blob(sqlite3_stmt *stmt, int column)
{
    return column_is_there(stmt, column) ? velo_column_blob(stmt->core, column) : NULL;
}

int
sqlite3_column_bytes(sqlite3_stmt *stmt, int column)
{
    return column_is_there(stmt, column) ? (int)velo_column_bytes(stmt->core, column) : 0;
}

sqlite3_value *
sqlite3_column_value(sqlite3_stmt *stmt, int column)
{
    static sqlite3_value null_value; /* without a core value it is NULL, and stays so */
    int count;

    if (!column_is_there(stmt, column))
        return &null_value;
    if (stmt->values == NULL) {
        count = velo_column_count(stmt->core);
        stmt->values = sqlite3_malloc64((sqlite3_uint64)count * sizeof *stmt->values);
        if (stmt->values == NULL)
            return &null_value;
        memset(stmt->values, 0, (size_t)count * sizeof *stmt->values);
        stmt->value_count = count;
    }
    if (stmt->values[column].core == NULL)
        stmt->values[column].core = velo_column_value(stmt->core, column);
    return &stmt->values[column];
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
