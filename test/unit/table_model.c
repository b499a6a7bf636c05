/* table_model.c - see table_model.h. */
#include "table_model.h"

#include "base/hash.h"

#include <stdlib.h>

static uint8_t table_text[TABLE_TEXT_SIZE];
static const uint32_t table_ids[TABLE_COLUMNS] = {2, 3, 5, 8, 13, 21};
static vl_leaf_value table_defaults[TABLE_COLUMNS];

static vl_leaf_value
table_integer(int64_t integer)
{
    vl_leaf_value value = {{.type = VL_TYPE_INTEGER}, 0};

    value.value.as.integer = integer;
    return value;
}

static vl_leaf_value
table_bytes(vl_type type, uint64_t hash, uint32_t size)
{
    vl_leaf_value value = {{.type = type, .size = size}, 0};

    value.value.as.data = table_text + hash % (TABLE_TEXT_SIZE / 2);
    return value;
}

/* Mostly short, now and then long, and, where there are such, longer than a page. */
static uint32_t
table_text_size(const table_model *m, uint64_t hash)
{
    if (m->huge_texts > 0 && (hash >> 44) % (3 * m->huge_texts) == 0)
        return (uint32_t)(hash >> 5) % (7 * m->tree.page_size);
    if (m->long_texts > 0 && (hash >> 40) % m->long_texts == 0)
        return (uint32_t)(hash >> 5) % vl_leaf_max_inline(m->tree.page_size);
    return (uint32_t)(hash >> 8) % 24;
}

vl_leaf_value
table_model_value(const table_model *m, int64_t rowid, uint32_t column, uint16_t version)
{
    uint64_t parts[3] = {(uint64_t)rowid, version, column};
    uint64_t hash = vl_hash64(parts, sizeof parts, 1);
    vl_leaf_value value = table_integer((int64_t)(hash % 200));

    switch (column) {
    case 0:
        return table_integer((int64_t)((uint64_t)rowid * 3 + version));
    case 1:
        if (hash % 11 == 0)
            value.value.type = VL_TYPE_NULL;
        return hash % 97 == 0 ? table_bytes(VL_TYPE_TEXT, hash, 3) : value;
    case 2:
        value.value.type = VL_TYPE_REAL;
        value.value.as.real = (double)(hash >> 16 & 0xffff) / 100.0;
        return value;
    case 3:
        return table_bytes(VL_TYPE_TEXT, hash >> 20, (uint32_t)(hash >> 8) % 24);
    default:
        return table_bytes(column == 4 ? VL_TYPE_BLOB : VL_TYPE_TEXT, hash >> 30,
                           table_text_size(m, hash));
    }
}

void
table_model_values(const table_model *m, int64_t rowid, uint16_t version, vl_leaf_value *values)
{
    for (uint32_t i = 0; i < TABLE_COLUMNS; i++)
        values[i] = table_model_value(m, rowid, i, version);
}

static int
table_same(const vl_leaf_value *a, const vl_leaf_value *b)
{
    if (a->value.type != b->value.type || a->value.size != b->value.size)
        return 0;
    if (a->overflow != 0) /* bytes elsewhere: table_model_check_read */
        return 1;
    if (a->value.type == VL_TYPE_TEXT || a->value.type == VL_TYPE_BLOB)
        return a->value.size == 0 || memcmp(a->value.as.data, b->value.as.data, a->value.size) == 0;
    return a->value.type == VL_TYPE_NULL || a->value.as.integer == b->value.as.integer;
}

