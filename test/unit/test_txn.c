/* test_txn.c - transactions on a store: what is seen, what is kept, what is undone. */
#include "lib/txn_rig.h"
#include "lib/unit.h"

#include "base/atomic.h"
#include "base/bytes.h"
#include "base/thread.h"

/* A test's rig, made and taken apart; checks are the caller's. */
#define WITH_RIG(is_memory)                                                                        \
    txn_rig rig = {0};                                                                             \
    CHECK_OK(rig_init(unit_ctx(), &rig, unit_seed(), is_memory))

static void
txn_rows_come_and_go_in_memory_and_file(void)
{
    for (int is_memory = 0; is_memory < 2; is_memory++) {
        WITH_RIG(is_memory);
        for (int64_t i = 1; i <= 100; i++)
            CHECK_OK(rig_insert(unit_ctx(), &rig, 0, i, 10 * i));
        CHECK_EQ(rig_count(unit_ctx(), &rig, 1), 100);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 7), 70);
        CHECK_OK(rig_update(unit_ctx(), &rig, 1, 7, 71));
        CHECK_OK(rig_delete(unit_ctx(), &rig, 1, 8));
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 7), 71);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 8), INT64_MIN);
        CHECK_EQ(rig_count(unit_ctx(), &rig, 0), 99);
        CHECK_STATUS(rig_insert(unit_ctx(), &rig, 0, 7, 1), VELO_CONSTRAINT);
        CHECK_STATUS(rig_update(unit_ctx(), &rig, 0, 8, 1), VELO_NOTFOUND);
        CHECK_STATUS(rig_delete(unit_ctx(), &rig, 0, 800), VELO_NOTFOUND);
        if (!is_memory) {
            CHECK_OK(rig_check(unit_ctx(), &rig));
            CHECK_OK(rig_close(unit_ctx(), &rig));
            CHECK_OK(rig_open(unit_ctx(), &rig));
            CHECK_EQ(rig_count(unit_ctx(), &rig, 0), 99);
            CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 7), 71);
        }
        rig_deinit(&rig);
    }
}

/* Without a background thread a load is collected with its commit, unless a reader is older;
 * whoever sees a load reads its leaves as if it had always been there. */
static void
txn_load_in_memory_leaves_no_versions(void)
{
    vl_txn_stats stats;
    uint64_t dropped;

    WITH_RIG(1);
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    for (int64_t i = 1; i <= 2000; i++)
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, i, i));
    CHECK_EQ(rig_count(unit_ctx(), &rig, 0), 2000);
    CHECK_EQ(rig_count(unit_ctx(), &rig, 1), 0);
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
    vl_txn_store_get_stats(rig.store, &stats);
    dropped = stats.dropped_count;
    CHECK_EQ(dropped, 1); /* of all rows */
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[1], VL_TXN_DEFERRED));
    CHECK_EQ(rig_count(unit_ctx(), &rig, 1), 2000);
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    for (int64_t i = 2001; i <= 3000; i++)
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, i, i));
    CHECK_EQ(rig_count(unit_ctx(), &rig, 0), 3000);
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
    CHECK_EQ(rig_count(unit_ctx(), &rig, 1), 2000);
    CHECK_EQ(rig_count(unit_ctx(), &rig, 0), 3000);
    vl_txn_store_get_stats(rig.store, &stats);
    CHECK_EQ(stats.dropped_count, dropped);
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[1]));
    CHECK_EQ(rig_count(unit_ctx(), &rig, 1), 3000);
    rig_deinit(&rig);
}

/* What is not committed is seen by its own transaction only, and gone after rollback. */
static void
txn_uncommitted_changes_are_ones_own(void)
{
    WITH_RIG(1);
    vl_session *one = rig.session[0];

    for (int64_t i = 1; i <= 10; i++)
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, i, i));
    for (int is_commit = 0; is_commit < 2; is_commit++) {
        CHECK_OK(vl_session_begin(unit_ctx(), one, VL_TXN_DEFERRED));
        CHECK_OK(rig_update(unit_ctx(), &rig, 0, 1, 100));
        CHECK_OK(rig_delete(unit_ctx(), &rig, 0, 2));
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 11, 11));
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 2, 22)); /* over its own tombstone */
        CHECK_OK(rig_delete(unit_ctx(), &rig, 0, 3));
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 1), 100);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 2), 22);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 11), 11);
        CHECK_EQ(rig_count(unit_ctx(), &rig, 0), 10);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 1), 1);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 2), 2);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 3), 3);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 11), INT64_MIN);
        CHECK_EQ(rig_count(unit_ctx(), &rig, 1), 10);
        if (is_commit)
            CHECK_OK(vl_session_commit(unit_ctx(), one));
        else
            CHECK_OK(vl_session_rollback(unit_ctx(), one));
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 1), is_commit ? 100 : 1);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 1), is_commit ? 100 : 1);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 2), is_commit ? 22 : 2);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 3), is_commit ? INT64_MIN : 3);
        CHECK_EQ(rig_count(unit_ctx(), &rig, 1), 10);
    }
    rig_deinit(&rig);
}

/* A snapshot sees the same for as long as it is open. */
static void
txn_snapshot_stays_what_it_was(void)
{
    WITH_RIG(1);
    vl_statement old;

    for (int64_t i = 1; i <= 300; i++)
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, i, i));
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[3], 0, &old));
    for (int64_t i = 1; i <= 300; i += 3)
        CHECK_OK(rig_update(unit_ctx(), &rig, 0, i, -i));
    for (int64_t i = 2; i <= 300; i += 3)
        CHECK_OK(rig_delete(unit_ctx(), &rig, 0, i));
    for (int64_t i = 301; i <= 400; i++)
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, i, i));
    for (int64_t i = 2; i <= 300; i += 6)
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, i, 7));
    CHECK_EQ(rig_count_by(unit_ctx(), &rig, &old.view, 0), 300);
    CHECK_EQ(rig_count_by(unit_ctx(), &rig, &old.view, 1), 300);
    for (int64_t i = 1; i <= 300; i++)
        CHECK_EQ(rig_get_by(unit_ctx(), &rig, &old.view, i), i);
    CHECK_EQ(rig_get_by(unit_ctx(), &rig, &old.view, 301), INT64_MIN);
    CHECK_EQ(rig_count(unit_ctx(), &rig, 1), 350);
    CHECK_OK(vl_statement_end(unit_ctx(), &old));
    CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
    CHECK_EQ(rig_count(unit_ctx(), &rig, 1), 350);
    rig_deinit(&rig);
}

/* After a crash all that was committed is there, and nothing else. */
static void
txn_crash_keeps_what_was_committed(void)
{
    for (int power = 0; power < 2; power++)
        for (int checkpoints = 0; checkpoints < 3; checkpoints++) {
            WITH_RIG(0);
            vl_session *open = rig.session[2];

            for (int64_t i = 1; i <= 50; i++)
                CHECK_OK(rig_insert(unit_ctx(), &rig, 0, i, i));
            CHECK_OK(vl_session_begin(unit_ctx(), open, VL_TXN_DEFERRED));
            CHECK_OK(rig_update(unit_ctx(), &rig, 2, 1, 100));
            CHECK_OK(rig_delete(unit_ctx(), &rig, 2, 2));
            CHECK_OK(rig_insert(unit_ctx(), &rig, 2, 51, 51));
            CHECK_OK(rig_insert(unit_ctx(), &rig, 2, 52, 52));
            CHECK_OK(rig_delete(unit_ctx(), &rig, 2, 4));
            CHECK_OK(rig_insert(unit_ctx(), &rig, 2, 4, 44));
            if (checkpoints > 0)
                CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
            CHECK_OK(rig_update(unit_ctx(), &rig, 0, 3, 33));
            CHECK_OK(rig_update(unit_ctx(), &rig, 2, 5, 55));
            if (checkpoints > 1)
                CHECK_OK(vl_session_commit(unit_ctx(), open));
            CHECK_OK(rig_crash(unit_ctx(), &rig, power, unit_seed()));
            CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 1), checkpoints > 1 ? 100 : 1);
            CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 2), checkpoints > 1 ? INT64_MIN : 2);
            CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 3), 33);
            CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 4), checkpoints > 1 ? 44 : 4);
            CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 5), checkpoints > 1 ? 55 : 5);
            CHECK_EQ(rig_count(unit_ctx(), &rig, 0), checkpoints > 1 ? 51 : 50);
            CHECK_OK(rig_check(unit_ctx(), &rig));
            rig_deinit(&rig);
        }
}

/* ---- conflicts ---- */

