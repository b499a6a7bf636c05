/* subquery.c - programs that stand in expressions: EXISTS, single values, IN.
 *
 * A program without arguments is run once, when its result is first needed, and remembered until
 * the run ends. One with arguments is run for each row, and left as soon as the result is known:
 * after the first row, or the first that matches. Single values and EXISTS are remembered by
 * their arguments too, in a table that is emptied when it is full; so a subquery that stands for
 * many rows with few different arguments runs for these only. The columns of a row value are so
 * many expressions with one program; it is run once for all of them.
 *
 * Invariants
 *   Q1  A frame is used by one evaluation at a time (is_busy): an expression that is evaluated
 *       again within its own program gets another frame.
 *   Q2  What is remembered is in the subquery's arena, and nothing of a frame is referred to after
 *       its program has ended. */
#include "exec/exec_int.h"

#include "base/assert.h"
#include "vec/value.h"

#include <string.h>

/* What is remembered of a place's results for different arguments takes no more, in bytes. */
#define SUBQUERY_MEMORY VL_BY_BUILD(1U << 20, 1024U)

/* The most arguments of a program whose results are remembered. */
#define SUBQUERY_ARGUMENTS_MAX 20U

/* A place in an expression at which a program is run. */
typedef struct vl_subquery {
    const vl_expr *expr;
    vl_frame *frame;
    struct vl_subquery *next; /* of the execution */
    int is_known;             /* the result of a program without arguments is remembered, or that
                                 of the last run for a row value: */
    uint32_t value_count;     /* SCALAR: columns; EXISTS: 1 */
    vl_value *values;         /* SCALAR: the first row; EXISTS: the answer */
    uint8_t *is_taken;        /* of each value: an expression has had it; see subquery_share */
    vl_row_table table;       /* IN: rows without NULLs, converted; else: arguments, then values */
    vl_row_node *with_null;   /* IN: rows with NULLs, linked by `owned` */
    vl_row_node *all;         /* IN with several columns: all rows, likewise; see subquery_keep */
    vl_arena arena;           /* of what is remembered */
    uint64_t charged;         /* bytes */
} vl_subquery;

