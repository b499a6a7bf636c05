/* test_tree_key_scan.c - scans of key trees that pause and go on while the tree changes, parts of
 * ranges, random leaves, loading. */
#include "unit/tree_key_model.h"

#include "base/bytes.h"
#include "storage/key.h"

#include <stdlib.h>
#include <string.h>

#define TEST_PAGE_SIZE VL_PAGE_MIN_SIZE

/* Insert so many random keys. */
static void
fill(key_model *m, uint32_t count)
{
    while (m->count < count && !unit_has_failed())
        key_model_step(m, 100);
}

/* ---- scans that pause ---- */

/* A scan that pauses at random entries and goes on from the next, or from the same again. */
static void
pausing_scan(key_model *m, int is_backward)
{
    static uint8_t key[1U << 18];
    static uint8_t part[VL_PAGE_MAX_SIZE / 4];
    static uint8_t copy[VL_PAGE_MAX_SIZE] __attribute__((aligned(64)));
    vl_tree_key_range all = {0};
    vl_tree_key_scan scan;
    uint32_t seen = 0;

    vl_tree_key_scan_begin(&scan, &m->tree, &all, is_backward);
    for (;;) {
        uint32_t left;
        uint32_t end;

        CHECK_OK(vl_tree_key_scan_next(m->ctx, &scan));
        if (scan.page == NULL)
            break;
        left = scan.index_end - scan.index_first;
        end = is_backward ? scan.index_end : scan.index_first;
        memcpy(copy, scan.page, m->tree.page_size);
        CHECK_OK(vl_tree_key_scan_release(m->ctx, &scan));
        for (uint32_t i = 0; i < left; i++) {
            vl_node_key_entry entry = vl_node_key_entry_at(
                copy, m->tree.page_size, is_backward ? end - 1 - i : end + i, part);
            const key_entry *wanted = &m->entries[is_backward ? m->count - 1 - seen : seen];
            uint32_t dice = (uint32_t)vl_rng_below(&m->rng, 8);

            CHECK(seen < m->count && entry.key.total_size == wanted->size);
            CHECK_OK(vl_tree_key_read(m->ctx, &m->tree, &entry.key, key));
            CHECK(wanted->size == 0 || memcmp(key, wanted->key, wanted->size) == 0);
            if (dice == 0) { /* this one again */
                CHECK_OK(vl_tree_key_scan_pause(m->ctx, &scan, key, wanted->size, 0));
                break;
            }
            seen++;
            if (dice == 1) { /* behind it */
                CHECK_OK(vl_tree_key_scan_pause(m->ctx, &scan, key, wanted->size, 1));
                break;
            }
        }
    }
    vl_tree_key_scan_end(&scan);
    CHECK_EQ(seen, m->count);
}

static void
tree_key_scan_goes_on_where_it_paused(void)
{
    for (uint32_t i = 0; i < 6 && !unit_has_failed(); i++) {
        key_model m;

        key_model_init(&m, TEST_PAGE_SIZE, i % 2 == 0 ? 4 : 0, i < 4 ? 0xff : KEY_TIES | KEY_DEEP,
                       unit_seed() + i);
        fill(&m, VL_TSAN ? 100 : 400);
        pausing_scan(&m, (int)i & 1);
        key_model_deinit(&m);
    }
}

/* Entries are removed and inserted all around the scan, so that its leaves are split and joined;
 * one that stays is seen exactly once (11, item 33). */
static void
changing_scan(key_model *m, int is_backward)
{
    vl_tree_key_range all = {0};
    vl_tree_key_scan scan;
    uint32_t seen = 0; /* keys of 8 bytes, of which the even ones stay */
    uint8_t part[VL_PAGE_MAX_SIZE / 4];

    vl_tree_key_scan_begin(&scan, &m->tree, &all, is_backward);
    for (;;) {
        CHECK_OK(vl_tree_key_scan_next(m->ctx, &scan));
        if (scan.page == NULL)
            break;
        for (uint32_t i = scan.index_first; i < scan.index_end; i++) {
            uint32_t index = is_backward ? scan.index_end - 1 - (i - scan.index_first) : i;
            uint64_t number;

            (void)vl_node_key_entry_at(scan.page, m->tree.page_size, index, part);
            number = vl_load_be64(part);
            if (number % 2 != 0)
                continue;
            CHECK_EQ(number, is_backward ? 2 * (999 - seen) : 2 * seen);
            seen++;
        }
        CHECK_OK(vl_tree_key_scan_release(m->ctx, &scan));
        for (uint32_t i = 0; i < 300; i++) { /* odd keys come and go */
            uint8_t key[8];

            vl_store_be64(key, 2 * vl_rng_below(&m->rng, 1000) + 1);
            key_model_change(m, seen / 100 % 2 == 0 ? VL_TREE_KEY_INSERT : VL_TREE_KEY_REMOVE, key,
                             sizeof key);
        }
    }
    vl_tree_key_scan_end(&scan);
    CHECK_EQ(seen, 1000);
}

