/* txn_model.c - see txn_model.h. */
#include "lib/txn_model.h"

#include "base/bytes.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t txn_model_ids[2] = {1, 2};

/* ---- values ---- */

static vl_value
txn_model_integer(uint32_t value)
{
    return (vl_value){.type = VL_TYPE_INTEGER, .as.integer = value};
}

/* The text that goes with a value: in the arena. */
static velo_status
txn_model_text(vl_ctx *ctx, const txn_model *model, vl_arena *arena, uint32_t value, vl_value *text)
{
    uint64_t mixed = vl_mix64(value);
    uint32_t size = (uint32_t)(mixed % 20);
    char *bytes;

    if (mixed % 8 == 0)
        size = (uint32_t)(mixed / 8 % model->text_size);
    bytes = vl_arena_alloc(arena, size + 1);
    if (bytes == NULL)
        return vl_fail(ctx, VELO_NOMEM, "no memory for a text");
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = (char)('a' + (value + i) % 23);
    *text = (vl_value){.type = VL_TYPE_TEXT, .size = size, .as.data = bytes};
    return VELO_OK;
}

static uint64_t
txn_model_number(uint32_t row, uint32_t value)
{
    return value == 0 ? 0 : vl_mix64(((uint64_t)row << 32) + value);
}

static uint64_t
txn_model_content(const uint32_t *values)
{
    uint64_t sum = 1;

    for (uint32_t row = 0; row < TXN_MODEL_ROWS; row++)
        sum += txn_model_number(row, values[row]);
    return sum;
}

/* Rowids are not next to each other, but for the last third, which grows at the right edge. */
static int64_t
txn_model_rowid(uint32_t row)
{
    return row < 2 * TXN_MODEL_ROWS / 3 ? 1000 * ((int64_t)row % 7) + 3 * (int64_t)row
                                        : 100000 + (int64_t)row;
}

/* The key of a row's entry: some begin with so much that is the same that they are long, some with
 * more than a record of the log has room for. Returns its size. */
static uint32_t
txn_model_key(const txn_model *model, uint32_t row, uint8_t key[TXN_MODEL_KEY_MAX])
{
    uint32_t size = row % 3 == 0 ? 0 : row % 12 == 1 ? model->key_size : model->key_size / 5;

    memset(key, 'k', size);
    vl_store_be64(key + size, (uint64_t)txn_model_rowid(row));
    return size + 8;
}

/* ---- what is wrong ---- */

static void
txn_model_wrong(txn_model *model, const char *what, uint32_t row, velo_status st)
{
    if (model->fault[0] == 0)
        (void)snprintf(model->fault, sizeof model->fault, "%s: row %u, status %s: %.200s", what,
                       row, velo_status_name(st), model->ctx->error.text);
}

/* Errors of the machine end the work. */
static int
txn_model_is_fatal(velo_status st)
{
    unsigned plain = (unsigned)st & 0xffU; /* without what it says beyond */

    return plain == VELO_IOERR || plain == VELO_NOMEM || plain == VELO_FULL ||
           plain == VELO_READONLY || plain == VELO_CANTOPEN || plain == VELO_CORRUPT ||
           plain == VELO_INTERNAL || plain == VELO_ABORT;
}

/* ---- life ---- */

void
txn_model_init(txn_model *model, vl_ctx *ctx, vl_io *io, const char *path, uint64_t seed)
{
    memset(model, 0, sizeof *model);
    model->ctx = ctx;
    model->io = io;
    model->path = path;
    model->options.store.may_create = 1;
    model->options.version_bytes =
        seed % 2 == 0 ? 2000 : 0; /* most of them go to a file, or none */
    model->text_size = 30000;
    if (seed % 4 >= 2) { /* keys and texts that records of the log have no room for */
        model->key_size = TXN_MODEL_KEY_MAX - 8;
        model->options.store.log_ring_bytes = 1U << 15;
    }
    vl_rng_init(&model->rng, seed);
    vl_arena_init(&model->arena, ctx->allocator, 0);
    model->history = calloc(TXN_MODEL_HISTORY, sizeof *model->history);
    if (model->history != NULL)
        model->history[0] = txn_model_content(model->committed);
    model->count = 1;
}

