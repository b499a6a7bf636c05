/* tree_key_scan.c - scans of key trees, parts of ranges for parallel ones, random leaves.
 *
 * Invariants
 *  K9   A scan knows no page and no position, only the key from which, or below which, it goes on:
 *       so it goes on rightly whatever splits and merges have done since (11, item 33).
 *  K10  What belongs to a leaf holds while the leaf is latched: its entries between its fences are
 *       all there are, so every key of a scan's range is looked at once.
 *  K11  Each leaf takes the scan on: a leaf to which the scan's key does not belong is damaged, and
 *       ends it, since the fence behind it could lead back, again and again. */
#include "base/alloc.h"
#include "storage/key.h"
#include "storage/tree_key_int.h"

#include <string.h>

/* Most leaves that are loaded at a time. */
#define KEY_SCAN_WINDOW_MAX VL_BY_BUILD(32U, 4U)

/* Random descents that are made before the first one counts, and at most for each that does. */
#define KEY_SAMPLE_WARM_UP 8U
#define KEY_SAMPLE_TRIES   64U

/* ---- where a scan goes on ---- */

static velo_status
key_scan_reserve(vl_ctx *ctx, vl_tree_key_scan *scan, uint32_t size)
{
    uint8_t *data;

    if (size <= scan->at.room)
        return VELO_OK;
    data = vl_realloc(ctx, scan->at.data, size);
    if (data == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u bytes for a scan's key",
                       (unsigned)size);
    scan->at.data = data;
    scan->at.room = size;
    return VELO_OK;
}

/* Release the leaf, and end. */
static void
key_scan_give_up(vl_tree_key_scan *scan)
{
    scan->page = NULL;
    vl_cache_release_shared(scan->tree->cache, &scan->ref);
    scan->is_at_end = 1;
}

/* Release the leaf, and be ready to go on behind it: there is room for the part of its fence (see
 * vl_tree_key_scan_next), unless it is the last one. */
static velo_status
key_scan_leave(vl_ctx *ctx, vl_tree_key_scan *scan)
{
    const vl_tree *tree = scan->tree;
    uint32_t page_size = tree->page_size;
    vl_node_key fence;
    vl_overflow rest;
    velo_status st;

    if (scan->page == NULL)
        return VELO_OK;
    if (scan->is_last) {
        key_scan_give_up(scan);
        return VELO_OK;
    }
    fence = scan->is_backward ? vl_node_key_low(scan->page, page_size, scan->at.data)
                              : vl_node_key_high(scan->page, page_size, scan->at.data);
    if (fence.rest != 0 && scan->pin == 0)
        scan->pin = vl_tree_key_enter();
    scan->page = NULL;
    vl_cache_release_shared(tree->cache, &scan->ref);
    scan->is_fresh = 0;
    scan->is_at_end = fence.size == 0;
    scan->at.size = fence.total_size;
    if (scan->is_at_end || fence.rest == 0)
        return VELO_OK;
    rest = vl_tree_key_rest(tree, fence.rest, fence.total_size);
    st = key_scan_reserve(ctx, scan, fence.total_size);
    if (st == VELO_OK)
        st = vl_overflow_read(ctx, tree->cache, &rest, 0, rest.size, scan->at.data + fence.size);
    scan->is_at_end = st != VELO_OK;
    return st;
}

/* The key at which the scan goes on; the place beside it in *where. */
static vl_node_key
key_scan_target(const vl_tree_key_scan *scan, vl_tree_where *where)
{
    const vl_tree_key_range *range = &scan->range;

    *where = scan->is_backward ? VL_TREE_BELOW : VL_TREE_AT;
    if (!scan->is_fresh)
        return vl_node_key_make(scan->at.data, scan->at.size);
    if (!scan->is_backward)
        return vl_node_key_make(range->low, range->low_size);
    if (!range->has_high)
        *where = VL_TREE_END;
    return vl_node_key_make(range->high, range->has_high ? range->high_size : 0);
}

