/* os_batch.c - queues of requests, each thread's own queue, and registered buffers.
 *
 * A thread's own queues stand in a small table in thread-local storage, found by the backend's
 * number, which is never used twice: an entry of a backend that was closed meanwhile finds nobody.
 *
 * Invariants
 *   B1  A queue in a backend's list of thread queues is closed exactly once: by the thread's end,
 *       by eviction from the thread's table, or by the backend's close, each under batch_latch.
 *   B2  pending counts what was submitted and not reaped; complete_count <= pending.
 *   B3  A request is BATCH_RUNNING from submission until vl_io_queue_complete.
 *   B4  What was submitted lazily is handed over by the next reap at the latest: it polls, even
 *       when enough is complete. */
#include "os/io.h"

#include "base/assert.h"
#include "base/atomic.h"
#include "base/rank.h"
#include "os/io_int.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

/* Status of a request that is not complete. */
#define BATCH_RUNNING VELO_BUSY

/* Backends of which one thread keeps a queue at a time; with more, the oldest idle one goes. */
#define BATCH_THREAD_QUEUES 8

typedef struct batch_entry {
    uint64_t io_id;     /* of the backend; 0 for an unused entry */
    vl_io_queue *queue; /* lives while that backend is open */
} batch_entry;

static _Thread_local struct {
    batch_entry entries[BATCH_THREAD_QUEUES]; /* this thread's queues */
    unsigned next_victim;                     /* which to look at first for eviction */
} batch_thread;

static vl_latch batch_latch;    /* guards the list and every io's thread_queues */
static vl_io *batch_open_ios;   /* all open backends */
static pthread_key_t batch_key; /* its destructor runs at a thread's end */
static int batch_has_key;       /* it could be made; written before the once-guard opens */
static pthread_once_t batch_once = PTHREAD_ONCE_INIT;

/* ---- the life of queues ---- */

static velo_status
batch_queue_create(vl_ctx *ctx, vl_io *io, uint32_t depth, vl_io_queue **out)
{
    vl_io_queue *queue = vl_allocator_alloc(io->allocator, io->ops->queue_size, VL_ALLOC_ALIGN);
    int error;

    *out = NULL;
    if (queue == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate an I/O queue");
    memset(queue, 0, io->ops->queue_size);
    queue->io = io;
    queue->depth = depth != 0 ? depth : io->queue_depth;
    error = io->ops->queue_open(queue);
    if (error != 0) {
        vl_free(queue);
        return vl_fail_os(ctx, error == ENOMEM ? VELO_NOMEM : VELO_IOERR, error,
                          "cannot open an I/O queue");
    }
    *out = queue;
    return VELO_OK;
}

velo_status
vl_io_queue_open(vl_ctx *ctx, vl_io *io, uint32_t depth, vl_io_queue **out)
{
    return batch_queue_create(ctx, io, depth, out);
}

/* Wait for what is in flight, which nobody will reap, and close. */
static void
batch_queue_destroy(vl_io_queue *queue)
{
    while (queue->complete_count < queue->pending && queue->io->ops->queue_poll(queue, 1) == 0)
        continue;
    queue->io->ops->queue_close(queue);
    vl_free(queue);
}

void
vl_io_queue_close(vl_io_queue *queue)
{
    if (queue == NULL)
        return;
    VL_ASSERT(!queue->is_thread_queue);
    batch_queue_destroy(queue);
}

/* Close one of this thread's queues if its backend still lives. Keeps B1. */
static void
batch_entry_close(batch_entry *entry)
{
    vl_io **link;
    vl_io_queue **queue_link;

    if (entry->io_id == 0)
        return;
    vl_latch_acquire_exclusive(&batch_latch);
    for (link = &batch_open_ios; *link != NULL && (*link)->id != entry->io_id;)
        link = &(*link)->next_io;
    if (*link != NULL) {
        for (queue_link = &(*link)->thread_queues; *queue_link != entry->queue;)
            queue_link = &(*queue_link)->next_queue;
        *queue_link = entry->queue->next_queue;
        batch_queue_destroy(entry->queue); /* under the latch: a close of the backend waits */
    }
    vl_latch_release_exclusive(&batch_latch);
    entry->io_id = 0;
    entry->queue = NULL;
}

/* Runs at the end of each thread that had queues. */
static void
batch_thread_end(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < BATCH_THREAD_QUEUES; i++)
        batch_entry_close(&batch_thread.entries[i]);
}

