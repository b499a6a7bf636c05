/* test_wal_hazards.c - what the design says would break, by number, as far as the log is concerned.
 */
#include "lib/unit.h"
#include "os/sim.h"
#include "storage/wal.h"
#include "wal_case.h"

#include <errno.h>

/* What was never synced lies behind the log's end, valid in form, and a new record happens to end
 * where it begins. */
static void
hazard_05_stale_records_are_never_replayed(void)
{
    vl_log_position end = 0;
    vl_wal_identity old;
    rig_record stale;

    check_start();
    for (int i = 0; i < 3; i++)
        CHECK_OK(rig_append(unit_ctx(), &test, 1000 - 24));
    CHECK_OK(flush_all(0));
    CHECK_EQ(scan_from(0), 3);
    stale = test.records[1];
    /* The first record is damaged, as if its sectors had not reached the disk. */
    CHECK_OK(vl_sim_flip_bit(unit_ctx(), test.sim, RIG_PATH, (4096 + 512 + 64 + 100) * 8));
    CHECK_EQ(rig_scan(unit_ctx(), test.io, &test.options.identity, 64, test.records, 3, &end), 0);
    CHECK_EQ(end, 64);
    CHECK_EQ(scan_from(1), 2); /* they are there */
    /* The next process begins a generation at that end, and writes a record that ends at 1064. */
    old = test.options.identity;
    CHECK_OK(rig_restart(unit_ctx(), &test));
    test.options.identity.generation = 2;
    test.options.identity.salt = 99;
    CHECK_OK(rig_create(unit_ctx(), &test));
    CHECK_OK(rig_append(unit_ctx(), &test, 1000 - 24));
    CHECK_EQ(rig_end(&test.records[0]), stale.position);
    CHECK_OK(flush_all(1));
    CHECK_EQ(scan_from(0), 1);
    /* The old generation is still there; with the wrong salt it is not. */
    CHECK_EQ(rig_scan(unit_ctx(), test.io, &old, stale.position, &stale, 1, NULL), -1);
    old.salt++;
    CHECK_EQ(rig_scan(unit_ctx(), test.io, &old, stale.position, &stale, 1, NULL), -2);
    CHECK_CONTAINS(unit_ctx()->error.text, "does not hold generation 1");
    rig_close(&test);
}

/* A slot is used again, and holds valid records of the same generation from its former life. */
static void
hazard_05_recycled_segment_shows_nothing_old(void)
{
    check_start();
    for (int round = 0; round < 50; round++) {
        vl_log_position from;

        CHECK_OK(append_some(20));
        CHECK_OK(flush_all(1));
        from = vl_wal_tail(test.wal);
        CHECK_OK(vl_wal_release(unit_ctx(), test.wal, from));
        test.count = 0;
        CHECK_OK(append_some((uint32_t)vl_rng_below(&test.rng, 3)));
        CHECK_OK(flush_all(0));
        CHECK_EQ(rig_scan(unit_ctx(), test.io, &test.options.identity, from, test.records,
                          test.count, NULL),
                 (int)test.count);
    }
    rig_close(&test);
}

/* The position that a superblock names lies at a segment's first byte. What holds it is begun, the
 * one before is released and used again; then the power fails and any headers survive. */
static void
hazard_05_released_position_is_always_found(void)
{
    for (uint64_t seed = 0; seed < 60; seed++) {
        vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_RANDOM, .seed = seed};
        vl_wal_credit credit;

        CHECK_OK(rig_open(unit_ctx(), &test, NULL));
        test.options.start = 512;
        CHECK_OK(rig_create(unit_ctx(), &test));
        CHECK_OK(rig_append(unit_ctx(), &test, 512 - 24 - 7)); /* uses up its credit */
        CHECK_OK(flush_all(1));
        CHECK_OK(vl_wal_grant(unit_ctx(), test.wal, 1, 100, &credit));
        vl_wal_ungrant(test.wal, &credit);
        CHECK_OK(vl_wal_release(unit_ctx(), test.wal, 1024));
        CHECK_OK(vl_wal_grant(unit_ctx(), test.wal, 1, 600, &credit));
        vl_wal_ungrant(test.wal, &credit);
        CHECK_OK(vl_sim_cut_power(unit_ctx(), test.sim, &outcome));
        CHECK_OK(rig_restart(unit_ctx(), &test));
        CHECK_EQ(rig_scan(unit_ctx(), test.io, &test.options.identity, 1024, test.records, 0, NULL),
                 0);
        rig_close(&test);
    }
}

