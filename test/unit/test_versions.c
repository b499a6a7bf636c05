/* test_versions.c - undo records, version maps, visibility, pruning, range records: facts, and the
 * hazards 17 to 22 and 33 by name. */
#include "unit/version_rig.h"

/* The cells of a row. */
#define A(number) ((const int64_t[RIG_COLUMNS]){(number), (number) + 1, (number) + 2})

/* A horizon with what it points to. */
typedef struct versions_horizon {
    vl_horizon horizon;
    vl_snapshot_view snapshots;
} versions_horizon;

/* A pass with these snapshots in use. */
static vl_prune
versions_prune(rig *self, versions_horizon *to, const vl_timestamp *snapshots, uint32_t count)
{
    to->snapshots = rig_snapshots(self->published, snapshots, count);
    to->horizon = (vl_horizon){.snapshots = &to->snapshots};
    return (vl_prune){.pool = self->pool, .horizon = &to->horizon};
}

static void
versions_prune_all(rig *self, const vl_timestamp *snapshots, uint32_t count)
{
    versions_horizon horizon;
    vl_prune prune = versions_prune(self, &horizon, snapshots, count);

    for (uint32_t i = 0; i < 2; i++)
        vl_prune_page(&prune, &self->maps[i]);
    (void)vl_ranges_prune(self->ranges, vl_snapshot_view_oldest(&horizon.snapshots));
}

static vl_view
versions_view(vl_timestamp read_ts)
{
    return (vl_view){read_ts, NULL, 0, NULL};
}

/* Commit one insert, update or delete by itself. */
static velo_status
versions_one(rig *self, char what, uint32_t row, int64_t number)
{
    rig_txn txn;
    velo_status st;

    VL_TRY(rig_begin(self, &txn));
    st = what == 'i'   ? rig_insert(self, &txn, row, A(number), 1)
         : what == 'd' ? rig_delete(self, &txn, row)
                       : rig_update(self, &txn, row, (uint32_t)(what - '0'), number);
    rig_commit(self, &txn);
    return st;
}

/* ---- undo records ---- */

static void
undo_values_are_copied_and_found_again(void)
{
    rig self;
    rig_txn txn;
    char text[] = "what it was";
    vl_leaf_change old[2] = {{3, {{.type = VL_TYPE_TEXT, .size = 11, .as = {.data = text}}, 0}},
                             {5, {{.type = VL_TYPE_BLOB, .size = 70000}, 1234}}};
    vl_undo_change change = {.kind = VL_UNDO_UPDATE,
                             .statement = 4,
                             .tree = 9,
                             .key = text,
                             .key_size = 4,
                             .columns = old,
                             .column_count = 2};
    vl_undo *record;

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 0));
    CHECK_OK(rig_begin(&self, &txn));
    CHECK_OK(vl_undo_append(self.ctx, txn.log, &change, &record));
    memset(text, 'x', sizeof text);
    CHECK(memcmp(record->columns[0].value.value.as.data, "what it was", 11) == 0);
    CHECK(memcmp(record->key, "what", 4) == 0);
    CHECK_EQ(record->columns[1].value.overflow, 1234); /* its bytes stay where they are */
    CHECK_EQ(record->columns[1].value.value.size, 70000);
    CHECK_EQ(record->before, VL_ROW_LIVE);
    CHECK(vl_undo_last(txn.log) == record);
    vl_undo_pop(txn.log);
    CHECK(vl_undo_last(txn.log) == NULL);
    rig_abort(&self, &txn);
    CHECK_EQ(vl_txn_status_pool_live(self.statuses), 0);
    rig_deinit(&self);
}

static void
undo_memory_of_what_is_popped_is_used_again(void)
{
    rig self;
    rig_txn txn;
    uint64_t used;

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 0));
    CHECK_OK(versions_one(&self, 'i', 1, 1));
    versions_prune_all(&self, NULL, 0);
    CHECK_OK(rig_begin(&self, &txn));
    CHECK_OK(rig_update(&self, &txn, 1, 2, 5));
    used = vl_undo_pool_used(self.pool);
    for (uint32_t i = 0; i < 1000; i++) {
        vl_undo_mark mark = vl_undo_log_mark(txn.log);

        for (uint32_t j = 0; j < 20; j++)
            CHECK_OK(rig_update(&self, &txn, 1, 2, j));
        rig_undo_to(&self, &txn, mark);
    }
    CHECK(vl_undo_pool_used(self.pool) <= used + 2 * 65536);
    CHECK_EQ(self.rows[1].cells[2], 5);
    rig_abort(&self, &txn);
    CHECK_EQ(self.rows[1].cells[2], 3);
    CHECK_EQ(vl_txn_status_pool_live(self.statuses), 0);
    rig_deinit(&self);
}

