/* wal_scan.c - reading a generation of the log back, for recovery.
 *
 * Everything in the file is input: headers and records are believed only when their checksums fit,
 * and even then sizes are clamped by what is there, since a checksum does not prove good will.
 *
 * Invariants
 *   R1  `sequences` are the segments of this generation from the first that is needed on, without a
 *       gap; `end` is the end of what they hold.
 *   R2  The window holds the stream's bytes [window_at, window_at + window_size), and window_at is
 *       a multiple of 8, so records in it are aligned.
 *   R3  A record is returned only when its checksum fits its position and this generation's salt,
 *       and all before it did. After the end was found, it stays. */
#include "storage/wal_int.h"

#include <inttypes.h>
#include <string.h>

/* Bytes that are read at once. */
#define SCAN_CHUNK VL_BY_BUILD(262144U, 1024U)

/* A segment of the generation. */
typedef struct scan_segment {
    uint64_t sequence; /* which part of the stream */
    uint32_t slot;     /* where in the file */
} scan_segment;

struct vl_wal_scan {
    vl_wal_media media;        /* the file */
    char *path;                /* for messages; owned */
    vl_wal_identity identity;  /* what is read */
    uint32_t segment_size;     /* bytes, header included */
    uint32_t payload;          /* bytes of a segment for records */
    uint32_t record_max_size;  /* no record is larger */
    scan_segment *segments;    /* R1; owned */
    uint32_t segment_count;    /* how many */
    uint32_t capacity;         /* of the array */
    vl_log_position start;     /* of the generation */
    vl_log_position position;  /* of the next record */
    vl_log_position end;       /* R1 */
    uint8_t *window;           /* R2; owned */
    uint32_t window_capacity;  /* bytes of memory */
    uint32_t window_size;      /* bytes in it */
    vl_log_position window_at; /* position of the first */
    int is_at_end;             /* the end was found */
};

/* ---- the file's segments ---- */

static velo_status
scan_fail_header(vl_ctx *ctx, const vl_wal_scan *scan, vl_wal_header_state state)
{
    switch (state) {
    case VL_WAL_HEADER_NEWER:
        return vl_fail(ctx, VELO_CANTOPEN, "the log \"%s\" was written by a newer version",
                       scan->path);
    case VL_WAL_HEADER_NONE:
        return vl_fail(ctx, VELO_CORRUPT, "\"%s\" is not a log", scan->path);
    case VL_WAL_HEADER_DAMAGED:
    case VL_WAL_HEADER_VALID:
        break;
    }
    return vl_fail(ctx, VELO_CORRUPT, "the log \"%s\" has a damaged header", scan->path);
}

static velo_status
scan_read_header(vl_ctx *ctx, vl_wal_scan *scan, uint64_t offset, vl_wal_header *header,
                 vl_wal_header_state *state)
{
    uint8_t bytes[VL_WAL_HEADER_SIZE];

    VL_TRY(vl_wal_media_read(ctx, &scan->media, bytes, sizeof bytes, offset));
    *state = vl_wal_header_decode(bytes, header);
    return VELO_OK;
}

/* The file's header tells whose log it is, and the size of segments. */
static velo_status
scan_read_file_header(vl_ctx *ctx, vl_wal_scan *scan)
{
    vl_wal_header header;
    vl_wal_header_state state;

    VL_TRY(scan_read_header(ctx, scan, 0, &header, &state));
    if (state != VL_WAL_HEADER_VALID || header.generation != 0)
        return scan_fail_header(ctx, scan, state);
    if (memcmp(header.database_id, scan->identity.database_id, sizeof header.database_id) != 0)
        return vl_fail(ctx, VELO_CORRUPT, "the log \"%s\" belongs to another database", scan->path);
    scan->segment_size = header.segment_size;
    scan->payload = header.segment_size - VL_WAL_HEADER_SIZE;
    return VELO_OK;
}

