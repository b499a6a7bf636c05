/* cache_model.c - see cache_model.h. */
#include "unit/cache_model.h"

#include "base/hash.h"
#include "storage/cache_int.h"
#include "storage/cache_verify.h"

#include <inttypes.h>
#include <string.h>

/* ---- contents ---- */

static uint64_t
model_word(vl_pid pid, uint32_t version, size_t i)
{
    return vl_mix64(((uint64_t)pid << 32 | version) + i);
}

void
model_fill(void *page, vl_pid pid, uint32_t version)
{
    vl_page_header header = {.kind = VL_PAGE_OVERFLOW_DATA, .pid = pid, .tree = 7};
    uint32_t content = MODEL_PAGE_SIZE - (uint32_t)sizeof header;
    uint32_t total = content * (content / 4) + 1; /* a value whose first data page this may be */

    header.count = content;
    memcpy(header.rest, &total, sizeof total);
    memcpy(page, &header, sizeof header);
    for (size_t i = sizeof header / 8; i < MODEL_PAGE_SIZE / 8; i++) {
        uint64_t word = model_word(pid, version, i);

        memcpy((uint8_t *)page + i * 8, &word, sizeof word);
    }
}

int
model_is_filled(const void *page, vl_pid pid, uint32_t version)
{
    const vl_page_header *header = page;

    if (header->pid != pid)
        return 0;
    for (size_t i = sizeof *header / 8; i < MODEL_PAGE_SIZE / 8; i++) {
        uint64_t word = model_word(pid, version, i);

        if (memcmp((const uint8_t *)page + i * 8, &word, sizeof word) != 0)
            return 0;
    }
    return 1;
}

uint32_t
model_count(const model_state *state)
{
    uint32_t count = 0;

    for (vl_pid pid = 0; pid < MODEL_PIDS; pid++)
        count += state->versions[pid] != 0;
    return count;
}

/* ---- opening ---- */

static model_medium model_medium_now = MODEL_FILE;

void
model_use(model_medium medium)
{
    model_medium_now = medium;
}

vl_sim_options
model_machine(uint64_t seed)
{
    vl_sim_options options = {.seed = seed,
                              .has_synchronous_map = model_medium_now == MODEL_PERSISTENT};

    return options;
}

/* A budget that makes about so many frames. */
static uint64_t
model_budget(uint32_t frames)
{
    uint64_t batch = frames / 32 < 2 ? 2 : frames / 32;

    return (uint64_t)frames * (MODEL_PAGE_SIZE + sizeof(vl_frame)) + batch * MODEL_PAGE_SIZE +
           VL_CACHE_GROUP_SIZE * sizeof(vl_cache_slab) +
           (8U << VL_CACHE_WORDS_BITS) * VL_BY_BUILD(1U, 16U);
}

velo_status
model_open_on(vl_ctx *ctx, vl_sim *sim, uint32_t frames, cache_model *model)
{
    vl_volume_options volume_options = {.page_size = MODEL_PAGE_SIZE, .may_create = 1};
    vl_cache_options cache_options = {.page_size = MODEL_PAGE_SIZE,
                                      .budget_bytes = model_budget(frames)};
    velo_status st;

    if (model_medium_now != MODEL_FILE)
        volume_options.medium = VL_DATA_MAPPED;
    model->io = NULL;
    model->volume = NULL;
    model->cache = NULL;
    st = vl_sim_open_io(ctx, sim, &model->io);
    if (st == VELO_OK)
        st = vl_volume_open(ctx, model->io, MODEL_PATH, &volume_options, &model->volume);
    cache_options.volume = model->volume;
    if (st == VELO_OK)
        st = vl_cache_create(ctx, &cache_options, &model->cache);
    if (st != VELO_OK)
        model_close(model);
    return st;
}

void
model_close(cache_model *model)
{
    vl_cache_destroy(model->cache);
    vl_volume_close(model->volume);
    vl_io_close(model->io);
    model->cache = NULL;
    model->volume = NULL;
    model->io = NULL;
}

velo_status
model_create(vl_ctx *ctx, uint32_t frames, uint64_t seed, cache_model *model)
{
    vl_sim_options options = model_machine(seed);
    velo_status st;

    memset(model, 0, sizeof *model);
    vl_rng_init(&model->rng, seed);
    model->pid_limit = MODEL_PIDS;
    st = vl_sim_create(ctx, &options, &model->sim);
    if (st == VELO_OK)
        st = model_open_on(ctx, model->sim, frames, model);
    if (st == VELO_OK)
        model->durable.checkpoint = vl_volume_super(model->volume)->checkpoint;
    else
        model_destroy(model);
    return st;
}

