/* test_txn_share.c - key-share locks: rows and entries that others must not delete meanwhile. */
#include "lib/txn_rig.h"
#include "lib/unit.h"

#include "base/thread.h"
#include "txn/key_share.h"
#include "txn/txn_int.h"

/* A test's rig in memory, with rows 1 to 5 (their values as well) and entries of the same keys. */
#define WITH_RIG()                                                                                 \
    txn_rig rig = {0};                                                                             \
    CHECK_OK(rig_init(unit_ctx(), &rig, unit_seed(), 1));                                          \
    CHECK_OK(share_fill(unit_ctx(), &rig))

static velo_status
share_fill(vl_ctx *ctx, txn_rig *rig)
{
    for (int64_t i = 1; i <= 5; i++) {
        VL_TRY(rig_insert(ctx, rig, 0, i, i));
        VL_TRY(rig_put(ctx, rig, 0, (uint64_t)i, (uint32_t)i));
    }
    return VELO_OK;
}

/* Session `index` is between calls: whoever has to wait for it gives up at once. */
static void
share_idle(txn_rig *rig, unsigned index)
{
    vl_session_leave_call(rig->session[index]);
}

static void
share_work(txn_rig *rig, unsigned index)
{
    vl_session_enter_call(rig->session[index]);
}

static uint64_t
share_count(const txn_rig *rig)
{
    return vl_key_shares_count(rig->store->shares);
}

/* A held row stays until the holder ends, in any way; its columns change, others hold it too. */
static void
share_keeps_a_row_until_the_end(void)
{
    for (int is_commit = 0; is_commit < 2; is_commit++) {
        WITH_RIG();
        CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
        CHECK_OK(vl_session_begin(unit_ctx(), rig.session[1], VL_TXN_DEFERRED));
        CHECK_OK(rig_share(unit_ctx(), &rig, 0, 3));
        CHECK_OK(rig_share(unit_ctx(), &rig, 1, 3));
        CHECK_OK(rig_share(unit_ctx(), &rig, 0, 3)); /* again: one lock */
        CHECK_EQ(share_count(&rig), 2);
        share_idle(&rig, 0);
        share_idle(&rig, 1);
        CHECK_OK(rig_update(unit_ctx(), &rig, 2, 3, 33));
        CHECK_STATUS(rig_delete(unit_ctx(), &rig, 2, 3), VELO_BUSY);
        CHECK(strstr(unit_ctx()->error.text, "key-share lock") != NULL);
        CHECK_OK(rig_delete(unit_ctx(), &rig, 2, 4)); /* others are not held */
        share_work(&rig, 0);
        CHECK_OK(is_commit ? vl_session_commit(unit_ctx(), rig.session[0])
                           : vl_session_rollback(unit_ctx(), rig.session[0]));
        CHECK_STATUS(rig_delete(unit_ctx(), &rig, 2, 3), VELO_BUSY); /* the other one's */
        share_work(&rig, 1);
        CHECK_OK(is_commit ? vl_session_commit(unit_ctx(), rig.session[1])
                           : vl_session_rollback(unit_ctx(), rig.session[1]));
        CHECK_EQ(share_count(&rig), 0);
        CHECK_OK(rig_delete(unit_ctx(), &rig, 2, 3));
        CHECK_EQ(rig_count(unit_ctx(), &rig, 0), 3);
        rig_deinit(&rig);
    }
}

/* One's own locks are in nobody's own way. */
static void
share_is_no_hindrance_to_oneself(void)
{
    WITH_RIG();
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    CHECK_OK(rig_share(unit_ctx(), &rig, 0, 1));
    CHECK_OK(rig_delete(unit_ctx(), &rig, 0, 1));
    CHECK_STATUS(rig_share(unit_ctx(), &rig, 0, 1), VELO_NOTFOUND);
    CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 1, 11));
    CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 9, 9));
    CHECK_OK(rig_share(unit_ctx(), &rig, 0, 1));
    CHECK_OK(rig_share(unit_ctx(), &rig, 0, 9));
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 1), 11);
    CHECK_EQ(share_count(&rig), 0);
    rig_deinit(&rig);
}

