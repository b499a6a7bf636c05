/* bench_store_scan.c - summing one column of 10 million rows of five columns, all in memory, and
 * the sizes of files after a clean close: ours and SQLite's.
 *
 * Times are processor time of the one thread, as others may use the machine. */
#define _GNU_SOURCE
#include "lib/bench.h"
#include "store_peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t scan_rows;
static uint64_t wide_rows;
static int64_t scan_expected;
static char scan_folder[1024];
static void *scan_ours;
static void *scan_sqlite;
static void *scan_memory;
static double scan_sizes[2][2]; /* by shape; ours, SQLite's; bytes a row */

static double
scan_cpu_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void
scan_check(int64_t sum)
{
    if (sum == scan_expected)
        return;
    (void)fprintf(stderr, "\nbench_store_scan: wrong sum\n");
    exit(1);
}

static double
measure_ours(void *user)
{
    double start = scan_cpu_ms();

    (void)user;
    scan_check(ours_sum_k(scan_ours));
    return scan_cpu_ms() - start;
}

static double
measure_sqlite(void *user)
{
    double start = scan_cpu_ms();

    (void)user;
    if (!peer_sqlite.is_here)
        return -1;
    scan_check(sqlite_sum_k(scan_sqlite));
    return scan_cpu_ms() - start;
}

/* The bare loop: the same column as an array of 64-bit numbers. */
static double
measure_array(void *user)
{
    const int64_t *cells = scan_memory;
    double start = scan_cpu_ms();
    int64_t sum = 0;

    (void)user;
    for (uint64_t i = 0; i < scan_rows; i++)
        sum += cells[i];
    scan_check(sum);
    return scan_cpu_ms() - start;
}

static double
measure_size(void *user)
{
    const double *size = user;

    return *size > 0 ? *size : -1;
}

/* Load a peer's table, close it, and note its size; leaves the file. */
static void
scan_make(const peer *who, row_shape shape, uint64_t rows, char *path, double *size)
{
    peer_options options = {.cache_bytes = UINT64_C(1) << 30};
    void *db;

    (void)snprintf(path, 1200, "%s/scan-%d-%s.db", scan_folder, (int)shape, who->name);
    if (!who->is_here)
        return;
    db = who->open(path, shape, &options, 1);
    who->load(db, rows, LOAD_BULK);
    *size = (double)who->close(db) / (double)rows;
}

static void
scan_make_all(char paths[2][2][1200])
{
    static const row_shape shapes[2] = {ROW_WIDE, ROW_FIVE};

    for (int i = 0; i < 2; i++) {
        uint64_t rows = shapes[i] == ROW_WIDE ? wide_rows : scan_rows;

        scan_make(&peer_ours, shapes[i], rows, paths[i][0], &scan_sizes[i][0]);
        scan_make(&peer_sqlite, shapes[i], rows, paths[i][1], &scan_sizes[i][1]);
    }
}

int
main(int argc, char **argv)
{
    static char paths[2][2][1200];
    bench *b = bench_create(argc, argv, "sum of a column, sizes of files");
    peer_options options = {.cache_bytes = UINT64_C(1) << 30};
    int series;
    int rival;
    int status;

    scan_rows = bench_work(b, 10000000);
    wide_rows = bench_work(b, 1000000);
    (void)snprintf(scan_folder, sizeof scan_folder, "%s", bench_folder(b));
    scan_memory = malloc(scan_rows * sizeof(int64_t));
    if (scan_memory == NULL)
        return 1;
    for (uint64_t i = 0; i < scan_rows; i++) {
        ((int64_t *)scan_memory)[i] = row_k((int64_t)i + 1);
        scan_expected += row_k((int64_t)i + 1);
    }
    scan_make_all(paths);
    scan_ours = peer_ours.open(paths[1][0], ROW_FIVE, &options, 0);
    if (peer_sqlite.is_here)
        scan_sqlite = peer_sqlite.open(paths[1][1], ROW_FIVE, &options, 0);
    series = bench_add(b, "sum, velocidb", "ms", BENCH_LESS_IS_BETTER, measure_ours, NULL);
    bench_want_value(b, "sum of 10 M rows, ms", series, 10 * (double)scan_rows / 1e7);
    (void)bench_add(b, "sum, bare array of 64-bit numbers", "ms", BENCH_LESS_IS_BETTER,
                    measure_array, NULL);
    (void)bench_add(b, "sum, SQLite", "ms", BENCH_LESS_IS_BETTER, measure_sqlite, NULL);
    series = bench_add(b, "file, rows of 150 bytes, velocidb", "bytes/row", BENCH_LESS_IS_BETTER,
                       measure_size, &scan_sizes[0][0]);
    rival = bench_add(b, "file, rows of 150 bytes, SQLite", "bytes/row", BENCH_LESS_IS_BETTER,
                      measure_size, &scan_sizes[0][1]);
    bench_want_ratio(b, "rows of 150 bytes, SQLite by ours", series, rival, 1, 1.0);
    series = bench_add(b, "file, five columns, velocidb", "bytes/row", BENCH_LESS_IS_BETTER,
                       measure_size, &scan_sizes[1][0]);
    rival = bench_add(b, "file, five columns, SQLite", "bytes/row", BENCH_LESS_IS_BETTER,
                      measure_size, &scan_sizes[1][1]);
    bench_want_ratio(b, "five columns, SQLite by ours", series, rival, 1, 1 / 0.6);
    status = bench_finish(b);
    (void)peer_ours.close(scan_ours);
    if (scan_sqlite != NULL)
        (void)peer_sqlite.close(scan_sqlite);
    for (int i = 0; i < 4; i++)
        bench_delete_database(paths[i / 2][i % 2]);
    free(scan_memory);
    return status;
}
