/* test_table_threads.c - table trees used by several threads at a time, pages in memory. */
#include "base/thread.h"
#include "table_model.h"

#include <stdio.h>

#define THREADS_PAGE_SIZE VL_PAGE_MIN_SIZE
#define THREADS_MAX       4U

/* Rows are checked by what they say themselves: column 0 is 3 * rowid + version. */
typedef struct threads_worker {
    vl_thread thread;       /* of it */
    table_model *m;         /* tree and schema; the array is not used */
    vl_ctx ctx;             /* of the thread */
    vl_tree_work *work;     /* of the thread */
    vl_rng rng;             /* of the thread */
    uint32_t index;         /* which thread */
    uint32_t steps;         /* what it is to do */
    _Atomic uint64_t *next; /* shared counter, for some */
    _Atomic int *is_over;   /* the writers have ended, for some */
    uint64_t done;          /* counts what the test likes */
    char text[1200];        /* what went wrong first */
} threads_worker;

static void
threads_fail(threads_worker *worker, const char *what, long long number)
{
    if (worker->text[0] == 0)
        (void)snprintf(worker->text, sizeof worker->text, "thread %u: %s (%lld) %s", worker->index,
                       what, number, worker->ctx.error.text);
}

/* Run `main` in `count` threads, thread i with what threads_start has set, and check that none has
 * failed. */
static void
threads_run(threads_worker *workers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        vl_thread_join(&workers[i].thread);
    for (uint32_t i = 0; i < count; i++) {
        vl_tree_work_destroy(workers[i].work);
        if (workers[i].text[0] != 0)
            unit_failed(__FILE__, __LINE__, "%s", workers[i].text);
    }
}

static void
threads_start(threads_worker *worker, table_model *m, uint32_t index, uint32_t steps,
              vl_thread_main *run)
{
    worker->m = m;
    worker->index = index;
    worker->steps = steps;
    vl_ctx_init(&worker->ctx, NULL, NULL);
    vl_rng_init(&worker->rng, unit_seed() * 31 + index);
    CHECK_OK(vl_tree_work_create(unit_ctx(), m->tree.page_size, &worker->work));
    CHECK_OK(vl_thread_start(unit_ctx(), &worker->thread, "table", run, worker));
}

static void
threads_insert(threads_worker *worker, int64_t rowid)
{
    vl_leaf_value values[TABLE_COLUMNS];
    vl_leaf_row row = {rowid, values, 0};
    int is_done;

    if (worker->index % 2 == 0)
        vl_table_approach(&worker->m->tree, worker->work, rowid);
    table_model_values(worker->m, rowid, (uint16_t)vl_rng_below(&worker->rng, 1000), values);
    if (vl_table_insert(&worker->ctx, &worker->m->tree, worker->work, &worker->m->schema, &row,
                        &is_done) != VELO_OK)
        threads_fail(worker, "insert", rowid);
    worker->done += (uint64_t)is_done;
}

static void
threads_delete(threads_worker *worker, int64_t rowid)
{
    int is_done;

    if (vl_table_delete(&worker->ctx, &worker->m->tree, worker->work, &worker->m->schema, rowid,
                        &is_done) != VELO_OK)
        threads_fail(worker, "delete", rowid);
    worker->done -= (uint64_t)is_done;
}

static void
threads_update(threads_worker *worker, int64_t rowid)
{
    vl_leaf_value values[TABLE_COLUMNS];
    vl_leaf_change changes[TABLE_COLUMNS];
    int is_done;

    table_model_values(worker->m, rowid, (uint16_t)vl_rng_below(&worker->rng, 1000), values);
    for (uint32_t i = 0; i < TABLE_COLUMNS; i++) {
        changes[i].id = worker->m->schema.ids[i];
        changes[i].value = values[i];
    }
    if (vl_table_update(&worker->ctx, &worker->m->tree, worker->work, &worker->m->schema, rowid,
                        changes, TABLE_COLUMNS, &is_done) != VELO_OK)
        threads_fail(worker, "update", rowid);
}

/* Whether a row of a leaf is whole: all its values are of one version. */
static int
threads_is_whole(const table_model *m, const vl_leaf *leaf, uint32_t slot, int64_t rowid)
{
    table_row_model row = {.rowid = rowid};
    vl_leaf_value value;

    vl_leaf_get(leaf, slot, 0, &value);
    for (uint32_t i = 0; i < TABLE_COLUMNS; i++)
        row.versions[i] = (uint16_t)(value.value.as.integer - rowid * 3);
    return table_model_matches(m, leaf, slot, &row);
}

