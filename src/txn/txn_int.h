/* txn_int.h - what the parts of a transactional store share.
 *
 *   txn_store.c     open, close, the trees in memory, maps of pages that are not in memory
 *   txn_session.c   sessions, statements, snapshots, savepoints
 *   txn_end.c       the first change of a transaction, commit, rollback
 *   txn_undo.c      changes undone in their pages
 *   txn_list.c      the checkpoint's list of what open transactions have changed
 *   txn_collect.c   older versions and tombstones that nobody needs
 *   txn_change.c    what changes of rows and of entries have in common: conflicts, waits
 *   txn_rows.c      changes of rows            txn_scan.c    reading them
 *   txn_keys.c      changes of entries         txn_key_scan.c
 *   txn_pending.c   entries that wait to be put together
 *   txn_lock.c      key-share locks        txn_sequence.c  AUTOINCREMENT's rowids
 *   txn_tree.c      creating and dropping trees
 *   txn_columns.c   adding columns to tables
 *
 * Invariants
 *   T1  A change of a page, its log record, its undo record and the map that leads there are one
 *       write section; so is a step of undoing; so is a commit: the record and the status. Each is
 *       part of an operation (operation.h), as is that a transaction comes into the list of open
 *       ones or leaves it: so a checkpoint lists exactly those whose commit record lies behind it.
 *   T2  Nobody waits for a transaction within an operation, or with a latch held.
 *   T3  A record that is undone is the newest of its row: others wait for its transaction, or undo
 *       it themselves when that has been given up.
 *   T4  Rows of a page that are live there, without a record and outside of all ranges, are seen by
 *       everybody. */
#ifndef VL_TXN_TXN_INT_H
#define VL_TXN_TXN_INT_H

#include "base/latch.h"
#include "base/rank.h"
#include "storage/operation.h"
#include "storage/tree_key.h"
#include "txn/key_share.h"
#include "txn/prune.h"
#include "txn/txn_keys.h"
#include "txn/txn_rows.h"
#include "txn/write_gate.h"

/* Memory for older versions of a database in a file, if the owner did not say: a share of the
 * cache's, if he said how large that is; else of the machine's; or so much at least. */
#define VL_TXN_VERSION_CACHE_SHARE 8U
#define VL_TXN_VERSION_LEAST       (UINT64_C(1) << 20)
#define VL_TXN_VERSION_SHARE       4U
#define VL_TXN_VERSION_BYTES       (UINT64_C(64) << 20)

/* Ranges of rowids that a transaction goes on with at a time. */
#define VL_TXN_RANGES 4U

/* Transactions whose statements are open across their commit. With more, nothing is merged away. */
#define VL_TXN_READERS 32U

/* Transactions that one waits for at a time, at most, of those that hold a key. */
#define VL_TXN_OWNERS 4U

#define VL_TXN_TREE_BUCKETS 256U

/* A tree in memory. */
typedef struct vl_txn_tree {
    vl_txn_store *store;        /* whose */
    vl_store_tree *base;        /* in the store below */
    vl_tree_id id;              /* its number */
    vl_ranges *ranges;          /* of a table; else NULL */
    _Atomic uint32_t merge_at;  /* ranges that there may be before they are put together again */
    _Atomic int64_t next_rowid; /* of a table: INT64_MIN: not known */
    _Atomic int64_t sequence;   /* the greatest rowid that vl_rows_append_ever has given; INT64_MIN:
                                   not known. Raised by whoever can; to or from "not known" only
                                   under vl_txn_store.latch */
    uint64_t sequence_stamp;  /* what `sequence` is found by may have changed so many times; guarded
                                 by vl_txn_store.latch */
    uint64_t created_by;      /* number of the transaction that has created it; 0: an earlier one.
                                 Nobody else uses the tree while that is open */
    uint64_t created_at;      /* vl_session.mark_count then */
    struct vl_txn_tree *next; /* in its bucket; guarded by vl_txn_store.latch */
} vl_txn_tree;

