/* salvage_copy.c - a new database of what could be saved.
 *
 * Everything goes through the operations of a writer, each a transaction of its own: slower than a
 * bulk load, but rows come in any order, and of tables whose columns nobody knows, columns come as
 * they are found.
 *
 * Invariants
 *   SC1  A row or an entry that is there is never replaced by one from the pages: verified ones
 * come first. Operations of the log replace. SC2  What the new database refuses is counted and left
 * out; every other failure ends the copy, and what was written is deleted. */
#include "base/alloc.h"
#include "storage/salvage.h"
#include "storage/tree_key.h"
#include "storage/writer_int.h"

#include <inttypes.h>
#include <string.h>

typedef struct salvage_copy {
    vl_store *store;                /* the new database */
    vl_writer *writer;              /* its writer */
    vl_salvage_copy_report *report; /* borrowed */
    int only_verified;              /* leave out the rest */
    vl_tree_id *grown;              /* tables without a layout, by rising id */
    uint32_t grown_count;           /* how many */
    uint32_t grown_capacity;        /* room for so many */
    uint8_t *value;                 /* room for any value of an entry */
    vl_arena arena;                 /* of the row at hand */
} salvage_copy;

/* Whether a failure concerns one row or operation only. */
static int
salvage_copy_is_refusal(velo_status st)
{
    return st == VELO_CONSTRAINT || st == VELO_NOTFOUND || st == VELO_MISUSE || st == VELO_TOOBIG;
}

/* Count what became of an attempt; a refusal is none. Keeps SC2. */
static velo_status
salvage_copy_count(vl_ctx *ctx, velo_status st, uint64_t *done, uint64_t *refused)
{
    if (st != VELO_OK && !salvage_copy_is_refusal(st))
        return st;
    if (st == VELO_OK)
        ++*done;
    else
        ++*refused;
    vl_error_clear(ctx);
    return VELO_OK;
}

/* ---- trees ---- */

