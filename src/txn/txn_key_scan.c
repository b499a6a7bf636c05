/* txn_key_scan.c - reading entries as a view sees them: one, or a range leaf by leaf.
 *
 * Of each leaf the visible entries are copied under its latch, keys as a whole: they are stored
 * with their common prefix once, so there is nothing to point to. Of a long key the part is copied,
 * and the rest read when the latch is gone: the tree's scan keeps it from being freed meanwhile.
 *
 * Invariants
 *   TKS1  Entries of a leaf without a map that are not marked deleted are seen by everybody (T4).
 */
#include "txn/txn_int.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <string.h>

static vl_row_state
key_scan_state(vl_tree_key_state state)
{
    if (state == VL_TREE_KEY_LIVE)
        return VL_ROW_LIVE;
    return state == VL_TREE_KEY_TOMBSTONE ? VL_ROW_DELETED : VL_ROW_ABSENT;
}

/* What the view sees of an entry: 1, with its value, or 0. */
static int
key_scan_sees(const vl_view *view, vl_row_state state, const vl_undo *newest, vl_leaf_value *value)
{
    static const uint32_t ids[1] = {0};
    vl_versioned entry = {.page = state, .newest = newest};
    vl_row_columns columns = {ids, value, 1};

    return state != VL_ROW_ABSENT && vl_view_read(view, &entry, &columns) == VL_ROW_LIVE;
}

/* ---- one ---- */

typedef struct key_scan_read {
    vl_txn_tree *tree;   /* where */
    const vl_view *view; /* by whom */
    const void *key;     /* which */
    uint32_t key_size;   /* of it */
    void *value;         /* receives its value, or NULL */
    uint32_t value_size; /* receives its size */
    int found;           /* receives whether it is seen */
} key_scan_read;

static velo_status
key_scan_visit(vl_ctx *ctx, void *argument, const vl_tree_key_found *found)
{
    key_scan_read *self = argument;
    vl_versions map = vl_txn_map(self->tree, found->leaf);
    vl_leaf_value value = {.value = {.type = VL_TYPE_BLOB, .size = found->value_size}};

    (void)ctx;
    value.value.as.data = found->value;
    self->found = key_scan_sees(
        self->view, key_scan_state(found->state),
        map.attachment != NULL
            ? vl_versions_find_key(
                  map, self->key, self->key_size,
                  vl_txn_rest(self->tree, found->leaf, self->key_size, found->state, found->index))
            : NULL,
        &value);
    if (!self->found)
        return VELO_OK;
    self->value_size = value.value.size;
    if (self->value != NULL && value.value.size > 0)
        memcpy(self->value, value.value.as.data, value.value.size);
    return VELO_OK;
}

velo_status
vl_keys_find(vl_ctx *ctx, vl_txn_index *index, const vl_view *view, const void *key,
             uint32_t key_size, void *value, uint32_t *value_size, int *found)
{
    static const uint8_t empty[1] = {0};
    key_scan_read self = {.tree = &index->tree,
                          .view = view,
                          .key = key_size > 0 ? key : empty,
                          .key_size = key_size,
                          .value = value};

    *found = 0;
    *value_size = 0;
    VL_TRY(vl_txn_settle_index(ctx, view->session, index));
    VL_TRY(
        vl_tree_key_find(ctx, &index->tree.base->tree, self.key, key_size, key_scan_visit, &self));
    *found = self.found;
    *value_size = self.value_size;
    return VELO_OK;
}

/* ---- a range ---- */

void
vl_key_scan_begin(vl_key_scan *scan, vl_txn_index *index, const vl_view *view,
                  const vl_tree_key_range *range, int is_backward)
{
    memset(scan, 0, sizeof *scan);
    scan->index = index;
    scan->view = *view;
    scan->is_backward = is_backward;
    vl_tree_key_scan_begin(&scan->scan, &index->tree.base->tree, range, is_backward);
}

/* Memory of the entries. */
static vl_arena *
key_scan_arena(vl_key_scan *scan)
{
    return scan->lent != NULL ? scan->lent : &scan->arena;
}

static velo_status
key_scan_no_memory(vl_ctx *ctx)
{
    return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for entries of an index");
}

/* Copy an entry, if the view sees it. */
static velo_status
key_scan_take(vl_ctx *ctx, vl_key_scan *scan, uint32_t index, vl_versions map, uint8_t *buffer,
              vl_key_seen *to)
{
    const vl_tree *tree = &scan->index->tree.base->tree;
    vl_node_key_entry entry = vl_node_key_entry_at(scan->scan.page, tree->page_size, index, buffer);
    vl_leaf_value value = {.value = {.type = VL_TYPE_BLOB, .size = entry.value_size}};
    const vl_undo *newest = NULL;

    value.value.as.data = entry.value;
    if (map.attachment != NULL)
        newest = vl_versions_find_key(map, entry.key.data, entry.key.size, entry.key.rest);
    if (newest == NULL
            ? entry.is_deleted
            : !key_scan_sees(&scan->view, entry.is_deleted ? VL_ROW_DELETED : VL_ROW_LIVE, newest,
                             &value))
        return VELO_OK;
    to->key = vl_arena_copy(key_scan_arena(scan), entry.key.data, entry.key.size);
    to->key_size = entry.key.total_size;
    to->rest = entry.key.rest;
    scan->has_rests |= to->rest != 0;
    to->value = vl_arena_copy(key_scan_arena(scan), value.value.as.data, value.value.size);
    to->value_size = value.value.size;
    if (to->key == NULL || to->value == NULL)
        return key_scan_no_memory(ctx);
    scan->count++;
    return VELO_OK;
}

