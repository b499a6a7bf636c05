/* bench_wal.c - the write-ahead log: durable appends by 1 to 32 threads, beside an ideal group
 * commit, and appending without waiting.
 *
 * The ideal is a bare loop over the same system calls, in space that was written before: what is
 * queued while one sync runs goes with the next, records are not built, nothing is checked, and the
 * space never ends. Both sides make records of the same size durable with the same method, one
 * record at a time by each thread.
 *
 * With a folder in persistent memory, or VELO_PMEM=force and a folder on tmpfs, also how long one
 * durable append takes when the log is stored to a mapping. */
#define _GNU_SOURCE
#include "base/thread.h"
#include "lib/bench.h"
#include "os/durability.h"
#include "storage/wal.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define WAL_RECORD      256U /* bytes of a record, header included */
#define WAL_THREADS_MAX 32U
#define WAL_SPACE       (64U << 20) /* of the ideal's file, used over and over */
#define WAL_RELEASE     (4U << 20)  /* bytes of log between two releases */

/* A thread at work. */
typedef struct wal_worker {
    pthread_t thread; /* runs it */
    uint64_t count;   /* records that it made durable */
} wal_worker;

/* One number of threads. */
typedef struct wal_case {
    uint32_t threads;    /* how many */
    double fairness;     /* of the last run of ours: fewest records of a thread by most */
    double processor_ns; /* of the last run on a mapping, for one record */
    char ours[48];       /* name of the series */
    char ideal[48];      /* likewise */
    char fair[48];       /* likewise */
} wal_case;

static struct {
    uint64_t duration_ns;                /* of one run */
    char path[1024];                     /* of the log */
    char ideal_path[1024];               /* of the ideal's file */
    vl_ctx ctx;                          /* of the main thread */
    vl_io *io;                           /* the library's backend */
    vl_durable_method method;            /* of both */
    vl_wal_medium medium;                /* of the log */
    vl_wal *wal;                         /* of a run */
    uint64_t generation;                 /* of that log */
    _Atomic uint32_t stop;               /* the run is over */
    wal_worker workers[WAL_THREADS_MAX]; /* of a run */
} bench_wal;

/* The ideal's state. */
static struct {
    pthread_mutex_t mutex;  /* guards all of it */
    pthread_cond_t changed; /* a sync is over */
    uint64_t queued;        /* records that wait or are durable */
    uint64_t durable;       /* records that are durable */
    int has_leader;         /* a sync runs */
    int fd;                 /* the file */
    uint64_t offset;        /* where the next group goes */
    char *data;             /* any bytes, as many as a group may have */
} ideal = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void
wal_die(const char *what)
{
    perror(what);
    exit(1);
}

static void
wal_check(const vl_ctx *ctx, velo_status status)
{
    if (status == VELO_OK)
        return;
    (void)fprintf(stderr, "bench_wal: %s\n", ctx->error.text);
    exit(1);
}

/* Run `main` in so many threads for the time of a run; returns records each second. */
static double
wal_run_threads(uint32_t threads, void *(*main)(void *), double *fairness)
{
    uint64_t start_ns = bench_now_ns();
    uint64_t took_ns;
    uint64_t total = 0;
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;

    atomic_store(&bench_wal.stop, 0);
    for (uint32_t i = 0; i < threads; i++) {
        bench_wal.workers[i].count = 0;
        if (pthread_create(&bench_wal.workers[i].thread, NULL, main, &bench_wal.workers[i]) != 0)
            wal_die("threads");
    }
    while (bench_now_ns() - start_ns < bench_wal.duration_ns)
        (void)usleep(2000);
    atomic_store(&bench_wal.stop, 1);
    for (uint32_t i = 0; i < threads; i++) {
        uint64_t count;

        (void)pthread_join(bench_wal.workers[i].thread, NULL);
        count = bench_wal.workers[i].count;
        total += count;
        least = count < least ? count : least;
        most = count > most ? count : most;
    }
    took_ns = bench_now_ns() - start_ns;
    if (fairness != NULL)
        *fairness = most == 0 ? 0 : (double)least / (double)most;
    return (double)total * 1e9 / (double)took_ns;
}

