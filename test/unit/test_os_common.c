/* test_os_common.c - bad input, limits and missing system calls, on both system backends: a clear
 * error that names the path and the reason, or a fallback that is reported; nothing leaks. */
#define _GNU_SOURCE
#include "lib/os_system.h"
#include "lib/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- helpers ---- */

/* Run a child test on each backend that works. */
static void
common_run_children(void (*function)(void))
{
    vl_io *io;

    if (!system_run_in_child(VL_IO_POSIX, function) || !system_open(VL_IO_URING, &io))
        return;
    vl_io_close(io);
    (void)system_run_in_child(VL_IO_URING, function);
}

/* Run a check on each backend that works. */
static void
common_run(os_contract_check *check)
{
    vl_io *io;

    system_check_contract(VL_IO_POSIX, check);
    if (unit_has_failed() || !system_open(VL_IO_URING, &io))
        return;
    vl_io_close(io);
    system_check_contract(VL_IO_URING, check);
}

/* In a child: the backend that it is to test. */
static vl_io *
common_open(void)
{
    vl_io *io = NULL;

    if (!system_open(system_child_backend, &io))
        system_skip_child(unit_ctx()->error.text);
    return io;
}

static velo_status
common_create(vl_io *io, const char *name, vl_file **file)
{
    return vl_file_open(unit_ctx(), io, unit_path(name), VL_OPEN_WRITE | VL_OPEN_CREATE, file);
}

static velo_status
common_batch(vl_io *io, vl_io_op op, vl_file *file, void *buf, uint32_t size, uint64_t offset)
{
    vl_io_request request = {.op = op, .file = file, .buf = buf, .size = size, .offset = offset};

    return vl_io_batch(unit_ctx(), io, &request, 1);
}

/* Whether a message is one line without control characters. */
static int
common_is_clean(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return 0;
    return 1;
}

/* An open fails with this code, and a message with the path's end and the system's reason. */
static void
common_check_open_fails(vl_io *io, const char *path, uint32_t flags, velo_status code, int error)
{
    vl_file *file;

    CHECK_STATUS(vl_file_open(unit_ctx(), io, path, flags, &file), code);
    CHECK(file == NULL);
    CHECK_CONTAINS(unit_ctx()->error.text, path);
    CHECK_CONTAINS(unit_ctx()->error.text, strerror(error));
    CHECK_EQ(unit_ctx()->error.os_error, error);
    CHECK(common_is_clean(unit_ctx()->error.text));
}

/* ---- paths ---- */

static void
common_check_odd_paths(vl_io *io, const char *folder)
{
    static const char *const names[] = {"line\nbreak", "bell\a\x1b[31m",   "latin\xe9\xff", " ",
                                        "-r",          "\xf0\x9f\x92\xbe", "a'b\"c;$(d)"};
    char full[VL_PATH_SIZE];
    vl_file *file;
    int exists;

    (void)folder;
    for (size_t i = 0; i < VL_ARRAY_COUNT(names); i++) {
        const char *path = unit_path(names[i]);

        CHECK_STATUS(vl_file_open(unit_ctx(), io, path, 0, &file), VELO_CANTOPEN);
        CHECK(common_is_clean(unit_ctx()->error.text));
        CHECK_OK(common_create(io, names[i], &file));
        CHECK_OK(vl_file_write(unit_ctx(), file, "x", 1, 0));
        CHECK_STATUS(vl_file_read(unit_ctx(), file, full, 2, 0, NULL), VELO_IOERR_SHORT_READ);
        CHECK(common_is_clean(unit_ctx()->error.text));
        vl_file_close(file);
        CHECK_OK(vl_path_get_full(unit_ctx(), io, path, full));
        CHECK(strcmp(strrchr(full, '/') + 1, names[i]) == 0);
        CHECK_OK(vl_path_sync_folder(unit_ctx(), io, path));
        CHECK_OK(vl_path_delete(unit_ctx(), io, path));
        CHECK_OK(vl_path_exists(unit_ctx(), io, path, &exists));
        CHECK_EQ(exists, 0);
    }
}

static void
common_paths_may_be_odd(void)
{
    common_run(common_check_odd_paths);
}

