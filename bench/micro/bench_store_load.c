/* bench_store_load.c - bringing rows into a new database: ours, LMDB, SQLite.
 *
 * One transaction for all rows, durable at its end; each run begins with an empty database, whose
 * making and closing are not counted. Ours: the bulk path with every row in the log, the bulk path
 * without the log and a checkpoint, and row by row. Beside what the clock says stands what
 * it says without the time in which the thread waited for a processor that others used, by which
 * the peers are compared; and the processor time of the thread, without waits for the device as
 * well. Before each run the system writes what earlier ones left to it, and memory is taken and
 * given back: a virtual machine returns memory that lay free for some seconds to its host, and who
 * takes it again first waits for the host, ten times as long as clearing takes. Without this, who
 * came first after a slow peer paid for that peer's seconds, and the next one had what it gave
 * back. */
#define _GNU_SOURCE
#include "base/platform.h"
#include "lib/bench.h"
#include "store_peers.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* Bytes of memory for a row that a run may take: pages and what the system keeps of files. */
#define LOAD_ROW_MEMORY 1024U

#define LOAD_SMALL_PAGE 4096U

/* What a run is measured by. */
enum {
    LOAD_CLOCK,
    LOAD_OWN,
    LOAD_CPU,
    LOAD_MEASURES
};

typedef struct load_case {
    const peer *peer;
    peer_load how;
    double rates[LOAD_MEASURES];   /* of the last run */
    int is_new[LOAD_MEASURES];     /* they were not taken yet */
    char names[LOAD_MEASURES][96]; /* of the series */
} load_case;

/* One series: a measure of a case. */
typedef struct load_series {
    load_case *of;
    int measure;
} load_series;

static uint64_t load_rows;
static char load_folder[1024];
static load_case load_cases[16];
static int load_case_count;
static load_series load_all[VL_ARRAY_COUNT(load_cases) * LOAD_MEASURES];

static uint64_t
load_cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* Have the host provide the memory that a run will take. */
static void
load_provide_memory(void)
{
    size_t size = (size_t)load_rows * LOAD_ROW_MEMORY;
    void *block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile uint8_t *bytes = block;

    if (block == MAP_FAILED)
        return;
    (void)madvise(block, size, MADV_HUGEPAGE);
    for (size_t at = 0; at < size; at += LOAD_SMALL_PAGE)
        bytes[at] = 1;
    (void)munmap(block, size);
}

/* Load once, and note the rates. */
static void
load_run(load_case *c)
{
    peer_options options = {.cache_bytes = UINT64_C(1) << 30};
    char path[1200];
    uint64_t start_ns;
    uint64_t start_cpu_ns;
    uint64_t start_delay_ns;
    uint64_t took_ns;
    void *db;

    (void)snprintf(path, sizeof path, "%s/load-%s.db", load_folder, c->peer->name);
    db = c->peer->open(path, ROW_WIDE, &options, 1);
    sync(); /* nobody pays for what others left to be written */
    load_provide_memory();
    start_delay_ns = bench_delay_ns();
    start_ns = bench_now_ns();
    start_cpu_ns = load_cpu_ns();
    c->peer->load(db, load_rows, c->how);
    c->rates[LOAD_CPU] = (double)load_rows * 1e3 / (double)(load_cpu_ns() - start_cpu_ns);
    took_ns = bench_now_ns() - start_ns;
    c->rates[LOAD_CLOCK] = (double)load_rows * 1e3 / (double)took_ns;
    c->rates[LOAD_OWN] =
        (double)load_rows * 1e3 / (double)(took_ns - (bench_delay_ns() - start_delay_ns));
    (void)c->peer->close(db);
    bench_delete_database(path);
}

/* Each run is measured once by each measure, whichever series of a case comes first in a round. */
static double
measure_load(void *user)
{
    const load_series *series = user;
    load_case *c = series->of;

    if (!c->peer->is_here)
        return -1;
    if (!c->is_new[series->measure]) {
        load_run(c);
        for (int i = 0; i < LOAD_MEASURES; i++)
            c->is_new[i] = 1;
    }
    c->is_new[series->measure] = 0;
    return c->rates[series->measure];
}

/* Returns the number of the series without waits for a processor, by which peers are compared. */
static int
load_add(bench *b, const peer *who, const char *what, peer_load how)
{
    static const char *const measures[] = {"by the clock", "no waits for a processor",
                                           "processor time"};
    int own = 0;
    load_case *c = &load_cases[load_case_count];

    c->peer = who;
    c->how = how;
    for (int i = 0; i < LOAD_MEASURES; i++) {
        load_series *series = &load_all[load_case_count * LOAD_MEASURES + i];
        int at;

        series->of = c;
        series->measure = i;
        (void)snprintf(c->names[i], sizeof c->names[i], "%s, %s: %s", what, who->name, measures[i]);
        at = bench_add(b, c->names[i], "M rows/s", BENCH_MORE_IS_BETTER, measure_load, series);
        if (i == LOAD_OWN)
            own = at;
    }
    load_case_count++;
    return own;
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
