/* os_contract.c - the checks of os_contract.h: files, locks, mappings, paths, clock. */
#include "lib/os_contract.h"

#include "lib/os_contract_int.h"
#include "lib/unit.h"

#include <stdio.h>
#include <string.h>

int os_contract_has_range_locks = 1;
int os_contract_has_folders = 1;
int os_contract_disk_is_memory = 0;

/* ---- helpers ---- */

/* "folder/name"; valid until the fourth call after it. */
const char *
os_contract_path(const char *folder, const char *name)
{
    static char paths[4][VL_PATH_SIZE];
    static unsigned next;
    char *path = paths[next++ % VL_ARRAY_COUNT(paths)];

    (void)snprintf(path, VL_PATH_SIZE, "%s/%s", folder, name);
    return path;
}

/* Create a file for writing. */
velo_status
os_contract_create(vl_io *io, const char *folder, const char *name, vl_file **file)
{
    return vl_file_open(unit_ctx(), io, os_contract_path(folder, name),
                        VL_OPEN_WRITE | VL_OPEN_CREATE, file);
}

/* Bytes that say where they belong. */
void
os_contract_fill(void *buf, size_t size, uint64_t seed)
{
    vl_rng rng;

    vl_rng_init(&rng, seed);
    vl_rng_fill(&rng, buf, size);
}

int
os_contract_is_filled(const void *buf, size_t size, uint64_t seed)
{
    uint8_t expected[1024];
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

int
os_contract_is_zero(const uint8_t *buf, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (buf[i] != 0)
            return 0;
    return 1;
}

void
os_contract_request(vl_io_request *request, vl_io_op op, vl_file *file, void *buf, uint32_t size,
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

    CHECK_OK(os_contract_create(io, folder, "a", &file));
    CHECK(strcmp(vl_file_path(file), os_contract_path(folder, "a")) == 0);
    CHECK_EQ(vl_file_align(file), 1);
    CHECK(!vl_file_is_direct(file));
    CHECK_OK(vl_file_get_size(unit_ctx(), file, &size));
    CHECK_EQ(size, 0);
    os_contract_fill(buf, sizeof buf, 1);
    CHECK_OK(vl_file_write(unit_ctx(), file, buf, sizeof buf, 333));
    CHECK_OK(vl_file_get_size(unit_ctx(), file, &size));
    CHECK_EQ(size, 333 + sizeof buf);
    memset(buf, 1, sizeof buf);
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, sizeof buf, 333, NULL));
    CHECK(os_contract_is_filled(buf, sizeof buf, 1));
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, 333, 0, NULL));
    CHECK(os_contract_is_zero(buf, 333));
    CHECK_OK(vl_file_write(unit_ctx(), file, "abc", 3, 400));
    vl_file_start_writing(file, 400, 3); /* a hint: nothing that is seen changes, in any range */
    vl_file_start_writing(file, 1U << 30, 1U << 20);
    vl_file_start_writing(file, UINT64_MAX - 1, 100);
    vl_file_start_writing(file, 0, 0);
    CHECK_OK(vl_file_sync(unit_ctx(), file));
    vl_file_close(file);

    CHECK_OK(vl_file_open(unit_ctx(), io, os_contract_path(folder, "a"), 0, &file));
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

    CHECK_OK(os_contract_create(io, folder, "a", &file));
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

    CHECK_OK(vl_file_open(unit_ctx(), io, os_contract_path(folder, "a"), create | VL_OPEN_EXCLUSIVE,
                          &file));
    CHECK_OK(vl_path_exists(unit_ctx(), io, os_contract_path(folder, "a"), &exists));
    CHECK_EQ(exists, 1);
    CHECK_OK(vl_file_write(unit_ctx(), file, "x", 1, 0));
    CHECK_STATUS(vl_file_open(unit_ctx(), io, os_contract_path(folder, "a"),
                              create | VL_OPEN_EXCLUSIVE, &other),
                 VELO_CANTOPEN);
    CHECK(other == NULL);
    CHECK_OK(vl_file_open(unit_ctx(), io, os_contract_path(folder, "a"), create, &other));
    CHECK_OK(vl_file_read(unit_ctx(), other, (char[1]){0}, 1, 0, NULL)); /* not truncated */
    vl_file_close(other);
    vl_file_close(file);
    CHECK_OK(vl_file_open(unit_ctx(), io, os_contract_path(folder, "a"), VL_OPEN_WRITE, &file));
    CHECK_OK(vl_file_write(unit_ctx(), file, "y", 1, 0));
    vl_file_close(file);
}

