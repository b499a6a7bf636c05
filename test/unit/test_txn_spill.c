/* test_txn_spill.c - transactions larger than the memory for older versions: what passes it goes to
 * a temporary file, and everything is as it is with small ones. */
#include "lib/txn_rig.h"
#include "lib/unit.h"

#include "storage/store_check.h"
#include "txn/txn_int.h"
#include "txn/undo_spill.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Memory for older versions: what a few rows need. */
#define SPILL_BUDGET VL_BY_BUILD(UINT64_C(1) << 20, UINT64_C(32) << 10)

/* Rows: their older versions take about 200 bytes each, many times the budget. */
#define SPILL_ROWS VL_BY_BUILD(60000, 1500)

/* Blocks of the file by itself, and such as a log of changes takes. */
#define SPILL_CHUNKS 1000U
#define SPILL_BLOCKS VL_BY_BUILD(1500U, 400U)

/* Rows with texts, for which less rows are enough to make the file grow. */
#define SPILL_TEXT  VL_BY_BUILD(3000U, 90U)
#define SPILL_TEXTS 1600

/* A small cache, so that pages of the table are evicted with what hangs on them. */
#define SPILL_CACHE VL_BY_BUILD(UINT64_C(1) << 20, UINT64_C(64) << 10)

#define WITH_RIG()                                                                                 \
    txn_rig rig = {.options.version_bytes = SPILL_BUDGET,                                          \
                   .options.store.cache_bytes = SPILL_CACHE};                                      \
    CHECK_OK(rig_init(unit_ctx(), &rig, unit_seed(), 0))

static vl_txn_stats
spill_stats(const txn_rig *rig)
{
    vl_txn_stats stats;

    vl_txn_store_get_stats(rig->store, &stats);
    return stats;
}

/* Insert rows 1 to `count` with their numbers as values, in one transaction. */
static velo_status
spill_fill(vl_ctx *ctx, txn_rig *rig, unsigned session, int64_t count)
{
    VL_TRY(vl_session_begin(ctx, rig->session[session], VL_TXN_DEFERRED));
    for (int64_t i = 1; i <= count; i++)
        VL_TRY(rig_insert(ctx, rig, session, i, i));
    return vl_session_commit(ctx, rig->session[session]);
}

/* Add `by` to all rows from `first` to `last`, by statements of the open transaction. */
static velo_status
spill_update(vl_ctx *ctx, txn_rig *rig, unsigned session, int64_t first, int64_t last, int64_t by)
{
    for (int64_t i = first; i <= last; i++)
        VL_TRY(rig_update(ctx, rig, session, i, i + by));
    return VELO_OK;
}

/* Whether all rows are their number and `by` to a view: the number of those that are not. */
static int64_t
spill_wrong(txn_rig *rig, const vl_view *view, int64_t count, int64_t by)
{
    int64_t wrong = 0;

    for (int64_t i = 1; i <= count; i++)
        wrong += rig_get_by(unit_ctx(), rig, view, i) != i + by;
    return wrong + (rig_count_by(unit_ctx(), rig, view, 0) != count);
}

/* The same for a new statement. */
static int64_t
spill_wrong_now(txn_rig *rig, unsigned session, int64_t count, int64_t by)
{
    vl_statement statement;
    int64_t wrong;

    if (vl_statement_begin(unit_ctx(), rig->session[session], 0, &statement) != VELO_OK)
        return -1;
    wrong = spill_wrong(rig, &statement.view, count, by);
    return vl_statement_end(unit_ctx(), &statement) == VELO_OK ? wrong : -1;
}

/* Memory stays within its bound whatever the size: versions within their budget, and of the process
 * what a fixed number of touches can take. */
static int
spill_is_bounded(const txn_rig *rig)
{
    return spill_stats(rig).version_bytes <= SPILL_BUDGET;
}

/* Update everything beyond the budget, and commit: readers with an older snapshot see the older
 * versions, and when nobody needs them the space is given back. */
