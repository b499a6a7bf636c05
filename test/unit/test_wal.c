/* test_wal.c - the write-ahead log, one thread: records, ring, segments, generations, damage. */
#include "lib/unit.h"
#include "os/sim.h"
#include "storage/wal.h"
#include "wal_case.h"

static void
wal_records_come_back(void)
{
    check_start();
    CHECK_OK(rig_append(unit_ctx(), &test, 0));
    CHECK_OK(rig_append(unit_ctx(), &test, 1));
    CHECK_OK(rig_append(unit_ctx(), &test, RIG_BODY_MAX));
    CHECK_EQ(vl_wal_max_body(test.wal), RIG_BODY_MAX);
    CHECK_EQ(test.records[0].position, test.options.start);
    CHECK_EQ(test.records[1].position, test.options.start + 24);
    CHECK_EQ(test.records[2].position, test.options.start + 56);
    CHECK_OK(append_some(300));
    CHECK_OK(flush_all(1));
    CHECK_EQ(scan_from(0), (int)test.count);
    CHECK_EQ(scan_from(17), (int)test.count - 17);
    CHECK_EQ(scan_from(test.count), 0);
    rig_close(&test);
}

static void
wal_positions_follow_each_other(void)
{
    check_start();
    CHECK_OK(append_some(500));
    for (uint32_t i = 1; i < test.count; i++)
        CHECK_EQ(test.records[i].position, rig_end(&test.records[i - 1]));
    CHECK_EQ(vl_wal_tail(test.wal), rig_end(&test.records[test.count - 1]));
    CHECK_EQ(vl_wal_appended(test.wal), vl_wal_tail(test.wal));
    CHECK(vl_wal_written(test.wal) <= vl_wal_tail(test.wal));
    CHECK_EQ(vl_wal_durable(test.wal), test.options.start);
    CHECK_OK(flush_all(0));
    CHECK_EQ(vl_wal_written(test.wal), vl_wal_tail(test.wal));
    CHECK_EQ(vl_wal_durable(test.wal), test.options.start);
    CHECK_OK(flush_all(1));
    CHECK_EQ(vl_wal_durable(test.wal), vl_wal_tail(test.wal));
    rig_close(&test);
}

static void
wal_ring_wraps_with_everything_in_it(void)
{
    /* Each lap's records have other sizes, so that every alignment of the ring's end occurs. */
    check_start();
    for (uint32_t i = 0; i < 1000; i++)
        CHECK_OK(rig_append(unit_ctx(), &test, i % (RIG_BODY_MAX + 1)));
    CHECK_OK(flush_all(1));
    CHECK_EQ(scan_from(0), 1000);
    rig_close(&test);
}

/* Records with a body of one byte use up all of their credit, so that the ring is full exactly. */
static void
wal_ring_may_be_full_to_the_last_byte(void)
{
    enum {
        COUNT = RIG_RING / 64
    };
    vl_wal_part part = {"x", 1};

    check_start();
    for (int lap = 0; lap < 3; lap++) {
        vl_wal_credit credits[2];

        for (int i = 0; i < 2; i++)
            CHECK_OK(vl_wal_grant(unit_ctx(), test.wal, COUNT, COUNT, &credits[i]));
        for (int i = 0; i < 2 * COUNT; i++)
            (void)vl_wal_append(test.wal, &credits[i / COUNT], 1, 1, &part, 1);
        CHECK_EQ(credits[0].left + credits[1].left, 0);
        CHECK_EQ(vl_wal_tail(test.wal) - vl_wal_written(test.wal), RIG_RING);
        CHECK_EQ(vl_wal_appended(test.wal), vl_wal_tail(test.wal));
        CHECK_OK(flush_all(lap % 2));
    }
    rig_close(&test);
}

