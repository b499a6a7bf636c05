/* wal_segment.c - which slot of the file holds which part of the stream.
 *
 * The file is a row of slots of one size. A segment is a slot in use: a header, and `payload` bytes
 * of the stream; segment number s (its *sequence*) holds the positions from s * payload on. Where
 * it lies is written in its header only, so slots are used again in any order.
 *
 *              vl_wal_segments_extend              vl_wal_release
 *     FREE ------------------------------> LIVE ------------------> FREE ---> cut off
 *     (or a new slot at the file's end)
 *                                          OLD  ------------------> FREE
 *                  found by vl_wal_create        vl_wal_release_old
 *
 * Invariants
 *   S1  Live segments have the sequences first_sequence .. first_sequence + live_count - 1;
 *       there is at least one. prepared_end is the end of the last one.
 *   S2  The space of a live segment is there and its header is written before prepared_end passes
 *       its beginning, so before a position in it can be drawn.
 *   S3  A slot gets a new header only when nothing needs what it held: before a slot is free, all
 *       headers so far are durable, so that a scan from the released position finds its segment
 *       even if the new header reaches the medium and nothing else does.
 *   S4  A sequence is never in two slots: when a header could not be written, it may be there all
 *       the same, and the next attempt takes the same slot.
 *   S5  The file's header, which tells the size of segments, never changes once it is written: a
 *       write that tore it would take the whole log along. Torn headers of segments do no harm:
 *       nothing needs the old ones, and nothing that was acknowledged depends on the new.
 *   S6  Changes are made by who has the grant turn, under wal.latch; so that one may read without,
 *       everybody else reads under wal.latch. */
#include "storage/wal_int.h"

#include <inttypes.h>
#include <string.h>

#define SEGMENT_CAPACITY_MIN 8U

/* ---- the table ---- */

/* Make room for `count` slots. Keeps S6: the arrays are exchanged under the latch. */
static velo_status
segment_make_room(vl_ctx *ctx, vl_wal *wal, uint32_t count)
{
    vl_wal_segments *segments = &wal->segments;
    uint32_t capacity =
        segments->capacity < SEGMENT_CAPACITY_MIN ? SEGMENT_CAPACITY_MIN : segments->capacity;
    uint8_t *states;
    uint32_t *live;

    if (count <= segments->capacity)
        return VELO_OK;
    while (capacity < count)
        capacity *= 2;
    states = vl_alloc_zero(ctx, capacity);
    live = vl_alloc_array(ctx, capacity, sizeof *live);
    if (states == NULL || live == NULL) {
        vl_free(states);
        vl_free(live);
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the table of %" PRIu32 " log segments",
                       capacity);
    }
    if (segments->slot_count != 0)
        memcpy(states, segments->states, segments->slot_count);
    for (uint32_t i = 0; i < segments->live_count; i++) {
        uint64_t sequence = segments->first_sequence + i;

        live[sequence & (capacity - 1)] = segments->live[sequence & (segments->capacity - 1)];
    }
    vl_latch_acquire_exclusive(&wal->latch);
    vl_free(segments->states);
    vl_free(segments->live);
    segments->states = states;
    segments->live = live;
    segments->capacity = capacity;
    vl_latch_release_exclusive(&wal->latch);
    return VELO_OK;
}

uint64_t
vl_wal_segments_locate(vl_wal *wal, vl_log_position position, uint32_t *room)
{
    const vl_wal_segments *segments = &wal->segments;
    uint64_t sequence = position / segments->payload;
    uint32_t rest = (uint32_t)(position % segments->payload);
    uint32_t slot;

    vl_latch_acquire_exclusive(&wal->latch);
    VL_CHECK(sequence - segments->first_sequence < segments->live_count);
    slot = segments->live[sequence & (segments->capacity - 1)];
    vl_latch_release_exclusive(&wal->latch);
    *room = segments->payload - rest;
    return vl_wal_slot_offset(slot, segments->size) + VL_WAL_HEADER_SIZE + rest;
}

void
vl_wal_segments_deinit(vl_wal_segments *segments)
{
    vl_free(segments->states);
    vl_free(segments->live);
}

/* ---- opening ---- */

