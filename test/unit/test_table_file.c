/* test_table_file.c - table trees in a file on the simulated machine: few frames, so that pages
 * come and go all the time, checkpoints in between and beside, power cuts, faults. */
#include "base/thread.h"
#include "os/sim.h"
#include "storage/cache_verify.h"
#include "storage/checkpoint.h"
#include "storage/volume.h"
#include "table_model.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_PATH      "t.db"
#define FILE_PAGE_SIZE VL_PAGE_MIN_SIZE

/* A database with one table in a file. */
typedef struct file_base {
    vl_sim *sim;           /* the machine */
    vl_io *io;             /* the process */
    vl_volume *volume;     /* the file */
    vl_cache *cache;       /* of it */
    uint64_t budget;       /* bytes */
    uint64_t evictions;    /* pages that left memory, as counted last */
    table_model m;         /* the table; its cache is the one above */
    table_row_model *rows; /* what the last checkpoint has */
    uint32_t row_count;    /* how many */
} file_base;

static velo_status
file_open_on(vl_ctx *ctx, file_base *base, vl_sim *sim)
{
    vl_volume_options volume = {.page_size = FILE_PAGE_SIZE, .may_create = 1};
    vl_cache_options cache = {.page_size = FILE_PAGE_SIZE, .budget_bytes = base->budget};

    VL_TRY(vl_sim_open_io(ctx, sim, &base->io));
    VL_TRY(vl_volume_open(ctx, base->io, FILE_PATH, &volume, &base->volume));
    cache.volume = base->volume;
    return vl_cache_create(ctx, &cache, &base->cache);
}

static void
file_count_evictions(file_base *base)
{
    vl_cache_stats stats;

    vl_cache_get_stats(base->cache, &stats);
    base->evictions += stats.evict_count;
}

static void
file_close(file_base *base)
{
    vl_cache_destroy(base->cache);
    vl_volume_close(base->volume);
    vl_io_close(base->io);
    base->cache = NULL;
    base->volume = NULL;
    base->io = NULL;
}

