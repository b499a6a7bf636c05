/* cache_direct.c - pages that are read where they lie, in a mapping of the volume.
 *
 * A block of the mapping has a number among the frames, behind all that frames can have, and the
 * table of slabs leads from it to the block's address as it leads from a frame's number to its
 * memory. So a word whose place is such a number is followed like any other: finding a page in
 * place costs what finding it in a frame does, to the instruction. (This is why the word has no bit
 * that says `direct`: testing one would cost every lookup of every database something.)
 *
 * Only pages of trees are read in place, never map pages, and only as long as they are as their
 * image is. Whoever latches one exclusively gets it in a frame; from there on it is a page like any
 * other, until it is clean and its frame is given up: then its word is empty, and whoever asks for
 * the page next finds its image in place.
 *
 * Invariants
 *   X1  A word's place is a block only if the live map says that the page's image lies there, and
 *       the page is as the image is: nobody has it prepared, it is not dirty, nothing is attached.
 *   X2  A block becomes a word's place only by the thread that has the word `loading`, after it has
 *       checked checksum and page: once per image and process.
 *   X3  Nobody who can change a page has it in place: an exclusive latch is handed out on frames
 *       only. The mapping is read only, so a breach of this stops the process.
 *   X4  A word leaves a block (its version advances) before the block leaves the live map: to be
 *       superseded the page has to be dirty, or gone, and both take an exclusive latch. So who has
 *       a page in place shared keeps its block from being written anew, and who reads it
 *       optimistically finds out (hazard 37).
 *   X5  The file is not cut while pages are read in place; see vl_volume_commit_checkpoint.
 *   X6  The slabs of blocks share what is known of their frames: it stays as it is when nothing is
 *       attached to a clean page. */
#include "storage/cache_int.h"

#include <string.h>

/* A page that this thread could not latch exclusively, as no frame was free. */
static _Thread_local struct {
    uint64_t cache; /* id of the cache; 0: none */
    vl_pid pid;     /* the page */
} direct_wanted;

/* ---- numbers of blocks ---- */

