/* test_alloc.c - the counting allocator: its counters, its limit, and failures on demand. */
#include "base/alloc.h"
#include "base/atomic.h"
#include "base/ctx.h"
#include "base/thread.h"
#include "lib/unit.h"

#include <string.h>

/* A context with an allocator of its own. */
typedef struct alloc_fixture {
    vl_allocator allocator; /* fresh */
    vl_ctx ctx;             /* uses it */
} alloc_fixture;

static void
alloc_fixture_init(alloc_fixture *f)
{
    vl_allocator_init(&f->allocator);
    vl_ctx_init(&f->ctx, &f->allocator, NULL);
}

static void
alloc_counts_each_block(void)
{
    alloc_fixture f;
    void *a;
    void *b;

    alloc_fixture_init(&f);
    a = vl_alloc(&f.ctx, 100);
    b = vl_alloc_aligned(&f.ctx, 50, 4096);
    CHECK(a != NULL && b != NULL);
    CHECK_EQ(vl_alloc_size(a), 100);
    CHECK_EQ(vl_alloc_size(b), 50);
    CHECK_EQ(f.allocator.used_bytes, 150);
    CHECK_EQ(f.allocator.block_count, 2);
    vl_free(a);
    CHECK_EQ(f.allocator.used_bytes, 50);
    CHECK_EQ(f.allocator.peak_bytes, 150);
    vl_free(b);
    vl_free(NULL);
    CHECK_EQ(f.allocator.used_bytes, 0);
    CHECK_EQ(f.allocator.block_count, 0);
    CHECK_EQ(f.allocator.call_count, 2);
    CHECK_EQ(f.allocator.failed_count, 0);
    CHECK_EQ(f.allocator.peak_bytes, 150);
}

static int
alloc_is_filled(const char *block, size_t size, char with)
{
    for (size_t i = 0; i < size; i++)
        if (block[i] != with)
            return 0;
    return 1;
}

static void
alloc_keeps_every_alignment(void)
{
    alloc_fixture f;

    alloc_fixture_init(&f);
    for (size_t align = 1; align <= (size_t)2 << 20; align *= 2) {
        for (size_t size = 0; size <= 4097; size = size * 3 + 1) {
            size_t wanted = align < VL_ALLOC_ALIGN ? VL_ALLOC_ALIGN : align;
            char *block = vl_alloc_aligned(&f.ctx, size, align);

            CHECK(block != NULL);
            CHECK_EQ((uintptr_t)block % wanted, 0);
            CHECK_EQ(vl_alloc_size(block), size);
            CHECK_EQ(f.allocator.used_bytes, size);
            memset(block, 0x5a, size);
            vl_free(block);
            block = vl_alloc_aligned_zero(&f.ctx, size, align);
            CHECK(block != NULL && alloc_is_filled(block, size, 0));
            CHECK_EQ((uintptr_t)block % wanted, 0);
            CHECK_EQ(vl_alloc_size(block), size);
            memset(block, 0x5a, size);
            block = vl_realloc(&f.ctx, block, size + 1);
            CHECK(block != NULL && alloc_is_filled(block, size, 0x5a));
            CHECK_EQ((uintptr_t)block % wanted, 0);
            vl_free(block);
        }
    }
    CHECK_EQ(f.allocator.block_count, 0);
}

static void
alloc_of_nothing_is_a_block(void)
{
    alloc_fixture f;
    void *a;
    void *b;

    alloc_fixture_init(&f);
    a = vl_alloc(&f.ctx, 0);
    b = vl_alloc_zero(&f.ctx, 0);
    CHECK(a != NULL && b != NULL && a != b);
    CHECK_EQ(f.allocator.block_count, 2);
    CHECK_EQ(f.allocator.used_bytes, 0);
    a = vl_realloc(&f.ctx, a, 10);
    CHECK(a != NULL);
    memset(a, 1, 10);
    a = vl_realloc(&f.ctx, a, 0);
    CHECK(a != NULL);
    CHECK_EQ(vl_alloc_size(a), 0);
    vl_free(a);
    vl_free(b);
    CHECK_EQ(f.allocator.block_count, 0);
}

