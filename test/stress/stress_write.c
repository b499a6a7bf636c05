/* stress_write.c - the models, and the threads that change a store. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */

#include "base/alloc.h"
#include "base/thread.h"
#include "stress_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- models ---- */

stress_model *
stress_model_create(uint32_t page_size, uint32_t thread_count)
{
    stress_model *model =
        mmap(NULL, sizeof *model, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (model == MAP_FAILED)
        return NULL;
    model->page_size = page_size;
    model->thread_count = thread_count;
    for (uint32_t i = 0; i < STRESS_THREADS; i++)
        atomic_store(&model->threads[i].count, 1);
    return model;
}

void
stress_model_destroy(stress_model *model)
{
    if (model != NULL)
        (void)munmap(model, sizeof *model);
}

void
stress_fault(stress_model *model, vl_ctx *ctx, const char *format, ...)
{
    size_t at;
    va_list arguments;

    if (atomic_exchange(&model->has_fault, 1) != 0)
        return;
    va_start(arguments, format);
    (void)vsnprintf(model->fault, sizeof model->fault, format, arguments);
    va_end(arguments);
    at = strlen(model->fault);
    if (ctx != NULL && ctx->error.code != VELO_OK)
        (void)snprintf(model->fault + at, sizeof model->fault - at, ": %s: %s",
                       velo_status_name(ctx->error.code), ctx->error.text);
}

int
stress_is_off(const stress_plan *plan)
{
    return plan->sim != NULL && vl_sim_is_off(plan->sim);
}

/* ---- workers ---- */

velo_status
stress_worker_begin(stress_worker *worker, const stress_plan *plan, uint32_t index, uint64_t seed,
                    int changes)
{
    uint32_t page_size = plan->model->page_size;

    memset(worker, 0, sizeof *worker);
    worker->plan = plan;
    worker->index = index;
    vl_ctx_init(&worker->ctx, NULL, NULL);
    vl_rng_init(&worker->rng, seed);
    worker->payload = malloc(STRESS_PAYLOAD(page_size));
    worker->key = malloc(STRESS_KEY(page_size));
    worker->scratch = aligned_alloc(64, STRESS_PAYLOAD(page_size) + page_size);
    worker->value = malloc(page_size);
    if (worker->payload == NULL || worker->key == NULL || worker->scratch == NULL ||
        worker->value == NULL)
        return vl_fail(&worker->ctx, VELO_NOMEM, "the test has no memory");
    for (uint32_t i = 0; i < STRESS_TREES; i++)
        if (plan->model->ids[i] != 0)
            VL_TRY(vl_store_find_tree(&worker->ctx, plan->store, plan->model->ids[i],
                                      &worker->trees[i]));
    return changes ? vl_writer_create(&worker->ctx, plan->store, &worker->writer) : VELO_OK;
}

void
stress_worker_end(stress_worker *worker)
{
    vl_writer_destroy(worker->writer);
    free(worker->payload);
    free(worker->key);
    free(worker->scratch);
    free(worker->value);
}

static int
write_is_table(const stress_worker *worker, uint32_t tree)
{
    return worker->trees[tree]->kind == VL_TREE_TABLE;
}

/* ---- changes ---- */

/* Insert a row: columns behind the first few are NULL. */
static velo_status
write_insert(stress_worker *worker, uint32_t tree, uint32_t place,
             const vl_value values[STRESS_COLUMNS])
{
    vl_store_tree *table = worker->trees[tree];
    const vl_layout *layout = atomic_load(&table->layout);
    vl_value *row = calloc(layout->columns.count, sizeof *row);
    velo_status st;

    if (row == NULL)
        return vl_fail(&worker->ctx, VELO_NOMEM, "the test has no memory");
    for (uint32_t i = STRESS_COLUMNS; i < layout->columns.count; i++)
        row[i].type = VL_TYPE_NULL;
    memcpy(row, values, STRESS_COLUMNS * sizeof *values);
    st = vl_writer_insert(&worker->ctx, worker->writer, table, stress_rowid(place), row);
    free(row);
    return st;
}

static velo_status
write_row(stress_worker *worker, uint32_t tree, uint32_t place, uint64_t before, uint64_t after)
{
    static const uint32_t columns[3] = {2, 3, 4};
    vl_value values[STRESS_COLUMNS];

    if (after == 0)
        return vl_writer_delete(&worker->ctx, worker->writer, worker->trees[tree],
                                stress_rowid(place));
    stress_make_row(worker->plan->model->page_size, tree, place, after, worker->payload, values);
    if (before == 0)
        return write_insert(worker, tree, place, values);
    return vl_writer_update(&worker->ctx, worker->writer, worker->trees[tree], stress_rowid(place),
                            columns, values + 1, 3);
}

static velo_status
write_entry(stress_worker *worker, uint32_t tree, uint32_t place, uint64_t after)
{
    uint32_t page_size = worker->plan->model->page_size;
    uint32_t key_size = stress_make_key(page_size, tree, place, worker->key);
    uint32_t size;

    if (after == 0)
        return vl_writer_remove(&worker->ctx, worker->writer, worker->trees[tree], worker->key,
                                key_size);
    size = stress_make_value(page_size, tree, place, after, worker->value);
    return vl_writer_put(&worker->ctx, worker->writer, worker->trees[tree], worker->key, key_size,
                         worker->value, size);
}

/* Bring a place from one version to another; 0: nothing is there. */
static velo_status
write_change(stress_worker *worker, uint32_t tree, uint32_t place, uint64_t before, uint64_t after)
{
    return write_is_table(worker, tree) ? write_row(worker, tree, place, before, after)
                                        : write_entry(worker, tree, place, after);
}

/* ---- a thread's own places ---- */

static stress_thread *
write_thread(const stress_worker *worker)
{
    return &worker->plan->model->threads[worker->index];
}

/* A transaction leaves the content as it is now. */
static void
write_note(stress_thread *thread)
{
    uint64_t count = atomic_load(&thread->count);

    thread->history[count] = thread->content;
    atomic_store(&thread->count, count + 1);
}

/* The last one was acknowledged. */
static void
write_acknowledge(stress_thread *thread, vl_synchronous synchronous)
{
    uint64_t last = atomic_load(&thread->count) - 1;

    if (synchronous == VL_SYNCHRONOUS_FULL)
        atomic_store(&thread->durable, last);
    atomic_store(&thread->acknowledged, last);
}

/* Change one of the thread's places. is_alone 1: it is a transaction of its own. */
static velo_status
write_own(stress_worker *worker, int is_alone)
{
    const stress_model *model = worker->plan->model;
    stress_thread *thread = write_thread(worker);
    uint32_t tree_count = STRESS_TREES + (worker->trees[STRESS_OWN_TREE] != NULL);
    uint32_t tree = (uint32_t)vl_rng_below(&worker->rng, tree_count);
    uint64_t *version, before;
    uint32_t place;

    if (tree == STRESS_OWN_TREE) {
        place = (uint32_t)vl_rng_below(&worker->rng, STRESS_PRIVATE);
        version = &thread->private_versions[place];
    } else {
        do
            place = (uint32_t)vl_rng_below(&worker->rng, STRESS_OWNED);
        while (stress_owner(model, tree, place) != worker->index);
        version = &thread->versions[tree][place];
    }
    before = *version;
    *version = before != 0 && vl_rng_chance(&worker->rng, 2, 5) ? 0 : ++thread->serial;
    thread->content += stress_weight(tree, worker->index, place, *version) -
                       stress_weight(tree, worker->index, place, before);
    if (is_alone)
        write_note(thread);
    return write_change(worker, tree, place, before, *version);
}

static velo_status
write_one(stress_worker *worker, vl_synchronous synchronous)
{
    vl_writer_set_synchronous(worker->writer, synchronous);
    VL_TRY(write_own(worker, 1));
    write_acknowledge(write_thread(worker), synchronous);
    return VELO_OK;
}

static velo_status
write_transaction(stress_worker *worker, vl_synchronous synchronous)
{
    uint64_t count = 1 + vl_rng_below(&worker->rng, 6);

    VL_TRY(vl_writer_begin(&worker->ctx, worker->writer));
    for (uint64_t i = 0; i < count; i++)
        VL_TRY(write_own(worker, 0));
    write_note(write_thread(worker));
    VL_TRY(vl_writer_commit(&worker->ctx, worker->writer, synchronous));
    write_acknowledge(write_thread(worker), synchronous);
    return VELO_OK;
}

/* ---- places of all ---- */

static uint64_t
write_common_content(uint64_t version)
{
    return version % 4 == 0 ? 0 : version;
}

static velo_status
write_common(stress_worker *worker, vl_synchronous synchronous)
{
    uint32_t tree = (uint32_t)vl_rng_below(&worker->rng, STRESS_TREES);
    uint32_t index = (uint32_t)vl_rng_below(&worker->rng, STRESS_COMMON);
    stress_common *common = &worker->plan->model->common[tree][index];
    uint64_t version;

    if (atomic_exchange(&common->is_claimed, 1) != 0)
        return VELO_OK; /* the layer has no locks: one at a time */
    version = atomic_load(&common->issued) + 1;
    atomic_store(&common->issued, version);
    vl_writer_set_synchronous(worker->writer, synchronous);
    VL_TRY(write_change(worker, tree, STRESS_OWNED + index, write_common_content(version - 1),
                        write_common_content(version)));
    if (synchronous == VL_SYNCHRONOUS_FULL)
        atomic_store(&common->durable, version);
    atomic_store(&common->acknowledged, version);
    atomic_store(&common->is_claimed, 0);
    return VELO_OK;
}

/* ---- trees of threads' own ---- */

static velo_status
write_create_tree(stress_worker *worker)
{
    stress_thread *thread = write_thread(worker);
    int is_table = vl_rng_chance(&worker->rng, 1, 2);
    stress_schema memory = {0};
    vl_leaf_schema schema = {0};
    vl_tree_id id = 0;
    velo_status st = VELO_OK;

    if (is_table)
        st = stress_schema_make(worker->plan->model->page_size, STRESS_OWN_TREE, &memory, &schema);
    if (st == VELO_OK) {
        atomic_store(&thread->is_creating, 1);
        st = vl_writer_create_tree(&worker->ctx, worker->writer,
                                   is_table ? VL_TREE_TABLE : VL_TREE_KEY,
                                   is_table ? &schema : NULL, &id);
    }
    stress_schema_free(&memory);
    if (st != VELO_OK)
        return st;
    atomic_store(&thread->private_id, id);
    atomic_store(&thread->is_creating, 0);
    return vl_store_find_tree(&worker->ctx, worker->plan->store, id,
                              &worker->trees[STRESS_OWN_TREE]);
}

static velo_status
write_drop_tree(stress_worker *worker)
{
    stress_thread *thread = write_thread(worker);

    for (uint32_t i = 0; i < STRESS_PRIVATE; i++) {
        thread->content -=
            stress_weight(STRESS_OWN_TREE, worker->index, i, thread->private_versions[i]);
        thread->private_versions[i] = 0;
    }
    atomic_store(&thread->is_dropping, 1);
    write_note(thread);
    VL_TRY(vl_writer_drop_tree(&worker->ctx, worker->writer, atomic_load(&thread->private_id)));
    write_acknowledge(thread, VL_SYNCHRONOUS_FULL);
    atomic_store(&thread->private_id, 0);
    atomic_store(&thread->is_dropping, 0);
    worker->trees[STRESS_OWN_TREE] = NULL;
    return VELO_OK;
}

static velo_status
write_trees(stress_worker *worker)
{
    vl_writer_set_synchronous(worker->writer, VL_SYNCHRONOUS_FULL);
    return worker->trees[STRESS_OWN_TREE] == NULL ? write_create_tree(worker)
                                                  : write_drop_tree(worker);
}

/* ---- threads ---- */

static velo_status
write_step(stress_worker *worker)
{
    vl_synchronous synchronous = (vl_synchronous)vl_rng_below(&worker->rng, 3);
    uint64_t dice = vl_rng_below(&worker->rng, 100);

    if (dice < 50)
        return write_one(worker, synchronous);
    if (dice < 75)
        return write_transaction(worker, synchronous);
    return dice < 95 ? write_common(worker, synchronous) : write_trees(worker);
}

static void
write_main(void *argument)
{
    stress_worker *worker = argument;
    const stress_plan *plan = worker->plan;
    stress_model *model = plan->model;
    stress_thread *thread = write_thread(worker);

    for (uint64_t i = 0; i < plan->steps && atomic_load(&model->has_fault) == 0 &&
                         atomic_load(&thread->count) < STRESS_HISTORY - 1;
         i++) {
        if (write_step(worker) != VELO_OK) {
            if (!stress_is_off(plan))
                stress_fault(model, &worker->ctx, "thread %u, step %llu", worker->index,
                             (unsigned long long)i);
            break;
        }
        atomic_fetch_add(&thread->steps, 1);
        atomic_fetch_add(&model->steps, 1);
    }
}

static void
read_main(void *argument)
{
    stress_worker *worker = argument;

    while (atomic_load(worker->is_over) == 0 && atomic_load(&worker->plan->model->has_fault) == 0 &&
           !stress_is_off(worker->plan))
        stress_read_some(worker);
}

/* Ask for checkpoints, change the budget, look at the numbers. */
static void
control_main(void *argument)
{
    stress_worker *worker = argument;
    const stress_plan *plan = worker->plan;
    vl_ctx *ctx = &worker->ctx;

    while (atomic_load(worker->is_over) == 0 && !stress_is_off(plan)) {
        velo_status st = VELO_OK;
        uint64_t budget =
            plan->budget_min + vl_rng_below(&worker->rng, plan->budget_max - plan->budget_min + 1);
        vl_store_stats stats;

        vl_store_get_stats(plan->store, &stats);
        if (stats.log_bytes > UINT64_C(1) << 40)
            stress_fault(plan->model, NULL, "the log is said to have %llu bytes",
                         (unsigned long long)stats.log_bytes);
        if (vl_rng_chance(&worker->rng, 1, 2))
            st = vl_store_checkpoint(ctx, plan->store);
        else
            st = vl_cache_set_budget(ctx, vl_store_cache(plan->store), budget);
        if (st != VELO_OK && st != VELO_BUSY && !stress_is_off(plan))
            stress_fault(plan->model, ctx, "checkpoints and budgets");
        for (uint64_t i = vl_rng_below(&worker->rng, 50); i > 0; i--)
            vl_thread_yield();
    }
}

/* Begin a thread. */
static void
run_start(stress_worker *worker, vl_thread *thread, const char *name, vl_thread_main *run)
{
    if (vl_thread_start(&worker->ctx, thread, name, run, worker) != VELO_OK)
        stress_fault(worker->plan->model, &worker->ctx, "no thread");
}

void
stress_run(const stress_plan *plan)
{
    vl_thread threads[2 * STRESS_THREADS + 1] = {0};
    stress_worker *workers = calloc(VL_ARRAY_COUNT(threads), sizeof *workers);
    uint32_t writers = plan->model->thread_count;
    uint32_t count = writers + plan->reader_count + (plan->has_control != 0);
    _Atomic int is_over = 0;

    if (workers == NULL || plan->reader_count > STRESS_THREADS) {
        stress_fault(plan->model, NULL, "the test has no memory");
        free(workers);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        if (stress_worker_begin(workers + i, plan, i, plan->seed + i, i < writers) != VELO_OK &&
            !stress_is_off(plan))
            stress_fault(plan->model, &workers[i].ctx, "thread %u cannot begin", i);
    for (uint32_t i = 0; i < count && atomic_load(&plan->model->has_fault) == 0; i++) {
        workers[i].is_over = &is_over;
        if (i < writers)
            run_start(workers + i, threads + i, "writer", write_main);
        else if (i < writers + plan->reader_count)
            run_start(workers + i, threads + i, "reader", read_main);
        else
            run_start(workers + i, threads + i, "control", control_main);
    }
    for (uint32_t i = 0; i < writers; i++)
        vl_thread_join(threads + i);
    atomic_store(&is_over, 1);
    for (uint32_t i = writers; i < count; i++)
        vl_thread_join(threads + i);
    for (uint32_t i = 0; i < count; i++)
        stress_worker_end(workers + i);
    free(workers);
}

/* ---- beginning ---- */

static velo_status
set_up_tree(stress_worker *worker, uint32_t tree)
{
    stress_model *model = worker->plan->model;
    int is_table = tree == STRESS_ROWS || tree == STRESS_RECORDS;
    stress_schema memory = {0};
    vl_leaf_schema schema = {0};
    vl_tree_id id = 0;
    velo_status st = VELO_OK;

    if (is_table)
        st = stress_schema_make(model->page_size, tree, &memory, &schema);
    if (st == VELO_OK)
        st = vl_writer_create_tree(&worker->ctx, worker->writer,
                                   is_table ? VL_TREE_TABLE : VL_TREE_KEY,
                                   is_table ? &schema : NULL, &id);
    stress_schema_free(&memory);
    if (st == VELO_OK)
        st = vl_store_find_tree(&worker->ctx, worker->plan->store, id, &worker->trees[tree]);
    for (uint32_t i = 0; st == VELO_OK && i < STRESS_FIXED; i++)
        st = write_change(worker, tree, STRESS_OWNED + STRESS_COMMON + i, 0, 1);
    if (st == VELO_OK)
        model->ids[tree] = id;
    return st;
}

velo_status
stress_set_up(vl_ctx *ctx, vl_store *store, stress_model *model)
{
    stress_plan plan = {.store = store, .model = model};
    stress_worker worker;
    velo_status st = stress_worker_begin(&worker, &plan, 0, 1, 1);

    for (uint32_t i = 0; st == VELO_OK && i < STRESS_TREES; i++)
        st = set_up_tree(&worker, i);
    ctx->error = worker.ctx.error;
    stress_worker_end(&worker);
    return st;
}

void
stress_drop_private(vl_ctx *ctx, vl_store *store, stress_model *model)
{
    vl_store_tree *tree;
    vl_writer *writer;
    vl_tree_id id = model->ids[STRESS_TREES - 1];

    if (vl_writer_create(ctx, store, &writer) != VELO_OK) {
        stress_fault(model, ctx, "no writer");
        return;
    }
    while (vl_store_next_tree(ctx, store, id, &tree) == VELO_OK) {
        id = tree->tree.id;
        if (vl_writer_drop_tree(ctx, writer, id) != VELO_OK)
            stress_fault(model, ctx, "tree %llu cannot be dropped", (unsigned long long)id);
    }
    vl_error_clear(ctx);
    vl_writer_destroy(writer);
    for (uint32_t i = 0; i < model->thread_count; i++) {
        stress_thread *thread = &model->threads[i];

        for (uint32_t j = 0; j < STRESS_PRIVATE; j++)
            thread->content -= stress_weight(STRESS_OWN_TREE, i, j, thread->private_versions[j]);
        memset(thread->private_versions, 0, sizeof thread->private_versions);
        atomic_store(&thread->private_id, 0);
        thread->history[0] = thread->content;
    }
}
