/* test_crash_faults.c - random work on a store while the disk or the memory fails.
 *
 * Each run begins with the same machine, on which a database was closed cleanly or left behind by a
 * process that died, opens it, works, and meets one fault at the nth operation; n grows until no
 * operation is left. After a fault: the call says what and where; the store stays readable and
 * holds a state from the model's history; copies of the machine, killed or cut right then, hold all
 * that was acknowledged or durable; and work goes on, at once or, when the store says that it can
 * not be changed any more, after opening it again.
 *
 * VELO_FAULT_EVERY: look at one n of about so many (default: a sample; 1 for all);
 * VELO_FAULT_STEPS: steps of work of a run; VELO_FAULT_ROUNDS: seeds. */
#include "lib/store_probe.h"
#include "lib/unit.h"

#include "base/alloc.h"
#include "storage/store_check.h"
#include "storage/writer_int.h"

#include <stdio.h>
#include <stdlib.h>

#define FAULT_PATH "data.db"

/* How a fault is to be met. */
typedef struct fault_plan {
    const char *name;   /* for messages */
    vl_sim_fault fault; /* what happens; nth is filled in */
    int is_memory;      /* instead, a request for memory fails */
    int is_lie;         /* the disk says yes to what it has not done: damage may be found */
} fault_plan;

/* The machine that runs begin with. */
typedef struct fault_base {
    vl_sim *sim;       /* the machine */
    store_model model; /* of the database on it */
    uint64_t seed;     /* of all */
} fault_base;

typedef struct fault_run {
    const fault_plan *plan; /* what is met */
    uint64_t nth;           /* and when */
    vl_sim *sim;            /* the machine */
    vl_io *io;              /* the process */
    vl_allocator allocator; /* of the process */
    vl_ctx ctx;             /* likewise */
    store_model model;      /* what is done, and known of it */
    store_model before;     /* the model before the last step */
    uint32_t errors;        /* met so far */
    int is_over;            /* the model does not know the store any more */
    int is_active;          /* the fault may still happen */
} fault_run;

static uint64_t fault_lost_pages;

/* What databases lie on from now on: 1: pages and log in persistent memory. */
static int fault_is_mapped;

static void
fault_failed(const fault_run *run, const char *what, const vl_ctx *ctx)
{
    unit_failed(__FILE__, __LINE__, "%s, operation %llu, error %u: %s: %s: %s", run->plan->name,
                (unsigned long long)run->nth, run->errors, what, velo_status_name(ctx->error.code),
                ctx->error.text);
}

/* ---- the machine that runs begin with ---- */

/* Let a database be there, closed or left behind. */
static void
fault_base_make(fault_base *base, uint64_t seed, int is_left, uint64_t steps)
{
    vl_sim_options options = {.seed = seed, .has_synchronous_map = fault_is_mapped};
    store_probe probe;
    vl_io *io;

    base->seed = seed;
    CHECK_OK(vl_sim_create(unit_ctx(), &options, &base->sim));
    CHECK_OK(vl_sim_open_io(unit_ctx(), base->sim, &io));
    store_model_init(&base->model, unit_ctx(), io, FAULT_PATH, seed + 2);
    base->model.options.cache_bytes = VL_PAGE_MIN_SIZE * UINT64_C(24);
    base->model.options.log_limit_bytes = 6144;
    if (fault_is_mapped) {
        base->model.options.data_medium = VL_DATA_MAPPED;
        base->model.options.log_medium = VL_WAL_MAPPED;
    }
    CHECK_OK(store_model_open(&base->model));
    for (uint64_t i = 0; i < steps; i++)
        CHECK_OK(store_model_step(&base->model));
    if (!is_left)
        CHECK_OK(store_model_close(&base->model));
    vl_writer_destroy(base->model.writer);
    vl_store_abandon(base->model.store);
    base->model.writer = NULL;
    base->model.store = NULL;
    vl_io_close(io);
    store_probe_copy(unit_ctx(), base->sim, NULL, &base->model, base->model.acknowledged, 0,
                     &probe);
    if (probe.fault[0] != 0)
        unit_failed(__FILE__, __LINE__, "seed %llu: without any fault: %s",
                    (unsigned long long)seed, probe.fault);
}

