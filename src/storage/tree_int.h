/* tree_int.h - the traversal of B+trees: one code for both kinds, and what each kind does itself.
 *
 * Descent
 *   A target says what is looked for. vl_tree_find goes from the root to the node of a level that
 *   the target belongs to. On the way it peeks at the parent, asks ops->search for the child, peeks
 *   at the child (or latches it, when it is the one), and only then asks whether the parent is
 *   unchanged: so the child's word was read while the child belonged to the parent, and whoever
 *   takes it from there changes that word (11, item 33). A page that is not resident: everything is
 *   given up, vl_cache_load, start over. After VL_TREE_TRIES vain tries the latches are taken
 *   shared, parent before child.
 *
 * Ties
 *   ops->search answers VL_NODE_TIE when bytes that are on other pages decide. Everything is given
 *   up, ops->resolve reads them and notes the result in the target, and the descent starts over.
 *
 * Making room
 *   vl_tree_split splits the node of a level that the target belongs to, in one section with parent
 *   and node latched exclusively and a new page on the right. A parent without room is split first:
 *   the latches are given up in between, so there is never a chain of them. A root is split by
 *   first growing the tree: the content moves to a new child. What a split needs to know is found
 *   out by ops->plan, under the latches; when that takes long or needs other pages it answers
 *   VL_TREE_HELP, and ops->help does the work without latches. ops->apply then splits, and cannot
 *   fail.
 *
 * Joining
 *   vl_tree_join merges or balances an under-full node with a sibling, right one into left one, in
 *   one section with parent, left and right page latched exclusively. Parents that become
 *   under-full follow, each in a section of its own; a root with one child takes over its content.
 *
 * A table leaf has no fences of its own: its range stands in its parent, and holds for as long as
 * the leaf is latched, since whoever changes it latches parent and leaf exclusively. */
#ifndef VL_STORAGE_TREE_INT_H
#define VL_STORAGE_TREE_INT_H

#include "base/assert.h"
#include "base/latch.h"
#include "storage/node_key.h"
#include "storage/node_rowid.h"
#include "storage/overflow.h"
#include "storage/page.h"
#include "storage/tree.h"

/* Optimistic tries before latches are taken on the way down. */
#define VL_TREE_TRIES VL_BY_BUILD(16U, 2U)

/* Children that one step of a descent can name beside the one it takes, for reading ahead. */
#define VL_TREE_AHEAD (VL_CACHE_BATCH - 1)

/* Notes of resolved ties that a target has room for; when they are used up the oldest go. A search
 * among keys that all tie needs one for each step of its halving, on every level: fewer than 12
 * with the largest pages, in trees that are then low. */
#define VL_TREE_TIES 64U

/* Which place of a key tree a target means. Of table trees: always AT. */
typedef enum vl_tree_where {
    VL_TREE_AT,    /* the place of the key */
    VL_TREE_BELOW, /* the place just below the key: where the highest lower one is or would be */
    VL_TREE_END    /* above all keys; `key` means nothing */
} vl_tree_where;

/* What is looked for. One thread's, on its stack. */
typedef struct vl_tree_target {
    int64_t rowid;                      /* table trees */
    const vl_node_key *key;             /* key trees; borrowed */
    vl_tree_where where;                /* key trees */
    vl_node_key_tie ties[VL_TREE_TIES]; /* what ops->resolve found out; used by the key tree only */
    uint32_t tie_count;                 /* how many, at most VL_TREE_TIES */
    uint32_t pin;                       /* key trees: not 0 while what the notes speak of stays */
} vl_tree_target;

/* What ops->search says of an inner node. */
typedef struct vl_tree_step {
    uint32_t index;       /* position of the child */
    vl_pid child;         /* its number */
    vl_rowid_range range; /* table trees: what belongs to the child */
    vl_pid tie_rest;      /* TIE: where the rest of the key is that must be compared */
    uint32_t tie_total;   /* TIE: total size of that key */
} vl_tree_step;

/* ---- what a kind does its own way ---- */

/* What a plan says. */
typedef enum vl_tree_verdict {
    VL_TREE_GO,       /* it is planned: apply */
    VL_TREE_NEEDLESS, /* somebody was quicker, or it is not worth it: leave all as it is */
    VL_TREE_HELP      /* give up all latches, call help, and ask again */
} vl_tree_verdict;

typedef struct vl_tree_split_plan vl_tree_split_plan;
typedef struct vl_tree_join_plan vl_tree_join_plan;

