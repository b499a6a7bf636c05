/* plan_query.c - operators for queries: groups, results, DISTINCT, ORDER BY, LIMIT, compounds.
 *
 * From below: FROM and WHERE, AGGREGATE, HAVING, the results (with what only ORDER BY needs behind
 * them), DISTINCT, SORT, LIMIT, and the results alone.
 *
 * Invariants
 *   PQ1  Groups come in ascending order and DISTINCT keeps the first rows (31, item 18), so ORDER
 * BY is left out only where the rows are in its order already. PQ3  What nobody looks at is not
 * computed, nor read, unless it is volatile. PQ2  Above an AGGREGATE expressions name its groups,
 * calls and bare columns only. */
#include "sql/bind_int.h"

#include <string.h>

/* ---- aggregates ---- */

/* The ids of bare columns, while they are collected. */
typedef struct query_bare {
    vl_binder *b;
    const vl_bind_scope *scope;
    const vl_bind_layout *groups;
    vl_exprs exprs;
} query_bare;

static void
query_visit_bare(void *arg, uint32_t id)
{
    query_bare *bare = arg;
    const vl_bind_source *source = bare->b->ids[id].source;

    if (source == NULL || source->scope != bare->scope)
        return;
    for (uint32_t i = 0; i < bare->groups->count; i++)
        if (bare->groups->ids[i] == id)
            return;
    for (uint32_t i = 0; i < bare->exprs.count; i++)
        if (bare->exprs.list[i]->index == id)
            return;
    vl_exprs_add(bare->b, &bare->exprs, vl_expr_column(bare->b, id, NULL));
}

/* What is computed above FROM: bound expressions, which an AGGREGATE makes speak of its own row. */
typedef struct query_tail {
    vl_exprs results;
    vl_exprs having;   /* conjuncts */
    vl_exprs order;    /* of the terms that are no results; the others are missing */
    vl_exprs windows;  /* see vl_window_exprs */
    int is_offset_met; /* rows before the OFFSET do not come */
} query_tail;

static int
query_is_aggregate(const vl_core *core)
{
    return core->is_grouped || core->scope->call_count > 0;
}

/* Whether there are live window functions. */
static int
query_has_windows(const vl_core *core)
{
    for (uint32_t i = 0; i < core->scope->window_call_count; i++)
        if (core->scope->window_calls[i].is_live)
            return 1;
    return 0;
}

/* Lower the calls of a scope for the rows below. */
static vl_aggregate *
query_lower_calls(vl_binder *b, const vl_bind_scope *scope, const vl_bind_layout *layout)
{
    vl_aggregate *calls = vl_bind_alloc(b, scope->call_count + 1U, sizeof *calls);

    if (calls == NULL)
        return NULL;
    for (uint32_t i = 0; i < scope->call_count; i++) {
        const vl_aggregate *call = &scope->calls[i].call;

        calls[i] = *call;
        calls[i].arguments = vl_lower_all(b, layout, &call->arguments);
        calls[i].filter = vl_lower(b, layout, call->filter);
        if (call->order_count > 0) {
            calls[i].order = vl_bind_alloc(b, call->order_count, sizeof(vl_sort_key));
            if (calls[i].order == NULL)
                return NULL;
        }
        for (uint32_t k = 0; k < call->order_count; k++) {
            calls[i].order[k] = call->order[k];
            calls[i].order[k].expr = vl_lower(b, layout, call->order[k].expr);
        }
    }
    if (scope->call_count > 0 && b->frame->effect < VL_EFFECT_FAILING)
        b->frame->effect = VL_EFFECT_FAILING; /* sum() may overflow */
    return calls;
}

/* Ids of the groups: a column keeps its own. */
static vl_bind_layout
query_group_ids(vl_binder *b, const vl_core *core)
{
    vl_bind_layout layout = vl_bind_layout_new(b, VL_BIND_NONE, core->groups.count);

    for (uint32_t i = 0; i < layout.count; i++) {
        const vl_expr *group = core->groups.list[i];

        layout.ids[i] = group->kind == VL_EXPR_COLUMN && group->op == 0
                            ? group->index
                            : vl_bind_id_new(b, NULL, 1);
    }
    return layout;
}

