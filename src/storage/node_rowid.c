/* node_rowid.c - inner nodes of table trees.
 *
 * Invariants
 *   R1  first <= last, and first < separators, rising, <= last.
 *   R2  Separators behind the last one are INT64_MAX, children behind the last one 0: a search may
 *       look at whole lines, and nodes that say the same have the same bytes.
 *   R3  What optimistic functions compute addresses from is clamped: a count to the capacity, an
 *       index to the count.
 *   R4  The header has copies of the separators that the first two steps of a search probe, so that
 *       these steps touch no other line. Each change of separators ends with rowid_sample. */
#include "storage/node_rowid.h"

#include "base/assert.h"
#include "storage/node_int.h"

#include <string.h>

/* The header of such a page. */
typedef struct rowid_header {
    uint8_t kind;       /* VL_PAGE_TABLE_INNER */
    uint8_t level;      /* from 1 on */
    uint16_t flags;     /* 0 */
    uint32_t count;     /* of children, from 1 on */
    uint64_t pid;       /* own number */
    uint64_t tree;      /* a vl_tree_id */
    int64_t first;      /* lowest rowid that belongs here */
    int64_t last;       /* highest one */
    int64_t samples[3]; /* the separators that a search probes first (R4) */
} __attribute__((may_alias)) rowid_header;

_Static_assert(sizeof(rowid_header) == sizeof(vl_page_header), "the header is one cache line");
_Static_assert(offsetof(rowid_header, count) == offsetof(vl_page_header, count), "as in page.h");
_Static_assert(offsetof(rowid_header, pid) == offsetof(vl_page_header, pid), "as in page.h");
_Static_assert(offsetof(rowid_header, tree) == offsetof(vl_page_header, tree), "as in page.h");
_Static_assert(offsetof(rowid_header, first) == offsetof(vl_page_header, rest), "as in page.h");

/* A node's parts. */
typedef struct rowid_node {
    rowid_header *header; /* the page */
    int64_t *separators;  /* `capacity` of them */
    vl_pid *children;     /* `capacity` of them */
    uint32_t capacity;    /* most children */
} rowid_node;

uint32_t
vl_node_rowid_capacity(uint32_t page_size)
{
    uint32_t entry = (uint32_t)(sizeof(int64_t) + sizeof(vl_pid));
    uint32_t capacity = (page_size - (uint32_t)sizeof(rowid_header)) / entry;

    return capacity - capacity % VL_NODE_ROWIDS_IN_LINE;
}

static const int64_t *
rowid_separators(const void *page)
{
    return (const int64_t *)((const rowid_header *)page + 1);
}

static rowid_node
rowid_open(void *page, uint32_t page_size)
{
    rowid_node node;

    VL_ASSERT(vl_node_page_size_is_valid(page_size));
    node.header = page;
    node.capacity = vl_node_rowid_capacity(page_size);
    node.separators = (int64_t *)(node.header + 1);
    node.children = (vl_pid *)(node.separators + node.capacity);
    return node;
}

/* How a search of `count` separators begins: lines to skip in its first two steps, 0 where there is
 * none. */
typedef struct rowid_steps {
    uint32_t lines;  /* of separators */
    uint32_t first;  /* skipped by the first step or not */
    uint32_t second; /* by the second one */
} rowid_steps;

static inline rowid_steps
rowid_plan(uint32_t count)
{
    rowid_steps steps;

    steps.lines = (count + VL_NODE_ROWIDS_IN_LINE - 1) / VL_NODE_ROWIDS_IN_LINE;
    steps.first = steps.lines / 2;
    steps.second = (steps.lines - steps.first) / 2;
    return steps;
}

/* The last separator of the first `lines` lines; INT64_MAX, as behind the last one, for none. */
static int64_t
rowid_last_of(const int64_t *separators, uint32_t lines)
{
    return lines > 0 ? separators[lines * VL_NODE_ROWIDS_IN_LINE - 1] : INT64_MAX;
}

/* What the samples of a node with such separators are. */
static void
rowid_get_samples(const int64_t *separators, uint32_t count, int64_t *samples)
{
    rowid_steps steps = rowid_plan(count);

    samples[0] = rowid_last_of(separators, steps.first);
    samples[1] = rowid_last_of(separators, steps.second);
    samples[2] = rowid_last_of(separators, steps.second > 0 ? steps.first + steps.second : 0);
}

/* Keeps R4. */
static void
rowid_sample(const rowid_node *node)
{
    rowid_get_samples(node->separators, node->header->count - 1, node->header->samples);
}

