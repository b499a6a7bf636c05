/* test_wal_crash.c - the log on a machine that fails at every operation.
 *
 * A random run of appends, flushes, checkpoints and new generations; before and after each
 * operation of the machine that changes something, copies of it lose power or their process, and
 * the log is read back as recovery would, from what the superblock named at that moment. What comes
 * back is always a prefix of what was appended; it has all that was acknowledged as durable, and
 * after the mere end of the process all that was written. All this on a file, and on a mapping of
 * persistent memory, where each store past the caches and each fence is an operation. --seed N and
 * VELO_WAL_RUNS=N give longer runs. */
#include "lib/unit.h"
#include "os/sim.h"
#include "storage/wal.h"
#include "wal_rig.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define CRASH_STEPS 40

/* Logs are on a mapping of persistent memory. */
static int crash_is_mapped;

/* What recovery would find in the superblock, and what has to be in the log then. */
typedef struct crash_view {
    vl_wal_identity identity;  /* of the generation that is named */
    vl_log_position from;      /* the position that is named */
    const rig_record *records; /* of that generation */
    uint32_t first;            /* index of the first record at or behind `from` */
    uint32_t count;            /* records appended; when is_live, see the rig */
    uint32_t acked;            /* index one past the last that is known to be durable */
    int is_live;               /* the rig is appending to it */
} crash_view;

static struct {
    rig r;
    crash_view view;
    rig_record old[RIG_RECORDS]; /* records of the generation before */
    uint64_t checked;            /* recoveries that were looked at */
    uint64_t partial;            /* of these, some records were lost */
    int is_quiet;                /* no copies are made */
    char failure[256];           /* the first thing that is wrong */
} crash;

static void
crash_fail(const char *what, int got, uint32_t least, const vl_sim_event *event)
{
    if (crash.failure[0] != '\0')
        return;
    (void)snprintf(crash.failure, sizeof crash.failure,
                   "%s: %d records, at least %u (of %u) wanted; operation %" PRIu64 " kind 0x%x %s",
                   what, got, least - crash.view.first, crash.view.count - crash.view.first,
                   event != NULL ? event->number : 0, event != NULL ? event->op : 0,
                   event != NULL && event->is_after ? "after" : "before");
}

/* Read the log of a machine that has just been switched on, and compare. */
static int
crash_recover(vl_sim *sim, uint32_t least, const char *what, const vl_sim_event *event)
{
    crash_view *view = &crash.view;
    vl_ctx ctx;
    vl_io *io;
    int got = -3;

    if (view->is_live)
        view->count = crash.r.count;
    vl_ctx_init(&ctx, NULL, NULL);
    if (vl_sim_open_io(&ctx, sim, &io) == VELO_OK) {
        got = rig_scan(&ctx, io, &view->identity, view->from, view->records + view->first,
                       view->count - view->first, NULL);
        vl_io_close(io);
    }
    crash.checked++;
    crash.partial += got >= 0 && view->first + (uint32_t)got < view->count;
    if (got < 0 || view->first + (uint32_t)got < least)
        crash_fail(got == -2 ? ctx.error.text : what, got, least, event);
    return got;
}

/* How many records end at or before the position. */
static uint32_t
crash_count_before(vl_log_position position)
{
    uint32_t count = crash.r.count;

    while (count > 0 && rig_end(&crash.r.records[count - 1]) > position)
        count--;
    return count;
}

static void
crash_hook(void *user, vl_sim *sim, const vl_sim_event *event)
{
    static const vl_sim_keep keeps[] = {VL_SIM_KEEP_NONE, VL_SIM_KEEP_ALL, VL_SIM_KEEP_PREFIX,
                                        VL_SIM_KEEP_RANDOM, VL_SIM_KEEP_RANDOM};
    vl_ctx ctx;
    vl_sim *clone;

    (void)user;
    if (crash.is_quiet || crash.view.identity.generation == 0)
        return;
    vl_ctx_init(&ctx, NULL, NULL);
    for (size_t i = 0; i <= VL_ARRAY_COUNT(keeps); i++) {
        uint32_t least = crash.view.acked;
        velo_status st = vl_sim_clone(&ctx, sim, &clone);

        if (st == VELO_OK && i == VL_ARRAY_COUNT(keeps)) {
            st = vl_sim_kill(&ctx, clone);
            if (crash.view.is_live)
                least = crash_count_before(vl_wal_written(crash.r.wal));
        } else if (st == VELO_OK) {
            vl_sim_outcome outcome = {.keep = keeps[i],
                                      .seed = vl_rng_next(&crash.r.rng),
                                      .has_garbage = (int)vl_rng_below(&crash.r.rng, 2),
                                      .scatters_names = (int)vl_rng_below(&crash.r.rng, 2)};

            st = vl_sim_cut_power(&ctx, clone, &outcome);
        }
        if (st != VELO_OK)
            crash_fail(ctx.error.text, -3, least, event);
        else
            (void)crash_recover(clone, least, "after a cut", event);
        vl_sim_destroy(clone);
    }
}

