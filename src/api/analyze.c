/* analyze.c - ANALYZE: counting what tables and indexes hold, into sqlite_stat1 as SQLite does.
 *
 * A row of sqlite_stat1 has a table, an index of it (or NULL) and numbers: how many rows there are,
 * then for each prefix of the index's columns how many rows are equal in it on average, rounded up.
 * Entries are counted in the order of the index: bytes of keys are equal where values are, so two
 * neighbours differ in the column in which their first differing byte is.
 *
 * Invariants
 *   AN1  Numbers are those of the rows that the statement sees, all of them. */
#include "api/api_int.h"

#include "storage/key.h"
#include "txn/txn_keys.h"
#include "txn/txn_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Bytes of a number and the space before it. */
#define ANALYZE_NUMBER_SIZE 21U

/* An index being counted. */
typedef struct analyze_count {
    const vl_index_def *index;
    vl_arena *arena;    /* of the arrays, and of `last` */
    uint64_t rows;      /* so far */
    uint64_t *distinct; /* prefixes of 1, 2, ... columns that were met, by index - 1 */
    uint8_t *last;      /* key of the entry before */
    uint32_t last_size; /* see last */
    uint32_t last_room; /* see last */
} analyze_count;

/* How many of the first columns of two keys are equal. */
static velo_status
analyze_equal(vl_ctx *ctx, const analyze_count *count, const uint8_t *key, uint32_t size,
              uint32_t *equal)
{
    uint32_t least = size < count->last_size ? size : count->last_size;
    const uint8_t *at = key;
    uint32_t same = 0;
    vl_value value;

    while (same < least && key[same] == count->last[same])
        same++;
    *equal = 0;
    while (*equal < count->index->term_count) {
        const vl_index_term *term = &count->index->terms[*equal];

        at = vl_key_get(at, key + size, (vl_key_order){term->collation, term->is_descending},
                        &value);
        if (at == NULL)
            return vl_fail(ctx, VELO_CORRUPT, "index %s has a damaged entry",
                           count->index->object.name);
        if ((size_t)(at - key) > same)
            return VELO_OK;
        ++*equal;
    }
    return VELO_OK;
}

