/* volume.h - the database file: superblocks, blocks, free space. Knows blocks, no pages' meaning.
 *
 * A volume hands out blocks and takes images: runs of blocks that somebody refers to by an extent,
 * which carries their checksum. What is referred to by a durable checkpoint is never overwritten;
 * space.h has the rule. A checkpoint ends with a superblock that names the roots of all that is in
 * it, the table of free space among them.
 *
 *     open -> make_writable -> promise, allocate, write_batch, add, remove ...
 *                           -> begin_checkpoint, write_batch ..., commit_checkpoint or abandon
 *
 * For now a block is a page: the unit in which space is promised is that in which it is used, so
 * promises are exact, and nothing fragments. The format keeps the two sizes apart; files in which
 * they differ are refused.
 *
 * Space. A *promise* is a claim to a number of blocks, not to certain ones. Besides what is
 * promised, the volume keeps blocks for its own table of free space, so that a checkpoint never
 * fails for want of them: with C chunks and I index pages (volume_map.c), 2 (C + I) blocks less
 * those in which the table lies at present. A checkpoint writes C + I new images at most, and as
 * the old ones are in use until it is durable, that many have to be free; afterwards the old ones
 * are free and stand in for the new ones.
 *
 * Threads: any number at a time, except for open and close, and for begin, commit and abandon,
 * which one thread at a time does. Latches: VL_RANK_VOLUME is taken for moments, never across I/O,
 * by all that is about space. Functions that return velo_status may do I/O, so that callers hold
 * no latches but of pages that nobody waits for. */
#ifndef VL_STORAGE_VOLUME_H
#define VL_STORAGE_VOLUME_H

#include "base/ctx.h"
#include "os/io.h"
#include "storage/space.h"
#include "storage/superblock.h"

typedef struct vl_volume vl_volume;

/* No file has more blocks: references have 40 bits for an address. */
#define VL_VOLUME_MAX_BLOCKS (UINT64_C(1) << 40)

/* No image has more bytes. */
#define VL_VOLUME_MAX_IMAGE (1U << 30)

/* How images are read and written. */
typedef enum vl_data_medium {
    VL_DATA_FILE,  /* by reads, writes and syncs of the file */
    VL_DATA_MAPPED /* where it can be mapped, images can be read in place (vl_volume_get_view);
                      where besides the mapping is persistent (vl_map.persist in io.h), they are
                      written by stores past the caches and a fence, elsewhere as to a file.
                      vl_volume_medium says what it is. An image that the medium cannot deliver, and
                      a file that somebody else cuts while it is open, end the process by SIGBUS */
} vl_data_medium;

/* This byte is locked while a file is created, so that of two processes one does it. */
#define VL_VOLUME_CREATE_LOCK_AT (UINT64_C(1) << 62)

/* ---- opening ---- */

typedef struct vl_volume_options {
    uint32_t page_size; /* of a database to be created; 0 for the default */
    int may_create;     /* create the file if it is absent or empty */
    int is_read_only;   /* never write */
    vl_lock_mode lock;  /* held on the byte at `lock_at` from before the first read until closing;
                           VL_LOCK_NONE for none */
    uint64_t lock_at;   /* see lock */
    int is_direct;      /* past the system's cache if possible: then buffers of images are aligned
                           to VL_DIRECT_ALIGN. Not of a file that is to be mapped */
    vl_data_medium medium; /* how images are read and written */
} vl_volume_options;

/* Open or create. One read of the file's first 128 KiB finds both superblocks, whatever the block
 * size; nothing else is read. A file that is created gets superblock 1 (number 1, VL_SUPER_CLEAN,
 * all roots zero), which is synced, and so is the folder. A file of at most 128 KiB in which all is
 * zero counts as empty: a power cut during creation leaves that.
 *
 * errors  VELO_NOTADB; VELO_CANTOPEN, also for a format or a block size that this version does not
 *         know; VELO_CORRUPT, also for a file shorter than its superblock says; VELO_BUSY: another
 *         process is creating it; VELO_RANGE: no page has that size; VELO_IOERR, VELO_FULL,
 *         VELO_NOMEM */
