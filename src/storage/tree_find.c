/* tree_find.c - the way from the root of a tree to a node.
 *
 * Invariants
 *   T1  A child counts only if its parent was unchanged after the child's word was read (or its
 *       latch taken): then at that moment the child belonged to the parent, and its range was what
 *       the parent said. From there on its own word, or latch, guards it.
 *   T2  Nothing that was read optimistically is used before T1 holds for it, but to find the next
 *       page: a wrong number is peeked at in vain.
 *   T3  When a page must be loaded or a tie resolved, no peek is open and no latch is held.
 *   T4  Levels fall by one from parent to child, and a page that says otherwise is damaged: so
 * every descent ends, also in a file that somebody made up. */
#include "base/latch.h"
#include "storage/tree_int.h"

#include <string.h>

/* Lines of a leaf that are fetched when it is noted: header, directory of some columns, and of
 * pages with rows in any order most of their rowids. */
#define TREE_NOTED_LINES 8U

/* A node on the way down: peeked at, or after too many vain tries latched. */
typedef struct tree_hold {
    int is_latched;    /* 1: ref, 0: peek */
    vl_page_peek peek; /* while not latched */
    vl_page_ref ref;   /* while latched */
    const void *page;  /* its bytes */
} tree_hold;

/* How a try ended. */
typedef enum tree_outcome {
    TREE_FOUND,  /* in *spot */
    TREE_AGAIN,  /* something changed meanwhile */
    TREE_ABSENT, /* page number `pid` is not resident */
    TREE_TIE,    /* `step` says what must be compared */
    TREE_DAMAGED /* page number `pid` is not what it should be */
} tree_outcome;

/* One search. */
typedef struct tree_descent {
    const vl_tree *tree;          /* where */
    const vl_tree_search *search; /* what */
    vl_tree_spot *spot;           /* the result */
    int is_latching;              /* 1: latch the nodes on the way shared */
    vl_tree_step step;            /* the last one taken */
    vl_pid pid;                   /* ABSENT, DAMAGED: which page */
    vl_page_memo *memo;           /* vl_tree_note: receives the note; else NULL */
} tree_descent;

static int
tree_hold_begin(tree_descent *descent, vl_pid pid, tree_hold *hold)
{
    vl_cache *cache = descent->tree->cache;

    hold->is_latched = descent->is_latching;
    if (hold->is_latched) {
        if (!vl_cache_shared(cache, pid, &hold->ref))
            return 0;
        hold->page = hold->ref.page;
        return 1;
    }
    if (!vl_cache_peek(cache, pid, &hold->peek))
        return 0;
    hold->page = hold->peek.page;
    return 1;
}

/* Whether all that was read is true. */
static int
tree_hold_end(const tree_descent *descent, tree_hold *hold)
{
    if (!hold->is_latched)
        return vl_peek_end(&hold->peek);
    vl_cache_release_shared(descent->tree->cache, &hold->ref);
    return 1;
}

static void
tree_release(const vl_tree *tree, vl_tree_mode mode, vl_page_ref *ref)
{
    if (mode == VL_TREE_EXCLUSIVE)
        vl_cache_release_exclusive(tree->cache, ref);
    else
        vl_cache_release_shared(tree->cache, ref);
}

static int
tree_latch(const vl_tree *tree, vl_tree_mode mode, vl_pid pid, vl_page_ref *ref)
{
    if (mode == VL_TREE_EXCLUSIVE)
        return vl_cache_exclusive(tree->cache, pid, ref);
    return vl_cache_shared(tree->cache, pid, ref);
}

/* End the hold with an outcome that is one only if what was read is true. */
static tree_outcome
tree_give_up(const tree_descent *descent, tree_hold *hold, tree_outcome outcome)
{
    return tree_hold_end(descent, hold) ? outcome : TREE_AGAIN;
}

