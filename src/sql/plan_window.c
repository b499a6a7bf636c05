/* plan_window.c - operators for window functions.
 *
 * For each window, from the last of the text to the first, the rows are sorted by its partition and
 * order, unless they are already, and a WINDOW computes all of its calls, and those of windows next
 * to it that differ in their frames only. So rows come in the order of the first window, as in
 * SQLite.
 *
 * Invariants
 *   PV1  Partition and order of a WINDOW are columns of its child: what is more than a column is
 *        computed once, below the sort.
 *   PV2  Only live calls are computed, and windows with one. */
#include "sql/bind_int.h"

#include <string.h>

/* ---- expressions ---- */

/* Whether a window has calls that somebody looks at: PV2. */
static int
window_is_live(const vl_bind_scope *scope, uint32_t window)
{
    for (uint32_t i = 0; i < scope->window_call_count; i++)
        if (scope->window_calls[i].is_live && scope->window_calls[i].window == window)
            return 1;
    return 0;
}

vl_exprs
vl_window_exprs(vl_binder *b, const vl_bind_scope *scope)
{
    vl_exprs exprs = {NULL, 0};

    for (uint32_t i = 0; i < scope->window_count; i++) {
        const vl_bind_window *window = &scope->windows[i];

        if (!window_is_live(scope, i))
            continue;
        for (uint32_t k = 0; k < window->partition.count; k++)
            vl_exprs_add(b, &exprs, window->partition.list[k]);
        for (uint32_t k = 0; k < window->order_count; k++)
            vl_exprs_add(b, &exprs, window->order[k].expr);
    }
    for (uint32_t i = 0; i < scope->window_call_count; i++) {
        const vl_window_call *call = &scope->window_calls[i].call;

        if (!scope->window_calls[i].is_live)
            continue;
        for (uint32_t k = 0; k < call->arguments.count; k++)
            vl_exprs_add(b, &exprs, call->arguments.list[k]);
        vl_exprs_add(b, &exprs, call->filter);
    }
    return exprs;
}

/* The live windows and calls with expressions of a list. */
typedef struct window_parts {
    vl_bind_window *windows;    /* of each of the scope */
    vl_bind_window_call *calls; /* of each of the scope */
} window_parts;

/* Take the next of the list. */
static vl_expr *
window_take(const vl_exprs *exprs, uint32_t *at)
{
    return *at < exprs->count ? exprs->list[(*at)++] : NULL;
}

/* Put the expressions of a list back to where vl_window_exprs took them. 0: failed. */
static int
window_split(vl_binder *b, const vl_bind_scope *scope, const vl_exprs *exprs, window_parts *parts)
{
    uint32_t at = 0;

    parts->windows = vl_bind_alloc(b, scope->window_count + 1U, sizeof *parts->windows);
    parts->calls = vl_bind_alloc(b, scope->window_call_count + 1U, sizeof *parts->calls);
    if (parts->windows == NULL || parts->calls == NULL)
        return 0;
    for (uint32_t i = 0; i < scope->window_count; i++) {
        vl_bind_window *window = &parts->windows[i];

        if (!window_is_live(scope, i))
            continue;
        *window = scope->windows[i];
        window->partition = (vl_exprs){NULL, 0};
        window->order = vl_bind_alloc(b, window->order_count + 1U, sizeof *window->order);
        if (window->order == NULL)
            return 0;
        for (uint32_t k = 0; k < scope->windows[i].partition.count; k++)
            vl_exprs_add(b, &window->partition, window_take(exprs, &at));
        for (uint32_t k = 0; k < window->order_count; k++) {
            window->order[k] = scope->windows[i].order[k];
            window->order[k].expr = window_take(exprs, &at);
        }
    }
    for (uint32_t i = 0; i < scope->window_call_count; i++) {
        vl_bind_window_call *call = &parts->calls[i];

        *call = scope->window_calls[i];
        if (!call->is_live)
            continue;
        call->call.arguments = (vl_exprs){NULL, 0};
        for (uint32_t k = 0; k < scope->window_calls[i].call.arguments.count; k++)
            vl_exprs_add(b, &call->call.arguments, window_take(exprs, &at));
        if (call->call.filter != NULL)
            call->call.filter = window_take(exprs, &at);
    }
    return b->status == VELO_OK;
}

/* ---- order ---- */

