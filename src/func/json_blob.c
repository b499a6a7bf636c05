/* json_blob.c - JSONB: headers, checks, and changes in place.
 *
 * Invariants
 *   JB1  What is written has the shortest header there is.
 *   JB2  A value is read only when all of it is before the end of what holds it. */
#include "func/json_int.h"

#include <string.h>

/* Upper half of the first byte: sizes that follow it. */
#define BLOB_SIZE_INLINE 11U
#define BLOB_SIZE_1      12U
#define BLOB_SIZE_2      13U
#define BLOB_SIZE_4      14U
#define BLOB_SIZE_8      15U

int
vl_json_read(vl_func_bytes from, vl_json_node *node)
{
    size_t room = (size_t)(from.end - from.at);
    uint64_t size;
    uint32_t extra;

    *node = (vl_json_node){VL_JSON_NULL, 0, 0};
    if (room == 0 || (from.at[0] & 0x0fU) > VL_JSON_OBJECT)
        return 0;
    size = from.at[0] >> 4;
    extra = size <= BLOB_SIZE_INLINE ? 0 : 1U << (size - BLOB_SIZE_1);
    if (room <= extra)
        return 0;
    if (extra > 0)
        size = 0;
    for (uint32_t i = 0; i < extra; i++) {
        if (size >> 32 != 0)
            return 0;
        size = size << 8 | from.at[1 + i];
    }
    if (size > room - 1 - extra || size > VL_VALUE_SIZE_MAX) /* keeps JB2 */
        return 0;
    *node = (vl_json_node){(vl_json_type)(from.at[0] & 0x0fU), 1 + extra, (uint32_t)size};
    return 1;
}

int64_t
vl_json_count(vl_func_bytes payload)
{
    int64_t count = 0;
    vl_json_node node;

    for (; payload.at < payload.end; payload.at = vl_json_behind(payload, &node), count++)
        if (!vl_json_read(payload, &node))
            return -1;
    return count;
}

/* ---- soundness ---- */

static int
blob_is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static int
blob_is_hex(unsigned char c)
{
    return blob_is_digit(c) || ((c | 0x20U) >= 'a' && (c | 0x20U) <= 'f');
}

/* A decimal integer, as JSON has it. */
static int
blob_int_is_sound(vl_func_bytes text)
{
    if (text.at < text.end && *text.at == '-')
        text.at++;
    if (text.at == text.end)
        return 0;
    for (; text.at < text.end; text.at++)
        if (!blob_is_digit(*text.at))
            return 0;
    return 1;
}

static int
blob_hex_is_sound(vl_func_bytes text)
{
    if (text.at < text.end && (*text.at == '-' || *text.at == '+'))
        text.at++;
    if (text.end - text.at < 3 || text.at[0] != '0' || (text.at[1] | 0x20U) != 'x')
        return 0;
    for (text.at += 2; text.at < text.end; text.at++)
        if (!blob_is_hex(*text.at))
            return 0;
    return 1;
}

/* A real: digits with a point or an exponent or both; with is_json5 digits may be missing on one
 * side of the point. */
static int
blob_float_is_sound(vl_func_bytes text, int is_json5)
{
    const unsigned char *digits;
    int seen = 0; /* 1: a point, 2: an exponent */

    if (text.at < text.end && *text.at == '-')
        text.at++;
    digits = text.at;
    if (text.at == text.end || text.end - text.at < 2)
        return 0;
    if (*text.at == '.') {
        if (!is_json5 || !blob_is_digit(text.at[1]))
            return 0;
        text.at += 2;
        seen = 1;
    } else if (*text.at == '0' && !is_json5 && text.at[1] != '.' && (text.at[1] | 0x20U) != 'e') {
        return 0;
    }
    for (; text.at < text.end; text.at++) {
        if (blob_is_digit(*text.at))
            continue;
        if (*text.at == '.' && seen == 0) {
            if (!is_json5 &&
                (text.at == digits || text.end - text.at < 2 || !blob_is_digit(text.at[1])))
                return 0;
            seen = 1;
        } else if ((*text.at | 0x20U) == 'e' && seen != 2) {
            seen = 2;
            if (text.end - text.at > 1 && (text.at[1] == '+' || text.at[1] == '-'))
                text.at++;
            if (text.end - text.at < 2 || !blob_is_digit(text.at[1]))
                return 0;
        } else {
            return 0;
        }
    }
    return seen != 0;
}

/* Whether the escape at text.at, a backslash, is one of JSON; with is_json5 also of JSON5. */
static int
blob_escape_is_sound(vl_func_bytes text, int is_json5)
{
    size_t left = (size_t)(text.end - text.at);
    size_t digits;

    if (left < 2)
        return 0;
    if (memchr("\"\\/bfnrt", text.at[1], 8) != NULL)
        return 1;
    if (text.at[1] == 'u' || (is_json5 && text.at[1] == 'x')) {
        digits = text.at[1] == 'u' ? 4 : 2;
        if (left < 2 + digits)
            return 0;
        for (size_t i = 0; i < digits; i++)
            if (!blob_is_hex(text.at[2 + i]))
                return 0;
        return 1;
    }
    if (!is_json5)
        return 0;
    if (text.at[1] == '0')
        return left == 2 || !blob_is_digit(text.at[2]);
    return memchr("'v\n\r", text.at[1], 4) != NULL ||
           (left >= 4 && text.at[1] == 0xe2U && text.at[2] == 0x80U &&
            (text.at[3] & 0xfeU) == 0xa8U);
}

