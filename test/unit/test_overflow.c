/* test_overflow.c - long values: every size at which their shape changes, parts, damage, failures,
 * and threads. */
#include "base/bytes.h"
#include "base/thread.h"
#include "lib/unit.h"
#include "storage/overflow.h"

#include <stdio.h>
#include <string.h>

#define TEST_TREE 77U

static const uint32_t test_page_sizes[] = {512, 4096, 8192, 16384, 65536};

/* The longest value that is really written: two levels of lists with pages of 4 KiB, three with
 * those of 512 bytes. */
#define TEST_BYTES (6U << 20)

static uint8_t test_bytes[TEST_BYTES];
static uint8_t test_got[TEST_BYTES];

static void
make_bytes(void)
{
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    vl_rng_fill(&rng, test_bytes, sizeof test_bytes);
}

static vl_cache *
make_cache(vl_ctx *ctx, uint32_t page_size, uint64_t budget_bytes)
{
    vl_cache_options options = {0};
    vl_cache *cache = NULL;

    options.page_size = page_size;
    options.budget_bytes = budget_bytes;
    if (vl_cache_create(ctx, &options, &cache) != VELO_OK)
        return NULL;
    return cache;
}

static uint64_t
pages_of(vl_cache *cache)
{
    vl_cache_stats stats;

    vl_cache_get_stats(cache, &stats);
    return stats.page_count;
}

static velo_status
write_bytes(vl_ctx *ctx, vl_cache *cache, uint32_t size, vl_overflow *value)
{
    vl_overflow_source source = {0};

    source.tree = TEST_TREE;
    source.size = size;
    source.data = test_bytes;
    value->tree = TEST_TREE;
    value->size = size;
    return vl_overflow_write(ctx, cache, &source, &value->pid);
}

/* ---- shapes ---- */

static void
overflow_shapes(void)
{
    static const struct {
        uint32_t page_size;
        uint32_t size;
        uint32_t pages;
    } cases[] = {
        {16384, 0, 1},
        {16384, 16320, 1},
        {16384, 16321, 2},
        {16384, 2 * 16320 - 4, 2},
        {16384, 2 * 16320 - 3, 3},
        {16384, 4080 * 16320, 4081},
        {16384, 4080 * 16320 + 1, 4081 + 1 + 2},
        {16384, UINT32_C(1) << 30, 65794 + 17 + 1},
        {4096, 1008 * 4032, 1009},
        {4096, 1008 * 4032 + 1, 1009 + 1 + 2},
        {4096, UINT32_C(1) << 30, 266306 + 265 + 1},
        {65536, UINT32_C(1) << 30, 16401 + 2 + 1},
        {512, 448, 1},
        {512, 112 * 448, 113},
        {512, 112 * 448 + 1, 113 + 1 + 2},
        {512, 112 * 112 * 448, 112 * 112 + 112 + 1},
        {512, 112 * 112 * 448 + 1, 112 * 112 + 112 + 1 + 1 + 1 + 2},
        {512, UINT32_C(1) << 30, 2396746 + 21400 + 192 + 2 + 1},
    };

    for (uint32_t i = 0; i < VL_ARRAY_COUNT(cases); i++)
        CHECK_EQ(vl_overflow_page_count(cases[i].page_size, cases[i].size), cases[i].pages);
}

/* ---- every size, every part ---- */

typedef struct seen_pages {
    vl_pid pids[32768];
    uint32_t count;
} seen_pages;

static velo_status
see_page(vl_ctx *ctx, void *argument, vl_pid pid)
{
    seen_pages *seen = argument;

    (void)ctx;
    for (uint32_t i = 0; i < seen->count && seen->count < 200; i++)
        if (seen->pids[i] == pid)
            return VELO_ERROR;
    if (seen->count < VL_ARRAY_COUNT(seen->pids))
        seen->pids[seen->count++] = pid;
    return VELO_OK;
}

static const char *
page_fault_at(vl_cache *cache, vl_pid pid)
{
    vl_page_ref ref;
    const char *fault;

    if (!vl_cache_shared(cache, pid, &ref))
        return "not there";
    fault = vl_overflow_fault(ref.page, vl_cache_page_size(cache));
    vl_cache_release_shared(cache, &ref);
    return fault;
}

