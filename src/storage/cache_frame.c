/* cache_frame.c - the cache's memory: words in segments, frames in slabs, the limits of both.
 *
 * Invariants
 *   R1  Segments, slabs and groups never move, and their addresses stay valid while the cache
 *       lives: who found a word or a frame may touch it for ever, and finds out later that it was
 *       not his. When the budget shrinks or words take more of it, the memory of free frames is
 *       given back to the system and the frames are *retired*; they read as anything.
 *   R2  A frame is free, or retired (its kind is free as well), or a page's, or a copy, or belongs
 *       to the thread that took it.
 *   R3  `bytes` is what segments, slabs less retired frames, groups and the batch buffer take.
 *   R4  An eighth of the frames is for copies only: pages take no frame that would leave fewer free
 *       ones than copies may still need (hazard 10). */
#include "base/park.h"
#include "os/machine.h"
#include "storage/cache_int.h"

#include <string.h>

/* How long a thread that waits for the cache sleeps at most before it looks again. */
#define FRAME_WAIT_NS INT64_C(1000000)

/* Huge pages are worth it for what comes behind the first 64 MiB (hazard 36). */
#define FRAME_HUGE_PAGE ((size_t)2 << 20)
#define FRAME_HUGE_FROM (UINT64_C(64) << 20)

void *
vl_cache_alloc(vl_cache *cache, size_t size, size_t align)
{
    void *memory = vl_allocator_alloc(cache->allocator, size, align);

    if (memory != NULL)
        vl_count(&cache->bytes, size);
    return memory;
}

/* ---- limits; the latch is held ---- */

/* How many frames the budget allows. */
static uint32_t
frame_limit(const vl_cache *cache)
{
    uint64_t other = vl_counter(&cache->bytes) - cache->frame_bytes +
                     (uint64_t)cache->retired_count * sizeof(vl_frame);
    uint64_t least = cache->volume == NULL ? 0 : VL_CACHE_MIN_FRAMES;
    uint64_t count;

    if (cache->budget_bytes == 0)
        return VL_WORD_PLACE_MAX;
    if (cache->budget_bytes <= other)
        return (uint32_t)least;
    count = (cache->budget_bytes - other) / (cache->page_size + sizeof(vl_frame));
    count = count < VL_WORD_PLACE_MAX ? count : VL_WORD_PLACE_MAX;
    return (uint32_t)(count > least ? count : least);
}

/* How many frames exist. */
static uint32_t
frame_count(const vl_cache *cache)
{
    return vl_cache_frame_count(cache) - cache->retired_count;
}

/* How many frames exist and may be used. */
static uint32_t
frame_usable(const vl_cache *cache)
{
    uint32_t limit = frame_limit(cache);
    uint32_t count = frame_count(cache);

    return count < limit ? count : limit;
}

/* How many frames copies may take. */
static uint32_t
frame_copy_share(const vl_cache *cache)
{
    uint32_t share = frame_usable(cache) / 8;

    if (cache->volume == NULL)
        return 0;
    return share > 2 ? share : 2;
}

uint32_t
vl_cache_free_copies(const vl_cache *cache)
{
    uint32_t share = frame_copy_share(cache);
    uint32_t left = share > cache->copies_in_use ? share - cache->copies_in_use : 0;

    return left < cache->free_count ? left : cache->free_count;
}

/* Whether more copies are there than there is room for others. */
static int
frame_is_half_copied(const vl_cache *cache)
{
    return cache->copies_in_use > vl_cache_free_copies(cache);
}

/* How many frames are in use, or kept for copies. */
static uint32_t
frame_busy(const vl_cache *cache)
{
    uint32_t share = frame_copy_share(cache);
    uint32_t kept = share > cache->copies_in_use ? share - cache->copies_in_use : 0;

    return frame_count(cache) - cache->free_count + kept;
}

int
vl_cache_has_frame(const vl_cache *cache)
{
    return cache->free_count > 0 && frame_busy(cache) < frame_usable(cache); /* R4 */
}

/* Whether another slab, or a retired frame, is allowed. */
static int
frame_may_grow(const vl_cache *cache)
{
    uint32_t count = frame_count(cache);

    if (cache->retired_count > 0)
        return count < frame_limit(cache);
    if (cache->slab_count >= cache->slab_max)
        return 0;
    if (cache->volume != NULL && count < VL_CACHE_MIN_FRAMES)
        return 1;
    return count + (1U << cache->slab_bits) <= frame_limit(cache);
}

