/* tree_key_node.c - what key trees do their own way: nodes of keys, splits and joins.
 *
 * Invariants
 *   K4  Whether a node can be split, joined or take a separator is found out under its latch,
 *       before the write section begins.
 *   K5  A long separator has a rest of its own, which belongs to one entry of one inner node; the
 *       fences of the nodes beside it name the same. It is unlinked only by joining two leaves,
 *       which are all that is left then that named it. */
#include "base/alloc.h"
#include "storage/tree_key_int.h"

#include <inttypes.h>
#include <string.h>

/* ---- nodes ---- */

static void
key_node_init_root(void *page, uint32_t page_size, vl_pid pid, vl_tree_id tree)
{
    vl_node_id id = {pid, 0, tree};
    vl_node_key_fences fences = {vl_node_key_make("", 0), vl_node_key_make("", 0)};

    vl_node_key_init(page, page_size, id, 0, &fences);
}

static uint32_t
key_node_child_count(const void *page, uint32_t page_size)
{
    return vl_node_key_count(page, page_size) + 1;
}

static vl_node_result
key_node_search(const void *page, uint32_t page_size, const vl_tree_target *target,
                vl_tree_step *step)
{
    vl_node_key_ties ties = vl_tree_key_notes(target);
    vl_node_key_place place;

    if (target->where == VL_TREE_END) {
        step->index = vl_node_key_count(page, page_size);
        step->child = vl_node_key_child(page, page_size, step->index);
        return VL_NODE_DONE;
    }
    if (vl_node_key_find(page, page_size, target->key, &ties, &place) == VL_NODE_TIE) {
        step->tie_rest = place.tie_rest;
        step->tie_total = place.tie_total;
        return VL_NODE_TIE;
    }
    step->index = place.child;
    step->child = place.child_pid;
    if (target->where == VL_TREE_BELOW && place.index != place.child) { /* a separator is the key */
        step->index = place.index;
        step->child = vl_node_key_child(page, page_size, place.index);
    }
    return VL_NODE_DONE;
}

/* ---- splitting ---- */

/* Most bytes that the record of a separator takes: part, varint, descriptor of the rest. */
static uint32_t
key_node_separator_size(const vl_node_key *separator, uint32_t page_size)
{
    uint32_t part = separator->size;

    part = part < vl_node_key_part_max(page_size) ? part : vl_node_key_part_max(page_size);
    return part + 2 + 8;
}

/* Whether an inner node may have one more child, as far as its number of children goes. */
static int
key_node_may_grow(const vl_tree *tree, const void *page)
{
    return vl_node_key_count(page, tree->page_size) + 2 <= tree->max_children;
}

/* An inner node that had no room for a separator of plan->wanted bytes. */
static vl_tree_verdict
key_node_plan_inner(vl_tree_split_plan *plan)
{
    const vl_tree *tree = plan->tree;
    vl_node_result result;
    vl_tree_step step;

    if (vl_node_key_count(plan->page, tree->page_size) == 0 ||
        (vl_node_key_has_room(plan->page, tree->page_size, plan->wanted) &&
         key_node_may_grow(tree, plan->page)))
        return VL_TREE_NEEDLESS;
    result = key_node_search(plan->page, tree->page_size, plan->target, &step);
    if (result == VL_NODE_TIE) {
        vl_tree_key_incoming *incoming = plan->incoming;

        incoming->has_tie = 1;
        incoming->place.tie_rest = step.tie_rest;
        incoming->place.tie_total = step.tie_total;
        return VL_TREE_HELP;
    }
    result = vl_node_key_split_point(plan->page, tree->page_size, step.index, NULL,
                                     plan->work->pages[VL_TREE_KEY_SEPARATOR], &plan->u.key.cut);
    VL_CHECK(result == VL_NODE_DONE); /* inner nodes move a separator up that exists */
    return VL_TREE_GO;
}

