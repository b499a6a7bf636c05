/* publish.c - what is published, and waiting for it.
 *
 * FULL commits stand in a list in the order of their positions, from before their records are
 * filled until they are durable. `first_full` is the first one's position.
 *
 * Invariants
 *   P1  A FULL commit is listed, and first_full is at most its position, before its record is
 *       filled. So who loads `appended` and then `first_full` finds each FULL commit of that prefix
 *       that is not durable, and the lower of both is a right limit for `published`.
 *   P2  A commit leaves the list when the log is durable up to its end; one that fails leaves it
 *       too, and failed_at takes its place for good.
 *   P3  published only grows, and is one less than the position of a record or of the log's end:
 *       the next commit, whose timestamp is that position, is not seen.
 *   P4  The status is decided before the record is filled: what is published is decided. */
#include "txn/publish.h"

#include "base/assert.h"
#include "base/atomic.h"
#include "base/rank.h"

#define PUBLISH_NONE UINT64_MAX

static vl_wal *
publish_wal(const vl_publish *publish)
{
    return atomic_load_explicit(&publish->wal, memory_order_acquire);
}

void
vl_publish_init(vl_publish *publish)
{
    atomic_init(&publish->published, VL_TS_NONE);
    atomic_init(&publish->wal, NULL);
    atomic_init(&publish->first_full, PUBLISH_NONE);
    vl_latch_init(&publish->latch, VL_RANK_TXN_PUBLISH);
    publish->is_in_memory = 0;
    publish->first = NULL;
    publish->last = NULL;
    publish->failed_at = PUBLISH_NONE;
}

void
vl_publish_attach(vl_publish *publish, vl_wal *wal, int is_in_memory)
{
    vl_log_position end = vl_wal_appended(wal);

    VL_CHECK(publish_wal(publish) == NULL);
    VL_CHECK(end > 0); /* position 0 is VL_TS_NONE */
    publish->is_in_memory = is_in_memory;
    atomic_store_explicit(&publish->wal, wal, memory_order_release);
    (void)vl_atomic_max(&publish->published, end - 1);
}

void
vl_publish_deinit(vl_publish *publish)
{
    VL_ASSERT(publish->first == NULL);
    (void)publish;
}

/* ---- the list of FULL commits; the latch is held ---- */

static void
publish_note_first(vl_publish *publish)
{
    uint64_t first = publish->first != NULL ? publish->first->ts : PUBLISH_NONE;

    if (publish->failed_at < first)
        first = publish->failed_at;
    atomic_store_explicit(&publish->first_full, first, memory_order_seq_cst);
}

/* Insert by position: nearly always at the end. */
static void
publish_link(vl_publish *publish, vl_publish_commit *commit)
{
    vl_publish_commit *before = publish->first != NULL ? publish->last : NULL;

    while (before != NULL && before->ts > commit->ts)
        before = before->prev;
    commit->prev = before;
    commit->next = before != NULL ? before->next : publish->first;
    if (before != NULL)
        before->next = commit;
    else
        publish->first = commit;
    if (commit->next != NULL)
        commit->next->prev = commit;
    else
        publish->last = commit;
    commit->is_listed = 1;
}

static void
publish_unlink(vl_publish *publish, vl_publish_commit *commit)
{
    if (commit->prev != NULL)
        commit->prev->next = commit->next;
    else
        publish->first = commit->next;
    if (commit->next != NULL)
        commit->next->prev = commit->prev;
    else
        publish->last = commit->prev;
    commit->is_listed = 0;
}

/* ---- moving on ---- */

/* Take the durable ones off the list. Keeps P2. */
static void
publish_drop_durable(vl_publish *publish)
{
    vl_log_position durable = vl_wal_durable(publish_wal(publish));

    if (atomic_load_explicit(&publish->first_full, memory_order_acquire) >= durable)
        return;
    vl_latch_acquire_exclusive(&publish->latch);
    while (publish->first != NULL && publish->first->end <= durable)
        publish_unlink(publish, publish->first);
    publish_note_first(publish);
    vl_latch_release_exclusive(&publish->latch);
}

