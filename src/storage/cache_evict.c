/* cache_evict.c - letting pages go: second chance over frames, in batches.
 *
 * The clock's hand passes over frames. A page that nobody has used since it came by last, nobody
 * holds and nobody waits for is taken exclusively. A clean one is dropped; a dirty one is written
 * to a fresh block and dropped then. Hands off pages of the checkpoint in writing, and map pages
 * that are held.
 *
 * A barrier may come while dirty pages are being written. They belong to the checkpoint then, and
 * as nobody can have changed them, what is being written is just what the checkpoint needs: the one
 * image goes into both maps.
 *
 * Invariants
 *   E1  The words of a batch are exclusive until its end, which comes whatever happens: the evictor
 *       waits only for its own I/O, and for moments for the cache's latch.
 *   E2  A dirty page is written only with space that was promised for it. */
#include "storage/cache_int.h"

/* Pages of a batch at most (hazard 38). */
#define EVICT_BATCH 64U

/* Pages that were taken to be written. */
typedef struct evict_batch {
    uint32_t frames[EVICT_BATCH];
    vl_volume_write_item items[EVICT_BATCH];
    int is_full[EVICT_BATCH]; /* of map pages: no free number below */
    uint32_t count;
} evict_batch;

int
vl_cache_pay_debt(vl_cache *cache)
{
    if (VL_UNLIKELY(cache->debt > 0) &&
        vl_volume_try_promise(cache->volume, cache->debt * cache->page_blocks))
        cache->debt = 0;
    return cache->debt == 0;
}

/* ---- choosing; the latch is held ---- */

/* Whether a frame's page may go at all, and is not in use at this moment. */
static int
evict_may_go(vl_cache *cache, const vl_frame *frame)
{
    if (frame->kind != VL_FRAME_PAGE && frame->kind != VL_FRAME_MAP)
        return 0;
    if (frame->in_write || frame->holds > 0 || frame->shadow != 0)
        return 0;
    return !vl_frame_is_pending(cache, frame) &&
           (vl_frame_dirty_epoch(frame) == 0 || vl_cache_pay_debt(cache)); /* E2 */
}

/* Mark a frame's page, or take it when it is marked: its word then, else NULL. */
static _Atomic uint64_t *
evict_take(vl_cache *cache, uint32_t index)
{
    const vl_frame *frame = vl_cache_frame_of(cache, index);
    _Atomic uint64_t *at;
    uint64_t word;

    if (!evict_may_go(cache, frame))
        return NULL;
    at = vl_cache_word(cache, frame->pid);
    word = atomic_load_explicit(at, memory_order_relaxed);
    if (vl_word_place(word) != index + 1)
        return NULL; /* its owner is about to show it */
    if (vl_word_state(word) != VL_WORD_MARKED) {
        (void)vl_word_try_mark(at, word);
        return NULL;
    }
    if ((word & VL_WORD_WAITERS) != 0 || vl_word_try_exclusive_as(at, word) == 0)
        return NULL;
    return at;
}

/* A page that is as its image is leaves memory. */
static void
evict_drop(vl_cache *cache, uint32_t index)
{
    vl_frame *frame = vl_cache_frame_of(cache, index);
    vl_pid pid = frame->pid;

    if (frame->attachment != NULL && cache->hooks.keep != NULL)
        cache->hooks.keep(cache->hooks.user, pid, frame->attachment);
    vl_word_settle(vl_cache_word(cache, pid), 0);
    vl_cache_give_frame_locked(cache, index);
    vl_count(&cache->evict_count, 1);
}

void
vl_cache_let_go(vl_cache *cache, uint32_t index)
{
    const vl_frame *frame = vl_cache_frame_of(cache, index);
    _Atomic uint64_t *at = vl_cache_word(cache, frame->pid);
    uint64_t word = atomic_load_explicit(at, memory_order_relaxed);

    VL_ASSERT(frame->kind == VL_FRAME_PAGE && vl_frame_dirty_epoch(frame) == 0);
    if (vl_word_place(word) != index + 1 || (word & VL_WORD_WAITERS) != 0 ||
        vl_word_try_exclusive_as(at, word) == 0)
        return;
    if (frame->attachment == NULL) /* which is the page's holder's to know */
        evict_drop(cache, index);
    else
        vl_word_release_exclusive(at);
}

