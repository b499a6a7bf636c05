/* os_contract_batch.c - the checks of os_contract.h: queues, links, batches, buffers. */
#include "lib/os_contract_int.h"

#include "base/thread.h"
#include "lib/unit.h"

#include <stdio.h>
#include <string.h>

#define CONTRACT_REQUESTS   200U   /* of a large batch */
#define CONTRACT_BLOCK      1024U  /* bytes of an ordinary request */
#define CONTRACT_LARGE      300000 /* bytes of a large one: several transfers in the tiny build */
#define CONTRACT_MODEL_SIZE 65536U /* bytes of each file of the model */
#define CONTRACT_THREADS    6

/* ---- queues ---- */

/* Requests with a buffer for each; too large for the stack. */
typedef struct contract_load {
    vl_io_request requests[CONTRACT_REQUESTS];       /* the batch */
    uint8_t bufs[CONTRACT_REQUESTS][CONTRACT_BLOCK]; /* one for each */
    vl_io_request *done[CONTRACT_REQUESTS];          /* as reaped */
} contract_load;

static contract_load contract_loads[CONTRACT_THREADS];

/* Make the load one of block i at offset i, to be written or read. */
static void
contract_load_blocks(contract_load *load, vl_io_op op, vl_file *file, uint64_t seed)
{
    for (uint32_t i = 0; i < CONTRACT_REQUESTS; i++) {
        memset(load->bufs[i], 0, CONTRACT_BLOCK);
        if (op == VL_IO_WRITE)
            os_contract_fill(load->bufs[i], CONTRACT_BLOCK, seed + i);
        os_contract_request(&load->requests[i], op, file, load->bufs[i], CONTRACT_BLOCK,
                            (uint64_t)i * CONTRACT_BLOCK);
    }
}

static int
contract_load_is_filled(const contract_load *load, uint64_t seed)
{
    for (uint32_t i = 0; i < CONTRACT_REQUESTS; i++)
        if (!os_contract_is_filled(load->bufs[i], CONTRACT_BLOCK, seed + i))
            return 0;
    return 1;
}

/* Submit the load and reap it all: the first failure among the requests. */
static velo_status
contract_load_run(vl_ctx *ctx, contract_load *load, vl_io_queue *queue)
{
    uint32_t count = 0;

    VL_TRY(vl_io_queue_submit(ctx, queue, load->requests, CONTRACT_REQUESTS));
    while (count < CONTRACT_REQUESTS) {
        uint32_t part;

        VL_TRY(vl_io_queue_reap(ctx, queue, 1, CONTRACT_REQUESTS, load->done, &part));
        for (uint32_t i = 0; i < part; i++)
            if (load->done[i]->status != VELO_OK)
                return vl_io_request_fail(ctx, load->done[i]);
        count += part;
    }
    return VELO_OK;
}

void
os_contract_queue_runs_more_than_its_depth(vl_io *io, const char *folder)
{
    static const uint32_t depths[] = {1, 3, 64, 0, 5000};
    contract_load *load = &contract_loads[0];
    vl_io_stats before;
    vl_io_stats after;
    vl_file *file;

    CHECK_OK(os_contract_create(io, folder, "a", &file));
    vl_io_get_stats(io, &before);
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(depths); i++) {
        vl_io_queue *queue;

        CHECK_OK(vl_io_queue_open(unit_ctx(), io, depths[i], &queue));
        contract_load_blocks(load, VL_IO_WRITE, file, i * 1000);
        CHECK_OK(contract_load_run(unit_ctx(), load, queue));
        contract_load_blocks(load, VL_IO_READ, file, 0);
        CHECK_OK(contract_load_run(unit_ctx(), load, queue));
        CHECK(contract_load_is_filled(load, i * 1000));
        CHECK_EQ(vl_io_queue_pending(queue), 0);
        vl_io_queue_close(queue);
    }
    vl_io_get_stats(io, &after);
    CHECK_EQ(after.read_count - before.read_count, CONTRACT_REQUESTS * VL_ARRAY_COUNT(depths));
    CHECK_EQ(after.write_bytes - before.write_bytes,
             CONTRACT_REQUESTS * CONTRACT_BLOCK * VL_ARRAY_COUNT(depths));
    vl_file_close(file);
}