/* First updater wins: an idle owner is BUSY, a later commit a conflict, each naming the row. */
static void
txn_first_updater_wins(void)
{
    WITH_RIG(1);
    vl_session *one = rig.session[0], *two = rig.session[1];

    CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 1, 1));
    CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 2, 2));
    CHECK_OK(vl_session_begin(unit_ctx(), one, VL_TXN_DEFERRED));
    CHECK_OK(vl_session_begin(unit_ctx(), two, VL_TXN_DEFERRED));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 1), 1); /* the snapshot of the second one */
    CHECK_OK(rig_update(unit_ctx(), &rig, 0, 1, 10));
    vl_session_leave_call(one);
    CHECK_STATUS(rig_update(unit_ctx(), &rig, 1, 1, 11), VELO_BUSY);
    CHECK_STATUS(rig_delete(unit_ctx(), &rig, 1, 1), VELO_BUSY);
    CHECK_OK(rig_update(unit_ctx(), &rig, 1, 2, 22)); /* other rows are free */
    vl_session_enter_call(one);
    CHECK_OK(vl_session_commit(unit_ctx(), one));
    CHECK_STATUS(rig_update(unit_ctx(), &rig, 1, 1, 11), VELO_BUSY_SNAPSHOT);
    CHECK(strstr(unit_ctx()->error.text, "row 1 of tree") != NULL);
    CHECK(!vl_session_is_doomed(two));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 1), 1);
    CHECK_OK(vl_session_commit(unit_ctx(), two)); /* a conflict undoes the statement only */
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 1), 10);
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 2), 22);
    rig_deinit(&rig);
}

/* 11, items 21 and 22: a key that was deleted after the snapshot is a conflict, not free. */
static void
txn_tombstones_after_the_snapshot_conflict(void)
{
    WITH_RIG(1);
    vl_session *two = rig.session[1];

    CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 5, 5));
    CHECK_OK(rig_put(unit_ctx(), &rig, 0, 77, 5));
    CHECK_OK(vl_session_begin(unit_ctx(), two, VL_TXN_DEFERRED));
    CHECK_EQ(rig_find(unit_ctx(), &rig, 1, 77), 5);
    CHECK_OK(rig_delete(unit_ctx(), &rig, 0, 5));
    CHECK_OK(rig_remove(unit_ctx(), &rig, 0, 77));
    CHECK_STATUS(rig_insert(unit_ctx(), &rig, 1, 5, 6), VELO_BUSY_SNAPSHOT);
    CHECK_STATUS(rig_put(unit_ctx(), &rig, 1, 77, 6), VELO_BUSY_SNAPSHOT);
    CHECK(strstr(unit_ctx()->error.text, "x'000000000000004d'") != NULL);
    CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 5), 5);
    CHECK_EQ(rig_find(unit_ctx(), &rig, 1, 77), 5);
    CHECK_OK(vl_session_rollback(unit_ctx(), two));
    /* Another one inserts over the tombstone, while an older one looks. */
    CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 5, 50));
    CHECK_OK(vl_session_begin(unit_ctx(), two, VL_TXN_DEFERRED));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 5), 50);
    CHECK_OK(rig_delete(unit_ctx(), &rig, 0, 5));
    CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 5, 51));
    CHECK_OK(rig_put(unit_ctx(), &rig, 0, 77, 51));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 5), 50);
    CHECK_EQ(rig_find(unit_ctx(), &rig, 1, 77), INT64_MIN);
    CHECK_STATUS(rig_put(unit_ctx(), &rig, 1, 77, 9), VELO_CONSTRAINT); /* unseen, but there */
    CHECK_OK(vl_session_commit(unit_ctx(), two));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 5), 51);
    rig_deinit(&rig);
}

/* ---- entries ---- */

static void
txn_entries_are_versioned_like_rows(void)
{
    WITH_RIG(0);
    vl_session *one = rig.session[0];
    vl_statement old;

    for (uint64_t key = 0; key < 600; key++)
        CHECK_OK(rig_put(unit_ctx(), &rig, 0, 3 * key, (uint32_t)key));
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[3], 0, &old));
    for (int is_commit = 0; is_commit < 2; is_commit++) {
        CHECK_OK(vl_session_begin(unit_ctx(), one, VL_TXN_DEFERRED));
        for (uint64_t key = 0; key < 600; key += 2)
            CHECK_OK(rig_remove(unit_ctx(), &rig, 0, 3 * key));
        for (uint64_t key = 0; key < 600; key += 4)
            CHECK_OK(rig_put(unit_ctx(), &rig, 0, 3 * key, (uint32_t)(1000 + key)));
        for (uint64_t key = 0; key < 300; key++)
            CHECK_OK(rig_put(unit_ctx(), &rig, 0, 3 * key + 1, 7));
        CHECK_EQ(rig_find(unit_ctx(), &rig, 0, 12), 1004);
        CHECK_EQ(rig_find(unit_ctx(), &rig, 0, 6), INT64_MIN);
        CHECK_EQ(rig_find(unit_ctx(), &rig, 1, 12), 4);
        CHECK_EQ(rig_find(unit_ctx(), &rig, 1, 6), 2);
        CHECK_EQ(rig_find(unit_ctx(), &rig, 1, 1), INT64_MIN);
        if (is_commit)
            CHECK_OK(vl_session_commit(unit_ctx(), one));
        else
            CHECK_OK(vl_session_rollback(unit_ctx(), one));
        CHECK_EQ(rig_entries_by(unit_ctx(), &rig, &old.view, 0), 600);
        CHECK_EQ(rig_entries_by(unit_ctx(), &rig, &old.view, 1), 600);
        CHECK_EQ(rig_find_by(unit_ctx(), &rig, &old.view, 12), 4);
        CHECK_EQ(rig_find(unit_ctx(), &rig, 1, 12), is_commit ? 1004 : 4);
        CHECK_EQ(rig_find(unit_ctx(), &rig, 1, 6), is_commit ? INT64_MIN : 2);
        CHECK_EQ(rig_find(unit_ctx(), &rig, 1, 1), is_commit ? 7 : INT64_MIN);
    }
    CHECK_OK(vl_statement_end(unit_ctx(), &old));
    CHECK_OK(rig_check(unit_ctx(), &rig));
    CHECK_OK(rig_crash(unit_ctx(), &rig, 1, unit_seed()));
    CHECK_EQ(rig_find(unit_ctx(), &rig, 0, 12), 1004);
    CHECK_EQ(rig_find(unit_ctx(), &rig, 0, 6), INT64_MIN);
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[3], 0, &old));
    CHECK_EQ(rig_entries_by(unit_ctx(), &rig, &old.view, 1), 600 - 300 + 150 + 300);
    CHECK_OK(vl_statement_end(unit_ctx(), &old));
    CHECK_OK(rig_check(unit_ctx(), &rig));
    rig_deinit(&rig);
}

/* An entry that is there gives its value, for ON CONFLICT. Keys and values have limits. */
static void
txn_entry_that_is_there_is_shown(void)
{
    WITH_RIG(1);
    static uint8_t long_key[3 * VL_PAGE_MAX_SIZE];
    uint8_t other[VL_PAGE_MAX_SIZE / 16];
    uint32_t size = 0, max = sizeof long_key;
    vl_statement statement;
    int found;

    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[0], 1, &statement));
    CHECK_OK(vl_keys_insert(unit_ctx(), &statement, rig.index, "key", 3, "one", 3, other, &size));
    CHECK_STATUS(
        vl_keys_insert(unit_ctx(), &statement, rig.index, "key", 3, "two", 3, other, &size),
        VELO_CONSTRAINT);
    CHECK_EQ(size, 3);
    CHECK(memcmp(other, "one", 3) == 0);
    CHECK_OK(vl_keys_insert(unit_ctx(), &statement, rig.index, "", 0, "", 0, NULL, NULL));
    CHECK_OK(vl_keys_insert(unit_ctx(), &statement, rig.index, long_key, max, "x", 1, NULL, NULL));
    CHECK_STATUS(vl_keys_insert(unit_ctx(), &statement, rig.index, long_key,
                                VL_TREE_KEY_MAX_SIZE + 1, "x", 1, NULL, NULL),
                 VELO_TOOBIG);
    CHECK_STATUS(vl_keys_delete(unit_ctx(), &statement, rig.index, "kez", 3), VELO_NOTFOUND);
    CHECK_OK(vl_statement_end(unit_ctx(), &statement));
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[1], 0, &statement));
    CHECK_OK(vl_keys_find(unit_ctx(), rig.index, &statement.view, "", 0, other, &size, &found));
    CHECK(found && size == 0);
    CHECK_OK(
        vl_keys_find(unit_ctx(), rig.index, &statement.view, long_key, max, other, &size, &found));
    CHECK(found && size == 1);
    CHECK_OK(vl_statement_end(unit_ctx(), &statement));
    rig_deinit(&rig);
}

/* ---- savepoints and statements ---- */

/* 11, item 4: what was rolled back to a savepoint did not happen, also after a crash, whatever side
 * of a checkpoint it is on. */
