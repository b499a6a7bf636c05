/* volume_media.c - a volume's contact with its medium: a file, through the functions of os/io.h.
 *
 * Everything above speaks of blocks and images; here are bytes. A file that is to be mapped is
 * mapped twice: for reading in place, and, where stores to it are durable by themselves, for
 * storing. So a stray store to a page that is read in place meets memory that is read only. What
 * lies behind the address space that could be had is read and written as a file is, and so is
 * everything of a mapping that is not persistent; the system shows the same bytes in both ways.
 *
 * Invariants
 *   M1  No other file of the volume calls the functions of io.h that move bytes or change sizes.
 *   M2  Both mappings show at least `mapped_size` bytes, which the file has; it only grows.
 *   M3  What was stored is durable when vl_media_run or _start returns, since a fence covers its
 *       own thread's stores only. What was written to the file instead, and the file's size, are
 *       the next sync's: whoever does one of these sets needs_sync afterwards.
 *   M4  Nothing is stored where the file system has not promised space: the process would end. */
#include "storage/volume_int.h"

#include "base/assert.h"
#include "base/bytes.h"

/* Address space for a mapping: the first that can be had of MOST, a quarter of it and so on. */
#define MEDIA_RESERVED_MOST  VL_BY_BUILD(UINT64_C(1) << 40, UINT64_C(1) << 16)
#define MEDIA_RESERVED_LEAST VL_BY_BUILD(UINT64_C(1) << 28, UINT64_C(1) << 14)

velo_status
vl_media_open(vl_ctx *ctx, vl_io *io, const char *path, uint32_t flags, vl_media *media)
{
    media->io = io;
    media->name = "file";
    return vl_file_open(ctx, io, path, flags, &media->file);
}

void
vl_media_close(vl_media *media)
{
    vl_map_close(&media->reading);
    vl_map_close(&media->storing);
    media->can_store = 0;
    vl_file_close(media->file);
    media->file = NULL;
}

/* ---- mappings ---- */

/* Map the file, with as much address space as can be had: 1, or 0 when it cannot be mapped. */
static int
media_try_map(vl_ctx *ctx, const vl_media *media, uint64_t size, int is_writable, vl_map *map)
{
    uint64_t reserved = MEDIA_RESERVED_MOST;

    while (vl_map_open(ctx, media->file, size < reserved ? size : reserved, reserved, is_writable,
                       map) != VELO_OK) {
        vl_error_clear(ctx); /* a file serves as well */
        reserved /= 4;
        if (reserved < MEDIA_RESERVED_LEAST)
            return 0;
    }
    return 1;
}

void
vl_media_map(vl_ctx *ctx, vl_media *media, uint64_t size, int is_writable)
{
    uint64_t mapped_size;

    if (!media_try_map(ctx, media, size, 0, &media->reading)) {
        media->name = "file, since it cannot be mapped";
        return;
    }
    mapped_size = media->reading.size;
    media->name = "mapping, synced by the system";
    if (is_writable && media_try_map(ctx, media, size, 1, &media->storing)) {
        if (media->storing.persist == VL_PERSIST_SYNC) {
            vl_map_close(&media->storing);
        } else {
            media->can_store = 1;
            media->name = media->storing.persist == VL_PERSIST_FORCED
                              ? "persistent memory, as VELO_PMEM says"
                              : "persistent memory";
            if (media->storing.size < mapped_size)
                mapped_size = media->storing.size;
        }
    }
    atomic_store_explicit(&media->needs_sync, 1, memory_order_relaxed); /* others' writes: M3 */
    atomic_store_explicit(&media->mapped_size, mapped_size, memory_order_release);
}

/* The file has grown: map more of it. What cannot be mapped is read and written as a file. */
static void
media_extend(vl_ctx *ctx, vl_media *media, uint64_t size)
{
    if (size > media->reading.reserved)
        size = media->reading.reserved;
    if (media->can_store && size > media->storing.reserved)
        size = media->storing.reserved;
    if (size <= atomic_load_explicit(&media->mapped_size, memory_order_relaxed))
        return;
    if (vl_map_extend(ctx, &media->reading, size) != VELO_OK ||
        (media->can_store && vl_map_extend(ctx, &media->storing, size) != VELO_OK)) {
        vl_error_clear(ctx);
        return;
    }
    atomic_store_explicit(&media->mapped_size, size, memory_order_release); /* keeps M2 */
}