static void
alloc_zero_and_array_are_zeroed(void)
{
    alloc_fixture f;
    char *block;

    alloc_fixture_init(&f);
    for (unsigned turn = 0; turn < 3; turn++) {
        block = vl_alloc(&f.ctx, 10000);
        CHECK(block != NULL);
        memset(block, 0xff, 10000);
        vl_free(block);
        block = vl_alloc_zero(&f.ctx, 10000);
        CHECK(block != NULL && alloc_is_filled(block, 10000, 0));
        memset(block, 0xff, 10000);
        vl_free(block);
        block = vl_alloc_array(&f.ctx, 100, 100);
        CHECK(block != NULL && alloc_is_filled(block, 10000, 0));
        CHECK_EQ(vl_alloc_size(block), 10000);
        vl_free(block);
    }
}

static void
alloc_refuses_what_is_too_large(void)
{
    static const size_t sizes[] = {VL_ALLOC_MAX_SIZE + 1, SIZE_MAX / 2, SIZE_MAX - 4096,
                                   SIZE_MAX - 1, SIZE_MAX};
    alloc_fixture f;

    alloc_fixture_init(&f);
    for (size_t i = 0; i < VL_ARRAY_COUNT(sizes); i++) {
        CHECK(vl_alloc(&f.ctx, sizes[i]) == NULL);
        CHECK(vl_alloc_zero(&f.ctx, sizes[i]) == NULL);
        CHECK(vl_alloc_aligned(&f.ctx, sizes[i], 4096) == NULL);
        CHECK(vl_realloc(&f.ctx, NULL, sizes[i]) == NULL);
        CHECK_EQ(f.allocator.failed_count, 4 * (i + 1));
    }
    CHECK(vl_alloc_aligned(&f.ctx, 1, (size_t)1 << 47) == NULL);
    CHECK(vl_alloc_aligned(&f.ctx, 1, (size_t)1 << 63) == NULL);
    CHECK(vl_alloc_aligned(&f.ctx, 0, (size_t)1 << 63) == NULL);
    CHECK_EQ(f.allocator.used_bytes, 0);
    CHECK_EQ(f.allocator.peak_bytes, 0);
    CHECK_EQ(f.allocator.block_count, 0);
    CHECK_EQ(f.allocator.call_count, f.allocator.failed_count);
}

static void
alloc_array_refuses_overflow(void)
{
    alloc_fixture f;
    void *block;

    alloc_fixture_init(&f);
    CHECK(vl_alloc_array(&f.ctx, SIZE_MAX, 2) == NULL);
    CHECK(vl_alloc_array(&f.ctx, 2, SIZE_MAX) == NULL);
    CHECK(vl_alloc_array(&f.ctx, (size_t)1 << 32, (size_t)1 << 32) == NULL); /* product 0 */
    CHECK(vl_alloc_array(&f.ctx, ((size_t)1 << 32) + 1, ((size_t)1 << 32) + 1) == NULL);
    CHECK_EQ(f.allocator.failed_count, 4);
    block = vl_alloc_array(&f.ctx, SIZE_MAX, 0);
    CHECK(block != NULL);
    CHECK_EQ(vl_alloc_size(block), 0);
    vl_free(block);
    block = vl_alloc_array(&f.ctx, 0, SIZE_MAX);
    CHECK(block != NULL);
    vl_free(block);
}

static void
alloc_realloc_keeps_the_content(void)
{
    alloc_fixture f;
    char *block = NULL;

    alloc_fixture_init(&f);
    for (size_t size = 1; size < 100000; size *= 3) {
        size_t before = block == NULL ? 0 : vl_alloc_size(block);

        block = vl_realloc(&f.ctx, block, size);
        CHECK(block != NULL);
        CHECK(alloc_is_filled(block, before, 'x'));
        memset(block, 'x', size);
        CHECK_EQ(f.allocator.used_bytes, size);
        CHECK_EQ(f.allocator.block_count, 1);
    }
    block = vl_realloc(&f.ctx, block, 17);
    CHECK(block != NULL && alloc_is_filled(block, 17, 'x'));
    CHECK_EQ(f.allocator.used_bytes, 17);
    vl_free(block);
}

static void
alloc_realloc_keeps_alignment_and_owner(void)
{
    alloc_fixture f;
    alloc_fixture other;
    void *block;

    alloc_fixture_init(&f);
    alloc_fixture_init(&other);
    block = vl_alloc_aligned(&f.ctx, 10, 8192);
    CHECK(block != NULL);
    for (size_t size = 20; size < 100000; size *= 2) {
        block = vl_realloc(&other.ctx, block, size);
        CHECK(block != NULL);
        CHECK_EQ((uintptr_t)block % 8192, 0);
    }
    CHECK_EQ(other.allocator.call_count, 0);
    CHECK_EQ(f.allocator.block_count, 1);
    vl_free(block);
    CHECK_EQ(f.allocator.block_count, 0);
}

