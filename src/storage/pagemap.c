/* pagemap.c - the bytes of map pages.
 *
 * Invariants
 *   M1  No function reads or writes outside of the page, whatever its bytes are, for an index below
 *       its number of entries.
 *   M2  An entry that is empty or reserved has no address, length, mark or checksum. */
#include "storage/pagemap.h"

#include "base/assert.h"

#include <string.h>

#define PAGEMAP_ADDRESS_MASK   (VL_VOLUME_MAX_BLOCKS - 1)
#define PAGEMAP_LENGTH_SHIFT   40
#define PAGEMAP_ENCODING_SHIFT 48
#define PAGEMAP_FULL           (UINT64_C(1) << 56)
#define PAGEMAP_UNKNOWN        (UINT64_C(0xfe) << 56)

typedef struct pagemap_entry {
    uint64_t place;    /* address, length, encoding, flags */
    uint64_t checksum; /* of the image */
} pagemap_entry;

_Static_assert(sizeof(pagemap_entry) == 16, "an entry has 16 bytes");
_Static_assert(VL_PAGEMAP_FIRST * sizeof(pagemap_entry) == sizeof(vl_page_header),
               "the header takes the room of the first entries");
_Static_assert(PAGEMAP_ADDRESS_MASK >> PAGEMAP_LENGTH_SHIFT == 0, "addresses fit");

static pagemap_entry
pagemap_read(const void *page, uint32_t index)
{
    pagemap_entry entry;

    memcpy(&entry, (const uint8_t *)page + (size_t)index * sizeof entry, sizeof entry);
    return entry;
}

static void
pagemap_write(void *page, uint32_t index, const pagemap_entry *entry)
{
    memcpy((uint8_t *)page + (size_t)index * sizeof *entry, entry, sizeof *entry);
}

static uint32_t
pagemap_encoding(const pagemap_entry *entry)
{
    return (uint32_t)(entry->place >> PAGEMAP_ENCODING_SHIFT) & 0xffU;
}

uint64_t
vl_pagemap_span(uint32_t page_size, uint32_t level)
{
    uint64_t span = vl_pagemap_fanout(page_size);

    for (uint32_t i = 0; i < level; i++)
        span *= vl_pagemap_fanout(page_size) - VL_PAGEMAP_FIRST;
    return span;
}

uint64_t
vl_pagemap_end(uint32_t page_size)
{
    uint64_t end = vl_pagemap_span(page_size, VL_PAGEMAP_LEVELS - 1);

    return end < UINT64_C(1) << 32 ? end : UINT64_C(1) << 32;
}

vl_pid
vl_pagemap_pid(uint32_t page_size, uint32_t level, vl_pid pid)
{
    uint64_t span = vl_pagemap_span(page_size, level);

    return (vl_pid)(pid / span * span + level);
}

uint32_t
vl_pagemap_index(uint32_t page_size, uint32_t level, vl_pid pid)
{
    uint64_t span = vl_pagemap_span(page_size, level);

    if (level == 0)
        return (uint32_t)(pid % span);
    return VL_PAGEMAP_FIRST + (uint32_t)(pid % span / vl_pagemap_span(page_size, level - 1));
}

void
vl_pagemap_init(void *page, uint32_t page_size, vl_pid pid)
{
    vl_page_header *header = page;

    memset(page, 0, page_size);
    header->kind = VL_PAGE_MAP;
    header->level = (uint8_t)(pid % vl_pagemap_fanout(page_size));
    header->pid = pid;
}

vl_extent
vl_pagemap_get(const void *page, uint32_t index)
{
    pagemap_entry entry = pagemap_read(page, index);
    vl_extent extent = {.address = entry.place & PAGEMAP_ADDRESS_MASK,
                        .length = (uint32_t)(entry.place >> PAGEMAP_LENGTH_SHIFT) & 0xffU,
                        .encoding = pagemap_encoding(&entry),
                        .checksum = entry.checksum};

    return extent;
}

void
vl_pagemap_set(void *page, uint32_t index, const vl_extent *extent)
{
    pagemap_entry entry = {.checksum = extent->checksum};

    VL_ASSERT(extent->length <= 0xff && extent->address <= PAGEMAP_ADDRESS_MASK);
    entry.place = extent->address | (uint64_t)extent->length << PAGEMAP_LENGTH_SHIFT |
                  (uint64_t)extent->encoding << PAGEMAP_ENCODING_SHIFT;
    pagemap_write(page, index, &entry);
}

