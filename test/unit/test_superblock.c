/* test_superblock.c - superblocks: bytes, damage, and the choice between two. */
#include "base/bytes.h"
#include "base/hash.h"
#include "lib/unit.h"
#include "storage/page.h"
#include "storage/superblock.h"

#include <string.h>

static vl_superblock
some_superblock(uint64_t checkpoint)
{
    vl_superblock super = {
        .format = VL_FORMAT_VERSION,
        .oldest_reader = VL_FORMAT_OLDEST,
        .page_size = VL_PAGE_DEFAULT_SIZE,
        .block_size = VL_PAGE_MIN_SIZE,
        .database_id = "0123456789abcde",
        .checkpoint = checkpoint,
        .published = 777,
        .log_generation = 3,
        .log_position = UINT64_C(0x123456789a),
        .log_salt = UINT64_MAX,
        .block_count = 1000,
        .page_end = 90,
        .next_tree = 7,
        .map_root = {.address = 2, .length = 4, .height = 1, .checksum = 11},
        .space_root = {.address = 990, .length = 10, .height = 0, .checksum = 12},
        .inflight_root = {.address = 6, .length = 1, .height = 0, .checksum = 13},
        .flags = VL_SUPER_CLEAN,
    };

    return super;
}

/* Give changed bytes a checksum that fits. */
static void
seal(uint8_t bytes[VL_SUPER_SIZE], uint32_t block)
{
    vl_store_le64(bytes + VL_SUPER_SIZE - 8, vl_hash64(bytes, VL_SUPER_SIZE - 8, block));
}

static void
superblock_round_trips(void)
{
    for (uint32_t block = 0; block < VL_SUPER_COUNT; block++) {
        vl_superblock super = some_superblock(5);
        vl_superblock got;
        uint8_t bytes[VL_SUPER_SIZE];
        uint8_t again[VL_SUPER_SIZE];

        vl_superblock_encode(&super, block, bytes);
        CHECK_OK(vl_superblock_decode(unit_ctx(), "db", block, bytes, &got));
        vl_superblock_encode(&got, block, again);
        CHECK(memcmp(bytes, again, sizeof bytes) == 0);
        CHECK_EQ(got.log_position, super.log_position);
        CHECK_EQ(got.space_root.address, 990);
        CHECK_EQ(got.flags, VL_SUPER_CLEAN);
    }
}

/* The bytes are part of the file format: they may not change without a new version of it. */
static void
superblock_bytes_are_fixed(void)
{
    vl_superblock super = some_superblock(5);
    uint8_t bytes[VL_SUPER_SIZE];

    vl_superblock_encode(&super, 0, bytes);
    CHECK(memcmp(bytes, "VelociDB\r\n\x1a\n\0\0\0\0", 16) == 0);
    CHECK_EQ(vl_load_le64(bytes + 48), 5);
    CHECK_EQ(vl_load_le64(bytes + 72), 0x123456789a);
    CHECK_EQ(vl_load_le64(bytes + 136), 990);
    CHECK_EQ(vl_load_le64(bytes + 176), 13);
}

