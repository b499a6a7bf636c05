/* op_join.c - joins: LOOP_JOIN and HASH_JOIN.
 *
 * LOOP_JOIN runs a program for each left row. HASH_JOIN reads its right side into a table at first;
 * rows with equal keys are linked in the order they came in. When memory is short, further right
 * rows are written to a file; what stays of each is its hash and where it is. Both give rows in the
 * left side's order.
 *
 * Invariants
 *   J1  Rows under way refer to texts of the left chunk: another one is asked for only when the
 *       batch is empty.
 *   J2  A chain of the table has its rows in the order of the right side.
 *   J3  Hashes that are made ahead are of the left chunk at hand: its first row makes them. */
#include "exec/exec_int.h"
#include "exec/lookup_join.h"
#include "exec/spill.h"
#include "exec/steady.h"

#include "base/assert.h"
#include "base/hash.h"
#include "vec/value.h"

/* What both kinds know of their left side. */
typedef struct join_left {
    const vl_chunk *chunk; /* NULL: none yet */
    uint32_t at;           /* the next row of it */
    int has_row;           /* the row at hand is not done */
    int is_matched;        /* it has found a right row */
    int is_ended;          /* there are no more */
} join_left;

/* Go to the next left row, in values; left->has_row is 0 when there is none, or when the batch is
 * to be given first. Keeps J1. */
static velo_status
join_advance(vl_ctx *ctx, vl_stage *stage, join_left *left, uint32_t wanted, vl_value *values)
{
    if (left->is_ended)
        return VELO_OK;
    if (left->chunk == NULL || left->at == left->chunk->count) {
        if (stage->batch.chunk.count > 0)
            return VELO_OK;
        left->at = 0;
        VL_TRY(vl_stage_next(ctx, stage->children[0], wanted, &left->chunk));
        if (left->chunk->count == 0) {
            left->is_ended = 1;
            return VELO_OK;
        }
    }
    vl_chunk_read(left->chunk, left->at++, values);
    left->has_row = 1;
    left->is_matched = 0;
    return VELO_OK;
}

static int
join_yields_left_only(vl_join_kind kind)
{
    return kind == VL_JOIN_KIND_SEMI || kind == VL_JOIN_KIND_ANTI;
}

/* A left row has found no right row: some kinds yield it. */
static void
join_unmatched(vl_stage *stage, vl_join_kind kind, vl_value *values, uint32_t left_count,
               uint32_t right_count)
{
    if (kind == VL_JOIN_KIND_INNER || kind == VL_JOIN_KIND_RIGHT || kind == VL_JOIN_KIND_SEMI)
        return;
    for (uint32_t i = 0; i < right_count; i++)
        values[left_count + i] = vl_value_of_null();
    vl_batch_append(&stage->batch, values);
}

/* A stage's error: it is kept when there are rows to be given before. */
static velo_status
join_fail(vl_ctx *ctx, vl_stage *stage, velo_status status)
{
    if (status == VELO_OK || stage->batch.chunk.count == 0)
        return status;
    vl_stage_stash(ctx, stage, status);
    return VELO_OK;
}

/* ---- LOOP_JOIN ---- */

typedef struct loop_stage {
    vl_stage base;
    join_left left;
    vl_frame *right;        /* NULL: not made yet */
    const vl_chunk *chunk;  /* right rows; NULL: none yet */
    uint32_t at;            /* the next of them */
    uint32_t left_count;    /* columns */
    vl_value *values;       /* a left row, then a right row */
    vl_arena arena;         /* of what evaluating makes; emptied for each left row */
    vl_lookup_join *lookup; /* what is read of the right table instead of looking rows up */
    vl_chunk joined;        /* a left chunk, joined so */
} loop_stage;

