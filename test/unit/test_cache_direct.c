/* test_cache_direct.c - pages that are read where they lie: what that saves, and what keeps the
 * bytes under a reader as they are (hazard 37). The tests of checkpoints, crashes and threads run
 * on such pages too. */
#define _GNU_SOURCE /* setenv, fork */
#include "lib/unit.h"
#include "os/persist.h"
#include "storage/cache_int.h"
#include "unit/cache_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK_MODEL(call)                                                                          \
    do {                                                                                           \
        velo_status check_status = (call);                                                         \
        if (check_status != VELO_OK) {                                                             \
            unit_failed(__FILE__, __LINE__, "%s: %s: %s", #call, velo_status_name(check_status),   \
                        unit_ctx()->error.text);                                                   \
            goto end;                                                                              \
        }                                                                                          \
    } while (0)

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            unit_failed(__FILE__, __LINE__, "%s", #condition);                                     \
            goto end;                                                                              \
        }                                                                                          \
    } while (0)

/* Whether an address is one of the mapping. */
static int
direct_is_in_place(const cache_model *model, const void *at)
{
    vl_volume_view view = vl_volume_get_view(model->volume);

    return view.base != NULL && (uintptr_t)at >= (uintptr_t)view.base &&
           (uintptr_t)at < (uintptr_t)view.base + view.block_count * MODEL_PAGE_SIZE;
}

/* The block in which a page that is in place lies. */
static uint64_t
direct_block(const cache_model *model, const vl_page_ref *ref)
{
    return ((uintptr_t)ref->page - (uintptr_t)vl_volume_get_view(model->volume).base) /
           MODEL_PAGE_SIZE;
}

/* A database of so many pages, opened anew. */
static velo_status
direct_create(cache_model *model, model_medium medium, uint32_t frames, uint32_t pages)
{
    model_use(medium);
    VL_TRY(model_create(unit_ctx(), frames, unit_seed(), model));
    VL_TRY(model_grow(unit_ctx(), model, pages));
    VL_TRY(model_checkpoint(unit_ctx(), model));
    return model_reopen(unit_ctx(), frames, model);
}

static void
direct_destroy(cache_model *model)
{
    model_destroy(model);
    model_use(MODEL_FILE);
}

/* Latch a page shared, whatever that takes. */
static velo_status
direct_share(cache_model *model, vl_pid pid, vl_page_ref *ref)
{
    while (!vl_cache_shared(model->cache, pid, ref))
        VL_TRY(vl_cache_load(unit_ctx(), model->cache, pid));
    return VELO_OK;
}

static velo_status
direct_change(cache_model *model, vl_pid pid)
{
    model_step step = {.change_count = 1, .pages = {pid}};

    return model_do(unit_ctx(), model, &step);
}

/* ---- memory ---- */

/* All pages of a file many times larger than the cache stay in memory and take no frame: only map
 * pages do. */
static void
direct_clean_pages_take_no_frame(void)
{
    static cache_model model;
    vl_cache_stats before;
    vl_cache_stats stats;
    uint64_t used;

    CHECK_MODEL(direct_create(&model, MODEL_MAPPED, 32, 1500));
    vl_cache_get_stats(model.cache, &before);
    for (unsigned round = 0; round < 2; round++)
        CHECK_MODEL(model_check(unit_ctx(), &model, &model.now));
    vl_cache_get_stats(model.cache, &stats);
    used = stats.frame_count - stats.free_count;
    if (vl_volume_get_view(model.volume).block_count > 4096) {
        EXPECT(stats.place_count == 1500); /* the second time they were there */
        EXPECT(stats.load_count - stats.place_count == used);
        EXPECT(used <= 1500 / (MODEL_PAGE_SIZE / 16 - VL_PAGEMAP_FIRST) + 2);
        EXPECT(stats.evict_count == 0);
    } else { /* the tiny build has little address space: the rest comes and goes in frames */
        EXPECT(stats.place_count > 0 && stats.place_count < 1500);
    }
    EXPECT(stats.frame_count == before.frame_count);
end:
    direct_destroy(&model);
}

