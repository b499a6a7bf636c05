/* volume_space.c - promises, allocation, growing and cutting the file.
 *
 * Invariants
 *   V1  No I/O under the latch. The file's size is changed by one thread at a time, which has
 *       size_turn; blocks enter the table after the file has grown, and leave it before the file is
 *       cut, so that every block of the table has its place in the file.
 *   V2  The file is never cut below the block_count of the durable superblock, nor below a block
 *       that is in a set.
 *   V3  free = available + promised + kept, where `promised` is what callers hold. Whoever changes
 *       the number of free blocks does it under the latch and settles; a promise moves blocks from
 *       `available` with one atomic operation.
 *   V4  kept = 2 x (images of the table at most) - (images stored) - (images taken by the plan of
 *       the checkpoint in writing): volume.h says why this suffices.
 *   V5  available is negative only from opening until the file has first grown: nothing has been
 *       promised then. */
#include "base/assert.h"
#include "storage/volume_int.h"

#include <inttypes.h>

/* The file grows by an eighth, within these limits. */
#define SPACE_STEP_LEAST ((uint64_t)VL_BY_BUILD(1 << 20, 1 << 16))
#define SPACE_STEP_MOST  ((uint64_t)VL_BY_BUILD(64 << 20, 1 << 20))

/* V4, before a checkpoint's plan takes its part. */
static uint64_t
volume_keep_target(const vl_volume *volume, uint64_t block_count)
{
    return 2 * vl_free_map_max_images(volume, block_count) - volume->map.stored_count;
}

void
vl_volume_settle(vl_volume *volume, uint64_t free_before)
{
    uint64_t free_now = vl_space_free_count(volume->space);
    uint64_t kept = volume_keep_target(volume, vl_space_block_count(volume->space));
    int64_t gained;

    VL_ASSERT(vl_latch_is_exclusive(&volume->latch));
    VL_ASSERT(kept >= volume->map.taken_count);
    kept -= volume->map.taken_count;
    gained = (int64_t)(free_now - free_before) - (int64_t)(kept - volume->kept_count);
    volume->kept_count = kept;
    /* Release: who is promised these blocks sees what freed them. */
    atomic_fetch_add_explicit(&volume->available, gained, memory_order_release);
}

/* ---- promises and blocks ---- */

int
vl_volume_try_promise(vl_volume *volume, uint64_t blocks)
{
    int64_t seen = atomic_load_explicit(&volume->available, memory_order_relaxed);

    while (seen >= 0 && (uint64_t)seen >= blocks) {
        if (atomic_compare_exchange_weak_explicit(&volume->available, &seen, seen - (int64_t)blocks,
                                                  memory_order_acquire, memory_order_relaxed))
            return 1;
    }
    return blocks == 0;
}

void
vl_volume_release_promise(vl_volume *volume, uint64_t blocks)
{
    atomic_fetch_add_explicit(&volume->available, (int64_t)blocks, memory_order_release);
}

uint64_t
vl_volume_allocate(vl_volume *volume, uint32_t sets, uint32_t length)
{
    uint64_t address = 0;
    int found;

    vl_latch_acquire_exclusive(&volume->latch);
    /* What is promised, the caller's part included, is free: V3. */
    VL_ASSERT((int64_t)(vl_space_free_count(volume->space) - volume->kept_count) -
                  atomic_load_explicit(&volume->available, memory_order_relaxed) >=
              (int64_t)length);
    found = vl_space_allocate(volume->space, sets, length, &address);
    vl_latch_release_exclusive(&volume->latch);
    VL_CHECK(found || length > 1);
    return address;
}

void
vl_volume_add(vl_volume *volume, uint32_t sets, uint64_t address, uint32_t length)
{
    uint64_t before;

    vl_latch_acquire_exclusive(&volume->latch);
    before = vl_space_free_count(volume->space);
    vl_space_add(volume->space, sets, address, length);
    VL_CHECK(vl_space_free_count(volume->space) == before); /* they were in use, as promised */
    vl_latch_release_exclusive(&volume->latch);
}

void
vl_volume_remove(vl_volume *volume, uint32_t sets, uint64_t address, uint32_t length)
{
    uint64_t before;

    vl_latch_acquire_exclusive(&volume->latch);
    before = vl_space_free_count(volume->space);
    vl_space_remove(volume->space, sets, address, length);
    vl_volume_settle(volume, before);
    vl_latch_release_exclusive(&volume->latch);
}