void
os_contract_file_open_fails_with_path_and_reason(vl_io *io, const char *folder)
{
    char long_path[VL_PATH_SIZE + 10];
    vl_file *file;

    CHECK_STATUS(vl_file_open(unit_ctx(), io, os_contract_path(folder, "absent"), 0, &file),
                 VELO_CANTOPEN);
    CHECK(file == NULL);
    CHECK(unit_ctx()->error.os_error != 0);
    CHECK_CONTAINS(unit_ctx()->error.text, os_contract_path(folder, "absent"));
    CHECK_CONTAINS(unit_ctx()->error.text, ": ");
    if (!os_contract_has_folders)
        return;
    CHECK_STATUS(vl_file_open(unit_ctx(), io, os_contract_path(folder, "no/folder"),
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

    CHECK_OK(os_contract_create(io, folder, "a", &files[0]));
    CHECK_OK(vl_file_open(unit_ctx(), io, os_contract_path(folder, "a"), 0, &files[1]));
    CHECK_OK(os_contract_create(io, folder, "b", &files[2]));
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

    CHECK_OK(os_contract_create(io, folder, "a", &file));
    os_contract_fill(buf, sizeof buf, 2);
    CHECK_OK(vl_file_write(unit_ctx(), file, buf, sizeof buf, 0));
    CHECK_OK(vl_file_resize(unit_ctx(), file, 1000));
    CHECK_OK(vl_file_get_size(unit_ctx(), file, &size));
    CHECK_EQ(size, 1000);
    CHECK_OK(vl_file_resize(unit_ctx(), file, 2000));
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, 2000, 0, NULL));
    CHECK(os_contract_is_filled(buf, 1000, 2) && os_contract_is_zero(buf + 1000, 1000));
    CHECK_OK(vl_file_allocate(unit_ctx(), file, 500, 2500));
    CHECK_OK(vl_file_get_size(unit_ctx(), file, &size));
    CHECK(size >= 3000);
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, 3000, 0, NULL));
    CHECK(os_contract_is_filled(buf, 1000, 2) && os_contract_is_zero(buf + 1000, 2000));
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

    CHECK_OK(os_contract_create(io, folder, "a", &file));
    os_contract_fill(buf, sizeof buf, 3);
    CHECK_OK(vl_file_write(unit_ctx(), file, buf, sizeof buf, 0));
    CHECK_OK(vl_file_punch(unit_ctx(), file, 16384, 32768, &released));
    CHECK_OK(vl_file_get_size(unit_ctx(), file, &size));
    CHECK_EQ(size, sizeof buf);
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, sizeof buf, 0, NULL));
    CHECK(os_contract_is_filled(buf, 16384, 3));
    CHECK(released ? os_contract_is_zero(buf + 16384, 32768)
                   : os_contract_is_filled(buf, sizeof buf, 3));
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
    if (os_contract_has_folders)
        CHECK_STATUS(vl_file_open(unit_ctx(), io, os_contract_path(folder, "absent"),
                                  VL_OPEN_TEMPORARY, &files[0]),
                     VELO_CANTOPEN);
}

void
os_contract_file_durable_writes_every_way(vl_io *io, const char *folder)
{
    uint8_t buf[700];
    vl_file *file;

    CHECK_OK(os_contract_create(io, folder, "a", &file));
    CHECK(vl_file_can_durable(unit_ctx(), file, VL_DURABLE_WRITE_SYNC));
    for (int i = 0; i < VL_DURABLE_METHOD_COUNT; i++) {
        os_contract_fill(buf, sizeof buf, (uint64_t)i);
        CHECK_OK(vl_file_write_durable(unit_ctx(), file, (vl_durable_method)i, buf, sizeof buf,
                                       (uint64_t)i * sizeof buf));
    }
    for (int i = 0; i < VL_DURABLE_METHOD_COUNT; i++) {
        CHECK_OK(vl_file_read(unit_ctx(), file, buf, sizeof buf, (uint64_t)i * sizeof buf, NULL));
        CHECK(os_contract_is_filled(buf, sizeof buf, (uint64_t)i));
    }
    CHECK_OK(vl_file_write_durable(unit_ctx(), file, VL_DURABLE_DSYNC, buf, 0, 0));
    vl_file_close(file);
    CHECK_OK(vl_path_sync_folder(unit_ctx(), io, os_contract_path(folder, "a")));
}

