/* fuzz_lite.c - reading a database of SQLite's never reads beyond what there is, whatever the bytes
 * of its file and its log are. The first byte says how many of the last 256ths are the log. */
#include "base/ctx.h"
#include "lib/fuzz.h"
#include "lite/reader.h"

#include <stdlib.h>
#include <string.h>

/* Trees that are read of one input at most. */
#define LITE_TREES 16U

static void
fuzz_lite_scan(vl_ctx *ctx, vl_lite_reader *reader, uint32_t root, int is_index)
{
    volatile uint8_t seen = 0;
    vl_lite_scan *scan;
    vl_lite_row row;
    int found = 1;

    if (vl_lite_scan_create(ctx, reader, root, is_index, &scan) != VELO_OK)
        return;
    while (found && vl_lite_scan_next(ctx, scan, &row, &found) == VELO_OK && found)
        for (uint32_t i = 0; i < row.count; i++)
            if (row.values[i].type == VL_TYPE_TEXT || row.values[i].type == VL_TYPE_BLOB)
                for (uint32_t k = 0; k < row.values[i].size; k++)
                    seen = (uint8_t)(seen + ((const uint8_t *)row.values[i].as.data)[k]);
    vl_lite_scan_destroy(scan);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vl_lite_reader *reader;
    size_t log_size;
    uint8_t *image;
    uint8_t *log;
    vl_ctx ctx;

    if (size < 1)
        return 0;
    log_size = (size - 1) * data[0] / 256;
    image = malloc(size - 1 - log_size + 1);
    log = malloc(log_size + 1);
    FUZZ_CHECK(image != NULL && log != NULL);
    memcpy(image, data + 1, size - 1 - log_size);
    memcpy(log, data + size - log_size, log_size);
    vl_ctx_init(&ctx, NULL, NULL);
    if (vl_lite_open_image(&ctx, image, size - 1 - log_size, log, log_size, &reader) == VELO_OK) {
        for (uint32_t root = 1; root <= LITE_TREES; root++)
            for (int is_index = 0; is_index < 2; is_index++)
                fuzz_lite_scan(&ctx, reader, root, is_index);
        vl_lite_close(reader);
    }
    free(log);
    free(image);
    return 0;
}
