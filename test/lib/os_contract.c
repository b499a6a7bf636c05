/* os_contract.c - the checks of os_contract.h, one function each. */
#include "lib/os_contract.h"

#include "base/thread.h"
#include "lib/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CONTRACT_REQUESTS   200U   /* of a large batch */
#define CONTRACT_BLOCK      1024U  /* bytes of an ordinary request */
#define CONTRACT_LARGE      300000 /* bytes of a large one: several transfers in the tiny build */
#define CONTRACT_MODEL_SIZE 65536U /* bytes of each file of the model */
#define CONTRACT_THREADS    6

int os_contract_has_range_locks = 1;

/* ---- helpers ---- */

/* "folder/name"; valid until the fourth call after it. */
static const char *
contract_path(const char *folder, const char *name)
{
    static char paths[4][VL_PATH_SIZE];
    static unsigned next;
    char *path = paths[next++ % VL_ARRAY_COUNT(paths)];

    (void)snprintf(path, VL_PATH_SIZE, "%s/%s", folder, name);
    return path;
}

/* Create a file for writing. */
static velo_status
contract_create(vl_io *io, const char *folder, const char *name, vl_file **file)
{
    return vl_file_open(unit_ctx(), io, contract_path(folder, name), VL_OPEN_WRITE | VL_OPEN_CREATE,
                        file);
}

/* Bytes that say where they belong. */
static void
contract_fill(void *buf, size_t size, uint64_t seed)
{
    vl_rng rng;

    vl_rng_init(&rng, seed);
    vl_rng_fill(&rng, buf, size);
}

static int
contract_is_filled(const void *buf, size_t size, uint64_t seed)
{
    uint8_t expected[CONTRACT_BLOCK];
    const uint8_t *at = buf;
    vl_rng rng;

    vl_rng_init(&rng, seed);
    while (size > 0) {
        size_t part = size < sizeof expected ? size : sizeof expected;

        vl_rng_fill(&rng, expected, part);
        if (memcmp(at, expected, part) != 0)
            return 0;
        at += part;
        size -= part;
    }
    return 1;
}

static int
contract_is_zero(const uint8_t *buf, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (buf[i] != 0)
            return 0;
    return 1;
}

static void
contract_request(vl_io_request *request, vl_io_op op, vl_file *file, void *buf, uint32_t size,
                 uint64_t offset)
{
    memset(request, 0, sizeof *request);
    request->op = op;
    request->file = file;
    request->buf = buf;
    request->size = size;
    request->offset = offset;
}

/* ---- files ---- */

void
os_contract_file_reads_what_was_written(vl_io *io, const char *folder)
{
    uint8_t buf[5000];
    vl_file *file;
    uint64_t size;

    CHECK_OK(contract_create(io, folder, "a", &file));
    CHECK(strcmp(vl_file_path(file), contract_path(folder, "a")) == 0);
    CHECK_EQ(vl_file_align(file), 1);
    CHECK(!vl_file_is_direct(file));
    CHECK_OK(vl_file_get_size(unit_ctx(), file, &size));
    CHECK_EQ(size, 0);
    contract_fill(buf, sizeof buf, 1);
    CHECK_OK(vl_file_write(unit_ctx(), file, buf, sizeof buf, 333));
    CHECK_OK(vl_file_get_size(unit_ctx(), file, &size));
    CHECK_EQ(size, 333 + sizeof buf);
    memset(buf, 1, sizeof buf);
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, sizeof buf, 333, NULL));
    CHECK(contract_is_filled(buf, sizeof buf, 1));
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, 333, 0, NULL));
    CHECK(contract_is_zero(buf, 333));
    CHECK_OK(vl_file_write(unit_ctx(), file, "abc", 3, 400));
    CHECK_OK(vl_file_sync(unit_ctx(), file));
    vl_file_close(file);

    CHECK_OK(vl_file_open(unit_ctx(), io, contract_path(folder, "a"), 0, &file));
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, 3, 400, NULL));
    CHECK(memcmp(buf, "abc", 3) == 0);
    CHECK_OK(vl_file_write(unit_ctx(), file, buf, 0, 0));
    CHECK(vl_file_write(unit_ctx(), file, buf, 1, 0) != VELO_OK);
    CHECK_CONTAINS(unit_ctx()->error.text, vl_file_path(file));
    vl_file_close(file);
    vl_file_close(NULL);
}

void
os_contract_file_read_ends_where_the_file_does(vl_io *io, const char *folder)
{
    uint8_t buf[100];
    vl_file *file;
    size_t moved = 7;

    CHECK_OK(contract_create(io, folder, "a", &file));
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, 10, 0, &moved));
    CHECK_EQ(moved, 0);
    CHECK_OK(vl_file_write(unit_ctx(), file, "0123456789", 10, 0));
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, sizeof buf, 4, &moved));
    CHECK_EQ(moved, 6);
    CHECK(memcmp(buf, "456789", 6) == 0);
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, sizeof buf, 10, &moved));
    CHECK_EQ(moved, 0);
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, sizeof buf, UINT64_C(1) << 40, &moved));
    CHECK_EQ(moved, 0);
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, 0, 10, NULL));
    CHECK_STATUS(vl_file_read(unit_ctx(), file, buf, 11, 0, NULL), VELO_IOERR_SHORT_READ);
    CHECK_CONTAINS(unit_ctx()->error.text, vl_file_path(file));
    vl_file_close(file);
}

void
os_contract_file_open_follows_its_flags(vl_io *io, const char *folder)
{
    const uint32_t create = VL_OPEN_WRITE | VL_OPEN_CREATE;
    vl_file *file;
    vl_file *other;
    int exists;

    CHECK_OK(vl_file_open(unit_ctx(), io, contract_path(folder, "a"), create | VL_OPEN_EXCLUSIVE,
                          &file));
    CHECK_OK(vl_path_exists(unit_ctx(), io, contract_path(folder, "a"), &exists));
    CHECK_EQ(exists, 1);
    CHECK_OK(vl_file_write(unit_ctx(), file, "x", 1, 0));
    CHECK_STATUS(vl_file_open(unit_ctx(), io, contract_path(folder, "a"),
                              create | VL_OPEN_EXCLUSIVE, &other),
                 VELO_CANTOPEN);
    CHECK(other == NULL);
    CHECK_OK(vl_file_open(unit_ctx(), io, contract_path(folder, "a"), create, &other));
    CHECK_OK(vl_file_read(unit_ctx(), other, (char[1]){0}, 1, 0, NULL)); /* not truncated */
    vl_file_close(other);
    vl_file_close(file);
    CHECK_OK(vl_file_open(unit_ctx(), io, contract_path(folder, "a"), VL_OPEN_WRITE, &file));
    CHECK_OK(vl_file_write(unit_ctx(), file, "y", 1, 0));
    vl_file_close(file);
}

void
os_contract_file_open_fails_with_path_and_reason(vl_io *io, const char *folder)
{
    char long_path[VL_PATH_SIZE + 10];
    vl_file *file;

    CHECK_STATUS(vl_file_open(unit_ctx(), io, contract_path(folder, "absent"), 0, &file),
                 VELO_CANTOPEN);
    CHECK(file == NULL);
    CHECK(unit_ctx()->error.os_error != 0);
    CHECK_CONTAINS(unit_ctx()->error.text, contract_path(folder, "absent"));
    CHECK_CONTAINS(unit_ctx()->error.text, ": ");
    CHECK_STATUS(vl_file_open(unit_ctx(), io, contract_path(folder, "no/folder"),
                              VL_OPEN_WRITE | VL_OPEN_CREATE, &file),
                 VELO_CANTOPEN);
    CHECK_STATUS(vl_file_open(unit_ctx(), io, folder, 0, &file), VELO_CANTOPEN_ISDIR);
    CHECK_CONTAINS(unit_ctx()->error.text, folder);
    CHECK_STATUS(vl_file_open(unit_ctx(), io, folder, VL_OPEN_WRITE, &file), VELO_CANTOPEN_ISDIR);
    CHECK_STATUS(vl_file_open(unit_ctx(), io, "", 0, &file), VELO_CANTOPEN);
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[0] = '/';
    long_path[sizeof long_path - 1] = '\0';
    CHECK_STATUS(vl_file_open(unit_ctx(), io, long_path, 0, &file), VELO_CANTOPEN_FULLPATH);
    CHECK(file == NULL);
}

