/* func_int.h - what the built-in functions share. */
#ifndef VL_FUNC_FUNC_INT_H
#define VL_FUNC_FUNC_INT_H

#include "func/registry.h"

#include "base/ctx.h"
#include "vec/value.h"

/* An element of a table: a scalar function. */
#define VL_FUNC_SCALAR(name, least, most, variant, flags, results, scalar)                         \
    {name, least, most, flags, results, variant, scalar, NULL, NULL, NULL}

/* The same for an aggregate. */
#define VL_FUNC_FOLD(name, least, most, variant, flags, results, aggregate)                        \
    {name, least, most, flags, results, variant, NULL, aggregate, NULL, NULL}

/* Functions in ascending order of their names. */
typedef struct vl_func_table {
    const vl_func *funcs;
    size_t count;
} vl_func_table;

extern const vl_func_table vl_func_aggregates;
extern const vl_func_table vl_func_core;
extern const vl_func_table vl_func_dates;
extern const vl_func_table vl_func_json_groups;
extern const vl_func_table vl_func_jsons;
extern const vl_func_table vl_func_math;
extern const vl_func_table vl_func_percentiles;
extern const vl_func_table vl_func_texts;
extern const vl_func_table vl_func_codes;
extern const vl_func_table vl_func_windows;

/* Flags of most built-in functions. */
#define VL_FUNC_PURE_TOTAL   (VL_FUNC_DETERMINISTIC | VL_FUNC_INNOCUOUS | VL_FUNC_TOTAL)
#define VL_FUNC_PURE_FAILING (VL_FUNC_DETERMINISTIC | VL_FUNC_INNOCUOUS | VL_FUNC_FAILING)

/* Results of many built-in functions. */
#define VL_FUNC_MAYBE_INTEGER (VL_FUNC_YIELDS_INTEGER | VL_FUNC_YIELDS_NULL)
#define VL_FUNC_MAYBE_REAL    (VL_FUNC_YIELDS_REAL | VL_FUNC_YIELDS_NULL)
#define VL_FUNC_MAYBE_NUMBER  (VL_FUNC_YIELDS_INTEGER | VL_FUNC_MAYBE_REAL)
#define VL_FUNC_MAYBE_TEXT    (VL_FUNC_YIELDS_TEXT | VL_FUNC_YIELDS_NULL)
#define VL_FUNC_MAYBE_BLOB    (VL_FUNC_YIELDS_BLOB | VL_FUNC_YIELDS_NULL)

/* Bytes that are read from the front. */
typedef struct vl_func_bytes {
    const unsigned char *at;  /* next byte; not NULL */
    const unsigned char *end; /* one past the last */
} vl_func_bytes;

/* The bytes of a value: those of its text where it is a number, none of NULL. A number's are
 * written to `room`, which has VL_NUMBER_TEXT_SIZE bytes. */
vl_func_bytes vl_func_bytes_of(const vl_value *value, char *room);

/* The same up to the first byte 0: where SQLite's functions take text to end. */
vl_func_bytes vl_func_text_of(const vl_value *value, char *room);

/* Take a character as SQLite's functions read it (the rules are those of vec/like.h); 0 at the
 * end. */
uint32_t vl_func_take(vl_func_bytes *bytes);

/* Pass over a character: a byte, and what continues it when it is a lead byte. Not at the end. */
static inline void
vl_func_skip(vl_func_bytes *bytes)
{
    if (*bytes->at++ < 0xc0U)
        return;
    while (bytes->at < bytes->end && (*bytes->at & 0xc0U) == 0x80U)
        bytes->at++;
}

/* Write a character as UTF-8, up to U+1FFFFF, whatever it is; returns how many bytes, at most 4. */
size_t vl_func_put(unsigned char *to, uint32_t c);

/* Allocate the bytes of a result and make it that text or blob. NULL after vl_fail: VELO_TOOBIG
 * "string or blob too big", or VELO_NOMEM; then *status is that code. */
void *vl_func_room(vl_func_call *call, vl_type type, uint64_t size, vl_value *result,
                   velo_status *status);

/* Make the result a copy of bytes. errors  VELO_TOOBIG, VELO_NOMEM */
velo_status vl_func_copy(vl_func_call *call, vl_type type, const void *data, uint64_t size,
                         vl_value *result) VL_MUST_CHECK;

/* Make the result a text or blob that is part of an argument: of its bytes, or where they are in
 * `room`, a copy. */
velo_status vl_func_part(vl_func_call *call, vl_type type, const vl_value *of,
                         const unsigned char *at, size_t size, vl_value *result) VL_MUST_CHECK;

/* The value as a number where it is one: INTEGER or REAL as it is, text when all of it, up to the
 * first byte 0, is a number. NULL for everything else. */
vl_value vl_func_numeric(const vl_value *value);

/* Text that grows, in an arena. */
typedef struct vl_func_buffer {
    vl_arena *arena;
    char *text;      /* or NULL */
    size_t size;     /* used */
    size_t room;     /* allocated */
    velo_status bad; /* what made it stop growing; VELO_OK so far */
} vl_func_buffer;

/* Append bytes; nothing after a failure. VELO_TOOBIG beyond VL_VALUE_SIZE_MAX. */
void vl_func_append(vl_func_buffer *buffer, const void *data, size_t size);

/* Append `count` times the byte. */
void vl_func_append_fill(vl_func_buffer *buffer, char byte, size_t count);

/* Append a character of 0 to 127. */
static inline void
vl_func_append_char(vl_func_buffer *buffer, char c)
{
    vl_func_append(buffer, &c, 1);
}

/* Make the result the text in the buffer. errors  what has happened to the buffer */
velo_status vl_func_buffer_end(vl_func_call *call, const vl_func_buffer *buffer, vl_value *result)
    VL_MUST_CHECK;

/* Append `value` as an SQL literal; as quote() does. With `is_unistr`, text with control characters
 * as unistr('...'). */
void vl_func_append_literal(vl_func_buffer *buffer, const vl_value *value, int is_unistr);

/* Append text with `quote` doubled; at most `size` bytes of it up to its first 0. With
 * `is_escaped`, control characters and \ are written as unistr() reads them. */
void vl_func_append_quoted(vl_func_buffer *buffer, vl_func_bytes text, char quote, int is_escaped);

/* Whether the text has a control character (U+0001 to U+001F). */
int vl_func_has_control(vl_func_bytes text);

/* format(): append what `format`, up to its end, makes of the arguments. */
void vl_func_format(vl_func_buffer *buffer, vl_func_bytes format, const vl_value *args, int count);

#endif