/* A checkpoint reads records of a transaction that is undone meanwhile (hazard 12). */
static void
undo_held_log_keeps_what_is_popped(void)
{
    rig self;
    rig_txn txn;
    vl_undo_log *log;
    const vl_undo *held;

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 0));
    CHECK_OK(rig_begin(&self, &txn));
    CHECK_OK(rig_insert(&self, &txn, 1, A(1), 1));
    log = txn.log;
    vl_undo_log_hold(log);
    CHECK_OK(rig_update(&self, &txn, 1, 1, 6));
    held = vl_undo_last(log);
    rig_undo_to(&self, &txn, (vl_undo_mark){held->previous, 0});
    CHECK_OK(rig_update(&self, &txn, 1, 0, 7));
    CHECK(vl_undo_last(log) != held);
    CHECK_EQ(held->columns[0].id, rig_ids[1]);
    CHECK_EQ(held->columns[0].value.value.as.integer, 2);
    rig_abort(&self, &txn);
    CHECK_EQ(vl_txn_status_pool_live(self.statuses), 1);
    CHECK(vl_undo_pool_take(self.pool, VL_TS_MAX) == NULL); /* aborted: no garbage to collect */
    vl_undo_log_release(log);
    CHECK_EQ(vl_txn_status_pool_live(self.statuses), 0);
    rig_deinit(&self);
}

static void
undo_beyond_the_budget_is_full(void)
{
    rig self;
    rig_txn txn;
    velo_status st = VELO_OK;
    uint32_t row = 0;

    CHECK_OK(rig_init(&self, unit_ctx(), 4096, 0));
    CHECK_OK(rig_begin(&self, &txn));
    CHECK_OK(rig_insert(&self, &txn, 0, A(0), 1));
    for (row = 0; row < 1000 && st == VELO_OK; row++)
        st = rig_update(&self, &txn, 0, 1, row);
    CHECK_EQ(st, VELO_FULL);
    CHECK_CONTAINS(self.ctx->error.text, "4096 bytes");
    CHECK(vl_undo_pool_used(self.pool) <= 4096);
    CHECK_EQ(self.rows[0].cells[1], row - 2); /* the last that went well */
    rig_abort(&self, &txn);
    CHECK_EQ(self.rows[0].state, VL_ROW_ABSENT);
    CHECK_OK(versions_one(&self, 'i', 0, 5)); /* and there is room again */
    rig_deinit(&self);
}

static void
undo_finished_logs_are_found_when_they_are_old_enough(void)
{
    rig self;
    vl_undo_log *log;

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 0));
    CHECK_OK(versions_one(&self, 'i', 1, 1)); /* at 10 */
    CHECK_OK(versions_one(&self, 'i', 2, 2)); /* at 20 */
    CHECK(vl_undo_pool_take(self.pool, 9) == NULL);
    log = vl_undo_pool_take(self.pool, 10);
    CHECK(log != NULL && vl_undo_last(log)->rowid == 1);
    CHECK(vl_undo_pool_take(self.pool, 10) == NULL);
    versions_prune_all(&self, (const vl_timestamp[]){10}, 1);
    CHECK_EQ(rig_chain_length(&self, 1), 0);
    CHECK_EQ(rig_chain_length(&self, 2), 1);
    CHECK_EQ(vl_undo_last(log)->rowid, 1); /* held */
    vl_undo_log_release(log);
    CHECK_EQ(vl_txn_status_pool_live(self.statuses), 1);
    versions_prune_all(&self, NULL, 0);
    CHECK(vl_undo_pool_take(self.pool, VL_TS_MAX) == NULL); /* the log went with its last record */
    CHECK_EQ(vl_txn_status_pool_live(self.statuses), 0);
    rig_deinit(&self);
}

/* ---- maps ---- */

static void
versions_map_finds_all_in_either_form(void)
{
    for (int by_key = 0; by_key < 2; by_key++) {
        rig self;
        rig_txn txn;

        CHECK_OK(rig_init(&self, unit_ctx(), 0, by_key));
        rig_move_border(&self, RIG_ROWS);
        CHECK_OK(rig_begin(&self, &txn));
        for (uint32_t row = 0; row < RIG_ROWS; row++) {
            CHECK(rig_newest(&self, row) == NULL);
            CHECK_OK(rig_insert(&self, &txn, row, A(row), 1));
            for (uint32_t i = 0; i <= row; i++)
                CHECK(rig_newest(&self, i) != NULL);
            CHECK_EQ(vl_versions_count(self.maps[0]), row + 1);
        }
        rig_move_border(&self, 7);
        CHECK_EQ(vl_versions_count(self.maps[0]), 7);
        CHECK_EQ(vl_versions_count(self.maps[1]), RIG_ROWS - 7);
        for (uint32_t i = 0; i < RIG_ROWS; i++)
            CHECK(rig_newest(&self, i) != NULL);
        rig_move_border(&self, 0);
        CHECK(self.maps[0].attachment == NULL);
        rig_abort(&self, &txn);
        CHECK(self.maps[1].attachment == NULL);
        rig_deinit(&self);
    }
}

