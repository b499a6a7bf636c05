/* writer_load.c - many rows at once: pages that the log gets as they are.
 *
 * A load builds whole leaves (vl_table_load). Each becomes one record: its bytes without the free
 * space between arrays and heap. So no row is encoded a second time, one checksum covers a hundred
 * rows, and the log is as tight as the pages. To who reads the log it is a batch of inserts like
 * any other: nothing of it refers to a page or a block (hazard 8). Rows with long values, and those
 * that fill up the table's last page, are inserted and logged one by one.
 *
 * The alternative, records that name the blocks in which the pages lie, would spare writing the
 * bytes twice: once to the log and once with the next checkpoint. It asks for blocks that are
 * pinned by records until a checkpoint is durable, that recovery marks as used before it allocates
 * anything, and for a sync of their own before the record.
 *
 * A load of the layer of versions is the same, but that this layer is asked, and told what was
 * added, in the section that adds it (vl_operation_load_rows).
 *
 * Invariants
 *   WB1  What a section adds to the table is what its records say: rows by themselves, or the pages
 *        as they are when they become the table's. */
#include "base/alloc.h"
#include "base/assert.h"
#include "storage/writer_int.h"

#include <string.h>

/* A load under way. */
typedef struct writer_load {
    vl_writer *writer;                 /* whose */
    const vl_store_tree *table;        /* where to */
    const vl_layout *layout;           /* its columns */
    const vl_operation_rows *watcher;  /* the layer of versions, or NULL */
    vl_writer_record ready;            /* of a row by itself */
    vl_wal_credit credit;              /* for pages */
    uint8_t head[VL_RECORD_HEAD_SIZE]; /* of their records */
    uint32_t head_size;                /* its bytes */
} writer_load;

/* Give back what was granted and not appended. */
static void
writer_load_ungrant(writer_load *load)
{
    vl_writer_log_end(&load->ready);
    load->ready.type = 0;
    vl_wal_ungrant(load->writer->store->wal, &load->credit);
}

static velo_status
writer_load_grant_row(vl_ctx *ctx, writer_load *load, const vl_leaf_row *row)
{
    vl_record record = {
        .type = VL_RECORD_TABLE_INSERT, .tree = load->table->tree.id, .rowid = row->rowid};

    if (load->watcher == NULL) /* else the caller's values may be there */
        vl_arena_reset(&load->writer->arena);
    return vl_writer_log_ready(ctx, load->writer, &record, &load->layout->columns, row->values,
                               &load->ready);
}

static velo_status
writer_load_grant(vl_ctx *ctx, void *argument, const vl_table_load_part *part)
{
    writer_load *load = argument;
    uint32_t size = 0;

    writer_load_ungrant(load);
    if (part->page_count == 0)
        return writer_load_grant_row(ctx, load, part->rows);
    for (uint32_t i = 0; i < part->page_count; i++)
        size += load->head_size + part->pages[i]->fixed_end + part->pages[i]->heap_used;
    return vl_wal_grant(ctx, load->writer->store->wal, part->page_count, size, &load->credit);
}

/* Append the record of a page (WB1). Returns its position. */
static vl_log_position
writer_load_append_page(writer_load *load, const vl_leaf *leaf)
{
    vl_writer *writer = load->writer;
    vl_wal_part parts[3] = {{load->head, load->head_size}};
    vl_record_leaf body;
    vl_log_position at;

    VL_ASSERT(vl_leaf_is_all_live(leaf) && (leaf->flags & VL_LEAF_ROWS) == 0);
    vl_record_split_leaf(leaf, writer->store->page_size, &body);
    parts[1] = (vl_wal_part){body.arrays, body.arrays_size};
    parts[2] = (vl_wal_part){body.heap, body.heap_size};
    at = vl_wal_append(writer->store->wal, &load->credit, VL_RECORD_TABLE_ROWS, writer->txn, parts,
                       3);
    writer->end = vl_wal_record_end(at, load->head_size + body.arrays_size + body.heap_size);
    return at;
}

static void
writer_load_append(void *argument, const vl_table_load_part *part)
{
    writer_load *load = argument;
    vl_log_position first = 0;

    if (part->page_count == 0)
        first = vl_writer_log_append(&load->ready);
    for (uint32_t i = 0; i < part->page_count; i++) {
        vl_log_position at = writer_load_append_page(load, part->pages[i]);

        first = i == 0 ? at : first;
    }
    if (load->watcher != NULL)
        load->watcher->added(load->watcher->argument, part, first);
}

static int
writer_load_may(void *argument, const vl_page_ref *leaf, const vl_table_load_part *part)
{
    const writer_load *load = argument;

    return load->watcher == NULL || load->watcher->may(load->watcher->argument, leaf, part);
}

/* Whether pages fit records, as many as a section adds: else the log's ring is too small, and rows
 * are inserted one by one. */
