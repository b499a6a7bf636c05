/* bench_read.c - random direct reads through the library, beside fio with io_uring on the same
 * file in the same rounds. */
#define _GNU_SOURCE
#include "base/rng.h"
#include "lib/bench.h"
#include "os/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_CHUNK     (1U << 20)
#define READ_MAX_DEPTH 128
#define READ_MAX_SIZE  16384

/* Who reads. */
typedef enum read_by {
    READ_QUEUE,
    READ_CALL,
    READ_FIO
} read_by;

/* One series: a block size, a depth, and who reads. */
typedef struct read_case {
    uint32_t size;  /* of a read, bytes */
    uint32_t depth; /* reads in flight */
    read_by by;     /* through what */
    char name[64];  /* of the series */
} read_case;

static struct {
    uint64_t file_size;  /* bytes */
    uint64_t run_ns;     /* length of a run */
    char path[1024];     /* of the file */
    vl_ctx ctx;          /* of this thread */
    vl_io *io;           /* the library's backend */
    vl_file *file;       /* opened direct */
    char *buffers;       /* READ_MAX_DEPTH of READ_MAX_SIZE bytes, registered */
    vl_rng rng;          /* of the offsets */
    read_case cases[32]; /* series in the order added */
    int case_count;      /* how many */
} reads;

static void
reads_check(velo_status status)
{
    if (status == VELO_OK)
        return;
    (void)fprintf(stderr, "bench_read: %s\n", reads.ctx.error.text);
    exit(1);
}

/* Write the file with random bytes unless it is there with the right size. */
static void
reads_make_file(void)
{
    vl_file *file;
    uint64_t size;
    char *chunk = malloc(READ_CHUNK);

    if (chunk == NULL)
        exit(1);
    reads_check(
        vl_file_open(&reads.ctx, reads.io, reads.path, VL_OPEN_WRITE | VL_OPEN_CREATE, &file));
    reads_check(vl_file_get_size(&reads.ctx, file, &size));
    for (uint64_t at = 0; size != reads.file_size && at < reads.file_size; at += READ_CHUNK) {
        vl_rng_fill(&reads.rng, chunk, READ_CHUNK);
        reads_check(vl_file_write(&reads.ctx, file, chunk, READ_CHUNK, at));
    }
    reads_check(vl_file_sync(&reads.ctx, file));
    vl_file_close(file);
    free(chunk);
}

static uint64_t
reads_random_offset(const read_case *c)
{
    return vl_rng_below(&reads.rng, reads.file_size / c->size) * c->size;
}

static double
measure_call(const read_case *c)
{
    uint64_t start_ns = bench_now_ns();
    uint64_t count = 0;
    uint64_t took_ns;

    do {
        for (int i = 0; i < 16; i++, count++)
            reads_check(vl_file_read(&reads.ctx, reads.file, reads.buffers, c->size,
                                     reads_random_offset(c), NULL));
        took_ns = bench_now_ns() - start_ns;
    } while (took_ns < reads.run_ns);
    return (double)count * 1e9 / (double)took_ns;
}

static double
measure_queue(const read_case *c)
{
    static vl_io_request requests[READ_MAX_DEPTH];
    vl_io_request *done[READ_MAX_DEPTH];
    vl_io_queue *queue;
    uint64_t start_ns = bench_now_ns();
    uint64_t count = 0;
    uint64_t took_ns;
    uint32_t done_count = 0;

    reads_check(vl_io_queue_open(&reads.ctx, reads.io, c->depth, &queue));
    memset(requests, 0, sizeof requests);
    for (uint32_t i = 0; i < c->depth; i++) {
        requests[i].op = VL_IO_READ;
        requests[i].file = reads.file;
        requests[i].buf = reads.buffers + (size_t)i * READ_MAX_SIZE;
        requests[i].size = c->size;
        requests[i].offset = reads_random_offset(c);
    }
    reads_check(vl_io_queue_submit(&reads.ctx, queue, requests, c->depth));
    do {
        reads_check(vl_io_queue_reap(&reads.ctx, queue, 1, READ_MAX_DEPTH, done, &done_count));
        for (uint32_t i = 0; i < done_count; i++) {
            reads_check(done[i]->status == VELO_OK ? VELO_OK
                                                   : vl_io_request_fail(&reads.ctx, done[i]));
            done[i]->offset = reads_random_offset(c);
            reads_check(vl_io_queue_submit(&reads.ctx, queue, done[i], 1));
        }
        count += done_count;
        took_ns = bench_now_ns() - start_ns;
    } while (took_ns < reads.run_ns);
    vl_io_queue_close(queue);
    return (double)count * 1e9 / (double)took_ns;
}