velo_status vl_volume_open(vl_ctx *ctx, vl_io *io, const char *path,
                           const vl_volume_options *options, vl_volume **out) VL_MUST_CHECK;

/* Close. What is not in a committed checkpoint is lost. NULL is allowed. */
void vl_volume_close(vl_volume *volume);

/* The superblock that counts: the newest durable one. It stays as it is until the next commit but
 * one. */
const vl_superblock *vl_volume_super(const vl_volume *volume);

/* Whether the other superblock was damaged when the file was opened. No power cut does that, since
 * a device writes it whole or not at all; so it may have been the newer one. */
int vl_volume_has_damaged_super(const vl_volume *volume);

/* The path it was opened with, and the open file, for locks and its identity: not for transfers.
 * They live as long as the volume. */
const char *vl_volume_path(const vl_volume *volume);
vl_file *vl_volume_file(const vl_volume *volume);

/* Before the first change: the chosen superblock is written again, the same bytes, and synced
 * (hazard 6), and the free space is read and checked. Once: later calls return at once. A failure
 * to read may be tried again; one to write or sync is final.
 *
 * errors  as vl_volume_check_writable; VELO_CORRUPT: the table of free space is damaged or
 *         contradicts itself or the superblock; VELO_IOERR, VELO_NOMEM */
velo_status vl_volume_make_writable(vl_ctx *ctx, vl_volume *volume) VL_MUST_CHECK;

/* VELO_OK, or why nothing may be written any more: VELO_READONLY, or the code of the first failure
 * of a sync or of a superblock's write, with its reason. */
velo_status vl_volume_check_writable(vl_ctx *ctx, vl_volume *volume) VL_MUST_CHECK;

/* ---- images ---- */

/* Where an image lies and what it hashes to (16 bytes as the page map has them). */
typedef struct vl_extent {
    uint64_t address;  /* first block */
    uint32_t length;   /* in blocks */
    uint32_t encoding; /* how it is stored: for its owner, not looked at here */
    uint64_t checksum; /* vl_hash64 of its bytes, seeded with the address */
} vl_extent;

/* Read an image and check it. An extent that leaves the file is refused, so it may come from
 * anywhere; but the caller knows that `buf` has room for its length.
 *
 * what, number  name it in messages ("page", 17)
 * errors        VELO_CORRUPT; VELO_IOERR; VELO_NOMEM (the thread's queue) */
velo_status vl_volume_read(vl_ctx *ctx, vl_volume *volume, const vl_extent *extent, void *buf,
                           const char *what, uint64_t number) VL_MUST_CHECK;

/* Where images can be read in place. */
typedef struct vl_volume_view {
    const uint8_t *base;  /* of block 0; never moves, and nothing may be stored there. NULL: images
                             are only read into buffers */
    uint64_t block_count; /* blocks that have an address, whether the file has them yet or not */
} vl_volume_view;

vl_volume_view vl_volume_get_view(const vl_volume *volume);

/* Check an image in place, as vl_volume_read does. *image receives where it is; NULL: it has no
 * address, and was not looked at. It stays as it is while a map refers to its blocks. */
velo_status vl_volume_check_in_place(vl_ctx *ctx, vl_volume *volume, const vl_extent *extent,
                                     const char *what, uint64_t number, const void **image)
    VL_MUST_CHECK;

/* What the medium turned out to be, and if it is not what was asked for, why. Static text. */
const char *vl_volume_medium(const vl_volume *volume);

/* One image of many to be read. */
typedef struct vl_volume_read_item {
    vl_extent extent;   /* where it lies */
    void *buf;          /* receives it */
    const char *what;   /* names it in messages */
    uint64_t number;    /* likewise */
    velo_status status; /* out: as vl_volume_read would return */
} vl_volume_read_item;

/* Read many with one batch; each has its own status and is checked. Returns the first failure in
 * the array's order, with its message. */
