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

/* Move what is behind the place where the file could end, once. */
static velo_status
compact_round(vl_ctx *ctx, vl_store *store)
{
    vl_volume_stats stats;
    uint64_t count;

    vl_volume_get_stats(store->volume, &stats);
    vl_volume_settle_before(store->volume, compact_target(&stats));
    VL_TRY(vl_cache_touch_behind(ctx, store->cache, compact_target(&stats), &count));
    return vl_store_checkpoint(ctx, store);
}

/* Rounds as long as they make the file shorter. */
static velo_status
compact_rounds(vl_ctx *ctx, vl_store *store)
{
    vl_volume_stats before, after;

    for (uint32_t round = 0; round < COMPACT_ROUNDS; round++) {
        vl_volume_get_stats(store->volume, &before);
        VL_TRY(compact_round(ctx, store));
        vl_volume_trim(ctx, store->volume);
        vl_volume_get_stats(store->volume, &after);
        if (after.block_count >= before.block_count)
            break;
    }
    return VELO_OK;
}

velo_status
vl_store_compact(vl_ctx *ctx, vl_store *store)
{
    velo_status st;

    if (store->volume == NULL)
        return VELO_OK;
    VL_TRY(vl_store_checkpoint(ctx, store)); /* what is free is known, and may be used */
    st = compact_rounds(ctx, store);
    vl_volume_settle_before(store->volume, UINT64_MAX);
    return st;
}
