/* tree_key_load.c - loading sorted entries.
 *
 * Where an empty leaf is the last of the tree, a whole page is built from the entries that come
 * next and takes its place, and an empty leaf comes behind it: one write section for a page of
 * entries. Elsewhere entries are inserted, as many with one section as come next to each other in a
 * leaf that has room. Long keys go one by one.
 *
 * Invariants
 *  K15  After every section the tree is whole, and holds what it held before and the entries that
 *       were counted as taken.
 *  K16  A page that was built takes the place of a leaf only while that is empty, has the same low
 *       fence and no high one: so all that it holds belongs there, and is not there yet. */
#include "base/alloc.h"
#include "storage/key.h"
#include "storage/tree_key_int.h"

#include <inttypes.h>
#include <string.h>

/* Most entries that go into a leaf with one section. */
#define KEY_LOAD_RUN VL_TREE_KEY_LOAD_RUN

/* Fewer are not worth building a page for. */
#define KEY_LOAD_BUILD_MIN 8U

/* One load. */
typedef struct key_load {
    const vl_tree *tree;             /* where */
    vl_tree_work *work;              /* scratch */
    const vl_tree_key_load_log *log; /* or NULL */
    const vl_tree_key_item *items;   /* what is still to come */
    uint32_t count;                  /* how many */
    vl_node_key_entry *entries;      /* the next ones, as nodes want them */
    uint32_t entry_room;             /* how many there is room for */
    int may_build;                   /* 0: building has just been of no use */
    int is_versioned;                /* log->added is there */
    int is_over;                     /* versioned: the next entry is the caller's */
} key_load;

static velo_status
key_load_grant(vl_ctx *ctx, const key_load *load, uint32_t count)
{
    if (load->log == NULL || load->log->grant == NULL)
        return VELO_OK;
    return load->log->grant(ctx, load->log->argument, load->items, count);
}

static void
key_load_append(const key_load *load, uint32_t count)
{
    if (load->log != NULL && load->log->append != NULL)
        load->log->append(load->log->argument, load->items, count);
}

static void
key_load_take(key_load *load, uint32_t count)
{
    load->items += count;
    load->count -= count;
}

static vl_node_key_entry
key_load_entry(const vl_tree_key_item *item)
{
    vl_node_key_entry entry = {.key = vl_node_key_make(item->key, item->key_size)};

    entry.value = item->value;
    entry.value_size = item->value_size;
    return entry;
}

static velo_status
key_load_refuse(vl_ctx *ctx, const key_load *load)
{
    return vl_fail(ctx, VELO_CONSTRAINT,
                   "tree %" PRIu64 ": a key of %" PRIu32 " bytes that is to be loaded is there",
                   load->tree->id, load->items->key_size);
}

/* ---- long keys ---- */

static velo_status
key_load_one(vl_ctx *ctx, key_load *load)
{
    vl_tree_key_op op = {.action = VL_TREE_KEY_INSERT,
                         .key = load->items->key,
                         .key_size = load->items->key_size,
                         .value = load->items->value,
                         .value_size = load->items->value_size};
    vl_tree_key_write write;
    int is_done = 0;
    velo_status st;

    if (load->log != NULL) {
        op.note = load->log->note;
        op.argument = load->log->argument;
    }
    VL_TRY(key_load_grant(ctx, load, 1));
    st = vl_tree_key_write_begin(ctx, load->tree, load->work, &op, &write);
    while (st == VELO_OK && !is_done) {
        if (write.state != VL_TREE_KEY_ABSENT) {
            st = key_load_refuse(ctx, load);
        } else if (vl_tree_key_write_enter(&write)) {
            key_load_append(load, 1);
            vl_tree_key_write_apply(&write);
            vl_tree_key_write_leave(&write);
            is_done = 1;
        } else {
            st = vl_tree_key_write_retry(ctx, &write);
        }
    }
    vl_tree_key_write_end(ctx, &write);
    if (st == VELO_OK)
        key_load_take(load, 1);
    return st;
}

/* ---- runs in a leaf ---- */

/* Whether the entry belongs to the leaf, is not there, and fits: its place in *index. */
static int
key_load_suits(const key_load *load, const void *leaf, const vl_node_key_entry *entry,
               uint32_t *index)
{
    uint32_t page_size = load->tree->page_size;
    vl_node_key_place place;

    if (vl_tree_key_is_long(load->tree, entry->key.total_size) ||
        entry->value_size > vl_node_key_value_max(page_size) ||
        vl_node_key_covers(leaf, page_size, &entry->key, NULL, &place) != VL_NODE_FOUND ||
        vl_node_key_find(leaf, page_size, &entry->key, NULL, &place) != VL_NODE_ABSENT ||
        !vl_node_key_can_insert(leaf, page_size, entry))
        return 0;
    *index = place.index;
    return 1;
}

