/* bind_order.c - ORDER BY and LIMIT.
 *
 * Invariants
 *   BO1  A term is a number, then an alias, then an expression; one that equals a result is it.
 *   BO2  The terms of a compound are results of it. */
#include "sql/bind_int.h"

#include "vec/number.h"

#include <string.h>

/* ---- ordinals ---- */

static const vl_ast *
order_strip(const vl_ast *term)
{
    while (term->type == VL_AST_COLLATE)
        term = term->kid[0];
    return term;
}

int
vl_bind_ordinal(const vl_ast *term, int64_t *number)
{
    int is_negative = 0;
    vl_number read;

    term = order_strip(term);
    while (term->type == VL_AST_UNARY && (term->op == VL_OP_MINUS || term->op == VL_OP_PLUS)) {
        is_negative ^= term->op == VL_OP_MINUS;
        term = term->kid[0];
    }
    if (term->type != VL_AST_INTEGER)
        return 0;
    if (vl_number_read_hex(term->text, term->text_size, number))
        return 1;
    read = vl_number_read(term->text, term->text_size);
    if (read.value.type != VL_TYPE_INTEGER || read.value.as.integer > INT32_MAX)
        return 0;
    *number = is_negative ? -read.value.as.integer : read.value.as.integer;
    return 1;
}

const char *
vl_bind_rank(uint32_t number, char *to, size_t size)
{
    static const char *const ends[] = {"th", "st", "nd", "rd"};
    uint32_t last = number % 10;
    char digits[12];
    size_t count = 0;
    size_t written = 0;

    if (last > 3 || number / 10 % 10 == 1)
        last = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0 && written + 3 < size)
        to[written++] = digits[--count];
    memcpy(to + written, ends[last], 3);
    return to;
}

uint32_t
vl_bind_ordinal_slot(vl_binder *b, const vl_bind_scope *scope, const vl_ast *term, int64_t number,
                     uint32_t count, uint32_t rank, const char *clause)
{
    char words[16];

    if (number >= 1 && number <= (int64_t)count)
        return (uint32_t)number - 1;
    (void)term;
    vl_bind_fail(b, scope, NULL, "%s %s term out of range - should be between 1 and %u",
                 vl_bind_rank(rank, words, sizeof words), clause, (unsigned)count);
    return VL_BIND_NONE;
}

/* ---- terms ---- */

/* The result that has the alias, or VL_BIND_NONE. */
static uint32_t
order_alias_slot(const vl_core *core, const vl_ast *term)
{
    if (term->type != VL_AST_COLUMN || term->kid[0] != NULL)
        return VL_BIND_NONE;
    for (uint32_t i = 0; i < core->results.count; i++)
        if (core->columns[i].is_alias &&
            vl_bind_is(term->text, term->text_size, core->columns[i].name))
            return i;
    return VL_BIND_NONE;
}

/* The result that equals an expression, or VL_BIND_NONE. */
static uint32_t
order_equal_slot(const vl_core *core, const vl_expr *expr)
{
    for (uint32_t i = 0; i < core->results.count; i++)
        if (vl_expr_equal(core->results.list[i], expr))
            return i;
    return VL_BIND_NONE;
}

/* The slot of a term that is a number or an alias. */
static uint32_t
order_easy_slot(vl_binder *b, const vl_query *query, const vl_ast *term, uint32_t rank)
{
    int64_t number;

    if (vl_bind_ordinal(term, &number))
        return vl_bind_ordinal_slot(b, query->cores[0]->scope, term, number, query->column_count,
                                    rank, "ORDER BY");
    for (uint32_t i = 0; i < query->core_count; i++) {
        uint32_t slot = order_alias_slot(query->cores[i], order_strip(term));

        if (slot != VL_BIND_NONE)
            return slot;
    }
    return VL_BIND_NONE;
}