int
vl_cache_is_short(const vl_cache *cache, uint32_t spare)
{
    uint32_t most = frame_may_grow(cache) ? frame_limit(cache) : frame_usable(cache);

    return frame_busy(cache) + spare > most;
}

int
vl_cache_is_over_budget(const vl_cache *cache)
{
    return frame_busy(cache) > frame_limit(cache);
}

/* ---- slabs; the latch is held ---- */

/* Make the group that the next slab belongs to, if it is not there. */
static int
frame_make_group(vl_cache *cache)
{
    uint32_t group = cache->slab_count >> VL_CACHE_GROUP_BITS;
    size_t size = VL_CACHE_GROUP_SIZE * sizeof(vl_cache_slab);
    vl_cache_slab *slabs;

    if (atomic_load_explicit(&cache->groups[group], memory_order_relaxed) != NULL)
        return 1;
    slabs = vl_cache_alloc(cache, size, VL_ALLOC_ALIGN);
    if (slabs == NULL)
        return 0;
    memset(slabs, 0, size);
    atomic_store_explicit(&cache->groups[group], slabs, memory_order_release);
    return 1;
}

/* Put a frame into a list. */
static void
frame_push(vl_cache *cache, uint32_t *list, uint32_t *count, uint32_t index)
{
    vl_cache_frame_of(cache, index)->next = *list;
    *list = index;
    (*count)++;
}

/* Use a retired frame again. */
static void
frame_revive(vl_cache *cache)
{
    uint32_t index = cache->retired_list;

    cache->retired_list = vl_cache_frame_of(cache, index)->next;
    cache->retired_count--;
    cache->frame_bytes += cache->page_size;
    vl_count(&cache->bytes, cache->page_size);
    frame_push(cache, &cache->free_list, &cache->free_count, index);
}

/* Give a frame's memory back to the system. */
static void
frame_retire(vl_cache *cache, uint32_t index)
{
    vl_machine_discard(vl_cache_page_of(cache, index), cache->page_size);
    cache->frame_bytes -= cache->page_size;
    atomic_fetch_sub_explicit(&cache->bytes, cache->page_size, memory_order_relaxed);
    frame_push(cache, &cache->retired_list, &cache->retired_count, index);
}

/* Alignment of a slab: of direct transfers, and of huge pages where it holds some. */
static size_t
frame_slab_align(const vl_cache *cache, size_t size)
{
    if (size >= 2 * FRAME_HUGE_PAGE)
        return FRAME_HUGE_PAGE;
    return cache->page_size < VL_DIRECT_ALIGN ? cache->page_size : VL_DIRECT_ALIGN;
}

/* Get more free frames: 1, or 0 when there is no memory. */
static int
frame_grow(vl_cache *cache)
{
    uint32_t count = 1U << cache->slab_bits;
    size_t size = (size_t)count * (cache->page_size + sizeof(vl_frame));
    uint32_t first = vl_cache_frame_count(cache);
    vl_cache_slab *slab;
    uint8_t *memory;

    if (cache->retired_count > 0) {
        frame_revive(cache);
        return 1;
    }
    if (!frame_make_group(cache))
        return 0;
    memory = vl_cache_alloc(cache, size, frame_slab_align(cache, size));
    if (memory == NULL)
        return 0;
    cache->frame_bytes += size;
    if (cache->frame_bytes > FRAME_HUGE_FROM)
        vl_machine_want_huge_pages(memory, size);
    slab = vl_cache_slab_of(cache, first);
    slab->pages = memory;
    slab->frames = (vl_frame *)(void *)(memory + (size_t)count * cache->page_size);
    memset((void *)slab->frames, 0, count * sizeof *slab->frames);
    for (uint32_t i = 0; i < count; i++)
        slab->frames[i].next = i + 1 < count ? first + i + 1 : cache->free_list;
    cache->free_list = first;
    cache->free_count += count;
    cache->slab_count++;
    return 1;
}

/* Take the first free frame. */
static uint32_t
frame_pop(vl_cache *cache, vl_frame_kind kind)
{
    uint32_t index = cache->free_list;
    vl_frame *frame = vl_cache_frame_of(cache, index);

    VL_ASSERT(frame->kind == VL_FRAME_FREE);
    cache->free_list = frame->next;
    cache->free_count--;
    atomic_store_explicit(&frame->dirty_epoch, 0, memory_order_relaxed);
    frame->attachment = NULL;
    frame->pid = 0;
    frame->holds = 0;
    frame->next = VL_CACHE_NO_FRAME;
    frame->shadow = 0;
    frame->kind = (uint8_t)kind;
    frame->in_write = 0;
    return index;
}

