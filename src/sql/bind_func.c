/* bind_func.c - calls of functions: those that are expressions of their own, scalar functions, and
 * aggregates.
 *
 * Invariants
 *   BF1  An aggregate belongs to the innermost SELECT whose columns its arguments name; without
 *        columns to the one it stands in.
 *   BF2  Equal calls of one SELECT are computed once, unless they are volatile. */
#include "sql/bind_int.h"

#include "func/registry.h"
#include "vec/value.h"

#include <string.h>

/* The most arguments of a call that is computed when it is bound. */
#define FUNC_FOLD_ARGUMENTS_MAX 8U

/* ---- functions that are expressions ---- */

static vl_expr *
func_node(vl_binder *b, vl_expr_kind kind, const vl_exprs *arguments, const vl_ast *at)
{
    vl_expr *expr = vl_expr_new(b, kind, 0, at);
    unsigned classes = 0;

    if (expr == NULL)
        return NULL;
    expr->kids = arguments->list;
    expr->kid_count = arguments->count;
    for (uint32_t i = 0; i < arguments->count; i++)
        classes |= arguments->list[i]->classes;
    expr->classes = (uint8_t)classes;
    return vl_expr_finish(b, expr);
}

/* iif(a, b, c, d, e) is CASE WHEN a THEN b WHEN c THEN d ELSE e END. */
static vl_expr *
func_iif(vl_binder *b, const vl_exprs *arguments, const vl_ast *at)
{
    vl_expr *expr = func_node(b, VL_EXPR_CASE, arguments, at);

    if (expr != NULL)
        expr->classes = VL_CLASS_ANY;
    return expr;
}

/* likelihood(x, p) is x; p is a real number as it is written, from 0.0 to 1.0. */
static vl_expr *
func_likelihood(vl_binder *b, const vl_ast *at, const vl_exprs *arguments)
{
    const vl_ast *list = at->type == VL_AST_FUNCTION ? at->kid[0] : NULL;
    const vl_ast *chance = list != NULL && list->count == 2 ? list->kid[1] : NULL;

    if (chance == NULL || chance->type != VL_AST_REAL ||
        arguments->list[1]->kind != VL_EXPR_CONSTANT ||
        arguments->list[1]->value.type != VL_TYPE_REAL || arguments->list[1]->value.as.real > 1.0)
        return vl_bind_fail(b, NULL, at,
                            "second argument to likelihood() must be a constant between 0.0 and "
                            "1.0");
    return arguments->list[0];
}

/* Whether a call has syntax of its own in plans; *expr is it. */
static int
func_special(vl_binder *b, const vl_ast *at, const char *name, size_t size,
             const vl_exprs *arguments, vl_expr **expr)
{
    uint32_t count = arguments->count;

    *expr = NULL;
    if ((vl_bind_is(name, size, "coalesce") && count >= 2) ||
        (vl_bind_is(name, size, "ifnull") && count == 2)) {
        *expr = func_node(b, VL_EXPR_COALESCE, arguments, at);
        return 1;
    }
    if ((vl_bind_is(name, size, "iif") || vl_bind_is(name, size, "if")) && count >= 2) {
        *expr = func_iif(b, arguments, at);
        return 1;
    }
    if (vl_bind_is(name, size, "likelihood") && count == 2) {
        *expr = func_likelihood(b, at, arguments);
        return 1;
    }
    if ((vl_bind_is(name, size, "likely") || vl_bind_is(name, size, "unlikely")) && count == 1) {
        *expr = arguments->list[0];
        return 1;
    }
    return 0;
}

/* ---- looking functions up ---- */

