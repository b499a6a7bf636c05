/* test_node_key.c - nodes of key trees: against a model, fact by fact, damaged, and beside a
 * writer.
 */
#include "base/bytes.h"
#include "base/latch.h"
#include "base/thread.h"
#include "lib/unit.h"
#include "unit/node_key_model.h"

#include <stdlib.h>
#include <string.h>

static const uint32_t test_page_sizes[] = {512, 1024, 4096, 16384, 65536};

/* The thread sanitizer makes all this twenty times slower and looks at the race only. */
#define TEST_STEPS (VL_TSAN ? 150U : 1500U)
#define TEST_LOADS (VL_TSAN ? 4U : 40U)

static int
run_model(uint64_t seed, uint32_t page_size, int is_inner, uint32_t steps)
{
    model *m = &run.left_model;
    uint32_t check_each = page_size <= 1024 ? 1 : page_size / 128;
    int is_right = 1;

    run_begin(seed, page_size, 1U << (seed % TEST_MODES));
    if (seed / TEST_MODES % 2 == 1)
        run.modes = 1 + below((1U << TEST_MODES) - 1);
    model_init(m, is_inner);
    for (uint32_t i = 0; i < steps && is_right; i++) {
        is_right = step_any(m, (i / 300) % 2 == 0);
        if (i % check_each == 0)
            is_right = is_right && page_is(run.page, m);
        is_right = is_right && search_agrees(run.page, m, random_key());
        if (m->count > 0)
            is_right = is_right && search_agrees(run.page, m, m->entries[below(m->count)].key);
    }
    is_right = is_right && page_is(run.page, m);
    run_end();
    return is_right;
}

static void
run_models(int is_inner)
{
    uint32_t balanced = 0;

    for (uint32_t i = 0; i < VL_ARRAY_COUNT(test_page_sizes); i++) {
        uint32_t page_size = test_page_sizes[i];
        uint64_t seeds = page_size <= 1024 ? 48 : 16;

        for (uint64_t seed = 0; seed < seeds; seed++) {
            if (run_model(unit_seed() / 16 * 16 + seed, page_size, is_inner, TEST_STEPS)) {
                balanced += run.balanced;
                continue;
            }
            unit_failed(__FILE__, __LINE__, "page size %u, run %u", page_size, (unsigned)seed);
            return;
        }
    }
    CHECK(balanced > 100);
}

static void
node_key_leaf_follows_model(void)
{
    run_models(0);
}

static void
node_key_inner_follows_model(void)
{
    run_models(1);
}

/* ---- single facts ---- */

/* An open leaf of 512 bytes for tests of a few entries. */
static void
small_begin(uint32_t page_size, int is_inner)
{
    run_begin(1, page_size, 1);
    run.left_model.low = entry_of(blob_make("", 0));
    run.left_model.high = run.left_model.low;
    {
        vl_node_id id = {7, is_inner ? 1U : 0U, 99};
        vl_node_key_fences fences = {key_of(&run.left_model.low), key_of(&run.left_model.high)};

        vl_node_key_init(run.page, page_size, id, is_inner ? 1000 : 0, &fences);
    }
}

/* Insert a key where it belongs: result of the insertion. */
static vl_node_result
small_insert(const void *bytes, uint32_t size, vl_pid child)
{
    vl_node_key_entry entry = {0};
    vl_node_key_place place;

    entry.key = vl_node_key_make(bytes, size);
    entry.child = child;
    if (vl_node_key_find(run.page, run.page_size, &entry.key, NULL, &place) != VL_NODE_ABSENT)
        return VL_NODE_FOUND;
    return vl_node_key_insert(run.page, run.scratch, run.page_size, place.index, &entry);
}

static void
node_key_limits(void)
{
    CHECK_EQ(vl_node_key_part_max(512), 104);
    CHECK_EQ(vl_node_key_part_max(1024), 256);
    CHECK_EQ(vl_node_key_part_max(4096), 1024);
    CHECK_EQ(vl_node_key_part_max(16384), 4096);
    CHECK_EQ(vl_node_key_part_max(65536), 16384);
    CHECK_EQ(vl_node_key_value_max(16384), 1024);
}

/* Two longest fences that share nothing, long ones, and a longest long entry with a value. */
static void
node_key_longest_entry_fits_longest_fences(void)
{
    static uint8_t keys[3][VL_PAGE_MAX_SIZE / 4 + 5];

    for (uint32_t i = 0; i < VL_ARRAY_COUNT(test_page_sizes); i++) {
        uint32_t page_size = test_page_sizes[i];
        uint32_t size = vl_node_key_part_max(page_size) + 5;
        vl_node_id id = {7, 0, 1};
        vl_node_key_fences fences;
        vl_node_key_entry entry = {0};

        run_begin(1, page_size, 1);
        for (int k = 0; k < 3; k++)
            memset(keys[k], 'a' + k, size);
        fences.low = vl_node_key_make(keys[0], size);
        fences.high = vl_node_key_make(keys[2], size);
        fences.low.rest = fences.high.rest = 5;
        entry.key = vl_node_key_make(keys[1], size);
        entry.key.rest = 6;
        entry.value = run.copy;
        entry.value_size = vl_node_key_value_max(page_size);
        vl_node_key_init(run.page, page_size, id, 0, &fences);
        CHECK_EQ(vl_node_key_insert(run.page, run.scratch, page_size, 0, &entry), VL_NODE_DONE);
        CHECK(vl_node_key_fault(run.page, page_size) == NULL);
        run_end();
    }
}

