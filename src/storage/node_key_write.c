/* node_key_write.c - changing one key node in place, and the items that go into it.
 *
 * Invariants
 *   N4  heap_size = fences + records + garbage, and arrays + heap_size <= page size.
 *   N5  No record, fence or array overlaps another.
 *   N6  Whether a change fits is computed before the first byte is written.
 *   N7  Heads behind the last entry are UINT32_MAX. */
#include "storage/node_key_int.h"

/* ---- items ---- */

/* The longest run of bytes that lies in one piece from position `from` on; *size is 0 at the end.
 */
static const uint8_t *
node_key_run(const vl_node_key_pieces *key, uint32_t from, uint32_t *size)
{
    for (uint32_t i = 0; i < 3; i++) {
        if (from < key->size[i]) {
            *size = key->size[i] - from;
            return key->at[i] + from;
        }
        from -= key->size[i];
    }
    *size = 0;
    return NULL;
}

uint32_t
vl_node_key_common(const vl_node_key_pieces *a, const vl_node_key_pieces *b)
{
    uint32_t common = 0;

    for (;;) {
        uint32_t a_size;
        uint32_t b_size;
        const uint8_t *a_at = node_key_run(a, common, &a_size);
        const uint8_t *b_at = node_key_run(b, common, &b_size);
        uint32_t size = vl_node_key_min(a_size, b_size);
        uint32_t i = 0;

        while (i < size && a_at[i] == b_at[i])
            i++;
        common += i;
        if (i < size || size == 0)
            return common;
    }
}

void
vl_node_key_pieces_copy(const vl_node_key_pieces *key, uint32_t from, uint32_t size, uint8_t *to)
{
    while (size > 0) {
        uint32_t run;
        const uint8_t *at = node_key_run(key, from, &run);

        run = vl_node_key_min(run, size);
        if (run == 0)
            return;
        vl_racy_copy(to, at, run);
        to += run;
        from += run;
        size -= run;
    }
}

void
vl_node_key_item_of_entry(const vl_node_key_view *view, uint32_t index, vl_node_key_item *item)
{
    vl_node_key_record record = vl_node_key_record_at(view, index);
    uint32_t head = vl_racy_load32(vl_node_key_heads(view) + index);

    memset(item, 0, sizeof *item);
    for (uint32_t i = 0; i < VL_NODE_KEY_HEAD_SIZE; i++)
        item->head[i] = (uint8_t)(head >> (24 - 8 * i));
    item->key.at[0] = view->page + view->page_size - view->low_size;
    item->key.size[0] = view->prefix_size;
    item->key.at[1] = item->head;
    item->key.size[1] = vl_node_key_min(record.rest_size, VL_NODE_KEY_HEAD_SIZE);
    item->key.at[2] = view->page + record.at;
    item->key.size[2] = record.tail_size;
    item->value = view->page + record.value_at;
    item->value_size = record.value_size;
    item->total_size = record.total_size;
    item->rest = record.rest;
    item->is_deleted = record.is_deleted;
    if (vl_node_key_is_inner(view))
        item->child = vl_node_key_slot_child(view, index);
}

void
vl_node_key_item_of_low(const vl_node_key_view *view, vl_node_key_item *item)
{
    const vl_node_key_header *header = (const void *)view->page;

    memset(item, 0, sizeof *item);
    item->key.at[0] = view->page + view->page_size - view->low_size;
    item->key.size[0] = view->low_size;
    item->total_size = vl_racy_load32(&header->low_total);
    item->rest = vl_racy_load32(&header->low_rest);
}

void
vl_node_key_item_of_high(const vl_node_key_view *view, vl_node_key_item *item)
{
    const vl_node_key_header *header = (const void *)view->page;
    uint32_t behind = view->high_size - view->prefix_size;

    memset(item, 0, sizeof *item);
    item->key.at[0] = view->page + view->page_size - view->low_size;
    item->key.size[0] = view->prefix_size;
    item->key.at[1] = item->key.at[0] - behind;
    item->key.size[1] = behind;
    item->total_size = vl_racy_load32(&header->high_total);
    item->rest = vl_racy_load32(&header->high_rest);
}

