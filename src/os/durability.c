/* durability.c - the probe: three files, nine ways, medians.
 *
 * Invariants
 *   Y1  Each append goes to bytes that no measured append has written before, so that every way
 *       pays what it would pay in a log.
 *   Y2  A round measures every available way once, each round starting with another one. */
#include "os/durability.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DURABILITY_DEFAULT_ROUNDS 25U
#define DURABILITY_MOST_ROUNDS    1000U
#define DURABILITY_LEAST_ROUNDS   5U
#define DURABILITY_MOST_TIME_NS   UINT64_C(1000000000)
#define DURABILITY_WARMUP_ROUNDS  1U

/* A probe under way. */
typedef struct durability_probe {
    vl_io *io;                         /* borrowed */
    vl_file *files[VL_PREALLOC_COUNT]; /* one for each preallocation; NULL when not open */
    uint64_t next[VL_PREALLOC_COUNT];  /* where the next append to it goes; keeps Y1 */
    char *data;                        /* append_size bytes, aligned for direct I/O */
    uint32_t append_size;              /* bytes of an append */
    uint32_t round_count;              /* rounds planned, warm-up included */
    uint64_t *samples;                 /* round_count of each way, nanoseconds */
    vl_durability *result;             /* what is being filled in */
} durability_probe;

const char *
vl_preallocation_name(vl_preallocation preallocation)
{
    switch (preallocation) {
    case VL_PREALLOC_NONE:
        return "none";
    case VL_PREALLOC_ALLOCATED:
        return "allocated";
    case VL_PREALLOC_WRITTEN:
        return "written";
    }
    return "unknown";
}

/* Prepare the space of one file. */
static velo_status
durability_prepare(vl_ctx *ctx, durability_probe *probe, vl_preallocation preallocation)
{
    vl_file *file = probe->files[preallocation];
    uint64_t size = (uint64_t)probe->append_size * probe->round_count * VL_DURABLE_METHOD_COUNT;

    switch (preallocation) {
    case VL_PREALLOC_NONE:
        break;
    case VL_PREALLOC_ALLOCATED:
        VL_TRY(vl_file_allocate(ctx, file, 0, size));
        break;
    case VL_PREALLOC_WRITTEN:
        for (uint64_t at = 0; at < size; at += probe->append_size)
            VL_TRY(vl_file_write(ctx, file, probe->data, probe->append_size, at));
        break;
    }
    return vl_file_sync(ctx, file);
}