void
os_contract_queue_reaps_what_is_asked(vl_io *io, const char *folder)
{
    contract_load *load = &contract_loads[0];
    vl_io_queue *queue;
    vl_file *file;
    uint32_t total = 0;
    uint32_t count;

    CHECK_OK(os_contract_create(io, folder, "a", &file));
    CHECK_OK(vl_io_queue_open(unit_ctx(), io, 16, &queue));
    CHECK_OK(vl_io_queue_reap(unit_ctx(), queue, 5, 10, load->done, &count));
    CHECK_EQ(count, 0); /* nothing to wait for */
    contract_load_blocks(load, VL_IO_WRITE, file, 0);
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, load->requests, 20));
    CHECK_EQ(vl_io_queue_pending(queue), 20);
    CHECK_OK(vl_io_queue_reap(unit_ctx(), queue, 7, 9, load->done, &count));
    CHECK(count >= 7 && count <= 9);
    CHECK_EQ(vl_io_queue_pending(queue), 20 - count);
    total = count;
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, load->requests + 20, 5));
    while (total < 25) { /* without waiting: it comes all the same */
        CHECK_OK(vl_io_queue_reap(unit_ctx(), queue, 0, 3, load->done, &count));
        CHECK(count <= 3);
        total += count;
        if (count == 0)
            vl_io_sleep(io, 1000);
    }
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, load->requests, 2));
    CHECK_OK(vl_io_queue_reap(unit_ctx(), queue, 10, 10, load->done, &count));
    CHECK_EQ(count, 2); /* no more are in flight */
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, load->requests, 0));
    vl_io_queue_close(queue);
    vl_io_queue_close(NULL);
    vl_file_close(file);
}

void
os_contract_queue_close_waits(vl_io *io, const char *folder)
{
    contract_load *load = &contract_loads[0];
    vl_io_queue *queue;
    vl_file *file;

    CHECK_OK(os_contract_create(io, folder, "a", &file));
    CHECK_OK(vl_io_queue_open(unit_ctx(), io, 32, &queue));
    contract_load_blocks(load, VL_IO_WRITE, file, 9);
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, load->requests, CONTRACT_REQUESTS));
    vl_io_queue_close(queue);
    for (uint32_t i = 0; i < CONTRACT_REQUESTS; i++)
        CHECK_STATUS(load->requests[i].status, VELO_OK);
    contract_load_blocks(load, VL_IO_READ, file, 0);
    CHECK_OK(vl_io_queue_open(unit_ctx(), io, 32, &queue));
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, load->requests, CONTRACT_REQUESTS));
    vl_io_queue_close(queue);
    CHECK(contract_load_is_filled(load, 9));
    vl_file_close(file);
}

void
os_contract_queue_allocates_nothing(vl_io *io, const char *folder)
{
    vl_allocator *allocator = vl_allocator_default();
    contract_load *load = &contract_loads[0];
    vl_io_queue *queue;
    vl_file *file;
    velo_status st;

    if (os_contract_disk_is_memory) {
        unit_skip("the simulated disk takes memory for what is written");
        return;
    }
    CHECK_OK(os_contract_create(io, folder, "a", &file));
    CHECK_OK(vl_io_queue_open(unit_ctx(), io, 8, &queue));
    contract_load_blocks(load, VL_IO_WRITE, file, 9);
    vl_allocator_fail_nth(allocator, 1, UINT64_MAX);
    st = contract_load_run(unit_ctx(), load, queue);
    if (st == VELO_OK)
        st = vl_file_sync(unit_ctx(), file);
    vl_allocator_fail_nth(allocator, 0, 0);
    CHECK_OK(st);
    vl_io_queue_close(queue);
    vl_file_close(file);
}

