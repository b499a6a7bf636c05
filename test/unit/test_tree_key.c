/* test_tree_key.c - key trees against a sorted array: one thread, pages in memory. */
#include "base/bytes.h"
#include "storage/tree_key_int.h"
#include "unit/tree_key_model.h"

#include <stdlib.h>
#include <string.h>

#define TEST_PAGE_SIZE VL_PAGE_MIN_SIZE
#define TEST_STEPS     (VL_TSAN ? 1500U : 12000U)
#define TEST_MANY      (VL_TSAN ? 250U : 2000U)

/* ---- long random sequences ---- */

/* Grow, shrink, and remove all. */
static void
random_run(uint32_t page_size, uint32_t max_children, uint32_t kinds, uint32_t steps,
           uint32_t wanted_height)
{
    key_model m;

    key_model_init(&m, page_size, max_children, kinds, unit_seed());
    for (uint32_t i = 0; i < steps && !unit_has_failed(); i++) {
        key_model_step(&m, i < steps / 2 ? 85 : 15);
        if (i % 8 == 0)
            key_model_lookup(&m);
        if (i % 64 == 0)
            key_model_scan(&m);
        if (i % (steps / 8) == 0 || i == steps / 2)
            key_model_check(&m);
    }
    if (!unit_has_failed())
        key_model_check(&m);
    while (m.count > 0 && !unit_has_failed()) {
        const key_entry *entry = &m.entries[vl_rng_below(&m.rng, m.count)];
        uint8_t *key = malloc(entry->size + 1);
        uint32_t size = entry->size;

        if (key == NULL)
            abort();
        if (size > 0)
            memcpy(key, entry->key, size);
        key_model_change(&m, VL_TREE_KEY_REMOVE, key, size);
        free(key);
    }
    if (!unit_has_failed())
        key_model_check(&m);
    if (!unit_has_failed() && (key_model_pages(&m) != 1 || m.most_high < wanted_height))
        unit_failed(__FILE__, __LINE__, "%u pages are left, height was %u",
                    (unsigned)key_model_pages(&m), (unsigned)m.most_high);
    key_model_deinit(&m);
}

static void
tree_key_short_keys_follow_model(void)
{
    random_run(TEST_PAGE_SIZE, 3, KEY_SHORT | KEY_NUMBERS | KEY_RANDOM, TEST_STEPS,
               VL_TSAN ? 3 : 4);
}

static void
tree_key_shared_prefixes_follow_model(void)
{
    random_run(TEST_PAGE_SIZE, 0, KEY_SHARED | KEY_SHORT, TEST_STEPS, 2);
}

static void
tree_key_wide_keys_make_high_trees(void)
{
    random_run(TEST_PAGE_SIZE, 3, KEY_WIDE | KEY_EDGE, TEST_STEPS, VL_TSAN ? 5 : 7);
}

static void
tree_key_ties_follow_model(void)
{
    random_run(TEST_PAGE_SIZE, 4, KEY_TIES, TEST_STEPS / 2, 3);
}

static void
tree_key_deep_ties_follow_model(void)
{
    random_run(TEST_PAGE_SIZE, 3, KEY_DEEP | KEY_TIES | KEY_EDGE, TEST_STEPS / 2, 3);
}

static void
tree_key_all_kinds_follow_model(void)
{
    random_run(TEST_PAGE_SIZE, 0, 0xff, TEST_STEPS, 3);
    random_run(VL_PAGE_DEFAULT_SIZE, 0, 0xff, TEST_STEPS / 2, 2);
}

/* ---- single facts ---- */