/* A process began a generation and died before a superblock named it; the next one takes the same
 * number, begins at the same position and in the same slots, and its records end where others
 * begin. */
static void
hazard_05_abandoned_attempt_never_shows(void)
{
    check_start();
    for (uint64_t attempt = 0; attempt < 6; attempt++) {
        CHECK_OK(rig_restart(unit_ctx(), &test));
        test.options.identity.generation = 2;
        test.options.identity.salt = 100 + attempt;
        CHECK_OK(rig_create(unit_ctx(), &test));
        for (uint64_t i = 0; i < 24 - 4 * attempt; i++)
            CHECK_OK(rig_append(unit_ctx(), &test, 100));
        CHECK_OK(flush_all(1));
        CHECK_EQ(scan_from(0), 24 - 4 * (int)attempt);
    }
    rig_close(&test);
}

static void
hazard_05_wrong_logs_are_errors_that_say_so(void)
{
    const char *text = unit_ctx()->error.text;
    vl_wal_identity identity;
    vl_wal_scan *scan;

    check_start();
    CHECK_OK(append_some(100));
    CHECK_OK(flush_all(1));
    identity = test.options.identity;
    CHECK_STATUS(vl_wal_scan_open(unit_ctx(), test.io, "/d/y-wal", &identity, 64, &scan),
                 VELO_CORRUPT);
    CHECK_CONTAINS(text, "\"/d/y-wal\" is missing, and the database was not closed cleanly");
    identity.database_id[3]++;
    CHECK_STATUS(vl_wal_scan_open(unit_ctx(), test.io, RIG_PATH, &identity, 64, &scan),
                 VELO_CORRUPT);
    CHECK_CONTAINS(text, "belongs to another database");
    identity = test.options.identity;
    identity.generation = 2;
    CHECK_STATUS(vl_wal_scan_open(unit_ctx(), test.io, RIG_PATH, &identity, 64, &scan),
                 VELO_CORRUPT);
    CHECK_CONTAINS(text, "does not hold generation 2");
    identity = test.options.identity;
    CHECK_STATUS(vl_wal_scan_open(unit_ctx(), test.io, RIG_PATH, &identity, 56, &scan),
                 VELO_CORRUPT);
    CHECK_CONTAINS(text, "begins behind position 56");
    CHECK_STATUS(vl_wal_scan_open(unit_ctx(), test.io, RIG_PATH, &identity, 1 << 20, &scan),
                 VELO_CORRUPT);
    CHECK_CONTAINS(text, "ends before position 1048576");
    CHECK_STATUS(vl_wal_scan_open(unit_ctx(), test.io, RIG_PATH, &identity, 68, &scan),
                 VELO_CORRUPT);
    CHECK(scan == NULL);
    /* A log that was released further than the superblock says. */
    CHECK_OK(vl_wal_release(unit_ctx(), test.wal, vl_wal_tail(test.wal)));
    CHECK_OK(append_some(100));
    CHECK_OK(flush_all(1));
    CHECK_STATUS(vl_wal_scan_open(unit_ctx(), test.io, RIG_PATH, &identity, 64, &scan),
                 VELO_CORRUPT);
    CHECK_CONTAINS(text, "begins behind position 64");
    rig_close(&test);
}

/* A sync fails; a second one would say yes. */
static void
hazard_06b_failed_sync_is_final(void)
{
    vl_sim_fault fault = {.kind = VL_SIM_SYNC_LOSES, .ops = VL_SIM_SYNC, .nth = 1};
    vl_wal_credit credit;
    vl_log_position durable;

    check_start();
    CHECK_OK(append_some(3));
    CHECK_OK(flush_all(1));
    durable = vl_wal_durable(test.wal);
    CHECK_OK(append_some(3));
    CHECK_OK(vl_sim_plan(unit_ctx(), test.sim, &fault));
    CHECK_STATUS(flush_all(1), VELO_IOERR_FSYNC);
    CHECK_STATUS(flush_all(1), VELO_IOERR_FSYNC);
    CHECK_CONTAINS(unit_ctx()->error.text, "has failed before: cannot sync");
    CHECK_STATUS(vl_wal_grant(unit_ctx(), test.wal, 1, 1, &credit), VELO_IOERR_FSYNC);
    CHECK_STATUS(vl_wal_release(unit_ctx(), test.wal, durable), VELO_IOERR_FSYNC);
    CHECK_STATUS(vl_wal_release_old(unit_ctx(), test.wal), VELO_IOERR_FSYNC);
    CHECK_EQ(vl_wal_durable(test.wal), durable);
    CHECK_OK(vl_wal_flush(unit_ctx(), test.wal, durable, 1)); /* this is so */
    rig_close(&test);
}

