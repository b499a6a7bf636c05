/* table_int.h - what the files of the table tree share. */
#ifndef VL_STORAGE_TABLE_INT_H
#define VL_STORAGE_TABLE_INT_H

#include "storage/table.h"
#include "storage/tree_int.h"

/* What the buffers of vl_tree_work hold while a leaf is split or joined. */
#define VL_TABLE_COPY   0U /* the leaf as it was when the others were built from it */
#define VL_TABLE_LEFT   1U /* what becomes of it; also of a leaf that is only built anew */
#define VL_TABLE_RIGHT  2U /* the right part */
#define VL_TABLE_COPY_2 3U /* join: the right leaf as it was */

/* How often a join may find that the leaves have changed while it was planned. */
#define VL_TABLE_JOIN_TRIES 3U

/* Most children of an inner node. */
static inline uint32_t
vl_table_max_children(const vl_tree *tree)
{
    uint32_t capacity = vl_node_rowid_capacity(tree->page_size);

    return capacity < tree->max_children ? capacity : tree->max_children;
}

/* A value that is sent to overflow for a change. */
typedef struct vl_table_spill {
    vl_leaf_value *value; /* in the scratch memory: as the row will have it. Its `overflow` is
                             VL_LEAF_TO_OVERFLOW until the pages are written */
    const void *data;     /* its bytes */
    void *before;         /* these bytes, when they are a copy of what the row had: owned */
} vl_table_spill;

/* Memory for one row, in one block. */
typedef struct vl_table_scratch {
    uint32_t column_count;   /* of each of the following there is room for so many */
    vl_leaf_value *values;   /* a whole row */
    vl_leaf_change *changes; /* an update, with what goes to overflow because of it */
    vl_table_spill *spills;  /* what went to overflow */
    vl_overflow *released;   /* what nothing refers to any more */
} vl_table_scratch;

/* What a leaf is split for: the pages that it becomes are built already. The first `same_size`
 * bytes of VL_TABLE_COPY say what the leaf was then. */
typedef struct vl_table_cut {
    int64_t separator;  /* first rowid of the right one */
    uint32_t same_size; /* all of the page; its header, if it stays what it is */
    int is_behind;      /* 1: the leaf stays, and the right page is behind all of its rows */
} vl_table_cut;

/* Make sure that the scratch memory suffices for schemas of so many columns, and so many given
 * rows. Errors: VELO_NOMEM. */
velo_status vl_table_reserve(vl_ctx *ctx, vl_tree_work *work, uint32_t column_count,
                             uint32_t row_count) VL_MUST_CHECK;

static inline vl_table_scratch *
vl_table_scratch_of(const vl_table_write *write)
{
    return write->work->scratch;
}

/* ---- values in overflow (table_overflow.c) ---- */

/* Begin: copy the new values to the scratch memory, and write those that no page holds. */
velo_status vl_table_spill_long(vl_ctx *ctx, vl_table_write *write) VL_MUST_CHECK;

/* The row as the update makes it, in scratch->values. */
void vl_table_merge_row(const vl_table_write *write);

/* Under the leaf's latch, when an update does not fit: choose values of the merged row that must go
 * to overflow for the row to fit any page. *count: how many; then the leaf is released, and they
 * have been written: begin again. */
velo_status vl_table_spill_more(vl_ctx *ctx, vl_table_write *write, uint32_t *count) VL_MUST_CHECK;

/* Under the leaf's latch: whether the values that vl_table_spill_more took from the row are still
 * the row's. */
int vl_table_spills_hold(const vl_table_write *write);

/* Free what vl_table_spill_more took from the row. */
void vl_table_take_back(vl_ctx *ctx, vl_table_write *write);

/* Before the leaf changes: note what the change makes unreferenced. */
void vl_table_note_released(vl_table_write *write);

/* Free what is not needed, at the end. */
void vl_table_end_values(vl_ctx *ctx, vl_table_write *write);

/* Whether a slot that is no gap refers to overflow. */
int vl_table_has_overflow(const vl_leaf *leaf, uint32_t slot);

/* vl_tree_ops.drop_values. */
velo_status vl_table_drop_values(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, vl_pid leaf,
                                 uint32_t *budget, int *is_done) VL_MUST_CHECK;

/* vl_tree_ops.check_values. */
velo_status vl_table_check_values(vl_ctx *ctx, const vl_tree *tree, const void *page,
                                  const vl_tree_verify_options *options) VL_MUST_CHECK;

/* One of the buffers. */
static inline vl_leaf *
vl_table_buffer(const vl_tree_work *work, uint32_t index)
{
    return (vl_leaf *)(void *)work->pages[index];
}

/* Whether a leaf is what the buffer says, but for its number. */
int vl_table_is_same(const void *page, const vl_leaf *copy, uint32_t page_size);

/* Put a leaf from a buffer in a page's place. The page keeps its number. */
void vl_table_put(void *page, vl_pid pid, const vl_leaf *from, uint32_t page_size);

/* Whether a leaf has a row or a tombstone at or above a rowid. */
int vl_table_has_row_from(const vl_leaf *leaf, int64_t rowid);

/* About how many bytes of a leaf are in use. */
uint64_t vl_table_leaf_used(const vl_leaf *leaf);

/* Whether rows of a leaf can be built into one with the columns of the schema. */
int vl_table_suits(const vl_leaf *leaf, const vl_leaf_schema *schema);

/* A search for a rowid's leaf. */
static inline vl_tree_target
vl_table_target(int64_t rowid)
{
    vl_tree_target target;

    target.rowid = rowid;
    target.key = NULL;
    target.where = VL_TREE_AT;
    target.tie_count = 0;
    return target;
}

#endif
