/* cache.c - lookup and latches of pages.
 *
 * Invariants
 *   C1  A page is found through its word only; the word's place is the frame whose `pid` is the
 *       page's.
 *   C2  A hit writes nothing that is shared but the page's word, an optimistic one nothing at all.
 *   C3  A thread that waits for I/O or for another page's number has latched no page but new ones
 *       of its own, which nobody else can wait for (checked in debug builds). */
#include "storage/cache.h"

#include "base/rank.h"
#include "storage/cache_int.h"

#include <string.h>

/* ---- which pages this thread has latched ---- */

#if VL_DEBUG
/* The deepest tree has 40 levels, and a merge holds two pages of a level. */
#define CACHE_HELD_MAX 96

static _Thread_local struct {
    const _Atomic uint64_t *words[CACHE_HELD_MAX]; /* of pages latched now */
    unsigned count;                                /* how many */
} cache_held;

int
vl_cache_holds(const _Atomic uint64_t *word)
{
    for (unsigned i = 0; i < cache_held.count; i++)
        if (cache_held.words[i] == word)
            return 1;
    return 0;
}

int
vl_cache_holds_none(void)
{
    return cache_held.count == 0;
}

void
vl_cache_note_acquiring(const _Atomic uint64_t *word)
{
    VL_ASSERT(!vl_cache_holds(word)); /* not recursive */
}

void
vl_cache_note_acquired(const _Atomic uint64_t *word)
{
    VL_ASSERT(cache_held.count < CACHE_HELD_MAX);
    cache_held.words[cache_held.count++] = word;
}

void
vl_cache_note_released(const _Atomic uint64_t *word)
{
    unsigned i = cache_held.count;

    while (i > 0 && cache_held.words[i - 1] != word)
        i--;
    VL_ASSERT(i > 0); /* released by the thread that holds it */
    for (; i < cache_held.count; i++)
        cache_held.words[i - 1] = cache_held.words[i];
    cache_held.count--;
}
#endif

/* ---- creating ---- */

/* Frames of a slab: about a megabyte, less where the budget is small. */
static uint32_t
cache_slab_bits(const vl_cache *cache)
{
    uint64_t wanted = VL_BY_BUILD(UINT64_C(1) << 20, UINT64_C(1) << 13);
    uint32_t bits = 2;

    if (cache->budget_bytes != 0 && cache->budget_bytes / 8 < wanted)
        wanted = cache->budget_bytes / 8;
    while (((uint64_t)cache->page_size << (bits + 1)) <= wanted)
        bits++;
    return bits;
}

velo_status
vl_cache_create(vl_ctx *ctx, const vl_cache_options *options, vl_cache **out)
{
    static _Atomic uint64_t last_id;
    vl_cache *cache = vl_alloc_aligned(ctx, sizeof *cache, VL_CONTENDED_ALIGN);

    *out = NULL;
    VL_ASSERT(vl_page_size_is_valid(options->page_size));
    if (cache == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the page cache");
    memset((void *)cache, 0, sizeof *cache);
    cache->page_size = options->page_size;
    cache->allocator = ctx->allocator;
    cache->volume = options->volume;
    if (options->hooks != NULL)
        cache->hooks = *options->hooks;
    cache->id = 1 + atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed);
    cache->budget_bytes = options->budget_bytes;
    cache->slab_bits = cache_slab_bits(cache);
    cache->free_list = VL_CACHE_NO_FRAME;
    vl_section_init(&cache->gate, VL_RANK_BARRIER);
    vl_latch_init(&cache->latch, VL_RANK_CACHE);
    atomic_init(&cache->epoch, 1);
    *out = cache;
    return VELO_OK;
}

void
vl_cache_destroy(vl_cache *cache)
{
    if (cache == NULL)
        return;
    vl_cache_free_memory(cache);
    vl_free(cache->pids.words);
    vl_free(cache);
}

uint32_t
vl_cache_page_size(const vl_cache *cache)
{
    return cache->page_size;
}

/* ---- latches ---- */

int
vl_cache_peek(vl_cache *cache, vl_pid pid, vl_page_peek *peek)
{
    _Atomic uint64_t *word = vl_cache_word(cache, pid);
    uint64_t seen;

    peek->page = NULL;
    if (VL_UNLIKELY(word == NULL))
        return 0;
    vl_cache_note_acquiring(word);
    seen = vl_word_read_begin(word);
    if (VL_UNLIKELY(seen == 0))
        return 0;
    peek->page = vl_cache_page_of(cache, vl_word_place(seen) - 1);
    peek->pid = pid;
    peek->word = word;
    peek->seen = seen;
    return 1;
}

/* What a holder of a page gets. */
static void
cache_fill_ref(vl_cache *cache, vl_pid pid, _Atomic uint64_t *word, uint64_t seen, vl_page_ref *ref)
{
    ref->frame = vl_word_place(seen) - 1;
    ref->page = vl_cache_page_of(cache, ref->frame);
    ref->pid = pid;
    ref->word = word;
    VL_ASSERT(vl_cache_frame_of(cache, ref->frame)->pid == pid); /* C1 */
    vl_cache_note_acquired(word);
}

int
vl_peek_upgrade(vl_cache *cache, vl_page_peek *peek, vl_page_ref *ref)
{
    ref->page = NULL;
    if (!vl_word_read_upgrade(peek->word, peek->seen))
        return 0;
    cache_fill_ref(cache, peek->pid, peek->word, peek->seen, ref);
    return 1;
}