/* Appending does nothing but write memory, whatever is wrong with the disk. */
static void
hazard_09_append_never_waits_or_fails(void)
{
    vl_sim_fault fault = {.kind = VL_SIM_ERROR, .ops = VL_SIM_CHANGING, .count = UINT64_MAX};
    vl_wal_credit credits[2];
    uint8_t body[RIG_BODY_MAX] = {0};
    vl_sim_stats before;
    vl_sim_stats after;

    check_start();
    for (int i = 0; i < 2; i++)
        CHECK_OK(vl_wal_grant(unit_ctx(), test.wal, 2, 2 * RIG_BODY_MAX - 16, &credits[i]));
    CHECK_OK(vl_sim_plan(unit_ctx(), test.sim, &fault));
    vl_sim_get_stats(test.sim, &before);
    for (int i = 0; i < 2; i++)
        for (uint32_t size = RIG_BODY_MAX; size > RIG_BODY_MAX - 32; size -= 16) {
            vl_wal_part part = {body, size};

            (void)vl_wal_append(test.wal, &credits[i], 1, 1, &part, 1);
        }
    vl_sim_get_stats(test.sim, &after);
    CHECK_EQ(before.op_number, after.op_number);
    CHECK_EQ(vl_wal_appended(test.wal), vl_wal_tail(test.wal));
    CHECK_STATUS(flush_all(0), VELO_IOERR_WRITE);
    CHECK_STATUS(flush_all(0), VELO_IOERR_WRITE);
    CHECK_CONTAINS(unit_ctx()->error.text, "has failed before");
    rig_close(&test);
}

/* What was written, but not synced, survives the end of the process. */
static void
hazard_13_written_records_survive_a_kill(void)
{
    check_start();
    CHECK_OK(append_some(200));
    CHECK_OK(flush_all(0));
    CHECK(vl_wal_durable(test.wal) == test.options.start);
    CHECK_OK(vl_sim_kill(unit_ctx(), test.sim));
    CHECK_OK(rig_restart(unit_ctx(), &test));
    CHECK_EQ(rig_scan(unit_ctx(), test.io, &test.options.identity, 64, test.records, 200, NULL),
             200);
    rig_close(&test);
}

/* The disk is full: a grant says so and nothing happened; what was granted is written; when there
 * is space again, all goes on. */
static void
hazard_14_full_disk_is_met_by_grants_only(void)
{
    static const vl_preallocation ways[] = {VL_PREALLOC_NONE, VL_PREALLOC_ALLOCATED,
                                            VL_PREALLOC_WRITTEN};

    for (size_t way = 0; way < VL_ARRAY_COUNT(ways); way++) {
        vl_sim_options options = {.capacity_bytes = 10 * 4096};
        velo_status st = VELO_OK;
        vl_log_position tail;
        uint32_t count;
        vl_wal_stats figures;

        CHECK_OK(rig_open(unit_ctx(), &test, &options));
        test.options.preallocation = ways[way];
        CHECK_OK(rig_create(unit_ctx(), &test));
        while (st == VELO_OK)
            st = append_some(1);
        CHECK_STATUS(st, VELO_FULL);
        CHECK(test.count > 20);
        tail = vl_wal_tail(test.wal);
        CHECK_STATUS(rig_append(unit_ctx(), &test, RIG_BODY_MAX), VELO_FULL);
        CHECK_EQ(vl_wal_tail(test.wal), tail);
        /* Nothing is kept of a segment that could not be made: a checkpoint may need the space. */
        vl_wal_get_stats(test.wal, &figures);
        CHECK_EQ(file_size(), 4096 + (figures.live_segments + figures.free_segments) * 1024);
        CHECK_OK(flush_all(1));
        count = test.count;
        CHECK_EQ(scan_from(0), (int)count);
        /* A checkpoint lets it go on in the same space. */
        CHECK_OK(vl_wal_release(unit_ctx(), test.wal, test.records[count - 1].position));
        for (int i = 0; i < 20; i++)
            CHECK_OK(rig_append(unit_ctx(), &test, 500));
        CHECK_OK(flush_all(1));
        CHECK_EQ(scan_from(count), 20);
        rig_close(&test);
    }
}

