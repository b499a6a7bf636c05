/* utf8.c - text from outside, made fit for one line of a message. */
#include "base/utf8.h"

#include <string.h>

/* Append bytes, each as \xNN. */
static size_t
utf8_append_escaped(char *to, size_t used, const char *bytes, size_t count)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < count; i++) {
        unsigned char c = (unsigned char)bytes[i];

        to[used++] = '\\';
        to[used++] = 'x';
        to[used++] = hex[c >> 4];
        to[used++] = hex[c & 15U];
    }
    return used;
}

size_t
vl_utf8_append(char *to, size_t used, size_t end, const char *text)
{
    while (*text != '\0') {
        size_t size = vl_utf8_size(text);
        int is_escaped = size == 0 || vl_utf8_control(text) > 0;

        size = size > 0 ? size : 1;
        if (used + (is_escaped ? 4 * size : size) > end)
            break;
        if (is_escaped) {
            used = utf8_append_escaped(to, used, text, size);
        } else {
            memcpy(to + used, text, size);
            used += size;
        }
        text += size;
    }
    to[used] = '\0';
    return used;
}