static void
common_check_not_files(vl_io *io, const char *folder)
{
    const char *fifo = unit_path("fifo");

    CHECK_EQ(mkfifo(fifo, 0666), 0);
    common_check_open_fails(io, fifo, 0, VELO_CANTOPEN, ENOTSUP);
    common_check_open_fails(io, fifo, VL_OPEN_WRITE, VELO_CANTOPEN, ENOTSUP);
    common_check_open_fails(io, fifo, VL_OPEN_WRITE | VL_OPEN_CREATE | VL_OPEN_DIRECT,
                            VELO_CANTOPEN, ENOTSUP);
    common_check_open_fails(io, "/dev/null", VL_OPEN_WRITE, VELO_CANTOPEN, ENOTSUP);
    common_check_open_fails(io, folder, 0, VELO_CANTOPEN_ISDIR, EISDIR);
    common_check_open_fails(io, folder, VL_OPEN_WRITE | VL_OPEN_CREATE, VELO_CANTOPEN_ISDIR,
                            EISDIR);
    common_check_open_fails(io, unit_path("fifo/x"), 0, VELO_CANTOPEN, ENOTDIR);
    common_check_open_fails(io, fifo, VL_OPEN_TEMPORARY, VELO_CANTOPEN, ENOTDIR);
    CHECK_EQ(unlink(fifo), 0);
}

static void
common_only_files_are_opened(void)
{
    common_run(common_check_not_files);
}

static void
common_check_links(vl_io *io, const char *folder)
{
    char full[VL_PATH_SIZE];
    char real[VL_PATH_SIZE];
    vl_file *file;
    int exists;

    CHECK_EQ(symlink("loop", unit_path("loop")), 0);
    common_check_open_fails(io, unit_path("loop"), 0, VELO_CANTOPEN_SYMLINK, ELOOP);
    CHECK_STATUS(vl_path_get_full(unit_ctx(), io, unit_path("loop"), full), VELO_CANTOPEN_SYMLINK);
    CHECK(vl_path_exists(unit_ctx(), io, unit_path("loop"), &exists) != VELO_OK);
    CHECK_OK(vl_path_get_full(unit_ctx(), io, unit_path("target"), real));
    CHECK_EQ(symlink("target", unit_path("link1")), 0);
    CHECK_EQ(symlink(unit_path("link1"), unit_path("link2")), 0);
    CHECK_EQ(symlink(folder, unit_path("here")), 0);
    for (int round = 0; round < 2; round++) { /* to nothing, then to a file */
        CHECK_OK(vl_path_exists(unit_ctx(), io, unit_path("link2"), &exists));
        CHECK_EQ(exists, round);
        CHECK_OK(vl_path_get_full(unit_ctx(), io, unit_path("link2"), full));
        CHECK(strcmp(full, real) == 0);
        CHECK_OK(vl_path_get_full(unit_ctx(), io, unit_path("here/here/link1"), full));
        CHECK(strcmp(full, real) == 0);
        CHECK_OK(common_create(io, "link2", &file));
        vl_file_close(file);
    }
    CHECK_OK(vl_path_delete(unit_ctx(), io, real));
    for (int i = 0; i < 4; i++)
        CHECK_OK(vl_path_delete(unit_ctx(), io,
                                unit_path((const char *[]){"loop", "link1", "link2", "here"}[i])));
}

static void
common_symbolic_links_are_followed(void)
{
    common_run(common_check_links);
}

/* ---- permissions and media ---- */

static void
common_child_is_nobody(void)
{
    vl_file *file;
    vl_io *io;

    system_drop_privileges();
    io = common_open();
    common_check_open_fails(io, unit_path("secret"), 0, VELO_CANTOPEN, EACCES);
    common_check_open_fails(io, unit_path("public"), VL_OPEN_WRITE, VELO_CANTOPEN, EACCES);
    common_check_open_fails(io, unit_path("closed/a"), VL_OPEN_WRITE | VL_OPEN_CREATE,
                            VELO_CANTOPEN, EACCES);
    common_check_open_fails(io, unit_path("closed"), VL_OPEN_TEMPORARY, VELO_CANTOPEN, EACCES);
    CHECK_OK(vl_file_open(unit_ctx(), io, unit_path("public"), 0, &file));
    vl_file_close(file);
    CHECK(vl_path_delete(unit_ctx(), io, unit_path("closed/a")) != VELO_OK);
    CHECK_CONTAINS(unit_ctx()->error.text, strerror(EACCES));
    vl_io_close(io);
}

