/* salvage.c - the order in which a damaged database is gone through; see salvage.h.
 *
 *   judge       the map and all of its pages: which are intact
 *   scan        blocks without the map, if it is damaged
 *   directory   walked from its root; its leaves that hang in the air; unverified ones
 *   trees       each listed one, walked from its root
 *   the rest    intact leaves below damaged nodes; then unverified leaves
 *   the log
 *
 * Invariants
 *   SA1  Below a page only pages of the level below are followed, and each page is used once: walks
 *        end, whatever the children are.
 *   SA2  `lost` has, for each table that was walked, exactly the rowids whose leaf was not reached.
 *   SA3  What a tree's walk reached is given from there, and from nowhere else. */
#include "storage/salvage.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hash.h"
#include "storage/node_key.h"
#include "storage/node_rowid.h"
#include "storage/salvage_int.h"
#include "storage/store_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const vl_rowid_range salvage_all = {INT64_MIN, INT64_MAX};

velo_status
vl_salvage_no_memory(vl_ctx *ctx)
{
    return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for salvaging a database");
}

void
vl_salvage_tell(vl_salvage *self, vl_salvage_trouble trouble, vl_tree_id tree, vl_pid pid,
                const vl_rowid_range *lost, const char *text)
{
    vl_salvage_line line = {.trouble = trouble, .tree = tree, .pid = pid, .text = text};

    if (lost != NULL) {
        line.has_range = 1;
        line.lost = *lost;
    }
    self->stats->line_count += trouble != VL_SALVAGE_NOTE;
    if (self->options->report != NULL)
        self->options->report(self->options->argument, &line);
}

/* ---- trees that were found ---- */

/* The slot of a tree, or the empty one where it would be. There are empty ones. */
static uint32_t
salvage_slot(const vl_salvage *self, vl_tree_id id)
{
    uint32_t slot = (uint32_t)vl_mix64(id) & (self->slot_count - 1);

    while (self->tree_slots[slot] != 0 && self->trees[self->tree_slots[slot] - 1].id != id)
        slot = (slot + 1) & (self->slot_count - 1);
    return slot;
}

vl_salvage_known *
vl_salvage_find_tree(vl_salvage *self, vl_tree_id id)
{
    uint32_t place = self->slot_count > 0 ? self->tree_slots[salvage_slot(self, id)] : 0;

    return place > 0 ? self->trees + place - 1 : NULL;
}

static velo_status
salvage_grow_trees(vl_ctx *ctx, vl_salvage *self)
{
    uint32_t capacity = self->tree_capacity == 0 ? 16 : 2 * self->tree_capacity;
    vl_salvage_known *trees;
    uint32_t *slots;

    if (capacity > UINT32_MAX / 4)
        return vl_salvage_no_memory(ctx);
    trees = vl_realloc(ctx, self->trees, capacity * sizeof *trees);
    if (trees == NULL)
        return vl_salvage_no_memory(ctx);
    self->trees = trees;
    slots = vl_alloc_array(ctx, 2 * (size_t)capacity, sizeof *slots);
    if (slots == NULL)
        return vl_salvage_no_memory(ctx);
    vl_free(self->tree_slots);
    self->tree_slots = slots;
    self->slot_count = 2 * capacity;
    self->tree_capacity = capacity;
    for (uint32_t i = 0; i < self->tree_count; i++)
        slots[salvage_slot(self, trees[i].id)] = i + 1;
    return VELO_OK;
}

/* Find a tree, or note a new one. */
static velo_status
salvage_add_tree(vl_ctx *ctx, vl_salvage *self, vl_tree_id id, vl_salvage_known **out)
{
    *out = vl_salvage_find_tree(self, id);
    if (*out != NULL)
        return VELO_OK;
    if (self->tree_count == self->tree_capacity)
        VL_TRY(salvage_grow_trees(ctx, self));
    VL_ASSERT(self->trees != NULL && self->tree_count < self->tree_capacity);
    self->tree_slots[salvage_slot(self, id)] = self->tree_count + 1;
    *out = self->trees + self->tree_count++;
    memset(*out, 0, sizeof **out);
    (*out)->id = id;
    (*out)->mark = INT64_MIN;
    if (id >= self->stats->next_tree && id < INT64_MAX)
        self->stats->next_tree = id + 1;
    return VELO_OK;
}

