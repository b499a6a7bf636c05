/* wal_ring.c - the ring of memory in which records are built: credit, reserving, filling.
 *
 * The stream's byte at position p lies at index p modulo the ring's size. A record is built in one
 * piece: one that passes the ring's end runs on into a margin behind it, as large as the largest
 * record, and what lies there is then copied to the ring's beginning. Records are aligned to 8
 * bytes, so the first 8 bytes of a header always lie in the ring itself.
 *
 *         consumed       written    appended       tail       grant_end
 *   ...0000|XXXXXXXXXXXXXXXX|XXXXXXXXXXX|0 XX 0 XX 0|0000000000000|0000...
 *          | being zeroed   | to be     | reserved, | credit not  | free
 *          | by the leader  | written   | part full | yet used    |
 *
 * Invariants
 *   W1  A record is filled exactly when its size word is not 0. It is stored last, and memory is
 *       made zero before its space is granted again; so a record that was reserved reads as 0.
 *   W2  consumed <= written <= appended <= tail <= grant_end <= consumed + ring_size; the space in
 *       the file reaches to grant_end at least. grant_end - tail is the credit that threads hold.
 *   W3  `appended` is moved under walk_latch only, by walking from record to record, and never
 *       beyond tail. So no other thread reads size words, and consumed memory is read by none.
 *   W4  tail is moved by read-modify-writes only. Who draws a position has seen all who drew lower
 *       ones, and with them the zeroing of the memory that it now gets: credit of one thread may
 *       turn out to be space that was freed for another. */
#include "storage/wal_int.h"

#include <string.h>

uint32_t
vl_wal_max_body(const vl_wal *wal)
{
    return wal->record_max_size - VL_WAL_RECORD_HEADER;
}

/* ---- credit ---- */

int
vl_wal_try_grant(vl_wal *wal, uint64_t need)
{
    uint64_t end = atomic_load_explicit(&wal->grant_end, memory_order_seq_cst);

    do {
        if (end + need >
                atomic_load_explicit(&wal->consumed, memory_order_seq_cst) + wal->ring_size ||
            end + need > atomic_load_explicit(&wal->prepared_end, memory_order_acquire))
            return 0;
        /* keeps W2 */
    } while (!atomic_compare_exchange_weak_explicit(&wal->grant_end, &end, end + need,
                                                    memory_order_seq_cst, memory_order_seq_cst));
    return 1;
}

/* Whether more of the file has to be prepared for so much more credit. */
static int
ring_lacks_space(vl_wal *wal, uint64_t need)
{
    return atomic_load_explicit(&wal->grant_end, memory_order_seq_cst) + need >
           atomic_load_explicit(&wal->prepared_end, memory_order_acquire);
}

/* Whether writing out would give space in the ring. */
static int
ring_has_unwritten(vl_wal *wal)
{
    return vl_wal_appended(wal) > atomic_load_explicit(&wal->written, memory_order_acquire);
}

/* The ring is full of what others have been granted: sleep until one of them fills a record or
 * gives credit back, or space has come already. */
static void
ring_await_change(vl_wal *wal, uint64_t need)
{
    uint32_t ticket = vl_wal_watch_begin(wal);
    uint64_t end = atomic_load_explicit(&wal->grant_end, memory_order_seq_cst);

    if (end + need > atomic_load_explicit(&wal->consumed, memory_order_seq_cst) + wal->ring_size &&
        !ring_has_unwritten(wal) &&
        atomic_load_explicit(&wal->is_failed, memory_order_seq_cst) == 0)
        vl_wal_watch_sleep(wal, ticket);
    vl_wal_watch_end(wal);
}

/* Get credit as the one whose turn it is. */
static velo_status
ring_grant_in_turn(vl_ctx *ctx, vl_wal *wal, uint64_t need)
{
    for (;;) {
        VL_TRY(vl_wal_check(ctx, wal));
        if (vl_wal_try_grant(wal, need))
            return VELO_OK;
        if (ring_lacks_space(wal, need))
            VL_TRY(vl_wal_segments_extend(ctx, wal));
        else if (ring_has_unwritten(wal))
            VL_TRY(vl_wal_flush(ctx, wal,
                                atomic_load_explicit(&wal->appended, memory_order_acquire), 0));
        else
            ring_await_change(wal, need);
    }
}

