/* checkpoint.c - the barrier, taking and writing images, level by level, and the superblock.
 *
 * Invariants
 *   N1  The checkpoint's map is the live map at the barrier, with the images of the pages that were
 *       dirty then. (What was taken but not yet born is not in it.)
 *   N2  A map page is taken when the images of all that is below it have been written: levels one
 *       after the other.
 *   N3  The thread that runs a checkpoint waits for I/O, for words of pages (whose holders wait for
 *       no checkpoint), and for sections to end; it needs no frame and no space that was not
 *       promised. So whoever waits for a checkpoint waits for something that comes to an end.
 *   N4  Whatever fails before the superblock: what was put into the live map stays there and is
 *       right; what was being written is dirty again.
 *   N5  Of the two batches one is being filled, while the other one may be being written. Before
 *       the run ends neither is. */
#include "storage/checkpoint.h"

#include "storage/cache_int.h"
#include "storage/cache_verify.h"

#include <string.h>

/* What a batch was made from. */
typedef struct checkpoint_source {
    vl_pid pid;     /* whose image */
    uint32_t frame; /* of the page when it is being taken, VL_CACHE_NO_FRAME when it was copied */
    uint32_t copy;  /* the copy's frame, or VL_CACHE_NO_FRAME */
    int is_full;    /* of a map page: no number below is free */
} checkpoint_source;

/* Images that are written together. */
typedef struct checkpoint_batch {
    uint32_t count;                             /* of what follows */
    int is_under_way;                           /* it is being written */
    checkpoint_source sources[VL_CACHE_BATCH];  /* what they are images of */
    vl_volume_write_item items[VL_CACHE_BATCH]; /* where they go */
    vl_volume_writing writing;                  /* while it is under way */
} checkpoint_batch;

/* One run. Lists link frames by next_set. */
typedef struct checkpoint_run {
    vl_cache *cache;
    uint32_t pages;                   /* of pages of trees, in order of number */
    uint32_t maps[VL_PAGEMAP_LEVELS]; /* of map pages of each level */
    uint32_t turn;                    /* which batch is being filled: 0 or 1 */
    uint32_t total;                   /* pages of trees in the list at its beginning, */
    uint32_t left;                    /* and now */
    vl_checkpoint_pause *pause;       /* or NULL */
    void *user;                       /* its */
    checkpoint_batch batches[2];
} checkpoint_run;

/* The batch that is being filled. */
static checkpoint_batch *
checkpoint_filling(checkpoint_run *run)
{
    return &run->batches[run->turn];
}

/* Memory for its next image. */
static uint8_t *
checkpoint_buffer(const checkpoint_run *run)
{
    const vl_cache *cache = run->cache;
    size_t index = (size_t)run->turn * cache->batch_size + run->batches[run->turn].count;

    return cache->batch + index * cache->page_size;
}

/* ---- the barrier, and the pages ---- */

/* Begin, between sections, so that the cut is exact: 1; 0 when space is owed. */
static int
checkpoint_barrier(checkpoint_run *run, vl_checkpoint_note *note, void *user)
{
    vl_cache *cache = run->cache;
    vl_cache_writing *writing = &cache->writing;
    int begins;

    vl_section_begin_barrier(&cache->gate);
    vl_latch_acquire_exclusive(&cache->latch);
    begins = vl_cache_pay_debt(cache);
    if (!begins)
        goto end;
    writing->is_running = 1;
    writing->epoch = atomic_load_explicit(&cache->epoch, memory_order_relaxed);
    writing->root = cache->root;
    writing->page_end = cache->page_end;
    writing->first_copy = VL_CACHE_NO_FRAME;
    writing->last_copy = VL_CACHE_NO_FRAME;
    atomic_store_explicit(&cache->epoch, writing->epoch + 1, memory_order_release);
    vl_volume_begin_checkpoint(cache->volume);
end:
    vl_latch_release_exclusive(&cache->latch);
    if (begins && note != NULL)
        note(user);
    vl_section_end_barrier(&cache->gate);
    return begins;
}

/* Put all pending pages into the lists. Pages that become dirty now are not pending, and those that
 * are stay so until they are taken here or copied by a writer: so the latch may be given up
 * meanwhile. */
