/* test_arena.c - arenas: alignment, growth, reset, rewind, and running out of memory. */
#include "base/arena.h"
#include "base/ctx.h"
#include "lib/unit.h"

#include <string.h>

/* An arena on an allocator of its own. */
typedef struct arena_fixture {
    vl_allocator allocator; /* fresh */
    vl_arena arena;         /* uses it */
} arena_fixture;

static void
arena_fixture_init(arena_fixture *f, size_t first_chunk_size)
{
    vl_allocator_init(&f->allocator);
    vl_arena_init(&f->arena, &f->allocator, first_chunk_size);
}

static int
arena_is_filled(const char *block, size_t size, char with)
{
    for (size_t i = 0; i < size; i++)
        if (block[i] != with)
            return 0;
    return 1;
}

static void
arena_allocates_nothing_until_used(void)
{
    arena_fixture f;

    arena_fixture_init(&f, 0);
    CHECK_EQ(f.allocator.call_count, 0);
    vl_arena_reset(&f.arena);
    vl_arena_rewind(&f.arena, vl_arena_get_mark(&f.arena));
    vl_arena_deinit(&f.arena);
    CHECK_EQ(f.allocator.call_count, 0);
    vl_arena_init(&f.arena, NULL, 0);
    CHECK(f.arena.allocator == vl_allocator_default());
}

static void
arena_keeps_every_alignment(void)
{
    arena_fixture f;

    arena_fixture_init(&f, 0);
    for (unsigned turn = 0; turn < 3; turn++) {
        for (size_t align = 1; align <= 4096; align *= 2) {
            for (size_t size = 0; size < 70; size += 7) {
                char *block = vl_arena_alloc_aligned(&f.arena, size, align);

                CHECK(block != NULL);
                CHECK_EQ((uintptr_t)block % align, 0);
                memset(block, 0x5a, size);
                CHECK_EQ((uintptr_t)vl_arena_alloc(&f.arena, 3) % VL_ALLOC_ALIGN, 0);
            }
        }
        vl_arena_reset(&f.arena);
    }
    vl_arena_deinit(&f.arena);
    CHECK_EQ(f.allocator.block_count, 0);
}

/* Blocks of random sizes do not overlap: each keeps its letter. */
static void
arena_blocks_are_apart(void)
{
    enum {
        COUNT = 500
    };
    static char *blocks[COUNT];
    static size_t sizes[COUNT];
    arena_fixture f;
    vl_rng rng;

    arena_fixture_init(&f, 64);
    vl_rng_init(&rng, unit_seed());
    for (size_t i = 0; i < COUNT; i++) {
        sizes[i] = (size_t)vl_rng_below(&rng, vl_rng_chance(&rng, 1, 20) ? 10000 : 100);
        blocks[i] = vl_arena_alloc_aligned(&f.arena, sizes[i], (size_t)1 << vl_rng_below(&rng, 13));
        CHECK(blocks[i] != NULL);
        memset(blocks[i], (char)i, sizes[i]);
    }
    for (size_t i = 0; i < COUNT; i++)
        CHECK(arena_is_filled(blocks[i], sizes[i], (char)i));
    CHECK_EQ(f.allocator.used_bytes, f.arena.held_bytes);
    vl_arena_deinit(&f.arena);
    CHECK_EQ(f.arena.held_bytes, 0);
    CHECK_EQ(f.allocator.used_bytes, 0);
}

/* Plain requests, which have a way of their own: also none at all, and chunks that end anywhere. */
static void
arena_plain_blocks_are_apart(void)
{
    enum {
        COUNT = 700
    };
    static char *blocks[COUNT];
    static size_t sizes[COUNT];
    arena_fixture f;
    vl_rng rng;

    arena_fixture_init(&f, 64);
    CHECK(vl_arena_alloc(&f.arena, 0) != NULL);
    vl_rng_init(&rng, unit_seed());
    for (size_t i = 0; i < COUNT; i++) {
        vl_arena *arena = &f.arena;

        sizes[i] = (size_t)vl_rng_below(&rng, vl_rng_chance(&rng, 1, 20) ? 5001 : 70);
        if (arena->next != NULL && vl_rng_chance(&rng, 1, 4)) /* to the chunk's very end */
            sizes[i] = (size_t)(arena->end - arena->next);
        blocks[i] = vl_arena_alloc(arena, sizes[i]);
        CHECK(blocks[i] != NULL && (uintptr_t)blocks[i] % VL_ALLOC_ALIGN == 0);
        CHECK(blocks[i] + sizes[i] <= arena->end && blocks[i] + sizes[i] == arena->next);
        memset(blocks[i], (char)i, sizes[i]);
    }
    for (size_t i = 0; i < COUNT; i++)
        CHECK(arena_is_filled(blocks[i], sizes[i], (char)i));
    CHECK(vl_arena_alloc(&f.arena, SIZE_MAX) == NULL);
    CHECK(vl_arena_alloc(&f.arena, SIZE_MAX - 15) == NULL);
    vl_arena_deinit(&f.arena);
    CHECK_EQ(f.allocator.used_bytes, 0);
}

