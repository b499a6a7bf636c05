#include "storage/checkpoint.h"
velo_status vl_checkpoint_run(vl_ctx *ctx, vl_cache *cache, vl_checkpoint_note *note, vl_checkpoint_fill *fill, void *user)
{ (void)cache;(void)note;(void)fill;(void)user; return vl_fail(ctx, VELO_INTERNAL, "not there yet"); }
