/* wal_media.c - how the log's bytes reach the medium: a file, by writes and syncs, or a mapping of
 * it in persistent memory, by stores past the caches and a fence.
 *
 * Everything that the log asks of its medium goes through the functions here. Who calls sees to it
 * that syncs and durable writes never overlap (D5 of io.h).
 *
 * In a mapping every write is durable at once, since a fence covers its own thread's stores only
 * and whoever makes the log durable later may be another; and the sync that follows has nothing to
 * do. Reads go to the file, which shows the same bytes.
 *
 * Invariants, when mapped
 *   V1  What is written lies wholly inside the mapping, or wholly behind the address space that is
 *       reserved for it; the latter goes to the file and sets needs_sync.
 *   V2  The file's size and space are durable before anything is stored in them: prepare syncs the
 *       file, and the first sync of a log does, as what another process left may not be. */
#include "storage/wal_int.h"

#include <string.h>

/* Space is prepared in writes of this size. */
#define MEDIA_ZEROS VL_BY_BUILD(16384U, 512U)

static const uint8_t media_zeros[MEDIA_ZEROS];

/* Address space for a mapping. A log is a few segments long, but for a transaction of many
 * gigabytes; what lies beyond is written to the file. Starts where a segment may: keeps V1. */
#define MEDIA_RESERVED (VL_WAL_SEGMENTS_AT + VL_BY_BUILD(UINT64_C(16) << 30, UINT64_C(8192)))

/* How much of a file of this size is mapped. */
static uint64_t
media_map_size(uint64_t file_size)
{
    return file_size < MEDIA_RESERVED ? file_size : MEDIA_RESERVED;
}

/* Map the file if that makes stores durable; say what was found. */
static velo_status
media_map(vl_ctx *ctx, vl_wal_media *media)
{
    uint64_t size;

    VL_TRY(vl_file_get_size(ctx, media->file, &size));
    if (size < VL_WAL_SEGMENTS_AT) { /* an empty mapping tells nothing */
        size = VL_WAL_SEGMENTS_AT;
        VL_TRY(vl_file_allocate(ctx, media->file, 0, size));
    }
    if (vl_map_open(ctx, media->file, media_map_size(size), MEDIA_RESERVED, 1, &media->map) !=
        VELO_OK) {
        vl_error_clear(ctx); /* a file serves as well */
        media->name = "file, since it cannot be mapped";
        return VELO_OK;
    }
    if (media->map.persist == VL_PERSIST_SYNC) {
        vl_map_close(&media->map);
        media->name = "file, since it is not in persistent memory";
        return VELO_OK;
    }
    media->name = media->map.persist == VL_PERSIST_FORCED ? "persistent memory, as VELO_PMEM says"
                                                          : "persistent memory";
    media->is_mapped = 1;
    atomic_store_explicit(&media->needs_sync, 1, memory_order_relaxed); /* keeps V2 */
    return VELO_OK;
}

velo_status
vl_wal_media_open(vl_ctx *ctx, vl_wal_media *media, vl_io *io, const char *path, uint32_t flags)
{
    VL_TRY(vl_file_open(ctx, io, path, flags, &media->file));
    media->name = "file";
    if (media->medium == VL_WAL_MAPPED && (flags & VL_OPEN_WRITE) != 0)
        VL_TRY(media_map(ctx, media));
    if (!vl_file_can_durable(ctx, media->file, media->method))
        media->method = VL_DURABLE_WRITE_SYNC;
    return VELO_OK;
}

void
vl_wal_media_close(vl_wal_media *media)
{
    vl_map_close(&media->map);
    media->is_mapped = 0;
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

/* What failed was to make something durable: that is final (D5 of io.h). */
static velo_status
media_fail(vl_wal_media *media, velo_status st)
{
    atomic_store_explicit(&media->has_failed, 1, memory_order_relaxed);
    return st;
}

int
vl_wal_media_has_failed(const vl_wal_media *media)
{
    return atomic_load_explicit(&media->has_failed, memory_order_relaxed);
}

/* Map new space and make it durable. Zeros take the faults of first stores out of commits, and
 * space where the file system only promises it. */
static velo_status
media_prepare_map(vl_ctx *ctx, vl_wal_media *media, uint64_t offset, uint64_t size,
                  int is_synced_often)
{
    velo_status st;

    VL_TRY(vl_map_extend(ctx, &media->map, media_map_size(offset + size)));
    st = vl_file_sync(ctx, media->file); /* keeps V2 */
    if (st != VELO_OK)
        return media_fail(media, st);
    if (media->preallocation != VL_PREALLOC_WRITTEN)
        return VELO_OK;
    if (!is_synced_often && vl_file_can_allocate(media->file))
        return VELO_OK;
    for (uint64_t at = 0; at < size; at += MEDIA_ZEROS)
        VL_TRY(vl_wal_media_write(ctx, media, media_zeros,
                                  size - at < MEDIA_ZEROS ? size - at : MEDIA_ZEROS, offset + at));
    return VELO_OK;
}

velo_status
vl_wal_media_prepare(vl_ctx *ctx, vl_wal_media *media, uint64_t offset, uint64_t size,
                     int is_synced_often)
{
    VL_TRY(vl_file_allocate(ctx, media->file, offset, size));
    if (media->is_mapped)
        return media_prepare_map(ctx, media, offset, size, is_synced_often);
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
    if (!media->is_mapped)
        return vl_file_write(ctx, media->file, buf, size, offset);
    if (offset < media->map.reserved) { /* by V1 all of it */
        velo_status st = vl_map_write(ctx, &media->map, buf, size, offset);

        return st == VELO_OK ? VELO_OK : media_fail(media, st);
    }
    VL_TRY(vl_file_write(ctx, media->file, buf, size, offset));
    atomic_store_explicit(&media->needs_sync, 1, memory_order_release);
    return VELO_OK;
}

int
vl_wal_media_has_durable_write(const vl_wal_media *media, int alone)
{
    if (media->is_mapped)
        return 0; /* every write is one, and the sync costs nothing */
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

void
vl_wal_media_begin(vl_wal_media *media, uint64_t offset, uint64_t size)
{
    if (!media->is_mapped)
        vl_file_start_writing(media->file, offset, size);
}

velo_status
vl_wal_media_sync(vl_ctx *ctx, vl_wal_media *media)
{
    /* What is written behind the exchange is the next sync's. */
    if (media->is_mapped &&
        atomic_exchange_explicit(&media->needs_sync, 0, memory_order_acquire) == 0)
        return VELO_OK;
    return vl_file_sync(ctx, media->file);
}

velo_status
vl_wal_media_cut(vl_ctx *ctx, vl_wal_media *media, uint64_t size)
{
    return vl_file_resize(ctx, media->file, size);
}