static void
arena_takes_the_next_chunk_as_large_as_said(void)
{
    arena_fixture f;

    arena_fixture_init(&f, 256);
    CHECK(vl_arena_alloc(&f.arena, 200) != NULL);
    vl_arena_set_next_chunk(&f.arena, 128);
    CHECK(vl_arena_alloc(&f.arena, 90) != NULL);
    CHECK_EQ(f.arena.held_bytes, 256 + 128);
    CHECK(vl_arena_alloc(&f.arena, 90) != NULL);
    CHECK_EQ(f.arena.held_bytes, 256 + 128 + 256);
    vl_arena_deinit(&f.arena);
}

static void
arena_grows_by_few_chunks(void)
{
    arena_fixture f;

    arena_fixture_init(&f, 0);
    for (size_t i = 0; i < (size_t)VL_BY_BUILD(1 << 16, 64); i++)
        CHECK(vl_arena_alloc(&f.arena, 16) != NULL);
    /* 1 MiB in chunks that double from 4 KiB; in the tiny build 1 KiB from 128 bytes to 512 */
    CHECK(f.allocator.call_count <= VL_BY_BUILD(9, 5));
    CHECK(f.allocator.call_count >= 2);
    vl_arena_deinit(&f.arena);
}

static void
arena_large_request_gets_its_chunk(void)
{
    arena_fixture f;
    char *small;
    char *large;
    char *after;

    arena_fixture_init(&f, 0);
    small = vl_arena_alloc(&f.arena, 10);
    large = vl_arena_alloc(&f.arena, (size_t)5 << 20);
    after = vl_arena_alloc(&f.arena, 10);
    CHECK(small != NULL && large != NULL && after != NULL);
    memset(small, 1, 10);
    memset(large, 2, (size_t)5 << 20);
    memset(after, 3, 10);
    CHECK(arena_is_filled(small, 10, 1));
    CHECK(arena_is_filled(large, (size_t)5 << 20, 2));
    CHECK(f.arena.held_bytes < ((size_t)5 << 20) + 65536);
    vl_arena_deinit(&f.arena);
    CHECK_EQ(f.allocator.block_count, 0);
}

static void
arena_refuses_what_is_too_large(void)
{
    arena_fixture f;
    vl_arena before;

    arena_fixture_init(&f, 0);
    CHECK(vl_arena_alloc(&f.arena, 1) != NULL);
    before = f.arena;
    CHECK(vl_arena_alloc(&f.arena, SIZE_MAX) == NULL);
    CHECK(vl_arena_alloc(&f.arena, SIZE_MAX - 15) == NULL);
    CHECK(vl_arena_alloc(&f.arena, SIZE_MAX - 4096) == NULL);
    CHECK(vl_arena_alloc_aligned(&f.arena, VL_ALLOC_MAX_SIZE, 4096) == NULL);
    CHECK(vl_arena_alloc_array(&f.arena, (size_t)1 << 32, (size_t)1 << 32) == NULL);
    CHECK(vl_arena_alloc_array(&f.arena, SIZE_MAX, 2) == NULL);
    CHECK(vl_arena_copy(&f.arena, "", SIZE_MAX) == NULL);
    CHECK(memcmp(&before, &f.arena, sizeof before) == 0);
    vl_arena_deinit(&f.arena);
}

