/* node_key_read.c - searching and reading key nodes.
 *
 * Invariants
 *   N1  Whatever a page holds, every address lies within it: the view clamps room, count and the
 *       sizes of prefix and fences, a record clamps what its slot says, and both are read once.
 *   N2  A search ends: each step makes the range it looks at smaller.
 *   N3  Heads of equal value decide nothing. Behind them come tails, and where these are equal the
 *       shorter key is lower: zeros that fill up a head count as less than any byte. */
#include "storage/node_key_int.h"

/* What is sought, cut as the page's entries are. */
typedef struct node_key_probe {
    const uint8_t *tail; /* bytes behind the head */
    uint32_t tail_size;  /* how many */
    uint32_t rest_size;  /* bytes behind the prefix */
    uint32_t head;       /* first four of these */
    int is_long;         /* 1: what follows the part is not compared here */
} node_key_probe;

/* Bytes at any address that may change meanwhile. That they may be of different moments does not
 * matter; volatile, so that they are read once. */
typedef uint64_t node_key_bytes8 __attribute__((aligned(1), may_alias));
typedef uint32_t node_key_bytes4 __attribute__((aligned(1), may_alias));

static inline uint64_t
node_key_load8(const uint8_t *from)
{
    return __builtin_bswap64(*(const volatile node_key_bytes8 *)(const void *)from);
}

static inline uint32_t
node_key_load4(const uint8_t *from)
{
    return __builtin_bswap32(*(const volatile node_key_bytes4 *)(const void *)from);
}

/* Fewer than 8 bytes as a number that has their order among strings of the same size. */
static inline uint64_t
node_key_load_few(const uint8_t *from, uint32_t size)
{
    if (size >= 4)
        return ((uint64_t)node_key_load4(from) << 32) | node_key_load4(from + size - 4);
    if (size == 0)
        return 0;
    return ((uint32_t)vl_racy_load8(from) << 16) | ((uint32_t)vl_racy_load8(from + size / 2) << 8) |
           vl_racy_load8(from + size - 1);
}

/* memcmp of bytes of a key with bytes in a page that may change. */
static int
node_key_compare_bytes(const uint8_t *key, const uint8_t *in_page, uint32_t size)
{
    uint64_t a = 0;
    uint64_t b = 0;
    uint32_t at = 0;

    if (size == 0)
        return 0; /* the key may have no bytes at all */
    for (; at + 8 <= size && a == b; at += 8) {
        a = node_key_load8(key + at);
        b = node_key_load8(in_page + at);
    }
    if (a == b) {
        a = node_key_load_few(key + at, size - at);
        b = node_key_load_few(in_page + at, size - at);
    }
    return (a > b) - (a < b);
}

/* Two fences, an entry with the longest value and what goes with it must fit: header, a line of
 * heads, a slot, the varint and a long key's descriptor. */
uint32_t
vl_node_key_part_max(uint32_t page_size)
{
    uint32_t overhead = VL_NODE_KEY_HEADER_SIZE + VL_CACHE_LINE_SIZE + 8 + 2 +
                        VL_NODE_KEY_REST_SIZE + page_size / 16;

    return vl_node_key_min(page_size / 4, (page_size - overhead) / 3) & ~7U;
}

uint32_t
vl_node_key_value_max(uint32_t page_size)
{
    return page_size / 16;
}

vl_node_key
vl_node_key_make(const void *data, uint32_t size)
{
    vl_node_key key = {data, size, size, 0};

    return key;
}

vl_node_key_view
vl_node_key_open(const void *page, uint32_t page_size)
{
    const vl_node_key_header *header = page;
    uint32_t part_max = vl_node_key_part_max(page_size);
    vl_node_key_view view;
    uint32_t room = vl_racy_load16(&header->room);

    VL_ASSERT(vl_node_page_size_is_valid(page_size));
    view.page = page;
    view.page_size = page_size;
    view.slot_size = (uint32_t)sizeof(vl_node_key_slot);
    if (vl_racy_load8(&header->kind) == VL_PAGE_KEY_INNER)
        view.slot_size += (uint32_t)sizeof(vl_pid);
    room = room - room % VL_NODE_HEADS_IN_LINE;
    view.room = vl_node_key_min(room, vl_node_key_room_max(page_size, view.slot_size));
    view.count = vl_node_key_min(vl_racy_load32(&header->count), view.room);
    view.slots_at = VL_NODE_KEY_HEADER_SIZE + view.room * VL_NODE_KEY_HEAD_SIZE;
    view.low_size = vl_node_key_min(vl_racy_load16(&header->low_size), part_max);
    view.high_size = vl_node_key_min(vl_racy_load16(&header->high_size), part_max);
    view.prefix_size = vl_node_key_min(vl_racy_load16(&header->prefix_size),
                                       vl_node_key_min(view.low_size, view.high_size));
    return view;
}