/* The body of the next check, with memory that is aligned. */
static void
contract_check_direct(vl_io *io, const char *folder, uint8_t *buf)
{
    vl_io_request request;
    vl_file *file;
    size_t moved;

    CHECK_OK(vl_file_open(unit_ctx(), io, os_contract_path(folder, "a"),
                          VL_OPEN_WRITE | VL_OPEN_CREATE | VL_OPEN_DIRECT, &file));
    CHECK(vl_is_power_of_two(vl_file_align(file)) && vl_file_align(file) <= VL_DIRECT_ALIGN);
    CHECK(vl_file_is_direct(file) || vl_file_align(file) == 1);
    os_contract_fill(buf, 3 * VL_DIRECT_ALIGN, 4);
    CHECK_OK(vl_file_write(unit_ctx(), file, buf, 3 * VL_DIRECT_ALIGN, 0));
    memset(buf, 0, 3 * VL_DIRECT_ALIGN);
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, 3 * VL_DIRECT_ALIGN, 0, NULL));
    CHECK(os_contract_is_filled(buf, 3 * VL_DIRECT_ALIGN, 4));
    CHECK_OK(vl_file_resize(unit_ctx(), file, 2 * VL_DIRECT_ALIGN + 700));
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, 3 * VL_DIRECT_ALIGN, 0, &moved));
    CHECK_EQ(moved, 2 * VL_DIRECT_ALIGN + 700);
    os_contract_request(&request, VL_IO_READ, file, buf, 3 * VL_DIRECT_ALIGN, 0);
    CHECK_STATUS(vl_io_batch(unit_ctx(), io, &request, 1), VELO_IOERR_SHORT_READ);
    CHECK_EQ(request.moved, 2 * VL_DIRECT_ALIGN + 700);
    os_contract_request(&request, VL_IO_READ, file, buf, VL_DIRECT_ALIGN, VL_DIRECT_ALIGN);
    CHECK_OK(vl_io_batch(unit_ctx(), io, &request, 1));
    os_contract_request(&request, VL_IO_WRITE, file, buf, VL_DIRECT_ALIGN, 4 * VL_DIRECT_ALIGN);
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

    CHECK_OK(os_contract_create(io, folder, "a", &file));
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
        VL_TRY(os_contract_create(io, folder, "locked", &files[i]));
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
    os_contract_request(&request, VL_IO_WRITE, files[0], &byte, 1, 0);
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

    CHECK_OK(os_contract_create(io, folder, "a", &file));
    os_contract_fill(buf, sizeof buf, 5);
    CHECK_OK(vl_file_write(unit_ctx(), file, buf, sizeof buf, 0));
    CHECK_OK(vl_map_open(unit_ctx(), file, sizeof buf, sizeof buf, 0, &map));
    CHECK(os_contract_is_filled(map.base, sizeof buf, 5));
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

/* Any offset and size, whatever makes it durable; and nothing around it changes. */
void
os_contract_map_writes_what_it_is_told(vl_io *io, const char *folder)
{
    uint8_t model[8192];
    uint8_t buf[8192];
    vl_file *file;
    vl_map map;
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    CHECK_OK(os_contract_create(io, folder, "a", &file));
    os_contract_fill(model, sizeof model, 5);
    CHECK_OK(vl_file_write(unit_ctx(), file, model, sizeof model, 0));
    CHECK_OK(vl_file_sync(unit_ctx(), file));
    CHECK_OK(vl_map_open(unit_ctx(), file, sizeof model, sizeof model, 1, &map));
    CHECK(vl_persist_name(map.persist)[0] != '\0');
    for (int i = 0; i < 300; i++) {
        uint64_t offset = vl_rng_below(&rng, sizeof model);
        size_t size = (size_t)vl_rng_below(&rng, i % 2 == 0 ? 40 : 2000);

        if (size > sizeof model - offset)
            size = sizeof model - (size_t)offset;
        vl_rng_fill(&rng, buf, size);
        memcpy(model + offset, buf, size);
        if (i % 3 == 0) {
            memcpy(map.base + offset, buf, size);
            CHECK_OK(vl_map_persist(unit_ctx(), &map, offset, size));
        } else {
            CHECK_OK(vl_map_write(unit_ctx(), &map, buf, size, offset));
        }
        CHECK(memcmp(map.base, model, sizeof model) == 0);
    }
    vl_map_close(&map);
    CHECK_OK(vl_file_read(unit_ctx(), file, buf, sizeof buf, 0, NULL));
    CHECK(memcmp(buf, model, sizeof model) == 0);
    vl_file_close(file);
}