/* ---- the ideal ---- */

static void
ideal_write(uint64_t size)
{
    struct iovec part = {ideal.data, size};
    ssize_t written;

    if (ideal.offset + size > WAL_SPACE)
        ideal.offset = 0;
    written = bench_wal.method == VL_DURABLE_DSYNC
                  ? pwritev2(ideal.fd, &part, 1, (off_t)ideal.offset, RWF_DSYNC)
                  : pwrite(ideal.fd, ideal.data, size, (off_t)ideal.offset);
    if (written != (ssize_t)size ||
        (bench_wal.method != VL_DURABLE_DSYNC && fdatasync(ideal.fd) != 0))
        wal_die(bench_wal.ideal_path);
    ideal.offset += size;
}

static void *
ideal_main(void *argument)
{
    wal_worker *worker = argument;

    while (!atomic_load_explicit(&bench_wal.stop, memory_order_relaxed)) {
        uint64_t mine;

        (void)pthread_mutex_lock(&ideal.mutex);
        mine = ++ideal.queued;
        while (ideal.durable < mine) {
            if (ideal.has_leader) {
                (void)pthread_cond_wait(&ideal.changed, &ideal.mutex);
            } else {
                uint64_t upto = ideal.queued;
                uint64_t count = upto - ideal.durable;

                ideal.has_leader = 1;
                (void)pthread_mutex_unlock(&ideal.mutex);
                ideal_write(count * WAL_RECORD);
                (void)pthread_mutex_lock(&ideal.mutex);
                ideal.durable = upto;
                ideal.has_leader = 0;
                (void)pthread_cond_broadcast(&ideal.changed);
            }
        }
        (void)pthread_mutex_unlock(&ideal.mutex);
        worker->count++;
    }
    return NULL;
}