/* Keys of a mebibyte that differ in the last byte. */
static void
tree_key_keys_of_a_mebibyte(void)
{
    static const uint32_t page_sizes[] = {VL_PAGE_MIN_SIZE, VL_PAGE_DEFAULT_SIZE};
    uint32_t size = (1U << 20) + 5;
    uint8_t *key = malloc(size + 1);
    uint8_t *got = malloc(size + 1);
    uint8_t value[64];
    uint32_t value_size;
    vl_tree_key_state state;
    int is_done;

    CHECK(key != NULL && got != NULL);
    memset(key, 'k', size + 1);
    for (uint32_t i = VL_TSAN ? 1 : 0; i < VL_ARRAY_COUNT(page_sizes); i++) {
        vl_tree_key_range all = {0};
        vl_tree_key_scan scan;
        vl_tree_report report;
        vl_tree_verify_options options = {0};
        uint32_t seen = 0;
        key_model m;

        key_model_init(&m, page_sizes[i], 3, KEY_TIES, unit_seed());
        for (uint32_t k = 0; k < 12; k++) {
            key[size - 1] = (uint8_t)('a' + k * 5 % 12);
            CHECK_OK(
                vl_tree_key_insert(m.ctx, &m.tree, m.work, key, size, key + size - 1, 1, &is_done));
            CHECK(is_done);
        }
        CHECK_OK(vl_tree_key_insert(m.ctx, &m.tree, m.work, key, size, "x", 1, &is_done));
        CHECK(!is_done);
        CHECK_OK(vl_tree_key_verify(m.ctx, &m.tree, &options, &report));
        CHECK_EQ(report.entry_count, 12);
        vl_tree_key_scan_begin(&scan, &m.tree, &all, 0);
        while (vl_tree_key_scan_next(m.ctx, &scan) == VELO_OK && scan.page != NULL) {
            vl_node_key_entry entries[12];
            uint8_t part[VL_PAGE_MAX_SIZE / 4];
            uint32_t count = scan.index_end - scan.index_first;

            for (uint32_t k = 0; k < count; k++)
                entries[k] =
                    vl_node_key_entry_at(scan.page, m.tree.page_size, scan.index_first + k, part);
            CHECK_OK(vl_tree_key_scan_release(m.ctx, &scan));
            for (uint32_t k = 0; k < count; k++, seen++) {
                key[size - 1] = (uint8_t)('a' + seen);
                CHECK_OK(vl_tree_key_read(m.ctx, &m.tree, &entries[k].key, got));
                CHECK(memcmp(got, key, size) == 0);
            }
        }
        vl_tree_key_scan_end(&scan);
        CHECK_EQ(seen, 12);
        for (uint32_t k = 0; k < 12; k++) {
            key[size - 1] = (uint8_t)('a' + k * 7 % 12);
            CHECK_OK(vl_tree_key_get(m.ctx, &m.tree, key, size, value, &value_size, &state));
            CHECK(state == VL_TREE_KEY_LIVE && value_size == 1 && value[0] == key[size - 1]);
            CHECK_OK(vl_tree_key_get(m.ctx, &m.tree, key, size - 1, value, &value_size, &state));
            CHECK_EQ(state, VL_TREE_KEY_ABSENT);
            CHECK_OK(vl_tree_key_remove(m.ctx, &m.tree, m.work, key, size, &is_done));
            CHECK(is_done);
        }
        CHECK_EQ(key_model_pages(&m), 1);
        key_model_deinit(&m);
    }
    free(key);
    free(got);
}

static void
tree_key_too_long_is_refused(void)
{
    uint8_t value[VL_PAGE_MAX_SIZE] = {0};
    uint32_t most = vl_node_key_value_max(TEST_PAGE_SIZE);
    key_model m;
    int is_done;

    key_model_init(&m, TEST_PAGE_SIZE, 0, KEY_SHORT, unit_seed());
    CHECK_STATUS(vl_tree_key_insert(m.ctx, &m.tree, m.work, value, VL_TREE_KEY_MAX_SIZE + 1, NULL,
                                    0, &is_done),
                 VELO_TOOBIG);
    CHECK(!is_done);
    CHECK_STATUS(vl_tree_key_insert(m.ctx, &m.tree, m.work, "k", 1, value, most + 1, &is_done),
                 VELO_TOOBIG);
    CHECK_OK(vl_tree_key_insert(m.ctx, &m.tree, m.work, "k", 1, value, most, &is_done));
    CHECK_OK(vl_tree_key_insert(m.ctx, &m.tree, m.work, NULL, 0, NULL, 0, &is_done));
    CHECK(is_done);
    key_model_deinit(&m);
}

