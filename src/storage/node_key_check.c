/* node_key_check.c - whether the bytes of a page are a key node: what is read from a disk is
 * checked before any function but the optimistic ones sees it.
 *
 * Invariants
 *  N11  Sizes are checked before anything is read that they reach, in the order of the functions
 *       below; a view of a page whose header passed says what the header says.
 *  N12  What passes obeys N4, N5 and N7, and its keys rise as far as a page can tell: long keys
 * with equal parts may stand in any order. */
#include "storage/node_key_int.h"

#define KEY_CHECK_WORD_BITS 64U

/* A page being checked. */
typedef struct key_check {
    const vl_node_key_header *header; /* the page */
    vl_node_key_view view;            /* its numbers, once the header is found right */
    uint32_t fences_size;             /* bytes of the fences */
    uint32_t part_max;                /* of this page size */
    uint32_t records_size;            /* bytes of the records so far */
    uint32_t tombstones;              /* seen so far */
    uint64_t used[VL_PAGE_MAX_SIZE / KEY_CHECK_WORD_BITS]; /* a bit for each byte of a record */
} key_check;

static const char *
key_check_identity(const vl_node_key_header *header)
{
    int is_inner = header->kind == VL_PAGE_KEY_INNER;

    if (!is_inner && header->kind != VL_PAGE_KEY_LEAF)
        return "not a node of a key tree";
    if (is_inner != (header->level > 0) || header->level > VL_NODE_MAX_LEVEL)
        return "impossible level";
    if (header->pid == 0 || header->pid > UINT32_MAX)
        return "impossible page number";
    if (header->flags != 0 || header->zero != 0 || header->zero_too != 0)
        return "unused bytes are not zero";
    if (is_inner != (header->first_child != 0) || (is_inner && header->first_child == header->pid))
        return "impossible child";
    return NULL;
}

static const char *
key_check_sizes(key_check *check, uint32_t page_size)
{
    const vl_node_key_header *header = check->header;
    uint32_t slot_size = (uint32_t)sizeof(vl_node_key_slot);

    if (header->kind == VL_PAGE_KEY_INNER)
        slot_size += (uint32_t)sizeof(vl_pid);
    if (header->room == 0 || header->room % VL_NODE_HEADS_IN_LINE != 0 ||
        header->room > vl_node_key_room_max(page_size, slot_size) || header->count > header->room)
        return "impossible number of entries";
    if (header->low_size > check->part_max || header->high_size > check->part_max ||
        header->prefix_size > header->low_size || header->prefix_size > header->high_size)
        return "impossible fence";
    check->fences_size = (uint32_t)header->low_size + header->high_size - header->prefix_size;
    if (check->fences_size > header->heap_size ||
        vl_node_key_arrays_size(header->room, header->count, slot_size) + header->heap_size >
            page_size)
        return "impossible heap";
    return NULL;
}

/* Whether a key's descriptor fits the size of its part. */
static int
key_check_is_long_right(const key_check *check, uint32_t part, uint32_t total, vl_pid rest)
{
    return part == check->part_max && total > check->part_max && rest != 0;
}

/* Order of two keys: negative, 0 or positive; 0 also for long ones that differ in their rest. */
static int
key_check_compare(const vl_node_key_item *a, const vl_node_key_item *b)
{
    uint32_t common = vl_node_key_common(&a->key, &b->key);
    uint32_t a_size = vl_node_key_pieces_size(&a->key);
    uint32_t b_size = vl_node_key_pieces_size(&b->key);
    uint8_t a_byte = 0;
    uint8_t b_byte = 0;

    if (common < a_size && common < b_size) {
        vl_node_key_pieces_copy(&a->key, common, 1, &a_byte);
        vl_node_key_pieces_copy(&b->key, common, 1, &b_byte);
        return a_byte < b_byte ? -1 : 1;
    }
    if (a_size != b_size)
        return a_size < b_size ? -1 : 1;
    return (a->total_size > 0) - (b->total_size > 0);
}

/* Whether the first key is below the second, as far as the page can tell. */
static int
key_check_is_below(const vl_node_key_item *a, const vl_node_key_item *b)
{
    int order = key_check_compare(a, b);

    return order < 0 || (order == 0 && a->total_size > 0 && a->rest != b->rest);
}

static const char *
key_check_fences(const key_check *check)
{
    const vl_node_key_header *header = check->header;
    vl_node_key_item low;
    vl_node_key_item high;

    vl_node_key_item_of_low(&check->view, &low);
    vl_node_key_item_of_high(&check->view, &high);
    if (vl_node_key_common(&low.key, &high.key) != header->prefix_size)
        return "prefix is not what the fences share";
    if (header->high_size > 0 && !key_check_is_below(&low, &high))
        return "fences out of order";
    if ((header->low_total != 0 || header->low_rest != 0) &&
        !key_check_is_long_right(check, header->low_size, header->low_total, header->low_rest))
        return "impossible fence";
    if ((header->high_total != 0 || header->high_rest != 0) &&
        !key_check_is_long_right(check, header->high_size, header->high_total, header->high_rest))
        return "impossible fence";
    return NULL;
}

