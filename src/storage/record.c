/* record.c - bodies of log records; see record.h.
 *
 * A table says which fields each type has, in the order in which they stand; writing and reading
 * walk through it.
 *
 * Invariants
 *   R1  vl_record_parse gives back what vl_record_put_head and the data wrote, and accepts no other
 *       bytes: each record has one form.
 *   R2  Nothing is read outside of [body, body + size). */
#include "storage/record.h"

#include "base/bytes.h"

#include <string.h>

/* Fields, in the order in which they stand. */
enum {
    RECORD_HAS_TREE = 1,
    RECORD_HAS_ROWID = 2,
    RECORD_HAS_KIND = 4,
    RECORD_HAS_POSITION = 8,
    RECORD_HAS_CHUNK = 16,
    RECORD_HAS_KEY = 32,
    RECORD_HAS_BYTES = 64, /* any bytes to the end */
    RECORD_HAS_ROW = 128,  /* a record of leaf_row.h to the end */
    RECORD_IS_OPERATION = 256,
    RECORD_HAS_LAST = 512, /* a rowid, behind the position */
    RECORD_HAS_LEAF = 1024 /* a leaf in two parts to the end */
};

typedef struct record_shape {
    const char *name; /* for messages */
    uint32_t fields;  /* RECORD_HAS_... */
} record_shape;

static const record_shape record_shapes[VL_RECORD_TYPE_COUNT] = {
    [VL_RECORD_COMMIT] = {"commit", 0},
    [VL_RECORD_ABORT] = {"abort", 0},
    [VL_RECORD_DISCARD] = {"discard", RECORD_HAS_POSITION},
    [VL_RECORD_TABLE_INSERT] = {"table insert", RECORD_IS_OPERATION | RECORD_HAS_TREE |
                                                    RECORD_HAS_ROWID | RECORD_HAS_ROW},
    [VL_RECORD_TABLE_UPDATE] = {"table update", RECORD_IS_OPERATION | RECORD_HAS_TREE |
                                                    RECORD_HAS_ROWID | RECORD_HAS_ROW},
    [VL_RECORD_TABLE_DELETE] = {"table delete",
                                RECORD_IS_OPERATION | RECORD_HAS_TREE | RECORD_HAS_ROWID},
    [VL_RECORD_KEY_PUT] = {"key put", RECORD_IS_OPERATION | RECORD_HAS_TREE | RECORD_HAS_KEY |
                                          RECORD_HAS_BYTES},
    [VL_RECORD_KEY_DELETE] = {"key delete", RECORD_IS_OPERATION | RECORD_HAS_TREE | RECORD_HAS_KEY},
    [VL_RECORD_TREE_CREATE] = {"tree create", RECORD_IS_OPERATION | RECORD_HAS_TREE |
                                                  RECORD_HAS_KIND | RECORD_HAS_ROW},
    [VL_RECORD_TREE_DROP] = {"tree drop", RECORD_IS_OPERATION | RECORD_HAS_TREE},
    [VL_RECORD_TREE_LAYOUT] = {"tree layout",
                               RECORD_IS_OPERATION | RECORD_HAS_TREE | RECORD_HAS_ROW},
    [VL_RECORD_TREE_MARK] = {"tree mark", RECORD_IS_OPERATION | RECORD_HAS_TREE | RECORD_HAS_ROWID},
    [VL_RECORD_CHUNK] = {"chunk", RECORD_HAS_TREE | RECORD_HAS_CHUNK | RECORD_HAS_BYTES},
    [VL_RECORD_LISTED] = {"listed change", RECORD_HAS_TREE | RECORD_HAS_ROWID | RECORD_HAS_KIND |
                                               RECORD_HAS_POSITION | RECORD_HAS_LAST |
                                               RECORD_HAS_KEY | RECORD_HAS_ROW},
    [VL_RECORD_LIST_END] = {"end of the list", 0},
    [VL_RECORD_TABLE_ROWS] = {"table rows",
                              RECORD_IS_OPERATION | RECORD_HAS_TREE | RECORD_HAS_LEAF},
};

