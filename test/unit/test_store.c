/* test_store.c - databases as storage sees them: in memory, and on a simulated disk. */
#define _GNU_SOURCE /* setenv */
#include "lib/store_model.h"
#include "lib/unit.h"

#include "os/persist.h"
#include "os/sim.h"
#include "storage/operation.h"
#include "storage/store_check.h"
#include "storage/writer_int.h"

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

/* Make a table of so many rows of a few hundred bytes. */
static velo_status
store_fill_table(vl_writer *writer, int64_t rows, vl_tree_id *id)
{
    static const uint32_t ids[1] = {1};
    static const char text[300];
    vl_leaf_value defaults[1] = {{.value.type = VL_TYPE_NULL}};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    vl_value value = {.type = VL_TYPE_BLOB, .size = sizeof text, .as.data = text};
    vl_store_tree *table;

    VL_TRY(vl_writer_create_tree(unit_ctx(), writer, VL_TREE_TABLE, &schema, id));
    VL_TRY(vl_store_find_tree(unit_ctx(), writer->store, *id, &table));
    for (int64_t i = 1; i <= rows; i++)
        VL_TRY(vl_writer_insert(unit_ctx(), writer, table, i, &value));
    return VELO_OK;
}

/* The background thread drops a large tree while a checkpoint is due: it does a little of it, and
 * goes on when the checkpoint is written. */
static void
store_helper_leaves_a_drop_for_a_checkpoint(void)
{
    vl_store_options options = {
        .may_create = 1, .page_size = VL_PAGE_MIN_SIZE, .log_limit_bytes = 65536};
    vl_io_options io_options = {.backend = VL_IO_POSIX};
    vl_writer *writer, *helper;
    vl_store_tree *table;
    vl_tree_id large, other;
    vl_store *store;
    vl_io *io;

    CHECK_OK(vl_io_open(unit_ctx(), &io_options, &io));
    CHECK_OK(vl_store_open(unit_ctx(), io, unit_path("helper.db"), &options, &store));
    CHECK_OK(vl_writer_create(unit_ctx(), store, &writer));
    CHECK_OK(vl_writer_create(unit_ctx(), store, &helper));
    vl_operation_set_helper(helper);
    CHECK_OK(store_fill_table(writer, VL_BY_BUILD(3000, 300), &large));
    CHECK_OK(vl_store_checkpoint(unit_ctx(), store));
    CHECK(!vl_operation_is_wanted(store));
    CHECK_OK(vl_writer_begin(unit_ctx(), writer)); /* no checkpoint can be written */
    CHECK_OK(store_fill_table(writer, 300, &other));
    CHECK(vl_operation_is_wanted(store));
    CHECK_OK(vl_store_find_tree(unit_ctx(), store, large, &table));
    vl_operation_begin(helper);
    CHECK_OK(vl_operation_drop_tree(unit_ctx(), helper, table));
    vl_operation_end(helper);
    vl_operation_return_pages(unit_ctx(), helper);
    CHECK(helper->is_cut);
    CHECK_EQ(vl_operation_resume_drops(unit_ctx(), helper), 0); /* one more step */
    CHECK_OK(vl_writer_commit(unit_ctx(), writer, VL_SYNCHRONOUS_OFF));
    CHECK_OK(vl_store_checkpoint(unit_ctx(), store));
    CHECK_EQ(vl_operation_resume_drops(unit_ctx(), helper), 1);
    CHECK_EQ(vl_operation_resume_drops(unit_ctx(), helper), 1);
    vl_writer_destroy(helper);
    vl_writer_destroy(writer);
    CHECK_OK(vl_store_close(unit_ctx(), store));
    vl_io_close(io);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(store_in_memory_does_what_the_model_does),
        UNIT_TEST(store_on_a_mapping_does_what_the_model_does),
        UNIT_TEST(store_in_persistent_memory_does_what_the_model_does),
        UNIT_TEST(store_helper_leaves_a_drop_for_a_checkpoint),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
