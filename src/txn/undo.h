/* undo.h - undo records: what a row or key was before each change, in memory.
 *
 * Pages hold the newest version of everything. Each change of a row or of an index entry leaves a
 * *record* that says who made it and what was there before. Records of one row hang together from
 * newest to oldest (a *chain*, whose head is in the page's map, versions.h), and those of one
 * transaction from last to first (its *log*), which is the way back for rollback.
 *
 *    page  <-  record of the last change  <-  record of the one before  <-  ...
 *              state and columns before it    state and columns before it
 *
 * What stands before a change is one of three states: absent, deleted (a tombstone, whose row the
 * page still has unless the change overwrites it), live. The columns of a record are those whose
 * values the page loses by the change, by stable column id (11, item 42). Index entries are
 * versioned in the same way: an entry's value is its column 0.
 *
 *    kind       before    columns
 *    INSERT     absent    none
 *    REINSERT   deleted   the tombstone's whole row, or none when no snapshot needs it: then the
 *                         record is the last of its chain (11, item 21)
 *    UPDATE     live      those that changed
 *    DELETE     live      none: the tombstone keeps them
 *    RANGE      absent    none; speaks of rowids from `rowid` to `last` (ranges.h)
 *    MERGED     any       what several records together said (prune.h); no transaction's way back
 *    TREE_CREATED, TREE_DROPPED, OVERFLOW
 *               in no chain: what a rollback, or a checkpoint's list, must know of trees and of
 *               pages for values (11, item 12): `tree`; of OVERFLOW the root pid as `rowid`
 *
 * Latches. A record in a chain is read under its leaf's latch, and changes (its `older`) under the
 * exclusive one; all else is immutable once it is linked. A log belongs to its transaction's thread
 * until it is finished. A pool may be used by all.
 *
 * Lifetime. A log's memory stays until its transaction has finished it, none of its records is in a
 * chain, and nobody holds it. So a pointer to a record is good for as long as the leaf is latched.
 *
 * Memory. All of a pool counts in its budget, the version maps too. What is wanted beyond it comes
 * from a file (undo_spill.h), if the pool has one; else changes fail with VELO_FULL (11, item 16).
 */
#ifndef VL_TXN_UNDO_H
#define VL_TXN_UNDO_H

#include "base/ctx.h"
#include "storage/leaf_pax.h"
#include "txn/status.h"
#include "txn/undo_spill.h"

typedef enum vl_undo_kind {
    VL_UNDO_INSERT,       /* a row or entry where none was */
    VL_UNDO_REINSERT,     /* the same over a tombstone */
    VL_UNDO_UPDATE,       /* other values */
    VL_UNDO_DELETE,       /* live to tombstone */
    VL_UNDO_RANGE,        /* rows with rowids rowid to last, where none were */
    VL_UNDO_MERGED,       /* several in one */
    VL_UNDO_TREE_CREATED, /* a tree came into being */
    VL_UNDO_TREE_DROPPED, /* a tree is to go when this commits */
    VL_UNDO_OVERFLOW      /* pages were made for a value, at root `rowid` */
} vl_undo_kind;

/* What a row or an entry is to somebody. */
typedef enum vl_row_state {
    VL_ROW_ABSENT,  /* it is not there */
    VL_ROW_DELETED, /* it was deleted; to readers the same as absent */
    VL_ROW_LIVE     /* it is there */
} vl_row_state;

typedef struct vl_undo vl_undo;
typedef struct vl_undo_log vl_undo_log;
typedef struct vl_undo_pool vl_undo_pool;