struct vl_tree_ops {
    vl_page_kind leaf_kind;  /* of pages at level 0 */
    vl_page_kind inner_kind; /* of all others */

    /* Make an empty leaf that is the root. */
    void (*init_root)(void *page, uint32_t page_size, vl_pid pid, vl_tree_id tree);

    /* ---- inner nodes, optimistic: see node.h ---- */

    /* Find the child that the target belongs to. DONE; TIE; ABSENT: the target does not belong to
     * this node at all, which the descent takes for a torn read, and for damage when it was none.
     */
    vl_node_result (*search)(const void *page, uint32_t page_size, const vl_tree_target *target,
                             vl_tree_step *step);
    /* Number of children, at least 1, and one of them; an index beyond them is lowered. */
    uint32_t (*child_count)(const void *page, uint32_t page_size);
    vl_pid (*child)(const void *page, uint32_t page_size, uint32_t index);

    /* ---- without latches ---- */

    /* Compare the rest of a key, as a TIE asked for, and note the result in the target. No latches
     * are held. The page may have been freed since: then nothing is noted, and the descent starts
     * over all the same. NULL for kinds without ties. */
    velo_status (*resolve)(vl_ctx *ctx, const vl_tree *tree, vl_tree_target *target,
                           const vl_tree_step *step);

    /* ---- splitting; pages are latched exclusively ---- */

    /* Decide whether and where to split plan->page. */
    vl_tree_verdict (*plan_split)(vl_tree_split_plan *plan);
    /* What HELP asked for; no latches are held but that of the new page. */
    velo_status (*help_split)(vl_ctx *ctx, vl_tree_split_plan *plan);
    /* Whether plan->parent can take the planned separator behind child plan->index. */
    int (*has_room)(vl_tree_split_plan *plan);
    /* Split plan->page to plan->right, and enter that in plan->parent. */
    void (*split)(vl_tree_split_plan *plan);
    /* The root becomes a node above `child`, which gets its content. */
    void (*grow)(void *root, void *child, vl_tree_work *work, uint32_t page_size, vl_pid child_pid);

    /* ---- joining; pages are latched exclusively, or as told ---- */

    /* Whether a node has so little in it that it should be joined with a sibling: less than about a
     * quarter page, and of inner nodes also when it has one child only. */
    int (*is_underfull)(const vl_tree *tree, const void *page);
    /* Decide whether plan->left and plan->right can be merged or balanced: sets plan->is_merge. */
    vl_tree_verdict (*plan_join)(vl_tree_join_plan *plan);
    /* What HELP asked for; no latches are held. */
    velo_status (*help_join)(vl_ctx *ctx, vl_tree_join_plan *plan);
    /* Do it: left, right and parent. A merge moves all to the left page and removes child
     * plan->index + 1 from the parent; the right page goes with the section. */
    void (*join)(vl_tree_join_plan *plan);

    /* ---- dropping; pages are latched exclusively ---- */

    void (*remove_child)(void *page, uint32_t page_size, uint32_t index);
    void (*set_child)(void *page, uint32_t page_size, uint32_t index, vl_pid child);
    /* Free what the entries of a leaf refer to (overflow), or of an inner node what its last
     * separator does, in steps that a crash may interrupt. The node goes next, or the inner node's
     * last child. No latches are held; nobody else uses the tree. Frees about *budget pages and
     * counts down; *is_done 1: none is left. NULL: there is never any. */
    velo_status (*drop_values)(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, vl_pid pid,
                               uint32_t *budget, int *is_done);

    /* ---- checking; the page is a private copy ---- */

    /* Check a page by itself, as vl_page_check does: bytes from anywhere. */
    velo_status (*check)(vl_ctx *ctx, const void *page, uint32_t page_size);
    /* Check that a page that has passed lies within what its parent says: child `index` of
     * `parent`, a page of the same kind of tree; NULL for the root. Returns NULL, or static text.
     */
    const char *(*fault)(const void *page, uint32_t page_size, const void *parent, uint32_t index);
    /* Check what the entries of a leaf that has passed refer to, and tell of its pages. Damage is
     * told to `fault`; other failures end the check. No latches are held. NULL: see the kind. */
    velo_status (*check_values)(vl_ctx *ctx, const vl_tree *tree, const void *leaf,
                                const vl_tree_verify_options *options);
    /* Entries of a leaf that has passed. */
    uint64_t (*entry_count)(const void *page);
};

/* ---- finding ---- */