static void
fault_base_destroy(fault_base *base)
{
    store_model_deinit(&base->model);
    vl_sim_destroy(base->sim);
}

/* ---- a run ---- */

static void
fault_tell(void *user, vl_log_level level, velo_status code, const char *text)
{
    (void)user;
    (void)code;
    (void)fprintf(stderr, "event %d: %s\n", (int)level, text);
}

/* Start a process on a copy of the base, with the fault ahead. */
static int
fault_begin(fault_run *run, const fault_base *base, const fault_plan *plan, uint64_t nth)
{
    static const vl_log events = {fault_tell, NULL, VL_LOG_DEBUG};
    vl_sim_fault fault = plan->fault;

    memset(run, 0, sizeof *run);
    run->plan = plan;
    run->nth = nth;
    run->is_active = 1;
    vl_allocator_init(&run->allocator);
    vl_ctx_init(&run->ctx, &run->allocator, getenv("VELO_FAULT_EVENTS") != NULL ? &events : NULL);
    run->model = base->model;
    run->model.ctx = &run->ctx;
    run->model.history = calloc(MODEL_HISTORY, sizeof *run->model.history);
    run->model.kept = NULL;
    if (run->model.history == NULL || vl_sim_clone(unit_ctx(), base->sim, &run->sim) != VELO_OK ||
        vl_sim_open_io(unit_ctx(), run->sim, &run->io) != VELO_OK)
        return 0;
    memcpy(run->model.history, base->model.history, base->model.count * sizeof *run->model.history);
    run->model.io = run->io;
    run->before = run->model;
    fault.nth = nth;
    if (plan->is_memory)
        vl_allocator_fail_nth(&run->allocator, nth, 1);
    else if (vl_sim_plan(unit_ctx(), run->sim, &fault) != VELO_OK)
        return 0;
    return 1;
}

/* Whether the fault happened. */
static int
fault_is_met(fault_run *run)
{
    vl_sim_stats stats;

    if (run->plan->is_memory)
        return vl_counter(&run->allocator.failed_count) != 0;
    vl_sim_get_stats(run->sim, &stats);
    return stats.fault_count != 0;
}

/* From now on nothing fails. */
static void
fault_end_fault(fault_run *run)
{
    vl_sim_plan_clear(run->sim);
    vl_allocator_fail_nth(&run->allocator, 0, 0);
    run->is_active = 0;
}

static void
fault_end(fault_run *run)
{
    store_model_deinit(&run->model);
    vl_io_close(run->io);
    vl_sim_destroy(run->sim);
    if (!unit_has_failed() && vl_counter(&run->allocator.block_count) != 0)
        unit_failed(__FILE__, __LINE__, "%s, operation %llu: %llu blocks of memory left behind",
                    run->plan->name, (unsigned long long)run->nth,
                    (unsigned long long)vl_counter(&run->allocator.block_count));
}

/* ---- after an error ---- */

/* The code is of the fault, and the message says what and where. */
static void
fault_check_code(const fault_run *run, velo_status st)
{
    velo_status primary = vl_status_primary(st);
    const char *text = run->ctx.error.text;
    int is_known = primary == VELO_IOERR || primary == VELO_FULL || primary == VELO_CANTOPEN ||
                   primary == VELO_READONLY;

    if (run->plan->is_memory)
        is_known = primary == VELO_NOMEM || primary == VELO_READONLY;
    else if (run->plan->is_lie)
        is_known = is_known || primary == VELO_CORRUPT || primary == VELO_NOTADB;
    if (run->ctx.error.code != st)
        unit_failed(__FILE__, __LINE__, "%s, operation %llu: %s has the message of %s: %s",
                    run->plan->name, (unsigned long long)run->nth, velo_status_name(st),
                    velo_status_name(run->ctx.error.code), text);
    else if (!is_known)
        fault_failed(run, "an unexpected code", &run->ctx);
    else if (text[0] == 0 || (!run->plan->is_memory && primary != VELO_READONLY &&
                              strstr(text, FAULT_PATH) == NULL && strstr(text, "tree ") == NULL))
        fault_failed(run, "a message that does not say where", &run->ctx);
}