/* The content that the model's files should have. */
static uint8_t contract_model[3][CONTRACT_MODEL_SIZE];

/* Random requests that do not overlap: request i has a region of its own. Writes go to the model;
 * reads are compared with it afterwards. */
static void
contract_model_fill(vl_rng *rng, contract_load *load, vl_file *const *files, uint32_t count)
{
    const uint32_t region = CONTRACT_MODEL_SIZE / CONTRACT_REQUESTS;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t which = (uint32_t)vl_rng_below(rng, 3);
        uint32_t start = (uint32_t)vl_rng_below(rng, region - 1);
        uint32_t size = 1 + (uint32_t)vl_rng_below(rng, region - start);
        uint64_t offset = i * region + start;
        vl_io_request *request = &load->requests[i];

        os_contract_request(request, VL_IO_READ, files[which], load->bufs[i], size, offset);
        request->user = &contract_model[which][offset];
        if (vl_rng_chance(rng, 1, 2)) {
            request->op = VL_IO_WRITE;
            vl_rng_fill(rng, load->bufs[i], size);
            memcpy(request->user, load->bufs[i], size);
            if (vl_rng_chance(rng, 1, 20))
                request->flags |= VL_IO_DURABLE;
        } else if (vl_rng_chance(rng, 1, 30)) {
            os_contract_request(request, VL_IO_SYNC, files[which], NULL, 0, 0);
        }
        if (vl_rng_chance(rng, 1, 3))
            request->flags |= VL_IO_LINK;
    }
}

void
os_contract_queue_matches_a_model(vl_io *io, const char *folder)
{
    static const char *const names[] = {"a", "b", "c"};
    contract_load *load = &contract_loads[0];
    vl_file *files[3];
    vl_io_queue *queue;
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    memset(contract_model, 0, sizeof contract_model);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(os_contract_create(io, folder, names[i], &files[i]));
        CHECK_OK(vl_file_resize(unit_ctx(), files[i], CONTRACT_MODEL_SIZE));
    }
    CHECK_OK(vl_io_queue_open(unit_ctx(), io, 1 + (uint32_t)vl_rng_below(&rng, 20), &queue));
    vl_io_buffers_add(io, load->bufs, sizeof load->bufs);
    for (int round = 0; round < 40; round++) {
        uint32_t count = 1 + (uint32_t)vl_rng_below(&rng, CONTRACT_REQUESTS);
        uint32_t part;

        contract_model_fill(&rng, load, files, count);
        CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, load->requests, count));
        CHECK_OK(vl_io_queue_reap(unit_ctx(), queue, count, count, load->done, &part));
        CHECK_EQ(part, count);
        for (uint32_t i = 0; i < count; i++) {
            vl_io_request *request = &load->requests[i];

            CHECK_STATUS(request->status, VELO_OK);
            CHECK_EQ(request->moved, request->size);
            if (request->op == VL_IO_READ)
                CHECK(memcmp(request->buf, request->user, request->size) == 0);
        }
    }
    vl_io_queue_close(queue);
    vl_io_buffers_remove(io, load->bufs);
    for (int i = 0; i < 3; i++)
        vl_file_close(files[i]);
}

