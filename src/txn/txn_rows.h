/* txn_rows.h - tables with versions: reading and changing rows in transactions.
 *
 * Reading takes a view, of a statement that is open (txn.h): any thread, any number at a time.
 * Changing takes the statement itself.
 *
 * Values. Columns are named by stable ids. Values given are borrowed for the call. Values received
 * from vl_rows_read are whole, in an arena; those of a scan point into the latched page, or to an
 * older version, and live as long as the latch (11, item 26); long ones are named there only
 * (vl_leaf_value.overflow), and are read by vl_rows_read_long after the latch is released, as long
 * as the statement is open. */
#ifndef VL_TXN_TXN_ROWS_H
#define VL_TXN_TXN_ROWS_H

#include "txn/txn.h"

typedef struct vl_txn_table vl_txn_table;

/* Find a table. It lives as long as the store; once its tree is dropped it must not be used any
 * more. VELO_NOTFOUND; VELO_MISUSE: the tree is no table. */
velo_status vl_rows_open(vl_ctx *ctx, vl_txn_store *store, vl_tree_id id, vl_txn_table **out)
    VL_MUST_CHECK;

vl_tree_id vl_rows_tree(const vl_txn_table *table);

/* The table's columns: ids, defaults. */
const vl_leaf_schema *vl_rows_schema(const vl_txn_table *table);

/* ---- changing ---- */

/* Insert a row with the given rowid: one value for each column of the schema.
 *
 * errors  VELO_CONSTRAINT: there is one, be it seen or not. VELO_BUSY_SNAPSHOT, VELO_BUSY,
 *         VELO_INTERRUPT: see txn.h. VELO_TOOBIG, VELO_FULL, VELO_NOMEM, VELO_IOERR, VELO_CORRUPT.
 *         The row is not there then */
velo_status vl_rows_insert(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table, int64_t rowid,
                           const vl_value *values) VL_MUST_CHECK;

/* Insert a row with the next rowid: the largest one + 1, as SQLite does (31, item 12); at the end
 * of the numbers a random one that is free. *rowid receives it. VELO_FULL also: none was found. */
velo_status vl_rows_append(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table,
                           const vl_value *values, int64_t *rowid) VL_MUST_CHECK;

/* The number that vl_rows_append would give a row now, for who wants to know it beforehand; whoever
 * appends another row gets another one. INT64_MIN: there is none left behind the last row. Who does
 * not use it gives it back, so that no gap is left. Errors: VELO_NOMEM, VELO_IOERR, VELO_CORRUPT.
 */
velo_status vl_rows_draw(vl_ctx *ctx, vl_txn_table *table, int64_t *rowid) VL_MUST_CHECK;
void vl_rows_undraw(vl_txn_table *table, int64_t rowid);

/* Insert a row with a number that was drawn. *is_taken 1: somebody has one, or had: it is not
 * inserted. Errors as vl_rows_insert but VELO_CONSTRAINT. */
velo_status vl_rows_insert_drawn(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table,
                                 int64_t rowid, const vl_value *values, int *is_taken)
    VL_MUST_CHECK;

/* Insert rows behind all others, whole pages at a time (txn_load.c), with rowids that follow each
 * other. They are of one undo record, and of few log records.
 *
 * first   the first one's rowid. *first INT64_MIN: the next ones are drawn, and it receives them
 * values  of each row one for each column of the schema
 * is_all  0: more rows follow, and those that would share a page with them may be left out
 * taken   receives how many were inserted, the first ones. Fewer, or 0: others are in the way, a
 *         value is long, or the table is none for this: insert the next ones one by one. Rowids
 *         that were drawn for those are given back
 * errors  as vl_rows_insert, but for VELO_CONSTRAINT; *taken rows are there */
#define VL_ROWS_LOAD_MAX 4096U /* rows at a time, at most */
velo_status vl_rows_load(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table, int64_t *first,
                         const vl_value *values, uint32_t count, int is_all, uint32_t *taken)
    VL_MUST_CHECK;

/* Change columns of a row that the statement sees, or its own transaction has made since: on top of
 * what its transaction has done to it until now.
 *
 * ids     of the columns, rising
 * errors  as vl_rows_insert; VELO_NOTFOUND: there is no such row (any more): for the caller to pass
 *         over it, or not */
velo_status vl_rows_update(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table, int64_t rowid,
                           const uint32_t *ids, const vl_value *values, uint32_t count)
    VL_MUST_CHECK;

/* Delete a row. Errors as vl_rows_update. A row that gets another rowid is deleted and inserted. */
velo_status vl_rows_delete(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table, int64_t rowid)
    VL_MUST_CHECK;

/* The same for who can do without: nothing is waited for, and no conflict is met. *is_taken 1: the
 * row is being changed by somebody else, or was changed after the snapshot; nothing was done. */
