/* test_txn_publish.c - what is published: every order of the steps of a few commits, failures of
 * the log, and many threads. */
#include "base/atomic.h"
#include "base/thread.h"
#include "lib/unit.h"
#include "os/sim.h"
#include "txn/publish.h"
#include "wal_rig.h"

#define PUBLISH_COMMITS 3U
#define PUBLISH_CHOICES 32U
#define PUBLISH_BODY    8U
#define PUBLISH_TYPE    1U

static const uint8_t publish_body[PUBLISH_BODY];
static const vl_wal_part publish_part = {publish_body, PUBLISH_BODY};

/* ---- every order ---- */

/* The one world that is explored. Its log keeps nothing, but "durable" moves as in a file. */
static struct {
    vl_txn_status_pool *pool;
    vl_wal *wal;
    vl_publish publish;
    vl_txn_status *statuses[PUBLISH_COMMITS];
    vl_publish_commit commits[PUBLISH_COMMITS];
    vl_wal_credit credits[PUBLISH_COMMITS];
    unsigned done[PUBLISH_COMMITS]; /* steps that each has made: reserve, fill, acknowledge */
    int is_full[PUBLISH_COMMITS];
    unsigned syncs; /* that may still come by themselves */
    vl_timestamp before;
    uint8_t chosen[PUBLISH_CHOICES]; /* the path of this run */
    uint8_t count[PUBLISH_CHOICES];  /* options there were */
    unsigned known;                  /* choices given */
    unsigned length;                 /* choices made */
} pw;

static unsigned
publish_choose(unsigned count)
{
    unsigned at = pw.length++;

    if (at >= pw.known) {
        pw.chosen[at] = 0;
        pw.count[at] = (uint8_t)count;
    }
    return pw.chosen[at];
}

static int
publish_next_path(void)
{
    while (pw.length > 0) {
        unsigned at = pw.length - 1;

        if (pw.chosen[at] + 1 < pw.count[at]) {
            pw.chosen[at]++;
            pw.known = pw.length;
            return 1;
        }
        pw.length--;
    }
    return 0;
}

/* Whether acknowledging commit i would not wait for another's record. */
static int
publish_can_acknowledge(unsigned i)
{
    for (unsigned j = 0; j < PUBLISH_COMMITS; j++)
        if (pw.done[j] == 1 && pw.commits[j].ts < pw.commits[i].ts)
            return 0;
    return 1;
}

/* By the definition: what is appended, but never past a FULL commit that is not durable. */
static vl_timestamp
publish_wanted(void)
{
    vl_log_position limit = vl_wal_tail(pw.wal);

    for (unsigned j = 0; j < PUBLISH_COMMITS; j++)
        if ((pw.done[j] == 1 ||
             (pw.done[j] >= 2 && pw.is_full[j] && vl_wal_durable(pw.wal) < pw.commits[j].end)) &&
            pw.commits[j].ts < limit)
            limit = pw.commits[j].ts;
    return limit - 1;
}

static void
publish_check(void)
{
    vl_timestamp ts = vl_publish_advance(&pw.publish);
    vl_timestamp wanted = publish_wanted();

    CHECK_EQ(ts, wanted);
    CHECK_EQ(vl_publish_ts(&pw.publish), wanted);
    CHECK(ts >= pw.before);
    pw.before = ts;
    for (unsigned j = 0; j < PUBLISH_COMMITS; j++) {
        if (pw.done[j] == 0)
            CHECK(vl_txn_status_commit_ts(pw.statuses[j]) == VL_TS_ACTIVE);
        if (pw.done[j] >= 1) /* decided before it is filled; and seen only once published */
            CHECK_EQ(vl_txn_status_commit_ts(pw.statuses[j]), pw.commits[j].ts);
        if (pw.done[j] == 3)
            CHECK(pw.commits[j].ts <= ts);
    }
}