/* Tell the caller of a tree, once. */
static velo_status
salvage_tell_tree(vl_ctx *ctx, vl_salvage *self, vl_salvage_known *known)
{
    vl_salvage_tree tree = {known->id, known->kind, known->layout, known->mark, known->is_listed};

    if (known->is_told || known->id == VL_DIRECTORY_TREE)
        return VELO_OK;
    known->is_told = 1;
    self->stats->tree_count++;
    return self->options->tree != NULL ? self->options->tree(ctx, self->options->argument, &tree)
                                       : VELO_OK;
}

/* ---- what is lost ---- */

static velo_status
salvage_add_lost(vl_ctx *ctx, vl_salvage *self, vl_salvage_known *known, vl_rowid_range range)
{
    uint64_t capacity = self->lost_capacity == 0 ? 64 : 2 * self->lost_capacity;
    vl_rowid_range *grown;

    known->is_damaged = 1;
    if (self->lost_count == self->lost_capacity) {
        grown = vl_realloc(ctx, self->lost, (size_t)capacity * sizeof *grown);
        if (grown == NULL)
            return vl_salvage_no_memory(ctx);
        self->lost = grown;
        self->lost_capacity = capacity;
    }
    self->lost[self->lost_count++] = range;
    known->lost_count++;
    return VELO_OK;
}

int
vl_salvage_is_lost(const vl_salvage *self, const vl_salvage_known *tree, int64_t rowid)
{
    const vl_rowid_range *ranges;
    uint64_t low = 0, high = tree->lost_count;

    if (high == 0)
        return 0; /* the list may not be there yet */
    ranges = self->lost + tree->lost_first;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (ranges[middle].last < rowid)
            low = middle + 1;
        else
            high = middle;
    }
    return low < tree->lost_count && ranges[low].first <= rowid;
}

/* Whether a tree that no verified row of the directory names may have been in one that is lost. */
static int
salvage_may_exist(vl_salvage *self, vl_tree_id id)
{
    const vl_salvage_known *directory = vl_salvage_find_tree(self, VL_DIRECTORY_TREE);

    if (self->has_super && id >= self->super.next_tree)
        return 0;
    return id >= VL_STORE_FIRST_TREE && directory != NULL &&
           vl_salvage_is_lost(self, directory, (int64_t)id);
}

/* ---- walking down a tree ---- */

/* What is looked for at one point of a walk. */
typedef struct salvage_step {
    vl_tree_id tree;      /* whose */
    vl_tree_kind kind;    /* of which kind */
    vl_pid pid;           /* page number */
    int32_t level;        /* its level; -1: any, it is the root */
    vl_rowid_range range; /* tables: rowids that belong there */
} salvage_step;

/* What is wrong with a page at its point of the walk, or NULL. */
static const char *
salvage_step_fault(const salvage_step *step, const vl_page_header *header)
{
    vl_page_kind kind = header->level > 0 ? VL_PAGE_TABLE_INNER : VL_PAGE_TABLE_LEAF;

    if (step->kind == VL_TREE_KEY)
        kind = header->level > 0 ? VL_PAGE_KEY_INNER : VL_PAGE_KEY_LEAF;
    if (header->tree != step->tree)
        return "it is a page of another tree";
    if (header->kind != (uint8_t)kind)
        return "it is a page of another kind";
    if (step->level >= 0 && header->level != step->level)
        return "it has another level than is needed here";
    return NULL;
}

/* The page of a step is lost. */
static velo_status
salvage_step_lose(vl_ctx *ctx, vl_salvage *self, const salvage_step *step)
{
    vl_salvage_known *known = vl_salvage_find_tree(self, step->tree);
    int is_table = step->kind == VL_TREE_TABLE;

    vl_salvage_tell(self, VL_SALVAGE_PAGE, step->tree, step->pid, is_table ? &step->range : NULL,
                    self->why);
    return salvage_add_lost(ctx, self, known, step->range);
}