/* Note the bytes of a record as used: 0 when one of them is used already. */
static int
key_check_use(key_check *check, uint32_t at, uint32_t size)
{
    for (; size > 0; at++, size--) {
        uint64_t bit = UINT64_C(1) << (at % KEY_CHECK_WORD_BITS);
        uint64_t *word = &check->used[at / KEY_CHECK_WORD_BITS];

        if ((*word & bit) != 0)
            return 0;
        *word |= bit;
    }
    return 1;
}

/* Check that a record lies in the heap alone and is one. */
static const char *
key_check_record(key_check *check, uint32_t index)
{
    const vl_node_key_view *view = &check->view;
    const vl_node_key_slot *slot = vl_node_key_slot_at(view, index);
    uint32_t part = (slot->size & (VL_NODE_KEY_DELETED - 1U)) + view->prefix_size;
    uint32_t end = view->page_size - check->fences_size;
    vl_node_key_record record;
    uint64_t info;

    if (slot->at > check->header->heap_size || slot->at <= check->fences_size)
        return "record outside of the heap";
    if (part > check->part_max)
        return "impossible key size";
    record = vl_node_key_record_at(view, index);
    if (record.at + record.tail_size >= end ||
        vl_varint_get(view->page + record.at + record.tail_size, view->page + end, &info) == NULL ||
        info >> 1 > vl_node_key_value_max(view->page_size) || record.at + record.size > end)
        return "impossible record";
    if (vl_node_key_is_inner(view) && (record.value_size > 0 || record.is_deleted))
        return "inner node with a value";
    if (record.is_long && !key_check_is_long_right(check, part, record.total_size, record.rest))
        return "impossible long key";
    if (!key_check_use(check, record.at, record.size))
        return "records overlap";
    check->records_size += record.size;
    check->tombstones += (uint32_t)record.is_deleted;
    return NULL;
}

/* Check an entry's head and child. */
static const char *
key_check_slot(const key_check *check, uint32_t index)
{
    const vl_node_key_view *view = &check->view;
    uint32_t size = vl_node_key_record_at(view, index).rest_size;
    uint32_t head = vl_node_key_heads(view)[index];
    vl_pid child;

    if (size < VL_NODE_KEY_HEAD_SIZE && (head & (UINT32_MAX >> (8 * size))) != 0)
        return "head is not filled up with zeros";
    if (!vl_node_key_is_inner(view))
        return NULL;
    child = vl_node_key_slot_child(view, index);
    return child == 0 || child == check->header->pid ? "impossible child" : NULL;
}

/* Check that the keys rise, from fence to fence. */
static const char *
key_check_order(const key_check *check)
{
    const vl_node_key_view *view = &check->view;
    vl_node_key_item items[2];
    vl_node_key_item high;

    vl_node_key_item_of_low(view, &items[0]);
    for (uint32_t i = 0; i < view->count; i++) {
        const vl_node_key_item *before = &items[i % 2];
        vl_node_key_item *item = &items[(i + 1) % 2];
        int may_be_equal = i == 0 && !vl_node_key_is_inner(view);

        vl_node_key_item_of_entry(view, i, item);
        if (!key_check_is_below(before, item) &&
            !(may_be_equal && key_check_compare(before, item) == 0))
            return "keys out of order";
    }
    vl_node_key_item_of_high(view, &high);
    if (view->count > 0 && view->high_size > 0 &&
        !key_check_is_below(&items[view->count % 2], &high))
        return "key above the high fence";
    return NULL;
}

static const char *
key_check_entries(key_check *check)
{
    const vl_node_key_header *header = check->header;
    const uint32_t *heads = vl_node_key_heads(&check->view);
    const char *fault = NULL;

    for (uint32_t i = 0; i < header->count && fault == NULL; i++) {
        fault = key_check_record(check, i);
        if (fault == NULL)
            fault = key_check_slot(check, i);
    }
    for (uint32_t i = header->count; i < header->room && fault == NULL; i++)
        if (heads[i] != UINT32_MAX)
            fault = "heads behind the last entry";
    if (fault != NULL)
        return fault;
    if (check->records_size + check->fences_size + header->garbage != header->heap_size)
        return "heap does not add up";
    if (check->tombstones != header->tombstones)
        return "wrong count of tombstones";
    return NULL;
}

const char *
vl_node_key_fault(const void *page, uint32_t page_size)
{
    key_check check;
    const char *fault;

    memset(&check, 0, sizeof check);
    check.header = page;
    check.part_max = vl_node_key_part_max(page_size);
    fault = key_check_identity(check.header);
    if (fault == NULL)
        fault = key_check_sizes(&check, page_size);
    if (fault != NULL)
        return fault;
    check.view = vl_node_key_open(page, page_size);
    fault = key_check_fences(&check);
    if (fault == NULL)
        fault = key_check_entries(&check);
    if (fault == NULL)
        fault = key_check_order(&check);
    return fault;
}