/* The order that a window wants: what is constant orders nothing. */
static vl_bind_order *
window_order(vl_binder *b, const vl_bind_window *window, uint32_t *count)
{
    uint32_t most = window->partition.count + window->order_count;
    vl_bind_order *order = vl_bind_alloc(b, most + 1U, sizeof *order);

    *count = 0;
    if (order == NULL)
        return NULL;
    for (uint32_t i = 0; i < window->partition.count; i++) {
        vl_expr *expr = window->partition.list[i];

        if (expr->is_constant)
            continue;
        order[*count] = (vl_bind_order){.expr = expr, .slot = VL_BIND_NONE};
        (void)vl_expr_collation(b, expr, &order[*count].collation);
        ++*count;
    }
    for (uint32_t i = 0; i < window->order_count; i++) {
        const vl_sort_key *key = &window->order[i];

        if (!key->expr->is_constant)
            order[(*count)++] = (vl_bind_order){.expr = key->expr,
                                                .slot = VL_BIND_NONE,
                                                .collation = key->collation,
                                                .is_descending = key->is_descending,
                                                .nulls_last = key->nulls_last};
    }
    return order;
}

/* Whether what is sorted by `have` is sorted by `want` as well. */
static int
window_is_prefix(const vl_bind_order *want, uint32_t count, const vl_bind_order *have,
                 uint32_t have_count)
{
    if (count > have_count)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        if (want[i].expr == NULL || want[i].collation != have[i].collation ||
            want[i].is_descending != have[i].is_descending ||
            want[i].nulls_last != have[i].nulls_last ||
            want[i].expr->effect == VL_EFFECT_VOLATILE ||
            !vl_expr_equal(want[i].expr, have[i].expr))
            return 0;
    return 1;
}

int
vl_window_wish(vl_binder *b, const vl_bind_scope *scope, vl_wish *wish)
{
    int is_later = 0;

    for (uint32_t i = scope->window_count; i-- > 0;) {
        uint32_t count;
        vl_bind_order *order;

        if (!window_is_live(scope, i))
            continue;
        order = window_order(b, &scope->windows[i], &count);
        if (order == NULL)
            return 0;
        if (count == 0) {
            is_later = 1;
            continue;
        }
        /* Behind one that takes rows as they come, they are sorted. */
        *wish = (vl_wish){.order = order, .count = is_later ? 0 : count};
        return 1;
    }
    return 0;
}

int
vl_window_is_ordered(vl_binder *b, const vl_bind_scope *scope, const vl_bind_order *order,
                     uint32_t count)
{
    for (uint32_t i = 0; i < scope->window_count; i++) {
        uint32_t have_count;
        const vl_bind_order *have;

        if (!window_is_live(scope, i))
            continue;
        have = window_order(b, &scope->windows[i], &have_count);
        if (have == NULL)
            return 0;
        if (have_count > 0)
            return window_is_prefix(order, count, have, have_count);
    }
    return 0;
}

/* ---- operators ---- */

/* A column of rows, for an expression whose value it is. */
static vl_expr *
window_column(vl_binder *b, const vl_expr *expr, uint32_t id)
{
    vl_expr *column = vl_expr_copy(b, expr);

    if (column == NULL)
        return NULL;
    if (!expr->has_collation) /* a CAST has that of what is in it */
        column->is_column = (uint8_t)vl_expr_collation(b, expr, &column->collation);
    column->kind = VL_EXPR_COLUMN;
    column->op = 0;
    column->index = id;
    column->kid_count = 0;
    column->program = VL_BIND_NONE;
    column->is_constant = 0;
    column->effect = VL_EFFECT_TOTAL;
    return column;
}

/* The columns of rows, and room for `more`. */
static vl_exprs
window_columns(vl_binder *b, const vl_bind_rel *rel)
{
    vl_exprs exprs = {NULL, 0};

    for (uint32_t i = 0; i < rel->layout.count; i++)
        vl_exprs_add(b, &exprs, vl_expr_position(b, i, NULL));
    return exprs;
}

/* What is computed below a window, and where it is then. */
typedef struct window_keys {
    vl_exprs exprs;
    vl_exprs columns;
    vl_bind_layout layout; /* ids of the columns */
} window_keys;