int
vl_cache_shared(vl_cache *cache, vl_pid pid, vl_page_ref *ref)
{
    _Atomic uint64_t *word = vl_cache_word(cache, pid);
    uint64_t seen;

    ref->page = NULL;
    if (VL_UNLIKELY(word == NULL))
        return 0;
    vl_cache_note_acquiring(word);
    seen = vl_word_acquire_shared(word);
    if (VL_UNLIKELY(seen == 0))
        return 0;
    cache_fill_ref(cache, pid, word, seen, ref);
    return 1;
}

int
vl_cache_exclusive(vl_cache *cache, vl_pid pid, vl_page_ref *ref)
{
    _Atomic uint64_t *word = vl_cache_word(cache, pid);
    uint64_t seen;

    ref->page = NULL;
    if (VL_UNLIKELY(word == NULL))
        return 0;
    vl_cache_note_acquiring(word);
    seen = vl_word_acquire_exclusive(word);
    if (VL_UNLIKELY(seen == 0))
        return 0;
    cache_fill_ref(cache, pid, word, seen, ref);
    return 1;
}

void
vl_cache_release_shared(vl_cache *cache, vl_page_ref *ref)
{
    (void)cache;
    if (ref->page == NULL)
        return;
    vl_cache_note_released(ref->word);
    ref->page = NULL;
    vl_word_release_shared(ref->word);
}

void
vl_cache_release_exclusive(vl_cache *cache, vl_page_ref *ref)
{
    uint64_t word;

    (void)cache;
    if (ref->page == NULL)
        return;
    ref->page = NULL;
    word = atomic_load_explicit(ref->word, memory_order_relaxed);
    if (VL_UNLIKELY(vl_word_state(word) == VL_WORD_UNBORN))
        return; /* vl_change_end takes it back */
    VL_ASSERT(vl_word_state(word) == VL_WORD_EXCLUSIVE);
    vl_cache_note_released(ref->word);
    vl_word_settle(ref->word, vl_word_place(word));
}

int
vl_cache_is_resident(vl_cache *cache, vl_pid pid)
{
    const _Atomic uint64_t *word = vl_cache_word(cache, pid);

    return word != NULL && vl_word_place(atomic_load_explicit(word, memory_order_relaxed)) != 0;
}

void *
vl_cache_attachment(const vl_cache *cache, const vl_page_ref *ref)
{
    return vl_cache_frame_of(cache, ref->frame)->attachment;
}

void
vl_cache_set_attachment(vl_cache *cache, const vl_page_ref *ref, void *attachment)
{
    VL_ASSERT(vl_cache_holds(ref->word));
    vl_cache_frame_of(cache, ref->frame)->attachment = attachment;
}

/* ---- absent pages ---- */

/* What a thread last asked for in vain. */
static _Thread_local struct {
    uint64_t cache;      /* id of the cache */
    uint64_t gone_count; /* pages freed by then */
    vl_pid pid;          /* the page */
} cache_missed;

/* The answer for a page that does not exist: see vl_cache_load. */
static velo_status
cache_miss(vl_ctx *ctx, vl_cache *cache, vl_pid pid)
{
    uint64_t gone_count = atomic_load_explicit(&cache->gone_count, memory_order_acquire);
    int is_again = cache_missed.cache == cache->id && cache_missed.pid == pid &&
                   cache_missed.gone_count == gone_count;

    cache_missed.cache = is_again ? 0 : cache->id;
    cache_missed.pid = pid;
    cache_missed.gone_count = gone_count;
    if (!is_again)
        return VELO_OK;
    return vl_fail(ctx, VELO_CORRUPT, "page %u: something refers to it, but it does not exist",
                   (unsigned)pid);
}

velo_status
vl_cache_load(vl_ctx *ctx, vl_cache *cache, vl_pid pid)
{
    VL_ASSERT(vl_cache_holds_none()); /* C3 */
    if (vl_cache_is_resident(cache, pid))
        return VELO_OK;
    return cache_miss(ctx, cache, pid);
}

void
vl_cache_load_batch(vl_cache *cache, const vl_pid *pids, uint32_t count)
{
    VL_ASSERT(vl_cache_holds_none());
    (void)cache;
    (void)pids;
    (void)count;
}

/* ---- budget and numbers ---- */

velo_status
vl_cache_set_budget(vl_ctx *ctx, vl_cache *cache, uint64_t budget_bytes)
{
    (void)ctx;
    vl_latch_acquire_exclusive(&cache->latch);
    cache->budget_bytes = budget_bytes;
    vl_latch_release_exclusive(&cache->latch);
    return VELO_OK;
}

velo_status
vl_cache_tend(vl_ctx *ctx, vl_cache *cache)
{
    (void)ctx;
    (void)cache;
    return VELO_OK;
}

void
vl_cache_get_stats(vl_cache *cache, vl_cache_stats *stats)
{
    stats->load_count = vl_counter(&cache->load_count);
    stats->evict_count = vl_counter(&cache->evict_count);
    stats->write_count = vl_counter(&cache->write_count);
    stats->copy_count = vl_counter(&cache->copy_count);
    stats->page_count = vl_counter(&cache->page_count);
    stats->bytes = vl_counter(&cache->bytes);
    vl_latch_acquire_exclusive(&cache->latch);
    stats->frame_count = (uint64_t)cache->slab_count << cache->slab_bits;
    stats->free_count = cache->free_count;
    vl_latch_release_exclusive(&cache->latch);
    stats->dirty_count = cache->volume == NULL ? stats->frame_count - stats->free_count : 0;
}
