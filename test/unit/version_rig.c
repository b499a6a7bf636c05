/* version_rig.c - a page that is an array of rows; see version_rig.h. */
#include "unit/version_rig.h"

#include <stdio.h>

const uint32_t rig_ids[RIG_COLUMNS] = {1, 4, 9};

/* The blob that stands for a cell of the last column. */
static vl_leaf_value
rig_value(uint32_t column, const int64_t *cell)
{
    vl_leaf_value value = {{.type = VL_TYPE_INTEGER}, 0};

    if (column + 1 < RIG_COLUMNS) {
        value.value.as.integer = *cell;
        return value;
    }
    value.value.type = VL_TYPE_BLOB;
    value.value.size = sizeof *cell;
    value.value.as.data = cell;
    return value;
}

static int64_t
rig_cell(const vl_leaf_value *value)
{
    int64_t cell;

    if (value->value.type == VL_TYPE_INTEGER)
        return value->value.as.integer;
    memcpy(&cell, value->value.as.data, sizeof cell);
    return cell;
}

static uint32_t
rig_key(uint32_t row, char *to)
{
    return (uint32_t)snprintf(to, 16, "key-%05u", row);
}

velo_status
rig_init(rig *self, vl_ctx *ctx, uint64_t budget_bytes, int by_key)
{
    velo_status st;

    memset(self, 0, sizeof *self);
    self->ctx = ctx;
    self->by_key = by_key;
    self->border = RIG_ROWS / 2;
    st = vl_txn_status_pool_create(ctx, &self->statuses);
    if (st == VELO_OK)
        st = vl_undo_pool_create(ctx, budget_bytes, &self->pool);
    if (st == VELO_OK)
        st = vl_ranges_create(ctx, self->pool, &self->ranges);
    if (st != VELO_OK)
        rig_deinit(self);
    return st;
}

void
rig_deinit(rig *self)
{
    for (uint32_t i = 0; i < 2; i++)
        vl_versions_clear(self->pool, &self->maps[i]);
    vl_ranges_destroy(self->ranges);
    vl_undo_pool_destroy(self->pool);
    vl_txn_status_pool_destroy(self->statuses);
    memset(self, 0, sizeof *self);
}

/* ---- transactions ---- */

velo_status
rig_begin(rig *self, rig_txn *txn)
{
    velo_status st;

    memset(txn, 0, sizeof *txn);
    VL_TRY(vl_txn_status_create(self->ctx, self->statuses, ++self->number, &txn->status));
    st = vl_undo_log_create(self->ctx, self->pool, txn->status, &txn->log);
    if (st != VELO_OK) {
        vl_txn_status_abort(txn->status);
        vl_txn_status_release(txn->status, 1);
        txn->status = NULL;
        return st;
    }
    txn->view = (vl_view){self->published, txn->status, 1, NULL};
    return VELO_OK;
}

static void
rig_end(rig_txn *txn)
{
    vl_undo_log_finish(txn->log);
    vl_txn_status_release(txn->status, 1);
    memset(txn, 0, sizeof *txn);
}

vl_timestamp
rig_commit_unpublished(rig *self, rig_txn *txn)
{
    self->clock += 10;
    vl_txn_status_commit(txn->status, self->clock);
    rig_end(txn);
    return self->clock;
}

void
rig_commit(rig *self, rig_txn *txn)
{
    self->published = rig_commit_unpublished(self, txn);
}

/* Undo one record on the page, and take it out. */
static void
rig_undo_record(rig *self, vl_undo *record)
{
    uint32_t row = (uint32_t)record->rowid;
    rig_row *page;

    if (record->kind == VL_UNDO_RANGE) {
        while (record->last >= record->rowid) {
            int64_t last = record->last;

            self->rows[last].state = VL_ROW_ABSENT;
            vl_ranges_shrink(self->ranges, record, last - 1);
            if (last == record->rowid)
                break;
        }
        return;
    }
    if (self->by_key)
        row = (uint32_t)(((const char *)record->key)[8] - '0') +
              10 * (uint32_t)(((const char *)record->key)[7] - '0');
    page = &self->rows[row];
    page->state = record->before;
    for (uint32_t i = 0; i < record->column_count; i++)
        for (uint32_t column = 0; column < RIG_COLUMNS; column++)
            if (rig_ids[column] == record->columns[i].id)
                page->cells[column] = rig_cell(&record->columns[i].value);
    if (record->kind == VL_UNDO_REINSERT && record->column_count == 0)
        page->state = VL_ROW_ABSENT; /* nobody needs that tombstone */
    vl_versions_pop(self->pool, rig_map(self, row), record);
}