/* Whether nothing of the range lies on the other side of the key. */
static int
key_scan_is_over(const vl_tree_key_scan *scan, const vl_node_key *at, vl_tree_where where)
{
    const vl_tree_key_range *range = &scan->range;

    if (where == VL_TREE_END)
        return 0;
    if (scan->is_backward)
        return vl_key_compare(at->data, at->size, range->low, range->low_size) <= 0;
    return range->has_high &&
           vl_key_compare(at->data, at->size, range->high, range->high_size) >= 0;
}

/* ---- the leaf ---- */

/* How many entries of the node are below the target's key, which lies in the node, or is its high
 * fence, or above (is_above 1), or below it (is_above 0). *is_inside: it lies in the node; *is_low:
 * it is its low fence, or below. TIE. */
static vl_node_result
key_scan_count_below(const vl_tree_key_scan *scan, const vl_tree_target *target, int is_above,
                     uint32_t *count, int *is_inside, int *is_low, vl_node_key_place *place)
{
    uint32_t page_size = scan->tree->page_size;
    vl_node_key_ties ties = vl_tree_key_notes(target);
    vl_node_result result =
        vl_node_key_covers(scan->ref.page, page_size, target->key, &ties, place);

    *is_inside = result == VL_NODE_FOUND;
    *is_low = place->index == 0;
    *count = is_above ? vl_node_key_count(scan->ref.page, page_size) : 0;
    if (result == VL_NODE_ABSENT)
        return VL_NODE_DONE;
    if (result == VL_NODE_FOUND)
        result = vl_node_key_find(scan->ref.page, page_size, target->key, &ties, place);
    if (result == VL_NODE_TIE)
        return VL_NODE_TIE;
    *count = place->index;
    return VL_NODE_DONE;
}

/* How many entries of the leaf are below the place where the scan goes on. *is_right: the leaf is
 * one that takes the scan on (K11). DONE or TIE. */
static vl_node_result
key_scan_near(const vl_tree_key_scan *scan, const vl_tree_target *at, uint32_t *near, int *is_right,
              vl_node_key_place *place)
{
    int is_inside;
    int is_low;

    *is_right = 1;
    if (at->where == VL_TREE_END) {
        *near = vl_node_key_count(scan->ref.page, scan->tree->page_size);
        return VL_NODE_DONE;
    }
    if (key_scan_count_below(scan, at, 1, near, &is_inside, &is_low, place) == VL_NODE_TIE)
        return VL_NODE_TIE;
    *is_right = at->where == VL_TREE_AT ? is_inside : !is_low;
    return VL_NODE_DONE;
}

/* A target that has the prefix of the node's keys is compared with these at once: where some are
 * not below it, on the way forward, it lies in the node. 0: it must be looked at otherwise. */
static int
key_scan_find_bound(const vl_tree_key_scan *scan, const vl_tree_target *target, uint32_t *count,
                    int *is_inside)
{
    uint32_t page_size = scan->tree->page_size;
    vl_node_key_ties ties = vl_tree_key_notes(target);
    vl_node_key_place place;

    if (scan->is_backward || !vl_node_key_has_prefix(scan->ref.page, page_size, target->key) ||
        vl_node_key_find(scan->ref.page, page_size, target->key, &ties, &place) == VL_NODE_TIE ||
        place.index == vl_node_key_count(scan->ref.page, page_size))
        return 0;
    *count = place.index;
    *is_inside = 1;
    return 1;
}

/* Find out which entries of the latched leaf are in the range, and whether it is_right. TIE: *tied
 * says for which target. */
static vl_node_result
key_scan_bound(vl_tree_key_scan *scan, vl_tree_target *at, vl_tree_target *bound, int *is_right,
               vl_node_key_place *place, vl_tree_target **tied)
{
    uint32_t count = vl_node_key_count(scan->ref.page, scan->tree->page_size);
    uint32_t *near = scan->is_backward ? &scan->index_end : &scan->index_first;
    uint32_t *far = scan->is_backward ? &scan->index_first : &scan->index_end;
    int is_open = scan->is_backward ? scan->range.low_size == 0 : !scan->range.has_high;
    int is_low;

    *tied = at;
    if (key_scan_near(scan, at, near, is_right, place) == VL_NODE_TIE)
        return VL_NODE_TIE;
    *far = scan->is_backward ? 0 : count;
    scan->is_last = 0;
    *tied = bound;
    if (!is_open && !key_scan_find_bound(scan, bound, far, &scan->is_last) &&
        key_scan_count_below(scan, bound, !scan->is_backward, far, &scan->is_last, &is_low,
                             place) == VL_NODE_TIE)
        return VL_NODE_TIE;
    if (scan->index_first > scan->index_end)
        scan->index_first = scan->index_end;
    return VL_NODE_DONE;
}

