/* cache.c - lookup and latches of pages.
 *
 * Invariants
 *   C1  A page is found through its word only; the word's place is the frame whose `pid` is the
 *       page's, or a block that holds its image (cache_direct.c).
 *   C2  A hit writes nothing that is shared but the page's word, an optimistic one nothing at all.
 *   C3  A thread that waits for I/O or for another page's number has latched no page but new ones
 *       of its own, which nobody else can wait for (checked in debug builds). */
#include "storage/cache.h"

#include "base/rank.h"
#include "os/machine.h"
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

/* The budget of a database in a file for which none was asked: it is used as it is needed. */
#define CACHE_ELASTIC_MAX (UINT64_C(1) << 30)

static uint64_t
cache_elastic_budget(void)
{
    vl_machine machine;
    uint64_t quarter;

    vl_machine_get(&machine);
    quarter = machine.usable_memory / 4;
    return quarter > 0 && quarter < CACHE_ELASTIC_MAX ? quarter : CACHE_ELASTIC_MAX;
}

/* Frames of a slab: 8 MiB, room for some huge pages; less where the budget is small. */
static uint32_t
cache_slab_bits(const vl_cache *cache)
{
    uint64_t wanted = VL_BY_BUILD(UINT64_C(8) << 20, UINT64_C(1) << 13);
    uint32_t bits = 2;

    if (cache->volume == NULL && cache->budget_bytes == 0)
        wanted = VL_BY_BUILD(UINT64_C(1) << 20, UINT64_C(1) << 13);

    if (cache->budget_bytes != 0 && cache->budget_bytes / 16 < wanted)
        wanted = cache->budget_bytes / 16;
    while (((uint64_t)cache->page_size << (bits + 1)) <= wanted)
        bits++;
    return bits;
}

/* Take over what the volume's superblock says of the page map, and make the checkpoint's buffer. */
static velo_status
cache_attach(vl_ctx *ctx, vl_cache *cache)
{
    const vl_superblock *super = vl_volume_super(cache->volume);
    uint64_t batch = cache->budget_bytes / cache->page_size / 64;

    VL_ASSERT(super->page_size == cache->page_size);
    if (super->map_root.height >= VL_PAGEMAP_LEVELS)
        return vl_fail(ctx, VELO_CORRUPT, "%s: the page map has %u levels",
                       vl_volume_path(cache->volume), super->map_root.height + 1U);
    cache->page_blocks = super->page_size / super->block_size;
    cache->page_end = super->page_end;
    if (super->map_root.address != 0) {
        cache->root.level = (int32_t)super->map_root.height;
        cache->root.extent = (vl_extent){.address = super->map_root.address,
                                         .length = super->map_root.length,
                                         .encoding = VL_PAGEMAP_PLAIN,
                                         .checksum = super->map_root.checksum};
    }
    batch = batch < 1 ? 1 : batch;
    cache->batch_size = batch < VL_CACHE_BATCH ? (uint32_t)batch : VL_CACHE_BATCH;
    VL_TRY(vl_cache_attach_direct(ctx, cache));
    cache->batch =
        vl_alloc_aligned(ctx, (size_t)2 * cache->batch_size * cache->page_size, VL_DIRECT_ALIGN);
    if (cache->batch == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the checkpoints' buffers");
    vl_count(&cache->bytes, (uint64_t)2 * cache->batch_size * cache->page_size);
    return vl_cache_make_frames(ctx, cache);
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
    cache->own_mask = vl_pagemap_fanout(options->page_size) - 1;
    cache->allocator = ctx->allocator;
    cache->volume = options->volume;
    if (options->hooks != NULL)
        cache->hooks = *options->hooks;
    cache->max_waits = VL_CACHE_MAX_WAITS;
    cache->id = 1 + atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed);
    cache->budget_bytes = options->budget_bytes;
    if (cache->budget_bytes == 0 && cache->volume != NULL)
        cache->budget_bytes = cache_elastic_budget();
    cache->slab_bits = cache_slab_bits(cache);
    cache->slab_max = VL_CACHE_GROUP_MAX * VL_CACHE_GROUP_SIZE;
    cache->direct_first = UINT32_MAX;
    cache->free_list = VL_CACHE_NO_FRAME;
    cache->retired_list = VL_CACHE_NO_FRAME;
    cache->lowest_free = VL_PAGEMAP_FIRST;
    cache->root.level = -1;
    cache->writing.first_copy = VL_CACHE_NO_FRAME;
    vl_section_init(&cache->gate, VL_RANK_BARRIER);
    vl_latch_init(&cache->latch, VL_RANK_CACHE);
    vl_latch_init(&cache->checkpoint_turn, VL_RANK_NONE);
    atomic_init(&cache->epoch, 1);
    if (cache->volume != NULL) {
        velo_status st = cache_attach(ctx, cache);

        if (st != VELO_OK) {
            vl_cache_destroy(cache);
            return st;
        }
    }
    *out = cache;
    return VELO_OK;
}