/* Room for what a place's program yields. */
static velo_status
subquery_make_room(vl_ctx *ctx, vl_exec *exec, vl_subquery *place)
{
    const vl_expr *expr = place->expr;

    place->value_count =
        expr->kind == VL_EXPR_SCALAR ? exec->plan->programs[expr->program].root->column_count : 1;
    place->values = vl_arena_alloc_array(&exec->arena, place->value_count, sizeof(vl_value));
    place->is_taken = vl_arena_alloc_array(&exec->arena, place->value_count, 1);
    if (place->values == NULL || place->is_taken == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a subquery");
    return VELO_OK;
}

/* Whether a place is an expression's: columns of a row value share one. */
static int
subquery_is_of(const vl_subquery *place, const vl_expr *expr)
{
    return place->expr == expr ||
           (place->value_count > 1 && expr->kind == VL_EXPR_SCALAR &&
            place->expr->kind == VL_EXPR_SCALAR && place->expr->program == expr->program);
}

/* The place of an expression, with a frame that is not in use. Keeps Q1. */
static velo_status
subquery_get(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_subquery **out)
{
    vl_exec *exec = eval->frame->exec;
    vl_subquery *place;

    for (place = exec->subqueries; place != NULL; place = place->next) {
        if (subquery_is_of(place, expr) && !place->frame->is_busy) {
            place->frame->parent = eval->frame;
            *out = place;
            return VELO_OK;
        }
    }
    place = vl_arena_alloc_array(&exec->arena, 1, sizeof *place);
    if (place == NULL) {
        (void)vl_fail(ctx, VELO_NOMEM, "cannot allocate a subquery");
        return VELO_NOMEM;
    }
    place->expr = expr;
    VL_TRY(subquery_make_room(ctx, exec, place));
    VL_TRY(vl_frame_create(ctx, exec, eval->frame, expr->program, &place->frame));
    vl_arena_init(&place->arena, ctx->allocator, 0);
    place->next = exec->subqueries;
    exec->subqueries = place;
    *out = place;
    return VELO_OK;
}

/* Ask for rows of the place's program. */
static velo_status
subquery_next(vl_ctx *ctx, vl_subquery *place, uint32_t wanted, const vl_chunk **chunk)
{
    velo_status status;

    place->frame->is_busy = 1;
    status = vl_stage_next(ctx, place->frame->root, wanted, chunk);
    place->frame->is_busy = 0;
    return status;
}

/* The values of a program that was begun: its first row, or NULLs; or whether there is a row. They
 * live in the arena. Keeps Q2. */
static velo_status
subquery_values(vl_ctx *ctx, vl_subquery *place, vl_arena *arena, vl_value *values)
{
    const vl_chunk *chunk;

    VL_TRY(subquery_next(ctx, place, 1, &chunk));
    if (place->expr->kind == VL_EXPR_EXISTS)
        values[0] = vl_value_of_integer(chunk->count > 0);
    else
        for (uint32_t i = 0; i < place->value_count; i++)
            values[i] = chunk->count > 0 ? vl_chunk_get(chunk, i, 0) : vl_value_of_null();
    VL_TRY(vl_row_copy_to(ctx, arena, values, place->value_count, values));
    vl_frame_rewind(place->frame);
    return VELO_OK;
}

/* The classes of values as a number: 1 and 1.0 are equal and yet may give different results. */
static vl_value
subquery_classes(const vl_value *values, uint32_t count)
{
    int64_t classes = 0;

    for (uint32_t i = 0; i < count; i++)
        classes = classes * 8 + (int64_t)values[i].type;
    return vl_value_of_integer(classes);
}

/* Remember the values for a key: arguments, then their classes. */
static velo_status
subquery_store(vl_ctx *ctx, vl_subquery *place, const vl_value *key, const vl_value *values)
{
    uint32_t count = place->expr->kid_count + 1;
    vl_row_node *node;
    vl_value *to;
    int is_new;

    if (place->arena.held_bytes > SUBQUERY_MEMORY || vl_exec_is_over(place->frame->exec)) {
        vl_row_table_deinit(&place->table);
        vl_arena_reset(&place->arena);
    }
    VL_TRY(vl_row_table_enter(ctx, &place->table, &place->arena, key, count, NULL,
                              place->value_count * sizeof *to, &node, &is_new));
    to = node->values + count;
    for (uint32_t i = 0; i < place->value_count; i++)
        to[i] = vl_value_of_null();
    VL_TRY(vl_row_copy_to(ctx, &place->arena, values, place->value_count, to));
    vl_exec_charge(place->frame->exec, &place->charged,
                   place->arena.held_bytes + vl_row_table_bytes(&place->table));
    return VELO_OK;
}

/* The value for these arguments, remembered or found. */
static velo_status
subquery_recall(vl_ctx *ctx, vl_eval *eval, vl_subquery *place, uint32_t column, vl_value *value)
{
    vl_exprs kids = {.list = place->expr->kids, .count = place->expr->kid_count};
    vl_value *key = vl_arena_alloc_array(eval->arena, kids.count + 1U, sizeof *key);
    vl_value *values = place->value_count > 1 ? place->values : value;
    vl_row_node *node;

    if (key == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u arguments", kids.count);
    VL_TRY(vl_eval_list(ctx, eval, &kids, key));
    key[kids.count] = subquery_classes(key, kids.count);
    node = vl_row_table_find(&place->table, vl_row_hash(key, kids.count + 1, NULL), key,
                             kids.count + 1, NULL);
    if (node != NULL)
        return vl_row_copy_to(ctx, eval->arena, node->values + kids.count + 1 + column, 1, value);
    VL_TRY(vl_frame_begin(ctx, place->frame, key, kids.count));
    VL_TRY(subquery_values(ctx, place, eval->arena, values));
    *value = values[column];
    return subquery_store(ctx, place, key, values);
}

/* A column of a row value whose program is run for each row: as long as the others have not been
 * asked for twice they are of the same run. Whoever uses the row begins with the same column, so
 * that values of a row before, some of which were not needed, are not met. */
static velo_status
subquery_share(vl_ctx *ctx, vl_eval *eval, vl_subquery *place, const vl_expr *expr, vl_value *value)
{
    if (!place->is_known || place->is_taken[expr->index]) {
        place->is_known = 0;
        vl_arena_reset(&place->arena);
        memset(place->is_taken, 0, place->value_count);
        VL_TRY(vl_frame_start(ctx, place->frame, eval, expr->kids, expr->kid_count));
        VL_TRY(subquery_values(ctx, place, &place->arena, place->values));
        place->is_known = 1;
    }
    place->is_taken[expr->index] = 1;
    return vl_row_copy_to(ctx, eval->arena, &place->values[expr->index], 1, value);
}

/* EXISTS or SCALAR. */
static velo_status
subquery_single(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
{
    uint32_t column = expr->kind == VL_EXPR_SCALAR ? expr->index : 0;
    vl_subquery *place;

    VL_TRY(subquery_get(ctx, eval, expr, &place));
    if (expr->kid_count > 0 && expr->kid_count <= SUBQUERY_ARGUMENTS_MAX &&
        expr->effect != VL_EFFECT_VOLATILE && !place->frame->exec->env.is_plain)
        return subquery_recall(ctx, eval, place, column, value);
    if (expr->kid_count > 0 && place->value_count > 1)
        return subquery_share(ctx, eval, place, expr, value);
    if (expr->kid_count > 0) {
        VL_TRY(vl_frame_start(ctx, place->frame, eval, expr->kids, expr->kid_count));
        return subquery_values(ctx, place, eval->arena, value);
    }
    if (!place->is_known) {
        VL_TRY(vl_frame_start(ctx, place->frame, eval, NULL, 0));
        VL_TRY(subquery_values(ctx, place, &place->arena, place->values));
        place->is_known = 1;
    }
    *value = place->values[column];
    return VELO_OK;
}

velo_status
vl_subquery_exists(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, int *exists)
{
    vl_value value;

    *exists = 0;
    VL_TRY(subquery_single(ctx, eval, expr, &value));
    *exists = vl_value_truth(&value);
    return VELO_OK;
}

velo_status
vl_subquery_scalar(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
{
    return subquery_single(ctx, eval, expr, value);
}

/* ---- IN ---- */

/* Convert a row as it is compared; whether it has a NULL. */
static velo_status
subquery_convert(vl_ctx *ctx, vl_arena *arena, const vl_expr *expr, vl_value *row, int *has_null)
{
    *has_null = 0;
    for (uint32_t i = 0; i < expr->op; i++) {
        if (row[i].type == VL_TYPE_NULL)
            *has_null = 1;
        if (expr->affinities[i] != VL_AFFINITY_NONE)
            VL_TRY(
                vl_value_apply_comparison(ctx, arena, (vl_affinity)expr->affinities[i], &row[i]));
    }
    return VELO_OK;
}

/* Whether two converted rows are equal: 1, 0, or -1 when NULLs leave it open. */
static int
subquery_matches(const vl_expr *expr, const vl_value *left, const vl_value *right)
{
    int result = 1;

    for (uint32_t i = 0; i < expr->op; i++) {
        if (left[i].type == VL_TYPE_NULL || right[i].type == VL_TYPE_NULL)
            result = -1;
        else if (vl_value_compare(&left[i], &right[i], (vl_collation)expr->collations[i]) != 0)
            return 0;
    }
    return result;
}

/* Remember a row of the program. Rows without NULLs are all in the table; those with NULLs are in
 * a list. Of several columns all rows are in a list too, for a left side with NULLs. */
static velo_status
subquery_keep(vl_ctx *ctx, vl_subquery *place, const vl_value *row, int has_null)
{
    const vl_expr *expr = place->expr;
    vl_row_table nulls = {.slots = NULL};
    vl_row_node *node;
    velo_status status;
    int is_new;

    status = vl_row_table_enter(ctx, has_null ? &nulls : &place->table, &place->arena, row,
                                expr->op, expr->collations, sizeof(vl_row_node *), &node, &is_new);
    vl_row_table_deinit(&nulls);
    if (status != VELO_OK || !is_new)
        return status;
    if (has_null) {
        node->owned = place->with_null;
        place->with_null = node;
    } else {
        node->owned = place->all;
        place->all = node;
    }
    vl_exec_charge(place->frame->exec, &place->charged,
                   place->arena.held_bytes + vl_row_table_bytes(&place->table));
    return VELO_OK;
}

/* Run a program without arguments to its end, and remember its rows. */
static velo_status
subquery_remember(vl_ctx *ctx, vl_eval *eval, vl_subquery *place, vl_value *row)
{
    const vl_chunk *chunk;
    int has_null;

    VL_TRY(vl_frame_start(ctx, place->frame, eval, NULL, 0));
    for (;;) {
        VL_TRY(subquery_next(ctx, place, VL_CHUNK_ROWS, &chunk));
        if (chunk->count == 0)
            break;
        for (uint32_t n = 0; n < chunk->count; n++) {
            vl_chunk_read(chunk, n, row);
            VL_TRY(subquery_convert(ctx, &place->arena, place->expr, row, &has_null));
            VL_TRY(subquery_keep(ctx, place, row, has_null));
        }
    }
    vl_frame_rewind(place->frame);
    place->is_known = 1;
    return VELO_OK;
}

static int
subquery_find_in(const vl_row_node *list, const vl_expr *expr, const vl_value *left)
{
    for (; list != NULL; list = list->owned) {
        if (subquery_matches(expr, left, list->values) < 0)
            return -1;
    }
    return 0;
}

/* Look a converted left side up among what is remembered. */
static int
subquery_lookup(const vl_subquery *place, const vl_value *left, int has_null)
{
    const vl_expr *expr = place->expr;
    uint64_t hash;

    if (has_null) {
        int result = subquery_find_in(place->with_null, expr, left);

        return result != 0 ? result : subquery_find_in(place->all, expr, left);
    }
    hash = vl_row_hash(left, expr->op, expr->collations);
    if (vl_row_table_find(&place->table, hash, left, expr->op, expr->collations) != NULL)
        return 1;
    return subquery_find_in(place->with_null, expr, left);
}

/* Run a program with arguments until a row matches. */
static velo_status
subquery_search(vl_ctx *ctx, vl_eval *eval, vl_subquery *place, const vl_value *left, vl_value *row,
                int *truth)
{
    const vl_expr *expr = place->expr;
    const vl_chunk *chunk;
    uint32_t wanted = 1;
    int result = 0;
    int has_null;

    VL_TRY(
        vl_frame_start(ctx, place->frame, eval, expr->kids + expr->op, expr->kid_count - expr->op));
    for (; result <= 0; wanted = wanted >= VL_CHUNK_ROWS / 4 ? VL_CHUNK_ROWS : wanted * 4) {
        VL_TRY(subquery_next(ctx, place, wanted, &chunk));
        if (chunk->count == 0)
            break;
        for (uint32_t n = 0; n < chunk->count && result <= 0; n++) {
            int matches;

            vl_chunk_read(chunk, n, row);
            VL_TRY(subquery_convert(ctx, eval->arena, expr, row, &has_null));
            matches = subquery_matches(expr, left, row);
            result = matches != 0 ? matches : result;
        }
    }
    vl_frame_rewind(place->frame);
    *truth = result;
    return VELO_OK;
}

velo_status
vl_subquery_in(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, int *truth)
{
    vl_exprs kids = {.list = expr->kids, .count = expr->op};
    vl_subquery *place;
    vl_value *left;
    int has_null;

    VL_TRY(subquery_get(ctx, eval, expr, &place));
    VL_ASSERT(eval->frame->exec->plan->programs[expr->program].root->column_count == expr->op);
    left = vl_arena_alloc_array(eval->arena, 2 * (size_t)expr->op, sizeof *left);
    if (left == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u values", expr->op * 2U);
    VL_TRY(vl_eval_list(ctx, eval, &kids, left));
    VL_TRY(subquery_convert(ctx, eval->arena, expr, left, &has_null));
    if (expr->kid_count > expr->op)
        return subquery_search(ctx, eval, place, left, left + expr->op, truth);
    if (!place->is_known)
        VL_TRY(subquery_remember(ctx, eval, place, left + expr->op));
    *truth = subquery_lookup(place, left, has_null);
    return VELO_OK;
}

void
vl_subqueries_reset(vl_exec *exec)
{
    for (vl_subquery *place = exec->subqueries; place != NULL; place = place->next) {
        vl_row_table_deinit(&place->table);
        vl_arena_deinit(&place->arena);
        vl_exec_charge(exec, &place->charged, 0);
        place->is_known = 0;
        place->with_null = NULL;
        place->all = NULL;
    }
}
