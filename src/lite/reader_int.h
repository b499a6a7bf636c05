/* reader_int.h - what the parts of the reader share. */
#ifndef VL_LITE_READER_INT_H
#define VL_LITE_READER_INT_H

#include "base/arena.h"
#include "lite/lite_int.h"
#include "lite/reader.h"

/* Bytes that are read at random: of a file, or in memory. */
typedef struct vl_lite_input {
    vl_file *file;       /* NULL: in memory */
    const uint8_t *data; /* in memory */
    uint64_t size;       /* bytes, when it was opened */
} vl_lite_input;

/* Read bytes that must all be there. Errors: VELO_CORRUPT: they are not; VELO_IOERR */
velo_status vl_lite_input_read(vl_ctx *ctx, const vl_lite_input *input, void *to, size_t size,
                               uint64_t offset) VL_MUST_CHECK;

/* The write-ahead log: which page is in which frame. */
typedef struct vl_lite_log {
    vl_lite_input input; /* size 0: there is none */
    uint32_t page_size;  /* of its frames */
    uint32_t is_big;     /* its checksums take words big-endian */
    uint32_t salts[2];   /* that valid frames have */
    uint32_t sums[2];    /* the checksum up to the last commit */
    uint32_t frames;     /* up to the last commit; 0: it has no transaction */
    uint32_t page_count; /* of the database after it */
    uint32_t *pages;     /* of each frame: its page number */
    uint64_t *slots;     /* open addressing: page number << 32 | frame number from 1; 0: free */
    uint32_t slot_bits;  /* there are 1 << slot_bits slots */
} vl_lite_log;

/* Find out what of a log is valid. input.size 0: nothing. */
velo_status vl_lite_log_open(vl_ctx *ctx, vl_lite_log *log) VL_MUST_CHECK;

/* Where in the log a page's newest content is; 0: it is not in the log. */
uint64_t vl_lite_log_find(const vl_lite_log *log, uint32_t pgno);

/* Whether transactions were added to it, or it was begun anew, since it was opened. */
velo_status vl_lite_log_has_changed(vl_ctx *ctx, const vl_lite_log *log, int *changed)
    VL_MUST_CHECK;

void vl_lite_log_close(vl_lite_log *log);

struct vl_lite_reader {
    vl_io *io;             /* of the file; NULL: in memory */
    int64_t write_time_ns; /* of the file, when it was opened */
    vl_lite_header header;
    vl_lite_input input;
    vl_lite_log log;
    uint64_t pages_read;
    vl_lite_watch *watch; /* called before each page is read; NULL: nothing is */
    void *watch_user;
};

/* Read a page as the last transaction has left it; `to` has room for one.
 *
 * errors  VELO_CORRUPT: there is no such page, with `from`, the page that named it (0: none) */
velo_status vl_lite_read_page(vl_ctx *ctx, vl_lite_reader *reader, uint32_t pgno, uint32_t from,
                              uint8_t *to) VL_MUST_CHECK;

/* Values of a record. All zeros is an empty one. */
typedef struct vl_lite_record {
    vl_value *values; /* capacity of them */
    uint32_t count;
    uint32_t capacity;
} vl_lite_record;

/* Take a record apart.
 *
 * encoding  of its texts
 * arena     receives texts that are not UTF-8
 * pgno      for words of errors */
velo_status vl_lite_record_read(vl_ctx *ctx, const uint8_t *bytes, size_t size, uint32_t encoding,
                                vl_arena *arena, uint32_t pgno, vl_lite_record *record)
    VL_MUST_CHECK;

#endif
