/* plan_scan.c - how one table is read: by rowid or an index, in which range, in which order.
 *
 * Conjuncts that say something of a column of the table become *uses*; every index, and the rowid,
 * is tried with the uses that fit its terms; the cheapest way is taken. Without statistics (of
 * ANALYZE) a table is thought to have a million rows and an equality to find ten, as in SQLite.
 *
 * Invariants
 *   PS1  A use fits a term only if the index has the order and the values that the comparison
 * means: the same collation, and an affinity that was applied to the stored values as well (31,
 * item 50). PS2  A conjunct is left out of the filter only if the path decides all of it. PS3  A
 * partial index is used only where its predicate follows from the conjuncts. */
#include "sql/bind_int.h"

#include <math.h>
#include <string.h>

#define SCAN_DEFAULT_ROWS  1048576.0
#define SCAN_EQUAL_ROWS    10.0 /* found by an equality that is not unique */
#define SCAN_RANGE_PART    4.0  /* a bound leaves one row in four */
#define SCAN_LOOKUP_COST   10.0 /* of a descent, in rows scanned */
#define SCAN_FETCH_COST    4.0  /* of a row by its rowid from an index */
#define SCAN_SORT_COST     0.5  /* of a comparison */
#define SCAN_GROUP_COST    2.0  /* of finding a row's group by a hash table */
#define SCAN_LIMITED_ROWS  100.0
#define SCAN_COVERING_COST 0.75
#define SCAN_NOT_COLUMN    (-2)

double
vl_plan_table_rows(const vl_binder *b, const vl_table_def *table)
{
    (void)b;
    return table->has_estimate ? table->row_estimate + 1 : SCAN_DEFAULT_ROWS;
}

/* ---- uses ---- */

/* What is known while a table's paths are looked for. */
typedef struct scan_work {
    vl_binder *b;
    const vl_bind_source *source;
    const vl_exprs *conjuncts;
    uint64_t given;    /* sources whose columns a key may name */
    vl_bind_use *uses; /* use_count of them */
    uint32_t use_count;
    uint32_t use_capacity;
    const vl_wish *wish; /* or NULL */
    double rows;         /* of the table */
    vl_bind_path best;
    int is_found;
} scan_work;

/* Position of what a column expression names in the table, or SCAN_NOT_COLUMN. */
static int32_t
scan_column(const vl_bind_source *source, const vl_expr *expr)
{
    uint32_t position = expr->index - source->base;

    if (expr->kind != VL_EXPR_COLUMN || expr->op != 0 || expr->index < source->base ||
        position > source->column_count)
        return SCAN_NOT_COLUMN;
    if (position == source->column_count || (int32_t)position == source->table->rowid_column)
        return VL_COLUMN_ROWID;
    return (int32_t)position;
}

/* Whether a value can be had before the table is read. */
static int
scan_is_given(const scan_work *work, const vl_expr *value)
{
    return value->effect != VL_EFFECT_VOLATILE &&
           (vl_expr_places(work->b, value, work->source->scope) & ~work->given) == 0;
}

/* Whether all that an expression names is of the table. */
static int
scan_is_own(const scan_work *work, const vl_expr *subject)
{
    return vl_expr_places(work->b, subject, work->source->scope) == UINT64_C(1)
                                                                        << work->source->place &&
           subject->effect == VL_EFFECT_TOTAL;
}

static vl_bind_use *
scan_add_use(scan_work *work, vl_bind_use_kind kind, uint32_t conjunct, vl_expr *subject)
{
    vl_bind_use *uses =
        vl_bind_grow(work->b, work->uses, work->use_count, &work->use_capacity, sizeof *uses);

    if (uses == NULL)
        return NULL;
    work->uses = uses;
    uses += work->use_count++;
    *uses = (vl_bind_use){.kind = kind, .conjunct = conjunct, .subject = subject};
    uses->column = scan_column(work->source, subject);
    return uses;
}

