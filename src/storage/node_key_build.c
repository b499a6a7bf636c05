/* node_key_build.c - splitting, merging and bulk building of key nodes.
 *
 * Whatever changes a node's fences changes its prefix and with it all heads and records: such nodes
 * are written anew, entry by entry, from a copy of the old page in scratch.
 *
 * Invariants
 *   N8  The size of a node to be made is computed exactly beforehand; it is made only if it fits.
 *   N9  Of two neighbouring keys that share c bytes, the shortest string above the first and not
 *       above the second is c + 1 bytes of the second (Bayer and Unterauer, "Prefix B-trees", ACM
 *       TODS 2:1, 1977). It is a separator when these are in the page.
 *  N10  A node of entries [from, to) with 0 < from or to < count, cut out of one that fits, fits:
 *       the new fence is not longer than the entry that it takes the place of. A node with one
 * entry fits whatever its fences (vl_node_key_part_max). */
#include "storage/node_key_int.h"

/* ---- sums ---- */

vl_node_key_sum
vl_node_key_sum_begin(const vl_node_key_item *low, const vl_node_key_item *high)
{
    vl_node_key_sum sum = {0};

    sum.prefix_size = vl_node_key_common(&low->key, &high->key);
    sum.heap_size =
        vl_node_key_pieces_size(&low->key) + vl_node_key_pieces_size(&high->key) - sum.prefix_size;
    return sum;
}

void
vl_node_key_sum_add(vl_node_key_sum *sum, const vl_node_key_item *item)
{
    sum->count++;
    sum->heap_size += vl_node_key_item_size(item, sum->prefix_size);
}

static void
node_key_sum_add_range(vl_node_key_sum *sum, const vl_node_key_view *view, uint32_t from,
                       uint32_t to)
{
    vl_node_key_item item;

    for (; from < to; from++) {
        vl_node_key_item_of_entry(view, from, &item);
        vl_node_key_sum_add(sum, &item);
    }
}

int
vl_node_key_sum_fits(const vl_node_key_sum *sum, uint32_t slot_size, uint32_t page_size,
                     uint32_t limit)
{
    uint32_t room = vl_node_key_room_for(sum->count);

    return room <= vl_node_key_room_max(page_size, slot_size) &&
           vl_node_key_arrays_size(room, sum->count, slot_size) + sum->heap_size <= limit;
}

/* Write entries [from, to) of another page behind those of a page where they fit. */
static void
node_key_append_range(void *page, const vl_node_key_view *source, uint32_t from, uint32_t to)
{
    uint32_t index = vl_node_key_count(page, source->page_size);
    vl_node_key_item item;

    for (; from < to; from++) {
        vl_node_key_item_of_entry(source, from, &item);
        vl_node_key_put(page, source->page_size, index++, &item);
    }
}

void
vl_node_key_item_of_key(const vl_node_key *key, uint32_t page_size, vl_node_key_item *item)
{
    vl_node_key_entry entry = {0};

    entry.key = *key;
    vl_node_key_item_make(&entry, page_size, item);
}

uint32_t
vl_node_key_separator_size(const vl_node_key_item *left, const vl_node_key_item *right)
{
    uint32_t size = vl_node_key_common(&left->key, &right->key) + 1;

    return size <= vl_node_key_pieces_size(&right->key) ? size : 0;
}

/* ---- splitting ---- */

/* The size of the separator when a node is cut at `at`; 0 when there is none but a long one. */
static uint32_t
node_key_cut_size(const vl_node_key_view *view, uint32_t at)
{
    vl_node_key_item left;
    vl_node_key_item right;

    vl_node_key_item_of_entry(view, at, &right);
    if (vl_node_key_is_inner(view))
        return vl_node_key_pieces_size(&right.key) + right.total_size;
    vl_node_key_item_of_entry(view, at - 1, &left);
    return vl_node_key_separator_size(&left, &right);
}

/* Bytes that an entry takes. */
static uint32_t
node_key_entry_size(const vl_node_key_view *view, uint32_t index)
{
    return vl_node_key_record_at(view, index).size + view->slot_size + VL_NODE_KEY_HEAD_SIZE;
}

/* The cuts from which to choose: those that leave between 3/8 and 5/8 of the bytes on the left, and
 * the one nearest to half. A leaf's cuts are 1 to count - 1, an inner node's 0 to count - 1. */
static void
node_key_cut_window(const vl_node_key_view *view, uint32_t *first, uint32_t *middle, uint32_t *last)
{
    uint32_t least = vl_node_key_is_inner(view) ? 0 : 1;
    uint32_t total = 0;
    uint32_t left = 0;

    for (uint32_t i = 0; i < view->count; i++)
        total += node_key_entry_size(view, i);
    *first = *middle = *last = least;
    for (uint32_t at = 0; at < view->count; at++) {
        if (at >= least) {
            *first = left * 8 < total * 3 ? at : *first;
            *middle = left * 2 < total ? at : *middle;
            *last = left * 8 <= total * 5 ? at : *last;
        }
        left += node_key_entry_size(view, at);
    }
}