/* After a checkpoint the pages that it wrote take no frame either. */
static void
direct_checkpoint_gives_frames_back(void)
{
    static cache_model model;
    vl_cache_stats stats;
    vl_page_ref ref = {0};

    CHECK_MODEL(direct_create(&model, MODEL_PERSISTENT, 64, 20));
    for (vl_pid pid = 4; pid < 14; pid++)
        CHECK_MODEL(direct_change(&model, pid));
    vl_cache_get_stats(model.cache, &stats);
    EXPECT(stats.lift_count == 10 && stats.dirty_count >= 10);
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    vl_cache_get_stats(model.cache, &stats);
    EXPECT(stats.frame_count - stats.free_count < 10);
    for (vl_pid pid = 4; pid < 14; pid++) {
        CHECK_MODEL(direct_share(&model, pid, &ref));
        EXPECT(direct_is_in_place(&model, ref.page));
        EXPECT(model_is_filled(ref.page, pid, model.now.versions[pid]));
        vl_cache_release_shared(model.cache, &ref);
    }
    CHECK_MODEL(model_verify(unit_ctx(), &model));
end:
    vl_cache_release_shared(model.cache, &ref);
    direct_destroy(&model);
}

/* ---- hazard 37 ---- */

/* Who latches a page exclusively has it in a frame; what was in place stays as it is. */
static void
direct_hazard_37_change_leaves_the_block_alone(void)
{
    static cache_model model;
    static uint8_t before[MODEL_PAGE_SIZE];
    const uint8_t *base;
    vl_page_ref ref = {0};
    uint64_t block;

    CHECK_MODEL(direct_create(&model, MODEL_PERSISTENT, 64, 20));
    base = vl_volume_get_view(model.volume).base;
    CHECK_MODEL(direct_share(&model, 7, &ref));
    EXPECT(direct_is_in_place(&model, ref.page));
    block = direct_block(&model, &ref);
    memcpy(before, ref.page, sizeof before);
    vl_cache_release_shared(model.cache, &ref);
    EXPECT(vl_cache_exclusive(model.cache, 7, &ref));
    EXPECT(!direct_is_in_place(&model, ref.page));
    EXPECT(memcmp(ref.page, before, sizeof before) == 0);
    vl_cache_release_exclusive(model.cache, &ref);
    CHECK_MODEL(direct_change(&model, 7));
    EXPECT(memcmp(base + block * MODEL_PAGE_SIZE, before, sizeof before) == 0);
    CHECK_MODEL(direct_share(&model, 7, &ref)); /* everybody sees the changed page */
    EXPECT(model_is_filled(ref.page, 7, model.now.versions[7]));
    vl_cache_release_shared(model.cache, &ref);
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    EXPECT(memcmp(base + block * MODEL_PAGE_SIZE, before, sizeof before) == 0);
    CHECK_MODEL(direct_share(&model, 7, &ref));
    EXPECT(direct_block(&model, &ref) != block);
    EXPECT(model_is_filled(ref.page, 7, model.now.versions[7]));
end:
    if (!unit_has_failed())
        vl_cache_release_shared(model.cache, &ref);
    direct_destroy(&model);
}

/* Change all pages but one and write checkpoints, so that every free block is used. */
static velo_status
direct_churn(cache_model *model, vl_pid but, unsigned rounds)
{
    for (unsigned round = 0; round < rounds; round++) {
        for (vl_pid pid = 0; pid < MODEL_PIDS; pid++)
            if (model->now.versions[pid] != 0 && pid != but)
                VL_TRY(direct_change(model, pid));
        VL_TRY(model_checkpoint(unit_ctx(), model));
    }
    return VELO_OK;
}