static void
txn_savepoint_takes_back_what_came_after(void)
{
    for (int checkpoint = 0; checkpoint < 4; checkpoint++) {
        WITH_RIG(0);
        vl_session *one = rig.session[0];
        vl_txn_mark mark, inner;

        for (int64_t i = 1; i <= 20; i++)
            CHECK_OK(rig_insert(unit_ctx(), &rig, 1, i, i));
        CHECK_OK(vl_session_begin(unit_ctx(), one, VL_TXN_DEFERRED));
        CHECK_OK(rig_update(unit_ctx(), &rig, 0, 1, 100));
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 21, 21));
        mark = vl_session_save(one);
        CHECK_OK(rig_update(unit_ctx(), &rig, 0, 1, 101));
        CHECK_OK(rig_update(unit_ctx(), &rig, 0, 2, 102));
        CHECK_OK(rig_delete(unit_ctx(), &rig, 0, 3));
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 22, 22));
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 23, 23));
        CHECK_OK(rig_put(unit_ctx(), &rig, 0, 5, 5));
        if (checkpoint == 1)
            CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
        inner = vl_session_save(one);
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 3, 103));
        CHECK_OK(vl_session_rollback_to(unit_ctx(), one, &inner));
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 3), INT64_MIN);
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 24, 24));
        CHECK_OK(vl_session_rollback_to(unit_ctx(), one, &mark));
        if (checkpoint == 2)
            CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 1), 100);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 2), 2);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 3), 3);
        CHECK_EQ(rig_count(unit_ctx(), &rig, 0), 21);
        /* Somebody else takes the numbers that were given up, and commits first (hazard 3). */
        CHECK_OK(rig_insert(unit_ctx(), &rig, 1, 22, 222));
        CHECK_OK(rig_update(unit_ctx(), &rig, 1, 2, 202));
        CHECK_OK(rig_update(unit_ctx(), &rig, 0, 4, 104));
        if (checkpoint == 3)
            CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
        CHECK_OK(vl_session_commit(unit_ctx(), one));
        for (int again = 0; again < 2; again++) {
            CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 1), 100);
            CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 2), 202);
            CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 3), 3);
            CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 4), 104);
            CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 21), 21);
            CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 22), 222);
            CHECK_EQ(rig_find(unit_ctx(), &rig, 0, 5), INT64_MIN);
            CHECK_EQ(rig_count(unit_ctx(), &rig, 0), 22);
            if (!again)
                CHECK_OK(rig_crash(unit_ctx(), &rig, 1, unit_seed()));
        }
        CHECK_OK(rig_check(unit_ctx(), &rig));
        rig_deinit(&rig);
    }
}

/* A statement that fails takes back its own changes only; a mark inside it those behind it. */
static void
txn_statement_that_fails_leaves_nothing(void)
{
    WITH_RIG(1);
    vl_session *one = rig.session[0];
    vl_value values[RIG_COLUMNS] = {
        {.type = VL_TYPE_NULL}, {.type = VL_TYPE_NULL}, {.type = VL_TYPE_NULL}};
    vl_statement statement;
    vl_txn_mark mark;

    CHECK_OK(vl_session_begin(unit_ctx(), one, VL_TXN_DEFERRED));
    CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 1, 1));
    CHECK_OK(vl_statement_begin(unit_ctx(), one, 1, &statement));
    for (int64_t i = 2; i < 100; i++)
        CHECK_OK(vl_rows_insert(unit_ctx(), &statement, rig.table, i, values));
    mark = vl_statement_mark(&statement);
    CHECK_OK(vl_rows_insert(unit_ctx(), &statement, rig.table, 100, values));
    CHECK_OK(vl_rows_delete(unit_ctx(), &statement, rig.table, 50));
    CHECK_OK(vl_statement_back(unit_ctx(), &statement, &mark));
    CHECK_OK(vl_rows_insert(unit_ctx(), &statement, rig.table, 101, values));
    CHECK_STATUS(vl_rows_insert(unit_ctx(), &statement, rig.table, 1, values), VELO_CONSTRAINT);
    CHECK_EQ(rig_count(unit_ctx(), &rig, 0), 100); /* another statement sees what this one did */
    CHECK_EQ(rig_count_by(unit_ctx(), &rig, &statement.view, 0), 1);
    vl_statement_fail(unit_ctx(), &statement);
    CHECK_EQ(unit_ctx()->error.code, VELO_CONSTRAINT);
    CHECK_EQ(rig_count(unit_ctx(), &rig, 0), 1);
    CHECK_OK(vl_session_commit(unit_ctx(), one));
    CHECK_EQ(rig_count(unit_ctx(), &rig, 1), 1);
    rig_deinit(&rig);
}

/* 31, item 2: a nested program sees what its statement did, the statement does not see the
 * program's changes, and what it changes then stands on top of them. */
static void
txn_nested_program_and_its_statement(void)
{
    WITH_RIG(1);
    vl_value one = {.type = VL_TYPE_INTEGER, .as.integer = 1000};
    vl_statement outer, program;
    vl_view newest;
    uint32_t third = 3;

    CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 1, 1));
    CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 2, 2));
    CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 3, 3));
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[0], 1, &outer));
    CHECK_OK(vl_rows_update(unit_ctx(), &outer, rig.table, 1, rig_ids, &one, 1));
    CHECK_OK(vl_statement_nest(unit_ctx(), &outer, &program));
    CHECK_EQ(rig_get_by(unit_ctx(), &rig, &program.view, 1), 1000);
    CHECK_OK(vl_rows_update(unit_ctx(), &program, rig.table, 3, &third, &one, 1));
    CHECK_OK(vl_rows_delete(unit_ctx(), &program, rig.table, 2));
    CHECK_OK(vl_statement_end(unit_ctx(), &program));
    CHECK_EQ(rig_get_by(unit_ctx(), &rig, &outer.view, 1), 1);
    CHECK_EQ(rig_get_by(unit_ctx(), &rig, &outer.view, 2), 2);
    newest = vl_statement_newest(&outer);
    CHECK_EQ(rig_get_by(unit_ctx(), &rig, &newest, 2), INT64_MIN);
    CHECK_STATUS(vl_rows_update(unit_ctx(), &outer, rig.table, 2, rig_ids, &one, 1), VELO_NOTFOUND);
    CHECK_OK(vl_rows_update(unit_ctx(), &outer, rig.table, 3, rig_ids, &one, 1));
    CHECK_OK(vl_statement_end(unit_ctx(), &outer));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 3), 1000);
    CHECK_EQ(rig_count(unit_ctx(), &rig, 1), 2);
    rig_deinit(&rig);
}

/* 31, item 1: one's own autocommit writes while one reads. */
static void
txn_reading_goes_on_while_one_writes(void)
{
    WITH_RIG(1);
    vl_statement reading, later;

    for (int64_t i = 1; i <= 5; i++)
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, i, i));
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[0], 0, &reading));
    for (int64_t round = 1; round <= 3; round++)
        for (int64_t i = 1; i <= 5; i++)
            CHECK_OK(rig_update(unit_ctx(), &rig, 0, i, 100 * round + i));
    CHECK_EQ(rig_get_by(unit_ctx(), &rig, &reading.view, 4), 4);
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[0], 0, &later));
    CHECK_EQ(rig_get_by(unit_ctx(), &rig, &later.view, 4), 304);
    CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
    CHECK_EQ(rig_get_by(unit_ctx(), &rig, &reading.view, 4), 4);
    CHECK_OK(vl_statement_end(unit_ctx(), &reading));
    CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
    CHECK_EQ(rig_get_by(unit_ctx(), &rig, &later.view, 4), 304);
    CHECK_OK(vl_statement_end(unit_ctx(), &later));
    rig_deinit(&rig);
}

/* 31, item 4: a statement goes on across its transaction's end, with its own changes after a commit
 * and without them after a rollback; and what it sees is not pruned. */
static void
txn_statement_goes_on_across_the_end(void)
{
    for (int is_commit = 0; is_commit < 2; is_commit++) {
        WITH_RIG(1);
        vl_session *one = rig.session[0];
        vl_statement middle;

        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 1, 1));
        CHECK_OK(vl_session_begin(unit_ctx(), one, VL_TXN_DEFERRED));
        CHECK_OK(rig_update(unit_ctx(), &rig, 0, 1, 2));
        CHECK_OK(vl_statement_begin(unit_ctx(), one, 0, &middle));
        CHECK_OK(rig_update(unit_ctx(), &rig, 0, 1, 3));
        CHECK_EQ(rig_get_by(unit_ctx(), &rig, &middle.view, 1), 2);
        if (is_commit)
            CHECK_OK(vl_session_commit(unit_ctx(), one));
        else
            CHECK_OK(vl_session_rollback(unit_ctx(), one));
        for (int64_t i = 0; i < 30; i++)
            CHECK_OK(rig_update(unit_ctx(), &rig, 1, 1, 10 + i));
        CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
        CHECK_EQ(rig_get_by(unit_ctx(), &rig, &middle.view, 1), is_commit ? 2 : 1);
        CHECK_OK(vl_statement_end(unit_ctx(), &middle));
        CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 1), 39);
        rig_deinit(&rig);
    }
}