/* Entries: as rows; the row's other changes go on, and the value found is the newest one's. */
static void
share_keeps_an_entry(void)
{
    WITH_RIG();
    uint32_t value;

    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    CHECK_OK(rig_share_entry(unit_ctx(), &rig, 0, 2, &value));
    CHECK_EQ(value, 2);
    share_idle(&rig, 0);
    CHECK_STATUS(rig_remove(unit_ctx(), &rig, 1, 2), VELO_BUSY);
    CHECK_OK(rig_update(unit_ctx(), &rig, 1, 2, 22));
    CHECK_OK(rig_delete(unit_ctx(), &rig, 1, 2)); /* rows and entries have locks of their own */
    CHECK_OK(rig_remove(unit_ctx(), &rig, 1, 3));
    share_work(&rig, 0);
    CHECK_STATUS(rig_share_entry(unit_ctx(), &rig, 0, 77, &value), VELO_NOTFOUND);
    CHECK_STATUS(rig_share_entry(unit_ctx(), &rig, 0, 3, &value), VELO_BUSY_SNAPSHOT);
    CHECK(strstr(unit_ctx()->error.text, "x'0000000000000003' of tree") != NULL);
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
    CHECK_OK(rig_remove(unit_ctx(), &rig, 1, 2));
    rig_deinit(&rig);
}

/* The newest state counts; what is not decided yet is waited for, but changes of columns are not.
 */
static void
share_looks_at_the_newest_state(void)
{
    WITH_RIG();
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 1), 1); /* the snapshot */
    CHECK_OK(rig_insert(unit_ctx(), &rig, 2, 20, 20));
    CHECK_OK(rig_delete(unit_ctx(), &rig, 2, 2));
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[1], VL_TXN_DEFERRED));
    CHECK_OK(rig_insert(unit_ctx(), &rig, 1, 30, 30));
    CHECK_OK(
        rig_update(unit_ctx(), &rig, 1, 30, 31));    /* newest is an update of what is not there */
    CHECK_OK(rig_insert(unit_ctx(), &rig, 1, 0, 0)); /* not of a range */
    CHECK_OK(rig_delete(unit_ctx(), &rig, 1, 3));
    CHECK_OK(rig_update(unit_ctx(), &rig, 1, 4, 44));
    share_idle(&rig, 1);
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 20), INT64_MIN);
    CHECK_OK(rig_share(unit_ctx(), &rig, 0, 20));
    CHECK_STATUS(rig_share(unit_ctx(), &rig, 0, 2), VELO_BUSY_SNAPSHOT);
    CHECK(strstr(unit_ctx()->error.text, "conflict: row 2 of tree") != NULL);
    CHECK_STATUS(rig_share(unit_ctx(), &rig, 0, 30), VELO_BUSY);
    CHECK_STATUS(rig_share(unit_ctx(), &rig, 0, 0), VELO_BUSY);
    CHECK_STATUS(rig_share(unit_ctx(), &rig, 0, 3), VELO_BUSY);
    CHECK_STATUS(rig_share(unit_ctx(), &rig, 0, 100), VELO_NOTFOUND);
    CHECK_OK(rig_share(unit_ctx(), &rig, 0, 4));
    CHECK_EQ(share_count(&rig), 2); /* what was not held has left nothing */
    share_work(&rig, 1);
    CHECK_OK(vl_session_rollback(unit_ctx(), rig.session[1]));
    CHECK_OK(rig_share(unit_ctx(), &rig, 0, 3));
    CHECK_STATUS(rig_share(unit_ctx(), &rig, 0, 30), VELO_NOTFOUND);
    CHECK_EQ(share_count(&rig), 3);
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
    rig_deinit(&rig);
}

