/* test_pagemap.c - the bytes of map pages: arithmetic, entries, checks. */
#include "lib/unit.h"
#include "storage/pagemap.h"

#include <string.h>

static const uint32_t pagemap_sizes[] = {512, 4096, 8192, 16384, 32768, 65536};

static vl_extent
pagemap_extent(uint64_t address)
{
    vl_extent extent = {.address = address,
                        .length = 1 + (uint32_t)(address % 255),
                        .encoding = VL_PAGEMAP_PLAIN,
                        .checksum = address * 77 + 1};

    return extent;
}

static int
pagemap_same(const vl_extent *a, const vl_extent *b)
{
    return a->address == b->address && a->length == b->length && a->encoding == b->encoding &&
           a->checksum == b->checksum;
}

/* Every number has one entry in one page of each level, and every map page's number is one of the
 * first four of a range, and no other's. */
static void
pagemap_numbers_have_one_place(void)
{
    for (size_t s = 0; s < VL_ARRAY_COUNT(pagemap_sizes); s++) {
        uint32_t size = pagemap_sizes[s];
        uint64_t end = vl_pagemap_end(size);
        vl_rng rng;

        vl_rng_init(&rng, unit_seed() + s);
        CHECK(end <= UINT64_C(1) << 32);
        CHECK(size <= 4096 || end == UINT64_C(1) << 32);
        CHECK(size != 4096 || end > UINT64_C(4000000000));
        for (unsigned i = 0; i < 2000; i++) {
            vl_pid pid = (vl_pid)(i < 1000 ? i : vl_rng_below(&rng, end));

            for (uint32_t level = 0; level < VL_PAGEMAP_LEVELS; level++) {
                uint64_t span = vl_pagemap_span(size, level);
                vl_pid own = vl_pagemap_pid(size, level, pid);
                uint32_t index = vl_pagemap_index(size, level, pid);

                CHECK(vl_pagemap_is_own(size, own));
                CHECK_EQ(own % (size / 16), level);
                CHECK_EQ((own - level) % span, 0);
                CHECK(pid >= own - level && pid - (own - level) < span);
                CHECK(index < size / 16);
                CHECK(index >= VL_PAGEMAP_FIRST || (level == 0 && vl_pagemap_is_own(size, pid)));
                if (level > 0) {
                    uint64_t below = vl_pagemap_span(size, level - 1);
                    uint64_t first = own - level + (index - VL_PAGEMAP_FIRST) * below;

                    CHECK(pid >= first && pid - first < below);
                    CHECK_EQ(vl_pagemap_index(size, level, (vl_pid)first), index);
                }
            }
        }
    }
}

static void
pagemap_entries_come_back(void)
{
    static uint8_t page[65536];

    for (size_t s = 0; s < VL_ARRAY_COUNT(pagemap_sizes); s++) {
        uint32_t size = pagemap_sizes[s];
        uint32_t fanout = vl_pagemap_fanout(size);

        vl_pagemap_init(page, size, 0);
        for (uint32_t i = VL_PAGEMAP_FIRST; i < fanout; i++) {
            vl_extent extent = pagemap_extent(i * UINT64_C(1073741827) % VL_VOLUME_MAX_BLOCKS);
            vl_extent back;

            CHECK_EQ(vl_pagemap_find_empty(page, size, 0), i);
            CHECK(!vl_pagemap_is_full(page, size));
            vl_pagemap_set(page, i, &extent);
            back = vl_pagemap_get(page, i);
            CHECK(pagemap_same(&extent, &back));
        }
        CHECK(vl_pagemap_is_full(page, size));
        CHECK_EQ(vl_pagemap_find_empty(page, size, 7), fanout);
        CHECK_EQ(vl_pagemap_seal(page, size), 0);
        CHECK(vl_pagemap_fault(page, size, 0) == NULL);
    }
}