static void
check_parts(vl_cache *cache, const vl_overflow *value, vl_rng *rng)
{
    for (uint32_t i = 0; i < 12; i++) {
        uint32_t offset = (uint32_t)vl_rng_below(rng, (uint64_t)value->size + 1);
        uint32_t most = value->size - offset;
        uint32_t size;

        most = i % 3 == 0 || most < 9000 ? most : 9000;
        size = (uint32_t)vl_rng_below(rng, (uint64_t)most + 1);
        memset(test_got, 0xee, size + 1);
        CHECK_OK(vl_overflow_read(unit_ctx(), cache, value, offset, size, test_got));
        CHECK(memcmp(test_got, test_bytes + offset, size) == 0);
        CHECK_EQ(test_got[size], 0xee);
    }
}

static void
check_size(vl_cache *cache, uint32_t size, vl_rng *rng)
{
    static seen_pages seen;
    uint32_t pages = vl_overflow_page_count(vl_cache_page_size(cache), size);
    vl_overflow value;
    vl_overflow found = {TEST_TREE, 0, 0};
    vl_overflow_freeing freeing = {0};

    CHECK_OK(write_bytes(unit_ctx(), cache, size, &value));
    CHECK_EQ(pages_of(cache), pages);
    found.pid = value.pid;
    CHECK_OK(vl_overflow_size(unit_ctx(), cache, &found));
    CHECK_EQ(found.size, size);
    CHECK_OK(vl_overflow_read(unit_ctx(), cache, &value, 0, size, test_got));
    CHECK(memcmp(test_got, test_bytes, size) == 0);
    check_parts(cache, &value, rng);
    seen.count = 0;
    CHECK_OK(vl_overflow_verify(unit_ctx(), cache, &value, see_page, &seen));
    CHECK_EQ(seen.count, pages);
    CHECK_EQ(seen.pids[0], value.pid);
    for (uint32_t i = 0; i < seen.count; i += 1 + seen.count / 300)
        CHECK(page_fault_at(cache, seen.pids[i]) == NULL);
    freeing.value = value;
    freeing.left = pages;
    while (freeing.left > 0) {
        uint32_t step = 1 + (uint32_t)vl_rng_below(rng, pages < 20 ? 3 : 1000);
        uint32_t left = freeing.left;

        CHECK_OK(vl_overflow_free(unit_ctx(), cache, &freeing, step));
        CHECK_EQ(freeing.left, left < step ? 0 : left - step);
        CHECK_EQ(pages_of(cache), freeing.left);
    }
}

static void
overflow_every_size_comes_back(void)
{
    make_bytes();
    for (uint32_t k = 0; k < VL_ARRAY_COUNT(test_page_sizes); k++) {
        uint32_t page_size = test_page_sizes[k];
        uint32_t data = page_size - 64;
        uint32_t lists = data / 4;
        uint32_t near[] = {0,
                           1,
                           data,
                           2 * data - 4,
                           2 * data,
                           3 * data,
                           9 * data,
                           70 * data,
                           65 * (data - 4),
                           lists * data,
                           2 * lists * data,
                           lists * lists * data};
        vl_cache *cache;
        vl_rng rng;

        if (!vl_page_size_is_valid(page_size))
            continue;
        vl_rng_init(&rng, unit_seed() + k);
        cache = make_cache(unit_ctx(), page_size, 0);
        CHECK(cache != NULL);
        for (uint32_t i = 0; i < VL_ARRAY_COUNT(near); i++) {
            if ((uint64_t)near[i] + 2 > TEST_BYTES || (i >= 10 && near[i] < near[i - 1]))
                continue;
            for (uint32_t size = near[i] < 2 ? 0 : near[i] - 2; size <= near[i] + 2; size++) {
                check_size(cache, size, &rng);
                if (unit_has_failed())
                    return;
            }
        }
        for (uint32_t i = 0; i < 10; i++)
            check_size(cache, (uint32_t)vl_rng_below(&rng, i < 7 ? 20 * data : TEST_BYTES), &rng);
        vl_cache_destroy(cache);
    }
}

/* ---- streams ---- */