/* Going back to a savepoint, or out of a statement that fails, gives up what was held since. */
static void
share_ends_at_the_savepoint(void)
{
    WITH_RIG();
    vl_statement statement;
    vl_txn_mark mark;

    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    CHECK_OK(rig_share(unit_ctx(), &rig, 0, 1));
    mark = vl_session_save(rig.session[0]);
    CHECK_OK(rig_share(unit_ctx(), &rig, 0, 1)); /* held before: stays */
    CHECK_OK(rig_share(unit_ctx(), &rig, 0, 2));
    CHECK_EQ(share_count(&rig), 2);
    CHECK_OK(vl_session_rollback_to(unit_ctx(), rig.session[0], &mark));
    CHECK_EQ(share_count(&rig), 1);
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[0], 1, &statement));
    CHECK_OK(vl_rows_share(unit_ctx(), &statement, rig.table, 3));
    vl_statement_fail(unit_ctx(), &statement);
    CHECK_EQ(share_count(&rig), 1);
    share_idle(&rig, 0);
    CHECK_OK(rig_delete(unit_ctx(), &rig, 1, 2));
    CHECK_OK(rig_delete(unit_ctx(), &rig, 1, 3));
    CHECK_STATUS(rig_delete(unit_ctx(), &rig, 1, 1), VELO_BUSY);
    share_work(&rig, 0);
    CHECK_OK(vl_session_rollback(unit_ctx(), rig.session[0]));
    CHECK_OK(rig_delete(unit_ctx(), &rig, 1, 1));
    /* A statement of its own: its locks end with it. */
    CHECK_OK(rig_share(unit_ctx(), &rig, 1, 4));
    CHECK_EQ(share_count(&rig), 0);
    CHECK_OK(rig_delete(unit_ctx(), &rig, 2, 4));
    rig_deinit(&rig);
}

/* A restarted statement begins without what it held. */
static void
share_ends_when_a_statement_restarts(void)
{
    WITH_RIG();
    vl_value value = {.type = VL_TYPE_INTEGER, .as.integer = 7};
    vl_statement statement;

    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[0], 1, &statement));
    CHECK_OK(vl_rows_share(unit_ctx(), &statement, rig.table, 1));
    CHECK_OK(rig_update(unit_ctx(), &rig, 1, 2, 22));
    CHECK_STATUS(vl_rows_update(unit_ctx(), &statement, rig.table, 2, rig_ids, &value, 1),
                 VELO_BUSY_SNAPSHOT);
    CHECK_OK(vl_statement_restart(unit_ctx(), &statement));
    CHECK_EQ(share_count(&rig), 0);
    CHECK_OK(vl_rows_update(unit_ctx(), &statement, rig.table, 2, rig_ids, &value, 1));
    CHECK_OK(vl_statement_end(unit_ctx(), &statement));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 2), 7);
    rig_deinit(&rig);
}

/* A transaction that holds very many keys holds the tree, until it goes back behind that. */
static void
share_of_many_keys_is_of_the_tree(void)
{
    WITH_RIG();
    uint64_t max = VL_KEY_SHARES_MAX;
    vl_txn_mark mark;
    uint32_t value;

    for (int64_t i = 6; i <= (int64_t)max + 10; i++)
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, i, i));
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    for (int64_t i = 1; i <= (int64_t)max; i++)
        CHECK_OK(rig_share(unit_ctx(), &rig, 0, i));
    CHECK_EQ(share_count(&rig), max);
    mark = vl_session_save(rig.session[0]);
    for (int64_t i = 1; i <= (int64_t)max + 5; i++)
        CHECK_OK(rig_share(unit_ctx(), &rig, 0, i));
    CHECK_EQ(share_count(&rig), max + 1);
    CHECK_OK(rig_share_entry(unit_ctx(), &rig, 0, 1, &value));
    CHECK_EQ(share_count(&rig), max + 2);
    share_idle(&rig, 0);
    CHECK_STATUS(rig_delete(unit_ctx(), &rig, 1, (int64_t)max + 9), VELO_BUSY);
    CHECK_STATUS(rig_remove(unit_ctx(), &rig, 1, 5), VELO_BUSY);
    CHECK_OK(rig_update(unit_ctx(), &rig, 1, (int64_t)max + 9, 0));
    share_work(&rig, 0);
    CHECK_OK(vl_session_rollback_to(unit_ctx(), rig.session[0], &mark));
    share_idle(&rig, 0);
    CHECK_OK(rig_delete(unit_ctx(), &rig, 1, (int64_t)max + 9));
    CHECK_OK(rig_remove(unit_ctx(), &rig, 1, 5));
    CHECK_STATUS(rig_delete(unit_ctx(), &rig, 1, 2), VELO_BUSY);
    share_work(&rig, 0);
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
    CHECK_EQ(share_count(&rig), 0);
    rig_deinit(&rig);
}