/* 31, item 6: nothing inside of BEGIN IMMEDIATE meets a conflict. */
static void
txn_immediate_is_the_only_writer(void)
{
    WITH_RIG(1);
    vl_session *one = rig.session[0], *two = rig.session[1];

    CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 1, 1));
    CHECK_OK(vl_session_begin(unit_ctx(), one, VL_TXN_IMMEDIATE));
    vl_session_leave_call(one);
    CHECK_STATUS(rig_update(unit_ctx(), &rig, 1, 1, 2), VELO_BUSY);
    CHECK_STATUS(vl_session_begin(unit_ctx(), two, VL_TXN_IMMEDIATE), VELO_BUSY);
    CHECK(!vl_session_is_in_transaction(two));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 1), 1); /* readers are not kept out */
    vl_session_enter_call(one);
    CHECK_OK(rig_update(unit_ctx(), &rig, 0, 1, 3));
    CHECK_OK(vl_session_commit(unit_ctx(), one));
    CHECK_OK(rig_update(unit_ctx(), &rig, 1, 1, 4));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 1), 4);
    rig_deinit(&rig);
}

/* 11, item 30: a statement of its own is begun again after a conflict. */
static void
txn_statement_restarts_after_a_conflict(void)
{
    WITH_RIG(1);
    vl_value value = {.type = VL_TYPE_INTEGER, .as.integer = 5};
    vl_statement statement;

    CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 1, 1));
    CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 2, 2));
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[0], 1, &statement));
    for (int64_t tries = 0; tries < 2; tries++) {
        CHECK_OK(vl_rows_update(unit_ctx(), &statement, rig.table, 2, rig_ids, &value, 1));
        CHECK_OK(rig_update(unit_ctx(), &rig, 1, 1, 10 + tries));
        CHECK_STATUS(vl_rows_update(unit_ctx(), &statement, rig.table, 1, rig_ids, &value, 1),
                     VELO_BUSY_SNAPSHOT);
        CHECK_OK(vl_statement_restart(unit_ctx(), &statement));
        CHECK_EQ(rig_get_by(unit_ctx(), &rig, &statement.view, 1), 10 + tries);
        CHECK_EQ(rig_get_by(unit_ctx(), &rig, &statement.view, 2), 2);
    }
    /* Now it is alone: nobody can come between. */
    vl_session_leave_call(rig.session[0]);
    CHECK_STATUS(rig_update(unit_ctx(), &rig, 1, 1, 12), VELO_BUSY);
    vl_session_enter_call(rig.session[0]);
    CHECK_OK(vl_rows_update(unit_ctx(), &statement, rig.table, 1, rig_ids, &value, 1));
    CHECK_OK(vl_statement_await(unit_ctx(), &statement));
    CHECK_OK(vl_statement_end(unit_ctx(), &statement));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 1), 5);
    CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 2), 2);
    rig_deinit(&rig);
}

/* ---- rowids ---- */

/* 31, item 12: the largest rowid + 1, as SQLite gives it. */
static void
txn_next_rowid_is_the_largest_and_one(void)
{
    WITH_RIG(1);
    vl_session *one = rig.session[0];
    vl_value values[RIG_COLUMNS] = {
        {.type = VL_TYPE_NULL}, {.type = VL_TYPE_NULL}, {.type = VL_TYPE_NULL}};
    vl_statement statement;
    int64_t rowid;

    for (int64_t i = 1; i <= 3; i++) {
        CHECK_OK(vl_statement_begin(unit_ctx(), one, 1, &statement));
        CHECK_OK(vl_rows_append(unit_ctx(), &statement, rig.table, values, &rowid));
        CHECK_OK(vl_statement_end(unit_ctx(), &statement));
        CHECK_EQ(rowid, i);
    }
    CHECK_OK(rig_delete(unit_ctx(), &rig, 0, 3)); /* the last one: its number is used again */
    CHECK_OK(vl_statement_begin(unit_ctx(), one, 1, &statement));
    CHECK_OK(vl_rows_append(unit_ctx(), &statement, rig.table, values, &rowid));
    CHECK_EQ(rowid, 3);
    CHECK_OK(vl_rows_append(unit_ctx(), &statement, rig.table, values, &rowid));
    CHECK_EQ(rowid, 4);
    vl_statement_fail(unit_ctx(), &statement); /* no gap after rollback */
    CHECK_OK(rig_delete(unit_ctx(), &rig, 0, 1));
    CHECK_OK(vl_statement_begin(unit_ctx(), one, 1, &statement));
    CHECK_OK(vl_rows_append(unit_ctx(), &statement, rig.table, values, &rowid));
    CHECK_EQ(rowid, 3);
    CHECK_OK(vl_rows_insert(unit_ctx(), &statement, rig.table, 1000, values));
    CHECK_OK(vl_rows_append(unit_ctx(), &statement, rig.table, values, &rowid));
    CHECK_EQ(rowid, 1001);
    CHECK_OK(vl_rows_insert(unit_ctx(), &statement, rig.table, INT64_MAX, values));
    CHECK_OK(vl_rows_append(unit_ctx(), &statement, rig.table, values, &rowid));
    CHECK(rowid > 0 && rowid < INT64_MAX && rowid != 1002);
    CHECK_OK(vl_statement_end(unit_ctx(), &statement));
    rig_deinit(&rig);
}

/* Somebody else's uncommitted rows and deletions at the right edge are passed by. */
static void
txn_next_rowid_passes_others_by(void)
{
    WITH_RIG(1);
    vl_session *one = rig.session[0];
    vl_value values[RIG_COLUMNS] = {
        {.type = VL_TYPE_NULL}, {.type = VL_TYPE_NULL}, {.type = VL_TYPE_NULL}};
    vl_statement statement;
    int64_t rowid;

    for (int64_t i = 1; i <= 5; i++)
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, i, i));
    CHECK_OK(vl_session_begin(unit_ctx(), one, VL_TXN_DEFERRED));
    CHECK_OK(rig_delete(unit_ctx(), &rig, 0, 5));
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[1], 1, &statement));
    CHECK_OK(vl_rows_append(unit_ctx(), &statement, rig.table, values, &rowid));
    CHECK_EQ(rowid, 6);
    CHECK_OK(vl_statement_end(unit_ctx(), &statement));
    CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 7, 7));
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[1], 1, &statement));
    CHECK_OK(vl_rows_append(unit_ctx(), &statement, rig.table, values, &rowid));
    CHECK_EQ(rowid, 8);
    CHECK_OK(vl_statement_end(unit_ctx(), &statement));
    CHECK_OK(vl_session_rollback(unit_ctx(), one));
    CHECK_EQ(rig_count(unit_ctx(), &rig, 1), 7);
    rig_deinit(&rig);
}

/* ---- long values ---- */

/* A row with a text of `size` bytes, each `fill`. */
static velo_status
txn_write_long(txn_rig *rig, unsigned session, int64_t rowid, uint32_t size, int fill, int is_new)
{
    static char text[200000];
    vl_value values[RIG_COLUMNS] = {{.type = VL_TYPE_INTEGER, .as.integer = fill},
                                    {.type = VL_TYPE_TEXT, .size = size, .as.data = text},
                                    {.type = VL_TYPE_NULL}};
    vl_statement statement;
    velo_status st;

    memset(text, fill, size);
    VL_TRY(vl_statement_begin(unit_ctx(), rig->session[session], 1, &statement));
    st = is_new ? vl_rows_insert(unit_ctx(), &statement, rig->table, rowid, values)
                : vl_rows_update(unit_ctx(), &statement, rig->table, rowid, rig_ids, values, 2);
    if (st != VELO_OK) {
        vl_statement_fail(unit_ctx(), &statement);
        return st;
    }
    return vl_statement_end(unit_ctx(), &statement);
}

/* Whether a row's text is `size` times `fill`. */
static int
txn_is_long(txn_rig *rig, const vl_view *view, int64_t rowid, uint32_t size, int fill)
{
    vl_value values[2];
    const char *text;
    int found;

    vl_arena_reset(&rig->arena);
    if (vl_rows_read(unit_ctx(), rig->table, view, rowid, rig_ids, 2, &rig->arena, values,
                     &found) != VELO_OK ||
        !found || values[0].as.integer != fill || values[1].size != size)
        return 0;
    text = values[1].as.data;
    for (uint32_t i = 0; i < size; i++)
        if (text[i] != (char)fill)
            return 0;
    return 1;
}

