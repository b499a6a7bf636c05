/* leaf_int.h - how the parts of the table leaf find their way on a page. See leaf_pax.h. */
#ifndef VL_STORAGE_LEAF_INT_H
#define VL_STORAGE_LEAF_INT_H

#include "base/assert.h"
#include "base/bytes.h"
#include "storage/leaf_pax.h"

#include <string.h>

/* Offsets are stored in units of this many bytes; the least alignment of an array. */
#define LEAF_UNIT 8U

/* Arrays from this size on begin on a cache line. */
#define LEAF_ALIGN_FROM 512U

/* Slots between two stored offsets of packed text; lengths that a byte holds. */
#define LEAF_PACK_RUN        16U
#define LEAF_PACK_MAX_LENGTH 255U

/* Integers up to here in magnitude are doubles exactly, and no other integer is the same double. */
#define LEAF_EXACT_INTEGER ((INT64_C(1) << 53) - 1)

/* Scaled forms hold numbers whose integer k is at most this in magnitude: then real * 10^exponent,
 * rounded twice, is off by at most 1/4, and the nearest integer is k. */
#define LEAF_SCALE_LIMIT (INT64_C(1) << 50)

/* The part of a value that stands in a cell, and what stands beside it. */
typedef struct leaf_cell {
    uint64_t bits;  /* the cell; of texts decided when the heap is written */
    unsigned extra; /* NUMBER: is an integer; ANY: vl_type */
} leaf_cell;

static inline uint8_t *
vl_leaf_bytes(vl_leaf *leaf)
{
    return (uint8_t *)(void *)leaf;
}

static inline const uint8_t *
vl_leaf_cbytes(const vl_leaf *leaf)
{
    return (const uint8_t *)(const void *)leaf;
}

static inline uint8_t *
vl_leaf_array(vl_leaf *leaf, uint16_t at)
{
    return vl_leaf_bytes(leaf) + (size_t)at * LEAF_UNIT;
}

static inline const uint8_t *
vl_leaf_carray(const vl_leaf *leaf, uint16_t at)
{
    return vl_leaf_cbytes(leaf) + (size_t)at * LEAF_UNIT;
}

static inline vl_leaf_column *
vl_leaf_columns(vl_leaf *leaf)
{
    return (vl_leaf_column *)(void *)(leaf + 1);
}

static inline const vl_leaf_column *
vl_leaf_ccolumns(const vl_leaf *leaf)
{
    return (const vl_leaf_column *)(const void *)(leaf + 1);
}

static inline vl_leaf_exception *
vl_leaf_exceptions(vl_leaf *leaf, const vl_leaf_column *column)
{
    return (vl_leaf_exception *)(void *)vl_leaf_array(leaf, column->exceptions_at);
}

static inline const vl_leaf_exception *
vl_leaf_cexceptions(const vl_leaf *leaf, const vl_leaf_column *column)
{
    return (const vl_leaf_exception *)(const void *)vl_leaf_carray(leaf, column->exceptions_at);
}

static inline int
vl_leaf_bit(const uint8_t *bits, uint32_t slot)
{
    return (bits[slot / 8] >> (slot % 8)) & 1;
}

static inline void
vl_leaf_bit_put(uint8_t *bits, uint32_t slot, int is_set)
{
    uint8_t mask = (uint8_t)(1U << (slot % 8));

    bits[slot / 8] = (uint8_t)(is_set ? bits[slot / 8] | mask : bits[slot / 8] & ~mask);
}

/* Read and write an unsigned number of 1, 2, 4 or 8 bytes. */
static inline uint64_t
vl_leaf_load(const uint8_t *from, uint32_t width)
{
    if (width == 1)
        return *from;
    if (width == 2)
        return vl_load_le16(from);
    return width == 4 ? vl_load_le32(from) : vl_load_le64(from);
}

