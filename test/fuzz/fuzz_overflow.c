/* fuzz_overflow.c - a page of arbitrary bytes: the check of pages of long values ends and stays
 * inside, and what passes it does so in its own page size only where it says the same. */
#include "lib/fuzz.h"
#include "storage/overflow.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t page_sizes[] = {512, 4096, 65536};
    uint8_t *page;

    for (size_t i = 0; i < VL_ARRAY_COUNT(page_sizes); i++) {
        uint32_t page_size = page_sizes[i];
        const vl_page_header *header;

        page = aligned_alloc(64, page_size);
        FUZZ_CHECK(page != NULL);
        memset(page, 0, page_size);
        if (size > 0)
            memcpy(page, data, size < page_size ? size : page_size);
        header = (const void *)page;
        if (vl_overflow_fault(page, page_size) == NULL) {
            uint32_t content = page_size - (uint32_t)sizeof *header;

            FUZZ_CHECK(header->kind == VL_PAGE_OVERFLOW_LIST ||
                       header->kind == VL_PAGE_OVERFLOW_DATA);
            FUZZ_CHECK(header->count <= (header->level > 0 ? content / 4 : content));
            FUZZ_CHECK(header->level <= VL_OVERFLOW_MAX_LEVEL);
        }
        free(page);
    }
    return 0;
}
