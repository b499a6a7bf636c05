/* bench_store.c - looking up rows by rowid in a database that is all in memory: ours, LMDB, SQLite.
 *
 * Each reads random rows of the same table; the sum of the numbers read is checked. Rates are by
 * the processor time of the threads that read: a thread that has to wait for a processor, because
 * others use the machine, is no slower for it. */
#define _GNU_SOURCE
#include "base/rng.h"
#include "lib/bench.h"
#include "store_peers.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STORE_CHUNK 1024U

typedef int64_t store_read(void *reader, const int64_t *rowids, uint32_t count);

/* One database. */
typedef struct store_side {
    const peer *peer;
    void *db;
    char path[1100];
} store_side;

/* One series. */
typedef struct store_case {
    store_side *side;
    store_read *read;
    uint32_t threads;
    char name[64];
} store_case;

/* A thread of a run. */
typedef struct store_worker {
    pthread_t thread;
    const store_case *c;
    uint64_t seed;
    uint64_t lookups;
    double rate; /* M/s of its processor time */
} store_worker;

static uint64_t store_rows;
static uint64_t store_lookups;
static store_side store_sides[3];
static store_case store_cases[16];
static int store_case_count;
static pthread_barrier_t store_start;

static uint64_t
store_cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static void *
store_worker_main(void *argument)
{
    store_worker *worker = argument;
    void *reader = worker->c->side->peer->reader_open(worker->c->side->db);
    int64_t rowids[STORE_CHUNK];
    uint64_t start_ns;
    vl_rng rng;

    vl_rng_init(&rng, worker->seed);
    (void)pthread_barrier_wait(&store_start);
    start_ns = store_cpu_ns();
    for (uint64_t done = 0; done < worker->lookups; done += STORE_CHUNK) {
        int64_t expected = 0;

        for (uint32_t i = 0; i < STORE_CHUNK; i++) {
            rowids[i] = 1 + (int64_t)vl_rng_below(&rng, store_rows);
            expected += row_k(rowids[i]);
        }
        if (worker->c->read(reader, rowids, STORE_CHUNK) != expected) {
            (void)fprintf(stderr, "\n%s: wrong answer\n", worker->c->name);
            exit(1);
        }
    }
    worker->rate = (double)worker->lookups * 1e3 / (double)(store_cpu_ns() - start_ns);
    worker->c->side->peer->reader_close(reader);
    return NULL;
}

static double
measure_lookups(void *user)
{
    const store_case *c = user;
    store_worker workers[2];
    double rate = 0;

    if (!c->side->peer->is_here)
        return -1;
    (void)pthread_barrier_init(&store_start, NULL, c->threads);
    for (uint32_t i = 0; i < c->threads; i++) {
        workers[i] = (store_worker){.c = c, .seed = i + 1, .lookups = store_lookups};
        if (pthread_create(&workers[i].thread, NULL, store_worker_main, &workers[i]) != 0)
            exit(1);
    }
    for (uint32_t i = 0; i < c->threads; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        rate += workers[i].rate;
    }
    (void)pthread_barrier_destroy(&store_start);
    return rate;
}

static int
store_add(bench *b, store_side *side, const char *what, store_read *read, uint32_t threads)
{
    store_case *c = &store_cases[store_case_count++];

    c->side = side;
    c->read = read;
    c->threads = threads;
    (void)snprintf(c->name, sizeof c->name, "%s, %u thread%s, %s", what, threads,
                   threads > 1 ? "s" : "", side->peer->name);
    return bench_add(b, c->name, "M/s", BENCH_MORE_IS_BETTER, measure_lookups, c);
}

static void
store_add_all(bench *b)
{
    int column[3];
    int two[3];
    int whole[3];

    for (int i = 0; i < 3; i++)
        column[i] = store_add(b, &store_sides[i], "one column", store_sides[i].peer->find, 1);
    for (int i = 0; i < 3; i++)
        two[i] = store_add(b, &store_sides[i], "one column", store_sides[i].peer->find, 2);
    for (int i = 0; i < 3; i++)
        whole[i] = store_add(b, &store_sides[i], "whole row copied", store_sides[i].peer->copy, 1);
    bench_want_value(b, "one column, M/s", column[0], 2.0);
    bench_want_ratio(b, "one column", column[0], column[1], 1, 1.5);
    bench_want_ratio(b, "one column", column[0], column[2], 1, 1.5);
    bench_want_ratio(b, "two threads", two[0], column[0], 1, 1.9);
    bench_want_ratio(b, "two threads", two[0], two[1], 1, 1.5);
    bench_want_ratio(b, "whole row", whole[0], whole[1], 1, 1.0);
}

int
main(int argc, char **argv)
{
    bench *b = bench_create(argc, argv, "lookups by rowid, all in memory");
    const peer *peers[3] = {&peer_ours, &peer_lmdb, &peer_sqlite};
    peer_options options = {.cache_bytes = UINT64_C(1) << 30};
    int status;

    store_rows = bench_work(b, 1000000);
    store_lookups = bench_work(b, 2000) * STORE_CHUNK;
    for (int i = 0; i < 3; i++) {
        store_side *side = &store_sides[i];

        side->peer = peers[i];
        (void)snprintf(side->path, sizeof side->path, "%s/store-%s.db", bench_folder(b),
                       side->peer->name);
        if (!side->peer->is_here)
            continue;
        side->db = side->peer->open(side->path, ROW_WIDE, &options, 1);
        side->peer->load(side->db, store_rows, LOAD_BULK);
    }
    store_add_all(b);
    bench_note(b, "%llu rows of about 150 bytes", (unsigned long long)store_rows);
    status = bench_finish(b);
    for (int i = 0; i < 3; i++)
        if (store_sides[i].db != NULL) {
            uint64_t size = store_sides[i].peer->close(store_sides[i].db);

            printf("file of %s: %.1f MB\n", store_sides[i].peer->name, (double)size / 1e6);
            bench_delete_database(store_sides[i].path);
        }
    return status;
}
