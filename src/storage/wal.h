/* wal.h - the write-ahead log: a stream of records in a file beside the database.
 *
 * What the log holds is one endless stream of records. A *position* counts the bytes of that
 * stream: it is a multiple of 8, only grows, never starts again, and has nothing to do with the
 * place in the file. A record's position is the timestamp of what it says.
 *
 *     released      written               appended            tail
 *        |  durable   |                      |                 |
 *   -----+-----+------+----------------------+--------+--------+----> positions
 *        | on the     | handed to the        | filled | reserved, in
 *        | medium     | system               | in memory       part filled
 *
 * Appending is made for write sections, in which nothing may wait or fail. Before a section a
 * thread gets *credit* (vl_wal_grant): space in the ring of memory in which records are built, and
 * space in the file, so that neither appending nor flushing can meet a full disk. In the section
 * it appends, in one step or in two: vl_wal_reserve draws the position by one atomic addition,
 * which whoever needs it as a timestamp stores first; vl_wal_fill then writes the record. Between
 * the two nothing may fail or wait; who finds nothing to say fills with VL_WAL_FILLER.
 *
 * vl_wal_flush waits until a part of the log is written, or durable. Whoever finds no flush running
 * becomes the leader, takes along everything that is appended, and hands leadership to one waiter
 * beyond: no thread of its own, no timer. The first failure is final: flushes and grants say from
 * then on what happened, and what was not durable may or may not be found by recovery.
 *
 * A log file holds one *generation* at a time, in segments, and for a while the one before. Nothing
 * is ever appended to a generation by another process: recovery reads the old one and begins a new
 * one beside it. Its identity (database, generation, salt) is written to the segments, and the
 * salt seeds every record's checksum together with the position: nothing stale is ever taken for a
 * record (hazard 5). The format is described in docs/file-format.md.
 *
 * Who writes checkpoints keeps this order: barrier at position P; vl_wal_flush(P, durable); pages;
 * superblock that names P; sync; vl_wal_release(P). The flush of P matters in every mode: a scan
 * from P must find the segment in which P lies.
 *
 * Latches: `wal.latch` and `wal.walk_latch` (docs/locking.md), held for moments, never across I/O.
 *
 * Threads: all functions by any thread at a time, but vl_wal_create, vl_wal_close and those of a
 * scan. What waits (grant, flush, release) is called without latches and outside of sections.
 *
 * Memory: everything is allocated by vl_wal_create, but for the table of segments, which grows with
 * the file inside of vl_wal_grant. Flushing allocates nothing. */
#ifndef VL_STORAGE_WAL_H
#define VL_STORAGE_WAL_H

#include "base/ctx.h"
#include "base/platform.h"
#include "os/durability.h"
#include "os/io.h"

typedef struct vl_wal vl_wal;
typedef struct vl_wal_scan vl_wal_scan;

/* Bytes of the stream of records. */
typedef uint64_t vl_log_position;

/* Positions are below this: 2^62 bytes are more than any medium takes in a lifetime. */
#define VL_LOG_POSITION_MAX (UINT64_C(1) << 62)

/* Bytes of a record before its body. */
#define VL_WAL_RECORD_HEADER 24U

/* Type of a record that says nothing: scans pass over it. All others are the caller's. */
#define VL_WAL_FILLER 0U

#define VL_WAL_RING_DEFAULT VL_BY_BUILD(1024U * 1024U, 4096U)
#define VL_WAL_RING_MIN     1024U
#define VL_WAL_RING_MAX     0x40000000U

#define VL_WAL_SEGMENT_DEFAULT VL_BY_BUILD(1024U * 1024U, 1024U)
#define VL_WAL_SEGMENT_MIN     1024U
#define VL_WAL_SEGMENT_MAX     0x40000000U

/* Which log this is. The superblock of the database names it. */
typedef struct vl_wal_identity {
    uint8_t database_id[16]; /* of the database, as in its superblock */
    uint64_t generation;     /* from 1 on, each above the one before */
    uint64_t salt;           /* random, drawn anew for each generation (vl_io_random) */
} vl_wal_identity;

/* How the log's bytes reach the medium. */
typedef enum vl_wal_medium {
    VL_WAL_FILE,  /* writes and syncs */
    VL_WAL_MAPPED /* stores to a mapping, where that is persistent (vl_map.persist in os/io.h);
                     elsewhere as VL_WAL_FILE, and the statistics say so. The format is the same, so
                     the choice is each process's own */
} vl_wal_medium;