static void
scan_use_comparison(scan_work *work, uint32_t conjunct, const vl_expr *expr, unsigned side)
{
    static const struct {
        uint8_t kind;
        uint8_t swapped;
        uint8_t is_excluded;
    } kinds[] = {
        [VL_COMPARE_EQ] = {VL_USE_EQUAL, VL_USE_EQUAL, 0},
        [VL_COMPARE_LT] = {VL_USE_HIGH, VL_USE_LOW, 1},
        [VL_COMPARE_LE] = {VL_USE_HIGH, VL_USE_LOW, 0},
        [VL_COMPARE_GT] = {VL_USE_LOW, VL_USE_HIGH, 1},
        [VL_COMPARE_GE] = {VL_USE_LOW, VL_USE_HIGH, 0},
        [VL_COMPARE_IS] = {VL_USE_IS, VL_USE_IS, 0},
    };
    vl_expr *subject = expr->kids[side];
    vl_expr *value = expr->kids[1 - side];
    vl_bind_use *use;

    if (expr->op == VL_COMPARE_NE || expr->op == VL_COMPARE_IS_NOT || !scan_is_own(work, subject) ||
        !scan_is_given(work, value))
        return;
    use = scan_add_use(
        work, (vl_bind_use_kind)(side == 0 ? kinds[expr->op].kind : kinds[expr->op].swapped),
        conjunct, subject);
    if (use == NULL)
        return;
    use->value = value;
    use->is_excluded = kinds[expr->op].is_excluded;
    use->affinity = expr->compared;
    use->collation = expr->collation;
}

static void
scan_use_between(scan_work *work, uint32_t conjunct, const vl_expr *expr)
{
    vl_bind_use *use;

    if (expr->is_not || !scan_is_own(work, expr->kids[0]))
        return;
    for (unsigned i = 1; i <= 2; i++) {
        if (!scan_is_given(work, expr->kids[i]))
            continue;
        use = scan_add_use(work, i == 1 ? VL_USE_LOW : VL_USE_HIGH, conjunct, expr->kids[0]);
        if (use == NULL)
            return;
        use->value = expr->kids[i];
        use->affinity = i == 1 ? expr->compared : expr->compared2;
        use->collation = i == 1 ? expr->collation : expr->collation2;
        use->is_half = 1;
    }
}

static void
scan_use_in(scan_work *work, uint32_t conjunct, const vl_expr *expr)
{
    int is_list = expr->kind == VL_EXPR_IN_LIST;
    vl_bind_use *use;

    if (expr->is_not || (!is_list && expr->op != 1) || !scan_is_own(work, expr->kids[0]) ||
        expr->effect == VL_EFFECT_VOLATILE)
        return;
    for (uint32_t i = 1; i < expr->kid_count; i++)
        if (!scan_is_given(work, expr->kids[i]))
            return;
    use = scan_add_use(work, is_list ? VL_USE_LIST : VL_USE_QUERY, conjunct, expr->kids[0]);
    if (use == NULL)
        return;
    use->in = expr;
    use->affinity = is_list ? expr->compared : expr->affinities[0];
    use->collation = is_list ? expr->collation : expr->collations[0];
}

/* a = 1 OR a = 2 is a IN (1, 2). */
static void
scan_use_or(scan_work *work, uint32_t conjunct, const vl_expr *expr)
{
    const vl_expr *first = expr->kids[0];
    vl_exprs kids = {NULL, 0};
    vl_expr *in;

    if (first->kind != VL_EXPR_COMPARE)
        return;
    vl_exprs_add(work->b, &kids, first->kids[0]);
    for (uint32_t i = 0; i < expr->kid_count; i++) {
        const vl_expr *kid = expr->kids[i];

        if (kid->kind != VL_EXPR_COMPARE || kid->op != VL_COMPARE_EQ ||
            kid->compared != first->compared || kid->collation != first->collation ||
            !vl_expr_equal(kid->kids[0], first->kids[0]))
            return;
        vl_exprs_add(work->b, &kids, kid->kids[1]);
    }
    in = vl_expr_new(work->b, VL_EXPR_IN_LIST, 0, NULL);
    if (in == NULL)
        return;
    in->kids = kids.list;
    in->kid_count = kids.count;
    in->compared = first->compared;
    in->collation = first->collation;
    in = vl_expr_finish(work->b, in);
    if (in != NULL) {
        in->collation = first->collation;
        scan_use_in(work, conjunct, in);
    }
}