static void
batch_init(void)
{
    vl_latch_init(&batch_latch, VL_RANK_OS_THREADS);
    batch_has_key = pthread_key_create(&batch_key, batch_thread_end) == 0;
}

void
vl_io_enlist(vl_io *io)
{
    (void)pthread_once(&batch_once, batch_init);
    vl_latch_acquire_exclusive(&batch_latch);
    io->next_io = batch_open_ios;
    batch_open_ios = io;
    vl_latch_release_exclusive(&batch_latch);
}

void
vl_io_delist(vl_io *io)
{
    vl_io **link;
    vl_io_queue *queue;

    vl_latch_acquire_exclusive(&batch_latch);
    for (link = &batch_open_ios; *link != io;)
        link = &(*link)->next_io;
    *link = io->next_io;
    while ((queue = io->thread_queues) != NULL) {
        io->thread_queues = queue->next_queue;
        VL_ASSERT(queue->pending == 0);
        batch_queue_destroy(queue);
    }
    vl_latch_release_exclusive(&batch_latch);
}

/* An entry of this thread's table for a new queue: an unused one, or one whose queue is idle and
 * is closed for it. NULL when all are busy. */
static batch_entry *
batch_entry_get(void)
{
    for (unsigned i = 0; i < BATCH_THREAD_QUEUES; i++)
        if (batch_thread.entries[i].io_id == 0)
            return &batch_thread.entries[i];
    for (unsigned i = 0; i < BATCH_THREAD_QUEUES; i++) {
        batch_entry *entry = &batch_thread.entries[batch_thread.next_victim];
        int is_idle = 1;
        vl_io *io;

        batch_thread.next_victim = (batch_thread.next_victim + 1) % BATCH_THREAD_QUEUES;
        vl_latch_acquire_shared(&batch_latch);
        for (io = batch_open_ios; io != NULL && io->id != entry->io_id;)
            io = io->next_io;
        if (io != NULL)
            is_idle = entry->queue->pending == 0;
        vl_latch_release_shared(&batch_latch);
        if (is_idle) {
            batch_entry_close(entry);
            return entry;
        }
    }
    return NULL;
}

velo_status
vl_io_thread_queue(vl_ctx *ctx, vl_io *io, vl_io_queue **out)
{
    batch_entry *entry;

    *out = NULL;
    for (unsigned i = 0; i < BATCH_THREAD_QUEUES; i++) {
        if (batch_thread.entries[i].io_id == io->id) {
            *out = batch_thread.entries[i].queue;
            return VELO_OK;
        }
    }
    entry = batch_entry_get();
    if (entry == NULL)
        return vl_fail(ctx, VELO_BUSY, "this thread has batches under way on %d databases",
                       BATCH_THREAD_QUEUES);
    /* The value only has to differ from NULL for the destructor to run. */
    if (!batch_has_key || pthread_setspecific(batch_key, &batch_latch) != 0)
        return vl_fail(ctx, VELO_NOMEM, "cannot note the thread's I/O queue");
    VL_TRY(batch_queue_create(ctx, io, 0, out));
    (*out)->is_thread_queue = 1;
    vl_latch_acquire_exclusive(&batch_latch);
    (*out)->next_queue = io->thread_queues;
    io->thread_queues = *out;
    vl_latch_release_exclusive(&batch_latch);
    entry->io_id = io->id;
    entry->queue = *out;
    return VELO_OK;
}

/* ---- submitting and reaping ---- */

/* Number of requests of the chain that starts at the first one: those linked, and the last. */
static uint32_t
batch_chain_length(const vl_io_request *requests, uint32_t count)
{
    uint32_t length = 1;

    while (length < count && (requests[length - 1].flags & VL_IO_LINK) != 0)
        length++;
    return length;
}

/* The error with which a request is bound to fail, since it would sync a file of which an earlier
 * sync failed (D5); 0 for none. */
static int
batch_sync_error(const vl_io_request *request)
{
    if (request->op != VL_IO_SYNC && (request->flags & VL_IO_DURABLE) == 0)
        return 0;
    return atomic_load_explicit(&request->file->sync_error, memory_order_acquire);
}

static int
batch_chain_must_fail(const vl_io_request *requests, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        if (batch_sync_error(&requests[i]) != 0)
            return 1;
    return 0;
}

/* Complete a chain that is bound to fail: with the earlier error for those that would sync that
 * very file, cancelled for the others, before and behind it. */
static void
batch_chain_refuse(vl_io_queue *queue, vl_io_request *requests, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        int error = batch_sync_error(&requests[i]);

        vl_io_queue_complete(queue, &requests[i], error != 0 ? error : ECANCELED);
    }
}