static int
func_find(vl_binder *b, const vl_bind_scope *scope, const vl_ast *at, vl_bind_word name,
          uint32_t count, vl_plan_func *found)
{
    vl_plan_found result = VL_PLAN_NO_NAME;

    memset(found, 0, sizeof *found);
    if (b->env->argument_limit != 0 && count > b->env->argument_limit)
        vl_bind_fail(b, scope, at, "too many arguments on function %.*s", (int)name.size,
                     name.text);
    if (b->status != VELO_OK)
        return 0;
    if (b->env->find_func != NULL)
        result = b->env->find_func(b->env->arg, name.text, name.size, count, found);
    if (result == VL_PLAN_NO_NAME) {
        vl_bind_near_function(b, name);
        vl_bind_fail(b, scope, at, "no such function: %.*s", (int)name.size, name.text);
    } else if (result == VL_PLAN_WRONG_COUNT)
        vl_bind_fail(b, scope, at, "wrong number of arguments to function %.*s()", (int)name.size,
                     name.text);
    return b->status == VELO_OK;
}

/* Whether a text says that a moment depends on where one is. */
static int
func_is_local(const vl_value *value)
{
    const char *text = value->as.data;

    if (value->type != VL_TYPE_TEXT)
        return 0;
    for (uint32_t i = 0; i + 3 <= value->size; i++)
        if (vl_bind_is(text + i, 3, "loc") || vl_bind_is(text + i, 3, "utc"))
            return 1;
    return 0;
}

/* Compute a built-in function of dates whose arguments are literals: a column is compared with it
 * in every row, and an index can look it up. 'now', which fails here for want of a clock, and what
 * may be another moment elsewhere stay calls; so does what fails. NULL: it is not computed. */
static vl_expr *
func_fold_date(vl_binder *b, const vl_func *def, const vl_exprs *arguments, const vl_ast *at)
{
    static const char *const names[] = {"date", "datetime", "julianday", "time", "unixepoch"};
    static const vl_func_environment nowhere = {.user = NULL};
    vl_func_call call = {.ctx = b->ctx, .arena = b->arena, .state_arena = b->arena, .func = def};
    vl_value values[FUNC_FOLD_ARGUMENTS_MAX];
    vl_value result = vl_value_of_null();
    uint32_t name = 0;

    if (def == NULL || def->user != NULL || def->scalar == NULL || b->ctx == NULL ||
        arguments->count == 0 || arguments->count > FUNC_FOLD_ARGUMENTS_MAX ||
        (def->flags & VL_FUNC_DETERMINISTIC) == 0)
        return NULL;
    while (name < VL_ARRAY_COUNT(names) && strcmp(def->name, names[name]) != 0)
        name++;
    if (name == VL_ARRAY_COUNT(names))
        return NULL;
    for (uint32_t i = 0; i < arguments->count; i++) {
        if (arguments->list[i]->kind != VL_EXPR_CONSTANT ||
            func_is_local(&arguments->list[i]->value))
            return NULL;
        values[i] = arguments->list[i]->value;
    }
    call.environment = &nowhere;
    if (def->scalar(&call, values, (int)arguments->count, &result) != VELO_OK) {
        vl_error_clear(b->ctx);
        return NULL;
    }
    return vl_expr_constant(b, result, at);
}

static vl_expr *
func_scalar(vl_binder *b, const vl_plan_func *found, const vl_exprs *arguments, const vl_ast *at)
{
    vl_expr *expr = vl_expr_new(b, VL_EXPR_FUNCTION, 0, at);
    vl_expr *folded = func_fold_date(b, found->def, arguments, at);
    uint8_t collation = VL_COLLATE_BINARY;

    if (expr == NULL)
        return NULL;
    if (folded != NULL)
        return folded;
    expr->func = found->def;
    expr->kids = arguments->list;
    expr->kid_count = arguments->count;
    expr->effect = (uint8_t)found->effect;
    expr->classes = found->classes;
    expr->may_be_json = (uint8_t)found->may_be_json;
    expr->purity = (uint8_t)b->purity;
    for (uint32_t i = 0; i < arguments->count && found->compares; i++)
        expr->may_be_json |= arguments->list[i]->may_be_json; /* one of them is the result */
    if (found->compares)
        for (uint32_t i = 0; i < arguments->count; i++)
            if (vl_expr_collation(b, arguments->list[i], &collation))
                break;
    expr = vl_expr_finish(b, expr);
    if (expr != NULL && found->compares)
        expr->collation = vl_bind_need(b, collation);
    return expr;
}

