/* io_uring.c - batches through io_uring; all else as io_posix.c does it.
 *
 * Each queue has a ring of its own, made at its first batch. The kernel's results come to a ring
 * only when its thread asks (deferred task work), so a thread is never interrupted.
 *
 * Requests. A chain (requests joined by VL_IO_LINK; a single one is a chain of one) goes to the
 * kernel in runs: as many of its members as the depth allows, linked. Results of a run's members
 * arrive in any order, so a run is looked at when all of them are there:
 *
 *     todo --prepare--> run in the kernel --last result--> settled: members complete in order
 *       ^                                                     |
 *       +------- rest of the chain: a transfer was short, ----+
 *                or the run was only part of the chain
 *
 * A request's private fields: `next` links heads of chains in todo; in the kernel it points to the
 * run's head. `slot` has the parts that the URING_ masks below name.
 *
 * Closing files. A registered file keeps the system's description of it alive, also after close,
 * and so its space. (Its locks are dropped by hand, P3 of io_posix.c; what becomes of them when the
 * process is killed, uring_ring.c says.) The kernel lets only a ring's own thread take a
 * registration back. So a close marks the file's entry in every ring that has it, and takes each
 * ring that is idle to drop it: that works on the closing thread's own ring; another thread's is
 * closed instead, and made anew at its next batch. A ring that is busy is seen to by its thread
 * when it becomes idle. Temporary files, which come and go often, are cut to nothing instead, and
 * their entries dropped when a ring's thread next submits. Slabs of buffers that are removed go the
 * same way as files, since registered memory stays pinned. A ring's thread must not be waiting for
 * good with transfers in flight; an idle one that is closed by another thread may see a system call
 * of its own return EINTR, as with any signal.
 *
 * Without a ring. Where a ring cannot be made (no descriptors left, say) or fails, the queue runs
 * its requests by plain calls and says so in the log.
 *
 * Invariants
 *   R1  A queue's ring is touched only by who holds it: is_busy is 1 then. The thread holds it
 *       while anything is in flight.
 *   R2  Once a closed file is marked in a ring, either the marking thread drops it or, if it finds
 *       the ring busy, the holder does before the ring is idle and after it saw needs_tending.
 *       (Both write their own flag before they read the other's, in sequential consistency.)
 *   R3  member_count counts requests in runs, at most the depth; result_count the results that the
 *       kernel owes. A run is settled when it has all its results, so no buffer is given back while
 *       the kernel may use it.
 *   R4  A member starts only when the one before it is done in full: a run is linked in the kernel,
 *       ends behind a transfer that is done in parts, and what a cut submission left over is not
 *       run (uring_mend_cut). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/uring_int.h"

#include "base/assert.h"
#include "base/atomic.h"
#include "base/rank.h"
#include "base/thread.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#if VL_HAVE_URING

#define URING_TRANSFER_MAX ((uint32_t)VL_BY_BUILD(1 << 30, 1 << 16)) /* bytes of one transfer */
#define URING_DEPTH_MAX    4096U    /* requests in flight of a queue */
#define URING_RETRY_MAX    200U     /* fruitless tries of one request */
#define URING_SUBMIT_TRIES 1000U    /* of a submission for which the kernel has no memory */
#define URING_SUBMIT_WAIT  1000000U /* nanoseconds between them */
#define URING_REMAKE_AFTER 64U      /* batches without a ring until it is tried again */

/* Low bits of a result's user data, whose rest is the request's address. */
#define URING_TAG_SYNC    1U /* the sync behind a durable write */
#define URING_TAG_SKIPPED 2U /* not run: its chain was cut in the submission */
#define URING_TAG_MASK    3U

typedef struct uring_queue uring_queue;

/* What is known of the kernel's io_uring. */
typedef enum uring_trust {
    URING_UNTRIED, /* the first ring finds out */
    URING_WORKS,
    URING_REFUSED /* no more rings are made */
} uring_trust;

typedef struct uring_io {
    vl_io common;         /* first */
    uint32_t mode;        /* immutable; of the rings, see vl_uring_ring_open */
    vl_latch latch;       /* guards the list of queues */
    uring_queue *queues;  /* all open ones */
    _Atomic int has_told; /* a refused registration was logged */
    _Atomic int trust;    /* uring_trust; relaxed: whoever finds it old finds out again */
} uring_io;

