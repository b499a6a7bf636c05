/* op_sort.c - operators that sort: SORT, COMPOUND, DISTINCT.
 *
 * The set operations of COMPOUND sort both sides by all columns and merge them; so what they yield
 * is sorted, and goes to a file when memory is short. Of rows that are equal the last one is
 * yielded, which matters for 1 and 1.0: of all for UNION, of the left side for the others.
 *
 * DISTINCT gives a row when it is met first. When memory is short, rows that the table does not
 * have are put aside; at the end they are sorted to find the first of each, and sorted back into
 * the order of their appearance. They all come behind those that were given already, so the order
 * holds.
 *
 * Invariants
 *   O1  A row that is put aside by DISTINCT is equal to none in the table. */
#include "exec/exec_int.h"
#include "exec/number_sort.h"
#include "exec/sorter.h"

#include "base/assert.h"
#include "vec/value.h"

/* The keys of rows that are sorted by their first `count` columns, ascending. */
static vl_sorter_key *
sort_columns(vl_ctx *ctx, vl_stage *stage, uint32_t count, const uint8_t *collations)
{
    vl_sorter_key *keys = vl_arena_alloc_array(&stage->exec->arena, count + 1U, sizeof *keys);

    if (keys == NULL) {
        (void)vl_fail(ctx, VELO_NOMEM, "cannot allocate %u sort keys", count);
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++)
        keys[i] = (vl_sorter_key){.index = i, .collation = collations[i]};
    return keys;
}

static vl_value *
sort_row(vl_ctx *ctx, vl_stage *stage, uint32_t width)
{
    vl_value *row = vl_arena_alloc_array(&stage->exec->arena, width + 1U, sizeof *row);

    if (row == NULL)
        (void)vl_fail(ctx, VELO_NOMEM, "cannot allocate a row of %u columns", width);
    return row;
}

/* Append a sorter's row to the stage's batch; its texts are copied where they do not stay. */
static velo_status
sort_append(vl_ctx *ctx, vl_stage *stage, const vl_sorter *sorter, const vl_value *row)
{
    if (!vl_sorter_is_in_memory(sorter))
        return vl_batch_append_copy(ctx, &stage->batch, row);
    vl_batch_append(&stage->batch, row);
    return VELO_OK;
}

/* ---- SORT ---- */

typedef struct sort_stage {
    vl_stage base;
    vl_sorter sorter;
    vl_number_sort numbers; /* of rows that are nothing but numbers, instead of the sorter */
    vl_chunk chunk;         /* of these */
    vl_sorter_key *keys;
    vl_value *row;  /* the child's columns, then keys that are no columns */
    uint32_t width; /* of the row */
    vl_arena arena; /* of what keys are made of; emptied for each chunk */
    int is_sorted;  /* all rows were read */
} sort_stage;