typedef struct vl_wal_options {
    vl_io *io;                /* borrowed, outlives the log; NULL: a database in memory, positions
                                 are counted and nothing is kept */
    const char *path;         /* of the log file; copied */
    vl_file *like;            /* who may open that file may open the log; NULL: as the system has it
                                 for new files */
    vl_wal_identity identity; /* of the generation to begin */
    vl_log_position start;    /* its first position: at or above the end of the one before */
    uint32_t ring_bytes;      /* memory for records not yet written, a power of two; 0: default */
    uint32_t segment_bytes;   /* unit in which the file grows, a power of two; 0: default. An
                                 existing log file keeps its own */
    vl_durable_method method; /* how appends are made durable, where they are written */
    vl_wal_medium medium;     /* how the bytes reach the medium */
    vl_preallocation preallocation; /* how space is prepared. WRITTEN counts as ALLOCATED while much
                                       is appended and nothing made durable. NONE counts as
                                       ALLOCATED: a flush must not meet a full disk. Where the file
                                       system cannot allocate, only WRITTEN takes the space for
                                       certain */
} vl_wal_options;

/* ---- a log's life ---- */

/* Begin a generation: in a new file, or beside the segments of older generations in an existing
 * one, which stay intact until vl_wal_release_old. On return the first segment is durable and the
 * folder is synced, so that a superblock may name the generation.
 *
 * A file that does not begin with a valid header is begun anew: no generation can be read from it.
 *
 * errors  VELO_CORRUPT: the file is the log of another database, which is left alone;
 *         VELO_CANTOPEN: it was written by a newer version; VELO_MISUSE: bad sizes;
 *         VELO_FULL, VELO_NOMEM, those of I/O. Older generations are intact in any case */
velo_status vl_wal_create(vl_ctx *ctx, const vl_wal_options *options, vl_wal **out) VL_MUST_CHECK;

/* VELO_OK, or the log's first failure, which is final, with its message: no more records are taken.
 */
velo_status vl_wal_check(vl_ctx *ctx, vl_wal *wal) VL_MUST_CHECK;

/* Close the file and give memory back. Does not flush. No other call may be under way. NULL is
 * allowed. */
void vl_wal_close(vl_wal *wal);

/* Delete the log of a database that is closed cleanly, and sync the folder. That it is absent is
 * no error. */
velo_status vl_wal_delete(vl_ctx *ctx, vl_io *io, const char *path) VL_MUST_CHECK;

/* The superblock that names this generation is durable: segments of older ones may be used again.
 * Errors: as of vl_wal_release. */
velo_status vl_wal_release_old(vl_ctx *ctx, vl_wal *wal) VL_MUST_CHECK;

/* ---- appending ---- */

/* Credit for records: bytes of the log that its holder may still append. One thread at a time. */
typedef struct vl_wal_credit {
    uint32_t left; /* bytes of whole records */
} vl_wal_credit;

/* A piece of a record's body. */
typedef struct vl_wal_part {
    const void *data; /* borrowed for the call */
    uint32_t size;    /* bytes, may be 0 */
} vl_wal_part;

/* The most bytes in one record's body: with its header it fills a quarter of the ring. */
uint32_t vl_wal_max_body(const vl_wal *wal);

/* One past the record at `position` with so large a body: what a commit flushes. */
static inline vl_log_position
vl_wal_record_end(vl_log_position position, uint32_t body_size)
{
    return position + vl_align_up(VL_WAL_RECORD_HEADER + (uint64_t)body_size, 8);
}

/* Get credit for `count` records whose bodies have `size` bytes in all. Waits while the ring is
 * full, and writes it out; makes and prepares segments. Who waits is served in order.
 *
 * A thread that holds credit does not ask for more, since two that did might wait for each other,
 * and gives back what it does not use.
 *
 * credit  receives it; zeroed on failure
 * errors  VELO_TOOBIG: more than half of the ring in all; VELO_FULL: no space in the file;
 *         VELO_NOMEM; those of I/O; that of the log's first failure. Nothing has happened then */
velo_status vl_wal_grant(vl_ctx *ctx, vl_wal *wal, uint32_t count, uint32_t size,
                         vl_wal_credit *credit) VL_MUST_CHECK;

/* Give back what is left. */
void vl_wal_ungrant(vl_wal *wal, vl_wal_credit *credit);

/* Append a record of the given parts; returns its position. Cannot wait or fail: the credit
 * covers it, and the body is at most vl_wal_max_body. Takes no latch. */
vl_log_position vl_wal_append(vl_wal *wal, vl_wal_credit *credit, uint32_t type, uint64_t txn,
                              const vl_wal_part *parts, uint32_t part_count);