/* An expression as a column; what is none is to be computed. Keeps PV1. */
static vl_expr *
window_key(vl_binder *b, window_keys *keys, vl_expr *expr)
{
    uint32_t id;
    vl_expr *column;

    if (expr == NULL || expr->kind == VL_EXPR_COLUMN)
        return expr;
    for (uint32_t i = 0; i < keys->exprs.count; i++)
        if (expr->effect != VL_EFFECT_VOLATILE && vl_expr_equal(keys->exprs.list[i], expr) &&
            keys->exprs.list[i]->has_collation == expr->has_collation)
            return keys->columns.list[i];
    id = vl_bind_id_new(b, NULL, 1);
    column = window_column(b, expr, id);
    if (column == NULL || b->status != VELO_OK)
        return NULL;
    vl_exprs_add(b, &keys->exprs, expr);
    vl_exprs_add(b, &keys->columns, column);
    keys->layout.ids[keys->layout.count++] = id;
    return column;
}

/* Compute a window's partition and order, and make it speak of the columns. */
static vl_bind_rel
window_project(vl_binder *b, vl_bind_rel rel, vl_bind_window *window)
{
    uint32_t most = window->partition.count + window->order_count;
    window_keys keys = {{NULL, 0}, {NULL, 0}, vl_bind_layout_new(b, VL_BIND_NONE, most)};
    vl_exprs partition = {NULL, 0};
    vl_exprs exprs;
    vl_exprs lowered;
    vl_bind_rel out = {NULL, {NULL, 0}};

    if (keys.layout.ids == NULL)
        return out;
    keys.layout.count = 0;
    for (uint32_t i = 0; i < window->partition.count; i++)
        vl_exprs_add(b, &partition, window_key(b, &keys, window->partition.list[i]));
    window->partition = partition;
    for (uint32_t i = 0; i < window->order_count; i++)
        window->order[i].expr = window_key(b, &keys, window->order[i].expr);
    if (keys.exprs.count == 0 || b->status != VELO_OK)
        return rel;
    exprs = window_columns(b, &rel);
    lowered = vl_lower_all(b, &rel.layout, &keys.exprs);
    for (uint32_t i = 0; i < lowered.count; i++)
        vl_exprs_add(b, &exprs, lowered.list[i]);
    out.op = vl_op_new(b, VL_OP_KIND_PROJECT, 1, rel.op, NULL);
    if (out.op == NULL)
        return out;
    out.op->as.project.exprs = exprs;
    out.op->column_count = exprs.count;
    out.layout = vl_bind_layout_join(b, &rel.layout, &keys.layout);
    return out;
}

/* Partition and order of a WINDOW. 0: failed. */
static int
window_lower(vl_binder *b, const vl_bind_layout *layout, const vl_bind_window *window,
             vl_op_window *as)
{
    uint8_t *collations = vl_bind_alloc(b, window->partition.count + 1U, 1);
    vl_sort_key *order = vl_bind_alloc(b, window->order_count + 1U, sizeof *order);

    if (collations == NULL || order == NULL)
        return 0;
    for (uint32_t i = 0; i < window->partition.count; i++) {
        (void)vl_expr_collation(b, window->partition.list[i], &collations[i]);
        (void)vl_bind_need(b, collations[i]);
    }
    for (uint32_t i = 0; i < window->order_count; i++) {
        order[i] = window->order[i];
        order[i].expr = vl_lower(b, layout, order[i].expr);
    }
    as->partition = vl_lower_all(b, layout, &window->partition);
    as->collations = collations;
    as->order = order;
    as->order_count = window->order_count;
    return b->status == VELO_OK;
}

static int
window_offsets_equal(const vl_expr *a, const vl_expr *b)
{
    return a == NULL || b == NULL ? a == b : vl_expr_equal(a, b);
}

/* The number of a frame among those of a WINDOW. */
static uint32_t
window_frame_number(vl_binder *b, vl_op_window *as, const vl_window_frame *frame)
{
    const vl_bind_layout none = {NULL, 0};
    vl_window_frame lowered = *frame;

    lowered.start_offset = vl_lower(b, &none, frame->start_offset);
    lowered.end_offset = vl_lower(b, &none, frame->end_offset);
    for (uint32_t i = 0; i < as->frame_count; i++) {
        const vl_window_frame *other = &as->frames[i];

        if (other->unit == frame->unit && other->start == frame->start &&
            other->end == frame->end && other->exclude == frame->exclude &&
            window_offsets_equal(lowered.start_offset, other->start_offset) &&
            window_offsets_equal(lowered.end_offset, other->end_offset))
            return i;
    }
    as->frames[as->frame_count] = lowered;
    return as->frame_count++;
}

