/* test_versions_threads.c - versions under threads: transactions move amounts between rows of
 * latched pages, read all rows by their snapshots, and collect garbage as they go. Every snapshot's
 * sum is 0; in the end no record is left. Ranges are added, extended, looked for and pruned
 * meanwhile. */
#include "unit/version_rig.h"

#include "base/rank.h"
#include "base/thread.h"
#include "txn/prune.h"
#include "txn/ranges.h"
#include "txn/versions.h"
#include "txn/visible.h"

#define THREADS_COUNT  4U
#define THREADS_PAGES  3U
#define THREADS_ROWS   4U /* of each page */
#define THREADS_COLUMN 1U
#define THREADS_ROUNDS VL_BY_BUILD(3000U, 1500U)
#define THREADS_FREE   UINT64_MAX /* a slot without a snapshot */
#define THREADS_BUSY   0U         /* one that is being filled: keep all */

typedef struct threads_page {
    vl_latch latch;              /* the leaf's */
    vl_versions map;             /* its map */
    int64_t cells[THREADS_ROWS]; /* its rows */
} threads_page;

typedef struct threads_shared {
    vl_txn_status_pool *statuses;
    vl_undo_pool *pool;
    vl_ranges *ranges;
    threads_page pages[THREADS_PAGES];
    _Atomic vl_timestamp slots[THREADS_COUNT]; /* registered snapshots */
    _Atomic vl_timestamp published;            /* commits are all at or below it, or active */
    vl_latch commits;                          /* of the clock */
    _Atomic uint64_t next_rowid;               /* of ranges */
    _Atomic uint32_t wrong;                    /* how often something was not as it should be */
    _Atomic uint32_t done;                     /* transactions that committed */
} threads_shared;

typedef struct threads_own {
    threads_shared *shared;
    uint32_t number; /* of the thread */
    vl_ctx ctx;
    vl_rng rng;
    vl_thread thread;
    vl_txn_status *status; /* of its transaction */
    vl_undo_log *log;      /* see before */
    vl_view view;          /* see before */
} threads_own;

static void
threads_expect(threads_own *self, int condition)
{
    if (!condition)
        atomic_fetch_add(&self->shared->wrong, 1);
}

/* Register a snapshot (hazard 24). */
static vl_timestamp
threads_register(threads_own *self)
{
    threads_shared *shared = self->shared;
    vl_timestamp seen, again = atomic_load(&shared->published);

    atomic_store(&shared->slots[self->number], THREADS_BUSY);
    do {
        seen = again;
        atomic_store(&shared->slots[self->number], seen);
        again = atomic_load(&shared->published);
    } while (again != seen);
    return seen;
}

/* Collect the snapshots that are in use. */
static vl_snapshot_view
threads_snapshots(threads_shared *shared)
{
    vl_timestamp published = atomic_load(&shared->published);
    vl_timestamp snapshots[THREADS_COUNT];
    uint32_t count = 0;

    for (uint32_t i = 0; i < THREADS_COUNT; i++) {
        vl_timestamp snapshot = atomic_load(&shared->slots[i]);
        uint32_t at = count;

        if (snapshot == THREADS_FREE)
            continue;
        for (; at > 0 && snapshots[at - 1] > snapshot; at--)
            snapshots[at] = snapshots[at - 1];
        snapshots[at] = snapshot;
        count++;
    }
    return rig_snapshots(published, snapshots, count);
}

/* Collect the garbage of finished transactions, and merge what is between in one page. */
static void
threads_collect(threads_own *self)
{
    threads_shared *shared = self->shared;
    threads_page *page = &shared->pages[vl_rng_below(&self->rng, THREADS_PAGES)];
    vl_snapshot_view snapshots = threads_snapshots(shared);
    vl_horizon horizon = {.snapshots = &snapshots};
    vl_prune prune = {.pool = shared->pool, .horizon = &horizon};
    vl_undo_log *log = vl_undo_pool_take(shared->pool, vl_snapshot_view_oldest(&snapshots));

    if (log != NULL) {
        for (const vl_undo *at = vl_undo_last(log); at != NULL; at = at->previous) {
            threads_page *of = &shared->pages[(uint64_t)at->rowid / THREADS_ROWS % THREADS_PAGES];
            vl_undo *newest;

            if (at->kind == VL_UNDO_RANGE)
                continue;
            vl_latch_acquire_exclusive(&of->latch);
            newest = vl_versions_find_row(of->map, at->rowid);
            if (newest != NULL)
                vl_prune_row(&prune, &of->map, newest);
            vl_latch_release_exclusive(&of->latch);
        }
        vl_undo_log_release(log);
    }
    vl_latch_acquire_exclusive(&page->latch);
    vl_prune_page(&prune, &page->map);
    vl_latch_release_exclusive(&page->latch);
    (void)vl_ranges_prune(shared->ranges, vl_snapshot_view_oldest(&snapshots));
}

