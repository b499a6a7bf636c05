/* tree_key_write.c - changing an entry of a key tree.
 *
 * Invariants
 *   K6  A leaf that vl_tree_key_write_begin returns has been found to have room for the change
 *       under the latch that is still held: so applying cannot fail.
 *   K7  The rest of a key that is to be inserted exists before the leaf is latched for good; it
 *       belongs to the tree once the change is applied, and is freed at the end if it is not.
 *   K8  No write is pinned while it holds its leaf for the caller, or while rests are freed. */
#include "storage/tree_key_int.h"

#include <inttypes.h>
#include <string.h>

static int
key_write_suits(vl_tree_key_action action, vl_tree_key_state state)
{
    switch (action) {
    case VL_TREE_KEY_INSERT:
        return state != VL_TREE_KEY_LIVE;
    case VL_TREE_KEY_REPLACE:
    case VL_TREE_KEY_REMOVE:
        return state != VL_TREE_KEY_ABSENT;
    case VL_TREE_KEY_MARK:
        return state == VL_TREE_KEY_LIVE;
    case VL_TREE_KEY_UNMARK:
        return state == VL_TREE_KEY_TOMBSTONE;
    }
    return 0;
}

/* The entry that an insertion stores. */
static vl_node_key_entry
key_write_entry(const vl_tree_key_write *write)
{
    vl_node_key_entry entry = {.key = write->key};

    entry.value = write->op->value;
    entry.value_size = write->op->value_size;
    return entry;
}

/* Whether a new entry goes in. */
static int
key_write_is_new(const vl_tree_key_write *write)
{
    return write->op->action == VL_TREE_KEY_INSERT && write->state == VL_TREE_KEY_ABSENT;
}

static int
key_write_fits(const vl_tree_key_write *write)
{
    uint32_t page_size = write->tree->page_size;
    vl_node_key_entry entry = key_write_entry(write);

    if (key_write_is_new(write))
        return vl_node_key_can_insert(write->leaf.page, page_size, &entry);
    if (write->op->action == VL_TREE_KEY_INSERT || write->op->action == VL_TREE_KEY_REPLACE)
        return vl_node_key_can_replace(write->leaf.page, page_size, write->index, entry.value_size);
    return 1; /* marking and removing never need space */
}

/* Write the rest of the key; the leaf is released. Keeps K7. */
static velo_status
key_write_rest(vl_ctx *ctx, vl_tree_key_write *write)
{
    const vl_tree *tree = write->tree;
    uint32_t part = vl_node_key_part_max(tree->page_size);
    vl_overflow_source source = {.tree = tree->id,
                                 .size = write->key.total_size - part,
                                 .data = write->key.data + part,
                                 .note = write->op->note,
                                 .argument = write->op->argument};

    return vl_overflow_write(ctx, tree->cache, &source, &write->key.rest);
}

/* Whether a tombstone of the latched leaf may go. That of the entry itself stays. */
static int
key_write_may_purge(const vl_tree_key_write *write, uint32_t index)
{
    const vl_tree_key_op *op = write->op;

    return (index != write->index || write->state == VL_TREE_KEY_ABSENT) &&
           vl_node_key_entry_at(write->leaf.page, write->tree->page_size, index, NULL).is_deleted &&
           op->is_purgeable(op->argument, &write->leaf, index);
}

/* Remove tombstones that nobody needs from the latched leaf, in a section of its own. Returns how
 * many; *is_ready 0: the cache has to make ready first. */
static uint32_t
key_write_purge(vl_tree_key_write *write, vl_change *change, int *is_ready)
{
    uint32_t page_size = write->tree->page_size;
    void *page = write->leaf.page;
    uint32_t purged = 0;

    *is_ready = 1;
    for (uint32_t i = vl_node_key_count(page, page_size); i-- > 0;) {
        vl_node_key key = vl_node_key_entry_at(page, page_size, i, NULL).key;

        if (write->drops.count == VL_TREE_KEY_DROPS_MAX || !key_write_may_purge(write, i))
            continue;
        if (purged == 0 && (!vl_change_prepare(change, &write->leaf) || !vl_change_enter(change))) {
            *is_ready = 0;
            return 0;
        }
        purged++;
        vl_tree_key_drop(&write->drops, write->tree, key.rest, key.total_size);
        vl_node_key_remove(page, page_size, i);
    }
    if (purged > 0)
        vl_change_leave(change);
    return purged;
}

/* The leaf is too full: look for tombstones that may go. It is released. */
static velo_status
key_write_make_room_by_purge(vl_ctx *ctx, vl_tree_key_write *write, uint32_t *purged)
{
    vl_change change;
    velo_status st = VELO_OK;
    int is_ready;

    vl_change_begin(write->tree->cache, &change);
    *purged = key_write_purge(write, &change, &is_ready);
    vl_cache_release_exclusive(write->tree->cache, &write->leaf);
    if (!is_ready) {
        *purged = 1; /* as good as: the leaf is to be looked at again */
        st = vl_change_wait(ctx, &change);
    }
    vl_change_end(&change);
    vl_tree_key_free_drops(ctx, write->tree, write->work, &write->drops, write->op->note,
                           write->op->argument);
    return st;
}

