/* volume_model.c - the toy store of volume_model.h. */
#include "unit/volume_model.h"

#include "base/bytes.h"
#include "lib/unit.h"

#include <stdio.h>

#define TOY_ENTRY_SIZE 24U

_Static_assert(8 + TOY_SLOTS * TOY_ENTRY_SIZE <= TOY_PAGE_SIZE, "the root is one page");

static void
toy_fill(uint8_t *buf, uint64_t value)
{
    vl_rng rng;

    vl_rng_init(&rng, value);
    vl_rng_fill(&rng, buf, TOY_PAGE_SIZE);
}

void
toy_init(toy_store *toy, vl_ctx *ctx, vl_io *io, uint64_t seed)
{
    memset(toy, 0, sizeof *toy);
    toy->ctx = ctx;
    toy->io = io;
    toy->next_value = 1;
    toy->live.version = 1;
    vl_rng_init(&toy->rng, seed);
}

void
toy_deinit(toy_store *toy)
{
    toy_close(toy);
    vl_free(toy->buffer);
    toy->buffer = NULL;
}

/* Read the root and all that it lists into a state. */
static velo_status
toy_read_state(toy_store *toy, toy_state *state, toy_image *root)
{
    const vl_superblock *super = vl_volume_super(toy->volume);
    vl_extent extent = {super->map_root.address, super->map_root.length, 1,
                        super->map_root.checksum};

    memset(state, 0, sizeof *state);
    memset(root, 0, sizeof *root);
    state->version = super->published;
    if (extent.length == 0)
        return VELO_OK;
    root->address = extent.address;
    root->checksum = extent.checksum;
    VL_TRY(vl_volume_read(toy->ctx, toy->volume, &extent, toy->buffer, "root", 0));
    if (vl_load_le64(toy->buffer) != state->version)
        return vl_fail(toy->ctx, VELO_CORRUPT, "the root is another checkpoint's");
    for (uint32_t i = 0; i < TOY_SLOTS; i++) {
        state->slots[i].address = vl_load_le64(toy->buffer + 8 + (size_t)i * TOY_ENTRY_SIZE);
        state->slots[i].checksum = vl_load_le64(toy->buffer + 16 + (size_t)i * TOY_ENTRY_SIZE);
        state->slots[i].value = vl_load_le64(toy->buffer + 24 + (size_t)i * TOY_ENTRY_SIZE);
    }
    return VELO_OK;
}

velo_status
toy_open(toy_store *toy)
{
    vl_volume_options options = {.page_size = TOY_PAGE_SIZE, .may_create = 1};

    if (toy->buffer == NULL)
        toy->buffer = vl_alloc_aligned(toy->ctx, TOY_PAGE_SIZE, VL_DIRECT_ALIGN);
    if (toy->buffer == NULL)
        return vl_fail(toy->ctx, VELO_NOMEM, "no memory for the toy's buffer");
    VL_TRY(vl_volume_open(toy->ctx, toy->io, TOY_PATH, &options, &toy->volume));
    VL_TRY(toy_read_state(toy, &toy->durable, &toy->root));
    VL_TRY(vl_volume_make_writable(toy->ctx, toy->volume));
    toy->live = toy->durable;
    toy->live.version++;
    return VELO_OK;
}

void
toy_close(toy_store *toy)
{
    vl_volume_close(toy->volume);
    toy->volume = NULL;
}

/* Write a new image into sets. On failure nothing is taken. */
static velo_status
toy_write(toy_store *toy, uint32_t sets, toy_image *image)
{
    vl_volume_write_item item = {.length = 1, .buf = toy->buffer};
    uint32_t first = sets == VL_SPACE_LIVE ? VL_SPACE_HELD : sets;
    velo_status st;

    VL_TRY(vl_volume_promise(toy->ctx, toy->volume, 1));
    item.address = vl_volume_allocate(toy->volume, first, 1);
    st = vl_volume_write_batch(toy->ctx, toy->volume, &item, 1);
    if (st != VELO_OK) {
        vl_volume_remove(toy->volume, first, item.address, 1);
        return st;
    }
    if (first != sets)
        vl_volume_add(toy->volume, sets, item.address, 1);
    image->address = item.address;
    image->checksum = item.checksum;
    return VELO_OK;
}

velo_status
toy_replace(toy_store *toy, uint32_t slot)
{
    toy_image image = {.value = toy->next_value++};

    toy_fill(toy->buffer, image.value);
    VL_TRY(toy_write(toy, VL_SPACE_LIVE, &image));
    toy_drop(toy, slot);
    toy->live.slots[slot] = image;
    return VELO_OK;
}

void
toy_drop(toy_store *toy, uint32_t slot)
{
    if (toy->live.slots[slot].address != 0)
        vl_volume_remove(toy->volume, VL_SPACE_LIVE, toy->live.slots[slot].address, 1);
    memset(&toy->live.slots[slot], 0, sizeof toy->live.slots[slot]);
}

