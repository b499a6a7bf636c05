/* prune.c - taking away versions that nobody needs; see prune.h.
 *
 * Invariants
 *   P1  No version is taken away that a view can see: one at a registered snapshot, at a snapshot
 *       to come (published or above), or one with own changes, whose transaction is still active
 *       (its records are not committed) or among the readers.
 *   P2  A record in a chain is never edited: two become a new one (11, item 18).
 *   P3  Along a chain, from new to old, timestamps of committed records do not rise, since nobody
 *       changes a row that was changed after his snapshot.
 *   P4  A value in overflow has one record that names it, or the page. */
#include "txn/prune.h"

#include "base/assert.h"

static int
prune_is_reader(const vl_horizon *horizon, const vl_txn_status *status)
{
    for (uint32_t i = 0; i < horizon->reader_count; i++)
        if (horizon->readers[i] == status)
            return 1;
    return 0;
}

/* A value that a record names is not to be reached any more. */
static void
prune_release(const vl_prune *prune, const vl_undo *record, uint32_t column)
{
    const vl_leaf_value *value = &record->columns[column].value;

    if (prune->released != NULL && value->overflow != 0)
        prune->released(prune->argument, record->tree, value);
}

/* Drop a record and all older ones. */
static void
prune_drop(vl_prune *prune, vl_undo *record)
{
    while (record != NULL) {
        vl_undo *older = record->older;

        for (uint32_t i = 0; i < record->column_count; i++)
            prune_release(prune, record, i);
        vl_undo_unlinked(record);
        prune->dropped_count++;
        record = older;
    }
}

/* Whether no view can see the state between two neighbours: after the older one's change and before
 * the newer one's. Keeps P1. */
static int
prune_can_merge(const vl_horizon *horizon, const vl_undo *newer, const vl_undo *older)
{
    vl_timestamp end = vl_txn_status_commit_ts(newer->status);
    vl_timestamp from = vl_txn_status_commit_ts(older->status);

    if (end > horizon->snapshots->horizon || from > horizon->snapshots->horizon)
        return 0;
    VL_ASSERT(from <= end); /* P3 */
    return !vl_snapshot_view_needs(horizon->snapshots, from, end) &&
           !prune_is_reader(horizon, newer->status) && !prune_is_reader(horizon, older->status);
}

/* The columns of two neighbours together, the older one's where both have it. Returns how many. */
static uint32_t
prune_join_columns(const vl_undo *newer, const vl_undo *older, vl_leaf_change *columns)
{
    uint32_t i = 0, j = 0, count = 0;

    while (i < newer->column_count || j < older->column_count) {
        if (j == older->column_count ||
            (i < newer->column_count && newer->columns[i].id < older->columns[j].id))
            columns[count++] = newer->columns[i++];
        else {
            if (i < newer->column_count && newer->columns[i].id == older->columns[j].id)
                i++;
            columns[count++] = older->columns[j++];
        }
    }
    return count;
}

/* Whether a record has a column. */
static int
prune_has_column(const vl_undo *record, uint32_t id)
{
    for (uint32_t i = 0; i < record->column_count; i++)
        if (record->columns[i].id == id)
            return 1;
    return 0;
}

/* Make one record of two neighbours: it leads from what the newer one found after it to what was
 * before the older one. NULL: there is no memory. Keeps P2. */
static vl_undo *
prune_merge(vl_prune *prune, vl_undo *newer, vl_undo *older)
{
    uint32_t room = newer->column_count + older->column_count;
    vl_undo *merged = NULL;
    void *columns = NULL;
    uint32_t count = 0;

    if (older->before != VL_ROW_ABSENT && room > 0) {
        if (vl_undo_pool_alloc(NULL, prune->pool, room * sizeof(vl_leaf_change), &columns) !=
            VELO_OK)
            return NULL;
        count = prune_join_columns(newer, older, columns);
    }
    if (vl_undo_make_merged(NULL, older, columns, count, &merged) == VELO_OK) {
        for (uint32_t i = 0; i < newer->column_count; i++)
            if (count == 0 || prune_has_column(older, newer->columns[i].id))
                prune_release(prune, newer, i); /* P4 */
        merged->older = older->older;
        vl_undo_unlinked(newer);
        vl_undo_unlinked(older);
        prune->merged_count++;
    }
    vl_undo_pool_free(prune->pool, columns);
    return merged;
}

