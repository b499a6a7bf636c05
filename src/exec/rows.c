/* rows.c - rows that are kept: copies, comparison, and tables that find a row by its values.
 *
 * Invariants
 *   R1  At most half of a table's slots are taken, so a search ends.
 *   R2  A slot's upper 16 bits are those of its node's hash; its place comes from the lower ones.
 */
#include "exec/rows.h"

#include "base/assert.h"
#include "base/hash.h"
#include "vec/value.h"

#include <string.h>

#define ROWS_BITS_MIN     VL_BY_BUILD(6U, 2U) /* slots of the smallest table, as a logarithm */
#define ROWS_ADDRESS_BITS 48
#define ROWS_ADDRESS_MASK (((uint64_t)1 << ROWS_ADDRESS_BITS) - 1)

_Static_assert(sizeof(vl_row_node) % VL_ALLOC_ALIGN == 0, "what is behind the values is aligned");

static int
rows_has_bytes(const vl_value *value)
{
    return value->type == VL_TYPE_TEXT || value->type == VL_TYPE_BLOB;
}

velo_status
vl_row_copy_to(vl_ctx *ctx, vl_arena *arena, const vl_value *from, uint32_t count, vl_value *to)
{
    for (uint32_t i = 0; i < count; i++) {
        vl_value value = from[i];

        if (rows_has_bytes(&value)) {
            value.as.data = vl_arena_copy(arena, value.as.data, value.size);
            if (value.as.data == NULL)
                return vl_fail(ctx, VELO_NOMEM, "cannot keep a value of %u bytes", value.size);
        }
        to[i] = value;
    }
    return VELO_OK;
}

/* Bytes of a row's values and texts. */
static size_t
rows_size(const vl_value *row, uint32_t count)
{
    size_t size = count * sizeof *row;

    for (uint32_t i = 0; i < count; i++) {
        if (rows_has_bytes(&row[i]))
            size += (size_t)row[i].size + 1;
    }
    return size;
}

/* Copy values to `to` and their texts to `text`. */
static void
rows_place(const vl_value *from, uint32_t count, vl_value *to, char *text)
{
    for (uint32_t i = 0; i < count; i++) {
        to[i] = from[i];
        if (!rows_has_bytes(&from[i]))
            continue;
        if (from[i].size != 0)
            memcpy(text, from[i].as.data, from[i].size);
        text[from[i].size] = '\0';
        to[i].as.data = text;
        text += (size_t)from[i].size + 1;
    }
}

vl_value *
vl_row_copy(vl_ctx *ctx, vl_arena *arena, const vl_value *from, uint32_t count)
{
    size_t size = rows_size(from, count);
    vl_value *row = vl_arena_alloc(arena, size);

    if (row == NULL) {
        (void)vl_fail(ctx, VELO_NOMEM, "cannot keep a row of %zu bytes", size);
        return NULL;
    }
    rows_place(from, count, row, (char *)(row + count));
    return row;
}