/* Replace or drop a random slot. */
static velo_status
toy_change(toy_store *toy)
{
    uint32_t slot = (uint32_t)vl_rng_below(&toy->rng, TOY_SLOTS);

    if (!vl_rng_chance(&toy->rng, 1, 4))
        return toy_replace(toy, slot);
    toy_drop(toy, slot);
    return VELO_OK;
}

/* The image that the checkpoint has of a slot that was dirty at the barrier. If the live one has
 * not changed since, it becomes the live one too. */
static velo_status
toy_capture(toy_store *toy, uint32_t slot)
{
    toy_image old = toy->writing.slots[slot];
    toy_image image = {.value = toy->next_value++};
    int is_same = toy->live.slots[slot].address == old.address;

    toy_fill(toy->buffer, image.value);
    VL_TRY(toy_write(toy, VL_SPACE_WRITING, &image));
    if (old.address != 0)
        vl_volume_remove(toy->volume, VL_SPACE_WRITING, old.address, 1);
    toy->writing.slots[slot] = image;
    if (is_same) {
        vl_volume_add(toy->volume, VL_SPACE_LIVE, image.address, 1);
        if (old.address != 0)
            vl_volume_remove(toy->volume, VL_SPACE_LIVE, old.address, 1);
        toy->live.slots[slot] = image;
    }
    return VELO_OK;
}

static velo_status
toy_write_root(toy_store *toy, toy_image *root)
{
    memset(toy->buffer, 0, TOY_PAGE_SIZE);
    vl_store_le64(toy->buffer, toy->writing.version);
    for (uint32_t i = 0; i < TOY_SLOTS; i++) {
        const toy_image *image = &toy->writing.slots[i];

        vl_store_le64(toy->buffer + 8 + (size_t)i * TOY_ENTRY_SIZE, image->address);
        vl_store_le64(toy->buffer + 16 + (size_t)i * TOY_ENTRY_SIZE, image->checksum);
        vl_store_le64(toy->buffer + 24 + (size_t)i * TOY_ENTRY_SIZE, image->value);
    }
    VL_TRY(toy_write(toy, VL_SPACE_WRITING, root));
    if (toy->root.address != 0)
        vl_volume_remove(toy->volume, VL_SPACE_WRITING, toy->root.address, 1);
    return VELO_OK;
}

/* All of a checkpoint behind its barrier. */
static velo_status
toy_write_checkpoint(toy_store *toy, uint64_t flags, toy_image *root)
{
    vl_superblock next = *vl_volume_super(toy->volume);
    velo_status st;

    for (uint32_t slot = 0; slot < TOY_SLOTS; slot++) {
        if (vl_rng_chance(&toy->rng, 1, 4))
            VL_TRY(toy_capture(toy, slot));
        if (vl_rng_chance(&toy->rng, 1, 6))
            VL_TRY(toy_change(toy));
    }
    VL_TRY(toy_write_root(toy, root));
    next.published = toy->writing.version;
    next.flags = flags;
    next.page_end = TOY_SLOTS;
    next.map_root = (vl_root){root->address, 1, 0, root->checksum};
    toy->is_committing = 1;
    st = vl_volume_commit_checkpoint(toy->ctx, toy->volume, &next);
    return st;
}

velo_status
toy_checkpoint(toy_store *toy, uint64_t flags)
{
    toy_image root = {0};
    velo_status st;

    toy->writing = toy->live;
    vl_volume_begin_checkpoint(toy->volume);
    toy->live.version++;
    st = toy_write_checkpoint(toy, flags, &root);
    if (st != VELO_OK) {
        vl_error error = toy->ctx->error;
        vl_ctx quiet = *toy->ctx;

        vl_volume_abandon_checkpoint(toy->volume);
        if (vl_volume_check_writable(&quiet, toy->volume) == VELO_OK)
            toy->is_committing = 0; /* no superblock was written */
        toy->ctx->error = error;
        return st;
    }
    toy->durable = toy->writing;
    toy->is_committing = 0;
    vl_volume_add(toy->volume, VL_SPACE_LIVE, root.address, 1);
    if (toy->root.address != 0)
        vl_volume_remove(toy->volume, VL_SPACE_LIVE, toy->root.address, 1);
    toy->root = root;
    return VELO_OK;
}

velo_status
toy_run(toy_store *toy, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        velo_status st;

        if (vl_rng_chance(&toy->rng, 1, 8)) {
            st = toy_checkpoint(toy, vl_rng_chance(&toy->rng, 1, 4) ? VL_SUPER_CLEAN : 0);
        } else if (vl_rng_chance(&toy->rng, 1, 20)) {
            vl_volume_begin_checkpoint(toy->volume);
            toy->writing = toy->live;
            st = toy_capture(toy, 0);
            vl_volume_abandon_checkpoint(toy->volume);
        } else {
            st = toy_change(toy);
        }
        if (st != VELO_OK && !toy->may_lose_errors)
            return st;
        if (st != VELO_OK) {
            toy->error_count++;
            VL_TRY(vl_volume_check_writable(toy->ctx, toy->volume));
        }
    }
    return VELO_OK;
}

