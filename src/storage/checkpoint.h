/* checkpoint.h */
#ifndef VL_STORAGE_CHECKPOINT_H
#define VL_STORAGE_CHECKPOINT_H
#include "storage/cache.h"
#include "storage/superblock.h"
typedef void vl_checkpoint_note(void *user);
typedef velo_status vl_checkpoint_fill(vl_ctx *ctx, void *user, vl_superblock *super);
velo_status vl_checkpoint_run(vl_ctx *ctx, vl_cache *cache, vl_checkpoint_note *note, vl_checkpoint_fill *fill, void *user) VL_MUST_CHECK;
#endif
