/* test_cache.c - pages of a database in memory: words, latches, changes, sections. The order of
 * single steps of the words is explored by test_cache_word.c. */
#include "base/latch.h"
#include "base/thread.h"
#include "lib/unit.h"
#include "storage/cache.h"
#include "storage/section.h"

#include <string.h>

#define CACHE_PAGE_SIZE VL_PAGE_MIN_SIZE

/* A cache in memory, made anew by each test. */
static vl_cache *
cache_create(uint64_t budget_bytes)
{
    vl_cache_options options = {.page_size = CACHE_PAGE_SIZE, .budget_bytes = budget_bytes};
    vl_cache *cache = NULL;

    if (vl_cache_create(unit_ctx(), &options, &cache) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", unit_ctx()->error.text);
    return cache;
}

/* Add a page filled with `fill`, in a change of its own. 0 on failure. */
static vl_pid
cache_add(vl_ctx *ctx, vl_cache *cache, int fill)
{
    vl_change change;
    vl_page_ref ref;
    vl_pid pid = 0;

    vl_change_begin(cache, &change);
    if (vl_change_new_page(ctx, &change, &ref) == VELO_OK) {
        memset(ref.page, fill, CACHE_PAGE_SIZE);
        pid = ref.pid;
        if (vl_change_enter(&change))
            vl_change_leave(&change);
        vl_cache_release_exclusive(cache, &ref);
    }
    vl_change_end(&change);
    return pid;
}

/* Free a page in a change of its own: 1 when done. */
static int
cache_remove(vl_cache *cache, vl_pid pid)
{
    vl_change change;
    vl_page_ref ref;
    int done = 0;

    vl_change_begin(cache, &change);
    if (vl_cache_exclusive(cache, pid, &ref)) {
        if (vl_change_prepare_free(&change, &ref) && vl_change_enter(&change)) {
            vl_change_leave(&change);
            done = ref.page == NULL;
        }
        vl_cache_release_exclusive(cache, &ref);
    }
    vl_change_end(&change);
    return done;
}

static uint64_t
cache_word_of(const vl_page_ref *ref)
{
    return atomic_load_explicit(ref->word, memory_order_relaxed);
}

/* ---- one thread ---- */

static void
cache_page_is_found_after_its_change(void)
{
    vl_cache *cache = cache_create(0);
    vl_cache_stats stats;
    vl_page_ref ref;
    vl_pid pid = cache_add(unit_ctx(), cache, 7);

    CHECK(pid >= 4);
    CHECK(vl_cache_shared(cache, pid, &ref));
    CHECK_EQ(ref.pid, pid);
    CHECK_EQ(((uint8_t *)ref.page)[CACHE_PAGE_SIZE - 1], 7);
    vl_cache_release_shared(cache, &ref);
    CHECK(ref.page == NULL);
    vl_cache_release_shared(cache, &ref); /* an empty one is allowed */
    vl_cache_release_exclusive(cache, &ref);
    vl_cache_get_stats(cache, &stats);
    CHECK_EQ(stats.page_count, 1);
    CHECK(stats.bytes >= CACHE_PAGE_SIZE);
    vl_cache_destroy(cache);
}

static void
cache_new_page_is_zeroed_and_unknown_to_others(void)
{
    vl_cache *cache = cache_create(0);
    vl_change change;
    vl_page_ref ref;
    vl_page_ref other;
    vl_page_peek peek;
    vl_pid pid = cache_add(unit_ctx(), cache, 0xff);

    CHECK(cache_remove(cache, pid));
    vl_change_begin(cache, &change);
    CHECK_OK(vl_change_new_page(unit_ctx(), &change, &ref));
    CHECK_EQ(ref.pid, pid); /* the lowest free number first */
    for (uint32_t i = 0; i < CACHE_PAGE_SIZE; i++)
        CHECK_EQ(((uint8_t *)ref.page)[i], 0);
    CHECK(!vl_cache_peek(cache, pid, &peek));
    CHECK(!vl_cache_shared(cache, pid, &other));
    CHECK(!vl_cache_exclusive(cache, pid, &other));
    CHECK(!vl_cache_is_resident(cache, pid));
    CHECK(vl_change_enter(&change));
    vl_change_leave(&change);
    CHECK(vl_cache_is_resident(cache, pid));
    CHECK_EQ(vl_word_state(cache_word_of(&ref)), VL_WORD_EXCLUSIVE);
    vl_cache_release_exclusive(cache, &ref);
    vl_change_end(&change);
    CHECK(vl_cache_shared(cache, pid, &other));
    vl_cache_release_shared(cache, &other);
    vl_cache_destroy(cache);
}

static void
cache_unused_pages_go_back(void)
{
    vl_cache *cache = cache_create(0);

    for (int is_released = 0; is_released < 2; is_released++) {
        vl_change change;
        vl_page_ref refs[VL_CHANGE_MAX_PAGES];
        vl_cache_stats stats;

        vl_change_begin(cache, &change);
        for (unsigned i = 0; i < VL_CHANGE_MAX_PAGES; i++)
            CHECK_OK(vl_change_new_page(unit_ctx(), &change, &refs[i]));
        CHECK_EQ(refs[0].pid, 4); /* the first round's are free again */
        for (unsigned i = 0; i < VL_CHANGE_MAX_PAGES; i++) {
            if (is_released)
                vl_cache_release_exclusive(cache, &refs[i]);
            CHECK(!vl_cache_is_resident(cache, refs[i].pid));
        }
        vl_change_end(&change);
        vl_cache_get_stats(cache, &stats);
        CHECK_EQ(stats.page_count, 0);
        CHECK_EQ(stats.frame_count, stats.free_count);
    }
    vl_cache_destroy(cache);
}

/* The numbers of map pages are left out, and freed ones come again, the lowest first. */
static void
cache_numbers_leave_out_those_of_the_map(void)
{
    vl_cache *cache = cache_create(0);
    uint32_t span = CACHE_PAGE_SIZE / 16;
    vl_pid last = 0;

    for (unsigned i = 0; i < 3 * span; i++) {
        vl_pid pid = cache_add(unit_ctx(), cache, (int)i);

        CHECK(pid > last);
        CHECK(pid % span >= 4);
        CHECK_EQ(pid - last - 1, pid % span == 4 ? (last == 0 ? 3 : 4) : 0);
        last = pid;
    }
    CHECK(cache_remove(cache, 6));
    CHECK(cache_remove(cache, 5));
    CHECK_EQ(cache_add(unit_ctx(), cache, 1), 5);
    CHECK_EQ(cache_add(unit_ctx(), cache, 1), 6);
    CHECK(cache_add(unit_ctx(), cache, 1) > last);
    vl_cache_destroy(cache);
}

static void
cache_freed_page_is_gone_when_the_section_ends(void)
{
    vl_cache *cache = cache_create(0);
    vl_change change;
    vl_page_ref ref;
    vl_pid pid = cache_add(unit_ctx(), cache, 1);
    uint64_t before;
    const _Atomic uint64_t *word;

    CHECK(vl_cache_exclusive(cache, pid, &ref));
    word = ref.word;
    before = atomic_load(word) & VL_WORD_VERSION_MASK;
    vl_change_begin(cache, &change);
    CHECK(vl_change_prepare_free(&change, &ref));
    CHECK(vl_change_prepare_free(&change, &ref)); /* may be repeated */
    CHECK(vl_change_enter(&change));
    CHECK(ref.page != NULL);
    vl_change_leave(&change);
    CHECK(ref.page == NULL);
    vl_change_end(&change);
    CHECK(!vl_cache_is_resident(cache, pid));
    CHECK((atomic_load(word) & VL_WORD_VERSION_MASK) != before); /* readers notice */
    vl_cache_destroy(cache);
}

/* Without entering, vl_change_end leaves a page that was to go as it is. */
static void
cache_prepared_free_is_forgotten(void)
{
    vl_cache *cache = cache_create(0);
    vl_pid pid = cache_add(unit_ctx(), cache, 1);

    for (int waits = 0; waits < 2; waits++) {
        vl_change change;
        vl_page_ref ref;

        vl_change_begin(cache, &change);
        CHECK(vl_cache_exclusive(cache, pid, &ref));
        CHECK(vl_change_prepare_free(&change, &ref));
        vl_cache_release_exclusive(cache, &ref);
        if (waits) {
            CHECK_OK(vl_change_wait(unit_ctx(), &change));
            CHECK(vl_change_enter(&change));
            vl_change_leave(&change);
        }
        vl_change_end(&change);
        CHECK(vl_cache_is_resident(cache, pid));
    }
    vl_cache_destroy(cache);
}

static void
hazard_34_peek_sees_changes_and_nothing_else(void)
{
    vl_cache *cache = cache_create(0);
    vl_pid pid = cache_add(unit_ctx(), cache, 3);
    vl_page_peek peek;
    vl_page_ref ref;

    CHECK(vl_cache_peek(cache, pid, &peek));
    CHECK_EQ(vl_racy_load8(peek.page), 3);
    CHECK(vl_peek_valid(&peek));
    CHECK(vl_peek_upgrade(cache, &peek, &ref));
    vl_cache_release_exclusive(cache, &ref);
    CHECK(vl_cache_peek(cache, pid, &peek));
    CHECK(vl_peek_end(&peek));
    if (!VL_TSAN) { /* where a peek holds the page */
        CHECK(vl_cache_peek(cache, pid, &peek));
        CHECK(vl_cache_shared(cache, pid, &ref));
        CHECK(vl_peek_valid(&peek)); /* who shares does not matter */
        vl_cache_release_shared(cache, &ref);
        CHECK(vl_cache_exclusive(cache, pid, &ref));
        CHECK(!vl_peek_valid(&peek));
        vl_cache_release_exclusive(cache, &ref);
        CHECK(!vl_peek_valid(&peek));
        CHECK(!vl_peek_end(&peek));
        CHECK(vl_cache_peek(cache, pid, &peek));
        CHECK(cache_remove(cache, pid));
        CHECK_EQ(cache_add(unit_ctx(), cache, 4), pid); /* another page under this number */
        CHECK(!vl_peek_upgrade(cache, &peek, &ref));
    }
    vl_cache_destroy(cache);
}

/* Take and release a page, and note how it was left. */
static void
cache_note_page(vl_cache *cache, vl_pid pid, vl_page_memo *memo)
{
    vl_page_ref ref;

    CHECK(vl_cache_exclusive(cache, pid, &ref));
    vl_cache_note(cache, &ref, memo);
    vl_cache_release_exclusive(cache, &ref);
}

static void
hazard_34_recall_finds_the_page_as_it_was_left_or_not(void)
{
    vl_cache *cache = cache_create(0);
    vl_cache *other = cache_create(0);
    vl_pid pid = cache_add(unit_ctx(), cache, 3);
    vl_page_memo memo = {0};
    vl_page_ref ref;
    vl_page_ref held;

    CHECK(!vl_cache_recall(cache, &memo, &ref)); /* of nothing */
    CHECK_EQ(cache_add(unit_ctx(), other, 3), pid);
    cache_note_page(cache, pid, &memo);
    CHECK(!vl_cache_recall(other, &memo, &ref)); /* the same page of another cache */
    CHECK(vl_cache_shared(cache, pid, &held));
    CHECK(!vl_cache_recall(cache, &memo, &ref)); /* it does not wait for those who share */
    vl_cache_release_shared(cache, &held);
    CHECK(vl_word_try_mark(held.word, cache_word_of(&held)));
    CHECK(vl_cache_recall(cache, &memo, &ref)); /* who share it, and the mark, do not matter */
    CHECK_EQ(ref.pid, pid);
    CHECK_EQ(((uint8_t *)ref.page)[0], 3);
    vl_cache_release_exclusive(cache, &ref);
    CHECK(!vl_cache_recall(cache, &memo, &ref)); /* somebody has had it */
    CHECK(ref.page == NULL);
    cache_note_page(cache, pid, &memo);
    CHECK(cache_remove(cache, pid));
    CHECK(!vl_cache_recall(cache, &memo, &ref));
    CHECK_EQ(cache_add(unit_ctx(), cache, 4), pid);
    CHECK(!vl_cache_recall(cache, &memo, &ref)); /* another page under this number */
    vl_cache_destroy(other);
    vl_cache_destroy(cache);
}

/* The evictor's mark is cleared by whoever uses the page, and disturbs nobody. */
static void
hazard_34_mark_is_cleared_by_use(void)
{
    vl_cache *cache = cache_create(0);
    vl_pid pid = cache_add(unit_ctx(), cache, 3);

    for (unsigned use = 0; use < 3; use++) {
        vl_page_peek peek;
        vl_page_peek before;
        vl_page_ref ref;
        _Atomic uint64_t *word;

        CHECK(vl_cache_shared(cache, pid, &ref));
        word = ref.word;
        CHECK(!vl_word_try_mark(word, atomic_load(word))); /* it is in use */
        vl_cache_release_shared(cache, &ref);
        CHECK(vl_cache_peek(cache, pid, &before));
        CHECK(vl_peek_end(&before));
        CHECK(vl_word_try_mark(word, atomic_load(word)));
        CHECK_EQ(vl_word_state(atomic_load(word)), VL_WORD_MARKED);
        CHECK(VL_TSAN || vl_peek_valid(&before));
        if (use == 0) {
            CHECK(vl_cache_peek(cache, pid, &peek));
            CHECK(vl_peek_end(&peek));
        } else if (use == 1) {
            CHECK(vl_cache_shared(cache, pid, &ref));
            vl_cache_release_shared(cache, &ref);
        } else {
            CHECK(vl_cache_exclusive(cache, pid, &ref));
            vl_cache_release_exclusive(cache, &ref);
        }
        CHECK_EQ(vl_word_state(atomic_load(word)), 0);
    }
    vl_cache_destroy(cache);
}

/* Any number is allowed, also the largest. */
static void
cache_absent_pages_are_absent(void)
{
    static const vl_pid pids[] = {0, 1, 3, 4, 5, 63, 64, 1023, 1024, 1 << 20, UINT32_MAX};
    vl_cache *cache = cache_create(0);

    for (size_t i = 0; i < VL_ARRAY_COUNT(pids); i++) {
        vl_page_peek peek;
        vl_page_ref ref;

        CHECK(!vl_cache_peek(cache, pids[i], &peek));
        CHECK(!vl_cache_shared(cache, pids[i], &ref));
        CHECK(!vl_cache_exclusive(cache, pids[i], &ref));
        CHECK(!vl_cache_is_resident(cache, pids[i]));
        CHECK_OK(vl_cache_load(unit_ctx(), cache, pids[i]));
        CHECK_STATUS(vl_cache_load(unit_ctx(), cache, pids[i]), VELO_CORRUPT);
    }
    CHECK_CONTAINS(unit_ctx()->error.text, "page 4294967295: ");
    vl_cache_load_batch(cache, pids, VL_ARRAY_COUNT(pids));
    vl_cache_destroy(cache);
}

/* A number that was freed may be out of date; only when nothing went in between is it wrong. */
static void
cache_load_tells_stale_numbers_from_wrong_ones(void)
{
    vl_cache *cache = cache_create(0);
    vl_pid pids[3];

    for (unsigned i = 0; i < 3; i++)
        pids[i] = cache_add(unit_ctx(), cache, 1);
    CHECK(cache_remove(cache, pids[0]));
    CHECK_OK(vl_cache_load(unit_ctx(), cache, pids[0]));
    CHECK(cache_remove(cache, pids[1])); /* something went: who asks may have seen an old page */
    CHECK_OK(vl_cache_load(unit_ctx(), cache, pids[0]));
    CHECK_OK(vl_cache_load(unit_ctx(), cache, pids[2])); /* it exists */
    CHECK_STATUS(vl_cache_load(unit_ctx(), cache, pids[0]), VELO_CORRUPT);
    vl_cache_destroy(cache);
}

static void
cache_attachments_stay_with_their_page(void)
{
    static char things[2];
    vl_cache *cache = cache_create(0);
    vl_pid pids[2] = {cache_add(unit_ctx(), cache, 1), cache_add(unit_ctx(), cache, 2)};
    vl_page_ref ref;

    for (unsigned i = 0; i < 2; i++) {
        CHECK(vl_cache_exclusive(cache, pids[i], &ref));
        CHECK(vl_cache_attachment(cache, &ref) == NULL);
        vl_cache_set_attachment(cache, &ref, &things[i]);
        vl_cache_release_exclusive(cache, &ref);
    }
    for (unsigned i = 0; i < 2; i++) {
        CHECK(vl_cache_exclusive(cache, pids[i], &ref));
        CHECK(vl_cache_attachment(cache, &ref) == &things[i]);
        vl_cache_set_attachment(cache, &ref, NULL);
        vl_cache_release_exclusive(cache, &ref);
        CHECK(cache_remove(cache, pids[i]));
        CHECK_EQ(cache_add(unit_ctx(), cache, 1), pids[i]);
        CHECK(vl_cache_shared(cache, pids[i], &ref));
        CHECK(vl_cache_attachment(cache, &ref) == NULL);
        vl_cache_release_shared(cache, &ref);
    }
    vl_cache_destroy(cache);
}

static void
cache_in_memory_keeps_its_budget(void)
{
    uint64_t budget = 64 * (uint64_t)CACHE_PAGE_SIZE + 32768;
    vl_cache *cache = cache_create(budget);
    vl_cache_stats stats;
    unsigned count = 0;

    while (cache_add(unit_ctx(), cache, 1) != 0)
        count++;
    CHECK_EQ(unit_ctx()->error.code, VELO_NOMEM);
    vl_cache_get_stats(cache, &stats);
    CHECK(count >= 32);
    CHECK_EQ(stats.page_count, count);
    CHECK_EQ(stats.free_count, 0);
    CHECK(stats.bytes <= budget);
    CHECK_OK(vl_cache_set_budget(unit_ctx(), cache, 2 * budget));
    CHECK(cache_add(unit_ctx(), cache, 1) != 0);
    vl_cache_destroy(cache);
}

/* Failing at each allocation leaves a cache that works. */
static velo_status
cache_grow_some(vl_ctx *ctx, void *argument)
{
    vl_cache_options options = {.page_size = CACHE_PAGE_SIZE};
    vl_cache *cache;
    velo_status st = VELO_OK;

    (void)argument;
    VL_TRY(vl_cache_create(ctx, &options, &cache));
    for (unsigned i = 0; i < 1100 && st == VELO_OK; i++) {
        vl_cache_stats stats;
        vl_change change;
        vl_page_ref ref;

        vl_change_begin(cache, &change);
        st = vl_change_new_page(ctx, &change, &ref);
        if (st == VELO_OK) {
            vl_change_enter(&change);
            vl_change_leave(&change);
            vl_cache_release_exclusive(cache, &ref);
        }
        vl_change_end(&change);
        vl_cache_get_stats(cache, &stats);
        if (stats.page_count + stats.free_count != stats.frame_count)
            st = VELO_INTERNAL;
    }
    vl_cache_destroy(cache);
    return st;
}

static void
cache_survives_lack_of_memory(void)
{
    CHECK(unit_each_alloc_failure(cache_grow_some, NULL) > 3);
}

#if VL_DEBUG
static void
cache_load_while_holding(void)
{
    vl_cache *cache = cache_create(0);
    vl_page_ref ref;

    if (!vl_cache_shared(cache, cache_add(unit_ctx(), cache, 1), &ref))
        return;
    if (vl_cache_load(unit_ctx(), cache, 99) != VELO_OK)
        return;
}

static void
cache_latch_twice(void)
{
    vl_cache *cache = cache_create(0);
    vl_page_ref refs[2];
    vl_pid pid = cache_add(unit_ctx(), cache, 1);

    (void)vl_cache_shared(cache, pid, &refs[0]);
    (void)vl_cache_shared(cache, pid, &refs[1]);
}
#endif

static void
cache_misuse_stops_debug_builds(void)
{
#if VL_DEBUG
    CHECK(unit_stops(cache_load_while_holding));
    CHECK(unit_stops(cache_latch_twice));
#else
    unit_skip("assertions are off");
#endif
}

/* ---- many threads ---- */

#define CACHE_THREADS 4
#define CACHE_SLOTS   24
#define CACHE_ROUNDS  VL_BY_BUILD(3000, 1500)

/* Pages that threads add, change, read and free: each holds its number and a counter, twice. */
typedef struct cache_content {
    uint64_t pid;
    uint64_t first;
    uint64_t second;
} cache_content;

static struct {
    vl_cache *cache;
    _Atomic uint64_t slots[CACHE_SLOTS]; /* pid of a page, or 0 */
    _Atomic int wrong;                   /* a rule was broken */
    _Atomic uint64_t change_count;
} cache_stress;

static void
cache_stress_expect(int condition)
{
    if (!condition)
        atomic_store(&cache_stress.wrong, 1);
}

static void
cache_stress_read(vl_pid pid, int is_optimistic)
{
    vl_page_peek peek;
    vl_page_ref ref;
    const cache_content *content;

    if (is_optimistic) {
        if (!vl_cache_peek(cache_stress.cache, pid, &peek))
            return;
        content = peek.page;
        uint64_t first = vl_racy_load64(&content->first);
        uint64_t second = vl_racy_load64(&content->second);
        uint64_t number = vl_racy_load64(&content->pid);
        if (vl_peek_end(&peek))
            cache_stress_expect(first == second && number == pid);
    } else if (vl_cache_shared(cache_stress.cache, pid, &ref)) {
        content = ref.page;
        cache_stress_expect(content->first == content->second && content->pid == pid);
        vl_cache_release_shared(cache_stress.cache, &ref);
    }
}

static void
cache_stress_write(vl_pid pid, int upgrades)
{
    vl_change change;
    vl_page_ref ref;
    vl_page_peek peek;
    cache_content *content;
    uint64_t seen = 0;
    int is_held;

    if (upgrades) {
        if (!vl_cache_peek(cache_stress.cache, pid, &peek))
            return;
        seen = vl_racy_load64(&((const cache_content *)peek.page)->first);
        is_held = vl_peek_upgrade(cache_stress.cache, &peek, &ref);
    } else {
        is_held = vl_cache_exclusive(cache_stress.cache, pid, &ref);
    }
    if (!is_held)
        return;
    content = ref.page;
    cache_stress_expect(!upgrades || seen == content->first);
    vl_change_begin(cache_stress.cache, &change);
    cache_stress_expect(vl_change_prepare(&change, &ref) && vl_change_enter(&change));
    content->first++;
    content->second++;
    vl_change_leave(&change);
    vl_cache_release_exclusive(cache_stress.cache, &ref);
    vl_change_end(&change);
    atomic_fetch_add(&cache_stress.change_count, 1);
}

/* Put a new page into a slot, and free the one that was there. */
static void
cache_stress_replace(vl_ctx *ctx, unsigned slot, int fails)
{
    vl_pid old = (vl_pid)atomic_exchange(&cache_stress.slots[slot], 0);
    vl_change change;
    vl_page_ref ref;
    vl_page_ref old_ref = {0};
    cache_content *content;

    vl_change_begin(cache_stress.cache, &change);
    if (vl_change_new_page(ctx, &change, &ref) != VELO_OK) {
        cache_stress_expect(0);
        return;
    }
    content = ref.page;
    content->pid = ref.pid;
    if (old != 0) {
        cache_stress_expect(vl_cache_exclusive(cache_stress.cache, old, &old_ref));
        cache_stress_expect(vl_change_prepare_free(&change, &old_ref));
    }
    if (fails) {
        vl_cache_release_exclusive(cache_stress.cache, &old_ref);
        vl_cache_release_exclusive(cache_stress.cache, &ref);
        vl_change_end(&change);
        atomic_store(&cache_stress.slots[slot], old);
        return;
    }
    cache_stress_expect(vl_change_enter(&change));
    vl_change_leave(&change);
    atomic_store(&cache_stress.slots[slot], ref.pid);
    vl_cache_release_exclusive(cache_stress.cache, &ref);
    vl_change_end(&change);
}

static void
cache_stress_main(void *argument)
{
    vl_ctx ctx;
    vl_rng rng;

    vl_ctx_init(&ctx, NULL, NULL);
    vl_rng_init(&rng, unit_seed() + (uintptr_t)argument);
    for (unsigned i = 0; i < CACHE_ROUNDS; i++) {
        unsigned slot = (unsigned)vl_rng_below(&rng, CACHE_SLOTS);
        vl_pid pid = (vl_pid)atomic_load(&cache_stress.slots[slot]);
        unsigned kind = (unsigned)vl_rng_below(&rng, 16);

        if (slot % CACHE_THREADS == (uintptr_t)argument && kind < 6)
            cache_stress_replace(&ctx, slot, kind == 0);
        else if (kind < 4)
            cache_stress_write(pid, kind % 2);
        else
            cache_stress_read(pid, kind % 2);
    }
}

static void
cache_threads_see_whole_changes(void)
{
    vl_thread threads[CACHE_THREADS];
    vl_cache_stats stats;
    uint64_t pages = 0;

    memset(&cache_stress, 0, sizeof cache_stress);
    cache_stress.cache = cache_create(0);
    for (uintptr_t i = 0; i < CACHE_THREADS; i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[i], "cache", cache_stress_main, (void *)i));
    for (unsigned i = 0; i < CACHE_THREADS; i++)
        vl_thread_join(&threads[i]);
    CHECK(!atomic_load(&cache_stress.wrong));
    CHECK(atomic_load(&cache_stress.change_count) > 0);
    for (unsigned i = 0; i < CACHE_SLOTS; i++)
        pages += atomic_load(&cache_stress.slots[i]) != 0;
    vl_cache_get_stats(cache_stress.cache, &stats);
    CHECK_EQ(stats.page_count, pages);
    CHECK_EQ(stats.frame_count - stats.free_count, pages);
    vl_cache_destroy(cache_stress.cache);
}