velo_status
vl_wal_grant(vl_ctx *ctx, vl_wal *wal, uint32_t count, uint32_t size, vl_wal_credit *credit)
{
    /* Each record may need up to 7 bytes to be a multiple of 8: of one it is known how many, so
     * that nothing is left to be given back. */
    uint64_t slack = count > 1 ? 7U : 0U;
    uint64_t need = vl_align_up((uint64_t)count * (VL_WAL_RECORD_HEADER + slack) + size, 8);
    velo_status st;

    credit->left = 0;
    if (need > wal->ring_size / 2)
        return vl_fail(ctx, VELO_TOOBIG,
                       "%u log records of %u bytes are more than half of the log's buffer of %u "
                       "bytes",
                       count, size, wal->ring_size);
    VL_TRY(vl_wal_check(ctx, wal));
    /* A ring that is half full is written out by whoever comes along, so that nobody has to wait
     * for it later. */
    if (vl_wal_tail(wal) - atomic_load_explicit(&wal->consumed, memory_order_relaxed) >
        wal->ring_size / 2)
        VL_TRY(vl_wal_write_out(ctx, wal));
    if ((atomic_load_explicit(&wal->grant_turn.is_taken, memory_order_relaxed) != 0 ||
         !vl_wal_try_grant(wal, need)) &&
        vl_wal_turn_take(wal, need) == VL_WAL_LEADS) {
        st = ring_grant_in_turn(ctx, wal, need);
        vl_wal_turn_pass(wal);
        if (st != VELO_OK)
            return st;
    }
    credit->left = (uint32_t)need;
    return VELO_OK;
}

void
vl_wal_ungrant(vl_wal *wal, vl_wal_credit *credit)
{
    if (credit->left == 0)
        return;
    atomic_fetch_sub_explicit(&wal->grant_end, credit->left, memory_order_seq_cst);
    credit->left = 0;
    vl_wal_notify(wal);
}

/* ---- appending ---- */

vl_log_position
vl_wal_reserve(vl_wal *wal, vl_wal_credit *credit, uint32_t body_size)
{
    uint32_t size = VL_WAL_RECORD_HEADER + body_size;
    uint32_t whole = (uint32_t)vl_align_up(size, 8);
    vl_log_position position;

    VL_CHECK(body_size <= vl_wal_max_body(wal));
    VL_CHECK(whole <= credit->left);
    credit->left -= whole;
    position = atomic_fetch_add_explicit(&wal->tail, whole, memory_order_seq_cst); /* keeps W4 */
    VL_ASSERT(position + whole <= atomic_load_explicit(&wal->grant_end, memory_order_relaxed));
    /* Noted for vl_wal_fill. The memory is ours from now on. */
    vl_store_le32(wal->ring + (position & (wal->ring_size - 1)) + VL_WAL_RECORD_TYPE_AT, size);
    return position;
}

/* Put a record of `size` bytes in all at `to`, but for its size word. Returns its whole size. */
static uint32_t
ring_build(const vl_wal *wal, uint8_t *to, uint32_t size, vl_log_position position, uint32_t type,
           uint64_t txn, const vl_wal_part *parts, uint32_t part_count)
{
    uint32_t whole = (uint32_t)vl_align_up(size, 8);
    uint8_t *body = to + VL_WAL_RECORD_HEADER;

    for (uint32_t i = 0; i < part_count; i++) {
        if (parts[i].size != 0)
            memcpy(body, parts[i].data, parts[i].size);
        body += parts[i].size;
    }
    memset(body, 0, whole - size);
    vl_store_le32(to + VL_WAL_RECORD_TYPE_AT, type);
    vl_store_le64(to + VL_WAL_RECORD_CHECKSUM_AT, position);
    vl_store_le64(to + VL_WAL_RECORD_TXN_AT, txn);
    vl_store_le64(to + VL_WAL_RECORD_CHECKSUM_AT,
                  vl_wal_record_checksum(to, size, type, wal->identity.salt));
    return whole;
}