struct vl_txn_table {
    vl_txn_tree tree;
};
struct vl_txn_index {
    vl_txn_tree tree;
};

/* A range that is being extended. */
typedef struct vl_txn_range {
    vl_txn_tree *tree; /* which table */
    vl_undo *record;   /* its record */
} vl_txn_range;

/* A tree that is to be dropped. */
typedef struct vl_txn_going {
    vl_tree_id tree;           /* which */
    struct vl_txn_going *next; /* of its transaction, or vl_txn_store.going */
} vl_txn_going;

/* A transaction that has changed something, or is about to. One thread's, but for the links. */
typedef struct vl_txn {
    vl_txn_store *store;                /* where */
    vl_txn_status *status;              /* with a reference */
    vl_undo_log *log;                   /* its changes; NULL once it has ended */
    uint64_t number;                    /* in the log on disk */
    vl_key_share_list shares;           /* keys that it holds */
    vl_txn_going *going;                /* trees that it drops if it commits */
    uint64_t changes;                   /* so far, as a measure of its work */
    uint64_t commits;                   /* vl_txn_store.commit_count when it began */
    vl_write_gate_entry gate;           /* its place there */
    int is_in_gate;                     /* it has entered */
    int sets_sequences;                 /* see vl_rows_set_sequences */
    vl_undo *growing;                   /* its newest range, if no mark of the caller's has come
                                           since: TX3; or NULL */
    uint32_t range_count;               /* of the following */
    vl_txn_range ranges[VL_TXN_RANGES]; /* the current statement's, that go on */
    struct vl_txn *prev;                /* vl_txn_store.open, or .left; guarded by its latch */
    struct vl_txn *next;                /* see there */
} vl_txn;

/* A value whose pages are to be freed. */
typedef struct vl_txn_garbage {
    vl_overflow value;           /* which */
    struct vl_txn_garbage *next; /* vl_txn_store.garbage */
} vl_txn_garbage;

struct vl_txn_store {
    vl_store *base;               /* trees, log, checkpoints */
    vl_allocator *allocator;      /* of who opened it */
    const vl_log *events;         /* likewise */
    vl_store_layer layer;         /* what the store below calls */
    int is_in_memory;             /* nothing is ever durable */
    vl_publish publish;           /* commits on their way */
    vl_snapshots *snapshots;      /* who reads when */
    vl_write_gate gate;           /* who writes */
    vl_txn_status_pool *statuses; /* of transactions */
    vl_undo_pool *pool;           /* of older versions */
    vl_key_shares *shares;        /* keys that are held */
    _Atomic(vl_writer *) lister;  /* for the checkpoint's list: used under the checkpoint's turn */
    _Atomic(vl_writer *) helper;  /* of the background thread */
    uint64_t helper_failed;       /* its own: commits when it could not go on; UINT64_MAX: it can */
    _Atomic int is_attached;      /* publish knows the log */
    vl_latch attach_turn;         /* no rank: one thread attaches it */

    _Atomic(vl_txn_garbage *) garbage; /* values whose pages are to be freed */
    vl_latch collect_turn;             /* no rank: one thread collects; held across that */
    _Atomic uint64_t collect_owed;     /* records that others would have collected */
    vl_latch undo_turn;          /* no rank: one thread undoes what was left; held across that */
    _Atomic uint64_t left_count; /* transactions in `left` */

    vl_latch kept_latch;         /* VL_RANK_TXN_KEPT: guards `kept` */
    vl_versions_kept kept;       /* maps of pages that are not in memory */
    _Atomic uint64_t kept_count; /* how many; read without the latch for "none" */

    vl_latch latch; /* VL_RANK_TXN_STORE: guards all that follows */
    vl_txn_tree *trees[VL_TXN_TREE_BUCKETS];
    vl_txn_tree *gone;   /* dropped: somebody may still point to them */
    vl_txn *open;        /* transactions that may have changed something */
    vl_txn *left;        /* aborted, with changes that could not be undone; also in no other list */
    vl_txn_going *going; /* dropped by those who have committed; snapshots may reach them still */
    uint32_t reader_count; /* of the following that are not NULL */
    uint32_t reader_rest;  /* statements of which there was no room there */
    vl_txn_status
        *readers[VL_TXN_READERS]; /* see vl_horizon; NULL: free. Statements have references */
    uint32_t reader_uses[VL_TXN_READERS]; /* statements for each */

