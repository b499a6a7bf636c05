/* volume_int.h - what the parts of the volume share. Private to the folder.
 *
 *   volume.c             opening, images, what breaks a volume
 *   volume_space.c       promises, allocation, growing and cutting the file
 *   volume_map.c         the table of free space on disk
 *   volume_checkpoint.c  begin, commit, abandon
 *   volume_media.c       all contact with the medium */
#ifndef VL_STORAGE_VOLUME_INT_H
#define VL_STORAGE_VOLUME_INT_H

#include "base/latch.h"
#include "storage/volume.h"

/* ---- the medium ---- */

/* Where the bytes are. Only volume_media.c looks inside. */
typedef struct vl_media {
    vl_io *io;                    /* borrowed */
    vl_file *file;                /* owned */
    const char *name;             /* what it turned out to be; static text */
    vl_map reading;               /* read only; no file: nothing is read in place */
    vl_map storing;               /* when can_store */
    int can_store;                /* images are stored there; from is_ready on it does not change */
    _Atomic uint64_t mapped_size; /* bytes of the file that the mappings show */
    _Atomic int needs_sync;       /* stores are not all that is to be made durable */
    _Atomic int has_failed;       /* storing an image has failed, which is final (D5 of io.h) */
} vl_media;

/* Open; flags are those of vl_file_open. */
velo_status vl_media_open(vl_ctx *ctx, vl_io *io, const char *path, uint32_t flags, vl_media *media)
    VL_MUST_CHECK;
void vl_media_close(vl_media *media);

/* Map the file, which has `size` bytes, if that can be done; a file serves as well. */
void vl_media_map(vl_ctx *ctx, vl_media *media, uint64_t size, int is_writable);

/* Before anything is stored in a file of this size: see to it that all of it has space. Errors:
 * VELO_FULL, VELO_IOERR. */
velo_status vl_media_prepare_stores(vl_ctx *ctx, vl_media *media, uint64_t size) VL_MUST_CHECK;

/* Whether images are stored: then transfers of writes are over when vl_media_run returns, and must
 * not be given to vl_media_start. */
int vl_media_stores(const vl_media *media);

/* Whether storing an image has failed: nothing may be written any more. */
int vl_media_has_failed(const vl_media *media);

/* The address of the file's first byte, and for how many bytes there is address space; NULL when
 * nothing is read in place. */
const uint8_t *vl_media_view(const vl_media *media, uint64_t *size);

/* Where these bytes can be read in place, or NULL. */
const void *vl_media_at(const vl_media *media, uint64_t offset, uint64_t size);

/* The alignment that transfers need. */
uint32_t vl_media_align(const vl_media *media);

/* As the functions of io.h with these names. */
velo_status vl_media_get_size(vl_ctx *ctx, vl_media *media, uint64_t *size) VL_MUST_CHECK;
velo_status vl_media_resize(vl_ctx *ctx, vl_media *media, uint64_t size) VL_MUST_CHECK;
velo_status vl_media_allocate(vl_ctx *ctx, vl_media *media, uint64_t offset, uint64_t size)
    VL_MUST_CHECK;
velo_status vl_media_sync(vl_ctx *ctx, vl_media *media) VL_MUST_CHECK;
velo_status vl_media_read(vl_ctx *ctx, vl_media *media, void *buf, size_t size, uint64_t offset,
                          size_t *moved) VL_MUST_CHECK;

/* Write and make durable, with all that was written before. */
velo_status vl_media_write_durable(vl_ctx *ctx, vl_media *media, const void *buf, size_t size,
                                   uint64_t offset) VL_MUST_CHECK;

/* The same for a new superblock: when images are stored, in the steps that superblock.h tells. */
velo_status vl_media_write_super(vl_ctx *ctx, vl_media *media, const void *buf, size_t size,
                                 uint64_t offset) VL_MUST_CHECK;

/* Describe one transfer, then run some: each has its status afterwards, whatever happens. */
vl_io_request vl_media_request(vl_media *media, vl_io_op op, void *buf, size_t size,
                               uint64_t offset);
velo_status vl_media_run(vl_ctx *ctx, vl_media *media, vl_io_request *requests, uint32_t count)
    VL_MUST_CHECK;

/* Begin transfers, which go on meanwhile; later take up to `max` of those of this thread that are
 * over, waiting for `min`: each has its status. In between the thread may do other transfers.
 * Starting fails only when there is no queue (VELO_NOMEM, VELO_IOERR, VELO_BUSY): nothing is under
 * way then. Reaping, for which something must be under way, cannot fail: a queue that cannot even
 * be waited for stops the process, as the system may still be using the buffers.
 *
 * is_lazy  1: handing over may be left to the next call */
velo_status vl_media_start(vl_ctx *ctx, vl_media *media, vl_io_request *requests, uint32_t count,
                           int is_lazy) VL_MUST_CHECK;
uint32_t vl_media_reap(vl_ctx *ctx, vl_media *media, uint32_t min, uint32_t max,
                       vl_io_request **done);

/* ---- the table of free space ---- */

/* A stored image of the table. Address 0: none. */
typedef struct vl_free_image {
    uint64_t address;  /* of its block */
    uint64_t checksum; /* of its bytes */
} vl_free_image;

/* One chunk of the table: a block of bits. */
typedef struct vl_free_chunk {
    vl_free_image stored; /* as of the last durable checkpoint; none when no block is in use */
    vl_free_image next;   /* of the checkpoint being committed, when is_changed */
    uint32_t stored_used; /* blocks in use, superblocks included */
    uint32_t next_used;   /* likewise */
    int is_changed;       /* it is written anew by the checkpoint being committed */
    int is_planned;       /* and the plan has dealt with it */
} vl_free_chunk;

