/* wal.c - a log's life: beginning a generation, closing, failing, and its figures.
 *
 * Invariants
 *   G1  Until vl_wal_release_old, nothing that belongs to an older generation is written.
 *   G2  The first failure of a flush is final: `failure` is written once, before is_failed. */
#include "storage/wal.h"

#include "storage/wal_int.h"

#include <string.h>

/* ---- failure ---- */

velo_status
vl_wal_check(vl_ctx *ctx, vl_wal *wal)
{
    if (VL_LIKELY(atomic_load_explicit(&wal->is_failed, memory_order_acquire) == 0))
        return VELO_OK;
    return vl_fail(ctx, wal->failure.code, "the log has failed before: %s", wal->failure.text);
}

void
vl_wal_set_failed(vl_ctx *ctx, vl_wal *wal, velo_status status)
{
    vl_latch_acquire_exclusive(&wal->latch);
    if (atomic_load_explicit(&wal->is_failed, memory_order_relaxed) == 0) {
        wal->failure = ctx->error;
        wal->failure.code = status;
        atomic_store_explicit(&wal->is_failed, 1, memory_order_seq_cst); /* keeps G2 */
    }
    vl_latch_release_exclusive(&wal->latch);
    vl_wal_notify(wal);
}

/* ---- positions ---- */

vl_log_position
vl_wal_tail(const vl_wal *wal)
{
    return atomic_load_explicit(&wal->tail, memory_order_seq_cst);
}

vl_log_position
vl_wal_written(const vl_wal *wal)
{
    return atomic_load_explicit(&wal->written, memory_order_acquire);
}

vl_log_position
vl_wal_durable(const vl_wal *wal)
{
    return atomic_load_explicit(&wal->durable, memory_order_acquire);
}

/* ---- beginning and ending ---- */

static velo_status
wal_check_options(vl_ctx *ctx, const vl_wal_options *options, uint32_t ring_size,
                  uint32_t segment_size)
{
    if (ring_size < VL_WAL_RING_MIN || ring_size > VL_WAL_RING_MAX ||
        !vl_is_power_of_two(ring_size))
        return vl_fail(ctx, VELO_MISUSE, "the log's buffer cannot have %u bytes", ring_size);
    if (!vl_wal_segment_size_is_valid(segment_size))
        return vl_fail(ctx, VELO_MISUSE, "the log's segments cannot have %u bytes", segment_size);
    if (options->start % 8 != 0 || options->start > VL_LOG_POSITION_MAX)
        return vl_fail(ctx, VELO_MISUSE, "the log cannot begin at position %llu",
                       (unsigned long long)options->start);
    if (options->identity.generation == 0)
        return vl_fail(ctx, VELO_MISUSE, "the log's generations begin with 1");
    return VELO_OK;
}

/* Everything that is not zero in a log without records. */
static void
wal_init(vl_wal *wal, const vl_wal_options *options, uint32_t ring_size)
{
    memset(wal, 0, sizeof *wal);
    wal->io = options->io;
    wal->identity = options->identity;
    wal->start = options->start;
    wal->ring_size = ring_size;
    wal->record_max_size = ring_size / 4;
    wal->media.method = options->method;
    wal->media.medium = options->medium;
    wal->media.preallocation = options->preallocation;
    vl_latch_init(&wal->latch, VL_RANK_WAL);
    vl_latch_init(&wal->walk_latch, VL_RANK_WAL_WALK);
    atomic_init(&wal->tail, options->start);
    atomic_init(&wal->grant_end, options->start);
    atomic_init(&wal->consumed, options->start);
    atomic_init(&wal->prepared_end, UINT64_MAX); /* in memory: no end */
    atomic_init(&wal->appended, options->start);
    atomic_init(&wal->written, options->start);
    atomic_init(&wal->durable, options->start);
}