/* The body of the next check, with memory for one large request and one behind it. */
static void
contract_check_large(vl_io *io, const char *folder, uint8_t *buf)
{
    vl_io_request requests[4];
    vl_file *file;

    CHECK_OK(os_contract_create(io, folder, "a", &file));
    os_contract_fill(buf, CONTRACT_LARGE, 6);
    os_contract_request(&requests[0], VL_IO_WRITE, file, buf, CONTRACT_LARGE, 11);
    os_contract_request(&requests[1], VL_IO_SYNC, file, NULL, 0, 0);
    os_contract_request(&requests[2], VL_IO_READ, file, buf + CONTRACT_LARGE, CONTRACT_LARGE, 11);
    os_contract_request(&requests[3], VL_IO_WRITE, file, buf, CONTRACT_LARGE, CONTRACT_LARGE + 11);
    for (int i = 0; i < 3; i++)
        requests[i].flags = VL_IO_LINK;
    requests[3].flags = VL_IO_DURABLE;
    CHECK_OK(vl_io_batch(unit_ctx(), io, requests, 4));
    CHECK(os_contract_is_filled(buf + CONTRACT_LARGE, CONTRACT_LARGE, 6));
    CHECK_EQ(requests[3].moved, CONTRACT_LARGE);
    /* A read is done in full before the write behind it changes what it reads. */
    memset(buf, 0, CONTRACT_LARGE);
    os_contract_request(&requests[0], VL_IO_READ, file, buf, CONTRACT_LARGE, CONTRACT_LARGE + 11);
    os_contract_request(&requests[1], VL_IO_WRITE, file, buf + CONTRACT_LARGE, 1000,
                        2 * CONTRACT_LARGE - 1000);
    requests[0].flags = VL_IO_LINK;
    CHECK_OK(vl_io_batch(unit_ctx(), io, requests, 2));
    CHECK(os_contract_is_filled(buf, CONTRACT_LARGE, 6));
    vl_file_close(file);
}

void
os_contract_queue_moves_large_requests(vl_io *io, const char *folder)
{
    uint8_t *buf = vl_alloc(unit_ctx(), (size_t)2 * CONTRACT_LARGE);

    CHECK(buf != NULL);
    contract_check_large(io, folder, buf);
    vl_io_buffers_add(io, buf, (size_t)2 * CONTRACT_LARGE - 1000); /* the end is not covered */
    contract_check_large(io, folder, buf);
    vl_io_buffers_remove(io, buf);
    vl_free(buf);
}

void
os_contract_queue_reports_each_failure(vl_io *io, const char *folder)
{
    char bufs[4][10] = {""};
    vl_io_request requests[4];
    vl_io_request *done[4];
    vl_io_queue *queue;
    vl_file *file;
    vl_file *read_only;
    uint32_t count;

    CHECK_OK(os_contract_create(io, folder, "a", &file));
    CHECK_OK(vl_file_write(unit_ctx(), file, "0123456789abcde", 15, 0));
    CHECK_OK(vl_file_open(unit_ctx(), io, os_contract_path(folder, "a"), 0, &read_only));
    CHECK_OK(vl_io_queue_open(unit_ctx(), io, 4, &queue));
    os_contract_request(&requests[0], VL_IO_READ, file, bufs[0], 10, 10);
    os_contract_request(&requests[1], VL_IO_WRITE, read_only, bufs[1], 10, 0);
    os_contract_request(&requests[2], VL_IO_READ, read_only, bufs[2], 10, 5);
    os_contract_request(&requests[3], VL_IO_READ, file, bufs[3], 10, 100);
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, requests, 4));
    CHECK_OK(vl_io_queue_reap(unit_ctx(), queue, 4, 4, done, &count));
    CHECK_EQ(count, 4);
    CHECK_STATUS(requests[0].status, VELO_IOERR_SHORT_READ);
    CHECK_EQ(requests[0].moved, 5);
    CHECK(requests[1].status != VELO_OK && requests[1].os_error != 0);
    CHECK(vl_io_request_fail(unit_ctx(), &requests[1]) == requests[1].status);
    CHECK_CONTAINS(unit_ctx()->error.text, vl_file_path(read_only));
    CHECK_STATUS(requests[2].status, VELO_OK);
    CHECK(memcmp(bufs[2], "56789abcde", 10) == 0);
    CHECK_STATUS(requests[3].status, VELO_IOERR_SHORT_READ);
    CHECK_EQ(requests[3].moved, 0);
    vl_io_queue_close(queue);
    vl_file_close(file);
    vl_file_close(read_only);
}

