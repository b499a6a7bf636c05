/* tree_join.c - under-full nodes: merging, balancing, a lower root.
 *
 * Each step is a write section of its own, with two siblings and their parent. Invariants T5 and T7
 * of tree_split.c hold here as well.
 *
 * Invariants
 *   T8  Of a parent's children two neighbours are latched, the left one first. */
#include "storage/tree_int.h"

#include <string.h>

/* How an attempt to join ended. */
typedef enum tree_join_end {
    TREE_JOINED,     /* two nodes were joined: the parent may be under-full now */
    TREE_UNJOINED,   /* nothing was to be done */
    TREE_UNFIT,      /* these two cannot be joined, or not to their good */
    TREE_ONLY_CHILD, /* the node has no sibling: its parent is to be joined first */
    TREE_LOWERED,    /* the root took over its only child's content */
    TREE_JOIN_WAIT,  /* the cache has to make ready first */
    TREE_JOIN_HELP,  /* the plan needs help */
    TREE_JOIN_TIE,   /* the rest of a separator must be compared */
    TREE_JOIN_LOAD   /* a page is absent */
} tree_join_end;

/* Most joins, and attempts, of one call: what is left then waits for the next one. */
#define TREE_JOIN_STEPS_MAX (4 * VL_NODE_MAX_LEVEL)

/* The pages of one attempt. */
typedef struct tree_family {
    vl_page_ref parent; /* latched exclusively, with what follows */
    vl_page_ref left;   /* the left one of two siblings, or the only child */
    vl_page_ref right;  /* the right one */
    vl_pid absent;      /* LOAD: which page */
    vl_tree_step step;  /* TIE: what must be compared */
} tree_family;

static void
tree_release_family(const vl_tree *tree, tree_family *family)
{
    vl_cache_release_exclusive(tree->cache, &family->right);
    vl_cache_release_exclusive(tree->cache, &family->left);
    vl_cache_release_exclusive(tree->cache, &family->parent);
}

/* Latch a child of the latched parent. A page that is not what it should be is left for the next
 * descent to find: vl_cache_load says nothing of it. */
static int
tree_latch_child(const vl_tree *tree, tree_family *family, uint32_t index, uint32_t level,
                 vl_page_ref *ref)
{
    vl_pid pid = tree->ops->child(family->parent.page, tree->page_size, index);

    family->absent = 0;
    if (!vl_cache_exclusive(tree->cache, pid, ref)) {
        family->absent = pid;
        return 0;
    }
    return vl_tree_is_node(tree, ref->page, pid, level);
}

/* The root has one child: take over its content. */
static tree_join_end
tree_lower(vl_tree_join_plan *plan, vl_change *change, tree_family *family)
{
    const vl_tree *tree = plan->tree;
    vl_rowid_range all = {INT64_MIN, INT64_MAX};
    vl_page_header *root = family->parent.page;

    if (!tree_latch_child(tree, family, 0, plan->level, &family->left))
        return family->absent != 0 ? TREE_JOIN_LOAD : TREE_UNJOINED;
    if (!vl_change_prepare(change, &family->parent) ||
        !vl_change_prepare_free(change, &family->left) || !vl_change_enter(change))
        return TREE_JOIN_WAIT;
    memcpy(root, family->left.page, tree->page_size);
    root->pid = tree->root;
    if (plan->level == 0)
        vl_tree_tell_moved(tree, &family->left, &family->parent, all);
    vl_change_leave(change);
    return TREE_LOWERED;
}

/* Tell of a leaf's entries that have moved. */
static void
tree_tell_joined(const vl_tree_join_plan *plan, const tree_family *family)
{
    if (plan->level > 0)
        return;
    if (!plan->is_merge)
        vl_tree_tell_moved(plan->tree, &family->left, &family->right, plan->right_range);
    vl_tree_tell_moved(plan->tree, &family->right, &family->left, plan->left_range);
}

/* Join the latched siblings. */
static tree_join_end
tree_join_siblings(vl_tree_join_plan *plan, vl_change *change, tree_family *family)
{
    const vl_tree *tree = plan->tree;

    if (!tree->ops->is_underfull(tree, family->left.page) &&
        !tree->ops->is_underfull(tree, family->right.page))
        return TREE_UNJOINED;
    plan->parent = family->parent.page;
    plan->left = family->left.page;
    plan->right = family->right.page;
    plan->left_pid = family->left.pid;
    plan->right_pid = family->right.pid;
    switch (tree->ops->plan_join(plan)) {
    case VL_TREE_GO:
        break;
    case VL_TREE_NEEDLESS:
        return TREE_UNFIT;
    case VL_TREE_HELP:
        return TREE_JOIN_HELP;
    }
    if (!vl_change_prepare(change, &family->parent) || !vl_change_prepare(change, &family->left) ||
        !(plan->is_merge ? vl_change_prepare_free(change, &family->right)
                         : vl_change_prepare(change, &family->right)) ||
        !vl_change_enter(change))
        return TREE_JOIN_WAIT;
    tree->ops->join(plan);
    tree_tell_joined(plan, family);
    vl_change_leave(change);
    return TREE_JOINED;
}

