/* fuzz_leaf.c - a table leaf of arbitrary bytes is rejected, or everything on it can be read within
 * the page, changed, and built anew. The input is cut, or filled with zeros, to 512 bytes. */
#include "lib/fuzz.h"
#include "storage/leaf_pax.h"
#include "storage/leaf_row.h"

#include <string.h>

#define FUZZ_PAGE_SIZE 512U

static volatile uint64_t fuzz_leaf_sum;

/* Touch every byte of a value. */
static void
fuzz_leaf_use(const vl_leaf_value *value)
{
    const uint8_t *data = value->value.as.data;

    fuzz_leaf_sum += (uint64_t)value->value.type;
    if (value->overflow != 0 ||
        (value->value.type != VL_TYPE_TEXT && value->value.type != VL_TYPE_BLOB))
        return;
    for (uint32_t i = 0; i < value->value.size; i++)
        fuzz_leaf_sum += data[i];
}

static void
fuzz_leaf_read(const vl_leaf *leaf)
{
    int64_t last = INT64_MIN;
    vl_leaf_value value;
    vl_leaf_view view;

    for (uint32_t rank = 0; rank < leaf->count; rank++) {
        uint32_t slot = vl_leaf_slot_at(leaf, rank);
        int64_t rowid = vl_leaf_rowid(leaf, slot);
        uint32_t found = UINT32_MAX;

        FUZZ_CHECK(rank == 0 || rowid > last);
        FUZZ_CHECK(vl_leaf_find(leaf, rowid, &found) == vl_leaf_slot_state(leaf, slot));
        FUZZ_CHECK(found == slot);
        last = rowid;
        for (uint32_t i = 0; i < leaf->column_count; i++) {
            vl_leaf_get(leaf, slot, i, &value);
            fuzz_leaf_use(&value);
        }
    }
    for (uint32_t i = 0; i < leaf->column_count; i++) {
        vl_leaf_column_view(leaf, i, &view);
        fuzz_leaf_sum += view.exception_count;
    }
}

/* Build the page anew with its own columns; what comes out is valid and has as many rows. */
static void
fuzz_leaf_rebuild(const vl_leaf *leaf)
{
    const uint32_t max = FUZZ_PAGE_SIZE / sizeof(vl_leaf_column);
    const vl_leaf_column *columns = (const vl_leaf_column *)(const void *)(leaf + 1);
    vl_leaf_value defaults[FUZZ_PAGE_SIZE / sizeof(vl_leaf_column)];
    uint32_t ids[FUZZ_PAGE_SIZE / sizeof(vl_leaf_column)];
    vl_leaf_schema schema = {ids, defaults, leaf->column_count, (leaf->flags & VL_LEAF_ROWS) != 0};
    vl_leaf_build build = {FUZZ_PAGE_SIZE, VL_LEAF_BULK, &schema, leaf, NULL, 0, NULL, NULL, NULL};
    void *scratch = malloc(vl_leaf_scratch_size(FUZZ_PAGE_SIZE, max, 0));
    vl_leaf *page = malloc(FUZZ_PAGE_SIZE);
    vl_leaf_builder *builder;
    uint32_t rows = 0;
    uint32_t taken;

    memset(defaults, 0, sizeof defaults);
    for (uint32_t i = 0; i < leaf->column_count; i++)
        ids[i] = columns[i].id;
    builder = vl_leaf_build_begin(scratch, &build);
    do {
        taken = vl_leaf_build_next(builder, page, 1, 1);
        rows += taken;
        FUZZ_CHECK(vl_leaf_validate(NULL, page, FUZZ_PAGE_SIZE) == VELO_OK);
        fuzz_leaf_read(page);
    } while (taken > 0 && vl_leaf_build_remaining(builder) > 0);
    FUZZ_CHECK(vl_leaf_build_remaining(builder) > 0 || rows == leaf->count - leaf->gap_count);
    free(page);
    free(scratch);
}

static void
fuzz_leaf_write(vl_leaf *leaf)
{
    vl_leaf_change change = {0, {{.type = VL_TYPE_TEXT, .size = 3}, 0}};

    for (uint32_t slot = 0; slot < leaf->count && leaf->column_count > 0; slot++) {
        vl_leaf_state state = vl_leaf_slot_state(leaf, slot);

        change.id = ((const vl_leaf_column *)(const void *)(leaf + 1))->id;
        change.value.value.as.data = "abc";
        if (state != VL_LEAF_GAP)
            fuzz_leaf_sum += vl_leaf_update(leaf, FUZZ_PAGE_SIZE, slot, &change, 1);
        if (state == VL_LEAF_LIVE)
            vl_leaf_mark_deleted(leaf, slot);
        if (state != VL_LEAF_GAP && slot % 2 == 0)
            vl_leaf_purge(leaf, slot);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = calloc(1, FUZZ_PAGE_SIZE);
    vl_leaf *leaf = (vl_leaf *)(void *)bytes;

    FUZZ_CHECK(bytes != NULL);
    memcpy(bytes, data, size < FUZZ_PAGE_SIZE ? size : FUZZ_PAGE_SIZE);
    if (vl_leaf_validate(NULL, leaf, FUZZ_PAGE_SIZE) == VELO_OK) {
        fuzz_leaf_read(leaf);
        if (leaf->column_count > 0 && leaf->column_count <= vl_leaf_max_columns(FUZZ_PAGE_SIZE))
            fuzz_leaf_rebuild(leaf);
        if ((leaf->flags & VL_LEAF_ROWS) == 0)
            fuzz_leaf_write(leaf);
    }
    free(bytes);
    return 0;
}