static int
blob_text_is_sound(vl_json_type type, vl_func_bytes text)
{
    for (; text.at < text.end; text.at++) {
        if (*text.at == '\\') {
            if (type == VL_JSON_TEXT || !blob_escape_is_sound(text, type == VL_JSON_TEXT5))
                return 0;
            text.at++;
        } else if (type != VL_JSON_TEXT5 && (*text.at < 0x20U || *text.at == '"')) {
            return 0;
        } else if (type == VL_JSON_TEXT5 && *text.at == 0) {
            return 0;
        }
    }
    return 1;
}

/* Whether one value that is no container is sound. */
static int
blob_scalar_is_sound(const vl_json_node *node, vl_func_bytes payload)
{
    switch (node->type) {
    case VL_JSON_NULL:
    case VL_JSON_TRUE:
    case VL_JSON_FALSE:
        return node->size == 0;
    case VL_JSON_INT:
        return blob_int_is_sound(payload);
    case VL_JSON_INT5:
        return blob_hex_is_sound(payload);
    case VL_JSON_FLOAT:
    case VL_JSON_FLOAT5:
        return blob_float_is_sound(payload, node->type == VL_JSON_FLOAT5);
    case VL_JSON_TEXT:
    case VL_JSON_TEXTJ:
    case VL_JSON_TEXT5:
        return blob_text_is_sound(node->type, payload);
    case VL_JSON_TEXTRAW:
        return 1;
    case VL_JSON_ARRAY:
    case VL_JSON_OBJECT:
        break;
    }
    return 0;
}

static int
blob_is_sound(vl_func_bytes from, int depth)
{
    vl_json_node node;
    vl_func_bytes payload;
    uint32_t count = 0;

    if (depth > VL_JSON_DEPTH_MAX || !vl_json_read(from, &node))
        return 0;
    payload = vl_json_payload(from, &node);
    if (!vl_json_is_container(node.type))
        return blob_scalar_is_sound(&node, payload);
    while (payload.at < payload.end) {
        vl_json_node kid;

        if (!vl_json_read(payload, &kid) || !blob_is_sound(payload, depth + 1) ||
            (node.type == VL_JSON_OBJECT && count % 2 == 0 && !vl_json_is_text(kid.type)))
            return 0;
        payload.at = vl_json_behind(payload, &kid);
        count++;
    }
    return node.type == VL_JSON_ARRAY || count % 2 == 0;
}

int
vl_json_is_blob(vl_func_bytes bytes)
{
    vl_json_node node;

    if (!vl_json_read(bytes, &node) || vl_json_behind(bytes, &node) != bytes.end ||
        (node.type <= VL_JSON_FALSE && node.size > 0))
        return 0;
    if (*bytes.at == '[' || *bytes.at == '{' ||
        (blob_is_digit(*bytes.at) && node.type <= VL_JSON_FLOAT5))
        return blob_is_sound(bytes, 0);
    return 1;
}

int
vl_json_is_sound(vl_func_bytes bytes)
{
    return vl_json_is_blob(bytes) && blob_is_sound(bytes, 0);
}

/* ---- writing ---- */

/* Write the header of a payload's size; returns its bytes, at most 5. Keeps JB1. */
static uint32_t
blob_write_header(unsigned char *to, vl_json_type type, size_t size)
{
    uint32_t extra = size <= BLOB_SIZE_INLINE ? 0 : size <= 0xffU ? 1 : size <= 0xffffU ? 2 : 4;
    unsigned code = extra == 0   ? (unsigned)size
                    : extra == 1 ? BLOB_SIZE_1
                    : extra == 2 ? BLOB_SIZE_2
                                 : BLOB_SIZE_4;

    to[0] = (unsigned char)(code << 4 | (unsigned)type);
    for (uint32_t i = 0; i < extra; i++)
        to[1 + i] = (unsigned char)(size >> (8 * (extra - 1 - i)));
    return 1 + extra;
}

void
vl_json_append(vl_func_buffer *blob, vl_json_type type, const void *payload, size_t size)
{
    unsigned char header[5];

    vl_func_append(blob, header, blob_write_header(header, type, size));
    if (payload != NULL)
        vl_func_append(blob, payload, size);
}

size_t
vl_json_begin(vl_func_buffer *blob, vl_json_type type)
{
    size_t at = blob->size;

    vl_func_append_char(blob, (char)type);
    return at;
}

void
vl_json_end(vl_func_buffer *blob, size_t at)
{
    if (blob->bad == VELO_OK)
        vl_json_resize(blob, at, blob->size - at - 1);
}

void
vl_json_splice(vl_func_buffer *blob, size_t at, size_t removed, const void *data, size_t size)
{
    size_t tail = blob->size - at - removed;

    if (size > removed)
        vl_func_append_fill(blob, 0, size - removed);
    if (blob->bad != VELO_OK)
        return;
    memmove(blob->text + at + size, blob->text + at + removed, tail);
    if (size > 0 && data != NULL)
        memcpy(blob->text + at, data, size);
    blob->size = at + size + tail;
}

void
vl_json_resize(vl_func_buffer *blob, size_t at, size_t size)
{
    unsigned char header[5];
    unsigned char first = (unsigned char)blob->text[at];
    uint32_t had = first >> 4 <= BLOB_SIZE_INLINE ? 1 : 1 + (1U << ((first >> 4) - BLOB_SIZE_1));
    uint32_t has = blob_write_header(header, (vl_json_type)(first & 0x0fU), size);

    vl_json_splice(blob, at, had, header, has);
}