/* A term of a simple query. */
static void
order_simple_term(vl_binder *b, vl_query *query, const vl_ast *term, uint32_t rank,
                  vl_bind_order *order)
{
    vl_core *core = query->cores[0];

    order->slot = order_easy_slot(b, query, term, rank);
    if (b->status != VELO_OK)
        return;
    if (order->slot == VL_BIND_NONE) {
        core->scope->has_windows = 1;
        order->expr = vl_bind_expr(b, core->scope, term);
        core->scope->has_windows = 0;
        if (order->expr == NULL)
            return;
        order->slot = order_equal_slot(core, order->expr);
    } else {
        order->expr = core->results.list[order->slot]; /* keeps BO1 */
    }
    (void)vl_expr_collation(b, order->expr, &order->collation);
}

/* Whether a term is a result of one of the cores. */
static uint32_t
order_try_core(vl_binder *b, vl_core *core, const vl_ast *term)
{
    uint32_t call_count = core->scope->call_count;
    uint32_t window_count = core->scope->window_count;
    uint32_t window_call_count = core->scope->window_call_count;
    uint32_t slot = VL_BIND_NONE;
    const vl_expr *expr;

    if (core->rows != NULL)
        return VL_BIND_NONE;
    b->quiet++;
    core->scope->has_windows = 1;
    expr = vl_bind_expr(b, core->scope, order_strip(term));
    core->scope->has_windows = 0;
    b->quiet--;
    if (b->status == VELO_ERROR)
        b->status = VELO_OK;
    if (expr != NULL && b->status == VELO_OK)
        slot = order_equal_slot(core, expr);
    core->scope->call_count = call_count;
    core->scope->window_count = window_count;
    core->scope->window_call_count = window_call_count;
    return slot;
}

static void
order_compound_term(vl_binder *b, vl_query *query, const vl_ast *term, uint32_t rank,
                    vl_bind_order *order)
{
    char words[16];

    order->slot = order_easy_slot(b, query, term, rank);
    for (uint32_t i = 0; i < query->core_count && order->slot == VL_BIND_NONE; i++) {
        if (b->status != VELO_OK)
            return;
        order->slot = order_try_core(b, query->cores[i], term);
    }
    if (b->status != VELO_OK)
        return;
    if (order->slot == VL_BIND_NONE) { /* keeps BO2 */
        vl_bind_fail(b, query->cores[0]->scope, NULL,
                     "%s ORDER BY term does not match any column in the result set",
                     vl_bind_rank(rank, words, sizeof words));
        return;
    }
    order->collation = query->collations[order->slot];
}

void
vl_bind_order_by(vl_binder *b, vl_query *query, const vl_ast *list)
{
    uint32_t rank = 0;

    if (list == NULL || query == NULL || b->status != VELO_OK)
        return;
    query->order = vl_bind_alloc(b, list->count + 1U, sizeof(vl_bind_order));
    if (query->order == NULL)
        return;
    for (const vl_ast *term = vl_ast_first(list); term != NULL && b->status == VELO_OK;
         term = term->next) {
        vl_bind_order *order = &query->order[query->order_count++];
        const vl_ast *expr = term->kid[0];

        rank++;
        if (query->core_count == 1 && query->cores[0]->rows == NULL)
            order_simple_term(b, query, expr, rank, order);
        else
            order_compound_term(b, query, expr, rank, order);
        if (expr->type == VL_AST_COLLATE && b->status == VELO_OK)
            (void)vl_bind_collation(b, query->cores[0]->scope, expr, expr->text, expr->text_size,
                                    &order->collation);
        (void)vl_bind_need(b, order->collation);
        order->is_descending = (term->flags & VL_AST_DESC) != 0;
        order->nulls_last = (term->flags & VL_AST_NULLS_LAST) != 0 ||
                            (order->is_descending && (term->flags & VL_AST_NULLS_FIRST) == 0);
    }
}

/* ---- LIMIT ---- */

void
vl_bind_limit(vl_binder *b, vl_query *query, const vl_bind_scope *like, const vl_ast *limit,
              const vl_ast *offset)
{
    vl_bind_scope *scope;

    if (limit == NULL || query == NULL || b->status != VELO_OK)
        return;
    scope = vl_bind_scope_new(b, b->around, like); /* no columns of any query */
    if (scope == NULL)
        return;
    query->limit = vl_bind_expr(b, scope, limit);
    if (offset != NULL)
        query->offset = vl_bind_expr(b, scope, offset);
}
