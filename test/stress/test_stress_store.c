/* test_stress_store.c - many threads on one store: to a good end, killed, and cut from power.
 *
 * VELO_STRESS_STEPS steps of each thread, and VELO_STRESS_ROUNDS rounds of each test (default: so
 * many that it takes seconds). A hang is found by the time that ctest allows.
 *
 * Who waits for what, and why that ends (hazard 9):
 *
 *    wait                    for whom                                 holding meanwhile
 *  1 gate, newcomers         who closes it, until its barrier         nothing
 *  2 gate, the closer        short holders: operations under way      the turn of 12
 *  3 grant of log            the leader of a flush; holders of        the gate
 *                            credit; who has the turn of grants
 *  4 flush, in the queue     the leader, who waits for the medium     nothing; by 3 the gate
 *  5 a frame                 evictors, who wait for the medium;       the gate, credit,
 *                            holders of frames for new pages; 8       new pages
 *  6 a frame for a copy      8                                        as 5
 *  7 a page's word           its holder; the evictor, who waits for   words of pages above
 *                            the medium; who loads it, by 5
 *  8 a checkpoint's end      7, the medium, 4 (what it noted is       the turn of 12
 *                            filled already)
 *  9 release of log behind   3; with the turn of grants 4             the turn of 12
 * 10 the barrier             sections, in which nothing waits         the turn of 12
 * 11 freeing long keys       readers that compare them: 5, 7          the gate, credit
 * 12 the turn of checkpoints 2, 8, 10, then 9                         nothing
 * 13 the turn of drops       who has it: 1, 3 to 7                    nothing; or the gate, by a
 *                                                                     long transaction
 *
 * 4 ends with the medium. A word's holder waits for nothing, and who loads a page holds no page
 * that exists, so 7 ends with 5. 8 needs no gate, no frame and no credit, and ends with 7 and 4: a
 * page that is in it is in memory, so that nobody loads it. 5 and 6 end with the medium and 8, but
 * for frames that threads hold for new pages while they want more: the one circle that there can
 * be. Ten threads met it with 24 frames of the least size, and never with 64; it ends with
 * VELO_NOMEM (vl_cache_take_frame). 3 ends since holders of credit wait by 5, 6, 7
 * and 11 only: an operation gets credit before it looks at a page, and gives it back before it asks
 * for more. 2 ends since operations wait by 3 to 7 and 11, and none of these for a gate; it gives
 * way to long transactions. 1, 9, 12 and 13 end with these.
 *
 * Callers have to keep to what table.h and tree_key.h say: a thread that is in a leaf of a scan, or
 * has released one of long keys, changes nothing meanwhile; it would wait for itself. */
#define _GNU_SOURCE /* usleep, kill */

#include "lib/unit.h"
#include "stress_work.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Sanitizers and small pages make everything slower, and as much happens in fewer steps. */
#define STRESS_STEPS (VL_TSAN ? 60U : 200U)

/* Tries to open what a dead process has locked, a millisecond each: see vl_file_lock. */
#define STRESS_OPEN_TRIES 5000U

/* A store, and what is done to it. */
typedef struct stress_case {
    const char *path;         /* NULL: in memory */
    vl_io *io;                /* where */
    vl_sim *sim;              /* or NULL */
    vl_store_options options; /* how it is opened */
    uint32_t threads;         /* that change it */
    uint32_t readers;         /* that read meanwhile */
    uint64_t budget_max;      /* of the cache, which varies up to this; 0: it stays */
    int has_control;          /* ask for checkpoints */
    stress_model *model;      /* of it */
    vl_rng rng;               /* of the test */
} stress_case;

static uint64_t
stress_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