void
rig_undo_to(rig *self, rig_txn *txn, vl_undo_mark mark)
{
    txn->range = NULL;
    while (!vl_undo_log_is_at(txn->log, mark)) {
        rig_undo_record(self, vl_undo_last(txn->log));
        vl_undo_pop(txn->log);
    }
}

void
rig_abort(rig *self, rig_txn *txn)
{
    vl_txn_status_abort(txn->status);
    rig_undo_to(self, txn, (vl_undo_mark){NULL, 0});
    rig_end(txn);
}

void
rig_next_statement(rig_txn *txn)
{
    txn->view.statement++;
    txn->range = NULL;
}

/* ---- changes ---- */

/* Keys of some entries are long: they are known by the page of their rest. */
static vl_pid
rig_rest(uint32_t row)
{
    return row % 3 == 0 ? row + 1 : 0;
}

static velo_status
rig_record(rig *self, rig_txn *txn, uint32_t row, vl_undo_kind kind, const vl_leaf_change *columns,
           uint32_t count)
{
    vl_versioned versioned = rig_look(self, row);
    char key[16];
    vl_undo_change change = {.kind = kind,
                             .tree = RIG_TREE,
                             .rowid = self->by_key ? (int64_t)rig_rest(row) : row,
                             .statement = vl_view_write_statement(&txn->view, &versioned),
                             .columns = columns,
                             .column_count = count};
    vl_undo *record;

    if (self->by_key) {
        change.key = key;
        change.key_size = rig_key(row, key);
    }
    VL_TRY(vl_undo_append(self->ctx, txn->log, &change, &record));
    vl_undo_set_position(record, ++self->position);
    vl_versions_push(self->pool, rig_map(self, row), record);
    txn->range = NULL;
    return VELO_OK;
}

velo_status
rig_insert(rig *self, rig_txn *txn, uint32_t row, const int64_t *cells, int keep)
{
    rig_row *page = &self->rows[row];
    vl_leaf_change old[RIG_COLUMNS];

    for (uint32_t i = 0; i < RIG_COLUMNS; i++)
        old[i] = (vl_leaf_change){rig_ids[i], rig_value(i, &page->cells[i])};
    if (page->state == VL_ROW_ABSENT)
        VL_TRY(rig_record(self, txn, row, VL_UNDO_INSERT, NULL, 0));
    else
        VL_TRY(rig_record(self, txn, row, VL_UNDO_REINSERT, old, keep ? RIG_COLUMNS : 0));
    page->state = VL_ROW_LIVE;
    memcpy(page->cells, cells, sizeof page->cells);
    return VELO_OK;
}

velo_status
rig_update(rig *self, rig_txn *txn, uint32_t row, uint32_t column, int64_t cell)
{
    rig_row *page = &self->rows[row];
    vl_leaf_change old = {rig_ids[column], rig_value(column, &page->cells[column])};

    VL_TRY(rig_record(self, txn, row, VL_UNDO_UPDATE, &old, 1));
    page->cells[column] = cell;
    return VELO_OK;
}

velo_status
rig_delete(rig *self, rig_txn *txn, uint32_t row)
{
    VL_TRY(rig_record(self, txn, row, VL_UNDO_DELETE, NULL, 0));
    self->rows[row].state = VL_ROW_DELETED;
    return VELO_OK;
}