/* Fill what lies behind the children (R2), and sample. */
static void
rowid_pad(const rowid_node *node)
{
    uint32_t count = node->header->count;

    for (uint32_t i = count - 1; i < node->capacity; i++)
        node->separators[i] = INT64_MAX;
    memset(node->children + count, 0, (node->capacity - count) * sizeof *node->children);
    rowid_sample(node);
}

void
vl_node_rowid_init(void *page, uint32_t page_size, vl_node_id id, vl_rowid_range range,
                   vl_pid child)
{
    rowid_node node = rowid_open(page, page_size);

    VL_ASSERT(id.level >= 1 && id.level <= VL_NODE_MAX_LEVEL);
    VL_ASSERT(range.first <= range.last);
    memset(page, 0, page_size);
    node.header->kind = VL_PAGE_TABLE_INNER;
    node.header->level = (uint8_t)id.level;
    node.header->count = 1;
    node.header->pid = id.pid;
    node.header->tree = id.tree;
    node.header->first = range.first;
    node.header->last = range.last;
    node.children[0] = child;
    rowid_pad(&node);
}

uint32_t
vl_node_rowid_count(const void *page, uint32_t page_size)
{
    const rowid_header *header = page;
    uint32_t count = vl_racy_load32(&header->count);
    uint32_t capacity = vl_node_rowid_capacity(page_size);

    count = count > 0 ? count : 1;
    return count < capacity ? count : capacity; /* keeps R3 */
}

uint32_t
vl_node_rowid_search(const void *page, uint32_t page_size, int64_t rowid)
{
    const rowid_header *header = page;
    uint32_t count = vl_node_rowid_count(page, page_size) - 1;
    rowid_steps steps = rowid_plan(count);
    uint32_t line = 0;
    int64_t sample;

    if (steps.second > 0) { /* two steps within the header: R4 */
        line = (int64_t)vl_racy_load64(&header->samples[0]) <= rowid ? steps.first : 0;
        sample = (int64_t)vl_racy_load64(&header->samples[line > 0 ? 2 : 1]);
        line += sample <= rowid ? steps.second : 0;
        steps.lines -= steps.first + steps.second;
    }
    return vl_node_count_rowids(rowid_separators(page), count, line, steps.lines, rowid);
}

uint32_t
vl_node_rowid_search_plain(const void *page, uint32_t page_size, int64_t rowid)
{
    const int64_t *separators = rowid_separators(page);
    uint32_t count = vl_node_rowid_count(page, page_size) - 1;
    uint32_t index = 0;

    while (index < count && separators[index] <= rowid)
        index++;
    return index;
}

/* An index lowered to that of an existing child; keeps R3. */
static uint32_t
rowid_clamp(const void *page, uint32_t page_size, uint32_t index)
{
    uint32_t count = vl_node_rowid_count(page, page_size);

    return index < count ? index : count - 1;
}

vl_pid
vl_node_rowid_child(const void *page, uint32_t page_size, uint32_t index)
{
    const int64_t *separators = rowid_separators(page);
    const void *children = separators + vl_node_rowid_capacity(page_size);

    return vl_racy_load32((const vl_pid *)children + rowid_clamp(page, page_size, index));
}

vl_rowid_range
vl_node_rowid_range(const void *page)
{
    const rowid_header *header = page;
    vl_rowid_range range;

    range.first = (int64_t)vl_racy_load64(&header->first);
    range.last = (int64_t)vl_racy_load64(&header->last);
    return range;
}

vl_rowid_range
vl_node_rowid_child_range(const void *page, uint32_t page_size, uint32_t index)
{
    const int64_t *separators = rowid_separators(page);
    vl_rowid_range range = vl_node_rowid_range(page);
    uint32_t count = vl_node_rowid_count(page, page_size);

    index = index < count ? index : count - 1;
    if (index > 0)
        range.first = (int64_t)vl_racy_load64(separators + index - 1);
    if (index + 1 < count) /* unsigned: a torn separator may be INT64_MIN */
        range.last = (int64_t)(vl_racy_load64(separators + index) - 1);
    return range;
}

void
vl_node_rowid_set_child(void *page, uint32_t page_size, uint32_t index, vl_pid child)
{
    rowid_node node = rowid_open(page, page_size);

    VL_ASSERT(index < node.header->count);
    node.children[index] = child;
}