/* What most tests have in common. */
static void
stress_init(stress_case *one, uint64_t seed)
{
    memset(one, 0, sizeof *one);
    one->options.page_size = VL_PAGE_MIN_SIZE;
    one->options.cache_bytes = UINT64_C(128) * VL_PAGE_MIN_SIZE;
    one->options.log_limit_bytes = 65536;
    one->options.log_ring_bytes = 16384;
    one->options.may_create = 1;
    one->threads = 6;
    one->readers = 2;
    one->has_control = 1;
    one->budget_max = UINT64_C(256) * VL_PAGE_MIN_SIZE;
    vl_rng_init(&one->rng, unit_seed() + seed);
}

static stress_plan
stress_make_plan(stress_case *one, vl_store *store, uint64_t steps)
{
    stress_plan plan = {.store = store, .model = one->model, .sim = one->sim};

    plan.seed = vl_rng_next(&one->rng);
    plan.steps = steps;
    plan.reader_count = one->readers;
    plan.has_control = one->has_control;
    plan.budget_min = one->options.cache_bytes;
    plan.budget_max = one->budget_max != 0 ? one->budget_max : one->options.cache_bytes;
    return plan;
}

/* Whether nothing has gone wrong. */
static int
stress_is_well(const stress_case *one, const char *when)
{
    if (one->model->fault[0] != 0)
        unit_failed(__FILE__, __LINE__, "%s: %s", when, one->model->fault);
    return one->model->fault[0] == 0;
}

/* Open the store, make its trees if they are not there, compare and check. */
static vl_store *
stress_open(stress_case *one, stress_loss loss)
{
    vl_store *store = NULL;
    velo_status st = VELO_BUSY;

    for (uint32_t i = 0; st == VELO_BUSY && i < STRESS_OPEN_TRIES; i++) {
        st = vl_store_open(unit_ctx(), one->io, one->path, &one->options, &store);
        if (st == VELO_BUSY)
            (void)usleep(1000);
    }
    if (st != VELO_OK) {
        unit_failed(__FILE__, __LINE__, "the database does not open: %s", unit_ctx()->error.text);
        return NULL;
    }
    if (one->model->ids[0] != 0)
        stress_compare(unit_ctx(), store, one->model, loss);
    stress_check(unit_ctx(), store, one->model);
    return store;
}

/* ---- to a good end ---- */

/* All threads run; then compare, check, close, open, and the same again. */
static void
stress_life(stress_case *one, uint64_t steps)
{
    vl_store *store = stress_open(one, STRESS_NONE);
    stress_plan plan;

    CHECK(store != NULL);
    if (one->model->ids[0] == 0)
        CHECK_OK(stress_set_up(unit_ctx(), store, one->model));
    plan = stress_make_plan(one, store, steps);
    stress_run(&plan);
    if (stress_is_well(one, "while threads work"))
        stress_compare(unit_ctx(), store, one->model, STRESS_NONE);
    if (stress_is_well(one, "after the work")) {
        stress_check(unit_ctx(), store, one->model);
        stress_drop_private(unit_ctx(), store, one->model);
        stress_check(unit_ctx(), store, one->model);
    }
    (void)stress_is_well(one, "after the work");
    CHECK_OK(vl_store_close(unit_ctx(), store));
}

static void
stress_case_run(stress_case *one)
{
    uint64_t lives = stress_number("VELO_STRESS_ROUNDS", 1) + (one->path != NULL);
    uint64_t steps = stress_number("VELO_STRESS_STEPS", STRESS_STEPS);

    one->model = stress_model_create(one->options.page_size, one->threads);
    CHECK(one->model != NULL);
    for (uint64_t i = 0; i < lives && !unit_has_failed(); i++)
        stress_life(one, steps);
    stress_model_destroy(one->model);
}

/* On a simulated machine. */
static void
stress_case_simulated(stress_case *one)
{
    vl_sim_options options = {.seed = unit_seed(),
                              .has_synchronous_map = one->options.data_medium == VL_DATA_MAPPED};

    CHECK_OK(vl_sim_create(unit_ctx(), &options, &one->sim));
    CHECK_OK(vl_sim_open_io(unit_ctx(), one->sim, &one->io));
    one->path = "db";
    stress_case_run(one);
    vl_io_close(one->io);
    vl_sim_destroy(one->sim);
}

