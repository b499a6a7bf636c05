/* test_crash_load.c - loads of many rows, cut at operations of the machine.
 *
 * The table holds the rows 1 to n, whose values follow from their rowids; each transaction loads
 * more behind them, in calls of all sizes, some with long values. At each moment looked at, a copy
 * of the machine loses its power, or its process; what recovery finds has to be exactly the rows
 * that some transaction left: at least those that are acknowledged, and none of a transaction that
 * is cut in two. Some recoveries are cut themselves. */
#include "lib/unit.h"

#include "base/hash.h"
#include "base/rng.h"
#include "base/thread.h"
#include "os/sim.h"
#include "storage/store.h"
#include "storage/store_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOAD_PATH    "db"
#define LOAD_COLUMNS 3U
#define LOAD_TREE    2U /* the first tree of a database */
#define LOAD_BATCH   400U
#define LOAD_HISTORY 64U
#define LOAD_LONG    (3 * VL_PAGE_MIN_SIZE) /* bytes of a long value */

static const uint32_t load_ids[LOAD_COLUMNS] = {1, 4, 9};
static const vl_leaf_value load_defaults[LOAD_COLUMNS];
static const vl_leaf_schema load_schema = {load_ids, load_defaults, LOAD_COLUMNS, 0};
static char load_text[LOAD_LONG + 64];

typedef struct load_case {
    vl_sim *sim;
    vl_io *io;
    vl_store_options options;
    vl_store *store;
    vl_writer *writer;
    vl_store_tree *table;          /* of it */
    vl_rng rng;                    /* of the work */
    vl_rng dice;                   /* of the looks */
    int64_t history[LOAD_HISTORY]; /* rows after each transaction begun; entry 0: none */
    uint32_t count;                /* entries */
    uint32_t acknowledged;         /* index of the last one that the system has */
    uint32_t durable;              /* index of the last one that is durable */
    uint64_t every;                /* look at one moment of so many */
    uint64_t looked;               /* so far */
} load_case;

typedef struct load_look {
    load_case *one;
    uint64_t seed;
    int is_kill;
    const vl_sim_event *event;
    char fault[1200];
} load_look;

/* ---- rows ---- */

static void
load_make(int64_t rowid, vl_leaf_value *values)
{
    uint64_t hash = vl_mix64((uint64_t)rowid);

    memset(values, 0, LOAD_COLUMNS * sizeof *values);
    values[0].value.type = VL_TYPE_INTEGER;
    values[0].value.as.integer = (int64_t)(hash >> (hash % 60));
    values[1].value.type = VL_TYPE_TEXT;
    values[1].value.size = hash % 211 == 0 ? LOAD_LONG : (uint32_t)(hash >> 8) % 24;
    values[1].value.as.data = load_text + hash % 64;
    values[2].value.type = hash % 3 == 0 ? VL_TYPE_NULL : VL_TYPE_REAL;
    if (hash % 3 != 0)
        values[2].value.as.real = (double)(hash >> 50) / 8;
}

static int
load_is_same(const vl_value *got, const vl_leaf_value *wanted)
{
    if (got->type != wanted->value.type)
        return 0;
    if (got->type == VL_TYPE_TEXT)
        return got->size == wanted->value.size &&
               (got->size == 0 || memcmp(got->as.data, wanted->value.as.data, got->size) == 0);
    if (got->type == VL_TYPE_INTEGER)
        return got->as.integer == wanted->value.as.integer;
    return got->type == VL_TYPE_NULL ||
           (got->as.real <= wanted->value.as.real && got->as.real >= wanted->value.as.real);
}

/* Count the rows, which have to be 1 to *count, and compare their values. */
static velo_status
load_read(vl_ctx *ctx, vl_store *store, int64_t *count)
{
    vl_store_tree *table;
    vl_store_report report;
    vl_arena arena;
    int is_empty;
    velo_status st;

    *count = 0;
    st = vl_store_find_tree(ctx, store, LOAD_TREE, &table);
    if (st == VELO_NOTFOUND)
        return VELO_OK; /* cut before it was created */
    VL_TRY(st);
    VL_TRY(vl_table_last_rowid(ctx, &table->tree, count, &is_empty));
    *count = is_empty ? 0 : *count;
    vl_arena_init(&arena, NULL, 0);
    for (int64_t rowid = 1; st == VELO_OK && rowid <= *count; rowid++) {
        vl_leaf_value wanted[LOAD_COLUMNS];
        vl_value values[LOAD_COLUMNS];

        vl_arena_reset(&arena);
        load_make(rowid, wanted);
        st = vl_store_read_row(ctx, store, table, rowid, &arena, values);
        for (uint32_t i = 0; st == VELO_OK && i < LOAD_COLUMNS; i++)
            if (!load_is_same(values + i, wanted + i))
                st = vl_fail(ctx, VELO_INTERNAL, "row %lld is wrong", (long long)rowid);
    }
    vl_arena_deinit(&arena);
    VL_TRY(st);
    VL_TRY(vl_store_check(ctx, store, NULL, NULL, &report));
    return report.unused_count == 0 ? VELO_OK : vl_fail(ctx, VELO_INTERNAL, "pages are lost");
}

