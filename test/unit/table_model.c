/* table_model.c - see table_model.h. */
#include "table_model.h"

#include "base/hash.h"

#include <stdlib.h>

static uint8_t table_text[TABLE_TEXT_SIZE];
static const uint32_t table_ids[TABLE_COLUMNS] = {2, 3, 5, 8, 13};
static vl_leaf_value table_defaults[TABLE_COLUMNS];

static vl_leaf_value
table_integer(int64_t integer)
{
    vl_leaf_value value = {{VL_TYPE_INTEGER, 0, {0}}, 0};

    value.value.as.integer = integer;
    return value;
}

static vl_leaf_value
table_bytes(vl_type type, uint64_t hash, uint32_t size)
{
    vl_leaf_value value = {{type, size, {0}}, 0};

    value.value.as.data = table_text + hash % (TABLE_TEXT_SIZE / 2);
    return value;
}

void
table_model_values(const table_model *m, int64_t rowid, uint32_t version, vl_leaf_value *values)
{
    uint64_t parts[2] = {(uint64_t)rowid, version};
    uint64_t hash = vl_hash64(parts, sizeof parts, 1);
    uint32_t size = (uint32_t)(hash >> 8) % 24;

    values[0] = table_integer((int64_t)((uint64_t)rowid * 3 + version));
    values[1] = table_integer((int64_t)(hash % 200));
    if (hash % 11 == 0)
        values[1].value.type = VL_TYPE_NULL;
    if (hash % 97 == 0)
        values[1] = table_bytes(VL_TYPE_TEXT, hash, 3);
    values[2].overflow = 0;
    values[2].value.type = VL_TYPE_REAL;
    values[2].value.size = 0;
    values[2].value.as.real = (double)(hash >> 16 & 0xffff) / 100.0;
    values[3] = table_bytes(VL_TYPE_TEXT, hash >> 20, size);
    if (m->long_texts > 0 && (hash >> 40) % m->long_texts == 0)
        size = (uint32_t)(hash >> 5) % vl_leaf_max_inline(m->tree.page_size);
    values[4] = table_bytes(VL_TYPE_BLOB, hash >> 30, size);
    if (vl_leaf_choose_overflow(m->tree.page_size, values, TABLE_COLUMNS) > 0) {
        values[3] = table_bytes(VL_TYPE_TEXT, hash >> 20, 6);
        values[4] = table_bytes(VL_TYPE_BLOB, hash >> 30, 7);
    }
}

static int
table_same(const vl_leaf_value *a, const vl_leaf_value *b)
{
    if (a->value.type != b->value.type || a->value.size != b->value.size ||
        a->overflow != b->overflow)
        return 0;
    if (a->value.type == VL_TYPE_TEXT || a->value.type == VL_TYPE_BLOB)
        return a->value.size == 0 || memcmp(a->value.as.data, b->value.as.data, a->value.size) == 0;
    return a->value.type == VL_TYPE_NULL || a->value.as.integer == b->value.as.integer;
}

int
table_model_matches(const table_model *m, const vl_leaf *leaf, uint32_t slot, int64_t rowid,
                    uint32_t version)
{
    vl_leaf_value wanted[TABLE_COLUMNS];
    vl_leaf_value value;

    table_model_values(m, rowid, version, wanted);
    for (uint32_t i = 0; i < TABLE_COLUMNS; i++) {
        int index = vl_leaf_column_index(leaf, table_ids[i]);

        if (index < 0)
            return 0;
        vl_leaf_get(leaf, slot, (uint32_t)index, &value);
        if (!table_same(&value, wanted + i))
            return 0;
    }
    return 1;
}

