/* node_int.h - searching sorted arrays that start on a cache line, for node layouts.
 *
 * The search halves the number of lines by their last elements, without a branch that could be
 * mispredicted, and finishes inside one line by comparing all of it at once. So it touches about
 * log2(lines) lines, and the last one is mostly one that it touched before. The array is padded to
 * whole lines with the largest value, so no comparison needs a mask.
 *
 * Optimistic: probes are relaxed loads. The finish loads vectors, which C does not call atomic;
 * their lanes are aligned, so each is a value that was there, and nothing that the compiler may do
 * with them can leave the bounds: the sum of a line's comparisons is bounded by the line. */
#ifndef VL_STORAGE_NODE_INT_H
#define VL_STORAGE_NODE_INT_H

#include "base/latch.h"
#include "base/platform.h"

/* Elements in a cache line. */
#define VL_NODE_ROWIDS_IN_LINE 8U
#define VL_NODE_HEADS_IN_LINE  16U

/* A quarter of a cache line: what every processor of ours compares at once. */
typedef int64_t vl_node_rowid_vector __attribute__((vector_size(16), may_alias));
typedef uint32_t vl_node_head_vector __attribute__((vector_size(16), may_alias));

/* Number of elements that are <= rowid in one line; `line` is aligned to 64 bytes. */
static inline uint32_t
vl_node_line_count_rowids(const void *line, int64_t rowid)
{
    const vl_node_rowid_vector *vectors = line;
    vl_node_rowid_vector wanted = {rowid, rowid};
    vl_node_rowid_vector sum = (vectors[0] <= wanted) + (vectors[1] <= wanted);

    sum += (vectors[2] <= wanted) + (vectors[3] <= wanted);
    return (uint32_t)(-(sum[0] + sum[1])) & 15U;
}

/* Number of elements that are < head in one line. */
static inline uint32_t
vl_node_line_count_heads(const void *line, uint32_t head)
{
    const vl_node_head_vector *vectors = line;
    vl_node_head_vector wanted = {head, head, head, head};
    vl_node_head_vector sum;

    sum = (vl_node_head_vector)(vectors[0] < wanted) + (vl_node_head_vector)(vectors[1] < wanted) +
          (vl_node_head_vector)(vectors[2] < wanted) + (vl_node_head_vector)(vectors[3] < wanted);
    return (0U - (sum[0] + sum[1] + sum[2] + sum[3])) & 31U;
}

/* Number of elements that are <= rowid. `count` elements matter; the array has whole lines. */
static inline uint32_t
vl_node_count_rowids(const int64_t *array, uint32_t count, int64_t rowid)
{
    uint32_t lines = (count + VL_NODE_ROWIDS_IN_LINE - 1) / VL_NODE_ROWIDS_IN_LINE;
    uint32_t line = 0;
    uint32_t found;

    while (lines > 1) {
        uint32_t half = lines / 2;
        const int64_t *probe = array + (size_t)(line + half) * VL_NODE_ROWIDS_IN_LINE - 1;

        line += (int64_t)vl_racy_load64(probe) <= rowid ? half : 0;
        lines -= half;
    }
    found = line * VL_NODE_ROWIDS_IN_LINE;
    found += vl_node_line_count_rowids(array + found, rowid);
    return found < count ? found : count;
}

/* Number of elements that are < head. */
static inline uint32_t
vl_node_count_heads(const uint32_t *array, uint32_t count, uint32_t head)
{
    uint32_t lines = (count + VL_NODE_HEADS_IN_LINE - 1) / VL_NODE_HEADS_IN_LINE;
    uint32_t line = 0;
    uint32_t found;

    while (lines > 1) {
        uint32_t half = lines / 2;
        const uint32_t *probe = array + (size_t)(line + half) * VL_NODE_HEADS_IN_LINE - 1;

        line += vl_racy_load32(probe) < head ? half : 0;
        lines -= half;
    }
    found = line * VL_NODE_HEADS_IN_LINE;
    found += vl_node_line_count_heads(array + found, head);
    return found < count ? found : count;
}

#endif
