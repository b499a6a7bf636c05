/* bind_window.c - windows, and calls of functions OVER them.
 *
 * Invariants
 *   BV1  A window of a WINDOW clause may name those before it only. Of two with one name the later
 *        one is meant. Its expressions are looked at where it is used, and not elsewhere.
 *   BV2  Windows that are alike, frames included, are one, as are calls that are equal. */
#include "func/registry.h"
#include "sql/bind_int.h"

#include <string.h>

/* ---- WINDOW ---- */

/* The text of a name, among the first `count` of the scope; fails when there is none. */
static const vl_bind_window_text *
window_find(vl_binder *b, const vl_bind_scope *scope, uint32_t count, const char *name,
            uint32_t size)
{
    for (uint32_t i = count; i-- > 0;) {
        const vl_bind_window_text *text = &scope->window_texts[i];

        if (vl_name_compare(text->name->text, text->name->text_size, name, size) == 0)
            return text; /* keeps BV1 */
    }
    return vl_bind_fail(b, scope, NULL, "no such window: %.*s", (int)size, name);
}

/* A WINDOW node with what it has of its base, which is among the first `count`. */
static vl_bind_window_text
window_text(vl_binder *b, const vl_bind_scope *scope, uint32_t count, const vl_ast *ast)
{
    vl_bind_window_text text = {ast->kid[3], ast->kid[0], ast->kid[1], ast->kid[2]};
    const vl_bind_window_text *base;
    const char *clause = NULL;

    if (ast->text == NULL || (ast->kid[3] != NULL && count == 0))
        return text; /* as in SQLite, the first of a WINDOW clause has no base, whatever it says */
    base = window_find(b, scope, count, ast->text, ast->text_size);
    if (base == NULL)
        return text;
    if (text.partition != NULL)
        clause = "PARTITION clause";
    else if (text.order != NULL && base->order != NULL)
        clause = "ORDER BY clause";
    else if (base->frame != NULL)
        clause = "frame specification";
    if (clause != NULL)
        vl_bind_fail(b, scope, NULL, "cannot override %s of window: %.*s", clause,
                     (int)ast->text_size, ast->text);
    text.partition = base->partition;
    if (base->order != NULL)
        text.order = base->order;
    return text;
}

void
vl_bind_windows(vl_binder *b, vl_bind_scope *scope, const vl_ast *list)
{
    vl_bind_window_text *texts;

    if (list == NULL || b->status != VELO_OK)
        return;
    texts = vl_bind_alloc(b, list->count + 1U, sizeof *texts);
    if (texts == NULL)
        return;
    scope->window_texts = texts;
    for (const vl_ast *ast = vl_ast_first(list); ast != NULL; ast = ast->next) {
        texts[scope->window_text_count] = window_text(b, scope, scope->window_text_count, ast);
        scope->window_text_count++;
    }
}

/* ---- frames ---- */

static int
window_is_type(const vl_ast *ast, const uint8_t *types, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ast->type == types[i])
            return 1;
    return 0;
}

/* What SQLite takes for constant before it knows names: no columns, calls or queries. */
static int
window_is_constant(const vl_ast *ast)
{
    static const uint8_t leaves[] = {VL_AST_NULL, VL_AST_INTEGER, VL_AST_REAL, VL_AST_STRING,
                                     VL_AST_BLOB, VL_AST_PARAM,   VL_AST_TYPE};
    static const uint8_t inner[] = {VL_AST_UNARY, VL_AST_BINARY,  VL_AST_BETWEEN, VL_AST_CASE,
                                    VL_AST_WHEN,  VL_AST_COLLATE, VL_AST_CAST,    VL_AST_IN};

    if (ast == NULL || window_is_type(ast, leaves, VL_ARRAY_COUNT(leaves)))
        return 1;
    if (ast->type == VL_AST_LIST) {
        for (const vl_ast *element = vl_ast_first(ast); element != NULL; element = element->next)
            if (!window_is_constant(element))
                return 0;
        return 1;
    }
    if (ast->type == VL_AST_COLUMN)
        return ast->kid[0] == NULL && (ast->flags & VL_AST_QUOTED) == 0 &&
               (vl_bind_is(ast->text, ast->text_size, "true") ||
                vl_bind_is(ast->text, ast->text_size, "false"));
    if (!window_is_type(ast, inner, VL_ARRAY_COUNT(inner)))
        return 0;
    for (uint32_t i = 0; i < ast->kid_count; i++)
        if (!window_is_constant(ast->kid[i]))
            return 0;
    return 1;
}

/* The offset of a bound: what is not constant is NULL, and found to be no number. */
static vl_expr *
window_offset(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    vl_bind_scope *none;

    if (ast == NULL || ast->kid[0] == NULL)
        return NULL;
    if (!window_is_constant(ast->kid[0]))
        return vl_expr_constant(b, vl_value_of_null(), ast->kid[0]);
    none = vl_bind_scope_new(b, NULL, scope); /* no columns of any query */
    return none == NULL ? NULL : vl_bind_expr(b, none, ast->kid[0]);
}

