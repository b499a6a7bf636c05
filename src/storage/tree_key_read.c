/* tree_key_read.c - finding entries, and reading long keys.
 *
 * Invariants
 *   KR1  A visit runs under the leaf's latch, and what the search noted of long keys is given up
 * before: the latched leaf keeps what it refers to. */
#include "storage/tree_key_int.h"

#include <string.h>

/* Whether a search with a tie is to be repeated: the tie is resolved without the latch. */
static velo_status
key_read_resolve(vl_ctx *ctx, const vl_tree *tree, vl_tree_target *target, vl_tree_mode mode,
                 vl_page_ref *leaf, const vl_node_key_place *place)
{
    if (mode == VL_TREE_EXCLUSIVE)
        vl_cache_release_exclusive(tree->cache, leaf);
    else
        vl_cache_release_shared(tree->cache, leaf);
    return vl_tree_key_resolve_place(ctx, tree, target, place);
}

/* Look for the target in its leaf: what vl_node_key_find says, or ABSENT with place->index
 * UINT32_MAX when the key does not belong there. */
static vl_node_result
key_read_search(const vl_tree *tree, const vl_tree_target *target, const void *leaf,
                vl_node_key_place *place)
{
    vl_node_key_ties ties = vl_tree_key_notes(target);
    vl_node_result result = vl_node_key_covers(leaf, tree->page_size, target->key, &ties, place);

    if (result == VL_NODE_FOUND)
        return vl_node_key_find(leaf, tree->page_size, target->key, &ties, place);
    place->index = UINT32_MAX;
    return result;
}

static velo_status
key_read_find_place(vl_ctx *ctx, const vl_tree *tree, vl_tree_target *target, vl_tree_mode mode,
                    vl_page_ref *leaf, uint32_t *index, vl_tree_key_state *state)
{
    vl_tree_search search = {.target = target, .mode = mode};
    vl_node_key_place place;
    vl_node_result result;
    vl_tree_spot spot;
    vl_pid pid;

    for (;;) {
        VL_TRY(vl_tree_find(ctx, tree, &search, &spot));
        result = key_read_search(tree, target, spot.ref.page, &place);
        if (result != VL_NODE_TIE)
            break;
        VL_TRY(key_read_resolve(ctx, tree, target, mode, &spot.ref, &place));
    }
    pid = spot.ref.pid;
    *leaf = spot.ref;
    *index = place.index;
    *state = VL_TREE_KEY_ABSENT;
    if (result == VL_NODE_FOUND)
        *state = vl_node_key_entry_at(leaf->page, tree->page_size, place.index, NULL).is_deleted
                     ? VL_TREE_KEY_TOMBSTONE
                     : VL_TREE_KEY_LIVE;
    if (place.index != UINT32_MAX)
        return VELO_OK;
    if (mode == VL_TREE_EXCLUSIVE)
        vl_cache_release_exclusive(tree->cache, leaf);
    else
        vl_cache_release_shared(tree->cache, leaf);
    return vl_tree_damaged(ctx, tree, pid, "is not the leaf that a key belongs to");
}

velo_status
vl_tree_key_find_place(vl_ctx *ctx, const vl_tree *tree, vl_tree_target *target, vl_tree_mode mode,
                       vl_page_ref *leaf, uint32_t *index, vl_tree_key_state *state)
{
    velo_status st = key_read_find_place(ctx, tree, target, mode, leaf, index, state);

    vl_tree_key_target_end(target); /* what the latched leaf refers to stays */
    return st;
}

static velo_status
key_read_visit(vl_ctx *ctx, const vl_tree *tree, const vl_node_key *wanted, vl_tree_mode mode,
               vl_tree_key_visit *visit, void *argument)
{
    vl_tree_key_found found = {0};
    vl_node_key_entry entry;
    vl_tree_target target;
    vl_page_ref leaf;
    velo_status st;

    vl_tree_key_target_init(&target, wanted, VL_TREE_AT);
    VL_TRY(vl_tree_key_find_place(ctx, tree, &target, mode, &leaf, &found.index, &found.state));
    found.leaf = &leaf;
    if (found.state != VL_TREE_KEY_ABSENT) {
        entry = vl_node_key_entry_at(leaf.page, tree->page_size, found.index, NULL);
        found.value = entry.value;
        found.value_size = entry.value_size;
    }
    st = visit(ctx, argument, &found);
    if (mode == VL_TREE_EXCLUSIVE)
        vl_cache_release_exclusive(tree->cache, &leaf);
    else
        vl_cache_release_shared(tree->cache, &leaf);
    return st;
}

velo_status
vl_tree_key_find(vl_ctx *ctx, const vl_tree *tree, const void *key, uint32_t key_size,
                 vl_tree_key_visit *visit, void *argument)
{
    vl_node_key wanted = vl_node_key_make(key, key_size);

    return key_read_visit(ctx, tree, &wanted, VL_TREE_SHARED, visit, argument);
}

velo_status
vl_tree_key_find_exclusive(vl_ctx *ctx, const vl_tree *tree, const void *key, uint32_t key_size,
                           vl_tree_key_visit *visit, void *argument)
{
    vl_node_key wanted = vl_node_key_make(key, key_size);

    return key_read_visit(ctx, tree, &wanted, VL_TREE_EXCLUSIVE, visit, argument);
}

/* Where vl_tree_key_get copies to. */
typedef struct key_read_copy {
    void *value;             /* the caller's */
    uint32_t value_size;     /* of it */
    vl_tree_key_state state; /* of the entry */
} key_read_copy;

static velo_status
key_read_copy_value(vl_ctx *ctx, void *argument, const vl_tree_key_found *found)
{
    key_read_copy *copy = argument;

    (void)ctx;
    copy->state = found->state;
    copy->value_size = found->value_size;
    if (found->value_size > 0)
        memcpy(copy->value, found->value, found->value_size);
    return VELO_OK;
}

velo_status
vl_tree_key_get(vl_ctx *ctx, const vl_tree *tree, const void *key, uint32_t key_size, void *value,
                uint32_t *value_size, vl_tree_key_state *state)
{
    key_read_copy copy = {value, 0, VL_TREE_KEY_ABSENT};
    velo_status st = vl_tree_key_find(ctx, tree, key, key_size, key_read_copy_value, &copy);

    *value_size = copy.value_size;
    *state = copy.state;
    return st;
}

velo_status
vl_tree_key_read(vl_ctx *ctx, const vl_tree *tree, const vl_node_key *key, void *to)
{
    vl_overflow rest;

    if (key->size > 0)
        memcpy(to, key->data, key->size);
    if (key->size >= key->total_size)
        return VELO_OK;
    rest = vl_tree_key_rest(tree, key->rest, key->total_size);
    return vl_overflow_read(ctx, tree->cache, &rest, 0, rest.size, (uint8_t *)to + key->size);
}