/* ---- looking ---- */

static void
load_fault(load_look *look, const char *what, vl_ctx *ctx)
{
    if (look->fault[0] == 0)
        (void)snprintf(look->fault, sizeof look->fault, "%s: %s (%s %s operation %llu, seed %llu)",
                       what, ctx->error.text, look->is_kill ? "kill" : "power cut",
                       look->event->is_after ? "after" : "before",
                       (unsigned long long)look->event->number, (unsigned long long)look->seed);
}

static void
load_compare(vl_ctx *ctx, load_look *look, vl_io *io)
{
    const load_case *one = look->one;
    uint32_t first = look->is_kill ? one->acknowledged : one->durable;
    vl_store *store;
    int64_t count = 0, again = -1;

    if (vl_store_open(ctx, io, LOAD_PATH, &one->options, &store) != VELO_OK) {
        load_fault(look, "the database does not open", ctx);
        return;
    }
    if (load_read(ctx, store, &count) != VELO_OK)
        load_fault(look, "what is there is wrong", ctx);
    while (first < one->count && one->history[first] != count)
        first++;
    if (first == one->count) {
        (void)vl_fail(ctx, VELO_INTERNAL, "%lld rows", (long long)count);
        load_fault(look, "no transaction left so many", ctx);
    }
    if (vl_store_close(ctx, store) != VELO_OK ||
        vl_store_open(ctx, io, LOAD_PATH, &one->options, &store) != VELO_OK) {
        load_fault(look, "the database does not open again", ctx);
        return;
    }
    if (load_read(ctx, store, &again) != VELO_OK || again != count)
        load_fault(look, "the rows are others after a clean close", ctx);
    vl_store_abandon(store);
}

/* Cut recovery itself. */
static void
load_cut_recovery(vl_ctx *ctx, load_look *look, vl_sim *copy)
{
    vl_sim_outcome outcome = {.seed = look->seed + 1};
    vl_sim_fault cut = {.kind = VL_SIM_CUT_BEFORE, .ops = VL_SIM_CHANGING};
    vl_store *store;
    vl_io *io;

    cut.nth = 1 + look->seed % 29;
    if (vl_sim_open_io(ctx, copy, &io) != VELO_OK || vl_sim_plan(ctx, copy, &cut) != VELO_OK) {
        load_fault(look, "the machine does not start", ctx);
        return;
    }
    if (vl_store_open(ctx, io, LOAD_PATH, &look->one->options, &store) == VELO_OK)
        vl_store_abandon(store);
    vl_io_close(io);
    vl_sim_plan_clear(copy);
    if (vl_sim_cut_power(ctx, copy, &outcome) != VELO_OK)
        load_fault(look, "the machine cannot be cut", ctx);
}

static void
load_look_main(void *argument)
{
    load_look *look = argument;
    vl_sim_outcome outcome = {.keep = (vl_sim_keep)(look->seed % 4), .seed = look->seed};
    vl_sim *copy = NULL;
    vl_io *io;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    if (vl_sim_clone(&ctx, look->one->sim, &copy) != VELO_OK ||
        (!look->is_kill && vl_sim_cut_power(&ctx, copy, &outcome) != VELO_OK)) {
        load_fault(look, "the machine cannot be copied", &ctx);
        vl_sim_destroy(copy);
        return;
    }
    if (look->seed % 5 == 0 && !look->is_kill)
        load_cut_recovery(&ctx, look, copy);
    if (vl_sim_open_io(&ctx, copy, &io) == VELO_OK) {
        load_compare(&ctx, look, io);
        vl_io_close(io);
    } else {
        load_fault(look, "the machine does not start", &ctx);
    }
    vl_sim_destroy(copy);
}

static void
load_hook(void *user, vl_sim *sim, const vl_sim_event *event)
{
    load_case *one = user;
    load_look look = {.one = one, .event = event};
    vl_thread thread = {0};

    (void)sim;
    if (unit_has_failed() || !vl_rng_chance(&one->dice, 1, one->every))
        return;
    look.seed = vl_rng_next(&one->dice);
    look.is_kill = vl_rng_chance(&one->dice, 1, 4);
    if (vl_thread_start(NULL, &thread, "look", load_look_main, &look) != VELO_OK) {
        unit_failed(__FILE__, __LINE__, "no thread for a look");
        return;
    }
    vl_thread_join(&thread);
    one->looked++;
    if (look.fault[0] != 0)
        unit_failed(__FILE__, __LINE__, "%s", look.fault);
}

/* ---- working ---- */