static inline void
vl_leaf_store(uint8_t *to, uint32_t width, uint64_t value)
{
    if (width == 1)
        *to = (uint8_t)value;
    else if (width == 2)
        vl_store_le16(to, (uint16_t)value);
    else if (width == 4)
        vl_store_le32(to, (uint32_t)value);
    else
        vl_store_le64(to, value);
}

/* The largest number of `width` bytes. */
static inline uint64_t
vl_leaf_width_max(uint32_t width)
{
    VL_ASSERT(width >= 1 && width <= 8);
    return UINT64_MAX >> (64 - 8 * width);
}

static inline uint32_t
vl_leaf_slot_offset(uint64_t cell)
{
    return (uint32_t)(cell & 0xffff);
}

static inline uint32_t
vl_leaf_slot_length(uint64_t cell)
{
    return (uint32_t)(cell >> 16) & 0xffff;
}

/* Heap bytes of a text cell. */
static inline uint32_t
vl_leaf_slot_heap(uint64_t cell)
{
    uint32_t length = vl_leaf_slot_length(cell);

    return length == VL_LEAF_OVERFLOW ? VL_LEAF_DESCRIPTOR_SIZE : length;
}

static inline int
vl_leaf_is_bytes(vl_type type)
{
    return type == VL_TYPE_TEXT || type == VL_TYPE_BLOB;
}

static inline int
vl_leaf_form_is_slots(uint32_t form)
{
    return form == VL_LEAF_TEXT || form == VL_LEAF_BLOB;
}

static inline int
vl_leaf_form_is_packed(uint32_t form)
{
    return form == VL_LEAF_PACKED_TEXT || form == VL_LEAF_PACKED_BLOB;
}

static inline int
vl_leaf_form_is_scaled(uint32_t form)
{
    return form == VL_LEAF_SCALED_REAL || form == VL_LEAF_SCALED_NUMBER;
}

/* The type to store a value as: NULL for a NaN. */
static inline vl_type
vl_leaf_type(const vl_leaf_value *value)
{
    return value->value.type == VL_TYPE_REAL && value->value.as.real != value->value.as.real
               ? VL_TYPE_NULL
               : value->value.type;
}

/* Bytes that a value takes in the heap. */
static inline uint32_t
vl_leaf_heap_size(const vl_leaf_value *value)
{
    if (!vl_leaf_is_bytes(value->value.type))
        return 0;
    return value->overflow != 0 ? VL_LEAF_DESCRIPTOR_SIZE : value->value.size;
}

/* ---- leaf_format.c ---- */

/* Bytes of a column's second array, `bits`, for so many slots. */
uint32_t vl_leaf_bits_size(uint32_t form, uint32_t slots);

/* Place the arrays of a page from its capacity and forms: sets all _at fields and fixed_end, which
 * may come out beyond any page; what does not fit a field is then cut. Returns fixed_end. */
uint64_t vl_leaf_place(vl_leaf *leaf, vl_leaf_column *columns, int has_order);

/* ---- leaf_read.c ---- */

/* The exception of a slot, or NULL; *index is where it stands or would stand. */
const vl_leaf_exception *vl_leaf_find_exception(const vl_leaf *leaf, const vl_leaf_column *column,
                                                uint32_t slot, uint32_t *index);

/* The text cell of a slot's value, 0 when its value is none or an exception or packed. */
uint64_t vl_leaf_text_cell(const vl_leaf *leaf, const vl_leaf_column *column, uint32_t slot);

/* Heap bytes that a column's value in a slot refers to, whatever the slot's state. */
uint32_t vl_leaf_value_heap(const vl_leaf *leaf, const vl_leaf_column *column, uint32_t slot);

/* Page offset of a packed value. */
uint32_t vl_leaf_packed_offset(const vl_leaf *leaf, const vl_leaf_column *column, uint32_t slot);

/* ---- leaf_cell.c ---- */

/* Find the integer k with k / 10^exponent == real, bit for bit, and |k| at most LEAF_SCALE_LIMIT:
 * 0 if none. */
