/* bench_table.c - table trees in memory: loading, inserting, looking up, scanning.
 *
 * Rows have ten columns and about 150 bytes: five integers, a price, four texts, of which one has
 * 60 to 100 bytes. Trees are made anew in each run; pages have 16 KiB. One thread. */
#include "base/alloc.h"
#include "lib/bench.h"
#include "storage/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_SIZE     16384U
#define TABLE_COLUMNS 10U
#define TABLE_BATCH   4096U

typedef struct bench_table {
    uint64_t rows;         /* of a tree */
    vl_ctx ctx;            /* of the thread */
    vl_cache *cache;       /* NULL between runs */
    vl_tree tree;          /* the tree */
    vl_tree_work *work;    /* scratch */
    vl_leaf_schema schema; /* columns */
    vl_leaf_value *values; /* of TABLE_BATCH rows */
    vl_leaf_row *batch;    /* these rows */
    char text[4096];       /* texts are slices of it */
} bench_table;

static uint32_t table_ids[TABLE_COLUMNS] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
static vl_leaf_value table_defaults[TABLE_COLUMNS];

static void
table_check(bench_table *t, velo_status st)
{
    if (st == VELO_OK)
        return;
    fprintf(stderr, "%s\n", t->ctx.error.text);
    exit(1);
}

static void
table_open(bench_table *t)
{
    vl_cache_options options = {.page_size = PAGE_SIZE};

    table_check(t, vl_cache_create(&t->ctx, &options, &t->cache));
    table_check(t, vl_tree_work_create(&t->ctx, PAGE_SIZE, &t->work));
    table_check(t, vl_tree_create(&t->ctx, &vl_table_ops, t->cache, 5, NULL, &t->tree));
}

static void
table_close(bench_table *t)
{
    vl_tree_work_destroy(t->work);
    vl_cache_destroy(t->cache);
    t->work = NULL;
    t->cache = NULL;
}

static void
table_set_integer(vl_leaf_value *value, int64_t integer)
{
    value->value.type = VL_TYPE_INTEGER;
    value->value.as.integer = integer;
}

static void
table_set_text(bench_table *t, vl_leaf_value *value, uint64_t hash, uint32_t size)
{
    value->value.type = VL_TYPE_TEXT;
    value->value.size = size;
    value->value.as.data = t->text + hash % (sizeof t->text - 128);
}

static void
table_row(bench_table *t, int64_t rowid, vl_leaf_value *values)
{
    uint64_t hash = (uint64_t)rowid * 0x9e3779b97f4a7c15U;

    memset(values, 0, TABLE_COLUMNS * sizeof *values);
    table_set_integer(values + 0, rowid * 3);
    table_set_integer(values + 1, (int64_t)(hash >> 48));
    table_set_integer(values + 2, (int64_t)(hash >> 58));
    table_set_integer(values + 3, (int64_t)(hash >> 32));
    table_set_integer(values + 4, 1700000000 + rowid);
    values[5].value.type = VL_TYPE_REAL;
    values[5].value.as.real = (double)(hash >> 44) / 100.0;
    table_set_text(t, values + 6, hash >> 7, 10);
    table_set_text(t, values + 7, hash >> 17, 8 + (uint32_t)(hash >> 61));
    table_set_text(t, values + 8, hash >> 27, 15);
    table_set_text(t, values + 9, hash >> 37, 60 + (uint32_t)(hash >> 40) % 40);
}

/* Load rows 1 to t->rows. */
static void
table_load(bench_table *t)
{
    uint64_t next = 1;

    while (next <= t->rows) {
        uint64_t left = t->rows + 1 - next;
        uint32_t count = left < TABLE_BATCH ? (uint32_t)left : TABLE_BATCH;
        uint32_t taken;

        for (uint32_t i = 0; i < count; i++) {
            table_row(t, (int64_t)(next + i), t->values + (size_t)i * TABLE_COLUMNS);
            t->batch[i].rowid = (int64_t)(next + i);
            t->batch[i].values = t->values + (size_t)i * TABLE_COLUMNS;
        }
        table_check(t, vl_table_load(&t->ctx, &t->tree, t->work, &t->schema, t->batch, count,
                                     count == left, NULL, &taken));
        next += taken;
    }
}

static double
table_rate(uint64_t rows, uint64_t start)
{
    return (double)rows * 1e3 / (double)(bench_now_ns() - start);
}

static double
measure_load(void *user)
{
    bench_table *t = user;
    uint64_t start;
    double rate;

    table_open(t);
    start = bench_now_ns();
    table_load(t);
    rate = table_rate(t->rows, start);
    table_close(t);
    return rate;
}

/* Insert rowids that are multiples of `step` modulo a power of two: 1 in order, odd: at random. */
static double
table_measure_insert(bench_table *t, int is_random)
{
    vl_leaf_value values[TABLE_COLUMNS];
    vl_leaf_row row = {0, values, 0};
    uint64_t start;
    double rate;
    int is_done;

    table_open(t);
    start = bench_now_ns();
    for (uint64_t i = 0; i < t->rows; i++) {
        row.rowid = (int64_t)i + 1;
        if (is_random)
            row.rowid = (int64_t)((i + 1) * 0x9e3779b97f4a7c15U >> 24);
        table_row(t, row.rowid, values);
        table_check(t, vl_table_insert(&t->ctx, &t->tree, t->work, &t->schema, &row, &is_done));
    }
    rate = table_rate(t->rows, start);
    table_close(t);
    return rate;
}

