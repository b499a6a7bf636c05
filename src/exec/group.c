/* group.c - finding the groups of a chunk's rows by one key.
 *
 * Integers are hashed all at once, and slots and groups are fetched ahead, so that rows wait for
 * memory together. Texts of up to 8 bytes are looked up first in a small table of those met before,
 * by their bytes: where groups are few, nothing is hashed.
 *
 * Invariants
 *   GF1  A node that is given has a key that is equal to the row's by the table's collation. */
#include "exec/group.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "vec/value.h"

#include <string.h>

/* Rows whose memory is fetched ahead. */
#define GROUP_AHEAD VL_BY_BUILD(64U, 4U)

static uint32_t
group_row(const uint16_t *selection, uint32_t n)
{
    return selection == NULL ? n : selection[n];
}

/* ---- integers ---- */

/* The node of an integer, with the hash of a row that has nothing else; a real that is equal is
 * left to the caller. */
static vl_row_node *
group_probe_integer(const vl_row_table *table, uint64_t hash, int64_t integer)
{
    uint64_t mask = ((uint64_t)1 << table->bits) - 1;

    for (uint64_t i = hash & mask; table->slots[i] != 0; i = (i + 1) & mask) {
        vl_row_node *node = vl_row_table_at(table, i);

        if (table->slots[i] >> 48 != hash >> 48 || node->hash != hash)
            continue;
        if (node->values[0].type == VL_TYPE_INTEGER && node->values[0].as.integer == integer)
            return node;
    }
    return NULL;
}

/* As vl_row_hash of one integer. */
static uint64_t
group_hash_integer(int64_t integer)
{
    return vl_mix64(vl_mix64((uint64_t)integer));
}

static void
group_find_integers(const vl_row_table *table, const vl_vector *key, const uint16_t *selection,
                    uint32_t count, vl_row_node **nodes)
{
    uint64_t mask = ((uint64_t)1 << table->bits) - 1;
    uint64_t hashes[GROUP_AHEAD];

    for (uint32_t from = 0; from < count; from += GROUP_AHEAD) {
        uint32_t rows = count - from < GROUP_AHEAD ? count - from : GROUP_AHEAD;

        for (uint32_t n = 0; n < rows; n++) {
            hashes[n] = group_hash_integer(key->as.integers[group_row(selection, from + n)]);
            __builtin_prefetch(&table->slots[hashes[n] & mask]);
        }
        for (uint32_t n = 0; n < rows; n++)
            __builtin_prefetch(vl_row_table_at(table, hashes[n] & mask));
        for (uint32_t n = 0; n < rows; n++) {
            uint32_t row = group_row(selection, from + n);

            vl_row_node *node = NULL;

            if (key->validity == NULL || ((key->validity[row / 64] >> (row % 64)) & 1) != 0)
                node = group_probe_integer(table, hashes[n], key->as.integers[row]);
            if (node != NULL) { /* what is computed of the group stands behind its key */
                __builtin_prefetch((const char *)node + 64);
                __builtin_prefetch((const char *)node + 128);
            }
            nodes[from + n] = node;
        }
    }
}

/* ---- texts ---- */

/* The bytes of a text of up to 8 of them: of one size different for different texts. */
static uint64_t
group_word(const uint8_t *bytes, uint32_t size)
{
    if (size >= 4)
        return vl_load_le32(bytes) | (uint64_t)vl_load_le32(bytes + size - 4) << 32;
    if (size == 0)
        return 0;
    return bytes[0] | (uint64_t)bytes[size / 2] << 8 | (uint64_t)bytes[size - 1] << 16;
}

static vl_group_known *
group_known_at(vl_group_memo *memo, uint64_t word, uint32_t size)
{
    return &memo->known[((word * UINT64_C(0x9e3779b97f4a7c15) >> 32) + size) % VL_GROUP_MEMO];
}

static vl_row_node *
group_find_text(const vl_row_table *table, vl_group_memo *memo, const vl_value *value,
                vl_collation collation)
{
    uint8_t by = (uint8_t)collation;
    int is_short = value->type == VL_TYPE_TEXT && value->size <= 8;
    vl_group_known *known = NULL;
    uint64_t word = 0;
    vl_row_node *node;

    if (is_short) {
        word = group_word(value->as.data, value->size);
        known = group_known_at(memo, word, value->size);
        if (known->node != NULL && known->word == word && known->size == value->size)
            return known->node;
    }
    node = vl_row_table_find(table, vl_row_hash(value, 1, &by), value, 1, &by);
    if (node != NULL && is_short)
        *known = (vl_group_known){word, value->size, node};
    return node;
}

void
vl_group_find(const vl_row_table *table, vl_group_memo *memo, const vl_vector *key,
              vl_collation collation, const uint16_t *selection, uint32_t count,
              vl_row_node **nodes)
{
    if (table->slots == NULL) {
        memset(nodes, 0, count * sizeof(vl_row_node *));
        return;
    }
    if (key->form == VL_VECTOR_INTEGER && !key->is_constant) {
        group_find_integers(table, key, selection, count, nodes);
        return;
    }
    for (uint32_t n = 0; n < count; n++) {
        vl_value value = vl_vector_get(key, group_row(selection, n));

        nodes[n] = group_find_text(table, memo, &value, collation);
    }
}
