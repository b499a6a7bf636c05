/* version_rig.h - a page that is an array of rows, with versions, for tests of src/txn.
 *
 * It does what trees and transactions will do around the versions: changes the page and records
 * it, undoes, commits, and reads by views. Rows have three columns; the last one is a blob. With
 * `by_key` the rows stand for index entries: their versions are found by a key. Two maps, as of two
 * pages, divide the rows at `border`. */
#ifndef VL_TEST_VERSION_RIG_H
#define VL_TEST_VERSION_RIG_H

#include "lib/unit.h"

#include "txn/prune.h"
#include "txn/ranges.h"
#include "txn/versions.h"
#include "txn/visible.h"

#define RIG_ROWS    48U
#define RIG_COLUMNS 3U
#define RIG_TREE    77U

extern const uint32_t rig_ids[RIG_COLUMNS];

typedef struct rig_row {
    vl_row_state state;         /* on the page */
    int64_t cells[RIG_COLUMNS]; /* of a live row or a tombstone */
} rig_row;

typedef struct rig {
    vl_ctx *ctx;                  /* of the test */
    vl_txn_status_pool *statuses; /* of all transactions */
    vl_undo_pool *pool;           /* of all records */
    vl_ranges *ranges;            /* of the one tree */
    vl_versions maps[2];          /* of rows below the border, and the others */
    uint32_t border;              /* first row of the second map */
    int by_key;                   /* rows are index entries */
    rig_row rows[RIG_ROWS];       /* the page */
    vl_timestamp clock;           /* of the last commit */
    vl_timestamp published;       /* what new snapshots see */
    uint64_t position;            /* of the last change */
    uint64_t number;              /* of the last transaction */
} rig;

typedef struct rig_txn {
    vl_txn_status *status; /* NULL: there is none */
    vl_undo_log *log;      /* its records */
    vl_view view;          /* of its current statement */
    vl_undo *range;        /* that its next append may extend, or NULL */
} rig_txn;

velo_status rig_init(rig *self, vl_ctx *ctx, uint64_t budget_bytes, int by_key) VL_MUST_CHECK;
void rig_deinit(rig *self);

velo_status rig_begin(rig *self, rig_txn *txn) VL_MUST_CHECK;
void rig_commit(rig *self, rig_txn *txn); /* and publish, and release the status */
vl_timestamp rig_commit_unpublished(rig *self, rig_txn *txn);
void rig_abort(rig *self, rig_txn *txn);
void rig_undo_to(rig *self, rig_txn *txn, vl_undo_mark mark);
void rig_next_statement(rig_txn *txn);

/* Changes of rows, without asking whether they may. `keep` 0: a tombstone's row is not kept. */
velo_status rig_insert(rig *self, rig_txn *txn, uint32_t row, const int64_t *cells, int keep)
    VL_MUST_CHECK;
velo_status rig_update(rig *self, rig_txn *txn, uint32_t row, uint32_t column, int64_t cell)
    VL_MUST_CHECK;
velo_status rig_delete(rig *self, rig_txn *txn, uint32_t row) VL_MUST_CHECK;
/* The same as an insert, by a range record. */
velo_status rig_append(rig *self, rig_txn *txn, uint32_t row, const int64_t *cells) VL_MUST_CHECK;

vl_versions *rig_map(rig *self, uint32_t row);
vl_undo *rig_newest(rig *self, uint32_t row);
vl_versioned rig_look(rig *self, uint32_t row);
/* What a view sees of a row. */
vl_row_state rig_read(rig *self, const vl_view *view, uint32_t row, int64_t *cells);
/* Where the two pages meet from now on. */
void rig_move_border(rig *self, uint32_t border);
/* How many records a row's chain has. */
uint32_t rig_chain_length(rig *self, uint32_t row);
/* A view of these snapshots, which rise, and what is published. */
vl_snapshot_view rig_snapshots(vl_timestamp published, const vl_timestamp *snapshots,
                               uint32_t count);
/* Remove the tombstone if it may go: 1. */
int rig_purge(rig *self, vl_prune *prune, uint32_t row);

#endif
