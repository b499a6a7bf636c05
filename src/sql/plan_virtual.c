/* plan_virtual.c - how a virtual table is read: its module is asked what it can decide.
 *
 * Conjuncts that say something of a column become constraints, which are offered to the module
 * with those marked whose other sides are known when the scan begins. What it asks for is handed to
 * the scan as arguments.
 *
 * Invariants
 *   PV1  A conjunct is left out of the filter only if the module says that it decides all of it,
 * and gets its value. PV2  LIMIT and OFFSET are offered only where every conjunct is offered too
 * and the order is what ORDER BY says; they are taken only with all of the others. */
#include "sql/bind_int.h"

#include "base/collation.h"
#include "catalog/virtual.h"
#include "func/registry.h"

#include <string.h>

#define VIRTUAL_ROWS 25
#define VIRTUAL_COST 5e98
/* Of a way that the module refuses: only what comes next may make another one possible. */
#define VIRTUAL_REFUSED_COST 1e200

/* The number of a conjunct that is decided elsewhere. */
#define VIRTUAL_ELSEWHERE (UINT32_MAX - 1)

/* A constraint, as the planner knows it. */
typedef struct virtual_use {
    uint32_t conjunct;      /* its number; VL_BIND_NONE: LIMIT or OFFSET */
    vl_expr *value;         /* NULL: `in`, or none */
    const vl_expr *in;      /* IN */
    vl_collation collation; /* by which it compares */
    int is_half;            /* BETWEEN: the other half decides as well */
} virtual_use;

struct vl_virtual_path {
    virtual_use *uses; /* use_count of them */
    uint32_t use_count;
    velo_index_constraint *constraints; /* of each, with the answer */
    uint32_t argument_count;
    int number;
    const char *text;
    unsigned flags;
    int is_refused;
};

/* What is known while a way is looked for. */
typedef struct virtual_work {
    vl_binder *b;
    const vl_bind_source *source;
    const vl_exprs *conjuncts;
    uint64_t given;      /* sources whose columns a value may name */
    const vl_wish *wish; /* or NULL */
    vl_virtual_path *path;
    uint32_t use_capacity;
    uint32_t constraint_capacity;
    int is_whole;     /* every conjunct is among the uses */
    int is_elsewhere; /* the conjunct at hand is decided elsewhere */
} virtual_work;

/* ---- constraints ---- */

/* Position of the column of the source that an expression is; -1: its rowid; -2: something else. */
static int
virtual_column(const vl_bind_source *source, const vl_expr *expr)
{
    uint32_t position = expr->index - source->base;

    if (expr->kind != VL_EXPR_COLUMN || expr->op != 0 || expr->index < source->base ||
        position > source->column_count)
        return -2;
    return position == source->column_count ? -1 : (int)position;
}

static void
virtual_add(virtual_work *work, uint32_t conjunct, int column, int op, vl_expr *value,
            const vl_expr *in, vl_collation collation)
{
    vl_virtual_path *path = work->path;
    virtual_use *uses =
        vl_bind_grow(work->b, path->uses, path->use_count, &work->use_capacity, sizeof *uses);
    velo_index_constraint *constraints;
    uint64_t places = 0;

    if (uses == NULL)
        return;
    path->uses = uses;
    constraints = vl_bind_grow(work->b, path->constraints, path->use_count,
                               &work->constraint_capacity, sizeof *constraints);
    if (constraints == NULL)
        return;
    path->constraints = constraints;
    if (value != NULL)
        places = vl_expr_places(work->b, value, work->source->scope);
    for (uint32_t i = 1; in != NULL && i < in->kid_count; i++)
        places |= vl_expr_places(work->b, in->kids[i], work->source->scope);
    uses[path->use_count] = (virtual_use){conjunct, value, in, collation, 0};
    constraints[path->use_count] =
        (velo_index_constraint){.column = column,
                                .op = op,
                                .is_usable = !work->is_elsewhere && (places & ~work->given) == 0,
                                .collation = vl_collation_name(collation),
                                .is_in = in != NULL};
    path->use_count++;
}