/* Whoever holds a page in place keeps it: its block is not written anew, whatever else is. */
static void
direct_hazard_37_block_stays_under_a_holder(void)
{
    static cache_model model;
    vl_page_ref ref = {0};
    vl_page_ref held = {0};
    uint32_t version;

    CHECK_MODEL(direct_create(&model, MODEL_PERSISTENT, 64, 40));
    version = model.now.versions[9];
    CHECK_MODEL(direct_share(&model, 9, &ref));
    EXPECT(direct_is_in_place(&model, ref.page));
    /* The thread may hold nothing while it loads: keep the latch, but not in its own list. */
    held = ref;
    vl_cache_note_released(ref.word);
    ref.page = NULL;
    CHECK_MODEL(direct_churn(&model, 9, 6));
    EXPECT(model_is_filled(held.page, 9, version));
    EXPECT(vl_volume_sets_of(model.volume, direct_block(&model, &held)) ==
           (VL_SPACE_LIVE | VL_SPACE_DURABLE));
    vl_cache_note_acquired(held.word);
    vl_cache_release_shared(model.cache, &held);
    CHECK_MODEL(model_verify(unit_ctx(), &model));
end:
    direct_destroy(&model);
}

/* Whoever reads a page in place optimistically finds out before he reads what has taken the block:
 * the word moves on first. */
static void
direct_hazard_37_word_leaves_the_block_first(void)
{
    static cache_model model;
    vl_page_peek peek;
    uint64_t block;
    unsigned round;

    CHECK_MODEL(direct_create(&model, MODEL_PERSISTENT, 64, 40));
    CHECK_MODEL(model_check_page(unit_ctx(), model.cache, &model.now, 9));
    EXPECT(vl_cache_peek(model.cache, 9, &peek));
    EXPECT(direct_is_in_place(&model, peek.page));
    EXPECT(vl_peek_valid(&peek));
#if VL_TSAN
    (void)vl_peek_end(&peek); /* it holds the page */
#endif
    block =
        ((uintptr_t)peek.page - (uintptr_t)vl_volume_get_view(model.volume).base) / MODEL_PAGE_SIZE;
    CHECK_MODEL(direct_change(&model, 9));
#if !VL_TSAN
    EXPECT(!vl_peek_valid(&peek)); /* nothing has been written to the block yet */
#endif
    EXPECT(model_is_filled(peek.page, 9, model.durable.versions[9]));
    for (round = 0; round < 20 && vl_volume_sets_of(model.volume, block) != 0; round++)
        CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    EXPECT(vl_volume_sets_of(model.volume, block) == 0);
    for (round = 0; round < 40 && vl_volume_sets_of(model.volume, block) == 0; round++)
        CHECK_MODEL(direct_churn(&model, 0, 1));
    EXPECT(!model_is_filled(peek.page, 9, model.now.versions[9]) ||
           vl_volume_sets_of(model.volume, block) != 0);
#if !VL_TSAN
    EXPECT(!vl_peek_end(&peek));
#endif
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.now));
end:
    direct_destroy(&model);
}

/* One past the last block that is in use. */
static uint64_t
direct_used_end(const cache_model *model)
{
    vl_volume_stats stats;
    uint64_t end;

    vl_volume_get_stats(model->volume, &stats);
    for (end = stats.block_count; end > 0; end--)
        if (vl_volume_sets_of(model->volume, end - 1) != 0)
            break;
    return end;
}

/* Free most pages of a large file, all but one below each map page, and move these until they lie
 * in its first half. */
static velo_status
direct_empty_the_tail(cache_model *model)
{
    vl_volume_stats stats;

    for (vl_pid pid = MODEL_PIDS - 1; pid > 0; pid--) {
        model_step step = {.free_count = 1, .pages = {pid}};

        if (model->now.versions[pid] != 0 &&
            pid % vl_pagemap_fanout(MODEL_PAGE_SIZE) != VL_PAGEMAP_FIRST)
            VL_TRY(model_do(unit_ctx(), model, &step));
    }
    for (unsigned round = 0; round < 1000; round++) {
        VL_TRY(direct_churn(model, 0, 1));
        vl_volume_get_stats(model->volume, &stats);
        if (direct_used_end(model) < stats.block_count / 2)
            return VELO_OK;
    }
    return vl_fail(unit_ctx(), VELO_INTERNAL, "the end of the file stays in use");
}

