/* test_latch.c - latches among real threads, and the debug build's check of ranks. The order of
 * single steps is explored by test_latch_steps.c. */
#include "base/latch.h"
#include "base/park.h"
#include "base/thread.h"
#include "lib/unit.h"

#include <string.h>

/* Each test of threads runs once with each way of sleeping. */
static void
latch_with_both(void (*test)(void))
{
    for (int portable = 0; portable < 2 && !unit_has_failed(); portable++) {
        vl_park_use_portable(portable);
        test();
    }
    vl_park_use_portable(0);
}

static uint64_t
latch_word(const vl_latch *latch)
{
    return atomic_load_explicit(&latch->u.word, memory_order_relaxed);
}

/* ---- one thread ---- */

static void
latch_modes_exclude_each_other(void)
{
    vl_latch latch;

    vl_latch_init(&latch, VL_RANK_NONE);
    CHECK(!vl_latch_is_exclusive(&latch));
    vl_latch_acquire_exclusive(&latch);
    CHECK(vl_latch_is_exclusive(&latch));
    CHECK(!vl_latch_try_exclusive(&latch));
    CHECK(!vl_latch_try_shared(&latch));
    vl_latch_release_exclusive(&latch);
    vl_latch_acquire_shared(&latch);
    CHECK(!vl_latch_is_exclusive(&latch));
    CHECK(!vl_latch_try_exclusive(&latch));
    CHECK(vl_latch_try_shared(&latch));
    CHECK(vl_latch_try_shared(&latch));
    CHECK_EQ(latch_word(&latch) & VL_LATCH_SHARED_MASK, 3);
    vl_latch_release_shared(&latch);
    vl_latch_release_shared(&latch);
    CHECK(!vl_latch_try_exclusive(&latch));
    vl_latch_release_shared(&latch);
    CHECK(vl_latch_try_exclusive(&latch));
    vl_latch_release_exclusive(&latch);
    CHECK_EQ(latch_word(&latch) & ~VL_LATCH_VERSION_MASK, 0);
}

/* Keeps K3: the version counts exclusive releases, and nothing else. */
static void
latch_version_counts_exclusive_releases(void)
{
    vl_latch latch;
    vl_rng rng;
    uint64_t releases = 0;

    vl_latch_init(&latch, VL_RANK_NONE);
    vl_rng_init(&rng, unit_seed());
    for (unsigned i = 0; i < 5000; i++) {
        uint64_t version = vl_latch_read_begin(&latch);

        CHECK_EQ(version, releases * VL_LATCH_VERSION_ONE);
        switch (vl_rng_below(&rng, 4)) {
        case 0:
            CHECK(vl_latch_read_end(&latch, version));
            vl_latch_acquire_exclusive(&latch);
            vl_latch_release_exclusive(&latch);
            releases++;
            break;
        case 1:
            CHECK(vl_latch_read_upgrade(&latch, version));
            vl_latch_release_exclusive(&latch);
            releases++;
            break;
        case 2:
            CHECK(vl_latch_read_end(&latch, version));
            vl_latch_acquire_shared(&latch);
            vl_latch_release_shared(&latch);
            break;
        default:
            CHECK(vl_latch_read_end(&latch, version));
            break;
        }
    }
}

static void
latch_version_wraps(void)
{
    vl_latch latch;
    uint64_t version;

    vl_latch_init(&latch, VL_RANK_NONE);
    atomic_store_explicit(&latch.u.word, VL_LATCH_VERSION_MASK, memory_order_relaxed);
    version = vl_latch_read_begin(&latch);
    CHECK_EQ(version, VL_LATCH_VERSION_MASK);
    CHECK(vl_latch_read_upgrade(&latch, version));
    vl_latch_release_exclusive(&latch);
    CHECK_EQ(latch_word(&latch), 0);
}

/* Under the thread sanitizer a read holds the latch, so that nothing can change meanwhile. */
static void
latch_read_notices_a_writer(void)
{
    vl_latch latch;
    uint64_t version;

    if (VL_TSAN) {
        unit_skip("optimistic reads hold the latch");
        return;
    }
    vl_latch_init(&latch, VL_RANK_NONE);
    version = vl_latch_read_begin(&latch);
    CHECK(vl_latch_read_valid(&latch, version));
    CHECK(vl_latch_try_shared(&latch)); /* readers do not disturb it */
    CHECK(vl_latch_read_valid(&latch, version));
    vl_latch_release_shared(&latch);
    CHECK(vl_latch_read_valid(&latch, version));
    CHECK(vl_latch_try_exclusive(&latch));
    CHECK(!vl_latch_read_valid(&latch, version)); /* during the change */
    vl_latch_release_exclusive(&latch);
    CHECK(!vl_latch_read_valid(&latch, version)); /* and after it */
    CHECK(!vl_latch_read_end(&latch, version));
}