struct uring_queue {
    vl_io_queue common;             /* first */
    uring_queue *next_open;         /* in the io's list, guarded by its latch */
    _Atomic uint32_t is_busy;       /* somebody holds the ring; keeps R1 */
    _Atomic uint32_t needs_tending; /* closed files or removed slabs are to be dropped; R2 */
    int is_held;                    /* the thread holds the ring */
    int is_broken;                  /* the ring failed: plain calls from now on */
    int has_told;                   /* that there is no ring was logged */
    uint32_t depth;                 /* members in runs at most */
    uint32_t member_count;          /* R3 */
    uint32_t result_count;          /* R3; submitted or to be submitted */
    uint32_t batches_without;       /* batches since a ring could not be made */
    vl_io_request *todo_first;      /* heads of chains to be prepared, linked by next */
    vl_io_request *todo_last;       /* its end, valid when todo_first is not NULL */
    vl_uring_ring ring;             /* made at the first batch */
};

/* Parts of vl_io_request.slot. */
#define URING_DUE_MASK    0x3fffU   /* results owed to the run; in its head */
#define URING_DUE_ONE     1U        /* one of them */
#define URING_FILE_SHIFT  14        /* entry of the file in the ring's table, plus one */
#define URING_FILE_MASK   0x7c000U  /* where that is; 0 for none */
#define URING_RUN_LAST    0x80000U  /* the run ends here */
#define URING_SYNCED      0x100000U /* its sync is done */
#define URING_AT_END      0x200000U /* a read met the end of the file */
#define URING_FRUITLESS   0x400000U /* it came back with nothing done */
#define URING_RETRY_SHIFT 24        /* fruitless tries in a row */
#define URING_RETRY_ONE   (1U << URING_RETRY_SHIFT)
#define URING_RETRY_MASK  0xff000000U

_Static_assert(2 * URING_DEPTH_MAX <= URING_DUE_MASK, "a run's results fit into their field");
_Static_assert(VL_URING_FILES < (URING_FILE_MASK >> URING_FILE_SHIFT), "so does a file's entry");
_Static_assert(URING_RETRY_MAX < 256, "so do the tries");

static inline uring_queue *
uring_of(vl_io_queue *queue)
{
    return (uring_queue *)queue;
}

static inline uring_io *
uring_io_of(const uring_queue *queue)
{
    return (uring_io *)queue->common.io;
}

/* ---- what is left to do of a request ---- */

static int
uring_needs_sync(const vl_io_request *request)
{
    if ((request->slot & URING_SYNCED) != 0)
        return 0;
    return request->op == VL_IO_SYNC ||
           (request->op == VL_IO_WRITE && (request->flags & VL_IO_DURABLE) != 0 &&
            !request->file->can_dsync);
}

static int
uring_is_done(const vl_io_request *request)
{
    if (request->op == VL_IO_READ && (request->slot & URING_AT_END) != 0)
        return 1;
    return vl_io_request_rest(request) == 0 && !uring_needs_sync(request);
}

static uint32_t
uring_chain_length(const vl_io_request *head)
{
    uint32_t length = 1;

    for (; (head->flags & VL_IO_LINK) != 0; head++)
        length++;
    return length;
}

static void
uring_todo_append(uring_queue *queue, vl_io_request *head)
{
    head->next = NULL;
    if (queue->todo_first == NULL)
        queue->todo_first = head;
    else
        queue->todo_last->next = head;
    queue->todo_last = head;
}

static void
uring_todo_prepend(uring_queue *queue, vl_io_request *head)
{
    if (queue->todo_first == NULL)
        queue->todo_last = head;
    head->next = queue->todo_first;
    queue->todo_first = head;
}

static vl_io_request *
uring_todo_take(uring_queue *queue)
{
    vl_io_request *head = queue->todo_first;

    queue->todo_first = head->next;
    head->next = NULL;
    return head;
}

/* ---- preparing runs ---- */

/* Finish an entry that hands over one step of a request. */
static void
uring_finish_entry(uring_queue *queue, struct io_uring_sqe *entry, vl_io_request *request,
                   uint64_t tag, int is_linked)
{
    if ((request->slot & URING_FILE_MASK) != 0)
        entry->flags |= IOSQE_FIXED_FILE;
    if (is_linked)
        entry->flags |= IOSQE_IO_LINK;
    entry->user_data = (uint64_t)(uintptr_t)request | tag;
    request->next->slot += URING_DUE_ONE;
    queue->result_count++;
}

/* An entry to fill in. There is always one: the ring has two for each member that may be in a run,
 * and an entry is free again when the kernel took it. */