/* What a kill or a power cut would leave right now. */
static void
fault_look_at_copies(const fault_run *run)
{
    vl_sim_outcome outcome = {.seed = run->nth + run->errors};
    store_probe probe;

    store_probe_copy(unit_ctx(), run->sim, NULL, &run->model,
                     run->plan->is_lie ? 0 : run->model.acknowledged, run->plan->is_lie, &probe);
    if (probe.fault[0] != 0)
        unit_failed(__FILE__, __LINE__, "%s, operation %llu, error %u, killed then: %s",
                    run->plan->name, (unsigned long long)run->nth, run->errors, probe.fault);
    fault_lost_pages += probe.unused_count;
    outcome.keep = (vl_sim_keep)(outcome.seed % 4);
    store_probe_copy(unit_ctx(), run->sim, &outcome, &run->model,
                     run->plan->is_lie ? 0 : run->model.durable, run->plan->is_lie, &probe);
    if (probe.fault[0] != 0)
        unit_failed(__FILE__, __LINE__, "%s, operation %llu, error %u, cut then: %s",
                    run->plan->name, (unsigned long long)run->nth, run->errors, probe.fault);
    fault_lost_pages += probe.unused_count;
}

/* Columns of an empty table do not show in the content. */
static void
fault_count_columns(fault_run *run)
{
    for (uint32_t i = 0; i < MODEL_TREES; i++) {
        model_tree *tree = run->model.trees + i;
        vl_store_tree *there;

        if (tree->id != 0 && tree->kind == VL_TREE_TABLE &&
            vl_store_find_tree(&run->ctx, run->model.store, tree->id, &there) == VELO_OK)
            tree->column_count = atomic_load(&there->layout)->columns.count;
    }
}

/* The content is what the last step made of it, or it did nothing: go on from there. */
static void
fault_synchronize(fault_run *run, uint64_t content)
{
    store_model *model = &run->model;
    store_model before = run->before;
    uint64_t at;

    if (content == model->content)
        return;
    if (content == before.content) {
        before.store = model->store;
        before.writer = model->writer;
        before.rng = model->rng;
        before.durable = model->durable;
        before.acknowledged = model->acknowledged;
        *model = before;
        return;
    }
    run->is_over = 1;
    if (!store_model_find(model, content, model->acknowledged, &at))
        (void)vl_fail(&run->ctx, VELO_INTERNAL, "the content is neither from before nor after it");
}

/* A store that is open can be read, whatever cannot be written. */
static void
fault_read(fault_run *run)
{
    uint64_t content = 0;
    velo_status st;

    if (run->model.store == NULL)
        return;
    st = store_model_read(&run->ctx, run->model.store, &content);
    if (st != VELO_OK) {
        if (!run->is_active && !run->plan->is_lie)
            fault_failed(run, "the store cannot be read", &run->ctx);
        run->is_over = 1;
        return;
    }
    if (run->model.writer != NULL && run->model.writer->is_open)
        return; /* a part of a transaction is in memory */
    fault_synchronize(run, content);
    fault_count_columns(run);
    if (run->is_over && !run->plan->is_lie)
        fault_failed(run, "the store holds what it must not", &run->ctx);
}