/* What stands at position `index` of the leaf, or the incoming entry. */
static vl_tree_key_mark
key_node_mark(const vl_tree_split_plan *plan, uint32_t index)
{
    const vl_tree_key_incoming *incoming = plan->incoming;
    uint32_t page_size = plan->tree->page_size;
    vl_node_key key = incoming->entry->key;
    vl_tree_key_mark mark;

    if (index < vl_node_key_count(plan->page, page_size))
        key = vl_node_key_entry_at(plan->page, page_size, index, NULL).key;
    mark.rest = key.rest;
    mark.total_size = key.total_size;
    return mark;
}

static int
key_node_is_same_mark(vl_tree_key_mark a, vl_tree_key_mark b)
{
    return a.rest == b.rest && a.total_size == b.total_size;
}

/* The leaf can be cut at plan->u.key.cut.at only by a separator that is long: take the one that was
 * made for this place, or ask for it. The marks stay true while the target is pinned. */
static vl_tree_verdict
key_node_take_made(vl_tree_split_plan *plan, uint32_t index)
{
    vl_tree_key_incoming *incoming = plan->incoming;
    uint32_t page_size = plan->tree->page_size;
    uint32_t count = vl_node_key_count(plan->page, page_size);
    uint32_t at = plan->u.key.cut.at;
    uint8_t *part = plan->work->pages[VL_TREE_KEY_MADE];

    /* An edge cut stands in front of or behind the incoming entry. */
    incoming->left = key_node_mark(plan, at == 0 ? count : at - 1);
    incoming->right = key_node_mark(plan, at);
    if (incoming->made.total_size > 0 && plan->target->pin != 0 &&
        key_node_is_same_mark(incoming->left, incoming->made_left) &&
        key_node_is_same_mark(incoming->right, incoming->made_right)) {
        plan->u.key.cut.separator = incoming->made;
        return VL_TREE_GO;
    }
    (void)index;
    vl_tree_key_pin(plan->target);
    if (at < count)
        (void)vl_node_key_entry_at(plan->page, page_size, at, part);
    else
        memcpy(part, incoming->entry->key.data, vl_node_key_part_max(page_size));
    return VL_TREE_HELP;
}

static vl_tree_verdict
key_node_plan_leaf(vl_tree_split_plan *plan)
{
    vl_tree_key_incoming *incoming = plan->incoming;
    const vl_node_key_entry *entry = incoming->entry;
    uint32_t page_size = plan->tree->page_size;
    vl_node_key_ties ties = vl_tree_key_notes(plan->target);
    vl_node_result result =
        vl_node_key_find(plan->page, page_size, &entry->key, &ties, &incoming->place);
    uint32_t index = incoming->place.index;

    if (result == VL_NODE_TIE) {
        incoming->has_tie = 1;
        return VL_TREE_HELP;
    }
    if (incoming->is_replace != (result == VL_NODE_FOUND))
        return VL_TREE_NEEDLESS;
    if (incoming->is_replace
            ? vl_node_key_can_replace(plan->page, page_size, index, entry->value_size)
            : vl_node_key_can_insert(plan->page, page_size, entry))
        return VL_TREE_NEEDLESS;
    result = vl_node_key_split_point(plan->page, page_size, index, &entry->key,
                                     plan->work->pages[VL_TREE_KEY_SEPARATOR], &plan->u.key.cut);
    return result == VL_NODE_TIE ? key_node_take_made(plan, index) : VL_TREE_GO;
}

/* The leaf of a load: still without entries, and the last one of the tree. */
static vl_tree_verdict
key_node_plan_built(vl_tree_split_plan *plan)
{
    const vl_tree_key_incoming *incoming = plan->incoming;
    uint32_t page_size = plan->tree->page_size;
    uint8_t *built_low = plan->work->pages[VL_TREE_KEY_SCRATCH];
    uint8_t *buffer = plan->work->pages[VL_TREE_KEY_SEPARATOR];
    vl_node_key low = vl_node_key_low(plan->page, page_size, buffer);
    vl_node_key wanted = vl_node_key_low(incoming->built, page_size, built_low);

    if (vl_node_key_count(plan->page, page_size) > 0 ||
        vl_node_key_high(plan->page, page_size, NULL).size > 0 || low.size != wanted.size ||
        low.total_size != wanted.total_size || low.rest != wanted.rest ||
        memcmp(buffer, built_low, low.size) != 0)
        return VL_TREE_NEEDLESS;
    plan->u.key.cut.separator = vl_node_key_high(incoming->built, page_size, buffer);
    return VL_TREE_GO;
}

