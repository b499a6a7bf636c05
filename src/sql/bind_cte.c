/* bind_cte.c - WITH: common table expressions, ordinary and recursive.
 *
 * A CTE that is named once is a query in place of its name, as a subquery is; one that is named
 * more often, is MATERIALIZED or recurses is a program of its own. A body is bound where it is
 * first named, so what is never named is never looked at, as in SQLite.
 *
 * Invariants
 *   BW1  A body sees the CTEs of its own WITH and of those around it, and the queries around the
 *        WITH, wherever its name stands.
 *   BW2  The queue of a recursion is named by the recursive terms themselves only, once each. */
#include "sql/bind_int.h"

#include <string.h>

/* ---- names ---- */

vl_cte *
vl_bind_find_cte(const vl_with *with, const char *name, size_t size)
{
    for (; with != NULL; with = with->parent)
        for (uint32_t i = 0; i < with->cte_count; i++)
            if (vl_name_compare(with->ctes[i].ast->text, with->ctes[i].ast->text_size, name,
                                size) == 0)
                return &with->ctes[i];
    return NULL;
}

/* Whether a SOURCE is the name alone. */
static int
cte_is_named(const vl_ast *source, const vl_ast *cte)
{
    const vl_ast *name = source->kid[0];

    return source->type == VL_AST_SOURCE && name != NULL && name->type == VL_AST_QNAME &&
           name->kid[0] == NULL && (source->flags & VL_AST_CALL) == 0 &&
           vl_name_compare(name->text, name->text_size, cte->text, cte->text_size) == 0;
}

/* Count how often the CTEs are named in a tree; inner CTEs of the same name count as well. */
static void
cte_count_uses(vl_with *with, const vl_ast *tree)
{
    for (; tree != NULL; tree = tree->next) {
        if (tree->type == VL_AST_SOURCE)
            for (uint32_t i = 0; i < with->cte_count; i++)
                with->ctes[i].uses += (uint32_t)cte_is_named(tree, with->ctes[i].ast);
        for (uint32_t i = 0; i < tree->kid_count; i++)
            if (tree->type != VL_AST_LIST || i == 0)
                cte_count_uses(with, tree->kid[i]);
    }
}

/* How often a CTE names itself: these are no uses of its result. */
static uint32_t
cte_count_own(const vl_ast *cte, const vl_ast *tree)
{
    uint32_t count = 0;

    for (; tree != NULL; tree = tree->next) {
        if (tree->type == VL_AST_SOURCE)
            count += (uint32_t)cte_is_named(tree, cte);
        for (uint32_t i = 0; i < tree->kid_count; i++)
            if (tree->type != VL_AST_LIST || i == 0)
                count += cte_count_own(cte, tree->kid[i]);
    }
    return count;
}

const vl_with *
vl_bind_with(vl_binder *b, vl_bind_scope *scope, const vl_bind_scope *like, const vl_ast *ast,
             const vl_ast *whole)
{
    const vl_ast *list = ast != NULL ? ast->kid[0] : NULL;
    vl_with *with;

    if (list == NULL || b->status != VELO_OK)
        return like->with;
    with = vl_bind_alloc(b, 1, sizeof *with);
    if (with == NULL)
        return NULL;
    with->parent = like->with;
    with->scope = scope;
    with->like = vl_bind_scope_new(b, NULL, like);
    with->ctes = vl_bind_alloc(b, list->count + 1U, sizeof(vl_cte));
    if (with->like == NULL || with->ctes == NULL)
        return NULL;
    with->like->with = with; /* keeps BW1 */
    for (const vl_ast *cte = vl_ast_first(list); cte != NULL; cte = cte->next) {
        for (uint32_t i = 0; i < with->cte_count; i++)
            if (vl_name_compare(with->ctes[i].ast->text, with->ctes[i].ast->text_size, cte->text,
                                cte->text_size) == 0)
                return vl_bind_fail(b, like, cte, "duplicate WITH table name: %.*s",
                                    (int)cte->text_size, cte->text);
        with->ctes[with->cte_count].ast = cte;
        with->ctes[with->cte_count++].with = with;
    }
    for (uint32_t i = 0; i < whole->kid_count; i++)
        cte_count_uses(with, whole->kid[i]);
    for (uint32_t i = 0; i < with->cte_count; i++)
        with->ctes[i].uses -= cte_count_own(with->ctes[i].ast, with->ctes[i].ast->kid[1]);
    return with;
}

/* ---- columns ---- */

