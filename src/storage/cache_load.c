/* cache_load.c - bringing pages in.
 *
 * Who finds a page absent makes its word `loading`; others wait for that. While it is loading
 * nobody can change the page, and so neither its entry in the page map: what the entry says stays
 * true until the image has been read, without holding anything.
 *
 * Invariants
 *   L1  A frame is filled and described before the word shows it.
 *   L2  A page that could not be read leaves its word empty, and all who wait look again.
 *   L3  A thread that loads a page of the map above another holds only words of pages below: waits
 *       go up the map, and so end. */
#include "storage/cache_int.h"
#include "storage/page_check.h"

#include <string.h>

/* Wait until whoever has an absent page for itself has done with it. */
static void
load_wait_other(vl_cache *cache, vl_pid pid)
{
    _Atomic uint64_t *word = vl_cache_word(cache, pid);

    vl_word_wait_loaded(word);
    if (vl_cache_is_own(cache, pid) && vl_word_acquire_shared(word) != 0)
        vl_word_release_shared(word); /* it was being let go, or is here */
}

/* Where the image of a page lies; map pages above it are brought in. */
static velo_status
load_locate(vl_ctx *ctx, vl_cache *cache, vl_pid pid, vl_extent *extent, int *exists)
{
    for (;;) {
        vl_livemap_need need = {0};
        vl_livemap_answer answer;

        vl_latch_acquire_exclusive(&cache->latch);
        answer = vl_livemap_locate(cache, pid, extent, &need);
        vl_latch_release_exclusive(&cache->latch);
        *exists = answer == VL_LIVEMAP_FOUND;
        if (answer != VL_LIVEMAP_NEEDS)
            break;
        VL_TRY(vl_cache_bring(ctx, cache, need.load, exists));
        if (!*exists)
            return VELO_OK;
    }
    if (*exists && extent->length != cache->page_blocks)
        return vl_fail(ctx, VELO_CORRUPT, "page %u: the page map says that it has %u blocks",
                       (unsigned)pid, (unsigned)extent->length);
    return VELO_OK;
}

/* Check what was read. */
static velo_status
load_check(vl_ctx *ctx, vl_cache *cache, vl_pid pid, const void *page)
{
    const char *fault;

    if (!vl_cache_is_own(cache, pid))
        return vl_page_check(ctx, page, cache->page_size, pid);
    fault = vl_pagemap_fault(page, cache->page_size, pid);
    if (fault == NULL)
        return VELO_OK;
    return vl_fail(ctx, VELO_CORRUPT, "page %u, of the page map: %s", (unsigned)pid, fault);
}

/* Show the page. Keeps L1. */
static void
load_show(vl_cache *cache, vl_pid pid, uint32_t index)
{
    vl_frame *frame = vl_cache_frame_of(cache, index);
    int is_own = vl_cache_is_own(cache, pid);

    vl_latch_acquire_exclusive(&cache->latch);
    frame->pid = pid;
    frame->kind = is_own ? VL_FRAME_MAP : VL_FRAME_PAGE;
    vl_latch_release_exclusive(&cache->latch);
    if (!is_own && cache->hooks.bring != NULL)
        frame->attachment = cache->hooks.bring(cache->hooks.user, pid);
    vl_word_settle(vl_cache_word(cache, pid), index + 1);
    vl_count(&cache->load_count, 1);
}

/* Make a page's word `loading`: 1, or 0 when somebody else has it or it is there. Of map pages
 * under the cache's latch: who holds that can rely on one that is not there. */
static int
load_try_begin(vl_cache *cache, vl_pid pid)
{
    int is_own = vl_cache_is_own(cache, pid);
    int done;

    if (is_own)
        vl_latch_acquire_exclusive(&cache->latch);
    done = vl_word_try_begin(vl_cache_word(cache, pid), VL_WORD_LOADING);
    if (is_own)
        vl_latch_release_exclusive(&cache->latch);
    return done;
}

/* Whether no page ever had this number. Numbers may come from damaged pages: without this check one
 * of them could make words for billions of pages. */
static int
load_is_beyond(vl_cache *cache, vl_pid pid)
{
    int is_beyond;

    vl_latch_acquire_exclusive(&cache->latch);
    is_beyond = !vl_cache_is_own(cache, pid) && pid >= cache->page_end;
    vl_latch_release_exclusive(&cache->latch);
    return is_beyond;
}

