/* sim.c - the simulated machine: made, copied, killed, its power cut, its space counted.
 *
 * Invariants
 *   S1  A file exists while it has a name, a pending change of a name, or an opener.
 *   S2  Only living processes have open files and locks in the machine's lists.
 *   S3  A power cut, a kill and a clone happen in full or, for want of memory, not at all: what may
 *       fail is worked out beside the machine's state, which then changes without failing.
 *   S4  Space in use is that of what reads see, and what pending changes gave back. */
#include "os/sim.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/rank.h"
#include "os/sim_int.h"

#include <errno.h>
#include <string.h>

/* The clock at the start, and the time for which the machine is off at a power cut. */
#define SIM_MACHINE_START_NS UINT64_C(1000000000)
#define SIM_MACHINE_OFF_NS   UINT64_C(30000000000)

/* ---- life ---- */

velo_status
vl_sim_create(vl_ctx *ctx, const vl_sim_options *options, vl_sim **out)
{
    vl_sim *sim = vl_alloc_zero(ctx, sizeof *sim);

    *out = NULL;
    if (sim == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a simulated machine");
    vl_latch_init(&sim->latch, VL_RANK_SIM);
    sim->allocator = ctx->allocator;
    if (options != NULL)
        sim->options = *options;
    if (sim->options.direct_align == 0)
        sim->options.direct_align = VL_SECTOR_SIZE;
    VL_ASSERT(vl_is_power_of_two(sim->options.direct_align));
    sim->next_inode = 1;
    sim->next_sequence = 1;
    sim->clock_ns = SIM_MACHINE_START_NS;
    vl_rng_init(&sim->rng_random, vl_mix64(sim->options.seed + 1));
    vl_rng_init(&sim->rng_queue, vl_mix64(sim->options.seed + 2));
    vl_rng_init(&sim->rng_fault, vl_mix64(sim->options.seed + 3));
    *out = sim;
    return VELO_OK;
}

void
vl_sim_destroy(vl_sim *sim)
{
    if (sim == NULL)
        return;
    VL_CHECK(sim->processes == NULL);
    for (uint32_t i = 0; i < sim->folder_count; i++)
        vl_sim_folder_destroy(sim->folders[i]);
    for (uint32_t i = 0; i < sim->inode_count; i++)
        vl_sim_inode_destroy(sim->inodes[i]);
    vl_sim_plan_destroy(sim);
    vl_free(sim->folders);
    vl_free(sim->inodes);
    vl_free(sim->locks);
    vl_free(sim->plans);
    vl_free(sim);
}

void
vl_sim_sweep(vl_sim *sim)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < sim->inode_count; i++) {
        vl_sim_inode *inode = sim->inodes[i];

        if (inode->name_refs == 0 && inode->open_count == 0)
            vl_sim_inode_destroy(inode); /* keeps S1 */
        else
            sim->inodes[kept++] = inode;
    }
    sim->inode_count = kept;
}

/* ---- clones ---- */

static int
sim_machine_copy_files(const vl_sim *from, vl_sim *to)
{
    int error = 0;

    for (uint32_t i = 0; i < from->inode_count && error == 0; i++) {
        vl_sim_inode *inode = from->inodes[i];

        inode->twin = NULL;
        if (inode->name_refs > 0)
            error = vl_sim_inode_copy(to, inode, &inode->twin);
    }
    for (uint32_t i = 0; i < from->folder_count && error == 0; i++) {
        vl_sim_folder *copy;

        error = vl_sim_folder_copy(to, from->folders[i], &copy);
    }
    return error;
}

static void
sim_machine_copy_state(const vl_sim *from, vl_sim *to)
{
    to->options = from->options;
    to->next_inode = from->next_inode;
    to->next_sequence = from->next_sequence;
    to->is_off = from->is_off;
    to->clock_ns = from->clock_ns;
    to->rng_random = from->rng_random;
    to->rng_queue = from->rng_queue;
    to->rng_fault = from->rng_fault;
    to->stats = from->stats;
    to->trace_count = from->trace_count;
    memcpy(to->trace, from->trace, sizeof to->trace);
}

velo_status
vl_sim_clone(vl_ctx *ctx, vl_sim *sim, vl_sim **out)
{
    vl_sim *copy;
    int error;

    *out = NULL;
    VL_TRY(vl_sim_create(ctx, &sim->options, &copy));
    VL_ASSERT(copy != NULL);
    vl_latch_acquire_exclusive(&sim->latch);
    error = vl_sim_region_fold_all(sim);
    if (error == 0)
        error = sim_machine_copy_files(sim, copy);
    if (error == 0)
        sim_machine_copy_state(sim, copy);
    vl_latch_release_exclusive(&sim->latch);
    if (error != 0) {
        vl_sim_destroy(copy);
        return vl_fail(ctx, VELO_NOMEM, "cannot copy a simulated machine");
    }
    *out = copy;
    return VELO_OK;
}

