/* wal_int.h - what the parts of the log share. See wal.h.
 *
 *   wal.c          a log's life, failure, statistics
 *   wal_ring.c     credit, reserving, filling, the filled prefix
 *   wal_flush.c    the leader's rounds
 *   wal_segment.c  which slot of the file holds which part of the stream
 *   wal_wait.c     turns, and waiting for something to happen
 *   wal_format.c   headers of segments and checksums of records
 *   wal_media.c    how bytes reach the medium
 *   wal_scan.c     reading back */
#ifndef VL_STORAGE_WAL_INT_H
#define VL_STORAGE_WAL_INT_H

#include "base/assert.h"
#include "base/atomic.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/latch.h"
#include "base/rank.h"
#include "storage/wal.h"

#include <stdatomic.h>

_Static_assert(VL_LITTLE_ENDIAN, "size words are stored by atomics: a big-endian port swaps them");

/* ---- format (wal_format.c) ---- */

#define VL_WAL_FORMAT      1U
#define VL_WAL_HEADER_SIZE 512U  /* of the file's header, and of a segment's */
#define VL_WAL_SEGMENTS_AT 4096U /* where in the file the segments begin */

/* The header of the file, which is written once, or of a segment; the drawing is in
 * docs/file-format.md. */
typedef struct vl_wal_header {
    uint32_t segment_size;    /* bytes, header included */
    uint8_t database_id[16];  /* of the database */
    uint64_t generation;      /* from 1 on; 0 in the file's header, and so is what follows */
    uint64_t sequence;        /* which part of the stream: position / payload of a segment */
    uint64_t salt_check;      /* vl_wal_salt_check of the salt */
    vl_log_position start;    /* first position of the generation */
    uint32_t record_max_size; /* no record of the generation is larger, header included */
} vl_wal_header;

typedef enum vl_wal_header_state {
    VL_WAL_HEADER_VALID,
    VL_WAL_HEADER_NONE,    /* not a segment's header at all */
    VL_WAL_HEADER_DAMAGED, /* ours, but for the checksum or a field */
    VL_WAL_HEADER_NEWER    /* of a format that this library does not know */
} vl_wal_header_state;

/* What the header says about a salt without telling it. */
uint64_t vl_wal_salt_check(uint64_t salt, uint64_t generation);

void vl_wal_header_encode(const vl_wal_header *header, uint8_t bytes[VL_WAL_HEADER_SIZE]);
vl_wal_header_state vl_wal_header_decode(const uint8_t bytes[VL_WAL_HEADER_SIZE],
                                         vl_wal_header *header);

/* Offsets in a record. */
#define VL_WAL_RECORD_SIZE_AT     0U
#define VL_WAL_RECORD_TYPE_AT     4U
#define VL_WAL_RECORD_CHECKSUM_AT 8U
#define VL_WAL_RECORD_TXN_AT      16U

/* The checksum of a record of `size` bytes in all: of everything behind its first 8 bytes, with
 * the position where the checksum itself will be, which the caller has put there; `salt` and the
 * first 8 bytes make the seed. */
static inline uint64_t
vl_wal_record_checksum(const uint8_t *record, uint32_t size, uint32_t type, uint64_t salt)
{
    return vl_hash64(record + VL_WAL_RECORD_CHECKSUM_AT, vl_align_up(size, 8) - 8,
                     salt ^ ((uint64_t)type << 32 | size));
}

/* Whether a segment may have this size. */
static inline int
vl_wal_segment_size_is_valid(uint64_t size)
{
    return size >= VL_WAL_SEGMENT_MIN && size <= VL_WAL_SEGMENT_MAX && vl_is_power_of_two(size);
}

/* ---- medium (wal_media.c) ---- */

