/* store_lmdb.c - LMDB among the peers. */
#include "store_peers.h"

#include "lib/bench.h"

#if VL_HAVE_LMDB

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LMDB_MAP ((size_t)8 << 30)

typedef struct lmdb_db {
    MDB_env *env;
    MDB_dbi dbi;
    row_shape shape;
    char path[1024];
} lmdb_db;

typedef struct lmdb_reader {
    lmdb_db *db;
    MDB_txn *txn;
    char row[ROW_MAX];
} lmdb_reader;

static void
lmdb_check(int code)
{
    if (code == 0)
        return;
    (void)fprintf(stderr, "\nlmdb: %s\n", mdb_strerror(code));
    exit(1);
}

static void *
lmdb_open(const char *path, row_shape shape, const peer_options *options, int is_new)
{
    lmdb_db *db = calloc(1, sizeof *db);
    MDB_txn *txn;

    (void)options;
    if (db == NULL)
        exit(1);
    if (is_new)
        bench_delete_database(path);
    db->shape = shape;
    (void)snprintf(db->path, sizeof db->path, "%s", path);
    lmdb_check(mdb_env_create(&db->env));
    lmdb_check(mdb_env_set_mapsize(db->env, LMDB_MAP));
    lmdb_check(mdb_env_open(db->env, path, MDB_NOSUBDIR | MDB_NOTLS, 0644));
    lmdb_check(mdb_txn_begin(db->env, NULL, 0, &txn));
    lmdb_check(mdb_dbi_open(txn, NULL, MDB_INTEGERKEY | MDB_CREATE, &db->dbi));
    lmdb_check(mdb_txn_commit(txn));
    return db;
}

static uint64_t
lmdb_close(void *handle)
{
    lmdb_db *db = handle;
    uint64_t size;

    mdb_env_close(db->env);
    size = peers_file_size(db->path);
    free(db);
    return size;
}

/* Put a row into the memory that LMDB gives for it. */
static void
lmdb_put(lmdb_db *db, MDB_txn *txn, int64_t rowid, unsigned flags)
{
    MDB_val key = {sizeof rowid, &rowid};
    MDB_val value = {0, NULL};
    bench_row row;
    char *to;

    row_make(db->shape, rowid, &row);
    value.mv_size = db->shape == ROW_WIDE ? 8 + ROW_A_SIZE + ROW_B_SIZE : 24 + (size_t)row.a_size;
    lmdb_check(mdb_put(txn, db->dbi, &key, &value, flags | MDB_RESERVE));
    to = value.mv_data;
    memcpy(to, &row.k, 8);
    if (db->shape == ROW_WIDE) {
        memcpy(to + 8, row.a, ROW_A_SIZE);
        memcpy(to + 8 + ROW_A_SIZE, row.b, ROW_B_SIZE);
    } else {
        memcpy(to + 8, &row.m, 8);
        memcpy(to + 16, &row.price, 8);
        memcpy(to + 24, row.a, row.a_size);
    }
}

static void
lmdb_load(void *handle, uint64_t count, peer_load how)
{
    lmdb_db *db = handle;
    MDB_txn *txn;

    lmdb_check(mdb_txn_begin(db->env, NULL, 0, &txn));
    for (uint64_t i = 0; i < count; i++)
        lmdb_put(db, txn, how == LOAD_SHUFFLED ? row_shuffled(i, count) : (int64_t)i + 1,
                 how == LOAD_SHUFFLED ? 0 : MDB_APPEND);
    lmdb_check(mdb_txn_commit(txn));
}

static void *
lmdb_reader_open(void *db)
{
    lmdb_reader *reader = calloc(1, sizeof *reader);

    if (reader == NULL)
        exit(1);
    reader->db = db;
    lmdb_check(mdb_txn_begin(reader->db->env, NULL, MDB_RDONLY, &reader->txn));
    mdb_txn_reset(reader->txn);
    return reader;
}

static void
lmdb_reader_close(void *handle)
{
    lmdb_reader *reader = handle;

    mdb_txn_abort(reader->txn);
    free(reader);
}

/* Find rows, and copy them or not. */
static int64_t
lmdb_read(lmdb_reader *reader, const int64_t *rowids, uint32_t count, int is_copied)
{
    int64_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        int64_t rowid = rowids[i];
        MDB_val key = {sizeof rowid, &rowid};
        MDB_val value;
        int64_t k;

        lmdb_check(mdb_txn_renew(reader->txn));
        lmdb_check(mdb_get(reader->txn, reader->db->dbi, &key, &value));
        memcpy(&k, value.mv_data, sizeof k);
        if (is_copied)
            memcpy(reader->row, value.mv_data, value.mv_size);
        mdb_txn_reset(reader->txn);
        sum += k;
        __asm__ volatile("" : : "r"(reader->row) : "memory");
    }
    return sum;
}

static int64_t
lmdb_find(void *reader, const int64_t *rowids, uint32_t count)
{
    return lmdb_read(reader, rowids, count, 0);
}

static int64_t
lmdb_copy(void *reader, const int64_t *rowids, uint32_t count)
{
    return lmdb_read(reader, rowids, count, 1);
}

const peer peer_lmdb = {
    "LMDB",           1,         lmdb_open, lmdb_load,         lmdb_close,
    lmdb_reader_open, lmdb_find, lmdb_copy, lmdb_reader_close,
};

#else

const peer peer_lmdb = {.name = "LMDB"};

#endif