static velo_status
loop_open(vl_ctx *ctx, vl_stage *stage)
{
    const vl_op_loop_join *op = &stage->op->as.loop_join;
    loop_stage *loop = (loop_stage *)stage;

    VL_ASSERT(op->kind != VL_JOIN_KIND_RIGHT && op->kind != VL_JOIN_KIND_FULL);
    vl_arena_init(&loop->arena, ctx->allocator, 0);
    loop->left_count = stage->op->children[0]->column_count;
    loop->values = vl_arena_alloc_array(&stage->exec->arena,
                                        loop->left_count + op->right_count + 1U, sizeof(vl_value));
    stage->is_volatile =
        vl_exprs_are_volatile(&op->arguments) || vl_exprs_are_volatile(&op->condition);
    loop->lookup = vl_arena_alloc_array(&stage->exec->arena, 1, sizeof *loop->lookup);
    if (loop->values == NULL || loop->lookup == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a join");
    return vl_lookup_join_open(ctx, loop->lookup, stage);
}

/* Begin the program for the left row at hand. */
static velo_status
loop_start(vl_ctx *ctx, loop_stage *loop)
{
    const vl_op_loop_join *op = &loop->base.op->as.loop_join;
    vl_eval eval = vl_stage_eval(&loop->base, &loop->arena);

    if (loop->right == NULL)
        VL_TRY(vl_frame_create(ctx, loop->base.exec, loop->base.frame, op->program, &loop->right));
    vl_arena_reset(&loop->arena);
    eval.row = loop->values;
    loop->chunk = NULL;
    return vl_frame_start(ctx, loop->right, &eval, op->arguments.list, op->arguments.count);
}

/* Go to the next right row, in values; *found is 0 when there is none. */
static velo_status
loop_right(vl_ctx *ctx, loop_stage *loop, uint32_t wanted, int *found)
{
    const vl_op_loop_join *op = &loop->base.op->as.loop_join;

    *found = 0;
    if (loop->chunk == NULL || loop->at == loop->chunk->count) {
        if (join_yields_left_only(op->kind))
            wanted = 1;
        loop->at = 0;
        VL_TRY(vl_stage_next(ctx, loop->right->root, wanted, &loop->chunk));
        if (loop->chunk->count == 0)
            return VELO_OK;
    }
    vl_chunk_read(loop->chunk, loop->at++, loop->values + loop->left_count);
    *found = 1;
    return VELO_OK;
}

/* Yield the pair at hand. Left texts stay (J1), right ones only until the next right chunk. */
static velo_status
loop_yield(vl_ctx *ctx, loop_stage *loop)
{
    const vl_op_loop_join *op = &loop->base.op->as.loop_join;
    vl_batch *batch = &loop->base.batch;

    loop->left.is_matched = 1;
    if (join_yields_left_only(op->kind)) {
        loop->left.has_row = 0;
        if (op->kind == VL_JOIN_KIND_SEMI)
            vl_batch_append(batch, loop->values);
        return VELO_OK;
    }
    VL_TRY(vl_row_copy_to(ctx, &batch->arena, loop->values + loop->left_count, op->right_count,
                          loop->values + loop->left_count));
    vl_batch_append(batch, loop->values);
    return VELO_OK;
}

/* Do one thing: take a left row, or look at a right row; *more is 0 when the batch is to be given.
 */
static velo_status
loop_advance(vl_ctx *ctx, loop_stage *loop, uint32_t wanted, int *more)
{
    const vl_op_loop_join *op = &loop->base.op->as.loop_join;
    vl_eval eval = vl_stage_eval(&loop->base, &loop->arena);
    int found;
    int passes;

    *more = 1;
    if (!loop->left.has_row) {
        VL_TRY(join_advance(ctx, &loop->base, &loop->left, wanted, loop->values));
        *more = loop->left.has_row;
        return loop->left.has_row ? loop_start(ctx, loop) : VELO_OK;
    }
    VL_TRY(loop_right(ctx, loop, wanted - loop->base.batch.chunk.count, &found));
    if (!found) {
        loop->left.has_row = 0;
        if (!loop->left.is_matched)
            join_unmatched(&loop->base, op->kind, loop->values, loop->left_count, op->right_count);
        return VELO_OK;
    }
    eval.row = loop->values;
    VL_TRY(vl_eval_conjuncts(ctx, &eval, &op->condition, &passes));
    return passes ? loop_yield(ctx, loop) : VELO_OK;
}

/* Whether the next left rows are another chunk. */
static int
loop_is_between(const loop_stage *loop)
{
    return !loop->left.has_row && !loop->left.is_ended &&
           (loop->left.chunk == NULL || loop->left.at == loop->left.chunk->count);
}

/* Count the left chunk that is done, and read the right table when it is worth it. */
static velo_status
loop_consider(vl_ctx *ctx, loop_stage *loop)
{
    vl_lookup_join *lookup = loop->lookup;

    if (loop->left.chunk == NULL || !lookup->is_suitable || lookup->is_given_up || lookup->is_built)
        return VELO_OK;
    lookup->lookup_count += loop->left.chunk->count;
    if (lookup->lookup_count < VL_CHUNK_ROWS || loop->right == NULL)
        return VELO_OK;
    return vl_lookup_join_build(ctx, lookup, loop->right);
}

/* Join the next left chunks as a whole. */
static velo_status
loop_next_chunk(vl_ctx *ctx, loop_stage *loop, uint32_t wanted, const vl_chunk **out)
{
    const vl_chunk *left;

    do {
        VL_TRY(vl_stage_next(ctx, loop->base.children[0], wanted, &left));
        loop->left.is_ended = left->count == 0;
        if (left->count == 0)
            return VELO_OK;
        VL_TRY(vl_lookup_join_probe(ctx, loop->lookup, left, &loop->joined));
    } while (loop->joined.count == 0);
    *out = &loop->joined;
    return VELO_OK;
}

static velo_status
loop_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    loop_stage *loop = (loop_stage *)stage;
    velo_status status = VELO_OK;
    int more = 1;

    VL_TRY(vl_batch_begin(ctx, &stage->batch, stage->op->column_count, wanted));
    *out = &stage->batch.chunk;
    if (!loop->lookup->is_built && loop_is_between(loop))
        VL_TRY(loop_consider(ctx, loop));
    if (loop->lookup->is_built)
        return loop->left.is_ended ? VELO_OK : loop_next_chunk(ctx, loop, wanted, out);
    while (status == VELO_OK && more && stage->batch.chunk.count < wanted)
        status = loop_advance(ctx, loop, wanted, &more);
    return join_fail(ctx, stage, status);
}