velo_status
vl_cache_make_frames(vl_ctx *ctx, vl_cache *cache)
{
    int done = 1;

    vl_latch_acquire_exclusive(&cache->latch);
    while (done && frame_count(cache) < VL_CACHE_MIN_FRAMES)
        done = frame_grow(cache);
    vl_latch_release_exclusive(&cache->latch);
    if (!done)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate page frames of %u bytes",
                       (unsigned)cache->page_size);
    return VELO_OK;
}

/* ---- taking and giving back ---- */

/* Take a frame for a page if one can be had at once: 1. */
static int
frame_try_take(vl_cache *cache, uint32_t *index, int *is_out_of_memory)
{
    int done;

    vl_latch_acquire_exclusive(&cache->latch);
    *is_out_of_memory = 0;
    while (!vl_cache_has_frame(cache) && frame_may_grow(cache) && !*is_out_of_memory)
        *is_out_of_memory = !frame_grow(cache);
    done = vl_cache_has_frame(cache);
    if (done)
        *index = frame_pop(cache, VL_FRAME_OWNED);
    vl_latch_release_exclusive(&cache->latch);
#if !VL_TSAN
    /* Orders the change of the word of the page that was here before all that is written into the
     * frame now: pairs with the fence in vl_word_read_valid. */
    atomic_thread_fence(memory_order_release);
#endif
    return done;
}

int
vl_cache_try_take_frame(vl_cache *cache, uint32_t *frame)
{
    int is_out_of_memory;

    *frame = VL_CACHE_NO_FRAME;
    return frame_try_take(cache, frame, &is_out_of_memory);
}

velo_status
vl_cache_take_frame(vl_ctx *ctx, vl_cache *cache, uint32_t *frame)
{
    int is_out_of_memory = 0;

    *frame = VL_CACHE_NO_FRAME;
    for (uint32_t waits = 0; waits < cache->max_waits;) {
        uint32_t seen = atomic_load_explicit(&cache->progress, memory_order_acquire);
        uint32_t freed = 0;

        if (frame_try_take(cache, frame, &is_out_of_memory))
            return VELO_OK;
        if (cache->volume == NULL)
            break;
        VL_TRY(vl_cache_evict(ctx, cache, &freed));
        if (freed == 0) {
            if (is_out_of_memory)
                break;
            vl_cache_wait_progress(cache, seen);
            waits = seen == atomic_load_explicit(&cache->progress, memory_order_acquire) ? waits + 1
                                                                                         : 0;
        }
    }
    if (is_out_of_memory)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate page frames of %u bytes",
                       (unsigned)cache->page_size);
    return vl_fail(ctx, VELO_NOMEM, "all frames of the page cache are in use (budget %llu bytes)",
                   (unsigned long long)cache->budget_bytes);
}

uint32_t
vl_cache_take_copy(vl_cache *cache)
{
    uint32_t index;

    if (vl_cache_free_copies(cache) == 0)
        return VL_CACHE_NO_FRAME;
    index = frame_pop(cache, VL_FRAME_COPY);
    cache->copies_in_use++;
    if (cache->copies_in_use == vl_cache_free_copies(cache) + 1) /* half of them just now */
        vl_cache_end_rest(cache);
#if !VL_TSAN
    atomic_thread_fence(memory_order_release); /* as in frame_try_take */
#endif
    return index;
}

void
vl_cache_give_frame_locked(vl_cache *cache, uint32_t frame)
{
    vl_frame *given = vl_cache_frame_of(cache, frame);

    VL_ASSERT(given->kind != VL_FRAME_FREE && vl_frame_dirty_epoch(given) == 0);
    VL_ASSERT(given->holds == 0 && given->shadow == 0);
    if (given->kind == VL_FRAME_COPY)
        cache->copies_in_use--;
    given->kind = VL_FRAME_FREE;
    given->pid = 0;
    given->in_write = 0;
    if (frame_count(cache) > frame_limit(cache))
        frame_retire(cache, frame);
    else
        frame_push(cache, &cache->free_list, &cache->free_count, frame);
}

void
vl_cache_give_frame(vl_cache *cache, uint32_t frame)
{
    vl_latch_acquire_exclusive(&cache->latch);
    vl_cache_give_frame_locked(cache, frame);
    vl_latch_release_exclusive(&cache->latch);
    vl_cache_note_progress(cache);
}

