/* sqlite_int.h - databases of SQLite's: what the parts that read and write them share. */
#ifndef VL_API_SQLITE_INT_H
#define VL_API_SQLITE_INT_H

#include "api/api_int.h"
#include "lite/reader.h"
#include "lite/writer.h"

/* Who is told of the progress; progress NULL: nobody. */
typedef struct vl_sqlite_told {
    velo_progress *progress;
    void *user;
} vl_sqlite_told;

/* Columns of a table in the order of SQLite's records. */
typedef struct vl_sqlite_columns {
    uint32_t *columns; /* positions in the table; count of them, in the arena */
    uint32_t count;
} vl_sqlite_columns;

/* Find that order: of a table WITHOUT ROWID the primary key comes first; what is VIRTUAL is not in
 * records. */
velo_status vl_sqlite_order_columns(vl_ctx *ctx, vl_arena *arena, const vl_table_def *table,
                                    vl_sqlite_columns *out) VL_MUST_CHECK;

/* Read all of a database into the connection's, in one transaction or as a part of the open one:
 * sqlite_import.c. Codes and words of errors are the connection's. */
velo_status vl_sqlite_import(velo_connection *connection, vl_lite_reader *reader,
                             const vl_sqlite_told *told) VL_MUST_CHECK;

/* Write all that the connection sees of a database of it, by number: sqlite_export.c. The writer is
 * new. */
velo_status vl_sqlite_export(velo_connection *connection, uint32_t database, vl_lite_writer *writer,
                             const vl_sqlite_told *told) VL_MUST_CHECK;

#endif
