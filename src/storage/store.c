/* store.c - a database as storage sees it: open, close, the first change, checkpoints.
 *
 * Invariants
 *   ST1  Before the first record of a generation of the log is acknowledged, a superblock that
 *        names the generation is durable (hazard 5).
 *   ST2  A superblock that says VL_SUPER_CLEAN holds all that was committed: the log beside it, if
 *        a crash has left one, means nothing.
 *   ST3  A checkpoint holds no part of an operation whose other part it lacks: operations hold the
 *        gate, and the barrier comes while it is closed.
 *   ST4  Log is released only up to the barrier of a durable checkpoint. */
#include "storage/store.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/park.h"
#include "base/rank.h"
#include "storage/checkpoint.h"
#include "storage/writer_int.h"

#include <stdio.h>
#include <string.h>

/* A paced checkpoint is to be written while half of the log comes that makes the next one due. It
 * rests for so long at a time, and for so many such times between two batches: so that it goes on
 * by a MiB in 20 ms at least, or by a 64th of a small cache. */
#define STORE_PACE_NS    1000000
#define STORE_PACE_TIMES 20U

/* Limits of the log between checkpoints, if the owner set none. */
#define STORE_LOG_LEAST VL_BY_BUILD(UINT64_C(64) << 20, UINT64_C(1) << 16)
#define STORE_LOG_MOST  VL_BY_BUILD(UINT64_C(1) << 30, UINT64_C(1) << 20)

/* The first position of a log: those of commits are timestamps, of which 0 is none. */
#define STORE_LOG_START 8U

/* How often the background thread looks by itself. */
#define STORE_LOOK_NS 20000000

/* ---- checkpoints ---- */

/* Inside the barrier. */
static void
store_note(void *user)
{
    vl_store *store = user;

    store->checkpoint_note = vl_wal_tail(store->wal);
    vl_gate_open(&store->gate);
}

/* All pages are written: say what the superblock says beside them. */
static velo_status
store_fill(vl_ctx *ctx, void *user, vl_superblock *super)
{
    vl_store *store = user;

    /* A scan from the noted position must find the segment in which it lies (wal.h). */
    VL_TRY(vl_wal_flush(ctx, store->wal, store->checkpoint_note, 1));
    super->published = store->checkpoint_note;
    super->log_generation = store->log_generation;
    super->log_salt = store->log_salt;
    super->log_position = store->checkpoint_from;
    super->next_tree = atomic_load_explicit(&store->next_tree, memory_order_relaxed);
    memset(&super->inflight_root, 0, sizeof super->inflight_root);
    super->flags = store->super_flags | (store->has_list ? VL_SUPER_LISTED : 0);
    return VELO_OK;
}

/* The gate is closed: list what transactions that are open have changed. */
static velo_status
store_list(vl_ctx *ctx, vl_store *store)
{
    const vl_store_layer *layer = store->options.layer;
    uint64_t count = 0;

    store->checkpoint_from = vl_wal_tail(store->wal);
    if (layer != NULL && layer->list != NULL)
        VL_TRY(layer->list(ctx, layer->user, &count));
    store->has_list = count > 0;
    atomic_store_explicit(&store->list_bytes, vl_wal_tail(store->wal) - store->checkpoint_from,
                          memory_order_relaxed);
    return VELO_OK;
}

/* Keep frames free, as the background thread does. */
static void
store_tend_cache(vl_ctx *ctx, vl_store *store)
{
    vl_error before = ctx->error;

    if (vl_cache_tend(ctx, store->cache) == VELO_OK)
        atomic_store_explicit(&store->is_tending_told, 0, memory_order_relaxed);
    else if (atomic_exchange_explicit(&store->is_tending_told, 1, memory_order_relaxed) == 0)
        vl_log_write(store->log, VL_LOG_WARNING, ctx->error.code,
                     "changed pages could not be written ahead (told once until it succeeds): %s",
                     ctx->error.text);
    ctx->error = before;
}