/* Read the header of a slot. */
static velo_status
segment_read_header(vl_ctx *ctx, vl_wal *wal, uint64_t offset, vl_wal_header *header,
                    vl_wal_header_state *state)
{
    uint8_t bytes[VL_WAL_HEADER_SIZE];

    VL_TRY(vl_wal_media_read(ctx, &wal->media, bytes, sizeof bytes, offset));
    *state = vl_wal_header_decode(bytes, header);
    return VELO_OK;
}

/* Look at the file's header: *size is the size of segments, or 0 if it has none that is valid. */
static velo_status
segment_read_size(vl_ctx *ctx, vl_wal *wal, uint32_t *size)
{
    vl_wal_header header;
    vl_wal_header_state state;

    *size = 0;
    VL_TRY(segment_read_header(ctx, wal, 0, &header, &state));
    switch (state) {
    case VL_WAL_HEADER_VALID:
        if (header.generation != 0)
            return VELO_OK; /* a segment astray */
        if (memcmp(header.database_id, wal->identity.database_id, sizeof header.database_id) != 0)
            return vl_fail(ctx, VELO_CORRUPT,
                           "\"%s\" is the log of another database: it has to be moved away",
                           wal->path);
        *size = header.segment_size;
        return VELO_OK;
    case VL_WAL_HEADER_NEWER:
        return vl_fail(ctx, VELO_CANTOPEN, "the log \"%s\" was written by a newer version",
                       wal->path);
    case VL_WAL_HEADER_NONE:
    case VL_WAL_HEADER_DAMAGED:
        return VELO_OK;
    }
    return VELO_OK;
}

/* Write the file's header; it becomes durable with the first segment. An existing one is written
 * again, the same bytes, since that it can be read does not make it durable (hazard 6). */
static velo_status
segment_write_file_header(vl_ctx *ctx, vl_wal *wal)
{
    vl_wal_header header = {.segment_size = wal->segments.size};
    uint8_t bytes[VL_WAL_HEADER_SIZE];

    memcpy(header.database_id, wal->identity.database_id, sizeof header.database_id);
    vl_wal_header_encode(&header, bytes);
    return vl_wal_media_write(ctx, &wal->media, bytes, sizeof bytes, 0);
}

/* Which slots of an existing log are in use by older generations. */
static velo_status
segment_find_old(vl_ctx *ctx, vl_wal *wal, uint32_t slot_count)
{
    vl_wal_segments *segments = &wal->segments;

    for (uint32_t slot = 0; slot < slot_count; slot++) {
        vl_wal_header header;
        vl_wal_header_state state;

        VL_TRY(segment_read_header(ctx, wal, vl_wal_slot_offset(slot, segments->size), &header,
                                   &state));
        /* What has our number, or a higher one, was begun by somebody whose superblock was never
         * durable: nobody needs it. */
        if (state == VL_WAL_HEADER_VALID && header.generation != 0 &&
            header.generation < wal->identity.generation && header.segment_size == segments->size &&
            memcmp(header.database_id, wal->identity.database_id, sizeof header.database_id) == 0)
            segments->states[slot] = VL_WAL_SLOT_OLD;
        segments->old_count += segments->states[slot] == VL_WAL_SLOT_OLD;
        segments->free_count += segments->states[slot] == VL_WAL_SLOT_FREE;
    }
    segments->slot_count = slot_count;
    return VELO_OK;
}

velo_status
vl_wal_segments_init(vl_ctx *ctx, vl_wal *wal, uint32_t segment_size)
{
    vl_wal_segments *segments = &wal->segments;
    uint64_t file_size;
    uint64_t slot_count;

    VL_TRY(vl_wal_media_get_size(ctx, &wal->media, &file_size));
    VL_TRY(segment_read_size(ctx, wal, &segments->size));
    if (segments->size == 0) {
        segments->size = segment_size;
        VL_TRY(vl_wal_media_cut(ctx, &wal->media, 0));
        VL_TRY(vl_wal_media_prepare(ctx, &wal->media, 0, VL_WAL_SEGMENTS_AT, 1));
        file_size = VL_WAL_SEGMENTS_AT;
    }
    VL_TRY(segment_write_file_header(ctx, wal));
    segments->payload = segments->size - VL_WAL_HEADER_SIZE;
    segments->first_sequence = wal->start / segments->payload;
    segments->keep_count = 1;
    slot_count =
        file_size < VL_WAL_SEGMENTS_AT ? 0 : (file_size - VL_WAL_SEGMENTS_AT) / segments->size;
    if (slot_count > INT32_MAX)
        return vl_fail(ctx, VELO_CANTOPEN, "the log \"%s\" is too large", wal->path);
    VL_TRY(segment_make_room(ctx, wal, (uint32_t)slot_count + 1));
    return segment_find_old(ctx, wal, (uint32_t)slot_count);
}

