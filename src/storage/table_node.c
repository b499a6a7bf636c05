/* table_node.c - what table trees do their own way: nodes of rowids, splits and joins.
 *
 * Leaves are built anew when they are split or joined, from a copy and without the latches, since
 * that takes tens of microseconds; under the latches it is only made sure that they are still what
 * the copy was.
 *
 * Invariants
 *   N1  A leaf's present slots lie in the range that its parent says. Gaps may lie outside.
 *   N2  What is put in place of a leaf, or of two, was built from bytes equal to theirs, and holds
 *       the same rows. A page behind all rows of a leaf is empty, and the leaf stays. */
#include "storage/table_int.h"

#include <inttypes.h>
#include <string.h>

/* ---- nodes ---- */

static void
table_init_root(void *page, uint32_t page_size, vl_pid pid, vl_tree_id tree)
{
    vl_leaf_init(page, page_size, pid, tree);
}

static vl_node_result
table_search(const void *page, uint32_t page_size, const vl_tree_target *target, vl_tree_step *step)
{
    vl_rowid_range own = vl_node_rowid_range(page);

    if (target->rowid < own.first || target->rowid > own.last)
        return VL_NODE_ABSENT;
    step->index = vl_node_rowid_search(page, page_size, target->rowid);
    step->child = vl_node_rowid_child(page, page_size, step->index);
    step->range = vl_node_rowid_child_range(page, page_size, step->index);
    return VL_NODE_DONE;
}

/* ---- splitting ---- */

int
vl_table_is_same(const void *page, const vl_leaf *copy, uint32_t page_size)
{
    const uint8_t *a = page;
    const uint8_t *b = (const void *)copy;
    size_t pid_at = offsetof(vl_leaf, pid);
    size_t behind = pid_at + sizeof copy->pid;

    return memcmp(a, b, pid_at) == 0 && memcmp(a + behind, b + behind, page_size - behind) == 0;
}

void
vl_table_put(void *page, vl_pid pid, const vl_leaf *from, uint32_t page_size)
{
    vl_leaf *leaf = page;

    memcpy(leaf, from, page_size);
    leaf->pid = pid;
}

int
vl_table_has_row_from(const vl_leaf *leaf, int64_t rowid)
{
    for (uint32_t rank = vl_leaf_seek(leaf, rowid); rank < leaf->count; rank++)
        if (vl_leaf_slot_state(leaf, vl_leaf_slot_at(leaf, rank)) != VL_LEAF_GAP)
            return 1;
    return 0;
}

/* Whether an inner node can take as many children as are wanted. */
static int
table_has_room_for(const vl_tree_split_plan *plan, const void *page)
{
    uint32_t page_size = plan->tree->page_size;
    uint32_t wanted = plan->wanted > 0 ? plan->wanted : 1;

    return vl_node_rowid_count(page, page_size) + wanted <= vl_table_max_children(plan->tree);
}

static vl_tree_verdict
table_plan_split(vl_tree_split_plan *plan)
{
    uint32_t page_size = plan->tree->page_size;
    const vl_table_cut *cut = plan->incoming;

    if (plan->level == 0) /* keeps N2; else the caller sees what the leaf has become */
        return vl_table_is_same(plan->page, vl_table_buffer(plan->work, VL_TABLE_COPY),
                                cut->same_size) &&
                       !(cut->is_behind && vl_table_has_row_from(plan->page, cut->separator))
                   ? VL_TREE_GO
                   : VL_TREE_NEEDLESS;
    if (table_has_room_for(plan, plan->page))
        return VL_TREE_NEEDLESS;
    plan->u.keep = vl_node_rowid_split_point(
        plan->page, page_size, vl_node_rowid_search(plan->page, page_size, plan->target->rowid));
    return VL_TREE_GO;
}

static int
table_has_room(vl_tree_split_plan *plan)
{
    return table_has_room_for(plan, plan->parent);
}

static void
table_split(vl_tree_split_plan *plan)
{
    const vl_table_cut *cut = plan->incoming;
    uint32_t page_size = plan->tree->page_size;
    vl_node_result result;
    int64_t separator;

    if (plan->level > 0) {
        separator =
            vl_node_rowid_split(plan->page, plan->right, page_size, plan->right_pid, plan->u.keep);
    } else {
        separator = cut->separator;
        if (!cut->is_behind)
            vl_table_put(plan->page, plan->pid, vl_table_buffer(plan->work, VL_TABLE_LEFT),
                         page_size);
        vl_table_put(plan->right, plan->right_pid, vl_table_buffer(plan->work, VL_TABLE_RIGHT),
                     page_size);
        plan->moved.first = separator;
    }
    result = vl_node_rowid_insert(plan->parent, page_size, plan->index, separator, plan->right_pid);
    VL_CHECK(result == VL_NODE_DONE); /* has_room said so */
}

