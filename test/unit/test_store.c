/* test_store.c - databases as storage sees them: in memory, and on a simulated disk. */
#define _GNU_SOURCE /* setenv */
#include "lib/store_model.h"
#include "lib/unit.h"

#include "os/persist.h"
#include "os/sim.h"
#include "storage/store_check.h"

#include <stdlib.h>
#include <string.h>

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

/* On a file of the system of which pages are read in place. */
static void
store_on_a_mapping(const char *force, const char *name)
{
    static store_model model;
    vl_io_options io_options = {.backend = VL_IO_POSIX};
    vl_store_report report;
    vl_store_stats stats;
    uint64_t content;
    vl_io *io;

    if (force != NULL)
        (void)setenv("VELO_PMEM", force, 1);
    CHECK_OK(vl_io_open(unit_ctx(), &io_options, &io));
    store_model_init(&model, unit_ctx(), io, unit_path("mapped.db"), unit_seed());
    model.options.data_medium = VL_DATA_MAPPED;
    model.options.log_medium = VL_WAL_MAPPED;
    CHECK_OK(store_model_open(&model));
    for (uint32_t i = 0; i < 1200; i++) {
        CHECK_OK(store_model_step(&model));
        if (i % 20 != 0)
            continue;
        CHECK_OK(store_model_read(unit_ctx(), model.store, &content));
        CHECK(content == model.content);
        CHECK_OK(vl_store_check(unit_ctx(), model.store, NULL, NULL, &report));
        CHECK_EQ(report.unused_count, 0);
    }
    CHECK_OK(store_model_close(&model));
    CHECK_OK(store_model_open(&model));
    CHECK_OK(store_model_read(unit_ctx(), model.store, &content));
    CHECK(content == model.content);
    vl_store_get_stats(model.store, &stats);
    CHECK(stats.cache.place_count > 0);
    if (strstr(stats.data_medium, "promises no space") == NULL)
        CHECK(strcmp(stats.data_medium, name) == 0);
    store_model_deinit(&model);
    vl_io_close(io);
    (void)unsetenv("VELO_PMEM");
}

static void
store_on_a_mapping_does_what_the_model_does(void)
{
    store_on_a_mapping(NULL, "mapping, synced by the system");
}

static void
store_in_persistent_memory_does_what_the_model_does(void)
{
    if (!vl_persist_is_supported())
        unit_skip("%s", "the processor's caches cannot be flushed");
    else
        store_on_a_mapping("force", "persistent memory, as VELO_PMEM says");
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(store_in_memory_does_what_the_model_does),
        UNIT_TEST(store_on_a_mapping_does_what_the_model_does),
        UNIT_TEST(store_in_persistent_memory_does_what_the_model_does),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
