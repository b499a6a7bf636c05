/* plan_from.c - FROM and WHERE: the order of joins, where each condition is decided, and how.
 *
 * A list of sources is joined one after the other: a loop that looks rows up in the next table,
 * where an index or the rowid can, else a hash join. Lists with outer joins or CROSS keep the order
 * of the text; others begin with what costs least, ties in the order of the text (31, item 18).
 *
 * Where conditions go (31, item 20): total ones to the first step that has all they name, unless a
 * RIGHT or FULL join comes between; conditions that may fail wait until all sources are joined,
 * save equalities between sources and IN of a query that runs once, which lookups need; volatile
 * ones always wait. None waits beyond a RIGHT or FULL join that comes after the condition.
 *
 * Invariants
 *   PF1  Every conjunct is decided exactly once, unless a copy before an outer join saves work.
 *   PF2  A condition of WHERE on a side that an outer join fills with NULLs is decided above it. */
#include "sql/bind_int.h"

#include "base/assert.h"

#include <string.h>

#define FROM_OTHER_ROWS 1048576.0 /* of a source that is no table, as of one that is */
#define FROM_CLEARLY    0.9       /* so much less must a source cost to go before another */
#define FROM_HASH_COST  2.0       /* of a row that is put into a hash table */
#define FROM_EQUAL_PART 0.1       /* of rows that an equality without an index leaves */
#define FROM_OTHER_PART 0.25      /* the same, another condition */
#define FROM_LEAST_PART 0.001     /* all conditions together */
/* Of a row in a hash table: its key is not unique, or there would be an index to look it up by. */
#define FROM_MATCHES 100.0
/* A table to be hashed though it could be looked up: rows at most, how many rows of the others for
 * each of it, and how many of them at least: what is small keeps the plan that it has anyway. */
#define FROM_SMALL_ROWS 65536.0
#define FROM_SMALLER    16.0
#define FROM_LARGE_ROWS 8192.0

typedef struct from_conjunct {
    vl_expr *expr;
    uint64_t places;
    uint32_t home; /* number of the item whose ON it is; of WHERE the last */
    int is_done;
    int is_costly; /* it runs a query for each row: decided where there are fewest */
} from_conjunct;

/* A list of sources while it is joined. */
typedef struct from_work {
    vl_binder *b;
    const vl_bind_scope *scope;
    const vl_join_item *list;
    from_conjunct *pool; /* of WHERE and inner joins, pool_count of them */
    uint32_t pool_count;
    uint32_t pool_capacity;
    uint32_t *order; /* item numbers in the order in which they are joined */
    uint64_t done;   /* sources joined so far */
    uint64_t fewest; /* costly conditions wait for these sources */
    vl_wish *wish;   /* or NULL */
    vl_bind_rel rel; /* what is joined so far */
} from_work;

static int
from_is_outer(const vl_join_item *item)
{
    return (item->bits & (VL_JOIN_LEFT | VL_JOIN_RIGHT)) != 0;
}

/* ---- conditions ---- */

vl_exprs
vl_plan_conjunct_order(vl_binder *b, const vl_exprs *conjuncts)
{
    vl_exprs ordered = {NULL, 0};

    for (int total = 1; total >= 0; total--)
        for (uint32_t i = 0; i < conjuncts->count; i++)
            if ((conjuncts->list[i]->effect == VL_EFFECT_TOTAL) == total)
                vl_exprs_add(b, &ordered, conjuncts->list[i]);
    return ordered;
}

vl_bind_rel
vl_plan_filter(vl_binder *b, vl_bind_rel rel, const vl_exprs *conjuncts)
{
    vl_exprs ordered;
    vl_op *op;

    if (conjuncts->count == 0 || rel.op == NULL)
        return rel;
    op = vl_op_new(b, VL_OP_KIND_FILTER, 1, rel.op, NULL);
    ordered = vl_plan_conjunct_order(b, conjuncts);
    if (op == NULL)
        return (vl_bind_rel){NULL, {NULL, 0}};
    op->as.filter.conjuncts = vl_lower_all(b, &rel.layout, &ordered);
    op->rows = rel.op->rows / 4 + 1;
    rel.op = op;
    return rel;
}

/* Whether an expression runs a query for each row. */
static int
from_runs_query(const vl_expr *expr)
{
    if (expr->kind == VL_EXPR_EXISTS || expr->kind == VL_EXPR_SCALAR)
        return expr->kid_count > 0;
    if (expr->kind == VL_EXPR_IN_QUERY && expr->kid_count > expr->op)
        return 1;
    for (uint32_t i = 0; i < expr->kid_count; i++)
        if (from_runs_query(expr->kids[i]))
            return 1;
    return 0;
}

/* The same of a condition that no lookup and no join by keys can make use of. */
static int
from_is_costly(const vl_expr *expr)
{
    return (expr->kind != VL_EXPR_COMPARE || expr->op != VL_COMPARE_EQ) && from_runs_query(expr);
}

static void
from_pool_add(from_work *work, const vl_exprs *list, uint32_t home)
{
    for (uint32_t i = 0; i < list->count; i++) {
        from_conjunct *pool =
            vl_bind_grow(work->b, work->pool, work->pool_count, &work->pool_capacity, sizeof *pool);

        if (pool == NULL)
            return;
        work->pool = pool;
        pool[work->pool_count++] = (from_conjunct){
            .expr = list->list[i],
            .places = vl_expr_places(work->b, list->list[i], work->scope),
            .home = home,
            .is_costly = from_is_costly(list->list[i]),
        };
    }
}

/* Whether a condition is IN of a query that is run once for all rows: whatever it does, it does it
 * when the first row meets it, and a lookup of what it finds may save reading the table. */