void
os_contract_queue_serves_many_files(vl_io *io, const char *folder)
{
    static vl_file *files[50];
    contract_load *load = &contract_loads[0];
    char name[16];

    for (int round = 0; round < 3; round++) { /* each time other open files of the same names */
        for (uint32_t i = 0; i < VL_ARRAY_COUNT(files); i++) {
            (void)snprintf(name, sizeof name, "many%u", i);
            CHECK_OK(os_contract_create(io, folder, name, &files[i]));
        }
        contract_load_blocks(load, VL_IO_WRITE, NULL, (uint64_t)round * 1000);
        for (uint32_t i = 0; i < CONTRACT_REQUESTS; i++)
            load->requests[i].file = files[i % VL_ARRAY_COUNT(files)];
        CHECK_OK(vl_io_batch(unit_ctx(), io, load->requests, CONTRACT_REQUESTS));
        contract_load_blocks(load, VL_IO_READ, NULL, 0);
        for (uint32_t i = 0; i < CONTRACT_REQUESTS; i++)
            load->requests[i].file = files[i % VL_ARRAY_COUNT(files)];
        CHECK_OK(vl_io_batch(unit_ctx(), io, load->requests, CONTRACT_REQUESTS));
        CHECK(contract_load_is_filled(load, (uint64_t)round * 1000));
        for (uint32_t i = 0; i < VL_ARRAY_COUNT(files); i++)
            vl_file_close(files[i]);
    }
}

/* What one thread of the next check does. */
typedef struct contract_worker {
    vl_thread thread;    /* it */
    vl_io *io;           /* shared by all */
    vl_file *file;       /* shared by all; a region for each */
    vl_io_queue *queue;  /* its own, as it saw it */
    contract_load *load; /* its own */
    uint32_t index;      /* which worker */
    velo_status status;  /* how it went */
    int is_wrong;        /* it read something else */
} contract_worker;

static velo_status
contract_worker_round(contract_worker *worker, vl_ctx *ctx, vl_io_op op, uint64_t seed)
{
    uint64_t region = (uint64_t)worker->index * CONTRACT_REQUESTS * CONTRACT_BLOCK;

    contract_load_blocks(worker->load, op, worker->file, seed);
    for (uint32_t i = 0; i < CONTRACT_REQUESTS; i++)
        worker->load->requests[i].offset += region;
    return vl_io_batch(ctx, worker->io, worker->load->requests, CONTRACT_REQUESTS);
}

static void
contract_worker_main(void *argument)
{
    contract_worker *worker = argument;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    worker->status = vl_io_thread_queue(&ctx, worker->io, &worker->queue);
    for (uint64_t round = 0; round < 5 && worker->status == VELO_OK; round++) {
        uint64_t seed = worker->index * 100000U + round * 1000U;
        vl_io_queue *queue = NULL;

        worker->status = contract_worker_round(worker, &ctx, VL_IO_WRITE, seed);
        if (worker->status == VELO_OK)
            worker->status = contract_worker_round(worker, &ctx, VL_IO_READ, 0);
        if (worker->status == VELO_OK)
            worker->status = vl_io_thread_queue(&ctx, worker->io, &queue);
        worker->is_wrong |= !contract_load_is_filled(worker->load, seed) || queue != worker->queue;
    }
}

void
os_contract_queue_belongs_to_its_thread(vl_io *io, const char *folder)
{
    static contract_worker workers[CONTRACT_THREADS];
    vl_file *file;

    CHECK_OK(os_contract_create(io, folder, "a", &file));
    memset(workers, 0, sizeof workers);
    for (uint32_t i = 0; i < CONTRACT_THREADS; i++) {
        workers[i].io = io;
        workers[i].file = file;
        workers[i].load = &contract_loads[i];
        workers[i].index = i;
        CHECK_OK(vl_thread_start(unit_ctx(), &workers[i].thread, "worker", contract_worker_main,
                                 &workers[i]));
    }
    for (uint32_t i = 0; i < CONTRACT_THREADS; i++)
        vl_thread_join(&workers[i].thread);
    for (uint32_t i = 0; i < CONTRACT_THREADS; i++) {
        CHECK_STATUS(workers[i].status, VELO_OK);
        CHECK_EQ(workers[i].is_wrong, 0);
    }
    vl_file_close(file);
}

