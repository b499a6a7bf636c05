/* text.c - comparing texts: without case, by GLOB and by LIKE. */
#include "compat_int.h"

#include <string.h>

static int
text_lower(char c)
{
    unsigned char byte = (unsigned char)c;

    return byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
}

int
sqlite3_strnicmp(const char *a, const char *b, int size)
{
    if (a == NULL)
        return b == NULL ? 0 : -1;
    if (b == NULL)
        return 1;
    for (int i = 0; i < size; i++) {
        int difference = text_lower(a[i]) - text_lower(b[i]);

        if (difference != 0 || a[i] == 0)
            return difference;
    }
    return 0;
}

int
sqlite3_stricmp(const char *a, const char *b)
{
    if (a == NULL)
        return b == NULL ? 0 : -1;
    if (b == NULL)
        return 1;
    while (*a != 0 && text_lower(*a) == text_lower(*b)) {
        a++;
        b++;
    }
    return text_lower(*a) - text_lower(*b);
}

/* Behind the character at `at`. */
static const char *
text_next(const char *at)
{
    if (*at != 0)
        at++;
    while (((unsigned char)*at & 0xc0) == 0x80)
        at++;
    return at;
}

static int
text_same(const char *a, const char *b)
{
    size_t size = (size_t)(text_next(a) - a);

    return size == (size_t)(text_next(b) - b) && memcmp(a, b, size) == 0;
}

/* Whether a character is in the set that begins behind "["; *end receives where the set ends, or
 * NULL when it does not. */
static int
text_in_set(const char *set, const char *c, const char **end)
{
    int is_inverted = *set == '^';
    int is_in = 0;
    const char *first = set + is_inverted;
    const char *at;

    for (at = first; *at != 0 && (*at != ']' || at == first); at = text_next(at)) {
        const char *to = text_next(at);

        if (*to == '-' && to[1] != ']' && to[1] != 0) {
            size_t size = (size_t)(text_next(c) - c);

            to++;
            if (strncmp(c, at, size) >= 0 && strncmp(c, to, size) <= 0)
                is_in = 1;
            at = to;
        } else if (text_same(at, c)) {
            is_in = 1;
        }
    }
    *end = *at == ']' ? at + 1 : NULL;
    return is_in != is_inverted;
}

/* One step of GLOB without "*": whether the character matches; *pattern moves on. */
static int
text_glob_one(const char **pattern, const char *c)
{
    const char *at = *pattern;
    int is_match;

    if (*c == 0 || *at == 0)
        return 0;
    if (*at == '?') {
        *pattern = at + 1;
        return 1;
    }
    if (*at == '[') {
        is_match = text_in_set(at + 1, c, pattern);
        return is_match && *pattern != NULL;
    }
    *pattern = text_next(at);
    return text_same(at, c);
}

int
sqlite3_strglob(const char *pattern, const char *text)
{
    const char *star = NULL; /* behind the last "*" */
    const char *from = NULL; /* where its match ends so far */

    if (text == NULL)
        return pattern != NULL;
    if (pattern == NULL)
        return 1;
    while (*text != 0) {
        if (*pattern == '*') {
            star = ++pattern;
            from = text;
        } else if (text_glob_one(&pattern, text)) {
            text = text_next(text);
        } else if (star != NULL) {
            pattern = star;
            text = from = text_next(from);
        } else {
            return 1;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern != 0;
}

static int
text_like_one(const char **pattern, const char *c, unsigned int escape)
{
    const char *at = *pattern;

    if (*c == 0 || *at == 0)
        return 0;
    if (escape != 0 && (unsigned char)*at == escape) {
        at++;
        if (*at == 0)
            return 0;
    } else if (*at == '_') {
        *pattern = at + 1;
        return 1;
    }
    *pattern = text_next(at);
    return (unsigned char)*at < 0x80 ? text_lower(*at) == text_lower(*c) : text_same(at, c);
}

int
sqlite3_strlike(const char *pattern, const char *text, unsigned int escape)
{
    const char *star = NULL; /* behind the last "%" */
    const char *from = NULL; /* where its match ends so far */

    if (text == NULL)
        return pattern != NULL;
    if (pattern == NULL)
        return 1;
    while (*text != 0) {
        if (*pattern == '%' && escape != '%') {
            star = ++pattern;
            from = text;
        } else if (text_like_one(&pattern, text, escape)) {
            text = text_next(text);
        } else if (star != NULL) {
            pattern = star;
            text = from = text_next(from);
        } else {
            return 1;
        }
    }
    while (*pattern == '%' && escape != '%')
        pattern++;
    return *pattern != 0;
}