static void
table_grow(void *root, void *child, vl_tree_work *work, uint32_t page_size, vl_pid child_pid)
{
    vl_rowid_range all = {INT64_MIN, INT64_MAX};

    (void)work;
    vl_node_rowid_grow(root, child, page_size, child_pid, all);
}

/* ---- joining ---- */

uint64_t
vl_table_leaf_used(const vl_leaf *leaf)
{
    uint64_t fixed = sizeof *leaf + leaf->column_count * sizeof(vl_leaf_column);
    uint64_t rows = leaf->count - leaf->gap_count;

    if (leaf->capacity == 0)
        return fixed;
    return fixed + (leaf->fixed_end - fixed) * rows / leaf->capacity + leaf->heap_used -
           leaf->heap_dead;
}

static int
table_is_underfull(const vl_tree *tree, const void *page)
{
    uint32_t page_size = tree->page_size;
    const vl_leaf *leaf = page;

    if (vl_tree_level(page) > 0)
        return vl_node_rowid_count(page, page_size) == 1 ||
               vl_node_rowid_count(page, page_size) < vl_table_max_children(tree) / 4;
    return leaf->count == leaf->gap_count || vl_table_leaf_used(leaf) < page_size / 4;
}

/* Inner nodes: merge what leaves some room, else halve. */
static vl_tree_verdict
table_plan_inner_join(vl_tree_join_plan *plan)
{
    uint32_t page_size = plan->tree->page_size;
    uint32_t left = vl_node_rowid_count(plan->left, page_size);
    uint32_t count = left + vl_node_rowid_count(plan->right, page_size);

    plan->is_merge = count <= vl_table_max_children(plan->tree) * 7 / 8;
    plan->u.left_count = count / 2;
    return plan->is_merge || plan->u.left_count != left ? VL_TREE_GO : VL_TREE_NEEDLESS;
}

int
vl_table_suits(const vl_leaf *leaf, const vl_leaf_schema *schema)
{
    int is_rows = (leaf->flags & VL_LEAF_ROWS) != 0;

    return leaf->count == leaf->gap_count || is_rows == (schema->is_rows != 0);
}

static vl_tree_verdict
table_plan_join(vl_tree_join_plan *plan)
{
    uint32_t page_size = plan->tree->page_size;
    vl_leaf *left_copy = vl_table_buffer(plan->work, VL_TABLE_COPY);
    vl_leaf *right_copy = vl_table_buffer(plan->work, VL_TABLE_COPY_2);

    if (plan->level > 0)
        return table_plan_inner_join(plan);
    if (plan->tries > 0 && !plan->is_planned)
        return VL_TREE_NEEDLESS;
    if (plan->tries > 0 && vl_table_is_same(plan->left, left_copy, page_size) &&
        vl_table_is_same(plan->right, right_copy, page_size))
        return VL_TREE_GO; /* keeps N2 */
    if (plan->tries >= VL_TABLE_JOIN_TRIES || !vl_table_suits(plan->left, plan->context) ||
        !vl_table_suits(plan->right, plan->context))
        return VL_TREE_NEEDLESS;
    memcpy(left_copy, plan->left, page_size);
    memcpy(right_copy, plan->right, page_size);
    return VL_TREE_HELP;
}

/* Build one leaf of both, or two that are as full as each other. */
static velo_status
table_help_join(vl_ctx *ctx, vl_tree_join_plan *plan)
{
    const vl_tree *tree = plan->tree;
    const vl_leaf_schema *schema = plan->context;
    vl_tree_work *work = plan->work;
    vl_leaf_build build = {.page_size = tree->page_size, .layout = VL_LEAF_SPLIT};
    vl_leaf_builder *builder;

    VL_TRY(vl_table_reserve(ctx, work, schema->count, 0));
    build.schema = schema;
    build.leaf = vl_table_buffer(work, VL_TABLE_COPY);
    build.right = vl_table_buffer(work, VL_TABLE_COPY_2);
    builder = vl_leaf_build_begin(work->builder, &build);
    (void)vl_leaf_build_next(builder, vl_table_buffer(work, VL_TABLE_LEFT), tree->root, tree->id);
    plan->is_planned = 1;
    plan->is_merge = vl_leaf_build_remaining(builder) == 0;
    if (plan->is_merge)
        return VELO_OK;
    plan->u.separator = vl_leaf_build_next_rowid(builder);
    (void)vl_leaf_build_next(builder, vl_table_buffer(work, VL_TABLE_RIGHT), tree->root, tree->id);
    /* Rows that defaults of new columns make too long, or three pages: leave it. */
    plan->is_planned = vl_leaf_build_remaining(builder) == 0;
    return VELO_OK;
}

