/* tree_key_int.h - what the files of the key tree share.
 *
 * A *note* is the result of comparing the rest of a key in the tree with the wanted one
 * (vl_tree_target.ties). Notes count only while their target is *pinned*: while it is, no rest that
 * was reachable is freed, so that the page number in a note means one rest. A target is pinned at
 * the first tie, which is then looked for again, and at the latest unpinned by
 * vl_tree_key_target_end, which forgets the notes. A thread that is pinned does not free rests
 * (vl_tree_key_free_drops), which waits until nobody is. */
#ifndef VL_STORAGE_TREE_KEY_INT_H
#define VL_STORAGE_TREE_KEY_INT_H

#include "storage/tree_int.h"
#include "storage/tree_key.h"

/* What the buffers of vl_tree_work hold. */
#define VL_TREE_KEY_SCRATCH   0U /* for the functions of node_key.h */
#define VL_TREE_KEY_SEPARATOR 1U /* the separator of a planned cut */
#define VL_TREE_KEY_MADE                                                                           \
    2U                       /* the part of a long separator that was made; a leaf that was built  \
                              */
#define VL_TREE_KEY_CHUNK 3U /* parts of rests that are compared */

/* ---- targets and notes (tree_key_ties.c) ---- */

/* Aim at a key's place, or beside it. */
void vl_tree_key_target_init(vl_tree_target *target, const vl_node_key *key, vl_tree_where where);

/* Be present: rests that are reachable from now on stay. */
void vl_tree_key_pin(vl_tree_target *target);

/* Forget the notes, and be present no more. May be repeated. */
void vl_tree_key_target_end(vl_tree_target *target);

/* The same without a target. */
uint32_t vl_tree_key_enter(void);
void vl_tree_key_leave(uint32_t pin);

static inline vl_node_key_ties
vl_tree_key_notes(const vl_tree_target *target)
{
    vl_node_key_ties ties = {target->ties, target->tie_count};

    return ties;
}

/* vl_tree_ops.resolve. */
velo_status vl_tree_key_resolve(vl_ctx *ctx, const vl_tree *tree, vl_tree_target *target,
                                const vl_tree_step *step) VL_MUST_CHECK;

/* The same for a tie that a search of a leaf met. */
velo_status vl_tree_key_resolve_place(vl_ctx *ctx, const vl_tree *tree, vl_tree_target *target,
                                      const vl_node_key_place *place) VL_MUST_CHECK;

/* The rest of a long key as a long value. */
vl_overflow vl_tree_key_rest(const vl_tree *tree, vl_pid rest, uint32_t total_size);

/* Whether a key is long in this tree. */
static inline int
vl_tree_key_is_long(const vl_tree *tree, uint32_t total_size)
{
    return total_size > vl_node_key_part_max(tree->page_size);
}

/* Compare two rests that stay: what vl_overflow_compare gives for the left one's bytes with the
 * right one's. */
velo_status vl_tree_key_compare_rests(vl_ctx *ctx, const vl_tree *tree, const vl_overflow *left,
                                      const vl_overflow *right, uint8_t *buffer,
                                      uint32_t buffer_size, uint32_t *equal_count, int *order)
    VL_MUST_CHECK;

/* ---- rests that go (tree_key_ties.c) ---- */

/* Note that a rest was unlinked, or tell who wants to know; there is room. pid 0: there is none. */
void vl_tree_key_drop(vl_tree_key_drops *drops, const vl_tree *tree, vl_pid rest,
                      uint32_t total_size);

/* Wait until nobody can be reading them any more, and free them. What cannot be freed is postponed.
 * No latches are held, and the thread is not pinned. */
void vl_tree_key_free_drops(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                            vl_tree_key_drops *drops, vl_overflow_note *note, void *argument);

/* Free a rest that nobody but the caller has known. Otherwise as above. */
void vl_tree_key_free_unused(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, vl_pid rest,
                             uint32_t total_size, vl_overflow_note *note, void *argument);

/* ---- splitting (tree_key_node.c, tree_key_cut.c) ---- */

/* A key at which a leaf may be cut: what identifies it, while its rest stays. */
typedef struct vl_tree_key_mark {
    vl_pid rest;         /* of a long key; 0: it has none */
    uint32_t total_size; /* of the key */
} vl_tree_key_mark;

/* vl_tree_split_plan.incoming: what a leaf is to be split for. */
typedef struct vl_tree_key_incoming {
    const vl_node_key_entry *entry;  /* what is to be inserted; its key has all bytes at hand */
    int is_replace;                  /* 1: the entry is there; only its value is to be replaced */
    const void *built;               /* vl_tree_key_load: the leaf becomes this, and one without
                                        entries comes behind it; then `entry` is not used. NULL once
                                        that is done */
    const vl_tree_key_load_log *log; /* of built, or NULL */
    const vl_tree_key_item *items;   /* what built holds: for the log */
    uint32_t item_count;             /* see items */
    vl_overflow_note *note;          /* told of pages of a long separator */
    void *argument;                  /* of note */
    /* From plan to help: */
    int has_tie;             /* the tie of `place` is to be resolved */
    vl_node_key_place place; /* see has_tie */
    vl_tree_key_mark left;   /* else a separator above this key */
    vl_tree_key_mark right;  /* and not above this one is to be made */
    /* From help to plan: */
    vl_node_key made;            /* that separator, with its rest; total_size 0: there is none */
    vl_tree_key_mark made_left;  /* for these */
    vl_tree_key_mark made_right; /* keys */
} vl_tree_key_incoming;

/* Make the long separator that a plan asked for (ops->help_split). */
velo_status vl_tree_key_make_separator(vl_ctx *ctx, vl_tree_split_plan *plan) VL_MUST_CHECK;

/* Split the leaf of a target, and free what was made for it and not used. The target is not pinned
 * when this begins or ends. */
velo_status vl_tree_key_split_leaf(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                                   vl_tree_target *target, vl_tree_key_incoming *incoming)
    VL_MUST_CHECK;

/* Join the leaf of a key, which has become under-full; as much as goes. Separators' rests that are
 * unlinked by that are noted in `drops`, as far as there is room. */
void vl_tree_key_join_leaf(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                           const vl_node_key *key, vl_tree_key_drops *drops);

/* vl_tree_join's context. */
typedef struct vl_tree_key_joining {
    vl_tree_key_drops *drops; /* rests that were unlinked */
} vl_tree_key_joining;

/* ---- walking over the nodes of a level (tree_key_scan.c) ---- */

/* A scan whose `page` is a node of this level, of which separators in the range are between
 * index_first and index_end. page NULL also when the tree is not that high. */
void vl_tree_key_walk_begin(vl_tree_key_scan *scan, const vl_tree *tree,
                            const vl_tree_key_range *range, uint32_t level);

/* The root's level. */
velo_status vl_tree_key_root_level(vl_ctx *ctx, const vl_tree *tree, uint32_t *level) VL_MUST_CHECK;

/* ---- finding (tree_key_read.c) ---- */

/* Find a key's leaf and its place there; ties are resolved. The leaf is latched, the target not
 * pinned. Errors as vl_tree_find; VELO_CORRUPT when the leaf is not where the key belongs. */
velo_status vl_tree_key_find_place(vl_ctx *ctx, const vl_tree *tree, vl_tree_target *target,
                                   vl_tree_mode mode, vl_page_ref *leaf, uint32_t *index,
                                   vl_tree_key_state *state) VL_MUST_CHECK;

#endif