static int
from_is_set(const vl_expr *expr)
{
    return expr->kind == VL_EXPR_IN_QUERY && expr->op == 1 && !expr->is_not &&
           expr->kid_count == 1 && expr->kids[0]->effect == VL_EFFECT_TOTAL;
}

/* Whether a condition may be decided once `places` are joined, in the step of item `item`. */
static int
from_is_ready(const from_work *work, const from_conjunct *conjunct, uint64_t places, uint32_t item)
{
    const vl_expr *expr = conjunct->expr;
    int is_all = (work->list->places & ~places) == 0;
    int is_several = (conjunct->places & (conjunct->places - 1)) != 0;

    if (conjunct->is_done || (conjunct->places & work->list->places & ~places) != 0 ||
        (conjunct->is_costly && (work->fewest & ~places) != 0))
        return 0;
    for (uint32_t i = item + 1; i <= conjunct->home && i < work->list->list_count; i++)
        if ((work->list->list[i].bits & VL_JOIN_RIGHT) != 0)
            return 0;
    if (is_all || expr->effect == VL_EFFECT_TOTAL)
        return 1;
    for (uint32_t i = conjunct->home + 1; i < work->list->list_count && item >= conjunct->home; i++)
        if ((work->list->list[i].bits & VL_JOIN_RIGHT) != 0)
            return 1; /* it must not be decided above that join */
    return expr->effect == VL_EFFECT_FAILING &&
           (from_is_set(expr) ||
            (is_several && expr->kind == VL_EXPR_COMPARE && expr->op == VL_COMPARE_EQ));
}

/* Conditions that are ready with the item's sources. With `take` they count as decided. */
static vl_exprs
from_ready(from_work *work, uint64_t places, uint32_t item, int take)
{
    vl_exprs ready = {NULL, 0};

    for (uint32_t i = 0; i < work->pool_count; i++)
        if (from_is_ready(work, &work->pool[i], places, item)) {
            vl_exprs_add(work->b, &ready, work->pool[i].expr);
            work->pool[i].is_done |= take; /* keeps PF1 */
        }
    return ready;
}

/* Those that name sources of `places` only; the others go to *rest. */
static vl_exprs
from_local(const from_work *work, const vl_exprs *conjuncts, uint64_t places, vl_exprs *rest)
{
    vl_exprs local = {NULL, 0};

    for (uint32_t i = 0; i < conjuncts->count; i++) {
        vl_expr *expr = conjuncts->list[i];
        uint64_t named = vl_expr_places(work->b, expr, work->scope);

        if ((named & ~places) == 0 && expr->effect != VL_EFFECT_VOLATILE)
            vl_exprs_add(work->b, &local, expr);
        else
            vl_exprs_add(work->b, rest, expr);
    }
    return local;
}

/* ---- sizes ---- */

/* How many rows a table has, as far as is known without ANALYZE; negative: unknown. How one table
 * is read does not depend on it (plan_scan.c), so that plans of single tables stay what they are.
 */
static double
from_size(const from_work *work, const vl_join_item *item)
{
    const vl_plan_env *env = work->b->env;
    vl_bind_source *source = item->source;

    if (source == NULL || source->kind != VL_BIND_SOURCE_TABLE || env->table_rows == NULL ||
        work->list->list_count < 2 || source->table->has_estimate ||
        vl_bind_is_virtual(source->table))
        return -1;
    if (source->rows == 0) {
        double rows = env->table_rows(work->b->ctx, env->rows_arg, source->table);

        source->rows = rows < 0 ? -1 : rows + 1;
    }
    return source->rows;
}

/* How many rows a table has for each one that paths count. */
static double
from_part(const from_work *work, const vl_join_item *item)
{
    double size = from_size(work, item);

    return size < 0 ? 1 : size / vl_plan_table_rows(work->b, item->source->table);
}

/* Make rows and cost of a path those of a table of its size. */
static void
from_fit(const from_work *work, const vl_join_item *item, vl_bind_path *path)
{
    double size = from_size(work, item);

    if (size < 0)
        return;
    if (path->key_count == 0) {
        double part = from_part(work, item);

        path->rows *= part;
        path->cost *= part;
    }
    path->rows = path->rows < size ? path->rows : size;
}

/* ---- sources ---- */

static vl_bind_rel from_list(vl_binder *b, const vl_bind_scope *scope, const vl_join_item *list,
                             const vl_exprs *where, vl_wish *wish);

/* Ids of all columns of a source. */
static vl_bind_rel
from_whole(vl_binder *b, const vl_bind_source *source, vl_op_kind kind)
{
    vl_bind_rel rel = {vl_op_new(b, kind, 0, NULL, NULL), {NULL, 0}};

    rel.layout = vl_bind_layout_new(b, source->base, source->column_count);
    if (rel.op == NULL)
        return rel;
    rel.op->column_count = source->column_count;
    rel.op->rows = FROM_OTHER_ROWS;
    if (source->alias.text != NULL)
        rel.op->name = vl_bind_shown_name(b, source);
    return rel;
}

static vl_bind_rel
from_cte(vl_binder *b, const vl_bind_source *source)
{
    const vl_cte *cte = source->cte;
    const vl_bind_layout none = {NULL, 0};
    vl_bind_rel rel = from_whole(b, source, VL_OP_KIND_PROGRAM_SCAN);
    vl_exprs arguments;

    if (rel.op == NULL)
        return rel;
    arguments = vl_program_arguments(b, cte->arguments, cte->argument_count, NULL);
    rel.op->as.program_scan.program = cte->program;
    rel.op->as.program_scan.arguments = vl_lower_all(b, &none, &arguments);
    rel.op->as.program_scan.is_shared = cte->uses > 1 && cte->argument_count == 0;
    if (b->effects[cte->program] > b->frame->effect)
        b->frame->effect = b->effects[cte->program];
    return rel;
}