static velo_status
sort_open(vl_ctx *ctx, vl_stage *stage)
{
    const vl_op_sort *op = &stage->op->as.sort;
    sort_stage *sort = (sort_stage *)stage;

    vl_arena_init(&sort->arena, ctx->allocator, 0);
    sort->width = stage->op->column_count;
    sort->keys = vl_arena_alloc_array(&stage->exec->arena, op->key_count + 1U, sizeof *sort->keys);
    if (sort->keys == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u sort keys", op->key_count);
    for (uint32_t i = 0; i < op->key_count; i++) {
        const vl_sort_key *key = &op->keys[i];
        int is_column = key->expr->kind == VL_EXPR_COLUMN;

        sort->keys[i] = (vl_sorter_key){.index = is_column ? key->expr->index : sort->width++,
                                        .collation = key->collation,
                                        .is_descending = key->is_descending,
                                        .nulls_last = key->nulls_last};
    }
    sort->row = sort_row(ctx, stage, sort->width);
    return sort->row == NULL ? VELO_NOMEM : VELO_OK;
}

/* How many of the first rows are needed. */
static velo_status
sort_limit(vl_ctx *ctx, vl_stage *stage, uint64_t *limit)
{
    const vl_op_sort *op = &stage->op->as.sort;
    int64_t count = -1;
    int64_t offset = 0;

    *limit = UINT64_MAX;
    if (op->limit != NULL)
        VL_TRY(vl_stage_number(ctx, stage, op->limit, &count));
    if (op->offset != NULL)
        VL_TRY(vl_stage_number(ctx, stage, op->offset, &offset));
    if (count >= 0)
        *limit = (uint64_t)count + (uint64_t)(offset < 0 ? 0 : offset);
    return VELO_OK;
}

/* Evaluate the keys of a row of the chunk and add it. */
static velo_status
sort_add(vl_ctx *ctx, sort_stage *sort, const vl_chunk *in, uint32_t n)
{
    const vl_op_sort *op = &sort->base.op->as.sort;
    vl_eval eval = vl_stage_eval(&sort->base, &sort->arena);
    uint32_t at = sort->base.op->column_count;

    vl_chunk_read(in, n, sort->row);
    eval.row = sort->row;
    for (uint32_t i = 0; i < op->key_count; i++) {
        if (op->keys[i].expr->kind != VL_EXPR_COLUMN)
            VL_TRY(vl_eval_expr(ctx, &eval, op->keys[i].expr, &sort->row[at++]));
    }
    return vl_sorter_add(ctx, &sort->sorter, sort->row);
}

/* Whether the rows may be sorted as numbers. The first rows of a limit are found without keeping
 * all.
 */
static int
sort_may_be_numbers(const sort_stage *sort, uint64_t limit)
{
    const vl_stage *stage = &sort->base;

    return limit == UINT64_MAX && !stage->exec->env.is_plain &&
           sort->width == stage->op->column_count &&
           vl_number_sort_suits(sort->keys, stage->op->as.sort.key_count, sort->width);
}

/* Add a chunk to those that are sorted as numbers; when it cannot be, all go on to the sorter. */
static velo_status
sort_add_numbers(vl_ctx *ctx, sort_stage *sort, const vl_chunk *in, int *is_taken)
{
    *is_taken = 0;
    if (sort->numbers.exec == NULL)
        return VELO_OK;
    VL_TRY(vl_number_sort_add(ctx, &sort->numbers, in, is_taken));
    return *is_taken ? VELO_OK : vl_number_sort_move(ctx, &sort->numbers, &sort->sorter);
}

static velo_status
sort_read(vl_ctx *ctx, sort_stage *sort)
{
    uint32_t key_count = sort->base.op->as.sort.key_count;
    uint64_t limit;
    const vl_chunk *in;
    int is_taken;

    VL_TRY(sort_limit(ctx, &sort->base, &limit));
    sort->base.exec->top->work.sorts++;
    vl_sorter_init(ctx, &sort->sorter, sort->base.exec, sort->keys, key_count, sort->width, limit);
    if (sort_may_be_numbers(sort, limit))
        vl_number_sort_init(&sort->numbers, sort->base.exec, sort->keys, key_count, sort->width);
    while (limit > 0) {
        VL_TRY(vl_stage_next(ctx, sort->base.children[0], VL_CHUNK_ROWS, &in));
        if (in->count == 0)
            break;
        VL_TRY(sort_add_numbers(ctx, sort, in, &is_taken));
        for (uint32_t n = 0; n < in->count && !is_taken; n++)
            VL_TRY(sort_add(ctx, sort, in, n));
        vl_arena_reset(&sort->arena);
    }
    if (sort->numbers.exec != NULL)
        VL_TRY(vl_number_sort_finish(ctx, &sort->numbers));
    else
        VL_TRY(vl_sorter_finish(ctx, &sort->sorter));
    sort->is_sorted = 1;
    return VELO_OK;
}

static velo_status
sort_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    sort_stage *sort = (sort_stage *)stage;

    VL_TRY(vl_batch_begin(ctx, &stage->batch, stage->op->column_count, wanted));
    *out = &stage->batch.chunk;
    if (!sort->is_sorted)
        VL_TRY(sort_read(ctx, sort));
    if (sort->numbers.exec != NULL) {
        *out = &sort->chunk;
        return vl_number_sort_next(ctx, &sort->numbers, wanted, &sort->chunk);
    }
    while (stage->batch.chunk.count < wanted) {
        const vl_value *row;

        VL_TRY(vl_sorter_next(ctx, &sort->sorter, &row));
        if (row == NULL)
            break;
        VL_TRY(sort_append(ctx, stage, &sort->sorter, row));
    }
    return VELO_OK;
}