/* Draw the position of a record with `body_size` bytes of body. It must be filled, at once. */
vl_log_position vl_wal_reserve(vl_wal *wal, vl_wal_credit *credit, uint32_t body_size);

/* Fill it. The parts have as many bytes in all as were reserved. */
void vl_wal_fill(vl_wal *wal, vl_log_position position, uint32_t type, uint64_t txn,
                 const vl_wal_part *parts, uint32_t part_count);

/* ---- positions and flushing ---- */

/* One past what is reserved. While no section runs, everything before it is filled. */
vl_log_position vl_wal_tail(const vl_wal *wal);

/* End of the filled records without a gap between; moves on over what was filled meanwhile. Takes
 * the latch wal.walk_latch for a moment. */
vl_log_position vl_wal_appended(vl_wal *wal);

/* Wait until vl_wal_appended is at least `upto`, which is at most vl_wal_tail: for those who fill
 * what they have reserved. Neither writes nor fails. */
void vl_wal_await_appended(vl_wal *wal, vl_log_position upto);

/* What was handed to the system, and what is durable. */
vl_log_position vl_wal_written(const vl_wal *wal);
vl_log_position vl_wal_durable(const vl_wal *wal);

/* Wait until everything before `upto` (at most vl_wal_tail) is handed to the system, which
 * survives the end of the process, or, with is_durable, survives a power cut.
 *
 * errors  those of I/O, of the first that failed; every flush that is not satisfied already says
 *         so from then on. A failure says nothing about what will be found after a crash */
velo_status vl_wal_flush(vl_ctx *ctx, vl_wal *wal, vl_log_position upto, int is_durable)
    VL_MUST_CHECK;

/* Everything before `position` is in a durable checkpoint: its segments may be used again. Free
 * ones at the file's end beyond what the next checkpoint's log will need are given back.
 *
 * position  one that a durable superblock names. What is not written yet is not released, whatever
 *           is asked
 * errors    those of I/O, and that of the log's first failure; a failed sync is one */
velo_status vl_wal_release(vl_ctx *ctx, vl_wal *wal, vl_log_position position) VL_MUST_CHECK;

/* Counters; each is read on its own. */
typedef struct vl_wal_stats {
    uint64_t write_count;    /* transfers to the file with records */
    uint64_t sync_count;     /* times that something was made durable */
    uint64_t round_count;    /* flushes that a leader ran */
    uint64_t request_count;  /* calls of vl_wal_flush that had to wait or lead: divided by the
                                rounds, the size of a group */
    uint64_t segment_bytes;  /* size of a segment */
    uint64_t live_segments;  /* in use by this generation */
    uint64_t free_segments;  /* ready to be used */
    uint64_t old_segments;   /* of older generations, not released */
    uint64_t prepared_count; /* segments that were begun so far */
    uint64_t ring_bytes;     /* of memory for records */
    const char *medium;      /* what the log is on, and why not in persistent memory if that was
                                wanted; static text */
    int is_mapped;           /* appended by stores to a mapping: everything written is durable */
} vl_wal_stats;

void vl_wal_get_stats(vl_wal *wal, vl_wal_stats *stats);

/* ---- reading back ---- */

/* A record that was read. */
typedef struct vl_wal_record {
    vl_log_position position; /* its own */
    vl_log_position end;      /* one past it */
    uint64_t txn;             /* as appended */
    uint32_t type;            /* never VL_WAL_FILLER */
    uint32_t size;            /* bytes of body */
    const uint8_t *body;      /* aligned to 8; valid until the next call with the scan */
} vl_wal_record;

/* Open a log for reading one generation from `from` on, which is a record's position or the end.
 * Never changes the file.
 *
 * errors  VELO_CORRUPT, and the message says what: there is no log; it is none, or damaged; it is
 *         that of another database; it does not hold this generation; it begins behind `from`, or
 *         ends before it. VELO_CANTOPEN: written by a newer version. VELO_NOMEM; those of I/O */
velo_status vl_wal_scan_open(vl_ctx *ctx, vl_io *io, const char *path,
                             const vl_wal_identity *identity, vl_log_position from,
                             vl_wal_scan **out) VL_MUST_CHECK;

/* Read the next record. *found is 0 at the log's end: at the first record that does not check. A
 * read error is an error and never an end; after one, the call may be repeated. */
velo_status vl_wal_scan_next(vl_ctx *ctx, vl_wal_scan *scan, vl_wal_record *record, int *found)
    VL_MUST_CHECK;

/* Where the next record would begin; at the end: the log's end. */
vl_log_position vl_wal_scan_position(const vl_wal_scan *scan);

/* NULL is allowed. */
void vl_wal_scan_close(vl_wal_scan *scan);

#endif
