/* operation.h - changes as parts of transactions that the layer above keeps: gate, log, trees.
 *
 * A writer (store.h) that was *joined* to a transaction of the layer of versions logs its
 * operations under that transaction's number, without a commit. The layer makes the changes of
 * leaves itself (table.h, tree_key.h), since it has to look at them under their latch:
 *
 *     vl_operation_begin                       the gate is held: no checkpoint cuts the operation
 *     vl_operation_log(..., &record)           may wait and fail; nothing is latched
 *     vl_table_write_begin, ... enter
 *         vl_operation_append(&record)         in the section
 *     ... apply, leave, end
 *     vl_operation_log_done(&record)           always, if vl_operation_log was called
 *     vl_operation_end
 *
 * Between begin and end nothing waits for another transaction: a checkpoint waits for the end. */
#ifndef VL_STORAGE_OPERATION_H
#define VL_STORAGE_OPERATION_H

#include "storage/record.h"
#include "storage/store.h"
#include "storage/table.h"
#include "storage/tree_key.h"

/* A record to be appended. Private. */
typedef struct vl_writer_record {
    vl_writer *writer;    /* whose */
    vl_wal_credit credit; /* for it */
    uint32_t type;        /* with VL_RECORD_COMMITS if it is all of its transaction; 0: none */
    uint32_t size;        /* bytes of body */
    uint32_t part_count;  /* of parts */
    vl_wal_part parts[2]; /* head, data */
} vl_writer_record;

/* Make sure that the log takes records: from then on vl_store_wal is not NULL. */
velo_status vl_operation_make_ready(vl_ctx *ctx, vl_store *store) VL_MUST_CHECK;

/* A number for a transaction. */
uint64_t vl_operation_new_txn(vl_store *store);

/* Make a writer that has no scratch memory: that of trees is several pages large, and most writers
 * are idle at most times. Before it is used, it takes some that is spare, or new; VELO_NOMEM. It
 * gives it back when its transaction has ended, and what follows that: a few are kept for others,
 * in the store. Taking it twice and giving back nothing is nothing. Destroyed by vl_writer_destroy,
 * without giving back.
 *
 * threads  taking and giving back: that of the writer, others with their own at the same time */
velo_status vl_operation_create_writer(vl_ctx *ctx, vl_store *store, vl_writer **out) VL_MUST_CHECK;
velo_status vl_operation_take_work(vl_ctx *ctx, vl_writer *writer) VL_MUST_CHECK;
void vl_operation_give_work(vl_writer *writer);

/* Join a writer to a transaction. vl_writer_begin and operations of store.h are not used with it.
 */
void vl_operation_join(vl_writer *writer, uint64_t txn);

/* The same for listing what the transaction has changed, beside the writer that makes the changes:
 * keys that are sent ahead get numbers that its own long values never have. */
void vl_operation_join_list(vl_writer *writer, uint64_t txn);

/* Where the last record of the writer's transaction ends; 0: it has none. */
vl_log_position vl_operation_log_end(const vl_writer *writer);

void vl_operation_begin(vl_writer *writer);
void vl_operation_end(vl_writer *writer);

/* Memory for the operation: gone with the next vl_operation_begin. */
vl_arena *vl_operation_arena(vl_writer *writer);
vl_tree_work *vl_operation_work(vl_writer *writer);

/* Get ready to append a record: values too long for one are sent ahead in the log. */
velo_status vl_operation_log(vl_ctx *ctx, vl_writer *writer, const vl_record *record,
                             const vl_leaf_schema *schema, const vl_leaf_value *row,
                             vl_writer_record *ready) VL_MUST_CHECK;

/* Append it, in a section. Returns its position. */
vl_log_position vl_operation_append(vl_writer_record *ready);
void vl_operation_log_done(vl_writer_record *ready);

/* Append a record in a section of its own, within an operation. Errors: those of vl_operation_log.
 */
velo_status vl_operation_log_alone(vl_ctx *ctx, vl_writer *writer, const vl_record *record,
                                   const vl_leaf_schema *schema, const vl_leaf_value *row)
    VL_MUST_CHECK;

/* Insert entries by rising key, none of which is there, within an operation, each with its record
 * (operation_load.c). See vl_tree_key_load: *taken receives how many are in the tree. */
velo_status vl_operation_load_keys(vl_ctx *ctx, vl_writer *writer, const vl_store_tree *index,
                                   const vl_tree_key_item *items, uint32_t count, uint32_t *taken)
    VL_MUST_CHECK;

