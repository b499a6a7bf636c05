/* func.c - what the built-in functions share: arguments as bytes, characters, results.
 *
 * Invariants
 *   F1  A result is at most VL_VALUE_SIZE_MAX bytes; what would be longer is VELO_TOOBIG.
 *   F2  Nothing is read behind the size of a value: its text need not end with a 0 byte. */
#include "func/func_int.h"

#include "base/utf8.h"
#include "vec/number.h"

#include <string.h>

vl_func_bytes
vl_func_bytes_of(const vl_value *value, char *room)
{
    const unsigned char *at = (const unsigned char *)"";
    size_t size = value->size;

    switch (value->type) {
    case VL_TYPE_NULL:
        break;
    case VL_TYPE_INTEGER:
        size = vl_number_write_integer(value->as.integer, room);
        at = (const unsigned char *)room;
        break;
    case VL_TYPE_REAL:
        size = vl_number_write_real(value->as.real, room);
        at = (const unsigned char *)room;
        break;
    case VL_TYPE_TEXT:
    case VL_TYPE_BLOB:
        if (size > 0)
            at = value->as.data;
        break;
    }
    return (vl_func_bytes){at, at + size};
}

vl_func_bytes
vl_func_text_of(const vl_value *value, char *room)
{
    vl_func_bytes bytes = vl_func_bytes_of(value, room);
    const unsigned char *zero = memchr(bytes.at, 0, (size_t)(bytes.end - bytes.at));

    if (zero != NULL)
        bytes.end = zero;
    return bytes;
}

uint32_t
vl_func_take(vl_func_bytes *bytes)
{
    return bytes->at == bytes->end ? 0 : vl_utf8_take(&bytes->at, bytes->end);
}

size_t
vl_func_put(unsigned char *to, uint32_t c)
{
    if (c < 0x80U) {
        to[0] = (unsigned char)c;
        return 1;
    }
    if (c < 0x800U) {
        to[0] = (unsigned char)(0xc0U | c >> 6);
        to[1] = (unsigned char)(0x80U | (c & 0x3fU));
        return 2;
    }
    if (c < 0x10000U) {
        to[0] = (unsigned char)(0xe0U | c >> 12);
        to[1] = (unsigned char)(0x80U | (c >> 6 & 0x3fU));
        to[2] = (unsigned char)(0x80U | (c & 0x3fU));
        return 3;
    }
    to[0] = (unsigned char)(0xf0U | (c >> 18 & 0x07U));
    to[1] = (unsigned char)(0x80U | (c >> 12 & 0x3fU));
    to[2] = (unsigned char)(0x80U | (c >> 6 & 0x3fU));
    to[3] = (unsigned char)(0x80U | (c & 0x3fU));
    return 4;
}

void *
vl_func_room(vl_func_call *call, vl_type type, uint64_t size, vl_value *result, velo_status *status)
{
    void *data;

    if (size > VL_VALUE_SIZE_MAX) { /* keeps F1 */
        *status = vl_fail(call->ctx, VELO_TOOBIG, "string or blob too big");
        return NULL;
    }
    data = vl_arena_alloc(call->arena, size > 0 ? size : 1);
    if (data == NULL) {
        *status =
            vl_fail(call->ctx, VELO_NOMEM, "cannot allocate the result of %s()", call->func->name);
        return NULL;
    }
    *status = VELO_OK;
    *result = (vl_value){.type = type, .size = (uint32_t)size, .as.data = data};
    return data;
}

velo_status
vl_func_copy(vl_func_call *call, vl_type type, const void *data, uint64_t size, vl_value *result)
{
    velo_status status;
    void *to = vl_func_room(call, type, size, result, &status);

    if (to != NULL && size > 0)
        memcpy(to, data, size);
    return status;
}

velo_status
vl_func_part(vl_func_call *call, vl_type type, const vl_value *of, const unsigned char *at,
             size_t size, vl_value *result)
{
    if (of->type != VL_TYPE_TEXT && of->type != VL_TYPE_BLOB)
        return vl_func_copy(call, type, at, size, result);
    *result = (vl_value){.type = type, .size = (uint32_t)size, .as.data = at};
    return VELO_OK;
}

vl_value
vl_func_numeric(const vl_value *value)
{
    vl_func_bytes text;
    vl_number number;

    if (value->type == VL_TYPE_INTEGER || value->type == VL_TYPE_REAL)
        return *value;
    if (value->type != VL_TYPE_TEXT)
        return vl_value_of_null();
    text = vl_func_text_of(value, NULL); /* only numbers need room */
    number = vl_number_read(text.at, (size_t)(text.end - text.at));
    return number.is_found && number.is_all ? number.value : vl_value_of_null();
}

/* Allocate room for `size` more bytes. Returns 0 when there is none. */
static int
func_buffer_grow(vl_func_buffer *buffer, size_t size)
{
    size_t room = buffer->room < 64 ? 64 : 2 * buffer->room;
    char *text;

    while (room < buffer->size + size)
        room *= 2;
    text = vl_arena_alloc(buffer->arena, room);
    if (text == NULL) {
        buffer->bad = VELO_NOMEM;
        return 0;
    }
    if (buffer->text != NULL)
        memcpy(text, buffer->text, buffer->size);
    buffer->text = text;
    buffer->room = room;
    return 1;
}

/* Whether `size` more bytes may be written behind the text. */
static int
func_buffer_has_room(vl_func_buffer *buffer, size_t size)
{
    if (buffer->bad != VELO_OK)
        return 0;
    if (size > VL_VALUE_SIZE_MAX - buffer->size) { /* keeps F1 */
        buffer->bad = VELO_TOOBIG;
        return 0;
    }
    return (buffer->text != NULL && size <= buffer->room - buffer->size) ||
           func_buffer_grow(buffer, size);
}

void
vl_func_append(vl_func_buffer *buffer, const void *data, size_t size)
{
    if (!func_buffer_has_room(buffer, size))
        return;
    if (size > 0)
        memcpy(buffer->text + buffer->size, data, size);
    buffer->size += size;
}

void
vl_func_append_fill(vl_func_buffer *buffer, char byte, size_t count)
{
    if (count == 0 || !func_buffer_has_room(buffer, count))
        return;
    memset(buffer->text + buffer->size, byte, count);
    buffer->size += count;
}

velo_status
vl_func_buffer_end(vl_func_call *call, const vl_func_buffer *buffer, vl_value *result)
{
    if (buffer->bad == VELO_TOOBIG)
        return vl_fail(call->ctx, VELO_TOOBIG, "string or blob too big");
    if (buffer->bad != VELO_OK)
        return vl_fail(call->ctx, buffer->bad, "cannot allocate the result of %s()",
                       call->func->name);
    *result = (vl_value){.type = VL_TYPE_TEXT,
                         .size = (uint32_t)buffer->size,
                         .as.data = buffer->text != NULL ? buffer->text : ""};
    return VELO_OK;
}