/* Take the function that a virtual table has in the place of another, for a call with a column. */
static void
func_overload(vl_binder *b, const char *name, size_t size, const vl_expr *column, uint32_t count,
              vl_plan_func *found)
{
    const struct vl_func *own = vl_virtual_function(b, name, size, count, column);

    if (own == NULL)
        return;
    found->def = own;
    found->effect = VL_EFFECT_FAILING;
    found->classes = VL_CLASS_ANY;
    found->compares = 0;
}

int
vl_bind_is_overridden(const vl_binder *b, const char *name, uint32_t count)
{
    const struct vl_func *builtin;
    vl_plan_func found = {0};
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    return b->env->find_func != NULL &&
           b->env->find_func(b->env->arg, name, strlen(name), count, &found) == VL_PLAN_FOUND &&
           vl_func_find(&ctx, NULL, name, strlen(name), (int)count, &builtin) == VELO_OK &&
           found.def != builtin;
}

vl_expr *
vl_bind_call_named(vl_binder *b, vl_bind_scope *scope, const char *name, vl_exprs arguments,
                   const vl_ast *at)
{
    vl_bind_word word = {name, (uint32_t)strlen(name)};
    vl_bind_answer answer;
    vl_plan_func found;

    if (b->status != VELO_OK || !func_find(b, scope, at, word, arguments.count, &found) ||
        !vl_bind_ask_function(b, scope, word, &answer))
        return NULL;
    if (answer == VL_BIND_IGNORED)
        return vl_expr_constant(b, vl_value_of_null(), at);
    if (found.is_aggregate)
        return vl_bind_fail(b, scope, at, "misuse of aggregate: %s()", name);
    if (arguments.count >= 2)
        func_overload(b, name, strlen(name), arguments.list[1], arguments.count, &found);
    return func_scalar(b, &found, &arguments, at);
}

/* ---- aggregates ---- */

/* The scope whose sources the ids of an expression belong to, the innermost one: BF1. */
typedef struct func_owner {
    const vl_binder *b;
    vl_bind_scope *innermost; /* where the call stands */
    vl_bind_scope *owner;     /* the nearest found so far; NULL: none */
} func_owner;

static void
func_visit_owner(void *arg, uint32_t id)
{
    func_owner *owner = arg;
    const vl_bind_source *source = owner->b->ids[id].source;

    if (source == NULL)
        return;
    for (vl_bind_scope *scope = owner->innermost; scope != NULL && scope != owner->owner;
         scope = scope->parent)
        if (scope == source->scope) {
            owner->owner = scope;
            return;
        }
}

static vl_bind_scope *
func_find_owner(const vl_binder *b, vl_bind_scope *scope, const vl_aggregate *call)
{
    func_owner owner = {b, scope, NULL};

    for (uint32_t i = 0; i < call->arguments.count; i++)
        vl_expr_visit(call->arguments.list[i], func_visit_owner, &owner);
    vl_expr_visit(call->filter, func_visit_owner, &owner);
    return owner.owner != NULL ? owner.owner : scope;
}

static int
func_calls_equal(const vl_aggregate *a, const vl_aggregate *b)
{
    if (a->func != b->func || a->is_distinct != b->is_distinct || a->collation != b->collation ||
        a->arguments.count != b->arguments.count || a->order_count != 0 || b->order_count != 0 ||
        (a->filter == NULL) != (b->filter == NULL))
        return 0;
    for (uint32_t i = 0; i < a->arguments.count; i++)
        if (a->arguments.list[i]->effect == VL_EFFECT_VOLATILE ||
            !vl_expr_equal(a->arguments.list[i], b->arguments.list[i]))
            return 0;
    return a->filter == NULL ||
           (a->filter->effect != VL_EFFECT_VOLATILE && vl_expr_equal(a->filter, b->filter));
}