void
vl_node_key_item_make(const vl_node_key_entry *entry, uint32_t page_size, vl_node_key_item *item)
{
    memset(item, 0, sizeof *item);
    item->key.at[0] = entry->key.data;
    item->key.size[0] = vl_node_key_part_size(&entry->key, page_size);
    if (vl_node_key_is_long(&entry->key, page_size)) {
        item->total_size = entry->key.total_size;
        item->rest = entry->key.rest;
    }
    item->value = entry->value;
    item->value_size = entry->value_size;
    item->child = entry->child;
    item->is_deleted = entry->is_deleted != 0;
}

static uint32_t
node_key_info(const vl_node_key_item *item)
{
    return item->value_size * 2 + (item->total_size > 0);
}

uint32_t
vl_node_key_item_size(const vl_node_key_item *item, uint32_t prefix_size)
{
    uint32_t rest = vl_node_key_pieces_size(&item->key) - prefix_size;
    uint32_t tail = rest > VL_NODE_KEY_HEAD_SIZE ? rest - VL_NODE_KEY_HEAD_SIZE : 0;

    return tail + vl_varint_size(node_key_info(item)) + item->value_size +
           (item->total_size > 0 ? VL_NODE_KEY_REST_SIZE : 0);
}

/* Write an item's record to `to`. */
static void
node_key_write_record(uint8_t *to, const vl_node_key_item *item, uint32_t prefix_size)
{
    uint32_t from = prefix_size + VL_NODE_KEY_HEAD_SIZE;
    uint32_t size = vl_node_key_pieces_size(&item->key);

    if (size > from) {
        vl_node_key_pieces_copy(&item->key, from, size - from, to);
        to += size - from;
    }
    to = vl_varint_put(to, node_key_info(item));
    if (item->value_size > 0)
        memcpy(to, item->value, item->value_size);
    to += item->value_size;
    if (item->total_size > 0) {
        vl_store_le32(to, item->rest);
        vl_store_le32(to + 4, item->total_size);
    }
}

/* ---- the page's parts, for changing ---- */

static vl_node_key_header *
node_key_header(void *page)
{
    return page;
}

static uint32_t *
node_key_heads(void *page)
{
    return (uint32_t *)(node_key_header(page) + 1);
}

static uint8_t *
node_key_bytes(void *page)
{
    return page;
}

static vl_node_key_slot *
node_key_slot(void *page, const vl_node_key_view *view, uint32_t index)
{
    void *slot = node_key_bytes(page) + view->slots_at + (size_t)index * view->slot_size;

    return slot;
}

static void
node_key_set_slot_child(vl_node_key_slot *slot, vl_pid child)
{
    memcpy(slot + 1, &child, sizeof child);
}

/* Give a fence's descriptor to the header's fields. */
static void
node_key_set_long_fence(const vl_node_key_item *fence, uint32_t *total, uint32_t *rest)
{
    *total = fence->total_size;
    *rest = fence->rest;
}

void
vl_node_key_init_items(void *page, uint32_t page_size, vl_node_id id, vl_pid first_child,
                       const vl_node_key_item *low, const vl_node_key_item *high)
{
    vl_node_key_header *header = page;
    uint32_t prefix = vl_node_key_common(&low->key, &high->key);
    uint32_t low_size = vl_node_key_pieces_size(&low->key);
    uint32_t high_size = vl_node_key_pieces_size(&high->key);
    uint8_t *end = node_key_bytes(page) + page_size;

    VL_ASSERT((id.level > 0) == (first_child != 0));
    VL_ASSERT(id.level <= VL_NODE_MAX_LEVEL);
    memset(page, 0, page_size);
    header->kind = id.level > 0 ? VL_PAGE_KEY_INNER : VL_PAGE_KEY_LEAF;
    header->level = (uint8_t)id.level;
    header->pid = id.pid;
    header->tree = id.tree;
    header->room = VL_NODE_HEADS_IN_LINE;
    header->heap_size = (uint16_t)(low_size + high_size - prefix);
    header->prefix_size = (uint16_t)prefix;
    header->low_size = (uint16_t)low_size;
    header->high_size = (uint16_t)high_size;
    header->first_child = first_child;
    node_key_set_long_fence(low, &header->low_total, &header->low_rest);
    node_key_set_long_fence(high, &header->high_total, &header->high_rest);
    vl_node_key_pieces_copy(&low->key, 0, low_size, end - low_size);
    vl_node_key_pieces_copy(&high->key, prefix, high_size - prefix, end - header->heap_size);
    memset(node_key_heads(page), 0xff, VL_CACHE_LINE_SIZE); /* keeps N7 */
}