static void
loop_rewind(vl_stage *stage)
{
    loop_stage *loop = (loop_stage *)stage;

    if (loop->right != NULL)
        vl_frame_rewind(loop->right);
    loop->left = (join_left){.chunk = NULL};
    loop->chunk = NULL;
    if (loop->lookup != NULL)
        vl_lookup_join_reset(loop->lookup);
}

static void
loop_close(vl_stage *stage)
{
    if (((loop_stage *)stage)->lookup != NULL)
        vl_lookup_join_reset(((loop_stage *)stage)->lookup);
    vl_arena_deinit(&((loop_stage *)stage)->arena);
}

const vl_stage_class vl_loop_join_class = {
    .size = sizeof(loop_stage),
    .open = loop_open,
    .next = loop_next,
    .rewind = loop_rewind,
    .close = loop_close,
};

/* ---- HASH_JOIN ---- */

/* A right row: its columns, then its keys as they are compared. */
typedef struct hash_row {
    struct hash_row *chain; /* the next of the same slot */
    struct hash_row *next;  /* the next of the right side */
    uint64_t hash;          /* of the keys */
    uint32_t is_matched;    /* a left row has found it */
    uint32_t is_findable;   /* no key is NULL that equals nothing */
    uint64_t begin;         /* in the file, where it goes when memory is short */
    uint64_t end;           /* one past its last byte there; 0: it is in memory: */
    vl_value values[];
} hash_row;

typedef struct hash_stage {
    vl_stage base;
    const vl_op_hash_join *what;
    join_left left;
    uint32_t left_count;  /* columns */
    uint32_t right_count; /* columns */
    vl_value *values;     /* a left row, then a right row */
    vl_value *keys;       /* of the left row at hand */
    uint64_t *ahead;      /* hashes of the left chunk's rows, when */
    int is_ahead;         /* they are known */
    uint64_t hash;        /* of them */
    hash_row *match;      /* the next row to look at for it; NULL: none */
    hash_row *first;      /* all right rows */
    hash_row *last;
    uint64_t count;         /* of them */
    hash_row **slots;       /* 1 << bits of them, or NULL */
    uint32_t bits;          /* of the count of slots */
    hash_row *unmatched;    /* at the end: the next right row to look at */
    int is_built;           /* the right side was read */
    int is_steady;          /* its rows are the same in each run of the program */
    int is_right_begun;     /* unmatched is set */
    vl_arena table_arena;   /* of right rows */
    vl_spill spill;         /* right rows that are not in memory */
    vl_spill_reader reader; /* of one of them */
    vl_value *row;          /* it: columns and keys */
    vl_arena arena;         /* of what evaluating makes; emptied for each left row */
} hash_stage;