static struct io_uring_sqe *
uring_get_entry(uring_queue *queue)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&queue->ring.ring);

    VL_CHECK(entry != NULL);
    return entry;
}

/* The file's entry in the table of files, or its descriptor. */
static int
uring_descriptor(const vl_io_request *request)
{
    uint32_t entry = (request->slot & URING_FILE_MASK) >> URING_FILE_SHIFT;

    return entry != 0 ? (int)entry - 1 : vl_posix_of(request->file)->fd;
}

static void
uring_prepare_transfer(uring_queue *queue, vl_io_request *request, int is_linked)
{
    struct io_uring_sqe *entry = uring_get_entry(queue);
    uint8_t *at = (uint8_t *)request->buf + request->moved;
    uint64_t offset = request->offset + request->moved;
    uint32_t rest = vl_io_request_rest(request);
    uint32_t size = rest < URING_TRANSFER_MAX ? rest : URING_TRANSFER_MAX;
    int buffer = vl_uring_find_buffer(&queue->ring, at, size);
    int fd = uring_descriptor(request);

    if (request->op == VL_IO_READ && buffer >= 0)
        io_uring_prep_read_fixed(entry, fd, at, size, offset, buffer);
    else if (request->op == VL_IO_READ)
        io_uring_prep_read(entry, fd, at, size, offset);
    else if (buffer >= 0)
        io_uring_prep_write_fixed(entry, fd, at, size, offset, buffer);
    else
        io_uring_prep_write(entry, fd, at, size, offset);
#if defined(RWF_DSYNC)
    if ((request->flags & VL_IO_DURABLE) != 0 && request->file->can_dsync)
        entry->rw_flags = RWF_DSYNC;
#endif
    if (buffer >= 0)
        vl_count(&queue->common.io->fixed_buffer_count, 1);
    uring_finish_entry(queue, entry, request, 0, is_linked);
}

/* Prepare one member of a run: a transfer, a sync, or a write and its sync. */
static void
uring_prepare_member(uring_queue *queue, vl_io_request *head, vl_io_request *request, int is_last)
{
    int in_parts = vl_io_request_rest(request) > URING_TRANSFER_MAX;
    int has_sync = !in_parts && uring_needs_sync(request);
    int slot =
        vl_uring_slot_get(&queue->ring, (vl_uring_file *)request->file, request->op == VL_IO_READ);

    request->slot &= ~(URING_FILE_MASK | URING_RUN_LAST | URING_FRUITLESS);
    request->slot |= (uint32_t)(slot + 1) << URING_FILE_SHIFT;
    if (is_last)
        request->slot |= URING_RUN_LAST;
    request->next = head;
    queue->member_count++;
    if (vl_io_request_rest(request) > 0)
        uring_prepare_transfer(queue, request, has_sync || !is_last);
    if (has_sync) {
        struct io_uring_sqe *entry = uring_get_entry(queue);

        io_uring_prep_fsync(entry, uring_descriptor(request), IORING_FSYNC_DATASYNC);
        uring_finish_entry(queue, entry, request, URING_TAG_SYNC, !is_last);
    }
}

/* Prepare `length` members from the head on, or fewer if one is done in parts. Keeps R4. */
static void
uring_prepare_run(uring_queue *queue, vl_io_request *head, uint32_t length)
{
    VL_ASSERT((head->slot & URING_DUE_MASK) == 0);
    for (uint32_t i = 0; i < length; i++) {
        vl_io_request *request = &head[i];
        int is_last = i + 1 == length || vl_io_request_rest(request) > URING_TRANSFER_MAX;

        uring_prepare_member(queue, head, request, is_last);
        if (is_last)
            return;
    }
}

/* Prepare as much of what is to be done as the depth allows. */
static void
uring_prepare(uring_queue *queue)
{
    while (queue->todo_first != NULL) {
        uint32_t length = uring_chain_length(queue->todo_first);

        if (length > queue->depth)
            length = queue->depth;
        if (length > queue->depth - queue->member_count)
            return; /* waits for others: some are in flight, so this ends */
        uring_prepare_run(queue, uring_todo_take(queue), length);
    }
}

/* Do what is to be done without the ring. */
static void
uring_run_plain(uring_queue *queue)
{
    while (queue->todo_first != NULL) {
        vl_io_request *head = uring_todo_take(queue);

        vl_posix_queue_run(&queue->common, head, uring_chain_length(head));
    }
}

/* ---- results ---- */

/* Complete a request, and cancel those that depend on it if it failed. Returns whether the chain
 * goes on behind it. */
