/* txn_model.h - random transactions of several sessions beside a model that knows what each must
 * see, which changes must be refused, and what a crash may leave.
 *
 * Every row has an entry in an index, which says the same; a part of the rows has long texts. The
 * model keeps a number for what is committed, and its history: one for each commit. So what is
 * found after a crash is right exactly when its number is in the history, between the last commit
 * that had to survive and the last one that was begun. One thread at a time; calls of sessions
 * follow each other, so whoever is in the way idles. */
#ifndef VL_TEST_TXN_MODEL_H
#define VL_TEST_TXN_MODEL_H

#include "base/rng.h"
#include "txn/txn_keys.h"
#include "txn/txn_rows.h"

#define TXN_MODEL_ROWS     48U
#define TXN_MODEL_SESSIONS 4U
#define TXN_MODEL_MARKS    3U
#define TXN_MODEL_HISTORY  60000U
#define TXN_MODEL_KEY_MAX  5000U

/* Values of rows; 0: there is none. */
typedef struct txn_model_state {
    uint32_t value[TXN_MODEL_ROWS]; /* as the transaction sees it */
    uint8_t is_own[TXN_MODEL_ROWS]; /* it has changed the row */
} txn_model_state;

typedef struct txn_model_session {
    vl_session *session;                     /* open */
    int is_open;                             /* between BEGIN and its end */
    int has_snapshot;                        /* it has been taken */
    uint64_t snapshot;                       /* commits that it sees */
    txn_model_state state;                   /* what it sees */
    uint32_t mark_count;                     /* savepoints */
    vl_txn_mark marks[TXN_MODEL_MARKS];      /* of the store */
    txn_model_state marked[TXN_MODEL_MARKS]; /* what was seen then */
    vl_statement reader;                     /* a statement that stays open, if is_reading */
    int is_reading;                          /* see there */
    uint32_t shared[TXN_MODEL_ROWS];         /* outside of BEGIN: what statements share */
    uint64_t shared_at;                      /* commits that this has */
    int is_renewed;                          /* the next statement takes another snapshot */
    uint32_t read[TXN_MODEL_ROWS];           /* what it must see */
} txn_model_session;

typedef struct txn_model {
    vl_ctx *ctx;                  /* of all calls */
    vl_io *io;                    /* where the store is */
    const char *path;             /* its file */
    vl_txn_store_options options; /* how it is opened */
    vl_txn_store *store;          /* open, or NULL */
    vl_txn_table *table;          /* of the store */
    vl_txn_index *index;          /* likewise */
    vl_tree_id table_id;          /* 0: not made yet */
    vl_tree_id index_id;          /* likewise */
    vl_rng rng;                   /* what is done */
    vl_arena arena;               /* of rows that are read */
    uint32_t text_size;           /* of the longest text */
    uint32_t key_size;            /* of the longest key, about; 0: none is long */
    txn_model_session sessions[TXN_MODEL_SESSIONS];
    uint32_t committed[TXN_MODEL_ROWS]; /* values */
    uint64_t changed[TXN_MODEL_ROWS];   /* the commit that changed it last */
    uint64_t *history;                  /* the number after each commit; entry 0: nothing */
    uint64_t count;                     /* commits begun, and 1 */
    uint64_t acknowledged;              /* index of the last one that the system has */
    uint64_t durable;                   /* index of the last one that is durable */
    uint64_t tally[4]; /* changes that were made, busy, in conflict, not possible */
    char fault[400];   /* what the store did otherwise than the model; empty: nothing */
} txn_model;

void txn_model_init(txn_model *model, vl_ctx *ctx, vl_io *io, const char *path, uint64_t seed);

/* Forget the model; a store that is open is abandoned. */
void txn_model_deinit(txn_model *model);

/* Open, with sessions, and the trees if there are none. Close, or abandon. */
velo_status txn_model_open(txn_model *model);
velo_status txn_model_close(txn_model *model);
void txn_model_abandon(txn_model *model);

/* Do something random. An error of the machine leaves open whether the last commit happened; what
 * the store does wrong is in `fault`. */
velo_status txn_model_step(txn_model *model);

/* The number for what a store has that was just opened: also checks that rows, texts and entries
 * agree. */
velo_status txn_model_read(vl_ctx *ctx, const txn_model *model, vl_txn_store *store,
                           uint64_t *content);

/* Whether a number is in the history from index `first` on; *at receives the index. */
int txn_model_find(const txn_model *model, uint64_t content, uint64_t first, uint64_t *at);

/* The store was opened again with the content of history entry `at`: go on from there. */
velo_status txn_model_go_on(txn_model *model, uint64_t at);

#endif