/* Make all expressions speak of groups. */
static void
query_replace_tail(vl_binder *b, const vl_core *core, const vl_bind_layout *groups,
                   query_tail *tail)
{
    vl_exprs *lists[] = {&tail->results, &tail->having, &tail->order, &tail->windows};

    for (unsigned i = 0; i < VL_ARRAY_COUNT(lists); i++) {
        vl_exprs replaced = {NULL, 0};

        for (uint32_t k = 0; k < lists[i]->count; k++)
            vl_exprs_add(b, &replaced,
                         vl_expr_replace(b, lists[i]->list[k], &core->groups, groups->ids));
        *lists[i] = replaced;
    }
}

static void
query_collect_bare(const query_tail *tail, query_bare *bare)
{
    const vl_exprs *lists[] = {&tail->results, &tail->having, &tail->order, &tail->windows};

    for (unsigned i = 0; i < VL_ARRAY_COUNT(lists); i++)
        for (uint32_t k = 0; k < lists[i]->count; k++)
            vl_expr_visit(lists[i]->list[k], query_visit_bare, bare);
}

static vl_bind_rel
query_aggregate(vl_binder *b, const vl_core *core, vl_bind_rel rel, int is_sorted, query_tail *tail)
{
    const vl_bind_scope *scope = core->scope;
    vl_bind_layout groups = query_group_ids(b, core);
    query_bare bare = {b, scope, &groups, {NULL, 0}};
    uint8_t *collations = vl_bind_alloc(b, core->groups.count + 1U, 1);
    vl_op *op = vl_op_new(b, VL_OP_KIND_AGGREGATE, 1, rel.op, NULL);
    vl_bind_rel out = {NULL, {NULL, 0}};
    vl_op_aggregate *as;

    query_replace_tail(b, core, &groups, tail);
    query_collect_bare(tail, &bare);
    if (op == NULL || collations == NULL || b->status != VELO_OK)
        return out;
    as = &op->as.aggregate;
    for (uint32_t i = 0; i < core->groups.count; i++) {
        (void)vl_expr_collation(b, core->groups.list[i], &collations[i]);
        (void)vl_bind_need(b, collations[i]);
    }
    as->groups = vl_lower_all(b, &rel.layout, &core->groups);
    as->collations = collations;
    as->aggregates = query_lower_calls(b, scope, &rel.layout);
    as->aggregate_count = scope->call_count;
    as->bare = vl_lower_all(b, &rel.layout, &bare.exprs);
    as->min_max = -1;
    for (uint32_t i = scope->call_count; i-- > 0 && bare.exprs.count > 0;)
        if (scope->calls[i].min_max != 0)
            as->min_max = (int32_t)i;
    as->is_grouped = core->is_grouped;
    as->is_sorted_input = is_sorted;
    op->column_count = groups.count + scope->call_count + bare.exprs.count;
    op->rows = core->is_grouped ? rel.op->rows / 10 + 1 : 1;
    out.layout = vl_bind_layout_new(b, VL_BIND_NONE, op->column_count);
    if (out.layout.ids == NULL)
        return out;
    for (uint32_t i = 0; i < groups.count; i++)
        out.layout.ids[i] = groups.ids[i];
    for (uint32_t i = 0; i < scope->call_count; i++)
        out.layout.ids[groups.count + i] = scope->calls[i].id;
    for (uint32_t i = 0; i < bare.exprs.count; i++)
        out.layout.ids[groups.count + scope->call_count + i] = bare.exprs.list[i]->index;
    out.op = op;
    return out;
}

/* ---- order ---- */

/* Whether ORDER BY is the order of the groups: PQ1. */
static int
query_is_group_order(const vl_binder *b, const vl_core *core, const vl_query *query)
{
    if (query->order_count > core->groups.count)
        return 0;
    for (uint32_t i = 0; i < query->order_count; i++) {
        const vl_bind_order *order = &query->order[i];
        uint8_t collation;

        (void)vl_expr_collation(b, core->groups.list[i], &collation);
        if (order->is_descending || order->nulls_last || order->collation != collation ||
            order->expr == NULL || !vl_expr_equal(order->expr, core->groups.list[i]))
            return 0;
    }
    return 1;
}

