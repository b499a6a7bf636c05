/* record.c - records of SQLite's files: from bytes to values.
 *
 * Invariants
 *   LR1  No byte outside of [bytes, bytes + size) is read, whatever the record's header says. */
#include "lite/reader_int.h"

#include "base/alloc.h"
#include "base/bytes.h"

/* Columns of a record at most. */
#define RECORD_COLUMNS_MAX 32767U

static velo_status
record_fail(vl_ctx *ctx, uint32_t pgno, const char *what)
{
    return vl_fail(ctx, VELO_CORRUPT, "page %u: %s", (unsigned)pgno, what);
}

/* Bytes of the content that a type stands for. */
static uint64_t
record_content_size(uint64_t type)
{
    static const uint8_t sizes[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};

    return type < VL_ARRAY_COUNT(sizes) ? sizes[type] : (type - 12) / 2;
}

/* A number of `size` bytes, with its sign. */
static int64_t
record_integer(const uint8_t *from, uint32_t size)
{
    uint64_t value = (from[0] & 0x80U) != 0 ? UINT64_MAX : 0;

    for (uint32_t i = 0; i < size; i++)
        value = value << 8 | from[i];
    return (int64_t)value;
}

/* Append a character as UTF-8; `to` has room for 4 bytes. */
static uint8_t *
record_put_character(uint8_t *to, uint32_t c)
{
    if (c < 0x80U) {
        *to++ = (uint8_t)c;
        return to;
    }
    if (c < 0x800U) {
        *to++ = (uint8_t)(0xc0U | c >> 6);
    } else {
        if (c < 0x10000U) {
            *to++ = (uint8_t)(0xe0U | c >> 12);
        } else {
            *to++ = (uint8_t)(0xf0U | c >> 18);
            *to++ = (uint8_t)(0x80U | (c >> 12 & 0x3fU));
        }
        *to++ = (uint8_t)(0x80U | (c >> 6 & 0x3fU));
    }
    *to++ = (uint8_t)(0x80U | (c & 0x3fU));
    return to;
}

/* Make UTF-8 of UTF-16; a half of a pair by itself becomes U+FFFD, an odd last byte is dropped. */
static velo_status
record_convert(vl_ctx *ctx, const uint8_t *from, size_t size, int is_big, vl_arena *arena,
               vl_value *value)
{
    size_t units = size / 2;
    uint8_t *text = vl_arena_alloc(arena, units * 3 + 1);
    uint8_t *to = text;

    if (text == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a text of %zu bytes", units * 3);
    for (size_t i = 0; i < units; i++) {
        uint32_t c = is_big ? vl_lite_get16(from + 2 * i)
                            : (uint32_t)from[2 * i] | (uint32_t)from[2 * i + 1] << 8;

        if ((c & 0xfc00U) == 0xd800U && i + 1 < units) {
            const uint8_t *next = from + 2 * (i + 1);
            uint32_t low =
                is_big ? vl_lite_get16(next) : (uint32_t)next[0] | (uint32_t)next[1] << 8;

            if ((low & 0xfc00U) == 0xdc00U) {
                c = 0x10000U + ((c & 0x3ffU) << 10 | (low & 0x3ffU));
                i++;
            }
        }
        if ((c & 0xfffff800U) == 0xd800U)
            c = 0xfffdU;
        to = record_put_character(to, c);
    }
    *to = 0;
    *value = (vl_value){.type = VL_TYPE_TEXT, .size = (uint32_t)(to - text), .as.data = text};
    return VELO_OK;
}

/* The value of a type below 12. */
static vl_value
record_number(uint64_t type, const uint8_t *content)
{
    vl_value value = {.type = VL_TYPE_INTEGER};

    if (type == 0)
        value.type = VL_TYPE_NULL;
    else if (type == 7) {
        value.as.real = vl_bits_real(vl_load_be64(content));
        value.type = VL_TYPE_REAL;
        if (value.as.real != value.as.real) /* SQLite reads it so */
            value = (vl_value){.type = VL_TYPE_NULL};
    } else if (type >= 8)
        value.as.integer = (int64_t)type - 8;
    else
        value.as.integer = record_integer(content, (uint32_t)record_content_size(type));
    return value;
}

static velo_status
record_take(vl_ctx *ctx, uint64_t type, const uint8_t *content, uint32_t encoding, vl_arena *arena,
            vl_value *value)
{
    size_t size = (size_t)record_content_size(type);

    if (type < 12) {
        *value = record_number(type, content);
        return VELO_OK;
    }
    if ((type & 1) != 0 && encoding != 1)
        return record_convert(ctx, content, size, encoding == 3, arena, value);
    *value = (vl_value){.type = (type & 1) != 0 ? VL_TYPE_TEXT : VL_TYPE_BLOB,
                        .size = (uint32_t)size,
                        .as.data = content};
    return VELO_OK;
}

static velo_status
record_reserve(vl_ctx *ctx, vl_lite_record *record)
{
    uint32_t capacity = record->capacity == 0 ? 32 : record->capacity * 2;
    vl_value *values;

    if (record->count < record->capacity)
        return VELO_OK;
    values = vl_realloc(ctx, record->values, capacity * sizeof *values);
    if (values == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row of %u columns", (unsigned)capacity);
    record->values = values;
    record->capacity = capacity;
    return VELO_OK;
}

velo_status
vl_lite_record_read(vl_ctx *ctx, const uint8_t *bytes, size_t size, uint32_t encoding,
                    vl_arena *arena, uint32_t pgno, vl_lite_record *record)
{
    const uint8_t *end = bytes + size;
    const uint8_t *header_end;
    const uint8_t *content;
    const uint8_t *at;
    uint64_t header_size;

    record->count = 0;
    at = vl_lite_get_varint(bytes, end, &header_size);
    if (at == NULL || header_size > size || header_size < (size_t)(at - bytes))
        return record_fail(ctx, pgno, "a record's header is longer than the record");
    header_end = bytes + header_size;
    content = header_end;
    while (at < header_end) {
        uint64_t type;

        at = vl_lite_get_varint(at, header_end, &type);
        if (at == NULL)
            return record_fail(ctx, pgno, "a record's header ends within a number");
        if (type == 10 || type == 11)
            return record_fail(ctx, pgno, "a value's type is one that the format does not have");
        if (record_content_size(type) > (uint64_t)(end - content)) /* keeps LR1 */
            return record_fail(ctx, pgno, "a value is longer than its record");
        if (record->count == RECORD_COLUMNS_MAX)
            return record_fail(ctx, pgno, "a record has more values than there can be columns");
        VL_TRY(record_reserve(ctx, record));
        VL_TRY(record_take(ctx, type, content, encoding, arena, &record->values[record->count]));
        record->count++;
        content += record_content_size(type);
    }
    return VELO_OK;
}