/* Read all rows by a view: the sum is 0. */
static void
threads_read(threads_own *self)
{
    threads_shared *shared = self->shared;
    const uint32_t id = THREADS_COLUMN;
    int64_t sum = 0;

    for (uint32_t i = 0; i < THREADS_PAGES; i++) {
        threads_page *page = &shared->pages[i];

        vl_latch_acquire_shared(&page->latch);
        for (uint32_t j = 0; j < THREADS_ROWS; j++) {
            vl_leaf_value value = {{.type = VL_TYPE_INTEGER, .as = {.integer = page->cells[j]}}, 0};
            vl_row_columns columns = {&id, &value, 1};
            vl_versioned row = {.page = VL_ROW_LIVE,
                                .newest = vl_versions_find_row(page->map, i * THREADS_ROWS + j)};

            threads_expect(self, vl_view_read(&self->view, &row, &columns) == VL_ROW_LIVE);
            sum += value.value.as.integer;
        }
        vl_latch_release_shared(&page->latch);
    }
    threads_expect(self, sum == 0);
}

/* Add to a row: 1, or 0 when somebody else was first. */
static int
threads_add(threads_own *self, uint32_t rowid, int64_t amount)
{
    threads_page *page = &self->shared->pages[rowid / THREADS_ROWS];
    int64_t *cell = &page->cells[rowid % THREADS_ROWS];
    vl_leaf_change old = {THREADS_COLUMN, {{.type = VL_TYPE_INTEGER}, 0}};
    vl_undo_change change = {
        .kind = VL_UNDO_UPDATE, .statement = 1, .rowid = rowid, .columns = &old, .column_count = 1};
    const vl_txn_status *owner;
    vl_versioned row = {.page = VL_ROW_LIVE};
    vl_undo *record = NULL;
    int is_free;

    vl_latch_acquire_exclusive(&page->latch);
    row.newest = vl_versions_find_row(page->map, rowid);
    is_free = vl_view_check_write(&self->view, &row, &owner) <= VL_WRITE_REREAD;
    if (is_free) {
        old.value.value.as.integer = *cell;
        is_free = vl_undo_append(&self->ctx, self->log, &change, &record) == VELO_OK;
    }
    if (is_free) {
        vl_versions_push(self->shared->pool, &page->map, record);
        *cell += amount;
    }
    vl_latch_release_exclusive(&page->latch);
    return is_free;
}

/* Append rows to the ranges. */
static void
threads_append(threads_own *self)
{
    threads_shared *shared = self->shared;
    int64_t rowid = (int64_t)atomic_fetch_add(&shared->next_rowid, 8);
    vl_undo_change change = {.kind = VL_UNDO_RANGE, .statement = 1, .rowid = rowid};
    vl_undo *range;
    vl_origin origin;

    threads_expect(self, vl_ranges_reserve(&self->ctx, shared->ranges) == VELO_OK);
    threads_expect(self, vl_undo_append(&self->ctx, self->log, &change, &range) == VELO_OK);
    vl_ranges_add(shared->ranges, range);
    for (int64_t i = 1; i < 8; i++)
        threads_expect(self, vl_ranges_extend(shared->ranges, range, rowid + i));
    origin = vl_ranges_find(shared->ranges, rowid + 7);
    threads_expect(self, origin.status == self->status && origin.commit_ts == VL_TS_ACTIVE);
    origin = vl_ranges_find(shared->ranges, rowid - 1); /* of somebody, or too old */
    threads_expect(self, origin.status != self->status);
}

static void
threads_undo(threads_own *self)
{
    vl_undo *record;

    while ((record = vl_undo_last(self->log)) != NULL) {
        if (record->kind == VL_UNDO_RANGE)
            vl_ranges_shrink(self->shared->ranges, record, record->rowid - 1);
        else {
            threads_page *page = &self->shared->pages[record->rowid / THREADS_ROWS];

            vl_latch_acquire_exclusive(&page->latch);
            page->cells[record->rowid % THREADS_ROWS] = record->columns[0].value.value.as.integer;
            vl_versions_pop(self->shared->pool, &page->map, record);
            vl_latch_release_exclusive(&page->latch);
        }
        vl_undo_pop(self->log);
    }
}