static velo_status
durability_open(vl_ctx *ctx, durability_probe *probe, const char *folder)
{
    probe->data = vl_alloc_aligned(ctx, probe->append_size, VL_DIRECT_ALIGN);
    probe->samples = vl_alloc_array(ctx, (size_t)probe->round_count * VL_DURABILITY_WAYS,
                                    sizeof *probe->samples);
    if (probe->data == NULL || probe->samples == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the durability probe");
    memset(probe->data, 0, probe->append_size);
    for (vl_preallocation p = VL_PREALLOC_NONE; p < VL_PREALLOC_COUNT; p++) {
        VL_TRY(vl_file_open(ctx, probe->io, folder, VL_OPEN_TEMPORARY, &probe->files[p]));
        VL_TRY(durability_prepare(ctx, probe, p));
    }
    memset(probe->data, 0x5a, probe->append_size);
    return VELO_OK;
}

static void
durability_close(durability_probe *probe)
{
    for (size_t i = 0; i < VL_PREALLOC_COUNT; i++)
        vl_file_close(probe->files[i]);
    vl_free(probe->data);
    vl_free(probe->samples);
}

static void
durability_list_ways(vl_ctx *ctx, durability_probe *probe)
{
    vl_durability_way *way = probe->result->ways;

    for (vl_preallocation p = VL_PREALLOC_NONE; p < VL_PREALLOC_COUNT; p++) {
        for (vl_durable_method m = VL_DURABLE_WRITE_SYNC; m < VL_DURABLE_METHOD_COUNT; m++, way++) {
            way->method = m;
            way->preallocation = p;
            way->is_available = vl_file_can_durable(ctx, probe->files[p], m);
        }
    }
    vl_error_clear(ctx); /* of a ring that could not be made: that way is not available */
}

static velo_status
durability_append(vl_ctx *ctx, durability_probe *probe, const vl_durability_way *way,
                  uint64_t *took)
{
    uint64_t start_ns = vl_io_monotonic_ns(probe->io);

    VL_TRY(vl_file_write_durable(ctx, probe->files[way->preallocation], way->method, probe->data,
                                 probe->append_size, probe->next[way->preallocation]));
    *took = vl_io_monotonic_ns(probe->io) - start_ns;
    probe->next[way->preallocation] += probe->append_size;
    return VELO_OK;
}

/* Run the rounds until all are done or the time is up. Keeps Y2. */
static velo_status
durability_measure(vl_ctx *ctx, durability_probe *probe)
{
    uint64_t start_ns = vl_io_monotonic_ns(probe->io);
    uint32_t round = 0;

    while (round < probe->round_count) {
        for (uint32_t i = 0; i < VL_DURABILITY_WAYS; i++) {
            uint32_t w = (i + round) % VL_DURABILITY_WAYS;

            if (probe->result->ways[w].is_available)
                VL_TRY(durability_append(ctx, probe, &probe->result->ways[w],
                                         &probe->samples[(size_t)w * probe->round_count + round]));
        }
        round++;
        if (round >= DURABILITY_LEAST_ROUNDS + DURABILITY_WARMUP_ROUNDS &&
            vl_io_monotonic_ns(probe->io) - start_ns > DURABILITY_MOST_TIME_NS)
            break;
    }
    probe->result->round_count = round - DURABILITY_WARMUP_ROUNDS;
    return VELO_OK;
}

static int
durability_compare(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;

    return (*x > *y) - (*x < *y);
}

static void
durability_summarize(durability_probe *probe)
{
    vl_durability *result = probe->result;
    uint32_t count = result->round_count;

    for (uint32_t w = 0; w < VL_DURABILITY_WAYS; w++) {
        vl_durability_way *way = &result->ways[w];
        uint64_t *samples =
            probe->samples + (size_t)w * probe->round_count + DURABILITY_WARMUP_ROUNDS;

        if (!way->is_available)
            continue;
        qsort(samples, count, sizeof *samples, durability_compare);
        way->least_ns = samples[0];
        way->median_ns = samples[count / 2];
        way->most_ns = samples[count - 1];
        if (!result->ways[result->best].is_available ||
            way->median_ns < result->ways[result->best].median_ns)
            result->best = w;
    }
}

velo_status
vl_durability_probe(vl_ctx *ctx, vl_io *io, const char *folder, uint32_t append_size,
                    uint32_t rounds, vl_durability *result)
{
    durability_probe probe;
    velo_status st;

    VL_ASSERT(append_size > 0 && append_size % VL_DIRECT_ALIGN == 0);
    memset(result, 0, sizeof *result);
    memset(&probe, 0, sizeof probe);
    if (rounds == 0)
        rounds = DURABILITY_DEFAULT_ROUNDS;
    if (rounds < DURABILITY_LEAST_ROUNDS)
        rounds = DURABILITY_LEAST_ROUNDS;
    if (rounds > DURABILITY_MOST_ROUNDS)
        rounds = DURABILITY_MOST_ROUNDS;
    probe.io = io;
    probe.append_size = append_size;
    probe.round_count = rounds + DURABILITY_WARMUP_ROUNDS;
    probe.result = result;
    st = durability_open(ctx, &probe, folder);
    if (st == VELO_OK) {
        durability_list_ways(ctx, &probe);
        st = durability_measure(ctx, &probe);
    }
    if (st == VELO_OK)
        durability_summarize(&probe);
    durability_close(&probe);
    return st;
}
