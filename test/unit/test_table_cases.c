/* test_table_cases.c - table trees: memory that runs out, writes in steps, rows that move, damage.
 */
#include "base/thread.h"
#include "table_cases.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- memory that runs out ---- */

/* What fits no longer is not half done: rows are there or not, and the tree is whole. */
static velo_status
cases_fill(vl_ctx *ctx, void *argument)
{
    static uint8_t text[6 * CASES_PAGE_SIZE];
    static const uint32_t ids[2] = {1, 2};
    const vl_leaf_value defaults[2] = {cases_null(), cases_null()};
    vl_leaf_schema schema = {ids, defaults, 2, 0};
    vl_cache_options options = {.page_size = CASES_PAGE_SIZE};
    vl_tree_verify_options verify = {0};
    vl_tree_work *work = NULL;
    vl_cache *cache = NULL;
    vl_tree_report report;
    vl_tree tree;
    uint64_t rows = 0;
    velo_status st = vl_cache_create(ctx, &options, &cache);

    (void)argument;
    if (st == VELO_OK)
        st = vl_tree_work_create(ctx, CASES_PAGE_SIZE, &work);
    if (st == VELO_OK)
        st = vl_tree_create(ctx, &vl_table_ops, cache, 3, NULL, &tree);
    for (int64_t i = 0; st == VELO_OK && i < 60; i++) {
        vl_leaf_value values[2] = {cases_integer(i),
                                   cases_text(text, i % 20 == 7 ? sizeof text : 70)};
        vl_leaf_row row = {i * 37 % 64, values, 0};
        int is_done;

        tree.max_children = 4;
        st = vl_table_insert(ctx, &tree, work, &schema, &row, &is_done);
        rows += st == VELO_OK;
    }
    for (int64_t i = 0; st == VELO_OK && i < 40; i++) {
        int is_done;

        st = vl_table_delete(ctx, &tree, work, &schema, i, &is_done);
        rows -= st == VELO_OK && is_done;
    }
    if (rows > 0) {
        vl_ctx other;

        vl_ctx_init(&other, NULL, NULL);
        if (vl_tree_verify(&other, &tree, &verify, &report) != VELO_OK)
            unit_failed(__FILE__, __LINE__, "%s", other.error.text);
        else if (report.entry_count != rows)
            unit_failed(__FILE__, __LINE__, "%llu rows, not %llu",
                        (unsigned long long)report.entry_count, (unsigned long long)rows);
    }
    vl_tree_work_destroy(work);
    vl_cache_destroy(cache);
    return st;
}

static void
table_survives_each_allocation_failure(void)
{
    CHECK(unit_each_alloc_failure(cases_fill, NULL) > 10);
}

/* ---- attachments ---- */

/* Each leaf carries the list of its rowids; the hook moves them as it is told. */
typedef struct cases_note {
    struct cases_note *next;
    int64_t rowid;
} cases_note;

static void
cases_moved(void *argument, const vl_tree *tree, const vl_page_ref *from, const vl_page_ref *to,
            int64_t first, int64_t last)
{
    cases_note *note = vl_cache_attachment(tree->cache, from);
    cases_note *stay = NULL;
    cases_note *moved = vl_cache_attachment(tree->cache, to);

    ++*(uint32_t *)argument;
    while (note != NULL) {
        cases_note *next = note->next;
        cases_note **list = note->rowid >= first && note->rowid <= last ? &moved : &stay;

        note->next = *list;
        *list = note;
        note = next;
    }
    vl_cache_set_attachment(tree->cache, from, stay);
    vl_cache_set_attachment(tree->cache, to, moved);
}

/* Insert or purge a row, and change its note with it. */
static void
cases_change_noted(cases_table *t, const vl_leaf_schema *schema, int64_t rowid, int is_insert)
{
    vl_leaf_value value = cases_integer(rowid);
    vl_table_op op = {.action = is_insert ? VL_TABLE_INSERT : VL_TABLE_PURGE,
                      .rowid = rowid,
                      .schema = schema,
                      .values = &value};
    vl_table_write write;
    velo_status st = vl_table_write_begin(unit_ctx(), &t->tree, t->work, &op, &write);
    cases_note *list;

    CHECK_OK(st);
    if (write.is_possible && vl_table_write_enter(&write)) {
        vl_table_write_apply(&write);
        list = vl_cache_attachment(t->cache, &write.leaf);
        if (is_insert) {
            cases_note *note = malloc(sizeof *note);

            note->rowid = rowid;
            note->next = list;
            list = note;
        } else {
            cases_note **at = &list;
            cases_note *gone;

            while (*at != NULL && (*at)->rowid != rowid)
                at = &(*at)->next;
            gone = *at;
            CHECK(gone != NULL); /* it is where the row is */
            *at = gone->next;
            free(gone);
        }
        vl_cache_set_attachment(t->cache, &write.leaf, list);
        vl_table_write_leave(&write);
    }
    vl_table_write_end(unit_ctx(), &write);
}

