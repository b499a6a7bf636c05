/* test_versions_model.c - versions against a model that keeps every state that ever was.
 *
 * Random transactions change a page that is an array (version_rig.h): they insert, update, delete,
 * append by ranges, go back to savepoints, commit, publish, abort; versions are pruned, tombstones
 * purged, garbage collected, rows moved between pages, while snapshots and cursors of the
 * transactions themselves stay open. The model has a list of all versions of each row, with who
 * wrote them, and forgets nothing but what was undone. After each step every open view reads every
 * row: both must agree; and both must agree on who may write. */
#include "unit/version_rig.h"

#define MODEL_TXNS     4U
#define MODEL_VIEWS    6U
#define MODEL_VERSIONS 8192U
#define MODEL_STEPS    VL_BY_BUILD(4000U, 1500U)

/* One version of one row. */
typedef struct model_version {
    uint32_t older;             /* the one before it of the same row, plus 1; 0: none */
    uint32_t txn;               /* number of who made it */
    uint32_t statement;         /* its statement's */
    int is_live;                /* 0: it says that the row is deleted */
    int64_t cells[RIG_COLUMNS]; /* of a live one */
} model_version;

/* Everything that ever happened to a transaction; by number. */
typedef struct model_fate {
    vl_timestamp commit_ts; /* VL_TS_ACTIVE until it ends */
} model_fate;

/* A transaction in the making. */
typedef struct model_txn {
    rig_txn rig;         /* status NULL: the place is free */
    uint32_t number;     /* in the model */
    uint32_t floor;      /* statements before this one have been joined */
    vl_undo_mark mark;   /* of its savepoint */
    uint32_t mark_count; /* versions that there had been by then */
    int has_mark;        /* there is a savepoint */
} model_txn;

/* An open snapshot or cursor. */
typedef struct model_view {
    vl_view view;          /* as the code has it */
    vl_txn_status *status; /* its own one, referred to; NULL: a snapshot by itself */
    uint32_t txn;          /* number of that; 0: none */
    int is_open;           /* in use */
} model_view;

typedef struct model {
    rig rig;
    vl_rng rng;
    model_version versions[MODEL_VERSIONS]; /* by rising time */
    uint32_t version_count;                 /* of versions */
    uint32_t newest[RIG_ROWS];              /* of each row, plus 1; 0: none */
    model_fate fates[MODEL_VERSIONS];       /* by number, from 1 */
    uint32_t txn_count;                     /* numbers in use */
    model_txn txns[MODEL_TXNS];             /* open ones */
    model_view views[MODEL_VIEWS];          /* open ones */
    uint32_t append_at;                     /* next row for appending */
    uint64_t merged_count;                  /* what the run has met */
    uint64_t purged_count;                  /* see before */
    uint64_t verdicts[5];                   /* vl_write_verdict */
    uint64_t joined_count;                  /* ranges */
} model;

static uint32_t
model_below(model *self, uint32_t bound)
{
    return (uint32_t)vl_rng_below(&self->rng, bound);
}

/* ---- the model's answers ---- */

/* A version by its number plus 1. */
static const model_version *
model_version_at(const model *self, uint32_t number)
{
    return number == 0 ? NULL : &self->versions[number - 1];
}

static const model_version *
model_newest(const model *self, uint32_t row)
{
    return model_version_at(self, self->newest[row]);
}

/* The version of a row that a view sees, NULL for none. */
static const model_version *
model_seen(const model *self, const vl_view *view, uint32_t own, uint32_t row)
{
    const model_version *version = model_newest(self, row);

    for (; version != NULL; version = model_version_at(self, version->older))
        if (self->fates[version->txn].commit_ts <= view->read_ts ||
            (version->txn == own && version->statement < view->statement))
            break;
    return version;
}

/* The verdict by the definition. */
static vl_write_verdict
model_verdict(const model *self, const model_txn *txn, uint32_t row)
{
    const model_version *newest = model_newest(self, row);

    if (newest == NULL || newest == model_seen(self, &txn->rig.view, txn->number, row))
        return VL_WRITE_FREE;
    if (newest->txn == txn->number)
        return VL_WRITE_REREAD;
    return self->fates[newest->txn].commit_ts == VL_TS_ACTIVE ? VL_WRITE_WAIT : VL_WRITE_CONFLICT;
}

