/* fuzz_pagemap.c - map pages of any bytes: accepted ones can be read, sealed and searched. */
#include "lib/fuzz.h"
#include "storage/pagemap.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(VL_CACHE_LINE_SIZE) uint8_t page[512];
    static uint8_t copy[512];
    vl_pid pid;

    if (size < sizeof pid + 64)
        return 0;
    memset(page, 0, sizeof page);
    memcpy(&pid, data, sizeof pid);
    size -= sizeof pid;
    memcpy(page, data + sizeof pid, size < sizeof page ? size : sizeof page);
    for (uint32_t i = 0; i < vl_pagemap_fanout(sizeof page); i++) {
        vl_extent extent = vl_pagemap_get(page, i);

        FUZZ_CHECK(extent.length <= 255 && extent.address < VL_VOLUME_MAX_BLOCKS);
    }
    if (vl_pagemap_fault(page, sizeof page, pid) != NULL)
        return 0;
    memcpy(copy, page, sizeof copy);
    FUZZ_CHECK(vl_pagemap_is_own(sizeof page, pid));
    FUZZ_CHECK(vl_pagemap_seal(page, sizeof page) == 0);
    FUZZ_CHECK(memcmp(copy, page, sizeof copy) == 0); /* accepted ones are images */
    FUZZ_CHECK(vl_pagemap_find_empty(page, sizeof page, 0) <= vl_pagemap_fanout(sizeof page));
    for (uint32_t i = VL_PAGEMAP_FIRST; i < vl_pagemap_fanout(sizeof page); i++) {
        vl_extent extent = vl_pagemap_get(page, i);
        int is_full = vl_pagemap_entry_is_full(page, i);

        FUZZ_CHECK(extent.encoding <= VL_PAGEMAP_PLAIN);
        vl_pagemap_set(page, i, &extent);
        vl_pagemap_set_full(page, i, is_full);
    }
    FUZZ_CHECK(memcmp(copy, page, sizeof copy) == 0); /* entries are all there is */
    return 0;
}
