/* test_stress_txn.c - concurrent transactions whose histories are checked afterwards.
 *
 * Threads read, update, insert and delete rows and their entries in an index, in transactions of
 * their own, and note what they saw and did. Every value is written once only, so a value read
 * tells who wrote it. Afterwards all histories are put together by the timestamps of commits, and
 * every read is looked up: a transaction with the snapshot S must have seen of each row the value
 * of the last commit at or before S (or its own), so neither what did not commit (dirty reads), nor
 * two moments at once (skew, phantoms); and of two transactions that changed a row, one began after
 * the other had committed (no lost updates). Deadlocks happen, and end. */
#include "lib/unit.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "base/thread.h"
#include "os/io.h"
#include "os/sim.h"
#include "storage/store_check.h"
#include "txn/txn_keys.h"
#include "txn/txn_rows.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define STRESS_TXN_THREADS 4U
#define STRESS_TXN_ROWS    24U
#define STRESS_TXN_NOTES   400000U

/* What a note says. */
typedef enum stress_txn_what {
    STRESS_TXN_READ,  /* a transaction saw the value */
    STRESS_TXN_WROTE, /* a transaction wrote it */
} stress_txn_what;

/* A read or a write of one row by a transaction that committed, or that only read. */
typedef struct stress_txn_note {
    uint64_t snapshot; /* of the transaction */
    uint64_t commit;   /* WROTE: when it committed */
    uint64_t value;    /* 0: no row */
    uint32_t row;      /* which */
    int is_durable;    /* WROTE: it was acknowledged as such */
    stress_txn_what what;
} stress_txn_note;

typedef struct stress_txn {
    vl_txn_store *store;
    vl_txn_table *table;
    vl_txn_index *index;
    uint64_t transactions; /* of each thread */
    int may_fail;          /* the machine may: then threads stop */
    uint64_t seed;         /* of the threads */
    vl_tree_id table_id;   /* of the table */
    _Atomic uint64_t deadlocks;
    _Atomic uint64_t conflicts;
} stress_txn;

typedef struct stress_txn_thread {
    stress_txn *all;
    vl_session *session;
    vl_rng rng;
    vl_ctx ctx;
    vl_arena arena;
    stress_txn_note *notes;          /* of what has ended well */
    uint32_t count;                  /* how many */
    uint32_t begun;                  /* those before are of transactions that have ended */
    uint64_t own[STRESS_TXN_ROWS];   /* values written by the open transaction */
    uint8_t is_own[STRESS_TXN_ROWS]; /* it has written the row */
    uint64_t last_commit;            /* of the session, as far as noted */
    int is_full;                     /* commits are acknowledged when they are durable */
    int has_stopped;                 /* the machine has failed */
    uint64_t next;                   /* value to be written next */
    char fault[300];                 /* what is wrong, or empty */
} stress_txn_thread;

static const uint32_t stress_txn_ids[1] = {1};

static void
stress_txn_wrong(stress_txn_thread *self, const char *what, uint32_t row)
{
    if (self->fault[0] == 0)
        (void)snprintf(self->fault, sizeof self->fault, "%s, row %u: %.200s", what, row,
                       self->ctx.error.text);
}

/* Something has failed: the machine may have. */
static void
stress_txn_failed(stress_txn_thread *self, const char *what, uint32_t row)
{
    self->has_stopped = 1;
    if (!self->all->may_fail)
        stress_txn_wrong(self, what, row);
}

/* Note a read or a write, of the transaction that is open. */
static void
stress_txn_add(stress_txn_thread *self, stress_txn_what what, uint64_t snapshot, uint32_t row,
               uint64_t value)
{
    if (self->count == STRESS_TXN_NOTES) {
        stress_txn_wrong(self, "too many notes", row);
        return;
    }
    self->notes[self->count++] =
        (stress_txn_note){.what = what, .snapshot = snapshot, .row = row, .value = value};
}

/* A value was seen: by an own change, or to be checked later. */
static void
stress_txn_saw(stress_txn_thread *self, const vl_view *view, uint32_t row, uint64_t value)
{
    if (!self->is_own[row])
        stress_txn_add(self, STRESS_TXN_READ, view->read_ts, row, value);
    else if (self->own[row] != value)
        stress_txn_wrong(self, "its own change is not seen", row);
}

