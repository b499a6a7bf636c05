/* fuzz_node_key.c - a page of arbitrary bytes: optimistic reads stay inside; a page that passes the
 * check can be read, searched, changed, split, balanced and merged, and passes it again. */
#include "lib/fuzz.h"
#include "storage/node_key.h"

#include <string.h>

#define FUZZ_PAGE_SIZE 512U
#define FUZZ_PART_MAX  104U

/* What the target works with. */
typedef struct fuzz_node {
    uint8_t *page;    /* the input */
    uint8_t *right;   /* its right half */
    uint8_t *scratch; /* for the functions */
    uint8_t *buffer;  /* a key */
    uint8_t *other;   /* another key */
} fuzz_node;

static uint8_t *
fuzz_node_bytes(size_t size)
{
    uint8_t *bytes = aligned_alloc(64, (size + 63) & ~(size_t)63);

    FUZZ_CHECK(bytes != NULL);
    memset(bytes, 0, size);
    return bytes;
}

/* Read all that may be read of any page. */
static void
fuzz_node_read(const fuzz_node *node, int is_whole)
{
    uint32_t count = vl_node_key_count(node->page, FUZZ_PAGE_SIZE);

    for (uint32_t i = 0; i <= count; i++) {
        vl_node_key_entry entry = vl_node_key_entry_at(node->page, FUZZ_PAGE_SIZE, i, node->buffer);
        vl_node_key_place place;
        vl_node_result result =
            vl_node_key_find(node->page, FUZZ_PAGE_SIZE, &entry.key, NULL, &place);

        FUZZ_CHECK(place.index <= count);
        if (is_whole && i < count && entry.key.rest == 0)
            FUZZ_CHECK(result == VL_NODE_FOUND && place.index == i);
        result = vl_node_key_covers(node->page, FUZZ_PAGE_SIZE, &entry.key, NULL, &place);
        if (is_whole && i < count && entry.key.rest == 0)
            FUZZ_CHECK(result == VL_NODE_FOUND);
        (void)vl_node_key_child(node->page, FUZZ_PAGE_SIZE, i);
    }
    (void)vl_node_key_low(node->page, FUZZ_PAGE_SIZE, node->buffer);
    (void)vl_node_key_high(node->page, FUZZ_PAGE_SIZE, node->buffer);
}

/* Thin out one of two siblings and share out what is left. */
static void
fuzz_node_balance(const fuzz_node *node, int is_left)
{
    uint8_t *thin = is_left ? node->page : node->right;
    vl_node_key_cut cut;
    uint32_t count;

    while (vl_node_key_count(thin, FUZZ_PAGE_SIZE) > 1)
        vl_node_key_remove(thin, FUZZ_PAGE_SIZE, 0);
    count = vl_node_key_count(node->page, FUZZ_PAGE_SIZE) +
            vl_node_key_count(node->right, FUZZ_PAGE_SIZE);
    if (vl_node_key_balance_point(node->page, node->right, FUZZ_PAGE_SIZE, node->buffer, &cut) !=
        VL_NODE_DONE)
        return;
    vl_node_key_balance(node->page, node->right, node->scratch, FUZZ_PAGE_SIZE, &cut);
    FUZZ_CHECK(vl_node_key_fault(node->page, FUZZ_PAGE_SIZE) == NULL);
    FUZZ_CHECK(vl_node_key_fault(node->right, FUZZ_PAGE_SIZE) == NULL);
    FUZZ_CHECK(vl_node_key_count(node->page, FUZZ_PAGE_SIZE) +
                   vl_node_key_count(node->right, FUZZ_PAGE_SIZE) ==
               count);
}

