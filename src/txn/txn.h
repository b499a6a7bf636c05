/* txn.h - transactions on a store: sessions, snapshots, statements, commit and rollback.
 *
 * What SQL stands on. A *transactional store* is a store (storage/store.h) whose rows and index
 * entries have versions. Each connection has a *session*, which has at most one transaction.
 *
 *     store      vl_txn_store_open
 *     session      vl_session_create
 *     transaction    vl_session_begin ... vl_session_commit, or none: each writing statement is one
 *     statement        vl_statement_begin ... vl_statement_end
 *     rows, entries      txn_rows.h, txn_keys.h; trees: below
 *
 * Snapshots. Outside of BEGIN a statement has the snapshot of the session's statements that are
 * open, or a new one if there are none; a commit of the session's own renews it for statements that
 * begin later (31, item 1). Inside of BEGIN all statements share one, taken by the first. What a
 * statement sees is its *view* (visible.h), which does not change while it is open: it may be read
 * by several threads at a time.
 *
 * Writing. A statement that writes is begun as such: then its transaction is numbered, and has
 * passed the writers' gate. Its changes carry its number: it does not see them, statements that
 * begin later, and programs that it starts (vl_statement_nest), do.
 *
 * What a failed change leaves. A change (a row, an entry) that fails has changed nothing. The
 * statement may go on, or go back to a point (vl_statement_mark), or be given up as a whole
 * (vl_statement_fail). After these the caller does the latter, whatever the rest of the
 * transaction:
 *
 *     VELO_BUSY_SNAPSHOT   somebody has changed and committed it after the snapshot; or the session
 *                          was chosen to end a deadlock: then vl_session_is_doomed says 1, all its
 *                          changes are undone, and everything but vl_session_rollback fails
 *     VELO_BUSY            an idle transaction is in the way, and the busy handler gave up
 *     VELO_INTERRUPT       see vl_session_interrupt
 *
 * Threads. A session, and a statement that writes, belong to one thread at a time, and are called
 * between vl_session_enter_call and _leave_call. Everything of the store itself: any thread, but
 * for opening and closing. No function is called with a latch held, unless it says so.
 *
 * After a crash the database has all transactions whose commit was acknowledged, and of the others
 * some that had been about to commit, none in part: those in the log's order up to some point. */
#ifndef VL_TXN_TXN_H
#define VL_TXN_TXN_H

#include "storage/store.h"
#include "storage/store_check.h"
#include "txn/undo.h"
#include "txn/visible.h"
#include "txn/wait.h"

typedef struct vl_txn_store vl_txn_store;
typedef struct vl_session vl_session;

/* ---- the store ---- */

typedef struct vl_txn_store_options {
    vl_store_options store; /* of the file, the cache and the log */
    uint64_t version_bytes; /* memory for older versions, the most; 0: an eighth of the cache if its
                               size is given, or a quarter of the machine's memory (or of the
                               container's limit). What passes it goes to a temporary file beside
                               the database (undo_spill.h). Of a database in memory, which has no
                               such file, 0 is as much as pages may take: no limit, unless the
                               cache's size is given; changes beyond fail with VELO_FULL */
} vl_txn_store_options;

/* Open or create a database, as vl_store_open: recovery leaves out what did not commit.
 *
 * path     NULL: in memory
 * options  NULL for defaults */
velo_status vl_txn_store_open(vl_ctx *ctx, vl_io *io, const char *path,
                              const vl_txn_store_options *options, vl_txn_store **out)
    VL_MUST_CHECK;

/* Close, as vl_store_close. All sessions are destroyed before. If changes are left that could not
 * be undone, the log stays, and the next open undoes them. NULL is allowed. */
velo_status vl_txn_store_close(vl_ctx *ctx, vl_txn_store *store);

/* Close without writing anything, as if the process had died. NULL is allowed. */
void vl_txn_store_abandon(vl_txn_store *store);

