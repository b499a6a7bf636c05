/* test_bytes.c - fixed and variable-length numbers in byte strings. */
#include "base/bytes.h"
#include "lib/unit.h"

#include <string.h>

static void
bytes_have_a_fixed_order(void)
{
    static const uint8_t bytes[] = {0xff, 0x01, 0x82, 0x03, 0x84, 0x05, 0x86, 0x07, 0x88, 0xff};
    uint8_t stored[10];

    CHECK_EQ(vl_load_le16(bytes + 1), 0x8201);
    CHECK_EQ(vl_load_le32(bytes + 1), 0x84038201U);
    CHECK_EQ(vl_load_le64(bytes + 1), 0x8807860584038201U);
    CHECK_EQ(vl_load_be64(bytes + 1), 0x0182038405860788U);
    memset(stored, 0xff, sizeof stored);
    vl_store_le16(stored + 1, 0x8201);
    CHECK(memcmp(stored, "\xff\x01\x82\xff\xff\xff\xff\xff\xff\xff", 10) == 0);
    vl_store_le32(stored + 1, 0x84038201U);
    CHECK(memcmp(stored, "\xff\x01\x82\x03\x84\xff\xff\xff\xff\xff", 10) == 0);
    vl_store_le64(stored + 1, 0x8807860584038201U);
    CHECK(memcmp(stored, bytes, sizeof bytes) == 0);
    vl_store_be64(stored + 1, 0x8807860584038201U);
    CHECK(memcmp(stored, "\xff\x88\x07\x86\x05\x84\x03\x82\x01\xff", 10) == 0);
}

static void
bytes_need_no_alignment(void)
{
    uint8_t buffer[32];

    for (size_t offset = 0; offset < 16; offset++) {
        memset(buffer, 0xaa, sizeof buffer);
        vl_store_le64(buffer + offset, 0x0102030405060708U);
        CHECK_EQ(vl_load_le64(buffer + offset), 0x0102030405060708U);
        CHECK_EQ(vl_load_le32(buffer + offset), 0x05060708U);
        CHECK_EQ(vl_load_le16(buffer + offset), 0x0708U);
        CHECK_EQ(vl_load_be64(buffer + offset), 0x0807060504030201U);
        CHECK_EQ(buffer[offset + 8], 0xaa);
        CHECK(offset == 0 || buffer[offset - 1] == 0xaa);
    }
}

static void
zigzag_orders_by_distance_from_zero(void)
{
    static const struct {
        int64_t value;  /* signed */
        uint64_t coded; /* small near zero */
    } pairs[] = {
        {0, 0},
        {-1, 1},
        {1, 2},
        {-2, 3},
        {2, 4},
        {63, 126},
        {-64, 127},
        {INT32_MAX, 0xfffffffeU},
        {INT32_MIN, 0xffffffffU},
        {INT64_MAX, UINT64_MAX - 1},
        {INT64_MIN, UINT64_MAX},
        {INT64_MAX - 1, UINT64_MAX - 3},
        {INT64_MIN + 1, UINT64_MAX - 2},
    };
    vl_rng rng;

    for (size_t i = 0; i < VL_ARRAY_COUNT(pairs); i++) {
        CHECK_EQ(vl_zigzag_encode(pairs[i].value), pairs[i].coded);
        CHECK_EQ(vl_zigzag_decode(pairs[i].coded), pairs[i].value);
    }
    vl_rng_init(&rng, unit_seed());
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t coded = vl_rng_next(&rng) >> (i % 64);

        CHECK_EQ(vl_zigzag_encode(vl_zigzag_decode(coded)), coded);
    }
}

/* The format by its description in bytes.h, the slow way: bits one by one. */
static uint32_t
varint_spell(uint64_t value, uint8_t *to)
{
    uint32_t size = 1;

    memset(to, 0, VL_VARINT_MAX_SIZE);
    while (size < 9 && (value >> (7 * size)) != 0)
        size++;
    if (size < 9)
        to[0] = (uint8_t)(1U << (size - 1));
    for (uint32_t bit = 0; bit < 64; bit++) {
        uint32_t at = (size < 9 ? size : 8) + bit;

        if (((value >> bit) & 1U) != 0)
            to[at / 8] |= (uint8_t)(1U << (at % 8));
    }
    return size;
}