/* A file, seen as slots of one size; perhaps mapped. */
typedef struct vl_wal_media {
    vl_file *file;                  /* owned; NULL in memory */
    vl_durable_method method;       /* of durable writes */
    vl_preallocation preallocation; /* of new space */
    vl_wal_medium medium;           /* as wanted; set before it is opened, as the two above */
    int is_mapped;                  /* what is written below map.reserved is stored, and durable */
    vl_map map;                     /* of the file, if it is mapped */
    _Atomic int needs_sync;         /* mapped: something was written to the file all the same */
    _Atomic int has_failed;         /* mapped: a store or the sync of new space, which is final */
    const char *name;               /* of the medium, static text; NULL in memory */
} vl_wal_media;

velo_status vl_wal_media_open(vl_ctx *ctx, vl_wal_media *media, vl_io *io, const char *path,
                              uint32_t flags) VL_MUST_CHECK;
void vl_wal_media_close(vl_wal_media *media);
velo_status vl_wal_media_get_size(vl_ctx *ctx, vl_wal_media *media, uint64_t *size) VL_MUST_CHECK;

/* Read size bytes; what lies behind the file's end reads as zeros. */
velo_status vl_wal_media_read(vl_ctx *ctx, vl_wal_media *media, void *buf, size_t size,
                              uint64_t offset) VL_MUST_CHECK;

/* Make and prepare space. Space that will not be synced often needs no zeros, unless they are the
 * only way to take it. On failure the file may have grown; nothing else. */
velo_status vl_wal_media_prepare(vl_ctx *ctx, vl_wal_media *media, uint64_t offset, uint64_t size,
                                 int is_synced_often) VL_MUST_CHECK;

/* Whether something failed that is as final as a failed sync, though nobody asked for one. */
int vl_wal_media_has_failed(const vl_wal_media *media);

velo_status vl_wal_media_write(vl_ctx *ctx, vl_wal_media *media, const void *buf, size_t size,
                               uint64_t offset) VL_MUST_CHECK;

/* Whether writing with vl_wal_media_write_durable is one step, quicker than write and sync. With
 * `alone`, nothing but the bytes of the call has to become durable. */
int vl_wal_media_has_durable_write(const vl_wal_media *media, int alone);
velo_status vl_wal_media_write_durable(vl_ctx *ctx, vl_wal_media *media, const void *buf,
                                       size_t size, uint64_t offset) VL_MUST_CHECK;

/* Make all that was written durable. Never two at a time, nor beside a durable write (D5). */
/* Have the medium begin with what was written to [offset, offset + size): a hint, so that the next
 * sync has less to do. */
void vl_wal_media_begin(vl_wal_media *media, uint64_t offset, uint64_t size);
velo_status vl_wal_media_sync(vl_ctx *ctx, vl_wal_media *media) VL_MUST_CHECK;

/* Cut the file to `size` bytes. */
velo_status vl_wal_media_cut(vl_ctx *ctx, vl_wal_media *media, uint64_t size) VL_MUST_CHECK;

/* ---- the log ---- */

/* A thread that waits for its turn or for a flush; on its own stack. */
typedef struct vl_wal_waiter {
    struct vl_wal_waiter *next; /* in the queue, then in the list of those to wake */
    uint64_t need;              /* bytes of credit that it waits for, or 0 */
    vl_log_position upto;       /* what is to be written or durable */
    uint64_t headers;           /* and up to which segment header, by number */
    int is_durable;             /* durable, or only written */
    _Atomic uint32_t state;     /* vl_wal_waiter_state; it sleeps on this word */
} vl_wal_waiter;

typedef enum vl_wal_waiter_state {
    VL_WAL_WAITING,
    VL_WAL_LEADS, /* it is its turn: it leads now */
    VL_WAL_SERVED /* what it waited for has happened, or the log has failed */
} vl_wal_waiter_state;

/* Threads in the order in which they came. Guarded by wal.latch. */
typedef struct vl_wal_queue {
    vl_wal_waiter *first;      /* the longest waiting */
    vl_wal_waiter *last;       /* the newest; undefined while first is NULL */
    _Atomic uint32_t is_taken; /* somebody has the turn; written under the latch */
} vl_wal_queue;

