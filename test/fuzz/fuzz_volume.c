/* fuzz_volume.c - a database file with changed superblocks and a changed table of free space is
 * refused, or can be read and written without a block in use being given away.
 *
 * The input is a list of changes of 8 bytes to a small good file: where (2 bits) and an offset
 * (14), a mode and a width (16), and a value (32). Checksums are made to fit afterwards, so that
 * what is behind them is reached. */
#include "base/bytes.h"
#include "base/hash.h"
#include "lib/fuzz.h"
#include "os/sim.h"
#include "storage/page.h"
#include "storage/volume.h"

#define FUZZ_SIZE        VL_PAGE_MIN_SIZE
#define FUZZ_FILE_BLOCKS 48U
#define FUZZ_PATH        "/f"
#define FUZZ_CHAIN       4U

static uint8_t fuzz_volume_good[FUZZ_FILE_BLOCKS * FUZZ_SIZE];
static uint32_t fuzz_volume_blocks;

/* One checkpoint with some blocks in use, one of them the root of the page map. */
static void
fuzz_volume_commit(vl_ctx *ctx, vl_volume *volume, uint32_t count)
{
    static uint8_t bytes[FUZZ_SIZE];
    vl_volume_write_item item = {.length = 1, .buf = bytes};
    vl_superblock next = *vl_volume_super(volume);

    FUZZ_CHECK(vl_volume_promise(ctx, volume, count) == VELO_OK);
    for (uint32_t i = 0; i < count; i++)
        item.address = vl_volume_allocate(volume, VL_SPACE_LIVE, 1);
    FUZZ_CHECK(vl_volume_write_batch(ctx, volume, &item, 1) == VELO_OK);
    vl_volume_begin_checkpoint(volume);
    next.map_root = (vl_root){item.address, 1, 0, item.checksum};
    FUZZ_CHECK(vl_volume_commit_checkpoint(ctx, volume, &next) == VELO_OK);
}

/* Make the good file, once. */
static void
fuzz_volume_prepare(void)
{
    vl_volume_options options = {.page_size = FUZZ_SIZE, .may_create = 1};
    vl_volume *volume;
    vl_file *file;
    size_t moved;
    vl_sim *sim;
    vl_io *io;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    FUZZ_CHECK(vl_sim_create(&ctx, NULL, &sim) == VELO_OK);
    FUZZ_CHECK(vl_sim_open_io(&ctx, sim, &io) == VELO_OK);
    FUZZ_CHECK(vl_volume_open(&ctx, io, FUZZ_PATH, &options, &volume) == VELO_OK);
    FUZZ_CHECK(vl_volume_make_writable(&ctx, volume) == VELO_OK);
    fuzz_volume_commit(&ctx, volume, 9);
    fuzz_volume_commit(&ctx, volume, 3);
    vl_volume_close(volume);
    FUZZ_CHECK(vl_file_open(&ctx, io, FUZZ_PATH, 0, &file) == VELO_OK);
    FUZZ_CHECK(vl_file_read(&ctx, file, fuzz_volume_good, sizeof fuzz_volume_good, 0, &moved) ==
               VELO_OK);
    vl_file_close(file);
    fuzz_volume_blocks = (uint32_t)(moved / FUZZ_SIZE);
    FUZZ_CHECK(fuzz_volume_blocks > 16);
    vl_io_close(io);
    vl_sim_destroy(sim);
}

/* ---- changing the file ---- */

static uint8_t *
fuzz_volume_block(uint8_t *file, uint64_t address)
{
    return address < fuzz_volume_blocks ? file + address * FUZZ_SIZE : NULL;
}

/* The block that a change aims at: a superblock, an index page, or a chunk. */
static uint8_t *
fuzz_volume_target(uint8_t *file, unsigned where)
{
    uint8_t *index = fuzz_volume_block(file, vl_load_le64(file + 136));
    uint8_t *chunk = NULL;

    if (where < 2 || index == NULL)
        return file + (where & 1) * FUZZ_SIZE;
    if (where == 3)
        chunk = fuzz_volume_block(file, vl_load_le64(index + 64));
    return chunk != NULL ? chunk : index;
}

static void
fuzz_volume_change(uint8_t *file, const uint8_t *change)
{
    uint16_t place = vl_load_le16(change);
    uint8_t *target = fuzz_volume_target(file, place >> 14);
    uint32_t at = (place & 0x3fff) % (FUZZ_SIZE - 8);
    uint32_t value = vl_load_le32(change + 4);

    switch (change[2] % 4) {
    case 0:
        target[at] = (uint8_t)value;
        break;
    case 1:
        target[at] ^= (uint8_t)(1U << (value % 8));
        break;
    case 2:
        vl_store_le32(target + at, value);
        break;
    default:
        vl_store_le64(target + (at & ~7U), value % (2 * FUZZ_FILE_BLOCKS));
        break;
    }
}