/* The latest view sees what the snapshot does not: the children that a foreign key asks for. */
static void
share_latest_view_is_behind_the_snapshot(void)
{
    WITH_RIG();
    vl_statement statement;
    vl_view latest;

    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 1), 1);
    CHECK_OK(rig_insert(unit_ctx(), &rig, 1, 50, 50));
    CHECK_OK(rig_delete(unit_ctx(), &rig, 1, 1));
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[2], VL_TXN_DEFERRED));
    CHECK_OK(rig_insert(unit_ctx(), &rig, 2, 60, 60)); /* not committed */
    CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 70, 70));
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[0], 1, &statement));
    latest = vl_statement_latest(&statement);
    CHECK_EQ(rig_get_by(unit_ctx(), &rig, &statement.view, 1), 1);
    CHECK_EQ(rig_get_by(unit_ctx(), &rig, &latest, 1), INT64_MIN);
    CHECK_EQ(rig_get_by(unit_ctx(), &rig, &latest, 50), 50);
    CHECK_EQ(rig_get_by(unit_ctx(), &rig, &latest, 60), INT64_MIN);
    CHECK_EQ(rig_get_by(unit_ctx(), &rig, &latest, 70), 70);
    CHECK_EQ(rig_count_by(unit_ctx(), &rig, &latest, 0), 6);
    CHECK_OK(vl_statement_end(unit_ctx(), &statement));
    rig_deinit(&rig);
}

/* ---- waits ---- */

/* A thread that holds key 2 and wants to delete row 1. */
typedef struct share_other_side {
    txn_rig *rig;
    vl_ctx ctx;
    velo_status st;
} share_other_side;

static void
share_other_side_main(void *argument)
{
    share_other_side *self = argument;

    self->st = rig_delete(&self->ctx, self->rig, 1, 1);
    if (self->st == VELO_OK)
        self->st = vl_session_commit(&self->ctx, self->rig->session[1]);
    vl_session_leave_call(self->rig->session[1]);
}

static void
share_wait_for_a_wait(const txn_rig *rig)
{
    vl_txn_stats stats;

    do {
        vl_txn_store_get_stats(rig->store, &stats);
        vl_pause();
    } while (stats.wait_count == 0);
}

/* Each holds what the other one deletes: one of them is the victim, and both are named. */
static void
share_deadlock_ends_with_a_victim(void)
{
    WITH_RIG();
    share_other_side other = {.rig = &rig};
    vl_thread thread = {0};

    vl_ctx_init(&other.ctx, NULL, NULL);
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[1], VL_TXN_DEFERRED));
    CHECK_OK(rig_share(unit_ctx(), &rig, 0, 1));
    CHECK_OK(rig_share(unit_ctx(), &rig, 1, 2));
    CHECK_OK(rig_update(unit_ctx(), &rig, 1, 3, 33)); /* more work: not the victim */
    CHECK_OK(vl_thread_start(unit_ctx(), &thread, "other", share_other_side_main, &other));
    share_wait_for_a_wait(&rig);
    CHECK_STATUS(rig_delete(unit_ctx(), &rig, 0, 2), VELO_BUSY_SNAPSHOT);
    CHECK(strstr(unit_ctx()->error.text, "deadlock") != NULL);
    CHECK(strstr(unit_ctx()->error.text, "a key-share lock") != NULL);
    vl_thread_join(&thread);
    CHECK_EQ(other.st, VELO_OK);
    CHECK(vl_session_is_doomed(rig.session[0]));
    CHECK_OK(vl_session_rollback(unit_ctx(), rig.session[0]));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 1), INT64_MIN);
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 2), 2);
    CHECK_EQ(share_count(&rig), 0);
    share_work(&rig, 1);
    rig_deinit(&rig);
}