static void
tree_key_scan_beside_changes_hazard_33(void)
{
    for (int is_backward = 0; is_backward < 2 && !unit_has_failed(); is_backward++) {
        key_model m;

        key_model_init(&m, TEST_PAGE_SIZE, 4, KEY_SHORT, unit_seed());
        for (uint32_t i = 0; i < 1000; i++) {
            uint8_t key[8];

            vl_store_be64(key, 2 * i);
            key_model_change(&m, VL_TREE_KEY_INSERT, key, sizeof key);
        }
        changing_scan(&m, is_backward);
        if (!unit_has_failed())
            key_model_check(&m);
        key_model_deinit(&m);
    }
}

/* ---- parts of a range ---- */

static uint32_t
count_range(key_model *m, const vl_tree_key_range *range)
{
    vl_tree_key_scan scan;
    uint32_t count = 0;

    vl_tree_key_scan_begin(&scan, &m->tree, range, 0);
    while (vl_tree_key_scan_next(m->ctx, &scan) == VELO_OK && scan.page != NULL)
        count += scan.index_end - scan.index_first;
    vl_tree_key_scan_end(&scan);
    return count;
}

/* The parts lie one behind the other, and hold all of the range. Returns the greatest part. */
static uint32_t
check_parts(key_model *m, const vl_tree_key_range *range, uint32_t wanted, uint32_t *taken)
{
    vl_tree_key_range parts[16];
    vl_arena arena;
    uint32_t sum = 0;
    uint32_t most = 0;
    int is_right = 1;

    vl_arena_init(&arena, NULL, 0);
    if (vl_tree_key_split_range(m->ctx, &m->tree, range, wanted, &arena, parts, taken) != VELO_OK) {
        unit_failed(__FILE__, __LINE__, "%s", m->ctx->error.text);
        return 0;
    }
    for (uint32_t i = 0; i < *taken; i++) {
        uint32_t count = count_range(m, &parts[i]);

        sum += count;
        most = count > most ? count : most;
        if (i > 0)
            is_right = is_right && parts[i - 1].has_high && parts[i].low == parts[i - 1].high &&
                       parts[i].low_size == parts[i - 1].high_size;
        if (parts[i].has_high && *taken > 1)
            is_right = is_right && vl_key_compare(parts[i].low, parts[i].low_size, parts[i].high,
                                                  parts[i].high_size) < 0;
    }
    is_right = is_right && *taken >= 1 && *taken <= wanted && sum == count_range(m, range) &&
               parts[0].low == range->low && parts[*taken - 1].has_high == range->has_high;
    vl_arena_deinit(&arena);
    if (!is_right)
        unit_failed(__FILE__, __LINE__, "%u parts are wrong", (unsigned)*taken);
    return most;
}

static void
tree_key_range_is_split_evenly(void)
{
    vl_tree_key_range all = {0};
    vl_tree_key_range some = {"\x10", 1, "\xe0", 1, 1};
    vl_tree_key_range none = {"x", 1, "a", 1, 1};
    key_model m;
    uint32_t taken;

    key_model_init(&m, TEST_PAGE_SIZE, 0, KEY_RANDOM, unit_seed());
    CHECK_EQ(check_parts(&m, &all, 8, &taken), 0);
    CHECK_EQ(taken, 1);
    fill(&m, 3000);
    for (uint32_t wanted = 1; wanted <= 8; wanted++) {
        uint32_t most = check_parts(&m, &all, wanted, &taken);

        CHECK(!unit_has_failed());
        CHECK_EQ(taken, wanted);
        CHECK(most < 3000 / wanted * 2 + 100);
        most = check_parts(&m, &some, wanted, &taken);
        CHECK_EQ(taken, wanted);
        CHECK(most < 3000 / wanted * 2 + 100);
    }
    CHECK_EQ(check_parts(&m, &none, 4, &taken), 0);
    CHECK_EQ(taken, 1);
    key_model_deinit(&m);
}