/* Compare all that a view sees: 1 when all is well. */
static int
model_agrees(model *self, const vl_view *view, uint32_t own)
{
    for (uint32_t row = 0; row < RIG_ROWS; row++) {
        const model_version *seen = model_seen(self, view, own, row);
        int64_t cells[RIG_COLUMNS];
        vl_row_state state = rig_read(&self->rig, view, row, cells);
        int is_live = seen != NULL && seen->is_live;

        if ((state == VL_ROW_LIVE) != is_live ||
            (is_live && memcmp(cells, seen->cells, sizeof cells) != 0)) {
            unit_failed(__FILE__, __LINE__,
                        "row %u at %llu, statement %u: state %d cell %lld, the model has %d %lld",
                        row, (unsigned long long)view->read_ts, view->statement, (int)state,
                        (long long)cells[0], is_live, is_live ? (long long)seen->cells[0] : 0LL);
            return 0;
        }
    }
    return 1;
}

static int
model_all_agree(model *self)
{
    for (uint32_t i = 0; i < MODEL_VIEWS; i++)
        if (self->views[i].is_open && !model_agrees(self, &self->views[i].view, self->views[i].txn))
            return 0;
    for (uint32_t i = 0; i < MODEL_TXNS; i++)
        if (self->txns[i].rig.status != NULL &&
            !model_agrees(self, &self->txns[i].rig.view, self->txns[i].number))
            return 0;
    return 1;
}

/* ---- steps ---- */

static void
model_note(model *self, const model_txn *txn, uint32_t row, uint32_t statement, int is_live)
{
    model_version *version = &self->versions[self->version_count++];

    *version = (model_version){self->newest[row], txn->number, statement, is_live, {0}};
    memcpy(version->cells, self->rig.rows[row].cells, sizeof version->cells);
    self->newest[row] = self->version_count;
}

/* The number that a record on top of a row gets: by the model. */
static uint32_t
model_write_statement(const model *self, const model_txn *txn, uint32_t row)
{
    const model_version *newest = model_newest(self, row);
    uint32_t own = txn->rig.view.statement;

    return newest != NULL && newest->txn == txn->number && newest->statement > own
               ? newest->statement
               : own;
}

/* Ask whether a row may be changed, of both. Returns the verdict; sets *is_wrong. */
static vl_write_verdict
model_ask(model *self, const model_txn *txn, uint32_t row, int *is_wrong)
{
    vl_versioned versioned = rig_look(&self->rig, row);
    const vl_txn_status *owner;
    vl_write_verdict verdict = vl_view_check_write(&txn->rig.view, &versioned, &owner);
    vl_write_verdict wanted = model_verdict(self, txn, row);
    const model_version *seen = model_seen(self, &txn->rig.view, txn->number, row);

    self->verdicts[verdict]++;
    /* A row that came and went behind the snapshot may be gone altogether (hazard 20). */
    if (verdict == VL_WRITE_FREE && wanted == VL_WRITE_CONFLICT &&
        versioned.page == VL_ROW_ABSENT && (seen == NULL || !seen->is_live))
        wanted = VL_WRITE_FREE;
    *is_wrong = verdict != wanted || (verdict == VL_WRITE_WAIT) != (owner != NULL);
    return verdict;
}

static velo_status
model_change(model *self, model_txn *txn, uint32_t row)
{
    int64_t cells[RIG_COLUMNS];
    uint32_t statement = model_write_statement(self, txn, row);
    velo_status st;

    for (uint32_t i = 0; i < RIG_COLUMNS; i++)
        cells[i] = (int64_t)vl_rng_below(&self->rng, 1000000);
    if (self->rig.rows[row].state != VL_ROW_LIVE)
        st = rig_insert(&self->rig, &txn->rig, row, cells, rig_newest(&self->rig, row) != NULL);
    else if (model_below(self, 3) == 0)
        st = rig_delete(&self->rig, &txn->rig, row);
    else
        st = rig_update(&self->rig, &txn->rig, row, model_below(self, RIG_COLUMNS), cells[0]);
    if (st == VELO_OK)
        model_note(self, txn, row, statement, self->rig.rows[row].state == VL_ROW_LIVE);
    return st;
}