/* Read the page of a step to the buffer of its level; *page NULL: it is lost, which is noted. */
static velo_status
salvage_step_read(vl_ctx *ctx, vl_salvage *self, const salvage_step *step, void **page)
{
    const vl_page_header *header = self->page;
    vl_salvage_answer answer;
    const char *fault;
    uint64_t block;

    *page = NULL;
    VL_TRY(vl_salvage_read_page(ctx, self, step->pid, self->page, &block, &answer));
    fault = answer == VL_SALVAGE_FOUND ? salvage_step_fault(step, header) : NULL;
    if (answer == VL_SALVAGE_FOUND && vl_salvage_is_marked(self, VL_SALVAGE_USED, block))
        fault = "it is in two places";
    if (fault != NULL)
        (void)snprintf(self->why, sizeof self->why, "%s", fault);
    else if (block != 0 && block < self->block_count)
        vl_salvage_set_mark(self, VL_SALVAGE_USED, block);
    if (fault != NULL || answer != VL_SALVAGE_FOUND)
        return salvage_step_lose(ctx, self, step);
    if (self->nodes[header->level] == NULL)
        self->nodes[header->level] = vl_alloc_aligned(ctx, self->page_size, VL_CACHE_LINE_SIZE);
    if (self->nodes[header->level] == NULL)
        return vl_salvage_no_memory(ctx);
    *page = self->nodes[header->level];
    memcpy(*page, self->page, self->page_size);
    return VELO_OK;
}

static vl_rowid_range
salvage_intersect(vl_rowid_range a, vl_rowid_range b)
{
    return (vl_rowid_range){a.first > b.first ? a.first : b.first,
                            a.last < b.last ? a.last : b.last};
}

/* The step to a child. */
static salvage_step
salvage_step_down(const vl_salvage *self, const salvage_step *from, const void *page,
                  uint32_t index)
{
    const vl_page_header *header = page;
    salvage_step step = *from;

    step.level = header->level - 1;
    if (step.kind == VL_TREE_KEY) {
        step.pid = vl_node_key_child(page, self->page_size, index);
    } else {
        step.pid = vl_node_rowid_child(page, self->page_size, index);
        step.range =
            salvage_intersect(from->range, vl_node_rowid_child_range(page, self->page_size, index));
    }
    return step;
}

/* A page and all below it. Recursion is at most VL_NODE_MAX_LEVEL deep. Keeps SA1 and SA2. */
static velo_status
salvage_walk(vl_ctx *ctx, vl_salvage *self, const salvage_step *step)
{
    vl_salvage_filter filter = {.range = step->range, .is_verified = 1};
    uint32_t count;
    void *page;

    VL_TRY(salvage_step_read(ctx, self, step, &page));
    if (page == NULL)
        return VELO_OK;
    if (((const vl_page_header *)page)->level == 0)
        return vl_salvage_give_leaf(ctx, self, step->tree, page, &filter);
    count = step->kind == VL_TREE_KEY ? vl_node_key_count(page, self->page_size) + 1
                                      : vl_node_rowid_count(page, self->page_size);
    for (uint32_t i = 0; i < count; i++) {
        salvage_step down = salvage_step_down(self, step, page, i);

        VL_TRY(salvage_walk(ctx, self, &down));
    }
    return VELO_OK;
}

/* Walk a tree from its root. `known` may move meanwhile. */
static velo_status
salvage_walk_tree(vl_ctx *ctx, vl_salvage *self, vl_salvage_known *known)
{
    salvage_step step = {known->id, known->kind, known->root, -1, salvage_all};

    known->lost_first = self->lost_count;
    return salvage_walk(ctx, self, &step);
}

/* ---- the directory ---- */

/* A column of a row of the directory, of a type; NULL when it is not. */
static const vl_value *
salvage_directory_column(const vl_salvage_row *row, uint32_t id, vl_type type)
{
    for (uint32_t i = 0; i < row->column_count; i++)
        if (row->ids[i] == id && row->states[i] != VL_SALVAGE_LOST && row->values[i].type == type)
            return row->values + i;
    return NULL;
}

/* Give a tree the layout that a row of the directory has. Of several, all unverified, the one with
 * the most columns: columns come more often than they go. */
