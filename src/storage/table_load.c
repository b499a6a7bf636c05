/* table_load.c - loading many rows at the right edge of a table tree.
 *
 * The last leaf is filled up first, then whole pages are built and added behind it, several with
 * one section. Nothing is latched while pages are built.
 *
 * Invariants
 *   L1  Rows are added only behind every row there is: that the last leaf is still the last, and
 *       holds no row above, is made sure under its latch and its parent's in each section.
 *   L2  What a section adds to the log is what it adds to the tree, and *taken counts it. */
#include "storage/table_int.h"

#include <inttypes.h>
#include <string.h>

/* Pages that a section adds. */
#define TABLE_LOAD_PAGES 4U
_Static_assert(TABLE_LOAD_PAGES <= VL_CHANGE_MAX_PAGES, "new pages of a change");

/* One call. */
typedef struct table_load {
    const vl_tree *tree;          /* where to */
    vl_tree_work *work;           /* scratch */
    const vl_leaf_schema *schema; /* columns */
    const vl_leaf_row *rows;      /* all that were given */
    uint32_t count;               /* how many */
    uint32_t taken;               /* of these, in the tree */
    int is_all;                   /* no more will come */
    const vl_table_load_log *log; /* or NULL */
} table_load;

/* Pages that are built and not in the tree yet. */
typedef struct table_pages {
    vl_change change;                        /* they are new in it */
    vl_page_ref refs[TABLE_LOAD_PAGES];      /* the pages */
    const vl_leaf *leaves[TABLE_LOAD_PAGES]; /* the same, to be read */
    int64_t firsts[TABLE_LOAD_PAGES];        /* first rowid of each */
    uint32_t count;                          /* how many */
    uint32_t row_count;                      /* rows on all of them */
} table_pages;

/* What a section is about to add: the next row, or the pages that are built of the next rows. */
static vl_table_load_part
table_load_part(const table_load *load, const table_pages *pages)
{
    vl_table_load_part part = {.rows = load->rows + load->taken, .row_count = 1};

    if (pages != NULL) {
        part.row_count = pages->row_count;
        part.pages = pages->leaves;
        part.page_count = pages->count;
    }
    return part;
}

static velo_status
table_load_grant(vl_ctx *ctx, const table_load *load, const table_pages *pages)
{
    vl_table_load_part part = table_load_part(load, pages);

    return load->log == NULL ? VELO_OK : load->log->grant(ctx, load->log->argument, &part);
}

/* Inside a section: log the next rows, and count them. */
static void
table_load_take(table_load *load, const table_pages *pages)
{
    vl_table_load_part part = table_load_part(load, pages);

    if (load->log != NULL)
        load->log->append(load->log->argument, &part);
    load->taken += part.row_count;
}

/* Whether the next rows may be added behind a latched leaf. */
static int
table_load_may(const table_load *load, const table_pages *pages, const vl_page_ref *leaf)
{
    vl_table_load_part part = table_load_part(load, pages);

    return load->log == NULL || load->log->may == NULL ||
           load->log->may(load->log->argument, leaf, &part);
}

static velo_status
table_load_refuse(vl_ctx *ctx, const table_load *load)
{
    return vl_fail(ctx, VELO_CONSTRAINT,
                   "row %" PRId64 " of tree %" PRIu64 " does not lie behind all others",
                   load->rows[load->taken].rowid, load->tree->id);
}

/* ---- the last leaf ---- */

/* Find the last leaf. */
static velo_status
table_find_last(vl_ctx *ctx, const table_load *load, vl_tree_mode mode, vl_tree_spot *spot)
{
    vl_tree_target target = vl_table_target(INT64_MAX);
    vl_tree_search search = {.target = &target, .mode = mode};

    return vl_tree_find(ctx, load->tree, &search, spot);
}

/* Put the leaf that was built in the last one's place, if that is still what it was. */
static velo_status
table_replace_last(vl_ctx *ctx, table_load *load, uint32_t added)
{
    const vl_tree *tree = load->tree;
    int is_done = 0;
    vl_tree_spot spot;
    vl_change change;
    velo_status st = VELO_OK;

    vl_change_begin(tree->cache, &change);
    while (st == VELO_OK && !is_done) {
        st = table_find_last(ctx, load, VL_TREE_EXCLUSIVE, &spot);
        if (st != VELO_OK)
            break;
        is_done = !vl_table_is_same(spot.ref.page, vl_table_buffer(load->work, VL_TABLE_COPY),
                                    tree->page_size);
        if (!is_done && vl_change_prepare(&change, &spot.ref) && vl_change_enter(&change)) {
            load->taken += added;
            vl_table_put(spot.ref.page, spot.ref.pid, vl_table_buffer(load->work, VL_TABLE_LEFT),
                         tree->page_size);
            vl_change_leave(&change);
            is_done = 1;
        }
        vl_cache_release_exclusive(tree->cache, &spot.ref);
        if (!is_done)
            st = vl_change_wait(ctx, &change);
    }
    vl_change_end(&change);
    return st;
}