typedef enum vl_tree_mode {
    VL_TREE_SHARED,
    VL_TREE_EXCLUSIVE
} vl_tree_mode;

/* A node that was found. */
typedef struct vl_tree_spot {
    vl_page_ref ref;             /* latched as asked; no page: the tree is not that high */
    vl_rowid_range range;        /* table trees: what belongs to it while it is latched */
    uint32_t load_count;         /* how often pages were loaded on the way */
    uint32_t ahead_count;        /* of the following */
    vl_pid ahead[VL_TREE_AHEAD]; /* hints: its next siblings in the wanted direction, as far as the
                                  parent knows them */
} vl_tree_spot;

/* What vl_tree_find is asked. */
typedef struct vl_tree_search {
    vl_tree_target *target; /* what is looked for */
    uint32_t level;         /* of the wanted node; 0: the leaf */
    vl_tree_mode mode;      /* how to latch it */
    int direction;          /* 1, -1: name siblings to the right or left in `ahead`; 0: do not */
    uint32_t ahead_max;     /* how many at most */
    int is_batch;           /* 1: when the node is absent, load it with those absent ahead */
} vl_tree_search;

/* Find the node of a level that the target belongs to, and latch it.
 *
 * latches  none may be held but those of new pages
 * errors   VELO_CORRUPT, with the page; as vl_cache_load; those of ops->resolve */
velo_status vl_tree_find(vl_ctx *ctx, const vl_tree *tree, const vl_tree_search *search,
                         vl_tree_spot *spot) VL_MUST_CHECK;

/* The same without loading pages: *absent receives 0 when the node was found, else the number of
 * the page that is not resident, and nothing is latched. */
velo_status vl_tree_find_resident(vl_ctx *ctx, const vl_tree *tree, const vl_tree_search *search,
                                  vl_tree_spot *spot, vl_pid *absent) VL_MUST_CHECK;

/* Find the leaf that the target belongs to, if that takes no waiting, and note it without latching
 * or reading it; have its first lines fetched. *range receives what belongs to it for as long as
 * vl_cache_recall succeeds. Returns 0 when it was not found, or is the root. */
int vl_tree_note(const vl_tree *tree, vl_tree_target *target, vl_page_memo *memo,
                 vl_rowid_range *range);

/* A node and its parent, both latched exclusively. */
typedef struct vl_tree_pair {
    vl_page_ref parent; /* no page: the node is the root */
    vl_page_ref node;   /* no page: the tree is not that high */
    vl_tree_step step;  /* where the node is in its parent; index 0 for the root */
} vl_tree_pair;

/* Find a node as vl_tree_find does, and latch its parent and it exclusively. */
velo_status vl_tree_find_pair(vl_ctx *ctx, const vl_tree *tree, vl_tree_target *target,
                              uint32_t level, vl_tree_pair *pair) VL_MUST_CHECK;
void vl_tree_release_pair(const vl_tree *tree, vl_tree_pair *pair);

/* ---- splitting ---- */

struct vl_tree_split_plan {
    const vl_tree *tree;
    vl_tree_work *work;     /* scratch */
    vl_tree_target *target; /* whose place is full */
    void *incoming;         /* what is to be put there: the kind's own; for level 0 only */
    uint32_t bottom;        /* level of the node that is to be split: mostly 0 */
    uint32_t level;         /* private: of the node that is being split: bottom, or a parent
                               without room */
    uint32_t tries;         /* how often help was asked for */
    uint32_t wanted;        /* the kind's own: how much room nodes above level 0 must have. Keys:
                               bytes that has_room found lacking; 0 at first. Tables: children */
    void *page;             /* the node to be split */
    vl_pid pid;             /* its number */
    void *right;            /* the new page: zeroed, private until the section ends */
    vl_pid right_pid;       /* its number */
    void *parent;           /* the parent */
    uint32_t index;         /* of the page among its children */
    vl_rowid_range moved; /* tables: set by split, of leaves: what belongs to the right page now */
    union {               /* what plan found out, for has_room and split */
        uint32_t keep;    /* inner nodes of tables: children that stay left */
        struct {          /* keys */
            vl_node_key_cut cut; /* where; the separator's bytes are in work */
        } key;
    } u;
};

/* Split the node of level plan->bottom that the target belongs to, so that what is incoming fits
 * sooner: ops->plan_split knows how. Splits parents and grows the tree as needed. Returns when the
 * node has been split, or when that was needless. The caller starts over.
 *
 * latches  none may be held but those of new pages
 * errors   as vl_tree_find, vl_change_new_page, vl_change_wait; help's own. The tree is whole */