/* ---- links and batches ---- */

void
os_contract_link_runs_in_order(vl_io *io, const char *folder)
{
    vl_io_request requests[6];
    char in[3][4] = {"one", "two", "thr"};
    char out[2][4] = {"", ""};
    vl_file *file;

    CHECK_OK(os_contract_create(io, folder, "a", &file));
    for (int round = 0; round < 50; round++) { /* each overwrites the one before */
        os_contract_request(&requests[0], VL_IO_WRITE, file, in[0], 3, 0);
        os_contract_request(&requests[1], VL_IO_READ, file, out[0], 3, 0);
        os_contract_request(&requests[2], VL_IO_WRITE, file, in[1], 3, 0);
        os_contract_request(&requests[3], VL_IO_READ, file, out[1], 3, 0);
        os_contract_request(&requests[4], VL_IO_WRITE, file, in[2], 3, 0);
        os_contract_request(&requests[5], VL_IO_SYNC, file, NULL, 0, 0);
        for (int i = 0; i < 5; i++)
            requests[i].flags = VL_IO_LINK;
        if (round % 10 == 0)
            requests[2].flags |= VL_IO_DURABLE;
        CHECK_OK(vl_io_batch(unit_ctx(), io, requests, round % 10 == 0 ? 6 : 5));
        CHECK(memcmp(out[0], "one", 3) == 0 && memcmp(out[1], "two", 3) == 0);
        CHECK_OK(vl_file_read(unit_ctx(), file, out[0], 3, 0, NULL));
        CHECK(memcmp(out[0], "thr", 3) == 0);
    }
    vl_file_close(file);
}

void
os_contract_link_failure_cancels_the_rest(vl_io *io, const char *folder)
{
    vl_io_request requests[7];
    vl_io_request *done[7];
    char bufs[7][8];
    vl_io_queue *queue;
    vl_file *file;
    uint64_t size;
    uint32_t count;

    CHECK_OK(os_contract_create(io, folder, "a", &file));
    CHECK_OK(vl_file_write(unit_ctx(), file, "0123456789", 10, 0));
    CHECK_OK(vl_io_queue_open(unit_ctx(), io, 16, &queue));
    memset(bufs, 'z', sizeof bufs);
    os_contract_request(&requests[0], VL_IO_READ, file, bufs[0], 8, 0);
    os_contract_request(&requests[1], VL_IO_READ, file, bufs[1], 8, 6); /* half of it is there */
    os_contract_request(&requests[2], VL_IO_WRITE, file, bufs[2], 8, 100);
    os_contract_request(&requests[3], VL_IO_SYNC, file, NULL, 0, 0);
    os_contract_request(&requests[4], VL_IO_WRITE, file, bufs[4], 8, 200);
    os_contract_request(&requests[5], VL_IO_READ, file, bufs[5], 8, 1); /* a chain of its own */
    os_contract_request(&requests[6], VL_IO_READ, file, bufs[6], 8, 2);
    for (int i = 0; i < 4; i++)
        requests[i].flags = VL_IO_LINK;
    requests[5].flags = VL_IO_LINK;
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, requests, 7));
    CHECK_OK(vl_io_queue_reap(unit_ctx(), queue, 7, 7, done, &count));
    CHECK_EQ(count, 7);
    CHECK_STATUS(requests[0].status, VELO_OK);
    CHECK_STATUS(requests[1].status, VELO_IOERR_SHORT_READ);
    CHECK_EQ(requests[1].moved, 4);
    for (int i = 2; i < 5; i++)
        CHECK_STATUS(requests[i].status, VELO_ABORT);
    CHECK_STATUS(requests[5].status, VELO_OK);
    CHECK_STATUS(requests[6].status, VELO_OK);
    CHECK(memcmp(bufs[6], "23456789", 8) == 0);
    CHECK_OK(vl_file_get_size(unit_ctx(), file, &size));
    CHECK_EQ(size, 10);                       /* the cancelled writes did not happen */
    CHECK_OK(vl_file_sync(unit_ctx(), file)); /* a cancelled sync is no failed one */
    vl_io_queue_close(queue);
    vl_file_close(file);
}

