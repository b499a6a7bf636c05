/* table_scan.c - scans of table trees, parts of ranges for parallel ones, random leaves.
 *
 * Invariants
 *   S1  A scan knows no page and no position, only the rowids that are still to come: so it goes on
 *       rightly whatever splits and merges have done since (11, item 33).
 *   S2  The range of a leaf holds while the leaf is latched: its rows in that range are all there
 *       are, so every rowid of a scan's range is looked at once.
 *   S3  Each leaf, and each node of a walk, takes the scan on: one to which the scan's rowid does
 * not belong is damaged, and ends it, since the range behind it could lead back, again and again.
 */
#include "storage/table_int.h"

/* Most leaves that are loaded at a time. */
#define TABLE_WINDOW_MAX VL_BY_BUILD(32U, 4U)

/* ---- scans ---- */

void
vl_table_scan_begin(vl_table_scan *scan, const vl_tree *tree, vl_rowid_range range, int is_backward)
{
    vl_table_scan fresh = {.tree = tree, .left = range, .is_backward = is_backward, .window = 1};

    *scan = fresh;
    scan->is_at_end = range.first > range.last;
}

void
vl_table_scan_pause(vl_table_scan *scan)
{
    vl_cache_release_shared(scan->tree->cache, &scan->ref);
    scan->leaf = NULL;
}

void
vl_table_scan_resume(vl_table_scan *scan, int64_t rowid)
{
    VL_ASSERT(scan->leaf == NULL);
    VL_ASSERT(rowid >= scan->part.first && rowid <= scan->part.last);
    scan->is_at_end = 0; /* at the end `left` is what it was before the last leaf */
    if (scan->is_backward)
        scan->left.last = rowid;
    else
        scan->left.first = rowid;
}

void
vl_table_scan_end(vl_table_scan *scan)
{
    vl_table_scan_pause(scan);
    scan->is_at_end = 1;
}

/* Load more at a time while leaves are absent one after the other; fewer when some that were loaded
 * ahead are gone again before they are used: then the cache is small. */
static void
table_adapt_window(vl_table_scan *scan, const vl_tree_spot *spot)
{
    if (spot->load_count == 0) {
        scan->ahead_count -= scan->ahead_count > 0;
        return;
    }
    if (scan->ahead_count > 0)
        scan->window = scan->window > 4 ? scan->window / 4 : 1;
    else if (scan->window < TABLE_WINDOW_MAX)
        scan->window *= 2;
    scan->ahead_count = spot->ahead_count;
}

/* Latch the node of a search for the rowid; damaged: it is not one that takes a scan on (S3). */
static velo_status
table_scan_find(vl_ctx *ctx, const vl_tree *tree, const vl_tree_search *search, int64_t rowid,
                vl_tree_spot *spot)
{
    vl_pid pid;

    VL_TRY(vl_tree_find(ctx, tree, search, spot));
    if (spot->ref.page == NULL || (spot->range.first <= rowid && rowid <= spot->range.last))
        return VELO_OK;
    pid = spot->ref.pid;
    vl_cache_release_shared(tree->cache, &spot->ref);
    return vl_tree_damaged(ctx, tree, pid, "lacks the rowid that led there");
}

velo_status
vl_table_scan_next(vl_ctx *ctx, vl_table_scan *scan)
{
    int64_t rowid = scan->is_backward ? scan->left.last : scan->left.first;
    vl_tree_target target = vl_table_target(rowid);
    vl_tree_search search = {.target = &target,
                             .mode = VL_TREE_SHARED,
                             .direction = scan->is_backward ? -1 : 1,
                             .ahead_max = scan->window - 1,
                             .is_batch = 1};
    vl_tree_spot spot;

    vl_table_scan_pause(scan);
    if (scan->is_at_end)
        return VELO_OK;
    VL_TRY(table_scan_find(ctx, scan->tree, &search, rowid, &spot));
    table_adapt_window(scan, &spot);
    scan->ref = spot.ref;
    scan->leaf = spot.ref.page;
    scan->part.first = spot.range.first > scan->left.first ? spot.range.first : scan->left.first;
    scan->part.last = spot.range.last < scan->left.last ? spot.range.last : scan->left.last;
    scan->rank_first = vl_leaf_seek(scan->leaf, scan->part.first);
    scan->rank_end = scan->part.last == INT64_MAX ? scan->leaf->count
                                                  : vl_leaf_seek(scan->leaf, scan->part.last + 1);
    if (scan->is_backward) {
        scan->is_at_end = scan->part.first == scan->left.first;
        scan->left.last = scan->is_at_end ? scan->left.last : scan->part.first - 1;
    } else {
        scan->is_at_end = scan->part.last == scan->left.last;
        scan->left.first = scan->is_at_end ? scan->left.first : scan->part.last + 1;
    }
    return VELO_OK;
}

