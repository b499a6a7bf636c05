/* columns.h - rows of a leaf as typed vectors: what a scan of a table hands on.
 *
 * A chunk is made of rows of one latched leaf. Where these stand on the page as the view sees them,
 * one behind the other, a column's minipage is widened into a vector of its type at once; where
 * rows are out of order or have older versions, row by row. A column that holds several classes on
 * a page is an ANY vector there. So a column's form may differ from chunk to chunk.
 *
 * Use, for each chunk: vl_columns_begin; with the leaf latched vl_columns_read of each column;
 * vl_columns_finish when it was let go. Nothing in the chunk points into the page.
 *
 * Threads: one at a time. */
#ifndef VL_EXEC_COLUMNS_H
#define VL_EXEC_COLUMNS_H

#include "exec/source.h"

struct columns_room;
struct columns_long;

typedef struct vl_columns {
    vl_chunk chunk;      /* without a selection: all rows of the vectors */
    vl_arena arena;      /* texts of the chunk, and what evaluating on it makes */
    uint32_t long_count; /* values that vl_columns_finish will read */
    /* private */
    uint32_t long_room;
    struct columns_long *longs;
    struct columns_room *rooms; /* of each column */
    uint32_t capacity;          /* rows there is room for */
    void *memory;
} vl_columns;

/* Empty them, with room for `rows` rows of `column_count` columns. Errors: VELO_NOMEM. */
velo_status vl_columns_begin(vl_ctx *ctx, vl_columns *columns, uint32_t column_count, uint32_t rows)
    VL_MUST_CHECK;

/* Read a column of the first `columns->chunk.row_count` rows of the scan's leaf. Values that a page
 * only names are left to vl_columns_finish.
 *
 * selection  NULL, or the rows that are wanted, `count` of them, rising: of others anything is read
 * errors     VELO_NOMEM */
velo_status vl_columns_read(vl_ctx *ctx, vl_columns *columns, const vl_row_scan *scan,
                            const vl_fetch *fetch, uint32_t column, const uint16_t *selection,
                            uint32_t count) VL_MUST_CHECK;

/* Find the rows in which a column is this text, which is not empty, without copying any: rows as
 * for vl_columns_read. Returns 0 when they must be read to tell: they are out of order, have older
 * versions, or the page has values of several classes or long ones in the column.
 *
 * bits  a bitmap of the rows */
int vl_columns_find_text(const vl_columns *columns, const vl_row_scan *scan, const vl_fetch *fetch,
                         uint32_t column, const vl_value *text, uint64_t *bits);

/* Make a column this text in all rows: what vl_columns_find_text has found is not read again. The
 * text is copied. Errors: VELO_NOMEM. */
velo_status vl_columns_set_text(vl_ctx *ctx, vl_columns *columns, uint32_t column,
                                const vl_value *text) VL_MUST_CHECK;

/* Read the long values. Nothing is latched. Errors: those of reading pages, VELO_NOMEM. */
velo_status vl_columns_finish(vl_ctx *ctx, vl_columns *columns, const vl_fetch *fetch)
    VL_MUST_CHECK;

/* Give memory back. May be repeated; all zeros is allowed. */
void vl_columns_deinit(vl_columns *columns);

#endif