/* 64 KiB pages: the heap grows to its very limit. */
static void
node_key_numbers_of_16_bits_suffice(void)
{
    uint8_t key[2];
    uint32_t count = 0;

    small_begin(65536, 0);
    for (uint32_t i = 0; i < 65536; i++) {
        key[0] = (uint8_t)(i >> 8);
        key[1] = (uint8_t)i;
        if (small_insert(key, 2, 0) != VL_NODE_DONE)
            break;
        count++;
    }
    CHECK(count > 7000);
    CHECK(vl_node_key_fault(run.page, 65536) == NULL);
    CHECK(vl_node_key_used_size(run.page, 65536) <= 65536);
    while (vl_node_key_count(run.page, 65536) > 0)
        vl_node_key_remove(run.page, 65536, vl_node_key_count(run.page, 65536) / 2);
    CHECK(vl_node_key_fault(run.page, 65536) == NULL);
    vl_node_key_compact(run.page, run.scratch, 65536);
    CHECK_EQ(vl_node_key_used_size(run.page, 65536), 64 + 64);
    {
        static uint8_t big[16384];
        vl_node_key_entry entry = {0};

        for (uint32_t i = 0; i < 3; i++) {
            big[0] = (uint8_t)(i + 1);
            entry.key = vl_node_key_make(big, sizeof big);
            entry.value = run.copy;
            entry.value_size = 4096;
            CHECK_EQ(vl_node_key_insert(run.page, run.scratch, 65536, i, &entry), VL_NODE_DONE);
        }
        entry.value_size = 3900;
        big[0]++;
        CHECK_EQ(vl_node_key_insert(run.page, run.scratch, 65536, 3, &entry), VL_NODE_FULL);
    }
    CHECK(vl_node_key_fault(run.page, 65536) == NULL);
    run_end();
}

static void
node_key_fences_cut_the_prefix(void)
{
    vl_node_id id = {7, 0, 99};
    vl_node_key_fences fences = {vl_node_key_make("prefix-a", 8), vl_node_key_make("prefix-c", 8)};
    vl_node_key key = vl_node_key_make("prefix-b", 8);
    vl_node_key_place place;

    run_begin(1, 512, 1);
    vl_node_key_init(run.page, 512, id, 0, &fences);
    CHECK_EQ(vl_node_key_used_size(run.page, 512), 64 + 64 + 9);
    CHECK_EQ(small_insert("prefix-b", 8, 0), VL_NODE_DONE);
    CHECK_EQ(vl_node_key_used_size(run.page, 512), 64 + 64 + 9 + 4 + 1);
    CHECK_EQ(vl_node_key_find(run.page, 512, &key, NULL, &place), VL_NODE_FOUND);
    CHECK_EQ(vl_node_key_covers(run.page, 512, &key, NULL, &place), VL_NODE_FOUND);
    CHECK_EQ(vl_node_key_covers(run.page, 512, &fences.low, NULL, &place), VL_NODE_FOUND);
    CHECK_EQ(vl_node_key_covers(run.page, 512, &fences.high, NULL, &place), VL_NODE_ABSENT);
    key = vl_node_key_make("prefix", 6);
    CHECK_EQ(vl_node_key_covers(run.page, 512, &key, NULL, &place), VL_NODE_ABSENT);
    CHECK(vl_node_key_fault(run.page, 512) == NULL);
    run_end();
}

/* Keys whose heads are equal but for what fills them up. */
static void
node_key_zeros_behind_short_keys_are_no_bytes(void)
{
    static const char zeros[8] = {0};
    vl_node_key_place place;

    small_begin(512, 0);
    for (uint32_t size = 8; size-- > 0;)
        CHECK_EQ(small_insert(zeros, size, 0), VL_NODE_DONE);
    CHECK_EQ(small_insert("\377\377\377\377", 4, 0), VL_NODE_DONE);
    CHECK_EQ(small_insert("\377\377\377\377\377", 5, 0), VL_NODE_DONE);
    CHECK_EQ(small_insert("\377\377\377", 3, 0), VL_NODE_DONE);
    for (uint32_t size = 0; size < 8; size++) {
        vl_node_key key = vl_node_key_make(zeros, size);

        CHECK_EQ(vl_node_key_find(run.page, 512, &key, NULL, &place), VL_NODE_FOUND);
        CHECK_EQ(place.index, size);
    }
    CHECK(vl_node_key_fault(run.page, 512) == NULL);
    run_end();
}

