/* wal_media.c - how the log's bytes reach the medium: a file, by writes and syncs.
 *
 * Everything that the log asks of its medium goes through the functions here, so that another one
 * - a mapping of persistent memory, written by non-temporal stores and a fence - can be put in
 * their place. Who calls sees to it that syncs and durable writes never overlap (D5 of io.h). */
#include "storage/wal_int.h"

#include <string.h>

/* Space is prepared in writes of this size. */
#define MEDIA_ZEROS VL_BY_BUILD(16384U, 512U)

static const uint8_t media_zeros[MEDIA_ZEROS];

velo_status
vl_wal_media_open(vl_ctx *ctx, vl_wal_media *media, vl_io *io, const char *path, uint32_t flags)
{
    VL_TRY(vl_file_open(ctx, io, path, flags, &media->file));
    if (!vl_file_can_durable(ctx, media->file, media->method))
        media->method = VL_DURABLE_WRITE_SYNC;
    return VELO_OK;
}

void
vl_wal_media_close(vl_wal_media *media)
{
    vl_file_close(media->file);
    media->file = NULL;
}

velo_status
vl_wal_media_get_size(vl_ctx *ctx, vl_wal_media *media, uint64_t *size)
{
    return vl_file_get_size(ctx, media->file, size);
}

velo_status
vl_wal_media_read(vl_ctx *ctx, vl_wal_media *media, void *buf, size_t size, uint64_t offset)
{
    size_t moved;

    VL_TRY(vl_file_read(ctx, media->file, buf, size, offset, &moved));
    memset((uint8_t *)buf + moved, 0, size - moved);
    return VELO_OK;
}

velo_status
vl_wal_media_prepare(vl_ctx *ctx, vl_wal_media *media, uint64_t offset, uint64_t size,
                     int is_synced_often)
{
    VL_TRY(vl_file_allocate(ctx, media->file, offset, size));
    if (media->preallocation != VL_PREALLOC_WRITTEN)
        return VELO_OK;
    if (!is_synced_often && vl_file_can_allocate(media->file))
        return VELO_OK;
    /* Not synced: the first sync of what is in it takes the zeros along. */
    for (uint64_t at = 0; at < size; at += MEDIA_ZEROS)
        VL_TRY(vl_file_write(ctx, media->file, media_zeros,
                             size - at < MEDIA_ZEROS ? size - at : MEDIA_ZEROS, offset + at));
    return VELO_OK;
}

velo_status
vl_wal_media_write(vl_ctx *ctx, vl_wal_media *media, const void *buf, size_t size, uint64_t offset)
{
    return vl_file_write(ctx, media->file, buf, size, offset);
}

int
vl_wal_media_has_durable_write(const vl_wal_media *media, int alone)
{
    switch (media->method) {
    case VL_DURABLE_WRITE_SYNC:
        return 0;
    case VL_DURABLE_DSYNC:
        return alone;
    case VL_DURABLE_RING:
        return 1; /* its sync takes everything along */
    }
    return 0;
}

velo_status
vl_wal_media_write_durable(vl_ctx *ctx, vl_wal_media *media, const void *buf, size_t size,
                           uint64_t offset)
{
    return vl_file_write_durable(ctx, media->file, media->method, buf, size, offset);
}

velo_status
vl_wal_media_sync(vl_ctx *ctx, vl_wal_media *media)
{
    return vl_file_sync(ctx, media->file);
}

velo_status
vl_wal_media_cut(vl_ctx *ctx, vl_wal_media *media, uint64_t size)
{
    return vl_file_resize(ctx, media->file, size);
}