static velo_status
hash_open(vl_ctx *ctx, vl_stage *stage)
{
    hash_stage *hash = (hash_stage *)stage;
    vl_arena *arena = &stage->exec->arena;

    hash->what = &stage->op->as.hash_join;
    vl_arena_init(&hash->table_arena, ctx->allocator, 0);
    vl_arena_init(&hash->arena, ctx->allocator, 0);
    hash->left_count = stage->op->children[0]->column_count;
    hash->right_count = stage->op->children[1]->column_count;
    hash->values =
        vl_arena_alloc_array(arena, hash->left_count + hash->right_count + 1U, sizeof(vl_value));
    hash->keys = vl_arena_alloc_array(arena, hash->what->left.count + 1U, sizeof(vl_value));
    hash->row = vl_arena_alloc_array(arena, hash->right_count + hash->what->right.count + 1U,
                                     sizeof(vl_value));
    hash->ahead = vl_arena_alloc_array(arena, VL_CHUNK_ROWS, sizeof *hash->ahead);
    hash->spill.exec = stage->exec;
    stage->is_volatile =
        vl_exprs_are_volatile(&hash->what->left) || vl_exprs_are_volatile(&hash->what->condition);
    hash->is_steady = hash->what->kind != VL_JOIN_KIND_RIGHT &&
                      hash->what->kind != VL_JOIN_KIND_FULL &&
                      vl_exprs_are_steady(&hash->what->right) &&
                      vl_op_is_steady(stage->exec->plan, stage->op->children[1]);
    if (hash->values == NULL || hash->keys == NULL || hash->row == NULL || hash->ahead == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a join");
    return VELO_OK;
}

/* Evaluate keys of a row and convert them as they are compared; *is_findable is 0 when one is a
 * NULL that equals nothing. */
static velo_status
hash_make_keys(vl_ctx *ctx, const hash_stage *hash, vl_eval *eval, const vl_exprs *exprs,
               vl_value *keys, uint64_t *value, int *is_findable)
{
    const vl_op_hash_join *what = hash->what;

    *value = 0;
    *is_findable = 1;
    for (uint32_t i = 0; i < exprs->count; i++) {
        VL_TRY(vl_eval_expr(ctx, eval, exprs->list[i], &keys[i]));
        if (keys[i].type == VL_TYPE_NULL && !what->is_null_equal[i])
            *is_findable = 0;
        if (what->compared[i] != VL_AFFINITY_NONE)
            VL_TRY(vl_value_apply_comparison(ctx, eval->arena, (vl_affinity)what->compared[i],
                                             &keys[i]));
    }
    if (*is_findable)
        *value = vl_row_hash(keys, exprs->count, what->collations);
    return VELO_OK;
}

/* Make the entry of a right row, behind all others. */
static hash_row *
hash_append(vl_ctx *ctx, hash_stage *hash, uint32_t value_count)
{
    hash_row *row =
        vl_arena_alloc(&hash->table_arena, sizeof *row + value_count * sizeof(vl_value));

    if (row == NULL) {
        (void)vl_fail(ctx, VELO_NOMEM, "cannot keep a row of %u columns", hash->right_count);
        return NULL;
    }
    *row = (hash_row){.chain = NULL};
    if (hash->last == NULL)
        hash->first = row;
    else
        hash->last->next = row;
    hash->last = row;
    hash->count++;
    return row;
}

/* Keep a right row in memory. Its keys are evaluated on the copy, so they may share its texts. */
static velo_status
hash_keep(vl_ctx *ctx, hash_stage *hash, const vl_chunk *in, uint32_t n)
{
    vl_eval eval = vl_stage_eval(&hash->base, &hash->table_arena);
    hash_row *row = hash_append(ctx, hash, hash->right_count + hash->what->right.count);
    int is_findable;

    if (row == NULL)
        return VELO_NOMEM;
    vl_chunk_read(in, n, row->values);
    VL_TRY(vl_row_copy_to(ctx, &hash->table_arena, row->values, hash->right_count, row->values));
    eval.row = row->values;
    VL_TRY(hash_make_keys(ctx, hash, &eval, &hash->what->right, row->values + hash->right_count,
                          &row->hash, &is_findable));
    row->is_findable = (uint32_t)is_findable;
    return VELO_OK;
}

/* Keep a right row in the file: its columns and keys. */
static velo_status
hash_keep_in_file(vl_ctx *ctx, hash_stage *hash, const vl_chunk *in, uint32_t n)
{
    vl_eval eval = vl_stage_eval(&hash->base, &hash->arena);
    hash_row *row = hash_append(ctx, hash, 0);
    int is_findable;

    if (row == NULL)
        return VELO_NOMEM;
    vl_arena_reset(&hash->arena);
    vl_chunk_read(in, n, hash->row);
    eval.row = hash->row;
    VL_TRY(hash_make_keys(ctx, hash, &eval, &hash->what->right, hash->row + hash->right_count,
                          &row->hash, &is_findable));
    row->is_findable = (uint32_t)is_findable;
    row->begin = vl_spill_position(&hash->spill);
    VL_TRY(
        vl_spill_write(ctx, &hash->spill, hash->row, hash->right_count + hash->what->right.count));
    row->end = vl_spill_position(&hash->spill);
    return VELO_OK;
}

/* The values of a right row: columns, then keys. Those from the file stay until the next call. */
static velo_status
hash_values(vl_ctx *ctx, hash_stage *hash, const hash_row *row, const vl_value **values)
{
    int found;

    *values = row->values;
    if (row->end == 0)
        return VELO_OK;
    hash->reader.spill = &hash->spill;
    hash->reader.at = row->begin;
    hash->reader.end = row->end;
    hash->reader.begin = 0;
    hash->reader.filled = 0;
    *values = hash->row;
    return vl_spill_read(ctx, &hash->reader, hash->right_count + hash->what->right.count, hash->row,
                         &found);
}

/* Put a right row behind the left one in hash->values. Texts from the file are copied. */
static velo_status
hash_place(vl_ctx *ctx, hash_stage *hash, const hash_row *row, const vl_value *values)
{
    vl_value *to = hash->values + hash->left_count;

    if (row->end != 0)
        return vl_row_copy_to(ctx, &hash->base.batch.arena, values, hash->right_count, to);
    memcpy(to, values, hash->right_count * sizeof *to);
    return VELO_OK;
}

static void
hash_charge(hash_stage *hash)
{
    uint64_t slots = hash->slots == NULL ? 0 : sizeof(hash_row *) << hash->bits;

    vl_exec_charge(hash->base.exec, &hash->base.charged, hash->table_arena.held_bytes + slots);
}

/* Put the rows into slots. Keeps J2: each goes behind those that are there. */
static velo_status
hash_link(vl_ctx *ctx, hash_stage *hash)
{
    hash_row **ends;

    while (hash->what->right.count > 0 && (uint64_t)1 << hash->bits < hash->count)
        hash->bits++;
    hash->slots = vl_alloc_array(ctx, (size_t)1 << hash->bits, sizeof(hash_row *));
    ends = vl_alloc_array(ctx, (size_t)1 << hash->bits, sizeof(hash_row *));
    if (hash->slots == NULL || ends == NULL) {
        vl_free(ends);
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a table of %llu rows",
                       (unsigned long long)hash->count);
    }
    for (hash_row *row = hash->first; row != NULL; row = row->next) {
        uint64_t slot = row->hash & (((uint64_t)1 << hash->bits) - 1);

        if (!row->is_findable)
            continue;
        if (ends[slot] == NULL)
            hash->slots[slot] = row;
        else
            ends[slot]->chain = row;
        ends[slot] = row;
    }
    vl_free(ends);
    hash_charge(hash);
    return VELO_OK;
}

