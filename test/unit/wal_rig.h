/* wal_rig.h - a log on a simulated machine, and a list of what was appended to it. */
#ifndef VL_TEST_WAL_RIG_H
#define VL_TEST_WAL_RIG_H

#include "base/hash.h"
#include "lib/unit.h"
#include "os/sim.h"
#include "storage/wal.h"

#include <stdlib.h>

#define RIG_PATH     "/d/x-wal"
#define RIG_RING     4096U
#define RIG_SEGMENT  1024U
#define RIG_BODY_MAX (RIG_RING / 4 - VL_WAL_RECORD_HEADER)
#define RIG_RECORDS  4096U

/* A record as it was appended. */
typedef struct rig_record {
    vl_log_position position; /* what append returned */
    uint32_t type;            /* as given */
    uint32_t size;            /* of the body */
    uint64_t txn;             /* as given; also the seed of the body's bytes */
} rig_record;

typedef struct rig {
    vl_sim *sim;
    vl_io *io;
    vl_wal *wal;
    vl_wal_options options;
    vl_rng rng;
    rig_record records[RIG_RECORDS]; /* appended to this generation, in order */
    uint32_t count;
} rig;

/* The bytes of the body that belongs to a transaction's number. */
static inline void
rig_body(uint64_t txn, uint8_t *body, uint32_t size)
{
    vl_rng rng;

    vl_rng_init(&rng, txn);
    vl_rng_fill(&rng, body, size);
}

static inline velo_status
rig_open(vl_ctx *ctx, rig *r, const vl_sim_options *sim_options)
{
    memset(r, 0, sizeof *r);
    vl_rng_init(&r->rng, unit_seed());
    VL_TRY(vl_sim_create(ctx, sim_options, &r->sim));
    VL_TRY(vl_sim_open_io(ctx, r->sim, &r->io));
    r->options.io = r->io;
    r->options.path = RIG_PATH;
    memset(r->options.identity.database_id, 7, sizeof r->options.identity.database_id);
    r->options.identity.generation = 1;
    r->options.identity.salt = 0x5a17;
    r->options.start = 64;
    r->options.ring_bytes = RIG_RING;
    r->options.segment_bytes = RIG_SEGMENT;
    r->options.preallocation = VL_PREALLOC_WRITTEN;
    return VELO_OK;
}

static inline velo_status
rig_create(vl_ctx *ctx, rig *r)
{
    r->count = 0;
    return vl_wal_create(ctx, &r->options, &r->wal);
}

static inline void
rig_close(rig *r)
{
    vl_wal_close(r->wal);
    r->wal = NULL;
    vl_io_close(r->io);
    r->io = NULL;
    vl_sim_destroy(r->sim);
    r->sim = NULL;
}

/* The process is gone, in one way or the other; start a new one. */
static inline velo_status
rig_restart(vl_ctx *ctx, rig *r)
{
    vl_wal_close(r->wal);
    r->wal = NULL;
    vl_io_close(r->io);
    r->io = NULL;
    VL_TRY(vl_sim_open_io(ctx, r->sim, &r->io));
    r->options.io = r->io;
    return VELO_OK;
}

/* Append a record of `size` bytes in one or two parts, with credit of its own. */
static inline velo_status
rig_append(vl_ctx *ctx, rig *r, uint32_t size)
{
    static uint64_t next_txn = 1;
    uint8_t body[RIG_BODY_MAX];
    vl_wal_credit credit;
    vl_wal_part parts[2];
    rig_record *record = &r->records[r->count];

    VL_TRY(vl_wal_grant(ctx, r->wal, 1, size, &credit));
    record->txn = next_txn++;
    record->type = 1 + (uint32_t)vl_rng_below(&r->rng, 9);
    record->size = size;
    rig_body(record->txn, body, size);
    parts[0].data = body;
    parts[0].size = (uint32_t)vl_rng_below(&r->rng, size + 1);
    parts[1].data = body + parts[0].size;
    parts[1].size = size - parts[0].size;
    record->position = vl_wal_append(r->wal, &credit, record->type, record->txn, parts, 2);
    vl_wal_ungrant(r->wal, &credit);
    if (r->count < RIG_RECORDS - 1)
        r->count++;
    return VELO_OK;
}

static inline vl_log_position
rig_end(const rig_record *record)
{
    return vl_wal_record_end(record->position, record->size);
}

/* Whether what was read is the record that was appended. */
static inline int
rig_is_same(const rig_record *wanted, const vl_wal_record *got)
{
    uint8_t body[RIG_BODY_MAX];

    if (got->position != wanted->position || got->end != rig_end(wanted) ||
        got->type != wanted->type || got->txn != wanted->txn || got->size != wanted->size)
        return 0;
    for (uint64_t i = got->size; i % 8 != 0; i++)
        if (got->body[i] != 0)
            return 0;
    rig_body(wanted->txn, body, wanted->size);
    return memcmp(body, got->body, wanted->size) == 0 && (uintptr_t)got->body % 8 == 0;
}

/* Scan from the first of `records` (or from `from` if there is none) on and count how many come
 * back; -1 when the log yields something else, -2 when the scan fails. *end is where it ended. */
static inline int
rig_scan(vl_ctx *ctx, vl_io *io, const vl_wal_identity *identity, vl_log_position from,
         const rig_record *records, uint32_t count, vl_log_position *end)
{
    vl_wal_scan *scan;
    vl_wal_record record;
    uint32_t got = 0;
    int found = 1;

    if (vl_wal_scan_open(ctx, io, RIG_PATH, identity, from, &scan) != VELO_OK)
        return -2;
    while (found) {
        if (vl_wal_scan_next(ctx, scan, &record, &found) != VELO_OK) {
            vl_wal_scan_close(scan);
            return -2;
        }
        if (found && (got >= count || !rig_is_same(&records[got], &record))) {
            vl_wal_scan_close(scan);
            return -1;
        }
        got += (uint32_t)found;
    }
    if (end != NULL)
        *end = vl_wal_scan_position(scan);
    vl_wal_scan_close(scan);
    return (int)got;
}

#endif
