/* wal_flush.c - group commit: a leader writes what all have appended, and hands on.
 *
 * A round of the leader takes everything appended when it begins. Who comes meanwhile queues; when
 * the round is over, the leader takes out of the queue whom it has served and one more, who leads
 * the next round: first that one is woken, so that the medium is busy again at once, then the
 * others. There is no timer: what queues up while one sync runs shares the next one, and who is
 * alone never waits. A round that only writes serves those who want durability not at all, so that
 * nobody pays for a sync who did not ask for one; the next leader is one who wants a sync, if there
 * is one, since that serves everybody.
 *
 * Invariants
 *   L1  Only the leader moves `consumed`, `written`, `durable` and `synced_number`, and what is
 * noted for the medium; there is one leader at a time, so syncs of the file never overlap. L2
 * durable <= written <= appended. `durable` moves only after a sync that began when everything
 * before it was written and every header of a segment in which it lies as well. L3  A leader has
 * its own position filled before it leads: it never waits for another thread. L4  flush_turn is
 * taken while somebody leads, or its queue is empty. */
#include "storage/wal_int.h"

/* Bytes from which on the system is asked to begin writing what a sync will have to wait for: a
 * long transaction's records go to the medium while it goes on, and its commit waits for the rest.
 */
#define FLUSH_BEGIN VL_BY_BUILD(1024U * 1024U, 2048U)

/* Looks for a record to be filled before sleeping: who fills it is at work. */
#define FLUSH_SPINS 100U

static uint64_t
flush_load(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_acquire);
}

/* Whether what the waiter wants has happened. */
static int
flush_is_served(vl_wal *wal, const vl_wal_waiter *waiter)
{
    return flush_load(waiter->is_durable ? &wal->durable : &wal->written) >= waiter->upto &&
           flush_load(&wal->synced_number) >= waiter->headers;
}

void
vl_wal_await_appended(vl_wal *wal, vl_log_position upto)
{
    for (uint32_t i = 0; i < FLUSH_SPINS; i++) {
        if (vl_wal_appended(wal) >= upto)
            return;
        vl_pause();
    }
    while (vl_wal_appended(wal) < upto) {
        uint32_t ticket = vl_wal_watch_begin(wal);

        if (vl_wal_appended(wal) < upto)
            vl_wal_watch_sleep(wal, ticket);
        vl_wal_watch_end(wal);
    }
}

/* ---- a round ---- */

/* Bytes from `from` on that lie in one piece, in the ring and in the file; and where in the file.
 */
static uint32_t
flush_piece(vl_wal *wal, vl_log_position from, vl_log_position to, uint64_t *offset)
{
    uint64_t room = wal->ring_size - (from & (wal->ring_size - 1));
    uint32_t segment_room;

    *offset = vl_wal_segments_locate(wal, from, &segment_room);
    if (room > segment_room)
        room = segment_room;
    if (room > to - from)
        room = to - from;
    return (uint32_t)room;
}

/* Everything before `to` has been written: give its memory back. */
static void
flush_note_written(vl_wal *wal, vl_log_position to)
{
    atomic_store_explicit(&wal->written, to, memory_order_release);
    vl_wal_ring_consume(wal, to);
}

/* What was durable is so with everything before `to` and every header up to `number`. Keeps L2. */
static void
flush_note_durable(vl_wal *wal, vl_log_position to, uint64_t number)
{
    atomic_store_explicit(&wal->synced_number, number, memory_order_release);
    atomic_store_explicit(&wal->durable, to, memory_order_release);
}

/* Bytes were handed to the system and not synced; headers of segments may lie between. */
static void
flush_begin_medium(vl_wal *wal, uint64_t offset, uint32_t size)
{
    if (offset < wal->begun_to || offset - wal->begun_to > VL_WAL_HEADER_SIZE)
        wal->begun_from = offset;
    wal->begun_to = offset + size;
    if (wal->begun_to - wal->begun_from < FLUSH_BEGIN)
        return;
    vl_wal_media_begin(&wal->media, wal->begun_from, wal->begun_to - wal->begun_from);
    wal->begun_from = wal->begun_to;
}