static void
wal_credit_is_limited_and_given_back(void)
{
    vl_wal_credit credit = {1};
    vl_wal_credit other;
    uint64_t tail;

    check_start();
    CHECK_STATUS(vl_wal_grant(unit_ctx(), test.wal, 1, RIG_RING / 2, &credit), VELO_TOOBIG);
    CHECK_EQ(credit.left, 0);
    CHECK_STATUS(vl_wal_grant(unit_ctx(), test.wal, UINT32_MAX, UINT32_MAX, &credit), VELO_TOOBIG);
    /* Again and again all that a grant may have: it would wait for ever if any of it were lost. */
    for (uint32_t i = 0; i < 100; i++) {
        CHECK_OK(vl_wal_grant(unit_ctx(), test.wal, 2, RIG_RING / 2 - 64, &credit));
        CHECK_OK(vl_wal_grant(unit_ctx(), test.wal, 2, RIG_RING / 2 - 64, &other));
        CHECK(credit.left >= RIG_RING / 2 - 64);
        vl_wal_ungrant(test.wal, &credit);
        CHECK_EQ(credit.left, 0);
        vl_wal_ungrant(test.wal, &credit); /* nothing left: nothing happens */
        vl_wal_ungrant(test.wal, &other);
    }
    /* Of one grant several records. */
    tail = vl_wal_tail(test.wal);
    CHECK_OK(vl_wal_grant(unit_ctx(), test.wal, 3, 3, &credit));
    for (int i = 0; i < 3; i++) {
        vl_wal_part part = {"x", 1};

        (void)vl_wal_append(test.wal, &credit, 1, 0, &part, 1);
    }
    vl_wal_ungrant(test.wal, &credit);
    CHECK_EQ(vl_wal_tail(test.wal), tail + 96);
    rig_close(&test);
}

static void
wal_bad_options_are_refused(void)
{
    vl_wal_options good;

    CHECK_OK(rig_open(unit_ctx(), &test, NULL));
    good = test.options;
    test.options.ring_bytes = 3000;
    CHECK_STATUS(rig_create(unit_ctx(), &test), VELO_MISUSE);
    test.options.ring_bytes = 512;
    CHECK_STATUS(rig_create(unit_ctx(), &test), VELO_MISUSE);
    test.options = good;
    test.options.segment_bytes = 512;
    CHECK_STATUS(rig_create(unit_ctx(), &test), VELO_MISUSE);
    test.options = good;
    test.options.start = 4;
    CHECK_STATUS(rig_create(unit_ctx(), &test), VELO_MISUSE);
    test.options = good;
    test.options.identity.generation = 0;
    CHECK_STATUS(rig_create(unit_ctx(), &test), VELO_MISUSE);
    test.options = good;
    CHECK_OK(rig_create(unit_ctx(), &test));
    CHECK_STATUS(vl_wal_flush(unit_ctx(), test.wal, test.options.start + 8, 1), VELO_MISUSE);
    vl_wal_close(NULL);
    vl_wal_scan_close(NULL);
    rig_close(&test);
}

static void
stop_without_credit(void)
{
    vl_wal_credit credit = {0};

    (void)rig_open(unit_ctx(), &test, NULL);
    (void)rig_create(unit_ctx(), &test);
    (void)vl_wal_append(test.wal, &credit, 1, 0, NULL, 0);
}

static void
stop_fill_of_another_size(void)
{
    vl_wal_credit credit;
    vl_wal_part part = {"abc", 3};
    vl_log_position position;

    (void)rig_open(unit_ctx(), &test, NULL);
    (void)rig_create(unit_ctx(), &test);
    if (vl_wal_grant(unit_ctx(), test.wal, 1, 10, &credit) != VELO_OK)
        return;
    position = vl_wal_reserve(test.wal, &credit, 4);
    vl_wal_fill(test.wal, position, 1, 0, &part, 1);
}

static void
wal_misuse_that_would_damage_the_log_stops(void)
{
    CHECK(unit_stops(stop_without_credit));
    CHECK(unit_stops(stop_fill_of_another_size));
}

static void
wal_in_memory_counts_positions(void)
{
    vl_wal_credit credit;
    vl_log_position first;

    CHECK_OK(rig_open(unit_ctx(), &test, NULL));
    test.options.io = NULL;
    test.options.path = NULL;
    CHECK_OK(rig_create(unit_ctx(), &test));
    CHECK_OK(append_some(500)); /* many laps of the ring: grants write out */
    CHECK_OK(flush_all(0));
    CHECK_EQ(vl_wal_written(test.wal), vl_wal_tail(test.wal));
    CHECK_OK(vl_wal_grant(unit_ctx(), test.wal, 2, 16, &credit));
    first = vl_wal_reserve(test.wal, &credit, 8);
    (void)vl_wal_append(test.wal, &credit, 1, 0, NULL, 0);
    CHECK_EQ(vl_wal_appended(test.wal), first); /* a gap, as in a file */
    vl_wal_fill(test.wal, first, 1, 0, &(vl_wal_part){"12345678", 8}, 1);
    CHECK_EQ(vl_wal_appended(test.wal), vl_wal_tail(test.wal));
    vl_wal_ungrant(test.wal, &credit);
    CHECK_OK(flush_all(1));
    CHECK_EQ(vl_wal_durable(test.wal), vl_wal_tail(test.wal));
    CHECK_OK(vl_wal_release(unit_ctx(), test.wal, vl_wal_tail(test.wal)));
    CHECK_OK(vl_wal_release_old(unit_ctx(), test.wal));
    rig_close(&test);
}