static int
writer_load_fits_log(const vl_writer *writer)
{
    return (uint64_t)writer->store->page_size + VL_RECORD_HEAD_SIZE + VL_WAL_RECORD_HEADER + 7 <=
           vl_wal_max_body(writer->store->wal) / 2;
}

/* Load whole pages. `load` has writer, table, layout, watcher. */
static velo_status
writer_load_pages(vl_ctx *ctx, writer_load *load, const vl_leaf_row *rows, uint32_t count,
                  int is_all, uint32_t *taken)
{
    vl_record record = {.type = VL_RECORD_TABLE_ROWS, .tree = load->table->tree.id};
    vl_table_load_log log = {.grant = writer_load_grant,
                             .append = writer_load_append,
                             .may = writer_load_may,
                             .argument = load};
    velo_status st;

    load->ready.writer = load->writer;
    load->head_size = (uint32_t)(vl_record_put_head(load->head, &record) - load->head);
    st = vl_table_load(ctx, &load->table->tree, load->writer->work, &load->layout->leaf, rows,
                       count, is_all, &log, taken);
    writer_load_ungrant(load);
    return st;
}

/* Insert the rows one by one: records, or a small ring. */
static velo_status
writer_load_rows(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, const vl_layout *layout,
                 const vl_leaf_row *rows, uint32_t count, uint32_t *taken)
{
    size_t size = layout->columns.count * sizeof(vl_leaf_value);
    int64_t last = 0;
    int is_empty;

    VL_TRY(vl_table_last_rowid(ctx, &table->tree, &last, &is_empty));
    for (; *taken < count; ++*taken) {
        const vl_leaf_row *row = rows + *taken;
        vl_leaf_value *columns;

        if (!is_empty && row->rowid <= last)
            return vl_fail(ctx, VELO_CONSTRAINT,
                           "row %lld of tree %llu does not lie behind all others",
                           (long long)row->rowid, (unsigned long long)table->tree.id);
        vl_arena_reset(&writer->arena);
        columns = vl_arena_copy(&writer->arena, row->values, size);
        if (columns == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for a row");
        VL_TRY(vl_writer_do_insert(ctx, writer, table, row->rowid, columns));
        last = row->rowid;
        is_empty = 0;
    }
    return VELO_OK;
}

/* Whether the rows are such as can be loaded. */
static velo_status
writer_load_check(vl_ctx *ctx, const vl_layout *layout, const vl_leaf_row *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].is_deleted || (i > 0 && rows[i].rowid <= rows[i - 1].rowid))
            return vl_fail(ctx, VELO_MISUSE, "row %lld is deleted or out of order",
                           (long long)rows[i].rowid);
        for (uint32_t column = 0; column < layout->columns.count; column++)
            if (rows[i].values[column].overflow != 0 ||
                rows[i].values[column].value.size > VL_OVERFLOW_MAX_SIZE)
                return vl_fail(ctx, VELO_TOOBIG, "value %u of row %lld is too long", column,
                               (long long)rows[i].rowid);
    }
    return VELO_OK;
}

velo_status
vl_writer_load(vl_ctx *ctx, vl_writer *writer, vl_store_tree *table, const vl_leaf_row *rows,
               uint32_t count, int is_all, uint32_t *taken)
{
    writer_load load = {.writer = writer, .table = table};
    const vl_layout *layout;
    velo_status st;

    *taken = 0;
    if (!writer->is_open)
        return vl_fail(ctx, VELO_MISUSE, "rows are loaded in a transaction, and none is open");
    if (table->kind != VL_TREE_TABLE)
        return vl_fail(ctx, VELO_MISUSE, "tree %llu is no table",
                       (unsigned long long)table->tree.id);
    layout = atomic_load_explicit(&table->layout, memory_order_acquire);
    load.layout = layout;
    VL_TRY(writer_load_check(ctx, layout, rows, count));
    VL_TRY(vl_writer_enter(ctx, writer));
    st = layout->leaf.is_rows || !writer_load_fits_log(writer)
             ? writer_load_rows(ctx, writer, table, layout, rows, count, taken)
             : writer_load_pages(ctx, &load, rows, count, is_all, taken);
    return vl_writer_leave(ctx, writer, st);
}

velo_status
vl_operation_load_rows(vl_ctx *ctx, vl_writer *writer, const vl_store_tree *table,
                       const vl_layout *layout, const vl_leaf_row *rows, uint32_t count, int is_all,
                       const vl_operation_rows *watcher, uint32_t *taken)
{
    writer_load load = {.writer = writer, .table = table, .layout = layout, .watcher = watcher};

    VL_ASSERT(writer->is_joined);
    *taken = 0;
    if (layout->leaf.is_rows || !writer_load_fits_log(writer))
        return VELO_OK;
    return writer_load_pages(ctx, &load, rows, count, is_all, taken);
}