/* Who waits to delete goes on as soon as the holder goes back to its savepoint. */
static void
share_waiter_goes_on_after_rollback_to(void)
{
    WITH_RIG();
    share_other_side other = {.rig = &rig};
    vl_thread thread = {0};
    vl_txn_mark mark;

    vl_ctx_init(&other.ctx, NULL, NULL);
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[1], VL_TXN_DEFERRED));
    CHECK_OK(rig_update(unit_ctx(), &rig, 0, 5, 55));
    mark = vl_session_save(rig.session[0]);
    CHECK_OK(rig_share(unit_ctx(), &rig, 0, 1));
    CHECK_OK(vl_thread_start(unit_ctx(), &thread, "other", share_other_side_main, &other));
    share_wait_for_a_wait(&rig);
    CHECK_OK(vl_session_rollback_to(unit_ctx(), rig.session[0], &mark));
    vl_thread_join(&thread);
    CHECK_EQ(other.st, VELO_OK);
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 1), INT64_MIN);
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 5), 55);
    share_work(&rig, 1);
    rig_deinit(&rig);
}

/* ---- interleavings ---- */

/* Scripts of transactions, one letter a step: rows are parents 1 and 2 and their children 101, 102.
 *
 *     s S   hold parent 1, 2               c C   hold it and insert its child, as a statement
 *     u U   change another column of it    d D   delete it, if the latest view has no child
 *     i I   insert the parent again        r     roll back, instead of commit at the end
 *
 * A step that would have to wait is tried again later, when it is the transaction's turn: so it is
 * known at each moment whose turn it is. Who cannot go on at all (a circle) is rolled back. */
#define SHARE_SCRIPTS 3U

typedef struct share_run {
    txn_rig *rig;
    vl_ctx *ctx;
    const char *scripts[SHARE_SCRIPTS]; /* what each does */
    const char *at[SHARE_SCRIPTS];      /* its next step */
    int has_ended[SHARE_SCRIPTS];       /* committed or rolled back */
    const char *wrong;                  /* what a step has found, or NULL */
} share_run;

static velo_status
share_delete_step(share_run *run, vl_statement *statement, int64_t parent)
{
    vl_view latest;

    VL_TRY(vl_rows_delete(run->ctx, statement, run->rig->table, parent));
    latest = vl_statement_latest(statement);
    if (rig_get_by(run->ctx, run->rig, &latest, 100 + parent) != INT64_MIN)
        return vl_fail(run->ctx, VELO_CONSTRAINT, "it has a child");
    return VELO_OK;
}

static velo_status
share_child_step(share_run *run, vl_statement *statement, int64_t parent)
{
    vl_value values[RIG_COLUMNS] = {{.type = VL_TYPE_INTEGER, .as.integer = parent},
                                    {.type = VL_TYPE_NULL},
                                    {.type = VL_TYPE_NULL}};

    VL_TRY(vl_rows_share(run->ctx, statement, run->rig->table, parent));
    return vl_rows_insert(run->ctx, statement, run->rig->table, 100 + parent, values);
}

/* One step, as a statement. */
static velo_status
share_step(share_run *run, unsigned index, char what)
{
    int64_t parent = what >= 'a' ? 1 : 2;
    vl_value values[RIG_COLUMNS] = {{.type = VL_TYPE_INTEGER, .as.integer = 1000},
                                    {.type = VL_TYPE_NULL},
                                    {.type = VL_TYPE_NULL}};
    vl_statement statement;
    velo_status st;

    VL_TRY(vl_statement_begin(run->ctx, run->rig->session[index], 1, &statement));
    switch (what) {
    case 's':
    case 'S':
        st = vl_rows_share(run->ctx, &statement, run->rig->table, parent);
        break;
    case 'c':
    case 'C':
        st = share_child_step(run, &statement, parent);
        break;
    case 'u':
    case 'U':
        st = vl_rows_update(run->ctx, &statement, run->rig->table, parent, rig_ids, values, 1);
        break;
    case 'i':
    case 'I':
        st = vl_rows_insert(run->ctx, &statement, run->rig->table, parent, values);
        break;
    default:
        st = share_delete_step(run, &statement, parent);
        break;
    }
    if (st == VELO_OK)
        return vl_statement_end(run->ctx, &statement);
    vl_statement_fail(run->ctx, &statement);
    return st;
}