/* The value that a conjunct gives a hidden column, or NULL. */
static vl_expr *
from_hidden_value(const vl_binder *b, const vl_bind_source *source, uint32_t column,
                  const vl_expr *conjunct)
{
    if (conjunct->kind != VL_EXPR_COMPARE || conjunct->op != VL_COMPARE_EQ)
        return NULL;
    for (unsigned i = 0; i < 2; i++) {
        const vl_expr *side = conjunct->kids[i];
        vl_expr *value = conjunct->kids[1 - i];

        VL_ASSERT(side != NULL && value != NULL);
        if (side->kind == VL_EXPR_COLUMN && side->op == 0 && side->index == source->base + column &&
            (vl_expr_places(b, value, source->scope) >> source->place & 1) == 0)
            return value;
    }
    return NULL;
}

/* Arguments of a function: those of the call, then `hidden = value` among the conjuncts, which are
 * taken out of them. */
static vl_exprs
from_arguments(vl_binder *b, const vl_bind_source *source, vl_exprs *conjuncts)
{
    vl_exprs arguments = {NULL, 0};
    uint32_t hidden = 0;

    for (uint32_t i = 0; i < source->arguments.count; i++)
        vl_exprs_add(b, &arguments, source->arguments.list[i]);
    for (uint32_t i = 0; i < source->column_count && hidden <= arguments.count; i++) {
        vl_exprs rest = {NULL, 0};
        int is_found = 0;

        if (!source->columns[i].is_hidden || hidden++ < arguments.count)
            continue;
        for (uint32_t k = 0; k < conjuncts->count; k++) {
            vl_expr *value = is_found ? NULL : from_hidden_value(b, source, i, conjuncts->list[k]);

            vl_exprs_add(b, value != NULL ? &arguments : &rest,
                         value != NULL ? value : conjuncts->list[k]);
            is_found |= value != NULL;
        }
        *conjuncts = rest;
    }
    return arguments;
}

/* Rows of a function that the conjuncts hold for. */
static vl_bind_rel
from_function_rows(vl_binder *b, const vl_bind_source *source, const vl_exprs *conjuncts)
{
    const vl_bind_layout none = {NULL, 0};
    vl_exprs rest = *conjuncts;
    vl_exprs arguments = from_arguments(b, source, &rest);
    vl_bind_rel rel = from_whole(b, source, VL_OP_KIND_FUNCTION_SCAN);
    int32_t *columns = vl_bind_alloc(b, source->column_count + 1U, sizeof *columns);

    if (rel.op == NULL || columns == NULL)
        return (vl_bind_rel){NULL, {NULL, 0}};
    for (uint32_t i = 0; i < source->column_count; i++)
        columns[i] = (int32_t)i;
    rel.op->as.function_scan.function = source->function;
    rel.op->as.function_scan.columns = columns;
    rel.op->as.function_scan.arguments = vl_lower_all(b, &none, &arguments);
    b->frame->effect = VL_EFFECT_VOLATILE; /* what a function does is not known here */
    return vl_plan_filter(b, rel, &rest);
}

/* Rows of a query, which decides what it can of the conjuncts. */
static vl_bind_rel
from_query(vl_binder *b, const vl_bind_source *source, const vl_exprs *conjuncts)
{
    vl_query_use use = {source->base, {NULL, 0}};
    vl_exprs rest = {NULL, 0};

    for (uint32_t i = 0; i < conjuncts->count; i++) {
        vl_expr *expr = conjuncts->list[i];

        vl_exprs_add(b, vl_query_takes(b, source->query, source->base, expr) ? &use.where : &rest,
                     expr);
    }
    return vl_plan_filter(b, vl_plan_query(b, source->query, &use), &rest);
}

/* The rows of an item by itself, with conditions on it alone. */
static vl_bind_rel
from_item(from_work *work, const vl_join_item *item, const vl_exprs *local, vl_wish *wish)
{
    vl_binder *b = work->b;
    const vl_bind_source *source = item->source;
    vl_bind_rel rel = {NULL, {NULL, 0}};

    if (b->status != VELO_OK)
        return rel;
    if (source == NULL)
        return vl_plan_filter(b, from_list(b, work->scope, item, NULL, NULL), local);
    switch (source->kind) {
    case VL_BIND_SOURCE_TABLE: {
        vl_bind_path path;

        if (!vl_plan_path(b, source, local, 0, wish, &path))
            return rel;
        if (wish != NULL)
            wish->is_met = path.is_ordered;
        if (wish != NULL && path.virtual_path != NULL)
            wish->is_offset_met = vl_virtual_path_offsets(path.virtual_path);
        from_fit(work, item, &path);
        return vl_plan_scan(b, source, local, &path);
    }
    case VL_BIND_SOURCE_QUERY:
        return from_query(b, source, local);
    case VL_BIND_SOURCE_CTE:
        rel = from_cte(b, source);
        break;
    case VL_BIND_SOURCE_QUEUE:
        rel = from_whole(b, source, VL_OP_KIND_QUEUE_SCAN);
        if (rel.op != NULL)
            rel.op->rows = 1;
        break;
    case VL_BIND_SOURCE_FUNCTION:
        return from_function_rows(b, source, local);
    case VL_BIND_SOURCE_GIVEN:
        break;
    }
    return vl_plan_filter(b, rel, local);
}

/* Sources that conditions name which give a function the values of hidden columns. It yields what
 * is asked for only if these come before it. */
