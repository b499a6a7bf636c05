/* test_os_uring.c - the io_uring backend keeps the contract of io.h, also when the kernel takes
 * submissions in parts, does less than asked, or refuses the ring from some moment on.
 *
 * The faults come from this program's own io_uring_submit and io_uring_submit_and_wait, which the
 * library calls in place of liburing's: a function of the program goes before a shared library's
 * of the same name. */
#define _GNU_SOURCE
#include "lib/os_contract.h"
#include "lib/os_system.h"
#include "lib/unit.h"

#include "base/hash.h"
#include "base/park.h"
#include "base/thread.h"
#include "os/uring_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <unistd.h>

#if VL_HAVE_URING

#define URING_TEST_WAIT_MS 30000 /* the most to wait for what comes at once */

/* ---- faults ---- */

typedef enum fault_kind {
    FAULT_NONE,   /* as liburing does it */
    FAULT_CUT,    /* the kernel takes only some of the entries */
    FAULT_SHORT,  /* it moves only part of what is asked */
    FAULT_BUSY,   /* it has no memory, or a signal comes, now and then */
    FAULT_REFUSE, /* from some submission on it takes nothing */
    FAULT_DEAD    /* nothing works: neither submitting nor waiting */
} fault_kind;

static fault_kind fault;              /* what to do; set while no other thread runs */
static _Atomic uint64_t fault_number; /* counts submissions, and makes faults differ */

/* A number below `bound` that looks random. */
static unsigned
fault_below(unsigned bound)
{
    return (unsigned)(vl_mix64(unit_seed() + atomic_fetch_add(&fault_number, 1)) % bound);
}

/* Let an entry that no other depends on move less. */
static void
fault_shorten(struct io_uring_sqe *entry)
{
    unsigned size = entry->len / 2;

    if (entry->len % VL_DIRECT_ALIGN == 0)
        size &= ~(VL_DIRECT_ALIGN - 1U); /* may be direct */
    if ((entry->flags & IOSQE_IO_LINK) != 0 || size == 0 || entry->opcode == IORING_OP_FSYNC ||
        entry->opcode == IORING_OP_NOP)
        return;
    if (fault_below(2) == 0)
        entry->len = size;
}

/* How many of the ready entries the kernel is to see, or a negative errno value. */
static int
fault_plan(struct io_uring *ring, unsigned taken, unsigned ready)
{
    static const int refusals[] = {-EAGAIN, -EBUSY, -EINTR};

    switch (fault) {
    case FAULT_NONE:
        break;
    case FAULT_CUT:
        return ready > 1 ? (int)(1 + fault_below(ready)) : (int)ready;
    case FAULT_SHORT:
        for (unsigned i = 0; i < ready; i++)
            fault_shorten(&ring->sq.sqes[(taken + i) & *ring->sq.kring_mask]);
        break;
    case FAULT_BUSY:
        if (fault_below(3) == 0)
            return ready > 0 ? refusals[fault_below(3)] : -EINTR;
        break;
    case FAULT_REFUSE:
        return ready > 0 && fault_below(4) == 0 ? -EPERM : (int)ready;
    case FAULT_DEAD:
        return -EPERM;
    }
    return (int)ready;
}

/* Do as liburing: make the entries visible to the kernel, and enter it. */
static int
fault_enter(struct io_uring *ring, unsigned wait)
{
    struct io_uring_sq *sq = &ring->sq;
    unsigned taken = io_uring_smp_load_acquire(sq->khead);
    unsigned ready = sq->sqe_tail - taken;
    int submit = fault_plan(ring, taken, ready);

    for (unsigned i = 0; i < ready; i++)
        sq->array[(taken + i) & *sq->kring_mask] = (taken + i) & *sq->kring_mask;
    sq->sqe_head = sq->sqe_tail;
    io_uring_smp_store_release(sq->ktail, sq->sqe_tail);
    if (submit < 0 || (submit == 0 && wait == 0))
        return submit;
    if ((unsigned)submit < ready)
        wait = 0; /* as the kernel does */
    return io_uring_enter((unsigned)ring->ring_fd, (unsigned)submit, wait,
                          wait > 0 ? IORING_ENTER_GETEVENTS : 0, NULL);
}

