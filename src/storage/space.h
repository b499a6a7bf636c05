/* space.h - which blocks of the file are in use, by whom, and when they may be used again.
 *
 * The file never overwrites what a checkpoint needs. At any time up to three page maps exist: the
 * *live* one, that of the last *durable* checkpoint, and that of the checkpoint *in writing*. Each
 * refers to a set of blocks, and so do these three sets here:
 *
 *     live        what the live map refers to
 *     durable     what would be needed if the system failed now
 *     writing     what the checkpoint in writing will need; empty while there is none
 *
 * A block is free when it is in none of them, and not held. That is the whole rule; the rest is
 * when the sets change:
 *
 *     a page image is written outside of a checkpoint        new is held
 *     the live map refers to it                              live += new, held no more
 *     the live map moves on from an image                    live -= old
 *     barrier: checkpoint N begins                           writing := live
 *     N's image of a page that was dirty at the barrier      writing += new, writing -= old
 *       and the page has not changed since                   live += new, live -= old
 *     N's superblock is durable                              durable := writing, writing := {}
 *     N failed                                               writing := {}
 *
 * So a block that only the live map refers to is free as soon as it is passed over; one that the
 * last checkpoint needs is free when the next one is durable; and the free space that N stores for
 * whoever opens it is the complement of `writing`, in which neither the writes after the barrier
 * nor what N retires count.
 *
 * The sets are bit arrays: three bits for each block, about a ten-thousandth of the file. The
 * barrier copies nothing: `writing` is made from `live` piece by piece, when either changes.
 *
 * One thread at a time: the caller has a latch. Nothing but creating and growing allocates. */
#ifndef VL_STORAGE_SPACE_H
#define VL_STORAGE_SPACE_H

#include "base/ctx.h"
#include "base/platform.h"

typedef struct vl_space vl_space;

/* The sets; several may be named at once. */
#define VL_SPACE_LIVE    1U
#define VL_SPACE_DURABLE 2U
#define VL_SPACE_WRITING 4U

/* Not a set of a map: blocks taken for an image that is yet to be written and that no map refers
 * to. They are not free, and no checkpoint has them, though a barrier may come meanwhile. */
#define VL_SPACE_HELD 8U

/* Make the space of a file of `block_count` blocks, all free but the superblocks. Errors:
 * VELO_NOMEM. */
velo_status vl_space_create(vl_ctx *ctx, uint64_t block_count, vl_space **out) VL_MUST_CHECK;

/* NULL is allowed. */
void vl_space_destroy(vl_space *space);

/* The file has more blocks now; the new ones are free. Errors: VELO_NOMEM, and nothing changed. */
velo_status vl_space_grow(vl_ctx *ctx, vl_space *space, uint64_t block_count) VL_MUST_CHECK;

/* The file has fewer blocks now; those cut off are free. */
void vl_space_shrink(vl_space *space, uint64_t block_count);

/* Blocks of the file, those that are free, and one past the last that is not. */
uint64_t vl_space_block_count(const vl_space *space);
uint64_t vl_space_free_count(const vl_space *space);
uint64_t vl_space_used_end(const vl_space *space);

/* Take `length` free blocks in a row into `sets` (LIVE, WRITING or both, or HELD alone). Looks on
 * from where the last search ended, so that one after the other gives addresses one behind the
 * other.
 *
 * address  receives the first one
 * returns  1, or 0 when there is no such run: the file has to grow */
int vl_space_allocate(vl_space *space, uint32_t sets, uint32_t length, uint64_t *address);

/* Let the next search begin at the first block. */
void vl_space_rewind(vl_space *space);

/* Take blocks that are known to be in use into `sets`: while a file is opened, or when a checkpoint
 * image becomes the live one too. Held ones are held no more. */
void vl_space_add(vl_space *space, uint32_t sets, uint64_t address, uint32_t length);

/* Take blocks out of `sets` (LIVE, WRITING or both, or HELD alone), in all of which they are. Those
 * that are in no set any more are free. */
void vl_space_remove(vl_space *space, uint32_t sets, uint64_t address, uint32_t length);

/* Begin a checkpoint, and end it: is_durable 1 once its superblock is synced, 0 when it failed. */
void vl_space_begin_checkpoint(vl_space *space);
void vl_space_end_checkpoint(vl_space *space, int is_durable);

/* The sets a block is in, or 0 when it is free. Superblocks are in all. */
uint32_t vl_space_sets_of(vl_space *space, uint64_t block);

/* Copy 64 blocks of a set as bits, the lowest being block 64 * index: for storing the free space
 * with a checkpoint, and for comparing with what is reachable. */
uint64_t vl_space_word(vl_space *space, uint32_t set, uint64_t index);

/* Count everything again and compare; for verification builds. */
void vl_space_verify(vl_space *space);

#endif