/* The file is not cut while somebody may look at its end, only when it is closed. */
static void
direct_hazard_37_file_is_cut_at_close_only(void)
{
    static cache_model model;
    vl_volume_stats before;
    vl_volume_stats stats;
    vl_superblock next;

    CHECK_MODEL(direct_create(&model, MODEL_PERSISTENT, 64, 1500));
    CHECK_MODEL(direct_churn(&model, 0, 2));
    vl_volume_get_stats(model.volume, &before);
    CHECK_MODEL(direct_empty_the_tail(&model));
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    vl_volume_get_stats(model.volume, &stats);
    EXPECT(stats.block_count == before.block_count);
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.now));
    next = *vl_volume_super(model.volume);
    next.flags = VL_SUPER_CLEAN;
    vl_cache_destroy(model.cache);
    model.cache = NULL;
    vl_volume_begin_checkpoint(model.volume);
    CHECK_MODEL(vl_volume_commit_checkpoint(unit_ctx(), model.volume, &next));
    vl_volume_get_stats(model.volume, &before);
    EXPECT(before.block_count < stats.block_count);
    model.durable.checkpoint++;
    CHECK_MODEL(model_reopen(unit_ctx(), 64, &model));
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.durable));
end:
    direct_destroy(&model);
}

/* A file that grows is mapped in place: the pages that are there stay where they are. */
static void
direct_hazard_37_growth_moves_nothing(void)
{
    static cache_model model;
    vl_page_ref ref = {0};
    const void *at;
    uint64_t blocks;
    vl_volume_stats stats;

    CHECK_MODEL(direct_create(&model, MODEL_PERSISTENT, 64, 20));
    CHECK_MODEL(direct_share(&model, 5, &ref));
    at = ref.page;
    vl_cache_release_shared(model.cache, &ref);
    CHECK_MODEL(vl_volume_make_writable(unit_ctx(), model.volume));
    vl_volume_get_stats(model.volume, &stats);
    blocks = stats.block_count;
    CHECK_MODEL(model_grow(unit_ctx(), &model, 1000));
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    vl_volume_get_stats(model.volume, &stats);
    EXPECT(stats.block_count > blocks);
    EXPECT(vl_cache_shared(model.cache, 5, &ref));
    EXPECT(ref.page == at);
    vl_cache_release_shared(model.cache, &ref);
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.now));
end:
    direct_destroy(&model);
}

/* With all frames taken a writer waits for one, as for a page that is absent. */
static void
direct_writers_wait_for_frames(void)
{
    static cache_model model;
    vl_page_ref ref = {0};
    uint32_t frames[2 * VL_CACHE_MIN_FRAMES];
    uint32_t count = 0;

    CHECK_MODEL(direct_create(&model, MODEL_MAPPED, 32, 20));
    CHECK_MODEL(model_check_page(unit_ctx(), model.cache, &model.now, 6));
    CHECK_MODEL(model_check_page(unit_ctx(), model.cache, &model.now, 8));
    while (count < VL_ARRAY_COUNT(frames) && vl_cache_try_take_frame(model.cache, &frames[count]))
        count++;
    EXPECT(count > 0 && count < VL_ARRAY_COUNT(frames));
    EXPECT(!vl_cache_exclusive(model.cache, 6, &ref));
    EXPECT(vl_cache_shared(model.cache, 6, &ref)); /* readers need none */
    EXPECT(direct_is_in_place(&model, ref.page));
    vl_cache_release_shared(model.cache, &ref);
    CHECK_MODEL(vl_cache_load(unit_ctx(), model.cache, 8)); /* another page: nothing is wanted */
    vl_cache_give_frame(model.cache, frames[--count]);
    CHECK_MODEL(vl_cache_load(unit_ctx(), model.cache, 6)); /* takes it */
    EXPECT(!vl_cache_has_frame(model.cache));
    EXPECT(vl_cache_exclusive(model.cache, 6, &ref));
    EXPECT(!direct_is_in_place(&model, ref.page));
    vl_cache_release_exclusive(model.cache, &ref);
end:
    while (count > 0)
        vl_cache_give_frame(model.cache, frames[--count]);
    direct_destroy(&model);
}