static void
checkpoint_collect(checkpoint_run *run)
{
    vl_cache *cache = run->cache;
    uint32_t count;

    vl_latch_acquire_exclusive(&cache->latch);
    count = vl_cache_frame_count(cache);
    for (uint32_t i = 0; i < count; i++) {
        vl_frame *frame = vl_cache_frame_of(cache, i);

        if (vl_frame_is_pending(cache, frame) || frame->shadow != 0) {
            uint32_t *list = frame->kind == VL_FRAME_MAP ? &run->maps[frame->pid & cache->own_mask]
                                                         : &run->pages;

            frame->set_pid = frame->pid;
            frame->next_set = *list;
            *list = i;
            run->total += list == &run->pages;
        }
        if (i % 256 == 255) {
            vl_latch_release_exclusive(&cache->latch);
            vl_latch_acquire_exclusive(&cache->latch);
        }
    }
    vl_latch_release_exclusive(&cache->latch);
}

/* Merge two sorted lists. */
static uint32_t
checkpoint_merge(vl_cache *cache, uint32_t left, uint32_t right)
{
    uint32_t first = VL_CACHE_NO_FRAME;
    uint32_t *link = &first;

    while (left != VL_CACHE_NO_FRAME && right != VL_CACHE_NO_FRAME) {
        uint32_t *least =
            vl_cache_frame_of(cache, left)->set_pid < vl_cache_frame_of(cache, right)->set_pid
                ? &left
                : &right;

        *link = *least;
        link = &vl_cache_frame_of(cache, *least)->next_set;
        *least = *link;
    }
    *link = left != VL_CACHE_NO_FRAME ? left : right;
    return first;
}

/* Sort a list by page number, from below: part i holds 2^i frames. Needs no memory. */
static uint32_t
checkpoint_sort(vl_cache *cache, uint32_t list)
{
    uint32_t parts[32];
    uint32_t sorted = VL_CACHE_NO_FRAME;

    for (unsigned i = 0; i < VL_ARRAY_COUNT(parts); i++)
        parts[i] = VL_CACHE_NO_FRAME;
    while (list != VL_CACHE_NO_FRAME) {
        uint32_t one = list;
        unsigned i = 0;

        list = vl_cache_frame_of(cache, one)->next_set;
        vl_cache_frame_of(cache, one)->next_set = VL_CACHE_NO_FRAME;
        for (; parts[i] != VL_CACHE_NO_FRAME; i++) {
            one = checkpoint_merge(cache, parts[i], one);
            parts[i] = VL_CACHE_NO_FRAME;
        }
        parts[i] = one;
    }
    for (unsigned i = 0; i < VL_ARRAY_COUNT(parts); i++)
        sorted = checkpoint_merge(cache, parts[i], sorted);
    return sorted;
}

/* ---- taking images ---- */

/* Where the next image of the batch goes, and its place in the file. The latch is held. */
static void
checkpoint_add(checkpoint_run *run, vl_pid pid, uint32_t frame, uint32_t copy)
{
    vl_cache *cache = run->cache;
    checkpoint_batch *batch = checkpoint_filling(run);
    vl_volume_write_item *item = &batch->items[batch->count];
    checkpoint_source source = {.pid = pid, .frame = frame, .copy = copy};

    item->address = vl_volume_allocate(cache->volume, VL_SPACE_WRITING, cache->page_blocks);
    item->length = cache->page_blocks;
    item->buf = copy != VL_CACHE_NO_FRAME ? vl_cache_page_of(cache, copy) : checkpoint_buffer(run);
    batch->sources[batch->count++] = source;
}

/* Take copies that writers made into the batch. 0: space is owed. */
static int
checkpoint_take_copies(checkpoint_run *run)
{
    vl_cache *cache = run->cache;
    int can = 1;

    vl_latch_acquire_exclusive(&cache->latch);
    while (cache->writing.first_copy != VL_CACHE_NO_FRAME &&
           checkpoint_filling(run)->count < cache->batch_size) {
        uint32_t copy = cache->writing.first_copy;
        const vl_frame *frame = vl_cache_frame_of(cache, copy);

        can = vl_cache_pay_debt(cache);
        if (!can)
            break;
        cache->writing.first_copy = frame->next;
        checkpoint_add(run, frame->pid, VL_CACHE_NO_FRAME, copy);
    }
    vl_latch_release_exclusive(&cache->latch);
    return can;
}