/* Insert what comes next, up to `granted` entries, into the latched leaf, where the first one fits:
 * 1, or 0 when the cache has to make ready first. */
static int
key_load_fill(key_load *load, vl_change *change, vl_page_ref *leaf, uint32_t granted)
{
    uint8_t *scratch = load->work->pages[VL_TREE_KEY_SCRATCH];
    uint32_t count = 0;

    if (!vl_change_prepare(change, leaf) || !vl_change_enter(change))
        return 0;
    while (count < granted) {
        vl_node_key_entry entry = key_load_entry(&load->items[count]);
        vl_node_result result;
        uint32_t index;

        if (!key_load_suits(load, leaf->page, &entry, &index))
            break;
        result = vl_node_key_insert(leaf->page, scratch, load->tree->page_size, index, &entry);
        VL_CHECK(result == VL_NODE_DONE);
        count++;
    }
    key_load_append(load, count);
    if (load->is_versioned)
        load->log->added(load->log->argument, leaf, load->items, count);
    vl_change_leave(change);
    key_load_take(load, count);
    return 1;
}

/* ---- whole leaves ---- */

/* Build a page of what comes next. Returns how many entries it has; 0: it is not to be. */
static uint32_t
key_load_build(key_load *load, const vl_node_key *low, vl_pid pid)
{
    const vl_tree *tree = load->tree;
    vl_node_key_load build = {.id = {pid, 0, tree->id},
                              .entries = load->entries,
                              .fill_size = tree->page_size - tree->page_size / 16};
    vl_node_key separator;
    uint32_t taken;

    build.fences.low = *low;
    build.fences.high = vl_node_key_make("", 0);
    while (build.count < load->count && build.count < load->entry_room &&
           !vl_tree_key_is_long(tree, load->items[build.count].key_size) &&
           load->items[build.count].value_size <= vl_node_key_value_max(tree->page_size)) {
        load->entries[build.count] = key_load_entry(&load->items[build.count]);
        build.count++;
    }
    if (build.count < KEY_LOAD_BUILD_MIN ||
        vl_node_key_build(load->work->pages[VL_TREE_KEY_MADE], tree->page_size, &build,
                          load->work->pages[VL_TREE_KEY_SEPARATOR], &separator,
                          &taken) != VL_NODE_DONE ||
        taken == build.count) /* all of them: these may not be the last */
        return 0;
    return taken;
}

/* The leaf is empty, the last one of the tree, and released; its low fence was copied. Put a page
 * that is built in its place. *taken receives how many entries it has, 0 when that was not to be.
 */
static velo_status
key_load_page(vl_ctx *ctx, key_load *load, const vl_node_key *low, vl_pid pid, uint32_t *taken)
{
    vl_node_key key = vl_node_key_make(load->items->key, load->items->key_size);
    vl_tree_key_incoming incoming = {.built = load->work->pages[VL_TREE_KEY_MADE],
                                     .items = load->items};
    vl_tree_target target;

    *taken = 0;
    incoming.item_count = key_load_build(load, low, pid);
    if (incoming.item_count == 0)
        return VELO_OK;
    VL_TRY(key_load_grant(ctx, load, incoming.item_count));
    if (load->log != NULL && load->log->append != NULL)
        incoming.log = load->log;
    vl_tree_key_target_init(&target, &key, VL_TREE_AT);
    VL_TRY(vl_tree_key_split_leaf(ctx, load->tree, load->work, &target, &incoming));
    if (incoming.built == NULL)
        *taken = incoming.item_count;
    return VELO_OK;
}

/* ---- both ---- */

/* The first entry does not fit its leaf, which is released. */
static velo_status
key_load_split(vl_ctx *ctx, const key_load *load)
{
    vl_node_key_entry entry = key_load_entry(load->items);
    vl_tree_key_incoming incoming = {.entry = &entry};
    vl_tree_target target;

    if (load->log != NULL) {
        incoming.note = load->log->note;
        incoming.argument = load->log->argument;
    }
    vl_tree_key_target_init(&target, &entry.key, VL_TREE_AT);
    return vl_tree_key_split_leaf(ctx, load->tree, load->work, &target, &incoming);
}

/* Whether the next entry, whose leaf is latched, is to be left to the caller: its versions, or
 * those of tombstones, are to be looked at. */
static int
key_load_leaves(const key_load *load, const void *leaf, vl_tree_key_state state,
                const vl_node_key_entry *entry)
{
    return load->is_versioned && (state != VL_TREE_KEY_ABSENT ||
                                  (vl_node_key_tombstones(leaf) > 0 &&
                                   !vl_node_key_can_insert(leaf, load->tree->page_size, entry)));
}

