/* bench_store_place.c - looking up rows by rowid with pages in place, beside the page cache.
 *
 * Two databases with the same rows: of one the pages are in frames, of which there are enough for
 * all; of the other they are read in place, in a mapping of its file. Both are opened anew after
 * loading and read once before the first run. Rates are by the processor time of the thread. Meant
 * for a folder in persistent memory, or for one on tmpfs with VELO_PMEM=force. */
#define _GNU_SOURCE
#include "base/rng.h"
#include "lib/bench.h"
#include "store_peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PLACE_CHUNK 1024U

typedef int64_t place_read(void *reader, const int64_t *rowids, uint32_t count);

/* One database. */
typedef struct place_side {
    const char *name;
    ours *db;
    void *reader;
    char path[1100];
} place_side;

/* One series. */
typedef struct place_case {
    place_side *side;
    place_read *read;
    char name[64];
} place_case;

static uint64_t place_rows;
static uint64_t place_lookups;
static place_side place_sides[2] = {{.name = "page cache"}, {.name = "in place"}};
static place_case place_cases[4];

static uint64_t
place_cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static double
measure_lookups(void *user)
{
    const place_case *c = user;
    int64_t rowids[PLACE_CHUNK];
    uint64_t start_ns = place_cpu_ns();
    vl_rng rng;

    vl_rng_init(&rng, 1);
    for (uint64_t done = 0; done < place_lookups; done += PLACE_CHUNK) {
        int64_t expected = 0;

        for (uint32_t i = 0; i < PLACE_CHUNK; i++) {
            rowids[i] = 1 + (int64_t)vl_rng_below(&rng, place_rows);
            expected += row_k(rowids[i]);
        }
        if (c->read(c->side->reader, rowids, PLACE_CHUNK) != expected) {
            (void)fprintf(stderr, "\n%s: wrong answer\n", c->name);
            exit(1);
        }
    }
    return (double)place_lookups * 1e3 / (double)(place_cpu_ns() - start_ns);
}

/* Load, close, open again, and read all rows once. */
static void
place_prepare(place_side *side, const peer_options *options)
{
    int64_t rowid;

    side->db = peer_ours.open(side->path, ROW_WIDE, options, 1);
    peer_ours.load(side->db, place_rows, LOAD_BULK);
    (void)peer_ours.close(side->db);
    side->db = peer_ours.open(side->path, ROW_WIDE, options, 0);
    side->reader = peer_ours.reader_open(side->db);
    for (rowid = 1; rowid <= (int64_t)place_rows; rowid++)
        if (peer_ours.find(side->reader, &rowid, 1) != row_k(rowid))
            exit(1);
}

static int
place_add(bench *b, int index, place_side *side, const char *what, place_read *read)
{
    place_case *c = &place_cases[index];

    c->side = side;
    c->read = read;
    (void)snprintf(c->name, sizeof c->name, "%s, %s", what, side->name);
    return bench_add(b, c->name, "M/s", BENCH_MORE_IS_BETTER, measure_lookups, c);
}

static void
place_add_all(bench *b)
{
    int cached = place_add(b, 0, &place_sides[0], "one column", peer_ours.find);
    int placed = place_add(b, 1, &place_sides[1], "one column", peer_ours.find);

    bench_want_ratio(b, "one column in place", placed, cached, 1, 1 / 1.2);
    cached = place_add(b, 2, &place_sides[0], "whole row copied", peer_ours.copy);
    placed = place_add(b, 3, &place_sides[1], "whole row copied", peer_ours.copy);
    bench_want_ratio(b, "whole row in place", placed, cached, 1, 1 / 1.2);
}

int
main(int argc, char **argv)
{
    bench *b = bench_create(argc, argv, "lookups by rowid, pages in place");
    peer_options options = {.cache_bytes = UINT64_C(1) << 30};
    vl_store_stats stats;
    int status;

    place_rows = bench_work(b, 300000);
    place_lookups = bench_work(b, 2000) * PLACE_CHUNK;
    for (int i = 0; i < 2; i++) {
        place_side *side = &place_sides[i];

        (void)snprintf(side->path, sizeof side->path, "%s/store-place-%d.db", bench_folder(b), i);
        options.is_mapped = i;
        place_prepare(side, &options);
        vl_store_get_stats(side->db->store, &stats);
        bench_note(b, "%s: %s; %.1f MB of memory for %.1f MB of rows", side->name,
                   stats.data_medium,
                   (double)(stats.cache.frame_count - stats.cache.free_count) *
                       side->db->table->tree.page_size / 1e6,
                   (double)place_rows * 150 / 1e6);
    }
    place_add_all(b);
    status = bench_finish(b);
    for (int i = 0; i < 2; i++) {
        peer_ours.reader_close(place_sides[i].reader);
        (void)peer_ours.close(place_sides[i].db);
        bench_delete_database(place_sides[i].path);
    }
    return status;
}