static void
arena_array_is_zeroed_and_copy_ends(void)
{
    arena_fixture f;
    char *copy;

    arena_fixture_init(&f, 0);
    for (unsigned turn = 0; turn < 3; turn++) {
        char *block = vl_arena_alloc(&f.arena, 1000);

        CHECK(block != NULL);
        memset(block, 0xff, 1000);
        vl_arena_reset(&f.arena);
        block = vl_arena_alloc_array(&f.arena, 10, 90);
        CHECK(block != NULL && arena_is_filled(block, 900, 0));
        memset(block, 0xff, 900);
        CHECK(vl_arena_alloc_array(&f.arena, 0, 90) != NULL);
    }
    copy = vl_arena_copy(&f.arena, "elephant", 3);
    CHECK(copy != NULL);
    CHECK_TEXT(copy, "ele");
    copy = vl_arena_copy(&f.arena, NULL, 0);
    CHECK(copy != NULL);
    CHECK_TEXT(copy, "");
    vl_arena_deinit(&f.arena);
}

/* What a statement might do: some small things and one of another size. */
static int
arena_run_statement(arena_fixture *f, size_t extra)
{
    int ok = 1;

    for (size_t i = 0; i < 10; i++) {
        char *block = vl_arena_alloc(&f->arena, VL_BY_BUILD(100, 10));

        ok &= block != NULL;
        if (block != NULL)
            memset(block, 7, VL_BY_BUILD(100, 10));
    }
    ok &= vl_arena_alloc(&f->arena, extra) != NULL;
    vl_arena_reset(&f->arena);
    return ok;
}

static void
arena_second_use_allocates_nothing(void)
{
    arena_fixture f;
    uint64_t calls;

    arena_fixture_init(&f, 0);
    CHECK(arena_run_statement(&f, 0));
    CHECK(arena_run_statement(&f, 0)); /* the chunk kept after the first run may be too small */
    calls = f.allocator.call_count;
    CHECK_EQ(f.allocator.block_count, 1);
    for (unsigned i = 0; i < 10; i++)
        CHECK(arena_run_statement(&f, 0));
    CHECK_EQ(f.allocator.call_count, calls);
    CHECK_EQ(f.allocator.block_count, 1);
    CHECK_EQ(f.arena.held_bytes, f.allocator.used_bytes);
    vl_arena_deinit(&f.arena);
}

static void
arena_reset_drops_large_and_keeps_ordinary(void)
{
    arena_fixture f;
    uint64_t calls;

    arena_fixture_init(&f, 0);
    CHECK(arena_run_statement(&f, (size_t)3 << 20));
    CHECK(arena_run_statement(&f, (size_t)3 << 20));
    CHECK_EQ(f.allocator.block_count, 1);
    CHECK(f.arena.held_bytes < 100000);
    calls = f.allocator.call_count;
    CHECK(arena_run_statement(&f, (size_t)3 << 20));
    CHECK_EQ(f.allocator.call_count, calls + 1); /* only the large one */
    vl_arena_deinit(&f.arena);
    CHECK_EQ(f.allocator.block_count, 0);
}

/* The first chunk keeps to the limit of all, else a reset would take it for a large request. */
static void
arena_first_chunk_of_any_size_is_kept(void)
{
    static const size_t sizes[] = {1, 15, 16, 17, 300, 768 << 10, 1 << 20, 10 << 20, SIZE_MAX};

    for (size_t i = 0; i < VL_ARRAY_COUNT(sizes); i++) {
        arena_fixture f;
        uint64_t calls;

        arena_fixture_init(&f, sizes[i]);
        for (unsigned turn = 0; turn < 8; turn++)
            CHECK(arena_run_statement(&f, 0));
        calls = f.allocator.call_count;
        CHECK(arena_run_statement(&f, 0));
        CHECK_EQ(f.allocator.call_count, calls);
        CHECK(f.arena.held_bytes <= (1 << 20));
        vl_arena_deinit(&f.arena);
        CHECK_EQ(f.allocator.block_count, 0);
    }
}