static void
table_tells_of_rows_that_move(void)
{
    static const uint32_t ids[1] = {1};
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    uint32_t moves = 0;
    cases_table t;

    cases_open(&t);
    t.tree.moved = cases_moved;
    t.tree.argument = &moves;
    for (int64_t i = 0; i < 3000 && !unit_has_failed(); i++)
        cases_change_noted(&t, &schema, i * 7919 % 3001, 1);
    CHECK(moves > 3);
    cases_verify(&t, 3000);
    for (int64_t i = 0; i < 3000 && !unit_has_failed(); i++)
        cases_change_noted(&t, &schema, i * 4657 % 3001, 0);
    for (int64_t i = 0; i < 3001 && !unit_has_failed(); i++)
        cases_change_noted(&t, &schema, i, 0);
    CHECK_EQ(cases_page_count(&t), 1);
    cases_close(&t);
}

/* ---- writes in steps ---- */

static void
table_write_that_is_given_up_changes_nothing(void)
{
    static uint8_t text[3 * CASES_PAGE_SIZE];
    static const uint32_t ids[1] = {1};
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    vl_leaf_value value = cases_text(text, sizeof text);
    vl_table_op op = {.action = VL_TABLE_INSERT, .rowid = 5, .schema = &schema, .values = &value};
    vl_table_write write;
    cases_table t;

    cases_open(&t);
    CHECK_OK(vl_table_write_begin(unit_ctx(), &t.tree, t.work, &op, &write));
    CHECK(write.is_possible);
    CHECK_EQ(write.state, VL_LEAF_NO_SLOT);
    vl_table_write_end(unit_ctx(), &write);
    CHECK_EQ(cases_page_count(&t), 1); /* the value's pages are gone again */
    cases_verify(&t, 0);
    cases_close(&t);
}

static void
table_write_says_what_the_row_is(void)
{
    static const uint32_t ids[1] = {1};
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    vl_leaf_value value = cases_integer(5);
    vl_table_op op = {.rowid = 5, .schema = &schema, .values = &value};
    static const vl_table_action actions[] = {VL_TABLE_MARK,   VL_TABLE_INSERT, VL_TABLE_INSERT,
                                              VL_TABLE_UNMARK, VL_TABLE_MARK,   VL_TABLE_MARK,
                                              VL_TABLE_UNMARK, VL_TABLE_MARK,   VL_TABLE_INSERT,
                                              VL_TABLE_PURGE,  VL_TABLE_PURGE,  VL_TABLE_INSERT};
    static const vl_leaf_state states[] = {VL_LEAF_NO_SLOT,   VL_LEAF_NO_SLOT, VL_LEAF_LIVE,
                                           VL_LEAF_LIVE,      VL_LEAF_LIVE,    VL_LEAF_TOMBSTONE,
                                           VL_LEAF_TOMBSTONE, VL_LEAF_LIVE,    VL_LEAF_TOMBSTONE,
                                           VL_LEAF_LIVE,      VL_LEAF_GAP,     VL_LEAF_GAP};
    cases_table t;

    cases_open(&t);
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(actions); i++) {
        vl_leaf_state state;

        op.action = actions[i];
        CHECK_OK(vl_table_change(unit_ctx(), &t.tree, t.work, &op, NULL, &state));
        CHECK_EQ(state, states[i]);
    }
    cases_verify(&t, 1);
    cases_close(&t);
}

/* A value in overflow that is put where it is already stays; another one takes its place. */
static void
table_update_frees_only_what_it_replaces(void)
{
    static uint8_t text[2 * CASES_PAGE_SIZE];
    static const uint32_t ids[2] = {1, 2};
    const vl_leaf_value defaults[2] = {cases_null(), cases_null()};
    vl_leaf_schema schema = {ids, defaults, 2, 0};
    vl_leaf_value values[2] = {cases_text(text, sizeof text), cases_text(text, sizeof text)};
    vl_leaf_change changes[2];
    vl_arena arena;
    cases_table t;
    uint64_t pages;
    int is_done;

    cases_open(&t);
    vl_arena_init(&arena, NULL, 0);
    CHECK(cases_insert(&t, &schema, 1, values));
    pages = cases_page_count(&t);
    CHECK_EQ(cases_read(&t, &schema, 1, &arena, values), VL_LEAF_LIVE);
    changes[0].id = 1;
    changes[0].value = values[0];
    changes[1].id = 2;
    changes[1].value = cases_text(text, sizeof text - 1);
    CHECK_OK(vl_table_update(unit_ctx(), &t.tree, t.work, &schema, 1, changes, 2, &is_done));
    CHECK_EQ(cases_page_count(&t), pages);
    cases_verify(&t, 1);
    changes[1].value = cases_integer(5);
    CHECK_OK(vl_table_update(unit_ctx(), &t.tree, t.work, &schema, 1, changes, 2, &is_done));
    CHECK_EQ(cases_page_count(&t), 1 + (pages - 1) / 2);
    cases_verify(&t, 1);
    vl_arena_deinit(&arena);
    cases_close(&t);
}