static void
node_key_tie_is_reported_and_settled(void)
{
    uint32_t size = vl_node_key_part_max(512) + 3;
    uint8_t bytes[256];
    vl_node_key_entry entry = {0};
    vl_node_key_tie notes[1] = {{77, 1}};
    vl_node_key_ties ties = {notes, 1};
    vl_node_key_place place;

    small_begin(512, 0);
    memset(bytes, 'k', sizeof bytes);
    entry.key = vl_node_key_make(bytes, size);
    entry.key.rest = 77;
    CHECK_EQ(vl_node_key_insert(run.page, run.scratch, 512, 0, &entry), VL_NODE_DONE);
    CHECK_EQ(vl_node_key_find(run.page, 512, &entry.key, NULL, &place), VL_NODE_TIE);
    CHECK_EQ(place.index, 0);
    CHECK_EQ(place.tie_rest, 77);
    CHECK_EQ(place.tie_total, size);
    CHECK_EQ(vl_node_key_find(run.page, 512, &entry.key, &ties, &place), VL_NODE_ABSENT);
    CHECK_EQ(place.index, 1);
    notes[0].order = -1;
    CHECK_EQ(vl_node_key_find(run.page, 512, &entry.key, &ties, &place), VL_NODE_ABSENT);
    CHECK_EQ(place.index, 0);
    notes[0].order = 0;
    CHECK_EQ(vl_node_key_find(run.page, 512, &entry.key, &ties, &place), VL_NODE_FOUND);
    entry.key = vl_node_key_make(bytes, size - 3); /* all of the part: below every long one */
    CHECK_EQ(vl_node_key_find(run.page, 512, &entry.key, NULL, &place), VL_NODE_ABSENT);
    CHECK_EQ(place.index, 0);
    run_end();
}

static void
node_key_right_edge_split_opens_fresh_leaf(void)
{
    vl_node_key_cut cut;
    vl_node_key incoming;
    uint8_t key[8];
    uint32_t count = 0;

    small_begin(4096, 0);
    for (;; count++) {
        vl_store_be64(key, count);
        if (small_insert(key, 8, 0) != VL_NODE_DONE)
            break;
    }
    incoming = vl_node_key_make(key, 8);
    vl_node_key_remove(run.page, 4096, 0); /* space for the separator */
    count--;
    CHECK_EQ(vl_node_key_split_point(run.page, 4096, count, &incoming, run.buffer, &cut),
             VL_NODE_DONE);
    CHECK_EQ(cut.at, count);
    CHECK_EQ(cut.separator.size, 8);
    vl_node_key_split(run.page, run.right, run.scratch, 4096, 9, &cut);
    CHECK_EQ(vl_node_key_count(run.page, 4096), count);
    CHECK_EQ(vl_node_key_count(run.right, 4096), 0);
    CHECK(vl_node_key_fault(run.page, 4096) == NULL);
    CHECK(vl_node_key_fault(run.right, 4096) == NULL);
    CHECK_EQ(vl_node_key_merge(run.page, run.right, run.scratch, 4096), VL_NODE_DONE);
    CHECK_EQ(vl_node_key_split_point(run.page, 4096, 5, &incoming, run.buffer, &cut), VL_NODE_DONE);
    CHECK(cut.at > count / 3 && cut.at < count * 2 / 3);
    run_end();
}

/* A page whose keys have a shorter separator off the middle is cut there. */
static void
node_key_split_prefers_short_separators(void)
{
    char key[16] = "aaaaaaaaaaaaaaa";
    vl_node_key incoming = vl_node_key_make("x", 1);
    vl_node_key_cut cut;

    small_begin(1024, 0);
    for (uint32_t i = 0; i < 20; i++) {
        key[0] = i < 11 ? 'a' : 'b';
        key[12] = (char)('A' + i);
        CHECK_EQ(small_insert(key, 15, 0), VL_NODE_DONE);
    }
    CHECK_EQ(vl_node_key_split_point(run.page, 1024, 3, &incoming, run.buffer, &cut), VL_NODE_DONE);
    CHECK_EQ(cut.at, 11);
    CHECK_EQ(cut.separator.size, 1);
    CHECK_EQ(cut.separator.data[0], 'b');
    run_end();
}

static void
node_key_merge_that_does_not_fit_changes_nothing(void)
{
    vl_node_key_cut cut;
    vl_node_key incoming = vl_node_key_make("x", 1);
    uint8_t key[8];
    uint32_t at;

    small_begin(512, 0);
    for (uint32_t i = 0; i < 20; i++) {
        vl_store_be64(key, (uint64_t)i * 100);
        (void)small_insert(key, 8, 0);
    }
    CHECK_EQ(vl_node_key_split_point(run.page, 512, 3, &incoming, run.buffer, &cut), VL_NODE_DONE);
    vl_node_key_split(run.page, run.right, run.scratch, 512, 9, &cut);
    at = vl_node_key_count(run.page, 512);
    for (uint32_t i = 1; i < 40; i++) {
        vl_store_be64(key, i);
        (void)small_insert(key, 8, 0);
    }
    CHECK(vl_node_key_count(run.page, 512) > at);
    memcpy(run.copy, run.page, 512);
    CHECK_EQ(vl_node_key_merge(run.page, run.right, run.scratch, 512), VL_NODE_FULL);
    CHECK(page_is_unchanged());
    run_end();
}