/* ---- segments and generations ---- */

static void
wal_space_is_used_again(void)
{
    vl_wal_stats stats;
    uint64_t size = 0;

    check_start();
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < 10; i++)
            CHECK_OK(rig_append(unit_ctx(), &test, 500));
        CHECK_OK(flush_all(1));
        CHECK_OK(vl_wal_release(unit_ctx(), test.wal, vl_wal_tail(test.wal)));
        if (round == 3)
            size = file_size();
    }
    CHECK_EQ(size, file_size());
    vl_wal_get_stats(test.wal, &stats);
    CHECK(stats.prepared_count > 300);
    CHECK(stats.live_segments <= 2);
    CHECK_EQ(4096 + (stats.live_segments + stats.free_segments) * 1024, size);
    rig_close(&test);
}

/* What is not written yet is never released, whatever is asked. */
static void
wal_release_stops_at_what_is_written(void)
{
    check_start();
    for (int round = 0; round < 10; round++) {
        vl_wal_credit credits[2];
        vl_log_position from;

        for (int i = 0; i < 2; i++)
            CHECK_OK(vl_wal_grant(unit_ctx(), test.wal, 2, 1900, &credits[i]));
        CHECK_OK(flush_all(1)); /* headers are durable: the release has nothing to write */
        CHECK_OK(vl_wal_release(unit_ctx(), test.wal, vl_wal_tail(test.wal)));
        from = vl_wal_tail(test.wal);
        test.count = 0;
        for (int i = 0; i < 4; i++) {
            uint8_t body[900];
            vl_wal_part part = {body, sizeof body};
            rig_record *record = &test.records[test.count++];

            *record = (rig_record){0, 1, sizeof body, (uint64_t)i};
            rig_body(record->txn, body, sizeof body);
            record->position = vl_wal_append(test.wal, &credits[i / 2], 1, record->txn, &part, 1);
        }
        for (int i = 0; i < 2; i++)
            vl_wal_ungrant(test.wal, &credits[i]);
        CHECK_OK(vl_wal_release(unit_ctx(), test.wal, vl_wal_tail(test.wal)));
        CHECK_OK(flush_all(1));
        CHECK_EQ(rig_scan(unit_ctx(), test.io, &test.options.identity, from, test.records, 4, NULL),
                 4);
    }
    rig_close(&test);
}

static void
wal_surplus_is_given_back(void)
{
    vl_wal_stats stats;

    check_start();
    CHECK_OK(append_some(300));
    CHECK_OK(flush_all(1));
    CHECK(file_size() > 60 * 1024);
    for (int i = 0; i < 12; i++) {
        CHECK_OK(append_some(1));
        CHECK_OK(flush_all(1));
        CHECK_OK(vl_wal_release(unit_ctx(), test.wal, vl_wal_tail(test.wal)));
    }
    /* The last live segment may be anywhere, so the file may be longer than what is in use. */
    for (int i = 0; i < 5; i++) {
        CHECK_OK(append_some(5));
        CHECK_OK(flush_all(1));
        CHECK_OK(vl_wal_release(unit_ctx(), test.wal, vl_wal_tail(test.wal)));
    }
    vl_wal_get_stats(test.wal, &stats);
    CHECK(file_size() < 30 * 1024);
    CHECK_EQ(4096 + (stats.live_segments + stats.free_segments) * 1024, file_size());
    test.count = 0;
    CHECK_OK(append_some(30));
    CHECK_OK(flush_all(1));
    CHECK_EQ(scan_from(0), 30);
    rig_close(&test);
}