static uint32_t
node_key_distance(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

/* Of the cuts from first to last the one with the shortest separator, and of these the one nearest
 * to the middle. UINT32_MAX when all need a long one. */
static uint32_t
node_key_best_cut(const vl_node_key_view *view, uint32_t first, uint32_t middle, uint32_t last)
{
    uint32_t best = UINT32_MAX;
    uint32_t best_size = 0;

    for (uint32_t at = first; at <= last; at++) {
        uint32_t size = node_key_cut_size(view, at);

        if (size == 0)
            continue;
        if (best == UINT32_MAX || size < best_size ||
            (size == best_size &&
             node_key_distance(at, middle) < node_key_distance(best, middle))) {
            best = at;
            best_size = size;
        }
    }
    return best;
}

/* The cut nearest to the middle that needs no long separator, or UINT32_MAX. */
static uint32_t
node_key_any_cut(const vl_node_key_view *view, uint32_t middle)
{
    for (uint32_t step = 0; step < view->count; step++) {
        if (middle + step < view->count && node_key_cut_size(view, middle + step) > 0)
            return middle + step;
        if (middle >= step + 1 && node_key_cut_size(view, middle - step) > 0)
            return middle - step;
    }
    return UINT32_MAX;
}

/* Copy the separator of a cut between two items, which has `size` bytes. */
static void
node_key_set_cut(vl_node_key_cut *cut, uint32_t at, const vl_node_key_item *right, uint32_t size,
                 uint8_t *buffer)
{
    vl_node_key_pieces_copy(&right->key, 0, size, buffer);
    cut->at = at;
    cut->separator = vl_node_key_make(buffer, size);
}

/* Cut a leaf in front of or behind all its entries, where the new key comes in: 1 when a separator
 * exists and both nodes fit. */
static int
node_key_cut_at_edge(const vl_node_key_view *view, uint32_t at, const vl_node_key *incoming,
                     uint8_t *buffer, vl_node_key_cut *cut)
{
    vl_node_key_item fresh;
    vl_node_key_item neighbour;
    vl_node_key_item fence;
    vl_node_key_item separator;
    vl_node_key_sum sum;
    uint32_t size;

    vl_node_key_item_of_key(incoming, view->page_size, &fresh);
    vl_node_key_item_of_entry(view, at > 0 ? at - 1 : 0, &neighbour);
    size = at > 0 ? vl_node_key_separator_size(&neighbour, &fresh)
                  : vl_node_key_separator_size(&fresh, &neighbour);
    if (size == 0)
        return 0;
    node_key_set_cut(cut, at, at > 0 ? &fresh : &neighbour, size, buffer);
    vl_node_key_item_of_key(&cut->separator, view->page_size, &separator);
    if (at > 0)
        vl_node_key_item_of_low(view, &fence);
    else
        vl_node_key_item_of_high(view, &fence);
    sum = at > 0 ? vl_node_key_sum_begin(&fence, &separator)
                 : vl_node_key_sum_begin(&separator, &fence);
    node_key_sum_add_range(&sum, view, 0, view->count);
    return vl_node_key_sum_fits(&sum, view->slot_size, view->page_size, view->page_size);
}

/* Cut between entries. */
static vl_node_result
node_key_cut_inside(const vl_node_key_view *view, uint8_t *buffer, vl_node_key_cut *cut)
{
    vl_node_key_item right;
    uint32_t first;
    uint32_t middle;
    uint32_t last;
    uint32_t at;

    node_key_cut_window(view, &first, &middle, &last);
    at = node_key_best_cut(view, first, middle, last);
    if (at == UINT32_MAX)
        at = node_key_any_cut(view, middle);
    if (at == UINT32_MAX) {
        cut->at = middle;
        return VL_NODE_TIE;
    }
    vl_node_key_item_of_entry(view, at, &right);
    if (!vl_node_key_is_inner(view)) {
        node_key_set_cut(cut, at, &right, node_key_cut_size(view, at), buffer);
        return VL_NODE_DONE;
    }
    cut->at = at;
    cut->separator = vl_node_key_entry_at(view->page, view->page_size, at, buffer).key;
    return VL_NODE_DONE;
}

vl_node_result
vl_node_key_split_point(const void *page, uint32_t page_size, uint32_t index,
                        const vl_node_key *incoming, uint8_t *buffer, vl_node_key_cut *cut)
{
    vl_node_key_view view = vl_node_key_open(page, page_size);
    int is_right_edge = index == view.count && view.high_size == 0;

    VL_ASSERT(view.count > 0);
    memset(cut, 0, sizeof *cut);
    if (vl_node_key_is_inner(&view)) {
        if (!is_right_edge)
            return node_key_cut_inside(&view, buffer, cut);
        cut->at = view.count - 1;
        cut->separator = vl_node_key_entry_at(page, page_size, cut->at, buffer).key;
        return VL_NODE_DONE;
    }
    if ((is_right_edge || view.count == 1) &&
        node_key_cut_at_edge(&view, index, incoming, buffer, cut))
        return VL_NODE_DONE;
    if (view.count > 1)
        return node_key_cut_inside(&view, buffer, cut);
    cut->at = index;
    return VL_NODE_TIE;
}

void
vl_node_key_split(void *page, void *right, void *scratch, uint32_t page_size, vl_pid right_pid,
                  const vl_node_key_cut *cut)
{
    const vl_node_key_header *old = scratch;
    vl_node_key_view view;
    vl_node_key_item low;
    vl_node_key_item high;
    vl_node_key_item separator;
    vl_node_id id;
    vl_pid middle_child = 0;
    uint32_t right_from = cut->at;

    memcpy(scratch, page, page_size);
    view = vl_node_key_open(scratch, page_size);
    vl_node_key_item_of_low(&view, &low);
    vl_node_key_item_of_high(&view, &high);
    vl_node_key_item_of_key(&cut->separator, page_size, &separator);
    if (vl_node_key_is_inner(&view)) {
        VL_ASSERT(cut->at < view.count);
        middle_child = vl_node_key_child(scratch, page_size, cut->at + 1);
        right_from++;
    }
    id.pid = right_pid;
    id.level = old->level;
    id.tree = old->tree;
    vl_node_key_init_items(right, page_size, id, middle_child, &separator, &high);
    node_key_append_range(right, &view, right_from, view.count);
    id.pid = (vl_pid)old->pid;
    vl_node_key_init_items(page, page_size, id, old->first_child, &low, &separator);
    node_key_append_range(page, &view, 0, cut->at);
}

/* ---- merging ---- */

/* What a merged node begins with: the fences and, of inner nodes, the separator between. */
typedef struct node_key_seam {
    vl_node_key_view left;      /* the left page, or its copy */
    vl_node_key_view right;     /* the right page */
    vl_node_key_item low;       /* fence of the left one */
    vl_node_key_item high;      /* fence of the right one */
    vl_node_key_item separator; /* the right one's low fence, with its first child */
} node_key_seam;

static void
node_key_make_seam(const void *left, const void *right, uint32_t page_size, node_key_seam *seam)
{
    seam->left = vl_node_key_open(left, page_size);
    seam->right = vl_node_key_open(right, page_size);
    vl_node_key_item_of_low(&seam->left, &seam->low);
    vl_node_key_item_of_high(&seam->right, &seam->high);
    vl_node_key_item_of_low(&seam->right, &seam->separator);
    seam->separator.child = vl_node_key_child(right, page_size, 0);
}

int
vl_node_key_can_merge(const void *page, const void *right, uint32_t page_size)
{
    node_key_seam seam;
    vl_node_key_sum sum;

    node_key_make_seam(page, right, page_size, &seam);
    VL_ASSERT(seam.left.slot_size == seam.right.slot_size);
    sum = vl_node_key_sum_begin(&seam.low, &seam.high);
    node_key_sum_add_range(&sum, &seam.left, 0, seam.left.count);
    if (vl_node_key_is_inner(&seam.left))
        vl_node_key_sum_add(&sum, &seam.separator);
    node_key_sum_add_range(&sum, &seam.right, 0, seam.right.count);
    return vl_node_key_sum_fits(&sum, seam.left.slot_size, page_size, page_size); /* keeps N8 */
}

vl_node_result
vl_node_key_merge(void *page, const void *right, void *scratch, uint32_t page_size)
{
    const vl_node_key_header *old = scratch;
    node_key_seam seam;
    vl_node_id id;

    if (!vl_node_key_can_merge(page, right, page_size))
        return VL_NODE_FULL;
    memcpy(scratch, page, page_size);
    node_key_make_seam(scratch, right, page_size, &seam);
    id.pid = (vl_pid)old->pid;
    id.level = old->level;
    id.tree = old->tree;
    vl_node_key_init_items(page, page_size, id, old->first_child, &seam.low, &seam.high);
    node_key_append_range(page, &seam.left, 0, seam.left.count);
    if (vl_node_key_is_inner(&seam.left))
        vl_node_key_put(page, page_size, seam.left.count, &seam.separator);
    node_key_append_range(page, &seam.right, 0, seam.right.count);
    return VL_NODE_DONE;
}

void
vl_node_key_grow(void *root, void *child, void *scratch, uint32_t page_size, vl_pid child_pid)
{
    const vl_node_key_header *old = scratch;
    vl_node_key_view view;
    vl_node_key_item low;
    vl_node_key_item high;
    vl_node_id id;

    memcpy(scratch, root, page_size);
    memcpy(child, root, page_size);
    ((vl_node_key_header *)child)->pid = child_pid;
    view = vl_node_key_open(scratch, page_size);
    vl_node_key_item_of_low(&view, &low);
    vl_node_key_item_of_high(&view, &high);
    id.pid = (vl_pid)old->pid;
    id.level = old->level + 1U;
    id.tree = old->tree;
    vl_node_key_init_items(root, page_size, id, child_pid, &low, &high);
}

/* ---- bulk building ---- */

/* The high fence of a page with the first `take` entries: 0 when it would have to be long. */
static int
node_key_load_fence(const vl_node_key_load *load, uint32_t page_size, uint32_t take,
                    vl_node_key *fence)
{
    vl_node_key_item left;
    vl_node_key_item right;

    if (take == load->count) {
        *fence = load->fences.high;
        return 1;
    }
    *fence = load->entries[take].key;
    if (load->id.level > 0)
        return 1;
    if (take == 0)
        return 0;
    vl_node_key_item_make(&load->entries[take - 1], page_size, &left);
    vl_node_key_item_make(&load->entries[take], page_size, &right);
    fence->size = vl_node_key_separator_size(&left, &right);
    fence->total_size = fence->size;
    fence->rest = 0;
    return fence->size > 0;
}

/* Whether the first `take` entries make a page of at most `limit` bytes. */
static int
node_key_load_fits(const vl_node_key_load *load, uint32_t page_size, uint32_t take, uint32_t limit)
{
    uint32_t slot_size = (uint32_t)sizeof(vl_node_key_slot);
    vl_node_key fence;
    vl_node_key_item low;
    vl_node_key_item high;
    vl_node_key_item item;
    vl_node_key_sum sum;

    if (load->id.level > 0)
        slot_size += (uint32_t)sizeof(vl_pid);
    if (!node_key_load_fence(load, page_size, take, &fence))
        return 0;
    vl_node_key_item_of_key(&load->fences.low, page_size, &low);
    vl_node_key_item_of_key(&fence, page_size, &high);
    sum = vl_node_key_sum_begin(&low, &high);
    for (uint32_t i = 0; i < take; i++) {
        vl_node_key_item_make(&load->entries[i], page_size, &item);
        vl_node_key_sum_add(&sum, &item);
    }
    return vl_node_key_sum_fits(&sum, slot_size, page_size, limit);
}

/* How many entries to take; UINT32_MAX when no number is possible. The size grows with the number
 * but for the fence's: what halving finds is the most or nearly so, unless long keys that tie stand
 * in the way. */
static uint32_t
node_key_load_count(const vl_node_key_load *load, uint32_t page_size)
{
    uint32_t slot_size = (uint32_t)sizeof(vl_node_key_slot);
    uint32_t most = vl_node_key_min(load->count, vl_node_key_room_max(page_size, slot_size));
    uint32_t least = load->id.level > 0 ? 0 : 1;
    uint32_t low = least;
    uint32_t high = most + 1;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (node_key_load_fits(load, page_size, middle, load->fill_size))
            low = middle;
        else
            high = middle;
    }
    for (; low <= most; low++) /* the first one, whatever the wish, or past a run of ties */
        if (node_key_load_fits(load, page_size, low, page_size))
            return low;
    return UINT32_MAX;
}

vl_node_result
vl_node_key_build(void *page, uint32_t page_size, const vl_node_key_load *load, uint8_t *buffer,
                  vl_node_key *separator, uint32_t *taken)
{
    uint32_t take = node_key_load_count(load, page_size);
    vl_node_key_fences fences = load->fences;
    vl_node_key_item item;

    if (take == UINT32_MAX)
        return VL_NODE_TIE;
    (void)node_key_load_fence(load, page_size, take, &fences.high);
    vl_node_key_init(page, page_size, load->id, load->first_child, &fences);
    for (uint32_t i = 0; i < take; i++) {
        vl_node_key_item_make(&load->entries[i], page_size, &item);
        vl_node_key_put(page, page_size, i, &item);
    }
    *taken = take;
    *separator = fences.high;
    if (take < load->count) {
        vl_node_key_item_of_key(&fences.high, page_size, &item);
        vl_node_key_pieces_copy(&item.key, 0, item.key.size[0], buffer);
        separator->data = buffer;
        separator->size = item.key.size[0];
    }
    return VL_NODE_DONE;
}