void
vl_node_key_init(void *page, uint32_t page_size, vl_node_id id, vl_pid first_child,
                 const vl_node_key_fences *fences)
{
    vl_node_key_entry low_entry = {0};
    vl_node_key_entry high_entry = {0};
    vl_node_key_item low;
    vl_node_key_item high;

    low_entry.key = fences->low;
    high_entry.key = fences->high;
    vl_node_key_item_make(&low_entry, page_size, &low);
    vl_node_key_item_make(&high_entry, page_size, &high);
    vl_node_key_init_items(page, page_size, id, first_child, &low, &high);
}

/* Make room for another number of heads by moving the slots. Keeps N7. */
static void
node_key_set_room(void *page, const vl_node_key_view *view, uint32_t room)
{
    uint32_t *heads = node_key_heads(page);

    memmove(heads + room, node_key_slot(page, view, 0), (size_t)view->count * view->slot_size);
    if (room > view->room)
        memset(heads + view->room, 0xff, (room - view->room) * sizeof *heads);
    node_key_header(page)->room = (uint16_t)room;
}

static uint32_t
node_key_head_of(const vl_node_key_item *item, uint32_t prefix_size)
{
    uint8_t bytes[VL_NODE_KEY_HEAD_SIZE] = {0};

    vl_node_key_pieces_copy(&item->key, prefix_size, sizeof bytes, bytes);
    return __builtin_bswap32(vl_load_le32(bytes));
}

void
vl_node_key_put(void *page, uint32_t page_size, uint32_t index, const vl_node_key_item *item)
{
    vl_node_key_header *header = page;
    vl_node_key_view view = vl_node_key_open(page, page_size);
    uint32_t size = vl_node_key_item_size(item, view.prefix_size);
    uint32_t *heads = node_key_heads(page);
    vl_node_key_slot *slot;

    if (view.count == view.room) {
        node_key_set_room(page, &view, view.room + VL_NODE_HEADS_IN_LINE);
        view = vl_node_key_open(page, page_size);
    }
    memmove(heads + index + 1, heads + index, (view.count - index) * sizeof *heads);
    slot = node_key_slot(page, &view, index);
    memmove(node_key_slot(page, &view, index + 1), slot,
            (size_t)(view.count - index) * view.slot_size);
    header->count++;
    header->heap_size = (uint16_t)(header->heap_size + size);
    header->tombstones = (uint16_t)(header->tombstones + item->is_deleted);
    heads[index] = node_key_head_of(item, view.prefix_size);
    slot->at = header->heap_size;
    slot->size = (uint16_t)((vl_node_key_pieces_size(&item->key) - view.prefix_size) |
                            (item->is_deleted ? VL_NODE_KEY_DELETED : 0));
    if (vl_node_key_is_inner(&view))
        node_key_set_slot_child(slot, item->child);
    node_key_write_record(node_key_bytes(page) + page_size - header->heap_size, item,
                          view.prefix_size);
    VL_ASSERT(vl_node_key_arrays_size(view.room, view.count + 1, view.slot_size) +
                  header->heap_size <=
              page_size); /* N4 */
}

/* ---- space ---- */

/* Move all records but that of entry `skip` (UINT32_MAX: none) together at the page's end, and give
 * the heads `room`. The old page is in scratch afterwards. */