/* Whether LIMIT counts rows of FROM, which is one table. */
static int
query_limits_rows(const vl_query *query, const vl_core *core)
{
    return query->limit != NULL && query->limit->effect != VL_EFFECT_VOLATILE &&
           (query->offset == NULL || query->offset->effect != VL_EFFECT_VOLATILE) &&
           !core->is_distinct && !query_has_windows(core) && core->scope->source_count == 1;
}

/* Whether nobody can tell in which order rows are grouped: a set of groups in an expression. In
 * other places rows are read by an index that has the order, as in SQLite, which sums of reals and
 * bare columns show. */
static int
query_is_set_of_groups(const vl_binder *b, const vl_core *core, const vl_query *query)
{
    for (uint32_t i = 0; i < core->scope->call_count; i++)
        if (core->scope->calls[i].is_order_dependent)
            return 0;
    return b->repeated > 0 && core->groups.count == 1 && core->results.count == 1 &&
           query->limit == NULL && vl_expr_equal(core->results.list[0], core->groups.list[0]);
}

/* The order in which rows of FROM would save a sort or the work of grouping. */
static vl_wish
query_wish(vl_binder *b, const vl_core *core, const vl_query *query)
{
    vl_wish wish = {.is_limited = query->limit != NULL};
    vl_bind_order *order;

    if (!query_is_aggregate(core)) {
        wish.order = query->order;
        wish.count = query->order_count;
        if (query_limits_rows(query, core)) {
            wish.limit = query->limit;
            wish.offset = query->offset;
        }
        return wish;
    }
    wish.is_limited = 0;
    wish.is_hashed = query_is_set_of_groups(b, core, query);
    order = vl_bind_alloc(b, core->groups.count + 1U, sizeof *order);
    if (order == NULL)
        return wish;
    for (uint32_t i = 0; i < core->groups.count; i++) {
        order[i].expr = core->groups.list[i];
        (void)vl_expr_collation(b, order[i].expr, &order[i].collation);
    }
    wish.order = order;
    wish.count = core->groups.count;
    return wish;
}

static vl_bind_rel
query_sort(vl_binder *b, const vl_query *query, vl_bind_rel rel, uint32_t result_count)
{
    const vl_bind_layout none = {NULL, 0};
    vl_op *op = vl_op_new(b, VL_OP_KIND_SORT, 1, rel.op, NULL);
    vl_sort_key *keys = vl_bind_alloc(b, query->order_count, sizeof *keys);
    uint32_t extra = result_count;

    if (op == NULL || keys == NULL)
        return (vl_bind_rel){NULL, {NULL, 0}};
    for (uint32_t i = 0; i < query->order_count; i++) {
        const vl_bind_order *order = &query->order[i];
        vl_bind_column column = {.classes = VL_CLASS_ANY};

        if (order->slot != VL_BIND_NONE)
            column = query->columns[order->slot];
        keys[i] = (vl_sort_key){
            .expr =
                vl_expr_position(b, order->slot != VL_BIND_NONE ? order->slot : extra++, &column),
            .is_descending = order->is_descending,
            .nulls_last = order->nulls_last,
            .collation = order->collation,
        };
        if (keys[i].expr == NULL)
            return (vl_bind_rel){NULL, {NULL, 0}};
    }
    op->as.sort.keys = keys;
    op->as.sort.key_count = query->order_count;
    if (query->limit != NULL && query->limit->effect != VL_EFFECT_VOLATILE &&
        (query->offset == NULL || query->offset->effect != VL_EFFECT_VOLATILE)) {
        op->as.sort.limit = vl_lower(b, &none, query->limit);
        op->as.sort.offset = vl_lower(b, &none, query->offset);
    }
    rel.op = op;
    return rel;
}

static vl_bind_rel
query_limit(vl_binder *b, const vl_query *query, vl_bind_rel rel, int is_offset_met)
{
    const vl_bind_layout none = {NULL, 0};
    vl_op *op;

    if (query->limit == NULL)
        return rel;
    op = vl_op_new(b, VL_OP_KIND_LIMIT, 1, rel.op, NULL);
    if (op == NULL)
        return (vl_bind_rel){NULL, {NULL, 0}};
    op->as.limit.limit = vl_lower(b, &none, query->limit);
    op->as.limit.offset = is_offset_met ? NULL : vl_lower(b, &none, query->offset);
    rel.op = op;
    return rel;
}