int
table_model_matches(const table_model *m, const vl_leaf *leaf, uint32_t slot,
                    const table_row_model *row)
{
    vl_leaf_value value;

    for (uint32_t i = 0; i < TABLE_COLUMNS; i++) {
        vl_leaf_value wanted = table_model_value(m, row->rowid, i, row->versions[i]);
        int index = vl_leaf_column_index(leaf, table_ids[i]);

        if (index < 0)
            return 0;
        vl_leaf_get(leaf, slot, (uint32_t)index, &value);
        if (!table_same(&value, &wanted))
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
table_model_drop(table_model *m)
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
}

void
table_model_deinit(table_model *m)
{
    table_model_drop(m);
    vl_tree_work_destroy(m->work);
    vl_cache_destroy(m->cache);
    free(m->rows);
}

table_row_model *
table_model_copy_rows(table_row_model *old, const table_row_model *rows, uint32_t count,
                      uint32_t capacity)
{
    table_row_model *copy = malloc((capacity + 1) * sizeof *copy);

    if (copy == NULL)
        abort();
    if (count > 0)
        memcpy(copy, rows, count * sizeof *copy);
    free(old);
    return copy;
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
table_model_set_version(table_row_model *row, uint16_t version)
{
    for (uint32_t i = 0; i < TABLE_COLUMNS; i++)
        row->versions[i] = version;
}

static uint16_t
table_model_random_version(table_model *m)
{
    return (uint16_t)vl_rng_below(&m->rng, 1000);
}

static void
table_model_add(table_model *m, int64_t rowid, uint16_t version)
{
    uint32_t at = table_model_find(m, rowid);

    if (m->count == m->capacity) {
        m->capacity = m->capacity > 0 ? 2 * m->capacity : 64;
        m->rows = table_model_copy_rows(m->rows, m->rows, m->count, m->capacity);
    }
    memmove(m->rows + at + 1, m->rows + at, (m->count - at) * sizeof *m->rows);
    m->rows[at].rowid = rowid;
    table_model_set_version(m->rows + at, version);
    m->rows[at].is_deleted = 0;
    m->count++;
}

/* Approach the row that is about to be changed, or another one, or none. */
static void
table_model_approach(const table_model *m, int64_t rowid)
{
    switch ((uint64_t)rowid % 3) {
    case 0:
        vl_table_approach(&m->tree, m->work, rowid);
        break;
    case 1:
        vl_table_approach(&m->tree, m->work, m->count > 0 ? m->rows[m->count / 2].rowid : 0);
        break;
    default:
        break;
    }
}

void
table_model_insert(table_model *m, int64_t rowid)
{
    vl_leaf_value values[TABLE_COLUMNS];
    table_row_model *row = table_model_row(m, rowid);
    uint16_t version = table_model_random_version(m);
    vl_table_op op = {.action = VL_TABLE_INSERT,
                      .rowid = rowid,
                      .schema = &m->schema,
                      .values = values,
                      .frees_old = 1};
    vl_leaf_state state;

    table_model_values(m, rowid, version, values);
    table_model_approach(m, rowid);
    CHECK_OK(vl_table_change(unit_ctx(), &m->tree, m->work, &op, NULL, &state));
    CHECK(table_model_agrees(row, state));
    if (row == NULL) {
        table_model_add(m, rowid, version);
    } else if (row->is_deleted) {
        table_model_set_version(row, version);
        row->is_deleted = 0;
    }
}

void
table_model_update(table_model *m, int64_t rowid)
{
    vl_leaf_change changes[TABLE_COLUMNS];
    table_row_model *row = table_model_row(m, rowid);
    table_row_model after = {0};
    vl_table_op op = {.action = VL_TABLE_UPDATE,
                      .rowid = rowid,
                      .schema = &m->schema,
                      .changes = changes,
                      .frees_old = 1};
    vl_leaf_state state;

    if (row != NULL)
        after = *row;
    for (uint32_t i = TABLE_COLUMNS; i > 0; i--) { /* some columns, in falling order */
        if (vl_rng_below(&m->rng, 2) == 0)
            continue;
        after.versions[i - 1] = table_model_random_version(m);
        changes[op.change_count].id = table_ids[i - 1];
        changes[op.change_count++].value =
            table_model_value(m, rowid, i - 1, after.versions[i - 1]);
    }
    table_model_approach(m, rowid);
    CHECK_OK(vl_table_change(unit_ctx(), &m->tree, m->work, &op, NULL, &state));
    CHECK(table_model_agrees(row, state));
    if (row != NULL)
        *row = after;
}

void
table_model_mark(table_model *m, int64_t rowid, int is_deleted)
{
    table_row_model *row = table_model_row(m, rowid);
    vl_table_op op = {.action = is_deleted ? VL_TABLE_MARK : VL_TABLE_UNMARK,
                      .rowid = rowid,
                      .schema = &m->schema};
    vl_leaf_state state;

    table_model_approach(m, rowid);
    CHECK_OK(vl_table_change(unit_ctx(), &m->tree, m->work, &op, NULL, &state));
    CHECK(table_model_agrees(row, state));
    if (row != NULL)
        row->is_deleted = is_deleted;
}

void
table_model_purge(table_model *m, int64_t rowid)
{
    table_row_model *row = table_model_row(m, rowid);
    vl_table_op op = {
        .action = VL_TABLE_PURGE, .rowid = rowid, .schema = &m->schema, .frees_old = 1};
    vl_leaf_state state;

    table_model_approach(m, rowid);
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
        table_model_values(m, rowid, (uint16_t)i, values + (size_t)i * TABLE_COLUMNS);
        rows[i].rowid = rowid;
        rows[i].values = values + (size_t)i * TABLE_COLUMNS;
        rows[i].is_deleted = 0;
        table_model_add(m, rowid, (uint16_t)i);
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

void
table_model_note(table_model *m, int64_t rowid, int version)
{
    table_row_model *row = table_model_row(m, rowid);

    if (version < 0) {
        m->count--;
        memmove(row, row + 1, (size_t)(m->rows + m->count - row) * sizeof *row);
    } else if (row != NULL) {
        row->is_deleted = 0;
        table_model_set_version(row, (uint16_t)version);
    } else {
        table_model_add(m, rowid, (uint16_t)version);
    }
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
        CHECK(table_model_matches(m, scan->leaf, slot, row));
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
        (wanted != NULL && !table_model_matches(m, row->leaf, row->slot, wanted)))
        unit_failed(__FILE__, __LINE__, "row %lld is wrong", (long long)row->rowid);
    return VELO_OK;
}

/* Bytes of values in overflow are as they should be. Adds the pages that they take. */
static void
table_model_check_read(table_model *m, uint64_t *pages)
{
    static uint8_t bytes[TABLE_TEXT_SIZE];
    vl_leaf_value values[TABLE_COLUMNS];
    vl_leaf_state state;
    vl_arena arena;

    vl_arena_init(&arena, NULL, 0);
    for (uint32_t i = 0; i < m->count && !unit_has_failed(); i++) {
        int64_t rowid = m->rows[i].rowid;

        vl_arena_reset(&arena);
        if (vl_table_read(unit_ctx(), &m->tree, rowid, &m->schema, &arena, values, &state) !=
            VELO_OK)
            unit_failed(__FILE__, __LINE__, "%s", unit_ctx()->error.text);
        for (uint32_t c = 0; c < TABLE_COLUMNS; c++) {
            vl_overflow overflow = {m->tree.id, values[c].overflow, values[c].value.size};
            vl_leaf_value wanted = table_model_value(m, rowid, c, m->rows[i].versions[c]);

            if (!table_same(values + c, &wanted))
                unit_failed(__FILE__, __LINE__, "row %lld is wrong", (long long)rowid);
            if (values[c].overflow == 0)
                continue;
            *pages += vl_overflow_page_count(m->tree.page_size, overflow.size);
            if (vl_overflow_read(unit_ctx(), m->cache, &overflow, 0, overflow.size, bytes) !=
                    VELO_OK ||
                memcmp(bytes, wanted.value.as.data, overflow.size) != 0)
                unit_failed(__FILE__, __LINE__, "row %lld: %s", (long long)rowid,
                            unit_ctx()->error.text);
        }
    }
    vl_arena_deinit(&arena);
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
    uint64_t pages;

    if (unit_has_failed())
        return;
    CHECK_OK(vl_tree_verify(unit_ctx(), &m->tree, &options, &report));
    CHECK_EQ(report.entry_count, m->count);
    pages = report.leaf_count + report.inner_count;
    table_model_check_read(m, &pages);
    m->pages_now = pages;
    vl_cache_get_stats(m->cache, &stats);
    if (!m->is_in_file)
        CHECK_EQ(pages, stats.page_count - m->pages_before);
    table_model_check_scan(m, 0);
    table_model_check_scan(m, 1);
    for (uint32_t i = 0; i < 20; i++)
        CHECK_OK(vl_table_find(unit_ctx(), &m->tree, table_model_random_rowid(m, 1000),
                               table_model_visit, m));
}
