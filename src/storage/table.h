/* table.h - table trees: rowid -> row.
 *
 * Leaves hold rows column by column (leaf_pax.h), inner nodes rowids and children (node_rowid.h).
 * A row's values are those of a schema that the caller gives with every operation; a page keeps the
 * columns that it was built with until it is built anew. Columns that the schema has no more are
 * dropped then: their values in overflow have been freed before. A table that has come to be stored
 * as records (vl_leaf_schema.is_rows) stays so; pages from before are taken apart row by row.
 *
 * Long values go to overflow by themselves; those inside records are the caller's.
 *
 * Changing a row: see vl_table_write_begin. Reading: vl_table_find for one row, vl_table_find_batch
 * for many, vl_table_scan for ranges. Pointers into a page are valid for as long as it is latched
 * (11, item 26); so are vl_leaf_value that point there. */
#ifndef VL_STORAGE_TABLE_H
#define VL_STORAGE_TABLE_H

#include "storage/leaf_pax.h"
#include "storage/node_rowid.h"
#include "storage/overflow.h"
#include "storage/tree.h"

/* ---- changing rows (table_write.c) ---- */

typedef enum vl_table_action {
    VL_TABLE_INSERT, /* store a row where no live one is: over none, a gap or a tombstone */
    VL_TABLE_UPDATE, /* change columns of a live row or a tombstone */
    VL_TABLE_MARK,   /* turn a live row into a tombstone */
    VL_TABLE_UNMARK, /* turn a tombstone into a live row */
    VL_TABLE_PURGE   /* remove a live row or a tombstone */
} vl_table_action;

/* What is to be done to one row. Borrowed, with all it points to, until vl_table_write_end. */
typedef struct vl_table_op {
    vl_table_action action;        /* what */
    int64_t rowid;                 /* to which row */
    const vl_leaf_schema *schema;  /* the table's columns */
    const vl_leaf_value *values;   /* INSERT: one for each of them. Those too long for a page are
                                      written to overflow, unless they are there */
    const vl_leaf_change *changes; /* UPDATE: `change_count` of them, each column at most once */
    uint32_t change_count;         /* how many */
    int frees_old;                 /* 1: values in overflow that the change replaces or purges are
                                      freed after it. 0: they are the caller's (write->released) */
    /* Whether a tombstone that lies on the same page may be dropped, when it has to be built anew.
     * Asked under the page's latch; neither waits nor fails. NULL: none may. One with values in
     * overflow is not asked about: it has to be purged. */
    int (*is_purgeable)(void *argument, const vl_page_ref *leaf, int64_t rowid);
    vl_overflow_note *note; /* told of pages for overflow, or NULL */
    void *argument;         /* of is_purgeable and note */
} vl_table_op;

/* A change of one row in the making: the row's leaf is latched exclusively, has room for the change
 * and is prepared.
 *
 *     st = vl_table_write_begin(ctx, tree, work, &op, &write);
 *     while (st == VELO_OK) {
 *         look at write.state and the row, decide          or leave the loop and give up
 *         if (vl_table_write_enter(&write)) {
 *             append to the log
 *             vl_table_write_apply(&write);
 *             vl_table_write_leave(&write);
 *             break;
 *         }
 *         st = vl_table_write_retry(ctx, &write);          anything may have changed meanwhile
 *     }
 *     vl_table_write_end(ctx, &write);                     always
 *
 * While a leaf is held so, the caller takes no latches of pages, loads none and does not wait. Who
 * needs more pages in the same section prepares them through write.change. */
typedef struct vl_table_write {
    const vl_tree *tree;         /* the table */
    vl_tree_work *work;          /* used from begin to end: for nothing else meanwhile */
    const vl_table_op *op;       /* what is to be done */
    vl_change change;            /* the section */
    vl_page_ref leaf;            /* latched exclusively; read only */
    vl_rowid_range range;        /* the rowids that belong to the leaf */
    vl_leaf_state state;         /* what the row is now */
    uint32_t slot;               /* where it is, unless VL_LEAF_NO_SLOT */
    int is_possible;             /* 1: the action suits the state, and may be applied */
    const vl_overflow *released; /* after apply: values in overflow that nothing refers to now */
    uint32_t released_count;     /* how many */
    vl_leaf_spot spot;           /* private: the row's place on the leaf */
    uint32_t change_count;       /* private: of changes, those that were added with them */
    uint32_t spill_count;        /* private: values that were sent to overflow for this */
    int has_applied;             /* private */
    int is_rebuilt;              /* private: apply replaces the page by the one in work */
    int is_underfull;            /* private: to be joined at the end */
    int is_alone; /* private: the row has been isolated, since it is stored in another way now */
} vl_table_write;

