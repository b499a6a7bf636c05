/* cache_change.c - changes: new pages, freed pages, and the section in which they become true.
 *
 * In a database in a file a page may be changed once it is dirty in the present epoch, with all map
 * pages above it: then space for its next image is promised, and the checkpoint in writing has what
 * it needs. That takes nothing but the cache's latch when the map pages are in memory, space is
 * free and there are frames for copies. Otherwise the functions answer 0 and note what they want in
 * the change; vl_change_wait gets it, and keeps it for the next try.
 *
 * Invariants
 *   H1  A page that is new is unborn, and reached by nobody, until vl_change_leave.
 *   H2  Nothing between vl_change_enter and the end of vl_change_leave waits for more than a latch
 *       that is held for some instructions, fails, or allocates.
 *   H3  A number is free again only when its page's word says that it is absent.
 *   H4  In a section, all that the change has prepared was prepared in the present epoch. */
#include "storage/cache_int.h"

#include <string.h>

static uint64_t
change_epoch(const vl_cache *cache)
{
    return atomic_load_explicit(&cache->epoch, memory_order_acquire);
}

void
vl_change_begin(vl_cache *cache, vl_change *change)
{
    /* Not `added` and `freed`, which are large: their counts say what of them is there. */
    change->cache = cache;
    change->epoch = 0;
    change->added_count = 0;
    change->freed_count = 0;
    change->is_inside = 0;
    change->wants_copies = 0;
    change->wants_promises = 0;
    change->promises = 0;
    change->wants_path = 0;
    change->held_path = 0;
    change->held_levels = 0;
}

/* ---- preparing; the latch is held ---- */

/* Get space for so many images promised: from what the change has, and what is there. */
static int
change_promise(vl_change *change, uint32_t count)
{
    vl_cache *cache = change->cache;

    if (count > change->promises) {
        uint32_t more = count - change->promises;

        if (!vl_volume_try_promise(cache->volume, (uint64_t)more * cache->page_blocks)) {
            change->wants_promises = count;
            return 0;
        }
        change->promises += more;
    }
    change->promises -= count;
    return 1;
}

/* Open the map pages above a page and make the page itself, if given, dirty: 1, or 0 with what is
 * wanted noted. `frames` are for map pages that have to be made, *frame_count of them; when they
 * are too few *frame_count becomes how many it takes. */
static int
change_open(vl_change *change, vl_pid pid, uint32_t page, const uint32_t *frames,
            uint32_t *frame_count)
{
    vl_cache *cache = change->cache;
    uint32_t have = frame_count == NULL ? 0 : *frame_count;
    int creates = frame_count != NULL;
    vl_livemap_need need;
    vl_livemap_answer answer;

    if (!atomic_load_explicit(&cache->is_writable, memory_order_acquire)) {
        change->wants_path = pid;
        return 0;
    }
    answer = vl_livemap_plan(cache, pid, creates, &need);
    VL_CHECK(answer != VL_LIVEMAP_ABSENT); /* the page exists, so its map page does */
    if (answer == VL_LIVEMAP_NEEDS) {
        change->wants_path = pid;
        return 0;
    }
    if (page != VL_CACHE_NO_FRAME) {
        const vl_frame *frame = vl_cache_frame_of(cache, page);

        need.copies += (uint32_t)vl_frame_is_pending(cache, frame);
        need.promises += vl_frame_is_pending(cache, frame) || vl_frame_dirty_epoch(frame) == 0;
    } else if (creates) {
        need.promises++; /* for the page that is to be */
    }
    if (need.copies > vl_cache_free_copies(cache)) {
        change->wants_copies = need.copies;
        return 0;
    }
    if (creates)
        *frame_count = need.frames;
    if (need.frames > have || !change_promise(change, need.promises))
        return 0;
    vl_livemap_open(cache, pid, creates, frames);
    if (page != VL_CACHE_NO_FRAME)
        vl_livemap_dirty(cache, page);
    return 1;
}

/* ---- waiting ---- */

static void
change_unhold(vl_change *change)
{
    if (change->held_path != 0)
        vl_livemap_unhold(change->cache, change->held_path, change->held_levels);
    change->held_path = 0;
}

/* Bring in the map pages above a page, as many as there are, and hold them. */
static velo_status
change_load_path(vl_ctx *ctx, vl_change *change, vl_pid pid)
{
    vl_cache *cache = change->cache;
    vl_livemap_answer answer = VL_LIVEMAP_NEEDS;
    int exists;

    while (answer == VL_LIVEMAP_NEEDS) {
        vl_livemap_need need;

        vl_latch_acquire_exclusive(&cache->latch);
        answer = vl_livemap_plan(cache, pid, 1, &need);
        if (answer == VL_LIVEMAP_FOUND && need.frames == 0) {
            change_unhold(change);
            change->held_path = pid;
            vl_livemap_hold(cache, pid, &change->held_levels);
        }
        vl_latch_release_exclusive(&cache->latch);
        if (answer == VL_LIVEMAP_NEEDS)
            VL_TRY(vl_cache_bring(ctx, cache, need.load, &exists));
    }
    return VELO_OK;
}