velo_status
rig_append(rig *self, rig_txn *txn, uint32_t row, const int64_t *cells)
{
    vl_undo_change change = {
        .kind = VL_UNDO_RANGE, .tree = RIG_TREE, .rowid = row, .statement = txn->view.statement};

    if (txn->range == NULL || !vl_ranges_extend(self->ranges, txn->range, row)) {
        VL_TRY(vl_ranges_reserve(self->ctx, self->ranges));
        if (vl_undo_append(self->ctx, txn->log, &change, &txn->range) != VELO_OK) {
            vl_ranges_unreserve(self->ranges);
            txn->range = NULL;
            return self->ctx->error.code;
        }
        vl_undo_set_position(txn->range, ++self->position);
        vl_ranges_add(self->ranges, txn->range);
    }
    self->rows[row].state = VL_ROW_LIVE;
    memcpy(self->rows[row].cells, cells, sizeof self->rows[row].cells);
    return VELO_OK;
}

/* ---- looking ---- */

vl_versions *
rig_map(rig *self, uint32_t row)
{
    return &self->maps[row >= self->border];
}

vl_undo *
rig_newest(rig *self, uint32_t row)
{
    char key[16];
    uint32_t size = rig_key(row, key);

    return self->by_key ? vl_versions_find_key(*rig_map(self, row), key, size, rig_rest(row))
                        : vl_versions_find_row(*rig_map(self, row), row);
}

vl_versioned
rig_look(rig *self, uint32_t row)
{
    return (vl_versioned){self->rows[row].state, rig_newest(self, row),
                          vl_ranges_find(self->ranges, row)};
}

vl_row_state
rig_read(rig *self, const vl_view *view, uint32_t row, int64_t *cells)
{
    vl_versioned versioned = rig_look(self, row);
    vl_leaf_value values[RIG_COLUMNS];
    vl_row_columns columns = {rig_ids, values, RIG_COLUMNS};
    vl_row_state state;

    for (uint32_t i = 0; i < RIG_COLUMNS; i++)
        values[i] = rig_value(i, &self->rows[row].cells[i]);
    state = vl_view_read(view, &versioned, &columns);
    for (uint32_t i = 0; i < RIG_COLUMNS; i++)
        cells[i] = rig_cell(&values[i]);
    return state;
}

/* Whether an entry is at the border or above. */
static int
rig_is_above(void *argument, const vl_undo *newest)
{
    const rig *self = argument;
    char border[16];
    uint32_t size = rig_key(self->border, border);

    return newest->key_size == size && memcmp(newest->key, border, size) >= 0;
}

static int
rig_is_below(void *argument, const vl_undo *newest)
{
    return !rig_is_above(argument, newest);
}

void
rig_move_border(rig *self, uint32_t border)
{
    vl_versions *low = &self->maps[0], *high = &self->maps[1];

    self->border = border;
    if (self->by_key) {
        vl_versions_move_keys(self->pool, low, high, rig_is_above, self);
        vl_versions_move_keys(self->pool, high, low, rig_is_below, self);
        return;
    }
    vl_versions_move_rows(self->pool, low, high, border, INT64_MAX);
    vl_versions_move_rows(self->pool, high, low, INT64_MIN, (int64_t)border - 1);
}

uint32_t
rig_chain_length(rig *self, uint32_t row)
{
    uint32_t length = 0;

    for (const vl_undo *record = rig_newest(self, row); record != NULL; record = record->older)
        length++;
    return length;
}

vl_snapshot_view
rig_snapshots(vl_timestamp published, const vl_timestamp *snapshots, uint32_t count)
{
    vl_snapshot_view view = {.horizon = published};

    for (uint32_t i = 0; i < count && snapshots[i] < published; i++) {
        if (i > 0 && snapshots[i] == snapshots[i - 1])
            continue;
        if (view.count == VL_SNAPSHOT_RANGES)
            view.ranges[view.count - 1].last = snapshots[i];
        else
            view.ranges[view.count++] = (vl_snapshot_range){snapshots[i], snapshots[i]};
    }
    return view;
}

int
rig_purge(rig *self, vl_prune *prune, uint32_t row)
{
    vl_undo *newest = rig_newest(self, row);

    if (self->rows[row].state != VL_ROW_DELETED ||
        !vl_prune_can_purge(prune->horizon, newest, vl_ranges_find(self->ranges, row)))
        return 0;
    self->rows[row].state = VL_ROW_ABSENT;
    memset(self->rows[row].cells, 0xee, sizeof self->rows[row].cells);
    vl_prune_purged(prune, rig_map(self, row), newest);
    return 1;
}
