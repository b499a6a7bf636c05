/* table_overflow.c - values of rows that lie in overflow: sending them there, and freeing them.
 *
 * Invariants
 *   O1  Pages of overflow are written before the row refers to them and freed after it does not: a
 *       crash in between loses pages to the file, never a value. Who wants them back after a crash
 *       keeps account by op->note.
 *   O2  A value that has been taken from the row itself, so that an update fits, is still the row's
 *       when the update is made: its bytes are compared under the latch. */
#include "base/alloc.h"
#include "base/log.h"
#include "storage/leaf_row.h"
#include "storage/table_int.h"

#include <inttypes.h>
#include <string.h>

static int
table_is_bytes(const vl_leaf_value *value)
{
    return value->value.type == VL_TYPE_TEXT || value->value.type == VL_TYPE_BLOB;
}

static int
table_is_overlong(const vl_leaf_value *value, uint32_t page_size)
{
    return table_is_bytes(value) &&
           (value->overflow == VL_LEAF_TO_OVERFLOW ||
            (value->overflow == 0 && value->value.size > vl_leaf_max_inline(page_size)));
}

/* ---- freeing ---- */

/* Free a value that nothing refers to. A failure loses its pages to the file; the context's error
 * stays as it is, since it may be why the operation fails. */
static void
table_free_value(vl_ctx *ctx, const vl_table_write *write, const vl_overflow *value)
{
    const vl_tree *tree = write->tree;
    vl_overflow_freeing freeing = {.value = *value,
                                   .left = vl_overflow_page_count(tree->page_size, value->size),
                                   .note = write->op->note,
                                   .argument = write->op->argument};
    vl_error before = ctx->error;
    velo_status st = VELO_OK;

    while (st == VELO_OK && freeing.left > 0)
        st = vl_overflow_free(ctx, tree->cache, &freeing, UINT32_MAX);
    if (st == VELO_OK)
        return;
    vl_log_write(ctx->log, VL_LOG_WARNING, st,
                 "%" PRIu32 " pages of a value of tree %" PRIu64 " are lost: %s", freeing.left,
                 tree->id, ctx->error.text);
    ctx->error = before;
}

static void
table_free_spill(vl_ctx *ctx, const vl_table_write *write, vl_table_spill *spill)
{
    vl_overflow value = {write->tree->id, spill->value->overflow, spill->value->value.size};

    if (value.pid != VL_LEAF_TO_OVERFLOW)
        table_free_value(ctx, write, &value);
    vl_free(spill->before);
}

void
vl_table_take_back(vl_ctx *ctx, vl_table_write *write)
{
    vl_table_scratch *scratch = vl_table_scratch_of(write);

    for (uint32_t i = write->op->change_count; i < write->change_count; i++) {
        --write->spill_count; /* they came last, in the same order */
        table_free_spill(ctx, write, &scratch->spills[write->spill_count]);
    }
    write->change_count = write->op->change_count;
}

void
vl_table_end_values(vl_ctx *ctx, vl_table_write *write)
{
    vl_table_scratch *scratch = vl_table_scratch_of(write);

    for (uint32_t i = 0; i < write->spill_count; i++) {
        if (write->has_applied)
            vl_free(scratch->spills[i].before);
        else
            table_free_spill(ctx, write, &scratch->spills[i]);
    }
    write->spill_count = 0;
    for (uint32_t i = 0; write->op->frees_old && i < write->released_count; i++)
        table_free_value(ctx, write, &write->released[i]);
    write->released_count = 0;
}

/* ---- sending to overflow ---- */

static void
table_add_spill(vl_table_write *write, vl_leaf_value *value, const void *data, void *before)
{
    vl_table_spill *spill = &vl_table_scratch_of(write)->spills[write->spill_count++];

    spill->value = value;
    spill->data = data;
    spill->before = before;
    value->overflow = VL_LEAF_TO_OVERFLOW;
    value->value.as.data = NULL;
}

