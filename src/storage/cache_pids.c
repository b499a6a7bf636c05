/* cache_pids.c - numbers of pages of a database in memory: a bit for each.
 *
 * A database in a file keeps its free numbers in its page map. In memory the same numbers are left
 * out, so that both hand out the same ones. */
#include "storage/cache_int.h"

#include <string.h>

/* Bits of a word that are never handed out. */
static uint64_t
pids_fixed(const vl_cache *cache, uint64_t word)
{
    uint64_t span = cache->page_size / 16; /* numbers that a map page has entries for */
    uint64_t bits = 0;

    for (uint64_t first = vl_align_up(word * 64, span); first < (word + 1) * 64; first += span)
        bits |= UINT64_C(0xf) << (first % 64);
    return bits;
}

/* Make room for more numbers. The latch is held. */
static velo_status
pids_grow(vl_ctx *ctx, vl_cache *cache)
{
    vl_cache_pids *pids = &cache->pids;
    uint64_t count = pids->word_count == 0 ? 16 : 2 * pids->word_count;
    uint64_t *words;

    if (pids->word_count >= (UINT64_C(1) << 32) / 64)
        return vl_fail(ctx, VELO_FULL, "all page numbers are used up");
    words = vl_allocator_alloc(cache->allocator, count * sizeof *words, VL_ALLOC_ALIGN);
    if (words == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the table of page numbers");
    if (pids->word_count > 0)
        memcpy(words, pids->words, pids->word_count * sizeof *words);
    for (uint64_t i = pids->word_count; i < count; i++)
        words[i] = pids_fixed(cache, i);
    vl_free(pids->words);
    pids->words = words;
    pids->word_count = count;
    return VELO_OK;
}

velo_status
vl_cache_take_pid(vl_ctx *ctx, vl_cache *cache, vl_pid *pid)
{
    vl_cache_pids *pids = &cache->pids;
    velo_status st = VELO_OK;

    *pid = 0;
    vl_latch_acquire_exclusive(&cache->latch);
    while (pids->lowest < pids->word_count && pids->words[pids->lowest] == UINT64_MAX)
        pids->lowest++;
    if (pids->lowest == pids->word_count)
        st = pids_grow(ctx, cache);
    if (st == VELO_OK) {
        uint64_t *word = &pids->words[pids->lowest];
        uint32_t bit = (uint32_t)__builtin_ctzll(~*word);

        *word |= UINT64_C(1) << bit;
        *pid = (vl_pid)(pids->lowest * 64 + bit);
    }
    vl_latch_release_exclusive(&cache->latch);
    return st;
}

void
vl_cache_give_pid(vl_cache *cache, vl_pid pid)
{
    vl_cache_pids *pids = &cache->pids;

    vl_latch_acquire_exclusive(&cache->latch);
    VL_ASSERT((pids->words[pid / 64] >> (pid % 64) & 1) != 0);
    pids->words[pid / 64] &= ~(UINT64_C(1) << (pid % 64));
    if (pid / 64 < pids->lowest)
        pids->lowest = pid / 64;
    vl_latch_release_exclusive(&cache->latch);
}