/* Note a call in its scope; the id of its result. */
static uint32_t
func_note_call(vl_binder *b, vl_bind_scope *scope, const vl_aggregate *call,
               const vl_plan_func *found)
{
    vl_bind_call *calls;

    if (found->effect != VL_EFFECT_VOLATILE)
        for (uint32_t i = 0; i < scope->call_count; i++)
            if (func_calls_equal(&scope->calls[i].call, call))
                return scope->calls[i].id; /* keeps BF2 */
    calls = vl_bind_grow(b, scope->calls, scope->call_count, &scope->call_capacity, sizeof *calls);
    if (calls == NULL)
        return 0;
    scope->calls = calls;
    calls += scope->call_count++;
    calls->call = *call;
    calls->min_max = found->min_max;
    calls->is_order_dependent = found->is_order_dependent;
    calls->id = vl_bind_id_new(b, NULL, 1);
    return calls->id;
}

int
vl_bind_sort_keys(vl_binder *b, vl_bind_scope *scope, const vl_ast *list, vl_sort_key **keys,
                  uint32_t *count)
{
    *count = 0;
    if (list == NULL || list->count == 0)
        return 1;
    *keys = vl_bind_alloc(b, list->count, sizeof **keys);
    if (*keys == NULL)
        return 0;
    for (const vl_ast *term = vl_ast_first(list); term != NULL; term = term->next) {
        vl_sort_key *key = &(*keys)[(*count)++];

        key->expr = vl_bind_expr(b, scope, term->kid[0]);
        if (key->expr == NULL)
            return 0;
        (void)vl_expr_collation(b, key->expr, &key->collation);
        (void)vl_bind_need(b, key->collation);
        key->is_descending = (term->flags & VL_AST_DESC) != 0;
        key->nulls_last = (term->flags & VL_AST_NULLS_LAST) != 0 ||
                          (key->is_descending && (term->flags & VL_AST_NULLS_FIRST) == 0);
    }
    return 1;
}

/* What a call of an aggregate has, bound in its scope. */
static int
func_bind_call(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast, const vl_plan_func *found,
               vl_aggregate *call)
{
    vl_aggregates_rule rule = scope->aggregates;
    int has_windows = scope->has_windows;
    int is_ok;

    scope->aggregates = VL_AGGREGATES_INSIDE;
    scope->has_windows = 0;
    call->func = found->def;
    call->is_distinct = (ast->flags & VL_AST_DISTINCT) != 0;
    call->arguments = vl_bind_list(b, scope, ast->kid[0]);
    if (ast->kid[2] != NULL)
        call->filter = vl_bind_expr(b, scope, ast->kid[2]);
    is_ok = vl_bind_sort_keys(b, scope, ast->kid[1], &call->order, &call->order_count);
    scope->aggregates = rule;
    scope->has_windows = has_windows;
    if (call->is_distinct && call->arguments.count != 1)
        vl_bind_fail(b, scope, ast, "DISTINCT aggregates must take exactly one argument");
    if (is_ok && b->status == VELO_OK && call->arguments.count > 0)
        (void)vl_expr_collation(b, call->arguments.list[0], &call->collation);
    if (call->is_distinct || found->compares)
        (void)vl_bind_need(b, call->collation);
    return b->status == VELO_OK;
}