static void
node_key_root_grows_in_place(void)
{
    vl_node_key_place place;
    vl_node_key key = vl_node_key_make("m", 1);

    small_begin(512, 0);
    CHECK_EQ(small_insert("k", 1, 0), VL_NODE_DONE);
    memcpy(run.copy, run.page, 512);
    vl_node_key_grow(run.page, run.right, run.scratch, 512, 55);
    CHECK(vl_node_key_fault(run.page, 512) == NULL);
    CHECK(vl_node_key_fault(run.right, 512) == NULL);
    CHECK_EQ(((const vl_page_header *)(void *)run.page)->level, 1);
    CHECK_EQ(((const vl_page_header *)(void *)run.page)->pid, 7);
    CHECK_EQ(((const vl_page_header *)(void *)run.right)->pid, 55);
    CHECK_EQ(vl_node_key_find(run.page, 512, &key, NULL, &place), VL_NODE_ABSENT);
    CHECK_EQ(place.child_pid, 55);
    CHECK_EQ(vl_node_key_count(run.right, 512), 1);
    vl_node_key_shrink(run.page, run.right, 512); /* and back */
    CHECK(page_is_unchanged());
    run_end();
}

/* Two siblings, one of which has most of the entries: both ways, leaves and inner nodes. */
static void
node_key_balance_shares_out(void)
{
    for (uint32_t k = 0; k < 4; k++) {
        uint32_t is_inner = k & 1;
        int is_left_thin = k < 2;
        vl_node_key incoming = vl_node_key_make("x", 1);
        vl_node_key_cut cut;
        uint8_t key[8];
        uint32_t left;
        uint32_t right;

        small_begin(4096, (int)is_inner);
        for (uint32_t i = 0; i < 100; i++) {
            vl_store_be64(key, (uint64_t)i * 3 + 1);
            CHECK_EQ(small_insert(key, 8, is_inner ? i + 50 : 0), VL_NODE_DONE);
        }
        CHECK_EQ(vl_node_key_split_point(run.page, 4096, 0, &incoming, run.buffer, &cut),
                 VL_NODE_DONE);
        vl_node_key_split(run.page, run.right, run.scratch, 4096, 9, &cut);
        CHECK_EQ(vl_node_key_balance_point(run.page, run.right, 4096, run.buffer, &cut),
                 VL_NODE_FULL); /* as good as it can be */
        while (vl_node_key_count(is_left_thin ? run.page : run.right, 4096) > 3)
            vl_node_key_remove(is_left_thin ? run.page : run.right, 4096, 1);
        left = vl_node_key_count(run.page, 4096);
        right = vl_node_key_count(run.right, 4096);
        CHECK_EQ(vl_node_key_balance_point(run.page, run.right, 4096, run.buffer, &cut),
                 VL_NODE_DONE);
        vl_node_key_balance(run.page, run.right, run.scratch, 4096, &cut);
        CHECK(vl_node_key_fault(run.page, 4096) == NULL);
        CHECK(vl_node_key_fault(run.right, 4096) == NULL);
        CHECK_EQ(vl_node_key_count(run.page, 4096) + vl_node_key_count(run.right, 4096),
                 left + right);
        CHECK(vl_node_key_count(run.page, 4096) >= (left + right) * 3 / 8 - 1);
        CHECK(vl_node_key_count(run.right, 4096) >= (left + right) * 3 / 8 - 1);
        run_end();
    }
}

/* Long keys that tie on both sides of the only cuts there are: nothing moves. */
static void
node_key_balance_leaves_ties_alone(void)
{
    uint32_t size = vl_node_key_part_max(4096) + 3;
    static uint8_t bytes[2048];
    vl_node_key_entry entry = {0};
    vl_node_id id = {9, 0, 99};
    vl_node_key_fences fences = {vl_node_key_make("l", 1), vl_node_key_make("", 0)};
    vl_node_key_cut cut;

    small_begin(4096, 0);
    fences.high = fences.low;
    fences.low = vl_node_key_make("", 0);
    id.pid = 7;
    vl_node_key_init(run.page, 4096, id, 0, &fences);
    fences.low = fences.high;
    fences.high = vl_node_key_make("", 0);
    id.pid = 9;
    vl_node_key_init(run.right, 4096, id, 0, &fences);
    memset(bytes, 'l', sizeof bytes);
    for (uint32_t i = 0; i < 3; i++) {
        entry.key = vl_node_key_make(bytes, size);
        entry.key.rest = 70 + i;
        CHECK_EQ(vl_node_key_insert(run.right, run.scratch, 4096, i, &entry), VL_NODE_DONE);
    }
    CHECK_EQ(vl_node_key_balance_point(run.page, run.right, 4096, run.buffer, &cut), VL_NODE_FULL);
    vl_node_key_remove(run.right, 4096, 0);
    entry.key = vl_node_key_make("lk", 2); /* below them: a cut behind this one is possible */
    CHECK_EQ(vl_node_key_insert(run.right, run.scratch, 4096, 0, &entry), VL_NODE_DONE);
    CHECK_EQ(vl_node_key_balance_point(run.page, run.right, 4096, run.buffer, &cut), VL_NODE_DONE);
    CHECK_EQ(cut.at, 1);
    entry.key = vl_node_key_make("m", 1); /* above them: a cut there would leave too little */
    CHECK_EQ(vl_node_key_insert(run.right, run.scratch, 4096, 3, &entry), VL_NODE_DONE);
    vl_node_key_remove(run.right, 4096, 0);
    CHECK_EQ(vl_node_key_balance_point(run.page, run.right, 4096, run.buffer, &cut), VL_NODE_FULL);
    run_end();
}