static velo_status
scan_add_segment(vl_ctx *ctx, vl_wal_scan *scan, uint64_t sequence, uint32_t slot)
{
    if (scan->segment_count == scan->capacity) {
        uint32_t capacity = scan->capacity == 0 ? 8 : scan->capacity * 2;
        scan_segment *segments =
            vl_realloc(ctx, scan->segments, (size_t)capacity * sizeof *segments);

        if (segments == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate a table of %" PRIu32 " log segments",
                           capacity);
        scan->segments = segments;
        scan->capacity = capacity;
    }
    scan->segments[scan->segment_count].sequence = sequence;
    scan->segments[scan->segment_count].slot = slot;
    scan->segment_count++;
    return VELO_OK;
}

/* Whether the header is of the generation that is read. */
static int
scan_is_ours(const vl_wal_scan *scan, const vl_wal_header *header)
{
    const vl_wal_identity *identity = &scan->identity;

    return header->segment_size == scan->segment_size &&
           header->generation == identity->generation &&
           header->salt_check == vl_wal_salt_check(identity->salt, identity->generation) &&
           memcmp(header->database_id, identity->database_id, sizeof header->database_id) == 0;
}

/* Find all segments of the generation, in the order of the file. */
static velo_status
scan_find_segments(vl_ctx *ctx, vl_wal_scan *scan)
{
    uint64_t file_size;

    VL_TRY(vl_wal_media_get_size(ctx, &scan->media, &file_size));
    for (uint64_t slot = 0; slot < INT32_MAX; slot++) {
        uint64_t offset = vl_wal_slot_offset(slot, scan->segment_size);
        vl_wal_header header;
        vl_wal_header_state state;

        if (offset >= file_size)
            break;
        VL_TRY(scan_read_header(ctx, scan, offset, &header, &state));
        if (state != VL_WAL_HEADER_VALID || !scan_is_ours(scan, &header))
            continue;
        VL_TRY(scan_add_segment(ctx, scan, header.sequence, (uint32_t)slot));
        scan->start = header.start;
        scan->record_max_size = header.record_max_size;
    }
    if (scan->segment_count == 0)
        return vl_fail(ctx, VELO_CORRUPT, "the log \"%s\" does not hold generation %" PRIu64,
                       scan->path, scan->identity.generation);
    return VELO_OK;
}

static void
scan_sift_down(scan_segment *segments, uint32_t index, uint32_t count)
{
    for (;;) {
        uint32_t child = 2 * index + 1;
        scan_segment moved = segments[index];

        if (child >= count)
            return;
        if (child + 1 < count && segments[child].sequence < segments[child + 1].sequence)
            child++;
        if (moved.sequence >= segments[child].sequence)
            return;
        segments[index] = segments[child];
        segments[child] = moved;
        index = child;
    }
}

/* Sort by sequence (heapsort: no memory, and no input makes it slow). */
static void
scan_sort(scan_segment *segments, uint32_t count)
{
    for (uint32_t i = count / 2; i > 0; i--)
        scan_sift_down(segments, i - 1, count);
    for (uint32_t i = count; i > 1; i--) {
        scan_segment first = segments[0];

        segments[0] = segments[i - 1];
        segments[i - 1] = first;
        scan_sift_down(segments, 0, i - 1);
    }
}

/* Keep the segments from the one with `position` on, up to the first gap; see whether they begin
 * early enough. Keeps R1. */