/* Another thread's change of the row, made while a value of it is being written to overflow. */
typedef struct cases_other {
    vl_thread thread;             /* of it */
    cases_table *t;               /* the table */
    const vl_leaf_schema *schema; /* its columns */
    vl_leaf_change change;        /* what it does to row 1 */
    uint32_t born;                /* pages of overflow seen so far */
    int is_done;                  /* it has made the change */
} cases_other;

static void
cases_other_main(void *argument)
{
    cases_other *other = argument;
    vl_tree_work *work = NULL;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    if (vl_tree_work_create(&ctx, CASES_PAGE_SIZE, &work) != VELO_OK ||
        vl_table_update(&ctx, &other->t->tree, work, other->schema, 1, &other->change, 1,
                        &other->is_done) != VELO_OK)
        other->is_done = 0;
    vl_tree_work_destroy(work);
}

static void
cases_note_page(void *argument, vl_pid pid, int is_born)
{
    cases_other *other = argument;

    (void)pid;
    if (!is_born || other->born++ > 0)
        return;
    if (vl_thread_start(unit_ctx(), &other->thread, "other", cases_other_main, other) == VELO_OK)
        vl_thread_join(&other->thread);
}

/* An update makes a row too long for any page, so another column goes to overflow. Meanwhile that
 * column changes: the update must not bring its old value back. */
static void
table_update_moves_no_value_that_has_changed(void)
{
    static uint8_t text[CASES_PAGE_SIZE / 4];
    static const uint32_t ids[5] = {1, 2, 3, 4, 5};
    const vl_leaf_value defaults[5] = {cases_null(), cases_null(), cases_null(), cases_null(),
                                       cases_null()};
    vl_leaf_schema schema = {ids, defaults, 5, 0};
    cases_other other = {.schema = &schema};
    vl_leaf_change change = {5, cases_text(text, VL_BY_BUILD(700U, 26U))};
    vl_table_op op = {.action = VL_TABLE_UPDATE,
                      .rowid = 1,
                      .schema = &schema,
                      .changes = &change,
                      .change_count = 1,
                      .frees_old = 1,
                      .note = cases_note_page,
                      .argument = &other};
    vl_leaf_value values[5];
    vl_leaf_state state;
    vl_arena arena;
    cases_table t;

    cases_open(&t);
    vl_arena_init(&arena, NULL, 0);
    other.t = &t;
    for (uint32_t c = 0; c < 4; c++) /* they fit without the fifth; the third is longest */
        values[c] = cases_text(text, VL_BY_BUILD(800U, 28U) + (c == 2 ? 2U : 0U));
    values[4] = cases_integer(4);
    CHECK(cases_insert(&t, &schema, 1, values));
    CHECK_EQ(cases_read(&t, &schema, 1, &arena, values), VL_LEAF_LIVE);
    for (uint32_t c = 0; c < 4; c++)
        CHECK_EQ(values[c].overflow, 0);
    other.change.id = 3;
    other.change.value = cases_text("changed meanwhile   ", 20);
    CHECK_OK(vl_table_change(unit_ctx(), &t.tree, t.work, &op, NULL, &state));
    CHECK(other.born > 0 && other.is_done);
    CHECK_EQ(cases_read(&t, &schema, 1, &arena, values), VL_LEAF_LIVE);
    CHECK_EQ(values[2].value.size, 20);
    CHECK(values[2].overflow != 0 || memcmp(values[2].value.as.data, "changed", 7) == 0);
    CHECK_EQ(values[4].value.size, change.value.value.size);
    cases_verify(&t, 1);
    vl_arena_deinit(&arena);
    cases_close(&t);
}

/* A log that counts, and sees that the row is not there yet. */
static void
cases_append(void *argument)
{
    ++*(uint32_t *)argument;
}

