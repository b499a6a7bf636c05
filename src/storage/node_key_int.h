/* node_key_int.h - the layout of key nodes (node_key.h) for the files that implement it.
 *
 * A *view* holds a page's numbers, read once and clamped, so that heads and slots lie within the
 * page whatever its bytes are. A *record* is an entry's clamped numbers. An *item* is an entry on
 * its way into a page, its key in up to three pieces, since in the page it came from it lies in
 * three: prefix, head, tail. */
#ifndef VL_STORAGE_NODE_KEY_INT_H
#define VL_STORAGE_NODE_KEY_INT_H

#include "base/assert.h"
#include "base/bytes.h"
#include "base/latch.h"
#include "storage/node_int.h"
#include "storage/node_key.h"

#include <string.h>

#define VL_NODE_KEY_HEADER_SIZE VL_CACHE_LINE_SIZE
#define VL_NODE_KEY_HEAD_SIZE   4U      /* bytes of a key in its head */
#define VL_NODE_KEY_DELETED     0x8000U /* in a slot's size */
#define VL_NODE_KEY_REST_SIZE   8U      /* of a long key's descriptor */

typedef struct vl_node_key_header {
    uint8_t kind;         /* VL_PAGE_KEY_LEAF or VL_PAGE_KEY_INNER */
    uint8_t level;        /* 0 for leaves */
    uint16_t flags;       /* 0 */
    uint32_t count;       /* of entries */
    uint64_t pid;         /* own number */
    uint64_t tree;        /* a vl_tree_id */
    uint16_t room;        /* of heads */
    uint16_t heap_size;   /* bytes in use at the page's end */
    uint16_t garbage;     /* bytes of these that belong to nothing */
    uint16_t tombstones;  /* entries marked deleted */
    uint16_t prefix_size; /* bytes that all keys begin with */
    uint16_t low_size;    /* of the low fence's part */
    uint16_t high_size;   /* of the high fence's part; 0 for none */
    uint16_t zero;        /* unused */
    uint32_t first_child; /* of an inner node */
    uint32_t low_total;   /* of a long low fence, else 0 */
    uint32_t low_rest;    /* of a long low fence, else 0 */
    uint32_t high_total;  /* of a long high fence, else 0 */
    uint32_t high_rest;   /* of a long high fence, else 0 */
    uint32_t zero_too;    /* unused */
} __attribute__((may_alias)) vl_node_key_header;

_Static_assert(sizeof(vl_node_key_header) == sizeof(vl_page_header), "one cache line");
_Static_assert(offsetof(vl_node_key_header, tree) == offsetof(vl_page_header, tree), "page.h");
_Static_assert(offsetof(vl_node_key_header, room) == offsetof(vl_page_header, rest), "page.h");
_Static_assert(offsetof(vl_node_key_header, first_child) == 40, "as in node_key.h");
_Static_assert(offsetof(vl_node_key_header, zero_too) == 60, "as in node_key.h");

/* What leaves and inner nodes have in a slot; a child follows in inner nodes. */
typedef struct vl_node_key_slot {
    uint16_t at;   /* distance of the record's first byte from the page's end */
    uint16_t size; /* bytes of the key behind the prefix, VL_NODE_KEY_DELETED */
} __attribute__((may_alias)) vl_node_key_slot;

typedef struct vl_node_key_view {
    const uint8_t *page;  /* the bytes */
    uint32_t page_size;   /* how many */
    uint32_t count;       /* of entries, at most room */
    uint32_t room;        /* of heads */
    uint32_t slot_size;   /* 4 in leaves, 8 in inner nodes */
    uint32_t slots_at;    /* offset of the slots */
    uint32_t prefix_size; /* at most part_max and the low fence */
    uint32_t low_size;    /* at most part_max */
    uint32_t high_size;   /* at most part_max */
} vl_node_key_view;

typedef struct vl_node_key_record {
    uint32_t at;         /* offset of the tail */
    uint32_t rest_size;  /* bytes of the key behind the prefix, as the slot says */
    uint32_t tail_size;  /* bytes of it that are not in the head */
    uint32_t value_at;   /* offset of the value */
    uint32_t value_size; /* of the value */
    uint32_t size;       /* of the record */
    vl_pid rest;         /* of a long key, else 0 */
    uint32_t total_size; /* of a long key, else 0 */
    int is_long;         /* 1: the page has only a part of the key */
    int is_deleted;      /* 1: marked */
} vl_node_key_record;

/* Bytes in up to three pieces. */
typedef struct vl_node_key_pieces {
    const uint8_t *at[3]; /* the pieces; the second may be `head` of the item */
    uint32_t size[3];     /* their sizes */
} vl_node_key_pieces;

typedef struct vl_node_key_item {
    vl_node_key_pieces key;              /* its part */
    uint8_t head[VL_NODE_KEY_HEAD_SIZE]; /* bytes of a piece that has no other place */
    const uint8_t *value;                /* value_size bytes */
    uint32_t value_size;                 /* of the value */
    uint32_t total_size;                 /* of a long key, else 0 */
    vl_pid rest;                         /* of a long key, else 0 */
    vl_pid child;                        /* of an inner node's entry */
    int is_deleted;                      /* 1: marked */
} vl_node_key_item;