/* Whether the value has the right bytes, is read back, and touches no byte beside its own. */
static int
varint_is_right(uint64_t value)
{
    uint8_t wanted[VL_VARINT_MAX_SIZE];
    uint8_t buffer[VL_VARINT_MAX_SIZE + 9];
    uint64_t back = ~value;
    uint32_t size = varint_spell(value, wanted);
    uint8_t *end;

    memset(buffer, 0xee, sizeof buffer);
    end = vl_varint_put(buffer, value);
    if (vl_varint_size(value) != size || end != buffer + size || buffer[size] != 0xee ||
        memcmp(buffer, wanted, size) != 0)
        return 0;
    /* the bytes end with the number, or go on: two ways of reading */
    if (vl_varint_get(buffer, end, &back) != end || back != value)
        return 0;
    back = ~value;
    if (vl_varint_get(buffer, buffer + sizeof buffer, &back) != end || back != value)
        return 0;
    return vl_varint_load(buffer, size) == value;
}

static void
varint_has_fixed_bytes(void)
{
    static const struct {
        uint64_t value;    /* of each length, first and last */
        const char *bytes; /* as written */
        uint32_t size;     /* how many */
    } vectors[] = {
        {0, "\x01", 1},
        {1, "\x03", 1},
        {127, "\xff", 1},
        {128, "\x02\x02", 2},
        {300, "\xb2\x04", 2},
        {16383, "\xfe\xff", 2},
        {16384, "\x04\x00\x02", 3},
        {2097151, "\xfc\xff\xff", 3},
        {2097152, "\x08\x00\x00\x02", 4},
        {268435455, "\xf8\xff\xff\xff", 4},
        {268435456, "\x10\x00\x00\x00\x02", 5},
        {34359738367, "\xf0\xff\xff\xff\xff", 5},
        {34359738368, "\x20\x00\x00\x00\x00\x02", 6},
        {4398046511103, "\xe0\xff\xff\xff\xff\xff", 6},
        {4398046511104, "\x40\x00\x00\x00\x00\x00\x02", 7},
        {562949953421311, "\xc0\xff\xff\xff\xff\xff\xff", 7},
        {562949953421312, "\x80\x00\x00\x00\x00\x00\x00\x02", 8},
        {72057594037927935, "\x80\xff\xff\xff\xff\xff\xff\xff", 8},
        {72057594037927936, "\x00\x00\x00\x00\x00\x00\x00\x00\x01", 9},
        {UINT64_MAX, "\x00\xff\xff\xff\xff\xff\xff\xff\xff", 9},
    };
    uint8_t buffer[VL_VARINT_MAX_SIZE];

    for (size_t i = 0; i < VL_ARRAY_COUNT(vectors); i++) {
        CHECK_EQ(vl_varint_put(buffer, vectors[i].value) - buffer, vectors[i].size);
        CHECK(memcmp(buffer, vectors[i].bytes, vectors[i].size) == 0);
        CHECK(varint_is_right(vectors[i].value));
    }
}

static void
varint_goes_round_for_all_values(void)
{
    vl_rng rng;

    for (uint64_t value = 0; value < 70000; value++)
        CHECK(varint_is_right(value));
    for (unsigned bits = 0; bits < 64; bits++)
        for (uint64_t near = 0; near < 3; near++)
            CHECK(varint_is_right(((uint64_t)1 << bits) + near - 1));
    vl_rng_init(&rng, unit_seed());
    for (unsigned i = 0; i < 100000; i++)
        CHECK(varint_is_right(vl_rng_next(&rng) >> vl_rng_below(&rng, 64)));
}

/* A buffer of exactly the size, so that a read beyond it is found by the address sanitizer. */
static int
varint_is_rejected(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = vl_alloc(unit_ctx(), size);
    uint64_t value = 77;
    int rejected;

    if (copy == NULL)
        return 0;
    if (size > 0)
        memcpy(copy, bytes, size);
    rejected = vl_varint_get(copy, copy + size, &value) == NULL && value == 0;
    vl_free(copy);
    return rejected;
}

static void
varint_rejects_every_truncation(void)
{
    uint8_t buffer[VL_VARINT_MAX_SIZE];
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (unsigned i = 0; i < 5000; i++) {
        uint64_t value = vl_rng_next(&rng) >> vl_rng_below(&rng, 64);
        size_t size = (size_t)(vl_varint_put(buffer, value) - buffer);

        for (size_t cut = 0; cut < size; cut++)
            CHECK(varint_is_rejected(buffer, cut));
    }
}

/* Write `value` in `size` bytes, more than it needs. */
static void
varint_put_overlong(uint8_t *to, uint64_t value, uint32_t size)
{
    memset(to, 0, VL_VARINT_MAX_SIZE);
    if (size == 9)
        vl_store_le64(to + 1, value);
    else
        vl_store_le64(to, ((value << 1) | 1) << (size - 1));
}

