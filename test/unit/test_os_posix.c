/* test_os_posix.c - the backend of plain system calls keeps the contract of io.h. */
#include "lib/os_contract.h"
#include "lib/os_system.h"
#include "lib/unit.h"

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

#define POSIX_ENTRY(name) UNIT_TEST(posix_##name),

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {UNIT_TEST(posix_says_its_name),
                                      OS_CONTRACT_LIST(POSIX_ENTRY)};

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