/* ---- results ---- */

static int
query_is_identity(const vl_op *child, const vl_exprs *exprs)
{
    if (exprs->count != child->column_count)
        return 0;
    for (uint32_t i = 0; i < exprs->count; i++)
        if (exprs->list[i]->kind != VL_EXPR_COLUMN || exprs->list[i]->index != i)
            return 0;
    return 1;
}

/* Whether expressions are only columns and values, which may as well be computed above. */
static int
query_is_trivial(const vl_exprs *exprs)
{
    for (uint32_t i = 0; i < exprs->count; i++)
        if (exprs->list[i]->kid_count > 0 || exprs->list[i]->effect != VL_EFFECT_TOTAL)
            return 0;
    return 1;
}

/* A PROJECT of lowered expressions; the layout is unknown ids. */
static vl_bind_rel
query_project(vl_binder *b, vl_bind_rel rel, const vl_exprs *exprs)
{
    vl_bind_rel out = {NULL, vl_bind_layout_new(b, VL_BIND_NONE, exprs->count)};

    if (rel.op == NULL || b->status != VELO_OK)
        return out;
    if (query_is_identity(rel.op, exprs)) {
        out.op = rel.op;
        return out;
    }
    if (rel.op->kind == VL_OP_KIND_PROJECT && query_is_trivial(&rel.op->as.project.exprs)) {
        vl_exprs composed = {NULL, 0};

        for (uint32_t i = 0; i < exprs->count; i++)
            vl_exprs_add(b, &composed,
                         vl_expr_substitute(b, exprs->list[i], 0, &rel.op->as.project.exprs));
        rel.op = rel.op->children[0];
        return query_project(b, rel, &composed);
    }
    out.op = vl_op_new(b, VL_OP_KIND_PROJECT, 1, rel.op, NULL);
    if (out.op == NULL)
        return out;
    out.op->as.project.exprs = *exprs;
    out.op->column_count = exprs->count;
    return out;
}

/* The first `count` columns of a row. */
static vl_bind_rel
query_cut(vl_binder *b, vl_bind_rel rel, uint32_t first, uint32_t count)
{
    vl_exprs exprs = {NULL, 0};

    for (uint32_t i = 0; i < count; i++)
        vl_exprs_add(b, &exprs, vl_expr_position(b, first + i, NULL));
    return query_project(b, rel, &exprs);
}

static vl_bind_rel
query_distinct(vl_binder *b, const vl_core *core, vl_bind_rel rel)
{
    vl_op *op = vl_op_new(b, VL_OP_KIND_DISTINCT, 1, rel.op, NULL);
    uint8_t *collations = vl_bind_alloc(b, core->results.count + 1U, 1);

    if (op == NULL || collations == NULL)
        return (vl_bind_rel){NULL, {NULL, 0}};
    for (uint32_t i = 0; i < core->results.count; i++)
        collations[i] = vl_bind_need(b, core->columns[i].collation);
    op->as.distinct.key_count = core->results.count;
    op->as.distinct.collations = collations;
    rel.op = op;
    return rel;
}

/* ---- FROM ---- */

static vl_bind_rel
query_values(vl_binder *b, const vl_core *core)
{
    const vl_bind_layout none = {NULL, 0};
    vl_op *op = vl_op_new(b, VL_OP_KIND_VALUES, 0, NULL, NULL);
    vl_exprs *rows = vl_bind_alloc(b, core->row_count, sizeof *rows);
    vl_bind_rel out = {NULL, vl_bind_layout_new(b, VL_BIND_NONE, core->results.count)};

    if (op == NULL || rows == NULL)
        return out;
    for (uint32_t i = 0; i < core->row_count; i++)
        rows[i] = vl_lower_all(b, &none, &core->rows[i]);
    op->as.values.rows = rows;
    op->as.values.row_count = core->row_count;
    op->column_count = core->results.count;
    op->rows = core->row_count;
    out.op = op;
    return out;
}

