/* test_stress_share.c - foreign keys by key-share locks, with many threads.
 *
 * Some threads insert children: they hold the parent, by its row or by its entry in an index, and
 * insert. Others delete parents with both: after that they look for children by the latest view,
 * and take the deletion back if there is one. Others change parents' columns, delete children, put
 * parents back. At the end, and whenever a snapshot is looked at, each child has its parent. */
#include "lib/unit.h"

#include "base/bytes.h"
#include "base/thread.h"
#include "os/io.h"
#include "txn/txn_keys.h"
#include "txn/txn_rows.h"

#include <stdatomic.h>
#include <stdio.h>

#define STRESS_SHARE_THREADS 4U
#define STRESS_SHARE_PARENTS 6U
#define STRESS_SHARE_ROUNDS  VL_BY_BUILD(6000U, 800U)

typedef struct stress_share {
    vl_txn_store *store;
    vl_txn_table *parents;
    vl_txn_table *children; /* the row of parent p's child is p */
    vl_txn_index *keys;     /* of parents: for those of odd number children hold the entry */
    _Atomic uint64_t inserted;
    _Atomic uint64_t deleted;
    _Atomic uint64_t refused;
    _Atomic uint64_t deadlocks;
} stress_share;

typedef struct stress_share_thread {
    stress_share *all;
    vl_session *session;
    vl_rng rng;
    vl_ctx ctx;
    char fault[300]; /* what is wrong, or empty */
} stress_share_thread;

static const uint32_t stress_share_ids[1] = {1};

/* Whether the view has a row: 1, 0, or -1 when reading has failed. */
static int
stress_share_has(stress_share_thread *self, vl_txn_table *table, const vl_view *view, int64_t row)
{
    int found;

    if (vl_rows_exists(&self->ctx, table, view, row, &found) != VELO_OK)
        return -1;
    return found;
}

/* Insert a child. */
static velo_status
stress_share_insert(stress_share_thread *self, vl_statement *statement, int64_t parent)
{
    vl_value value = {.type = VL_TYPE_INTEGER, .as.integer = parent};
    uint8_t key[8];

    vl_store_be64(key, (uint64_t)parent);
    if (parent % 2 != 0)
        VL_TRY(vl_keys_share(&self->ctx, statement, self->all->keys, key, 8, NULL, NULL));
    else
        VL_TRY(vl_rows_share(&self->ctx, statement, self->all->parents, parent));
    return vl_rows_insert(&self->ctx, statement, self->all->children, parent, &value);
}

/* Delete a parent, unless it has a child. */
static velo_status
stress_share_delete(stress_share_thread *self, vl_statement *statement, int64_t parent)
{
    uint8_t key[8];
    vl_view latest;
    int has_child;

    vl_store_be64(key, (uint64_t)parent);
    VL_TRY(vl_rows_delete(&self->ctx, statement, self->all->parents, parent));
    VL_TRY(vl_keys_delete(&self->ctx, statement, self->all->keys, key, 8));
    latest = vl_statement_latest(statement);
    has_child = stress_share_has(self, self->all->children, &latest, parent);
    if (has_child < 0)
        return self->ctx.error.code;
    return has_child ? vl_fail(&self->ctx, VELO_CONSTRAINT, "it has a child") : VELO_OK;
}

/* Put a parent back. */
static velo_status
stress_share_restore(stress_share_thread *self, vl_statement *statement, int64_t parent)
{
    vl_value value = {.type = VL_TYPE_INTEGER, .as.integer = parent};
    uint8_t key[8];

    vl_store_be64(key, (uint64_t)parent);
    VL_TRY(vl_rows_insert(&self->ctx, statement, self->all->parents, parent, &value));
    return vl_keys_insert(&self->ctx, statement, self->all->keys, key, 8, "", 0, NULL, NULL);
}

static velo_status
stress_share_update(stress_share_thread *self, vl_statement *statement, int64_t parent)
{
    vl_value value = {.type = VL_TYPE_INTEGER, .as.integer = (int64_t)vl_rng_below(&self->rng, 99)};

    return vl_rows_update(&self->ctx, statement, self->all->parents, parent, stress_share_ids,
                          &value, 1);
}

/* A statement of any kind: what becomes of it counts in `done`, if it is to be counted. */
static velo_status
stress_share_any(stress_share_thread *self, vl_statement *statement, int64_t parent,
                 _Atomic uint64_t **done)
{
    *done = NULL;
    switch (vl_rng_below(&self->rng, 6)) {
    case 0:
    case 1:
        *done = &self->all->inserted;
        return stress_share_insert(self, statement, parent);
    case 2:
        *done = &self->all->deleted;
        return stress_share_delete(self, statement, parent);
    case 3:
        return stress_share_restore(self, statement, parent);
    case 4:
        return stress_share_update(self, statement, parent);
    default:
        return vl_rows_delete(&self->ctx, statement, self->all->children, parent);
    }
}