/* As vl_store_checkpoint. Transactions may be open: what they have changed so far is in the
 * checkpoint together with how it is undone. */
velo_status vl_txn_store_checkpoint(vl_ctx *ctx, vl_txn_store *store) VL_MUST_CHECK;

/* The store below: for statistics, settings and checks. Changing it past this layer is not
 * allowed. */
vl_store *vl_txn_store_base(const vl_txn_store *store);

/* About how many rows a table has (vl_table_estimate), which the caller may know of no more than
 * its number: whether it is there still is found out here, and nothing is dropped meanwhile.
 * Negative: not known, because it is gone, no table, or not to be had without waiting. */
double vl_txn_estimate_rows(vl_ctx *ctx, vl_txn_store *store, vl_tree_id id);

/* Take away older versions that nobody needs: what committers do a little of each time. Goes on
 * until nothing is left that can go now. Errors: those of reading pages; the rest stays for later.
 */
velo_status vl_txn_store_collect(vl_ctx *ctx, vl_txn_store *store) VL_MUST_CHECK;

/* vl_store_check while nobody collects: the caller sees to it that nobody else changes the store.
 */
velo_status vl_txn_store_check(vl_ctx *ctx, vl_txn_store *store, vl_store_fault *fault,
                               void *argument, vl_store_report *report) VL_MUST_CHECK;

typedef struct vl_txn_stats {
    uint64_t version_bytes;    /* memory that older versions take */
    uint64_t version_limit;    /* the most that they may take; 0: no limit */
    uint64_t spilled_bytes;    /* what they take in the temporary file */
    uint64_t spill_file_bytes; /* what that file takes */
    uint64_t commit_count;     /* transactions with changes that have committed */
    uint64_t rollback_count;   /* those that were rolled back */
    uint64_t wait_count;       /* waits for another transaction */
    uint64_t conflict_count;   /* changes refused because of a later commit */
    uint64_t dropped_count;    /* older versions that were thrown away */
    uint64_t merged_count;     /* pairs of them that became one */
    uint64_t purged_count;     /* tombstones taken off their pages */
    vl_timestamp published;    /* what new snapshots see */
    vl_timestamp oldest;       /* oldest snapshot that anybody has */
} vl_txn_stats;

void vl_txn_store_get_stats(vl_txn_store *store, vl_txn_stats *stats);

/* ---- sessions ---- */

/* Make a session. Errors: VELO_NOMEM. */
velo_status vl_session_create(vl_ctx *ctx, vl_txn_store *store, vl_session **out) VL_MUST_CHECK;

/* Make another session of a connection, in whatever store: it waits as the one beside it does, and
 * is the same node to others (wait.h), so that only one of them is told of calls. Its busy handler
 * and how it commits are those that the other one has now. Both are used by one thread at a time.
 * Two of them in one store must not write at a time. */
velo_status vl_session_create_beside(vl_ctx *ctx, vl_txn_store *store, const vl_session *beside,
                                     vl_session **out) VL_MUST_CHECK;

/* Destroy: its transaction is rolled back; no statement is open. NULL is allowed. */
void vl_session_destroy(vl_session *session);

/* The session is inside of a call of the application's from now on, or not any more: says whether
 * those who wait for its transaction have to ask their busy handler (wait.h). */
void vl_session_enter_call(vl_session *session);
void vl_session_leave_call(vl_session *session);

/* How commits are acknowledged: VL_SYNCHRONOUS_FULL at first. */
void vl_session_set_synchronous(vl_session *session, vl_synchronous synchronous);

/* What decides when an idle transaction is in the way: the handler, or without one the timeout;
 * 0 gives up at once (as at first), negative never. */
void vl_session_set_busy(vl_session *session, vl_wait_busy *busy, void *argument,
                         int64_t timeout_ns);

/* End a wait of this session, by any thread that keeps it alive: see vl_wait_interrupt. */
void vl_session_interrupt(vl_session *session);

/* ---- transactions ---- */