/* Between two batches: rest while more is written than has to be by now, and others write. */
static void
store_pause(vl_ctx *ctx, void *user, uint32_t written, uint32_t total)
{
    vl_store *store = user;

    for (uint32_t i = 0; i < STORE_PACE_TIMES && store->pace_bytes != 0; i++) {
        uint32_t seen = vl_cache_rest_ticket(store->cache);
        vl_log_position tail = vl_wal_tail(store->wal);
        double due = (double)(tail - store->checkpoint_note) / (double)store->pace_bytes;

        if (due >= (double)written / (double)total || vl_cache_is_pressed(store->cache) ||
            atomic_load_explicit(&store->hurry, memory_order_seq_cst) != 0)
            return;
        store_tend_cache(ctx, store);
        vl_cache_rest(store->cache, seen, STORE_PACE_NS);
        if (vl_wal_tail(store->wal) == tail) /* nobody is in the way */
            return;
    }
}

/* Those who rest shall not. */
static void
store_begin_hurry(vl_store *store)
{
    atomic_fetch_add_explicit(&store->hurry, 1, memory_order_seq_cst);
    vl_cache_end_rest(store->cache);
}

void
vl_store_take_turn(vl_store *store)
{
    store_begin_hurry(store);
    vl_latch_acquire_exclusive(&store->checkpoint_turn);
    atomic_fetch_sub_explicit(&store->hurry, 1, memory_order_seq_cst);
}

/* Write a checkpoint; the caller has the turn. */
static velo_status
store_run_checkpoint(vl_ctx *ctx, vl_store *store)
{
    uint64_t before = store->checkpoint_note;
    velo_status st;

    if (!vl_gate_close(&store->gate))
        return vl_fail(ctx, VELO_BUSY, "a transaction of several operations is open");
    /* A transaction may have been left unfinished just before the gate closed. */
    st = vl_store_check_writable(ctx, store);
    if (st == VELO_OK)
        st = store_list(ctx, store);
    if (st != VELO_OK) {
        vl_gate_open(&store->gate);
        return st;
    }
    store->checkpoint_note = UINT64_MAX;
    st = vl_checkpoint_run_paced(ctx, store->cache, store_note, store_fill, store_pause, store);
    if (store->checkpoint_note == UINT64_MAX) {
        vl_gate_open(&store->gate); /* it has not come to the barrier */
        store->checkpoint_note = before;
    }
    if (st != VELO_OK)
        return st;
    atomic_store_explicit(&store->checkpoint_at, store->checkpoint_from, memory_order_release);
    atomic_fetch_add_explicit(&store->checkpoint_count, 1, memory_order_relaxed);
    return vl_wal_release(ctx, store->wal, store->checkpoint_from);
}

velo_status
vl_store_check_writable(vl_ctx *ctx, vl_store *store)
{
    vl_wal *wal;

    if (atomic_load_explicit(&store->is_broken, memory_order_acquire))
        return vl_fail(ctx, VELO_READONLY,
                       "a transaction was left unfinished: the database has to be "
                       "opened again before it can be changed");
    if (store->volume == NULL)
        return VELO_OK;
    VL_TRY(vl_volume_check_writable(ctx, store->volume));
    wal = vl_store_wal(store);
    return wal != NULL ? vl_wal_check(ctx, wal) : VELO_OK;
}

velo_status
vl_store_checkpoint(vl_ctx *ctx, vl_store *store)
{
    velo_status st;

    if (store->volume == NULL)
        return VELO_OK;
    VL_TRY(vl_store_make_ready(ctx, store));
    vl_store_take_turn(store);
    st = vl_store_check_writable(ctx, store);
    if (st == VELO_OK)
        st = store_run_checkpoint(ctx, store);
    vl_latch_release_exclusive(&store->checkpoint_turn);
    return st;
}

/* Length of log from which on a checkpoint is due. */
static uint64_t
store_log_limit(vl_store *store)
{
    vl_cache_stats stats;
    uint64_t dirty_bytes;

    if (store->options.log_limit_bytes != 0)
        return store->options.log_limit_bytes;
    vl_cache_get_stats(store->cache, &stats);
    dirty_bytes = 2 * stats.dirty_count * store->page_size;
    if (dirty_bytes < STORE_LOG_LEAST)
        return STORE_LOG_LEAST;
    return dirty_bytes < STORE_LOG_MOST ? dirty_bytes : STORE_LOG_MOST;
}

