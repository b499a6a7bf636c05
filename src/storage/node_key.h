/* node_key.h - nodes of key trees: byte strings in memcmp order, with small values or children.
 *
 * Leaves and inner nodes have one layout:
 *
 *    0  vl_page_header: kind VL_PAGE_KEY_LEAF or VL_PAGE_KEY_INNER, level, flags 0, count of
 * entries 24  uint16 room        heads that the array of heads has space for, a multiple of 16 26
 * uint16 heap_size   bytes in use at the page's end: fences, records and garbage 28  uint16 garbage
 * bytes of the heap that belong to no record 30  uint16 tombstones  entries that are marked deleted
 *   32  uint16 prefix      bytes that low and high fence, and so all keys, begin with
 *   34  uint16 low         size of the low fence, in-page part
 *   36  uint16 high        size of the high fence, in-page part; 0: none
 *   38  uint16 zero
 *   40  uint32 first child of an inner node, else 0
 *   44  uint32 low total, low rest, high total, high rest: as below for a long fence, else 0
 *   60  uint32 zero
 *   64  heads    room x uint32: the first four bytes behind the prefix, as a big-endian number,
 *                filled up with zeros; behind the last entry UINT32_MAX
 *   ..  slots    of each entry
 *                uint16 at     its record begins so many bytes before the page's end
 *                uint16 size   bytes of its key behind the prefix; bit 15: marked deleted
 *                uint32 child  only in inner nodes: holds the keys from this separator on
 *   ..  free
 *   ..  records  tail of the key (what follows the head), varint of 2 x value size + is long,
 *                value, and of a long key uint32 rest and uint32 total
 *   ..  high fence without the prefix
 *   ..  low fence, to the page's end
 *
 * A node holds the keys from its low fence, included, to its high fence, excluded. The empty key is
 * the lowest of all, so it is the open low end. Separators of inner nodes lie between the fences.
 *
 * Keys longer than vl_node_key_part_max are *long*: the node has their first part_max bytes, the
 * *part*, the number of a page with the rest and the total size. Where the part does not decide,
 * functions answer VL_NODE_TIE: the caller releases its latches, reads the rest, notes the result
 * (vl_node_key_ties) and starts over. Separators that vl_node_key_split_point finds are never long.
 * It answers VL_NODE_TIE when only the rests of long keys differ; the caller then makes a long
 * separator, whose rest is its own. Rests are not counted or freed here.
 *
 * `page`, `page_size`: see node.h. `scratch` is another buffer of a page's size and alignment,
 * whose content is lost. Nothing that is passed in may lie in the page or in scratch. */
#ifndef VL_STORAGE_NODE_KEY_H
#define VL_STORAGE_NODE_KEY_H

#include "storage/node.h"

/* A key. */
typedef struct vl_node_key {
    const uint8_t *data; /* its bytes: all, or of a long key at least the part */
    uint32_t size;       /* how many of them are at `data` */
    uint32_t total_size; /* of the whole key; more than `size` only for a long one */
    vl_pid rest;         /* where the rest of a long key is, 0 when it is in no tree */
} vl_node_key;

/* What comparing the rest of a long key with the wanted one gave. */
typedef struct vl_node_key_tie {
    vl_pid rest; /* of the key in the node */
    int order;   /* the wanted key is below (negative), equal (0) or above it (positive) */
} vl_node_key_tie;

/* All that is known; NULL stands for nothing. */
typedef struct vl_node_key_ties {
    const vl_node_key_tie *ties; /* `count` of them, in any order */
    uint32_t count;              /* how many */
} vl_node_key_ties;

/* What a search found. */
typedef struct vl_node_key_place {
    uint32_t index;     /* FOUND, TIE: this entry; ABSENT: the first one above the key, or count */
    uint32_t child;     /* of an inner node: position of the child that the key belongs to */
    vl_pid child_pid;   /* that child; 0 in leaves */
    vl_pid tie_rest;    /* TIE: where the rest of the key is that must be compared */
    uint32_t tie_total; /* TIE: total size of that key */
} vl_node_key_place;

/* An entry, to be written or as read. */
typedef struct vl_node_key_entry {
    vl_node_key key;     /* see each function */
    const void *value;   /* of a leaf's entry; as read, it points into the page */
    uint32_t value_size; /* up to vl_node_key_value_max; 0 in inner nodes */
    vl_pid child;        /* of an inner node's entry: holds the keys from this one on; else 0 */
    int is_deleted;      /* 1: marked deleted; leaves only */
} vl_node_key_entry;

typedef struct vl_node_key_fences {
    vl_node_key low;  /* lowest key that belongs here; empty: no lower end */
    vl_node_key high; /* first key that does not; empty: no upper end */
} vl_node_key_fences;

/* Where to split. */
typedef struct vl_node_key_cut {
    uint32_t at;           /* entries that stay left; an inner node's entry `at` moves up */
    vl_node_key separator; /* what the parent gets */
} vl_node_key_cut;

/* Most bytes of a key in a node: a quarter page, and less in pages of 512 bytes, such that two
 * fences and an entry fit whatever they are. */
