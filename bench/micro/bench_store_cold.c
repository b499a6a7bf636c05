/* bench_store_cold.c - random rows of a file far larger than the cache, past the system's cache,
 * beside fio's random reads of the same file at the size of a page.
 *
 * The cache holds 1 % of the file. One column of a row is read in place; every row is another one,
 * and what is read is checked. */
#define _GNU_SOURCE
#include "base/rng.h"
#include "lib/bench.h"
#include "store_peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLD_BATCH 4096U

static struct {
    uint64_t rows;    /* of the table */
    uint64_t run_ns;  /* length of a run */
    uint32_t page;    /* bytes */
    char path[1200];  /* of the file */
    ours *db;         /* opened direct, with a small cache */
    vl_rng rng;       /* of the rowids */
    int64_t sum;      /* of what the visits saw */
    uint64_t reads;   /* pages that the last run of ours read, */
    uint64_t lookups; /* for so many rows */
} cold;

static velo_status
cold_visit(vl_ctx *ctx, void *argument, const vl_table_row *row)
{
    vl_leaf_value value;

    (void)argument;
    if (row->state != VL_LEAF_LIVE)
        return vl_fail(ctx, VELO_NOTFOUND, "row %lld is missing", (long long)row->rowid);
    vl_leaf_get(row->leaf, row->slot, (uint32_t)vl_leaf_column_index(row->leaf, 1), &value);
    cold.sum += value.value.as.integer;
    return VELO_OK;
}

static double
measure_ours(void *user)
{
    static int64_t rowids[COLD_BATCH];
    uint32_t batch = *(uint32_t *)user;
    uint64_t start_ns = bench_now_ns();
    vl_store_stats before;
    vl_store_stats after;
    uint64_t count = 0;
    uint64_t took_ns;

    vl_store_get_stats(cold.db->store, &before);
    do {
        int64_t expected = 0;

        cold.sum = 0;
        for (uint32_t i = 0; i < batch; i++) {
            rowids[i] = 1 + (int64_t)vl_rng_below(&cold.rng, cold.rows);
            expected += row_k(rowids[i]);
        }
        if (batch == 1)
            ours_check(&cold.db->ctx, vl_table_find(&cold.db->ctx, &cold.db->table->tree, rowids[0],
                                                    cold_visit, NULL));
        else
            ours_check(&cold.db->ctx, vl_table_find_batch(&cold.db->ctx, &cold.db->table->tree,
                                                          rowids, batch, cold_visit, NULL));
        if (cold.sum != expected) {
            (void)fprintf(stderr, "\nbench_store_cold: wrong answer\n");
            exit(1);
        }
        count += batch;
        took_ns = bench_now_ns() - start_ns;
    } while (took_ns < cold.run_ns);
    vl_store_get_stats(cold.db->store, &after);
    cold.reads += after.cache.load_count - before.cache.load_count;
    cold.lookups += count;
    return (double)count * 1e9 / (double)took_ns;
}

/* Run fio and find "iops" of its reads in the JSON it prints. */
static double
measure_fio(void *user)
{
    char command[2048];
    char line[512];
    double iops = -1;
    int in_read = 0;
    FILE *from;

    (void)snprintf(command, sizeof command,
                   "fio --name=r --filename='%s' --rw=randread --bs=%u --iodepth=%u --readonly "
                   "--ioengine=io_uring --direct=1 --time_based --runtime=%llums --randrepeat=0 "
                   "--norandommap --output-format=json 2>/dev/null",
                   cold.path, cold.page, *(uint32_t *)user,
                   (unsigned long long)(cold.run_ns / 1000000U));
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

int
main(int argc, char **argv)
{
    static uint32_t depths[] = {1, 32};
    static uint32_t batches[] = {1, 32, 256, COLD_BATCH};
    bench *b = bench_create(argc, argv, "cold lookups by rowid");
    peer_options options = {.cache_bytes = UINT64_C(1) << 30, .is_direct = 1};
    uint64_t size;
    int fio[2];
    int status;

    cold.rows = bench_work(b, 10000000);
    cold.run_ns = bench_work(b, 1000) * 1000000U;
    cold.page = 16384;
    (void)snprintf(cold.path, sizeof cold.path, "%s/cold.db", bench_folder(b));
    vl_rng_init(&cold.rng, 1);
    cold.db = peer_ours.open(cold.path, ROW_WIDE, &options, 1);
    peer_ours.load(cold.db, cold.rows, LOAD_UNLOGGED);
    size = peer_ours.close(cold.db);
    options.cache_bytes = size / 100;
    cold.db = peer_ours.open(cold.path, ROW_WIDE, &options, 0);
    for (int i = 0; i < 2; i++)
        fio[i] = bench_add(b, i == 0 ? "depth 1, fio" : "depth 32, fio", "reads/s",
                           BENCH_MORE_IS_BETTER, measure_fio, &depths[i]);
    for (int i = 0; i < 4; i++) {
        static const char *const names[] = {"one at a time", "32 a call", "256 a call",
                                            "4096 a call"};
        int rows =
            bench_add(b, names[i], "rows/s", BENCH_MORE_IS_BETTER, measure_ours, &batches[i]);

        bench_want_ratio(b, names[i], rows, fio[i > 0], 1, 0.9);
    }
    bench_note(b, "a file of %.0f MB, a cache of %.1f MB, I/O through %s, past the system's cache",
               (double)size / 1e6, (double)options.cache_bytes / 1e6, vl_io_name(cold.db->io));
    status = bench_finish(b);
    printf("pages read for a row: %.3f\n", (double)cold.reads / (double)cold.lookups);
    (void)peer_ours.close(cold.db);
    bench_delete_database(cold.path);
    return status;
}
