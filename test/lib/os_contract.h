/* os_contract.h - what io.h promises, as checks that run on any backend.
 *
 * Each check gets an open backend and the path of an empty folder that exists on it, and uses the
 * functions of io.h alone. A failed check is noted as unit.h does it. A program turns the list into
 * tests of its own:
 *
 *     #define POSIX_CASE(name) static void posix_##name(void) { run_posix(os_contract_##name); }
 *     OS_CONTRACT_LIST(POSIX_CASE)
 *     static const unit_test tests[] = {
 *     #define POSIX_ENTRY(name) UNIT_TEST(posix_##name),
 *         OS_CONTRACT_LIST(POSIX_ENTRY)
 *     }; */
#ifndef VL_TEST_OS_CONTRACT_H
#define VL_TEST_OS_CONTRACT_H

#include "os/io.h"

/* A check; io and folder as above. */
typedef void os_contract_check(vl_io *io, const char *folder);

/* All checks; C is applied to each name without its prefix os_contract_. */
#define OS_CONTRACT_LIST(C)                                                                        \
    C(file_reads_what_was_written)                                                                 \
    C(file_read_ends_where_the_file_does)                                                          \
    C(file_open_follows_its_flags)                                                                 \
    C(file_open_fails_with_path_and_reason)                                                        \
    C(file_has_an_identity)                                                                        \
    C(file_size_follows_resize_and_allocate)                                                       \
    C(file_punch_leaves_zeros)                                                                     \
    C(file_temporary_has_no_name)                                                                  \
    C(file_durable_writes_every_way)                                                               \
    C(file_direct_reads_up_to_the_end)                                                             \
    C(file_rejects_impossible_ranges)                                                              \
    C(lock_excludes_other_opens)                                                                   \
    C(lock_changes_mode_or_stays)                                                                  \
    C(lock_ranges_are_independent)                                                                 \
    C(lock_ends_with_its_file)                                                                     \
    C(map_shows_the_file)                                                                          \
    C(map_writes_what_it_is_told)                                                                  \
    C(map_extends_in_place)                                                                        \
    C(path_delete_rename_exists)                                                                   \
    C(path_full_has_no_dots)                                                                       \
    C(path_space_is_known)                                                                         \
    C(clock_and_randomness_work)                                                                   \
    C(queue_runs_more_than_its_depth)                                                              \
    C(queue_reaps_what_is_asked)                                                                   \
    C(queue_close_waits)                                                                           \
    C(queue_allocates_nothing)                                                                     \
    C(queue_matches_a_model)                                                                       \
    C(queue_moves_large_requests)                                                                  \
    C(queue_reports_each_failure)                                                                  \
    C(queue_serves_many_files)                                                                     \
    C(queue_belongs_to_its_thread)                                                                 \
    C(link_runs_in_order)                                                                          \
    C(link_failure_cancels_the_rest)                                                               \
    C(link_chain_may_exceed_the_depth)                                                             \
    C(batch_reports_the_first_failure)                                                             \
    C(buffers_come_and_go)                                                                         \
    C(memory_may_run_out)

#define OS_CONTRACT_DECLARE(name) void os_contract_##name(vl_io *io, const char *folder);
OS_CONTRACT_LIST(OS_CONTRACT_DECLARE)
#undef OS_CONTRACT_DECLARE

/* Whether locks on ranges that do not overlap are independent: 1 but where the system only knows
 * locks of whole files. To be set before the checks run. */
extern int os_contract_has_range_locks;

/* Whether folders exist by themselves: 1 but on the simulated disk, where a file's path is enough
 * for its folder to be there. To be set before the checks run. */
extern int os_contract_has_folders;

/* Whether writing to a file takes memory of the process: 0 but on the simulated disk. */
extern int os_contract_disk_is_memory;

#endif