static void
latch_upgrade_needs_an_unchanged_latch(void)
{
    vl_latch latch;
    uint64_t version;

    if (VL_TSAN) {
        unit_skip("optimistic reads hold the latch");
        return;
    }
    vl_latch_init(&latch, VL_RANK_NONE);
    version = vl_latch_read_begin(&latch);
    CHECK(vl_latch_try_exclusive(&latch));
    CHECK(!vl_latch_read_upgrade(&latch, version)); /* held exclusively */
    vl_latch_release_exclusive(&latch);
    CHECK(!vl_latch_read_upgrade(&latch, version)); /* changed */
    version = vl_latch_read_begin(&latch);
    CHECK(vl_latch_try_shared(&latch));
    CHECK(!vl_latch_read_upgrade(&latch, version)); /* held shared */
    vl_latch_release_shared(&latch);
    CHECK(vl_latch_read_upgrade(&latch, version));
    CHECK(vl_latch_is_exclusive(&latch));
    CHECK(!vl_latch_read_upgrade(&latch, version));
    vl_latch_release_exclusive(&latch);
}

static void
racy_loads_and_copies_are_plain_reads(void)
{
    static uint64_t words[16];
    uint8_t *source = (uint8_t *)words;
    uint8_t copy[sizeof words + 16];

    for (size_t i = 0; i < sizeof words; i++)
        source[i] = (uint8_t)(i * 7 + 1);
    CHECK_EQ(vl_racy_load8(source + 3), source[3]);
    for (size_t from = 0; from < 16; from++) {
        for (size_t size = 0; size + from <= sizeof words; size++) {
            size_t to = (from * 5 + size) % 11;

            memset(copy, 0xee, sizeof copy);
            vl_racy_copy(copy + to, source + from, size);
            CHECK(memcmp(copy + to, source + from, size) == 0);
            CHECK(to == 0 || copy[to - 1] == 0xee);
            CHECK_EQ(copy[to + size], 0xee);
        }
    }
    words[1] = 0x0102030405060708U;
    CHECK_EQ(vl_racy_load64(&words[1]), 0x0102030405060708U);
    CHECK_EQ(vl_racy_load32(&words[1]), VL_LITTLE_ENDIAN ? 0x05060708U : 0x01020304U);
    CHECK_EQ(vl_racy_load16(&words[1]), VL_LITTLE_ENDIAN ? 0x0708U : 0x0102U);
}

/* ---- many threads ---- */

#define LATCH_CROWD 16 /* more than most machines that test have cores */
#define LATCH_WORDS 20

/* What the latch of a test guards. */
typedef struct latch_room {
    vl_latch latch;
    uint64_t words[LATCH_WORDS]; /* word i is words[0] * (i + 1), kept by every writer */
    _Atomic int32_t writers;     /* inside, for checking: 0 or 1 */
    _Atomic int32_t readers;     /* inside */
    _Atomic uint64_t broken;     /* rules seen broken */
    _Atomic uint64_t written;    /* exclusive holds */
    _Atomic uint64_t read;       /* shared holds, and optimistic reads that were confirmed */
    _Atomic uint64_t refused;    /* tries, upgrades and optimistic reads that failed */
    _Atomic uint32_t next;       /* number of the next thread */
    unsigned turns;              /* of each thread */
} latch_room;

static void
latch_expect(latch_room *room, int condition)
{
    if (!condition)
        vl_count(&room->broken, 1);
}

