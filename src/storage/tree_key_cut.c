/* tree_key_cut.c - splitting leaves at long separators, and joining leaves: what has to be done
 * around the latches.
 *
 * Where a leaf's long keys differ in their rests only, the separator is long: the shortest string
 * above the left key and not above the right one, which is the right key up to and with the first
 * byte that differs (N9 of node_key_build.c). Its rest is written to pages of its own.
 *
 * Invariants
 *  K13  A separator is made without latches, from rests that stay since the target is pinned, and
 *       used only where under the latches the same two keys are found to be neighbours.
 *  K14  What was made belongs to the tree once a split has used it; else it is freed, at the latest
 *       when the splitting ends. */
#include "storage/tree_key_int.h"

#include <inttypes.h>
#include <string.h>

/* The rest of one of the two keys, on pages or at hand. */
typedef struct key_cut_rest {
    const uint8_t *data; /* of the incoming key, else NULL */
    vl_overflow value;   /* else */
    uint32_t size;       /* bytes; 0: the key is not long */
} key_cut_rest;

static key_cut_rest
key_cut_open(const vl_tree *tree, const vl_tree_key_incoming *incoming, vl_tree_key_mark mark)
{
    const vl_node_key *key = &incoming->entry->key;
    uint32_t part = vl_node_key_part_max(tree->page_size);
    key_cut_rest rest = {0};

    if (mark.rest == 0)
        return rest;
    rest.value = vl_tree_key_rest(tree, mark.rest, mark.total_size);
    rest.size = rest.value.size;
    if (mark.rest == key->rest && !incoming->is_replace)
        rest.data = key->data + part;
    return rest;
}

/* How many bytes both rests begin with. */
static velo_status
key_cut_common(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, const key_cut_rest *left,
               const key_cut_rest *right, uint32_t *common)
{
    uint32_t size = left->size < right->size ? left->size : right->size;
    int order;

    *common = 0;
    if (size == 0)
        return VELO_OK;
    if (left->data != NULL)
        return vl_overflow_compare(ctx, tree->cache, &right->value, 0, size, left->data, common,
                                   &order);
    if (right->data != NULL)
        return vl_overflow_compare(ctx, tree->cache, &left->value, 0, size, right->data, common,
                                   &order);
    return vl_tree_key_compare_rests(ctx, tree, &left->value, &right->value,
                                     work->pages[VL_TREE_KEY_CHUNK], tree->page_size, common,
                                     &order);
}

/* A rest that is copied to a new one. */
typedef struct key_cut_copy {
    const vl_tree *tree;      /* where */
    const key_cut_rest *rest; /* what */
    uint32_t at;              /* next byte */
    vl_overflow_note *note;   /* the caller's */
    void *argument;           /* of note */
} key_cut_copy;

static velo_status
key_cut_fill(vl_ctx *ctx, void *argument, void *to, uint32_t size)
{
    key_cut_copy *copy = argument;

    copy->at += size;
    if (copy->rest->data == NULL)
        return vl_overflow_read(ctx, copy->tree->cache, &copy->rest->value, copy->at - size, size,
                                to);
    memcpy(to, copy->rest->data + copy->at - size, size);
    return VELO_OK;
}

static void
key_cut_note(void *argument, vl_pid pid, int is_born)
{
    const key_cut_copy *copy = argument;

    if (copy->note != NULL)
        copy->note(copy->argument, pid, is_born);
}

/* Free a separator that was made and is of no use any more. */
static void
key_cut_forget(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, vl_tree_key_incoming *incoming)
{
    vl_node_key made = incoming->made;

    memset(&incoming->made, 0, sizeof incoming->made);
    vl_tree_key_free_unused(ctx, tree, work, made.rest, made.total_size, incoming->note,
                            incoming->argument);
}

velo_status
vl_tree_key_make_separator(vl_ctx *ctx, vl_tree_split_plan *plan)
{
    vl_tree_key_incoming *incoming = plan->incoming;
    const vl_tree *tree = plan->tree;
    uint32_t part = vl_node_key_part_max(tree->page_size);
    key_cut_rest left = key_cut_open(tree, incoming, incoming->left);
    key_cut_rest right = key_cut_open(tree, incoming, incoming->right);
    key_cut_copy copy = {tree, &right, 0, incoming->note, incoming->argument};
    vl_overflow_source source = {
        .tree = tree->id, .fill = key_cut_fill, .note = key_cut_note, .argument = &copy};
    uint32_t common;

    key_cut_forget(ctx, tree, plan->work, incoming);
    VL_TRY(key_cut_common(ctx, tree, plan->work, &left, &right, &common));
    if (common == right.size)
        return vl_fail(ctx, VELO_CORRUPT,
                       "tree %" PRIu64 ": long keys with rests at pages %" PRIu32 " and %" PRIu32
                       " do not rise",
                       tree->id, left.value.pid, right.value.pid);
    source.size = common + 1;
    VL_TRY(vl_overflow_write(ctx, tree->cache, &source, &incoming->made.rest));
    incoming->made.data = plan->work->pages[VL_TREE_KEY_MADE];
    incoming->made.size = part;
    incoming->made.total_size = part + common + 1;
    incoming->made_left = incoming->left;
    incoming->made_right = incoming->right;
    return VELO_OK;
}

velo_status
vl_tree_key_split_leaf(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, vl_tree_target *target,
                       vl_tree_key_incoming *incoming)
{
    vl_tree_split_plan plan = {.tree = tree, .work = work, .target = target, .incoming = incoming};
    velo_status st = vl_tree_split(ctx, &plan);

    vl_tree_key_target_end(target);
    key_cut_forget(ctx, tree, work, incoming);
    return st;
}

void
vl_tree_key_join_leaf(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, const vl_node_key *key,
                      vl_tree_key_drops *drops)
{
    vl_tree_key_joining joining = {drops};
    vl_error before = ctx->error;
    vl_tree_target target;

    vl_tree_key_target_init(&target, key, VL_TREE_AT);
    if (vl_tree_join(ctx, tree, work, &target, &joining) != VELO_OK)
        ctx->error = before; /* the tree is whole, and the leaf under-full until the next time */
    vl_tree_key_target_end(&target);
}