void
os_contract_file_has_an_identity(vl_io *io, const char *folder)
{
    vl_file *files[3];
    vl_file_id ids[3];

    CHECK_OK(contract_create(io, folder, "a", &files[0]));
    CHECK_OK(vl_file_open(unit_ctx(), io, contract_path(folder, "a"), 0, &files[1]));
    CHECK_OK(contract_create(io, folder, "b", &files[2]));
    for (int i = 0; i < 3; i++)
        CHECK_OK(vl_file_get_id(unit_ctx(), files[i], &ids[i]));
    CHECK(ids[0].device == ids[1].device && ids[0].inode == ids[1].inode);
    CHECK(ids[0].device != ids[2].device || ids[0].inode != ids[2].inode);
    for (int i = 0; i < 3; i++)
        vl_file_close(files[i]);
}

void
os_contract_file_size_follows_resize_and_allocate(vl_io *io, const char *folder)
{
    uint8_t buf[3000];
    vl_file *file;
    uint64_t size;

    CHECK_OK(contract_create(io, folder, "a", &file));
    contract_fill(buf, sizeof buf, 2);
    CHECK_OK(vl_file_write(unit_ctx(), file, buf, sizeof buf, 0));
    CHECK_OK(vl_file_resize(unit_ctx(), file, 1000));
    CHECK_OK(vl_file_get_size(unit_ctx(), file, &size));
    CHECK_EQ(size, 1000);
    CHECK_OK(vl_file_resize(unit_ctx(), file, 2000));
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, 2000, 0, NULL));
    CHECK(contract_is_filled(buf, 1000, 2) && contract_is_zero(buf + 1000, 1000));
    CHECK_OK(vl_file_allocate(unit_ctx(), file, 500, 2500));
    CHECK_OK(vl_file_get_size(unit_ctx(), file, &size));
    CHECK(size >= 3000);
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, 3000, 0, NULL));
    CHECK(contract_is_filled(buf, 1000, 2) && contract_is_zero(buf + 1000, 2000));
    CHECK_OK(vl_file_allocate(unit_ctx(), file, 0, 100));
    CHECK_OK(vl_file_allocate(unit_ctx(), file, 0, 0));
    CHECK_OK(vl_file_resize(unit_ctx(), file, 0));
    CHECK_OK(vl_file_get_size(unit_ctx(), file, &size));
    CHECK_EQ(size, 0);
    CHECK(vl_file_resize(unit_ctx(), file, UINT64_MAX) != VELO_OK);
    vl_file_close(file);
}

void
os_contract_file_punch_leaves_zeros(vl_io *io, const char *folder)
{
    static uint8_t buf[65536];
    vl_file *file;
    uint64_t size;
    int released;

    CHECK_OK(contract_create(io, folder, "a", &file));
    contract_fill(buf, sizeof buf, 3);
    CHECK_OK(vl_file_write(unit_ctx(), file, buf, sizeof buf, 0));
    CHECK_OK(vl_file_punch(unit_ctx(), file, 16384, 32768, &released));
    CHECK_OK(vl_file_get_size(unit_ctx(), file, &size));
    CHECK_EQ(size, sizeof buf);
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, sizeof buf, 0, NULL));
    CHECK(contract_is_filled(buf, 16384, 3));
    CHECK(released ? contract_is_zero(buf + 16384, 32768) : contract_is_filled(buf, sizeof buf, 3));
    CHECK_OK(vl_file_punch(unit_ctx(), file, 0, 0, &released));
    CHECK_EQ(released, 0);
    vl_file_close(file);
}

void
os_contract_file_temporary_has_no_name(vl_io *io, const char *folder)
{
    char buf[4];
    vl_file *files[2];

    for (int i = 0; i < 2; i++) {
        CHECK_OK(vl_file_open(unit_ctx(), io, folder, VL_OPEN_TEMPORARY, &files[i]));
        CHECK_OK(vl_file_write(unit_ctx(), files[i], i == 0 ? "abcd" : "efgh", 4, 0));
    }
    CHECK_OK(vl_file_read(unit_ctx(), files[0], buf, 4, 0, NULL));
    CHECK(memcmp(buf, "abcd", 4) == 0);
    for (int i = 0; i < 2; i++)
        vl_file_close(files[i]);
    CHECK_STATUS(
        vl_file_open(unit_ctx(), io, contract_path(folder, "absent"), VL_OPEN_TEMPORARY, &files[0]),
        VELO_CANTOPEN);
}

void
os_contract_file_durable_writes_every_way(vl_io *io, const char *folder)
{
    uint8_t buf[700];
    vl_file *file;

    CHECK_OK(contract_create(io, folder, "a", &file));
    CHECK(vl_file_can_durable(unit_ctx(), file, VL_DURABLE_WRITE_SYNC));
    for (int i = 0; i < VL_DURABLE_METHOD_COUNT; i++) {
        contract_fill(buf, sizeof buf, (uint64_t)i);
        CHECK_OK(vl_file_write_durable(unit_ctx(), file, (vl_durable_method)i, buf, sizeof buf,
                                       (uint64_t)i * sizeof buf));
    }
    for (int i = 0; i < VL_DURABLE_METHOD_COUNT; i++) {
        CHECK_OK(vl_file_read(unit_ctx(), file, buf, sizeof buf, (uint64_t)i * sizeof buf, NULL));
        CHECK(contract_is_filled(buf, sizeof buf, (uint64_t)i));
    }
    CHECK_OK(vl_file_write_durable(unit_ctx(), file, VL_DURABLE_DSYNC, buf, 0, 0));
    vl_file_close(file);
    CHECK_OK(vl_path_sync_folder(unit_ctx(), io, contract_path(folder, "a")));
}

/* The body of the next check, with memory that is aligned. */
static void
contract_check_direct(vl_io *io, const char *folder, uint8_t *buf)
{
    vl_io_request request;
    vl_file *file;
    size_t moved;

    CHECK_OK(vl_file_open(unit_ctx(), io, contract_path(folder, "a"),
                          VL_OPEN_WRITE | VL_OPEN_CREATE | VL_OPEN_DIRECT, &file));
    CHECK(vl_is_power_of_two(vl_file_align(file)) && vl_file_align(file) <= VL_DIRECT_ALIGN);
    CHECK(vl_file_is_direct(file) || vl_file_align(file) == 1);
    contract_fill(buf, 3 * VL_DIRECT_ALIGN, 4);
    CHECK_OK(vl_file_write(unit_ctx(), file, buf, 3 * VL_DIRECT_ALIGN, 0));
    memset(buf, 0, 3 * VL_DIRECT_ALIGN);
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, 3 * VL_DIRECT_ALIGN, 0, NULL));
    CHECK(contract_is_filled(buf, 3 * VL_DIRECT_ALIGN, 4));
    CHECK_OK(vl_file_resize(unit_ctx(), file, 2 * VL_DIRECT_ALIGN + 700));
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, 3 * VL_DIRECT_ALIGN, 0, &moved));
    CHECK_EQ(moved, 2 * VL_DIRECT_ALIGN + 700);
    contract_request(&request, VL_IO_READ, file, buf, 3 * VL_DIRECT_ALIGN, 0);
    CHECK_STATUS(vl_io_batch(unit_ctx(), io, &request, 1), VELO_IOERR_SHORT_READ);
    CHECK_EQ(request.moved, 2 * VL_DIRECT_ALIGN + 700);
    contract_request(&request, VL_IO_READ, file, buf, VL_DIRECT_ALIGN, VL_DIRECT_ALIGN);
    CHECK_OK(vl_io_batch(unit_ctx(), io, &request, 1));
    contract_request(&request, VL_IO_WRITE, file, buf, VL_DIRECT_ALIGN, 4 * VL_DIRECT_ALIGN);
    request.flags = VL_IO_DURABLE;
    CHECK_OK(vl_io_batch(unit_ctx(), io, &request, 1));
    vl_file_close(file);
}

