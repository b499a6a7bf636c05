/* txn_rig.c - see txn_rig.h. */
#include "lib/txn_rig.h"

#include "base/bytes.h"
#include "storage/store_check.h"

#include <string.h>

const uint32_t rig_ids[RIG_COLUMNS] = {1, 2, 3};

/* ---- life ---- */

static velo_status
rig_open_sessions(vl_ctx *ctx, txn_rig *rig)
{
    for (unsigned i = 0; i < RIG_SESSIONS; i++) {
        VL_TRY(vl_session_create(ctx, rig->store, &rig->session[i]));
        vl_session_enter_call(rig->session[i]);
    }
    return VELO_OK;
}

static void
rig_close_sessions(txn_rig *rig)
{
    for (unsigned i = 0; i < RIG_SESSIONS; i++) {
        if (rig->session[i] != NULL)
            vl_session_leave_call(rig->session[i]);
        vl_session_destroy(rig->session[i]);
        rig->session[i] = NULL;
    }
}

velo_status
rig_open(vl_ctx *ctx, txn_rig *rig)
{
    VL_TRY(vl_txn_store_open(ctx, rig->io, rig->sim != NULL ? RIG_PATH : NULL, &rig->options,
                             &rig->store));
    VL_TRY(rig_open_sessions(ctx, rig));
    rig->table = NULL;
    rig->index = NULL;
    if (rig->table_id == 0)
        return VELO_OK;
    VL_TRY(vl_rows_open(ctx, rig->store, rig->table_id, &rig->table));
    return vl_keys_open(ctx, rig->store, rig->index_id, &rig->index);
}

velo_status
rig_close(vl_ctx *ctx, txn_rig *rig)
{
    vl_txn_store *store = rig->store;

    rig_close_sessions(rig);
    rig->store = NULL;
    return vl_txn_store_close(ctx, store);
}

/* End a statement of which `st` became. */
static velo_status
rig_end(vl_ctx *ctx, vl_statement *statement, velo_status st)
{
    if (st == VELO_OK)
        return vl_statement_end(ctx, statement);
    vl_statement_fail(ctx, statement);
    return st;
}

static velo_status
rig_make_trees(vl_ctx *ctx, txn_rig *rig)
{
    vl_leaf_value defaults[RIG_COLUMNS];
    vl_leaf_schema schema = {rig_ids, defaults, RIG_COLUMNS, 0};
    vl_statement statement;
    velo_status st;

    memset(defaults, 0, sizeof defaults);
    for (unsigned i = 0; i < RIG_COLUMNS; i++)
        defaults[i].value.type = VL_TYPE_NULL;
    VL_TRY(vl_statement_begin(ctx, rig->session[0], 1, &statement));
    st = vl_txn_create_tree(ctx, &statement, &schema, &rig->table_id);
    if (st == VELO_OK)
        st = vl_txn_create_tree(ctx, &statement, NULL, &rig->index_id);
    VL_TRY(rig_end(ctx, &statement, st));
    VL_TRY(vl_rows_open(ctx, rig->store, rig->table_id, &rig->table));
    return vl_keys_open(ctx, rig->store, rig->index_id, &rig->index);
}

velo_status
rig_init(vl_ctx *ctx, txn_rig *rig, uint64_t seed, int is_memory)
{
    vl_txn_store_options options = rig->options;
    vl_sim_options sim = {.seed = seed};

    memset(rig, 0, sizeof *rig);
    rig->options = options;
    rig->options.store.may_create = 1;
    vl_arena_init(&rig->arena, ctx->allocator, 0);
    if (!is_memory) {
        VL_TRY(vl_sim_create(ctx, &sim, &rig->sim));
        VL_TRY(vl_sim_open_io(ctx, rig->sim, &rig->io));
    }
    VL_TRY(rig_open(ctx, rig));
    return rig_make_trees(ctx, rig);
}

void
rig_deinit(txn_rig *rig)
{
    rig_close_sessions(rig);
    vl_txn_store_abandon(rig->store);
    vl_io_close(rig->io);
    vl_sim_destroy(rig->sim);
    vl_arena_deinit(&rig->arena);
    memset(rig, 0, sizeof *rig);
}

velo_status
rig_crash(vl_ctx *ctx, txn_rig *rig, int power, uint64_t seed)
{
    vl_sim_outcome outcome = {.seed = seed};
    vl_sim *copy;

    /* What is found is what the machine has now: sessions that are destroyed undo afterwards. */
    outcome.keep = (vl_sim_keep)(seed % 4);
    VL_TRY(vl_sim_clone(ctx, rig->sim, &copy));
    rig_close_sessions(rig);
    vl_txn_store_abandon(rig->store);
    rig->store = NULL;
    vl_io_close(rig->io);
    vl_sim_destroy(rig->sim);
    rig->sim = copy;
    rig->io = NULL;
    if (power)
        VL_TRY(vl_sim_cut_power(ctx, rig->sim, &outcome));
    VL_TRY(vl_sim_open_io(ctx, rig->sim, &rig->io));
    return rig_open(ctx, rig);
}