typedef enum vl_txn_mode {
    VL_TXN_DEFERRED,  /* BEGIN, BEGIN CONCURRENT: beside other writers */
    VL_TXN_IMMEDIATE, /* BEGIN IMMEDIATE, EXCLUSIVE: waits until it is the only writer, and then
                         takes its snapshot: no change in it can meet a conflict or wait */
} vl_txn_mode;

/* BEGIN. Errors: VELO_ERROR: a transaction is open; IMMEDIATE: those of vl_wait, VELO_READONLY,
 * VELO_NOMEM: none is open then. */
velo_status vl_session_begin(vl_ctx *ctx, vl_session *session, vl_txn_mode mode) VL_MUST_CHECK;

/* COMMIT. Statements that read may be open, and go on with what they see. Waits as `synchronous`
 * says.
 *
 * errors  VELO_ERROR: no transaction is open; VELO_BUSY: a statement that writes is open;
 * VELO_NOMEM, VELO_FULL, VELO_IOERR: the transaction is open still; VELO_BUSY_SNAPSHOT: it is
 * doomed. Of a failure to make the log durable (VELO_IOERR) the transaction is over, and whether it
 *         is found after reopening is not known */
velo_status vl_session_commit(vl_ctx *ctx, vl_session *session) VL_MUST_CHECK;

/* ROLLBACK. Statements may be open, and go on without what was undone. Always ends the transaction:
 * changes that cannot be undone now (a page cannot be read) count as undone, nobody sees them, and
 * they are undone later; the log of events is told. Errors: VELO_ERROR: no transaction is open. */
velo_status vl_session_rollback(vl_ctx *ctx, vl_session *session) VL_MUST_CHECK;

/* The timestamp of the session's last commit with changes; VL_TS_NONE: there was none. */
vl_timestamp vl_session_last_commit(const vl_session *session);

/* Whether BEGIN was said, and neither commit nor rollback since. */
int vl_session_is_in_transaction(const vl_session *session);

/* Whether the transaction has been chosen to end a deadlock: it is undone, and only rolled back. */
int vl_session_is_doomed(const vl_session *session);

/* A point of a transaction. Points nest: going back to one, or releasing it, ends all later ones.
 * The caller's memory. */
typedef struct vl_txn_mark {
    vl_undo_mark undo;        /* the last record then */
    uint64_t number;          /* of the transaction then; 0: it had changed nothing */
    vl_log_position position; /* where its next record will be, or behind */
    uint64_t shares;          /* keys that it held then */
    const vl_undo *growing;   /* the range that rows behind the mark may be put into, or NULL */
    int64_t growing_last;     /* its last row then */
    uint64_t pending_turn;    /* entries that had come to wait then (txn_pending.c) */
    uint32_t pending_count;   /* how many of them were known */
    uint32_t pending_put;     /* and how many of these were in their indexes */
} vl_txn_mark;

/* Put entries that wait (vl_keys_pend) into their indexes: before marks between which and going
 * back there indexes are read, or entries deleted; statements' begins and vl_statement_pause do
 * without. Errors: those of vl_keys_insert; then they wait still, unless the session is doomed. */
velo_status vl_session_settle(vl_ctx *ctx, vl_session *session) VL_MUST_CHECK;

/* SAVEPOINT, inside of BEGIN, after vl_session_settle. */
vl_txn_mark vl_session_save(vl_session *session);

/* RELEASE: nothing is to be done for it here but that the caller does not use the mark any more. */

/* ROLLBACK TO: undo all changes since. The mark stays. Errors: when something cannot be undone now,
 * the whole transaction is doomed, as after a deadlock: VELO_ABORT. VELO_BUSY_SNAPSHOT: it was
 * doomed before. */
velo_status vl_session_rollback_to(vl_ctx *ctx, vl_session *session, const vl_txn_mark *mark)
    VL_MUST_CHECK;

/* ---- statements ---- */