/* What a caller of vl_tree_key_change wants to know. */
typedef struct change_notes {
    int pages;         /* of rests: born less freed */
    uint32_t asked;    /* tombstones asked about */
    int is_purgeable;  /* the answer */
    uint32_t appended; /* records */
} change_notes;

static int
answer_purgeable(void *argument, const vl_page_ref *leaf, uint32_t index)
{
    change_notes *notes = argument;

    notes->asked += vl_node_key_entry_at(leaf->page, TEST_PAGE_SIZE, index, NULL).is_deleted != 0;
    return notes->is_purgeable;
}

static void
note_rest(void *argument, vl_pid pid, int is_born)
{
    (void)pid;
    ((change_notes *)argument)->pages += is_born ? 1 : -1;
}

static void
append_record(void *argument)
{
    ((change_notes *)argument)->appended++;
}

/* A leaf full of tombstones takes new entries without being split, if they may go. */
static void
tree_key_tombstones_make_room(void)
{
    for (int is_long = 0; is_long < 2; is_long++) {
        change_notes notes = {0, 0, 1, 0};
        uint32_t part = vl_node_key_part_max(TEST_PAGE_SIZE);
        uint8_t key[VL_PAGE_MAX_SIZE / 4 + 64];
        uint32_t size = is_long ? part + 20 : 20;
        vl_tree_key_op op = {.key = key,
                             .key_size = size,
                             .is_purgeable = answer_purgeable,
                             .note = note_rest,
                             .argument = &notes};
        vl_tree_log log = {append_record, &notes};
        vl_tree_key_state state;
        vl_tree_report report;
        vl_tree_verify_options options = {0};
        key_model m;

        key_model_init(&m, TEST_PAGE_SIZE, 0, KEY_SHORT, unit_seed());
        memset(key, 'k', sizeof key);
        for (uint32_t i = 0; i < TEST_MANY; i++) {
            vl_store_be64(key + size - 8, i);
            op.action = VL_TREE_KEY_INSERT;
            CHECK_OK(vl_tree_key_change(m.ctx, &m.tree, m.work, &op, &log, &state));
            CHECK_EQ(state, VL_TREE_KEY_ABSENT);
            op.action = VL_TREE_KEY_MARK;
            CHECK_OK(vl_tree_key_change(m.ctx, &m.tree, m.work, &op, &log, &state));
            CHECK_EQ(state, VL_TREE_KEY_LIVE);
        }
        CHECK_OK(vl_tree_key_verify(m.ctx, &m.tree, &options, &report));
        CHECK_EQ(report.leaf_count, 1);
        CHECK_EQ(key_model_pages(&m), 1U + (uint32_t)notes.pages);
        CHECK(notes.asked > TEST_MANY / 2);
        CHECK_EQ(notes.appended, 2 * TEST_MANY);
        notes.is_purgeable = 0;
        for (uint32_t i = TEST_MANY; i < TEST_MANY + 300; i++) {
            vl_store_be64(key + size - 8, i);
            op.action = VL_TREE_KEY_INSERT;
            CHECK_OK(vl_tree_key_change(m.ctx, &m.tree, m.work, &op, &log, &state));
        }
        CHECK_OK(vl_tree_key_verify(m.ctx, &m.tree, &options, &report));
        CHECK(report.leaf_count > 1);
        CHECK(report.entry_count > 300);
        key_model_deinit(&m);
    }
}