/* Read the varint of an info of one or two bytes; returns its size. */
static uint32_t
node_key_read_info(const vl_node_key_view *view, uint32_t at, uint32_t *info)
{
    uint32_t first = at < view->page_size ? vl_racy_load8(view->page + at) : 1;
    uint32_t second;

    if ((first & 1) != 0) {
        *info = first >> 1;
        return 1;
    }
    second = at + 1 < view->page_size ? vl_racy_load8(view->page + at + 1) : 0;
    *info = (first | (second << 8)) >> 2;
    return 2;
}

/* A number at any address; 0 where the page ends first. */
static uint32_t
node_key_read32(const vl_node_key_view *view, uint32_t at)
{
    uint8_t bytes[4] = {0, 0, 0, 0};

    if (at + 4 <= view->page_size)
        vl_racy_copy(bytes, view->page + at, sizeof bytes);
    return vl_load_le32(bytes);
}

/* Where an entry's tail is, clamped to the page (N1); all that most comparisons need. */
static inline void
node_key_find_tail(const vl_node_key_view *view, uint32_t index, vl_node_key_record *record)
{
    const vl_node_key_slot *slot = vl_node_key_slot_at(view, index);
    uint32_t distance = vl_node_key_min(vl_racy_load16(&slot->at), view->page_size);
    uint32_t size = vl_racy_load16(&slot->size);

    record->is_deleted = (size & VL_NODE_KEY_DELETED) != 0;
    record->rest_size = size & (VL_NODE_KEY_DELETED - 1);
    record->tail_size =
        record->rest_size > VL_NODE_KEY_HEAD_SIZE ? record->rest_size - VL_NODE_KEY_HEAD_SIZE : 0;
    record->tail_size = vl_node_key_min(record->tail_size, distance);
    record->at = view->page_size - distance;
}

vl_node_key_record
vl_node_key_record_at(const vl_node_key_view *view, uint32_t index)
{
    vl_node_key_record record;
    uint32_t info;
    uint32_t at;

    node_key_find_tail(view, index, &record);
    at = record.at + record.tail_size;
    at += node_key_read_info(view, at, &info);
    at = vl_node_key_min(at, view->page_size);
    record.is_long = (int)(info & 1);
    record.value_at = at;
    record.value_size = vl_node_key_min(info >> 1, view->page_size - at);
    at += record.value_size;
    record.rest = 0;
    record.total_size = 0;
    if (record.is_long) {
        record.rest = node_key_read32(view, at);
        record.total_size = node_key_read32(view, at + 4);
        at += VL_NODE_KEY_REST_SIZE;
    }
    record.size = at - record.at;
    return record;
}

/* First four of the `size` bytes at data, filled up with zeros. */
static uint32_t
node_key_head(const uint8_t *data, uint32_t size)
{
    uint32_t head = 0;

    if (size >= VL_NODE_KEY_HEAD_SIZE)
        return node_key_load4(data);
    for (uint32_t i = 0; i < size; i++)
        head |= (uint32_t)data[i] << (24 - 8 * i);
    return head;
}

static node_key_probe
node_key_make_probe(const vl_node_key_view *view, const vl_node_key *key)
{
    uint32_t part = vl_node_key_part_size(key, view->page_size);
    uint32_t prefix = vl_node_key_min(view->prefix_size, part);
    const uint8_t *data = key->data;
    node_key_probe probe;

    if (prefix > 0)
        data += prefix;
    probe.rest_size = part - prefix;
    probe.head = node_key_head(data, probe.rest_size);
    probe.tail_size = 0;
    probe.tail = data;
    if (probe.rest_size > VL_NODE_KEY_HEAD_SIZE) {
        probe.tail_size = probe.rest_size - VL_NODE_KEY_HEAD_SIZE;
        probe.tail = data + VL_NODE_KEY_HEAD_SIZE;
    }
    probe.is_long = vl_node_key_is_long(key, view->page_size);
    return probe;
}

/* Compare long keys whose parts are equal: by what the caller knows. Sets *order and returns FOUND
 * when it does, else TIE and which key it is. */
static vl_node_result
node_key_settle(vl_pid rest, uint32_t total_size, const vl_node_key_ties *ties, int *order,
                vl_node_key_place *place)
{
    for (uint32_t i = 0; ties != NULL && i < ties->count; i++) {
        if (ties->ties[i].rest == rest) {
            *order = ties->ties[i].order;
            return VL_NODE_FOUND;
        }
    }
    place->tie_rest = rest;
    place->tie_total = total_size;
    return VL_NODE_TIE;
}