/* The permissions of a file of the test's folder. */
static unsigned
common_mode(const char *name)
{
    struct stat info;

    return stat(unit_path(name), &info) == 0 ? (unsigned)info.st_mode & 07777 : 0;
}

static void
common_check_modes(vl_io *io, const char *folder)
{
    uint32_t flags = VL_OPEN_WRITE | VL_OPEN_CREATE;
    vl_file *files[2];

    (void)folder;
    CHECK_OK(vl_file_open(unit_ctx(), io, unit_path("own"), flags | VL_OPEN_PRIVATE, &files[0]));
    CHECK_OK(common_create(io, "all", &files[1]));
    CHECK_EQ(common_mode("own"), 0600);
    CHECK_EQ(common_mode("all"), 0644);
    CHECK_EQ(chmod(unit_path("all"), 0640), 0);
    CHECK_OK(vl_file_copy_mode(unit_ctx(), files[1], files[0]));
    CHECK_EQ(common_mode("own"), 0640);
    vl_file_close(files[0]); /* one that is there keeps what it has */
    CHECK_OK(vl_file_open(unit_ctx(), io, unit_path("own"), flags | VL_OPEN_PRIVATE, &files[0]));
    CHECK_EQ(common_mode("own"), 0640);
    for (int i = 0; i < 2; i++) {
        vl_file_close(files[i]);
        CHECK_OK(vl_path_delete(unit_ctx(), io, unit_path(i == 0 ? "own" : "all")));
    }
}

static void
common_files_may_be_private(void)
{
    mode_t mask = umask(022);

    common_run(common_check_modes);
    (void)umask(mask);
}

static void
common_permissions_are_reported(void)
{
    CHECK_EQ(chmod(unit_folder(), 0777), 0);
    CHECK_EQ(close(open(unit_path("secret"), O_CREAT | O_RDWR | O_CLOEXEC, 0)), 0);
    CHECK_EQ(close(open(unit_path("public"), O_CREAT | O_RDWR | O_CLOEXEC, 0444)), 0);
    CHECK_EQ(chmod(unit_path("public"), 0444), 0);
    CHECK_EQ(mkdir(unit_path("closed"), 0), 0);
    common_run_children(common_child_is_nobody);
}

static void
common_child_reads_only(void)
{
    vl_io *io;

    system_mount_memory(unit_folder(), NULL, 1);
    io = common_open();
    common_check_open_fails(io, unit_path("new"), VL_OPEN_WRITE | VL_OPEN_CREATE, VELO_READONLY,
                            EROFS);
    common_check_open_fails(io, unit_folder(), VL_OPEN_TEMPORARY, VELO_READONLY, EROFS);
    vl_io_close(io);
}

static void
common_read_only_media_are_reported(void)
{
    common_run_children(common_child_reads_only);
}

