/* store_compact.c - making a database's file shorter.
 *
 * Blocks are used again wherever they are free, so a file keeps its length until its end happens to
 * be free. Here what lies there is moved to the front: pages behind the place where the file could
 * end are made dirty, the search for free blocks begins at the front, and checkpoints do the rest,
 * as always: new images, the superblock, then the old blocks are free and the tail is cut. So a
 * crash at any moment leaves one checkpoint or the other, each whole, and others go on reading and
 * writing.
 *
 * Invariants
 *   SC1  A block that the durable checkpoint needs is not overwritten: that is space.h's rule, and
 *        nothing here goes past it. */
#include "storage/store_int.h"

/* Rounds at most: one moves all but what others write meanwhile; blocks that were needed by the
 * checkpoint before are free only for the next one. */
#define COMPACT_ROUNDS 8U

/* Blocks that a file has when nothing is free but what is kept. */
static uint64_t
compact_target(const vl_volume_stats *stats)
{
    return stats->block_count - stats->free_count + stats->kept_count;
}

/* One round: *is_done when it found nothing to move. */
static velo_status
compact_round(vl_ctx *ctx, vl_store *store, int *is_done)
{
    vl_volume_stats stats;
    uint64_t count;

    vl_volume_get_stats(store->volume, &stats);
    vl_volume_rewind(store->volume);
    VL_TRY(vl_cache_touch_behind(ctx, store->cache, compact_target(&stats), &count));
    *is_done = count == 0;
    return *is_done ? VELO_OK : vl_store_checkpoint(ctx, store);
}

velo_status
vl_store_compact(vl_ctx *ctx, vl_store *store)
{
    uint64_t before = UINT64_MAX;
    int is_done = 0;

    if (store->volume == NULL)
        return VELO_OK;
    VL_TRY(vl_store_checkpoint(ctx, store)); /* what is free is known, and may be used */
    for (uint32_t round = 0; round < COMPACT_ROUNDS && !is_done; round++) {
        vl_volume_stats stats;

        VL_TRY(compact_round(ctx, store, &is_done));
        vl_volume_trim(ctx, store->volume);
        vl_volume_get_stats(store->volume, &stats);
        is_done = is_done || stats.block_count >= before;
        before = stats.block_count;
    }
    return VELO_OK;
}
