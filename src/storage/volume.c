/* volume.c - opening and creating the file, images, and what ends all writing.
 *
 * Invariants
 *   U1  Nothing that opening has read counts as durable: before the first write the chosen
 *       superblock is written again and synced (hazard 6). vl_volume_write_batch and the
 *       checkpoint work only after that (is_ready).
 *   U2  A block that the durable checkpoint needs is never written: vl_volume_write_batch checks
 *       each against the sets.
 *   U3  The first failure of a sync, of storing an image, or of a superblock's write is final:
 * is_broken is set before anything that it makes uncertain could be used, and never cleared. U4  An
 * image is handed out only when it hashes to what its extent says. */
#include "storage/volume.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/rank.h"
#include "storage/page.h"
#include "storage/volume_int.h"

#include <inttypes.h>
#include <string.h>

/* Bytes of the file's head that hold both superblocks of a file with blocks of 16 KiB or less. */
#define VOLUME_HEAD_USUAL (16384U + VL_DIRECT_ALIGN)

#define VOLUME_MERGE_SIZE (1U << 20) /* the largest transfer made of several images */
#define VOLUME_BATCH      128U       /* transfers under way at a time */

/* ---- what ends writing ---- */

velo_status
vl_volume_break(vl_ctx *ctx, vl_volume *volume, velo_status status)
{
    VL_ASSERT(status == ctx->error.code);
    vl_latch_acquire_exclusive(&volume->latch);
    if (!atomic_load_explicit(&volume->is_broken, memory_order_relaxed)) {
        volume->reason = ctx->error;
        atomic_store_explicit(&volume->is_broken, 1, memory_order_release);
    }
    vl_latch_release_exclusive(&volume->latch);
    return status;
}

velo_status
vl_volume_check_writable(vl_ctx *ctx, vl_volume *volume)
{
    if (volume->is_read_only)
        return vl_fail(ctx, VELO_READONLY, "\"%s\" was opened for reading only",
                       vl_volume_path(volume));
    if (VL_LIKELY(!atomic_load_explicit(&volume->is_broken, memory_order_acquire)))
        return VELO_OK;
    (void)vl_fail(ctx, volume->reason.code,
                  "\"%s\" is not written any more until it is opened again, since this failed: %s",
                  vl_volume_path(volume), volume->reason.text);
    ctx->error.os_error = volume->reason.os_error;
    return volume->reason.code;
}

velo_status
vl_volume_write_super(vl_ctx *ctx, vl_volume *volume, const vl_superblock *super, uint32_t place,
                      int is_next)
{
    uint64_t offset = (uint64_t)place * volume->block_size;
    uint32_t align = vl_media_align(&volume->media);
    uint32_t size = align > VL_SUPER_SIZE ? align : VL_SUPER_SIZE;
    vl_superblock again;
    velo_status st;

    memset(volume->super_buffer, 0, size); /* zeros behind it are part of the block */
    vl_superblock_encode(super, place, volume->super_buffer);
    VL_CHECK(vl_superblock_decode(ctx, vl_volume_path(volume), place, volume->super_buffer,
                                  &again) == VELO_OK);
    if (is_next)
        st = vl_media_write_super(ctx, &volume->media, volume->super_buffer, size, offset);
    else
        st = vl_media_write_durable(ctx, &volume->media, volume->super_buffer, size, offset);
    return st == VELO_OK ? VELO_OK : vl_volume_break(ctx, volume, st);
}

/* ---- creating ---- */

static int
volume_is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return 0;
    return 1;
}

/* Make sure that neither superblock lacks space when it is written: that would be final. */
static velo_status
volume_allocate_supers(vl_ctx *ctx, vl_volume *volume)
{
    return vl_media_allocate(ctx, &volume->media, 0, (uint64_t)VL_SUPER_COUNT * volume->block_size);
}