static vl_tree_verdict
key_node_plan_split(vl_tree_split_plan *plan)
{
    vl_tree_key_incoming *incoming = plan->incoming;

    incoming->has_tie = 0;
    if (plan->level > 0)
        return key_node_plan_inner(plan);
    return incoming->entry == NULL ? key_node_plan_built(plan) : key_node_plan_leaf(plan);
}

static velo_status
key_node_help_split(vl_ctx *ctx, vl_tree_split_plan *plan)
{
    const vl_tree_key_incoming *incoming = plan->incoming;

    if (incoming->has_tie)
        return vl_tree_key_resolve_place(ctx, plan->tree, plan->target, &incoming->place);
    return vl_tree_key_make_separator(ctx, plan);
}

static int
key_node_has_room(vl_tree_split_plan *plan)
{
    const vl_tree *tree = plan->tree;
    vl_node_key_entry entry = {.key = plan->u.key.cut.separator, .child = plan->right_pid};

    if (vl_node_key_can_insert(plan->parent, tree->page_size, &entry) &&
        key_node_may_grow(tree, plan->parent))
        return 1;
    plan->wanted = key_node_separator_size(&entry.key, tree->page_size);
    return 0;
}

/* The leaf becomes what was built, and an empty one comes behind it. */
static void
key_node_split_built(vl_tree_split_plan *plan)
{
    vl_tree_key_incoming *incoming = plan->incoming;
    const vl_tree *tree = plan->tree;
    vl_node_id id = {plan->right_pid, 0, tree->id};
    vl_node_key_fences fences = {plan->u.key.cut.separator, vl_node_key_make("", 0)};

    memcpy(plan->page, incoming->built, tree->page_size);
    ((vl_page_header *)plan->page)->pid = plan->pid;
    vl_node_key_init(plan->right, tree->page_size, id, 0, &fences);
    incoming->built = NULL;
    if (incoming->log != NULL)
        incoming->log->append(incoming->log->argument, incoming->items, incoming->item_count);
}

static void
key_node_split(vl_tree_split_plan *plan)
{
    vl_tree_key_incoming *incoming = plan->incoming;
    uint32_t page_size = plan->tree->page_size;
    uint8_t *scratch = plan->work->pages[VL_TREE_KEY_SCRATCH];
    vl_node_key_entry entry = {.key = plan->u.key.cut.separator, .child = plan->right_pid};
    vl_node_result result;

    if (plan->level == 0 && incoming->entry == NULL)
        key_node_split_built(plan);
    else
        vl_node_key_split(plan->page, plan->right, scratch, page_size, plan->right_pid,
                          &plan->u.key.cut);
    result = vl_node_key_insert(plan->parent, scratch, page_size, plan->index, &entry);
    VL_CHECK(result == VL_NODE_DONE); /* has_room said so */
    if (plan->level == 0 && entry.key.rest != 0 && entry.key.rest == incoming->made.rest)
        memset(&incoming->made, 0, sizeof incoming->made); /* it belongs to the tree now */
}

static void
key_node_grow(void *root, void *child, vl_tree_work *work, uint32_t page_size, vl_pid child_pid)
{
    vl_node_key_grow(root, child, work->pages[VL_TREE_KEY_SCRATCH], page_size, child_pid);
}

/* ---- joining ---- */

/* Bytes of a node that its entries take, about. */
static uint32_t
key_node_content(const void *page, uint32_t page_size)
{
    uint32_t fences =
        vl_node_key_low(page, page_size, NULL).size + vl_node_key_high(page, page_size, NULL).size;
    uint32_t used = vl_node_key_used_size(page, page_size) - (uint32_t)sizeof(vl_page_header);

    return used > fences ? used - fences : 0;
}

