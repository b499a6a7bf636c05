/* like.h - LIKE and GLOB, as SQLite matches them.
 *
 * Patterns and texts are bytes meant as UTF-8 and end at their first byte 0. What is no UTF-8 is
 * read as SQLite reads it: a lead byte takes all continuation bytes that follow, overlong forms and
 * surrogates are U+FFFD, a continuation byte alone is a character of its value.
 *
 * Matching needs no memory and no recursion; its time is at most (size of the text) * (size of the
 * pattern). Any thread may call. */
#ifndef VL_VEC_LIKE_H
#define VL_VEC_LIKE_H

#include "base/status.h"

/* The longest pattern, in bytes. */
#define VL_LIKE_PATTERN_MAX 50000

/* Read the operand of ESCAPE, which must be one character.
 * errors  VELO_ERROR; then *escape is 0 */
velo_status vl_like_escape(vl_ctx *ctx, const void *text, size_t size, uint32_t *escape)
    VL_MUST_CHECK;

/* Whether the whole text matches a LIKE pattern: % is any characters, _ is one; letters of ASCII
 * match in either case. `escape` (0 for none) makes the character behind it stand for itself, also
 * where it is % or _; a pattern that ends with it matches nothing. errors  VELO_ERROR when the
 * pattern is longer than VL_LIKE_PATTERN_MAX; then *is_match is 0 */
velo_status vl_like_match(vl_ctx *ctx, const void *pattern, size_t pattern_size, const void *text,
                          size_t text_size, uint32_t escape, int *is_match) VL_MUST_CHECK;

/* The same, but letters match in their own case only. */
velo_status vl_like_match_exact(vl_ctx *ctx, const void *pattern, size_t pattern_size,
                                const void *text, size_t text_size, uint32_t escape, int *is_match)
    VL_MUST_CHECK;

/* Whether a LIKE pattern is nothing but characters of ASCII and %, so that vl_like_match_plain may
 * match with it: no _, no byte 0, no more than VL_LIKE_PATTERN_MAX bytes. */
int vl_like_is_plain(const void *pattern, size_t pattern_size);

/* What vl_like_match says for such a pattern without an escape, found by bytes: those of ASCII's
 * characters stand for nothing else, whatever a text's other bytes are. */
int vl_like_match_plain(const void *pattern, size_t pattern_size, const void *text,
                        size_t text_size);

/* Whether the whole text matches a GLOB pattern: * is any characters, ? is one, [abc], [a-z] and
 * [^a] are one of a set; ] is of the set where it comes first. A set without its end matches
 * nothing. errors  as vl_like_match */
velo_status vl_glob_match(vl_ctx *ctx, const void *pattern, size_t pattern_size, const void *text,
                          size_t text_size, int *is_match) VL_MUST_CHECK;

#endif
