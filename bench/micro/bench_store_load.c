/* bench_store_load.c - bringing rows into a new database: ours, LMDB, SQLite.
 *
 * One transaction for all rows, durable at its end; each run begins with an empty database, whose
 * making and closing are not counted. Ours: the bulk path with every row in the log, the bulk path
 * without the log and a checkpoint, and row by row. Beside what the clock says stands the processor
 * time of the thread, which does not count waiting, neither for the device nor for a processor that
 * others use. Before each run the system writes what earlier ones left to it. */
#define _GNU_SOURCE
#include "lib/bench.h"
#include "store_peers.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct load_case {
    const peer *peer;
    peer_load how;
    double cpu_rate; /* of the last run, by processor time */
    char name[64];
    char cpu_name[80];
} load_case;

static uint64_t load_rows;
static char load_folder[1024];
static load_case load_cases[16];
static int load_case_count;

static uint64_t
load_cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* What the last run of measure_load took of the processor. */
static double
measure_cpu(void *user)
{
    const load_case *c = user;

    return c->peer->is_here ? c->cpu_rate : -1;
}

static double
measure_load(void *user)
{
    load_case *c = user;
    peer_options options = {.cache_bytes = UINT64_C(1) << 30};
    char path[1200];
    uint64_t start_ns;
    uint64_t start_cpu_ns;
    double rate;
    void *db;

    if (!c->peer->is_here)
        return -1;
    (void)snprintf(path, sizeof path, "%s/load-%s.db", load_folder, c->peer->name);
    db = c->peer->open(path, ROW_WIDE, &options, 1);
    sync(); /* nobody pays for what others left to be written */
    start_ns = bench_now_ns();
    start_cpu_ns = load_cpu_ns();
    c->peer->load(db, load_rows, c->how);
    rate = (double)load_rows * 1e3 / (double)(bench_now_ns() - start_ns);
    c->cpu_rate = (double)load_rows * 1e3 / (double)(load_cpu_ns() - start_cpu_ns);
    (void)c->peer->close(db);
    peers_delete(path);
    return rate;
}

static int
load_add(bench *b, const peer *who, const char *what, peer_load how)
{
    load_case *c = &load_cases[load_case_count++];
    int at;

    c->peer = who;
    c->how = how;
    (void)snprintf(c->name, sizeof c->name, "%s, %s", what, who->name);
    (void)snprintf(c->cpu_name, sizeof c->cpu_name, "processor time: %s, %s", what, who->name);
    at = bench_add(b, c->name, "M rows/s", BENCH_MORE_IS_BETTER, measure_load, c);
    (void)bench_add(b, c->cpu_name, "M rows/s", BENCH_MORE_IS_BETTER, measure_cpu, c);
    return at;
}

int
main(int argc, char **argv)
{
    bench *b = bench_create(argc, argv, "inserting in one transaction");
    int bulk;
    int unlogged;
    int append;
    int lmdb;
    int shuffled;
    int lmdb_shuffled;

    load_rows = bench_work(b, 1000000);
    (void)snprintf(load_folder, sizeof load_folder, "%s", bench_folder(b));
    bulk = load_add(b, &peer_ours, "in order, bulk with the log", LOAD_BULK);
    unlogged = load_add(b, &peer_ours, "in order, bulk and a checkpoint", LOAD_UNLOGGED);
    append = load_add(b, &peer_ours, "in order, row by row with the log", LOAD_APPEND);
    lmdb = load_add(b, &peer_lmdb, "in order, MDB_APPEND", LOAD_APPEND);
    (void)load_add(b, &peer_sqlite, "in order", LOAD_APPEND);
    shuffled = load_add(b, &peer_ours, "in random order, with the log", LOAD_SHUFFLED);
    lmdb_shuffled = load_add(b, &peer_lmdb, "in random order", LOAD_SHUFFLED);
    (void)load_add(b, &peer_sqlite, "in random order", LOAD_SHUFFLED);
    bench_want_ratio(b, "bulk, with the log", bulk, lmdb, 1, 1.0);
    bench_want_ratio(b, "bulk, a checkpoint", unlogged, lmdb, 1, 1.0);
    bench_want_ratio(b, "row by row", append, lmdb, 1, 0.6);
    bench_want_ratio(b, "in random order", shuffled, lmdb_shuffled, 1, 1.5);
    return bench_finish(b);
}
