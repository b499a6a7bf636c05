/* bytes.h - numbers in byte strings: fixed little-endian and variable length.
 *
 * Everything that reaches a disk or a wire goes through these, so that the format does not depend
 * on the processor. Addresses need no alignment.
 *
 * Variable-length numbers (varints) are prefix-coded: the count of trailing zero bits of the first
 * byte says how many bytes follow, and the value stands little-endian behind those bits:
 *
 *   xxxxxxx1                       7 bits    1 byte
 *   xxxxxx10 xxxxxxxx             14 bits    2 bytes
 *   ...
 *   00000000 8 bytes              64 bits    9 bytes
 *
 * so that decoding is one load, one count and one shift, with no loop over bytes as in LEB128.
 * Each value has exactly one encoding: a longer one than needed is rejected, since formats whose
 * bytes are compared or hashed must not say one thing in two ways. */
#ifndef VL_BASE_BYTES_H
#define VL_BASE_BYTES_H

#include "base/platform.h"

#include <string.h>

/* The bits of a double as a number (IEEE 754), and the double of such bits. */
static inline uint64_t
vl_real_bits(double real)
{
    uint64_t bits;

    memcpy(&bits, &real, sizeof bits);
    return bits;
}

static inline double
vl_bits_real(uint64_t bits)
{
    double real;

    memcpy(&real, &bits, sizeof real);
    return real;
}

/* The longest varint, in bytes. */
#define VL_VARINT_MAX_SIZE 9

static inline uint16_t
vl_load_le16(const void *from)
{
    uint16_t value;

    memcpy(&value, from, sizeof value);
    return VL_LITTLE_ENDIAN ? value : __builtin_bswap16(value);
}

static inline uint32_t
vl_load_le32(const void *from)
{
    uint32_t value;

    memcpy(&value, from, sizeof value);
    return VL_LITTLE_ENDIAN ? value : __builtin_bswap32(value);
}

static inline uint64_t
vl_load_le64(const void *from)
{
    uint64_t value;

    memcpy(&value, from, sizeof value);
    return VL_LITTLE_ENDIAN ? value : __builtin_bswap64(value);
}

static inline uint64_t
vl_load_be64(const void *from)
{
    uint64_t value;

    memcpy(&value, from, sizeof value);
    return VL_LITTLE_ENDIAN ? __builtin_bswap64(value) : value;
}

static inline void
vl_store_le16(void *to, uint16_t value)
{
    value = VL_LITTLE_ENDIAN ? value : __builtin_bswap16(value);
    memcpy(to, &value, sizeof value);
}

static inline void
vl_store_le32(void *to, uint32_t value)
{
    value = VL_LITTLE_ENDIAN ? value : __builtin_bswap32(value);
    memcpy(to, &value, sizeof value);
}

static inline void
vl_store_le64(void *to, uint64_t value)
{
    value = VL_LITTLE_ENDIAN ? value : __builtin_bswap64(value);
    memcpy(to, &value, sizeof value);
}

static inline void
vl_store_be64(void *to, uint64_t value)
{
    value = VL_LITTLE_ENDIAN ? __builtin_bswap64(value) : value;
    memcpy(to, &value, sizeof value);
}

/* Signed numbers as unsigned ones that are small where the number is near zero. */
static inline uint64_t
vl_zigzag_encode(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t
vl_zigzag_decode(uint64_t value)
{
    return (int64_t)((value >> 1) ^ ((value & 1) != 0 ? UINT64_MAX : 0));
}

/* Store the lowest `size` bytes of `value`, 1 to 8 of them, and no others. */
static inline void
vl_store_le_bytes(uint8_t *to, uint64_t value, uint32_t size)
{
    if (size >= 4) { /* two stores that overlap, in place of a loop */
        vl_store_le32(to, (uint32_t)value);
        vl_store_le32(to + size - 4, (uint32_t)(value >> (8 * (size - 4))));
    } else if (size >= 2) {
        vl_store_le16(to, (uint16_t)value);
        to[size - 1] = (uint8_t)(value >> (8 * (size - 1)));
    } else {
        *to = (uint8_t)value;
    }
}

/* Size in bytes of the varint of `value`, 1 to 9. */
static inline uint32_t
vl_varint_size(uint64_t value)
{
    uint32_t bits = 64U - (uint32_t)__builtin_clzll(value | 1);

    return bits > 56 ? 9 : (bits + 6) / 7;
}

/* Write `value` to `to`, which has room for VL_VARINT_MAX_SIZE bytes. Returns the byte behind it.
 */
static inline uint8_t *
vl_varint_put(uint8_t *to, uint64_t value)
{
    uint32_t size;

    if (value < 1U << 7) {
        *to = (uint8_t)(value << 1 | 1);
        return to + 1;
    }
    if (value < 1U << 14) {
        vl_store_le16(to, (uint16_t)(value << 2 | 2));
        return to + 2;
    }
    size = vl_varint_size(value);
    if (size == 9) {
        to[0] = 0;
        vl_store_le64(to + 1, value);
        return to + 9;
    }
    vl_store_le_bytes(to, ((value << 1) | 1) << (size - 1), size);
    return to + size;
}

/* Read a varint of `size` bytes, as vl_varint_get does, with all of it known to be there. */
static inline uint64_t
vl_varint_load(const uint8_t *from, uint32_t size)
{
    uint64_t coded = 0;

    if (size == 9)
        return vl_load_le64(from + 1);
    for (uint32_t i = 0; i < size; i++)
        coded |= (uint64_t)from[i] << (8 * i);
    return coded >> size;
}

/* Read a varint from the bytes [from, end). Returns the byte behind it, or NULL when the bytes end
 * too early or are not the shortest form; *value is then 0. Safe on any input. */
static inline const uint8_t *
vl_varint_get(const uint8_t *from, const uint8_t *end, uint64_t *value)
{
    uint32_t size;

    *value = 0;
    if (from >= end)
        return NULL;
    size = from[0] == 0 ? 9U : (uint32_t)__builtin_ctz(from[0]) + 1U;
    if ((size_t)(end - from) < size)
        return NULL;
    if (end - from >= 8 && size < 9)
        *value = (vl_load_le64(from) & (UINT64_MAX >> (64 - 8 * size))) >> size;
    else
        *value = vl_varint_load(from, size);
    if (vl_varint_size(*value) != size) {
        *value = 0;
        return NULL;
    }
    return from + size;
}

#endif
