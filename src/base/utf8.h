/* utf8.h - UTF-8: where characters end, which are controls, and taking them as SQL does. */
#ifndef VL_BASE_UTF8_H
#define VL_BASE_UTF8_H

#include "base/platform.h"

/* Length of the longest prefix of the `length` bytes at `text` that does not end inside of a
 * character. Bytes that are no UTF-8 are left as they are. */
static inline size_t
vl_utf8_whole(const char *text, size_t length)
{
    size_t start = length;
    size_t need;
    unsigned char lead;

    while (start > 0 && length - start < 4 && ((unsigned char)text[start - 1] & 0xc0U) == 0x80U)
        start--;
    if (start == 0)
        return length;
    lead = (unsigned char)text[start - 1];
    need = lead >= 0xf0U ? 4 : lead >= 0xe0U ? 3 : lead >= 0xc0U ? 2 : 1;
    return length - (start - 1) < need ? start - 1 : length;
}

/* Size in bytes of the character at `text`, which ends with a 0 byte: 1 to 4, or 0 when the bytes
 * there are no UTF-8 (RFC 3629: overlong forms, surrogates and what is beyond U+10FFFF are none).
 */
static inline size_t
vl_utf8_size(const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;
    unsigned char least = 0x80U; /* of the second byte */
    unsigned char most = 0xbfU;
    size_t size = bytes[0] < 0x80U ? 1 : bytes[0] < 0xe0U ? 2 : bytes[0] < 0xf0U ? 3 : 4;

    if (size == 1)
        return 1;
    if (bytes[0] < 0xc2U || bytes[0] > 0xf4U)
        return 0;
    if (bytes[0] == 0xe0U)
        least = 0xa0U;
    else if (bytes[0] == 0xedU)
        most = 0x9fU;
    else if (bytes[0] == 0xf0U)
        least = 0x90U;
    else if (bytes[0] == 0xf4U)
        most = 0x8fU;
    if (bytes[1] < least || bytes[1] > most)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((bytes[i] & 0xc0U) != 0x80U)
            return 0;
    return size;
}

/* Size in bytes of the control character at `text`, which ends with a 0 byte; 0 when there is none.
 * 1 for U+0001 to U+001F and U+007F, 2 for U+0080 to U+009F, which terminals obey as well. */
static inline size_t
vl_utf8_control(const char *text)
{
    unsigned char first = (unsigned char)text[0];
    unsigned char second;

    if (first == 0)
        return 0;
    if (first < 0x20U || first == 0x7fU)
        return 1;
    if (first != 0xc2U)
        return 0;
    second = (unsigned char)text[1];
    return second >= 0x80U && second <= 0x9fU ? 2 : 0;
}

/* Take the character at *at, which is before `end`: as SQLite does, which reads any bytes. A lead
 * byte takes all that continues it; what is overlong, a surrogate, U+FFFE or U+FFFF gives U+FFFD,
 * and a byte that continues nothing itself. */
static inline uint32_t
vl_utf8_take(const unsigned char **at, const unsigned char *end)
{
    uint32_t c = *(*at)++;

    if (c < 0xc0U)
        return c;
    c = c < 0xe0U ? c & 0x1fU : c < 0xf0U ? c & 0x0fU : c < 0xf8U ? c & 0x07U : c & 0x03U;
    while (*at < end && (**at & 0xc0U) == 0x80U)
        c = c << 6 | (*(*at)++ & 0x3fU);
    if (c < 0x80U || (c & 0xfffff800U) == 0xd800U || (c & 0xfffffffeU) == 0xfffeU)
        return 0xfffdU;
    return c;
}

/* Append `text` to the `used` bytes at `to` as far as it fits before to[end], with control
 * characters and what is no UTF-8 escaped as \xNN, and end it with a 0 byte: to[end] must exist.
 * Returns the new length. */
size_t vl_utf8_append(char *to, size_t used, size_t end, const char *text);

#endif