static int
uring_complete(uring_queue *queue, vl_io_request *request)
{
    int goes_on = (request->flags & VL_IO_LINK) != 0;

    vl_io_queue_complete(&queue->common, request, request->os_error);
    while (goes_on && request->status != VELO_OK) {
        request++;
        goes_on = (request->flags & VL_IO_LINK) != 0;
        vl_io_queue_complete(&queue->common, request, ECANCELED);
    }
    return goes_on;
}
/* Put the rest of a chain, from a request on that is not done, back to what is to be done. */
static void
uring_resume(uring_queue *queue, vl_io_request *request)
{
    uint32_t tries = 0;

    if ((request->slot & URING_FRUITLESS) != 0)
        tries = (request->slot >> URING_RETRY_SHIFT) + 1;
    if (tries > URING_RETRY_MAX) {
        request->os_error = EAGAIN;
        (void)uring_complete(queue, request);
        return;
    }
    request->slot &= ~(URING_RETRY_MASK | URING_DUE_MASK);
    request->slot |= tries << URING_RETRY_SHIFT;
    uring_todo_prepend(queue, request);
}

/* All results of a run are there: complete its members in order. Keeps R3. */
static void
uring_settle(uring_queue *queue, vl_io_request *head)
{
    vl_io_request *request = head;
    int is_last;

    do {
        uint32_t entry = (request->slot & URING_FILE_MASK) >> URING_FILE_SHIFT;

        if (entry != 0)
            vl_uring_slot_put(&queue->ring, (int)entry - 1);
        request->slot &= ~URING_FILE_MASK;
        queue->member_count--;
    } while ((request++->slot & URING_RUN_LAST) == 0);
    for (request = head;; request++) {
        is_last = (request->slot & URING_RUN_LAST) != 0;
        if (request->os_error == 0 && !uring_is_done(request)) {
            uring_resume(queue, request);
            return;
        }
        if (!uring_complete(queue, request))
            return;
        if (is_last) {
            uring_resume(queue, request + 1);
            return;
        }
    }
}

/* What one result says about its request. */
static void
uring_note_result(vl_io_request *request, uint64_t tag, int result)
{
    if (result == -EINTR || result == -EAGAIN || result == -ECANCELED) {
        request->slot |= URING_FRUITLESS;
    } else if (result < 0) {
        request->os_error = -result;
    } else if (request->op == VL_IO_SYNC || (tag & URING_TAG_SYNC) != 0) {
        request->slot |= URING_SYNCED;
    } else if (result == 0) {
        if (request->op == VL_IO_READ)
            request->slot |= URING_AT_END;
        else
            request->os_error = EIO; /* must not happen; the loop must end */
    } else {
        request->moved += (uint32_t)result;
        /* A direct transfer that is cut at an odd place met the end of the file. */
        if (request->op == VL_IO_READ && request->moved % request->file->align != 0)
            request->slot |= URING_AT_END;
    }
}

static void
uring_take_result(uring_queue *queue, uint64_t user_data, int result)
{
    vl_io_request *request = (vl_io_request *)(uintptr_t)(user_data & ~(uint64_t)URING_TAG_MASK);
    vl_io_request *head = request->next;

    VL_ASSERT(queue->result_count > 0 && (head->slot & URING_DUE_MASK) > 0);
    if ((user_data & URING_TAG_SKIPPED) != 0)
        result = -ECANCELED;
    uring_note_result(request, user_data & URING_TAG_MASK, result);
    queue->result_count--;
    head->slot -= URING_DUE_ONE;
    if ((head->slot & URING_DUE_MASK) == 0)
        uring_settle(queue, head);
}

/* Take the results that are there, without a system call. */
static void
uring_take_results(uring_queue *queue)
{
    struct io_uring_cqe *result;
    unsigned count = 0;
    unsigned at;

    io_uring_for_each_cqe(&queue->ring.ring, at, result)
    {
        uring_take_result(queue, result->user_data, result->res);
        count++;
    }
    io_uring_cq_advance(&queue->ring.ring, count);
}

/* As uring_take_results; asks the kernel if none are there but some wait for the thread to fetch
 * them. */
static void
uring_look_for_results(uring_queue *queue)
{
    struct io_uring_cqe *result;

    if (io_uring_cq_ready(&queue->ring.ring) == 0)
        (void)io_uring_peek_batch_cqe(&queue->ring.ring, &result, 1);
    uring_take_results(queue);
}

/* ---- system calls ---- */