static void
publish_step(unsigned i)
{
    switch (pw.done[i]) {
    case 0:
        (void)vl_publish_reserve(&pw.publish, &pw.credits[i], PUBLISH_BODY, pw.statuses[i],
                                 pw.is_full[i], &pw.commits[i]);
        break;
    case 1:
        vl_publish_fill(&pw.publish, &pw.commits[i], PUBLISH_TYPE, i, &publish_part, 1);
        break;
    default:
        CHECK_OK(vl_publish_acknowledge(unit_ctx(), &pw.publish, &pw.commits[i]));
        CHECK(vl_publish_ts(&pw.publish) >= pw.commits[i].ts);
        if (pw.is_full[i])
            CHECK(vl_wal_durable(pw.wal) >= pw.commits[i].end);
        break;
    }
    pw.done[i]++;
}

/* Make one step that is possible: 0 when there is none. */
static int
publish_step_any(void)
{
    unsigned options[PUBLISH_COMMITS + 1];
    unsigned count = 0;
    unsigned choice;

    for (unsigned i = 0; i < PUBLISH_COMMITS; i++)
        if (pw.done[i] < 2 || (pw.done[i] == 2 && publish_can_acknowledge(i)))
            options[count++] = i;
    if (count == 0)
        return 0;
    if (pw.syncs > 0)
        options[count++] = PUBLISH_COMMITS;
    choice = options[publish_choose(count)];
    if (choice < PUBLISH_COMMITS) {
        publish_step(choice);
    } else { /* somebody else's sync */
        pw.syncs--;
        if (vl_wal_flush(unit_ctx(), pw.wal, vl_wal_appended(pw.wal), 1) != VELO_OK)
            unit_failed(__FILE__, __LINE__, "a sync fails");
    }
    publish_check();
    return !unit_has_failed();
}

static void
publish_run(unsigned modes)
{
    vl_wal_options options = {.identity.generation = 1, .start = 64, .ring_bytes = 1024};

    CHECK_OK(vl_wal_create(unit_ctx(), &options, &pw.wal));
    vl_publish_init(&pw.publish);
    CHECK_EQ(vl_publish_ts(&pw.publish), VL_TS_NONE);
    vl_publish_attach(&pw.publish, pw.wal, 0);
    CHECK_EQ(vl_publish_ts(&pw.publish), 63);
    pw.before = 63;
    pw.syncs = 1;
    pw.length = 0;
    for (unsigned i = 0; i < PUBLISH_COMMITS; i++) {
        CHECK_OK(vl_wal_grant(unit_ctx(), pw.wal, 1, PUBLISH_BODY, &pw.credits[i]));
        CHECK_OK(vl_txn_status_create(unit_ctx(), pw.pool, i, &pw.statuses[i]));
        pw.done[i] = 0;
        pw.is_full[i] = (int)(modes >> i & 1);
    }
    while (publish_step_any())
        continue;
    for (unsigned i = 0; i < PUBLISH_COMMITS; i++) {
        vl_wal_ungrant(pw.wal, &pw.credits[i]);
        vl_txn_status_release(pw.statuses[i], 1);
    }
    vl_publish_deinit(&pw.publish);
    vl_wal_close(pw.wal);
}

static void
publish_is_right_in_every_order_of_three_commits(void)
{
    unsigned long runs = 0;

    CHECK_OK(vl_txn_status_pool_create(unit_ctx(), &pw.pool));
    for (unsigned modes = 0; modes < 1U << PUBLISH_COMMITS; modes++) {
        pw.known = 0;
        do {
            publish_run(modes);
            runs++;
        } while (!unit_has_failed() && publish_next_path());
        CHECK(!unit_has_failed());
    }
    CHECK(runs > 40000);
    vl_txn_status_pool_destroy(pw.pool);
}

/* ---- in memory, and failures ---- */

static velo_status
publish_commit_one(vl_ctx *ctx, vl_publish *publish, vl_wal *wal, vl_txn_status_pool *pool,
                   int is_full, vl_publish_commit *commit)
{
    vl_txn_status *status;
    vl_wal_credit credit;
    velo_status st;

    VL_TRY(vl_txn_status_create(ctx, pool, 1, &status));
    st = vl_wal_grant(ctx, wal, 1, PUBLISH_BODY, &credit);
    if (st != VELO_OK) {
        vl_txn_status_abort(status);
        vl_txn_status_release(status, 1);
        return st;
    }
    (void)vl_publish_reserve(publish, &credit, PUBLISH_BODY, status, is_full, commit);
    vl_publish_fill(publish, commit, PUBLISH_TYPE, 1, &publish_part, 1);
    vl_wal_ungrant(wal, &credit);
    vl_txn_status_release(status, 1);
    return vl_publish_acknowledge(ctx, publish, commit);
}