/* Add a dirty page to the batch. */
static void
evict_add(vl_cache *cache, evict_batch *batch, uint32_t index)
{
    void *page = vl_cache_page_of(cache, index);
    vl_volume_write_item *item = &batch->items[batch->count];

    batch->is_full[batch->count] = 0;
    if (vl_cache_frame_of(cache, index)->kind == VL_FRAME_MAP) {
        VL_CHECK(vl_pagemap_seal(page, cache->page_size) == 0); /* else it would be held */
        batch->is_full[batch->count] = vl_pagemap_is_full(page, cache->page_size);
    }
    item->address = vl_volume_allocate(cache->volume, VL_SPACE_HELD, cache->page_blocks);
    item->length = cache->page_blocks;
    item->buf = page;
    batch->frames[batch->count++] = index;
}

/* Pass over the frames, at most twice, until `target` pages were dropped or are to be written. */
static uint32_t
evict_collect(vl_cache *cache, evict_batch *batch, uint32_t target)
{
    uint32_t count = vl_cache_frame_count(cache);
    uint32_t dropped = 0;

    for (uint64_t i = 0; i < (uint64_t)2 * count && dropped + batch->count < target; i++) {
        uint32_t index = cache->hand;

        cache->hand = index + 1 < count ? index + 1 : 0;
        if (evict_take(cache, index) == NULL)
            continue;
        if (vl_frame_dirty_epoch(vl_cache_frame_of(cache, index)) == 0) {
            evict_drop(cache, index);
            dropped++;
        } else {
            evict_add(cache, batch, index);
        }
    }
    return dropped;
}

/* ---- writing ---- */

/* A page was written: it leaves memory, and its image takes its place. The latch is held. */
static void
evict_finish(vl_cache *cache, const evict_batch *batch, uint32_t i)
{
    const vl_volume_write_item *item = &batch->items[i];
    vl_frame *frame = vl_cache_frame_of(cache, batch->frames[i]);
    int in_writing = vl_frame_is_pending(cache, frame);
    uint32_t sets = in_writing ? VL_SPACE_LIVE | VL_SPACE_WRITING : VL_SPACE_LIVE;
    vl_livemap_image image = {.pid = frame->pid,
                              .extent = {.address = item->address,
                                         .length = item->length,
                                         .encoding = VL_PAGEMAP_PLAIN,
                                         .checksum = item->checksum},
                              .is_full = batch->is_full[i],
                              .in_writing = in_writing,
                              .in_live = 1,
                              .sets = sets};

    vl_volume_add(cache->volume, sets, item->address, item->length);
    vl_livemap_put(cache, &image);
    vl_livemap_clean(cache, frame);
    evict_drop(cache, batch->frames[i]);
    vl_count(&cache->write_count, 1);
}

/* It was not: it stays, and is dirty. The latch is held. */
static void
evict_undo(vl_cache *cache, const evict_batch *batch, uint32_t i)
{
    const vl_volume_write_item *item = &batch->items[i];
    vl_frame *frame = vl_cache_frame_of(cache, batch->frames[i]);

    vl_volume_remove(cache->volume, VL_SPACE_HELD, item->address, item->length);
    cache->debt++;
    (void)vl_cache_pay_debt(cache);
    vl_word_settle(vl_cache_word(cache, frame->pid), batch->frames[i] + 1);
}

velo_status
vl_cache_evict(vl_ctx *ctx, vl_cache *cache, uint32_t *freed)
{
    evict_batch batch;
    uint32_t target;
    velo_status st = VELO_OK;

    batch.count = 0;
    vl_latch_acquire_exclusive(&cache->latch);
    target = vl_cache_frame_count(cache) / 16 + 1;
    target = target < EVICT_BATCH ? target : EVICT_BATCH;
    *freed = evict_collect(cache, &batch, target);
    vl_latch_release_exclusive(&cache->latch);
    if (batch.count > 0) {
        st = vl_volume_write_batch(ctx, cache->volume, batch.items, batch.count);
        vl_latch_acquire_exclusive(&cache->latch);
        for (uint32_t i = 0; i < batch.count; i++) {
            if (st == VELO_OK)
                evict_finish(cache, &batch, i);
            else
                evict_undo(cache, &batch, i);
        }
        vl_latch_release_exclusive(&cache->latch);
        if (st == VELO_OK)
            *freed += batch.count;
    }
    if (*freed > 0)
        vl_cache_note_progress(cache);
    return *freed > 0 ? VELO_OK : st;
}