/* Writing, allocating and batches on a file that does not have the space. */
static void
common_check_full(vl_io *io, const char *name, uint64_t room)
{
    static char buf[65536];
    vl_file *file;
    uint64_t at = 0;
    velo_status st;

    CHECK_OK(common_create(io, name, &file));
    do {
        st = vl_file_write(unit_ctx(), file, buf, sizeof buf, at);
        at += sizeof buf;
    } while (st == VELO_OK && at < room * 2);
    CHECK_STATUS(st, VELO_FULL);
    CHECK_CONTAINS(unit_ctx()->error.text, unit_path(name));
    CHECK(unit_ctx()->error.os_error == ENOSPC || unit_ctx()->error.os_error == EFBIG);
    CHECK_STATUS(common_batch(io, VL_IO_WRITE, file, buf, sizeof buf, at), VELO_FULL);
    CHECK_CONTAINS(unit_ctx()->error.text, unit_path(name));
    CHECK_STATUS(vl_file_allocate(unit_ctx(), file, 0, room * 2), VELO_FULL);
    CHECK_STATUS(
        vl_file_write_durable(unit_ctx(), file, VL_DURABLE_WRITE_SYNC, buf, sizeof buf, room * 2),
        VELO_FULL);
    CHECK_OK(vl_file_sync(unit_ctx(), file)); /* what is there is safe */
    CHECK_OK(vl_file_resize(unit_ctx(), file, 0));
    CHECK_OK(vl_file_write(unit_ctx(), file, buf, sizeof buf, 0)); /* and there is room again */
    if (vl_file_can_durable(unit_ctx(), file, VL_DURABLE_DSYNC)) {
        at = 0;
        do /* here nobody can tell whose space is lacking: a failed sync */
            st = vl_file_write_durable(unit_ctx(), file, VL_DURABLE_DSYNC, buf, sizeof buf, at);
        while (st == VELO_OK && (at += sizeof buf) < room * 2);
        CHECK_STATUS(st, VELO_IOERR_FSYNC);
        CHECK_CONTAINS(unit_ctx()->error.text, unit_path(name));
        CHECK_STATUS(vl_file_sync(unit_ctx(), file), VELO_IOERR_FSYNC);
    }
    vl_file_close(file);
}

static void
common_child_has_a_small_disk(void)
{
    uint64_t free_bytes;
    uint64_t total_bytes;
    vl_io *io;

    system_mount_memory(unit_folder(), "size=1m", 0);
    io = common_open();
    CHECK_OK(vl_path_get_space(unit_ctx(), io, unit_path("x"), &free_bytes, &total_bytes));
    CHECK_EQ(total_bytes, 1 << 20);
    common_check_full(io, "a", 1 << 20);
    vl_io_close(io);
}

static void
common_full_media_are_reported(void)
{
    common_run_children(common_child_has_a_small_disk);
}

static void
common_child_has_a_file_size_limit(void)
{
    struct rlimit limit = {.rlim_cur = 300000, .rlim_max = 300000};
    vl_io *io = common_open();

    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    common_check_full(io, "a", 300000);
    vl_io_close(io);
}

static void
common_file_size_limits_are_reported(void)
{
    common_run_children(common_child_has_a_file_size_limit);
}

/* ---- limits on descriptors and locked memory ---- */

/* Let no descriptor be opened beyond those that are. */
static void
common_limit_descriptors(struct rlimit *before)
{
    struct rlimit limit;
    int fd = dup(0);

    CHECK(fd >= 0 && close(fd) == 0);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, before), 0);
    limit = *before;
    limit.rlim_cur = (rlim_t)fd;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void
common_child_has_no_descriptors(void)
{
    vl_io_options options = {.backend = VL_IO_URING};
    struct rlimit before;
    vl_io *io = common_open();
    vl_file *file;
    vl_io *other;
    int count = system_count_descriptors();

    common_limit_descriptors(&before);
    common_check_open_fails(io, unit_path("a"), VL_OPEN_WRITE | VL_OPEN_CREATE, VELO_CANTOPEN,
                            EMFILE);
    common_check_open_fails(io, unit_folder(), VL_OPEN_TEMPORARY, VELO_CANTOPEN, EMFILE);
    CHECK(vl_path_sync_folder(unit_ctx(), io, unit_path("a")) != VELO_OK);
    CHECK_CONTAINS(unit_ctx()->error.text, strerror(EMFILE));
    if (system_child_backend == VL_IO_URING) {
        CHECK_STATUS(vl_io_open(unit_ctx(), &options, &other), VELO_ERROR);
        CHECK_CONTAINS(unit_ctx()->error.text, strerror(EMFILE));
        options.backend = VL_IO_AUTO;
        CHECK_OK(vl_io_open(unit_ctx(), &options, &other));
        CHECK(strcmp(vl_io_name(other), "posix") == 0);
        CHECK_CONTAINS(vl_io_fallback_reason(other), strerror(EMFILE));
        vl_io_close(other);
    }
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK_EQ(system_count_descriptors(), count);
    CHECK_OK(common_create(io, "a", &file));
    vl_file_close(file);
    vl_io_close(io);
}