static velo_status
salvage_take_layout(vl_ctx *ctx, vl_salvage *self, vl_salvage_known *known, const vl_value *record)
{
    vl_layout *layout;
    velo_status st = vl_layout_parse(ctx, self->page_size, record->as.data, record->size, &layout);

    if (st == VELO_CORRUPT) {
        vl_error_clear(ctx);
        return VELO_OK;
    }
    VL_TRY(st);
    if (known->layout != NULL && layout->columns.count <= known->layout->columns.count) {
        vl_layout_destroy(layout);
        return VELO_OK;
    }
    vl_layout_destroy(known->layout);
    known->layout = layout;
    return VELO_OK;
}

velo_status
vl_salvage_take_directory(vl_ctx *ctx, vl_salvage *self, const vl_salvage_row *row)
{
    const vl_value *root = salvage_directory_column(row, 1, VL_TYPE_INTEGER);
    const vl_value *kind = salvage_directory_column(row, 2, VL_TYPE_INTEGER);
    const vl_value *state = salvage_directory_column(row, 3, VL_TYPE_INTEGER);
    const vl_value *mark = salvage_directory_column(row, 4, VL_TYPE_INTEGER);
    const vl_value *layout = salvage_directory_column(row, 5, VL_TYPE_BLOB);
    vl_rowid_range rowid = {row->rowid, row->rowid};
    vl_salvage_known *known;

    if (row->rowid < (int64_t)VL_STORE_FIRST_TREE || root == NULL || kind == NULL ||
        state == NULL || root->as.integer < 1 || root->as.integer > UINT32_MAX ||
        (kind->as.integer != VL_TREE_TABLE && kind->as.integer != VL_TREE_KEY)) {
        vl_salvage_tell(self, VL_SALVAGE_PAGE, VL_DIRECTORY_TREE, row->pid, &rowid,
                        "a row of the directory is damaged");
        return VELO_OK;
    }
    VL_TRY(salvage_add_tree(ctx, self, (vl_tree_id)row->rowid, &known));
    if (known->is_listed || (known->kind != 0 && (int64_t)known->kind != kind->as.integer))
        return VELO_OK;
    known->kind = (vl_tree_kind)kind->as.integer;
    known->is_listed = row->is_verified;
    known->is_dropped = row->is_verified && state->as.integer != 0;
    known->root = (vl_pid)root->as.integer;
    if (mark != NULL && mark->as.integer > known->mark)
        known->mark = mark->as.integer;
    return layout != NULL && known->kind == VL_TREE_TABLE
               ? salvage_take_layout(ctx, self, known, layout)
               : VELO_OK;
}

/* A leaf of the directory that its walk did not reach. */
static velo_status
salvage_visit_directory(vl_ctx *ctx, vl_salvage *self, vl_pid pid, const vl_extent *extent)
{
    vl_salvage_filter filter = {.range = salvage_all, .is_verified = 1, .only_lost = 1};
    const vl_page_header *header = self->page;
    vl_salvage_answer answer;
    uint64_t block;

    if (extent->address >= self->block_count ||
        !vl_salvage_is_marked(self, VL_SALVAGE_GOOD, extent->address) ||
        vl_salvage_is_marked(self, VL_SALVAGE_USED, extent->address))
        return VELO_OK;
    VL_TRY(vl_salvage_read_page(ctx, self, pid, self->page, &block, &answer));
    if (answer != VL_SALVAGE_FOUND || header->kind != VL_PAGE_TABLE_LEAF ||
        header->tree != VL_DIRECTORY_TREE)
        return VELO_OK;
    vl_salvage_set_mark(self, VL_SALVAGE_USED, block);
    return vl_salvage_give_leaf(ctx, self, VL_DIRECTORY_TREE, self->page, &filter);
}

/* Unverified leaves, either those of the directory or all others. */
static velo_status
salvage_visit_scanned(vl_ctx *ctx, vl_salvage *self, int is_directory,
                      velo_status (*give)(vl_ctx *ctx, vl_salvage *self))
{
    const vl_page_header *header = self->page;

    for (uint64_t block = VL_SUPER_COUNT; self->is_scanned && block < self->block_count; block++) {
        vl_salvage_answer answer;

        if (self->leaves[block / 64] == 0) {
            block |= 63; /* none among these */
            continue;
        }
        if ((self->leaves[block / 64] >> (block % 64) & 1) == 0)
            continue;
        VL_TRY(vl_salvage_read_block(ctx, self, block, self->page, &answer));
        if (answer == VL_SALVAGE_FOUND && (header->tree == VL_DIRECTORY_TREE) == is_directory)
            VL_TRY(give(ctx, self));
    }
    return VELO_OK;
}

