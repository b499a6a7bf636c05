/* test_tree_key_threads.c - key trees used by several threads: keys that stay are always found, and
 * seen once by every scan, whatever the others do beside them. */
#include "base/bytes.h"
#include "base/thread.h"
#include "unit/tree_key_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST_PAGE_SIZE VL_PAGE_MIN_SIZE
#define TEST_WRITERS   3U
#define TEST_READERS   2U
#define TEST_STAY      24U /* keys that stay */
#define TEST_ROUNDS    (VL_TSAN ? 250U : 1500U)
#define TEST_KEY_MAX   (VL_PAGE_MAX_SIZE / 2)

/* How the keys of a run look: `prefix` times the same byte, then a number of 4 bytes, then `suffix`
 * times the same byte. */
typedef struct key_look {
    uint32_t prefix;       /* bytes */
    uint32_t suffix;       /* bytes */
    uint32_t range;        /* numbers below this */
    uint32_t max_children; /* of inner nodes, 0 for no limit */
} key_look;

static struct {
    vl_cache *cache;
    vl_tree tree;
    key_look look;
    _Atomic uint32_t wrong;   /* what went wrong */
    _Atomic uint32_t writing; /* writers that are not done */
    _Atomic uint64_t scans;   /* whole scans */
} shared;

static void
note_wrong(vl_ctx *ctx, const char *what)
{
    if (atomic_fetch_add_explicit(&shared.wrong, 1, memory_order_relaxed) == 0)
        (void)fprintf(stderr, "%s: %s\n", what, ctx->error.text);
}

/* Numbers that stay are those that TEST_STAY divides the range into; writers leave them alone. */
static int
is_staying(uint32_t number)
{
    return number % (shared.look.range / TEST_STAY) == 0;
}

static uint32_t
make_key(uint32_t number, uint8_t *to)
{
    const key_look *look = &shared.look;

    memset(to, 'k', look->prefix);
    to[look->prefix] = (uint8_t)(number >> 24);
    to[look->prefix + 1] = (uint8_t)(number >> 16);
    to[look->prefix + 2] = (uint8_t)(number >> 8);
    to[look->prefix + 3] = (uint8_t)number;
    memset(to + look->prefix + 4, 's', look->suffix);
    return look->prefix + 4 + look->suffix;
}

/* Each writer has numbers of its own, and knows which of them are there. */
static void
thread_write(void *argument)
{
    uint32_t mine = (uint32_t)(uintptr_t)argument;
    uint8_t *key = malloc(TEST_KEY_MAX);
    uint8_t *is_there = calloc(shared.look.range, 1);
    vl_tree_work *work = NULL;
    vl_rng rng;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    vl_rng_init(&rng, mine + unit_seed());
    if (key == NULL || is_there == NULL ||
        vl_tree_work_create(&ctx, TEST_PAGE_SIZE, &work) != VELO_OK)
        abort();
    for (uint32_t i = 0; i < TEST_ROUNDS; i++) {
        uint32_t number =
            (uint32_t)vl_rng_below(&rng, shared.look.range / TEST_WRITERS) * TEST_WRITERS + mine;
        int shrinks = i / 200 % 2 == 1;
        uint32_t size;
        int is_done = 0;
        velo_status st;

        if (is_staying(number))
            continue;
        size = make_key(number, key);
        if (is_there[number] && (shrinks || vl_rng_below(&rng, 4) == 0)) {
            st = vl_tree_key_remove(&ctx, &shared.tree, work, key, size, &is_done);
            is_there[number] = 0;
        } else {
            st = vl_tree_key_insert(&ctx, &shared.tree, work, key, size, key + size - 4, 4,
                                    &is_done);
            if (is_done == is_there[number])
                note_wrong(&ctx, "an entry of a writer's own");
            is_there[number] = 1;
            is_done = 1;
        }
        if (st != VELO_OK || !is_done)
            note_wrong(&ctx, "a change");
    }
    for (uint32_t number = mine; number < shared.look.range; number += TEST_WRITERS) {
        int is_done = 0;

        if (is_there[number] && (vl_tree_key_remove(&ctx, &shared.tree, work, key,
                                                    make_key(number, key), &is_done) != VELO_OK ||
                                 !is_done))
            note_wrong(&ctx, "removing what is left");
    }
    vl_tree_work_destroy(work);
    free(key);
    free(is_there);
    atomic_fetch_sub_explicit(&shared.writing, 1, memory_order_release);
}