/* ---- sections ---- */

static struct {
    vl_section_gate gate;
    _Atomic uint32_t inside;
    _Atomic uint64_t sections;
    _Atomic uint32_t barriers_left;
    _Atomic int wrong;
} cache_sections;

static void
cache_section_main(void *argument)
{
    (void)argument;
    while (atomic_load(&cache_sections.barriers_left) > 0) {
        vl_section_enter(&cache_sections.gate);
        atomic_fetch_add(&cache_sections.inside, 1);
        atomic_fetch_add(&cache_sections.sections, 1);
        atomic_fetch_sub(&cache_sections.inside, 1);
        vl_section_leave(&cache_sections.gate);
    }
}

static void
section_barrier_finds_nobody_inside(void)
{
    vl_thread threads[CACHE_THREADS];

    vl_section_init(&cache_sections.gate, VL_RANK_NONE);
    atomic_store(&cache_sections.barriers_left, 300);
    for (uintptr_t i = 0; i < CACHE_THREADS; i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[i], "section", cache_section_main, NULL));
    while (atomic_load(&cache_sections.barriers_left) > 0) {
        uint64_t sections;

        vl_section_begin_barrier(&cache_sections.gate);
        sections = atomic_load(&cache_sections.sections);
        for (unsigned i = 0; i < 50; i++)
            if (atomic_load(&cache_sections.inside) != 0 ||
                atomic_load(&cache_sections.sections) != sections)
                atomic_store(&cache_sections.wrong, 1);
        vl_section_end_barrier(&cache_sections.gate);
        atomic_fetch_sub(&cache_sections.barriers_left, 1);
    }
    for (unsigned i = 0; i < CACHE_THREADS; i++)
        vl_thread_join(&threads[i]);
    CHECK(!atomic_load(&cache_sections.wrong));
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(cache_page_is_found_after_its_change),
        UNIT_TEST(cache_new_page_is_zeroed_and_unknown_to_others),
        UNIT_TEST(cache_unused_pages_go_back),
        UNIT_TEST(cache_numbers_leave_out_those_of_the_map),
        UNIT_TEST(cache_freed_page_is_gone_when_the_section_ends),
        UNIT_TEST(cache_prepared_free_is_forgotten),
        UNIT_TEST(hazard_34_peek_sees_changes_and_nothing_else),
        UNIT_TEST(hazard_34_recall_finds_the_page_as_it_was_left_or_not),
        UNIT_TEST(hazard_34_mark_is_cleared_by_use),
        UNIT_TEST(cache_absent_pages_are_absent),
        UNIT_TEST(cache_load_tells_stale_numbers_from_wrong_ones),
        UNIT_TEST(cache_attachments_stay_with_their_page),
        UNIT_TEST(cache_in_memory_keeps_its_budget),
        UNIT_TEST(cache_survives_lack_of_memory),
        UNIT_TEST(cache_misuse_stops_debug_builds),
        UNIT_TEST(cache_threads_see_whole_changes),
        UNIT_TEST(section_barrier_finds_nobody_inside),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