uint32_t
vl_volume_sets_of(vl_volume *volume, uint64_t block)
{
    uint32_t sets = 0;

    vl_latch_acquire_exclusive(&volume->latch);
    if (block < vl_space_block_count(volume->space))
        sets = vl_space_sets_of(volume->space, block);
    vl_latch_release_exclusive(&volume->latch);
    return sets;
}

void
vl_volume_get_stats(vl_volume *volume, vl_volume_stats *stats)
{
    vl_latch_acquire_exclusive(&volume->latch);
    stats->block_count = vl_space_block_count(volume->space);
    stats->free_count = vl_space_free_count(volume->space);
    stats->kept_count = volume->kept_count;
    stats->map_count = volume->map.stored_count;
    stats->available = atomic_load_explicit(&volume->available, memory_order_relaxed);
    vl_latch_release_exclusive(&volume->latch);
}

/* ---- growing ---- */

/* Blocks that a file has to gain so that `need` more are available: some are kept (V4). */
static uint64_t
volume_grow_least(const vl_volume *volume, uint64_t block_count, uint64_t need)
{
    uint64_t images = vl_free_map_max_images(volume, block_count);
    uint64_t least = need;

    for (;;) {
        uint64_t more = vl_free_map_max_images(volume, block_count + least) - images;

        if (least >= need + 2 * more)
            return least;
        least = need + 2 * more;
    }
}

/* Blocks by which a file of this size grows when more is asked for than it has. */
static uint64_t
volume_grow_step(const vl_volume *volume, uint64_t block_count)
{
    uint64_t size = block_count / 8 * volume->block_size;

    if (size < SPACE_STEP_LEAST)
        size = SPACE_STEP_LEAST;
    if (size > SPACE_STEP_MOST)
        size = SPACE_STEP_MOST;
    return (size + volume->block_size - 1) / volume->block_size;
}

/* Take the blocks [from, from + more) of the medium, then into the table. Keeps V1. */
static velo_status
volume_grow_by(vl_ctx *ctx, vl_volume *volume, uint64_t from, uint64_t more)
{
    uint64_t before;
    velo_status st;

    VL_TRY(vl_media_allocate(ctx, &volume->media, from * volume->block_size,
                             more * volume->block_size));
    VL_TRY(vl_free_map_reserve(ctx, volume, from + more));
    vl_latch_acquire_exclusive(&volume->latch);
    before = vl_space_free_count(volume->space);
    st = vl_space_grow(ctx, volume->space, from + more);
    if (st == VELO_OK) {
        atomic_store_explicit(&volume->block_count, from + more, memory_order_release);
        vl_volume_settle(volume, before);
    }
    vl_latch_release_exclusive(&volume->latch);
    return st;
}

velo_status
vl_volume_grow(vl_ctx *ctx, vl_volume *volume, uint64_t need)
{
    uint64_t count = atomic_load_explicit(&volume->block_count, memory_order_relaxed);
    uint64_t room = VL_VOLUME_MAX_BLOCKS - count;
    uint64_t least;
    uint64_t step = volume_grow_step(volume, count);
    velo_status st;

    VL_ASSERT(vl_latch_is_exclusive(&volume->size_turn));
    if (room > (uint64_t)(INT64_MAX / volume->block_size) - count)
        room = (uint64_t)(INT64_MAX / volume->block_size) - count;
    if (need > room || volume_grow_least(volume, count, need) > room)
        return vl_fail(ctx, VELO_FULL,
                       "\"%s\": %" PRIu64
                       " more blocks would make it larger than a database can be",
                       vl_volume_path(volume), need);
    least = volume_grow_least(volume, count, need);
    if (step > room)
        step = room;
    if (step > least) {
        st = volume_grow_by(ctx, volume, count, step);
        if (vl_status_primary(st) != VELO_FULL)
            return st;
        vl_error_clear(ctx);
    }
    return volume_grow_by(ctx, volume, count, least);
}