/* The root itself is wanted: latch it. It may have grown meanwhile. */
static tree_outcome
tree_take_root(tree_descent *descent)
{
    const vl_tree *tree = descent->tree;
    vl_tree_spot *spot = descent->spot;

    descent->pid = tree->root;
    if (!tree_latch(tree, descent->search->mode, tree->root, &spot->ref))
        return TREE_ABSENT;
    if (!vl_tree_is_node(tree, spot->ref.page, tree->root, descent->search->level)) {
        tree_release(tree, descent->search->mode, &spot->ref);
        return TREE_AGAIN;
    }
    spot->range.first = INT64_MIN;
    spot->range.last = INT64_MAX;
    return TREE_FOUND;
}

/* Note the siblings that follow the child in the wanted direction. */
static void
tree_look_ahead(tree_descent *descent, const tree_hold *parent)
{
    const vl_tree_search *search = descent->search;
    const vl_tree *tree = descent->tree;
    uint32_t count = tree->ops->child_count(parent->page, tree->page_size);
    uint32_t index = descent->step.index;
    uint32_t behind = search->direction > 0 ? count - 1 - index : index;

    if (index >= count) /* torn */
        return;
    behind = behind < search->ahead_max ? behind : search->ahead_max;
    behind = behind < VL_TREE_AHEAD ? behind : VL_TREE_AHEAD;
    for (uint32_t i = 1; i <= behind; i++)
        descent->spot->ahead[i - 1] = tree->ops->child(
            parent->page, tree->page_size, search->direction > 0 ? index + i : index - i);
    descent->spot->ahead_count = behind;
}

/* Note the wanted node, a child of the parent, which is ended: its word only. */
static tree_outcome
tree_note_child(tree_descent *descent, tree_hold *parent)
{
    vl_cache *cache = descent->tree->cache;
    vl_page_peek peek;
    int is_noted;

    if (!vl_cache_peek(cache, descent->pid, &peek))
        return tree_give_up(descent, parent, TREE_ABSENT);
    is_noted = vl_peek_note(cache, &peek, descent->memo);
    for (uint32_t line = 0; line < TREE_NOTED_LINES; line++)
        __builtin_prefetch((const uint8_t *)peek.page + line * (size_t)VL_CACHE_LINE_SIZE);
    (void)vl_peek_end(&peek); /* whether it was true is found out when it is recalled */
    if (!tree_hold_end(descent, parent) || !is_noted) /* keeps T1 */
        return TREE_AGAIN;
    descent->spot->range = descent->step.range;
    return TREE_FOUND;
}

/* Latch the wanted node, a child of the parent, which is ended. */
static tree_outcome
tree_take_child(tree_descent *descent, tree_hold *parent)
{
    const vl_tree *tree = descent->tree;
    const vl_tree_search *search = descent->search;
    vl_tree_spot *spot = descent->spot;

    if (search->direction != 0)
        tree_look_ahead(descent, parent);
    if (!tree_latch(tree, search->mode, descent->pid, &spot->ref))
        return tree_give_up(descent, parent, TREE_ABSENT);
    /* A leaf's directory comes together with its header. */
    __builtin_prefetch((const uint8_t *)spot->ref.page + VL_CACHE_LINE_SIZE);
    __builtin_prefetch((const uint8_t *)spot->ref.page + 2 * (size_t)VL_CACHE_LINE_SIZE);
    if (!tree_hold_end(descent, parent)) { /* keeps T1 */
        tree_release(tree, search->mode, &spot->ref);
        return TREE_AGAIN;
    }
    if (!vl_tree_is_node(tree, spot->ref.page, descent->pid, search->level)) {
        tree_release(tree, search->mode, &spot->ref);
        return TREE_DAMAGED;
    }
    spot->range = descent->step.range;
    return TREE_FOUND;
}

/* Find the child of a node that the target belongs to; the node's hold stays. Outcomes other than
 * FOUND count only if the node is unchanged. */
static tree_outcome
tree_choose_child(tree_descent *descent, const tree_hold *node)
{
    const vl_tree *tree = descent->tree;

    switch (
        tree->ops->search(node->page, tree->page_size, descent->search->target, &descent->step)) {
    case VL_NODE_DONE:
        descent->pid = descent->step.child;
        return TREE_FOUND;
    case VL_NODE_TIE:
        return TREE_TIE;
    case VL_NODE_FOUND:
    case VL_NODE_ABSENT:
    case VL_NODE_FULL:
        break;
    }
    return TREE_DAMAGED;
}