/* ---- kills and power cuts ---- */

/* End all processes, after their stores to maps were noted. Keeps S2. */
static void
sim_machine_end_processes(vl_sim *sim)
{
    for (vl_sim_process *process = sim->processes; process != NULL; process = process->next)
        process->is_dead = 1;
    while (sim->files != NULL) {
        vl_sim_file *file = sim->files;

        sim->files = file->next;
        file->inode->open_count--;
        file->inode = NULL;
        file->next = NULL;
    }
    sim->lock_count = 0;
    for (uint32_t i = 0; i < sim->inode_count; i++)
        vl_sim_region_detach(sim->inodes[i]);
    vl_sim_sweep(sim);
}

void
vl_sim_stop(vl_sim *sim, int off)
{
    (void)vl_sim_region_fold_all(sim);
    sim_machine_end_processes(sim);
    sim->is_off = off;
    if (!off)
        sim->stats.kill_count++;
}

velo_status
vl_sim_kill(vl_ctx *ctx, vl_sim *sim)
{
    int error;

    vl_latch_acquire_exclusive(&sim->latch);
    error = vl_sim_region_fold_all(sim);
    if (error == 0) {
        sim_machine_end_processes(sim);
        sim->stats.kill_count++;
    }
    vl_latch_release_exclusive(&sim->latch);
    return error == 0 ? VELO_OK : vl_fail(ctx, VELO_NOMEM, "cannot kill the processes");
}

/* The pending change with the lowest sequence from `from` on; UINT64_MAX for none. */
static uint64_t
sim_machine_next_change(const vl_sim *sim, uint64_t from)
{
    uint64_t next = UINT64_MAX;

    for (uint32_t i = 0; i < sim->inode_count; i++) {
        const vl_sim_inode *inode = sim->inodes[i];

        for (uint32_t j = 0; j < inode->change_count; j++)
            if (inode->changes[j].sequence >= from && inode->changes[j].sequence < next)
                next = inode->changes[j].sequence;
    }
    for (uint32_t i = 0; i < sim->folder_count; i++) {
        const vl_sim_folder *folder = sim->folders[i];

        for (uint32_t j = 0; j < folder->change_count; j++)
            if (folder->changes[j].sequence >= from && folder->changes[j].sequence < next)
                next = folder->changes[j].sequence;
    }
    return next;
}

/* The change at which KEEP_PREFIX ends: the first one from a random place on; perhaps none. */
static uint64_t
sim_machine_draw_point(const vl_sim *sim, vl_rng *rng)
{
    uint64_t first = sim_machine_next_change(sim, 0);

    if (first == UINT64_MAX)
        return first;
    return sim_machine_next_change(sim, first + vl_rng_below(rng, sim->next_sequence - first + 1));
}

static void
sim_machine_begin_draw(vl_sim *sim, const vl_sim_outcome *outcome, vl_sim_draw *draw)
{
    memset(draw, 0, sizeof *draw);
    if (outcome != NULL)
        draw->outcome = *outcome;
    else
        draw->outcome.seed = vl_rng_next(&sim->rng_fault);
    vl_rng_init(&draw->rng, draw->outcome.seed);
    draw->keep_of_8 = vl_rng_below(&draw->rng, 9);
    if (draw->outcome.keep == VL_SIM_KEEP_PREFIX)
        draw->point = sim_machine_draw_point(sim, &draw->rng);
}

/* Work out the outcome for all files beside their state. */
static int
sim_machine_settle(vl_sim *sim, vl_sim_draw *draw)
{
    int error = vl_sim_region_fold_all(sim);

    for (uint32_t i = 0; i < sim->folder_count && error == 0; i++)
        error = vl_sim_names_reserve(sim, sim->folders[i]);
    for (uint32_t i = 0; i < sim->inode_count && error == 0; i++)
        error = vl_sim_inode_settle(sim, sim->inodes[i], draw);
    return error;
}

