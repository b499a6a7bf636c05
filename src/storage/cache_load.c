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
 *       go up the map, and so end.
 *   L4  A thread that has pages of trees under way waits for no page of a tree that another thread
 *       brings in; nor, if that can be avoided, for frames. While it has any page under way it
 * brings no map page in by itself, since that may be under way as well, by this thread. */
#include "storage/cache_load.h"

#include "storage/cache_int.h"
#include "storage/page_check.h"

#include <string.h>

/* Frames that can be had, when a thread that has pages under way begins another one: for the page,
 * and one of the map. */
#define LOADS_SPARE 2U

/* Reads that are handed over with one system call, at most. */
#define LOADS_TOGETHER 8U

_Static_assert(VL_CACHE_BATCH <= VL_CACHE_LOAD_SLOTS, "load_limit is a limit for both");
_Static_assert(VL_CACHE_LOAD_SLOTS == 64, "vl_cache_loads.used has a bit for each");

/* Wait until whoever has an absent page for itself has done with it. */
static void
load_wait_other(vl_cache *cache, vl_pid pid)
{
    _Atomic uint64_t *word = vl_cache_word(cache, pid);

    vl_word_wait_loaded(word);
    if (vl_cache_is_own(cache, pid) && vl_word_acquire_shared(word) != 0)
        vl_word_release_shared(word); /* it was being let go, or is here */
}

velo_status
vl_cache_locate(vl_ctx *ctx, vl_cache *cache, vl_pid pid, vl_extent *extent, int *exists)
{
    for (;;) {
        vl_livemap_need need = {0};
        vl_livemap_answer answer;

        vl_latch_acquire_exclusive(&cache->latch);
        answer = vl_livemap_locate(cache, pid, extent, &need);
        vl_latch_release_exclusive(&cache->latch);
        *exists = answer == VL_LIVEMAP_FOUND;
        if (answer != VL_LIVEMAP_NEEDS)
            return VELO_OK;
        VL_TRY(vl_cache_bring(ctx, cache, need.load, exists));
        if (!*exists)
            return VELO_OK;
    }
}

/* Where the image of a tree's page lies; map pages above it are brought in. */
static velo_status
load_locate(vl_ctx *ctx, vl_cache *cache, vl_pid pid, vl_extent *extent, int *exists)
{
    VL_TRY(vl_cache_locate(ctx, cache, pid, extent, exists));
    if (*exists && extent->length != cache->page_blocks)
        return vl_fail(ctx, VELO_CORRUPT, "page %u: the page map says that it has %u blocks",
                       (unsigned)pid, (unsigned)extent->length);
    return VELO_OK;
}

/* The same without bringing anything in: 1, or 0 when a map page above is absent, or none exists.
 */
