/* key.h - values as byte strings whose memcmp order is the SQL order.
 *
 * A key is the concatenation of its columns. Order: NULL < numbers < text < blob. Integers and
 * reals are ordered by value, exactly, over all of int64 and double, and have the same bytes
 * where they are equal: 1 and 1.0, 0 and -0.0, 2^53 and 9007199254740992.0. Text is ordered by its
 * collation, and equal texts of a collation have the same bytes. A shorter text comes before a
 * longer one that starts with it. A descending column is complemented byte by byte. No column's
 * bytes are a proper prefix of another's, so columns can be put one behind the other and told
 * apart.
 *
 * First byte of an ascending column:
 *
 *   0x02         NULL
 *   0x07         number <= -2^64:   8 bytes
 *   0x08 - 0x10  negative number:   9 to 1 bytes of 2M+f, then the fraction
 *   0x11 - 0x3f  -(2M+f), 47 to 1:  then the fraction
 *   0x40 - 0xaf  2M+f, 0 to 111:    then the fraction
 *   0xb0 - 0xb8  positive number:   1 to 9 bytes of 2M+f, then the fraction
 *   0xb9         number >= 2^64:    8 bytes
 *   0xc8         text:              bytes, 0x00
 *   0xd0         blob:              bytes, 0x00
 *
 * A number is its sign and its magnitude, M the whole part and f = 1 if a fraction follows, 0 if
 * the number is whole. 2M+f stands big-endian without leading zeros. So whole numbers from -23 to
 * 55 take one byte, those to +-127 two. A fraction stands left-aligned in as few bytes as its bits
 * can fill: a double with a whole part of B bits has at most 53 - B bits behind the point; with
 * M = 0 it is the bits of the double, 8 bytes. Magnitudes from 2^64 on are the bits of the double.
 * Of a negative number all bytes behind the sign are complemented.
 *
 * In text and blobs the byte 0x00 stands as 0x01 0x01 and 0x01 as 0x01 0x02, so that the end, 0x00,
 * is below anything that may follow in a longer one.
 *
 * What a key forgets: whether a whole number was INTEGER or REAL, the sign of zero, and what a
 * collation ignores. vl_key_is_exact tells; an index that must give values back keeps the rest
 * beside the key.
 *
 * All functions are pure; any thread. */
#ifndef VL_STORAGE_KEY_H
#define VL_STORAGE_KEY_H

#include "base/platform.h"
#include "base/type.h"

/* The most bytes a number or NULL takes: first byte, 2M+f, fraction (they are not long together).
 */
#define VL_KEY_NUMBER_SIZE 10

/* How a column is ordered. */
typedef struct vl_key_order {
    vl_collation collation; /* of text; one of the application's orders keys as BINARY */
    int is_descending;      /* 1 for DESC */
} vl_key_order;

/* The exact number of bytes that vl_key_put writes for a value. */
size_t vl_key_size(const vl_value *value, vl_key_order order);

/* Write a value's bytes to `to`, which has room for vl_key_size of them. Returns the byte behind.
 * A NaN is written as NULL. */
uint8_t *vl_key_put(uint8_t *to, const vl_value *value, vl_key_order order);

/* Whether vl_key_get gives back this very value, type included. */
int vl_key_is_exact(const vl_value *value, vl_key_order order);

/* Read one column of the bytes [from, end), which may be anything.
 *
 * order   as it was put; the collation does not matter
 * value   receives a whole number within int64 as INTEGER, other numbers as REAL. For text and
 *         blob only type and size (of the plain bytes) are set, and as.data is NULL: the bytes are
 *         fetched with vl_key_get_bytes
 * returns the byte behind the column, or NULL when the bytes are no column: cut short, an unknown
 *         first byte, or a form that vl_key_put does not write */
const uint8_t *vl_key_get(const uint8_t *from, const uint8_t *end, vl_key_order order,
                          vl_value *value);

/* Copy the plain bytes of a text or blob column that vl_key_get has accepted: `size` is the number
 * of them that it gave. */
void vl_key_get_bytes(uint8_t *to, size_t size, const uint8_t *from, vl_key_order order);

/* Compare two keys of any number of columns: negative, 0 or positive, as memcmp, a proper prefix
 * coming first. */
int vl_key_compare(const void *a, size_t a_size, const void *b, size_t b_size);

#endif
