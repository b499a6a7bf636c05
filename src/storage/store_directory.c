/* store_directory.c - the table of trees: on pages, and in memory.
 *
 * The directory is a table tree whose rows are the trees, by id:
 *
 *   column  1 root    page number of the tree's root
 *           2 kind    vl_tree_kind
 *           3 state   0; 1: dropped, but not all of its pages are returned yet
 *           4 mark    greatest rowid ever given (tables), or NULL
 *           5 layout  a table's columns (layout.h), else NULL
 *
 * Its changes are not logged: recovery makes them again when it creates and drops trees. So each is
 * made inside of an operation that holds the gate (store_int.h).
 *
 * Invariants
 *   DI1  store->entries holds exactly the trees with state 0, by rising id.
 *   DI2  An entry's memory stays until the store is closed: callers keep pointers to it.
 *   DI3  A row's root page exists: the row of a dropped tree goes before the root does. If the root
 *        cannot be freed then, it waits in memory; a crash loses one page to the file, while a row
 *        that outlived its root would name a page of somebody else. */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/rank.h"
#include "storage/tree_key.h"
#include "storage/writer_int.h"

#include <inttypes.h>
#include <string.h>

enum {
    DIRECTORY_ROOT,
    DIRECTORY_KIND,
    DIRECTORY_STATE,
    DIRECTORY_MARK,
    DIRECTORY_LAYOUT,
    DIRECTORY_COLUMNS
};

static const uint32_t directory_ids[DIRECTORY_COLUMNS] = {1, 2, 3, 4, 5};

/* ---- in memory ---- */