int
io_uring_submit(struct io_uring *ring)
{
    return fault_enter(ring, 0);
}

int
io_uring_submit_and_wait(struct io_uring *ring, unsigned wait_nr)
{
    return fault_enter(ring, wait_nr);
}

/* ---- the contract, without and with faults ---- */

static void
uring_run(fault_kind kind, os_contract_check *check)
{
    /* Faults begin after the backend was made, so that it is made. */
    int descriptors = system_count_descriptors();
    vl_io *io;

    os_contract_has_range_locks = !VL_POSIX_FLOCK;
    if (!system_open(VL_IO_URING, &io)) {
        unit_skip("%s", unit_ctx()->error.text);
        return;
    }
    fault = kind;
    check(io, unit_folder());
    fault = FAULT_NONE;
    if (unit_has_failed())
        return; /* files are still open */
    vl_io_close(io);
    CHECK_EQ(system_count_descriptors(), descriptors);
}

#define URING_CASE(name)                                                                           \
    static void uring_##name(void)                                                                 \
    {                                                                                              \
        uring_run(FAULT_NONE, os_contract_##name);                                                 \
    }                                                                                              \
    static void uring_cut_##name(void)                                                             \
    {                                                                                              \
        uring_run(FAULT_CUT, os_contract_##name);                                                  \
    }                                                                                              \
    static void uring_short_##name(void)                                                           \
    {                                                                                              \
        uring_run(FAULT_SHORT, os_contract_##name);                                                \
    }                                                                                              \
    static void uring_busy_##name(void)                                                            \
    {                                                                                              \
        uring_run(FAULT_BUSY, os_contract_##name);                                                 \
    }                                                                                              \
    static void uring_refused_##name(void)                                                         \
    {                                                                                              \
        uring_run(FAULT_REFUSE, os_contract_##name);                                               \
    }
OS_CONTRACT_LIST(URING_CASE)

/* ---- what only this backend does ---- */

/* Open the backend, or skip the test: 1 or 0. */
static int
uring_open_or_skip(vl_io **io)
{
    if (system_open(VL_IO_URING, io))
        return 1;
    unit_skip("%s", unit_ctx()->error.text);
    return 0;
}

static velo_status
uring_transfer(vl_ctx *ctx, vl_io *io, vl_io_op op, vl_file *file, void *buf, uint32_t size)
{
    vl_io_request request = {.op = op, .file = file, .buf = buf, .size = size};

    return vl_io_batch(ctx, io, &request, 1);
}

static void
uring_ring_is_made_at_the_first_batch(void)
{
    char buf[8] = "abcdefg";
    vl_io_queue *queue;
    vl_io_stats stats;
    vl_file *file;
    vl_io *io;

    if (!uring_open_or_skip(&io))
        return;
    CHECK(strcmp(vl_io_name(io), "io_uring") == 0);
    CHECK(strcmp(vl_io_fallback_reason(io), "") == 0);
    CHECK_OK(vl_file_open(unit_ctx(), io, unit_path("a"), VL_OPEN_WRITE | VL_OPEN_CREATE, &file));
    CHECK_OK(vl_io_thread_queue(unit_ctx(), io, &queue));
    vl_io_get_stats(io, &stats);
    CHECK_EQ(stats.ring_count, 0);
    for (int i = 0; i < 3; i++)
        CHECK_OK(uring_transfer(unit_ctx(), io, VL_IO_WRITE, file, buf, 8));
    vl_io_get_stats(io, &stats);
    CHECK_EQ(stats.ring_count, 1);
    CHECK_EQ(stats.submit_count, 3); /* one system call for a batch, waiting included */
    CHECK_EQ(stats.fixed_buffer_count, 0);
    vl_file_close(file);
    vl_io_close(io);
}

static void
uring_buffers_are_registered(void)
{
    vl_io_stats stats;
    vl_file *file;
    char *slab;
    vl_io *io;

    if (!uring_open_or_skip(&io))
        return;
    slab = vl_alloc_aligned(unit_ctx(), 65536, 4096);
    CHECK(slab != NULL);
    memset(slab, 'x', 65536);
    CHECK_OK(vl_file_open(unit_ctx(), io, unit_path("a"), VL_OPEN_WRITE | VL_OPEN_CREATE, &file));
    vl_io_buffers_add(io, slab, 32768);
    CHECK_OK(uring_transfer(unit_ctx(), io, VL_IO_WRITE, file, slab, 32768));
    CHECK_OK(uring_transfer(unit_ctx(), io, VL_IO_READ, file, slab + 100, 100));
    vl_io_get_stats(io, &stats);
    if (stats.unregistered_count > 0) {
        unit_skip("buffers cannot be registered here");
    } else {
        CHECK_EQ(stats.fixed_buffer_count, 2);
        CHECK_OK(uring_transfer(unit_ctx(), io, VL_IO_READ, file, slab + 32760, 16)); /* half in */
        vl_io_get_stats(io, &stats);
        CHECK_EQ(stats.fixed_buffer_count, 2);
        vl_io_buffers_remove(io, slab);
        CHECK_OK(uring_transfer(unit_ctx(), io, VL_IO_READ, file, slab, 100));
        vl_io_get_stats(io, &stats);
        CHECK_EQ(stats.fixed_buffer_count, 2);
    }
    vl_io_buffers_remove(io, slab);
    vl_file_close(file);
    vl_io_close(io);
    vl_free(slab);
}

/* A thread that does one batch on a file and then is idle until it is told to go on. */
typedef struct uring_idler {
    vl_thread thread;   /* it */
    vl_io *io;          /* shared */
    vl_file *file;      /* of the first batch */
    char *buf;          /* of 4096 bytes */
    vl_event did_first; /* set by it */
    vl_event go_on;     /* set by the test */
    vl_file *next_file; /* of the second batch */
    velo_status status; /* how it went */
} uring_idler;

static void
uring_idler_main(void *argument)
{
    uring_idler *idler = argument;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    idler->status = uring_transfer(&ctx, idler->io, VL_IO_WRITE, idler->file, idler->buf, 4096);
    vl_event_set(&idler->did_first);
    (void)vl_event_wait(&idler->go_on, VL_PARK_FOREVER);
    if (idler->status == VELO_OK)
        idler->status =
            uring_transfer(&ctx, idler->io, VL_IO_READ, idler->next_file, idler->buf, 4096);
}

/* Start an idler and wait until it is idle. */
static velo_status
uring_idler_start(uring_idler *idler, vl_io *io, vl_file *file, char *buf)
{
    memset(idler, 0, sizeof *idler);
    idler->io = io;
    idler->file = file;
    idler->buf = buf;
    vl_event_init(&idler->did_first);
    vl_event_init(&idler->go_on);
    VL_TRY(vl_thread_start(unit_ctx(), &idler->thread, "idler", uring_idler_main, idler));
    (void)vl_event_wait(&idler->did_first, VL_PARK_FOREVER);
    return VELO_OK;
}

static velo_status
uring_idler_end(uring_idler *idler, vl_file *next_file)
{
    idler->next_file = next_file;
    vl_event_set(&idler->go_on);
    vl_thread_join(&idler->thread);
    return idler->status;
}

/* Watch a file for its end: the moment when nobody has it open and its name is gone. */
static int
uring_watch_end(const char *path)
{
    int watch = inotify_init1(IN_CLOEXEC);

    if (watch >= 0 && inotify_add_watch(watch, path, IN_DELETE_SELF) < 0) {
        (void)close(watch);
        watch = -1;
    }
    return watch;
}

static int
uring_saw_end(int watch)
{
    struct pollfd wanted = {.fd = watch, .events = POLLIN};

    return poll(&wanted, 1, URING_TEST_WAIT_MS) == 1;
}

/* A file is used by this thread's ring and an idle thread's, deleted and closed: its space is given
 * back, its lock dropped, and the idle thread goes on with another file in the same descriptor. */
static void
uring_closed_file_is_forgotten_by_idle_rings(void)
{
    static char bufs[2][4096];
    uring_idler idler;
    vl_file *file;
    vl_file *other;
    vl_io *io;
    int watch;

    if (!uring_open_or_skip(&io))
        return;
    CHECK_OK(vl_file_open(unit_ctx(), io, unit_path("a"), VL_OPEN_WRITE | VL_OPEN_CREATE, &file));
    CHECK_OK(vl_file_open(unit_ctx(), io, unit_path("a"), VL_OPEN_WRITE, &other));
    CHECK_OK(vl_file_lock(unit_ctx(), file, VL_LOCK_EXCLUSIVE, 0, 1));
    CHECK_OK(uring_transfer(unit_ctx(), io, VL_IO_WRITE, file, bufs[0], 4096));
    CHECK_OK(uring_idler_start(&idler, io, file, bufs[1]));
    watch = uring_watch_end(unit_path("a"));
    CHECK(watch >= 0);
    CHECK_STATUS(vl_file_lock(unit_ctx(), other, VL_LOCK_SHARED, 0, 1), VELO_BUSY);
    vl_file_close(file);
    CHECK_OK(vl_file_lock(unit_ctx(), other, VL_LOCK_EXCLUSIVE, 0, 1)); /* at once */
    CHECK_OK(vl_path_delete(unit_ctx(), io, unit_path("a")));
    vl_file_close(other);
    CHECK(uring_saw_end(watch));
    CHECK_EQ(close(watch), 0);
    CHECK_OK(vl_file_open(unit_ctx(), io, unit_path("b"), VL_OPEN_WRITE | VL_OPEN_CREATE, &file));
    memset(bufs[0], 'b', 4096);
    CHECK_OK(vl_file_write(unit_ctx(), file, bufs[0], 4096, 0));
    CHECK_OK(uring_idler_end(&idler, file));
    CHECK(memcmp(bufs[0], bufs[1], 4096) == 0);
    vl_file_close(file);
    vl_io_close(io);
}

/* As above, with results under way in this thread's ring when the file is closed. */
static void
uring_closed_file_is_forgotten_by_busy_rings(void)
{
    static char bufs[8][4096];
    vl_io_request requests[8];
    vl_io_request *done[8];
    vl_io_queue *queue;
    vl_file *files[2];
    uint32_t count;
    vl_io *io;
    int watch;

    if (!uring_open_or_skip(&io))
        return;
    CHECK_OK(vl_io_queue_open(unit_ctx(), io, 8, &queue));
    for (int i = 0; i < 2; i++)
        CHECK_OK(vl_file_open(unit_ctx(), io, unit_path(i == 0 ? "a" : "b"),
                              VL_OPEN_WRITE | VL_OPEN_CREATE, &files[i]));
    watch = uring_watch_end(unit_path("a"));
    CHECK(watch >= 0);
    memset(requests, 0, sizeof requests);
    for (int i = 0; i < 8; i++)
        requests[i] = (vl_io_request){.op = VL_IO_WRITE,
                                      .file = files[i / 4],
                                      .buf = bufs[i],
                                      .size = 4096,
                                      .offset = (uint64_t)i * 4096};
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, requests, 4));
    CHECK_OK(vl_io_queue_reap(unit_ctx(), queue, 4, 4, done, &count));
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, requests + 4, 4));
    vl_file_close(files[0]); /* the ring is held for the other four */
    CHECK_OK(vl_path_delete(unit_ctx(), io, unit_path("a")));
    CHECK_OK(vl_io_queue_reap(unit_ctx(), queue, 4, 4, done, &count));
    CHECK_EQ(count, 4);
    CHECK(uring_saw_end(watch));
    CHECK_EQ(close(watch), 0);
    vl_io_queue_close(queue);
    vl_file_close(files[1]);
    vl_io_close(io);
}

/* Many short-lived files, temporary and not, used by several threads in turn. */
static void
uring_many_files_come_and_go(void)
{
    static char bufs[2][4096];
    uring_idler idler;
    vl_io_stats stats;
    vl_file *file;
    vl_io *io;

    if (!uring_open_or_skip(&io))
        return;
    for (int i = 0; i < 60; i++) {
        uint32_t flags = i % 2 == 0 ? VL_OPEN_TEMPORARY : VL_OPEN_WRITE | VL_OPEN_CREATE;
        vl_file *next;

        CHECK_OK(vl_file_open(unit_ctx(), io, i % 2 == 0 ? unit_folder() : unit_path("a"), flags,
                              &file));
        CHECK_OK(uring_idler_start(&idler, io, file, bufs[0]));
        memset(bufs[1], i, 4096);
        CHECK_OK(uring_transfer(unit_ctx(), io, VL_IO_WRITE, file, bufs[1], 4096));
        vl_file_close(file);
        CHECK_OK(vl_file_open(unit_ctx(), io, unit_folder(), VL_OPEN_TEMPORARY, &next));
        CHECK_OK(vl_file_write(unit_ctx(), next, bufs[1], 4096, 0));
        CHECK_OK(uring_idler_end(&idler, next));
        CHECK(memcmp(bufs[0], bufs[1], 4096) == 0);
        vl_file_close(next);
    }
    vl_io_get_stats(io, &stats);
    CHECK(stats.ring_count >= 61);
    vl_io_close(io);
}

/* Bytes of the process's memory that are pinned, in KiB; -1 when that cannot be seen. */
static long
uring_pinned_kib(void)
{
    FILE *from = fopen("/proc/self/status", "r");
    char line[256];
    long kib = -1;

    while (from != NULL && fgets(line, sizeof line, from) != NULL)
        if (strncmp(line, "VmPin:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    if (from != NULL)
        (void)fclose(from);
    return kib;
}

static void
uring_removed_buffers_are_unpinned(void)
{
    static char buf[4096];
    uring_idler idler;
    vl_file *file;
    long before = uring_pinned_kib();
    vl_io *io;
    char *slab;

    if (!uring_open_or_skip(&io))
        return;
    slab = vl_alloc_aligned(unit_ctx(), 1 << 20, 4096);
    CHECK(slab != NULL);
    memset(slab, 1, 1 << 20);
    CHECK_OK(vl_file_open(unit_ctx(), io, unit_path("a"), VL_OPEN_WRITE | VL_OPEN_CREATE, &file));
    vl_io_buffers_add(io, slab, 1 << 20);
    CHECK_OK(uring_transfer(unit_ctx(), io, VL_IO_WRITE, file, slab, 4096));
    CHECK_OK(uring_idler_start(&idler, io, file, buf));
    if (uring_pinned_kib() <= before)
        unit_skip("pinned memory is not counted here");
    vl_io_buffers_remove(io, slab);
    for (int i = 0; i < URING_TEST_WAIT_MS && uring_pinned_kib() > before; i++)
        vl_io_sleep(io, 1000000);
    CHECK_EQ(uring_pinned_kib(), before);
    vl_free(slab);
    CHECK_OK(uring_idler_end(&idler, file));
    vl_file_close(file);
    vl_io_close(io);
}

/* Threads work while another closes files and changes slabs: nothing is lost. */
typedef struct uring_worker {
    vl_thread thread;       /* it */
    vl_io *io;              /* shared */
    _Atomic int *must_stop; /* set by the test */
    char bufs[4][512];      /* its own, registered by it */
    velo_status status;     /* how it went */
    int is_wrong;           /* read something else than it wrote */
} uring_worker;

static velo_status
uring_worker_round(uring_worker *worker, vl_ctx *ctx, vl_file *file, uint64_t round)
{
    vl_io_request requests[4];

    memset(requests, 0, sizeof requests);
    for (uint32_t i = 0; i < 4; i++) {
        requests[i].op = i % 2 == 0 ? VL_IO_WRITE : VL_IO_READ;
        requests[i].flags = i % 2 == 0 ? VL_IO_LINK : 0;
        requests[i].file = file;
        requests[i].buf = worker->bufs[i];
        requests[i].size = 512;
        requests[i].offset = 512 * (uint64_t)(i / 2);
        memset(worker->bufs[i], i % 2 == 0 ? (int)(round + i) % 200 : 255, 512);
    }
    VL_TRY(vl_io_batch(ctx, worker->io, requests, 4));
    worker->is_wrong |= memcmp(worker->bufs[0], worker->bufs[1], 512) != 0 ||
                        memcmp(worker->bufs[2], worker->bufs[3], 512) != 0;
    return VELO_OK;
}

static void
uring_worker_main(void *argument)
{
    uring_worker *worker = argument;
    vl_file *file = NULL;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    for (uint64_t round = 0; !atomic_load(worker->must_stop) && worker->status == VELO_OK;
         round++) {
        if (round % 16 == 0) {
            vl_file_close(file);
            worker->status = vl_file_open(&ctx, worker->io, getenv("VELO_TEST_FOLDER"),
                                          VL_OPEN_TEMPORARY, &file);
        }
        if (round % 64 == 0)
            vl_io_buffers_add(worker->io, worker->bufs, sizeof worker->bufs);
        if (worker->status == VELO_OK)
            worker->status = uring_worker_round(worker, &ctx, file, round);
        if (round % 64 == 50)
            vl_io_buffers_remove(worker->io, worker->bufs);
    }
    vl_io_buffers_remove(worker->io, worker->bufs);
    vl_file_close(file);
}

static void
uring_threads_and_changes_do_not_disturb(void)
{
    static uring_worker workers[4];
    static char buf[512];
    _Atomic int must_stop = 0;
    vl_file *file;
    vl_io *io;

    if (!uring_open_or_skip(&io))
        return;
    CHECK_EQ(setenv("VELO_TEST_FOLDER", unit_folder(), 1), 0);
    memset(workers, 0, sizeof workers);
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(workers); i++) {
        workers[i].io = io;
        workers[i].must_stop = &must_stop;
        CHECK_OK(vl_thread_start(unit_ctx(), &workers[i].thread, "worker", uring_worker_main,
                                 &workers[i]));
    }
    for (int i = 0; i < 300; i++) {
        CHECK_OK(
            vl_file_open(unit_ctx(), io, unit_path("a"), VL_OPEN_WRITE | VL_OPEN_CREATE, &file));
        CHECK_OK(uring_transfer(unit_ctx(), io, VL_IO_WRITE, file, buf, sizeof buf));
        vl_file_close(file);
    }
    atomic_store(&must_stop, 1);
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(workers); i++)
        vl_thread_join(&workers[i].thread);
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(workers); i++) {
        CHECK_STATUS(workers[i].status, VELO_OK);
        CHECK_EQ(workers[i].is_wrong, 0);
    }
    vl_io_close(io);
}