static void
node_key_pack(void *page, void *scratch, uint32_t page_size, uint32_t skip, uint32_t room)
{
    vl_node_key_header *header = page;
    vl_node_key_view old;
    vl_node_key_view view;
    uint32_t heap = (uint32_t)header->low_size + header->high_size - header->prefix_size;

    memcpy(scratch, page, page_size);
    old = vl_node_key_open(scratch, page_size);
    view = vl_node_key_open(page, page_size);
    node_key_set_room(page, &view, room);
    view = vl_node_key_open(page, page_size);
    for (uint32_t i = 0; i < view.count; i++) {
        vl_node_key_record record = vl_node_key_record_at(&old, i);

        if (i == skip)
            continue;
        heap += record.size;
        memcpy(node_key_bytes(page) + page_size - heap, old.page + record.at, record.size);
        node_key_slot(page, &view, i)->at = (uint16_t)heap;
    }
    header->heap_size = (uint16_t)heap;
    header->garbage = 0;
}

void
vl_node_key_compact(void *page, void *scratch, uint32_t page_size)
{
    uint32_t count = vl_node_key_count(page, page_size);

    node_key_pack(page, scratch, page_size, UINT32_MAX, vl_node_key_room_for(count));
}

/* Whether a record of `size` bytes fits behind the others, as the page is (1), once it is compacted
 * (2), or not at all (0). */
static int
node_key_fits(const void *page, uint32_t page_size, uint32_t size)
{
    const vl_node_key_header *header = page;
    vl_node_key_view view = vl_node_key_open(page, page_size);
    uint32_t room = view.count < view.room ? view.room : view.room + VL_NODE_HEADS_IN_LINE;
    uint32_t heap = header->heap_size + size;

    if (room <= vl_node_key_room_max(page_size, view.slot_size) &&
        vl_node_key_arrays_size(room, view.count + 1, view.slot_size) + heap <= page_size)
        return 1;
    room = vl_node_key_room_for(view.count + 1);
    if (room <= vl_node_key_room_max(page_size, view.slot_size) &&
        vl_node_key_arrays_size(room, view.count + 1, view.slot_size) + heap - header->garbage <=
            page_size)
        return 2;
    return 0;
}

/* Whether an item fits, compacting if need be; keeps N6. */
static int
node_key_reserve(void *page, void *scratch, uint32_t page_size, uint32_t size)
{
    int fits = node_key_fits(page, page_size, size);

    if (fits == 2)
        node_key_pack(page, scratch, page_size, UINT32_MAX,
                      vl_node_key_room_for(vl_node_key_count(page, page_size) + 1));
    return fits != 0;
}

int
vl_node_key_has_room(const void *page, uint32_t page_size, uint32_t record_size)
{
    return node_key_fits(page, page_size, record_size) != 0;
}

int
vl_node_key_can_insert(const void *page, uint32_t page_size, const vl_node_key_entry *entry)
{
    vl_node_key_view view = vl_node_key_open(page, page_size);
    vl_node_key_item item;

    vl_node_key_item_make(entry, page_size, &item);
    return node_key_fits(page, page_size, vl_node_key_item_size(&item, view.prefix_size)) != 0;
}

vl_node_result
vl_node_key_insert(void *page, void *scratch, uint32_t page_size, uint32_t index,
                   const vl_node_key_entry *entry)
{
    vl_node_key_view view = vl_node_key_open(page, page_size);
    vl_node_key_item item;

    vl_node_key_item_make(entry, page_size, &item);
    VL_ASSERT(index <= view.count);
    VL_ASSERT(entry->value_size <= vl_node_key_value_max(page_size));
    VL_ASSERT(vl_node_key_is_inner(&view) == (entry->child != 0));
    VL_ASSERT(vl_node_key_pieces_size(&item.key) >= view.prefix_size);
    if (!node_key_reserve(page, scratch, page_size, vl_node_key_item_size(&item, view.prefix_size)))
        return VL_NODE_FULL;
    vl_node_key_put(page, page_size, index, &item);
    return VL_NODE_DONE;
}