void
os_contract_file_direct_reads_up_to_the_end(vl_io *io, const char *folder)
{
    uint8_t *buf = vl_alloc_aligned(unit_ctx(), 3 * VL_DIRECT_ALIGN, VL_DIRECT_ALIGN);

    CHECK(buf != NULL);
    contract_check_direct(io, folder, buf);
    vl_free(buf);
}

void
os_contract_file_rejects_impossible_ranges(vl_io *io, const char *folder)
{
    char buf[8] = "";
    vl_file *file;
    int released;

    CHECK_OK(contract_create(io, folder, "a", &file));
    CHECK(vl_file_read(unit_ctx(), file, buf, 8, UINT64_MAX - 4, NULL) != VELO_OK);
    CHECK_STATUS(vl_file_write(unit_ctx(), file, buf, 8, INT64_MAX - 4), VELO_FULL);
    CHECK_STATUS(vl_file_write_durable(unit_ctx(), file, VL_DURABLE_DSYNC, buf, 8, UINT64_MAX),
                 VELO_FULL);
    CHECK_STATUS(vl_file_allocate(unit_ctx(), file, UINT64_MAX, 8), VELO_FULL);
    CHECK_OK(vl_file_punch(unit_ctx(), file, UINT64_MAX, 8, &released));
    CHECK_EQ(released, 0);
    CHECK_OK(vl_file_write(unit_ctx(), file, buf, 8, 0)); /* it is as usable as before */
    CHECK_OK(vl_file_sync(unit_ctx(), file));
    vl_file_close(file);
}

/* ---- locks ---- */

/* Open the same new file `count` times. */
static velo_status
contract_open_same(vl_io *io, const char *folder, vl_file **files, int count)
{
    for (int i = 0; i < count; i++)
        VL_TRY(contract_create(io, folder, "locked", &files[i]));
    return VELO_OK;
}

void
os_contract_lock_excludes_other_opens(vl_io *io, const char *folder)
{
    vl_ctx *ctx = unit_ctx();
    vl_file *files[3];

    CHECK_OK(contract_open_same(io, folder, files, 3));
    CHECK_OK(vl_file_lock(ctx, files[0], VL_LOCK_SHARED, 100, 10));
    CHECK_OK(vl_file_lock(ctx, files[1], VL_LOCK_SHARED, 100, 10));
    CHECK_STATUS(vl_file_lock(ctx, files[2], VL_LOCK_EXCLUSIVE, 105, 1), VELO_BUSY);
    CHECK_CONTAINS(ctx->error.text, vl_file_path(files[2]));
    CHECK_OK(vl_file_lock(ctx, files[0], VL_LOCK_NONE, 100, 10));
    CHECK_STATUS(vl_file_lock(ctx, files[2], VL_LOCK_EXCLUSIVE, 100, 10), VELO_BUSY);
    CHECK_OK(vl_file_lock(ctx, files[1], VL_LOCK_NONE, 100, 10));
    CHECK_OK(vl_file_lock(ctx, files[2], VL_LOCK_EXCLUSIVE, 100, 10));
    CHECK_STATUS(vl_file_lock(ctx, files[0], VL_LOCK_SHARED, 100, 10), VELO_BUSY);
    CHECK_STATUS(vl_file_lock(ctx, files[0], VL_LOCK_EXCLUSIVE, 100, 10), VELO_BUSY);
    CHECK_OK(vl_file_lock(ctx, files[2], VL_LOCK_EXCLUSIVE, 100, 10)); /* its own is no hindrance */
    CHECK_OK(vl_file_lock(ctx, files[0], VL_LOCK_NONE, 100, 10));      /* nothing to release */
    for (int i = 0; i < 3; i++)
        vl_file_close(files[i]);
}

void
os_contract_lock_changes_mode_or_stays(vl_io *io, const char *folder)
{
    vl_ctx *ctx = unit_ctx();
    vl_file *files[2];

    CHECK_OK(contract_open_same(io, folder, files, 2));
    CHECK_OK(vl_file_lock(ctx, files[0], VL_LOCK_SHARED, 0, 1));
    CHECK_OK(vl_file_lock(ctx, files[0], VL_LOCK_EXCLUSIVE, 0, 1));
    CHECK_STATUS(vl_file_lock(ctx, files[1], VL_LOCK_SHARED, 0, 1), VELO_BUSY);
    CHECK_OK(vl_file_lock(ctx, files[0], VL_LOCK_SHARED, 0, 1));
    CHECK_OK(vl_file_lock(ctx, files[1], VL_LOCK_SHARED, 0, 1));
    CHECK_STATUS(vl_file_lock(ctx, files[0], VL_LOCK_EXCLUSIVE, 0, 1), VELO_BUSY);
    CHECK_STATUS(vl_file_lock(ctx, files[1], VL_LOCK_EXCLUSIVE, 0, 1), VELO_BUSY); /* 0 holds on */
    CHECK_OK(vl_file_lock(ctx, files[1], VL_LOCK_NONE, 0, 1));
    CHECK_OK(vl_file_lock(ctx, files[0], VL_LOCK_EXCLUSIVE, 0, 1));
    for (int i = 0; i < 2; i++)
        vl_file_close(files[i]);
}

void
os_contract_lock_ranges_are_independent(vl_io *io, const char *folder)
{
    const uint64_t far = UINT64_C(1) << 62; /* beyond every file */
    vl_ctx *ctx = unit_ctx();
    vl_file *files[2];

    CHECK_OK(contract_open_same(io, folder, files, 2));
    CHECK_OK(vl_file_lock(ctx, files[0], VL_LOCK_EXCLUSIVE, far, 1));
    CHECK_OK(vl_file_lock(ctx, files[0], VL_LOCK_SHARED, far + 1, 1));
    if (os_contract_has_range_locks)
        CHECK_OK(vl_file_lock(ctx, files[1], VL_LOCK_SHARED, far + 1, 1));
    CHECK_STATUS(vl_file_lock(ctx, files[1], VL_LOCK_SHARED, far, 1), VELO_BUSY);
    CHECK_OK(vl_file_lock(ctx, files[0], VL_LOCK_NONE, far, 1));
    CHECK_OK(vl_file_lock(ctx, files[1], VL_LOCK_SHARED, far, 1));
    CHECK_OK(vl_file_lock(ctx, files[1], VL_LOCK_SHARED, far + 1, 1));
    CHECK_STATUS(vl_file_lock(ctx, files[1], VL_LOCK_EXCLUSIVE, far + 1, 1), VELO_BUSY);
    CHECK(vl_file_lock(ctx, files[0], VL_LOCK_SHARED, UINT64_MAX, 1) != VELO_OK);
    for (int i = 0; i < 2; i++)
        vl_file_close(files[i]);
}