static void
virtual_compare(virtual_work *work, uint32_t conjunct, const vl_expr *expr)
{
    static const int ops[][2] = {
        [VL_COMPARE_EQ] = {VELO_INDEX_EQ, VELO_INDEX_EQ},
        [VL_COMPARE_NE] = {VELO_INDEX_NE, VELO_INDEX_NE},
        [VL_COMPARE_LT] = {VELO_INDEX_LT, VELO_INDEX_GT},
        [VL_COMPARE_LE] = {VELO_INDEX_LE, VELO_INDEX_GE},
        [VL_COMPARE_GT] = {VELO_INDEX_GT, VELO_INDEX_LT},
        [VL_COMPARE_GE] = {VELO_INDEX_GE, VELO_INDEX_LE},
        [VL_COMPARE_IS] = {VELO_INDEX_IS, VELO_INDEX_IS},
        [VL_COMPARE_IS_NOT] = {VELO_INDEX_IS_NOT, VELO_INDEX_IS_NOT},
    };

    for (unsigned side = 0; side < 2; side++) {
        int column = virtual_column(work->source, expr->kids[side]);
        vl_expr *value = expr->kids[1 - side];

        if (column != -2 &&
            (vl_expr_places(work->b, value, work->source->scope) >> work->source->place & 1) == 0)
            virtual_add(work, conjunct, column, ops[expr->op][side], value, NULL,
                        (vl_collation)expr->collation);
    }
}

static void
virtual_between(virtual_work *work, uint32_t conjunct, const vl_expr *expr)
{
    int column = virtual_column(work->source, expr->kids[0]);

    if (column == -2 || expr->is_not)
        return;
    for (unsigned i = 1; i <= 2; i++) {
        virtual_add(work, conjunct, column, i == 1 ? VELO_INDEX_GE : VELO_INDEX_LE, expr->kids[i],
                    NULL, (vl_collation)(i == 1 ? expr->collation : expr->collation2));
        if (work->b->status != VELO_OK)
            return;
        work->path->uses[work->path->use_count - 1].is_half = 1;
    }
}

static void
virtual_in(virtual_work *work, uint32_t conjunct, const vl_expr *expr)
{
    int is_list = expr->kind == VL_EXPR_IN_LIST;
    int column = virtual_column(work->source, expr->kids[0]);

    if (column == -2 || expr->is_not || (!is_list && expr->op != 1))
        return;
    virtual_add(work, conjunct, column, VELO_INDEX_EQ, NULL, expr,
                (vl_collation)(is_list ? expr->collation : expr->collations[0]));
}

/* x MATCH y and x REGEXP y, which are calls with their sides changed, and functions that the module
 * says are constraints. */
static void
virtual_call(virtual_work *work, uint32_t conjunct, const vl_expr *expr)
{
    vl_virtual *table = work->source->table->instance;
    const char *name = expr->func->name;
    const struct vl_func *func = NULL;
    int number;

    if (expr->kid_count != 2)
        return;
    if (virtual_column(work->source, expr->kids[1]) != -2 &&
        (vl_bind_is(name, (uint32_t)strlen(name), "match") ||
         vl_bind_is(name, (uint32_t)strlen(name), "regexp"))) {
        virtual_add(work, conjunct, virtual_column(work->source, expr->kids[1]),
                    vl_bind_is(name, (uint32_t)strlen(name), "match") ? VELO_INDEX_MATCH
                                                                      : VELO_INDEX_REGEXP,
                    expr->kids[0], NULL, VL_COLLATE_BINARY);
        return;
    }
    if (virtual_column(work->source, expr->kids[0]) == -2)
        return;
    number = table->class->find_function(work->b->ctx, table, name, strlen(name), 2, &func);
    if (func == expr->func && number >= VELO_INDEX_FUNCTION)
        virtual_add(work, conjunct, virtual_column(work->source, expr->kids[0]), number,
                    expr->kids[1], NULL, VL_COLLATE_BINARY);
}