void
model_destroy(cache_model *model)
{
    model_close(model);
    vl_sim_destroy(model->sim);
    model->sim = NULL;
}

velo_status
model_reopen(vl_ctx *ctx, uint32_t frames, cache_model *model)
{
    model_close(model);
    model->now = model->durable;
    model->now.checkpoint = 0;
    return model_open_on(ctx, model->sim, frames, model);
}

/* ---- changing ---- */

/* The pages of one section, while it is made. */
typedef struct model_section {
    vl_change change;
    vl_page_ref added[VL_CHANGE_MAX_PAGES];
    vl_page_ref old[VL_CHANGE_MAX_PAGES];
    uint32_t old_count;
} model_section;

static void
model_release_old(cache_model *model, model_section *section)
{
    for (uint32_t i = 0; i < section->old_count; i++)
        vl_cache_release_exclusive(model->cache, &section->old[i]);
    section->old_count = 0;
}

/* Latch all old pages, in the order given. */
static velo_status
model_latch(vl_ctx *ctx, cache_model *model, const model_step *step, model_section *section)
{
    uint32_t count = step->change_count + step->free_count;
    uint32_t loads = 0;

    for (uint32_t i = 0; i < count;) {
        if (vl_cache_exclusive(model->cache, step->pages[i], &section->old[i])) {
            section->old_count = ++i;
            continue;
        }
        model_release_old(model, section);
        if (model->may_not_wait && ++loads > 100)
            return VELO_NOMEM; /* all other frames are the checkpoint's, which does not go on */
        VL_TRY(vl_cache_load(ctx, model->cache, step->pages[i]));
        i = 0;
    }
    return VELO_OK;
}

static int
model_prepare(const model_step *step, model_section *section)
{
    for (uint32_t i = 0; i < section->old_count; i++) {
        int done = i < step->change_count
                       ? vl_change_prepare(&section->change, &section->old[i])
                       : vl_change_prepare_free(&section->change, &section->old[i]);

        if (!done)
            return 0;
    }
    return 1;
}

/* The lowest free numbers go first: those below are taken. */
static int
model_is_lowest(const cache_model *model, const model_step *step, const model_section *section,
                vl_pid pid)
{
    for (vl_pid below = 1; below < pid; below++) {
        int is_taken = model->now.versions[below] != 0 || vl_cache_is_own(model->cache, below);

        for (uint32_t i = 0; i < step->add_count; i++)
            is_taken = is_taken || section->added[i].pid == below;
        if (!is_taken)
            return 0;
    }
    return 1;
}

/* Change the pages, inside the section. */
static velo_status
model_apply(vl_ctx *ctx, cache_model *model, const model_step *step, model_section *section)
{
    for (uint32_t i = 0; i < step->add_count; i++) {
        vl_pid pid = section->added[i].pid;

        if (pid >= MODEL_PIDS || model->now.versions[pid] != 0)
            return vl_fail(ctx, VELO_INTERNAL, "page %u was given twice", (unsigned)pid);
        if (!model_is_lowest(model, step, section, pid))
            return vl_fail(ctx, VELO_INTERNAL, "page %u is not the lowest free", (unsigned)pid);
        model->now.versions[pid] = ++model->next_version;
        model_fill(section->added[i].page, pid, model->next_version);
    }
    for (uint32_t i = 0; i < section->old_count; i++) {
        vl_pid pid = section->old[i].pid;

        if (!model_is_filled(section->old[i].page, pid, model->now.versions[pid]))
            return vl_fail(ctx, VELO_INTERNAL, "page %u has not the content of version %u",
                           (unsigned)pid, (unsigned)model->now.versions[pid]);
        if (i < step->change_count) {
            model->now.versions[pid] = ++model->next_version;
            model_fill(section->old[i].page, pid, model->next_version);
        } else {
            model->now.versions[pid] = 0;
        }
    }
    return VELO_OK;
}