static void
spill_large_transaction_commits(void)
{
    WITH_RIG();
    vl_statement reader;
    vl_txn_stats stats;
    uint64_t least;

    CHECK_OK(spill_fill(unit_ctx(), &rig, 0, SPILL_ROWS));
    CHECK_EQ(spill_stats(&rig).spilled_bytes, 0); /* in order: a range, which takes nothing */
    CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
    least = spill_stats(&rig).version_bytes; /* of trees that are open */
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[1], 0, &reader));
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    CHECK_OK(spill_update(unit_ctx(), &rig, 0, 1, SPILL_ROWS, 1000));
    stats = spill_stats(&rig);
    CHECK(stats.spilled_bytes > 4 * SPILL_BUDGET);
    CHECK(stats.spill_file_bytes >= stats.spilled_bytes);
    CHECK(spill_is_bounded(&rig));
    CHECK_EQ(spill_wrong(&rig, &reader.view, SPILL_ROWS, 0), 0);
    CHECK_EQ(spill_wrong_now(&rig, 0, SPILL_ROWS, 1000), 0);
    CHECK_EQ(spill_wrong_now(&rig, 2, SPILL_ROWS, 0), 0);
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
    CHECK_EQ(spill_wrong(&rig, &reader.view, SPILL_ROWS, 0), 0);
    CHECK_EQ(spill_wrong_now(&rig, 2, SPILL_ROWS, 1000), 0);
    CHECK(spill_stats(&rig).spilled_bytes > 4 * SPILL_BUDGET); /* the reader is there */
    CHECK(spill_is_bounded(&rig));
    CHECK_OK(vl_statement_end(unit_ctx(), &reader));
    CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
    stats = spill_stats(&rig);
    CHECK_EQ(stats.spilled_bytes, 0);
    CHECK(stats.spill_file_bytes <= UINT64_C(4) << 20);
    CHECK_EQ(stats.version_bytes, least);
    CHECK_OK(rig_check(unit_ctx(), &rig));
    CHECK_OK(rig_close(unit_ctx(), &rig));
    CHECK_OK(rig_open(unit_ctx(), &rig));
    CHECK_EQ(spill_wrong_now(&rig, 0, SPILL_ROWS, 1000), 0);
    rig_deinit(&rig);
}

/* Rows inserted in no order leave a record each, and so do entries of an index. */
static void
spill_large_inserts_out_of_order(void)
{
    WITH_RIG();
    const int64_t count = SPILL_ROWS / 2;

    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    for (int64_t i = count; i >= 1; i--) {
        CHECK_OK(rig_insert(unit_ctx(), &rig, 0, i, i));
        CHECK_OK(rig_put(unit_ctx(), &rig, 0, (uint64_t)(i * 7919 % 1000003), (uint32_t)i));
    }
    CHECK(spill_stats(&rig).spilled_bytes > 2 * SPILL_BUDGET);
    CHECK(spill_is_bounded(&rig));
    CHECK_EQ(rig_count(unit_ctx(), &rig, 1), 0);
    CHECK_EQ(rig_find(unit_ctx(), &rig, 1, 7919), INT64_MIN);
    CHECK_EQ(rig_find(unit_ctx(), &rig, 0, 7919), 1);
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
    CHECK_EQ(spill_wrong_now(&rig, 1, count, 0), 0);
    CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
    CHECK_EQ(spill_stats(&rig).spilled_bytes, 0);
    CHECK_OK(rig_check(unit_ctx(), &rig));
    rig_deinit(&rig);
}

