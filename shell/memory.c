/* memory.c - memory for the shell, or the end of the program. */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
memory_fail(void)
{
    (void)fflush(stdout);
    (void)fputs("velocidb: out of memory\n", stderr);
    exit(EXIT_FAILURE);
}

static void *
memory_check(void *memory)
{
    if (memory == NULL)
        memory_fail();
    return memory;
}

void *
memory_take(size_t size)
{
    return memory_check(calloc(1, size == 0 ? 1 : size));
}

void *
memory_resize(void *old, size_t size)
{
    return memory_check(realloc(old, size == 0 ? 1 : size));
}

char *
memory_copy(const char *data, size_t size)
{
    char *copy = memory_check(malloc(size + 1));

    if (size != 0)
        memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

char *
memory_copy_text(const char *text)
{
    return memory_copy(text, strlen(text));
}

void
memory_replace_text(char **text, const char *value)
{
    char *copy = memory_copy_text(value);

    free(*text);
    *text = copy;
}