/* Position of a tree among the entries, or of where it would be. */
static uint32_t
directory_place(const vl_store *store, vl_tree_id id)
{
    uint32_t low = 0, high = store->entry_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (store->entries[middle]->tree.tree.id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

velo_status
vl_store_find_tree(vl_ctx *ctx, vl_store *store, vl_tree_id id, vl_store_tree **out)
{
    uint32_t place;

    *out = NULL;
    vl_latch_acquire_shared(&store->latch);
    place = directory_place(store, id);
    if (place < store->entry_count && store->entries[place]->tree.tree.id == id)
        *out = &store->entries[place]->tree;
    vl_latch_release_shared(&store->latch);
    return *out != NULL ? VELO_OK : vl_fail(ctx, VELO_NOTFOUND, "there is no tree %" PRIu64, id);
}

velo_status
vl_store_next_tree(vl_ctx *ctx, vl_store *store, vl_tree_id after, vl_store_tree **out)
{
    uint32_t place;

    *out = NULL;
    vl_latch_acquire_shared(&store->latch);
    place = directory_place(store, after + 1);
    if (after != UINT64_MAX && place < store->entry_count)
        *out = &store->entries[place]->tree;
    vl_latch_release_shared(&store->latch);
    return *out != NULL ? VELO_OK
                        : vl_fail(ctx, VELO_NOTFOUND, "there is no tree behind %" PRIu64, after);
}

/* Claim room for one entry: under the latch. */
static velo_status
directory_reserve(vl_ctx *ctx, vl_store *store)
{
    uint32_t capacity = store->entry_capacity == 0 ? 16 : 2 * store->entry_capacity;
    vl_store_entry **grown;

    if (store->entry_count + store->entry_claims == store->entry_capacity) {
        grown = vl_realloc(ctx, store->entries, capacity * sizeof(*grown));
        if (grown == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate the table of trees");
        store->entries = grown;
        store->entry_capacity = capacity;
    }
    store->entry_claims++;
    return VELO_OK;
}

/* What the layer above is to be told of. */
static void
directory_add_hook(const vl_store *store, vl_tree *tree)
{
    const vl_store_layer *layer = store->options.layer;

    if (layer == NULL)
        return;
    tree->moved = layer->moved;
    tree->argument = layer->user;
}

/* Make an entry, in no list yet. The layout stays the caller's on failure. */
static vl_store_entry *
directory_make_entry(vl_ctx *ctx, vl_store *store, vl_tree_id id, vl_tree_kind kind, vl_pid root)
{
    vl_store_entry *entry = vl_alloc_zero(ctx, sizeof *entry);

    if (entry == NULL) {
        (void)vl_fail(ctx, VELO_NOMEM, "cannot allocate a tree's place in memory");
        return NULL;
    }
    vl_tree_init(&entry->tree.tree, kind == VL_TREE_TABLE ? &vl_table_ops : &vl_tree_key_ops,
                 store->cache, id, root);
    directory_add_hook(store, &entry->tree.tree);
    entry->tree.kind = kind;
    atomic_init(&entry->tree.mark, INT64_MIN);
    return entry;
}

/* Put an entry into the place that was claimed for it: under the latch. */
static void
directory_insert_entry(vl_store *store, vl_store_entry *entry)
{
    uint32_t place = directory_place(store, entry->tree.tree.id);

    VL_ASSERT(store->entry_claims > 0);
    store->entry_claims--;
    memmove(store->entries + place + 1, store->entries + place,
            (store->entry_count - place) * sizeof(*store->entries));
    store->entries[place] = entry;
    store->entry_count++;
}

static void
directory_destroy_entry(vl_store_entry *entry)
{
    vl_layout_destroy(atomic_load_explicit(&entry->tree.layout, memory_order_relaxed));
    vl_free(entry);
}

static void
directory_destroy_list(vl_store_entry *entry)
{
    while (entry != NULL) {
        vl_store_entry *next = entry->next;

        directory_destroy_entry(entry);
        entry = next;
    }
}

void
vl_directory_unload(vl_store *store)
{
    for (uint32_t i = 0; i < store->entry_count; i++)
        directory_destroy_entry(store->entries[i]);
    directory_destroy_list(store->dropping);
    directory_destroy_list(store->dropped);
    vl_free(store->entries);
    vl_layout_destroy(store->directory_layout);
    store->entries = NULL;
    store->entry_count = 0;
    store->dropping = NULL;
    store->dropped = NULL;
    store->directory_layout = NULL;
}

/* ---- on pages ---- */

static vl_leaf_value
directory_integer(int64_t integer)
{
    return (vl_leaf_value){.value = {.type = VL_TYPE_INTEGER, .as.integer = integer}};
}

static vl_leaf_value
directory_mark_value(int64_t mark)
{
    vl_leaf_value null = {.value = {.type = VL_TYPE_NULL}};

    return mark == INT64_MIN ? null : directory_integer(mark);
}

static vl_leaf_value
directory_layout_value(const vl_layout *layout)
{
    vl_leaf_value value = {.value = {.type = VL_TYPE_NULL}};

    if (layout != NULL) {
        value.value.type = VL_TYPE_BLOB;
        value.value.size = (uint32_t)layout->record_size;
        value.value.as.data = layout->record;
    }
    return value;
}

/* The directory as a tree that operations can be made on. */
static void
directory_as_tree(vl_store *store, vl_store_tree *tree)
{
    memset(tree, 0, sizeof *tree);
    tree->tree = store->directory;
    tree->kind = VL_TREE_TABLE;
    atomic_init(&tree->layout, store->directory_layout);
}

/* Run an operation on the directory without a log record. */
static velo_status
directory_insert_row(vl_ctx *ctx, vl_writer *writer, vl_tree_id id, vl_leaf_value *columns)
{
    vl_store_tree directory;
    int was_silent = writer->is_silent;
    velo_status st;

    directory_as_tree(writer->store, &directory);
    writer->is_silent = 1;
    st = vl_writer_do_insert(ctx, writer, &directory, (int64_t)id, columns);
    writer->is_silent = was_silent;
    return st;
}

static velo_status
directory_update_row(vl_ctx *ctx, vl_writer *writer, vl_tree_id id, uint32_t column,
                     vl_leaf_value value)
{
    vl_store_tree directory;
    int was_silent = writer->is_silent;
    velo_status st;

    directory_as_tree(writer->store, &directory);
    writer->is_silent = 1;
    st = vl_writer_do_update(ctx, writer, &directory, (int64_t)id, directory_ids + column, &value,
                             1);
    writer->is_silent = was_silent;
    return st;
}

static velo_status
directory_delete_row(vl_ctx *ctx, vl_writer *writer, vl_tree_id id)
{
    vl_store_tree directory;
    int was_silent = writer->is_silent;
    velo_status st;

    directory_as_tree(writer->store, &directory);
    writer->is_silent = 1;
    st = vl_writer_do_delete(ctx, writer, &directory, (int64_t)id);
    writer->is_silent = was_silent;
    return st;
}

/* ---- loading ---- */

static velo_status
directory_damaged(vl_ctx *ctx, int64_t id)
{
    return vl_fail(ctx, VELO_CORRUPT, "the directory's entry of tree %" PRId64 " is damaged", id);
}

/* Make an entry of a row. */
static velo_status
directory_load_row(vl_ctx *ctx, vl_store *store, int64_t id, const vl_value *row)
{
    vl_store_entry *entry;
    vl_layout *layout = NULL;
    int64_t kind, root;
    velo_status st;

    if (row[DIRECTORY_ROOT].type != VL_TYPE_INTEGER ||
        row[DIRECTORY_KIND].type != VL_TYPE_INTEGER ||
        row[DIRECTORY_STATE].type != VL_TYPE_INTEGER || id < (int64_t)VL_STORE_FIRST_TREE)
        return directory_damaged(ctx, id);
    kind = row[DIRECTORY_KIND].as.integer;
    root = row[DIRECTORY_ROOT].as.integer;
    if (row[DIRECTORY_STATE].as.integer < 0 || row[DIRECTORY_STATE].as.integer > 1 || root < 1 ||
        root > UINT32_MAX || (kind != VL_TREE_TABLE && kind != VL_TREE_KEY) ||
        (kind == VL_TREE_TABLE) != (row[DIRECTORY_LAYOUT].type == VL_TYPE_BLOB))
        return directory_damaged(ctx, id);
    if (kind == VL_TREE_TABLE)
        VL_TRY(vl_layout_parse(ctx, store->page_size, row[DIRECTORY_LAYOUT].as.data,
                               row[DIRECTORY_LAYOUT].size, &layout));
    entry = directory_make_entry(ctx, store, (vl_tree_id)id, (vl_tree_kind)kind, (vl_pid)root);
    if (entry == NULL) {
        vl_layout_destroy(layout);
        return VELO_NOMEM;
    }
    atomic_init(&entry->tree.layout, layout);
    st = directory_reserve(ctx, store);
    if (st != VELO_OK) {
        directory_destroy_entry(entry);
        return st;
    }
    if (row[DIRECTORY_MARK].type == VL_TYPE_INTEGER)
        atomic_init(&entry->tree.mark, row[DIRECTORY_MARK].as.integer);
    if (row[DIRECTORY_STATE].as.integer == 0) {
        directory_insert_entry(store, entry);
    } else {
        store->entry_claims--;
        entry->next = store->dropping;
        store->dropping = entry;
    }
    return VELO_OK;
}

/* The rowid of the first row behind `after`; *found 0 at the end. */
static velo_status
directory_next_row(vl_ctx *ctx, vl_store *store, int64_t after, int64_t *rowid, int *found)
{
    vl_table_scan scan;
    velo_status st;

    *found = 0;
    vl_table_scan_begin(&scan, &store->directory, (vl_rowid_range){after + 1, INT64_MAX}, 0);
    for (;;) {
        st = vl_table_scan_next(ctx, &scan);
        if (st != VELO_OK || scan.leaf == NULL)
            break;
        for (uint32_t rank = scan.rank_first; rank < scan.rank_end && !*found; rank++) {
            uint32_t slot = vl_leaf_slot_at(scan.leaf, rank);

            *rowid = vl_leaf_rowid(scan.leaf, slot);
            *found = vl_leaf_slot_state(scan.leaf, slot) == VL_LEAF_LIVE;
        }
        if (*found)
            break;
    }
    vl_table_scan_end(&scan);
    return st;
}

/* Make the layout of the directory's own rows. */
static velo_status
directory_make_layout(vl_ctx *ctx, vl_store *store)
{
    vl_leaf_value defaults[DIRECTORY_COLUMNS];
    vl_leaf_schema columns = {directory_ids, defaults, DIRECTORY_COLUMNS, 0};

    if (store->directory_layout != NULL)
        return VELO_OK;
    memset(defaults, 0, sizeof defaults);
    for (uint32_t i = 0; i < DIRECTORY_COLUMNS; i++)
        defaults[i].value.type = VL_TYPE_NULL;
    return vl_layout_create(ctx, store->page_size, &columns, &store->directory_layout);
}

velo_status
vl_directory_load(vl_ctx *ctx, vl_store *store)
{
    vl_value row[DIRECTORY_COLUMNS];
    vl_store_tree directory;
    vl_arena arena;
    int64_t id = INT64_MIN;
    velo_status st;
    int found = 0;

    VL_TRY(directory_make_layout(ctx, store));
    vl_tree_init(&store->directory, &vl_table_ops, store->cache, VL_DIRECTORY_TREE,
                 VL_DIRECTORY_ROOT);
    directory_as_tree(store, &directory);
    vl_arena_init(&arena, ctx->allocator, 0);
    do {
        st = directory_next_row(ctx, store, id, &id, &found);
        if (st == VELO_OK && found)
            st = vl_store_read_row(ctx, store, &directory, id, &arena, row);
        if (st == VELO_OK && found)
            st = directory_load_row(ctx, store, id, row);
        vl_arena_reset(&arena);
    } while (st == VELO_OK && found && id < INT64_MAX);
    vl_arena_deinit(&arena);
    return st;
}

velo_status
vl_directory_create(vl_ctx *ctx, vl_store *store)
{
    VL_TRY(directory_make_layout(ctx, store));
    if (store->directory.ops != NULL)
        return VELO_OK;
    VL_TRY(vl_tree_create(ctx, &vl_table_ops, store->cache, VL_DIRECTORY_TREE, NULL,
                          &store->directory));
    VL_CHECK(store->directory.root == VL_DIRECTORY_ROOT);
    return VELO_OK;
}

/* ---- changing ---- */

/* Make an entry, its place, and the tree itself. The layout goes with the entry. */
static velo_status
directory_add_tree(vl_ctx *ctx, vl_store *store, vl_tree_id id, vl_tree_kind kind,
                   vl_layout *layout, vl_store_entry **out)
{
    vl_store_entry *entry = directory_make_entry(ctx, store, id, kind, 0);
    velo_status st;

    *out = NULL;
    if (entry == NULL) {
        vl_layout_destroy(layout);
        return VELO_NOMEM;
    }
    atomic_init(&entry->tree.layout, layout);
    vl_latch_acquire_exclusive(&store->latch);
    st = directory_reserve(ctx, store);
    vl_latch_release_exclusive(&store->latch);
    if (st == VELO_OK) {
        st = vl_tree_create(ctx, entry->tree.tree.ops, store->cache, id, NULL, &entry->tree.tree);
        if (st == VELO_OK) {
            directory_add_hook(store, &entry->tree.tree);
            *out = entry;
            return VELO_OK;
        }
        vl_latch_acquire_exclusive(&store->latch);
        store->entry_claims--;
        vl_latch_release_exclusive(&store->latch);
    }
    directory_destroy_entry(entry);
    return st;
}

velo_status
vl_directory_add(vl_ctx *ctx, vl_writer *writer, vl_tree_id id, vl_tree_kind kind,
                 vl_layout *layout, vl_store_entry **out)
{
    vl_store *store = writer->store;
    vl_leaf_value columns[DIRECTORY_COLUMNS];
    vl_store_entry *entry;
    vl_error failure;
    int is_gone = 0;
    velo_status st;

    *out = NULL;
    VL_TRY(directory_add_tree(ctx, store, id, kind, layout, &entry));
    columns[DIRECTORY_ROOT] = directory_integer(entry->tree.tree.root);
    columns[DIRECTORY_KIND] = directory_integer(kind);
    columns[DIRECTORY_STATE] = directory_integer(0);
    columns[DIRECTORY_MARK] = directory_mark_value(INT64_MIN);
    columns[DIRECTORY_LAYOUT] = directory_layout_value(layout);
    st = directory_insert_row(ctx, writer, id, columns);
    if (st == VELO_OK) {
        *out = entry;
        return VELO_OK;
    }
    vl_latch_acquire_exclusive(&store->latch);
    store->entry_claims--;
    vl_latch_release_exclusive(&store->latch);
    /* What was first found out is what the caller is told. The root is a page in memory that was
     * made a moment ago, so it goes without I/O; if not, it is lost to the file. */
    failure = ctx->error;
    if (vl_tree_drop(ctx, &entry->tree.tree, writer->work, UINT32_MAX, NULL, &is_gone) != VELO_OK)
        vl_log_write(ctx->log, VL_LOG_ERROR, ctx->error.code,
                     "the page of a tree that could not be created is lost: %s", ctx->error.text);
    ctx->error = failure;
    directory_destroy_entry(entry);
    return st;
}

void
vl_directory_publish(vl_store *store, vl_store_entry *entry)
{
    vl_latch_acquire_exclusive(&store->latch);
    directory_insert_entry(store, entry);
    vl_latch_release_exclusive(&store->latch);
}

/* Take a tree out of those that can be found, its place kept for it; NULL when it is not there. */
static vl_store_entry *
directory_take(vl_store *store, const vl_store_tree *tree)
{
    vl_store_entry *entry = NULL;
    uint32_t place;

    vl_latch_acquire_exclusive(&store->latch);
    place = directory_place(store, tree->tree.id);
    if (place < store->entry_count && &store->entries[place]->tree == tree) {
        entry = store->entries[place];
        memmove(store->entries + place, store->entries + place + 1,
                (store->entry_count - place - 1) * sizeof(*store->entries));
        store->entry_count--;
        store->entry_claims++;
    }
    vl_latch_release_exclusive(&store->latch);
    return entry;
}

velo_status
vl_directory_drop(vl_ctx *ctx, vl_writer *writer, vl_store_tree *tree)
{
    vl_store *store = writer->store;
    vl_store_entry *entry = directory_take(store, tree);
    velo_status st;

    if (entry == NULL)
        return vl_fail(ctx, VELO_NOTFOUND, "there is no tree %" PRIu64, tree->tree.id);
    st = directory_update_row(ctx, writer, tree->tree.id, DIRECTORY_STATE, directory_integer(1));
    if (st != VELO_OK) {
        vl_directory_publish(store, entry);
        return st;
    }
    vl_latch_acquire_exclusive(&store->latch);
    store->entry_claims--;
    entry->next = store->dropping;
    store->dropping = entry;
    vl_latch_release_exclusive(&store->latch);
    return VELO_OK;
}

/* All pages of a tree are returned. */
static void
directory_end_drop(vl_store *store, vl_store_entry *entry)
{
    vl_store_entry **link = &store->dropping;

    vl_latch_acquire_exclusive(&store->latch);
    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    entry->next = store->dropped;
    store->dropped = entry;
    vl_latch_release_exclusive(&store->latch);
}

velo_status
vl_directory_drop_step(vl_ctx *ctx, vl_writer *writer, int *is_done)
{
    vl_store *store = writer->store;
    vl_store_entry *entry;
    int is_bare = 0;
    int is_gone = 0;

    vl_latch_acquire_shared(&store->latch);
    entry = store->dropping;
    vl_latch_release_shared(&store->latch);
    *is_done = entry == NULL;
    if (entry == NULL)
        return VELO_OK;
    if (!entry->is_forgotten) {
        VL_TRY(vl_tree_drop_below_root(ctx, &entry->tree.tree, writer->work, VL_STORE_DROP_STEP,
                                       &is_bare));
        if (!is_bare)
            return VELO_OK;
        VL_TRY(directory_delete_row(ctx, writer, entry->tree.tree.id)); /* keeps DI3 */
        entry->is_forgotten = 1;
    }
    VL_TRY(vl_tree_drop(ctx, &entry->tree.tree, writer->work, UINT32_MAX, NULL, &is_gone));
    directory_end_drop(store, entry);
    return VELO_OK;
}

velo_status
vl_directory_set_layout(vl_ctx *ctx, vl_writer *writer, vl_store_tree *tree, vl_layout *layout)
{
    velo_status st = directory_update_row(ctx, writer, tree->tree.id, DIRECTORY_LAYOUT,
                                          directory_layout_value(layout));

    if (st != VELO_OK) {
        vl_layout_destroy(layout);
        return st;
    }
    layout->older = atomic_load_explicit(&tree->layout, memory_order_relaxed);
    atomic_store_explicit(&tree->layout, layout, memory_order_release);
    return VELO_OK;
}

velo_status
vl_directory_set_mark(vl_ctx *ctx, vl_writer *writer, const vl_store_tree *tree, int64_t mark)
{
    return directory_update_row(ctx, writer, tree->tree.id, DIRECTORY_MARK,
                                directory_mark_value(mark));
}