typedef struct test_stream {
    vl_cache *cache;   /* the stream reads a value of this cache meanwhile */
    vl_overflow other; /* that one */
    uint32_t at;       /* next byte */
    uint32_t calls;    /* until it fails */
    int may_fail;      /* 0: it never does */
    int born;          /* pages noted as born, less those freed */
} test_stream;

static velo_status
fill_from_bytes(vl_ctx *ctx, void *argument, void *to, uint32_t size)
{
    test_stream *stream = argument;
    uint8_t byte;

    stream->calls -= stream->calls > 0;
    if (stream->calls == 0 && stream->may_fail)
        return vl_fail(ctx, VELO_INTERRUPT, "the stream ends here");
    VL_TRY(vl_overflow_read(ctx, stream->cache, &stream->other, stream->other.size - 1, 1, &byte));
    memcpy(to, test_bytes + stream->at, size);
    stream->at += size;
    return VELO_OK;
}

static void
note_page(void *argument, vl_pid pid, int is_born)
{
    test_stream *stream = argument;

    (void)pid;
    stream->born += is_born ? 1 : -1;
}

static void
overflow_stream_is_written_and_taken_back(void)
{
    uint32_t page_size = VL_PAGE_MIN_SIZE;
    uint32_t size = 5 * page_size + 17;
    vl_cache *cache = make_cache(unit_ctx(), page_size, 0);
    test_stream stream = {cache, {0, 0, 0}, 0, 0, 1, 0};
    vl_overflow_source source = {TEST_TREE, size, NULL, fill_from_bytes, note_page, &stream};
    vl_overflow_freeing freeing = {0};
    uint64_t before;
    uint32_t calls;

    make_bytes();
    CHECK_OK(write_bytes(unit_ctx(), cache, 3 * page_size, &stream.other));
    before = pages_of(cache);
    for (calls = 1; calls < 100; calls++) {
        velo_status st;

        stream.at = 0;
        stream.calls = calls;
        freeing.value.tree = TEST_TREE;
        freeing.value.size = size;
        st = vl_overflow_write(unit_ctx(), cache, &source, &freeing.value.pid);
        if (st == VELO_OK)
            break;
        CHECK_EQ(st, VELO_INTERRUPT);
        CHECK_TEXT(unit_ctx()->error.text, "the stream ends here");
        CHECK_EQ(freeing.value.pid, 0);
        CHECK_EQ(pages_of(cache), before);
        CHECK_EQ(stream.born, 0);
    }
    CHECK_EQ(calls, 1 + 6); /* the root's bytes, and five data pages */
    CHECK_EQ(stream.at, size);
    freeing.left = vl_overflow_page_count(page_size, size);
    CHECK_EQ(stream.born, freeing.left);
    freeing.note = note_page;
    freeing.argument = &stream;
    CHECK_OK(vl_overflow_read(unit_ctx(), cache, &freeing.value, 0, size, test_got));
    CHECK(memcmp(test_got, test_bytes, size) == 0);
    CHECK_OK(vl_overflow_free(unit_ctx(), cache, &freeing, 100));
    CHECK_EQ(stream.born, 0);
    CHECK_EQ(pages_of(cache), before);
    vl_cache_destroy(cache);
}

/* ---- failures ---- */

static velo_status
write_read_free(vl_ctx *ctx, void *argument)
{
    const uint32_t *size = argument;
    vl_cache *cache = NULL;
    vl_cache_options options = {0};
    vl_overflow value;
    uint64_t before;
    velo_status st;

    options.page_size = VL_PAGE_MIN_SIZE;
    VL_TRY(vl_cache_create(ctx, &options, &cache));
    before = pages_of(cache);
    st = write_bytes(ctx, cache, *size, &value);
    if (st == VELO_OK)
        st = vl_overflow_read(ctx, cache, &value, 0, *size, test_got);
    if (st == VELO_OK)
        st = vl_overflow_free_all(ctx, cache, &value);
    if (pages_of(cache) != before)
        st = vl_fail(ctx, VELO_ERROR, "%llu pages are left",
                     (unsigned long long)(pages_of(cache) - before));
    vl_cache_destroy(cache);
    return st;
}

static void
overflow_every_allocation_failure(void)
{
    uint32_t sizes[] = {10, 9 * VL_PAGE_MIN_SIZE, 300 * VL_PAGE_MIN_SIZE};

    make_bytes();
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(sizes); i++)
        CHECK(unit_each_alloc_failure(write_read_free, &sizes[i]) > 2);
}