velo_status
vl_media_prepare_stores(vl_ctx *ctx, vl_media *media, uint64_t size)
{
    if (!media->can_store)
        return VELO_OK;
    VL_TRY(vl_file_allocate(ctx, media->file, 0, size)); /* a copy may have holes */
    if (vl_file_can_allocate(media->file))
        return VELO_OK;
    media->can_store = 0; /* keeps M4 */
    vl_map_close(&media->storing);
    media->name = "mapping, synced by the system, since its file system promises no space";
    return VELO_OK;
}

const uint8_t *
vl_media_view(const vl_media *media, uint64_t *size)
{
    *size = media->reading.reserved;
    return media->reading.base;
}

const void *
vl_media_at(const vl_media *media, uint64_t offset, uint64_t size)
{
    uint64_t mapped = atomic_load_explicit(&media->mapped_size, memory_order_acquire);

    return offset <= mapped && size <= mapped - offset ? media->reading.base + offset : NULL;
}

/* ---- sizes, syncs, single transfers ---- */

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
    velo_status st = vl_file_resize(ctx, media->file, size);

    atomic_store_explicit(&media->needs_sync, 1, memory_order_release);
    return st;
}

velo_status
vl_media_allocate(vl_ctx *ctx, vl_media *media, uint64_t offset, uint64_t size)
{
    VL_TRY(vl_file_allocate(ctx, media->file, offset, size));
    if (media->reading.file != NULL)
        media_extend(ctx, media, offset + size);
    atomic_store_explicit(&media->needs_sync, 1, memory_order_release);
    return VELO_OK;
}

velo_status
vl_media_sync(vl_ctx *ctx, vl_media *media)
{
    /* What is written behind the exchange is the next sync's. */
    if (media->can_store &&
        atomic_exchange_explicit(&media->needs_sync, 0, memory_order_acquire) == 0)
        return VELO_OK; /* M3 */
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

velo_status
vl_media_write_super(vl_ctx *ctx, vl_media *media, const void *buf, size_t size, uint64_t offset)
{
    uint8_t mark[8];

    if (!media->can_store || vl_media_at(media, offset, size) == NULL)
        return vl_media_write_durable(ctx, media, buf, size, offset);
    VL_TRY(vl_media_sync(ctx, media));
    vl_store_le64(mark, VL_SUPER_UNFINISHED);
    VL_TRY(vl_map_write(ctx, &media->storing, mark, sizeof mark, offset));
    VL_TRY(vl_map_write(ctx, &media->storing, (const uint8_t *)buf + sizeof mark,
                        size - sizeof mark, offset + sizeof mark));
    return vl_map_write(ctx, &media->storing, buf, sizeof mark, offset);
}

/* ---- many transfers ---- */

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

/* Store an image, or write it to the file where it has no address. Keeps M3. */
static velo_status
media_store(vl_ctx *ctx, vl_media *media, const vl_io_request *request)
{
    velo_status st;

    if (vl_media_at(media, request->offset, request->size) != NULL) {
        st = vl_map_write(ctx, &media->storing, request->buf, request->size, request->offset);
        if (st != VELO_OK) /* as final as a failed sync */
            atomic_store_explicit(&media->has_failed, 1, memory_order_relaxed);
        return st;
    }
    st = vl_file_write(ctx, media->file, request->buf, request->size, request->offset);
    atomic_store_explicit(&media->needs_sync, 1, memory_order_release);
    return st;
}

/* Store one image after the other; the first failure is that of all that follow. */
static velo_status
media_store_all(vl_ctx *ctx, vl_media *media, vl_io_request *requests, uint32_t count)
{
    velo_status st = VELO_OK;

    for (uint32_t i = 0; i < count; i++) {
        if (st == VELO_OK)
            st = media_store(ctx, media, &requests[i]);
        requests[i].status = st;
    }
    return st;
}

int
vl_media_has_failed(const vl_media *media)
{
    return atomic_load_explicit(&media->has_failed, memory_order_relaxed);
}

int
vl_media_stores(const vl_media *media)
{
    return media->can_store;
}

velo_status
vl_media_run(vl_ctx *ctx, vl_media *media, vl_io_request *requests, uint32_t count)
{
    velo_status st;

    if (media->can_store && count > 0 && requests[0].op == VL_IO_WRITE)
        return media_store_all(ctx, media, requests, count);
    st = vl_io_batch(ctx, media->io, requests, count);
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
