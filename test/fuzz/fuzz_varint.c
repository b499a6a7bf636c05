/* fuzz_varint.c - decoding numbers from arbitrary bytes never reads beyond their end, and what is
 * accepted has exactly this encoding. */
#include "base/bytes.h"
#include "lib/fuzz.h"

#include <stdlib.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy of the exact size, so that the address sanitizer sees each byte read too far. */
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    const uint8_t *at = bytes;
    const uint8_t *end;

    FUZZ_CHECK(bytes != NULL);
    if (size > 0)
        memcpy(bytes, data, size);
    end = bytes + size;
    while (at < end) {
        uint8_t again[VL_VARINT_MAX_SIZE];
        uint64_t value;
        const uint8_t *next = vl_varint_get(at, end, &value);

        if (next == NULL) {
            FUZZ_CHECK(value == 0);
            at++;
            continue;
        }
        FUZZ_CHECK(next > at && next <= end);
        FUZZ_CHECK(vl_varint_put(again, value) - again == next - at);
        FUZZ_CHECK(memcmp(again, at, (size_t)(next - at)) == 0);
        FUZZ_CHECK(vl_zigzag_encode(vl_zigzag_decode(value)) == value);
        at = next;
    }
    free(bytes);
    return 0;
}