/* ---- the run ---- */

static velo_status
crash_append(vl_ctx *ctx)
{
    uint32_t count = 1 + (uint32_t)vl_rng_below(&crash.r.rng, 4);

    for (uint32_t i = 0; i < count && crash.r.count < RIG_RECORDS - 2; i++)
        VL_TRY(rig_append(ctx, &crash.r,
                          (uint32_t)vl_rng_below(&crash.r.rng, vl_rng_chance(&crash.r.rng, 1, 3)
                                                                   ? RIG_BODY_MAX + 1
                                                                   : 150)));
    return VELO_OK;
}

static velo_status
crash_flush(vl_ctx *ctx, int is_durable)
{
    /* Not always all of it. */
    uint32_t upto = crash.r.count - (uint32_t)vl_rng_below(&crash.r.rng, 2);

    if (upto == 0 || upto > crash.r.count)
        return VELO_OK;
    VL_TRY(vl_wal_flush(ctx, crash.r.wal, rig_end(&crash.r.records[upto - 1]), is_durable));
    if (is_durable && upto > crash.view.acked)
        crash.view.acked = upto;
    return VELO_OK;
}

/* A checkpoint: the log up to its end is durable, a superblock names that position, and the log
 * before it is released. */
static velo_status
crash_checkpoint(vl_ctx *ctx)
{
    vl_log_position position = vl_wal_tail(crash.r.wal);

    VL_TRY(vl_wal_flush(ctx, crash.r.wal, position, 1));
    crash.view.acked = crash.r.count;
    if (vl_rng_chance(&crash.r.rng, 1, 2)) /* others go on while pages are written */
        VL_TRY(crash_append(ctx));
    crash.view.first = crash.view.acked;
    crash.view.from = position;
    return vl_wal_release(ctx, crash.r.wal, position);
}

/* Another process: it reads the log, begins a generation at its end, names it and releases the old
 * one. `got` records of the old one were found. */
static velo_status
crash_begin_generation(vl_ctx *ctx, uint32_t got)
{
    crash_view *view = &crash.view;
    rig *r = &crash.r;

    view->is_live = 0;
    view->count = view->first + got;
    memcpy(crash.old, r->records, sizeof crash.old);
    view->records = crash.old;
    r->options.start = view->from;
    if (got > 0)
        r->options.start = rig_end(&crash.old[view->count - 1]);
    r->options.start += 8 * vl_rng_below(&r->rng, 3);
    r->options.identity.generation++;
    r->options.identity.salt = vl_rng_next(&r->rng);
    VL_TRY(rig_create(ctx, r));
    view->identity = r->options.identity;
    view->from = r->options.start;
    view->records = r->records;
    view->first = view->acked = view->count = 0;
    view->is_live = 1;
    return vl_wal_release_old(ctx, r->wal);
}

/* The process or the machine goes down at a moment between operations. */
static velo_status
crash_restart(vl_ctx *ctx)
{
    vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_RANDOM, .seed = vl_rng_next(&crash.r.rng)};
    uint32_t least = crash.view.acked;
    int is_cut = vl_rng_chance(&crash.r.rng, 1, 2);
    int got;

    if (is_cut) {
        VL_TRY(vl_sim_cut_power(ctx, crash.r.sim, &outcome));
    } else {
        least = crash_count_before(vl_wal_written(crash.r.wal));
        VL_TRY(vl_sim_kill(ctx, crash.r.sim));
    }
    vl_wal_close(crash.r.wal);
    crash.r.wal = NULL;
    VL_TRY(rig_restart(ctx, &crash.r));
    crash.is_quiet = 1;
    got = crash_recover(crash.r.sim, least, "after a restart", NULL);
    crash.is_quiet = 0;
    if (got < 0)
        return VELO_CORRUPT;
    /* What a dead process wrote is read back, and is not durable for that (hazard 6); what was
     * read after a power cut is. */
    if (is_cut)
        crash.view.acked = crash.view.first + (uint32_t)got;
    return crash_begin_generation(ctx, (uint32_t)got);
}

static velo_status
crash_step(vl_ctx *ctx)
{
    switch (vl_rng_below(&crash.r.rng, 12)) {
    case 0:
        return crash_restart(ctx);
    case 1:
    case 2:
        return crash_checkpoint(ctx);
    case 3:
    case 4:
    case 5:
        VL_TRY(crash_append(ctx));
        return crash_flush(ctx, 1);
    case 6:
    case 7:
        VL_TRY(crash_append(ctx));
        return crash_flush(ctx, 0);
    default:
        return crash_append(ctx);
    }
}