uint32_t vl_node_key_part_max(uint32_t page_size);

/* Most bytes of a value: a sixteenth of a page. */
uint32_t vl_node_key_value_max(uint32_t page_size);

/* Describe a key of which all `size` bytes are at `data`, long or not, that is in no tree yet. */
vl_node_key vl_node_key_make(const void *data, uint32_t size);

/* Make an empty node. Writes the whole page.
 *
 * first_child  of an inner node (id.level > 0): holds the keys from the low fence on; else 0 */
void vl_node_key_init(void *page, uint32_t page_size, vl_node_id id, vl_pid first_child,
                      const vl_node_key_fences *fences);

/* ---- reading: node_key_read.c ---- */

/* Find a key that belongs to the node (vl_node_key_covers): bytes of the prefix are not compared.
 * FOUND, ABSENT or TIE, and the place. Optimistic. */
vl_node_result vl_node_key_find(const void *page, uint32_t page_size, const vl_node_key *key,
                                const vl_node_key_ties *ties, vl_node_key_place *place);

/* Whether a key belongs to the node: FOUND, ABSENT, or TIE with a fence, which sets the tie_ fields
 * of *place. Else place->index is 1 if the key is above the low fence, and 0 if not. Optimistic. */
vl_node_result vl_node_key_covers(const void *page, uint32_t page_size, const vl_node_key *key,
                                  const vl_node_key_ties *ties, vl_node_key_place *place);

/* Number of entries; an inner node has one child more. Optimistic. */
uint32_t vl_node_key_count(const void *page, uint32_t page_size);

/* Child `index` of an inner node, 0 to count; a higher index is lowered. Optimistic. */
vl_pid vl_node_key_child(const void *page, uint32_t page_size, uint32_t index);

/* Whether the part of a key begins with what all keys of the node begin with: then it is found
 * among them rightly (vl_node_key_find), wherever it belongs. Optimistic. */
int vl_node_key_has_prefix(const void *page, uint32_t page_size, const vl_node_key *key);

/* Entry `index` without its key: that is empty. Otherwise as vl_node_key_entry_at. */
vl_node_key_entry vl_node_key_value_at(const void *page, uint32_t page_size, uint32_t index);

/* Entry `index`; its key's part is copied to `buffer`, which has room for part_max bytes, and
 * key.data points there; the value points into the page. With buffer NULL the key's bytes are left
 * out, and key.data is NULL. Optimistic, but for the value's bytes: an index beyond the entries
 * gives an empty entry. */
vl_node_key_entry vl_node_key_entry_at(const void *page, uint32_t page_size, uint32_t index,
                                       uint8_t *buffer);

/* The low and the high fence, copied to `buffer` of part_max bytes. Optimistic. */
vl_node_key vl_node_key_low(const void *page, uint32_t page_size, uint8_t *buffer);
vl_node_key vl_node_key_high(const void *page, uint32_t page_size, uint8_t *buffer);

/* Number of entries that are marked deleted. Optimistic. */
uint32_t vl_node_key_tombstones(const void *page);

/* Bytes of the page that are in use, garbage not counted: a measure of how full it is. */
uint32_t vl_node_key_used_size(const void *page, uint32_t page_size);

/* Check every rule above on bytes from anywhere. Returns NULL, or static text: what is wrong. */
const char *vl_node_key_fault(const void *page, uint32_t page_size);

/* ---- changing one page: node_key_write.c ---- */

/* Put an entry at position `index`, where a search said that it belongs; the key lies within the
 * fences. Compacts the page when need be. DONE or FULL. */
vl_node_result vl_node_key_insert(void *page, void *scratch, uint32_t page_size, uint32_t index,
                                  const vl_node_key_entry *entry) VL_MUST_CHECK;

/* Remove entry `index`. Never needs space. */
void vl_node_key_remove(void *page, uint32_t page_size, uint32_t index);

/* Remove child `index` of an inner node with more than one. Its keys now belong to its left
 * neighbour, those of child 0 to its right one. */
void vl_node_key_remove_child(void *page, uint32_t page_size, uint32_t index);

/* Whether these would say DONE: vl_node_key_insert, vl_node_key_replace with a value of such a
 * size, vl_node_key_set_separator. Nothing is changed. */
int vl_node_key_can_insert(const void *page, uint32_t page_size, const vl_node_key_entry *entry);
int vl_node_key_can_replace(const void *page, uint32_t page_size, uint32_t index,
                            uint32_t value_size);
int vl_node_key_can_set_separator(const void *page, uint32_t page_size, uint32_t index,
                                  const vl_node_key *separator);

/* Whether an entry fits whose record has so many bytes: what the layout above says of records. */
int vl_node_key_has_room(const void *page, uint32_t page_size, uint32_t record_size);

/* Put another page in a child's place; index from 0 to count. */
void vl_node_key_set_child(void *page, uint32_t page_size, uint32_t index, vl_pid child);

