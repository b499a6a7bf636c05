/* test_volume_power.c - checkpoints of a toy store, with power cuts at every operation. */
#include "lib/unit.h"
#include "unit/volume_model.h"

/* A machine, a process, a toy store. */
typedef struct power_case {
    vl_sim *sim;
    vl_io *io;
    toy_store toy;
} power_case;

static velo_status
power_begin(power_case *one, uint64_t seed)
{
    vl_sim_options options = {.seed = seed};

    VL_TRY(vl_sim_create(unit_ctx(), &options, &one->sim));
    VL_TRY(vl_sim_open_io(unit_ctx(), one->sim, &one->io));
    toy_init(&one->toy, unit_ctx(), one->io, seed);
    return toy_open(&one->toy);
}

static void
power_end(power_case *one)
{
    toy_deinit(&one->toy);
    vl_io_close(one->io);
    vl_sim_destroy(one->sim);
}

static void
check_fault(const char *fault)
{
    if (fault != NULL)
        unit_failed(__FILE__, __LINE__, "%s", fault);
}

static void
volume_toy_runs_and_reopens(void)
{
    static power_case one;

    CHECK_OK(power_begin(&one, unit_seed()));
    for (uint32_t i = 0; i < 20 && !unit_has_failed(); i++) {
        CHECK_OK(toy_run(&one.toy, 40));
        check_fault(toy_find_fault(&one.toy));
        CHECK_OK(toy_checkpoint(&one.toy, i % 2));
        check_fault(toy_find_fault(&one.toy));
        if (i % 3 == 0) {
            toy_close(&one.toy);
            CHECK_OK(toy_open(&one.toy));
            check_fault(toy_find_fault(&one.toy));
        }
    }
    power_end(&one);
}

static const unit_test tests[] = {
    UNIT_TEST(volume_toy_runs_and_reopens),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