/* Where all separators tie, parts are few, but right. */
static void
tree_key_range_of_ties_is_split(void)
{
    vl_tree_key_range all = {0};
    key_model m;
    uint32_t taken;

    key_model_init(&m, TEST_PAGE_SIZE, 3, KEY_TIES | KEY_DEEP, unit_seed());
    fill(&m, 200);
    for (uint32_t wanted = 1; wanted <= 16; wanted++)
        (void)check_parts(&m, &all, wanted, &taken);
    key_model_deinit(&m);
}

/* ---- random leaves ---- */

typedef struct drawn_leaves {
    uint32_t counts[4096]; /* by page number */
    uint32_t total;        /* of all */
} drawn_leaves;

static velo_status
count_leaf(vl_ctx *ctx, void *argument, const vl_page_ref *leaf)
{
    drawn_leaves *drawn = argument;

    (void)ctx;
    if (vl_tree_level(leaf->page) != 0 || leaf->pid >= VL_ARRAY_COUNT(drawn->counts))
        return VELO_ERROR;
    drawn->counts[leaf->pid]++;
    drawn->total++;
    return VELO_OK;
}

static velo_status
stop_at_third(vl_ctx *ctx, void *argument, const vl_page_ref *leaf)
{
    (void)leaf;
    return ++*(uint32_t *)argument == 3 ? vl_fail(ctx, VELO_INTERRUPT, "enough") : VELO_OK;
}

/* Leaves below nodes with few children are not drawn more often than others. */
static void
tree_key_sample_is_even(void)
{
    static drawn_leaves drawn;
    vl_tree_report report;
    vl_tree_verify_options options = {0};
    uint32_t draws;
    uint32_t never = 0;
    uint32_t calls = 0;
    key_model m;

    key_model_init(&m, TEST_PAGE_SIZE, 0, KEY_RANDOM | KEY_NUMBERS, unit_seed());
    m.tree.max_children = 24;
    memset(&report, 0, sizeof report);
    for (uint64_t i = 0; report.height < 3 && i < 100000;
         i++) { /* until the root has two children */
        uint8_t key[8];

        vl_store_be64(key, i);
        key_model_change(&m, VL_TREE_KEY_INSERT, key, sizeof key);
        if (i % 50 == 0)
            CHECK_OK(vl_tree_key_verify(m.ctx, &m.tree, &options, &report));
    }
    CHECK_EQ(report.height, 3); /* one of them has all leaves but two */
    memset(&drawn, 0, sizeof drawn);
    draws = (uint32_t)report.leaf_count * 100;
    CHECK_OK(vl_tree_key_sample(m.ctx, &m.tree, &m.rng, draws, count_leaf, &drawn));
    CHECK_EQ(drawn.total, draws);
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(drawn.counts); i++) {
        CHECK(drawn.counts[i] < 200);
        never += drawn.counts[i] > 0;
    }
    CHECK_EQ(never, report.leaf_count); /* each was drawn */
    CHECK_STATUS(vl_tree_key_sample(m.ctx, &m.tree, &m.rng, 9, stop_at_third, &calls),
                 VELO_INTERRUPT);
    CHECK_EQ(calls, 3);
    key_model_deinit(&m);
}

/* ---- loading ---- */

typedef struct load_log {
    uint32_t granted;  /* entries that may be appended */
    uint32_t appended; /* so far */
    uint32_t calls;    /* of grant */
    uint32_t refuse;   /* the one that fails; 0: none does */
    int is_wrong;      /* more was appended than granted */
    int pages;         /* of rests, as noted */
} load_log;

static velo_status
log_grant(vl_ctx *ctx, void *argument, const vl_tree_key_item *items, uint32_t count)
{
    load_log *log = argument;

    (void)items;
    log->calls++;
    if (log->calls == log->refuse)
        return vl_fail(ctx, VELO_FULL, "the log is full");
    log->granted = count;
    return VELO_OK;
}