/* A statement that is open: what it sees. The caller's memory, which stays where it is until
 * vl_statement_end. Read it, by any thread; do not change it. */
typedef struct vl_statement {
    vl_view view;              /* what it sees. Reading takes a view: this one, or
                                  vl_statement_newest */
    vl_session *session;       /* whose it is */
    int is_writing;            /* it may change rows and entries */
    int is_rolled_back;        /* it wrote, until its transaction was rolled back under it: set by
                                  the caller who does that, with is_writing 0 */
    int is_nested;             /* by vl_statement_nest */
    int is_blind;              /* for the caller to set: it reads no rows as of its begin, and fails
                                  only before it has put its row, which is one: so that row may pass
                                  for one of the statement before */
    int is_first;              /* private: of its transaction: txn_session.c, SE4 */
    int is_reader;             /* private: open since its transaction has committed */
    vl_txn_status *status;     /* private: view.own, with a reference; or NULL */
    uint32_t tries;            /* private: how often it was restarted */
    vl_txn_mark mark;          /* private: where it began */
    struct vl_statement *prev; /* private: list of the session's */
    struct vl_statement *next; /* private */
} vl_statement;

/* Begin a statement. One that writes, outside of BEGIN, opens a transaction of its own; one at a
 * time does.
 *
 * errors  writing: as vl_session_begin (IMMEDIATE), VELO_FULL, VELO_BUSY_SNAPSHOT: doomed. Nothing
 *         is open then */
velo_status vl_statement_begin(vl_ctx *ctx, vl_session *session, int is_writing,
                               vl_statement *statement) VL_MUST_CHECK;

/* Begin a program inside of a writing statement: a trigger, a cascade, a nested call. It sees all
 * that was done so far, writes with a higher number, and is ended first, by vl_statement_end: what
 * it did is undone with the statement around it only, unless vl_statement_mark was called for it.
 */
velo_status vl_statement_nest(vl_ctx *ctx, const vl_statement *outer, vl_statement *statement)
    VL_MUST_CHECK;

/* End a statement. One that wrote, outside of BEGIN, commits: errors as vl_session_commit; when the
 * transaction cannot be committed, it is rolled back. Its end is the end in any case. */
velo_status vl_statement_end(vl_ctx *ctx, vl_statement *statement) VL_MUST_CHECK;

/* Give a statement up: its changes are undone, and it is ended. Outside of BEGIN the transaction is
 * over. If it was the first one inside of BEGIN, wrote, and handed nothing out
 * (vl_statement_await), then the next one takes another snapshot. The context's error stays as it
 * is, so that it can be returned as what went wrong. */
void vl_statement_fail(vl_ctx *ctx, vl_statement *statement);

/* A point inside of a writing statement, and going back there: for ON CONFLICT of one row. Errors
 * as vl_session_rollback_to. Cheap where nothing was changed in between. */
vl_txn_mark vl_statement_mark(vl_statement *statement);

/* The same, for who goes back there only while no row of the statement was put since: entries may
 * have been. Rows behind it can then be in one undo record with those before. */
vl_txn_mark vl_statement_pause(vl_statement *statement);
velo_status vl_statement_back(vl_ctx *ctx, vl_statement *statement, const vl_txn_mark *mark)
    VL_MUST_CHECK;

/* Whether a statement can be restarted: it writes, is not nested, and is outside of BEGIN or the
 * first one inside of it, beside which no other was begun and of which nothing was handed out. */
int vl_statement_may_restart(const vl_statement *statement);

/* After VELO_BUSY_SNAPSHOT, of a statement that may be restarted and which has returned no row and
 * called nothing observable: undo what it has done, and go on from its beginning with a new
 * snapshot; also when it was chosen to end a deadlock. If it is done again it waits until it is the
 * only writer, so that it ends (11, item 30); while it has changed nothing, only after some more
 * times, so that many may change one row. Inside of BEGIN it stays the only one until the end of
 * the transaction then. Errors: VELO_BUSY_SNAPSHOT: it may not be restarted; as vl_statement_begin:
 * the caller gives it up. */