/* Write the values that wait for it. No latches are held. */
static velo_status
table_write_spills(vl_ctx *ctx, const vl_table_write *write)
{
    const vl_table_scratch *scratch = vl_table_scratch_of(write);

    for (uint32_t i = 0; i < write->spill_count; i++) {
        vl_leaf_value *value = scratch->spills[i].value;
        vl_overflow_source source = {.tree = write->tree->id,
                                     .size = value->value.size,
                                     .data = scratch->spills[i].data,
                                     .note = write->op->note,
                                     .argument = write->op->argument};
        vl_pid pid;

        if (value->overflow != VL_LEAF_TO_OVERFLOW)
            continue;
        VL_TRY(vl_overflow_write(ctx, write->tree->cache, &source, &pid));
        value->overflow = pid;
    }
    return VELO_OK;
}

velo_status
vl_table_spill_long(vl_ctx *ctx, vl_table_write *write)
{
    const vl_table_op *op = write->op;
    vl_table_scratch *scratch = vl_table_scratch_of(write);
    uint32_t page_size = write->tree->page_size;

    if (op->action == VL_TABLE_INSERT) {
        memcpy(scratch->values, op->values, op->schema->count * sizeof *scratch->values);
        (void)vl_leaf_choose_overflow(page_size, scratch->values, op->schema->count);
        for (uint32_t i = 0; i < op->schema->count; i++)
            if (scratch->values[i].overflow == VL_LEAF_TO_OVERFLOW)
                table_add_spill(write, scratch->values + i, op->values[i].value.as.data, NULL);
    }
    if (op->action == VL_TABLE_UPDATE) {
        write->change_count = op->change_count;
        memcpy(scratch->changes, op->changes, op->change_count * sizeof *scratch->changes);
        for (uint32_t i = 0; i < op->change_count; i++)
            if (table_is_overlong(&op->changes[i].value, page_size))
                table_add_spill(write, &scratch->changes[i].value,
                                op->changes[i].value.value.as.data, NULL);
    }
    return table_write_spills(ctx, write);
}

/* The value that a column of the row has, whatever the page's columns are. */
static void
table_get(const vl_table_write *write, uint32_t column, vl_leaf_value *value)
{
    const vl_leaf_schema *schema = write->op->schema;
    const vl_leaf *leaf = write->leaf.page;
    int index = vl_leaf_column_index(leaf, schema->ids[column]);

    if (index < 0)
        *value = schema->defaults[column];
    else
        vl_leaf_get(leaf, write->slot, (uint32_t)index, value);
}

/* The change of a column, or NULL. */
static vl_leaf_change *
table_change_of(const vl_table_write *write, uint32_t id)
{
    const vl_table_scratch *scratch = vl_table_scratch_of(write);

    for (uint32_t i = 0; i < write->change_count; i++)
        if (scratch->changes[i].id == id)
            return scratch->changes + i;
    return NULL;
}

void
vl_table_merge_row(const vl_table_write *write)
{
    const vl_leaf_schema *schema = write->op->schema;
    vl_table_scratch *scratch = vl_table_scratch_of(write);

    for (uint32_t i = 0; i < schema->count; i++) {
        const vl_leaf_change *change = table_change_of(write, schema->ids[i]);

        if (change != NULL)
            scratch->values[i] = change->value;
        else
            table_get(write, i, scratch->values + i);
    }
}

/* Add a change that moves a value of the row, which stays what it is, to overflow. */
static velo_status
table_spill_column(vl_ctx *ctx, vl_table_write *write, uint32_t column)
{
    vl_table_scratch *scratch = vl_table_scratch_of(write);
    vl_leaf_change *change = table_change_of(write, write->op->schema->ids[column]);
    vl_leaf_value value;
    void *before;

    if (change != NULL) {
        table_add_spill(write, &change->value, change->value.value.as.data, NULL);
        return VELO_OK;
    }
    table_get(write, column, &value);
    before = vl_alloc(ctx, value.value.size);
    if (before == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %" PRIu32 " bytes for a value",
                       value.value.size);
    memcpy(before, value.value.as.data, value.value.size);
    change = scratch->changes + write->change_count++;
    change->id = write->op->schema->ids[column];
    change->value = value;
    table_add_spill(write, &change->value, before, before);
    return VELO_OK;
}