static void
alloc_failed_realloc_leaves_the_block(void)
{
    alloc_fixture f;
    char *block;

    alloc_fixture_init(&f);
    block = vl_alloc(&f.ctx, 100);
    CHECK(block != NULL);
    memset(block, 'y', 100);
    vl_allocator_fail_nth(&f.allocator, 1, 1);
    CHECK(vl_realloc(&f.ctx, block, 200) == NULL);
    vl_allocator_set_limit(&f.allocator, 250);
    CHECK(vl_realloc(&f.ctx, block, 200) == NULL);
    CHECK(vl_realloc(&f.ctx, block, SIZE_MAX) == NULL);
    CHECK(alloc_is_filled(block, 100, 'y'));
    CHECK_EQ(vl_alloc_size(block), 100);
    CHECK_EQ(f.allocator.used_bytes, 100);
    CHECK_EQ(f.allocator.failed_count, 3);
    vl_free(block);
    CHECK_EQ(f.allocator.block_count, 0);
}

static void
alloc_limit_is_exact(void)
{
    alloc_fixture f;
    void *a;
    void *b;

    alloc_fixture_init(&f);
    vl_allocator_set_limit(&f.allocator, 1000);
    a = vl_alloc(&f.ctx, 999);
    CHECK(a != NULL);
    CHECK(vl_alloc(&f.ctx, 2) == NULL);
    b = vl_alloc(&f.ctx, 1);
    CHECK(b != NULL);
    CHECK(vl_alloc(&f.ctx, 1) == NULL);
    CHECK_EQ(f.allocator.used_bytes, 1000);
    CHECK_EQ(f.allocator.peak_bytes, 1000);
    CHECK_EQ(f.allocator.failed_count, 2);
    vl_allocator_set_limit(&f.allocator, 500); /* below what is in use */
    vl_free(b);
    CHECK(vl_alloc(&f.ctx, 1) == NULL);
    CHECK(vl_alloc(&f.ctx, 0) == NULL);
    vl_free(a);
    a = vl_alloc(&f.ctx, 500);
    CHECK(a != NULL);
    vl_allocator_set_limit(&f.allocator, 0);
    b = vl_alloc(&f.ctx, 5000);
    CHECK(b != NULL);
    vl_free(a);
    vl_free(b);
    CHECK_EQ(f.allocator.used_bytes, 0);
}

/* Make `count` requests and note in a string which succeed: '+' and '-'. */
static void
alloc_probe(alloc_fixture *f, size_t count, char *result)
{
    for (size_t i = 0; i < count; i++) {
        void *block = vl_alloc(&f->ctx, 1);

        result[i] = block != NULL ? '+' : '-';
        vl_free(block);
    }
    result[count] = '\0';
}

static void
alloc_fails_the_nth(void)
{
    char result[16];
    alloc_fixture f;

    alloc_fixture_init(&f);
    alloc_probe(&f, 3, result);
    CHECK_TEXT(result, "+++");
    vl_allocator_fail_nth(&f.allocator, 1, 1);
    alloc_probe(&f, 3, result);
    CHECK_TEXT(result, "-++");
    vl_allocator_fail_nth(&f.allocator, 4, 1);
    alloc_probe(&f, 8, result);
    CHECK_TEXT(result, "+++-++++");
    vl_allocator_fail_nth(&f.allocator, 2, 3);
    alloc_probe(&f, 8, result);
    CHECK_TEXT(result, "+---++++");
    vl_allocator_fail_nth(&f.allocator, 3, UINT64_MAX);
    alloc_probe(&f, 8, result);
    CHECK_TEXT(result, "++------");
    vl_allocator_fail_nth(&f.allocator, 0, 1);
    alloc_probe(&f, 8, result);
    CHECK_TEXT(result, "++++++++");
    vl_allocator_fail_nth(&f.allocator, 1, 0);
    alloc_probe(&f, 4, result);
    CHECK_TEXT(result, "++++");
    vl_allocator_fail_nth(&f.allocator, UINT64_MAX, UINT64_MAX);
    alloc_probe(&f, 4, result);
    CHECK_TEXT(result, "++++");
    CHECK_EQ(f.allocator.failed_count, 1 + 1 + 3 + 6);
}

