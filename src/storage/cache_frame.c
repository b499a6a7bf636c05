/* cache_frame.c - the cache's memory: words in segments, frames in slabs, and the free list.
 *
 * Invariants
 *   R1  Segments, slabs and groups never move and are not given back while the cache lives: who
 *       found a word or a frame may touch it for ever, and finds out later that it was not his.
 *   R2  A frame is in the free list, or belongs to one page (`pid`), or to nobody but the thread
 *       that has just taken it out of one of these.
 *   R3  `bytes` is what segments, slabs and groups take. */
#include "storage/cache_int.h"

#include <string.h>

/* Memory of the cache's own allocator, counted. */
static void *
frame_alloc(vl_cache *cache, size_t size, size_t align)
{
    void *memory = vl_allocator_alloc(cache->allocator, size, align);

    if (memory != NULL)
        vl_count(&cache->bytes, size);
    return memory;
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
        segment = frame_alloc(cache, length * sizeof(uint64_t), VL_CACHE_LINE_SIZE);
        if (segment == NULL) {
            st = vl_fail(ctx, VELO_NOMEM, "cannot allocate words for pages from %u on",
                         (unsigned)(pid & ~(length - 1)));
        } else {
            memset(segment, 0, length * sizeof(uint64_t));
            atomic_store_explicit(&cache->segments[index], segment, memory_order_release);
        }
    }
    vl_latch_release_exclusive(&cache->latch);
    return st;
}

/* Make the group that the next slab belongs to, if it is not there. The latch is held. */
static int
frame_make_group(vl_cache *cache)
{
    uint32_t group = cache->slab_count >> VL_CACHE_GROUP_BITS;
    size_t size = VL_CACHE_GROUP_SIZE * sizeof(vl_cache_slab);
    vl_cache_slab *slabs;

    if (atomic_load_explicit(&cache->groups[group], memory_order_relaxed) != NULL)
        return 1;
    slabs = frame_alloc(cache, size, VL_ALLOC_ALIGN);
    if (slabs == NULL)
        return 0;
    memset(slabs, 0, size);
    atomic_store_explicit(&cache->groups[group], slabs, memory_order_release);
    return 1;
}

/* Whether another slab of `size` bytes is allowed. The latch is held. */
static int
frame_may_grow(const vl_cache *cache, size_t size)
{
    uint64_t bytes = vl_counter(&cache->bytes);
    uint64_t frames = (uint64_t)(cache->slab_count + 1) << cache->slab_bits;

    return cache->slab_count < VL_CACHE_GROUP_MAX * VL_CACHE_GROUP_SIZE &&
           frames <= VL_WORD_PLACE_MAX &&
           (cache->budget_bytes == 0 || bytes + size <= cache->budget_bytes);
}

/* Make another slab and put its frames into the free list. The latch is held. */
static velo_status
frame_grow(vl_ctx *ctx, vl_cache *cache)
{
    uint32_t count = 1U << cache->slab_bits;
    size_t size = (size_t)count * (cache->page_size + sizeof(vl_frame));
    uint32_t first = cache->slab_count << cache->slab_bits;
    vl_cache_slab *slab;
    uint8_t *memory;

    if (!frame_may_grow(cache, size))
        return vl_fail(ctx, VELO_NOMEM, "the page cache's %llu bytes are used up",
                       (unsigned long long)cache->budget_bytes);
    if (!frame_make_group(cache))
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a table of page frames");
    memory = frame_alloc(cache, size, cache->page_size < 4096 ? cache->page_size : 4096);
    if (memory == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u page frames of %u bytes", count,
                       cache->page_size);
    slab = vl_cache_slab_of(cache, first);
    slab->pages = memory;
    slab->frames = (vl_frame *)(void *)(memory + (size_t)count * cache->page_size);
    memset(slab->frames, 0, count * sizeof *slab->frames);
    for (uint32_t i = 0; i < count; i++)
        slab->frames[i].next_free = i + 1 < count ? first + i + 1 : cache->free_list;
    cache->free_list = first;
    cache->free_count += count;
    cache->slab_count++;
    return VELO_OK;
}

velo_status
vl_cache_take_frame(vl_ctx *ctx, vl_cache *cache, vl_pid pid, uint32_t *frame)
{
    velo_status st = VELO_OK;

    *frame = VL_CACHE_NO_FRAME;
    vl_latch_acquire_exclusive(&cache->latch);
    if (cache->free_list == VL_CACHE_NO_FRAME)
        st = frame_grow(ctx, cache);
    if (st == VELO_OK) {
        vl_frame *taken = vl_cache_frame_of(cache, cache->free_list);

        *frame = cache->free_list;
        cache->free_list = taken->next_free;
        cache->free_count--;
        taken->pid = pid;
        taken->attachment = NULL;
    }
    vl_latch_release_exclusive(&cache->latch);
#if !VL_TSAN
    /* Orders the change of the word of the page that was here before all that is written into the
     * frame now: pairs with the fence in vl_word_read_valid. */
    atomic_thread_fence(memory_order_release);
#endif
    return st;
}

void
vl_cache_give_frame(vl_cache *cache, uint32_t frame)
{
    vl_frame *given = vl_cache_frame_of(cache, frame);

    vl_latch_acquire_exclusive(&cache->latch);
    VL_ASSERT(given->pid != 0);
    given->pid = 0;
    given->next_free = cache->free_list;
    cache->free_list = frame;
    cache->free_count++;
    vl_latch_release_exclusive(&cache->latch);
}

void
vl_cache_free_memory(vl_cache *cache)
{
    for (uint32_t i = 0; i < cache->slab_count; i++)
        vl_free(vl_cache_slab_of(cache, i << cache->slab_bits)->pages);
    for (uint32_t i = 0; i < VL_CACHE_GROUP_MAX; i++)
        vl_free(atomic_load_explicit(&cache->groups[i], memory_order_relaxed));
    for (uint32_t i = 0; i < VL_CACHE_SEGMENT_MAX; i++)
        vl_free(atomic_load_explicit(&cache->segments[i], memory_order_relaxed));
}