/* Take a page of a tree into the batch if it is still pending. Its latch is held shared. 0: space
 * is owed. */
static int
checkpoint_take_page(checkpoint_run *run, uint32_t index)
{
    vl_cache *cache = run->cache;
    vl_frame *frame = vl_cache_frame_of(cache, index);
    uint8_t *image = checkpoint_buffer(run);
    uint32_t at = checkpoint_filling(run)->count;
    int can = 1;

    vl_latch_acquire_exclusive(&cache->latch);
    if (frame->kind == VL_FRAME_PAGE && frame->pid == frame->set_pid &&
        vl_frame_is_pending(cache, frame)) {
        can = vl_cache_pay_debt(cache);
        if (can) {
            vl_livemap_capture(cache, frame);
            checkpoint_add(run, frame->pid, index, VL_CACHE_NO_FRAME);
        }
    }
    vl_latch_release_exclusive(&cache->latch);
    if (checkpoint_filling(run)->count > at)
        memcpy(image, vl_cache_page_of(cache, index), cache->page_size);
    return can;
}

/* Take a map page into the batch: its shadow, or the page itself. (Neither is left when the evictor
 * had begun to write it before the barrier, and has done with it.) Its word is held shared. 0:
 * space is owed. */
static int
checkpoint_take_map(checkpoint_run *run, uint32_t index)
{
    vl_cache *cache = run->cache;
    vl_frame *frame = vl_cache_frame_of(cache, index);
    checkpoint_batch *batch = checkpoint_filling(run);
    uint8_t *image = checkpoint_buffer(run);
    uint32_t at = batch->count;
    int is_here;
    int can = 1;

    vl_latch_acquire_exclusive(&cache->latch);
    is_here = frame->kind == VL_FRAME_MAP && frame->pid == frame->set_pid &&
              (frame->shadow != 0 || vl_frame_is_pending(cache, frame));
    if (is_here)
        can = vl_cache_pay_debt(cache);
    if (is_here && can && frame->shadow != 0) {
        uint32_t shadow = frame->shadow - 1;

        memcpy(image, vl_cache_page_of(cache, shadow), cache->page_size);
        frame->shadow = 0;
        vl_cache_give_frame_locked(cache, shadow);
        checkpoint_add(run, frame->set_pid, VL_CACHE_NO_FRAME, VL_CACHE_NO_FRAME);
    } else if (is_here && can) {
        memcpy(image, vl_cache_page_of(cache, index), cache->page_size);
        vl_livemap_capture(cache, frame);
        checkpoint_add(run, frame->set_pid, index, VL_CACHE_NO_FRAME);
    }
    vl_latch_release_exclusive(&cache->latch);
    if (batch->count > at) {
        (void)vl_pagemap_seal(image, cache->page_size); /* N1 */
        batch->sources[at].is_full = vl_pagemap_is_full(image, cache->page_size);
    }
    return can;
}

/* ---- writing them ---- */

/* An image is in the file. The latch is held. */
static void
checkpoint_put(vl_cache *cache, const checkpoint_batch *batch, uint32_t i)
{
    const checkpoint_source *source = &batch->sources[i];
    const vl_volume_write_item *item = &batch->items[i];
    vl_frame *frame =
        source->frame == VL_CACHE_NO_FRAME ? NULL : vl_cache_frame_of(cache, source->frame);
    int is_same = frame != NULL && frame->pid == source->pid && frame->in_write;
    vl_livemap_image image = {.pid = source->pid,
                              .extent = {.address = item->address,
                                         .length = item->length,
                                         .encoding = VL_PAGEMAP_PLAIN,
                                         .checksum = item->checksum},
                              .is_full = source->is_full,
                              .in_writing = 1,
                              .in_live = is_same,
                              .sets = VL_SPACE_WRITING};

    vl_livemap_put(cache, &image);
    if (is_same)
        vl_livemap_clean(cache, frame);
    if (is_same && frame->kind == VL_FRAME_PAGE && vl_cache_has_direct(cache))
        vl_cache_let_go(cache, source->frame); /* it can be read in place from now on */
    if (source->copy != VL_CACHE_NO_FRAME)
        vl_cache_give_frame_locked(cache, source->copy);
}

