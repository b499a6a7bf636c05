/* test_space.c - the table of free space against sets of numbers, and the scenarios of block reuse.
 */
#include "lib/unit.h"
#include "storage/space.h"

#include <string.h>

#define MODEL_BLOCKS  3000
#define MODEL_EXTENTS 400

/* What the table should say, one byte of sets for each block. */
typedef struct model {
    uint8_t sets[MODEL_BLOCKS]; /* VL_SPACE_ bits */
    uint64_t block_count;       /* of the file */
    int is_writing;             /* a checkpoint is in writing */
} model;

/* A run of blocks that some map refers to. */
typedef struct extent {
    uint64_t address; /* first block */
    uint32_t length;  /* blocks; 0 for an unused entry */
} extent;

/* Pages of a toy store: each has an image in the live map and in that of the checkpoint. */
typedef struct store {
    vl_space *space;               /* the table */
    model model;                   /* what it should say */
    extent live[MODEL_EXTENTS];    /* image of each page in the live map */
    extent written[MODEL_EXTENTS]; /* in the map of the checkpoint in writing */
    int is_dirty[MODEL_EXTENTS];   /* at the barrier, and not written for it yet */
    vl_rng rng;                    /* of the run */
} store;

static uint64_t
model_free_count(const model *m)
{
    uint64_t count = 0;

    for (uint64_t block = 2; block < m->block_count; block++)
        count += m->sets[block] == 0;
    return count;
}

static void
model_change(model *m, uint32_t sets, extent e, int puts)
{
    for (uint64_t block = e.address; block < e.address + e.length; block++)
        m->sets[block] = (uint8_t)(puts ? m->sets[block] | sets : m->sets[block] & ~sets);
}

/* Whether table and model agree, block by block. */
static int
store_agrees(store *s)
{
    vl_space_verify(s->space);
    if (vl_space_free_count(s->space) != model_free_count(&s->model))
        return 0;
    for (uint64_t block = 2; block < s->model.block_count; block++)
        if (vl_space_sets_of(s->space, block) != s->model.sets[block])
            return 0;
    return 1;
}

/* Allocate into sets, checking that the blocks were free; a length of 0 comes back when there is no
 * room, which must be true. */
static extent
store_allocate(store *s, uint32_t sets, uint32_t length)
{
    extent e = {0, 0};

    if (!vl_space_allocate(s->space, sets, length, &e.address))
        return e;
    e.length = length;
    for (uint64_t block = e.address; block < e.address + length; block++)
        if (s->model.sets[block] != 0 || block >= s->model.block_count)
            e.length = UINT32_MAX; /* in use: the caller's check fails */
    if (e.length == length)
        model_change(&s->model, sets, e, 1);
    return e;
}

static void
store_remove(store *s, uint32_t sets, extent e)
{
    if (e.length == 0)
        return;
    vl_space_remove(s->space, sets, e.address, e.length);
    model_change(&s->model, sets, e, 0);
}

/* A page is changed and evicted: it gets a new image in the live map. */
static int
store_evict(store *s, uint32_t page)
{
    extent image = store_allocate(s, VL_SPACE_LIVE, 1 + (uint32_t)vl_rng_below(&s->rng, 5));

    if (image.length == 0)
        return 1;
    if (image.length > 5)
        return 0;
    store_remove(s, VL_SPACE_LIVE, s->live[page]);
    s->live[page] = image;
    return 1;
}

static void
store_begin(store *s)
{
    vl_space_begin_checkpoint(s->space);
    s->model.is_writing = 1;
    for (uint64_t block = 0; block < MODEL_BLOCKS; block++)
        if ((s->model.sets[block] & VL_SPACE_LIVE) != 0)
            s->model.sets[block] |= VL_SPACE_WRITING;
    memcpy(s->written, s->live, sizeof s->live);
    for (uint32_t page = 0; page < MODEL_EXTENTS; page++)
        s->is_dirty[page] = vl_rng_chance(&s->rng, 1, 3);
}