/* Close and open again; what is found is what the model knows. */
static void
fault_reopen(fault_run *run)
{
    vl_writer *writer = run->model.writer;
    uint64_t content = 0, at;
    velo_status st;

    run->model.writer = NULL;
    vl_writer_destroy(writer);
    st = vl_store_close(&run->ctx, run->model.store);
    run->model.store = NULL;
    if (st != VELO_OK)
        fault_check_code(run, st);
    fault_end_fault(run);
    st = store_model_open(&run->model);
    if (st == VELO_OK)
        st = store_model_read(&run->ctx, run->model.store, &content);
    if (st != VELO_OK) {
        if (run->plan->is_lie)
            fault_check_code(run, st);
        else
            fault_failed(run, "the database does not open without the fault", &run->ctx);
        run->is_over = 1;
        return;
    }
    if (!store_model_find(&run->model, content, run->plan->is_lie ? 0 : run->model.acknowledged,
                          &at)) {
        (void)vl_fail(&run->ctx, VELO_INTERNAL, "acknowledged %llu, count %llu, it is %s",
                      (unsigned long long)run->model.acknowledged,
                      (unsigned long long)run->model.count,
                      store_model_find(&run->model, content, 0, &at) ? "an older state"
                                                                     : "no state there ever was");
        fault_failed(run, "the content is wrong after opening", &run->ctx);
    }
    fault_synchronize(run, content);
    fault_count_columns(run);
}

/* Open the database. A disk that lies may have lost the end of the log. */
static velo_status
fault_open(fault_run *run)
{
    uint64_t content, at;

    VL_TRY(store_model_open(&run->model));
    if (!run->plan->is_lie)
        return VELO_OK;
    VL_TRY(store_model_read(&run->ctx, run->model.store, &content));
    run->is_over = content != run->model.content;
    if (!store_model_find(&run->model, content, 0, &at))
        fault_failed(run, "the disk lies, and the store believes it", &run->ctx);
    return VELO_OK;
}

static velo_status
fault_step(fault_run *run)
{
    run->before = run->model;
    if (run->model.store == NULL)
        return fault_open(run);
    return store_model_step(&run->model);
}

/* A store says that it can be changed exactly when it can. */
static void
fault_try_changes(fault_run *run)
{
    int is_writable = vl_store_check_writable(&run->ctx, run->model.store) == VELO_OK;
    uint64_t changes = run->model.changes;
    velo_status st = VELO_OK;

    for (uint32_t i = 0; i < 4 && st == VELO_OK && run->model.store != NULL; i++)
        st = fault_step(run);
    if (is_writable && st != VELO_OK)
        fault_failed(run, "a store that can be changed says so, and yet", &run->ctx);
    if (!is_writable && st == VELO_OK && run->model.changes != changes &&
        vl_store_check_writable(&run->ctx, run->model.store) != VELO_OK) /* not opened anew */
        fault_failed(run, "a store that can not be changed is", &run->ctx);
}

/* Take an error of a step. */
static void
fault_take_error(fault_run *run, velo_status st)
{
    int is_once = run->plan->is_memory || run->plan->fault.count <= 1;
    int is_open;

    run->errors++;
    fault_check_code(run, st);
    if (is_once || run->errors >= 3)
        fault_end_fault(run);
    if (unit_has_failed())
        return;
    fault_look_at_copies(run);
    fault_read(run);
    is_open = run->model.writer != NULL && run->model.writer->is_open;
    if (unit_has_failed() || run->is_over || (run->is_active && !is_open))
        return;
    if (run->model.store != NULL && run->model.writer != NULL && !is_open && !run->plan->is_lie)
        fault_try_changes(run);
    if (!unit_has_failed())
        fault_reopen(run);
}

/* All is well at the end, on the disk as well. */
static void
fault_finish(fault_run *run)
{
    vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_NONE};
    store_probe probe;
    velo_status st;

    if (run->model.store == NULL)
        return;
    st = store_model_close(&run->model);
    if (st != VELO_OK) {
        fault_take_error(run, st);
        return;
    }
    store_probe_copy(unit_ctx(), run->sim, run->plan->is_lie ? NULL : &outcome, &run->model,
                     run->model.durable, run->plan->is_lie, &probe);
    if (probe.fault[0] != 0)
        unit_failed(__FILE__, __LINE__, "%s, operation %llu, at the end: %s", run->plan->name,
                    (unsigned long long)run->nth, probe.fault);
}