/* As table_adapt_window: more at a time while leaves are absent one after the other. */
static void
key_scan_adapt_window(vl_tree_key_scan *scan, const vl_tree_spot *spot)
{
    if (spot->load_count == 0) {
        scan->ahead_count -= scan->ahead_count > 0;
        return;
    }
    if (scan->ahead_count > 0)
        scan->window = scan->window > 4 ? scan->window / 4 : 1;
    else if (scan->window < KEY_SCAN_WINDOW_MAX)
        scan->window *= 2;
    scan->ahead_count = spot->ahead_count;
}

/* Latch the leaf where the scan goes on. */
static velo_status
key_scan_find(vl_ctx *ctx, vl_tree_key_scan *scan, vl_tree_target *at, vl_tree_target *bound)
{
    const vl_tree *tree = scan->tree;
    vl_tree_search search = {.target = at,
                             .level = scan->level,
                             .mode = VL_TREE_SHARED,
                             .direction = scan->is_backward ? -1 : 1,
                             .is_batch = 1};
    vl_node_key_place place;
    vl_tree_target *tied;
    vl_tree_spot spot;
    int is_right;

    for (;;) {
        search.ahead_max = scan->window - 1;
        VL_TRY(vl_tree_find(ctx, tree, &search, &spot));
        key_scan_adapt_window(scan, &spot);
        scan->ref = spot.ref;
        if (spot.ref.page == NULL) /* not that high any more */
            return VELO_OK;
        if (key_scan_bound(scan, at, bound, &is_right, &place, &tied) == VL_NODE_DONE)
            break;
        vl_cache_release_shared(tree->cache, &scan->ref);
        VL_TRY(vl_tree_key_resolve_place(ctx, tree, tied, &place));
    }
    if (!is_right) {
        vl_pid pid = scan->ref.pid;

        vl_cache_release_shared(tree->cache, &scan->ref);
        return vl_tree_damaged(ctx, tree, pid, "lacks the key that led there");
    }
    scan->page = scan->ref.page;
    return VELO_OK;
}

static velo_status
key_scan_go_on(vl_ctx *ctx, vl_tree_key_scan *scan)
{
    const vl_tree_key_range *range = &scan->range;
    vl_tree_where where;
    vl_node_key key = key_scan_target(scan, &where);
    vl_node_key bound_key = scan->is_backward ? vl_node_key_make(range->low, range->low_size)
                                              : vl_node_key_make(range->high, range->high_size);
    vl_tree_target at;
    vl_tree_target bound;
    velo_status st;

    scan->is_at_end = key_scan_is_over(scan, &key, where);
    if (scan->is_at_end)
        return VELO_OK;
    vl_tree_key_target_init(&at, &key, where);
    vl_tree_key_target_init(&bound, &bound_key, VL_TREE_AT);
    st = key_scan_find(ctx, scan, &at, &bound);
    vl_tree_key_target_end(&at);
    vl_tree_key_target_end(&bound);
    scan->is_at_end = st != VELO_OK || scan->page == NULL;
    return st;
}

/* ---- scans ---- */

void
vl_tree_key_walk_begin(vl_tree_key_scan *scan, const vl_tree *tree, const vl_tree_key_range *range,
                       uint32_t level)
{
    vl_tree_key_scan fresh = {
        .tree = tree, .range = *range, .level = level, .is_fresh = 1, .window = 1};

    *scan = fresh;
}

