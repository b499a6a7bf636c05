/* test_park.c - sleeping on a word: the system's futex and the portable table alike. */
#include "base/atomic.h"
#include "base/park.h"
#include "base/thread.h"
#include "lib/unit.h"

#include <string.h>

/* Each test runs once with each of the two implementations. */
static void
park_with_both(void (*test)(void))
{
    for (int portable = 0; portable < 2 && !unit_has_failed(); portable++) {
        vl_park_use_portable(portable);
        test();
    }
    vl_park_use_portable(0);
}

static void
park_other_value(void)
{
    _Atomic uint32_t word = 5;

    CHECK_EQ(vl_park(&word, 4, VL_PARK_FOREVER), 1);
    CHECK_EQ(vl_park(&word, 4, 0), 1);
    CHECK_EQ(vl_park(&word, 4, INT64_MAX), 1);
}

static void
park_returns_on_another_value(void)
{
    park_with_both(park_other_value);
}

/* An early return is allowed, so the end of the time is only asked for in the end. */
static void
park_times_out(void)
{
    static const int64_t timeouts[] = {0, 1, 999, 1000000, 3000000};
    _Atomic uint32_t word = 5;

    for (size_t i = 0; i < VL_ARRAY_COUNT(timeouts); i++)
        while (vl_park(&word, 5, timeouts[i]))
            continue;
}

static void
park_ends_with_its_time(void)
{
    park_with_both(park_times_out);
}

static void
park_wake_nobody(void)
{
    _Atomic uint32_t word = 5;

    vl_unpark(&word, 1);
    vl_unpark(&word, INT32_MAX);
    CHECK_EQ(word, 5);
}

static void
park_wake_of_nobody_is_allowed(void)
{
    park_with_both(park_wake_nobody);
}

#define PARK_THREADS 12

/* Shared by sleepers and their waker. */
typedef struct park_hall {
    _Atomic uint32_t word;    /* slept on: the number of the round */
    _Atomic uint32_t present; /* who arrived in this round */
    int64_t timeout_ns;       /* that they sleep with */
    uint32_t rounds;          /* to go through */
} park_hall;

static void
park_hall_sleep(void *argument)
{
    park_hall *hall = argument;

    for (uint32_t round = 0; round < hall->rounds; round++) {
        atomic_fetch_add_explicit(&hall->present, 1, memory_order_acq_rel);
        while (atomic_load_explicit(&hall->word, memory_order_acquire) == round)
            (void)vl_park(&hall->word, round, hall->timeout_ns);
    }
}

/* Wake all sleepers of a round when all have arrived: whether asleep or on the way there, each must
 * come to the next round. A lost wake-up hangs. */
static void
park_hall_wake(park_hall *hall)
{
    for (uint32_t round = 0; round < hall->rounds; round++) {
        while (atomic_load_explicit(&hall->present, memory_order_acquire) < PARK_THREADS)
            vl_thread_yield();
        atomic_store_explicit(&hall->present, 0, memory_order_relaxed);
        atomic_store_explicit(&hall->word, round + 1, memory_order_release);
        vl_unpark(&hall->word, INT32_MAX);
    }
}

static void
park_hall_run(int64_t timeout_ns, uint32_t rounds)
{
    vl_thread threads[PARK_THREADS];
    park_hall hall;

    memset(&hall, 0, sizeof hall);
    hall.timeout_ns = timeout_ns;
    hall.rounds = rounds;
    for (size_t i = 0; i < PARK_THREADS; i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[i], "sleeper", park_hall_sleep, &hall));
    park_hall_wake(&hall);
    for (size_t i = 0; i < PARK_THREADS; i++)
        vl_thread_join(&threads[i]);
    CHECK_EQ(hall.word, rounds);
}

static void
park_many(void)
{
    park_hall_run(VL_PARK_FOREVER, 300);
}

static void
park_wakes_all_sleepers(void)
{
    park_with_both(park_many);
}

static void
park_long_timeouts(void)
{
    park_hall_run(INT64_MAX, 20);
    park_hall_run(INT64_MAX - 1, 20);
    park_hall_run((int64_t)1 << 62, 20);
}

static void
park_takes_very_long_timeouts(void)
{
    park_with_both(park_long_timeouts);
}

/* Two threads count up together: player 0 makes even numbers odd, player 1 odd ones even. */
typedef struct park_players {
    _Atomic uint32_t ball; /* the number */
    uint32_t end;          /* of the game, an even number */
} park_players;

static void
park_play(park_players *game, unsigned self)
{
    for (uint32_t mine = self; mine < game->end; mine += 2) {
        uint32_t seen;

        while ((seen = atomic_load_explicit(&game->ball, memory_order_acquire)) != mine)
            (void)vl_park(&game->ball, seen, VL_PARK_FOREVER);
        atomic_store_explicit(&game->ball, mine + 1, memory_order_release);
        vl_unpark(&game->ball, 1);
    }
}

static void
park_play_second(void *argument)
{
    park_play(argument, 1);
}

static void
park_ping_pong_run(void)
{
    vl_thread other;
    park_players game;

    memset(&game, 0, sizeof game);
    game.end = VL_TSAN ? 10000 : 40000;
    CHECK_OK(vl_thread_start(unit_ctx(), &other, "pong", park_play_second, &game));
    park_play(&game, 0);
    vl_thread_join(&other);
    CHECK_EQ(game.ball, game.end);
}

static void
park_ping_pong_loses_nothing(void)
{
    park_with_both(park_ping_pong_run);
}

/* One sleeper for each of many words, more than the portable table has buckets; each is woken
 * through its own word. */
#define PARK_WORDS 150

static _Atomic uint32_t park_words[PARK_WORDS];
static _Atomic uint32_t park_next_word;

static void
park_sleep_on_own_word(void *argument)
{
    uint32_t self = atomic_fetch_add_explicit(&park_next_word, 1, memory_order_relaxed);

    (void)argument;
    while (atomic_load_explicit(&park_words[self], memory_order_acquire) == 0)
        (void)vl_park(&park_words[self], 0, VL_PARK_FOREVER);
}

static void
park_words_share_buckets_run(void)
{
    static vl_thread threads[PARK_WORDS];

    for (size_t i = 0; i < PARK_WORDS; i++)
        atomic_store_explicit(&park_words[i], 0, memory_order_relaxed);
    atomic_store_explicit(&park_next_word, 0, memory_order_relaxed);
    for (size_t i = 0; i < PARK_WORDS; i++)
        CHECK_OK(vl_thread_start(unit_ctx(), &threads[i], "word", park_sleep_on_own_word, NULL));
    for (size_t i = PARK_WORDS; i-- > 0;) {
        atomic_store_explicit(&park_words[i], 1, memory_order_release);
        vl_unpark(&park_words[i], 1);
    }
    for (size_t i = 0; i < PARK_WORDS; i++)
        vl_thread_join(&threads[i]);
}

static void
park_words_share_buckets(void)
{
    park_with_both(park_words_share_buckets_run);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(park_returns_on_another_value),  UNIT_TEST(park_ends_with_its_time),
        UNIT_TEST(park_wake_of_nobody_is_allowed), UNIT_TEST(park_wakes_all_sleepers),
        UNIT_TEST(park_takes_very_long_timeouts),  UNIT_TEST(park_ping_pong_loses_nothing),
        UNIT_TEST(park_words_share_buckets),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
