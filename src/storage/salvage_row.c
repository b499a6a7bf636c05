/* salvage_row.c - leaves taken apart into rows and entries.
 *
 * Invariants
 *   SR1  Only leaves that vl_page_check accepted come here, and only rows that are live and entries
 *        that are not marked deleted go out.
 *   SR2  A row is called verified only if its leaf is and the rowid belongs there.
 *   SR3  Rows of the directory go to vl_salvage_take_directory, and nowhere else. */
#include "storage/leaf_row.h"
#include "storage/node_key.h"
#include "storage/salvage_int.h"
#include "storage/store_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A row on its way out; arrays are in the arena. */
typedef struct salvage_row {
    vl_salvage_row row; /* what is given */
    int trusted;        /* its leaf is verified */
    uint32_t *ids;      /* row.ids */
    vl_value *values;   /* row.values */
    uint8_t *states;    /* row.states */
} salvage_row;

static velo_status
salvage_row_reserve(vl_ctx *ctx, vl_salvage *self, salvage_row *out, uint32_t count)
{
    out->ids = vl_arena_alloc_array(&self->arena, count + 1, sizeof *out->ids);
    out->values = vl_arena_alloc_array(&self->arena, count + 1, sizeof *out->values);
    out->states = vl_arena_alloc_array(&self->arena, count + 1, sizeof *out->states);
    if (out->ids == NULL || out->values == NULL || out->states == NULL)
        return vl_salvage_no_memory(ctx);
    out->row.ids = out->ids;
    out->row.values = out->values;
    out->row.states = out->states;
    return VELO_OK;
}

/* Report a value that is lost. */
static void
salvage_row_tell(vl_salvage *self, const salvage_row *out, const char *what, uint32_t id,
                 vl_pid pid)
{
    vl_rowid_range rowid = {out->row.rowid, out->row.rowid};
    char text[VL_ERROR_TEXT_SIZE];

    (void)snprintf(text, sizeof text, "row %" PRId64 ", %s %u: a long value is lost: %.800s",
                   out->row.rowid, what, (unsigned)id, self->why);
    vl_salvage_tell(self, VL_SALVAGE_VALUE, out->row.tree, pid, &rowid, text);
}

/* Bring a value to where it can be given. */
static velo_status
salvage_row_resolve(vl_ctx *ctx, vl_salvage *self, salvage_row *out, const char *what, uint32_t id,
                    const vl_leaf_value *from, vl_value *to, vl_salvage_state *state)
{
    vl_overflow value = {out->row.tree, from->overflow, from->value.size};
    uint8_t *bytes;
    vl_pid pid;

    *to = from->value;
    *state = VL_SALVAGE_SURE;
    if (from->overflow == 0)
        return VELO_OK;
    VL_TRY(vl_salvage_read_value(ctx, self, &value, out->trusted, &bytes, &pid, state));
    to->as.data = bytes;
    if (*state == VL_SALVAGE_LOST) {
        *to = (vl_value){.type = VL_TYPE_NULL};
        salvage_row_tell(self, out, what, id, pid);
    }
    return VELO_OK;
}

/* Put a column into the row; there is room. */
static velo_status
salvage_row_put(vl_ctx *ctx, vl_salvage *self, salvage_row *out, uint32_t at, uint32_t id,
                const vl_leaf_value *value)
{
    vl_salvage_state state;

    out->ids[at] = id;
    VL_TRY(salvage_row_resolve(ctx, self, out, "column", id, value, &out->values[at], &state));
    out->states[at] = (uint8_t)state;
    out->row.lost_count += state == VL_SALVAGE_LOST;
    return VELO_OK;
}

/* The columns of the layout as they are where a page says nothing about them. */
static velo_status
salvage_row_defaults(vl_ctx *ctx, vl_salvage *self, salvage_row *out, const vl_layout *layout)
{
    VL_TRY(salvage_row_reserve(ctx, self, out, layout->columns.count));
    out->row.column_count = layout->columns.count;
    for (uint32_t i = 0; i < layout->columns.count; i++)
        VL_TRY(salvage_row_put(ctx, self, out, i, layout->columns.ids[i],
                               layout->columns.defaults + i));
    return VELO_OK;
}