static velo_status
crash_open(vl_ctx *ctx, uint64_t seed)
{
    vl_sim_options options = {
        .seed = seed, .has_short_transfers = seed % 5 == 0, .has_synchronous_map = crash_is_mapped};
    velo_status st;

    memset(&crash, 0, sizeof crash);
    st = rig_open(ctx, &crash.r, &options);
    if (st != VELO_OK)
        return st;
    vl_rng_init(&crash.r.rng, seed);
    crash.r.options.medium = crash_is_mapped ? VL_WAL_MAPPED : VL_WAL_FILE;
    crash.r.options.method = (vl_durable_method)(seed % VL_DURABLE_METHOD_COUNT);
    crash.r.options.preallocation = (vl_preallocation)(seed / 3 % VL_PREALLOC_COUNT);
    crash.r.options.ring_bytes = seed / 9 % 2 == 0 ? 4096 : 8192;
    vl_sim_set_hook(crash.r.sim, crash_hook, NULL);
    crash.view.records = crash.r.records;
    return VELO_OK;
}

static velo_status
crash_create(vl_ctx *ctx)
{
    VL_TRY(rig_create(ctx, &crash.r));
    crash.view.identity = crash.r.options.identity;
    crash.view.from = crash.r.options.start;
    crash.view.is_live = 1;
    return VELO_OK;
}

static unsigned
crash_runs(void)
{
    const char *runs = getenv("VELO_WAL_RUNS");

    return runs != NULL ? (unsigned)strtoul(runs, NULL, 10) : VL_TSAN ? 3U : 18U;
}

static void
wal_power_cut_at_every_operation(void)
{
    uint64_t checked = 0;
    uint64_t partial = 0;
    vl_sim_stats stats;

    for (unsigned run = 0; run < crash_runs(); run++) {
        CHECK_OK(crash_open(unit_ctx(), unit_seed() + run));
        CHECK_OK(crash_create(unit_ctx()));
        for (int step = 0; step < CRASH_STEPS && crash.failure[0] == '\0'; step++)
            CHECK_OK(crash_step(unit_ctx()));
        if (crash.failure[0] != '\0')
            unit_failed(__FILE__, __LINE__, "run %u: %s", run, crash.failure);
        CHECK(crash.failure[0] == '\0');
        vl_sim_get_stats(crash.r.sim, &stats);
        CHECK((stats.op_counts[__builtin_ctz(VL_SIM_MAP_STORE)] > 0) == crash_is_mapped);
        checked += crash.checked;
        partial += crash.partial;
        rig_close(&crash.r);
    }
    /* The cuts do cut something off. */
    CHECK(checked > 300 * crash_runs() && partial > checked / 20);
}

/* One operation fails, in one of several ways; what was acknowledged is there all the same. */
static void
crash_run_with_fault(uint64_t seed, uint64_t nth, vl_sim_fault_kind kind, int os_error,
                     uint64_t *met)
{
    vl_sim_fault fault = {.kind = kind, .ops = VL_SIM_CHANGING, .nth = nth, .os_error = os_error};
    vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_RANDOM, .seed = nth, .has_garbage = 1};
    vl_sim_stats stats;
    velo_status st;
    int failures = 0;

    if (kind == VL_SIM_SYNC_LOSES || kind == VL_SIM_SYNC_LOSES_SOME)
        fault.ops = VL_SIM_SYNC | VL_SIM_MAP_SYNC;
    CHECK_OK(crash_open(unit_ctx(), seed));
    crash.is_quiet = 1;
    CHECK_OK(vl_sim_plan(unit_ctx(), crash.r.sim, &fault));
    st = crash_create(unit_ctx());
    if (vl_sim_is_off(crash.r.sim) && st != VELO_OK) {
        *met = 1;
        CHECK_OK(vl_sim_cut_power(unit_ctx(), crash.r.sim, &outcome));
        CHECK_OK(rig_restart(unit_ctx(), &crash.r));
        st = VELO_IOERR;
    }
    if (st != VELO_OK) /* nothing was begun: it can be tried again */
        CHECK_OK(crash_create(unit_ctx()));
    for (int step = 0; step < CRASH_STEPS && failures < 4; step++) {
        uint32_t before = crash.r.count;

        switch (vl_rng_below(&crash.r.rng, 6)) {
        case 0:
            st = crash_checkpoint(unit_ctx());
            break;
        case 1:
            st = crash_flush(unit_ctx(), 1);
            break;
        case 2:
            st = crash_flush(unit_ctx(), 0);
            break;
        default:
            st = crash_append(unit_ctx());
            break;
        }
        CHECK(crash.r.count >= before);
        failures += st != VELO_OK;
    }
    vl_sim_get_stats(crash.r.sim, &stats);
    *met = stats.fault_count;
    CHECK_OK(vl_sim_cut_power(unit_ctx(), crash.r.sim, &outcome));
    vl_wal_close(crash.r.wal);
    crash.r.wal = NULL;
    CHECK_OK(rig_restart(unit_ctx(), &crash.r));
    (void)crash_recover(crash.r.sim, crash.view.acked, "after a fault", NULL);
    if (crash.failure[0] != '\0')
        unit_failed(__FILE__, __LINE__, "seed %" PRIu64 ", operation %" PRIu64 ", fault %d: %s",
                    seed, nth, (int)kind, crash.failure);
    rig_close(&crash.r);
}

