/* cache_map.c - the live page map, and that of the checkpoint in writing.
 *
 * Map pages are pages of this cache. Their bytes are the live map; they are read and changed under
 * the cache's latch. Of a map page that belongs to the checkpoint in writing and is changed after
 * the barrier, the bytes as of the barrier are kept in a *shadow*: so the checkpoint's map is, page
 * by page, the shadow, or the page itself, or its image on disk.
 *
 * Invariants
 *   P1  A page that is dirty (dirty_epoch not 0) has its map page in memory, and that one is dirty
 *       too, in the same epoch or a later one; so it is up to the root. Each page that is dirty or
 *       being written for a checkpoint (in_write) holds the map page above it (`holds`), and so
 *       does each number that is taken but not yet born.
 *   P2  Space for one image is promised for each dirty page, each page not yet born, and each
 *       shadow and copy, less `debt`.
 *   P3  A map page is changed only while it is open: dirty in the present epoch; or through
 *       vl_livemap_put, which for a pending page without a shadow changes both maps alike.
 *   P4  A page has been changed after the barrier only if its map page has a shadow or does not
 *       belong to the checkpoint: whoever makes a page dirty opens its map page.
 *   P5  The sets of blocks (space.h) are what the two maps refer to: live and writing change in
 *       vl_livemap_put and vl_livemap_remove together with the entries. (`writing` has besides the
 *       blocks of images that are being written for the checkpoint.)
 *   P6  The mark `full` of an entry is set only from an image that has no free number below, and is
 *       cleared when a number below becomes free. */
#include "storage/cache_int.h"

#include <string.h>

/* ---- finding ---- */

uint32_t
vl_livemap_find(vl_cache *cache, vl_pid pid)
{
    _Atomic uint64_t *at = vl_cache_word(cache, pid);
    uint64_t word;
    uint64_t state;

    if (at == NULL)
        return VL_CACHE_NO_FRAME;
    word = atomic_load_explicit(at, memory_order_acquire);
    state = vl_word_state(word);
    if (vl_word_place(word) == 0 || state > VL_WORD_MARKED)
        return VL_CACHE_NO_FRAME;
    if (state == VL_WORD_MARKED)
        (void)atomic_compare_exchange_strong_explicit(at, &word, word & ~VL_WORD_STATE_MASK,
                                                      memory_order_relaxed, memory_order_relaxed);
    return vl_word_place(word) - 1;
}

/* Level of a page in the map: -1 for a tree's. */
static int32_t
map_level_of(const vl_cache *cache, vl_pid pid)
{
    return vl_cache_is_own(cache, pid) ? (int32_t)(pid & cache->own_mask) : -1;
}

/* The map page above a page, at level `above`. */
static vl_pid
map_pid(const vl_cache *cache, int32_t level, vl_pid pid)
{
    return vl_pagemap_pid(cache->page_size, (uint32_t)level, pid);
}

static uint32_t
map_index(const vl_cache *cache, int32_t level, vl_pid pid)
{
    return vl_pagemap_index(cache->page_size, (uint32_t)level, pid);
}

/* Whether a number is within the map as it is. */
static int
map_covers(const vl_cache *cache, const vl_livemap_root *root, uint64_t pid)
{
    return root->level >= 0 && pid < vl_pagemap_span(cache->page_size, (uint32_t)root->level);
}

/* Whether a page is the root of a map. */
static int
map_is_root(const vl_cache *cache, const vl_livemap_root *root, vl_pid pid)
{
    return root->level >= 0 && pid == (vl_pid)root->level && vl_cache_is_own(cache, pid);
}

/* The frame of the live map page above a page, which must be resident; VL_CACHE_NO_FRAME for the
 * root. */
static uint32_t
map_parent(vl_cache *cache, vl_pid pid)
{
    uint32_t frame;

    if (map_is_root(cache, &cache->root, pid))
        return VL_CACHE_NO_FRAME;
    frame = vl_livemap_find(cache, map_pid(cache, map_level_of(cache, pid) + 1, pid));
    VL_CHECK(frame != VL_CACHE_NO_FRAME); /* P1 */
    return frame;
}

