/* os_system.c - children with limits, and descriptors that must not leak. */
#define _GNU_SOURCE
#include "lib/os_system.h"

#include "lib/unit.h"
#include "os/posix_int.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#define SYSTEM_SKIPPED 90    /* exit status of a child whose test is skipped */
#define SYSTEM_NOBODY  65534 /* user and group without privileges */

vl_io_backend system_child_backend;

int
system_count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    if (folder == NULL)
        return -1;
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count;
}

int
system_open(vl_io_backend backend, vl_io **io)
{
    vl_io_options options = {.backend = backend};
    velo_status st = vl_io_open(unit_ctx(), &options, io);

    if (st == VELO_OK)
        return 1;
    if (backend != VL_IO_URING || st != VELO_ERROR)
        unit_failed(__FILE__, __LINE__, "cannot open the backend: %s", unit_ctx()->error.text);
    return 0;
}

void
system_check_contract(vl_io_backend backend, os_contract_check *check)
{
    int descriptors = system_count_descriptors();
    vl_io *io;

    os_contract_has_range_locks = !VL_POSIX_FLOCK;
    if (!system_open(backend, &io)) {
        unit_skip("%s", unit_ctx()->error.text);
        return;
    }
    check(io, unit_folder());
    if (unit_has_failed())
        return; /* files are still open */
    vl_io_close(io);
    CHECK_EQ(system_count_descriptors(), descriptors);
}

int
system_run_in_child(vl_io_backend backend, void (*function)(void))
{
    int result;

    (void)unit_folder(); /* made, and removed, by the parent */
    system_child_backend = backend;
    result = unit_run_in_child(function);
    if (result == SYSTEM_SKIPPED) {
        unit_skip("see above");
        return 0;
    }
    if (result != 0)
        unit_failed(__FILE__, __LINE__, "the child process ended with %d", result);
    return result == 0;
}

_Noreturn void
system_skip_child(const char *reason)
{
    unit_skip("%s", reason);
    (void)fflush(NULL);
    _exit(SYSTEM_SKIPPED);
}

void
system_drop_privileges(void)
{
    if (geteuid() != 0)
        return;
    if (setgroups(0, NULL) != 0 || setresgid(SYSTEM_NOBODY, SYSTEM_NOBODY, SYSTEM_NOBODY) != 0 ||
        setresuid(SYSTEM_NOBODY, SYSTEM_NOBODY, SYSTEM_NOBODY) != 0)
        system_skip_child("cannot become another user");
}

static void
system_install_filter(struct sock_filter *steps, unsigned short count)
{
    struct sock_fprog program = {.len = count, .filter = steps};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        system_skip_child("cannot install a seccomp filter");
}

void
system_forbid_call(long number, int error)
{
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned)error & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };

    system_install_filter(steps, VL_ARRAY_COUNT(steps));
}

void
system_forbid_flag(long number, unsigned argument, unsigned flag, int error)
{
    unsigned at =
        (unsigned)offsetof(struct seccomp_data, args) + argument * 8 + (VL_LITTLE_ENDIAN ? 0U : 4U);
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, flag, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ((unsigned)error & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };

    system_install_filter(steps, VL_ARRAY_COUNT(steps));
}

void
system_mount_memory(const char *folder, const char *options, int read_only)
{
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", folder, "tmpfs", read_only ? MS_RDONLY : 0, options) != 0)
        system_skip_child("cannot mount a file system of its own");
}
