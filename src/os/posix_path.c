/* posix_path.c - the system's paths, clocks and random bytes, for all backends on its files.
 *
 * Invariants
 *   P5  A path is bytes: nothing here looks at more than '/', and the parts "." and "..".
 *   P6  What vl_posix_path_get_full returns names the file that opening the path would open or
 *       create: a symbolic link to nothing counts as its target. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/posix_int.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/random.h>
#endif

#define POSIX_LINKS_MAX 40 /* symbolic links followed, as Linux does */
#define POSIX_NS_PER_S  1000000000U

/* ---- paths ---- */

/* The part of a path behind its last slash; `folder` receives what is before it. */
static int
posix_split_path(const char *path, char folder[VL_PATH_SIZE], const char **last)
{
    size_t length = strnlen(path, VL_PATH_SIZE);
    const char *slash = strrchr(path, '/');
    size_t folder_length = slash != NULL ? (size_t)(slash - path) : 0;

    if (length >= VL_PATH_SIZE)
        return ENAMETOOLONG;
    if (length == 0)
        return ENOENT;
    *last = slash != NULL ? slash + 1 : path;
    if (slash == NULL || folder_length == 0) {
        folder[0] = slash == NULL ? '.' : '/';
        folder[1] = '\0';
        return 0;
    }
    memcpy(folder, path, folder_length);
    folder[folder_length] = '\0';
    return 0;
}

int
vl_posix_path_delete(vl_io *io, const char *path)
{
    (void)io;
    return unlink(path) == 0 ? 0 : errno;
}

int
vl_posix_path_rename(vl_io *io, const char *from, const char *to)
{
    (void)io;
    return rename(from, to) == 0 ? 0 : errno;
}

int
vl_posix_path_exists(vl_io *io, const char *path, int *exists)
{
    struct stat info;

    (void)io;
    *exists = stat(path, &info) == 0;
    if (*exists || errno == ENOENT || errno == ENOTDIR)
        return 0;
    return errno;
}

int
vl_posix_path_sync_folder(vl_io *io, const char *path)
{
    char folder[VL_PATH_SIZE];
    const char *last;
    int error = posix_split_path(path, folder, &last);
    int result;
    int fd;

    (void)io;
    if (error != 0)
        return error;
    fd = vl_posix_open_fd(folder, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return errno;
    do
        result = fsync(fd);
    while (result != 0 && errno == EINTR);
    /* EINVAL and EBADF come from file systems that have no such notion: there is nothing to do. */
    if (result != 0 && errno != EINVAL && errno != EBADF)
        error = errno;
    vl_posix_close_fd(fd);
    return error;
}

int
vl_posix_path_get_space(vl_io *io, const char *path, uint64_t *free_bytes, uint64_t *total_bytes)
{
    char folder[VL_PATH_SIZE];
    const char *last;
    struct statvfs info;
    int result = statvfs(path, &info);

    (void)io;
    if (result != 0 && errno == ENOENT && posix_split_path(path, folder, &last) == 0)
        result = statvfs(folder, &info);
    if (result != 0)
        return errno;
    *free_bytes = (uint64_t)info.f_bavail * info.f_frsize;
    *total_bytes = (uint64_t)info.f_blocks * info.f_frsize;
    return 0;
}

/* Append "/name" to the path of a folder. */
static int
posix_join_path(char full[VL_PATH_SIZE], const char *name)
{
    size_t length = strlen(full);
    size_t name_length = strlen(name);

    if (length == 1 && full[0] == '/')
        length = 0;
    if (length + 1 + name_length >= VL_PATH_SIZE)
        return ENAMETOOLONG;
    full[length] = '/';
    memcpy(full + length + 1, name, name_length + 1);
    return 0;
}

/* Resolve the folder of a path whose last part is absent, and append that part. */
static int
posix_resolve_folder(const char *path, char full[VL_PATH_SIZE])
{
    char folder[VL_PATH_SIZE];
    char resolved[PATH_MAX];
    const char *last;
    int error = posix_split_path(path, folder, &last);

    if (error != 0)
        return error;
    if (last[0] == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
        return ENOENT;
    if (realpath(folder, resolved) == NULL)
        return errno;
    if (strlen(resolved) >= VL_PATH_SIZE)
        return ENAMETOOLONG;
    memcpy(full, resolved, strlen(resolved) + 1);
    return posix_join_path(full, last);
}

/* If `full` is a symbolic link, put where it points into `next`: 1, or 0 when it is none. */
static int
posix_follow_link(const char *full, char next[VL_PATH_SIZE])
{
    char target[VL_PATH_SIZE];
    const char *last;
    ssize_t length = readlink(full, target, sizeof target - 1);

    if (length <= 0)
        return 0;
    target[length] = '\0';
    if (target[0] == '/') {
        memcpy(next, target, (size_t)length + 1);
        return 1;
    }
    return posix_split_path(full, next, &last) == 0 && posix_join_path(next, target) == 0;
}

int
vl_posix_path_get_full(vl_io *io, const char *path, char *full)
{
    char resolved[PATH_MAX];
    char next[VL_PATH_SIZE];
    int error;

    (void)io;
    for (int i = 0; i < POSIX_LINKS_MAX; i++) {
        if (realpath(path, resolved) != NULL) {
            if (strlen(resolved) >= VL_PATH_SIZE)
                return ENAMETOOLONG;
            memcpy(full, resolved, strlen(resolved) + 1);
            return 0;
        }
        if (errno != ENOENT)
            return errno;
        error = posix_resolve_folder(path, full);
        /* A link that points to nothing: opening it would create its target. */
        if (error != 0 || !posix_follow_link(full, next))
            return error;
        path = next;
    }
    return ELOOP;
}

/* ---- clock and randomness ---- */

uint64_t
vl_posix_monotonic_ns(vl_io *io)
{
    struct timespec now;

    (void)io;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * POSIX_NS_PER_S + (uint64_t)now.tv_nsec;
}

int64_t
vl_posix_wall_ns(vl_io *io)
{
    struct timespec now;

    (void)io;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * (int64_t)POSIX_NS_PER_S + now.tv_nsec;
}

void
vl_posix_sleep(vl_io *io, uint64_t duration_ns)
{
    struct timespec rest = {
        .tv_sec = (time_t)(duration_ns / POSIX_NS_PER_S),
        .tv_nsec = (long)(duration_ns % POSIX_NS_PER_S),
    };

    (void)io;
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
        continue;
}

/* The device, for systems without a call. */
static int
posix_random_device(uint8_t *buf, size_t size)
{
    int fd = vl_posix_open_fd("/dev/urandom", O_RDONLY);
    int error = 0;

    if (fd < 0)
        return errno;
    while (size > 0 && error == 0) {
        ssize_t count = read(fd, buf, size);

        if (count > 0) {
            buf += count;
            size -= (size_t)count;
        } else if (count == 0) {
            error = EIO;
        } else if (errno != EINTR) {
            error = errno;
        }
    }
    vl_posix_close_fd(fd);
    return error;
}

int
vl_posix_random(vl_io *io, void *buf, size_t size)
{
    uint8_t *at = buf;

    (void)io;
#if defined(__linux__)
    while (size > 0) {
        ssize_t count = getrandom(at, size, 0);

        if (count >= 0) {
            at += count;
            size -= (size_t)count;
        } else if (errno == ENOSYS || errno == EPERM) {
            break; /* an old kernel, or forbidden */
        } else if (errno != EINTR) {
            return errno;
        }
    }
#endif
    return size > 0 ? posix_random_device(at, size) : 0;
}