static vl_livemap_answer
map_needs(vl_livemap_need *need, vl_pid pid)
{
    need->has_load = 1;
    need->load = pid;
    return VL_LIVEMAP_NEEDS;
}

vl_livemap_answer
vl_livemap_locate(vl_cache *cache, vl_pid pid, vl_extent *extent, vl_livemap_need *need)
{
    int32_t above = map_level_of(cache, pid) + 1;
    uint32_t frame;

    if (map_is_root(cache, &cache->root, pid)) {
        *extent = cache->root.extent;
    } else if (above > cache->root.level || !map_covers(cache, &cache->root, pid)) {
        return VL_LIVEMAP_ABSENT;
    } else {
        frame = vl_livemap_find(cache, map_pid(cache, above, pid));
        if (frame == VL_CACHE_NO_FRAME)
            return map_needs(need, map_pid(cache, above, pid));
        *extent = vl_pagemap_get(vl_cache_page_of(cache, frame), map_index(cache, above, pid));
    }
    return extent->encoding == VL_PAGEMAP_PLAIN ? VL_LIVEMAP_FOUND : VL_LIVEMAP_ABSENT;
}

/* Whether a page without a word, or somebody brings it in or lets it go at this moment. */
static int
map_is_busy(vl_cache *cache, vl_pid pid)
{
    const _Atomic uint64_t *at = vl_cache_word(cache, pid);
    uint64_t word;

    if (at == NULL)
        return 1;
    word = atomic_load_explicit(at, memory_order_relaxed);
    return vl_word_place(word) == 0 ? vl_word_state(word) != 0
                                    : vl_word_state(word) > VL_WORD_MARKED;
}

/* Whether the map page of a level above `pid` is not there at all: neither in memory nor, by its
 * parent, in the file. FOUND: it is in memory. NEEDS: it has to come first, or its parent. */
static vl_livemap_answer
map_look(vl_cache *cache, int32_t level, vl_pid pid, uint32_t *frame, vl_livemap_need *need)
{
    vl_pid own = map_pid(cache, level, pid);
    vl_extent extent;
    vl_livemap_answer answer;

    *frame = vl_livemap_find(cache, own);
    if (*frame != VL_CACHE_NO_FRAME)
        return VL_LIVEMAP_FOUND;
    if (map_is_busy(cache, own))
        return map_needs(need, own);
    answer = vl_livemap_locate(cache, own, &extent, need);
    return answer == VL_LIVEMAP_FOUND ? map_needs(need, own) : answer;
}

/* ---- free numbers ---- */

/* Look for a free number from `pid` on in what the map's pages tell. FOUND: *pid is free. ABSENT:
 * none before *pid, which is where to look on. */
static vl_livemap_answer
map_scan(vl_cache *cache, uint64_t *pid, vl_livemap_need *need)
{
    vl_pid from = (vl_pid)*pid;
    uint32_t frame = vl_livemap_find(cache, map_pid(cache, 0, from));

    for (int32_t level = cache->root.level; frame == VL_CACHE_NO_FRAME && level > 0; level--) {
        uint64_t below = vl_pagemap_span(cache->page_size, (uint32_t)level - 1);
        uint32_t upper;
        vl_livemap_answer answer = map_look(cache, level, from, &upper, need);

        if (answer != VL_LIVEMAP_FOUND)
            return answer == VL_LIVEMAP_ABSENT ? VL_LIVEMAP_FOUND
                                               : answer; /* nothing there: all free */
        if (vl_pagemap_entry_is_full(vl_cache_page_of(cache, upper),
                                     map_index(cache, level, from))) {
            *pid = (*pid / below + 1) * below; /* P6 */
            return VL_LIVEMAP_ABSENT;
        }
    }
    if (frame == VL_CACHE_NO_FRAME) {
        vl_livemap_answer answer = map_look(cache, 0, from, &frame, need);

        if (answer != VL_LIVEMAP_FOUND)
            return answer == VL_LIVEMAP_ABSENT ? VL_LIVEMAP_FOUND : answer;
    }
    *pid += vl_pagemap_find_empty(vl_cache_page_of(cache, frame), cache->page_size,
                                  from & cache->own_mask) -
            (from & cache->own_mask);
    return vl_cache_is_own(cache, (vl_pid)*pid) ? VL_LIVEMAP_ABSENT
                                                : VL_LIVEMAP_FOUND; /* at its end */
}