/* Build the last leaf, of which there is a copy, together with the next rows. Returns how many of
 * these it takes; 0 when that is not worth it. */
static uint32_t
table_build_last(const table_load *load)
{
    const vl_leaf *leaf = vl_table_buffer(load->work, VL_TABLE_COPY);
    uint32_t before = leaf->count - leaf->gap_count;
    uint32_t rest = load->count - load->taken;
    uint32_t limit = rest < VL_TABLE_LOAD_ROWS ? rest : VL_TABLE_LOAD_ROWS;
    vl_leaf_build build = {.page_size = load->tree->page_size,
                           .layout = VL_LEAF_BULK,
                           .schema = load->schema,
                           .leaf = leaf,
                           .rows = load->rows + load->taken,
                           .row_count = limit};
    vl_leaf_builder *builder = vl_leaf_build_begin(load->work->builder, &build);
    uint32_t rows = vl_leaf_build_next(builder, vl_table_buffer(load->work, VL_TABLE_LEFT),
                                       load->tree->root, load->tree->id);

    if (rows <= before) /* it is full, or defaults of new columns take its place */
        return 0;
    if (vl_leaf_build_remaining(builder) == 0 && !load->is_all) /* more rows may fit */
        return 0;
    return rows - before;
}

/* Look at the last leaf. *is_full 1: it is left as it is, being nearly full or of other columns; 0:
 * there is a copy of it. */
static velo_status
table_look_at_last(vl_ctx *ctx, const table_load *load, int *is_full)
{
    const vl_tree *tree = load->tree;
    vl_tree_spot spot;
    int is_above;

    VL_TRY(table_find_last(ctx, load, VL_TREE_SHARED, &spot));
    is_above = load->rows[load->taken].rowid >= spot.range.first &&
               !vl_table_has_row_from(spot.ref.page, load->rows[load->taken].rowid);
    *is_full = vl_table_leaf_used(spot.ref.page) > (uint64_t)tree->page_size * 3 / 4 ||
               !vl_table_suits(spot.ref.page, load->schema);
    if (is_above && !*is_full)
        memcpy(vl_table_buffer(load->work, VL_TABLE_COPY), spot.ref.page, tree->page_size);
    vl_cache_release_shared(tree->cache, &spot.ref);
    return is_above ? VELO_OK : table_load_refuse(ctx, load);
}

/* Fill up the last leaf, unless it is nearly full. Without a log. */
static velo_status
table_fill_last(vl_ctx *ctx, table_load *load)
{
    uint32_t taken;
    int is_full;

    VL_ASSERT(load->log == NULL);
    do {
        VL_TRY(table_look_at_last(ctx, load, &is_full));
        taken = is_full ? 0 : table_build_last(load);
        if (taken == 0)
            return VELO_OK;
        taken += load->taken;
        VL_TRY(table_replace_last(ctx, load, taken - load->taken));
    } while (load->taken != taken); /* somebody has changed it meanwhile */
    return VELO_OK;
}

/* ---- single rows ---- */

/* Insert the next row, which lies behind all others. */
static velo_status
table_insert_next(vl_ctx *ctx, table_load *load)
{
    const vl_leaf_row *row = load->rows + load->taken;
    vl_table_op op = {.action = VL_TABLE_INSERT,
                      .rowid = row->rowid,
                      .schema = load->schema,
                      .values = row->values,
                      .note = load->log != NULL ? load->log->note : NULL,
                      .argument = load->log != NULL ? load->log->argument : NULL};
    uint32_t wanted = load->taken + 1;
    vl_table_write write;
    int64_t last_rowid;
    int is_empty;
    velo_status st;

    VL_TRY(vl_table_last_rowid(ctx, load->tree, &last_rowid, &is_empty));
    if (!is_empty && row->rowid <= last_rowid)
        return table_load_refuse(ctx, load);
    VL_TRY(table_load_grant(ctx, load, NULL));
    st = vl_table_write_begin(ctx, load->tree, load->work, &op, &write);
    while (st == VELO_OK && load->taken < wanted && write.is_possible &&
           write.state != VL_LEAF_TOMBSTONE && table_load_may(load, NULL, &write.leaf)) {
        if (vl_table_write_enter(&write)) {
            table_load_take(load, NULL);
            vl_table_write_apply(&write);
            vl_table_write_leave(&write);
        } else {
            st = vl_table_write_retry(ctx, &write);
        }
    }
    if (st == VELO_OK && load->taken < wanted)
        st = table_load_refuse(ctx, load);
    vl_table_write_end(ctx, &write);
    return st;
}