/* The i-th entry behind those that the kernel has taken. Entries stand in the order in which they
 * were got, since liburing never reorders them. */
static struct io_uring_sqe *
uring_entry_left(uring_queue *queue, unsigned i)
{
    struct io_uring_sq *sq = &queue->ring.ring.sq;
    unsigned taken = io_uring_smp_load_acquire(sq->khead);

    return &sq->sqes[(taken + i) & *sq->kring_mask];
}

/* The kernel took only some entries (it had no memory), perhaps the first ones of a chain: then
 * the others would run as a chain of their own, without waiting for those. Make them do nothing.
 * Keeps R4. */
static void
uring_mend_cut(uring_queue *queue)
{
    unsigned left = io_uring_sq_ready(&queue->ring.ring);
    unsigned is_linked = uring_entry_left(queue, UINT32_MAX)->flags & IOSQE_IO_LINK;

    for (unsigned i = 0; i < left && is_linked; i++) {
        struct io_uring_sqe *entry = uring_entry_left(queue, i);
        uint64_t user_data = entry->user_data | URING_TAG_SKIPPED;

        is_linked = entry->flags & IOSQE_IO_LINK;
        io_uring_prep_nop(entry);
        entry->user_data = user_data;
    }
}

/* Hand over what is prepared, and wait for `wait` results or all that are owed. Returns 0, also
 * when a signal came first, or an errno value when the ring does not work. */
static int
uring_enter(uring_queue *queue, uint32_t wait)
{
    struct io_uring *ring = &queue->ring.ring;
    uint32_t tries = 0;

    while (tries < URING_SUBMIT_TRIES) {
        unsigned ready = io_uring_sq_ready(ring);
        int result;

        if (wait > queue->result_count)
            wait = queue->result_count;
        if (ready == 0 && wait == 0)
            return 0;
        result = wait > 0 ? io_uring_submit_and_wait(ring, wait) : io_uring_submit(ring);
        if (ready > 0)
            vl_count(&queue->common.io->submit_count, 1);
        if ((result >= 0 && (unsigned)result >= ready) || (result == -EINTR && ready == 0))
            return 0;
        if (result < 0 && result != -EINTR && result != -EAGAIN && result != -EBUSY)
            return -result;
        if (result > 0) {
            uring_mend_cut(queue);
        } else if (result != -EINTR) {
            tries++; /* no memory now, or no room for results */
            vl_posix_sleep(queue->common.io, URING_SUBMIT_WAIT);
        }
        uring_look_for_results(queue);
    }
    return EAGAIN;
}

/* Tell the log, once, that this queue does without a ring. */
static void
uring_tell(uring_queue *queue, int error)
{
    vl_ctx ctx;

    if (queue->has_told)
        return;
    queue->has_told = 1;
    vl_ctx_init(&ctx, queue->common.io->allocator, NULL);
    (void)vl_fail_os(&ctx, VELO_WARNING, error, "a thread's I/O goes on without io_uring");
    vl_log_write(queue->common.io->log, VL_LOG_WARNING, VELO_WARNING, "%s", ctx.error.text);
}

/* The ring failed: take back what the kernel did not take, and use the ring no more but to wait
 * for what it did take. */
static void
uring_break(uring_queue *queue, int error)
{
    struct io_uring_sq *sq = &queue->ring.ring.sq;
    unsigned left = io_uring_sq_ready(&queue->ring.ring);

    uring_tell(queue, error);
    queue->is_broken = 1;
    for (unsigned i = 0; i < left; i++)
        uring_take_result(queue, uring_entry_left(queue, i)->user_data, -ECANCELED);
    sq->sqe_tail -= left;
    sq->sqe_head = sq->sqe_tail;
    io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
}

/* ---- holding the ring ---- */

/* Take the ring if it is idle. Keeps R1; the order matters for R2. */
static int
uring_try_hold(uring_queue *queue)
{
    uint32_t idle = 0;

    return atomic_compare_exchange_strong_explicit(&queue->is_busy, &idle, 1, memory_order_seq_cst,
                                                   memory_order_seq_cst);
}

/* Take the ring for the queue's thread. Who else holds it does so for a few system calls. */
static void
uring_hold(uring_queue *queue)
{
    if (queue->is_held)
        return;
    while (!uring_try_hold(queue))
        vl_thread_yield();
    queue->is_held = 1;
}