/* Begin to load a page: its word is `loading` and *frame the caller's. *frame is none when somebody
 * else is at it or it is there. */
static velo_status
load_begin(vl_ctx *ctx, vl_cache *cache, vl_pid pid, uint32_t *frame)
{
    *frame = VL_CACHE_NO_FRAME;
    VL_TRY(vl_cache_make_word(ctx, cache, pid));
    VL_TRY(vl_cache_take_frame(ctx, cache, frame));
    if (!load_try_begin(cache, pid)) {
        vl_cache_give_frame(cache, *frame);
        *frame = VL_CACHE_NO_FRAME;
    }
    return VELO_OK;
}

/* It did not come. Keeps L2. */
static void
load_cancel(vl_cache *cache, vl_pid pid, uint32_t frame)
{
    vl_cache_give_frame(cache, frame);
    vl_word_settle(vl_cache_word(cache, pid), 0);
}

velo_status
vl_cache_bring(vl_ctx *ctx, vl_cache *cache, vl_pid pid, int *exists)
{
    vl_extent extent = {0};
    uint32_t frame;
    velo_status st;

    *exists = !load_is_beyond(cache, pid);
    if (!*exists)
        return VELO_OK;
    VL_TRY(load_begin(ctx, cache, pid, &frame));
    if (frame == VL_CACHE_NO_FRAME) {
        load_wait_other(cache, pid);
        return VELO_OK;
    }
    st = load_locate(ctx, cache, pid, &extent, exists);
    if (st == VELO_OK && *exists)
        st = vl_volume_read(ctx, cache->volume, &extent, vl_cache_page_of(cache, frame), "page",
                            pid);
    if (st == VELO_OK && *exists)
        st = load_check(ctx, cache, pid, vl_cache_page_of(cache, frame));
    if (st != VELO_OK || !*exists)
        load_cancel(cache, pid, frame);
    else
        load_show(cache, pid, frame);
    return st;
}

/* Begin one of a batch: 1, and the item says what to read. */
static int
load_begin_item(vl_ctx *ctx, vl_cache *cache, vl_pid pid, vl_volume_read_item *item,
                uint32_t *frame)
{
    int exists;

    if (vl_cache_is_own(cache, pid) || vl_cache_is_resident(cache, pid) ||
        load_is_beyond(cache, pid) || load_begin(ctx, cache, pid, frame) != VELO_OK ||
        *frame == VL_CACHE_NO_FRAME)
        return 0;
    if (load_locate(ctx, cache, pid, &item->extent, &exists) != VELO_OK || !exists) {
        load_cancel(cache, pid, *frame);
        return 0;
    }
    item->buf = vl_cache_page_of(cache, *frame);
    item->what = "page";
    item->number = pid;
    item->status = VELO_OK;
    return 1;
}

void
vl_cache_load_batch(vl_cache *cache, const vl_pid *pids, uint32_t count)
{
    vl_volume_read_item items[VL_CACHE_BATCH];
    uint32_t frames[VL_CACHE_BATCH];
    uint32_t most;
    uint32_t begun = 0;
    vl_ctx ctx;

    VL_ASSERT(vl_cache_holds_none() && count <= VL_CACHE_BATCH);
    if (cache->volume == NULL)
        return;
    vl_ctx_init(&ctx, cache->allocator, NULL);
    vl_latch_acquire_exclusive(&cache->latch);
    most = cache->budget_bytes / cache->page_size / 8 < VL_CACHE_BATCH
               ? (uint32_t)(cache->budget_bytes / cache->page_size / 8)
               : VL_CACHE_BATCH; /* more would drive each other out */
    vl_latch_release_exclusive(&cache->latch);
    for (uint32_t i = 0; i < count && begun < most; i++)
        begun += (uint32_t)load_begin_item(&ctx, cache, pids[i], &items[begun], &frames[begun]);
    if (begun > 0 && vl_volume_read_batch(&ctx, cache->volume, items, begun) != VELO_OK)
        vl_error_clear(&ctx); /* each has its status */
    for (uint32_t i = 0; i < begun; i++) {
        vl_pid pid = (vl_pid)items[i].number;

        if (items[i].status == VELO_OK && load_check(&ctx, cache, pid, items[i].buf) == VELO_OK)
            load_show(cache, pid, frames[i]);
        else
            load_cancel(cache, pid, frames[i]);
    }
}
