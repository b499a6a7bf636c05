/* store_peers.h - the same rows in our store, in LMDB and in SQLite: what the benchmarks of the
 * storage engine share.
 *
 * A peer is a table of functions over one database at a path; a program calls all peers in the same
 * way. Whatever goes wrong ends the program. Rows are made from their rowid, so that what a peer
 * returns can be checked.
 *
 * LMDB keeps a row as one value: numbers as they are, then the texts; its keys are native 64-bit
 * integers (MDB_INTEGERKEY), the fastest it has. SQLite has an INTEGER PRIMARY KEY, prepared
 * statements, its mapping of the file into memory and a cache that holds everything. */
#ifndef VELO_BENCH_STORE_PEERS_H
#define VELO_BENCH_STORE_PEERS_H

#include "os/io.h"
#include "storage/store.h"

#include <stdint.h>

/* What rows look like. */
typedef enum row_shape {
    ROW_WIDE, /* k integer, a text of 22 bytes, b text of 110: about 150 bytes with the rowid */
    ROW_FIVE  /* rowid, two integers, a price in cents, a short text */
} row_shape;

#define ROW_A_SIZE  22U
#define ROW_B_SIZE  110U
#define ROW_MAX     160U
#define ROW_COLUMNS 4U

/* A row; texts are slices of one text that never changes. */
typedef struct bench_row {
    int64_t rowid; /* from 1 on */
    int64_t k;     /* below 2^20 */
    int64_t m;     /* ROW_FIVE only, below 1000 */
    double price;  /* ROW_FIVE only */
    const char *a; /* ROW_WIDE: ROW_A_SIZE bytes; ROW_FIVE: a_size */
    const char *b; /* ROW_WIDE only: ROW_B_SIZE bytes */
    uint32_t a_size;
} bench_row;

/* The number in column k of a row. */
static inline int64_t
row_k(int64_t rowid)
{
    return (int64_t)((uint64_t)rowid * UINT64_C(0x9e3779b97f4a7c15) >> 44);
}

void row_make(row_shape shape, int64_t rowid, bench_row *row);

/* The i-th of the numbers 1 to `count` in an order that looks random; each comes once. */
int64_t row_shuffled(uint64_t i, uint64_t count);

/* How rows come in, in one transaction, durable at its end. */
typedef enum peer_load {
    LOAD_BULK,     /* in order: the fastest way the peer has, its log included */
    LOAD_UNLOGGED, /* in order, without the log: durable by a checkpoint; ours only */
    LOAD_APPEND,   /* in order, one by one */
    LOAD_SHUFFLED  /* one by one, in the order of row_shuffled */
} peer_load;

typedef struct peer_options {
    uint64_t cache_bytes; /* ours, SQLite */
    uint32_t page_size;   /* ours; 0 for the default */
    int is_direct;        /* ours */
    uint64_t log_limit;   /* ours; 0 for the default */
    int has_background;   /* ours: a thread of its own writes checkpoints */
    int is_mapped;        /* ours: pages are read in place, from a mapping of the file */
} peer_options;

typedef struct peer {
    const char *name;
    int is_here; /* 0: not known when this was built */
    /* Open, or make anew: what lay there before is deleted. */
    void *(*open)(const char *path, row_shape shape, const peer_options *options, int is_new);
    void (*load)(void *db, uint64_t count, peer_load how);
    /* Close cleanly; returns the size of what is left, in bytes. */
    uint64_t (*close)(void *db);
    /* What a thread reads through. */
    void *(*reader_open)(void *db);
    /* Find rows, and return the sum of k; of LMDB with a read transaction for each. */
    int64_t (*find)(void *reader, const int64_t *rowids, uint32_t count);
    /* Find rows and copy them whole; returns the sum of k. */
    int64_t (*copy)(void *reader, const int64_t *rowids, uint32_t count);
    void (*reader_close)(void *reader);
} peer;

extern const peer peer_ours;
extern const peer peer_lmdb;
extern const peer peer_sqlite;

/* Ours, for what only we are measured in. */
typedef struct ours {
    row_shape shape;      /* of the rows */
    vl_ctx ctx;           /* of who opened it */
    vl_io *io;            /* the machine */
    vl_store *store;      /* the database */
    vl_store_tree *table; /* the rows */
    vl_writer *writer;    /* changes them */
    char path[1024];      /* of the file */
} ours;

void ours_check(const vl_ctx *ctx, velo_status st);
void ours_insert(ours *db, int64_t rowid);
uint64_t peers_file_size(const char *path);

/* Sum of column k over a whole table of ours, straight from the leaves. */
int64_t ours_sum_k(ours *db);

/* Sum of column k by SQLite. */
int64_t sqlite_sum_k(void *db);

#endif