/* Columns of a CTE: those of its query, perhaps with names of its own. */
static vl_bind_column *
cte_columns(vl_binder *b, const vl_cte *cte, const vl_query *query)
{
    const vl_ast *names = cte->ast->kid[0];
    vl_bind_column *columns;
    uint32_t count = 0;

    if (query == NULL || b->status != VELO_OK)
        return NULL;
    columns = vl_bind_own_columns(b, query->columns, query->column_count);
    if (columns == NULL || names == NULL)
        return columns;
    if (names->count != query->column_count)
        return vl_bind_fail(b, cte->with->like, names, "table %.*s has %u values for %u columns",
                            (int)cte->ast->text_size, cte->ast->text, (unsigned)query->column_count,
                            (unsigned)names->count);
    for (const vl_ast *name = vl_ast_first(names); name != NULL; name = name->next)
        columns[count++].name = vl_bind_text(b, name->text, name->text_size);
    return columns;
}

/* ---- recursion ---- */

/* Whether a FROM names the CTE itself, in parentheses perhaps. */
static int
cte_is_in_from(const vl_ast *list, const vl_ast *cte)
{
    for (const vl_ast *source = vl_ast_first(list); source != NULL; source = source->next) {
        if (cte_is_named(source, cte))
            return 1;
        if (source->kid[0]->type == VL_AST_LIST && cte_is_in_from(source->kid[0], cte))
            return 1;
    }
    return 0;
}

/* The first recursive term; *before is how many terms come before it. NULL: there is none.
 * Recursive are those at the end that name the CTE and are joined as the last one is; a CTE of the
 * same name in a WITH of the query itself changes nothing. SQLite goes by the same signs. */
static const vl_ast *
cte_recursive_term(const vl_ast *cte, uint32_t *before)
{
    const vl_ast *list = cte->kid[1]->kid[1];
    const vl_ast *first = NULL;
    uint32_t index = 0;

    *before = 0;
    if (list->kid[1]->op != VL_OP_UNION && list->kid[1]->op != VL_OP_UNION_ALL)
        return NULL;
    for (const vl_ast *core = vl_ast_first(list); core != NULL; core = core->next, index++) {
        if (index == 0 || core->op != list->kid[1]->op || core->type != VL_AST_SELECT ||
            !cte_is_in_from(core->kid[1], cte)) {
            first = NULL;
        } else if (first == NULL) {
            first = core;
            *before = index;
        }
    }
    return first;
}

/* What the recursive terms must keep. */
static void
cte_check_terms(vl_binder *b, const vl_cte *cte, const vl_ast *term, const vl_query *query,
                int *is_union)
{
    const vl_bind_scope *like = cte->with->like;

    if (b->status != VELO_OK)
        return;
    if (query->column_count != cte->column_count) {
        vl_bind_fail(b, like, term,
                     "SELECTs to the left and right of %s do not have the same number of result "
                     "columns",
                     vl_ast_op_words((vl_ast_op)term->op));
        return;
    }
    for (uint32_t i = 0; i < query->core_count; i++) {
        const vl_core *core = query->cores[i];

        if (core->scope->call_count > 0 || core->is_grouped)
            vl_bind_fail(b, like, term, "recursive aggregate queries not supported");
        if (core->scope->window_call_count > 0)
            vl_bind_fail(b, like, term, "cannot use window functions in recursive queries");
    }
    *is_union = term->op == VL_OP_UNION; /* as all of them */
}

/* What the recursive terms may name: what the terms before them may, but for a CTE of the query's
 * own WITH that has the name of the queue (keeps BW2). NULL: a failure. */
static const vl_bind_scope *
cte_terms_like(vl_binder *b, const vl_cte *cte, const vl_bind_scope *like)
{
    const vl_ast *ast = cte->ast;
    const vl_cte *hiding = vl_bind_find_cte(like->with, ast->text, ast->text_size);
    vl_bind_scope *terms;
    vl_with *with;

    if (hiding == cte || hiding == NULL || b->status != VELO_OK)
        return like;
    terms = vl_bind_scope_new(b, NULL, like);
    with = vl_bind_alloc(b, 1, sizeof *with);
    if (terms == NULL || with == NULL)
        return NULL;
    *with = *like->with;
    with->cte_count = 0;
    with->ctes = vl_bind_alloc(b, like->with->cte_count, sizeof(vl_cte));
    if (with->ctes == NULL)
        return NULL;
    for (uint32_t i = 0; i < like->with->cte_count; i++)
        if (&like->with->ctes[i] != hiding)
            with->ctes[with->cte_count++] = like->with->ctes[i];
    terms->with = with;
    return terms;
}

