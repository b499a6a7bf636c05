/* stress_value.c - places and versions as rows, keys and values. */
#include "base/bytes.h"
#include "base/hash.h"
#include "stress_int.h"

#include <stdlib.h>
#include <string.h>

uint32_t
stress_owner(const stress_model *model, uint32_t tree, uint32_t place)
{
    if (tree == STRESS_ROWS || tree == STRESS_KEYS)
        return place % model->thread_count;
    return place * model->thread_count / STRESS_OWNED;
}

uint64_t
stress_weight(uint32_t tree, uint32_t owner, uint32_t place, uint64_t version)
{
    uint64_t where = (uint64_t)tree << 40 | (uint64_t)owner << 32 | place;

    return version == 0 ? 0 : vl_mix64(vl_mix64(where + 1) ^ version);
}

int64_t
stress_rowid(uint32_t place)
{
    return (int64_t)place * 3 - 100; /* gaps, and numbers below 0 */
}

uint32_t
stress_place(int64_t rowid)
{
    return (rowid + 100) % 3 == 0 ? (uint32_t)((rowid + 100) / 3) : UINT32_MAX;
}

static uint64_t
value_check(uint32_t tree, uint32_t place, uint64_t version)
{
    return vl_mix64(vl_mix64((uint64_t)tree << 32 | place) + version);
}

/* ---- rows ---- */

velo_status
stress_schema_make(uint32_t page_size, uint32_t tree, stress_schema *memory, vl_leaf_schema *schema)
{
    uint32_t count = tree == STRESS_RECORDS ? vl_leaf_max_columns(page_size) + 1 : STRESS_COLUMNS;

    memory->ids = calloc(count, sizeof *memory->ids);
    memory->defaults = calloc(count, sizeof *memory->defaults);
    if (memory->ids == NULL || memory->defaults == NULL)
        return VELO_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        memory->ids[i] = i + 1;
        memory->defaults[i].value.type = VL_TYPE_NULL;
    }
    *schema = (vl_leaf_schema){memory->ids, memory->defaults, (uint16_t)count, 0};
    return VELO_OK;
}

void
stress_schema_free(stress_schema *memory)
{
    free(memory->ids);
    free(memory->defaults);
}

void
stress_make_row(uint32_t page_size, uint32_t tree, uint32_t place, uint64_t version,
                uint8_t *payload, vl_value values[STRESS_COLUMNS])
{
    uint64_t check = value_check(tree, place, version);
    vl_rng rng;

    memset(values, 0, STRESS_COLUMNS * sizeof *values);
    vl_rng_init(&rng, check);
    values[0].type = values[1].type = values[2].type = VL_TYPE_INTEGER;
    values[0].as.integer = (int64_t)place;
    values[1].as.integer = (int64_t)version;
    values[2].as.integer = (int64_t)check;
    values[3].type = VL_TYPE_BLOB;
    values[3].size = (uint32_t)vl_rng_below(&rng, 32);
    if (vl_rng_chance(&rng, 1, 6))
        values[3].size = (uint32_t)vl_rng_below(&rng, STRESS_PAYLOAD(page_size));
    vl_rng_fill(&rng, payload, values[3].size);
    values[3].as.data = payload;
}

const char *
stress_check_row(uint32_t page_size, uint32_t tree, uint32_t place,
                 const vl_value values[STRESS_COLUMNS], uint8_t *payload, uint64_t *version)
{
    vl_value wanted[STRESS_COLUMNS];

    for (uint32_t i = 0; i < 3; i++)
        if (values[i].type != VL_TYPE_INTEGER)
            return "a column is no integer";
    *version = (uint64_t)values[1].as.integer;
    stress_make_row(page_size, tree, place, *version, payload, wanted);
    if (values[0].as.integer != wanted[0].as.integer)
        return "it is the row of another place";
    if (values[2].as.integer != wanted[2].as.integer)
        return "its columns are of different versions";
    if (values[3].type != VL_TYPE_BLOB || values[3].size != wanted[3].size)
        return "its payload has another size";
    if (values[3].as.data != NULL &&
        memcmp(values[3].as.data, wanted[3].as.data, wanted[3].size) != 0)
        return "its payload has other bytes";
    return NULL;
}

/* ---- entries ---- */

uint32_t
stress_make_key(uint32_t page_size, uint32_t tree, uint32_t place, uint8_t *to)
{
    uint32_t size = 4 + place % 7;

    if (tree == STRESS_LONG_KEYS && place % 4 != 3)
        size = page_size / 2 + place % 3 * (page_size / 2);
    to[0] = (uint8_t)('a' + tree);
    memset(to + 1, 'x', size - 3);
    to[size - 2] = (uint8_t)(place >> 8);
    to[size - 1] = (uint8_t)place;
    return size;
}

uint32_t
stress_key_place(uint32_t page_size, uint32_t tree, const uint8_t *key, uint32_t size,
                 uint8_t *scratch)
{
    uint32_t place;

    if (size < 4 || size > STRESS_KEY(page_size))
        return UINT32_MAX;
    place = (uint32_t)key[size - 2] << 8 | key[size - 1];
    if (stress_make_key(page_size, tree, place, scratch) != size || memcmp(key, scratch, size) != 0)
        return UINT32_MAX;
    return place;
}

uint32_t
stress_make_value(uint32_t page_size, uint32_t tree, uint32_t place, uint64_t version, uint8_t *to)
{
    uint64_t check = value_check(tree, place, version);
    uint32_t size = 20 + (uint32_t)(check % (vl_node_key_value_max(page_size) - 20U + 1U));

    vl_store_le32(to, place);
    vl_store_le64(to + 4, version);
    vl_store_le64(to + 12, check);
    memset(to + 20, (int)(check & 0xff), size - 20);
    return size;
}

const char *
stress_check_value(uint32_t page_size, uint32_t tree, const uint8_t *value, uint32_t size,
                   uint32_t *place, uint64_t *version)
{
    uint8_t wanted[VL_PAGE_MAX_SIZE / 16];

    if (size < 20)
        return "its value is too short";
    *place = vl_load_le32(value);
    *version = vl_load_le64(value + 4);
    if (stress_make_value(page_size, tree, *place, *version, wanted) != size ||
        memcmp(value, wanted, size) != 0)
        return "its value is none that was ever put";
    return NULL;
}