/* min(x) or max(x) alone, of a column of one table: its end of an index, if there is one. */
static vl_bind_rel
query_min_max(vl_binder *b, const vl_core *core, const vl_exprs *given, const query_tail *tail)
{
    const vl_bind_scope *scope = core->scope;
    const vl_bind_call *call = scope->calls;
    const vl_bind_layout groups = {NULL, 0};
    query_bare bare = {b, scope, &groups, {NULL, 0}};
    vl_bind_rel rel = {NULL, {NULL, 0}};
    vl_exprs where = {NULL, 0};
    vl_bind_order order = {0};
    vl_wish wish = {.order = &order, .count = 1, .is_limited = 1};
    vl_expr *subject;
    vl_expr *test;
    vl_op *op;

    if (core->is_grouped || scope->call_count != 1 || call->min_max == 0 ||
        call->call.filter != NULL || scope->source_count != 1 ||
        scope->sources[0]->kind != VL_BIND_SOURCE_TABLE)
        return rel;
    subject = call->call.arguments.list[0];
    query_collect_bare(tail, &bare);
    if (subject->kind != VL_EXPR_COLUMN || subject->op != 0 || bare.exprs.count > 0)
        return rel;
    test = vl_expr_new(b, VL_EXPR_IS_NULL, 1, NULL);
    if (test == NULL)
        return rel;
    test->is_not = 1;
    test->kids[0] = subject;
    test->classes = VL_CLASS_INTEGER;
    for (uint32_t i = 0; i < given->count; i++)
        vl_exprs_add(b, &where, given->list[i]);
    if ((subject->classes & VL_CLASS_NULL) != 0)
        vl_exprs_add(b, &where, vl_expr_finish(b, test));
    order.expr = subject;
    order.collation = call->call.collation;
    order.is_descending = call->min_max > 0;
    order.nulls_last = order.is_descending;
    rel = vl_plan_from(b, scope, &core->from, &where, &wish);
    if (!wish.is_met)
        return (vl_bind_rel){NULL, {NULL, 0}};
    op = vl_op_new(b, VL_OP_KIND_LIMIT, 1, rel.op, NULL);
    if (op == NULL)
        return (vl_bind_rel){NULL, {NULL, 0}};
    op->as.limit.limit = vl_expr_constant(b, vl_value_of_integer(1), NULL);
    op->rows = 1;
    rel.op = op;
    return rel;
}

/* ---- one SELECT ---- */

/* Rows of FROM, grouped if need be, with the results of window functions; *is_ordered: as ORDER BY
 * wants them. */
static vl_bind_rel
query_rows(vl_binder *b, const vl_query *query, const vl_core *core, const vl_exprs *where,
           query_tail *tail, int *is_ordered)
{
    vl_wish wish = query_wish(b, core, query);
    int has_windows = query_has_windows(core);
    int is_wish_of_window =
        has_windows && !query_is_aggregate(core) && vl_window_wish(b, core->scope, &wish);
    vl_bind_rel rel = {NULL, {NULL, 0}};

    *is_ordered = query->order_count == 0;
    if (b->status != VELO_OK)
        return rel;
    if (query_is_aggregate(core))
        rel = query_min_max(b, core, where, tail);
    if (rel.op == NULL)
        rel = vl_plan_from(b, core->scope, &core->from, where, &wish);
    if (!query_is_aggregate(core)) {
        *is_ordered |= wish.is_met && !is_wish_of_window;
        tail->is_offset_met = wish.is_offset_met;
    } else {
        rel = query_aggregate(b, core, rel, wish.count > 0 && wish.is_met, tail);
        *is_ordered |= !core->is_grouped || query_is_group_order(b, core, query);
        rel = vl_plan_filter(b, rel, &tail->having);
    }
    if (!has_windows)
        return rel;
    if (vl_window_wish(b, core->scope, &(vl_wish){0}))
        *is_ordered = query->order_count == 0 || (query_is_aggregate(core) && !core->is_grouped) ||
                      vl_window_is_ordered(b, core->scope, query->order, query->order_count);
    return vl_plan_windows(b, core->scope, rel, &tail->windows,
                           is_wish_of_window && wish.count > 0 && wish.is_met);
}