int vl_leaf_scale(double real, uint32_t exponent, int64_t *k);

/* 10^exponent. */
int64_t vl_leaf_power(uint32_t exponent);

/* The value of an integer or real cell of a form. */
void vl_leaf_decode(const vl_leaf_column *column, leaf_cell cell, vl_value *value);

/* Make the cell of a value, which is not NULL: 0 when the form cannot hold it. Of texts, says only
 * whether. PACKED holds them too: whether the length suits is the caller's matter. */
int vl_leaf_encode(const vl_leaf_column *column, const vl_leaf_value *value, leaf_cell *cell);

/* Put a value into a slot below capacity, whose former value is of no account: encodes it as
 * typed cell, null or exception, and writes its bytes to the heap: over those of the text cell
 * `old` (0 for none) if they suffice, else where there is room for them. */
void vl_leaf_put(vl_leaf *leaf, uint32_t page_size, vl_leaf_column *column, uint32_t slot,
                 const vl_leaf_value *value, uint64_t old);

/* Write a text's bytes or descriptor to the heap: over those of the cell `old`, which nobody needs,
 * if they suffice. Returns the new cell. Empty ones have offset 0. */
uint64_t vl_leaf_put_heap(vl_leaf *leaf, uint32_t page_size, const vl_leaf_value *value,
                          uint64_t old);

/* Whether a value needs an exception entry in its column. */
int vl_leaf_is_exception(const vl_leaf_column *column, const vl_leaf_value *value);

/* ---- leaf_choose.c: what a column's values are like, and the form for them ---- */

typedef struct leaf_stats {
    uint32_t nulls;        /* values of each class */
    uint32_t integers;     /* all of them */
    uint32_t big_integers; /* those that no double is sure to hold */
    uint32_t reals;        /* not NaN */
    uint32_t texts;        /* in the page or in overflow */
    uint32_t blobs;        /* in the page or in overflow */
    uint32_t long_texts;   /* texts that packing does not hold: long, or in overflow */
    uint32_t long_blobs;   /* the same of blobs */
    int32_t exponent;      /* decimals that all reals need; -1: they cannot be scaled */
    uint32_t is_unused;    /* keeps the size a multiple of 8; 0 */
    int64_t low;           /* range of the integers, when there are any */
    int64_t high;          /* see low */
    double real_low;       /* range of the reals, when there are any */
    double real_high;      /* see real_low */
    int64_t first;         /* the integers that were counted first and last: they show whether */
    int64_t last;          /* values rise with the rowids */
    double real_first;     /* the same of the reals */
    double real_last;      /* see real_first */
    uint64_t heap;         /* bytes in the heap */
} leaf_stats;

/* Count one more value. */
void vl_leaf_stats_add(leaf_stats *stats, const vl_leaf_value *value);

/* Where a page leaves room for values to come. */
typedef enum leaf_spare {
    LEAF_SPARE_NONE,  /* nowhere: the page is tight */
    LEAF_SPARE_BOTH,  /* on both sides of the range */
    LEAF_SPARE_ABOVE, /* above it: for as much again where that costs little */
    LEAF_SPARE_BELOW  /* below it, the same */
} leaf_spare;

/* Choose width and base so that all of [low, high] is base + cell, and no cell leaves [least,
 * most], which is wider than 2^32. */
void vl_leaf_choose_base(int64_t low, int64_t high, int64_t least, int64_t most, leaf_spare spare,
                         uint8_t *width, int64_t *base);

/* Choose the form that takes the fewest bytes for `slots` slots, with exceptions for less than one
 * row in 16. Sets all of the column but id and places; exception_count is the number that will be.
 * `spare`: where rows are expected to come, by rowid: columns whose values rise or fall with it get
 * their room accordingly, others on both sides; and there is room for more exceptions, and no
 * packing. */
void vl_leaf_choose(const leaf_stats *stats, uint32_t slots, leaf_spare spare,
                    vl_leaf_column *column);

#endif