static vl_frame_bound
window_bound(const vl_ast *ast)
{
    if (ast == NULL || ast->op == VL_OP_CURRENT_ROW)
        return VL_FRAME_CURRENT;
    if (ast->op == VL_OP_UNBOUNDED_PRECEDING)
        return VL_FRAME_UNBOUNDED_PRECEDING;
    if (ast->op == VL_OP_UNBOUNDED_FOLLOWING)
        return VL_FRAME_UNBOUNDED_FOLLOWING;
    return ast->op == VL_OP_PRECEDING ? VL_FRAME_PRECEDING : VL_FRAME_FOLLOWING;
}

static vl_frame_exclude
window_exclude(uint8_t op)
{
    if (op == VL_OP_NO_OTHERS)
        return VL_FRAME_EXCLUDE_NO_OTHERS;
    if (op == VL_OP_CURRENT_ROW)
        return VL_FRAME_EXCLUDE_CURRENT;
    if (op == VL_OP_GROUP)
        return VL_FRAME_EXCLUDE_GROUP;
    return op == VL_OP_TIES ? VL_FRAME_EXCLUDE_TIES : VL_FRAME_EXCLUDE_UNSAID;
}

static vl_window_frame
window_frame(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    vl_window_frame frame = {VL_FRAME_RANGE,
                             VL_FRAME_UNBOUNDED_PRECEDING,
                             VL_FRAME_CURRENT,
                             VL_FRAME_EXCLUDE_UNSAID,
                             NULL,
                             NULL};

    if (ast == NULL)
        return frame;
    frame.unit = ast->op == VL_OP_ROWS    ? VL_FRAME_ROWS
                 : ast->op == VL_OP_RANGE ? VL_FRAME_RANGE
                                          : VL_FRAME_GROUPS;
    frame.start = window_bound(ast->kid[0]);
    frame.end = window_bound(ast->kid[1]);
    frame.exclude = window_exclude(ast->op2);
    frame.start_offset = window_offset(b, scope, ast->kid[0]);
    frame.end_offset = window_offset(b, scope, ast->kid[1]);
    return frame;
}

/* The frame of a function that does not look at it: which windows are one, and so the order of rows
 * that no ORDER BY tells apart, follows from it as in SQLite. */
static vl_window_frame
window_own_frame(vl_binder *b, uint32_t variant)
{
    vl_window_frame frame = {.start = VL_FRAME_UNBOUNDED_PRECEDING, .end = VL_FRAME_CURRENT};

    if (variant == VL_FUNC_WINDOW_RANK || variant == VL_FUNC_WINDOW_DENSE_RANK)
        frame.unit = VL_FRAME_RANGE;
    if (variant == VL_FUNC_WINDOW_PERCENT_RANK || variant == VL_FUNC_WINDOW_CUME_DIST)
        frame.unit = VL_FRAME_GROUPS;
    if (variant == VL_FUNC_WINDOW_PERCENT_RANK || variant == VL_FUNC_WINDOW_NTILE)
        frame.start = VL_FRAME_CURRENT;
    if (variant == VL_FUNC_WINDOW_CUME_DIST) {
        frame.start = VL_FRAME_FOLLOWING;
        frame.start_offset = vl_expr_constant(b, vl_value_of_integer(1), NULL);
    }
    if (variant == VL_FUNC_WINDOW_LEAD || frame.start != VL_FRAME_UNBOUNDED_PRECEDING)
        frame.end = VL_FRAME_UNBOUNDED_FOLLOWING;
    return frame;
}

/* ---- equality ---- */

static int
window_lists_equal(const vl_exprs *a, const vl_exprs *b)
{
    if (a->count != b->count)
        return 0;
    for (uint32_t i = 0; i < a->count; i++)
        if (a->list[i]->effect == VL_EFFECT_VOLATILE || !vl_expr_equal(a->list[i], b->list[i]) ||
            a->list[i]->has_collation != b->list[i]->has_collation) /* COLLATE around a CAST */
            return 0;
    return 1;
}

static int
window_options_equal(const vl_expr *a, const vl_expr *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return a->effect != VL_EFFECT_VOLATILE && vl_expr_equal(a, b);
}

int
vl_window_sorts_alike(const vl_bind_window *a, const vl_bind_window *b)
{
    if (a->order_count != b->order_count || !window_lists_equal(&a->partition, &b->partition))
        return 0;
    for (uint32_t i = 0; i < a->order_count; i++)
        if (a->order[i].collation != b->order[i].collation ||
            a->order[i].is_descending != b->order[i].is_descending ||
            a->order[i].nulls_last != b->order[i].nulls_last ||
            !window_options_equal(a->order[i].expr, b->order[i].expr))
            return 0;
    return 1;
}

static int
window_is_equal(const vl_bind_window *a, const vl_bind_window *b)
{
    return a->frame.unit == b->frame.unit && a->frame.start == b->frame.start &&
           a->frame.end == b->frame.end && a->frame.exclude == b->frame.exclude &&
           window_options_equal(a->frame.start_offset, b->frame.start_offset) &&
           window_options_equal(a->frame.end_offset, b->frame.end_offset) &&
           vl_window_sorts_alike(a, b);
}

