/* text.h - a text that grows. Start with {0}; running out of memory ends the program (memory.h). */
#ifndef VELO_SHELL_TEXT_H
#define VELO_SHELL_TEXT_H

#include <stddef.h>

#if defined(__GNUC__)
#define TEXT_PRINTF(at, first) __attribute__((format(printf, at, first)))
#else
#define TEXT_PRINTF(at, first)
#endif

typedef struct text {
    char *data;      /* owned; NULL when nothing was added yet */
    size_t size;     /* bytes of it in use */
    size_t capacity; /* bytes of it there are */
} text;

void text_add(text *to, const char *data, size_t size);
void text_add_string(text *to, const char *string);
void text_add_char(text *to, char c);
void text_add_repeated(text *to, const char *string, size_t times);
void text_add_format(text *to, const char *format, ...) TEXT_PRINTF(2, 3);

/* All of it with a zero byte behind; valid until the text is changed. */
const char *text_string(text *of);

/* Make it empty, keeping its memory; give its memory back. */
void text_clear(text *of);
void text_free(text *of);

#endif
