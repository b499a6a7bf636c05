/* bind_tree.c - memory and failures of the binder, and expressions as trees.
 *
 * Invariants
 *   BT1  The first failure stays; later ones change nothing.
 *   BT2  A list of vl_exprs has room for the next power of two of its count: only vl_exprs_add
 *        appends, and only to lists it made.
 *   BT3  An expression's effect is at least that of its kids. */
#include "sql/bind_int.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/collation.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Alternatives of an OR, and parts of the first, among which common conjuncts are looked for. */
#define TREE_ALTERNATIVES_MAX 64U
#define TREE_PARTS_MAX        64U

void *
vl_bind_fail(vl_binder *b, const vl_bind_scope *scope, const vl_ast *at, const char *format, ...)
{
    char text[VL_ERROR_TEXT_SIZE];
    va_list args;

    if (b->status != VELO_OK)
        return NULL;
    b->status = VELO_ERROR;
    if (b->quiet > 0) {
        b->near_size = 0;
        return NULL;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    b->status = vl_fail(b->ctx, VELO_ERROR, "%s", text);
    if (b->ctx != NULL && at != NULL && (scope == NULL || scope->text == b->text))
        b->ctx->error.sql_offset = (int32_t)at->offset;
    if (b->ctx != NULL && b->near_size != 0) {
        memcpy(b->ctx->error.near, b->near, b->near_size);
        b->ctx->error.near[b->near_size] = '\0';
    }
    b->near_size = 0;
    return NULL;
}

void *
vl_bind_no_memory(vl_binder *b)
{
    if (b->status == VELO_OK || b->status == VELO_ERROR)
        b->status = vl_fail(b->ctx, VELO_NOMEM, "out of memory");
    return NULL;
}

void *
vl_bind_alloc(vl_binder *b, size_t count, size_t size)
{
    void *memory = vl_arena_alloc_array(b->arena, count, size);

    return memory != NULL ? memory : vl_bind_no_memory(b);
}

void *
vl_bind_grow(vl_binder *b, void *list, uint32_t count, uint32_t *capacity, size_t size)
{
    uint32_t wanted = *capacity == 0 ? 8 : *capacity * 2;
    void *grown;

    if (count < *capacity)
        return list;
    grown = vl_bind_alloc(b, wanted, size);
    if (grown == NULL)
        return NULL;
    if (count > 0)
        memcpy(grown, list, count * size);
    *capacity = wanted;
    return grown;
}

const char *
vl_bind_text(vl_binder *b, const char *text, size_t size)
{
    const char *copy = vl_arena_copy(b->arena, text, size);

    return copy != NULL ? copy : vl_bind_no_memory(b);
}

int
vl_bind_is(const char *text, size_t size, const char *word)
{
    return text != NULL && vl_name_compare(text, size, word, strlen(word)) == 0;
}

/* ---- lists ---- */

void
vl_exprs_add(vl_binder *b, vl_exprs *exprs, vl_expr *expr)
{
    uint32_t count = exprs->count;

    if (expr == NULL)
        return;
    if ((count & (count - 1)) == 0) {
        vl_expr **list = vl_bind_alloc(b, count == 0 ? 1 : (size_t)count * 2, sizeof(vl_expr *));

        if (list == NULL)
            return;
        if (count > 0)
            memcpy(list, exprs->list, count * sizeof(vl_expr *));
        exprs->list = list;
    }
    exprs->list[exprs->count++] = expr; /* keeps BT2 */
}

/* ---- nodes ---- */

vl_expr *
vl_expr_new(vl_binder *b, vl_expr_kind kind, uint32_t kid_count, const vl_ast *at)
{
    vl_expr *expr = vl_bind_alloc(b, 1, sizeof *expr);

    if (expr == NULL)
        return NULL;
    expr->kind = (uint8_t)kind;
    expr->classes = VL_CLASS_ANY;
    expr->offset = at != NULL ? at->offset : 0;
    expr->program = VL_BIND_NONE;
    expr->kid_count = kid_count;
    if (kid_count > 0) {
        expr->kids = vl_bind_alloc(b, kid_count, sizeof(vl_expr *));
        if (expr->kids == NULL)
            return NULL;
    }
    return expr;
}

/* Whether an expression of no kids is the same for a whole execution. */
static int
tree_is_constant_leaf(const vl_expr *expr)
{
    switch ((vl_expr_kind)expr->kind) {
    case VL_EXPR_COLUMN:
    case VL_EXPR_OUTER:
    case VL_EXPR_BASE:
    case VL_EXPR_RAISE:
        return 0;
    case VL_EXPR_CONSTANT:
    case VL_EXPR_PARAM:
    case VL_EXPR_NEGATE:
    case VL_EXPR_BIT_NOT:
    case VL_EXPR_NOT:
    case VL_EXPR_IS_NULL:
    case VL_EXPR_IS_TRUE:
    case VL_EXPR_ARITHMETIC:
    case VL_EXPR_CONCAT:
    case VL_EXPR_COMPARE:
    case VL_EXPR_BETWEEN:
    case VL_EXPR_AND:
    case VL_EXPR_OR:
    case VL_EXPR_LIKE:
    case VL_EXPR_CASE:
    case VL_EXPR_LET:
    case VL_EXPR_CAST:
    case VL_EXPR_CONVERT:
    case VL_EXPR_COALESCE:
    case VL_EXPR_FUNCTION:
    case VL_EXPR_IN_LIST:
    case VL_EXPR_IN_QUERY:
    case VL_EXPR_EXISTS:
    case VL_EXPR_SCALAR:
    case VL_EXPR_ROW_COMPARE:
        return 1;
    }
    return 0;
}

/* Whether what stands beside a kid's value is beside the expression's as well. */
static int
tree_passes_subtype(const vl_expr *expr)
{
    return expr->kind == VL_EXPR_CASE || expr->kind == VL_EXPR_COALESCE ||
           expr->kind == VL_EXPR_LET || expr->kind == VL_EXPR_CAST ||
           (expr->kind == VL_EXPR_CONVERT && expr->op == 2);
}

vl_expr *
vl_expr_finish(vl_binder *b, vl_expr *expr)
{
    if (expr == NULL || b->status != VELO_OK)
        return NULL;
    expr->is_constant = (uint8_t)tree_is_constant_leaf(expr);
    if (expr->program != VL_BIND_NONE && b->effects[expr->program] > expr->effect)
        expr->effect = b->effects[expr->program];
    for (uint32_t i = 0; i < expr->kid_count; i++) {
        const vl_expr *kid = expr->kids[i];

        if (kid == NULL)
            return NULL;
        if (kid->effect > expr->effect)
            expr->effect = kid->effect; /* keeps BT3 */
        if (kid->may_be_json && tree_passes_subtype(expr))
            expr->may_be_json = 1;
        /* Its own BASE makes nothing vary: the base is a kid as well. */
        if (!kid->is_constant)
            expr->is_constant = 0;
        if (kid->has_collation && !expr->has_collation && expr->kind != VL_EXPR_COMPARE) {
            expr->has_collation = 1;
            expr->collation = kid->collation;
        }
    }
    if (expr->effect == VL_EFFECT_VOLATILE)
        expr->is_constant = 0;
    return expr;
}

vl_expr *
vl_expr_copy(vl_binder *b, const vl_expr *expr)
{
    vl_expr *copy;

    if (expr == NULL)
        return NULL;
    copy = vl_bind_alloc(b, 1, sizeof *copy);
    if (copy != NULL)
        *copy = *expr;
    return copy;
}

vl_expr *
vl_expr_constant(vl_binder *b, vl_value value, const vl_ast *at)
{
    vl_expr *expr = vl_expr_new(b, VL_EXPR_CONSTANT, 0, at);

    if (expr == NULL)
        return NULL;
    expr->value = value;
    expr->classes = (uint8_t)(1U << (unsigned)value.type);
    return vl_expr_finish(b, expr);
}

vl_expr *
vl_expr_column(vl_binder *b, uint32_t id, const vl_ast *at)
{
    vl_expr *expr = vl_expr_new(b, VL_EXPR_COLUMN, 0, at);
    const vl_bind_source *source;

    if (expr == NULL || b->status != VELO_OK)
        return NULL;
    VL_ASSERT(id < b->id_count);
    expr->index = id;
    b->ids[id].is_used = 1;
    source = b->ids[id].source;
    if (source == NULL)
        return expr;
    if (id - source->base < source->column_count) {
        const vl_bind_column *column = &source->columns[id - source->base];

        expr->affinity = column->affinity;
        expr->collation = column->collation;
        expr->classes = column->classes;
    } else {
        expr->affinity = VL_AFFINITY_INTEGER;
        expr->classes = VL_CLASS_INTEGER;
    }
    if (source->is_nullable)
        expr->classes |= VL_CLASS_NULL;
    return expr;
}

vl_expr *
vl_expr_position(vl_binder *b, uint32_t position, const vl_bind_column *column)
{
    vl_expr *expr = vl_expr_new(b, VL_EXPR_COLUMN, 0, NULL);

    if (expr == NULL)
        return NULL;
    expr->index = position;
    if (column != NULL) {
        expr->affinity = column->affinity;
        expr->collation = column->collation;
        expr->classes = column->classes;
    }
    return expr;
}

/* ---- collations and comparisons ---- */

int
vl_expr_collation(const vl_binder *b, const vl_expr *expr, uint8_t *collation)
{
    *collation = VL_COLLATE_BINARY;
    while ((expr->kind == VL_EXPR_CAST || (expr->kind == VL_EXPR_COALESCE && expr->op == 1)) &&
           !expr->has_collation && !expr->is_column)
        expr = expr->kids[0];
    if (!expr->has_collation && !expr->is_column &&
        (expr->kind != VL_EXPR_COLUMN || b->ids[expr->index].source == NULL))
        return 0;
    *collation = expr->collation;
    return 1;
}

uint8_t
vl_expr_collation_of_two(const vl_binder *b, const vl_expr *left, const vl_expr *right)
{
    uint8_t collation;

    if (left->has_collation)
        return left->collation;
    if (right->has_collation)
        return right->collation;
    if (!vl_expr_collation(b, left, &collation))
        (void)vl_expr_collation(b, right, &collation);
    return collation;
}

uint8_t
vl_bind_need(vl_binder *b, uint8_t collation)
{
    if (!vl_collation_is_there((vl_collation)collation))
        vl_bind_fail(b, NULL, NULL, "no such collation sequence: %s",
                     vl_collation_name((vl_collation)collation));
    return collation;
}

vl_expr *
vl_expr_compare(vl_binder *b, vl_comparison op, vl_expr *left, vl_expr *right, const vl_ast *at)
{
    vl_expr *expr = vl_expr_new(b, VL_EXPR_COMPARE, 2, at);

    if (expr == NULL || left == NULL || right == NULL)
        return NULL;
    expr->op = (uint8_t)op;
    expr->kids[0] = left;
    expr->kids[1] = right;
    expr->compared =
        (uint8_t)vl_affinity_comparison((vl_affinity)left->affinity, (vl_affinity)right->affinity);
    expr->collation = vl_bind_need(b, vl_expr_collation_of_two(b, left, right));
    expr->classes = VL_CLASS_INTEGER;
    if (op < VL_COMPARE_IS && ((left->classes | right->classes) & VL_CLASS_NULL) != 0)
        expr->classes |= VL_CLASS_NULL;
    expr = vl_expr_finish(b, expr);
    if (expr != NULL && (left->has_collation || right->has_collation))
        expr->has_collation = 1;
    return expr;
}

/* ---- looking at trees ---- */

static int
tree_equal_values(const vl_value *a, const vl_value *b)
{
    if (a->type != b->type || a->size != b->size)
        return 0;
    switch (a->type) {
    case VL_TYPE_INTEGER:
        return a->as.integer == b->as.integer;
    case VL_TYPE_REAL:
        return vl_real_bits(a->as.real) == vl_real_bits(b->as.real);
    case VL_TYPE_TEXT:
    case VL_TYPE_BLOB:
        return a->size == 0 || memcmp(a->as.data, b->as.data, a->size) == 0;
    case VL_TYPE_NULL:
        return 1;
    }
    return 0;
}

int
vl_expr_equal(const vl_expr *a, const vl_expr *b)
{
    if (a == b)
        return 1;
    if (a->kind != b->kind || a->op != b->op || a->is_not != b->is_not ||
        a->affinity != b->affinity || a->compared != b->compared || a->compared2 != b->compared2 ||
        a->collation != b->collation || a->collation2 != b->collation2 || a->index != b->index ||
        a->program != b->program || a->kid_count != b->kid_count || a->func != b->func ||
        a->effect == VL_EFFECT_VOLATILE)
        return 0;
    if (a->kind == VL_EXPR_CONSTANT && !tree_equal_values(&a->value, &b->value))
        return 0;
    if (a->kind == VL_EXPR_ROW_COMPARE &&
        (memcmp(a->affinities, b->affinities, a->kid_count / 2) != 0 ||
         memcmp(a->collations, b->collations, a->kid_count / 2) != 0))
        return 0;
    for (uint32_t i = 0; i < a->kid_count; i++)
        if (!vl_expr_equal(a->kids[i], b->kids[i]))
            return 0;
    return 1;
}

/* Whether an expression is a conjunct of an alternative. */
static int
tree_has_conjunct(const vl_expr *alternative, const vl_expr *wanted)
{
    if (alternative->kind != VL_EXPR_AND)
        return vl_expr_equal(alternative, wanted);
    for (uint32_t i = 0; i < alternative->kid_count; i++)
        if (tree_has_conjunct(alternative->kids[i], wanted))
            return 1;
    return 0;
}

/* Whether a part of an alternative is of a kind that joins, indexes and scans make use of. */
static int
tree_is_useful(const vl_expr *part)
{
    if (part->effect != VL_EFFECT_TOTAL)
        return 0;
    return (part->kind == VL_EXPR_COMPARE && part->op == VL_COMPARE_EQ) ||
           part->kind == VL_EXPR_IN_LIST;
}

/* (a AND x) OR (a AND y) needs a: equalities and lists that all alternatives have are conjuncts
 * beside it, so that joins, indexes and scans of one table find them. They cannot fail, so nothing
 * is evaluated that would matter. */
static void
tree_add_common(vl_binder *b, const vl_expr *either, vl_expr *part, vl_exprs *list)
{
    uint32_t count = 1;

    if (part->kind == VL_EXPR_AND) {
        for (uint32_t i = 0; i < part->kid_count; i++)
            tree_add_common(b, either, part->kids[i], list);
        return;
    }
    if (!tree_is_useful(part))
        return;
    while (count < either->kid_count && tree_has_conjunct(either->kids[count], part))
        count++;
    if (count == either->kid_count)
        vl_exprs_add(b, list, part);
}

void
vl_expr_conjuncts(vl_binder *b, vl_expr *expr, vl_exprs *list)
{
    if (expr == NULL)
        return;
    if (expr->kind == VL_EXPR_OR && expr->kids[0]->kind == VL_EXPR_AND &&
        expr->kid_count <= TREE_ALTERNATIVES_MAX && expr->kids[0]->kid_count <= TREE_PARTS_MAX)
        tree_add_common(b, expr, expr->kids[0], list);
    if (expr->kind != VL_EXPR_AND) {
        vl_exprs_add(b, list, expr);
        return;
    }
    for (uint32_t i = 0; i < expr->kid_count; i++)
        vl_expr_conjuncts(b, expr->kids[i], list);
}

uint32_t
vl_expr_size(const vl_expr *expr)
{
    uint32_t size = 1;

    for (uint32_t i = 0; i < expr->kid_count && size <= VL_EXPR_SIZE_MAX; i++)
        size += vl_expr_size(expr->kids[i]);
    return size <= VL_EXPR_SIZE_MAX ? size : VL_EXPR_SIZE_MAX + 1;
}

void
vl_expr_visit(const vl_expr *expr, void (*visit)(void *arg, uint32_t id), void *arg)
{
    if (expr == NULL)
        return;
    if (expr->kind == VL_EXPR_COLUMN)
        visit(arg, expr->index);
    for (uint32_t i = 0; i < expr->kid_count; i++)
        vl_expr_visit(expr->kids[i], visit, arg);
}

uint64_t
vl_expr_places(const vl_binder *b, const vl_expr *expr, const vl_bind_scope *scope)
{
    uint64_t places = 0;

    if (expr->kind == VL_EXPR_COLUMN) {
        const vl_bind_source *source = b->ids[expr->index].source;

        if (source != NULL && source->scope == scope)
            places = UINT64_C(1) << source->place;
    }
    for (uint32_t i = 0; i < expr->kid_count; i++)
        places |= vl_expr_places(b, expr->kids[i], scope);
    return places;
}

vl_expr *
vl_expr_copy_kids(vl_binder *b, const vl_expr *expr)
{
    vl_expr *copy = vl_expr_copy(b, expr);

    if (copy == NULL)
        return NULL;
    copy->kids = vl_bind_alloc(b, expr->kid_count, sizeof(vl_expr *));
    if (copy->kids == NULL)
        return NULL;
    memcpy(copy->kids, expr->kids, expr->kid_count * sizeof(vl_expr *));
    return copy;
}

vl_expr *
vl_expr_replace(vl_binder *b, vl_expr *expr, const vl_exprs *froms, const uint32_t *ids)
{
    vl_expr *copy = NULL;

    if (expr == NULL || b->status != VELO_OK)
        return NULL;
    for (uint32_t i = 0; i < froms->count; i++)
        if (froms->list[i]->kind != VL_EXPR_COLUMN && vl_expr_equal(froms->list[i], expr)) {
            copy = vl_expr_copy(b, expr);
            if (copy == NULL)
                return NULL;
            copy->kind = VL_EXPR_COLUMN;
            copy->op = 0;
            copy->index = ids[i];
            copy->kid_count = 0;
            copy->program = VL_BIND_NONE;
            copy->is_constant = 0;
            copy->effect = VL_EFFECT_TOTAL;
            return copy;
        }
    for (uint32_t i = 0; i < expr->kid_count; i++) {
        vl_expr *kid = vl_expr_replace(b, expr->kids[i], froms, ids);

        if (kid == NULL)
            return NULL;
        if (kid == expr->kids[i])
            continue;
        if (copy == NULL) {
            copy = vl_expr_copy_kids(b, expr);
            if (copy == NULL)
                return NULL;
        }
        copy->kids[i] = kid;
    }
    return copy != NULL ? copy : expr;
}

vl_expr *
vl_expr_substitute(vl_binder *b, vl_expr *expr, uint32_t base, const vl_exprs *results)
{
    vl_expr *copy = NULL;

    if (expr == NULL || b->status != VELO_OK)
        return NULL;
    if (expr->kind == VL_EXPR_COLUMN) {
        vl_expr *result;

        if (expr->index < base || expr->index - base >= results->count)
            return expr;
        result = results->list[expr->index - base];
        if (expr->op == 0 || result->kind != VL_EXPR_COLUMN)
            return result;
        copy = vl_expr_copy(b, result); /* +x stays +x */
        if (copy != NULL)
            copy->op = expr->op;
        return copy;
    }
    for (uint32_t i = 0; i < expr->kid_count; i++) {
        vl_expr *kid = vl_expr_substitute(b, expr->kids[i], base, results);

        if (kid == NULL)
            return NULL;
        if (kid == expr->kids[i])
            continue;
        if (copy == NULL) {
            copy = vl_expr_copy_kids(b, expr);
            if (copy == NULL)
                return NULL;
        }
        copy->kids[i] = kid;
    }
    return copy != NULL ? copy : expr;
}