static void
superblock_every_flipped_bit_is_found(void)
{
    vl_superblock super = some_superblock(5);
    uint8_t bytes[VL_SUPER_SIZE];

    vl_superblock_encode(&super, 1, bytes);
    for (uint32_t bit = 0; bit < 8 * VL_SUPER_SIZE; bit++) {
        vl_superblock got;
        velo_status st;

        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        st = vl_superblock_decode(unit_ctx(), "db", 1, bytes, &got);
        CHECK_EQ(st, bit < 8 * 16 ? VELO_NOTADB : VELO_CORRUPT);
        CHECK_CONTAINS(unit_ctx()->error.text, "\"db\"");
        bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
}

static void
superblock_in_the_others_place_is_found(void)
{
    vl_superblock super = some_superblock(5);
    vl_superblock got;
    uint8_t bytes[VL_SUPER_SIZE];

    vl_superblock_encode(&super, 0, bytes);
    CHECK_STATUS(vl_superblock_decode(unit_ctx(), "db", 1, bytes, &got), VELO_CORRUPT);
}

static void
superblock_fields_out_of_limits_are_found(void)
{
    static const struct {
        uint32_t at;      /* where */
        uint64_t value;   /* what is put there, 8 bytes */
        const char *name; /* what the message says */
    } wrong[] = {
        {24, 0, "page size"},
        {24, (UINT64_C(512) << 32) | 12288, "page size"},
        {24, (UINT64_C(131072) << 32) | 65536, "block size"},
        {24, (UINT64_C(256) << 32) | 65536, "block size"},
        {48, 0, "counters"},
        {48, UINT64_C(1) << 63, "counters"},
        {64, 0, "counters"},
        {88, 1, "block count"},
        {88, UINT64_MAX, "block count"},
        {112, 1, "page map"},
        {112, 1000, "page map"},
        {112, 997, "page map"},
        {120, 0, "page map"},
        {136, 0, "free space"},
        {160, UINT64_MAX - 1, "in flight"},
        {184, 3, "flags"},
        {184, 4, "flags"},
        {192, 1, "reserved"},
        {496, UINT64_C(1) << 63, "reserved"},
    };
    vl_superblock super = some_superblock(5);

    for (size_t i = 0; i < VL_ARRAY_COUNT(wrong); i++) {
        uint8_t bytes[VL_SUPER_SIZE];
        vl_superblock got;

        vl_superblock_encode(&super, 0, bytes);
        vl_store_le64(bytes + wrong[i].at, wrong[i].value);
        seal(bytes, 0);
        CHECK_STATUS(vl_superblock_decode(unit_ctx(), "db", 0, bytes, &got), VELO_CORRUPT);
        CHECK_CONTAINS(unit_ctx()->error.text, wrong[i].name);
    }
}

static void
superblock_of_others_is_named(void)
{
    uint8_t bytes[VL_SUPER_SIZE] = "SQLite format 3";
    vl_superblock super = some_superblock(5);
    vl_superblock got;

    CHECK_STATUS(vl_superblock_decode(unit_ctx(), "a.db", 0, bytes, &got), VELO_NOTADB);
    CHECK_CONTAINS(unit_ctx()->error.text, "SQLite");
    memset(bytes, 0, sizeof bytes);
    CHECK_STATUS(vl_superblock_decode(unit_ctx(), "a.db", 0, bytes, &got), VELO_NOTADB);
    CHECK_CONTAINS(unit_ctx()->error.text, "a.db");
    super.format = VL_FORMAT_VERSION + 2;
    super.oldest_reader = VL_FORMAT_VERSION + 1;
    vl_superblock_encode(&super, 0, bytes);
    CHECK_STATUS(vl_superblock_decode(unit_ctx(), "a.db", 0, bytes, &got), VELO_CANTOPEN);
    CHECK_CONTAINS(unit_ctx()->error.text, "newer version");
}

/* A newer format that says that this version can read it is read. */
static void
superblock_of_a_compatible_newer_format_is_read(void)
{
    vl_superblock super = some_superblock(5);
    vl_superblock got;
    uint8_t bytes[VL_SUPER_SIZE];

    super.format = VL_FORMAT_VERSION + 1;
    vl_superblock_encode(&super, 0, bytes);
    CHECK_OK(vl_superblock_decode(unit_ctx(), "db", 0, bytes, &got));
    CHECK_EQ(got.format, VL_FORMAT_VERSION + 1);
}

/* Choose between two checkpoints; 0 stands for bytes that are damaged, UINT64_MAX for absent. */
static velo_status
choose(uint64_t first, uint64_t second, vl_superblock *super, uint32_t *block)
{
    uint64_t numbers[VL_SUPER_COUNT] = {first, second};
    uint8_t bytes[VL_SUPER_COUNT][VL_SUPER_SIZE];
    const uint8_t *given[VL_SUPER_COUNT] = {bytes[0], bytes[1]};

    for (uint32_t i = 0; i < VL_SUPER_COUNT; i++) {
        vl_superblock one = some_superblock(numbers[i]);

        vl_superblock_encode(&one, i, bytes[i]);
        if (numbers[i] == UINT64_MAX)
            given[i] = NULL;
        else if (numbers[i] == 0)
            bytes[i][300] ^= 1;
    }
    return vl_superblock_choose(unit_ctx(), "db", given, super, block);
}

static void
superblock_newest_valid_one_is_chosen(void)
{
    vl_superblock super;
    uint32_t block;

    CHECK_OK(choose(4, 5, &super, &block));
    CHECK(block == 1 && super.checkpoint == 5);
    CHECK_OK(choose(6, 5, &super, &block));
    CHECK(block == 0 && super.checkpoint == 6);
    CHECK_OK(choose(5, 0, &super, &block));
    CHECK(block == 0 && super.checkpoint == 5);
    CHECK_OK(choose(0, 5, &super, &block));
    CHECK(block == 1 && super.checkpoint == 5);
    CHECK_OK(choose(1, UINT64_MAX, &super, &block));
    CHECK(block == 0 && super.checkpoint == 1);
    CHECK_EQ(unit_ctx()->error.code, VELO_OK);
    CHECK_STATUS(choose(0, 0, &super, &block), VELO_CORRUPT);
    CHECK_STATUS(choose(0, UINT64_MAX, &super, &block), VELO_CORRUPT);
    CHECK_STATUS(choose(UINT64_MAX, UINT64_MAX, &super, &block), VELO_NOTADB);
    CHECK_OK(choose(5, 5, &super, &block)); /* the same, written twice */
}

static void
superblock_strangers_are_not_mixed(void)
{
    vl_superblock one = some_superblock(5);
    vl_superblock two = some_superblock(5);
    uint8_t bytes[VL_SUPER_COUNT][VL_SUPER_SIZE];
    const uint8_t *given[VL_SUPER_COUNT] = {bytes[0], bytes[1]};
    vl_superblock super;
    uint32_t block;

    two.published++;
    vl_superblock_encode(&one, 0, bytes[0]);
    vl_superblock_encode(&two, 1, bytes[1]);
    CHECK_STATUS(vl_superblock_choose(unit_ctx(), "db", given, &super, &block), VELO_CORRUPT);
    CHECK_CONTAINS(unit_ctx()->error.text, "both are of checkpoint 5");
    two.checkpoint = 6;
    two.database_id[3] ^= 1;
    vl_superblock_encode(&two, 1, bytes[1]);
    CHECK_STATUS(vl_superblock_choose(unit_ctx(), "db", given, &super, &block), VELO_CORRUPT);
    CHECK_CONTAINS(unit_ctx()->error.text, "different databases");
    two = some_superblock(6);
    two.oldest_reader = VL_FORMAT_VERSION + 1;
    vl_superblock_encode(&two, 1, bytes[1]);
    CHECK_STATUS(vl_superblock_choose(unit_ctx(), "db", given, &super, &block), VELO_CANTOPEN);
}

static const unit_test tests[] = {
    UNIT_TEST(superblock_round_trips),
    UNIT_TEST(superblock_bytes_are_fixed),
    UNIT_TEST(superblock_every_flipped_bit_is_found),
    UNIT_TEST(superblock_in_the_others_place_is_found),
    UNIT_TEST(superblock_fields_out_of_limits_are_found),
    UNIT_TEST(superblock_of_others_is_named),
    UNIT_TEST(superblock_of_a_compatible_newer_format_is_read),
    UNIT_TEST(superblock_newest_valid_one_is_chosen),
    UNIT_TEST(superblock_strangers_are_not_mixed),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