static uint64_t
from_wants(const from_work *work, const vl_join_item *item, const vl_exprs *conjuncts)
{
    const vl_bind_source *source = item->source;
    uint64_t wants = 0;

    if (source == NULL || source->kind != VL_BIND_SOURCE_FUNCTION)
        return 0;
    for (uint32_t i = 0; i < source->column_count; i++)
        for (uint32_t k = 0; source->columns[i].is_hidden && k < conjuncts->count; k++) {
            const vl_expr *value = from_hidden_value(work->b, source, i, conjuncts->list[k]);

            if (value != NULL)
                wants |= vl_expr_places(work->b, value, work->scope);
        }
    return wants & work->list->places;
}

/* Sources that a function's arguments name. */
static uint64_t
from_needs(const from_work *work, const vl_join_item *item)
{
    uint64_t needs = 0;

    if (item->source != NULL)
        for (uint32_t i = 0; i < item->source->arguments.count; i++)
            needs |= vl_expr_places(work->b, item->source->arguments.list[i], work->scope);
    return needs;
}

/* ---- joins ---- */

static vl_join_kind
from_kind(const vl_join_item *item)
{
    int is_left = (item->bits & VL_JOIN_LEFT) != 0;
    int is_right = (item->bits & VL_JOIN_RIGHT) != 0;

    if (is_left && is_right)
        return VL_JOIN_KIND_FULL;
    if (is_left)
        return VL_JOIN_KIND_LEFT;
    return is_right ? VL_JOIN_KIND_RIGHT : VL_JOIN_KIND_INNER;
}

/* A program's rows for each row on the left. `right` was made in the frame of the program. */
static void
from_loop(from_work *work, vl_join_kind kind, uint32_t program, const vl_bind_frame *frame,
          const vl_bind_layout *right)
{
    vl_binder *b = work->b;
    vl_op *op = vl_op_new(b, VL_OP_KIND_LOOP_JOIN, 1, work->rel.op, NULL);
    vl_exprs arguments = {NULL, 0};

    if (op == NULL)
        return;
    arguments = vl_program_arguments(b, frame->arguments, frame->count, NULL);
    op->as.loop_join.kind = kind;
    op->as.loop_join.program = program;
    op->as.loop_join.right_count = right->count;
    op->as.loop_join.arguments = vl_lower_all(b, &work->rel.layout, &arguments);
    op->column_count = work->rel.layout.count + right->count;
    op->rows = work->rel.op->rows * b->programs[program].root->rows;
    if (frame->effect > b->frame->effect)
        b->frame->effect = frame->effect;
    work->rel.layout = vl_bind_layout_join(b, &work->rel.layout, right);
    work->rel.op = op;
}

/* Look the rows of a table up. `conjuncts` are all that decide, in the program. */
static void
from_lookup(from_work *work, const vl_join_item *item, const vl_exprs *conjuncts,
            const vl_bind_path *path)
{
    vl_binder *b = work->b;
    uint32_t program = vl_program_new(b, NULL);
    vl_bind_frame frame;
    vl_bind_frame *outer = vl_program_begin(b, &frame);
    vl_bind_rel right = vl_plan_scan(b, item->source, conjuncts, path);

    vl_program_end(b, outer, program, right.op);
    if (b->status != VELO_OK)
        return;
    from_loop(work, from_kind(item), program, &frame, &right.layout);
}

/* Whether all tables of a query are looked up by key, so that running it again is cheap. */
static int
from_is_lookup(const vl_op *op)
{
    if (op->kind == VL_OP_KIND_TABLE_SCAN)
        return op->as.table_scan.key != NULL;
    if (op->kind == VL_OP_KIND_INDEX_SCAN)
        return op->as.index_scan.key_count > 0;
    for (uint32_t i = 0; i < op->child_count; i++)
        if (!from_is_lookup(op->children[i]))
            return 0;
    return op->child_count > 0 || op->kind == VL_OP_KIND_VALUES;
}

/* Run a query for each row on the left if it looks its rows up then. Returns whether it does. */
static int
from_correlate(from_work *work, const vl_join_item *item, const vl_exprs *conjuncts)
{
    vl_binder *b = work->b;
    uint32_t program = vl_program_new(b, NULL);
    vl_bind_frame frame;
    vl_bind_frame *outer = vl_program_begin(b, &frame);
    vl_bind_rel right = from_query(b, item->source, conjuncts);

    vl_program_end(b, outer, program, right.op);
    if (b->status != VELO_OK || right.op == NULL || frame.count == 0 || !from_is_lookup(right.op))
        return 0;
    from_loop(work, from_kind(item), program, &frame, &right.layout);
    return 1;
}

/* Call a function for each row. */
static void
from_call(from_work *work, const vl_join_item *item, const vl_exprs *conjuncts)
{
    vl_binder *b = work->b;
    uint32_t program = vl_program_new(b, NULL);
    vl_bind_frame frame;
    vl_bind_frame *outer = vl_program_begin(b, &frame);
    vl_bind_rel right = from_function_rows(b, item->source, conjuncts);

    vl_program_end(b, outer, program, right.op);
    if (b->status != VELO_OK)
        return;
    from_loop(work, from_kind(item), program, &frame, &right.layout);
}

/* Whether a condition is an equality between the sides: *left and *right are its parts. */
static int
from_is_key(const from_work *work, const vl_expr *expr, uint64_t item, vl_expr **left,
            vl_expr **right)
{
    if (expr->kind != VL_EXPR_COMPARE || (expr->op != VL_COMPARE_EQ && expr->op != VL_COMPARE_IS) ||
        expr->effect == VL_EFFECT_VOLATILE || expr->collation >= VL_COLLATE_USER)
        return 0;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t one = vl_expr_places(work->b, expr->kids[i], work->scope);
        uint64_t other = vl_expr_places(work->b, expr->kids[1 - i], work->scope);

        if (one != 0 && (one & ~work->done) == 0 && other != 0 && (other & ~item) == 0) {
            *left = expr->kids[i];
            *right = expr->kids[1 - i];
            return 1;
        }
    }
    return 0;
}

