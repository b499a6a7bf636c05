/* superblock.c - the bytes of superblocks, and the choice between two.
 *
 * Invariants
 *   Z1  vl_superblock_decode accepts exactly what vl_superblock_encode writes for fields within
 *       their limits, and believes nothing but the magic before it has looked at the checksum. Any
 *       newer format keeps magic, versions, size and checksum in their place.
 *   Z2  Every reference of an accepted superblock lies behind the superblocks and inside
 *       block_count. */
#include "storage/superblock.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "storage/page.h"

#include <inttypes.h>

#define SUPER_CHECKSUM_AT (VL_SUPER_SIZE - 8)
#define SUPER_ZEROS_AT    192
#define SUPER_MAGIC_SIZE  16U
#define SUPER_BLOCK_LEAST 512U

static const uint8_t super_magic[SUPER_MAGIC_SIZE] = "VelociDB\r\n\x1a\n";
static const char super_sqlite_magic[SUPER_MAGIC_SIZE] = "SQLite format 3";

_Static_assert(sizeof super_sqlite_magic == SUPER_MAGIC_SIZE, "its end included");

static void
super_put_root(uint8_t *to, const vl_root *root)
{
    vl_store_le64(to, root->address);
    vl_store_le32(to + 8, root->length);
    vl_store_le32(to + 12, root->height);
    vl_store_le64(to + 16, root->checksum);
}

static void
super_get_root(const uint8_t *from, vl_root *root)
{
    root->address = vl_load_le64(from);
    root->length = vl_load_le32(from + 8);
    root->height = vl_load_le32(from + 12);
    root->checksum = vl_load_le64(from + 16);
}

void
vl_superblock_encode(const vl_superblock *super, uint32_t block, uint8_t bytes[VL_SUPER_SIZE])
{
    VL_ASSERT(block < VL_SUPER_COUNT);
    memset(bytes, 0, VL_SUPER_SIZE);
    memcpy(bytes, super_magic, SUPER_MAGIC_SIZE);
    vl_store_le32(bytes + 16, super->format);
    vl_store_le32(bytes + 20, super->oldest_reader);
    vl_store_le32(bytes + 24, super->page_size);
    vl_store_le32(bytes + 28, super->block_size);
    memcpy(bytes + 32, super->database_id, sizeof super->database_id);
    vl_store_le64(bytes + 48, super->checkpoint);
    vl_store_le64(bytes + 56, super->published);
    vl_store_le64(bytes + 64, super->log_generation);
    vl_store_le64(bytes + 72, super->log_position);
    vl_store_le64(bytes + 80, super->log_salt);
    vl_store_le64(bytes + 88, super->block_count);
    vl_store_le64(bytes + 96, super->page_end);
    vl_store_le64(bytes + 104, super->next_tree);
    super_put_root(bytes + 112, &super->map_root);
    super_put_root(bytes + 136, &super->space_root);
    super_put_root(bytes + 160, &super->inflight_root);
    vl_store_le64(bytes + 184, super->flags);
    vl_store_le64(bytes + SUPER_CHECKSUM_AT, vl_hash64(bytes, SUPER_CHECKSUM_AT, block));
}

static void
super_get_fields(const uint8_t *bytes, vl_superblock *super)
{
    super->format = vl_load_le32(bytes + 16);
    super->oldest_reader = vl_load_le32(bytes + 20);
    super->page_size = vl_load_le32(bytes + 24);
    super->block_size = vl_load_le32(bytes + 28);
    memcpy(super->database_id, bytes + 32, sizeof super->database_id);
    super->checkpoint = vl_load_le64(bytes + 48);
    super->published = vl_load_le64(bytes + 56);
    super->log_generation = vl_load_le64(bytes + 64);
    super->log_position = vl_load_le64(bytes + 72);
    super->log_salt = vl_load_le64(bytes + 80);
    super->block_count = vl_load_le64(bytes + 88);
    super->page_end = vl_load_le64(bytes + 96);
    super->next_tree = vl_load_le64(bytes + 104);
    super_get_root(bytes + 112, &super->map_root);
    super_get_root(bytes + 136, &super->space_root);
    super_get_root(bytes + 160, &super->inflight_root);
    super->flags = vl_load_le64(bytes + 184);
}