/* Count a record's bytes as garbage, or free them at once when it is the last one. */
static void
node_key_drop_record(void *page, uint32_t page_size, const vl_node_key_record *record)
{
    vl_node_key_header *header = page;

    if (record->at + header->heap_size == page_size)
        header->heap_size = (uint16_t)(header->heap_size - record->size);
    else
        header->garbage = (uint16_t)(header->garbage + record->size);
}

void
vl_node_key_remove(void *page, uint32_t page_size, uint32_t index)
{
    vl_node_key_header *header = page;
    vl_node_key_view view = vl_node_key_open(page, page_size);
    vl_node_key_record record = vl_node_key_record_at(&view, index);
    uint32_t *heads = node_key_heads(page);
    uint32_t behind = view.count - 1 - index;

    VL_ASSERT(index < view.count);
    node_key_drop_record(page, page_size, &record);
    memmove(heads + index, heads + index + 1, behind * sizeof *heads);
    memmove(node_key_slot(page, &view, index), node_key_slot(page, &view, index + 1),
            (size_t)behind * view.slot_size);
    heads[view.count - 1] = UINT32_MAX; /* keeps N7 */
    header->count--;
    header->tombstones = (uint16_t)(header->tombstones - record.is_deleted);
}

void
vl_node_key_remove_child(void *page, uint32_t page_size, uint32_t index)
{
    VL_ASSERT(index <= vl_node_key_count(page, page_size));
    if (index == 0) {
        node_key_header(page)->first_child = vl_node_key_child(page, page_size, 1);
        index = 1;
    }
    vl_node_key_remove(page, page_size, index - 1);
}

void
vl_node_key_set_child(void *page, uint32_t page_size, uint32_t index, vl_pid child)
{
    vl_node_key_view view = vl_node_key_open(page, page_size);

    VL_ASSERT(index <= view.count && vl_node_key_is_inner(&view));
    if (index == 0)
        node_key_header(page)->first_child = child;
    else
        node_key_set_slot_child(node_key_slot(page, &view, index - 1), child);
}

/* Whether a record of `old_size` bytes can become one of `size`, as the page is (1), once it is
 * compacted (2), or not at all (0). */
static int
node_key_fits_anew(const void *page, uint32_t page_size, uint32_t old_size, uint32_t size)
{
    const vl_node_key_header *header = page;
    vl_node_key_view view = vl_node_key_open(page, page_size);
    uint32_t room = vl_node_key_room_for(view.count);

    if (vl_node_key_arrays_size(view.room, view.count, view.slot_size) + header->heap_size + size <=
        page_size)
        return 1;
    if (vl_node_key_arrays_size(room, view.count, view.slot_size) + header->heap_size -
            header->garbage - old_size + size <=
        page_size)
        return 2;
    return 0;
}

/* Make space of `size` bytes for entry `index`, whose record has `old_size`, and give it to it.
 * Returns the page that has the old record afterwards, or NULL when it does not fit. */
static const void *
node_key_renew(void *page, void *scratch, uint32_t page_size, uint32_t index, uint32_t old_size,
               uint32_t size)
{
    vl_node_key_header *header = page;
    vl_node_key_view view = vl_node_key_open(page, page_size);
    const void *old = page;

    switch (node_key_fits_anew(page, page_size, old_size, size)) {
    case 1:
        header->garbage = (uint16_t)(header->garbage + old_size);
        break;
    case 2:
        node_key_pack(page, scratch, page_size, index, vl_node_key_room_for(view.count));
        view = vl_node_key_open(page, page_size);
        old = scratch;
        break;
    default:
        return NULL;
    }
    header->heap_size = (uint16_t)(header->heap_size + size);
    node_key_slot(page, &view, index)->at = header->heap_size;
    return old;
}

int
vl_node_key_can_replace(const void *page, uint32_t page_size, uint32_t index, uint32_t value_size)
{
    vl_node_key_view view = vl_node_key_open(page, page_size);
    vl_node_key_record record = vl_node_key_record_at(&view, index);
    vl_node_key_item item;

    vl_node_key_item_of_entry(&view, index, &item);
    item.value_size = value_size;
    return value_size == record.value_size ||
           node_key_fits_anew(page, page_size, record.size,
                              vl_node_key_item_size(&item, view.prefix_size)) != 0;
}