/* Change a row if that is allowed: 1, 0 when something is wrong. */
static int
model_write(model *self, model_txn *txn)
{
    uint32_t row = model_below(self, model_below(self, 2) == 0 ? self->append_at : 4);
    int is_wrong;
    vl_write_verdict verdict = model_ask(self, txn, row, &is_wrong);

    if (is_wrong)
        unit_failed(__FILE__, __LINE__, "row %u: verdict %d", row, (int)verdict);
    if (!is_wrong && (verdict == VL_WRITE_FREE || verdict == VL_WRITE_REREAD))
        is_wrong = model_change(self, txn, row) != VELO_OK;
    return !is_wrong;
}

/* Append a row, by a range. */
static int
model_append(model *self, model_txn *txn)
{
    uint32_t row = self->append_at;
    int64_t cells[RIG_COLUMNS] = {row, 1, (int64_t)self->version_count};

    if (row == RIG_ROWS || self->rig.by_key)
        return 1;
    if (txn->has_mark && vl_undo_log_is_at(txn->rig.log, txn->mark))
        txn->rig.range = NULL; /* a mark never lies inside of a range */
    self->append_at++;
    if (rig_append(&self->rig, &txn->rig, row, cells) != VELO_OK)
        return 0;
    model_note(self, txn, row, txn->rig.view.statement, 1);
    return 1;
}

/* Forget the versions of a transaction from number `count` on: each is its row's newest. */
static void
model_forget(model *self, uint32_t txn, uint32_t count)
{
    for (uint32_t row = 0; row < RIG_ROWS; row++)
        while (self->newest[row] > count && self->versions[self->newest[row] - 1].txn == txn)
            self->newest[row] = self->versions[self->newest[row] - 1].older;
}

/* Whether a view of a transaction's own changes is open. */
static int
model_has_cursor(const model *self, uint32_t txn)
{
    for (uint32_t i = 0; i < MODEL_VIEWS; i++)
        if (self->views[i].is_open && self->views[i].txn == txn)
            return 1;
    return 0;
}

static void
model_next_statement(model *self, model_txn *txn)
{
    if (!txn->has_mark && !model_has_cursor(self, txn->number) &&
        vl_ranges_join(self->rig.ranges, txn->rig.log)) {
        txn->floor = txn->rig.view.statement + 1;
        self->joined_count++;
    }
    rig_next_statement(&txn->rig);
}

/* Two statements that append: their ranges may be joined. */
static int
model_append_twice(model *self, model_txn *txn)
{
    for (uint32_t i = 0; i < 2; i++) {
        if (!model_append(self, txn))
            return 0;
        model_next_statement(self, txn);
    }
    return 1;
}

/* A write of an outer statement: its number is lower. */
static int
model_outer_write(model *self, model_txn *txn)
{
    int is_right;

    if (txn->rig.view.statement - 1 <= txn->floor)
        return 1;
    txn->rig.view.statement--;
    is_right = model_write(self, txn);
    txn->rig.view.statement++;
    return is_right;
}

static void
model_savepoint(model *self, model_txn *txn)
{
    if (!txn->has_mark) {
        txn->has_mark = 1;
        txn->mark = vl_undo_log_mark(txn->rig.log);
        txn->mark_count = self->version_count;
        txn->rig.range = NULL; /* a mark never lies inside of a range */
        return;
    }
    rig_undo_to(&self->rig, &txn->rig, txn->mark);
    model_forget(self, txn->number, txn->mark_count);
    txn->has_mark = model_below(self, 2) == 0; /* or it is released now */
}

static int
model_end(model *self, model_txn *txn)
{
    int commits = model_below(self, 4) != 0;

    if (commits)
        self->fates[txn->number].commit_ts = rig_commit_unpublished(&self->rig, &txn->rig);
    else {
        rig_abort(&self->rig, &txn->rig);
        model_forget(self, txn->number, 0);
        self->fates[txn->number].commit_ts = VL_TS_ABORTED;
    }
    memset(txn, 0, sizeof *txn);
    return 1;
}

static int
model_begin(model *self, model_txn *txn)
{
    memset(txn, 0, sizeof *txn);
    if (rig_begin(&self->rig, &txn->rig) != VELO_OK)
        return 0;
    txn->number = ++self->txn_count;
    self->fates[txn->number].commit_ts = VL_TS_ACTIVE;
    return 1;
}

