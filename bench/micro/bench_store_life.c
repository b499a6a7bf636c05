/* bench_store_life.c - checkpoints, recovery, opening, memory.
 *
 * Checkpoint: a table of 1 million rows that is in memory and in the log only is written to its
 * place by request, beside a bare loop that writes as many bytes one behind the other and syncs.
 * Recovery: the process dies with 1 million operations in the log, and the next open applies them
 * and writes a checkpoint; what recovery reports of itself is counted with all of that open.
 * Opening: a clean database whose file is in the system's cache, up to the first row.
 * Writes: the 99th percentile of one update, committed without waiting for the medium, with caches
 * of 16 MiB and more for rows that take half of that, whose pages have been split before; without
 * checkpoints, and beside a thread that writes one after the other. And how large the file gets
 * meanwhile. Memory: what a process has resident after opening with a cache of 1 MiB, less than
 * before. */
#define _GNU_SOURCE
#include "base/rng.h"
#include "lib/bench.h"
#include "store_peers.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LIFE_CHUNK (1U << 20)
#define LIFE_OPENS 200

static struct {
    uint64_t rows;          /* of a table */
    char folder[1024];      /* of all files */
    char clean[1200];       /* a database that was closed cleanly */
    uint64_t image_bytes;   /* that the last checkpoint wrote, about */
    uint64_t open_reads;    /* system calls that read during one open */
    uint64_t running_bytes; /* of the file at most during writes beside checkpoints, */
    uint64_t checkpoints;   /* written then */
    uint64_t closed_bytes;  /* and when it was closed */
    char *chunk;            /* LIFE_CHUNK bytes, aligned */
    double cpu_rates[2];    /* of the last recoveries, by processor time: inserts, updates */
} life;

static uint64_t
life_cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static const char *
life_path(const char *name)
{
    static char path[1200];

    (void)snprintf(path, sizeof path, "%s/life-%s.db", life.folder, name);
    return path;
}

/* ---- checkpoints ---- */

static double
measure_checkpoint(void *user)
{
    peer_options options = {.cache_bytes = UINT64_C(1) << 30,
                            .is_direct = *(int *)user,
                            .log_limit = UINT64_C(1) << 40};
    ours *db = peer_ours.open(life_path("checkpoint"), ROW_WIDE, &options, 1);
    uint64_t start_ns;
    double took_ns;

    peer_ours.load(db, life.rows, LOAD_BULK);
    start_ns = bench_now_ns();
    ours_check(&db->ctx, vl_store_checkpoint(&db->ctx, db->store));
    took_ns = (double)(bench_now_ns() - start_ns);
    life.image_bytes = peers_file_size(db->path);
    (void)peer_ours.close(db);
    bench_delete_database(life_path("checkpoint"));
    return (double)life.image_bytes * 1e3 / took_ns;
}

/* Write as many bytes one behind the other. */
static double
measure_device(void *user)
{
    int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | (*(int *)user ? O_DIRECT : 0);
    uint64_t size = life.image_bytes / LIFE_CHUNK * LIFE_CHUNK;
    int fd = open(life_path("device"), flags, 0644);
    uint64_t start_ns;
    double rate;

    if (fd < 0 || size == 0)
        return -1;
    start_ns = bench_now_ns();
    if (posix_fallocate(fd, 0, (off_t)size) != 0)
        return -1;
    for (uint64_t at = 0; at < size; at += LIFE_CHUNK)
        if (pwrite(fd, life.chunk, LIFE_CHUNK, (off_t)at) != LIFE_CHUNK)
            return -1;
    if (fdatasync(fd) != 0)
        return -1;
    rate = (double)size * 1e3 / (double)(bench_now_ns() - start_ns);
    (void)close(fd);
    bench_delete_database(life_path("device"));
    return rate;
}

/* ---- recovery ---- */

/* Leave a database behind as a process that died, open it, and return M operations/s. */
static double
life_recover(ours *db, const peer_options *options, double *cpu_rate)
{
    vl_store_stats stats;
    char path[1200];
    vl_ctx ctx = db->ctx;
    vl_io *io = db->io;
    vl_store_options store = {.cache_bytes = options->cache_bytes,
                              .log_limit_bytes = options->log_limit};
    uint64_t start_ns;
    uint64_t start_cpu_ns;
    double took_ns;
    double cpu_ns;

    (void)snprintf(path, sizeof path, "%s", db->path);
    vl_writer_destroy(db->writer);
    vl_store_abandon(db->store);
    start_ns = bench_now_ns();
    start_cpu_ns = life_cpu_ns();
    ours_check(&ctx, vl_store_open(&ctx, io, path, &store, &db->store));
    took_ns = (double)(bench_now_ns() - start_ns);
    cpu_ns = (double)(life_cpu_ns() - start_cpu_ns);
    vl_store_get_stats(db->store, &stats);
    if (stats.recovered_count < life.rows) {
        (void)fprintf(stderr, "\nbench_store_life: %llu operations were recovered\n",
                      (unsigned long long)stats.recovered_count);
        exit(1);
    }
    ours_check(&ctx, vl_store_close(&ctx, db->store));
    vl_io_close(io);
    free(db);
    bench_delete_database(path);
    *cpu_rate = (double)stats.recovered_count * 1e3 / cpu_ns;
    return (double)stats.recovered_count * 1e3 / took_ns;
}