/* Whether the bytes of an all-zero or in-range reference. Keeps Z2. */
static int
super_root_is_valid(const vl_root *root, uint64_t block_count)
{
    if (root->length == 0)
        return root->address == 0 && root->height == 0 && root->checksum == 0;
    return root->address >= VL_SUPER_COUNT && root->address < block_count &&
           root->length <= block_count - root->address;
}

/* The first field that is out of its limits, by name; NULL when all are in. */
static const char *
super_find_bad_field(const uint8_t *bytes, const vl_superblock *super)
{
    if (!vl_page_size_is_valid(super->page_size))
        return "page size";
    if (!vl_is_power_of_two(super->block_size) || super->block_size < SUPER_BLOCK_LEAST ||
        super->block_size > super->page_size)
        return "block size";
    if (super->block_count < VL_SUPER_COUNT || super->block_count > INT64_MAX / super->block_size)
        return "block count";
    /* Counters that come near to wrapping around are none of ours. */
    if (super->checkpoint == 0 || super->checkpoint > INT64_MAX || super->log_generation == 0 ||
        super->page_end == 0 || super->next_tree == 0)
        return "counters";
    if (!super_root_is_valid(&super->map_root, super->block_count))
        return "root of the page map";
    if (!super_root_is_valid(&super->space_root, super->block_count))
        return "root of the free space";
    if (!super_root_is_valid(&super->inflight_root, super->block_count))
        return "root of the transactions in flight";
    if ((super->flags & ~(VL_SUPER_CLEAN | VL_SUPER_LISTED)) != 0 ||
        super->flags == (VL_SUPER_CLEAN | VL_SUPER_LISTED))
        return "flags";
    for (uint32_t i = SUPER_ZEROS_AT; i < SUPER_CHECKSUM_AT; i++)
        if (bytes[i] != 0)
            return "reserved bytes";
    return NULL;
}

velo_status
vl_superblock_decode(vl_ctx *ctx, const char *what, uint32_t block,
                     const uint8_t bytes[VL_SUPER_SIZE], vl_superblock *super)
{
    const char *bad;

    if (memcmp(bytes, super_sqlite_magic, SUPER_MAGIC_SIZE) == 0)
        return vl_fail(ctx, VELO_NOTADB,
                       "\"%s\" is a SQLite database, not a VelociDB one: it has to be converted",
                       what);
    if (memcmp(bytes, super_magic, SUPER_MAGIC_SIZE) != 0)
        return vl_fail(ctx, VELO_NOTADB, "\"%s\" is not a VelociDB database", what);
    if (vl_load_le64(bytes + SUPER_CHECKSUM_AT) != vl_hash64(bytes, SUPER_CHECKSUM_AT, block))
        return vl_fail(ctx, VELO_CORRUPT, "\"%s\": superblock %" PRIu32 " has a bad checksum", what,
                       block);
    super_get_fields(bytes, super);
    if (super->oldest_reader > VL_FORMAT_VERSION)
        return vl_fail(ctx, VELO_CANTOPEN,
                       "\"%s\" was written by a newer version: it has format %" PRIu32
                       " and needs %" PRIu32 ", this library reads up to %u",
                       what, super->format, super->oldest_reader, VL_FORMAT_VERSION);
    if (super->format < VL_FORMAT_OLDEST)
        return vl_fail(ctx, VELO_CANTOPEN,
                       "\"%s\" has format %" PRIu32 ", which this library no longer reads", what,
                       super->format);
    bad = super_find_bad_field(bytes, super);
    if (bad != NULL)
        return vl_fail(ctx, VELO_CORRUPT, "\"%s\": superblock %" PRIu32 " has a bad %s", what,
                       block, bad);
    return VELO_OK;
}

int
vl_superblock_is_unfinished(const uint8_t bytes[VL_SUPER_SIZE])
{
    return vl_load_le64(bytes) == VL_SUPER_UNFINISHED;
}

/* How much a failure says about the file: the more, the larger. Damage to one of our superblocks
 * tells more than that the other one was never written. */
static int
super_weight(velo_status status)
{
    switch (status) {
    case VELO_CANTOPEN:
        return 3;
    case VELO_CORRUPT:
        return 2;
    case VELO_NOTADB:
        return 1;
    default:
        return 0;
    }
}