/* The shape of a type, or NULL when there is no such type. */
static const record_shape *
record_shape_of(uint32_t type)
{
    uint32_t plain = type & ~VL_RECORD_COMMITS;
    const record_shape *shape;

    if (plain >= VL_RECORD_TYPE_COUNT || record_shapes[plain].name == NULL)
        return NULL;
    shape = record_shapes + plain;
    if (plain != type && (shape->fields & RECORD_IS_OPERATION) == 0)
        return NULL;
    return shape;
}

static uint8_t *
record_put_key(uint8_t *to, const vl_record_key *key)
{
    if (key->long_value != 0)
        return vl_varint_put(to, 2 * key->long_value + 1);
    to = vl_varint_put(to, 2 * (uint64_t)key->size);
    if (key->size > 0)
        memcpy(to, key->data, key->size);
    return to + key->size;
}

uint8_t *
vl_record_put_head(uint8_t *to, const vl_record *record)
{
    uint32_t fields = record_shapes[record->type].fields;

    if ((fields & RECORD_HAS_TREE) != 0)
        to = vl_varint_put(to, record->tree);
    if ((fields & RECORD_HAS_ROWID) != 0)
        to = vl_varint_put(to, vl_zigzag_encode(record->rowid));
    if ((fields & RECORD_HAS_KIND) != 0)
        *to++ = record->kind;
    if ((fields & RECORD_HAS_POSITION) != 0) {
        vl_store_le64(to, record->position);
        to += 8;
    }
    if ((fields & RECORD_HAS_LAST) != 0)
        to = vl_varint_put(to, vl_zigzag_encode(record->last));
    if ((fields & RECORD_HAS_CHUNK) != 0) {
        to = vl_varint_put(to, record->long_value);
        to = vl_varint_put(to, record->total_size);
    }
    if ((fields & RECORD_HAS_KEY) != 0)
        to = record_put_key(to, &record->key);
    return to;
}

static const uint8_t *
record_parse_key(const uint8_t *at, const uint8_t *end, vl_record_key *key)
{
    uint64_t code;

    at = vl_varint_get(at, end, &code);
    if (at == NULL)
        return NULL;
    if ((code & 1) != 0) {
        key->long_value = code / 2;
        return key->long_value != 0 ? at : NULL;
    }
    if (code / 2 > (size_t)(end - at))
        return NULL;
    key->data = at;
    key->size = (uint32_t)(code / 2);
    return at + key->size;
}

/* Read the fields before the data; NULL when they are not there. */
static const uint8_t *
record_parse_head(uint32_t fields, const uint8_t *at, const uint8_t *end, vl_record *record)
{
    uint64_t number;

    if ((fields & RECORD_HAS_TREE) != 0) {
        at = vl_varint_get(at, end, &record->tree);
        if (at == NULL || record->tree == 0)
            return NULL;
    }
    if ((fields & RECORD_HAS_ROWID) != 0) {
        at = vl_varint_get(at, end, &number);
        if (at == NULL)
            return NULL;
        record->rowid = vl_zigzag_decode(number);
    }
    if ((fields & RECORD_HAS_KIND) != 0) {
        if (at == end)
            return NULL;
        record->kind = *at++;
    }
    if ((fields & RECORD_HAS_POSITION) != 0) {
        if (end - at < 8)
            return NULL;
        record->position = vl_load_le64(at);
        at += 8;
    }
    if ((fields & RECORD_HAS_LAST) != 0) {
        at = vl_varint_get(at, end, &number);
        if (at == NULL)
            return NULL;
        record->last = vl_zigzag_decode(number);
    }
    if ((fields & RECORD_HAS_CHUNK) != 0) {
        at = vl_varint_get(at, end, &record->long_value);
        if (at == NULL || record->long_value == 0)
            return NULL;
        at = vl_varint_get(at, end, &record->total_size);
        if (at == NULL)
            return NULL;
    }
    return (fields & RECORD_HAS_KEY) != 0 ? record_parse_key(at, end, &record->key) : at;
}