static void
alloc_failure_may_be_planned_again(void)
{
    char result[16];
    alloc_fixture f;

    alloc_fixture_init(&f);
    vl_allocator_fail_nth(&f.allocator, 1, UINT64_MAX);
    vl_allocator_fail_nth(&f.allocator, 3, 1); /* the new plan replaces the old one */
    alloc_probe(&f, 5, result);
    CHECK_TEXT(result, "++-++");
    vl_allocator_fail_nth(&f.allocator, 1, 1);
    CHECK(vl_realloc(&f.ctx, NULL, 1) == NULL);
    vl_allocator_fail_nth(&f.allocator, 1, 1);
    CHECK(vl_alloc_array(&f.ctx, 1, 1) == NULL);
    vl_allocator_fail_nth(&f.allocator, 1, 1);
    CHECK(vl_allocator_alloc(&f.allocator, 1, 1) == NULL);
}

/* What the allocator should say, kept by the simplest means. */
typedef struct alloc_model {
    char *blocks[64];     /* alive, or NULL */
    size_t sizes[64];     /* of each */
    uint64_t used_bytes;  /* their sum */
    uint64_t peak_bytes;  /* its maximum, with old and new of a realloc together */
    uint64_t block_count; /* how many */
    uint64_t calls;       /* requests */
    uint64_t failed;      /* of them */
    uint64_t limit;       /* in force */
} alloc_model;

/* Count one request in the model; whether it should succeed. */
static int
alloc_model_request(alloc_model *m, size_t size)
{
    m->calls++;
    if (m->limit != 0 && m->used_bytes + size > m->limit) {
        m->failed++;
        return 0;
    }
    m->used_bytes += size;
    m->block_count++;
    if (m->used_bytes > m->peak_bytes)
        m->peak_bytes = m->used_bytes;
    return 1;
}

static void
alloc_model_drop(alloc_model *m, size_t slot)
{
    if (m->blocks[slot] != NULL) {
        m->used_bytes -= m->sizes[slot];
        m->block_count--;
    }
    m->blocks[slot] = NULL;
}

/* One random operation on both; whether they agree about it. */
static int
alloc_model_step(alloc_model *m, alloc_fixture *f, vl_rng *rng)
{
    size_t slot = (size_t)vl_rng_below(rng, VL_ARRAY_COUNT(m->blocks));
    size_t size = (size_t)vl_rng_below(rng, vl_rng_chance(rng, 1, 8) ? 20000 : 200);
    char *block;
    int fits;

    if (vl_rng_chance(rng, 1, 3)) {
        vl_free(m->blocks[slot]);
        alloc_model_drop(m, slot);
        return 1;
    }
    if (m->blocks[slot] != NULL && !alloc_is_filled(m->blocks[slot], m->sizes[slot], (char)slot))
        return 0;
    fits = alloc_model_request(m, size);
    if (vl_rng_chance(rng, 1, 2)) {
        block = vl_realloc(&f->ctx, m->blocks[slot], size);
        if (block != NULL)
            alloc_model_drop(m, slot);
    } else {
        block = vl_alloc_aligned(&f->ctx, size, (size_t)1 << vl_rng_below(rng, 13));
        if (block != NULL) {
            vl_free(m->blocks[slot]);
            alloc_model_drop(m, slot);
        }
    }
    if ((block != NULL) != fits)
        return 0;
    if (block != NULL) {
        memset(block, (char)slot, size);
        m->blocks[slot] = block;
        m->sizes[slot] = size;
    }
    return 1;
}

static void
alloc_agrees_with_a_model(void)
{
    static alloc_model m;
    alloc_fixture f;
    vl_rng rng;

    memset(&m, 0, sizeof m);
    alloc_fixture_init(&f);
    vl_rng_init(&rng, unit_seed());
    for (unsigned i = 0; i < 20000; i++) {
        if (i % 1000 == 0) {
            m.limit = vl_rng_chance(&rng, 1, 2) ? 0 : vl_rng_below(&rng, 60000);
            vl_allocator_set_limit(&f.allocator, m.limit);
        }
        CHECK(alloc_model_step(&m, &f, &rng));
        CHECK_EQ(f.allocator.used_bytes, m.used_bytes);
        CHECK_EQ(f.allocator.peak_bytes, m.peak_bytes);
        CHECK_EQ(f.allocator.block_count, m.block_count);
        CHECK_EQ(f.allocator.call_count, m.calls);
        CHECK_EQ(f.allocator.failed_count, m.failed);
    }
    CHECK(m.failed > 0);
    for (size_t i = 0; i < VL_ARRAY_COUNT(m.blocks); i++)
        vl_free(m.blocks[i]);
    CHECK_EQ(f.allocator.used_bytes, 0);
    CHECK_EQ(f.allocator.block_count, 0);
}