static velo_status
hash_build(vl_ctx *ctx, hash_stage *hash)
{
    const vl_chunk *in;

    for (;;) {
        VL_TRY(vl_stage_next(ctx, hash->base.children[1], VL_CHUNK_ROWS, &in));
        if (in->count == 0)
            break;
        for (uint32_t n = 0; n < in->count; n++) {
            if (hash->count > 0 && vl_exec_is_over(hash->base.exec))
                VL_TRY(hash_keep_in_file(ctx, hash, in, n));
            else
                VL_TRY(hash_keep(ctx, hash, in, n));
            hash_charge(hash);
        }
    }
    VL_TRY(vl_spill_flush(ctx, &hash->spill));
    VL_TRY(hash_link(ctx, hash));
    hash->is_built = 1;
    return VELO_OK;
}

/* The left key, if it is a column of integers in the chunk at hand, which the comparison leaves as
 * they are; or NULL. */
static const vl_vector *
hash_plain_key(const hash_stage *hash)
{
    const vl_exprs *exprs = &hash->what->left;
    const vl_vector *key;

    if (hash->base.exec->env.is_plain || exprs->count != 1 ||
        exprs->list[0]->kind != VL_EXPR_COLUMN || hash->what->compared[0] == VL_AFFINITY_TEXT ||
        hash->what->compared[0] == VL_AFFINITY_REAL)
        return NULL;
    key = &hash->left.chunk->vectors[exprs->list[0]->index];
    return key->form == VL_VECTOR_INTEGER && key->validity == NULL && !key->is_constant ? key
                                                                                        : NULL;
}

