/* cache_compact.c - making pages dirty that lie far behind in the file, so that the next checkpoint
 * writes them to other blocks.
 *
 * A page does not change by it: its image is the same at another place. Map pages get dirty with
 * the pages below them, and by themselves where those lie well, or are gone.
 *
 * Invariants
 *   CC1  Nothing is latched between two pages, and no section spans more than one. */
#include "storage/cache_int.h"

/* Bring a page in, or out of the mapping into a frame, unless it is gone meanwhile. */
static velo_status
compact_bring(vl_ctx *ctx, vl_cache *cache, vl_pid pid, int *exists)
{
    vl_extent extent;

    VL_TRY(vl_cache_locate(ctx, cache, pid, &extent, exists));
    if (!*exists)
        return VELO_OK;
    if (vl_cache_has_direct(cache) && vl_cache_is_resident(cache, pid))
        return vl_cache_lift_wanted(ctx, cache, pid);
    return vl_cache_bring(ctx, cache, pid, exists);
}

/* Make a page dirty, unless it is gone. */
static velo_status
compact_touch(vl_ctx *ctx, vl_cache *cache, vl_pid pid)
{
    vl_page_ref ref = {0};
    vl_change change;
    velo_status st = VELO_OK;
    int is_done = 0;
    int exists = 1;

    vl_change_begin(cache, &change);
    while (st == VELO_OK && !is_done && exists) {
        if (!vl_cache_exclusive(cache, pid, &ref)) {
            st = compact_bring(ctx, cache, pid, &exists);
            continue;
        }
        is_done = vl_change_prepare(&change, &ref) && vl_change_enter(&change);
        if (is_done)
            vl_change_leave(&change);
        vl_cache_release_exclusive(cache, &ref);
        if (!is_done)
            st = vl_change_wait(ctx, &change);
    }
    vl_change_end(&change);
    return st;
}

/* Make a map page dirty, with all above it. Its number lies in the range that it maps, so it is on
 * the path to itself. */
static velo_status
compact_touch_map(vl_ctx *ctx, vl_cache *cache, vl_pid pid)
{
    vl_change change;
    velo_status st = VELO_OK;
    int exists = 1;

    vl_change_begin(cache, &change);
    while (st == VELO_OK && exists && !vl_change_prepare_path(&change, pid, &exists))
        st = exists ? vl_change_wait(ctx, &change) : VELO_OK;
    vl_change_end(&change);
    return st;
}

velo_status
vl_cache_touch_behind(vl_ctx *ctx, vl_cache *cache, uint64_t end, uint64_t *count)
{
    vl_cache_stats stats;

    *count = 0;
    vl_cache_get_stats(cache, &stats);
    for (uint64_t pid = 0; pid < stats.page_end; pid++) {
        vl_extent extent;
        int exists;

        VL_TRY(vl_cache_locate(ctx, cache, (vl_pid)pid, &extent, &exists));
        if (!exists || extent.address + extent.length <= end)
            continue;
        VL_TRY(vl_cache_is_own(cache, (vl_pid)pid) ? compact_touch_map(ctx, cache, (vl_pid)pid)
                                                   : compact_touch(ctx, cache, (vl_pid)pid));
        ++*count;
    }
    return VELO_OK;
}
