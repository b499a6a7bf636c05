/* txn_rig.h - a transactional store on the simulated machine, and short ways to use it in tests.
 *
 * Tables have columns 1 (an integer), 2 (anything), 3 (anything). Calls return what went wrong; the
 * context is the test's. One thread, but for what takes a context of its own. */
#ifndef VL_TEST_TXN_RIG_H
#define VL_TEST_TXN_RIG_H

#include "os/sim.h"
#include "txn/txn_keys.h"
#include "txn/txn_rows.h"

#define RIG_PATH     "db"
#define RIG_SESSIONS 4U
#define RIG_COLUMNS  3U

typedef struct txn_rig {
    vl_sim *sim;                       /* the machine; NULL: in memory */
    vl_io *io;                         /* its files */
    vl_txn_store_options options;      /* how the store is opened */
    vl_txn_store *store;               /* open, or NULL */
    vl_session *session[RIG_SESSIONS]; /* open, in a call */
    vl_txn_table *table;               /* of tree `table_id` */
    vl_txn_index *index;               /* of tree `index_id` */
    vl_tree_id table_id;               /* 0: not made yet */
    vl_tree_id index_id;               /* likewise */
    vl_arena arena;                    /* of values read */
} txn_rig;

extern const uint32_t rig_ids[RIG_COLUMNS];

/* Make a machine and a store with a table and an index. is_memory: without files. */
velo_status rig_init(vl_ctx *ctx, txn_rig *rig, uint64_t seed, int is_memory);
void rig_deinit(txn_rig *rig);

/* Open the store again, with its sessions; close it. */
velo_status rig_open(vl_ctx *ctx, txn_rig *rig);
velo_status rig_close(vl_ctx *ctx, txn_rig *rig);

/* The process dies (power 0) or the power fails; then the store is opened again. */
velo_status rig_crash(vl_ctx *ctx, txn_rig *rig, int power, uint64_t seed);

/* A statement for one thing, outside of BEGIN or in it. */
velo_status rig_insert(vl_ctx *ctx, txn_rig *rig, unsigned session, int64_t rowid, int64_t value);
velo_status rig_update(vl_ctx *ctx, txn_rig *rig, unsigned session, int64_t rowid, int64_t value);
velo_status rig_delete(vl_ctx *ctx, txn_rig *rig, unsigned session, int64_t rowid);

/* Hold the key of a row, or of an entry (txn_rows.h, vl_rows_share). */
velo_status rig_share(vl_ctx *ctx, txn_rig *rig, unsigned session, int64_t rowid);
velo_status rig_share_entry(vl_ctx *ctx, txn_rig *rig, unsigned session, uint64_t key,
                            uint32_t *value);

/* Column 1 of a row as a new statement sees it; INT64_MIN: there is none. INT64_MAX: an error. */
int64_t rig_get(vl_ctx *ctx, txn_rig *rig, unsigned session, int64_t rowid);

/* The same by a view. */
int64_t rig_get_by(vl_ctx *ctx, txn_rig *rig, const vl_view *view, int64_t rowid);

/* Rows that a view sees, found by a scan, each compared with rig_get_by: -1 on any difference. */
int64_t rig_count_by(vl_ctx *ctx, txn_rig *rig, const vl_view *view, int is_backward);
int64_t rig_count(vl_ctx *ctx, txn_rig *rig, unsigned session);

/* Entries: key and value are numbers, of 8 and 4 bytes. */
velo_status rig_put(vl_ctx *ctx, txn_rig *rig, unsigned session, uint64_t key, uint32_t value);
velo_status rig_remove(vl_ctx *ctx, txn_rig *rig, unsigned session, uint64_t key);
int64_t rig_find_by(vl_ctx *ctx, txn_rig *rig, const vl_view *view, uint64_t key);
int64_t rig_find(vl_ctx *ctx, txn_rig *rig, unsigned session, uint64_t key);
int64_t rig_entries_by(vl_ctx *ctx, txn_rig *rig, const vl_view *view, int is_backward);

/* Check the store below, and that no page is lost. */
velo_status rig_check(vl_ctx *ctx, txn_rig *rig);

#endif