/* Hash the keys of a new left chunk at once, if they are plain, and fetch what will be looked at:
 * its rows wait for memory together. */
static void
hash_look_ahead(hash_stage *hash)
{
    const vl_chunk *chunk = hash->left.chunk;
    const vl_vector *key = hash_plain_key(hash);
    uint64_t mask = ((uint64_t)1 << hash->bits) - 1;

    hash->is_ahead = key != NULL;
    for (uint32_t n = 0; n < chunk->count && hash->is_ahead; n++) {
        vl_value value = vl_value_of_integer(key->as.integers[vl_chunk_row(chunk, n)]);

        hash->ahead[n] = vl_row_hash(&value, 1, hash->what->collations);
        __builtin_prefetch(&hash->slots[hash->ahead[n] & mask]);
    }
    for (uint32_t n = 0; n < chunk->count && hash->is_ahead; n++)
        __builtin_prefetch(hash->slots[hash->ahead[n] & mask]);
}

/* Find the first row to look at for the left row at hand. */
static velo_status
hash_find(vl_ctx *ctx, hash_stage *hash)
{
    vl_eval eval = vl_stage_eval(&hash->base, &hash->arena);
    int is_findable;

    vl_arena_reset(&hash->arena);
    if (hash->left.at == 1)
        hash_look_ahead(hash);
    if (hash->is_ahead) {
        hash->keys[0] = hash->values[hash->what->left.list[0]->index];
        hash->hash = hash->ahead[hash->left.at - 1];
        hash->match = hash->slots[hash->hash & (((uint64_t)1 << hash->bits) - 1)];
        return VELO_OK;
    }
    eval.row = hash->values;
    VL_TRY(
        hash_make_keys(ctx, hash, &eval, &hash->what->left, hash->keys, &hash->hash, &is_findable));
    hash->match = is_findable ? hash->slots[hash->hash & (((uint64_t)1 << hash->bits) - 1)] : NULL;
    return VELO_OK;
}

/* Take the next row of the chain; *is_equal when its keys are those of the left row and the
 * condition holds. */
static velo_status
hash_try(vl_ctx *ctx, hash_stage *hash, hash_row **row, int *is_equal)
{
    vl_eval eval = vl_stage_eval(&hash->base, &hash->arena);
    vl_arena_mark mark = vl_arena_get_mark(&hash->arena);
    const vl_value *values;
    velo_status status;

    *row = hash->match;
    hash->match = (*row)->chain;
    __builtin_prefetch(hash->match);
    *is_equal = (*row)->hash == hash->hash;
    if (!*is_equal)
        return VELO_OK;
    VL_TRY(hash_values(ctx, hash, *row, &values));
    *is_equal = vl_row_compare(values + hash->right_count, hash->keys, hash->what->left.count,
                               hash->what->collations) == 0;
    if (!*is_equal)
        return VELO_OK;
    VL_TRY(hash_place(ctx, hash, *row, values));
    eval.row = hash->values;
    status = vl_eval_conjuncts(ctx, &eval, &hash->what->condition, is_equal);
    vl_arena_rewind(&hash->arena, mark);
    return status;
}

/* The pair at hand belongs together. */
static void
hash_yield(hash_stage *hash, hash_row *row)
{
    row->is_matched = 1;
    hash->left.is_matched = 1;
    if (hash->what->kind != VL_JOIN_KIND_ANTI)
        vl_batch_append(&hash->base.batch, hash->values);
    if (join_yields_left_only(hash->what->kind))
        hash->left.has_row = 0;
}