static void
common_few_descriptors_are_reported(void)
{
    common_run_children(common_child_has_no_descriptors);
}

static char common_log_text[1024]; /* the last event told */

static void
common_keep_log(void *user, vl_log_level level, velo_status code, const char *text)
{
    (void)user;
    (void)level;
    (void)code;
    (void)snprintf(common_log_text, sizeof common_log_text, "%s", text);
}

static void
common_child_may_not_lock_memory(void)
{
    static const vl_log log = {.callback = common_keep_log, .level = VL_LOG_NOTICE};
    struct rlimit limit = {0, 0};
    char *slab = vl_alloc_aligned(unit_ctx(), 65536, 4096);
    vl_io_stats stats;
    vl_file *file;
    vl_io *io;

    CHECK(slab != NULL);
    CHECK_EQ(chmod(unit_folder(), 0777), 0);
    CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    system_drop_privileges();
    vl_ctx_init(unit_ctx(), NULL, &log);
    CHECK_OK(vl_io_open(unit_ctx(), NULL, &io));
    CHECK_OK(common_create(io, "a", &file));
    memset(slab, 7, 65536);
    vl_io_buffers_add(io, slab, 65536);
    for (int i = 0; i < 4; i++) {
        CHECK_OK(common_batch(io, VL_IO_WRITE, file, slab, 65536, 0));
        CHECK_OK(common_batch(io, VL_IO_READ, file, slab, 65536, 0));
    }
    vl_io_get_stats(io, &stats);
    CHECK_EQ(stats.fixed_buffer_count, 0);
    if (stats.ring_count > 0) { /* older kernels refuse the ring itself: then it fell back */
        CHECK(stats.unregistered_count >= 1);
        CHECK_CONTAINS(common_log_text, "not registered");
    } else {
        CHECK(vl_io_fallback_reason(io)[0] != '\0' || strcmp(vl_io_name(io), "posix") == 0);
    }
    vl_io_buffers_remove(io, slab);
    vl_file_close(file);
    vl_io_close(io);
    vl_free(slab);
}

static void
common_no_locked_memory_is_no_hindrance(void)
{
    (void)system_run_in_child(VL_IO_AUTO, common_child_may_not_lock_memory);
}

/* ---- io_uring forbidden ---- */

/* With io_uring out of reach: AUTO falls back and says why, URING fails and says why. */
static void
common_check_fallback(int error)
{
    static const vl_log log = {.callback = common_keep_log, .level = VL_LOG_NOTICE};
    vl_io_options options = {.backend = VL_IO_URING};
    int count = system_count_descriptors();
    char buf[4] = "abc";
    vl_file *file;
    vl_io *io;

    vl_ctx_init(unit_ctx(), NULL, &log);
    CHECK_STATUS(vl_io_open(unit_ctx(), &options, &io), VELO_ERROR);
    CHECK(io == NULL);
    if (strstr(unit_ctx()->error.text, "built without") != NULL)
        system_skip_child("built without io_uring");
    CHECK_CONTAINS(unit_ctx()->error.text, "io_uring");
    CHECK_CONTAINS(unit_ctx()->error.text, strerror(error));
    CHECK_OK(vl_io_open(unit_ctx(), NULL, &io));
    CHECK(strcmp(vl_io_name(io), "posix") == 0);
    CHECK_CONTAINS(vl_io_fallback_reason(io), strerror(error));
    CHECK_CONTAINS(common_log_text, strerror(error));
    CHECK_OK(common_create(io, "a", &file));
    CHECK_OK(common_batch(io, VL_IO_WRITE, file, buf, 4, 0));
    CHECK_OK(vl_file_sync(unit_ctx(), file));
    vl_file_close(file);
    vl_io_close(io);
    CHECK_EQ(system_count_descriptors(), count);
}

static void
common_child_forbids_setup_eperm(void)
{
    system_forbid_call(SYS_io_uring_setup, EPERM);
    common_check_fallback(EPERM);
}

static void
common_child_forbids_setup_enosys(void)
{
    system_forbid_call(SYS_io_uring_setup, ENOSYS);
    common_check_fallback(ENOSYS);
}