/* What the last recovery took of the processor. */
static double
measure_recover_cpu(void *user)
{
    return *(double *)user;
}

static double
measure_recover_inserts(void *user)
{
    peer_options options = {.cache_bytes = UINT64_C(1) << 30, .log_limit = UINT64_C(1) << 40};
    ours *db = peer_ours.open(life_path("recover"), ROW_WIDE, &options, 1);

    (void)user;
    peer_ours.load(db, life.rows, LOAD_APPEND);
    return life_recover(db, &options, &life.cpu_rates[0]);
}

/* Updates of column k of random rows of a tenth as many: few pages, which stay in memory. */
static double
measure_recover_updates(void *user)
{
    peer_options options = {.cache_bytes = UINT64_C(1) << 30, .log_limit = UINT64_C(1) << 40};
    ours *db = peer_ours.open(life_path("recover"), ROW_WIDE, &options, 1);
    uint64_t rows = life.rows / 10 + 1;
    uint32_t column = 1;

    (void)user;
    peer_ours.load(db, rows, LOAD_UNLOGGED);
    ours_check(&db->ctx, vl_writer_begin(&db->ctx, db->writer));
    for (uint64_t i = 0; i < life.rows; i++) {
        vl_value value = {.type = VL_TYPE_INTEGER, .as.integer = (int64_t)(i % 100000)};

        ours_check(&db->ctx, vl_writer_update(&db->ctx, db->writer, db->table,
                                              row_shuffled(i % rows, rows), &column, &value, 1));
    }
    ours_check(&db->ctx, vl_writer_commit(&db->ctx, db->writer, VL_SYNCHRONOUS_FULL));
    return life_recover(db, &options, &life.cpu_rates[1]);
}

/* ---- writes beside checkpoints ---- */

#define LIFE_WRITES 200000U

static int
life_compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left;
    uint32_t b = *(const uint32_t *)right;

    return (a > b) - (a < b);
}

/* Writes with a cache of some size, and checkpoints. */
typedef struct life_writes {
    uint64_t cache_bytes; /* the rows take a quarter of it, and half once their pages are split */
    uint64_t log_limit;   /* bytes of log between checkpoints */
    char name[96];
} life_writes;

/* Rows of about 141 bytes that take a quarter of the cache. */
static uint64_t
life_write_rows(const life_writes *writes)
{
    return writes->cache_bytes / 1000 * life.rows / 600000 + 1;
}