/* The leaf is too full: make room. It is released. */
static velo_status
key_write_make_room(vl_ctx *ctx, vl_tree_key_write *write)
{
    vl_node_key_entry entry = key_write_entry(write);
    vl_tree_key_incoming incoming = {.entry = &entry,
                                     .is_replace = !key_write_is_new(write),
                                     .note = write->op->note,
                                     .argument = write->op->argument};
    uint32_t purged = 0;

    if (write->op->is_purgeable != NULL && vl_node_key_tombstones(write->leaf.page) > 0)
        VL_TRY(key_write_make_room_by_purge(ctx, write, &purged));
    vl_cache_release_exclusive(write->tree->cache, &write->leaf);
    if (purged > 0)
        return VELO_OK;
    return vl_tree_key_split_leaf(ctx, write->tree, write->work, &write->target, &incoming);
}

/* Find the entry's place and make it ready. *is_ready 0: not yet, and the leaf is released. */
static velo_status
key_write_try(vl_ctx *ctx, vl_tree_key_write *write, int *is_ready)
{
    const vl_tree *tree = write->tree;

    *is_ready = 1;
    vl_tree_key_target_init(&write->target, &write->key, VL_TREE_AT);
    VL_TRY(vl_tree_key_find_place(ctx, tree, &write->target, VL_TREE_EXCLUSIVE, &write->leaf,
                                  &write->index, &write->state));
    write->is_possible = key_write_suits(write->op->action, write->state);
    if (!write->is_possible)
        return VELO_OK;
    if (key_write_is_new(write) && write->key.rest == 0 &&
        vl_tree_key_is_long(tree, write->key.total_size)) {
        *is_ready = 0;
        vl_cache_release_exclusive(tree->cache, &write->leaf);
        return key_write_rest(ctx, write);
    }
    if (!key_write_fits(write)) {
        *is_ready = 0;
        return key_write_make_room(ctx, write);
    }
    if (vl_change_prepare(&write->change, &write->leaf))
        return VELO_OK;
    *is_ready = 0;
    vl_cache_release_exclusive(tree->cache, &write->leaf);
    return vl_change_wait(ctx, &write->change);
}

static velo_status
key_write_position(vl_ctx *ctx, vl_tree_key_write *write)
{
    int is_ready = 0;

    while (!is_ready) {
        velo_status st = key_write_try(ctx, write, &is_ready);

        if (st != VELO_OK) {
            write->is_possible = 0;
            return st;
        }
    }
    return VELO_OK;
}

velo_status
vl_tree_key_write_begin(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                        const vl_tree_key_op *op, vl_tree_key_write *write)
{
    uint32_t value_max = vl_node_key_value_max(tree->page_size);

    VL_ASSERT(work->page_size == tree->page_size);
    write->tree = tree;
    write->work = work;
    write->op = op;
    write->leaf.page = NULL;
    write->state = VL_TREE_KEY_ABSENT;
    write->index = 0;
    write->is_possible = 0;
    write->is_underfull = 0;
    write->key = vl_node_key_make(op->key, op->key_size);
    write->drops.count = 0;
    write->drops.dropped = op->dropped;
    write->drops.argument = op->argument;
    vl_tree_key_target_init(&write->target, &write->key, VL_TREE_AT);
    vl_change_begin(tree->cache, &write->change);
    if (op->key_size > VL_TREE_KEY_MAX_SIZE)
        return vl_fail(ctx, VELO_TOOBIG, "a key of %" PRIu32 " bytes is longer than %" PRIu32,
                       op->key_size, VL_TREE_KEY_MAX_SIZE);
    if (op->value_size > value_max)
        return vl_fail(ctx, VELO_TOOBIG,
                       "a value of %" PRIu32 " bytes beside a key is longer than %" PRIu32,
                       op->value_size, value_max);
    return key_write_position(ctx, write);
}

int
vl_tree_key_write_enter(vl_tree_key_write *write)
{
    VL_ASSERT(write->is_possible);
    return vl_change_enter(&write->change);
}

static void
key_write_apply_insert(vl_tree_key_write *write)
{
    uint8_t *scratch = write->work->pages[VL_TREE_KEY_SCRATCH];
    uint32_t page_size = write->tree->page_size;
    vl_node_key_entry entry = key_write_entry(write);
    vl_node_result result;

    if (write->state == VL_TREE_KEY_ABSENT) {
        result = vl_node_key_insert(write->leaf.page, scratch, page_size, write->index, &entry);
        write->key.rest = 0; /* keeps K7 */
    } else {
        result = vl_node_key_replace(write->leaf.page, scratch, page_size, write->index,
                                     entry.value, entry.value_size);
        vl_node_key_mark(write->leaf.page, page_size, write->index, 0);
    }
    VL_CHECK(result == VL_NODE_DONE); /* K6 */
}