void
os_contract_lock_ends_with_its_file(vl_io *io, const char *folder)
{
    vl_io_request request;
    vl_file *files[3];
    char byte = 'x';

    CHECK_OK(contract_open_same(io, folder, files, 3));
    CHECK_OK(vl_file_lock(unit_ctx(), files[0], VL_LOCK_EXCLUSIVE, 0, 1));
    contract_request(&request, VL_IO_WRITE, files[0], &byte, 1, 0);
    CHECK_OK(vl_io_batch(unit_ctx(), io, &request, 1)); /* a ring may keep the file */
    vl_file_close(files[2]);                            /* not the one that holds the lock */
    CHECK_STATUS(vl_file_lock(unit_ctx(), files[1], VL_LOCK_SHARED, 0, 1), VELO_BUSY);
    vl_file_close(files[0]);
    CHECK_OK(vl_file_lock(unit_ctx(), files[1], VL_LOCK_EXCLUSIVE, 0, 1));
    vl_file_close(files[1]);
}

/* ---- mappings ---- */

void
os_contract_map_shows_the_file(vl_io *io, const char *folder)
{
    uint8_t buf[6000];
    vl_file *file;
    vl_map map;

    CHECK_OK(contract_create(io, folder, "a", &file));
    contract_fill(buf, sizeof buf, 5);
    CHECK_OK(vl_file_write(unit_ctx(), file, buf, sizeof buf, 0));
    CHECK_OK(vl_map_open(unit_ctx(), file, sizeof buf, sizeof buf, 0, &map));
    CHECK(contract_is_filled(map.base, sizeof buf, 5));
    CHECK_EQ(map.is_synchronous, 0);
    vl_map_close(&map);
    vl_map_close(&map);

    CHECK_OK(vl_map_open(unit_ctx(), file, sizeof buf, UINT64_C(1) << 24, 1, &map));
    CHECK_EQ(map.size, sizeof buf);
    CHECK_EQ(map.reserved, 1 << 24);
    memcpy(map.base + 5000, "mapped", 6);
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, 6, 5000, NULL));
    CHECK(memcmp(buf, "mapped", 6) == 0);
    CHECK_OK(vl_map_sync(unit_ctx(), &map, 5000, 6));
    CHECK_OK(vl_map_sync(unit_ctx(), &map, 0, sizeof buf));
    CHECK_OK(vl_map_sync(unit_ctx(), &map, 17, 0));
    vl_map_close(&map);
    CHECK_STATUS(vl_map_open(unit_ctx(), file, sizeof buf + 1, sizeof buf + 1, 0, &map),
                 VELO_IOERR_MMAP);
    CHECK_CONTAINS(unit_ctx()->error.text, vl_file_path(file));
    vl_map_close(&map);
    vl_file_close(file);
}

void
os_contract_map_extends_in_place(vl_io *io, const char *folder)
{
    vl_file *file;
    uint8_t *base;
    vl_map map;

    CHECK_OK(contract_create(io, folder, "a", &file));
    CHECK_OK(vl_map_open(unit_ctx(), file, 0, 1 << 20, 1, &map));
    base = map.base;
    CHECK(base != NULL);
    CHECK_STATUS(vl_map_extend(unit_ctx(), &map, 100), VELO_IOERR_MMAP); /* the file is empty */
    for (uint64_t size = 1000; size <= 1 << 20; size += 104858) {
        CHECK_OK(vl_file_resize(unit_ctx(), file, size));
        CHECK_OK(vl_map_extend(unit_ctx(), &map, size));
        CHECK_EQ(map.size, size);
        CHECK(map.base == base);
        map.base[size - 1] = (uint8_t)(size % 251);
    }
    for (uint64_t size = 1000; size <= 1 << 20; size += 104858)
        CHECK_EQ(map.base[size - 1], (uint8_t)(size % 251));
    CHECK_OK(vl_map_extend(unit_ctx(), &map, 10));
    CHECK(map.size > 10);
    CHECK_OK(vl_map_sync(unit_ctx(), &map, 0, map.size));
    CHECK_OK(vl_file_resize(unit_ctx(), file, 2 << 20));
    CHECK_STATUS(vl_map_extend(unit_ctx(), &map, (1 << 20) + 1), VELO_IOERR_MMAP);
    CHECK(map.base == base);
    vl_map_close(&map);
    vl_file_close(file);
}

/* ---- paths, clock, randomness ---- */

void
os_contract_path_delete_rename_exists(vl_io *io, const char *folder)
{
    vl_ctx *ctx = unit_ctx();
    vl_file *file;
    char byte;
    int exists = 7;

    CHECK_OK(vl_path_exists(ctx, io, contract_path(folder, "a"), &exists));
    CHECK_EQ(exists, 0);
    CHECK_OK(vl_path_exists(ctx, io, folder, &exists));
    CHECK_EQ(exists, 1);
    CHECK_STATUS(vl_path_delete(ctx, io, contract_path(folder, "a")), VELO_NOTFOUND);
    CHECK_CONTAINS(ctx->error.text, contract_path(folder, "a"));
    CHECK_OK(contract_create(io, folder, "a", &file));
    CHECK_OK(vl_file_write(ctx, file, "a", 1, 0));
    vl_file_close(file);
    CHECK_OK(contract_create(io, folder, "b", &file));
    CHECK_OK(vl_path_rename(ctx, io, contract_path(folder, "a"), contract_path(folder, "b")));
    CHECK_OK(vl_path_sync_folder(ctx, io, contract_path(folder, "b")));
    vl_file_close(file);
    CHECK_OK(vl_path_exists(ctx, io, contract_path(folder, "a"), &exists));
    CHECK_EQ(exists, 0);
    CHECK_OK(vl_file_open(ctx, io, contract_path(folder, "b"), 0, &file));
    CHECK_OK(vl_file_read(ctx, file, &byte, 1, 0, NULL));
    CHECK_EQ(byte, 'a');
    CHECK_OK(vl_path_delete(ctx, io, contract_path(folder, "b")));
    CHECK_OK(vl_file_read(ctx, file, &byte, 1, 0, NULL)); /* an open file lives on */
    vl_file_close(file);
    CHECK(vl_path_rename(ctx, io, contract_path(folder, "a"), contract_path(folder, "c")) !=
          VELO_OK);
    CHECK_CONTAINS(ctx->error.text, contract_path(folder, "a"));
    CHECK(vl_path_sync_folder(ctx, io, contract_path(folder, "no/folder")) != VELO_OK);
    CHECK_OK(vl_path_exists(ctx, io, contract_path(folder, "no/folder"), &exists));
    CHECK_EQ(exists, 0);
}

void
os_contract_path_full_has_no_dots(vl_io *io, const char *folder)
{
    char full[VL_PATH_SIZE];
    char again[VL_PATH_SIZE];
    char dotted[VL_PATH_SIZE];
    vl_file *file;

    CHECK_OK(vl_path_get_full(unit_ctx(), io, contract_path(folder, "a"), full));
    CHECK(full[0] == '/');
    CHECK(strlen(full) > 2 && strcmp(full + strlen(full) - 2, "/a") == 0);
    (void)snprintf(dotted, sizeof dotted, "%s/././/a", folder);
    CHECK_OK(vl_path_get_full(unit_ctx(), io, dotted, again));
    CHECK(strcmp(full, again) == 0);
    CHECK_OK(contract_create(io, folder, "a", &file));
    vl_file_close(file);
    CHECK_OK(vl_path_get_full(unit_ctx(), io, dotted, again)); /* the same once it exists */
    CHECK(strcmp(full, again) == 0);
    CHECK_STATUS(vl_path_get_full(unit_ctx(), io, contract_path(folder, "no/folder"), full),
                 VELO_CANTOPEN_FULLPATH);
    CHECK_EQ(full[0], '\0');
    CHECK_STATUS(vl_path_get_full(unit_ctx(), io, "", full), VELO_CANTOPEN_FULLPATH);
}