static vl_expr *
func_aggregate(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast, const vl_plan_func *found)
{
    int name_size = (int)ast->text_size;
    vl_aggregate call = {0};
    vl_bind_scope *owner;
    vl_expr *expr;
    uint32_t id;

    if (scope->aggregates == VL_AGGREGATES_INSIDE)
        return vl_bind_fail(b, scope, ast, "misuse of aggregate function %.*s()", name_size,
                            ast->text);
    if (scope->aggregates == VL_AGGREGATES_GROUPING)
        return vl_bind_fail(b, scope, ast,
                            "aggregate functions are not allowed in the GROUP BY clause");
    if (!func_bind_call(b, scope, ast, found, &call))
        return NULL;
    owner = func_find_owner(b, scope, &call);
    if (owner->aggregates != VL_AGGREGATES_ALLOWED)
        return vl_bind_fail(b, scope, ast,
                            scope->aggregates == VL_AGGREGATES_MISUSED && scope->alias.text == NULL
                                ? "misuse of aggregate function %.*s()"
                                : "misuse of aggregate: %.*s()",
                            name_size, ast->text);
    id = func_note_call(b, owner, &call, found);
    if (b->status != VELO_OK)
        return NULL;
    expr = vl_expr_column(b, id, ast);
    if (expr == NULL)
        return NULL;
    expr->classes = found->classes;
    expr->may_be_json = (uint8_t)found->may_be_json;
    if (found->min_max != 0 && call.arguments.count > 0)
        expr->may_be_json |= call.arguments.list[0]->may_be_json;
    return expr;
}

/* ---- all calls ---- */

static void
func_misuse(vl_binder *b, const vl_bind_scope *scope, const vl_ast *ast)
{
    if (scope->alias.text != NULL)
        vl_bind_fail(b, scope, NULL, "misuse of aliased window function %.*s",
                     (int)scope->alias.size, scope->alias.text);
    else
        vl_bind_fail(b, scope, ast, "misuse of window function %.*s()", (int)ast->text_size,
                     ast->text);
}

static int
func_check_syntax(vl_binder *b, const vl_bind_scope *scope, const vl_ast *ast,
                  const vl_plan_func *found)
{
    int size = (int)ast->text_size;
    int is_over = ast->kid[3] != NULL;

    if (is_over && (!found->is_aggregate || found->is_groups_only))
        vl_bind_fail(b, scope, ast, "%.*s() may not be used as a window function", size, ast->text);
    else if (is_over ? !scope->has_windows : found->is_window)
        func_misuse(b, scope, ast);
    else if (!found->is_aggregate && ast->kid[2] != NULL)
        vl_bind_fail(b, scope, ast, "FILTER may not be used with non-aggregate %.*s()", size,
                     ast->text);
    else if (!found->is_aggregate && ast->kid[1] != NULL)
        vl_bind_fail(b, scope, ast, "ORDER BY may not be used with non-aggregate %.*s()", size,
                     ast->text);
    return b->status == VELO_OK;
}

vl_expr *
vl_bind_function(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    uint32_t count = ast->kid[0] != NULL ? ast->kid[0]->count : 0;
    vl_bind_word name = {ast->text, ast->text_size};
    vl_bind_answer answer;
    vl_plan_func found;
    vl_exprs arguments;
    vl_expr *expr;

    if (!func_find(b, scope, ast, name, count, &found) ||
        !func_check_syntax(b, scope, ast, &found) || !vl_bind_ask_function(b, scope, name, &answer))
        return NULL;
    if (answer == VL_BIND_IGNORED)
        return vl_expr_constant(b, vl_value_of_null(), ast);
    if (ast->kid[3] != NULL)
        return vl_bind_window_function(b, scope, ast, &found);
    if (found.is_aggregate)
        return func_aggregate(b, scope, ast, &found);
    arguments = vl_bind_list(b, scope, ast->kid[0]);
    if (b->status != VELO_OK)
        return NULL;
    if (func_special(b, ast, ast->text, ast->text_size, &arguments, &expr))
        return expr;
    if (arguments.count > 0)
        func_overload(b, ast->text, ast->text_size, arguments.list[0], count, &found);
    return func_scalar(b, &found, &arguments, ast);
}