static velo_status
analyze_entry(vl_ctx *ctx, analyze_count *count, const vl_key_seen *entry)
{
    uint32_t equal = 0;

    if (count->rows > 0)
        VL_TRY(analyze_equal(ctx, count, entry->key, entry->key_size, &equal));
    for (uint32_t i = equal; i < count->index->term_count; i++)
        count->distinct[i]++;
    count->rows++;
    if (count->last == NULL || entry->key_size > count->last_room) {
        count->last_room = 2 * entry->key_size;
        count->last = vl_arena_alloc(count->arena, count->last_room);
        if (count->last == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate a copy of a key");
    }
    memcpy(count->last, entry->key, entry->key_size);
    count->last_size = entry->key_size;
    return VELO_OK;
}

/* Count all entries of an index that the statement sees. */
static velo_status
analyze_scan(vl_ctx *ctx, const velo_statement *statement, analyze_count *count)
{
    vl_view view = vl_statement_newest(vl_prepared_txn(statement));
    vl_tree_key_range all = {0};
    vl_txn_index *index;
    vl_key_scan scan;
    velo_status st;

    VL_TRY(
        vl_keys_open(ctx, vl_prepared_engine(statement)->store, count->index->object.tree, &index));
    vl_key_scan_begin(&scan, index, &view, &all, 0);
    st = vl_key_scan_next(ctx, &scan);
    while (st == VELO_OK && scan.count > 0) {
        for (uint32_t i = 0; i < scan.count && st == VELO_OK; i++)
            st = analyze_entry(ctx, count, &scan.entries[i]);
        if (st == VELO_OK && atomic_load(&statement->connection->interrupt))
            st = vl_fail(ctx, VELO_INTERRUPT, "interrupted");
        if (st == VELO_OK)
            st = vl_key_scan_next(ctx, &scan);
    }
    vl_key_scan_end(&scan);
    return st;
}

/* ---- rows of sqlite_stat1 ---- */

static velo_status
analyze_put(vl_ctx *ctx, velo_statement *statement, vl_schema *schema, const char *table,
            const char *index, const char *numbers)
{
    const vl_table_def *def = vl_schema_table(schema, "sqlite_stat1", 12);
    vl_value values[3] = {vl_value_of_name(table), vl_value_of_name(index),
                          vl_value_of_name(numbers)};
    vl_txn_table *rows;
    int64_t rowid;

    if (def == NULL)
        return vl_fail(ctx, VELO_INTERNAL, "the table sqlite_stat1 is missing");
    VL_TRY(vl_rows_open(ctx, vl_prepared_engine(statement)->store, def->object.tree, &rows));
    return vl_rows_append(ctx, vl_prepared_txn(statement), rows, values, &rowid);
}

/* How many rows are equal on average, as SQLite rounds it: up, but not from nearly 1 to 2. */
static uint64_t
analyze_average(uint64_t rows, uint64_t distinct)
{
    uint64_t average = (rows + distinct - 1) / distinct;

    return average == 2 && rows * 10 <= distinct * 11 ? 1 : average;
}

static velo_status
analyze_index(vl_ctx *ctx, velo_statement *statement, vl_schema *schema, const vl_index_def *index)
{
    vl_arena *arena = &statement->run_arena;
    analyze_count count = {.index = index, .arena = arena};
    size_t room = ANALYZE_NUMBER_SIZE * (index->term_count + 1U) + 1;
    char *numbers = vl_arena_alloc(arena, room);
    size_t used;

    count.distinct = vl_arena_alloc_array(arena, index->term_count, sizeof *count.distinct);
    if (count.distinct == NULL || numbers == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the counts of an index");
    memset(count.distinct, 0, index->term_count * sizeof *count.distinct);
    VL_TRY(analyze_scan(ctx, statement, &count));
    if (count.rows == 0)
        return VELO_OK;
    used = (size_t)snprintf(numbers, room, "%" PRIu64, count.rows);
    for (uint32_t i = 0; i < index->term_count; i++)
        used += (size_t)snprintf(numbers + used, room - used, " %" PRIu64,
                                 analyze_average(count.rows, count.distinct[i]));
    return analyze_put(
        ctx, statement, schema, index->table->object.name,
        index == index->table->primary ? index->table->object.name : index->object.name, numbers);
}

/* A row for a table that no index tells the size of. */
static velo_status
analyze_rows(vl_ctx *ctx, velo_statement *statement, vl_schema *schema, const vl_table_def *table)
{
    vl_view view = vl_statement_newest(vl_prepared_txn(statement));
    char numbers[ANALYZE_NUMBER_SIZE + 1];
    vl_txn_table *rows;
    uint64_t count;

    VL_TRY(vl_rows_open(ctx, vl_prepared_engine(statement)->store, table->object.tree, &rows));
    VL_TRY(vl_rows_count(ctx, rows, &view, (vl_rowid_range){INT64_MIN, INT64_MAX}, &count));
    if (count == 0)
        return VELO_OK;
    (void)snprintf(numbers, sizeof numbers, "%" PRIu64, count);
    return analyze_put(ctx, statement, schema, table->object.name, NULL, numbers);
}

velo_status
vl_analyze_table(vl_ctx *ctx, velo_statement *statement, vl_schema *schema, const char *name,
                 const char *index_name)
{
    const vl_table_def *table = vl_schema_table(schema, name, strlen(name));
    int needs_rows = index_name == NULL;

    if (table == NULL)
        return vl_fail(ctx, VELO_INTERNAL, "table %s is missing", name);
    for (const vl_index_def *index = table->indexes; index != NULL; index = index->next) {
        if (index_name != NULL && strcmp(index->object.name, index_name) != 0)
            continue;
        VL_TRY(analyze_index(ctx, statement, schema, index));
        needs_rows = needs_rows && index->where_ast != NULL;
    }
    return needs_rows ? analyze_rows(ctx, statement, schema, table) : VELO_OK;
}
