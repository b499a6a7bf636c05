/* tree_split.c - making room: splitting nodes, growing a tree at its root.
 *
 * Each step is a write section of its own, with one new page, a node and its parent.
 *
 * Invariants
 *   T5  After every section the tree is whole and holds what it held before.
 *   T6  At most a parent and its child are latched, and the new page, which nobody else knows. A
 *       full parent is split in a section before, and the way begins anew at the root.
 *   T7  While a plan is being worked out on other pages, or the cache makes ready, no latch is
 *       held; what was planned is checked again under the latches. */
#include "storage/tree_int.h"

#include <string.h>

/* How an attempt to split ended. */
typedef enum tree_attempt {
    TREE_DONE,     /* it is split, or needs not be */
    TREE_GREW,     /* the root has moved its content to a child, which is now to be split */
    TREE_NO_ROOM,  /* the parent has no room */
    TREE_WAIT,     /* the cache has to make ready first */
    TREE_HELP,     /* the plan needs help */
    TREE_TOO_HIGH, /* no tree is that high */
} tree_attempt;

/* Move the content of the root to a child. */
static tree_attempt
tree_grow(vl_tree_split_plan *plan, vl_change *change, vl_tree_pair *pair, vl_page_ref *fresh)
{
    const vl_tree *tree = plan->tree;

    if (plan->level >= VL_NODE_MAX_LEVEL)
        return TREE_TOO_HIGH;
    if (!vl_change_prepare(change, &pair->node) || !vl_change_enter(change))
        return TREE_WAIT;
    tree->ops->grow(pair->node.page, fresh->page, plan->work, tree->page_size, fresh->pid);
    vl_change_leave(change);
    if (plan->level == 0) /* only now the new page is one; both are still latched */
        vl_tree_tell_moved(tree, &pair->node, fresh, pair->step.range);
    return TREE_GREW;
}

/* Split a node that has a parent. */
static tree_attempt
tree_divide(vl_tree_split_plan *plan, vl_change *change, vl_tree_pair *pair, vl_page_ref *fresh)
{
    const vl_tree *tree = plan->tree;

    plan->parent = pair->parent.page;
    plan->index = pair->step.index;
    plan->right = fresh->page;
    plan->right_pid = fresh->pid;
    plan->moved = pair->step.range; /* of which the kind cuts off what stays */
    if (!tree->ops->has_room(plan))
        return TREE_NO_ROOM;
    if (!vl_change_prepare(change, &pair->parent) || !vl_change_prepare(change, &pair->node) ||
        !vl_change_enter(change))
        return TREE_WAIT;
    tree->ops->split(plan);
    vl_change_leave(change);
    if (plan->level == 0)
        vl_tree_tell_moved(tree, &pair->node, fresh, plan->moved);
    return TREE_DONE;
}

/* Try to split under the latches of the pair. */
static tree_attempt
tree_split_pair(vl_tree_split_plan *plan, vl_change *change, vl_tree_pair *pair, vl_page_ref *fresh)
{
    if (pair->node.page == NULL) /* the tree is not that high any more */
        return TREE_DONE;
    plan->page = pair->node.page;
    plan->pid = pair->node.pid;
    switch (plan->tree->ops->plan_split(plan)) {
    case VL_TREE_GO:
        break;
    case VL_TREE_NEEDLESS:
        return TREE_DONE;
    case VL_TREE_HELP:
        return TREE_HELP;
    }
    if (pair->parent.page == NULL)
        return tree_grow(plan, change, pair, fresh);
    return tree_divide(plan, change, pair, fresh);
}

/* Split the node of plan->level. */
static velo_status
tree_split_level(vl_ctx *ctx, vl_tree_split_plan *plan, tree_attempt *attempt)
{
    const vl_tree *tree = plan->tree;
    vl_page_ref fresh = {0};
    vl_tree_pair pair;
    vl_change change;
    velo_status st;

    *attempt = TREE_WAIT;
    vl_change_begin(tree->cache, &change);
    st = vl_change_new_page(ctx, &change, &fresh);
    while (st == VELO_OK && (*attempt == TREE_WAIT || *attempt == TREE_HELP)) {
        st = vl_tree_find_pair(ctx, tree, plan->target, plan->level, &pair);
        if (st != VELO_OK)
            break;
        *attempt = tree_split_pair(plan, &change, &pair, &fresh);
        vl_tree_release_pair(tree, &pair); /* keeps T7 */
        if (*attempt == TREE_WAIT) {
            st = vl_change_wait(ctx, &change);
        } else if (*attempt == TREE_HELP) {
            plan->tries++;
            st = tree->ops->help_split(ctx, plan);
        }
    }
    vl_cache_release_exclusive(tree->cache, &fresh);
    vl_change_end(&change);
    if (st == VELO_OK && *attempt == TREE_TOO_HIGH)
        st = vl_tree_damaged(ctx, tree, tree->root, "the tree is too high");
    return st;
}

velo_status
vl_tree_split(vl_ctx *ctx, vl_tree_split_plan *plan)
{
    tree_attempt attempt;

    plan->level = plan->bottom;
    for (;;) {
        VL_TRY(tree_split_level(ctx, plan, &attempt));
        if (attempt == TREE_NO_ROOM)
            plan->level++;
        else if (attempt == TREE_DONE && plan->level == plan->bottom)
            return VELO_OK;
        else if (attempt == TREE_DONE)
            plan->level = plan->bottom; /* keeps T6 */
    }
}

velo_status
vl_tree_grow(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, uint32_t level)
{
    vl_tree_split_plan plan = {.tree = tree, .work = work, .level = level};
    tree_attempt attempt = TREE_WAIT;
    vl_page_ref fresh = {0};
    vl_change change;
    velo_status st;

    vl_change_begin(tree->cache, &change);
    st = vl_change_new_page(ctx, &change, &fresh);
    while (st == VELO_OK && attempt == TREE_WAIT) {
        vl_tree_pair root = {.step.range = {INT64_MIN, INT64_MAX}};

        attempt = TREE_DONE;
        if (!vl_cache_exclusive(tree->cache, tree->root, &root.node)) {
            attempt = TREE_WAIT;
            st = vl_cache_load(ctx, tree->cache, tree->root);
            continue;
        }
        if (vl_tree_is_node(tree, root.node.page, tree->root, level))
            attempt = tree_grow(&plan, &change, &root, &fresh);
        vl_cache_release_exclusive(tree->cache, &root.node);
        if (attempt == TREE_WAIT)
            st = vl_change_wait(ctx, &change);
    }
    vl_cache_release_exclusive(tree->cache, &fresh);
    vl_change_end(&change);
    if (st == VELO_OK && attempt == TREE_TOO_HIGH)
        st = vl_tree_damaged(ctx, tree, tree->root, "the tree is too high");
    return st;
}