void
os_contract_path_space_is_known(vl_io *io, const char *folder)
{
    uint64_t free_bytes;
    uint64_t total_bytes;

    CHECK_OK(vl_path_get_space(unit_ctx(), io, folder, &free_bytes, &total_bytes));
    CHECK(free_bytes > 0 && free_bytes <= total_bytes);
    CHECK_OK(vl_path_get_space(unit_ctx(), io, contract_path(folder, "absent"), &free_bytes,
                               &total_bytes));
    CHECK(free_bytes > 0 && free_bytes <= total_bytes);
    CHECK(vl_path_get_space(unit_ctx(), io, contract_path(folder, "no/folder"), &free_bytes,
                            &total_bytes) != VELO_OK);
    CHECK_EQ(total_bytes, 0);
}

void
os_contract_clock_and_randomness_work(vl_io *io, const char *folder)
{
    uint8_t a[300];
    uint8_t b[300];
    uint64_t before = vl_io_monotonic_ns(io);
    uint64_t after;

    (void)folder;
    vl_io_sleep(io, 2000000);
    after = vl_io_monotonic_ns(io);
    CHECK(after >= before + 2000000);
    vl_io_sleep(io, 0);
    CHECK(vl_io_monotonic_ns(io) >= after);
    CHECK(vl_io_wall_ns(io) > 0);
    memset(a, 0, sizeof a);
    memset(b, 0, sizeof b);
    CHECK_OK(vl_io_random(unit_ctx(), io, a, sizeof a));
    CHECK_OK(vl_io_random(unit_ctx(), io, b, sizeof b));
    CHECK(memcmp(a, b, sizeof a) != 0);
    CHECK(!contract_is_zero(a + sizeof a - 16, 16));
}

/* ---- queues ---- */

/* Requests with a buffer for each; too large for the stack. */
typedef struct contract_load {
    vl_io_request requests[CONTRACT_REQUESTS];       /* the batch */
    uint8_t bufs[CONTRACT_REQUESTS][CONTRACT_BLOCK]; /* one for each */
    vl_io_request *done[CONTRACT_REQUESTS];          /* as reaped */
} contract_load;

static contract_load contract_loads[CONTRACT_THREADS];

/* Make the load one of block i at offset i, to be written or read. */
static void
contract_load_blocks(contract_load *load, vl_io_op op, vl_file *file, uint64_t seed)
{
    for (uint32_t i = 0; i < CONTRACT_REQUESTS; i++) {
        memset(load->bufs[i], 0, CONTRACT_BLOCK);
        if (op == VL_IO_WRITE)
            contract_fill(load->bufs[i], CONTRACT_BLOCK, seed + i);
        contract_request(&load->requests[i], op, file, load->bufs[i], CONTRACT_BLOCK,
                         (uint64_t)i * CONTRACT_BLOCK);
    }
}

static int
contract_load_is_filled(const contract_load *load, uint64_t seed)
{
    for (uint32_t i = 0; i < CONTRACT_REQUESTS; i++)
        if (!contract_is_filled(load->bufs[i], CONTRACT_BLOCK, seed + i))
            return 0;
    return 1;
}

/* Submit the load and reap it all: the first failure among the requests. */
static velo_status
contract_load_run(vl_ctx *ctx, contract_load *load, vl_io_queue *queue)
{
    uint32_t count = 0;

    VL_TRY(vl_io_queue_submit(ctx, queue, load->requests, CONTRACT_REQUESTS));
    while (count < CONTRACT_REQUESTS) {
        uint32_t part;

        VL_TRY(vl_io_queue_reap(ctx, queue, 1, CONTRACT_REQUESTS, load->done, &part));
        for (uint32_t i = 0; i < part; i++)
            if (load->done[i]->status != VELO_OK)
                return vl_io_request_fail(ctx, load->done[i]);
        count += part;
    }
    return VELO_OK;
}

void
os_contract_queue_runs_more_than_its_depth(vl_io *io, const char *folder)
{
    static const uint32_t depths[] = {1, 3, 64, 0, 5000};
    contract_load *load = &contract_loads[0];
    vl_io_stats before;
    vl_io_stats after;
    vl_file *file;

    CHECK_OK(contract_create(io, folder, "a", &file));
    vl_io_get_stats(io, &before);
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(depths); i++) {
        vl_io_queue *queue;

        CHECK_OK(vl_io_queue_open(unit_ctx(), io, depths[i], &queue));
        contract_load_blocks(load, VL_IO_WRITE, file, i * 1000);
        CHECK_OK(contract_load_run(unit_ctx(), load, queue));
        contract_load_blocks(load, VL_IO_READ, file, 0);
        CHECK_OK(contract_load_run(unit_ctx(), load, queue));
        CHECK(contract_load_is_filled(load, i * 1000));
        CHECK_EQ(vl_io_queue_pending(queue), 0);
        vl_io_queue_close(queue);
    }
    vl_io_get_stats(io, &after);
    CHECK_EQ(after.read_count - before.read_count, CONTRACT_REQUESTS * VL_ARRAY_COUNT(depths));
    CHECK_EQ(after.write_bytes - before.write_bytes,
             CONTRACT_REQUESTS * CONTRACT_BLOCK * VL_ARRAY_COUNT(depths));
    vl_file_close(file);
}

void
os_contract_queue_reaps_what_is_asked(vl_io *io, const char *folder)
{
    contract_load *load = &contract_loads[0];
    vl_io_queue *queue;
    vl_file *file;
    uint32_t total = 0;
    uint32_t count;

    CHECK_OK(contract_create(io, folder, "a", &file));
    CHECK_OK(vl_io_queue_open(unit_ctx(), io, 16, &queue));
    CHECK_OK(vl_io_queue_reap(unit_ctx(), queue, 5, 10, load->done, &count));
    CHECK_EQ(count, 0); /* nothing to wait for */
    contract_load_blocks(load, VL_IO_WRITE, file, 0);
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, load->requests, 20));
    CHECK_EQ(vl_io_queue_pending(queue), 20);
    CHECK_OK(vl_io_queue_reap(unit_ctx(), queue, 7, 9, load->done, &count));
    CHECK(count >= 7 && count <= 9);
    CHECK_EQ(vl_io_queue_pending(queue), 20 - count);
    total = count;
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, load->requests + 20, 5));
    while (total < 25) { /* without waiting: it comes all the same */
        CHECK_OK(vl_io_queue_reap(unit_ctx(), queue, 0, 3, load->done, &count));
        CHECK(count <= 3);
        total += count;
        if (count == 0)
            vl_io_sleep(io, 1000);
    }
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, load->requests, 2));
    CHECK_OK(vl_io_queue_reap(unit_ctx(), queue, 10, 10, load->done, &count));
    CHECK_EQ(count, 2); /* no more are in flight */
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, load->requests, 0));
    vl_io_queue_close(queue);
    vl_io_queue_close(NULL);
    vl_file_close(file);
}

void
os_contract_queue_close_waits(vl_io *io, const char *folder)
{
    contract_load *load = &contract_loads[0];
    vl_io_queue *queue;
    vl_file *file;

    CHECK_OK(contract_create(io, folder, "a", &file));
    CHECK_OK(vl_io_queue_open(unit_ctx(), io, 32, &queue));
    contract_load_blocks(load, VL_IO_WRITE, file, 9);
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, load->requests, CONTRACT_REQUESTS));
    vl_io_queue_close(queue);
    for (uint32_t i = 0; i < CONTRACT_REQUESTS; i++)
        CHECK_STATUS(load->requests[i].status, VELO_OK);
    contract_load_blocks(load, VL_IO_READ, file, 0);
    CHECK_OK(vl_io_queue_open(unit_ctx(), io, 32, &queue));
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, load->requests, CONTRACT_REQUESTS));
    vl_io_queue_close(queue);
    CHECK(contract_load_is_filled(load, 9));
    vl_file_close(file);
}