velo_status vl_volume_read_batch(vl_ctx *ctx, vl_volume *volume, vl_volume_read_item *items,
                                 uint32_t count) VL_MUST_CHECK;

/* An image that is being read while the thread does other things. */
typedef struct vl_volume_reading {
    vl_volume_read_item item; /* what; borrowed until it is taken, like the memory it points to */
    vl_io_request request;    /* private */
} vl_volume_reading;

/* Begin to read an image: item says which. It and its buffer must not be touched until
 * vl_volume_read_reap has given it back to the same thread, which it must before the thread begins
 * others for another purpose. After an error nothing was begun.
 *
 * is_lazy  1: it may be left to the next start or reap to hand it over, with one system call
 * errors   VELO_CORRUPT: the extent is not one of the file; VELO_NOMEM, VELO_IOERR, VELO_BUSY (the
 *          thread's queue) */
velo_status vl_volume_read_start(vl_ctx *ctx, vl_volume *volume, vl_volume_reading *reading,
                                 int is_lazy) VL_MUST_CHECK;

/* Take up to `max` of those begun (at least one is) whose transfers are over, waiting for `min`.
 * Returns how many. Each then has to be finished. */
uint32_t vl_volume_read_reap(vl_ctx *ctx, vl_volume *volume, uint32_t min, uint32_t max,
                             vl_volume_reading **done);

/* Check what was read, which sets the item's status: as vl_volume_read. */
velo_status vl_volume_read_finish(vl_ctx *ctx, vl_volume *volume, vl_volume_reading *reading)
    VL_MUST_CHECK;

/* One image to be written, to blocks that are held or in sets other than that of the durable
 * checkpoint. */
typedef struct vl_volume_write_item {
    uint64_t address;  /* first block */
    uint32_t length;   /* in blocks */
    const void *buf;   /* its bytes */
    uint64_t checksum; /* out: of the extent */
} vl_volume_write_item;

/* Write images: each one's checksum is computed here. Neighbours in the array whose addresses and
 * buffers are neighbours too become one transfer, up to 1 MiB; 128 transfers are under way at a
 * time. Not synced.
 *
 * errors  as vl_volume_check_writable; VELO_IOERR, VELO_FULL, VELO_NOMEM: any part may have been
 *         written, which does no harm, since nothing refers to it */
velo_status vl_volume_write_batch(vl_ctx *ctx, vl_volume *volume, vl_volume_write_item *items,
                                  uint32_t count) VL_MUST_CHECK;

/* Images that are being written while the thread does other things. Private. */
#define VL_VOLUME_WRITES 64U
typedef struct vl_volume_writing {
    vl_io_request requests[VL_VOLUME_WRITES]; /* transfers */
    uint32_t count;                           /* how many */
    uint32_t running;                         /* of these, those not known to be over */
} vl_volume_writing;

/* Begin to write up to VL_VOLUME_WRITES images: as vl_volume_write_batch, but that they, and
 * `writing`, must stay as they are until vl_volume_write_end. Several may be under way in one
 * thread. After an error nothing was begun. */
velo_status vl_volume_write_begin(vl_ctx *ctx, vl_volume *volume, vl_volume_write_item *items,
                                  uint32_t count, vl_volume_writing *writing) VL_MUST_CHECK;

/* Wait for the images of one beginning. Errors: VELO_IOERR, VELO_FULL, as vl_volume_write_batch. */
velo_status vl_volume_write_end(vl_ctx *ctx, vl_volume *volume, vl_volume_writing *writing)
    VL_MUST_CHECK;

/* ---- space; from vl_volume_make_writable on ---- */

/* Promise space for `blocks` blocks: free ones, or the file grows, in steps, and the space is taken
 * on the medium. A promise is used up by vl_volume_allocate, or given back.
 *
 * errors  VELO_FULL, and nothing has changed; as vl_volume_check_writable; VELO_IOERR, VELO_NOMEM.
 *         When the volume is broken nothing is promised any more */
velo_status vl_volume_promise(vl_ctx *ctx, vl_volume *volume, uint64_t blocks) VL_MUST_CHECK;