/* Long values are read as the view sees them, and none of their pages is lost, by commit, rollback,
 * pruning or a crash. */
static void
txn_long_values_keep_their_versions(void)
{
    for (int how = 0; how < 4; how++) {
        WITH_RIG(0);
        vl_session *one = rig.session[0];
        vl_statement old, now;

        for (int64_t i = 1; i <= 4; i++)
            CHECK_OK(txn_write_long(&rig, 0, i, 50000, (int)i, 1));
        CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[3], 0, &old));
        CHECK_OK(vl_session_begin(unit_ctx(), one, VL_TXN_DEFERRED));
        CHECK_OK(txn_write_long(&rig, 0, 1, 60000, 11, 0));
        CHECK_OK(txn_write_long(&rig, 0, 1, 70000, 12, 0));
        CHECK_OK(rig_delete(unit_ctx(), &rig, 0, 2));
        CHECK_OK(txn_write_long(&rig, 0, 2, 80000, 13, 1)); /* over its tombstone */
        CHECK_OK(rig_delete(unit_ctx(), &rig, 0, 3));
        CHECK_OK(txn_write_long(&rig, 0, 5, 90000, 14, 1));
        CHECK(txn_is_long(&rig, &old.view, 1, 50000, 1));
        CHECK(txn_is_long(&rig, &old.view, 2, 50000, 2));
        CHECK(txn_is_long(&rig, &old.view, 3, 50000, 3));
        if (how == 2 || how == 3)
            CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
        if (how == 0 || how == 2)
            CHECK_OK(vl_session_commit(unit_ctx(), one));
        else if (how == 1)
            CHECK_OK(vl_session_rollback(unit_ctx(), one));
        CHECK(txn_is_long(&rig, &old.view, 1, 50000, 1));
        CHECK(txn_is_long(&rig, &old.view, 2, 50000, 2));
        CHECK(txn_is_long(&rig, &old.view, 3, 50000, 3));
        CHECK_OK(vl_statement_end(unit_ctx(), &old));
        if (how >= 2)
            CHECK_OK(rig_crash(unit_ctx(), &rig, 1, unit_seed()));
        CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[3], 0, &now));
        if (how == 0 || how == 2) {
            CHECK(txn_is_long(&rig, &now.view, 1, 70000, 12));
            CHECK(txn_is_long(&rig, &now.view, 2, 80000, 13));
            CHECK_EQ(rig_get_by(unit_ctx(), &rig, &now.view, 3), INT64_MIN);
            CHECK(txn_is_long(&rig, &now.view, 5, 90000, 14));
        } else {
            for (int64_t i = 1; i <= 4; i++)
                CHECK(txn_is_long(&rig, &now.view, i, 50000, (int)i));
            CHECK_EQ(rig_get_by(unit_ctx(), &rig, &now.view, 5), INT64_MIN);
        }
        CHECK_OK(vl_statement_end(unit_ctx(), &now));
        CHECK_OK(rig_check(unit_ctx(), &rig));
        rig_deinit(&rig);
    }
}

/* ---- trees ---- */

/* Whether a tree is there. */
static int
txn_has_tree(txn_rig *rig, vl_tree_id id)
{
    vl_store_tree *tree;
    int has = vl_store_find_tree(unit_ctx(), vl_txn_store_base(rig->store), id, &tree) == VELO_OK;

    vl_error_clear(unit_ctx());
    return has;
}

/* A tree whose creation does not commit is gone, with its pages: after rollback, after a crash on
 * either side of a checkpoint. */
static void
txn_created_tree_goes_with_its_transaction(void)
{
    for (int how = 0; how < 5; how++) {
        WITH_RIG(0);
        vl_session *one = rig.session[0];
        vl_statement statement;
        vl_txn_index *index;
        vl_tree_id id;

        CHECK_OK(vl_session_begin(unit_ctx(), one, VL_TXN_DEFERRED));
        CHECK_OK(vl_statement_begin(unit_ctx(), one, 1, &statement));
        CHECK_OK(vl_txn_create_tree(unit_ctx(), &statement, NULL, &id));
        CHECK_OK(vl_keys_open(unit_ctx(), rig.store, id, &index));
        for (uint32_t i = 0; i < 500; i++)
            CHECK_OK(vl_keys_insert(unit_ctx(), &statement, index, &i, 4, "v", 1, NULL, NULL));
        CHECK_OK(vl_statement_end(unit_ctx(), &statement));
        if (how == 2 || how == 4)
            CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
        if (how == 0)
            CHECK_OK(vl_session_rollback(unit_ctx(), one));
        if (how >= 3)
            CHECK_OK(vl_session_commit(unit_ctx(), one));
        if (how != 0)
            CHECK_OK(rig_crash(unit_ctx(), &rig, 1, unit_seed()));
        CHECK_EQ(txn_has_tree(&rig, id), how >= 3);
        CHECK_OK(rig_check(unit_ctx(), &rig));
        rig_deinit(&rig);
    }
}

/* A tree that a statement creates and fills. */
enum {
    TXN_ENTRIES = VL_BY_BUILD(20000, 2000)
};
typedef struct txn_filled {
    vl_tree_key_item items[TXN_ENTRIES];
    uint8_t keys[TXN_ENTRIES][8];
    vl_tree_id index_id;
    vl_tree_id table_id;
    vl_txn_index *index;
    vl_txn_table *table;
} txn_filled;

static velo_status
txn_create_filled(txn_rig *rig, vl_statement *statement, txn_filled *filled)
{
    vl_leaf_value defaults[RIG_COLUMNS];
    vl_leaf_schema schema = {rig_ids, defaults, RIG_COLUMNS, 0};

    memset(defaults, 0, sizeof defaults);
    for (unsigned i = 0; i < RIG_COLUMNS; i++)
        defaults[i].value.type = VL_TYPE_NULL;
    for (uint32_t i = 0; i < TXN_ENTRIES; i++) {
        vl_store_be64(filled->keys[i], 3 * (uint64_t)i);
        filled->items[i] = (vl_tree_key_item){
            .key = filled->keys[i], .key_size = 8, .value = "val", .value_size = 3};
    }
    VL_TRY(vl_txn_create_tree(unit_ctx(), statement, NULL, &filled->index_id));
    VL_TRY(vl_txn_create_tree(unit_ctx(), statement, &schema, &filled->table_id));
    VL_TRY(vl_keys_open(unit_ctx(), rig->store, filled->index_id, &filled->index));
    return vl_rows_open(unit_ctx(), rig->store, filled->table_id, &filled->table);
}

static velo_status
txn_fill(vl_statement *statement, txn_filled *filled)
{
    vl_value values[RIG_COLUMNS] = {
        {.type = VL_TYPE_NULL}, {.type = VL_TYPE_NULL}, {.type = VL_TYPE_NULL}};
    uint32_t half = TXN_ENTRIES / 2;

    VL_TRY(vl_keys_load(unit_ctx(), statement, filled->index, filled->items, half));
    VL_TRY(vl_keys_load(unit_ctx(), statement, filled->index, filled->items + half, half));
    VL_TRY(vl_keys_insert(unit_ctx(), statement, filled->index, "one", 3, "x", 1, NULL, NULL));
    VL_TRY(vl_keys_insert(unit_ctx(), statement, filled->index, "two", 3, "x", 1, NULL, NULL));
    VL_TRY(vl_keys_delete(unit_ctx(), statement, filled->index, "two", 3));
    for (int64_t i = 1; i <= TXN_ENTRIES; i++)
        VL_TRY(vl_rows_insert(unit_ctx(), statement, filled->table, (i * 7919) % 100003, values));
    VL_TRY(vl_rows_delete(unit_ctx(), statement, filled->table, 7919));
    return vl_rows_update(unit_ctx(), statement, filled->table, 15838, rig_ids, values, 1);
}

/* Whether the trees have what was put there. */
static int
txn_is_filled(txn_rig *rig, txn_filled *filled)
{
    vl_tree_key_range all = {.has_high = 0};
    uint64_t rows = 0, entries = 0;
    vl_statement statement;
    vl_key_scan scan;

    if (vl_keys_open(unit_ctx(), rig->store, filled->index_id, &filled->index) != VELO_OK ||
        vl_rows_open(unit_ctx(), rig->store, filled->table_id, &filled->table) != VELO_OK ||
        vl_statement_begin(unit_ctx(), rig->session[1], 0, &statement) != VELO_OK)
        return 0;
    if (vl_rows_count(unit_ctx(), filled->table, &statement.view,
                      (vl_rowid_range){INT64_MIN, INT64_MAX}, &rows) != VELO_OK)
        rows = 0;
    vl_key_scan_begin(&scan, filled->index, &statement.view, &all, 0);
    while (vl_key_scan_next(unit_ctx(), &scan) == VELO_OK && scan.count > 0)
        entries += scan.count;
    vl_key_scan_end(&scan);
    return vl_statement_end(unit_ctx(), &statement) == VELO_OK && rows == TXN_ENTRIES - 1 &&
           entries == TXN_ENTRIES + 1;
}