vl_node_result
vl_node_rowid_insert(void *page, uint32_t page_size, uint32_t index, int64_t separator,
                     vl_pid child)
{
    rowid_node node = rowid_open(page, page_size);
    uint32_t behind = node.header->count - 1 - index; /* children behind child `index` */

    VL_ASSERT(index < node.header->count);
    VL_ASSERT(separator > vl_node_rowid_child_range(page, page_size, index).first);
    VL_ASSERT(separator <= vl_node_rowid_child_range(page, page_size, index).last);
    if (node.header->count == node.capacity)
        return VL_NODE_FULL;
    memmove(node.separators + index + 1, node.separators + index, behind * sizeof *node.separators);
    memmove(node.children + index + 2, node.children + index + 1, behind * sizeof *node.children);
    node.separators[index] = separator;
    node.children[index + 1] = child;
    node.header->count++;
    rowid_sample(&node);
    return VL_NODE_DONE;
}

void
vl_node_rowid_remove(void *page, uint32_t page_size, uint32_t index)
{
    rowid_node node = rowid_open(page, page_size);
    uint32_t behind = node.header->count - 1 - index;
    uint32_t border = index > 0 ? index - 1 : 0; /* the separator that goes */

    VL_ASSERT(index < node.header->count && node.header->count > 1);
    memmove(node.separators + border, node.separators + border + 1,
            (node.header->count - 2 - border) * sizeof *node.separators);
    memmove(node.children + index, node.children + index + 1, behind * sizeof *node.children);
    node.header->count--;
    node.separators[node.header->count - 1] = INT64_MAX; /* keeps R2 */
    node.children[node.header->count] = 0;
    rowid_sample(&node);
}

uint32_t
vl_node_rowid_split_point(const void *page, uint32_t page_size, uint32_t index)
{
    uint32_t count = vl_node_rowid_count(page, page_size);

    if (index + 1 == count && vl_node_rowid_range(page).last == INT64_MAX)
        return count - 1;
    return count / 2;
}

int64_t
vl_node_rowid_split(void *page, void *right, uint32_t page_size, vl_pid right_pid, uint32_t keep)
{
    rowid_node from = rowid_open(page, page_size);
    rowid_node to = rowid_open(right, page_size);
    uint32_t moved = from.header->count - keep;
    vl_node_id id = {right_pid, from.header->level, from.header->tree};
    vl_rowid_range range;

    VL_ASSERT(keep >= 1 && keep < from.header->count);
    range.first = from.separators[keep - 1];
    range.last = from.header->last;
    vl_node_rowid_init(right, page_size, id, range, from.children[keep]);
    memcpy(to.children, from.children + keep, moved * sizeof *to.children);
    memcpy(to.separators, from.separators + keep, (moved - 1) * sizeof *to.separators);
    to.header->count = moved;
    rowid_sample(&to);
    from.header->count = keep;
    from.header->last = range.first - 1;
    rowid_pad(&from);
    return range.first;
}

/* Move `moved` children from the front of a right sibling, which keeps some, to the end of its left
 * one. */
static void
rowid_shift_left(const rowid_node *left, const rowid_node *right, uint32_t moved)
{
    uint32_t count = left->header->count;
    uint32_t stay = right->header->count - moved;

    left->separators[count - 1] = right->header->first;
    memcpy(left->separators + count, right->separators, (moved - 1) * sizeof *left->separators);
    memcpy(left->children + count, right->children, moved * sizeof *left->children);
    left->header->count = count + moved;
    rowid_sample(left);
    right->header->first = right->separators[moved - 1];
    left->header->last = right->header->first - 1;
    memmove(right->separators, right->separators + moved, (stay - 1) * sizeof *right->separators);
    memmove(right->children, right->children + moved, stay * sizeof *right->children);
    right->header->count = stay;
    rowid_pad(right);
}

/* Move `moved` children from the end of a left sibling to the front of its right one; the left one
 * keeps some. */
static void
rowid_shift_right(const rowid_node *left, const rowid_node *right, uint32_t moved)
{
    uint32_t keep = left->header->count - moved;
    uint32_t count = right->header->count;

    memmove(right->separators + moved, right->separators, (count - 1) * sizeof *right->separators);
    memmove(right->children + moved, right->children, count * sizeof *right->children);
    right->separators[moved - 1] = right->header->first;
    memcpy(right->separators, left->separators + keep, (moved - 1) * sizeof *right->separators);
    memcpy(right->children, left->children + keep, moved * sizeof *right->children);
    right->header->first = left->separators[keep - 1];
    right->header->count = count + moved;
    rowid_sample(right);
    left->header->last = right->header->first - 1;
    left->header->count = keep;
    rowid_pad(left);
}

