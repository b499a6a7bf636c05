/* test_node_rowid.c - inner nodes of table trees against plain arrays. */
#include "base/latch.h"
#include "base/thread.h"
#include "lib/unit.h"
#include "storage/node_rowid.h"

#include <stdlib.h>
#include <string.h>

#define MODEL_MAX 6000

static const uint32_t test_page_sizes[] = {512, 1024, 4096, 16384, 65536};

/* What a node should hold. */
typedef struct model {
    int64_t separators[MODEL_MAX]; /* count - 1 of them */
    vl_pid children[MODEL_MAX];    /* count of them */
    vl_rowid_range range;          /* of the node */
    uint32_t count;                /* of children */
} model;

static model test_left_model;
static model test_right_model;

/* A page of exactly its size, so that the address sanitizer sees each byte too far. */
static void *
page_create(uint32_t page_size)
{
    void *page = aligned_alloc(VL_CACHE_LINE_SIZE, page_size);

    if (page == NULL)
        exit(1);
    memset(page, 0xa5, page_size);
    return page;
}

/* Rowids that are near one another, at the ends, or anywhere. */
static int64_t
random_rowid(vl_rng *rng)
{
    switch (vl_rng_below(rng, 8)) {
    case 0:
        return INT64_MIN + (int64_t)vl_rng_below(rng, 4);
    case 1:
        return INT64_MAX - (int64_t)vl_rng_below(rng, 4);
    case 2:
    case 3:
        return (int64_t)vl_rng_next(rng);
    default:
        return (int64_t)vl_rng_below(rng, 20000) - 10000;
    }
}

static uint32_t
model_search(const model *m, int64_t rowid)
{
    uint32_t index = 0;

    while (index + 1 < m->count && m->separators[index] <= rowid)
        index++;
    return index;
}

static void
model_insert(model *m, uint32_t index, int64_t separator, vl_pid child)
{
    for (uint32_t i = m->count - 1; i > index; i--)
        m->separators[i] = m->separators[i - 1];
    for (uint32_t i = m->count; i > index + 1; i--)
        m->children[i] = m->children[i - 1];
    m->separators[index] = separator;
    m->children[index + 1] = child;
    m->count++;
}

static void
model_remove(model *m, uint32_t index)
{
    for (uint32_t i = index > 0 ? index - 1 : 0; i + 2 < m->count; i++)
        m->separators[i] = m->separators[i + 1];
    for (uint32_t i = index; i + 1 < m->count; i++)
        m->children[i] = m->children[i + 1];
    m->count--;
}

/* Move what follows `keep` children to the end or, merging, all of `right` behind `left`. */
static int64_t
model_split(model *left, model *right, uint32_t keep)
{
    right->count = left->count - keep;
    memcpy(right->children, left->children + keep, right->count * sizeof *right->children);
    memcpy(right->separators, left->separators + keep,
           (right->count - 1) * sizeof *right->separators);
    right->range.first = left->separators[keep - 1];
    right->range.last = left->range.last;
    left->range.last = right->range.first - 1;
    left->count = keep;
    return right->range.first;
}

static void
model_merge(model *left, const model *right)
{
    left->separators[left->count - 1] = right->range.first;
    memcpy(left->separators + left->count, right->separators,
           (right->count - 1) * sizeof *right->separators);
    memcpy(left->children + left->count, right->children, right->count * sizeof *right->children);
    left->count += right->count;
    left->range.last = right->range.last;
}

/* Whether a page is whole and holds what the model says. */
static int
page_is(const void *page, uint32_t page_size, const model *m)
{
    vl_rowid_range range = vl_node_rowid_range(page);

    if (vl_node_rowid_fault(page, page_size) != NULL ||
        vl_node_rowid_count(page, page_size) != m->count || range.first != m->range.first ||
        range.last != m->range.last)
        return 0;
    for (uint32_t i = 0; i < m->count; i++) {
        range = vl_node_rowid_child_range(page, page_size, i);
        if (vl_node_rowid_child(page, page_size, i) != m->children[i] ||
            range.first != (i > 0 ? m->separators[i - 1] : m->range.first) ||
            range.last != (i + 1 < m->count ? m->separators[i] - 1 : m->range.last))
            return 0;
    }
    return 1;
}

static int
searches_agree(const void *page, uint32_t page_size, const model *m, int64_t rowid)
{
    uint32_t wanted = model_search(m, rowid);

    return vl_node_rowid_search(page, page_size, rowid) == wanted &&
           vl_node_rowid_search_plain(page, page_size, rowid) == wanted;
}

