/* reader_log.c - the write-ahead log of a database of SQLite's: which frames are valid, and where a
 * page is.
 *
 * Invariants
 *   LL1  A frame counts when its salts are those of the log's header, the checksum over all before
 *        it and itself is right, and a frame that commits stands at or behind it. */
#include "lite/reader_int.h"

#include "base/alloc.h"

#include <string.h>

#define LOG_HEADER_SIZE   32U
#define LOG_FRAME_HEADER  24U
#define LOG_MAGIC         0x377f0682U /* the lowest bit: checksums are big-endian */
#define LOG_VERSION       3007000U
#define LOG_PAGE_SIZE_MAX 65536U

/* Go on with a checksum; size is a multiple of 8. */
static void
log_sum(int is_big, const uint8_t *bytes, size_t size, uint32_t *sums)
{
    for (size_t i = 0; i < size; i += 8) {
        uint32_t words[2];

        for (unsigned w = 0; w < 2; w++) {
            words[w] = vl_lite_get32(bytes + i + 4 * (size_t)w);
            if (!is_big)
                words[w] = __builtin_bswap32(words[w]);
        }
        sums[0] += words[0] + sums[1];
        sums[1] += words[1] + sums[0];
    }
}

/* Read the header. A log whose header is not valid has nothing: its page_size stays 0. */
static velo_status
log_read_header(vl_ctx *ctx, vl_lite_log *log)
{
    uint8_t header[LOG_HEADER_SIZE];
    uint32_t size;

    if (log->input.size < sizeof header)
        return VELO_OK;
    VL_TRY(vl_lite_input_read(ctx, &log->input, header, sizeof header, 0));
    if ((vl_lite_get32(header) & ~1U) != LOG_MAGIC)
        return VELO_OK;
    log->is_big = vl_lite_get32(header) & 1;
    size = vl_lite_get32(header + 8);
    log_sum((int)log->is_big, header, 24, log->sums);
    if (log->sums[0] != vl_lite_get32(header + 24) || log->sums[1] != vl_lite_get32(header + 28))
        return VELO_OK;
    if (vl_lite_get32(header + 4) != LOG_VERSION)
        return vl_fail(ctx, VELO_CANTOPEN, "the write-ahead log has the unknown version %u",
                       (unsigned)vl_lite_get32(header + 4));
    if (size < 512 || size > LOG_PAGE_SIZE_MAX || (size & (size - 1)) != 0)
        return VELO_OK;
    log->salts[0] = vl_lite_get32(header + 16);
    log->salts[1] = vl_lite_get32(header + 20);
    log->page_size = size;
    return VELO_OK;
}

/* Read a frame, numbered from 0, into `bytes`. *is_valid: it is there and belongs to the log, and
 * `sums` goes on behind it. keeps LL1 */
static velo_status
log_read_frame(vl_ctx *ctx, const vl_lite_log *log, const vl_lite_input *input, uint32_t frame,
               uint8_t *bytes, uint32_t *sums, int *is_valid)
{
    size_t size = (size_t)LOG_FRAME_HEADER + log->page_size;
    uint64_t offset = LOG_HEADER_SIZE + (uint64_t)frame * size;

    *is_valid = 0;
    if (offset + size > input->size)
        return VELO_OK;
    VL_TRY(vl_lite_input_read(ctx, input, bytes, size, offset));
    if (vl_lite_get32(bytes + 8) != log->salts[0] || vl_lite_get32(bytes + 12) != log->salts[1] ||
        vl_lite_get32(bytes) == 0)
        return VELO_OK;
    log_sum((int)log->is_big, bytes, 8, sums);
    log_sum((int)log->is_big, bytes + LOG_FRAME_HEADER, log->page_size, sums);
    *is_valid = vl_lite_get32(bytes + 16) == sums[0] && vl_lite_get32(bytes + 20) == sums[1];
    return VELO_OK;
}