/* ---- parts of a range ---- */

/* A walk over the nodes of a level that a range belongs to. */
typedef struct table_walk {
    const vl_tree *tree;  /* where */
    uint32_t level;       /* above 0 */
    vl_rowid_range range; /* what is still to come */
    int is_at_end;        /* nothing is */
    vl_page_ref ref;      /* a node, latched shared; no page: the tree is not that high */
    uint32_t first;       /* the children that the range touches */
    uint32_t last;        /* see first */
} table_walk;

/* Latch the next node. */
static velo_status
table_walk_next(vl_ctx *ctx, table_walk *walk)
{
    vl_tree_target target = vl_table_target(walk->range.first);
    vl_tree_search search = {.target = &target, .level = walk->level, .mode = VL_TREE_SHARED};
    uint32_t page_size = walk->tree->page_size;
    vl_tree_spot spot;

    VL_TRY(table_scan_find(ctx, walk->tree, &search, walk->range.first, &spot));
    walk->ref = spot.ref;
    walk->is_at_end = spot.ref.page == NULL || spot.range.last >= walk->range.last;
    if (spot.ref.page == NULL)
        return VELO_OK;
    walk->first = vl_node_rowid_search(spot.ref.page, page_size, walk->range.first);
    walk->last = vl_node_rowid_search(spot.ref.page, page_size,
                                      walk->is_at_end ? walk->range.last : spot.range.last);
    if (!walk->is_at_end)
        walk->range.first = spot.range.last + 1;
    return VELO_OK;
}

/* How many children the nodes of a level have in the range. */
static velo_status
table_count_children(vl_ctx *ctx, const vl_tree *tree, uint32_t level, vl_rowid_range range,
                     uint64_t *total)
{
    table_walk walk = {.tree = tree, .level = level, .range = range};

    *total = 0;
    while (!walk.is_at_end) {
        VL_TRY(table_walk_next(ctx, &walk));
        if (walk.ref.page != NULL)
            *total += walk.last - walk.first + 1;
        vl_cache_release_shared(tree->cache, &walk.ref);
    }
    return VELO_OK;
}

/* Cut the range where `total` children of a level divide into `count` shares. */
static velo_status
table_cut_range(vl_ctx *ctx, const vl_tree *tree, uint32_t level, vl_rowid_range range,
                uint64_t total, uint32_t count, vl_rowid_range *parts, uint32_t *taken)
{
    table_walk walk = {.tree = tree, .level = level, .range = range};
    uint64_t seen = 0;

    *taken = 0;
    parts[0].first = range.first;
    while (!walk.is_at_end) {
        VL_TRY(table_walk_next(ctx, &walk));
        for (uint32_t i = walk.first; walk.ref.page != NULL && i <= walk.last; i++, seen++) {
            int64_t first = vl_node_rowid_child_range(walk.ref.page, tree->page_size, i).first;

            if (seen < (*taken + 1) * total / count || *taken + 1 >= count ||
                first <= parts[*taken].first)
                continue;
            parts[*taken].last = first - 1;
            parts[++*taken].first = first;
        }
        vl_cache_release_shared(tree->cache, &walk.ref);
    }
    parts[*taken].last = range.last;
    ++*taken;
    return VELO_OK;
}

/* The root's level. */
static velo_status
table_root_level(vl_ctx *ctx, const vl_tree *tree, uint32_t *level)
{
    vl_page_ref ref;

    while (!vl_cache_shared(tree->cache, tree->root, &ref))
        VL_TRY(vl_cache_load(ctx, tree->cache, tree->root));
    *level = vl_tree_level(ref.page);
    vl_cache_release_shared(tree->cache, &ref);
    return VELO_OK;
}

velo_status
vl_table_split_range(vl_ctx *ctx, const vl_tree *tree, vl_rowid_range range, uint32_t count,
                     vl_rowid_range *parts, uint32_t *taken)
{
    uint64_t total = 0;
    uint32_t level;

    *taken = 1;
    parts[0] = range;
    VL_TRY(table_root_level(ctx, tree, &level));
    if (range.first >= range.last || level == 0 || count < 2)
        return VELO_OK;
    for (;; level--) { /* four times as many children as parts make parts about equal */
        VL_TRY(table_count_children(ctx, tree, level, range, &total));
        if (total / 4 >= count || level == 1)
            break;
    }
    if (total < count)
        count = total > 1 ? (uint32_t)total : 1;
    return table_cut_range(ctx, tree, level, range, total, count, parts, taken);
}