/* A checkpoint at the first byte of a segment that was never begun. */
static void
wal_scan_begins_at_a_segments_edge(void)
{
    static rig_record none[1];
    vl_log_position end = 0;
    vl_wal_stats stats;

    CHECK_OK(rig_open(unit_ctx(), &test, NULL));
    test.options.start = 512;
    CHECK_OK(rig_create(unit_ctx(), &test));
    /* Bodies that use up all of their credit: the next segment is not begun. */
    CHECK_OK(rig_append(unit_ctx(), &test, 512 - 24 - 7));
    CHECK_OK(rig_append(unit_ctx(), &test, 512 - 24 - 7));
    CHECK_OK(flush_all(1));
    CHECK_EQ(vl_wal_tail(test.wal), 1536);
    CHECK_OK(vl_wal_release(unit_ctx(), test.wal, 1536));
    vl_wal_get_stats(test.wal, &stats);
    CHECK_EQ(stats.prepared_count, 2);
    CHECK_EQ(stats.live_segments, 1);
    CHECK_EQ(rig_scan(unit_ctx(), test.io, &test.options.identity, 1536, none, 0, &end), 0);
    CHECK_EQ(end, 1536);
    CHECK_OK(rig_append(unit_ctx(), &test, 100));
    CHECK_OK(flush_all(1));
    CHECK_EQ(scan_from(2), 1);
    CHECK_OK(vl_wal_release(unit_ctx(), test.wal, 1536));
    CHECK_EQ(scan_from(2), 1);
    rig_close(&test);
}

static void
wal_old_generation_is_intact_until_released(void)
{
    static rig_record old_records[100];
    vl_wal_identity old;
    vl_wal_stats stats;
    uint64_t size;

    check_start();
    CHECK_OK(append_some(100));
    CHECK_OK(flush_all(1));
    memcpy(old_records, test.records, sizeof old_records);
    old = test.options.identity;
    test.options.start = vl_wal_tail(test.wal);
    CHECK_OK(rig_restart(unit_ctx(), &test));
    test.options.identity.generation = 5;
    test.options.identity.salt = 1234;
    test.options.segment_bytes = 8192; /* the file keeps its own */
    CHECK_OK(rig_create(unit_ctx(), &test));
    vl_wal_get_stats(test.wal, &stats);
    CHECK_EQ(stats.segment_bytes, 1024);
    CHECK(stats.old_segments > 20);
    CHECK_OK(append_some(200));
    CHECK_OK(flush_all(1));
    CHECK_OK(vl_wal_release(unit_ctx(), test.wal, test.records[50].position));
    CHECK_EQ(rig_scan(unit_ctx(), test.io, &old, 64, old_records, 100, NULL), 100);
    CHECK_EQ(scan_from(50), 150);
    CHECK_OK(vl_wal_release_old(unit_ctx(), test.wal));
    size = file_size();
    CHECK_OK(append_some(20));
    CHECK_OK(flush_all(1));
    CHECK_EQ(size, file_size()); /* the old generation's space is used */
    CHECK_EQ(scan_from(50), (int)test.count - 50);
    vl_wal_get_stats(test.wal, &stats);
    CHECK_EQ(stats.old_segments, 0);
    rig_close(&test);
}

/* A generation was begun, and its superblock never written: the next process takes its number. */
static void
wal_abandoned_generation_is_overwritten(void)
{
    vl_wal_stats stats;
    vl_wal_identity abandoned;

    check_start();
    CHECK_OK(append_some(30));
    CHECK_OK(flush_all(1));
    for (uint64_t attempt = 0; attempt < 20; attempt++) {
        test.options.start = 1 << 20;
        CHECK_OK(rig_restart(unit_ctx(), &test));
        test.options.identity.generation = 2;
        test.options.identity.salt = 1000 + attempt;
        CHECK_OK(rig_create(unit_ctx(), &test));
        CHECK_OK(append_some(30));
        CHECK_OK(flush_all(1));
        CHECK_EQ(scan_from(0), 30);
        vl_wal_get_stats(test.wal, &stats);
        CHECK(stats.old_segments < 30);
    }
    CHECK(file_size() < 120 * 1024);
    abandoned = test.options.identity;
    abandoned.salt--;
    CHECK_EQ(rig_scan(unit_ctx(), test.io, &abandoned, 1 << 20, test.records, 30, NULL), -2);
    rig_close(&test);
}

static void
wal_log_of_another_database_is_left_alone(void)
{
    vl_wal_identity mine;

    check_start();
    CHECK_OK(append_some(10));
    CHECK_OK(flush_all(1));
    CHECK_OK(rig_restart(unit_ctx(), &test));
    mine = test.options.identity;
    test.options.identity.database_id[0]++;
    CHECK_STATUS(vl_wal_create(unit_ctx(), &test.options, &test.wal), VELO_CORRUPT);
    CHECK_CONTAINS(unit_ctx()->error.text, "is the log of another database");
    CHECK(test.wal == NULL);
    CHECK_EQ(rig_scan(unit_ctx(), test.io, &mine, 64, test.records, 10, NULL), 10);
    rig_close(&test);
}