/* Make the checksums of an index page's chunks fit, and those of the pages behind it. */
static void
fuzz_volume_seal_index(uint8_t *file, uint64_t address, unsigned depth)
{
    uint8_t *page = fuzz_volume_block(file, address);
    uint8_t *next;

    if (page == NULL || depth == FUZZ_CHAIN)
        return;
    for (uint32_t at = 64; at + 24 <= FUZZ_SIZE; at += 24) {
        uint64_t chunk_at = vl_load_le64(page + at);
        const uint8_t *chunk = chunk_at == 0 ? NULL : fuzz_volume_block(file, chunk_at);
        uint32_t used = 0;

        for (uint32_t i = 0; chunk != NULL && i < FUZZ_SIZE; i += 8)
            used += (uint32_t)__builtin_popcountll(vl_load_le64(chunk + i));
        if (chunk != NULL) {
            vl_store_le64(page + at + 8, vl_hash64(chunk, FUZZ_SIZE, chunk_at));
            vl_store_le32(page + at + 16, used);
        }
    }
    next = fuzz_volume_block(file, vl_load_le64(page + 24));
    if (next != NULL && vl_load_le64(page + 24) != 0) {
        fuzz_volume_seal_index(file, vl_load_le64(page + 24), depth + 1);
        vl_store_le64(page + 32, vl_hash64(next, FUZZ_SIZE, vl_load_le64(page + 24)));
    }
}

static void
fuzz_volume_seal(uint8_t *file)
{
    for (uint32_t place = 0; place < VL_SUPER_COUNT; place++) {
        uint8_t *super = file + (size_t)place * FUZZ_SIZE;
        uint64_t root = vl_load_le64(super + 136);
        const uint8_t *index = fuzz_volume_block(file, root);

        fuzz_volume_seal_index(file, root, 0);
        if (index != NULL)
            vl_store_le64(super + 176, vl_hash64(index, FUZZ_SIZE, root));
    }
    for (uint32_t place = 0; place < VL_SUPER_COUNT; place++) {
        uint8_t *super = file + (size_t)place * FUZZ_SIZE;

        vl_store_le64(super + VL_SUPER_SIZE - 8, vl_hash64(super, VL_SUPER_SIZE - 8, place));
    }
}

/* ---- using it ---- */

/* Whether a root's blocks are all in use, and can be asked for. */
static void
fuzz_volume_use_root(vl_ctx *ctx, vl_volume *volume, const vl_root *root)
{
    vl_extent extent = {root->address, root->length, 1, root->checksum};
    uint8_t *buf;

    if (root->length == 0 || root->length > 64)
        return;
    for (uint32_t i = 0; i < root->length; i++)
        FUZZ_CHECK((vl_volume_sets_of(volume, root->address + i) & VL_SPACE_LIVE) != 0);
    buf = malloc((size_t)root->length * FUZZ_SIZE);
    FUZZ_CHECK(buf != NULL);
    if (vl_volume_read(ctx, volume, &extent, buf, "root", 0) != VELO_OK)
        FUZZ_CHECK(ctx->error.code == VELO_CORRUPT);
    free(buf);
}

/* Take blocks, none of which may have been in use, and make two checkpoints. */
static void
fuzz_volume_write(vl_ctx *ctx, vl_volume *volume)
{
    vl_superblock next;

    for (uint32_t round = 0; round < 2; round++) {
        FUZZ_CHECK(vl_volume_promise(ctx, volume, 20) == VELO_OK);
        for (uint32_t i = 0; i < 20; i++)
            FUZZ_CHECK(vl_volume_sets_of(volume, vl_volume_allocate(volume, VL_SPACE_LIVE, 1)) ==
                       VL_SPACE_LIVE);
        vl_volume_begin_checkpoint(volume);
        next = *vl_volume_super(volume);
        FUZZ_CHECK(vl_volume_commit_checkpoint(ctx, volume, &next) == VELO_OK);
    }
}

static void
fuzz_volume_use(vl_ctx *ctx, vl_io *io, int again)
{
    vl_volume_options options = {.may_create = 0};
    vl_volume *volume = NULL;
    velo_status st = vl_volume_open(ctx, io, FUZZ_PATH, &options, &volume);

    if (st == VELO_OK)
        st = vl_volume_make_writable(ctx, volume);
    if (st == VELO_OK && vl_volume_super(volume)->block_size == FUZZ_SIZE) {
        fuzz_volume_use_root(ctx, volume, &vl_volume_super(volume)->map_root);
        fuzz_volume_use_root(ctx, volume, &vl_volume_super(volume)->inflight_root);
        if (again)
            fuzz_volume_write(ctx, volume);
    }
    FUZZ_CHECK(st == VELO_OK || st == VELO_CORRUPT || st == VELO_CANTOPEN || st == VELO_NOTADB);
    FUZZ_CHECK(again || st == VELO_OK);
    vl_volume_close(volume);
    if (st == VELO_OK && again)
        fuzz_volume_use(ctx, io, 0); /* what it has written is good */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[sizeof fuzz_volume_good];
    vl_file *file;
    vl_sim *sim;
    vl_io *io;
    vl_ctx ctx;

    if (fuzz_volume_blocks == 0)
        fuzz_volume_prepare();
    memcpy(bytes, fuzz_volume_good, sizeof bytes);
    for (size_t at = 0; at + 8 <= size; at += 8)
        fuzz_volume_change(bytes, data + at);
    fuzz_volume_seal(bytes);
    vl_ctx_init(&ctx, NULL, NULL);
    FUZZ_CHECK(vl_sim_create(&ctx, NULL, &sim) == VELO_OK);
    FUZZ_CHECK(vl_sim_open_io(&ctx, sim, &io) == VELO_OK);
    FUZZ_CHECK(vl_file_open(&ctx, io, FUZZ_PATH, VL_OPEN_WRITE | VL_OPEN_CREATE, &file) == VELO_OK);
    FUZZ_CHECK(vl_file_write(&ctx, file, bytes, (size_t)fuzz_volume_blocks * FUZZ_SIZE, 0) ==
               VELO_OK);
    vl_file_close(file);
    fuzz_volume_use(&ctx, io, 1);
    vl_io_close(io);
    vl_sim_destroy(sim);
    return 0;
}