static velo_status
scan_choose_segments(vl_ctx *ctx, vl_wal_scan *scan)
{
    uint64_t sequence = scan->position / scan->payload;
    uint32_t first = 0;
    uint32_t count = 0;

    scan_sort(scan->segments, scan->segment_count);
    for (uint32_t i = 1; i < scan->segment_count; i++)
        if (scan->segments[i].sequence == scan->segments[i - 1].sequence)
            return vl_fail(ctx, VELO_CORRUPT, "the log \"%s\" holds segment %" PRIu64 " twice",
                           scan->path, scan->segments[i].sequence);
    /* At a segment's first byte the one before will do: this one may not have been begun. */
    while (first < scan->segment_count && scan->segments[first].sequence < sequence &&
           !(scan->position % scan->payload == 0 && scan->segments[first].sequence + 1 == sequence))
        first++;
    if (first == scan->segment_count)
        return vl_fail(ctx, VELO_CORRUPT, "the log \"%s\" ends before position %" PRIu64,
                       scan->path, scan->position);
    if (scan->segments[first].sequence > sequence || scan->position < scan->start)
        return vl_fail(ctx, VELO_CORRUPT, "the log \"%s\" begins behind position %" PRIu64,
                       scan->path, scan->position);
    while (first + count < scan->segment_count &&
           scan->segments[first + count].sequence == scan->segments[first].sequence + count)
        count++;
    memmove(scan->segments, scan->segments + first, count * sizeof *scan->segments);
    scan->segment_count = count;
    scan->end = (scan->segments[0].sequence + count) * scan->payload;
    return VELO_OK;
}

/* ---- the window ---- */

/* Read [position, position + size) of the stream, which R1 covers. */
static velo_status
scan_read_stream(vl_ctx *ctx, vl_wal_scan *scan, uint8_t *to, vl_log_position position,
                 uint32_t size)
{
    while (size > 0) {
        uint64_t sequence = position / scan->payload;
        uint32_t rest = (uint32_t)(position % scan->payload);
        uint32_t part = scan->payload - rest < size ? scan->payload - rest : size;
        uint64_t slot = scan->segments[sequence - scan->segments[0].sequence].slot;

        VL_TRY(vl_wal_media_read(ctx, &scan->media, to, part,
                                 vl_wal_slot_offset(slot, scan->segment_size) + VL_WAL_HEADER_SIZE +
                                     rest));
        to += part;
        position += part;
        size -= part;
    }
    return VELO_OK;
}

/* Make room in the window for `size` bytes. */
static velo_status
scan_make_room(vl_ctx *ctx, vl_wal_scan *scan, uint32_t size)
{
    uint8_t *window;

    if (size <= scan->window_capacity)
        return VELO_OK;
    window = vl_realloc(ctx, scan->window, size);
    if (window == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %" PRIu32 " bytes for reading the log",
                       size);
    scan->window = window;
    scan->window_capacity = size;
    return VELO_OK;
}

/* Bring `size` bytes from the scan's position on into the window, and as much behind them as one
 * read gives. They are known to be there. Keeps R2: positions are multiples of 8. */
static velo_status
scan_load(vl_ctx *ctx, vl_wal_scan *scan, uint32_t size)
{
    vl_log_position loaded = scan->window_at + scan->window_size;
    uint32_t kept = 0;
    uint32_t wanted;

    if (scan->position >= scan->window_at && scan->position + size <= loaded)
        return VELO_OK;
    if (scan->position >= scan->window_at && scan->position < loaded)
        kept = (uint32_t)(loaded - scan->position);
    wanted = size > SCAN_CHUNK ? size : SCAN_CHUNK;
    if (wanted > scan->end - scan->position)
        wanted = (uint32_t)(scan->end - scan->position);
    VL_TRY(scan_make_room(ctx, scan, wanted));
    if (kept > 0)
        memmove(scan->window, scan->window + (scan->position - scan->window_at), kept);
    scan->window_at = scan->position;
    scan->window_size = kept;
    VL_TRY(scan_read_stream(ctx, scan, scan->window + kept, scan->position + kept, wanted - kept));
    scan->window_size = wanted;
    return VELO_OK;
}

/* ---- records ---- */