/* ---- preparing ---- */

/* The slot for the next segment: one that was tried before, the lowest free one, or a new one. */
static uint32_t
segment_choose(const vl_wal_segments *segments)
{
    uint32_t slot = 0;

    if (segments->has_pending)
        return segments->pending_slot; /* keeps S4 */
    if (segments->free_count == 0)
        return segments->slot_count;
    while (slot < segments->slot_count && segments->states[slot] != VL_WAL_SLOT_FREE)
        slot++;
    return slot;
}

/* Whether somebody makes records durable as they come. Zeros that were written before make each of
 * these syncs cheaper, since the space is known to the file system as used. In a bulk load a
 * segment is full before it is synced at all: zeros would be written for nothing, and are as many
 * bytes as the log itself. Who guesses wrong pays with slower syncs in one segment. */
static int
segment_is_synced_often(const vl_wal *wal)
{
    uint64_t end = atomic_load_explicit(&wal->prepared_end, memory_order_relaxed);

    return end <= vl_wal_durable(wal) + 2 * (uint64_t)wal->segments.payload;
}

/* Make the space of a new slot. If there is none, the file is as it was: others need the space. */
static velo_status
segment_make_space(vl_ctx *ctx, vl_wal *wal, uint32_t slot)
{
    uint64_t offset = vl_wal_slot_offset(slot, wal->segments.size);
    velo_status st = vl_wal_media_prepare(ctx, &wal->media, offset, wal->segments.size,
                                          segment_is_synced_often(wal));
    velo_status cut = VELO_OK;

    if (st != VELO_OK)
        cut = vl_wal_media_cut(NULL, &wal->media, offset);
    (void)cut; /* as good as we can: what stays is prepared again by the next attempt */
    return st;
}

static velo_status
segment_write_header(vl_ctx *ctx, vl_wal *wal, uint32_t slot, uint64_t sequence)
{
    vl_wal_header header = {.segment_size = wal->segments.size,
                            .generation = wal->identity.generation,
                            .sequence = sequence,
                            .start = wal->start,
                            .record_max_size = wal->record_max_size};
    uint8_t bytes[VL_WAL_HEADER_SIZE];

    memcpy(header.database_id, wal->identity.database_id, sizeof header.database_id);
    header.salt_check = vl_wal_salt_check(wal->identity.salt, wal->identity.generation);
    vl_wal_header_encode(&header, bytes);
    return vl_wal_media_write(ctx, &wal->media, bytes, sizeof bytes,
                              vl_wal_slot_offset(slot, wal->segments.size));
}

/* The slot is live, and holds the next sequence. Keeps S1, S2. */
static void
segment_add(vl_wal *wal, uint32_t slot, uint64_t sequence)
{
    vl_wal_segments *segments = &wal->segments;

    vl_latch_acquire_exclusive(&wal->latch);
    if (slot == segments->slot_count)
        segments->slot_count++;
    else
        segments->free_count--;
    segments->states[slot] = VL_WAL_SLOT_LIVE;
    segments->live[sequence & (segments->capacity - 1)] = slot;
    segments->live_count++;
    segments->prepared_count++;
    segments->has_pending = 0;
    vl_latch_release_exclusive(&wal->latch);
    atomic_fetch_add_explicit(&wal->header_number, 1, memory_order_release);
    atomic_store_explicit(&wal->prepared_end, (sequence + 1) * segments->payload,
                          memory_order_release);
}

static velo_status
segment_extend(vl_ctx *ctx, vl_wal *wal)
{
    vl_wal_segments *segments = &wal->segments;
    uint64_t sequence = segments->first_sequence + segments->live_count;
    uint32_t slot = segment_choose(segments);
    velo_status st;

    VL_TRY(segment_make_room(ctx, wal, segments->slot_count + 1));
    if (slot == segments->slot_count)
        VL_TRY(segment_make_space(ctx, wal, slot));
    st = segment_write_header(ctx, wal, slot, sequence);
    if (st != VELO_OK) {
        segments->has_pending = 1;
        segments->pending_slot = slot;
        return st;
    }
    segment_add(wal, slot, sequence);
    return VELO_OK;
}

