/* key.c - the order-preserving key codec.
 *
 * Invariants
 *   X1  Every number has one form, whatever type it came in: it is split exactly into sign, whole
 *       part and fraction, or is at least 2^64 in magnitude and then is a double.
 *   X2  Nothing is read at or behind `end`, whatever the bytes.
 *   X3  What vl_key_get accepts is what vl_key_put writes: each accepted number is encoded again
 *       and compared. */
#include "storage/key.h"

#include "base/assert.h"
#include "base/bytes.h"

#include <math.h>
#include <string.h>

/* First bytes; see key.h. */
#define KEY_NULL           0x02
#define KEY_NEGATIVE_BIG   0x07
#define KEY_NEGATIVE_FIRST 0x08 /* with 9 bytes */
#define KEY_NEGATIVE_LAST  0x10 /* with 1 byte */
#define KEY_ZERO           0x40
#define KEY_POSITIVE_FIRST 0xb0 /* with 1 byte */
#define KEY_POSITIVE_LAST  0xb8 /* with 9 bytes */
#define KEY_POSITIVE_BIG   0xb9
#define KEY_TEXT           0xc8
#define KEY_BLOB           0xd0

#define KEY_SMALL_POSITIVE (KEY_POSITIVE_FIRST - 1 - KEY_ZERO) /* largest 2M+f in one byte */
#define KEY_SMALL_NEGATIVE (KEY_ZERO - 1 - KEY_NEGATIVE_LAST)

#define KEY_TWO_64 18446744073709551616.0

#define KEY_TWOS      UINT64_C(0x0202020202020202)
#define KEY_HIGH_BITS UINT64_C(0x8080808080808080)

/* A number, taken apart (X1). */
typedef struct key_number {
    int is_negative;   /* the sign; 0 for zero */
    int is_big;        /* magnitude >= 2^64: `bits` holds it */
    uint64_t whole;    /* M */
    uint64_t fraction; /* bits of the fraction, left-aligned in fraction_size bytes; 0 for none */
    unsigned fraction_size; /* bytes the fraction takes, 0 when there is none */
    uint64_t bits;          /* is_big: the magnitude as the bits of a double */
} key_number;

/* Bytes of a fraction behind a whole part: 8 for none, else what 53 bits less the whole part's
 * leave. 0 when no double has both. */
static unsigned
key_fraction_size(uint64_t whole)
{
    unsigned bits = whole == 0 ? 0 : 64U - (unsigned)__builtin_clzll(whole);

    if (whole == 0)
        return 8;
    return bits >= 53 ? 0 : (53 - bits + 7) / 8;
}

static key_number
key_split_integer(int64_t value)
{
    key_number number = {0};

    number.is_negative = value < 0;
    number.whole = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    return number;
}

/* Take a double apart; not for NaN. All steps are exact. */
static key_number
key_split_real(double value)
{
    key_number number = {0};
    double magnitude = fabs(value);
    double fraction;

    number.is_negative = value < 0;
    if (magnitude >= KEY_TWO_64) {
        number.is_big = 1;
        number.bits = vl_real_bits(magnitude);
        return number;
    }
    number.whole = (uint64_t)magnitude;
    fraction =
        magnitude - (double)number.whole; /* whole is a double's: below 2^53, or no fraction */
    if (!(fraction > 0))
        return number;
    number.fraction_size = key_fraction_size(number.whole);
    if (number.whole == 0)
        number.fraction = vl_real_bits(fraction);
    else
        number.fraction = (uint64_t)ldexp(fraction, 8 * (int)number.fraction_size);
    return number;
}

/* Write the low `size` bytes of value big-endian, each xored with `flip`. */
static uint8_t *
key_put_bytes(uint8_t *to, uint64_t value, unsigned size, uint8_t flip)
{
    while (size-- > 0)
        *to++ = (uint8_t)(value >> (8 * size)) ^ flip;
    return to;
}

