/* os_system.h - helpers of tests that run on the system's own files. */
#ifndef VL_TEST_OS_SYSTEM_H
#define VL_TEST_OS_SYSTEM_H

#include "lib/os_contract.h"
#include "os/io.h"

#include <string.h>

/* Number of open descriptors of the process, or -1 when that cannot be seen. */
int system_count_descriptors(void);

/* Open a backend with ctx: 1, or 0 when it is io_uring and that does not work here; the reason is
 * then in ctx->error.text. Any other failure is a failed check, and 0. */
int system_open(vl_io_backend backend, vl_io **io);

/* Run a check on a backend of its own in unit_folder(); skips where io_uring does not work. Fails
 * also when descriptors are left open. */
void system_check_contract(vl_io_backend backend, os_contract_check *check);

/* Run `function` in a child process, which gets `backend` as system_child_backend. 1 when the
 * parent's test goes on, 0 when it was skipped (the child called system_skip_child) or failed. */
int system_run_in_child(vl_io_backend backend, void (*function)(void));
extern vl_io_backend system_child_backend;

/* In a child: end it, skipping the parent's test for this reason. */
_Noreturn void system_skip_child(const char *reason);

/* In a child: become a user without privileges. Does nothing when the process has none; skips when
 * it cannot. Files made before may be out of reach afterwards. */
void system_drop_privileges(void);

/* In a child: make a system call fail with an errno value from now on, through a seccomp filter;
 * skips where that is not possible. */
void system_forbid_call(long number, int error);

/* The same where an argument (numbered from 0) has any of the flag's bits set. */
void system_forbid_flag(long number, unsigned argument, unsigned flag, int error);

/* In a child: put a file system in memory on a folder, for this child alone; skips where that is
 * not permitted. `options` as mount takes them, or NULL. */
void system_mount_memory(const char *folder, const char *options, int read_only);

#endif