vl_livemap_answer
vl_livemap_find_free(vl_cache *cache, vl_pid *pid, vl_livemap_need *need)
{
    uint64_t end = vl_pagemap_end(cache->page_size);
    uint64_t next = cache->lowest_free;
    vl_livemap_answer answer = VL_LIVEMAP_ABSENT;

    while (answer == VL_LIVEMAP_ABSENT) {
        if (next < end && vl_cache_is_own(cache, (vl_pid)next))
            next = (next & ~(uint64_t)cache->own_mask) + VL_PAGEMAP_FIRST;
        if (next >= end)
            break;
        cache->lowest_free = next;
        answer =
            map_covers(cache, &cache->root, next) ? map_scan(cache, &next, need) : VL_LIVEMAP_FOUND;
    }
    if (answer == VL_LIVEMAP_FOUND) {
        cache->lowest_free = next;
        *pid = (vl_pid)next;
    }
    return answer;
}

/* ---- opening ---- */

/* The least level of a root that covers a number. */
static int32_t
map_level_for(const vl_cache *cache, vl_pid pid)
{
    int32_t level = 0;

    while (pid >= vl_pagemap_span(cache->page_size, (uint32_t)level))
        level++;
    return level;
}

/* What it takes to make a frame dirty in the present epoch. */
static void
map_count(const vl_cache *cache, uint32_t index, vl_livemap_need *need)
{
    const vl_frame *frame = vl_cache_frame_of(cache, index);

    if (vl_frame_is_pending(cache, frame)) {
        need->promises++;
        need->copies++;
    } else if (vl_frame_dirty_epoch(frame) == 0) {
        need->promises++;
    }
}

/* Map pages of levels below `level` have to be made. Their words must exist. */
static vl_livemap_answer
map_plan_new(vl_cache *cache, int32_t level, vl_pid pid, vl_livemap_need *need)
{
    for (int32_t i = 0; i < level; i++) {
        uint32_t frame;
        vl_livemap_need word = {0};

        if (map_look(cache, i, pid, &frame, &word) == VL_LIVEMAP_NEEDS &&
            word.load == map_pid(cache, i, pid))
            return map_needs(need, word.load);
    }
    need->frames += (uint32_t)level;
    need->promises += (uint32_t)level;
    return VL_LIVEMAP_FOUND;
}

vl_livemap_answer
vl_livemap_plan(vl_cache *cache, vl_pid pid, int creates, vl_livemap_need *need)
{
    uint64_t epoch = atomic_load_explicit(&cache->epoch, memory_order_relaxed);
    uint32_t frame;

    memset(need, 0, sizeof *need);
    if (!map_covers(cache, &cache->root, pid)) {
        int32_t top = map_level_for(cache, pid);

        if (!creates)
            return VL_LIVEMAP_ABSENT;
        if (cache->root.level >= 0 && map_is_busy(cache, (vl_pid)cache->root.level))
            return map_needs(need, (vl_pid)cache->root.level);
        for (int32_t i = cache->root.level + 1; i <= top; i++, need->frames++, need->promises++)
            if (vl_cache_word(cache, (vl_pid)i) == NULL)
                return map_needs(need, (vl_pid)i);
        return map_plan_new(cache, cache->root.level < 0 ? 0 : top, pid, need);
    }
    frame = vl_livemap_find(cache, map_pid(cache, 0, pid));
    if (frame != VL_CACHE_NO_FRAME &&
        vl_frame_dirty_epoch(vl_cache_frame_of(cache, frame)) == epoch)
        return VL_LIVEMAP_FOUND; /* P1: all above it as well */
    for (int32_t level = cache->root.level; level >= 0; level--) {
        vl_livemap_answer answer = map_look(cache, level, pid, &frame, need);

        if (answer == VL_LIVEMAP_ABSENT && creates)
            return map_plan_new(cache, level + 1, pid, need);
        if (answer != VL_LIVEMAP_FOUND)
            return answer;
        map_count(cache, frame, need);
    }
    return VL_LIVEMAP_FOUND;
}