/* Who keeps versions of entries. */
typedef struct vl_operation_keys {
    /* Get ready for these to be inserted: nothing is latched; may fail. Asked again for some that
     * were not, and for more. */
    velo_status (*prepare)(vl_ctx *ctx, void *argument, const vl_tree_key_item *items,
                           uint32_t count);
    /* See vl_tree_key_load_log; positions: of their records. */
    void (*met)(void *argument, const vl_page_ref *leaf, const vl_tree_key_item *first);
    void (*added)(void *argument, const vl_page_ref *leaf, const vl_tree_key_item *items,
                  uint32_t count, const vl_log_position *positions);
    void *argument; /* of all */
} vl_operation_keys;

/* The same where the index is in use: as far as entries are plain insertions. *taken receives how
 * many are in the tree; of the next one, if there is one, that has to be found out. */
velo_status vl_operation_put_keys(vl_ctx *ctx, vl_writer *writer, const vl_store_tree *index,
                                  const vl_tree_key_item *items, uint32_t count,
                                  const vl_operation_keys *watcher, uint32_t *taken) VL_MUST_CHECK;

/* Who keeps versions of the rows that are loaded. */
typedef struct vl_operation_rows {
    /* Whether rows may be added, with no versions before them: vl_table_load_log.may. */
    int (*may)(void *argument, const vl_page_ref *leaf, const vl_table_load_part *part);
    /* They are being added: in the section. Their first record is at `position`. */
    void (*added)(void *argument, const vl_table_load_part *part, vl_log_position position);
    void *argument; /* of both */
} vl_operation_rows;

/* Insert rows behind all others of a table, within an operation, with records of whole pages
 * (writer_load.c). See vl_table_load; no value needs overflow.
 *
 * taken   how many are in the table. 0 also: the log's ring is too small for records of pages, or
 *         the table has too many columns
 * errors  VELO_CONSTRAINT: a row does not lie behind all others, or `may` has said 0 */
velo_status vl_operation_load_rows(vl_ctx *ctx, vl_writer *writer, const vl_store_tree *table,
                                   const vl_layout *layout, const vl_leaf_row *rows, uint32_t count,
                                   int is_all, const vl_operation_rows *watcher, uint32_t *taken)
    VL_MUST_CHECK;

/* Write a checkpoint if one is due, or wake who does. Outside of operations. */
void vl_operation_tend(vl_ctx *ctx, vl_store *store);

/* Create a tree, within an operation: logged. See vl_writer_create_tree. */
velo_status vl_operation_create_tree(vl_ctx *ctx, vl_writer *writer, const vl_leaf_schema *schema,
                                     vl_tree_id *id) VL_MUST_CHECK;

/* Give a table other columns, within an operation: logged as a part of the transaction, but neither
 * listed nor undone. So the columns are those that the table has, and new ones with ids that it
 * never had: then whoever knows the old ones only is right as well. See vl_writer_set_schema for
 * the errors. */
velo_status vl_operation_set_columns(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table,
                                     const vl_leaf_schema *schema) VL_MUST_CHECK;

/* Wait, outside of operations and with nothing latched, until those have ended that are under way:
 * what they read of a table's columns before they began to change pages is out of use then. Waits
 * for a checkpoint as well. Errors: VELO_BUSY: a transaction of the unversioned layer is open. */
velo_status vl_operation_await_others(vl_ctx *ctx, vl_store *store) VL_MUST_CHECK;

/* Drop a tree, within an operation, without a log record: it is not found any more. */
velo_status vl_operation_drop_tree(vl_ctx *ctx, vl_writer *writer, vl_store_tree *tree)
    VL_MUST_CHECK;

/* Return the pages of dropped trees, outside of operations. What cannot be returned now is by the
 * next drop or open. */
void vl_operation_return_pages(vl_ctx *ctx, vl_writer *writer);

/* ---- the background thread ---- */

/* The writer is that of the layer's `tend`: returning pages with it is cut short, after one step at
 * least, when the background thread is wanted elsewhere. */
void vl_operation_set_helper(vl_writer *writer);

/* Whether it is: a checkpoint is due, or the store is being closed. Whoever is in `tend` does a
 * little all the same, since a checkpoint may be due for long when it cannot be written. */
int vl_operation_is_wanted(vl_store *store);

/* Go on with returning pages, if the helper's last time was cut short. 1: nothing is left of it. */
int vl_operation_resume_drops(vl_ctx *ctx, vl_writer *writer);

#endif
