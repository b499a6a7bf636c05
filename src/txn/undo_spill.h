/* undo_spill.h - memory for older versions beyond what may be kept: a temporary file, mapped.
 *
 * A transaction may change more rows than there is memory for their older versions. What a pool of
 * undo records (undo.h) takes beyond its budget is taken from a file without a name beside the
 * database, which is mapped: the system writes it out and reads it back as memory is wanted, as it
 * does with the database's own pages. Pointers stay what they are, so chains, maps and logs are the
 * same wherever they lie.
 *
 * The design has undo pages in the page cache (11, item 16). But older versions are needed by this
 * process only: after a crash the log tells what is to be undone (recovery_list.c). In the database
 * they would be written by checkpoints, take page numbers and blocks, and each step along a chain
 * would have to give its leaf's latch up to load a page. The price here: a page of the file that is
 * not in memory is read by whoever touches it, with the leaf latched; others wait for that leaf as
 * long. If the medium cannot give it back, the process is ended by the system; the database is
 * found as after any crash.
 *
 * Space is taken from the file system before it is used, so a full disk is an error of the change
 * that wants it (VELO_FULL), never of a store to memory. It is used again as blocks are freed, and
 * given back when nothing is in the file any more.
 *
 * Memory. Pages of the file that the process has touched count as its memory until they are let go:
 * that is done for all of them after every VL_UNDO_SPILL_TOUCHES touches, so they are bounded by
 * what so many, and one operation more, can touch: a touch may bring in what the system maps around
 * a page, 64 KiB on Linux. What the system keeps of the file beyond is its own cache, as for every
 * file.
 *
 * Threads: any. Latch: VL_RANK_UNDO_SPILL; the file grows under it. */
#ifndef VL_TXN_UNDO_SPILL_H
#define VL_TXN_UNDO_SPILL_H

#include "base/ctx.h"
#include "os/io.h"

/* Bytes that a block takes beside its own. */
#define VL_UNDO_SPILL_HEAD 8U

/* Rows that are touched until the file's pages are let go. */
#define VL_UNDO_SPILL_TOUCHES 2048U

/* What one counts for that does not lie near others: the system may bring its neighbours in as
 * well.
 */
#define VL_UNDO_SPILL_FAR 16U

typedef struct vl_undo_spill vl_undo_spill;

/* Make one: no file yet.
 *
 * io      where; outlives it
 * path    of the database: the file is made in the same folder
 * errors  VELO_NOMEM */
velo_status vl_undo_spill_create(vl_ctx *ctx, vl_io *io, const char *path, vl_undo_spill **out)
    VL_MUST_CHECK;

/* Destroy; no block is left. NULL is allowed. */
void vl_undo_spill_destroy(vl_undo_spill *spill);

/* Take a block, aligned to 8 bytes. With a context the file grows if it has to; without one only
 * what is there is used.
 *
 * errors  VELO_FULL: the medium has no space; those of opening and mapping files; without a context
 *         VELO_FULL, and no message */
velo_status vl_undo_spill_alloc(vl_ctx *ctx, vl_undo_spill *spill, size_t size, void **out)
    VL_MUST_CHECK;

/* Whether a block is one of these. NULL for `spill` is allowed. */
int vl_undo_spill_has(const vl_undo_spill *spill, const void *block);

void vl_undo_spill_free(vl_undo_spill *spill, void *block);

/* Bytes of all blocks; bytes that the file takes on the medium. */
uint64_t vl_undo_spill_used(const vl_undo_spill *spill);
uint64_t vl_undo_spill_size(const vl_undo_spill *spill);

/* Rows whose versions may be in the file were, or are about to be, touched: so many. Anything may
 * be latched, and a write section be entered. */
void vl_undo_spill_touch(vl_undo_spill *spill, uint32_t count);

/* Let go of the file's pages if there were enough touches. Outside of write sections. */
void vl_undo_spill_settle(vl_undo_spill *spill);

/* With nothing latched: take space ahead, if `is_wanted`, so that the file does not grow while
 * pages are latched; give it back when nothing is in it. Errors: as vl_undo_spill_alloc. */
velo_status vl_undo_spill_tend(vl_ctx *ctx, vl_undo_spill *spill, int is_wanted) VL_MUST_CHECK;

#endif