/* Fill up the last leaf row by row, until it is nearly full. */
static velo_status
table_fill_last_logged(vl_ctx *ctx, table_load *load)
{
    int is_full = 0;

    while (load->taken < load->count) {
        VL_TRY(table_look_at_last(ctx, load, &is_full));
        if (is_full)
            break;
        VL_TRY(table_insert_next(ctx, load));
    }
    return VELO_OK;
}

/* Insert rows that lie behind all others, but not in the last leaf's range: those before it are
 * empty. */
static velo_status
table_insert_before_last(vl_ctx *ctx, table_load *load)
{
    for (;;) {
        vl_tree_spot spot;

        VL_TRY(table_find_last(ctx, load, VL_TREE_SHARED, &spot));
        vl_cache_release_shared(load->tree->cache, &spot.ref);
        if (load->taken == load->count || load->rows[load->taken].rowid >= spot.range.first)
            return VELO_OK;
        VL_TRY(table_insert_next(ctx, load));
    }
}

/* ---- whole pages ---- */

/* Build the next pages: as many as a section adds, or as there are rows for. `is_last`: the last
 * one need not be full. */
static velo_status
table_build_pages(vl_ctx *ctx, const table_load *load, vl_leaf_builder *builder, int is_last,
                  table_pages *pages)
{
    const vl_tree *tree = load->tree;
    vl_leaf *leaf = vl_table_buffer(load->work, VL_TABLE_LEFT);
    uint32_t limit = vl_table_max_children(tree) / 2;

    limit = limit < TABLE_LOAD_PAGES ? limit : TABLE_LOAD_PAGES;
    while (pages->count < limit && vl_leaf_build_remaining(builder) > 0) {
        int64_t first = vl_leaf_build_next_rowid(builder);
        uint32_t rows = vl_leaf_build_next(builder, leaf, tree->root, tree->id);
        vl_page_ref *ref = &pages->refs[pages->count];

        if (rows == 0)
            return vl_fail(ctx, VELO_TOOBIG, "row %" PRId64 " of tree %" PRIu64 " fits no page",
                           first, tree->id);
        if (vl_leaf_build_remaining(builder) == 0 && !is_last)
            return VELO_OK;
        VL_TRY(vl_change_new_page(ctx, &pages->change, ref));
        vl_table_put(ref->page, ref->pid, leaf, tree->page_size);
        pages->leaves[pages->count] = ref->page;
        pages->firsts[pages->count++] = first;
        pages->row_count += rows;
    }
    return VELO_OK;
}

/* What keeps the pages from being added. */
typedef enum table_obstacle {
    TABLE_NONE,      /* nothing: they are in the tree */
    TABLE_NO_PARENT, /* the root is a leaf */
    TABLE_NO_ROOM,   /* the parent is full */
    TABLE_NOT_LAST,  /* there are rows above */
    TABLE_UNREADY    /* the cache has to make ready first */
} table_obstacle;

/* Try to add the pages behind the latched last leaf. */
static table_obstacle
table_add_pages(table_load *load, table_pages *pages, vl_tree_pair *pair)
{
    const vl_tree *tree = load->tree;
    void *parent = pair->parent.page;

    if (pair->step.range.last != INT64_MAX ||
        vl_table_has_row_from(pair->node.page, pages->firsts[0]) || /* keeps L1 */
        !table_load_may(load, pages, &pair->node))
        return TABLE_NOT_LAST;
    if (parent == NULL)
        return TABLE_NO_PARENT;
    if (vl_node_rowid_count(parent, tree->page_size) + pages->count > vl_table_max_children(tree))
        return TABLE_NO_ROOM;
    if (!vl_change_prepare(&pages->change, &pair->parent) || !vl_change_enter(&pages->change))
        return TABLE_UNREADY;
    table_load_take(load, pages); /* keeps L2 */
    for (uint32_t i = 0; i < pages->count; i++) {
        vl_node_result result = vl_node_rowid_insert(parent, tree->page_size, pair->step.index + i,
                                                     pages->firsts[i], pages->refs[i].pid);

        VL_CHECK(result == VL_NODE_DONE);
    }
    vl_change_leave(&pages->change);
    return TABLE_NONE;
}