static void
txn_model_close_sessions(txn_model *model)
{
    for (uint32_t i = 0; i < TXN_MODEL_SESSIONS; i++) {
        txn_model_session *one = &model->sessions[i];

        if (one->is_reading)
            (void)!vl_statement_end(model->ctx, &one->reader);
        vl_session_destroy(one->session);
        memset(one, 0, sizeof *one);
    }
}

void
txn_model_abandon(txn_model *model)
{
    txn_model_close_sessions(model);
    vl_txn_store_abandon(model->store);
    model->store = NULL;
}

void
txn_model_deinit(txn_model *model)
{
    txn_model_abandon(model);
    vl_arena_deinit(&model->arena);
    free(model->history);
    model->history = NULL;
}

velo_status
txn_model_close(txn_model *model)
{
    vl_txn_store *store = model->store;

    txn_model_close_sessions(model);
    model->store = NULL;
    return vl_txn_store_close(model->ctx, store);
}

static velo_status
txn_model_make_trees(txn_model *model)
{
    vl_leaf_value defaults[2];
    vl_leaf_schema schema = {txn_model_ids, defaults, 2, 0};
    vl_statement statement;
    velo_status st;

    memset(defaults, 0, sizeof defaults);
    defaults[0].value.type = VL_TYPE_NULL;
    defaults[1].value.type = VL_TYPE_NULL;
    VL_TRY(vl_statement_begin(model->ctx, model->sessions[0].session, 1, &statement));
    st = vl_txn_create_tree(model->ctx, &statement, &schema, &model->table_id);
    if (st == VELO_OK)
        st = vl_txn_create_tree(model->ctx, &statement, NULL, &model->index_id);
    if (st != VELO_OK) {
        vl_statement_fail(model->ctx, &statement);
        return st;
    }
    return vl_statement_end(model->ctx, &statement);
}

velo_status
txn_model_open(txn_model *model)
{
    vl_store_tree *tree;

    VL_TRY(vl_txn_store_open(model->ctx, model->io, model->path, &model->options, &model->store));
    for (uint32_t i = 0; i < TXN_MODEL_SESSIONS; i++) {
        VL_TRY(vl_session_create(model->ctx, model->store, &model->sessions[i].session));
        vl_session_set_synchronous(model->sessions[i].session,
                                   i % 3 == 0 ? VL_SYNCHRONOUS_FULL : VL_SYNCHRONOUS_OFF);
    }
    if (model->count == 1 &&
        vl_store_find_tree(model->ctx, vl_txn_store_base(model->store), 2, &tree) != VELO_OK) {
        vl_error_clear(model->ctx);
        VL_TRY(txn_model_make_trees(model));
    }
    VL_TRY(vl_rows_open(model->ctx, model->store, 2, &model->table));
    return vl_keys_open(model->ctx, model->store, 3, &model->index);
}

/* ---- snapshots of the model ---- */

/* The session has a snapshot from now on. */
static void
txn_model_see(txn_model *model, txn_model_session *one)
{
    if (one->has_snapshot)
        return;
    if (one->is_open || !one->is_reading || one->is_renewed) {
        memcpy(one->shared, model->committed, sizeof one->shared);
        one->shared_at = model->count - 1;
        one->is_renewed = 0;
    }
    memcpy(one->state.value, one->shared, sizeof one->state.value);
    memset(one->state.is_own, 0, sizeof one->state.is_own);
    one->snapshot = one->shared_at;
    one->has_snapshot = one->is_open;
}

/* Whether another session has changed a row and not ended. */
static int
txn_model_is_taken(const txn_model *model, const txn_model_session *one, uint32_t row)
{
    for (uint32_t i = 0; i < TXN_MODEL_SESSIONS; i++)
        if (&model->sessions[i] != one && model->sessions[i].is_open &&
            model->sessions[i].has_snapshot && model->sessions[i].state.is_own[row])
            return 1;
    return 0;
}

/* Whether the transaction has changed anything: else its commit says and syncs nothing. */
static int
txn_model_has_changed(const txn_model_session *one)
{
    for (uint32_t row = 0; row < TXN_MODEL_ROWS; row++)
        if (one->state.is_own[row])
            return 1;
    return 0;
}