/* Both are valid: which is newer, or why they do not belong together. */
static velo_status
super_choose_newer(vl_ctx *ctx, const char *what, const vl_superblock supers[VL_SUPER_COUNT],
                   const uint8_t *const bytes[VL_SUPER_COUNT], uint32_t *block)
{
    if (memcmp(supers[0].database_id, supers[1].database_id, sizeof supers[0].database_id) != 0)
        return vl_fail(ctx, VELO_CORRUPT, "\"%s\": its superblocks belong to different databases",
                       what);
    if (supers[0].page_size != supers[1].page_size || supers[0].block_size != supers[1].block_size)
        return vl_fail(ctx, VELO_CORRUPT,
                       "\"%s\": its superblocks disagree about the size of pages or blocks", what);
    *block = supers[1].checkpoint > supers[0].checkpoint;
    if (supers[0].checkpoint == supers[1].checkpoint &&
        memcmp(bytes[0], bytes[1], SUPER_CHECKSUM_AT) != 0)
        return vl_fail(ctx, VELO_CORRUPT,
                       "\"%s\": its superblocks differ, and both are of checkpoint %" PRIu64, what,
                       supers[0].checkpoint);
    return VELO_OK;
}

velo_status
vl_superblock_choose(vl_ctx *ctx, const char *what, const uint8_t *const bytes[VL_SUPER_COUNT],
                     vl_superblock *super, uint32_t *block)
{
    vl_superblock supers[VL_SUPER_COUNT] = {{0}};
    velo_status found[VL_SUPER_COUNT];
    vl_error worst = {.code = VELO_OK};

    *block = 0;
    for (uint32_t i = 0; i < VL_SUPER_COUNT; i++) {
        found[i] = VELO_NOTADB;
        if (bytes[i] == NULL)
            (void)vl_fail(ctx, VELO_NOTADB, "\"%s\" is too short for a VelociDB database", what);
        else
            found[i] = vl_superblock_decode(ctx, what, i, bytes[i], &supers[i]);
        if (found[i] != VELO_OK && super_weight(found[i]) > super_weight(worst.code))
            worst = ctx->error;
    }
    if (found[0] != VELO_OK && found[1] != VELO_OK) {
        ctx->error = worst;
        return worst.code;
    }
    /* A newer format beside an old one is a file in the middle of an upgrade: not ours to touch. */
    if (worst.code == VELO_CANTOPEN) {
        ctx->error = worst;
        return worst.code;
    }
    vl_error_clear(ctx);
    if (found[0] == VELO_OK && found[1] == VELO_OK)
        VL_TRY(super_choose_newer(ctx, what, supers, bytes, block));
    else
        *block = found[1] == VELO_OK;
    *super = supers[*block];
    return VELO_OK;
}

/* Whether these bytes are a second superblock of a file whose blocks have this size, of whatever
 * version: Z1 says what can be believed of newer ones. */
static int
super_is_second(const uint8_t *bytes, uint32_t block_size)
{
    return memcmp(bytes, super_magic, SUPER_MAGIC_SIZE) == 0 &&
           vl_load_le32(bytes + 28) == block_size &&
           vl_load_le64(bytes + SUPER_CHECKSUM_AT) == vl_hash64(bytes, SUPER_CHECKSUM_AT, 1);
}

velo_status
vl_superblock_find(vl_ctx *ctx, const char *what, const uint8_t *head, size_t size,
                   vl_superblock *super, uint32_t *block)
{
    const uint8_t *bytes[VL_SUPER_COUNT] = {NULL, NULL};
    uint32_t block_size;

    if (size < VL_SUPER_SIZE)
        return vl_superblock_choose(ctx, what, bytes, super, block);
    bytes[0] = head;
    if (vl_superblock_decode(ctx, what, 0, head, super) == VELO_OK) {
        if (super->block_size <= size - VL_SUPER_SIZE)
            bytes[1] = head + super->block_size;
        return vl_superblock_choose(ctx, what, bytes, super, block);
    }
    /* No image of a page looks like a superblock, whatever users store: images begin with a kind.
     * So what is found behind the true block 1 is not taken for it. */
    for (block_size = SUPER_BLOCK_LEAST; block_size <= VL_PAGE_MAX_SIZE && bytes[1] == NULL;
         block_size *= 2)
        if (block_size + VL_SUPER_SIZE <= size && super_is_second(head + block_size, block_size))
            bytes[1] = head + block_size;
    return vl_superblock_choose(ctx, what, bytes, super, block);
}