/* A file that cannot hold any generation: what a power cut left of a new log. */
static void
wal_garbage_is_begun_anew(void)
{
    uint8_t garbage[3000];
    vl_file *file;
    vl_wal_scan *scan;

    CHECK_OK(rig_open(unit_ctx(), &test, NULL));
    vl_rng_fill(&test.rng, garbage, sizeof garbage);
    CHECK_OK(vl_file_open(unit_ctx(), test.io, RIG_PATH, VL_OPEN_WRITE | VL_OPEN_CREATE, &file));
    CHECK_STATUS(vl_wal_scan_open(unit_ctx(), test.io, RIG_PATH, &test.options.identity, 64, &scan),
                 VELO_CORRUPT);
    CHECK_CONTAINS(unit_ctx()->error.text, "is not a log");
    CHECK_OK(vl_file_write(unit_ctx(), file, garbage, sizeof garbage, 0));
    vl_file_close(file);
    CHECK_STATUS(vl_wal_scan_open(unit_ctx(), test.io, RIG_PATH, &test.options.identity, 64, &scan),
                 VELO_CORRUPT);
    CHECK_CONTAINS(unit_ctx()->error.text, "is not a log");
    CHECK_OK(rig_create(unit_ctx(), &test));
    CHECK_OK(append_some(30));
    CHECK_OK(flush_all(1));
    CHECK_EQ(scan_from(0), 30);
    CHECK_EQ(file_size() % 1024, 0);
    rig_close(&test);
}

/* ---- damage ---- */

/* One bit anywhere ends the log at that record, or before the scan begins; never later. */
static void
wal_damage_ends_the_log_there(void)
{
    uint64_t size;

    check_start();
    CHECK_OK(append_some(12));
    CHECK_OK(flush_all(1));
    size = file_size();
    for (uint64_t bit = vl_rng_below(&test.rng, 40); bit < size * 8;
         bit += 1 + vl_rng_below(&test.rng, 80)) {
        uint64_t in_segment = bit / 8 % 1024;
        uint64_t slot = (bit / 8 - 4096) / 1024;
        vl_log_position position = slot * 512 + (in_segment < 512 ? 0 : in_segment - 512);
        int wanted = 0;
        int got;

        CHECK_OK(vl_sim_flip_bit(unit_ctx(), test.sim, RIG_PATH, bit));
        got = scan_from(0);
        /* Slots were taken in the order of the stream; the stream begins at 64. A damaged header
         * takes its whole segment away. */
        while ((uint32_t)wanted < test.count && rig_end(&test.records[wanted]) <= position)
            wanted++;
        if (bit / 8 < 4096)
            wanted = bit / 8 < 512 ? -2 : (int)test.count;
        else if (in_segment < 512 && slot == 0)
            wanted = -2;
        else if (in_segment >= 512 && position < test.options.start)
            wanted = (int)test.count;
        CHECK_EQ(got, wanted);
        CHECK_OK(vl_sim_flip_bit(unit_ctx(), test.sim, RIG_PATH, bit));
    }
    CHECK_EQ(scan_from(0), 12);
    rig_close(&test);
}

static void
wal_read_error_is_an_error_and_no_end(void)
{
    vl_sim_stats stats;
    uint64_t reads;
    int errors = 0;

    check_start();
    CHECK_OK(append_some(60));
    CHECK_OK(flush_all(1));
    vl_sim_get_stats(test.sim, &stats);
    reads = stats.op_counts[1];
    CHECK_EQ(scan_from(0), 60);
    vl_sim_get_stats(test.sim, &stats);
    reads = stats.op_counts[1] - reads;
    for (uint64_t nth = 1; nth <= reads; nth++) {
        vl_sim_fault fault = {.kind = VL_SIM_ERROR, .ops = VL_SIM_READ, .nth = nth};

        CHECK_OK(vl_sim_plan(unit_ctx(), test.sim, &fault));
        CHECK_EQ(scan_from(0), -2);
        CHECK_EQ(unit_ctx()->error.code, VELO_IOERR_READ);
        vl_sim_plan_clear(test.sim);
        errors++;
    }
    CHECK(errors > 20);
    /* It may be tried again where it failed. */
    for (uint64_t nth = 1; nth <= reads; nth++) {
        vl_sim_fault fault = {.kind = VL_SIM_ERROR, .ops = VL_SIM_READ, .nth = nth};
        vl_wal_scan *scan;
        vl_wal_record record;
        uint32_t got = 0;
        int found = 1;

        CHECK_OK(
            vl_wal_scan_open(unit_ctx(), test.io, RIG_PATH, &test.options.identity, 64, &scan));
        CHECK_OK(vl_sim_plan(unit_ctx(), test.sim, &fault));
        while (found) {
            if (vl_wal_scan_next(unit_ctx(), scan, &record, &found) != VELO_OK) {
                found = 1;
                continue;
            }
            CHECK(!found || rig_is_same(&test.records[got], &record));
            got += (uint32_t)found;
        }
        CHECK_EQ(got, 60);
        vl_wal_scan_close(scan);
        vl_sim_plan_clear(test.sim);
    }
    rig_close(&test);
}