/* Begin a commit: its content is in the history before the store is asked. */
static void
txn_model_begin_commit(txn_model *model, const txn_model_session *one)
{
    for (uint32_t row = 0; row < TXN_MODEL_ROWS; row++)
        if (one->state.is_own[row]) {
            model->committed[row] = one->state.value[row];
            model->changed[row] = model->count;
        }
    model->history[model->count++] = txn_model_content(model->committed);
}

static void
txn_model_end_commit(txn_model *model, const txn_model_session *one)
{
    model->acknowledged = model->count - 1;
    if ((one - model->sessions) % 3 == 0)
        model->durable = model->count - 1;
}

/* ---- one change ---- */

/* What the model says of a change: the status, or VELO_BUSY_SNAPSHOT where both are right. */
static velo_status
txn_model_expect(const txn_model *model, const txn_model_session *one, uint32_t row, int is_insert,
                 int *or_done)
{
    int is_there = one->state.value[row] != 0;

    *or_done = 0;
    if (txn_model_is_taken(model, one, row))
        return VELO_BUSY;
    if (!one->state.is_own[row] && model->changed[row] > one->snapshot) {
        if (is_insert && model->committed[row] != 0)
            return VELO_CONSTRAINT;
        /* A row that was born and has died since may be gone for good. */
        *or_done = is_insert && !is_there;
        if (!is_insert && !is_there && model->committed[row] == 0)
            *or_done = 2;
        return VELO_BUSY_SNAPSHOT;
    }
    if (is_insert)
        return is_there ? VELO_CONSTRAINT : VELO_OK;
    return is_there ? VELO_OK : VELO_NOTFOUND;
}

/* Change the entry as the row was changed. */
static velo_status
txn_model_change_entry(txn_model *model, vl_statement *statement, uint32_t row, uint32_t before,
                       uint32_t value)
{
    uint8_t key[TXN_MODEL_KEY_MAX], bytes[4];
    uint32_t key_size = txn_model_key(model, row, key);

    vl_store_le32(bytes, value);
    if (before != 0)
        VL_TRY(vl_keys_delete(model->ctx, statement, model->index, key, key_size));
    if (value == 0)
        return VELO_OK;
    /* With long keys the steps stay as they were: a cut that freezes a thread in a join of leaves,
     * and recovers in another one of the process, would wait for its pin (tree_key_ties.c) for
     * ever. */
    if (model->key_size > 0 || value % 4 == 0)
        return vl_keys_insert(model->ctx, statement, model->index, key, key_size, bytes, 4, NULL,
                              NULL);
    return vl_keys_pend(model->ctx, statement, model->index, key, key_size, bytes, 4);
}

static velo_status
txn_model_change_row(txn_model *model, vl_statement *statement, uint32_t row, uint32_t before,
                     uint32_t value)
{
    int64_t rowid = txn_model_rowid(row);
    vl_value values[2] = {txn_model_integer(value), {.type = VL_TYPE_NULL}};

    if (value == 0)
        return vl_rows_delete(model->ctx, statement, model->table, rowid);
    VL_TRY(txn_model_text(model->ctx, model, &model->arena, value, &values[1]));
    if (before == 0)
        return vl_rows_insert(model->ctx, statement, model->table, rowid, values);
    return vl_rows_update(model->ctx, statement, model->table, rowid, txn_model_ids, values, 2);
}