/* Hold the map page above a page, or let go of it. */
static void
map_hold_parent(vl_cache *cache, vl_pid pid, int holds)
{
    uint32_t parent = map_parent(cache, pid);
    vl_frame *frame;

    if (parent == VL_CACHE_NO_FRAME)
        return;
    frame = vl_cache_frame_of(cache, parent);
    VL_CHECK(holds || frame->holds > 0);
    frame->holds += holds ? 1U : UINT32_MAX;
}

/* Keep the bytes as of the barrier: a writer is about to change them. */
static void
map_copy(vl_cache *cache, uint32_t index)
{
    vl_frame *frame = vl_cache_frame_of(cache, index);
    uint32_t copy = vl_cache_take_copy(cache);
    vl_frame *copied;

    VL_CHECK(copy != VL_CACHE_NO_FRAME); /* the caller has made sure */
    copied = vl_cache_frame_of(cache, copy);
    copied->pid = frame->pid;
    memcpy(vl_cache_page_of(cache, copy), vl_cache_page_of(cache, index), cache->page_size);
    vl_count(&cache->copy_count, 1);
    if (frame->kind == VL_FRAME_MAP) {
        frame->shadow = copy + 1;
        return;
    }
    if (cache->writing.first_copy == VL_CACHE_NO_FRAME)
        cache->writing.first_copy = copy;
    else
        vl_cache_frame_of(cache, cache->writing.last_copy)->next = copy;
    cache->writing.last_copy = copy;
}

void
vl_livemap_dirty(vl_cache *cache, uint32_t index)
{
    vl_frame *frame = vl_cache_frame_of(cache, index);
    uint64_t epoch = atomic_load_explicit(&cache->epoch, memory_order_relaxed);

    if (vl_frame_dirty_epoch(frame) == 0) {
        if (!frame->in_write)
            map_hold_parent(cache, frame->pid, 1); /* P1 */
        cache->dirty_count++;
    } else if (vl_frame_is_pending(cache, frame)) {
        map_copy(cache, index);
    }
    frame->in_write = 0;
    atomic_store_explicit(&frame->dirty_epoch, epoch, memory_order_relaxed);
}

void
vl_livemap_capture(vl_cache *cache, vl_frame *frame)
{
    VL_ASSERT(vl_frame_is_pending(cache, frame) && !frame->in_write);
    atomic_store_explicit(&frame->dirty_epoch, 0, memory_order_relaxed);
    cache->dirty_count--;
    frame->in_write = 1;
}

void
vl_livemap_clean(vl_cache *cache, vl_frame *frame)
{
    VL_ASSERT(vl_frame_dirty_epoch(frame) != 0 || frame->in_write);
    if (!frame->in_write)
        cache->dirty_count--;
    atomic_store_explicit(&frame->dirty_epoch, 0, memory_order_relaxed);
    frame->in_write = 0;
    map_hold_parent(cache, frame->pid, 0);
}

/* Make a map page in a frame; the caller makes it dirty. */
static void
map_create(vl_cache *cache, vl_pid pid, uint32_t index)
{
    vl_frame *frame = vl_cache_frame_of(cache, index);
    _Atomic uint64_t *word = vl_cache_word(cache, pid);

    vl_pagemap_init(vl_cache_page_of(cache, index), cache->page_size, pid);
    frame->kind = VL_FRAME_MAP;
    frame->pid = pid;
    VL_CHECK(vl_word_try_begin(word, VL_WORD_LOADING));
    vl_word_settle(word, index + 1);
}