/* The recursive terms as a program of RECURSE; their query. */
static const vl_query *
cte_plan_terms(vl_binder *b, vl_cte *cte, const vl_bind_scope *like, const vl_ast *term,
               uint32_t count, vl_op *recurse)
{
    const vl_bind_layout none = {NULL, 0};
    vl_query *query;
    vl_bind_frame frame;
    vl_exprs arguments;
    int is_union = 0;

    cte->state = VL_CTE_RECURSING;
    cte->queue_depth = b->depth + 1;
    like = cte_terms_like(b, cte, like);
    if (like == NULL || !vl_bind_may(b, NULL, VELO_ACTION_RECURSIVE, NULL))
        return NULL;
    query = vl_bind_cores(b, cte->with->scope, like, term, count);
    cte->state = VL_CTE_BINDING;
    cte_check_terms(b, cte, term, query, &is_union);
    if (b->status != VELO_OK)
        return NULL;
    for (uint32_t i = 0; i < query->core_count; i++)
        if (i > 0)
            query->cores[i]->op = VL_OP_UNION_ALL; /* is_union looks at all rows */
    recurse->as.recurse.program = vl_plan_program(b, query, NULL, VL_BIND_NONE, &frame);
    if (b->status != VELO_OK)
        return NULL;
    arguments = vl_program_arguments(b, frame.arguments, frame.count, NULL);
    recurse->as.recurse.arguments = vl_lower_all(b, &none, &arguments);
    recurse->as.recurse.is_union = is_union;
    if (b->effects[recurse->as.recurse.program] > b->frame->effect)
        b->frame->effect = b->effects[recurse->as.recurse.program];
    return query;
}

/* The terms before the recursion and those of it as one query, whose columns have the collation of
 * the first term that has one. NULL: a failure. */
static vl_query *
cte_join_terms(vl_binder *b, const vl_query *setup, const vl_query *terms)
{
    vl_query *whole = vl_bind_alloc(b, 1, sizeof *whole);

    if (whole == NULL || setup == NULL || terms == NULL)
        return NULL;
    whole->cores = vl_bind_alloc(b, setup->core_count + terms->core_count, sizeof(vl_core *));
    if (whole->cores == NULL)
        return NULL;
    memcpy(whole->cores, setup->cores, setup->core_count * sizeof(vl_core *));
    memcpy(whole->cores + setup->core_count, terms->cores, terms->core_count * sizeof(vl_core *));
    whole->core_count = setup->core_count + terms->core_count;
    whole->column_count = setup->column_count;
    vl_bind_merge_cores(b, whole);
    return whole;
}

/* ORDER BY and LIMIT of the whole are those of the queue. */
static void
cte_plan_queue(vl_binder *b, const vl_cte *cte, const vl_bind_scope *like, vl_query *whole,
               vl_op *recurse)
{
    const vl_ast *query = cte->ast->kid[1];
    const vl_bind_layout none = {NULL, 0};
    vl_op_recurse *as = &recurse->as.recurse;

    vl_bind_order_by(b, whole, query->kid[2]);
    vl_bind_limit(b, whole, like, query->kid[3], query->kid[4]);
    if (b->status != VELO_OK)
        return;
    as->collations = whole->collations;
    for (uint32_t i = 0; as->is_union && i < whole->column_count; i++)
        (void)vl_bind_need(b, whole->collations[i]);
    as->limit = vl_lower(b, &none, whole->limit);
    as->offset = vl_lower(b, &none, whole->offset);
    as->order = vl_bind_alloc(b, whole->order_count + 1U, sizeof(vl_sort_key));
    if (as->order == NULL)
        return;
    for (uint32_t i = 0; i < whole->order_count; i++) {
        const vl_bind_order *order = &whole->order[i];

        as->order[i] = (vl_sort_key){
            .expr = vl_expr_position(b, order->slot, &whole->columns[order->slot]),
            .is_descending = order->is_descending,
            .nulls_last = order->nulls_last,
            .collation = order->collation,
        };
    }
    as->order_count = whole->order_count;
}