#define ALLOC_THREADS 4
#define ALLOC_LIMIT   3000

/* Shared by the threads of one test. */
typedef struct alloc_crowd {
    alloc_fixture f;                /* with a limit */
    _Atomic uint64_t largest_used;  /* seen by any thread */
    _Atomic uint64_t refused_small; /* requests refused that should not be */
    _Atomic uint64_t damaged;       /* blocks whose content changed */
    _Atomic uint32_t next;          /* number of the next thread */
} alloc_crowd;

static void
alloc_crowd_main(void *argument)
{
    alloc_crowd *crowd = argument;
    unsigned self = atomic_fetch_add_explicit(&crowd->next, 1, memory_order_relaxed);
    vl_rng rng;

    vl_rng_init(&rng, self);
    for (unsigned i = 0; i < 5000; i++) {
        size_t size =
            vl_rng_chance(&rng, 1, 2) ? ALLOC_LIMIT + 1 : (size_t)vl_rng_below(&rng, 1500);
        char *block = vl_alloc(&crowd->f.ctx, size);

        (void)vl_atomic_max(&crowd->largest_used, vl_counter(&crowd->f.allocator.used_bytes));
        if (block == NULL)
            continue;
        memset(block, (char)self, size);
        if (i % 16 == 0)
            vl_thread_yield();
        if (!alloc_is_filled(block, size, (char)self))
            vl_count(&crowd->damaged, 1);
        vl_free(block);
    }
}

/* Start the threads, let them end. Whether all started. */
static int
alloc_crowd_run(alloc_crowd *crowd, vl_thread_main *main)
{
    vl_thread threads[ALLOC_THREADS];
    int started = 1;

    for (size_t i = 0; i < ALLOC_THREADS; i++)
        started &= vl_thread_start(unit_ctx(), &threads[i], "alloc", main, crowd) == VELO_OK;
    for (size_t i = 0; i < ALLOC_THREADS; i++)
        vl_thread_join(&threads[i]);
    return started;
}

static void
alloc_limit_holds_among_threads(void)
{
    static alloc_crowd crowd;

    memset(&crowd, 0, sizeof crowd);
    alloc_fixture_init(&crowd.f);
    vl_allocator_set_limit(&crowd.f.allocator, ALLOC_LIMIT);
    CHECK(alloc_crowd_run(&crowd, alloc_crowd_main));
    CHECK(crowd.largest_used <= ALLOC_LIMIT);
    CHECK(crowd.f.allocator.peak_bytes <= ALLOC_LIMIT);
    CHECK(crowd.f.allocator.failed_count > 0);
    CHECK_EQ(crowd.damaged, 0);
    CHECK_EQ(crowd.f.allocator.call_count, ALLOC_THREADS * 5000);
    CHECK_EQ(crowd.f.allocator.used_bytes, 0);
    CHECK_EQ(crowd.f.allocator.block_count, 0);
}

/* Half of the requests can never fit, the others always do, whatever is asked for meanwhile. */
static void
alloc_small_beside_large_main(void *argument)
{
    alloc_crowd *crowd = argument;

    for (unsigned i = 0; i < 5000; i++) {
        void *large = vl_alloc(&crowd->f.ctx, ALLOC_LIMIT + 1);
        void *small = vl_alloc(&crowd->f.ctx, ALLOC_LIMIT / ALLOC_THREADS);

        if (small == NULL || large != NULL)
            vl_count(&crowd->refused_small, 1);
        vl_free(small);
        vl_free(large);
    }
}

static void
alloc_refused_request_disturbs_no_other(void)
{
    static alloc_crowd crowd;

    memset(&crowd, 0, sizeof crowd);
    alloc_fixture_init(&crowd.f);
    vl_allocator_set_limit(&crowd.f.allocator, ALLOC_LIMIT);
    CHECK(alloc_crowd_run(&crowd, alloc_small_beside_large_main));
    CHECK_EQ(crowd.refused_small, 0);
    CHECK_EQ(crowd.f.allocator.failed_count, ALLOC_THREADS * 5000);
    CHECK_EQ(crowd.f.allocator.used_bytes, 0);
}