static void
wal_short_transfers_change_nothing(void)
{
    vl_sim_options options = {.has_short_transfers = 1};

    CHECK_OK(rig_open(unit_ctx(), &test, &options));
    CHECK_OK(rig_create(unit_ctx(), &test));
    CHECK_OK(append_some(100));
    CHECK_OK(flush_all(1));
    CHECK_EQ(scan_from(0), 100);
    rig_close(&test);
}

/* ---- memory ---- */

/* A life of a log: two generations, growth, release, scan. */
static velo_status
live_once(vl_ctx *ctx, void *argument)
{
    static rig r;
    velo_status st = rig_open(argument, &r, NULL); /* the machine has memory of its own */
    vl_wal_scan *scan = NULL;
    vl_wal_record record;
    int found = 1;

    if (st == VELO_OK)
        st = rig_create(ctx, &r);
    for (int i = 0; i < 40 && st == VELO_OK; i++)
        st = rig_append(ctx, &r, 600);
    if (st == VELO_OK)
        st = vl_wal_flush(ctx, r.wal, vl_wal_tail(r.wal), 1);
    if (st == VELO_OK)
        st = vl_wal_release(ctx, r.wal, r.records[20].position);
    if (st == VELO_OK)
        st = vl_wal_scan_open(ctx, r.io, RIG_PATH, &r.options.identity, r.records[20].position,
                              &scan);
    for (int i = 20; found && st == VELO_OK; i++) {
        st = vl_wal_scan_next(ctx, scan, &record, &found);
        if (st == VELO_OK && (found ? i >= 40 || !rig_is_same(&r.records[i], &record) : i != 40))
            st = VELO_INTERNAL;
    }
    vl_wal_scan_close(scan);
    rig_close(&r);
    return st;
}

static void
wal_survives_every_failed_allocation(void)
{
    CHECK(unit_each_alloc_failure(live_once, unit_ctx()) >= 10);
}

/* A grant that found no memory for its table did nothing, and works when there is some. */
static void
wal_grant_without_memory_did_nothing(void)
{
    vl_allocator allocator;
    vl_ctx ctx;
    unsigned failures = 0;

    vl_allocator_init(&allocator);
    vl_ctx_init(&ctx, &allocator, NULL);
    CHECK_OK(rig_open(unit_ctx(), &test, NULL));
    CHECK_OK(rig_create(&ctx, &test));
    for (int i = 0; i < 200; i++) {
        velo_status st;

        vl_allocator_fail_nth(&allocator, 1 + (uint64_t)i % 2, UINT64_MAX);
        st = rig_append(&ctx, &test, 300);
        vl_allocator_fail_nth(&allocator, 0, 0);
        CHECK(st == VELO_OK || st == VELO_NOMEM);
        failures += st != VELO_OK;
        if (st != VELO_OK)
            CHECK_OK(rig_append(&ctx, &test, 300));
    }
    CHECK(failures > 3);
    CHECK_OK(flush_all(1));
    CHECK_EQ(scan_from(0), 200);
    rig_close(&test);
    CHECK_EQ(allocator.block_count, 0);
}

/* ---- durable methods ---- */