/* Which columns of the sources are needed, now that it is known what is computed. */
static void
query_visit_used(void *arg, uint32_t id)
{
    vl_binder *b = arg;

    b->ids[id].is_used = 1;
}

static void
query_mark_list(vl_binder *b, const vl_exprs *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        vl_expr_visit(list->list[i], query_visit_used, b);
}

static void
query_mark_items(vl_binder *b, const vl_join_item *item)
{
    query_mark_list(b, &item->on);
    if (item->source != NULL)
        query_mark_list(b, &item->source->arguments);
    for (uint32_t i = 0; i < item->list_count; i++)
        query_mark_items(b, &item->list[i]);
}

/* Which window functions are needed, and what they need. */
static void
query_mark_windows(vl_binder *b, const vl_bind_scope *scope, query_tail *tail)
{
    for (uint32_t i = 0; i < scope->window_call_count; i++)
        scope->window_calls[i].is_live = b->ids[scope->window_calls[i].id].is_used;
    tail->windows = vl_window_exprs(b, scope);
    query_mark_list(b, &tail->windows);
}

static void
query_mark_used(vl_binder *b, const vl_query *query, const vl_core *core, const vl_exprs *where,
                query_tail *tail)
{
    const vl_bind_scope *scope = core->scope;

    for (uint32_t i = 0; i < scope->source_count; i++)
        for (uint32_t k = 0; k <= scope->sources[i]->column_count; k++)
            b->ids[scope->sources[i]->base + k].is_used = 0;
    for (uint32_t i = 0; i < scope->window_call_count; i++)
        b->ids[scope->window_calls[i].id].is_used = 0;
    query_mark_items(b, &core->from);
    query_mark_list(b, where);
    query_mark_list(b, &core->groups);
    query_mark_list(b, &tail->results);
    query_mark_list(b, &tail->having);
    for (uint32_t i = 0; i < query->order_count; i++)
        vl_expr_visit(query->order[i].expr, query_visit_used, b);
    for (uint32_t i = 0; i < scope->call_count; i++) {
        const vl_aggregate *call = &scope->calls[i].call;

        query_mark_list(b, &call->arguments);
        vl_expr_visit(call->filter, query_visit_used, b);
        for (uint32_t k = 0; k < call->order_count; k++)
            vl_expr_visit(call->order[k].expr, query_visit_used, b);
    }
    query_mark_windows(b, scope, tail);
}

/* Results, with NULL for those that nobody looks at. */
static vl_exprs
query_live_results(vl_binder *b, const vl_query *query, const vl_core *core,
                   const vl_query_use *use)
{
    vl_exprs live = {NULL, 0};

    if (use == NULL || core->is_distinct)
        return core->results;
    for (uint32_t i = 0; i < core->results.count; i++) {
        vl_expr *expr = core->results.list[i];
        int is_live = b->ids[use->base + i].is_used || expr->effect == VL_EFFECT_VOLATILE;

        for (uint32_t k = 0; k < query->order_count; k++)
            is_live |= query->order[k].slot == i;
        vl_exprs_add(b, &live, is_live ? expr : vl_expr_constant(b, vl_value_of_null(), NULL));
    }
    return live;
}

/* WHERE, with what is asked of the results put in terms of the sources. */
static vl_exprs
query_where(vl_binder *b, const vl_core *core, const vl_query_use *use)
{
    vl_exprs where = {NULL, 0};

    for (uint32_t i = 0; i < core->where.count; i++)
        vl_exprs_add(b, &where, core->where.list[i]);
    for (uint32_t i = 0; use != NULL && i < use->where.count; i++)
        vl_exprs_add(b, &where,
                     vl_expr_substitute(b, use->where.list[i], use->base, &core->results));
    return where;
}