/* Inside, alone. Stretched by a chance to let others run, so that holds overlap on few cores. */
static void
latch_room_write(latch_room *room, vl_rng *rng)
{
    latch_expect(room, atomic_fetch_add_explicit(&room->writers, 1, memory_order_relaxed) == 0);
    latch_expect(room, atomic_load_explicit(&room->readers, memory_order_relaxed) == 0);
    for (unsigned i = LATCH_WORDS; i-- > 0;) {
        __atomic_store_n(&room->words[i], room->words[i] + i + 1, __ATOMIC_RELAXED);
        if (i == LATCH_WORDS / 2 && vl_rng_chance(rng, 1, 16))
            vl_thread_yield();
    }
    latch_expect(room, atomic_fetch_sub_explicit(&room->writers, 1, memory_order_relaxed) == 1);
    vl_count(&room->written, 1);
}

static int
latch_is_whole(const uint64_t *words)
{
    for (unsigned i = 1; i < LATCH_WORDS; i++)
        if (words[i] != words[0] * (i + 1))
            return 0;
    return 1;
}

static void
latch_room_read(latch_room *room, vl_rng *rng)
{
    (void)atomic_fetch_add_explicit(&room->readers, 1, memory_order_relaxed);
    latch_expect(room, atomic_load_explicit(&room->writers, memory_order_relaxed) == 0);
    latch_expect(room, latch_is_whole(room->words));
    if (vl_rng_chance(rng, 1, 16))
        vl_thread_yield();
    latch_expect(room, latch_is_whole(room->words));
    (void)atomic_fetch_sub_explicit(&room->readers, 1, memory_order_relaxed);
    vl_count(&room->read, 1);
}

/* An optimistic read, which copies either way and yields in the middle. */
static void
latch_room_read_optimistically(latch_room *room, vl_rng *rng)
{
    uint64_t copy[LATCH_WORDS];
    uint64_t version = vl_latch_read_begin(&room->latch);

    if (vl_rng_chance(rng, 1, 2)) {
        vl_racy_copy(copy, room->words, sizeof copy);
    } else {
        for (unsigned i = 0; i < LATCH_WORDS; i++) {
            copy[i] = vl_racy_load64(&room->words[i]);
            if (i == LATCH_WORDS / 2 && vl_rng_chance(rng, 1, 16))
                vl_thread_yield();
        }
    }
    if (vl_latch_read_end(&room->latch, version)) {
        latch_expect(room, latch_is_whole(copy));
        vl_count(&room->read, 1);
    } else {
        vl_count(&room->refused, 1);
    }
}

/* An optimistic read that becomes a change: what was read is true while the latch is held. */
static void
latch_room_upgrade(latch_room *room, vl_rng *rng)
{
    uint64_t version = vl_latch_read_begin(&room->latch);
    uint64_t first = vl_racy_load64(&room->words[0]);
    uint64_t last = vl_racy_load64(&room->words[LATCH_WORDS - 1]);

    if (vl_rng_chance(rng, 1, 16))
        vl_thread_yield();
    if (!vl_latch_read_upgrade(&room->latch, version)) {
        vl_count(&room->refused, 1);
        return;
    }
    latch_expect(room, first == room->words[0] || VL_TSAN); /* there it lets go in between */
    latch_expect(room, last == first * LATCH_WORDS);
    latch_room_write(room, rng);
    vl_latch_release_exclusive(&room->latch);
}

static void
latch_room_try(latch_room *room, vl_rng *rng)
{
    if (vl_rng_chance(rng, 1, 2)) {
        if (vl_latch_try_exclusive(&room->latch)) {
            latch_room_write(room, rng);
            vl_latch_release_exclusive(&room->latch);
            return;
        }
    } else if (vl_latch_try_shared(&room->latch)) {
        latch_room_read(room, rng);
        vl_latch_release_shared(&room->latch);
        return;
    }
    vl_count(&room->refused, 1);
}

static void
latch_room_visit(void *argument)
{
    latch_room *room = argument;
    vl_rng rng;

    vl_rng_init(&rng, atomic_fetch_add_explicit(&room->next, 1, memory_order_relaxed));
    for (unsigned i = 0; i < room->turns; i++) {
        switch (vl_rng_below(&rng, 8)) {
        case 0:
        case 1:
            vl_latch_acquire_exclusive(&room->latch);
            latch_room_write(room, &rng);
            vl_latch_release_exclusive(&room->latch);
            break;
        case 2:
        case 3:
            vl_latch_acquire_shared(&room->latch);
            latch_room_read(room, &rng);
            vl_latch_release_shared(&room->latch);
            break;
        case 4:
            latch_room_try(room, &rng);
            break;
        case 5:
            latch_room_upgrade(room, &rng);
            break;
        default:
            latch_room_read_optimistically(room, &rng);
            break;
        }
    }
}

