/* fuzz_wal.c - a log file of arbitrary bytes is refused, or what the scan yields lies in the file,
 * in order, and checks.
 *
 * Checksums would keep a fuzzer out, so the file is built from the input: byte 0 says where the
 * scan begins, byte 1 which headers and records get valid checksums; then each segment has a byte
 * of control, a byte for its sequence, and its bytes of the stream. */
#include "lib/fuzz.h"
#include "os/sim.h"
#include "storage/wal_int.h"

#include <string.h>

#define FUZZ_SEGMENT 1024U
#define FUZZ_PAYLOAD (FUZZ_SEGMENT - VL_WAL_HEADER_SIZE)
#define FUZZ_SLOTS   12U
#define FUZZ_PATH    "/fuzz-wal"
#define FUZZ_SALT    77U
#define FUZZ_FILE    (VL_WAL_SEGMENTS_AT + FUZZ_SLOTS * FUZZ_SEGMENT)

/* Bits of byte 1. */
#define FUZZ_RAW_HEADER  0x01U /* the file's header is what the input says */
#define FUZZ_NO_CHECKSUM 0x02U /* records keep the checksums of the input */
#define FUZZ_CUT         0x04U /* the last segment is not all there */

/* Bits of a segment's control. */
#define FUZZ_OLD     0x01U /* of another generation */
#define FUZZ_SALTED  0x02U /* with another salt */
#define FUZZ_DAMAGED 0x04U /* its header does not check */
#define FUZZ_BIG     0x08U /* it says that records may be large */
#define FUZZ_HUGE    0x10U /* its sequence is far away */

static volatile uint64_t fuzz_wal_sum;

/* The input, taken from the front. */
typedef struct fuzz_input {
    const uint8_t *data;
    size_t size;
} fuzz_input;

static uint8_t
fuzz_take(fuzz_input *input)
{
    uint8_t value = input->size > 0 ? input->data[0] : 0;

    input->data += input->size > 0;
    input->size -= input->size > 0;
    return value;
}

static void
fuzz_take_bytes(fuzz_input *input, uint8_t *to, size_t size)
{
    size_t part = size < input->size ? size : input->size;

    memset(to, 0, size);
    if (part > 0)
        memcpy(to, input->data, part);
    input->data += part;
    input->size -= part;
}

static void
fuzz_put_segment(fuzz_input *input, uint8_t *slot, uint64_t *sequence)
{
    vl_wal_header header = {.segment_size = FUZZ_SEGMENT, .generation = 3};
    uint8_t control = fuzz_take(input);

    header.sequence = fuzz_take(input) % 16U;
    if ((control & FUZZ_HUGE) != 0)
        header.sequence = VL_LOG_POSITION_MAX / FUZZ_PAYLOAD - header.sequence;
    header.generation -= control & FUZZ_OLD;
    header.salt_check = vl_wal_salt_check(FUZZ_SALT + (control & FUZZ_SALTED), header.generation);
    header.record_max_size = (control & FUZZ_BIG) != 0 ? VL_WAL_RING_MAX / 4 : 1024;
    vl_wal_header_encode(&header, slot);
    slot[100] ^= control & FUZZ_DAMAGED;
    fuzz_take_bytes(input, slot + VL_WAL_HEADER_SIZE, FUZZ_PAYLOAD);
    *sequence = (control & (FUZZ_OLD | FUZZ_SALTED | FUZZ_DAMAGED | FUZZ_HUGE)) == 0
                    ? header.sequence
                    : UINT64_MAX;
}