void
table_model_init_in(table_model *m, vl_cache *cache, uint32_t max_children, uint64_t seed)
{
    vl_cache_stats stats;

    memset(m, 0, sizeof *m);
    m->cache = cache;
    vl_rng_init(&m->rng, 4711);
    vl_rng_fill(&m->rng, table_text, sizeof table_text);
    vl_rng_init(&m->rng, seed);
    for (uint32_t i = 0; i < TABLE_COLUMNS; i++)
        table_defaults[i].value.type = VL_TYPE_NULL;
    m->schema.ids = table_ids;
    m->schema.defaults = table_defaults;
    m->schema.count = TABLE_COLUMNS;
    m->long_texts = 9;
    vl_cache_get_stats(cache, &stats);
    m->pages_before = stats.page_count;
    CHECK_OK(vl_tree_work_create(unit_ctx(), vl_cache_page_size(cache), &m->work));
    CHECK_OK(vl_tree_create(unit_ctx(), &vl_table_ops, cache, 7, NULL, &m->tree));
    m->tree.max_children = max_children;
}

void
table_model_init(table_model *m, uint32_t page_size, uint32_t max_children, uint64_t seed)
{
    vl_cache_options options = {.page_size = page_size};
    vl_cache *cache = NULL;

    CHECK_OK(vl_cache_create(unit_ctx(), &options, &cache));
    table_model_init_in(m, cache, max_children, seed);
}

void
table_model_deinit(table_model *m)
{
    vl_cache_stats stats;
    int is_gone = 0;

    while (!unit_has_failed() && !is_gone)
        CHECK_OK(vl_tree_drop(unit_ctx(), &m->tree, m->work,
                              1 + (uint32_t)vl_rng_below(&m->rng, 50), NULL, &is_gone));
    vl_cache_get_stats(m->cache, &stats);
    if (!unit_has_failed() && stats.page_count != m->pages_before)
        unit_failed(__FILE__, __LINE__, "%llu pages are left, not %llu",
                    (unsigned long long)stats.page_count, (unsigned long long)m->pages_before);
    vl_tree_work_destroy(m->work);
    vl_cache_destroy(m->cache);
    free(m->rows);
}