static void
latch_room_init(latch_room *room, unsigned turns)
{
    memset(room, 0, sizeof *room);
    vl_latch_init(&room->latch, 1);
    room->turns = turns;
}

/* Let `count` threads run `main` in the room. Whether all could be started. */
static int
latch_room_run(latch_room *room, vl_thread_main *main, unsigned count)
{
    vl_thread threads[LATCH_CROWD];
    int started = 1;

    for (unsigned i = 0; i < count; i++)
        started &= vl_thread_start(unit_ctx(), &threads[i], "latch", main, room) == VELO_OK;
    for (unsigned i = 0; i < count; i++)
        vl_thread_join(&threads[i]);
    return started;
}

static void
latch_crowd_run(void)
{
    static latch_room room;

    latch_room_init(&room, VL_TSAN ? 2000 : 6000);
    CHECK(latch_room_run(&room, latch_room_visit, LATCH_CROWD));
    CHECK_EQ(room.broken, 0);
    CHECK_EQ(room.words[0], room.written);
    CHECK(latch_is_whole(room.words));
    CHECK_EQ(room.written + room.read + room.refused, LATCH_CROWD * room.turns);
    CHECK(room.written > 0 && room.read > 0);
    /* Free, and the version has counted the writers. */
    CHECK_EQ(latch_word(&room.latch), room.written * VL_LATCH_VERSION_ONE);
}

static void
latch_keeps_its_promises_in_a_crowd(void)
{
    latch_with_both(latch_crowd_run);
}

static void
latch_write_only(void *argument)
{
    latch_room *room = argument;
    vl_rng rng;

    vl_rng_init(&rng, 1);
    for (unsigned i = 0; i < room->turns; i++) {
        vl_latch_acquire_exclusive(&room->latch);
        room->words[0]++; /* plain: the thread sanitizer watches */
        if (vl_rng_chance(&rng, 1, 64))
            vl_thread_yield();
        vl_latch_release_exclusive(&room->latch);
    }
}

static void
latch_writers_run(void)
{
    static latch_room room;

    latch_room_init(&room, VL_TSAN ? 2000 : 10000);
    CHECK(latch_room_run(&room, latch_write_only, LATCH_CROWD));
    CHECK_EQ(room.words[0], LATCH_CROWD * room.turns);
    CHECK_EQ(latch_word(&room.latch), LATCH_CROWD * room.turns * VL_LATCH_VERSION_ONE);
}

static void
latch_writers_exclude_each_other(void)
{
    latch_with_both(latch_writers_run);
}

/* All readers are inside at the same time, or none of them comes out. */
static void
latch_meet_inside(void *argument)
{
    latch_room *room = argument;

    vl_latch_acquire_shared(&room->latch);
    atomic_fetch_add_explicit(&room->readers, 1, memory_order_acq_rel);
    while (atomic_load_explicit(&room->readers, memory_order_acquire) < LATCH_CROWD)
        vl_thread_yield();
    vl_latch_release_shared(&room->latch);
}

static void
latch_shared_is_really_shared(void)
{
    static latch_room room;

    latch_room_init(&room, 0);
    CHECK(latch_room_run(&room, latch_meet_inside, LATCH_CROWD));
    CHECK_EQ(room.readers, LATCH_CROWD);
    CHECK_EQ(latch_word(&room.latch), 0);
}

/* The usual end of a counted object: whoever lets go last frees it, at once after its release. Real
 * threads seldom show a release that touches the latch again; the steps test does. */
typedef struct latch_counted {
    vl_latch latch; /* guards `users` */
    int users;      /* who frees it at 0 */
} latch_counted;

static void
latch_drop_counted(void *argument)
{
    latch_counted *object = argument;
    int last;

    vl_latch_acquire_shared(&object->latch);
    vl_latch_release_shared(&object->latch);
    vl_latch_acquire_exclusive(&object->latch);
    last = --object->users == 0;
    vl_latch_release_exclusive(&object->latch);
    if (last)
        vl_free(object);
}