/* ---- reading ---- */

/* Read one row, and its entry. */
static velo_status
stress_txn_read(stress_txn_thread *self, const vl_view *view, uint32_t row)
{
    vl_value value = {.type = VL_TYPE_NULL};
    uint8_t key[4], bytes[VL_PAGE_MAX_SIZE / 16];
    uint32_t size;
    int found, has_entry;

    vl_arena_reset(&self->arena);
    VL_TRY(vl_rows_read(&self->ctx, self->all->table, view, row, stress_txn_ids, 1, &self->arena,
                        &value, &found));
    vl_store_le32(key, row);
    VL_TRY(vl_keys_find(&self->ctx, self->all->index, view, key, 4, bytes, &size, &has_entry));
    if (found != has_entry ||
        (found && (size != 8 || vl_load_le64(bytes) != (uint64_t)value.as.integer)))
        stress_txn_wrong(self, "row and entry differ", row);
    stress_txn_saw(self, view, row, found ? (uint64_t)value.as.integer : 0);
    return VELO_OK;
}

/* Read all rows by a scan: also those that are not there are seen. */
static velo_status
stress_txn_scan(stress_txn_thread *self, const vl_view *view)
{
    vl_rowid_range all = {INT64_MIN, INT64_MAX};
    uint64_t values[STRESS_TXN_ROWS] = {0};
    vl_row_scan scan;
    velo_status st;

    vl_row_scan_begin(&scan, self->all->table, view, all, vl_rng_chance(&self->rng, 1, 2),
                      stress_txn_ids, 1);
    for (;;) {
        st = vl_row_scan_next(&self->ctx, &scan);
        if (st != VELO_OK || scan.leaf == NULL)
            break;
        for (uint32_t i = 0; i < scan.row_count; i++) {
            int64_t rowid = vl_row_scan_rowid(&scan, i);
            vl_leaf_value value;

            vl_row_scan_get(&scan, i, 0, &value);
            if (rowid < 0 || rowid >= STRESS_TXN_ROWS || values[rowid] != 0)
                stress_txn_wrong(self, "a row is met that is not there, or twice", 0);
            else
                values[rowid] = (uint64_t)value.value.as.integer;
        }
    }
    vl_row_scan_end(&scan);
    for (uint32_t row = 0; st == VELO_OK && row < STRESS_TXN_ROWS; row++)
        stress_txn_saw(self, view, row, values[row]);
    return st;
}

/* ---- writing ---- */

/* Change the entry with the row. */
static velo_status
stress_txn_change_entry(stress_txn_thread *self, vl_statement *statement, uint32_t row,
                        int was_there, uint64_t value)
{
    uint8_t key[4], bytes[8];

    vl_store_le32(key, row);
    vl_store_le64(bytes, value);
    if (was_there)
        VL_TRY(vl_keys_delete(&self->ctx, statement, self->all->index, key, 4));
    if (value == 0)
        return VELO_OK;
    return vl_keys_insert(&self->ctx, statement, self->all->index, key, 4, bytes, 8, NULL, NULL);
}

/* Write a row: what is there is seen first. */
static velo_status
stress_txn_write(stress_txn_thread *self, vl_statement *statement, uint32_t row)
{
    vl_view newest = vl_statement_newest(statement);
    vl_value value = {.type = VL_TYPE_INTEGER, .as.integer = (int64_t)self->next};
    uint64_t written = self->next++;
    int found;

    VL_TRY(vl_rows_exists(&self->ctx, self->all->table, &newest, row, &found));
    if (!found) {
        velo_status st = vl_rows_insert(&self->ctx, statement, self->all->table, row, &value);

        /* Somebody has inserted it since the snapshot: a conflict of another kind. */
        if (st != VELO_OK)
            return st == VELO_CONSTRAINT ? VELO_BUSY_SNAPSHOT : st;
    } else if (vl_rng_chance(&self->rng, 1, 4)) {
        written = 0;
        VL_TRY(vl_rows_delete(&self->ctx, statement, self->all->table, row));
    } else {
        VL_TRY(vl_rows_update(&self->ctx, statement, self->all->table, row, stress_txn_ids, &value,
                              1));
    }
    VL_TRY(stress_txn_change_entry(self, statement, row, found, written));
    self->own[row] = written;
    self->is_own[row] = 1;
    return VELO_OK;
}