static int
key_node_is_underfull(const vl_tree *tree, const void *page)
{
    uint32_t count = vl_node_key_count(page, tree->page_size);

    if (count == 0)
        return 1;
    if (vl_tree_level(page) > 0 && count + 1 >= tree->max_children / 4 && tree->max_children < 64)
        return 0;
    return key_node_content(page, tree->page_size) < tree->page_size / 4;
}

/* Whether both nodes should become one: it fits, and leaves some room. */
static int
key_node_should_merge(const vl_tree_join_plan *plan)
{
    const vl_tree *tree = plan->tree;
    uint32_t page_size = tree->page_size;
    uint32_t left = vl_node_key_count(plan->left, page_size);
    uint32_t right = vl_node_key_count(plan->right, page_size);

    if (!vl_node_key_can_merge(plan->left, plan->right, page_size) ||
        (plan->level > 0 && left + right + 2 > tree->max_children))
        return 0;
    return left == 0 || right == 0 ||
           key_node_content(plan->left, page_size) + key_node_content(plan->right, page_size) <=
               page_size / 4 * 3;
}

static vl_tree_verdict
key_node_plan_join(vl_tree_join_plan *plan)
{
    const vl_tree_key_joining *joining = plan->context;
    const vl_tree *tree = plan->tree;
    uint32_t page_size = tree->page_size;
    uint32_t count =
        vl_node_key_count(plan->left, page_size) + vl_node_key_count(plan->right, page_size);

    if (joining->drops->count == VL_TREE_KEY_DROPS_MAX)
        return VL_TREE_NEEDLESS;
    plan->is_merge = key_node_should_merge(plan);
    if (plan->is_merge)
        return VL_TREE_GO;
    if (vl_node_key_balance_point(plan->left, plan->right, page_size,
                                  plan->work->pages[VL_TREE_KEY_SEPARATOR],
                                  &plan->u.key.cut) != VL_NODE_DONE ||
        !vl_node_key_can_set_separator(plan->parent, page_size, plan->index,
                                       &plan->u.key.cut.separator))
        return VL_TREE_NEEDLESS;
    if (plan->level > 0 && (plan->u.key.cut.at + 1 > tree->max_children ||
                            count + 1 - plan->u.key.cut.at > tree->max_children))
        return VL_TREE_NEEDLESS;
    return VL_TREE_GO;
}

static void
key_node_join(vl_tree_join_plan *plan)
{
    const vl_tree_key_joining *joining = plan->context;
    uint32_t page_size = plan->tree->page_size;
    uint8_t *scratch = plan->work->pages[VL_TREE_KEY_SCRATCH];
    vl_node_key old = vl_node_key_entry_at(plan->parent, page_size, plan->index, NULL).key;
    vl_node_result result;

    if (plan->is_merge) {
        result = vl_node_key_merge(plan->left, plan->right, scratch, page_size);
        vl_node_key_remove_child(plan->parent, page_size, plan->index + 1);
    } else {
        result = vl_node_key_set_separator(plan->parent, scratch, page_size, plan->index,
                                           &plan->u.key.cut.separator);
        vl_node_key_balance(plan->left, plan->right, scratch, page_size, &plan->u.key.cut);
    }
    VL_CHECK(result == VL_NODE_DONE); /* keeps K4 */
    if (plan->level == 0)             /* K5; that of inner nodes has moved down */
        vl_tree_key_drop(joining->drops, plan->tree, old.rest, old.total_size);
}

/* ---- dropping ---- */

/* Free the rest of one key of a tree that nobody uses. */
static velo_status
key_node_drop_rest(vl_ctx *ctx, const vl_tree *tree, const vl_node_key *key, uint32_t *budget,
                   int *is_done)
{
    vl_overflow_freeing freeing = {vl_tree_key_rest(tree, key->rest, key->total_size), 0, NULL,
                                   NULL};
    uint32_t left;
    velo_status st;

    VL_TRY(vl_overflow_count_left(ctx, tree->cache, &freeing.value, &freeing.left));
    left = freeing.left;
    st = vl_overflow_free(ctx, tree->cache, &freeing, *budget);
    *budget -= left - freeing.left;
    *is_done = freeing.left == 0;
    return st;
}