static void
latch_may_go_run(void)
{
    for (unsigned turn = 0; turn < 100; turn++) {
        latch_counted *object = vl_alloc(unit_ctx(), sizeof *object);
        vl_thread threads[4];
        int started = 1;

        CHECK(object != NULL);
        vl_latch_init(&object->latch, VL_RANK_NONE);
        object->users = (int)VL_ARRAY_COUNT(threads);
        for (size_t i = 0; i < VL_ARRAY_COUNT(threads); i++)
            started &= vl_thread_start(unit_ctx(), &threads[i], "counted", latch_drop_counted,
                                       object) == VELO_OK;
        for (size_t i = 0; i < VL_ARRAY_COUNT(threads); i++)
            vl_thread_join(&threads[i]);
        CHECK(started);
    }
}

static void
latch_may_go_after_its_release(void)
{
    latch_with_both(latch_may_go_run);
}

/* ---- fairness, counted in holds and never in time ---- */

/* Readers that overlap, a writer among them, and notes of what came when. */
typedef struct latch_contest {
    vl_latch latch;          /* fought for */
    _Atomic uint64_t holds;  /* of those who hammer */
    _Atomic uint32_t stop;   /* tells them to end */
    _Atomic uint32_t inside; /* the one has got in */
} latch_contest;

static void
latch_hammer_shared(void *argument)
{
    latch_contest *contest = argument;

    while (!atomic_load_explicit(&contest->stop, memory_order_relaxed)) {
        vl_latch_acquire_shared(&contest->latch);
        vl_count(&contest->holds, 1);
        vl_thread_yield(); /* let another reader in before this one leaves */
        vl_latch_release_shared(&contest->latch);
    }
}

static void
latch_hammer_exclusive(void *argument)
{
    latch_contest *contest = argument;

    while (!atomic_load_explicit(&contest->stop, memory_order_relaxed)) {
        vl_latch_acquire_exclusive(&contest->latch);
        vl_count(&contest->holds, 1);
        vl_latch_release_exclusive(&contest->latch);
    }
}

static void
latch_write_once(void *argument)
{
    latch_contest *contest = argument;

    vl_latch_acquire_exclusive(&contest->latch);
    atomic_store_explicit(&contest->inside, 1, memory_order_relaxed);
    vl_latch_release_exclusive(&contest->latch);
}

/* While one reader holds the latch and a writer has announced itself, no other reader gets in: not
 * one hold, whatever they try, until the writer has had its turn. */
static void
latch_announced_run(void)
{
    vl_thread readers[6];
    latch_contest contest;
    vl_thread writer;

    memset(&contest, 0, sizeof contest);
    vl_latch_init(&contest.latch, VL_RANK_NONE);
    vl_latch_acquire_shared(&contest.latch);
    CHECK_OK(vl_thread_start(unit_ctx(), &writer, "writer", latch_write_once, &contest));
    while ((latch_word(&contest.latch) & VL_LATCH_WRITER_WAITS) == 0)
        vl_thread_yield();
    for (size_t i = 0; i < VL_ARRAY_COUNT(readers); i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &readers[i], "reader", latch_hammer_shared, &contest));
    for (unsigned i = 0; i < 2000; i++) {
        CHECK(!vl_latch_try_shared(&contest.latch));
        vl_thread_yield();
    }
    CHECK_EQ(contest.holds, 0);
    CHECK_EQ(contest.inside, 0);
    CHECK(latch_word(&contest.latch) & VL_LATCH_WRITER_WAITS);
    atomic_store_explicit(&contest.stop, 1, memory_order_relaxed);
    vl_latch_release_shared(&contest.latch);
    vl_thread_join(&writer);
    for (size_t i = 0; i < VL_ARRAY_COUNT(readers); i++)
        vl_thread_join(&readers[i]);
    CHECK_EQ(contest.inside, 1);
    CHECK_EQ(latch_word(&contest.latch) & ~VL_LATCH_VERSION_MASK, 0);
}

static void
latch_announced_writer_holds_readers_off(void)
{
    latch_with_both(latch_announced_run);
}

/* Let `hammer` keep the latch busy and get in beside it, many times. In the worst case the
 * hammering threads use up their slices of processor time before this one runs again: the bound
 * leaves ample room for that, and a thread that starves passes any bound. */