/* One step of a transaction: 1, 0 when something is wrong. */
static int
model_step_txn(model *self)
{
    model_txn *txn = &self->txns[model_below(self, MODEL_TXNS)];
    uint32_t dice = model_below(self, 32);

    if (txn->rig.status == NULL)
        return model_begin(self, txn);
    if (dice < 2)
        return model_end(self, txn);
    if (dice < 4)
        model_savepoint(self, txn);
    else if (dice < 9)
        model_next_statement(self, txn);
    else if (dice < 11)
        return model_outer_write(self, txn);
    else if (dice == 11)
        return model_append(self, txn);
    else if (dice < 14)
        return model_append_twice(self, txn);
    else
        return model_write(self, txn);
    return 1;
}

/* Open a view, or close one. */
static void
model_step_view(model *self)
{
    model_view *view = &self->views[model_below(self, MODEL_VIEWS)];
    const model_txn *txn = &self->txns[model_below(self, MODEL_TXNS)];

    if (view->is_open) {
        vl_txn_status_release(view->status, 1);
        memset(view, 0, sizeof *view);
        return;
    }
    view->is_open = 1;
    view->view = (vl_view){self->rig.published, NULL, 0, NULL};
    if (txn->rig.status != NULL && model_below(self, 2) == 0) {
        view->view = txn->rig.view;
        view->status = txn->rig.status;
        view->txn = txn->number;
        vl_txn_status_acquire(view->status, 1);
    }
}

/* ---- garbage ---- */

typedef struct model_horizon {
    vl_horizon horizon;
    vl_snapshot_view view;
    vl_timestamp snapshots[MODEL_TXNS + MODEL_VIEWS];
    uint32_t snapshot_count;
    const vl_txn_status *readers[MODEL_VIEWS];
} model_horizon;

static void
model_add_snapshot(model_horizon *to, vl_timestamp read_ts)
{
    uint32_t at = to->snapshot_count++;

    for (; at > 0 && to->snapshots[at - 1] > read_ts; at--)
        to->snapshots[at] = to->snapshots[at - 1];
    to->snapshots[at] = read_ts;
}

static void
model_collect(const model *self, model_horizon *to)
{
    memset(to, 0, sizeof *to);
    to->horizon.snapshots = &to->view;
    to->horizon.readers = to->readers;
    for (uint32_t i = 0; i < MODEL_TXNS; i++)
        if (self->txns[i].rig.status != NULL)
            model_add_snapshot(to, self->txns[i].rig.view.read_ts);
    for (uint32_t i = 0; i < MODEL_VIEWS; i++) {
        if (!self->views[i].is_open)
            continue;
        model_add_snapshot(to, self->views[i].view.read_ts);
        if (self->views[i].status != NULL)
            to->readers[to->horizon.reader_count++] = self->views[i].status;
    }
    to->view = rig_snapshots(self->rig.published, to->snapshots, to->snapshot_count);
}

/* Prune the rows that the oldest finished transaction changed. */
static void
model_collect_garbage(model *self, vl_prune *prune)
{
    vl_undo_log *log =
        vl_undo_pool_take(self->rig.pool, vl_snapshot_view_oldest(prune->horizon->snapshots));

    if (log == NULL)
        return;
    for (const vl_undo *record = vl_undo_last(log); record != NULL; record = record->previous) {
        vl_versions *map = &self->rig.maps[0];

        for (uint32_t i = 0; i < 2; i++, map++) {
            vl_undo *newest = record->key != NULL
                                  ? vl_versions_find_key(*map, record->key, record->key_size,
                                                         (vl_pid)record->rowid)
                                  : vl_versions_find_row(*map, record->rowid);

            if (newest != NULL)
                vl_prune_row(prune, map, newest);
        }
    }
    vl_undo_log_release(log);
}

static void
model_step_garbage(model *self)
{
    model_horizon horizon;
    vl_prune prune = {.pool = self->rig.pool, .horizon = &horizon.horizon};
    uint32_t row = model_below(self, RIG_ROWS);
    uint32_t what = model_below(self, 5);

    model_collect(self, &horizon);
    if (what == 0)
        for (uint32_t i = 0; i < 2; i++)
            vl_prune_page(&prune, &self->rig.maps[i]);
    else if (what == 1) {
        for (row = 0; row < RIG_ROWS; row++)
            self->purged_count += (uint64_t)rig_purge(&self->rig, &prune, row);
    } else if (what == 2)
        model_collect_garbage(self, &prune);
    else if (what == 3)
        (void)vl_ranges_prune(self->rig.ranges, vl_snapshot_view_oldest(&horizon.view));
    else if (rig_newest(&self->rig, row) != NULL)
        vl_prune_row(&prune, rig_map(&self->rig, row), rig_newest(&self->rig, row));
    self->merged_count += prune.merged_count;
}