/* It is a transaction's turn: 1 when it has come further. */
static int
share_turn(share_run *run, unsigned index)
{
    vl_session *session = run->rig->session[index];
    char what = *run->at[index];
    velo_status st;

    if (run->has_ended[index])
        return 0;
    vl_session_enter_call(session);
    if (run->at[index] == run->scripts[index] && !vl_session_is_in_transaction(session) &&
        vl_session_begin(run->ctx, session, VL_TXN_DEFERRED) != VELO_OK)
        run->wrong = "begin failed";
    if (what == '\0' || what == 'r') {
        st = what == 'r' ? vl_session_rollback(run->ctx, session)
                         : vl_session_commit(run->ctx, session);
        run->has_ended[index] = 1;
        if (st != VELO_OK)
            run->wrong = "the end failed";
    } else {
        st = share_step(run, index, what);
        if (st != VELO_BUSY)
            run->at[index]++;
        if (st == VELO_BUSY_SNAPSHOT) { /* a conflict: it is over */
            run->has_ended[index] = 1;
            st = vl_session_rollback(run->ctx, session);
        }
        if (st != VELO_OK && st != VELO_BUSY && st != VELO_CONSTRAINT && st != VELO_NOTFOUND)
            run->wrong = "a step failed in a way that is not expected";
    }
    vl_session_leave_call(session);
    return st != VELO_BUSY;
}

/* The order is at its end: let all come to theirs. */
static void
share_finish(share_run *run)
{
    for (;;) {
        int has_moved = 0, is_left = 0;

        for (unsigned i = 0; i < SHARE_SCRIPTS; i++) {
            has_moved |= share_turn(run, i);
            is_left |= !run->has_ended[i];
        }
        if (!is_left)
            return;
        if (has_moved)
            continue;
        for (unsigned i = 0; i < SHARE_SCRIPTS; i++) /* a circle: the first one gives up */
            if (!run->has_ended[i]) {
                vl_session_enter_call(run->rig->session[i]);
                if (vl_session_rollback(run->ctx, run->rig->session[i]) != VELO_OK)
                    run->wrong = "rollback failed";
                vl_session_leave_call(run->rig->session[i]);
                run->has_ended[i] = 1;
                break;
            }
    }
}

/* What must be true whatever the order was: no child without its parent, no lock without a
 * transaction. */
static const char *
share_look(const share_run *run)
{
    for (int64_t parent = 1; parent <= 2; parent++)
        if (rig_get(run->ctx, run->rig, 3, 100 + parent) != INT64_MIN &&
            rig_get(run->ctx, run->rig, 3, parent) == INT64_MIN)
            return "a child is without its parent";
    return vl_key_shares_count(run->rig->store->shares) == 0 ? run->wrong : "a lock was left";
}

/* The rows of the next order. */
static velo_status
share_reset(share_run *run)
{
    for (int64_t parent = 1; parent <= 2; parent++) {
        if (rig_get(run->ctx, run->rig, 3, 100 + parent) != INT64_MIN)
            VL_TRY(rig_delete(run->ctx, run->rig, 3, 100 + parent));
        if (rig_get(run->ctx, run->rig, 3, parent) == INT64_MIN)
            VL_TRY(rig_insert(run->ctx, run->rig, 3, parent, parent));
    }
    for (unsigned i = 0; i < SHARE_SCRIPTS; i++) {
        run->at[i] = run->scripts[i];
        run->has_ended[i] = 0;
    }
    run->wrong = NULL;
    return VELO_OK;
}

/* Turns that a script needs: its steps and its end. */
static unsigned
share_turns(const char *script)
{
    unsigned steps = (unsigned)strlen(script);

    return steps > 0 && script[steps - 1] == 'r' ? steps : steps + 1;
}

/* Run all orders of the turns that are left; `order` has those before. Returns how many. */
static unsigned
share_orders(share_run *run, unsigned *left, char *order, unsigned length)
{
    unsigned runs = 0;
    int is_end = 1;

    for (unsigned i = 0; i < SHARE_SCRIPTS; i++) {
        if (left[i] == 0 || unit_has_failed())
            continue;
        is_end = 0;
        left[i]--;
        order[length] = (char)('0' + i);
        runs += share_orders(run, left, order, length + 1);
        left[i]++;
    }
    if (!is_end || unit_has_failed())
        return runs;
    order[length] = '\0';
    if (share_reset(run) != VELO_OK) {
        unit_failed(__FILE__, __LINE__, "%s: %s", order, run->ctx->error.text);
        return 0;
    }
    for (unsigned i = 0; i < length; i++)
        (void)share_turn(run, (unsigned)(order[i] - '0'));
    share_finish(run);
    if (share_look(run) != NULL)
        unit_failed(__FILE__, __LINE__, "%s %s %s in the order %s: %s", run->scripts[0],
                    run->scripts[1], run->scripts[2], order, share_look(run));
    return 1;
}