static void
batch_prepare(vl_io_queue *queue, vl_io_request *requests, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        vl_io_request *request = &requests[i];

        VL_ASSERT(request->file != NULL && request->file->io == queue->io);
        VL_ASSERT((request->size > 0) == (request->op != VL_IO_SYNC));
        VL_ASSERT(request->offset <= (uint64_t)INT64_MAX - request->size);
        request->status = BATCH_RUNNING; /* keeps B3 */
        request->os_error = 0;
        request->moved = 0;
        request->next = NULL;
    }
    requests[count - 1].flags &= ~VL_IO_LINK; /* nothing follows in this call */
    queue->pending += count;                  /* keeps B2 */
}

/* Give a run of requests to the backend; on failure complete what it did not. */
static velo_status
batch_start(vl_ctx *ctx, vl_io_queue *queue, vl_io_request *requests, uint32_t count)
{
    int error;

    if (count == 0)
        return VELO_OK;
    error = queue->io->ops->queue_submit(queue, requests, count);
    if (error == 0)
        return VELO_OK;
    for (uint32_t i = 0; i < count; i++)
        if (requests[i].status == BATCH_RUNNING)
            vl_io_queue_complete(queue, &requests[i],
                                 ECANCELED); /* never begun, so no sync failed */
    return vl_fail_os(ctx, VELO_IOERR, error, "cannot submit %u transfers to %s", count,
                      queue->io->ops->name);
}

/* Wait until `wait` more requests are complete, or look without waiting. */
static velo_status
batch_poll(vl_ctx *ctx, vl_io_queue *queue, uint32_t wait)
{
    int error = queue->io->ops->queue_poll(queue, wait);

    VL_ASSERT(queue->complete_count <= queue->pending); /* B2 */
    if (error != 0)
        return vl_fail_os(ctx, VELO_IOERR, error, "cannot wait for transfers of %s",
                          queue->io->ops->name);
    return VELO_OK;
}

/* Number of requests that are not complete. */
static uint32_t
batch_running(const vl_io_request *requests, uint32_t count)
{
    uint32_t running = 0;

    for (uint32_t i = 0; i < count; i++)
        running += requests[i].status == BATCH_RUNNING;
    return running;
}

/* Wait until the requests are complete. There is no way out before: the kernel may be writing into
 * buffers that the caller takes for its own afterwards. So a ring that cannot even be waited for
 * stops the process. */
static void
batch_wait(vl_ctx *ctx, vl_io_queue *queue, const vl_io_request *requests, uint32_t count)
{
    for (uint32_t running = batch_running(requests, count); running > 0;
         running = batch_running(requests, count))
        VL_CHECK(batch_poll(ctx, queue, running) == VELO_OK);
}

/* Start the requests of [start, end), unless one of the call's earlier runs failed. */
static void
batch_start_run(vl_ctx *ctx, vl_io_queue *queue, vl_io_request *requests, uint32_t start,
                uint32_t end, velo_status *st)
{
    if (*st == VELO_OK) {
        *st = batch_start(ctx, queue, requests + start, end - start);
        return;
    }
    for (uint32_t i = start; i < end; i++)
        vl_io_queue_complete(queue, &requests[i], ECANCELED);
}

velo_status
vl_io_queue_submit(vl_ctx *ctx, vl_io_queue *queue, vl_io_request *requests, uint32_t count)
{
    uint32_t start = 0; /* first request not yet given to the backend */
    uint32_t at = 0;    /* start of the chain looked at */
    velo_status st = VELO_OK;

    if (count == 0)
        return VELO_OK;
    queue->has_unsent = queue->will_poll; /* the backend hands over all it has */
    batch_prepare(queue, requests, count);
    while (at < count) {
        uint32_t length = batch_chain_length(requests + at, count - at);

        if (batch_chain_must_fail(requests + at, length)) {
            batch_start_run(ctx, queue, requests, start, at, &st);
            batch_chain_refuse(queue, requests + at, length);
            start = at + length;
        }
        at += length;
    }
    batch_start_run(ctx, queue, requests, start, count, &st);
    if (st != VELO_OK) {
        vl_error failure = ctx->error; /* waiting may not replace it */

        batch_wait(ctx, queue, requests, count);
        ctx->error = failure;
    }
    return st;
}