/* vl_tree.moved must not fail. */
static void
versions_move_without_memory(void)
{
    vl_allocator allocator;
    vl_ctx ctx;
    rig self;
    rig_txn txn;

    vl_allocator_init(&allocator);
    vl_ctx_init(&ctx, &allocator, NULL);
    CHECK_OK(rig_init(&self, &ctx, 0, 0));
    rig_move_border(&self, RIG_ROWS);
    CHECK_OK(rig_begin(&self, &txn));
    for (uint32_t row = 0; row < RIG_ROWS; row++)
        CHECK_OK(rig_insert(&self, &txn, row, A(row), 1));
    vl_allocator_fail_nth(&allocator, 1, UINT64_MAX);
    rig_move_border(&self, 3);
    for (uint32_t i = 0; i < RIG_ROWS; i++)
        CHECK(rig_newest(&self, i) != NULL);
    rig_abort(&self, &txn);
    vl_allocator_fail_nth(&allocator, 0, 0);
    rig_deinit(&self);
    CHECK_EQ(allocator.block_count, 0);
}

static velo_status
versions_some_changes(vl_ctx *ctx, void *argument)
{
    rig self;
    rig_txn txn = {0};
    velo_status st;

    (void)argument;
    VL_TRY(rig_init(&self, ctx, 0, 0));
    st = rig_begin(&self, &txn);
    for (uint32_t row = 0; row < 20 && st == VELO_OK; row++)
        st = rig_insert(&self, &txn, row, A(row), 1);
    for (uint32_t row = 30; row < 34 && st == VELO_OK; row++)
        st = rig_append(&self, &txn, row, A(row));
    if (txn.status != NULL && st == VELO_OK) {
        rig_commit(&self, &txn);
        for (char what = '0'; what < '3' && st == VELO_OK; what++)
            st = versions_one(&self, what, 2, what);
        versions_prune_all(&self, (const vl_timestamp[]){5}, 1);
    } else if (txn.status != NULL)
        rig_abort(&self, &txn);
    rig_deinit(&self);
    return st;
}

static void
versions_without_memory_leave_nothing(void)
{
    CHECK(unit_each_alloc_failure(versions_some_changes, NULL) > 5);
}

/* ---- the hazards ---- */

static void
hazard_17_tombstone_without_a_record_is_garbage(void)
{
    vl_snapshot_view nobody = {.horizon = 100};
    vl_horizon none = {.snapshots = &nobody};
    vl_view old = versions_view(1);
    vl_versioned row = {VL_ROW_DELETED, NULL, {0}};

    /* After a crash, or when the map is gone: nobody sees it, anybody may remove it. */
    CHECK_EQ(vl_view_read(&old, &row, NULL), VL_ROW_DELETED);
    CHECK(vl_prune_can_purge(&none, NULL, row.origin));
}

static void
hazard_18_merging_keeps_the_older_value(void)
{
    rig self;
    vl_view reader;
    const vl_undo *before, *kept;
    int64_t cells[RIG_COLUMNS];

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 0));
    CHECK_OK(versions_one(&self, 'i', 1, 100)); /* at 10: 100, 101, 102 */
    reader = versions_view(self.published);
    CHECK_OK(versions_one(&self, '2', 1, 7)); /* O{c} at 20 */
    CHECK_OK(versions_one(&self, '0', 1, 8)); /* M{a} at 30 */
    CHECK_OK(versions_one(&self, '1', 1, 9)); /* N{b} at 40 */
    CHECK_OK(versions_one(&self, '0', 1, 5)); /* and a again, at 50 */
    before = rig_newest(&self, 1);
    versions_prune_all(&self, (const vl_timestamp[]){10, 45}, 2);
    /* 45 lies between N and the last: these two stay apart. */
    CHECK_EQ(rig_chain_length(&self, 1), 2);
    CHECK(rig_newest(&self, 1) == before); /* not edited: it is the last's own record */
    kept = before->older;
    CHECK_EQ(kept->kind, VL_UNDO_MERGED);
    CHECK_EQ(kept->column_count, 3);
    CHECK_EQ(rig_read(&self, &reader, 1, cells), VL_ROW_LIVE);
    CHECK(cells[0] == 100 && cells[1] == 101 && cells[2] == 102);
    reader.read_ts = 45;
    CHECK_EQ(rig_read(&self, &reader, 1, cells), VL_ROW_LIVE);
    CHECK(cells[0] == 8 && cells[1] == 9 && cells[2] == 7);
    versions_prune_all(&self, (const vl_timestamp[]){10}, 1);
    CHECK_EQ(rig_chain_length(&self, 1), 1);
    reader.read_ts = 10;
    CHECK_EQ(rig_read(&self, &reader, 1, cells), VL_ROW_LIVE);
    CHECK(cells[0] == 100 && cells[1] == 101 && cells[2] == 102); /* the older a, not 8 */
    rig_deinit(&self);
}

static void
hazard_18_uncommitted_and_unpublished_records_are_not_merged(void)
{
    rig self;
    rig_txn txn;

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 0));
    CHECK_OK(versions_one(&self, 'i', 1, 100));
    CHECK_OK(rig_begin(&self, &txn));
    CHECK_OK(rig_update(&self, &txn, 1, 0, 5));
    rig_next_statement(&txn);
    CHECK_OK(rig_update(&self, &txn, 1, 0, 6));
    versions_prune_all(&self, (const vl_timestamp[]){5}, 1);
    CHECK_EQ(rig_chain_length(&self, 1), 3);
    (void)rig_commit_unpublished(&self, &txn); /* at 20; snapshots may still begin at 10 */
    versions_prune_all(&self, (const vl_timestamp[]){5}, 1);
    CHECK_EQ(rig_chain_length(&self, 1), 3);
    self.published = self.clock;
    versions_prune_all(&self, (const vl_timestamp[]){5}, 1);
    CHECK_EQ(rig_chain_length(&self, 1), 1);
    rig_deinit(&self);
}

