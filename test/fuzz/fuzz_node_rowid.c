/* fuzz_node_rowid.c - a page of arbitrary bytes: optimistic reads stay inside; a page that passes
 * the check obeys its own rules, and can be split and merged. */
#include "lib/fuzz.h"
#include "storage/node_rowid.h"

#include <string.h>

#define FUZZ_PAGE_SIZE 512U

/* Read through every child and at the edges of its range. */
static void
fuzz_node_rowid_read(const void *page, int is_whole)
{
    uint32_t count = vl_node_rowid_count(page, FUZZ_PAGE_SIZE);

    FUZZ_CHECK(count >= 1 && count <= vl_node_rowid_capacity(FUZZ_PAGE_SIZE));
    for (uint32_t i = 0; i < count; i++) {
        vl_rowid_range range = vl_node_rowid_child_range(page, FUZZ_PAGE_SIZE, i);
        uint32_t first = vl_node_rowid_search(page, FUZZ_PAGE_SIZE, range.first);
        uint32_t last = vl_node_rowid_search(page, FUZZ_PAGE_SIZE, range.last);

        FUZZ_CHECK(first < count && last < count);
        if (!is_whole)
            continue;
        FUZZ_CHECK(first == i && last == i);
        FUZZ_CHECK(vl_node_rowid_search_plain(page, FUZZ_PAGE_SIZE, range.first) == i);
        FUZZ_CHECK(vl_node_rowid_child(page, FUZZ_PAGE_SIZE, i) != 0);
    }
}

/* Split a whole page anywhere and merge it again: the same bytes. */
static void
fuzz_node_rowid_split(void *page, void *right, uint32_t choice)
{
    uint32_t count = vl_node_rowid_count(page, FUZZ_PAGE_SIZE);
    void *copy = aligned_alloc(64, FUZZ_PAGE_SIZE);

    FUZZ_CHECK(copy != NULL);
    memcpy(copy, page, FUZZ_PAGE_SIZE);
    if (count > 1) {
        (void)vl_node_rowid_split(page, right, FUZZ_PAGE_SIZE, UINT32_MAX,
                                  1 + choice % (count - 1));
        FUZZ_CHECK(vl_node_rowid_fault(page, FUZZ_PAGE_SIZE) == NULL);
        FUZZ_CHECK(vl_node_rowid_merge(page, right, FUZZ_PAGE_SIZE) == VL_NODE_DONE);
    }
    FUZZ_CHECK(memcmp(copy, page, FUZZ_PAGE_SIZE) == 0);
    free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *page = aligned_alloc(64, FUZZ_PAGE_SIZE);
    uint8_t *right = aligned_alloc(64, FUZZ_PAGE_SIZE);
    int is_whole;

    FUZZ_CHECK(page != NULL && right != NULL);
    memset(page, 0, FUZZ_PAGE_SIZE);
    if (size > 0)
        memcpy(page, data, size < FUZZ_PAGE_SIZE ? size : FUZZ_PAGE_SIZE);
    is_whole = vl_node_rowid_fault(page, FUZZ_PAGE_SIZE) == NULL;
    fuzz_node_rowid_read(page, is_whole);
    if (is_whole)
        fuzz_node_rowid_split(page, right, page[FUZZ_PAGE_SIZE / 2] + 3U * page[64]);
    free(right);
    free(page);
    return 0;
}
