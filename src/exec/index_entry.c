/* index_entry.c - keys and values of index entries. */
#include "exec/index_entry.h"

#include "storage/key.h"
#include "storage/tree_key.h"

#include <string.h>

/* The longest key: as long as trees take. */
#define ENTRY_KEY_MAX VL_TREE_KEY_MAX_SIZE

/* Bytes of a value that are not counted before they are written. */
#define ENTRY_SMALL 128U

static velo_status
entry_reserve(vl_ctx *ctx, vl_arena *arena, vl_entry_key *key, size_t more)
{
    size_t room = key->room == 0 ? 64 : key->room;
    uint8_t *data;

    if (key->size + more <= key->room)
        return VELO_OK;
    if (key->size + more > ENTRY_KEY_MAX)
        return vl_fail(ctx, VELO_TOOBIG, "string or blob too big");
    while (room < key->size + more)
        room *= 2;
    data = vl_arena_alloc(arena, room);
    if (data == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a key of %zu bytes", room);
    if (key->size > 0 && key->data != NULL)
        memcpy(data, key->data, key->size);
    key->data = data;
    key->room = (uint32_t)room;
    return VELO_OK;
}

velo_status
vl_entry_key_add(vl_ctx *ctx, vl_arena *arena, vl_entry_key *key, const vl_value *value,
                 const vl_index_term *term)
{
    vl_key_order order = {term->collation, term->is_descending};
    int is_text = value->type == VL_TYPE_TEXT || value->type == VL_TYPE_BLOB;
    size_t room = is_text ? 2 * (size_t)value->size + 2 : VL_KEY_NUMBER_SIZE;
    uint8_t *end;

    if (room > ENTRY_SMALL) /* what is enough for any value may be more than there can be */
        room = vl_key_size(value, order);
    VL_TRY(entry_reserve(ctx, arena, key, room));
    end = vl_key_put(key->data + key->size, value, order);
    key->size = (uint32_t)(end - key->data);
    return VELO_OK;
}

velo_status
vl_entry_key_add_bytes(vl_ctx *ctx, vl_arena *arena, vl_entry_key *key, const uint8_t *bytes,
                       uint32_t size)
{
    if (size == 0)
        return VELO_OK;
    VL_TRY(entry_reserve(ctx, arena, key, (size_t)size + 1)); /* a byte comes behind most */
    memcpy(key->data + key->size, bytes, size);
    key->size += size;
    return VELO_OK;
}

velo_status
vl_entry_key_add_byte(vl_ctx *ctx, vl_arena *arena, vl_entry_key *key, uint8_t byte)
{
    VL_TRY(entry_reserve(ctx, arena, key, 1));
    key->data[key->size++] = byte;
    return VELO_OK;
}

velo_status
vl_entry_key_make(vl_ctx *ctx, vl_eval *eval, const vl_index_def *index, const vl_exprs *exprs,
                  const vl_value *full, vl_entry_key *key)
{
    static const vl_index_term rowid_term = {.column = VL_COLUMN_ROWID};
    uint16_t column_count = index->table->column_count;
    uint32_t next_expr = 0;
    int has_null = 0;

    *key = (vl_entry_key){NULL, 0, 0, 0};
    for (uint16_t i = 0; i < index->term_count; i++) {
        const vl_index_term *term = &index->terms[i];
        vl_value value;

        if (term->column >= 0)
            value = term->column == index->table->rowid_column ? full[column_count]
                                                               : full[term->column];
        else if (term->column == VL_COLUMN_ROWID)
            value = full[column_count];
        else
            VL_TRY(vl_eval_expr(ctx, eval, exprs->list[next_expr++], &value));
        has_null = has_null || value.type == VL_TYPE_NULL;
        VL_TRY(vl_entry_key_add(ctx, eval->arena, key, &value, term));
    }
    if (index->is_unique && !has_null)
        return VELO_OK;
    key->is_whole = 1;
    for (uint16_t i = index->term_count; index->table->primary != NULL && i < index->total_count;
         i++)
        VL_TRY(vl_entry_key_add(ctx, eval->arena, key, &full[index->terms[i].column],
                                &index->terms[i]));
    if (index->table->primary != NULL)
        return VELO_OK;
    return vl_entry_key_add(ctx, eval->arena, key, &full[column_count], &rowid_term);
}

uint32_t
vl_entry_put_rowid(uint8_t to[8], int64_t rowid)
{
    uint64_t bits = (uint64_t)rowid;
    uint32_t size = 1;

    while (size < 8 &&
           (rowid < -(INT64_C(1) << (8 * size - 1)) || rowid >= INT64_C(1) << (8 * size - 1)))
        size++;
    for (uint32_t i = 0; i < size; i++)
        to[i] = (uint8_t)(bits >> (8 * i));
    return size;
}

int64_t
vl_entry_get_rowid(const void *value, uint32_t size)
{
    const uint8_t *bytes = value;
    uint64_t bits = 0;

    if (size == 0 || size > 8)
        return 0;
    for (uint32_t i = 0; i < size; i++)
        bits |= (uint64_t)bytes[i] << (8 * i);
    if ((bytes[size - 1] & 0x80U) != 0 && size < 8)
        bits |= UINT64_MAX << (8 * size);
    return (int64_t)bits;
}
