/* encode.c - records of SQLite's files: from values to bytes. */
#include "lite/writer_int.h"

#include "base/alloc.h"
#include "base/bytes.h"

/* Bytes of a record at most: SQLite's own limit of a row. */
#define ENCODE_RECORD_MAX 1000000000U

velo_status
vl_lite_bytes_reserve(vl_ctx *ctx, vl_lite_bytes *bytes, size_t more)
{
    size_t capacity = bytes->capacity < 256 ? 256 : bytes->capacity;
    uint8_t *data;

    while (capacity - bytes->size < more)
        capacity *= 2;
    if (capacity == bytes->capacity)
        return VELO_OK;
    data = vl_realloc(ctx, bytes->data, capacity);
    if (data == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %zu bytes", capacity);
    bytes->data = data;
    bytes->capacity = capacity;
    return VELO_OK;
}

/* The type of a value in a record, and the bytes of its content. */
static uint64_t
encode_type(const vl_value *value, uint32_t *size)
{
    static const uint8_t sizes[] = {1, 2, 3, 4, 6, 8};
    uint64_t magnitude;

    *size = 0;
    switch (value->type) {
    case VL_TYPE_NULL:
        return 0;
    case VL_TYPE_REAL:
        *size = 8;
        return 7;
    case VL_TYPE_TEXT:
    case VL_TYPE_BLOB:
        *size = value->size;
        return 2 * (uint64_t)value->size + (value->type == VL_TYPE_TEXT ? 13 : 12);
    case VL_TYPE_INTEGER:
        break;
    }
    if (value->as.integer == 0 || value->as.integer == 1)
        return 8 + (uint64_t)value->as.integer;
    magnitude = (uint64_t)(value->as.integer ^ (value->as.integer >> 63));
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(sizes) - 1; i++) {
        if (magnitude >> (8 * sizes[i] - 1) == 0) {
            *size = sizes[i];
            return i + 1;
        }
    }
    *size = 8;
    return 6;
}

static void
encode_content(const vl_value *value, uint32_t size, uint8_t *to)
{
    uint64_t bits;

    if (size == 0)
        return;
    if (value->type == VL_TYPE_TEXT || value->type == VL_TYPE_BLOB) {
        memcpy(to, value->as.data, size);
        return;
    }
    bits = value->type == VL_TYPE_REAL ? vl_real_bits(value->as.real) : (uint64_t)value->as.integer;
    for (uint32_t i = size; i > 0; i--, bits >>= 8)
        to[i - 1] = (uint8_t)bits;
}

velo_status
vl_lite_record_make(vl_ctx *ctx, const vl_value *values, uint32_t count, vl_lite_bytes *record)
{
    uint64_t types_size = 0;
    uint64_t content_size = 0;
    uint64_t header_size;
    uint32_t size;
    uint8_t *at;

    for (uint32_t i = 0; i < count; i++) {
        types_size += vl_lite_varint_size(encode_type(&values[i], &size));
        content_size += size;
    }
    header_size = types_size + 1;
    while (header_size < types_size + vl_lite_varint_size(header_size))
        header_size++;
    if (header_size + content_size > ENCODE_RECORD_MAX)
        return vl_fail(ctx, VELO_TOOBIG, "a row of %llu bytes is too long for SQLite",
                       (unsigned long long)header_size + content_size);
    record->size = 0;
    VL_TRY(vl_lite_bytes_reserve(ctx, record, (size_t)(header_size + content_size)));
    record->size = (size_t)(header_size + content_size);
    at = vl_lite_put_varint(record->data, header_size);
    for (uint32_t i = 0; i < count; i++)
        at = vl_lite_put_varint(at, encode_type(&values[i], &size));
    for (uint32_t i = 0; i < count; i++) {
        (void)encode_type(&values[i], &size);
        encode_content(&values[i], size, at);
        at += size;
    }
    return VELO_OK;
}