/* Try to make all ready and enter: *done 1. What was latched is given up otherwise. */
static velo_status
model_enter(vl_ctx *ctx, cache_model *model, const model_step *step, model_section *section,
            int *done)
{
    VL_TRY(model_latch(ctx, model, step, section));
    *done = model_prepare(step, section) && vl_change_enter(&section->change);
    if (*done)
        return VELO_OK;
    model_release_old(model, section);
    if (model->may_not_wait && section->change.wants_copies > 0) {
        model->given_up++;
        return VELO_OK;
    }
    return vl_change_wait(ctx, &section->change);
}

velo_status
model_do(vl_ctx *ctx, cache_model *model, const model_step *step)
{
    model_section section = {.old_count = 0};
    velo_status st = VELO_OK;
    uint64_t given_up = model->given_up;
    int done = 0;

    vl_change_begin(model->cache, &section.change);
    for (uint32_t i = 0; i < step->add_count && st == VELO_OK; i++)
        st = vl_change_new_page(ctx, &section.change, &section.added[i]);
    while (st == VELO_OK && !done && given_up == model->given_up)
        st = model_enter(ctx, model, step, &section, &done);
    if (done) {
        st = model_apply(ctx, model, step, &section);
        vl_change_leave(&section.change);
        for (uint32_t i = 0; i < step->add_count; i++)
            vl_cache_release_exclusive(model->cache, &section.added[i]);
    }
    model_release_old(model, &section);
    vl_change_end(&section.change);
    return st;
}

velo_status
model_grow(vl_ctx *ctx, cache_model *model, uint32_t count)
{
    while (count > 0) {
        model_step step = {.add_count = count < VL_CHANGE_MAX_PAGES ? count : VL_CHANGE_MAX_PAGES};

        VL_TRY(model_do(ctx, model, &step));
        count -= step.add_count;
    }
    return VELO_OK;
}

/* ---- at random ---- */

/* A page that exists, or 0. */
static vl_pid
model_pick(cache_model *model)
{
    vl_pid from = (vl_pid)vl_rng_below(&model->rng, model->pid_limit);

    for (vl_pid i = 0; i < MODEL_PIDS; i++)
        if (model->now.versions[(from + i) % MODEL_PIDS] != 0)
            return (from + i) % MODEL_PIDS;
    return 0;
}

/* Whether a number may be added: keeps the database about as large as the limit. */
static int
model_may_add(const cache_model *model)
{
    return model_count(&model->now) + 8 < model->pid_limit * 3 / 4;
}

velo_status
model_random(vl_ctx *ctx, cache_model *model)
{
    model_step step = {0};
    uint32_t kind = (uint32_t)vl_rng_below(&model->rng, 8);
    uint32_t count = (uint32_t)vl_rng_below(&model->rng, 4);

    if (kind == 0 || count == 0) {
        vl_pid pid = model_pick(model);

        return pid == 0 ? VELO_OK : model_check_page(ctx, model->cache, &model->now, pid);
    }
    if (kind < 3 && model_may_add(model))
        step.add_count = 1 + (uint32_t)vl_rng_below(&model->rng, 3);
    for (uint32_t i = 0; i < count; i++) {
        vl_pid pid = model_pick(model);
        int is_new = pid != 0;

        for (uint32_t j = 0; j < step.change_count + step.free_count; j++)
            is_new = is_new && step.pages[j] != pid;
        if (!is_new)
            continue;
        step.pages[step.change_count + step.free_count] = pid;
        if (kind == 7 || step.free_count > 0)
            step.free_count++;
        else
            step.change_count++;
    }
    return model_do(ctx, model, &step);
}

/* ---- checkpoints ---- */

void
model_note(void *user)
{
    cache_model *model = user;

    model->barrier = model->now;
    model->barrier.checkpoint = model->durable.checkpoint + 1;
}

velo_status
model_fill_super(vl_ctx *ctx, void *user, vl_superblock *super)
{
    (void)ctx;
    (void)user;
    if (model_medium_now != MODEL_FILE)
        super->flags = 0;
    return VELO_OK;
}

velo_status
model_checkpoint(vl_ctx *ctx, cache_model *model)
{
    velo_status st = vl_checkpoint_run(ctx, model->cache, model_note, model_fill_super, model);

    if (st == VELO_OK)
        model->durable = model->barrier;
    model->barrier.checkpoint = 0;
    if (st == VELO_OK && vl_volume_super(model->volume)->checkpoint != model->durable.checkpoint)
        return vl_fail(ctx, VELO_INTERNAL, "the superblock's number is wrong");
    return st;
}