static void
hazard_18_a_hot_row_beside_an_old_reader_takes_one_record(void)
{
    rig self;
    vl_view reader;
    uint64_t used = 0;
    int64_t cells[RIG_COLUMNS];

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 0));
    CHECK_OK(versions_one(&self, 'i', 1, 100));
    reader = versions_view(self.published);
    for (uint32_t i = 0; i < 3000; i++) {
        CHECK_OK(versions_one(&self, (char)('0' + i % 3), 1, i));
        versions_prune_all(&self, &reader.read_ts, 1);
        if (i == 10)
            used = vl_undo_pool_used(self.pool);
    }
    CHECK_EQ(rig_chain_length(&self, 1), 1);
    CHECK_EQ(vl_undo_pool_used(self.pool), used);
    CHECK_EQ(vl_txn_status_pool_live(self.statuses), 1);
    CHECK_EQ(rig_read(&self, &reader, 1, cells), VL_ROW_LIVE);
    CHECK(cells[0] == 100 && cells[1] == 101 && cells[2] == 102);
    rig_deinit(&self);
}

/* Two loaders and somebody between them. */
static void
hazard_19_ranges_do_not_take_others_rows(void)
{
    rig self;
    rig_txn t, u;
    vl_view outside;
    int64_t cells[RIG_COLUMNS];

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 0));
    outside = versions_view(self.published);
    CHECK_OK(rig_begin(&self, &t));
    CHECK_OK(rig_begin(&self, &u));
    for (uint32_t i = 0; i < 5; i++)
        CHECK_OK(rig_append(&self, &t, i, A(i)));
    CHECK_OK(rig_append(&self, &u, 5, A(5)));
    CHECK_OK(rig_append(&self, &t, 6, A(6))); /* not the next one of t's range: a record more */
    CHECK_OK(rig_append(&self, &t, 7, A(7)));
    CHECK_EQ(vl_undo_last(t.log)->rowid, 6);
    CHECK_EQ(vl_undo_last(t.log)->last, 7);
    CHECK_EQ(vl_undo_last(t.log)->previous->last, 4);
    CHECK(!vl_ranges_extend(self.ranges, vl_undo_last(u.log), 6)); /* it is t's */
    rig_move_border(&self, 3);
    rig_commit(&self, &u);
    rig_abort(&self, &t);
    for (uint32_t i = 0; i < 8; i++)
        CHECK_EQ(self.rows[i].state, i == 5 ? VL_ROW_LIVE : VL_ROW_ABSENT);
    CHECK_EQ(rig_read(&self, &outside, 5, cells), VL_ROW_ABSENT);
    outside.read_ts = self.published;
    CHECK_EQ(rig_read(&self, &outside, 5, cells), VL_ROW_LIVE);
    CHECK(!vl_ranges_is_empty(self.ranges));
    CHECK_EQ(vl_ranges_prune(self.ranges, self.published - 1), 0);
    CHECK_EQ(vl_ranges_prune(self.ranges, self.published), 1);
    rig_deinit(&self);
}

static void
hazard_19_statements_of_a_load_are_joined_or_kept_apart(void)
{
    rig self;
    rig_txn txn;
    vl_undo_mark mark;

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 0));
    CHECK_OK(rig_begin(&self, &txn));
    for (uint32_t i = 0; i < 20; i++) {
        CHECK_OK(rig_append(&self, &txn, i, A(i)));
        CHECK_EQ(vl_ranges_join(self.ranges, txn.log), i > 0);
        rig_next_statement(&txn);
    }
    CHECK_EQ(vl_undo_last(txn.log)->last, 19);
    CHECK(vl_undo_last(txn.log)->previous == NULL); /* twenty statements, one record */
    mark = vl_undo_log_mark(txn.log);
    CHECK_OK(rig_append(&self, &txn, 20, A(20))); /* behind a savepoint: not joined */
    CHECK_OK(rig_append(&self, &txn, 21, A(21)));
    rig_undo_to(&self, &txn, mark);
    CHECK_EQ(vl_undo_last(txn.log)->last, 19);
    CHECK_EQ(self.rows[19].state, VL_ROW_LIVE);
    CHECK_EQ(self.rows[20].state, VL_ROW_ABSENT);
    rig_commit(&self, &txn);
    rig_deinit(&self);
}