/* 11, item 19: what is done to a tree before the next mark leaves no records: an index of any size
 * is filled; it goes as a whole, or stays, also after a crash. */
static void
txn_new_tree_is_filled_without_records(void)
{
    static txn_filled filled;

    for (int how = 0; how < 4; how++) {
        txn_rig rig = {.options.version_bytes = 20000};
        vl_statement statement;

        CHECK_OK(rig_init(unit_ctx(), &rig, unit_seed(), 0));
        CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[0], 1, &statement));
        CHECK_OK(txn_create_filled(&rig, &statement, &filled));
        CHECK_OK(txn_fill(&statement, &filled));
        if (how == 1)
            CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
        if (how == 3) /* an entry that is there */
            CHECK_STATUS(vl_keys_load(unit_ctx(), &statement, filled.index, filled.items, 1),
                         VELO_CONSTRAINT);
        if (how == 2) {
            vl_statement_fail(unit_ctx(), &statement);
        } else {
            CHECK_OK(vl_statement_end(unit_ctx(), &statement));
            CHECK_OK(rig_crash(unit_ctx(), &rig, 1, unit_seed()));
            CHECK(txn_is_filled(&rig, &filled));
            CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[1], 1, &statement));
            CHECK_STATUS(vl_keys_load(unit_ctx(), &statement, filled.index, filled.items, 1),
                         VELO_CONSTRAINT); /* one by one */
            vl_statement_fail(unit_ctx(), &statement);
        }
        CHECK_EQ(txn_has_tree(&rig, filled.index_id), how != 2);
        CHECK_EQ(txn_has_tree(&rig, filled.table_id), how != 2);
        CHECK_OK(rig_check(unit_ctx(), &rig));
        rig_deinit(&rig);
    }
}

/* Creating and dropping trees goes back to a savepoint, whatever side of a checkpoint that is on.
 */
static void
txn_trees_go_back_to_a_savepoint(void)
{
    for (int how = 0; how < 3; how++) {
        WITH_RIG(0);
        vl_session *one = rig.session[0];
        vl_statement statement;
        vl_txn_mark mark;
        vl_tree_id first, second;

        CHECK_OK(vl_session_begin(unit_ctx(), one, VL_TXN_DEFERRED));
        CHECK_OK(vl_statement_begin(unit_ctx(), one, 1, &statement));
        CHECK_OK(vl_txn_create_tree(unit_ctx(), &statement, NULL, &first));
        CHECK_OK(vl_statement_end(unit_ctx(), &statement));
        mark = vl_session_save(one);
        CHECK_OK(vl_statement_begin(unit_ctx(), one, 1, &statement));
        CHECK_OK(vl_txn_create_tree(unit_ctx(), &statement, NULL, &second));
        CHECK_OK(vl_txn_drop_tree(unit_ctx(), &statement, first));
        CHECK_OK(vl_txn_drop_tree(unit_ctx(), &statement, rig.index_id));
        CHECK_OK(vl_statement_end(unit_ctx(), &statement));
        if (how == 1)
            CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
        CHECK_OK(vl_session_rollback_to(unit_ctx(), one, &mark));
        if (how == 2)
            CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
        CHECK_OK(rig_put(unit_ctx(), &rig, 0, 1, 1));
        CHECK_OK(vl_session_commit(unit_ctx(), one));
        CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
        for (int again = 0; again < 2; again++) {
            CHECK(txn_has_tree(&rig, first) && !txn_has_tree(&rig, second));
            CHECK_EQ(rig_find(unit_ctx(), &rig, 1, 1), 1);
            if (!again)
                CHECK_OK(rig_crash(unit_ctx(), &rig, 1, unit_seed()));
        }
        CHECK_OK(rig_check(unit_ctx(), &rig));
        rig_deinit(&rig);
    }
}

/* A dropped tree is there until the commit, and as long as a snapshot can reach it. */
static void
txn_dropped_tree_stays_while_it_is_seen(void)
{
    for (int how = 0; how < 5; how++) {
        WITH_RIG(0);
        vl_session *one = rig.session[0];
        vl_statement statement, old;

        for (uint64_t key = 0; key < 300; key++)
            CHECK_OK(rig_put(unit_ctx(), &rig, 0, key, 1));
        CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[3], 0, &old));
        CHECK_OK(vl_session_begin(unit_ctx(), one, VL_TXN_DEFERRED));
        CHECK_OK(rig_put(unit_ctx(), &rig, 0, 1000, 1));
        CHECK_OK(vl_statement_begin(unit_ctx(), one, 1, &statement));
        CHECK_OK(vl_txn_drop_tree(unit_ctx(), &statement, rig.index_id));
        CHECK_OK(vl_statement_end(unit_ctx(), &statement));
        if (how == 3)
            CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
        if (how == 0)
            CHECK_OK(vl_session_rollback(unit_ctx(), one));
        else if (how < 4)
            CHECK_OK(vl_session_commit(unit_ctx(), one));
        CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
        CHECK_EQ(rig_entries_by(unit_ctx(), &rig, &old.view, 0), 300);
        if (how == 2)
            CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
        CHECK_OK(vl_statement_end(unit_ctx(), &old));
        if (how == 1) {
            CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
            CHECK(!txn_has_tree(&rig, rig.index_id));
        }
        if (how > 1) {
            vl_tree_id id = rig.index_id;

            rig.index_id = rig.table_id; /* nothing to open */
            rig.table_id = 0;
            CHECK_OK(rig_crash(unit_ctx(), &rig, 1, unit_seed()));
            CHECK_EQ(txn_has_tree(&rig, id), how == 4);
        }
        if (how == 0)
            CHECK_EQ(rig_find(unit_ctx(), &rig, 0, 5), 1);
        CHECK_OK(rig_check(unit_ctx(), &rig));
        rig_deinit(&rig);
    }
}

/* A version that stands for several, made late, is gone before its tree is. */
static void
txn_dropped_tree_has_no_versions_left(void)
{
    WITH_RIG(0);
    vl_statement first, second, statement;
    vl_tree_id id = rig.table_id;

    for (int64_t i = 1; i <= 50; i++)
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, i, i));
    CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[2], 0, &first));
    CHECK_OK(rig_update(unit_ctx(), &rig, 0, 7, 10));
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[3], 0, &second));
    CHECK_OK(rig_update(unit_ctx(), &rig, 0, 7, 20));
    CHECK_OK(rig_update(unit_ctx(), &rig, 0, 7, 30));
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[0], 1, &statement));
    CHECK_OK(vl_txn_drop_tree(unit_ctx(), &statement, id));
    CHECK_OK(vl_statement_end(unit_ctx(), &statement));
    CHECK_EQ(rig_get_by(unit_ctx(), &rig, &first.view, 7), 7);
    CHECK_OK(vl_statement_end(unit_ctx(), &first));
    CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store)); /* the last two become one now */
    CHECK_EQ(rig_get_by(unit_ctx(), &rig, &second.view, 7), 10);
    CHECK_OK(vl_statement_end(unit_ctx(), &second));
    CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
    CHECK(!txn_has_tree(&rig, id));
    CHECK_OK(rig_check(unit_ctx(), &rig));
    rig_deinit(&rig);
}

/* ---- older versions ---- */

/* 11, items 18 and 20: a long reader beside a hot row and a queue keeps memory and pages bounded.
 */
static void
txn_long_reader_keeps_little(void)
{
    WITH_RIG(0);
    vl_txn_stats begin, end;
    vl_store_stats pages;
    vl_statement old;

    vl_session_set_synchronous(rig.session[0], VL_SYNCHRONOUS_OFF);
    for (int64_t i = 1; i <= 20; i++)
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, i, i));
    CHECK_OK(rig_put(unit_ctx(), &rig, 0, 5, 5));
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[3], 0, &old));
    for (int64_t i = 1; i <= 4000; i++) {
        if (i == 1000)
            vl_txn_store_get_stats(rig.store, &begin);
        CHECK_OK(rig_update(unit_ctx(), &rig, 0, 7, i));
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 100 + i, i)); /* a queue of one */
        CHECK_OK(rig_delete(unit_ctx(), &rig, 0, 100 + i));
        CHECK_OK(rig_remove(unit_ctx(), &rig, 0, 5));
        CHECK_OK(rig_put(unit_ctx(), &rig, 0, 5, (uint32_t)i));
    }
    vl_txn_store_get_stats(rig.store, &end);
    CHECK_EQ(rig_get_by(unit_ctx(), &rig, &old.view, 7), 7);
    CHECK_EQ(rig_find_by(unit_ctx(), &rig, &old.view, 5), 5);
    CHECK_EQ(rig_count_by(unit_ctx(), &rig, &old.view, 0), 20);
    if (end.version_bytes > 3 * begin.version_bytes + 65536)
        unit_failed(__FILE__, __LINE__, "versions grow: %llu bytes, then %llu",
                    (unsigned long long)begin.version_bytes, (unsigned long long)end.version_bytes);
    vl_store_get_stats(vl_txn_store_base(rig.store), &pages);
    CHECK(pages.cache.page_end < 200);
    CHECK_OK(vl_statement_end(unit_ctx(), &old));
    CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
    vl_txn_store_get_stats(rig.store, &end);
    if (end.version_bytes > 20000)
        unit_failed(__FILE__, __LINE__, "%llu bytes of versions are left",
                    (unsigned long long)end.version_bytes);
    CHECK_OK(rig_check(unit_ctx(), &rig));
    rig_deinit(&rig);
}