static void
threads_end(threads_own *self, int commits)
{
    threads_shared *shared = self->shared;

    if (commits) {
        vl_latch_acquire_exclusive(&shared->commits);
        vl_txn_status_commit(self->status, atomic_load(&shared->published) + 1);
        atomic_fetch_add(&shared->published, 1);
        vl_latch_release_exclusive(&shared->commits);
        atomic_fetch_add(&shared->done, 1);
    } else {
        vl_txn_status_abort(self->status);
        threads_undo(self);
    }
    vl_undo_log_finish(self->log);
    atomic_store(&shared->slots[self->number], THREADS_FREE);
    vl_txn_status_release(self->status, 1);
}

static void
threads_main(void *argument)
{
    threads_own *self = argument;
    threads_shared *shared = self->shared;

    for (uint32_t i = 0; i < THREADS_ROUNDS; i++) {
        uint32_t from = (uint32_t)vl_rng_below(&self->rng, THREADS_PAGES * THREADS_ROWS);
        uint32_t to = (uint32_t)vl_rng_below(&self->rng, THREADS_PAGES * THREADS_ROWS);
        int commits = 1;

        if (vl_txn_status_create(&self->ctx, shared->statuses, i + 1, &self->status) != VELO_OK ||
            vl_undo_log_create(&self->ctx, shared->pool, self->status, &self->log) != VELO_OK) {
            threads_expect(self, 0);
            return;
        }
        self->view = (vl_view){threads_register(self), self->status, 2, NULL};
        threads_read(self);
        if (i % 4 != 0)
            commits = threads_add(self, from, 5) && threads_add(self, to, -5);
        if (commits && i % 8 == 1)
            threads_append(self);
        if (commits)
            threads_read(self); /* with its own changes */
        threads_end(self, commits);
        threads_collect(self);
    }
}

static void
versions_under_threads_sum_up_in_every_snapshot(void)
{
    threads_shared *shared = vl_alloc_zero(unit_ctx(), sizeof *shared);
    threads_own *own = vl_alloc_array(unit_ctx(), THREADS_COUNT, sizeof *own);

    CHECK(shared != NULL && own != NULL);
    CHECK_OK(vl_txn_status_pool_create(unit_ctx(), &shared->statuses));
    CHECK_OK(vl_undo_pool_create(unit_ctx(), 0, &shared->pool));
    CHECK_OK(vl_ranges_create(unit_ctx(), shared->pool, &shared->ranges));
    vl_latch_init(&shared->commits, VL_RANK_STORE);
    atomic_store(&shared->published, 1);
    atomic_store(&shared->next_rowid, 1000);
    for (uint32_t i = 0; i < THREADS_PAGES; i++)
        vl_latch_init(&shared->pages[i].latch, VL_RANK_STORE);
    for (uint32_t i = 0; i < THREADS_COUNT; i++) {
        atomic_store(&shared->slots[i], THREADS_FREE);
        own[i].shared = shared;
        own[i].number = i;
        vl_ctx_init(&own[i].ctx, NULL, NULL);
        vl_rng_init(&own[i].rng, unit_seed() + i);
    }
    for (uint32_t i = 0; i < THREADS_COUNT; i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &own[i].thread, "versions", threads_main, &own[i]));
    for (uint32_t i = 0; i < THREADS_COUNT; i++)
        vl_thread_join(&own[i].thread);
    CHECK_EQ(atomic_load(&shared->wrong), 0);
    CHECK(atomic_load(&shared->done) > THREADS_ROUNDS / 4); /* those that only read, at least */
    for (uint32_t i = 0; i < THREADS_PAGES; i++)
        threads_collect(&own[0]);
    for (uint32_t i = 0; i < THREADS_PAGES; i++) {
        vl_snapshot_view nobody = {.horizon = atomic_load(&shared->published)};
        vl_horizon horizon = {.snapshots = &nobody};
        vl_prune prune = {.pool = shared->pool, .horizon = &horizon};

        vl_prune_page(&prune, &shared->pages[i].map);
        CHECK(shared->pages[i].map.attachment == NULL);
    }
    CHECK(vl_ranges_is_empty(shared->ranges));
    CHECK_EQ(vl_txn_status_pool_live(shared->statuses), 0);
    vl_ranges_destroy(shared->ranges);
    vl_undo_pool_destroy(shared->pool);
    vl_txn_status_pool_destroy(shared->statuses);
    vl_free(own);
    vl_free(shared);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(versions_under_threads_sum_up_in_every_snapshot),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