static void
sort_rewind(vl_stage *stage)
{
    sort_stage *sort = (sort_stage *)stage;

    vl_number_sort_deinit(&sort->numbers);
    vl_sorter_deinit(&sort->sorter);
    sort->is_sorted = 0;
}

static void
sort_close(vl_stage *stage)
{
    sort_rewind(stage);
    vl_arena_deinit(&((sort_stage *)stage)->arena);
}

const vl_stage_class vl_sort_class = {
    .size = sizeof(sort_stage),
    .open = sort_open,
    .next = sort_next,
    .rewind = sort_rewind,
    .close = sort_close,
};

/* ---- COMPOUND ---- */

/* A side, sorted: each row once. */
typedef struct compound_side {
    vl_sorter sorter;
    vl_arena arenas[2];    /* of rows that do not stay, in turn */
    int turn;              /* the arena of `row` */
    const vl_value *row;   /* the row at hand, the last of those that are equal to it; NULL: none */
    const vl_value *ahead; /* the row behind it; NULL: none */
} compound_side;

typedef struct compound_stage {
    vl_stage base;
    vl_sorter_key *keys; /* all columns */
    vl_value *row;       /* a row of a child */
    compound_side left;  /* UNION: both */
    compound_side right; /* INTERSECT, EXCEPT */
    int is_begun;        /* the sides were read */
    int is_right;        /* UNION ALL: the left side has ended */
} compound_stage;

static velo_status
compound_open(vl_ctx *ctx, vl_stage *stage)
{
    const vl_op_compound *op = &stage->op->as.compound;
    compound_stage *compound = (compound_stage *)stage;

    for (int i = 0; i < 2; i++) {
        vl_arena_init(&compound->left.arenas[i], ctx->allocator, 0);
        vl_arena_init(&compound->right.arenas[i], ctx->allocator, 0);
    }
    if (op->kind == VL_COMPOUND_UNION_ALL)
        return VELO_OK;
    compound->keys = sort_columns(ctx, stage, stage->op->column_count, op->collations);
    compound->row = sort_row(ctx, stage, stage->op->column_count);
    return compound->keys == NULL || compound->row == NULL ? VELO_NOMEM : VELO_OK;
}

static void
compound_init_side(vl_ctx *ctx, compound_stage *compound, compound_side *side)
{
    uint32_t width = compound->base.op->column_count;

    vl_sorter_init(ctx, &side->sorter, compound->base.exec, compound->keys, width, width,
                   UINT64_MAX);
}

/* Add all rows of a child to a side. */
static velo_status
compound_read(vl_ctx *ctx, compound_stage *compound, vl_stage *child, compound_side *side)
{
    const vl_chunk *in;

    for (;;) {
        VL_TRY(vl_stage_next(ctx, child, VL_CHUNK_ROWS, &in));
        if (in->count == 0)
            return VELO_OK;
        for (uint32_t n = 0; n < in->count; n++) {
            vl_chunk_read(in, n, compound->row);
            VL_TRY(vl_sorter_add(ctx, &side->sorter, compound->row));
        }
    }
}

/* Keep the row ahead as the row at hand. */
static velo_status
compound_keep(vl_ctx *ctx, compound_stage *compound, compound_side *side)
{
    side->row = side->ahead;
    if (side->row == NULL || vl_sorter_is_in_memory(&side->sorter))
        return VELO_OK;
    side->turn = !side->turn;
    vl_arena_reset(&side->arenas[side->turn]);
    side->row =
        vl_row_copy(ctx, &side->arenas[side->turn], side->ahead, compound->base.op->column_count);
    return side->row == NULL ? VELO_NOMEM : VELO_OK;
}

