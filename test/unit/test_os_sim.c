/* test_os_sim.c - the contract of io.h on the simulated machine, plain and with short transfers. */
#include "lib/os_contract.h"
#include "lib/unit.h"
#include "os/sim.h"

static void
run_sim(const vl_sim_options *options, os_contract_check *check)
{
    vl_sim *sim;
    vl_io *io;

    CHECK_OK(vl_sim_create(unit_ctx(), options, &sim));
    CHECK_OK(vl_sim_open_io(unit_ctx(), sim, &io));
    check(io, "/folder");
    if (!unit_has_failed()) /* a failed check leaves files open */
        vl_io_close(io);
    if (!unit_has_failed())
        vl_sim_destroy(sim);
}

static void
run_plain(os_contract_check *check)
{
    vl_sim_options options = {.seed = unit_seed()};

    run_sim(&options, check);
}

static void
run_short(os_contract_check *check)
{
    vl_sim_options options = {.seed = unit_seed(), .has_short_transfers = 1};

    run_sim(&options, check);
}

/* What a poor file system refuses. */
static void
run_poor(os_contract_check *check)
{
    vl_sim_options options = {.seed = unit_seed(),
                              .refuses_direct = 1,
                              .refuses_dsync = 1,
                              .refuses_allocate = 1,
                              .refuses_punch = 1};

    run_sim(&options, check);
}

#define SIM_CASES(name)                                                                            \
    static void sim_##name(void)                                                                   \
    {                                                                                              \
        run_plain(os_contract_##name);                                                             \
    }                                                                                              \
    static void short_##name(void)                                                                 \
    {                                                                                              \
        run_short(os_contract_##name);                                                             \
    }                                                                                              \
    static void poor_##name(void)                                                                  \
    {                                                                                              \
        run_poor(os_contract_##name);                                                              \
    }
OS_CONTRACT_LIST(SIM_CASES)

#define SIM_ENTRIES(name) UNIT_TEST(sim_##name), UNIT_TEST(short_##name), UNIT_TEST(poor_##name),

static const unit_test tests[] = {OS_CONTRACT_LIST(SIM_ENTRIES)};

int
main(int argc, char **argv)
{
    os_contract_has_folders = 0;
    os_contract_disk_is_memory = 1;
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