/* The table as it is on disk, and as the checkpoint being committed will have it. The latch guards
 * all of it, but for the buffer, which is the committer's. The arrays only grow. */
typedef struct vl_free_map {
    vl_free_chunk *chunks; /* chunk_room of them; owned */
    vl_free_image *index;  /* stored index pages, index_room of them; owned */
    vl_free_image *next;   /* those of the checkpoint being committed, likewise; owned */
    uint8_t *buffer;       /* VL_FREE_BATCH blocks, for transfers; owned */
    uint64_t chunk_room;   /* at least the chunks that the file's blocks make */
    uint64_t index_room;   /* and the index pages that these make */
    uint64_t index_count;  /* stored index pages */
    uint64_t stored_count; /* stored images, chunks and index pages */
    uint64_t next_chunks;  /* chunks in the index of the checkpoint being committed */
    uint64_t next_indexes; /* its index pages */
    uint64_t taken_count;  /* blocks that its plan has taken */
    int is_planned;        /* it has a table of its own: not that of the one before */
} vl_free_map;

#define VL_FREE_BATCH 16U

/* ---- the volume ---- */

struct vl_volume {
    vl_media media;        /* where the bytes are */
    uint32_t block_size;   /* bytes; the page size too */
    int is_read_only;      /* as asked at opening */
    int has_damaged_super; /* the other superblock was damaged when the file was opened */

    vl_superblock supers[VL_SUPER_COUNT]; /* by place: the durable one, and the one before it */
    _Atomic uint32_t place;               /* of the durable one: 0 or 1 */
    uint8_t *super_buffer;                /* a block, for writing superblocks; owned */

    _Atomic int is_ready;  /* vl_volume_make_writable has done its work */
    _Atomic int is_broken; /* set once; `reason` does not change afterwards */
    vl_error reason;       /* the first failure of a sync or superblock; guarded by latch before */

    vl_latch size_turn;  /* held by who changes the file's size or makes the volume writable; across
                            I/O, and outside of `latch` */
    vl_latch latch;      /* VL_RANK_VOLUME: space, map, kept_count, is_writing */
    vl_space *space;     /* the sets; owned; NULL before is_ready */
    uint64_t kept_count; /* free blocks kept for the table */
    int is_writing;      /* a checkpoint is under way */
    vl_free_map map;     /* the table on disk */
    uint64_t map_end;    /* chunks of it that are stored behind this block are stored anew */

    _Atomic uint64_t block_count; /* blocks of the file that may be referred to */
    _Alignas(VL_CONTENDED_ALIGN) _Atomic int64_t available; /* free, not kept, not promised */
};

/* "free = available + promised + kept" is kept by all who change one of them; V3 of
 * volume_space.c. */

/* Note a failure of a sync, of a store or of a superblock's write, which ends all writing, and
 * return its code. */
velo_status vl_volume_break(vl_ctx *ctx, vl_volume *volume, velo_status status);

/* Write a superblock to its place and make it durable, with all that was written before. Breaks the
 * volume when that fails.
 *
 * is_next  1: it takes the place of the one before the last; 0: it is there already, perhaps not
 *          durable, or the file is new */
velo_status vl_volume_write_super(vl_ctx *ctx, vl_volume *volume, const vl_superblock *super,
                                  uint32_t place, int is_next) VL_MUST_CHECK;

/* Blocks in a chunk of the table, chunks in an index page. */
uint64_t vl_free_map_chunk_blocks(const vl_volume *volume);
uint64_t vl_free_map_index_entries(const vl_volume *volume);

/* Images of the table of a file of so many blocks, at most. */
uint64_t vl_free_map_max_images(const vl_volume *volume, uint64_t block_count);

/* Make room for a file of so many blocks, with size_turn. Errors: VELO_NOMEM, and nothing changed.
 */
velo_status vl_free_map_reserve(vl_ctx *ctx, vl_volume *volume, uint64_t block_count) VL_MUST_CHECK;
void vl_free_map_deinit(vl_free_map *map);

/* Read the table that the superblock names into volume->space, and check it. */
velo_status vl_free_map_load(vl_ctx *ctx, vl_volume *volume) VL_MUST_CHECK;

/* Take the blocks for the table's images that the checkpoint in writing changes. Errors: VELO_FULL;
 * the plan is half done, and is forgotten when the checkpoint is abandoned. */
velo_status vl_free_map_plan(vl_ctx *ctx, vl_volume *volume) VL_MUST_CHECK;

/* Write what is planned, and fill in block_count and space_root of the superblock. */
velo_status vl_free_map_write(vl_ctx *ctx, vl_volume *volume, vl_superblock *super) VL_MUST_CHECK;

/* The checkpoint is durable (1), or not (0): the plan becomes what is stored, or is forgotten. With
 * the latch, before the space ends the checkpoint. */
void vl_free_map_end(vl_volume *volume, int is_durable);

/* Bring kept_count and available up to date with the space, which had free_before free blocks. With
 * the latch. */
void vl_volume_settle(vl_volume *volume, uint64_t free_before);

/* Grow the file so that at least `need` blocks more than now are available, with size_turn. */
velo_status vl_volume_grow(vl_ctx *ctx, vl_volume *volume, uint64_t need) VL_MUST_CHECK;

/* Cut the file's free tail: all of it, or when it is large. Takes size_turn. */
void vl_volume_cut(vl_ctx *ctx, vl_volume *volume, int is_all);

#endif