int
vl_node_key_can_set_separator(const void *page, uint32_t page_size, uint32_t index,
                              const vl_node_key *separator)
{
    vl_node_key_view view = vl_node_key_open(page, page_size);
    vl_node_key_record record = vl_node_key_record_at(&view, index);
    vl_node_key_item item;

    vl_node_key_item_of_key(separator, page_size, &item);
    return node_key_fits_anew(page, page_size, record.size,
                              vl_node_key_item_size(&item, view.prefix_size)) != 0;
}

vl_node_result
vl_node_key_replace(void *page, void *scratch, uint32_t page_size, uint32_t index,
                    const void *value, uint32_t value_size)
{
    vl_node_key_view view = vl_node_key_open(page, page_size);
    vl_node_key_record record = vl_node_key_record_at(&view, index);
    vl_node_key_item item;
    const void *old;
    uint32_t size;

    VL_ASSERT(index < view.count && !vl_node_key_is_inner(&view));
    VL_ASSERT(value_size <= vl_node_key_value_max(page_size));
    vl_node_key_item_of_entry(&view, index, &item);
    item.value_size = value_size;
    size = vl_node_key_item_size(&item, view.prefix_size);
    if (size == record.size && value_size == record.value_size) {
        if (value_size > 0)
            memcpy(node_key_bytes(page) + record.value_at, value, value_size);
        return VL_NODE_DONE;
    }
    old = node_key_renew(page, scratch, page_size, index, record.size, size);
    if (old == NULL)
        return VL_NODE_FULL;
    item.key.at[2] = (const uint8_t *)old + record.at; /* only the tail is written again */
    item.value = value;
    node_key_write_record(node_key_bytes(page) + page_size - node_key_header(page)->heap_size,
                          &item, view.prefix_size);
    return VL_NODE_DONE;
}

vl_node_result
vl_node_key_set_separator(void *page, void *scratch, uint32_t page_size, uint32_t index,
                          const vl_node_key *separator)
{
    vl_node_key_view view = vl_node_key_open(page, page_size);
    vl_node_key_record record = vl_node_key_record_at(&view, index);
    vl_node_key_entry entry = {0};
    vl_node_key_item item;
    vl_node_key_slot *slot;

    VL_ASSERT(index < view.count && vl_node_key_is_inner(&view));
    entry.key = *separator;
    vl_node_key_item_make(&entry, page_size, &item);
    VL_ASSERT(vl_node_key_pieces_size(&item.key) >= view.prefix_size);
    if (node_key_renew(page, scratch, page_size, index, record.size,
                       vl_node_key_item_size(&item, view.prefix_size)) == NULL)
        return VL_NODE_FULL;
    view = vl_node_key_open(page, page_size);
    slot = node_key_slot(page, &view, index);
    slot->size = (uint16_t)(vl_node_key_pieces_size(&item.key) - view.prefix_size);
    node_key_heads(page)[index] = node_key_head_of(&item, view.prefix_size);
    node_key_write_record(node_key_bytes(page) + page_size - node_key_header(page)->heap_size,
                          &item, view.prefix_size);
    return VL_NODE_DONE;
}

void
vl_node_key_mark(void *page, uint32_t page_size, uint32_t index, int is_deleted)
{
    vl_node_key_header *header = page;
    vl_node_key_view view = vl_node_key_open(page, page_size);
    vl_node_key_slot *slot = node_key_slot(page, &view, index);
    int was_deleted = (slot->size & VL_NODE_KEY_DELETED) != 0;

    VL_ASSERT(index < view.count && !vl_node_key_is_inner(&view));
    slot->size &= (uint16_t)(VL_NODE_KEY_DELETED - 1);
    if (is_deleted)
        slot->size |= VL_NODE_KEY_DELETED;
    header->tombstones = (uint16_t)(header->tombstones - was_deleted + (is_deleted != 0));
}