/* ---- how many rows ---- */

/* Go to the middle child of the node that a rowid belongs to, and multiply by their count. */
static velo_status
table_middle_child(vl_ctx *ctx, const vl_tree *tree, uint32_t level, int64_t *rowid, double *rows)
{
    vl_tree_target target = vl_table_target(*rowid);
    vl_tree_search search = {.target = &target, .level = level, .mode = VL_TREE_SHARED};
    vl_tree_spot spot;
    uint32_t count;

    VL_TRY(vl_tree_find(ctx, tree, &search, &spot));
    if (spot.ref.page == NULL) /* lower than it was */
        return VELO_OK;
    count = vl_node_rowid_count(spot.ref.page, tree->page_size);
    *rowid = vl_node_rowid_child_range(spot.ref.page, tree->page_size, count / 2).first;
    *rows *= count;
    vl_cache_release_shared(tree->cache, &spot.ref);
    return VELO_OK;
}

velo_status
vl_table_estimate(vl_ctx *ctx, const vl_tree *tree, double *rows)
{
    int64_t rowid = INT64_MIN;
    vl_table_scan scan;
    uint32_t level;
    velo_status st;

    *rows = 1;
    VL_TRY(table_root_level(ctx, tree, &level));
    for (; level > 0; level--)
        VL_TRY(table_middle_child(ctx, tree, level, &rowid, rows));
    vl_table_scan_begin(&scan, tree, (vl_rowid_range){rowid, INT64_MAX}, 0);
    st = vl_table_scan_next(ctx, &scan);
    if (st == VELO_OK)
        *rows *= scan.leaf != NULL ? scan.leaf->count : 0;
    vl_table_scan_end(&scan);
    return st;
}

/* ---- random leaves ---- */

/* Choose a random child of the node of a level that a rowid belongs to, and set the rowid to its
 * first one. *is_dropped: the node has so few children that the try is to be given up. */
static velo_status
table_choose_child(vl_ctx *ctx, const vl_tree *tree, vl_rng *rng, uint32_t level, int64_t *rowid,
                   int *is_dropped)
{
    vl_tree_target target = vl_table_target(*rowid);
    vl_tree_search search = {.target = &target, .level = level, .mode = VL_TREE_SHARED};
    vl_tree_spot spot;
    uint32_t count;

    VL_TRY(vl_tree_find(ctx, tree, &search, &spot));
    if (spot.ref.page == NULL) /* lower than it was */
        return VELO_OK;
    count = vl_node_rowid_count(spot.ref.page, tree->page_size);
    *rowid = vl_node_rowid_child_range(spot.ref.page, tree->page_size,
                                       (uint32_t)vl_rng_below(rng, count))
                 .first;
    if (spot.ref.pid != tree->root) /* the root's share is the same for all leaves */
        *is_dropped = !vl_rng_chance(rng, count, vl_table_max_children(tree));
    vl_cache_release_shared(tree->cache, &spot.ref);
    return VELO_OK;
}

static velo_status
table_random_rowid(vl_ctx *ctx, const vl_tree *tree, vl_rng *rng, int64_t *rowid)
{
    int is_dropped = 1;

    for (uint32_t tries = 0; is_dropped && tries < VL_TABLE_SAMPLE_TRIES; tries++) {
        uint32_t level;

        is_dropped = 0;
        *rowid = INT64_MIN;
        VL_TRY(table_root_level(ctx, tree, &level));
        for (; level > 0 && !is_dropped; level--)
            VL_TRY(table_choose_child(ctx, tree, rng, level, rowid, &is_dropped));
    }
    return VELO_OK;
}

velo_status
vl_table_sample(vl_ctx *ctx, const vl_tree *tree, vl_rng *rng, uint32_t count,
                vl_table_visit *visit, void *argument)
{
    for (uint32_t i = 0; i < count; i++) {
        vl_table_row row = {.index = i, .state = VL_LEAF_NO_SLOT};
        vl_tree_target target;
        vl_tree_search search = {.target = &target, .mode = VL_TREE_SHARED};
        vl_tree_spot spot;
        int64_t rowid;
        velo_status st;

        VL_TRY(table_random_rowid(ctx, tree, rng, &rowid));
        target = vl_table_target(rowid);
        VL_TRY(vl_tree_find(ctx, tree, &search, &spot));
        row.leaf = spot.ref.page;
        row.ref = &spot.ref;
        row.rowid = spot.range.first;
        st = visit(ctx, argument, &row);
        vl_cache_release_shared(tree->cache, &spot.ref);
        VL_TRY(st);
    }
    return VELO_OK;
}
