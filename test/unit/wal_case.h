/* wal_case.h - one log that a test works on, and short words for what tests do with it. */
#ifndef VL_TEST_WAL_CASE_H
#define VL_TEST_WAL_CASE_H

#include "wal_rig.h"

static rig test;

/* Append `count` records of random sizes. */
static inline velo_status
append_some(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = (uint32_t)vl_rng_below(
            &test.rng, vl_rng_chance(&test.rng, 1, 4) ? RIG_BODY_MAX + 1 : 100);

        VL_TRY(rig_append(unit_ctx(), &test, size));
    }
    return VELO_OK;
}

static inline velo_status
flush_all(int is_durable)
{
    return vl_wal_flush(unit_ctx(), test.wal, vl_wal_tail(test.wal), is_durable);
}

/* How many of the appended records, from number `first` on, a scan finds. */
static inline int
scan_from(uint32_t first)
{
    vl_log_position from =
        first < test.count ? test.records[first].position : vl_wal_tail(test.wal);

    return rig_scan(unit_ctx(), test.io, &test.options.identity, from, test.records + first,
                    test.count - first, NULL);
}

static inline uint64_t
file_size(void)
{
    vl_file *file;
    uint64_t size = 0;

    if (vl_file_open(unit_ctx(), test.io, RIG_PATH, 0, &file) != VELO_OK ||
        vl_file_get_size(unit_ctx(), file, &size) != VELO_OK)
        size = UINT64_MAX;
    vl_file_close(file);
    return size;
}

static inline void
check_start(void)
{
    CHECK_OK(rig_open(unit_ctx(), &test, NULL));
    CHECK_OK(rig_create(unit_ctx(), &test));
}

#endif
