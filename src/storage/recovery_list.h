/* recovery_list.h - the list of transactions in flight at a checkpoint, when recovery reads it.
 *
 * Private to recovery; see recovery_list.c. One thread. */
#ifndef VL_STORAGE_RECOVERY_LIST_H
#define VL_STORAGE_RECOVERY_LIST_H

#include "storage/verdict.h"
#include "storage/writer_int.h"

/* Apply a list: undo its changes of transactions that did not commit, and finish those of others.
 * The verdict stands; nothing of the log has been applied.
 *
 * scan    stands at the list's begin; behind its end afterwards
 * errors  VELO_CORRUPT: the list is not whole, or pages contradict it; as vl_cache_load */
velo_status vl_recovery_apply_list(vl_ctx *ctx, vl_store *store, const vl_verdict *verdict,
                                   vl_wal_scan *scan) VL_MUST_CHECK;

#endif