/* Write superblock 1 into a file that holds nothing, and make file and name durable. */
static velo_status
volume_write_first(vl_ctx *ctx, vl_volume *volume, const char *path)
{
    vl_superblock *super = &volume->supers[0];

    memset(super, 0, sizeof *super);
    super->format = VL_FORMAT_VERSION;
    super->oldest_reader = VL_FORMAT_OLDEST;
    super->page_size = volume->block_size;
    super->block_size = volume->block_size;
    super->checkpoint = 1;
    super->log_generation = 1;
    super->block_count = VL_SUPER_COUNT;
    super->page_end = 1;
    super->next_tree = 1;
    super->flags = VL_SUPER_CLEAN;
    VL_TRY(vl_io_random(ctx, volume->media.io, super->database_id, sizeof super->database_id));
    VL_TRY(vl_io_random(ctx, volume->media.io, &super->log_salt, sizeof super->log_salt));
    VL_TRY(volume_allocate_supers(ctx, volume));
    VL_TRY(vl_volume_write_super(ctx, volume, super, 0, 0));
    return vl_path_sync_folder(ctx, volume->media.io, path);
}

/* Read so much of the file's head as holds both superblocks where pages have the usual size. 0:
 * they have another size, or something is wrong; nothing was read that counts. */
static int
volume_read_usual(vl_ctx *ctx, vl_volume *volume, uint8_t *buf, size_t *size)
{
    vl_superblock super;
    int is_usual = vl_media_read(ctx, &volume->media, buf, VOLUME_HEAD_USUAL, 0, size) == VELO_OK &&
                   *size == VOLUME_HEAD_USUAL &&
                   vl_superblock_decode(ctx, "", 0, buf, &super) == VELO_OK &&
                   super.block_size + VL_SUPER_SIZE <= VOLUME_HEAD_USUAL;

    vl_error_clear(ctx);
    return is_usual;
}

/* Read the file's head, `buf` having room for it: as a rule with one read, and a short one. */
static velo_status
volume_read_head(vl_ctx *ctx, vl_volume *volume, uint8_t *buf, size_t *size)
{
    if (volume_read_usual(ctx, volume, buf, size))
        return VELO_OK;
    memset(buf, 0, VL_SUPER_HEAD_SIZE);
    return vl_media_read(ctx, &volume->media, buf, VL_SUPER_HEAD_SIZE, 0, size);
}

/* Read the head, and see whether the file is empty, or as a power cut during creation leaves it. */
static velo_status
volume_look(vl_ctx *ctx, vl_volume *volume, uint8_t *head, size_t *size, int *is_empty)
{
    uint64_t whole = 0;

    VL_TRY(volume_read_head(ctx, volume, head, size));
    VL_TRY(vl_media_get_size(ctx, &volume->media, &whole));
    *is_empty = whole <= VL_SUPER_HEAD_SIZE && volume_is_zero(head, *size);
    return VELO_OK;
}

/* Create the database in a file that looks empty, unless another process was quicker. */
static velo_status
volume_create(vl_ctx *ctx, vl_volume *volume, const char *path, uint8_t *head, size_t *size)
{
    vl_file *file = volume->media.file;
    velo_status st = vl_file_lock(ctx, file, VL_LOCK_EXCLUSIVE, VL_VOLUME_CREATE_LOCK_AT, 1);
    velo_status unlocked;
    vl_error first;
    int is_empty = 0;

    if (vl_status_primary(st) == VELO_BUSY)
        return vl_fail(ctx, VELO_BUSY, "\"%s\" is being created by another process", path);
    VL_TRY(st);
    st = volume_look(ctx, volume, head, size, &is_empty);
    if (st == VELO_OK && is_empty) {
        st = volume_write_first(ctx, volume, path);
        if (st == VELO_OK)
            st = volume_read_head(ctx, volume, head, size);
    }
    first = ctx->error;
    unlocked = vl_file_lock(ctx, file, VL_LOCK_NONE, VL_VOLUME_CREATE_LOCK_AT, 1);
    if (st == VELO_OK)
        return unlocked;
    ctx->error = first;
    return st;
}

/* ---- opening ---- */

static velo_status
volume_open_media(vl_ctx *ctx, vl_volume *volume, vl_io *io, const char *path,
                  const vl_volume_options *options, int is_direct)
{
    uint32_t flags = is_direct ? VL_OPEN_DIRECT : 0;

    if (!options->is_read_only)
        flags |= options->may_create ? VL_OPEN_WRITE | VL_OPEN_CREATE : VL_OPEN_WRITE;
    VL_TRY(vl_media_open(ctx, io, path, flags, &volume->media));
    if (options->lock == VL_LOCK_NONE)
        return VELO_OK;
    /* Before anything is read: what another process is changing is not to be relied on. */
    return vl_file_lock(ctx, vl_volume_file(volume), options->lock, options->lock_at, 1);
}