static void
varint_rejects_every_overlong_form(void)
{
    uint8_t buffer[VL_VARINT_MAX_SIZE + 8];
    uint64_t value;
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    memset(buffer, 0, sizeof buffer);
    for (unsigned i = 0; i < 5000; i++) {
        uint64_t number = i < 64 ? ((uint64_t)1 << i) - 1 : vl_rng_next(&rng) >> (i % 64);

        for (uint32_t size = vl_varint_size(number) + 1; size <= 9; size++) {
            varint_put_overlong(buffer, number, size);
            CHECK(varint_is_rejected(buffer, size));
            value = 77;
            CHECK(vl_varint_get(buffer, buffer + sizeof buffer, &value) == NULL && value == 0);
        }
    }
}

/* Every input of up to two bytes: what is accepted is the one form of its value. */
static void
varint_inputs_of_two_bytes(void)
{
    uint8_t wanted[VL_VARINT_MAX_SIZE];
    unsigned accepted = 0;
    uint64_t value;

    for (unsigned input = 0; input < 65536; input++) {
        uint8_t bytes[2] = {(uint8_t)input, (uint8_t)(input >> 8)};

        for (size_t size = 0; size <= 2; size++) {
            const uint8_t *end = vl_varint_get(bytes, bytes + size, &value);

            if (end == NULL) {
                CHECK_EQ(value, 0);
                continue;
            }
            accepted++;
            CHECK_EQ(vl_varint_put(wanted, value) - wanted, end - bytes);
            CHECK(memcmp(wanted, bytes, (size_t)(end - bytes)) == 0);
        }
    }
    /* half of the first bytes are a number of one byte, for each second byte and both sizes;
     * 16384 - 128 inputs are a number of two bytes */
    CHECK_EQ(accepted, 2 * 32768 + 16384 - 128);
}

/* Random bytes: accepted means it is the value's own form. */
static void
varint_random_inputs(void)
{
    uint8_t wanted[VL_VARINT_MAX_SIZE];
    uint8_t bytes[12];
    uint64_t value;
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (unsigned i = 0; i < 200000; i++) {
        size_t size = (size_t)vl_rng_below(&rng, sizeof bytes + 1);
        const uint8_t *end;

        vl_rng_fill(&rng, bytes, sizeof bytes);
        if (vl_rng_chance(&rng, 1, 2))
            bytes[0] = (uint8_t)(1U << vl_rng_below(&rng, 9));
        end = vl_varint_get(bytes, bytes + size, &value);
        CHECK(end == NULL || end <= bytes + size);
        if (end != NULL) {
            CHECK_EQ(vl_varint_put(wanted, value) - wanted, end - bytes);
            CHECK(memcmp(wanted, bytes, (size_t)(end - bytes)) == 0);
        }
    }
}

static void
bytes_align_and_powers(void)
{
    CHECK_EQ(vl_align_up(0, 8), 0);
    CHECK_EQ(vl_align_up(1, 8), 8);
    CHECK_EQ(vl_align_up(8, 8), 8);
    CHECK_EQ(vl_align_up(9, 1), 9);
    CHECK_EQ(vl_align_up(((uint64_t)1 << 62) + 1, 4096), ((uint64_t)1 << 62) + 4096);
    CHECK_EQ(vl_align_down(0, 8), 0);
    CHECK_EQ(vl_align_down(7, 8), 0);
    CHECK_EQ(vl_align_down(UINT64_MAX, 4096), UINT64_MAX - 4095);
    CHECK(!vl_is_power_of_two(0));
    CHECK(!vl_is_power_of_two(3));
    CHECK(!vl_is_power_of_two(UINT64_MAX));
    for (unsigned bit = 0; bit < 64; bit++)
        CHECK(vl_is_power_of_two((uint64_t)1 << bit));
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(bytes_have_a_fixed_order),        UNIT_TEST(bytes_need_no_alignment),
        UNIT_TEST(bytes_align_and_powers),          UNIT_TEST(zigzag_orders_by_distance_from_zero),
        UNIT_TEST(varint_has_fixed_bytes),          UNIT_TEST(varint_goes_round_for_all_values),
        UNIT_TEST(varint_rejects_every_truncation), UNIT_TEST(varint_rejects_every_overlong_form),
        UNIT_TEST(varint_inputs_of_two_bytes),      UNIT_TEST(varint_random_inputs),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