/* ---- the run ---- */

static int
model_step(model *self)
{
    uint32_t dice = model_below(self, 24);

    if (dice < 2)
        model_step_view(self);
    else if (dice < 5)
        model_step_garbage(self);
    else if (dice == 5)
        self->rig.published = self->rig.clock;
    else if (dice == 6)
        rig_move_border(&self->rig, model_below(self, RIG_ROWS + 1));
    else
        return model_step_txn(self);
    return 1;
}

/* End all that is open; then, with nobody to look, nothing may be left. */
static int
model_finish(model *self)
{
    model_horizon horizon;
    vl_prune prune = {.pool = self->rig.pool, .horizon = &horizon.horizon};
    uint64_t used;

    for (uint32_t i = 0; i < MODEL_TXNS; i++)
        if (self->txns[i].rig.status != NULL)
            (void)model_end(self, &self->txns[i]);
    for (uint32_t i = 0; i < MODEL_VIEWS; i++)
        vl_txn_status_release(self->views[i].status, 1);
    memset(self->views, 0, sizeof self->views);
    self->rig.published = self->rig.clock;
    model_collect(self, &horizon);
    for (uint32_t i = 0; i < 2; i++)
        vl_prune_page(&prune, &self->rig.maps[i]);
    (void)vl_ranges_prune(self->rig.ranges, self->rig.published);
    used = vl_txn_status_pool_live(self->rig.statuses);
    if (used != 0 || self->rig.maps[0].attachment != NULL || self->rig.maps[1].attachment != NULL)
        unit_failed(__FILE__, __LINE__, "%llu statuses are left", (unsigned long long)used);
    return used == 0 && model_agrees(self, &(vl_view){self->rig.published, NULL, 0, NULL}, 0);
}

/* Run once; returns 1 when all agreed. */
static int
model_run(model *self, uint64_t seed, int by_key)
{
    int is_right = 1;

    memset(self, 0, sizeof *self);
    vl_rng_init(&self->rng, seed);
    self->append_at = by_key ? RIG_ROWS : RIG_ROWS / 4;
    if (rig_init(&self->rig, unit_ctx(), 0, by_key) != VELO_OK)
        return 0;
    for (uint32_t i = 0; i < MODEL_STEPS && is_right; i++) {
        is_right = model_step(self);
        if (is_right && i % 3 == 0)
            is_right = model_all_agree(self);
    }
    if (!is_right && !unit_has_failed())
        unit_failed(__FILE__, __LINE__, "a step failed");
    is_right = model_finish(self) && is_right;
    rig_deinit(&self->rig);
    return is_right;
}

/* Sanitizers are slow. */
static uint32_t
model_rounds(void)
{
    return VL_TSAN || VL_ASAN ? 2 : 12;
}

static void
model_run_all(int by_key)
{
    model *self = vl_alloc_zero(unit_ctx(), sizeof *self);
    uint64_t merged = 0, purged = 0, joined = 0, verdicts[5] = {0};

    CHECK(self != NULL);
    for (uint32_t round = 0; round < model_rounds() && !unit_has_failed(); round++) {
        if (!model_run(self, unit_seed() + round, by_key))
            break;
        merged += self->merged_count;
        purged += self->purged_count;
        joined += self->joined_count;
        for (uint32_t i = 0; i < 5; i++)
            verdicts[i] += self->verdicts[i];
    }
    vl_free(self);
    /* It has met what it is for. */
    CHECK(merged > 0 && purged > 0 && (by_key || joined > 0));
    CHECK(verdicts[VL_WRITE_FREE] > 0 && verdicts[VL_WRITE_REREAD] > 0 &&
          verdicts[VL_WRITE_WAIT] > 0 && verdicts[VL_WRITE_CONFLICT] > 0);
}

static void
versions_of_rows_agree_with_a_model_that_forgets_nothing(void)
{
    model_run_all(0);
}

static void
versions_of_entries_agree_with_a_model_that_forgets_nothing(void)
{
    model_run_all(1);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(versions_of_rows_agree_with_a_model_that_forgets_nothing),
        UNIT_TEST(versions_of_entries_agree_with_a_model_that_forgets_nothing),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
