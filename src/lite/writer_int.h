/* writer_int.h - what the parts of the writer share. */
#ifndef VL_LITE_WRITER_INT_H
#define VL_LITE_WRITER_INT_H

#include "lite/lite_int.h"
#include "lite/writer.h"

/* Bytes that grow. All zeros is empty. */
typedef struct vl_lite_bytes {
    uint8_t *data; /* owned */
    size_t size;
    size_t capacity;
} vl_lite_bytes;

/* Have room for `more` bytes behind those that are there. */
velo_status vl_lite_bytes_reserve(vl_ctx *ctx, vl_lite_bytes *bytes, size_t more) VL_MUST_CHECK;

/* Make a record of values. errors  VELO_TOOBIG, VELO_NOMEM */
velo_status vl_lite_record_make(vl_ctx *ctx, const vl_value *values, uint32_t count,
                                vl_lite_bytes *record) VL_MUST_CHECK;

/* Where pages go: one behind the other. */
typedef struct vl_lite_output {
    vl_file *file;       /* NULL: bytes keeps all */
    uint32_t page_size;  /* bytes of a page */
    uint32_t page_count; /* written so far, page 1 counted */
    uint64_t flushed;    /* bytes that the file has */
    vl_lite_bytes bytes; /* those that it has not yet */
} vl_lite_output;

/* The number that the next page will get. */
uint32_t vl_lite_output_next(const vl_lite_output *output);

/* Write a page; its number is what vl_lite_output_next said. */
velo_status vl_lite_output_page(vl_ctx *ctx, vl_lite_output *output, const uint8_t *page)
    VL_MUST_CHECK;

/* Write page 1, and make all durable. */
velo_status vl_lite_output_finish(vl_ctx *ctx, vl_lite_output *output, const uint8_t *page)
    VL_MUST_CHECK;

#endif