static int
window_calls_equal(const vl_bind_window_call *a, const vl_bind_window_call *b)
{
    return a->call.func == b->call.func && a->window == b->window &&
           a->call.collation == b->call.collation &&
           window_options_equal(a->call.filter, b->call.filter) &&
           window_lists_equal(&a->call.arguments, &b->call.arguments);
}

/* ---- calls ---- */

/* The number of a window in its scope. Keeps BV2. */
static uint32_t
window_note(vl_binder *b, vl_bind_scope *scope, const vl_bind_window *window)
{
    vl_bind_window *windows;

    for (uint32_t i = 0; i < scope->window_count; i++)
        if (window_is_equal(&scope->windows[i], window))
            return i;
    windows = vl_bind_grow(b, scope->windows, scope->window_count, &scope->window_capacity,
                           sizeof *windows);
    if (windows == NULL)
        return 0;
    scope->windows = windows;
    windows[scope->window_count] = *window;
    return scope->window_count++;
}

/* The id of a call's result. Keeps BV2. */
static uint32_t
window_note_call(vl_binder *b, vl_bind_scope *scope, vl_bind_window_call *call,
                 const vl_plan_func *found)
{
    vl_bind_window_call *calls;

    if (found->effect != VL_EFFECT_VOLATILE)
        for (uint32_t i = 0; i < scope->window_call_count; i++)
            if (window_calls_equal(&scope->window_calls[i], call))
                return scope->window_calls[i].id;
    calls = vl_bind_grow(b, scope->window_calls, scope->window_call_count,
                         &scope->window_call_capacity, sizeof *calls);
    if (calls == NULL)
        return 0;
    scope->window_calls = calls;
    call->id = vl_bind_id_new(b, NULL, 1);
    calls[scope->window_call_count++] = *call;
    return call->id;
}

/* What OVER says. */
static vl_bind_window_text
window_over(vl_binder *b, const vl_bind_scope *scope, const vl_ast *over)
{
    const vl_bind_window_text *named;

    if (over->type == VL_AST_WINDOW)
        return window_text(b, scope, scope->window_text_count, over);
    named = window_find(b, scope, scope->window_text_count, over->text, over->text_size);
    return named != NULL ? *named : (vl_bind_window_text){NULL, NULL, NULL, NULL};
}

static void
window_check(vl_binder *b, const vl_bind_scope *scope, const vl_ast *ast,
             const vl_bind_window_text *text, const vl_plan_func *found)
{
    const vl_ast *frame = text->frame;
    int has_offset = 0;

    if (frame != NULL && frame->op == VL_OP_RANGE)
        for (uint32_t i = 0; i < 2; i++)
            has_offset |= frame->kid[i] != NULL && frame->kid[i]->kid[0] != NULL;
    if (has_offset && (text->order == NULL || text->order->count != 1))
        vl_bind_fail(b, scope, NULL,
                     "RANGE with offset PRECEDING/FOLLOWING requires one ORDER BY expression");
    else if (found->is_window && ast->kid[2] != NULL)
        vl_bind_fail(b, scope, NULL,
                     "FILTER clause may only be used with aggregate window functions");
}

/* Bind what stands in a call, where window functions may not. */
static void
window_bind(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast, const vl_plan_func *found,
            vl_bind_window_call *call)
{
    vl_bind_window window = {.order_count = 0};
    vl_bind_window_text text;

    call->call.func = found->def;
    call->call.arguments = vl_bind_list(b, scope, ast->kid[0]);
    if (b->status != VELO_OK)
        return;
    text = window_over(b, scope, ast->kid[3]);
    window_check(b, scope, ast, &text, found);
    if (b->status != VELO_OK)
        return;
    window.partition = vl_bind_list(b, scope, text.partition);
    if (!vl_bind_sort_keys(b, scope, text.order, &window.order, &window.order_count))
        return;
    if (ast->kid[2] != NULL)
        call->call.filter = vl_bind_expr(b, scope, ast->kid[2]);
    window.frame = found->is_frameless ? window_own_frame(b, found->def->variant)
                                       : window_frame(b, scope, text.frame);
    if (b->status != VELO_OK)
        return;
    if (found->compares && call->call.arguments.count > 0)
        (void)vl_expr_collation(b, call->call.arguments.list[0], &call->call.collation);
    (void)vl_bind_need(b, call->call.collation);
    call->window = window_note(b, scope, &window);
}

vl_expr *
vl_bind_window_function(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast,
                        const vl_plan_func *found)
{
    vl_bind_window_call call = {.window = 0};
    vl_expr *expr;
    uint32_t id;

    scope->has_windows = 0;
    window_bind(b, scope, ast, found, &call);
    scope->has_windows = 1;
    if (b->status != VELO_OK)
        return NULL;
    id = window_note_call(b, scope, &call, found);
    if (b->status != VELO_OK)
        return NULL;
    expr = vl_expr_column(b, id, ast);
    if (expr == NULL)
        return NULL;
    expr->classes = found->classes;
    return expr;
}