/* On real files. */
static void
stress_case_on_files(stress_case *one, vl_io_backend backend)
{
    vl_io_options options = {.backend = backend};

    if (vl_io_open(unit_ctx(), &options, &one->io) != VELO_OK) {
        unit_skip("%s", unit_ctx()->error.text);
        return;
    }
    one->path = unit_path("db");
    stress_case_run(one);
    vl_io_close(one->io);
}

static void
stress_threads_on_a_simulated_disk(void)
{
    stress_case one;

    stress_init(&one, 1);
    one.threads = 8;
    stress_case_simulated(&one);
}

static void
stress_threads_on_files_with_posix(void)
{
    stress_case one;

    stress_init(&one, 2);
    stress_case_on_files(&one, VL_IO_POSIX);
}

static void
stress_threads_on_files_with_io_uring(void)
{
    stress_case one;

    stress_init(&one, 3);
    one.options.has_background = 1;
    stress_case_on_files(&one, VL_IO_URING);
}

static void
stress_threads_with_a_background_thread(void)
{
    stress_case one;

    stress_init(&one, 4);
    one.options.has_background = 1;
    stress_case_simulated(&one);
}

static void
stress_threads_in_memory(void)
{
    stress_case one;

    stress_init(&one, 5);
    one.options.cache_bytes = 0;
    one.budget_max = 0;
    stress_case_run(&one);
}

/* Pages in place, and the log, in persistent memory. */
static void
stress_threads_in_persistent_memory(void)
{
    stress_case one;

    stress_init(&one, 11);
    one.options.data_medium = VL_DATA_MAPPED;
    one.options.log_medium = VL_WAL_MAPPED;
    one.options.has_background = 1;
    stress_case_simulated(&one);
}

/* Pages in place on a file, which is what all systems have. */
static void
stress_threads_on_a_mapped_file(void)
{
    stress_case one;

    stress_init(&one, 12);
    one.options.data_medium = VL_DATA_MAPPED;
    stress_case_on_files(&one, VL_IO_POSIX);
}

/* Waits for the ring, for frames, for copies and for checkpoints, all at once. */
static void
stress_hazard_9_nothing_waits_in_a_circle(void)
{
    stress_case one;

    for (uint32_t i = 0; i < 2 && !unit_has_failed(); i++) {
        stress_init(&one, 6 + i);
        one.threads = 8;
        one.options.cache_bytes = UINT64_C(64) * VL_PAGE_MIN_SIZE;
        one.budget_max = UINT64_C(80) * VL_PAGE_MIN_SIZE;
        one.options.log_limit_bytes = 4096;
        one.options.log_ring_bytes = 8192;
        one.options.has_background = (int)i;
        stress_case_simulated(&one);
    }
}

/* ---- power cuts ---- */

/* Threads work until the power fails at some operation; the store is as after a crash. */
static void
stress_work_until_cut(stress_case *one, uint64_t steps)
{
    vl_sim_fault cut = {.ops = VL_SIM_CHANGING};
    vl_store *store = stress_open(one, STRESS_CUT);
    stress_plan plan;

    CHECK(store != NULL);
    stress_drop_private(unit_ctx(), store, one->model);
    plan = stress_make_plan(one, store, steps);
    cut.kind = vl_rng_chance(&one->rng, 1, 2) ? VL_SIM_CUT_BEFORE : VL_SIM_CUT_AFTER;
    cut.nth = 1 + vl_rng_below(&one->rng, steps * one->threads);
    if (vl_rng_chance(&one->rng, 1, 4))
        cut.nth = 1 + vl_rng_below(&one->rng, 40);
    CHECK_OK(vl_sim_plan(unit_ctx(), one->sim, &cut));
    stress_run(&plan);
    vl_sim_plan_clear(one->sim);
    vl_store_abandon(store);
    (void)stress_is_well(one, "while threads work");
}

