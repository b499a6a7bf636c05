/* op_index.c - INDEX_SCAN: rows of a table in the order of an index.
 *
 * What is looked up gives a list of ranges of keys, one for each combination of the values of its
 * equalities; each is scanned, and the row of every entry is read from the table.
 *
 * Invariants
 *   IX1  Row and entry are read by one view, so a row that an entry names is there: it is not read
 *        when only its rowid is wanted, as to count rows or to delete them. The view of what is
 *        newest is no snapshot (txn.h, vl_statement_latest): there a row may be gone.
 *   IX2  No page is latched while rows are read: a scan of keys copies a leaf's entries.
 *   IX3  Where the index has all columns, they are read from the entry, and the row only for what a
 *        key does not tell (index_cover.h). The newest view is no snapshot, so it reads rows. */
#include "exec/index_cover.h"
#include "exec/index_entry.h"
#include "exec/source.h"

#include <string.h>

/* Behind all keys that begin with the bytes before it, and before all others that are greater: no
 * column begins with this byte (storage/key.h). */
#define INDEX_BEHIND 0xffU

/* Values of one equality. */
typedef struct index_choice {
    vl_value *values;
    uint32_t count;
    uint32_t at;
    vl_frame *program; /* of IN (SELECT ...) */
} index_choice;

typedef struct index_stage {
    vl_stage base;
    vl_arena arena;       /* of a run: values that are looked up */
    vl_arena range_arena; /* of the range at hand */
    vl_arena entry_arena; /* of entries of the leaf at hand */
    vl_fetch fetch;       /* prepared by the first run, as is cover; from the execution's arena */
    vl_cover cover;       /* its columns: NULL when rows are read */
    int is_covered;       /* in this run entries are read by it */
    vl_txn_index *index;
    index_choice *choices; /* key_count of them; from the execution's arena */
    vl_tree_key_range range;
    vl_key_scan scan;
    uint32_t entry_at; /* next of the scan's entries */
    int is_prepared;   /* fetch and cover are */
    int is_started;
    int is_scanning;
    int is_over; /* no combination is left */
} index_stage;

