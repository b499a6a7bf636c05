/* test_hash.c - the checksum of pages and records is XXH3, and the mixer is a bijection. */
#include "base/hash.h"

#include "base/cpu.h"
#include "base/hash_int.h"
#include "lib/unit.h"

#include <string.h>

#define HASH_PRIME32 2654435761U
#define HASH_PRIME64 0x9e3779b185ebca8dU

/* The buffer that xxHash's own sanity test hashes. */
static void
hash_fill_reference(uint8_t *data, size_t size)
{
    uint64_t generator = HASH_PRIME32;

    for (size_t i = 0; i < size; i++) {
        data[i] = (uint8_t)(generator >> 56);
        generator *= HASH_PRIME64;
    }
}

/* Values that xxHash publishes with its sanity test, one or more for each of its code paths. */
static const struct {
    size_t size;     /* of the reference buffer's start */
    uint64_t plain;  /* seed 0 */
    uint64_t seeded; /* seed HASH_PRIME64 */
} hash_published[] = {
    {0, 0x2d06800538d394c2U, 0xa8a6b918b2f0364aU},
    {1, 0xc44bdff4074eecdbU, 0x032be332dd766ef8U},
    {6, 0x27b56a84cd2d7325U, 0x84589c116ab59ab9U},
    {12, 0xa713daf0dfbb77e7U, 0xe7303e1b2336de0eU},
    {24, 0xa3fe70bf9d3510ebU, 0x850e80fc35bdd690U},
    {48, 0x397da259ecba1f11U, 0xadc2cbaa44acc616U},
    {80, 0xbcdefbbb2c47c90aU, 0xc6dd0cb699532e73U},
    {195, 0xcd94217ee362ec3aU, 0xba68003d370cb3d9U},
    {403, 0xcdeb804d65c6dea4U, 0x6259f6ecfd6443fdU},
    {512, 0x617e49599013cb6bU, 0x3ce457de14c27708U},
    {2048, 0xdd59e2c3a5f038e0U, 0x66f81670669ababcU},
    {2240, 0x6e73a90539cf2948U, 0x757ba8487d1b5247U},
    {2367, 0xcb37aeb9e5d361edU, 0xd2db3415b942b42aU},
};

static void
hash_gives_the_published_values(void)
{
    uint8_t data[2367];

    hash_fill_reference(data, sizeof data);
    for (size_t i = 0; i < VL_ARRAY_COUNT(hash_published); i++) {
        CHECK_EQ(vl_hash64(data, hash_published[i].size, 0), hash_published[i].plain);
        CHECK_EQ(vl_hash64(data, hash_published[i].size, HASH_PRIME64), hash_published[i].seeded);
    }
    CHECK_EQ(vl_hash64(NULL, 0, 0), 0x2d06800538d394c2U);
    CHECK_EQ(vl_hash64("a", 1, 0), 0xe6c632b61e964e1fU);
    CHECK_EQ(vl_hash64("abc", 3, 0), 0x78af5f94892f3950U);
}

/* Each set of vectors that this machine has gives the same: the published values, and one another's
 * for other sizes and places. */
static void
hash_is_the_same_with_all_vectors(void)
{
#if VL_HASH_IS_WIDE
    static uint8_t data[70000];
    vl_cpu_level level = vl_cpu()->level;

    if (level < VL_CPU_AVX2) {
        unit_skip("no wide vectors");
        return;
    }
    hash_fill_reference(data, sizeof data);
    for (size_t i = 0; i < VL_ARRAY_COUNT(hash_published); i++) {
        size_t size = hash_published[i].size;

        CHECK_EQ(vl_hash64_avx2(data, size, HASH_PRIME64), hash_published[i].seeded);
        if (level >= VL_CPU_AVX512)
            CHECK_EQ(vl_hash64_avx512(data, size, HASH_PRIME64), hash_published[i].seeded);
    }
    for (size_t size = 0; size < sizeof data - 64; size += 1 + size / 13) {
        uint64_t wanted = vl_hash64_avx2(data + size % 64, size, size);

        CHECK_EQ(vl_hash64(data + size % 64, size, size), wanted);
        if (level >= VL_CPU_AVX512)
            CHECK_EQ(vl_hash64_avx512(data + size % 64, size, size), wanted);
    }
#else
    unit_skip("no wide vectors");
#endif
}