/* A SELECT with the ORDER BY and LIMIT of its query. */
static vl_bind_rel
query_select(vl_binder *b, const vl_query *query, const vl_core *core, const vl_query_use *use)
{
    query_tail tail = {.results = query_live_results(b, query, core, use)};
    uint32_t count = core->results.count;
    vl_exprs where = query_where(b, core, use);
    vl_bind_rel rel;
    vl_exprs exprs = {NULL, 0};
    int is_ordered;

    vl_expr_conjuncts(b, core->having, &tail.having);
    if (b->status != VELO_OK)
        return (vl_bind_rel){NULL, {NULL, 0}};
    query_mark_used(b, query, core, &where, &tail);
    for (uint32_t i = 0; i < query->order_count; i++)
        if (query->order[i].slot == VL_BIND_NONE)
            vl_exprs_add(b, &tail.order, query->order[i].expr);
    rel = query_rows(b, query, core, &where, &tail, &is_ordered);
    if (rel.op == NULL || b->status != VELO_OK)
        return (vl_bind_rel){NULL, {NULL, 0}};
    for (uint32_t i = 0; i < count; i++)
        vl_exprs_add(b, &exprs, tail.results.list[i]);
    for (uint32_t i = 0; i < tail.order.count && !is_ordered; i++)
        vl_exprs_add(b, &exprs, tail.order.list[i]);
    exprs = vl_lower_all(b, &rel.layout, &exprs);
    rel = query_project(b, rel, &exprs);
    if (core->is_distinct)
        rel = query_distinct(b, core, rel);
    if (!is_ordered)
        rel = query_sort(b, query, rel, count);
    rel = query_limit(b, query, rel, tail.is_offset_met);
    if (rel.op != NULL && rel.op->column_count > count)
        rel = query_cut(b, rel, 0, count);
    return rel;
}

/* ---- compounds ---- */

static vl_compound
query_compound_kind(vl_ast_op op)
{
    if (op == VL_OP_UNION_ALL)
        return VL_COMPOUND_UNION_ALL;
    if (op == VL_OP_UNION)
        return VL_COMPOUND_UNION;
    return op == VL_OP_EXCEPT ? VL_COMPOUND_EXCEPT : VL_COMPOUND_INTERSECT;
}

static vl_bind_rel
query_core(vl_binder *b, const vl_core *core, const vl_query_use *use)
{
    vl_query plain = {0};

    if (core->rows != NULL)
        return query_values(b, core);
    return query_select(b, &plain, core, use);
}

/* Whether rows of the parts are just put together. */
static int
query_is_union_all(const vl_query *query)
{
    for (uint32_t i = 1; i < query->core_count; i++)
        if (query->cores[i]->op != VL_OP_UNION_ALL)
            return 0;
    return 1;
}

static vl_bind_rel
query_compound(vl_binder *b, const vl_query *query, const vl_query_use *use)
{
    vl_bind_rel rel;

    if (!query_is_union_all(query) || query->order_count > 0)
        use = NULL;
    rel = query_core(b, query->cores[0], use);
    for (uint32_t i = 1; i < query->core_count; i++) {
        vl_bind_rel right = query_core(b, query->cores[i], use);
        vl_op *op = vl_op_new(b, VL_OP_KIND_COMPOUND, 2, rel.op, right.op);

        if (op == NULL || rel.op == NULL || right.op == NULL)
            return (vl_bind_rel){NULL, {NULL, 0}};
        op->as.compound.kind = query_compound_kind(query->cores[i]->op);
        op->as.compound.collations = query->collations;
        for (uint32_t k = 0; k < query->column_count && query->cores[i]->op != VL_OP_UNION_ALL; k++)
            (void)vl_bind_need(b, query->collations[k]);
        op->rows = rel.op->rows + right.op->rows;
        rel.op = op;
    }
    if (query->order_count > 0)
        rel = query_sort(b, query, rel, query->column_count);
    return query_limit(b, query, rel, 0);
}

/* ---- conjuncts from outside ---- */

/* Whether a conjunct on results of a SELECT may become part of its WHERE. */
typedef struct query_taker {
    const vl_core *core;
    uint32_t base;
    uint32_t size; /* nodes that the conjunct will have, about */
    int is_fit;
} query_taker;

static int
query_is_group(const vl_core *core, const vl_expr *result)
{
    for (uint32_t i = 0; i < core->groups.count; i++)
        if (core->groups.list[i]->kind == VL_EXPR_COLUMN && result->kind == VL_EXPR_COLUMN &&
            result->collation == VL_COLLATE_BINARY && vl_expr_equal(core->groups.list[i], result))
            return 1;
    return 0;
}