void
os_contract_queue_allocates_nothing(vl_io *io, const char *folder)
{
    vl_allocator *allocator = vl_allocator_default();
    contract_load *load = &contract_loads[0];
    vl_io_queue *queue;
    vl_file *file;
    velo_status st;

    CHECK_OK(contract_create(io, folder, "a", &file));
    CHECK_OK(vl_io_queue_open(unit_ctx(), io, 8, &queue));
    contract_load_blocks(load, VL_IO_WRITE, file, 9);
    vl_allocator_fail_nth(allocator, 1, UINT64_MAX);
    st = contract_load_run(unit_ctx(), load, queue);
    if (st == VELO_OK)
        st = vl_file_sync(unit_ctx(), file);
    vl_allocator_fail_nth(allocator, 0, 0);
    CHECK_OK(st);
    vl_io_queue_close(queue);
    vl_file_close(file);
}

/* The content that the model's files should have. */
static uint8_t contract_model[3][CONTRACT_MODEL_SIZE];

/* Random requests that do not overlap: request i has a region of its own. Writes go to the model;
 * reads are compared with it afterwards. */
static void
contract_model_fill(vl_rng *rng, contract_load *load, vl_file *const *files, uint32_t count)
{
    const uint32_t region = CONTRACT_MODEL_SIZE / CONTRACT_REQUESTS;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t which = (uint32_t)vl_rng_below(rng, 3);
        uint32_t start = (uint32_t)vl_rng_below(rng, region - 1);
        uint32_t size = 1 + (uint32_t)vl_rng_below(rng, region - start);
        uint64_t offset = i * region + start;
        vl_io_request *request = &load->requests[i];

        contract_request(request, VL_IO_READ, files[which], load->bufs[i], size, offset);
        request->user = &contract_model[which][offset];
        if (vl_rng_chance(rng, 1, 2)) {
            request->op = VL_IO_WRITE;
            vl_rng_fill(rng, load->bufs[i], size);
            memcpy(request->user, load->bufs[i], size);
            if (vl_rng_chance(rng, 1, 20))
                request->flags |= VL_IO_DURABLE;
        } else if (vl_rng_chance(rng, 1, 30)) {
            contract_request(request, VL_IO_SYNC, files[which], NULL, 0, 0);
        }
        if (vl_rng_chance(rng, 1, 3))
            request->flags |= VL_IO_LINK;
    }
}

void
os_contract_queue_matches_a_model(vl_io *io, const char *folder)
{
    static const char *const names[] = {"a", "b", "c"};
    contract_load *load = &contract_loads[0];
    vl_file *files[3];
    vl_io_queue *queue;
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    memset(contract_model, 0, sizeof contract_model);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(contract_create(io, folder, names[i], &files[i]));
        CHECK_OK(vl_file_resize(unit_ctx(), files[i], CONTRACT_MODEL_SIZE));
    }
    CHECK_OK(vl_io_queue_open(unit_ctx(), io, 1 + (uint32_t)vl_rng_below(&rng, 20), &queue));
    vl_io_buffers_add(io, load->bufs, sizeof load->bufs);
    for (int round = 0; round < 40; round++) {
        uint32_t count = 1 + (uint32_t)vl_rng_below(&rng, CONTRACT_REQUESTS);
        uint32_t part;

        contract_model_fill(&rng, load, files, count);
        CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, load->requests, count));
        CHECK_OK(vl_io_queue_reap(unit_ctx(), queue, count, count, load->done, &part));
        CHECK_EQ(part, count);
        for (uint32_t i = 0; i < count; i++) {
            vl_io_request *request = &load->requests[i];

            CHECK_STATUS(request->status, VELO_OK);
            CHECK_EQ(request->moved, request->size);
            if (request->op == VL_IO_READ)
                CHECK(memcmp(request->buf, request->user, request->size) == 0);
        }
    }
    vl_io_queue_close(queue);
    vl_io_buffers_remove(io, load->bufs);
    for (int i = 0; i < 3; i++)
        vl_file_close(files[i]);
}

/* The body of the next check, with memory for one large request and one behind it. */
static void
contract_check_large(vl_io *io, const char *folder, uint8_t *buf)
{
    vl_io_request requests[4];
    vl_file *file;

    CHECK_OK(contract_create(io, folder, "a", &file));
    contract_fill(buf, CONTRACT_LARGE, 6);
    contract_request(&requests[0], VL_IO_WRITE, file, buf, CONTRACT_LARGE, 11);
    contract_request(&requests[1], VL_IO_SYNC, file, NULL, 0, 0);
    contract_request(&requests[2], VL_IO_READ, file, buf + CONTRACT_LARGE, CONTRACT_LARGE, 11);
    contract_request(&requests[3], VL_IO_WRITE, file, buf, CONTRACT_LARGE, CONTRACT_LARGE + 11);
    for (int i = 0; i < 3; i++)
        requests[i].flags = VL_IO_LINK;
    requests[3].flags = VL_IO_DURABLE;
    CHECK_OK(vl_io_batch(unit_ctx(), io, requests, 4));
    CHECK(contract_is_filled(buf + CONTRACT_LARGE, CONTRACT_LARGE, 6));
    CHECK_EQ(requests[3].moved, CONTRACT_LARGE);
    memset(buf, 0, CONTRACT_LARGE);
    contract_request(&requests[0], VL_IO_READ, file, buf, CONTRACT_LARGE, CONTRACT_LARGE + 11);
    CHECK_OK(vl_io_batch(unit_ctx(), io, requests, 1));
    CHECK(contract_is_filled(buf, CONTRACT_LARGE, 6));
    vl_file_close(file);
}

void
os_contract_queue_moves_large_requests(vl_io *io, const char *folder)
{
    uint8_t *buf = vl_alloc(unit_ctx(), (size_t)2 * CONTRACT_LARGE);

    CHECK(buf != NULL);
    contract_check_large(io, folder, buf);
    vl_io_buffers_add(io, buf, (size_t)2 * CONTRACT_LARGE - 1000); /* the end is not covered */
    contract_check_large(io, folder, buf);
    vl_io_buffers_remove(io, buf);
    vl_free(buf);
}

void
os_contract_queue_reports_each_failure(vl_io *io, const char *folder)
{
    char bufs[4][10] = {""};
    vl_io_request requests[4];
    vl_io_request *done[4];
    vl_io_queue *queue;
    vl_file *file;
    vl_file *read_only;
    uint32_t count;

    CHECK_OK(contract_create(io, folder, "a", &file));
    CHECK_OK(vl_file_write(unit_ctx(), file, "0123456789abcde", 15, 0));
    CHECK_OK(vl_file_open(unit_ctx(), io, contract_path(folder, "a"), 0, &read_only));
    CHECK_OK(vl_io_queue_open(unit_ctx(), io, 4, &queue));
    contract_request(&requests[0], VL_IO_READ, file, bufs[0], 10, 10);
    contract_request(&requests[1], VL_IO_WRITE, read_only, bufs[1], 10, 0);
    contract_request(&requests[2], VL_IO_READ, read_only, bufs[2], 10, 5);
    contract_request(&requests[3], VL_IO_READ, file, bufs[3], 10, 100);
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, requests, 4));
    CHECK_OK(vl_io_queue_reap(unit_ctx(), queue, 4, 4, done, &count));
    CHECK_EQ(count, 4);
    CHECK_STATUS(requests[0].status, VELO_IOERR_SHORT_READ);
    CHECK_EQ(requests[0].moved, 5);
    CHECK(requests[1].status != VELO_OK && requests[1].os_error != 0);
    CHECK(vl_io_request_fail(unit_ctx(), &requests[1]) == requests[1].status);
    CHECK_CONTAINS(unit_ctx()->error.text, vl_file_path(read_only));
    CHECK_STATUS(requests[2].status, VELO_OK);
    CHECK(memcmp(bufs[2], "56789abcde", 10) == 0);
    CHECK_STATUS(requests[3].status, VELO_IOERR_SHORT_READ);
    CHECK_EQ(requests[3].moved, 0);
    vl_io_queue_close(queue);
    vl_file_close(file);
    vl_file_close(read_only);
}