static void
publish_in_memory_counts_positions(void)
{
    vl_wal_options options = {.identity.generation = 1, .start = 8, .ring_bytes = 1024};
    vl_txn_status_pool *pool;
    vl_publish_commit commit;
    vl_publish publish;
    vl_timestamp last = 0;
    vl_wal *wal;

    CHECK_OK(vl_txn_status_pool_create(unit_ctx(), &pool));
    CHECK_OK(vl_wal_create(unit_ctx(), &options, &wal));
    vl_publish_init(&publish);
    vl_publish_attach(&publish, wal, 1);
    for (unsigned i = 0; i < 500; i++) { /* many times around the ring */
        CHECK_OK(publish_commit_one(unit_ctx(), &publish, wal, pool, (int)(i & 1), &commit));
        CHECK(commit.ts > last);
        CHECK_EQ(vl_publish_ts(&publish), commit.end - 1);
        last = commit.ts;
    }
    vl_publish_deinit(&publish);
    vl_wal_close(wal);
    vl_txn_status_pool_destroy(pool);
}

static void
publish_stops_at_a_full_commit_that_failed(void)
{
    vl_sim_fault fault = {.kind = VL_SIM_ERROR, .path = RIG_PATH, .count = UINT64_MAX};
    vl_sim_options sim_options = {.seed = unit_seed()};
    vl_txn_status_pool *pool;
    vl_publish_commit commit;
    vl_publish publish;
    vl_timestamp before;
    rig r;

    CHECK_OK(rig_open(unit_ctx(), &r, &sim_options));
    CHECK_OK(rig_create(unit_ctx(), &r));
    CHECK_OK(vl_txn_status_pool_create(unit_ctx(), &pool));
    vl_publish_init(&publish);
    vl_publish_attach(&publish, r.wal, 0);
    CHECK_OK(publish_commit_one(unit_ctx(), &publish, r.wal, pool, 1, &commit));
    before = vl_publish_ts(&publish);
    CHECK(before >= commit.ts);
    CHECK_OK(vl_sim_plan(unit_ctx(), r.sim, &fault));
    CHECK(publish_commit_one(unit_ctx(), &publish, r.wal, pool, 1, &commit) != VELO_OK);
    CHECK_EQ(vl_publish_advance(&publish), before);
    CHECK(vl_publish_await(unit_ctx(), &publish, commit.ts) != VELO_OK);
    CHECK(publish_commit_one(unit_ctx(), &publish, r.wal, pool, 0, &commit) != VELO_OK);
    CHECK_EQ(vl_publish_advance(&publish), before);
    vl_publish_deinit(&publish);
    rig_close(&r);
    vl_txn_status_pool_destroy(pool);
}

static void
publish_appended_sees_what_was_met(void)
{
    vl_wal_options options = {.identity.generation = 1, .start = 8, .ring_bytes = 1024};
    vl_publish_commit commit;
    vl_txn_status_pool *pool;
    vl_txn_status *status;
    vl_wal_credit credit;
    vl_publish publish;
    vl_wal *wal;

    CHECK_OK(vl_txn_status_pool_create(unit_ctx(), &pool));
    CHECK_OK(vl_wal_create(unit_ctx(), &options, &wal));
    vl_publish_init(&publish);
    CHECK_EQ(vl_publish_appended_ts(&publish, VL_TS_NONE), VL_TS_NONE);
    vl_publish_attach(&publish, wal, 0);
    CHECK_OK(vl_txn_status_create(unit_ctx(), pool, 1, &status));
    CHECK_OK(vl_wal_grant(unit_ctx(), wal, 1, PUBLISH_BODY, &credit));
    CHECK_EQ(vl_publish_reserve(&publish, &credit, PUBLISH_BODY, status, 1, &commit), 8);
    CHECK_EQ(vl_publish_appended_ts(&publish, VL_TS_NONE), 7);
    vl_publish_fill(&publish, &commit, PUBLISH_TYPE, 1, &publish_part, 1);
    vl_wal_ungrant(wal, &credit);
    CHECK_EQ(vl_publish_appended_ts(&publish, commit.ts), commit.end - 1);
    CHECK_EQ(vl_publish_advance(&publish), 7); /* appended, but not durable */
    CHECK_OK(vl_publish_await(unit_ctx(), &publish, commit.end - 1)); /* what a writer read */
    CHECK_EQ(vl_wal_durable(wal), commit.end);
    CHECK_OK(vl_publish_acknowledge(unit_ctx(), &publish, &commit));
    vl_txn_status_release(status, 1);
    vl_publish_deinit(&publish);
    vl_wal_close(wal);
    vl_txn_status_pool_destroy(pool);
}

