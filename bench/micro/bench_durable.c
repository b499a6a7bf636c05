/* bench_durable.c - durable 4 KiB appends: the library with the way its probe chose, beside bare
 * loops over the same system calls. */
#define _GNU_SOURCE
#include "lib/bench.h"
#include "os/durability.h"
#include "os/io.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#if VL_HAVE_URING
#include <liburing.h>
#endif

#define DURABLE_SIZE 4096

/* One way of making appends durable. */
typedef struct durable_way {
    vl_durable_method method;       /* system calls */
    vl_preallocation preallocation; /* state of the space */
    char name[64];                  /* of the series */
} durable_way;

static struct {
    uint64_t appends;                     /* of one run */
    char path[1024];                      /* of the file */
    char *data;                           /* one append */
    vl_ctx ctx;                           /* of this thread */
    vl_io *io;                            /* the library's backend */
    vl_durability found;                  /* what its probe found */
    durable_way ways[VL_DURABILITY_WAYS]; /* of the bare loops */
#if VL_HAVE_URING
    struct io_uring ring; /* of the bare loops */
    int has_ring;         /* it could be made */
#endif
} durable;

static void
durable_die(const char *what)
{
    perror(what);
    exit(1);
}

/* Make the file as the preallocation says: empty, allocated, or full of zeros; synced. */
static int
durable_prepare(vl_preallocation preallocation)
{
    off_t size = (off_t)durable.appends * DURABLE_SIZE;
    int fd = open(durable.path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0)
        durable_die(durable.path);
    if (preallocation == VL_PREALLOC_ALLOCATED && fallocate(fd, 0, 0, size) != 0)
        durable_die("fallocate");
    if (preallocation == VL_PREALLOC_WRITTEN)
        for (off_t at = 0; at < size; at += DURABLE_SIZE)
            if (pwrite(fd, durable.data, DURABLE_SIZE, at) != DURABLE_SIZE)
                durable_die("pwrite");
    if (fsync(fd) != 0)
        durable_die("fsync");
    return fd;
}

static int
durable_append_ring(int fd, off_t at)
{
#if VL_HAVE_URING
    struct io_uring_sqe *sqe = io_uring_get_sqe(&durable.ring);
    struct io_uring_cqe *cqe;
    int result = 0;

    io_uring_prep_write(sqe, fd, durable.data, DURABLE_SIZE, (uint64_t)at);
    sqe->flags |= IOSQE_IO_LINK;
    sqe = io_uring_get_sqe(&durable.ring);
    io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
    if (io_uring_submit_and_wait(&durable.ring, 2) < 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        if (io_uring_wait_cqe(&durable.ring, &cqe) != 0 || cqe->res < 0)
            result = -1;
        io_uring_cqe_seen(&durable.ring, cqe);
    }
    return result;
#else
    (void)fd;
    (void)at;
    return -1;
#endif
}

static int
durable_append(int fd, vl_durable_method method, off_t at)
{
    struct iovec part = {durable.data, DURABLE_SIZE};

    switch (method) {
    case VL_DURABLE_WRITE_SYNC:
        return pwrite(fd, durable.data, DURABLE_SIZE, at) == DURABLE_SIZE ? fdatasync(fd) : -1;
    case VL_DURABLE_DSYNC:
        return pwritev2(fd, &part, 1, at, RWF_DSYNC) == DURABLE_SIZE ? 0 : -1;
    case VL_DURABLE_RING:
        return durable_append_ring(fd, at);
    }
    return -1;
}

static double
measure_bare(void *user)
{
    const durable_way *way = user;
    int fd;
    uint64_t start_ns;
    uint64_t took_ns;

#if VL_HAVE_URING
    if (way->method == VL_DURABLE_RING && !durable.has_ring)
        return -1;
#else
    if (way->method == VL_DURABLE_RING)
        return -1;
#endif
    fd = durable_prepare(way->preallocation);
    start_ns = bench_now_ns();
    for (uint64_t i = 0; i < durable.appends; i++)
        if (durable_append(fd, way->method, (off_t)(i * DURABLE_SIZE)) != 0)
            durable_die(way->name);
    took_ns = bench_now_ns() - start_ns;
    (void)close(fd);
    return (double)durable.appends * 1e9 / (double)took_ns;
}

static void
durable_check(velo_status status)
{
    if (status == VELO_OK)
        return;
    (void)fprintf(stderr, "bench_durable: %s\n", durable.ctx.error.text);
    exit(1);
}

static double
measure_ours(void *user)
{
    const vl_durability_way *way = &durable.found.ways[durable.found.best];
    vl_file *file;
    uint64_t start_ns;
    uint64_t took_ns;

    (void)user;
    (void)close(durable_prepare(way->preallocation));
    durable_check(vl_file_open(&durable.ctx, durable.io, durable.path, VL_OPEN_WRITE, &file));
    start_ns = bench_now_ns();
    for (uint64_t i = 0; i < durable.appends; i++)
        durable_check(vl_file_write_durable(&durable.ctx, file, way->method, durable.data,
                                            DURABLE_SIZE, i * DURABLE_SIZE));
    took_ns = bench_now_ns() - start_ns;
    vl_file_close(file);
    return (double)durable.appends * 1e9 / (double)took_ns;
}

int
main(int argc, char **argv)
{
    bench *b = bench_create(argc, argv, "durable appends of 4 KiB");
    const vl_durability_way *best;
    int ours;
    int status;

    durable.appends = bench_work(b, 300);
    (void)snprintf(durable.path, sizeof durable.path, "%s/durable.dat", bench_folder(b));
    durable.data = aligned_alloc(4096, DURABLE_SIZE);
    if (durable.data == NULL)
        durable_die("memory");
    memset(durable.data, 'x', DURABLE_SIZE);
#if VL_HAVE_URING
    durable.has_ring = io_uring_queue_init(8, &durable.ring, 0) == 0;
#endif
    vl_ctx_init(&durable.ctx, NULL, NULL);
    durable_check(vl_io_open(&durable.ctx, NULL, &durable.io));
    durable_check(vl_durability_probe(&durable.ctx, durable.io, bench_folder(b), DURABLE_SIZE, 0,
                                      &durable.found));
    best = &durable.found.ways[durable.found.best];
    bench_note(b, "the probe chose %s with space %s, %u rounds, I/O through %s",
               vl_durable_method_name(best->method), vl_preallocation_name(best->preallocation),
               durable.found.round_count, vl_io_name(durable.io));
    ours =
        bench_add(b, "velocidb, probed way", "appends/s", BENCH_MORE_IS_BETTER, measure_ours, NULL);
    for (uint32_t i = 0; i < VL_DURABILITY_WAYS; i++) {
        durable_way *way = &durable.ways[i];

        way->method = durable.found.ways[i].method;
        way->preallocation = durable.found.ways[i].preallocation;
        (void)snprintf(way->name, sizeof way->name, "bare %s, space %s",
                       vl_durable_method_name(way->method),
                       vl_preallocation_name(way->preallocation));
        (void)bench_add(b, way->name, "appends/s", BENCH_MORE_IS_BETTER, measure_bare, way);
    }
    bench_want_ratio(b, "probed durable append", ours, ours + 1, (int)VL_DURABILITY_WAYS, 0.95);
    status = bench_finish(b);
    (void)unlink(durable.path);
    vl_io_close(durable.io);
    return status;
}