static void
scan_find_uses(scan_work *work)
{
    for (uint32_t i = 0; i < work->conjuncts->count; i++) {
        const vl_expr *expr = work->conjuncts->list[i];

        if (expr->kind == VL_EXPR_COMPARE) {
            scan_use_comparison(work, i, expr, 0);
            scan_use_comparison(work, i, expr, 1);
        } else if (expr->kind == VL_EXPR_BETWEEN) {
            scan_use_between(work, i, expr);
        } else if (expr->kind == VL_EXPR_IN_LIST || expr->kind == VL_EXPR_IN_QUERY) {
            scan_use_in(work, i, expr);
        } else if (expr->kind == VL_EXPR_OR) {
            scan_use_or(work, i, expr);
        } else if (expr->kind == VL_EXPR_IS_NULL && !expr->is_not &&
                   scan_is_own(work, expr->kids[0])) {
            (void)scan_add_use(work, VL_USE_NULL, i, expr->kids[0]);
        }
    }
}

/* ---- what fits a term ---- */

/* The affinity of what a term holds. */
static vl_affinity
scan_stored_affinity(const vl_bind_source *source, int32_t column, const vl_expr *subject)
{
    if (column == VL_COLUMN_ROWID)
        return VL_AFFINITY_INTEGER;
    if (column >= 0)
        return source->table->columns[column].affinity;
    return (vl_affinity)subject->affinity;
}

static int
scan_affinity_fits(vl_affinity compared, vl_affinity stored)
{
    if (compared < VL_AFFINITY_TEXT)
        return 1;
    if (compared == VL_AFFINITY_TEXT)
        return stored == VL_AFFINITY_TEXT;
    return stored >= VL_AFFINITY_NUMERIC;
}

/* Whether a use is of an index's term: PS1. `expr` is the term's, if it is an expression. */
static int
scan_use_fits(const scan_work *work, const vl_bind_use *use, const vl_index_term *term,
              const vl_expr *expr)
{
    if (expr != NULL ? !vl_expr_equal(expr, use->subject)
                     : use->column == SCAN_NOT_COLUMN || use->column != term->column)
        return 0;
    if (use->kind == VL_USE_NULL)
        return 1;
    return use->collation == (uint8_t)term->collation && use->collation < VL_COLLATE_USER &&
           scan_affinity_fits((vl_affinity)use->affinity,
                              scan_stored_affinity(work->source, use->column, use->subject));
}

/* Bind an expression of an index on the source, without counting what it names as used. NULL: it
 * has none, or cannot be bound here. */
static vl_expr *
scan_bind_own(const scan_work *work, const void *ast)
{
    vl_binder *b = work->b;
    const vl_bind_source *source = work->source;
    vl_bind_source own = *b->ids[source->base].source;
    vl_bind_source *sources[1] = {&own};
    vl_bind_scope scope = {.sources = sources, .source_count = 1, .home = source->table->schema};
    uint8_t *used;
    vl_expr *expr;

    if (ast == NULL || b->status != VELO_OK)
        return NULL;
    used = vl_bind_alloc(b, source->column_count + 1U, 1);
    if (used == NULL)
        return NULL;
    for (uint32_t i = 0; i <= source->column_count; i++)
        used[i] = b->ids[source->base + i].is_used;
    vl_bind_unalias(&own);
    b->quiet++;
    expr = vl_bind_expr(b, &scope, ast);
    b->quiet--;
    if (b->status == VELO_ERROR)
        b->status = VELO_OK;
    for (uint32_t i = 0; i <= source->column_count; i++)
        b->ids[source->base + i].is_used = used[i];
    return expr;
}