/* An unverified leaf of the directory. */
static velo_status
salvage_give_directory(vl_ctx *ctx, vl_salvage *self)
{
    vl_salvage_filter filter = {.only_lost = 1};

    if (((const vl_page_header *)self->page)->kind != VL_PAGE_TABLE_LEAF)
        return VELO_OK;
    return vl_salvage_give_leaf(ctx, self, VL_DIRECTORY_TREE, self->page, &filter);
}

static velo_status
salvage_read_directory(vl_ctx *ctx, vl_salvage *self)
{
    vl_salvage_known *directory;

    VL_TRY(salvage_add_tree(ctx, self, VL_DIRECTORY_TREE, &directory));
    directory->kind = VL_TREE_TABLE;
    directory->root = VL_DIRECTORY_ROOT;
    directory->is_listed = 1;
    if (self->has_super && !self->has_map)
        return VELO_OK; /* nothing was ever written */
    VL_TRY(salvage_walk_tree(ctx, self, directory));
    if (!vl_salvage_find_tree(self, VL_DIRECTORY_TREE)->is_damaged)
        return VELO_OK;
    VL_TRY(vl_salvage_walk_map(ctx, self, salvage_visit_directory, 0));
    return salvage_visit_scanned(ctx, self, 1, salvage_give_directory);
}

/* ---- trees ---- */

static velo_status
salvage_read_trees(vl_ctx *ctx, vl_salvage *self)
{
    uint32_t count = self->tree_count;

    for (uint32_t i = 0; i < count; i++)
        if (self->trees[i].is_listed && !self->trees[i].is_dropped)
            VL_TRY(salvage_tell_tree(ctx, self, self->trees + i));
    for (uint32_t i = 0; i < count; i++)
        if (self->trees[i].is_listed && !self->trees[i].is_dropped &&
            self->trees[i].id != VL_DIRECTORY_TREE)
            VL_TRY(salvage_walk_tree(ctx, self, self->trees + i));
    return VELO_OK;
}

/* ---- leaves that no walk reached ---- */

/* Whether a leaf in self->page is to be given, and how; notes the tree if it is new. *is_stray 1:
 * its tree is whole without it, or gone. Keeps SA3. */
static velo_status
salvage_choose(vl_ctx *ctx, vl_salvage *self, vl_salvage_filter *filter, int *is_stray)
{
    const vl_page_header *header = self->page;
    vl_tree_kind kind = header->kind == VL_PAGE_KEY_LEAF ? VL_TREE_KEY : VL_TREE_TABLE;
    vl_salvage_known *known = vl_salvage_find_tree(self, header->tree);

    *is_stray = 1;
    filter->range = salvage_all;
    if (known != NULL && known->is_listed) {
        filter->only_lost = kind == VL_TREE_TABLE;
        *is_stray = known->is_dropped || !known->is_damaged || known->kind != kind;
        return VELO_OK;
    }
    if (!salvage_may_exist(self, header->tree))
        return VELO_OK;
    VL_TRY(salvage_add_tree(ctx, self, header->tree, &known));
    if (known->kind == 0)
        known->kind = kind;
    if (known->kind != kind)
        return VELO_OK;
    *is_stray = 0;
    return salvage_tell_tree(ctx, self, known);
}

/* A page of the map that no walk reached: a leaf below a damaged node, or one that is damaged. */
static velo_status
salvage_visit_rest(vl_ctx *ctx, vl_salvage *self, vl_pid pid, const vl_extent *extent)
{
    vl_salvage_filter filter = {.is_verified = 1};
    const vl_page_header *header = self->page;
    int is_inside = extent->address < self->block_count;
    vl_salvage_answer answer;
    int is_stray = 0;
    uint64_t block;

    if (is_inside && vl_salvage_is_marked(self, VL_SALVAGE_USED, extent->address))
        return VELO_OK;
    VL_TRY(vl_salvage_read_page(ctx, self, pid, self->page, &block, &answer));
    if (answer != VL_SALVAGE_FOUND) {
        vl_salvage_tell(self, VL_SALVAGE_PAGE, 0, pid, NULL, self->why);
        return VELO_OK;
    }
    if (header->kind != VL_PAGE_TABLE_LEAF && header->kind != VL_PAGE_KEY_LEAF)
        return VELO_OK;
    VL_TRY(salvage_choose(ctx, self, &filter, &is_stray));
    if (is_stray) {
        self->stats->stray_count++;
        return VELO_OK;
    }
    vl_salvage_set_mark(self, VL_SALVAGE_USED, block);
    return vl_salvage_give_leaf(ctx, self, header->tree, self->page, &filter);
}

