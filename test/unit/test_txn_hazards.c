/* test_txn_hazards.c - what the design says would break, by number, where transactions, checkpoints
 * and the log meet (hazards 1 and 2). The others have their tests elsewhere: docs/hazards.md. */
#include "lib/txn_rig.h"
#include "lib/unit.h"
#include "storage/store_int.h"

/* One transaction that is to be there as a whole or not at all. */
static velo_status
hazard_change(vl_ctx *ctx, txn_rig *rig)
{
    VL_TRY(vl_session_begin(ctx, rig->session[1], VL_TXN_DEFERRED));
    VL_TRY(rig_update(ctx, rig, 1, 1, 100));
    VL_TRY(rig_delete(ctx, rig, 1, 2));
    return rig_insert(ctx, rig, 1, 21, 21);
}

/* 1: it is there; 0: it is not; -1: a part of it is. */
static int
hazard_is_there(txn_rig *rig)
{
    int parts = (rig_get(unit_ctx(), rig, 0, 1) == 100) +
                (rig_get(unit_ctx(), rig, 0, 2) == INT64_MIN) +
                (rig_get(unit_ctx(), rig, 0, 21) == 21);

    if (parts == 3)
        return 1;
    return parts == 0 && rig_get(unit_ctx(), rig, 0, 1) == 1 &&
                   rig_get(unit_ctx(), rig, 0, 2) == 2 &&
                   rig_get(unit_ctx(), rig, 0, 21) == INT64_MIN
               ? 0
               : -1;
}

/* A rig with 20 rows, each with its rowid as its value; session 1 commits without syncs. */
static velo_status
hazard_begin(txn_rig *rig, uint64_t seed)
{
    VL_TRY(rig_init(unit_ctx(), rig, seed, 0));
    vl_session_set_synchronous(rig->session[1], VL_SYNCHRONOUS_OFF);
    for (int64_t i = 1; i <= 20; i++)
        VL_TRY(rig_insert(unit_ctx(), rig, 0, i, i));
    return VELO_OK;
}

/* The commit record lies before the barrier, durable or not when the checkpoint is: the transaction
 * is in the checkpoint, and is not undone. Behind it, it is listed, and is what its record says. */
static void
hazard_01_a_commit_is_on_one_side_of_the_barrier(void)
{
    for (int power = 0; power < 2; power++)
        for (int side = 0; side < 3; side++) {
            txn_rig rig = {0};

            CHECK_OK(hazard_begin(&rig, unit_seed() + (unsigned)side));
            CHECK_OK(hazard_change(unit_ctx(), &rig));
            if (side == 0)
                CHECK_OK(vl_session_commit(unit_ctx(), rig.session[1]));
            CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
            if (side != 0)
                CHECK_OK(vl_session_commit(unit_ctx(), rig.session[1]));
            if (side == 2) /* somebody else's sync takes it along */
                CHECK_OK(rig_update(unit_ctx(), &rig, 0, 5, 55));
            for (int again = 0; again < 2; again++) {
                CHECK_OK(rig_crash(unit_ctx(), &rig, power, unit_seed() + (unsigned)again));
                if (side != 1 || power == 0)
                    CHECK_EQ(hazard_is_there(&rig), 1);
                else
                    CHECK(hazard_is_there(&rig) >= 0);
            }
            CHECK_OK(rig_check(unit_ctx(), &rig));
            rig_deinit(&rig);
        }
}

/* What is open at the barrier and never commits is undone, wherever its changes lie; so is what was
 * rolled back before it, whose rows others have changed since. */