/* ---- rows ---- */

static vl_value
rig_integer(int64_t value)
{
    return (vl_value){.type = VL_TYPE_INTEGER, .as.integer = value};
}

velo_status
rig_insert(vl_ctx *ctx, txn_rig *rig, unsigned session, int64_t rowid, int64_t value)
{
    static const char text[] = "a text that goes with the row";
    vl_value values[RIG_COLUMNS] = {rig_integer(value),
                                    {.type = VL_TYPE_TEXT, .size = sizeof text, .as.data = text},
                                    {.type = VL_TYPE_NULL}};
    vl_statement statement;

    VL_TRY(vl_statement_begin(ctx, rig->session[session], 1, &statement));
    return rig_end(ctx, &statement, vl_rows_insert(ctx, &statement, rig->table, rowid, values));
}

velo_status
rig_update(vl_ctx *ctx, txn_rig *rig, unsigned session, int64_t rowid, int64_t value)
{
    vl_value values[1] = {rig_integer(value)};
    vl_statement statement;

    VL_TRY(vl_statement_begin(ctx, rig->session[session], 1, &statement));
    return rig_end(ctx, &statement,
                   vl_rows_update(ctx, &statement, rig->table, rowid, rig_ids, values, 1));
}

velo_status
rig_delete(vl_ctx *ctx, txn_rig *rig, unsigned session, int64_t rowid)
{
    vl_statement statement;

    VL_TRY(vl_statement_begin(ctx, rig->session[session], 1, &statement));
    return rig_end(ctx, &statement, vl_rows_delete(ctx, &statement, rig->table, rowid));
}

velo_status
rig_share(vl_ctx *ctx, txn_rig *rig, unsigned session, int64_t rowid)
{
    vl_statement statement;

    VL_TRY(vl_statement_begin(ctx, rig->session[session], 1, &statement));
    return rig_end(ctx, &statement, vl_rows_share(ctx, &statement, rig->table, rowid));
}

velo_status
rig_share_entry(vl_ctx *ctx, txn_rig *rig, unsigned session, uint64_t key, uint32_t *value)
{
    uint8_t bytes[8], found[VL_PAGE_MAX_SIZE / 16] = {0};
    vl_statement statement;
    uint32_t size = 0;
    velo_status st;

    vl_store_be64(bytes, key);
    VL_TRY(vl_statement_begin(ctx, rig->session[session], 1, &statement));
    st = vl_keys_share(ctx, &statement, rig->index, bytes, 8, found, &size);
    *value = size == 4 ? vl_load_le32(found) : 0;
    return rig_end(ctx, &statement, st);
}

int64_t
rig_get_by(vl_ctx *ctx, txn_rig *rig, const vl_view *view, int64_t rowid)
{
    vl_value value;
    int found;

    vl_arena_reset(&rig->arena);
    if (vl_rows_read(ctx, rig->table, view, rowid, rig_ids, 1, &rig->arena, &value, &found) !=
        VELO_OK)
        return INT64_MAX;
    return found ? value.as.integer : INT64_MIN;
}

int64_t
rig_get(vl_ctx *ctx, txn_rig *rig, unsigned session, int64_t rowid)
{
    vl_statement statement;
    int64_t value;

    if (vl_statement_begin(ctx, rig->session[session], 0, &statement) != VELO_OK)
        return INT64_MAX;
    value = rig_get_by(ctx, rig, &statement.view, rowid);
    return vl_statement_end(ctx, &statement) == VELO_OK ? value : INT64_MAX;
}

/* Look at the rows of one leaf: how many, -1 when something is wrong. */
static int64_t
rig_count_leaf(vl_ctx *ctx, txn_rig *rig, vl_row_scan *scan, const vl_view *view, int64_t *last)
{
    int64_t rowids[64], values[64];
    uint32_t count = scan->row_count < 64 ? scan->row_count : 64;
    int is_backward = scan->is_backward;
    int64_t rows = scan->row_count;

    for (uint32_t i = 0; i < scan->row_count; i++) {
        int64_t rowid = vl_row_scan_rowid(scan, i);
        vl_leaf_value value;

        if (is_backward ? rowid >= *last : rowid <= *last)
            return -1;
        *last = rowid;
        vl_row_scan_get(scan, i, 0, &value);
        if (i < 64) {
            rowids[i] = rowid;
            values[i] = value.value.as.integer;
        }
    }
    vl_row_scan_pause(scan, scan->row_count);
    for (uint32_t i = 0; i < count; i++)
        if (rig_get_by(ctx, rig, view, rowids[i]) != values[i])
            return -1;
    return rows;
}