void
vl_tree_key_scan_begin(vl_tree_key_scan *scan, const vl_tree *tree, const vl_tree_key_range *range,
                       int is_backward)
{
    vl_tree_key_walk_begin(scan, tree, range, 0);
    scan->is_backward = is_backward;
    if (range->has_high &&
        vl_key_compare(range->low, range->low_size, range->high, range->high_size) >= 0)
        scan->is_at_end = 1;
}

/* Let go of rests. */
static void
key_scan_unpin(vl_tree_key_scan *scan)
{
    vl_tree_key_leave(scan->pin);
    scan->pin = 0;
}

velo_status
vl_tree_key_scan_next(vl_ctx *ctx, vl_tree_key_scan *scan)
{
    velo_status st = key_scan_leave(ctx, scan);

    key_scan_unpin(scan);
    if (st != VELO_OK || scan->is_at_end)
        return st;
    VL_TRY(key_scan_go_on(ctx, scan));
    if (scan->page == NULL || scan->is_last)
        return VELO_OK;
    st = key_scan_reserve(ctx, scan, vl_node_key_part_max(scan->tree->page_size));
    if (st != VELO_OK)
        key_scan_give_up(scan);
    return st;
}

velo_status
vl_tree_key_scan_leave(vl_ctx *ctx, vl_tree_key_scan *scan)
{
    return key_scan_leave(ctx, scan);
}

velo_status
vl_tree_key_scan_release(vl_ctx *ctx, vl_tree_key_scan *scan)
{
    if (scan->page != NULL && scan->pin == 0)
        scan->pin = vl_tree_key_enter();
    return key_scan_leave(ctx, scan);
}

void
vl_tree_key_scan_settle(vl_tree_key_scan *scan)
{
    VL_ASSERT(scan->page == NULL);
    key_scan_unpin(scan);
}

velo_status
vl_tree_key_scan_pause(vl_ctx *ctx, vl_tree_key_scan *scan, const void *key, uint32_t key_size,
                       int is_behind)
{
    uint32_t size = key_size;

    scan->page = NULL;
    vl_cache_release_shared(scan->tree->cache, &scan->ref);
    key_scan_unpin(scan);
    scan->is_at_end = 1;
    /* Forward the scan goes on from a key on, backward below it. */
    if ((is_behind != 0) != (scan->is_backward != 0))
        size++;
    VL_TRY(key_scan_reserve(ctx, scan, size));
    if (key_size > 0)
        memcpy(scan->at.data, key, key_size);
    if (size > key_size)
        scan->at.data[key_size] = 0; /* the next key there is */
    scan->at.size = size;
    scan->is_fresh = 0;
    scan->is_at_end = 0;
    return VELO_OK;
}

void
vl_tree_key_scan_end(vl_tree_key_scan *scan)
{
    scan->page = NULL;
    vl_cache_release_shared(scan->tree->cache, &scan->ref);
    key_scan_unpin(scan);
    vl_free(scan->at.data);
    scan->at.data = NULL;
    scan->at.size = scan->at.room = 0;
    scan->is_at_end = 1;
}

/* ---- parts of a range ---- */

velo_status
vl_tree_key_root_level(vl_ctx *ctx, const vl_tree *tree, uint32_t *level)
{
    vl_page_ref ref;

    while (!vl_cache_shared(tree->cache, tree->root, &ref))
        VL_TRY(vl_cache_load(ctx, tree->cache, tree->root));
    *level = vl_tree_level(ref.page);
    vl_cache_release_shared(tree->cache, &ref);
    return VELO_OK;
}

/* How many separators of a level lie in the range. */
static velo_status
key_scan_count(vl_ctx *ctx, const vl_tree *tree, const vl_tree_key_range *range, uint32_t level,
               uint64_t *total)
{
    vl_tree_key_scan walk;
    velo_status st;

    *total = 0;
    vl_tree_key_walk_begin(&walk, tree, range, level);
    for (;;) {
        st = vl_tree_key_scan_next(ctx, &walk);
        if (st != VELO_OK || walk.page == NULL)
            break;
        *total += walk.index_end - walk.index_first;
    }
    vl_tree_key_scan_end(&walk);
    return st;
}