velo_status
vl_cache_attach_direct(vl_ctx *ctx, vl_cache *cache)
{
    vl_volume_view view = vl_volume_get_view(cache->volume);
    uint32_t bits = cache->slab_bits + VL_CACHE_GROUP_BITS; /* of the frames of a group */
    uint32_t first = (VL_WORD_PLACE_MAX / 2 + 1) >> bits;
    size_t size = sizeof(vl_frame) << cache->slab_bits;
    uint64_t room;

    if (view.base == NULL)
        return VELO_OK;
    VL_CHECK(first > 0);
    first = first < VL_CACHE_GROUP_MAX ? first : VL_CACHE_GROUP_MAX;
    cache->direct_frames = vl_cache_alloc(cache, size, VL_ALLOC_ALIGN);
    if (cache->direct_frames == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the table of pages in place");
    memset((void *)cache->direct_frames, 0, size);
    for (uint32_t i = 0; i < 1U << cache->slab_bits; i++)
        cache->direct_frames[i].kind = VL_FRAME_BLOCK;
    room = (uint64_t)(VL_CACHE_GROUP_ALL - first) << bits;
    cache->slab_max = first * VL_CACHE_GROUP_SIZE;
    cache->direct_first = first << bits;
    if (room > VL_WORD_PLACE_MAX - cache->direct_first)
        room = VL_WORD_PLACE_MAX - cache->direct_first;
    cache->direct_count = (uint32_t)(view.block_count < room ? view.block_count : room);
    cache->direct_base = view.base;
    return VELO_OK;
}

/* Make the slabs of a group of blocks; the latch is held. 0: there is no memory. */
static int
direct_make_group(vl_cache *cache, uint32_t group)
{
    uint32_t bits = cache->slab_bits + VL_CACHE_GROUP_BITS;
    size_t size = VL_CACHE_GROUP_SIZE * sizeof(vl_cache_slab);
    vl_cache_slab *slabs;

    if (atomic_load_explicit(&cache->groups[group], memory_order_relaxed) != NULL)
        return 1;
    slabs = vl_cache_alloc(cache, size, VL_ALLOC_ALIGN);
    if (slabs == NULL)
        return 0;
    memset(slabs, 0, size);
    for (uint32_t i = 0; i < VL_CACHE_GROUP_SIZE; i++) {
        uint64_t block = ((uint64_t)group << bits) - cache->direct_first;

        block += (uint64_t)i << cache->slab_bits;
        slabs[i].frames = cache->direct_frames;
        if (block < cache->direct_count) /* keeps X3, as nobody may store through it */
            slabs[i].pages = (uint8_t *)((uintptr_t)cache->direct_base + block * cache->page_size);
    }
    atomic_store_explicit(&cache->groups[group], slabs, memory_order_release);
    return 1;
}

velo_status
vl_cache_make_direct(vl_ctx *ctx, vl_cache *cache, uint64_t block, uint32_t *frame)
{
    uint32_t index = cache->direct_first + (uint32_t)block;
    int done;

    VL_ASSERT(block < cache->direct_count);
    *frame = VL_CACHE_NO_FRAME;
    vl_latch_acquire_exclusive(&cache->latch);
    done = direct_make_group(cache, index >> (cache->slab_bits + VL_CACHE_GROUP_BITS));
    vl_cache_shrink(cache); /* the table counts in the budget */
    vl_latch_release_exclusive(&cache->latch);
    if (!done)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the table of pages in place");
    *frame = index;
    return VELO_OK;
}

/* ---- from a block to a frame ---- */

/* Move a page that the caller has exclusively from its block to a frame of his; returns the word as
 * it is then. */
static uint64_t
direct_move(vl_cache *cache, vl_pid pid, _Atomic uint64_t *word, uint64_t seen, uint32_t index)
{
    uint32_t from = vl_word_place(seen) - 1;
    vl_frame *frame = vl_cache_frame_of(cache, index);

    memcpy(vl_cache_page_of(cache, index), vl_cache_page_of(cache, from), cache->page_size);
    vl_latch_acquire_exclusive(&cache->latch);
    frame->pid = pid;
    frame->kind = VL_FRAME_PAGE;
    vl_latch_release_exclusive(&cache->latch);
    vl_count(&cache->lift_count, 1);
    return vl_word_move(word, from, index);
}

int
vl_cache_lift(vl_cache *cache, vl_pid pid, _Atomic uint64_t *word, uint64_t *seen)
{
    uint32_t index;

    if (!vl_cache_try_take_frame(cache, &index)) {
        vl_word_release_exclusive(word);
        direct_wanted.cache = cache->id;
        direct_wanted.pid = pid;
        return 0;
    }
    *seen = direct_move(cache, pid, word, *seen, index);
    return 1;
}

velo_status
vl_cache_lift_wanted(vl_ctx *ctx, vl_cache *cache, vl_pid pid)
{
    _Atomic uint64_t *word = vl_cache_word(cache, pid);
    uint32_t index;
    uint64_t seen;

    if (direct_wanted.cache != cache->id || direct_wanted.pid != pid)
        return VELO_OK;
    direct_wanted.cache = 0;
    VL_TRY(vl_cache_take_frame(ctx, cache, &index));
    seen = vl_word_acquire_exclusive(word);
    if (seen != 0 && vl_cache_is_direct(cache, vl_word_place(seen) - 1)) {
        (void)direct_move(cache, pid, word, seen, index);
        index = VL_CACHE_NO_FRAME;
    }
    if (seen != 0)
        vl_word_release_exclusive(word);
    if (index != VL_CACHE_NO_FRAME) /* somebody was quicker, or it is gone */
        vl_cache_give_frame(cache, index);
    return VELO_OK;
}