/* What a superblock says must be something that this version does, and the file must hold it. */
static velo_status
volume_check_super(vl_ctx *ctx, vl_volume *volume, const vl_superblock *super)
{
    const char *path = vl_volume_path(volume);
    uint64_t size = 0;

    if (super->block_size != super->page_size)
        return vl_fail(ctx, VELO_CANTOPEN,
                       "\"%s\" has blocks of %" PRIu32 " bytes and pages of %" PRIu32
                       ": this version needs them to be equal",
                       path, super->block_size, super->page_size);
    if (super->block_count > VL_VOLUME_MAX_BLOCKS)
        return vl_fail(ctx, VELO_CORRUPT, "\"%s\": its superblock has a bad block count", path);
    VL_TRY(vl_media_get_size(ctx, &volume->media, &size));
    if (size / super->block_size < super->block_count)
        return vl_fail(ctx, VELO_CORRUPT,
                       "\"%s\" was cut off: it has %" PRIu64
                       " bytes and should have at least %" PRIu64,
                       path, size, super->block_count * super->block_size);
    return VELO_OK;
}

/* Whether there is something in the place of the other superblock that is none. */
static int
volume_is_damaged(vl_ctx *ctx, const vl_superblock *super, uint32_t place, const uint8_t *head,
                  size_t size)
{
    uint64_t offset = (uint64_t)(1 - place) * super->block_size;
    vl_superblock other;
    int is_damaged;

    if (offset + VL_SUPER_SIZE > size || volume_is_zero(head + offset, VL_SUPER_SIZE) ||
        vl_superblock_is_unfinished(head + offset))
        return 0;
    is_damaged = vl_superblock_decode(ctx, "", 1 - place, head + offset, &other) != VELO_OK;
    vl_error_clear(ctx);
    return is_damaged;
}

/* Read the superblocks, or create the first one. `head` has room for the file's head. */
static velo_status
volume_open_super(vl_ctx *ctx, vl_volume *volume, const char *path,
                  const vl_volume_options *options, uint8_t *head)
{
    vl_superblock super;
    uint32_t place = 0;
    size_t size = 0;
    int is_empty = 0;

    VL_TRY(volume_look(ctx, volume, head, &size, &is_empty));
    if (is_empty && options->may_create && !options->is_read_only)
        VL_TRY(volume_create(ctx, volume, path, head, &size));
    VL_TRY(vl_superblock_find(ctx, path, head, size, &super, &place));
    VL_TRY(volume_check_super(ctx, volume, &super));
    volume->supers[place] = super;
    volume->block_size = super.block_size;
    volume->has_damaged_super = volume_is_damaged(ctx, &super, place, head, size);
    atomic_store_explicit(&volume->place, place, memory_order_relaxed);
    atomic_store_explicit(&volume->block_count, super.block_count, memory_order_relaxed);
    return VELO_OK;
}

