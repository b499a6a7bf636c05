/* like.c - LIKE and GLOB.
 *
 * Invariants
 *   L1  Only the last wildcard for any characters is ever tried again: if what stands before it has
 *       matched once, a longer match of it cannot help, since the wildcard can take the rest.
 *       The same makes the first place right where a part between two wildcards is found.
 *   L2  So each character of the text begins at most one run through the part of the pattern behind
 *       that wildcard, which bounds the time by the product of the sizes. */
#include "vec/like.h"

#include "base/ctx.h"
#include "base/utf8.h"

#include <string.h>

/* Bytes that are read from the front. */
typedef struct like_text {
    const unsigned char *at;  /* next byte */
    const unsigned char *end; /* one past the last */
} like_text;

/* Characters with a meaning; 0 for none. */
typedef struct like_rules {
    uint32_t any;    /* stands for any characters */
    uint32_t one;    /* stands for one */
    uint32_t escape; /* makes the next stand for itself */
    uint32_t set;    /* begins a set */
    int is_folded;   /* whether ASCII's letters match in either case */
} like_rules;

/* Take a character; 0 at the end. */
static uint32_t
like_take(like_text *text)
{
    return text->at == text->end ? 0 : vl_utf8_take(&text->at, text->end);
}

static uint32_t
like_fold(uint32_t c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* Whether `c` is in the set whose '[' was taken from the pattern; takes the set. 0 also when the
 * set has no end. */
static int
like_take_set(like_text *pattern, uint32_t c)
{
    uint32_t previous = 0; /* may begin a range */
    int is_inverted = 0;
    int is_in = 0;
    uint32_t member = like_take(pattern);

    if (member == '^') {
        is_inverted = 1;
        member = like_take(pattern);
    }
    if (member == ']') {
        is_in = c == ']';
        member = like_take(pattern);
    }
    for (; member != 0 && member != ']'; member = like_take(pattern)) {
        int is_last = pattern->at == pattern->end || *pattern->at == ']';

        if (member == '-' && previous != 0 && !is_last) {
            uint32_t last = like_take(pattern);

            is_in |= c >= previous && c <= last;
            previous = 0;
        } else {
            is_in |= c == member;
            previous = member;
        }
    }
    return member == ']' && is_in != is_inverted;
}

/* Match one character of the text with the pattern, whose character `c` was taken. */
static int
like_match_one(const like_rules *rules, uint32_t c, like_text *pattern, like_text *text)
{
    uint32_t found = like_take(text);

    if (c == rules->escape) {
        c = like_take(pattern);
        if (c == 0)
            return 0;
    } else if (c == rules->one) {
        return 1;
    } else if (c == rules->set) {
        return like_take_set(pattern, found);
    }
    return c == found || (rules->is_folded && like_fold(c) == like_fold(found));
}

static int
like_match(const like_rules *rules, like_text pattern, like_text text)
{
    like_text retry_pattern = {NULL, NULL}; /* behind the last wildcard */
    like_text retry_text = text;            /* where that part was tried last */

    for (;;) {
        like_text rest = pattern;
        uint32_t c = like_take(&rest);

        if (c != 0 && c == rules->any) {
            pattern = rest;
            retry_pattern = rest;
            retry_text = text;
            if (rest.at == rest.end)
                return 1;
            continue;
        }
        if (text.at == text.end)
            return c == 0;
        if (c != 0 && like_match_one(rules, c, &rest, &text)) {
            pattern = rest;
            continue;
        }
        if (retry_pattern.at == NULL)
            return 0;
        (void)like_take(&retry_text); /* keeps L1 */
        pattern = retry_pattern;
        text = retry_text;
    }
}

/* The bytes before the first 0. */
static like_text
like_text_of(const void *bytes, size_t size)
{
    const unsigned char *at = size > 0 ? bytes : (const unsigned char *)"";
    const unsigned char *zero = size > 0 ? memchr(at, 0, size) : NULL;

    return (like_text){at, zero != NULL ? zero : at + size};
}

velo_status
vl_like_escape(vl_ctx *ctx, const void *text, size_t size, uint32_t *escape)
{
    like_text rest = like_text_of(text, size);

    *escape = like_take(&rest);
    if (*escape != 0 && rest.at == rest.end)
        return VELO_OK;
    *escape = 0;
    return vl_fail(ctx, VELO_ERROR, "ESCAPE expression must be a single character");
}

static velo_status
like_check_pattern(vl_ctx *ctx, size_t size)
{
    if (size > VL_LIKE_PATTERN_MAX)
        return vl_fail(ctx, VELO_ERROR, "LIKE or GLOB pattern too complex");
    return VELO_OK;
}

velo_status
vl_like_match(vl_ctx *ctx, const void *pattern, size_t pattern_size, const void *text,
              size_t text_size, uint32_t escape, int *is_match)
{
    like_rules rules = {.any = '%', .one = '_', .escape = escape, .is_folded = 1};

    *is_match = 0;
    VL_TRY(like_check_pattern(ctx, pattern_size));
    if (escape == '%')
        rules.any = 0;
    *is_match =
        like_match(&rules, like_text_of(pattern, pattern_size), like_text_of(text, text_size));
    return VELO_OK;
}

velo_status
vl_like_match_exact(vl_ctx *ctx, const void *pattern, size_t pattern_size, const void *text,
                    size_t text_size, uint32_t escape, int *is_match)
{
    like_rules rules = {.any = '%', .one = '_', .escape = escape};

    *is_match = 0;
    VL_TRY(like_check_pattern(ctx, pattern_size));
    if (escape == '%')
        rules.any = 0;
    *is_match =
        like_match(&rules, like_text_of(pattern, pattern_size), like_text_of(text, text_size));
    return VELO_OK;
}

/* ---- plain patterns ---- */

int
vl_like_is_plain(const void *pattern, size_t pattern_size)
{
    const unsigned char *at = pattern;

    if (pattern_size > VL_LIKE_PATTERN_MAX)
        return 0;
    for (size_t i = 0; i < pattern_size; i++)
        if (at[i] == 0 || at[i] >= 0x80 || at[i] == '_')
            return 0;
    return 1;
}

/* Whether `size` bytes are the same but for the case of ASCII's letters. */
static int
like_is_same(const unsigned char *a, const unsigned char *b, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (a[i] != b[i] && like_fold(a[i]) != like_fold(b[i]))
            return 0;
    return 1;
}

/* The first place of a part in the text, or NULL. The part is not empty. */
static const unsigned char *
like_find(const unsigned char *part, size_t size, like_text text)
{
    unsigned char first = part[0];
    unsigned char other = first;

    if ((first | 0x20U) >= 'a' && (first | 0x20U) <= 'z')
        other = first ^ 0x20U;
    for (; (size_t)(text.end - text.at) >= size; text.at++)
        if ((*text.at == first || *text.at == other) &&
            like_is_same(part + 1, text.at + 1, size - 1))
            return text.at;
    return NULL;
}

int
vl_like_match_plain(const void *pattern, size_t pattern_size, const void *text, size_t text_size)
{
    like_text rest = like_text_of(text, text_size);
    const unsigned char *at = pattern_size > 0 ? pattern : (const unsigned char *)"";
    const unsigned char *end = at + pattern_size;
    const unsigned char *wildcard = pattern_size > 0 ? memchr(at, '%', pattern_size) : NULL;
    size_t size = (size_t)((wildcard != NULL ? wildcard : end) - at);

    if ((size_t)(rest.end - rest.at) < size || !like_is_same(at, rest.at, size))
        return 0;
    rest.at += size;
    if (wildcard == NULL)
        return rest.at == rest.end;
    for (size = 0; end[-1] != '%'; size++)
        end--;
    if ((size_t)(rest.end - rest.at) < size || !like_is_same(end, rest.end - size, size))
        return 0;
    rest.end -= size;
    for (at = wildcard + 1; at < end; at += size + 1) { /* each part ends with a wildcard */
        const unsigned char *found;

        wildcard = memchr(at, '%', (size_t)(end - at));
        size = wildcard != NULL ? (size_t)(wildcard - at) : 0;
        if (size == 0)
            continue;
        found = like_find(at, size, rest);
        if (found == NULL)
            return 0;
        rest.at = found + size;
    }
    return 1;
}

velo_status
vl_glob_match(vl_ctx *ctx, const void *pattern, size_t pattern_size, const void *text,
              size_t text_size, int *is_match)
{
    static const like_rules rules = {.any = '*', .one = '?', .set = '['};

    *is_match = 0;
    VL_TRY(like_check_pattern(ctx, pattern_size));
    *is_match =
        like_match(&rules, like_text_of(pattern, pattern_size), like_text_of(text, text_size));
    return VELO_OK;
}