/* Go from a node above the wanted level to that level. */
static tree_outcome
tree_go_down(tree_descent *descent, uint32_t level, tree_hold *holds)
{
    const vl_tree *tree = descent->tree;
    uint32_t at = 0;

    for (;;) {
        tree_hold *parent = &holds[at];
        tree_hold *child = &holds[1 - at];
        tree_outcome outcome = tree_choose_child(descent, parent);
        int is_node;

        if (outcome != TREE_FOUND)
            return tree_give_up(descent, parent, outcome);
        level--;
        if (level == descent->search->level)
            return descent->memo != NULL ? tree_note_child(descent, parent)
                                         : tree_take_child(descent, parent);
        if (!tree_hold_begin(descent, descent->pid, child))
            return tree_give_up(descent, parent, TREE_ABSENT);
        is_node = vl_tree_is_node(tree, child->page, descent->pid, level);
        if (!tree_hold_end(descent, parent)) { /* keeps T1 */
            (void)tree_hold_end(descent, child);
            return TREE_AGAIN;
        }
        if (!is_node) /* keeps T4 */
            return tree_give_up(descent, child, TREE_DAMAGED);
        at = 1 - at;
    }
}

/* One try. */
static tree_outcome
tree_try(tree_descent *descent)
{
    const vl_tree *tree = descent->tree;
    tree_hold holds[2];
    uint32_t level;

    descent->spot->ahead_count = 0;
    descent->pid = tree->root;
    if (!tree_hold_begin(descent, tree->root, &holds[0]))
        return TREE_ABSENT;
    level = vl_tree_level(holds[0].page);
    if (!vl_tree_is_node(tree, holds[0].page, tree->root, level))
        return tree_give_up(descent, &holds[0], TREE_DAMAGED);
    if (level > descent->search->level)
        return tree_go_down(descent, level, holds);
    if (!tree_hold_end(descent, &holds[0]) || descent->memo != NULL)
        return TREE_AGAIN;
    return level == descent->search->level ? tree_take_root(descent) : TREE_FOUND;
}

/* Load the page that is not there, with absent ones that come after it. */
static velo_status
tree_load(vl_ctx *ctx, const tree_descent *descent)
{
    const vl_tree_spot *spot = descent->spot;
    vl_cache *cache = descent->tree->cache;
    vl_pid pids[VL_CACHE_BATCH];
    uint32_t count = 0;

    if (descent->search->is_batch && spot->ahead_count > 0) {
        pids[count++] = descent->pid;
        for (uint32_t i = 0; i < spot->ahead_count; i++)
            if (!vl_cache_is_resident(cache, spot->ahead[i]))
                pids[count++] = spot->ahead[i];
    }
    if (count > 1)
        vl_cache_load_batch(cache, pids, count);
    return vl_cache_load(ctx, cache, descent->pid); /* which says what went wrong, if anything */
}

/* Try until the node is found, or a page is absent: descent->pid is its number, else 0. */
static velo_status
tree_find_resident(vl_ctx *ctx, tree_descent *descent)
{
    const vl_tree *tree = descent->tree;

    descent->spot->ref.page = NULL;
    for (uint32_t tries = 0;;) {
        descent->is_latching = tries >= VL_TREE_TRIES;
        switch (tree_try(descent)) {
        case TREE_FOUND:
            descent->pid = 0;
            return VELO_OK;
        case TREE_AGAIN:
            tries++;
            vl_pause();
            break;
        case TREE_ABSENT:
            return VELO_OK;
        case TREE_TIE:
            VL_TRY(tree->ops->resolve(ctx, tree, descent->search->target, &descent->step));
            break;
        case TREE_DAMAGED:
            return vl_tree_damaged(ctx, tree, descent->pid, "is not the node that belongs there");
        }
    }
}

velo_status
vl_tree_find_resident(vl_ctx *ctx, const vl_tree *tree, const vl_tree_search *search,
                      vl_tree_spot *spot, vl_pid *absent)
{
    tree_descent descent = {.tree = tree, .search = search, .spot = spot};
    velo_status st = tree_find_resident(ctx, &descent);

    spot->load_count = 0;
    *absent = st == VELO_OK ? descent.pid : 0;
    return st;
}