/* Whether an expression names what is outside of the list. */
typedef struct from_outside {
    const from_work *work;
    int is_found;
} from_outside;

static void
from_visit_outside(void *argument, uint32_t id)
{
    from_outside *self = argument;
    const vl_bind_source *source = self->work->b->ids[id].source;

    self->is_found |= source == NULL || source->scope != self->work->scope;
}

static int
from_is_outside(const from_work *work, const vl_expr *expr)
{
    from_outside self = {work, 0};

    vl_expr_visit(expr, from_visit_outside, &self);
    return self.is_found;
}

/* Whether a condition on one table is an equality of something of its row alone with what is
 * outside: *left and *right are its parts. */
static int
from_is_outer_key(const from_work *work, const vl_expr *expr, uint64_t item, vl_expr **left,
                  vl_expr **right)
{
    if (expr->kind != VL_EXPR_COMPARE || (expr->op != VL_COMPARE_EQ && expr->op != VL_COMPARE_IS) ||
        expr->effect != VL_EFFECT_TOTAL || expr->collation >= VL_COLLATE_USER)
        return 0;
    for (unsigned i = 0; i < 2; i++) {
        vl_expr *one = expr->kids[i];
        vl_expr *other = expr->kids[1 - i];

        if (vl_expr_places(work->b, one, work->scope) == 0 && from_is_outside(work, one) &&
            vl_expr_places(work->b, other, work->scope) == item && !from_is_outside(work, other)) {
            *left = one;
            *right = other;
            return 1;
        }
    }
    return 0;
}

static void
from_hash(from_work *work, const vl_join_item *item, vl_bind_rel right, const vl_exprs *conjuncts)
{
    vl_binder *b = work->b;
    vl_op *op = vl_op_new(b, VL_OP_KIND_HASH_JOIN, 2, work->rel.op, right.op);
    uint8_t *flags = vl_bind_alloc(b, 3 * (size_t)(conjuncts->count + 1U), 1);
    vl_bind_layout both;
    vl_exprs lefts = {NULL, 0};
    vl_exprs rights = {NULL, 0};
    vl_exprs rest = {NULL, 0};
    vl_op_hash_join *as;

    if (op == NULL || flags == NULL)
        return;
    both = vl_bind_layout_join(b, &work->rel.layout, &right.layout);
    as = &op->as.hash_join;
    for (uint32_t i = 0; i < conjuncts->count; i++) {
        vl_expr *expr = conjuncts->list[i];
        vl_expr *one;
        vl_expr *other;

        if (!from_is_key(work, expr, item->places, &one, &other) &&
            (work->done != 0 || !from_is_outer_key(work, expr, item->places, &one, &other))) {
            vl_exprs_add(b, &rest, expr);
            continue;
        }
        flags[lefts.count] = expr->compared;
        flags[conjuncts->count + 1U + lefts.count] = expr->collation;
        flags[2 * (conjuncts->count + 1U) + lefts.count] = expr->op == VL_COMPARE_IS;
        vl_exprs_add(b, &lefts, one);
        vl_exprs_add(b, &rights, other);
    }
    rest = vl_plan_conjunct_order(b, &rest);
    as->kind = from_kind(item);
    as->compared = flags;
    as->collations = flags + conjuncts->count + 1U;
    as->is_null_equal = flags + 2 * (size_t)(conjuncts->count + 1U);
    as->left = vl_lower_all(b, &work->rel.layout, &lefts);
    as->right = vl_lower_all(b, &right.layout, &rights);
    as->condition = vl_lower_all(b, &both, &rest);
    op->column_count = both.count;
    op->rows = lefts.count > 0 ? work->rel.op->rows + right.op->rows
                               : work->rel.op->rows * (right.op->rows + 1);
    work->rel.layout = both;
    work->rel.op = op;
}

/* Whether a loop that looks an item's rows up by rowid would read its table once instead, into
 * arrays, when it has done so often (exec/lookup_join.h): of numbers, if no other columns are used,
 * with no other condition across the join. */
static int
from_reads_once(const from_work *work, const vl_join_item *item, const vl_exprs *conjuncts,
                const vl_bind_path *path)
{
    if (from_is_outer(item) || path->virtual_path != NULL || path->index != NULL ||
        path->key_count != 1 || path->keys[0]->kind != VL_USE_EQUAL)
        return 0;
    for (uint32_t i = 0; i < item->source->column_count; i++)
        if (work->b->ids[item->source->base + i].is_used &&
            item->source->columns[i].affinity < VL_AFFINITY_NUMERIC)
            return 0;
    for (uint32_t i = 0; i < conjuncts->count; i++)
        if (i != path->keys[0]->conjunct &&
            vl_expr_places(work->b, conjuncts->list[i], work->scope) != item->places)
            return 0;
    return 1;
}

/* Whether looking up is better than hashing all of a table. Without statistics it is, unless the
 * table is so much smaller than what it is joined with that reading it costs nothing: also if few
 * rows are wanted in the end. */
static int
from_prefers_lookup(const from_work *work, const vl_join_item *item, const vl_exprs *conjuncts,
                    const vl_bind_path *path)
{
    double rows = vl_plan_table_rows(work->b, item->source->table);
    double left = work->rel.op->rows;

    if (!item->source->table->has_estimate) {
        rows = from_size(work, item);
        return rows < 0 || rows > FROM_SMALL_ROWS || rows * FROM_SMALLER > left ||
               left < FROM_LARGE_ROWS || from_reads_once(work, item, conjuncts, path);
    }
    if (left > rows && from_reads_once(work, item, conjuncts, path))
        return 1;
    return left * path->cost <= 3 * (rows * FROM_HASH_COST + left);
}