/* One change of a statement. *goes_on 0: the statement is to be given up. */
static velo_status
txn_model_change(txn_model *model, txn_model_session *one, vl_statement *statement, int *goes_on)
{
    uint32_t row = (uint32_t)vl_rng_below(&model->rng, TXN_MODEL_ROWS);
    uint32_t before = one->state.value[row];
    int is_insert =
        before == 0 ? !vl_rng_chance(&model->rng, 1, 6) : vl_rng_chance(&model->rng, 1, 8);
    uint32_t value = 1 + (uint32_t)vl_rng_below(&model->rng, 1U << 30);
    velo_status expected, st;
    int or_done;

    if (!is_insert && vl_rng_chance(&model->rng, 1, 3))
        value = 0;
    expected = txn_model_expect(model, one, row, is_insert, &or_done);
    vl_arena_reset(&model->arena);
    st = txn_model_change_row(model, statement, row, is_insert ? 0 : 1, value);
    *goes_on = st == VELO_OK || st == VELO_CONSTRAINT || st == VELO_NOTFOUND;
    if (txn_model_is_fatal(st))
        return st;
    if (st != expected && !(or_done == 1 && st == VELO_OK) &&
        !(or_done == 2 && st == VELO_NOTFOUND))
        txn_model_wrong(model, velo_status_name(expected), row, st);
    if (st != VELO_OK) {
        model->tally[st == VELO_BUSY ? 1 : st == VELO_BUSY_SNAPSHOT ? 2 : 3]++;
        return VELO_OK;
    }
    st = txn_model_change_entry(model, statement, row, before, value);
    if (txn_model_is_fatal(st)) {
        *goes_on = 0;
        return st;
    }
    if (st == VELO_BUSY_SNAPSHOT && or_done == 1) {
        *goes_on = 0; /* the entry's tombstone is still there */
        return VELO_OK;
    }
    if (st != VELO_OK)
        txn_model_wrong(model, "entry", row, st);
    model->tally[0]++;
    one->state.value[row] = value;
    one->state.is_own[row] = 1;
    return VELO_OK;
}

/* ---- a statement ---- */

/* End a statement that has succeeded. */
static velo_status
txn_model_end_statement(txn_model *model, txn_model_session *one, vl_statement *statement)
{
    int commits = !one->is_open && txn_model_has_changed(one);
    velo_status st;

    if (commits)
        txn_model_begin_commit(model, one);
    st = vl_statement_end(model->ctx, statement);
    if (st == VELO_OK && commits)
        txn_model_end_commit(model, one);
    one->is_renewed = 1;
    return st;
}

static velo_status
txn_model_write(txn_model *model, txn_model_session *one)
{
    uint64_t changes = 1 + vl_rng_below(&model->rng, vl_rng_chance(&model->rng, 1, 4) ? 12 : 3);
    int is_first = one->is_open && !one->has_snapshot && !one->is_reading;
    txn_model_state before;
    vl_statement statement;
    velo_status st;
    int goes_on = 1;

    VL_TRY(vl_statement_begin(model->ctx, one->session, 1, &statement));
    txn_model_see(model, one);
    before = one->state;
    st = VELO_OK;
    while (st == VELO_OK && goes_on && changes-- > 0)
        st = txn_model_change(model, one, &statement, &goes_on);
    if (st == VELO_OK && goes_on && !vl_rng_chance(&model->rng, 1, 6))
        return txn_model_end_statement(model, one, &statement);
    vl_statement_fail(model->ctx, &statement);
    one->state = before;
    one->has_snapshot = one->has_snapshot && !is_first; /* the next statement takes another one */
    return st;
}

/* ---- reading ---- */

/* Compare all that a view sees, by a scan of each tree. */
static velo_status
txn_model_compare(txn_model *model, const vl_view *view, const uint32_t *wanted)
{
    for (uint32_t row = 0; row < TXN_MODEL_ROWS; row++) {
        vl_value values[2], text = {.type = VL_TYPE_NULL};
        uint8_t key[TXN_MODEL_KEY_MAX], value[VL_PAGE_MAX_SIZE / 16];
        uint32_t size, key_size = txn_model_key(model, row, key);
        int found, has_entry;

        vl_arena_reset(&model->arena);
        VL_TRY(vl_rows_read(model->ctx, model->table, view, txn_model_rowid(row), txn_model_ids, 2,
                            &model->arena, values, &found));
        VL_TRY(
            vl_keys_find(model->ctx, model->index, view, key, key_size, value, &size, &has_entry));
        if (found != (wanted[row] != 0) || has_entry != found) {
            txn_model_wrong(model, found ? "a row is seen" : "a row is not seen", row, VELO_OK);
            continue;
        }
        if (!found)
            continue;
        VL_TRY(txn_model_text(model->ctx, model, &model->arena, wanted[row], &text));
        if (values[0].as.integer != wanted[row] || size != 4 ||
            vl_load_le32(value) != wanted[row] || values[1].size != text.size ||
            memcmp(values[1].as.data, text.as.data, text.size) != 0)
            txn_model_wrong(model, "another version is seen", row, VELO_OK);
    }
    return VELO_OK;
}