static double
measure_append(void *user)
{
    return table_measure_insert(user, 0);
}

static double
measure_insert(void *user)
{
    return table_measure_insert(user, 1);
}

static double
measure_values(void *user)
{
    bench_table *t = user;
    uint64_t start = bench_now_ns();
    vl_leaf_value values[TABLE_COLUMNS];

    for (uint64_t i = 0; i < t->rows; i++) {
        table_row(t, (int64_t)i, values);
        bench_use((uint64_t)values[3].value.as.integer);
    }
    return table_rate(t->rows, start);
}

static velo_status
table_visit(vl_ctx *ctx, void *argument, const vl_table_row *row)
{
    uint64_t *sum = argument;
    vl_leaf_value value;

    (void)ctx;
    vl_leaf_get(row->leaf, row->slot, 3, &value);
    *sum += (uint64_t)value.value.as.integer;
    return VELO_OK;
}

static double
table_measure_find(bench_table *t, uint32_t batch)
{
    int64_t rowids[64];
    uint64_t sum = 0;
    uint64_t start;
    double rate;

    table_open(t);
    table_load(t);
    start = bench_now_ns();
    for (uint64_t i = 0; i < t->rows; i += batch) {
        for (uint32_t k = 0; k < batch; k++)
            rowids[k] = 1 + (int64_t)(((i + k) * 0x9e3779b97f4a7c15U >> 20) % t->rows);
        if (batch == 1)
            table_check(t, vl_table_find(&t->ctx, &t->tree, rowids[0], table_visit, &sum));
        else
            table_check(t,
                        vl_table_find_batch(&t->ctx, &t->tree, rowids, batch, table_visit, &sum));
    }
    rate = table_rate(t->rows, start);
    bench_use(sum);
    table_close(t);
    return rate;
}

static double
measure_find(void *user)
{
    return table_measure_find(user, 1);
}

static double
measure_find_batch(void *user)
{
    return table_measure_find(user, 64);
}

/* Sum a column of one byte by its view. */
static uint64_t
table_sum(const vl_leaf *leaf)
{
    vl_leaf_view view;
    const uint8_t *cells;
    uint64_t sum = 0;

    vl_leaf_column_view(leaf, 2, &view);
    cells = view.data;
    for (uint32_t i = 0; i < view.count; i++)
        sum += cells[(size_t)i * view.width];
    return sum;
}

static double
measure_scan(void *user)
{
    vl_rowid_range all = {INT64_MIN, INT64_MAX};
    bench_table *t = user;
    uint64_t sum = 0;
    vl_table_scan scan;
    uint64_t start;
    double rate;

    table_open(t);
    table_load(t);
    start = bench_now_ns();
    vl_table_scan_begin(&scan, &t->tree, all, 0);
    for (;;) {
        table_check(t, vl_table_scan_next(&t->ctx, &scan));
        if (scan.leaf == NULL)
            break;
        sum += table_sum(scan.leaf);
    }
    vl_table_scan_end(&scan);
    bench_use(sum);
    rate = table_rate(t->rows, start);
    table_close(t);
    return rate;
}

static double
measure_delete(void *user)
{
    bench_table *t = user;
    uint64_t start;
    double rate;
    int is_done;

    table_open(t);
    table_load(t);
    start = bench_now_ns();
    for (uint64_t i = 0; i < t->rows; i++)
        table_check(t, vl_table_delete(&t->ctx, &t->tree, t->work, &t->schema,
                                       1 + (int64_t)(i * 7919 % t->rows), &is_done));
    rate = table_rate(t->rows, start);
    table_close(t);
    return rate;
}

int
main(int argc, char **argv)
{
    static bench_table t;
    bench *b = bench_create(argc, argv, "table trees in memory");
    int load;

    vl_ctx_init(&t.ctx, NULL, NULL);
    t.rows = bench_work(b, 400000);
    t.schema.ids = table_ids;
    t.schema.defaults = table_defaults;
    t.schema.count = TABLE_COLUMNS;
    t.values = malloc(sizeof *t.values * TABLE_COLUMNS * TABLE_BATCH);
    t.batch = calloc(TABLE_BATCH, sizeof *t.batch);
    for (size_t i = 0; i < sizeof t.text; i++)
        t.text[i] = (char)('a' + i * 7 % 26);
    (void)bench_add(b, "make the rows, no tree", "M rows/s", BENCH_MORE_IS_BETTER, measure_values,
                    &t);
    load = bench_add(b, "load in order", "M rows/s", BENCH_MORE_IS_BETTER, measure_load, &t);
    (void)bench_add(b, "insert in order", "M rows/s", BENCH_MORE_IS_BETTER, measure_append, &t);
    (void)bench_add(b, "insert at random", "M rows/s", BENCH_MORE_IS_BETTER, measure_insert, &t);
    (void)bench_add(b, "find at random", "M rows/s", BENCH_MORE_IS_BETTER, measure_find, &t);
    (void)bench_add(b, "find 64 at a time", "M rows/s", BENCH_MORE_IS_BETTER, measure_find_batch,
                    &t);
    (void)bench_add(b, "scan, sum a column", "M rows/s", BENCH_MORE_IS_BETTER, measure_scan, &t);
    (void)bench_add(b, "delete, 7919 apart", "M rows/s", BENCH_MORE_IS_BETTER, measure_delete, &t);
    bench_want_value(b, "load in order, M rows/s", load, 3.5);
    return bench_finish(b);
}