/* Do it all; returns whether the fault was met. */
static int
fault_run_once(const fault_base *base, const fault_plan *plan, uint64_t nth, uint64_t steps)
{
    fault_run *run = malloc(sizeof *run);
    int is_met = 0;

    if (run == NULL || !fault_begin(run, base, plan, nth)) {
        unit_failed(__FILE__, __LINE__, "a run cannot begin: %s", unit_ctx()->error.text);
        free(run);
        return 0;
    }
    for (uint64_t i = 0; i < steps && !run->is_over && !unit_has_failed(); i++) {
        velo_status st = fault_step(run);

        if (st != VELO_OK)
            fault_take_error(run, st);
    }
    if (!run->is_over && !unit_has_failed())
        fault_finish(run);
    is_met = fault_is_met(run);
    fault_end(run);
    free(run);
    return is_met;
}

/* One plan, at one operation after the other. How many operations there are that can fail is not
 * known before: where they are few, such as reads of a file that is mapped, the first choice may
 * lie behind all of them; then an earlier one is taken. So only a plan whose very first operation
 * does not come is never met. */
static void
fault_run_plan(const fault_base *base, const fault_plan *plan, uint64_t every, uint64_t steps)
{
    uint64_t nth, met = 0;
    vl_rng rng;

    vl_rng_init(&rng, base->seed + every);
    nth = 1 + vl_rng_below(&rng, every);
    while (!unit_has_failed()) {
        if (fault_run_once(base, plan, nth, steps)) {
            met++;
            nth += 1 + vl_rng_below(&rng, 2 * every - 1);
        } else if (met == 0 && nth > 1) {
            nth = 1 + vl_rng_below(&rng, nth - 1);
        } else {
            break;
        }
    }
    if (!unit_has_failed() && met == 0)
        unit_failed(__FILE__, __LINE__, "%s is never met", plan->name);
    if (getenv("VELO_FAULT_EVERY") != NULL)
        printf("%s: %llu faults up to %llu, %llu pages lost so far\n", plan->name,
               (unsigned long long)met, (unsigned long long)nth,
               (unsigned long long)fault_lost_pages);
}

/* Some plans on a database that was closed, and on one that has to be recovered. */
static void
fault_run_plans(const fault_plan *plans, size_t count, uint64_t every, uint64_t rounds)
{
    uint64_t steps = store_probe_number("VELO_FAULT_STEPS", 40);
    static fault_base base;

    rounds = store_probe_number("VELO_FAULT_ROUNDS", rounds);
    every = store_probe_number("VELO_FAULT_EVERY", every);
    for (uint64_t i = 0; i < 2 * rounds && !unit_has_failed(); i++) {
        fault_base_make(&base, unit_seed() + i, i % 2 == 0, 40);
        for (size_t k = 0; k < count && !unit_has_failed(); k++)
            fault_run_plan(&base, plans + k, every, steps);
        fault_base_destroy(&base);
    }
}

/* ---- tests ---- */

#define FAULT_READING (VL_SIM_OPEN | VL_SIM_READ | VL_SIM_GET_SIZE | VL_SIM_LOCK | VL_SIM_EXISTS)

static void
fault_changes_fail(void)
{
    static const fault_plan plans[] = {
        {"EIO once", {.kind = VL_SIM_ERROR, .ops = VL_SIM_CHANGING}, 0, 0},
        {"EIO once, though done", {.kind = VL_SIM_ERROR_AFTER, .ops = VL_SIM_CHANGING}, 0, 0},
        {"EIO for ever", {.kind = VL_SIM_ERROR, .ops = VL_SIM_CHANGING, .count = UINT64_MAX}, 0, 0},
        {"ENOSPC once", {.kind = VL_SIM_ERROR, .ops = VL_SIM_CHANGING, .os_error = 28}, 0, 0},
        {"ENOSPC for ever",
         {.kind = VL_SIM_ERROR, .ops = VL_SIM_CHANGING, .count = UINT64_MAX, .os_error = 28},
         0,
         0},
    };

    fault_run_plans(plans, VL_ARRAY_COUNT(plans), 24, 1);
}