/* Databases in memory have no file: versions are in memory and may take as much as pages. */
static void
spill_databases_in_memory_grow(void)
{
    txn_rig rig = {0}, little = {.options.store.cache_bytes = SPILL_BUDGET};
    vl_statement reader;
    uint64_t least;

    CHECK_OK(rig_init(unit_ctx(), &little, unit_seed(), 1));
    CHECK_EQ(spill_stats(&little).version_limit, SPILL_BUDGET);
    rig_deinit(&little);
    CHECK_OK(rig_init(unit_ctx(), &rig, unit_seed(), 1));
    CHECK_EQ(spill_stats(&rig).version_limit, 0);
    CHECK_OK(spill_fill(unit_ctx(), &rig, 0, SPILL_ROWS));
    CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
    least = spill_stats(&rig).version_bytes;
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[1], 0, &reader));
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    CHECK_OK(spill_update(unit_ctx(), &rig, 0, 1, SPILL_ROWS, 1000));
    CHECK(spill_stats(&rig).version_bytes > 4 * SPILL_BUDGET);
    CHECK_OK(vl_session_rollback(unit_ctx(), rig.session[0]));
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    CHECK_OK(spill_update(unit_ctx(), &rig, 0, 1, SPILL_ROWS, 2000));
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
    CHECK_EQ(spill_wrong(&rig, &reader.view, SPILL_ROWS, 0), 0);
    CHECK_EQ(spill_wrong_now(&rig, 2, SPILL_ROWS, 2000), 0);
    CHECK_OK(vl_statement_end(unit_ctx(), &reader));
    CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
    CHECK_EQ(spill_stats(&rig).version_bytes, least);
    CHECK_EQ(spill_stats(&rig).spilled_bytes, 0);
    rig_deinit(&rig);
}

/* Rollback to savepoints in the middle, and of all: in file and memory alike. */
static void
spill_goes_back_to_savepoints(void)
{
    WITH_RIG();
    const int64_t half = SPILL_ROWS / 2;
    vl_session *one = rig.session[0];
    vl_txn_mark first, second;

    CHECK_OK(spill_fill(unit_ctx(), &rig, 0, SPILL_ROWS));
    CHECK_OK(vl_session_begin(unit_ctx(), one, VL_TXN_DEFERRED));
    CHECK_OK(rig_update(unit_ctx(), &rig, 0, 1, 77));
    first = vl_session_save(one);
    CHECK_OK(spill_update(unit_ctx(), &rig, 0, 1, half, 1000));
    second = vl_session_save(one);
    CHECK_OK(spill_update(unit_ctx(), &rig, 0, 1, SPILL_ROWS, 2000));
    for (int64_t i = 1; i <= half; i += 3)
        CHECK_OK(rig_delete(unit_ctx(), &rig, 0, i));
    CHECK(spill_stats(&rig).spilled_bytes > 4 * SPILL_BUDGET);
    CHECK_OK(vl_session_rollback_to(unit_ctx(), one, &second));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 1), 1001);
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, half), half + 1000);
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, half + 1), half + 1);
    CHECK_OK(spill_update(unit_ctx(), &rig, 0, half + 1, SPILL_ROWS, 1000));
    CHECK_EQ(spill_wrong_now(&rig, 0, SPILL_ROWS, 1000), 0);
    CHECK_OK(vl_session_rollback_to(unit_ctx(), one, &first));
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, 1), 77);
    CHECK_EQ(rig_get(unit_ctx(), &rig, 0, SPILL_ROWS), SPILL_ROWS);
    CHECK_OK(spill_update(unit_ctx(), &rig, 0, 1, SPILL_ROWS, 5));
    CHECK(spill_is_bounded(&rig));
    CHECK_OK(vl_session_rollback(unit_ctx(), one));
    CHECK_EQ(spill_wrong_now(&rig, 0, SPILL_ROWS, 0), 0);
    CHECK_EQ(spill_stats(&rig).spilled_bytes, 0);
    CHECK_OK(rig_check(unit_ctx(), &rig));
    rig_deinit(&rig);
}

/* A crash in the middle, with checkpoints that list what was changed so far: nothing of the
 * transaction is found, or all of it. */