static void
virtual_conjunct(virtual_work *work, uint32_t conjunct, const vl_expr *expr)
{
    int column = expr->kid_count > 0 ? virtual_column(work->source, expr->kids[0]) : -2;

    switch ((vl_expr_kind)expr->kind) {
    case VL_EXPR_COMPARE:
        virtual_compare(work, conjunct, expr);
        break;
    case VL_EXPR_BETWEEN:
        virtual_between(work, conjunct, expr);
        break;
    case VL_EXPR_IN_LIST:
    case VL_EXPR_IN_QUERY:
        virtual_in(work, conjunct, expr);
        break;
    case VL_EXPR_IS_NULL:
        if (column != -2)
            virtual_add(work, conjunct, column,
                        expr->is_not ? VELO_INDEX_IS_NOT_NULL : VELO_INDEX_IS_NULL, NULL, NULL,
                        VL_COLLATE_BINARY);
        break;
    case VL_EXPR_LIKE:
        if (column != -2 && expr->kid_count == 2 && !expr->is_not)
            virtual_add(work, conjunct, column, expr->op == 1 ? VELO_INDEX_GLOB : VELO_INDEX_LIKE,
                        expr->kids[1], NULL, VL_COLLATE_BINARY);
        break;
    case VL_EXPR_FUNCTION:
        virtual_call(work, conjunct, expr);
        break;
    default:
        break;
    }
}

static void
virtual_find_uses(virtual_work *work)
{
    work->is_whole = 1;
    for (uint32_t i = 0; i < work->conjuncts->count && work->b->status == VELO_OK; i++) {
        uint32_t before = work->path->use_count;

        virtual_conjunct(work, i, work->conjuncts->list[i]);
        work->is_whole &= work->path->use_count > before;
    }
    work->is_elsewhere = 1;
    for (uint32_t i = 0; i < work->source->restricting.count && work->b->status == VELO_OK; i++) {
        const vl_expr *expr = work->source->restricting.list[i];
        uint32_t at = 0;

        while (at < work->conjuncts->count && work->conjuncts->list[at] != expr)
            at++;
        if (at == work->conjuncts->count)
            virtual_conjunct(work, VIRTUAL_ELSEWHERE, expr);
    }
    work->is_elsewhere = 0;
}

/* ---- asking ---- */

/* The terms of the wish; *is_told: all of them can be. */
static velo_index_order *
virtual_orders(const virtual_work *work, int *count, int *is_told)
{
    const vl_wish *wish = work->wish;
    const vl_bind_source *source = work->source;
    velo_index_order *orders;

    *count = 0;
    *is_told = 1;
    if (wish == NULL || wish->count == 0)
        return NULL;
    orders = vl_bind_alloc(work->b, wish->count, sizeof *orders);
    for (uint32_t i = 0; orders != NULL && i < wish->count; i++) {
        const vl_bind_order *term = &wish->order[i];
        int column = term->expr != NULL ? virtual_column(source, term->expr) : -2;

        if (term->expr != NULL && term->expr->is_constant)
            continue;
        if (column == -2 || term->nulls_last != term->is_descending ||
            term->collation !=
                (column < 0 ? VL_COLLATE_BINARY : source->columns[column].collation)) {
            *count = 0;
            *is_told = 0;
            return NULL;
        }
        orders[(*count)++] = (velo_index_order){column, term->is_descending};
    }
    return orders;
}

static uint64_t
virtual_columns_used(const virtual_work *work)
{
    const vl_bind_source *source = work->source;
    uint64_t used = 0;

    for (uint32_t i = 0; i < source->column_count; i++)
        if (work->b->ids[source->base + i].is_used)
            used |= UINT64_C(1) << (i < 63 ? i : 63);
    return used;
}

/* Whether the answer makes sense: arguments are numbered without a gap, each is usable. */
static int
virtual_check(virtual_work *work, const velo_index_info *info)
{
    vl_virtual_path *path = work->path;
    uint32_t most = 0;
    uint32_t count = 0;
    uint8_t *taken = vl_bind_alloc(work->b, path->use_count + 1U, 1);
    int is_right = 1;

    for (uint32_t i = 0; taken != NULL && i < path->use_count; i++) {
        const velo_index_constraint *constraint = &info->constraints[i];

        if (constraint->argument <= 0)
            continue;
        count++;
        if ((uint32_t)constraint->argument > path->use_count || !constraint->is_usable ||
            taken[constraint->argument - 1]++)
            is_right = 0;
        if ((uint32_t)constraint->argument > most)
            most = (uint32_t)constraint->argument;
    }
    path->argument_count = most;
    if (is_right && most == count)
        return 1;
    vl_bind_fail(work->b, NULL, NULL, "%s.xBestIndex malfunction",
                 work->source->table->object.name);
    return 0;
}

