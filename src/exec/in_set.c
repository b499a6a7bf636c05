/* in_set.c - long IN lists: their values in a hash table.
 *
 * Invariants
 *   IS1  A table's values are converted as the comparison converts them, and so is what is looked
 *        for; values that compare as equal have equal hashes. */
#include "exec/in_set.h"

#include "exec/exec_int.h"
#include "exec/group.h"
#include "simd/simd.h"
#include "vec/value.h"

struct vl_in_set {
    const vl_expr *expr;
    struct vl_in_set *next; /* of the execution */
    uint8_t collation;
    int is_suitable; /* the list is the same for all rows */
    int is_asked;    /* in this run */
    int is_made;     /* the table holds the list */
    int has_real;    /* one is a real, which an integer may be equal to */
    int has_null;    /* one of the values is NULL */
    vl_row_table table;
    vl_arena arena;   /* of its nodes */
    uint64_t charged; /* bytes */
};

/* Whether the list is the same for all rows. */
static int
in_set_suits(const vl_expr *expr)
{
    for (uint32_t i = 1; i < expr->kid_count; i++)
        if (expr->kids[i]->kind != VL_EXPR_CONSTANT && expr->kids[i]->kind != VL_EXPR_PARAM)
            return 0;
    return 1;
}

/* The place of a list in the execution. */
static velo_status
in_set_place(vl_ctx *ctx, vl_exec *exec, const vl_expr *expr, vl_in_set **set)
{
    for (*set = exec->in_sets; *set != NULL; *set = (*set)->next)
        if ((*set)->expr == expr)
            return VELO_OK;
    *set = vl_arena_alloc_array(&exec->arena, 1, sizeof **set);
    if (*set == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the values of IN");
    (*set)->expr = expr;
    (*set)->is_suitable = in_set_suits(expr);
    (*set)->collation = expr->collation;
    (*set)->next = exec->in_sets;
    vl_arena_init(&(*set)->arena, ctx->allocator, 0);
    exec->in_sets = *set;
    return VELO_OK;
}

/* Put the list's values into the table. Keeps IS1. */
static velo_status
in_set_make(vl_ctx *ctx, vl_eval *eval, vl_in_set *set)
{
    const vl_expr *expr = set->expr;

    for (uint32_t i = 1; i < expr->kid_count; i++) {
        vl_row_node *node;
        vl_value value;
        int is_new;

        VL_TRY(vl_eval_expr(ctx, eval, expr->kids[i], &value));
        if (value.type == VL_TYPE_NULL) {
            set->has_null = 1;
            continue;
        }
        VL_TRY(vl_value_apply_comparison(ctx, &set->arena, (vl_affinity)expr->compared, &value));
        set->has_real |= value.type == VL_TYPE_REAL;
        VL_TRY(vl_row_table_enter(ctx, &set->table, &set->arena, &value, 1, &set->collation, 0,
                                  &node, &is_new));
    }
    vl_exec_charge(eval->frame->exec, &set->charged,
                   set->arena.held_bytes + vl_row_table_bytes(&set->table));
    set->is_made = 1;
    return VELO_OK;
}

velo_status
vl_in_set_get(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, int at_once, vl_in_set **set)
{
    int is_wanted;

    vl_in_set *place;

    *set = NULL;
    if (expr->kid_count <= VL_IN_SET_LEAST || expr->collation >= VL_COLLATE_USER ||
        eval->frame == NULL || eval->frame->exec->env.is_plain)
        return VELO_OK;
    VL_TRY(in_set_place(ctx, eval->frame->exec, expr, &place));
    is_wanted = place->is_suitable && (at_once || place->is_asked);
    place->is_asked = 1;
    if (is_wanted && !place->is_made)
        VL_TRY(in_set_make(ctx, eval, place));
    if (place->is_made)
        *set = place;
    return VELO_OK;
}

velo_status
vl_in_set_find(vl_ctx *ctx, vl_arena *arena, const vl_in_set *set, const vl_value *value,
               int *truth)
{
    vl_value tested = *value;

    *truth = -1;
    if (tested.type == VL_TYPE_NULL)
        return VELO_OK;
    VL_TRY(vl_value_apply_comparison(ctx, arena, (vl_affinity)set->expr->compared, &tested));
    if (vl_row_table_find(&set->table, vl_row_hash(&tested, 1, &set->collation), &tested, 1,
                          &set->collation) != NULL)
        *truth = 1;
    else if (!set->has_null)
        *truth = 0;
    return VELO_OK;
}

int
vl_in_set_mark_integers(const vl_in_set *set, const vl_chunk *chunk, uint32_t column, int wanted,
                        uint64_t *bits)
{
    const vl_vector *vector = &chunk->vectors[column];
    vl_row_node *nodes[VL_CHUNK_ROWS];

    if (vector->form != VL_VECTOR_INTEGER || vector->is_constant || set->has_real ||
        set->expr->compared == VL_AFFINITY_TEXT)
        return 0;
    vl_group_find(&set->table, NULL, vector, VL_COLLATE_BINARY, chunk->selection, chunk->count,
                  nodes);
    for (uint32_t n = 0; n < chunk->count; n++) {
        uint32_t row = vl_chunk_row(chunk, n);
        int is_found = nodes[n] != NULL;
        int is_null = vector->validity != NULL && !vl_bits_get(vector->validity, row);

        if (wanted ? is_found : !is_found && !is_null && !set->has_null)
            vl_bits_set(bits, row);
    }
    return 1;
}

void
vl_in_sets_reset(vl_exec *exec)
{
    for (vl_in_set *set = exec->in_sets; set != NULL; set = set->next) {
        set->is_asked = set->is_made = set->has_real = set->has_null = 0;
        vl_row_table_deinit(&set->table);
        vl_arena_deinit(&set->arena);
        vl_exec_charge(exec, &set->charged, 0);
    }
}
