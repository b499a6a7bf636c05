/* group.h - finding the groups of a chunk's rows by one key, a column, at once.
 *
 * The table is that of exec/rows.h with keys of one value. What is found is what vl_row_table_find
 * would find; rows whose group is not there are left to the caller, who makes it. Threads: one at a
 * time. */
#ifndef VL_EXEC_GROUP_H
#define VL_EXEC_GROUP_H

#include "exec/rows.h"
#include "vec/vector.h"

#define VL_GROUP_MEMO VL_BY_BUILD(256U, 4U)

/* A short text that was met, and its group. */
typedef struct vl_group_known {
    uint64_t word;     /* its bytes */
    uint32_t size;     /* how many, up to 8 */
    vl_row_node *node; /* NULL: nothing is known */
} vl_group_known;

/* Short texts that were met. All zeros at first, and when groups go away. */
typedef struct vl_group_memo {
    vl_group_known known[VL_GROUP_MEMO];
} vl_group_memo;

/* Find the group of each row of a vector.
 *
 * selection  rows of the vector, `count` of them, or NULL for its first
 * nodes      receives `count` groups; NULL where there is none, or none was found: the caller
 *            looks itself */
void vl_group_find(const vl_row_table *table, vl_group_memo *memo, const vl_vector *key,
                   vl_collation collation, const uint16_t *selection, uint32_t count,
                   vl_row_node **nodes);

#endif