static void
virtual_take(virtual_work *work, const velo_index_info *info, vl_bind_path *path)
{
    vl_virtual_path *way = work->path;
    int has_in = 0;

    way->number = info->number;
    way->flags = info->flags;
    if (info->text != NULL)
        way->text = vl_bind_text(work->b, info->text, strlen(info->text));
    for (uint32_t i = 0; i < way->use_count; i++)
        has_in |= way->uses[i].in != NULL && info->constraints[i].argument > 0 &&
                  !info->constraints[i].takes_list;
    path->is_ordered = info->is_ordered && info->order_count > 0 && !has_in;
    path->rows = (double)(info->rows > 0 ? info->rows : 1);
    path->cost = info->cost;
}

/* Ask once. */
static void
virtual_ask(virtual_work *work, vl_bind_path *path)
{
    vl_binder *b = work->b;
    vl_virtual *table = work->source->table->instance;
    uint32_t count = work->path->use_count;
    velo_index_info info = {.constraint_count = (int)count,
                            .constraints = work->path->constraints,
                            .columns_used = virtual_columns_used(work),
                            .cost = VIRTUAL_COST,
                            .rows = VIRTUAL_ROWS};
    const vl_value **values = vl_bind_alloc(b, count + 1U, sizeof *values);
    int is_told;
    velo_status st;

    info.orders = virtual_orders(work, &info.order_count, &is_told);
    if (values == NULL || b->status != VELO_OK)
        return;
    for (uint32_t i = 0; i < count; i++) {
        const vl_expr *value = work->path->uses[i].value;

        work->path->constraints[i].argument = work->path->constraints[i].is_omitted = 0;
        work->path->constraints[i].takes_list = 0;
        if (value != NULL && value->kind == VL_EXPR_CONSTANT)
            values[i] = &value->value;
    }
    st = table->class->best_index(b->ctx, table, &info, values);
    work->path->is_refused = st == VELO_CONSTRAINT;
    if (work->path->is_refused) {
        path->rows = VIRTUAL_ROWS;
        path->cost = VIRTUAL_REFUSED_COST;
    } else if (st != VELO_OK) {
        b->status = st;
    } else if (virtual_check(work, &info)) {
        virtual_take(work, &info, path);
    }
    if (info.free_text != NULL && info.text != NULL) {
        union {
            const char *given;
            void *back;
        } text = {info.text};

        info.free_text(text.back);
    }
}

/* Offer LIMIT and OFFSET. Returns how many constraints there were before: PV2. */
static uint32_t
virtual_offer_limit(virtual_work *work)
{
    uint32_t before = work->path->use_count;
    int count;
    int is_told;

    (void)virtual_orders(work, &count, &is_told);
    if (work->wish == NULL || work->wish->limit == NULL || !work->is_whole || !is_told)
        return before;
    virtual_add(work, VL_BIND_NONE, 0, VELO_INDEX_LIMIT, work->wish->limit, NULL,
                VL_COLLATE_BINARY);
    if (work->wish->offset != NULL)
        virtual_add(work, VL_BIND_NONE, 0, VELO_INDEX_OFFSET, work->wish->offset, NULL,
                    VL_COLLATE_BINARY);
    return before;
}

/* Whether LIMIT or OFFSET, which stand from `first` on, are taken although something else is not.
 */
static int
virtual_limits_wrongly(const virtual_work *work, uint32_t first, const vl_bind_path *path)
{
    const vl_virtual_path *way = work->path;
    int is_limited = 0;
    int is_wrong = work->wish != NULL && work->wish->count > 0 && !path->is_ordered;

    for (uint32_t i = 0; i < way->use_count; i++) {
        if (i >= first)
            is_limited |= way->constraints[i].argument > 0;
        else
            is_wrong |= way->constraints[i].argument == 0 ||
                        (way->uses[i].in != NULL && !way->constraints[i].takes_list);
    }
    return is_limited && is_wrong;
}