/* A change of a row is about to begin: find its leaf, if that takes no waiting, and let its memory
 * come while the caller does other things, such as making the log's record. vl_table_write_begin
 * with the same work then goes on from there, if the leaf is still what it was. No more than a
 * hint: nothing is latched or read of the leaf.
 *
 * latches  none may be held */
void vl_table_approach(const vl_tree *tree, vl_tree_work *work, int64_t rowid);

/* Find the row's place and make room for the change: what is returned is sure to fit. Splits and
 * grows the tree as that takes, in sections of its own.
 *
 * latches  none may be held. On VELO_OK write->leaf is
 * errors   as vl_cache_load, vl_change_new_page, vl_change_wait; VELO_TOOBIG: the row fits no page.
 *          Then nothing is latched */
velo_status vl_table_write_begin(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                                 const vl_table_op *op, vl_table_write *write) VL_MUST_CHECK;

/* Enter the section: 1, or 0: vl_table_write_retry. */
int vl_table_write_enter(vl_table_write *write) VL_MUST_CHECK;

/* Make the change. write->slot is where the row is now. */
void vl_table_write_apply(vl_table_write *write);

void vl_table_write_leave(vl_table_write *write);

/* Wait for what a 0 asked for, and begin again: as vl_table_write_begin. */
velo_status vl_table_write_retry(vl_ctx *ctx, vl_table_write *write) VL_MUST_CHECK;

/* Release the leaf, join it with a sibling if it has become under-full, and free values in overflow
 * that are not needed any more. That this fails is no error of the change: the leaf stays as it is
 * until the next time; pages of overflow are lost to the file, and the context's log is told. */
void vl_table_write_end(vl_ctx *ctx, vl_table_write *write);

/* All of that for who needs nothing in between.
 *
 * log    appended in the section, or NULL
 * state  receives what the row was; the change is made if that suits the action */
velo_status vl_table_change(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                            const vl_table_op *op, const vl_tree_log *log, vl_leaf_state *state)
    VL_MUST_CHECK;

/* The same for the usual changes. *is_done receives 1 when there was no live row (insert), or when
 * there was one (update, delete), and 0 when nothing was changed. */
velo_status vl_table_insert(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                            const vl_leaf_schema *schema, const vl_leaf_row *row, int *is_done)
    VL_MUST_CHECK;
velo_status vl_table_update(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                            const vl_leaf_schema *schema, int64_t rowid,
                            const vl_leaf_change *changes, uint32_t count, int *is_done)
    VL_MUST_CHECK;
velo_status vl_table_delete(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                            const vl_leaf_schema *schema, int64_t rowid, int *is_done)
    VL_MUST_CHECK;

/* ---- reading rows (table_read.c) ---- */

/* A row under its leaf's shared latch. */
typedef struct vl_table_row {
    const vl_leaf *leaf;    /* the page */
    const vl_page_ref *ref; /* its latch; for what is attached to the page */
    int64_t rowid;          /* which row was asked for */
    vl_leaf_state state;    /* what it is */
    uint32_t slot;          /* where it is, unless VL_LEAF_NO_SLOT */
    uint32_t index;         /* vl_table_find_batch: which of the rowids; else 0 */
} vl_table_row;

/* Told of a row that was found, or of its absence. Neither waits, nor descends, nor takes latches
 * of pages. What it returns but VELO_OK ends the operation. */
typedef velo_status vl_table_visit(vl_ctx *ctx, void *argument, const vl_table_row *row);

/* Find a row.
 *
 * latches  none may be held
 * errors   as vl_cache_load; what visit returned */