static void
arena_rewind_goes_back_over_chunks(void)
{
    arena_fixture f;
    vl_arena_mark marks[20];
    char *firsts[20];

    arena_fixture_init(&f, 64);
    for (size_t i = 0; i < VL_ARRAY_COUNT(marks); i++) {
        marks[i] = vl_arena_get_mark(&f.arena);
        firsts[i] = vl_arena_alloc(&f.arena, 24);
        CHECK(firsts[i] != NULL);
        memset(firsts[i], (char)i, 24);
        CHECK(vl_arena_alloc(&f.arena, 40 * i) != NULL);
    }
    for (size_t i = VL_ARRAY_COUNT(marks); i-- > 1;) {
        vl_arena_rewind(&f.arena, marks[i]);
        CHECK_EQ(f.arena.held_bytes, f.allocator.used_bytes);
        for (size_t j = 0; j < i; j++)
            CHECK(arena_is_filled(firsts[j], 24, (char)j));
    }
    vl_arena_rewind(&f.arena, marks[0]); /* of the empty arena */
    CHECK_EQ(f.allocator.block_count, 0);
    CHECK(vl_arena_alloc(&f.arena, 8) != NULL);
    vl_arena_deinit(&f.arena);
}

static void
arena_rewind_gives_the_same_place(void)
{
    arena_fixture f;
    vl_arena_mark mark;
    char *first;

    arena_fixture_init(&f, 0);
    CHECK(vl_arena_alloc(&f.arena, 5) != NULL);
    mark = vl_arena_get_mark(&f.arena);
    first = vl_arena_alloc(&f.arena, 5);
    for (unsigned i = 0; i < 5; i++) {
        vl_arena_rewind(&f.arena, mark);
        CHECK(vl_arena_alloc(&f.arena, 5) == first);
    }
    CHECK_EQ(f.allocator.call_count, 1);
    vl_arena_deinit(&f.arena);
}

/* Random allocations, marks and rewinds against a stack of what should be there. */
static void
arena_agrees_with_a_stack(void)
{
    enum {
        DEPTH = 200
    };
    static char *blocks[DEPTH];
    static size_t sizes[DEPTH];
    static vl_arena_mark marks[DEPTH];
    size_t count = 0;
    arena_fixture f;
    vl_rng rng;

    arena_fixture_init(&f, 0);
    vl_rng_init(&rng, unit_seed());
    for (unsigned turn = 0; turn < 5000; turn++) {
        if (count == DEPTH || (count > 0 && vl_rng_chance(&rng, 1, 10))) {
            count = (size_t)vl_rng_below(&rng, count);
            vl_arena_rewind(&f.arena, marks[count]);
        }
        for (size_t i = turn % 50 == 0 ? 0 : count; i < count; i++)
            CHECK(arena_is_filled(blocks[i], sizes[i], (char)i));
        sizes[count] = (size_t)vl_rng_below(&rng, VL_BY_BUILD(2000, 100));
        marks[count] = vl_arena_get_mark(&f.arena);
        blocks[count] = vl_arena_alloc(&f.arena, sizes[count]);
        CHECK(blocks[count] != NULL);
        memset(blocks[count], (char)count, sizes[count]);
        count++;
        CHECK_EQ(f.arena.held_bytes, f.allocator.used_bytes);
    }
    vl_arena_deinit(&f.arena);
    CHECK_EQ(f.allocator.block_count, 0);
}

static void
arena_failure_leaves_it_usable(void)
{
    arena_fixture f;
    vl_arena before;
    char *block;

    arena_fixture_init(&f, 0);
    vl_allocator_fail_nth(&f.allocator, 1, 2);
    CHECK(vl_arena_alloc(&f.arena, 8) == NULL);
    CHECK(vl_arena_copy(&f.arena, "x", 1) == NULL);
    block = vl_arena_alloc(&f.arena, 8);
    CHECK(block != NULL);
    memset(block, 9, 8);
    before = f.arena;
    vl_allocator_fail_nth(&f.allocator, 1, UINT64_MAX);
    CHECK(vl_arena_alloc(&f.arena, 1 << 20) == NULL);
    CHECK(vl_arena_alloc_array(&f.arena, 1 << 10, 1 << 10) == NULL);
    CHECK(memcmp(&before, &f.arena, sizeof before) == 0);
    CHECK(vl_arena_alloc(&f.arena, 8) != NULL); /* there is room in the chunk */
    CHECK(arena_is_filled(block, 8, 9));
    vl_arena_reset(&f.arena); /* needs no memory */
    CHECK(vl_arena_alloc(&f.arena, 8) != NULL);
    vl_arena_deinit(&f.arena);
    CHECK_EQ(f.allocator.block_count, 0);
}

