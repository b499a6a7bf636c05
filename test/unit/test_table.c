/* test_table.c - table trees against a sorted array: one thread, pages in memory. */
#include "table_model.h"

#define TABLE_PAGE_SIZE VL_PAGE_MIN_SIZE

/* ---- long random sequences ---- */

/* One random operation. Of 16: `inserts` inserts, `purges` purges, updates and marks. */
static void
table_random_step(table_model *m, int64_t range, uint32_t inserts, uint32_t purges)
{
    int64_t rowid = table_model_random_rowid(m, range);
    uint64_t choice = vl_rng_below(&m->rng, 16);

    if (choice < inserts)
        table_model_insert(m, rowid);
    else if (choice < inserts + purges)
        table_model_purge(m, rowid);
    else if (choice % 4 == 0)
        table_model_mark(m, rowid, 1);
    else if (choice % 4 == 1)
        table_model_mark(m, rowid, 0);
    else
        table_model_update(m, rowid);
}

/* Grow, change, shrink to nothing. Half way the tree has `wanted_height` levels at least. */
static void
table_random_run(uint32_t max_children, int64_t range, uint32_t long_texts, uint32_t steps,
                 uint32_t wanted_height)
{
    vl_tree_verify_options options = {0};
    vl_tree_report report;
    table_model m;

    table_model_init(&m, TABLE_PAGE_SIZE, max_children, unit_seed());
    m.long_texts = long_texts;
    for (uint32_t i = 0; i < steps && !unit_has_failed(); i++) {
        table_random_step(&m, range, i < steps / 2 ? 10 : 3, i < steps / 2 ? 2 : 6);
        if (i % (steps / 8) == 0)
            table_model_check(&m);
        if (i == steps / 2) {
            CHECK_OK(vl_tree_verify(unit_ctx(), &m.tree, &options, &report));
            CHECK(report.height >= wanted_height);
        }
    }
    table_model_check(&m);
    while (m.count > 0 && !unit_has_failed()) {
        table_model_purge(&m, m.rows[vl_rng_below(&m.rng, m.count)].rowid);
        if (m.count % 512 == 0)
            table_model_check(&m);
    }
    table_model_deinit(&m);
}

static void
table_agrees_with_model_with_values_in_overflow(void)
{
    table_model m;

    table_model_init(&m, TABLE_PAGE_SIZE, 5, unit_seed());
    m.long_texts = 2;
    m.huge_texts = 5;
    for (uint32_t i = 0; i < 6000 && !unit_has_failed(); i++) {
        table_random_step(&m, 500, i < 3000 ? 8 : 3, i < 3000 ? 2 : 8);
        if (i % 500 == 0)
            table_model_check(&m);
    }
    table_model_check(&m);
    table_model_deinit(&m); /* with rows in it: drop frees their values */
}

static void
table_agrees_with_model_in_high_trees(void)
{
    table_random_run(4, 30000, 9, 20000, 5);
}

static void
table_agrees_with_model_in_wide_trees(void)
{
    table_random_run(UINT32_MAX, 100000, 9, 20000, 2);
}

static void
table_agrees_with_model_with_long_rows(void)
{
    table_random_run(5, 900, 1, 10000, 3);
}

static void
table_agrees_with_model_with_short_rows(void)
{
    table_random_run(6, 20000, 0, 20000, 3);
}

/* ---- loads ---- */

static void
table_loads_mix_with_changes(void)
{
    table_model m;

    table_model_init(&m, TABLE_PAGE_SIZE, 5, unit_seed());
    for (uint32_t i = 0; i < 60 && !unit_has_failed(); i++) {
        table_model_load(&m, 1 + (uint32_t)vl_rng_below(&m.rng, i % 4 == 0 ? 400 : 20),
                         i % 2 == 0 ? 1 : 100);
        for (uint32_t step = vl_rng_below(&m.rng, 2) ? 60 : 0; step > 0; step--)
            table_random_step(&m, 30000, 4, 6);
        table_model_check(&m);
    }
    table_model_deinit(&m);
}

static void
table_load_fills_pages(void)
{
    table_model m;
    vl_tree_report report;
    vl_tree_verify_options options = {0};
    uint32_t bytes = TABLE_PAGE_SIZE - 400; /* of rows on a page, about */

    table_model_init(&m, TABLE_PAGE_SIZE, UINT32_MAX, unit_seed());
    m.long_texts = 0;
    table_model_load(&m, 20000, 1);
    table_model_check(&m);
    CHECK_OK(vl_tree_verify(unit_ctx(), &m.tree, &options, &report));
    CHECK(report.leaf_count < 20000 * 46 / bytes * 11 / 10 + 1);
    table_model_deinit(&m);
}

