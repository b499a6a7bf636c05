/* volume_media.c - a volume's contact with its medium: a file, through the functions of os/io.h.
 *
 * Everything above speaks of blocks and images; here are bytes. A volume in persistent memory has
 * another set of these functions: reads copy from (or point into) the mapping, writes are
 * non-temporal stores, and a sync is a fence.
 *
 * Invariants
 *   M1  No other file of the volume calls the functions of io.h that move bytes or change sizes. */
#include "storage/volume_int.h"

#include "base/assert.h"

velo_status
vl_media_open(vl_ctx *ctx, vl_io *io, const char *path, uint32_t flags, vl_media *media)
{
    media->io = io;
    return vl_file_open(ctx, io, path, flags, &media->file);
}

void
vl_media_close(vl_media *media)
{
    vl_file_close(media->file);
    media->file = NULL;
}

uint32_t
vl_media_align(const vl_media *media)
{
    return vl_file_align(media->file);
}

velo_status
vl_media_get_size(vl_ctx *ctx, vl_media *media, uint64_t *size)
{
    return vl_file_get_size(ctx, media->file, size);
}

velo_status
vl_media_resize(vl_ctx *ctx, vl_media *media, uint64_t size)
{
    return vl_file_resize(ctx, media->file, size);
}

velo_status
vl_media_allocate(vl_ctx *ctx, vl_media *media, uint64_t offset, uint64_t size)
{
    return vl_file_allocate(ctx, media->file, offset, size);
}

velo_status
vl_media_sync(vl_ctx *ctx, vl_media *media)
{
    return vl_file_sync(ctx, media->file);
}

velo_status
vl_media_read(vl_ctx *ctx, vl_media *media, void *buf, size_t size, uint64_t offset, size_t *moved)
{
    return vl_file_read(ctx, media->file, buf, size, offset, moved);
}

velo_status
vl_media_write_durable(vl_ctx *ctx, vl_media *media, const void *buf, size_t size, uint64_t offset)
{
    /* The one method that covers what was written before; a superblock is rare. */
    return vl_file_write_durable(ctx, media->file, VL_DURABLE_WRITE_SYNC, buf, size, offset);
}

vl_io_request
vl_media_request(vl_media *media, vl_io_op op, void *buf, size_t size, uint64_t offset)
{
    vl_io_request request = {
        .op = op,
        .file = media->file,
        .buf = buf,
        .size = (uint32_t)size,
        .offset = offset,
        .status = VELO_INTERNAL, /* until it has run */
    };

    return request;
}

velo_status
vl_media_run(vl_ctx *ctx, vl_media *media, vl_io_request *requests, uint32_t count)
{
    velo_status st = vl_io_batch(ctx, media->io, requests, count);

    for (uint32_t i = 0; i < count && st != VELO_OK; i++)
        if (requests[i].status == VELO_INTERNAL) /* there was no queue to run it */
            requests[i].status = st;
    return st;
}

velo_status
vl_media_start(vl_ctx *ctx, vl_media *media, vl_io_request *requests, uint32_t count, int is_lazy)
{
    vl_io_queue *queue;
    velo_status st;

    VL_TRY(vl_io_thread_queue(ctx, media->io, &queue));
    if (is_lazy)
        st = vl_io_queue_submit_lazily(ctx, queue, requests, count);
    else
        st = vl_io_queue_submit(ctx, queue, requests, count);
    if (st != VELO_OK)
        vl_error_clear(ctx); /* they are complete, and have their status */
    return VELO_OK;
}

uint32_t
vl_media_reap(vl_ctx *ctx, vl_media *media, uint32_t min, uint32_t max, vl_io_request **done)
{
    vl_io_queue *queue;
    uint32_t count = 0;

    /* The queue is there: it has something pending. */
    VL_CHECK(vl_io_thread_queue(ctx, media->io, &queue) == VELO_OK &&
             vl_io_queue_reap(ctx, queue, min, max, done, &count) == VELO_OK && count >= min);
    return count;
}