/* Put a new root above the present one. */
static void
map_grow(vl_cache *cache, uint32_t index)
{
    static const vl_extent none = {0};
    vl_livemap_root old = cache->root;
    vl_pid pid = (vl_pid)(old.level + 1);
    uint32_t frame = old.level < 0 ? VL_CACHE_NO_FRAME : vl_livemap_find(cache, (vl_pid)old.level);

    map_create(cache, pid, index);
    if (old.level >= 0)
        vl_pagemap_set(vl_cache_page_of(cache, index), VL_PAGEMAP_FIRST, &old.extent);
    if (frame != VL_CACHE_NO_FRAME && (vl_frame_dirty_epoch(vl_cache_frame_of(cache, frame)) != 0 ||
                                       vl_cache_frame_of(cache, frame)->in_write))
        vl_cache_frame_of(cache, index)->holds++; /* P1 */
    cache->root.level = (int32_t)pid;
    cache->root.extent = none;
    vl_livemap_dirty(cache, index);
}

void
vl_livemap_open(vl_cache *cache, vl_pid pid, int creates, const uint32_t *frames)
{
    uint64_t epoch = atomic_load_explicit(&cache->epoch, memory_order_relaxed);

    while (!map_covers(cache, &cache->root, pid)) {
        VL_CHECK(creates);
        map_grow(cache, *frames++);
    }
    for (int32_t level = cache->root.level; level >= 0; level--) {
        vl_pid own = map_pid(cache, level, pid);
        uint32_t index = vl_livemap_find(cache, own);

        if (index == VL_CACHE_NO_FRAME) {
            VL_CHECK(creates);
            index = *frames++;
            map_create(cache, own, index);
        }
        if (vl_frame_dirty_epoch(vl_cache_frame_of(cache, index)) != epoch)
            vl_livemap_dirty(cache, index);
    }
}

/* ---- holding ---- */

void
vl_livemap_hold(vl_cache *cache, vl_pid pid, uint32_t *levels)
{
    *levels = (uint32_t)(cache->root.level + 1);
    for (uint32_t i = 0; i < *levels; i++) {
        uint32_t frame = vl_livemap_find(cache, vl_pagemap_pid(cache->page_size, i, pid));

        VL_CHECK(frame != VL_CACHE_NO_FRAME);
        vl_cache_frame_of(cache, frame)->holds++;
        cache->path_holds++;
    }
}

void
vl_livemap_unhold(vl_cache *cache, vl_pid pid, uint32_t levels)
{
    for (uint32_t i = 0; i < levels; i++) {
        uint32_t frame = vl_livemap_find(cache, vl_pagemap_pid(cache->page_size, i, pid));

        VL_CHECK(frame != VL_CACHE_NO_FRAME);
        VL_CHECK(vl_cache_frame_of(cache, frame)->holds > 0);
        vl_cache_frame_of(cache, frame)->holds--;
        cache->path_holds--;
    }
}

/* ---- entries ---- */

void
vl_livemap_reserve(vl_cache *cache, vl_pid pid)
{
    static const vl_extent reserved = {.encoding = VL_PAGEMAP_RESERVED};
    uint32_t parent = map_parent(cache, pid);
    void *page = vl_cache_page_of(cache, parent);

    VL_CHECK(vl_pagemap_get(page, map_index(cache, 0, pid)).encoding == VL_PAGEMAP_EMPTY);
    vl_pagemap_set(page, map_index(cache, 0, pid), &reserved);
    vl_cache_frame_of(cache, parent)->holds++; /* P1 */
    cache->lowest_free = (uint64_t)pid + 1;
    if (cache->page_end <= pid)
        cache->page_end = (uint64_t)pid + 1;
}

/* A number is free again. */
static void
map_note_free(vl_cache *cache, vl_pid pid)
{
    if (pid < cache->lowest_free)
        cache->lowest_free = pid;
}

/* The map page need not be open: an image of it would have this entry empty all the same, and so no
 * `full` above it either. */