/* The first entry's leaf is latched: build a page in its place, if it is empty and the last one. 0:
 * it is not, and latched still. */
static int
key_load_may_build(const key_load *load, const void *leaf)
{
    return load->may_build && !load->is_versioned &&
           vl_node_key_count(leaf, load->tree->page_size) == 0 &&
           vl_node_key_high(leaf, load->tree->page_size, NULL).size == 0;
}

/* Insert some entries, the first of which is not long, or make room for it. */
static velo_status
key_load_step(vl_ctx *ctx, key_load *load, vl_change *change)
{
    const vl_tree *tree = load->tree;
    vl_node_key_entry entry = key_load_entry(load->items);
    uint32_t granted = load->count < KEY_LOAD_RUN ? load->count : KEY_LOAD_RUN;
    vl_tree_target target;
    vl_tree_key_state state;
    vl_page_ref leaf;
    uint32_t index;
    vl_node_key low;
    vl_pid pid;
    uint32_t taken;
    int is_filled;

    VL_TRY(key_load_grant(ctx, load, granted));
    vl_tree_key_target_init(&target, &entry.key, VL_TREE_AT);
    VL_TRY(vl_tree_key_find_place(ctx, tree, &target, VL_TREE_EXCLUSIVE, &leaf, &index, &state));
    load->is_over = key_load_leaves(load, leaf.page, state, &entry);
    if (load->is_over || state != VL_TREE_KEY_ABSENT) {
        vl_cache_release_exclusive(tree->cache, &leaf);
        return load->is_over ? VELO_OK : key_load_refuse(ctx, load);
    }
    low = vl_node_key_low(leaf.page, tree->page_size, load->work->pages[VL_TREE_KEY_CHUNK]);
    if (key_load_may_build(load, leaf.page)) {
        pid = leaf.pid;
        vl_cache_release_exclusive(tree->cache, &leaf);
        VL_TRY(key_load_page(ctx, load, &low, pid, &taken));
        key_load_take(load, taken);
        load->may_build = taken > 0;
        return VELO_OK;
    }
    load->may_build = 1;
    if (!vl_node_key_can_insert(leaf.page, tree->page_size, &entry)) {
        vl_cache_release_exclusive(tree->cache, &leaf);
        return key_load_split(ctx, load);
    }
    if (load->is_versioned)
        load->log->met(load->log->argument, &leaf, load->items);
    is_filled = key_load_fill(load, change, &leaf, granted);
    vl_cache_release_exclusive(tree->cache, &leaf);
    return is_filled ? VELO_OK : vl_change_wait(ctx, change);
}

/* Insert some entries, with one change. */
static velo_status
key_load_some(vl_ctx *ctx, key_load *load)
{
    vl_change change;
    velo_status st;

    if (vl_tree_key_is_long(load->tree, load->items->key_size) ||
        load->items->value_size > vl_node_key_value_max(load->tree->page_size)) {
        load->is_over = load->is_versioned;
        return load->is_versioned ? VELO_OK
                                  : key_load_one(ctx, load); /* which says what is too big */
    }
    vl_change_begin(load->tree->cache, &change);
    st = key_load_step(ctx, load, &change);
    vl_change_end(&change);
    return st;
}

static velo_status
key_load_check_order(vl_ctx *ctx, const key_load *load)
{
    for (uint32_t i = 1; i < load->count; i++)
        if (vl_key_compare(load->items[i - 1].key, load->items[i - 1].key_size, load->items[i].key,
                           load->items[i].key_size) >= 0)
            return vl_fail(ctx, VELO_CONSTRAINT,
                           "tree %" PRIu64 ": key %" PRIu32 " that is to be loaded does not rise",
                           load->tree->id, i);
    return VELO_OK;
}

velo_status
vl_tree_key_load(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                 const vl_tree_key_item *items, uint32_t count, const vl_tree_key_load_log *log,
                 uint32_t *taken)
{
    key_load load = {
        .tree = tree, .work = work, .log = log, .items = items, .count = count, .may_build = 1};
    velo_status st;

    *taken = 0;
    load.is_versioned = log != NULL && log->added != NULL;
    VL_TRY(key_load_check_order(ctx, &load));
    load.entry_room = tree->page_size / 8;
    load.entry_room = count < load.entry_room ? count : load.entry_room;
    load.entries =
        load.is_versioned ? NULL : vl_alloc_array(ctx, load.entry_room, sizeof *load.entries);
    if (load.entries == NULL && !load.is_versioned)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate what loading %" PRIu32 " keys takes",
                       count);
    do
        st = load.count > 0 ? key_load_some(ctx, &load) : VELO_OK;
    while (st == VELO_OK && load.count > 0 && !load.is_over);
    vl_free(load.entries);
    *taken = count - load.count;
    return st;
}