/* Join an item with what is there. `conjuncts` decide what matches. */
static void
from_join(from_work *work, const vl_join_item *item, const vl_exprs *conjuncts)
{
    vl_binder *b = work->b;
    int keeps_right = (item->bits & VL_JOIN_RIGHT) != 0;
    vl_exprs rest = {NULL, 0};
    vl_exprs local = {NULL, 0};
    vl_bind_path path;

    if (work->rel.op == NULL || b->status != VELO_OK)
        return;
    if (item->source != NULL && item->source->kind == VL_BIND_SOURCE_TABLE && !keeps_right) {
        if (!vl_plan_path(b, item->source, conjuncts, work->done, NULL, &path))
            return;
        if (vl_plan_path_needs(b, &path, work->scope, work->done) &&
            from_prefers_lookup(work, item, conjuncts, &path)) {
            from_lookup(work, item, conjuncts, &path);
            return;
        }
    }
    if (item->source != NULL && item->source->kind == VL_BIND_SOURCE_FUNCTION &&
        (from_needs(work, item) != 0 || (!keeps_right && from_wants(work, item, conjuncts) != 0))) {
        if (keeps_right)
            vl_bind_fail(b, NULL, NULL,
                         "RIGHT JOIN of a table-valued function with arguments "
                         "of the left side is not supported yet");
        else
            from_call(work, item, conjuncts);
        return;
    }
    if (item->source != NULL && item->source->kind == VL_BIND_SOURCE_QUERY && !keeps_right &&
        from_correlate(work, item, conjuncts))
        return;
    if (keeps_right)
        rest = *conjuncts;
    else
        local = from_local(work, conjuncts, item->places, &rest);
    from_hash(work, item, from_item(work, item, &local, NULL), &rest);
}

/* ---- what is looked up once for many runs ---- */

/* A query that runs for each row of another reads a whole table for what equals a value of that
 * row: the table's rows are put into a hash table instead, which stays from run to run (exec,
 * steady.h), and one row without columns is joined with it. The order of rows stays. Returns
 * whether it was done. */
static int
from_keep(from_work *work, const vl_join_item *item, const vl_exprs *local)
{
    vl_binder *b = work->b;
    vl_exprs own = {NULL, 0};
    vl_exprs rest = {NULL, 0};
    vl_expr *left;
    vl_expr *right;
    vl_bind_path path;
    uint32_t keys = 0;

    if (item->source == NULL || item->source->kind != VL_BIND_SOURCE_TABLE ||
        vl_bind_is_virtual(item->source->table) || b->repeated == 0 || b->around != NULL ||
        b->status != VELO_OK)
        return 0;
    for (uint32_t i = 0; i < local->count; i++) {
        vl_expr *expr = local->list[i];
        int is_late = expr->effect != VL_EFFECT_TOTAL || from_is_outside(work, expr);

        keys += (uint32_t)from_is_outer_key(work, expr, item->places, &left, &right);
        vl_exprs_add(b, is_late ? &rest : &own, expr);
    }
    if (keys == 0 || !vl_plan_path(b, item->source, local, 0, NULL, &path) || path.key_count > 0 ||
        path.low != NULL || path.high != NULL)
        return 0;
    work->rel.op = vl_op_new(b, VL_OP_KIND_VALUES, 0, NULL, NULL);
    if (work->rel.op == NULL)
        return 0;
    work->rel.op->as.values.rows = vl_bind_alloc(b, 1, sizeof(vl_exprs));
    work->rel.op->as.values.row_count = 1;
    work->rel.op->rows = 1;
    from_hash(work, item, from_item(work, item, &own, NULL), &rest);
    return 1;
}

/* ---- order of joins ---- */

/* Whether the path decides a conjunct. */
static int
from_is_in_path(const vl_bind_path *path, uint32_t conjunct)
{
    for (uint32_t i = 0; i < path->key_count; i++)
        if (path->keys[i]->conjunct == conjunct)
            return 1;
    return (path->arm_count > 0 && path->arms_conjunct == conjunct) ||
           (path->low != NULL && path->low->conjunct == conjunct) ||
           (path->high != NULL && path->high->conjunct == conjunct);
}

/* The part of the rows of a path that is left by conditions on the item alone, which the path does
 * not decide. */
static double
from_left_over(const from_work *work, const vl_join_item *item, const vl_exprs *ready,
               const vl_bind_path *path)
{
    double part = 1;

    for (uint32_t i = 0; i < ready->count; i++) {
        const vl_expr *expr = ready->list[i];

        if (vl_expr_places(work->b, expr, work->scope) != item->places ||
            (path->virtual_path == NULL && from_is_in_path(path, i)))
            continue;
        part *= expr->kind == VL_EXPR_COMPARE && expr->op == VL_COMPARE_EQ ? FROM_EQUAL_PART
                                                                           : FROM_OTHER_PART;
    }
    return part > FROM_LEAST_PART ? part : FROM_LEAST_PART;
}

