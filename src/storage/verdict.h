/* verdict.h - which of the log's operations happened: the first pass of recovery.
 *
 * The log is read twice. The first time every record is shown to a verdict, which remembers only
 * the transactions that did not commit, and the ranges that were taken back; the second time it
 * says of each operation whether it is to be applied. Transactions that committed, nearly all, take
 * no memory once they have. Row and key conflicts make the log's order the order of commits
 * wherever two operations touch the same row, so nothing is sorted (hazards 2 and 3).
 *
 * One thread at a time. */
#ifndef VL_STORAGE_VERDICT_H
#define VL_STORAGE_VERDICT_H

#include "base/ctx.h"

typedef struct vl_verdict vl_verdict;

velo_status vl_verdict_create(vl_ctx *ctx, vl_verdict **out) VL_MUST_CHECK;

/* NULL is allowed. */
void vl_verdict_destroy(vl_verdict *verdict);

/* A transaction was in flight at the checkpoint: unless its commit is seen, it is lost. Before the
 * first vl_verdict_see. Errors: VELO_NOMEM. */
velo_status vl_verdict_expect(vl_ctx *ctx, vl_verdict *verdict, uint64_t txn) VL_MUST_CHECK;

/* Take note of a record of the log, in the log's order.
 *
 * type      as the log has it (record.h)
 * position  of the record
 * from      of a DISCARD: where the range begins that it takes back; else ignored
 * errors    VELO_NOMEM; VELO_CORRUPT: a record of a transaction that has aborted, or a range that
 *           ends before it begins. Numbers of transactions are used once: one that goes on after
 * its commit counts as lost */
velo_status vl_verdict_see(vl_ctx *ctx, vl_verdict *verdict, uint32_t type, uint64_t txn,
                           uint64_t position, uint64_t from) VL_MUST_CHECK;

/* The log is at its end: the verdict stands. */
void vl_verdict_finish(vl_verdict *verdict);

/* Whether a transaction committed. Of one that was never heard of: 1. */
int vl_verdict_committed(const vl_verdict *verdict, uint64_t txn);

/* Whether the operation at `position` happened: its transaction committed, and did not take it
 * back. */
int vl_verdict_applies(const vl_verdict *verdict, uint64_t txn, uint64_t position);

/* The least position from which on a committed transaction took back what it had done before the
 * checkpoint at `checkpoint`, UINT64_MAX when it took back nothing of it: for undoing listed
 * transactions to a mark. */
uint64_t vl_verdict_discarded_from(const vl_verdict *verdict, uint64_t txn, uint64_t checkpoint);

/* How many transactions are lost. */
uint64_t vl_verdict_lost_count(const vl_verdict *verdict);

#endif