/* How many pages the file holds. */
static uint64_t
file_page_count(file_base *base)
{
    uint64_t count = 0;

    if (vl_checkpoint_run(unit_ctx(), base->cache, NULL, NULL, NULL) != VELO_OK ||
        vl_cache_verify_durable(unit_ctx(), base->cache, &count) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", unit_ctx()->error.text);
    return count;
}

static velo_status
file_checkpoint(file_base *base)
{
    VL_TRY(vl_checkpoint_run(unit_ctx(), base->cache, NULL, NULL, NULL));
    base->row_count = base->m.count;
    base->rows = table_model_copy_rows(base->rows, base->m.rows, base->m.count, base->m.count);
    return VELO_OK;
}

static void
file_create(file_base *base, uint32_t frames, uint64_t seed)
{
    vl_sim_options options = {.seed = seed};

    memset(base, 0, sizeof *base);
    base->budget = (uint64_t)frames * (FILE_PAGE_SIZE + 256) + VL_BY_BUILD(40000U, 30000U);
    CHECK_OK(vl_sim_create(unit_ctx(), &options, &base->sim));
    CHECK_OK(file_open_on(unit_ctx(), base, base->sim));
    table_model_init_in(&base->m, base->cache, 5, seed);
    base->m.is_in_file = 1;
    CHECK_OK(file_checkpoint(base));
}

static void
file_destroy(file_base *base)
{
    if (!unit_has_failed())
        table_model_drop(&base->m);
    if (!unit_has_failed() && file_page_count(base) != 0)
        unit_failed(__FILE__, __LINE__, "pages are left");
    vl_tree_work_destroy(base->m.work);
    free(base->m.rows);
    free(base->rows);
    file_close(base);
    vl_sim_destroy(base->sim);
}

/* Close and open again: what the last checkpoint has counts. */
static void
file_reopen(file_base *base)
{
    vl_tree_id id = base->m.tree.id;
    vl_pid root = base->m.tree.root;

    file_count_evictions(base);
    file_close(base);
    CHECK_OK(file_open_on(unit_ctx(), base, base->sim));
    base->m.cache = base->cache;
    vl_tree_init(&base->m.tree, &vl_table_ops, base->cache, id, root);
    base->m.tree.max_children = 5;
    base->m.count = base->row_count;
    if (base->row_count > 0)
        memcpy(base->m.rows, base->rows, base->row_count * sizeof *base->rows);
}

static void
file_step(table_model *m)
{
    int64_t rowid = table_model_random_rowid(m, 3000);
    uint64_t choice = vl_rng_below(&m->rng, 20);

    if (choice < 8)
        table_model_insert(m, rowid);
    else if (choice < 13)
        table_model_purge(m, rowid);
    else if (choice < 16)
        table_model_update(m, rowid);
    else if (choice < 18)
        table_model_mark(m, rowid, choice == 16);
    else if (choice == 18 && vl_rng_chance(&m->rng, 1, 20))
        table_model_load(m, 1 + (uint32_t)vl_rng_below(&m->rng, 60), 3);
}

static void
file_run(uint32_t frames, uint32_t steps)
{
    file_base base;

    file_create(&base, frames, unit_seed() + frames);
    base.m.huge_texts = 20;
    table_model_load(&base.m, 1000, 3);
    for (uint32_t i = 0; i < steps && !unit_has_failed(); i++) {
        file_step(&base.m);
        if (vl_rng_chance(&base.m.rng, 1, 150))
            CHECK_OK(file_checkpoint(&base));
        if (vl_rng_chance(&base.m.rng, 1, 600)) {
            file_reopen(&base);
            table_model_check(&base.m);
        }
        if (i % (steps / 6) == 0) {
            table_model_check(&base.m);
            CHECK_OK(vl_cache_verify(unit_ctx(), base.cache));
        }
    }
    table_model_check(&base.m);
    CHECK_EQ(file_page_count(&base), base.m.pages_now);
    file_count_evictions(&base);
    CHECK(frames > 100 || base.evictions > 100);
    file_destroy(&base);
}

static void
table_in_a_file_agrees_with_model_with_few_frames(void)
{
    for (uint32_t frames = 14; frames < 30 && !unit_has_failed(); frames += 5)
        file_run(frames, 1500);
}

static void
table_in_a_file_agrees_with_model_with_many_frames(void)
{
    file_run(500, 4000);
}

/* ---- many lookups with reads in flight ---- */

#define FILE_ROWIDS 600U

/* What the visits of a batch have seen. */
typedef struct file_seen {
    const file_base *base;       /* where */
    int64_t rowids[FILE_ROWIDS]; /* what was asked for */
    uint8_t counts[FILE_ROWIDS]; /* visits by index */
    uint32_t wrong;              /* answers that are not right */
    uint32_t busy_count;         /* visits while many reads were in flight */
    uint32_t visit_count;        /* visits */
} file_seen;

static velo_status
file_see(vl_ctx *ctx, void *argument, const vl_table_row *row)
{
    file_seen *seen = argument;
    const table_model *m = &seen->base->m;
    uint32_t at = table_model_find(m, row->rowid);
    int is_there = at < m->count && m->rows[at].rowid == row->rowid;
    vl_io_queue *queue;

    VL_TRY(vl_io_thread_queue(ctx, seen->base->io, &queue));
    seen->busy_count += vl_io_queue_pending(queue) >= 2;
    seen->visit_count++;
    seen->wrong += seen->counts[row->index]++ != 0 || row->rowid != seen->rowids[row->index];
    seen->wrong += is_there != (row->state == VL_LEAF_LIVE || row->state == VL_LEAF_TOMBSTONE);
    if (is_there)
        seen->wrong += !table_model_matches(m, row->leaf, row->slot, m->rows + at);
    return VELO_OK;
}

/* Look for `count` rows, at random or one behind the other. */
static velo_status
file_find_many(file_base *base, file_seen *seen, uint32_t count, int is_sorted)
{
    int64_t first = table_model_random_rowid(&base->m, 5000);

    seen->base = base;
    memset(seen->counts, 0, sizeof seen->counts);
    seen->busy_count = 0;
    seen->visit_count = 0;
    for (uint32_t i = 0; i < count; i++)
        seen->rowids[i] = is_sorted ? first + i : table_model_random_rowid(&base->m, 9000);
    return vl_table_find_batch(unit_ctx(), &base->m.tree, seen->rowids, count, file_see, seen);
}

/* No read is left in flight. */
static void
file_check_quiet(const file_base *base)
{
    vl_io_queue *queue;

    CHECK_OK(vl_io_thread_queue(unit_ctx(), base->io, &queue));
    CHECK_EQ(vl_io_queue_pending(queue), 0);
}

static void
table_in_a_file_finds_many_rows_each_once(void)
{
    static const uint32_t frames[] = {14, 20, 40, 300};
    file_seen seen = {0};

    for (uint32_t f = 0; f < VL_ARRAY_COUNT(frames) && !unit_has_failed(); f++) {
        file_base base;

        file_create(&base, frames[f], unit_seed() + f);
        table_model_load(&base.m, 3000, 3);
        for (uint32_t i = 0; i < 200; i++)
            file_step(&base.m);
        CHECK_OK(file_checkpoint(&base));
        for (uint32_t i = 0; i < 12 && !unit_has_failed(); i++) {
            uint32_t count = (uint32_t)vl_rng_below(&base.m.rng, FILE_ROWIDS + 1);

            if (i % 4 == 0)
                file_reopen(&base);
            CHECK_OK(file_find_many(&base, &seen, count, i % 3 == 2));
            CHECK_EQ(seen.wrong, 0);
            for (uint32_t j = 0; j < count; j++)
                CHECK_EQ(seen.counts[j], 1);
            file_check_quiet(&base);
        }
        file_destroy(&base);
    }
}

/* Reads are begun as others end, not when all have ended: but at the ends of the batch there are
 * always many in flight. */
static void
table_in_a_file_keeps_reads_in_flight(void)
{
    file_base base;
    file_seen seen = {0};

    file_create(&base, 300, unit_seed());
    base.m.long_texts = 0;
    table_model_load(&base.m, VL_BY_BUILD(40000U, 8000U), 2);
    CHECK_OK(file_checkpoint(&base));
    file_reopen(&base);
    CHECK_OK(file_find_many(&base, &seen, FILE_ROWIDS, 0)); /* inner nodes come */
    CHECK_OK(file_find_many(&base, &seen, FILE_ROWIDS, 0));
    CHECK_EQ(seen.visit_count, FILE_ROWIDS);

    CHECK(seen.busy_count > FILE_ROWIDS / 2);
    file_destroy(&base);
}

static void
table_in_a_file_lookups_survive_failing_reads(void)
{
    file_base base;
    file_seen seen = {0};
    uint32_t failed = 0;

    file_create(&base, 60, unit_seed());
    base.m.long_texts = 0;
    table_model_load(&base.m, 3000, 3);
    CHECK_OK(file_checkpoint(&base));
    for (uint32_t i = 0; i < 60 && !unit_has_failed(); i++) {
        vl_sim_fault fault = {.kind = VL_SIM_ERROR,
                              .ops = VL_SIM_READ,
                              .nth = 1 + vl_rng_below(&base.m.rng, 40),
                              .count = 1 + vl_rng_below(&base.m.rng, 80),
                              .os_error = 5};
        velo_status st;

        if (i % 5 == 0)
            file_reopen(&base);
        CHECK_OK(vl_sim_plan(unit_ctx(), base.sim, &fault));
        st = file_find_many(&base, &seen, FILE_ROWIDS, 0);
        vl_sim_plan_clear(base.sim);
        CHECK(st == VELO_OK || vl_status_primary(st) == VELO_IOERR);
        failed += st != VELO_OK;
        CHECK_EQ(seen.wrong, 0);
        CHECK(st != VELO_OK || seen.visit_count == FILE_ROWIDS);
        file_check_quiet(&base);
    }
    CHECK(failed > 10);
    CHECK_OK(vl_cache_verify(unit_ctx(), base.cache));
    table_model_check(&base.m);
    file_destroy(&base);
}

/* ---- power cuts: the table is as the last checkpoint has it ---- */

typedef struct file_cut {
    file_base *base;         /* whose machine it is */
    uint32_t every;          /* cut at one operation in so many */
    uint32_t seen;           /* operations so far */
    uint32_t cuts;           /* made so far */
    table_row_model *before; /* rows of the checkpoint before the one that is being written */
    uint32_t before_count;   /* how many */
    uint64_t number;         /* of that checkpoint */
} file_cut;

/* Open a copy of the machine after a power cut, and compare with the right checkpoint. */
static void
file_check_cut(file_cut *cut, vl_sim *sim)
{
    vl_sim_outcome outcome = {VL_SIM_KEEP_RANDOM, cut->seen, 1, 1};
    file_base copy = {.budget = cut->base->budget};
    table_model m = cut->base->m;
    int is_old;

    CHECK_OK(vl_sim_clone(unit_ctx(), sim, &copy.sim));
    CHECK_OK(vl_sim_cut_power(unit_ctx(), copy.sim, &outcome));
    CHECK_OK(file_open_on(unit_ctx(), &copy, copy.sim));
    is_old = vl_volume_super(copy.volume)->checkpoint == cut->number;
    CHECK(is_old || vl_volume_super(copy.volume)->checkpoint == cut->number + 1);
    m.cache = copy.cache;
    m.tree.cache = copy.cache;
    m.rows = is_old ? cut->before : cut->base->rows;
    m.count = is_old ? cut->before_count : cut->base->row_count;
    table_model_check(&m);
    file_close(&copy);
    vl_sim_destroy(copy.sim);
    cut->cuts++;
}

static void
file_cut_hook(void *user, vl_sim *sim, const vl_sim_event *event)
{
    file_cut *cut = user;

    (void)event;
    if (cut->seen++ % cut->every == 0 && !unit_has_failed())
        file_check_cut(cut, sim);
}

static void
table_in_a_file_survives_power_cuts_at_checkpoints(void)
{
    file_base base;
    file_cut cut = {.base = &base, .every = VL_BY_BUILD(5U, 9U)};

    file_create(&base, 30, unit_seed());
    table_model_load(&base.m, 800, 3);
    CHECK_OK(file_checkpoint(&base));
    for (uint32_t round = 0; round < 4 && !unit_has_failed(); round++) {
        for (uint32_t i = 0; i < 150; i++)
            file_step(&base.m);
        cut.number = vl_volume_super(base.volume)->checkpoint;
        cut.before_count = base.row_count;
        cut.before = table_model_copy_rows(cut.before, base.rows, base.row_count, base.row_count);
        base.rows = table_model_copy_rows(base.rows, base.m.rows, base.m.count, base.m.count);
        base.row_count = base.m.count;
        vl_sim_set_hook(base.sim, file_cut_hook, &cut);
        CHECK_OK(vl_checkpoint_run(unit_ctx(), base.cache, NULL, NULL, NULL));
        vl_sim_set_hook(base.sim, NULL, NULL);
    }
    CHECK(cut.cuts > 10);
    free(cut.before);
    file_destroy(&base);
}

/* ---- faults ---- */

/* An operation that fails leaves the table as it was: the row is inserted or it is not. */
static void
table_in_a_file_survives_failing_reads_and_writes(void)
{
    file_base base;
    uint32_t failed = 0;

    file_create(&base, VL_BY_BUILD(16, 40), unit_seed());
    base.m.long_texts = 0; /* a failure to free values in overflow loses pages, and may */
    table_model_load(&base.m, 1500, 2);
    CHECK_OK(file_checkpoint(&base));
    for (uint32_t i = 0; i < 600 && !unit_has_failed(); i++) {
        vl_sim_fault fault = {.kind = VL_SIM_ERROR,
                              .ops = VL_SIM_READ,
                              .nth = 1 + vl_rng_below(&base.m.rng, 3),
                              .count = 1 + vl_rng_below(&base.m.rng, 3),
                              .os_error = 5};
        int64_t rowid = table_model_random_rowid(&base.m, 3000);
        vl_leaf_value values[TABLE_COLUMNS];
        vl_leaf_row row = {rowid, values, 0};
        int is_done;
        velo_status st;

        table_model_values(&base.m, rowid, 1, values);
        CHECK_OK(vl_sim_plan(unit_ctx(), base.sim, &fault));
        if (i % 2 == 0)
            st = vl_table_insert(unit_ctx(), &base.m.tree, base.m.work, &base.m.schema, &row,
                                 &is_done);
        else
            st = vl_table_delete(unit_ctx(), &base.m.tree, base.m.work, &base.m.schema, rowid,
                                 &is_done);
        vl_sim_plan_clear(base.sim);
        CHECK(st == VELO_OK || vl_status_primary(st) == VELO_IOERR);
        failed += st != VELO_OK;
        CHECK(st == VELO_OK || !is_done);
        if (is_done)
            table_model_note(&base.m, rowid, i % 2 == 0 ? 1 : -1);
    }
    CHECK(failed > 20);
    table_model_check(&base.m);
    CHECK_OK(vl_cache_verify(unit_ctx(), base.cache));
    file_destroy(&base);
}

/* ---- checkpoints beside changes ---- */

typedef struct file_thread {
    vl_thread thread;     /* of it */
    file_base *base;      /* shared */
    vl_ctx ctx;           /* of the thread */
    uint32_t index;       /* which thread */
    _Atomic int *is_over; /* the writers that have ended */
    uint32_t count;       /* checkpoints made, batches of lookups */
    char text[1200];      /* what went wrong first */
} file_thread;

static void
file_write_rows(void *argument)
{
    file_thread *t = argument;
    const table_model *m = &t->base->m;
    vl_tree_work *work = NULL;
    vl_rng rng;
    velo_status st = vl_tree_work_create(&t->ctx, m->tree.page_size, &work);

    vl_rng_init(&rng, unit_seed() + t->index);
    for (uint32_t i = 0; i < 800 && st == VELO_OK; i++) {
        int64_t rowid = (int64_t)(vl_rng_below(&rng, 500) * 2 + t->index);
        vl_leaf_value values[TABLE_COLUMNS];
        vl_leaf_row row = {rowid, values, 0};
        int is_done;

        table_model_values(m, rowid, (uint16_t)i, values);
        if (vl_rng_below(&rng, 5) < 3)
            st = vl_table_insert(&t->ctx, &m->tree, work, &m->schema, &row, &is_done);
        else
            st = vl_table_delete(&t->ctx, &m->tree, work, &m->schema, rowid, &is_done);
    }
    if (st != VELO_OK)
        (void)snprintf(t->text, sizeof t->text, "writer: %s", t->ctx.error.text);
    vl_tree_work_destroy(work);
    atomic_fetch_add_explicit(t->is_over, 1, memory_order_release);
}

static void
file_write_checkpoints(void *argument)
{
    file_thread *t = argument;
    velo_status st = VELO_OK;

    do {
        st = vl_checkpoint_run(&t->ctx, t->base->cache, NULL, NULL, NULL);
        t->count++;
    } while (st == VELO_OK && atomic_load_explicit(t->is_over, memory_order_acquire) < 2);
    if (st != VELO_OK)
        (void)snprintf(t->text, sizeof t->text, "checkpoints: %s", t->ctx.error.text);
}

static velo_status
file_see_any(vl_ctx *ctx, void *argument, const vl_table_row *row)
{
    uint32_t *visits = argument;

    *visits += row->leaf != NULL;
    (void)ctx;
    return VELO_OK;
}

/* Both readers want the same pages. */
static void
file_look_up_rows(void *argument)
{
    file_thread *t = argument;
    velo_status st = VELO_OK;

    do {
        int64_t rowids[200];
        uint32_t visits = 0;

        for (uint32_t i = 0; i < VL_ARRAY_COUNT(rowids); i++)
            rowids[i] = (int64_t)((i * 37 + t->count * 11) % 1000);
        st = vl_table_find_batch(&t->ctx, &t->base->m.tree, rowids, VL_ARRAY_COUNT(rowids),
                                 file_see_any, &visits);
        if (st == VELO_OK && visits != VL_ARRAY_COUNT(rowids))
            st = vl_fail(&t->ctx, VELO_INTERNAL, "%u visits", visits);
        t->count++;
    } while (st == VELO_OK && atomic_load_explicit(t->is_over, memory_order_acquire) < 2);
    if (st != VELO_OK)
        (void)snprintf(t->text, sizeof t->text, "lookups: %s", t->ctx.error.text);
}

#define FILE_THREADS 5U

static void
table_in_a_file_takes_changes_beside_checkpoints(void)
{
    static void (*const runs[FILE_THREADS])(void *) = {file_write_rows, file_write_rows,
                                                       file_write_checkpoints, file_look_up_rows,
                                                       file_look_up_rows};
    file_thread threads[FILE_THREADS];
    _Atomic int is_over = 0;
    vl_tree_verify_options options = {0};
    vl_tree_report report;
    file_base base;

    file_create(&base, 24, unit_seed());
    memset(threads, 0, sizeof threads);
    for (uint32_t i = 0; i < FILE_THREADS; i++) {
        threads[i].base = &base;
        threads[i].index = i;
        threads[i].is_over = &is_over;
        vl_ctx_init(&threads[i].ctx, NULL, NULL);
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[i].thread, "file", runs[i], &threads[i]));
    }
    for (uint32_t i = 0; i < FILE_THREADS; i++)
        vl_thread_join(&threads[i].thread);
    for (uint32_t i = 0; i < FILE_THREADS; i++)
        CHECK_TEXT(threads[i].text, "");
    CHECK(threads[2].count > 0 && threads[3].count > 0 && threads[4].count > 0);
    CHECK_OK(vl_tree_verify(unit_ctx(), &base.m.tree, &options, &report));
    CHECK_OK(vl_cache_verify(unit_ctx(), base.cache));
    CHECK_OK(vl_checkpoint_run(unit_ctx(), base.cache, NULL, NULL, NULL));
    file_reopen(&base);
    CHECK_OK(vl_tree_verify(unit_ctx(), &base.m.tree, &options, &report));
    file_destroy(&base);
}

static const unit_test file_tests[] = {
    UNIT_TEST(table_in_a_file_agrees_with_model_with_few_frames),
    UNIT_TEST(table_in_a_file_agrees_with_model_with_many_frames),
    UNIT_TEST(table_in_a_file_finds_many_rows_each_once),
    UNIT_TEST(table_in_a_file_keeps_reads_in_flight),
    UNIT_TEST(table_in_a_file_lookups_survive_failing_reads),
    UNIT_TEST(table_in_a_file_survives_power_cuts_at_checkpoints),
    UNIT_TEST(table_in_a_file_survives_failing_reads_and_writes),
    UNIT_TEST(table_in_a_file_takes_changes_beside_checkpoints),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, file_tests, VL_ARRAY_COUNT(file_tests));
}
