/* rank.h - the order in which a thread takes latches: rising ranks only.
 *
 * docs/locking.md explains each. Layers from the top take theirs first, so their ranks are lower;
 * gaps leave room. */
#ifndef VL_BASE_RANK_H
#define VL_BASE_RANK_H

#define VL_RANK_API         0x100 /* api/engine.c: the process's list of open databases */
#define VL_RANK_API_SCHEMA  0x110 /* api/api_int.h: an engine's newest schema */
#define VL_RANK_TXN_WAIT    0x180 /* txn/wait.c: the wait-for graph */
#define VL_RANK_TXN_STORE   0x190 /* txn_int.h: trees, transactions that are open, values to free */
#define VL_RANK_STORE       0x200 /* store_int.h: the trees in memory */
#define VL_RANK_BARRIER     0x300 /* section.c: whose turn it is to hold sections off */
#define VL_RANK_CACHE       0x340 /* cache_int.h: frames, segments, numbers */
#define VL_RANK_RANGES      0x360 /* txn/ranges.c: range records of a tree */
#define VL_RANK_TXN_KEPT    0x368 /* txn_int.h: maps of pages that are not in memory */
#define VL_RANK_TXN_SHARE   0x36c /* txn/key_share.c: key-share locks of a stripe */
#define VL_RANK_UNDO        0x370 /* txn/undo.c: finished logs */
#define VL_RANK_UNDO_SPILL  0x378 /* txn/undo_spill.c: blocks of the file for older versions */
#define VL_RANK_VOLUME      0x600 /* a volume's table of free space */
#define VL_RANK_TXN_GATE    0x670 /* txn/write_gate.h: the queue at the writers' gate */
#define VL_RANK_TXN_POOL    0x680 /* txn/status.c: free statuses of transactions */
#define VL_RANK_TXN_SLOTS   0x688 /* txn/snapshot.c: slots that nobody has */
#define VL_RANK_TXN_PUBLISH 0x690 /* txn/publish.h: FULL commits that are not durable */
#define VL_RANK_WAL         0x6e0 /* the log: queues of waiters, table of segments */
#define VL_RANK_WAL_WALK    0x6e8 /* the log: moving the end of what is appended */
#define VL_RANK_OS_THREADS  0x700 /* os_batch.c: queues of threads, list of open backends */
#define VL_RANK_IO          0x710 /* a backend's own tables: slabs of buffers */
#define VL_RANK_IO_FILES    0x718 /* a backend's table of files */
#define VL_RANK_SIM         0x720 /* the simulated machine */

#endif
