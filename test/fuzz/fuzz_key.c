/* fuzz_key.c - decoding keys from arbitrary bytes never reads beyond their end, and what is
 * accepted encodes to the same bytes. The first byte chooses the order. */
#include "lib/fuzz.h"
#include "storage/key.h"

#include <string.h>

/* Encode a decoded column again and compare. */
static void
fuzz_key_compare(const uint8_t *at, const uint8_t *next, vl_value *value, vl_key_order order)
{
    size_t size = (size_t)(next - at);
    uint8_t *plain = malloc(value->size > 0 ? value->size : 1);
    uint8_t *again = malloc(size);

    FUZZ_CHECK(plain != NULL && again != NULL);
    if (value->type == VL_TYPE_TEXT || value->type == VL_TYPE_BLOB) {
        vl_key_get_bytes(plain, value->size, at, order);
        value->as.data = plain;
    }
    FUZZ_CHECK(vl_key_size(value, order) == size);
    FUZZ_CHECK(vl_key_put(again, value, order) == again + size);
    FUZZ_CHECK(memcmp(again, at, size) == 0);
    FUZZ_CHECK(vl_key_compare(again, size, at, size) == 0);
    free(again);
    free(plain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vl_key_order order = {VL_COLLATE_BINARY, 0};
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    const uint8_t *at = bytes;

    FUZZ_CHECK(bytes != NULL);
    if (size > 0)
        memcpy(bytes, data, size);
    if (size > 0)
        order.is_descending = *at++ & 1;
    while (at < bytes + size) {
        vl_value value;
        const uint8_t *next = vl_key_get(at, bytes + size, order, &value);

        if (next == NULL) {
            at++;
            continue;
        }
        FUZZ_CHECK(next > at && next <= bytes + size);
        fuzz_key_compare(at, next, &value, order);
        at = next;
    }
    free(bytes);
    return 0;
}