/* One statement inside of the transaction. Returns 0 when the transaction is over. */
static int
stress_share_statement(stress_share_thread *self)
{
    int64_t parent = 1 + (int64_t)vl_rng_below(&self->rng, STRESS_SHARE_PARENTS);
    _Atomic uint64_t *done;
    vl_statement statement;
    velo_status st;

    if (vl_statement_begin(&self->ctx, self->session, 1, &statement) != VELO_OK)
        return 0;
    st = stress_share_any(self, &statement, parent, &done);
    if (st == VELO_OK) {
        if (done != NULL)
            atomic_fetch_add(done, 1);
        return vl_statement_end(&self->ctx, &statement) == VELO_OK;
    }
    vl_statement_fail(&self->ctx, &statement);
    if (vl_session_is_doomed(self->session))
        atomic_fetch_add(&self->all->deadlocks, 1);
    if (st == VELO_CONSTRAINT && done == &self->all->deleted)
        atomic_fetch_add(&self->all->refused, 1);
    if (st != VELO_CONSTRAINT && st != VELO_NOTFOUND && st != VELO_BUSY_SNAPSHOT)
        (void)snprintf(self->fault, sizeof self->fault, "status %d: %.200s", (int)st,
                       self->ctx.error.text);
    return st == VELO_CONSTRAINT || st == VELO_NOTFOUND;
}

/* A snapshot never has a child without a parent. */
static void
stress_share_look(stress_share_thread *self)
{
    vl_statement statement;

    if (vl_statement_begin(&self->ctx, self->session, 0, &statement) != VELO_OK)
        return;
    for (int64_t parent = 1; parent <= (int64_t)STRESS_SHARE_PARENTS; parent++)
        if (stress_share_has(self, self->all->children, &statement.view, parent) == 1 &&
            stress_share_has(self, self->all->parents, &statement.view, parent) != 1)
            (void)snprintf(self->fault, sizeof self->fault, "child %d has no parent", (int)parent);
    if (vl_statement_end(&self->ctx, &statement) != VELO_OK)
        (void)snprintf(self->fault, sizeof self->fault, "a reader cannot end");
}

static void
stress_share_main(void *argument)
{
    stress_share_thread *self = argument;

    for (uint32_t i = 0; i < STRESS_SHARE_ROUNDS && self->fault[0] == 0; i++) {
        uint32_t count = 1 + (uint32_t)vl_rng_below(&self->rng, 3);
        int goes_on = 1;
        velo_status st;

        vl_session_enter_call(self->session);
        st = vl_session_begin(&self->ctx, self->session, VL_TXN_DEFERRED);
        while (st == VELO_OK && goes_on && count-- > 0)
            goes_on = stress_share_statement(self);
        if (goes_on && vl_rng_chance(&self->rng, 7, 8))
            st = vl_session_commit(&self->ctx, self->session);
        else
            st = vl_session_rollback(&self->ctx, self->session);
        if (st != VELO_OK)
            (void)snprintf(self->fault, sizeof self->fault, "the end: %.200s",
                           self->ctx.error.text);
        stress_share_look(self);
        vl_session_leave_call(self->session);
    }
}

static velo_status
stress_share_make(vl_ctx *ctx, stress_share *all, vl_session *session)
{
    vl_leaf_value defaults[1] = {{.value = {.type = VL_TYPE_NULL}}};
    vl_leaf_schema schema = {stress_share_ids, defaults, 1, 0};
    vl_tree_id parents, children, keys;
    vl_statement statement;

    vl_session_enter_call(session);
    VL_TRY(vl_statement_begin(ctx, session, 1, &statement));
    VL_TRY(vl_txn_create_tree(ctx, &statement, &schema, &parents));
    VL_TRY(vl_txn_create_tree(ctx, &statement, &schema, &children));
    VL_TRY(vl_txn_create_tree(ctx, &statement, NULL, &keys));
    VL_TRY(vl_statement_end(ctx, &statement));
    vl_session_leave_call(session);
    VL_TRY(vl_rows_open(ctx, all->store, parents, &all->parents));
    VL_TRY(vl_rows_open(ctx, all->store, children, &all->children));
    return vl_keys_open(ctx, all->store, keys, &all->keys);
}

/* Foreign keys hold whatever threads do at a time. */
static void
share_children_have_parents_with_many_threads(void)
{
    stress_share_thread threads[STRESS_SHARE_THREADS] = {0};
    vl_thread handles[STRESS_SHARE_THREADS] = {0};
    stress_share all = {0};

    CHECK_OK(vl_txn_store_open(unit_ctx(), NULL, NULL, NULL, &all.store));
    for (unsigned i = 0; i < STRESS_SHARE_THREADS; i++) {
        threads[i].all = &all;
        vl_ctx_init(&threads[i].ctx, NULL, NULL);
        vl_rng_init(&threads[i].rng, unit_seed() + i);
        CHECK_OK(vl_session_create(unit_ctx(), all.store, &threads[i].session));
        vl_session_set_busy(threads[i].session, NULL, NULL, -1);
    }
    CHECK_OK(stress_share_make(unit_ctx(), &all, threads[0].session));
    for (unsigned i = 0; i < STRESS_SHARE_THREADS; i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &handles[i], "share", stress_share_main, &threads[i]));
    for (unsigned i = 0; i < STRESS_SHARE_THREADS; i++)
        vl_thread_join(&handles[i]);
    for (unsigned i = 0; i < STRESS_SHARE_THREADS; i++) {
        if (threads[i].fault[0] != 0)
            unit_failed(__FILE__, __LINE__, "thread %u: %s", i, threads[i].fault);
        vl_session_destroy(threads[i].session);
    }
    CHECK(atomic_load(&all.inserted) > 0);
    CHECK(atomic_load(&all.deleted) > 0);
    CHECK(atomic_load(&all.refused) > 0);
    CHECK_OK(vl_txn_store_close(unit_ctx(), all.store));
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(share_children_have_parents_with_many_threads),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
