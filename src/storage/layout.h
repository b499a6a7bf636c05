/* layout.h - the columns of a table as the store keeps them: immutable, in memory of its own.
 *
 * A layout is written to the directory and to the log as a record of leaf_row.h: ids with the
 * values that stand for a column on pages without it. Tables with more columns than fit a page side
 * by side hold their rows as records (leaf_pax.h, VL_LEAF_ROWS); such a table stays so, since pages
 * of both kinds do not mix: a change of columns that crosses the limit is a new table. */
#ifndef VL_STORAGE_LAYOUT_H
#define VL_STORAGE_LAYOUT_H

#include "storage/leaf_pax.h"

/* The most columns of a table. */
#define VL_LAYOUT_MAX_COLUMNS 32767U

/* The most bytes of a layout's record: all ids and defaults. */
#define VL_LAYOUT_MAX_SIZE (UINT32_C(1) << 20)

typedef struct vl_layout vl_layout;

struct vl_layout {
    vl_leaf_schema columns; /* the table's columns: ids, defaults */
    vl_leaf_schema leaf;    /* what its leaves have: the same, or one column of records */
    vl_layout *older;       /* what the table had before: its owner's list */
    size_t record_size;     /* bytes of `record` */
    const uint8_t *record;  /* itself, as the directory has it */
};

/* Make a layout from columns, all of which is copied.
 *
 * errors  VELO_NOMEM; VELO_TOOBIG: more than VL_LAYOUT_MAX_SIZE; VELO_MISUSE: no column, too many,
 * ids that do not rise, or the id VL_LEAF_RECORD_ID; a default in overflow */
velo_status vl_layout_create(vl_ctx *ctx, uint32_t page_size, const vl_leaf_schema *columns,
                             vl_layout **out) VL_MUST_CHECK;

/* Make a layout from a record. Errors: VELO_NOMEM; VELO_CORRUPT: the bytes are no layout. */
velo_status vl_layout_parse(vl_ctx *ctx, uint32_t page_size, const void *record, size_t size,
                            vl_layout **out) VL_MUST_CHECK;

/* Destroy a layout and all older ones. NULL is allowed. */
void vl_layout_destroy(vl_layout *layout);

/* Position of a column, or -1. */
int vl_layout_find(const vl_layout *layout, uint32_t id);

#endif