/* A write that is looked at and given up leaves nothing behind: no entry, no rest. */
static void
tree_key_write_given_up_leaves_nothing(void)
{
    uint32_t part = vl_node_key_part_max(TEST_PAGE_SIZE);
    uint8_t key[VL_PAGE_MAX_SIZE / 4 + 64];
    change_notes notes = {0};
    vl_tree_key_op op = {.action = VL_TREE_KEY_INSERT,
                         .key = key,
                         .key_size = part + 30,
                         .note = note_rest,
                         .argument = &notes};
    vl_tree_key_write write;
    key_model m;

    memset(key, 'k', sizeof key);
    key_model_init(&m, TEST_PAGE_SIZE, 0, KEY_TIES, unit_seed());
    CHECK_OK(vl_tree_key_write_begin(m.ctx, &m.tree, m.work, &op, &write));
    CHECK(write.is_possible && write.leaf.page != NULL && write.state == VL_TREE_KEY_ABSENT);
    CHECK_EQ(notes.pages, 1);
    CHECK_EQ(key_model_pages(&m), 2);
    vl_tree_key_write_end(m.ctx, &write);
    CHECK_EQ(notes.pages, 0);
    CHECK_EQ(key_model_pages(&m), 1);
    op.action = VL_TREE_KEY_REMOVE;
    CHECK_OK(vl_tree_key_write_begin(m.ctx, &m.tree, m.work, &op, &write));
    CHECK(!write.is_possible && write.leaf.page != NULL);
    vl_tree_key_write_end(m.ctx, &write);
    key_model_check(&m);
    key_model_deinit(&m);
}

/* Dropping, a page at a time: as if the process had been killed after each. */
static void
tree_key_drop_returns_every_page(void)
{
    static const uint32_t steps[] = {1, 2, 5, 1000};

    for (uint32_t i = 0; i < VL_ARRAY_COUNT(steps); i++) {
        int is_gone = 0;
        key_model m;

        key_model_init(&m, TEST_PAGE_SIZE, 3, i % 2 == 0 ? 0xff : KEY_TIES | KEY_DEEP,
                       unit_seed() + i);
        while (m.count < 150 && !unit_has_failed())
            key_model_step(&m, 100);
        key_model_check(&m);
        while (!is_gone) {
            uint64_t before = key_model_pages(&m);

            CHECK_OK(vl_tree_drop(m.ctx, &m.tree, m.work, steps[i], NULL, &is_gone));
            CHECK(before - key_model_pages(&m) <= steps[i]);
            CHECK(before > key_model_pages(&m) || steps[i] < 3);
        }
        CHECK_EQ(key_model_pages(&m), 0);
        key_model_deinit(&m);
    }
}

/* Rests that were handed over, to be freed later. */
typedef struct handed_rests {
    vl_overflow rests[4000];
    uint32_t count;
} handed_rests;

static void
take_rest(void *argument, const vl_overflow *rest)
{
    handed_rests *handed = argument;

    if (handed->count < VL_ARRAY_COUNT(handed->rests))
        handed->rests[handed->count++] = *rest;
}

/* Who takes over the rests that are unlinked, of separators too, frees them when it likes. */
static void
tree_key_rests_are_handed_over(void)
{
    static handed_rests handed;
    uint32_t part = vl_node_key_part_max(TEST_PAGE_SIZE);
    uint8_t key[VL_PAGE_MAX_SIZE / 4 + 64];
    vl_tree_key_op op = {.action = VL_TREE_KEY_REMOVE,
                         .key = key,
                         .key_size = part + 12,
                         .dropped = take_rest,
                         .argument = &handed};
    vl_tree_key_state state;
    uint32_t separators;
    uint32_t keys = TEST_MANY;
    key_model m;
    int is_done;

    handed.count = 0;
    memset(key, 'k', sizeof key);
    key_model_init(&m, TEST_PAGE_SIZE, 3, KEY_TIES, unit_seed());
    for (uint32_t i = 0; i < keys; i++) {
        vl_store_be64(key + part + 4, i);
        CHECK_OK(vl_tree_key_insert(m.ctx, &m.tree, m.work, key, part + 12, NULL, 0, &is_done));
    }
    for (uint32_t i = 0; i < keys; i++) {
        vl_store_be64(key + part + 4, i * 7 % keys);
        CHECK_OK(vl_tree_key_change(m.ctx, &m.tree, m.work, &op, NULL, &state));
        CHECK_EQ(state, VL_TREE_KEY_LIVE);
    }
    CHECK(handed.count > keys); /* some were separators' */
    separators = handed.count - keys;
    CHECK(separators > 10 && handed.count < VL_ARRAY_COUNT(handed.rests));
    CHECK_EQ(key_model_pages(&m), 1 + handed.count);
    for (uint32_t i = 0; i < handed.count; i++) {
        vl_overflow_freeing freeing = {handed.rests[i], 0, NULL, NULL};

        freeing.left = vl_overflow_page_count(TEST_PAGE_SIZE, freeing.value.size);
        CHECK_OK(vl_tree_key_free_rest(m.ctx, &m.tree, &freeing, 10));
        CHECK_EQ(freeing.left, 0);
    }
    CHECK_EQ(key_model_pages(&m), 1);
    key_model_check(&m);
    key_model_deinit(&m);
}