velo_status
vl_table_spill_more(vl_ctx *ctx, vl_table_write *write, uint32_t *count)
{
    const vl_leaf_schema *schema = write->op->schema;
    vl_table_scratch *scratch = vl_table_scratch_of(write);
    velo_status st = VELO_OK;

    *count = 0;
    if (write->op->action != VL_TABLE_UPDATE)
        return VELO_OK;
    vl_table_merge_row(write);
    *count = vl_leaf_choose_overflow(write->tree->page_size, scratch->values, schema->count);
    if (*count == 0)
        return VELO_OK;
    if (write->change_count > write->op->change_count) { /* the row has changed: choose anew */
        vl_cache_release_exclusive(write->tree->cache, &write->leaf);
        vl_table_take_back(ctx, write);
        return VELO_OK;
    }
    /* First those of the op's own: what is taken from the row comes last, see take_back. */
    for (int is_own = 1; is_own >= 0; is_own--)
        for (uint32_t i = 0; st == VELO_OK && i < schema->count; i++)
            if (scratch->values[i].overflow == VL_LEAF_TO_OVERFLOW &&
                is_own == (table_change_of(write, schema->ids[i]) != NULL))
                st = table_spill_column(ctx, write, i);
    vl_cache_release_exclusive(write->tree->cache, &write->leaf);
    return st == VELO_OK ? table_write_spills(ctx, write) : st;
}

int
vl_table_spills_hold(const vl_table_write *write)
{
    const vl_leaf_schema *schema = write->op->schema;
    const vl_table_scratch *scratch = vl_table_scratch_of(write);

    for (uint32_t i = write->op->change_count; i < write->change_count; i++) {
        const vl_leaf_change *change = scratch->changes + i;
        const vl_table_spill *spill =
            &scratch->spills[write->spill_count - (write->change_count - i)];
        vl_leaf_value value;
        uint32_t column = 0;

        while (schema->ids[column] != change->id)
            column++;
        table_get(write, column, &value);
        if (value.overflow != 0 || value.value.type != change->value.value.type ||
            value.value.size != change->value.value.size ||
            memcmp(value.value.as.data, spill->before, value.value.size) != 0)
            return 0;
    }
    return 1;
}

/* ---- what nothing refers to any more ---- */

static void
table_release_value(vl_table_write *write, const vl_leaf_value *value)
{
    vl_overflow *released = vl_table_scratch_of(write)->released + write->released_count;

    if (!table_is_bytes(value) || value->overflow == 0)
        return;
    released->tree = write->tree->id;
    released->pid = value->overflow;
    released->size = value->value.size;
    write->released_count++;
}

void
vl_table_note_released(vl_table_write *write)
{
    const vl_leaf *leaf = write->leaf.page;
    vl_table_action action = write->op->action;
    int is_there = write->state == VL_LEAF_LIVE || write->state == VL_LEAF_TOMBSTONE;

    write->released = vl_table_scratch_of(write)->released;
    write->released_count = 0;
    if (!is_there || action == VL_TABLE_MARK || action == VL_TABLE_UNMARK)
        return;
    for (uint32_t i = 0; i < leaf->column_count; i++) {
        const vl_leaf_change *change = NULL;
        vl_leaf_value value;

        if (action == VL_TABLE_UPDATE) {
            change = table_change_of(write, ((const vl_leaf_column *)(leaf + 1))[i].id);
            if (change == NULL)
                continue;
        }
        vl_leaf_get(leaf, write->slot, i, &value);
        if (change == NULL || change->value.overflow != value.overflow)
            table_release_value(write, &value);
    }
}