static velo_status
txn_model_compare_scans(txn_model *model, const vl_view *view, const uint32_t *wanted)
{
    vl_rowid_range all = {INT64_MIN, INT64_MAX};
    int is_backward = vl_rng_chance(&model->rng, 1, 2);
    uint64_t count = 0, sum = 0, wanted_count = 0, wanted_sum = 0;
    vl_row_scan scan;
    velo_status st;

    for (uint32_t row = 0; row < TXN_MODEL_ROWS; row++) {
        wanted_count += wanted[row] != 0;
        wanted_sum += wanted[row];
    }
    vl_row_scan_begin(&scan, model->table, view, all, is_backward, txn_model_ids, 1);
    for (;;) {
        st = vl_row_scan_next(model->ctx, &scan);
        if (st != VELO_OK || scan.leaf == NULL)
            break;
        for (uint32_t i = 0; i < scan.row_count; i++) {
            vl_leaf_value value;

            vl_row_scan_get(&scan, i, 0, &value);
            sum += (uint64_t)value.value.as.integer;
            count++;
        }
    }
    vl_row_scan_end(&scan);
    if (st == VELO_OK && (count != wanted_count || sum != wanted_sum))
        txn_model_wrong(model, "a scan sees something else", (uint32_t)count, VELO_OK);
    return st;
}

/* Entries come in the order of their keys, and each says whose it is. */
static velo_status
txn_model_compare_entries(txn_model *model, const vl_view *view, const uint32_t *wanted)
{
    vl_tree_key_range all = {NULL, 0, NULL, 0, 0};
    uint8_t key[TXN_MODEL_KEY_MAX];
    uint32_t count = 0, there = 0;
    vl_key_scan scan;
    velo_status st;

    for (uint32_t row = 0; row < TXN_MODEL_ROWS; row++)
        there += wanted[row] != 0;
    vl_key_scan_begin(&scan, model->index, view, &all, vl_rng_chance(&model->rng, 1, 2));
    while ((st = vl_key_scan_next(model->ctx, &scan)) == VELO_OK && scan.count > 0)
        for (uint32_t i = 0; i < scan.count; i++, count++) {
            const vl_key_seen *seen = scan.entries + i;
            uint32_t row = 0;

            while (row < TXN_MODEL_ROWS &&
                   (wanted[row] == 0 || txn_model_key(model, row, key) != seen->key_size ||
                    memcmp(seen->key, key, seen->key_size) != 0))
                row++;
            if (row == TXN_MODEL_ROWS || vl_load_le32(seen->value) != wanted[row])
                txn_model_wrong(model, "a scan sees another entry", row, VELO_OK);
        }
    vl_key_scan_end(&scan);
    if (st == VELO_OK && count != there)
        txn_model_wrong(model, "a scan sees fewer or more entries", count, VELO_OK);
    return st;
}

/* Read by a statement of its own, or one that is open. */
static velo_status
txn_model_look(txn_model *model, txn_model_session *one)
{
    vl_statement statement;
    velo_status st;

    VL_TRY(vl_statement_begin(model->ctx, one->session, 0, &statement));
    txn_model_see(model, one);
    st = txn_model_compare(model, &statement.view, one->state.value);
    if (st == VELO_OK)
        st = txn_model_compare_scans(model, &statement.view, one->state.value);
    if (st == VELO_OK && vl_rng_chance(&model->rng, 1, 4))
        st = txn_model_compare_entries(model, &statement.view, one->state.value);
    if (st == VELO_OK)
        return vl_statement_end(model->ctx, &statement);
    vl_statement_fail(model->ctx, &statement);
    return st;
}