/* A note counts only if what it speaks of could not be freed since it was found: the first tie pins
 * and is looked for again. */
static void
tree_key_first_tie_notes_nothing(void)
{
    uint32_t part = vl_node_key_part_max(TEST_PAGE_SIZE);
    uint8_t bytes[VL_PAGE_MAX_SIZE / 4 + 64];
    vl_node_key key = vl_node_key_make(bytes, part + 9);
    vl_overflow_source source = {.tree = KEY_MODEL_TREE, .size = 9, .data = "kkkkkkkkj"};
    vl_tree_step step = {.tie_total = part + 9};
    vl_tree_target target;
    key_model m;

    memset(bytes, 'k', sizeof bytes);
    key_model_init(&m, TEST_PAGE_SIZE, 0, KEY_TIES, unit_seed());
    CHECK_OK(vl_overflow_write(m.ctx, m.cache, &source, &step.tie_rest));
    vl_tree_key_target_init(&target, &key, VL_TREE_AT);
    CHECK_OK(vl_tree_key_resolve(m.ctx, &m.tree, &target, &step));
    CHECK(target.pin != 0);
    CHECK_EQ(target.tie_count, 0);
    for (uint32_t i = 1; i <= VL_TREE_TIES + 5; i++) {
        CHECK_OK(vl_tree_key_resolve(m.ctx, &m.tree, &target, &step));
        CHECK_EQ(target.tie_count, i < VL_TREE_TIES ? i : VL_TREE_TIES);
        CHECK_EQ(target.ties[target.tie_count - 1].rest, step.tie_rest);
        CHECK(target.ties[target.tie_count - 1].order > 0);
    }
    vl_tree_key_target_end(&target);
    CHECK(target.pin == 0 && target.tie_count == 0);
    step.tie_total = part; /* a page that somebody made up */
    CHECK_OK(vl_tree_key_resolve(m.ctx, &m.tree, &target, &step));
    CHECK_STATUS(vl_tree_key_resolve(m.ctx, &m.tree, &target, &step), VELO_CORRUPT);
    vl_tree_key_target_end(&target);
    key_model_deinit(&m);
}

/* ---- failures ---- */

/* Every operation with its nth request for memory failing: it says so, nothing has changed and no
 * page is lost; or it was not needed. */