int
vl_virtual_plan_path(vl_binder *b, const vl_bind_source *source, const vl_exprs *conjuncts,
                     uint64_t given, const vl_wish *wish, vl_bind_path *path)
{
    virtual_work work = {
        .b = b, .source = source, .conjuncts = conjuncts, .given = given, .wish = wish};
    uint32_t first;

    memset(path, 0, sizeof *path);
    work.path = vl_bind_alloc(b, 1, sizeof *work.path);
    if (work.path == NULL || b->status != VELO_OK)
        return 0;
    path->virtual_path = work.path;
    virtual_find_uses(&work);
    first = virtual_offer_limit(&work);
    virtual_ask(&work, path);
    if (b->status == VELO_OK && virtual_limits_wrongly(&work, first, path)) {
        work.path->use_count = first;
        virtual_ask(&work, path);
    }
    return b->status == VELO_OK;
}

uint64_t
vl_virtual_path_places(const vl_binder *b, const vl_virtual_path *path, const vl_bind_scope *scope)
{
    uint64_t places = 0;

    for (uint32_t i = 0; i < path->use_count; i++) {
        const virtual_use *use = &path->uses[i];

        if (path->constraints[i].argument == 0)
            continue;
        if (use->value != NULL)
            places |= vl_expr_places(b, use->value, scope);
        for (uint32_t k = 1; use->in != NULL && k < use->in->kid_count; k++)
            places |= vl_expr_places(b, use->in->kids[k], scope);
    }
    return places;
}

int
vl_virtual_path_offsets(const vl_virtual_path *path)
{
    for (uint32_t i = 0; i < path->use_count; i++)
        if (path->constraints[i].op == VELO_INDEX_OFFSET && path->constraints[i].argument > 0 &&
            path->constraints[i].is_omitted)
            return 1;
    return 0;
}

/* ---- the operator ---- */

/* Whether the module decides a conjunct: PV1. */
static int
virtual_is_decided(const vl_virtual_path *path, uint32_t conjunct)
{
    int is_whole = 0;
    int is_half = 1;

    for (uint32_t i = 0; i < path->use_count; i++) {
        int is_omitted = path->constraints[i].is_omitted && path->constraints[i].argument > 0;

        if (path->uses[i].conjunct != conjunct)
            continue;
        if (path->uses[i].is_half) {
            is_half &= is_omitted;
            is_whole |= is_half << 1; /* the second half has bit 1 if the first is decided too */
        } else if (is_omitted) {
            return 1;
        }
    }
    return is_half && is_whole != 0;
}

static void
virtual_lookup(vl_binder *b, const virtual_use *use, vl_lookup *lookup)
{
    const vl_bind_layout none = {NULL, 0};
    const vl_expr *in = use->in;

    lookup->in_program = -1;
    if (in == NULL) {
        vl_expr *value = use->value;

        if (value == NULL) /* IS NULL */
            value = vl_expr_constant(b, vl_value_of_null(), NULL);
        lookup->is_null_equal = 1; /* a NULL is handed over like any other value */
        lookup->expr = vl_lower(b, &none, value);
    } else if (in->kind == VL_EXPR_IN_LIST) {
        for (uint32_t i = 1; i < in->kid_count; i++)
            vl_exprs_add(b, &lookup->in_list, vl_lower(b, &none, in->kids[i]));
    } else {
        vl_exprs arguments = {in->kids + 1, in->kid_count - 1};

        lookup->in_program = (int32_t)in->program;
        lookup->in_arguments = vl_lower_all(b, &none, &arguments);
    }
}