/* The number of a key that was read, UINT32_MAX when it is none of ours. */
static uint32_t
number_of(const uint8_t *key, uint32_t size)
{
    const uint8_t *at = key + shared.look.prefix;

    if (size != shared.look.prefix + 4 + shared.look.suffix)
        return UINT32_MAX;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* One scan: keys rise or fall, and all that stay are seen. Keys of a leaf are read while the scan
 * keeps them. */
static void
scan_all(vl_ctx *ctx, int is_backward, uint8_t *key, uint8_t *copy, uint8_t *part)
{
    vl_tree_key_range all = {0};
    vl_tree_key_scan scan;
    int64_t last = is_backward ? INT64_MAX : -1;
    uint32_t stayed = 0;

    vl_tree_key_scan_begin(&scan, &shared.tree, &all, is_backward);
    for (;;) {
        uint32_t first;
        uint32_t end;

        if (vl_tree_key_scan_next(ctx, &scan) != VELO_OK) {
            note_wrong(ctx, "a scan");
            break;
        }
        if (scan.page == NULL)
            break;
        first = scan.index_first;
        end = scan.index_end;
        memcpy(copy, scan.page, TEST_PAGE_SIZE);
        if (vl_tree_key_scan_release(ctx, &scan) != VELO_OK) {
            note_wrong(ctx, "releasing a leaf");
            break;
        }
        for (uint32_t i = first; i < end; i++) {
            vl_node_key_entry entry = vl_node_key_entry_at(
                copy, TEST_PAGE_SIZE, is_backward ? first + end - 1 - i : i, part);
            uint32_t number;

            if (vl_tree_key_read(ctx, &shared.tree, &entry.key, key) != VELO_OK) {
                note_wrong(ctx, "reading a key");
                break;
            }
            number = number_of(key, entry.key.total_size);
            if (number >= shared.look.range || (is_backward ? number >= last : number <= last))
                note_wrong(ctx, "the order of keys");
            last = number;
            stayed += is_staying(number) ? 1 : 0;
        }
    }
    vl_tree_key_scan_end(&scan);
    if (stayed != shared.look.range / (shared.look.range / TEST_STAY) +
                      (shared.look.range % (shared.look.range / TEST_STAY) != 0))
        note_wrong(ctx, "a key that stays was not seen once");
    atomic_fetch_add_explicit(&shared.scans, 1, memory_order_relaxed);
}

static void
thread_read(void *argument)
{
    uint32_t mine = (uint32_t)(uintptr_t)argument;
    uint8_t *key = malloc(TEST_KEY_MAX);
    uint8_t *part = malloc(TEST_PAGE_SIZE);
    uint8_t *copy = aligned_alloc(64, TEST_PAGE_SIZE);
    vl_rng rng;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    vl_rng_init(&rng, mine + 77);
    if (key == NULL || part == NULL || copy == NULL)
        abort();
    do {
        for (uint32_t i = 0; i < 40; i++) {
            uint32_t number = (uint32_t)vl_rng_below(&rng, shared.look.range);
            uint8_t value[VL_PAGE_MAX_SIZE / 16];
            vl_tree_key_state state;
            uint32_t value_size;
            uint32_t size;

            if (i % 2 == 0)
                number -= number % (shared.look.range / TEST_STAY);
            size = make_key(number, key);
            if (vl_tree_key_get(&ctx, &shared.tree, key, size, value, &value_size, &state) !=
                    VELO_OK ||
                (is_staying(number) && state != VL_TREE_KEY_LIVE) ||
                (state == VL_TREE_KEY_LIVE &&
                 (value_size != 4 || memcmp(value, key + size - 4, 4) != 0)))
                note_wrong(&ctx, "a lookup");
        }
        scan_all(&ctx, (int)vl_rng_below(&rng, 2), key, copy, part);
    } while (atomic_load_explicit(&shared.writing, memory_order_acquire) > 0);
    free(key);
    free(part);
    free(copy);
}

/* What is left is what stays, and no page more than that takes. */
static void
check_rest(void)
{
    vl_tree_verify_options options = {0};
    vl_tree_report report;
    vl_cache_stats stats;
    int is_gone = 0;
    vl_tree_work *work;

    CHECK_OK(vl_tree_key_verify(unit_ctx(), &shared.tree, &options, &report));
    CHECK(report.entry_count >= TEST_STAY && report.entry_count <= TEST_STAY + 1);
    CHECK_OK(vl_tree_work_create(unit_ctx(), TEST_PAGE_SIZE, &work));
    while (!is_gone)
        CHECK_OK(vl_tree_drop(unit_ctx(), &shared.tree, work, 100, NULL, &is_gone));
    vl_tree_work_destroy(work);
    vl_cache_get_stats(shared.cache, &stats);
    CHECK_EQ(stats.page_count, 0); /* none was lost */
}

static void
run_threads(key_look look)
{
    vl_cache_options options = {.page_size = TEST_PAGE_SIZE};
    vl_thread threads[TEST_WRITERS + TEST_READERS] = {0};
    static uint8_t key[TEST_KEY_MAX];
    vl_tree_work *work;
    int is_done;

    memset(&shared, 0, sizeof shared);
    shared.look = look;
    atomic_store_explicit(&shared.writing, TEST_WRITERS, memory_order_release);
    CHECK_OK(vl_cache_create(unit_ctx(), &options, &shared.cache));
    CHECK_OK(vl_tree_create(unit_ctx(), &vl_tree_key_ops, shared.cache, KEY_MODEL_TREE, NULL,
                            &shared.tree));
    if (look.max_children > 0)
        shared.tree.max_children = look.max_children;
    CHECK_OK(vl_tree_work_create(unit_ctx(), TEST_PAGE_SIZE, &work));
    for (uint32_t number = 0; number < look.range; number += look.range / TEST_STAY) {
        uint32_t size = make_key(number, key);

        CHECK_OK(vl_tree_key_insert(unit_ctx(), &shared.tree, work, key, size, key + size - 4, 4,
                                    &is_done));
    }
    vl_tree_work_destroy(work);
    for (uintptr_t i = 0; i < VL_ARRAY_COUNT(threads); i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[i], "worker",
                                 i < TEST_WRITERS ? thread_write : thread_read, (void *)i));
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(threads); i++)
        vl_thread_join(&threads[i]);
    CHECK_EQ(atomic_load_explicit(&shared.wrong, memory_order_relaxed), 0);
    CHECK(atomic_load_explicit(&shared.scans, memory_order_relaxed) > 0);
    check_rest();
    vl_cache_destroy(shared.cache);
}

static void
tree_key_threads_with_short_keys(void)
{
    run_threads((key_look){0, 4, 4000, 4});
}

static void
tree_key_threads_with_wide_keys(void)
{
    run_threads((key_look){10, vl_node_key_part_max(TEST_PAGE_SIZE) - 20, 600, 3});
}

/* All keys have the same part: every search ties, and rests are freed and come again all the time
 * under the same page numbers. */
static void
tree_key_threads_with_ties(void)
{
    run_threads((key_look){vl_node_key_part_max(TEST_PAGE_SIZE) + 3, 5, 300, 3});
}

static void
tree_key_threads_with_deep_ties(void)
{
    run_threads((key_look){2 * TEST_PAGE_SIZE + 9, 3, 120, 0});
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(tree_key_threads_with_short_keys),
        UNIT_TEST(tree_key_threads_with_wide_keys),
        UNIT_TEST(tree_key_threads_with_ties),
        UNIT_TEST(tree_key_threads_with_deep_ties),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