static void
common_child_forbids_enter(void)
{
    system_forbid_call(SYS_io_uring_enter, EPERM);
    common_check_fallback(EPERM);
}

static void
common_forbidden_rings_are_reported(void)
{
    static void (*const functions[])(void) = {common_child_forbids_setup_eperm,
                                              common_child_forbids_setup_enosys,
                                              common_child_forbids_enter};

    for (size_t i = 0; i < VL_ARRAY_COUNT(functions); i++)
        if (!system_run_in_child(VL_IO_AUTO, functions[i]))
            return;
}

/* The ring works at first, and is then forbidden. */
static void
common_child_forbids_enter_later(void)
{
    char buf[4] = "abc";
    vl_file *file;
    vl_io *io = common_open();

    CHECK_OK(common_create(io, "a", &file));
    CHECK_OK(common_batch(io, VL_IO_WRITE, file, buf, 4, 0));
    system_forbid_call(SYS_io_uring_enter, EPERM);
    memset(buf, 0, sizeof buf);
    CHECK_OK(common_batch(io, VL_IO_READ, file, buf, 4, 0));
    CHECK(strcmp(buf, "abc") == 0);
    CHECK_OK(common_batch(io, VL_IO_SYNC, file, NULL, 0, 0));
    vl_file_close(file);
    vl_io_close(io);
}

static void
common_ring_may_be_forbidden_later(void)
{
    common_run_children(common_child_forbids_enter_later);
}

static void
common_environment_chooses_the_backend(void)
{
    vl_io_options options = {.backend = VL_IO_POSIX};
    velo_status st;
    vl_io *io;

    CHECK_EQ(setenv("VELO_IO", "posix", 1), 0);
    CHECK_OK(vl_io_open(unit_ctx(), NULL, &io));
    CHECK(strcmp(vl_io_name(io), "posix") == 0);
    CHECK(strcmp(vl_io_fallback_reason(io), "") == 0);
    vl_io_close(io);
    CHECK_EQ(setenv("VELO_IO", "io_uring", 1), 0);
    CHECK_OK(vl_io_open(unit_ctx(), &options, &io)); /* demanded: not overridden */
    CHECK(strcmp(vl_io_name(io), "posix") == 0);
    vl_io_close(io);
    st = vl_io_open(unit_ctx(), NULL, &io);
    CHECK(st == VELO_OK || st == VELO_ERROR); /* as if demanded: no fallback */
    CHECK(st != VELO_OK || strcmp(vl_io_name(io), "io_uring") == 0);
    vl_io_close(io);
    CHECK_EQ(unsetenv("VELO_IO"), 0);
}

/* ---- missing calls and failing ones ---- */

static void
common_child_lacks_calls(void)
{
    static uint8_t buf[40000];
    uint8_t random[600];
    vl_file *files[2];
    uint64_t size;
    vl_io *io = common_open();

    CHECK_EQ(mkdir(unit_path("sub"), 0777), 0);
    CHECK_OK(common_create(io, "a", &files[0]));
    system_forbid_call(SYS_pwritev2, EOPNOTSUPP);
    CHECK_OK(vl_file_write_durable(unit_ctx(), files[0], VL_DURABLE_DSYNC, "abc", 3, 0));
    system_forbid_call(SYS_fallocate, EOPNOTSUPP);
    CHECK_OK(vl_file_allocate(unit_ctx(), files[0], 1, sizeof buf - 1));
    CHECK_OK(vl_file_get_size(unit_ctx(), files[0], &size));
    CHECK_EQ(size, sizeof buf);
    CHECK_OK(vl_file_read(unit_ctx(), files[0], buf, sizeof buf, 0, NULL));
    CHECK(memcmp(buf, "abc\0\0", 5) == 0);
    system_forbid_call(SYS_getrandom, ENOSYS);
    system_forbid_call(SYS_statx, ENOSYS);
    system_forbid_flag(SYS_openat, 2, O_TMPFILE & ~O_DIRECTORY, EOPNOTSUPP);
    memset(random, 0, sizeof random);
    CHECK_OK(vl_io_random(unit_ctx(), io, random, sizeof random));
    CHECK(memcmp(random, random + 300, 300) != 0);
    CHECK_OK(
        vl_file_open(unit_ctx(), io, unit_folder(), VL_OPEN_TEMPORARY | VL_OPEN_DIRECT, &files[1]));
    CHECK_EQ(vl_file_align(files[1]), vl_file_is_direct(files[1]) ? VL_DIRECT_ALIGN : 1);
    CHECK(!vl_file_can_durable(unit_ctx(), files[1], VL_DURABLE_DSYNC));
    CHECK_OK(vl_file_resize(unit_ctx(), files[1], 4096));
    vl_file_close(files[1]);
    CHECK_EQ(rmdir(unit_path("sub")), 0); /* the temporary file has left nothing */
    vl_file_close(files[0]);
    vl_io_close(io);
}