void
vl_cache_free_memory(vl_cache *cache)
{
    for (uint32_t i = 0; i < cache->slab_count; i++)
        vl_free(vl_cache_slab_of(cache, i << cache->slab_bits)->pages);
    for (uint32_t i = 0; i < VL_CACHE_GROUP_ALL; i++)
        vl_free(atomic_load_explicit(&cache->groups[i], memory_order_relaxed));
    for (uint32_t i = 0; i < VL_CACHE_SEGMENT_MAX; i++)
        vl_free(atomic_load_explicit(&cache->segments[i], memory_order_relaxed));
    vl_free(cache->direct_frames);
    vl_free(cache->batch);
}

void
vl_cache_shrink(vl_cache *cache)
{
    while (cache->free_count > 0 && frame_count(cache) > frame_limit(cache)) {
        uint32_t index = cache->free_list;

        cache->free_list = vl_cache_frame_of(cache, index)->next;
        cache->free_count--;
        frame_retire(cache, index);
    }
}

velo_status
vl_cache_make_word(vl_ctx *ctx, vl_cache *cache, vl_pid pid)
{
    uint32_t bits = 32U - (uint32_t)__builtin_clz(pid | ((1U << VL_CACHE_WORDS_BITS) - 1));
    uint32_t index = bits - VL_CACHE_WORDS_BITS;
    size_t length = (size_t)1 << (index == 0 ? bits : bits - 1);
    velo_status st = VELO_OK;
    void *segment;

    if (VL_LIKELY(vl_cache_word(cache, pid) != NULL))
        return VELO_OK;
    vl_latch_acquire_exclusive(&cache->latch);
    if (vl_cache_word(cache, pid) == NULL) {
        segment = vl_cache_alloc(cache, length * sizeof(uint64_t), VL_CACHE_LINE_SIZE);
        if (segment == NULL) {
            st = vl_fail(ctx, VELO_NOMEM, "cannot allocate words for pages from %u on",
                         (unsigned)(pid & ~(length - 1)));
        } else {
            memset(segment, 0, length * sizeof(uint64_t));
            atomic_store_explicit(&cache->segments[index], segment, memory_order_release);
        }
    }
    vl_cache_shrink(cache);
    vl_latch_release_exclusive(&cache->latch);
    return st == VELO_OK ? vl_cache_trim(ctx, cache) : st;
}

velo_status
vl_cache_trim(vl_ctx *ctx, vl_cache *cache)
{
    int is_over = cache->volume != NULL;

    while (is_over) {
        uint32_t freed = 0;

        vl_latch_acquire_exclusive(&cache->latch);
        is_over = vl_cache_is_over_budget(cache);
        vl_latch_release_exclusive(&cache->latch);
        if (is_over) {
            VL_TRY(vl_cache_evict(ctx, cache, &freed));
            is_over = freed > 0; /* what is in use stays, until it is not */
        }
    }
    return VELO_OK;
}

/* ---- waiting for the cache ---- */

void
vl_cache_note_progress(vl_cache *cache)
{
    atomic_fetch_add_explicit(&cache->progress, 1, memory_order_seq_cst);
    if (atomic_load_explicit(&cache->waiter_count, memory_order_seq_cst) != 0)
        vl_unpark(&cache->progress, INT32_MAX);
}

void
vl_cache_wait_progress(vl_cache *cache, uint32_t seen)
{
    atomic_fetch_add_explicit(&cache->waiter_count, 1, memory_order_seq_cst);
    vl_cache_end_rest(cache);
    (void)vl_park(&cache->progress, seen, FRAME_WAIT_NS);
    atomic_fetch_sub_explicit(&cache->waiter_count, 1, memory_order_seq_cst);
}

/* ---- resting ---- */

uint32_t
vl_cache_rest_ticket(const vl_cache *cache)
{
    return atomic_load_explicit(&cache->rest_word, memory_order_seq_cst);
}

void
vl_cache_rest(vl_cache *cache, uint32_t ticket, int64_t timeout_ns)
{
    (void)vl_park(&cache->rest_word, ticket, timeout_ns);
}

void
vl_cache_end_rest(vl_cache *cache)
{
    atomic_fetch_add_explicit(&cache->rest_word, 1, memory_order_seq_cst);
    vl_unpark(&cache->rest_word, 1);
}

int
vl_cache_is_pressed(vl_cache *cache)
{
    int is_pressed;

    if (atomic_load_explicit(&cache->waiter_count, memory_order_seq_cst) != 0)
        return 1;
    vl_latch_acquire_exclusive(&cache->latch);
    is_pressed = frame_is_half_copied(cache);
    vl_latch_release_exclusive(&cache->latch);
    return is_pressed;
}
