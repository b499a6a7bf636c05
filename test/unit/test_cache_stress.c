/* test_cache_stress.c - many threads, few frames, checkpoints, evictions and power cuts at once.
 *
 * Pages come in pairs that every section changes together, so that whoever latches both, and every
 * checkpoint, must see them alike. Each writer also adds and frees pages of its own. */
#include "base/hash.h"
#include "base/thread.h"
#include "lib/unit.h"
#include "storage/cache_int.h"
#include "storage/cache_verify.h"
#include "unit/cache_model.h"

#include <string.h>

#define STRESS_PAIRS   40U
#define STRESS_WRITERS 2U
#define STRESS_OWN     12U /* pages of a writer's own, at most */

/* What a run has done at least when it ends. */
#define STRESS_CHECKPOINTS 20U
#define STRESS_CUTS        5U

/* What a page holds behind its header: all of it follows from pair and version. */
typedef struct stress_content {
    vl_page_header header;
    uint64_t pair;     /* or UINT64_MAX for a writer's own page */
    uint64_t version;  /* of both */
    uint64_t words[8]; /* each vl_mix64(version + i) */
} stress_content;

static struct {
    vl_sim *sim;
    vl_io *io;
    vl_volume *volume;
    vl_cache *cache;
    vl_pid pairs[STRESS_PAIRS][2]; /* rising */
    _Atomic uint64_t round_count;  /* sections made so far */
    uint64_t round_limit;          /* after so many all may end */
    _Atomic uint64_t read_count;   /* pages compared */
    _Atomic uint64_t checkpoints;  /* made */
    _Atomic uint64_t cuts;         /* power cuts looked at */
    _Atomic int wrong;             /* line of the first failure, 0 for none */
    char text[VL_ERROR_TEXT_SIZE]; /* its words */
    vl_latch text_latch;
} stress;

static void
stress_fail(int line, const vl_ctx *ctx)
{
    int none = 0;

    vl_latch_acquire_exclusive(&stress.text_latch);
    if (atomic_compare_exchange_strong(&stress.wrong, &none, line) && ctx != NULL)
        memcpy(stress.text, ctx->error.text, sizeof stress.text);
    vl_latch_release_exclusive(&stress.text_latch);
}

#define STRESS_EXPECT(condition)                                                                   \
    do {                                                                                           \
        if (!(condition))                                                                          \
            stress_fail(__LINE__, NULL);                                                           \
    } while (0)

#define STRESS_OK(call)                                                                            \
    do {                                                                                           \
        if ((call) != VELO_OK)                                                                     \
            stress_fail(__LINE__, ctx);                                                            \
    } while (0)

static int
stress_goes_on(void)
{
    int is_done = atomic_load(&stress.round_count) >= stress.round_limit &&
                  atomic_load(&stress.checkpoints) >= STRESS_CHECKPOINTS &&
                  atomic_load(&stress.cuts) >= STRESS_CUTS && atomic_load(&stress.read_count) > 0;

    return !is_done && atomic_load(&stress.wrong) == 0;
}

static void
stress_fill(void *page, vl_pid pid, uint64_t pair, uint64_t version)
{
    stress_content *content = page;

    model_fill(page, pid, 0); /* a page that is well formed */
    content->pair = pair;
    content->version = version;
    for (unsigned i = 0; i < VL_ARRAY_COUNT(content->words); i++)
        content->words[i] = vl_mix64(version + i);
}

static int
stress_is_whole(const void *page, vl_pid pid, uint64_t pair)
{
    const stress_content *content = page;

    if (content->header.pid != pid || content->pair != pair)
        return 0;
    for (unsigned i = 0; i < VL_ARRAY_COUNT(content->words); i++)
        if (content->words[i] != vl_mix64(content->version + i))
            return 0;
    return 1;
}

static uint64_t
stress_version(const vl_page_ref *ref)
{
    return ((const stress_content *)ref->page)->version;
}

/* ---- writers ---- */

/* Latch both pages of a pair, exclusively or shared. */
static int
stress_latch_pair(vl_ctx *ctx, vl_cache *cache, uint32_t pair, int is_exclusive,
                  vl_page_ref refs[2])
{
    for (;;) {
        vl_pid missing = stress.pairs[pair][0];
        int done = is_exclusive ? vl_cache_exclusive(cache, missing, &refs[0])
                                : vl_cache_shared(cache, missing, &refs[0]);

        if (done) {
            missing = stress.pairs[pair][1];
            done = is_exclusive ? vl_cache_exclusive(cache, missing, &refs[1])
                                : vl_cache_shared(cache, missing, &refs[1]);
            if (done)
                return 1;
            if (is_exclusive)
                vl_cache_release_exclusive(cache, &refs[0]);
            else
                vl_cache_release_shared(cache, &refs[0]);
        }
        if (vl_cache_load(ctx, cache, missing) != VELO_OK) {
            stress_fail(__LINE__, ctx);
            return 0;
        }
    }
}

