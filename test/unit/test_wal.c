/* test_wal.c - the write-ahead log, one thread: records, ring, segments, generations, failures. */
#include "lib/unit.h"
#include "os/sim.h"
#include "storage/wal.h"
#include "wal_rig.h"

#include <errno.h>
#include <stdlib.h>

static rig test;

/* Append `count` records of random sizes. */
static velo_status
append_some(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = (uint32_t)vl_rng_below(
            &test.rng, vl_rng_chance(&test.rng, 1, 4) ? RIG_BODY_MAX + 1 : 100);

        VL_TRY(rig_append(unit_ctx(), &test, size));
    }
    return VELO_OK;
}

static velo_status
flush_all(int is_durable)
{
    return vl_wal_flush(unit_ctx(), test.wal, vl_wal_tail(test.wal), is_durable);
}

/* How many of the appended records, from number `first` on, a scan finds. */
static int
scan_from(uint32_t first)
{
    vl_log_position from =
        first < test.count ? test.records[first].position : vl_wal_tail(test.wal);

    return rig_scan(unit_ctx(), test.io, &test.options.identity, from, test.records + first,
                    test.count - first, NULL);
}

static void
check_start(void)
{
    CHECK_OK(rig_open(unit_ctx(), &test, NULL));
    CHECK_OK(rig_create(unit_ctx(), &test));
}

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

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(wal_records_come_back),
        UNIT_TEST(wal_positions_follow_each_other),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