/* Split a whole page where it wants to be split, and merge it again. */
static void
fuzz_node_split(const fuzz_node *node, uint32_t count)
{
    vl_node_key_entry last =
        vl_node_key_entry_at(node->page, FUZZ_PAGE_SIZE, count - 1, node->other);
    vl_node_key_cut cut;

    if (count < 2 || vl_node_key_split_point(node->page, FUZZ_PAGE_SIZE, 0, &last.key, node->buffer,
                                             &cut) != VL_NODE_DONE)
        return;
    vl_node_key_split(node->page, node->right, node->scratch, FUZZ_PAGE_SIZE, UINT32_MAX, &cut);
    FUZZ_CHECK(vl_node_key_fault(node->page, FUZZ_PAGE_SIZE) == NULL);
    FUZZ_CHECK(vl_node_key_fault(node->right, FUZZ_PAGE_SIZE) == NULL);
    fuzz_node_balance(node, last.value_size % 2 == 0);
    count = vl_node_key_count(node->page, FUZZ_PAGE_SIZE) +
            vl_node_key_count(node->right, FUZZ_PAGE_SIZE) + (last.child != 0);
    FUZZ_CHECK(vl_node_key_merge(node->page, node->right, node->scratch, FUZZ_PAGE_SIZE) ==
               VL_NODE_DONE);
    FUZZ_CHECK(vl_node_key_count(node->page, FUZZ_PAGE_SIZE) == count);
}

/* Change a whole page in each way. */
static void
fuzz_node_change(const fuzz_node *node)
{
    uint32_t count = vl_node_key_count(node->page, FUZZ_PAGE_SIZE);
    vl_node_key_entry entry;

    if (count == 0)
        return;
    fuzz_node_split(node, count);
    count = vl_node_key_count(node->page, FUZZ_PAGE_SIZE);
    if (count == 0)
        return;
    vl_node_key_compact(node->page, node->scratch, FUZZ_PAGE_SIZE);
    FUZZ_CHECK(vl_node_key_fault(node->page, FUZZ_PAGE_SIZE) == NULL);
    entry = vl_node_key_entry_at(node->page, FUZZ_PAGE_SIZE, count / 2, node->buffer);
    if (entry.child == 0) {
        vl_node_key_mark(node->page, FUZZ_PAGE_SIZE, count / 2, !entry.is_deleted);
        FUZZ_CHECK(vl_node_key_replace(node->page, node->scratch, FUZZ_PAGE_SIZE, count / 2,
                                       "value", 5) != VL_NODE_TIE);
        FUZZ_CHECK(vl_node_key_fault(node->page, FUZZ_PAGE_SIZE) == NULL);
    }
    vl_node_key_remove(node->page, FUZZ_PAGE_SIZE, count / 2);
    FUZZ_CHECK(vl_node_key_fault(node->page, FUZZ_PAGE_SIZE) == NULL);
    entry.value = NULL;
    entry.value_size = 0;
    FUZZ_CHECK(vl_node_key_insert(node->page, node->scratch, FUZZ_PAGE_SIZE, count / 2, &entry) !=
               VL_NODE_TIE);
    FUZZ_CHECK(vl_node_key_fault(node->page, FUZZ_PAGE_SIZE) == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_node node = {fuzz_node_bytes(FUZZ_PAGE_SIZE), fuzz_node_bytes(FUZZ_PAGE_SIZE),
                      fuzz_node_bytes(FUZZ_PAGE_SIZE), fuzz_node_bytes(FUZZ_PART_MAX),
                      fuzz_node_bytes(FUZZ_PART_MAX)};
    int is_whole;

    FUZZ_CHECK(vl_node_key_part_max(FUZZ_PAGE_SIZE) == FUZZ_PART_MAX);
    if (size > 0)
        memcpy(node.page, data, size < FUZZ_PAGE_SIZE ? size : FUZZ_PAGE_SIZE);
    is_whole = vl_node_key_fault(node.page, FUZZ_PAGE_SIZE) == NULL;
    fuzz_node_read(&node, is_whole);
    if (is_whole)
        fuzz_node_change(&node);
    free(node.page);
    free(node.right);
    free(node.scratch);
    free(node.buffer);
    free(node.other);
    return 0;
}