static void
latch_contest_run(vl_thread_main *hammer, int exclusive, unsigned crowd)
{
    vl_thread threads[8];
    latch_contest contest;
    uint64_t worst = 0;

    memset(&contest, 0, sizeof contest);
    vl_latch_init(&contest.latch, VL_RANK_NONE);
    for (unsigned i = 0; i < crowd; i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[i], "hammer", hammer, &contest));
    while (vl_counter(&contest.holds) < 100)
        vl_thread_yield();
    for (unsigned i = 0; i < 100; i++) {
        uint64_t before = vl_counter(&contest.holds);

        if (exclusive)
            vl_latch_acquire_exclusive(&contest.latch);
        else
            vl_latch_acquire_shared(&contest.latch);
        before = vl_counter(&contest.holds) - before;
        worst = before > worst ? before : worst;
        if (exclusive)
            vl_latch_release_exclusive(&contest.latch);
        else
            vl_latch_release_shared(&contest.latch);
    }
    atomic_store_explicit(&contest.stop, 1, memory_order_relaxed);
    for (unsigned i = 0; i < crowd; i++)
        vl_thread_join(&threads[i]);
    CHECK(worst < 50000000);
}

static void
latch_writer_among_readers_run(void)
{
    latch_contest_run(latch_hammer_shared, 1, 8);
}

static void
latch_writer_does_not_starve(void)
{
    latch_with_both(latch_writer_among_readers_run);
}

static void
latch_reader_among_writers_run(void)
{
    latch_contest_run(latch_hammer_exclusive, 0, 2);
}

static void
latch_reader_does_not_starve(void)
{
    latch_with_both(latch_reader_among_writers_run);
}

/* ---- sleeping and waking ---- */

/* Threads of a ring pass a turn on under two latches, so that at any time all but one wait or are
 * about to: one wake-up lost, and the ring stands still. */
typedef struct latch_ring {
    vl_latch latch;        /* guards `turn` */
    uint64_t turn;         /* number of the next hold */
    uint64_t end;          /* when to stop */
    _Atomic uint32_t next; /* number of the next thread */
} latch_ring;

static void
latch_ring_run_member(void *argument)
{
    latch_ring *ring = argument;
    uint32_t self = atomic_fetch_add_explicit(&ring->next, 1, memory_order_relaxed);
    uint64_t turn = 0;

    while (turn < ring->end) {
        if (self % 2 == 0) {
            vl_latch_acquire_exclusive(&ring->latch);
            turn = ++ring->turn;
            vl_thread_yield(); /* while all others come to sleep */
            vl_latch_release_exclusive(&ring->latch);
        } else {
            vl_latch_acquire_shared(&ring->latch);
            turn = ring->turn;
            vl_thread_yield();
            vl_latch_release_shared(&ring->latch);
        }
    }
}

static void
latch_ring_run(void)
{
    vl_thread threads[LATCH_CROWD];
    latch_ring ring;

    memset(&ring, 0, sizeof ring);
    vl_latch_init(&ring.latch, VL_RANK_NONE);
    ring.end = VL_TSAN ? 2000 : 10000;
    for (size_t i = 0; i < LATCH_CROWD; i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[i], "ring", latch_ring_run_member, &ring));
    for (size_t i = 0; i < LATCH_CROWD; i++)
        vl_thread_join(&threads[i]);
    CHECK(ring.turn >= ring.end);
    CHECK_EQ(latch_word(&ring.latch) & ~VL_LATCH_VERSION_MASK, 0);
}

static void
latch_loses_no_wake_up(void)
{
    latch_with_both(latch_ring_run);
}

/* One who holds the latch until all kinds of waiters sleep; then all must come through. */
static void
latch_wait_in_some_way(void *argument)
{
    latch_room *room = argument;
    uint32_t self = atomic_fetch_add_explicit(&room->next, 1, memory_order_relaxed);

    if (self % 3 == 0) {
        vl_latch_acquire_exclusive(&room->latch);
        vl_latch_release_exclusive(&room->latch);
    } else if (self % 3 == 1) {
        vl_latch_acquire_shared(&room->latch);
        vl_latch_release_shared(&room->latch);
    } else {
        (void)vl_latch_read_end(&room->latch, vl_latch_read_begin(&room->latch));
    }
    vl_count(&room->read, 1);
}