/* A cache that is full at some point of the writing: all is given back, and there is room again. */
static void
overflow_full_cache_gives_all_back(void)
{
    uint32_t page_size = VL_PAGE_MIN_SIZE;
    vl_cache *cache = make_cache(unit_ctx(), page_size, UINT64_C(100) * page_size);
    vl_overflow value;
    vl_overflow small;

    make_bytes();
    CHECK_OK(write_bytes(unit_ctx(), cache, 10 * page_size, &small));
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t before = pages_of(cache);

        CHECK_STATUS(write_bytes(unit_ctx(), cache, 200 * page_size, &value), VELO_NOMEM);
        CHECK_EQ(value.pid, 0);
        CHECK_EQ(pages_of(cache), before);
    }
    CHECK_OK(vl_overflow_read(unit_ctx(), cache, &small, 0, small.size, test_got));
    CHECK(memcmp(test_got, test_bytes, small.size) == 0);
    vl_cache_destroy(cache);
}

static void
overflow_too_big_is_refused(void)
{
    vl_cache *cache = make_cache(unit_ctx(), VL_PAGE_DEFAULT_SIZE, 0);
    vl_overflow value;

    CHECK_STATUS(write_bytes(unit_ctx(), cache, VL_OVERFLOW_MAX_SIZE + 1, &value), VELO_TOOBIG);
    CHECK_CONTAINS(unit_ctx()->error.text, "1073741825 bytes");
    CHECK_EQ(value.pid, 0);
    CHECK_EQ(pages_of(cache), 0);
    vl_cache_destroy(cache);
}

/* ---- damage ---- */

/* A value with lists of two levels, and where its pages are. */
static struct {
    vl_cache *cache;
    vl_overflow value;
    seen_pages pages; /* root, lists, data */
} damaged;

static void
damage_begin(void)
{
    uint32_t data = VL_PAGE_MIN_SIZE - 64;

    make_bytes();
    damaged.cache = make_cache(unit_ctx(), VL_PAGE_MIN_SIZE, 0);
    damaged.pages.count = 0;
    CHECK_OK(write_bytes(unit_ctx(), damaged.cache, data * (data / 4) + 5 * data, &damaged.value));
    CHECK_OK(
        vl_overflow_verify(unit_ctx(), damaged.cache, &damaged.value, see_page, &damaged.pages));
}

/* Put a number at a place of a page, and return what was there. */
static uint32_t
poke(vl_pid pid, uint32_t at, uint32_t number)
{
    vl_page_ref ref;
    uint32_t old;

    if (!vl_cache_exclusive(damaged.cache, pid, &ref))
        return 0;
    old = vl_load_le32((uint8_t *)ref.page + at);
    vl_store_le32((uint8_t *)ref.page + at, number);
    vl_cache_release_exclusive(damaged.cache, &ref);
    return old;
}

/* Every function says that the value is damaged, with this page and these words. */
static void
check_damaged(const vl_overflow *value, vl_pid pid, const char *text)
{
    vl_overflow_freeing freeing = {0};
    char page[32];
    uint64_t before = pages_of(damaged.cache);

    (void)snprintf(page, sizeof page, "page %u: ", (unsigned)pid);
    CHECK_STATUS(vl_overflow_verify(unit_ctx(), damaged.cache, value, NULL, NULL), VELO_CORRUPT);
    CHECK_CONTAINS(unit_ctx()->error.text, page);
    CHECK_CONTAINS(unit_ctx()->error.text, text);
    CHECK_STATUS(vl_overflow_read(unit_ctx(), damaged.cache, value, 0, value->size, test_got),
                 VELO_CORRUPT);
    CHECK_CONTAINS(unit_ctx()->error.text, text);
    freeing.value = *value;
    freeing.left = vl_overflow_page_count(VL_PAGE_MIN_SIZE, value->size);
    if (value != &damaged.value) { /* nothing is freed through a wrong root */
        CHECK_STATUS(vl_overflow_free(unit_ctx(), damaged.cache, &freeing, 10000), VELO_CORRUPT);
        CHECK_EQ(pages_of(damaged.cache), before);
    }
}