/* ---- damage ---- */

/* Change a byte of a page's image behind the cache's back. */
static velo_status
direct_damage(cache_model *model, uint64_t block)
{
    static const uint8_t zeros[8];
    vl_file *file;
    velo_status st;

    VL_TRY(vl_file_open(unit_ctx(), model->io, MODEL_PATH, VL_OPEN_WRITE, &file));
    st = vl_file_write(unit_ctx(), file, zeros, sizeof zeros, block * MODEL_PAGE_SIZE + 128);
    vl_file_close(file);
    return st;
}

/* A damaged page is found when it is first asked for, and said as of a file; the others are there.
 */
static void
direct_damage_is_found_at_first_access(void)
{
    static cache_model model;
    vl_page_ref ref = {0};
    uint64_t block;

    for (model_medium medium = MODEL_FILE; medium <= MODEL_PERSISTENT; medium++) {
        CHECK_MODEL(direct_create(&model, MODEL_MAPPED, 64, 20));
        CHECK_MODEL(direct_share(&model, 6, &ref));
        block = direct_block(&model, &ref);
        vl_cache_release_shared(model.cache, &ref);
        model_use(medium);
        CHECK_MODEL(model_reopen(unit_ctx(), 64, &model));
        CHECK_MODEL(model_check_page(unit_ctx(), model.cache, &model.now, 5));
        CHECK_MODEL(direct_damage(&model, block));
        EXPECT(vl_cache_load(unit_ctx(), model.cache, 6) == VELO_CORRUPT);
        EXPECT(strstr(unit_ctx()->error.text, "page 6: block ") != NULL);
        EXPECT(strstr(unit_ctx()->error.text, "is damaged: checksum ") != NULL);
        EXPECT(!vl_cache_is_resident(model.cache, 6));
        EXPECT(vl_cache_load(unit_ctx(), model.cache, 6) == VELO_CORRUPT);
        CHECK_MODEL(model_check_page(unit_ctx(), model.cache, &model.now, 7));
        direct_destroy(&model);
    }
    return;
end:
    direct_destroy(&model);
}

/* A file that is shorter than its superblock says is refused when it is opened, and never read
 * beyond its end. */
static void
direct_file_that_was_cut_is_refused(void)
{
    static cache_model model;
    vl_volume_stats stats;
    vl_file *file = NULL;

    CHECK_MODEL(direct_create(&model, MODEL_MAPPED, 64, 20));
    CHECK_MODEL(vl_volume_make_writable(unit_ctx(), model.volume));
    vl_volume_get_stats(model.volume, &stats);
    model_close(&model);
    CHECK_MODEL(vl_sim_open_io(unit_ctx(), model.sim, &model.io));
    CHECK_MODEL(vl_file_open(unit_ctx(), model.io, MODEL_PATH, VL_OPEN_WRITE, &file));
    CHECK_MODEL(vl_file_resize(unit_ctx(), file, (stats.block_count - 1) * MODEL_PAGE_SIZE));
    vl_file_close(file);
    vl_io_close(model.io);
    model.io = NULL;
    EXPECT(model_open_on(unit_ctx(), model.sim, 64, &model) == VELO_CORRUPT);
    EXPECT(strstr(unit_ctx()->error.text, "was cut off") != NULL);
end:
    direct_destroy(&model);
}

/* ---- superblocks ---- */