/* Make it the machine's state; cannot fail. Keeps S3. */
static void
sim_machine_commit(vl_sim *sim, vl_sim_draw *draw)
{
    sim_machine_end_processes(sim);
    for (uint32_t i = 0; i < sim->folder_count; i++)
        vl_sim_names_settle(sim->folders[i], draw);
    vl_sim_sweep(sim);
    for (uint32_t i = 0; i < sim->inode_count; i++)
        vl_sim_inode_commit(sim->inodes[i]);
    sim->is_off = 0;
    sim->clock_ns += SIM_MACHINE_OFF_NS;
    sim->stats.cut_count++;
}

static velo_status
sim_machine_cut(vl_ctx *ctx, vl_sim *sim, const vl_sim_outcome *outcome)
{
    vl_rng before = sim->rng_fault;
    vl_sim_draw draw;

    sim_machine_begin_draw(sim, outcome, &draw);
    if (sim_machine_settle(sim, &draw) != 0) {
        sim->rng_fault = before;
        return vl_fail(ctx, VELO_NOMEM, "cannot draw what a power cut leaves");
    }
    sim_machine_commit(sim, &draw);
    return VELO_OK;
}

velo_status
vl_sim_cut_power(vl_ctx *ctx, vl_sim *sim, const vl_sim_outcome *outcome)
{
    velo_status st;

    vl_latch_acquire_exclusive(&sim->latch);
    st = sim_machine_cut(ctx, sim, outcome);
    vl_latch_release_exclusive(&sim->latch);
    return st;
}

int
vl_sim_is_off(vl_sim *sim)
{
    int is_off;

    vl_latch_acquire_exclusive(&sim->latch);
    is_off = sim->is_off;
    vl_latch_release_exclusive(&sim->latch);
    return is_off;
}

/* ---- processes ---- */