/* Whether a conjunct of an index's predicate follows from those of the query. */
static int
scan_implies(const scan_work *work, const vl_expr *wanted)
{
    for (uint32_t i = 0; i < work->conjuncts->count; i++)
        if (vl_expr_implies(work->conjuncts->list[i], wanted))
            return 1;
    return 0;
}

/* Whether an index may be used as far as its predicate goes: PS3. */
static int
scan_predicate_holds(const scan_work *work, const vl_index_def *index)
{
    vl_exprs wanted = {NULL, 0};
    vl_expr *predicate;

    if (index->where_ast == NULL)
        return 1;
    predicate = scan_bind_own(work, index->where_ast);
    vl_expr_conjuncts(work->b, predicate, &wanted);
    if (wanted.count == 0)
        return 0;
    for (uint32_t i = 0; i < wanted.count; i++)
        if (!scan_implies(work, wanted.list[i]))
            return 0;
    return 1;
}

/* ---- order ---- */

/* Whether a path by terms gives the wished order; the first `fixed` terms have one value each.
 * `exprs` are the terms' expressions. */
static int
scan_is_ordered(const scan_work *work, const vl_index_term *terms, uint32_t term_count,
                vl_expr *const *exprs, uint32_t fixed, int *is_backward)
{
    int is_key = work->source->table->is_without_rowid; /* all terms together name a row */
    const vl_wish *wish = work->wish;
    uint32_t at = fixed;
    int direction = -1;

    *is_backward = 0;
    for (uint32_t i = 0; i < wish->count; i++) {
        const vl_bind_order *order = &wish->order[i];
        int32_t column = scan_column(work->source, order->expr);
        int is_fixed = order->expr->is_constant;
        int reversed;

        for (uint32_t k = 0; k < fixed && !is_fixed; k++)
            is_fixed = column != SCAN_NOT_COLUMN && terms[k].column == column &&
                       (uint8_t)terms[k].collation == order->collation;
        if (is_fixed)
            continue;
        if (at == term_count && at > 0 && is_key)
            break; /* no two rows are equal so far */
        if (at == term_count ||
            (exprs[at] != NULL ? !vl_expr_equal(exprs[at], order->expr)
                               : column == SCAN_NOT_COLUMN || terms[at].column != column))
            return 0;
        if (((uint8_t)terms[at].collation != order->collation ||
             terms[at].collation >= VL_COLLATE_USER) &&
            column != VL_COLUMN_ROWID)
            return 0;
        if (order->nulls_last != order->is_descending && column != VL_COLUMN_ROWID)
            return 0;
        reversed = order->is_descending != (terms[at].is_descending != 0);
        if (direction >= 0 && direction != reversed)
            return 0;
        direction = reversed;
        if (terms[at].column == VL_COLUMN_ROWID)
            break; /* no two rows are equal so far */
        at++;
    }
    *is_backward = direction > 0;
    return 1;
}

/* ---- paths ---- */

static int
scan_is_decided(const vl_bind_path *path, uint32_t conjunct)
{
    for (uint32_t i = 0; i < path->key_count; i++)
        if (path->keys[i]->conjunct == conjunct)
            return 1;
    return (path->arm_count > 0 && path->arms_conjunct == conjunct) ||
           (path->low != NULL && path->low->conjunct == conjunct) ||
           (path->high != NULL && path->high->conjunct == conjunct);
}

/* How many rows are read until those of a limit are found: what the path does not decide leaves
 * some out. */