velo_status
vl_volume_open(vl_ctx *ctx, vl_io *io, const char *path, const vl_volume_options *options,
               vl_volume **out)
{
    uint32_t page_size = options->page_size != 0 ? options->page_size : VL_PAGE_DEFAULT_SIZE;
    vl_volume *volume;
    uint8_t *head = NULL;
    velo_status st = VELO_NOMEM;

    *out = NULL;
    if (!vl_page_size_is_valid(page_size))
        return vl_fail(ctx, VELO_RANGE, "a page cannot have %" PRIu32 " bytes", page_size);
    volume = vl_alloc_aligned(ctx, sizeof *volume, VL_CONTENDED_ALIGN);
    if (volume == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a volume");
    memset(volume, 0, sizeof *volume);
    volume->map_end = UINT64_MAX;
    volume->block_size = page_size;
    volume->is_read_only = options->is_read_only;
    vl_latch_init(&volume->size_turn, VL_RANK_NONE);
    vl_latch_init(&volume->latch, VL_RANK_VOLUME);
    head = vl_alloc_aligned(ctx, VL_SUPER_HEAD_SIZE, VL_DIRECT_ALIGN);
    volume->super_buffer = vl_alloc_aligned(ctx, VL_PAGE_MAX_SIZE, VL_DIRECT_ALIGN);
    if (head == NULL || volume->super_buffer == NULL) {
        (void)vl_fail(ctx, VELO_NOMEM, "cannot allocate buffers for superblocks");
        goto fail;
    }
    st = volume_open_media(ctx, volume, io, path, options,
                           options->is_direct && options->medium == VL_DATA_FILE);
    if (st == VELO_OK)
        st = volume_open_super(ctx, volume, path, options, head);
    if (st == VELO_OK && vl_media_align(&volume->media) > volume->block_size) {
        vl_media_close(&volume->media); /* blocks are too small to be transferred directly */
        st = volume_open_media(ctx, volume, io, path, options, 0);
    }
    if (st != VELO_OK)
        goto fail;
    if (options->medium == VL_DATA_MAPPED)
        vl_media_map(ctx, &volume->media,
                     volume->supers[volume->place].block_count * volume->block_size,
                     !options->is_read_only);
    vl_free(head);
    *out = volume;
    return VELO_OK;
fail:
    vl_free(head);
    vl_volume_close(volume);
    return st;
}

void
vl_volume_close(vl_volume *volume)
{
    if (volume == NULL)
        return;
    vl_space_destroy(volume->space);
    vl_free_map_deinit(&volume->map);
    vl_media_close(&volume->media);
    vl_free(volume->super_buffer);
    vl_free(volume);
}

const vl_superblock *
vl_volume_super(const vl_volume *volume)
{
    return &volume->supers[atomic_load_explicit(&volume->place, memory_order_acquire)];
}

int
vl_volume_has_damaged_super(const vl_volume *volume)
{
    return volume->has_damaged_super;
}

const char *
vl_volume_medium(const vl_volume *volume)
{
    return volume->media.name;
}

const char *
vl_volume_path(const vl_volume *volume)
{
    return vl_file_path(volume->media.file);
}

vl_file *
vl_volume_file(const vl_volume *volume)
{
    return volume->media.file;
}

/* ---- from reading to writing ---- */

/* Read the free space, and make what opening has read durable. With size_turn. Keeps U1. */
static velo_status
volume_make_ready(vl_ctx *ctx, vl_volume *volume)
{
    uint32_t place = atomic_load_explicit(&volume->place, memory_order_relaxed);
    uint64_t count = atomic_load_explicit(&volume->block_count, memory_order_relaxed);
    velo_status st = volume_allocate_supers(ctx, volume); /* a copy may have a hole there */

    if (st == VELO_OK)
        st = vl_media_prepare_stores(ctx, &volume->media, count * volume->block_size);
    if (st == VELO_OK)
        st = vl_free_map_load(ctx, volume);
    if (st != VELO_OK) { /* may be tried again */
        vl_space_destroy(volume->space);
        volume->space = NULL;
        vl_free_map_deinit(&volume->map);
        return st;
    }
    VL_TRY(vl_volume_write_super(ctx, volume, &volume->supers[place], place, 0));
    if (volume->supers[place].checkpoint == 1) { /* whoever created it may have been killed then */
        st = vl_path_sync_folder(ctx, volume->media.io, vl_volume_path(volume));
        if (st != VELO_OK)
            return vl_volume_break(ctx, volume, st);
    }
    vl_latch_acquire_exclusive(&volume->latch);
    vl_volume_settle(volume, 0);
    vl_latch_release_exclusive(&volume->latch);
    atomic_store_explicit(&volume->is_ready, 1, memory_order_release);
    return VELO_OK;
}

velo_status
vl_volume_make_writable(vl_ctx *ctx, vl_volume *volume)
{
    velo_status st;

    VL_TRY(vl_volume_check_writable(ctx, volume));
    if (atomic_load_explicit(&volume->is_ready, memory_order_acquire))
        return VELO_OK;
    vl_latch_acquire_exclusive(&volume->size_turn);
    st = vl_volume_check_writable(ctx, volume);
    if (st == VELO_OK && !atomic_load_explicit(&volume->is_ready, memory_order_acquire))
        st = volume_make_ready(ctx, volume);
    vl_latch_release_exclusive(&volume->size_turn);
    return st;
}

/* ---- reading ---- */

/* Refuse an extent that leaves the file. */
static velo_status
volume_check_extent(vl_ctx *ctx, const vl_volume *volume, const vl_extent *extent, const char *what,
                    uint64_t number)
{
    uint64_t count = atomic_load_explicit(&volume->block_count, memory_order_acquire);

    if (extent->address >= VL_SUPER_COUNT && extent->address < count && extent->length > 0 &&
        extent->length <= count - extent->address &&
        extent->length <= VL_VOLUME_MAX_IMAGE / volume->block_size)
        return VELO_OK;
    return vl_fail(ctx, VELO_CORRUPT,
                   "\"%s\": %s %" PRIu64 " cannot lie in %" PRIu32 " blocks from %" PRIu64
                   " on: the file has %" PRIu64,
                   vl_volume_path(volume), what, number, extent->length, extent->address, count);
}

/* Say what could not be read and where, in front of what the system says about it. */
static velo_status
volume_fail_read(vl_ctx *ctx, const vl_volume *volume, const vl_volume_read_item *item)
{
    vl_error cause = ctx->error;

    (void)vl_fail(ctx, cause.code, "\"%s\": %s %" PRIu64 ": block %" PRIu64 " cannot be read: %s",
                  vl_volume_path(volume), item->what, item->number, item->extent.address,
                  cause.text);
    ctx->error.os_error = cause.os_error;
    return cause.code;
}

/* Check an image. Keeps U4. */
static velo_status
volume_check_bytes(vl_ctx *ctx, const vl_volume *volume, const vl_extent *extent, const void *bytes,
                   const char *what, uint64_t number)
{
    uint64_t found = vl_hash64(bytes, (size_t)extent->length * volume->block_size, extent->address);

    if (VL_LIKELY(found == extent->checksum))
        return VELO_OK;
    return vl_fail(ctx, VELO_CORRUPT,
                   "\"%s\": %s %" PRIu64 ": block %" PRIu64 " is damaged: checksum %016" PRIx64
                   ", not %016" PRIx64,
                   vl_volume_path(volume), what, number, extent->address, found, extent->checksum);
}

/* Check what was read. */
static velo_status
volume_check_image(vl_ctx *ctx, const vl_volume *volume, const vl_volume_read_item *item)
{
    return volume_check_bytes(ctx, volume, &item->extent, item->buf, item->what, item->number);
}

velo_status
vl_volume_read(vl_ctx *ctx, vl_volume *volume, const vl_extent *extent, void *buf, const char *what,
               uint64_t number)
{
    vl_volume_read_item item = {
        .extent = *extent, .buf = buf, .what = what, .number = number, .status = VELO_OK};
    velo_status st;

    VL_TRY(volume_check_extent(ctx, volume, extent, what, number));
    st = vl_media_read(ctx, &volume->media, buf, (size_t)extent->length * volume->block_size,
                       extent->address * volume->block_size, NULL);
    if (st != VELO_OK)
        return volume_fail_read(ctx, volume, &item);
    return volume_check_image(ctx, volume, &item);
}

vl_volume_view
vl_volume_get_view(const vl_volume *volume)
{
    vl_volume_view view = {NULL, 0};
    uint64_t size = 0;

    view.base = vl_media_view(&volume->media, &size);
    if (view.base != NULL)
        view.block_count = size / volume->block_size;
    return view;
}

velo_status
vl_volume_check_in_place(vl_ctx *ctx, vl_volume *volume, const vl_extent *extent, const char *what,
                         uint64_t number, const void **image)
{
    *image = NULL;
    VL_TRY(volume_check_extent(ctx, volume, extent, what, number));
    *image = vl_media_at(&volume->media, extent->address * volume->block_size,
                         (uint64_t)extent->length * volume->block_size);
    if (*image == NULL)
        return VELO_OK;
    return volume_check_bytes(ctx, volume, extent, *image, what, number);
}

/* The status of an item whose request has run, or could not. */
static velo_status
volume_finish_read(vl_ctx *ctx, const vl_volume *volume, const vl_volume_read_item *item,
                   const vl_io_request *request)
{
    velo_status st = request->status;

    if (st == VELO_OK)
        return volume_check_image(ctx, volume, item);
    st = vl_io_request_fail(ctx, request);
    VL_ASSERT(st != VELO_OK);
    return volume_fail_read(ctx, volume, item);
}

/* Read up to VOLUME_BATCH items. The first failure goes to *first. */
static void
volume_read_some(vl_ctx *ctx, vl_volume *volume, vl_volume_read_item *items, uint32_t count,
                 vl_error *first)
{
    vl_io_request requests[VOLUME_BATCH];
    uint32_t used = 0;

    for (uint32_t i = 0; i < count; i++) {
        const vl_extent *extent = &items[i].extent;

        items[i].status = volume_check_extent(ctx, volume, extent, items[i].what, items[i].number);
        if (items[i].status == VELO_OK)
            requests[used++] = vl_media_request(&volume->media, VL_IO_READ, items[i].buf,
                                                (size_t)extent->length * volume->block_size,
                                                extent->address * volume->block_size);
        else if (first->code == VELO_OK)
            *first = ctx->error;
    }
    if (vl_media_run(ctx, &volume->media, requests, used) != VELO_OK)
        vl_error_clear(ctx); /* each request has its status */
    used = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (items[i].status != VELO_OK)
            continue;
        items[i].status = volume_finish_read(ctx, volume, &items[i], &requests[used++]);
        if (items[i].status != VELO_OK && first->code == VELO_OK)
            *first = ctx->error;
    }
}