/* Go to the next row that differs from the one at hand. */
static velo_status
compound_advance(vl_ctx *ctx, compound_stage *compound, compound_side *side)
{
    do {
        VL_TRY(compound_keep(ctx, compound, side));
        if (side->row == NULL)
            return VELO_OK;
        VL_TRY(vl_sorter_next(ctx, &side->sorter, &side->ahead));
    } while (side->ahead != NULL && vl_sorter_compare(compound->keys, side->sorter.key_count,
                                                      side->row, side->ahead) == 0);
    return VELO_OK;
}

static velo_status
compound_begin(vl_ctx *ctx, compound_stage *compound)
{
    int is_union = compound->base.op->as.compound.kind == VL_COMPOUND_UNION;
    compound_side *right = is_union ? &compound->left : &compound->right;

    compound_init_side(ctx, compound, &compound->left);
    if (!is_union)
        compound_init_side(ctx, compound, &compound->right);
    VL_TRY(compound_read(ctx, compound, compound->base.children[0], &compound->left));
    VL_TRY(compound_read(ctx, compound, compound->base.children[1], right));
    VL_TRY(vl_sorter_finish(ctx, &compound->left.sorter));
    VL_TRY(vl_sorter_next(ctx, &compound->left.sorter, &compound->left.ahead));
    VL_TRY(compound_advance(ctx, compound, &compound->left));
    if (!is_union) {
        VL_TRY(vl_sorter_finish(ctx, &right->sorter));
        VL_TRY(vl_sorter_next(ctx, &right->sorter, &right->ahead));
        VL_TRY(compound_advance(ctx, compound, right));
    }
    compound->is_begun = 1;
    return VELO_OK;
}

/* Whether the right side has the left row; goes on to it there. */
static velo_status
compound_match(vl_ctx *ctx, compound_stage *compound, int *is_match)
{
    *is_match = 0;
    while (compound->right.row != NULL) {
        int order = vl_sorter_compare(compound->keys, compound->base.op->column_count,
                                      compound->right.row, compound->left.row);

        *is_match = order == 0;
        if (order >= 0)
            return VELO_OK;
        VL_TRY(compound_advance(ctx, compound, &compound->right));
    }
    return VELO_OK;
}

/* UNION ALL: left, then right, as they come. */
static velo_status
compound_pass(vl_ctx *ctx, compound_stage *compound, uint32_t wanted, const vl_chunk **out)
{
    if (!compound->is_right) {
        VL_TRY(vl_stage_next(ctx, compound->base.children[0], wanted, out));
        if ((*out)->count > 0)
            return VELO_OK;
        compound->is_right = 1;
    }
    return vl_stage_next(ctx, compound->base.children[1], wanted, out);
}

static velo_status
compound_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    compound_stage *compound = (compound_stage *)stage;
    vl_compound kind = stage->op->as.compound.kind;

    if (kind == VL_COMPOUND_UNION_ALL)
        return compound_pass(ctx, compound, wanted, out);
    VL_TRY(vl_batch_begin(ctx, &stage->batch, stage->op->column_count, wanted));
    *out = &stage->batch.chunk;
    if (!compound->is_begun)
        VL_TRY(compound_begin(ctx, compound));
    while (compound->left.row != NULL && stage->batch.chunk.count < wanted) {
        int is_match = 0;

        if (kind != VL_COMPOUND_UNION)
            VL_TRY(compound_match(ctx, compound, &is_match));
        if (is_match == (kind == VL_COMPOUND_INTERSECT))
            VL_TRY(sort_append(ctx, stage, &compound->left.sorter, compound->left.row));
        VL_TRY(compound_advance(ctx, compound, &compound->left));
    }
    return VELO_OK;
}

static void
compound_rewind(vl_stage *stage)
{
    compound_stage *compound = (compound_stage *)stage;
    compound_side *sides[] = {&compound->left, &compound->right};

    for (uint32_t i = 0; i < 2; i++) {
        vl_sorter_deinit(&sides[i]->sorter);
        sides[i]->row = NULL;
        sides[i]->ahead = NULL;
        vl_arena_deinit(&sides[i]->arenas[0]);
        vl_arena_deinit(&sides[i]->arenas[1]);
    }
    compound->is_begun = 0;
    compound->is_right = 0;
}