/* Compare the probe with an entry of the same head (N3): *order, or TIE. */
static vl_node_result
node_key_compare_entry(const vl_node_key_view *view, uint32_t index, const node_key_probe *probe,
                       const vl_node_key_ties *ties, int *order, vl_node_key_place *place)
{
    vl_node_key_record record;
    uint32_t common;

    node_key_find_tail(view, index, &record);
    common = vl_node_key_min(probe->tail_size, record.tail_size);
    *order = node_key_compare_bytes(probe->tail, view->page + record.at, common);
    if (*order == 0)
        *order = (probe->rest_size > record.rest_size) - (probe->rest_size < record.rest_size);
    if (*order != 0)
        return VL_NODE_FOUND;
    record = vl_node_key_record_at(view, index);
    if (probe->is_long && record.is_long)
        return node_key_settle(record.rest, record.total_size, ties, order, place);
    *order = probe->is_long - record.is_long;
    return VL_NODE_FOUND;
}

/* Find the probe among entries whose head is equal to its own, from `first` on. */
static vl_node_result
node_key_find_among(const vl_node_key_view *view, const node_key_probe *probe, uint32_t first,
                    const vl_node_key_ties *ties, vl_node_key_place *place)
{
    const uint32_t *heads = vl_node_key_heads(view);
    uint32_t end = first + 1;

    if (end < view->count && vl_racy_load32(heads + end) == probe->head)
        end = probe->head == UINT32_MAX ? view->count
                                        : vl_node_count_heads(heads, view->count, probe->head + 1);
    while (first < end) { /* keeps N2 */
        uint32_t middle = first + (end - first) / 2;
        int order = 0;

        place->index = middle;
        if (node_key_compare_entry(view, middle, probe, ties, &order, place) == VL_NODE_TIE)
            return VL_NODE_TIE;
        if (order == 0)
            return VL_NODE_FOUND;
        if (order < 0)
            end = middle;
        else
            first = middle + 1;
    }
    place->index = first;
    return VL_NODE_ABSENT;
}

vl_node_result
vl_node_key_find(const void *page, uint32_t page_size, const vl_node_key *key,
                 const vl_node_key_ties *ties, vl_node_key_place *place)
{
    const vl_node_key_header *header = page;
    vl_node_key_view view = vl_node_key_open(page, page_size);
    node_key_probe probe = node_key_make_probe(&view, key);
    const uint32_t *heads = vl_node_key_heads(&view);
    uint32_t index = view.count > 0 ? vl_node_count_heads(heads, view.count, probe.head) : 0;
    vl_node_result result = VL_NODE_ABSENT;

    memset(place, 0, sizeof *place);
    place->index = index;
    if (index < view.count && vl_racy_load32(heads + index) == probe.head)
        result = node_key_find_among(&view, &probe, index, ties, place);
    if (!vl_node_key_is_inner(&view))
        return result;
    place->child = place->index + (result == VL_NODE_FOUND);
    place->child_pid = place->child == 0 ? vl_racy_load32(&header->first_child)
                                         : vl_node_key_slot_child(&view, place->child - 1);
    return result;
}

/* Compare a key with an item: *order, or TIE. */
static vl_node_result
node_key_compare_item(const vl_node_key *key, const vl_node_key_item *item, uint32_t page_size,
                      const vl_node_key_ties *ties, int *order, vl_node_key_place *place)
{
    uint32_t part = vl_node_key_part_size(key, page_size);
    uint32_t size = vl_node_key_pieces_size(&item->key);
    int is_long = vl_node_key_is_long(key, page_size);
    uint32_t at = 0;

    *order = 0;
    for (uint32_t i = 0; i < 3 && *order == 0 && at < part; i++) {
        uint32_t common = vl_node_key_min(item->key.size[i], part - at);

        *order = node_key_compare_bytes(key->data + at, item->key.at[i], common);
        at += common;
    }
    if (*order == 0)
        *order = (part > size) - (part < size);
    if (*order != 0)
        return VL_NODE_FOUND;
    if (is_long && item->total_size > 0)
        return node_key_settle(item->rest, item->total_size, ties, order, place);
    *order = is_long - (item->total_size > 0);
    return VL_NODE_FOUND;
}

vl_node_result
vl_node_key_covers(const void *page, uint32_t page_size, const vl_node_key *key,
                   const vl_node_key_ties *ties, vl_node_key_place *place)
{
    vl_node_key_view view = vl_node_key_open(page, page_size);
    vl_node_key_item fence;
    int order;

    memset(place, 0, sizeof *place);
    vl_node_key_item_of_low(&view, &fence);
    if (node_key_compare_item(key, &fence, page_size, ties, &order, place) == VL_NODE_TIE)
        return VL_NODE_TIE;
    place->index = order > 0;
    if (order < 0)
        return VL_NODE_ABSENT;
    if (view.high_size == 0)
        return VL_NODE_FOUND;
    vl_node_key_item_of_high(&view, &fence);
    if (node_key_compare_item(key, &fence, page_size, ties, &order, place) == VL_NODE_TIE)
        return VL_NODE_TIE;
    return order < 0 ? VL_NODE_FOUND : VL_NODE_ABSENT;
}