/* A row's own record comes before the range; statement numbers hold in ranges as well. */
static void
hazard_19_own_records_come_before_the_range(void)
{
    rig self;
    rig_txn txn;
    vl_view cursor, old;
    int64_t cells[RIG_COLUMNS];

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 0));
    old = versions_view(self.published);
    CHECK_OK(rig_begin(&self, &txn));
    cursor = txn.view;
    CHECK_OK(rig_append(&self, &txn, 1, A(1)));
    rig_next_statement(&txn);
    CHECK_EQ(rig_read(&self, &cursor, 1, cells), VL_ROW_ABSENT);
    cursor = txn.view;
    CHECK_EQ(rig_read(&self, &cursor, 1, cells), VL_ROW_LIVE);
    CHECK_OK(rig_update(&self, &txn, 1, 0, 50));
    CHECK_EQ(rig_read(&self, &cursor, 1, cells), VL_ROW_LIVE);
    CHECK_EQ(cells[0], 1);
    rig_commit(&self, &txn);
    CHECK_EQ(rig_read(&self, &old, 1, cells), VL_ROW_ABSENT);
    old.read_ts = self.published;
    CHECK_EQ(rig_read(&self, &old, 1, cells), VL_ROW_LIVE);
    CHECK_EQ(cells[0], 50);
    rig_deinit(&self);
}

static void
hazard_20_tombstones_of_a_queue_go_beside_an_old_reader(void)
{
    rig self;
    vl_view reader;
    versions_horizon horizon;
    vl_prune prune;
    int64_t cells[RIG_COLUMNS];

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 1));
    CHECK_OK(versions_one(&self, 'i', 0, 1));
    reader = versions_view(self.published); /* at 10; sees row 0 only */
    for (uint32_t i = 1; i < RIG_ROWS; i++) {
        CHECK_OK(versions_one(&self, 'i', i, i));
        CHECK_OK(versions_one(&self, 'd', i, 0));
        prune = versions_prune(&self, &horizon, &reader.read_ts, 1);
        CHECK(rig_purge(&self, &prune, i));
        CHECK_EQ(rig_chain_length(&self, i), 0);
    }
    CHECK_OK(versions_one(&self, 'd', 0, 0));
    prune = versions_prune(&self, &horizon, &reader.read_ts, 1);
    CHECK(!rig_purge(&self, &prune, 0)); /* the reader sees it */
    CHECK_EQ(rig_read(&self, &reader, 0, cells), VL_ROW_LIVE);
    prune = versions_prune(&self, &horizon, NULL, 0);
    CHECK(rig_purge(&self, &prune, 0));
    CHECK_EQ(vl_undo_pool_used(self.pool) > 0, 1); /* the ranges' own memory */
    CHECK_EQ(vl_txn_status_pool_live(self.statuses), 0);
    rig_deinit(&self);
}

static void
hazard_20_a_death_that_is_not_published_keeps_the_tombstone(void)
{
    rig self;
    rig_txn txn;
    versions_horizon horizon;
    vl_prune prune;

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 0));
    CHECK_OK(versions_one(&self, 'i', 1, 1));
    CHECK_OK(rig_begin(&self, &txn));
    CHECK_OK(rig_delete(&self, &txn, 1));
    CHECK_OK(rig_insert(&self, &txn, 2, A(2), 1));
    CHECK_OK(rig_delete(&self, &txn, 2)); /* born and dead at one time, which has not come */
    prune = versions_prune(&self, &horizon, NULL, 0);
    CHECK(!rig_purge(&self, &prune, 1));
    CHECK(!rig_purge(&self, &prune, 2));
    (void)rig_commit_unpublished(&self, &txn);
    prune = versions_prune(&self, &horizon, NULL, 0);
    CHECK(!rig_purge(&self, &prune, 1));
    self.published = self.clock;
    prune = versions_prune(&self, &horizon, NULL, 0);
    CHECK(rig_purge(&self, &prune, 1));
    rig_deinit(&self);
}

static void
hazard_21_insert_over_a_tombstone_keeps_the_old_row(void)
{
    rig self;
    rig_txn txn;
    vl_view reader;
    int64_t cells[RIG_COLUMNS];

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 0));
    CHECK_OK(versions_one(&self, 'i', 5, 50));
    reader = versions_view(self.published);
    CHECK_OK(versions_one(&self, 'd', 5, 0));
    CHECK_OK(versions_one(&self, 'i', 5, 60)); /* the same place of the page */
    CHECK_EQ(rig_read(&self, &reader, 5, cells), VL_ROW_LIVE);
    CHECK(cells[0] == 50 && cells[1] == 51 && cells[2] == 52);
    reader.read_ts = self.published - 10;
    CHECK_EQ(rig_read(&self, &reader, 5, cells), VL_ROW_DELETED);
    /* Insert, delete, insert in one transaction, and back. */
    CHECK_OK(rig_begin(&self, &txn));
    CHECK_OK(rig_delete(&self, &txn, 5));
    CHECK_OK(rig_insert(&self, &txn, 5, A(70), 1));
    CHECK_OK(rig_delete(&self, &txn, 5));
    CHECK_OK(rig_insert(&self, &txn, 5, A(80), 1));
    rig_abort(&self, &txn);
    CHECK_EQ(self.rows[5].state, VL_ROW_LIVE);
    CHECK(self.rows[5].cells[0] == 60 && self.rows[5].cells[2] == 62);
    /* When nothing is left between, the old reader's row still is. */
    versions_prune_all(&self, (const vl_timestamp[]){10}, 1);
    CHECK_EQ(rig_chain_length(&self, 5), 1);
    reader.read_ts = 10;
    CHECK_EQ(rig_read(&self, &reader, 5, cells), VL_ROW_LIVE);
    CHECK(cells[0] == 50 && cells[1] == 51 && cells[2] == 52);
    rig_deinit(&self);
}