/* Wait for a batch, if it is being written, and put its images where they belong. After a failure
 * its sources are as they were taken: checkpoint_abandon. */
static velo_status
checkpoint_settle(vl_ctx *ctx, vl_cache *cache, checkpoint_batch *batch)
{
    if (!batch->is_under_way)
        return VELO_OK;
    batch->is_under_way = 0;
    VL_TRY(vl_volume_write_end(ctx, cache->volume, &batch->writing));
    vl_latch_acquire_exclusive(&cache->latch);
    for (uint32_t i = 0; i < batch->count; i++)
        checkpoint_put(cache, batch, i);
    vl_latch_release_exclusive(&cache->latch);
    batch->count = 0;
    vl_cache_note_progress(cache);
    return VELO_OK;
}

/* Begin to write the batch that has been filled; the other one, which has been written meanwhile,
 * is filled next. Keeps N5. */
static velo_status
checkpoint_write(vl_ctx *ctx, checkpoint_run *run)
{
    vl_cache *cache = run->cache;
    checkpoint_batch *batch = checkpoint_filling(run);

    if (batch->count == 0)
        return VELO_OK;
    VL_TRY(vl_volume_write_begin(ctx, cache->volume, batch->items, batch->count, &batch->writing));
    batch->is_under_way = 1;
    run->turn = 1 - run->turn;
    return checkpoint_settle(ctx, cache, checkpoint_filling(run));
}

/* Wait for what is being written; nothing is in the batch that is being filled. */
static velo_status
checkpoint_drain(vl_ctx *ctx, checkpoint_run *run)
{
    VL_ASSERT(checkpoint_filling(run)->count == 0);
    return checkpoint_settle(ctx, run->cache, &run->batches[1 - run->turn]);
}

/* Space that is owed has to be promised before anything is written: the barrier cannot fail. */
static velo_status
checkpoint_pay(vl_ctx *ctx, vl_cache *cache)
{
    uint64_t debt;

    vl_latch_acquire_exclusive(&cache->latch);
    debt = vl_cache_pay_debt(cache) ? 0 : cache->debt;
    vl_latch_release_exclusive(&cache->latch);
    if (debt == 0)
        return VELO_OK;
    VL_TRY(vl_volume_promise(ctx, cache->volume, debt * cache->page_blocks));
    vl_latch_acquire_exclusive(&cache->latch);
    if (cache->debt >= debt) {
        cache->debt -= debt;
        debt = 0;
    }
    vl_latch_release_exclusive(&cache->latch);
    if (debt > 0) /* somebody else has paid */
        vl_volume_release_promise(cache->volume, debt * cache->page_blocks);
    return VELO_OK;
}

/* Take the next page of a list into the batch, waiting for whoever has it exclusively: the evictor
 * may be writing it. */
static velo_status
checkpoint_take(vl_ctx *ctx, checkpoint_run *run, uint32_t *next)
{
    vl_cache *cache = run->cache;
    const vl_frame *frame = vl_cache_frame_of(cache, *next);
    vl_pid pid = frame->set_pid;
    _Atomic uint64_t *word = vl_cache_word(cache, pid);
    int can = 1;

    if (vl_word_acquire_shared(word) != 0) {
        can = vl_cache_is_own(cache, pid) ? checkpoint_take_map(run, *next)
                                          : checkpoint_take_page(run, *next);
        vl_word_release_shared(word);
    }
    if (!can)
        return checkpoint_pay(ctx, cache); /* and once more */
    *next = frame->next_set;
    return VELO_OK;
}

/* Let others have their turn. What is under way is waited for first, so that nobody waits for a
 * batch that was written long ago. */
static velo_status
checkpoint_rest(vl_ctx *ctx, checkpoint_run *run)
{
    if (run->pause == NULL || run->left == 0)
        return VELO_OK;
    VL_TRY(checkpoint_drain(ctx, run));
    run->pause(ctx, run->user, run->total - run->left, run->total);
    return VELO_OK;
}