uint32_t
table_model_find(const table_model *m, int64_t rowid)
{
    uint32_t low = 0;
    uint32_t high = m->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (m->rows[middle].rowid < rowid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The row of a rowid, or NULL. */
static table_row_model *
table_model_row(const table_model *m, int64_t rowid)
{
    uint32_t at = table_model_find(m, rowid);

    return at < m->count && m->rows[at].rowid == rowid ? m->rows + at : NULL;
}

static vl_leaf_state
table_model_state(const table_row_model *row)
{
    if (row == NULL)
        return VL_LEAF_NO_SLOT;
    return row->is_deleted ? VL_LEAF_TOMBSTONE : VL_LEAF_LIVE;
}

/* Whether the tree's answer is what the array says: to the array a gap is nothing. */
static int
table_model_agrees(const table_row_model *row, vl_leaf_state state)
{
    return table_model_state(row) == (state == VL_LEAF_GAP ? VL_LEAF_NO_SLOT : state);
}

static void
table_model_add(table_model *m, int64_t rowid, uint32_t version)
{
    uint32_t at = table_model_find(m, rowid);

    if (m->count == m->capacity) {
        m->capacity = m->capacity > 0 ? 2 * m->capacity : 64;
        m->rows = realloc(m->rows, m->capacity * sizeof *m->rows);
    }
    memmove(m->rows + at + 1, m->rows + at, (m->count - at) * sizeof *m->rows);
    m->rows[at].rowid = rowid;
    m->rows[at].version = version;
    m->rows[at].is_deleted = 0;
    m->count++;
}

void
table_model_insert(table_model *m, int64_t rowid)
{
    vl_leaf_value values[TABLE_COLUMNS];
    table_row_model *row = table_model_row(m, rowid);
    uint32_t version = (uint32_t)vl_rng_below(&m->rng, 1000);
    vl_table_op op = {
        .action = VL_TABLE_INSERT, .rowid = rowid, .schema = &m->schema, .values = values};
    vl_leaf_state state;

    table_model_values(m, rowid, version, values);
    CHECK_OK(vl_table_change(unit_ctx(), &m->tree, m->work, &op, NULL, &state));
    CHECK(table_model_agrees(row, state));
    if (row == NULL) {
        table_model_add(m, rowid, version);
    } else if (row->is_deleted) {
        row->version = version;
        row->is_deleted = 0;
    }
}

void
table_model_update(table_model *m, int64_t rowid)
{
    vl_leaf_value values[TABLE_COLUMNS];
    vl_leaf_change changes[TABLE_COLUMNS];
    table_row_model *row = table_model_row(m, rowid);
    uint32_t version = (uint32_t)vl_rng_below(&m->rng, 1000);
    vl_table_op op = {.action = VL_TABLE_UPDATE,
                      .rowid = rowid,
                      .schema = &m->schema,
                      .changes = changes,
                      .change_count = TABLE_COLUMNS};
    vl_leaf_state state;

    table_model_values(m, rowid, version, values);
    for (uint32_t i = 0; i < TABLE_COLUMNS; i++) {
        changes[TABLE_COLUMNS - 1 - i].id = table_ids[i];
        changes[TABLE_COLUMNS - 1 - i].value = values[i];
    }
    CHECK_OK(vl_table_change(unit_ctx(), &m->tree, m->work, &op, NULL, &state));
    CHECK(table_model_agrees(row, state));
    if (row != NULL)
        row->version = version;
}

void
table_model_mark(table_model *m, int64_t rowid, int is_deleted)
{
    table_row_model *row = table_model_row(m, rowid);
    vl_table_op op = {.action = is_deleted ? VL_TABLE_MARK : VL_TABLE_UNMARK,
                      .rowid = rowid,
                      .schema = &m->schema};
    vl_leaf_state state;

    CHECK_OK(vl_table_change(unit_ctx(), &m->tree, m->work, &op, NULL, &state));
    CHECK(table_model_agrees(row, state));
    if (row != NULL)
        row->is_deleted = is_deleted;
}

void
table_model_purge(table_model *m, int64_t rowid)
{
    table_row_model *row = table_model_row(m, rowid);
    vl_table_op op = {.action = VL_TABLE_PURGE, .rowid = rowid, .schema = &m->schema};
    vl_leaf_state state;

    CHECK_OK(vl_table_change(unit_ctx(), &m->tree, m->work, &op, NULL, &state));
    CHECK(table_model_agrees(row, state));
    if (row == NULL)
        return;
    m->count--;
    memmove(row, row + 1, (size_t)(m->rows + m->count - row) * sizeof *row);
}

void
table_model_load(table_model *m, uint32_t count, uint32_t gap)
{
    vl_leaf_value *values = malloc((size_t)count * TABLE_COLUMNS * sizeof *values);
    vl_leaf_row *rows = malloc(count * sizeof *rows);
    int64_t rowid = m->count > 0 ? m->rows[m->count - 1].rowid : 0;
    uint32_t first = 0;

    for (uint32_t i = 0; i < count; i++) {
        rowid += 1 + (int64_t)vl_rng_below(&m->rng, gap);
        table_model_values(m, rowid, i, values + (size_t)i * TABLE_COLUMNS);
        rows[i].rowid = rowid;
        rows[i].values = values + (size_t)i * TABLE_COLUMNS;
        rows[i].is_deleted = 0;
        table_model_add(m, rowid, i);
    }
    while (first < count && !unit_has_failed()) { /* in portions, of which the last is the rest */
        uint32_t some = 1 + (uint32_t)vl_rng_below(&m->rng, count);
        uint32_t taken;

        some = some < count - first ? some : count - first;
        if (vl_table_load(unit_ctx(), &m->tree, m->work, &m->schema, rows + first, some,
                          first + some == count, NULL, &taken) != VELO_OK)
            unit_failed(__FILE__, __LINE__, "%s", unit_ctx()->error.text);
        if (first + some == count && taken != some)
            unit_failed(__FILE__, __LINE__, "%u of %u rows taken", taken, some);
        first += taken;
    }
    free(rows);
    free(values);
}

int64_t
table_model_random_rowid(table_model *m, int64_t range)
{
    switch (vl_rng_below(&m->rng, 4)) {
    case 0:
        return (int64_t)vl_rng_below(&m->rng, (uint64_t)range) - range / 2;
    case 1:
        if (m->count > 0 && m->rows[m->count - 1].rowid < INT64_MAX)
            return m->rows[m->count - 1].rowid + 1;
        return 1;
    default:
        if (m->count == 0)
            return 0;
        return m->rows[vl_rng_below(&m->rng, m->count)].rowid;
    }
}

/* ---- comparing ---- */

/* Compare the rows of a leaf that a scan gave with the array from *next on. */
static void
table_model_check_part(const table_model *m, const vl_table_scan *scan, uint32_t *next)
{
    for (uint32_t i = 0; i < scan->rank_end - scan->rank_first; i++) {
        uint32_t rank = scan->is_backward ? scan->rank_end - 1 - i : scan->rank_first + i;
        uint32_t slot = vl_leaf_slot_at(scan->leaf, rank);
        const table_row_model *row;

        if (vl_leaf_slot_state(scan->leaf, slot) == VL_LEAF_GAP)
            continue;
        CHECK(*next < m->count);
        row = m->rows + (scan->is_backward ? m->count - 1 - *next : *next);
        CHECK_EQ(vl_leaf_rowid(scan->leaf, slot), row->rowid);
        CHECK_EQ(vl_leaf_slot_state(scan->leaf, slot), table_model_state(row));
        CHECK(table_model_matches(m, scan->leaf, slot, row->rowid, row->version));
        ++*next;
    }
}

static void
table_model_check_scan(const table_model *m, int is_backward)
{
    vl_rowid_range all = {INT64_MIN, INT64_MAX};
    vl_table_scan scan;
    uint32_t next = 0;

    vl_table_scan_begin(&scan, &m->tree, all, is_backward);
    for (;;) {
        velo_status st = vl_table_scan_next(unit_ctx(), &scan);

        if (st != VELO_OK)
            unit_failed(__FILE__, __LINE__, "%s", unit_ctx()->error.text);
        if (unit_has_failed() || scan.leaf == NULL)
            break;
        table_model_check_part(m, &scan, &next);
    }
    vl_table_scan_end(&scan);
    CHECK_EQ(next, m->count);
}

static velo_status
table_model_visit(vl_ctx *ctx, void *argument, const vl_table_row *row)
{
    const table_model *m = argument;
    const table_row_model *wanted = table_model_row(m, row->rowid);

    (void)ctx;
    if (!table_model_agrees(wanted, row->state) ||
        (wanted != NULL &&
         !table_model_matches(m, row->leaf, row->slot, wanted->rowid, wanted->version)))
        unit_failed(__FILE__, __LINE__, "row %lld is wrong", (long long)row->rowid);
    return VELO_OK;
}

static void
table_model_note_fault(void *argument, vl_pid pid, const char *text)
{
    (void)argument;
    unit_failed(__FILE__, __LINE__, "page %u: %s", pid, text);
}

void
table_model_check(table_model *m)
{
    vl_tree_verify_options options = {.fault = table_model_note_fault};
    vl_tree_report report;
    vl_cache_stats stats;

    if (unit_has_failed())
        return;
    CHECK_OK(vl_tree_verify(unit_ctx(), &m->tree, &options, &report));
    CHECK_EQ(report.entry_count, m->count);
    vl_cache_get_stats(m->cache, &stats);
    CHECK_EQ(report.leaf_count + report.inner_count, stats.page_count - m->pages_before);
    table_model_check_scan(m, 0);
    table_model_check_scan(m, 1);
    for (uint32_t i = 0; i < 20; i++)
        CHECK_OK(vl_table_find(unit_ctx(), &m->tree, table_model_random_rowid(m, 1000),
                               table_model_visit, m));
}