/* ---- transactions ---- */

/* The commit of the open transaction has returned `st`: if it has a timestamp, its writes are notes
 * now, whether it was acknowledged or not. */
static void
stress_txn_committed(stress_txn_thread *self, uint64_t snapshot, velo_status st)
{
    uint64_t commit = vl_session_last_commit(self->session);

    if (commit == self->last_commit)
        return;
    self->last_commit = commit;

    for (uint32_t row = 0; row < STRESS_TXN_ROWS; row++) {
        if (!self->is_own[row])
            continue;
        stress_txn_add(self, STRESS_TXN_WROTE, snapshot, row, self->own[row]);
        self->notes[self->count - 1].commit = commit;
        self->notes[self->count - 1].is_durable = st == VELO_OK && self->is_full;
    }
    self->begun = self->count;
}

/* What was read by a transaction that was undone counts as well: it saw a snapshot all the same. */
static void
stress_txn_forget_writes(stress_txn_thread *self)
{
    memset(self->is_own, 0, sizeof self->is_own);
}

/* A statement inside of a transaction. Returns what ended the transaction, or VELO_OK. */
static velo_status
stress_txn_statement(stress_txn_thread *self, uint64_t *snapshot)
{
    int writes = vl_rng_chance(&self->rng, 1, 2);
    uint64_t kept_own[STRESS_TXN_ROWS];
    uint8_t kept_is_own[STRESS_TXN_ROWS];
    vl_statement statement;
    velo_status st;

    VL_TRY(vl_statement_begin(&self->ctx, self->session, writes, &statement));
    *snapshot = statement.view.read_ts;
    memcpy(kept_own, self->own, sizeof kept_own);
    memcpy(kept_is_own, self->is_own, sizeof kept_is_own);
    st = VELO_OK;
    for (uint64_t i = vl_rng_below(&self->rng, 4); st == VELO_OK && i > 0; i--) {
        uint32_t row = (uint32_t)vl_rng_below(&self->rng, STRESS_TXN_ROWS);

        st = writes ? stress_txn_write(self, &statement, row)
                    : stress_txn_read(self, &statement.view, row);
    }
    if (st == VELO_OK && !writes && vl_rng_chance(&self->rng, 1, 4))
        st = stress_txn_scan(self, &statement.view);
    if (st == VELO_OK && (!writes || !vl_rng_chance(&self->rng, 1, 8)))
        return vl_statement_end(&self->ctx, &statement);
    vl_statement_fail(&self->ctx, &statement);
    memcpy(self->own, kept_own, sizeof kept_own);
    memcpy(self->is_own, kept_is_own, sizeof kept_is_own);
    return st;
}

/* A transaction of several statements. */
static velo_status
stress_txn_several(stress_txn_thread *self)
{
    vl_txn_mode mode = vl_rng_chance(&self->rng, 1, 20) ? VL_TXN_IMMEDIATE : VL_TXN_DEFERRED;
    uint64_t snapshot = 0;
    velo_status st;
    int writes = 0;

    VL_TRY(vl_session_begin(&self->ctx, self->session, mode));
    st = VELO_OK;
    for (uint64_t i = 1 + vl_rng_below(&self->rng, 4); st == VELO_OK && i > 0; i--)
        st = stress_txn_statement(self, &snapshot);
    for (uint32_t row = 0; row < STRESS_TXN_ROWS; row++)
        writes |= self->is_own[row];
    if (st == VELO_OK && mode == VL_TXN_IMMEDIATE)
        snapshot = 0; /* it has been the only writer whatever its snapshot */
    if (st == VELO_OK && !vl_rng_chance(&self->rng, 1, 8)) {
        st = vl_session_commit(&self->ctx, self->session);
        if (writes)
            stress_txn_committed(self, snapshot, st);
        if (st != VELO_OK) {
            if (vl_session_is_in_transaction(self->session))
                VL_TRY(vl_session_rollback(&self->ctx, self->session));
            stress_txn_failed(self, "a commit failed", 0);
        }
    } else {
        if (st != VELO_OK && st != VELO_BUSY_SNAPSHOT)
            stress_txn_failed(self, "a transaction failed", 0);
        if (st == VELO_BUSY_SNAPSHOT)
            atomic_fetch_add(vl_session_is_doomed(self->session) ? &self->all->deadlocks
                                                                 : &self->all->conflicts,
                             1);
        VL_TRY(vl_session_rollback(&self->ctx, self->session));
    }
    stress_txn_forget_writes(self);
    return VELO_OK;
}