velo_status vl_table_find(vl_ctx *ctx, const vl_tree *tree, int64_t rowid, vl_table_visit *visit,
                          void *argument) VL_MUST_CHECK;

/* Find a row, with the leaf latched exclusively: for who changes what is attached to it, and no
 * byte of it. Otherwise as vl_table_find. */
velo_status vl_table_find_exclusive(vl_ctx *ctx, const vl_tree *tree, int64_t rowid,
                                    vl_table_visit *visit, void *argument) VL_MUST_CHECK;

/* Find many rows, in any order; sorted rowids are found fastest. Rows whose pages are resident are
 * visited at once; for others up to VL_CACHE_LOADS reads are kept in flight, and each row is
 * visited when its page has come: so rows are visited in no order. Each is visited once. The longer
 * the batch, the less its end counts, where reads run out.
 *
 * latches, errors  as vl_table_find */
velo_status vl_table_find_batch(vl_ctx *ctx, const vl_tree *tree, const int64_t *rowids,
                                uint32_t count, vl_table_visit *visit, void *argument)
    VL_MUST_CHECK;

/* Read a whole live row or tombstone to memory of the arena: one value for each column of the
 * schema, in `values`. Values in overflow stay there. `state` as above; values are set for
 * LIVE and TOMBSTONE.
 *
 * errors  as vl_table_find; VELO_NOMEM */
velo_status vl_table_read(vl_ctx *ctx, const vl_tree *tree, int64_t rowid,
                          const vl_leaf_schema *schema, vl_arena *arena, vl_leaf_value *values,
                          vl_leaf_state *state) VL_MUST_CHECK;

/* The greatest rowid that has a row or a tombstone. *is_empty 1: there is none. */
velo_status vl_table_last_rowid(vl_ctx *ctx, const vl_tree *tree, int64_t *rowid, int *is_empty)
    VL_MUST_CHECK;

/* ---- scanning (table_scan.c) ---- */

/* A scan over a range of rowids, leaf by leaf, in either direction.
 *
 *     vl_table_scan_begin(&scan, tree, range, is_backward);
 *     for (;;) {
 *         st = vl_table_scan_next(ctx, &scan);
 *         if (st != VELO_OK || scan.leaf == NULL)
 *             break;
 *         ... ranks rank_first to rank_end - 1 of scan.leaf, by vl_leaf_slot_at, are in the range
 *     }
 *     vl_table_scan_end(&scan);
 *
 * One leaf at a time is latched, shared. A scan goes on from the border of the leaf that it was in,
 * so a row that nobody changes is seen exactly once, whatever becomes of the pages meanwhile. While
 * leaves are not resident, several are loaded at a time, the more the longer the scan. */
typedef struct vl_table_scan {
    const vl_leaf *leaf;  /* latched, or NULL: at the end, or not begun */
    vl_page_ref ref;      /* its latch */
    uint32_t rank_first;  /* ranks of the leaf's slots in the range: of all states */
    uint32_t rank_end;    /* behind the last one */
    vl_rowid_range part;  /* the rowids that leaf and range have in common */
    vl_rowid_range left;  /* private: what is still to come */
    const vl_tree *tree;  /* private */
    int is_backward;      /* private */
    int is_at_end;        /* private: nothing is still to come */
    uint32_t window;      /* private: how many leaves to load at a time */
    uint32_t ahead_count; /* private: so many leaves from here on have been loaded ahead */
} vl_table_scan;

/* Begin. `range.first` > `range.last`: there is nothing. Takes no latch. */
void vl_table_scan_begin(vl_table_scan *scan, const vl_tree *tree, vl_rowid_range range,
                         int is_backward);

/* Release the leaf and latch the next one, which may have no row in the range; scan->leaf NULL: the
 * range is at its end. Errors as vl_cache_load: then no leaf is latched. */
velo_status vl_table_scan_next(vl_ctx *ctx, vl_table_scan *scan) VL_MUST_CHECK;

/* Release the leaf now. The scan may go on behind it (vl_table_scan_next), or before: at a rowid
 * of `part` that the caller has not seen yet (vl_table_scan_resume). */