static void
ideal_open(void)
{
    const size_t chunk = 1U << 20;

    ideal.data = calloc(1, chunk);
    ideal.fd = open(bench_wal.ideal_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (ideal.data == NULL || ideal.fd < 0)
        wal_die(bench_wal.ideal_path);
    for (uint64_t at = 0; at < WAL_SPACE; at += chunk)
        if (pwrite(ideal.fd, ideal.data, chunk, (off_t)at) != (ssize_t)chunk)
            wal_die(bench_wal.ideal_path);
    if (fsync(ideal.fd) != 0)
        wal_die(bench_wal.ideal_path);
    memset(ideal.data, 'x', chunk);
}

static double
measure_ideal(void *user)
{
    const wal_case *c = user;

    return wal_run_threads(c->threads, ideal_main, NULL);
}

/* ---- ours ---- */

/* Begin a log whose first segments are prepared, as one that has run for a while. */
static void
wal_begin(void)
{
    vl_wal_options options = {.io = bench_wal.io,
                              .path = bench_wal.path,
                              .method = bench_wal.method,
                              .medium = bench_wal.medium,
                              .preallocation = VL_PREALLOC_WRITTEN};
    vl_wal_part part = {ideal.data, WAL_RECORD - VL_WAL_RECORD_HEADER};

    options.identity.generation = ++bench_wal.generation;
    options.identity.salt = bench_wal.generation;
    wal_check(&bench_wal.ctx, vl_wal_delete(&bench_wal.ctx, bench_wal.io, bench_wal.path));
    wal_check(&bench_wal.ctx, vl_wal_create(&bench_wal.ctx, &options, &bench_wal.wal));
    while (vl_wal_tail(bench_wal.wal) < 3 * (uint64_t)WAL_RELEASE) {
        vl_wal_credit credit;

        wal_check(&bench_wal.ctx,
                  vl_wal_grant(&bench_wal.ctx, bench_wal.wal, 1, part.size, &credit));
        (void)vl_wal_append(bench_wal.wal, &credit, 1, 1, &part, 1);
        vl_wal_ungrant(bench_wal.wal, &credit);
    }
    wal_check(&bench_wal.ctx,
              vl_wal_flush(&bench_wal.ctx, bench_wal.wal, vl_wal_tail(bench_wal.wal), 1));
    wal_check(&bench_wal.ctx,
              vl_wal_release(&bench_wal.ctx, bench_wal.wal, vl_wal_durable(bench_wal.wal)));
}

/* Append, and make each record durable or not; the first worker releases now and then. */
static void
wal_work(wal_worker *worker, int is_durable)
{
    vl_wal_part part = {ideal.data, WAL_RECORD - VL_WAL_RECORD_HEADER};
    uint64_t released = vl_wal_tail(bench_wal.wal);
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    while (!atomic_load_explicit(&bench_wal.stop, memory_order_relaxed)) {
        vl_wal_credit credit;
        vl_log_position position;

        wal_check(&ctx, vl_wal_grant(&ctx, bench_wal.wal, 1, part.size, &credit));
        position = vl_wal_append(bench_wal.wal, &credit, 1, worker->count, &part, 1);
        vl_wal_ungrant(bench_wal.wal, &credit);
        if (is_durable)
            wal_check(&ctx,
                      vl_wal_flush(&ctx, bench_wal.wal, vl_wal_record_end(position, part.size), 1));
        worker->count++;
        if (worker == bench_wal.workers && position - released > WAL_RELEASE) {
            released = position;
            wal_check(&ctx, vl_wal_release(&ctx, bench_wal.wal, vl_wal_written(bench_wal.wal)));
        }
    }
}

static void *
wal_durable_main(void *argument)
{
    wal_work(argument, 1);
    return NULL;
}

static void *
wal_append_main(void *argument)
{
    wal_work(argument, 0);
    return NULL;
}

static double
measure_durable(void *user)
{
    wal_case *c = user;
    double rate;

    wal_begin();
    rate = wal_run_threads(c->threads, wal_durable_main, &c->fairness);
    vl_wal_close(bench_wal.wal);
    return rate;
}

/* Processor time of the process so far. */
static uint64_t
wal_processor_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* Nanoseconds for one durable append to a mapping by one thread: credit, record, flush. */
static double
measure_mapped(void *user)
{
    wal_case *c = user;
    vl_wal_stats stats;
    uint64_t start_ns;
    double rate;

    bench_wal.medium = VL_WAL_MAPPED;
    wal_begin();
    vl_wal_get_stats(bench_wal.wal, &stats);
    if (!stats.is_mapped) {
        (void)fprintf(stderr, "bench_wal: the log is on a %s\n", stats.medium);
        exit(1);
    }
    start_ns = wal_processor_ns();
    rate = wal_run_threads(c->threads, wal_durable_main, NULL);
    c->processor_ns = (double)(wal_processor_ns() - start_ns) / (double)bench_wal.workers[0].count;
    vl_wal_close(bench_wal.wal);
    bench_wal.medium = VL_WAL_FILE;
    return 1e9 / rate;
}

/* Of the run just before, what the processor was at work for: others may be using it. */
static double
measure_mapped_processor(void *user)
{
    const wal_case *c = user;

    return c->processor_ns;
}

/* Whether a log in the folder of the benchmark would be mapped. */
static int
wal_can_be_mapped(void)
{
    vl_wal_stats stats;

    bench_wal.medium = VL_WAL_MAPPED;
    wal_begin();
    vl_wal_get_stats(bench_wal.wal, &stats);
    vl_wal_close(bench_wal.wal);
    bench_wal.medium = VL_WAL_FILE;
    return stats.is_mapped;
}

/* Of the run just before. */
static double
measure_fairness(void *user)
{
    const wal_case *c = user;

    return c->fairness;
}

static double
measure_append(void *user)
{
    const wal_case *c = user;
    double rate;

    wal_begin();
    rate = wal_run_threads(c->threads, wal_append_main, NULL);
    vl_wal_close(bench_wal.wal);
    return rate / 1e6;
}

static void
wal_add_case(bench *b, wal_case *c)
{
    char target[48];
    int ours;

    (void)snprintf(c->ours, sizeof c->ours, "durable, %u threads", c->threads);
    (void)snprintf(c->ideal, sizeof c->ideal, "ideal group commit, %u threads", c->threads);
    (void)snprintf(c->fair, sizeof c->fair, "least by most of a thread, %u threads", c->threads);
    (void)snprintf(target, sizeof target, "of the ideal, %u threads", c->threads);
    ours = bench_add(b, c->ours, "records/s", BENCH_MORE_IS_BETTER, measure_durable, c);
    (void)bench_add(b, c->ideal, "records/s", BENCH_MORE_IS_BETTER, measure_ideal, c);
    bench_want_ratio(b, strdup(target), ours, ours + 1, 1, 0.8);
    if (c->threads > 1)
        (void)bench_add(b, c->fair, "", BENCH_MORE_IS_BETTER, measure_fairness, c);
}

static void
wal_add_mapped(bench *b, wal_case *c)
{
    (void)bench_add(b, "durable append to a mapping, 1 thread", "ns", BENCH_LESS_IS_BETTER,
                    measure_mapped, c);
    bench_want_value(b, "durable append to a mapping, processor time",
                     bench_add(b, "of that append to a mapping, processor time", "ns",
                               BENCH_LESS_IS_BETTER, measure_mapped_processor, c),
                     500);
}

int
main(int argc, char **argv)
{
    static wal_case cases[] = {{.threads = 1}, {.threads = 2}, {.threads = 8}, {.threads = 32}};
    bench *b = bench_create(argc, argv, "the write-ahead log, records of 256 bytes");
    vl_durability found;
    int status;

    bench_wal.duration_ns = bench_work(b, 500) * 1000000;
    (void)snprintf(bench_wal.path, sizeof bench_wal.path, "%s/bench-wal", bench_folder(b));
    (void)snprintf(bench_wal.ideal_path, sizeof bench_wal.ideal_path, "%s/ideal.dat",
                   bench_folder(b));
    vl_ctx_init(&bench_wal.ctx, NULL, NULL);
    wal_check(&bench_wal.ctx, vl_io_open(&bench_wal.ctx, NULL, &bench_wal.io));
    wal_check(&bench_wal.ctx,
              vl_durability_probe(&bench_wal.ctx, bench_wal.io, bench_folder(b), 4096, 0, &found));
    bench_wal.method = found.ways[found.best].method;
    if (bench_wal.method == VL_DURABLE_RING) /* the ideal has no ring */
        bench_wal.method = VL_DURABLE_WRITE_SYNC;
    bench_note(b, "both sides use %s in space written before, I/O through %s",
               vl_durable_method_name(bench_wal.method), vl_io_name(bench_wal.io));
    ideal_open();
    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++)
        wal_add_case(b, &cases[i]);
    (void)bench_add(b, "append only, 1 thread", "M records/s", BENCH_MORE_IS_BETTER, measure_append,
                    &cases[0]);
    (void)bench_add(b, "append only, 2 threads", "M records/s", BENCH_MORE_IS_BETTER,
                    measure_append, &cases[1]);
    if (wal_can_be_mapped())
        wal_add_mapped(b, &cases[0]);
    status = bench_finish(b);
    (void)close(ideal.fd);
    (void)unlink(bench_wal.ideal_path);
    (void)unlink(bench_wal.path);
    free(ideal.data);
    vl_io_close(bench_wal.io);
    return status;
}