velo_status
vl_volume_promise(vl_ctx *ctx, vl_volume *volume, uint64_t blocks)
{
    velo_status st;

    VL_ASSERT(atomic_load_explicit(&volume->is_ready, memory_order_acquire));
    VL_TRY(vl_volume_check_writable(ctx, volume));
    if (vl_volume_try_promise(volume, blocks))
        return VELO_OK;
    if (blocks > VL_VOLUME_MAX_BLOCKS)
        return vl_fail(ctx, VELO_FULL, "\"%s\": no database has %" PRIu64 " blocks",
                       vl_volume_path(volume), blocks);
    vl_latch_acquire_exclusive(&volume->size_turn);
    st = VELO_OK;
    /* Others may take what is gained before we do: then they have got on, and we go again. */
    while (st == VELO_OK && !vl_volume_try_promise(volume, blocks)) {
        int64_t missing =
            (int64_t)blocks - atomic_load_explicit(&volume->available, memory_order_relaxed);

        if (missing > 0)
            st = vl_volume_grow(ctx, volume, (uint64_t)missing);
    }
    vl_latch_release_exclusive(&volume->size_turn);
    return st;
}

/* ---- cutting ---- */

/* Take up to `wanted` blocks away from what is available; returns how many. */
static uint64_t
volume_claim(vl_volume *volume, uint64_t wanted)
{
    int64_t seen = atomic_load_explicit(&volume->available, memory_order_relaxed);
    int64_t taken;

    do {
        if (seen <= 0)
            return 0;
        taken = (uint64_t)seen < wanted ? seen : (int64_t)wanted;
    } while (!atomic_compare_exchange_weak_explicit(&volume->available, &seen, seen - taken,
                                                    memory_order_acquire, memory_order_relaxed));
    return (uint64_t)taken;
}

/* Take the free tail out of the table, as far as nobody has a claim to it, and return the blocks
 * that the file has then. Keeps V2 and V3. With the latch. */
static uint64_t
volume_cut_table(vl_volume *volume, int is_all)
{
    uint64_t count = vl_space_block_count(volume->space);
    uint64_t end = vl_space_used_end(volume->space);
    uint64_t step = volume_grow_step(volume, count);
    uint64_t before = vl_space_free_count(volume->space);
    uint64_t tail;

    if (end < vl_volume_super(volume)->block_count)
        end = vl_volume_super(volume)->block_count;
    tail = count - end;
    if (!is_all) {
        if (tail < 3 * step || tail < count / 4)
            return count; /* not worth it: it would soon grow again */
        tail -= step;
    }
    tail = volume_claim(volume, tail);
    vl_space_shrink(volume->space, count - tail);
    atomic_store_explicit(&volume->block_count, count - tail, memory_order_release);
    /* What was claimed is gone, and settling would take it off again. */
    vl_volume_settle(volume, before - tail);
    return count - tail;
}

void
vl_volume_cut(vl_ctx *ctx, vl_volume *volume, int is_all)
{
    uint64_t before = 0;
    uint64_t was;
    uint64_t count;
    uint64_t size = 0;
    velo_status st = VELO_OK;

    vl_latch_acquire_exclusive(&volume->size_turn);
    vl_latch_acquire_exclusive(&volume->latch);
    was = vl_space_block_count(volume->space);
    count = volume_cut_table(volume, is_all);
    vl_latch_release_exclusive(&volume->latch);
    if (is_all)
        st = vl_media_get_size(ctx, &volume->media, &size); /* a crash may have left more */
    if (st == VELO_OK && (count < was || size > count * volume->block_size))
        st = vl_media_resize(ctx, &volume->media, count * volume->block_size);
    if (st != VELO_OK) {
        vl_log_write(ctx->log, VL_LOG_WARNING, st, "the free space at the end of a file stays: %s",
                     ctx->error.text);
        vl_error_clear(ctx);
        vl_latch_acquire_exclusive(&volume->latch);
        before = vl_space_free_count(volume->space);
        /* Needs no memory, since the table was as large before. */
        if (vl_space_grow(ctx, volume->space, was) == VELO_OK)
            atomic_store_explicit(&volume->block_count, was, memory_order_release);
        vl_volume_settle(volume, before);
        vl_latch_release_exclusive(&volume->latch);
    }
    vl_latch_release_exclusive(&volume->size_turn);
}

void
vl_volume_trim(vl_ctx *ctx, vl_volume *volume)
{
    if (vl_volume_get_view(volume).base == NULL)
        vl_volume_cut(ctx, volume, 1);
}

void
vl_volume_settle_before(vl_volume *volume, uint64_t end)
{
    vl_latch_acquire_exclusive(&volume->latch);
    vl_space_rewind(volume->space);
    volume->map_end = end;
    vl_latch_release_exclusive(&volume->latch);
}
