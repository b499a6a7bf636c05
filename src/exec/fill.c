/* fill.c - filling a new index with the rows that its table has, and checking rows against new
 * constraints.
 *
 * An index is filled by its keys in order: they are sorted, beyond memory in a file, and make whole
 * leaves one after the other.
 *
 * Invariants
 *   FL1  The table is read to its end before the first entry is written: a key that cannot be made
 *        leaves the index empty, and twins are found next to each other. */
#include "exec/edit.h"

#include "exec/sorter.h"

#include <stddef.h>
#include <string.h>

/* The run's index of a name; index_count when there is none. */
static uint32_t
fill_find(const vl_edit_run *run, const char *name)
{
    uint32_t i = 0;

    while (i < run->index_count &&
           vl_name_compare(run->indexes[i].def->object.name,
                           strlen(run->indexes[i].def->object.name), name, strlen(name)) != 0)
        i++;
    return i;
}

/* What is done with each row, read whole. */
typedef velo_status fill_visit(vl_ctx *ctx, vl_edit_run *run, int32_t argument,
                               const vl_value *full);

/* A pass over all rows. */
typedef struct fill_pass {
    vl_edit_run *run;
    fill_visit *visit;
    int32_t argument; /* of visit */
    vl_value *full;   /* the row at hand */
} fill_pass;

static velo_status
fill_row(vl_ctx *ctx, void *argument, int64_t rowid)
{
    const fill_pass *pass = argument;
    int found;

    vl_arena_reset(&pass->run->row_arena);
    VL_TRY(vl_edit_read(ctx, pass->run, rowid, pass->full, &found));
    return found ? pass->visit(ctx, pass->run, pass->argument, pass->full) : VELO_OK;
}