static void
spill_crash_in_the_middle(void)
{
    for (int round = 0; round < 6; round++) {
        WITH_RIG();
        const int64_t count = SPILL_ROWS / 4;
        int commits = round % 2;

        CHECK_OK(spill_fill(unit_ctx(), &rig, 0, count));
        CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
        CHECK_OK(spill_update(unit_ctx(), &rig, 0, 1, count / 2, 1000));
        CHECK(spill_stats(&rig).spilled_bytes > 0);
        CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
        CHECK_OK(spill_update(unit_ctx(), &rig, 0, count / 2 + 1, count, 1000));
        if (round >= 4)
            CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
        if (commits)
            CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
        CHECK_OK(rig_crash(unit_ctx(), &rig, round < 4, unit_seed() + (uint64_t)round));
        CHECK_EQ(spill_stats(&rig).spilled_bytes, 0);
        CHECK_EQ(spill_wrong_now(&rig, 1, count, commits ? 1000 : 0), 0);
        CHECK_OK(rig_check(unit_ctx(), &rig));
        rig_deinit(&rig);
    }
}

/* Checkpoints that are due by themselves do not follow on one another because of their lists. */
static void
spill_lists_are_no_longer_than_the_log(void)
{
    txn_rig rig = {.options.version_bytes = SPILL_BUDGET,
                   .options.store.log_limit_bytes = VL_BY_BUILD(UINT64_C(1) << 18, 1U << 13)};
    vl_wal *wal;
    uint64_t before, plain;

    CHECK_OK(rig_init(unit_ctx(), &rig, unit_seed(), 0));
    wal = vl_store_wal(vl_txn_store_base(rig.store));
    CHECK_OK(spill_fill(unit_ctx(), &rig, 0, SPILL_ROWS));
    before = vl_wal_tail(wal);
    for (int64_t i = 1; i <= SPILL_ROWS / 8; i++) /* a transaction each: nothing is listed */
        CHECK_OK(rig_update(unit_ctx(), &rig, 0, i, 5));
    plain = 8 * (vl_wal_tail(wal) - before);
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    before = vl_wal_tail(wal);
    CHECK_OK(spill_update(unit_ctx(), &rig, 0, 1, SPILL_ROWS, 1000));
    CHECK(vl_wal_tail(wal) - before < 4 * plain);
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
    rig_deinit(&rig);
}

/* ---- failures ---- */

/* The disk is full: the change that wants the space fails, and says so; all that was done stays or
 * is undone as the caller wishes, and works again when there is space. */
static void
spill_full_disk_is_an_error_of_the_change(void)
{
    for (int is_rollback = 0; is_rollback < 2; is_rollback++) {
        vl_sim_fault full = {
            .kind = VL_SIM_ERROR, .ops = VL_SIM_ALLOCATE, .count = UINT64_MAX, .os_error = ENOSPC};
        velo_status st = VELO_OK;
        int64_t i;
        WITH_RIG();

        CHECK_OK(spill_fill(unit_ctx(), &rig, 0, SPILL_ROWS));
        CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
        CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
        CHECK_OK(spill_update(unit_ctx(), &rig, 0, 1, SPILL_ROWS / 4, 1000));
        CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
        CHECK_OK(vl_sim_plan(unit_ctx(), rig.sim, &full));
        for (i = SPILL_ROWS / 4 + 1; st == VELO_OK && i <= SPILL_ROWS; i++)
            st = rig_update(unit_ctx(), &rig, 0, i, i + 1000);
        CHECK_STATUS(st, VELO_FULL);
        CHECK(i <= SPILL_ROWS);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, i - 1), i - 1);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 0, i - 2), i - 2 + 1000);
        CHECK_EQ(rig_get(unit_ctx(), &rig, 1, 1), 1);
        vl_sim_plan_clear(rig.sim);
        if (is_rollback) {
            CHECK_OK(vl_session_rollback(unit_ctx(), rig.session[0]));
            CHECK_EQ(spill_wrong_now(&rig, 1, SPILL_ROWS, 0), 0);
        } else {
            CHECK_OK(spill_update(unit_ctx(), &rig, 0, i - 1, SPILL_ROWS, 1000));
            CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
            CHECK_EQ(spill_wrong_now(&rig, 1, SPILL_ROWS, 1000), 0);
        }
        CHECK_OK(rig_check(unit_ctx(), &rig));
        rig_deinit(&rig);
    }
}