/* Load the rows from `from` on, `total` of them, in calls of random sizes. */
static velo_status
load_rows(load_case *one, int64_t from, uint32_t total)
{
    static vl_leaf_value values[LOAD_BATCH][LOAD_COLUMNS];
    static vl_leaf_row rows[LOAD_BATCH];
    uint32_t done = 0, taken;

    while (done < total) {
        uint32_t some = 1 + (uint32_t)vl_rng_below(&one->rng, LOAD_BATCH);

        if (vl_rng_chance(&one->rng, 1, 3) || some > total - done)
            some = total - done < LOAD_BATCH ? total - done : LOAD_BATCH;
        for (uint32_t i = 0; i < some; i++) {
            rows[i] = (vl_leaf_row){from + done + i, values[i], 0};
            load_make(rows[i].rowid, values[i]);
        }
        VL_TRY(vl_writer_load(unit_ctx(), one->writer, one->table, rows, some,
                              some == total - done || vl_rng_chance(&one->rng, 1, 4), &taken));
        done += taken;
    }
    return VELO_OK;
}

static velo_status
load_transaction(load_case *one)
{
    vl_synchronous synchronous = (vl_synchronous)vl_rng_below(&one->rng, 3);
    int64_t before = one->history[one->count - 1];
    uint32_t total =
        1 + (uint32_t)vl_rng_below(&one->rng, vl_rng_chance(&one->rng, 1, 2) ? 30 : 900);

    VL_TRY(vl_writer_begin(unit_ctx(), one->writer));
    one->history[one->count++] = before + total;
    VL_TRY(load_rows(one, before + 1, total));
    VL_TRY(vl_writer_commit(unit_ctx(), one->writer, synchronous));
    one->acknowledged = one->count - 1;
    if (synchronous == VL_SYNCHRONOUS_FULL)
        one->durable = one->count - 1;
    if (vl_rng_chance(&one->rng, 1, 3))
        VL_TRY(vl_store_checkpoint(unit_ctx(), one->store));
    return VELO_OK;
}

static velo_status
load_open(load_case *one)
{
    vl_tree_id id;

    VL_TRY(vl_store_open(unit_ctx(), one->io, LOAD_PATH, &one->options, &one->store));
    VL_TRY(vl_writer_create(unit_ctx(), one->store, &one->writer));
    VL_TRY(vl_writer_create_tree(unit_ctx(), one->writer, VL_TREE_TABLE, &load_schema, &id));
    return vl_store_find_tree(unit_ctx(), one->store, id, &one->table);
}

static void
load_round(uint64_t seed, uint32_t ring_bytes, uint64_t *looked)
{
    vl_sim_options options = {.seed = seed};
    load_case *one = calloc(1, sizeof *one);
    velo_status st;

    CHECK(one != NULL);
    one->every = 12;
    one->count = 1;
    one->options.page_size = VL_PAGE_MIN_SIZE;
    one->options.cache_bytes = VL_PAGE_MIN_SIZE * UINT64_C(96);
    one->options.log_limit_bytes = 65536;
    one->options.log_ring_bytes = ring_bytes;
    one->options.may_create = 1;
    vl_rng_init(&one->rng, seed);
    vl_rng_init(&one->dice, seed + 1);
    CHECK_OK(vl_sim_create(unit_ctx(), &options, &one->sim));
    CHECK_OK(vl_sim_open_io(unit_ctx(), one->sim, &one->io));
    vl_sim_set_hook(one->sim, load_hook, one);
    st = load_open(one);
    for (uint32_t i = 0; st == VELO_OK && i < 10 && !unit_has_failed(); i++)
        st = load_transaction(one);
    vl_sim_set_hook(one->sim, NULL, NULL);
    if (st != VELO_OK)
        unit_failed(__FILE__, __LINE__, "seed %llu: the work fails: %s", (unsigned long long)seed,
                    unit_ctx()->error.text);
    *looked += one->looked;
    vl_writer_destroy(one->writer);
    vl_store_abandon(one->store);
    vl_io_close(one->io);
    vl_sim_destroy(one->sim);
    free(one);
}

static void
load_text_init(void)
{
    for (size_t i = 0; i < sizeof load_text; i++)
        load_text[i] = (char)('a' + i % 23);
}

/* Pages go to the log as they are. */
static void
crash_loads_are_all_or_nothing(void)
{
    uint64_t looked = 0;

    load_text_init();
    for (uint64_t i = 0; i < 4 && !unit_has_failed(); i++)
        load_round(unit_seed() + 1000 * i, 131072, &looked);
    CHECK(looked > 0);
}

/* The log's ring has no room for pages: rows go there one by one. */
static void
crash_loads_work_with_a_small_ring(void)
{
    uint64_t looked = 0;

    load_text_init();
    load_round(unit_seed() + 77, 2048, &looked);
    CHECK(looked > 0);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(crash_loads_are_all_or_nothing),
        UNIT_TEST(crash_loads_work_with_a_small_ring),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