static void
overflow_damage_is_named(void)
{
    vl_overflow wrong;
    vl_pid list;
    vl_pid data;
    uint32_t old;

    damage_begin();
    list = damaged.pages.pids[1];
    data = damaged.pages.pids[3];
    wrong = damaged.value;
    wrong.tree++;
    check_damaged(&wrong, wrong.pid, "another tree");
    wrong = damaged.value;
    wrong.size--;
    check_damaged(&wrong, wrong.pid, "another value");
    wrong = damaged.value;
    wrong.pid = data;
    check_damaged(&wrong, wrong.pid, "another kind of page");
    wrong.pid = list;
    check_damaged(&wrong, wrong.pid, "another kind of page");
    wrong.pid = 999999;
    check_damaged(&wrong, wrong.pid, "does not exist");
    wrong = damaged.value;
    wrong.size = UINT32_MAX;
    check_damaged(&wrong, wrong.pid, "another");

    old = poke(wrong.pid, 64, wrong.pid); /* a circle */
    check_damaged(&damaged.value, wrong.pid, "another kind of page");
    (void)poke(wrong.pid, 64, data);
    check_damaged(&damaged.value, data, "another kind of page");
    (void)poke(wrong.pid, 64, damaged.pages.pids[2]); /* the second list in the first one's place */
    check_damaged(&damaged.value, damaged.pages.pids[2], "another value or part");
    (void)poke(wrong.pid, 64, 999999);
    check_damaged(&damaged.value, 999999, "does not exist");
    (void)poke(wrong.pid, 64, old);

    old = poke(list, 64 + 12, data); /* the first part twice */
    check_damaged(&damaged.value, data, "another value or part");
    (void)poke(list, 64 + 12, list);
    check_damaged(&damaged.value, list, "another kind of page");
    (void)poke(list, 64 + 12, old);
    old = poke(data, 16, TEST_TREE + 1);
    check_damaged(&damaged.value, data, "another tree");
    (void)poke(data, 16, old);
    CHECK_OK(vl_overflow_free_all(unit_ctx(), damaged.cache, &damaged.value));
    CHECK_EQ(pages_of(damaged.cache), 0);
    vl_cache_destroy(damaged.cache);
}

/* Each rule that the check of a single page knows, broken alone. */
static void
overflow_fault_names_what_is_wrong(void)
{
    static const struct {
        int page;        /* 0 root, 1 list, 3 data */
        uint32_t at;     /* a number there */
        uint32_t number; /* becomes this */
        const char *text;
    } cases[] = {
        {0, 0, 0x00000204, "not a page of a long value"},
        {0, 0, 0x00000005, "impossible level"},
        {3, 0, 0x00000106, "impossible level"},
        {0, 0, 0x00010205, "unused bytes are not zero"},
        {0, 60, 1, "unused bytes are not zero"},
        {3, 32, 1, "unused bytes are not zero"},
        {0, 8, 0, "impossible page number"},
        {0, 12, 1, "impossible page number"},
        {0, 24, VL_OVERFLOW_MAX_SIZE + 1, "impossible size"},
        {0, 28, 1, "impossible place in the value"},
        {1, 28, 4, "impossible place in the value"},
        {1, 28, 0x7fffffff, "impossible place in the value"},
        {3, 28, 1, "impossible place in the value"},
        {0, 24, 1, "impossible place in the value"},
        {0, 4, 1, "wrong number of pages"},
        {0, 4, 0xffffffff, "wrong number of pages"},
        {1, 4, 3, "wrong number of pages"},
        {3, 4, 3, "wrong number of bytes"},
        {3, 4, 0xffffffff, "wrong number of bytes"},
        {0, 64, 0, "impossible page in the list"},
        {1, 72, 0, "impossible page in the list"},
        {0, 72, 9, "unused bytes are not zero"},
    };
    static uint8_t page[VL_PAGE_MIN_SIZE];
    vl_page_ref ref;

    damage_begin();
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        vl_pid pid = damaged.pages.pids[cases[i].page];
        const char *fault;

        CHECK(vl_cache_shared(damaged.cache, pid, &ref));
        memcpy(page, ref.page, sizeof page);
        vl_cache_release_shared(damaged.cache, &ref);
        CHECK(vl_overflow_fault(page, sizeof page) == NULL);
        vl_store_le32(page + cases[i].at, cases[i].number);
        fault = vl_overflow_fault(page, sizeof page);
        if (fault == NULL || strcmp(fault, cases[i].text) != 0)
            unit_failed(__FILE__, __LINE__, "case %u: \"%s\", not \"%s\"", (unsigned)i,
                        fault == NULL ? "nothing" : fault, cases[i].text);
    }
    CHECK(vl_cache_shared(damaged.cache, damaged.value.pid, &ref)); /* lists itself */
    memcpy(page, ref.page, sizeof page);
    vl_cache_release_shared(damaged.cache, &ref);
    vl_store_le32(page + 64, damaged.value.pid);
    CHECK_TEXT(vl_overflow_fault(page, sizeof page), "impossible page in the list");
    CHECK_OK(vl_overflow_free_all(unit_ctx(), damaged.cache, &damaged.value));
    vl_cache_destroy(damaged.cache);
}