const vl_stage_class vl_compound_class = {
    .size = sizeof(compound_stage),
    .open = compound_open,
    .next = compound_next,
    .rewind = compound_rewind,
    .close = compound_rewind,
};

/* ---- DISTINCT ---- */

typedef struct distinct_stage {
    vl_stage base;
    vl_row_table table;  /* rows that were given */
    vl_arena arena;      /* of the rows */
    vl_chunk chunk;      /* the child's vectors, with part of `selection` */
    uint32_t count;      /* rows of the selection */
    uint32_t asked;      /* rows that the child was asked for last */
    vl_value *row;       /* a row, then its number */
    vl_sorter_key *keys; /* the compared columns; then one: the number */
    uint64_t number;     /* of the row at hand */
    vl_sorter aside;     /* rows not in the table that were met when memory was short */
    vl_sorter first;     /* those of them that are the first of their kind, by number */
    int is_aside;        /* rows are given from `first` */
    uint16_t selection[VL_CHUNK_ROWS];
} distinct_stage;

static velo_status
distinct_open(vl_ctx *ctx, vl_stage *stage)
{
    const vl_op_distinct *op = &stage->op->as.distinct;
    distinct_stage *distinct = (distinct_stage *)stage;

    vl_arena_init(&distinct->arena, ctx->allocator, 0);
    distinct->row = sort_row(ctx, stage, stage->op->column_count + 1);
    distinct->keys = sort_columns(ctx, stage, op->key_count, op->collations);
    if (distinct->row == NULL || distinct->keys == NULL)
        return VELO_NOMEM;
    distinct->keys[op->key_count] = (vl_sorter_key){.index = stage->op->column_count};
    return VELO_OK;
}

/* Put the row at hand aside. */
static velo_status
distinct_put_aside(vl_ctx *ctx, distinct_stage *distinct)
{
    uint32_t width = distinct->base.op->column_count + 1;

    if (distinct->aside.exec == NULL)
        vl_sorter_init(ctx, &distinct->aside, distinct->base.exec, distinct->keys,
                       distinct->base.op->as.distinct.key_count, width, UINT64_MAX);
    distinct->row[width - 1] = vl_value_of_integer((int64_t)distinct->number);
    return vl_sorter_add(ctx, &distinct->aside, distinct->row);
}

/* Look at the row at hand: *is_new when it is to be given now. Keeps O1. */
static velo_status
distinct_look(vl_ctx *ctx, distinct_stage *distinct, int *is_new)
{
    const vl_op_distinct *op = &distinct->base.op->as.distinct;
    vl_row_node *node;

    *is_new = 0;
    distinct->number++;
    if (distinct->aside.exec != NULL || vl_exec_is_over(distinct->base.exec)) {
        uint64_t hash = vl_row_hash(distinct->row, op->key_count, op->collations);

        if (vl_row_table_find(&distinct->table, hash, distinct->row, op->key_count,
                              op->collations) != NULL)
            return VELO_OK;
        return distinct_put_aside(ctx, distinct);
    }
    VL_TRY(vl_row_table_enter(ctx, &distinct->table, &distinct->arena, distinct->row, op->key_count,
                              op->collations, 0, &node, is_new));
    vl_exec_charge(distinct->base.exec, &distinct->base.charged,
                   distinct->arena.held_bytes + vl_row_table_bytes(&distinct->table));
    return VELO_OK;
}