/* ---- checking ---- */

velo_status
model_check_page(vl_ctx *ctx, vl_cache *cache, const model_state *state, vl_pid pid)
{
    vl_page_ref ref;
    int is_right;

    while (!vl_cache_shared(cache, pid, &ref))
        VL_TRY(vl_cache_load(ctx, cache, pid));
    is_right = model_is_filled(ref.page, pid, state->versions[pid]);
    vl_cache_release_shared(cache, &ref);
    if (is_right)
        return VELO_OK;
    return vl_fail(ctx, VELO_INTERNAL, "page %u has not the content of version %u", (unsigned)pid,
                   (unsigned)state->versions[pid]);
}

velo_status
model_check(vl_ctx *ctx, cache_model *model, const model_state *state)
{
    for (vl_pid pid = 0; pid < MODEL_PIDS; pid++) {
        int exists = 1;

        if (state->versions[pid] != 0) {
            VL_TRY(model_check_page(ctx, model->cache, state, pid));
        } else if (!vl_cache_is_own(model->cache, pid)) {
            if (!vl_cache_is_resident(model->cache, pid))
                VL_TRY(vl_cache_bring(ctx, model->cache, pid, &exists));
            if (exists)
                return vl_fail(ctx, VELO_INTERNAL, "page %u exists", (unsigned)pid);
        }
    }
    return VELO_OK;
}

static velo_status
model_check_opened(vl_ctx *ctx, cache_model *opened, const cache_model *model)
{
    uint64_t number = vl_volume_super(opened->volume)->checkpoint;
    uint64_t page_count;

    if (number == model->durable.checkpoint)
        VL_TRY(model_check(ctx, opened, &model->durable));
    else if (number == model->barrier.checkpoint)
        VL_TRY(model_check(ctx, opened, &model->barrier));
    else
        return vl_fail(ctx, VELO_INTERNAL, "checkpoint %" PRIu64 " counts", number);
    VL_TRY(vl_volume_make_writable(ctx, opened->volume));
    VL_TRY(vl_cache_verify_durable(ctx, opened->cache, &page_count));
    VL_TRY(vl_cache_verify(ctx, opened->cache));
    return VELO_OK;
}

velo_status
model_check_after_cut(vl_ctx *ctx, cache_model *model, const vl_sim_outcome *outcome)
{
    cache_model opened = {0};
    velo_status st = vl_sim_clone(ctx, model->sim, &opened.sim);

    if (st == VELO_OK)
        st = vl_sim_cut_power(ctx, opened.sim, outcome);
    if (st == VELO_OK)
        st = model_open_on(ctx, opened.sim, 24, &opened);
    if (st == VELO_OK)
        st = model_check_opened(ctx, &opened, model);
    model_destroy(&opened);
    return st;
}

/* Space that is promised is what dirty pages need, when nothing else goes on. */
static velo_status
model_verify_promises(vl_ctx *ctx, const cache_model *model)
{
    vl_volume_stats volume;
    const vl_cache *cache = model->cache;
    int64_t promised;

    vl_volume_get_stats(model->volume, &volume);
    promised = (int64_t)volume.free_count - (int64_t)volume.kept_count - volume.available;
    if (promised != (int64_t)(cache->dirty_count - cache->debt))
        return vl_fail(ctx, VELO_INTERNAL,
                       "%" PRId64 " blocks are promised, %" PRIu64 " pages are dirty", promised,
                       cache->dirty_count);
    if (cache->path_holds != 0 || cache->copies_in_use != 0)
        return vl_fail(ctx, VELO_INTERNAL, "something was left behind");
    return VELO_OK;
}

velo_status
model_verify(vl_ctx *ctx, cache_model *model)
{
    uint64_t page_count;

    VL_TRY(vl_volume_make_writable(ctx, model->volume)); /* free space is known from here on */
    VL_TRY(vl_cache_verify(ctx, model->cache));
    VL_TRY(model_verify_promises(ctx, model));
    VL_TRY(vl_cache_verify_durable(ctx, model->cache, &page_count));
    if (page_count != model_count(&model->durable))
        return vl_fail(ctx, VELO_INTERNAL, "the checkpoint has %" PRIu64 " pages, not %u",
                       page_count, (unsigned)model_count(&model->durable));
    return VELO_OK;
}