/* What a slot of the file is used for. */
typedef enum vl_wal_slot_state {
    VL_WAL_SLOT_FREE,
    VL_WAL_SLOT_LIVE, /* holds a part of this generation */
    VL_WAL_SLOT_OLD   /* holds a part of an older generation */
} vl_wal_slot_state;

/* The table of segments. Changed by who has the grant turn, under wal.latch; the leader looks up
 * under wal.latch. */
typedef struct vl_wal_segments {
    uint32_t size;           /* of a segment */
    uint32_t payload;        /* of it, for records */
    uint32_t capacity;       /* of both arrays, a power of two */
    uint32_t slot_count;     /* slots of the file */
    uint8_t *states;         /* vl_wal_slot_state of each slot; owned */
    uint32_t *live;          /* slot of sequence s at index s % capacity; owned */
    uint64_t first_sequence; /* of the oldest live segment */
    uint32_t live_count;     /* live segments, their sequences without a gap */
    uint32_t free_count;     /* free slots */
    uint32_t old_count;      /* slots of older generations */
    uint32_t keep_count;     /* free slots that vl_wal_release leaves */
    int has_pending;         /* preparing pending_slot has failed: it comes first again */
    uint32_t pending_slot;   /* see there */
    uint64_t prepared_count; /* segments begun so far */
} vl_wal_segments;

struct vl_wal {
    /* Set once. */
    vl_io *io;                /* NULL in memory */
    char *path;               /* copy; owned */
    vl_wal_identity identity; /* of this generation */
    vl_log_position start;    /* its first position */
    uint8_t *ring;            /* ring_size bytes, and record_max_size more; owned */
    uint32_t ring_size;       /* a power of two */
    uint32_t record_max_size; /* a quarter of it */
    vl_wal_media media;       /* where the file is */

    /* Written by all who append. */
    _Alignas(VL_CONTENDED_ALIGN) _Atomic uint64_t tail; /* end of what is reserved */

    /* Written by all who ask for credit. */
    _Alignas(VL_CONTENDED_ALIGN) _Atomic uint64_t grant_end; /* tail and all credit: W2 */

    /* Written now and then, read by all. */
    _Alignas(VL_CONTENDED_ALIGN) _Atomic uint64_t consumed; /* ring memory before is zero */
    _Atomic uint64_t prepared_end;                          /* end of the space in the file */
    _Atomic uint64_t header_number;                         /* segment headers written so far */
    _Atomic uint32_t is_failed;                             /* `failure` is valid */
    _Atomic uint32_t watchers;                              /* threads that wait for a change */
    _Atomic uint32_t watch_word;                            /* counts changes; they sleep on it */

    _Alignas(VL_CONTENDED_ALIGN) vl_latch walk_latch; /* guards moving `appended` */
    _Atomic uint64_t appended;                        /* end of the filled prefix */
    _Atomic uint64_t written;                         /* handed to the system; by the leader */
    _Atomic uint64_t durable;                         /* by the leader */
    _Atomic uint64_t synced_number; /* header_number that is durable; by the leader */

    uint64_t begun_from;      /* the leader's: bytes of the file from here */
    uint64_t begun_to;        /* to here are handed to the system, but not yet to the medium */
    vl_latch latch;           /* guards what follows */
    vl_wal_queue grant_turn;  /* who prepares segments and waits for the ring */
    vl_wal_queue flush_turn;  /* the leader, and who waits for a flush */
    vl_wal_segments segments; /* see there */
    vl_error failure;         /* the first; fixed once is_failed */

    _Atomic uint64_t write_count;   /* statistics, see vl_wal_stats */
    _Atomic uint64_t sync_count;    /* likewise */
    _Atomic uint64_t round_count;   /* likewise */
    _Atomic uint64_t request_count; /* likewise */
};