/* Whether a record has values of its own in overflow. Bytes that are no record may. */
static int
table_record_has_overflow(const vl_leaf_value *value)
{
    vl_leaf_record record;
    vl_leaf_value inner;
    uint32_t id;
    int result;

    vl_leaf_record_init(&record, value->value.as.data, value->value.size);
    while ((result = vl_leaf_record_next(&record, &id, &inner)) == 1)
        if (table_is_bytes(&inner) && inner.overflow != 0)
            return 1;
    return result < 0;
}

int
vl_table_has_overflow(const vl_leaf *leaf, uint32_t slot)
{
    for (uint32_t i = 0; i < leaf->column_count; i++) {
        vl_leaf_value value;

        vl_leaf_get(leaf, slot, i, &value);
        if (!table_is_bytes(&value))
            continue;
        if (value.overflow != 0)
            return 1;
        if ((leaf->flags & VL_LEAF_ROWS) != 0 && table_record_has_overflow(&value))
            return 1;
    }
    return 0;
}

/* ---- all values that a leaf refers to ---- */

/* Told of a value in overflow. */
typedef velo_status table_value_visit(vl_ctx *ctx, void *argument, const vl_overflow *value);

/* A walk over the values of a leaf, which is a private copy. */
typedef struct table_values {
    const vl_tree *tree;      /* whose leaf */
    table_value_visit *visit; /* told of each value */
    void *argument;           /* of visit */
} table_values;

static velo_status
table_visit_value(vl_ctx *ctx, const table_values *walk, const vl_leaf_value *value)
{
    vl_overflow overflow = {walk->tree->id, value->overflow, value->value.size};

    if (!table_is_bytes(value) || value->overflow == 0)
        return VELO_OK;
    return walk->visit(ctx, walk->argument, &overflow);
}

/* The values of a record's columns. */
static velo_status
table_visit_record(vl_ctx *ctx, const table_values *walk, const void *data, uint32_t size)
{
    vl_leaf_record record;
    vl_leaf_value inner;
    uint32_t id;

    vl_leaf_record_init(&record, data, size);
    while (vl_leaf_record_next(&record, &id, &inner) == 1)
        VL_TRY(table_visit_value(ctx, walk, &inner));
    return VELO_OK;
}

/* The same of a record that is in overflow itself. When its pages have begun to go, in a tree that
 * is being dropped, the values that it names have gone before. */
static velo_status
table_visit_long_record(vl_ctx *ctx, const table_values *walk, const vl_leaf_value *value)
{
    vl_cache *cache = walk->tree->cache;
    vl_overflow overflow = {walk->tree->id, value->overflow, value->value.size};
    uint32_t left;
    void *data;
    velo_status st;

    VL_TRY(vl_overflow_count_left(ctx, cache, &overflow, &left));
    if (left != vl_overflow_page_count(walk->tree->page_size, overflow.size))
        return VELO_OK;
    data = vl_alloc(ctx, overflow.size);
    if (data == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %" PRIu32 " bytes for a record",
                       overflow.size);
    st = vl_overflow_read(ctx, cache, &overflow, 0, overflow.size, data);
    if (st == VELO_OK)
        st = table_visit_record(ctx, walk, data, overflow.size);
    vl_free(data);
    return st;
}