static void
stress_cut_lives(stress_case *one)
{
    uint64_t lives = stress_number("VELO_STRESS_ROUNDS", VL_TSAN ? 6 : 20);
    uint64_t steps = stress_number("VELO_STRESS_STEPS", STRESS_STEPS) / 4;
    vl_store *store = stress_open(one, STRESS_NONE);

    CHECK(store != NULL);
    CHECK_OK(stress_set_up(unit_ctx(), store, one->model));
    CHECK_OK(vl_store_close(unit_ctx(), store));
    for (uint64_t i = 0; i < lives && !unit_has_failed(); i++) {
        vl_sim_outcome outcome = {.seed = vl_rng_next(&one->rng)};

        outcome.keep = (vl_sim_keep)vl_rng_below(&one->rng, 4);
        outcome.has_garbage = vl_rng_chance(&one->rng, 1, 2);
        one->options.has_background = vl_rng_chance(&one->rng, 1, 2);
        stress_work_until_cut(one, steps);
        vl_io_close(one->io);
        CHECK_OK(vl_sim_cut_power(unit_ctx(), one->sim, &outcome));
        CHECK_OK(vl_sim_open_io(unit_ctx(), one->sim, &one->io));
    }
    store = stress_open(one, STRESS_CUT);
    CHECK(store != NULL);
    (void)stress_is_well(one, "after the last cut");
    CHECK_OK(vl_store_close(unit_ctx(), store));
}

static void
stress_power_cuts(vl_data_medium medium, uint64_t seed)
{
    vl_sim_options options = {.seed = unit_seed(), .has_synchronous_map = medium == VL_DATA_MAPPED};
    stress_case one;

    stress_init(&one, seed);
    one.options.data_medium = medium;
    one.readers = 1;
    one.path = "db";
    one.options.log_limit_bytes = 32768;
    one.model = stress_model_create(one.options.page_size, one.threads);
    CHECK(one.model != NULL);
    CHECK_OK(vl_sim_create(unit_ctx(), &options, &one.sim));
    CHECK_OK(vl_sim_open_io(unit_ctx(), one.sim, &one.io));
    stress_cut_lives(&one);
    vl_io_close(one.io);
    vl_sim_destroy(one.sim);
    stress_model_destroy(one.model);
}

static void
stress_power_cuts_leave_a_prefix_of_each_thread(void)
{
    stress_power_cuts(VL_DATA_FILE, 8);
}

static void
stress_power_cuts_in_persistent_memory_leave_a_prefix(void)
{
    stress_power_cuts(VL_DATA_MAPPED, 13);
}

/* ---- kills ---- */

/* The life of a child: it ends by being killed, or when all is done. */
static void
stress_child(stress_case *one, vl_io_backend backend, uint64_t steps)
{
    vl_io_options options = {.backend = backend};
    stress_plan plan;
    vl_store *store;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    if (vl_io_open(&ctx, &options, &one->io) != VELO_OK ||
        vl_store_open(&ctx, one->io, one->path, &one->options, &store) != VELO_OK) {
        stress_fault(one->model, &ctx, "the child cannot open the database");
        _exit(1);
    }
    plan = stress_make_plan(one, store, steps);
    stress_run(&plan);
    _exit(0);
}

/* Let a child work, and kill it when all threads have done so many steps, or a little later. */
static void
stress_kill_child(stress_case *one, vl_io_backend backend, uint64_t steps)
{
    uint64_t target = vl_rng_below(&one->rng, steps * one->threads);
    uint64_t more = vl_rng_below(&one->rng, 20);
    pid_t child, done = 0;
    int status = 0;

    fflush(NULL);
    child = fork();
    if (child == 0)
        stress_child(one, backend, steps);
    CHECK(child > 0);
    while (done == 0 && (atomic_load(&one->model->steps) < target || more-- > 0)) {
        (void)usleep(100);
        done = waitpid(child, &status, WNOHANG);
    }
    if (done == 0) {
        (void)kill(child, SIGKILL);
        CHECK(waitpid(child, &status, 0) == child);
    }
    CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
}