/* Write all pages of trees: those that writers wait for first. */
static velo_status
checkpoint_write_pages(vl_ctx *ctx, checkpoint_run *run)
{
    vl_cache *cache = run->cache;
    uint32_t next = run->pages;

    for (;;) {
        int can = checkpoint_take_copies(run);

        while (next != VL_CACHE_NO_FRAME && checkpoint_filling(run)->count < cache->batch_size) {
            uint32_t before = next;

            VL_TRY(checkpoint_take(ctx, run, &next));
            run->left -= next != before;
        }
        if (next == VL_CACHE_NO_FRAME) /* no page is pending any more: no copy comes after these */
            can = can && checkpoint_take_copies(run);
        if (!can)
            VL_TRY(checkpoint_pay(ctx, cache));
        else if (checkpoint_filling(run)->count == 0)
            return checkpoint_drain(ctx, run);
        VL_TRY(checkpoint_write(ctx, run));
        VL_TRY(checkpoint_rest(ctx, run));
    }
}

/* Write the map pages, level by level. Keeps N2. */
static velo_status
checkpoint_write_map(vl_ctx *ctx, checkpoint_run *run)
{
    for (uint32_t level = 0; level < VL_PAGEMAP_LEVELS; level++) {
        for (uint32_t next = run->maps[level]; next != VL_CACHE_NO_FRAME;) {
            VL_TRY(checkpoint_take(ctx, run, &next));
            if (checkpoint_filling(run)->count == run->cache->batch_size)
                VL_TRY(checkpoint_write(ctx, run));
        }
        VL_TRY(checkpoint_write(ctx, run));
        VL_TRY(checkpoint_drain(ctx, run));
    }
    return VELO_OK;
}

/* ---- the end ---- */

/* The superblock. */
static velo_status
checkpoint_commit(vl_ctx *ctx, checkpoint_run *run, vl_checkpoint_fill *fill, void *user)
{
    vl_cache *cache = run->cache;
    vl_superblock super = *vl_volume_super(cache->volume);
    vl_livemap_root root;

    /* The last image may have been the evictor's, seen only by its word that was let go. */
    vl_latch_acquire_exclusive(&cache->latch);
    root = cache->writing.root;
    vl_latch_release_exclusive(&cache->latch);
    memset(&super.map_root, 0, sizeof super.map_root);
    if (root.extent.encoding == VL_PAGEMAP_PLAIN) {
        super.map_root.address = root.extent.address;
        super.map_root.length = root.extent.length;
        super.map_root.height = (uint32_t)root.level;
        super.map_root.checksum = root.extent.checksum;
    }
    super.checkpoint++;
    super.page_end = cache->writing.page_end;
    if (fill != NULL)
        VL_TRY(fill(ctx, user, &super));
    return vl_volume_commit_checkpoint(ctx, cache->volume, &super);
}

/* The checkpoint is over. */
static void
checkpoint_finish(vl_cache *cache)
{
    vl_latch_acquire_exclusive(&cache->latch);
    cache->writing.is_running = 0;
    vl_latch_release_exclusive(&cache->latch);
    vl_cache_note_progress(cache);
}

/* Give up copies and shadows, of which the promised space is not needed. The latch is held. */
static void
checkpoint_drop_copies(vl_cache *cache)
{
    uint32_t count = vl_cache_frame_count(cache);

    for (uint32_t i = 0; i < count; i++) {
        vl_frame *frame = vl_cache_frame_of(cache, i);

        frame->shadow = 0;
        if (frame->kind == VL_FRAME_COPY) {
            vl_cache_give_frame_locked(cache, i);
            vl_volume_release_promise(cache->volume, cache->page_blocks);
        }
    }
    cache->writing.first_copy = VL_CACHE_NO_FRAME;
}

/* What a batch was made from is dirty again. The latch is held. */
static void
checkpoint_undo(vl_cache *cache, checkpoint_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const checkpoint_source *source = &batch->sources[i];
        vl_frame *frame =
            source->frame == VL_CACHE_NO_FRAME ? NULL : vl_cache_frame_of(cache, source->frame);

        if (source->copy != VL_CACHE_NO_FRAME)
            vl_cache_give_frame_locked(cache, source->copy);
        if (frame != NULL && frame->pid == source->pid && frame->in_write) {
            frame->in_write = 0; /* what is above it is still held, and dirty */
            atomic_store_explicit(&frame->dirty_epoch, cache->writing.epoch, memory_order_relaxed);
            cache->dirty_count++;
            cache->debt++;
        }
    }
    batch->count = 0;
}

