/* tree_verify.c - checking a whole tree.
 *
 * Pages are copied one at a time, so that no latch is held while another page is read, or while the
 * caller is told of faults.
 *
 * Invariants
 *  T11  Only below a node without a fault the walk goes on: its range is then just what its parent
 *       says, so no inner node is visited twice, whatever the pages refer to. */
#include "base/alloc.h"
#include "storage/tree_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* One walk. */
typedef struct tree_check {
    vl_ctx *ctx;                            /* the caller's */
    const vl_tree *tree;                    /* what is checked */
    const vl_tree_verify_options *options;  /* whom to tell */
    vl_tree_report *report;                 /* what was found */
    uint8_t *copies[VL_NODE_MAX_LEVEL + 1]; /* a page of each level, NULL where not needed yet */
    char first[256];                        /* the first fault */
} tree_check;

static void
tree_note_fault(tree_check *check, vl_pid pid, const char *text)
{
    if (check->report->fault_count++ == 0)
        (void)snprintf(check->first, sizeof check->first, "page %" PRIu32 ": %s", pid, text);
    if (check->options->fault != NULL)
        check->options->fault(check->options->argument, pid, text);
}

/* Copy a page to the buffer of its level. *copy NULL: it is damaged, which has been noted. */
static velo_status
tree_copy_page(tree_check *check, vl_pid pid, uint32_t level, uint8_t **copy)
{
    const vl_tree *tree = check->tree;
    vl_page_ref ref;
    velo_status st;

    *copy = NULL;
    if (check->copies[level] == NULL)
        check->copies[level] = vl_alloc_aligned(check->ctx, tree->page_size, VL_CACHE_LINE_SIZE);
    if (check->copies[level] == NULL)
        return vl_fail(check->ctx, VELO_NOMEM, "cannot allocate memory to check a tree");
    while (!vl_cache_shared(tree->cache, pid, &ref)) {
        st = vl_cache_load(check->ctx, tree->cache, pid);
        if (st == VELO_CORRUPT)
            tree_note_fault(check, pid, check->ctx->error.text);
        if (st != VELO_OK)
            return st == VELO_CORRUPT ? VELO_OK : st;
    }
    memcpy(check->copies[level], ref.page, tree->page_size);
    vl_cache_release_shared(tree->cache, &ref);
    *copy = check->copies[level];
    return VELO_OK;
}

/* Check a page that has been copied: 1 when the walk may go on below it. */
static int
tree_check_copy(tree_check *check, const uint8_t *copy, vl_pid pid, uint32_t level,
                const uint8_t *parent, uint32_t index)
{
    const vl_tree *tree = check->tree;
    const char *text = NULL;

    if (check->options->visit != NULL)
        check->options->visit(check->options->argument, pid);
    if (!vl_tree_is_node(tree, copy, pid, level))
        text = "is not the node that belongs there";
    else if (tree->ops->check(check->ctx, copy, tree->page_size) != VELO_OK)
        text = check->ctx->error.text;
    else
        text = tree->ops->fault(copy, tree->page_size, parent, index);
    if (text == NULL)
        return 1;
    tree_note_fault(check, pid, text);
    return 0;
}

static void
tree_take_fault(void *argument, vl_pid pid, const char *text)
{
    tree_note_fault(argument, pid, text);
}

static void
tree_take_visit(void *argument, vl_pid pid)
{
    const tree_check *check = argument;

    if (check->options->visit != NULL)
        check->options->visit(check->options->argument, pid);
}

/* Check what the entries of a leaf refer to. */
static velo_status
tree_check_values(tree_check *check, const uint8_t *copy)
{
    vl_tree_verify_options options = {tree_take_fault, tree_take_visit, check};

    if (check->tree->ops->check_values == NULL)
        return VELO_OK;
    return check->tree->ops->check_values(check->ctx, check->tree, copy, &options);
}

/* Check a node and all below it: so deep as the levels are, which fall. */
static velo_status
tree_check_node(tree_check *check, vl_pid pid, uint32_t level, const uint8_t *parent,
                uint32_t index)
{
    const vl_tree *tree = check->tree;
    uint8_t *copy;
    uint32_t count;

    VL_TRY(tree_copy_page(check, pid, level, &copy));
    if (copy == NULL || !tree_check_copy(check, copy, pid, level, parent, index)) /* keeps T11 */
        return VELO_OK;
    if (level == 0) {
        check->report->leaf_count++;
        check->report->entry_count += tree->ops->entry_count(copy);
        return tree_check_values(check, copy);
    }
    check->report->inner_count++;
    count = tree->ops->child_count(copy, tree->page_size);
    for (uint32_t i = 0; i < count; i++)
        VL_TRY(
            tree_check_node(check, tree->ops->child(copy, tree->page_size, i), level - 1, copy, i));
    return VELO_OK;
}

velo_status
vl_tree_verify(vl_ctx *ctx, const vl_tree *tree, const vl_tree_verify_options *options,
               vl_tree_report *report)
{
    tree_check check = {.ctx = ctx, .tree = tree, .options = options, .report = report};
    uint8_t *copy;
    uint32_t level = 0;
    velo_status st;

    memset(report, 0, sizeof *report);
    st = tree_copy_page(&check, tree->root, 0, &copy);
    if (st == VELO_OK && copy != NULL) {
        level = vl_tree_level(copy);
        report->height = level + 1;
        if (level > VL_NODE_MAX_LEVEL)
            tree_note_fault(&check, tree->root, "impossible level");
        else
            st = tree_check_node(&check, tree->root, level, NULL, 0);
    }
    for (uint32_t i = 0; i <= VL_NODE_MAX_LEVEL; i++)
        vl_free(check.copies[i]);
    if (st == VELO_OK && report->fault_count > 0)
        st = vl_fail(ctx, VELO_CORRUPT, "tree %" PRIu64 " has %" PRIu64 " faults, the first: %s",
                     tree->id, report->fault_count, check.first);
    return st;
}