/* Give a row a text of 3,000 bytes, or (is_new) make it with one. */
static velo_status
spill_put_text(txn_rig *rig, int64_t rowid, char what, int is_new)
{
    char text[SPILL_TEXT];
    vl_value values[RIG_COLUMNS] = {{.type = VL_TYPE_INTEGER, .as.integer = rowid},
                                    {.type = VL_TYPE_TEXT, .size = sizeof text, .as.data = text},
                                    {.type = VL_TYPE_NULL}};
    vl_statement statement;
    velo_status st;

    memset(text, what, sizeof text);
    VL_TRY(vl_statement_begin(unit_ctx(), rig->session[0], 1, &statement));
    st = is_new ? vl_rows_insert(unit_ctx(), &statement, rig->table, rowid, values)
                : vl_rows_update(unit_ctx(), &statement, rig->table, rowid, rig_ids + 1, values + 1,
                                 1);
    if (st == VELO_OK)
        return vl_statement_end(unit_ctx(), &statement);
    vl_statement_fail(unit_ctx(), &statement);
    return st;
}

/* Whether all rows have their texts; NULL: the first one's. */
static int
spill_has_texts(txn_rig *rig, const char *wanted)
{
    vl_statement statement;
    int wrong = 0;
    char all = 0;

    if (vl_statement_begin(unit_ctx(), rig->session[0], 0, &statement) != VELO_OK)
        return 0;
    for (int64_t i = 1; i <= SPILL_TEXTS && wrong == 0; i++) {
        vl_value text = {.type = VL_TYPE_NULL};
        int found;

        vl_arena_reset(&rig->arena);
        wrong = vl_rows_read(unit_ctx(), rig->table, &statement.view, i, rig_ids + 1, 1,
                             &rig->arena, &text, &found) != VELO_OK ||
                !found || text.size != SPILL_TEXT;
        if (wrong)
            break;
        all = all == 0 ? ((const char *)text.as.data)[0] : all;
        for (uint32_t at = 0; at < SPILL_TEXT; at++)
            wrong |= ((const char *)text.as.data)[at] != (wanted != NULL ? wanted[i] : all);
    }
    return vl_statement_end(unit_ctx(), &statement) == VELO_OK && !wrong;
}

/* Fill a store with texts, which are durable. */
static velo_status
spill_fill_texts(txn_rig *rig)
{
    VL_TRY(vl_session_begin(unit_ctx(), rig->session[0], VL_TXN_DEFERRED));
    for (int64_t i = 1; i <= SPILL_TEXTS; i++)
        VL_TRY(spill_put_text(rig, i, 'a', 1));
    VL_TRY(vl_session_commit(unit_ctx(), rig->session[0]));
    return vl_txn_store_checkpoint(unit_ctx(), rig->store);
}

/* Each call on the file fails, once or from then on: the change that wanted it is refused and has
 * not happened, all others have, and everything works again once the medium does. */
