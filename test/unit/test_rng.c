/* test_rng.c - random numbers: known answers, and bounds that favour nothing. */
#include "base/rng.h"
#include "lib/unit.h"

#include <string.h>

/* The first numbers of the reference implementation from the state 1, 2, 3, 4. */
static void
rng_follows_the_reference(void)
{
    static const uint64_t wanted[] = {11520U,
                                      0U,
                                      1509978240U,
                                      1215971899390074240U,
                                      1216172134540287360U,
                                      607988272756665600U,
                                      16172922978634559625U,
                                      8476171486693032832U,
                                      10595114339597558777U,
                                      2904607092377533576U};
    vl_rng rng = {{1, 2, 3, 4}};

    for (size_t i = 0; i < VL_ARRAY_COUNT(wanted); i++)
        CHECK_EQ(vl_rng_next(&rng), wanted[i]);
}

/* Worked out by a separate program from the papers: SplitMix64 gives the state, xoshiro256** the
 * numbers. */
static void
rng_seed_gives_known_numbers(void)
{
    static const struct {
        uint64_t seed;     /* given */
        uint64_t state[4]; /* after vl_rng_init */
        uint64_t first[4]; /* numbers drawn */
    } wanted[] = {
        {0,
         {0xe220a8397b1dcdafU, 0x6e789e6aa1b965f4U, 0x06c45d188009454fU, 0xf88bb8a8724c81ecU},
         {0x99ec5f36cb75f2b4U, 0xbf6e1f784956452aU, 0x1a5f849d4933e6e0U, 0x6aa594f1262d2d2cU}},
        {1,
         {0x910a2dec89025cc1U, 0xbeeb8da1658eec67U, 0xf893a2eefb32555eU, 0x71c18690ee42c90bU},
         {0xb3f2af6d0fc710c5U, 0x853b559647364ceaU, 0x92f89756082a4514U, 0x642e1c7bc266a3a7U}},
        {UINT64_MAX,
         {0xe4d971771b652c20U, 0xe99ff867dbf682c9U, 0x382ff84cb27281e9U, 0x6d1db36ccba982d2U},
         {0x8f5520d52a7ead08U, 0xc476a018caa1802dU, 0x81de31c0d260469eU, 0xbf658d7e065f3c2fU}},
    };

    for (size_t i = 0; i < VL_ARRAY_COUNT(wanted); i++) {
        vl_rng rng;

        vl_rng_init(&rng, wanted[i].seed);
        CHECK(memcmp(rng.state, wanted[i].state, sizeof rng.state) == 0);
        for (size_t j = 0; j < VL_ARRAY_COUNT(wanted[i].first); j++)
            CHECK_EQ(vl_rng_next(&rng), wanted[i].first[j]);
    }
}

static void
rng_bound_one_is_always_zero(void)
{
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (unsigned i = 0; i < 1000; i++)
        CHECK_EQ(vl_rng_below(&rng, 1), 0);
}

static void
rng_stays_below_its_bound(void)
{
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (unsigned bits = 0; bits < 64; bits++) {
        uint64_t power = (uint64_t)1 << bits;

        for (unsigned i = 0; i < 200; i++) {
            CHECK(vl_rng_below(&rng, power) < power);
            CHECK(vl_rng_below(&rng, power + 1) < power + 1);
            CHECK(power == 1 || vl_rng_below(&rng, power - 1) < power - 1);
        }
    }
    for (unsigned i = 0; i < 1000; i++)
        CHECK(vl_rng_below(&rng, UINT64_MAX) < UINT64_MAX);
}

/* A power of two takes the upper bits of one number each, without a second draw. */
static void
rng_power_of_two_takes_the_upper_bits(void)
{
    vl_rng rng;
    vl_rng same;

    vl_rng_init(&rng, 5);
    vl_rng_init(&same, 5);
    for (unsigned bits = 1; bits < 64; bits++)
        CHECK_EQ(vl_rng_below(&rng, (uint64_t)1 << bits), vl_rng_next(&same) >> (64 - bits));
}

/* Chi-square of `draws` numbers over `bound` values. With a fixed seed this never
 * changes; 99.99 % of fair sequences stay below bound + 6 * sqrt(2 * bound). */
static double
rng_chi_square(uint64_t bound, unsigned draws, uint64_t seed)
{
    static unsigned counts[1024];
    double wanted = (double)draws / (double)bound;
    double sum = 0;
    vl_rng rng;

    memset(counts, 0, sizeof counts);
    vl_rng_init(&rng, seed);
    for (unsigned i = 0; i < draws; i++)
        counts[vl_rng_below(&rng, bound)]++;
    for (uint64_t i = 0; i < bound; i++)
        sum += ((double)counts[i] - wanted) * ((double)counts[i] - wanted) / wanted;
    return sum;
}