static void
latch_all_asleep_run(void)
{
    static latch_room room;
    vl_thread threads[LATCH_CROWD];

    for (unsigned turn = 0; turn < 30; turn++) {
        latch_room_init(&room, 0);
        vl_latch_acquire_exclusive(&room.latch);
        for (unsigned i = 0; i < LATCH_CROWD; i++)
            CHECK_OK(
                vl_thread_start(unit_ctx(), &threads[i], "wait", latch_wait_in_some_way, &room));
        while ((latch_word(&room.latch) & VL_LATCH_WAITERS) == 0)
            vl_thread_yield();
        for (unsigned i = 0; i < 20 * turn; i++)
            vl_thread_yield();
        CHECK_EQ(room.read, 0);
        vl_latch_release_exclusive(&room.latch);
        for (unsigned i = 0; i < LATCH_CROWD; i++)
            vl_thread_join(&threads[i]);
        CHECK_EQ(room.read, LATCH_CROWD);
    }
}

static void
latch_wakes_all_kinds_of_waiters(void)
{
    latch_with_both(latch_all_asleep_run);
}

/* ---- ranks ---- */

static vl_latch latch_low, latch_high, latch_twin, latch_free, latch_left, latch_right, latch_log;

static void
latch_init_ranked(void)
{
    vl_latch_init(&latch_low, 10);
    vl_latch_init(&latch_high, 20);
    vl_latch_init(&latch_twin, 20);
    vl_latch_init(&latch_free, VL_RANK_NONE);
    vl_latch_init(&latch_left, 30 | VL_RANK_FAMILY);
    vl_latch_init(&latch_right, 30 | VL_RANK_FAMILY);
    vl_latch_init(&latch_log, 40);
}

static void
latch_take_lower_after_higher(void)
{
    vl_latch_acquire_shared(&latch_high);
    vl_latch_acquire_shared(&latch_low);
}

static void
latch_take_same_rank(void)
{
    vl_latch_acquire_exclusive(&latch_high);
    vl_latch_acquire_exclusive(&latch_twin);
}

static void
latch_take_same_latch(void)
{
    vl_latch_acquire_shared(&latch_high);
    vl_latch_acquire_shared(&latch_high);
}

static void
latch_take_same_unranked_latch(void)
{
    vl_latch_acquire_shared(&latch_free);
    vl_latch_acquire_exclusive(&latch_free);
}

static void
latch_take_same_latch_of_a_family(void)
{
    vl_latch_acquire_exclusive(&latch_left);
    vl_latch_acquire_exclusive(&latch_left);
}

static void
latch_read_lower_after_higher(void)
{
    vl_latch_acquire_exclusive(&latch_high);
    (void)vl_latch_read_begin(&latch_low);
}

static void
latch_read_held(void)
{
    vl_latch_acquire_exclusive(&latch_high);
    (void)vl_latch_read_begin(&latch_high);
}

static void
latch_take_lower_after_family(void)
{
    vl_latch_acquire_shared(&latch_left);
    vl_latch_acquire_shared(&latch_high);
}

static void
latch_take_family_after_higher(void)
{
    vl_latch_acquire_shared(&latch_log);
    vl_latch_acquire_shared(&latch_left);
}

static void
latch_take_lower_after_try(void)
{
    if (vl_latch_try_exclusive(&latch_high))
        vl_latch_acquire_exclusive(&latch_low);
}

static void
latch_take_lower_after_upgrade(void)
{
    if (vl_latch_read_upgrade(&latch_high, vl_latch_read_begin(&latch_high)))
        vl_latch_acquire_exclusive(&latch_low);
}

static void
latch_release_not_held(void)
{
    vl_latch_release_exclusive(&latch_high);
}

static void
latch_release_shared_not_held(void)
{
    vl_latch_acquire_shared(&latch_low);
    vl_latch_release_shared(&latch_high);
}

static void
latch_take_in_thread(void *argument)
{
    vl_latch_acquire_exclusive(argument);
}

static void
latch_release_of_another_thread(void)
{
    vl_thread thread;

    if (vl_thread_start(NULL, &thread, "taker", latch_take_in_thread, &latch_high) != VELO_OK)
        return;
    vl_thread_join(&thread);
    vl_latch_release_exclusive(&latch_high);
}

static void
latch_take_too_many(void)
{
    static vl_latch many[1000];

    for (size_t i = 0; i < VL_ARRAY_COUNT(many); i++) {
        vl_latch_init(&many[i], VL_RANK_NONE);
        vl_latch_acquire_shared(&many[i]);
    }
}