/* Write the checkpoint's image of a page that was dirty at the barrier. */
static int
store_write_image(store *s, uint32_t page)
{
    int has_changed = s->live[page].address != s->written[page].address;
    uint32_t sets = has_changed ? VL_SPACE_WRITING : VL_SPACE_WRITING | VL_SPACE_LIVE;
    extent image;

    if (!s->is_dirty[page])
        return 1;
    image = store_allocate(s, sets, 4);
    if (image.length == 0)
        return 1;
    if (image.length > 5)
        return 0;
    store_remove(s, sets, s->written[page]);
    s->written[page] = image;
    if (!has_changed)
        s->live[page] = image;
    s->is_dirty[page] = 0;
    return 1;
}

static void
store_end(store *s, int is_durable)
{
    vl_space_end_checkpoint(s->space, is_durable);
    s->model.is_writing = 0;
    for (uint64_t block = 0; block < MODEL_BLOCKS; block++) {
        uint32_t sets = s->model.sets[block];
        uint32_t durable = is_durable ? (sets & VL_SPACE_WRITING) >> 1 : sets & VL_SPACE_DURABLE;

        s->model.sets[block] = (uint8_t)((sets & VL_SPACE_LIVE) | durable);
    }
}

static int
store_step(store *s)
{
    uint32_t page = (uint32_t)vl_rng_below(&s->rng, MODEL_EXTENTS);
    uint64_t what = vl_rng_below(&s->rng, 100);

    if (what < 50)
        return store_evict(s, page);
    if (what < 60) { /* a page is freed */
        store_remove(s, VL_SPACE_LIVE, s->live[page]);
        memset(&s->live[page], 0, sizeof s->live[page]);
        return 1;
    }
    if (what < 90)
        return !s->model.is_writing || store_write_image(s, page);
    if (what < 98)
        return 1;
    if (s->model.is_writing)
        store_end(s, vl_rng_chance(&s->rng, 3, 4));
    else
        store_begin(s);
    return 1;
}

static void
space_agrees_with_a_model(void)
{
    static store s;

    for (uint64_t seed = 0; seed < 20; seed++) {
        memset(&s, 0, sizeof s);
        vl_rng_init(&s.rng, unit_seed() + seed);
        s.model.block_count = 2 + vl_rng_below(&s.rng, MODEL_BLOCKS - 2);
        CHECK_OK(vl_space_create(unit_ctx(), s.model.block_count, &s.space));
        for (int i = 0; i < 3000; i++) {
            CHECK(store_step(&s));
            if (i % 16 == 0)
                CHECK(store_agrees(&s));
            if (vl_rng_chance(&s.rng, 1, 300) && s.model.block_count < MODEL_BLOCKS - 200) {
                s.model.block_count += vl_rng_below(&s.rng, 200);
                CHECK_OK(vl_space_grow(unit_ctx(), s.space, s.model.block_count));
            }
        }
        CHECK(store_agrees(&s));
        vl_space_destroy(s.space);
    }
}

static void
space_finds_every_run(void)
{
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (int turn = 0; turn < 300; turn++) {
        uint64_t count = 2 + vl_rng_below(&rng, 600);
        uint32_t longest = 0;
        uint32_t run = 0;
        vl_space *space;
        uint64_t address;

        CHECK_OK(vl_space_create(unit_ctx(), count, &space));
        for (uint64_t block = 2; block < count; block++) {
            int is_used = vl_rng_chance(&rng, 1, 1 + (uint64_t)turn % 40);

            if (is_used)
                vl_space_add(space, VL_SPACE_LIVE, block, 1);
            run = is_used ? 0 : run + 1;
            longest = run > longest ? run : longest;
        }
        /* Wherever the last search ended, the longest run is found, and no longer one. */
        if (longest > 1) {
            CHECK(vl_space_allocate(space, VL_SPACE_LIVE, 1, &address));
            vl_space_remove(space, VL_SPACE_LIVE, address, 1);
        }
        CHECK(!vl_space_allocate(space, VL_SPACE_LIVE, longest + 1, &address));
        if (longest > 0)
            CHECK(vl_space_allocate(space, VL_SPACE_LIVE, longest, &address));
        vl_space_destroy(space);
    }
}