static void
table_change_logs_once_and_only_changes(void)
{
    static const uint32_t ids[1] = {1};
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    vl_leaf_value value = cases_integer(5);
    vl_table_op op = {.action = VL_TABLE_INSERT, .rowid = 5, .schema = &schema, .values = &value};
    uint32_t count = 0;
    vl_tree_log log = {cases_append, &count};
    vl_leaf_state state;
    cases_table t;

    cases_open(&t);
    CHECK_OK(vl_table_change(unit_ctx(), &t.tree, t.work, &op, &log, &state));
    CHECK_EQ(count, 1);
    CHECK_OK(vl_table_change(unit_ctx(), &t.tree, t.work, &op, &log, &state));
    CHECK_EQ(count, 1);
    cases_close(&t);
}

static int
cases_may_purge(void *argument, const vl_page_ref *leaf, int64_t rowid)
{
    (void)leaf;
    ++*(uint32_t *)argument;
    return rowid % 2 == 0;
}

/* A full page of tombstones makes room by dropping those that may go, instead of splitting. */
static void
table_drops_tombstones_that_may_go(void)
{
    static const uint32_t ids[1] = {1};
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    static uint8_t text[2 * CASES_PAGE_SIZE];
    uint32_t asked = 0;
    vl_table_op op = {.schema = &schema, .is_purgeable = cases_may_purge, .argument = &asked};
    vl_leaf_value value;
    vl_leaf_state state;
    cases_table t;

    cases_open(&t);
    op.values = &value;
    for (int64_t i = 0; i < 2000; i++) {
        value = cases_text(text, i % 50 == 8 ? sizeof text : 60);
        op.rowid = i;
        op.action = VL_TABLE_INSERT;
        CHECK_OK(vl_table_change(unit_ctx(), &t.tree, t.work, &op, NULL, &state));
        op.action = VL_TABLE_MARK;
        CHECK_OK(vl_table_change(unit_ctx(), &t.tree, t.work, &op, NULL, &state));
    }
    CHECK(asked > 100);
    for (int64_t i = 0; i < 2000; i++) {
        op.rowid = i;
        op.action = VL_TABLE_UNMARK;
        CHECK_OK(vl_table_change(unit_ctx(), &t.tree, t.work, &op, NULL, &state));
        /* Those that must stay are there, also for the pages that only they refer to. */
        CHECK(state == VL_LEAF_TOMBSTONE || (i % 2 == 0 && i % 50 != 8));
    }
    cases_close(&t);
}

/* ---- damage ---- */

/* Change bytes of a page behind the tree's back. */
static void
cases_damage(const cases_table *t, vl_pid pid, uint32_t at, uint8_t value)
{
    vl_page_ref ref;

    CHECK(vl_cache_exclusive(t->cache, pid, &ref));
    ((uint8_t *)ref.page)[at] = value;
    vl_cache_release_exclusive(t->cache, &ref);
}

static void
cases_note_pid(void *argument, vl_pid pid)
{
    vl_pid *pids = argument;

    pids[0]++;
    pids[pids[0]] = pid;
}

static velo_status
cases_ignore(vl_ctx *ctx, void *argument, const vl_table_row *row)
{
    (void)ctx;
    (void)argument;
    (void)row;
    return VELO_OK;
}

/* What a verification has told. */
typedef struct cases_seen {
    uint32_t faults;
    uint32_t visits;
} cases_seen;

static void
cases_count_fault(void *argument, vl_pid pid, const char *text)
{
    cases_seen *seen = argument;

    (void)pid;
    (void)text;
    seen->faults++;
}

static void
cases_count_visit(void *argument, vl_pid pid)
{
    cases_seen *seen = argument;

    (void)pid;
    seen->visits++;
}

/* Whatever page is not what it should be: verification finds it, and searches that meet it say so
 * and end. */