static void
spill_each_call_on_the_file_may_fail(void)
{
    unsigned refused = 0;

    for (unsigned run = 0; run < 16; run++) {
        vl_sim_fault fault = {.kind = VL_SIM_ERROR,
                              .path = ".", /* the folder: only this file is opened by it */
                              .nth = 1 + run / 2,
                              .count = run % 4 < 2 ? 1 : UINT64_MAX,
                              .os_error = run % 2 == 0 ? EIO : ENOSPC};
        txn_rig rig = {.options.version_bytes = 4096};
        char wanted[SPILL_TEXTS + 1];
        uint64_t least;

        CHECK_OK(rig_init(unit_ctx(), &rig, unit_seed() + run, 0));
        CHECK_OK(spill_fill_texts(&rig));
        CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
        least = spill_stats(&rig).spilled_bytes; /* of trees that are open */
        memset(wanted, 'b', sizeof wanted);
        CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
        CHECK_OK(vl_sim_plan(unit_ctx(), rig.sim, &fault));
        for (int64_t i = 1; i <= SPILL_TEXTS; i++) {
            unsigned st = (unsigned)spill_put_text(&rig, i, 'b', 0) & 0xffU;

            if (st == VELO_OK)
                continue;
            CHECK(st == VELO_FULL || st == VELO_IOERR || st == VELO_CANTOPEN);
            CHECK(unit_ctx()->error.text[0] != 0);
            wanted[i] = 'a';
            refused++;
        }
        CHECK(spill_has_texts(&rig, wanted));
        vl_sim_plan_clear(rig.sim);
        if (run % 3 == 0) {
            CHECK_OK(vl_session_rollback(unit_ctx(), rig.session[0]));
            memset(wanted, 'a', sizeof wanted);
        } else {
            CHECK_OK(spill_put_text(&rig, SPILL_TEXTS, 'c', 0));
            wanted[SPILL_TEXTS] = 'c';
            CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
        }
        CHECK(spill_has_texts(&rig, wanted));
        CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
        CHECK(spill_stats(&rig).spilled_bytes <= least + 16384); /* and a table of a page's map */
        CHECK_OK(rig_check(unit_ctx(), &rig));
        rig_deinit(&rig);
    }
    CHECK(refused > 0);
}

/* A transaction many times the memory for versions, with checkpoints that list it, and the power
 * fails anywhere: all of it is there, or nothing. VELO_CRASH_ROUNDS cuts (times 20), 16 if it is
 * not set. */
static void
spill_power_fails_anywhere(void)
{
    const char *text = getenv("VELO_CRASH_ROUNDS");
    uint64_t rounds = text != NULL ? 20 * strtoull(text, NULL, 10) : 16;
    uint64_t cuts = 0;
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (uint64_t round = 0; round < rounds && !unit_has_failed(); round++) {
        vl_sim_fault cut = {.kind = round % 2 == 0 ? VL_SIM_CUT_BEFORE : VL_SIM_CUT_AFTER,
                            .ops = VL_SIM_CHANGING,
                            .nth = 1 + vl_rng_below(&rng, round % 4 == 0 ? 6000 : 600)};
        txn_rig rig = {.options.version_bytes = 4096,
                       .options.store.cache_bytes = SPILL_CACHE,
                       .options.store.log_limit_bytes = UINT64_C(1) << 18};
        vl_txn_mark mark;
        velo_status st;
        int64_t i;

        CHECK_OK(rig_init(unit_ctx(), &rig, unit_seed() + round, 0));
        CHECK_OK(spill_fill_texts(&rig));
        CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
        CHECK_OK(vl_sim_plan(unit_ctx(), rig.sim, &cut));
        st = VELO_OK;
        for (i = 1; st == VELO_OK && i <= SPILL_TEXTS; i++)
            st = spill_put_text(&rig, i, 'b', 0);
        mark = vl_session_save(rig.session[0]);
        for (i = 1; st == VELO_OK && i <= SPILL_TEXTS; i += 3)
            st = spill_put_text(&rig, i, 'c', 0);
        CHECK(st != VELO_OK || spill_stats(&rig).spilled_bytes > 100 * 4096);
        if (st == VELO_OK)
            st = vl_session_rollback_to(unit_ctx(), rig.session[0], &mark);
        if (st == VELO_OK)
            st = vl_session_commit(unit_ctx(), rig.session[0]);
        vl_sim_plan_clear(rig.sim);
        CHECK_OK(rig_crash(unit_ctx(), &rig, 1, vl_rng_next(&rng)));
        CHECK(spill_has_texts(&rig, NULL));
        cuts += st != VELO_OK;
        if (st == VELO_OK) { /* it was acknowledged */
            char wanted[SPILL_TEXTS + 1];

            memset(wanted, 'b', sizeof wanted);
            CHECK(spill_has_texts(&rig, wanted));
        }
        CHECK_OK(rig_check(unit_ctx(), &rig));
        rig_deinit(&rig);
    }
    CHECK(cuts > rounds / 4 && cuts < rounds);
}