int64_t
rig_count_by(vl_ctx *ctx, txn_rig *rig, const vl_view *view, int is_backward)
{
    vl_rowid_range all = {INT64_MIN, INT64_MAX};
    int64_t last = is_backward ? INT64_MAX : INT64_MIN, count = 0, some;
    vl_row_scan scan;
    velo_status st;

    vl_row_scan_begin(&scan, rig->table, view, all, is_backward, rig_ids, 1);
    for (;;) {
        st = vl_row_scan_next(ctx, &scan);
        if (st != VELO_OK || scan.leaf == NULL)
            break;
        some = rig_count_leaf(ctx, rig, &scan, view, &last);
        if (some < 0) {
            count = -1;
            break;
        }
        count += some;
    }
    vl_row_scan_end(&scan);
    return st == VELO_OK ? count : -1;
}

int64_t
rig_count(vl_ctx *ctx, txn_rig *rig, unsigned session)
{
    vl_statement statement;
    int64_t count, back;

    if (vl_statement_begin(ctx, rig->session[session], 0, &statement) != VELO_OK)
        return -1;
    count = rig_count_by(ctx, rig, &statement.view, 0);
    back = rig_count_by(ctx, rig, &statement.view, 1);
    if (vl_statement_end(ctx, &statement) != VELO_OK)
        return -1;
    return count == back ? count : -1;
}

/* ---- entries ---- */

velo_status
rig_put(vl_ctx *ctx, txn_rig *rig, unsigned session, uint64_t key, uint32_t value)
{
    vl_statement statement;
    uint8_t bytes[8], four[4];

    vl_store_be64(bytes, key);
    vl_store_le32(four, value);
    VL_TRY(vl_statement_begin(ctx, rig->session[session], 1, &statement));
    return rig_end(ctx, &statement,
                   vl_keys_insert(ctx, &statement, rig->index, bytes, 8, four, 4, NULL, NULL));
}

velo_status
rig_remove(vl_ctx *ctx, txn_rig *rig, unsigned session, uint64_t key)
{
    vl_statement statement;
    uint8_t bytes[8];

    vl_store_be64(bytes, key);
    VL_TRY(vl_statement_begin(ctx, rig->session[session], 1, &statement));
    return rig_end(ctx, &statement, vl_keys_delete(ctx, &statement, rig->index, bytes, 8));
}

int64_t
rig_find_by(vl_ctx *ctx, txn_rig *rig, const vl_view *view, uint64_t key)
{
    uint8_t bytes[8], value[VL_PAGE_MAX_SIZE / 16];
    uint32_t size;
    int found;

    vl_store_be64(bytes, key);
    if (vl_keys_find(ctx, rig->index, view, bytes, 8, value, &size, &found) != VELO_OK)
        return INT64_MAX;
    if (!found)
        return INT64_MIN;
    return size == 4 ? (int64_t)vl_load_le32(value) : INT64_MAX;
}

int64_t
rig_find(vl_ctx *ctx, txn_rig *rig, unsigned session, uint64_t key)
{
    vl_statement statement;
    int64_t value;

    if (vl_statement_begin(ctx, rig->session[session], 0, &statement) != VELO_OK)
        return INT64_MAX;
    value = rig_find_by(ctx, rig, &statement.view, key);
    return vl_statement_end(ctx, &statement) == VELO_OK ? value : INT64_MAX;
}

int64_t
rig_entries_by(vl_ctx *ctx, txn_rig *rig, const vl_view *view, int is_backward)
{
    vl_tree_key_range all = {.has_high = 0};
    int64_t count = 0;
    uint64_t last = is_backward ? UINT64_MAX : 0;
    vl_key_scan scan;
    velo_status st;

    vl_key_scan_begin(&scan, rig->index, view, &all, is_backward);
    for (;;) {
        st = vl_key_scan_next(ctx, &scan);
        if (st != VELO_OK || scan.count == 0)
            break;
        for (uint32_t i = 0; i < scan.count && count >= 0; i++) {
            uint64_t key = vl_load_be64(scan.entries[i].key);

            if (scan.entries[i].key_size != 8 || scan.entries[i].value_size != 4 ||
                (count > 0 && (is_backward ? key >= last : key <= last)) ||
                rig_find_by(ctx, rig, view, key) != vl_load_le32(scan.entries[i].value))
                count = -1;
            else
                count++;
            last = key;
        }
        if (count < 0)
            break;
    }
    vl_key_scan_end(&scan);
    return st == VELO_OK ? count : -1;
}

/* ---- checks ---- */

static void
rig_fault(void *argument, const char *text)
{
    (void)vl_fail(argument, VELO_CORRUPT, "%s", text);
}

velo_status
rig_check(vl_ctx *ctx, txn_rig *rig)
{
    vl_store_report report;

    VL_TRY(vl_txn_store_collect(ctx, rig->store));
    VL_TRY(vl_store_check(ctx, vl_txn_store_base(rig->store), rig_fault, ctx, &report));
    if (report.unused_count != 0)
        return vl_fail(ctx, VELO_CORRUPT, "%llu pages are lost",
                       (unsigned long long)report.unused_count);
    return VELO_OK;
}