/* Position of a table among those without a layout, or where it would be. */
static uint32_t
salvage_copy_place(const salvage_copy *copy, vl_tree_id id)
{
    uint32_t low = 0, high = copy->grown_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (copy->grown[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int
salvage_copy_is_grown(const salvage_copy *copy, vl_tree_id id)
{
    uint32_t place = salvage_copy_place(copy, id);

    return place < copy->grown_count && copy->grown[place] == id;
}

static velo_status
salvage_copy_note_grown(vl_ctx *ctx, salvage_copy *copy, vl_tree_id id)
{
    uint32_t capacity = copy->grown_capacity == 0 ? 16 : 2 * copy->grown_capacity;
    uint32_t place = salvage_copy_place(copy, id);
    vl_tree_id *grown;

    if (copy->grown_count == copy->grown_capacity) {
        grown = vl_realloc(ctx, copy->grown, capacity * sizeof *grown);
        if (grown == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate the list of tables to be saved");
        copy->grown = grown;
        copy->grown_capacity = capacity;
    }
    memmove(copy->grown + place + 1, copy->grown + place,
            (copy->grown_count - place) * sizeof *copy->grown);
    copy->grown[place] = id;
    copy->grown_count++;
    return VELO_OK;
}

/* Create a tree of a given id, which nobody has. */
static velo_status
salvage_copy_create(vl_ctx *ctx, salvage_copy *copy, vl_tree_id id, vl_tree_kind kind,
                    const vl_leaf_schema *columns)
{
    vl_layout *layout = NULL;
    velo_status st;

    if (columns != NULL)
        VL_TRY(vl_layout_create(ctx, copy->store->page_size, columns, &layout));
    st = vl_writer_enter(ctx, copy->writer);
    if (st != VELO_OK) {
        vl_layout_destroy(layout);
        return st;
    }
    (void)vl_atomic_max(&copy->store->next_tree, id + 1);
    st = vl_writer_do_create_tree(ctx, copy->writer, id, kind, layout);
    st = vl_writer_leave(ctx, copy->writer, st);
    if (st == VELO_OK)
        copy->report->tree_count++;
    return st;
}

/* The tree of an id and kind. NOTFOUND: there is none; MISUSE: it is of another kind. */
static velo_status
salvage_copy_find(vl_ctx *ctx, salvage_copy *copy, vl_tree_id id, vl_tree_kind kind,
                  vl_store_tree **tree)
{
    VL_TRY(vl_store_find_tree(ctx, copy->store, id, tree));
    if ((*tree)->kind != kind)
        return vl_fail(ctx, VELO_MISUSE, "tree %" PRIu64 " is of another kind", id);
    return VELO_OK;
}

/* The columns of a layout, if any, and those of `ids` that it lacks. In the arena. */
static velo_status
salvage_copy_join(vl_ctx *ctx, salvage_copy *copy, const vl_layout *layout, const uint32_t *ids,
                  uint32_t count, vl_leaf_schema *joined)
{
    uint32_t have = layout != NULL ? layout->columns.count : 0, all = 0, i = 0, j = 0;
    vl_leaf_value *defaults = vl_arena_alloc_array(&copy->arena, have + count, sizeof *defaults);
    uint32_t *columns = vl_arena_alloc_array(&copy->arena, have + count, sizeof *columns);

    if (defaults == NULL || columns == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the columns of a table");
    while (i < have || j < count) {
        if (i < have && (j == count || layout->columns.ids[i] <= ids[j])) {
            j += j < count && layout->columns.ids[i] == ids[j];
            columns[all] = layout->columns.ids[i];
            defaults[all++] = layout->columns.defaults[i++];
        } else {
            defaults[all].value.type = VL_TYPE_NULL;
            columns[all++] = ids[j++];
        }
    }
    if (all > VL_LAYOUT_MAX_COLUMNS)
        return vl_fail(ctx, VELO_MISUSE, "a table with %u columns", (unsigned)all);
    *joined = (vl_leaf_schema){columns, defaults, (uint16_t)all, 0};
    return VELO_OK;
}

/* Find the table that rows with such columns belong to. If its columns are not known, it gets these
 * as well. */
static velo_status
salvage_copy_get_table(vl_ctx *ctx, salvage_copy *copy, vl_tree_id id, const uint32_t *ids,
                       uint32_t count, vl_store_tree **table)
{
    velo_status st = salvage_copy_find(ctx, copy, id, VL_TREE_TABLE, table);
    const vl_layout *layout = NULL;
    vl_leaf_schema joined = {0};

    if (st == VELO_NOTFOUND && count > 0) {
        vl_error_clear(ctx);
        VL_TRY(salvage_copy_join(ctx, copy, NULL, ids, count, &joined));
        VL_TRY(salvage_copy_create(ctx, copy, id, VL_TREE_TABLE, &joined));
        VL_TRY(salvage_copy_note_grown(ctx, copy, id));
        return salvage_copy_find(ctx, copy, id, VL_TREE_TABLE, table);
    }
    if (st != VELO_OK || !salvage_copy_is_grown(copy, id))
        return st;
    layout = atomic_load_explicit(&(*table)->layout, memory_order_relaxed);
    VL_TRY(salvage_copy_join(ctx, copy, layout, ids, count, &joined));
    return joined.count > layout->columns.count
               ? vl_writer_set_schema(ctx, copy->writer, id, &joined)
               : VELO_OK;
}

static velo_status
salvage_copy_tree(vl_ctx *ctx, void *argument, const vl_salvage_tree *tree)
{
    salvage_copy *copy = argument;
    vl_store_tree *made;

    if ((!tree->is_verified && copy->only_verified) ||
        (tree->kind == VL_TREE_TABLE && tree->layout == NULL))
        return VELO_OK;
    VL_TRY(salvage_copy_create(ctx, copy, tree->id, tree->kind,
                               tree->layout != NULL ? &tree->layout->columns : NULL));
    if (tree->mark == INT64_MIN)
        return VELO_OK;
    VL_TRY(vl_store_find_tree(ctx, copy->store, tree->id, &made));
    return vl_writer_mark(ctx, copy->writer, made, tree->mark);
}

/* ---- rows and entries ---- */

/* Put values of some columns into the order of a table's; those that are not given have their
 * default. In the arena. */
static velo_status
salvage_copy_arrange(vl_ctx *ctx, salvage_copy *copy, const vl_layout *layout, const uint32_t *ids,
                     const vl_value *values, uint32_t count, vl_value **out)
{
    *out = vl_arena_alloc_array(&copy->arena, layout->columns.count, sizeof **out);
    if (*out == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for a row");
    for (uint32_t i = 0; i < layout->columns.count; i++)
        (*out)[i] = layout->columns.defaults[i].value;
    for (uint32_t i = 0; i < count; i++) {
        int column = vl_layout_find(layout, ids[i]);

        if (column >= 0)
            (*out)[column] = values[i];
    }
    return VELO_OK;
}

static velo_status
salvage_copy_insert(vl_ctx *ctx, salvage_copy *copy, vl_store_tree *table, int64_t rowid,
                    const uint32_t *ids, const vl_value *values, uint32_t count)
{
    const vl_layout *layout = atomic_load_explicit(&table->layout, memory_order_relaxed);
    vl_value *row;

    VL_TRY(salvage_copy_arrange(ctx, copy, layout, ids, values, count, &row));
    return vl_writer_insert(ctx, copy->writer, table, rowid, row);
}

static velo_status
salvage_copy_row(vl_ctx *ctx, void *argument, const vl_salvage_row *row)
{
    vl_salvage_copy_report *report = ((salvage_copy *)argument)->report;
    salvage_copy *copy = argument;
    uint64_t before = report->row_count;
    vl_store_tree *table;
    velo_status st;

    if (copy->only_verified && !row->is_verified)
        return VELO_OK;
    vl_arena_reset(&copy->arena);
    st = salvage_copy_get_table(ctx, copy, row->tree, row->ids, row->column_count, &table);
    if (st != VELO_OK)
        return salvage_copy_count(ctx, st, &report->row_count, &report->refused_count);
    st =
        salvage_copy_insert(ctx, copy, table, row->rowid, row->ids, row->values, row->column_count);
    VL_TRY(salvage_copy_count(ctx, st, &report->row_count,
                              st == VELO_CONSTRAINT ? &report->duplicate_count
                                                    : &report->refused_count)); /* SC1 */
    if (report->row_count > before) {
        report->unverified_count += !row->is_verified;
        report->incomplete_count += row->lost_count > 0;
    }
    return VELO_OK;
}

static velo_status
salvage_copy_get_index(vl_ctx *ctx, salvage_copy *copy, vl_tree_id id, vl_store_tree **index)
{
    velo_status st = salvage_copy_find(ctx, copy, id, VL_TREE_KEY, index);

    if (st != VELO_NOTFOUND)
        return st;
    vl_error_clear(ctx);
    VL_TRY(salvage_copy_create(ctx, copy, id, VL_TREE_KEY, NULL));
    return salvage_copy_find(ctx, copy, id, VL_TREE_KEY, index);
}

static velo_status
salvage_copy_entry(vl_ctx *ctx, void *argument, const vl_salvage_entry *entry)
{
    vl_salvage_copy_report *report = ((salvage_copy *)argument)->report;
    salvage_copy *copy = argument;
    uint64_t before = report->row_count;
    vl_tree_key_state state = VL_TREE_KEY_ABSENT;
    vl_store_tree *index;
    uint32_t size;
    velo_status st;

    if (copy->only_verified && !entry->is_verified)
        return VELO_OK;
    st = salvage_copy_get_index(ctx, copy, entry->tree, &index);
    if (st == VELO_OK)
        st = vl_tree_key_get(ctx, &index->tree, entry->key, entry->key_size, copy->value, &size,
                             &state);
    if (st == VELO_OK && state != VL_TREE_KEY_ABSENT) { /* keeps SC1 */
        report->duplicate_count++;
        return VELO_OK;
    }
    if (st == VELO_OK)
        st = vl_writer_put(ctx, copy->writer, index, entry->key, entry->key_size, entry->value,
                           entry->value_size);
    VL_TRY(salvage_copy_count(ctx, st, &report->row_count, &report->refused_count));
    report->unverified_count += report->row_count > before && !entry->is_verified;
    return VELO_OK;
}

/* ---- the log ---- */

/* An insert: what is there has been deleted by something that was lost. */
static velo_status
salvage_copy_redo_insert(vl_ctx *ctx, salvage_copy *copy, const vl_salvage_operation *operation)
{
    vl_store_tree *table;
    velo_status st;

    VL_TRY(salvage_copy_get_table(ctx, copy, operation->tree, operation->ids,
                                  operation->column_count, &table));
    st = vl_writer_delete(ctx, copy->writer, table, operation->rowid);
    if (st != VELO_OK && st != VELO_NOTFOUND)
        return st;
    return salvage_copy_insert(ctx, copy, table, operation->rowid, operation->ids,
                               operation->values, operation->column_count);
}

/* An update of the columns that the table has. */
static velo_status
salvage_copy_redo_update(vl_ctx *ctx, salvage_copy *copy, const vl_salvage_operation *operation)
{
    uint32_t *ids = vl_arena_alloc_array(&copy->arena, operation->column_count + 1, sizeof *ids);
    vl_value *values =
        vl_arena_alloc_array(&copy->arena, operation->column_count + 1, sizeof *values);
    const vl_layout *layout;
    vl_store_tree *table;
    uint32_t count = 0;

    if (ids == NULL || values == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for a row");
    VL_TRY(salvage_copy_find(ctx, copy, operation->tree, VL_TREE_TABLE, &table));
    if (salvage_copy_is_grown(copy, operation->tree))
        VL_TRY(salvage_copy_get_table(ctx, copy, operation->tree, operation->ids,
                                      operation->column_count, &table));
    layout = atomic_load_explicit(&table->layout, memory_order_relaxed);
    for (uint32_t i = 0; i < operation->column_count; i++)
        if (vl_layout_find(layout, operation->ids[i]) >= 0) {
            ids[count] = operation->ids[i];
            values[count++] = operation->values[i];
        }
    return count == 0
               ? VELO_OK
               : vl_writer_update(ctx, copy->writer, table, operation->rowid, ids, values, count);
}

static velo_status
salvage_copy_redo_tree(vl_ctx *ctx, salvage_copy *copy, const vl_salvage_operation *operation)
{
    vl_store_tree *tree;
    velo_status st = vl_store_find_tree(ctx, copy->store, operation->tree, &tree);

    if (operation->type == VL_RECORD_TREE_CREATE) {
        if (st == VELO_OK) /* an unverified one, of before */
            VL_TRY(vl_writer_drop_tree(ctx, copy->writer, operation->tree));
        vl_error_clear(ctx);
        if (operation->tree < VL_STORE_FIRST_TREE || operation->tree >= INT64_MAX)
            return vl_fail(ctx, VELO_MISUSE, "an impossible tree");
        return salvage_copy_create(ctx, copy, operation->tree, operation->kind,
                                   operation->layout != NULL ? &operation->layout->columns : NULL);
    }
    VL_TRY(st);
    if (operation->type == VL_RECORD_TREE_DROP)
        return vl_writer_drop_tree(ctx, copy->writer, operation->tree);
    if (tree->kind != VL_TREE_TABLE)
        return vl_fail(ctx, VELO_MISUSE, "it is no table");
    if (operation->type == VL_RECORD_TREE_LAYOUT)
        return vl_writer_set_schema(ctx, copy->writer, operation->tree,
                                    &operation->layout->columns);
    return vl_writer_mark(ctx, copy->writer, tree, operation->rowid);
}

static velo_status
salvage_copy_redo(vl_ctx *ctx, salvage_copy *copy, const vl_salvage_operation *operation)
{
    vl_store_tree *tree;

    switch (operation->type) {
    case VL_RECORD_TABLE_INSERT:
        return salvage_copy_redo_insert(ctx, copy, operation);
    case VL_RECORD_TABLE_UPDATE:
        return salvage_copy_redo_update(ctx, copy, operation);
    case VL_RECORD_TABLE_DELETE:
        VL_TRY(salvage_copy_find(ctx, copy, operation->tree, VL_TREE_TABLE, &tree));
        return vl_writer_delete(ctx, copy->writer, tree, operation->rowid);
    case VL_RECORD_KEY_PUT:
        VL_TRY(salvage_copy_get_index(ctx, copy, operation->tree, &tree));
        return vl_writer_put(ctx, copy->writer, tree, operation->key, operation->key_size,
                             operation->value, operation->value_size);
    case VL_RECORD_KEY_DELETE:
        VL_TRY(salvage_copy_find(ctx, copy, operation->tree, VL_TREE_KEY, &tree));
        return vl_writer_remove(ctx, copy->writer, tree, operation->key, operation->key_size);
    case VL_RECORD_TREE_CREATE:
    case VL_RECORD_TREE_DROP:
    case VL_RECORD_TREE_LAYOUT:
    case VL_RECORD_TREE_MARK:
        return salvage_copy_redo_tree(ctx, copy, operation);
    case VL_RECORD_COMMIT:
    case VL_RECORD_ABORT:
    case VL_RECORD_DISCARD:
    case VL_RECORD_CHUNK:
    case VL_RECORD_LISTED:
    case VL_RECORD_LIST_END:
    case VL_RECORD_TABLE_ROWS:
        break;
    }
    return VELO_OK; /* none of these is given */
}

static velo_status
salvage_copy_operation(vl_ctx *ctx, void *argument, const vl_salvage_operation *operation)
{
    salvage_copy *copy = argument;
    vl_salvage_copy_report *report = copy->report;

    vl_arena_reset(&copy->arena);
    return salvage_copy_count(ctx, salvage_copy_redo(ctx, copy, operation),
                              &report->operation_count, &report->lost_operation_count);
}

/* ---- all of it ---- */

/* Told of trouble: the caller's own argument is another one than ours. */
typedef struct salvage_copy_work {
    salvage_copy copy;                      /* first, so that callbacks find it */
    const vl_salvage_copy_options *options; /* borrowed */
    vl_io *io;                              /* borrowed */
    const char *to_path;                    /* borrowed */
} salvage_copy_work;

static void
salvage_copy_tell(void *argument, const vl_salvage_line *line)
{
    const salvage_copy_work *work = argument;

    if (work->options->report != NULL)
        work->options->report(work->options->argument, line);
}

/* Open the new database, when it is known how large its pages are: with the first thing that is
 * found, or at the end. */
static velo_status
salvage_copy_begin(vl_ctx *ctx, salvage_copy_work *work)
{
    salvage_copy *copy = &work->copy;
    vl_store_options options = {.page_size = copy->report->found.page_size,
                                .cache_bytes = work->options->cache_bytes,
                                .log_ring_bytes = work->options->log_ring_bytes,
                                .may_create = 1};

    if (copy->store != NULL)
        return VELO_OK;
    VL_TRY(vl_store_open(ctx, work->io, work->to_path, &options, &copy->store));
    VL_TRY(vl_writer_create(ctx, copy->store, &copy->writer));
    vl_writer_set_synchronous(copy->writer, VL_SYNCHRONOUS_OFF);
    copy->value = vl_alloc(ctx, VL_PAGE_MAX_SIZE);
    return copy->value != NULL ? VELO_OK : vl_fail(ctx, VELO_NOMEM, "cannot allocate a buffer");
}

static velo_status
salvage_copy_take_tree(vl_ctx *ctx, void *argument, const vl_salvage_tree *tree)
{
    VL_TRY(salvage_copy_begin(ctx, argument));
    vl_arena_reset(&((salvage_copy_work *)argument)->copy.arena);
    return salvage_copy_tree(ctx, &((salvage_copy_work *)argument)->copy, tree);
}

static velo_status
salvage_copy_take_operation(vl_ctx *ctx, void *argument, const vl_salvage_operation *operation)
{
    VL_TRY(salvage_copy_begin(ctx, argument));
    return salvage_copy_operation(ctx, &((salvage_copy_work *)argument)->copy, operation);
}

static velo_status
salvage_copy_run(vl_ctx *ctx, salvage_copy_work *work, const char *from_path)
{
    vl_salvage_options options = {.tree = salvage_copy_take_tree,
                                  .row = salvage_copy_row, /* a tree always comes before */
                                  .entry = salvage_copy_entry,
                                  .operation = salvage_copy_take_operation,
                                  .report = salvage_copy_tell,
                                  .argument = work,
                                  .page_size = work->options->page_size,
                                  .is_thorough = work->options->is_thorough,
                                  .ignores_log = work->options->ignores_log};
    salvage_copy *copy = &work->copy;
    vl_store *store;

    VL_TRY(vl_salvage_run(ctx, work->io, from_path, &options, &copy->report->found));
    VL_TRY(salvage_copy_begin(ctx, work));
    (void)vl_atomic_max(&copy->store->next_tree, copy->report->found.next_tree);
    VL_TRY(vl_store_checkpoint(ctx, copy->store));
    vl_writer_destroy(copy->writer);
    store = copy->store;
    copy->writer = NULL;
    copy->store = NULL;
    return vl_store_close(ctx, store);
}

/* Take away what a copy that failed has written; the first failure is what the caller is told. */
static void
salvage_copy_give_up(vl_ctx *ctx, salvage_copy_work *work, const char *wal_path)
{
    vl_error before = ctx->error;

    if (vl_path_delete(ctx, work->io, work->to_path) != VELO_OK ||
        vl_wal_delete(ctx, work->io, wal_path) != VELO_OK)
        vl_log_write(ctx->log, VL_LOG_WARNING, ctx->error.code,
                     "the unfinished copy could not be deleted: %s", ctx->error.text);
    ctx->error = before;
}

velo_status
vl_salvage_copy(vl_ctx *ctx, vl_io *io, const char *from_path, const char *to_path,
                const vl_salvage_copy_options *options, vl_salvage_copy_report *report)
{
    salvage_copy_work work = {.options = options, .io = io, .to_path = to_path};
    size_t size = strlen(to_path);
    char *wal_path = NULL;
    velo_status st;
    int exists;

    memset(report, 0, sizeof *report);
    VL_TRY(vl_path_exists(ctx, io, to_path, &exists));
    if (exists)
        return vl_fail(ctx, VELO_CANTOPEN, "\"%s\" exists already", to_path);
    wal_path = vl_alloc(ctx, size + sizeof "-wal");
    if (wal_path == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the path of the log");
    memcpy(wal_path, to_path, size + 1);
    memcpy(wal_path + size, "-wal", sizeof "-wal");
    work.copy.report = report;
    work.copy.only_verified = options->only_verified;
    vl_arena_init(&work.copy.arena, ctx->allocator, 0);
    st = salvage_copy_run(ctx, &work, from_path);
    vl_writer_destroy(work.copy.writer);
    vl_store_abandon(work.copy.store);
    if (st != VELO_OK)
        salvage_copy_give_up(ctx, &work, wal_path);
    vl_arena_deinit(&work.copy.arena);
    vl_free(work.copy.value);
    vl_free(work.copy.grown);
    vl_free(wal_path);
    return st;
}