/* Find the first of each kind among the rows that were put aside, and sort these by number. */
static velo_status
distinct_end(vl_ctx *ctx, distinct_stage *distinct)
{
    const vl_op_distinct *op = &distinct->base.op->as.distinct;
    const vl_value *row;
    const vl_value *last = NULL;
    vl_arena *arena = &distinct->arena;

    vl_row_table_deinit(&distinct->table);
    vl_arena_deinit(arena);
    vl_exec_charge(distinct->base.exec, &distinct->base.charged, 0);
    vl_sorter_init(ctx, &distinct->first, distinct->base.exec, distinct->keys + op->key_count, 1,
                   distinct->base.op->column_count + 1, UINT64_MAX);
    VL_TRY(vl_sorter_finish(ctx, &distinct->aside));
    for (;;) {
        VL_TRY(vl_sorter_next(ctx, &distinct->aside, &row));
        if (row == NULL)
            break;
        if (last != NULL && vl_sorter_compare(distinct->keys, op->key_count, last, row) == 0)
            continue;
        VL_TRY(vl_sorter_add(ctx, &distinct->first, row));
        vl_arena_reset(arena);
        last = vl_row_copy(ctx, arena, row, op->key_count);
        if (last == NULL)
            return VELO_NOMEM;
    }
    vl_sorter_deinit(&distinct->aside);
    distinct->is_aside = 1;
    return vl_sorter_finish(ctx, &distinct->first);
}

static velo_status
distinct_give_aside(vl_ctx *ctx, distinct_stage *distinct, uint32_t wanted, const vl_chunk **out)
{
    vl_stage *stage = &distinct->base;

    VL_TRY(vl_batch_begin(ctx, &stage->batch, stage->op->column_count, wanted));
    *out = &stage->batch.chunk;
    while (stage->batch.chunk.count < wanted) {
        const vl_value *row;

        VL_TRY(vl_sorter_next(ctx, &distinct->first, &row));
        if (row == NULL)
            break;
        VL_TRY(sort_append(ctx, stage, &distinct->first, row));
    }
    return VELO_OK;
}

/* Choose the rows of a chunk that are new. */
static velo_status
distinct_choose(vl_ctx *ctx, distinct_stage *distinct, const vl_chunk *in)
{
    uint32_t count = 0;

    distinct->chunk = *in;
    for (uint32_t n = 0; n < in->count; n++) {
        int is_new;

        vl_chunk_read(in, n, distinct->row);
        VL_TRY(distinct_look(ctx, distinct, &is_new));
        distinct->selection[count] = (uint16_t)vl_chunk_row(in, n);
        count += (uint32_t)is_new;
    }
    distinct->count = count;
    distinct->base.left = count;
    return VELO_OK;
}

static velo_status
distinct_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    distinct_stage *distinct = (distinct_stage *)stage;
    const vl_chunk *in;

    while (stage->left == 0 && !distinct->is_aside) {
        distinct->asked = vl_stage_ask(stage, distinct->asked, 0, wanted);
        VL_TRY(vl_stage_next(ctx, stage->children[0], distinct->asked, &in));
        *out = in;
        if (in->count == 0 && distinct->aside.exec == NULL)
            return VELO_OK;
        if (in->count == 0)
            VL_TRY(distinct_end(ctx, distinct));
        else
            VL_TRY(distinct_choose(ctx, distinct, in));
        if (stage->left == 0)
            distinct->asked = vl_stage_ask(stage, distinct->asked, 1, wanted);
    }
    if (stage->left == 0)
        return distinct_give_aside(ctx, distinct, wanted, out);
    vl_stage_give(stage, &distinct->chunk, distinct->selection, distinct->count, wanted);
    *out = &distinct->chunk;
    return VELO_OK;
}

static void
distinct_rewind(vl_stage *stage)
{
    distinct_stage *distinct = (distinct_stage *)stage;

    vl_row_table_deinit(&distinct->table);
    vl_arena_deinit(&distinct->arena);
    vl_sorter_deinit(&distinct->aside);
    vl_sorter_deinit(&distinct->first);
    vl_exec_charge(stage->exec, &stage->charged, 0);
    distinct->is_aside = 0;
    distinct->number = 0;
    distinct->asked = 0;
}

const vl_stage_class vl_distinct_class = {
    .size = sizeof(distinct_stage),
    .open = distinct_open,
    .next = distinct_next,
    .rewind = distinct_rewind,
    .close = distinct_rewind,
};