static void
wal_survives_a_fault_at_every_operation(void)
{
    static const struct {
        vl_sim_fault_kind kind;
        int os_error;
    } faults[] = {
        {VL_SIM_ERROR, EIO},          {VL_SIM_ERROR, ENOSPC},   {VL_SIM_ERROR_AFTER, EIO},
        {VL_SIM_ERROR_AFTER, ENOSPC}, {VL_SIM_SYNC_LOSES, EIO}, {VL_SIM_SYNC_LOSES_SOME, EIO},
        {VL_SIM_CUT_BEFORE, 0},       {VL_SIM_CUT_AFTER, 0},
    };

    for (size_t i = 0; i < VL_ARRAY_COUNT(faults); i++)
        for (uint64_t method = 0; method < 9; method += VL_TSAN ? 4 : 1) {
            uint64_t met = 1;
            uint64_t nth;

            for (nth = 1; met > 0; nth++) {
                crash_run_with_fault(unit_seed() / 18 * 18 + method, nth, faults[i].kind,
                                     faults[i].os_error, &met);
                if (unit_has_failed())
                    return;
            }
            CHECK(nth > 5);
        }
}

/* A disk of every size, from nothing to enough. */
static void
wal_survives_a_disk_of_any_size(void)
{
    for (uint64_t blocks = 1; blocks < 40; blocks++)
        for (uint64_t way = 0; way < 9; way++) {
            vl_sim_options options = {.seed = blocks,
                                      .capacity_bytes = blocks * 4096,
                                      .has_synchronous_map = crash_is_mapped};
            velo_status st;

            memset(&crash, 0, sizeof crash);
            CHECK_OK(rig_open(unit_ctx(), &crash.r, &options));
            crash.r.options.medium = crash_is_mapped ? VL_WAL_MAPPED : VL_WAL_FILE;
            crash.r.options.method = (vl_durable_method)(way % 3);
            crash.r.options.preallocation = (vl_preallocation)(way / 3);
            crash.is_quiet = 1;
            crash.view.records = crash.r.records;
            st = crash_create(unit_ctx());
            CHECK(st == VELO_OK || st == VELO_FULL);
            for (int i = 0; st == VELO_OK && i < 60; i++) {
                st = crash_append(unit_ctx());
                CHECK(st == VELO_OK || st == VELO_FULL);
                CHECK_OK(crash_flush(unit_ctx(), i % 2)); /* what was granted can be written */
            }
            CHECK(blocks < 5 || crash.r.count > 0);
            if (crash.r.wal != NULL) {
                CHECK_OK(vl_wal_flush(unit_ctx(), crash.r.wal, vl_wal_tail(crash.r.wal), 1));
                CHECK_EQ(crash_recover(crash.r.sim, crash.r.count, "full", NULL),
                         (int)crash.r.count);
            }
            rig_close(&crash.r);
        }
}

/* The same on a mapping of persistent memory. */
static void
wal_mapped_power_cut_at_every_operation(void)
{
    crash_is_mapped = 1;
    wal_power_cut_at_every_operation();
    crash_is_mapped = 0;
}

static void
wal_mapped_survives_a_fault_at_every_operation(void)
{
    crash_is_mapped = 1;
    wal_survives_a_fault_at_every_operation();
    crash_is_mapped = 0;
}

static void
wal_mapped_survives_a_disk_of_any_size(void)
{
    crash_is_mapped = 1;
    wal_survives_a_disk_of_any_size();
    crash_is_mapped = 0;
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(wal_power_cut_at_every_operation),
        UNIT_TEST(wal_survives_a_fault_at_every_operation),
        UNIT_TEST(wal_survives_a_disk_of_any_size),
        UNIT_TEST(wal_mapped_power_cut_at_every_operation),
        UNIT_TEST(wal_mapped_survives_a_fault_at_every_operation),
        UNIT_TEST(wal_mapped_survives_a_disk_of_any_size),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
