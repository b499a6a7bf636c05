/* tree_drop.c - returning the pages of a tree that nobody uses any more.
 *
 * Pages go from the right edge, one with each write section.
 *
 * Invariants
 *   T9  After every section all pages that are left hang on the root: whoever goes on, after a
 *       crash too, finds them by the tree's directory entry alone.
 *  T10  A page that goes is referred to by nobody: its parent has forgotten it in the same section,
 *       and its only child, if it had one, has taken its place. So levels may be missing in what is
 *       left; they still fall from parent to child. */
#include "storage/tree_int.h"

#include <string.h>

/* What hangs on the right edge. */
typedef struct tree_edge {
    vl_pid parent; /* 0: the node is the root */
    vl_pid node;   /* a leaf, or the first node on the way down that has one child */
    vl_pid child;  /* that child; 0: the node is a leaf */
} tree_edge;

/* Latch a page, shared or exclusively, whatever that takes, and check that it may stand below
 * `level`. */
static velo_status
tree_edge_latch(vl_ctx *ctx, const vl_tree *tree, vl_pid pid, uint32_t level, int is_exclusive,
                vl_page_ref *ref)
{
    while (!(is_exclusive ? vl_cache_exclusive(tree->cache, pid, ref)
                          : vl_cache_shared(tree->cache, pid, ref)))
        VL_TRY(vl_cache_load(ctx, tree->cache, pid));
    if (vl_tree_level(ref->page) < level &&
        vl_tree_is_node(tree, ref->page, pid, vl_tree_level(ref->page)))
        return VELO_OK;
    if (is_exclusive)
        vl_cache_release_exclusive(tree->cache, ref);
    else
        vl_cache_release_shared(tree->cache, ref);
    return vl_tree_damaged(ctx, tree, pid, "is not the node that belongs there");
}

/* Go down the right edge to what is to go next. */
static velo_status
tree_edge_find(vl_ctx *ctx, const vl_tree *tree, tree_edge *edge)
{
    uint32_t above = VL_NODE_MAX_LEVEL + 1;

    memset(edge, 0, sizeof *edge);
    edge->node = tree->root;
    for (;;) {
        vl_page_ref ref;
        uint32_t count = 0;

        VL_TRY(tree_edge_latch(ctx, tree, edge->node, above, 0, &ref));
        above = vl_tree_level(ref.page);
        edge->child = 0;
        if (above > 0) {
            count = tree->ops->child_count(ref.page, tree->page_size);
            edge->child = tree->ops->child(ref.page, tree->page_size, count - 1);
        }
        vl_cache_release_shared(tree->cache, &ref);
        if (count < 2)
            return VELO_OK;
        edge->parent = edge->node;
        edge->node = edge->child;
    }
}

/* Make the keeper forget the page that goes. */
static void
tree_edge_forget(const vl_tree *tree, const tree_edge *edge, const vl_page_ref *keeper,
                 const vl_page_ref *gone)
{
    uint32_t count = tree->ops->child_count(keeper->page, tree->page_size);

    if (edge->child == 0) { /* a leaf, and not the only one of its parent */
        tree->ops->remove_child(keeper->page, tree->page_size, count - 1);
    } else if (edge->parent == 0) { /* the root takes over its only child's content */
        memcpy(keeper->page, gone->page, tree->page_size);
        ((vl_page_header *)keeper->page)->pid = tree->root;
    } else { /* the only child takes its parent's place */
        tree->ops->set_child(keeper->page, tree->page_size, count - 1, edge->child);
    }
}

/* Latch keeper, if there is one, and the page that goes. *is_latched 0: a page had to be loaded,
 * and nothing is. */