static void
model_init(model *m, void *page, uint32_t page_size, vl_rowid_range range)
{
    vl_node_id id = {7, 1, 99};

    m->count = 1;
    m->children[0] = 1000;
    m->range = range;
    vl_node_rowid_init(page, page_size, id, range, 1000);
}

static const vl_rowid_range test_all = {INT64_MIN, INT64_MAX};

/* Try to add a random child. Returns 0 when the node contradicts the model. */
static int
step_insert(vl_rng *rng, model *m, void *page, uint32_t page_size)
{
    int64_t separator = random_rowid(rng);
    uint32_t index = model_search(m, separator);
    vl_pid child = (vl_pid)vl_rng_below(rng, 1000000) + 1000;
    vl_rowid_range range;

    if (separator < m->range.first || separator > m->range.last)
        return 1;
    range = vl_node_rowid_child_range(page, page_size, index);
    if (separator <= range.first || separator > range.last)
        return 1;
    if (m->count == vl_node_rowid_capacity(page_size))
        return vl_node_rowid_insert(page, page_size, index, separator, child) == VL_NODE_FULL;
    model_insert(m, index, separator, child);
    return vl_node_rowid_insert(page, page_size, index, separator, child) == VL_NODE_DONE;
}

/* Split a node with more than one child anywhere, look at both, and put it together again, at once
 * or after moving the border. */
static int
step_split(vl_rng *rng, model *m, void *page, uint32_t page_size)
{
    model *right_model = &test_right_model;
    uint32_t count = m->count;
    uint32_t keep = 1 + (uint32_t)vl_rng_below(rng, m->count - 1);
    void *right = page_create(page_size);
    int64_t separator = model_split(m, right_model, keep);
    int is_right = vl_node_rowid_split(page, right, page_size, 8, keep) == separator &&
                   page_is(page, page_size, m) && page_is(right, page_size, right_model);

    if (is_right && vl_rng_chance(rng, 1, 2)) {
        model_merge(m, right_model);
        separator = model_split(m, right_model, 1 + (uint32_t)vl_rng_below(rng, count - 1));
        is_right = vl_node_rowid_balance(page, right, page_size, m->count) == separator &&
                   page_is(page, page_size, m) && page_is(right, page_size, right_model);
    }
    model_merge(m, right_model);
    is_right = is_right && vl_node_rowid_merge(page, right, page_size) == VL_NODE_DONE;
    free(right);
    return is_right;
}

static int
step_any(vl_rng *rng, model *m, void *page, uint32_t page_size, int is_growing)
{
    uint64_t dice = vl_rng_below(rng, 100);
    uint32_t index = (uint32_t)vl_rng_below(rng, m->count);

    if (dice < (is_growing ? 80 : 20))
        return step_insert(rng, m, page, page_size);
    if (m->count == 1)
        return 1;
    if (dice < 96) {
        model_remove(m, index);
        vl_node_rowid_remove(page, page_size, index);
        return 1;
    }
    if (dice < 98)
        return step_split(rng, m, page, page_size);
    m->children[index] = 77;
    vl_node_rowid_set_child(page, page_size, index, 77);
    return 1;
}

static int
run_model(uint64_t seed, uint32_t page_size, uint32_t steps)
{
    model *m = &test_left_model;
    void *page = page_create(page_size);
    vl_rowid_range range = test_all;
    uint32_t check_each = page_size <= 1024 ? 1 : page_size / 256;
    int is_right = 1;
    vl_rng rng;

    vl_rng_init(&rng, seed);
    if (vl_rng_chance(&rng, 1, 2)) {
        range.first = -5000;
        range.last = 1 + (int64_t)vl_rng_below(&rng, 6000);
    }
    model_init(m, page, page_size, range);
    for (uint32_t i = 0; i < steps && is_right; i++) {
        is_right = step_any(&rng, m, page, page_size, (i / 1000) % 2 == 0) &&
                   searches_agree(page, page_size, m, random_rowid(&rng));
        if (i % check_each == 0)
            is_right = is_right && page_is(page, page_size, m);
    }
    free(page);
    return is_right;
}

static void
node_rowid_follows_model(void)
{
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(test_page_sizes); i++)
        for (uint64_t seed = 0; seed < (test_page_sizes[i] <= 1024 ? 20 : 3); seed++)
            CHECK(run_model(unit_seed() + seed, test_page_sizes[i], 6000));
}