/* Write 2M+f, which has up to 65 bits, with its first byte. */
static uint8_t *
key_put_whole(uint8_t *to, const key_number *number, uint8_t flip)
{
    uint64_t low = (number->whole << 1) | (number->fraction_size > 0);
    unsigned high = (unsigned)(number->whole >> 63); /* the 65th bit */
    unsigned size;

    if (high == 0 && low <= (number->is_negative ? KEY_SMALL_NEGATIVE : KEY_SMALL_POSITIVE)) {
        *to++ = (uint8_t)(number->is_negative ? KEY_ZERO - low : KEY_ZERO + low);
        return to;
    }
    size = high != 0 ? 9 : (64U - (unsigned)__builtin_clzll(low) + 7) / 8;
    *to++ = (uint8_t)(number->is_negative ? KEY_NEGATIVE_LAST + 1 - size
                                          : KEY_POSITIVE_FIRST - 1 + size);
    if (high != 0)
        *to++ = (uint8_t)(1 ^ flip);
    return key_put_bytes(to, low, size < 9 ? size : 8, flip);
}

static uint8_t *
key_put_number(uint8_t *to, const key_number *number)
{
    uint8_t flip = number->is_negative ? 0xff : 0;

    if (number->is_big) {
        *to++ = number->is_negative ? KEY_NEGATIVE_BIG : KEY_POSITIVE_BIG;
        return key_put_bytes(to, number->bits, 8, flip);
    }
    to = key_put_whole(to, number, flip);
    return key_put_bytes(to, number->fraction, number->fraction_size, flip);
}

/* Number of bytes of a text that its collation looks at. */
static size_t
key_text_length(const uint8_t *data, size_t size, vl_collation collation)
{
    if (collation == VL_COLLATE_RTRIM)
        while (size > 0 && data[size - 1] == ' ')
            size--;
    return size;
}

static uint8_t
key_fold(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + ('a' - 'A')) : byte;
}

static uint8_t *
key_put_text(uint8_t *to, const vl_value *value, vl_collation collation)
{
    const uint8_t *data = value->as.data;
    int is_text = value->type == VL_TYPE_TEXT;
    size_t size = is_text ? key_text_length(data, value->size, collation) : value->size;

    size_t i = 0;

    *to++ = is_text ? KEY_TEXT : KEY_BLOB;
    if (!is_text || collation != VL_COLLATE_NOCASE) { /* eight at once, while none is 0 or 1 */
        uint64_t eight;

        for (; size - i >= 8; i += 8, to += 8) {
            memcpy(&eight, data + i, 8);
            if (((eight - KEY_TWOS) & ~eight & KEY_HIGH_BITS) != 0)
                break;
            memcpy(to, &eight, 8);
        }
    }
    for (; i < size; i++) {
        if (data[i] <= 1) {
            *to++ = 1;
            *to++ = (uint8_t)(data[i] + 1);
        } else {
            *to++ = is_text && collation == VL_COLLATE_NOCASE ? key_fold(data[i]) : data[i];
        }
    }
    *to++ = 0;
    return to;
}

static int
key_is_null(const vl_value *value)
{
    return value->type == VL_TYPE_NULL || (value->type == VL_TYPE_REAL && isnan(value->as.real));
}

static key_number
key_split(const vl_value *value)
{
    return value->type == VL_TYPE_INTEGER ? key_split_integer(value->as.integer)
                                          : key_split_real(value->as.real);
}

static size_t
key_text_size(const vl_value *value, vl_collation collation)
{
    const uint8_t *data = value->as.data;
    size_t length =
        value->type == VL_TYPE_TEXT ? key_text_length(data, value->size, collation) : value->size;
    size_t size = length + 2;

    for (size_t i = 0; i < length; i++)
        size += data[i] <= 1;
    return size;
}

size_t
vl_key_size(const vl_value *value, vl_key_order order)
{
    uint8_t bytes[VL_KEY_NUMBER_SIZE];
    key_number number;

    if (key_is_null(value))
        return 1;
    if (value->type == VL_TYPE_TEXT || value->type == VL_TYPE_BLOB)
        return key_text_size(value, order.collation);
    number = key_split(value);
    return (size_t)(key_put_number(bytes, &number) - bytes);
}