/* Do what others asked for while the thread held the ring. */
static void
uring_tend_own(uring_queue *queue)
{
    vl_uring_slabs slabs;

    if (atomic_load_explicit(&queue->needs_tending, memory_order_seq_cst) == 0)
        return;
    atomic_store_explicit(&queue->needs_tending, 0, memory_order_seq_cst);
    if (!queue->ring.is_open)
        return;
    vl_uring_copy_slabs(queue->common.io, &slabs);
    if ((vl_uring_drop_closed(&queue->ring) != 0 ||
         vl_uring_drop_slabs(&queue->ring, &slabs) != 0) &&
        queue->member_count == 0)
        vl_uring_ring_close(&queue->ring); /* the kernel does not drop them in another way */
}

/* Let the ring go if nothing is in flight. Keeps R2. */
static void
uring_let_go(uring_queue *queue)
{
    VL_ASSERT(queue->is_held && queue->todo_first == NULL);
    if (queue->member_count > 0)
        return;
    if (queue->is_broken)
        vl_uring_ring_close(&queue->ring);
    do {
        uring_tend_own(queue);
        atomic_store_explicit(&queue->is_busy, 0, memory_order_seq_cst);
    } while (atomic_load_explicit(&queue->needs_tending, memory_order_seq_cst) != 0 &&
             uring_try_hold(queue));
    queue->is_held = 0;
}

/* Have closed files, and removed slabs if given, dropped by an idle ring. The latch is held.
 *
 * may_close  the ring may be closed when it is another thread's; else that thread drops them at
 *            its next batch */
static void
uring_tend_other(uring_queue *queue, const vl_uring_slabs *slabs, int may_close)
{
    int error;

    atomic_store_explicit(&queue->needs_tending, 1, memory_order_seq_cst);
    if (!uring_try_hold(queue))
        return; /* its holder will see: R2 */
    error = vl_uring_drop_closed(&queue->ring);
    if (error == 0 && slabs != NULL)
        error = vl_uring_drop_slabs(&queue->ring, slabs);
    if (error != 0 && may_close)
        vl_uring_ring_close(&queue->ring);
    if (error == 0 || may_close)
        atomic_store_explicit(&queue->needs_tending, 0, memory_order_relaxed);
    atomic_store_explicit(&queue->is_busy, 0, memory_order_seq_cst);
}

/* Drop a closed file from all rings. */
static void
uring_forget_file(uring_io *io, uint64_t serial, int may_close)
{
    vl_latch_acquire_exclusive(&io->latch);
    for (uring_queue *queue = io->queues; queue != NULL; queue = queue->next_open)
        if (vl_uring_mark_closed(&queue->ring, serial))
            uring_tend_other(queue, NULL, may_close);
    vl_latch_release_exclusive(&io->latch);
}

static void
uring_buffers_removed(vl_io *common)
{
    uring_io *io = (uring_io *)common;
    vl_uring_slabs slabs;

    vl_uring_copy_slabs(common, &slabs);
    vl_latch_acquire_exclusive(&io->latch);
    for (uring_queue *queue = io->queues; queue != NULL; queue = queue->next_open)
        uring_tend_other(queue, &slabs, 1);
    vl_latch_release_exclusive(&io->latch);
}

static void
uring_file_close(vl_file *common)
{
    vl_uring_file *file = (vl_uring_file *)common;

    if (atomic_load_explicit(&file->was_registered, memory_order_acquire)) {
        int is_temporary = (common->flags & VL_OPEN_TEMPORARY) != 0;

        if (is_temporary)
            (void)vl_posix_resize(common, 0); /* nobody else has it */
        uring_forget_file((uring_io *)common->io, common->serial, !is_temporary);
    }
    if (atomic_load_explicit(&file->read_fd, memory_order_acquire) > 0)
        vl_posix_close_fd(file->read_fd);
    vl_posix_file_close(common);
}

/* Lock; a first lock takes the description that gets it out of the rings (see uring_ring.c). One
 * that a thread registers at this very moment may stay: its lock then outlives a killed process by
 * the life of the ring. */
static int
uring_lock(vl_file *common, vl_lock_mode mode, uint64_t offset, uint64_t size)
{
    vl_uring_file *file = (vl_uring_file *)common;
    int had_lock = atomic_load_explicit(&file->posix.has_lock, memory_order_acquire);
    int error = vl_posix_lock(common, mode, offset, size);

    if (!had_lock && mode != VL_LOCK_NONE &&
        atomic_load_explicit(&file->was_registered, memory_order_acquire))
        uring_forget_file((uring_io *)common->io, common->serial, 1);
    return error;
}

/* ---- queues ---- */