static void
node_rowid_capacities(void)
{
    CHECK_EQ(vl_node_rowid_capacity(512), 32);
    CHECK_EQ(vl_node_rowid_capacity(4096), 336);
    CHECK_EQ(vl_node_rowid_capacity(16384), 1360);
    CHECK_EQ(vl_node_rowid_capacity(65536), 5456);
}

/* Nodes of every number of children, and rowids at and beside each separator. */
static void
node_rowid_search_equals_plain(void)
{
    uint32_t page_size = 4096;
    void *page = page_create(page_size);
    model *m = &test_left_model;

    model_init(m, page, page_size, test_all);
    for (uint32_t n = 1; n < vl_node_rowid_capacity(page_size); n++) {
        int64_t separator = n % 2 == 0 ? (int64_t)n * 3 : -(int64_t)n * 3;

        model_insert(m, model_search(m, separator), separator, 1000 + n);
        CHECK_EQ(vl_node_rowid_insert(page, page_size,
                                      vl_node_rowid_search(page, page_size, separator), separator,
                                      1000 + n),
                 VL_NODE_DONE);
        for (int64_t rowid = -3 * (int64_t)n - 2; rowid < 3 * (int64_t)n + 3; rowid++)
            CHECK(searches_agree(page, page_size, m, rowid));
        CHECK(searches_agree(page, page_size, m, INT64_MIN));
        CHECK(searches_agree(page, page_size, m, INT64_MAX));
    }
    CHECK(page_is(page, page_size, m));
    CHECK_EQ(vl_node_rowid_insert(page, page_size, 0, -30000, 5), VL_NODE_FULL);
    CHECK(page_is(page, page_size, m));
    free(page);
}

static void
node_rowid_separator_may_be_at_the_ends(void)
{
    uint32_t page_size = 512;
    void *page = page_create(page_size);

    model_init(&test_left_model, page, page_size, test_all);
    CHECK_EQ(vl_node_rowid_insert(page, page_size, 0, INT64_MAX, 2), VL_NODE_DONE);
    CHECK_EQ(vl_node_rowid_insert(page, page_size, 0, INT64_MIN + 1, 3), VL_NODE_DONE);
    CHECK(vl_node_rowid_fault(page, page_size) == NULL);
    CHECK_EQ(vl_node_rowid_search(page, page_size, INT64_MIN), 0);
    CHECK_EQ(vl_node_rowid_search(page, page_size, INT64_MIN + 1), 1);
    CHECK_EQ(vl_node_rowid_search(page, page_size, INT64_MAX - 1), 1);
    CHECK_EQ(vl_node_rowid_search(page, page_size, INT64_MAX), 2);
    vl_node_rowid_set_separator(page, page_size, 1, 5);
    CHECK_EQ(vl_node_rowid_search(page, page_size, 5), 2);
    CHECK_EQ(vl_node_rowid_search(page, page_size, 4), 1);
    free(page);
}

static void
node_rowid_right_edge_split_keeps_left_full(void)
{
    uint32_t page_size = 512;
    uint32_t capacity = vl_node_rowid_capacity(page_size);
    void *page = page_create(page_size);
    void *right = page_create(page_size);

    model_init(&test_left_model, page, page_size, test_all);
    for (uint32_t i = 0; i + 1 < capacity; i++)
        CHECK_EQ(vl_node_rowid_insert(page, page_size, i, i, 2000 + i), VL_NODE_DONE);
    CHECK_EQ(vl_node_rowid_split_point(page, page_size, 3), capacity / 2);
    CHECK_EQ(vl_node_rowid_split_point(page, page_size, capacity - 1), capacity - 1);
    CHECK_EQ(vl_node_rowid_split(page, right, page_size, 9, capacity - 1), capacity - 2);
    CHECK_EQ(vl_node_rowid_count(right, page_size), 1);
    CHECK_EQ(vl_node_rowid_split_point(page, page_size, capacity - 2), (capacity - 1) / 2);
    CHECK_EQ(vl_node_rowid_merge(page, right, page_size), VL_NODE_DONE);
    CHECK_EQ(vl_node_rowid_split(page, right, page_size, 9, 5), 4);
    CHECK_EQ(vl_node_rowid_insert(page, page_size, 0, -3, 4), VL_NODE_DONE);
    {
        void *copy = page_create(page_size);

        memcpy(copy, page, page_size);
        CHECK_EQ(vl_node_rowid_merge(page, right, page_size), VL_NODE_FULL);
        CHECK(memcmp(copy, page, page_size) == 0);
        free(copy);
    }
    free(right);
    free(page);
}