/* The right node's keys share a long prefix with its fences; in the left one each would have it. */
static void
node_key_balance_that_does_not_fit_is_refused(void)
{
    static char low[201];
    static char high[201];
    vl_node_id id = {9, 0, 99};
    vl_node_key_fences fences = {vl_node_key_make("", 0), vl_node_key_make(low, 200)};
    vl_node_key_entry entry = {0};
    vl_node_key_cut cut;

    small_begin(4096, 0);
    memset(low, 'p', 200);
    memset(high, 'p', 200);
    high[199] = 'q';
    vl_node_key_init(run.page, 4096, (vl_node_id){7, 0, 99}, 0, &fences);
    fences.low = fences.high;
    fences.high = vl_node_key_make(high, 200);
    vl_node_key_init(run.right, 4096, id, 0, &fences);
    for (uint32_t i = 0; i < 100; i++) {
        low[200] = (char)i;
        entry.key = vl_node_key_make(low, 201);
        CHECK_EQ(vl_node_key_insert(run.right, run.scratch, 4096, i, &entry), VL_NODE_DONE);
    }
    CHECK_EQ(vl_node_key_balance_point(run.page, run.right, 4096, run.buffer, &cut), VL_NODE_FULL);
    run_end();
}

/* ---- bulk building ---- */

static int
compare_entries(const void *a, const void *b)
{
    return compare_blobs(((const model_entry *)a)->key, ((const model_entry *)b)->key);
}

/* Sorted distinct keys in the left model; returns how many. */
static uint32_t
make_sorted(uint32_t count, int is_inner)
{
    model *m = &run.left_model;
    uint32_t kept = 0;

    m->first_child = is_inner ? 1 : 0;
    for (uint32_t i = 0; i < count; i++)
        m->entries[i] = random_entry(m);
    qsort(m->entries, count, sizeof m->entries[0], compare_entries);
    for (uint32_t i = 0; i < count; i++)
        if (m->entries[i].key->size > 0 &&
            (kept == 0 || compare_blobs(m->entries[kept - 1].key, m->entries[i].key) != 0))
            m->entries[kept++] = m->entries[i];
    m->count = kept;
    return kept;
}

/* Check one page of a bulk load against the entries it took. */
static int
built_page_is_right(const vl_node_key_load *load, uint32_t from, uint32_t taken)
{
    const model *m = &run.left_model;

    if (vl_node_key_fault(run.page, run.page_size) != NULL ||
        vl_node_key_count(run.page, run.page_size) != taken ||
        vl_node_key_child(run.page, run.page_size, 0) != load->first_child)
        return 0;
    for (uint32_t i = 0; i < taken; i++)
        if (!entry_is(run.page, i, &m->entries[from + i]))
            return 0;
    return 1;
}

/* Load all entries into pages; returns the number of pages, 0 when something is wrong. */
static uint32_t
build_all(const vl_node_key_entry *entries, uint32_t count, int is_inner, uint32_t fill_size)
{
    static uint8_t low[VL_PAGE_MAX_SIZE / 4];
    vl_node_key_load load = {
        {7, is_inner ? 3U : 0U, 9}, is_inner ? 500U : 0U, {{0}, {0}}, entries, count, fill_size};
    uint32_t pages = 0;
    uint32_t from = 0;

    for (;; pages++) {
        vl_node_key separator;
        uint32_t taken;

        load.entries = entries + from;
        load.count = count - from;
        if (vl_node_key_build(run.page, run.page_size, &load, run.buffer, &separator, &taken) !=
            VL_NODE_DONE)
            return 0;
        if (separator.size > 0)
            memcpy(low, separator.data, separator.size);
        if (!built_page_is_right(&load, from, taken))
            return 0;
        from += taken;
        if (from == count)
            return pages + 1;
        load.fences.low = separator;
        load.fences.low.data = low;
        if (is_inner)
            load.first_child = entries[from++].child;
    }
}

static void
node_key_bulk_build_takes_all(void)
{
    static vl_node_key_entry entries[3000];
    static uint8_t value[VALUE_BYTES];

    for (uint32_t seed = 0; seed < TEST_LOADS; seed++) {
        uint32_t page_size = test_page_sizes[seed % VL_ARRAY_COUNT(test_page_sizes)];
        int is_inner = (int)(seed & 1);
        uint32_t count;
        uint32_t pages;

        run_begin(unit_seed() + seed, page_size, 0x9f); /* no long keys, no longest */
        count = make_sorted(3000, is_inner);
        for (uint32_t i = 0; i < count; i++) {
            run.left_model.entries[i].value_seed = 0;
            entries[i] = to_insert(&run.left_model.entries[i]);
            entries[i].value = value;
        }
        for (uint32_t i = 0; i < VALUE_BYTES; i++)
            value[i] = (uint8_t)i;
        pages = build_all(entries, count, is_inner, page_size);
        CHECK(pages > 0);
        CHECK(build_all(entries, count, is_inner, page_size * 2 / 3) >= pages);
        run_end();
    }
}