/* ---- many threads ---- */

#define PUBLISH_THREADS 5U
#define PUBLISH_ROUNDS  400U

static struct {
    rig r;
    vl_txn_status_pool *pool;
    vl_publish publish;
    _Atomic uint32_t wrong; /* rules found broken */
} ps;

static void
publish_stress_main(void *argument)
{
    uint64_t thread = (uintptr_t)argument;
    vl_publish_commit commit;
    vl_rng rng;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    vl_rng_init(&rng, unit_seed() + thread);
    for (uint32_t i = 0; i < PUBLISH_ROUNDS; i++) {
        int is_full = vl_rng_chance(&rng, thread % 3, 3);
        vl_timestamp before = vl_publish_ts(&ps.publish);
        vl_timestamp after;

        if (publish_commit_one(&ctx, &ps.publish, ps.r.wal, ps.pool, is_full, &commit) != VELO_OK) {
            atomic_fetch_add(&ps.wrong, 1);
            return;
        }
        after = vl_publish_ts(&ps.publish);
        if (after < commit.ts || after < before || commit.ts <= before ||
            (is_full && vl_wal_durable(ps.r.wal) < commit.end) || commit.is_listed)
            atomic_fetch_add(&ps.wrong, 1);
        if (vl_rng_chance(&rng, 1, 4)) { /* a writer that begins at what is appended */
            after = vl_publish_appended_ts(&ps.publish, commit.ts);
            if (after < commit.ts || vl_publish_await(&ctx, &ps.publish, after) != VELO_OK ||
                vl_publish_ts(&ps.publish) < after)
                atomic_fetch_add(&ps.wrong, 1);
        }
    }
}

static void
publish_by_many_threads(void)
{
    vl_sim_options sim_options = {.seed = unit_seed()};
    vl_thread threads[PUBLISH_THREADS];

    memset(threads, 0, sizeof threads);
    CHECK_OK(rig_open(unit_ctx(), &ps.r, &sim_options));
    CHECK_OK(rig_create(unit_ctx(), &ps.r));
    CHECK_OK(vl_txn_status_pool_create(unit_ctx(), &ps.pool));
    vl_publish_init(&ps.publish);
    vl_publish_attach(&ps.publish, ps.r.wal, 0);
    for (uintptr_t i = 0; i < PUBLISH_THREADS; i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[i], "publish", publish_stress_main,
                                 (void *)i)); /* NOLINT(performance-no-int-to-ptr): a number */
    for (uint32_t i = 0; i < PUBLISH_THREADS; i++)
        vl_thread_join(&threads[i]);
    CHECK_EQ(atomic_load(&ps.wrong), 0);
    CHECK_EQ(vl_publish_advance(&ps.publish), vl_wal_tail(ps.r.wal) - 1);
    vl_publish_deinit(&ps.publish);
    vl_txn_status_pool_destroy(ps.pool);
    rig_close(&ps.r);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(publish_is_right_in_every_order_of_three_commits),
        UNIT_TEST(publish_in_memory_counts_positions),
        UNIT_TEST(publish_stops_at_a_full_commit_that_failed),
        UNIT_TEST(publish_appended_sees_what_was_met),
        UNIT_TEST(publish_by_many_threads),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