uint8_t *
vl_key_put(uint8_t *to, const vl_value *value, vl_key_order order)
{
    uint8_t *start = to;
    key_number number;

    if (key_is_null(value)) {
        *to++ = KEY_NULL;
    } else if (value->type == VL_TYPE_TEXT || value->type == VL_TYPE_BLOB) {
        to = key_put_text(to, value, order.collation);
    } else {
        number = key_split(value);
        to = key_put_number(to, &number);
    }
    for (uint8_t *at = start; order.is_descending && at < to; at++)
        *at = (uint8_t)~*at;
    return to;
}

int
vl_key_is_exact(const vl_value *value, vl_key_order order)
{
    const uint8_t *data;

    if (value->type == VL_TYPE_REAL) {
        double real = value->as.real;

        /* A whole one within int64 comes back as INTEGER. NaN counts as NULL. */
        return isnan(real) || real != floor(real) || real < -9223372036854775808.0 ||
               real >= 9223372036854775808.0;
    }
    if (value->type != VL_TYPE_TEXT || order.collation == VL_COLLATE_BINARY ||
        order.collation >= VL_COLLATE_USER)
        return 1;
    data = value->as.data;
    if (order.collation == VL_COLLATE_RTRIM)
        return key_text_length(data, value->size, order.collation) == value->size;
    for (size_t i = 0; i < value->size; i++)
        if (key_fold(data[i]) != data[i])
            return 0;
    return 1;
}

/* A column being read. */
typedef struct key_reader {
    const uint8_t *at;  /* next byte */
    const uint8_t *end; /* behind the last; keeps X2 */
    uint8_t flip;       /* 0xff in a descending column */
} key_reader;

/* Read `size` bytes big-endian, each xored with `flip` as well: 0 when they are not there. */
static int
key_get_bytes(key_reader *reader, unsigned size, uint8_t flip, uint64_t *value)
{
    *value = 0;
    if ((size_t)(reader->end - reader->at) < size)
        return 0;
    flip ^= reader->flip;
    while (size-- > 0)
        *value = (*value << 8) | (uint8_t)(*reader->at++ ^ flip);
    return 1;
}

/* Read 2M+f behind its first byte: M into the number, f into *has_fraction. */
static int
key_get_whole(key_reader *reader, uint8_t first, uint8_t flip, key_number *number,
              int *has_fraction)
{
    uint64_t high = 0;
    uint64_t low;
    unsigned size;

    if (first > KEY_NEGATIVE_LAST && first < KEY_POSITIVE_FIRST) {
        low = number->is_negative ? (uint64_t)(KEY_ZERO - first) : (uint64_t)(first - KEY_ZERO);
    } else {
        size =
            number->is_negative ? KEY_NEGATIVE_LAST + 1U - first : first + 1U - KEY_POSITIVE_FIRST;
        if (size == 9 && (!key_get_bytes(reader, 1, flip, &high) || high != 1))
            return 0;
        if (!key_get_bytes(reader, size < 9 ? size : 8, flip, &low))
            return 0;
    }
    number->whole = (low >> 1) | (high << 63);
    *has_fraction = (int)(low & 1);
    return 1;
}

/* Read a number behind its first byte into its parts. The form is checked by the caller (X3). */
static int
key_get_number(key_reader *reader, uint8_t first, key_number *number)
{
    uint8_t flip;
    int has_fraction;

    memset(number, 0, sizeof *number);
    number->is_negative = first < KEY_ZERO;
    flip = number->is_negative ? 0xff : 0;
    if (first == KEY_NEGATIVE_BIG || first == KEY_POSITIVE_BIG) {
        number->is_big = 1;
        return key_get_bytes(reader, 8, flip, &number->bits);
    }
    if (!key_get_whole(reader, first, flip, number, &has_fraction))
        return 0;
    if (!has_fraction)
        return 1;
    number->fraction_size = key_fraction_size(number->whole);
    return number->fraction_size > 0 &&
           key_get_bytes(reader, number->fraction_size, flip, &number->fraction);
}