/* ---- rings that fail ---- */

static _Atomic int uring_log_count; /* events told */

static void
uring_count_log(void *user, vl_log_level level, velo_status code, const char *text)
{
    (void)user;
    (void)code;
    (void)text;
    if (level <= VL_LOG_WARNING)
        atomic_fetch_add(&uring_log_count, 1);
}

static void
uring_failed_ring_is_replaced_by_calls(void)
{
    static const vl_log log = {.callback = uring_count_log, .level = VL_LOG_WARNING};
    vl_io_options options = {.backend = VL_IO_URING};
    char buf[8] = "abcdefg";
    vl_io_stats before;
    vl_io_stats after;
    vl_file *file;
    vl_ctx ctx;
    vl_io *io;

    vl_ctx_init(&ctx, NULL, &log);
    if (vl_io_open(&ctx, &options, &io) != VELO_OK) {
        unit_skip("%s", ctx.error.text);
        return;
    }
    uring_log_count = 0;
    CHECK_OK(vl_file_open(&ctx, io, unit_path("a"), VL_OPEN_WRITE | VL_OPEN_CREATE, &file));
    CHECK_OK(uring_transfer(&ctx, io, VL_IO_WRITE, file, buf, 8));
    vl_io_get_stats(io, &before);
    CHECK_EQ(uring_log_count, 0);
    fault = FAULT_DEAD;
    for (int i = 0; i < 5; i++)
        CHECK_OK(uring_transfer(&ctx, io, VL_IO_READ, file, buf, 8));
    fault = FAULT_NONE;
    CHECK(strcmp(buf, "abcdefg") == 0);
    CHECK_EQ(uring_log_count, 1); /* told once */
    CHECK_OK(uring_transfer(&ctx, io, VL_IO_READ, file, buf, 8));
    vl_io_get_stats(io, &after);
    CHECK_EQ(after.submit_count - before.submit_count, 1); /* the one that failed */
    vl_file_close(file);
    vl_io_close(io);
}

