/* utf16.c - texts in UTF-16, which VelociDB keeps in UTF-8.
 *
 * What is no character becomes U+FFFD, both ways. */
#include "compat_int.h"

#include <string.h>

#define UTF16_BAD 0xfffdU

int
compat_machine_is_big(void)
{
    const uint16_t one = 1;
    unsigned char first;

    memcpy(&first, &one, 1);
    return first == 0;
}

int64_t
compat_utf16_size(const void *text)
{
    const unsigned char *at = text;
    int64_t size = 0;

    while (at[size] != 0 || at[size + 1] != 0)
        size += 2;
    return size;
}

/* Read a character of UTF-8 that has `left` bytes at most; *used of them. */
static uint32_t
utf16_read_utf8(const unsigned char *at, int64_t left, int *used)
{
    static const uint32_t least[4] = {0, 0x80, 0x800, 0x10000};
    uint32_t c = at[0];
    int more;

    *used = 1;
    if (c < 0x80)
        return c;
    more = c >= 0xf0 && c < 0xf8 ? 3 : c >= 0xe0 ? 2 : 1;
    if (c < 0xc0 || c >= 0xf8)
        return UTF16_BAD;
    c &= 0x3fU >> more;
    for (int i = 1; i <= more; i++) {
        if (i >= left || (at[i] & 0xc0) != 0x80)
            return UTF16_BAD;
        c = c << 6 | (at[i] & 0x3fU);
        *used = i + 1;
    }
    if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return UTF16_BAD;
    return c;
}

static void
utf16_put(unsigned char *to, int64_t *at, uint32_t unit, int is_big)
{
    to[*at + (is_big ? 0 : 1)] = (unsigned char)(unit >> 8);
    to[*at + (is_big ? 1 : 0)] = (unsigned char)unit;
    *at += 2;
}

void *
compat_to_utf16(const char *text, int64_t size, int is_big, int *out_size)
{
    unsigned char *out = sqlite3_malloc64((sqlite3_uint64)size * 2 + 2);
    int64_t at = 0;

    if (out == NULL)
        return NULL;
    for (int64_t i = 0; i < size;) {
        int used;
        uint32_t c = utf16_read_utf8((const unsigned char *)text + i, size - i, &used);

        i += used;
        if (c >= 0x10000) {
            utf16_put(out, &at, 0xd800U + ((c - 0x10000U) >> 10), is_big);
            c = 0xdc00U + ((c - 0x10000U) & 0x3ffU);
        }
        utf16_put(out, &at, c, is_big);
    }
    if (out_size != NULL)
        *out_size = (int)at;
    utf16_put(out, &at, 0, is_big);
    return out;
}

static int
utf16_write_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (char)(0xc0U | c >> 6);
        to[1] = (char)(0x80U | (c & 0x3fU));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (char)(0xe0U | c >> 12);
        to[1] = (char)(0x80U | (c >> 6 & 0x3fU));
        to[2] = (char)(0x80U | (c & 0x3fU));
        return 3;
    }
    to[0] = (char)(0xf0U | c >> 18);
    to[1] = (char)(0x80U | (c >> 12 & 0x3fU));
    to[2] = (char)(0x80U | (c >> 6 & 0x3fU));
    to[3] = (char)(0x80U | (c & 0x3fU));
    return 4;
}

static uint32_t
utf16_unit(const unsigned char *at, int is_big)
{
    return is_big ? (uint32_t)at[0] << 8 | at[1] : (uint32_t)at[1] << 8 | at[0];
}

char *
compat_from_utf16(const void *text, int64_t size, int is_big, int64_t *out_size)
{
    const unsigned char *in = text;
    int64_t length = size < 0 ? compat_utf16_size(text) : size & ~(int64_t)1;
    char *out = sqlite3_malloc64((sqlite3_uint64)length * 2 + 1);
    int64_t at = 0;
    int64_t i = 0;

    if (out == NULL)
        return NULL;
    if (length >= 2 && ((in[0] == 0xff && in[1] == 0xfe) || (in[0] == 0xfe && in[1] == 0xff))) {
        is_big = in[0] == 0xfe;
        i = 2;
    }
    for (; i < length; i += 2) {
        uint32_t c = utf16_unit(in + i, is_big);

        if (c >= 0xd800 && c < 0xdc00 && i + 2 < length) {
            uint32_t low = utf16_unit(in + i + 2, is_big);

            if (low >= 0xdc00 && low < 0xe000) {
                c = 0x10000U + ((c - 0xd800U) << 10) + (low - 0xdc00U);
                i += 2;
            }
        }
        if (c >= 0xd800 && c < 0xe000)
            c = UTF16_BAD;
        at += utf16_write_utf8(out + at, c);
    }
    out[at] = 0;
    if (out_size != NULL)
        *out_size = at;
    return out;
}