static double
scan_limited_rows(const scan_work *work, const vl_bind_path *path)
{
    double rows = SCAN_LIMITED_ROWS;

    for (uint32_t i = 0; i < work->conjuncts->count && rows < path->rows; i++)
        if (!scan_is_decided(path, i))
            rows *= SCAN_RANGE_PART;
    return rows;
}

/* Take a path if it is the best so far. */
static void
scan_consider(scan_work *work, vl_bind_path *path)
{
    double cost = path->cost;
    double best = work->best.cost;

    if (work->wish != NULL && work->wish->count > 0) {
        double limited = scan_limited_rows(work, path);
        double sort = path->rows * (work->wish->is_hashed ? SCAN_GROUP_COST
                                                          : SCAN_SORT_COST * log2(path->rows + 2));

        if (!path->is_ordered)
            cost += sort;
        else if (work->wish->is_limited && path->arm_count == 0 && path->rows > limited)
            cost *= limited / path->rows; /* but a union is made whole */
    }
    path->cost = cost;
    if (!work->is_found || cost < best) {
        work->best = *path;
        work->is_found = 1;
    }
}

/* The use that restricts a term to single values, or NULL. */
static const vl_bind_use *
scan_key_use(const scan_work *work, const vl_index_term *term, const vl_expr *expr)
{
    const vl_bind_use *found = NULL;

    for (uint32_t i = 0; i < work->use_count; i++) {
        const vl_bind_use *use = &work->uses[i];

        if (use->kind < VL_USE_LOW && scan_use_fits(work, use, term, expr) &&
            (found == NULL || use->kind < found->kind))
            found = use;
    }
    return found;
}

static void
scan_range_uses(const scan_work *work, const vl_index_term *term, const vl_expr *expr,
                vl_bind_path *path)
{
    for (uint32_t i = 0; i < work->use_count; i++) {
        const vl_bind_use *use = &work->uses[i];

        if (use->kind == VL_USE_LOW && path->low == NULL && scan_use_fits(work, use, term, expr))
            path->low = use;
        if (use->kind == VL_USE_HIGH && path->high == NULL && scan_use_fits(work, use, term, expr))
            path->high = use;
    }
}

static double
scan_range_rows(const vl_bind_path *path, double rows)
{
    if (path->low != NULL)
        rows /= SCAN_RANGE_PART;
    if (path->high != NULL)
        rows /= SCAN_RANGE_PART;
    return rows > 1 ? rows : 1;
}

/* How many values a use looks up. */
static double
scan_value_count(const vl_bind_use *use)
{
    if (use->kind == VL_USE_LIST)
        return use->in->kid_count - 1;
    return use->kind == VL_USE_QUERY ? 25 : 1;
}

static void
scan_try_rowid(scan_work *work)
{
    static const vl_index_term term = {.column = VL_COLUMN_ROWID};
    vl_expr *const exprs[1] = {NULL};
    vl_bind_path path = {.rows = work->rows};
    const vl_bind_use *key = scan_key_use(work, &term, NULL);

    if (key != NULL && key->kind == VL_USE_NULL)
        key = NULL;
    if (key != NULL) {
        path.keys = vl_bind_alloc(work->b, 1, sizeof(const vl_bind_use *));
        if (path.keys == NULL)
            return;
        path.keys[0] = key;
        path.key_count = 1;
        path.rows = scan_value_count(key);
        path.cost = path.rows * SCAN_LOOKUP_COST;
    } else {
        scan_range_uses(work, &term, NULL, &path);
        path.rows = scan_range_rows(&path, work->rows);
        path.cost = path.rows + SCAN_LOOKUP_COST;
    }
    if (work->wish != NULL && work->wish->count > 0 && (key == NULL || key->kind < VL_USE_LIST))
        path.is_ordered =
            scan_is_ordered(work, &term, 1, exprs, key != NULL ? 1 : 0, &path.is_backward);
    scan_consider(work, &path);
}