/* A writing statement of its own, which is begun again until it succeeds. */
static velo_status
stress_txn_single(stress_txn_thread *self)
{
    uint32_t first = (uint32_t)vl_rng_below(&self->rng, STRESS_TXN_ROWS);
    uint32_t second = (uint32_t)vl_rng_below(&self->rng, STRESS_TXN_ROWS);
    vl_statement statement;
    uint64_t snapshot;
    velo_status st;

    VL_TRY(vl_statement_begin(&self->ctx, self->session, 1, &statement));
    for (;;) {
        st = stress_txn_write(self, &statement, first);
        if (st == VELO_OK && second != first)
            st = stress_txn_write(self, &statement, second);
        if (st != VELO_BUSY_SNAPSHOT)
            break;
        stress_txn_forget_writes(self);
        st = vl_statement_restart(&self->ctx, &statement);
        if (st != VELO_OK) {
            stress_txn_failed(self, "a statement is not begun again", first);
            break;
        }
    }
    snapshot = statement.view.read_ts;
    if (st != VELO_OK) {
        stress_txn_failed(self, "a statement failed", first);
        vl_statement_fail(&self->ctx, &statement);
        stress_txn_forget_writes(self);
        return st;
    }
    st = vl_statement_end(&self->ctx, &statement);
    stress_txn_committed(self, snapshot, st);
    stress_txn_forget_writes(self);
    return st;
}

static void
stress_txn_main(void *argument)
{
    stress_txn_thread *self = argument;

    for (uint64_t i = 0; i < self->all->transactions && self->fault[0] == 0 && !self->has_stopped;
         i++) {
        velo_status st;

        vl_session_enter_call(self->session);
        st = vl_rng_chance(&self->rng, 1, 3) ? stress_txn_single(self) : stress_txn_several(self);
        vl_session_leave_call(self->session);
        if (st != VELO_OK)
            stress_txn_failed(self, "the work fails", 0);
    }
}

/* ---- checking ---- */

static int
stress_txn_order(const void *left, const void *right)
{
    const stress_txn_note *a = left, *b = right;

    if (a->row != b->row)
        return a->row < b->row ? -1 : 1;
    return a->commit < b->commit ? -1 : a->commit > b->commit;
}

/* What a snapshot sees of a row, by the writes in order. */
static uint64_t
stress_txn_value_at(const stress_txn_note *writes, uint32_t count, uint32_t row, uint64_t snapshot)
{
    uint32_t low = 0, high = count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (writes[middle].row < row ||
            (writes[middle].row == row && writes[middle].commit <= snapshot))
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && writes[low - 1].row == row ? writes[low - 1].value : 0;
}

/* Look every read up, and every two writes of a row that follow each other. */
static void
stress_txn_check(const stress_txn_note *notes, uint32_t count)
{
    stress_txn_note *writes = calloc(count + 1, sizeof *writes);
    uint32_t write_count = 0;

    CHECK(writes != NULL);
    for (uint32_t i = 0; i < count; i++)
        if (notes[i].what == STRESS_TXN_WROTE)
            writes[write_count++] = notes[i];
    qsort(writes, write_count, sizeof *writes, stress_txn_order);
    for (uint32_t i = 1; i < write_count; i++) {
        const stress_txn_note *before = &writes[i - 1], *after = &writes[i];

        if (before->row != after->row)
            continue;
        /* A row that was born and died after the snapshot may be gone for good: then its number was
         * as free as it was for the snapshot. */
        if (before->value == 0 &&
            stress_txn_value_at(writes, write_count, after->row, after->snapshot) == 0)
            continue;
        if (before->commit == after->commit ||
            (after->snapshot != 0 && after->snapshot < before->commit))
            unit_failed(
                __FILE__, __LINE__,
                "a lost update of row %u: committed at %llu (value %llx) and %llu, which saw "
                "%llu",
                after->row, (unsigned long long)before->commit, (unsigned long long)before->value,
                (unsigned long long)after->commit, (unsigned long long)after->snapshot);
    }
    for (uint32_t i = 0; i < count && !unit_has_failed(); i++) {
        uint64_t wanted;

        if (notes[i].what != STRESS_TXN_READ)
            continue;
        wanted = stress_txn_value_at(writes, write_count, notes[i].row, notes[i].snapshot);
        if (wanted != notes[i].value)
            unit_failed(__FILE__, __LINE__, "row %u at %llu: %llu was seen, it was %llu",
                        notes[i].row, (unsigned long long)notes[i].snapshot,
                        (unsigned long long)notes[i].value, (unsigned long long)wanted);
    }
    free(writes);
}