/* Append `count` records of 500 bytes, durably or not. *zeroed: how many segments got zeros: what
 * was written but for records and headers. */
static velo_status
append_and_count_zeroed(int count, int is_durable, int *zeroed)
{
    vl_log_position from = vl_wal_tail(test.wal);
    vl_wal_stats before;
    vl_wal_stats after;
    vl_io_stats start;
    vl_io_stats end;
    uint64_t headers;
    uint64_t records;

    vl_wal_get_stats(test.wal, &before);
    vl_io_get_stats(test.io, &start);
    for (int i = 0; i < count; i++) {
        VL_TRY(rig_append(unit_ctx(), &test, 500 - 24));
        if (is_durable)
            VL_TRY(flush_all(1));
    }
    vl_wal_get_stats(test.wal, &after);
    vl_io_get_stats(test.io, &end);
    headers = (after.prepared_count - before.prepared_count) * 512;
    records = vl_wal_written(test.wal) - from;
    *zeroed = (int)((end.write_bytes - start.write_bytes - headers - records) / RIG_SEGMENT);
    return VELO_OK;
}

/* What is appended in bulk is written once: zeros are for syncs that come often, or where nothing
 * else takes the space. */
static void
hazard_14_space_is_written_first_where_that_is_needed(void)
{
    vl_sim_fault fault = {
        .kind = VL_SIM_ERROR, .ops = VL_SIM_ALLOCATE, .os_error = EOPNOTSUPP, .count = 1};

    int zeroed = 0;

    check_start();
    CHECK_OK(append_and_count_zeroed(40, 1, &zeroed));
    CHECK(zeroed >= 38);
    CHECK_OK(append_and_count_zeroed(40, 0, &zeroed));
    CHECK(zeroed <= 3);
    CHECK_OK(flush_all(1));
    CHECK_OK(append_and_count_zeroed(40, 1, &zeroed)); /* as before */
    CHECK(zeroed >= 37);
    CHECK_EQ(scan_from(0), 120);
    rig_close(&test);

    check_start();
    CHECK_OK(vl_sim_plan(unit_ctx(), test.sim, &fault));
    CHECK_OK(append_and_count_zeroed(40, 0, &zeroed));
    CHECK(zeroed >= 37);
    CHECK_OK(flush_all(1));
    CHECK_EQ(scan_from(0), 40);
    rig_close(&test);
}

/* The space was there, and writing its zeros failed. */
static void
hazard_14_failed_preparation_leaves_the_file_as_it_was(void)
{
    vl_sim_fault fault = {.kind = VL_SIM_ERROR, .ops = VL_SIM_WRITE, .os_error = ENOSPC};
    uint64_t size;

    check_start();
    for (int i = 0; i < 3; i++) {
        CHECK_OK(flush_all(1)); /* the first write that comes is that of the next segment */
        size = file_size();
        CHECK_OK(vl_sim_plan(unit_ctx(), test.sim, &fault));
        CHECK_STATUS(rig_append(unit_ctx(), &test, RIG_BODY_MAX), VELO_FULL);
        CHECK_EQ(file_size(), size);
        CHECK_OK(rig_append(unit_ctx(), &test, RIG_BODY_MAX));
    }
    CHECK_OK(flush_all(1));
    CHECK_EQ(scan_from(0), 3);
    rig_close(&test);
}

static void
hazard_15_clean_close_leaves_no_file(void)
{
    int exists = 1;

    check_start();
    CHECK_OK(append_some(10));
    vl_wal_close(test.wal);
    test.wal = NULL;
    CHECK_OK(vl_wal_delete(unit_ctx(), test.io, RIG_PATH));
    CHECK_OK(vl_wal_delete(unit_ctx(), test.io, RIG_PATH)); /* no error */
    CHECK_OK(vl_sim_cut_power(unit_ctx(), test.sim, &(vl_sim_outcome){.keep = VL_SIM_KEEP_NONE}));
    CHECK_OK(rig_restart(unit_ctx(), &test));
    CHECK_OK(vl_path_exists(unit_ctx(), test.io, RIG_PATH, &exists));
    CHECK(!exists);
    rig_close(&test);
}

