/* test_verdict.c - which operations of a log happened. */
#include "lib/unit.h"

#include "storage/record.h"
#include "storage/verdict.h"

/* A log in letters, for the model: one record each. */
typedef struct verdict_step {
    uint32_t type; /* of the record */
    uint64_t txn;  /* whose */
    uint64_t from; /* of a DISCARD */
} verdict_step;

/* Whether the record at `position` of the log happened: by the definition. */
static int
verdict_model(const verdict_step *log, uint64_t count, uint64_t position)
{
    uint64_t txn = log[position].txn;
    int committed = 0;

    for (uint64_t i = 0; i < count; i++) {
        if (log[i].txn != txn)
            continue;
        if (log[i].type == VL_RECORD_COMMIT || (log[i].type & VL_RECORD_COMMITS) != 0)
            committed = 1;
        if (log[i].type == VL_RECORD_DISCARD && log[i].from <= position && position < i)
            return 0;
    }
    return committed;
}

#define VERDICT_STEPS 400U
#define VERDICT_OPEN  12U

/* Fill a log with steps of up to VERDICT_OPEN transactions at a time; `begins` receives the
 * position of each transaction's first record. */
static void
verdict_make_log(vl_rng *rng, verdict_step *log)
{
    uint64_t open[VERDICT_OPEN], begins[VERDICT_OPEN], next = 1;

    for (uint32_t i = 0; i < VERDICT_OPEN; i++) {
        open[i] = next++;
        begins[i] = 0;
    }
    for (uint64_t at = 0; at < VERDICT_STEPS; at++) {
        uint64_t who = vl_rng_below(rng, VERDICT_OPEN);
        uint64_t dice = vl_rng_below(rng, 10);
        verdict_step *step = log + at;

        *step = (verdict_step){VL_RECORD_TABLE_DELETE, open[who], 0};
        if (dice == 0)
            step->type = VL_RECORD_COMMIT;
        else if (dice == 1)
            step->type = VL_RECORD_ABORT;
        else if (dice == 2)
            step->type = VL_RECORD_TABLE_DELETE | VL_RECORD_COMMITS;
        else if (dice <= 4 && at > begins[who]) {
            step->type = VL_RECORD_DISCARD;
            step->from = begins[who] + vl_rng_below(rng, at - begins[who]);
        }
        if (dice <= 2) {
            open[who] = next++;
            begins[who] = at + 1;
        }
    }
}

static void
verdict_is_that_of_the_definition(void)
{
    verdict_step log[VERDICT_STEPS];
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (uint32_t round = 0; round < 200; round++) {
        uint64_t count = 1 + vl_rng_below(&rng, VERDICT_STEPS);
        vl_verdict *verdict;

        verdict_make_log(&rng, log);
        CHECK_OK(vl_verdict_create(unit_ctx(), &verdict));
        for (uint64_t at = 0; at < count; at++)
            CHECK_OK(vl_verdict_see(unit_ctx(), verdict, log[at].type, log[at].txn, at + 1,
                                    log[at].from + 1));
        vl_verdict_finish(verdict);
        for (uint64_t at = 0; at < count; at++)
            if (log[at].type != VL_RECORD_DISCARD)
                CHECK_EQ(vl_verdict_applies(verdict, log[at].txn, at + 1),
                         verdict_model(log, count, at));
        vl_verdict_destroy(verdict);
    }
}

/* A committed transaction takes no memory: the table stays as small as what is open. */
static void
verdict_forgets_what_committed(void)
{
    vl_allocator allocator;
    vl_verdict *verdict;
    uint64_t used;
    vl_ctx ctx;

    vl_allocator_init(&allocator);
    vl_ctx_init(&ctx, &allocator, NULL);
    CHECK_OK(vl_verdict_create(&ctx, &verdict));
    used = allocator.used_bytes;
    for (uint64_t i = 1; i < 100000; i++) {
        CHECK_OK(vl_verdict_see(&ctx, verdict, VL_RECORD_TABLE_DELETE, i, 2 * i, 0));
        CHECK_OK(vl_verdict_see(&ctx, verdict, VL_RECORD_COMMIT, i, 2 * i + 1, 0));
    }
    CHECK(allocator.used_bytes == used);
    vl_verdict_finish(verdict);
    CHECK_EQ(vl_verdict_lost_count(verdict), 0);
    CHECK(vl_verdict_committed(verdict, 77));
    vl_verdict_destroy(verdict);
    CHECK_EQ(allocator.used_bytes, 0);
}

