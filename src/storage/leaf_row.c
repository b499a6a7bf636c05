/* leaf_row.c - whole rows as byte strings; see leaf_row.h.
 *
 * Invariants
 *   N1  Nothing is read behind a record's end, whatever its bytes.
 *   N2  A value has one encoding: longer ones than needed are no record. */
#include "storage/leaf_row.h"

#include "storage/leaf_int.h"

#define RECORD_NULL          0U
#define RECORD_REAL          9U
#define RECORD_TEXT_OVERFLOW 10U
#define RECORD_BLOB_OVERFLOW 11U
#define RECORD_TEXT          12U /* + 2 * size */
#define RECORD_BLOB          13U /* + 2 * size */

/* Bytes that an integer takes, 1 to 8. */
static uint32_t
leaf_record_integer_size(int64_t integer)
{
    uint64_t magnitude = (uint64_t)(integer < 0 ? ~integer : integer);

    return magnitude == 0 ? 1 : (64U - (uint32_t)__builtin_clzll(magnitude)) / 8 + 1;
}

static uint64_t
leaf_record_code(const vl_leaf_value *value)
{
    int is_text = value->value.type == VL_TYPE_TEXT;

    switch (vl_leaf_type(value)) {
    case VL_TYPE_NULL:
        return RECORD_NULL;
    case VL_TYPE_INTEGER:
        return leaf_record_integer_size(value->value.as.integer);
    case VL_TYPE_REAL:
        return RECORD_REAL;
    case VL_TYPE_TEXT:
    case VL_TYPE_BLOB:
        if (value->overflow != 0)
            return is_text ? RECORD_TEXT_OVERFLOW : RECORD_BLOB_OVERFLOW;
        return (is_text ? RECORD_TEXT : RECORD_BLOB) + 2 * (uint64_t)value->value.size;
    }
    return RECORD_NULL;
}

/* Bytes behind a code. */
static uint64_t
leaf_record_body(uint64_t code)
{
    if (code < RECORD_REAL)
        return code;
    return code < RECORD_TEXT ? 8 : (code - RECORD_TEXT) / 2;
}

size_t
vl_leaf_record_size(const vl_leaf_schema *schema, const vl_leaf_value *values)
{
    uint64_t next_id = 0;
    size_t size = 0;

    for (uint32_t i = 0; i < schema->count; i++) {
        uint64_t code = leaf_record_code(values + i);

        size += vl_varint_size(schema->ids[i] - next_id) + vl_varint_size(code) +
                leaf_record_body(code);
        next_id = (uint64_t)schema->ids[i] + 1;
    }
    return size;
}

static uint8_t *
leaf_record_put_body(uint8_t *to, const vl_leaf_value *value, uint64_t code)
{
    uint64_t bits = 0;

    if (code == RECORD_NULL)
        return to;
    if (code >= RECORD_TEXT) {
        if (value->value.size > 0)
            memcpy(to, value->value.as.data, value->value.size);
        return to + value->value.size;
    }
    if (code < RECORD_REAL)
        bits = (uint64_t)value->value.as.integer;
    else if (code == RECORD_REAL)
        bits = vl_real_bits(value->value.as.real);
    else
        bits = value->value.size | ((uint64_t)value->overflow << 32);
    vl_store_le_bytes(to, bits, (uint32_t)leaf_record_body(code));
    return to + leaf_record_body(code);
}

uint8_t *
vl_leaf_record_put(uint8_t *to, const vl_leaf_schema *schema, const vl_leaf_value *values)
{
    uint64_t next_id = 0;

    for (uint32_t i = 0; i < schema->count; i++) {
        uint64_t code = leaf_record_code(values + i);

        to = vl_varint_put(to, schema->ids[i] - next_id);
        to = vl_varint_put(to, code);
        to = leaf_record_put_body(to, values + i, code);
        next_id = (uint64_t)schema->ids[i] + 1;
    }
    return to;
}

void
vl_leaf_record_init(vl_leaf_record *record, const void *data, size_t size)
{
    record->at = data;
    record->end = size > 0 ? record->at + size : record->at; /* NULL may stand for no bytes */
    record->next_id = 0;
}

/* Make the value of a code below RECORD_TEXT: 0 when there is no such value. */
static int
leaf_record_decode(uint64_t code, const uint8_t *from, vl_leaf_value *value)
{
    uint32_t size = (uint32_t)leaf_record_body(code);
    uint64_t bits = 0;

    for (uint32_t i = 0; i < size; i++)
        bits |= (uint64_t)from[i] << (8 * i);
    if (code == RECORD_NULL)
        return 1;
    if (code < RECORD_REAL) {
        if (size < 8 && (bits >> (8 * size - 1)) != 0)
            bits |= UINT64_MAX << (8 * size);
        value->value.type = VL_TYPE_INTEGER;
        value->value.as.integer = (int64_t)bits;
        return leaf_record_integer_size((int64_t)bits) == size;
    }
    if (code == RECORD_REAL) {
        value->value.type = VL_TYPE_REAL;
        value->value.as.real = vl_bits_real(bits);
        return value->value.as.real == value->value.as.real;
    }
    value->value.type = code == RECORD_TEXT_OVERFLOW ? VL_TYPE_TEXT : VL_TYPE_BLOB;
    value->value.size = (uint32_t)bits;
    value->overflow = (vl_pid)(bits >> 32);
    return value->overflow != 0;
}

int
vl_leaf_record_next(vl_leaf_record *record, uint32_t *id, vl_leaf_value *value)
{
    uint64_t skip;
    uint64_t code;
    uint64_t size;

    memset(value, 0, sizeof *value);
    value->value.type = VL_TYPE_NULL;
    if (record->at == record->end)
        return 0;
    record->at = vl_varint_get(record->at, record->end, &skip);
    if (record->at == NULL || skip > UINT32_MAX || record->next_id + skip > UINT32_MAX)
        goto bad;
    record->at = vl_varint_get(record->at, record->end, &code);
    if (record->at == NULL)
        goto bad;
    size = leaf_record_body(code);
    if (size > (size_t)(record->end - record->at) || size > UINT32_MAX)
        goto bad;
    *id = (uint32_t)(record->next_id + skip);
    record->next_id = (uint64_t)*id + 1;
    if (code >= RECORD_TEXT) {
        value->value.type = code % 2 == RECORD_TEXT % 2 ? VL_TYPE_TEXT : VL_TYPE_BLOB;
        value->value.size = (uint32_t)size;
        value->value.as.data = record->at;
    } else if (!leaf_record_decode(code, record->at, value)) {
        goto bad;
    }
    record->at += size;
    return 1;
bad:
    record->at = record->end;
    return -1;
}

int
vl_leaf_record_get(const void *data, size_t size, uint32_t id, vl_leaf_value *value)
{
    vl_leaf_record record;
    uint32_t found = 0;
    int result;

    vl_leaf_record_init(&record, data, size);
    do
        result = vl_leaf_record_next(&record, &found, value);
    while (result == 1 && found < id);
    if (result != 1)
        return result;
    if (found == id)
        return 1;
    memset(value, 0, sizeof *value);
    value->value.type = VL_TYPE_NULL;
    return 0;
}

int
vl_leaf_record_is_valid(const void *data, size_t size)
{
    vl_leaf_record record;
    vl_leaf_value value;
    uint32_t id;
    int result;

    vl_leaf_record_init(&record, data, size);
    do
        result = vl_leaf_record_next(&record, &id, &value);
    while (result == 1);
    return result == 0;
}
