/* test_tree_key.c - key trees against a sorted array: one thread, pages in memory. */
#include "unit/tree_key_model.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

#define TEST_PAGE_SIZE VL_PAGE_MIN_SIZE
#define TEST_STEPS     (VL_TSAN ? 1500U : 12000U)

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
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
