/* sorter.h - sorting rows, in memory and beyond.
 *
 * A row is `width` values; keys say which of them it is sorted by, and how. Rows that are equal in
 * these stay in the order they were added in. What outgrows the execution's memory limit
 * goes to a temporary file in sorted runs, which are merged when rows are taken.
 *
 *     vl_sorter_init; vl_sorter_add ...; vl_sorter_finish; vl_sorter_next ...; vl_sorter_deinit
 *
 * Threads: one at a time. */
#ifndef VL_EXEC_SORTER_H
#define VL_EXEC_SORTER_H

#include "base/arena.h"
#include "exec/spill.h"
#include "sql/plan.h"

/* The most runs that are merged at a time; when there are more, they are merged into one. */
#define VL_SORTER_RUNS_MAX VL_BY_BUILD(64U, 3U)

/* What rows are ordered by; a vl_sort_key whose expression was evaluated. */
typedef struct vl_sorter_key {
    uint32_t index; /* of the value in the row */
    uint8_t collation;
    uint8_t is_descending;
    uint8_t nulls_last;
} vl_sorter_key;

typedef struct vl_sorter_entry {
    uint64_t prefix;     /* two rows with different prefixes are ordered as these are */
    const vl_value *row; /* in the arena */
} vl_sorter_entry;

/* Rows [begin, end) of the file. */
typedef struct vl_sorter_run {
    uint64_t begin;
    uint64_t end;
    vl_spill_reader reader; /* when merging */
    vl_value *row;          /* the row at hand */
    uint64_t prefix;        /* of that row, as vl_sorter_entry's */
    int has_row;            /* there is one */
} vl_sorter_run;

typedef struct vl_sorter {
    struct vl_exec *exec;      /* NULL: not begun, or ended */
    const vl_sorter_key *keys; /* borrowed */
    uint32_t key_count;
    uint32_t width;           /* values of a row */
    uint64_t limit;           /* only so many rows are wanted, the first ones */
    vl_arena arena;           /* of the rows */
    vl_sorter_entry *entries; /* capacity of them, and as many again for merging */
    size_t count;
    size_t capacity;
    int has_cutoff;         /* entries[0] to [limit - 1] are sorted, and the last of them is: */
    vl_sorter_entry cutoff; /* what a row must come before to matter */
    size_t next;            /* in memory: the next entry to give */
    vl_spill spill;         /* the file of the runs */
    vl_sorter_run *runs;    /* VL_SORTER_RUNS_MAX of them, or NULL */
    uint32_t run_count;     /* 0: all is in memory */
    vl_sorter_run *heap[VL_SORTER_RUNS_MAX]; /* runs with a row, the first has the least */
    uint32_t heap_count;
    int is_given;         /* the row of the first was given */
    uint64_t given_count; /* rows given */
    uint64_t charged;     /* bytes */
} vl_sorter;

/* Begin. `limit` 0 is allowed; UINT64_MAX: all rows are wanted. Allocates nothing. */
void vl_sorter_init(vl_ctx *ctx, vl_sorter *sorter, struct vl_exec *exec, const vl_sorter_key *keys,
                    uint32_t key_count, uint32_t width, uint64_t limit);

/* Add a row, which is copied. Errors: VELO_NOMEM, those of vl_spill_write, VELO_INTERRUPT; then
 * only deinit may follow. */
velo_status vl_sorter_add(vl_ctx *ctx, vl_sorter *sorter, const vl_value *row) VL_MUST_CHECK;

/* No more rows are added. Errors as vl_sorter_add. */
velo_status vl_sorter_finish(vl_ctx *ctx, vl_sorter *sorter) VL_MUST_CHECK;

/* Take the next row; *row is NULL at the end. It stays until deinit when vl_sorter_is_in_memory,
 * and else until the next call. Errors: those of vl_spill_read, VELO_INTERRUPT. */
velo_status vl_sorter_next(vl_ctx *ctx, vl_sorter *sorter, const vl_value **row) VL_MUST_CHECK;

/* Whether rows stay until deinit; after finish. */
int vl_sorter_is_in_memory(const vl_sorter *sorter);

/* Order of two rows by their keys. */
int vl_sorter_compare(const vl_sorter_key *keys, uint32_t key_count, const vl_value *left,
                      const vl_value *right);

/* Give all back. A sorter of zeros is allowed. */
void vl_sorter_deinit(vl_sorter *sorter);

#endif
