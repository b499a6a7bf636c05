/* spill.h - rows in a temporary file, when memory is short.
 *
 * A spill is one file without a name, made at its first write. Rows are appended; a reader reads a
 * part of the file in order. The file's blocks are given back when the spill ends. Threads: one at
 * a time. */
#ifndef VL_EXEC_SPILL_H
#define VL_EXEC_SPILL_H

#include "base/ctx.h"
#include "base/type.h"
#include "os/io.h"

struct vl_exec;

/* Rows are written, and read, in pieces of this size, in bytes. */
#define VL_SPILL_BUFFER_SIZE VL_BY_BUILD(32768U, 64U)

/* All zeros but exec: nothing was written. */
typedef struct vl_spill {
    struct vl_exec *exec; /* whose environment says where the file is made */
    vl_file *file;        /* NULL: none yet */
    uint64_t size;        /* bytes in the file */
    uint8_t *buffer;      /* what is to be appended; NULL: none */
    size_t used;          /* bytes in it */
    size_t capacity;      /* of the buffer */
} vl_spill;

/* Append a row.
 * errors  those of making and writing files, VELO_FULL, VELO_NOMEM; then only deinit may follow */
velo_status vl_spill_write(vl_ctx *ctx, vl_spill *spill, const vl_value *row, uint32_t count)
    VL_MUST_CHECK;

/* Where the next row will begin. */
uint64_t vl_spill_position(const vl_spill *spill);

/* Make what was appended readable. Errors as vl_spill_write. */
velo_status vl_spill_flush(vl_ctx *ctx, vl_spill *spill) VL_MUST_CHECK;

/* Close the file and free the buffer. */
void vl_spill_deinit(vl_spill *spill);

/* A reader of the rows in [at, end) of a spill that was flushed. All zeros but these is its
 * beginning. */
typedef struct vl_spill_reader {
    const vl_spill *spill; /* borrowed */
    uint64_t at;           /* the next byte to be read from the file */
    uint64_t end;          /* one past the last */
    uint8_t *buffer;       /* NULL: none yet */
    size_t begin;          /* bytes of the buffer that are used up */
    size_t filled;         /* bytes in it */
    size_t capacity;       /* of it */
} vl_spill_reader;

/* Read the next row of `count` values; *found is 0 at the end. Texts are in the reader's buffer
 * until the next call.
 * errors  those of reading files, VELO_NOMEM, VELO_CORRUPT: the file is not as it was written */
velo_status vl_spill_read(vl_ctx *ctx, vl_spill_reader *reader, uint32_t count, vl_value *row,
                          int *found) VL_MUST_CHECK;

/* Free the buffer. */
void vl_spill_reader_deinit(vl_spill_reader *reader);

#endif