void
os_contract_link_chain_may_exceed_the_depth(vl_io *io, const char *folder)
{
    contract_load *load = &contract_loads[0];
    uint8_t *shared = load->bufs[0];
    vl_io_queue *queue;
    vl_file *file;

    CHECK_OK(os_contract_create(io, folder, "a", &file));
    CHECK_OK(vl_io_queue_open(unit_ctx(), io, 3, &queue));
    contract_load_blocks(load, VL_IO_WRITE, file, 70);
    for (uint32_t i = 0; i < CONTRACT_REQUESTS; i++) {
        vl_io_request *request = &load->requests[i];

        /* Copy the first block to all others, one after the other. */
        request->buf = shared;
        request->flags = VL_IO_LINK;
        if (i > 0 && i % 2 == 1) {
            request->op = VL_IO_READ;
            request->offset = (uint64_t)(i - 1) * CONTRACT_BLOCK;
        }
    }
    load->requests[2].flags |= VL_IO_DURABLE;
    CHECK_OK(contract_load_run(unit_ctx(), load, queue));
    for (uint32_t i = 0; i < CONTRACT_REQUESTS; i += 2) {
        CHECK_OK(vl_file_read(unit_ctx(), file, shared, CONTRACT_BLOCK,
                              (uint64_t)i * CONTRACT_BLOCK, NULL));
        CHECK(os_contract_is_filled(shared, CONTRACT_BLOCK, 70));
    }
    /* One that fails beyond the first part cancels all behind it. */
    contract_load_blocks(load, VL_IO_READ, file, 0);
    for (uint32_t i = 0; i < CONTRACT_REQUESTS; i++)
        load->requests[i].flags = VL_IO_LINK;
    load->requests[10].offset = UINT64_C(1) << 30;
    CHECK_STATUS(contract_load_run(unit_ctx(), load, queue), VELO_IOERR_SHORT_READ);
    vl_io_queue_close(queue);
    for (uint32_t i = 0; i < CONTRACT_REQUESTS; i++)
        CHECK_STATUS(load->requests[i].status, i < 10    ? VELO_OK
                                               : i == 10 ? VELO_IOERR_SHORT_READ
                                                         : VELO_ABORT);
    vl_file_close(file);
}

void
os_contract_batch_reports_the_first_failure(vl_io *io, const char *folder)
{
    vl_io_request requests[4];
    vl_io_request pending;
    vl_io_request *done;
    char bufs[5][4] = {"", "", "", "", ""};
    vl_io_queue *queue;
    vl_file *file;
    uint32_t count;

    CHECK_OK(os_contract_create(io, folder, "a", &file));
    CHECK_OK(vl_file_write(unit_ctx(), file, "01234567", 8, 0));
    CHECK_OK(vl_io_batch(unit_ctx(), io, requests, 0));
    CHECK_OK(vl_io_thread_queue(unit_ctx(), io, &queue));
    os_contract_request(&pending, VL_IO_READ, file, bufs[4], 4, 4);
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, &pending, 1));
    os_contract_request(&requests[0], VL_IO_READ, file, bufs[0], 4, 0);
    os_contract_request(&requests[1], VL_IO_READ, file, bufs[1], 4, 1000);
    os_contract_request(&requests[2], VL_IO_SYNC, file, NULL, 0, 0);
    os_contract_request(&requests[3], VL_IO_READ, file, bufs[3], 4, 7);
    requests[1].flags = VL_IO_LINK;
    CHECK_STATUS(vl_io_batch(unit_ctx(), io, requests, 4), VELO_IOERR_SHORT_READ);
    CHECK_CONTAINS(unit_ctx()->error.text, "1000");
    CHECK_STATUS(requests[2].status, VELO_ABORT);
    CHECK_EQ(vl_io_queue_pending(queue), 1); /* what was there before is still to be reaped */
    CHECK_OK(vl_io_queue_reap(unit_ctx(), queue, 1, 1, &done, &count));
    CHECK(count == 1 && done == &pending && memcmp(bufs[4], "4567", 4) == 0);
    vl_file_close(file);
}