vl_timestamp
vl_publish_advance(vl_publish *publish)
{
    vl_log_position appended = vl_wal_appended(publish_wal(publish)); /* first: P1 */
    uint64_t limit;
    uint64_t before;

    publish_drop_durable(publish);
    limit = atomic_load_explicit(&publish->first_full, memory_order_seq_cst);
    if (limit > appended)
        limit = appended;
    before = vl_atomic_max(&publish->published, limit - 1); /* keeps P3 */
    return before > limit - 1 ? before : limit - 1;
}

/* The log has failed: a FULL commit will never be known to be durable, unless it is already, and
 * nothing from it on is published any more. */
static void
publish_fail(vl_publish *publish, vl_publish_commit *commit)
{
    vl_latch_acquire_exclusive(&publish->latch);
    if (commit->is_listed) {
        publish_unlink(publish, commit);
        if (commit->end > vl_wal_durable(publish_wal(publish)) && commit->ts < publish->failed_at)
            publish->failed_at = commit->ts;
        publish_note_first(publish);
    }
    vl_latch_release_exclusive(&publish->latch);
}

/* ---- committing ---- */

vl_timestamp
vl_publish_reserve(vl_publish *publish, vl_wal_credit *credit, uint32_t body_size,
                   vl_txn_status *status, int is_full, vl_publish_commit *commit)
{
    commit->ts = vl_wal_reserve(publish_wal(publish), credit, body_size);
    commit->end = vl_wal_record_end(commit->ts, body_size);
    commit->is_full = is_full && !publish->is_in_memory;
    commit->is_listed = 0;
    commit->prev = NULL;
    commit->next = NULL;
    if (commit->is_full) { /* keeps P1 */
        vl_latch_acquire_exclusive(&publish->latch);
        publish_link(publish, commit);
        publish_note_first(publish);
        vl_latch_release_exclusive(&publish->latch);
    }
    vl_txn_status_commit(status, commit->ts); /* keeps P4 */
    return commit->ts;
}

void
vl_publish_fill(vl_publish *publish, const vl_publish_commit *commit, uint32_t type, uint64_t txn,
                const vl_wal_part *parts, uint32_t part_count)
{
    vl_wal_fill(publish_wal(publish), commit->ts, type, txn, parts, part_count);
}

velo_status
vl_publish_acknowledge(vl_ctx *ctx, vl_publish *publish, vl_publish_commit *commit)
{
    vl_wal *wal = publish_wal(publish);
    velo_status st = VELO_OK;

    if (!publish->is_in_memory)
        st = vl_wal_flush(ctx, wal, commit->end, commit->is_full);
    if (st != VELO_OK && commit->is_full)
        publish_fail(publish, commit);
    if (st != VELO_OK)
        return st;
    st = vl_publish_await(ctx, publish, commit->ts);
    /* Durable, and all before it: whoever advanced up to it has taken it off the list. */
    VL_ASSERT(st != VELO_OK || !commit->is_full || vl_wal_durable(wal) >= commit->end);
    return st;
}

/* ---- seeing ---- */

vl_timestamp
vl_publish_ts(const vl_publish *publish)
{
    return atomic_load_explicit(&publish->published, memory_order_seq_cst);
}

vl_timestamp
vl_publish_appended_ts(vl_publish *publish, vl_timestamp met)
{
    vl_wal *wal = publish_wal(publish);
    vl_log_position appended;

    if (wal == NULL)
        return vl_publish_ts(publish);
    /* `appended` moves by whole records, so one byte of the commit's record is as good as all. */
    if (met != VL_TS_NONE)
        vl_wal_await_appended(wal, met + 1);
    appended = vl_wal_appended(wal);
    VL_ASSERT(appended > met);
    return appended - 1;
}

velo_status
vl_publish_await(vl_ctx *ctx, vl_publish *publish, vl_timestamp ts)
{
    vl_wal *wal = publish_wal(publish);

    if (wal == NULL || vl_publish_ts(publish) >= ts)
        return VELO_OK;
    vl_wal_await_appended(wal, ts + 1);
    while (vl_publish_advance(publish) < ts) {
        uint64_t full = atomic_load_explicit(&publish->first_full, memory_order_seq_cst);

        /* All up to ts is appended, so a FULL commit is in the way: join those who sync it. If
         * another has taken it off the list meanwhile, advancing is enough. */
        if (full <= ts)
            VL_TRY(vl_wal_flush(ctx, wal, full + 1, 1));
    }
    return VELO_OK;
}
