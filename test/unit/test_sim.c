/* test_sim.c - the simulated machine: files, names, processes, locks, batches, maps, hooks, clones,
 * and that all of it follows from the seed. What power cuts leave is in test_sim_power.c, what
 * faults do in test_sim_faults.c. */
#include "lib/unit.h"
#include "os/sim.h"

#include "base/atomic.h"
#include "base/thread.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#define ALL_WRITE (VL_OPEN_WRITE | VL_OPEN_CREATE)

/* ---- files and names ---- */

static void
sim_reads_back_what_was_written(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim *sim;
    vl_io *io;
    vl_file *file;
    char buf[10000];
    uint64_t size;
    size_t moved;

    CHECK_OK(vl_sim_create(ctx, NULL, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io));
    CHECK_TEXT(vl_io_name(io), "simulator");
    CHECK_OK(vl_file_open(ctx, io, "a/../b/./x", ALL_WRITE, &file));
    memset(buf, 'x', sizeof buf);
    CHECK_OK(vl_file_write(ctx, file, buf, 5000, 3000));
    CHECK_OK(vl_file_get_size(ctx, file, &size));
    CHECK_EQ(size, 8000);
    CHECK_OK(vl_file_read(ctx, file, buf, sizeof buf, 0, &moved));
    CHECK_EQ(moved, 8000);
    CHECK(buf[0] == 0 && buf[2999] == 0 && buf[3000] == 'x' && buf[7999] == 'x');
    CHECK_STATUS(vl_file_read(ctx, file, buf, 10, 7995, NULL), VELO_IOERR_SHORT_READ);
    CHECK_OK(vl_file_resize(ctx, file, 3001));
    CHECK_OK(vl_file_resize(ctx, file, 6000));
    CHECK_OK(vl_file_read(ctx, file, buf, sizeof buf, 0, &moved));
    CHECK(moved == 6000 && buf[3000] == 'x' && buf[3001] == 0 && buf[5999] == 0);
    vl_file_close(file);
    CHECK_OK(vl_path_get_full(ctx, io, "b//x", buf));
    CHECK_TEXT(buf, "/b/x");
    CHECK_OK(vl_file_open(ctx, io, "/b/x", 0, &file));
    CHECK_STATUS(vl_file_write(ctx, file, buf, 1, 0), VELO_IOERR_WRITE);
    vl_file_close(file);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

static void
sim_names_files_like_a_file_system(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim *sim;
    vl_io *io;
    vl_file *a, *b;
    vl_file_id id_a, id_b;
    int exists;
    char byte = 'a';

    CHECK_OK(vl_sim_create(ctx, NULL, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io));
    CHECK_STATUS(vl_file_open(ctx, io, "/d/a", VL_OPEN_WRITE, &a), VELO_CANTOPEN);
    CHECK_OK(vl_file_open(ctx, io, "/d/a", ALL_WRITE | VL_OPEN_EXCLUSIVE, &a));
    CHECK_STATUS(vl_file_open(ctx, io, "/d/a", ALL_WRITE | VL_OPEN_EXCLUSIVE, &b), VELO_CANTOPEN);
    CHECK_STATUS(vl_file_open(ctx, io, "/d", ALL_WRITE, &b), VELO_CANTOPEN_ISDIR);
    CHECK_STATUS(vl_file_open(ctx, io, "/d/", ALL_WRITE, &b), VELO_CANTOPEN_ISDIR);
    CHECK_OK(vl_file_write(ctx, a, &byte, 1, 0));
    CHECK_OK(vl_file_open(ctx, io, "/d/b", ALL_WRITE, &b));
    CHECK_OK(vl_path_rename(ctx, io, "/d/a", "/d/b"));
    CHECK_OK(vl_path_exists(ctx, io, "/d/a", &exists));
    CHECK(!exists);
    CHECK_STATUS(vl_path_rename(ctx, io, "/d/a", "/d/c"), VELO_NOTFOUND);
    CHECK_STATUS(vl_path_rename(ctx, io, "/d/b", "/e/b"), VELO_IOERR_ACCESS);
    CHECK_OK(vl_file_write(ctx, b, "zz", 2, 0)); /* the one without a name lives while it is open */
    CHECK_OK(vl_file_get_id(ctx, a, &id_a));
    CHECK_OK(vl_file_get_id(ctx, b, &id_b));
    CHECK(id_a.inode != id_b.inode);
    vl_file_close(b);
    CHECK_OK(vl_file_open(ctx, io, "d/b", 0, &b));
    CHECK_OK(vl_file_get_id(ctx, b, &id_b));
    CHECK(id_a.inode == id_b.inode && id_a.device == id_b.device);
    vl_file_close(b);
    CHECK_OK(vl_path_delete(ctx, io, "/d/b"));
    CHECK_STATUS(vl_path_delete(ctx, io, "/d/b"), VELO_NOTFOUND);
    CHECK_OK(vl_file_read(ctx, a, &byte, 1, 0, NULL));
    vl_file_close(a);
    CHECK_OK(vl_file_open(ctx, io, "/d", VL_OPEN_TEMPORARY, &a));
    CHECK_OK(vl_file_write(ctx, a, &byte, 1, 4095));
    vl_file_close(a);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

static void
sim_forgets_files_nobody_can_reach(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_stats stats;
    vl_sim *sim;
    vl_io *io;
    vl_file *file;

    CHECK_OK(vl_sim_create(ctx, NULL, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io));
    CHECK_OK(vl_file_open(ctx, io, "/t", VL_OPEN_TEMPORARY, &file));
    CHECK_OK(vl_file_write(ctx, file, "t", 1, 0));
    vl_file_close(file);
    CHECK_OK(vl_file_open(ctx, io, "/x", ALL_WRITE, &file));
    CHECK_OK(vl_file_write(ctx, file, "x", 1, 0));
    CHECK_OK(vl_path_delete(ctx, io, "/x"));
    vl_file_close(file);
    vl_sim_get_stats(sim, &stats);
    CHECK_EQ(stats.file_count, 1); /* its creation may yet be what a power cut leaves */
    CHECK_EQ(stats.used_bytes, 4096);
    CHECK_OK(vl_path_sync_folder(ctx, io, "/x"));
    vl_sim_get_stats(sim, &stats);
    CHECK_EQ(stats.file_count, 0);
    CHECK_EQ(stats.used_bytes, 0);
    CHECK_EQ(stats.pending_count, 0);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

static void
sim_direct_transfers_are_aligned(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_options options = {.direct_align = 4096};
    _Alignas(4096) static char buf[8192];
    vl_sim *sim;
    vl_io *io;
    vl_file *file;
    size_t moved;

    CHECK_OK(vl_sim_create(ctx, &options, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io));
    CHECK_OK(vl_file_open(ctx, io, "/x", ALL_WRITE | VL_OPEN_DIRECT, &file));
    CHECK(vl_file_is_direct(file) && vl_file_align(file) == 4096);
    CHECK_OK(vl_file_write(ctx, file, buf, 4096, 4096));
    CHECK_STATUS(vl_file_write(ctx, file, buf, 512, 0), VELO_IOERR_WRITE);
    CHECK_STATUS(vl_file_write(ctx, file, buf, 4096, 512), VELO_IOERR_WRITE);
    CHECK_STATUS(vl_file_write(ctx, file, buf + 512, 4096, 0), VELO_IOERR_WRITE);
    CHECK_STATUS(vl_file_read(ctx, file, buf, 100, 0, NULL), VELO_IOERR_READ);
    CHECK_STATUS(vl_file_read(ctx, file, buf, 4096, 100, NULL), VELO_IOERR_READ);
    CHECK_OK(vl_file_resize(ctx, file, 5000));
    CHECK_OK(vl_file_read(ctx, file, buf, 8192, 0, &moved));
    CHECK_EQ(moved, 5000);
    vl_file_close(file);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

static void
sim_options_take_abilities_away(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_options options = {
        .refuses_direct = 1, .refuses_dsync = 1, .refuses_punch = 1, .refuses_allocate = 1};
    uint64_t size;
    vl_sim_stats stats;
    vl_sim *sim;
    vl_io *io;
    vl_file *file;
    int released;

    CHECK_OK(vl_sim_create(ctx, &options, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io));
    CHECK_OK(vl_file_open(ctx, io, "/x", ALL_WRITE | VL_OPEN_DIRECT, &file));
    CHECK(!vl_file_is_direct(file) && vl_file_align(file) == 1);
    CHECK(!vl_file_can_durable(ctx, file, VL_DURABLE_DSYNC));
    CHECK_OK(vl_file_write_durable(ctx, file, VL_DURABLE_DSYNC, "d", 1, 0));
    CHECK_OK(vl_file_allocate(ctx, file, 0, 8192)); /* only grows: the space is not promised */
    CHECK_OK(vl_file_punch(ctx, file, 0, 4096, &released));
    CHECK(!released);
    vl_sim_get_stats(sim, &stats);
    CHECK_EQ(stats.used_bytes, 4096);
    CHECK_OK(vl_file_get_size(ctx, file, &size));
    CHECK_EQ(size, 8192);
    vl_file_close(file);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

/* ---- processes ---- */

static void
sim_processes_share_files_and_exclude_by_locks(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim *sim;
    vl_io *io[2];
    vl_file *a, *b, *c;
    char byte;

    CHECK_OK(vl_sim_create(ctx, NULL, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io[0]));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io[1]));
    CHECK_OK(vl_file_open(ctx, io[0], "/x", ALL_WRITE, &a));
    CHECK_OK(vl_file_open(ctx, io[1], "/x", VL_OPEN_WRITE, &b));
    CHECK_OK(vl_file_open(ctx, io[1], "/x", 0, &c));
    CHECK_OK(vl_file_write(ctx, a, "q", 1, 0));
    CHECK_OK(vl_file_read(ctx, c, &byte, 1, 0, NULL));
    CHECK_EQ(byte, 'q');

    CHECK_OK(vl_file_lock(ctx, a, VL_LOCK_SHARED, 0, 100));
    CHECK_OK(vl_file_lock(ctx, b, VL_LOCK_SHARED, 50, 100));
    CHECK_STATUS(vl_file_lock(ctx, b, VL_LOCK_EXCLUSIVE, 50, 10), VELO_BUSY);
    CHECK_OK(vl_file_lock(ctx, b, VL_LOCK_EXCLUSIVE, 100, 10));
    CHECK_STATUS(vl_file_lock(ctx, a, VL_LOCK_SHARED, 109, 1), VELO_BUSY);
    CHECK_OK(vl_file_lock(ctx, a, VL_LOCK_SHARED, 110, 1)); /* b kept its shared lock there */
    CHECK_STATUS(vl_file_lock(ctx, a, VL_LOCK_EXCLUSIVE, 110, 1), VELO_BUSY);
    CHECK_OK(vl_file_lock(ctx, a, VL_LOCK_NONE, 40, 20)); /* leaves [0, 40) and [60, 100) */
    CHECK_OK(vl_file_lock(ctx, b, VL_LOCK_EXCLUSIVE, 40, 20));
    CHECK_STATUS(vl_file_lock(ctx, b, VL_LOCK_EXCLUSIVE, 39, 1), VELO_BUSY);
    CHECK_STATUS(vl_file_lock(ctx, b, VL_LOCK_EXCLUSIVE, 60, 1), VELO_BUSY);
    CHECK_STATUS(vl_file_lock(ctx, c, VL_LOCK_SHARED, 40, 1), VELO_BUSY);
    CHECK_STATUS(vl_file_lock(ctx, c, VL_LOCK_EXCLUSIVE, 500, 1), VELO_IOERR_LOCK);
    vl_file_close(b);
    CHECK_OK(vl_file_lock(ctx, c, VL_LOCK_SHARED, 40, 1));
    vl_file_close(a);
    vl_file_close(c);
    vl_io_close(io[0]);
    vl_io_close(io[1]);
    vl_sim_destroy(sim);
}

static void
sim_kill_ends_processes_and_keeps_files(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim *sim;
    vl_io *io, *again;
    vl_file *file, *other, *temporary;
    char buf[3];

    CHECK_OK(vl_sim_create(ctx, NULL, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io));
    CHECK_OK(vl_file_open(ctx, io, "/x", ALL_WRITE, &file));
    CHECK_OK(vl_file_open(ctx, io, "/", VL_OPEN_TEMPORARY, &temporary));
    CHECK_OK(vl_file_write(ctx, file, "abc", 3, 0));
    CHECK_OK(vl_file_lock(ctx, file, VL_LOCK_EXCLUSIVE, 0, 1));
    CHECK_OK(vl_sim_kill(ctx, sim));
    CHECK_STATUS(vl_file_write(ctx, file, "x", 1, 0), VELO_IOERR_WRITE);
    CHECK_EQ(ctx->error.os_error, ESHUTDOWN);
    CHECK_STATUS(vl_file_open(ctx, io, "/y", ALL_WRITE, &other), VELO_CANTOPEN);
    CHECK_STATUS(vl_path_delete(ctx, io, "/x"), VELO_IOERR_DELETE);
    CHECK_OK(vl_sim_open_io(ctx, sim, &again));
    CHECK_OK(vl_file_open(ctx, again, "/x", VL_OPEN_WRITE, &other));
    CHECK_OK(vl_file_lock(ctx, other, VL_LOCK_EXCLUSIVE, 0, 1));
    CHECK_OK(vl_file_read(ctx, other, buf, 3, 0, NULL));
    CHECK(memcmp(buf, "abc", 3) == 0); /* promise D1 */
    vl_file_close(file);               /* in any order, also after others were opened */
    vl_file_close(temporary);
    vl_io_close(io);
    vl_file_close(other);
    vl_io_close(again);
    vl_sim_destroy(sim);
}

/* ---- batches ---- */

#define BATCH_COUNT 8

static void
sim_fill_batch(vl_io_request *requests, vl_file *file, uint8_t (*bufs)[512])
{
    memset(requests, 0, BATCH_COUNT * sizeof *requests);
    for (uint32_t i = 0; i < BATCH_COUNT; i++) {
        memset(bufs[i], (int)(i + 1), 512);
        requests[i].op = VL_IO_WRITE;
        requests[i].file = file;
        requests[i].buf = bufs[i];
        requests[i].size = 512;
        requests[i].offset = 512 * i;
    }
}

/* Offsets of the writes in the order in which they happened. */
typedef struct sim_order {
    uint64_t offsets[64];
    uint64_t count; /* as wide as the rest: without padding orders are compared as bytes */
} sim_order;

static void
sim_note_order(void *user, vl_sim *sim, const vl_sim_event *event)
{
    sim_order *order = user;

    (void)sim;
    if (event->is_after && event->op == VL_SIM_WRITE && order->count < 64)
        order->offsets[order->count++] = event->offset;
}

static void
sim_run_batch_order(vl_ctx *ctx, uint64_t seed, uint32_t linked, sim_order *order)
{
    vl_sim_options options = {.seed = seed};
    vl_io_request requests[BATCH_COUNT];
    uint8_t bufs[BATCH_COUNT][512];
    vl_sim *sim;
    vl_io *io;
    vl_file *file;

    memset(order, 0, sizeof *order);
    CHECK_OK(vl_sim_create(ctx, &options, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io));
    CHECK_OK(vl_file_open(ctx, io, "/x", ALL_WRITE, &file));
    vl_sim_set_hook(sim, sim_note_order, order);
    sim_fill_batch(requests, file, bufs);
    for (uint32_t i = 0; i < linked; i++)
        requests[i].flags = VL_IO_LINK;
    CHECK_OK(vl_io_batch(ctx, io, requests, BATCH_COUNT));
    CHECK_EQ(order->count, BATCH_COUNT);
    vl_file_close(file);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

static void
sim_batches_run_in_drawn_orders(void)
{
    vl_ctx *ctx = unit_ctx();
    sim_order first, second;
    unsigned different = 0;

    for (uint64_t seed = 0; seed < 20; seed++) {
        sim_run_batch_order(ctx, seed, 0, &first);
        sim_run_batch_order(ctx, seed, 0, &second);
        CHECK(memcmp(&first, &second, sizeof first) == 0);
        sim_run_batch_order(ctx, seed + 100, 0, &second);
        different += memcmp(&first, &second, sizeof first) != 0;
    }
    CHECK(different >= 19);
}

static void
sim_batches_respect_links(void)
{
    vl_ctx *ctx = unit_ctx();
    sim_order order;
    unsigned mixed = 0;

    for (uint64_t seed = 0; seed < 200; seed++) {
        uint64_t last = 0;

        sim_run_batch_order(ctx, seed, 5, &order);
        for (uint32_t i = 0; i < BATCH_COUNT; i++) {
            if (order.offsets[i] > 512 * 5) {
                mixed += i < 6;
                continue;
            }
            CHECK(order.offsets[i] == 0 || order.offsets[i] == last + 512);
            last = order.offsets[i];
        }
    }
    CHECK(mixed > 100);
}

static void
sim_failed_links_cancel_the_rest(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_fault fault = {.kind = VL_SIM_ERROR, .ops = VL_SIM_WRITE, .nth = 3};
    vl_io_request requests[BATCH_COUNT];
    uint8_t bufs[BATCH_COUNT][512];
    vl_sim *sim;
    vl_io *io;
    vl_file *file;

    CHECK_OK(vl_sim_create(ctx, NULL, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io));
    CHECK_OK(vl_file_open(ctx, io, "/x", ALL_WRITE, &file));
    CHECK_OK(vl_sim_plan(ctx, sim, &fault));
    sim_fill_batch(requests, file, bufs);
    for (uint32_t i = 0; i < BATCH_COUNT; i++)
        requests[i].flags = VL_IO_LINK;
    CHECK_STATUS(vl_io_batch(ctx, io, requests, BATCH_COUNT), VELO_IOERR_WRITE);
    for (uint32_t i = 0; i < BATCH_COUNT; i++)
        CHECK_EQ(requests[i].status, i < 2 ? VELO_OK : i == 2 ? VELO_IOERR_WRITE : VELO_ABORT);
    vl_file_close(file);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

/* Which of the batch's writes are done when another begins. */
typedef struct sim_subsets {
    unsigned done; /* bit i: the write at sector i */
    unsigned seen; /* bit s: the subset s */
} sim_subsets;

static void
sim_note_subset(void *user, vl_sim *sim, const vl_sim_event *event)
{
    sim_subsets *subsets = user;

    (void)sim;
    if (event->is_after)
        subsets->done |= 1U << (event->offset / 512);
    subsets->seen |= 1U << subsets->done;
}

static void
sim_cuts_fall_between_members_of_a_batch(void)
{
    vl_ctx *ctx = unit_ctx();
    sim_subsets subsets = {0};
    vl_io_request requests[BATCH_COUNT];
    uint8_t bufs[BATCH_COUNT][512];
    vl_io_request *done[3];
    vl_io_queue *queue;
    uint32_t count;
    vl_sim *sim;
    vl_io *io;
    vl_file *file;

    CHECK_OK(vl_sim_create(ctx, NULL, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io));
    CHECK_OK(vl_file_open(ctx, io, "/x", ALL_WRITE, &file));
    CHECK_OK(vl_io_queue_open(ctx, io, 0, &queue));
    vl_sim_set_hook(sim, sim_note_subset, &subsets);
    for (unsigned i = 0; i < 200; i++) {
        subsets.done = 0;
        sim_fill_batch(requests, file, bufs);
        CHECK_OK(vl_io_queue_submit(ctx, queue, requests, 3));
        subsets.seen |= 0x10000U << subsets.done; /* what happened before anyone waited */
        CHECK_OK(vl_io_queue_reap(ctx, queue, 3, 3, done, &count));
        CHECK_EQ(count, 3);
    }
    CHECK_EQ(subsets.seen, 0xff00ff);
    vl_io_queue_close(queue);
    vl_file_close(file);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

/* ---- maps ---- */

static void
sim_maps_and_files_show_the_same(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim *sim;
    vl_io *io;
    vl_file *file;
    vl_map map, other;
    char buf[200];

    CHECK_OK(vl_sim_create(ctx, NULL, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io));
    CHECK_OK(vl_file_open(ctx, io, "/x", ALL_WRITE, &file));
    CHECK_OK(vl_file_resize(ctx, file, 10000));
    CHECK_OK(vl_map_open(ctx, file, 5000, 1 << 20, 1, &map));
    CHECK_OK(vl_map_open(ctx, file, 10000, 10000, 0, &other));
    memset(map.base + 100, 'm', 100);
    CHECK_OK(vl_file_read(ctx, file, buf, 200, 0, NULL));
    CHECK(buf[99] == 0 && buf[100] == 'm' && buf[199] == 'm');
    CHECK_OK(vl_file_write(ctx, file, "ww", 2, 150));
    CHECK(map.base[149] == 'm' && map.base[150] == 'w' && other.base[150] == 'w');
    CHECK_STATUS(vl_map_extend(ctx, &map, 20000), VELO_IOERR_MMAP);
    CHECK_OK(vl_file_resize(ctx, file, 20000));
    CHECK_OK(vl_map_extend(ctx, &map, 20000));
    map.base[19999] = 'e';
    CHECK_OK(vl_map_sync(ctx, &map, 19999, 1));
    CHECK_OK(vl_file_resize(ctx, file, 150));
    CHECK_OK(vl_file_resize(ctx, file, 20000));
    CHECK(map.base[149] == 'm' && map.base[150] == 0 && map.base[19999] == 0);
    map.base[0] = 'z';
    vl_map_close(&map);
    vl_map_close(&other);
    CHECK_OK(vl_file_read(ctx, file, buf, 1, 0, NULL));
    CHECK_EQ(buf[0], 'z');
    vl_file_close(file);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

static void
sim_stores_to_maps_survive_a_kill(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim *sim;
    vl_io *io, *again;
    vl_file *file, *other;
    vl_map map;
    char buf[2];

    CHECK_OK(vl_sim_create(ctx, NULL, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io));
    CHECK_OK(vl_file_open(ctx, io, "/x", ALL_WRITE, &file));
    CHECK_OK(vl_file_resize(ctx, file, 4096));
    CHECK_OK(vl_map_open(ctx, file, 4096, 4096, 1, &map));
    map.base[0] = 'k';
    CHECK_OK(vl_sim_kill(ctx, sim));
    map.base[1] = 'l'; /* by nobody: the process is dead */
    CHECK_OK(vl_sim_open_io(ctx, sim, &again));
    CHECK_OK(vl_file_open(ctx, again, "/x", 0, &other));
    CHECK_OK(vl_file_read(ctx, other, buf, 2, 0, NULL));
    CHECK(buf[0] == 'k' && buf[1] == 0);
    vl_map_close(&map);
    vl_file_close(file);
    vl_io_close(io);
    vl_file_close(other);
    vl_io_close(again);
    vl_sim_destroy(sim);
}

/* ---- determinism, clones and hooks ---- */

/* A run of random operations on a few files. */
static void
sim_run_randomly(vl_ctx *ctx, vl_io *io, uint64_t seed, unsigned steps)
{
    static const char *const names[] = {"/d/a", "/d/b", "/d/c"};
    uint8_t data[3000];
    vl_rng rng;

    vl_rng_init(&rng, seed);
    for (unsigned i = 0; i < steps; i++) {
        const char *name = names[vl_rng_below(&rng, 3)];
        vl_file *file;

        if (vl_file_open(ctx, io, name, ALL_WRITE, &file) != VELO_OK)
            return;
        vl_rng_fill(&rng, data, sizeof data);
        (void)!vl_file_write(ctx, file, data, vl_rng_below(&rng, sizeof data),
                             vl_rng_below(&rng, 20000));
        if (vl_rng_chance(&rng, 1, 4))
            (void)!vl_file_sync(ctx, file);
        if (vl_rng_chance(&rng, 1, 8))
            (void)!vl_file_resize(ctx, file, vl_rng_below(&rng, 20000));
        if (vl_rng_chance(&rng, 1, 8))
            (void)!vl_path_rename(ctx, io, name, names[vl_rng_below(&rng, 3)]);
        if (vl_rng_chance(&rng, 1, 8))
            (void)!vl_path_sync_folder(ctx, io, name);
        vl_file_close(file);
    }
}

/* What a run with this seed leaves after a power cut, as one number. */
static uint64_t
sim_outcome_of(vl_ctx *ctx, uint64_t seed)
{
    vl_sim_options options = {.seed = seed, .has_short_transfers = 1};
    vl_sim *sim = NULL;
    vl_io *io = NULL;
    uint8_t random[16];
    uint64_t hash = 0;

    if (vl_sim_create(ctx, &options, &sim) != VELO_OK || vl_sim_open_io(ctx, sim, &io) != VELO_OK)
        return 0;
    sim_run_randomly(ctx, io, seed, 60);
    if (vl_io_random(ctx, io, random, sizeof random) == VELO_OK)
        memcpy(&hash, random, sizeof hash);
    hash ^= vl_sim_hash(sim);
    hash += vl_io_monotonic_ns(io) + (uint64_t)vl_io_wall_ns(io);
    if (vl_sim_cut_power(ctx, sim, NULL) == VELO_OK)
        hash = hash * 3 + vl_sim_hash(sim);
    vl_io_close(io);
    vl_sim_destroy(sim);
    return hash;
}

static void
sim_same_seed_same_outcome(void)
{
    vl_ctx *ctx = unit_ctx();

    for (uint64_t seed = 1; seed < 40; seed++) {
        uint64_t hash = sim_outcome_of(ctx, seed);

        CHECK(hash != 0);
        CHECK(hash == sim_outcome_of(ctx, seed));
        CHECK(hash != sim_outcome_of(ctx, seed + 1000));
    }
}

static void
sim_clones_go_their_own_way(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_outcome outcome = {.seed = 5};
    vl_sim *sim, *copy, *third;
    vl_io *io, *copy_io;
    uint64_t hash;

    CHECK_OK(vl_sim_create(ctx, NULL, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io));
    sim_run_randomly(ctx, io, 7, 50);
    hash = vl_sim_hash(sim);
    CHECK_OK(vl_sim_clone(ctx, sim, &copy));
    CHECK(vl_sim_hash(copy) == hash);
    CHECK_OK(vl_sim_open_io(ctx, copy, &copy_io));
    sim_run_randomly(ctx, copy_io, 8, 50);
    CHECK(vl_sim_hash(copy) != hash && vl_sim_hash(sim) == hash);
    vl_io_close(copy_io);
    vl_sim_destroy(copy);
    CHECK(vl_sim_hash(sim) == hash);

    /* The copy and the original draw the same outcomes. */
    CHECK_OK(vl_sim_clone(ctx, sim, &copy));
    CHECK_OK(vl_sim_clone(ctx, copy, &third));
    CHECK_OK(vl_sim_cut_power(ctx, sim, &outcome));
    CHECK_OK(vl_sim_cut_power(ctx, copy, &outcome));
    CHECK(vl_sim_hash(sim) == vl_sim_hash(copy) && vl_sim_hash(sim) != hash);
    CHECK(vl_sim_hash(third) == hash);
    vl_io_close(io);
    vl_sim_destroy(sim);
    vl_sim_destroy(copy);
    vl_sim_destroy(third);
}

/* What the hook saw. */
typedef struct sim_watch {
    uint64_t before_number; /* of the operation under way, 0 for none */
    uint64_t last_number;
    unsigned wrong;
    unsigned counts[VL_SIM_OP_COUNT];
    uint64_t hash_before;
    unsigned unchanged; /* operations that changed nothing that can be seen */
} sim_watch;

static void
sim_watch_event(void *user, vl_sim *sim, const vl_sim_event *event)
{
    sim_watch *watch = user;

    if (!event->is_after) {
        watch->wrong += watch->before_number != 0 || event->number != watch->last_number + 1;
        watch->before_number = event->number;
        watch->hash_before = vl_sim_hash(sim);
        return;
    }
    watch->wrong += event->number != watch->before_number;
    watch->counts[__builtin_ctz(event->op)]++;
    watch->unchanged += watch->hash_before == vl_sim_hash(sim);
    watch->last_number = event->number;
    watch->before_number = 0;
}

static void
sim_hook_sees_each_change_before_and_after(void)
{
    vl_ctx *ctx = unit_ctx();
    sim_watch watch = {0};
    vl_sim_stats stats;
    vl_sim *sim;
    vl_io *io;
    vl_file *file;
    int released;

    CHECK_OK(vl_sim_create(ctx, NULL, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io));
    vl_sim_set_hook(sim, sim_watch_event, &watch);
    CHECK_OK(vl_file_open(ctx, io, "/x", ALL_WRITE, &file));
    CHECK_OK(vl_file_write(ctx, file, "a", 1, 0));
    CHECK_OK(vl_file_write_durable(ctx, file, VL_DURABLE_DSYNC, "b", 1, 5000));
    CHECK_OK(vl_file_resize(ctx, file, 20000));
    CHECK_OK(vl_file_allocate(ctx, file, 20000, 5000));
    CHECK_OK(vl_file_punch(ctx, file, 4096, 4096, &released));
    CHECK_OK(vl_file_sync(ctx, file));
    CHECK_OK(vl_path_rename(ctx, io, "/x", "/y"));
    CHECK_OK(vl_path_sync_folder(ctx, io, "/y"));
    CHECK_OK(vl_path_delete(ctx, io, "/y"));
    CHECK_EQ(watch.wrong, 0);
    CHECK_EQ(watch.last_number, 10);
    CHECK_EQ(watch.unchanged, 0);
    vl_sim_get_stats(sim, &stats);
    CHECK_EQ(stats.op_number, 10);
    for (unsigned i = 0; i < VL_SIM_OP_COUNT; i++)
        CHECK_EQ(watch.counts[i],
                 (VL_SIM_CHANGING & ~(VL_SIM_MAP_SYNC | VL_SIM_MAP_STORE) & (1U << i)) != 0 ? 1
                                                                                            : 0);
    vl_file_close(file);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

static void
sim_describe_tells_the_last_operations(void)
{
    vl_ctx *ctx = unit_ctx();
    char text[8192];
    char little[20];
    vl_sim *sim;
    vl_io *io;
    vl_file *file;

    CHECK_OK(vl_sim_create(ctx, NULL, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io));
    CHECK_OK(vl_file_open(ctx, io, "/folder/x", ALL_WRITE, &file));
    for (uint64_t i = 0; i < 100; i++)
        CHECK_OK(vl_file_write(ctx, file, "a", 1, i));
    vl_sim_describe(sim, text, sizeof text);
    CHECK_CONTAINS(text, "/folder/x: file 1, 100 bytes, durable 0, 100 pending changes");
    CHECK_CONTAINS(text, "#101    write         /folder/x offset 99 size 1\n");
    CHECK(strstr(text, "offset 30 size") == NULL);
    memset(little, 'q', sizeof little);
    vl_sim_describe(sim, little, sizeof little);
    CHECK_EQ(strlen(little), sizeof little - 1);
    vl_file_close(file);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

static void
sim_clock_is_virtual(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_fault fault = {.kind = VL_SIM_DELAY, .ops = VL_SIM_SYNC, .amount = 5000000000U};
    uint64_t start, now;
    vl_sim *sim;
    vl_io *io;
    vl_file *file;

    CHECK_OK(vl_sim_create(ctx, NULL, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io));
    CHECK_OK(vl_file_open(ctx, io, "/x", ALL_WRITE, &file));
    start = vl_io_monotonic_ns(io);
    now = vl_io_monotonic_ns(io);
    CHECK(now > start && now < start + 1000000);
    vl_io_sleep(io, 3600000000000U);
    CHECK(vl_io_monotonic_ns(io) >= start + 3600000000000U);
    CHECK_OK(vl_sim_plan(ctx, sim, &fault));
    now = vl_io_monotonic_ns(io);
    CHECK_OK(vl_file_sync(ctx, file));
    CHECK(vl_io_monotonic_ns(io) >= now + 5000000000U);
    CHECK(vl_io_wall_ns(io) > INT64_C(1767225600000000000));
    vl_file_close(file);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

/* ---- memory and threads ---- */

static velo_status
sim_map_a_little(vl_ctx *ctx, vl_file *file)
{
    vl_map map;
    velo_status st;

    VL_TRY(vl_map_open(ctx, file, 4096, 8192, 1, &map));
    map.base[100] = 'm';
    st = vl_map_sync(ctx, &map, 64, 100);
    map.base[1000] = 'n';
    vl_map_close(&map);
    return st;
}

static velo_status
sim_write_a_little(vl_ctx *ctx, vl_io *io)
{
    char data[700] = "data";
    vl_file *file;
    int released;
    velo_status st;

    VL_TRY(vl_file_open(ctx, io, "/d/x", ALL_WRITE, &file));
    st = vl_file_write(ctx, file, data, sizeof data, 4000);
    if (st == VELO_OK)
        st = vl_file_allocate(ctx, file, 8000, 9000);
    if (st == VELO_OK)
        st = vl_file_sync(ctx, file);
    if (st == VELO_OK)
        st = vl_file_write_durable(ctx, file, VL_DURABLE_DSYNC, data, 600, 100);
    if (st == VELO_OK)
        st = vl_file_punch(ctx, file, 100, 8000, &released);
    if (st == VELO_OK)
        st = vl_file_resize(ctx, file, 4500);
    if (st == VELO_OK)
        st = vl_file_lock(ctx, file, VL_LOCK_EXCLUSIVE, 0, 1);
    if (st == VELO_OK)
        st = sim_map_a_little(ctx, file);
    if (st == VELO_OK)
        st = vl_path_rename(ctx, io, "/d/x", "/d/y");
    if (st == VELO_OK)
        st = vl_path_sync_folder(ctx, io, "/d/y");
    if (st == VELO_OK)
        st = vl_path_delete(ctx, io, "/d/y");
    vl_file_close(file);
    return st;
}

/* Use a bit of everything; all memory is the context's. */
static velo_status
sim_use_memory(vl_ctx *ctx, void *argument)
{
    vl_sim_fault fault = {.kind = VL_SIM_DELAY, .path = "x", .amount = 1};
    vl_sim *sim = NULL;
    vl_sim *copy = NULL;
    vl_io *io = NULL;
    velo_status st;

    (void)argument;
    st = vl_sim_create(ctx, NULL, &sim);
    if (st == VELO_OK)
        st = vl_sim_open_io(ctx, sim, &io);
    if (st == VELO_OK)
        st = vl_sim_plan(ctx, sim, &fault);
    if (st == VELO_OK)
        st = sim_write_a_little(ctx, io);
    if (st == VELO_OK)
        st = vl_sim_clone(ctx, sim, &copy);
    if (st == VELO_OK)
        st = vl_sim_cut_power(ctx, copy, NULL);
    if (st == VELO_OK)
        st = vl_sim_kill(ctx, sim);
    vl_io_close(io);
    vl_sim_destroy(copy);
    vl_sim_destroy(sim);
    /* What the simulated system lacks, callers see as the system's error. */
    return st != VELO_OK && ctx->error.os_error == ENOMEM ? VELO_NOMEM : st;
}

static void
sim_survives_failed_allocations(void)
{
    CHECK(unit_each_alloc_failure(sim_use_memory, NULL) > 30);
}

static void
sim_failed_allocations_change_nothing(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_outcome outcome = {.seed = 3};
    vl_allocator allocator;
    vl_ctx own;
    vl_sim *sim, *copy, *wanted;
    vl_io *io;
    unsigned failures = 0;
    velo_status st;

    vl_allocator_init(&allocator);
    vl_ctx_init(&own, &allocator, NULL);
    CHECK_OK(vl_sim_create(ctx, NULL, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io));
    sim_run_randomly(ctx, io, 11, 50);
    CHECK_OK(vl_sim_clone(ctx, sim, &wanted));
    CHECK_OK(vl_sim_cut_power(ctx, wanted, &outcome));
    CHECK_OK(vl_sim_clone(&own, sim, &copy));
    do {
        vl_allocator_fail_nth(&allocator, ++failures, UINT64_MAX);
        st = vl_sim_cut_power(&own, copy, &outcome);
        vl_allocator_fail_nth(&allocator, 0, 0);
        CHECK(vl_sim_hash(copy) == vl_sim_hash(st == VELO_OK ? wanted : sim));
    } while (st != VELO_OK);
    CHECK(failures > 5);
    vl_io_close(io);
    vl_sim_destroy(sim);
    vl_sim_destroy(copy);
    vl_sim_destroy(wanted);
    CHECK_EQ(vl_counter(&allocator.block_count), 0);
}

#define THREAD_COUNT 4

typedef struct sim_worker {
    vl_thread thread;
    vl_io *io;
    vl_sim *sim;
    uint64_t seed;
    _Atomic unsigned failures;
} sim_worker;

static void
sim_work(void *argument)
{
    sim_worker *worker = argument;
    vl_sim_outcome outcome = {.seed = worker->seed};
    vl_ctx ctx;
    vl_sim *copy;

    vl_ctx_init(&ctx, NULL, NULL);
    for (unsigned i = 0; i < 20; i++) {
        sim_run_randomly(&ctx, worker->io, worker->seed + i, 10);
        if (vl_sim_clone(&ctx, worker->sim, &copy) != VELO_OK) {
            atomic_fetch_add(&worker->failures, 1);
            continue;
        }
        if (vl_sim_cut_power(&ctx, copy, &outcome) != VELO_OK)
            atomic_fetch_add(&worker->failures, 1);
        vl_sim_destroy(copy);
    }
}

static void
sim_serves_many_threads(void)
{
    vl_ctx *ctx = unit_ctx();
    static sim_worker workers[THREAD_COUNT];
    vl_sim *sim;
    vl_io *io;

    CHECK_OK(vl_sim_create(ctx, NULL, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io));
    memset(workers, 0, sizeof workers);
    for (unsigned i = 0; i < THREAD_COUNT; i++) {
        workers[i].io = io;
        workers[i].sim = sim;
        workers[i].seed = i * 1000;
        CHECK_OK(vl_thread_start(ctx, &workers[i].thread, "worker", sim_work, &workers[i]));
    }
    for (unsigned i = 0; i < THREAD_COUNT; i++) {
        vl_thread_join(&workers[i].thread);
        CHECK_EQ(workers[i].failures, 0);
    }
    vl_io_close(io);
    vl_sim_destroy(sim);
}

/* One thread stores to a map, another looks at the machine. */
typedef struct sim_storer {
    vl_thread thread;
    uint8_t *base;
    _Atomic int is_done;
} sim_storer;

static void
sim_store(void *argument)
{
    sim_storer *storer = argument;

    while (!atomic_load(&storer->is_done))
        for (unsigned i = 0; i < 4096; i++)
            storer->base[i]++;
}

static void
sim_maps_are_stored_to_while_others_look(void)
{
    vl_ctx *ctx = unit_ctx();
    static sim_storer storer;
    vl_sim *sim, *copy;
    vl_io *io;
    vl_file *file;
    vl_map map;

    CHECK_OK(vl_sim_create(ctx, NULL, &sim));
    CHECK_OK(vl_sim_open_io(ctx, sim, &io));
    CHECK_OK(vl_file_open(ctx, io, "/x", ALL_WRITE, &file));
    CHECK_OK(vl_file_resize(ctx, file, 8192));
    CHECK_OK(vl_map_open(ctx, file, 8192, 8192, 1, &map));
    storer.base = map.base;
    atomic_store(&storer.is_done, 0);
    CHECK_OK(vl_thread_start(ctx, &storer.thread, "storer", sim_store, &storer));
    for (unsigned i = 0; i < 50; i++) {
        map.base[4096] = (uint8_t)i;
        CHECK_OK(vl_map_sync(ctx, &map, 4096, 1));
        CHECK_OK(vl_sim_clone(ctx, sim, &copy));
        CHECK_OK(vl_sim_cut_power(ctx, copy, NULL));
        vl_sim_destroy(copy);
    }
    atomic_store(&storer.is_done, 1);
    vl_thread_join(&storer.thread);
    vl_map_close(&map);
    vl_file_close(file);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

static const unit_test sim_tests[] = {
    UNIT_TEST(sim_reads_back_what_was_written),
    UNIT_TEST(sim_names_files_like_a_file_system),
    UNIT_TEST(sim_forgets_files_nobody_can_reach),
    UNIT_TEST(sim_direct_transfers_are_aligned),
    UNIT_TEST(sim_options_take_abilities_away),
    UNIT_TEST(sim_processes_share_files_and_exclude_by_locks),
    UNIT_TEST(sim_kill_ends_processes_and_keeps_files),
    UNIT_TEST(sim_batches_run_in_drawn_orders),
    UNIT_TEST(sim_batches_respect_links),
    UNIT_TEST(sim_failed_links_cancel_the_rest),
    UNIT_TEST(sim_cuts_fall_between_members_of_a_batch),
    UNIT_TEST(sim_maps_and_files_show_the_same),
    UNIT_TEST(sim_stores_to_maps_survive_a_kill),
    UNIT_TEST(sim_same_seed_same_outcome),
    UNIT_TEST(sim_clones_go_their_own_way),
    UNIT_TEST(sim_hook_sees_each_change_before_and_after),
    UNIT_TEST(sim_describe_tells_the_last_operations),
    UNIT_TEST(sim_clock_is_virtual),
    UNIT_TEST(sim_survives_failed_allocations),
    UNIT_TEST(sim_failed_allocations_change_nothing),
    UNIT_TEST(sim_serves_many_threads),
    UNIT_TEST(sim_maps_are_stored_to_while_others_look),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, sim_tests, VL_ARRAY_COUNT(sim_tests));
}