/* A page cannot end between long keys that differ in their rests only. */
static void
node_key_bulk_build_ends_before_ties(void)
{
    static uint8_t keys[7][120];
    vl_node_key_entry entries[7];
    vl_node_key_load load = {{7, 0, 9}, 0, {{0}, {0}}, entries, 7, 512};
    vl_node_key separator;
    uint32_t taken;

    run_begin(1, 512, 1);
    memset(entries, 0, sizeof entries);
    for (uint32_t i = 0; i < 7; i++) {
        memset(keys[i], 'l', sizeof keys[i]);
        keys[i][119] = (uint8_t)i;
        keys[0][0] = 'a';
        entries[i].key = vl_node_key_make(keys[i], i > 0 ? sizeof keys[i] : 3);
        entries[i].key.rest = i;
    }
    CHECK_EQ(vl_node_key_build(run.page, 512, &load, run.buffer, &separator, &taken), VL_NODE_DONE);
    CHECK_EQ(taken, 1);
    CHECK_EQ(separator.size, 1);
    CHECK_EQ(separator.data[0], 'l');
    CHECK(vl_node_key_fault(run.page, 512) == NULL);
    load.entries++;
    load.count--;
    memcpy(run.copy, run.page, 512);
    CHECK_EQ(vl_node_key_build(run.page, 512, &load, run.buffer, &separator, &taken), VL_NODE_TIE);
    CHECK(page_is_unchanged());
    CHECK_EQ(vl_node_key_entry_at(run.page, 512, 1, run.buffer).key.size, 0);
    load.count = 2;
    CHECK_EQ(vl_node_key_build(run.page, 512, &load, run.buffer, &separator, &taken), VL_NODE_DONE);
    CHECK_EQ(taken, 2);
    CHECK(vl_node_key_fault(run.page, 512) == NULL);
    run_end();
}

/* ---- damage ---- */

/* Run every optimistic function: with the address sanitizer, a proof that they stay inside. */
static int
optimistic_reads_end(const uint8_t *page)
{
    vl_node_key_place place;
    uint64_t sum = 0;

    for (int i = 0; i < 6; i++) {
        uint8_t bytes[64];
        vl_node_key key;
        uint32_t count = vl_node_key_count(page, run.page_size);

        vl_rng_fill(&run.rng, bytes, sizeof bytes);
        if (i % 2 == 0 && count > 0) { /* a head that is there */
            vl_node_key_entry entry =
                vl_node_key_entry_at(page, run.page_size, below(count), run.buffer);
            uint32_t size = entry.key.size < 64 ? entry.key.size : 64;

            memcpy(bytes, run.buffer, size);
        }
        key = vl_node_key_make(bytes, below(65));
        if (i == 5)
            key.total_size = 100000;
        key.size = key.size < vl_node_key_part_max(run.page_size) ? key.size : 64;
        (void)vl_node_key_covers(page, run.page_size, &key, NULL, &place);
        (void)vl_node_key_find(page, run.page_size, &key, NULL, &place);
        if (place.index > count)
            return 0;
        sum += place.child_pid;
        sum += vl_node_key_child(page, run.page_size, (uint32_t)vl_rng_next(&run.rng));
        sum += vl_node_key_low(page, run.page_size, run.buffer).size;
        sum += vl_node_key_high(page, run.page_size, run.buffer).size;
    }
    return sum != 1;
}

/* What a page that passed the check allows: all entries can be read and found, and it can be
 * changed. */
static int
whole_page_works(uint8_t *page)
{
    uint32_t count = vl_node_key_count(page, run.page_size);
    uint64_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        vl_node_key_entry entry = vl_node_key_entry_at(page, run.page_size, i, run.buffer);
        vl_node_key_place place;
        const uint8_t *value = entry.value;

        if (entry.key.rest == 0 &&
            (vl_node_key_find(page, run.page_size, &entry.key, NULL, &place) != VL_NODE_FOUND ||
             place.index != i))
            return 0;
        for (uint32_t k = 0; k < entry.value_size; k++)
            sum += value[k];
    }
    vl_node_key_compact(page, run.scratch, run.page_size);
    if (count > 0)
        vl_node_key_remove(page, run.page_size, count / 2);
    return sum != 1 && vl_node_key_fault(page, run.page_size) == NULL;
}

static void
fill_for_damage(int is_inner, uint32_t steps)
{
    model_init(&run.left_model, is_inner);
    for (uint32_t i = 0; i < steps; i++)
        (void)step_any(&run.left_model, 1);
}