/* Note the pages of all valid frames. */
static velo_status
log_read_frames(vl_ctx *ctx, vl_lite_log *log, uint8_t *bytes)
{
    uint32_t sums[2] = {log->sums[0], log->sums[1]};
    uint32_t capacity = 0;

    for (uint32_t frame = 0; frame < UINT32_MAX; frame++) {
        int is_valid;

        VL_TRY(log_read_frame(ctx, log, &log->input, frame, bytes, sums, &is_valid));
        if (!is_valid)
            break;
        if (frame == capacity) {
            uint32_t more = capacity == 0 ? 256 : capacity * 2;
            uint32_t *pages = vl_realloc(ctx, log->pages, more * sizeof *pages);

            if (pages == NULL)
                return vl_fail(ctx, VELO_NOMEM, "cannot allocate a list of %u frames",
                               (unsigned)more);
            log->pages = pages;
            capacity = more;
        }
        log->pages[frame] = vl_lite_get32(bytes);
        if (vl_lite_get32(bytes + 4) == 0)
            continue;
        log->frames = frame + 1;
        log->page_count = vl_lite_get32(bytes + 4);
        log->sums[0] = sums[0];
        log->sums[1] = sums[1];
    }
    return VELO_OK;
}

static uint32_t
log_slot(const vl_lite_log *log, uint32_t pgno)
{
    uint32_t mask = (1U << log->slot_bits) - 1;
    uint32_t slot = (pgno * 2654435761U) >> (32 - log->slot_bits);

    while (log->slots[slot] != 0 && log->slots[slot] >> 32 != pgno)
        slot = (slot + 1) & mask;
    return slot;
}

/* The last frame of each page. */
static velo_status
log_make_map(vl_ctx *ctx, vl_lite_log *log)
{
    log->slot_bits = 4;
    while (log->slot_bits < 31 && (uint64_t)1 << log->slot_bits < (uint64_t)log->frames * 2)
        log->slot_bits++;
    log->slots = vl_alloc_array(ctx, (size_t)1 << log->slot_bits, sizeof *log->slots);
    if (log->slots == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a map of %u frames",
                       (unsigned)log->frames);
    for (uint32_t frame = 0; frame < log->frames; frame++)
        log->slots[log_slot(log, log->pages[frame])] =
            (uint64_t)log->pages[frame] << 32 | (frame + 1);
    return VELO_OK;
}

velo_status
vl_lite_log_open(vl_ctx *ctx, vl_lite_log *log)
{
    uint8_t *bytes;
    velo_status st;

    VL_TRY(log_read_header(ctx, log));
    if (log->page_size == 0)
        return VELO_OK;
    bytes = vl_alloc(ctx, (size_t)LOG_FRAME_HEADER + log->page_size);
    if (bytes == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a page");
    st = log_read_frames(ctx, log, bytes);
    vl_free(bytes);
    if (st == VELO_OK && log->frames > 0)
        st = log_make_map(ctx, log);
    vl_free(log->pages);
    log->pages = NULL;
    return st;
}

uint64_t
vl_lite_log_find(const vl_lite_log *log, uint32_t pgno)
{
    uint32_t frame;

    if (log->slots == NULL)
        return 0;
    frame = (uint32_t)log->slots[log_slot(log, pgno)];
    if (frame == 0)
        return 0;
    return LOG_HEADER_SIZE + (uint64_t)(frame - 1) * (LOG_FRAME_HEADER + log->page_size) +
           LOG_FRAME_HEADER;
}

velo_status
vl_lite_log_has_changed(vl_ctx *ctx, const vl_lite_log *log, int *changed)
{
    vl_lite_input now = log->input;
    uint32_t sums[2] = {log->sums[0], log->sums[1]};
    uint8_t header[LOG_HEADER_SIZE];
    uint8_t *bytes;
    int is_valid = 1;
    velo_status st;

    *changed = 0;
    if (now.file == NULL)
        return VELO_OK;
    VL_TRY(vl_file_get_size(ctx, now.file, &now.size));
    if (log->page_size == 0 || now.size < sizeof header) {
        *changed = now.size != log->input.size;
        return VELO_OK;
    }
    VL_TRY(vl_lite_input_read(ctx, &now, header, sizeof header, 0));
    if (vl_lite_get32(header + 16) != log->salts[0] ||
        vl_lite_get32(header + 20) != log->salts[1]) {
        *changed = 1;
        return VELO_OK;
    }
    bytes = vl_alloc(ctx, (size_t)LOG_FRAME_HEADER + log->page_size);
    if (bytes == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a page");
    st = VELO_OK;
    for (uint32_t frame = log->frames; st == VELO_OK && is_valid && !*changed; frame++) {
        st = log_read_frame(ctx, log, &now, frame, bytes, sums, &is_valid);
        *changed = st == VELO_OK && is_valid && vl_lite_get32(bytes + 4) != 0;
    }
    vl_free(bytes);
    return st;
}

void
vl_lite_log_close(vl_lite_log *log)
{
    vl_free(log->pages);
    vl_free(log->slots);
    vl_file_close(log->input.file);
}