/* Change a pair in one section, and with it add a page or free one of the writer's own. */
static void
stress_write(vl_ctx *ctx, vl_rng *rng, uint32_t pair, vl_pid *own, uint32_t *own_count)
{
    vl_cache *cache = stress.cache;
    int adds = vl_rng_chance(rng, 1, 4) && *own_count < STRESS_OWN;
    int frees = !adds && vl_rng_chance(rng, 1, 4) && *own_count > 0;
    uint32_t victim = frees ? (uint32_t)vl_rng_below(rng, *own_count) : 0;
    vl_page_ref refs[2];
    vl_page_ref added = {0};
    vl_page_ref old = {0};
    vl_change change;
    int is_done = 0;

    vl_change_begin(cache, &change);
    if (adds && vl_change_new_page(ctx, &change, &added) != VELO_OK) {
        stress_fail(__LINE__, ctx);
        vl_change_end(&change);
        return;
    }
    while (!is_done && stress_latch_pair(ctx, cache, pair, 1, refs)) {
        int is_here = !frees || vl_cache_exclusive(cache, own[victim], &old);

        is_done = is_here && vl_change_prepare(&change, &refs[0]) &&
                  vl_change_prepare(&change, &refs[1]) &&
                  (!frees || vl_change_prepare_free(&change, &old)) && vl_change_enter(&change);
        if (is_done)
            break;
        vl_cache_release_exclusive(cache, &old);
        vl_cache_release_exclusive(cache, &refs[1]);
        vl_cache_release_exclusive(cache, &refs[0]);
        if (!is_here)
            STRESS_OK(vl_cache_load(ctx, cache, own[victim]));
        STRESS_OK(vl_change_wait(ctx, &change));
        if (atomic_load(&stress.wrong) != 0)
            break;
    }
    if (is_done) {
        uint64_t version = stress_version(&refs[0]) + 1;

        STRESS_EXPECT(stress_is_whole(refs[0].page, refs[0].pid, pair));
        STRESS_EXPECT(stress_is_whole(refs[1].page, refs[1].pid, pair));
        STRESS_EXPECT(version == stress_version(&refs[1]) + 1);
        STRESS_EXPECT(!frees || stress_is_whole(old.page, own[victim], UINT64_MAX));
        stress_fill(refs[0].page, refs[0].pid, pair, version);
        stress_fill(refs[1].page, refs[1].pid, pair, version);
        if (adds)
            stress_fill(added.page, added.pid, UINT64_MAX, version);
        vl_change_leave(&change);
        vl_cache_release_exclusive(cache, &refs[1]);
        vl_cache_release_exclusive(cache, &refs[0]);
        vl_cache_release_exclusive(cache, &added);
        if (adds)
            own[(*own_count)++] = added.pid;
        if (frees)
            own[victim] = own[--*own_count];
    }
    vl_change_end(&change);
}

static void
stress_writer_main(void *argument)
{
    vl_pid own[STRESS_OWN];
    uint32_t own_count = 0;
    vl_ctx ctx;
    vl_rng rng;

    vl_ctx_init(&ctx, NULL, NULL);
    vl_rng_init(&rng, unit_seed() + (uintptr_t)argument);
    while (stress_goes_on()) {
        stress_write(&ctx, &rng, (uint32_t)vl_rng_below(&rng, STRESS_PAIRS), own, &own_count);
        atomic_fetch_add(&stress.round_count, 1);
    }
}

/* ---- readers ---- */

/* Two pages read optimistically: alike if both were true at one moment. */
static void
stress_peek(vl_cache *cache, uint32_t pair)
{
    vl_page_peek left;
    vl_page_peek right;
    uint64_t versions[2];
    int is_true;

    if (!vl_cache_peek(cache, stress.pairs[pair][0], &left))
        return;
    if (!vl_cache_peek(cache, stress.pairs[pair][1], &right)) {
        (void)vl_peek_end(&left);
        return;
    }
    versions[0] = vl_racy_load64(&((const stress_content *)left.page)->version);
    versions[1] = vl_racy_load64(&((const stress_content *)right.page)->version);
    is_true = vl_peek_valid(&right) && vl_peek_valid(&left);
    is_true = vl_peek_end(&right) && is_true;
    is_true = vl_peek_end(&left) && is_true;
    if (is_true) {
        STRESS_EXPECT(versions[0] == versions[1]);
        atomic_fetch_add(&stress.read_count, 1);
    }
}