/* Whether a result is what all windows of a SELECT divide by: then it chooses whole partitions. */
static int
query_is_partition(const vl_core *core, const vl_expr *result)
{
    const vl_bind_scope *scope = core->scope;

    if (scope->window_count > 0 &&
        (result->kind != VL_EXPR_COLUMN || result->collation != VL_COLLATE_BINARY))
        return 0;
    for (uint32_t i = 0; i < scope->window_count; i++) {
        const vl_exprs *partition = &scope->windows[i].partition;
        int is_found = 0;

        for (uint32_t k = 0; k < partition->count; k++)
            is_found |= vl_expr_equal(partition->list[k], result);
        if (!is_found)
            return 0;
    }
    return 1;
}

static void
query_visit_taken(void *arg, uint32_t id)
{
    query_taker *taker = arg;
    uint32_t column = id - taker->base;
    const vl_expr *result;

    if (id < taker->base || column >= taker->core->results.count)
        return;
    result = taker->core->results.list[column];
    if (taker->size <= VL_EXPR_SIZE_MAX)
        taker->size += vl_expr_size(result);
    if (result->effect != VL_EFFECT_TOTAL)
        taker->is_fit = 0;
    if (query_is_aggregate(taker->core) && !query_is_group(taker->core, result))
        taker->is_fit = 0;
    if (!query_is_partition(taker->core, result))
        taker->is_fit = 0;
}

/* Values of a group may differ in ways that comparisons do not see: 1 and 1.0. */
static int
query_is_comparison(const vl_expr *conjunct)
{
    if (conjunct->kind != VL_EXPR_COMPARE && conjunct->kind != VL_EXPR_BETWEEN &&
        conjunct->kind != VL_EXPR_IN_LIST)
        return 0;
    for (uint32_t i = 0; i < conjunct->kid_count; i++)
        if (conjunct->kids[i]->kind != VL_EXPR_COLUMN && !conjunct->kids[i]->is_constant)
            return 0;
    return 1;
}

int
vl_query_takes(const vl_binder *b, const vl_query *query, uint32_t base, const vl_expr *conjunct)
{
    (void)b;
    if (query->limit != NULL || conjunct->effect != VL_EFFECT_TOTAL || !query_is_union_all(query) ||
        (query->core_count > 1 && query->order_count > 0))
        return 0;
    for (uint32_t i = 0; i < query->core_count; i++) {
        query_taker taker = {query->cores[i], base, vl_expr_size(conjunct), 1};

        if (taker.core->rows != NULL || taker.core->is_distinct ||
            (query_is_aggregate(taker.core) &&
             (!taker.core->is_grouped || !query_is_comparison(conjunct))) ||
            (taker.core->scope->window_count > 0 && !query_is_comparison(conjunct)))
            return 0;
        vl_expr_visit(conjunct, query_visit_taken, &taker);
        if (!taker.is_fit || taker.size > VL_EXPR_SIZE_MAX)
            return 0;
    }
    return 1;
}

/* ---- queries and programs ---- */

vl_bind_rel
vl_plan_query(vl_binder *b, const vl_query *query, const vl_query_use *use)
{
    vl_bind_rel rel = {NULL, {NULL, 0}};

    if (query == NULL || b->status != VELO_OK)
        return rel;
    if (query->core_count == 1 && query->cores[0]->rows == NULL)
        rel = query_select(b, query, query->cores[0], use);
    else
        rel = query_compound(b, query, use);
    if (rel.op == NULL)
        return rel;
    rel.layout = vl_bind_layout_new(b, use != NULL ? use->base : VL_BIND_NONE, query->column_count);
    return rel;
}

uint32_t
vl_plan_program(vl_binder *b, const vl_query *query, const char *name, uint32_t only,
                vl_bind_frame *frame)
{
    uint32_t program = vl_program_new(b, name);
    vl_bind_frame *outer = vl_program_begin(b, frame);
    vl_bind_rel rel = vl_plan_query(b, query, NULL);

    if (only != VL_BIND_NONE)
        rel = query_cut(b, rel, only, 1);
    vl_program_end(b, outer, program, rel.op);
    return program;
}