static int
uring_queue_open(vl_io_queue *common)
{
    uring_queue *queue = uring_of(common);
    uring_io *io = uring_io_of(queue);

    queue->depth = common->depth < URING_DEPTH_MAX ? common->depth : URING_DEPTH_MAX;
    vl_latch_acquire_exclusive(&io->latch);
    queue->next_open = io->queues;
    io->queues = queue;
    vl_latch_release_exclusive(&io->latch);
    return 0;
}

static void
uring_queue_close(vl_io_queue *common)
{
    uring_queue *queue = uring_of(common);
    uring_io *io = uring_io_of(queue);
    uring_queue **link;

    VL_CHECK(queue->result_count == 0); /* else the kernel may still use the callers' buffers */
    vl_latch_acquire_exclusive(&io->latch);
    for (link = &io->queues; *link != queue;)
        link = &(*link)->next_open;
    *link = queue->next_open;
    vl_latch_release_exclusive(&io->latch);
    vl_uring_ring_close(&queue->ring); /* no longer in the list: nobody else can hold it */
}

/* Make a ring, and try what rings must do if nobody has. */
static int
uring_open_ring(uring_queue *queue)
{
    uring_io *io = uring_io_of(queue);
    uint32_t mode = io->mode;
    int error = vl_uring_ring_open(&queue->ring, 2 * queue->depth, &mode);

    if (error != 0 || atomic_load_explicit(&io->trust, memory_order_relaxed) == URING_WORKS)
        return error;
    error = vl_uring_ring_try(&queue->ring);
    atomic_store_explicit(&io->trust, error == 0 ? URING_WORKS : URING_REFUSED,
                          memory_order_relaxed);
    if (error != 0)
        vl_uring_ring_close(&queue->ring);
    return error;
}

/* Make the queue's ring if it has none and may have one. */
static void
uring_make_ring(uring_queue *queue)
{
    int error;

    if (queue->ring.is_open || queue->is_broken ||
        atomic_load_explicit(&uring_io_of(queue)->trust, memory_order_relaxed) == URING_REFUSED)
        return;
    if (queue->batches_without > 0 && queue->batches_without < URING_REMAKE_AFTER) {
        queue->batches_without++;
        return;
    }
    error = uring_open_ring(queue);
    queue->batches_without = error != 0;
    if (error != 0)
        uring_tell(queue, error);
    else
        vl_count(&queue->common.io->ring_count, 1);
}

/* Register what was added; say once that the system refuses to. */
static void
uring_update_buffers(uring_queue *queue)
{
    uring_io *io = uring_io_of(queue);
    int error = vl_uring_update_slabs(&queue->ring, &io->common);
    vl_ctx ctx;

    if (error == 0 || atomic_exchange_explicit(&io->has_told, 1, memory_order_relaxed))
        return;
    vl_ctx_init(&ctx, io->common.allocator, NULL);
    (void)vl_fail_os(&ctx, VELO_NOTICE, error,
                     "buffers are not registered with io_uring (a limit on locked memory?)");
    vl_log_write(io->common.log, VL_LOG_NOTICE, VELO_NOTICE, "%s", ctx.error.text);
}

/* Prepare what the depth allows, or without a ring do it. */
static void
uring_start(uring_queue *queue)
{
    if (queue->ring.is_open && !queue->is_broken)
        uring_prepare(queue);
    else
        uring_run_plain(queue);
}

/* Hand over what is prepared, wait for up to `wait` results, take what is there, and prepare what
 * there is room for now. A ring that fails is used no more. */
static int
uring_turn(uring_queue *queue, uint32_t wait)
{
    int error = uring_enter(queue, wait);

    if (error != 0)
        uring_break(queue, error);
    uring_take_results(queue);
    uring_start(queue);
    return error;
}

static int
uring_queue_submit(vl_io_queue *common, vl_io_request *requests, uint32_t count)
{
    uring_queue *queue = uring_of(common);

    uring_hold(queue);
    uring_tend_own(queue);
    uring_make_ring(queue);
    if (!queue->ring.is_open) {
        vl_posix_queue_run(common, requests, count);
    } else {
        uring_update_buffers(queue);
        for (uint32_t i = 0; i < count; i += uring_chain_length(&requests[i]))
            uring_todo_append(queue, &requests[i]);
        for (uint32_t i = 0; i < count; i++)
            requests[i].slot = 0;
        uring_start(queue);
        while (queue->todo_first != NULL)
            (void)uring_turn(queue, 1); /* more than the depth */
        if (queue->ring.is_open && !common->will_poll)
            (void)uring_turn(queue, 0);
    }
    uring_let_go(queue);
    return 0;
}