/* ---- memory ---- */

void
os_contract_buffers_come_and_go(vl_io *io, const char *folder)
{
    contract_load *load = &contract_loads[0];
    vl_file *file;
    char *many = vl_alloc(unit_ctx(), (VL_IO_MAX_SLABS + 6) * 16);

    CHECK(many != NULL);
    CHECK_OK(os_contract_create(io, folder, "a", &file));
    for (int round = 0; round < 6; round++) {
        if (round % 2 == 0)
            vl_io_buffers_add(io, load->bufs[round], sizeof load->bufs / 2);
        contract_load_blocks(load, VL_IO_WRITE, file, (uint64_t)round);
        CHECK_OK(vl_io_batch(unit_ctx(), io, load->requests, CONTRACT_REQUESTS));
        contract_load_blocks(load, VL_IO_READ, file, 0);
        CHECK_OK(vl_io_batch(unit_ctx(), io, load->requests, CONTRACT_REQUESTS));
        CHECK(contract_load_is_filled(load, (uint64_t)round));
        if (round % 2 == 1)
            vl_io_buffers_remove(io, load->bufs[round - 1]);
    }
    for (size_t i = 0; i < VL_IO_MAX_SLABS + 6; i++) /* more than are kept */
        vl_io_buffers_add(io, many + i * 16, 16);
    contract_load_blocks(load, VL_IO_WRITE, file, 50);
    for (size_t i = 0; i < VL_IO_MAX_SLABS + 6; i++) {
        load->requests[i].buf = many + i * 16;
        load->requests[i].size = 16;
    }
    CHECK_OK(vl_io_batch(unit_ctx(), io, load->requests, CONTRACT_REQUESTS));
    for (size_t i = 0; i < VL_IO_MAX_SLABS + 6; i++)
        vl_io_buffers_remove(io, many + i * 16);
    vl_io_buffers_remove(io, many);
    vl_free(many);
    vl_file_close(file);
}

void
os_contract_memory_may_run_out(vl_io *io, const char *folder)
{
    vl_allocator *allocator = vl_allocator_default();
    vl_io_queue *queue = NULL;
    velo_status st = VELO_NOMEM;
    vl_file *file = NULL;

    for (uint64_t nth = 1; st != VELO_OK; nth++) {
        CHECK(nth < 100);
        vl_allocator_fail_nth(allocator, nth, 1);
        st = os_contract_create(io, folder, "a", &file);
        vl_allocator_fail_nth(allocator, 0, 0);
        CHECK(st == VELO_OK || (st == VELO_NOMEM && file == NULL));
    }
    vl_file_close(file);
    st = VELO_NOMEM;
    for (uint64_t nth = 1; st != VELO_OK; nth++) {
        CHECK(nth < 100);
        vl_allocator_fail_nth(allocator, nth, 1);
        st = vl_io_queue_open(unit_ctx(), io, 4, &queue);
        vl_allocator_fail_nth(allocator, 0, 0);
        CHECK(st == VELO_OK || (st == VELO_NOMEM && queue == NULL));
    }
    vl_io_queue_close(queue);
}