/* ---- a run ---- */

static velo_status
stress_txn_make_trees(vl_session *session, stress_txn *all)
{
    vl_leaf_value defaults[1];
    vl_leaf_schema schema = {stress_txn_ids, defaults, 1, 0};
    vl_statement statement;
    vl_tree_id index;

    memset(defaults, 0, sizeof defaults);
    defaults[0].value.type = VL_TYPE_NULL;
    VL_TRY(vl_statement_begin(unit_ctx(), session, 1, &statement));
    VL_TRY(vl_txn_create_tree(unit_ctx(), &statement, &schema, &all->table_id));
    VL_TRY(vl_txn_create_tree(unit_ctx(), &statement, NULL, &index));
    VL_TRY(vl_statement_end(unit_ctx(), &statement));
    VL_TRY(vl_rows_open(unit_ctx(), all->store, all->table_id, &all->table));
    return vl_keys_open(unit_ctx(), all->store, index, &all->index);
}

/* Open the store and its sessions. */
static velo_status
stress_txn_begin(vl_io *io, const char *path, const vl_txn_store_options *options, stress_txn *all,
                 stress_txn_thread *threads)
{
    memset(threads, 0, STRESS_TXN_THREADS * sizeof *threads);
    VL_TRY(vl_txn_store_open(unit_ctx(), io, path, options, &all->store));
    for (uint32_t i = 0; i < STRESS_TXN_THREADS; i++) {
        stress_txn_thread *self = &threads[i];

        self->all = all; /* until the run ends */
        self->next = ((uint64_t)(i + 1) << 40) + 1;
        self->notes = calloc(STRESS_TXN_NOTES, sizeof *self->notes);
        if (self->notes == NULL)
            return vl_fail(unit_ctx(), VELO_NOMEM, "no memory for notes");
        self->is_full = i % 2 == 1;
        vl_rng_init(&self->rng, all->seed + i);
        vl_ctx_init(&self->ctx, NULL, NULL);
        vl_arena_init(&self->arena, NULL, 0);
        VL_TRY(vl_session_create(unit_ctx(), all->store, &self->session));
        vl_session_set_busy(self->session, NULL, NULL, -1);
    }
    VL_TRY(stress_txn_make_trees(threads[0].session, all)); /* FULL: no cut takes them back */
    for (uint32_t i = 0; i < STRESS_TXN_THREADS; i++) {
        vl_session_set_synchronous(threads[i].session,
                                   threads[i].is_full ? VL_SYNCHRONOUS_FULL : VL_SYNCHRONOUS_OFF);
        threads[i].last_commit = vl_session_last_commit(threads[i].session);
    }
    return VELO_OK;
}

/* Let all threads work. */
static velo_status
stress_txn_work(stress_txn_thread *threads)
{
    vl_thread handles[STRESS_TXN_THREADS];
    velo_status st = VELO_OK;

    memset(handles, 0, sizeof handles);
    for (uint32_t i = 0; st == VELO_OK && i < STRESS_TXN_THREADS; i++)
        st = vl_thread_start(unit_ctx(), &handles[i], "txn", stress_txn_main, &threads[i]);
    for (uint32_t i = 0; i < STRESS_TXN_THREADS; i++)
        vl_thread_join(&handles[i]);
    return st;
}