static void
node_rowid_root_grows_in_place(void)
{
    uint32_t page_size = 512;
    void *root = page_create(page_size);
    void *child = page_create(page_size);
    model *m = &test_left_model;

    model_init(m, root, page_size, test_all);
    model_insert(m, 0, 5, 11);
    CHECK_EQ(vl_node_rowid_insert(root, page_size, 0, 5, 11), VL_NODE_DONE);
    vl_node_rowid_grow(root, child, page_size, 1234, test_all);
    CHECK(page_is(child, page_size, m));
    CHECK_EQ(((const vl_page_header *)child)->pid, 1234);
    CHECK_EQ(((const vl_page_header *)root)->pid, 7);
    CHECK_EQ(((const vl_page_header *)root)->level, 2);
    CHECK_EQ(((const vl_page_header *)root)->tree, 99);
    CHECK(vl_node_rowid_fault(root, page_size) == NULL);
    CHECK_EQ(vl_node_rowid_count(root, page_size), 1);
    CHECK_EQ(vl_node_rowid_child(root, page_size, 0), 1234);
    free(child);
    free(root);
}

/* Run every optimistic function: with the address sanitizer, a proof that they stay inside. */
static int
optimistic_reads_end(const void *page, uint32_t page_size, vl_rng *rng)
{
    uint32_t capacity = vl_node_rowid_capacity(page_size);
    uint64_t sum = 0;

    for (int i = 0; i < 8; i++) {
        uint32_t index = vl_node_rowid_search(page, page_size, random_rowid(rng));

        if (index >= capacity || vl_node_rowid_count(page, page_size) > capacity)
            return 0;
        index = i < 4 ? index : (uint32_t)vl_rng_next(rng);
        sum += vl_node_rowid_child(page, page_size, index);
        sum += (uint64_t)vl_node_rowid_child_range(page, page_size, index).first;
    }
    return sum != 1;
}

static void
node_rowid_damage_is_found_or_harmless(void)
{
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (uint32_t k = 0; k < 2; k++) {
        uint32_t page_size = k == 0 ? 512 : 4096;
        uint8_t *page = page_create(page_size);
        model *m = &test_left_model;

        model_init(m, page, page_size, test_all);
        while (m->count < vl_node_rowid_capacity(page_size) * 2 / 3)
            CHECK(step_insert(&rng, m, page, page_size));
        for (uint32_t i = 0; i < page_size; i++) {
            uint8_t old = page[i];

            page[i] ^= (uint8_t)(1U << vl_rng_below(&rng, 8));
            (void)vl_node_rowid_fault(page, page_size);
            CHECK(optimistic_reads_end(page, page_size, &rng));
            page[i] = old;
        }
        CHECK(page_is(page, page_size, m));
        for (uint32_t i = 0; i < 2000; i++) {
            vl_rng_fill(&rng, page, page_size);
            CHECK(vl_node_rowid_fault(page, page_size) != NULL);
            CHECK(optimistic_reads_end(page, page_size, &rng));
        }
        free(page);
    }
}

/* Each rule that the check knows, broken alone. */
static void
node_rowid_fault_names_what_is_wrong(void)
{
    static const struct {
        uint32_t at;      /* offset of the byte */
        uint8_t value;    /* put there */
        const char *text; /* expected */
    } cases[] = {
        {0, VL_PAGE_KEY_INNER, "not an inner node of a table tree"},
        {1, 0, "impossible level"},
        {1, 200, "impossible level"},
        {2, 1, "unused bytes are not zero"},
        {4, 0, "impossible number of children"},
        {4, 33, "impossible number of children"},
        {5, 1, "impossible number of children"},
        {8, 0, "impossible page number"},
        {12, 1, "impossible page number"},
        {31, 0x7f, "separators out of order"},
        {39, 0x80, "the range is empty"},
        {63, 1, "samples are not the separators"},
        {64, 200, "separators out of order"},
        {64 + 8 * 3, 0, "separators behind the last one"},
        {64 + 8 * 32, 0, "impossible child"},
        {64 + 8 * 32 + 4 * 4, 1, "children behind the last one"},
        {511, 1, "unused bytes are not zero"},
    };
    static const vl_rowid_range range = {5, INT64_MAX};
    uint8_t *page = page_create(512);

    model_init(&test_left_model, page, 512, range);
    vl_node_rowid_set_child(page, 512, 0, 200);
    for (uint32_t i = 0; i < 3; i++)
        CHECK_EQ(vl_node_rowid_insert(page, 512, i, (int64_t)i * 10 + 100, 50 + i), VL_NODE_DONE);
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        uint8_t old = page[cases[i].at];
        const char *fault;

        CHECK(vl_node_rowid_fault(page, 512) == NULL);
        page[cases[i].at] = cases[i].value;
        fault = vl_node_rowid_fault(page, 512);
        CHECK(fault != NULL);
        CHECK_TEXT(fault, cases[i].text);
        page[cases[i].at] = old;
    }
    free(page);
}

