/* volume_checkpoint.c - beginning, committing and abandoning a checkpoint.
 *
 * What is on the medium after each step of a commit, if the power fails:
 *
 *     images and table of N written     superblock N-1 counts; N's blocks are free in it
 *     file synced                       the same
 *     superblock N written, not synced  N-1 or N; both are whole (or, stored word by word, N-1 and
 *                                       one that says that it is not finished)
 *     superblock N synced               N
 *     tail cut                          N; the file ends where N does, or later
 *
 * Invariants
 *   C1  Superblock N is written only after a sync that came after the last write of an image of N.
 *   C2  It goes to the place of superblock N-2, never to that of N-1.
 *   C3  What N-1 needs and N does not is free only after superblock N was synced.
 *   C4  After a failure that leaves open which superblock is on the medium nothing is written. */
#include "base/assert.h"
#include "storage/volume_int.h"

#include <string.h>

void
vl_volume_begin_checkpoint(vl_volume *volume)
{
    VL_ASSERT(atomic_load_explicit(&volume->is_ready, memory_order_acquire));
    vl_latch_acquire_exclusive(&volume->latch);
    VL_CHECK(!volume->is_writing);
    vl_space_begin_checkpoint(volume->space);
    volume->is_writing = 1;
    vl_latch_release_exclusive(&volume->latch);
}

/* End the checkpoint in the table. Keeps C3: called with 1 only behind the superblock's sync. */
static void
checkpoint_end(vl_volume *volume, int is_durable)
{
    uint64_t before;

    vl_latch_acquire_exclusive(&volume->latch);
    VL_CHECK(volume->is_writing);
    before = vl_space_free_count(volume->space);
    vl_free_map_end(volume, is_durable);
    vl_space_end_checkpoint(volume->space, is_durable);
    vl_volume_settle(volume, before);
    volume->is_writing = 0;
#if VL_VERIFICATION
    vl_space_verify(volume->space);
#endif
    vl_latch_release_exclusive(&volume->latch);
}

/* Whether a root's blocks are in the checkpoint: if not, it would name blocks that are free. */
static int
checkpoint_has_root(vl_volume *volume, const vl_root *root)
{
    int has = 1;

    vl_latch_acquire_exclusive(&volume->latch);
    for (uint32_t i = 0; i < root->length && has; i++)
        has = root->address + i < vl_space_block_count(volume->space) &&
              root->address >= VL_SUPER_COUNT &&
              (vl_space_sets_of(volume->space, root->address + i) & VL_SPACE_WRITING) != 0;
    vl_latch_release_exclusive(&volume->latch);
    return has;
}

/* Fill in the volume's own fields. */
static void
checkpoint_fill_super(const vl_volume *volume, const vl_superblock *next, vl_superblock *super)
{
    const vl_superblock *last = vl_volume_super(volume);

    *super = *next;
    super->format = VL_FORMAT_VERSION;
    super->oldest_reader = VL_FORMAT_OLDEST;
    super->page_size = last->page_size;
    super->block_size = last->block_size;
    memcpy(super->database_id, last->database_id, sizeof super->database_id);
    super->checkpoint = last->checkpoint + 1;
    super->block_count = last->block_count;
    super->space_root = last->space_root;
}

/* If the file has less free than has to be kept, let it grow; if that fails, the plan may still
 * find enough. */
static void
checkpoint_make_room(vl_ctx *ctx, vl_volume *volume)
{
    int64_t available;

    if (atomic_load_explicit(&volume->available, memory_order_relaxed) >= 0)
        return;
    vl_latch_acquire_exclusive(&volume->size_turn);
    available = atomic_load_explicit(&volume->available, memory_order_relaxed);
    if (available < 0 && vl_volume_grow(ctx, volume, (uint64_t)-available) != VELO_OK)
        vl_error_clear(ctx);
    vl_latch_release_exclusive(&volume->size_turn);
}

velo_status
vl_volume_commit_checkpoint(vl_ctx *ctx, vl_volume *volume, const vl_superblock *next)
{
    uint32_t place = 1 - atomic_load_explicit(&volume->place, memory_order_relaxed); /* keeps C2 */
    int is_clean = (next->flags & VL_SUPER_CLEAN) != 0;
    vl_superblock super;
    velo_status st;

    VL_CHECK(volume->is_writing);
    VL_TRY(vl_volume_check_writable(ctx, volume));
    checkpoint_fill_super(volume, next, &super);
    VL_CHECK(checkpoint_has_root(volume, &super.map_root) &&
             checkpoint_has_root(volume, &super.inflight_root));
    checkpoint_make_room(ctx, volume);
    VL_TRY(vl_free_map_plan(ctx, volume));
    VL_TRY(vl_free_map_write(ctx, volume, &super));
    st = vl_media_sync(ctx, &volume->media); /* keeps C1 */
    if (st != VELO_OK)
        return vl_volume_break(ctx, volume, st); /* keeps C4, as does the next line */
    VL_TRY(vl_volume_write_super(ctx, volume, &super, place, 1));
    volume->supers[place] = super;
    atomic_store_explicit(&volume->place, place, memory_order_release);
    checkpoint_end(volume, 1);
    if (is_clean || vl_volume_get_view(volume).base == NULL)
        vl_volume_cut(ctx, volume, is_clean);
    return VELO_OK;
}

void
vl_volume_abandon_checkpoint(vl_volume *volume)
{
    checkpoint_end(volume, 0);
}
