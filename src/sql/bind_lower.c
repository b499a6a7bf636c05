/* bind_lower.c - ids, layouts and programs: how bound expressions meet the rows they run on.
 *
 * Invariants
 *   BL1  Lowering copies what it changes: a bound expression stays as it is.
 *   BL2  An id that the layout lacks becomes an argument of the program, once for each program.
 *   BL3  ids[i].stamp equals b->stamp only for ids of the layout in use. */
#include "sql/bind_int.h"

#include "base/assert.h"

#include <string.h>

/* ---- ids and layouts ---- */

uint32_t
vl_bind_id_new(vl_binder *b, vl_bind_source *source, uint32_t count)
{
    uint32_t first = b->id_count;

    if (b->status != VELO_OK)
        return 0;
    if (count > VL_PLAN_IDS_MAX - b->id_count) {
        b->status = vl_fail(b->ctx, VELO_TOOBIG, "too many columns in statement");
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        vl_bind_id *ids = vl_bind_grow(b, b->ids, b->id_count, &b->id_capacity, sizeof *ids);

        if (ids == NULL)
            return 0;
        b->ids = ids;
        ids[b->id_count++] = (vl_bind_id){.source = source};
    }
    return first;
}

uint32_t
vl_bind_source_id(const vl_bind_source *source, int32_t column)
{
    if (column < 0 &&
        (source->kind == VL_BIND_SOURCE_TABLE || source->kind == VL_BIND_SOURCE_GIVEN) &&
        source->table->rowid_column >= 0)
        column = source->table->rowid_column;
    return source->base + (column < 0 ? source->column_count : (uint32_t)column);
}

vl_bind_layout
vl_bind_layout_new(vl_binder *b, uint32_t first, uint32_t count)
{
    vl_bind_layout layout = {NULL, 0};

    layout.ids = vl_bind_alloc(b, count == 0 ? 1 : count, sizeof(uint32_t));
    if (layout.ids == NULL)
        return layout;
    layout.count = count;
    for (uint32_t i = 0; i < count; i++)
        layout.ids[i] = first == VL_BIND_NONE ? VL_BIND_NONE : first + i;
    return layout;
}

vl_bind_layout
vl_bind_layout_join(vl_binder *b, const vl_bind_layout *left, const vl_bind_layout *right)
{
    vl_bind_layout layout = vl_bind_layout_new(b, VL_BIND_NONE, left->count + right->count);

    if (layout.ids == NULL)
        return layout;
    if (left->count > 0)
        memcpy(layout.ids, left->ids, left->count * sizeof(uint32_t));
    if (right->count > 0)
        memcpy(layout.ids + left->count, right->ids, right->count * sizeof(uint32_t));
    return layout;
}

static void
lower_use(vl_binder *b, const vl_bind_layout *layout)
{
    b->stamp++;
    for (uint32_t i = 0; i < layout->count; i++) {
        vl_bind_id *id;

        if (layout->ids[i] == VL_BIND_NONE)
            continue;
        id = &b->ids[layout->ids[i]];
        if (id->stamp == b->stamp)
            continue;         /* twice in the row: the first will do */
        id->stamp = b->stamp; /* keeps BL3 */
        id->position = i;
    }
}

/* ---- lowering ---- */

/* Number of the program's argument for an id. */
static uint32_t
lower_argument(vl_binder *b, uint32_t id)
{
    vl_bind_frame *frame = b->frame;
    uint32_t *grown;

    for (uint32_t i = 0; i < frame->count; i++)
        if (frame->arguments[i] == id)
            return i; /* keeps BL2 */
    grown = vl_bind_grow(b, frame->arguments, frame->count, &frame->capacity, sizeof *grown);
    if (grown == NULL)
        return 0;
    frame->arguments = grown;
    grown[frame->count] = id;
    return frame->count++;
}

static vl_expr *
lower_column(vl_binder *b, const vl_expr *expr)
{
    vl_expr *copy = vl_expr_copy(b, expr);
    const vl_bind_id *id = &b->ids[expr->index];

    if (copy == NULL)
        return NULL;
    copy->op = 0;
    if (id->stamp == b->stamp) {
        copy->index = id->position;
    } else {
        copy->kind = VL_EXPR_OUTER;
        copy->index = lower_argument(b, expr->index);
    }
    return copy;
}

static vl_expr *
lower_one(vl_binder *b, vl_expr *expr)
{
    vl_expr *copy = NULL;

    if (b->status != VELO_OK || expr == NULL)
        return NULL;
    if (expr->kind == VL_EXPR_COLUMN)
        return lower_column(b, expr);
    for (uint32_t i = 0; i < expr->kid_count; i++) {
        vl_expr *kid = lower_one(b, expr->kids[i]);

        if (kid == NULL)
            return NULL;
        if (kid == expr->kids[i])
            continue;
        if (copy == NULL) { /* keeps BL1 */
            copy = vl_expr_copy_kids(b, expr);
            if (copy == NULL)
                return NULL;
        }
        copy->kids[i] = kid;
    }
    return copy != NULL ? copy : expr;
}

