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

/* What a leaf is split for: the pages that it becomes are built already. */
typedef struct vl_table_incoming {
    int64_t separator; /* first rowid of the right one */
} vl_table_incoming;

/* Make sure that the scratch memory suffices for schemas of so many columns, and so many given
 * rows. Errors: VELO_NOMEM. */
velo_status vl_table_reserve(vl_ctx *ctx, vl_tree_work *work, uint32_t column_count,
                             uint32_t row_count) VL_MUST_CHECK;

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