struct vl_undo {
    vl_undo *older;                /* next of its chain; NULL: the last. Under the leaf's latch */
    vl_undo *beside;               /* of the newest: private to the map (versions.c) */
    vl_undo *previous;             /* before it in the log; NULL: the first */
    vl_undo *kept_next;            /* private to the map, as `beside`: of a page not in memory */
    void *kept_map;                /* see there */
    uint64_t kept_at;              /* see there */
    vl_undo_log *log;              /* whose memory it is */
    vl_txn_status *status;         /* who made the change; lives as long as the record */
    vl_tree_id tree;               /* where */
    int64_t rowid;                 /* of a row; of an entry whose key is long, the page of its rest;
                                      else 0 */
    int64_t last;                  /* RANGE: its last rowid; under the ranges' latch. Else 0 */
    uint64_t position;             /* of the change in the log on disk; 0 until it is known */
    const void *key;               /* of an entry: all of its key; NULL of a row */
    const vl_leaf_change *columns; /* what the page lost, each column once, by rising id */
    uint32_t key_size;             /* bytes of key */
    uint32_t statement;            /* number of the statement within its transaction */
    uint32_t column_count;         /* of columns */
    uint32_t chain_length;         /* of the newest: records from it on, or more; as `older` */
    uint32_t hash;                 /* of the newest: private to the map, as `beside` */
    _Atomic uint32_t links;        /* see vl_undo_is_linked */
    vl_undo_kind kind;             /* what was done */
    vl_row_state before;           /* what was there before */
};

/* Have what readers look at of a record, or NULL, brought into the processor's cache. */
static inline void
vl_undo_fetch(const vl_undo *record)
{
    const char *bytes = (const char *)record;

    for (size_t at = 0; record != NULL && at < sizeof *record; at += VL_CACHE_LINE_SIZE)
        __builtin_prefetch(bytes + at);
}

/* A change that is to be recorded. Borrowed for the call; values are copied. */
typedef struct vl_undo_change {
    vl_undo_kind kind;
    uint32_t statement;            /* see vl_view_write_statement */
    vl_tree_id tree;               /* where */
    int64_t rowid;                 /* of a row; RANGE: the first one; of an entry: as vl_undo's */
    const void *key;               /* of an entry, not NULL even if empty; NULL of a row */
    uint32_t key_size;             /* bytes of key */
    uint32_t column_count;         /* UPDATE, REINSERT: of columns */
    const vl_leaf_change *columns; /* old values, by rising id */
} vl_undo_change;

/* ---- the pool ---- */

/* Make a pool. Memory comes from the context's allocator, later too.
 *
 * budget_bytes  the most that may be in use; 0 for no limit
 * errors        VELO_NOMEM */
velo_status vl_undo_pool_create(vl_ctx *ctx, uint64_t budget_bytes, vl_undo_pool **out)
    VL_MUST_CHECK;

/* Let what passes the budget go to a file in the folder of the database at `path`; once, before the
 * pool is used. Errors: VELO_NOMEM. */
velo_status vl_undo_pool_set_spill(vl_ctx *ctx, vl_undo_pool *pool, vl_io *io, const char *path)
    VL_MUST_CHECK;

/* Destroy; every log is gone by then. NULL is allowed. */
void vl_undo_pool_destroy(vl_undo_pool *pool);

/* Bytes of memory that are in use: at most the budget, which is as given; and those in the file;
 * and what the file takes. Any thread. */
uint64_t vl_undo_pool_used(const vl_undo_pool *pool);
uint64_t vl_undo_pool_budget(const vl_undo_pool *pool);
uint64_t vl_undo_pool_spilled(const vl_undo_pool *pool);
uint64_t vl_undo_pool_file_size(const vl_undo_pool *pool);

/* With nothing latched, every now and then: keep the file as large as it has to be. Whether that
 * succeeds shows when it is wanted. Any thread. */
void vl_undo_pool_tend(vl_ctx *ctx, vl_undo_pool *pool);

/* Older versions of so many rows were made, read, or taken away; and a moment, outside of write
 * sections, to let go of what was: bounds what of the file is in the process's memory
 * (undo_spill.h). Any thread, pages may be latched. */
void vl_undo_pool_touch(vl_undo_pool *pool, uint32_t count);
void vl_undo_pool_settle(vl_undo_pool *pool, uint32_t count);

/* What a page with versions counts for: those of its rows mostly lie together. */
#define VL_UNDO_PAGE_TOUCHES 64U

/* Memory that counts in the budget, or room in the file. vl_undo_pool_alloc: VELO_FULL, VELO_NOMEM,
 * those of vl_undo_spill_alloc. Without a context it is wanted only to do better: there is no
 * message, and the file does not grow for it. Any thread. */
velo_status vl_undo_pool_alloc(vl_ctx *ctx, vl_undo_pool *pool, size_t size, void **out)
    VL_MUST_CHECK;