static void
space_runs_follow_each_other(void)
{
    vl_space *space;
    uint64_t before;
    uint64_t address;

    CHECK_OK(vl_space_create(unit_ctx(), 1000, &space));
    CHECK(vl_space_allocate(space, VL_SPACE_LIVE, 4, &before));
    for (int i = 0; i < 50; i++, before = address) {
        CHECK(vl_space_allocate(space, VL_SPACE_LIVE, 4, &address));
        CHECK_EQ(address, before + 4);
    }
    vl_space_destroy(space);
}

/* Scenario 7a: an image from before the barrier, which the checkpoint needs, is passed over while
 * the checkpoint is in writing: its block may not be used again before the next one is durable. */
static void
space_hazard_7a_image_of_a_checkpoint_is_kept(void)
{
    vl_space *space;
    uint64_t b1;
    uint64_t b2;

    CHECK_OK(vl_space_create(unit_ctx(), 100, &space));
    CHECK(vl_space_allocate(space, VL_SPACE_LIVE, 4, &b1)); /* P evicted before the barrier */
    vl_space_begin_checkpoint(space);
    CHECK(vl_space_allocate(space, VL_SPACE_LIVE, 4, &b2)); /* P changed, evicted again */
    vl_space_remove(space, VL_SPACE_LIVE, b1, 4);
    CHECK_EQ(vl_space_sets_of(space, b1), VL_SPACE_WRITING);
    vl_space_end_checkpoint(space, 1);
    CHECK_EQ(vl_space_sets_of(space, b1), VL_SPACE_DURABLE);
    vl_space_begin_checkpoint(space);
    CHECK_EQ(vl_space_sets_of(space, b1), VL_SPACE_DURABLE);
    vl_space_end_checkpoint(space, 0); /* fails: stays */
    CHECK_EQ(vl_space_sets_of(space, b1), VL_SPACE_DURABLE);
    vl_space_begin_checkpoint(space);
    vl_space_end_checkpoint(space, 1);
    CHECK_EQ(vl_space_sets_of(space, b1), 0);
    vl_space_destroy(space);
}

/* Scenario 7b: an image written for the checkpoint that the live map has already passed over is
 * the checkpoint's alone, and free once the next one is durable. */
static void
space_hazard_7b_image_passed_over_is_freed(void)
{
    vl_space *space;
    uint64_t old;
    uint64_t c;
    uint64_t d;

    CHECK_OK(vl_space_create(unit_ctx(), 100, &space));
    CHECK(vl_space_allocate(space, VL_SPACE_LIVE, 4, &old));
    vl_space_begin_checkpoint(space);
    CHECK(vl_space_allocate(space, VL_SPACE_LIVE, 4, &d)); /* evicted with a later change */
    vl_space_remove(space, VL_SPACE_LIVE, old, 4);
    CHECK(vl_space_allocate(space, VL_SPACE_WRITING, 4, &c)); /* the copy as of the barrier */
    vl_space_remove(space, VL_SPACE_WRITING, old, 4);
    CHECK_EQ(vl_space_sets_of(space, old), 0); /* never in a durable checkpoint: free at once */
    vl_space_end_checkpoint(space, 1);
    CHECK_EQ(vl_space_sets_of(space, c), VL_SPACE_DURABLE);
    CHECK_EQ(vl_space_sets_of(space, d), VL_SPACE_LIVE);
    vl_space_begin_checkpoint(space);
    vl_space_end_checkpoint(space, 1);
    CHECK_EQ(vl_space_sets_of(space, c), 0);
    CHECK_EQ(vl_space_sets_of(space, d), VL_SPACE_LIVE | VL_SPACE_DURABLE);
    vl_space_destroy(space);
}

/* Scenario 7c: what the checkpoint stores as in use has neither the evictions after the barrier nor
 * the blocks it retires. */
