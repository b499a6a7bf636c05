/* test_txn.c - transactions on a store: what is seen, what is kept, what is undone. */
#include "lib/txn_rig.h"
#include "lib/unit.h"

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

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(txn_rows_come_and_go_in_memory_and_file),
        UNIT_TEST(txn_uncommitted_changes_are_ones_own),
        UNIT_TEST(txn_snapshot_stays_what_it_was),
        UNIT_TEST(txn_crash_keeps_what_was_committed),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