/* What power cuts have left. */
typedef struct direct_cuts {
    uint64_t count;      /* looked at */
    uint64_t unfinished; /* of these, with a superblock that says that it is not finished */
    velo_status st;      /* of the first that was wrong */
    char text[VL_ERROR_TEXT_SIZE];
} direct_cuts;

/* Open what is left, and see whether a superblock looks damaged. */
static velo_status
direct_look_at_supers(vl_ctx *ctx, vl_sim *sim, direct_cuts *cuts)
{
    vl_volume_options options = {.page_size = MODEL_PAGE_SIZE};
    uint8_t head[2 * MODEL_PAGE_SIZE];
    vl_volume *volume = NULL;
    size_t moved = 0;
    vl_io *io;
    velo_status st;

    VL_TRY(vl_sim_open_io(ctx, sim, &io));
    st = vl_volume_open(ctx, io, MODEL_PATH, &options, &volume);
    if (st == VELO_OK && vl_volume_has_damaged_super(volume))
        st = vl_fail(ctx, VELO_INTERNAL, "a power cut has left a damaged superblock");
    if (st == VELO_OK)
        st = vl_file_read(ctx, vl_volume_file(volume), head, sizeof head, 0, &moved);
    for (unsigned i = 0; st == VELO_OK && i < 2; i++)
        cuts->unfinished += (uint64_t)vl_superblock_is_unfinished(head + i * MODEL_PAGE_SIZE);
    vl_volume_close(volume);
    vl_io_close(io);
    return st;
}

static void
direct_cut_hook(void *user, vl_sim *sim, const vl_sim_event *event)
{
    direct_cuts *cuts = user;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    for (uint64_t seed = 0; seed < 12 && cuts->st == VELO_OK; seed++) {
        vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_RANDOM, .seed = event->number * 100 + seed};
        vl_sim *copy = NULL;

        cuts->st = vl_sim_clone(&ctx, sim, &copy);
        if (cuts->st == VELO_OK)
            cuts->st = vl_sim_cut_power(&ctx, copy, &outcome);
        if (cuts->st == VELO_OK)
            cuts->st = direct_look_at_supers(&ctx, copy, cuts);
        vl_sim_destroy(copy);
        cuts->count++;
    }
    if (cuts->st != VELO_OK && cuts->text[0] == 0)
        memcpy(cuts->text, ctx.error.text, sizeof cuts->text);
}

/* Memory keeps any subset of the words of a superblock that is being stored. None of them is taken
 * for damage, after which a database must not be opened lightly. */
static void
direct_superblock_in_words_never_looks_damaged(void)
{
    static cache_model model;
    direct_cuts cuts = {0};

    CHECK_MODEL(direct_create(&model, MODEL_PERSISTENT, 64, 10));
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model)); /* both places are used */
    vl_sim_set_hook(model.sim, direct_cut_hook, &cuts);
    for (unsigned i = 0; i < 3; i++)
        CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    if (cuts.st != VELO_OK)
        unit_failed(__FILE__, __LINE__, "after a power cut: %s", cuts.text);
    EXPECT(cuts.count > 0 && cuts.unfinished > 0);
end:
    vl_sim_set_hook(model.sim, NULL, NULL);
    direct_destroy(&model);
}

/* ---- on the system's files ---- */

/* A database on a file of the system. */
static velo_status
direct_create_file(cache_model *model)
{
    vl_volume_options volume_options = {
        .page_size = MODEL_PAGE_SIZE, .may_create = 1, .medium = VL_DATA_MAPPED};
    vl_cache_options cache_options = {.page_size = MODEL_PAGE_SIZE, .budget_bytes = 1 << 20};
    vl_io_options io_options = {.backend = VL_IO_POSIX};

    memset(model, 0, sizeof *model);
    vl_rng_init(&model->rng, unit_seed());
    model->pid_limit = MODEL_PIDS;
    VL_TRY(vl_io_open(unit_ctx(), &io_options, &model->io));
    VL_TRY(vl_volume_open(unit_ctx(), model->io, unit_path("direct.db"), &volume_options,
                          &model->volume));
    model->durable.checkpoint = vl_volume_super(model->volume)->checkpoint;
    cache_options.volume = model->volume;
    return vl_cache_create(unit_ctx(), &cache_options, &model->cache);
}