/* End the threads' sessions, and put their notes together: owned by the caller. */
static stress_txn_note *
stress_txn_gather(stress_txn_thread *threads, uint32_t *count)
{
    stress_txn_note *together =
        calloc((size_t)STRESS_TXN_THREADS * STRESS_TXN_NOTES, sizeof *together);

    *count = 0;
    for (uint32_t i = 0; i < STRESS_TXN_THREADS; i++) {
        if (threads[i].fault[0] != 0)
            unit_failed(__FILE__, __LINE__, "thread %u: %s", i, threads[i].fault);
        if (together != NULL && threads[i].notes != NULL)
            memcpy(together + *count, threads[i].notes, threads[i].count * sizeof *together);
        *count += threads[i].count;
        free(threads[i].notes);
        vl_session_destroy(threads[i].session);
        vl_arena_deinit(&threads[i].arena);
    }
    return together;
}

static void
stress_txn_run(vl_io *io, const char *path, const vl_txn_store_options *options,
               uint64_t transactions)
{
    static stress_txn_thread threads[STRESS_TXN_THREADS];
    static stress_txn all;
    vl_store_report report;
    stress_txn_note *notes;
    vl_txn_stats stats;
    uint32_t count;

    memset(&all, 0, sizeof all);
    all.transactions = transactions;
    all.seed = unit_seed();
    CHECK_OK(stress_txn_begin(io, path, options, &all, threads));
    CHECK_OK(stress_txn_work(threads));
    notes = stress_txn_gather(threads, &count);
    CHECK(notes != NULL);
    stress_txn_check(notes, count);
    free(notes);
    vl_txn_store_get_stats(all.store, &stats);
    CHECK(stats.commit_count > 0 && stats.wait_count > 0);
    CHECK_OK(vl_txn_store_collect(unit_ctx(), all.store));
    CHECK_OK(vl_store_check(unit_ctx(), vl_txn_store_base(all.store), NULL, NULL, &report));
    CHECK_EQ(report.unused_count, 0);
    vl_txn_store_get_stats(all.store, &stats);
    CHECK(stats.version_bytes < 100000);
    CHECK_OK(vl_txn_store_close(unit_ctx(), all.store));
}

/* ---- power cuts ---- */

/* What a store has that was just opened: the value of each row. */
static velo_status
stress_txn_read_all(vl_txn_store *store, const stress_txn *all, uint64_t *values)
{
    vl_view view = {VL_TS_MAX, NULL, 0, NULL};
    vl_txn_table *table;
    vl_arena arena;
    velo_status st = VELO_OK;

    memset(values, 0, STRESS_TXN_ROWS * sizeof *values);
    VL_TRY(vl_rows_open(unit_ctx(), store, all->table_id, &table));
    vl_arena_init(&arena, NULL, 0);
    for (uint32_t row = 0; st == VELO_OK && row < STRESS_TXN_ROWS; row++) {
        vl_value value;
        int found;

        st = vl_rows_read(unit_ctx(), table, &view, row, stress_txn_ids, 1, &arena, &value, &found);
        if (st == VELO_OK && found)
            values[row] = (uint64_t)value.as.integer;
    }
    vl_arena_deinit(&arena);
    return st;
}

/* Whether the values are those after the commit at `ts`. */
static int
stress_txn_is_state(const stress_txn_note *writes, uint32_t count, const uint64_t *values,
                    uint64_t ts)
{
    for (uint32_t row = 0; row < STRESS_TXN_ROWS; row++)
        if (stress_txn_value_at(writes, count, row, ts) != values[row])
            return 0;
    return 1;
}

/* What was found is what some prefix of the commits left, in the order of their timestamps, with
 * all in it that were acknowledged as durable. */
