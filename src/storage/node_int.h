/* node_int.h - searching sorted arrays that start on a cache line, for node layouts.
 *
 * The search halves the number of lines by their last elements, without a branch that could be
 * mispredicted, and finishes inside one line by comparing all of it at once. So it touches about
 * log2(lines) lines, and the last one is mostly one that it touched before. The array is padded to
 * whole lines with the largest value, so no comparison needs a mask.
 *
 * Which line is probed next depends on the probe before, so a processor cannot run ahead by
 * guessing, as it does along branches. Both lines that may come next are fetched instead: in
 * bench_node searches of rowids take about 40 ns in L2 and 700 ns out of all caches, 46 and 1,100
 * without, and no less than that with the four lines of two steps ahead. (Packed records, halved
 * with branches, take 52 and 430: where nothing is cached guesses win, since half of them are right
 * and go on to the next node. But inner nodes that are in use are not there.)
 *
 * The 16 heads of a line are compared as four vectors of 16 bytes, which every processor of ours
 * has. The 8 rowids are compared one by one, independently of each other: AVX2 and AVX-512 were not
 * faster, and SSE2, which has no comparison of 64 bits, was slower.
 *
 * Optimistic: probes are relaxed loads. Vectors are not atomic to C; but their lanes are aligned,
 * so each is a value that was there, and nothing that the compiler may do with them can leave the
 * bounds: the count is masked to what a line can hold. */
#ifndef VL_STORAGE_NODE_INT_H
#define VL_STORAGE_NODE_INT_H

#include "base/latch.h"
#include "base/platform.h"

/* Elements in a cache line. */
#define VL_NODE_ROWIDS_IN_LINE 8U
#define VL_NODE_HEADS_IN_LINE  16U

/* A quarter of a cache line: what every processor of ours compares at once. */
typedef uint32_t vl_node_head_vector __attribute__((vector_size(16), may_alias));

/* Number of elements that are <= rowid in one line. */
static inline uint32_t
vl_node_line_count_rowids(const int64_t *line, int64_t rowid)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < VL_NODE_ROWIDS_IN_LINE; i++)
        count += (int64_t)vl_racy_load64(line + i) <= rowid;
    return count;
}

/* Number of elements that are < head in one line; `line` is aligned to 64 bytes. */
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

/* Fetch the lines that may be probed next, when `lines` are left from `before` on or from half_size
 * bytes behind it. */
static inline void
vl_node_fetch_ahead(const void *before, size_t half_size, uint32_t lines)
{
    const char *at = before;
    size_t next_size = (size_t)(lines / 2) * VL_CACHE_LINE_SIZE;

    __builtin_prefetch(at + next_size);
    __builtin_prefetch(at + half_size + next_size);
}

/* Number of elements that are <= rowid, where it is known that it ends in one of the `lines` lines
 * from `line` on. `count` elements matter; the array has whole lines, one at least. */
static inline uint32_t
vl_node_count_rowids(const int64_t *array, uint32_t count, uint32_t line, uint32_t lines,
                     int64_t rowid)
{
    /* Last element of the line in front of those left. */
    const int64_t *before = array + (size_t)line * VL_NODE_ROWIDS_IN_LINE - 1;
    uint32_t found;

    while (lines > 1) {
        size_t half = (size_t)(lines / 2) * VL_NODE_ROWIDS_IN_LINE;

        lines -= lines / 2;
        vl_node_fetch_ahead(before, half * sizeof *before, lines);
        before += (int64_t)vl_racy_load64(before + half) <= rowid ? half : 0;
    }
    found = (uint32_t)(before + 1 - array);
    found += vl_node_line_count_rowids(before + 1, rowid);
    return found < count ? found : count;
}

/* Number of elements that are < head, in an array as above. */
static inline uint32_t
vl_node_count_heads(const uint32_t *array, uint32_t count, uint32_t head)
{
    uint32_t lines = (count + VL_NODE_HEADS_IN_LINE - 1) / VL_NODE_HEADS_IN_LINE;
    const uint32_t *before = array - 1; /* last element of the line in front of those left */
    uint32_t found;

    while (lines > 1) {
        size_t half = (size_t)(lines / 2) * VL_NODE_HEADS_IN_LINE;

        lines -= lines / 2;
        vl_node_fetch_ahead(before, half * sizeof *before, lines);
        before += vl_racy_load32(before + half) < head ? half : 0;
    }
    found = (uint32_t)(before + 1 - array);
    found += vl_node_line_count_heads(before + 1, head);
    return found < count ? found : count;
}

#endif