/* All of a leaf; those that a record names before the record's own. */
static velo_status
table_visit_values(vl_ctx *ctx, const table_values *walk, const vl_leaf *leaf)
{
    int is_rows = (leaf->flags & VL_LEAF_ROWS) != 0;

    for (uint32_t slot = 0; slot < leaf->count; slot++) {
        if (vl_leaf_slot_state(leaf, slot) == VL_LEAF_GAP)
            continue;
        for (uint32_t i = 0; i < leaf->column_count; i++) {
            vl_leaf_value value;

            vl_leaf_get(leaf, slot, i, &value);
            if (!table_is_bytes(&value))
                continue;
            if (is_rows && value.overflow != 0)
                VL_TRY(table_visit_long_record(ctx, walk, &value));
            else if (is_rows)
                VL_TRY(table_visit_record(ctx, walk, value.value.as.data, value.value.size));
            VL_TRY(table_visit_value(ctx, walk, &value));
        }
    }
    return VELO_OK;
}

/* ---- dropping a tree ---- */

/* One step of dropping the values of a leaf. */
typedef struct table_drop {
    const vl_tree *tree; /* being dropped */
    uint32_t *budget;    /* pages that may still be freed in this step */
} table_drop;

/* Free a value, of which some pages may be gone already. */
static velo_status
table_drop_value(vl_ctx *ctx, void *argument, const vl_overflow *value)
{
    table_drop *drop = argument;
    vl_overflow_freeing freeing = {.value = *value};
    uint32_t before;

    if (*drop->budget == 0)
        return VELO_OK;
    VL_TRY(vl_overflow_count_left(ctx, drop->tree->cache, value, &freeing.left));
    if (freeing.left == 0)
        return VELO_OK;
    before = freeing.left;
    VL_TRY(vl_overflow_free(ctx, drop->tree->cache, &freeing, *drop->budget));
    before -= freeing.left;
    *drop->budget -= before < *drop->budget ? before : *drop->budget;
    return VELO_OK;
}

velo_status
vl_table_drop_values(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, vl_pid leaf,
                     uint32_t *budget, int *is_done)
{
    vl_leaf *copy = vl_table_buffer(work, VL_TABLE_COPY);
    table_drop drop = {tree, budget};
    table_values walk = {tree, table_drop_value, &drop};
    vl_page_ref ref;

    *is_done = 1;
    while (!vl_cache_shared(tree->cache, leaf, &ref))
        VL_TRY(vl_cache_load(ctx, tree->cache, leaf));
    memcpy(copy, ref.page, tree->page_size);
    vl_cache_release_shared(tree->cache, &ref);
    if (copy->kind != VL_PAGE_TABLE_LEAF) /* separators refer to nothing */
        return VELO_OK;
    VL_TRY(table_visit_values(ctx, &walk, copy));
    *is_done = *budget > 0;
    return VELO_OK;
}

/* ---- checking ---- */

/* One check of the values of a leaf. */
typedef struct table_check_run {
    const vl_tree *tree;                   /* what is checked */
    const vl_tree_verify_options *options; /* whom to tell */
    vl_pid leaf;                           /* where the values are named */
} table_check_run;

static velo_status
table_check_page(vl_ctx *ctx, void *argument, vl_pid pid)
{
    const table_check_run *run = argument;

    (void)ctx;
    run->options->visit(run->options->argument, pid);
    return VELO_OK;
}

static velo_status
table_check_value(vl_ctx *ctx, void *argument, const vl_overflow *value)
{
    const table_check_run *run = argument;
    velo_status st = vl_overflow_verify(ctx, run->tree->cache, value, table_check_page, argument);

    if (st != VELO_CORRUPT)
        return st;
    run->options->fault(run->options->argument, run->leaf, ctx->error.text);
    return VELO_OK;
}

velo_status
vl_table_check_values(vl_ctx *ctx, const vl_tree *tree, const void *page,
                      const vl_tree_verify_options *options)
{
    const vl_leaf *leaf = page;
    table_check_run run = {tree, options, (vl_pid)leaf->pid};
    table_values walk = {tree, table_check_value, &run};
    velo_status st = table_visit_values(ctx, &walk, leaf);

    if (st != VELO_CORRUPT)
        return st;
    options->fault(options->argument, run.leaf, ctx->error.text);
    return VELO_OK;
}