/* What joining an item next costs, and how many rows come of it. */
static double
from_step_cost(from_work *work, uint32_t number, double left_rows, double *rows)
{
    const vl_join_item *item = &work->list->list[number];
    vl_exprs ready = from_ready(work, work->done | item->places, number, 0);
    vl_bind_path path;

    *rows = left_rows * FROM_OTHER_ROWS;
    if (item->source == NULL || item->source->kind != VL_BIND_SOURCE_TABLE) {
        double own = item->source != NULL && item->source->kind == VL_BIND_SOURCE_QUEUE
                         ? 1
                         : FROM_OTHER_ROWS;

        *rows = left_rows * (ready.count > 0 ? own / 10 + 1 : own);
        return own * FROM_HASH_COST + left_rows;
    }
    if (!vl_plan_path(work->b, item->source, &ready, work->done, NULL, &path))
        return 0;
    path.rows *= from_left_over(work, item, &ready, &path);
    *rows = left_rows * path.rows;
    if (work->done == 0)
        return path.cost;
    if (vl_plan_path_needs(work->b, &path, work->scope, work->done))
        return left_rows * path.cost;
    for (uint32_t i = 0; i < ready.count; i++) {
        vl_expr *left;
        vl_expr *right;

        if (from_is_key(work, ready.list[i], item->places, &left, &right)) {
            *rows = left_rows * FROM_MATCHES;
            *rows = *rows < left_rows + path.rows ? left_rows + path.rows : *rows;
            return path.cost * FROM_HASH_COST + left_rows;
        }
    }
    return path.cost + left_rows * path.rows;
}

/* Whether the order may be chosen. */
static int
from_is_free(const vl_join_item *list)
{
    for (uint32_t i = 0; i < list->list_count; i++)
        if (from_is_outer(&list->list[i]) || (list->list[i].bits & VL_JOIN_CROSS) != 0)
            return 0;
    return list->list_count > 1;
}

/* Whether the sources that an item depends on are joined. With `wants` also those that give a
 * function's hidden columns their values. */
static int
from_is_due(from_work *work, uint32_t number, int wants)
{
    const vl_join_item *item = &work->list->list[number];
    uint64_t places = from_needs(work, item);

    if (wants && item->source != NULL && item->source->kind == VL_BIND_SOURCE_FUNCTION) {
        vl_exprs all = from_ready(work, work->list->places, number, 0);

        places |= from_wants(work, item, &all);
    }
    return (places & ~work->done) == 0;
}

/* The position in the order, from `step` on, of what costs least to be joined next, and how many
 * rows there are then; VL_BIND_NONE: nothing is due. */
static uint32_t
from_cheapest(from_work *work, uint32_t step, double left_rows, int wants, double *rows)
{
    uint32_t best = VL_BIND_NONE;
    double best_cost = 0;

    for (uint32_t i = step; i < work->list->list_count; i++) {
        double own_rows;
        double cost;

        if (!from_is_due(work, work->order[i], wants))
            continue;
        cost = from_step_cost(work, work->order[i], left_rows, &own_rows) + own_rows;
        if (best == VL_BIND_NONE || cost < FROM_CLEARLY * best_cost) {
            best = i;
            best_cost = cost;
            *rows = own_rows;
        }
    }
    return best;
}

/* Whether an item is a table with rows of its own, and so may be turned. */
static int
from_is_table(const vl_join_item *item)
{
    return item->source != NULL && item->source->kind == VL_BIND_SOURCE_TABLE &&
           !vl_bind_is_virtual(item->source->table);
}

/* The first two of the order, where the second would be hashed: it goes first when rows of the
 * other can be looked up from it, and so are read once at most, if it is not the smaller one. Rows
 * that are hashed are copied, which costs many times what passing them by does. Where nothing is
 * known of the tables both have as many rows: a table is rarely smaller than one it has the keys
 * of. */
static void
from_turn_first(from_work *work)
{
    const vl_join_item *first = &work->list->list[work->order[0]];
    const vl_join_item *second = &work->list->list[work->order[1]];
    vl_exprs ready = from_ready(work, first->places | second->places, work->order[1], 0);
    vl_exprs own = from_ready(work, second->places, work->order[1], 0);
    vl_bind_path path;
    uint32_t number;

    if (!from_is_table(first) || !from_is_table(second) ||
        !vl_plan_path(work->b, second->source, &ready, first->places, NULL, &path) ||
        vl_plan_path_needs(work->b, &path, work->scope, first->places) ||
        !vl_plan_path(work->b, second->source, &own, 0, NULL, &path))
        return;
    if (path.rows * from_left_over(work, second, &own, &path) * from_part(work, second) <
            vl_plan_table_rows(work->b, first->source->table) * from_part(work, first) ||
        !vl_plan_path(work->b, first->source, &ready, second->places, NULL, &path) ||
        !vl_plan_path_needs(work->b, &path, work->scope, second->places) ||
        !from_reads_once(work, first, &ready, &path))
        return;
    number = work->order[0];
    work->order[0] = work->order[1];
    work->order[1] = number;
}

static void
from_choose_order(from_work *work)
{
    uint32_t count = work->list->list_count;
    double left_rows = 1;
    double least = 0;
    uint64_t fewest = 0;

    for (uint32_t i = 0; i < count; i++)
        work->order[i] = i;
    if (!from_is_free(work->list))
        return;
    for (uint32_t step = 0; step < count && work->b->status == VELO_OK; step++) {
        double rows = 1;
        uint32_t best = from_cheapest(work, step, left_rows, 1, &rows);

        if (best == VL_BIND_NONE)
            best = from_cheapest(work, step, left_rows, 0, &rows);
        if (best == VL_BIND_NONE)
            break; /* functions that need one another: found out below */
        for (uint32_t chosen = work->order[best]; best > step; best--) {
            work->order[best] = work->order[best - 1];
            work->order[best - 1] = chosen;
        }
        work->done |= work->list->list[work->order[step]].places;
        left_rows = rows > 1 ? rows : 1;
        if (step == 0 || left_rows < least) {
            least = left_rows;
            fewest = work->done;
        }
    }
    work->fewest = fewest;
    work->done = 0;
    if (work->b->status == VELO_OK)
        from_turn_first(work);
}