typedef struct vl_row_update {
    const uint32_t *ids;    /* of the columns, rising */
    const vl_value *values; /* of each */
    uint32_t count;         /* how many */
} vl_row_update;

velo_status vl_rows_try_update(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table,
                               int64_t rowid, const vl_row_update *update, int *is_taken)
    VL_MUST_CHECK;
velo_status vl_rows_try_delete(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table,
                               int64_t rowid, int *is_taken) VL_MUST_CHECK;

/* Hold a row's key: nobody else deletes the row until the statement's transaction ends, or goes
 * back behind this. Others who would wait for that; they may change its columns, and hold it too.
 * Changing a rowid is deleting, so that is kept from others as well. Foreign keys stand on it: who
 * inserts a child whose parent is found by its rowid holds the parent so, and then inserts.
 *
 * The newest state counts, not the snapshot's: a row that somebody has committed since is held.
 * Whose creation or deletion is under way is waited for. A transaction that holds very many keys
 * holds the whole tree (key_share.h).
 *
 * errors  VELO_NOTFOUND: there is no such row, or it is deleted: nothing is held.
 * VELO_BUSY_SNAPSHOT also: somebody has deleted it and committed after the snapshot. The others as
 *         vl_rows_insert */
velo_status vl_rows_share(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table, int64_t rowid)
    VL_MUST_CHECK;

/* ---- sequences ---- */

/* A table whose rowids are never given twice (AUTOINCREMENT; 31, item 13) has a counter in memory:
 * the greatest rowid given. What it has reached is kept by the caller, in rows that are changed by
 * the transaction which was given rowids, and so commit and vanish with it. The counter is found
 * anew from what is kept and from the table's rows when it is not known: after opening; when the
 * last row given was undone and no other transaction is open, so that no gap stays; and when
 * somebody who has changed what is kept as a user has ended (vl_rows_set_sequences).
 *
 * Tell the greatest rowid that is kept for the table, by what a view sees; 0: none. */
typedef velo_status vl_rows_kept(vl_ctx *ctx, void *argument, const vl_view *view, int64_t *last);

/* Insert a row with a rowid that no row has had: above all that were given. It waits for nobody.
 *
 * floor  it gets a greater one
 * kept   called with nothing latched, perhaps several times, with a view of what everybody has
 *        committed and the own transaction has done
 * rowid  receives it
 * errors as vl_rows_append, and those of `kept`. VELO_FULL: the numbers are at their end */
velo_status vl_rows_append_ever(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table,
                                int64_t floor, vl_rows_kept *kept, void *argument,
                                const vl_value *values, int64_t *rowid) VL_MUST_CHECK;

/* A row was inserted at a rowid of the application's: it counts as given. */
void vl_rows_raise_sequence(vl_txn_table *table, int64_t rowid);

/* The statement's transaction changes what is kept, as a user: from now on, it goes by `floor`
 * alone, which is then what it sees of what is kept and of the rows. Others go on with the counters
 * until it ends, and then find them anew. */
void vl_rows_set_sequences(vl_statement *statement);

/* Whether no other transaction of the store has begun to write: what is put together for all may
 * be. */
int vl_statement_is_alone(const vl_statement *statement);

/* ---- reading rows ---- */

/* Read columns of a row as the view sees it, long values included.
 *
 * ids     of the columns, rising
 * arena   receives the bytes of texts and blobs
 * values  receives `count` values
 * found   receives 1, or 0: it sees none */
velo_status vl_rows_read(vl_ctx *ctx, vl_txn_table *table, const vl_view *view, int64_t rowid,
                         const uint32_t *ids, uint32_t count, vl_arena *arena, vl_value *values,
                         int *found) VL_MUST_CHECK;

/* Whether the view sees a row. */
velo_status vl_rows_exists(vl_ctx *ctx, vl_txn_table *table, const vl_view *view, int64_t rowid,
                           int *found) VL_MUST_CHECK;

/* Read bytes of a long value that was received from a version that the view of an open statement
 * sees. Nothing is latched. */
velo_status vl_rows_read_long(vl_ctx *ctx, vl_txn_table *table, const vl_leaf_value *value,
                              uint32_t offset, uint32_t size, void *to) VL_MUST_CHECK;

/* ---- scanning ---- */

/* In vl_row_scan.slots: the row is not the one on the page; the rest is its index in `older`. */
#define VL_ROW_SCAN_OLDER 0x8000U

/* A row whose version on the page is not the one that the view sees. */
typedef struct vl_row_older {
    int64_t rowid;         /* its key */
    vl_leaf_value *values; /* one for each column that the scan was begun with */
} vl_row_older;