/* A unique key whose entry moves from one rowid to another: delete and insert over the tombstone.
 * An entry's value is its column. */
static void
hazard_21_unique_entry_changes_its_rowid(void)
{
    rig self;
    rig_txn txn;
    vl_view reader;
    int64_t cells[RIG_COLUMNS];

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 1));
    CHECK_OK(versions_one(&self, 'i', 5, 1000));
    reader = versions_view(self.published);
    CHECK_OK(rig_begin(&self, &txn));
    CHECK_OK(rig_delete(&self, &txn, 5));
    CHECK_OK(rig_insert(&self, &txn, 5, A(2000), 1));
    CHECK_OK(rig_delete(&self, &txn, 5));
    CHECK_OK(rig_insert(&self, &txn, 5, A(1000), 1)); /* A -> B -> A */
    CHECK_EQ(rig_read(&self, &reader, 5, cells), VL_ROW_LIVE);
    CHECK_EQ(cells[0], 1000);
    rig_commit(&self, &txn);
    CHECK_EQ(rig_read(&self, &reader, 5, cells), VL_ROW_LIVE);
    CHECK_EQ(cells[2], 1002);
    rig_deinit(&self);
}

static void
hazard_22_no_snapshot_sees_a_unique_key_twice(void)
{
    rig self;
    rig_txn t1, t2;
    vl_versioned key;
    const vl_txn_status *owner;

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 1));
    CHECK_OK(versions_one(&self, 'i', 3, 1));
    CHECK_OK(rig_begin(&self, &t2)); /* its snapshot has the key */
    key = rig_look(&self, 3);
    CHECK_EQ(vl_view_check_insert(&t2.view, &key, &owner), VL_INSERT_EXISTS);
    CHECK_OK(rig_begin(&self, &t1));
    CHECK_OK(rig_delete(&self, &t1, 3));
    key = rig_look(&self, 3);
    CHECK_EQ(vl_view_check_insert(&t2.view, &key, &owner), VL_INSERT_WAIT);
    CHECK(owner == t1.status);
    rig_commit(&self, &t1);
    versions_prune_all(&self, &t2.view.read_ts, 1); /* keeps it: the snapshot is there */
    key = rig_look(&self, 3);
    CHECK_EQ(vl_view_check_insert(&t2.view, &key, &owner), VL_INSERT_CONFLICT);
    CHECK(owner == NULL);
    rig_abort(&self, &t2);
    CHECK_OK(rig_begin(&self, &t2)); /* on a fresh snapshot it is free */
    key = rig_look(&self, 3);
    CHECK_EQ(vl_view_check_insert(&t2.view, &key, &owner), VL_INSERT_FREE);
    CHECK_OK(rig_insert(&self, &t2, 3, A(9), 1));
    key = rig_look(&self, 3);
    CHECK_EQ(vl_view_check_insert(&t2.view, &key, &owner), VL_INSERT_EXISTS); /* one's own */
    vl_txn_status_abort(t2.status); /* ended, and not undone yet (hazard 14) */
    CHECK_OK(rig_begin(&self, &t1));
    CHECK_EQ(vl_view_check_insert(&t1.view, &key, &owner), VL_INSERT_UNDO);
    rig_undo_to(&self, &t2, (vl_undo_mark){NULL, 0});
    vl_undo_log_finish(t2.log);
    vl_txn_status_release(t2.status, 1);
    rig_commit(&self, &t1);
    rig_deinit(&self);
}

static void
hazard_33_a_trigger_sees_its_statement_and_is_written_over(void)
{
    rig self;
    rig_txn txn;
    vl_view outer, trigger, all;
    vl_versioned row;
    const vl_txn_status *owner;
    int64_t cells[RIG_COLUMNS];

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 0));
    CHECK_OK(versions_one(&self, 'i', 1, 10));
    CHECK_OK(versions_one(&self, 'i', 3, 30));
    CHECK_OK(rig_begin(&self, &txn));
    outer = txn.view; /* UPDATE t SET x = x + 1 */
    CHECK_OK(rig_update(&self, &txn, 1, 0, 11));
    CHECK_EQ(rig_read(&self, &outer, 1, cells), VL_ROW_LIVE);
    CHECK_EQ(cells[0], 10);   /* does not meet its own row again */
    rig_next_statement(&txn); /* its trigger: x = x + 1000 for row 3 */
    trigger = txn.view;
    CHECK_EQ(rig_read(&self, &trigger, 1, cells), VL_ROW_LIVE);
    CHECK_EQ(cells[0], 11);
    CHECK_OK(rig_update(&self, &txn, 3, 0, 1030));
    CHECK_EQ(rig_read(&self, &outer, 3, cells), VL_ROW_LIVE);
    CHECK_EQ(cells[0], 30);
    row = rig_look(&self, 3);
    CHECK_EQ(vl_view_check_write(&outer, &row, &owner), VL_WRITE_REREAD);
    all = vl_view_all_own(&outer);
    CHECK_EQ(rig_read(&self, &all, 3, cells), VL_ROW_LIVE);
    CHECK_EQ(cells[0], 1030);
    CHECK_EQ(vl_view_check_write(&all, &row, &owner), VL_WRITE_FREE);
    CHECK_EQ(vl_view_write_statement(&outer, &row), trigger.statement);
    txn.view = outer;
    CHECK_OK(rig_update(&self, &txn, 3, 0, 1031));
    txn.view.statement = trigger.statement + 1;
    CHECK_EQ(rig_read(&self, &txn.view, 3, cells), VL_ROW_LIVE);
    CHECK_EQ(cells[0], 1031); /* SQLite's result */
    rig_commit(&self, &txn);
    rig_deinit(&self);
}

