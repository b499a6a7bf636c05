/* cache_change.c - changes: new pages, freed pages, and the section in which they become true.
 *
 * Invariants
 *   H1  A page that is new is unborn, and reached by nobody, until vl_change_leave.
 *   H2  Nothing between vl_change_enter and the end of vl_change_leave waits for more than a latch
 *       that is held for some instructions, fails, or allocates.
 *   H3  A number is free again only when its page's word says that it is absent. */
#include "storage/cache_int.h"

#include <string.h>

void
vl_change_begin(vl_cache *cache, vl_change *change)
{
    memset(change, 0, sizeof *change);
    change->cache = cache;
}

velo_status
vl_change_new_page(vl_ctx *ctx, vl_change *change, vl_page_ref *ref)
{
    vl_cache *cache = change->cache;
    velo_status st;
    vl_pid pid;

    ref->page = NULL;
    VL_ASSERT(vl_cache_holds_none() && !change->is_inside);
    VL_CHECK(change->added_count < VL_CHANGE_MAX_PAGES);
    VL_TRY(vl_cache_take_pid(ctx, cache, &pid));
    st = vl_cache_make_word(ctx, cache, pid);
    if (st == VELO_OK)
        st = vl_cache_take_frame(ctx, cache, pid, &ref->frame);
    if (st != VELO_OK) {
        vl_cache_give_pid(cache, pid);
        return st;
    }
    ref->page = vl_cache_page_of(cache, ref->frame);
    ref->pid = pid;
    ref->word = vl_cache_word(cache, pid);
    memset(ref->page, 0, cache->page_size);
    VL_CHECK(vl_word_try_begin(ref->word, VL_WORD_UNBORN)); /* keeps H1 */
    change->added[change->added_count++] = *ref;
    return VELO_OK;
}

int
vl_change_prepare(vl_change *change, vl_page_ref *ref)
{
    VL_ASSERT(ref->page != NULL && !change->is_inside);
    VL_ASSERT(vl_cache_holds(ref->word) || vl_word_state(atomic_load_explicit(
                                               ref->word, memory_order_relaxed)) == VL_WORD_UNBORN);
    change->epoch = atomic_load_explicit(&change->cache->epoch, memory_order_acquire);
    return 1;
}

int
vl_change_prepare_free(vl_change *change, vl_page_ref *ref)
{
    if (!vl_change_prepare(change, ref))
        return 0;
    for (uint32_t i = 0; i < change->freed_count; i++)
        if (change->freed[i] == ref)
            return 1;
    VL_CHECK(change->freed_count < VL_CHANGE_MAX_PAGES);
    change->freed[change->freed_count++] = ref;
    return 1;
}

velo_status
vl_change_wait(vl_ctx *ctx, vl_change *change)
{
    (void)ctx;
    VL_ASSERT(vl_cache_holds_none() && !change->is_inside);
    change->freed_count = 0;
    change->epoch = 0;
    return VELO_OK;
}

int
vl_change_enter(vl_change *change)
{
    VL_ASSERT(!change->is_inside);
    vl_section_enter(&change->cache->gate);
    change->is_inside = 1;
    return 1;
}

/* The page is gone. Keeps H3. */
static void
change_free_page(vl_cache *cache, vl_page_ref *ref)
{
    VL_ASSERT(vl_cache_frame_of(cache, ref->frame)->attachment == NULL);
    atomic_fetch_add_explicit(&cache->gone_count, 1, memory_order_release);
    vl_cache_note_released(ref->word);
    vl_word_settle(ref->word, 0);
    vl_cache_give_frame(cache, ref->frame);
    vl_cache_give_pid(cache, ref->pid);
    atomic_fetch_sub_explicit(&cache->page_count, 1, memory_order_relaxed);
    ref->page = NULL;
}

void
vl_change_leave(vl_change *change)
{
    vl_cache *cache = change->cache;

    VL_ASSERT(change->is_inside);
    for (uint32_t i = 0; i < change->added_count; i++) {
        vl_word_bear(change->added[i].word, change->added[i].frame + 1);
        vl_cache_note_acquired(change->added[i].word);
    }
    vl_count(&cache->page_count, change->added_count);
    for (uint32_t i = 0; i < change->freed_count; i++)
        change_free_page(cache, change->freed[i]);
    change->added_count = 0;
    change->freed_count = 0;
    change->is_inside = 0;
    vl_section_leave(&cache->gate);
}

void
vl_change_end(vl_change *change)
{
    vl_cache *cache = change->cache;

    VL_ASSERT(!change->is_inside);
    for (uint32_t i = 0; i < change->added_count; i++) {
        vl_page_ref *ref = &change->added[i];

        vl_word_settle(ref->word, 0);
        vl_cache_give_frame(cache, ref->frame);
        vl_cache_give_pid(cache, ref->pid);
    }
    change->added_count = 0;
    change->freed_count = 0;
}

void
vl_cache_enter(vl_cache *cache)
{
    vl_section_enter(&cache->gate);
}

void
vl_cache_leave(vl_cache *cache)
{
    vl_section_leave(&cache->gate);
}