/* All interleavings of scripts: nobody is left without a parent. */
static void
share_every_interleaving_keeps_children_and_parents(void)
{
    static const char *const scripts[][SHARE_SCRIPTS] = {
        {"c", "d", ""},     {"cr", "d", "s"},  {"c", "di", "u"},   {"cC", "Dd", ""},
        {"cD", "Cd", ""},   {"sc", "ud", "u"}, {"c", "dr", "s"},   {"c", "d", "C"},
        {"di", "c", "dr"},  {"us", "d", "c"},  {"sSr", "cd", "D"}, {"ci", "dic", ""},
        {"dir", "sc", "d"},
    };
    WITH_RIG();
    share_run run = {.rig = &rig, .ctx = unit_ctx()};

    CHECK_OK(rig_delete(unit_ctx(), &rig, 0, 5));
    for (unsigned i = 0; i < SHARE_SCRIPTS; i++)
        share_idle(&rig, i);
    for (size_t i = 0; i < VL_ARRAY_COUNT(scripts); i++) {
        unsigned left[SHARE_SCRIPTS];
        char order[32];

        memcpy(run.scripts, scripts[i], sizeof run.scripts);
        for (unsigned j = 0; j < SHARE_SCRIPTS; j++)
            left[j] = share_turns(run.scripts[j]);
        CHECK(share_orders(&run, left, order, 0) >= 6);
    }
    for (unsigned i = 0; i < SHARE_SCRIPTS; i++)
        share_work(&rig, i);
    rig_deinit(&rig);
}

/* ---- failures ---- */

/* Each allocation on the way to a lock fails once: nothing is held then, and nothing is lost. */
static void
share_each_allocation_may_fail(void)
{
    velo_status st = VELO_NOMEM;

    for (unsigned nth = 1; st != VELO_OK; nth++) {
        vl_allocator allocator;
        txn_rig rig = {0};
        vl_ctx ctx;

        CHECK(nth < 100);
        vl_allocator_init(&allocator);
        vl_ctx_init(&ctx, &allocator, NULL);
        CHECK_EQ(rig_init(&ctx, &rig, unit_seed(), 1), VELO_OK);
        CHECK_EQ(share_fill(&ctx, &rig), VELO_OK);
        CHECK_EQ(vl_session_begin(&ctx, rig.session[0], VL_TXN_DEFERRED), VELO_OK);
        vl_allocator_fail_nth(&allocator, nth, 1);
        st = rig_share(&ctx, &rig, 0, 2);
        vl_allocator_fail_nth(&allocator, 0, 1);
        CHECK(st == VELO_OK || st == VELO_NOMEM);
        CHECK_EQ(share_count(&rig), st == VELO_OK);
        share_idle(&rig, 0);
        CHECK_EQ(rig_delete(&ctx, &rig, 1, 2), st == VELO_OK ? VELO_BUSY : VELO_OK);
        share_work(&rig, 0);
        CHECK_EQ(vl_session_commit(&ctx, rig.session[0]), VELO_OK);
        rig_deinit(&rig);
        CHECK_EQ(allocator.block_count, 0);
    }
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(share_keeps_a_row_until_the_end),
        UNIT_TEST(share_is_no_hindrance_to_oneself),
        UNIT_TEST(share_keeps_an_entry),
        UNIT_TEST(share_looks_at_the_newest_state),
        UNIT_TEST(share_ends_at_the_savepoint),
        UNIT_TEST(share_ends_when_a_statement_restarts),
        UNIT_TEST(share_of_many_keys_is_of_the_tree),
        UNIT_TEST(share_latest_view_is_behind_the_snapshot),
        UNIT_TEST(share_deadlock_ends_with_a_victim),
        UNIT_TEST(share_waiter_goes_on_after_rollback_to),
        UNIT_TEST(share_every_interleaving_keeps_children_and_parents),
        UNIT_TEST(share_each_allocation_may_fail),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