/* Write [from, to), the last piece durably if `is_durable` and the medium does that in one step.
 * *is_done is then 1. */
static velo_status
flush_write(vl_ctx *ctx, vl_wal *wal, vl_log_position from, vl_log_position to, int is_durable,
            int *is_done)
{
    /* A single durable write is enough if nothing else is waiting to be durable. */
    int is_clean = flush_load(&wal->durable) == from &&
                   flush_load(&wal->synced_number) == flush_load(&wal->header_number);
    vl_log_position at = from;

    *is_done = 0;
    while (at < to) {
        uint64_t offset;
        uint32_t size = flush_piece(wal, at, to, &offset);
        const uint8_t *bytes = wal->ring + (at & (wal->ring_size - 1));

        vl_count(&wal->write_count, 1);
        if (is_durable && at + size == to &&
            vl_wal_media_has_durable_write(&wal->media, is_clean && at == from)) {
            VL_TRY(vl_wal_media_write_durable(ctx, &wal->media, bytes, size, offset));
            *is_done = 1;
        } else {
            VL_TRY(vl_wal_media_write(ctx, &wal->media, bytes, size, offset));
            if (!is_durable)
                flush_begin_medium(wal, offset, size);
        }
        at += size;
    }
    return VELO_OK;
}

/* Write what is appended, and make it durable if that is asked. */
static velo_status
flush_round(vl_ctx *ctx, vl_wal *wal, int is_durable)
{
    /* In this order: what is appended lies in segments whose headers are counted. */
    vl_log_position to = vl_wal_appended(wal);
    uint64_t number = flush_load(&wal->header_number);
    vl_log_position from = flush_load(&wal->written);
    int is_done = 0;

    vl_count(&wal->round_count, 1);
    VL_TRY(vl_wal_check(ctx, wal));
    if (wal->io != NULL)
        VL_TRY(flush_write(ctx, wal, from, to, is_durable, &is_done));
    flush_note_written(wal, to);
    if (is_durable && !is_done && wal->io != NULL &&
        (flush_load(&wal->durable) < to || flush_load(&wal->synced_number) < number)) {
        VL_TRY(vl_wal_media_sync(ctx, &wal->media));
        is_done = 1;
    }
    vl_count(&wal->sync_count, (uint64_t)is_done);
    if (is_durable) {
        flush_note_durable(wal, to, number);
        wal->begun_from = wal->begun_to = 0;
    }
    return VELO_OK;
}

/* ---- leading ---- */

/* Take out of the queue whom the round has served (all, if the log has failed), and one to lead
 * the next; wal.latch is held. Returns the list of those served. Keeps L4. */
static vl_wal_waiter *
flush_sort_queue(vl_wal *wal, int is_failed, vl_wal_waiter **leader)
{
    vl_wal_queue *turn = &wal->flush_turn;
    vl_wal_queue rest = {.first = NULL};
    vl_wal_queue done = {.first = NULL};
    vl_wal_waiter *next = NULL;

    *leader = NULL;
    for (vl_wal_waiter *waiter = turn->first; waiter != NULL; waiter = next) {
        next = waiter->next;
        if (is_failed || flush_is_served(wal, waiter)) {
            vl_wal_queue_push(&done, waiter);
        } else if (*leader == NULL) {
            *leader = waiter;
        } else if (waiter->is_durable && !(*leader)->is_durable) {
            vl_wal_queue_push(&rest, *leader);
            *leader = waiter;
        } else {
            vl_wal_queue_push(&rest, waiter);
        }
    }
    turn->first = rest.first;
    turn->last = rest.last;
    if (*leader == NULL)
        atomic_store_explicit(&turn->is_taken, 0, memory_order_release);
    return done.first;
}