/* Look at what lies at the scan's position, fillers included. */
static velo_status
scan_read_record(vl_ctx *ctx, vl_wal_scan *scan, vl_wal_record *record, int *found)
{
    uint64_t room = scan->end - scan->position;
    uint8_t *bytes;
    uint32_t size;
    uint64_t checksum;

    *found = 0;
    if (room < VL_WAL_RECORD_HEADER)
        return VELO_OK;
    VL_TRY(scan_load(ctx, scan, VL_WAL_RECORD_HEADER));
    size = vl_load_le32(scan->window + (scan->position - scan->window_at));
    if (size < VL_WAL_RECORD_HEADER || size > scan->record_max_size || vl_align_up(size, 8) > room)
        return VELO_OK;
    VL_TRY(scan_load(ctx, scan, (uint32_t)vl_align_up(size, 8)));
    bytes = scan->window + (scan->position - scan->window_at);
    record->type = vl_load_le32(bytes + VL_WAL_RECORD_TYPE_AT);
    checksum = vl_load_le64(bytes + VL_WAL_RECORD_CHECKSUM_AT);
    vl_store_le64(bytes + VL_WAL_RECORD_CHECKSUM_AT, scan->position);
    *found = vl_wal_record_checksum(bytes, size, record->type, scan->identity.salt) == checksum;
    vl_store_le64(bytes + VL_WAL_RECORD_CHECKSUM_AT, checksum);
    record->position = scan->position;
    record->end = scan->position + vl_align_up(size, 8);
    record->txn = vl_load_le64(bytes + VL_WAL_RECORD_TXN_AT);
    record->size = size - VL_WAL_RECORD_HEADER;
    record->body = bytes + VL_WAL_RECORD_HEADER;
    return VELO_OK;
}

velo_status
vl_wal_scan_next(vl_ctx *ctx, vl_wal_scan *scan, vl_wal_record *record, int *found)
{
    *found = 0;
    while (!scan->is_at_end) {
        VL_TRY(scan_read_record(ctx, scan, record, found));
        if (!*found) {
            scan->is_at_end = 1; /* keeps R3 */
            break;
        }
        scan->position = record->end;
        if (record->type != VL_WAL_FILLER)
            return VELO_OK;
        *found = 0;
    }
    return VELO_OK;
}

vl_log_position
vl_wal_scan_position(const vl_wal_scan *scan)
{
    return scan->position;
}

/* ---- opening and closing ---- */

static velo_status
scan_open_file(vl_ctx *ctx, vl_wal_scan *scan, vl_io *io, const char *path)
{
    size_t size = strlen(path) + 1;
    int exists;

    scan->path = vl_alloc(ctx, size);
    if (scan->path == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the log's name");
    memcpy(scan->path, path, size);
    VL_TRY(vl_path_exists(ctx, io, path, &exists));
    if (!exists)
        return vl_fail(ctx, VELO_CORRUPT,
                       "the log \"%s\" is missing, and the database was not closed cleanly", path);
    VL_TRY(vl_wal_media_open(ctx, &scan->media, io, path, 0));
    VL_TRY(scan_read_file_header(ctx, scan));
    VL_TRY(scan_find_segments(ctx, scan));
    return scan_choose_segments(ctx, scan);
}

velo_status
vl_wal_scan_open(vl_ctx *ctx, vl_io *io, const char *path, const vl_wal_identity *identity,
                 vl_log_position from, vl_wal_scan **out)
{
    vl_wal_scan *scan;
    velo_status st;

    *out = NULL;
    if (from % 8 != 0 || from > VL_LOG_POSITION_MAX)
        return vl_fail(ctx, VELO_CORRUPT, "%" PRIu64 " is not a position in the log \"%s\"", from,
                       path);
    scan = vl_alloc_zero(ctx, sizeof *scan);
    if (scan == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a scan of the log");
    scan->identity = *identity;
    scan->position = from;
    scan->window_at = from;
    st = scan_open_file(ctx, scan, io, path);
    if (st != VELO_OK) {
        vl_wal_scan_close(scan);
        return st;
    }
    *out = scan;
    return VELO_OK;
}

void
vl_wal_scan_close(vl_wal_scan *scan)
{
    if (scan == NULL)
        return;
    vl_wal_media_close(&scan->media);
    vl_free(scan->segments);
    vl_free(scan->window);
    vl_free(scan->path);
    vl_free(scan);
}
