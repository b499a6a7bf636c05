/* test_durability.c - the durability probe, on a machine whose costs are known and on the real one.
 */
#include "lib/unit.h"
#include "os/durability.h"
#include "os/sim.h"

#include <string.h>

#define MS UINT64_C(1000000)

/* Plan a delay for all operations of a kind. */
static velo_status
plan_delay(vl_sim *sim, uint32_t ops, uint64_t delay_ns)
{
    vl_sim_fault fault = {
        .kind = VL_SIM_DELAY, .ops = ops, .count = UINT64_MAX, .amount = delay_ns};

    return vl_sim_plan(unit_ctx(), sim, &fault);
}

/* Probe a simulated machine on which a sync and a durable write take these times. */
static velo_status
probe_simulated(const vl_sim_options *options, uint64_t sync_ns, uint64_t durable_ns,
                vl_durability *result)
{
    vl_sim *sim;
    vl_io *io = NULL;
    velo_status st;

    VL_TRY(vl_sim_create(unit_ctx(), options, &sim));
    st = vl_sim_open_io(unit_ctx(), sim, &io);
    if (st == VELO_OK)
        st = plan_delay(sim, VL_SIM_SYNC, sync_ns);
    if (st == VELO_OK)
        st = plan_delay(sim, VL_SIM_WRITE_DURABLE, durable_ns);
    if (st == VELO_OK)
        st = vl_durability_probe(unit_ctx(), io, "/", 4096, 0, result);
    vl_io_close(io);
    vl_sim_destroy(sim);
    return st;
}

static void
durability_probe_finds_the_cheapest(void)
{
    vl_durability found;

    CHECK_OK(probe_simulated(NULL, 3 * MS, 1 * MS, &found));
    CHECK_EQ(found.ways[found.best].method, VL_DURABLE_DSYNC);
    CHECK(found.ways[found.best].median_ns >= 1 * MS);
    CHECK(found.ways[found.best].median_ns < 2 * MS);
    CHECK_OK(probe_simulated(NULL, 1 * MS, 3 * MS, &found));
    CHECK(found.ways[found.best].method != VL_DURABLE_DSYNC);
    CHECK(found.ways[found.best].median_ns >= 1 * MS);
    CHECK(found.ways[found.best].median_ns < 2 * MS);
}

static void
durability_probe_does_without_what_is_missing(void)
{
    vl_sim_options options = {.refuses_dsync = 1, .refuses_allocate = 1};
    vl_durability found;

    CHECK_OK(probe_simulated(&options, 3 * MS, 0, &found));
    for (uint32_t i = 0; i < VL_DURABILITY_WAYS; i++)
        CHECK(found.ways[i].is_available == (found.ways[i].method != VL_DURABLE_DSYNC) ||
              found.ways[i].method == VL_DURABLE_RING);
    CHECK(found.ways[found.best].method != VL_DURABLE_DSYNC);
    CHECK(found.ways[found.best].is_available);
}

static void
durability_probe_makes_fewer_rounds_on_a_slow_device(void)
{
    vl_durability found;

    CHECK_OK(probe_simulated(NULL, 100 * MS, 100 * MS, &found));
    CHECK_EQ(found.round_count, 5);
    CHECK_OK(probe_simulated(NULL, 1 * MS / 10, 1 * MS / 10, &found));
    CHECK_EQ(found.round_count, 25);
}

static void
durability_probe_passes_errors_on(void)
{
    vl_sim_options options = {.capacity_bytes = 65536};
    vl_durability found;
    vl_sim *sim;
    vl_io *io;
    vl_sim_fault fault = {.kind = VL_SIM_ERROR, .ops = VL_SIM_SYNC, .nth = 7};

    CHECK_STATUS(probe_simulated(&options, 0, 0, &found), VELO_FULL);
    CHECK_CONTAINS(unit_ctx()->error.text, "No space left on device");
    CHECK_OK(vl_sim_create(unit_ctx(), NULL, &sim));
    CHECK_OK(vl_sim_open_io(unit_ctx(), sim, &io));
    CHECK_OK(vl_sim_plan(unit_ctx(), sim, &fault));
    CHECK_STATUS(vl_durability_probe(unit_ctx(), io, "/", 4096, 0, &found), VELO_IOERR_FSYNC);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

static void
durability_probe_works_here(void)
{
    vl_durability found;
    vl_io *io;

    CHECK_OK(vl_io_open(unit_ctx(), NULL, &io));
    CHECK_OK(vl_durability_probe(unit_ctx(), io, unit_folder(), 4096, 5, &found));
    CHECK(found.round_count >= 5);
    for (uint32_t i = 0; i < VL_DURABILITY_WAYS; i++) {
        const vl_durability_way *way = &found.ways[i];

        if (!way->is_available)
            continue;
        CHECK(way->least_ns <= way->median_ns && way->median_ns <= way->most_ns);
        CHECK(found.ways[found.best].median_ns <= way->median_ns);
    }
    vl_io_close(io);
}

static void
durability_names_are_known(void)
{
    CHECK(strcmp(vl_preallocation_name(VL_PREALLOC_NONE), "none") == 0);
    CHECK(strcmp(vl_preallocation_name(VL_PREALLOC_WRITTEN), "written") == 0);
    CHECK(strcmp(vl_durable_method_name(VL_DURABLE_DSYNC), "rwf_dsync") == 0);
}

static const unit_test tests[] = {
    UNIT_TEST(durability_probe_finds_the_cheapest),
    UNIT_TEST(durability_probe_does_without_what_is_missing),
    UNIT_TEST(durability_probe_makes_fewer_rounds_on_a_slow_device),
    UNIT_TEST(durability_probe_passes_errors_on),
    UNIT_TEST(durability_probe_works_here),
    UNIT_TEST(durability_names_are_known),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