/* Do what an obstacle asks for; no latches are held but those of the pages. */
static velo_status
table_overcome(vl_ctx *ctx, const table_load *load, table_pages *pages, table_obstacle obstacle)
{
    vl_tree_target target = vl_table_target(pages->firsts[0]);
    vl_tree_split_plan plan = {.tree = load->tree,
                               .work = load->work,
                               .target = &target,
                               .bottom = 1,
                               .wanted = pages->count};

    switch (obstacle) {
    case TABLE_NONE:
        break;
    case TABLE_NO_PARENT:
        return vl_tree_grow(ctx, load->tree, load->work, 0);
    case TABLE_NO_ROOM:
        return vl_tree_split(ctx, &plan);
    case TABLE_NOT_LAST:
        return table_load_refuse(ctx, load);
    case TABLE_UNREADY:
        return vl_change_wait(ctx, &pages->change);
    }
    return VELO_OK;
}

/* Build some pages and add them. */
static velo_status
table_load_section(vl_ctx *ctx, table_load *load, vl_leaf_builder *builder, int is_last)
{
    const vl_tree *tree = load->tree;
    table_obstacle obstacle = TABLE_UNREADY;
    table_pages pages;
    velo_status st;

    memset(&pages, 0, sizeof pages);
    vl_change_begin(tree->cache, &pages.change);
    st = table_build_pages(ctx, load, builder, is_last, &pages);
    if (st == VELO_OK && pages.count > 0)
        st = table_load_grant(ctx, load, &pages);
    while (st == VELO_OK && pages.count > 0 && obstacle != TABLE_NONE) {
        vl_tree_target target = vl_table_target(pages.firsts[0]);
        vl_tree_pair pair;

        st = vl_tree_find_pair(ctx, tree, &target, 0, &pair);
        if (st != VELO_OK)
            break;
        obstacle = table_add_pages(load, &pages, &pair);
        vl_tree_release_pair(tree, &pair);
        st = table_overcome(ctx, load, &pages, obstacle);
    }
    for (uint32_t i = 0; i < TABLE_LOAD_PAGES; i++)
        vl_cache_release_exclusive(tree->cache, &pages.refs[i]);
    vl_change_end(&pages.change);
    return st;
}

/* Add pages of the rows that are left, as many as the scratch memory is for. */
static velo_status
table_load_some(vl_ctx *ctx, table_load *load)
{
    uint32_t rest = load->count - load->taken;
    uint32_t limit = rest < VL_TABLE_LOAD_ROWS ? rest : VL_TABLE_LOAD_ROWS;
    int is_last = load->is_all && limit == rest;
    vl_leaf_build build = {.page_size = load->tree->page_size,
                           .layout = VL_LEAF_BULK,
                           .schema = load->schema,
                           .rows = load->rows + load->taken,
                           .row_count = limit};
    vl_leaf_builder *builder = vl_leaf_build_begin(load->work->builder, &build);

    while (vl_leaf_build_remaining(builder) > 0)
        VL_TRY(table_load_section(ctx, load, builder, is_last));
    return VELO_OK;
}

/* Add rows that need no overflow, up to load->count. */
static velo_status
table_load_run(vl_ctx *ctx, table_load *load)
{
    uint32_t before;

    VL_TRY(table_insert_before_last(ctx, load));
    if (load->taken < load->count)
        VL_TRY(load->log == NULL ? table_fill_last(ctx, load) : table_fill_last_logged(ctx, load));
    do {
        before = load->taken;
        if (load->taken < load->count)
            VL_TRY(table_load_some(ctx, load));
    } while (load->taken > before);
    return VELO_OK;
}

/* The first row from `from` on that has values for overflow. */
static uint32_t
table_find_overlong(const table_load *load, uint32_t from, uint32_t count)
{
    while (from < count && !vl_leaf_needs_overflow(load->tree->page_size, load->rows[from].values,
                                                   load->schema->count))
        from++;
    return from;
}

velo_status
vl_table_load(vl_ctx *ctx, const vl_tree *tree, vl_tree_work *work, const vl_leaf_schema *schema,
              const vl_leaf_row *rows, uint32_t count, int is_all, const vl_table_load_log *log,
              uint32_t *taken)
{
    table_load load = {.tree = tree, .work = work, .schema = schema, .rows = rows, .log = log};
    uint32_t limit = count < VL_TABLE_LOAD_ROWS ? count : VL_TABLE_LOAD_ROWS;
    velo_status st;

    *taken = 0;
    st = vl_table_reserve(ctx, work, schema->count, limit);
    while (st == VELO_OK && load.taken < count) {
        load.count = table_find_overlong(&load, load.taken, count);
        load.is_all = is_all || load.count < count;
        if (load.count > load.taken) {
            st = table_load_run(ctx, &load);
            if (load.taken < load.count) /* the rest waits for more rows, or has failed */
                break;
        } else {
            load.count = count;
            st = table_insert_next(ctx, &load);
        }
    }
    *taken = load.taken;
    return st;
}
