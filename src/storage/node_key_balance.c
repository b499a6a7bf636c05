/* node_key_balance.c - moving entries between siblings, and what their parents and the root need.
 *
 * Two siblings are seen as one *row* of items: the left one's entries, of inner nodes the separator
 * between them with the right one's first child, and the right one's entries. A cut at position
 * `at` leaves the items before it left; of inner nodes item `at` becomes the separator.
 *
 * Invariants
 *  N13  Whether both nodes fit after a cut is computed exactly (N8): entries grow where fences lie
 *       further apart.
 *  N14  A node is written anew from pages that are not changed meanwhile: the one that receives
 *       first, the one that gives from its copy in scratch. */
#include "storage/node_key_int.h"

/* Two siblings as a row of items; see above. */
typedef struct key_row {
    vl_node_key_view left;  /* the left page or its copy */
    vl_node_key_view right; /* the right page or its copy */
    vl_node_key_item low;   /* fence of the left one */
    vl_node_key_item high;  /* fence of the right one */
    vl_node_key_item seam;  /* of inner nodes: the separator between */
    uint32_t left_count;    /* items of the left one */
    uint32_t seam_count;    /* 1 for inner nodes, else 0 */
    uint32_t count;         /* of items */
    uint32_t page_size;     /* of both pages */
} key_row;

static key_row
key_row_make(const void *left, const void *right, uint32_t page_size)
{
    key_row row;

    row.left = vl_node_key_open(left, page_size);
    row.right = vl_node_key_open(right, page_size);
    vl_node_key_item_of_low(&row.left, &row.low);
    vl_node_key_item_of_high(&row.right, &row.high);
    vl_node_key_item_of_low(&row.right, &row.seam);
    row.seam.child = vl_node_key_child(right, page_size, 0);
    row.left_count = row.left.count;
    row.seam_count = vl_node_key_is_inner(&row.left) ? 1 : 0;
    row.count = row.left_count + row.seam_count + row.right.count;
    row.page_size = page_size;
    VL_ASSERT(row.left.slot_size == row.right.slot_size);
    return row;
}

static void
key_row_item(const key_row *row, uint32_t index, vl_node_key_item *item)
{
    if (index < row->left_count)
        vl_node_key_item_of_entry(&row->left, index, item);
    else if (index < row->left_count + row->seam_count)
        *item = row->seam;
    else
        vl_node_key_item_of_entry(&row->right, index - row->left_count - row->seam_count, item);
}

/* ---- choosing a cut ---- */

/* The cuts from which to choose. */
typedef struct key_window {
    uint32_t first;  /* leaves 3/8 of the bytes on the left, or just less */
    uint32_t middle; /* nearest to half of them */
    uint32_t last;   /* 5/8, or the middle */
} key_window;

static uint64_t
key_distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

static key_window
key_row_window(const key_row *row)
{
    uint32_t prefix = vl_node_key_common(&row->low.key, &row->high.key);
    uint32_t least = 1 - row->seam_count; /* leaves keep an entry, inner nodes a child */
    uint32_t extra = row->left.slot_size + VL_NODE_KEY_HEAD_SIZE;
    uint64_t total = 0;
    uint64_t left = 0;
    uint64_t nearest = UINT64_MAX;
    key_window window = {least, least, least};
    vl_node_key_item item;

    for (uint32_t i = 0; i < row->count; i++) {
        key_row_item(row, i, &item);
        total += vl_node_key_item_size(&item, prefix) + extra;
    }
    for (uint32_t at = 0; at < row->count; at++) {
        uint64_t distance = key_distance(left * 2, total);

        if (at >= least) {
            window.first = left * 8 < total * 3 ? at : window.first;
            window.last = left * 8 <= total * 5 ? at : window.last;
            window.middle = distance < nearest ? at : window.middle;
            nearest = distance < nearest ? distance : nearest;
        }
        key_row_item(row, at, &item);
        left += vl_node_key_item_size(&item, prefix) + extra;
    }
    if (window.middle > window.last)
        window.last = window.middle;
    return window;
}

/* Size of the separator of a cut; 0 when there is none but a long one that does not exist yet. */
static uint32_t
key_row_cut_size(const key_row *row, uint32_t at)
{
    vl_node_key_item left;
    vl_node_key_item right;

    key_row_item(row, at, &right);
    if (row->seam_count > 0)
        return vl_node_key_pieces_size(&right.key) + right.total_size;
    key_row_item(row, at - 1, &left);
    return vl_node_key_separator_size(&left, &right);
}

/* Of the window's cuts the one with the shortest separator, and of these the one nearest to the
 * middle; UINT32_MAX for none. */
static uint32_t
key_row_best_cut(const key_row *row, const key_window *window)
{
    uint32_t best = UINT32_MAX;
    uint32_t best_size = UINT32_MAX;

    for (uint32_t at = window->first; at <= window->last; at++) {
        uint32_t size = key_row_cut_size(row, at);

        if (size == 0 || size > best_size)
            continue;
        if (size < best_size ||
            key_distance(at, window->middle) < key_distance(best, window->middle)) {
            best = at;
            best_size = size;
        }
    }
    return best;
}