static void
wal_each_method_makes_durable(void)
{
    for (int method = 0; method < VL_DURABLE_METHOD_COUNT; method++) {
        vl_wal_stats stats;

        CHECK_OK(rig_open(unit_ctx(), &test, NULL));
        test.options.method = (vl_durable_method)method;
        CHECK_OK(rig_create(unit_ctx(), &test));
        for (int i = 0; i < 100; i++) {
            vl_sim *clone;
            vl_io *io;

            CHECK_OK(append_some(1));
            if (i % 3 == 0)
                CHECK_OK(flush_all(0));
            if (i % 4 == 0) {
                CHECK_OK(vl_wal_release(unit_ctx(), test.wal, test.records[0].position));
                continue;
            }
            CHECK_OK(flush_all(1));
            CHECK_OK(vl_sim_clone(unit_ctx(), test.sim, &clone));
            CHECK_OK(
                vl_sim_cut_power(unit_ctx(), clone, &(vl_sim_outcome){.keep = VL_SIM_KEEP_NONE}));
            CHECK_OK(vl_sim_open_io(unit_ctx(), clone, &io));
            CHECK_EQ(rig_scan(unit_ctx(), io, &test.options.identity, 64, test.records, test.count,
                              NULL),
                     (int)test.count);
            vl_io_close(io);
            vl_sim_destroy(clone);
        }
        vl_wal_get_stats(test.wal, &stats);
        CHECK(stats.sync_count >= 70 && stats.round_count >= stats.sync_count);
        CHECK(stats.write_count >= 100);
        rig_close(&test);
    }
}

/* A single durable write makes nothing durable that was written before it. */
static void
wal_durable_flush_takes_along_what_was_only_written(void)
{
    for (int method = 0; method < VL_DURABLE_METHOD_COUNT; method++) {
        vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_NONE};

        CHECK_OK(rig_open(unit_ctx(), &test, NULL));
        test.options.method = (vl_durable_method)method;
        test.options.segment_bytes = 65536; /* one segment: no header of another one is new */
        CHECK_OK(rig_create(unit_ctx(), &test));
        CHECK_OK(rig_append(unit_ctx(), &test, RIG_BODY_MAX));
        CHECK_OK(flush_all(1));
        CHECK_OK(rig_append(unit_ctx(), &test, RIG_BODY_MAX));
        CHECK_OK(flush_all(0));
        CHECK_OK(rig_append(unit_ctx(), &test, RIG_BODY_MAX));
        CHECK_OK(flush_all(1));
        CHECK_OK(vl_sim_cut_power(unit_ctx(), test.sim, &outcome));
        CHECK_OK(rig_restart(unit_ctx(), &test));
        CHECK_EQ(rig_scan(unit_ctx(), test.io, &test.options.identity, 64, test.records, 3, NULL),
                 3);
        rig_close(&test);
    }
}

/* Real files, of sizes as in use: written, grown, used again, read back by another process's eyes.
 */
static void
wal_works_on_the_real_machine(void)
{
    for (int method = 0; method < VL_DURABLE_METHOD_COUNT; method++) {
        static rig_record records[600];
        const char *path = unit_path("real-wal");
        uint32_t count = 0;
        uint32_t first = 0;
        vl_wal_scan *scan;
        vl_wal_record record;
        vl_io *io;
        int found;

        CHECK_OK(vl_io_open(unit_ctx(), NULL, &io));
        memset(&test, 0, sizeof test);
        vl_rng_init(&test.rng, unit_seed());
        test.options = (vl_wal_options){.io = io,
                                        .path = path,
                                        .identity = {.generation = 1, .salt = 5},
                                        .segment_bytes = 16384,
                                        .method = (vl_durable_method)method,
                                        .preallocation = VL_PREALLOC_WRITTEN};
        CHECK_OK(vl_wal_delete(unit_ctx(), io, path));
        CHECK_OK(vl_wal_create(unit_ctx(), &test.options, &test.wal));
        for (; count < VL_ARRAY_COUNT(records); count++) {
            test.count = 0;
            CHECK_OK(rig_append(unit_ctx(), &test, count % (VL_TINY ? 900 : RIG_BODY_MAX)));
            records[count] = test.records[0];
            if (count % 20 == 0)
                CHECK_OK(flush_all(1));
            if (count == 100 || count == 400) {
                CHECK_OK(vl_wal_release(unit_ctx(), test.wal, records[count].position));
                first = count;
            }
        }
        CHECK_OK(flush_all(0));
        CHECK_OK(vl_wal_scan_open(unit_ctx(), io, path, &test.options.identity,
                                  records[first].position, &scan));
        for (uint32_t i = first; i <= count; i++) {
            CHECK_OK(vl_wal_scan_next(unit_ctx(), scan, &record, &found));
            CHECK_EQ(found, i < count);
            CHECK(!found || rig_is_same(&records[i], &record));
        }
        vl_wal_scan_close(scan);
        vl_wal_close(test.wal);
        CHECK_OK(vl_wal_delete(unit_ctx(), io, path));
        vl_io_close(io);
    }
}