velo_status
vl_sim_open_io(vl_ctx *ctx, vl_sim *sim, vl_io **out)
{
    vl_sim_process *process = vl_alloc_zero(ctx, sizeof *process);
    velo_status st = VELO_OK;

    *out = NULL;
    if (process == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a simulated process");
    vl_latch_acquire_exclusive(&sim->latch);
    if (sim->is_off)
        st = sim_machine_cut(ctx, sim, NULL);
    if (st == VELO_OK) {
        process->sim = sim;
        process->next = sim->processes;
        sim->processes = process;
    }
    vl_latch_release_exclusive(&sim->latch);
    if (st != VELO_OK) {
        vl_free(process);
        return st;
    }
    vl_io_init(&process->io, &vl_sim_io_ops, ctx, sim->options.queue_depth);
    *out = &process->io;
    return VELO_OK;
}

/* ---- space ---- */

uint64_t
vl_sim_space_used(const vl_sim *sim)
{
    uint64_t blocks = 0;

    for (uint32_t i = 0; i < sim->inode_count; i++)
        blocks += sim->inodes[i]->current->block_count + sim->inodes[i]->freed_blocks; /* S4 */
    return blocks * VL_SIM_BLOCK_SIZE;
}

/* Get back what was given back: the file system commits its journal when it finds no space. All
 * pending changes of the files and folders concerned become durable, as they may at any time. */
static int
sim_machine_reclaim(vl_sim *sim)
{
    int error = 0;

    for (uint32_t i = 0; i < sim->inode_count && error == 0; i++)
        if (sim->inodes[i]->freed_blocks > 0)
            error = vl_sim_inode_sync(sim, sim->inodes[i]);
    for (uint32_t i = 0; i < sim->folder_count && error == 0; i++)
        error = vl_sim_names_sync(sim, sim->folders[i]);
    vl_sim_sweep(sim);
    return error;
}

/* Blocks that may still be allocated. */
static uint64_t
sim_machine_free_blocks(const vl_sim *sim)
{
    uint64_t capacity = sim->options.capacity_bytes;
    uint64_t used = vl_sim_space_used(sim);

    return used < capacity ? (capacity - used) / VL_SIM_BLOCK_SIZE : 0;
}

int
vl_sim_space_fit(vl_sim *sim, const vl_sim_inode *inode, uint64_t offset, uint64_t *size)
{
    uint64_t end = offset + *size;
    uint64_t holes = vl_sim_content_count_holes(inode->current, offset, *size);
    uint64_t room;
    uint64_t at;
    int error = 0;

    if (sim->options.capacity_bytes == 0 || holes == 0)
        return 0;
    room = sim_machine_free_blocks(sim);
    if (holes > room) {
        error = sim_machine_reclaim(sim);
        room = sim_machine_free_blocks(sim);
    }
    if (error != 0 || holes <= room)
        return error;
    /* Up to the first hole for which there is no room. */
    for (at = offset; at < end; at = vl_align_down(at, VL_SIM_BLOCK_SIZE) + VL_SIM_BLOCK_SIZE) {
        if (!vl_sim_content_has_block(inode->current, at) && room-- == 0)
            break;
    }
    *size = at - offset;
    return *size > 0 ? 0 : ENOSPC;
}

/* ---- damage and observation ---- */

/* Flip the bit in one of the contents. */
static int
sim_machine_flip(vl_sim *sim, vl_sim_content **slot, uint64_t bit_offset)
{
    uint64_t offset = bit_offset / 8;
    uint8_t byte;
    int error;

    if (offset >= (*slot)->size)
        return 0;
    error = vl_sim_content_prepare(sim->allocator, slot, offset, 1);
    if (error != 0)
        return error;
    byte = (uint8_t)(*vl_sim_content_peek(*slot, offset) ^ (1U << (bit_offset % 8)));
    vl_sim_content_put(*slot, offset, &byte, 1);
    return 0;
}

static velo_status
sim_machine_flip_bit(vl_ctx *ctx, vl_sim *sim, const char *path, uint64_t bit_offset)
{
    vl_sim_place place;
    vl_sim_inode *inode;
    int error = vl_sim_place_find(sim, path, &place);

    if (error != 0 || place.inode == NULL)
        return vl_fail(ctx, VELO_NOTFOUND, "there is no file \"%s\"", path);
    inode = place.inode;
    if (bit_offset / 8 >= inode->current->size)
        return vl_fail(ctx, VELO_RANGE, "\"%s\" ends before the bit", path);
    error = vl_sim_region_fold(sim, inode, bit_offset / 8, 1);
    /* First make both changeable, then change both. */
    if (error == 0)
        error = vl_sim_content_prepare(sim->allocator, &inode->current, bit_offset / 8, 1);
    if (error == 0 && bit_offset / 8 < inode->durable->size)
        error = vl_sim_content_prepare(sim->allocator, &inode->durable, bit_offset / 8, 1);
    if (error == 0)
        error = sim_machine_flip(sim, &inode->current, bit_offset);
    if (error == 0)
        error = sim_machine_flip(sim, &inode->durable, bit_offset);
    if (error != 0)
        return vl_fail(ctx, VELO_NOMEM, "cannot flip a bit of \"%s\"", path);
    if (inode->change_count > 0)
        inode->is_diverged = 1; /* pending changes may hold the bit as it was */
    vl_sim_region_refresh(inode, bit_offset / 8, 1);
    return VELO_OK;
}

velo_status
vl_sim_flip_bit(vl_ctx *ctx, vl_sim *sim, const char *path, uint64_t bit_offset)
{
    velo_status st;

    vl_latch_acquire_exclusive(&sim->latch);
    st = sim_machine_flip_bit(ctx, sim, path, bit_offset);
    vl_latch_release_exclusive(&sim->latch);
    return st;
}

void
vl_sim_get_stats(vl_sim *sim, vl_sim_stats *stats)
{
    vl_latch_acquire_exclusive(&sim->latch);
    *stats = sim->stats;
    stats->file_count = sim->inode_count;
    stats->used_bytes = vl_sim_space_used(sim);
    stats->pending_count = 0;
    for (uint32_t i = 0; i < sim->inode_count; i++)
        stats->pending_count += sim->inodes[i]->change_count;
    for (uint32_t i = 0; i < sim->folder_count; i++)
        stats->pending_count += sim->folders[i]->change_count;
    vl_latch_release_exclusive(&sim->latch);
}

/* A sum over the entries, so that their order does not matter. */
static uint64_t
sim_machine_hash_entries(const vl_sim_entries *entries, uint64_t seed)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < entries->count; i++) {
        const vl_sim_entry *entry = &entries->items[i];
        uint64_t name = vl_hash64(entry->name->data, entry->name->size, seed);

        sum += vl_mix64(vl_sim_content_hash(entry->inode->current, name));
        sum += vl_mix64(~vl_sim_content_hash(entry->inode->durable, name));
    }
    return sum;
}

uint64_t
vl_sim_hash(vl_sim *sim)
{
    uint64_t sum = 0;

    vl_latch_acquire_exclusive(&sim->latch);
    for (uint32_t i = 0; i < sim->folder_count; i++) {
        const vl_sim_folder *folder = sim->folders[i];
        uint64_t seed = vl_hash64(folder->path->data, folder->path->size, 0);

        sum += sim_machine_hash_entries(&folder->current, seed);
        sum += vl_mix64(sim_machine_hash_entries(&folder->durable, ~seed));
    }
    vl_latch_release_exclusive(&sim->latch);
    return sum;
}