/* Allocate a log and its buffer. */
static velo_status
wal_allocate(vl_ctx *ctx, const vl_wal_options *options, uint32_t ring_size, vl_wal **out)
{
    vl_wal *wal = vl_alloc_aligned(ctx, sizeof *wal, VL_CONTENDED_ALIGN);

    *out = wal;
    if (wal == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the log");
    wal_init(wal, options, ring_size);
    wal->ring = vl_alloc_aligned_zero(ctx, (size_t)ring_size + wal->record_max_size,
                                      VL_DIRECT_ALIGN); /* W1 */
    if (wal->ring == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the log's buffer of %u bytes", ring_size);
    return VELO_OK;
}

/* Open the file, and make the generation's first segment durable. Keeps G1. */
static velo_status
wal_begin(vl_ctx *ctx, vl_wal *wal, const char *path, vl_file *like, uint32_t segment_size)
{
    uint32_t flags = VL_OPEN_WRITE | VL_OPEN_CREATE;
    size_t size = strlen(path) + 1;

    wal->path = vl_alloc(ctx, size);
    if (wal->path == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the log's name");
    memcpy(wal->path, path, size);
    /* Never open to more than the database is, not even while it is empty: who has opened it then
     * reads it later. */
    VL_TRY(vl_wal_media_open(ctx, &wal->media, wal->io, path,
                             like != NULL ? flags | VL_OPEN_PRIVATE : flags));
    if (like != NULL && vl_file_copy_mode(ctx, like, wal->media.file) != VELO_OK)
        vl_error_clear(ctx); /* an older log of another user: it stays as it is */
    VL_TRY(vl_wal_segments_init(ctx, wal, segment_size));
    VL_TRY(vl_wal_segments_extend(ctx, wal));
    VL_TRY(vl_wal_media_sync(ctx, &wal->media));
    atomic_store_explicit(&wal->synced_number,
                          atomic_load_explicit(&wal->header_number, memory_order_relaxed),
                          memory_order_release);
    return vl_path_sync_folder(ctx, wal->io, path);
}

velo_status
vl_wal_create(vl_ctx *ctx, const vl_wal_options *options, vl_wal **out)
{
    uint32_t ring_size = options->ring_bytes != 0 ? options->ring_bytes : VL_WAL_RING_DEFAULT;
    uint32_t segment_size =
        options->segment_bytes != 0 ? options->segment_bytes : VL_WAL_SEGMENT_DEFAULT;
    vl_wal *wal = NULL;
    velo_status st;

    *out = NULL;
    VL_TRY(wal_check_options(ctx, options, ring_size, segment_size));
    st = wal_allocate(ctx, options, ring_size, &wal);
    if (st == VELO_OK && options->io != NULL)
        st = wal_begin(ctx, wal, options->path, options->like, segment_size);
    if (st != VELO_OK) {
        vl_wal_close(wal);
        return st;
    }
    *out = wal;
    return VELO_OK;
}

void
vl_wal_close(vl_wal *wal)
{
    if (wal == NULL)
        return;
    vl_wal_media_close(&wal->media);
    vl_wal_segments_deinit(&wal->segments);
    vl_free(wal->path);
    vl_free(wal->ring);
    vl_free(wal);
}

velo_status
vl_wal_delete(vl_ctx *ctx, vl_io *io, const char *path)
{
    velo_status st = vl_path_delete(ctx, io, path);

    if (st == VELO_NOTFOUND)
        vl_error_clear(ctx); /* gone already; perhaps not durably */
    else if (st != VELO_OK)
        return st;
    return vl_path_sync_folder(ctx, io, path);
}

/* ---- figures ---- */

void
vl_wal_get_stats(vl_wal *wal, vl_wal_stats *stats)
{
    const vl_wal_segments *segments = &wal->segments;

    memset(stats, 0, sizeof *stats);
    stats->write_count = vl_counter(&wal->write_count);
    stats->sync_count = vl_counter(&wal->sync_count);
    stats->round_count = vl_counter(&wal->round_count);
    stats->request_count = vl_counter(&wal->request_count);
    stats->ring_bytes = wal->ring_size;
    stats->medium = wal->media.name != NULL ? wal->media.name : "memory";
    stats->is_mapped = wal->media.is_mapped;
    vl_latch_acquire_exclusive(&wal->latch);
    stats->segment_bytes = segments->size;
    stats->live_segments = segments->live_count;
    stats->free_segments = segments->free_count;
    stats->old_segments = segments->old_count;
    stats->prepared_count = segments->prepared_count;
    vl_latch_release_exclusive(&wal->latch);
}