/* In a child: new rings cannot be made any more, since there are no descriptors left. */
static void
uring_child_without_descriptors(void)
{
    struct rlimit limit;
    vl_io_stats stats;
    vl_file *file;
    char buf[8] = "abcdefg";
    vl_io *io;
    int fd;

    if (!system_open(VL_IO_URING, &io))
        system_skip_child(unit_ctx()->error.text);
    CHECK_OK(vl_file_open(unit_ctx(), io, unit_path("a"), VL_OPEN_WRITE | VL_OPEN_CREATE, &file));
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    fd = dup(0);
    CHECK(fd >= 0);
    CHECK_EQ(close(fd), 0);
    limit.rlim_cur = (rlim_t)fd;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_OK(uring_transfer(unit_ctx(), io, VL_IO_WRITE, file, buf, 8));
    vl_io_get_stats(io, &stats);
    CHECK_EQ(stats.ring_count, 0);
    limit.rlim_cur = (rlim_t)fd + 10;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int i = 0; i < 100; i++) /* it is tried again some time */
        CHECK_OK(uring_transfer(unit_ctx(), io, VL_IO_READ, file, buf, 8));
    CHECK(strcmp(buf, "abcdefg") == 0);
    vl_io_get_stats(io, &stats);
    CHECK_EQ(stats.ring_count, 1);
    vl_file_close(file);
    vl_io_close(io);
}

