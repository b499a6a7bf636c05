/* publish.h - from a commit record to a commit that others see: the order in which commits happen.
 *
 * A commit's timestamp is the position of its record in the log, so the order of commits is that of
 * the log and of its replay (hazard 27). In a write section, with credit for the record in hand:
 *
 *     vl_publish_reserve(...)   draws the position, lists the commit if it is FULL, and
 *                               stores the timestamp in the transaction's status
 *     vl_publish_fill(...)      fills the record: from now on it is appended
 *
 * and outside of it vl_publish_acknowledge waits until the commit may be told to the application.
 *
 *     published = what is appended without a gap, but never past the first FULL commit that is not
 *                 durable; it only grows
 *
 * Published is the timestamp of the newest commit that new snapshots see, or one between it and the
 * next: everything at or below it is seen. A commit is acknowledged once it is published: a FULL
 * one when its record is durable, any other when its record is handed to the system and all FULL
 * ones before it are durable (hazard 28). So nothing is seen that a power cut could take back, if
 * its own connection asked for that; and every connection sees what it has committed.
 *
 * Writers may begin at what is *appended* (hazard 29): their own commit lies behind in the same
 * log, so it cannot survive without what they read. Nothing they read leaves the engine before
 * vl_publish_await of their snapshot.
 *
 * Nothing here waits by itself: who waits for publication waits for the log, whose flushing is
 * led by those who wait. No timers, no thread.
 *
 * After a failure of the log nothing more is published from the first FULL commit on that it hit:
 * whether it is found after a crash is not known.
 *
 * A database in memory has a log that counts positions and keeps nothing (wal.h); all its commits
 * count as not FULL there.
 *
 * Threads: any, but for init, attach and deinit. Latch: VL_RANK_TXN_PUBLISH, for moments, also
 * between reserving and filling: its holder needs nothing else. */
#ifndef VL_TXN_PUBLISH_H
#define VL_TXN_PUBLISH_H

#include "base/ctx.h"
#include "base/latch.h"
#include "storage/wal.h"
#include "txn/status.h"

/* A commit on its way. Memory of the caller's, which stays where it is from vl_publish_reserve to
 * the end of vl_publish_acknowledge. */
typedef struct vl_publish_commit {
    vl_timestamp ts;                /* position of its record */
    vl_log_position end;            /* one past the record */
    int is_full;                    /* it is listed until it is durable */
    int is_listed;                  /* under the latch */
    struct vl_publish_commit *prev; /* neighbours in the list, by position; under the latch */
    struct vl_publish_commit *next; /* see there */
} vl_publish_commit;

typedef struct vl_publish {
    _Alignas(VL_CONTENDED_ALIGN) _Atomic uint64_t published; /* only grows */
    _Atomic(vl_wal *) wal;                                   /* borrowed; NULL until attached */
    int is_in_memory; /* nothing is ever durable; set when attached */
    /* Written by FULL commits. */
    _Alignas(VL_CONTENDED_ALIGN) _Atomic uint64_t first_full; /* of `first`, or failed_at; read by
                                                                 all, written under the latch */
    vl_latch latch;                                           /* guards the following */
    vl_publish_commit *first; /* FULL commits not known to be durable, by position */
    vl_publish_commit *last;  /* undefined while first is NULL */
    uint64_t failed_at;       /* position of the first FULL commit that failed; UINT64_MAX: none */
} vl_publish;

/* Make one without a log: published is VL_TS_NONE, and snapshots see what was checkpointed. */
void vl_publish_init(vl_publish *publish);

/* The log has begun: everything before its end is published. Once, before the first commit and by
 * one thread. The log is borrowed, and begins behind position 0. */
void vl_publish_attach(vl_publish *publish, vl_wal *wal, int is_in_memory);

/* Nothing to give back; checks that no commit is on its way. */
void vl_publish_deinit(vl_publish *publish);

/* ---- committing ---- */

/* Draw the position of a commit record with `body_size` bytes of body, and decide the status. In a
 * write section with credit for the record; vl_publish_fill follows at once. Neither waits nor
 * fails. Returns the timestamp.
 *
 * status   of the transaction, active
 * is_full  the commit is acknowledged only when it survives a power cut
 * commit   receives what the other calls want */
vl_timestamp vl_publish_reserve(vl_publish *publish, vl_wal_credit *credit, uint32_t body_size,
                                vl_txn_status *status, int is_full, vl_publish_commit *commit);

/* Fill the record, as vl_wal_fill. Still in the section. */
void vl_publish_fill(vl_publish *publish, const vl_publish_commit *commit, uint32_t type,
                     uint64_t txn, const vl_wal_part *parts, uint32_t part_count);

/* Wait until the commit is published: on success, published >= commit->ts. Called outside of
 * sections and without latches, exactly once for each commit. Also the row owners' turn ends before
 * this, at vl_publish_fill (hazard 29).
 *
 * errors  those of the log. The transaction is committed in memory, nobody sees it if it was FULL,
 *         and what is found after a crash is not known: the database takes no more changes */
velo_status vl_publish_acknowledge(vl_ctx *ctx, vl_publish *publish, vl_publish_commit *commit)
    VL_MUST_CHECK;

/* ---- seeing ---- */

/* The newest timestamp that new snapshots see. Sequentially consistent. */
vl_timestamp vl_publish_ts(const vl_publish *publish);

/* Raise published as far as it may go now, and return it. Waits for nobody. The log is attached. */
vl_timestamp vl_publish_advance(vl_publish *publish);

/* The newest timestamp that a writer may begin with: at least published, and at least `met`, the
 * timestamp of a commit that it has met (or VL_TS_NONE): waits, for moments, until that one's
 * record is filled. Without latches. */
vl_timestamp vl_publish_appended_ts(vl_publish *publish, vl_timestamp met);

/* Wait until published >= ts, where ts is one that vl_publish_appended_ts returned or that was met
 * as a commit's. Errors: those of the log. */
velo_status vl_publish_await(vl_ctx *ctx, vl_publish *publish, vl_timestamp ts) VL_MUST_CHECK;

#endif