    _Atomic uint64_t commit_count; /* see vl_txn_stats */
    _Atomic uint64_t rollback_count;
    _Atomic uint64_t wait_count;
    _Atomic uint64_t conflict_count;
    _Atomic uint64_t dropped_count;
    _Atomic uint64_t merged_count;
    _Atomic uint64_t purged_count;
};

typedef struct vl_txn_pending vl_txn_pending;

struct vl_session {
    vl_txn_store *store;        /* whose */
    vl_writer *writer;          /* memory for changes, and log records */
    vl_wait_node *node;         /* in the wait-for graph */
    vl_snapshot_slot *slot;     /* covers its snapshots */
    vl_synchronous synchronous; /* of commits */
    vl_wait_busy *busy;         /* see vl_session_set_busy */
    void *busy_argument;        /* of busy */
    int64_t timeout_ns;         /* see there */
    uint64_t mark_count;        /* marks that were given out */
    const vl_undo *guard; /* the last record at the newest mark of the caller's: it does not grow */
    vl_txn *txn;          /* its transaction, if that has begun to write */
    vl_txn *spare;        /* memory for the next one, or NULL */
    vl_statement *statements; /* those that are open */
    int is_in_txn;            /* between BEGIN and its end */
    int is_immediate;         /* BEGIN IMMEDIATE */
    int is_doomed;            /* all is undone, ROLLBACK is awaited */
    int has_snapshot;         /* inside of BEGIN: it has been taken */
    int is_renewed;           /* it has committed: statements to come see more */
    vl_timestamp snapshot;    /* of the transaction, or of the open statements */
    vl_timestamp committed;   /* of its last commit */
    vl_timestamp met;         /* the commit that the last conflict was with */
    uint32_t next_statement;  /* number of the next one */
    uint64_t owed;            /* records to be collected, see vl_txn_collect_owed */
    vl_txn_pending *pending;  /* entries that wait, NULL: there are none */
    uint32_t waiting;         /* how many */
};

/* ---- txn_store.c ---- */

/* The tree of an id, made when it is asked for the first time. VELO_NOTFOUND, VELO_NOMEM. */
velo_status vl_txn_tree_get(vl_ctx *ctx, vl_txn_store *store, vl_tree_id id, vl_txn_tree **out)
    VL_MUST_CHECK;

/* Forget a tree whose pages go: nobody uses it. */
void vl_txn_tree_forget(vl_txn_store *store, vl_txn_tree *tree);

/* Make sure that the log takes records and that commits can be published. */
velo_status vl_txn_make_ready(vl_ctx *ctx, vl_txn_store *store) VL_MUST_CHECK;

/* ---- txn_end.c ---- */

/* Begin to write: a number, a place in the gate. Waits. The session has no such transaction. */
velo_status vl_txn_start(vl_ctx *ctx, vl_session *session, int is_exclusive) VL_MUST_CHECK;

/* Commit what the session has written. On failure the transaction is as it was, unless *is_over. */
velo_status vl_txn_commit(vl_ctx *ctx, vl_session *session, int *is_over) VL_MUST_CHECK;

/* Do what a commit has left to be done once its session's snapshot is gone: in memory there is no
 * background thread, so what a load leaves is collected by who made it, or every scan to come would
 * look at it. */
void vl_txn_collect_owed(vl_ctx *ctx, vl_session *session);

/* Undo all, and end it. */
void vl_txn_abort(vl_ctx *ctx, vl_session *session);

/* Undo what came after a mark. Failure: the transaction cannot go on. */
velo_status vl_txn_back(vl_ctx *ctx, vl_session *session, const vl_txn_mark *mark) VL_MUST_CHECK;