uint32_t
vl_node_key_count(const void *page, uint32_t page_size)
{
    const vl_node_key_header *header = page;
    uint32_t slot_size = (uint32_t)sizeof(vl_node_key_slot);

    if (vl_racy_load8(&header->kind) == VL_PAGE_KEY_INNER)
        slot_size += (uint32_t)sizeof(vl_pid);
    return vl_node_key_min(
        vl_racy_load32(&header->count),
        vl_node_key_min(vl_racy_load16(&header->room) & ~(VL_NODE_HEADS_IN_LINE - 1U),
                        vl_node_key_room_max(page_size, slot_size)));
}

vl_pid
vl_node_key_child(const void *page, uint32_t page_size, uint32_t index)
{
    const vl_node_key_header *header = page;
    vl_node_key_view view = vl_node_key_open(page, page_size);

    index = vl_node_key_min(index, view.count);
    if (index == 0 || !vl_node_key_is_inner(&view))
        return vl_racy_load32(&header->first_child);
    return vl_node_key_slot_child(&view, index - 1);
}

/* Give an item its part of a key, copied to `buffer`. */
static vl_node_key
node_key_copy_item(const vl_node_key_item *item, uint32_t page_size, uint8_t *buffer)
{
    uint32_t size = vl_node_key_pieces_size(&item->key);
    vl_node_key key;

    size = vl_node_key_min(size, vl_node_key_part_max(page_size));
    if (buffer != NULL)
        vl_node_key_pieces_copy(&item->key, 0, size, buffer);
    key.data = buffer;
    key.size = size;
    key.total_size = item->total_size > 0 ? item->total_size : size;
    key.rest = item->rest;
    return key;
}

vl_node_key_entry
vl_node_key_entry_at(const void *page, uint32_t page_size, uint32_t index, uint8_t *buffer)
{
    vl_node_key_view view = vl_node_key_open(page, page_size);
    vl_node_key_entry entry = {0};
    vl_node_key_item item;

    if (index >= view.count)
        return entry;
    vl_node_key_item_of_entry(&view, index, &item);
    entry.key = node_key_copy_item(&item, page_size, buffer);
    entry.value = item.value;
    entry.value_size = item.value_size;
    entry.child = item.child;
    entry.is_deleted = item.is_deleted;
    return entry;
}

vl_node_key_entry
vl_node_key_value_at(const void *page, uint32_t page_size, uint32_t index)
{
    vl_node_key_view view = vl_node_key_open(page, page_size);
    vl_node_key_entry entry = {0};
    vl_node_key_record record;

    if (index >= view.count)
        return entry;
    record = vl_node_key_record_at(&view, index);
    entry.value = view.page + record.value_at;
    entry.value_size = record.value_size;
    entry.is_deleted = record.is_deleted;
    if (vl_node_key_is_inner(&view))
        entry.child = vl_node_key_slot_child(&view, index);
    return entry;
}

int
vl_node_key_has_prefix(const void *page, uint32_t page_size, const vl_node_key *key)
{
    vl_node_key_view view = vl_node_key_open(page, page_size);

    return vl_node_key_part_size(key, page_size) >= view.prefix_size &&
           node_key_compare_bytes(key->data, view.page + page_size - view.low_size,
                                  view.prefix_size) == 0;
}

vl_node_key
vl_node_key_low(const void *page, uint32_t page_size, uint8_t *buffer)
{
    vl_node_key_view view = vl_node_key_open(page, page_size);
    vl_node_key_item item;

    vl_node_key_item_of_low(&view, &item);
    return node_key_copy_item(&item, page_size, buffer);
}

vl_node_key
vl_node_key_high(const void *page, uint32_t page_size, uint8_t *buffer)
{
    vl_node_key_view view = vl_node_key_open(page, page_size);
    vl_node_key_item item;

    vl_node_key_item_of_high(&view, &item);
    return node_key_copy_item(&item, page_size, buffer);
}

uint32_t
vl_node_key_tombstones(const void *page)
{
    const vl_node_key_header *header = page;

    return vl_racy_load16(&header->tombstones);
}

uint32_t
vl_node_key_used_size(const void *page, uint32_t page_size)
{
    const vl_node_key_header *header = page;
    vl_node_key_view view = vl_node_key_open(page, page_size);
    uint32_t room = vl_node_key_room_for(view.count);

    return vl_node_key_arrays_size(room, view.count, view.slot_size) + header->heap_size -
           header->garbage;
}