velo_status
vl_row_replace(vl_ctx *ctx, vl_arena *arena, const vl_value *from, uint32_t count, vl_value **row,
               size_t *capacity)
{
    size_t size = rows_size(from, count);

    if (size > *capacity) {
        vl_value *larger = vl_arena_alloc(arena, size);

        if (larger == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot keep a row of %zu bytes", size);
        *row = larger;
        *capacity = size;
    }
    rows_place(from, count, *row, (char *)(*row + count));
    return VELO_OK;
}

static vl_collation
rows_collation(const uint8_t *collations, uint32_t i)
{
    return collations == NULL ? VL_COLLATE_BINARY : (vl_collation)collations[i];
}

uint64_t
vl_row_hash(const vl_value *row, uint32_t count, const uint8_t *collations)
{
    uint64_t hash = 0;

    for (uint32_t i = 0; i < count; i++)
        hash = vl_mix64(hash + vl_value_hash(&row[i], rows_collation(collations, i)));
    return hash;
}

int
vl_row_compare(const vl_value *left, const vl_value *right, uint32_t count,
               const uint8_t *collations)
{
    for (uint32_t i = 0; i < count; i++) {
        int order = vl_value_compare(&left[i], &right[i], rows_collation(collations, i));

        if (order != 0)
            return order;
    }
    return 0;
}

/* ---- tables ---- */

static vl_row_node *
rows_node(uint64_t slot)
{
    return (vl_row_node *)(uintptr_t)(slot & ROWS_ADDRESS_MASK);
}

static int
rows_is_tagged(uint64_t slot, uint64_t hash)
{
    return slot >> ROWS_ADDRESS_BITS == hash >> ROWS_ADDRESS_BITS;
}

vl_row_node *
vl_row_table_find(const vl_row_table *table, uint64_t hash, const vl_value *values, uint32_t count,
                  const uint8_t *collations)
{
    uint64_t mask;

    if (table->slots == NULL)
        return NULL;
    mask = ((uint64_t)1 << table->bits) - 1;
    for (uint64_t i = hash & mask; table->slots[i] != 0; i = (i + 1) & mask) {
        vl_row_node *node;

        if (!rows_is_tagged(table->slots[i], hash))
            continue;
        node = rows_node(table->slots[i]);
        if (node->hash == hash && vl_row_compare(node->values, values, count, collations) == 0)
            return node;
    }
    return NULL;
}

/* Put a node into the first free slot from its place. Keeps R2. */
static void
rows_put(uint64_t *slots, uint32_t bits, vl_row_node *node)
{
    uint64_t mask = ((uint64_t)1 << bits) - 1;
    uint64_t address = (uint64_t)(uintptr_t)node;
    uint64_t i = node->hash & mask;

    VL_ASSERT((address & ~ROWS_ADDRESS_MASK) == 0);
    while (slots[i] != 0)
        i = (i + 1) & mask;
    slots[i] = address | (node->hash & ~ROWS_ADDRESS_MASK);
}

static velo_status
rows_grow(vl_ctx *ctx, vl_row_table *table)
{
    uint32_t bits = table->slots == NULL ? ROWS_BITS_MIN : table->bits + 1;
    uint64_t *slots = vl_alloc_array(ctx, (size_t)1 << bits, sizeof *slots);

    if (slots == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot enlarge a table of %llu rows",
                       (unsigned long long)table->count);
    if (table->slots != NULL) {
        for (uint64_t i = 0; i < (uint64_t)1 << table->bits; i++) {
            if (table->slots[i] != 0)
                rows_put(slots, bits, rows_node(table->slots[i]));
        }
    }
    vl_free(table->slots);
    table->slots = slots;
    table->bits = bits;
    return VELO_OK;
}

velo_status
vl_row_table_add(vl_ctx *ctx, vl_row_table *table, vl_row_node *node)
{
    if (table->slots == NULL || (table->count + 1) * 2 > (uint64_t)1 << table->bits)
        VL_TRY(rows_grow(ctx, table)); /* keeps R1 */
    rows_put(table->slots, table->bits, node);
    table->count++;
    return VELO_OK;
}

uint64_t
vl_row_table_bytes(const vl_row_table *table)
{
    return table->slots == NULL ? 0 : sizeof *table->slots << table->bits;
}

void
vl_row_table_deinit(vl_row_table *table)
{
    vl_free(table->slots);
    *table = (vl_row_table){.slots = NULL};
}

velo_status
vl_row_table_enter(vl_ctx *ctx, vl_row_table *table, vl_arena *arena, const vl_value *values,
                   uint32_t count, const uint8_t *collations, size_t extra, vl_row_node **node,
                   int *is_new)
{
    uint64_t hash = vl_row_hash(values, count, collations);
    size_t head = sizeof **node + count * sizeof *values + extra;
    size_t size = rows_size(values, count) - count * sizeof *values;

    *is_new = 0;
    *node = vl_row_table_find(table, hash, values, count, collations);
    if (*node != NULL)
        return VELO_OK;
    *node = vl_arena_alloc(arena, head + size);
    if (*node == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot keep a row of %zu bytes", head + size);
    (*node)->hash = hash;
    (*node)->owned = NULL;
    memset((*node)->values + count, 0, extra);
    rows_place(values, count, (*node)->values, (char *)*node + head);
    VL_TRY(vl_row_table_add(ctx, table, *node));
    *is_new = 1;
    return VELO_OK;
}
