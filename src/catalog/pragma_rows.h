/* pragma_rows.h - what PRAGMAs about the schema answer, as rows of values.
 *
 * Columns, their order and the order of rows are SQLite's. The same rows serve the statements and
 * the table-valued functions pragma_table_info and so on. Differences: collations are told by the
 * names BINARY, NOCASE and RTRIM, in whatever case they were written.
 *
 * Ownership: rows lie in the arena; their texts belong to what they were made of, which must live
 * as long. Threads: pure functions. Errors of all: VELO_NOMEM, then *out is zeroed. */
#ifndef VL_CATALOG_PRAGMA_ROWS_H
#define VL_CATALOG_PRAGMA_ROWS_H

#include "base/collation.h"
#include "base/ctx.h"
#include "base/type.h"
#include "catalog/schema.h"

typedef struct vl_pragma_rows {
    uint32_t column_count;    /* of each row */
    uint32_t row_count;       /* see values */
    const char *const *names; /* of the columns */
    vl_value *values;         /* row after row */
} vl_pragma_rows;

/* A database of a connection, for database_list. */
typedef struct vl_pragma_database {
    uint32_t number;  /* 0: main, 1: temp, from 2: attached */
    const char *name; /* "main", ... */
    const char *file; /* its path; "" when it has none */
} vl_pragma_database;

/* The number of a view's columns, which only who binds its query knows. */
typedef uint32_t vl_pragma_count_view(void *argument, const vl_table_def *view);

/* PRAGMA table_info, with is_extended table_xinfo, which shows generated and hidden columns too.
 *
 * columns  count of them: those of a table, or what a view's query yields */
velo_status vl_pragma_table_info(vl_ctx *ctx, vl_arena *arena, const vl_column_def *columns,
                                 uint32_t count, int is_extended, vl_pragma_rows *out)
    VL_MUST_CHECK;

/* PRAGMA table_list: of each database the tables and views, newest first.
 *
 * schemas     schema_count of them, in the order of their numbers
 * name        only tables of this name, in any case; NULL for all
 * count_view  called for each view, with `argument` */
velo_status vl_pragma_table_list(vl_ctx *ctx, vl_arena *arena, const vl_schema *const *schemas,
                                 uint32_t schema_count, const char *name,
                                 vl_pragma_count_view *count_view, void *argument,
                                 vl_pragma_rows *out) VL_MUST_CHECK;

/* PRAGMA index_list of a table. */
velo_status vl_pragma_index_list(vl_ctx *ctx, vl_arena *arena, const vl_table_def *table,
                                 vl_pragma_rows *out) VL_MUST_CHECK;

/* PRAGMA index_info, with is_extended index_xinfo, which shows the columns behind the declared ones
 * too. PRAGMA index_info of a table WITHOUT ROWID is that of its primary index. */
velo_status vl_pragma_index_info(vl_ctx *ctx, vl_arena *arena, const vl_index_def *index,
                                 int is_extended, vl_pragma_rows *out) VL_MUST_CHECK;

/* PRAGMA foreign_key_list of a table. */
velo_status vl_pragma_foreign_key_list(vl_ctx *ctx, vl_arena *arena, const vl_table_def *table,
                                       vl_pragma_rows *out) VL_MUST_CHECK;

/* PRAGMA database_list, of `count` databases in the order of their numbers. */
velo_status vl_pragma_database_list(vl_ctx *ctx, vl_arena *arena,
                                    const vl_pragma_database *databases, uint32_t count,
                                    vl_pragma_rows *out) VL_MUST_CHECK;

/* PRAGMA collation_list, with those of the application. */
velo_status vl_pragma_collation_list(vl_ctx *ctx, vl_arena *arena, const vl_collators *own,
                                     vl_pragma_rows *out) VL_MUST_CHECK;

#endif