/* Maps of pages that leave memory are there when these come back. */
static void
txn_versions_survive_eviction(void)
{
    txn_rig rig = {.options.store.cache_bytes = VL_BY_BUILD(2U << 20, 65536U)};
    enum {
        ROWS = VL_BY_BUILD(60000, 3000)
    };
    vl_store_stats stats;
    vl_statement old;

    CHECK_OK(rig_init(unit_ctx(), &rig, unit_seed(), 0));
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    for (int64_t i = 1; i <= ROWS; i++)
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, i, i));
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[3], 0, &old));
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    for (int64_t i = 1; i <= ROWS; i += 37)
        CHECK_OK(i % 2 == 0 ? rig_delete(unit_ctx(), &rig, 0, i)
                            : rig_update(unit_ctx(), &rig, 0, i, -i));
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
    vl_store_get_stats(vl_txn_store_base(rig.store), &stats);
    CHECK(stats.cache.evict_count > 0);
    CHECK_EQ(rig_count_by(unit_ctx(), &rig, &old.view, 0), ROWS);
    for (int64_t i = 1; i <= ROWS; i += 37)
        CHECK_EQ(rig_get_by(unit_ctx(), &rig, &old.view, i), i);
    CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 1), -1);
    CHECK_OK(vl_statement_end(unit_ctx(), &old));
    CHECK_OK(rig_check(unit_ctx(), &rig));
    rig_deinit(&rig);
}

/* Chains follow their rows when leaves are split and joined, and both of a rollback's page changes.
 */
static void
txn_versions_follow_splits_and_joins(void)
{
    WITH_RIG(0);
    vl_session *one = rig.session[0];
    enum {
        ROWS = VL_BY_BUILD(4000, 600)
    };
    vl_statement old;

    for (int64_t i = 1; i <= ROWS; i++) {
        CHECK_OK(rig_insert(unit_ctx(), &rig, 1, 10 * i, i));
        CHECK_OK(rig_put(unit_ctx(), &rig, 1, (uint64_t)(10 * i), (uint32_t)i));
    }
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[3], 0, &old));
    for (int64_t i = 1; i <= ROWS; i++) {
        CHECK_OK(rig_update(unit_ctx(), &rig, 1, 10 * i, -i));
        if (i % 3 == 0)
            CHECK_OK(rig_remove(unit_ctx(), &rig, 1, (uint64_t)(10 * i)));
    }
    CHECK_OK(vl_session_begin(unit_ctx(), one, VL_TXN_DEFERRED));
    for (int64_t i = 1; i <= ROWS; i++)
        for (int64_t j = 1; j <= 3; j++) {
            CHECK_OK(rig_insert(unit_ctx(), &rig, 0, 10 * i + j, 5));
            CHECK_OK(rig_put(unit_ctx(), &rig, 0, (uint64_t)(10 * i + j), 5));
        }
    CHECK_EQ(rig_count_by(unit_ctx(), &rig, &old.view, 0), ROWS);
    CHECK_EQ(rig_entries_by(unit_ctx(), &rig, &old.view, 0), ROWS);
    CHECK_OK(vl_session_rollback(unit_ctx(), one)); /* leaves are joined again */
    for (int64_t i = 1; i <= ROWS; i++) {
        CHECK_EQ(rig_get_by(unit_ctx(), &rig, &old.view, 10 * i), i);
        CHECK_EQ(rig_find_by(unit_ctx(), &rig, &old.view, (uint64_t)(10 * i)), i);
    }
    CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 50), -5);
    CHECK_EQ(rig_count(unit_ctx(), &rig, 1), ROWS);
    CHECK_OK(vl_statement_end(unit_ctx(), &old));
    CHECK_OK(rig_check(unit_ctx(), &rig));
    rig_deinit(&rig);
}

/* Memory for versions is limited: the change that would pass it fails, and says why. */
static void
txn_versions_have_a_budget(void)
{
    txn_rig rig = {.options.version_bytes = 200000};
    velo_status st = VELO_OK;
    int64_t i;

    CHECK_OK(rig_init(unit_ctx(), &rig, unit_seed(), 1));
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    for (i = 1; i <= 5000; i++) /* in order: a range, which takes next to nothing */
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, i, i));
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    for (i = 1; st == VELO_OK && i <= 5000; i++)
        st = rig_update(unit_ctx(), &rig, 0, i, -i);
    CHECK_EQ(st, VELO_FULL);
    CHECK(i > 100 && i < 5000);
    CHECK_OK(vl_session_rollback(unit_ctx(), rig.session[0]));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 1), 1);
    CHECK_OK(rig_update(unit_ctx(), &rig, 0, 1, 7));
    CHECK_EQ(rig_count(unit_ctx(), &rig, 1), 5000);
    rig_deinit(&rig);
}

/* ---- waits ---- */

/* The other side of a deadlock: a thread that wants row 1 while it has row 2. */
typedef struct txn_other_side {
    txn_rig *rig;
    vl_ctx ctx;
    velo_status st;
} txn_other_side;

static void
txn_other_side_main(void *argument)
{
    txn_other_side *self = argument;

    self->st = rig_update(&self->ctx, self->rig, 1, 1, 21);
    if (self->st == VELO_OK)
        self->st = vl_session_commit(&self->ctx, self->rig->session[1]);
    vl_session_leave_call(self->rig->session[1]);
}

/* 31, item 8: the victim of a deadlock is undone at once, so the other one goes on; it stays open,
 * and everything but ROLLBACK fails. */
static void
txn_deadlock_ends_with_a_victim(void)
{
    WITH_RIG(1);
    txn_other_side other = {.rig = &rig};
    vl_session *one = rig.session[0], *two = rig.session[1];
    vl_thread thread = {0};
    vl_txn_stats stats;
    vl_txn_mark mark;

    vl_ctx_init(&other.ctx, NULL, NULL);
    for (int64_t i = 1; i <= 5; i++)
        CHECK_OK(rig_insert(unit_ctx(), &rig, 2, i, i));
    CHECK_OK(vl_session_begin(unit_ctx(), one, VL_TXN_DEFERRED));
    CHECK_OK(vl_session_begin(unit_ctx(), two, VL_TXN_DEFERRED));
    mark = vl_session_save(one);
    CHECK_OK(rig_update(unit_ctx(), &rig, 0, 1, 11));
    CHECK_OK(rig_update(unit_ctx(), &rig, 1, 2, 22));
    CHECK_OK(rig_update(unit_ctx(), &rig, 1, 3, 23)); /* it has done more: it is not the victim */
    CHECK_OK(vl_thread_start(unit_ctx(), &thread, "other", txn_other_side_main, &other));
    do {
        vl_txn_store_get_stats(rig.store, &stats);
        vl_pause();
    } while (stats.wait_count == 0); /* it is about to wait, or does: either is right */
    CHECK_STATUS(rig_update(unit_ctx(), &rig, 0, 2, 12), VELO_BUSY_SNAPSHOT);
    CHECK(strstr(unit_ctx()->error.text, "deadlock") != NULL);
    vl_thread_join(&thread);
    CHECK_EQ(other.st, VELO_OK);
    CHECK(vl_session_is_doomed(one) && vl_session_is_in_transaction(one));
    CHECK_STATUS(rig_update(unit_ctx(), &rig, 0, 4, 4), VELO_BUSY_SNAPSHOT);
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 4), INT64_MAX); /* refused as well */
    CHECK_STATUS(vl_session_rollback_to(unit_ctx(), one, &mark), VELO_BUSY_SNAPSHOT);
    CHECK_STATUS(vl_session_commit(unit_ctx(), one), VELO_BUSY_SNAPSHOT);
    CHECK_OK(vl_session_rollback(unit_ctx(), one));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 1), 21);
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 2), 22);
    CHECK_OK(rig_update(unit_ctx(), &rig, 0, 1, 1));
    vl_session_enter_call(two);
    rig_deinit(&rig);
}