static void
node_key_damage_is_found_or_harmless(void)
{
    for (uint32_t k = 0; k < 12; k++) {
        uint32_t page_size = k % 3 == 2 ? 4096 : 512;

        run_begin(unit_seed() + k, page_size, k < 6 ? 0xdd : 1U << (k - 4));
        fill_for_damage((int)(k & 1), 200);
        CHECK(page_is(run.page, &run.left_model));
        memcpy(run.copy, run.page, page_size);
        for (uint32_t i = 0; i < page_size * (page_size == 512 ? 4 : 1); i++) {
            memcpy(run.page, run.copy, page_size);
            run.page[i % page_size] ^= (uint8_t)(1 + below(255));
            CHECK(optimistic_reads_end(run.page));
            if (vl_node_key_fault(run.page, page_size) == NULL)
                CHECK(whole_page_works(run.page));
        }
        run_end();
    }
}

static void
node_key_random_bytes_are_harmless(void)
{
    for (uint32_t k = 0; k < 3; k++) {
        run_begin(unit_seed() + k, k == 0 ? 512U : k == 1 ? 4096U : 65536U, 1);
        for (uint32_t i = 0; i < (k == 2 ? 100U : 1500U); i++) {
            vl_rng_fill(&run.rng, run.page, run.page_size);
            run.page[0] = (uint8_t)(VL_PAGE_KEY_LEAF + below(2));
            if (below(2) == 0) /* few heads, so that searches come to the slots */
                memset(run.page + 64, (int)below(256), run.page_size / 3);
            CHECK(optimistic_reads_end(run.page));
            CHECK(vl_node_key_fault(run.page, run.page_size) != NULL);
        }
        run_end();
    }
}

/* Each rule that the check knows, broken alone, in a leaf with keys k1, k2 with values. */
static void
node_key_fault_names_what_is_wrong(void)
{
    static const struct {
        uint32_t at;      /* offset of the byte */
        uint8_t value;    /* put there */
        const char *text; /* expected */
    } cases[] = {
        {0, VL_PAGE_TABLE_LEAF, "not a node of a key tree"},
        {1, 1, "impossible level"},
        {3, 1, "unused bytes are not zero"},
        {4, 1, "heads behind the last entry"},
        {4, 17, "impossible number of entries"},
        {8, 0, "impossible page number"},
        {24, 17, "impossible number of entries"},
        {24, 0, "impossible number of entries"},
        {26, 0, "impossible heap"},
        {27, 2, "impossible heap"},
        {28, 1, "heap does not add up"},
        {30, 1, "wrong count of tombstones"},
        {32, 3, "fences out of order"},
        {34, 255, "impossible fence"},
        {38, 1, "unused bytes are not zero"},
        {40, 1, "impossible child"},
        {44, 1, "impossible fence"},
        {48, 1, "impossible fence"},
        {52, 1, "impossible fence"},
        {63, 1, "unused bytes are not zero"},
        {64, 1, "head is not filled up with zeros"},
        {66, 0xff, "keys out of order"},
        {71, 0, "keys out of order"},
        {64 + 8, 0, "heads behind the last entry"},
        {128, 0, "record outside of the heap"},
        {130, 200, "impossible key size"},
        {131, 0x80, "wrong count of tombstones"},
        {132, 5, "records overlap"},
        {507, 9, "impossible record"},
        {511, 'x', "prefix is not what the fences share"},
        {511, 'z', "fences out of order"},
    };

    run_begin(1, 512, 1);
    {
        vl_node_id id = {7, 0, 99};
        vl_node_key_fences fences = {vl_node_key_make("abc", 3), vl_node_key_make("abx", 3)};

        vl_node_key_init(run.page, 512, id, 0, &fences);
    }
    CHECK_EQ(small_insert("abd1", 4, 0), VL_NODE_DONE);
    CHECK_EQ(small_insert("abd2", 4, 0), VL_NODE_DONE);
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        uint8_t old = run.page[cases[i].at];
        const char *fault;

        CHECK(vl_node_key_fault(run.page, 512) == NULL);
        run.page[cases[i].at] = cases[i].value;
        fault = vl_node_key_fault(run.page, 512);
        if (fault == NULL)
            fault = "nothing";
        if (strcmp(fault, cases[i].text) != 0)
            unit_failed(__FILE__, __LINE__, "byte %u: \"%s\", not \"%s\"", cases[i].at, fault,
                        cases[i].text);
        run.page[cases[i].at] = old;
    }
    run_end();
}

/* ---- a reader beside a writer ---- */

#define RACE_KEYS 4000

static struct {
    vl_latch latch;         /* guards run.page, an inner node: child = number of its key + 2000 */
    _Atomic uint32_t stop;  /* 1: the writer has ended */
    _Atomic uint32_t wrong; /* reads that were confirmed and yet untrue */
    _Atomic uint32_t right; /* reads that were confirmed */
} race;

/* Keys that share heads and tails in parts; returns the size. */
static uint32_t
race_key(uint32_t number, uint8_t *bytes)
{
    memset(bytes, 'r', 12);
    bytes[0] = (uint8_t)(number / 1000);
    bytes[10] = (uint8_t)(number / 10 % 100);
    bytes[11] = (uint8_t)(number % 10);
    return 12;
}