/* The same without its key, where nothing but the leaf says what is seen (TKS1). */
static velo_status
key_scan_take_value(vl_ctx *ctx, vl_key_scan *scan, uint32_t index, vl_key_seen *to)
{
    const vl_tree *tree = &scan->index->tree.base->tree;
    vl_node_key_entry entry = vl_node_key_value_at(scan->scan.page, tree->page_size, index);

    if (entry.is_deleted)
        return VELO_OK;
    to->value = vl_arena_copy(key_scan_arena(scan), entry.value, entry.value_size);
    to->value_size = entry.value_size;
    if (to->value == NULL)
        return key_scan_no_memory(ctx);
    scan->count++;
    return VELO_OK;
}

/* Copy what the view sees of the latched leaf. */
static velo_status
key_scan_list(vl_ctx *ctx, vl_key_scan *scan)
{
    const vl_tree_key_scan *at = &scan->scan;
    const vl_tree *tree = &scan->index->tree.base->tree;
    uint32_t count = at->index_end - at->index_first;
    vl_versions map = vl_txn_map(&scan->index->tree, &at->ref);
    int skips_keys = scan->skips_keys && map.attachment == NULL;
    vl_key_seen *entries;
    uint8_t *buffer = NULL;

    vl_arena_reset(key_scan_arena(scan));
    scan->count = 0;
    scan->has_rests = 0;
    scan->entries = NULL;
    if (at->index_end <= at->index_first)
        return VELO_OK;
    entries = vl_arena_alloc_array(key_scan_arena(scan), count, sizeof *entries);
    if (!skips_keys)
        buffer = vl_arena_alloc(key_scan_arena(scan), vl_node_key_part_max(tree->page_size));
    if (entries == NULL || (buffer == NULL && !skips_keys))
        return key_scan_no_memory(ctx);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = scan->is_backward ? at->index_end - 1 - i : at->index_first + i;

        if (skips_keys)
            VL_TRY(key_scan_take_value(ctx, scan, index, entries + scan->count));
        else
            VL_TRY(key_scan_take(ctx, scan, index, map, buffer, entries + scan->count));
    }
    scan->entries = entries;
    return VELO_OK;
}

/* The leaf is released: read the rests of long keys. */
static velo_status
key_scan_read_rests(vl_ctx *ctx, vl_key_scan *scan)
{
    const vl_tree *tree = &scan->index->tree.base->tree;
    uint32_t part = vl_node_key_part_max(tree->page_size);

    for (uint32_t i = 0; i < scan->count; i++) {
        vl_key_seen *entry = scan->entries + i;
        vl_node_key key = {entry->key, part, entry->key_size, entry->rest};
        uint8_t *whole;

        if (entry->rest == 0)
            continue;
        whole = vl_arena_alloc(key_scan_arena(scan), entry->key_size);
        if (whole == NULL)
            return key_scan_no_memory(ctx);
        VL_TRY(vl_tree_key_read(ctx, tree, &key, whole));
        entry->key = whole;
    }
    return VELO_OK;
}

velo_status
vl_key_scan_next(vl_ctx *ctx, vl_key_scan *scan)
{
    velo_status st = VELO_OK;

    if (scan->lent == NULL && !scan->has_arena) {
        vl_arena_init(&scan->arena, ctx->allocator, 0);
        scan->has_arena = 1;
    }
    scan->count = 0;
    VL_TRY(vl_txn_settle_index(ctx, scan->view.session, scan->index));
    vl_undo_pool_settle(scan->index->tree.store->pool, VL_UNDO_PAGE_TOUCHES);
    while (scan->count == 0) {
        st = vl_tree_key_scan_next(ctx, &scan->scan);
        if (st != VELO_OK || scan->scan.page == NULL)
            break;
        st = key_scan_list(ctx, scan);
        if (st != VELO_OK)
            break;
        if (scan->has_rests)
            st = vl_tree_key_scan_release(ctx, &scan->scan);
        else
            st = vl_tree_key_scan_leave(ctx, &scan->scan);
        if (st == VELO_OK && scan->has_rests)
            st = key_scan_read_rests(ctx, scan);
        if (st != VELO_OK)
            break;
    }
    if (st == VELO_OK && scan->scan.page == NULL)
        vl_tree_key_scan_settle(
            &scan->scan); /* the caller may remove long keys before he goes on */
    if (st != VELO_OK)
        scan->count = 0;
    return st;
}

void
vl_key_scan_end(vl_key_scan *scan)
{
    vl_tree_key_scan_end(&scan->scan);
    if (scan->has_arena)
        vl_arena_deinit(&scan->arena);
    scan->has_arena = 0;
    scan->count = 0;
    scan->entries = NULL;
}