/* Each allocation on the way into the file, the machine's own ones too, fails once: changes that
 * were refused have not happened, the others have. */
static void
spill_each_allocation_may_fail(void)
{
    int has_failed = 1;

    for (unsigned nth = 1; has_failed; nth++) {
        txn_rig rig = {.options.version_bytes = 2048};
        int64_t expected[41] = {0};
        vl_allocator allocator;
        vl_ctx ctx;

        CHECK(nth < 1000);
        vl_allocator_init(&allocator);
        vl_ctx_init(&ctx, &allocator, NULL);
        CHECK_EQ(rig_init(&ctx, &rig, unit_seed(), 0), VELO_OK);
        CHECK_EQ(spill_fill(&ctx, &rig, 0, 40), VELO_OK);
        CHECK_EQ(vl_txn_store_collect(&ctx, rig.store), VELO_OK);
        CHECK_EQ(vl_session_begin(&ctx, rig.session[0], VL_TXN_DEFERRED), VELO_OK);
        vl_allocator_fail_nth(&allocator, nth, 1);
        for (int64_t i = 1; i <= 40; i++)
            expected[i] = rig_update(&ctx, &rig, 0, i, -i) == VELO_OK ? -i : i;
        vl_allocator_fail_nth(&allocator, 0, 1);
        has_failed = allocator.failed_count != 0;
        CHECK(has_failed || spill_stats(&rig).spilled_bytes > 0);
        CHECK_EQ(vl_session_commit(&ctx, rig.session[0]), VELO_OK);
        for (int64_t i = 1; i <= 40; i++)
            CHECK_EQ(rig_get(&ctx, &rig, 1, i), expected[i]);
        rig_deinit(&rig);
        CHECK_EQ(allocator.block_count, 0);
    }
}

/* ---- the file by itself ---- */

/* Blocks of all sizes keep what is in them while the file's pages are let go, on a file of the
 * system; freed ones are used again; the space goes back when all are free. */
static void
spill_blocks_keep_their_content(void)
{
    static uint8_t *blocks[SPILL_BLOCKS];
    static size_t sizes[SPILL_BLOCKS];
    vl_undo_spill *spill;
    uint64_t size;
    vl_rng rng;
    vl_io *io;

    vl_rng_init(&rng, unit_seed());
    CHECK_OK(vl_io_open(unit_ctx(), NULL, &io));
    CHECK_OK(vl_undo_spill_create(unit_ctx(), io, unit_path("db"), &spill));
    for (unsigned i = 0; i < SPILL_BLOCKS; i++) {
        void *block;

        sizes[i] = 1 + (size_t)vl_rng_below(&rng, UINT64_C(1) << vl_rng_below(&rng, 18));
        CHECK_OK(vl_undo_spill_alloc(unit_ctx(), spill, sizes[i], &block));
        CHECK(vl_undo_spill_has(spill, block));
        CHECK_EQ((uintptr_t)block % 8, 0);
        blocks[i] = block;
        memset(blocks[i], (int)(i & 0xff), sizes[i]);
        vl_undo_spill_touch(spill, VL_UNDO_SPILL_TOUCHES);
        vl_undo_spill_settle(spill);
        if (i % 3 == 2) { /* an earlier one goes, and another comes */
            unsigned at = (unsigned)vl_rng_below(&rng, i);

            vl_undo_spill_free(spill, blocks[at]);
            CHECK_OK(vl_undo_spill_alloc(unit_ctx(), spill, sizes[at], &block));
            blocks[at] = block;
            memset(blocks[at], (int)(at & 0xff), sizes[at]);
        }
    }
    CHECK(!vl_undo_spill_has(spill, blocks) && !vl_undo_spill_has(spill, NULL));
    for (unsigned i = 0; i < SPILL_BLOCKS; i++) {
        CHECK_EQ(blocks[i][0], i & 0xff);
        CHECK_EQ(blocks[i][sizes[i] - 1], i & 0xff);
    }
    size = vl_undo_spill_size(spill);
    CHECK(size >= vl_undo_spill_used(spill));
    for (unsigned i = 0; i < SPILL_BLOCKS; i++)
        vl_undo_spill_free(spill, blocks[i]);
    CHECK_EQ(vl_undo_spill_used(spill), 0);
    CHECK_OK(vl_undo_spill_tend(unit_ctx(), spill, 0));
    CHECK(vl_undo_spill_size(spill) < size);
    vl_undo_spill_destroy(spill);
    vl_io_close(io);
}