/* Wait until so many frames for copies are free: until the checkpoint has written some, or has
 * ended. */
static void
change_wait_copies(vl_cache *cache, uint32_t count)
{
    int is_waiting = 1;

    while (is_waiting) {
        uint32_t seen = atomic_load_explicit(&cache->progress, memory_order_acquire);

        vl_latch_acquire_exclusive(&cache->latch);
        is_waiting = cache->writing.is_running && vl_cache_free_copies(cache) < count;
        vl_latch_release_exclusive(&cache->latch);
        if (is_waiting)
            vl_cache_wait_progress(cache, seen);
    }
}

/* Get what was wanted. */
static velo_status
change_satisfy(vl_ctx *ctx, vl_change *change)
{
    vl_cache *cache = change->cache;
    vl_pid path = change->wants_path;
    uint32_t promises = change->wants_promises;

    if (!atomic_load_explicit(&cache->is_writable, memory_order_acquire)) {
        VL_TRY(vl_volume_make_writable(ctx, cache->volume));
        atomic_store_explicit(&cache->is_writable, 1, memory_order_release);
    }
    VL_TRY(vl_volume_check_writable(ctx, cache->volume));
    change_wait_copies(cache, change->wants_copies);
    change->wants_copies = 0;
    if (path != 0)
        VL_TRY(change_load_path(ctx, change, path));
    change->wants_path = 0;
    if (promises > change->promises) {
        VL_TRY(vl_volume_promise(ctx, cache->volume,
                                 (uint64_t)(promises - change->promises) * cache->page_blocks));
        change->promises = promises;
    }
    change->wants_promises = 0;
    return VELO_OK;
}

/* Open the map pages above all new pages in the present epoch: what was prepared before counts no
 * more, and the caller has nothing latched. */
static velo_status
change_reopen(vl_ctx *ctx, vl_change *change)
{
    vl_cache *cache = change->cache;

    for (uint32_t done = 0;;) {
        vl_latch_acquire_exclusive(&cache->latch);
        if (change->epoch != change_epoch(cache))
            done = 0; /* a barrier came */
        change->epoch = change_epoch(cache);
        while (done < change->added_count &&
               change_open(change, change->added[done].pid, VL_CACHE_NO_FRAME, NULL, NULL))
            done++;
        vl_latch_release_exclusive(&cache->latch);
        if (done == change->added_count)
            return VELO_OK;
        VL_TRY(change_satisfy(ctx, change));
    }
}

velo_status
vl_change_wait(vl_ctx *ctx, vl_change *change)
{
    VL_ASSERT(vl_cache_holds_none() && !change->is_inside);
    change->freed_count = 0;
    if (change->cache->volume == NULL)
        return VELO_OK;
    VL_TRY(change_satisfy(ctx, change));
    return change_reopen(ctx, change);
}

/* ---- new pages ---- */

/* Fill in a new page. Keeps H1. */
static void
change_add(vl_change *change, vl_pid pid, uint32_t frame, vl_page_ref *ref)
{
    vl_cache *cache = change->cache;

    ref->frame = frame;
    ref->page = vl_cache_page_of(cache, frame);
    ref->pid = pid;
    ref->word = vl_cache_word(cache, pid);
    memset(ref->page, 0, cache->page_size);
    while (!vl_word_try_begin(ref->word, VL_WORD_UNBORN))
        vl_word_wait_loaded(ref->word); /* for somebody with a number that is out of date */
    change->added[change->added_count++] = *ref;
}

/* A number of a database in memory. */
static velo_status
change_number_in_memory(vl_ctx *ctx, vl_cache *cache, vl_pid *pid)
{
    velo_status st;

    VL_TRY(vl_cache_take_pid(ctx, cache, pid));
    st = vl_cache_make_word(ctx, cache, *pid);
    if (st != VELO_OK)
        vl_cache_give_pid(cache, *pid);
    return st;
}