/* Store to an address, in a child: 1 if that ends it. */
static int
direct_store_is_fatal(void *at)
{
    int status = 0;
    pid_t child;

    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        (void)close(2); /* sanitizers have much to say about it */
        *(volatile uint8_t *)at = 1;
        _exit(7);
    }
    return child > 0 && waitpid(child, &status, 0) == child &&
           !(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

/* Whoever stores to a page in place by mistake changes nothing: the mapping is read only. */
static void
direct_hazard_37_stray_store_ends_the_process(void)
{
    static cache_model model;
    vl_page_ref ref = {0};

    CHECK_MODEL(direct_create_file(&model));
    CHECK_MODEL(model_grow(unit_ctx(), &model, 30));
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    CHECK_MODEL(direct_share(&model, 6, &ref));
    EXPECT(direct_is_in_place(&model, ref.page));
    EXPECT(direct_store_is_fatal(ref.page));
    EXPECT(model_is_filled(ref.page, 6, model.now.versions[6]));
    vl_cache_release_shared(model.cache, &ref);
    EXPECT(vl_cache_exclusive(model.cache, 6, &ref));
    EXPECT(!direct_store_is_fatal(ref.page)); /* it does not end by itself */
    vl_cache_release_exclusive(model.cache, &ref);
end:
    model_close(&model);
}

/* What a medium is called, and whether it is what it is called, follows from the mapping. */
static void
direct_medium_says_what_it_is(void)
{
    static cache_model model;
    int is_forced;

    for (is_forced = 0; is_forced < 2 && !unit_has_failed(); is_forced++) {
        (void)(is_forced ? setenv("VELO_PMEM", "force", 1) : unsetenv("VELO_PMEM"));
        CHECK_MODEL(direct_create_file(&model));
        CHECK_MODEL(model_grow(unit_ctx(), &model, 100));
        CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
        CHECK_MODEL(direct_churn(&model, 0, 3));
        CHECK_MODEL(model_check(unit_ctx(), &model, &model.now));
        CHECK_MODEL(model_verify(unit_ctx(), &model));
        if (strstr(vl_volume_medium(model.volume), "promises no space") == NULL)
            EXPECT(
                strcmp(vl_volume_medium(model.volume), is_forced && vl_persist_is_supported()
                                                           ? "persistent memory, as VELO_PMEM says"
                                                           : "mapping, synced by the system") == 0);
        model_close(&model);
        EXPECT(unlink(unit_path("direct.db")) == 0);
    }
    (void)unsetenv("VELO_PMEM");
    return;
end:
    (void)unsetenv("VELO_PMEM");
    model_close(&model);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(direct_clean_pages_take_no_frame),
        UNIT_TEST(direct_checkpoint_gives_frames_back),
        UNIT_TEST(direct_hazard_37_change_leaves_the_block_alone),
        UNIT_TEST(direct_hazard_37_block_stays_under_a_holder),
        UNIT_TEST(direct_hazard_37_word_leaves_the_block_first),
        UNIT_TEST(direct_hazard_37_file_is_cut_at_close_only),
        UNIT_TEST(direct_hazard_37_growth_moves_nothing),
        UNIT_TEST(direct_hazard_37_stray_store_ends_the_process),
        UNIT_TEST(direct_writers_wait_for_frames),
        UNIT_TEST(direct_damage_is_found_at_first_access),
        UNIT_TEST(direct_file_that_was_cut_is_refused),
        UNIT_TEST(direct_superblock_in_words_never_looks_damaged),
        UNIT_TEST(direct_medium_says_what_it_is),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