static void
fail_allocations(key_model *m, uint64_t count)
{
    uint64_t nth;

    for (nth = 1; nth < (VL_TSAN ? 15 : 60) && !unit_has_failed(); nth++) {
        static uint8_t key[1U << 18];
        static uint8_t value[VL_PAGE_MAX_SIZE];
        uint32_t size = key_model_random(m, key, sizeof key);
        vl_tree_key_op op = {.key = key, .key_size = size, .value = "v", .value_size = 1};
        vl_tree_key_range all = {0};
        vl_tree_key_state state;
        vl_tree_key_scan scan;
        uint32_t value_size;
        velo_status st;
        int is_there;
        uint32_t at = key_model_seek(m, key, size, &is_there);

        op.action = is_there ? VL_TREE_KEY_REMOVE : VL_TREE_KEY_INSERT;
        vl_allocator_fail_nth(m->ctx->allocator, nth, count);
        st = vl_tree_key_change(m->ctx, &m->tree, m->work, &op, NULL, &state);
        vl_allocator_fail_nth(m->ctx->allocator, 0, 0);
        CHECK(st == VELO_OK || st == VELO_NOMEM);
        if (st == VELO_OK) { /* the same in the model; then back again */
            key_entry entry = {0};

            if (is_there)
                entry = m->entries[at];
            CHECK_EQ(state == VL_TREE_KEY_ABSENT, !is_there);
            op.action = is_there ? VL_TREE_KEY_INSERT : VL_TREE_KEY_REMOVE;
            op.value = entry.value;
            op.value_size = entry.value_size;
            CHECK_OK(vl_tree_key_change(m->ctx, &m->tree, m->work, &op, NULL, &state));
            op.action = VL_TREE_KEY_MARK;
            if (entry.is_deleted)
                CHECK_OK(vl_tree_key_change(m->ctx, &m->tree, m->work, &op, NULL, &state));
        }
        vl_allocator_fail_nth(m->ctx->allocator, nth, count);
        st = vl_tree_key_get(m->ctx, &m->tree, key, size, value, &value_size, &state);
        vl_allocator_fail_nth(m->ctx->allocator, 0, 0);
        CHECK(st == VELO_OK || st == VELO_NOMEM);
        vl_allocator_fail_nth(m->ctx->allocator, nth, count);
        vl_tree_key_scan_begin(&scan, &m->tree, &all, (int)(nth & 1));
        do
            st = vl_tree_key_scan_next(m->ctx, &scan);
        while (st == VELO_OK && scan.page != NULL);
        vl_tree_key_scan_end(&scan);
        vl_allocator_fail_nth(m->ctx->allocator, 0, 0);
        CHECK(st == VELO_OK || st == VELO_NOMEM);
        key_model_check(m);
    }
}

static void
tree_key_allocation_failures_lose_nothing(void)
{
    for (uint32_t i = 0; i < 4 && !unit_has_failed(); i++) {
        key_model m;

        key_model_init(&m, TEST_PAGE_SIZE, 3, i < 2 ? KEY_DEEP | KEY_TIES : 0xff, unit_seed() + i);
        while (m.count < (VL_TSAN ? 20 : 60) && !unit_has_failed())
            key_model_step(&m, 100);
        fail_allocations(&m, i % 2 == 0 ? 1 : UINT64_MAX);
        key_model_deinit(&m);
    }
}

/* A tree from nothing, filled, scanned, dropped: with an allocator of its own. */
static velo_status
whole_life(vl_ctx *ctx, void *argument)
{
    vl_cache_options options = {.page_size = TEST_PAGE_SIZE};
    uint32_t part = vl_node_key_part_max(TEST_PAGE_SIZE);
    static uint8_t key[2 * VL_PAGE_MAX_SIZE];
    vl_tree_key_range all = {0};
    vl_tree_report report;
    vl_tree_verify_options verify = {0};
    vl_tree_work *work = NULL;
    vl_cache *cache = NULL;
    vl_tree_key_scan scan;
    int is_gone = 0;
    vl_tree tree;
    velo_status st;

    (void)argument;
    memset(key, 'k', sizeof key);
    VL_TRY(vl_cache_create(ctx, &options, &cache));
    st = vl_tree_create(ctx, &vl_tree_key_ops, cache, 9, NULL, &tree);
    if (st == VELO_OK)
        st = vl_tree_work_create(ctx, TEST_PAGE_SIZE, &work);
    for (uint32_t i = 0; i < (VL_TSAN ? 20 : 60) && st == VELO_OK; i++) {
        key[part + 3] = (uint8_t)(i * 37);
        st = vl_tree_key_insert(ctx, &tree, work, key, part + 10 + i % 3 * TEST_PAGE_SIZE, "v", 1,
                                &is_gone);
    }
    if (st == VELO_OK) {
        vl_tree_key_scan_begin(&scan, &tree, &all, 0);
        do
            st = vl_tree_key_scan_next(ctx, &scan);
        while (st == VELO_OK && scan.page != NULL);
        vl_tree_key_scan_end(&scan);
    }
    if (st == VELO_OK)
        st = vl_tree_key_verify(ctx, &tree, &verify, &report);
    for (is_gone = 0; !is_gone && st == VELO_OK;)
        st = vl_tree_drop(ctx, &tree, work, 100, NULL, &is_gone);
    vl_tree_work_destroy(work);
    vl_cache_destroy(cache);
    return st;
}