/* Space that is promised for images that nobody will write. */
static void
cache_release_promises(vl_cache *cache)
{
    uint64_t images = cache->dirty_count - cache->debt;

    VL_ASSERT(!cache->writing.is_running && cache->copies_in_use == 0);
    if (images > 0)
        vl_volume_release_promise(cache->volume, images * cache->page_blocks);
}

void
vl_cache_destroy(vl_cache *cache)
{
    if (cache == NULL)
        return;
    if (cache->volume != NULL)
        cache_release_promises(cache);
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
    if (VL_UNLIKELY(word == NULL || vl_cache_is_own(cache, pid)))
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
    __builtin_prefetch(
        vl_cache_frame_of(cache, ref->frame)); /* whoever changes the page reads it */
    ref->page = vl_cache_page_of(cache, ref->frame);
    ref->pid = pid;
    ref->word = word;
    VL_ASSERT((vl_cache_is_direct(cache, ref->frame) /* C1 */
                   ? ((const vl_page_header *)ref->page)->pid
                   : vl_cache_frame_of(cache, ref->frame)->pid) == pid);
    vl_cache_note_acquired(word);
}

int
vl_peek_upgrade(vl_cache *cache, vl_page_peek *peek, vl_page_ref *ref)
{
    uint64_t seen = peek->seen;

    ref->page = NULL;
    if (!vl_word_read_upgrade(peek->word, seen))
        return 0;
    if (VL_UNLIKELY(vl_cache_is_direct(cache, vl_word_place(seen) - 1)) &&
        !vl_cache_lift(cache, peek->pid, peek->word, &seen))
        return 0;
    cache_fill_ref(cache, peek->pid, peek->word, seen, ref);
    return 1;
}

int
vl_cache_shared(vl_cache *cache, vl_pid pid, vl_page_ref *ref)
{
    _Atomic uint64_t *word = vl_cache_word(cache, pid);
    uint64_t seen;

    ref->page = NULL;
    if (VL_UNLIKELY(word == NULL || vl_cache_is_own(cache, pid)))
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
    if (VL_UNLIKELY(word == NULL || vl_cache_is_own(cache, pid)))
        return 0;
    vl_cache_note_acquiring(word);
    seen = vl_word_acquire_exclusive(word);
    if (VL_UNLIKELY(seen == 0))
        return 0;
    if (VL_UNLIKELY(vl_cache_is_direct(cache, vl_word_place(seen) - 1)) &&
        !vl_cache_lift(cache, pid, word, &seen)) /* keeps X3 */
        return 0;
    cache_fill_ref(cache, pid, word, seen, ref);
    return 1;
}

void
vl_cache_note(const vl_cache *cache, const vl_page_ref *ref, vl_page_memo *memo)
{
    uint64_t word = atomic_load_explicit(ref->word, memory_order_relaxed);

    VL_ASSERT(vl_word_state(word) == VL_WORD_EXCLUSIVE);
    memo->cache_id = cache->id;
    memo->pid = ref->pid;
    memo->seen = vl_word_next(word, 0, vl_word_place(word)) & VL_WORD_SEEN_MASK;
}

int
vl_peek_note(vl_cache *cache, const vl_page_peek *peek, vl_page_memo *memo)
{
    uint32_t place = vl_word_place(peek->seen) - 1;

    if (VL_UNLIKELY(vl_cache_is_direct(cache, place))) /* changed after it was lifted: keeps X3 */
        return 0;
    __builtin_prefetch(vl_cache_frame_of(cache, place));
    memo->cache_id = cache->id;
    memo->pid = peek->pid;
    memo->seen = peek->seen;
    return 1;
}