/* Update a random row, and commit without waiting for the medium; returns the nanoseconds. */
static uint32_t
life_update(ours *db, vl_rng *rng, uint64_t rows, int64_t number)
{
    vl_value value = {.type = VL_TYPE_INTEGER, .as.integer = number};
    int64_t rowid = 1 + (int64_t)vl_rng_below(rng, rows);
    uint64_t start_ns = bench_now_ns();
    uint32_t column = 1;
    uint64_t ns;

    ours_check(&db->ctx, vl_writer_begin(&db->ctx, db->writer));
    ours_check(&db->ctx,
               vl_writer_update(&db->ctx, db->writer, db->table, rowid, &column, &value, 1));
    ours_check(&db->ctx, vl_writer_commit(&db->ctx, db->writer, VL_SYNCHRONOUS_OFF));
    ns = bench_now_ns() - start_ns;
    return ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

/* Microseconds in which 99 of 100 updates were made. */
static double
measure_writes(void *user)
{
    const life_writes *writes = user;
    peer_options options = {
        .cache_bytes = writes->cache_bytes, .log_limit = writes->log_limit, .has_background = 1};
    ours *db = peer_ours.open(life_path("writes"), ROW_WIDE, &options, 1);
    uint64_t rows = life_write_rows(writes);
    uint32_t *took_ns = calloc(LIFE_WRITES, sizeof *took_ns);
    size_t rank = (size_t)LIFE_WRITES / 100 * 99;
    vl_store_stats stats;
    double result;
    vl_rng rng;

    if (took_ns == NULL)
        return -1;
    life.running_bytes = 0;
    vl_rng_init(&rng, 1);
    peer_ours.load(db, rows, LOAD_UNLOGGED);
    for (uint32_t i = 0; i < LIFE_WRITES; i++) /* splits the pages, which the load has filled */
        (void)life_update(db, &rng, rows, (int64_t)(i % 100000));
    vl_store_get_stats(db->store, &stats);
    life.checkpoints = stats.checkpoint_count;
    for (uint32_t i = 0; i < LIFE_WRITES; i++) {
        took_ns[i] = life_update(db, &rng, rows, (int64_t)(i % 100000));
        if (i % 1000 == 0 && peers_file_size(db->path) > life.running_bytes)
            life.running_bytes = peers_file_size(db->path);
    }
    qsort(took_ns, LIFE_WRITES, sizeof *took_ns, life_compare);
    result = (double)took_ns[rank] / 1e3;
    vl_store_get_stats(db->store, &stats);
    life.checkpoints = stats.checkpoint_count - life.checkpoints;
    life.closed_bytes = peer_ours.close(db);
    free(took_ns);
    bench_delete_database(life_path("writes"));
    return result;
}

/* How large the file was at most during these, as a part of twice the rows' bytes and 64 MiB. */
static double
measure_growth(void *user)
{
    const life_writes *writes = user;
    double data_bytes = 140.5 * (double)life_write_rows(writes); /* see bench_store_scan */

    return (double)life.running_bytes / (2 * data_bytes + 64 * 1048576.0);
}

/* ---- opening ---- */

static double
measure_open(void *user)
{
    vl_store_options options = {.cache_bytes = 1U << 20};
    uint64_t took_ns = 0;
    vl_io_stats before;
    vl_io_stats after;
    vl_store *store;
    vl_ctx ctx;
    vl_io *io;

    (void)user;
    vl_ctx_init(&ctx, NULL, NULL);
    ours_check(&ctx, vl_io_open(&ctx, NULL, &io));
    vl_io_get_stats(io, &before);
    for (int i = 0; i < LIFE_OPENS; i++) {
        uint64_t start_ns = bench_now_ns();

        ours_check(&ctx, vl_store_open(&ctx, io, life.clean, &options, &store));
        took_ns += bench_now_ns() - start_ns;
        ours_check(&ctx, vl_store_close(&ctx, store));
    }
    vl_io_get_stats(io, &after);
    life.open_reads = after.read_count - before.read_count;
    vl_io_close(io);
    return (double)took_ns / 1e3 / LIFE_OPENS;
}

/* ---- memory ---- */

static long
life_resident_kb(void)
{
    FILE *from = fopen("/proc/self/statm", "r");
    char line[128];
    char *resident;
    long pages;

    if (from == NULL || fgets(line, sizeof line, from) == NULL)
        exit(1);
    (void)fclose(from);
    (void)strtol(line, &resident, 10); /* the second number is what we want */
    pages = strtol(resident, NULL, 10);
    if (pages <= 0)
        exit(1);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* In a process of its own: open, and if asked for read and insert. Prints kilobytes. */
static int
life_memory_child(const char *path, int is_used)
{
    peer_options options = {.cache_bytes = 1U << 20};
    long before = life_resident_kb();
    ours *db = peer_ours.open(path, ROW_WIDE, &options, 0);

    if (is_used) {
        void *reader = peer_ours.reader_open(db);

        for (int64_t i = 0; i < 20000; i++) {
            int64_t rowid = 1 + i * 31 % 100000;

            if (peer_ours.find(reader, &rowid, 1) != row_k(rowid))
                return 1;
        }
        for (int64_t i = 0; i < 20000; i++)
            ours_insert(db, 1000000000 + i);
    }
    printf("%ld\n", life_resident_kb() - before);
    return 0;
}

static double
measure_memory(void *user)
{
    char command[8192];
    char line[64];
    char self[1024];
    double kb = -1;
    FILE *from;
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);

    if (length < 0)
        return -1;
    self[length] = 0;
    (void)snprintf(command, sizeof command, "cp '%s' '%s.copy' && '%s' --memory '%s.copy' %d",
                   life.clean, life.clean, self, life.clean, *(int *)user);
    from = popen(command, "r"); /* NOLINT(cert-env33-c): this program, paths are ours */
    if (from != NULL && fgets(line, sizeof line, from) != NULL)
        kb = strtod(line, NULL);
    if (from == NULL || pclose(from) != 0)
        return -1;
    (void)snprintf(command, sizeof command, "%s.copy", life.clean);
    bench_delete_database(command);
    return kb / 1024;
}

/* Without checkpoints, and with one behind the other: a paced one takes half of the log until the
 * next is due. */
static void
life_add_writes(bench *b)
{
    static const uint32_t caches[] = {256, 64, 16}; /* MiB; measure_growth looks at the last */
    static life_writes writes[VL_ARRAY_COUNT(caches)][2];
    int growth;

    for (size_t i = 0; i < VL_ARRAY_COUNT(caches); i++) {
        int at[2];

        for (int often = 0; often < 2; often++) {
            life_writes *w = &writes[i][often];

            w->cache_bytes = (uint64_t)caches[i] << 20;
            w->log_limit = often ? w->cache_bytes / 8 : UINT64_C(1) << 40;
            (void)snprintf(w->name, sizeof w->name, "writes, 99th percentile, %u MiB, %s",
                           caches[i], often ? "beside checkpoints" : "no checkpoint");
            at[often] = bench_add(b, w->name, "us", BENCH_LESS_IS_BETTER, measure_writes, w);
        }
        bench_want_ratio(b, writes[i][1].name, at[1], at[0], 1, 1.0 / 3);
    }
    growth =
        bench_add(b, "writes, size of the file, of what it may have", "times", BENCH_LESS_IS_BETTER,
                  measure_growth, &writes[VL_ARRAY_COUNT(caches) - 1][1]);
    bench_want_value(b, "size while running", growth, 1);
}

static void
life_add_all(bench *b)
{
    static int no = 0;
    static int yes = 1;
    int ours_first =
        bench_add(b, "checkpoint", "MB/s", BENCH_MORE_IS_BETTER, measure_checkpoint, &no);
    int direct =
        bench_add(b, "checkpoint, direct", "MB/s", BENCH_MORE_IS_BETTER, measure_checkpoint, &yes);
    int device =
        bench_add(b, "bare sequential writes", "MB/s", BENCH_MORE_IS_BETTER, measure_device, &no);
    int at;

    (void)bench_add(b, "bare sequential writes, direct", "MB/s", BENCH_MORE_IS_BETTER,
                    measure_device, &yes);
    bench_want_ratio(b, "checkpoint by request", ours_first, device, 2, 0.7);
    bench_want_ratio(b, "checkpoint by request, direct", direct, device, 2, 0.7);
    life_add_writes(b);
    at = bench_add(b, "recovery of inserts, with its checkpoint", "M/s", BENCH_MORE_IS_BETTER,
                   measure_recover_inserts, NULL);
    bench_want_value(b, "recovery of inserts, M/s", at, 1.0);
    (void)bench_add(b, "processor time: recovery of inserts", "M/s", BENCH_MORE_IS_BETTER,
                    measure_recover_cpu, &life.cpu_rates[0]);
    at = bench_add(b, "recovery of updates, with its checkpoint", "M/s", BENCH_MORE_IS_BETTER,
                   measure_recover_updates, NULL);
    bench_want_value(b, "recovery of updates, M/s", at, 1.0);
    (void)bench_add(b, "processor time: recovery of updates", "M/s", BENCH_MORE_IS_BETTER,
                    measure_recover_cpu, &life.cpu_rates[1]);
    at = bench_add(b, "open, file in the system's cache", "us", BENCH_LESS_IS_BETTER, measure_open,
                   NULL);
    bench_want_value(b, "open, us", at, 200);
    at = bench_add(b, "memory after open, cache of 1 MiB", "MiB", BENCH_LESS_IS_BETTER,
                   measure_memory, &no);
    bench_want_value(b, "memory, MiB", at, 3);
    (void)bench_add(b, "memory after reads and durable inserts", "MiB", BENCH_LESS_IS_BETTER,
                    measure_memory, &yes);
}

int
main(int argc, char **argv)
{
    peer_options options = {.cache_bytes = UINT64_C(1) << 28};
    bench *b;
    void *db;
    int status;

    if (argc == 4 && strcmp(argv[1], "--memory") == 0)
        return life_memory_child(argv[2], argv[3][0] == '1');
    b = bench_create(argc, argv, "checkpoints, recovery, opening, memory");
    life.rows = bench_work(b, 1000000);
    life.chunk = aligned_alloc(4096, LIFE_CHUNK);
    if (life.chunk == NULL)
        return 1;
    memset(life.chunk, 'x', LIFE_CHUNK);
    (void)snprintf(life.folder, sizeof life.folder, "%s", bench_folder(b));
    (void)snprintf(life.clean, sizeof life.clean, "%s", life_path("clean"));
    db = peer_ours.open(life.clean, ROW_WIDE, &options, 1);
    peer_ours.load(db, 100000, LOAD_BULK);
    (void)peer_ours.close(db);
    life_add_all(b);
    status = bench_finish(b);
    printf(
        "checkpoints during the last writes: %llu; the file then had %.1f MB at most, %.1f MB at "
        "its end\n",
        (unsigned long long)life.checkpoints, (double)life.running_bytes / 1e6,
        (double)life.closed_bytes / 1e6);
    printf("reads during one open: %.1f\n", (double)life.open_reads / LIFE_OPENS);
    bench_delete_database(life.clean);
    free(life.chunk);
    return status;
}