static void
common_calls_may_be_missing(void)
{
    common_run_children(common_child_lacks_calls);
}

static void
common_child_cannot_sync(void)
{
    vl_file *file;
    vl_map map;
    vl_io *io = common_open();

    CHECK_OK(common_create(io, "a", &file));
    CHECK_OK(vl_file_resize(unit_ctx(), file, 8192));
    CHECK_OK(vl_map_open(unit_ctx(), file, 8192, 8192, 1, &map));
    system_forbid_call(SYS_fdatasync, EIO);
    CHECK_STATUS(vl_file_sync(unit_ctx(), file), VELO_IOERR_FSYNC);
    CHECK_CONTAINS(unit_ctx()->error.text, strerror(EIO));
    CHECK_STATUS(vl_map_sync(unit_ctx(), &map, 0, 100), VELO_IOERR_FSYNC); /* D5 */
    CHECK_STATUS(common_batch(io, VL_IO_SYNC, file, NULL, 0, 0), VELO_IOERR_FSYNC);
    vl_map_close(&map);
    vl_file_close(file);
    CHECK_OK(vl_file_open(unit_ctx(), io, unit_path("a"), VL_OPEN_WRITE, &file));
    CHECK_OK(vl_map_open(unit_ctx(), file, 8192, 8192, 1, &map));
    system_forbid_call(SYS_msync, EIO);
    CHECK_STATUS(vl_map_sync(unit_ctx(), &map, 0, 100), VELO_IOERR_FSYNC);
    CHECK_CONTAINS(unit_ctx()->error.text, unit_path("a"));
    vl_map_close(&map);
    vl_file_close(file);
    vl_io_close(io);
}

static void
common_failed_sync_is_final(void)
{
    common_run_children(common_child_cannot_sync);
}

static void
common_child_has_no_standard_output(void)
{
    vl_file *files[3];
    vl_io *io;

    (void)close(0);
    (void)close(1);
    (void)close(2);
    io = common_open();
    for (int i = 0; i < 3; i++) {
        CHECK_OK(common_create(io, "a", &files[i]));
        (void)!write(i, "never in the file", 17);
    }
    for (int i = 0; i < 3; i++) {
        uint64_t size = 1;

        CHECK_OK(vl_file_get_size(unit_ctx(), files[i], &size));
        CHECK_EQ(size, 0);
        vl_file_close(files[i]);
    }
    vl_io_close(io);
}

static void
common_standard_output_stays_out_of_files(void)
{
    common_run_children(common_child_has_no_standard_output);
}

/* ---- several processes ---- */

/* Fork a process that lives until the pipe's writing end is closed. */
static pid_t
common_fork_holder(int pipe_fds[2])
{
    pid_t child;
    char byte;

    if (pipe(pipe_fds) != 0)
        return -1;
    child = fork();
    if (child == 0) {
        (void)close(pipe_fds[1]);
        (void)!read(pipe_fds[0], &byte, 1);
        _exit(0);
    }
    (void)close(pipe_fds[0]);
    return child;
}