/* Give up. Keeps N4; ctx has the reason, and keeps it. */
static void
checkpoint_abandon(vl_ctx *ctx, checkpoint_run *run)
{
    vl_cache *cache = run->cache;
    vl_error reason = ctx->error;

    for (uint32_t i = 0; i < 2; i++) {
        checkpoint_batch *batch = &run->batches[i];

        if (batch->is_under_way) /* what becomes of it does not matter any more */
            (void)!vl_volume_write_end(ctx, cache->volume, &batch->writing);
        batch->is_under_way = 0;
    }
    ctx->error = reason;
    vl_latch_acquire_exclusive(&cache->latch);
    checkpoint_undo(cache, &run->batches[0]);
    checkpoint_undo(cache, &run->batches[1]);
    checkpoint_drop_copies(cache);
    cache->writing.is_running = 0;
    vl_volume_abandon_checkpoint(cache->volume);
    (void)vl_cache_pay_debt(cache);
    vl_latch_release_exclusive(&cache->latch);
    vl_cache_note_progress(cache);
}

/* All of a checkpoint. The turn is held. */
static velo_status
checkpoint_work(vl_ctx *ctx, checkpoint_run *run, vl_checkpoint_note *note,
                vl_checkpoint_fill *fill, void *user)
{
    vl_cache *cache = run->cache;
    velo_status st;

    VL_TRY(vl_volume_make_writable(ctx, cache->volume));
    atomic_store_explicit(&cache->is_writable, 1, memory_order_release);
    VL_TRY(checkpoint_pay(ctx, cache));
    while (!checkpoint_barrier(run, note, user))
        VL_TRY(checkpoint_pay(ctx, cache));
    checkpoint_collect(run);
    run->left = run->total;
    run->pages = checkpoint_sort(cache, run->pages);
    for (uint32_t level = 0; level < VL_PAGEMAP_LEVELS; level++)
        run->maps[level] = checkpoint_sort(cache, run->maps[level]);
    st = checkpoint_write_pages(ctx, run);
    if (st == VELO_OK)
        st = checkpoint_write_map(ctx, run);
    if (st == VELO_OK)
        st = checkpoint_commit(ctx, run, fill, user);
    if (st != VELO_OK)
        checkpoint_abandon(ctx, run);
    else
        checkpoint_finish(cache);
#if VL_VERIFICATION
    VL_VERIFY(vl_cache_verify(ctx, cache) != VELO_INTERNAL);
#endif
    return st;
}

/* Nothing is listed, and the batches are empty: the rest of them is set when it is used. */
static void
checkpoint_init(checkpoint_run *run, vl_cache *cache)
{
    run->cache = cache;
    run->pages = VL_CACHE_NO_FRAME;
    for (uint32_t level = 0; level < VL_PAGEMAP_LEVELS; level++)
        run->maps[level] = VL_CACHE_NO_FRAME;
    run->turn = 0;
    run->total = 0;
    run->left = 0;
    for (uint32_t i = 0; i < 2; i++) {
        run->batches[i].count = 0;
        run->batches[i].is_under_way = 0;
    }
}

velo_status
vl_checkpoint_run_paced(vl_ctx *ctx, vl_cache *cache, vl_checkpoint_note *note,
                        vl_checkpoint_fill *fill, vl_checkpoint_pause *pause, void *user)
{
    checkpoint_run run;
    velo_status st;

    VL_ASSERT(vl_cache_holds_none() && cache->volume != NULL);
    checkpoint_init(&run, cache);
    run.pause = pause;
    run.user = user;
    vl_latch_acquire_exclusive(&cache->checkpoint_turn);
    st = checkpoint_work(ctx, &run, note, fill, user);
    vl_latch_release_exclusive(&cache->checkpoint_turn);
    return st;
}

velo_status
vl_checkpoint_run(vl_ctx *ctx, vl_cache *cache, vl_checkpoint_note *note, vl_checkpoint_fill *fill,
                  void *user)
{
    return vl_checkpoint_run_paced(ctx, cache, note, fill, NULL, user);
}