static void
fault_reads_fail(void)
{
    static const fault_plan plans[] = {
        {"EIO of a read", {.kind = VL_SIM_ERROR, .ops = FAULT_READING}, 0, 0},
        {"EIO of reads for ever",
         {.kind = VL_SIM_ERROR, .ops = FAULT_READING, .count = UINT64_MAX},
         0,
         0},
    };

    fault_run_plans(plans, VL_ARRAY_COUNT(plans), VL_BY_BUILD(24, 5), VL_BY_BUILD(1, 3));
}

static void
fault_syncs_fail(void)
{
    static const fault_plan plans[] = {
        {"a sync that loses", {.kind = VL_SIM_SYNC_LOSES}, 0, 0},
        {"a sync that loses some", {.kind = VL_SIM_SYNC_LOSES_SOME}, 0, 0},
    };

    fault_run_plans(plans, VL_ARRAY_COUNT(plans), 2, 1);
}

static void
fault_memory_fails(void)
{
    static const fault_plan plans[] = {{"no memory once", {.kind = VL_SIM_ERROR}, 1, 0}};

    fault_run_plans(plans, VL_ARRAY_COUNT(plans), 16, 1);
}

static void
fault_disk_lies(void)
{
    static const fault_plan plans[] = {
        {"a lying sync", {.kind = VL_SIM_SYNC_LIES}, 0, 1},
        {"a lost write", {.kind = VL_SIM_LOSE_WRITE}, 0, 1},
        {"a misdirected write", {.kind = VL_SIM_MISDIRECT_WRITE}, 0, 1},
        {"a flipped bit", {.kind = VL_SIM_FLIP_BIT}, 0, 1},
    };

    fault_run_plans(plans, VL_ARRAY_COUNT(plans), 16, 1);
}

/* In persistent memory: stores, fences and what is left to the file fail, and memory does. */
static void
fault_persistent_memory_fails(void)
{
    static const fault_plan plans[] = {
        {"EIO once", {.kind = VL_SIM_ERROR, .ops = VL_SIM_CHANGING}, 0, 0},
        {"EIO for ever", {.kind = VL_SIM_ERROR, .ops = VL_SIM_CHANGING, .count = UINT64_MAX}, 0, 0},
        {"ENOSPC once", {.kind = VL_SIM_ERROR, .ops = VL_SIM_CHANGING, .os_error = 28}, 0, 0},
        {"EIO of a read", {.kind = VL_SIM_ERROR, .ops = FAULT_READING}, 0, 0},
        {"no memory once", {.kind = VL_SIM_ERROR}, 1, 0},
    };

    static const fault_plan maps[] = {
        {"EIO of a map", {.kind = VL_SIM_ERROR, .ops = VL_SIM_MAP}, 0, 0},
        {"EIO of maps for ever",
         {.kind = VL_SIM_ERROR, .ops = VL_SIM_MAP, .count = UINT64_MAX},
         0,
         0},
    };

    fault_is_mapped = 1;
    fault_run_plans(plans, VL_ARRAY_COUNT(plans), 30, 1);
    fault_run_plans(maps, VL_ARRAY_COUNT(maps), 1, 1);
    fault_is_mapped = 0;
}

/* Recovery reads the log twice, and must not believe two different ends. */
static void
fault_log_reads_lie(void)
{
    static const fault_plan plans[] = {
        {"a flipped bit of the log", {.kind = VL_SIM_FLIP_BIT, .path = "-wal"}, 0, 1}};

    fault_run_plans(plans, VL_ARRAY_COUNT(plans), 1, VL_BY_BUILD(1, 4));
}