velo_status
vl_wal_segments_extend(vl_ctx *ctx, vl_wal *wal)
{
    velo_status st = segment_extend(ctx, wal);

    if (st != VELO_OK && vl_wal_media_has_failed(&wal->media))
        vl_wal_set_failed(ctx, wal, st);
    return st;
}

/* ---- releasing ---- */

/* Segments wholly before the position are free, but for the last one (S1). Returns how many. */
static uint32_t
segment_free_live(vl_wal *wal, vl_log_position position)
{
    vl_wal_segments *segments = &wal->segments;
    uint32_t count = 0;

    vl_latch_acquire_exclusive(&wal->latch);
    while (segments->live_count > 1 && segments->first_sequence < position / segments->payload) {
        segments->states[segments->live[segments->first_sequence & (segments->capacity - 1)]] =
            VL_WAL_SLOT_FREE;
        segments->first_sequence++;
        segments->live_count--;
        segments->free_count++;
        count++;
    }
    vl_latch_release_exclusive(&wal->latch);
    return count;
}

static uint32_t
segment_free_old(vl_wal *wal)
{
    vl_wal_segments *segments = &wal->segments;
    uint32_t count;

    vl_latch_acquire_exclusive(&wal->latch);
    for (uint32_t slot = 0; slot < segments->slot_count; slot++)
        if (segments->states[slot] == VL_WAL_SLOT_OLD)
            segments->states[slot] = VL_WAL_SLOT_FREE;
    count = segments->old_count;
    segments->free_count += count;
    segments->old_count = 0;
    vl_latch_release_exclusive(&wal->latch);
    return count;
}

/* Give free slots at the file's end back, beyond what is kept: as many as were released just now,
 * since the log up to the next checkpoint will be about as long; after a longer one, half as many
 * as before. */
static velo_status
segment_cut(vl_ctx *ctx, vl_wal *wal, uint32_t released)
{
    vl_wal_segments *segments = &wal->segments;
    uint32_t count = segments->slot_count;
    uint32_t surplus;

    segments->keep_count /= 2;
    if (segments->keep_count < released)
        segments->keep_count = released;
    if (segments->has_pending || segments->free_count <= segments->keep_count)
        return VELO_OK;
    surplus = segments->free_count - segments->keep_count;
    while (surplus > 0 && segments->states[count - 1] == VL_WAL_SLOT_FREE) {
        count--;
        surplus--;
    }
    if (count == segments->slot_count)
        return VELO_OK;
    VL_TRY(vl_wal_media_cut(ctx, &wal->media, vl_wal_slot_offset(count, segments->size)));
    vl_latch_acquire_exclusive(&wal->latch);
    segments->free_count -= segments->slot_count - count;
    segments->slot_count = count;
    vl_latch_release_exclusive(&wal->latch);
    return VELO_OK;
}

velo_status
vl_wal_release(vl_ctx *ctx, vl_wal *wal, vl_log_position position)
{
    vl_log_position written = vl_wal_written(wal);
    velo_status st;

    if (wal->io == NULL)
        return VELO_OK;
    if (position > written)
        position = written; /* the leader may be writing behind it */
    VL_TRY(vl_wal_check(ctx, wal));
    (void)vl_wal_turn_take(wal, 0);
    st = vl_wal_sync_headers(ctx, wal); /* keeps S3 */
    if (st == VELO_OK)
        st = segment_cut(ctx, wal, segment_free_live(wal, position));
    vl_wal_turn_pass(wal);
    return st;
}

velo_status
vl_wal_release_old(vl_ctx *ctx, vl_wal *wal)
{
    velo_status st;

    if (wal->io == NULL)
        return VELO_OK;
    VL_TRY(vl_wal_check(ctx, wal));
    (void)vl_wal_turn_take(wal, 0);
    st = segment_cut(ctx, wal, segment_free_old(wal));
    vl_wal_turn_pass(wal);
    return st;
}