/* Promise only what is there already: 1 or 0. One atomic operation, no latch, no I/O. */
int vl_volume_try_promise(vl_volume *volume, uint64_t blocks);

void vl_volume_release_promise(vl_volume *volume, uint64_t blocks);

/* Take `length` blocks in a row into sets (space.h), which uses up a promise of so many. Outside of
 * a checkpoint that is VL_SPACE_HELD, until the image is written and the live map refers to it: if
 * a barrier came in between, blocks that are live already would be in the checkpoint. One block is
 * always found; of several the result is 0 when there is no such run, and the promise stands. One
 * after the other gives addresses one behind the other. */
uint64_t vl_volume_allocate(vl_volume *volume, uint32_t sets, uint32_t length);

/* Let the search for free blocks begin at the front again, and checkpoints store the parts of the
 * table of free space anew that lie at block `end` or behind; UINT64_MAX: only what has changed, as
 * usual. */
void vl_volume_settle_before(vl_volume *volume, uint64_t end);

/* Cut the free tail of the file, as far as nobody has a claim to it and the durable checkpoint
 * allows; not while images are read in place. What cannot be cut stays, and the log of events is
 * told. */
void vl_volume_trim(vl_ctx *ctx, vl_volume *volume);

/* Take blocks that are in use into more sets, or out of sets: vl_space_add, vl_space_remove. Adding
 * held blocks to `live` ends the holding. */
void vl_volume_add(vl_volume *volume, uint32_t sets, uint64_t address, uint32_t length);
void vl_volume_remove(vl_volume *volume, uint32_t sets, uint64_t address, uint32_t length);

/* The sets a block is in: for comparing with what is reachable. 0 for blocks beyond the file. */
uint32_t vl_volume_sets_of(vl_volume *volume, uint64_t block);

/* Numbers of one moment. */
typedef struct vl_volume_stats {
    uint64_t block_count; /* blocks of the file, superblocks included */
    uint64_t free_count;  /* of these, in no set */
    uint64_t kept_count;  /* of the free ones, kept for the table of free space */
    uint64_t map_count;   /* blocks in which the durable table of free space lies */
    int64_t available;    /* what try_promise could promise; below 0 the file has to grow first,
                             since it was opened with less free than has to be kept */
} vl_volume_stats;

void vl_volume_get_stats(vl_volume *volume, vl_volume_stats *stats);

/* ---- checkpoints; from vl_volume_make_writable on ---- */

/* Begin: inside the barrier, O(1), cannot fail. Then the caller writes the images of the checkpoint
 * and keeps the sets true (space.h). */
void vl_volume_begin_checkpoint(vl_volume *volume);

/* Write what changed of the free space, as of `writing`; sync; write the next superblock into the
 * other place; sync. With VELO_OK the checkpoint is durable and at its end, what it retired is
 * free, and the file's free tail is cut: all of it with VL_SUPER_CLEAN, else when it is large and
 * images are not read in place, since somebody may be looking at a block that has just become free
 * (hazard 37). With VL_SUPER_CLEAN nobody looks at images in place meanwhile.
 *
 * next    log, roots, counters and flags of the superblock; the volume itself fills in format,
 *         oldest_reader, page_size, block_size, database_id, checkpoint, block_count and
 *         space_root. Its roots lie in blocks of `writing`
 * errors  as vl_volume_check_writable; VELO_FULL, VELO_IOERR, VELO_NOMEM. The checkpoint goes on
 *         until vl_volume_abandon_checkpoint. Nothing else has happened when the free space could
 *         not be written. When a sync or the superblock's write failed the volume is broken: which
 *         checkpoint counts is known only after opening the file anew, so nothing is written any
 *         more. */
velo_status vl_volume_commit_checkpoint(vl_ctx *ctx, vl_volume *volume, const vl_superblock *next)
    VL_MUST_CHECK;

/* End a checkpoint that was not committed: what was written only for it is free. */
void vl_volume_abandon_checkpoint(vl_volume *volume);

#endif