/* The session is a deadlock's victim, or its transaction cannot go on: undo all, and wait for
 * ROLLBACK. */
void vl_txn_doom(vl_ctx *ctx, vl_session *session);

/* A statement that began at `begin` has ended, no other one is open: its range of rows and that of
 * the one before become one (11, item 19). */
void vl_txn_join_ranges(vl_session *session, const vl_txn_mark *begin);

/* Where the transaction is now. Ranges of a statement do not go on over it. */
vl_txn_mark vl_txn_get_mark(vl_session *session);

/* Undo what transactions have left that could not be undone at their end. Errors: why not now. */
velo_status vl_txn_undo_left(vl_ctx *ctx, vl_txn_store *store, vl_writer *writer) VL_MUST_CHECK;

/* ---- txn_pending.c ---- */

/* Put entries that wait. Errors: vl_session_settle. */
velo_status vl_txn_put_pending(vl_ctx *ctx, vl_session *session) VL_MUST_CHECK;

static inline velo_status
vl_txn_settle(vl_ctx *ctx, vl_session *session)
{
    return VL_LIKELY(session->waiting == 0) ? VELO_OK : vl_txn_put_pending(ctx, session);
}

/* Whether entries of an index may be among those that wait. */
int vl_txn_is_pending(const vl_session *session, const vl_txn_index *index);

/* The same for who is about to read an index, or to delete entries: others' may go on waiting.
 * session NULL: none. */
static inline velo_status
vl_txn_settle_index(vl_ctx *ctx, vl_session *session, const vl_txn_index *index)
{
    if (session == NULL || VL_LIKELY(session->waiting == 0) || !vl_txn_is_pending(session, index))
        return VELO_OK;
    return vl_txn_put_pending(ctx, session);
}

/* A statement is about to begin, and to take its mark: many do not go on waiting. */
velo_status vl_txn_begin_pending(vl_ctx *ctx, vl_session *session) VL_MUST_CHECK;

/* Complete a mark; whether one can be gone back to; and do so, what was put having been undone.
 * `mark` NULL: the begin of the transaction. */
void vl_txn_mark_pending(const vl_session *session, vl_txn_mark *mark);
int vl_txn_can_unpend(const vl_session *session, const vl_txn_mark *mark);
void vl_txn_unpend(vl_session *session, const vl_txn_mark *mark);

/* The transaction is over. */
void vl_txn_free_pending(vl_session *session);

/* ---- txn_undo.c ---- */

/* Undo the last change of a transaction, in its page, its chain and its log. */
velo_status vl_txn_undo_last(vl_ctx *ctx, vl_txn *txn, vl_writer *writer) VL_MUST_CHECK;

/* ---- txn_sequence.c ---- */

/* A row was undone: if its rowid was the last one given, and nobody else may have given one, what
 * was given last is to be found anew. Nothing is latched. */
void vl_txn_forget_sequence(const vl_txn *txn, vl_txn_tree *tree, int64_t rowid);

/* A transaction that may have changed what is kept of sequences has ended. */
void vl_txn_forget_sequences(vl_txn_store *store);

/* ---- txn_rows.c ---- */

/* Insert at a rowid unless it is taken in any way: *is_taken. */
velo_status vl_txn_append_at(vl_ctx *ctx, vl_statement *statement, vl_txn_table *table,
                             int64_t rowid, const vl_value *values, int *is_taken) VL_MUST_CHECK;

/* The range of a table that the current statement goes on with, or NULL; and a new one to go on
 * with, whose first row is `rowid`. */
vl_txn_range *vl_txn_find_range(vl_txn *txn, const vl_txn_tree *tree);
void vl_txn_note_range(vl_txn *txn, vl_txn_tree *tree, vl_undo *record);

/* Draw `count` rowids behind all others: *first receives the first of them, INT64_MIN: the numbers
 * are at their end. And give numbers up to `last` back, so that no gap stays unless somebody has
 * drawn others since. Errors: as vl_txn_find_next. */