static void
rng_favours_no_value(void)
{
    static const uint64_t bounds[] = {2, 3, 5, 6, 7, 10, 31, 64, 100, 255, 256, 257, 1000, 1024};

    for (size_t i = 0; i < VL_ARRAY_COUNT(bounds); i++) {
        double limit = (double)bounds[i] + 30;

        while ((limit - (double)bounds[i]) * (limit - (double)bounds[i]) < 72 * (double)bounds[i])
            limit += 1;
        CHECK(rng_chi_square(bounds[i], 100000, 1) < limit);
        CHECK(rng_chi_square(bounds[i], 100000, 2) < limit);
    }
}

/* With a bound of 3/4 of the range, taking remainders would favour the lowest third two to one. */
static void
rng_large_bound_favours_no_part(void)
{
    uint64_t bound = UINT64_MAX / 4 * 3;
    unsigned thirds[3] = {0};
    vl_rng rng;

    vl_rng_init(&rng, 3);
    for (unsigned i = 0; i < 30000; i++)
        thirds[vl_rng_below(&rng, bound) / (bound / 3 + 1)]++;
    for (unsigned i = 0; i < 3; i++)
        CHECK(thirds[i] > 9600 && thirds[i] < 10400);
}

static void
rng_chance_has_sharp_edges(void)
{
    unsigned hits = 0;
    vl_rng rng;

    vl_rng_init(&rng, 4);
    for (unsigned i = 0; i < 1000; i++) {
        CHECK(!vl_rng_chance(&rng, 0, 1));
        CHECK(!vl_rng_chance(&rng, 0, UINT64_MAX));
        CHECK(vl_rng_chance(&rng, 1, 1));
        CHECK(vl_rng_chance(&rng, UINT64_MAX, UINT64_MAX));
        CHECK(vl_rng_chance(&rng, 7, 3));
    }
    for (unsigned i = 0; i < 30000; i++)
        hits += vl_rng_chance(&rng, 1, 3) ? 1 : 0;
    CHECK(hits > 9600 && hits < 10400);
}

static void
rng_fill_writes_little_endian_numbers(void)
{
    uint8_t filled[64];
    vl_rng rng;
    vl_rng same;

    for (size_t size = 0; size <= 40; size++) {
        memset(filled, 0xee, sizeof filled);
        vl_rng_init(&rng, 9);
        vl_rng_init(&same, 9);
        vl_rng_fill(&rng, filled + 3, size);
        for (size_t i = 0; i < size; i += 8) {
            uint64_t word = vl_rng_next(&same);

            for (size_t j = i; j < size && j < i + 8; j++)
                CHECK_EQ(filled[3 + j], (word >> (8 * (j - i))) & 0xff);
        }
        CHECK_EQ(filled[2], 0xee);
        CHECK_EQ(filled[3 + size], 0xee);
        CHECK(memcmp(&rng, &same, sizeof rng) == 0); /* no number drawn in vain */
    }
}

static void
rng_seeds_give_different_sequences(void)
{
    uint64_t seen[1000];
    vl_rng rng;

    for (size_t seed = 0; seed < VL_ARRAY_COUNT(seen); seed++) {
        vl_rng_init(&rng, seed);
        seen[seed] = vl_rng_next(&rng);
        for (size_t i = 0; i < seed; i++)
            CHECK(seen[i] != seen[seed]);
    }
}

static void
rng_below_nothing(void)
{
    vl_rng rng;

    vl_rng_init(&rng, 0);
    (void)vl_rng_below(&rng, 0);
}

static void
rng_bound_of_zero_stops(void)
{
    if (!VL_DEBUG) {
        unit_skip("assertions are off");
        return;
    }
    CHECK(unit_stops(rng_below_nothing));
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(rng_follows_the_reference),
        UNIT_TEST(rng_seed_gives_known_numbers),
        UNIT_TEST(rng_bound_one_is_always_zero),
        UNIT_TEST(rng_stays_below_its_bound),
        UNIT_TEST(rng_power_of_two_takes_the_upper_bits),
        UNIT_TEST(rng_favours_no_value),
        UNIT_TEST(rng_large_bound_favours_no_part),
        UNIT_TEST(rng_chance_has_sharp_edges),
        UNIT_TEST(rng_fill_writes_little_endian_numbers),
        UNIT_TEST(rng_seeds_give_different_sequences),
        UNIT_TEST(rng_bound_of_zero_stops),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