velo_status
vl_volume_read_batch(vl_ctx *ctx, vl_volume *volume, vl_volume_read_item *items, uint32_t count)
{
    vl_error first = {.code = VELO_OK};

    for (uint32_t i = 0; i < count; i += VOLUME_BATCH)
        volume_read_some(ctx, volume, items + i,
                         count - i < VOLUME_BATCH ? count - i : VOLUME_BATCH, &first);
    vl_error_clear(ctx);
    if (first.code != VELO_OK)
        ctx->error = first;
    return first.code;
}

velo_status
vl_volume_read_start(vl_ctx *ctx, vl_volume *volume, vl_volume_reading *reading, int is_lazy)
{
    vl_volume_read_item *item = &reading->item;
    const vl_extent *extent = &item->extent;

    VL_TRY(volume_check_extent(ctx, volume, extent, item->what, item->number));
    reading->request = vl_media_request(&volume->media, VL_IO_READ, item->buf,
                                        (size_t)extent->length * volume->block_size,
                                        extent->address * volume->block_size);
    reading->request.user = reading;
    return vl_media_start(ctx, &volume->media, &reading->request, 1, is_lazy);
}

uint32_t
vl_volume_read_reap(vl_ctx *ctx, vl_volume *volume, uint32_t min, uint32_t max,
                    vl_volume_reading **done)
{
    vl_io_request *requests[VOLUME_BATCH];
    uint32_t count =
        vl_media_reap(ctx, &volume->media, min, max < VOLUME_BATCH ? max : VOLUME_BATCH, requests);

    for (uint32_t i = 0; i < count; i++)
        done[i] = requests[i]->user;
    return count;
}