/* Put a number's parts together: as INTEGER where it is whole and fits. */
static void
key_join(const key_number *number, vl_value *value)
{
    uint64_t most = (uint64_t)INT64_MAX + (uint64_t)number->is_negative;
    double magnitude;

    if (!number->is_big && number->fraction_size == 0 && number->whole <= most) {
        value->type = VL_TYPE_INTEGER;
        value->as.integer = (int64_t)(number->is_negative ? 0 - number->whole : number->whole);
        return;
    }
    if (number->is_big)
        magnitude = vl_bits_real(number->bits);
    else if (number->fraction_size > 0 && number->whole == 0)
        magnitude = vl_bits_real(number->fraction);
    else
        magnitude = (double)number->whole +
                    ldexp((double)number->fraction, -8 * (int)number->fraction_size);
    value->type = VL_TYPE_REAL;
    value->as.real = number->is_negative ? -magnitude : magnitude;
}

/* Whether the bytes from `start` to `reader->at` are what vl_key_put writes for the value; keeps X3
 * for numbers. */
static int
key_is_canonical(const key_reader *reader, const uint8_t *start, const vl_value *value,
                 vl_key_order order)
{
    uint8_t again[VL_KEY_NUMBER_SIZE];
    size_t size;

    if (value->type == VL_TYPE_REAL && isnan(value->as.real))
        return 0;
    size = (size_t)(vl_key_put(again, value, order) - again);
    return size == (size_t)(reader->at - start) && memcmp(again, start, size) == 0;
}

/* Find the end of a text or blob behind its first byte, counting its plain bytes. */
static int
key_get_text(key_reader *reader, vl_value *value)
{
    size_t size = 0;

    for (;;) {
        uint8_t byte;

        if (reader->at == reader->end)
            return 0;
        byte = *reader->at++ ^ reader->flip;
        if (byte == 0)
            break;
        if (byte == 1) {
            if (reader->at == reader->end)
                return 0;
            byte = *reader->at++ ^ reader->flip;
            if (byte != 1 && byte != 2)
                return 0;
        }
        size++;
    }
    if (size > UINT32_MAX)
        return 0;
    value->size = (uint32_t)size;
    return 1;
}

const uint8_t *
vl_key_get(const uint8_t *from, const uint8_t *end, vl_key_order order, vl_value *value)
{
    key_reader reader = {from, end, order.is_descending ? 0xff : 0};
    key_number number;
    uint8_t first;

    memset(value, 0, sizeof *value);
    value->type = VL_TYPE_NULL;
    if (from >= end)
        return NULL;
    first = *reader.at++ ^ reader.flip;
    if (first == KEY_NULL)
        return reader.at;
    if (first == KEY_TEXT || first == KEY_BLOB) {
        value->type = first == KEY_TEXT ? VL_TYPE_TEXT : VL_TYPE_BLOB;
        return key_get_text(&reader, value) ? reader.at : NULL;
    }
    if (first < KEY_NEGATIVE_BIG || first > KEY_POSITIVE_BIG ||
        !key_get_number(&reader, first, &number))
        return NULL;
    key_join(&number, value);
    return key_is_canonical(&reader, from, value, order) ? reader.at : NULL;
}

void
vl_key_get_bytes(uint8_t *to, size_t size, const uint8_t *from, vl_key_order order)
{
    uint8_t flip = order.is_descending ? 0xff : 0;

    VL_ASSERT((*from ^ flip) == KEY_TEXT || (*from ^ flip) == KEY_BLOB);
    from++;
    while (size-- > 0) {
        uint8_t byte = *from++ ^ flip;

        *to++ = byte != 1 ? byte : (uint8_t)((*from++ ^ flip) - 1);
    }
}

int
vl_key_compare(const void *a, size_t a_size, const void *b, size_t b_size)
{
    size_t common = a_size < b_size ? a_size : b_size;
    int order = common > 0 ? memcmp(a, b, common) : 0;

    if (order != 0)
        return order;
    return (a_size > b_size) - (a_size < b_size);
}
