/* superblock.h - the two blocks at the file's start that say where everything is.
 *
 * Blocks 0 and 1 hold a superblock each, written in turn, one per checkpoint: whatever tears a
 * write, the other one is whole. All else in the file is reached from the newest valid one, whose
 * page references carry the checksums of what they point to. The bytes (all little-endian):
 *
 *     0  magic               16  "VelociDB\r\n\x1a\n" and zeros: shows a transfer that changed text
 *    16  format              4   version of the file format
 *    20  oldest_reader       4   the oldest version of the format whose programs may read it
 *    24  page_size           4   bytes
 *    28  block_size          4   bytes; the unit of addresses and lengths
 *    32  database_id         16  random, fixed at creation
 *    48  checkpoint          8   number of this superblock; the newest valid one counts
 *    56  published           8   newest timestamp in this checkpoint
 *    64  log_generation      8   generation of the log that continues this checkpoint
 *    72  log_position        8   where in it the operations begin that are not in the checkpoint
 *    80  log_salt            8   seeds the checksums of that generation's records
 *    88  block_count         8   blocks of the file that are in use or free; beyond is nothing
 *    96  page_end            8   one past the largest page number
 *   104  next_tree           8   the next tree id
 *   112  map_root            24  page map: address 8, length in blocks 4, height 4, checksum 8
 *   136  space_root          24  free space, likewise
 *   160  inflight_root       24  undo of transactions in flight, likewise; 0 for none
 *   184  flags               8   VL_SUPER_CLEAN, VL_SUPER_LISTED
 *   192  zeros               312 must be zero in this version
 *   504  checksum            8   XXH3 of bytes 0 to 503, seeded with the block's number
 *
 * 512 bytes: a device writes that much whole or not at all. The rest of the block is zeros.
 *
 * Persistent memory writes words of 8 bytes whole, and nothing larger. There a superblock is stored
 * in three steps, each of which is durable before the next one begins: the first word becomes
 * VL_SUPER_UNFINISHED; the rest is stored; the first word becomes that of the magic. So what a
 * power cut leaves is either whole, or has a first word that says that it was being written. */
#ifndef VL_STORAGE_SUPERBLOCK_H
#define VL_STORAGE_SUPERBLOCK_H

#include "base/ctx.h"
#include "base/platform.h"

#define VL_SUPER_SIZE  512U
#define VL_SUPER_COUNT 2U

/* The first 8 bytes, little-endian, of a superblock that is being stored word by word. */
#define VL_SUPER_UNFINISHED UINT64_C(0x797375426f6c6556) /* "VeloBusy" */

/* Version of the format that this library writes, and the oldest it reads. */
#define VL_FORMAT_VERSION 1U
#define VL_FORMAT_OLDEST  1U

/* The database was closed: there is no log to look for. */
#define VL_SUPER_CLEAN UINT64_C(1)

/* The log begins with a list of what transactions in flight have changed (record.h). */
#define VL_SUPER_LISTED UINT64_C(2)

/* Where a structure's root lies, and what its image must hash to. All zero for none. */
typedef struct vl_root {
    uint64_t address;  /* first block */
    uint32_t length;   /* in blocks */
    uint32_t height;   /* levels above the leaves */
    uint64_t checksum; /* XXH3 of the image */
} vl_root;

/* A superblock in memory; the fields are those of the drawing above. */
typedef struct vl_superblock {
    uint32_t format;         /* VL_FORMAT_VERSION when this library wrote it */
    uint32_t oldest_reader;  /* format version that a reader must know at least */
    uint32_t page_size;      /* bytes, see vl_page_size_is_valid */
    uint32_t block_size;     /* bytes, a power of two from 512 to the page size */
    uint8_t database_id[16]; /* random */
    uint64_t checkpoint;     /* from 1 on, at most INT64_MAX */
    uint64_t published;      /* timestamp */
    uint64_t log_generation; /* from 1 on */
    uint64_t log_position;   /* in that log's positions */
    uint64_t log_salt;       /* random */
    uint64_t block_count;    /* at least VL_SUPER_COUNT */
    uint64_t page_end;       /* at least 1: page 0 is none */
    uint64_t next_tree;      /* at least 1 */
    vl_root map_root;        /* page map */
    vl_root space_root;      /* free space */
    vl_root inflight_root;   /* undo of transactions in flight */
    uint64_t flags;          /* VL_SUPER_... */
} vl_superblock;

/* Write the bytes of a superblock for block `block`, 0 or 1. */
void vl_superblock_encode(const vl_superblock *super, uint32_t block, uint8_t bytes[VL_SUPER_SIZE]);

/* Read a superblock.
 *
 * what    names the file in messages
 * block   which block the bytes come from, 0 or 1
 * bytes   VL_SUPER_SIZE bytes of anything
 * errors  VELO_NOTADB: no VelociDB file at all (the message names SQLite's files); VELO_CANTOPEN:
 *         written by a newer version than this can read; VELO_CORRUPT: ours, but damaged. *super is
 *         then undefined */
velo_status vl_superblock_decode(vl_ctx *ctx, const char *what, uint32_t block,
                                 const uint8_t bytes[VL_SUPER_SIZE], vl_superblock *super)
    VL_MUST_CHECK;

/* Whether the bytes are those of a superblock that was being stored when the power failed: not
 * damaged, and never durable. */
int vl_superblock_is_unfinished(const uint8_t bytes[VL_SUPER_SIZE]);

/* Read both superblocks and take the newest valid one. One damaged superblock is no error: its
 * write was cut short, or the medium is failing, and the other one is whole.
 *
 * bytes   VL_SUPER_SIZE bytes of block 0 and of block 1; NULL for one that could not be read, since
 *         the file is too short or the medium failed
 * block   receives where the chosen one lies: the next checkpoint writes the other one
 * errors  as vl_superblock_decode when neither is valid: what says most about the file. Also
 *         VELO_CORRUPT when both are valid but of different databases, or with different sizes of
 *         pages or blocks, or with the same number and different content */
velo_status vl_superblock_choose(vl_ctx *ctx, const char *what,
                                 const uint8_t *const bytes[VL_SUPER_COUNT], vl_superblock *super,
                                 uint32_t *block) VL_MUST_CHECK;

/* So much of a file's beginning holds both superblocks, whatever the block size. */
#define VL_SUPER_HEAD_SIZE 131072U

/* Find both superblocks in a file's first bytes, and choose. When the first one is damaged, the
 * second one is looked for at every block size that there may be: one counts that says itself that
 * blocks have the size at which it was found.
 *
 * head   the file's first bytes: VL_SUPER_HEAD_SIZE, or all of a smaller file
 * block  receives where the chosen one lies
 * errors as vl_superblock_choose */
velo_status vl_superblock_find(vl_ctx *ctx, const char *what, const uint8_t *head, size_t size,
                               vl_superblock *super, uint32_t *block) VL_MUST_CHECK;

#endif
