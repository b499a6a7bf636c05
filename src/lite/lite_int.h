/* lite_int.h - numbers and sizes of SQLite's file format, for the reader and the writer of it. */
#ifndef VL_LITE_LITE_INT_H
#define VL_LITE_LITE_INT_H

#include "base/platform.h"

/* What a page of a tree is: its first byte. */
#define VL_LITE_INDEX_INNER 2U
#define VL_LITE_TABLE_INNER 5U
#define VL_LITE_INDEX_LEAF  10U
#define VL_LITE_TABLE_LEAF  13U

/* Bytes of the header of the file, which begins page 1, and of the header of a tree's page. */
#define VL_LITE_FILE_HEADER  100U
#define VL_LITE_LEAF_HEADER  8U
#define VL_LITE_INNER_HEADER 12U

/* The page of this byte has SQLite's locks and never any content. */
#define VL_LITE_LOCK_OFFSET UINT64_C(0x40000000)

/* Longest varint of the format. */
#define VL_LITE_VARINT_SIZE 9U

/* The first bytes of a file. */
#define VL_LITE_MAGIC "SQLite format 3"

static inline uint32_t
vl_lite_get16(const uint8_t *from)
{
    return (uint32_t)from[0] << 8 | from[1];
}

static inline uint32_t
vl_lite_get32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static inline void
vl_lite_put16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static inline void
vl_lite_put32(uint8_t *to, uint32_t value)
{
    vl_lite_put16(to, value >> 16);
    vl_lite_put16(to + 2, value);
}

/* Read a varint of the bytes [from, end): big-endian, 7 bits a byte, 8 in the ninth. Returns the
 * byte behind it, or NULL when the bytes end before it does. */
static inline const uint8_t *
vl_lite_get_varint(const uint8_t *from, const uint8_t *end, uint64_t *value)
{
    uint64_t read = 0;

    for (uint32_t i = 0; i < VL_LITE_VARINT_SIZE && from < end; i++, from++) {
        if (i == VL_LITE_VARINT_SIZE - 1) {
            *value = read << 8 | *from;
            return from + 1;
        }
        read = read << 7 | (*from & 0x7fU);
        if ((*from & 0x80U) == 0) {
            *value = read;
            return from + 1;
        }
    }
    *value = 0;
    return NULL;
}

static inline uint32_t
vl_lite_varint_size(uint64_t value)
{
    uint32_t size = 1;

    while (size < VL_LITE_VARINT_SIZE && value >> (7 * size) != 0)
        size++;
    return size;
}

/* Write a varint. Returns the byte behind it. */
static inline uint8_t *
vl_lite_put_varint(uint8_t *to, uint64_t value)
{
    uint32_t size = vl_lite_varint_size(value);
    uint32_t at = size;

    if (size == VL_LITE_VARINT_SIZE) {
        to[--at] = (uint8_t)value;
        value >>= 8;
        while (at > 0) {
            to[--at] = (uint8_t)(0x80U | (value & 0x7fU));
            value >>= 7;
        }
        return to + size;
    }
    to[--at] = (uint8_t)(value & 0x7fU);
    while (at > 0) {
        value >>= 7;
        to[--at] = (uint8_t)(0x80U | (value & 0x7fU));
    }
    return to + size;
}

/* How many bytes of a payload stand in its cell; the others are on overflow pages. */
static inline uint32_t
vl_lite_local_size(uint32_t usable, int is_index, uint64_t size)
{
    uint32_t most = is_index ? (usable - 12) * 64 / 255 - 23 : usable - 35;
    uint32_t least = (usable - 12) * 32 / 255 - 23;
    uint32_t local;

    if (size <= most)
        return (uint32_t)size;
    local = least + (uint32_t)((size - least) % (usable - 4));
    return local <= most ? local : least;
}

#endif
