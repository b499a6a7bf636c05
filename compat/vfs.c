/* vfs.c - the object that sqlite3_vfs_find gives.
 *
 * It serves those who want the time, random bytes or a full path by it. Files are opened by
 * VelociDB in its own way: xOpen refuses. Others may be registered and found, but opening a
 * database with one is refused (connection.c). */
#define _GNU_SOURCE
#include "compat_int.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Milliseconds from Julian day 0 to 1970. */
#define VFS_EPOCH_MS 210866760000000LL

static pthread_mutex_t vfs_mutex = PTHREAD_MUTEX_INITIALIZER;

static int
vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *out_flags)
{
    (void)vfs;
    (void)name;
    (void)flags;
    (void)out_flags;
    file->pMethods = NULL;
    return SQLITE_CANTOPEN;
}

static int
vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    (void)vfs;
    (void)sync_folder;
    return unlink(name) == 0 ? SQLITE_OK : SQLITE_IOERR_DELETE;
}

static int
vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
    int mode = flags == SQLITE_ACCESS_EXISTS ? F_OK
               : flags == SQLITE_ACCESS_READ ? R_OK
                                             : R_OK | W_OK;

    (void)vfs;
    *result = access(name, mode) == 0;
    return SQLITE_OK;
}

static int
vfs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
    char folder[PATH_MAX];
    int written;

    (void)vfs;
    if (name[0] == '/')
        written = snprintf(out, (size_t)size, "%s", name);
    else if (getcwd(folder, sizeof folder) == NULL)
        return SQLITE_CANTOPEN;
    else
        written = snprintf(out, (size_t)size, "%s/%s", folder, name);
    return written < 0 || written >= size ? SQLITE_CANTOPEN : SQLITE_OK;
}

static void *
vfs_dl_open(sqlite3_vfs *vfs, const char *name)
{
    (void)vfs;
    (void)name;
    return NULL;
}

static void
vfs_dl_error(sqlite3_vfs *vfs, int size, char *message)
{
    (void)vfs;
    (void)snprintf(message, (size_t)size, "a VFS loads no libraries: see sqlite3_load_extension");
}

static void (*vfs_dl_symbol(sqlite3_vfs *vfs, void *library, const char *symbol))(void)
{
    (void)vfs;
    (void)library;
    (void)symbol;
    return NULL;
}

static void
vfs_dl_close(sqlite3_vfs *vfs, void *library)
{
    (void)vfs;
    (void)library;
}

static int
vfs_random(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    sqlite3_randomness(size, out);
    return size;
}

static int
vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    (void)sqlite3_sleep((microseconds + 999) / 1000);
    return microseconds;
}

static int
vfs_time_ms(sqlite3_vfs *vfs, sqlite3_int64 *ms)
{
    struct timespec now;

    (void)vfs;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    *ms = VFS_EPOCH_MS + (sqlite3_int64)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    return SQLITE_OK;
}

static int
vfs_time(sqlite3_vfs *vfs, double *day)
{
    sqlite3_int64 ms;

    (void)vfs_time_ms(vfs, &ms);
    *day = (double)ms / 86400000.0;
    return SQLITE_OK;
}

static int
vfs_last_error(sqlite3_vfs *vfs, int size, char *text)
{
    (void)vfs;
    if (size > 0)
        text[0] = 0;
    return 0;
}

static sqlite3_vfs vfs_unix = {
    .iVersion = 2,
    .szOsFile = (int)sizeof(sqlite3_file),
    .mxPathname = PATH_MAX,
    .zName = "unix",
    .xOpen = vfs_open,
    .xDelete = vfs_delete,
    .xAccess = vfs_access,
    .xFullPathname = vfs_full_path,
    .xDlOpen = vfs_dl_open,
    .xDlError = vfs_dl_error,
    .xDlSym = vfs_dl_symbol,
    .xDlClose = vfs_dl_close,
    .xRandomness = vfs_random,
    .xSleep = vfs_sleep,
    .xCurrentTime = vfs_time,
    .xGetLastError = vfs_last_error,
    .xCurrentTimeInt64 = vfs_time_ms,
};

/* Those that are registered, the default first. Guarded by vfs_mutex. */
static sqlite3_vfs *vfs_list = &vfs_unix;

sqlite3_vfs *
compat_vfs_own(void)
{
    return &vfs_unix;
}

sqlite3_vfs *
sqlite3_vfs_find(const char *name)
{
    sqlite3_vfs *vfs;

    (void)pthread_mutex_lock(&vfs_mutex);
    for (vfs = vfs_list; vfs != NULL && name != NULL; vfs = vfs->pNext)
        if (strcmp(vfs->zName, name) == 0)
            break;
    (void)pthread_mutex_unlock(&vfs_mutex);
    return vfs;
}

static void
vfs_unlink(const sqlite3_vfs *vfs)
{
    sqlite3_vfs **link = &vfs_list;

    while (*link != NULL && *link != vfs)
        link = &(*link)->pNext;
    if (*link != NULL)
        *link = vfs->pNext;
}

int
sqlite3_vfs_register(sqlite3_vfs *vfs, int is_default)
{
    if (vfs == NULL)
        return compat_misuse();
    (void)pthread_mutex_lock(&vfs_mutex);
    vfs_unlink(vfs);
    if (is_default || vfs_list == NULL) {
        vfs->pNext = vfs_list;
        vfs_list = vfs;
    } else {
        vfs->pNext = vfs_list->pNext;
        vfs_list->pNext = vfs;
    }
    (void)pthread_mutex_unlock(&vfs_mutex);
    return SQLITE_OK;
}

int
sqlite3_vfs_unregister(sqlite3_vfs *vfs)
{
    if (vfs == NULL)
        return compat_misuse();
    (void)pthread_mutex_lock(&vfs_mutex);
    vfs_unlink(vfs);
    (void)pthread_mutex_unlock(&vfs_mutex);
    return SQLITE_OK;
}

sqlite3_file *
sqlite3_database_file_object(const char *name)
{
    (void)name;
    return NULL; /* the files are not SQLite's objects */
}