/* ---- a list ---- */

/* Whether the wish is about the item's own columns alone, and no join disturbs their order. */
static int
from_may_wish(const from_work *work, const vl_join_item *item)
{
    if (work->wish == NULL || (work->wish->count == 0 && work->wish->limit == NULL))
        return 0;
    for (uint32_t i = 0; i < work->list->list_count; i++)
        if ((work->list->list[i].bits & VL_JOIN_RIGHT) != 0)
            return 0;
    for (uint32_t i = 0; i < work->wish->count; i++)
        if ((vl_expr_places(work->b, work->wish->order[i].expr, work->scope) & ~item->places) != 0)
            return 0;
    return 1;
}

/* Begin with an item. */
static void
from_first(from_work *work, uint32_t number)
{
    const vl_join_item *item = &work->list->list[number];
    vl_exprs ready = from_ready(work, item->places, number, 1);
    vl_exprs rest = {NULL, 0};
    vl_exprs local = from_local(work, &ready, item->places, &rest);

    if (from_needs(work, item) != 0) {
        vl_bind_fail(work->b, NULL, NULL,
                     "arguments of a table-valued function name a table to "
                     "its right");
        return;
    }
    if (work->wish != NULL && rest.count > 0)
        work->wish->limit = work->wish->offset = NULL; /* more are left out afterwards */
    if (from_keep(work, item, &local)) {
        if (work->wish != NULL)
            work->wish->limit = work->wish->offset = NULL; /* the join leaves rows out */
        work->rel = vl_plan_filter(work->b, work->rel, &rest);
        work->done = item->places;
        return;
    }
    work->rel = from_item(work, item, &local, from_may_wish(work, item) ? work->wish : NULL);
    work->rel = vl_plan_filter(work->b, work->rel, &rest);
    work->done = item->places;
}

static void
from_next(from_work *work, uint32_t number)
{
    const vl_join_item *item = &work->list->list[number];
    uint64_t places = work->done | item->places;
    vl_exprs none = {NULL, 0};
    vl_exprs ready = {NULL, 0};
    vl_exprs after = {NULL, 0};

    if ((from_needs(work, item) & ~work->done) != 0) {
        vl_bind_fail(work->b, NULL, NULL,
                     "arguments of a table-valued function name a table to "
                     "its right");
        return;
    }
    if (from_is_outer(item)) {
        from_join(work, item, &item->on);
        after = from_ready(work, places, number, 1); /* keeps PF2 */
    } else {
        vl_exprs all = from_ready(work, places, number, 1);

        for (uint32_t i = 0; i < all.count; i++)
            vl_exprs_add(work->b,
                         all.list[i]->effect == VL_EFFECT_TOTAL ||
                                 all.list[i]->kind == VL_EXPR_COMPARE || from_is_set(all.list[i])
                             ? &ready
                             : &after,
                         all.list[i]);
        from_join(work, item, ready.count > 0 ? &ready : &none);
    }
    work->done = places;
    work->rel = vl_plan_filter(work->b, work->rel, &after);
}

/* Tell virtual tables all that could restrict them, if only the other sources came before. */
static void
from_restrict(const from_work *work)
{
    for (uint32_t i = 0; i < work->list->list_count; i++) {
        const vl_join_item *item = &work->list->list[i];
        vl_bind_source *source = item->source;

        if (source == NULL || source->kind != VL_BIND_SOURCE_TABLE ||
            !vl_bind_is_virtual(source->table))
            continue;
        source->restricting = (vl_exprs){NULL, 0};
        for (uint32_t k = 0; k < work->pool_count; k++)
            if ((work->pool[k].places & item->places) != 0)
                vl_exprs_add(work->b, &source->restricting, work->pool[k].expr);
        for (uint32_t k = 0; from_is_outer(item) && k < item->on.count; k++)
            vl_exprs_add(work->b, &source->restricting, item->on.list[k]);
    }
}

static vl_bind_rel
from_list(vl_binder *b, const vl_bind_scope *scope, const vl_join_item *list, const vl_exprs *where,
          vl_wish *wish)
{
    from_work work = {.b = b, .scope = scope, .list = list, .wish = wish};
    uint32_t count = list->list_count;

    work.order = vl_bind_alloc(b, count, sizeof *work.order);
    if (work.order == NULL)
        return work.rel;
    if (where != NULL)
        from_pool_add(&work, where, count - 1);
    for (uint32_t i = 0; i < count; i++)
        if (!from_is_outer(&list->list[i]))
            from_pool_add(&work, &list->list[i].on, i);
    from_restrict(&work);
    from_choose_order(&work);
    for (uint32_t i = 0; i < count && b->status == VELO_OK; i++) {
        if (i == 0)
            from_first(&work, work.order[i]);
        else
            from_next(&work, work.order[i]);
    }
    if (b->status != VELO_OK)
        work.rel.op = NULL;
    return work.rel;
}

vl_bind_rel
vl_plan_from(vl_binder *b, const vl_bind_scope *scope, const vl_join_item *from,
             const vl_exprs *where, vl_wish *wish)
{
    vl_bind_rel rel = {NULL, {NULL, 0}};

    if (b->status != VELO_OK)
        return rel;
    if (from->list_count > 0)
        return from_list(b, scope, from, where, wish);
    rel.op = vl_op_new(b, VL_OP_KIND_VALUES, 0, NULL, NULL);
    if (rel.op == NULL)
        return rel;
    rel.op->as.values.rows = vl_bind_alloc(b, 1, sizeof(vl_exprs));
    rel.op->as.values.row_count = 1;
    rel.op->rows = 1;
    return vl_plan_filter(b, rel, where);
}