/* 31, item 4: open reads go on behind the end of their transaction. */
static void
view_of_an_ended_transaction_stays_as_it_was(void)
{
    rig self;
    rig_txn txn;
    vl_view open;
    vl_txn_status *status;
    versions_horizon horizon;
    vl_prune prune;
    int64_t cells[RIG_COLUMNS];

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 0));
    CHECK_OK(versions_one(&self, 'i', 1, 10));
    CHECK_OK(rig_begin(&self, &txn));
    status = txn.status;
    vl_txn_status_acquire(status, 1);
    CHECK_OK(rig_update(&self, &txn, 1, 0, 11));
    CHECK_OK(rig_insert(&self, &txn, 2, A(20), 1));
    rig_next_statement(&txn);
    open = txn.view;
    CHECK_OK(rig_update(&self, &txn, 1, 0, 12));
    CHECK_OK(rig_delete(&self, &txn, 2));
    rig_commit(&self, &txn);
    prune = versions_prune(&self, &horizon, &open.read_ts, 1);
    horizon.horizon.readers = (const vl_txn_status *const[]){status};
    horizon.horizon.reader_count = 1;
    for (uint32_t i = 0; i < 2; i++)
        vl_prune_page(&prune, &self.maps[i]);
    CHECK(!rig_purge(&self, &prune, 2));
    CHECK_EQ(rig_read(&self, &open, 1, cells), VL_ROW_LIVE);
    CHECK_EQ(cells[0], 11);
    CHECK_EQ(rig_read(&self, &open, 2, cells), VL_ROW_LIVE);
    CHECK_EQ(cells[1], 21);
    horizon.horizon.reader_count = 0; /* the statement has ended */
    for (uint32_t i = 0; i < 2; i++)
        vl_prune_page(&prune, &self.maps[i]);
    CHECK_EQ(rig_chain_length(&self, 1), 1);
    CHECK(rig_purge(&self, &prune, 2));
    vl_txn_status_release(status, 1);
    rig_deinit(&self);
}

/* What a transaction wrote is kept for its open statements, whatever the timestamps say. */
static void
prune_keeps_what_readers_may_see(void)
{
    rig self;
    rig_txn txn;
    vl_txn_status *statuses[2];
    versions_horizon horizon;
    vl_prune prune;

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 0));
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_OK(rig_begin(&self, &txn));
        statuses[i] = txn.status;
        vl_txn_status_acquire(txn.status, 1);
        if (i == 0) {
            CHECK_OK(rig_insert(&self, &txn, 1, A(1), 1));
            CHECK_OK(rig_append(&self, &txn, 40, A(1)));
        } else {
            CHECK_OK(rig_update(&self, &txn, 1, 1, 2));
            CHECK_OK(rig_delete(&self, &txn, 40));
        }
        rig_commit(&self, &txn);
    }
    prune = versions_prune(&self, &horizon, (const vl_timestamp[]){5}, 1);
    horizon.horizon.reader_count = 1;
    for (uint32_t i = 0; i < 2; i++) {
        horizon.horizon.readers = (const vl_txn_status *const[]){statuses[i]};
        vl_prune_row(&prune, rig_map(&self, 1), rig_newest(&self, 1));
        CHECK_EQ(rig_chain_length(&self, 1), 2);
        CHECK(!rig_purge(&self, &prune, 40));
    }
    horizon.horizon.reader_count = 0;
    vl_prune_row(&prune, rig_map(&self, 1), rig_newest(&self, 1));
    CHECK_EQ(rig_chain_length(&self, 1), 1);
    CHECK(rig_purge(&self, &prune, 40));
    for (uint32_t i = 0; i < 2; i++)
        vl_txn_status_release(statuses[i], 1);
    rig_deinit(&self);
}