static void
stress_txn_check_prefix(const stress_txn_note *notes, uint32_t count, const uint64_t *values)
{
    stress_txn_note *writes = calloc(count + 1, sizeof *writes);
    uint32_t write_count = 0;
    uint64_t durable = 0;
    int is_found;

    CHECK(writes != NULL);
    for (uint32_t i = 0; i < count; i++) {
        if (notes[i].what != STRESS_TXN_WROTE)
            continue;
        writes[write_count++] = notes[i];
        if (notes[i].is_durable && notes[i].commit > durable)
            durable = notes[i].commit;
    }
    qsort(writes, write_count, sizeof *writes, stress_txn_order);
    is_found = stress_txn_is_state(writes, write_count, values, durable);
    for (uint32_t i = 0; i < write_count && !is_found; i++)
        is_found = writes[i].commit > durable &&
                   stress_txn_is_state(writes, write_count, values, writes[i].commit);
    if (!is_found)
        unit_failed(__FILE__, __LINE__,
                    "after the cut it has no state at or after %llu, the last commit that is "
                    "durable, of %u",
                    (unsigned long long)durable, write_count);
    free(writes);
}

/* One life: threads work until the power fails at one of the machine's operations. */
static void
stress_txn_life(uint64_t seed)
{
    static stress_txn_thread threads[STRESS_TXN_THREADS];
    vl_txn_store_options options = {
        .store = {.may_create = 1, .log_limit_bytes = 1 << 15, .has_background = seed % 2 == 0},
        .version_bytes = seed % 3 == 0 ? 4000 : 0}; /* older versions go to a file, or not */
    static stress_txn all;
    vl_sim_fault fault = {.kind = VL_SIM_CUT_BEFORE, .ops = VL_SIM_CHANGING};
    vl_sim_options machine = {.seed = seed};
    vl_sim_outcome outcome = {.seed = seed};
    uint64_t values[STRESS_TXN_ROWS];
    stress_txn_note *notes;
    vl_txn_store *store;
    uint32_t count;
    vl_sim *sim;
    vl_io *io;

    memset(&all, 0, sizeof all);
    all.transactions = 100000;
    all.may_fail = 1;
    all.seed = seed;
    CHECK_OK(vl_sim_create(unit_ctx(), &machine, &sim));
    CHECK_OK(vl_sim_open_io(unit_ctx(), sim, &io));
    CHECK_OK(stress_txn_begin(io, "db", &options, &all, threads));
    fault.nth = 1 + vl_mix64(seed) % 3000;
    CHECK_OK(vl_sim_plan(unit_ctx(), sim, &fault));
    CHECK_OK(stress_txn_work(threads));
    notes = stress_txn_gather(threads, &count);
    vl_txn_store_abandon(all.store);
    vl_io_close(io);
    CHECK(vl_sim_is_off(sim)); /* it came to that */
    vl_sim_plan_clear(sim);
    outcome.keep = (vl_sim_keep)(seed % 4);
    CHECK_OK(vl_sim_cut_power(unit_ctx(), sim, &outcome));
    CHECK_OK(vl_sim_open_io(unit_ctx(), sim, &io));
    CHECK_OK(vl_txn_store_open(unit_ctx(), io, "db", &options, &store));
    CHECK_OK(stress_txn_read_all(store, &all, values));
    CHECK(notes != NULL);
    stress_txn_check_prefix(notes, count, values);
    stress_txn_check(notes, count);
    free(notes);
    CHECK_OK(vl_txn_store_close(unit_ctx(), store));
    vl_io_close(io);
    vl_sim_destroy(sim);
}

static void
stress_txn_power_cut_leaves_a_prefix(void)
{
    const char *text = getenv("VELO_STRESS_LIVES");
    uint64_t lives = text != NULL ? strtoull(text, NULL, 10) : 8;

    for (uint64_t i = 0; i < lives && !unit_has_failed(); i++)
        stress_txn_life(unit_seed() + i);
}

/* ---- trees ---- */