void
os_contract_map_extends_in_place(vl_io *io, const char *folder)
{
    vl_file *file;
    uint8_t *base;
    vl_map map;

    CHECK_OK(os_contract_create(io, folder, "a", &file));
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

    CHECK_OK(vl_path_exists(ctx, io, os_contract_path(folder, "a"), &exists));
    CHECK_EQ(exists, 0);
    CHECK_OK(vl_path_exists(ctx, io, folder, &exists));
    CHECK_EQ(exists, os_contract_has_folders);
    CHECK_STATUS(vl_path_delete(ctx, io, os_contract_path(folder, "a")), VELO_NOTFOUND);
    CHECK_CONTAINS(ctx->error.text, os_contract_path(folder, "a"));
    CHECK_OK(os_contract_create(io, folder, "a", &file));
    CHECK_OK(vl_file_write(ctx, file, "a", 1, 0));
    vl_file_close(file);
    CHECK_OK(os_contract_create(io, folder, "b", &file));
    CHECK_OK(vl_path_rename(ctx, io, os_contract_path(folder, "a"), os_contract_path(folder, "b")));
    CHECK_OK(vl_path_sync_folder(ctx, io, os_contract_path(folder, "b")));
    vl_file_close(file);
    CHECK_OK(vl_path_exists(ctx, io, os_contract_path(folder, "a"), &exists));
    CHECK_EQ(exists, 0);
    CHECK_OK(vl_file_open(ctx, io, os_contract_path(folder, "b"), 0, &file));
    CHECK_OK(vl_file_read(ctx, file, &byte, 1, 0, NULL));
    CHECK_EQ(byte, 'a');
    CHECK_OK(vl_path_delete(ctx, io, os_contract_path(folder, "b")));
    CHECK_OK(vl_file_read(ctx, file, &byte, 1, 0, NULL)); /* an open file lives on */
    vl_file_close(file);
    CHECK(vl_path_rename(ctx, io, os_contract_path(folder, "a"), os_contract_path(folder, "c")) !=
          VELO_OK);
    CHECK_CONTAINS(ctx->error.text, os_contract_path(folder, "a"));
    if (os_contract_has_folders)
        CHECK(vl_path_sync_folder(ctx, io, os_contract_path(folder, "no/folder")) != VELO_OK);
    CHECK_OK(vl_path_exists(ctx, io, os_contract_path(folder, "no/folder"), &exists));
    CHECK_EQ(exists, 0);
}

void
os_contract_path_full_has_no_dots(vl_io *io, const char *folder)
{
    char full[VL_PATH_SIZE];
    char again[VL_PATH_SIZE];
    char dotted[VL_PATH_SIZE];
    vl_file *file;

    CHECK_OK(vl_path_get_full(unit_ctx(), io, os_contract_path(folder, "a"), full));
    CHECK(full[0] == '/');
    CHECK(strlen(full) > 2 && strcmp(full + strlen(full) - 2, "/a") == 0);
    (void)snprintf(dotted, sizeof dotted, "%s/././/a", folder);
    CHECK_OK(vl_path_get_full(unit_ctx(), io, dotted, again));
    CHECK(strcmp(full, again) == 0);
    CHECK_OK(os_contract_create(io, folder, "a", &file));
    vl_file_close(file);
    CHECK_OK(vl_path_get_full(unit_ctx(), io, dotted, again)); /* the same once it exists */
    CHECK(strcmp(full, again) == 0);
    if (os_contract_has_folders) {
        CHECK_STATUS(vl_path_get_full(unit_ctx(), io, os_contract_path(folder, "no/folder"), full),
                     VELO_CANTOPEN_FULLPATH);
        CHECK_EQ(full[0], '\0');
    }
    CHECK_STATUS(vl_path_get_full(unit_ctx(), io, "", full), VELO_CANTOPEN_FULLPATH);
}

void
os_contract_path_space_is_known(vl_io *io, const char *folder)
{
    uint64_t free_bytes;
    uint64_t total_bytes;

    CHECK_OK(vl_path_get_space(unit_ctx(), io, folder, &free_bytes, &total_bytes));
    CHECK(free_bytes > 0 && free_bytes <= total_bytes);
    CHECK_OK(vl_path_get_space(unit_ctx(), io, os_contract_path(folder, "absent"), &free_bytes,
                               &total_bytes));
    CHECK(free_bytes > 0 && free_bytes <= total_bytes);
    if (!os_contract_has_folders)
        return;
    CHECK(vl_path_get_space(unit_ctx(), io, os_contract_path(folder, "no/folder"), &free_bytes,
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
    CHECK(!os_contract_is_zero(a + sizeof a - 16, 16));
}