static void
space_hazard_7c_stored_set_is_exact(void)
{
    vl_space *space;
    uint64_t kept;
    uint64_t retired;
    uint64_t image;
    uint64_t later;

    CHECK_OK(vl_space_create(unit_ctx(), 60, &space));
    CHECK(vl_space_allocate(space, VL_SPACE_LIVE, 2, &kept));
    CHECK(vl_space_allocate(space, VL_SPACE_LIVE, 2, &retired));
    vl_space_begin_checkpoint(space);
    vl_space_end_checkpoint(space, 1);
    vl_space_begin_checkpoint(space);
    CHECK(vl_space_allocate(space, VL_SPACE_LIVE, 2, &later));
    CHECK(vl_space_allocate(space, VL_SPACE_LIVE | VL_SPACE_WRITING, 2, &image));
    vl_space_remove(space, VL_SPACE_LIVE | VL_SPACE_WRITING, retired, 2);
    CHECK_EQ(vl_space_word(space, VL_SPACE_WRITING, 0), UINT64_C(3) << kept | UINT64_C(3) << image);
    CHECK_EQ(vl_space_sets_of(space, retired), VL_SPACE_DURABLE); /* not used again yet */
    CHECK_EQ(vl_space_sets_of(space, later), VL_SPACE_LIVE);
    vl_space_end_checkpoint(space, 1);
    CHECK_EQ(vl_space_sets_of(space, retired), 0);
    vl_space_destroy(space);
}

static void
space_file_can_shrink_to_what_is_used(void)
{
    vl_space *space;
    uint64_t a;
    uint64_t b;

    CHECK_OK(vl_space_create(unit_ctx(), 700, &space));
    CHECK_EQ(vl_space_used_end(space), 2);
    CHECK(vl_space_allocate(space, VL_SPACE_LIVE, 130, &a));
    CHECK(vl_space_allocate(space, VL_SPACE_LIVE, 1, &b));
    CHECK_EQ(vl_space_used_end(space), b + 1);
    vl_space_remove(space, VL_SPACE_LIVE, b, 1);
    CHECK_EQ(vl_space_used_end(space), a + 130);
    vl_space_shrink(space, a + 130);
    CHECK_EQ(vl_space_free_count(space), 0);
    CHECK(!vl_space_allocate(space, VL_SPACE_LIVE, 1, &b));
    vl_space_verify(space);
    CHECK_OK(vl_space_grow(unit_ctx(), space, a + 140));
    CHECK(vl_space_allocate(space, VL_SPACE_LIVE, 10, &b));
    CHECK_EQ(b, a + 130);
    vl_space_verify(space);
    vl_space_destroy(space);
}

static void
space_growing_without_memory_changes_nothing(void)
{
    vl_allocator allocator;
    vl_space *space;
    vl_ctx ctx;

    vl_allocator_init(&allocator);
    vl_ctx_init(&ctx, &allocator, NULL);
    CHECK_OK(vl_space_create(&ctx, 100, &space));
    for (uint64_t nth = 1;; nth++) {
        velo_status st;

        vl_allocator_fail_nth(&allocator, nth, 1);
        st = vl_space_grow(&ctx, space, 200000);
        vl_allocator_fail_nth(&allocator, 0, 0);
        vl_space_verify(space);
        if (st == VELO_OK)
            break;
        CHECK_EQ(st, VELO_NOMEM);
        CHECK_EQ(vl_space_block_count(space), 100);
        CHECK_EQ(vl_space_free_count(space), 98);
    }
    CHECK_EQ(vl_space_free_count(space), 199998);
    vl_space_destroy(space);
    CHECK_EQ(allocator.block_count, 0);
}

static const unit_test tests[] = {
    UNIT_TEST(space_agrees_with_a_model),
    UNIT_TEST(space_finds_every_run),
    UNIT_TEST(space_runs_follow_each_other),
    UNIT_TEST(space_hazard_7a_image_of_a_checkpoint_is_kept),
    UNIT_TEST(space_hazard_7b_image_passed_over_is_freed),
    UNIT_TEST(space_hazard_7c_stored_set_is_exact),
    UNIT_TEST(space_file_can_shrink_to_what_is_used),
    UNIT_TEST(space_growing_without_memory_changes_nothing),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