/* Hazard 2: a listed transaction without a commit behind the checkpoint is lost, one with it keeps
 * what it did before, but for what it took back later. */
static void
verdict_hazard_2_listed_transactions(void)
{
    vl_verdict *verdict;

    CHECK_OK(vl_verdict_create(unit_ctx(), &verdict));
    CHECK_OK(vl_verdict_expect(unit_ctx(), verdict, 5));
    CHECK_OK(vl_verdict_expect(unit_ctx(), verdict, 6));
    CHECK_OK(vl_verdict_see(unit_ctx(), verdict, VL_RECORD_DISCARD, 6, 130, 80));
    CHECK_OK(vl_verdict_see(unit_ctx(), verdict, VL_RECORD_DISCARD, 6, 150, 140));
    CHECK_OK(vl_verdict_see(unit_ctx(), verdict, VL_RECORD_COMMIT, 6, 160, 0));
    vl_verdict_finish(verdict);
    CHECK(!vl_verdict_committed(verdict, 5));
    CHECK(vl_verdict_committed(verdict, 6));
    CHECK_EQ(vl_verdict_lost_count(verdict), 1);
    CHECK_EQ(vl_verdict_discarded_from(verdict, 6, 100), 80);
    CHECK(vl_verdict_discarded_from(verdict, 6, 80) == UINT64_MAX);
    CHECK(vl_verdict_discarded_from(verdict, 5, 100) == UINT64_MAX);
    CHECK(!vl_verdict_applies(verdict, 6, 129));
    CHECK(vl_verdict_applies(verdict, 6, 135));
    CHECK(!vl_verdict_applies(verdict, 6, 145));
    vl_verdict_destroy(verdict);
}

static void
verdict_refuses_damaged_logs(void)
{
    vl_verdict *verdict;

    CHECK_OK(vl_verdict_create(unit_ctx(), &verdict));
    CHECK_STATUS(vl_verdict_expect(unit_ctx(), verdict, 0), VELO_CORRUPT);
    CHECK_STATUS(vl_verdict_see(unit_ctx(), verdict, VL_RECORD_COMMIT, 0, 1, 0), VELO_CORRUPT);
    CHECK_OK(vl_verdict_see(unit_ctx(), verdict, VL_RECORD_ABORT, 3, 1, 0));
    CHECK_STATUS(vl_verdict_see(unit_ctx(), verdict, VL_RECORD_COMMIT, 3, 2, 0), VELO_CORRUPT);
    CHECK_CONTAINS(unit_ctx()->error.text, "transaction 3");
    CHECK_STATUS(vl_verdict_see(unit_ctx(), verdict, VL_RECORD_DISCARD, 4, 9, 9), VELO_CORRUPT);
    vl_verdict_destroy(verdict);
}

static velo_status
verdict_operation(vl_ctx *ctx, void *argument)
{
    vl_verdict *verdict;
    velo_status st = vl_verdict_create(ctx, &verdict);

    (void)argument;
    for (uint64_t i = 1; st == VELO_OK && i < 5000; i++) {
        st = vl_verdict_see(ctx, verdict, VL_RECORD_TABLE_DELETE, i, 2 * i, 0);
        if (st == VELO_OK)
            st = vl_verdict_see(ctx, verdict, VL_RECORD_DISCARD, i, 2 * i + 1, 2 * i);
    }
    vl_verdict_destroy(verdict);
    return st;
}

static void
verdict_survives_lack_of_memory(void)
{
    CHECK(unit_each_alloc_failure(verdict_operation, NULL) > 5);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(verdict_is_that_of_the_definition),    UNIT_TEST(verdict_forgets_what_committed),
        UNIT_TEST(verdict_hazard_2_listed_transactions), UNIT_TEST(verdict_refuses_damaged_logs),
        UNIT_TEST(verdict_survives_lack_of_memory),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
