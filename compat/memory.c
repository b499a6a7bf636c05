/* memory.c - sqlite3_malloc and its kin.
 *
 * Blocks are the C library's with a header that has their size, so that sqlite3_msize and the
 * counters know it. */
#include "compat_int.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The largest block; SQLite refuses larger ones too. */
#define MEMORY_MAX 0x7fffff00ULL

typedef union memory_header {
    sqlite3_uint64 size;
    max_align_t align; /* what follows is aligned for anything */
} memory_header;

static _Atomic sqlite3_int64 memory_used;
static _Atomic sqlite3_int64 memory_peak;
static _Atomic sqlite3_int64 memory_blocks;
static _Atomic sqlite3_int64 memory_hard_limit;
static _Atomic sqlite3_int64 memory_soft_limit;

static void
memory_count(sqlite3_int64 change)
{
    sqlite3_int64 now = atomic_fetch_add_explicit(&memory_used, change, memory_order_relaxed);
    sqlite3_int64 peak = atomic_load_explicit(&memory_peak, memory_order_relaxed);

    now += change;
    while (now > peak && !atomic_compare_exchange_weak_explicit(
                             &memory_peak, &peak, now, memory_order_relaxed, memory_order_relaxed))
        continue;
}

/* Whether `size` bytes more may be taken. */
static int
memory_may_take(sqlite3_uint64 size)
{
    sqlite3_int64 limit = atomic_load_explicit(&memory_hard_limit, memory_order_relaxed);

    if (size > MEMORY_MAX)
        return 0;
    return limit <= 0 || sqlite3_memory_used() + (sqlite3_int64)size <= limit;
}

void *
sqlite3_malloc64(sqlite3_uint64 size)
{
    memory_header *header;

    if (size == 0 || !memory_may_take(size))
        return NULL;
    header = malloc(sizeof *header + size);
    if (header == NULL)
        return NULL;
    header->size = size;
    memory_count((sqlite3_int64)size);
    atomic_fetch_add_explicit(&memory_blocks, 1, memory_order_relaxed);
    return header + 1;
}

void *
sqlite3_malloc(int size)
{
    return size <= 0 ? NULL : sqlite3_malloc64((sqlite3_uint64)size);
}

void
sqlite3_free(void *block)
{
    memory_header *header = block;

    if (block == NULL)
        return;
    header--;
    memory_count(-(sqlite3_int64)header->size);
    atomic_fetch_sub_explicit(&memory_blocks, 1, memory_order_relaxed);
    free(header);
}

void *
sqlite3_realloc64(void *block, sqlite3_uint64 size)
{
    memory_header *header = block;
    memory_header *moved;
    sqlite3_uint64 before;

    if (block == NULL)
        return sqlite3_malloc64(size);
    if (size == 0) {
        sqlite3_free(block);
        return NULL;
    }
    header--;
    before = header->size;
    if (size > before && !memory_may_take(size - before))
        return NULL;
    if (size > MEMORY_MAX)
        return NULL;
    moved = realloc(header, sizeof *header + size);
    if (moved == NULL)
        return NULL;
    moved->size = size;
    memory_count((sqlite3_int64)size - (sqlite3_int64)before);
    return moved + 1;
}

void *
sqlite3_realloc(void *block, int size)
{
    return sqlite3_realloc64(block, size < 0 ? 0 : (sqlite3_uint64)size);
}

sqlite3_uint64
sqlite3_msize(void *block)
{
    memory_header *header = block;

    return block == NULL ? 0 : header[-1].size;
}

char *
compat_copy(const char *text)
{
    size_t size;
    char *copy;

    if (text == NULL)
        return NULL;
    size = strlen(text) + 1;
    copy = sqlite3_malloc64(size);
    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

/* ---- counters and limits ---- */

sqlite3_int64
sqlite3_memory_used(void)
{
    return atomic_load_explicit(&memory_used, memory_order_relaxed) +
           (sqlite3_int64)velo_memory_used();
}

sqlite3_int64
sqlite3_memory_highwater(int reset)
{
    sqlite3_int64 peak = atomic_load_explicit(&memory_peak, memory_order_relaxed) +
                         (sqlite3_int64)velo_memory_peak(reset);

    if (reset)
        atomic_store_explicit(&memory_peak,
                              atomic_load_explicit(&memory_used, memory_order_relaxed),
                              memory_order_relaxed);
    return peak;
}

sqlite3_int64
sqlite3_hard_heap_limit64(sqlite3_int64 size)
{
    sqlite3_int64 before = atomic_load_explicit(&memory_hard_limit, memory_order_relaxed);

    if (size >= 0)
        atomic_store_explicit(&memory_hard_limit, size, memory_order_relaxed);
    return before;
}

sqlite3_int64
sqlite3_soft_heap_limit64(sqlite3_int64 size)
{
    sqlite3_int64 before = atomic_load_explicit(&memory_soft_limit, memory_order_relaxed);

    if (size >= 0)
        atomic_store_explicit(&memory_soft_limit, size, memory_order_relaxed);
    return before;
}

void
sqlite3_soft_heap_limit(int size)
{
    (void)sqlite3_soft_heap_limit64(size < 0 ? 0 : size);
}

int
sqlite3_release_memory(int size)
{
    (void)size;
    return 0;
}

int
sqlite3_status64(int op, sqlite3_int64 *current, sqlite3_int64 *peak, int reset)
{
    sqlite3_int64 now = 0;
    sqlite3_int64 most = 0;

    if (op < 0 || op > SQLITE_STATUS_MALLOC_COUNT || current == NULL || peak == NULL)
        return SQLITE_MISUSE;
    if (op == SQLITE_STATUS_MEMORY_USED) {
        now = sqlite3_memory_used();
        most = sqlite3_memory_highwater(reset);
    } else if (op == SQLITE_STATUS_MALLOC_COUNT) {
        now = most = atomic_load_explicit(&memory_blocks, memory_order_relaxed);
    }
    *current = now;
    *peak = most;
    return SQLITE_OK;
}

int
sqlite3_status(int op, int *current, int *peak, int reset)
{
    sqlite3_int64 now;
    sqlite3_int64 most;
    int code;

    if (current == NULL || peak == NULL)
        return SQLITE_MISUSE;
    code = sqlite3_status64(op, &now, &most, reset);
    if (code == SQLITE_OK) {
        *current = (int)now;
        *peak = (int)most;
    }
    return code;
}

void
compat_give_back(const void *data, sqlite3_destructor_type destroy)
{
    union {
        const void *given;
        void *block;
    } pointer = {data};

    if (destroy != SQLITE_STATIC && destroy != SQLITE_TRANSIENT)
        destroy(pointer.block);
}