/* Count the rows of the tree, and check them. */
static uint64_t
threads_count(const table_model *m)
{
    vl_rowid_range all = {INT64_MIN, INT64_MAX};
    vl_tree_verify_options options = {0};
    vl_tree_report report;
    vl_table_scan scan;
    uint64_t count = 0;

    if (vl_tree_verify(unit_ctx(), &m->tree, &options, &report) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", unit_ctx()->error.text);
    vl_table_scan_begin(&scan, &m->tree, all, 0);
    while (vl_table_scan_next(unit_ctx(), &scan) == VELO_OK && scan.leaf != NULL) {
        for (uint32_t slot = 0; slot < scan.leaf->count; slot++) {
            if (vl_leaf_slot_state(scan.leaf, slot) != VL_LEAF_LIVE)
                continue;
            count++;
            if (!threads_is_whole(m, scan.leaf, slot, vl_leaf_rowid(scan.leaf, slot)))
                unit_failed(__FILE__, __LINE__, "a row is torn");
        }
    }
    vl_table_scan_end(&scan);
    return count;
}

/* ---- disjoint keys ---- */

static void
threads_insert_own(void *argument)
{
    threads_worker *worker = argument;

    for (uint32_t i = 0; i < worker->steps; i++) /* in an order that is no order */
        threads_insert(worker, (int64_t)i * 7919 % worker->steps * THREADS_MAX + worker->index);
}

static void
table_takes_rows_of_many_threads(void)
{
    threads_worker workers[THREADS_MAX] = {0};
    table_model m;

    table_model_init(&m, THREADS_PAGE_SIZE, 5, unit_seed());
    for (uint32_t i = 0; i < THREADS_MAX; i++)
        threads_start(&workers[i], &m, i, 1500, threads_insert_own);
    threads_run(workers, THREADS_MAX);
    CHECK_EQ(threads_count(&m), 1500 * THREADS_MAX);
    table_model_deinit(&m);
}

/* ---- all at the right edge ---- */

static void
threads_append(void *argument)
{
    threads_worker *worker = argument;

    for (uint32_t i = 0; i < worker->steps; i++)
        threads_insert(worker,
                       (int64_t)atomic_fetch_add_explicit(worker->next, 1, memory_order_relaxed));
}

static void
table_takes_appends_of_many_threads(void)
{
    threads_worker workers[THREADS_MAX] = {0};
    _Atomic uint64_t next = 1;
    table_model m;

    table_model_init(&m, THREADS_PAGE_SIZE, 4, unit_seed());
    for (uint32_t i = 0; i < THREADS_MAX; i++) {
        workers[i].next = &next;
        threads_start(&workers[i], &m, i, 1500, threads_append);
    }
    threads_run(workers, THREADS_MAX);
    CHECK_EQ(threads_count(&m), 1500 * THREADS_MAX);
    table_model_deinit(&m);
}

/* ---- the same keys ---- */

static void
threads_change_all(void *argument)
{
    threads_worker *worker = argument;

    for (uint32_t i = 0; i < worker->steps && worker->text[0] == 0; i++) {
        int64_t rowid = (int64_t)vl_rng_below(&worker->rng, 1200);
        uint64_t choice = vl_rng_below(&worker->rng, 8);

        /* Grow and shrink in turns, so that leaves split and join again and again. */
        if (choice < (i / 400 % 2 == 0 ? 5U : 1U))
            threads_insert(worker, rowid);
        else if (choice < 7)
            threads_delete(worker, rowid);
        else
            threads_update(worker, rowid);
    }
}

static void
table_survives_changes_of_the_same_rows(void)
{
    threads_worker workers[THREADS_MAX] = {0};
    uint64_t count = 0;
    table_model m;

    table_model_init(&m, THREADS_PAGE_SIZE, 4, unit_seed());
    for (uint32_t i = 0; i < THREADS_MAX; i++)
        threads_start(&workers[i], &m, i, 6000, threads_change_all);
    threads_run(workers, THREADS_MAX);
    for (uint32_t i = 0; i < THREADS_MAX; i++)
        count += workers[i].done;
    CHECK_EQ(threads_count(&m), count);
    table_model_deinit(&m);
}

/* ---- a root that is a leaf now and an inner node then ---- */

static void
threads_change_few(void *argument)
{
    threads_worker *worker = argument;

    for (uint32_t i = 0; i < worker->steps && worker->text[0] == 0; i++) {
        int64_t rowid = (int64_t)vl_rng_below(&worker->rng, 24);

        if (vl_rng_below(&worker->rng, 2) == 0)
            threads_insert(worker, rowid);
        else
            threads_delete(worker, rowid);
    }
}

static void
table_root_grows_and_shrinks_beside_changes(void)
{
    threads_worker workers[THREADS_MAX] = {0};
    uint64_t count = 0;
    table_model m;

    table_model_init(&m, THREADS_PAGE_SIZE, 3, unit_seed());
    m.long_texts = 1;
    for (uint32_t i = 0; i < THREADS_MAX; i++)
        threads_start(&workers[i], &m, i, 10000, threads_change_few);
    threads_run(workers, THREADS_MAX);
    for (uint32_t i = 0; i < THREADS_MAX; i++)
        count += workers[i].done;
    CHECK_EQ(threads_count(&m), count);
    table_model_deinit(&m);
}

/* ---- many small trees, whose roots all threads split at the same time ---- */

#define THREADS_TREES VL_BY_BUILD(400U, 200U)

typedef struct threads_start_line {
    vl_tree trees[THREADS_TREES]; /* of the model's cache, empty at first */
    _Atomic uint32_t arrived;     /* threads that have come to the next tree */
} threads_start_line;

static threads_start_line threads_line;

static void
threads_insert_at_once(void *argument)
{
    threads_worker *worker = argument;
    table_model m = *worker->m;

    worker->m = &m;
    for (uint32_t i = 0; i < THREADS_TREES && worker->text[0] == 0; i++) {
        m.tree = threads_line.trees[i];
        atomic_fetch_add_explicit(&threads_line.arrived, 1, memory_order_acq_rel);
        while (atomic_load_explicit(&threads_line.arrived, memory_order_acquire) <
               (i + 1) * THREADS_MAX)
            vl_thread_yield();
        for (uint32_t k = 0; k < 4; k++)
            threads_insert(worker, (int64_t)k * THREADS_MAX + worker->index);
        for (uint32_t k = 0; k < 3; k++)
            threads_delete(worker, (int64_t)k * THREADS_MAX + worker->index);
    }
    atomic_fetch_add_explicit(&threads_line.arrived, THREADS_MAX * THREADS_TREES,
                              memory_order_acq_rel); /* nobody waits for one that has failed */
}

static void
table_roots_are_split_by_one_thread_at_a_time(void)
{
    threads_worker workers[THREADS_MAX] = {0};
    table_model m;

    table_model_init(&m, THREADS_PAGE_SIZE, 3, unit_seed());
    m.long_texts = 1;
    atomic_store_explicit(&threads_line.arrived, 0, memory_order_relaxed);
    for (uint32_t i = 0; i < THREADS_TREES; i++) {
        CHECK_OK(vl_tree_create(unit_ctx(), &vl_table_ops, m.cache, 100 + i, NULL,
                                &threads_line.trees[i]));
        threads_line.trees[i].max_children = 3;
    }
    for (uint32_t i = 0; i < THREADS_MAX; i++)
        threads_start(&workers[i], &m, i, 0, threads_insert_at_once);
    threads_run(workers, THREADS_MAX);
    for (uint32_t i = 0; i < THREADS_TREES && !unit_has_failed(); i++) {
        table_model one = m;
        int is_gone;

        one.tree = threads_line.trees[i];
        CHECK_EQ(threads_count(&one), THREADS_MAX);
        CHECK_OK(vl_tree_drop(unit_ctx(), &one.tree, m.work, UINT32_MAX, NULL, &is_gone));
    }
    table_model_deinit(&m);
}

/* ---- scans beside changes: hazard 33 ---- */

/* Rows whose number divides by 4 stay; the others come and go. */
static void
threads_change_some(void *argument)
{
    threads_worker *worker = argument;

    for (uint32_t i = 0; i < worker->steps && worker->text[0] == 0; i++) {
        int64_t rowid = (int64_t)vl_rng_below(&worker->rng, 4000);

        if (rowid % 4 == 0)
            threads_update(worker, rowid);
        else if (vl_rng_below(&worker->rng, 4) < (i / 500 % 2 == 0 ? 3U : 1U))
            threads_insert(worker, rowid);
        else
            threads_delete(worker, rowid);
    }
    atomic_fetch_add_explicit(worker->is_over, 1, memory_order_release);
}

/* One scan: all rows that stay, each once, in order. */
static void
threads_scan_once(threads_worker *worker, int is_backward)
{
    vl_rowid_range all = {INT64_MIN, INT64_MAX};
    int64_t next = is_backward ? 3996 : 0;
    vl_table_scan scan;

    vl_table_scan_begin(&scan, &worker->m->tree, all, is_backward);
    for (;;) {
        if (vl_table_scan_next(&worker->ctx, &scan) != VELO_OK)
            threads_fail(worker, "scan", 0);
        if (scan.leaf == NULL)
            break;
        for (uint32_t i = 0; i < scan.rank_end - scan.rank_first; i++) {
            uint32_t rank = is_backward ? scan.rank_end - 1 - i : scan.rank_first + i;
            uint32_t slot = vl_leaf_slot_at(scan.leaf, rank);
            int64_t rowid = vl_leaf_rowid(scan.leaf, slot);

            if (vl_leaf_slot_state(scan.leaf, slot) != VL_LEAF_LIVE)
                continue;
            if (!threads_is_whole(worker->m, scan.leaf, slot, rowid))
                threads_fail(worker, "torn row", rowid);
            if (rowid % 4 != 0)
                continue;
            if (rowid != next)
                threads_fail(worker, "not the next row", rowid);
            next += is_backward ? -4 : 4;
        }
    }
    vl_table_scan_end(&scan);
    if (next != (is_backward ? -4 : 4000))
        threads_fail(worker, "not all rows", next);
}

static velo_status
threads_see_row(vl_ctx *ctx, void *argument, const vl_table_row *row)
{
    threads_worker *worker = argument;

    (void)ctx;
    if (row->rowid % 4 == 0 && row->state != VL_LEAF_LIVE)
        threads_fail(worker, "row not found", row->rowid);
    else if (row->state == VL_LEAF_LIVE &&
             !threads_is_whole(worker->m, row->leaf, row->slot, row->rowid))
        threads_fail(worker, "row found torn", row->rowid);
    return VELO_OK;
}

static void
threads_read(void *argument)
{
    threads_worker *worker = argument;
    int64_t rowids[100];

    while (atomic_load_explicit(worker->is_over, memory_order_acquire) < 2 &&
           worker->text[0] == 0) {
        threads_scan_once(worker, worker->done++ % 2 != 0);
        for (uint32_t i = 0; i < VL_ARRAY_COUNT(rowids); i++)
            rowids[i] = (int64_t)vl_rng_below(&worker->rng, 4000);
        if (vl_table_find_batch(&worker->ctx, &worker->m->tree, rowids, VL_ARRAY_COUNT(rowids),
                                threads_see_row, worker) != VELO_OK ||
            vl_table_find(&worker->ctx, &worker->m->tree, rowids[0], threads_see_row, worker) !=
                VELO_OK)
            threads_fail(worker, "lookup", 0);
    }
}

static void
hazard_33_scans_see_each_row_once_beside_splits_and_joins(void)
{
    threads_worker workers[THREADS_MAX] = {0};
    _Atomic int is_over = 0;
    table_model m;

    table_model_init(&m, THREADS_PAGE_SIZE, 4, unit_seed());
    for (int64_t rowid = 0; rowid < 4000; rowid += 4)
        table_model_insert(&m, rowid);
    for (uint32_t i = 0; i < THREADS_MAX; i++) {
        workers[i].is_over = &is_over;
        threads_start(&workers[i], &m, i, 5000, i < 2 ? threads_change_some : threads_read);
    }
    threads_run(workers, THREADS_MAX);
    CHECK(workers[2].done > 0 && workers[3].done > 0);
    CHECK_EQ(threads_count(&m), 1000 + workers[0].done + workers[1].done);
    table_model_deinit(&m);
}

static const unit_test threads_tests[] = {
    UNIT_TEST(table_takes_rows_of_many_threads),
    UNIT_TEST(table_takes_appends_of_many_threads),
    UNIT_TEST(table_survives_changes_of_the_same_rows),
    UNIT_TEST(table_root_grows_and_shrinks_beside_changes),
    UNIT_TEST(table_roots_are_split_by_one_thread_at_a_time),
    UNIT_TEST(hazard_33_scans_see_each_row_once_beside_splits_and_joins),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, threads_tests, VL_ARRAY_COUNT(threads_tests));
}