/* The parts that are being made. */
typedef struct key_scan_parts {
    const vl_tree_key_range *range; /* what is cut */
    vl_arena *arena;                /* of the bounds */
    vl_tree_key_range *parts;       /* the caller's */
    uint32_t count;                 /* so many are wanted */
    uint32_t taken;                 /* so many are begun */
} key_scan_parts;

/* Cut at a key, if it lies within the last part. Of a long separator the part of it that is in the
 * page is as good a bound. */
static velo_status
key_scan_cut(vl_ctx *ctx, key_scan_parts *parts, const vl_node_key *key)
{
    vl_tree_key_range *last = &parts->parts[parts->taken - 1];
    uint8_t *copy;

    if (vl_key_compare(key->data, key->size, last->low, last->low_size) <= 0 ||
        (parts->range->has_high &&
         vl_key_compare(key->data, key->size, parts->range->high, parts->range->high_size) >= 0))
        return VELO_OK;
    copy = vl_arena_alloc(parts->arena, key->size);
    if (copy == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a part of a range");
    memcpy(copy, key->data, key->size);
    last->high = copy;
    last->high_size = key->size;
    last->has_high = 1;
    last[1] = *parts->range;
    last[1].low = copy;
    last[1].low_size = key->size;
    parts->taken++;
    return VELO_OK;
}

/* Cut at the separators of a node that are due: every total / count of them. */
static velo_status
key_scan_cut_node(vl_ctx *ctx, key_scan_parts *parts, const vl_tree_key_scan *walk, uint64_t total,
                  uint64_t seen, uint8_t *buffer)
{
    for (uint32_t i = walk->index_first; i < walk->index_end; i++, seen++) {
        vl_node_key key;

        if (parts->taken == parts->count || seen + 1 < parts->taken * (total + 1) / parts->count)
            continue;
        key = vl_node_key_entry_at(walk->page, walk->tree->page_size, i, buffer).key;
        VL_TRY(key_scan_cut(ctx, parts, &key));
    }
    return VELO_OK;
}

static velo_status
key_scan_make_parts(vl_ctx *ctx, const vl_tree *tree, uint32_t level, uint64_t total,
                    key_scan_parts *parts)
{
    uint8_t *buffer = vl_arena_alloc(parts->arena, vl_node_key_part_max(tree->page_size));
    vl_tree_key_scan walk;
    uint64_t seen = 0;
    velo_status st;

    if (buffer == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a part of a range");
    vl_tree_key_walk_begin(&walk, tree, parts->range, level);
    for (;;) {
        st = vl_tree_key_scan_next(ctx, &walk);
        if (st != VELO_OK || walk.page == NULL)
            break;
        st = key_scan_cut_node(ctx, parts, &walk, total, seen, buffer);
        if (st != VELO_OK)
            break;
        seen += walk.index_end - walk.index_first;
    }
    vl_tree_key_scan_end(&walk);
    return st;
}

velo_status
vl_tree_key_split_range(vl_ctx *ctx, const vl_tree *tree, const vl_tree_key_range *range,
                        uint32_t count, vl_arena *arena, vl_tree_key_range *parts, uint32_t *taken)
{
    key_scan_parts making = {range, arena, parts, count, 1};
    uint64_t total = 0;
    uint32_t level;

    *taken = 1;
    parts[0] = *range;
    VL_TRY(vl_tree_key_root_level(ctx, tree, &level));
    if (level == 0 || count < 2 ||
        (range->has_high &&
         vl_key_compare(range->low, range->low_size, range->high, range->high_size) >= 0))
        return VELO_OK;
    for (;; level--) { /* four times as many separators as parts make parts about equal */
        VL_TRY(key_scan_count(ctx, tree, range, level, &total));
        if (total / 4 >= count || level == 1)
            break;
    }
    if (total == 0)
        return VELO_OK;
    if (total + 1 < count)
        making.count = (uint32_t)total + 1;
    VL_TRY(key_scan_make_parts(ctx, tree, level, total, &making));
    *taken = making.taken;
    return VELO_OK;
}

/* ---- random leaves ---- */

/* A random way down. The same numbers give the same way, so that one which had to wait for a page
 * is gone again, and absent pages are as likely as others. */
typedef struct key_sample_way {
    double numbers[VL_NODE_MAX_LEVEL + 1]; /* from 0 to 1, of each level */
    double weight;                         /* how many ways there were: 1 / the leaf's chance */
    vl_page_ref leaf;                      /* latched shared, or no page: one had to be loaded */
} key_sample_way;

static velo_status
key_sample_go(vl_ctx *ctx, const vl_tree *tree, key_sample_way *way)
{
    vl_page_ref ref;
    vl_page_ref child;
    uint32_t level;

    way->weight = 1;
    way->leaf.page = NULL;
    if (!vl_cache_shared(tree->cache, tree->root, &ref))
        return vl_cache_load(ctx, tree->cache, tree->root);
    level = vl_tree_level(ref.page);
    while (level > 0 && level <= VL_NODE_MAX_LEVEL) {
        uint32_t count = vl_node_key_count(ref.page, tree->page_size) + 1;
        uint32_t index = (uint32_t)(way->numbers[level] * count);
        vl_pid pid = vl_node_key_child(ref.page, tree->page_size, index);
        int is_there = vl_cache_shared(tree->cache, pid, &child);

        vl_cache_release_shared(tree->cache, &ref);
        if (!is_there)
            return vl_cache_load(ctx, tree->cache, pid);
        ref = child;
        way->weight *= count;
        level--;
        if (!vl_tree_is_node(tree, ref.page, pid, level)) {
            vl_cache_release_shared(tree->cache, &ref);
            return vl_tree_damaged(ctx, tree, pid, "is not the node that belongs there");
        }
    }
    way->leaf = ref;
    return VELO_OK;
}

/* Go a random way, whatever has to be loaded. */
static velo_status
key_sample_draw(vl_ctx *ctx, const vl_tree *tree, vl_rng *rng, key_sample_way *way)
{
    for (uint32_t i = 0; i <= VL_NODE_MAX_LEVEL; i++)
        way->numbers[i] = (double)(vl_rng_next(rng) >> 11) * 0x1p-53;
    do
        VL_TRY(key_sample_go(ctx, tree, way));
    while (way->leaf.page == NULL);
    return VELO_OK;
}

/* A leaf is met with a chance of 1 / weight, so it is taken with a chance of weight / the greatest
 * one: all are equally likely then (Olken and Rotem, "Random sampling from B+ trees", VLDB 1989,
 * with the greatest weight that was seen for the greatest there is: key nodes differ too much in
 * how many children they may have). */
static velo_status
key_sample_leaf(vl_ctx *ctx, const vl_tree *tree, vl_rng *rng, double *greatest,
                key_sample_way *way)
{
    for (uint32_t tries = 1;; tries++) {
        double number = (double)(vl_rng_next(rng) >> 11) * 0x1p-53;

        VL_TRY(key_sample_draw(ctx, tree, rng, way));
        *greatest = way->weight > *greatest ? way->weight : *greatest;
        if (number * *greatest < way->weight || tries == KEY_SAMPLE_TRIES)
            return VELO_OK;
        vl_cache_release_shared(tree->cache, &way->leaf);
    }
}

velo_status
vl_tree_key_sample(vl_ctx *ctx, const vl_tree *tree, vl_rng *rng, uint32_t count,
                   vl_tree_key_sampled *visit, void *argument)
{
    key_sample_way way;
    double greatest = 0;

    for (uint32_t i = 0; i < KEY_SAMPLE_WARM_UP; i++) {
        VL_TRY(key_sample_draw(ctx, tree, rng, &way));
        greatest = way.weight > greatest ? way.weight : greatest;
        vl_cache_release_shared(tree->cache, &way.leaf);
    }
    for (uint32_t i = 0; i < count; i++) {
        velo_status st;

        VL_TRY(key_sample_leaf(ctx, tree, rng, &greatest, &way));
        st = visit(ctx, argument, &way.leaf);
        vl_cache_release_shared(tree->cache, &way.leaf);
        VL_TRY(st);
    }
    return VELO_OK;
}