/* Whether the index has all columns that are asked for. WITHOUT ROWID, SQLite does not know that
 * the index of a constraint has columns of the primary key, and the order of rows tells. */
static int
scan_is_covering(const scan_work *work, const vl_index_def *index)
{
    const vl_bind_source *source = work->source;
    uint32_t count = source->table->is_without_rowid && index->origin != VL_INDEX_CREATED
                         ? index->term_count
                         : index->total_count;

    for (uint32_t i = 0; i < source->column_count; i++) {
        int is_there = (int32_t)i == source->table->rowid_column;

        if (!work->b->ids[source->base + i].is_used)
            continue;
        for (uint32_t k = 0; k < count && !is_there; k++)
            is_there = index->terms[k].column == (int32_t)i;
        if (!is_there)
            return 0;
    }
    return 1;
}

/* Whether reading all of the index is better than all of the table, as SQLite sees it. */
static int
scan_is_narrow(const vl_bind_source *source, const vl_index_def *index)
{
    uint32_t count = source->column_count + (source->table->rowid_column < 0 ? 1U : 0U);

    return index->total_count < count && !source->is_changed;
}

/* Rows that the keys find. */
static double
scan_key_rows(const scan_work *work, const vl_index_def *index, const vl_bind_path *path)
{
    double found = index->estimates != NULL ? index->estimates[0] : work->rows;
    double values = 1;

    for (uint32_t i = 0; i < path->key_count; i++)
        values *= scan_value_count(path->keys[i]);
    if (index->estimates != NULL)
        found = index->estimates[path->key_count];
    else if (path->key_count > 0)
        found = SCAN_EQUAL_ROWS / (1 + 0.1 * (path->key_count - 1));
    if (index->is_unique && path->key_count >= index->term_count)
        found = 1;
    found = found < work->rows ? found : work->rows;
    return found * values < work->rows ? found * values : work->rows;
}

static void
scan_try_index(scan_work *work, const vl_index_def *index, int is_forced)
{
    const vl_bind_source *source = work->source;
    uint32_t count = index->term_count;
    vl_bind_path path = {.index = index};
    vl_expr **exprs = vl_bind_alloc(work->b, index->total_count + 1U, sizeof(vl_expr *));
    double per_row;
    int has_list = 0;

    path.keys = vl_bind_alloc(work->b, count + 1U, sizeof(const vl_bind_use *));
    if (exprs == NULL || path.keys == NULL || !scan_predicate_holds(work, index))
        return;
    for (uint32_t i = 0; i < index->total_count; i++) {
        exprs[i] = scan_bind_own(work, index->terms[i].ast);
        if (index->terms[i].ast != NULL && exprs[i] == NULL) {
            count = i < count ? i : count;
            break;
        }
    }
    for (; path.key_count < count; path.key_count++) {
        const vl_bind_use *use =
            scan_key_use(work, &index->terms[path.key_count], exprs[path.key_count]);

        if (use == NULL)
            break;
        has_list |= use->kind == VL_USE_LIST || use->kind == VL_USE_QUERY;
        path.keys[path.key_count] = use;
    }
    if (path.key_count < count)
        scan_range_uses(work, &index->terms[path.key_count], exprs[path.key_count], &path);
    if (work->wish != NULL && work->wish->count > 0 && !has_list && count == index->term_count)
        path.is_ordered = scan_is_ordered(work, index->terms,
                                          index == source->table->primary ? index->term_count
                                                                          : index->total_count,
                                          exprs, path.key_count, &path.is_backward);
    path.is_covering = index == source->table->primary || scan_is_covering(work, index);
    if (path.key_count == 0 && path.low == NULL && path.high == NULL && !path.is_ordered &&
        !is_forced && index->where_ast == NULL &&
        !(path.is_covering && scan_is_narrow(source, index)))
        return;
    path.rows = scan_range_rows(&path, scan_key_rows(work, index, &path));
    if (index->where_ast != NULL && path.rows > 10 && index->estimates == NULL)
        path.rows /= 10;
    per_row = path.is_covering ? SCAN_COVERING_COST : 1 + SCAN_FETCH_COST;
    if (index == source->table->primary)
        per_row = 1;
    path.cost = SCAN_LOOKUP_COST + path.rows * per_row;
    if (path.key_count == 0 && path.low == NULL && path.high == NULL && path.is_covering &&
        index->where_ast == NULL && index != source->table->primary)
        path.cost = path.rows * 0.95; /* a narrower tree, not a much cheaper row */
    scan_consider(work, &path);
}