velo_status vl_txn_draw_rowids(vl_ctx *ctx, vl_txn_tree *tree, uint32_t count, int64_t *first)
    VL_MUST_CHECK;
void vl_txn_undraw_rowids(vl_txn_tree *tree, int64_t last);

/* Find the number behind the largest row, INT64_MIN at the end of the numbers: own and foreign
 * uncommitted ones included, tombstones only if `with_tombstones`. */
velo_status vl_txn_find_next(vl_ctx *ctx, vl_txn_tree *tree, int with_tombstones, int64_t *next)
    VL_MUST_CHECK;

/* ---- txn_list.c ---- */

/* vl_store_layer.list. */
velo_status vl_txn_list(vl_ctx *ctx, void *user, uint64_t *count);

/* ---- txn_collect.c ---- */

/* Who may look at older versions now; `view` and `readers` are its memory. */
typedef struct vl_txn_horizon {
    vl_horizon horizon;                           /* to be passed on */
    vl_snapshot_view view;                        /* snapshots */
    const vl_txn_status *readers[VL_TXN_READERS]; /* see vl_horizon */
} vl_txn_horizon;
void vl_txn_get_horizon(vl_txn_store *store, vl_txn_horizon *horizon);

/* Begin a pass: values in overflow that nobody can reach go to the garbage of the store. */
void vl_txn_begin_prune(vl_txn_store *store, const vl_txn_horizon *horizon, vl_prune *prune);
void vl_txn_end_prune(vl_txn_store *store, const vl_prune *prune);

/* Collect a little, or (max_records UINT64_MAX) all that can go. */
velo_status vl_txn_collect(vl_ctx *ctx, vl_txn_store *store, vl_writer *writer,
                           uint64_t max_records) VL_MUST_CHECK;

/* vl_store_layer.tend: collect what has gathered, in parts, so that committers get their turn. */
void vl_txn_help(vl_ctx *ctx, void *user);

/* A value in overflow that nothing refers to any more. */
void vl_txn_add_garbage(vl_txn_store *store, vl_tree_id tree, vl_pid pid, uint32_t size);

/* Free the pages of garbage, outside of operations. */
void vl_txn_free_garbage(vl_ctx *ctx, vl_txn_store *store, vl_writer *writer);

/* A table gets another range: put neighbours together that nobody can tell apart, every so often.
 */
void vl_txn_merge_ranges(vl_txn_tree *tree);

/* A statement that is open when its transaction commits, and its end. */
void vl_txn_add_reader(vl_txn_store *store, vl_txn_status *status);
void vl_txn_remove_reader(vl_txn_store *store, vl_txn_status *status);

/* ---- txn_tree.c ---- */

/* The transaction has committed: its dropped trees are going. Under the store's latch. */
void vl_txn_go(vl_txn *txn);

/* The record of a drop is not needed any more: it was made, or will not be. And all of a log, which
 * somebody else refers to. */
void vl_txn_unlink_drop(vl_undo *record);
void vl_txn_unlink_drops(vl_undo_log *log);

/* Forget the notes of what is to go. */
void vl_txn_free_going(vl_txn_going *going);

/* Forget that a tree is to go: its drop was undone, or it has gone. */
void vl_txn_stay(vl_txn *txn, vl_tree_id tree);

/* No snapshot can reach a dropped tree any more: drop it. */
velo_status vl_txn_drop_for_good(vl_ctx *ctx, vl_txn_store *store, vl_writer *writer,
                                 vl_tree_id tree) VL_MUST_CHECK;

/* ---- txn_lock.c ---- */

/* The transaction holds no keys any more, and goes on; those who wait are told. */
void vl_txn_release_shares(vl_session *session);

/* ---- txn_change.c ---- */

/* What became of a try to change something under the leaf's latch. */
typedef enum vl_txn_verdict {
    VL_TXN_DONE,     /* or given up with an error */
    VL_TXN_WAIT,     /* for `owners`: try again then */
    VL_TXN_UNDO_LEFT /* something has to be undone first: try again then */
} vl_txn_verdict;