/* Run fio and find "iops" of its reads in the JSON it prints. */
static double
measure_fio(const read_case *c)
{
    char command[2048];
    char line[512];
    double iops = -1;
    int in_read = 0;
    FILE *from;

    (void)snprintf(command, sizeof command,
                   "fio --name=r --filename='%s' --size=%llu --rw=randread --bs=%u --iodepth=%u "
                   "--ioengine=io_uring --direct=1 --time_based --runtime=%llums --randrepeat=0 "
                   "--norandommap --output-format=json 2>/dev/null",
                   reads.path, (unsigned long long)reads.file_size, c->size, c->depth,
                   (unsigned long long)(reads.run_ns / 1000000U));
    from = popen(command, "r"); /* NOLINT(cert-env33-c): fio is a program, the path is ours */
    if (from == NULL)
        return -1;
    while (fgets(line, sizeof line, from) != NULL) {
        const char *at = strstr(line, "\"iops\" :");

        if (strstr(line, "\"read\" :") != NULL)
            in_read = 1;
        if (strstr(line, "\"write\" :") != NULL)
            in_read = 0;
        if (in_read && at != NULL && iops < 0)
            iops = strtod(at + strlen("\"iops\" :"), NULL);
    }
    return pclose(from) == 0 ? iops : -1;
}

static double
measure_case(void *user)
{
    const read_case *c = user;

    switch (c->by) {
    case READ_QUEUE:
        return measure_queue(c);
    case READ_CALL:
        return measure_call(c);
    case READ_FIO:
        return measure_fio(c);
    }
    return -1;
}

static int
reads_add(bench *b, uint32_t size, uint32_t depth, read_by by)
{
    static const char *const names[] = {"velocidb queue", "velocidb call", "fio"};
    read_case *c = &reads.cases[reads.case_count++];

    c->size = size;
    c->depth = depth;
    c->by = by;
    (void)snprintf(c->name, sizeof c->name, "%u KiB, depth %u, %s", size / 1024, depth, names[by]);
    return bench_add(b, c->name, "reads/s", BENCH_MORE_IS_BETTER, measure_case, c);
}

static void
reads_add_all(bench *b, uint32_t size)
{
    static const uint32_t depths[] = {32, 128};
    int ours;
    int fio;

    ours = reads_add(b, size, 1, READ_CALL);
    fio = reads_add(b, size, 1, READ_FIO);
    bench_want_ratio(b, "one read at a time, by call", ours, fio, 1, 0.95);
    ours = reads_add(b, size, 1, READ_QUEUE);
    bench_want_ratio(b, "one read at a time, by queue", ours, fio, 1, 0.95);
    for (int i = 0; i < 2; i++) {
        ours = reads_add(b, size, depths[i], READ_QUEUE);
        fio = reads_add(b, size, depths[i], READ_FIO);
        bench_want_ratio(b, "many reads in flight", ours, fio, 1, 0.9);
    }
}

int
main(int argc, char **argv)
{
    bench *b = bench_create(argc, argv, "random direct reads");
    vl_io_stats stats;
    int status;

    reads.file_size = UINT64_C(2) << 30;
    reads.run_ns = bench_work(b, 1000) * 1000000U;
    (void)snprintf(reads.path, sizeof reads.path, "%s/read.dat", bench_folder(b));
    vl_rng_init(&reads.rng, bench_now_ns());
    vl_ctx_init(&reads.ctx, NULL, NULL);
    reads_check(vl_io_open(&reads.ctx, NULL, &reads.io));
    reads_make_file();
    reads_check(vl_file_open(&reads.ctx, reads.io, reads.path, VL_OPEN_DIRECT, &reads.file));
    reads.buffers = aligned_alloc(4096, (size_t)READ_MAX_DEPTH * READ_MAX_SIZE);
    if (reads.buffers == NULL)
        return 1;
    vl_io_buffers_add(reads.io, reads.buffers, (size_t)READ_MAX_DEPTH * READ_MAX_SIZE);
    bench_note(b, "I/O through %s %s; direct: %s", vl_io_name(reads.io),
               vl_io_fallback_reason(reads.io), vl_file_is_direct(reads.file) ? "yes" : "no");
    reads_add_all(b, 4096);
    reads_add_all(b, 16384);
    status = bench_finish(b);
    vl_io_get_stats(reads.io, &stats);
    printf("reads with registered buffers: %llu of %llu\n",
           (unsigned long long)stats.fixed_buffer_count, (unsigned long long)stats.read_count);
    vl_io_buffers_remove(reads.io, reads.buffers);
    vl_file_close(reads.file);
    vl_io_close(reads.io);
    free(reads.buffers);
    return status;
}