/* An unverified leaf. */
static velo_status
salvage_give_scanned(vl_ctx *ctx, vl_salvage *self)
{
    vl_salvage_filter filter = {.is_verified = 0};
    int is_stray = 0;

    VL_TRY(salvage_choose(ctx, self, &filter, &is_stray));
    if (is_stray)
        return VELO_OK;
    return vl_salvage_give_leaf(ctx, self, ((const vl_page_header *)self->page)->tree, self->page,
                                &filter);
}

/* Trees of which no leaf was found, but unverified rows of the directory: they may have been empty,
 * or all of them is lost. */
static velo_status
salvage_tell_remaining(vl_ctx *ctx, vl_salvage *self)
{
    for (uint32_t i = 0; i < self->tree_count; i++)
        if (!self->trees[i].is_dropped && self->trees[i].kind != 0)
            VL_TRY(salvage_tell_tree(ctx, self, self->trees + i));
    return VELO_OK;
}

/* ---- all of it ---- */

static velo_status
salvage_work(vl_ctx *ctx, vl_salvage *self)
{
    VL_TRY(vl_salvage_open(ctx, self));
    self->stats->next_tree = VL_STORE_FIRST_TREE;
    if (self->has_super && self->super.next_tree > VL_STORE_FIRST_TREE &&
        self->super.next_tree < INT64_MAX)
        self->stats->next_tree = self->super.next_tree;
    if (self->has_super && self->super.inflight_root.length != 0)
        vl_salvage_tell(self, VL_SALVAGE_SUPER, 0, 0, NULL,
                        "the checkpoint has changes of transactions that were under way, by a "
                        "program that this one does not know: they are given as if committed");
    if (self->has_super && (self->super.flags & VL_SUPER_LISTED) != 0)
        vl_salvage_tell(self, VL_SALVAGE_SUPER, 0, 0, NULL,
                        "the checkpoint has changes of transactions that were under way: they are "
                        "given as if committed");
    VL_TRY(vl_salvage_judge(ctx, self));
    if (!self->map_is_whole || self->options->is_thorough) {
        vl_salvage_tell(self, VL_SALVAGE_NOTE, 0, 0, NULL,
                        "every block of the file is looked at for pages");
        VL_TRY(vl_salvage_scan(ctx, self));
    }
    VL_TRY(salvage_read_directory(ctx, self));
    VL_TRY(salvage_read_trees(ctx, self));
    VL_TRY(vl_salvage_walk_map(ctx, self, salvage_visit_rest, 0));
    VL_TRY(salvage_visit_scanned(ctx, self, 0, salvage_give_scanned));
    VL_TRY(salvage_tell_remaining(ctx, self));
    return self->options->ignores_log ? VELO_OK : vl_salvage_read_log(ctx, self);
}

velo_status
vl_salvage_run(vl_ctx *ctx, vl_io *io, const char *path, const vl_salvage_options *options,
               vl_salvage_stats *stats)
{
    vl_salvage *self = vl_alloc_zero(ctx, sizeof *self);
    velo_status st;

    memset(stats, 0, sizeof *stats);
    if (self == NULL)
        return vl_salvage_no_memory(ctx);
    self->io = io;
    self->path = path;
    self->options = options;
    self->stats = stats;
    for (uint32_t i = 0; i < VL_PAGEMAP_LEVELS; i++)
        self->map_pids[i] = VL_SALVAGE_NO_MAP;
    vl_arena_init(&self->arena, ctx->allocator, 0);
    st = salvage_work(ctx, self);
    vl_salvage_close(self);
    vl_free(self);
    return st;
}
