/* output.c - pages of a database of SQLite's on their way to a file, or to memory.
 *
 * Invariants
 *   LO1  Page 1 is zeros in the file until all others have been written. */
#include "lite/writer_int.h"

#include "base/alloc.h"

#include <string.h>

/* Bytes that are gathered before they are written. */
#define OUTPUT_GATHER ((size_t)1 << 20)

/* Whether a page lies where SQLite has its locks. */
static int
output_is_lock(const vl_lite_output *output, uint32_t pgno)
{
    return pgno == VL_LITE_LOCK_OFFSET / output->page_size + 1;
}

uint32_t
vl_lite_output_next(const vl_lite_output *output)
{
    uint32_t next = output->page_count == 0 ? 2 : output->page_count + 1; /* keeps LO1 */

    return output_is_lock(output, next) ? next + 1 : next;
}

static velo_status
output_flush(vl_ctx *ctx, vl_lite_output *output)
{
    VL_TRY(
        vl_file_write(ctx, output->file, output->bytes.data, output->bytes.size, output->flushed));
    output->flushed += output->bytes.size;
    output->bytes.size = 0;
    return VELO_OK;
}

/* Append a page, or one of zeros (NULL). */
static velo_status
output_append(vl_ctx *ctx, vl_lite_output *output, const uint8_t *page)
{
    if (output->page_count >= UINT32_MAX - 2)
        return vl_fail(ctx, VELO_TOOBIG, "the database has too many pages for SQLite");
    VL_TRY(vl_lite_bytes_reserve(ctx, &output->bytes, output->page_size));
    if (page != NULL)
        memcpy(output->bytes.data + output->bytes.size, page, output->page_size);
    else
        memset(output->bytes.data + output->bytes.size, 0, output->page_size);
    output->bytes.size += output->page_size;
    output->page_count++;
    if (output->file != NULL && output->bytes.size >= OUTPUT_GATHER)
        return output_flush(ctx, output);
    return VELO_OK;
}

velo_status
vl_lite_output_page(vl_ctx *ctx, vl_lite_output *output, const uint8_t *page)
{
    if (output->page_count == 0)
        VL_TRY(output_append(ctx, output, NULL)); /* page 1; keeps LO1 */
    if (output_is_lock(output, output->page_count + 1))
        VL_TRY(output_append(ctx, output, NULL));
    return output_append(ctx, output, page);
}

velo_status
vl_lite_output_finish(vl_ctx *ctx, vl_lite_output *output, const uint8_t *page)
{
    if (output->page_count == 0)
        VL_TRY(output_append(ctx, output, NULL));
    if (output->file == NULL) {
        memcpy(output->bytes.data, page, output->page_size);
        return VELO_OK;
    }
    VL_TRY(output_flush(ctx, output));
    VL_TRY(vl_file_sync(ctx, output->file));
    VL_TRY(vl_file_write(ctx, output->file, page, output->page_size, 0)); /* keeps LO1 */
    return vl_file_sync(ctx, output->file);
}
