/* rows.h - rows that are kept: copies, comparison, and tables that find a row by its values.
 *
 * A row is an array of values. Threads: one at a time. */
#ifndef VL_EXEC_ROWS_H
#define VL_EXEC_ROWS_H

#include "base/arena.h"
#include "base/ctx.h"
#include "base/type.h"

/* Copy `count` values to `to`, which may be `from`, and their texts to the arena, 0 byte at the
 * end. errors  VELO_NOMEM */
velo_status vl_row_copy_to(vl_ctx *ctx, vl_arena *arena, const vl_value *from, uint32_t count,
                           vl_value *to) VL_MUST_CHECK;

/* Copy a row to the arena, in one piece. NULL: no memory, and it was recorded in ctx. */
vl_value *vl_row_copy(vl_ctx *ctx, vl_arena *arena, const vl_value *from, uint32_t count)
    VL_MUST_CHECK;

/* Copy a row to where an earlier one stands, or to the arena when it does not fit there.
 *
 * row       the earlier copy, NULL at first; receives the new one
 * capacity  bytes at *row, 0 at first
 * errors    VELO_NOMEM; then *row is as it was */
velo_status vl_row_replace(vl_ctx *ctx, vl_arena *arena, const vl_value *from, uint32_t count,
                           vl_value **row, size_t *capacity) VL_MUST_CHECK;

/* Hash of a row; equal rows have equal ones. NULL collations: BINARY for all. */
uint64_t vl_row_hash(const vl_value *row, uint32_t count, const uint8_t *collations);

/* Order of two rows by all columns, ascending; two NULLs are equal. NULL collations: BINARY. */
int vl_row_compare(const vl_value *left, const vl_value *right, uint32_t count,
                   const uint8_t *collations);

/* A row in a table. What the owner puts behind it is its own, aligned to VL_ALLOC_ALIGN. */
typedef struct vl_row_node {
    uint64_t hash;
    void *owned; /* the owner's; NULL at first */
    vl_value values[];
} vl_row_node;

/* Rows by their values: open addressing; a slot is 16 bits of the hash and a node's address, so a
 * miss rarely looks at a node. All zeros is an empty table. Nodes are the owner's. */
typedef struct vl_row_table {
    uint64_t *slots; /* 0: free */
    uint32_t bits;   /* there are 1 << bits slots, when slots is not NULL */
    uint64_t count;  /* nodes in it */
} vl_row_table;

/* The node with these values; NULL: there is none. */
vl_row_node *vl_row_table_find(const vl_row_table *table, uint64_t hash, const vl_value *values,
                               uint32_t count, const uint8_t *collations);

/* Add a node, of which there is no equal one. Errors: VELO_NOMEM; then it is not there. */
velo_status vl_row_table_add(vl_ctx *ctx, vl_row_table *table, vl_row_node *node) VL_MUST_CHECK;

/* The node in a slot; NULL: it is free. */
static inline vl_row_node *
vl_row_table_at(const vl_row_table *table, uint64_t slot)
{
    return (vl_row_node *)(uintptr_t)(table->slots[slot] & (((uint64_t)1 << 48) - 1));
}

/* Bytes of the slots. */
uint64_t vl_row_table_bytes(const vl_row_table *table);

/* Empty it and give its memory back. */
void vl_row_table_deinit(vl_row_table *table);

/* Find a row, or copy it with its texts to the arena and add it: *is_new says which.
 *
 * node   receives it
 * extra  bytes of the owner's behind the values of a new node, zeroed */
velo_status vl_row_table_enter(vl_ctx *ctx, vl_row_table *table, vl_arena *arena,
                               const vl_value *values, uint32_t count, const uint8_t *collations,
                               size_t extra, vl_row_node **node, int *is_new) VL_MUST_CHECK;

#endif