static void
virtual_scan_columns(vl_binder *b, const vl_bind_source *source, vl_bind_layout *layout,
                     vl_op_virtual_scan *as)
{
    int32_t key = source->table->instance->key_column;
    uint32_t count = 0;
    int32_t *columns;
    uint8_t *unchanged;

    for (uint32_t i = 0; i <= source->column_count; i++)
        count += b->ids[source->base + i].is_used;
    *layout = vl_bind_layout_new(b, VL_BIND_NONE, count);
    columns = vl_bind_alloc(b, count + 1U, sizeof *columns);
    unchanged = vl_bind_alloc(b, count + 1U, 1);
    if (columns == NULL || unchanged == NULL || layout->ids == NULL)
        return;
    count = 0;
    if (b->ids[source->base + source->column_count].is_used) { /* the rowid is asked for first */
        layout->ids[count] = source->base + source->column_count;
        columns[count++] = key >= 0 ? key : VL_COLUMN_ROWID;
    }
    for (uint32_t i = 0; i < source->column_count; i++)
        if (b->ids[source->base + i].is_used) {
            layout->ids[count] = source->base + i;
            unchanged[count] = b->ids[source->base + i].is_unchanged;
            columns[count++] = (int32_t)i;
        }
    as->columns = columns;
    as->unchanged = unchanged;
}

static void
virtual_arguments(vl_binder *b, const vl_virtual_path *path, vl_op_virtual_scan *as)
{
    uint8_t *takes_list = vl_bind_alloc(b, path->argument_count + 1U, 1);

    as->arguments = vl_bind_alloc(b, path->argument_count + 1U, sizeof *as->arguments);
    if (as->arguments == NULL || takes_list == NULL)
        return;
    for (uint32_t i = 0; i < path->use_count; i++) {
        int argument = path->constraints[i].argument;

        if (argument <= 0)
            continue;
        virtual_lookup(b, &path->uses[i], &as->arguments[argument - 1]);
        takes_list[argument - 1] = path->uses[i].in != NULL && path->constraints[i].takes_list != 0;
    }
    as->takes_list = takes_list;
    as->argument_count = path->argument_count;
}

vl_bind_rel
vl_virtual_plan_scan(vl_binder *b, const vl_bind_source *source, const vl_exprs *conjuncts,
                     const vl_bind_path *path)
{
    const vl_virtual_path *way = path->virtual_path;
    vl_bind_rel rel = {vl_op_new(b, VL_OP_KIND_VIRTUAL_SCAN, 0, NULL, NULL), {NULL, 0}};
    vl_exprs rest = {NULL, 0};
    vl_op_virtual_scan *as;

    if (rel.op == NULL)
        return rel;
    if (way->is_refused)
        vl_bind_fail(b, NULL, NULL, "no query solution");
    as = &rel.op->as.virtual_scan;
    as->table = source->table;
    virtual_scan_columns(b, source, &rel.layout, as);
    as->number = way->number;
    as->text = way->text;
    as->is_hex = (way->flags & VELO_INDEX_HEX) != 0;
    virtual_arguments(b, way, as);
    for (uint32_t i = 0; i < conjuncts->count; i++)
        if (!virtual_is_decided(way, i))
            vl_exprs_add(b, &rest, conjuncts->list[i]);
    rest = vl_plan_conjunct_order(b, &rest);
    as->filter = vl_lower_all(b, &rel.layout, &rest);
    rel.op->name = vl_bind_shown_name(b, source);
    rel.op->column_count = rel.layout.count;
    rel.op->rows = path->rows;
    b->frame->effect = VL_EFFECT_VOLATILE; /* what a module does is not known here */
    if (b->status != VELO_OK)
        rel.op = NULL;
    return rel;
}

/* ---- functions ---- */

const struct vl_func *
vl_virtual_function(vl_binder *b, const char *name, size_t size, uint32_t count,
                    const vl_expr *column)
{
    const vl_bind_source *source;
    const struct vl_func *func = NULL;
    vl_virtual *table;

    if (column == NULL || column->kind != VL_EXPR_COLUMN || column->op != 0 ||
        column->index >= b->id_count)
        return NULL;
    source = b->ids[column->index].source;
    if (source == NULL || source->table == NULL || !vl_bind_is_virtual(source->table))
        return NULL;
    table = source->table->instance;
    (void)table->class->find_function(b->ctx, table, name, size, count, &func);
    return func;
}
