/* cache_verify.c - walking maps, and comparing.
 *
 * Invariants
 *   Y1  Nothing is changed here. What is found wrong is a bug, or a file that was changed by
 * others: so it is said, and not asserted. */
#include "storage/cache_verify.h"

#include "storage/cache_int.h"

#include <inttypes.h>
#include <string.h>

/* A walk over a map. */
typedef struct verify_walk {
    vl_cache *cache;
    vl_livemap_root root; /* of the map */
    int is_live;          /* pages in memory count */
    uint32_t set;         /* which set its blocks are in */
    uint64_t *seen;       /* a bit for each block; owned */
    uint64_t block_count; /* of the file */
    uint64_t found;       /* blocks that are referred to */
    uint64_t page_count;  /* pages of trees with an image */
    uint8_t *buffers;     /* a page for each level; owned */
} verify_walk;

static velo_status
verify_fail(vl_ctx *ctx, vl_pid pid, const char *what)
{
    return vl_fail(ctx, VELO_INTERNAL, "page %u: %s", (unsigned)pid, what);
}

/* A block that is referred to: in its set, and not twice. */
static velo_status
verify_extent(vl_ctx *ctx, verify_walk *walk, vl_pid pid, const vl_extent *extent)
{
    for (uint64_t block = extent->address; block < extent->address + extent->length; block++) {
        if (block >= walk->block_count)
            return verify_fail(ctx, pid, "its block is behind the end of the file");
        if ((walk->seen[block / 64] >> (block % 64) & 1) != 0)
            return verify_fail(ctx, pid, "its block is another's as well");
        walk->seen[block / 64] |= UINT64_C(1) << (block % 64);
        if ((vl_volume_sets_of(walk->cache->volume, block) & walk->set) == 0)
            return verify_fail(ctx, pid, "its block is not in the set");
        walk->found++;
    }
    return VELO_OK;
}

/* The frame of a page of the live map, also while it is being written. */
static const void *
verify_resident(const verify_walk *walk, vl_pid pid)
{
    const _Atomic uint64_t *word = vl_cache_word(walk->cache, pid);
    uint32_t place;

    if (!walk->is_live || word == NULL)
        return NULL;
    place = vl_word_place(atomic_load_explicit(word, memory_order_acquire));
    return place == 0 ? NULL : vl_cache_page_of(walk->cache, place - 1);
}

/* A page that is read in place lies where the live map says. */
static velo_status
verify_place(vl_ctx *ctx, const verify_walk *walk, vl_pid pid, const vl_extent *extent)
{
    vl_cache *cache = walk->cache;
    const _Atomic uint64_t *word = vl_cache_word(cache, pid);
    uint32_t place;

    if (!walk->is_live || word == NULL)
        return VELO_OK;
    place = vl_word_place(atomic_load_explicit(word, memory_order_acquire));
    if (place == 0 || !vl_cache_is_direct(cache, place - 1) ||
        (extent->encoding == VL_PAGEMAP_PLAIN &&
         extent->address == place - 1 - cache->direct_first))
        return VELO_OK;
    return verify_fail(ctx, pid, "it is read in place where its image is not (X1)");
}

/* Check a map page and all below it. `extent` may be that of a page which has no image. Recursion
 * goes down the levels, four at most. */