void
vl_wal_fill(vl_wal *wal, vl_log_position position, uint32_t type, uint64_t txn,
            const vl_wal_part *parts, uint32_t part_count)
{
    uint64_t at = position & (wal->ring_size - 1);
    uint64_t size = VL_WAL_RECORD_HEADER;
    uint32_t whole;

    for (uint32_t i = 0; i < part_count; i++)
        size += parts[i].size;
    VL_CHECK(size == vl_load_le32(wal->ring + at + VL_WAL_RECORD_TYPE_AT)); /* as was reserved */
    if (wal->io != NULL) {
        whole =
            ring_build(wal, wal->ring + at, (uint32_t)size, position, type, txn, parts, part_count);
        if (at + whole > wal->ring_size)
            memcpy(wal->ring, wal->ring + wal->ring_size, at + whole - wal->ring_size);
    }
    atomic_store_explicit(vl_wal_size_word(wal, position), (uint32_t)size,
                          memory_order_seq_cst); /* keeps W1 */
    vl_wal_notify(wal);
}

vl_log_position
vl_wal_append(vl_wal *wal, vl_wal_credit *credit, uint32_t type, uint64_t txn,
              const vl_wal_part *parts, uint32_t part_count)
{
    uint64_t size = 0;
    vl_log_position position;

    for (uint32_t i = 0; i < part_count; i++)
        size += parts[i].size;
    VL_CHECK(size <= vl_wal_max_body(wal));
    position = vl_wal_reserve(wal, credit, (uint32_t)size);
    vl_wal_fill(wal, position, type, txn, parts, part_count);
    return position;
}

/* ---- the filled prefix, and giving memory back ---- */

vl_log_position
vl_wal_appended(vl_wal *wal)
{
    vl_log_position tail = atomic_load_explicit(&wal->tail, memory_order_seq_cst);
    vl_log_position position = atomic_load_explicit(&wal->appended, memory_order_acquire);

    if (position >= tail)
        return position;
    vl_latch_acquire_exclusive(&wal->walk_latch);
    position = atomic_load_explicit(&wal->appended, memory_order_relaxed);
    while (position < tail) {
        uint32_t size = atomic_load_explicit(vl_wal_size_word(wal, position), memory_order_seq_cst);

        if (size == 0)
            break;
        position += vl_align_up(size, 8);
    }
    atomic_store_explicit(&wal->appended, position, memory_order_release);
    vl_latch_release_exclusive(&wal->walk_latch);
    return position;
}

/* In memory nothing but size words was written. */
static void
ring_zero_words(vl_wal *wal, vl_log_position position, vl_log_position end)
{
    while (position < end) {
        uint8_t *record = wal->ring + (position & (wal->ring_size - 1));

        position += vl_align_up(vl_load_le32(record + VL_WAL_RECORD_SIZE_AT), 8);
        memset(record, 0, VL_WAL_RECORD_CHECKSUM_AT);
    }
}

void
vl_wal_ring_consume(vl_wal *wal, vl_log_position end)
{
    vl_log_position from = atomic_load_explicit(&wal->consumed, memory_order_relaxed);
    uint64_t at = from & (wal->ring_size - 1);
    uint64_t size = end - from;

    VL_ASSERT(end <= atomic_load_explicit(&wal->appended, memory_order_relaxed)); /* W2 */
    if (wal->io == NULL) {
        ring_zero_words(wal, from, end);
    } else if (at + size > wal->ring_size) {
        memset(wal->ring + at, 0, wal->ring_size - at);
        memset(wal->ring, 0, at + size - wal->ring_size);
    } else {
        memset(wal->ring + at, 0, size);
    }
    atomic_store_explicit(&wal->consumed, end, memory_order_seq_cst);
    vl_wal_notify(wal);
}