void vl_table_scan_pause(vl_table_scan *scan);
void vl_table_scan_resume(vl_table_scan *scan, int64_t rowid);

/* Release what is latched. May be repeated. */
void vl_table_scan_end(vl_table_scan *scan);

/* Split a range into up to `count` parts of about the same number of leaves, for as many scans.
 *
 * parts   receives them, rising, one behind the other, all of the range together
 * taken   receives how many: at least 1
 * errors  as vl_cache_load */
velo_status vl_table_split_range(vl_ctx *ctx, const vl_tree *tree, vl_rowid_range range,
                                 uint32_t count, vl_rowid_range *parts, uint32_t *taken)
    VL_MUST_CHECK;

/* About how many rows there are, by the nodes on one way down: as many children at each level as
 * the middle node has. Costs the height of the tree in pages. Errors: as vl_cache_load */
velo_status vl_table_estimate(vl_ctx *ctx, const vl_tree *tree, double *rows) VL_MUST_CHECK;

/* Visit random leaves, each leaf as likely as any other, with repetition (Olken and Rotem, "Random
 * sampling from B+ trees", VLDB 1989: go down to random children, and drop the try with a chance
 * that makes up for nodes with few children). After VL_TABLE_SAMPLE_TRIES vain tries a leaf is
 * taken as it comes.
 *
 * visit  told of each: rowid is the lowest that belongs to the leaf, slot 0, index the number of
 *        the visit */
#define VL_TABLE_SAMPLE_TRIES 64U
velo_status vl_table_sample(vl_ctx *ctx, const vl_tree *tree, vl_rng *rng, uint32_t count,
                            vl_table_visit *visit, void *argument) VL_MUST_CHECK;

/* ---- loading many rows at the right edge (table_load.c) ---- */

/* What one section of a load adds: the next rows that were given. */
typedef struct vl_table_load_part {
    const vl_leaf_row *rows;     /* 1 row that is inserted by itself, or all rows of the pages */
    uint32_t row_count;          /* how many */
    const vl_leaf *const *pages; /* new pages with exactly these rows, in order: tight, all slots
                                    live, no value in overflow; they stay what they are until the
                                    part is appended */
    uint32_t page_count;         /* how many; 0: a row by itself */
} vl_table_load_part;

/* The log of a load. */
typedef struct vl_table_load_log {
    /* Grant space for records of a part, in place of what was granted and not appended: no latches
     * are held but those of the new pages; may wait and fail. */
    velo_status (*grant)(vl_ctx *ctx, void *argument, const vl_table_load_part *part);
    /* Append them: inside the section. */
    void (*append)(void *argument, const vl_table_load_part *part);
    /* Whether the part may be added, NULL: yes. `leaf` is the last one, latched exclusively, behind
     * whose rows its rows come. 0: as if they did not lie behind all others. */
    int (*may)(void *argument, const vl_page_ref *leaf, const vl_table_load_part *part);
    vl_overflow_note *note; /* told of pages for overflow, or NULL */
    void *argument;         /* of all */
} vl_table_load_log;

/* Append rows by rising rowid, all greater than any of the tree: fills whole pages, and adds them
 * at the right edge, several with one section.
 *
 * rows    rising. Those with values that are too long for a page are inserted one by one
 * is_all  1: these are the last ones. 0: the page that more rows would go to is left out
 * log     or NULL. With a log the last leaf is filled up row by row, since no record describes a
 *         part of a page; no row is deleted or has values in overflow already
 * taken   receives how many rows are in the tree; the caller gives the rest again, with more. At
 *         least one when `count` is VL_TABLE_LOAD_ROWS or more, or is_all: then all
 * errors  VELO_CONSTRAINT: the first row is not greater than all of the tree: nothing was added
 *         from there on; VELO_TOOBIG, VELO_FULL, VELO_NOMEM, VELO_IOERR, VELO_CORRUPT. *taken rows
 *         are in the tree */
#define VL_TABLE_LOAD_ROWS 16384U
velo_status vl_table_load(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                          const vl_leaf_schema *schema, const vl_leaf_row *rows, uint32_t count,
                          int is_all, const vl_table_load_log *log, uint32_t *taken) VL_MUST_CHECK;

#endif