static void
write_by_first_updater_wins(void)
{
    rig self;
    rig_txn a, b;
    vl_versioned row;
    const vl_txn_status *owner;

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 0));
    CHECK_OK(versions_one(&self, 'i', 1, 10));
    CHECK_OK(rig_begin(&self, &a));
    CHECK_OK(rig_begin(&self, &b));
    CHECK_OK(rig_append(&self, &a, 40, A(1)));
    row = rig_look(&self, 40); /* rows of ranges have owners as well */
    CHECK_EQ(vl_view_check_write(&b.view, &row, &owner), VL_WRITE_WAIT);
    CHECK(owner == a.status);
    CHECK_OK(rig_update(&self, &a, 1, 0, 11));
    row = rig_look(&self, 1);
    CHECK_EQ(vl_view_check_write(&b.view, &row, &owner), VL_WRITE_WAIT);
    CHECK(owner == a.status);
    rig_commit(&self, &a);
    CHECK_EQ(vl_view_check_write(&b.view, &row, &owner), VL_WRITE_CONFLICT);
    row = rig_look(&self, 40);
    CHECK_EQ(vl_view_check_write(&b.view, &row, &owner), VL_WRITE_CONFLICT);
    CHECK_EQ(vl_view_check_insert(&b.view, &row, &owner), VL_INSERT_EXISTS);
    rig_abort(&self, &b);
    CHECK_OK(rig_begin(&self, &b));
    CHECK_EQ(vl_view_check_write(&b.view, &row, &owner), VL_WRITE_FREE);
    rig_abort(&self, &b);
    rig_deinit(&self);
}

static void
versions_count_released(void *argument, vl_tree_id tree, const vl_leaf_value *value)
{
    uint64_t *sum = argument;

    *sum += tree == RIG_TREE ? value->overflow : 1000000;
}

/* 31, item 17: a value in overflow goes when nobody can reach it, once. */
static void
prune_releases_overflow_values_once(void)
{
    rig self;
    rig_txn txn;
    versions_horizon horizon;
    vl_prune prune;
    uint64_t sum = 0;

    CHECK_OK(rig_init(&self, unit_ctx(), 0, 0));
    for (vl_pid pid = 1; pid <= 100; pid *= 10) {
        vl_leaf_change old = {9, {{.type = VL_TYPE_TEXT, .size = 5000}, pid}};
        vl_undo_change change = {.kind = VL_UNDO_UPDATE,
                                 .tree = RIG_TREE,
                                 .rowid = 1,
                                 .statement = 1,
                                 .columns = &old,
                                 .column_count = 1};
        vl_undo *record;

        CHECK_OK(rig_begin(&self, &txn));
        CHECK_OK(vl_undo_append(self.ctx, txn.log, &change, &record));
        vl_versions_push(self.pool, rig_map(&self, 1), record);
        rig_commit(&self, &txn);
    }
    prune = versions_prune(&self, &horizon, (const vl_timestamp[]){5}, 1);
    prune.released = versions_count_released;
    prune.argument = &sum;
    vl_prune_row(&prune, rig_map(&self, 1), rig_newest(&self, 1));
    CHECK_EQ(rig_chain_length(&self, 1), 1);
    CHECK_EQ(sum, 110); /* the reader at 5 needs the first only */
    CHECK_EQ(prune.merged_count, 2);
    prune = versions_prune(&self, &horizon, NULL, 0);
    prune.released = versions_count_released;
    prune.argument = &sum;
    vl_prune_row(&prune, rig_map(&self, 1), rig_newest(&self, 1));
    CHECK_EQ(sum, 111);
    CHECK(rig_newest(&self, 1) == NULL);
    rig_deinit(&self);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(undo_values_are_copied_and_found_again),
        UNIT_TEST(undo_memory_of_what_is_popped_is_used_again),
        UNIT_TEST(undo_held_log_keeps_what_is_popped),
        UNIT_TEST(undo_beyond_the_budget_is_full),
        UNIT_TEST(undo_finished_logs_are_found_when_they_are_old_enough),
        UNIT_TEST(versions_map_finds_all_in_either_form),
        UNIT_TEST(versions_move_without_memory),
        UNIT_TEST(versions_without_memory_leave_nothing),
        UNIT_TEST(hazard_17_tombstone_without_a_record_is_garbage),
        UNIT_TEST(hazard_18_merging_keeps_the_older_value),
        UNIT_TEST(hazard_18_uncommitted_and_unpublished_records_are_not_merged),
        UNIT_TEST(hazard_18_a_hot_row_beside_an_old_reader_takes_one_record),
        UNIT_TEST(hazard_19_ranges_do_not_take_others_rows),
        UNIT_TEST(hazard_19_statements_of_a_load_are_joined_or_kept_apart),
        UNIT_TEST(hazard_19_own_records_come_before_the_range),
        UNIT_TEST(hazard_20_tombstones_of_a_queue_go_beside_an_old_reader),
        UNIT_TEST(hazard_20_a_death_that_is_not_published_keeps_the_tombstone),
        UNIT_TEST(hazard_21_insert_over_a_tombstone_keeps_the_old_row),
        UNIT_TEST(hazard_21_unique_entry_changes_its_rowid),
        UNIT_TEST(hazard_22_no_snapshot_sees_a_unique_key_twice),
        UNIT_TEST(hazard_33_a_trigger_sees_its_statement_and_is_written_over),
        UNIT_TEST(view_of_an_ended_transaction_stays_as_it_was),
        UNIT_TEST(prune_keeps_what_readers_may_see),
        UNIT_TEST(write_by_first_updater_wins),
        UNIT_TEST(prune_releases_overflow_values_once),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