/* A row of a page that has it column by column. */
static velo_status
salvage_row_columns(vl_ctx *ctx, vl_salvage *self, salvage_row *out, const vl_leaf *leaf,
                    uint32_t slot, const vl_layout *layout)
{
    const vl_leaf_column *directory = (const void *)(leaf + 1);
    vl_leaf_value value;

    if (layout != NULL)
        VL_TRY(salvage_row_defaults(ctx, self, out, layout));
    else
        VL_TRY(salvage_row_reserve(ctx, self, out, leaf->column_count));
    for (uint32_t i = 0; i < leaf->column_count; i++) {
        uint32_t id = directory[i].id;
        int at = layout != NULL ? vl_layout_find(layout, id) : (int)i;

        if (at < 0)
            continue; /* a column that the table has no more */
        vl_leaf_get(leaf, slot, i, &value);
        VL_TRY(salvage_row_put(ctx, self, out, (uint32_t)at, id, &value));
    }
    if (layout == NULL)
        out->row.column_count = leaf->column_count;
    return VELO_OK;
}

/* The columns of a record. */
static velo_status
salvage_row_unpack(vl_ctx *ctx, vl_salvage *self, salvage_row *out, const vl_value *record,
                   const vl_layout *layout)
{
    vl_leaf_record walk;
    vl_leaf_value value;
    uint32_t id, count = 0;

    vl_leaf_record_init(&walk, record->as.data, record->size);
    while (vl_leaf_record_next(&walk, &id, &value) > 0)
        count++;
    if (layout != NULL)
        VL_TRY(salvage_row_defaults(ctx, self, out, layout));
    else
        VL_TRY(salvage_row_reserve(ctx, self, out, count));
    vl_leaf_record_init(&walk, record->as.data, record->size);
    for (uint32_t i = 0; i < count; i++) {
        int at = (int)i;

        (void)vl_leaf_record_next(&walk, &id, &value);
        if (layout != NULL)
            at = vl_layout_find(layout, id);
        if (at >= 0)
            VL_TRY(salvage_row_put(ctx, self, out, (uint32_t)at, id, &value));
    }
    if (layout == NULL)
        out->row.column_count = count;
    return VELO_OK;
}

/* All columns are lost with the record that held them. */
static velo_status
salvage_row_lose(vl_ctx *ctx, vl_salvage *self, salvage_row *out, const vl_layout *layout)
{
    out->row.lost_count = 1;
    if (layout == NULL)
        return salvage_row_reserve(ctx, self, out, 0);
    VL_TRY(salvage_row_defaults(ctx, self, out, layout));
    for (uint32_t i = 0; i < layout->columns.count; i++) {
        out->values[i] = (vl_value){.type = VL_TYPE_NULL};
        out->states[i] = VL_SALVAGE_LOST;
    }
    out->row.lost_count = layout->columns.count;
    return VELO_OK;
}

/* A row of a page of records. */
static velo_status
salvage_row_record(vl_ctx *ctx, vl_salvage *self, salvage_row *out, const vl_leaf *leaf,
                   uint32_t slot, const vl_layout *layout)
{
    vl_salvage_state state = VL_SALVAGE_LOST;
    vl_leaf_value whole;
    vl_value record = {.type = VL_TYPE_NULL};

    vl_leaf_get(leaf, slot, 0, &whole);
    if (whole.value.type == VL_TYPE_BLOB)
        VL_TRY(salvage_row_resolve(ctx, self, out, "record of columns", leaf->column_count, &whole,
                                   &record, &state));
    if (state != VL_SALVAGE_LOST && !vl_leaf_record_is_valid(record.as.data, record.size)) {
        state = VL_SALVAGE_LOST;
        (void)snprintf(self->why, sizeof self->why, "its bytes are no record");
        salvage_row_tell(self, out, "record of columns", leaf->column_count, out->row.pid);
    }
    if (state == VL_SALVAGE_LOST)
        return salvage_row_lose(ctx, self, out, layout);
    if (state == VL_SALVAGE_UNSURE)
        out->row.is_verified = 0;
    return salvage_row_unpack(ctx, self, out, &record, layout);
}

/* Hand a row over. Keeps SR3. */
static velo_status
salvage_row_give(vl_ctx *ctx, vl_salvage *self, const vl_salvage_row *row)
{
    if (row->tree == VL_DIRECTORY_TREE)
        return vl_salvage_take_directory(ctx, self, row);
    self->stats->row_count++;
    self->stats->unverified_rows += !row->is_verified;
    self->stats->incomplete_rows += row->lost_count > 0;
    return self->options->row != NULL ? self->options->row(ctx, self->options->argument, row)
                                      : VELO_OK;
}

