/* fuzz_record.c - taking bodies of log records apart never reads beyond their end, and what is
 * accepted is written again with the same bytes. The first two bytes are the type. */
#include "base/bytes.h"
#include "lib/fuzz.h"
#include "storage/record.h"

#include <string.h>

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
    }
    free(again);
    free(body);
    return 0;
}