/* ---- a reader beside a writer ---- */

#define RACE_PAGE_SIZE 4096

static struct {
    vl_latch latch;         /* guards the page */
    void *page;             /* children are their first separator's rowid + 1000000 */
    _Atomic uint32_t stop;  /* 1: the writer has ended */
    _Atomic uint32_t wrong; /* reads that were confirmed and yet untrue */
    _Atomic uint32_t right; /* reads that were confirmed */
} race;

static vl_pid
race_child(int64_t first)
{
    return first == INT64_MIN ? 1000 : (vl_pid)(first + 1000000);
}

static void
race_read(void *argument)
{
    vl_rng rng;

    (void)argument;
    vl_rng_init(&rng, 5);
    while (atomic_load_explicit(&race.stop, memory_order_acquire) == 0) {
        int64_t rowid = (int64_t)vl_rng_below(&rng, 4000);
        uint64_t version = vl_latch_read_begin(&race.latch);
        uint32_t index = vl_node_rowid_search(race.page, RACE_PAGE_SIZE, rowid);
        vl_pid child = vl_node_rowid_child(race.page, RACE_PAGE_SIZE, index);
        vl_rowid_range range = vl_node_rowid_child_range(race.page, RACE_PAGE_SIZE, index);

        if (!vl_latch_read_end(&race.latch, version))
            continue;
        atomic_fetch_add_explicit(&race.right, 1, memory_order_relaxed);
        if (rowid < range.first || rowid > range.last || child != race_child(range.first))
            atomic_fetch_add_explicit(&race.wrong, 1, memory_order_relaxed);
    }
}

static int
race_write(vl_rng *rng)
{
    int64_t separator = 1 + (int64_t)vl_rng_below(rng, 3999);
    uint32_t count = vl_node_rowid_count(race.page, RACE_PAGE_SIZE);
    uint32_t index = vl_node_rowid_search(race.page, RACE_PAGE_SIZE, separator);
    vl_rowid_range range = vl_node_rowid_child_range(race.page, RACE_PAGE_SIZE, index);

    if (count > 1 && (count > 300 || vl_rng_chance(rng, 1, 2))) {
        vl_node_rowid_remove(race.page, RACE_PAGE_SIZE, 1 + (uint32_t)vl_rng_below(rng, count - 1));
        return 1;
    }
    if (separator == range.first)
        return 1;
    return vl_node_rowid_insert(race.page, RACE_PAGE_SIZE, index, separator,
                                race_child(separator)) == VL_NODE_DONE;
}

static void
node_rowid_optimistic_reader_beside_writer(void)
{
    vl_thread thread = {0};
    int is_right = 1;
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    memset(&race, 0, sizeof race);
    vl_latch_init(&race.latch, VL_RANK_NONE);
    race.page = page_create(RACE_PAGE_SIZE);
    model_init(&test_left_model, race.page, RACE_PAGE_SIZE, test_all);
    CHECK_OK(vl_thread_start(unit_ctx(), &thread, "reader", race_read, NULL));
    for (uint32_t i = 0; i < 40000 && is_right; i++) {
        vl_latch_acquire_exclusive(&race.latch);
        is_right = race_write(&rng);
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
    CHECK(vl_node_rowid_fault(race.page, RACE_PAGE_SIZE) == NULL);
    free(race.page);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(node_rowid_follows_model),
        UNIT_TEST(node_rowid_capacities),
        UNIT_TEST(node_rowid_search_equals_plain),
        UNIT_TEST(node_rowid_separator_may_be_at_the_ends),
        UNIT_TEST(node_rowid_right_edge_split_keeps_left_full),
        UNIT_TEST(node_rowid_root_grows_in_place),
        UNIT_TEST(node_rowid_damage_is_found_or_harmless),
        UNIT_TEST(node_rowid_fault_names_what_is_wrong),
        UNIT_TEST(node_rowid_optimistic_reader_beside_writer),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