static void
table_join(vl_tree_join_plan *plan)
{
    uint32_t page_size = plan->tree->page_size;
    int64_t separator = plan->u.separator;
    vl_node_result result;

    if (plan->level == 0) {
        vl_table_put(plan->left, plan->left_pid, vl_table_buffer(plan->work, VL_TABLE_LEFT),
                     page_size);
        if (!plan->is_merge)
            vl_table_put(plan->right, plan->right_pid, vl_table_buffer(plan->work, VL_TABLE_RIGHT),
                         page_size);
    } else if (plan->is_merge) {
        result = vl_node_rowid_merge(plan->left, plan->right, page_size);
        VL_CHECK(result == VL_NODE_DONE); /* planned so */
    } else {
        separator = vl_node_rowid_balance(plan->left, plan->right, page_size, plan->u.left_count);
    }
    if (plan->is_merge)
        vl_node_rowid_remove(plan->parent, page_size, plan->index + 1);
    else
        vl_node_rowid_set_separator(plan->parent, page_size, plan->index, separator);
    plan->left_range = vl_node_rowid_child_range(plan->parent, page_size, plan->index);
    plan->right_range = vl_node_rowid_child_range(plan->parent, page_size, plan->index + 1);
}

/* ---- checking ---- */

static velo_status
table_check(vl_ctx *ctx, const void *page, uint32_t page_size)
{
    const vl_page_header *header = page;
    const char *fault;

    if (header->kind == VL_PAGE_TABLE_LEAF)
        return vl_leaf_validate(ctx, page, page_size);
    fault = vl_node_rowid_fault(page, page_size);
    if (fault == NULL)
        return VELO_OK;
    return vl_fail(ctx, VELO_CORRUPT, "page %" PRIu64 ": %s", header->pid, fault);
}

static const char *
table_leaf_fault(const vl_leaf *leaf, vl_rowid_range range)
{
    for (uint32_t slot = 0; slot < leaf->count; slot++) {
        int64_t rowid = vl_leaf_rowid(leaf, slot);

        if (vl_leaf_slot_state(leaf, slot) != VL_LEAF_GAP &&
            (rowid < range.first || rowid > range.last))
            return "a row lies outside of its leaf's range"; /* N1 */
    }
    return NULL;
}

static const char *
table_fault(const void *page, uint32_t page_size, const void *parent, uint32_t index)
{
    vl_rowid_range range = {INT64_MIN, INT64_MAX};
    vl_rowid_range own;

    if (parent != NULL)
        range = vl_node_rowid_child_range(parent, page_size, index);
    if (vl_tree_level(page) == 0)
        return table_leaf_fault(page, range);
    own = vl_node_rowid_range(page);
    if (own.first != range.first || own.last != range.last)
        return "the node's range is not what its parent says";
    return NULL;
}

static uint64_t
table_entry_count(const void *page)
{
    const vl_leaf *leaf = page;

    return leaf->count - leaf->gap_count;
}

const vl_tree_ops vl_table_ops = {
    .leaf_kind = VL_PAGE_TABLE_LEAF,
    .inner_kind = VL_PAGE_TABLE_INNER,
    .init_root = table_init_root,
    .search = table_search,
    .child_count = vl_node_rowid_count,
    .child = vl_node_rowid_child,
    .plan_split = table_plan_split,
    .has_room = table_has_room,
    .split = table_split,
    .grow = table_grow,
    .is_underfull = table_is_underfull,
    .plan_join = table_plan_join,
    .help_join = table_help_join,
    .join = table_join,
    .remove_child = vl_node_rowid_remove,
    .set_child = vl_node_rowid_set_child,
    .drop_values = vl_table_drop_values,
    .check = table_check,
    .fault = table_fault,
    .check_values = vl_table_check_values,
    .entry_count = table_entry_count,
};
