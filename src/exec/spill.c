/* spill.c - rows in a temporary file, when memory is short.
 *
 * A row is its size in bytes (4 bytes), then each value: its class (1 byte), then 8 bytes of a
 * number, or 4 bytes of size and the bytes of a text or blob.
 *
 * Invariants
 *   S1  The file holds `size` bytes; what was appended behind them is in the buffer.
 *   S2  A reader never returns a row of which not all bytes are in its buffer. */
#include "exec/spill.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "exec/exec_int.h"

/* The type of a NULL that is VL_SUBTYPE_UNCHANGED. */
#define SPILL_UNCHANGED 0x80U

#define SPILL_HEAD_SIZE 4U

/* ---- writing ---- */

static velo_status
spill_open(vl_ctx *ctx, vl_spill *spill)
{
    const vl_exec_env *env = &spill->exec->env;

    if (spill->buffer == NULL) {
        spill->buffer = vl_alloc(ctx, VL_SPILL_BUFFER_SIZE);
        if (spill->buffer == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate a buffer for a temporary file");
        spill->capacity = VL_SPILL_BUFFER_SIZE;
    }
    if (spill->file != NULL)
        return VELO_OK;
    return vl_file_open(ctx, env->io, env->temporary_folder, VL_OPEN_TEMPORARY, &spill->file);
}

velo_status
vl_spill_flush(vl_ctx *ctx, vl_spill *spill)
{
    if (spill->used == 0)
        return VELO_OK;
    VL_TRY(vl_file_write(ctx, spill->file, spill->buffer, spill->used, spill->size));
    spill->size += spill->used;
    spill->exec->spilled_bytes += spill->used;
    spill->used = 0; /* keeps S1 */
    return VELO_OK;
}

/* Make room for `size` bytes in the buffer. */
static velo_status
spill_reserve(vl_ctx *ctx, vl_spill *spill, size_t size)
{
    uint8_t *buffer;

    VL_TRY(spill_open(ctx, spill));
    if (size <= spill->capacity - spill->used)
        return VELO_OK;
    VL_TRY(vl_spill_flush(ctx, spill));
    if (size <= spill->capacity)
        return VELO_OK;
    buffer = vl_realloc(ctx, spill->buffer, size);
    if (buffer == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row of %zu bytes", size);
    spill->buffer = buffer;
    spill->capacity = size;
    return VELO_OK;
}

static int
spill_is_number(vl_type type)
{
    return type == VL_TYPE_INTEGER || type == VL_TYPE_REAL;
}

static size_t
spill_value_size(const vl_value *value)
{
    if (value->type == VL_TYPE_NULL)
        return 1;
    return spill_is_number(value->type) ? 9 : 5 + (size_t)value->size;
}

/* The type of a value, as it is written. */
static uint8_t
spill_type(const vl_value *value)
{
    if (value->type == VL_TYPE_NULL && value->subtype == VL_SUBTYPE_UNCHANGED)
        return SPILL_UNCHANGED;
    return (uint8_t)value->type;
}

static uint8_t *
spill_put(uint8_t *to, const vl_value *value)
{
    *to++ = spill_type(value);
    if (value->type == VL_TYPE_NULL)
        return to;
    if (spill_is_number(value->type)) {
        memcpy(to, &value->as, 8);
        return to + 8;
    }
    vl_store_le32(to, value->size);
    if (value->size != 0)
        memcpy(to + 4, value->as.data, value->size);
    return to + 4 + value->size;
}

velo_status
vl_spill_write(vl_ctx *ctx, vl_spill *spill, const vl_value *row, uint32_t count)
{
    size_t size = SPILL_HEAD_SIZE;
    uint8_t *to;

    for (uint32_t i = 0; i < count; i++)
        size += spill_value_size(&row[i]);
    if (size > UINT32_MAX)
        return vl_fail(ctx, VELO_TOOBIG, "a row of %zu bytes is too large to be kept", size);
    VL_TRY(spill_reserve(ctx, spill, size));
    to = spill->buffer + spill->used;
    vl_store_le32(to, (uint32_t)size);
    to += SPILL_HEAD_SIZE;
    for (uint32_t i = 0; i < count; i++)
        to = spill_put(to, &row[i]);
    spill->used += size;
    VL_ASSERT(to == spill->buffer + spill->used);
    return VELO_OK;
}

uint64_t
vl_spill_position(const vl_spill *spill)
{
    return spill->size + spill->used;
}

void
vl_spill_deinit(vl_spill *spill)
{
    vl_file_close(spill->file);
    vl_free(spill->buffer);
    *spill = (vl_spill){.exec = spill->exec};
}

/* ---- reading ---- */

/* See that `size` bytes are in the buffer, which the part has. */
static velo_status
spill_fill(vl_ctx *ctx, vl_spill_reader *reader, size_t size)
{
    size_t left = reader->filled - reader->begin;
    size_t wanted = size < VL_SPILL_BUFFER_SIZE ? VL_SPILL_BUFFER_SIZE : size;
    uint64_t there = reader->end - reader->at;

    if (left >= size)
        return VELO_OK;
    if (size - left > there)
        return vl_fail(ctx, VELO_CORRUPT, "a temporary file is not as it was written");
    if (reader->capacity < wanted) {
        uint8_t *buffer = vl_realloc(ctx, reader->buffer, wanted);

        if (buffer == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row of %zu bytes", wanted);
        reader->buffer = buffer;
        reader->capacity = wanted;
    }
    memmove(reader->buffer, reader->buffer + reader->begin, left);
    reader->begin = 0;
    reader->filled = left;
    if (there > reader->capacity - left)
        there = reader->capacity - left;
    VL_TRY(vl_file_read(ctx, reader->spill->file, reader->buffer + left, there, reader->at, NULL));
    reader->at += there;
    reader->filled += there;
    return VELO_OK;
}

/* Read a value of the bytes [from, end); NULL when they are none. */
static const uint8_t *
spill_get(const uint8_t *from, const uint8_t *end, vl_value *value)
{
    *value = (vl_value){.type = VL_TYPE_NULL};
    if (from != end && *from == SPILL_UNCHANGED) {
        value->subtype = VL_SUBTYPE_UNCHANGED;
        return from + 1;
    }
    if (from == end || *from < VL_TYPE_INTEGER || *from > VL_TYPE_NULL)
        return NULL;
    value->type = (vl_type)*from++;
    if (value->type == VL_TYPE_NULL)
        return from;
    if (spill_is_number(value->type)) {
        if (end - from < 8)
            return NULL;
        memcpy(&value->as, from, 8);
        return from + 8;
    }
    if (end - from < 4)
        return NULL;
    value->size = vl_load_le32(from);
    value->as.data = from + 4;
    return (size_t)(end - from) - 4 < value->size ? NULL : from + 4 + value->size;
}

velo_status
vl_spill_read(vl_ctx *ctx, vl_spill_reader *reader, uint32_t count, vl_value *row, int *found)
{
    const uint8_t *from;
    const uint8_t *end;
    uint32_t size;

    *found = 0;
    if (reader->begin == reader->filled && reader->at == reader->end)
        return VELO_OK;
    VL_TRY(spill_fill(ctx, reader, SPILL_HEAD_SIZE));
    size = vl_load_le32(reader->buffer + reader->begin);
    VL_TRY(spill_fill(ctx, reader, size)); /* keeps S2 */
    from = reader->buffer + reader->begin + SPILL_HEAD_SIZE;
    end = reader->buffer + reader->begin + size;
    if (size < SPILL_HEAD_SIZE)
        return vl_fail(ctx, VELO_CORRUPT, "a temporary file is not as it was written");
    for (uint32_t i = 0; i < count; i++) {
        from = spill_get(from, end, &row[i]);
        if (from == NULL)
            return vl_fail(ctx, VELO_CORRUPT, "a temporary file is not as it was written");
    }
    reader->begin += size;
    *found = 1;
    return VELO_OK;
}

void
vl_spill_reader_deinit(vl_spill_reader *reader)
{
    vl_free(reader->buffer);
    *reader = (vl_spill_reader){.spill = NULL};
}