static velo_status
arena_use_all(vl_ctx *ctx, void *argument)
{
    vl_arena arena;
    velo_status status = VELO_OK;

    (void)argument;
    vl_arena_init(&arena, ctx->allocator, 32);
    for (size_t i = 1; i < 3000 && status == VELO_OK; i *= 2) {
        vl_arena_mark mark = vl_arena_get_mark(&arena);
        void *first = vl_arena_alloc(&arena, i);
        void *second = vl_arena_alloc_array(&arena, i, 3);

        if (first == NULL || second == NULL)
            status = vl_fail(ctx, VELO_NOMEM, "no room for %zu", i);
        if (i == 64)
            vl_arena_reset(&arena);
        else if (i % 3 == 1)
            vl_arena_rewind(&arena, mark);
    }
    vl_arena_deinit(&arena);
    return status;
}

static void
arena_survives_every_failure(void)
{
    CHECK(unit_each_alloc_failure(arena_use_all, NULL) > 3);
}

static void
arena_read_after_reset(void)
{
    arena_fixture f;
    char *block;

    arena_fixture_init(&f, 0);
    block = vl_arena_alloc(&f.arena, 16);
    if (block == NULL)
        return;
    *(volatile char *)block = 1;
    vl_arena_reset(&f.arena);
    *(volatile char *)block = 2; /* must be found */
}

static void
arena_read_after_rewind(void)
{
    arena_fixture f;
    vl_arena_mark mark;
    char *block;

    arena_fixture_init(&f, 0);
    if (vl_arena_alloc(&f.arena, 3) == NULL)
        return;
    mark = vl_arena_get_mark(&f.arena);
    block = vl_arena_alloc(&f.arena, 16);
    if (block == NULL)
        return;
    vl_arena_rewind(&f.arena, mark);
    *(volatile char *)block = 2; /* must be found */
}

static void
arena_write_past_the_end(void)
{
    arena_fixture f;
    char *block;

    arena_fixture_init(&f, 0);
    block = vl_arena_alloc(&f.arena, 24);
    if (block != NULL)
        ((volatile char *)block)[24] = 2; /* must be found */
}

static void
arena_no_misuse(void)
{
    arena_fixture f;
    vl_arena_mark mark;
    char *block;

    arena_fixture_init(&f, 0);
    block = vl_arena_alloc(&f.arena, 13);
    mark = vl_arena_get_mark(&f.arena);
    vl_arena_rewind(&f.arena, mark);
    if (block != NULL)
        ((volatile char *)block)[12] = 2;
    vl_arena_deinit(&f.arena);
}

static void
arena_misuse_is_found_by_asan(void)
{
    if (!VL_ASAN) {
        unit_skip("needs the address sanitizer");
        return;
    }
    CHECK_EQ(unit_run_quietly(arena_no_misuse), 0);
    CHECK(unit_run_quietly(arena_read_after_reset) != 0);
    CHECK(unit_run_quietly(arena_read_after_rewind) != 0);
    CHECK(unit_run_quietly(arena_write_past_the_end) != 0);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(arena_allocates_nothing_until_used),
        UNIT_TEST(arena_keeps_every_alignment),
        UNIT_TEST(arena_blocks_are_apart),
        UNIT_TEST(arena_plain_blocks_are_apart),
        UNIT_TEST(arena_takes_the_next_chunk_as_large_as_said),
        UNIT_TEST(arena_grows_by_few_chunks),
        UNIT_TEST(arena_large_request_gets_its_chunk),
        UNIT_TEST(arena_refuses_what_is_too_large),
        UNIT_TEST(arena_array_is_zeroed_and_copy_ends),
        UNIT_TEST(arena_second_use_allocates_nothing),
        UNIT_TEST(arena_reset_drops_large_and_keeps_ordinary),
        UNIT_TEST(arena_first_chunk_of_any_size_is_kept),
        UNIT_TEST(arena_rewind_goes_back_over_chunks),
        UNIT_TEST(arena_rewind_gives_the_same_place),
        UNIT_TEST(arena_agrees_with_a_stack),
        UNIT_TEST(arena_failure_leaves_it_usable),
        UNIT_TEST(arena_survives_every_failure),
        UNIT_TEST(arena_misuse_is_found_by_asan),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