velo_status vl_tree_split(vl_ctx *ctx, vl_tree_split_plan *plan) VL_MUST_CHECK;

/* Make the tree higher than `level`, if it is not: the root's content moves to a child. Latches and
 * errors as above. */
velo_status vl_tree_grow(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, uint32_t level)
    VL_MUST_CHECK;

/* ---- joining ---- */

struct vl_tree_join_plan {
    const vl_tree *tree;
    vl_tree_work *work;        /* scratch */
    vl_tree_target *target;    /* a place in the under-full node */
    const void *context;       /* the kind's own, see vl_tree_join */
    uint32_t level;            /* of the nodes to be joined */
    uint32_t tries;            /* how often help was asked for */
    int is_planned;            /* the kind's own, 0 at first */
    void *left;                /* left node */
    void *right;               /* right node, its sibling */
    vl_pid left_pid;           /* its number */
    vl_pid right_pid;          /* its number */
    void *parent;              /* of both */
    uint32_t index;            /* of the left one among its children */
    int is_merge;              /* set by plan_join: 1 all goes to the left one; 0 balance */
    vl_rowid_range left_range; /* leaves of tables: set by join: what belongs to the left one now */
    vl_rowid_range right_range;  /* the same of the right one, after a balance */
    union {                      /* what plan found out: balance */
        int64_t separator;       /* leaves of tables: first rowid of the right page */
        uint32_t left_count;     /* inner nodes of tables: children that the left one will have */
        struct {                 /* keys */
            vl_node_key_cut cut; /* where; the separator's bytes are in work */
        } key;
    } u;
};

/* Join the leaf of the target, if it is under-full, and whatever becomes under-full by that. Does
 * what it can: a failure leaves the tree whole and under-full.
 *
 * context          for ops->plan_join; of tables a vl_leaf_schema
 * latches, errors  as vl_tree_split */
velo_status vl_tree_join(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work,
                         vl_tree_target *target, const void *context) VL_MUST_CHECK;

/* ---- scratch memory ---- */

#define VL_TREE_WORK_PAGES 4U

/* Rests of long keys whose freeing failed and is tried again: keys only. */
#define VL_TREE_POSTPONED_MAX VL_BY_BUILD(256U, 32U)
typedef struct vl_tree_postponed {
    vl_cache *cache;             /* where */
    vl_overflow_freeing freeing; /* what is left of it; without a note */
} vl_tree_postponed;

/* The leaf of a table that was changed last, or that a change is about to come to, and what was
 * true of it when it was released, or noted. */
typedef struct vl_tree_last {
    vl_page_memo memo;    /* the page */
    vl_tree_id tree;      /* of this tree */
    vl_pid root;          /* whose root is this */
    int is_noted;         /* 1: by vl_tree_note; head means nothing */
    vl_rowid_range range; /* what belongs to the leaf */
    vl_page_header head;  /* its header: see vl_cache_recall */
} vl_tree_last;

struct vl_tree_work {
    uint32_t page_size;
    uint8_t *pages[VL_TREE_WORK_PAGES]; /* a page each, aligned to a cache line. Calls use them as
                                           they like; nothing is kept from call to call */
    void *builder;                      /* tables: for vl_leaf_build_begin */
    size_t builder_size;                /* its bytes */
    void *scratch;                      /* tables: a vl_table_scratch */
    vl_tree_last last;                  /* tables: see there; zero: none */
    uint32_t postponed_count;           /* of the following */
    vl_tree_postponed postponed[VL_TREE_POSTPONED_MAX]; /* see vl_tree_key_free_postponed */
};

/* ---- small things ---- */

/* Whether a page is what a tree must have at a level: kind, level, tree id, number. Optimistic. */
int vl_tree_is_node(const vl_tree *tree, const void *page, vl_pid pid, uint32_t level);

/* Level of a page. Optimistic. */
uint32_t vl_tree_level(const void *page);

/* Tell tree->moved, if there is one. */
static inline void
vl_tree_tell_moved(const vl_tree *tree, const vl_page_ref *from, const vl_page_ref *to,
                   vl_rowid_range range)
{
    if (tree->moved != NULL)
        tree->moved(tree->argument, tree, from, to, range.first, range.last);
}

/* Record that a page is not what its parent says it is. */
velo_status vl_tree_damaged(vl_ctx *ctx, const vl_tree *tree, vl_pid pid, const char *what);

#endif