static int
load_locate_now(vl_cache *cache, vl_pid pid, vl_extent *extent)
{
    vl_livemap_need need = {0};
    vl_livemap_answer answer;

    vl_latch_acquire_exclusive(&cache->latch);
    answer = vl_livemap_locate(cache, pid, extent, &need);
    vl_latch_release_exclusive(&cache->latch);
    return answer == VL_LIVEMAP_FOUND && extent->length == cache->page_blocks;
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

/* Whether something is kept aside for a page, which must have a frame then. The page is loading. */
static int
load_has_attachment(vl_cache *cache, vl_pid pid)
{
    void *attachment = NULL;

    if (cache->hooks.bring != NULL)
        attachment = cache->hooks.bring(cache->hooks.user, pid);
    if (attachment != NULL)
        cache->hooks.keep(cache->hooks.user, pid, attachment);
    return attachment != NULL;
}

/* Check a page where its image lies. *frame receives the number of that place; none: the page must
 * come to a frame. Keeps X2 of cache_direct.c. */
static velo_status
load_check_in_place(vl_ctx *ctx, vl_cache *cache, vl_pid pid, const vl_extent *extent,
                    uint32_t *frame)
{
    const void *image;

    if (extent->address >= cache->direct_count)
        return VELO_OK;
    VL_TRY(vl_volume_check_in_place(ctx, cache->volume, extent, "page", pid, &image));
    if (image == NULL || load_has_attachment(cache, pid))
        return VELO_OK;
    VL_TRY(load_check(ctx, cache, pid, image));
    return vl_cache_make_direct(ctx, cache, extent->address, frame);
}

/* Show a page of a tree where it lies. *is_done 0: it has to be brought into a frame. */
static velo_status
load_in_place(vl_ctx *ctx, vl_cache *cache, vl_pid pid, int *exists, int *is_done)
{
    vl_extent extent = {0};
    uint32_t frame = VL_CACHE_NO_FRAME;
    velo_status st;

    *is_done = 1;
    VL_TRY(vl_cache_make_word(ctx, cache, pid));
    if (!load_try_begin(cache, pid)) {
        load_wait_other(cache, pid);
        return VELO_OK;
    }
    st = load_locate(ctx, cache, pid, &extent, exists);
    if (st == VELO_OK && *exists) {
        st = load_check_in_place(ctx, cache, pid, &extent, &frame);
        *is_done = st != VELO_OK || frame != VL_CACHE_NO_FRAME;
    }
    vl_word_settle(vl_cache_word(cache, pid), frame == VL_CACHE_NO_FRAME ? 0 : frame + 1);
    if (frame != VL_CACHE_NO_FRAME) {
        vl_count(&cache->load_count, 1);
        vl_count(&cache->place_count, 1);
    }
    return st;
}

velo_status
vl_cache_bring(vl_ctx *ctx, vl_cache *cache, vl_pid pid, int *exists)
{
    int is_done = 0;
    vl_extent extent = {0};
    uint32_t frame;
    velo_status st;

    *exists = !load_is_beyond(cache, pid);
    if (*exists && vl_cache_has_direct(cache) && !vl_cache_is_own(cache, pid))
        VL_TRY(load_in_place(ctx, cache, pid, exists, &is_done));
    if (!*exists || is_done)
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

/* Begin one of a batch: 1, and the item says what to read. `has_maps` 1: this thread may have map
 * pages under way, so it does not bring any in here: it could wait for itself (L4). */
static int
load_begin_item(vl_ctx *ctx, vl_cache *cache, vl_pid pid, int has_maps, vl_volume_read_item *item,
                uint32_t *frame)
{
    int exists = 0;

    if (vl_cache_is_resident(cache, pid) || load_is_beyond(cache, pid) ||
        load_begin(ctx, cache, pid, frame) != VELO_OK || *frame == VL_CACHE_NO_FRAME)
        return 0;
    if (has_maps)
        exists = load_locate_now(cache, pid, &item->extent);
    else if (load_locate(ctx, cache, pid, &item->extent, &exists) != VELO_OK)
        exists = 0;
    if (!exists) {
        load_cancel(cache, pid, *frame);
        return 0;
    }
    item->buf = vl_cache_page_of(cache, *frame);
    item->what = "page";
    item->number = pid;
    item->status = VELO_OK;
    return 1;
}

/* How many pages may be under way: more would drive each other out. None where they are read in
 * place: there is nothing to wait for. */
static uint32_t
load_limit(vl_cache *cache)
{
    uint64_t most;

    if (vl_cache_has_direct(cache))
        return 0;
    vl_latch_acquire_exclusive(&cache->latch);
    most = cache->budget_bytes / cache->page_size / 8;
    vl_latch_release_exclusive(&cache->latch);
    return most < VL_CACHE_BATCH ? (uint32_t)most : VL_CACHE_BATCH;
}

/* What was read is here, or did not come: 1 or 0. */
static int
load_finish(vl_ctx *ctx, vl_cache *cache, const vl_volume_read_item *item, uint32_t frame)
{
    vl_pid pid = (vl_pid)item->number;

    if (item->status != VELO_OK || load_check(ctx, cache, pid, item->buf) != VELO_OK) {
        load_cancel(cache, pid, frame);
        return 0;
    }
    load_show(cache, pid, frame);
    return 1;
}

void
vl_cache_load_batch(vl_cache *cache, const vl_pid *pids, uint32_t count)
{
    vl_volume_read_item items[VL_CACHE_BATCH];
    uint32_t frames[VL_CACHE_BATCH];
    uint32_t most = load_limit(cache);
    uint32_t begun = 0;
    vl_ctx ctx;

    VL_ASSERT(vl_cache_holds_none() && count <= VL_CACHE_BATCH);
    if (cache->volume == NULL)
        return;
    vl_ctx_init(&ctx, cache->allocator, NULL);
    for (uint32_t i = 0; i < count && begun < most; i++)
        if (!vl_cache_is_own(cache, pids[i]))
            begun +=
                (uint32_t)load_begin_item(&ctx, cache, pids[i], 0, &items[begun], &frames[begun]);
    if (begun > 0 && vl_volume_read_batch(&ctx, cache->volume, items, begun) != VELO_OK)
        vl_error_clear(&ctx); /* each has its status */
    for (uint32_t i = 0; i < begun; i++)
        (void)load_finish(&ctx, cache, &items[i], frames[i]);
}

/* ---- one after the other, several under way ---- */

void
vl_cache_loads_begin(vl_cache *cache, vl_cache_loads *loads)
{
    vl_ctx_init(&loads->ctx, cache->allocator, NULL);
    loads->cache = cache;
    loads->most = cache->volume == NULL ? 0 : load_limit(cache);
    loads->count = 0;
    loads->read_count = 0;
    loads->unsent_count = 0;
    loads->used = 0;
}

/* Whether this thread is at it already. */
static int
loads_has(const vl_cache_loads *loads, vl_pid pid)
{
    for (uint64_t rest = loads->used; rest != 0; rest &= rest - 1)
        if (loads->readings[__builtin_ctzll(rest)].item.number == pid)
            return 1;
    return 0;
}

/* Whether a frame can be had without waiting for others, as it seems. Keeps L4. */
static int
loads_has_room(vl_cache_loads *loads)
{
    vl_cache *cache = loads->cache;
    uint32_t freed = 1;
    int is_short;

    vl_latch_acquire_exclusive(&cache->latch);
    is_short = vl_cache_is_short(cache, LOADS_SPARE);
    vl_latch_release_exclusive(&cache->latch);
    if (is_short && vl_cache_evict(&loads->ctx, cache, &freed) != VELO_OK)
        vl_error_clear(&loads->ctx); /* who loads a page alone will say it */
    return freed > 0;
}

/* The page to be brought in first: this one, or the highest one of the map that is absent on the
 * way to it. */
static vl_pid
loads_first(vl_cache *cache, vl_pid pid)
{
    vl_latch_acquire_exclusive(&cache->latch);
    for (;;) {
        vl_livemap_need need = {0};
        vl_extent extent;

        if (vl_livemap_locate(cache, pid, &extent, &need) != VL_LIVEMAP_NEEDS)
            break;
        pid = need.load;
    }
    vl_latch_release_exclusive(&cache->latch);
    return pid;
}

/* Begin with a page for which there is a slot. */
static int
loads_start(vl_cache_loads *loads, vl_pid pid)
{
    uint32_t slot = (uint32_t)__builtin_ctzll(~loads->used);
    vl_volume_reading *reading = &loads->readings[slot];
    int is_lazy = loads->unsent_count + 1 < LOADS_TOGETHER;

    /* Making room may have evicted the map pages that loads_first saw. */
    if (!load_begin_item(&loads->ctx, loads->cache, pid, loads->count > 0, &reading->item,
                         &loads->frames[slot]))
        return 0;
    if (vl_volume_read_start(&loads->ctx, loads->cache->volume, reading, is_lazy) != VELO_OK) {
        load_cancel(loads->cache, pid, loads->frames[slot]);
        return 0;
    }
    loads->unsent_count = is_lazy ? loads->unsent_count + 1 : 0;
    loads->used |= UINT64_C(1) << slot;
    loads->count++;
    return 1;
}

vl_cache_loading
vl_cache_loads_add(vl_cache_loads *loads, vl_pid pid, vl_pid *awaited)
{
    vl_cache *cache = loads->cache;

    VL_ASSERT(vl_cache_holds_none());
    *awaited = pid;
    if (loads_has(loads, pid))
        return VL_CACHE_UNDER_WAY;
    if (loads->most == 0 || vl_cache_is_own(cache, pid) || load_is_beyond(cache, pid))
        return VL_CACHE_OTHERWISE;
    *awaited = loads_first(cache, pid);
    if (*awaited != pid && loads_has(loads, *awaited))
        return VL_CACHE_UNDER_WAY;
    if (loads->count == loads->most || loads->count - loads->read_count == VL_CACHE_LOADS ||
        (loads->count > 0 && !loads_has_room(loads)))
        return VL_CACHE_NOT_NOW;
    return loads_start(loads, *awaited) ? VL_CACHE_UNDER_WAY : VL_CACHE_OTHERWISE;
}

/* See what has been read, and hand over what has not been: at once when nothing has been read, now
 * and then while pages that have been read are being taken. */
static void
loads_reap(vl_cache_loads *loads)
{
    uint32_t in_flight = loads->count - loads->read_count;

    if (in_flight == 0 || (loads->read_count > 0 && loads->unsent_count < LOADS_TOGETHER / 2))
        return;
    loads->read_count +=
        vl_volume_read_reap(&loads->ctx, loads->cache->volume, loads->read_count == 0, in_flight,
                            loads->read + loads->read_count);
    loads->unsent_count = 0;
}

vl_cache_loaded
vl_cache_loads_take(vl_cache_loads *loads)
{
    vl_volume_reading *reading;
    vl_cache_loaded done;
    uint32_t slot;

    VL_ASSERT(vl_cache_holds_none() && loads->count > 0);
    loads_reap(loads);
    reading = loads->read[--loads->read_count];
    slot = (uint32_t)(reading - loads->readings);
    if (vl_volume_read_finish(&loads->ctx, loads->cache->volume, reading) != VELO_OK)
        vl_error_clear(&loads->ctx); /* the item has its status */
    done.pid = (vl_pid)reading->item.number;
    done.is_here = load_finish(&loads->ctx, loads->cache, &reading->item, loads->frames[slot]);
    loads->used &= ~(UINT64_C(1) << slot);
    loads->count--;
    return done;
}

void
vl_cache_loads_end(vl_cache_loads *loads)
{
    while (loads->count > 0)
        (void)vl_cache_loads_take(loads);
}