/* Whether a checkpoint is due. */
static int
store_is_due(vl_store *store)
{
    /* In this order: the tail is never before a checkpoint that was seen. */
    uint64_t since = atomic_load_explicit(&store->checkpoint_at, memory_order_acquire);
    uint64_t tail = vl_wal_tail(store->wal);
    uint64_t list = atomic_load_explicit(&store->list_bytes, memory_order_relaxed);
    uint64_t quiet = atomic_load_explicit(&store->quiet_until, memory_order_relaxed);

    /* Numbers of the cache are looked at only when there is some log. */
    if (tail - since < STORE_LOG_LEAST && store->options.log_limit_bytes == 0)
        return 0;
    /* The list of a large transaction's changes is written with each checkpoint: the next one is
     * due when as much log has come after it as it took, so that all lists together are no longer
     * than what they list. */
    if (tail - since < 2 * list)
        return 0;
    return tail >= quiet && tail - since >= list + store_log_limit(store);
}

/* Write a checkpoint that seems to be due, unless somebody is at it. */
static void
store_checkpoint_due(vl_ctx *ctx, vl_store *store)
{
    vl_error before = ctx->error;
    velo_status st = VELO_OK;

    if (vl_gate_is_held_long(&store->gate) || !vl_latch_try_exclusive(&store->checkpoint_turn))
        return;
    if (store_is_due(store) && vl_store_check_writable(ctx, store) == VELO_OK) {
        store->pace_bytes = store->options.has_background ? store_log_limit(store) / 2 : 0;
        st = store_run_checkpoint(ctx, store);
        store->pace_bytes = 0;
        if (st != VELO_OK && st != VELO_BUSY) {
            atomic_store_explicit(&store->quiet_until,
                                  vl_wal_tail(store->wal) + store_log_limit(store) / 4,
                                  memory_order_relaxed);
            vl_log_write(ctx->log, VL_LOG_WARNING, st,
                         "a checkpoint could not be written, and is tried again later: %s",
                         ctx->error.text);
        }
    }
    vl_latch_release_exclusive(&store->checkpoint_turn);
    ctx->error = before;
}

int
vl_store_wants_helper(vl_store *store)
{
    return atomic_load_explicit(&store->is_stopping, memory_order_acquire) ||
           (store->volume != NULL && store_is_due(store));
}

void
vl_store_tend(vl_ctx *ctx, vl_store *store)
{
    if (store->volume == NULL || VL_LIKELY(!store_is_due(store)))
        return;
    if (!store->background.is_started)
        store_checkpoint_due(ctx, store);
    else if (!vl_event_is_set(&store->wake))
        vl_event_set(&store->wake);
}

static void
store_background_main(void *argument)
{
    vl_store *store = argument;
    vl_ctx ctx;

    vl_ctx_init(&ctx, store->allocator, store->log);
    while (!atomic_load_explicit(&store->is_stopping, memory_order_acquire)) {
        (void)vl_event_wait(&store->wake, STORE_LOOK_NS);
        vl_event_reset(&store->wake);
        if (atomic_load_explicit(&store->phase, memory_order_acquire) != VL_STORE_WRITING)
            continue;
        store_tend_cache(&ctx, store);
        if (store_is_due(store))
            store_checkpoint_due(&ctx, store);
        if (store->options.layer != NULL && store->options.layer->tend != NULL)
            store->options.layer->tend(&ctx, store->options.layer->user);
    }
}

/* Start the thread if one was asked for: before the first change, since it has nothing to do until
 * then, and who only reads need not wait for its start and end. Nobody else looks whether it is
 * started before the phase says that the store is being written to. */
static velo_status
store_start_background(vl_ctx *ctx, vl_store *store)
{
    if (!store->options.has_background || store->options.is_read_only ||
        store->background.is_started)
        return VELO_OK;
    return vl_thread_start(ctx, &store->background, "velocidb", store_background_main, store);
}

/* ---- the first change ---- */

velo_status
vl_store_begin_log(vl_ctx *ctx, vl_store *store, vl_log_position start)
{
    const vl_superblock *super = vl_volume_super(store->volume);
    vl_wal_options options = {.io = store->io, .path = store->wal_path};
    velo_status st;

    VL_TRY(vl_volume_make_writable(ctx, store->volume));
    VL_TRY(vl_io_random(ctx, store->io, &options.identity.salt, sizeof options.identity.salt));
    memcpy(options.identity.database_id, super->database_id, sizeof super->database_id);
    options.identity.generation = super->log_generation + 1;
    options.like = vl_volume_file(store->volume);
    options.start = start > STORE_LOG_START ? start : STORE_LOG_START;
    options.ring_bytes = store->options.log_ring_bytes;
    options.method = store->options.durable_method;
    options.medium = store->options.log_medium;
    options.preallocation = VL_PREALLOC_WRITTEN;
    VL_TRY(vl_directory_create(ctx, store));
    VL_TRY(vl_wal_create(ctx, &options, &store->wal));
    store->log_generation = options.identity.generation;
    store->log_salt = options.identity.salt;
    store->super_flags = 0;
    st = store_run_checkpoint(ctx, store);
    if (st == VELO_OK)
        st = vl_wal_release_old(ctx, store->wal);
    if (st != VELO_OK) {
        vl_wal_close(store->wal);
        store->wal = NULL;
    }
    return st;
}

