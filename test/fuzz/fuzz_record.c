/* fuzz_record.c - taking bodies of log records apart never reads beyond their end, and what is
 * accepted is written again with the same bytes. The first two bytes are the type. */
#include "base/bytes.h"
#include "base/ctx.h"
#include "lib/fuzz.h"
#include "storage/record.h"

#include <string.h>

/* The leaf of a record of rows, put together and taken apart: the same bytes, or it is refused. */
static void
fuzz_record_leaf(const vl_record *record)
{
    static _Alignas(VL_CACHE_LINE_SIZE) uint8_t page[VL_PAGE_MIN_SIZE];
    vl_leaf *leaf = (vl_leaf *)(void *)page;
    vl_record_leaf parts;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    if (vl_record_join_leaf(&ctx, record, VL_PAGE_MIN_SIZE, leaf) != VELO_OK)
        return;
    vl_record_split_leaf(leaf, VL_PAGE_MIN_SIZE, &parts);
    FUZZ_CHECK((size_t)parts.arrays_size + parts.heap_size == record->size);
    FUZZ_CHECK(memcmp(parts.arrays, record->data, parts.arrays_size) == 0);
    FUZZ_CHECK(memcmp(parts.heap, record->data + parts.arrays_size, parts.heap_size) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *body, *again;
    uint32_t type;
    size_t head_size;
    vl_record record;

    if (size < 2)
        return 0;
    type = vl_load_le16(data);
    size -= 2;
    body = malloc(size > 0 ? size : 1);
    again = malloc(size + VL_RECORD_HEAD_SIZE);
    FUZZ_CHECK(body != NULL && again != NULL);
    if (size > 0)
        memcpy(body, data + 2, size);
    if (vl_record_parse(type, body, size, &record) == NULL) {
        head_size = (size_t)(vl_record_put_head(again, &record) - again);
        FUZZ_CHECK(head_size + record.size == size);
        FUZZ_CHECK(memcmp(again, body, head_size) == 0);
        FUZZ_CHECK(record.size == 0 || record.data == body + head_size);
        FUZZ_CHECK(type == (uint32_t)record.type + (record.commits ? VL_RECORD_COMMITS : 0));
        if (record.type == VL_RECORD_TABLE_ROWS)
            fuzz_record_leaf(&record);
    }
    free(again);
    free(body);
    return 0;
}