static void
log_append(void *argument, const vl_tree_key_item *items, uint32_t count)
{
    load_log *log = argument;

    (void)items;
    log->is_wrong |= count > log->granted || count == 0;
    log->granted = 0;
    log->appended += count;
}

static void
log_note(void *argument, vl_pid pid, int is_born)
{
    load_log *log = argument;

    (void)pid;
    log->pages += is_born ? 1 : -1;
}

/* Take the model's entries as what is to be loaded into an empty tree, part by part. */
static void
load_all(key_model *m, vl_tree *tree, uint32_t part, const vl_tree_key_load_log *log)
{
    vl_tree_key_item *items = malloc((m->count + 1) * sizeof *items);

    if (items == NULL)
        abort();
    for (uint32_t i = 0; i < m->count; i++) {
        items[i].key = m->entries[i].key;
        items[i].key_size = m->entries[i].size;
        items[i].value = m->entries[i].value;
        items[i].value_size = m->entries[i].value_size;
        m->entries[i].is_deleted = 0;
    }
    for (uint32_t i = 0; i < m->count && !unit_has_failed(); i += part) {
        uint32_t count = m->count - i < part ? m->count - i : part;
        uint32_t taken;
        velo_status st = vl_tree_key_load(m->ctx, tree, m->work, items + i, count, log, &taken);

        if (st != VELO_OK || taken != count)
            unit_failed(__FILE__, __LINE__, "%u of %u: %s", (unsigned)taken, (unsigned)count,
                        st == VELO_OK ? "too few" : m->ctx->error.text);
    }
    free(items);
}

static void
load_run(uint32_t kinds, uint32_t count, uint32_t part, uint32_t max_children)
{
    load_log log = {0};
    vl_tree_key_load_log calls = {log_grant, log_append, log_note, &log, NULL, NULL};
    int is_gone = 0;
    vl_tree loaded;
    key_model m;

    key_model_init(&m, TEST_PAGE_SIZE, max_children, kinds, unit_seed());
    fill(&m, count);
    CHECK_OK(vl_tree_create(m.ctx, &vl_tree_key_ops, m.cache, 43, NULL, &loaded));
    loaded.max_children = m.tree.max_children;
    load_all(&m, &loaded, part, &calls);
    CHECK_EQ(log.appended, count);
    CHECK(!log.is_wrong);
    while (!is_gone)
        CHECK_OK(vl_tree_drop(m.ctx, &m.tree, m.work, 7, NULL, &is_gone));
    m.tree = loaded;
    if (!unit_has_failed())
        key_model_check(&m); /* of the loaded one: nothing else is in the cache */
    key_model_deinit(&m);
}

static void
tree_key_load_builds_whole_tree(void)
{
    load_run(KEY_RANDOM | KEY_NUMBERS, 3000, 5000, 0);
    load_run(KEY_RANDOM | KEY_SHARED, 2000, 700, 4);
    load_run(KEY_SHORT, 500, 3, 0);
}

static void
tree_key_load_takes_long_keys(void)
{
    load_run(0xff, 600, 100, 4);
    load_run(KEY_TIES | KEY_DEEP, 200, 1000, 3);
}

/* Leaves that were built are full. */
static void
tree_key_load_fills_leaves(void)
{
    static uint8_t keys[20000][20];
    static vl_tree_key_item items[20000];
    vl_tree_report report;
    vl_tree_verify_options options = {0};
    uint64_t least = sizeof keys[0] - 12 + 4 + 4 + 1; /* what a key takes at least */
    uint32_t taken;
    key_model m;

    key_model_init(&m, TEST_PAGE_SIZE, 0, KEY_SHORT, unit_seed());
    for (uint32_t i = 0; i < 20000; i++) {
        memset(keys[i], 'p', 12);
        vl_store_be64(keys[i] + 12, i);
        items[i].key = keys[i];
        items[i].key_size = sizeof keys[i];
        items[i].value = NULL;
        items[i].value_size = 0;
    }
    CHECK_OK(vl_tree_key_load(m.ctx, &m.tree, m.work, items, 20000, NULL, &taken));
    CHECK_EQ(taken, 20000);
    CHECK_OK(vl_tree_key_verify(m.ctx, &m.tree, &options, &report));
    CHECK_EQ(report.entry_count, 20000);
    CHECK(report.leaf_count < 20000 * least / (TEST_PAGE_SIZE - 64) * 13 / 10);
    key_model_deinit(&m);
}