static void
race_read(void *argument)
{
    uint32_t page_size = run.page_size;
    vl_rng rng;

    (void)argument;
    vl_rng_init(&rng, 5);
    while (atomic_load_explicit(&race.stop, memory_order_acquire) == 0) {
        uint32_t number = (uint32_t)vl_rng_below(&rng, RACE_KEYS);
        uint8_t bytes[16];
        vl_node_key key = vl_node_key_make(bytes, race_key(number, bytes));
        uint64_t version = vl_latch_read_begin(&race.latch);
        vl_node_key_place place;
        vl_node_result result = vl_node_key_find(run.page, page_size, &key, NULL, &place);
        vl_pid next = vl_node_key_child(run.page, page_size, place.child + 1);
        uint32_t count = vl_node_key_count(run.page, page_size);

        if (!vl_latch_read_end(&race.latch, version))
            continue;
        atomic_fetch_add_explicit(&race.right, 1, memory_order_relaxed);
        if (place.child_pid > number + 2000 ||
            (result == VL_NODE_FOUND) != (place.child_pid == number + 2000) ||
            (place.child < count && next <= number + 2000))
            atomic_fetch_add_explicit(&race.wrong, 1, memory_order_relaxed);
    }
}

static int
race_write(void)
{
    uint32_t count = vl_node_key_count(run.page, run.page_size);
    uint32_t number = below(RACE_KEYS);
    uint8_t bytes[16];
    vl_node_key_entry entry = {0};
    vl_node_key_place place;
    vl_node_key_cut cut;

    if (count > 0 && (count > 250 || below(2) == 0)) {
        vl_node_key_remove(run.page, run.page_size, below(count));
        return 1;
    }
    if (count > 2 && below(20) == 0) { /* writes every byte anew, twice */
        if (vl_node_key_split_point(run.page, run.page_size, 1, NULL, run.buffer, &cut) !=
            VL_NODE_DONE)
            return 0;
        vl_node_key_split(run.page, run.right, run.scratch, run.page_size, 9, &cut);
        return vl_node_key_merge(run.page, run.right, run.scratch, run.page_size) == VL_NODE_DONE;
    }
    entry.key = vl_node_key_make(bytes, race_key(number, bytes));
    entry.child = number + 2000;
    if (vl_node_key_find(run.page, run.page_size, &entry.key, NULL, &place) == VL_NODE_FOUND)
        return 1;
    return vl_node_key_insert(run.page, run.scratch, run.page_size, place.index, &entry) !=
           VL_NODE_TIE;
}

static void
node_key_optimistic_reader_beside_writer(void)
{
    vl_thread thread = {0};
    int is_right = 1;

    memset(&race, 0, sizeof race);
    vl_latch_init(&race.latch, VL_RANK_NONE);
    small_begin(8192, 1);
    CHECK_OK(vl_thread_start(unit_ctx(), &thread, "reader", race_read, NULL));
    for (uint32_t i = 0; i < 40000 && is_right; i++) {
        vl_latch_acquire_exclusive(&race.latch);
        is_right = race_write();
        vl_latch_release_exclusive(&race.latch);
        if (i % 64 == 0)
            vl_thread_yield();
    }
    for (uint32_t i = 0;
         i < 1000000 && atomic_load_explicit(&race.right, memory_order_relaxed) == 0; i++)
        vl_thread_yield();
    atomic_store_explicit(&race.stop, 1, memory_order_release);
    vl_thread_join(&thread);
    CHECK(is_right);
    CHECK_EQ(atomic_load_explicit(&race.wrong, memory_order_relaxed), 0);
    CHECK(atomic_load_explicit(&race.right, memory_order_relaxed) > 0);
    CHECK(vl_node_key_fault(run.page, run.page_size) == NULL);
    run_end();
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(node_key_leaf_follows_model),
        UNIT_TEST(node_key_inner_follows_model),
        UNIT_TEST(node_key_limits),
        UNIT_TEST(node_key_longest_entry_fits_longest_fences),
        UNIT_TEST(node_key_numbers_of_16_bits_suffice),
        UNIT_TEST(node_key_fences_cut_the_prefix),
        UNIT_TEST(node_key_zeros_behind_short_keys_are_no_bytes),
        UNIT_TEST(node_key_tie_is_reported_and_settled),
        UNIT_TEST(node_key_right_edge_split_opens_fresh_leaf),
        UNIT_TEST(node_key_split_prefers_short_separators),
        UNIT_TEST(node_key_merge_that_does_not_fit_changes_nothing),
        UNIT_TEST(node_key_root_grows_in_place),
        UNIT_TEST(node_key_balance_shares_out),
        UNIT_TEST(node_key_balance_leaves_ties_alone),
        UNIT_TEST(node_key_balance_that_does_not_fit_is_refused),
        UNIT_TEST(node_key_bulk_build_takes_all),
        UNIT_TEST(node_key_bulk_build_ends_before_ties),
        UNIT_TEST(node_key_damage_is_found_or_harmless),
        UNIT_TEST(node_key_random_bytes_are_harmless),
        UNIT_TEST(node_key_fault_names_what_is_wrong),
        UNIT_TEST(node_key_optimistic_reader_beside_writer),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