static velo_status
tree_edge_latch_both(vl_ctx *ctx, const vl_tree *tree, vl_pid keeper, vl_page_ref *kept,
                     vl_pid goes, vl_page_ref *gone, int *is_latched)
{
    uint32_t level = VL_NODE_MAX_LEVEL + 1;

    *is_latched = 0;
    if (keeper != 0) {
        VL_TRY(tree_edge_latch(ctx, tree, keeper, level, 1, kept));
        level = vl_tree_level(kept->page);
    }
    if (!vl_cache_exclusive(tree->cache, goes, gone)) {
        vl_cache_release_exclusive(tree->cache, kept);
        return vl_cache_load(ctx, tree->cache, goes);
    }
    *is_latched = vl_tree_level(gone->page) < level &&
                  vl_tree_is_node(tree, gone->page, goes, vl_tree_level(gone->page));
    if (*is_latched)
        return VELO_OK;
    vl_cache_release_exclusive(tree->cache, gone);
    vl_cache_release_exclusive(tree->cache, kept);
    return vl_tree_damaged(ctx, tree, goes, "is not the node that belongs there");
}

/* Free a page, in a section in which the keeper, if there is one, forgets it. */
static velo_status
tree_edge_free(vl_ctx *ctx, const vl_tree *tree, const tree_edge *edge, vl_pid keeper, vl_pid goes,
               const vl_tree_log *log)
{
    vl_page_ref kept = {0};
    vl_page_ref gone = {0};
    vl_change change;
    velo_status st = VELO_OK;
    int is_latched = 0;
    int is_done = 0;

    vl_change_begin(tree->cache, &change);
    while (st == VELO_OK && !is_done) {
        st = tree_edge_latch_both(ctx, tree, keeper, &kept, goes, &gone, &is_latched);
        if (st != VELO_OK || !is_latched)
            continue;
        if ((keeper == 0 || vl_change_prepare(&change, &kept)) &&
            vl_change_prepare_free(&change, &gone) && vl_change_enter(&change)) {
            if (log != NULL)
                log->append(log->argument);
            if (keeper != 0)
                tree_edge_forget(tree, edge, &kept, &gone);
            vl_change_leave(&change);
            is_done = 1;
        }
        vl_cache_release_exclusive(tree->cache, &gone);
        vl_cache_release_exclusive(tree->cache, &kept);
        if (!is_done)
            st = vl_change_wait(ctx, &change);
    }
    vl_change_end(&change);
    return st;
}

/* Return one page, or some that the entries of a leaf or the separator before it refer to; the last
 * one, the root, only if `with_root`. *is_gone 1: there is no other one. */
static velo_status
tree_drop_step(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, const vl_tree_log *log,
               int with_root, uint32_t *budget, int *is_gone)
{
    tree_edge edge;
    int is_done = 1;

    VL_TRY(tree_edge_find(ctx, tree, &edge));
    if (edge.child != 0) { /* one child: keeps T10 */
        --*budget;
        if (edge.parent == 0)
            return tree_edge_free(ctx, tree, &edge, edge.node, edge.child, NULL);
        return tree_edge_free(ctx, tree, &edge, edge.parent, edge.node, NULL);
    }
    if (tree->ops->drop_values != NULL)
        VL_TRY(tree->ops->drop_values(ctx, tree, work, edge.node, budget, &is_done));
    if (tree->ops->drop_values != NULL && edge.parent != 0 && is_done)
        VL_TRY(tree->ops->drop_values(ctx, tree, work, edge.parent, budget, &is_done));
    if (!is_done || *budget == 0)
        return VELO_OK;
    *is_gone = edge.parent == 0;
    if (*is_gone && !with_root)
        return VELO_OK;
    --*budget;
    return tree_edge_free(ctx, tree, &edge, edge.parent, edge.node, *is_gone ? log : NULL);
}

velo_status
vl_tree_drop(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, uint32_t max_pages,
             const vl_tree_log *log, int *is_gone)
{
    velo_status st = VELO_OK;

    *is_gone = 0;
    while (st == VELO_OK && max_pages > 0 && !*is_gone)
        st = tree_drop_step(ctx, tree, work, log, 1, &max_pages, is_gone);
    *is_gone = *is_gone && st == VELO_OK;
    return st;
}

velo_status
vl_tree_drop_below_root(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, uint32_t max_pages,
                        int *is_bare)
{
    *is_bare = 0;
    while (max_pages > 0 && !*is_bare)
        VL_TRY(tree_drop_step(ctx, tree, work, NULL, 0, &max_pages, is_bare));
    return VELO_OK;
}