/* The rows of a leaf of a table. Keeps SR1 and SR2. */
static velo_status
salvage_give_rows(vl_ctx *ctx, vl_salvage *self, vl_tree_id tree, const vl_leaf *leaf,
                  const vl_salvage_filter *filter)
{
    for (uint32_t rank = 0; rank < leaf->count; rank++) {
        const vl_salvage_known *known = vl_salvage_find_tree(self, tree);
        const vl_layout *layout = known != NULL ? known->layout : NULL;
        uint32_t slot = vl_leaf_slot_at(leaf, rank);
        int64_t rowid = vl_leaf_rowid(leaf, slot);
        salvage_row out;

        if (vl_leaf_slot_state(leaf, slot) != VL_LEAF_LIVE ||
            (filter->only_lost && (known == NULL || !vl_salvage_is_lost(self, known, rowid))))
            continue;
        memset(&out, 0, sizeof out);
        out.row.tree = tree;
        out.row.rowid = rowid;
        out.row.pid = (vl_pid)leaf->pid;
        out.row.is_verified =
            filter->is_verified && rowid >= filter->range.first && rowid <= filter->range.last;
        out.trusted = out.row.is_verified;
        vl_arena_reset(&self->arena);
        VL_TRY((leaf->flags & VL_LEAF_ROWS) != 0
                   ? salvage_row_record(ctx, self, &out, leaf, slot, layout)
                   : salvage_row_columns(ctx, self, &out, leaf, slot, layout));
        VL_TRY(salvage_row_give(ctx, self, &out.row));
    }
    return VELO_OK;
}

/* ---- entries ---- */

/* All of a key, in the arena; *key NULL: it is lost, and reported. */
static velo_status
salvage_get_key(vl_ctx *ctx, vl_salvage *self, vl_salvage_entry *entry, const vl_node_key *part,
                uint8_t **key)
{
    vl_overflow rest = {entry->tree, part->rest, part->total_size - part->size};
    char text[VL_ERROR_TEXT_SIZE];
    vl_salvage_state state;
    uint8_t *bytes;
    vl_pid pid;

    *key = NULL;
    VL_TRY(vl_salvage_read_value(ctx, self, &rest, entry->is_verified, &bytes, &pid, &state));
    if (state == VL_SALVAGE_LOST) {
        (void)snprintf(text, sizeof text,
                       "the rest of a key of %u bytes on page %u is lost: %.800s",
                       (unsigned)part->total_size, (unsigned)entry->pid, self->why);
        vl_salvage_tell(self, VL_SALVAGE_VALUE, entry->tree, pid, NULL, text);
        self->stats->lost_keys++;
        return VELO_OK;
    }
    *key = vl_arena_alloc(&self->arena, part->total_size);
    if (*key == NULL)
        return vl_salvage_no_memory(ctx);
    memcpy(*key, part->data, part->size);
    memcpy(*key + part->size, bytes, rest.size);
    entry->is_verified = entry->is_verified && state == VL_SALVAGE_SURE;
    return VELO_OK;
}

/* The entries of a leaf of a key tree. Keeps SR1. */
static velo_status
salvage_give_entries(vl_ctx *ctx, vl_salvage *self, vl_tree_id tree, const void *page,
                     const vl_salvage_filter *filter)
{
    uint32_t part_max = vl_node_key_part_max(self->page_size);

    for (uint32_t i = 0; i < vl_node_key_count(page, self->page_size); i++) {
        vl_salvage_entry out = {.tree = tree, .is_verified = filter->is_verified};
        vl_node_key_entry entry;
        uint8_t *key;

        vl_arena_reset(&self->arena);
        key = vl_arena_alloc(&self->arena, part_max);
        if (key == NULL)
            return vl_salvage_no_memory(ctx);
        entry = vl_node_key_entry_at(page, self->page_size, i, key);
        if (entry.is_deleted)
            continue;
        out.pid = (vl_pid)((const vl_page_header *)page)->pid;
        if (entry.key.total_size > entry.key.size)
            VL_TRY(salvage_get_key(ctx, self, &out, &entry.key, &key));
        if (key == NULL)
            continue;
        out.key = key;
        out.key_size = entry.key.total_size;
        out.value = entry.value;
        out.value_size = entry.value_size;
        self->stats->entry_count++;
        self->stats->unverified_entries += !out.is_verified;
        if (self->options->entry != NULL)
            VL_TRY(self->options->entry(ctx, self->options->argument, &out));
    }
    return VELO_OK;
}

velo_status
vl_salvage_give_leaf(vl_ctx *ctx, vl_salvage *self, vl_tree_id tree, const void *page,
                     const vl_salvage_filter *filter)
{
    const vl_page_header *header = page;

    if (header->kind == VL_PAGE_TABLE_LEAF)
        return salvage_give_rows(ctx, self, tree, page, filter);
    return salvage_give_entries(ctx, self, tree, page, filter);
}