/* ---- failure (wal.c) ---- */

/* The error in ctx, whose code is `status`, is final. */
void vl_wal_set_failed(vl_ctx *ctx, vl_wal *wal, velo_status status);

/* ---- waiting (wal_wait.c) ---- */

/* Append to the queue; wal.latch is held. */
void vl_wal_queue_push(vl_wal_queue *queue, vl_wal_waiter *waiter);

/* Sleep until the state is not VL_WAL_WAITING, and return it. */
vl_wal_waiter_state vl_wal_waiter_sleep(vl_wal_waiter *waiter);

/* Give the waiter its state. Its memory may be gone on return. */
void vl_wal_waiter_wake(vl_wal_waiter *waiter, vl_wal_waiter_state state);

/* Take the grant turn, in order of arrival: VL_WAL_LEADS, and it is to be passed on; or
 * VL_WAL_SERVED, and the caller has credit for `need` bytes instead. With need 0: always LEADS. */
vl_wal_waiter_state vl_wal_turn_take(vl_wal *wal, uint64_t need);
void vl_wal_turn_pass(vl_wal *wal);

/* Waiting for a record to be filled, for credit given back, for the ring to be written, for a
 * failure: begin; look; sleep if it has not happened; end. */
uint32_t vl_wal_watch_begin(vl_wal *wal);
void vl_wal_watch_sleep(vl_wal *wal, uint32_t ticket);
void vl_wal_watch_end(vl_wal *wal);

/* Wake all who watch. */
void vl_wal_notify_watchers(vl_wal *wal);

/* Something has changed, by an operation that is sequentially consistent. */
static inline void
vl_wal_notify(vl_wal *wal)
{
    if (VL_UNLIKELY(atomic_load_explicit(&wal->watchers, memory_order_seq_cst) != 0))
        vl_wal_notify_watchers(wal);
}

/* ---- ring (wal_ring.c) ---- */

/* The word whose value is not 0 once the record at the position is filled. */
static inline _Atomic uint32_t *
vl_wal_size_word(const vl_wal *wal, vl_log_position position)
{
    return (_Atomic uint32_t *)(void *)(wal->ring + (position & (wal->ring_size - 1)));
}

/* Take credit if there is space for it in the ring and in the file: 1 if so. */
int vl_wal_try_grant(vl_wal *wal, uint64_t need);

/* What was written is not needed any more: makes [consumed, end) zero and gives it to grants. By
 * the leader. */
void vl_wal_ring_consume(vl_wal *wal, vl_log_position end);

/* ---- flushing (wal_flush.c) ---- */

/* Write out what is appended, if no flush is running. */
velo_status vl_wal_write_out(vl_ctx *ctx, vl_wal *wal) VL_MUST_CHECK;

/* Wait until the headers of all segments so far are durable. */
velo_status vl_wal_sync_headers(vl_ctx *ctx, vl_wal *wal) VL_MUST_CHECK;

/* ---- segments (wal_segment.c) ---- */

/* Look at the open file, or begin a new one: which slots are in use by older generations. */
velo_status vl_wal_segments_init(vl_ctx *ctx, vl_wal *wal, uint32_t segment_size) VL_MUST_CHECK;
void vl_wal_segments_deinit(vl_wal_segments *segments);

/* Prepare the segment behind the last one; the caller has the grant turn. */
velo_status vl_wal_segments_extend(vl_ctx *ctx, vl_wal *wal) VL_MUST_CHECK;

/* Where a slot lies in the file. */
static inline uint64_t
vl_wal_slot_offset(uint64_t slot, uint32_t segment_size)
{
    return VL_WAL_SEGMENTS_AT + slot * segment_size;
}

/* Where in the file the position lies, and how many bytes follow in the segment. */
uint64_t vl_wal_segments_locate(vl_wal *wal, vl_log_position position, uint32_t *room);

#endif