/* Whether bytes are as many as the leaf's header says that its two parts have. */
static int
record_leaf_has_size(const uint8_t *data, size_t size)
{
    vl_leaf head;

    if (size < sizeof head)
        return 0;
    memcpy(&head, data, sizeof head);
    return head.fixed_end >= sizeof head && (uint64_t)head.fixed_end + head.heap_used == size;
}

const char *
vl_record_parse(uint32_t type, const void *body, size_t size, vl_record *record)
{
    const record_shape *shape = record_shape_of(type);
    const uint8_t *end = (const uint8_t *)body + size;
    const uint8_t *at;

    memset(record, 0, sizeof *record);
    if (shape == NULL)
        return "its type is unknown";
    if (size > UINT32_MAX)
        return "it is too long";
    record->type = (vl_record_type)(type & ~VL_RECORD_COMMITS);
    record->commits = (type & VL_RECORD_COMMITS) != 0;
    at = record_parse_head(shape->fields, body, end, record);
    if (at == NULL)
        return "its fields are damaged";
    if ((shape->fields & (RECORD_HAS_ROW | RECORD_HAS_BYTES | RECORD_HAS_LEAF)) == 0)
        return at == end ? NULL : "it is too long";
    record->data = at;
    record->size = (size_t)(end - at);
    if ((shape->fields & RECORD_HAS_ROW) != 0 &&
        !vl_leaf_record_is_valid(record->data, record->size))
        return "its row is damaged";
    if ((shape->fields & RECORD_HAS_LEAF) != 0 && !record_leaf_has_size(record->data, record->size))
        return "its rows are damaged";
    if ((shape->fields & RECORD_HAS_CHUNK) != 0 && record->size > record->total_size)
        return "its chunk is longer than the value";
    return NULL;
}

void
vl_record_split_leaf(const vl_leaf *leaf, uint32_t page_size, vl_record_leaf *parts)
{
    parts->arrays = (const uint8_t *)(const void *)leaf;
    parts->arrays_size = leaf->fixed_end;
    parts->heap = parts->arrays + page_size - leaf->heap_used;
    parts->heap_size = leaf->heap_used;
}

/* Whether a slot's values are all in the leaf. */
static int
record_slot_is_whole(const vl_leaf *leaf, uint32_t slot)
{
    vl_leaf_value value;

    for (uint32_t i = 0; i < leaf->column_count; i++) {
        vl_leaf_get(leaf, slot, i, &value);
        if (value.overflow != 0)
            return 0;
    }
    return 1;
}

velo_status
vl_record_join_leaf(vl_ctx *ctx, const vl_record *record, uint32_t page_size, vl_leaf *leaf)
{
    uint8_t *page = (uint8_t *)(void *)leaf;
    vl_leaf head;

    memcpy(&head, record->data, sizeof head); /* vl_record_parse has seen to the sizes */
    if (record->size > page_size)
        return vl_fail(ctx, VELO_CORRUPT, "its rows are more than fit a page");
    memset(page, 0, page_size);
    memcpy(page, record->data, head.fixed_end);
    memcpy(page + page_size - head.heap_used, record->data + head.fixed_end,
           record->size - head.fixed_end);
    VL_TRY(vl_leaf_validate(ctx, leaf, page_size));
    if (!vl_leaf_is_all_live(leaf) || (leaf->flags & VL_LEAF_ROWS) != 0)
        return vl_fail(ctx, VELO_CORRUPT, "its rows are none that can be inserted");
    for (uint32_t slot = 0; slot < leaf->count; slot++)
        if (!record_slot_is_whole(leaf, slot))
            return vl_fail(ctx, VELO_CORRUPT, "its rows have long values");
    return VELO_OK;
}

const char *
vl_record_type_name(uint32_t type)
{
    const record_shape *shape = record_shape_of(type);

    return shape != NULL ? shape->name : "unknown";
}