/* Try to reserve the lowest free number, with what is at hand. FOUND: done. */
static vl_livemap_answer
change_try_reserve(vl_change *change, vl_pid *pid, vl_livemap_need *need, const uint32_t *frames,
                   uint32_t *frame_count)
{
    vl_cache *cache = change->cache;
    const _Atomic uint64_t *word;
    vl_livemap_answer answer;

    vl_latch_acquire_exclusive(&cache->latch);
    answer = vl_livemap_find_free(cache, pid, need);
    if (answer == VL_LIVEMAP_FOUND) {
        word = vl_cache_word(cache, *pid);
        if (word == NULL || vl_word_state(atomic_load_explicit(word, memory_order_relaxed)) != 0) {
            need->load = *pid; /* it has no word yet, or somebody asks for it in vain just now */
            need->has_load = 1;
            answer = VL_LIVEMAP_NEEDS;
        } else if (change_open(change, *pid, VL_CACHE_NO_FRAME, frames, frame_count)) {
            vl_livemap_reserve(cache, *pid);
        } else {
            answer = VL_LIVEMAP_NEEDS;
        }
    }
    vl_latch_release_exclusive(&cache->latch);
    return answer;
}

/* See to it that a number has a word, and that nobody who asks for it in vain is in the way. */
static velo_status
change_clear_word(vl_ctx *ctx, vl_cache *cache, vl_pid pid)
{
    VL_TRY(vl_cache_make_word(ctx, cache, pid));
    vl_word_wait_loaded(vl_cache_word(cache, pid));
    return VELO_OK;
}

/* The lowest free number of a database in a file, and a word for it. */
static velo_status
change_number(vl_ctx *ctx, vl_change *change, vl_pid *pid)
{
    vl_cache *cache = change->cache;
    uint32_t frames[VL_PAGEMAP_LEVELS + 1];
    uint32_t have = 0;
    uint32_t used = 0;
    velo_status st = VELO_OK;

    for (;;) {
        vl_livemap_need need = {0};
        uint32_t count = have;
        vl_livemap_answer answer = change_try_reserve(change, pid, &need, frames, &count);
        int exists;

        if (answer == VL_LIVEMAP_FOUND) {
            used = count;
            break;
        }
        if (answer == VL_LIVEMAP_ABSENT)
            st = vl_fail(ctx, VELO_FULL, "all page numbers are used up");
        else if (need.has_load && vl_cache_is_own(cache, need.load))
            st = vl_cache_bring(ctx, cache, need.load, &exists);
        else if (need.has_load)
            st = change_clear_word(ctx, cache, need.load);
        else
            st = change_satisfy(ctx, change);
        while (st == VELO_OK && have < count)
            st = vl_cache_take_frame(ctx, cache, &frames[have++]);
        if (st != VELO_OK)
            break;
    }
    for (uint32_t i = used; i < have; i++)
        if (frames[i] != VL_CACHE_NO_FRAME)
            vl_cache_give_frame(cache, frames[i]);
    return st;
}

velo_status
vl_change_new_page(vl_ctx *ctx, vl_change *change, vl_page_ref *ref)
{
    vl_cache *cache = change->cache;
    uint32_t frame;
    velo_status st;
    vl_pid pid;

    memset(ref, 0, sizeof *ref);
    VL_ASSERT(vl_cache_holds_none() && !change->is_inside);
    VL_CHECK(change->added_count < VL_CHANGE_MAX_PAGES);
    VL_TRY(vl_cache_take_frame(ctx, cache, &frame));
    if (cache->volume == NULL)
        st = change_number_in_memory(ctx, cache, &pid);
    else
        st = change_number(ctx, change, &pid);
    if (st != VELO_OK) {
        vl_cache_give_frame(cache, frame);
        return st;
    }
    change_add(change, pid, frame, ref);
    if (cache->volume != NULL && change->epoch != change_epoch(cache))
        st = change_reopen(ctx, change);
    if (st != VELO_OK)
        ref->page = NULL; /* vl_change_end takes it back */
    return st;
}

/* ---- changing pages ---- */

int
vl_change_prepare(vl_change *change, vl_page_ref *ref)
{
    vl_cache *cache = change->cache;
    const vl_frame *frame = vl_cache_frame_of(cache, ref->frame);
    uint64_t epoch = change_epoch(cache);
    int done;

    VL_ASSERT(ref->page != NULL && !change->is_inside);
    if (cache->volume == NULL)
        return 1;
    if (change->epoch != 0 && change->epoch != epoch)
        return 0; /* H4: all over again */
    if (VL_LIKELY(vl_frame_dirty_epoch(frame) == epoch)) {
        change->epoch = epoch;
        return 1;
    }
    if (vl_word_state(atomic_load_explicit(ref->word, memory_order_relaxed)) == VL_WORD_UNBORN)
        return 1;
    VL_ASSERT(vl_cache_holds(ref->word));
    vl_latch_acquire_exclusive(&cache->latch);
    epoch = change_epoch(cache);
    done = (change->epoch == 0 || change->epoch == epoch) &&
           change_open(change, ref->pid, ref->frame, NULL, NULL);
    if (done)
        change->epoch = epoch;
    vl_latch_release_exclusive(&cache->latch);
    return done;
}