/* Prune a chain; returns its new head. */
static vl_undo *
prune_chain(void *argument, vl_undo *head)
{
    vl_prune *prune = argument;
    vl_timestamp oldest = vl_snapshot_view_oldest(prune->horizon->snapshots);
    vl_undo **place = &head;

    while (*place != NULL) {
        vl_undo *record = *place, *merged = NULL;

        if (vl_txn_status_commit_ts(record->status) <= oldest) {
            *place = NULL;
            prune_drop(prune, record);
            break;
        }
        if (record->older != NULL && vl_txn_status_commit_ts(record->older->status) > oldest &&
            prune_can_merge(prune->horizon, record, record->older))
            merged = prune_merge(prune, record, record->older);
        if (merged != NULL)
            *place = merged; /* which may be merged with the next one */
        else
            place = &record->older;
    }
    return head;
}

void
vl_prune_row(vl_prune *prune, vl_versions *map, vl_undo *newest)
{
    vl_undo_linked(newest); /* it is compared by the map, even if it goes */
    vl_versions_replace(prune->pool, map, newest, prune_chain(prune, newest));
    vl_undo_unlinked(newest);
}

void
vl_prune_page(vl_prune *prune, vl_versions *map)
{
    vl_versions_change_all(prune->pool, map, prune_chain, prune);
}

int
vl_prune_can_purge(const vl_horizon *horizon, const vl_undo *newest, vl_origin origin)
{
    vl_timestamp end, from;

    if (newest == NULL)
        return 1; /* 11, item 17 */
    end = vl_txn_status_commit_ts(newest->status);
    if (end > horizon->snapshots->horizon ||
        (origin.status != NULL && prune_is_reader(horizon, origin.status)))
        return 0;
    for (const vl_undo *record = newest; record != NULL; record = record->older) {
        from = record->older != NULL ? vl_txn_status_commit_ts(record->older->status)
                                     : origin.commit_ts; /* VL_TS_NONE without an origin */
        if (prune_is_reader(horizon, record->status) ||
            (record->before == VL_ROW_LIVE &&
             vl_snapshot_view_needs(horizon->snapshots, from, end)))
            return 0;
        end = from;
    }
    return 1;
}

void
vl_prune_purged(vl_prune *prune, vl_versions *map, vl_undo *newest)
{
    if (newest == NULL)
        return;
    vl_versions_replace(prune->pool, map, newest, NULL);
    prune_drop(prune, newest);
}

/* A pass over a page whose rows may be absent. */
typedef struct prune_absent {
    vl_prune *prune;               /* the pass */
    vl_prune_is_absent *is_absent; /* the caller's */
    void *argument;                /* of it */
} prune_absent;

static vl_undo *
prune_chain_absent(void *argument, vl_undo *head)
{
    prune_absent *absent = argument;
    const vl_horizon *horizon = absent->prune->horizon;
    vl_origin origin = {NULL, VL_TS_NONE, 0};

    /* The page is looked into only for what could go. */
    if (vl_txn_status_commit_ts(head->status) <= horizon->snapshots->horizon &&
        absent->is_absent(absent->argument, head, &origin) &&
        vl_prune_can_purge(horizon, head, origin)) {
        prune_drop(absent->prune, head);
        return NULL;
    }
    return prune_chain(absent->prune, head);
}

void
vl_prune_page_absent(vl_prune *prune, vl_versions *map, vl_prune_is_absent *is_absent,
                     void *argument)
{
    prune_absent absent = {prune, is_absent, argument};

    vl_versions_change_all(prune->pool, map, prune_chain_absent, &absent);
}

int
vl_prune_is_one(const vl_horizon *horizon, const vl_undo *one, const vl_undo *other)
{
    vl_timestamp a = vl_txn_status_commit_ts(one->status);
    vl_timestamp b = vl_txn_status_commit_ts(other->status);
    vl_timestamp from = a < b ? a : b, end = a < b ? b : a;

    return end <= horizon->snapshots->horizon &&
           !vl_snapshot_view_needs(horizon->snapshots, from, end) &&
           !prune_is_reader(horizon, one->status) && !prune_is_reader(horizon, other->status);
}
