/* wal_format.c - headers of segments: fields to bytes and back. The drawing is in
 * docs/file-format.md. */
#include "storage/wal_int.h"

#include <string.h>

#define FORMAT_MAGIC_SIZE   8U
#define FORMAT_CHECKSUM_AT  (VL_WAL_HEADER_SIZE - 8U)
#define FORMAT_ZEROS_AT     68U
#define FORMAT_RECORD_SHARE 4U

static const char format_magic[FORMAT_MAGIC_SIZE] = {'V', 'e', 'l', 'o', 'L', 'o', 'g', '\n'};

uint64_t
vl_wal_salt_check(uint64_t salt, uint64_t generation)
{
    uint8_t bytes[8];

    vl_store_le64(bytes, salt);
    return vl_hash64(bytes, sizeof bytes, generation);
}

void
vl_wal_header_encode(const vl_wal_header *header, uint8_t bytes[VL_WAL_HEADER_SIZE])
{
    memset(bytes, 0, VL_WAL_HEADER_SIZE);
    memcpy(bytes, format_magic, FORMAT_MAGIC_SIZE);
    vl_store_le32(bytes + 8, VL_WAL_FORMAT);
    vl_store_le32(bytes + 12, header->segment_size);
    memcpy(bytes + 16, header->database_id, sizeof header->database_id);
    vl_store_le64(bytes + 32, header->generation);
    vl_store_le64(bytes + 40, header->sequence);
    vl_store_le64(bytes + 48, header->salt_check);
    vl_store_le64(bytes + 56, header->start);
    vl_store_le32(bytes + 64, header->record_max_size);
    vl_store_le64(bytes + FORMAT_CHECKSUM_AT, vl_hash64(bytes, FORMAT_CHECKSUM_AT, VL_WAL_FORMAT));
}

static int
format_has_good_fields(const uint8_t *bytes, const vl_wal_header *header)
{
    for (uint32_t i = FORMAT_ZEROS_AT; i < FORMAT_CHECKSUM_AT; i++)
        if (bytes[i] != 0)
            return 0;
    if (!vl_wal_segment_size_is_valid(header->segment_size))
        return 0;
    if (header->generation == 0)
        return header->sequence == 0 && header->salt_check == 0 && header->start == 0 &&
               header->record_max_size == 0;
    return header->start % 8 == 0 && header->start <= VL_LOG_POSITION_MAX &&
           header->sequence <= VL_LOG_POSITION_MAX / (header->segment_size - VL_WAL_HEADER_SIZE) &&
           header->record_max_size >= VL_WAL_RING_MIN / FORMAT_RECORD_SHARE &&
           header->record_max_size <= VL_WAL_RING_MAX / FORMAT_RECORD_SHARE;
}

vl_wal_header_state
vl_wal_header_decode(const uint8_t bytes[VL_WAL_HEADER_SIZE], vl_wal_header *header)
{
    uint32_t format;

    if (memcmp(bytes, format_magic, FORMAT_MAGIC_SIZE) != 0)
        return VL_WAL_HEADER_NONE;
    format = vl_load_le32(bytes + 8);
    if (vl_load_le64(bytes + FORMAT_CHECKSUM_AT) != vl_hash64(bytes, FORMAT_CHECKSUM_AT, format))
        return VL_WAL_HEADER_DAMAGED;
    if (format > VL_WAL_FORMAT)
        return VL_WAL_HEADER_NEWER;
    header->segment_size = vl_load_le32(bytes + 12);
    memcpy(header->database_id, bytes + 16, sizeof header->database_id);
    header->generation = vl_load_le64(bytes + 32);
    header->sequence = vl_load_le64(bytes + 40);
    header->salt_check = vl_load_le64(bytes + 48);
    header->start = vl_load_le64(bytes + 56);
    header->record_max_size = vl_load_le32(bytes + 64);
    if (format != VL_WAL_FORMAT || !format_has_good_fields(bytes, header))
        return VL_WAL_HEADER_DAMAGED;
    return VL_WAL_HEADER_VALID;
}