velo_status
vl_tree_find(vl_ctx *ctx, const vl_tree *tree, const vl_tree_search *search, vl_tree_spot *spot)
{
    tree_descent descent = {.tree = tree, .search = search, .spot = spot};

    spot->load_count = 0;
    for (;;) {
        VL_TRY(tree_find_resident(ctx, &descent));
        if (descent.pid == 0)
            return VELO_OK;
        spot->load_count++;
        VL_TRY(tree_load(ctx, &descent)); /* keeps T3 */
    }
}

int
vl_tree_note(const vl_tree *tree, vl_tree_target *target, vl_page_memo *memo, vl_rowid_range *range)
{
    vl_tree_search search = {.target = target};
    vl_tree_spot spot;
    tree_descent descent = {.tree = tree, .search = &search, .spot = &spot, .memo = memo};

    if (tree_try(&descent) != TREE_FOUND)
        return 0;
    *range = spot.range;
    return 1;
}

/* The tree is not higher than the level: the node is the root, or there is none. 0: it has grown
 * meanwhile. */
static velo_status
tree_find_root(vl_ctx *ctx, const vl_tree *tree, vl_tree_target *target, uint32_t level,
               vl_tree_pair *pair, int *is_found)
{
    vl_tree_search search = {.target = target, .level = level, .mode = VL_TREE_EXCLUSIVE};
    vl_tree_spot spot;

    VL_TRY(vl_tree_find(ctx, tree, &search, &spot));
    *is_found = spot.ref.page == NULL || spot.ref.pid == tree->root;
    if (!*is_found) {
        vl_cache_release_exclusive(tree->cache, &spot.ref);
        return VELO_OK;
    }
    pair->node = spot.ref;
    pair->step.child = spot.ref.pid;
    pair->step.range = spot.range;
    return VELO_OK;
}

/* Find and latch the child of the latched parent. *is_found 0: not yet, and nothing is latched. */
static velo_status
tree_find_child(vl_ctx *ctx, const vl_tree *tree, vl_tree_target *target, uint32_t level,
                vl_tree_pair *pair, int *is_found)
{
    vl_node_result result =
        tree->ops->search(pair->parent.page, tree->page_size, target, &pair->step);
    vl_pid pid = result == VL_NODE_DONE ? pair->step.child : pair->parent.pid;

    *is_found = 0;
    if (result == VL_NODE_DONE && vl_cache_exclusive(tree->cache, pid, &pair->node)) {
        if (vl_tree_is_node(tree, pair->node.page, pid, level)) {
            *is_found = 1;
            return VELO_OK;
        }
        result = VL_NODE_ABSENT;
    }
    vl_tree_release_pair(tree, pair); /* keeps T3 */
    if (result == VL_NODE_TIE)
        return tree->ops->resolve(ctx, tree, target, &pair->step);
    if (result == VL_NODE_DONE)
        return vl_cache_load(ctx, tree->cache, pid);
    return vl_tree_damaged(ctx, tree, pid, "is not the node that belongs there");
}

velo_status
vl_tree_find_pair(vl_ctx *ctx, const vl_tree *tree, vl_tree_target *target, uint32_t level,
                  vl_tree_pair *pair)
{
    vl_tree_search search = {.target = target, .level = level + 1, .mode = VL_TREE_EXCLUSIVE};
    vl_tree_spot spot;
    int is_found = 0;

    do {
        memset(pair, 0, sizeof *pair);
        VL_TRY(vl_tree_find(ctx, tree, &search, &spot));
        pair->parent = spot.ref;
        if (spot.ref.page != NULL)
            VL_TRY(tree_find_child(ctx, tree, target, level, pair, &is_found));
        else
            VL_TRY(tree_find_root(ctx, tree, target, level, pair, &is_found));
    } while (!is_found);
    return VELO_OK;
}

void
vl_tree_release_pair(const vl_tree *tree, vl_tree_pair *pair)
{
    vl_cache_release_exclusive(tree->cache, &pair->node);
    vl_cache_release_exclusive(tree->cache, &pair->parent);
}