/* ---- failures ---- */

/* 11, item 14: a rollback whose pages cannot be read has ended all the same: nobody sees what is
 * left of it, and it is undone by the next writer, or by recovery. */
static void
txn_rollback_that_cannot_read_is_done_later(void)
{
    for (int how = 0; how < 2; how++) {
        txn_rig rig = {.options.store.cache_bytes = VL_BY_BUILD(1U << 20, 65536U)};
        enum {
            ROWS = VL_BY_BUILD(60000, 3000)
        };
        vl_sim_fault fault = {.kind = VL_SIM_ERROR, .ops = VL_SIM_READ, .count = UINT64_MAX};
        vl_session *one;

        CHECK_OK(rig_init(unit_ctx(), &rig, unit_seed(), 0));
        one = rig.session[0];
        CHECK_OK(vl_session_begin(unit_ctx(), one, VL_TXN_DEFERRED));
        for (int64_t i = 1; i <= ROWS; i++)
            CHECK_OK(rig_insert(unit_ctx(), &rig, 0, i, i));
        CHECK_OK(vl_session_commit(unit_ctx(), one));
        CHECK_OK(vl_session_begin(unit_ctx(), one, VL_TXN_DEFERRED));
        for (int64_t i = 1; i <= ROWS; i += 50)
            CHECK_OK(rig_update(unit_ctx(), &rig, 0, i, -i));
        CHECK_EQ(rig_count(unit_ctx(), &rig, 1), ROWS); /* drives them out */
        CHECK_OK(vl_sim_plan(unit_ctx(), rig.sim, &fault));
        CHECK_OK(vl_session_rollback(unit_ctx(), one));
        CHECK(!vl_session_is_in_transaction(one));
        CHECK(rig_update(unit_ctx(), &rig, 1, 1, 7) != VELO_OK); /* the next writer fails to, too */
        vl_sim_plan_clear(rig.sim);
        for (int64_t i = 1; i <= ROWS; i += 50)
            CHECK_EQ(rig_get(unit_ctx(), &rig, 1, i), i);
        if (how == 0) {
            CHECK_OK(rig_update(unit_ctx(), &rig, 1, 1, 7));
        } else {
            CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store)); /* lists what is left */
            CHECK_OK(rig_crash(unit_ctx(), &rig, 1, unit_seed()));
        }
        for (int64_t i = 51; i <= ROWS; i += 50)
            CHECK_EQ(rig_get(unit_ctx(), &rig, 1, i), i);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 1), how == 0 ? 7 : 1);
        CHECK_OK(rig_check(unit_ctx(), &rig));
        rig_deinit(&rig);
    }
}

/* Some of everything, in memory. What fails is given up and told. */
static velo_status
txn_do_some_of_all(vl_ctx *ctx, void *argument)
{
    txn_rig *rig = argument;
    vl_statement reader;
    vl_txn_mark mark;

    VL_TRY(rig_init(ctx, rig, 1, 1));
    for (int64_t i = 1; i <= 12; i++)
        VL_TRY(rig_insert(ctx, rig, 0, i, i));
    VL_TRY(rig_put(ctx, rig, 0, 1, 1));
    VL_TRY(vl_session_begin(ctx, rig->session[0], VL_TXN_DEFERRED));
    VL_TRY(rig_update(ctx, rig, 0, 1, 10));
    mark = vl_session_save(rig->session[0]);
    VL_TRY(rig_delete(ctx, rig, 0, 2));
    VL_TRY(rig_insert(ctx, rig, 0, 2, 20));
    VL_TRY(rig_remove(ctx, rig, 0, 1));
    VL_TRY(rig_put(ctx, rig, 0, 1, 11));
    VL_TRY(vl_session_rollback_to(ctx, rig->session[0], &mark));
    VL_TRY(rig_delete(ctx, rig, 0, 3));
    VL_TRY(vl_session_commit(ctx, rig->session[0]));
    VL_TRY(vl_statement_begin(ctx, rig->session[1], 0, &reader));
    if (rig_count_by(ctx, rig, &reader.view, 1) != 11 ||
        rig_find_by(ctx, rig, &reader.view, 1) != 1) {
        vl_statement_fail(ctx, &reader);
        return ctx->error.code != VELO_OK ? ctx->error.code : VELO_INTERNAL;
    }
    return vl_statement_end(ctx, &reader);
}

static velo_status
txn_do_and_clean(vl_ctx *ctx, void *argument)
{
    velo_status st = txn_do_some_of_all(ctx, argument);

    rig_deinit(argument);
    return st;
}

static void
txn_each_allocation_may_fail(void)
{
    static txn_rig rig;

    CHECK(unit_each_alloc_failure(txn_do_and_clean, &rig) > 20);
}

/* Memory that is missing for one change only: the change has not happened, the rest goes on. */
static void
txn_change_without_memory_has_not_happened(void)
{
    for (unsigned nth = 1; nth < 12; nth++) {
        txn_rig rig = {0};
        vl_allocator allocator;
        velo_status st;
        vl_ctx ctx;

        vl_allocator_init(&allocator);
        vl_ctx_init(&ctx, &allocator, NULL);
        CHECK_EQ(rig_init(&ctx, &rig, unit_seed(), 1), VELO_OK);
        for (int64_t i = 1; i <= 5; i++)
            CHECK_EQ(rig_insert(&ctx, &rig, 0, i, i), VELO_OK);
        CHECK_EQ(vl_session_begin(&ctx, rig.session[0], VL_TXN_DEFERRED), VELO_OK);
        CHECK_EQ(rig_update(&ctx, &rig, 0, 1, 10), VELO_OK);
        vl_allocator_fail_nth(&allocator, nth, 1);
        st = rig_update(&ctx, &rig, 0, 2, 20);
        vl_allocator_fail_nth(&allocator, 0, 1);
        CHECK(st == VELO_OK || st == VELO_NOMEM);
        CHECK_EQ(rig_get(&ctx, &rig, 0, 2), st == VELO_OK ? 20 : 2);
        CHECK_EQ(rig_get(&ctx, &rig, 0, 1), 10);
        CHECK_EQ(vl_session_commit(&ctx, rig.session[0]), VELO_OK);
        CHECK_EQ(rig_get(&ctx, &rig, 1, 2), st == VELO_OK ? 20 : 2);
        CHECK_EQ(rig_get(&ctx, &rig, 1, 1), 10);
        rig_deinit(&rig);
        CHECK_EQ(allocator.block_count, 0);
    }
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(txn_rows_come_and_go_in_memory_and_file),
        UNIT_TEST(txn_load_in_memory_leaves_no_versions),
        UNIT_TEST(txn_uncommitted_changes_are_ones_own),
        UNIT_TEST(txn_snapshot_stays_what_it_was),
        UNIT_TEST(txn_crash_keeps_what_was_committed),
        UNIT_TEST(txn_first_updater_wins),
        UNIT_TEST(txn_tombstones_after_the_snapshot_conflict),
        UNIT_TEST(txn_entries_are_versioned_like_rows),
        UNIT_TEST(txn_entry_that_is_there_is_shown),
        UNIT_TEST(txn_savepoint_takes_back_what_came_after),
        UNIT_TEST(txn_statement_that_fails_leaves_nothing),
        UNIT_TEST(txn_nested_program_and_its_statement),
        UNIT_TEST(txn_reading_goes_on_while_one_writes),
        UNIT_TEST(txn_statement_goes_on_across_the_end),
        UNIT_TEST(txn_immediate_is_the_only_writer),
        UNIT_TEST(txn_statement_restarts_after_a_conflict),
        UNIT_TEST(txn_next_rowid_is_the_largest_and_one),
        UNIT_TEST(txn_next_rowid_passes_others_by),
        UNIT_TEST(txn_long_values_keep_their_versions),
        UNIT_TEST(txn_created_tree_goes_with_its_transaction),
        UNIT_TEST(txn_new_tree_is_filled_without_records),
        UNIT_TEST(txn_trees_go_back_to_a_savepoint),
        UNIT_TEST(txn_dropped_tree_stays_while_it_is_seen),
        UNIT_TEST(txn_dropped_tree_has_no_versions_left),
        UNIT_TEST(txn_long_reader_keeps_little),
        UNIT_TEST(txn_versions_survive_eviction),
        UNIT_TEST(txn_versions_follow_splits_and_joins),
        UNIT_TEST(txn_versions_have_a_budget),
        UNIT_TEST(txn_deadlock_ends_with_a_victim),
        UNIT_TEST(txn_rollback_that_cannot_read_is_done_later),
        UNIT_TEST(txn_each_allocation_may_fail),
        UNIT_TEST(txn_change_without_memory_has_not_happened),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