vl_node_result
vl_node_rowid_merge(void *page, const void *right, uint32_t page_size)
{
    rowid_node node = rowid_open(page, page_size);
    const rowid_header *from = right;
    const int64_t *separators = rowid_separators(right);
    const void *children = separators + node.capacity;
    uint32_t count = node.header->count;

    VL_ASSERT(node.header->level == from->level && node.header->tree == from->tree);
    VL_ASSERT((uint64_t)node.header->last + 1 == (uint64_t)from->first);
    if (count + from->count > node.capacity)
        return VL_NODE_FULL;
    node.separators[count - 1] = from->first;
    memcpy(node.separators + count, separators, (from->count - 1) * sizeof *separators);
    memcpy(node.children + count, children, from->count * sizeof *node.children);
    node.header->count = count + from->count;
    node.header->last = from->last;
    rowid_sample(&node);
    return VL_NODE_DONE;
}

int64_t
vl_node_rowid_balance(void *page, void *right, uint32_t page_size, uint32_t left_count)
{
    rowid_node left_node = rowid_open(page, page_size);
    rowid_node right_node = rowid_open(right, page_size);
    uint32_t count = left_node.header->count;

    VL_ASSERT(left_node.header->tree == right_node.header->tree);
    VL_ASSERT((uint64_t)left_node.header->last + 1 == (uint64_t)right_node.header->first);
    VL_ASSERT(left_count >= 1 && left_count <= left_node.capacity);
    VL_ASSERT(left_count < count + right_node.header->count);
    VL_ASSERT(count + right_node.header->count - left_count <= left_node.capacity);
    if (left_count > count)
        rowid_shift_left(&left_node, &right_node, left_count - count);
    else if (left_count < count)
        rowid_shift_right(&left_node, &right_node, count - left_count);
    return right_node.header->first;
}

void
vl_node_rowid_set_separator(void *page, uint32_t page_size, uint32_t index, int64_t separator)
{
    rowid_node node = rowid_open(page, page_size);

    VL_ASSERT(index + 1 < node.header->count);
    VL_ASSERT(separator > vl_node_rowid_child_range(page, page_size, index).first);
    VL_ASSERT(separator <= vl_node_rowid_child_range(page, page_size, index + 1).last);
    node.separators[index] = separator;
    rowid_sample(&node);
}

void
vl_node_rowid_grow(void *root, void *child, uint32_t page_size, vl_pid child_pid,
                   vl_rowid_range range)
{
    const rowid_header *old = root;
    vl_node_id id = {(vl_pid)old->pid, old->level + 1U, old->tree};

    memcpy(child, root, page_size);
    ((rowid_header *)child)->pid = child_pid;
    vl_node_rowid_init(root, page_size, id, range, child_pid);
}

static const char *
rowid_header_fault(const rowid_header *header, uint32_t capacity)
{
    if (header->kind != VL_PAGE_TABLE_INNER)
        return "not an inner node of a table tree";
    if (header->level == 0 || header->level > VL_NODE_MAX_LEVEL)
        return "impossible level";
    if (header->pid == 0 || header->pid > UINT32_MAX)
        return "impossible page number";
    if (header->flags != 0)
        return "unused bytes are not zero";
    if (header->count == 0 || header->count > capacity)
        return "impossible number of children";
    if (header->first > header->last)
        return "the range is empty";
    return NULL;
}

static const char *
rowid_arrays_fault(const rowid_header *header, const int64_t *separators, const vl_pid *children,
                   uint32_t capacity)
{
    uint32_t count = header->count;
    int64_t samples[VL_ARRAY_COUNT(header->samples)];

    rowid_get_samples(separators, count - 1, samples);
    if (memcmp(samples, header->samples, sizeof samples) != 0)
        return "samples are not the separators";
    for (uint32_t i = 0; i < capacity; i++) {
        int64_t before = i > 0 ? separators[i - 1] : header->first;

        if (i < count - 1 && (separators[i] <= before || separators[i] > header->last))
            return "separators out of order";
        if (i >= count - 1 && separators[i] != INT64_MAX)
            return "separators behind the last one";
        if (i < count && (children[i] == 0 || children[i] == header->pid))
            return "impossible child";
        if (i >= count && children[i] != 0)
            return "children behind the last one";
    }
    return NULL;
}

const char *
vl_node_rowid_fault(const void *page, uint32_t page_size)
{
    const rowid_header *header = page;
    uint32_t capacity = vl_node_rowid_capacity(page_size);
    const int64_t *separators = rowid_separators(page);
    const void *children = separators + capacity;
    const uint8_t *rest = (const uint8_t *)((const vl_pid *)children + capacity);
    const char *fault = rowid_header_fault(header, capacity);

    if (fault == NULL)
        fault = rowid_arrays_fault(header, separators, children, capacity);
    for (; fault == NULL && rest < (const uint8_t *)page + page_size; rest++)
        if (*rest != 0)
            fault = "unused bytes are not zero";
    return fault;
}