/* In a mapping a commit makes neither writes nor syncs; where that is not persistent, the log is in
 * the file as ever, and says so. */
static void
wal_mapped_commits_without_the_system(void)
{
    for (int is_persistent = 0; is_persistent < 2; is_persistent++) {
        vl_sim_options options = {.has_synchronous_map = is_persistent};
        vl_wal_stats stats;
        vl_io_stats before;
        vl_io_stats after;

        CHECK_OK(rig_open(unit_ctx(), &test, &options));
        test.options.medium = VL_WAL_MAPPED;
        CHECK_OK(rig_create(unit_ctx(), &test));
        vl_wal_get_stats(test.wal, &stats);
        CHECK_EQ(stats.is_mapped, is_persistent);
        CHECK_TEXT(stats.medium, is_persistent ? "persistent memory"
                                               : "file, since it is not in persistent memory");
        CHECK_OK(rig_append(unit_ctx(), &test, 100)); /* takes what space is needed */
        vl_io_get_stats(test.io, &before);
        CHECK_OK(flush_all(1));
        CHECK_OK(rig_append(unit_ctx(), &test, 100));
        CHECK_OK(flush_all(1));
        vl_io_get_stats(test.io, &after);
        CHECK_EQ(after.write_count - before.write_count, is_persistent ? 0 : 2);
        CHECK_EQ(after.sync_count - before.sync_count, is_persistent ? 0 : 2);
        rig_close(&test);
    }
}

/* A log that is longer than the address space for its mapping goes on in the file. */
static void
wal_mapped_goes_on_behind_the_mapping(void)
{
    vl_sim_options options = {.has_synchronous_map = 1};
    vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_NONE};
    vl_io_stats stats;

    if (!VL_TINY) {
        unit_skip("the mapping is long");
        return;
    }
    CHECK_OK(rig_open(unit_ctx(), &test, &options));
    test.options.medium = VL_WAL_MAPPED;
    CHECK_OK(rig_create(unit_ctx(), &test));
    for (int i = 0; i < 40; i++) {
        CHECK_OK(rig_append(unit_ctx(), &test, RIG_BODY_MAX));
        CHECK_OK(flush_all(1));
    }
    vl_io_get_stats(test.io, &stats);
    CHECK(stats.write_count > 20);
    CHECK_OK(vl_sim_cut_power(unit_ctx(), test.sim, &outcome));
    CHECK_OK(rig_restart(unit_ctx(), &test));
    CHECK_EQ(rig_scan(unit_ctx(), test.io, &test.options.identity, 64, test.records, 40, NULL), 40);
    rig_close(&test);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(wal_records_come_back),
        UNIT_TEST(wal_positions_follow_each_other),
        UNIT_TEST(wal_ring_wraps_with_everything_in_it),
        UNIT_TEST(wal_ring_may_be_full_to_the_last_byte),
        UNIT_TEST(wal_credit_is_limited_and_given_back),
        UNIT_TEST(wal_bad_options_are_refused),
        UNIT_TEST(wal_misuse_that_would_damage_the_log_stops),
        UNIT_TEST(wal_in_memory_counts_positions),
        UNIT_TEST(wal_space_is_used_again),
        UNIT_TEST(wal_release_stops_at_what_is_written),
        UNIT_TEST(wal_surplus_is_given_back),
        UNIT_TEST(wal_scan_begins_at_a_segments_edge),
        UNIT_TEST(wal_old_generation_is_intact_until_released),
        UNIT_TEST(wal_abandoned_generation_is_overwritten),
        UNIT_TEST(wal_log_of_another_database_is_left_alone),
        UNIT_TEST(wal_garbage_is_begun_anew),
        UNIT_TEST(wal_damage_ends_the_log_there),
        UNIT_TEST(wal_read_error_is_an_error_and_no_end),
        UNIT_TEST(wal_short_transfers_change_nothing),
        UNIT_TEST(wal_survives_every_failed_allocation),
        UNIT_TEST(wal_grant_without_memory_did_nothing),
        UNIT_TEST(wal_each_method_makes_durable),
        UNIT_TEST(wal_durable_flush_takes_along_what_was_only_written),
        UNIT_TEST(wal_works_on_the_real_machine),
        UNIT_TEST(wal_mapped_commits_without_the_system),
        UNIT_TEST(wal_mapped_goes_on_behind_the_mapping),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