void
os_contract_queue_serves_many_files(vl_io *io, const char *folder)
{
    static vl_file *files[50];
    contract_load *load = &contract_loads[0];
    char name[16];

    for (int round = 0; round < 3; round++) { /* each time other open files of the same names */
        for (uint32_t i = 0; i < VL_ARRAY_COUNT(files); i++) {
            (void)snprintf(name, sizeof name, "many%u", i);
            CHECK_OK(contract_create(io, folder, name, &files[i]));
        }
        contract_load_blocks(load, VL_IO_WRITE, NULL, (uint64_t)round * 1000);
        for (uint32_t i = 0; i < CONTRACT_REQUESTS; i++)
            load->requests[i].file = files[i % VL_ARRAY_COUNT(files)];
        CHECK_OK(vl_io_batch(unit_ctx(), io, load->requests, CONTRACT_REQUESTS));
        contract_load_blocks(load, VL_IO_READ, NULL, 0);
        for (uint32_t i = 0; i < CONTRACT_REQUESTS; i++)
            load->requests[i].file = files[i % VL_ARRAY_COUNT(files)];
        CHECK_OK(vl_io_batch(unit_ctx(), io, load->requests, CONTRACT_REQUESTS));
        CHECK(contract_load_is_filled(load, (uint64_t)round * 1000));
        for (uint32_t i = 0; i < VL_ARRAY_COUNT(files); i++)
            vl_file_close(files[i]);
    }
}

/* What one thread of the next check does. */
typedef struct contract_worker {
    vl_thread thread;    /* it */
    vl_io *io;           /* shared by all */
    vl_file *file;       /* shared by all; a region for each */
    vl_io_queue *queue;  /* its own, as it saw it */
    contract_load *load; /* its own */
    uint32_t index;      /* which worker */
    velo_status status;  /* how it went */
    int is_wrong;        /* it read something else */
} contract_worker;

static velo_status
contract_worker_round(contract_worker *worker, vl_ctx *ctx, vl_io_op op, uint64_t seed)
{
    uint64_t region = (uint64_t)worker->index * CONTRACT_REQUESTS * CONTRACT_BLOCK;

    contract_load_blocks(worker->load, op, worker->file, seed);
    for (uint32_t i = 0; i < CONTRACT_REQUESTS; i++)
        worker->load->requests[i].offset += region;
    return vl_io_batch(ctx, worker->io, worker->load->requests, CONTRACT_REQUESTS);
}

static void
contract_worker_main(void *argument)
{
    contract_worker *worker = argument;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    worker->status = vl_io_thread_queue(&ctx, worker->io, &worker->queue);
    for (uint64_t round = 0; round < 5 && worker->status == VELO_OK; round++) {
        uint64_t seed = worker->index * 100000U + round * 1000U;
        vl_io_queue *queue = NULL;

        worker->status = contract_worker_round(worker, &ctx, VL_IO_WRITE, seed);
        if (worker->status == VELO_OK)
            worker->status = contract_worker_round(worker, &ctx, VL_IO_READ, 0);
        if (worker->status == VELO_OK)
            worker->status = vl_io_thread_queue(&ctx, worker->io, &queue);
        worker->is_wrong |= !contract_load_is_filled(worker->load, seed) || queue != worker->queue;
    }
}

void
os_contract_queue_belongs_to_its_thread(vl_io *io, const char *folder)
{
    static contract_worker workers[CONTRACT_THREADS];
    vl_file *file;

    CHECK_OK(contract_create(io, folder, "a", &file));
    memset(workers, 0, sizeof workers);
    for (uint32_t i = 0; i < CONTRACT_THREADS; i++) {
        workers[i].io = io;
        workers[i].file = file;
        workers[i].load = &contract_loads[i];
        workers[i].index = i;
        CHECK_OK(vl_thread_start(unit_ctx(), &workers[i].thread, "worker", contract_worker_main,
                                 &workers[i]));
    }
    for (uint32_t i = 0; i < CONTRACT_THREADS; i++)
        vl_thread_join(&workers[i].thread);
    for (uint32_t i = 0; i < CONTRACT_THREADS; i++) {
        CHECK_STATUS(workers[i].status, VELO_OK);
        CHECK_EQ(workers[i].is_wrong, 0);
    }
    vl_file_close(file);
}

/* ---- links and batches ---- */

void
os_contract_link_runs_in_order(vl_io *io, const char *folder)
{
    vl_io_request requests[6];
    char in[3][4] = {"one", "two", "thr"};
    char out[2][4] = {"", ""};
    vl_file *file;

    CHECK_OK(contract_create(io, folder, "a", &file));
    for (int round = 0; round < 50; round++) { /* each overwrites the one before */
        contract_request(&requests[0], VL_IO_WRITE, file, in[0], 3, 0);
        contract_request(&requests[1], VL_IO_READ, file, out[0], 3, 0);
        contract_request(&requests[2], VL_IO_WRITE, file, in[1], 3, 0);
        contract_request(&requests[3], VL_IO_READ, file, out[1], 3, 0);
        contract_request(&requests[4], VL_IO_WRITE, file, in[2], 3, 0);
        contract_request(&requests[5], VL_IO_SYNC, file, NULL, 0, 0);
        for (int i = 0; i < 5; i++)
            requests[i].flags = VL_IO_LINK;
        if (round % 10 == 0)
            requests[2].flags |= VL_IO_DURABLE;
        CHECK_OK(vl_io_batch(unit_ctx(), io, requests, round % 10 == 0 ? 6 : 5));
        CHECK(memcmp(out[0], "one", 3) == 0 && memcmp(out[1], "two", 3) == 0);
        CHECK_OK(vl_file_read(unit_ctx(), file, out[0], 3, 0, NULL));
        CHECK(memcmp(out[0], "thr", 3) == 0);
    }
    vl_file_close(file);
}

void
os_contract_link_failure_cancels_the_rest(vl_io *io, const char *folder)
{
    vl_io_request requests[7];
    vl_io_request *done[7];
    char bufs[7][8];
    vl_io_queue *queue;
    vl_file *file;
    uint64_t size;
    uint32_t count;

    CHECK_OK(contract_create(io, folder, "a", &file));
    CHECK_OK(vl_file_write(unit_ctx(), file, "0123456789", 10, 0));
    CHECK_OK(vl_io_queue_open(unit_ctx(), io, 16, &queue));
    memset(bufs, 'z', sizeof bufs);
    contract_request(&requests[0], VL_IO_READ, file, bufs[0], 8, 0);
    contract_request(&requests[1], VL_IO_READ, file, bufs[1], 8, 6); /* half of it is there */
    contract_request(&requests[2], VL_IO_WRITE, file, bufs[2], 8, 100);
    contract_request(&requests[3], VL_IO_SYNC, file, NULL, 0, 0);
    contract_request(&requests[4], VL_IO_WRITE, file, bufs[4], 8, 200);
    contract_request(&requests[5], VL_IO_READ, file, bufs[5], 8, 1); /* a chain of its own */
    contract_request(&requests[6], VL_IO_READ, file, bufs[6], 8, 2);
    for (int i = 0; i < 4; i++)
        requests[i].flags = VL_IO_LINK;
    requests[5].flags = VL_IO_LINK;
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, requests, 7));
    CHECK_OK(vl_io_queue_reap(unit_ctx(), queue, 7, 7, done, &count));
    CHECK_EQ(count, 7);
    CHECK_STATUS(requests[0].status, VELO_OK);
    CHECK_STATUS(requests[1].status, VELO_IOERR_SHORT_READ);
    CHECK_EQ(requests[1].moved, 4);
    for (int i = 2; i < 5; i++)
        CHECK_STATUS(requests[i].status, VELO_ABORT);
    CHECK_STATUS(requests[5].status, VELO_OK);
    CHECK_STATUS(requests[6].status, VELO_OK);
    CHECK(memcmp(bufs[6], "23456789", 8) == 0);
    CHECK_OK(vl_file_get_size(unit_ctx(), file, &size));
    CHECK_EQ(size, 10);                       /* the cancelled writes did not happen */
    CHECK_OK(vl_file_sync(unit_ctx(), file)); /* a cancelled sync is no failed one */
    vl_io_queue_close(queue);
    vl_file_close(file);
}