void
vl_livemap_unreserve(vl_cache *cache, vl_pid pid)
{
    static const vl_extent empty = {0};
    uint32_t parent = map_parent(cache, pid);
    void *page = vl_cache_page_of(cache, parent);

    VL_CHECK(vl_pagemap_get(page, map_index(cache, 0, pid)).encoding == VL_PAGEMAP_RESERVED);
    vl_pagemap_set(page, map_index(cache, 0, pid), &empty);
    vl_cache_frame_of(cache, parent)->holds--;
    map_note_free(cache, pid);
}

void
vl_livemap_remove(vl_cache *cache, vl_pid pid)
{
    static const vl_extent empty = {0};
    void *page = vl_cache_page_of(cache, map_parent(cache, pid));
    vl_extent old = vl_pagemap_get(page, map_index(cache, 0, pid));

    vl_pagemap_set(page, map_index(cache, 0, pid), &empty);
    if (old.encoding == VL_PAGEMAP_PLAIN)
        vl_volume_remove(cache->volume, VL_SPACE_LIVE, old.address, old.length); /* P5 */
    for (int32_t level = 1; level <= cache->root.level; level++) {
        uint32_t upper = vl_livemap_find(cache, map_pid(cache, level, pid));

        VL_CHECK(upper != VL_CACHE_NO_FRAME);
        vl_pagemap_set_full(vl_cache_page_of(cache, upper), map_index(cache, level, pid), 0);
    }
    map_note_free(cache, pid);
}

/* ---- images ---- */

/* Write an entry and return what was there. */
static vl_extent
map_exchange(void *page, uint32_t index, const vl_livemap_image *image)
{
    vl_extent old = vl_pagemap_get(page, index);

    vl_pagemap_set(page, index, &image->extent);
    if (image->is_full)
        vl_pagemap_set_full(page, index, 1);
    return old;
}

/* Put an image into a root. */
static vl_extent
map_exchange_root(vl_livemap_root *root, const vl_livemap_image *image)
{
    vl_extent old = root->extent;

    root->extent = image->extent;
    return old;
}

static void
map_drop(vl_cache *cache, uint32_t set, const vl_extent *old)
{
    if (old->encoding == VL_PAGEMAP_PLAIN)
        vl_volume_remove(cache->volume, set, old->address, old->length);
}

/* Put an image into the map of the checkpoint in writing. Returns 1 when that changed the live map
 * as well, and then what was there. */
static int
map_put_writing(vl_cache *cache, const vl_livemap_image *image, vl_extent *old)
{
    int32_t above = map_level_of(cache, image->pid) + 1;
    int is_shared = 0;

    if (map_is_root(cache, &cache->writing.root, image->pid)) {
        *old = map_exchange_root(&cache->writing.root, image);
    } else {
        uint32_t parent = map_parent(cache, image->pid);
        const vl_frame *frame = vl_cache_frame_of(cache, parent);

        VL_CHECK(frame->shadow != 0 || vl_frame_is_pending(cache, frame));
        is_shared = frame->shadow == 0;
        VL_CHECK(image->in_live || !is_shared); /* P4 */
        *old = map_exchange(vl_cache_page_of(cache, is_shared ? parent : frame->shadow - 1),
                            map_index(cache, above, image->pid), image);
    }
    map_drop(cache, VL_SPACE_WRITING, old);
    return is_shared;
}

void
vl_livemap_put(vl_cache *cache, const vl_livemap_image *image)
{
    int32_t above = map_level_of(cache, image->pid) + 1;
    vl_extent old = {0};
    int is_done = 0;

    if (image->in_writing)
        is_done = map_put_writing(cache, image, &old);
    if (!image->in_live)
        return;
    if (!is_done && map_is_root(cache, &cache->root, image->pid))
        old = map_exchange_root(&cache->root, image);
    else if (!is_done)
        old = map_exchange(vl_cache_page_of(cache, map_parent(cache, image->pid)),
                           map_index(cache, above, image->pid), image);
    map_drop(cache, VL_SPACE_LIVE, &old);
    if ((image->sets & VL_SPACE_LIVE) == 0)
        vl_volume_add(cache->volume, VL_SPACE_LIVE, image->extent.address, image->extent.length);
}