static velo_status
verify_map_page(vl_ctx *ctx, verify_walk *walk, vl_pid pid, const vl_extent *extent)
{
    vl_cache *cache = walk->cache;
    uint32_t level = pid & cache->own_mask;
    const void *page = verify_resident(walk, pid);
    uint64_t below = level == 0 ? 1 : vl_pagemap_span(cache->page_size, level - 1);

    if (extent->encoding == VL_PAGEMAP_PLAIN)
        VL_TRY(verify_extent(ctx, walk, pid, extent));
    if (page == NULL && extent->encoding != VL_PAGEMAP_PLAIN)
        return VELO_OK; /* there is nothing */
    if (page == NULL) {
        void *buffer = walk->buffers + (size_t)level * cache->page_size;
        const char *fault;

        VL_TRY(vl_volume_read(ctx, cache->volume, extent, buffer, "page", pid));
        fault = vl_pagemap_fault(buffer, cache->page_size, pid);
        if (fault != NULL)
            return verify_fail(ctx, pid, fault);
        page = buffer;
    }
    for (uint32_t i = VL_PAGEMAP_FIRST; i < cache->own_mask + 1; i++) {
        uint64_t child = level == 0 ? pid + (uint64_t)i
                                    : pid - level + (i - VL_PAGEMAP_FIRST) * below + level - 1;
        vl_extent entry = vl_pagemap_get(page, i);

        if (child >= vl_pagemap_end(cache->page_size))
            break;
        if (level > 0)
            VL_TRY(verify_map_page(ctx, walk, (vl_pid)child, &entry));
        else
            VL_TRY(verify_place(ctx, walk, (vl_pid)child, &entry));
        if (level == 0 && entry.encoding == VL_PAGEMAP_PLAIN)
            VL_TRY(verify_extent(ctx, walk, (vl_pid)child, &entry));
        if (level == 0 && entry.encoding == VL_PAGEMAP_PLAIN)
            walk->page_count++;
    }
    return VELO_OK;
}

/* Walk a map, and compare how many blocks it has with the set. `others` are in the set for other
 * reasons. */
static velo_status
verify_run(vl_ctx *ctx, verify_walk *walk, uint64_t others)
{
    uint64_t in_set = 0;

    if (walk->root.level >= 0)
        VL_TRY(verify_map_page(ctx, walk, (vl_pid)walk->root.level, &walk->root.extent));
    for (uint64_t block = VL_SUPER_COUNT; block < walk->block_count; block++)
        in_set += (vl_volume_sets_of(walk->cache->volume, block) & walk->set) != 0;
    if (in_set != walk->found + others)
        return vl_fail(ctx, VELO_INTERNAL,
                       "%" PRIu64 " blocks are in set %u, but %" PRIu64
                       " are referred to and %" PRIu64 " are others'",
                       in_set, (unsigned)walk->set, walk->found, others);
    return VELO_OK;
}