static void
table_load_refuses_rows_that_are_not_last(void)
{
    table_model m;
    vl_leaf_value values[TABLE_COLUMNS];
    vl_leaf_row row = {500, values, 0};
    uint32_t taken = 9;

    table_model_init(&m, TABLE_PAGE_SIZE, 4, unit_seed());
    table_model_load(&m, 1000, 1);
    table_model_values(&m, 500, 1, values);
    CHECK_STATUS(vl_table_load(unit_ctx(), &m.tree, m.work, &m.schema, &row, 1, 1, NULL, &taken),
                 VELO_CONSTRAINT);
    CHECK_EQ(taken, 0);
    row.rowid = 1000;
    CHECK_STATUS(vl_table_load(unit_ctx(), &m.tree, m.work, &m.schema, &row, 1, 1, NULL, &taken),
                 VELO_CONSTRAINT);
    table_model_check(&m);
    table_model_deinit(&m);
}

/* What a log callback has seen. */
typedef struct table_logged {
    uint32_t granted;  /* rows of the last grant */
    uint32_t appended; /* rows appended */
    uint32_t calls;    /* sections with pages */
    int64_t next;      /* rowid that must come next */
    int is_wrong;      /* something did not fit */
    table_model *m;    /* or NULL: then somebody inserts a row behind all others before the fourth
                          of them */
} table_logged;

/* Whether a part is one row, or pages with the rows it says. */
static int
table_part_is_right(const vl_table_load_part *part)
{
    uint32_t row = 0;

    if (part->page_count == 0)
        return part->row_count == 1;
    for (uint32_t i = 0; i < part->page_count; i++) {
        const vl_leaf *leaf = part->pages[i];

        if (vl_leaf_validate(unit_ctx(), leaf, TABLE_PAGE_SIZE) != VELO_OK ||
            !vl_leaf_is_all_live(leaf))
            return 0;
        for (uint32_t rank = 0; rank < leaf->count; rank++, row++)
            if (row == part->row_count ||
                vl_leaf_rowid(leaf, vl_leaf_slot_at(leaf, rank)) != part->rows[row].rowid)
                return 0;
    }
    return row == part->row_count;
}

static velo_status
table_log_grant(vl_ctx *ctx, void *argument, const vl_table_load_part *part)
{
    table_logged *logged = argument;

    if (logged->m != NULL && logged->calls == 3) {
        vl_leaf_value values[TABLE_COLUMNS];
        vl_leaf_row row = {1000000, values, 0};
        vl_tree_work *work;
        int is_done;

        table_model_values(logged->m, row.rowid, 1, values);
        VL_TRY(vl_tree_work_create(ctx, TABLE_PAGE_SIZE, &work));
        VL_TRY(vl_table_insert(ctx, &logged->m->tree, work, &logged->m->schema, &row, &is_done));
        vl_tree_work_destroy(work);
    }
    if (logged->calls == 5)
        return vl_fail(ctx, VELO_FULL, "the log is full");
    logged->is_wrong |= part->rows[0].rowid != logged->next || !table_part_is_right(part);
    logged->granted = part->row_count;
    return VELO_OK;
}

static void
table_log_append(void *argument, const vl_table_load_part *part)
{
    table_logged *logged = argument;

    logged->is_wrong |= part->rows[0].rowid != logged->next || part->row_count != logged->granted ||
                        !table_part_is_right(part);
    logged->appended += part->row_count;
    logged->next += part->row_count;
    logged->calls += part->page_count > 0;
}

/* Load rows with a log that fails at its sixth record, or with one during whose fourth grant
 * somebody else inserts a row. */