void
os_contract_link_chain_may_exceed_the_depth(vl_io *io, const char *folder)
{
    contract_load *load = &contract_loads[0];
    uint8_t *shared = load->bufs[0];
    vl_io_queue *queue;
    vl_file *file;

    CHECK_OK(contract_create(io, folder, "a", &file));
    CHECK_OK(vl_io_queue_open(unit_ctx(), io, 3, &queue));
    contract_load_blocks(load, VL_IO_WRITE, file, 70);
    for (uint32_t i = 0; i < CONTRACT_REQUESTS; i++) {
        vl_io_request *request = &load->requests[i];

        /* Copy the first block to all others, one after the other. */
        request->buf = shared;
        request->flags = VL_IO_LINK;
        if (i > 0 && i % 2 == 1) {
            request->op = VL_IO_READ;
            request->offset = (uint64_t)(i - 1) * CONTRACT_BLOCK;
        }
    }
    load->requests[2].flags |= VL_IO_DURABLE;
    CHECK_OK(contract_load_run(unit_ctx(), load, queue));
    for (uint32_t i = 0; i < CONTRACT_REQUESTS; i += 2) {
        CHECK_OK(vl_file_read(unit_ctx(), file, shared, CONTRACT_BLOCK,
                              (uint64_t)i * CONTRACT_BLOCK, NULL));
        CHECK(contract_is_filled(shared, CONTRACT_BLOCK, 70));
    }
    /* One that fails beyond the first part cancels all behind it. */
    contract_load_blocks(load, VL_IO_READ, file, 0);
    for (uint32_t i = 0; i < CONTRACT_REQUESTS; i++)
        load->requests[i].flags = VL_IO_LINK;
    load->requests[10].offset = UINT64_C(1) << 30;
    CHECK_STATUS(contract_load_run(unit_ctx(), load, queue), VELO_IOERR_SHORT_READ);
    vl_io_queue_close(queue);
    for (uint32_t i = 0; i < CONTRACT_REQUESTS; i++)
        CHECK_STATUS(load->requests[i].status, i < 10    ? VELO_OK
                                               : i == 10 ? VELO_IOERR_SHORT_READ
                                                         : VELO_ABORT);
    vl_file_close(file);
}

void
os_contract_batch_reports_the_first_failure(vl_io *io, const char *folder)
{
    vl_io_request requests[4];
    vl_io_request pending;
    vl_io_request *done;
    char bufs[5][4] = {"", "", "", "", ""};
    vl_io_queue *queue;
    vl_file *file;
    uint32_t count;

    CHECK_OK(contract_create(io, folder, "a", &file));
    CHECK_OK(vl_file_write(unit_ctx(), file, "01234567", 8, 0));
    CHECK_OK(vl_io_batch(unit_ctx(), io, requests, 0));
    CHECK_OK(vl_io_thread_queue(unit_ctx(), io, &queue));
    contract_request(&pending, VL_IO_READ, file, bufs[4], 4, 4);
    CHECK_OK(vl_io_queue_submit(unit_ctx(), queue, &pending, 1));
    contract_request(&requests[0], VL_IO_READ, file, bufs[0], 4, 0);
    contract_request(&requests[1], VL_IO_READ, file, bufs[1], 4, 1000);
    contract_request(&requests[2], VL_IO_SYNC, file, NULL, 0, 0);
    contract_request(&requests[3], VL_IO_READ, file, bufs[3], 4, 7);
    requests[1].flags = VL_IO_LINK;
    CHECK_STATUS(vl_io_batch(unit_ctx(), io, requests, 4), VELO_IOERR_SHORT_READ);
    CHECK_CONTAINS(unit_ctx()->error.text, "1000");
    CHECK_STATUS(requests[2].status, VELO_ABORT);
    CHECK_EQ(vl_io_queue_pending(queue), 1); /* what was there before is still to be reaped */
    CHECK_OK(vl_io_queue_reap(unit_ctx(), queue, 1, 1, &done, &count));
    CHECK(count == 1 && done == &pending && memcmp(bufs[4], "4567", 4) == 0);
    vl_file_close(file);
}

/* ---- memory ---- */

void
os_contract_buffers_come_and_go(vl_io *io, const char *folder)
{
    contract_load *load = &contract_loads[0];
    vl_file *file;
    char *many = vl_alloc(unit_ctx(), (VL_IO_MAX_SLABS + 6) * 16);

    CHECK(many != NULL);
    CHECK_OK(contract_create(io, folder, "a", &file));
    for (int round = 0; round < 6; round++) {
        if (round % 2 == 0)
            vl_io_buffers_add(io, load->bufs[round], sizeof load->bufs / 2);
        contract_load_blocks(load, VL_IO_WRITE, file, (uint64_t)round);
        CHECK_OK(vl_io_batch(unit_ctx(), io, load->requests, CONTRACT_REQUESTS));
        contract_load_blocks(load, VL_IO_READ, file, 0);
        CHECK_OK(vl_io_batch(unit_ctx(), io, load->requests, CONTRACT_REQUESTS));
        CHECK(contract_load_is_filled(load, (uint64_t)round));
        if (round % 2 == 1)
            vl_io_buffers_remove(io, load->bufs[round - 1]);
    }
    for (size_t i = 0; i < VL_IO_MAX_SLABS + 6; i++) /* more than are kept */
        vl_io_buffers_add(io, many + i * 16, 16);
    contract_load_blocks(load, VL_IO_WRITE, file, 50);
    for (size_t i = 0; i < VL_IO_MAX_SLABS + 6; i++) {
        load->requests[i].buf = many + i * 16;
        load->requests[i].size = 16;
    }
    CHECK_OK(vl_io_batch(unit_ctx(), io, load->requests, CONTRACT_REQUESTS));
    for (size_t i = 0; i < VL_IO_MAX_SLABS + 6; i++)
        vl_io_buffers_remove(io, many + i * 16);
    vl_io_buffers_remove(io, many);
    vl_free(many);
    vl_file_close(file);
}

void
os_contract_memory_may_run_out(vl_io *io, const char *folder)
{
    vl_allocator *allocator = vl_allocator_default();
    vl_io_queue *queue;
    velo_status st = VELO_NOMEM;
    vl_file *file;

    for (uint64_t nth = 1; st != VELO_OK; nth++) {
        CHECK(nth < 100);
        vl_allocator_fail_nth(allocator, nth, 1);
        st = contract_create(io, folder, "a", &file);
        vl_allocator_fail_nth(allocator, 0, 0);
        CHECK(st == VELO_OK || (st == VELO_NOMEM && file == NULL));
    }
    vl_file_close(file);
    st = VELO_NOMEM;
    for (uint64_t nth = 1; st != VELO_OK; nth++) {
        CHECK(nth < 100);
        vl_allocator_fail_nth(allocator, nth, 1);
        st = vl_io_queue_open(unit_ctx(), io, 4, &queue);
        vl_allocator_fail_nth(allocator, 0, 0);
        CHECK(st == VELO_OK || (st == VELO_NOMEM && queue == NULL));
    }
    vl_io_queue_close(queue);
}