static void
common_check_forked_lock(vl_io *io, const char *folder)
{
    vl_file *files[2];
    int pipe_fds[2];
    pid_t child;

    (void)folder;
    for (int i = 0; i < 2; i++)
        CHECK_OK(common_create(io, "a", &files[i]));
    CHECK_OK(vl_file_lock(unit_ctx(), files[0], VL_LOCK_EXCLUSIVE, 0, 10));
    child = common_fork_holder(pipe_fds); /* it has the descriptor, too */
    CHECK(child > 0);
    vl_file_close(files[0]);
    CHECK_OK(vl_file_lock(unit_ctx(), files[1], VL_LOCK_EXCLUSIVE, 0, 10));
    CHECK_EQ(close(pipe_fds[1]), 0);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    vl_file_close(files[1]);
}

static void
common_closed_locks_do_not_outlive_in_children(void)
{
    common_run(common_check_forked_lock);
}

static void
common_child_dies_with_a_lock(void)
{
    static char buf[4096];
    vl_file *file;
    vl_io *io = common_open();

    CHECK_OK(common_create(io, "a", &file));
    for (uint64_t i = 0; i < 3; i++) { /* a ring knows the file before and after */
        CHECK_OK(common_batch(io, VL_IO_WRITE, file, buf, sizeof buf, 0));
        CHECK_OK(common_batch(io, VL_IO_READ, file, buf, sizeof buf, 0));
        CHECK_OK(vl_file_lock(unit_ctx(), file, VL_LOCK_EXCLUSIVE, 5 + i, 1));
    }
    /* and ends without closing anything */
}

/* Take the lock that dead children of this backend had, after so many tries at most. */
static void
common_check_deaths(vl_io *io, vl_file *file, vl_io_backend backend, int tries)
{
    for (int i = 0; i < 3; i++) {
        int rest = tries;

        if (!system_run_in_child(backend, common_child_dies_with_a_lock))
            return;
        while (vl_file_lock(unit_ctx(), file, VL_LOCK_EXCLUSIVE, 0, 100) == VELO_BUSY && --rest > 0)
            vl_io_sleep(io, 1000000);
        CHECK(rest > 0);
        CHECK_OK(vl_file_lock(unit_ctx(), file, VL_LOCK_EXCLUSIVE, 0, 100)); /* also when held */
        CHECK_OK(vl_file_lock(unit_ctx(), file, VL_LOCK_NONE, 0, 100));
    }
}

/* After POSIX at once. After io_uring the system may still have to give back a request that is long
 * complete, and with it the file (see uring_ring.c); nobody waits for that. That the lock is not
 * held as long as a ring lives, uring_lock_is_held_by_what_writes shows. */
static void
common_locks_die_with_their_process(void)
{
    vl_file *file;
    vl_io *ring;
    vl_io *io;

    CHECK(system_open(VL_IO_POSIX, &io));
    CHECK_OK(common_create(io, "a", &file));
    common_check_deaths(io, file, VL_IO_POSIX, 1);
    if (!unit_has_failed() && system_open(VL_IO_URING, &ring)) {
        vl_io_close(ring);
        common_check_deaths(io, file, VL_IO_URING, 5000);
    }
    vl_file_close(file);
    vl_io_close(io);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(common_paths_may_be_odd),
        UNIT_TEST(common_only_files_are_opened),
        UNIT_TEST(common_symbolic_links_are_followed),
        UNIT_TEST(common_files_may_be_private),
        UNIT_TEST(common_permissions_are_reported),
        UNIT_TEST(common_read_only_media_are_reported),
        UNIT_TEST(common_full_media_are_reported),
        UNIT_TEST(common_file_size_limits_are_reported),
        UNIT_TEST(common_few_descriptors_are_reported),
        UNIT_TEST(common_no_locked_memory_is_no_hindrance),
        UNIT_TEST(common_forbidden_rings_are_reported),
        UNIT_TEST(common_ring_may_be_forbidden_later),
        UNIT_TEST(common_environment_chooses_the_backend),
        UNIT_TEST(common_calls_may_be_missing),
        UNIT_TEST(common_failed_sync_is_final),
        UNIT_TEST(common_standard_output_stays_out_of_files),
        UNIT_TEST(common_closed_locks_do_not_outlive_in_children),
        UNIT_TEST(common_locks_die_with_their_process),
    };

    (void)unsetenv("VELO_IO"); /* the tests choose */
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