static void
table_load_with_log(int is_disturbed)
{
    table_model m;
    vl_leaf_value values[TABLE_COLUMNS];
    vl_leaf_row rows[4000];
    table_logged logged = {.next = 1};
    vl_table_load_log log = {
        .grant = table_log_grant, .append = table_log_append, .argument = &logged};
    vl_tree_verify_options options = {0};
    vl_tree_report report;
    uint32_t taken;

    table_model_init(&m, TABLE_PAGE_SIZE, UINT32_MAX, unit_seed());
    logged.m = is_disturbed ? &m : NULL;
    table_model_values(&m, 1, 1, values);
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(rows); i++) {
        rows[i].rowid = i + 1;
        rows[i].values = values;
        rows[i].is_deleted = 0;
    }
    CHECK_STATUS(vl_table_load(unit_ctx(), &m.tree, m.work, &m.schema, rows, VL_ARRAY_COUNT(rows),
                               1, &log, &taken),
                 is_disturbed ? VELO_CONSTRAINT : VELO_FULL);
    CHECK(!logged.is_wrong);
    CHECK_EQ(logged.calls, is_disturbed ? 3 : 5);
    CHECK_EQ(taken, logged.appended);
    CHECK(taken > 0 && taken < VL_ARRAY_COUNT(rows));
    CHECK_OK(vl_tree_verify(unit_ctx(), &m.tree, &options, &report));
    CHECK_EQ(report.entry_count, taken + (is_disturbed ? 1U : 0U));
    table_model_deinit(&m);
}

static void
table_load_logs_what_it_adds(void)
{
    table_load_with_log(0);
}

static void
table_load_stops_at_rows_of_others(void)
{
    table_load_with_log(1);
}

/* Rows that more rows could share a page with are left to the next call. */
static void
table_load_leaves_out_the_last_page(void)
{
    table_model m;
    vl_leaf_value values[TABLE_COLUMNS];
    vl_leaf_row rows[2000];
    vl_tree_verify_options options = {0};
    vl_tree_report report;
    uint32_t first = 0;
    uint32_t taken;

    table_model_init(&m, TABLE_PAGE_SIZE, UINT32_MAX, unit_seed());
    m.long_texts = 0;
    table_model_values(&m, 1, 1, values);
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(rows); i++) {
        rows[i].rowid = i + 1;
        rows[i].values = values;
        rows[i].is_deleted = 0;
    }
    CHECK_OK(vl_table_load(unit_ctx(), &m.tree, m.work, &m.schema, rows, 2, 0, NULL, &taken));
    CHECK_EQ(taken, 0);
    while (first < VL_ARRAY_COUNT(rows)) {
        uint32_t left = (uint32_t)VL_ARRAY_COUNT(rows) - first;
        uint32_t some = left < 300 ? left : 300;

        CHECK_OK(vl_table_load(unit_ctx(), &m.tree, m.work, &m.schema, rows + first, some,
                               some == left, NULL, &taken));
        CHECK(taken > 0 && (taken < some) == (some < left));
        first += taken;
    }
    CHECK_OK(vl_tree_verify(unit_ctx(), &m.tree, &options, &report));
    CHECK_EQ(report.entry_count, VL_ARRAY_COUNT(rows));
    table_model_deinit(&m);
}

/* ---- scans ---- */

/* Scan a range and compare with the array; pauses and resumes at random. */
static void
table_scan_range(table_model *m, vl_rowid_range range, int is_backward)
{
    uint32_t first = table_model_find(m, range.first);
    uint32_t end = range.last == INT64_MAX ? m->count : table_model_find(m, range.last + 1);
    vl_table_scan scan;

    vl_table_scan_begin(&scan, &m->tree, range, is_backward);
    for (;;) {
        uint32_t budget = (uint32_t)vl_rng_below(&m->rng, 40); /* rows until the next pause */
        int64_t rowid = 0;
        int is_paused = 0;

        CHECK_OK(vl_table_scan_next(unit_ctx(), &scan));
        if (scan.leaf == NULL)
            break;
        for (uint32_t i = 0; i < scan.rank_end - scan.rank_first && !is_paused; i++) {
            uint32_t rank = is_backward ? scan.rank_end - 1 - i : scan.rank_first + i;
            uint32_t slot = vl_leaf_slot_at(scan.leaf, rank);

            rowid = vl_leaf_rowid(scan.leaf, slot);
            if (vl_leaf_slot_state(scan.leaf, slot) == VL_LEAF_GAP)
                continue;
            is_paused = budget-- == 0; /* this row is left for later */
            if (is_paused)
                break;
            CHECK(first < end);
            CHECK_EQ(rowid, m->rows[is_backward ? end - 1 : first].rowid);
            first += !is_backward;
            end -= is_backward != 0;
        }
        if (is_paused) {
            vl_table_scan_pause(&scan);
            vl_table_scan_resume(&scan, rowid);
        }
    }
    vl_table_scan_end(&scan);
    CHECK_EQ(first, end);
}