static void
hazard_01_the_rest_is_undone(void)
{
    for (int rolls_back = 0; rolls_back < 2; rolls_back++) {
        txn_rig rig = {0};

        CHECK_OK(hazard_begin(&rig, unit_seed()));
        CHECK_OK(hazard_change(unit_ctx(), &rig));
        if (rolls_back) {
            CHECK_OK(vl_session_rollback(unit_ctx(), rig.session[1]));
            CHECK_OK(rig_update(unit_ctx(), &rig, 0, 1, 7));
        }
        CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
        CHECK_OK(rig_update(unit_ctx(), &rig, 0, 3, 33));
        CHECK_OK(rig_crash(unit_ctx(), &rig, 1, unit_seed()));
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 1), rolls_back ? 7 : 1);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 2), 2);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 3), 33);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 21), INT64_MIN);
        CHECK_EQ(rig_count(unit_ctx(), &rig, 0), 20);
        CHECK_OK(rig_check(unit_ctx(), &rig));
        rig_deinit(&rig);
    }
}

/* A transaction that changed one row and idles keeps no log: recovery begins at the last
 * checkpoint, and has what it needs of the transaction there. */
static void
hazard_02a_an_idle_transaction_pins_no_log(void)
{
    enum {
        LIMIT = VL_BY_BUILD(1 << 17, 1 << 13)
    };
    txn_rig rig = {.options.store.log_limit_bytes = LIMIT};
    vl_store *base;
    vl_store_stats stats;

    CHECK_OK(hazard_begin(&rig, unit_seed()));
    base = vl_txn_store_base(rig.store);
    CHECK_OK(hazard_change(unit_ctx(), &rig));
    vl_session_set_synchronous(rig.session[0], VL_SYNCHRONOUS_OFF);
    for (int64_t i = 0; i < LIMIT / 16; i++) /* an update takes more than 64 bytes of log */
        CHECK_OK(rig_update(unit_ctx(), &rig, 0, 3 + i % 18, i));
    vl_store_get_stats(base, &stats);
    CHECK(stats.checkpoint_count >= 3);
    CHECK(vl_wal_tail(base->wal) - vl_volume_super(base->volume)->log_position < 2 * LIMIT);
    CHECK_OK(rig_update(unit_ctx(), &rig, 0, 5, 55));
    vl_session_set_synchronous(rig.session[1], VL_SYNCHRONOUS_FULL);
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[1]));
    CHECK_OK(rig_crash(unit_ctx(), &rig, 1, unit_seed()));
    CHECK_EQ(hazard_is_there(&rig), 1);
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 5), 55);
    CHECK_OK(rig_check(unit_ctx(), &rig));
    rig_deinit(&rig);
}

/* Commits without syncs, a checkpoint, and commits with syncs behind it: whatever was lost of the
 * log before the checkpoint, the log does not end there, and what was acknowledged behind it stays;
 * so does what the next process adds. */
static void
hazard_02b_log_before_the_checkpoint_may_be_lost(void)
{
    for (uint64_t seed = 0; seed < 12; seed++) {
        txn_rig rig = {0};

        CHECK_OK(hazard_begin(&rig, unit_seed() + seed));
        for (int64_t i = 0; i < 60; i++)
            CHECK_OK(rig_update(unit_ctx(), &rig, 1, 1 + i % 20, 1000 + i));
        CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
        CHECK_OK(rig_update(unit_ctx(), &rig, 0, 3, 33));
        for (int64_t i = 0; i < 20; i++)
            CHECK_OK(rig_update(unit_ctx(), &rig, 1, 4 + i % 4, 2000 + i));
        CHECK_OK(rig_crash(unit_ctx(), &rig, 1, unit_seed() + seed));
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 3), 33);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 20), 1059);
        CHECK_OK(rig_update(unit_ctx(), &rig, 0, 4, 44));
        CHECK_OK(rig_crash(unit_ctx(), &rig, 1, unit_seed() + seed + 1));
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 3), 33);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 4), 44);
        CHECK_OK(rig_check(unit_ctx(), &rig));
        rig_deinit(&rig);
    }
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(hazard_01_a_commit_is_on_one_side_of_the_barrier),
        UNIT_TEST(hazard_01_the_rest_is_undone),
        UNIT_TEST(hazard_02a_an_idle_transaction_pins_no_log),
        UNIT_TEST(hazard_02b_log_before_the_checkpoint_may_be_lost),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
