/* visible.c - which version a statement sees; see visible.h. */
#include "txn/visible.h"

#include "base/assert.h"

/* As vl_view_sees, with the timestamp at hand. */
static int
visible_is_seen(const vl_view *view, const vl_txn_status *status, vl_timestamp commit_ts,
                uint32_t statement)
{
    if (commit_ts <= view->read_ts)
        return 1;
    return status == view->own && commit_ts != VL_TS_ABORTED && statement < view->statement;
}

int
vl_view_sees(const vl_view *view, const vl_txn_status *status, uint32_t statement)
{
    return visible_is_seen(view, status, vl_txn_status_commit_ts(status), statement);
}

int
vl_view_sees_origin(const vl_view *view, const vl_origin *origin)
{
    return visible_is_seen(view, origin->status, origin->commit_ts, origin->statement);
}

vl_view
vl_view_all_own(const vl_view *view)
{
    return (vl_view){view->read_ts, view->own, UINT32_MAX, view->session};
}

/* Put a record's columns over those that are wanted: both rise. */
static void
visible_apply(const vl_undo *record, vl_row_columns *columns)
{
    uint32_t at = 0;

    for (uint32_t i = 0; i < record->column_count; i++) {
        while (at < columns->count && columns->ids[at] < record->columns[i].id)
            at++;
        if (at == columns->count)
            return;
        if (columns->ids[at] == record->columns[i].id)
            columns->values[at] = record->columns[i].value;
    }
}

vl_row_state
vl_view_read(const vl_view *view, const vl_versioned *row, vl_row_columns *columns)
{
    const vl_origin *origin = &row->origin;
    vl_row_state state = row->page;

    for (const vl_undo *record = row->newest; record != NULL; record = record->older) {
        vl_undo_fetch(record->older); /* while the status is waited for */
        if (vl_view_sees(view, record->status, record->statement))
            return state;
        state = record->before;
        if (columns != NULL)
            visible_apply(record, columns);
    }
    if (origin->status != NULL &&
        !visible_is_seen(view, origin->status, origin->commit_ts, origin->statement))
        return VL_ROW_ABSENT;
    return state;
}

/* Who made the newest version. */
static vl_origin
visible_newest(const vl_versioned *row)
{
    if (row->newest == NULL)
        return row->origin;
    return (vl_origin){row->newest->status, vl_txn_status_commit_ts(row->newest->status),
                       row->newest->statement};
}

vl_write_verdict
vl_view_check_write(const vl_view *view, const vl_versioned *row, const vl_txn_status **owner)
{
    vl_origin newest = visible_newest(row);

    *owner = NULL;
    if (newest.status == NULL)
        return VL_WRITE_FREE;
    if (newest.commit_ts == VL_TS_ABORTED)
        return VL_WRITE_UNDO;
    if (visible_is_seen(view, newest.status, newest.commit_ts, newest.statement))
        return VL_WRITE_FREE;
    if (newest.status == view->own)
        return VL_WRITE_REREAD;
    if (newest.commit_ts != VL_TS_ACTIVE)
        return VL_WRITE_CONFLICT;
    *owner = newest.status;
    return VL_WRITE_WAIT;
}

vl_insert_verdict
vl_view_check_insert(const vl_view *view, const vl_versioned *row, const vl_txn_status **owner)
{
    switch (vl_view_check_write(view, row, owner)) {
    case VL_WRITE_WAIT:
        return VL_INSERT_WAIT;
    case VL_WRITE_UNDO:
        return VL_INSERT_UNDO;
    case VL_WRITE_CONFLICT:
        if (row->page == VL_ROW_DELETED)
            return VL_INSERT_CONFLICT;
        break;
    case VL_WRITE_FREE:
    case VL_WRITE_REREAD: /* the newest state counts in any case */
        break;
    }
    return row->page == VL_ROW_LIVE ? VL_INSERT_EXISTS : VL_INSERT_FREE;
}

uint32_t
vl_view_write_statement(const vl_view *view, const vl_versioned *row)
{
    vl_origin newest = visible_newest(row);

    VL_ASSERT(view->own != NULL);
    return newest.status == view->own && newest.statement > view->statement ? newest.statement
                                                                            : view->statement;
}