/* Run a round as leader, serve and hand on. */
static velo_status
flush_lead(vl_ctx *ctx, vl_wal *wal, int is_durable)
{
    velo_status st = flush_round(ctx, wal, is_durable);
    vl_wal_waiter *leader;
    vl_wal_waiter *done;

    if (st != VELO_OK)
        vl_wal_set_failed(ctx, wal, st);
    vl_latch_acquire_exclusive(&wal->latch);
    done = flush_sort_queue(wal, st != VELO_OK, &leader);
    vl_latch_release_exclusive(&wal->latch);
    if (leader != NULL)
        vl_wal_waiter_wake(leader, VL_WAL_LEADS);
    while (done != NULL) {
        vl_wal_waiter *waiter = done;

        done = waiter->next; /* before it is woken: it lies on its thread's stack */
        vl_wal_waiter_wake(waiter, VL_WAL_SERVED);
    }
    return st;
}

/* Lead, or wait for somebody who does. */
static velo_status
flush_join(vl_ctx *ctx, vl_wal *wal, vl_wal_waiter *waiter)
{
    vl_wal_queue *turn = &wal->flush_turn;
    vl_wal_waiter_state state = VL_WAL_WAITING;
    velo_status st = VELO_OK;

    vl_count(&wal->request_count, 1);
    vl_latch_acquire_exclusive(&wal->latch);
    if (flush_is_served(wal, waiter)) {
        state = VL_WAL_SERVED;
    } else if (atomic_load_explicit(&turn->is_taken, memory_order_relaxed) == 0) {
        atomic_store_explicit(&turn->is_taken, 1, memory_order_relaxed);
        state = VL_WAL_LEADS;
    } else {
        vl_wal_queue_push(turn, waiter);
    }
    vl_latch_release_exclusive(&wal->latch);
    if (state == VL_WAL_WAITING)
        state = vl_wal_waiter_sleep(waiter);
    if (state == VL_WAL_LEADS)
        st = flush_lead(ctx, wal, waiter->is_durable);
    if (st != VELO_OK || flush_is_served(wal, waiter))
        return st;
    return vl_wal_check(ctx, wal); /* not served: it has failed */
}

velo_status
vl_wal_flush(vl_ctx *ctx, vl_wal *wal, vl_log_position upto, int is_durable)
{
    vl_wal_waiter waiter = {.upto = upto, .is_durable = is_durable, .state = VL_WAL_WAITING};

    if (upto > vl_wal_tail(wal))
        return vl_fail(ctx, VELO_MISUSE, "the log cannot be flushed beyond its end");
    if (flush_is_served(wal, &waiter))
        return VELO_OK;
    vl_wal_await_appended(wal, upto); /* keeps L3 */
    return flush_join(ctx, wal, &waiter);
}

velo_status
vl_wal_write_out(vl_ctx *ctx, vl_wal *wal)
{
    vl_wal_queue *turn = &wal->flush_turn;
    int is_mine = 0;

    if (atomic_load_explicit(&turn->is_taken, memory_order_relaxed) != 0 ||
        vl_wal_appended(wal) == flush_load(&wal->written))
        return VELO_OK;
    vl_latch_acquire_exclusive(&wal->latch);
    if (atomic_load_explicit(&turn->is_taken, memory_order_relaxed) == 0) {
        atomic_store_explicit(&turn->is_taken, 1, memory_order_relaxed);
        is_mine = 1;
    }
    vl_latch_release_exclusive(&wal->latch);
    return is_mine ? flush_lead(ctx, wal, 0) : VELO_OK;
}

velo_status
vl_wal_sync_headers(vl_ctx *ctx, vl_wal *wal)
{
    vl_wal_waiter waiter = {.is_durable = 1, .state = VL_WAL_WAITING};

    waiter.headers = flush_load(&wal->header_number);
    if (flush_is_served(wal, &waiter))
        return VELO_OK;
    return flush_join(ctx, wal, &waiter);
}