int
vl_cache_recall(vl_cache *cache, const vl_page_memo *memo, vl_page_ref *ref)
{
    _Atomic uint64_t *word;

    ref->page = NULL;
    if (memo->cache_id != cache->id)
        return 0;
    word = vl_cache_word(cache, memo->pid);
    if (word == NULL || !vl_word_try_exclusive_seen(word, memo->seen))
        return 0;
    cache_fill_ref(cache, memo->pid, word, memo->seen, ref);
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
    VL_ASSERT(vl_cache_holds(ref->word) && !vl_cache_is_direct(cache, ref->frame));
    vl_cache_frame_of(cache, ref->frame)->attachment = attachment;
}

void
vl_cache_take_attachments(vl_cache *cache, vl_cache_attached *taken, void *argument)
{
    uint32_t count = vl_cache_frame_count(cache);

    for (uint32_t i = 0; i < count; i++) {
        vl_frame *frame = vl_cache_frame_of(cache, i);
        void *attachment = frame->attachment;

        frame->attachment = NULL;
        /* Of frames without a page it means nothing. */
        if (attachment != NULL && frame->kind == VL_FRAME_PAGE)
            taken(argument, attachment);
    }
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
    const _Atomic uint64_t *word = vl_cache_word(cache, pid);
    int exists = 0;

    VL_ASSERT(vl_cache_holds_none()); /* C3 */
    if (vl_cache_is_resident(cache, pid) && !vl_cache_is_own(cache, pid))
        return vl_cache_has_direct(cache) ? vl_cache_lift_wanted(ctx, cache, pid) : VELO_OK;
    if (word != NULL &&
        vl_word_state(atomic_load_explicit(word, memory_order_relaxed)) == VL_WORD_UNBORN)
        return cache_miss(ctx, cache, pid);
    if (cache->volume != NULL && !vl_cache_is_own(cache, pid))
        VL_TRY(vl_cache_bring(ctx, cache, pid, &exists));
    return exists ? VELO_OK : cache_miss(ctx, cache, pid);
}

/* ---- budget and numbers ---- */

/* Frames that tending keeps free: some for each batch of misses. */
static uint32_t
cache_spare_frames(const vl_cache *cache)
{
    uint32_t spare = vl_cache_frame_count(cache) / 32;

    return spare < VL_CACHE_BATCH ? spare : VL_CACHE_BATCH;
}

velo_status
vl_cache_set_budget(vl_ctx *ctx, vl_cache *cache, uint64_t budget_bytes)
{
    if (budget_bytes == 0 && cache->volume != NULL)
        budget_bytes = cache_elastic_budget();
    vl_latch_acquire_exclusive(&cache->latch);
    cache->budget_bytes = budget_bytes;
    vl_cache_shrink(cache);
    vl_latch_release_exclusive(&cache->latch);
    return vl_cache_trim(ctx, cache);
}

velo_status
vl_cache_tend(vl_ctx *ctx, vl_cache *cache)
{
    int is_short = cache->volume != NULL;

    while (is_short) {
        uint32_t freed = 0;

        vl_latch_acquire_exclusive(&cache->latch);
        is_short = vl_cache_is_short(cache, cache_spare_frames(cache));
        vl_latch_release_exclusive(&cache->latch);
        if (is_short) {
            VL_TRY(vl_cache_evict(ctx, cache, &freed));
            is_short = freed > 0;
        }
    }
    return VELO_OK;
}

void
vl_cache_get_stats(vl_cache *cache, vl_cache_stats *stats)
{
    stats->load_count = vl_counter(&cache->load_count);
    stats->evict_count = vl_counter(&cache->evict_count);
    stats->write_count = vl_counter(&cache->write_count);
    stats->copy_count = vl_counter(&cache->copy_count);
    stats->place_count = vl_counter(&cache->place_count);
    stats->lift_count = vl_counter(&cache->lift_count);
    stats->page_count = vl_counter(&cache->page_count);
    stats->bytes = vl_counter(&cache->bytes);
    vl_latch_acquire_exclusive(&cache->latch);
    stats->frame_count = vl_cache_frame_count(cache) - cache->retired_count;
    stats->free_count = cache->free_count;
    stats->dirty_count =
        cache->volume == NULL ? stats->frame_count - stats->free_count : cache->dirty_count;
    stats->page_end = cache->page_end;
    vl_latch_release_exclusive(&cache->latch);
}