static void
table_with_damage_is_found_and_reported(void)
{
    static const uint32_t ids[1] = {1};
    static vl_pid pids[4096];
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    vl_tree_verify_options options = {.visit = cases_note_pid, .argument = pids};
    vl_tree_report report;
    uint32_t reported = 0;
    cases_table t;

    cases_open(&t);
    for (int64_t i = 0; i < 4000; i++) {
        vl_leaf_value value = cases_integer(i * i * i);

        CHECK(cases_insert(&t, &schema, i * 7919 % 4001, &value));
    }
    pids[0] = 0;
    CHECK_OK(vl_tree_verify(unit_ctx(), &t.tree, &options, &report));
    CHECK_EQ(pids[0], cases_page_count(&t));
    options.visit = NULL;
    for (uint32_t i = 1; i <= pids[0]; i++) {
        /* kind, level, pid, tree, first rowid of inner nodes */
        static const uint32_t places[] = {0, 1, 9, 17, 27};
        uint32_t at = places[i % VL_ARRAY_COUNT(places)];
        vl_page_ref ref;
        uint8_t old;

        CHECK(vl_cache_shared(t.cache, pids[i], &ref));
        if (((const vl_page_header *)ref.page)->level == 0 && at > 24)
            at = 0;
        old = ((const uint8_t *)ref.page)[at];
        vl_cache_release_shared(t.cache, &ref);
        cases_damage(&t, pids[i], at, (uint8_t)(old + 3));
        CHECK_STATUS(vl_tree_verify(unit_ctx(), &t.tree, &options, &report), VELO_CORRUPT);
        CHECK(report.fault_count > 0);
        reported = 0;
        for (int64_t rowid = 0; rowid < 4001; rowid += rowid < 3900 ? 7 : 1)
            reported +=
                vl_table_find(unit_ctx(), &t.tree, rowid, cases_ignore, NULL) == VELO_CORRUPT;
        CHECK(reported > 0 || at > 24); /* a range that is too wide harms no search */
        cases_damage(&t, pids[i], at, old);
    }
    cases_verify(&t, 4000);
    cases_close(&t);
}

/* A child that is named twice; a border that parent and child do not agree on. */
static void
table_with_wrong_borders_is_found(void)
{
    static const uint32_t ids[1] = {1};
    const vl_leaf_value defaults[1] = {cases_null()};
    vl_leaf_schema schema = {ids, defaults, 1, 0};
    cases_seen seen = {0, 0};
    vl_tree_verify_options options = {.fault = cases_count_fault, .argument = &seen};
    int64_t border;
    vl_tree_report report;
    vl_page_ref root;
    vl_pid first;
    vl_pid second;
    cases_table t;

    cases_open(&t);
    for (int64_t i = 0; i < 4000; i++) {
        vl_leaf_value value = cases_integer(i * i * i);

        CHECK(cases_insert(&t, &schema, i * 10, &value));
    }
    options.visit = cases_count_visit;
    CHECK(vl_cache_exclusive(t.cache, t.tree.root, &root));
    CHECK(((const vl_page_header *)root.page)->level > 1);
    border = vl_node_rowid_child_range(root.page, CASES_PAGE_SIZE, 0).last + 1;
    vl_node_rowid_set_separator(root.page, CASES_PAGE_SIZE, 0, border - 1);
    vl_cache_release_exclusive(t.cache, &root);
    CHECK_STATUS(vl_tree_verify(unit_ctx(), &t.tree, &options, &report), VELO_CORRUPT);
    CHECK_EQ(report.fault_count, 2);
    CHECK(vl_cache_exclusive(t.cache, t.tree.root, &root));
    vl_node_rowid_set_separator(root.page, CASES_PAGE_SIZE, 0, border);
    first = vl_node_rowid_child(root.page, CASES_PAGE_SIZE, 0);
    second = vl_node_rowid_child(root.page, CASES_PAGE_SIZE, 1);
    CHECK(first != second);
    vl_node_rowid_set_child(root.page, CASES_PAGE_SIZE, 1, first);
    vl_cache_release_exclusive(t.cache, &root);
    CHECK_STATUS(vl_tree_verify(unit_ctx(), &t.tree, &options, &report), VELO_CORRUPT);
    CHECK_EQ(report.fault_count, 1);
    CHECK_EQ(seen.faults, 3);
    CHECK(seen.visits <= 2 * cases_page_count(&t)); /* nothing twice below the wrong child */
    CHECK(vl_cache_exclusive(t.cache, t.tree.root, &root));
    vl_node_rowid_set_child(root.page, CASES_PAGE_SIZE, 1, second);
    vl_cache_release_exclusive(t.cache, &root);
    cases_verify(&t, 4000);
    cases_close(&t);
}

static const unit_test cases_tests[] = {
    UNIT_TEST(table_survives_each_allocation_failure),
    UNIT_TEST(table_tells_of_rows_that_move),
    UNIT_TEST(table_write_that_is_given_up_changes_nothing),
    UNIT_TEST(table_write_says_what_the_row_is),
    UNIT_TEST(table_update_frees_only_what_it_replaces),
    UNIT_TEST(table_update_moves_no_value_that_has_changed),
    UNIT_TEST(table_change_logs_once_and_only_changes),
    UNIT_TEST(table_drops_tombstones_that_may_go),
    UNIT_TEST(table_with_damage_is_found_and_reported),
    UNIT_TEST(table_with_wrong_borders_is_found),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, cases_tests, VL_ARRAY_COUNT(cases_tests));
}