static inline uint32_t
vl_node_key_min(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Most heads of a page: with them come as many slots. */
static inline uint32_t
vl_node_key_room_max(uint32_t page_size, uint32_t slot_size)
{
    uint32_t room = (page_size - VL_NODE_KEY_HEADER_SIZE) / (VL_NODE_KEY_HEAD_SIZE + slot_size);

    return room - room % VL_NODE_HEADS_IN_LINE;
}

/* The room that `count` heads need: whole lines, one at least. */
static inline uint32_t
vl_node_key_room_for(uint32_t count)
{
    return count == 0 ? VL_NODE_HEADS_IN_LINE : (uint32_t)vl_align_up(count, VL_NODE_HEADS_IN_LINE);
}

/* Bytes in front of the heap's space, for a node with `count` entries. */
static inline uint32_t
vl_node_key_arrays_size(uint32_t room, uint32_t count, uint32_t slot_size)
{
    return VL_NODE_KEY_HEADER_SIZE + room * VL_NODE_KEY_HEAD_SIZE + count * slot_size;
}

/* The part of a key that a page holds, and whether that is all. */
static inline uint32_t
vl_node_key_part_size(const vl_node_key *key, uint32_t page_size)
{
    return vl_node_key_min(key->size, vl_node_key_part_max(page_size));
}

static inline int
vl_node_key_is_long(const vl_node_key *key, uint32_t page_size)
{
    return key->total_size > vl_node_key_part_max(page_size);
}

static inline int
vl_node_key_is_inner(const vl_node_key_view *view)
{
    return view->slot_size > sizeof(vl_node_key_slot);
}

/* Read a page's numbers. */
vl_node_key_view vl_node_key_open(const void *page, uint32_t page_size);

/* Read an entry's numbers; index < view->count. All that it says lies within the page. */
vl_node_key_record vl_node_key_record_at(const vl_node_key_view *view, uint32_t index);

static inline const uint32_t *
vl_node_key_heads(const vl_node_key_view *view)
{
    const void *heads = view->page + VL_NODE_KEY_HEADER_SIZE;

    return heads;
}

static inline const vl_node_key_slot *
vl_node_key_slot_at(const vl_node_key_view *view, uint32_t index)
{
    const void *slot = view->page + view->slots_at + (size_t)index * view->slot_size;

    return slot;
}

/* The child behind separator `index` of an inner node. */
static inline vl_pid
vl_node_key_slot_child(const vl_node_key_view *view, uint32_t index)
{
    return vl_racy_load32(vl_node_key_slot_at(view, index) + 1);
}

/* Bytes that both begin with. */
uint32_t vl_node_key_common(const vl_node_key_pieces *a, const vl_node_key_pieces *b);

/* Copy `size` bytes of the key from position `from` on. */
void vl_node_key_pieces_copy(const vl_node_key_pieces *key, uint32_t from, uint32_t size,
                             uint8_t *to);

static inline uint32_t
vl_node_key_pieces_size(const vl_node_key_pieces *key)
{
    return key->size[0] + key->size[1] + key->size[2];
}

/* An entry of a page, a page's fence, and an entry of the caller's, as items; the first three point
 * into the page, and all into *item itself. */
void vl_node_key_item_of_entry(const vl_node_key_view *view, uint32_t index,
                               vl_node_key_item *item);
void vl_node_key_item_of_low(const vl_node_key_view *view, vl_node_key_item *item);
void vl_node_key_item_of_high(const vl_node_key_view *view, vl_node_key_item *item);
void vl_node_key_item_make(const vl_node_key_entry *entry, uint32_t page_size,
                           vl_node_key_item *item);

/* Bytes of an item's record in a page with such a prefix. */
uint32_t vl_node_key_item_size(const vl_node_key_item *item, uint32_t prefix_size);

/* As vl_node_key_init, with fences in pieces. */
void vl_node_key_init_items(void *page, uint32_t page_size, vl_node_id id, vl_pid first_child,
                            const vl_node_key_item *low, const vl_node_key_item *high);

/* A key as an item without a value. */
void vl_node_key_item_of_key(const vl_node_key *key, uint32_t page_size, vl_node_key_item *item);

/* Size of the shortest separator between two neighbouring keys (N9); 0 when it is not in a page:
 * the keys differ behind the second one's part. */
uint32_t vl_node_key_separator_size(const vl_node_key_item *left, const vl_node_key_item *right);

/* Bytes of the records of a node that is to be made, heads and slots apart, as entries come in. */
typedef struct vl_node_key_sum {
    uint32_t prefix_size; /* of the node to be made */
    uint32_t count;       /* entries so far */
    uint32_t heap_size;   /* fences and records so far */
} vl_node_key_sum;

/* Begin with a node's fences; add an entry. */
vl_node_key_sum vl_node_key_sum_begin(const vl_node_key_item *low, const vl_node_key_item *high);
void vl_node_key_sum_add(vl_node_key_sum *sum, const vl_node_key_item *item);

/* Whether the node fits a page, and is not larger than `limit`. */
int vl_node_key_sum_fits(const vl_node_key_sum *sum, uint32_t slot_size, uint32_t page_size,
                         uint32_t limit);

/* Write an item at position `index` of a page where it fits without compaction, room included. */
void vl_node_key_put(void *page, uint32_t page_size, uint32_t index, const vl_node_key_item *item);

#endif