static void
table_scans_give_just_their_range(void)
{
    table_model m;

    table_model_init(&m, TABLE_PAGE_SIZE, 4, unit_seed());
    table_model_load(&m, 2000, 3);
    for (uint32_t i = 0; i < 1000; i++)
        table_random_step(&m, 5000, 4, 6);
    for (uint32_t i = 0; i < 60 && !unit_has_failed(); i++) {
        vl_rowid_range range = {table_model_random_rowid(&m, 9000),
                                table_model_random_rowid(&m, 9000)};

        if (vl_rng_below(&m.rng, 8) == 0)
            range.first = INT64_MIN;
        if (vl_rng_below(&m.rng, 8) == 0)
            range.last = INT64_MAX;
        if (range.first <= range.last)
            table_scan_range(&m, range, i % 2);
    }
    table_model_deinit(&m);
}

/* Ranges that begin and end just beside the borders of leaves. */
static void
table_scans_end_at_borders_of_leaves(void)
{
    vl_rowid_range all = {INT64_MIN, INT64_MAX};
    vl_table_scan scan;
    table_model m;

    table_model_init(&m, TABLE_PAGE_SIZE, 4, unit_seed());
    table_model_load(&m, 1000, 1);
    vl_table_scan_begin(&scan, &m.tree, all, 0);
    for (;;) {
        int64_t border;

        CHECK_OK(vl_table_scan_next(unit_ctx(), &scan));
        if (scan.leaf == NULL)
            break;
        border = scan.part.first;
        vl_table_scan_pause(&scan);
        for (int64_t i = -2; border > 0 && i <= 2; i++) {
            vl_rowid_range up = {border + i, border + 5};
            vl_rowid_range down = {border - 5, border + i};

            table_scan_range(&m, up, 0);
            table_scan_range(&m, up, 1);
            table_scan_range(&m, down, 0);
            table_scan_range(&m, down, 1);
        }
    }
    vl_table_scan_end(&scan);
    table_model_deinit(&m);
}

static void
table_scan_of_an_empty_range_gives_nothing(void)
{
    table_model m;
    vl_rowid_range range = {5, 4};
    vl_table_scan scan;

    table_model_init(&m, TABLE_PAGE_SIZE, 4, unit_seed());
    table_model_insert(&m, 4);
    table_model_insert(&m, 5);
    vl_table_scan_begin(&scan, &m.tree, range, 0);
    CHECK_OK(vl_table_scan_next(unit_ctx(), &scan));
    CHECK(scan.leaf == NULL);
    vl_table_scan_end(&scan);
    table_model_deinit(&m);
}

/* Between the approach and the change others split the leaf, or empty it and take it away: the row
 * gets to where it belongs all the same. */
static void
table_approach_is_a_hint_only(void)
{
    table_model m;
    vl_tree_work *own;
    vl_tree_work *other;

    table_model_init(&m, TABLE_PAGE_SIZE, 5, unit_seed());
    own = m.work;
    CHECK_OK(vl_tree_work_create(unit_ctx(), m.tree.page_size, &other));
    for (uint32_t round = 0; round < 200 && !unit_has_failed(); round++) {
        int64_t rowid = (int64_t)vl_rng_below(&m.rng, 4000);

        vl_table_approach(&m.tree, own, rowid);
        m.work = other;
        for (int64_t i = 0; i < 60; i++) {
            if (round % 2 == 0)
                table_model_insert(&m, rowid + (i * 37) % 120 - 60);
            else
                table_model_purge(&m, rowid + i - 30);
        }
        m.work = own;
        table_model_insert(&m, rowid);
        table_model_mark(&m, rowid, 1);
        if (round % 20 == 0)
            table_model_check(&m);
    }
    table_model_check(&m);
    vl_tree_work_destroy(other);
    table_model_deinit(&m);
}

static void
table_rowids_reach_both_ends(void)
{
    table_model m;

    table_model_init(&m, TABLE_PAGE_SIZE, 4, unit_seed());
    for (uint32_t i = 0; i < 300; i++) {
        table_model_insert(&m, INT64_MAX - (int64_t)vl_rng_below(&m.rng, 500));
        table_model_insert(&m, INT64_MIN + (int64_t)vl_rng_below(&m.rng, 500));
    }
    table_model_insert(&m, INT64_MIN);
    table_model_insert(&m, INT64_MAX);
    table_model_check(&m);
    for (uint32_t i = 0; i < 20; i++) {
        vl_rowid_range range = {INT64_MIN, INT64_MIN + (int64_t)i * 40};

        table_scan_range(&m, range, i % 2);
        range.first = INT64_MAX - (int64_t)i * 40;
        range.last = INT64_MAX;
        table_scan_range(&m, range, i % 2);
    }
    table_model_deinit(&m);
}