static void
uring_queue_works_without_descriptors(void)
{
    (void)system_run_in_child(VL_IO_URING, uring_child_without_descriptors);
}

/* Whether some other open file has the first byte locked. */
static int
uring_is_locked(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};

    return fcntl(fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

/* In a child: the lock is held by the very description that writes go by, so that what a dead
 * process left in flight keeps it, and by nothing that lives as long as the ring. Seen when the
 * descriptor is closed past the library, which is what the death of the process does to it. */
static void
uring_child_loses_its_descriptor(void)
{
    static char buf[4096];
    vl_file *file;
    vl_file *other;
    vl_io *io;
    int probe;

    if (!system_open(VL_IO_URING, &io))
        system_skip_child(unit_ctx()->error.text);
    CHECK_OK(vl_file_open(unit_ctx(), io, unit_path("a"), VL_OPEN_WRITE | VL_OPEN_CREATE, &file));
    CHECK_OK(vl_file_open(unit_ctx(), io, unit_path("b"), VL_OPEN_WRITE | VL_OPEN_CREATE, &other));
    probe = open(unit_path("a"), O_RDWR | O_CLOEXEC);
    CHECK(probe >= 0);
    for (uint64_t i = 0; i < 3; i++) { /* a ring knows the file before and after */
        CHECK_OK(uring_transfer(unit_ctx(), io, VL_IO_WRITE, file, buf, sizeof buf));
        CHECK_OK(uring_transfer(unit_ctx(), io, VL_IO_READ, file, buf, sizeof buf));
        CHECK_OK(vl_file_lock(unit_ctx(), file, VL_LOCK_EXCLUSIVE, i, 1));
    }
    CHECK(uring_is_locked(probe));
    CHECK_EQ(close(vl_posix_of(file)->fd), 0);
    for (int tries = 0; tries < 1000 && uring_is_locked(probe); tries++) {
        /* A request that is done may be freed only when the thread next enters the ring. */
        CHECK_OK(uring_transfer(unit_ctx(), io, VL_IO_WRITE, other, buf, sizeof buf));
        vl_io_sleep(io, 1000000);
    }
    CHECK(!uring_is_locked(probe));
    CHECK_STATUS(uring_transfer(unit_ctx(), io, VL_IO_WRITE, file, buf, sizeof buf),
                 VELO_IOERR_WRITE);
    CHECK_EQ(unit_ctx()->error.os_error, EBADF);
    /* ends without closing anything */
}

static void
uring_lock_is_held_by_what_writes(void)
{
    if (VL_POSIX_FLOCK)
        unit_skip("built with flock: such locks are not seen by uring_is_locked");
    else
        (void)system_run_in_child(VL_IO_URING, uring_child_loses_its_descriptor);
}

/* A ring of each mode that older kernels have does what is asked. */
static void
uring_ring_works_in_every_mode(void)
{
    vl_uring_ring ring;

    for (uint32_t first = 0; first < 5; first++) {
        uint32_t mode = first;
        int error;

        memset(&ring, 0, sizeof ring);
        error = vl_uring_ring_open(&ring, 8, &mode);
        if (error != 0) {
            unit_skip("rings cannot be made: %s", strerror(error));
            return;
        }
        CHECK(mode >= first);
        CHECK_EQ(vl_uring_ring_try(&ring), 0);
        vl_uring_ring_close(&ring);
        vl_uring_ring_close(&ring);
    }
}

/* ---- all tests ---- */

#define URING_ENTRY(name)                                                                          \
    UNIT_TEST(uring_##name), UNIT_TEST(uring_cut_##name), UNIT_TEST(uring_short_##name),           \
        UNIT_TEST(uring_busy_##name), UNIT_TEST(uring_refused_##name),

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        OS_CONTRACT_LIST(URING_ENTRY) //
        UNIT_TEST(uring_ring_is_made_at_the_first_batch),
        UNIT_TEST(uring_buffers_are_registered),
        UNIT_TEST(uring_closed_file_is_forgotten_by_idle_rings),
        UNIT_TEST(uring_closed_file_is_forgotten_by_busy_rings),
        UNIT_TEST(uring_many_files_come_and_go),
        UNIT_TEST(uring_removed_buffers_are_unpinned),
        UNIT_TEST(uring_threads_and_changes_do_not_disturb),
        UNIT_TEST(uring_failed_ring_is_replaced_by_calls),
        UNIT_TEST(uring_queue_works_without_descriptors),
        UNIT_TEST(uring_lock_is_held_by_what_writes),
        UNIT_TEST(uring_ring_works_in_every_mode),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}

#else

static void
uring_is_built_in(void)
{
    vl_io *io;

    CHECK(!system_open(VL_IO_URING, &io));
    CHECK_CONTAINS(unit_ctx()->error.text, "built without io_uring");
    unit_skip("built without io_uring");
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {UNIT_TEST(uring_is_built_in)};

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}

#endif
