/* store_sqlite.c - SQLite among the peers. */
#include "store_peers.h"

#include "lib/bench.h"

#if VL_HAVE_SQLITE

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct sqlite_db {
    sqlite3 *handle;
    row_shape shape;
    char path[1024];
} sqlite_db;

typedef struct sqlite_reader {
    sqlite3 *handle; /* a connection of its own, with a read transaction open */
    sqlite3_stmt *k;
    sqlite3_stmt *all;
    char row[ROW_MAX];
} sqlite_reader;

static void
sqlite_check(sqlite3 *handle, int code)
{
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)
        return;
    (void)fprintf(stderr, "\nsqlite: %s\n", sqlite3_errmsg(handle));
    exit(1);
}

static void
sqlite_run(sqlite3 *handle, const char *sql)
{
    sqlite_check(handle, sqlite3_exec(handle, sql, NULL, NULL, NULL));
}

static sqlite3 *
sqlite_connect(const char *path, uint64_t cache_bytes)
{
    sqlite3 *handle;
    char text[128];

    sqlite_check(NULL, sqlite3_open_v2(
                           path, &handle,
                           SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL));
    (void)snprintf(text, sizeof text, "PRAGMA cache_size=-%llu; PRAGMA mmap_size=%llu",
                   (unsigned long long)cache_bytes / 1024, 16ULL << 30);
    sqlite_run(handle, text);
    return handle;
}

static void *
sqlite_open(const char *path, row_shape shape, const peer_options *options, int is_new)
{
    sqlite_db *db = calloc(1, sizeof *db);

    if (db == NULL)
        exit(1);
    if (is_new)
        bench_delete_database(path);
    db->shape = shape;
    (void)snprintf(db->path, sizeof db->path, "%s", path);
    db->handle = sqlite_connect(path, options->cache_bytes);
    if (is_new)
        sqlite_run(db->handle,
                   shape == ROW_WIDE
                       ? "CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER, a TEXT, b TEXT)"
                       : "CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER, m INTEGER, price REAL,"
                         " a TEXT)");
    return db;
}

static uint64_t
sqlite_close(void *handle)
{
    sqlite_db *db = handle;
    uint64_t size;

    sqlite_check(db->handle, sqlite3_close(db->handle));
    size = peers_file_size(db->path);
    free(db);
    return size;
}

static void
sqlite_insert(sqlite_db *db, sqlite3_stmt *insert, int64_t rowid)
{
    bench_row row;

    row_make(db->shape, rowid, &row);
    sqlite3_bind_int64(insert, 1, rowid);
    sqlite3_bind_int64(insert, 2, row.k);
    if (db->shape == ROW_WIDE) {
        sqlite3_bind_text(insert, 3, row.a, ROW_A_SIZE, SQLITE_STATIC);
        sqlite3_bind_text(insert, 4, row.b, ROW_B_SIZE, SQLITE_STATIC);
    } else {
        sqlite3_bind_int64(insert, 3, row.m);
        sqlite3_bind_double(insert, 4, row.price);
        sqlite3_bind_text(insert, 5, row.a, (int)row.a_size, SQLITE_STATIC);
    }
    sqlite_check(db->handle, sqlite3_step(insert));
    sqlite_check(db->handle, sqlite3_reset(insert));
}

/* The rollback journal of a new database stays empty, so pages are written once. */
static void
sqlite_load(void *handle, uint64_t count, peer_load how)
{
    sqlite_db *db = handle;
    sqlite3_stmt *insert;

    sqlite_check(db->handle,
                 sqlite3_prepare_v2(db->handle,
                                    db->shape == ROW_WIDE ? "INSERT INTO t VALUES(?,?,?,?)"
                                                          : "INSERT INTO t VALUES(?,?,?,?,?)",
                                    -1, &insert, NULL));
    sqlite_run(db->handle, "BEGIN");
    for (uint64_t i = 0; i < count; i++)
        sqlite_insert(db, insert, how == LOAD_SHUFFLED ? row_shuffled(i, count) : (int64_t)i + 1);
    sqlite_run(db->handle, "COMMIT");
    sqlite_check(db->handle, sqlite3_finalize(insert));
}

static void *
sqlite_reader_open(void *handle)
{
    const sqlite_db *db = handle;
    sqlite_reader *reader = calloc(1, sizeof *reader);

    if (reader == NULL)
        exit(1);
    reader->handle = sqlite_connect(db->path, UINT64_C(1) << 30);
    sqlite_run(reader->handle, "BEGIN");
    sqlite_check(reader->handle, sqlite3_prepare_v2(reader->handle, "SELECT k FROM t WHERE id=?",
                                                    -1, &reader->k, NULL));
    sqlite_check(reader->handle, sqlite3_prepare_v2(reader->handle, "SELECT * FROM t WHERE id=?",
                                                    -1, &reader->all, NULL));
    return reader;
}

static void
sqlite_reader_close(void *handle)
{
    sqlite_reader *reader = handle;

    sqlite_check(reader->handle, sqlite3_finalize(reader->k));
    sqlite_check(reader->handle, sqlite3_finalize(reader->all));
    sqlite_check(reader->handle, sqlite3_close(reader->handle));
    free(reader);
}

static int64_t
sqlite_find(void *handle, const int64_t *rowids, uint32_t count)
{
    sqlite_reader *reader = handle;
    int64_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        sqlite3_bind_int64(reader->k, 1, rowids[i]);
        sqlite_check(reader->handle, sqlite3_step(reader->k));
        sum += sqlite3_column_int64(reader->k, 0);
        sqlite3_reset(reader->k);
    }
    return sum;
}

static int64_t
sqlite_copy(void *handle, const int64_t *rowids, uint32_t count)
{
    sqlite_reader *reader = handle;
    int64_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        sqlite3_bind_int64(reader->all, 1, rowids[i]);
        sqlite_check(reader->handle, sqlite3_step(reader->all));
        sum += sqlite3_column_int64(reader->all, 1);
        memcpy(reader->row, sqlite3_column_text(reader->all, 2), ROW_A_SIZE);
        memcpy(reader->row + ROW_A_SIZE, sqlite3_column_text(reader->all, 3), ROW_B_SIZE);
        __asm__ volatile("" : : "r"(reader->row) : "memory");
        sqlite3_reset(reader->all);
    }
    return sum;
}

int64_t
sqlite_sum_k(void *handle)
{
    sqlite_db *db = handle;
    sqlite3_stmt *sum;
    int64_t result;

    sqlite_check(db->handle,
                 sqlite3_prepare_v2(db->handle, "SELECT sum(k) FROM t", -1, &sum, NULL));
    sqlite_check(db->handle, sqlite3_step(sum));
    result = sqlite3_column_int64(sum, 0);
    sqlite_check(db->handle, sqlite3_finalize(sum));
    return result;
}

const peer peer_sqlite = {
    "SQLite",           1,           sqlite_open, sqlite_load,         sqlite_close,
    sqlite_reader_open, sqlite_find, sqlite_copy, sqlite_reader_close,
};

#else

const peer peer_sqlite = {.name = "SQLite"};

int64_t
sqlite_sum_k(void *db)
{
    (void)db;
    return 0;
}

#endif