static void
table_splits_a_range_into_equal_parts(void)
{
    table_model m;
    vl_rowid_range parts[16];
    uint32_t taken;

    table_model_init(&m, TABLE_PAGE_SIZE, 5, unit_seed());
    m.long_texts = 0;
    table_model_load(&m, 20000, 4);
    for (uint32_t count = 1; count <= VL_ARRAY_COUNT(parts); count++) {
        vl_rowid_range range = {m.rows[count * 9].rowid, m.rows[m.count - count * 7].rowid};
        uint32_t rows = table_model_find(&m, range.last) - table_model_find(&m, range.first) + 1;

        CHECK_OK(vl_table_split_range(unit_ctx(), &m.tree, range, count, parts, &taken));
        CHECK_EQ(taken, count);
        CHECK_EQ(parts[0].first, range.first);
        CHECK_EQ(parts[taken - 1].last, range.last);
        for (uint32_t i = 0; i < taken; i++) {
            uint32_t in_part =
                table_model_find(&m, parts[i].last + 1) - table_model_find(&m, parts[i].first);

            CHECK(i == 0 || parts[i].first == parts[i - 1].last + 1);
            CHECK(in_part > rows / count / 2 && in_part < rows / count * 2);
        }
    }
    table_model_deinit(&m);
}

static void
table_tells_about_how_many_rows(void)
{
    static const uint32_t counts[] = {0, 1, 5, 300, 3000, 20000};

    for (size_t i = 0; i < VL_ARRAY_COUNT(counts); i++) {
        table_model m;
        double rows;

        table_model_init(&m, TABLE_PAGE_SIZE, 5, unit_seed());
        m.long_texts = 0;
        if (counts[i] > 0)
            table_model_load(&m, counts[i], 4);
        CHECK_OK(vl_table_estimate(unit_ctx(), &m.tree, &rows));
        CHECK(rows >= counts[i] / 3.0 && rows <= counts[i] * 3.0);
        table_model_deinit(&m);
    }
}

static void
table_without_inner_nodes_is_one_part(void)
{
    table_model m;
    vl_rowid_range range = {3, 99};
    vl_rowid_range parts[4];
    uint32_t taken;

    table_model_init(&m, TABLE_PAGE_SIZE, 5, unit_seed());
    table_model_insert(&m, 5);
    CHECK_OK(vl_table_split_range(unit_ctx(), &m.tree, range, 4, parts, &taken));
    CHECK_EQ(taken, 1);
    CHECK(parts[0].first == 3 && parts[0].last == 99);
    table_model_deinit(&m);
}

/* ---- many lookups, samples ---- */

/* What visits of a batch have seen. */
typedef struct table_seen {
    const table_model *m;  /* what is right */
    const int64_t *rowids; /* what was asked for */
    uint8_t *seen;         /* by index */
    uint32_t wrong;        /* answers that are not right */
} table_seen;

static velo_status
table_see(vl_ctx *ctx, void *argument, const vl_table_row *row)
{
    table_seen *seen = argument;
    uint32_t at = table_model_find(seen->m, row->rowid);
    int is_there = at < seen->m->count && seen->m->rows[at].rowid == row->rowid;

    (void)ctx;
    seen->wrong += seen->seen[row->index]++ != 0 || row->rowid != seen->rowids[row->index];
    seen->wrong += is_there != (row->state == VL_LEAF_LIVE || row->state == VL_LEAF_TOMBSTONE);
    if (is_there)
        seen->wrong += !table_model_matches(seen->m, row->leaf, row->slot, seen->m->rows + at);
    return VELO_OK;
}