/* A leaf: all its entries' rests. An inner node: that of its last separator, whose child goes next.
 * The entries stay as they are: what nothing else refers to is freed, and what is gone already is
 * found to be. */
static velo_status
key_node_drop_values(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, vl_pid pid,
                     uint32_t *budget, int *is_done)
{
    uint8_t *copy = work->pages[VL_TREE_KEY_MADE];
    vl_page_ref ref;
    uint32_t count;
    uint32_t first;

    *is_done = 1;
    while (!vl_cache_shared(tree->cache, pid, &ref))
        VL_TRY(vl_cache_load(ctx, tree->cache, pid));
    memcpy(copy, ref.page, tree->page_size);
    vl_cache_release_shared(tree->cache, &ref);
    count = vl_node_key_count(copy, tree->page_size);
    first = vl_tree_level(copy) > 0 && count > 0 ? count - 1 : 0;
    for (uint32_t i = first; i < count && *is_done; i++) {
        vl_node_key key = vl_node_key_entry_at(copy, tree->page_size, i, NULL).key;

        if (key.rest == 0)
            continue;
        *is_done = 0;
        if (*budget > 0)
            VL_TRY(key_node_drop_rest(ctx, tree, &key, budget, is_done));
    }
    return VELO_OK;
}

/* ---- checking ---- */

static velo_status
key_node_check(vl_ctx *ctx, const void *page, uint32_t page_size)
{
    const char *fault = vl_node_key_fault(page, page_size);

    return fault == NULL ? VELO_OK : vl_fail(ctx, VELO_CORRUPT, "%s", fault);
}

/* Whether a fence is what the parent says: its entry `index`, or its own fence. */
static int
key_node_is_same_key(const vl_node_key *a, const vl_node_key *b)
{
    return a->size == b->size && a->total_size == b->total_size && a->rest == b->rest &&
           (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

static const char *
key_node_fault(const void *page, uint32_t page_size, const void *parent, uint32_t index)
{
    uint8_t buffers[2][VL_PAGE_MAX_SIZE / 4];
    vl_node_key own;
    vl_node_key wanted = vl_node_key_make("", 0);

    own = vl_node_key_low(page, page_size, buffers[0]);
    if (parent != NULL && index > 0)
        wanted = vl_node_key_entry_at(parent, page_size, index - 1, buffers[1]).key;
    else if (parent != NULL)
        wanted = vl_node_key_low(parent, page_size, buffers[1]);
    if (!key_node_is_same_key(&own, &wanted))
        return "the node's low fence is not what its parent says";
    own = vl_node_key_high(page, page_size, buffers[0]);
    wanted = vl_node_key_make("", 0);
    if (parent != NULL && index < vl_node_key_count(parent, page_size))
        wanted = vl_node_key_entry_at(parent, page_size, index, buffers[1]).key;
    else if (parent != NULL)
        wanted = vl_node_key_high(parent, page_size, buffers[1]);
    if (!key_node_is_same_key(&own, &wanted))
        return "the node's high fence is not what its parent says";
    return NULL;
}

static uint64_t
key_node_entry_count(const void *page)
{
    return ((const vl_page_header *)page)->count;
}

const vl_tree_ops vl_tree_key_ops = {
    .leaf_kind = VL_PAGE_KEY_LEAF,
    .inner_kind = VL_PAGE_KEY_INNER,
    .init_root = key_node_init_root,
    .search = key_node_search,
    .child_count = key_node_child_count,
    .child = vl_node_key_child,
    .resolve = vl_tree_key_resolve,
    .plan_split = key_node_plan_split,
    .help_split = key_node_help_split,
    .has_room = key_node_has_room,
    .split = key_node_split,
    .grow = key_node_grow,
    .is_underfull = key_node_is_underfull,
    .plan_join = key_node_plan_join,
    .join = key_node_join,
    .remove_child = vl_node_key_remove_child,
    .set_child = vl_node_key_set_child,
    .drop_values = key_node_drop_values,
    .check = key_node_check,
    .fault = key_node_fault,
    .entry_count = key_node_entry_count,
};