/* Create an index, fill it, change it and drop it, each in a transaction of its own. */
static velo_status
stress_txn_tree_once(stress_txn_thread *self)
{
    vl_statement statement;
    vl_txn_index *index = NULL;
    vl_tree_id id;
    velo_status st;

    VL_TRY(vl_statement_begin(&self->ctx, self->session, 1, &statement));
    st = vl_txn_create_tree(&self->ctx, &statement, NULL, &id);
    if (st == VELO_OK)
        st = vl_statement_end(&self->ctx, &statement);
    if (st == VELO_OK)
        st = vl_keys_open(&self->ctx, self->all->store, id, &index);
    for (uint32_t round = 0; st == VELO_OK && round < 3; round++) {
        st = vl_statement_begin(&self->ctx, self->session, 1, &statement);
        for (uint32_t key = 0; st == VELO_OK && key < 40; key++)
            st = round == 1 ? vl_keys_delete(&self->ctx, &statement, index, &key, 4)
                            : vl_keys_insert(&self->ctx, &statement, index, &key, 4, &round, 4,
                                             NULL, NULL);
        if (st == VELO_OK)
            st = vl_statement_end(&self->ctx, &statement);
    }
    if (st == VELO_OK)
        st = vl_statement_begin(&self->ctx, self->session, 1, &statement);
    if (st == VELO_OK)
        st = vl_txn_drop_tree(&self->ctx, &statement, id);
    return st == VELO_OK ? vl_statement_end(&self->ctx, &statement) : st;
}

static void
stress_txn_tree_main(void *argument)
{
    stress_txn_thread *self = argument;

    for (uint64_t i = 0; i < self->all->transactions && self->fault[0] == 0; i++) {
        velo_status st;

        vl_session_enter_call(self->session);
        st = vl_rng_chance(&self->rng, 1, 2) ? stress_txn_tree_once(self) : stress_txn_single(self);
        vl_session_leave_call(self->session);
        if (st != VELO_OK)
            stress_txn_wrong(self, "the work fails", 0);
    }
}

/* Trees are dropped while others collect what is left of them: nothing is lost, nothing stays. */
static void
stress_txn_trees_come_and_go(void)
{
    static stress_txn_thread threads[STRESS_TXN_THREADS];
    static stress_txn all;
    vl_thread handles[STRESS_TXN_THREADS];
    vl_store_report report;
    vl_store_tree *tree;
    uint32_t count;

    memset(&all, 0, sizeof all);
    memset(handles, 0, sizeof handles);
    all.transactions = 150;
    all.seed = unit_seed();
    CHECK_OK(stress_txn_begin(NULL, NULL, &(vl_txn_store_options){0}, &all, threads));
    for (uint32_t i = 0; i < STRESS_TXN_THREADS; i++)
        CHECK_OK(
            vl_thread_start(unit_ctx(), &handles[i], "txn", stress_txn_tree_main, &threads[i]));
    for (uint32_t i = 0; i < STRESS_TXN_THREADS; i++)
        vl_thread_join(&handles[i]);
    free(stress_txn_gather(threads, &count));
    CHECK_OK(vl_txn_store_collect(unit_ctx(), all.store));
    CHECK_STATUS(
        vl_store_next_tree(unit_ctx(), vl_txn_store_base(all.store), all.table_id + 1, &tree),
        VELO_NOTFOUND);
    CHECK_OK(vl_store_check(unit_ctx(), vl_txn_store_base(all.store), NULL, NULL, &report));
    CHECK_EQ(report.unused_count, 0);
    CHECK_OK(vl_txn_store_close(unit_ctx(), all.store));
}

/* How much is done: VELO_STRESS_TXN transactions of each thread. */
static uint64_t
stress_txn_amount(uint64_t otherwise)
{
    const char *text = getenv("VELO_STRESS_TXN");

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void
stress_txn_history_in_memory(void)
{
    vl_txn_store_options options = {0};

    stress_txn_run(NULL, NULL, &options, stress_txn_amount(3000));
}

/* With a thread that writes checkpoints all the time, in a cache of the least size, and next to no
 * memory for older versions. */
static void
stress_txn_history_in_a_file(void)
{
    vl_txn_store_options options = {.store = {.may_create = 1,
                                              .has_background = 1,
                                              .cache_bytes = 1 << 20,
                                              .log_limit_bytes = 1 << 16},
                                    .version_bytes = 3000};
    vl_io *io;

    CHECK_OK(vl_io_open(unit_ctx(), NULL, &io));
    stress_txn_run(io, unit_path("db"), &options, stress_txn_amount(1500));
    vl_io_close(io);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(stress_txn_history_in_memory),
        UNIT_TEST(stress_txn_history_in_a_file),
        UNIT_TEST(stress_txn_power_cut_leaves_a_prefix),
        UNIT_TEST(stress_txn_trees_come_and_go),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