/* Give the records from `from` on valid checksums, as far as their sizes lead. */
static void
fuzz_fix_records(uint8_t *file, const uint64_t sequences[FUZZ_SLOTS], uint64_t from)
{
    static uint8_t stream[16 * FUZZ_PAYLOAD];
    static uint8_t *places[16];

    memset(places, 0, sizeof places);
    for (uint32_t i = 0; i < FUZZ_SLOTS; i++)
        if (sequences[i] < 16)
            places[sequences[i]] = file + vl_wal_slot_offset(i, FUZZ_SEGMENT) + VL_WAL_HEADER_SIZE;
    for (uint32_t i = 0; i < 16; i++)
        if (places[i] != NULL)
            memcpy(stream + (size_t)i * FUZZ_PAYLOAD, places[i], FUZZ_PAYLOAD);
    while (from + VL_WAL_RECORD_HEADER <= sizeof stream) {
        uint8_t *record = stream + from;
        uint32_t size = vl_load_le32(record) & 0x7ff; /* so that any bytes are a record */

        if (size < VL_WAL_RECORD_HEADER || from + vl_align_up(size, 8) > sizeof stream)
            break;
        vl_store_le32(record, size);
        vl_store_le64(record + VL_WAL_RECORD_CHECKSUM_AT, from);
        vl_store_le64(record + VL_WAL_RECORD_CHECKSUM_AT,
                      vl_wal_record_checksum(
                          record, size, vl_load_le32(record + VL_WAL_RECORD_TYPE_AT), FUZZ_SALT));
        from += vl_align_up(size, 8);
    }
    for (uint32_t i = 0; i < 16; i++)
        if (places[i] != NULL)
            memcpy(places[i], stream + (size_t)i * FUZZ_PAYLOAD, FUZZ_PAYLOAD);
}

/* Scan the whole file. */
static void
fuzz_scan(vl_ctx *ctx, vl_io *io, uint64_t from)
{
    vl_wal_identity identity = {.generation = 3, .salt = FUZZ_SALT};
    vl_log_position next = from;
    vl_wal_record record;
    vl_wal_scan *scan;
    int found = 1;

    if (vl_wal_scan_open(ctx, io, FUZZ_PATH, &identity, from, &scan) != VELO_OK) {
        FUZZ_CHECK(scan == NULL && ctx->error.code == VELO_CORRUPT);
        return;
    }
    while (found) {
        FUZZ_CHECK(vl_wal_scan_next(ctx, scan, &record, &found) == VELO_OK);
        if (!found)
            break;
        FUZZ_CHECK(record.position >= next && record.position % 8 == 0);
        FUZZ_CHECK(record.end == vl_wal_record_end(record.position, record.size));
        FUZZ_CHECK(record.type != VL_WAL_FILLER && record.end == vl_wal_scan_position(scan));
        FUZZ_CHECK(record.end - from <= FUZZ_SLOTS * FUZZ_PAYLOAD);
        for (uint32_t i = 0; i < record.size; i++)
            fuzz_wal_sum += record.body[i];
        next = record.end;
    }
    FUZZ_CHECK(vl_wal_scan_next(ctx, scan, &record, &found) == VELO_OK && !found);
    FUZZ_CHECK(vl_wal_scan_position(scan) >= next);
    vl_wal_scan_close(scan);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t file[FUZZ_FILE];
    vl_wal_header header = {.segment_size = FUZZ_SEGMENT};
    fuzz_input input = {data, size};
    uint64_t from = 8U * fuzz_take(&input);
    uint8_t flags = fuzz_take(&input);
    uint64_t sequences[FUZZ_SLOTS];
    uint32_t count = 0;
    vl_ctx ctx;
    vl_sim *sim;
    vl_io *io;
    vl_file *out;

    memset(file, 0, sizeof file);
    memset(sequences, 0xff, sizeof sequences);
    if ((flags & FUZZ_RAW_HEADER) != 0)
        fuzz_take_bytes(&input, file, VL_WAL_HEADER_SIZE);
    else
        vl_wal_header_encode(&header, file);
    while (count < FUZZ_SLOTS && input.size > 0) {
        fuzz_put_segment(&input, file + vl_wal_slot_offset(count, FUZZ_SEGMENT), &sequences[count]);
        count++;
    }
    if ((flags & FUZZ_NO_CHECKSUM) == 0)
        fuzz_fix_records(file, sequences, from);
    vl_ctx_init(&ctx, NULL, NULL);
    FUZZ_CHECK(vl_sim_create(&ctx, NULL, &sim) == VELO_OK);
    FUZZ_CHECK(vl_sim_open_io(&ctx, sim, &io) == VELO_OK);
    FUZZ_CHECK(vl_file_open(&ctx, io, FUZZ_PATH, VL_OPEN_WRITE | VL_OPEN_CREATE, &out) == VELO_OK);
    FUZZ_CHECK(vl_file_write(&ctx, out, file,
                             vl_wal_slot_offset(count, FUZZ_SEGMENT) -
                                 ((flags & FUZZ_CUT) != 0 ? 700U : 0U),
                             0) == VELO_OK);
    vl_file_close(out);
    fuzz_scan(&ctx, io, from);
    vl_io_close(io);
    vl_sim_destroy(sim);
    return 0;
}