static velo_status
fill_rows(vl_ctx *ctx, vl_edit_run *run, fill_visit *visit, int32_t argument)
{
    vl_view view = vl_statement_newest(run->source.statement);
    fill_pass pass = {run, visit, argument, NULL};

    pass.full = vl_arena_alloc_array(&run->arena, run->full_count, sizeof *pass.full);
    if (pass.full == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    return vl_visit_rowids(ctx, run->stage->exec, run->table, &view, fill_row, &pass);
}

/* ---- indexes ---- */

/* Entries that are loaded with one call. */
#define FILL_PART VL_BY_BUILD(256U, 3U)

/* What is sorted of an entry: its key and its rowid. */
enum {
    FILL_KEY,
    FILL_ROWID,
    FILL_WIDTH
};

/* Filling one index. */
typedef struct fill_index {
    vl_edit_run run;
    uint32_t index; /* of the run */
    vl_sorter sorter;
} fill_index;

/* Sort a row's entry in. */
static velo_status
fill_sort_row(vl_ctx *ctx, vl_edit_run *run, int32_t argument, const vl_value *full)
{
    fill_index *fill = (fill_index *)(void *)((char *)run - offsetof(fill_index, run));
    vl_value row[FILL_WIDTH];
    vl_entry_key key;

    VL_TRY(vl_edit_make_key(ctx, run, (uint32_t)argument, full, &key));
    if (key.size == 0)
        return VELO_OK;
    row[FILL_KEY] = (vl_value){.type = VL_TYPE_BLOB, .size = key.size, .as.data = key.data};
    row[FILL_ROWID] = full[run->def->column_count];
    return vl_sorter_add(ctx, &fill->sorter, row);
}

/* Take the next entries out of the sorter; rows that do not stay there are copied. */
static velo_status
fill_take(vl_ctx *ctx, fill_index *fill, vl_tree_key_item *items, uint8_t (*values)[8],
          uint32_t *count)
{
    vl_arena *arena = &fill->run.row_arena;
    const vl_value *row;

    vl_arena_reset(arena);
    for (*count = 0; *count < FILL_PART; ++*count) {
        vl_tree_key_item *item = &items[*count];

        VL_TRY(vl_sorter_next(ctx, &fill->sorter, &row));
        if (row == NULL)
            break;
        item->key = row[FILL_KEY].as.data;
        item->key_size = row[FILL_KEY].size;
        item->value = values[*count];
        item->value_size = vl_entry_put_rowid(values[*count], row[FILL_ROWID].as.integer);
        if (vl_sorter_is_in_memory(&fill->sorter))
            continue;
        item->key = vl_arena_copy(arena, item->key, item->key_size);
        if (item->key == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate a key of %u bytes",
                           (unsigned)item->key_size);
    }
    return VELO_OK;
}

static velo_status
fill_load(vl_ctx *ctx, fill_index *fill)
{
    const vl_edit_index *index = &fill->run.indexes[fill->index];
    vl_tree_key_item items[FILL_PART];
    uint8_t values[FILL_PART][8];
    uint32_t count;
    velo_status st;

    for (;;) {
        VL_TRY(fill_take(ctx, fill, items, values, &count));
        if (count == 0)
            return VELO_OK;
        st = vl_keys_load(ctx, fill->run.source.statement, index->index, items, count);
        if (st == VELO_CONSTRAINT) {
            vl_error_clear(ctx);
            return vl_edit_refuse_twins(ctx, &fill->run, fill->index);
        }
        VL_TRY(st);
        VL_TRY(vl_exec_poll(ctx, fill->run.stage->exec, count));
    }
}

/* The index was found: sort, and load. */
static velo_status
fill_run(vl_ctx *ctx, fill_index *fill)
{
    static const vl_sorter_key by_key = {.index = FILL_KEY, .collation = VL_COLLATE_BINARY};

    vl_sorter_init(ctx, &fill->sorter, fill->run.stage->exec, &by_key, 1, FILL_WIDTH, UINT64_MAX);
    VL_TRY(fill_rows(ctx, &fill->run, fill_sort_row, (int32_t)fill->index));
    VL_TRY(vl_sorter_finish(ctx, &fill->sorter));
    return fill_load(ctx, fill);
}

velo_status
vl_exec_fill_index(vl_ctx *ctx, vl_exec *exec, const char *name)
{
    vl_stage *stage = exec->root->root;
    fill_index fill;
    velo_status st;

    memset(&fill, 0, sizeof fill);
    st = vl_edit_begin(ctx, stage, &stage->op->as.delete_.target, &fill.run);
    fill.index = fill_find(&fill.run, name);
    if (st == VELO_OK && fill.index == fill.run.index_count)
        st = vl_fail(ctx, VELO_INTERNAL, "index %s is missing", name);
    if (st == VELO_OK)
        st = fill_run(ctx, &fill);
    vl_sorter_deinit(&fill.sorter);
    vl_edit_end(&fill.run);
    return st;
}

/* ---- constraints ---- */

/* Check one row in the order of the words of PRAGMA quick_check. */
static velo_status
fill_check_row(vl_ctx *ctx, vl_edit_run *run, int32_t argument, const vl_value *full)
{
    vl_eval eval = vl_edit_eval(run, full);
    int truth;

    (void)argument;
    for (int32_t c = 0; c < run->def->column_count; c++) {
        if (c == run->def->rowid_column)
            continue;
        if (run->def->columns[c].is_not_null && full[c].type == VL_TYPE_NULL)
            return vl_fail(ctx, VELO_ERROR, "NOT NULL constraint failed");
        if (!vl_edit_suits(run, c, &full[c]))
            return vl_fail(ctx, VELO_ERROR, "type mismatch on DEFAULT");
    }
    for (uint32_t i = 0; i < run->target->checks.count; i++) {
        VL_TRY(vl_eval_truth(ctx, &eval, run->target->checks.list[i], &truth));
        if (truth == 0)
            return vl_fail(ctx, VELO_ERROR, "CHECK constraint failed");
    }
    return VELO_OK;
}

/* Check one row against one constraint. */
static velo_status
fill_check_one(vl_ctx *ctx, vl_edit_run *run, int32_t what, const vl_value *full)
{
    const vl_exprs *checks = &run->target->checks;
    vl_eval eval = vl_edit_eval(run, full);
    int truth;

    if (what == VL_CHECK_LAST)
        VL_TRY(vl_eval_truth(ctx, &eval, checks->list[checks->count - 1], &truth));
    else
        truth = what == run->def->rowid_column || full[what].type != VL_TYPE_NULL;
    return truth != 0 ? VELO_OK : vl_fail(ctx, VELO_CONSTRAINT, "constraint failed");
}

velo_status
vl_exec_check_rows(vl_ctx *ctx, vl_exec *exec, int32_t what)
{
    vl_stage *stage = exec->root->root;
    vl_edit_run run;
    velo_status st;

    memset(&run, 0, sizeof run);
    st = vl_edit_begin(ctx, stage, &stage->op->as.insert.target, &run);

    if (st == VELO_OK)
        st = fill_rows(ctx, &run, what == VL_CHECK_ALL ? fill_check_row : fill_check_one, what);
    if (st == VELO_CONSTRAINT_DATATYPE) /* of a generated column */
        st = vl_fail(ctx, VELO_ERROR, "type mismatch on DEFAULT");
    vl_edit_end(&run);
    return st;
}