/* A reservation whose owner has nothing to say is filled all the same, and not seen. */
static void
hazard_15_fillers_are_passed_over(void)
{
    uint8_t zeros[RIG_BODY_MAX] = {0};
    vl_wal_credit credit;
    vl_wal_part part = {zeros, 0};
    vl_log_position end = 0;

    check_start();
    for (uint32_t size = 0; size < 200; size += 3) {
        CHECK_OK(rig_append(unit_ctx(), &test, 7));
        CHECK_OK(vl_wal_grant(unit_ctx(), test.wal, 1, size, &credit));
        part.size = size;
        vl_wal_fill(test.wal, vl_wal_reserve(test.wal, &credit, size), VL_WAL_FILLER, 0, &part, 1);
        vl_wal_ungrant(test.wal, &credit);
    }
    CHECK_OK(flush_all(1));
    CHECK_EQ(
        rig_scan(unit_ctx(), test.io, &test.options.identity, 64, test.records, test.count, &end),
        (int)test.count);
    CHECK_EQ(end, vl_wal_tail(test.wal));
    rig_close(&test);
}

/* `appended` never passes a record that is reserved and not filled, whoever fills first. */
static void
hazard_27_appended_is_the_gap_free_prefix(void)
{
    enum {
        COUNT = 12
    };

    check_start();
    for (int round = 0; round < 200; round++) {
        vl_wal_credit credit;
        vl_log_position positions[COUNT];
        uint32_t sizes[COUNT];
        uint32_t order[COUNT];
        uint32_t filled = 0;
        uint8_t body[64];

        CHECK_OK(vl_wal_grant(unit_ctx(), test.wal, COUNT, COUNT * 64, &credit));
        for (uint32_t i = 0; i < COUNT; i++) {
            sizes[i] = (uint32_t)vl_rng_below(&test.rng, 65);
            positions[i] = vl_wal_reserve(test.wal, &credit, sizes[i]);
            order[i] = i;
        }
        vl_wal_ungrant(test.wal, &credit);
        for (uint32_t i = COUNT; i > 1; i--) {
            uint32_t other = (uint32_t)vl_rng_below(&test.rng, i);
            uint32_t moved = order[i - 1];

            order[i - 1] = order[other];
            order[other] = moved;
        }
        for (uint32_t i = 0; i < COUNT; i++) {
            uint32_t index = order[i];
            uint32_t prefix = 0;
            vl_wal_part part = {body, sizes[index]};
            rig_record *record = &test.records[test.count + index];

            *record =
                (rig_record){positions[index], 3, sizes[index], (uint64_t)round * COUNT + index};
            rig_body(record->txn, body, sizes[index]);
            vl_wal_fill(test.wal, positions[index], 3, record->txn, &part, 1);
            filled |= 1U << index;
            while (prefix < COUNT && (filled >> prefix & 1) != 0)
                prefix++;
            CHECK_EQ(vl_wal_appended(test.wal),
                     prefix < COUNT ? positions[prefix] : vl_wal_tail(test.wal));
            if (i == COUNT / 2) /* what is filled so far may be flushed */
                CHECK_OK(vl_wal_flush(unit_ctx(), test.wal, vl_wal_appended(test.wal), round % 2));
        }
        test.count += COUNT;
    }
    CHECK_OK(flush_all(1));
    CHECK_EQ(scan_from(0), (int)test.count);
    rig_close(&test);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(hazard_05_stale_records_are_never_replayed),
        UNIT_TEST(hazard_05_recycled_segment_shows_nothing_old),
        UNIT_TEST(hazard_05_released_position_is_always_found),
        UNIT_TEST(hazard_05_abandoned_attempt_never_shows),
        UNIT_TEST(hazard_05_wrong_logs_are_errors_that_say_so),
        UNIT_TEST(hazard_06b_failed_sync_is_final),
        UNIT_TEST(hazard_09_append_never_waits_or_fails),
        UNIT_TEST(hazard_13_written_records_survive_a_kill),
        UNIT_TEST(hazard_14_full_disk_is_met_by_grants_only),
        UNIT_TEST(hazard_14_space_is_written_first_where_that_is_needed),
        UNIT_TEST(hazard_14_failed_preparation_leaves_the_file_as_it_was),
        UNIT_TEST(hazard_15_clean_close_leaves_no_file),
        UNIT_TEST(hazard_15_fillers_are_passed_over),
        UNIT_TEST(hazard_27_appended_is_the_gap_free_prefix),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