/* The program of a recursive CTE, whose query may have a WITH of its own. */
static void
cte_make_recursive(vl_binder *b, vl_cte *cte, const vl_ast *term, uint32_t before,
                   vl_bind_frame *frame)
{
    const vl_ast *query = cte->ast->kid[1];
    vl_bind_scope *scope = cte->with->scope;
    vl_bind_frame *outer = vl_program_begin(b, frame);
    vl_bind_scope *like = vl_bind_scope_new(b, scope, cte->with->like);
    vl_query *setup = NULL;
    vl_op *recurse = NULL;

    if (like != NULL) {
        like->with = vl_bind_with(b, scope, cte->with->like, query->kid[0], query); /* keeps BW1 */
        setup = vl_bind_cores(b, scope, like, vl_ast_first(query->kid[1]), before);
    }
    cte->columns = cte_columns(b, cte, setup);
    if (cte->columns != NULL && b->status == VELO_OK) {
        vl_bind_rel rel = vl_plan_query(b, setup, NULL);

        cte->column_count = setup->column_count;
        recurse = vl_op_new(b, VL_OP_KIND_RECURSE, 1, rel.op, NULL);
    }
    if (recurse != NULL) {
        uint32_t count = query->kid[1]->count - before;
        vl_query *whole =
            cte_join_terms(b, setup, cte_plan_terms(b, cte, like, term, count, recurse));

        if (whole != NULL && b->status == VELO_OK)
            cte_plan_queue(b, cte, like, whole, recurse);
        recurse->rows = 1000;
    }
    vl_program_end(b, outer, cte->program, recurse);
}

/* ---- use ---- */

static void
cte_make_program(vl_binder *b, vl_cte *cte)
{
    const char *name = vl_bind_text(b, cte->ast->text, cte->ast->text_size);
    uint32_t before;
    const vl_ast *term = cte_recursive_term(cte->ast, &before);
    vl_bind_frame frame = {0};

    cte->state = VL_CTE_BINDING;
    if (term != NULL) {
        cte->program = vl_program_new(b, name);
        cte_make_recursive(b, cte, term, before, &frame);
    } else {
        vl_query *query = vl_bind_query(b, cte->with->scope, cte->with->like, cte->ast->kid[1]);

        vl_bind_forget_json(b, query);
        cte->columns = cte_columns(b, cte, query);
        if (cte->columns == NULL || b->status != VELO_OK)
            return;
        cte->column_count = query->column_count;
        cte->program = vl_plan_program(b, query, name, VL_BIND_NONE, &frame);
    }
    cte->arguments = frame.arguments;
    cte->argument_count = frame.count;
    cte->state = VL_CTE_BOUND;
}

/* In place of its name. */
static void
cte_use_in_place(vl_binder *b, vl_cte *cte, vl_bind_source *source)
{
    vl_query *query;

    cte->state = VL_CTE_BINDING;
    query = vl_bind_query(b, cte->with->scope, cte->with->like, cte->ast->kid[1]);
    cte->state = VL_CTE_UNBOUND;
    vl_bind_forget_json(b, query);
    source->kind = VL_BIND_SOURCE_QUERY;
    source->query = query;
    source->columns = cte_columns(b, cte, query);
    source->column_count = query != NULL ? query->column_count : 0;
}

void
vl_bind_cte_use(vl_binder *b, vl_bind_scope *scope, vl_cte *cte, vl_bind_source *source,
                const vl_ast *at)
{
    const vl_ast *ast = cte->ast;
    uint32_t before;

    if (cte->state == VL_CTE_BINDING) {
        vl_bind_fail(b, scope, at, "circular reference: %.*s", (int)ast->text_size, ast->text);
        return;
    }
    if (cte->state == VL_CTE_RECURSING && b->depth != cte->queue_depth) {
        vl_bind_fail(b, scope, at, "multiple recursive references: %.*s", (int)ast->text_size,
                     ast->text);
        return;
    }
    if (cte->state == VL_CTE_RECURSING && cte->queue_scope == scope) {
        vl_bind_fail(b, scope, at, "multiple references to recursive table: %.*s",
                     (int)ast->text_size, ast->text);
        return;
    }
    if (cte->state == VL_CTE_RECURSING) { /* keeps BW2 */
        cte->queue_scope = scope;
        source->kind = VL_BIND_SOURCE_QUEUE;
    } else if (cte->state == VL_CTE_UNBOUND && cte->uses <= 1 &&
               (ast->flags & VL_AST_MATERIALIZED) == 0 &&
               cte_recursive_term(ast, &before) == NULL) {
        cte_use_in_place(b, cte, source);
    } else {
        if (cte->state == VL_CTE_UNBOUND)
            cte_make_program(b, cte);
        source->kind = VL_BIND_SOURCE_CTE;
    }
    source->cte = cte;
    if (source->kind != VL_BIND_SOURCE_QUERY) {
        source->columns = vl_bind_own_columns(b, cte->columns, cte->column_count);
        source->column_count = cte->column_count;
    }
    if (source->kind == VL_BIND_SOURCE_QUEUE && source->columns != NULL)
        for (uint32_t i = 0; i < source->column_count; i++)
            source->columns[i].affinity = VL_AFFINITY_BLOB; /* as columns without a type */
    source->base = vl_bind_id_new(b, source, source->column_count + 1);
}