/* Go on with drops that were cut short when the database was last open. */
static void
store_finish_drops(vl_ctx *ctx, vl_store *store)
{
    vl_error before = ctx->error;
    int is_done = 0;

    while (!is_done)
        if (vl_directory_drop_step(ctx, store->own, &is_done) != VELO_OK) {
            vl_log_write(ctx->log, VL_LOG_WARNING, ctx->error.code,
                         "returning the pages of a dropped tree is postponed: %s", ctx->error.text);
            break;
        }
    ctx->error = before;
}

velo_status
vl_store_make_ready(vl_ctx *ctx, vl_store *store)
{
    uint32_t phase = atomic_load_explicit(&store->phase, memory_order_acquire);
    velo_status st;

    while (VL_UNLIKELY(phase != VL_STORE_WRITING)) {
        if (store->options.is_read_only)
            return vl_fail(ctx, VELO_READONLY, "%s is open for reading only",
                           vl_volume_path(store->volume));
        if (phase == VL_STORE_IDLE &&
            atomic_compare_exchange_strong_explicit(&store->phase, &phase, VL_STORE_BEGINNING,
                                                    memory_order_acquire, memory_order_acquire)) {
            st = store_start_background(ctx, store);
            if (st == VELO_OK)
                st = vl_store_begin_log(ctx, store, vl_volume_super(store->volume)->log_position);
            if (st == VELO_OK)
                store_finish_drops(ctx, store);
            atomic_store_explicit(&store->phase, st == VELO_OK ? VL_STORE_WRITING : VL_STORE_IDLE,
                                  memory_order_release);
            vl_unpark(&store->phase, INT32_MAX);
            return st;
        }
        if (phase == VL_STORE_BEGINNING)
            (void)vl_park(&store->phase, VL_STORE_BEGINNING, VL_PARK_FOREVER);
        phase = atomic_load_explicit(&store->phase, memory_order_acquire);
    }
    return vl_store_check_writable(ctx, store);
}

/* ---- opening ---- */