static void
stress_kill_lives(stress_case *one, vl_io_backend backend)
{
    uint64_t lives = stress_number("VELO_STRESS_ROUNDS", VL_TSAN ? 4 : 10);
    uint64_t steps = stress_number("VELO_STRESS_STEPS", STRESS_STEPS);
    vl_io_options options = {.backend = backend};
    vl_store *store;

    for (uint64_t i = 0; i <= lives && !unit_has_failed(); i++) {
        CHECK_OK(vl_io_open(unit_ctx(), &options, &one->io));
        store = stress_open(one, i == 0 ? STRESS_NONE : STRESS_KILL);
        CHECK(store != NULL);
        if (i == 0)
            CHECK_OK(stress_set_up(unit_ctx(), store, one->model));
        stress_drop_private(unit_ctx(), store, one->model);
        if (vl_rng_chance(&one->rng, 1, 2))
            CHECK_OK(vl_store_close(unit_ctx(), store));
        else
            vl_store_abandon(store); /* dies, too */
        vl_io_close(one->io);
        if (!stress_is_well(one, "after a kill"))
            return;
        if (i < lives)
            stress_kill_child(one, backend, steps);
        (void)stress_is_well(one, "in the child");
    }
}

static void
stress_kills(vl_io_backend backend, vl_data_medium medium, int has_background, uint64_t seed)
{
    vl_io_options options = {.backend = backend};
    stress_case one;

    stress_init(&one, seed);
    if (vl_io_open(unit_ctx(), &options, &one.io) != VELO_OK) {
        unit_skip("%s", unit_ctx()->error.text);
        return;
    }
    vl_io_close(one.io);
    one.path = unit_path("db");
    one.readers = 1;
    one.options.data_medium = medium;
    one.options.has_background = has_background;
    one.model = stress_model_create(one.options.page_size, one.threads);
    CHECK(one.model != NULL);
    stress_kill_lives(&one, backend);
    stress_model_destroy(one.model);
}

static void
stress_kills_lose_nothing_acknowledged_with_posix(void)
{
    stress_kills(VL_IO_POSIX, VL_DATA_FILE, 0, 9);
}

static void
stress_kills_lose_nothing_acknowledged_with_io_uring(void)
{
    stress_kills(VL_IO_URING, VL_DATA_FILE, 1, 10);
}

/* What a process has stored the next one sees, persistent or not. */
static void
stress_kills_lose_nothing_acknowledged_on_a_mapping(void)
{
    (void)setenv("VELO_PMEM", "force", 1);
    stress_kills(VL_IO_POSIX, VL_DATA_MAPPED, 1, 14);
    (void)unsetenv("VELO_PMEM");
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(stress_threads_on_a_simulated_disk),
        UNIT_TEST(stress_threads_on_files_with_posix),
        UNIT_TEST(stress_threads_on_files_with_io_uring),
        UNIT_TEST(stress_threads_with_a_background_thread),
        UNIT_TEST(stress_threads_in_memory),
        UNIT_TEST(stress_threads_in_persistent_memory),
        UNIT_TEST(stress_threads_on_a_mapped_file),
        UNIT_TEST(stress_hazard_9_nothing_waits_in_a_circle),
        UNIT_TEST(stress_power_cuts_leave_a_prefix_of_each_thread),
        UNIT_TEST(stress_power_cuts_in_persistent_memory_leave_a_prefix),
        UNIT_TEST(stress_kills_lose_nothing_acknowledged_with_posix),
        UNIT_TEST(stress_kills_lose_nothing_acknowledged_with_io_uring),
        UNIT_TEST(stress_kills_lose_nothing_acknowledged_on_a_mapping),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