/* ---- threads ---- */

static struct {
    vl_cache *cache;
    vl_overflow shared;     /* read by all */
    _Atomic uint32_t wrong; /* what went wrong */
} threads;

static void
thread_work(void *argument)
{
    static uint8_t got[4][40 * VL_PAGE_MIN_SIZE];
    uint32_t number = (uint32_t)(uintptr_t)argument;
    vl_ctx ctx;
    vl_rng rng;

    vl_ctx_init(&ctx, NULL, NULL);
    vl_rng_init(&rng, number);
    for (uint32_t i = 0; i < 60; i++) {
        uint32_t size = (uint32_t)vl_rng_below(&rng, 40 * VL_PAGE_MIN_SIZE);
        uint32_t offset = (uint32_t)vl_rng_below(&rng, threads.shared.size / 2);
        uint32_t most = threads.shared.size / 2;
        vl_overflow value;

        most = most < sizeof got[0] ? most : (uint32_t)sizeof got[0];
        if (write_bytes(&ctx, threads.cache, size, &value) != VELO_OK ||
            vl_overflow_read(&ctx, threads.cache, &value, 0, size, got[number]) != VELO_OK ||
            memcmp(got[number], test_bytes, size) != 0 ||
            vl_overflow_read(&ctx, threads.cache, &threads.shared, offset, most, got[number]) !=
                VELO_OK ||
            memcmp(got[number], test_bytes + offset, most) != 0 ||
            vl_overflow_free_all(&ctx, threads.cache, &value) != VELO_OK)
            atomic_fetch_add_explicit(&threads.wrong, 1, memory_order_relaxed);
    }
}

static void
overflow_threads_do_not_disturb_each_other(void)
{
    vl_thread pool[4];

    make_bytes();
    memset(pool, 0, sizeof pool);
    atomic_store_explicit(&threads.wrong, 0, memory_order_relaxed);
    threads.cache = make_cache(unit_ctx(), VL_PAGE_MIN_SIZE, 0);
    CHECK_OK(write_bytes(unit_ctx(), threads.cache, 60 * VL_PAGE_MIN_SIZE, &threads.shared));
    for (uintptr_t i = 0; i < VL_ARRAY_COUNT(pool); i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &pool[i], "worker", thread_work, (void *)i));
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(pool); i++)
        vl_thread_join(&pool[i]);
    CHECK_EQ(atomic_load_explicit(&threads.wrong, memory_order_relaxed), 0);
    CHECK_EQ(pages_of(threads.cache),
             vl_overflow_page_count(VL_PAGE_MIN_SIZE, threads.shared.size));
    vl_cache_destroy(threads.cache);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(overflow_shapes),
        UNIT_TEST(overflow_every_size_comes_back),
        UNIT_TEST(overflow_stream_is_written_and_taken_back),
        UNIT_TEST(overflow_every_allocation_failure),
        UNIT_TEST(overflow_full_cache_gives_all_back),
        UNIT_TEST(overflow_too_big_is_refused),
        UNIT_TEST(overflow_damage_is_named),
        UNIT_TEST(overflow_fault_names_what_is_wrong),
        UNIT_TEST(overflow_threads_do_not_disturb_each_other),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