static void
tree_key_every_allocation_failure(void)
{
    CHECK(unit_each_alloc_failure(whole_life, NULL) > 10);
}

/* ---- damage ---- */

/* Change a byte of a page behind the tree's back. */
static void
poke(key_model *m, vl_pid pid, uint32_t at, uint8_t byte)
{
    vl_page_ref ref;

    CHECK(vl_cache_exclusive(m->cache, pid, &ref));
    ((uint8_t *)ref.page)[at] = byte;
    vl_cache_release_exclusive(m->cache, &ref);
}

static uint8_t
peek(key_model *m, vl_pid pid, uint32_t at)
{
    vl_page_ref ref;
    uint8_t byte = 0;

    if (vl_cache_shared(m->cache, pid, &ref)) {
        byte = ((uint8_t *)ref.page)[at];
        vl_cache_release_shared(m->cache, &ref);
    }
    return byte;
}

/* Every page of a tree made to be of another tree, one after the other: verification finds it, and
 * no search gives a wrong answer. */
static void
tree_key_damaged_pages_are_found(void)
{
    key_model m;
    uint64_t last;

    key_model_init(&m, TEST_PAGE_SIZE, 3, KEY_DEEP | KEY_TIES | KEY_EDGE, unit_seed());
    while (m.count < (VL_TSAN ? 25 : 60) && !unit_has_failed())
        key_model_step(&m, 100);
    last = key_model_pages(&m) * 2;
    for (vl_pid pid = 1; pid < last && !unit_has_failed(); pid++) {
        vl_tree_verify_options options = {0};
        uint8_t value[VL_PAGE_MAX_SIZE / 16];
        uint8_t byte = peek(&m, pid, 16);
        vl_tree_report report;
        uint32_t value_size;

        if (byte != KEY_MODEL_TREE)
            continue;
        poke(&m, pid, 16, (uint8_t)(byte + 1));
        CHECK_STATUS(vl_tree_key_verify(m.ctx, &m.tree, &options, &report), VELO_CORRUPT);
        for (uint32_t i = 0; i < m.count; i++) {
            vl_tree_key_state state;
            velo_status st = vl_tree_key_get(m.ctx, &m.tree, m.entries[i].key, m.entries[i].size,
                                             value, &value_size, &state);

            CHECK(st == VELO_CORRUPT || (st == VELO_OK && state != VL_TREE_KEY_ABSENT));
        }
        poke(&m, pid, 16, byte);
    }
    key_model_check(&m);
    key_model_deinit(&m);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(tree_key_short_keys_follow_model),
        UNIT_TEST(tree_key_shared_prefixes_follow_model),
        UNIT_TEST(tree_key_wide_keys_make_high_trees),
        UNIT_TEST(tree_key_ties_follow_model),
        UNIT_TEST(tree_key_deep_ties_follow_model),
        UNIT_TEST(tree_key_all_kinds_follow_model),
        UNIT_TEST(tree_key_keys_of_a_mebibyte),
        UNIT_TEST(tree_key_too_long_is_refused),
        UNIT_TEST(tree_key_tombstones_make_room),
        UNIT_TEST(tree_key_write_given_up_leaves_nothing),
        UNIT_TEST(tree_key_drop_returns_every_page),
        UNIT_TEST(tree_key_rests_are_handed_over),
        UNIT_TEST(tree_key_first_tie_notes_nothing),
        UNIT_TEST(tree_key_allocation_failures_lose_nothing),
        UNIT_TEST(tree_key_every_allocation_failure),
        UNIT_TEST(tree_key_damaged_pages_are_found),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