/* Drop a tree whose nth read fails. After opening again all of its pages are returned. */
static int
fault_drop_once(const fault_base *base, uint64_t nth)
{
    static const fault_plan plan = {
        "EIO while a tree is dropped", {.kind = VL_SIM_ERROR, .ops = VL_SIM_READ}, 0, 0};
    const vl_sim_fault fault = {.kind = VL_SIM_ERROR, .ops = VL_SIM_READ, .nth = nth};
    fault_run *run = malloc(sizeof *run);
    vl_store_report report = {.tree_count = 0};
    velo_status st = VELO_OK;
    int is_met = 0;

    if (run == NULL || !fault_begin(run, base, &plan, UINT64_MAX)) {
        unit_failed(__FILE__, __LINE__, "a run cannot begin");
        free(run);
        return 0;
    }
    st = store_model_open(&run->model);
    /* The one that meets it is the last: another drop would help it along. */
    for (uint32_t i = 0; st == VELO_OK && i < MODEL_TREES && !fault_is_met(run); i++) {
        vl_sim_plan_clear(run->sim);
        st = vl_sim_plan(&run->ctx, run->sim, &fault);
        if (st == VELO_OK && run->model.trees[i].id != 0 &&
            vl_writer_drop_tree(&run->ctx, run->model.writer, run->model.trees[i].id) != VELO_OK)
            fault_check_code(run, run->ctx.error.code);
    }
    is_met = fault_is_met(run);
    fault_end_fault(run);
    if (st == VELO_OK)
        st = store_model_close(&run->model);
    if (st == VELO_OK)
        st = store_model_open(&run->model);
    if (st == VELO_OK) /* goes on with the drops */
        st = vl_store_checkpoint(&run->ctx, run->model.store);
    if (st == VELO_OK)
        st = vl_store_check(&run->ctx, run->model.store, NULL, NULL, &report);
    if (st != VELO_OK || report.dropped_count != 0)
        fault_failed(run, "a tree cannot be dropped", &run->ctx);
    fault_end(run);
    free(run);
    return is_met;
}

static void
fault_drops_end(void)
{
    static fault_base base;
    uint64_t nth = 1;

    for (uint64_t seed = 0; seed < 6 && !unit_has_failed(); seed++) {
        fault_base_make(&base, unit_seed() + seed, 0, 300);
        for (nth = 1; !unit_has_failed() && fault_drop_once(&base, nth); nth++)
            continue;
        fault_base_destroy(&base);
    }
    CHECK(unit_has_failed() || nth > 3);
}

/* ---- memory that is gone for ever ---- */

/* Open, work, write a checkpoint, check, close: with the memory that there is. */
static velo_status
fault_all_of_it(vl_ctx *ctx, void *argument)
{
    const fault_base *base = argument;
    fault_run *run = malloc(sizeof *run);
    static const fault_plan plan = {"memory", {.kind = VL_SIM_DELAY, .amount = 1}, 0, 0};
    vl_store_report report;
    store_probe probe;
    velo_status st = VELO_OK;

    if (run == NULL || !fault_begin(run, base, &plan, UINT64_MAX)) {
        free(run);
        return vl_fail(ctx, VELO_INTERNAL, "a run cannot begin");
    }
    run->model.ctx = ctx;
    for (uint32_t i = 0; st == VELO_OK && i < 8; i++)
        st = run->model.store == NULL ? store_model_open(&run->model)
                                      : store_model_step(&run->model);
    if (st == VELO_OK && run->model.store != NULL)
        st = vl_store_checkpoint(ctx, run->model.store);
    if (st == VELO_OK && run->model.store != NULL)
        st = vl_store_check(ctx, run->model.store, NULL, NULL, &report);
    vl_writer_destroy(run->model.writer);
    run->model.writer = NULL;
    if (st == VELO_OK)
        st = vl_store_close(ctx, run->model.store);
    else
        (void)vl_store_close(unit_ctx(), run->model.store);
    run->model.store = NULL;
    store_probe_copy(unit_ctx(), run->sim, NULL, &run->model, run->model.acknowledged, 0, &probe);
    if (probe.fault[0] != 0)
        unit_failed(__FILE__, __LINE__, "without memory: %s", probe.fault);
    fault_end(run);
    free(run);
    return st;
}