/* Memory of mapped files that the process has, in KiB; 0: the system does not tell. */
static uint64_t
spill_mapped_kib(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[200];
    uint64_t found = 0;

    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, "RssFile:", 8) == 0)
            found = strtoull(line + 8, NULL, 10);
    if (status != NULL)
        (void)fclose(status);
    return found;
}

/* The bound: of what is in the file the process keeps what so many touches can take, however much
 * that is; also while it is freed again. A touch can take 64 KiB, which Linux maps around a page:
 * 256 blocks are freed until their pages are let go. */
static void
spill_pages_are_let_go(void)
{
    static void *blocks[SPILL_CHUNKS];
    uint64_t least = spill_mapped_kib(), most = 0, now;
    const uint64_t size = 65536 - VL_UNDO_SPILL_HEAD;
    vl_undo_spill *spill;
    vl_io *io;

    if (least == 0) {
        unit_skip("the system does not tell how much of mapped files is in memory");
        return;
    }
    CHECK_OK(vl_io_open(unit_ctx(), NULL, &io));
    CHECK_OK(vl_undo_spill_create(unit_ctx(), io, unit_path("db"), &spill));
    for (unsigned i = 0; i < SPILL_CHUNKS; i++) {
        CHECK_OK(vl_undo_spill_alloc(unit_ctx(), spill, size, &blocks[i]));
        memset(blocks[i], 7, size);
        vl_undo_spill_touch(spill, 300); /* records of a chunk */
        vl_undo_spill_settle(spill);
        now = spill_mapped_kib();
        most = now > most ? now : most;
    }
    for (unsigned i = 0; i < SPILL_CHUNKS; i++) {
        vl_undo_spill_free(spill, blocks[i]);
        vl_undo_spill_touch(spill, 8);
        vl_undo_spill_settle(spill);
        now = spill_mapped_kib();
        most = now > most ? now : most;
    }
    CHECK(most - least < 24576); /* of 64,000 */
    CHECK_OK(vl_undo_spill_tend(unit_ctx(), spill, 0));
    vl_undo_spill_destroy(spill);
    vl_io_close(io);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(spill_blocks_keep_their_content),
        UNIT_TEST(spill_pages_are_let_go),
        UNIT_TEST(spill_large_transaction_commits),
        UNIT_TEST(spill_large_inserts_out_of_order),
        UNIT_TEST(spill_databases_in_memory_grow),
        UNIT_TEST(spill_goes_back_to_savepoints),
        UNIT_TEST(spill_crash_in_the_middle),
        UNIT_TEST(spill_lists_are_no_longer_than_the_log),
        UNIT_TEST(spill_full_disk_is_an_error_of_the_change),
        UNIT_TEST(spill_each_call_on_the_file_may_fail),
        UNIT_TEST(spill_power_fails_anywhere),
        UNIT_TEST(spill_each_allocation_may_fail),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
