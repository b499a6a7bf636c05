/* width.c - how many columns of a terminal a text takes. */
#include "width.h"
#include "width_table.h"

size_t
width_decode(const char *data, size_t size, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)data[0];
    size_t length;
    uint32_t value;

    if (first < 0x80) {
        *code = first;
        return 1;
    }
    length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    *code = UINT32_MAX;
    if (first < 0xc2 || first > 0xf4 || length > size)
        return 1;
    value = first & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        unsigned char next = (unsigned char)data[i];

        if ((next & 0xc0U) != 0x80)
            return 1;
        value = value << 6 | (next & 0x3fU);
    }
    if (value < least[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
        return 1;
    *code = value;
    return length;
}

static int
width_is_in(uint32_t code, const width_range *ranges, size_t count)
{
    size_t low = 0;

    while (count > 0) {
        size_t half = count / 2;

        if (code > ranges[low + half].last) {
            low += half + 1;
            count -= half + 1;
        } else if (code < ranges[low + half].first) {
            count = half;
        } else {
            return 1;
        }
    }
    return 0;
}

unsigned
width_of_code(uint32_t code)
{
    if (code < 0x20 || (code >= 0x7f && code < 0xa0))
        return 0;
    if (code < 0x300 || code == UINT32_MAX)
        return 1;
    if (width_is_in(code, width_zero, sizeof width_zero / sizeof width_zero[0]))
        return 0;
    return width_is_in(code, width_two, sizeof width_two / sizeof width_two[0]) ? 2 : 1;
}

size_t
width_of(const char *data, size_t size)
{
    size_t width = 0;

    for (size_t at = 0; at < size;) {
        uint32_t code;

        if (data[at] >= 0x20 && data[at] < 0x7f) { /* the most part of most texts */
            at++;
            width++;
            continue;
        }
        at += width_decode(data + at, size - at, &code);
        width += width_of_code(code);
    }
    return width;
}
