/* tree_key_check.c - checking what the pages of a key tree cannot tell by themselves: the rests of
 * long keys, and the order that they give.
 *
 * Invariants
 *  K11  Nothing is latched while rests are read: a node is copied, and the tree is not changed
 *       meanwhile.
 *  K12  Only a tree whose nodes are without a fault is walked: so the walk ends, and every rest is
 *       met once. */
#include "base/alloc.h"
#include "storage/tree_key_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* One check. */
typedef struct key_check_run {
    vl_ctx *ctx;                           /* the caller's */
    const vl_tree *tree;                   /* what is checked */
    const vl_tree_verify_options *options; /* whom to tell */
    vl_tree_report *report;                /* what was found */
    uint8_t *copy;                         /* the node that is looked at */
    uint8_t *chunk;                        /* a part of a rest, a page long */
    uint8_t *parts[2];                     /* of two neighbouring keys */
    vl_pid pid;                            /* of the node */
    char first[256];                       /* the first fault */
} key_check_run;

static void
key_check_note(key_check_run *run, const char *text)
{
    if (run->report->fault_count++ == 0)
        (void)snprintf(run->first, sizeof run->first, "page %" PRIu32 ": %s", run->pid, text);
    if (run->options->fault != NULL)
        run->options->fault(run->options->argument, run->pid, text);
}

/* Turn damage into a fault; other failures end the check. */
static velo_status
key_check_take(key_check_run *run, velo_status st)
{
    if (st != VELO_CORRUPT)
        return st;
    key_check_note(run, run->ctx->error.text);
    return VELO_OK;
}

static velo_status
key_check_visit(vl_ctx *ctx, void *argument, vl_pid pid)
{
    const key_check_run *run = argument;

    (void)ctx;
    if (run->options->visit != NULL)
        run->options->visit(run->options->argument, pid);
    return VELO_OK;
}

/* Check that one key is below, or not above, the next. Their parts rise, or are equal. */
static velo_status
key_check_pair(key_check_run *run, const vl_node_key *low, const vl_node_key *high, int may_equal)
{
    const vl_tree *tree = run->tree;
    vl_overflow left;
    vl_overflow right;
    uint32_t equal_count;
    int order;
    velo_status st;

    if (low->rest == 0 || high->rest == 0 || low->size != high->size ||
        memcmp(low->data, high->data, low->size) != 0)
        return VELO_OK; /* what the pages can tell has been checked */
    if (low->rest == high->rest) {
        key_check_note(run, "two keys have the same rest");
        return VELO_OK;
    }
    left = vl_tree_key_rest(tree, low->rest, low->total_size);
    right = vl_tree_key_rest(tree, high->rest, high->total_size);
    st = vl_tree_key_compare_rests(run->ctx, tree, &left, &right, run->chunk, tree->page_size,
                                   &equal_count, &order);
    if (st == VELO_OK && (order > 0 || (order == 0 && !may_equal)))
        key_check_note(run, "long keys do not rise");
    return key_check_take(run, st);
}

/* Check the rests and the order of a node's keys, from fence to fence. */
static velo_status
key_check_node(key_check_run *run)
{
    uint32_t page_size = run->tree->page_size;
    uint32_t count = vl_node_key_count(run->copy, page_size);
    vl_node_key keys[2];

    keys[0] = vl_node_key_low(run->copy, page_size, run->parts[0]);
    for (uint32_t i = 0; i < count; i++) {
        vl_node_key *key = &keys[(i + 1) % 2];
        vl_overflow rest;

        *key = vl_node_key_entry_at(run->copy, page_size, i, run->parts[(i + 1) % 2]).key;
        if (key->rest != 0) {
            rest = vl_tree_key_rest(run->tree, key->rest, key->total_size);
            VL_TRY(key_check_take(
                run, vl_overflow_verify(run->ctx, run->tree->cache, &rest, key_check_visit, run)));
        }
        VL_TRY(key_check_pair(run, &keys[i % 2], key, i == 0));
    }
    keys[(count + 1) % 2] = vl_node_key_high(run->copy, page_size, run->parts[(count + 1) % 2]);
    return key_check_pair(run, &keys[count % 2], &keys[(count + 1) % 2], 0);
}

/* Check the nodes of a level, of which nobody changes any. */
static velo_status
key_check_level(key_check_run *run, uint32_t level)
{
    vl_tree_key_range all = {0};
    vl_tree_key_scan walk;
    velo_status st;

    vl_tree_key_walk_begin(&walk, run->tree, &all, level);
    for (;;) {
        st = vl_tree_key_scan_next(run->ctx, &walk);
        if (st != VELO_OK || walk.page == NULL)
            break;
        run->pid = walk.ref.pid;
        memcpy(run->copy, walk.page, run->tree->page_size);
        st = vl_tree_key_scan_release(run->ctx, &walk);
        if (st == VELO_OK)
            st = key_check_node(run);
        if (st != VELO_OK)
            break;
    }
    vl_tree_key_scan_end(&walk);
    return key_check_take(run, st);
}

static velo_status
key_check_rests(key_check_run *run)
{
    const vl_tree *tree = run->tree;
    uint32_t part = vl_node_key_part_max(tree->page_size);
    uint8_t *memory = vl_alloc_aligned(run->ctx, 3 * (size_t)tree->page_size, VL_CACHE_LINE_SIZE);
    uint32_t level = 0;
    velo_status st;

    if (memory == NULL)
        return vl_fail(run->ctx, VELO_NOMEM, "cannot allocate memory to check a tree");
    run->copy = memory;
    run->chunk = memory + tree->page_size;
    run->parts[0] = run->chunk + tree->page_size;
    run->parts[1] = run->parts[0] + part;
    st = vl_tree_key_root_level(run->ctx, tree, &level);
    for (uint32_t i = 0; i <= level && st == VELO_OK; i++)
        st = key_check_level(run, i);
    vl_free(memory);
    return st;
}

velo_status
vl_tree_key_verify(vl_ctx *ctx, const vl_tree *tree, const vl_tree_verify_options *options,
                   vl_tree_report *report)
{
    key_check_run run = {.ctx = ctx, .tree = tree, .options = options, .report = report};

    VL_TRY(vl_tree_verify(ctx, tree, options, report));
    VL_TRY(key_check_rests(&run));
    if (report->fault_count > 0)
        return vl_fail(ctx, VELO_CORRUPT, "tree %" PRIu64 " has %" PRIu64 " faults, the first: %s",
                       tree->id, report->fault_count, run.first);
    return VELO_OK;
}