/* Unions of what the arms of an OR find: rows by rowid, each once. */
static void
scan_try_ors(scan_work *work)
{
    static const vl_index_term term = {.column = VL_COLUMN_ROWID};
    vl_expr *const exprs[1] = {NULL};

    for (uint32_t i = 0; i < work->conjuncts->count; i++) {
        vl_bind_path path;

        if (work->conjuncts->list[i]->kind != VL_EXPR_OR ||
            !vl_or_plan_path(work->b, work->source, work->conjuncts, i, work->given, &path))
            continue;
        path.rows = path.rows < work->rows ? path.rows : work->rows;
        path.cost += path.rows * (1 + SCAN_FETCH_COST);
        if (work->wish != NULL && work->wish->count > 0 && !work->source->table->is_without_rowid)
            path.is_ordered = scan_is_ordered(work, &term, 1, exprs, 0, &path.is_backward);
        scan_consider(work, &path);
    }
}

int
vl_plan_path(vl_binder *b, const vl_bind_source *source, const vl_exprs *conjuncts, uint64_t given,
             const vl_wish *wish, vl_bind_path *path)
{
    const vl_table_def *table = source->table;
    scan_work work = {
        .b = b, .source = source, .conjuncts = conjuncts, .given = given, .wish = wish};

    if (vl_bind_is_virtual(table))
        return vl_virtual_plan_path(b, source, conjuncts, given, wish, path);
    work.rows = vl_plan_table_rows(b, table);
    scan_find_uses(&work);
    if (source->index != NULL) {
        scan_try_index(&work, source->index, 1);
        if (!work.is_found)
            vl_bind_fail(b, NULL, NULL, "no query solution");
    } else {
        if (!table->is_without_rowid)
            scan_try_rowid(&work);
        else
            scan_try_index(&work, table->primary, 1);
        for (const vl_index_def *index = table->indexes; index != NULL && !source->not_indexed;
             index = index->next)
            if (index != table->primary)
                scan_try_index(&work, index, 0);
        scan_try_ors(&work);
    }
    *path = work.best;
    return b->status == VELO_OK && work.is_found;
}

int
vl_plan_path_needs(const vl_binder *b, const vl_bind_path *path, const vl_bind_scope *scope,
                   uint64_t places)
{
    const vl_bind_use *ends[] = {path->low, path->high};
    uint64_t named = 0;

    if (path->virtual_path != NULL)
        named = vl_virtual_path_places(b, path->virtual_path, scope);
    for (uint32_t i = 0; i < path->arm_count; i++)
        if (vl_plan_path_needs(b, &path->arms[i].path, scope, places))
            return 1;
    for (uint32_t i = 0; i < path->key_count; i++) {
        const vl_bind_use *use = path->keys[i];

        if (use->value != NULL)
            named |= vl_expr_places(b, use->value, scope);
        for (uint32_t k = 1; use->in != NULL && k < use->in->kid_count; k++)
            named |= vl_expr_places(b, use->in->kids[k], scope);
    }
    for (unsigned i = 0; i < 2; i++)
        if (ends[i] != NULL)
            named |= vl_expr_places(b, ends[i]->value, scope);
    return (named & places) != 0;
}