int
vl_pagemap_entry_is_full(const void *page, uint32_t index)
{
    return (pagemap_read(page, index).place & PAGEMAP_FULL) != 0;
}

void
vl_pagemap_set_full(void *page, uint32_t index, int is_full)
{
    pagemap_entry entry = pagemap_read(page, index);

    if (pagemap_encoding(&entry) == VL_PAGEMAP_EMPTY)
        return; /* what is below is not known to the file, which is not full then */
    entry.place = is_full ? entry.place | PAGEMAP_FULL : entry.place & ~PAGEMAP_FULL;
    pagemap_write(page, index, &entry);
}

int
vl_pagemap_is_full(const void *page, uint32_t page_size)
{
    const vl_page_header *header = page;

    for (uint32_t i = VL_PAGEMAP_FIRST; i < vl_pagemap_fanout(page_size); i++) {
        pagemap_entry entry = pagemap_read(page, i);

        if (pagemap_encoding(&entry) == VL_PAGEMAP_EMPTY ||
            (header->level > 0 && (entry.place & PAGEMAP_FULL) == 0))
            return 0;
    }
    return 1;
}

uint32_t
vl_pagemap_find_empty(const void *page, uint32_t page_size, uint32_t index)
{
    uint32_t end = vl_pagemap_fanout(page_size);

    if (index < VL_PAGEMAP_FIRST)
        index = VL_PAGEMAP_FIRST;
    for (; index < end; index++) {
        pagemap_entry entry = pagemap_read(page, index);

        if (pagemap_encoding(&entry) == VL_PAGEMAP_EMPTY)
            break;
    }
    return index;
}

uint32_t
vl_pagemap_seal(void *page, uint32_t page_size)
{
    static const pagemap_entry empty = {0};
    vl_page_header *header = page;
    uint32_t reserved = 0;

    header->count = 0;
    for (uint32_t i = VL_PAGEMAP_FIRST; i < vl_pagemap_fanout(page_size); i++) {
        pagemap_entry entry = pagemap_read(page, i);
        uint32_t encoding = pagemap_encoding(&entry);

        if (encoding == VL_PAGEMAP_RESERVED) {
            pagemap_write(page, i, &empty);
            reserved++;
        } else if (encoding != VL_PAGEMAP_EMPTY) {
            header->count++;
        }
    }
    return reserved;
}

/* What is wrong with an entry, or NULL. */
static const char *
pagemap_entry_fault(const pagemap_entry *entry, uint32_t level)
{
    uint32_t length = (uint32_t)(entry->place >> PAGEMAP_LENGTH_SHIFT) & 0xffU;

    if (entry->place == 0 && entry->checksum == 0)
        return NULL;
    if (pagemap_encoding(entry) != VL_PAGEMAP_PLAIN)
        return "an entry of the page map has an unknown encoding";
    if ((entry->place & PAGEMAP_UNKNOWN) != 0 || (level == 0 && (entry->place & PAGEMAP_FULL) != 0))
        return "an entry of the page map has unknown flags";
    if ((entry->place & PAGEMAP_ADDRESS_MASK) < VL_SUPER_COUNT || length == 0)
        return "an entry of the page map has no valid place";
    return NULL;
}

const char *
vl_pagemap_fault(const void *page, uint32_t page_size, vl_pid pid)
{
    static const uint8_t zeros[sizeof((vl_page_header *)NULL)->rest] = {0};
    const vl_page_header *header = page;
    uint32_t level = pid % vl_pagemap_fanout(page_size);
    uint32_t count = 0;

    if (header->kind != VL_PAGE_MAP)
        return "it is not a page of the page map";
    if (header->pid != pid)
        return "it is another page";
    if (level >= VL_PAGEMAP_LEVELS || header->level != level)
        return "its level in the page map is wrong";
    if (header->flags != 0 || header->tree != 0 || memcmp(header->rest, zeros, sizeof zeros) != 0)
        return "unused parts of its header are not zero";
    for (uint32_t i = VL_PAGEMAP_FIRST; i < vl_pagemap_fanout(page_size); i++) {
        pagemap_entry entry = pagemap_read(page, i);
        const char *fault = pagemap_entry_fault(&entry, level);

        if (fault != NULL)
            return fault;
        count += entry.place != 0;
    }
    return header->count == count ? NULL : "its count of entries is wrong";
}
