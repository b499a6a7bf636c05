/* writer_int.h - what the parts of a writer share.
 *
 *   writer.c       transactions, operations on rows
 *   writer_tree.c  operations on trees and on keys, and the public face of those on rows
 *   writer_row.c   rows as leaves take them: records, long values
 *   writer_load.c  many rows at once
 *   writer_log.c   operations as log records
 *   operation.c    what the layer of versions uses */
#ifndef VL_STORAGE_WRITER_INT_H
#define VL_STORAGE_WRITER_INT_H

#include "storage/operation.h"
#include "storage/overflow.h"
#include "storage/record.h"
#include "storage/store_int.h"

struct vl_writer {
    vl_store *store;            /* borrowed */
    vl_tree_work *work;         /* of the operations on trees; NULL: see vl_operation_take_work */
    uint32_t spare;             /* which of the store's spare works it looks at first */
    vl_arena arena;             /* of the operation under way */
    vl_synchronous synchronous; /* of operations outside of a transaction */
    uint64_t txn;               /* the open transaction or operation; 0: none */
    uint64_t next_long;         /* number of its next long value */
    vl_log_position end;        /* one past its last record */
    int is_open;                /* between begin and commit */
    int is_silent;              /* nothing is logged: recovery, the directory itself */
    int is_joined;              /* to a transaction of the layer above: operation.h */
    int is_helper;              /* of the background thread: long work is cut when that is wanted */
    int is_cut;                 /* returning pages was */
};

/* ---- writer_row.c ---- */

/* A row on its way into a leaf. */
typedef struct vl_writer_row {
    const vl_layout *layout; /* of the table */
    vl_tree_id tree;         /* the table */
    vl_leaf_value *columns;  /* one for each column */
    vl_leaf_value *leaf;     /* what the leaf takes: `columns`, or a record of them */
    vl_leaf_value record;    /* that record */
    vl_overflow *fresh;      /* overflow written for it, to be given back on failure */
    uint32_t fresh_count;    /* how many */
} vl_writer_row;

/* Put a row together in the writer's arena. Of columns that are in overflow already, that stays. On
 * failure nothing is left behind. */
velo_status vl_writer_row_make(vl_ctx *ctx, vl_writer *writer, const vl_store_tree *table,
                               const vl_layout *layout, vl_leaf_value *columns, vl_writer_row *row)
    VL_MUST_CHECK;

/* Give the overflow pages back that a row got which did not come to be. */
void vl_writer_row_give_up(vl_ctx *ctx, vl_writer *writer, vl_writer_row *row);

/* ---- writer.c ---- */

/* Begin and end an operation: its transaction, unless one is open, and the gate. leave is called if
 * enter was VELO_OK, with what became of the operation, and returns it or why it is not
 * acknowledged. */
velo_status vl_writer_enter(vl_ctx *ctx, vl_writer *writer) VL_MUST_CHECK;
velo_status vl_writer_leave(vl_ctx *ctx, vl_writer *writer, velo_status st) VL_MUST_CHECK;

/* Values inside records that a change lets go of: freed when it is made. */
typedef struct vl_writer_garbage {
    vl_overflow *values; /* in the writer's arena */
    uint32_t count;      /* how many */
    uint32_t capacity;   /* how many there is room for */
} vl_writer_garbage;

/* Free them. Pages that cannot be freed are lost to the file; the log of events is told. The
 * context's error stays as it is. */
void vl_writer_garbage_free(vl_ctx *ctx, vl_writer *writer, const vl_writer_garbage *garbage);

/* The operations inside of it: what recovery does as well. `columns`: one for each column. */
velo_status vl_writer_do_insert(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, int64_t rowid,
                                vl_leaf_value *columns) VL_MUST_CHECK;
velo_status vl_writer_do_update(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, int64_t rowid,
                                const uint32_t *ids, const vl_leaf_value *values, uint32_t count)
    VL_MUST_CHECK;
velo_status vl_writer_do_delete(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, int64_t rowid)
    VL_MUST_CHECK;

/* ---- writer_tree.c: likewise. Layouts become the tree's, and are destroyed on failure ---- */

velo_status vl_writer_do_create_tree(vl_ctx *ctx, vl_writer *writer, vl_tree_id id,
                                     vl_tree_kind kind, vl_layout *layout) VL_MUST_CHECK;
velo_status vl_writer_do_drop_tree(vl_ctx *ctx, vl_writer *writer, vl_store_tree *tree)
    VL_MUST_CHECK;

/* Return the pages of dropped trees: see operation.h. */
void vl_writer_return_pages(vl_ctx *ctx, vl_writer *writer);
velo_status vl_writer_do_set_layout(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table,
                                    vl_layout *layout) VL_MUST_CHECK;
velo_status vl_writer_do_put(vl_ctx *ctx, vl_writer *writer, vl_store_tree *index, const void *key,
                             uint32_t key_size, const void *value, uint32_t value_size)
    VL_MUST_CHECK;
velo_status vl_writer_do_remove(vl_ctx *ctx, vl_writer *writer, vl_store_tree *index,
                                const void *key, uint32_t key_size) VL_MUST_CHECK;
velo_status vl_writer_do_mark(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, int64_t mark)
    VL_MUST_CHECK;

/* ---- writer_log.c ---- */

/* Get all that appending needs: chunks of long values are appended now, credit for the rest is
 * there. `row`, if the type has one: the columns to be logged, by `schema`. `record` is the rest.
 * Waits; nothing may be held. */
velo_status vl_writer_log_ready(vl_ctx *ctx, vl_writer *writer, const vl_record *record,
                                const vl_leaf_schema *schema, const vl_leaf_value *row,
                                vl_writer_record *ready) VL_MUST_CHECK;

/* Append: inside a section. Returns the position; 0: the writer is silent. */
vl_log_position vl_writer_log_append(vl_writer_record *ready);

/* Give back what was not used. Always called. */
void vl_writer_log_end(vl_writer_record *ready);

#endif