velo_status
vl_io_queue_submit_lazily(vl_ctx *ctx, vl_io_queue *queue, vl_io_request *requests, uint32_t count)
{
    velo_status st;

    queue->will_poll = 1;
    st = vl_io_queue_submit(ctx, queue, requests, count);
    queue->will_poll = 0;
    return st;
}

velo_status
vl_io_queue_reap(vl_ctx *ctx, vl_io_queue *queue, uint32_t min, uint32_t max, vl_io_request **done,
                 uint32_t *done_count)
{
    *done_count = 0;
    if (min > max)
        min = max;
    if (queue->pending > 0 && (queue->has_unsent || (queue->complete_count == 0 && min == 0)))
        VL_TRY(
            batch_poll(ctx, queue, queue->complete_count < min ? min - queue->complete_count : 0));
    queue->has_unsent = 0;
    while (queue->complete_count < min && queue->complete_count < queue->pending)
        VL_TRY(batch_poll(ctx, queue, min - queue->complete_count));
    while (*done_count < max && queue->first != NULL) {
        done[(*done_count)++] = queue->first;
        queue->first = queue->first->next;
        queue->complete_count--;
        queue->pending--;
    }
    return VELO_OK;
}

uint32_t
vl_io_queue_pending(const vl_io_queue *queue)
{
    return queue->pending;
}

/* ---- batches ---- */

static int
batch_is_own(const vl_io_request *request, const vl_io_request *requests, uint32_t count)
{
    return (uintptr_t)request >= (uintptr_t)requests &&
           (uintptr_t)request < (uintptr_t)(requests + count);
}

/* Take the batch's requests off the list of completed ones, leaving others'. */
static void
batch_unlist(vl_io_queue *queue, const vl_io_request *requests, uint32_t count)
{
    vl_io_request **link = &queue->first;
    vl_io_request *kept = NULL;

    while (*link != NULL) {
        if (batch_is_own(*link, requests, count)) {
            *link = (*link)->next;
            queue->complete_count--;
            queue->pending--;
        } else {
            kept = *link;
            link = &kept->next;
        }
    }
    queue->last = kept;
}

/* The first failure, those that are not mere cancellations first. */
static velo_status
batch_result(vl_ctx *ctx, const vl_io_request *requests, uint32_t count)
{
    const vl_io_request *cancelled = NULL;

    for (uint32_t i = 0; i < count; i++) {
        if (requests[i].status == VELO_OK)
            continue;
        if (requests[i].status != VELO_ABORT)
            return vl_io_request_fail(ctx, &requests[i]);
        if (cancelled == NULL)
            cancelled = &requests[i];
    }
    return cancelled != NULL ? vl_io_request_fail(ctx, cancelled) : VELO_OK;
}

velo_status
vl_io_batch(vl_ctx *ctx, vl_io *io, vl_io_request *requests, uint32_t count)
{
    vl_io_queue *queue;
    velo_status st;

    if (count == 0)
        return VELO_OK;
    VL_TRY(vl_io_thread_queue(ctx, io, &queue));
    queue->will_poll = 1;
    st = vl_io_queue_submit(ctx, queue, requests, count);
    queue->will_poll = 0;
    batch_wait(ctx, queue, requests, count);
    batch_unlist(queue, requests, count);
    return st != VELO_OK ? st : batch_result(ctx, requests, count);
}

/* ---- registered buffers ---- */

void
vl_io_buffers_add(vl_io *io, void *base, size_t size)
{
    vl_latch_acquire_exclusive(&io->latch);
    for (uint32_t i = 0; i < VL_IO_MAX_SLABS; i++) {
        vl_io_slab *slab = &io->slabs[i];

        if (slab->base != NULL)
            continue;
        slab->base = base;
        slab->size = size;
        slab->version = atomic_fetch_add_explicit(&io->slab_version, 1, memory_order_release) + 1;
        if (io->slab_count <= i)
            io->slab_count = i + 1;
        break;
    }
    vl_latch_release_exclusive(&io->latch);
}

void
vl_io_buffers_remove(vl_io *io, const void *base)
{
    vl_latch_acquire_exclusive(&io->latch);
    for (uint32_t i = 0; i < io->slab_count; i++) {
        if (io->slabs[i].base != base)
            continue;
        io->slabs[i].base = NULL;
        io->slabs[i].size = 0;
        io->slabs[i].version =
            atomic_fetch_add_explicit(&io->slab_version, 1, memory_order_release) + 1;
    }
    vl_latch_release_exclusive(&io->latch);
    if (io->ops->buffers_removed != NULL)
        io->ops->buffers_removed(io);
}
