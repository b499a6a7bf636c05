/* test_store.c - databases as storage sees them: in memory, and on a simulated disk. */
#include "lib/store_model.h"
#include "lib/unit.h"

#include "os/sim.h"
#include "storage/store_check.h"

static void
store_in_memory_does_what_the_model_does(void)
{
    static store_model model;
    vl_store_report report;
    uint64_t content;

    store_model_init(&model, unit_ctx(), NULL, NULL, unit_seed());
    model.options.cache_bytes = 0;
    CHECK_OK(store_model_open(&model));
    for (uint32_t i = 0; i < 2000; i++) {
        CHECK_OK(store_model_step(&model));
        if (i % 20 != 0)
            continue;
        CHECK_OK(store_model_read(unit_ctx(), model.store, &content));
        CHECK(content == model.content);
        CHECK_OK(vl_store_check(unit_ctx(), model.store, NULL, NULL, &report));
        CHECK_EQ(report.unused_count, 0);
    }
    store_model_deinit(&model);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(store_in_memory_does_what_the_model_does),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