static void
table_finds_many_rows_each_once(void)
{
    table_model m;
    int64_t rowids[500];
    uint8_t counts[500];
    table_seen seen = {&m, rowids, counts, 0};

    table_model_init(&m, TABLE_PAGE_SIZE, 5, unit_seed());
    table_model_load(&m, 3000, 3);
    for (uint32_t count = 0; count < 500; count += 1 + count / 3) {
        memset(counts, 0, sizeof counts);
        for (uint32_t i = 0; i < count; i++)
            rowids[i] = table_model_random_rowid(&m, 9000);
        CHECK_OK(vl_table_find_batch(unit_ctx(), &m.tree, rowids, count, table_see, &seen));
        CHECK_EQ(seen.wrong, 0);
        for (uint32_t i = 0; i < count; i++)
            CHECK_EQ(counts[i], 1);
    }
    table_model_deinit(&m);
}

static velo_status
table_stop(vl_ctx *ctx, void *argument, const vl_table_row *row)
{
    uint32_t *left = argument;

    (void)row;
    return --*left > 0 ? VELO_OK : vl_fail(ctx, VELO_ABORT, "enough");
}

static void
table_visit_can_end_a_lookup(void)
{
    table_model m;
    int64_t rowids[100] = {0};
    uint32_t left = 50;

    table_model_init(&m, TABLE_PAGE_SIZE, 5, unit_seed());
    CHECK_STATUS(vl_table_find_batch(unit_ctx(), &m.tree, rowids, 100, table_stop, &left),
                 VELO_ABORT);
    CHECK_EQ(left, 0);
    left = 1;
    CHECK_STATUS(vl_table_find(unit_ctx(), &m.tree, 4, table_stop, &left), VELO_ABORT);
    table_model_insert(&m, 4); /* nothing is latched any more */
    table_model_deinit(&m);
}

static velo_status
table_count_sample(vl_ctx *ctx, void *argument, const vl_table_row *row)
{
    uint32_t *by_leaf = argument;

    (void)ctx;
    by_leaf[row->leaf->pid % 4096]++;
    return VELO_OK;
}

/* One part of the tree has leaves with many siblings, the other one with few. */
static void
table_samples_all_leaves_alike(void)
{
    static uint32_t by_leaf[4096];
    uint32_t leaves = 0;
    uint32_t rare = 0;
    table_model m;

    memset(by_leaf, 0, sizeof by_leaf);
    table_model_init(&m, TABLE_PAGE_SIZE, 8, unit_seed());
    m.long_texts = 1;
    table_model_load(&m, 400, 1);
    for (uint32_t i = 0; i < 300; i++)
        table_model_insert(&m, INT64_MIN + (int64_t)vl_rng_below(&m.rng, 4000));
    CHECK_OK(vl_table_sample(unit_ctx(), &m.tree, &m.rng, 40000, table_count_sample, by_leaf));
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(by_leaf); i++)
        leaves += by_leaf[i] > 0;
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(by_leaf); i++)
        rare += by_leaf[i] > 0 && by_leaf[i] < 40000 / leaves / 2;
    CHECK(leaves > 40);
    CHECK_EQ(rare, 0);
    table_model_deinit(&m);
}

static const unit_test table_tests[] = {
    UNIT_TEST(table_agrees_with_model_with_values_in_overflow),
    UNIT_TEST(table_agrees_with_model_in_high_trees),
    UNIT_TEST(table_agrees_with_model_in_wide_trees),
    UNIT_TEST(table_agrees_with_model_with_long_rows),
    UNIT_TEST(table_agrees_with_model_with_short_rows),
    UNIT_TEST(table_loads_mix_with_changes),
    UNIT_TEST(table_load_fills_pages),
    UNIT_TEST(table_load_refuses_rows_that_are_not_last),
    UNIT_TEST(table_load_logs_what_it_adds),
    UNIT_TEST(table_load_stops_at_rows_of_others),
    UNIT_TEST(table_load_leaves_out_the_last_page),
    UNIT_TEST(table_scans_give_just_their_range),
    UNIT_TEST(table_scans_end_at_borders_of_leaves),
    UNIT_TEST(table_scan_of_an_empty_range_gives_nothing),
    UNIT_TEST(table_approach_is_a_hint_only),
    UNIT_TEST(table_rowids_reach_both_ends),
    UNIT_TEST(table_splits_a_range_into_equal_parts),
    UNIT_TEST(table_tells_about_how_many_rows),
    UNIT_TEST(table_without_inner_nodes_is_one_part),
    UNIT_TEST(table_finds_many_rows_each_once),
    UNIT_TEST(table_visit_can_end_a_lookup),
    UNIT_TEST(table_samples_all_leaves_alike),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, table_tests, VL_ARRAY_COUNT(table_tests));
}
