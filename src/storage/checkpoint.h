/* checkpoint.h - writing all changed pages, so that the file by itself is as the database was at
 * one moment.
 *
 * That moment is the *barrier*, at which no write section runs. Pages may be changed while the
 * checkpoint is being written. What it is, and what a crash at any point leaves, is in README.md.
 */
#ifndef VL_STORAGE_CHECKPOINT_H
#define VL_STORAGE_CHECKPOINT_H

#include "storage/cache.h"
#include "storage/superblock.h"

/* Called inside the barrier: notes the log position and what else belongs to the moment. Must not
 * wait or fail; takes no latches but those that are never held in a section. Called once. */
typedef void vl_checkpoint_note(void *user);

/* Called when all images are written: fills in the superblock's other fields (published, log
 * fields, next tree, directory, in flight, flags). `super` comes as the last one was, with the page
 * map's root and page_end set. A failure ends the checkpoint. */
typedef velo_status vl_checkpoint_fill(vl_ctx *ctx, void *user, vl_superblock *super);

/* Run a checkpoint; also when nothing has changed: then it writes a superblock. One at a time:
 * others wait. The caller holds no latches, and is in no section.
 *
 * note, fill  may be NULL
 * errors      VELO_FULL, VELO_IOERR, VELO_NOMEM, VELO_CORRUPT, as vl_volume_check_writable, and
 *             those of `fill`. The last checkpoint counts then; all changes are still in memory,
 * and the next checkpoint takes them */
velo_status vl_checkpoint_run(vl_ctx *ctx, vl_cache *cache, vl_checkpoint_note *note,
                              vl_checkpoint_fill *fill, void *user) VL_MUST_CHECK;

/* Called between batches of pages, while nothing is being written: may wait, so that others have
 * the processor, the medium and the frames to themselves meanwhile. No latches are held, and it may
 * change pages unless it would have to wait for the checkpoint.
 *
 * written, total  pages of trees that were taken so far, of those that were dirty at the barrier */
typedef void vl_checkpoint_pause(vl_ctx *ctx, void *user, uint32_t written, uint32_t total);

/* As vl_checkpoint_run, with pauses. `pause` may be NULL. */
velo_status vl_checkpoint_run_paced(vl_ctx *ctx, vl_cache *cache, vl_checkpoint_note *note,
                                    vl_checkpoint_fill *fill, vl_checkpoint_pause *pause,
                                    void *user) VL_MUST_CHECK;

#endif