/* Each failure that was planned happens once, whichever threads ask. */
static void
alloc_failures_are_exact_among_threads(void)
{
    static alloc_crowd crowd;

    memset(&crowd, 0, sizeof crowd);
    alloc_fixture_init(&crowd.f);
    vl_allocator_fail_nth(&crowd.f.allocator, 777, 123);
    CHECK(alloc_crowd_run(&crowd, alloc_crowd_main));
    CHECK_EQ(crowd.f.allocator.failed_count, 123);
    CHECK_EQ(crowd.f.allocator.used_bytes, 0);
}

/* A list of blocks, which a failure in the middle must take apart again. */
static velo_status
alloc_build_list(vl_ctx *ctx, void *argument)
{
    unsigned length = *(const unsigned *)argument;
    void **list = NULL;
    velo_status status = VELO_OK;

    for (unsigned i = 0; i < length && status == VELO_OK; i++) {
        void **node = vl_alloc(ctx, sizeof *node);

        if (node == NULL) {
            status = vl_fail(ctx, VELO_NOMEM, "cannot allocate node %u", i);
        } else {
            *node = (void *)list;
            list = node;
        }
    }
    while (list != NULL) {
        void **next = *list;

        vl_free((void *)list);
        list = next;
    }
    return status;
}

static void
alloc_every_failure_is_reached(void)
{
    unsigned length = 25;

    CHECK_EQ(unit_each_alloc_failure(alloc_build_list, &length), 25);
    length = 0;
    CHECK_EQ(unit_each_alloc_failure(alloc_build_list, &length), 0);
    CHECK(!unit_has_failed());
}

static velo_status
alloc_forget_on_failure(vl_ctx *ctx, void *argument)
{
    void *first = vl_alloc(ctx, 1);
    void *second = vl_alloc(ctx, 1);
    void **keep = argument;

    if (first != NULL && second == NULL) {
        *keep = first; /* what a careless function forgets */
        return VELO_NOMEM;
    }
    vl_free(first);
    vl_free(second);
    return first != NULL ? VELO_OK : VELO_NOMEM;
}

static void
alloc_leak_is_found_child(void)
{
    void *kept = NULL;

    (void)unit_each_alloc_failure(alloc_forget_on_failure, (void *)&kept);
    vl_free(kept);
}

static velo_status
alloc_claim_success(vl_ctx *ctx, void *argument)
{
    void *block = vl_alloc(ctx, 1);

    (void)argument;
    vl_free(block);
    return VELO_CORRUPT;
}

static void
alloc_wrong_status_is_found_child(void)
{
    (void)unit_each_alloc_failure(alloc_claim_success, NULL);
}

static void
alloc_walk_finds_mistakes(void)
{
    CHECK_EQ(unit_run_quietly(alloc_leak_is_found_child), 1);
    CHECK_EQ(unit_run_quietly(alloc_wrong_status_is_found_child), 1);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(alloc_counts_each_block),
        UNIT_TEST(alloc_keeps_every_alignment),
        UNIT_TEST(alloc_of_nothing_is_a_block),
        UNIT_TEST(alloc_zero_and_array_are_zeroed),
        UNIT_TEST(alloc_refuses_what_is_too_large),
        UNIT_TEST(alloc_array_refuses_overflow),
        UNIT_TEST(alloc_realloc_keeps_the_content),
        UNIT_TEST(alloc_realloc_keeps_alignment_and_owner),
        UNIT_TEST(alloc_failed_realloc_leaves_the_block),
        UNIT_TEST(alloc_limit_is_exact),
        UNIT_TEST(alloc_fails_the_nth),
        UNIT_TEST(alloc_failure_may_be_planned_again),
        UNIT_TEST(alloc_agrees_with_a_model),
        UNIT_TEST(alloc_limit_holds_among_threads),
        UNIT_TEST(alloc_refused_request_disturbs_no_other),
        UNIT_TEST(alloc_failures_are_exact_among_threads),
        UNIT_TEST(alloc_every_failure_is_reached),
        UNIT_TEST(alloc_walk_finds_mistakes),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