void vl_undo_pool_free(vl_undo_pool *pool, void *block);

/* ---- a transaction's log ---- */

/* Begin a log: at the transaction's first change. It has a reference to the status, for all its
 * records. Errors: VELO_FULL, VELO_NOMEM. */
velo_status vl_undo_log_create(vl_ctx *ctx, vl_undo_pool *pool, vl_txn_status *status,
                               vl_undo_log **out) VL_MUST_CHECK;

/* Record a change, as the log's last: before the write section, since it may fail. The record is in
 * no chain yet. Who gives the change up takes it back at once (vl_undo_pop); inside the section its
 * `position` is set and it is linked (vl_versions_push). Errors: VELO_FULL, VELO_NOMEM: then the
 * log is as it was. */
velo_status vl_undo_append(vl_ctx *ctx, vl_undo_log *log, const vl_undo_change *change,
                           vl_undo **out) VL_MUST_CHECK;

/* Note the log position of the change, in its write section. */
void vl_undo_set_position(vl_undo *record, uint64_t position);

/* The last record, NULL when there is none. */
vl_undo *vl_undo_last(const vl_undo_log *log);

/* Take the last record away: it is in no chain any more, or never was. The memory is used again
 * unless somebody holds the log. */
void vl_undo_pop(vl_undo_log *log);

/* A point to go back to: a savepoint, the begin of a statement. Good until the log goes back behind
 * it. Going back: while the log is not at the mark, undo the last record in its page, take it out
 * of its chain and pop it; of a range, row by row. */
typedef struct vl_undo_mark {
    const vl_undo *last; /* what was the last record then; NULL: none */
    int64_t rowid;       /* if that is a range: its last row then */
} vl_undo_mark;

vl_undo_mark vl_undo_log_mark(const vl_undo_log *log);
int vl_undo_log_is_at(const vl_undo_log *log, vl_undo_mark mark);

/* The transaction has ended: committed, or aborted and undone, every record. The log goes when its
 * last record has left its chain; until then vl_undo_pool_take finds it. NULL is allowed. */
void vl_undo_log_finish(vl_undo_log *log);

/* Hold a log, its records and their contents (a checkpoint does, which writes them: it begins at
 * the barrier, while no section runs; 11, item 12). Any thread. */
void vl_undo_log_hold(vl_undo_log *log);
void vl_undo_log_release(vl_undo_log *log);

/* Garbage: the first finished log, if its commit is at or before `oldest`, held for the caller, and
 * no more found by others; NULL: there is none. The caller prunes the row of each of its records
 * (prune.h) and releases it. Any thread; takes the pool's latch. */
vl_undo_log *vl_undo_pool_take(vl_undo_pool *pool, vl_timestamp oldest) VL_MUST_CHECK;

/* Whether vl_undo_pool_take would give one: for who looks every so often. */
int vl_undo_pool_can_take(vl_undo_pool *pool, vl_timestamp oldest);

/* How far who took a log has come: the record to be looked at next, the last one at first. By who
 * has taken it. */
vl_undo *vl_undo_log_resume(const vl_undo_log *log);
void vl_undo_log_set_resume(vl_undo_log *log, vl_undo *record);

/* Put a log back that was taken, as the first, and release it: pruning it has failed. */
void vl_undo_log_put_back(vl_undo_log *log);

/* ---- for versions.c, ranges.c, prune.c ---- */

/* A record came into a chain, or left it; the latter may free it, and its log with it. */
void vl_undo_linked(vl_undo *record);
void vl_undo_unlinked(vl_undo *record);

/* Whether a record of a finished log may still be in a chain; 0: it is not, and never will be.
 * Without the leaf's latch. */
int vl_undo_is_linked(const vl_undo *record);

/* Make a record of its own, outside of any transaction's log, with the state and columns given and
 * all else as in `like`. It counts as linked: vl_undo_unlinked frees it. Its log is listed
 * before all that are finished (vl_undo_pool_take).
 * Errors: VELO_FULL, VELO_NOMEM. */
velo_status vl_undo_make_merged(vl_ctx *ctx, const vl_undo *like, const vl_leaf_change *columns,
                                uint32_t count, vl_undo **out) VL_MUST_CHECK;

#endif