static velo_status
index_open(vl_ctx *ctx, vl_stage *stage)
{
    index_stage *index = (index_stage *)stage;
    uint32_t count = stage->op->as.index_scan.key_count;

    vl_arena_init(&index->arena, ctx->allocator, 0);
    vl_arena_init(&index->range_arena, ctx->allocator, 0);
    vl_arena_init(&index->entry_arena, ctx->allocator, 0);
    index->choices = vl_arena_alloc_array(&stage->exec->arena, count + 1U, sizeof *index->choices);
    if (index->choices == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a scan");
    memset(index->choices, 0, (count + 1U) * sizeof *index->choices);
    return VELO_OK;
}

/* ---- ranges ---- */

/* Let values that rise fall. */
static void
index_turn_choice(index_choice *choice)
{
    for (uint32_t i = 0; i < choice->count / 2; i++) {
        vl_value *other = &choice->values[choice->count - 1 - i];
        vl_value moved = choice->values[i];

        choice->values[i] = *other;
        *other = moved;
    }
}

/* Find the values of all equalities, in the order of the index; *is_empty: one has none. */
static velo_status
index_find_choices(vl_ctx *ctx, index_stage *index, int *is_empty)
{
    const vl_op_index_scan *op = &index->base.op->as.index_scan;

    *is_empty = 0;
    for (uint32_t i = 0; i < op->key_count; i++) {
        index_choice *choice = &index->choices[i];

        VL_TRY(vl_lookup_values(ctx, &index->base, &op->keys[i], &choice->program, &index->arena,
                                &choice->values, &choice->count));
        choice->count = vl_lookup_sort(choice->values, choice->count, op->keys[i].is_null_equal,
                                       op->index->terms[i].collation);
        choice->at = 0;
        if (op->index->terms[i].is_descending)
            index_turn_choice(choice);
        *is_empty = *is_empty || choice->count == 0;
    }
    return VELO_OK;
}

/* Append the values of one end of the range to a key; *is_null: one of them is NULL. */
static velo_status
index_add_end(vl_ctx *ctx, index_stage *index, const vl_exprs *end, vl_entry_key *key, int *is_null)
{
    const vl_op_index_scan *op = &index->base.op->as.index_scan;
    vl_eval eval = vl_stage_eval(&index->base, &index->range_arena);

    for (uint32_t i = 0; i < end->count; i++) {
        vl_value value;

        VL_TRY(vl_eval_expr(ctx, &eval, end->list[i], &value));
        *is_null = *is_null || value.type == VL_TYPE_NULL;
        VL_TRY(vl_entry_key_add(ctx, &index->range_arena, key, &value,
                                &op->index->terms[op->key_count + i]));
    }
    return VELO_OK;
}

/* A copy of the prefix, to go on with. */
static velo_status
index_copy_prefix(vl_ctx *ctx, index_stage *index, const vl_entry_key *prefix, vl_entry_key *key)
{
    *key = (vl_entry_key){NULL, 0, 0, 0};
    return vl_entry_key_add_bytes(ctx, &index->range_arena, key, prefix->data, prefix->size);
}

/* One end of the range of keys: `end` are the values on that side in the order of the index (which
 * of a descending term is the other side in the order of values).
 *
 * skips_nulls  without values on this side, NULLs are behind it */
static velo_status
index_make_end(vl_ctx *ctx, index_stage *index, const vl_entry_key *prefix, const vl_exprs *end,
               int is_excluded, int is_low, int skips_nulls, vl_entry_key *key, int *is_null)
{
    static const vl_value null = {.type = VL_TYPE_NULL};
    const vl_op_index_scan *op = &index->base.op->as.index_scan;

    VL_TRY(index_copy_prefix(ctx, index, prefix, key));
    if (end->count > 0) {
        VL_TRY(index_add_end(ctx, index, end, key, is_null));
        if (is_low == is_excluded)
            VL_TRY(vl_entry_key_add_byte(ctx, &index->range_arena, key, INDEX_BEHIND));
        return VELO_OK;
    }
    if (skips_nulls) {
        VL_TRY(vl_entry_key_add(ctx, &index->range_arena, key, &null,
                                &op->index->terms[op->key_count]));
        if (is_low)
            VL_TRY(vl_entry_key_add_byte(ctx, &index->range_arena, key, INDEX_BEHIND));
        return VELO_OK;
    }
    if (!is_low && key->size > 0)
        VL_TRY(vl_entry_key_add_byte(ctx, &index->range_arena, key, INDEX_BEHIND));
    return VELO_OK;
}

/* The range of all keys that begin with the prefix, which both ends are made of. */
static velo_status
index_make_equal(vl_ctx *ctx, index_stage *index, vl_entry_key *prefix)
{
    uint32_t size = prefix->size;

    if (size > 0)
        VL_TRY(vl_entry_key_add_byte(ctx, &index->range_arena, prefix, INDEX_BEHIND));
    index->range = (vl_tree_key_range){.low = prefix->data,
                                       .low_size = size,
                                       .high = prefix->data,
                                       .high_size = prefix->size,
                                       .has_high = size > 0};
    return VELO_OK;
}

/* Make the range of the combination at hand; *is_empty: it has nothing. */
static velo_status
index_make_range(vl_ctx *ctx, index_stage *index, int *is_empty)
{
    const vl_op_index_scan *op = &index->base.op->as.index_scan;
    int has_range = op->low.count > 0 || op->high.count > 0;
    int is_falling = has_range && op->index->terms[op->key_count].is_descending;
    const vl_exprs *first = is_falling ? &op->high : &op->low;
    const vl_exprs *last = is_falling ? &op->low : &op->high;
    vl_entry_key prefix = {NULL, 0, 0, 0};
    vl_entry_key low;
    vl_entry_key high;

    *is_empty = 0;
    vl_arena_reset(&index->range_arena);
    for (uint32_t i = 0; i < op->key_count; i++) {
        const index_choice *choice = &index->choices[i];

        VL_TRY(vl_entry_key_add(ctx, &index->range_arena, &prefix, &choice->values[choice->at],
                                &op->index->terms[i]));
    }
    if (!has_range)
        return index_make_equal(ctx, index, &prefix);
    VL_TRY(index_make_end(ctx, index, &prefix, first,
                          is_falling ? op->high_is_excluded : op->low_is_excluded, 1, !is_falling,
                          &low, is_empty));
    VL_TRY(index_make_end(ctx, index, &prefix, last,
                          is_falling ? op->low_is_excluded : op->high_is_excluded, 0, is_falling,
                          &high, is_empty));
    index->range = (vl_tree_key_range){.low = low.data,
                                       .low_size = low.size,
                                       .high = high.data,
                                       .high_size = high.size,
                                       .has_high = high.size > 0};
    return VELO_OK;
}

/* Go to the next combination, the last equality first. */
static void
index_advance(index_stage *index)
{
    uint32_t count = index->base.op->as.index_scan.key_count;

    for (uint32_t i = count; i > 0; i--) {
        index_choice *choice = &index->choices[i - 1];

        if (++choice->at < choice->count)
            return;
        choice->at = 0;
    }
    index->is_over = 1;
}

/* ---- rows ---- */

static const vl_view *
index_view(const index_stage *index)
{
    const vl_source *source = index->base.exec->env.source;

    return &vl_source_of(source, index->base.op->as.index_scan.table).statement->view;
}

/* Find out where columns come from, once for all runs; only the table is looked for again. */
static velo_status
index_prepare(vl_ctx *ctx, index_stage *index)
{
    const vl_op_index_scan *op = &index->base.op->as.index_scan;
    const vl_source *source = index->base.exec->env.source;
    vl_arena *arena = &index->base.exec->arena;
    uint32_t count = index->base.op->column_count;

    if (index->is_prepared)
        return vl_fetch_open(ctx, source, &index->fetch);
    VL_TRY(vl_fetch_init(ctx, source, op->table, op->columns, count, arena, &index->fetch));
    if (index->fetch.id_count > 0 && !index->base.exec->env.is_plain)
        VL_TRY(vl_cover_init(ctx, op->index, op->columns, count, arena, &index->cover));
    index->is_prepared = 1;
    return VELO_OK;
}

static velo_status
index_start(vl_ctx *ctx, index_stage *index)
{
    const vl_op_index_scan *op = &index->base.op->as.index_scan;
    const vl_source *source = index->base.exec->env.source;
    vl_source own = vl_source_of(source, op->table);

    VL_TRY(index_prepare(ctx, index));
    index->is_covered = index->cover.columns != NULL && own.statement->view.read_ts != VL_TS_MAX;
    VL_TRY(vl_keys_open(ctx, own.store, op->index->object.tree, &index->index));
    return index_find_choices(ctx, index, &index->is_over);
}

/* Nothing of the range at hand is left. */
static void
index_end_range(index_stage *index)
{
    vl_key_scan_end(&index->scan);
    index->is_scanning = 0;
    index_advance(index);
}

/* The next entry, or NULL when there is none; it stays until the next call. */
static velo_status
index_next_entry(vl_ctx *ctx, index_stage *index, const vl_key_seen **entry)
{
    const vl_view *view = index_view(index);
    int is_backward = index->base.op->as.index_scan.is_backward;
    int is_empty;

    *entry = NULL;
    for (;;) {
        if (index->is_scanning && index->entry_at < index->scan.count) {
            *entry = &index->scan.entries[index->entry_at++];
            if (index->entry_at == index->scan.count && vl_key_scan_is_last(&index->scan))
                index_end_range(index); /* what it points to stays */
            return VELO_OK;
        }
        if (index->is_scanning) {
            VL_TRY(vl_key_scan_next(ctx, &index->scan));
            index->entry_at = 0;
            if (index->scan.count > 0)
                continue;
            index_end_range(index);
        }
        if (index->is_over)
            return VELO_OK;
        VL_TRY(index_make_range(ctx, index, &is_empty));
        if (is_empty) {
            index_advance(index);
            continue;
        }
        vl_key_scan_begin(&index->scan, index->index, view, &index->range, is_backward);
        index->scan.lent = &index->entry_arena;
        index->scan.skips_keys = !index->is_covered;
        index->is_scanning = 1;
        index->entry_at = 0;
    }
}

/* Put the row of an entry into the batch. */
static velo_status
index_take(vl_ctx *ctx, index_stage *index, const vl_key_seen *entry, uint32_t at, int *is_taken)
{
    const vl_view *view = index_view(index);
    vl_fetch *fetch = &index->fetch;
    int64_t rowid = vl_entry_get_rowid(entry->value, entry->value_size);
    int is_newest = view->read_ts == VL_TS_MAX;

    *is_taken = 1;
    if (fetch->id_count == 0 && !is_newest) {
        for (uint32_t i = 0; i < fetch->count; i++)
            index->base.batch.columns[i][at] = vl_value_of_integer(rowid);
        return VELO_OK;
    }
    if (index->is_covered) { /* keeps IX3 */
        int is_read;

        VL_TRY(vl_cover_read(ctx, &index->cover, entry->key, entry->key_size, rowid,
                             &index->base.batch, at, &is_read));
        if (is_read)
            return VELO_OK;
    }
    VL_TRY(vl_fetch_row(ctx, fetch, view, rowid, &index->base.batch, at, is_taken));
    if (!*is_taken && !is_newest) /* IX1 */
        return vl_fail(ctx, VELO_CORRUPT, "index %s has an entry for row %lld, which is missing",
                       index->base.op->as.index_scan.index->object.name, (long long)rowid);
    return VELO_OK;
}

static velo_status
index_fill(vl_ctx *ctx, vl_stage *stage, uint32_t wanted)
{
    index_stage *index = (index_stage *)stage;
    vl_batch *batch = &stage->batch;
    uint32_t count = 0;

    while (count < wanted) {
        const vl_key_seen *entry;
        int is_taken;

        VL_TRY(index_next_entry(ctx, index, &entry));
        if (entry == NULL)
            break;
        VL_TRY(index_take(ctx, index, entry, count, &is_taken));
        count += is_taken != 0;
    }
    batch->chunk.count = batch->chunk.row_count = count;
    return VELO_OK;
}

static velo_status
index_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    index_stage *index = (index_stage *)stage;

    if (!index->is_started) {
        index->is_started = 1;
        VL_TRY(index_start(ctx, index));
    } else if (index->is_over && !index->is_scanning) { /* the rows before were the last */
        *out = &stage->batch.chunk;
        stage->batch.chunk.count = stage->batch.chunk.row_count = 0;
        return VELO_OK;
    }
    return vl_scan_next(ctx, stage, &stage->op->as.index_scan.filter, wanted, index_fill, out);
}

static void
index_rewind(vl_stage *stage)
{
    index_stage *index = (index_stage *)stage;

    if (index->is_scanning)
        vl_key_scan_end(&index->scan);
    index->is_scanning = 0;
    index->is_started = 0;
    index->is_over = 0;
    vl_arena_reset(&index->arena);
    vl_arena_reset(&index->range_arena);
    vl_arena_reset(&index->entry_arena);
}

static void
index_close(vl_stage *stage)
{
    index_stage *index = (index_stage *)stage;

    index_rewind(stage);
    vl_arena_deinit(&index->arena);
    vl_arena_deinit(&index->range_arena);
    vl_arena_deinit(&index->entry_arena);
}

const vl_stage_class vl_index_scan_class = {
    .size = sizeof(index_stage),
    .open = index_open,
    .next = index_next,
    .rewind = index_rewind,
    .close = index_close,
};