static void
stress_share(vl_ctx *ctx, vl_cache *cache, uint32_t pair)
{
    vl_page_ref refs[2];

    if (!stress_latch_pair(ctx, cache, pair, 0, refs))
        return;
    STRESS_EXPECT(stress_version(&refs[0]) == stress_version(&refs[1]));
    for (unsigned i = 0; i < 2; i++)
        STRESS_EXPECT(stress_is_whole(refs[i].page, stress.pairs[pair][i], pair));
    vl_cache_release_shared(cache, &refs[1]);
    vl_cache_release_shared(cache, &refs[0]);
    atomic_fetch_add(&stress.read_count, 1);
}

static void
stress_reader_main(void *argument)
{
    vl_pid batch[8];
    vl_ctx ctx;
    vl_rng rng;

    vl_ctx_init(&ctx, NULL, NULL);
    vl_rng_init(&rng, unit_seed() + 100 + (uintptr_t)argument);
    while (stress_goes_on()) {
        uint32_t pair = (uint32_t)vl_rng_below(&rng, STRESS_PAIRS);

        if (vl_rng_chance(&rng, 1, 2))
            stress_peek(stress.cache, pair);
        else
            stress_share(&ctx, stress.cache, pair);
        if (vl_rng_chance(&rng, 1, 16)) {
            for (unsigned i = 0; i < VL_ARRAY_COUNT(batch); i++)
                batch[i] = stress.pairs[vl_rng_below(&rng, STRESS_PAIRS)][i % 2];
            vl_cache_load_batch(stress.cache, batch, VL_ARRAY_COUNT(batch));
        }
        if (vl_rng_chance(&rng, 1, 16)) { /* a number that is out of date, or was never one */
            velo_status st =
                vl_cache_load(&ctx, stress.cache, (vl_pid)vl_rng_below(&rng, 4 * STRESS_PAIRS));

            STRESS_EXPECT(st == VELO_OK || st == VELO_CORRUPT);
        }
    }
}

/* ---- the background ---- */

static void
stress_checkpoint_main(void *argument)
{
    vl_ctx context;
    vl_ctx *ctx = &context;

    (void)argument;
    vl_ctx_init(ctx, NULL, NULL);
    while (stress_goes_on()) {
        STRESS_OK(vl_checkpoint_run(ctx, stress.cache, NULL, model_fill_super, NULL));
        STRESS_OK(vl_cache_tend(ctx, stress.cache));
        atomic_fetch_add(&stress.checkpoints, 1);
    }
}

/* All pairs of a database are whole and alike. */
static void
stress_check_pairs(vl_ctx *ctx, vl_cache *cache)
{
    for (uint32_t pair = 0; pair < STRESS_PAIRS && atomic_load(&stress.wrong) == 0; pair++)
        stress_share(ctx, cache, pair);
}

/* Power cuts of copies of the machine. */
static void
stress_cut_main(void *argument)
{
    vl_ctx context;
    vl_ctx *ctx = &context;

    (void)argument;
    vl_ctx_init(ctx, NULL, NULL);
    while (stress_goes_on()) {
        cache_model opened = {0};
        uint64_t page_count;
        velo_status st = vl_sim_clone(ctx, stress.sim, &opened.sim);

        if (st == VELO_OK)
            st = vl_sim_cut_power(ctx, opened.sim, NULL);
        if (st == VELO_OK)
            st = model_open_on(ctx, opened.sim, 24, &opened);
        STRESS_OK(st);
        if (st == VELO_OK) {
            stress_check_pairs(ctx, opened.cache);
            STRESS_OK(vl_volume_make_writable(ctx, opened.volume));
            STRESS_OK(vl_cache_verify_durable(ctx, opened.cache, &page_count));
        }
        model_destroy(&opened);
        atomic_fetch_add(&stress.cuts, 1);
    }
}

/* ---- the run ---- */