/* Latch the node of the target and a sibling, below the latched parent, and join them: the right
 * sibling, or the left one where it is the last, or when that is asked for. */
static tree_join_end
tree_join_children(vl_tree_join_plan *plan, vl_change *change, tree_family *family, int is_leftward)
{
    const vl_tree *tree = plan->tree;
    uint32_t count = tree->ops->child_count(family->parent.page, tree->page_size);
    vl_tree_step *step = &family->step;

    if (count == 1 && family->parent.pid == tree->root)
        return tree_lower(plan, change, family);
    if (count == 1)
        return TREE_ONLY_CHILD;
    switch (tree->ops->search(family->parent.page, tree->page_size, plan->target, step)) {
    case VL_NODE_DONE:
        break;
    case VL_NODE_TIE:
        return TREE_JOIN_TIE;
    case VL_NODE_FOUND:
    case VL_NODE_ABSENT:
    case VL_NODE_FULL:
        return TREE_UNJOINED;
    }
    if (is_leftward && (step->index == 0 || step->index + 1 == count))
        return TREE_UNJOINED; /* there is no left one, or it has been tried */
    plan->index = step->index + 1 < count && !is_leftward ? step->index : step->index - 1;
    if (!tree_latch_child(tree, family, plan->index, plan->level, &family->left) ||
        !tree_latch_child(tree, family, plan->index + 1, plan->level, &family->right))
        return family->absent != 0 ? TREE_JOIN_LOAD : TREE_UNJOINED;
    return tree_join_siblings(plan, change, family);
}

/* Join the node of plan->level that the target belongs to. *is_root: its parent is the root. */
static velo_status
tree_join_level(vl_ctx *ctx, vl_tree_join_plan *plan, int is_leftward, tree_join_end *end,
                int *is_root)
{
    const vl_tree *tree = plan->tree;
    vl_tree_search search = {
        .target = plan->target, .level = plan->level + 1, .mode = VL_TREE_EXCLUSIVE};
    tree_family family;
    vl_tree_spot spot;
    vl_change change;
    velo_status st = VELO_OK;

    plan->tries = 0;
    plan->is_planned = 0;
    *end = TREE_JOIN_WAIT;
    vl_change_begin(tree->cache, &change);
    while (*end >= TREE_JOIN_WAIT && st == VELO_OK) {
        memset(&family, 0, sizeof family);
        st = vl_tree_find(ctx, tree, &search, &spot);
        if (st != VELO_OK)
            break;
        family.parent = spot.ref;
        *is_root = spot.ref.pid == tree->root;
        *end = TREE_UNJOINED;
        if (spot.ref.page != NULL)
            *end = tree_join_children(plan, &change, &family, is_leftward);
        tree_release_family(tree, &family);
        if (*end == TREE_JOIN_WAIT) {
            st = vl_change_wait(ctx, &change);
        } else if (*end == TREE_JOIN_LOAD) {
            st = vl_cache_load(ctx, tree->cache, family.absent);
        } else if (*end == TREE_JOIN_HELP) {
            plan->tries++;
            st = tree->ops->help_join(ctx, plan);
        } else if (*end == TREE_JOIN_TIE) {
            st = tree->ops->resolve(ctx, tree, plan->target, &family.step);
        }
    }
    vl_change_end(&change);
    return st;
}

velo_status
vl_tree_join(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, vl_tree_target *target,
             const void *context)
{
    vl_tree_join_plan plan = {.tree = tree, .work = work, .target = target, .context = context};
    int has_waited = 0;  /* a node below is to be joined once this one has more children */
    int has_merged = 0;  /* the parents of this level may be under-full now */
    int is_leftward = 0; /* the right sibling was unfit */
    int is_root = 0;
    tree_join_end end;

    for (uint32_t step = 0; step < TREE_JOIN_STEPS_MAX; step++) {
        VL_TRY(tree_join_level(ctx, &plan, is_leftward, &end, &is_root));
        if (end == TREE_UNFIT && !is_leftward) {
            is_leftward = 1;
            continue;
        }
        is_leftward = 0;
        if (end == TREE_LOWERED && plan.level > 0) {
            plan.level--; /* the root may have one child again */
        } else if (end == TREE_ONLY_CHILD) {
            has_waited = 1;
            plan.level++;
        } else if (end == TREE_JOINED && has_waited) {
            has_waited = 0;
            has_merged = 1;
            plan.level = 0;
        } else if (end == TREE_JOINED && plan.is_merge) {
            has_merged = 1; /* the same level: it may still be under-full */
        } else if (has_merged && !is_root && end != TREE_LOWERED) {
            has_merged = 0;
            plan.level++;
        } else {
            return VELO_OK;
        }
    }
    return VELO_OK;
}