/* A scan of the visible rows in a range of rowids, leaf by leaf, in either direction.
 *
 *     vl_row_scan_begin(&scan, table, &statement->view, range, is_backward, ids, count);
 *     for (;;) {
 *         st = vl_row_scan_next(ctx, &scan);
 *         if (st != VELO_OK || scan.leaf == NULL)
 *             break;
 *         ... scan.row_count rows, at least one; the leaf is latched, shared ...
 *     }
 *     vl_row_scan_end(&scan);
 *
 * The rows, in the scan's order, are one of two:
 *
 *     slots NULL     all rows stand on the page, are visible as they are, and have the slots from
 *                    slot_first to slot_first + row_count - 1 (in falling order of a scan
 * backward). The usual case: nothing was looked at row by row slots          of each row its slot
 * on the page, or VL_ROW_SCAN_OLDER + an index in `older`
 *
 * What stands on the page is read by leaf_pax.h: vl_leaf_column_index (a column that the page lacks
 * has its default in the schema), vl_leaf_column_view, vl_leaf_get. Whoever needs more than a leaf
 * at a time copies columns out; whoever copies one value at a time uses vl_row_scan_get. Under the
 * latch nothing waits, no page is read, and nothing of txn.h or of this file is called but
 * vl_row_scan_rowid, _get, _pause, _end.
 *
 * The statement is open for as long as the scan. Each row is met once; what the statement itself
 * changes meanwhile is not met again. Several scans of one view may run on several threads. */
typedef struct vl_row_scan {
    const vl_leaf *leaf;          /* latched; NULL: at the end, or not begun */
    uint32_t row_count;           /* rows of this leaf */
    uint32_t slot_first;          /* slots NULL: the lowest one */
    const uint16_t *slots;        /* or NULL */
    const vl_row_older *older;    /* rows of older versions */
    uint32_t older_count;         /* how many */
    int is_backward;              /* as begun */
    const vl_leaf_schema *schema; /* the table's columns */
    vl_txn_table *table;          /* private, as all that follows */
    vl_view view;                 /* what is seen */
    vl_table_scan scan;           /* over the leaves */
    const uint32_t *ids;          /* the wanted columns */
    uint32_t id_count;            /* how many */
    uint16_t *slot_buffer;        /* owned */
    vl_row_older *older_buffer;   /* owned */
    vl_leaf_value *value_buffer;  /* owned: of the older ones */
    uint32_t older_capacity;      /* how many there is room for */
    int64_t resume_at;            /* after vl_row_scan_pause */
    int is_paused;                /* the leaf was released */
    int resume_is_inside;         /* go on at resume_at */
} vl_row_scan;

/* Begin. Allocates nothing, latches nothing.
 *
 * ids    the columns that are wanted of older versions, rising; borrowed until the end. May be none
 *        (count 0) where only rowids or the number of rows matter */
void vl_row_scan_begin(vl_row_scan *scan, vl_txn_table *table, const vl_view *view,
                       vl_rowid_range range, int is_backward, const uint32_t *ids, uint32_t count);

/* Release the leaf, and latch the next one that has visible rows. Errors: those of reading pages,
 * VELO_NOMEM; then nothing is latched, and the scan only ends. */
velo_status vl_row_scan_next(vl_ctx *ctx, vl_row_scan *scan) VL_MUST_CHECK;

/* Rowid of row `index` of this leaf, and one of its values: of the column ids[column]. */
int64_t vl_row_scan_rowid(const vl_row_scan *scan, uint32_t index);
void vl_row_scan_get(const vl_row_scan *scan, uint32_t index, uint32_t column,
                     vl_leaf_value *value);

/* Release the leaf for any length of time; the next vl_row_scan_next goes on with row `index` of it
 * (row_count: behind the leaf). */
void vl_row_scan_pause(vl_row_scan *scan, uint32_t index);

/* Release what is latched and owned. May be repeated. */
void vl_row_scan_end(vl_row_scan *scan);

/* Count the rows of a range that the view sees. */
velo_status vl_rows_count(vl_ctx *ctx, vl_txn_table *table, const vl_view *view,
                          vl_rowid_range range, uint64_t *count) VL_MUST_CHECK;

/* The greatest rowid that the view sees; *found 0: there is no row. */
velo_status vl_rows_last(vl_ctx *ctx, vl_txn_table *table, const vl_view *view, int64_t *rowid,
                         int *found) VL_MUST_CHECK;

/* Split a range into parts of about the same size, for as many scans: see vl_table_split_range. */
velo_status vl_rows_split(vl_ctx *ctx, vl_txn_table *table, vl_rowid_range range, uint32_t count,
                          vl_rowid_range *parts, uint32_t *taken) VL_MUST_CHECK;

#endif