velo_status
vl_volume_read_finish(vl_ctx *ctx, vl_volume *volume, vl_volume_reading *reading)
{
    reading->item.status = volume_finish_read(ctx, volume, &reading->item, &reading->request);
    return reading->item.status;
}

/* ---- writing ---- */

/* Whether these blocks may be written: in use, and not needed by the durable checkpoint. With the
 * latch. Keeps U2. */
static int
volume_may_write(vl_volume *volume, const vl_volume_write_item *item)
{
    if (item->address < VL_SUPER_COUNT || item->length == 0 ||
        item->address + item->length > vl_space_block_count(volume->space))
        return 0;
    for (uint32_t i = 0; i < item->length; i++) {
        uint32_t sets = vl_space_sets_of(volume->space, item->address + i);

        if (sets == 0 || (sets & VL_SPACE_DURABLE) != 0)
            return 0;
    }
    return 1;
}

/* Whether an item goes on where the one before it ends, on the medium and in memory. */
static int
volume_continues(const vl_volume *volume, const vl_volume_write_item *item)
{
    const vl_volume_write_item *before = item - 1;

    return before->address + before->length == item->address &&
           (uintptr_t)before->buf + (size_t)before->length * volume->block_size ==
               (uintptr_t)item->buf;
}

/* Make up to `room` requests of the items from *at on, and move *at behind them. Returns how many
 * requests there are. */