static void
hash_does_not_depend_on_alignment(void)
{
    static const size_t sizes[] = {1, 3, 8, 9, 16, 17, 128, 129, 240, 241, 512, 1024, 4096};
    static uint8_t data[4096 + 64];
    static uint8_t moved[4096 + 64];

    hash_fill_reference(data, sizeof data);
    for (size_t i = 0; i < VL_ARRAY_COUNT(sizes); i++) {
        uint64_t wanted = vl_hash64(data, sizes[i], 7);

        for (size_t offset = 1; offset < 64; offset++) {
            memcpy(moved + offset, data, sizes[i]);
            CHECK_EQ(vl_hash64(moved + offset, sizes[i], 7), wanted);
        }
    }
}

/* What a checksum is for: a flipped bit, a missing byte and another seed are all noticed. */
static void
hash_notices_small_changes(void)
{
    uint8_t data[300];

    hash_fill_reference(data, sizeof data);
    for (size_t size = 1; size <= sizeof data; size = size * 2 + 1) {
        uint64_t right = vl_hash64(data, size, 0);

        for (size_t bit = 0; bit < 8 * size; bit++) {
            data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            CHECK(vl_hash64(data, size, 0) != right);
            data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
        CHECK(vl_hash64(data, size - 1, 0) != right);
        for (unsigned bit = 0; bit < 64; bit++)
            CHECK(vl_hash64(data, size, (uint64_t)1 << bit) != right);
        CHECK_EQ(vl_hash64(data, size, 0), right);
    }
}

static void
hash_of_zeros_depends_on_their_number(void)
{
    static const uint8_t zeros[600];
    uint64_t seen[600];

    for (size_t size = 0; size < VL_ARRAY_COUNT(seen); size++) {
        seen[size] = vl_hash64(zeros, size, 0);
        for (size_t i = 0; i < size; i++)
            CHECK(seen[i] != seen[size]);
    }
}

/* Undo `x ^= x >> shift`. */
static uint64_t
hash_unshift(uint64_t value, unsigned shift)
{
    uint64_t result = value;

    for (unsigned i = 0; i < 64 / shift; i++)
        result = value ^ (result >> shift);
    return result;
}

/* The inverse of an odd number modulo 2^64, by Newton's iteration. */
static uint64_t
hash_inverse(uint64_t odd)
{
    uint64_t inverse = odd;

    for (unsigned i = 0; i < 5; i++)
        inverse *= 2 - odd * inverse;
    return inverse;
}

static void
mix_is_a_bijection(void)
{
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t value = i < 64 ? (uint64_t)1 << i : i < 1000 ? i : vl_rng_next(&rng);
        uint64_t back = hash_unshift(vl_mix64(value), 31) * hash_inverse(0x94d049bb133111ebU);

        back = hash_unshift(back, 27) * hash_inverse(0xbf58476d1ce4e5b9U);
        CHECK_EQ(hash_unshift(back, 30), value);
    }
    CHECK_EQ(vl_mix64(0), 0);
}

/* Each input bit flips each output bit about half of the time. */
static void
mix_spreads_every_bit(void)
{
    enum {
        SAMPLES = 1000
    };
    vl_rng rng;

    for (unsigned in = 0; in < 64; in++) {
        unsigned flips[64] = {0};

        vl_rng_init(&rng, 1);
        for (unsigned i = 0; i < SAMPLES; i++) {
            uint64_t value = vl_rng_next(&rng);
            uint64_t changed = vl_mix64(value) ^ vl_mix64(value ^ ((uint64_t)1 << in));

            for (unsigned out = 0; out < 64; out++)
                flips[out] += (unsigned)(changed >> out) & 1U;
        }
        for (unsigned out = 0; out < 64; out++)
            CHECK(flips[out] > SAMPLES * 2 / 5 && flips[out] < SAMPLES * 3 / 5);
    }
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(hash_gives_the_published_values),
        UNIT_TEST(hash_is_the_same_with_all_vectors),
        UNIT_TEST(hash_does_not_depend_on_alignment),
        UNIT_TEST(hash_notices_small_changes),
        UNIT_TEST(hash_of_zeros_depends_on_their_number),
        UNIT_TEST(mix_is_a_bijection),
        UNIT_TEST(mix_spreads_every_bit),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