/* ---- looking ---- */

static const char *
toy_say(const toy_store *toy, const char *what)
{
    static char text[VL_ERROR_TEXT_SIZE + 200];

    (void)snprintf(text, sizeof text, "%s: %s", what, toy->ctx->error.text);
    return text;
}

/* Read a slot's image and compare. */
static const char *
toy_find_bad_image(toy_store *toy, const toy_image *image, uint32_t slot)
{
    vl_extent extent = {image->address, 1, 1, image->checksum};
    uint8_t wanted[TOY_PAGE_SIZE];

    if (vl_volume_read(toy->ctx, toy->volume, &extent, toy->buffer, "slot", slot) != VELO_OK)
        return toy_say(toy, "a slot cannot be read");
    toy_fill(wanted, image->value);
    if (memcmp(wanted, toy->buffer, TOY_PAGE_SIZE) != 0)
        return "a slot has another's bytes";
    if ((vl_volume_sets_of(toy->volume, image->address) & VL_SPACE_LIVE) == 0)
        return "a slot's block is not in use";
    return NULL;
}

const char *
toy_find_fault(toy_store *toy)
{
    vl_volume_stats stats;
    uint64_t live = 0;
    uint64_t durable = 0;
    uint64_t wanted[2] = {toy->root.address != 0, toy->root.address != 0};

    vl_volume_get_stats(toy->volume, &stats);
    for (uint32_t i = 0; i < TOY_SLOTS; i++) {
        const toy_image *image = &toy->live.slots[i];
        const char *fault = image->address == 0 ? NULL : toy_find_bad_image(toy, image, i);

        if (fault != NULL)
            return fault;
        wanted[0] += image->address != 0;
        wanted[1] += toy->durable.slots[i].address != 0;
        if (toy->durable.slots[i].address != 0 &&
            (vl_volume_sets_of(toy->volume, toy->durable.slots[i].address) & VL_SPACE_DURABLE) == 0)
            return "a block that the checkpoint needs is not in its set";
    }
    for (uint64_t block = VL_SUPER_COUNT; block < stats.block_count; block++) {
        uint32_t sets = vl_volume_sets_of(toy->volume, block);

        live += (sets & VL_SPACE_LIVE) != 0;
        durable += (sets & VL_SPACE_DURABLE) != 0;
        if ((sets & VL_SPACE_WRITING) != 0)
            return "a block is in writing, and no checkpoint is";
    }
    if (live != wanted[0] + stats.map_count || durable != wanted[1] + stats.map_count)
        return "blocks are in use to which nothing refers";
    if ((int64_t)(stats.free_count - stats.kept_count) != stats.available)
        return "free blocks are promised to nobody";
    return NULL;
}

/* Whether two states hold the same. */
static int
toy_is_same(const toy_state *one, const toy_state *other)
{
    return one->version == other->version &&
           memcmp(one->slots, other->slots, sizeof one->slots) == 0;
}

const char *
toy_find_loss(const toy_store *toy, vl_io *io, vl_sim *sim, int go_on)
{
    toy_store *found = vl_alloc_zero(toy->ctx, sizeof *found);
    vl_ctx ctx;
    const char *fault = NULL;

    vl_ctx_init(&ctx, NULL, NULL);
    toy_init(found, &ctx, io, toy->next_value);
    if (toy_open(found) != VELO_OK)
        fault = toy_say(found, "what is left cannot be opened");
    else if (!toy_is_same(&found->durable, &toy->durable) &&
             !(toy->is_committing && toy_is_same(&found->durable, &toy->writing)))
        fault = "what is left is no checkpoint that it may be";
    else
        fault = toy_find_fault(found);
    if (fault == NULL && go_on) {
        found->next_value = UINT64_C(1) << 40;
        if (toy_run(found, 12) != VELO_OK || toy_checkpoint(found, 0) != VELO_OK)
            fault = toy_say(found, "going on fails");
        if (fault == NULL)
            fault = toy_find_fault(found);
        if (fault == NULL && toy_run(found, 3) != VELO_OK)
            fault = toy_say(found, "going on fails");
        toy_close(found);
        if (fault == NULL && sim != NULL) {
            vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_NONE};
            vl_io *again;

            if (vl_sim_cut_power(&ctx, sim, &outcome) != VELO_OK ||
                vl_sim_open_io(&ctx, sim, &again) != VELO_OK)
                fault = toy_say(found, "the machine does not start");
            else {
                fault = toy_find_loss(found, again, NULL, 0);
                vl_io_close(again);
            }
        }
    }
    toy_deinit(found);
    vl_free(found);
    return fault;
}
