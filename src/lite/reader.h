/* reader.h - reading a database of SQLite's: its file, and the write-ahead log beside it.
 *
 * By SQLite's description of its file format: all sizes of pages, the three encodings of text,
 * overflow pages, trees of tables and of tables WITHOUT ROWID. Text comes out as UTF-8. Pages of
 * the free list and indexes are not looked at.
 *
 * Nothing is ever written, and nothing that is read is believed: a file that is damaged gives
 * VELO_CORRUPT with the page and the reason. A row takes at most the memory that it has bytes in
 * the file; else memory is a page for each level of a tree, and 12 to 24 bytes for each frame of
 * the log.
 *
 * Threads: a reader and its scans belong to one thread at a time. */
#ifndef VL_LITE_READER_H
#define VL_LITE_READER_H

#include "base/ctx.h"
#include "base/type.h"
#include "os/io.h"

typedef struct vl_lite_reader vl_lite_reader;
typedef struct vl_lite_scan vl_lite_scan;

/* What the file's header says. */
typedef struct vl_lite_header {
    uint32_t page_size;      /* bytes of a page */
    uint32_t usable_size;    /* bytes of it that are used */
    uint32_t page_count;     /* pages of the database, with what the log adds */
    uint32_t encoding;       /* 1: UTF-8, 2: UTF-16 little-endian, 3: big-endian */
    uint32_t change_counter; /* grows with each transaction, without a log */
    uint32_t schema_cookie;  /* PRAGMA schema_version */
    int32_t user_version;    /* PRAGMA user_version */
    int32_t application_id;  /* PRAGMA application_id */
    int has_log;             /* its write-ahead log had transactions */
} vl_lite_header;

/* Whether the first bytes of a file, at least 16 of them, are those of a database of SQLite's. */
int vl_lite_is_database(const void *bytes, size_t size);

/* Open a file, and its log `<path>-wal` if there is one. SQLite's lock for reading is held until it
 * is closed.
 *
 * errors  VELO_NOTADB: it is something else; VELO_READONLY_RECOVERY: it has a hot rollback journal,
 *         which only SQLite can roll back; VELO_BUSY: somebody is writing it; VELO_CORRUPT,
 *         VELO_NOMEM, VELO_CANTOPEN, VELO_IOERR */
velo_status vl_lite_open_file(vl_ctx *ctx, vl_io *io, const char *path, vl_lite_reader **out)
    VL_MUST_CHECK;

/* The same of a file in memory, and its log; borrowed until it is closed. log NULL: none. */
velo_status vl_lite_open_image(vl_ctx *ctx, const void *image, uint64_t size, const void *log,
                               uint64_t log_size, vl_lite_reader **out) VL_MUST_CHECK;

/* NULL is allowed. Scans are destroyed before. */
void vl_lite_close(vl_lite_reader *reader);

/* Valid as long as the reader. */
const vl_lite_header *vl_lite_get_header(const vl_lite_reader *reader);

/* Pages read so far by all scans: those of trees and of overflow. For telling progress. */
uint64_t vl_lite_pages_read(const vl_lite_reader *reader);

/* Called before each page that a scan reads, even those that have no row; what fails ends the scan
 * with its code. */
typedef velo_status vl_lite_watch(vl_ctx *ctx, void *user);

/* Have a function called from now on; NULL: none. */
void vl_lite_set_watch(vl_lite_reader *reader, vl_lite_watch *watch, void *user);

/* VELO_BUSY when the file or its log was changed since the reader was opened: what was read may be
 * of different times. A log that was not there then is a change, even if it is empty. */
velo_status vl_lite_check_unchanged(vl_ctx *ctx, vl_lite_reader *reader) VL_MUST_CHECK;

/* Read a tree from its first row to its last.
 *
 * root      its first page; 1: that of the schema
 * is_index  it is a tree of records by their order (a table WITHOUT ROWID), not by rowids */
velo_status vl_lite_scan_create(vl_ctx *ctx, vl_lite_reader *reader, uint32_t root, int is_index,
                                vl_lite_scan **out) VL_MUST_CHECK;

/* NULL is allowed. */
void vl_lite_scan_destroy(vl_lite_scan *scan);

/* A row: as many values as its record has, which may be fewer than the table has columns now. */
typedef struct vl_lite_row {
    int64_t rowid;          /* 0 in an index */
    const vl_value *values; /* valid until the next step of the scan */
    uint32_t count;         /* of them */
    uint32_t pgno;          /* the page it was found on */
} vl_lite_row;

/* Go to the next row; *found is 0 behind the last. Errors: VELO_CORRUPT, VELO_NOMEM, VELO_IOERR:
 * then the scan is only to be destroyed. */
velo_status vl_lite_scan_next(vl_ctx *ctx, vl_lite_scan *scan, vl_lite_row *row, int *found)
    VL_MUST_CHECK;

#endif