static velo_status
verify_begin(vl_ctx *ctx, vl_cache *cache, verify_walk *walk)
{
    vl_volume_stats stats;

    memset(walk, 0, sizeof *walk);
    walk->cache = cache;
    vl_volume_get_stats(cache->volume, &stats);
    walk->block_count = stats.block_count;
    walk->seen = vl_alloc_array(ctx, walk->block_count / 64 + 1, sizeof *walk->seen);
    walk->buffers =
        vl_alloc_aligned(ctx, (size_t)VL_PAGEMAP_LEVELS * cache->page_size, VL_DIRECT_ALIGN);
    if (walk->seen == NULL || walk->buffers == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a table of blocks");
    return VELO_OK;
}

static void
verify_end(verify_walk *walk)
{
    vl_free(walk->seen);
    vl_free(walk->buffers);
}

/* ---- frames; the latch is held ---- */

/* Why the map page in a frame must stay: pages below that are dirty or being written, and numbers
 * that are not born. */
static uint32_t
verify_expected_holds(vl_cache *cache, const vl_frame *map, const void *page)
{
    uint32_t level = map->pid & cache->own_mask;
    uint64_t below = level == 0 ? 1 : vl_pagemap_span(cache->page_size, level - 1);
    uint32_t holds = 0;

    for (uint32_t i = VL_PAGEMAP_FIRST; i < cache->own_mask + 1; i++) {
        uint64_t child = level == 0 ? map->pid + (uint64_t)i
                                    : map->pid - level + (i - VL_PAGEMAP_FIRST) * below + level - 1;
        const _Atomic uint64_t *word = NULL;
        uint32_t place = 0;

        if (child < vl_pagemap_end(cache->page_size))
            word = vl_cache_word(cache, (vl_pid)child);
        if (word != NULL)
            place = vl_word_place(atomic_load_explicit(word, memory_order_relaxed));
        if (place != 0) {
            const vl_frame *frame = vl_cache_frame_of(cache, place - 1);

            holds += vl_frame_dirty_epoch(frame) != 0 || frame->in_write;
        } else {
            holds += vl_pagemap_get(page, i).encoding == VL_PAGEMAP_RESERVED;
        }
    }
    return holds;
}

static velo_status
verify_frames(vl_ctx *ctx, vl_cache *cache)
{
    uint32_t count = vl_cache_frame_count(cache);
    uint64_t dirty = 0;
    uint64_t extra = 0;
    uint64_t free_count = 0;
    uint64_t copies = 0;

    for (uint32_t i = 0; i < count; i++) {
        const vl_frame *frame = vl_cache_frame_of(cache, i);

        dirty += vl_frame_dirty_epoch(frame) != 0;
        free_count += frame->kind == VL_FRAME_FREE;
        copies += frame->kind == VL_FRAME_COPY;
        if (frame->kind == VL_FRAME_MAP) {
            uint32_t holds = verify_expected_holds(cache, frame, vl_cache_page_of(cache, i));

            if (frame->holds < holds)
                return verify_fail(ctx, frame->pid, "it is not held as it should be (P1)");
            extra += frame->holds - holds;
        } else if (frame->holds != 0 || frame->shadow != 0) {
            return verify_fail(ctx, frame->pid, "it is held, but no map page");
        }
        if (frame->in_write && vl_frame_dirty_epoch(frame) != 0)
            return verify_fail(ctx, frame->pid, "it is dirty and unchanged");
    }
    if (dirty != cache->dirty_count ||
        free_count != (uint64_t)cache->free_count + cache->retired_count ||
        copies != cache->copies_in_use || extra != cache->path_holds)
        return vl_fail(ctx, VELO_INTERNAL,
                       "%" PRIu64 " frames are dirty, %" PRIu64 " free, %" PRIu64
                       " copies, %" PRIu64 " held by changes: the cache has counted otherwise",
                       dirty, free_count, copies, extra);
    return VELO_OK;
}

velo_status
vl_cache_verify(vl_ctx *ctx, vl_cache *cache)
{
    verify_walk walk;
    vl_volume_stats stats;
    velo_status st;

    if (cache->volume == NULL || !atomic_load_explicit(&cache->is_writable, memory_order_acquire))
        return VELO_OK;
    vl_latch_acquire_exclusive(&cache->latch);
    st = verify_begin(ctx, cache, &walk);
    walk.root = cache->root;
    walk.is_live = 1;
    walk.set = VL_SPACE_LIVE;
    vl_volume_get_stats(cache->volume, &stats);
    if (st == VELO_OK)
        st = verify_frames(ctx, cache);
    if (st == VELO_OK)
        st = verify_run(ctx, &walk, stats.map_count);
    vl_latch_release_exclusive(&cache->latch);
    verify_end(&walk);
    return st;
}

velo_status
vl_cache_verify_durable(vl_ctx *ctx, vl_cache *cache, uint64_t *page_count)
{
    const vl_superblock *super = vl_volume_super(cache->volume);
    verify_walk walk;
    vl_volume_stats stats;
    velo_status st;

    *page_count = 0;
    st = verify_begin(ctx, cache, &walk);
    walk.root.level = super->map_root.address == 0 ? -1 : (int32_t)super->map_root.height;
    walk.root.extent = (vl_extent){.address = super->map_root.address,
                                   .length = super->map_root.length,
                                   .encoding = VL_PAGEMAP_PLAIN,
                                   .checksum = super->map_root.checksum};
    walk.set = VL_SPACE_DURABLE;
    vl_volume_get_stats(cache->volume, &stats);
    if (st == VELO_OK)
        st = verify_run(ctx, &walk, stats.map_count);
    *page_count = walk.page_count;
    verify_end(&walk);
    return st;
}