static uint32_t
volume_gather(vl_volume *volume, vl_volume_write_item *items, uint32_t count, uint32_t *at,
              vl_io_request *requests, uint32_t room)
{
    uint32_t used = 0;

    for (; *at < count; (*at)++) {
        vl_volume_write_item *item = &items[*at];
        uint32_t size = item->length * volume->block_size;

        item->checksum = vl_hash64(item->buf, size, item->address);
        if (used > 0 && volume_continues(volume, item) &&
            requests[used - 1].size + size <= VOLUME_MERGE_SIZE) {
            requests[used - 1].size += size;
            continue;
        }
        if (used == room)
            break;
        requests[used++] =
            vl_media_request(&volume->media, VL_IO_WRITE, (void *)(uintptr_t)item->buf, size,
                             item->address * volume->block_size);
    }
    return used;
}

/* Whether all of it may be written; what must never be written stops the process. Keeps U2. */
static velo_status
volume_check_write(vl_ctx *ctx, vl_volume *volume, const vl_volume_write_item *items,
                   uint32_t count)
{
    VL_CHECK(atomic_load_explicit(&volume->is_ready, memory_order_acquire));
    VL_TRY(vl_volume_check_writable(ctx, volume));
    vl_latch_acquire_exclusive(&volume->latch);
    for (uint32_t i = 0; i < count; i++)
        VL_CHECK(items[i].length <= VL_VOLUME_MAX_IMAGE / volume->block_size &&
                 volume_may_write(volume, &items[i]));
    vl_latch_release_exclusive(&volume->latch);
#if !VL_TSAN
    /* Orders what made the blocks free, the change of a page's word among it, before what is stored
     * to them: pairs with the fence of whoever reads one in place (vl_word_read_valid). */
    atomic_thread_fence(memory_order_release);
#endif
    return VELO_OK;
}

/* Run transfers of images. Keeps U3. */
static velo_status
volume_run_writes(vl_ctx *ctx, vl_volume *volume, vl_io_request *requests, uint32_t count)
{
    velo_status st = vl_media_run(ctx, &volume->media, requests, count);

    return st != VELO_OK && vl_media_has_failed(&volume->media) ? vl_volume_break(ctx, volume, st)
                                                                : st;
}

velo_status
vl_volume_write_batch(vl_ctx *ctx, vl_volume *volume, vl_volume_write_item *items, uint32_t count)
{
    vl_io_request requests[VOLUME_BATCH];
    uint32_t at = 0;

    VL_TRY(volume_check_write(ctx, volume, items, count));
    while (at < count) {
        uint32_t used = volume_gather(volume, items, count, &at, requests, VOLUME_BATCH);

        VL_TRY(volume_run_writes(ctx, volume, requests, used));
    }
    return VELO_OK;
}

velo_status
vl_volume_write_begin(vl_ctx *ctx, vl_volume *volume, vl_volume_write_item *items, uint32_t count,
                      vl_volume_writing *writing)
{
    uint32_t at = 0;

    VL_ASSERT(count > 0 && count <= VL_VOLUME_WRITES);
    writing->running = 0;
    VL_TRY(volume_check_write(ctx, volume, items, count));
    writing->count = volume_gather(volume, items, count, &at, writing->requests, VL_VOLUME_WRITES);
    if (vl_media_stores(&volume->media))
        return volume_run_writes(ctx, volume, writing->requests, writing->count);
    for (uint32_t i = 0; i < writing->count; i++)
        writing->requests[i].user = writing;
    VL_TRY(vl_media_start(ctx, &volume->media, writing->requests, writing->count, 0));
    writing->running = writing->count;
    return VELO_OK;
}

velo_status
vl_volume_write_end(vl_ctx *ctx, vl_volume *volume, vl_volume_writing *writing)
{
    vl_io_request *done[VL_VOLUME_WRITES];

    while (writing->running > 0) {
        uint32_t count = vl_media_reap(ctx, &volume->media, 1, VL_VOLUME_WRITES, done);

        for (uint32_t i = 0; i < count; i++)
            ((vl_volume_writing *)done[i]->user)->running--;
    }
    for (uint32_t i = 0; i < writing->count; i++)
        if (writing->requests[i].status != VELO_OK)
            return vl_io_request_fail(ctx, &writing->requests[i]);
    return VELO_OK;
}