/* A change on its way. */
typedef struct vl_txn_change {
    vl_session *session;                 /* whose */
    vl_statement *statement;             /* which one changes */
    vl_txn_tree *tree;                   /* what */
    vl_wait_kind wait_kind;              /* a row, or a key */
    int64_t rowid;                       /* of a row */
    const void *key;                     /* of an entry; NULL: of a row */
    uint32_t key_size;                   /* of it */
    vl_txn_verdict verdict;              /* receives what became of it */
    vl_wait_kind owner_kind;             /* WAIT: for what */
    uint32_t owner_count;                /* WAIT: of owners */
    vl_wait_owner owners[VL_TXN_OWNERS]; /* WAIT: each with a reference */
} vl_txn_change;

/* Take note of whom to wait for: under the leaf's latch. */
void vl_txn_note_owner(vl_txn_change *change, const vl_txn_status *owner);

/* Whether others hold the row or entry that is to be deleted: they are noted as whom to wait for.
 * Under the leaf's exclusive latch. */
int vl_txn_is_held(vl_txn_change *change);

/* Do not wait for them: their references go. */
void vl_txn_forget_owners(vl_txn_change *change);

/* After a try, with nothing held: wait, or undo. VELO_OK: try again. */
velo_status vl_txn_await(vl_ctx *ctx, vl_txn_change *change) VL_MUST_CHECK;

/* The change is refused: somebody has committed since the snapshot. */
velo_status vl_txn_conflict(vl_ctx *ctx, vl_txn_change *change, const vl_versioned *row);

/* Whether the statement may change something at all. */
velo_status vl_txn_check_writing(vl_ctx *ctx, const vl_statement *statement) VL_MUST_CHECK;

/* Find the newest record of a row or an entry that is to be changed (key NULL: a row), NULL when
 * there is none, and keep its chain short if that grows beside a reader: under the leaf's exclusive
 * latch. `rowid`: as vl_undo's; `txn`: who changes it. In txn_collect.c. */
vl_undo *vl_txn_shorten(vl_txn_tree *tree, const vl_txn *txn, const vl_page_ref *leaf,
                        int64_t rowid, const void *key, uint32_t key_size);

/* Whether a tree was created since the session last gave out a mark: whatever is undone, the tree
 * goes as a whole, so what is changed in it leaves no undo records (11, item 19). */
static inline int
vl_txn_is_fresh(const vl_session *session, const vl_txn_tree *tree)
{
    return session->txn != NULL && tree->created_by == session->txn->number &&
           tree->created_at == session->mark_count;
}

/* Count a change; with nothing latched. */
void vl_txn_count_change(vl_ctx *ctx, vl_session *session);

/* The same of so many. */
void vl_txn_count_changes(vl_ctx *ctx, vl_session *session, uint32_t count);

/* ---- small things ---- */

static inline vl_cache *
vl_txn_cache(const vl_txn_tree *tree)
{
    return tree->base->tree.cache;
}

static inline vl_versions
vl_txn_map(const vl_txn_tree *tree, const vl_page_ref *leaf)
{
    return (vl_versions){vl_cache_attachment(vl_txn_cache(tree), leaf)};
}

/* The page of the rest of an entry's key: 0, unless the key is long and the entry on the page. */
static inline vl_pid
vl_txn_rest(const vl_txn_tree *tree, const vl_page_ref *leaf, uint32_t key_size,
            vl_tree_key_state state, uint32_t index)
{
    uint32_t page_size = tree->base->tree.page_size;

    if (VL_LIKELY(key_size <= vl_node_key_part_max(page_size)) || state == VL_TREE_KEY_ABSENT)
        return 0;
    return vl_node_key_entry_at(leaf->page, page_size, index, NULL).key.rest;
}

static inline void
vl_txn_set_map(const vl_txn_tree *tree, const vl_page_ref *leaf, vl_versions map)
{
    if (map.attachment != vl_cache_attachment(vl_txn_cache(tree), leaf))
        vl_cache_set_attachment(vl_txn_cache(tree), leaf, map.attachment);
}

#endif