static int
uring_queue_has_ring(vl_io_queue *common)
{
    uring_queue *queue = uring_of(common);
    int has_ring;

    uring_hold(queue);
    uring_make_ring(queue);
    has_ring = queue->ring.is_open && !queue->is_broken;
    uring_let_go(queue);
    return has_ring;
}

static int
uring_queue_poll(vl_io_queue *common, uint32_t wait)
{
    uring_queue *queue = uring_of(common);
    uint32_t wanted = common->complete_count + wait;

    if (queue->member_count == 0)
        return 0;
    uring_look_for_results(queue);
    uring_start(queue);
    while (queue->member_count > 0 && common->complete_count < wanted) {
        int was_broken = queue->is_broken;
        int error = uring_turn(queue, wanted - common->complete_count);

        if (error != 0 && was_broken && queue->result_count > 0)
            return error; /* not even waiting works */
    }
    if (queue->member_count > 0 && io_uring_sq_ready(&queue->ring.ring) > 0)
        (void)uring_turn(queue, 0);
    uring_let_go(queue);
    return 0;
}

/* ---- the backend ---- */

static const vl_io_ops uring_ops = {
    .name = "io_uring",
    .has_ring = 1,
    .io_size = sizeof(uring_io),
    .file_size = sizeof(vl_uring_file),
    .queue_size = sizeof(uring_queue),
    .close = vl_posix_close,
    .file_open = vl_posix_file_open,
    .file_close = uring_file_close,
    VL_POSIX_OPS,
    .lock = uring_lock,
    .queue_open = uring_queue_open,
    .queue_close = uring_queue_close,
    .queue_submit = uring_queue_submit,
    .queue_poll = uring_queue_poll,
    .queue_has_ring = uring_queue_has_ring,
    .buffers_removed = uring_buffers_removed,
};

/* Make a ring as large as threads will, to see whether that works; *mode receives which mode does.
 * Limits on locked memory and on open files show here. */
static velo_status
uring_probe(vl_ctx *ctx, uint32_t queue_depth, uint32_t *mode)
{
    vl_uring_ring ring;
    int error;

    memset(&ring, 0, sizeof ring);
    *mode = 0;
    error = vl_uring_ring_open(&ring, 2 * queue_depth, mode);
    if (error == ENOSYS)
        return vl_fail_os(ctx, VELO_ERROR, error, "the kernel has no io_uring");
    if (error == EPERM || error == EACCES)
        return vl_fail_os(
            ctx, VELO_ERROR, error,
            "io_uring is forbidden (by a seccomp filter or kernel.io_uring_disabled)");
    if (error == ENOMEM)
        return vl_fail_os(ctx, VELO_ERROR, error,
                          "cannot make an io_uring (a limit on locked memory?)");
    if (error != 0)
        return vl_fail_os(ctx, VELO_ERROR, error, "cannot make an io_uring");
    error = vl_uring_ring_try(&ring);
    vl_uring_ring_close(&ring);
    if (error != 0)
        return vl_fail_os(ctx, VELO_ERROR, error,
                          "the kernel's io_uring lacks operations, or they are forbidden");
    return VELO_OK;
}

velo_status
vl_io_uring_open(vl_ctx *ctx, uint32_t queue_depth, int probes_late, vl_io **out)
{
    uring_io *io;
    uint32_t mode = 0;

    *out = NULL;
    queue_depth = queue_depth != 0 ? queue_depth : VL_IO_DEFAULT_DEPTH;
    if (!probes_late)
        VL_TRY(
            uring_probe(ctx, queue_depth < URING_DEPTH_MAX ? queue_depth : URING_DEPTH_MAX, &mode));
    io = vl_alloc_zero(ctx, sizeof *io);
    if (io == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the I/O backend");
    io->mode = mode;
    atomic_init(&io->trust, probes_late ? URING_UNTRIED : URING_WORKS);
    vl_latch_init(&io->latch, VL_RANK_IO_FILES);
    vl_io_init(&io->common, &uring_ops, ctx, queue_depth);
    *out = &io->common;
    return VELO_OK;
}

#else

velo_status
vl_io_uring_open(vl_ctx *ctx, uint32_t queue_depth, int probes_late, vl_io **out)
{
    (void)queue_depth;
    (void)probes_late;
    *out = NULL;
    return vl_fail(ctx, VELO_ERROR, "the library was built without io_uring");
}

#endif