int
vl_change_prepare_path(vl_change *change, vl_pid pid, int *exists)
{
    vl_cache *cache = change->cache;
    vl_livemap_need need;
    uint64_t epoch;
    int done;

    vl_latch_acquire_exclusive(&cache->latch);
    epoch = change_epoch(cache);
    *exists = vl_livemap_plan(cache, pid, 0, &need) != VL_LIVEMAP_ABSENT;
    done = *exists && (change->epoch == 0 || change->epoch == epoch) &&
           change_open(change, pid, VL_CACHE_NO_FRAME, NULL, NULL);
    if (done)
        change->epoch = epoch;
    vl_latch_release_exclusive(&cache->latch);
    return done;
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

/* ---- the section ---- */

int
vl_change_enter(vl_change *change)
{
    vl_cache *cache = change->cache;

    VL_ASSERT(!change->is_inside);
    vl_section_enter(&cache->gate);
    if (VL_UNLIKELY(change->epoch != 0 && change->epoch != change_epoch(cache))) {
        vl_section_leave(&cache->gate);
        return 0;
    }
    change->is_inside = 1;
    return 1;
}

/* A page comes to be. */
static void
change_bear(vl_cache *cache, const vl_page_ref *ref)
{
    vl_frame *frame = vl_cache_frame_of(cache, ref->frame);

    vl_latch_acquire_exclusive(&cache->latch);
    frame->kind = VL_FRAME_PAGE;
    frame->pid = ref->pid;
    if (cache->volume != NULL) {
        /* Its number holds the map page already, and space for an image is promised: P1, P2. */
        atomic_store_explicit(&frame->dirty_epoch, change_epoch(cache), memory_order_relaxed);
        cache->dirty_count++;
    }
    vl_word_bear(ref->word, ref->frame + 1);
    vl_latch_release_exclusive(&cache->latch);
    vl_cache_note_acquired(ref->word);
}

/* A page goes. Keeps H3. */
static void
change_free_page(vl_cache *cache, vl_page_ref *ref)
{
    vl_frame *frame = vl_cache_frame_of(cache, ref->frame);

    VL_ASSERT(frame->attachment == NULL);
    atomic_fetch_add_explicit(&cache->gone_count, 1, memory_order_release);
    vl_cache_note_released(ref->word);
    vl_latch_acquire_exclusive(&cache->latch);
    vl_word_settle(ref->word, 0);
    if (cache->volume != NULL) {
        vl_livemap_clean(cache, frame);
        vl_livemap_remove(cache, ref->pid);
        vl_volume_release_promise(cache->volume, cache->page_blocks);
    }
    vl_cache_give_frame_locked(cache, ref->frame);
    vl_latch_release_exclusive(&cache->latch);
    if (cache->volume == NULL) {
        vl_cache_give_pid(cache, ref->pid);
        atomic_fetch_sub_explicit(&cache->page_count, 1, memory_order_relaxed);
    }
    ref->page = NULL;
}

void
vl_change_leave(vl_change *change)
{
    vl_cache *cache = change->cache;

    VL_ASSERT(change->is_inside);
    for (uint32_t i = 0; i < change->added_count; i++)
        change_bear(cache, &change->added[i]);
    if (cache->volume == NULL)
        vl_count(&cache->page_count, change->added_count);
    for (uint32_t i = 0; i < change->freed_count; i++)
        change_free_page(cache, change->freed[i]);
    change->added_count = 0;
    change->freed_count = 0;
    change->epoch = 0;
    change->is_inside = 0;
    vl_section_leave(&cache->gate);
}

/* A page that is not to be. Keeps H3. */
static void
change_drop_page(vl_cache *cache, const vl_page_ref *ref)
{
    vl_latch_acquire_exclusive(&cache->latch);
    vl_word_settle(ref->word, 0);
    if (cache->volume != NULL) {
        vl_livemap_unreserve(cache, ref->pid);
        vl_volume_release_promise(cache->volume, cache->page_blocks);
    }
    vl_cache_give_frame_locked(cache, ref->frame);
    vl_latch_release_exclusive(&cache->latch);
    if (cache->volume == NULL)
        vl_cache_give_pid(cache, ref->pid);
}

void
vl_change_end(vl_change *change)
{
    vl_cache *cache = change->cache;

    VL_ASSERT(!change->is_inside);
    for (uint32_t i = 0; i < change->added_count; i++)
        change_drop_page(cache, &change->added[i]);
    if (change->promises > 0)
        vl_volume_release_promise(cache->volume, (uint64_t)change->promises * cache->page_blocks);
    if (change->held_path != 0) {
        vl_latch_acquire_exclusive(&cache->latch);
        change_unhold(change);
        vl_latch_release_exclusive(&cache->latch);
    }
    vl_change_begin(cache, change);
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