/* A statement that stays open while others, and the session itself, go on. */
static velo_status
txn_model_read_long(txn_model *model, txn_model_session *one)
{
    velo_status st;

    if (one->is_reading) {
        st = txn_model_compare(model, &one->reader.view, one->read);
        if (st != VELO_OK || !vl_rng_chance(&model->rng, 1, 3))
            return st;
        one->is_reading = 0;
        return vl_statement_end(model->ctx, &one->reader);
    }
    VL_TRY(vl_statement_begin(model->ctx, one->session, 0, &one->reader));
    txn_model_see(model, one);
    one->is_reading = 1;
    memcpy(one->read, one->state.value, sizeof one->read);
    return VELO_OK;
}

/* ---- transactions ---- */

static velo_status
txn_model_end(txn_model *model, txn_model_session *one)
{
    int writes = one->has_snapshot && txn_model_has_changed(one);
    velo_status st;

    if (vl_rng_chance(&model->rng, 1, 3)) {
        st = vl_session_rollback(model->ctx, one->session);
        /* What the open statement saw of the transaction is gone: 31, item 4. */
        if (one->is_reading && writes) {
            one->is_reading = 0;
            if (st == VELO_OK)
                st = vl_statement_end(model->ctx, &one->reader);
        }
    } else {
        if (writes)
            txn_model_begin_commit(model, one);
        st = vl_session_commit(model->ctx, one->session);
        if (st == VELO_OK && writes)
            txn_model_end_commit(model, one);
    }
    one->is_open = 0;
    one->has_snapshot = 0;
    one->mark_count = 0;
    one->is_renewed = 1;
    return st;
}

static velo_status
txn_model_mark(txn_model *model, txn_model_session *one)
{
    uint32_t at;

    txn_model_see(model, one);
    if (one->mark_count < TXN_MODEL_MARKS && vl_rng_chance(&model->rng, 2, 3)) {
        VL_TRY(vl_session_settle(model->ctx, one->session));
        one->marks[one->mark_count] = vl_session_save(one->session);
        one->marked[one->mark_count++] = one->state;
        return VELO_OK;
    }
    if (one->mark_count == 0)
        return VELO_OK;
    at = (uint32_t)vl_rng_below(&model->rng, one->mark_count);
    one->mark_count = at + 1;
    one->state = one->marked[at];
    /* A statement that is open and saw what is undone now must not look at it any more. */
    if (one->is_reading) {
        one->is_reading = 0;
        VL_TRY(vl_statement_end(model->ctx, &one->reader));
    }
    return vl_session_rollback_to(model->ctx, one->session, &one->marks[at]);
}

static velo_status
txn_model_session_step(txn_model *model, txn_model_session *one)
{
    uint64_t dice = vl_rng_below(&model->rng, 20);

    if (dice < 9)
        return txn_model_write(model, one);
    if (dice < 11)
        return txn_model_look(model, one);
    if (dice < 13)
        return txn_model_read_long(model, one);
    if (dice < 15 && one->is_open && one->has_snapshot)
        return txn_model_mark(model, one);
    if (one->is_open)
        return txn_model_end(model, one);
    one->is_open = 1;
    /* Nobody else may write, so it may be refused. */
    if (dice == 19 && vl_session_begin(model->ctx, one->session, VL_TXN_IMMEDIATE) != VELO_OK) {
        one->is_open = 0;
        return model->ctx->error.code == VELO_BUSY ? VELO_OK : model->ctx->error.code;
    }
    if (dice == 19) {
        velo_status st;

        txn_model_see(model, one);
        st = txn_model_write(model, one);
        return st != VELO_OK ? st : txn_model_end(model, one);
    }
    return vl_session_begin(model->ctx, one->session, VL_TXN_DEFERRED);
}

velo_status
txn_model_step(txn_model *model)
{
    txn_model_session *one = &model->sessions[vl_rng_below(&model->rng, TXN_MODEL_SESSIONS)];
    uint64_t dice = vl_rng_below(&model->rng, 400);
    velo_status st;

    if (dice < 12)
        return vl_txn_store_checkpoint(model->ctx, model->store);
    if (dice < 16)
        return vl_txn_store_collect(model->ctx, model->store);
    if (dice == 16) {
        VL_TRY(txn_model_close(model));
        model->acknowledged = model->count - 1;
        model->durable = model->count - 1;
        return txn_model_open(model);
    }
    vl_session_enter_call(one->session);
    st = txn_model_session_step(model, one);
    vl_session_leave_call(one->session);
    return st == VELO_BUSY ? VELO_OK : st; /* at the writers' gate */
}