/* The separator of a cut, its bytes copied to `buffer`. */
static void
key_row_set_cut(const key_row *row, uint32_t at, uint8_t *buffer, vl_node_key_cut *cut)
{
    vl_node_key_item item;
    uint32_t size;

    key_row_item(row, at, &item);
    size = row->seam_count > 0 ? vl_node_key_pieces_size(&item.key) : key_row_cut_size(row, at);
    vl_node_key_pieces_copy(&item.key, 0, size, buffer);
    cut->at = at;
    cut->separator = vl_node_key_make(buffer, size);
    if (row->seam_count > 0 && item.total_size > 0) {
        cut->separator.total_size = item.total_size;
        cut->separator.rest = item.rest;
    }
}

/* Whether items [from, to) fit a page between two fences (N13). */
static int
key_row_part_fits(const key_row *row, uint32_t from, uint32_t to, const vl_node_key_item *low,
                  const vl_node_key_item *high)
{
    vl_node_key_sum sum = vl_node_key_sum_begin(low, high);
    vl_node_key_item item;

    for (; from < to; from++) {
        key_row_item(row, from, &item);
        vl_node_key_sum_add(&sum, &item);
    }
    return vl_node_key_sum_fits(&sum, row->left.slot_size, row->page_size, row->page_size);
}

/* Whether both nodes fit. */
static int
key_row_cut_fits(const key_row *row, const vl_node_key_cut *cut)
{
    vl_node_key_item separator;

    vl_node_key_item_of_key(&cut->separator, row->page_size, &separator);
    return key_row_part_fits(row, 0, cut->at, &row->low, &separator) &&
           key_row_part_fits(row, cut->at + row->seam_count, row->count, &separator, &row->high);
}

vl_node_result
vl_node_key_balance_point(const void *page, const void *right, uint32_t page_size, uint8_t *buffer,
                          vl_node_key_cut *cut)
{
    key_row row = key_row_make(page, right, page_size);
    key_window window;
    uint32_t at;

    memset(cut, 0, sizeof *cut);
    if (row.count < 2)
        return VL_NODE_FULL;
    window = key_row_window(&row);
    if (row.left_count >= window.first && row.left_count <= window.last)
        return VL_NODE_FULL;
    at = key_row_best_cut(&row, &window);
    for (int i = 0; i < 2 && at != UINT32_MAX; i++) {
        key_row_set_cut(&row, at, buffer, cut);
        if (key_row_cut_fits(&row, cut))
            return VL_NODE_DONE;
        at = UINT32_MAX;
        if (window.middle != cut->at && key_row_cut_size(&row, window.middle) > 0)
            at = window.middle;
    }
    return VL_NODE_FULL;
}

/* ---- moving entries ---- */

/* Write a page anew, with items [from, to) and the identity in `old`, a copy of its header. */
static void
key_row_write(const key_row *row, void *page, const vl_node_key_header *old, uint32_t from,
              uint32_t to, vl_pid first_child, const vl_node_key_item *low,
              const vl_node_key_item *high)
{
    vl_node_id id = {(vl_pid)old->pid, old->level, old->tree};
    vl_node_key_item item;

    vl_node_key_init_items(page, row->page_size, id, first_child, low, high);
    for (uint32_t i = from; i < to; i++) {
        key_row_item(row, i, &item);
        vl_node_key_put(page, row->page_size, i - from, &item);
    }
}

void
vl_node_key_balance(void *page, void *right, void *scratch, uint32_t page_size,
                    const vl_node_key_cut *cut)
{
    const vl_node_key_header *old = scratch;
    key_row row = key_row_make(page, right, page_size);
    uint32_t right_from = cut->at + row.seam_count;
    vl_node_key_item separator;
    vl_pid first_child = 0;

    VL_ASSERT(cut->at != row.left_count && cut->at < row.count);
    vl_node_key_item_of_key(&cut->separator, page_size, &separator);
    if (row.seam_count > 0) {
        key_row_item(&row, cut->at, &row.seam);
        first_child = row.seam.child;
    }
    if (cut->at > row.left_count) { /* keeps N14 */
        memcpy(scratch, page, page_size);
        row = key_row_make(scratch, right, page_size);
        key_row_write(&row, page, old, 0, cut->at, old->first_child, &row.low, &separator);
        memcpy(scratch, right, page_size);
        row.right = vl_node_key_open(scratch, page_size);
        vl_node_key_item_of_high(&row.right, &row.high);
        key_row_write(&row, right, old, right_from, row.count, first_child, &separator, &row.high);
        return;
    }
    memcpy(scratch, right, page_size);
    row = key_row_make(page, scratch, page_size);
    key_row_write(&row, right, old, right_from, row.count, first_child, &separator, &row.high);
    memcpy(scratch, page, page_size);
    row.left = vl_node_key_open(scratch, page_size);
    vl_node_key_item_of_low(&row.left, &row.low);
    key_row_write(&row, page, old, 0, cut->at, old->first_child, &row.low, &separator);
}

void
vl_node_key_shrink(void *root, const void *child, uint32_t page_size)
{
    const vl_node_key_header *old = root;
    uint64_t pid = old->pid;

    VL_ASSERT(vl_node_key_count(root, page_size) == 0 && old->level > 0);
    VL_ASSERT(((const vl_node_key_header *)child)->level + 1 == old->level);
    VL_ASSERT(((const vl_node_key_header *)child)->tree == old->tree);
    memcpy(root, child, page_size);
    ((vl_node_key_header *)root)->pid = pid;
}
