/* ranges.h - range records of a tree: which rows one transaction inserted in order (11, item 19).
 *
 * A load of many rows leaves one record that speaks of rowids, from first to last, in place of one
 * for each row. It is looked at after a row's own chain: where no record of that is visible, the
 * row's *origin*, if its transaction's insertion is not visible, says that it was absent. So a row
 * may be in a range only if there was neither row nor tombstone with its rowid before, and no
 * chain.
 *
 * How a loader goes on, with the leaf of the rowid latched exclusively:
 *    vl_ranges_extend says 1      the record speaks of the row as well; nothing else is needed
 *    else                         a new record: before the latch vl_undo_append (RANGE) and
 *                                 vl_ranges_reserve, in the section vl_ranges_add
 * A statement that reads rows begins with a record of its own, which vl_ranges_join puts together
 * with the one before. A statement's begin may lie inside of a record, a savepoint never does.
 *
 * Threads: any; the latch inside (VL_RANK_RANGES) is held for a search. Leaves may be latched. */
#ifndef VL_TXN_RANGES_H
#define VL_TXN_RANGES_H

#include "txn/undo.h"

typedef struct vl_ranges vl_ranges;

/* By which load a row came, as far as anybody has to know. */
typedef struct vl_origin {
    const vl_txn_status *status; /* of whom, NULL: of nobody. To be followed only while commit_ts
                                    is VL_TS_ACTIVE and the leaf, where the row is, latched */
    vl_timestamp commit_ts;      /* of it, when it was looked for */
    uint32_t statement;          /* number within its transaction */
} vl_origin;

/* The ranges of one tree. Errors: VELO_FULL, VELO_NOMEM. */
velo_status vl_ranges_create(vl_ctx *ctx, vl_undo_pool *pool, vl_ranges **out) VL_MUST_CHECK;

/* Destroy, with what records are left. NULL is allowed. */
void vl_ranges_destroy(vl_ranges *ranges);

/* Whether there are any: 0 is true for rows that were latched before the question. */
int vl_ranges_is_empty(const vl_ranges *ranges);

/* By which load a row came that is on a latched page. */
vl_origin vl_ranges_find(vl_ranges *ranges, int64_t rowid);

/* By which loads rows came that are on a latched page, with rowids from `first` to `last`.
 *
 * origins  receives the first `room` of them
 * returns  how many there are; more than `room`: not all were given */
uint32_t vl_ranges_list(vl_ranges *ranges, int64_t first, int64_t last, vl_origin *origins,
                        uint32_t room);

/* Promise room for one record, or give a promise back. Errors: VELO_FULL, VELO_NOMEM. */
velo_status vl_ranges_reserve(vl_ctx *ctx, vl_ranges *ranges) VL_MUST_CHECK;
void vl_ranges_unreserve(vl_ranges *ranges);

/* Add a record of the kind RANGE, for one rowid, which was promised room. */
void vl_ranges_add(vl_ranges *ranges, vl_undo *range);

/* Let a record speak of one more rowid: 1; 0: it is not the next one, or in another range. */
int vl_ranges_extend(vl_ranges *ranges, vl_undo *range, int64_t rowid);

/* Let a record speak of all rowids up to `last`: 1; 0: the next ones are in another range. */
int vl_ranges_extend_to(vl_ranges *ranges, vl_undo *range, int64_t last);

/* Rows are taken back, from the end: the record ends with `last` now, in the section that removes
 * the rows behind it. Below its first rowid: it speaks of nothing and is out of here; it can be
 * popped from its log. */
void vl_ranges_shrink(vl_ranges *ranges, vl_undo *range, int64_t last);

/* A statement has succeeded: when the log's last two records are ranges of this tree's and the last
 * one goes on where the other ends, they become one, of the earlier statement: 1. The caller knows
 * that no mark names the last one, and no open view lies between them. */
int vl_ranges_join(vl_ranges *ranges, vl_undo_log *log);

/* How many records there are. A moment's figure. */
uint32_t vl_ranges_count(const vl_ranges *ranges);

/* Put neighbours together, of whatever transactions, where no view can tell them apart: asked of
 * two records that are committed. So that a long reader beside many small loads keeps few. Returns
 * how many went. */
typedef int vl_ranges_is_one(void *argument, const vl_undo *range, const vl_undo *next);
uint32_t vl_ranges_merge(vl_ranges *ranges, vl_ranges_is_one *is_one, void *argument);

/* Drop the records that every view sees: committed at or before `oldest`. Returns how many. */
uint32_t vl_ranges_prune(vl_ranges *ranges, vl_timestamp oldest);

#endif