velo_status vl_statement_restart(vl_ctx *ctx, vl_statement *statement) VL_MUST_CHECK;

/* The view with all that the statement's transaction has done until now, its own changes too: for
 * reading a row again right before it is changed (31, item 2). */
vl_view vl_statement_newest(const vl_statement *statement);

/* The view of the newest committed state of everybody, with all that the statement's transaction
 * has done: for checking a foreign key, which the snapshot is not enough for. It is no snapshot:
 * two reads by it are of two moments. What it must not miss, the caller keeps from changing: who
 * has deleted a row, and then finds no child of it by this view, will have none (txn_rows.h,
 * vl_rows_share). */
vl_view vl_statement_latest(const vl_statement *statement);

/* Wait until what the statement has read may be handed out of the engine, which is taken for done
 * then: it is not restarted any more inside of BEGIN. Waiting is needed before the first row only
 * where vl_session_begin said IMMEDIATE or the statement was restarted (11, item 29); at once in
 * all other cases. Errors: those of the log. */
velo_status vl_statement_await(vl_ctx *ctx, vl_statement *statement) VL_MUST_CHECK;

/* ---- trees ---- */

/* Create a table (txn_rows.h) or an index (txn_keys.h), in the statement's transaction: gone again
 * if that is rolled back. Others must not use it before the commit: the catalog tells them of it.
 *
 * Until the next mark (a savepoint, the begin of a statement that is not nested, vl_statement_mark)
 * changes of the new tree take no memory for undoing them: so an index is filled by the statement
 * that creates it, best from sorted entries by vl_keys_load. They are seen by all of the session at
 * once, also by the statement itself.
 *
 * schema  of a table: columns and defaults, copied. NULL: an index
 * errors  as vl_writer_create_tree; VELO_TOOBIG: more columns than are stored side by side */
velo_status vl_txn_create_tree(vl_ctx *ctx, vl_statement *statement, const vl_leaf_schema *schema,
                               vl_tree_id *id) VL_MUST_CHECK;

/* The most columns that a table can have. */
uint32_t vl_txn_max_columns(const vl_txn_store *store);

/* Drop a tree in the statement's transaction. Its pages stay until no snapshot can reach it. No
 * other transaction has changed it and is open, and none changes it from now on: the caller sees to
 * that (31, item 16), for instance by VL_TXN_IMMEDIATE. Errors: VELO_NOTFOUND, VELO_FULL,
 * VELO_NOMEM. */
velo_status vl_txn_drop_tree(vl_ctx *ctx, vl_statement *statement, vl_tree_id id) VL_MUST_CHECK;

/* Add columns to a table, in the statement's transaction: rows that are there have the defaults.
 * The caller sees to it that no other transaction changes the table before this one has ended.
 *
 * Columns are added at once and for good: a transaction that is undone leaves them behind, unused,
 * which disturbs nobody, since columns are known by their ids, and those are never given again
 * (vl_txn_next_column). For the same reason columns are not dropped: who does not want them any
 * more no longer asks for them, and gives NULL for them in new rows.
 *
 * schema   columns by rising id, copied; those that the table has already may be among them
 * errors   VELO_TOOBIG: more columns than are stored side by side: the table is to be written anew;
 *          VELO_NOTFOUND, VELO_MISUSE: the tree is no table; VELO_BUSY, VELO_FULL, VELO_NOMEM,
 *          VELO_IOERR */
velo_status vl_txn_add_columns(vl_ctx *ctx, vl_statement *statement, vl_tree_id id,
                               const vl_leaf_schema *schema) VL_MUST_CHECK;

/* An id above those of all columns that a table's tree ever had. Errors: as vl_rows_open. */
velo_status vl_txn_next_column(vl_ctx *ctx, vl_txn_store *store, vl_tree_id id, uint32_t *next)
    VL_MUST_CHECK;

#endif