static void
latch_rank_violations_stop(void)
{
    static void (*const violations[])(void) = {
        latch_take_lower_after_higher,
        latch_take_same_rank,
        latch_take_same_latch,
        latch_take_same_unranked_latch,
        latch_take_lower_after_family,
        latch_take_same_latch_of_a_family,
        latch_take_family_after_higher,
        latch_read_lower_after_higher,
        latch_take_lower_after_try,
        latch_read_held,
        latch_take_lower_after_upgrade,
        latch_release_not_held,
        latch_release_shared_not_held,
        latch_release_of_another_thread,
        latch_take_too_many,
    };

    if (!VL_DEBUG) {
        unit_skip("ranks are not checked");
        return;
    }
    latch_init_ranked();
    for (size_t i = 0; i < VL_ARRAY_COUNT(violations); i++)
        if (!unit_stops(violations[i]))
            unit_failed(__FILE__, __LINE__, "violation %zu went unnoticed", i);
}

static void
latch_ranks_that_rise_are_fine(void)
{
    latch_init_ranked();
    vl_latch_acquire_shared(&latch_low);
    vl_latch_acquire_exclusive(&latch_high);
    vl_latch_acquire_shared(&latch_free); /* unranked: at any time */
    vl_latch_acquire_exclusive(&latch_left);
    vl_latch_acquire_exclusive(&latch_right);   /* a family: several of one rank */
    vl_latch_acquire_shared(&latch_log);        /* after the family, by its number */
    CHECK(vl_latch_try_exclusive(&latch_twin)); /* trying cannot wait for others */
    vl_latch_release_shared(&latch_low);        /* in any order */
    vl_latch_release_exclusive(&latch_left);
    vl_latch_release_shared(&latch_log);
    vl_latch_release_shared(&latch_free);
    vl_latch_release_exclusive(&latch_twin);
    vl_latch_release_exclusive(&latch_high);
    vl_latch_release_exclusive(&latch_right);
    vl_latch_acquire_shared(&latch_low); /* nothing is remembered */
    vl_latch_release_shared(&latch_low);
}

static void
latch_failed_try_is_not_held(void)
{
    latch_init_ranked();
    vl_latch_acquire_shared(&latch_high);
    CHECK(!vl_latch_try_exclusive(&latch_high));
    CHECK(vl_latch_try_shared(&latch_high)); /* twice, by trying: exempt */
    vl_latch_release_shared(&latch_high);
    vl_latch_release_shared(&latch_high);
    vl_latch_acquire_exclusive(&latch_low);
    vl_latch_acquire_exclusive(&latch_high);
    vl_latch_release_exclusive(&latch_high);
    vl_latch_release_exclusive(&latch_low);
}

static void
latch_ranks_belong_to_threads(void)
{
    vl_thread thread;

    latch_init_ranked();
    vl_latch_acquire_exclusive(&latch_high);
    CHECK_OK(vl_thread_start(unit_ctx(), &thread, "low", latch_take_in_thread, &latch_low));
    vl_thread_join(&thread);
    vl_latch_release_exclusive(&latch_high);
    CHECK(vl_latch_is_exclusive(&latch_low));
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(latch_modes_exclude_each_other),
        UNIT_TEST(latch_version_counts_exclusive_releases),
        UNIT_TEST(latch_version_wraps),
        UNIT_TEST(latch_read_notices_a_writer),
        UNIT_TEST(latch_upgrade_needs_an_unchanged_latch),
        UNIT_TEST(racy_loads_and_copies_are_plain_reads),
        UNIT_TEST(latch_keeps_its_promises_in_a_crowd),
        UNIT_TEST(latch_writers_exclude_each_other),
        UNIT_TEST(latch_shared_is_really_shared),
        UNIT_TEST(latch_may_go_after_its_release),
        UNIT_TEST(latch_announced_writer_holds_readers_off),
        UNIT_TEST(latch_writer_does_not_starve),
        UNIT_TEST(latch_reader_does_not_starve),
        UNIT_TEST(latch_loses_no_wake_up),
        UNIT_TEST(latch_wakes_all_kinds_of_waiters),
        UNIT_TEST(latch_rank_violations_stop),
        UNIT_TEST(latch_ranks_that_rise_are_fine),
        UNIT_TEST(latch_failed_try_is_not_held),
        UNIT_TEST(latch_ranks_belong_to_threads),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