static void
fault_memory_is_gone(void)
{
    static fault_base base;

    for (int is_left = 0; is_left < 2 && !unit_has_failed(); is_left++) {
        fault_base_make(&base, unit_seed() + (uint64_t)is_left, is_left, 25);
        CHECK(unit_each_alloc_failure(fault_all_of_it, &base) > 20);
        fault_base_destroy(&base);
    }
}

/* ---- full disks ---- */

/* A file that takes the rest of the disk, or of which a part is given back. */
static velo_status
fault_set_ballast(fault_run *run, uint64_t size)
{
    velo_status st;
    vl_file *file;

    VL_TRY(vl_file_open(unit_ctx(), run->io, "ballast", VL_OPEN_WRITE | VL_OPEN_CREATE, &file));
    st = vl_file_resize(unit_ctx(), file, 0);
    if (st == VELO_OK && size > 0)
        st = vl_file_allocate(unit_ctx(), file, 0, size);
    vl_file_close(file);
    return st;
}

/* Work on a disk with so much space left; then there is more, and all is well. */
static void
fault_fill_disk(uint64_t seed, uint64_t free_bytes, uint32_t *full_count)
{
    static const fault_plan plan = {"a full disk", {.kind = VL_SIM_DELAY, .amount = 1}, 0, 0};
    const uint64_t all = UINT64_C(8) << 20;
    vl_sim_options options = {.seed = seed, .capacity_bytes = all};
    fault_run *run = malloc(sizeof *run);
    static fault_base base;

    CHECK(run != NULL);
    CHECK_OK(vl_sim_create(unit_ctx(), &options, &base.sim));
    store_model_init(&base.model, unit_ctx(), NULL, FAULT_PATH, seed + 3);
    base.model.options.cache_bytes = VL_PAGE_MIN_SIZE * UINT64_C(24);
    CHECK(fault_begin(run, &base, &plan, free_bytes));
    CHECK_OK(fault_set_ballast(run, all - free_bytes));
    for (uint32_t i = 0; i < 60 && !run->is_over && !unit_has_failed(); i++) {
        velo_status st = fault_step(run);

        if (st == VELO_OK)
            continue;
        run->errors++;
        fault_check_code(run, st);
        fault_read(run);
        if (!unit_has_failed() && !run->is_over && vl_status_primary(st) != VELO_FULL)
            fault_failed(run, "another error than a full disk", &run->ctx);
        if (run->model.writer != NULL && run->model.writer->is_open)
            break;
    }
    *full_count += run->errors;
    if (!unit_has_failed())
        CHECK_OK(fault_set_ballast(run, 0));
    /* At once where the store is open and whole, else after opening it again. */
    if (!unit_has_failed() && run->model.store != NULL && run->model.writer != NULL &&
        !run->model.writer->is_open)
        fault_try_changes(run);
    if (!unit_has_failed())
        fault_reopen(run);
    for (uint32_t i = 0; i < 20 && !unit_has_failed(); i++) {
        if (fault_step(run) != VELO_OK)
            fault_failed(run, "with space", &run->ctx);
    }
    if (!unit_has_failed() && !run->is_over)
        fault_finish(run);
    fault_end(run);
    free(run);
    fault_base_destroy(&base);
}

static void
fault_disk_is_full(void)
{
    uint64_t step = store_probe_number("VELO_FAULT_FULL_STEP", VL_BY_BUILD(64, 7)) * 4096;
    uint32_t full_count = 0;

    for (uint64_t size = 0; size < VL_BY_BUILD(1200, 130) * UINT64_C(4096) && !unit_has_failed();
         size += step)
        fault_fill_disk(unit_seed() + size, size, &full_count);
    CHECK(full_count > 0);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(fault_drops_end),      UNIT_TEST(fault_changes_fail),
        UNIT_TEST(fault_reads_fail),     UNIT_TEST(fault_syncs_fail),
        UNIT_TEST(fault_memory_fails),   UNIT_TEST(fault_persistent_memory_fails),
        UNIT_TEST(fault_disk_lies),      UNIT_TEST(fault_log_reads_lie),
        UNIT_TEST(fault_memory_is_gone), UNIT_TEST(fault_disk_is_full),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
