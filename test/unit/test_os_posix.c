/* test_os_posix.c - the backend of plain system calls keeps the contract of io.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lib/os_contract.h"
#include "lib/os_system.h"
#include "lib/unit.h"
#include "os/persist.h"

#include <stdio.h>
#include <stdlib.h>

static void
posix_run(os_contract_check *check)
{
    system_check_contract(VL_IO_POSIX, check);
}

#define POSIX_CASE(name)                                                                           \
    static void posix_##name(void)                                                                 \
    {                                                                                              \
        posix_run(os_contract_##name);                                                             \
    }
OS_CONTRACT_LIST(POSIX_CASE)

/* Open a map of a new file, and tell what makes its stores durable. */
static void
posix_find_persist(vl_io *io, const char *folder, int writable, vl_persist *persist)
{
    char path[VL_PATH_SIZE];
    vl_file *file;
    vl_map map;

    (void)snprintf(path, sizeof path, "%s/m", folder);
    CHECK_OK(vl_file_open(unit_ctx(), io, path, VL_OPEN_WRITE | VL_OPEN_CREATE, &file));
    CHECK_OK(vl_file_resize(unit_ctx(), file, 4096));
    CHECK_OK(vl_map_open(unit_ctx(), file, 4096, 4096, writable, &map));
    *persist = map.persist;
    vl_map_close(&map);
    vl_file_close(file);
}

static void
posix_check_forced(vl_io *io, const char *folder)
{
    vl_persist persist = VL_PERSIST_SYNC;

    posix_find_persist(io, folder, 1, &persist);
    CHECK_EQ(persist, vl_persist_is_supported() ? VL_PERSIST_FORCED : VL_PERSIST_SYNC);
    posix_find_persist(io, folder, 0, &persist);
    CHECK_EQ(persist, VL_PERSIST_SYNC);
    CHECK_TEXT(vl_persist_name(VL_PERSIST_FORCED), "forced");
}

static void
posix_check_not_forced(vl_io *io, const char *folder)
{
    vl_persist persist = VL_PERSIST_FORCED;

    posix_find_persist(io, folder, 1, &persist);
    CHECK(persist == VL_PERSIST_SYNC || persist == VL_PERSIST_FLUSH);
}

static void
posix_says_its_name(void)
{
    vl_io_options options = {.backend = VL_IO_POSIX};
    vl_io_stats stats;
    vl_io *io;

    CHECK_OK(vl_io_open(unit_ctx(), &options, &io));
    CHECK(strcmp(vl_io_name(io), "posix") == 0);
    CHECK(strcmp(vl_io_fallback_reason(io), "") == 0);
    vl_io_get_stats(io, &stats);
    CHECK_EQ(stats.ring_count, 0);
    vl_io_close(io);
    vl_io_close(NULL);
}

/* The same by the processor's instructions, on a file system that is not persistent. */
static void
posix_map_writes_when_forced(void)
{
    CHECK_EQ(setenv("VELO_PMEM", "force", 1), 0);
    posix_run(os_contract_map_writes_what_it_is_told);
    posix_run(posix_check_forced);
    CHECK_EQ(setenv("VELO_PMEM", "yes", 1), 0);
    posix_run(posix_check_not_forced);
    CHECK_EQ(unsetenv("VELO_PMEM"), 0);
    posix_run(posix_check_not_forced);
}

#define POSIX_ENTRY(name) UNIT_TEST(posix_##name),

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {UNIT_TEST(posix_says_its_name),
                                      UNIT_TEST(posix_map_writes_when_forced),
                                      OS_CONTRACT_LIST(POSIX_ENTRY)};

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