/* Add the pairs, and make them durable. */
static velo_status
stress_prepare(vl_ctx *ctx)
{
    for (uint32_t pair = 0; pair < STRESS_PAIRS; pair++) {
        vl_page_ref refs[2] = {{0}, {0}};
        vl_change change;
        velo_status st = VELO_OK;

        vl_change_begin(stress.cache, &change);
        for (unsigned i = 0; i < 2 && st == VELO_OK; i++)
            st = vl_change_new_page(ctx, &change, &refs[i]);
        if (st == VELO_OK && vl_change_enter(&change)) {
            for (unsigned i = 0; i < 2; i++) {
                stress.pairs[pair][i] = refs[i].pid;
                stress_fill(refs[i].page, refs[i].pid, pair, 1);
            }
            vl_change_leave(&change);
        }
        vl_cache_release_exclusive(stress.cache, &refs[0]);
        vl_cache_release_exclusive(stress.cache, &refs[1]);
        vl_change_end(&change);
        if (st != VELO_OK)
            return st;
    }
    return vl_checkpoint_run(ctx, stress.cache, NULL, model_fill_super, NULL);
}

static void
stress_start_and_join(void)
{
    vl_thread threads[STRESS_WRITERS + 4];
    unsigned count = 0;

    for (uintptr_t i = 0; i < STRESS_WRITERS; i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[count++], "writer", stress_writer_main,
                                 (void *)i));
    for (uintptr_t i = 0; i < 2; i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[count++], "reader", stress_reader_main,
                                 (void *)i));
    CHECK_OK(
        vl_thread_start(unit_ctx(), &threads[count++], "checkpoint", stress_checkpoint_main, NULL));
    CHECK_OK(vl_thread_start(unit_ctx(), &threads[count++], "cut", stress_cut_main, NULL));
    for (unsigned i = 0; i < count; i++)
        vl_thread_join(&threads[i]);
}

static void
stress_run(uint32_t frames, uint64_t rounds)
{
    vl_sim_options options = model_machine(0);
    cache_model model = {0};
    vl_cache_stats stats;

    memset(&stress, 0, sizeof stress);
    vl_latch_init(&stress.text_latch, VL_RANK_NONE);
    CHECK_OK(vl_sim_create(unit_ctx(), &options, &model.sim));
    CHECK_OK(model_open_on(unit_ctx(), model.sim, frames, &model));
    stress.sim = model.sim;
    stress.cache = model.cache;
    stress.round_limit = rounds;
    CHECK_OK(stress_prepare(unit_ctx()));
    stress_start_and_join();
    if (atomic_load(&stress.wrong) != 0)
        unit_failed(__FILE__, atomic_load(&stress.wrong), "with %u frames: %s", frames,
                    stress.text);
    if (vl_cache_verify(unit_ctx(), stress.cache) != VELO_OK ||
        vl_checkpoint_run(unit_ctx(), stress.cache, NULL, NULL, NULL) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", unit_ctx()->error.text);
    vl_cache_get_stats(stress.cache, &stats);
    CHECK((stats.place_count > 0) == vl_cache_has_direct(stress.cache));
    CHECK((stats.lift_count > 0) == vl_cache_has_direct(stress.cache));
    model_close(&model);
    if (model_open_on(unit_ctx(), model.sim, frames, &model) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", unit_ctx()->error.text);
    else
        stress_check_pairs(unit_ctx(), model.cache);
    if (atomic_load(&stress.wrong) != 0)
        unit_failed(__FILE__, atomic_load(&stress.wrong), "at the end: %s", stress.text);
    model_destroy(&model);
}

static void
cache_stress_with_few_frames(void)
{
    stress_run(64, VL_TSAN || VL_ASAN ? 1500 : 6000);
}

static void
cache_stress_with_many_frames(void)
{
    stress_run(256, VL_TSAN || VL_ASAN ? 1500 : 6000);
}

/* The same with pages in place: what a reader holds or has found to be true never changed under
 * him, though their blocks are written anew all the time (hazard 37). */
static void
cache_stress_on(model_medium medium)
{
    model_use(medium);
    stress_run(64, VL_TSAN || VL_ASAN ? 1500 : 4000);
    model_use(MODEL_FILE);
}

static void
hazard_37_pages_in_place_stay_as_they_are(void)
{
    cache_stress_on(MODEL_MAPPED);
}

static void
hazard_37_pages_in_persistent_memory_stay_as_they_are(void)
{
    cache_stress_on(MODEL_PERSISTENT);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(cache_stress_with_few_frames),
        UNIT_TEST(cache_stress_with_many_frames),
        UNIT_TEST(hazard_37_pages_in_place_stay_as_they_are),
        UNIT_TEST(hazard_37_pages_in_persistent_memory_stay_as_they_are),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
