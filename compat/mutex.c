/* mutex.c - SQLite's mutexes, on those of POSIX.
 *
 * Recursive ones count as SQLite's do. Static ones exist always and are never freed. */
#define _GNU_SOURCE
#include "compat_int.h"

#include <string.h>

#define MUTEX_STATIC_COUNT (SQLITE_MUTEX_STATIC_VFS3 - SQLITE_MUTEX_STATIC_MAIN + 1)

static sqlite3_mutex mutex_static[MUTEX_STATIC_COUNT];
static pthread_once_t mutex_once = PTHREAD_ONCE_INIT;

static int
mutex_init(sqlite3_mutex *mutex, int kind)
{
    pthread_mutexattr_t attributes;
    int failed;

    mutex->kind = kind;
    if (pthread_mutexattr_init(&attributes) != 0)
        return 0;
    if (kind == SQLITE_MUTEX_RECURSIVE)
        (void)pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    failed = pthread_mutex_init(&mutex->mutex, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
    return failed == 0;
}

static void
mutex_init_static(void)
{
    for (int i = 0; i < MUTEX_STATIC_COUNT; i++)
        (void)mutex_init(&mutex_static[i], SQLITE_MUTEX_STATIC_MAIN + i);
}

int
compat_mutex_init(sqlite3_mutex *mutex)
{
    return mutex_init(mutex, SQLITE_MUTEX_RECURSIVE);
}

sqlite3_mutex *
sqlite3_mutex_alloc(int kind)
{
    sqlite3_mutex *mutex;

    if (kind >= SQLITE_MUTEX_STATIC_MAIN && kind <= SQLITE_MUTEX_STATIC_VFS3) {
        (void)pthread_once(&mutex_once, mutex_init_static);
        return &mutex_static[kind - SQLITE_MUTEX_STATIC_MAIN];
    }
    if (kind != SQLITE_MUTEX_FAST && kind != SQLITE_MUTEX_RECURSIVE)
        return NULL;
    mutex = sqlite3_malloc64(sizeof *mutex);
    if (mutex == NULL)
        return NULL;
    memset(mutex, 0, sizeof *mutex);
    if (mutex_init(mutex, kind))
        return mutex;
    sqlite3_free(mutex);
    return NULL;
}

void
sqlite3_mutex_free(sqlite3_mutex *mutex)
{
    if (mutex == NULL ||
        (mutex->kind != SQLITE_MUTEX_FAST && mutex->kind != SQLITE_MUTEX_RECURSIVE))
        return;
    (void)pthread_mutex_destroy(&mutex->mutex);
    sqlite3_free(mutex);
}

void
sqlite3_mutex_enter(sqlite3_mutex *mutex)
{
    if (mutex != NULL)
        (void)pthread_mutex_lock(&mutex->mutex);
}

int
sqlite3_mutex_try(sqlite3_mutex *mutex)
{
    if (mutex == NULL)
        return SQLITE_OK;
    return pthread_mutex_trylock(&mutex->mutex) == 0 ? SQLITE_OK : SQLITE_BUSY;
}

void
sqlite3_mutex_leave(sqlite3_mutex *mutex)
{
    if (mutex != NULL)
        (void)pthread_mutex_unlock(&mutex->mutex);
}