static velo_status
store_open_volume(vl_ctx *ctx, vl_store *store, const char *path)
{
    vl_volume_options options = {.page_size = store->options.page_size,
                                 .may_create = store->options.may_create,
                                 .is_read_only = store->options.is_read_only,
                                 .is_direct = store->options.is_direct,
                                 .medium = store->options.data_medium};
    size_t size = strlen(path);

    options.lock = options.is_read_only ? VL_LOCK_SHARED : VL_LOCK_EXCLUSIVE;
    options.lock_at = VL_STORE_LOCK_AT;
    if (size + sizeof "-wal" > VL_PATH_SIZE)
        return vl_fail(ctx, VELO_CANTOPEN_FULLPATH, "the path %.100s... is too long", path);
    store->wal_path = vl_alloc(ctx, size + sizeof "-wal");
    if (store->wal_path == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the path of the log");
    memcpy(store->wal_path, path, size);
    memcpy(store->wal_path + size, "-wal", sizeof "-wal");
    VL_TRY(vl_volume_open(ctx, store->io, path, &options, &store->volume));
    store->page_size = vl_volume_super(store->volume)->page_size;
    return VELO_OK;
}

static velo_status
store_make_cache(vl_ctx *ctx, vl_store *store)
{
    vl_cache_options options = {.volume = store->volume,
                                .page_size = store->page_size,
                                .budget_bytes = store->options.cache_bytes,
                                .has_background = store->options.has_background};
    const vl_store_layer *layer = store->options.layer;
    vl_cache_hooks hooks;

    if (layer != NULL) {
        hooks = (vl_cache_hooks){layer->user, layer->keep, layer->bring};
        options.hooks = &hooks;
    }
    VL_TRY(vl_cache_create(ctx, &options, &store->cache));
    VL_TRY(vl_writer_create(ctx, store, &store->own));
    store->own->is_silent = 1;
    return VELO_OK;
}

/* A database in memory has a log that counts positions and keeps nothing. */
static velo_status
store_begin_in_memory(vl_ctx *ctx, vl_store *store)
{
    vl_wal_options options = {.start = STORE_LOG_START,
                              .ring_bytes = store->options.log_ring_bytes};

    options.identity.generation = 1;
    VL_TRY(vl_wal_create(ctx, &options, &store->wal));
    VL_TRY(vl_directory_create(ctx, store));
    atomic_store_explicit(&store->phase, VL_STORE_WRITING, memory_order_release);
    return VELO_OK;
}

/* The log is behind the superblock: apply it. */
static velo_status
store_recover(vl_ctx *ctx, vl_store *store)
{
    vl_log_position end;

    if (store->options.is_read_only)
        return vl_fail(ctx, VELO_READONLY_RECOVERY,
                       "%s was not closed cleanly: it has to be opened for writing once",
                       vl_volume_path(store->volume));
    VL_TRY(vl_volume_make_writable(ctx, store->volume));
    VL_TRY(vl_recovery_run(ctx, store, &end));
    VL_TRY(vl_store_begin_log(ctx, store, end));
    store_finish_drops(ctx, store);
    atomic_store_explicit(&store->phase, VL_STORE_WRITING, memory_order_release);
    return VELO_OK;
}

/* When one superblock is damaged, it may have been the newer one: then log behind it may be missing
 * in what the older one leads to, and commits would be lost without a word. Only of a database that
 * was closed cleanly and has no log is it known that the newer one is whole. */
static velo_status
store_check_supers(vl_ctx *ctx, vl_store *store)
{
    int has_log = 1;

    if (!vl_volume_has_damaged_super(store->volume))
        return VELO_OK;
    if ((vl_volume_super(store->volume)->flags & VL_SUPER_CLEAN) != 0)
        VL_TRY(vl_path_exists(ctx, store->io, store->wal_path, &has_log));
    if (!has_log)
        return VELO_OK;
    return vl_fail(
        ctx, VELO_CORRUPT,
        "\"%s\" was not closed cleanly, and one of its superblocks is damaged: the other "
        "one may be too old for the log \"%s\"",
        vl_volume_path(store->volume), store->wal_path);
}

/* Make the store's content available. */
static velo_status
store_begin(vl_ctx *ctx, vl_store *store)
{
    const vl_superblock *super;

    VL_TRY(store_make_cache(ctx, store));
    if (store->volume == NULL)
        return store_begin_in_memory(ctx, store);
    VL_TRY(store_check_supers(ctx, store));
    super = vl_volume_super(store->volume);
    if (super->log_position % 8 != 0 || super->log_position > VL_LOG_POSITION_MAX)
        return vl_fail(ctx, VELO_CORRUPT,
                       "\"%s\": its superblock names a log position that is none",
                       vl_volume_path(store->volume));
    atomic_store_explicit(&store->checkpoint_at, super->log_position, memory_order_relaxed);
    if (super->next_tree > VL_STORE_FIRST_TREE)
        atomic_store_explicit(&store->next_tree, super->next_tree, memory_order_relaxed);
    if (super->map_root.length != 0)
        VL_TRY(vl_directory_load(ctx, store));
    else if ((super->flags & VL_SUPER_CLEAN) == 0)
        return vl_fail(ctx, VELO_CORRUPT, "\"%s\": its superblock names a log, but no pages",
                       vl_volume_path(store->volume));
    if ((super->flags & VL_SUPER_CLEAN) != 0)
        return VELO_OK;
    VL_TRY(store_recover(ctx, store));
    return store_start_background(ctx, store);
}

velo_status
vl_store_open(vl_ctx *ctx, vl_io *io, const char *path, const vl_store_options *options,
              vl_store **out)
{
    vl_store *store = vl_alloc_zero(ctx, sizeof *store);
    velo_status st = VELO_OK;

    *out = NULL;
    if (store == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a database");
    if (options != NULL)
        store->options = *options;
    store->io = io;
    store->allocator = ctx->allocator;
    store->log = ctx->log;
    if (store->options.log_ring_bytes == 0)
        store->options.log_ring_bytes = VL_STORE_RING_BYTES;
    store->page_size =
        store->options.page_size != 0 ? store->options.page_size : VL_PAGE_DEFAULT_SIZE;
    vl_latch_init(&store->latch, VL_RANK_STORE);
    vl_latch_init(&store->checkpoint_turn, VL_RANK_NONE);
    vl_latch_init(&store->drop_turn, VL_RANK_NONE);
    vl_latch_init(&store->mark_turn, VL_RANK_NONE);
    vl_gate_init(&store->gate);
    vl_event_init(&store->wake);
    store->spares =
        vl_alloc_aligned(ctx, VL_STORE_SPARE_WORKS * sizeof *store->spares, VL_CACHE_LINE_SIZE);
    atomic_init(&store->next_txn, 1);
    atomic_init(&store->next_tree, VL_STORE_FIRST_TREE);
    if (store->spares == NULL)
        st = vl_fail(ctx, VELO_NOMEM, "cannot allocate a database");
    else
        memset(store->spares, 0, VL_STORE_SPARE_WORKS * sizeof *store->spares);
    if (st == VELO_OK && !vl_page_size_is_valid(store->page_size))
        st = vl_fail(ctx, VELO_RANGE, "pages of %u bytes are not possible", store->page_size);
    if (st == VELO_OK && path != NULL)
        st = store_open_volume(ctx, store, path);
    if (st == VELO_OK)
        st = store_begin(ctx, store);
    if (st != VELO_OK) {
        vl_store_abandon(store);
        return st;
    }
    *out = store;
    return VELO_OK;
}

/* ---- closing ---- */

void
vl_store_stop_background(vl_store *store)
{
    atomic_store_explicit(&store->is_stopping, 1, memory_order_release);
    if (store->background.is_started) { /* else the store may be half built */
        store_begin_hurry(store);
        vl_event_set(&store->wake);
    }
    vl_thread_join(&store->background);
}

void
vl_store_abandon(vl_store *store)
{
    if (store == NULL)
        return;
    vl_store_stop_background(store);
    vl_writer_destroy(store->own);
    for (uint32_t i = 0; i < VL_STORE_SPARE_WORKS && store->spares != NULL; i++)
        vl_tree_work_destroy(atomic_load_explicit(&store->spares[i].work, memory_order_relaxed));
    vl_free(store->spares);
    vl_directory_unload(store);
    vl_wal_close(store->wal);
    vl_cache_destroy(store->cache);
    vl_volume_close(store->volume);
    vl_free(store->wal_path);
    vl_free(store);
}

/* Write the last checkpoint, and take the log away. */
static velo_status
store_finish(vl_ctx *ctx, vl_store *store)
{
    VL_TRY(vl_store_check_writable(ctx, store));
    store->super_flags = VL_SUPER_CLEAN;
    VL_TRY(store_run_checkpoint(ctx, store));
    vl_wal_close(store->wal);
    store->wal = NULL;
    return vl_wal_delete(ctx, store->io, store->wal_path);
}

velo_status
vl_store_close(vl_ctx *ctx, vl_store *store)
{
    velo_status st = VELO_OK;

    if (store == NULL)
        return VELO_OK;
    vl_store_stop_background(store);
    if (store->volume != NULL &&
        atomic_load_explicit(&store->phase, memory_order_acquire) == VL_STORE_WRITING)
        st = store_finish(ctx, store);
    vl_store_abandon(store);
    return st;
}

/* ---- numbers ---- */

vl_cache *
vl_store_cache(const vl_store *store)
{
    return store->cache;
}

vl_wal *
vl_store_wal(const vl_store *store)
{
    return atomic_load_explicit(&store->phase, memory_order_acquire) == VL_STORE_WRITING
               ? store->wal
               : NULL;
}

void
vl_store_get_stats(vl_store *store, vl_store_stats *stats)
{
    vl_wal *wal = vl_store_wal(store);
    uint64_t since = atomic_load_explicit(&store->checkpoint_at, memory_order_acquire);

    memset(stats, 0, sizeof *stats);
    stats->data_medium = store->volume == NULL ? "memory" : vl_volume_medium(store->volume);
    vl_cache_get_stats(store->cache, &stats->cache);
    if (wal != NULL) {
        vl_wal_get_stats(wal, &stats->log);
        stats->log_bytes = vl_wal_tail(wal) - since;
    }
    stats->next_tree = atomic_load_explicit(&store->next_tree, memory_order_relaxed);
    stats->checkpoint_count = atomic_load_explicit(&store->checkpoint_count, memory_order_relaxed);
    stats->recovered_count = store->recovered_count;
    stats->recovered_lost = store->recovered_lost;
}