/* The first of the live windows up to `number` that sort alike, with nothing between them. */
static uint32_t
window_run(const vl_bind_scope *scope, uint32_t number)
{
    uint32_t first = number;

    for (uint32_t i = number; i-- > 0;) {
        if (!window_is_live(scope, i))
            continue;
        if (!vl_window_sorts_alike(&scope->windows[i], &scope->windows[number]))
            break;
        first = i;
    }
    return first;
}

/* A WINDOW with the live calls of windows [first, number], which sort alike. */
static vl_bind_rel
window_compute(vl_binder *b, vl_bind_rel rel, const window_parts *parts, uint32_t call_count,
               uint32_t first, uint32_t number)
{
    vl_op *op = vl_op_new(b, VL_OP_KIND_WINDOW, 1, rel.op, NULL);
    vl_bind_layout ids = vl_bind_layout_new(b, VL_BIND_NONE, call_count);
    vl_bind_rel out = {NULL, {NULL, 0}};
    vl_op_window *as;

    if (op == NULL || ids.ids == NULL)
        return out;
    as = &op->as.window;
    as->frames = vl_bind_alloc(b, call_count + 1U, sizeof *as->frames);
    as->calls = vl_bind_alloc(b, call_count + 1U, sizeof *as->calls);
    if (as->frames == NULL || as->calls == NULL ||
        !window_lower(b, &rel.layout, &parts->windows[number], as))
        return out;
    for (uint32_t i = 0; i < call_count; i++) {
        const vl_bind_window_call *from = &parts->calls[i];
        vl_window_call *call = &as->calls[as->call_count];

        if (!from->is_live || from->window < first || from->window > number)
            continue;
        *call = from->call;
        call->arguments = vl_lower_all(b, &rel.layout, &from->call.arguments);
        call->filter = vl_lower(b, &rel.layout, from->call.filter);
        call->frame = window_frame_number(b, as, &parts->windows[from->window].frame);
        ids.ids[as->call_count++] = from->id;
    }
    if (b->frame->effect < VL_EFFECT_FAILING)
        b->frame->effect = VL_EFFECT_FAILING; /* sum() may overflow, offsets be wrong */
    ids.count = as->call_count;
    op->column_count = rel.op->column_count + as->call_count;
    out.op = op;
    out.layout = vl_bind_layout_join(b, &rel.layout, &ids);
    return out;
}

vl_bind_rel
vl_plan_windows(vl_binder *b, const vl_bind_scope *scope, vl_bind_rel rel, const vl_exprs *exprs,
                int is_met)
{
    window_parts parts;
    const vl_bind_order *have = NULL;
    uint32_t have_count = 0;

    if (rel.op == NULL || !window_split(b, scope, exprs, &parts))
        return (vl_bind_rel){NULL, {NULL, 0}};
    for (uint32_t i = scope->window_count; i-- > 0;) {
        uint32_t count;
        uint32_t projected;
        uint32_t first;
        const vl_bind_order *order;
        const vl_bind_order *keys;

        if (!window_is_live(scope, i))
            continue;
        order = window_order(b, &scope->windows[i], &count);
        rel = window_project(b, rel, &parts.windows[i]);
        if (b->status != VELO_OK || rel.op == NULL || order == NULL)
            return (vl_bind_rel){NULL, {NULL, 0}};
        keys = window_order(b, &parts.windows[i], &projected);
        if (count > 0 && !(have == NULL && is_met) &&
            !window_is_prefix(order, count, have, have_count)) {
            rel.op = vl_sort_new(b, rel, keys, projected);
            if (rel.op == NULL)
                return (vl_bind_rel){NULL, {NULL, 0}};
            have = order;
            have_count = count;
        } else if (count > 0 && have == NULL) {
            have = order;
            have_count = count;
        }
        first = window_run(scope, i);
        rel = window_compute(b, rel, &parts, scope->window_call_count, first, i);
        i = first;
        if (rel.op == NULL || b->status != VELO_OK)
            return (vl_bind_rel){NULL, {NULL, 0}};
    }
    return rel;
}