/* ---- what a store has ---- */

/* Read one row and its entry. */
static velo_status
txn_model_read_row(vl_ctx *ctx, const txn_model *model, vl_txn_table *table, vl_txn_index *index,
                   const vl_view *view, vl_arena *arena, uint32_t row, uint32_t *to)
{
    uint8_t key[TXN_MODEL_KEY_MAX], value[VL_PAGE_MAX_SIZE / 16];
    vl_value values[2], text = {.type = VL_TYPE_NULL};
    uint32_t size, key_size = txn_model_key(model, row, key);
    int found, has_entry;

    *to = 0;
    vl_arena_reset(arena);
    VL_TRY(vl_rows_read(ctx, table, view, txn_model_rowid(row), txn_model_ids, 2, arena, values,
                        &found));
    VL_TRY(vl_keys_find(ctx, index, view, key, key_size, value, &size, &has_entry));
    if (found != has_entry)
        return vl_fail(ctx, VELO_INTERNAL, "row %u: the row is %s, the entry %s", row,
                       found ? "there" : "not there", has_entry ? "there" : "not there");
    if (!found)
        return VELO_OK;
    *to = (uint32_t)values[0].as.integer;
    VL_TRY(txn_model_text(ctx, model, arena, *to, &text));
    if (size != 4 || vl_load_le32(value) != *to || values[1].size != text.size ||
        memcmp(values[1].as.data, text.as.data, text.size) != 0)
        return vl_fail(ctx, VELO_INTERNAL, "row %u: row, text and entry differ", row);
    return VELO_OK;
}

velo_status
txn_model_read(vl_ctx *ctx, const txn_model *model, vl_txn_store *store, uint64_t *content)
{
    vl_view view = {VL_TS_MAX, NULL, 0, NULL};
    vl_txn_table *table;
    vl_txn_index *index;
    uint32_t values[TXN_MODEL_ROWS];
    uint64_t count = 0;
    velo_status st = VELO_OK;
    uint32_t there = 0;
    vl_arena arena;

    memset(values, 0, sizeof values);
    *content = txn_model_content(values);
    if (vl_rows_open(ctx, store, 2, &table) != VELO_OK ||
        vl_keys_open(ctx, store, 3, &index) != VELO_OK) {
        vl_error_clear(ctx);
        return VELO_OK; /* it was cut before its trees were made */
    }
    vl_arena_init(&arena, ctx->allocator, 0);
    for (uint32_t row = 0; st == VELO_OK && row < TXN_MODEL_ROWS; row++) {
        st = txn_model_read_row(ctx, model, table, index, &view, &arena, row, &values[row]);
        there += values[row] != 0;
    }
    if (st == VELO_OK)
        st = vl_rows_count(ctx, table, &view, (vl_rowid_range){INT64_MIN, INT64_MAX}, &count);
    if (st == VELO_OK && count != there)
        st = vl_fail(ctx, VELO_INTERNAL, "%u rows are found, %llu are counted", there,
                     (unsigned long long)count);
    vl_arena_deinit(&arena);
    *content = txn_model_content(values);
    return st;
}

int
txn_model_find(const txn_model *model, uint64_t content, uint64_t first, uint64_t *at)
{
    for (*at = first; *at < model->count; ++*at)
        if (model->history[*at] == content)
            return 1;
    return 0;
}

velo_status
txn_model_go_on(txn_model *model, uint64_t at)
{
    vl_view view = {VL_TS_MAX, NULL, 0, NULL};

    for (uint32_t row = 0; row < TXN_MODEL_ROWS; row++)
        VL_TRY(txn_model_read_row(model->ctx, model, model->table, model->index, &view,
                                  &model->arena, row, &model->committed[row]));
    memset(model->changed, 0, sizeof model->changed);
    model->count = at + 1;
    model->acknowledged = at;
    model->durable = at;
    return VELO_OK;
}