vl_expr *
vl_lower(vl_binder *b, const vl_bind_layout *layout, vl_expr *expr)
{
    vl_exprs one = {&expr, 1};
    vl_exprs lowered;

    if (expr == NULL || b->status != VELO_OK)
        return NULL;
    lowered = vl_lower_all(b, layout, &one);
    return lowered.count == 1 ? lowered.list[0] : NULL;
}

vl_exprs
vl_lower_all(vl_binder *b, const vl_bind_layout *layout, const vl_exprs *exprs)
{
    vl_exprs lowered = {NULL, 0};

    if (b->status != VELO_OK || exprs->count == 0)
        return lowered;
    lowered.list = vl_bind_alloc(b, exprs->count, sizeof(vl_expr *));
    if (lowered.list == NULL)
        return lowered;
    lower_use(b, layout);
    for (uint32_t i = 0; i < exprs->count; i++) {
        vl_expr *expr = lower_one(b, exprs->list[i]);

        if (expr == NULL)
            return (vl_exprs){NULL, 0};
        if (expr->effect > b->frame->effect)
            b->frame->effect = expr->effect;
        lowered.list[i] = expr;
    }
    lowered.count = exprs->count;
    return lowered;
}

/* ---- operators and programs ---- */

vl_op *
vl_op_new(vl_binder *b, vl_op_kind kind, uint32_t child_count, vl_op *left, vl_op *right)
{
    vl_op *op;

    if (b->status != VELO_OK || (child_count > 0 && left == NULL) ||
        (child_count > 1 && right == NULL))
        return NULL;
    op = vl_bind_alloc(b, 1, sizeof *op);
    if (op == NULL)
        return NULL;
    op->kind = kind;
    op->child_count = child_count;
    op->children[0] = left;
    op->children[1] = right;
    if (left != NULL) {
        op->column_count = left->column_count;
        op->rows = left->rows;
    }
    return op;
}

vl_op *
vl_sort_new(vl_binder *b, vl_bind_rel rel, const vl_bind_order *order, uint32_t count)
{
    vl_op *op = vl_op_new(b, VL_OP_KIND_SORT, 1, rel.op, NULL);
    vl_sort_key *keys = vl_bind_alloc(b, count + 1U, sizeof *keys);

    if (op == NULL || keys == NULL)
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        keys[i] = (vl_sort_key){.expr = vl_lower(b, &rel.layout, order[i].expr),
                                .is_descending = order[i].is_descending,
                                .nulls_last = order[i].nulls_last,
                                .collation = order[i].collation};
    op->as.sort.keys = keys;
    op->as.sort.key_count = count;
    return op;
}

uint32_t
vl_program_new(vl_binder *b, const char *name)
{
    uint32_t capacity = b->program_capacity;
    vl_program *programs =
        vl_bind_grow(b, b->programs, b->program_count, &capacity, sizeof *programs);
    uint8_t *effects =
        vl_bind_grow(b, b->effects, b->program_count, &b->program_capacity, sizeof *effects);

    if (programs == NULL || effects == NULL)
        return 0;
    b->programs = programs;
    b->effects = effects;
    programs[b->program_count] = (vl_program){.name = name};
    effects[b->program_count] = VL_EFFECT_TOTAL;
    return b->program_count++;
}

vl_bind_frame *
vl_program_begin(vl_binder *b, vl_bind_frame *frame)
{
    vl_bind_frame *outer = b->frame;

    *frame = (vl_bind_frame){NULL, 0, 0, VL_EFFECT_TOTAL};
    b->frame = frame;
    return outer;
}

void
vl_program_end(vl_binder *b, vl_bind_frame *outer, uint32_t program, vl_op *root)
{
    vl_bind_frame *frame = b->frame;

    b->frame = outer;
    if (b->status != VELO_OK)
        return;
    VL_ASSERT(program < b->program_count && root != NULL);
    b->programs[program].root = root;
    b->programs[program].argument_count = frame->count;
    b->programs[program].is_correlated = frame->count > 0;
    b->effects[program] = frame->effect;
    if (program == 0)
        b->root = *frame;
}

vl_exprs
vl_program_arguments(vl_binder *b, const uint32_t *ids, uint32_t count, const vl_ast *at)
{
    vl_exprs list = {NULL, 0};

    for (uint32_t i = 0; i < count; i++)
        vl_exprs_add(b, &list, vl_expr_column(b, ids[i], at));
    return list;
}