/* Put another separator in the place of entry `index` of an inner node, which keeps its child. It
 * lies between the neighbouring entries or fences. DONE or FULL. */
vl_node_result vl_node_key_set_separator(void *page, void *scratch, uint32_t page_size,
                                         uint32_t index, const vl_node_key *separator)
    VL_MUST_CHECK;

/* Give a leaf's entry another value. DONE or FULL. */
vl_node_result vl_node_key_replace(void *page, void *scratch, uint32_t page_size, uint32_t index,
                                   const void *value, uint32_t value_size) VL_MUST_CHECK;

/* Mark a leaf's entry as deleted (1) or not (0). Never needs space. */
void vl_node_key_mark(void *page, uint32_t page_size, uint32_t index, int is_deleted);

/* Drop the garbage. Changes no entry's position. */
void vl_node_key_compact(void *page, void *scratch, uint32_t page_size);

/* ---- making and joining pages: node_key_build.c, node_key_balance.c ---- */

/* Choose where to split a node that is full: near the middle, where the separator is shortest. When
 * entries are added at the tree's right edge, behind the last one. DONE; or TIE: no separator
 * exists that is not long; cut->at is set, and the caller makes one that is above key `at - 1` and
 * not above key `at`.
 *
 * index     where the new entry belongs; of an inner node, the child that was split
 * incoming  key of the new entry of a leaf, which has one entry at least; NULL for an inner node.
 *           The entry may not fit its half even then: split again
 * buffer    part_max bytes; cut->separator points there */
vl_node_result vl_node_key_split_point(const void *page, uint32_t page_size, uint32_t index,
                                       const vl_node_key *incoming, uint8_t *buffer,
                                       vl_node_key_cut *cut);

/* Split a node as vl_node_key_split_point said, or with a separator of the caller's that is above
 * key `at - 1` and not above key `at` (of an inner node: that is key `at`).
 *
 * right   receives the new page, all of it written */
void vl_node_key_split(void *page, void *right, void *scratch, uint32_t page_size, vl_pid right_pid,
                       const vl_node_key_cut *cut);

/* Move all entries of the right sibling here, and of inner nodes the separator between: DONE, or
 * FULL with no page changed. The right page is left as it is; the parent's entry is the caller's to
 * remove. */
vl_node_result vl_node_key_merge(void *page, const void *right, void *scratch, uint32_t page_size)
    VL_MUST_CHECK;

/* Whether vl_node_key_merge would say DONE. */
int vl_node_key_can_merge(const void *page, const void *right, uint32_t page_size);

/* Choose how to share out the entries of two siblings so that both are about equally full: DONE; or
 * FULL: that cannot be made better than it is, since entries are few or large, or long keys that
 * tie stand in the way. The separator between the siblings must be the one in the parent
 * afterwards (vl_node_key_set_separator), which may not have the room.
 *
 * buffer  part_max bytes; cut->separator points there. It is long only where one of an inner
 *         node's is: then that one's rest goes with it
 * cut     cut->at counts the left one's entries, of inner nodes the separator between, and the
 *         right one's entries: so many of these stay left. An inner node's at `at` moves up, and
 *         the separator between moves down */
vl_node_result vl_node_key_balance_point(const void *page, const void *right, uint32_t page_size,
                                         uint8_t *buffer, vl_node_key_cut *cut);

/* Move entries between siblings as vl_node_key_balance_point said. */
void vl_node_key_balance(void *page, void *right, void *scratch, uint32_t page_size,
                         const vl_node_key_cut *cut);

/* Grow the tree at its root: `child` becomes a copy of the root page, under its own number, and the
 * root a node above it with this one child and the same fences. */
void vl_node_key_grow(void *root, void *child, void *scratch, uint32_t page_size, vl_pid child_pid);

/* Shrink the tree at its root: a root with one child becomes a copy of it, under its own number.
 * The child's page is left as it is, and is the caller's to free. */
void vl_node_key_shrink(void *root, const void *child, uint32_t page_size);

/* Sorted entries for vl_node_key_build. */
typedef struct vl_node_key_load {
    vl_node_id id;                    /* of the page */
    vl_pid first_child;               /* of an inner node, else 0 */
    vl_node_key_fences fences;        /* of all that is to be loaded from here on */
    const vl_node_key_entry *entries; /* rising; borrowed */
    uint32_t count;                   /* how many, 1 at least in a leaf */
    uint32_t fill_size; /* use so many bytes of the page; at least one entry is taken */
} vl_node_key_load;

/* Make a page of as many of the entries as fit. DONE; or TIE: no separator that is not long ends
 * the page, and nothing is written.
 *
 * buffer     part_max bytes
 * separator  receives the page's high fence, in `buffer`, or fences.high when all entries fit
 * taken      receives how many. When not all, an inner page's entry number `taken` has become the
 *            separator: its child is the next page's first */
vl_node_result vl_node_key_build(void *page, uint32_t page_size, const vl_node_key_load *load,
                                 uint8_t *buffer, vl_node_key *separator, uint32_t *taken)
    VL_MUST_CHECK;

#endif
