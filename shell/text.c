/* text.c - a text that grows.
 *
 * Invariants
 *   T1  size <= capacity, and data is NULL only when capacity is 0. */
#include "text.h"
#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
text_make_room(text *to, size_t more)
{
    size_t wanted = to->size + more;

    if (wanted <= to->capacity)
        return;
    if (wanted < to->capacity * 2)
        wanted = to->capacity * 2;
    if (wanted < 64)
        wanted = 64;
    to->data = memory_resize(to->data, wanted);
    to->capacity = wanted;
}

void
text_add(text *to, const char *data, size_t size)
{
    if (size == 0)
        return;
    text_make_room(to, size);
    memcpy(to->data + to->size, data, size);
    to->size += size;
}

void
text_add_string(text *to, const char *string)
{
    text_add(to, string, strlen(string));
}

void
text_add_char(text *to, char c)
{
    text_make_room(to, 1);
    to->data[to->size++] = c;
}

void
text_add_repeated(text *to, const char *string, size_t times)
{
    size_t size = strlen(string);

    for (size_t i = 0; i < times; i++)
        text_add(to, string, size);
}

void
text_add_format(text *to, const char *format, ...)
{
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0)
        return;
    text_make_room(to, (size_t)size + 1);
    va_start(arguments, format);
    (void)vsnprintf(to->data + to->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    to->size += (size_t)size;
}

const char *
text_string(text *of)
{
    text_make_room(of, 1);
    of->data[of->size] = '\0';
    return of->data;
}

void
text_clear(text *of)
{
    of->size = 0;
}

void
text_free(text *of)
{
    free(of->data);
    *of = (text){0};
}