/* Into a tree that has entries: between them, behind them, and where one is already. */
static void
tree_key_load_into_a_filled_tree(void)
{
    static uint8_t keys[3000][8];
    static vl_tree_key_item items[3000];
    uint32_t taken;
    key_model m;

    key_model_init(&m, TEST_PAGE_SIZE, 4, KEY_NUMBERS, unit_seed());
    for (uint32_t i = 0; i < 3000; i += 3) {
        uint8_t key[8];

        vl_store_be64(key, i);
        key_model_change(&m, VL_TREE_KEY_INSERT, key, sizeof key);
    }
    for (uint32_t i = 0; i < 3000; i++) {
        vl_store_be64(keys[i], 3 * i + 1);
        items[i].key = keys[i];
        items[i].key_size = 8;
        items[i].value = "v";
        items[i].value_size = 1;
    }
    CHECK_OK(vl_tree_key_load(m.ctx, &m.tree, m.work, items, 3000, NULL, &taken));
    CHECK_EQ(taken, 3000);
    CHECK_EQ(count_range(&m, &(vl_tree_key_range){0}), 4000);
    vl_store_be64(keys[5], 4); /* is there */
    CHECK_STATUS(vl_tree_key_load(m.ctx, &m.tree, m.work, items + 5, 1, NULL, &taken),
                 VELO_CONSTRAINT);
    CHECK_EQ(taken, 0);
    CHECK_STATUS(vl_tree_key_load(m.ctx, &m.tree, m.work, items + 4, 2, NULL, &taken),
                 VELO_CONSTRAINT);
    CHECK_CONTAINS(m.ctx->error.text, "does not rise");
    items[0].value_size = vl_node_key_value_max(TEST_PAGE_SIZE) + 1;
    vl_store_be64(keys[0], 0x7fffffff);
    CHECK_STATUS(vl_tree_key_load(m.ctx, &m.tree, m.work, items, 1, NULL, &taken), VELO_TOOBIG);
    items[0].value_size = 1;
    CHECK_OK(vl_tree_key_load(m.ctx, &m.tree, m.work, items, 0, NULL, &taken));
    CHECK_EQ(count_range(&m, &(vl_tree_key_range){0}), 4000);
    key_model_deinit(&m);
}

/* A log that fails at some point: what was taken is in the tree, and no more. */
static void
tree_key_load_stops_where_the_log_is_full(void)
{
    static uint8_t keys[2000][8];
    static vl_tree_key_item items[2000];
    load_log log = {0};
    vl_tree_key_load_log calls = {log_grant, log_append, log_note, &log, NULL, NULL};
    key_model m;
    uint32_t taken;

    for (uint32_t i = 0; i < 2000; i++) {
        vl_store_be64(keys[i], i);
        items[i].key = keys[i];
        items[i].key_size = 8;
        items[i].value_size = 0;
    }
    for (uint32_t refuse = 1; refuse < 12; refuse += 3) {
        key_model_init(&m, TEST_PAGE_SIZE, 0, KEY_NUMBERS, unit_seed());
        memset(&log, 0, sizeof log);
        log.refuse = refuse;
        CHECK_STATUS(vl_tree_key_load(m.ctx, &m.tree, m.work, items, 2000, &calls, &taken),
                     VELO_FULL);
        CHECK_EQ(taken, log.appended);
        CHECK_EQ(count_range(&m, &(vl_tree_key_range){0}), taken);
        key_model_deinit(&m);
    }
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(tree_key_scan_goes_on_where_it_paused),
        UNIT_TEST(tree_key_scan_beside_changes_hazard_33),
        UNIT_TEST(tree_key_range_is_split_evenly),
        UNIT_TEST(tree_key_range_of_ties_is_split),
        UNIT_TEST(tree_key_sample_is_even),
        UNIT_TEST(tree_key_load_builds_whole_tree),
        UNIT_TEST(tree_key_load_takes_long_keys),
        UNIT_TEST(tree_key_load_fills_leaves),
        UNIT_TEST(tree_key_load_into_a_filled_tree),
        UNIT_TEST(tree_key_load_stops_where_the_log_is_full),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