void
vl_tree_key_write_apply(vl_tree_key_write *write)
{
    const vl_tree_key_op *op = write->op;
    uint32_t page_size = write->tree->page_size;
    void *page = write->leaf.page;
    vl_node_result result;
    vl_node_key key;

    VL_ASSERT(write->is_possible && write->change.is_inside);
    switch (op->action) {
    case VL_TREE_KEY_INSERT:
        key_write_apply_insert(write);
        break;
    case VL_TREE_KEY_REPLACE:
        result = vl_node_key_replace(page, write->work->pages[VL_TREE_KEY_SCRATCH], page_size,
                                     write->index, op->value, op->value_size);
        VL_CHECK(result == VL_NODE_DONE); /* K6 */
        break;
    case VL_TREE_KEY_MARK:
    case VL_TREE_KEY_UNMARK:
        vl_node_key_mark(page, page_size, write->index, op->action == VL_TREE_KEY_MARK);
        break;
    case VL_TREE_KEY_REMOVE:
        key = vl_node_key_entry_at(page, page_size, write->index, NULL).key;
        vl_tree_key_drop(&write->drops, write->tree, key.rest, key.total_size);
        vl_node_key_remove(page, page_size, write->index);
        write->is_underfull = vl_tree_key_ops.is_underfull(write->tree, page);
        break;
    }
}

void
vl_tree_key_write_leave(vl_tree_key_write *write)
{
    vl_change_leave(&write->change);
}

velo_status
vl_tree_key_write_retry(vl_ctx *ctx, vl_tree_key_write *write)
{
    velo_status st;

    vl_cache_release_exclusive(write->tree->cache, &write->leaf);
    st = vl_change_wait(ctx, &write->change);
    if (st != VELO_OK) {
        write->is_possible = 0;
        return st;
    }
    return key_write_position(ctx, write);
}

void
vl_tree_key_write_end(vl_ctx *ctx, vl_tree_key_write *write)
{
    const vl_tree_key_op *op = write->op;

    vl_cache_release_exclusive(write->tree->cache, &write->leaf);
    vl_change_end(&write->change);
    vl_tree_key_target_end(&write->target);
    vl_tree_key_free_unused(ctx, write->tree, write->work, write->key.rest, write->key.total_size,
                            op->note, op->argument);
    write->key.rest = 0;
    if (write->is_underfull)
        vl_tree_key_join_leaf(ctx, write->tree, write->work, &write->key, &write->drops);
    vl_tree_key_free_drops(ctx, write->tree, write->work, &write->drops, op->note,
                           op->argument); /* keeps K8 */
}

/* ---- for who needs nothing in between ---- */

velo_status
vl_tree_key_change(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, const vl_tree_key_op *op,
                   const vl_tree_log *log, vl_tree_key_state *state)
{
    vl_tree_key_write write;
    velo_status st = vl_tree_key_write_begin(ctx, tree, work, op, &write);

    while (st == VELO_OK && write.is_possible) {
        if (vl_tree_key_write_enter(&write)) {
            if (log != NULL)
                log->append(log->argument);
            vl_tree_key_write_apply(&write);
            vl_tree_key_write_leave(&write);
            break;
        }
        st = vl_tree_key_write_retry(ctx, &write);
    }
    *state = st == VELO_OK ? write.state : VL_TREE_KEY_ABSENT;
    vl_tree_key_write_end(ctx, &write);
    return st;
}

velo_status
vl_tree_key_insert(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, const void *key,
                   uint32_t key_size, const void *value, uint32_t value_size, int *is_done)
{
    vl_tree_key_op op = {.action = VL_TREE_KEY_INSERT,
                         .key = key,
                         .key_size = key_size,
                         .value = value,
                         .value_size = value_size};
    vl_tree_key_state state;

    *is_done = 0;
    VL_TRY(vl_tree_key_change(ctx, tree, work, &op, NULL, &state));
    *is_done = state != VL_TREE_KEY_LIVE;
    return VELO_OK;
}

velo_status
vl_tree_key_remove(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, const void *key,
                   uint32_t key_size, int *is_done)
{
    vl_tree_key_op op = {.action = VL_TREE_KEY_REMOVE, .key = key, .key_size = key_size};
    vl_tree_key_state state;

    *is_done = 0;
    VL_TRY(vl_tree_key_change(ctx, tree, work, &op, NULL, &state));
    *is_done = state != VL_TREE_KEY_ABSENT;
    return VELO_OK;
}
