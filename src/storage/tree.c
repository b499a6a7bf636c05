/* tree.c - trees as such: handles, creation, scratch memory.
 *
 * Small things that the other tree_ files share. */
#include "storage/tree.h"

#include "base/alloc.h"
#include "storage/tree_int.h"

#include <inttypes.h>
#include <string.h>

void
vl_tree_init(vl_tree *tree, const vl_tree_ops *ops, vl_cache *cache, vl_tree_id id, vl_pid root)
{
    memset(tree, 0, sizeof *tree);
    tree->ops = ops;
    tree->cache = cache;
    tree->id = id;
    tree->root = root;
    tree->page_size = vl_cache_page_size(cache);
    tree->max_children = VL_BY_BUILD(UINT32_MAX, 6U);
}

velo_status
vl_tree_create(vl_ctx *ctx, const vl_tree_ops *ops, vl_cache *cache, vl_tree_id id,
               const vl_tree_log *log, vl_tree *tree)
{
    vl_page_ref ref = {0};
    vl_change change;
    velo_status st;

    memset(tree, 0, sizeof *tree);
    vl_change_begin(cache, &change);
    st = vl_change_new_page(ctx, &change, &ref);
    while (st == VELO_OK && !vl_change_enter(&change))
        st = vl_change_wait(ctx, &change);
    if (st == VELO_OK) {
        vl_tree_init(tree, ops, cache, id, ref.pid);
        if (log != NULL)
            log->append(log->argument);
        ops->init_root(ref.page, tree->page_size, ref.pid, id);
        vl_change_leave(&change);
    }
    vl_cache_release_exclusive(cache, &ref);
    vl_change_end(&change);
    return st;
}

velo_status
vl_tree_work_create(vl_ctx *ctx, uint32_t page_size, vl_tree_work **out)
{
    vl_tree_work *work = vl_alloc(ctx, sizeof *work);
    uint8_t *pages;

    *out = NULL;
    if (work == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate scratch memory for trees");
    memset(work, 0, offsetof(vl_tree_work, postponed)); /* the list behind it is long, and empty */
    pages = vl_alloc_aligned(ctx, (size_t)page_size * VL_TREE_WORK_PAGES, VL_CACHE_LINE_SIZE);
    if (pages == NULL) {
        vl_tree_work_destroy(work);
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate scratch memory for trees");
    }
    work->page_size = page_size;
    for (uint32_t i = 0; i < VL_TREE_WORK_PAGES; i++)
        work->pages[i] = pages + (size_t)i * page_size;
    *out = work;
    return VELO_OK;
}

void
vl_tree_work_destroy(vl_tree_work *work)
{
    if (work == NULL)
        return;
    vl_free(work->pages[0]);
    vl_free(work->builder);
    vl_free(work->scratch);
    vl_free(work);
}

uint32_t
vl_tree_level(const void *page)
{
    const vl_page_header *header = page;

    return vl_racy_load8(&header->level);
}

int
vl_tree_is_node(const vl_tree *tree, const void *page, vl_pid pid, uint32_t level)
{
    const vl_page_header *header = page;
    vl_page_kind kind = level > 0 ? tree->ops->inner_kind : tree->ops->leaf_kind;

    return vl_racy_load8(&header->kind) == kind && vl_racy_load8(&header->level) == level &&
           vl_racy_load64(&header->pid) == pid && vl_racy_load64(&header->tree) == tree->id &&
           level <= VL_NODE_MAX_LEVEL;
}

velo_status
vl_tree_damaged(vl_ctx *ctx, const vl_tree *tree, vl_pid pid, const char *what)
{
    return vl_fail(ctx, VELO_CORRUPT, "page %" PRIu32 " of tree %" PRIu64 ": %s", pid, tree->id,
                   what);
}