/* Do one thing; as loop_advance. */
static velo_status
hash_advance(vl_ctx *ctx, hash_stage *hash, uint32_t wanted, int *more)
{
    hash_row *row;
    int is_equal;

    *more = 1;
    if (!hash->left.has_row) {
        VL_TRY(join_advance(ctx, &hash->base, &hash->left, wanted, hash->values));
        *more = hash->left.has_row;
        return hash->left.has_row ? hash_find(ctx, hash) : VELO_OK;
    }
    if (hash->match == NULL) {
        hash->left.has_row = 0;
        if (!hash->left.is_matched)
            join_unmatched(&hash->base, hash->what->kind, hash->values, hash->left_count,
                           join_yields_left_only(hash->what->kind) ? 0 : hash->right_count);
        return VELO_OK;
    }
    VL_TRY(vl_exec_poll(ctx, hash->base.exec, 1));
    VL_TRY(hash_try(ctx, hash, &row, &is_equal));
    if (is_equal)
        hash_yield(hash, row);
    return VELO_OK;
}

/* RIGHT and FULL: right rows that nobody has found, behind all others. */
static velo_status
hash_give_unmatched(vl_ctx *ctx, hash_stage *hash, uint32_t wanted)
{
    const vl_value *values;

    if (!hash->is_right_begun)
        hash->unmatched = hash->first;
    hash->is_right_begun = 1;
    for (uint32_t i = 0; i < hash->left_count; i++)
        hash->values[i] = vl_value_of_null();
    for (; hash->unmatched != NULL && hash->base.batch.chunk.count < wanted;
         hash->unmatched = hash->unmatched->next) {
        if (hash->unmatched->is_matched)
            continue;
        VL_TRY(hash_values(ctx, hash, hash->unmatched, &values));
        VL_TRY(hash_place(ctx, hash, hash->unmatched, values));
        vl_batch_append(&hash->base.batch, hash->values);
    }
    return VELO_OK;
}

static velo_status
hash_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
{
    hash_stage *hash = (hash_stage *)stage;
    velo_status status = VELO_OK;
    int more = 1;

    VL_TRY(vl_batch_begin(ctx, &stage->batch, stage->op->column_count, wanted));
    *out = &stage->batch.chunk;
    if (!hash->is_built)
        VL_TRY(hash_build(ctx, hash));
    while (status == VELO_OK && more && stage->batch.chunk.count < wanted)
        status = hash_advance(ctx, hash, wanted, &more);
    if (status == VELO_OK && hash->left.is_ended &&
        (hash->what->kind == VL_JOIN_KIND_RIGHT || hash->what->kind == VL_JOIN_KIND_FULL))
        status = hash_give_unmatched(ctx, hash, wanted);
    return join_fail(ctx, stage, status);
}

/* Forget the right side. */
static void
hash_forget(hash_stage *hash)
{
    vl_free(hash->slots);
    hash->slots = NULL;
    hash->bits = 0;
    hash->first = NULL;
    hash->last = NULL;
    hash->count = 0;
    hash->is_built = 0;
    vl_arena_deinit(&hash->table_arena);
    vl_spill_reader_deinit(&hash->reader);
    vl_spill_deinit(&hash->spill);
    vl_exec_charge(hash->base.exec, &hash->base.charged, 0);
}

/* A table that would be the same again stays until the run of the statement ends: a recursion runs
 * its program for each row. */
static void
hash_rewind(vl_stage *stage)
{
    hash_stage *hash = (hash_stage *)stage;

    if (!hash->is_built || !hash->is_steady || stage->exec->is_ending)
        hash_forget(hash);
    hash->unmatched = NULL;
    hash->match = NULL;
    hash->is_right_begun = 0;
    hash->left = (join_left){.chunk = NULL};
    vl_arena_reset(&hash->arena);
}

static void
hash_close(vl_stage *stage)
{
    hash_forget((hash_stage *)stage);
    vl_arena_deinit(&((hash_stage *)stage)->arena);
}

const vl_stage_class vl_hash_join_class = {
    .size = sizeof(hash_stage),
    .open = hash_open,
    .next = hash_next,
    .rewind = hash_rewind,
    .close = hash_close,
};