static void
pagemap_full_is_said_by_entries_of_upper_levels(void)
{
    static uint8_t page[512];
    vl_extent extent = pagemap_extent(9);
    vl_extent back;

    vl_pagemap_init(page, 512, 1);
    for (uint32_t i = VL_PAGEMAP_FIRST; i < 32; i++) {
        vl_pagemap_set_full(page, i, 1); /* of an empty entry nothing is known */
        CHECK(!vl_pagemap_entry_is_full(page, i));
        vl_pagemap_set(page, i, &extent);
        CHECK(!vl_pagemap_is_full(page, 512));
    }
    for (uint32_t i = VL_PAGEMAP_FIRST; i < 32; i++) {
        CHECK(!vl_pagemap_is_full(page, 512));
        vl_pagemap_set_full(page, i, 1);
        CHECK(vl_pagemap_entry_is_full(page, i));
        back = vl_pagemap_get(page, i);
        CHECK(pagemap_same(&extent, &back));
    }
    CHECK(vl_pagemap_is_full(page, 512));
    (void)vl_pagemap_seal(page, 512);
    CHECK(vl_pagemap_fault(page, 512, 1) == NULL);
    vl_pagemap_set_full(page, 20, 0);
    CHECK(!vl_pagemap_is_full(page, 512));
    vl_pagemap_set_full(page, 20, 1);
    vl_pagemap_set(page, 20, &extent); /* clears it */
    CHECK(!vl_pagemap_is_full(page, 512));
}

/* Images have no reserved entries. */
static void
pagemap_seal_drops_what_is_reserved(void)
{
    static uint8_t page[512];
    static const vl_extent reserved = {.encoding = VL_PAGEMAP_RESERVED};
    vl_extent extent = pagemap_extent(5);

    vl_pagemap_init(page, 512, 32);
    vl_pagemap_set(page, 4, &extent);
    vl_pagemap_set(page, 5, &reserved);
    vl_pagemap_set(page, 31, &reserved);
    CHECK(vl_pagemap_fault(page, 512, 32) != NULL);
    CHECK_EQ(vl_pagemap_find_empty(page, 512, 4), 6);
    CHECK_EQ(vl_pagemap_seal(page, 512), 2);
    CHECK(vl_pagemap_fault(page, 512, 32) == NULL);
    CHECK_EQ(((vl_page_header *)(void *)page)->count, 1);
    CHECK_EQ(vl_pagemap_find_empty(page, 512, 4), 5);
}

/* Whatever one byte is changed to, the page is refused, or its entries are valid ones. */
static void
pagemap_fault_finds_wrong_bytes(void)
{
    static uint8_t page[512];
    static uint8_t copy[512];
    unsigned accepted = 0;

    vl_pagemap_init(page, 512, 64 * 28 + 1);
    for (uint32_t i = VL_PAGEMAP_FIRST; i < 32; i += 2) {
        vl_extent extent = pagemap_extent(1000 + i);

        vl_pagemap_set(page, i, &extent);
    }
    (void)vl_pagemap_seal(page, 512);
    CHECK(vl_pagemap_fault(page, 512, 64 * 28 + 1) == NULL);
    for (uint32_t at = 0; at < 512; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(copy, page, sizeof copy);
            copy[at] = (uint8_t)(copy[at] ^ (1U << bit));
            if (vl_pagemap_fault(copy, 512, 64 * 28 + 1) != NULL)
                continue;
            accepted++;
            CHECK(at >= 64); /* every bit of the header matters */
            CHECK(vl_pagemap_get(copy, at / 16).encoding == VL_PAGEMAP_PLAIN);
        }
    }
    CHECK(accepted > 0);
    CHECK(vl_pagemap_fault(page, 512, 1) != NULL);               /* another's place */
    CHECK(vl_pagemap_fault(page, 512, 64 * 28 + 2) != NULL);     /* another level */
    CHECK(vl_pagemap_fault(page, 512, 64 * 28 + 1 + 9) != NULL); /* no map page has that number */
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(pagemap_numbers_have_one_place),
        UNIT_TEST(pagemap_entries_come_back),
        UNIT_TEST(pagemap_full_is_said_by_entries_of_upper_levels),
        UNIT_TEST(pagemap_seal_drops_what_is_reserved),
        UNIT_TEST(pagemap_fault_finds_wrong_bytes),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
