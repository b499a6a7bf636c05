/* names_query.c - names in queries and expressions.
 *
 * Invariants
 *   NQ1  Every expression of a query is visited once while names are told, in some scope.
 *   NQ2  Recursion is bounded by the parser's limits and, through views, by VL_NAMES_VIEW_DEPTH. */
#include "sql/names_int.h"

#include <string.h>

/* ---- lists of names ---- */

static velo_status
query_add_name(vl_names_walk *walk, vl_name_list *list, vl_name name)
{
    if (list->count >= VL_SCHEMA_MAX_COLUMNS) /* also bounds what stars in views multiply to */
        return vl_schema_fail(&walk->builder, NULL, "too many columns in result set");
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity < 8 ? 8 : list->capacity * 2;
        vl_name *names = vl_schema_alloc(&walk->builder, capacity, sizeof *names);

        if (names == NULL)
            return VELO_NOMEM;
        if (list->count > 0)
            memcpy(names, list->names, list->count * sizeof *names);
        list->names = names;
        list->capacity = capacity;
    }
    list->names[list->count++] = name;
    return VELO_OK;
}

/* Whether a name is among the first `count` of a list. */
static int
query_has_name(const vl_name_list *list, vl_name name)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (vl_name_compare(list->names[i].text, list->names[i].size, name.text, name.size) == 0)
            return 1;
    return 0;
}

/* ---- common table expressions ---- */

static velo_status names_core(vl_names_walk *walk, const vl_names_scope *outer, const vl_ast *core,
                              const vl_ast *order, vl_name_list *columns);

/* Find out what columns an expression of a WITH has that is asked before its query is resolved:
 * those of its first SELECT. */
static velo_status
query_cte_columns(vl_names_walk *walk, vl_names_cte *cte)
{
    vl_names_walk inside = *walk;

    if (cte->state == 2)
        return VELO_OK;
    if (cte->state == 3)
        return vl_schema_fail(&walk->builder, NULL, "circular reference: %.*s",
                              (int)cte->ast->text_size, cte->ast->text);
    cte->state = 3;
    inside.quiet++;
    VL_TRY(names_core(&inside, NULL, vl_ast_first(cte->ast->kid[1]->kid[1]), NULL, &cte->columns));
    cte->state = 2;
    return VELO_OK;
}

/* Resolve the query of an expression of a WITH, and note its columns. */
static velo_status
query_cte(vl_names_walk *walk, vl_names_cte *cte)
{
    const vl_ast *ast = cte->ast;
    vl_name_list columns = {0};

    if (cte->state == 0)
        cte->state = 1;
    VL_TRY(vl_names_query(walk, NULL, ast->kid[1], &columns));
    if (cte->state == 1)
        cte->columns = columns;
    cte->state = 2;
    return VELO_OK;
}

/* The expression of that name in reach, or NULL; *with is where it was found. */
static vl_names_cte *
query_find_cte(const vl_names_walk *walk, const vl_ast *qname, const vl_names_with **with)
{
    if (qname->kid[0] != NULL)
        return NULL;
    for (*with = walk->with; *with != NULL; *with = (*with)->outer)
        for (uint32_t i = 0; i < (*with)->count; i++)
            if (vl_name_compare((*with)->ctes[i].ast->text, (*with)->ctes[i].ast->text_size,
                                qname->text, qname->text_size) == 0)
                return &(*with)->ctes[i];
    return NULL;
}

/* Take a WITH into reach, and resolve its queries. */
static velo_status
query_enter_with(vl_names_walk *walk, vl_names_with *with, const vl_ast *ast)
{
    uint32_t at = 0;

    with->outer = walk->with;
    with->count = ast->kid[0]->count;
    with->ctes = vl_schema_alloc(&walk->builder, with->count, sizeof *with->ctes);
    if (with->ctes == NULL)
        return VELO_NOMEM;
    for (const vl_ast *cte = vl_ast_first(ast->kid[0]); cte != NULL; cte = cte->next, at++) {
        with->ctes[at].ast = cte;
        for (const vl_ast *name = vl_ast_first(cte->kid[0]); name != NULL; name = name->next)
            VL_TRY(query_add_name(walk, &with->ctes[at].columns,
                                  (vl_name){name->text, name->text_size}));
        with->ctes[at].state = cte->kid[0] != NULL ? 2 : 0;
    }
    walk->with = with;
    for (uint32_t i = 0; i < with->count; i++)
        VL_TRY(query_cte(walk, &with->ctes[i]));
    return VELO_OK;
}

/* ---- FROM ---- */

/* A table, view, common table expression or function as a source. */
static velo_status
query_add_table(vl_names_walk *walk, vl_names_source *source, const vl_ast *ast)
{
    const vl_ast *qname = ast->kid[0];
    const vl_names_with *with;
    vl_names_cte *cte = query_find_cte(walk, qname, &with);

    source->name = (vl_name){qname->text, qname->text_size};
    if ((ast->flags & VL_AST_CALL) != 0) {
        source->columns.is_open = 1;
        return VELO_OK;
    }
    if (cte != NULL) {
        vl_names_walk inside = *walk;

        inside.with = with;
        VL_TRY(query_cte_columns(&inside, cte));
        source->columns = cte->columns;
        return VELO_OK;
    }
    VL_TRY(vl_names_table(walk, qname, &source->table));
    if (source->table != NULL)
        return vl_names_columns(walk, source->table, &source->columns);
    source->columns.is_open = 1;
    return VELO_OK;
}

/* The columns of all sources of a scope, from one on. */
static velo_status
query_join_columns(vl_names_walk *walk, const vl_names_source *source, vl_name_list *columns)
{
    for (; source != NULL; source = source->next) {
        columns->is_open |= source->columns.is_open;
        if (source->is_pseudo)
            continue;
        for (uint32_t i = 0; i < source->columns.count; i++) {
            const vl_ast *name = vl_ast_first(source->using_names);
            vl_name column = source->columns.names[i];

            while (name != NULL &&
                   vl_name_compare(name->text, name->text_size, column.text, column.size) != 0)
                name = name->next;
            if (name == NULL && !(source->is_natural && query_has_name(columns, column)))
                VL_TRY(query_add_name(walk, columns, column));
        }
    }
    return VELO_OK;
}

/* One source of a FROM: a name, a query, or a join in parentheses. */
static velo_status
query_add_source(vl_names_walk *walk, vl_names_scope *scope, const vl_ast *ast)
{
    const vl_ast *alias = ast->kid[2];
    vl_names_source *source;

    if (ast->kid[0]->type == VL_AST_LIST && alias == NULL) {
        VL_TRY(vl_names_from(walk, scope, ast->kid[0]));
        return VELO_OK;
    }
    source = vl_schema_alloc(&walk->builder, 1, sizeof *source);
    if (source == NULL)
        return VELO_NOMEM;
    if (ast->kid[0]->type == VL_AST_LIST) {
        vl_names_scope inside;

        vl_names_scope_init(&inside, scope->outer);
        VL_TRY(vl_names_from(walk, &inside, ast->kid[0]));
        VL_TRY(query_join_columns(walk, inside.sources, &source->columns));
    } else if (ast->kid[0]->type == VL_AST_QUERY) {
        VL_TRY(vl_names_query(walk, scope->outer, ast->kid[0], &source->columns));
    } else {
        VL_TRY(query_add_table(walk, source, ast));
    }
    if (alias != NULL) {
        source->name = (vl_name){alias->text, alias->text_size};
        source->has_alias = 1;
    }
    *scope->end = source;
    scope->end = &source->next;
    return VELO_OK;
}

/* A column of USING is in its source and in one before it. */
static velo_status
query_check_using(vl_names_walk *walk, const vl_names_scope *scope, const vl_ast *ast,
                  const vl_names_source *right)
{
    for (const vl_ast *name = vl_ast_first(ast->kid[4]); name != NULL; name = name->next) {
        vl_name wanted = {name->text, name->text_size};
        const vl_names_source *left = scope->sources;

        while (left != right && !query_has_name(&left->columns, wanted) && !left->columns.is_open)
            left = left->next;
        if (left == right || (!query_has_name(&right->columns, wanted) && !right->columns.is_open))
            return vl_schema_fail(&walk->builder, name,
                                  "cannot join using column %.*s - column not present in both "
                                  "tables",
                                  (int)wanted.size, wanted.text);
        for (const vl_names_source *source = left; source != NULL; source = source->next)
            if ((source == left || source == right) && source->table != NULL)
                for (uint32_t i = 0; i < source->columns.count; i++)
                    if (vl_name_compare(source->columns.names[i].text,
                                        source->columns.names[i].size, wanted.text,
                                        wanted.size) == 0)
                        VL_TRY(vl_names_told(walk, name, source->table, (int32_t)i));
    }
    return VELO_OK;
}

velo_status
vl_names_from(vl_names_walk *walk, vl_names_scope *scope, const vl_ast *from)
{
    for (const vl_ast *ast = vl_ast_first(from); ast != NULL; ast = ast->next) {
        vl_names_source **at = scope->end;

        VL_TRY(vl_names_expression(walk, scope, ast->kid[1]));
        VL_TRY(query_add_source(walk, scope, ast));
        for (vl_names_source *source = *at; source != NULL; source = source->next) {
            source->is_natural |= (ast->op2 & VL_JOIN_NATURAL) != 0;
            if (source->using_names == NULL)
                source->using_names = ast->kid[4];
        }
        if (ast->kid[4] != NULL && *at != NULL)
            VL_TRY(query_check_using(walk, scope, ast, *at));
    }
    for (const vl_ast *ast = vl_ast_first(from); ast != NULL; ast = ast->next)
        VL_TRY(vl_names_expression(walk, scope, ast->kid[3]));
    return VELO_OK;
}

/* ---- SELECT ---- */

/* The name of a result column: its alias, the column it is, or its text. */
static velo_status
query_result_name(vl_names_walk *walk, const vl_ast *result, vl_name_list *columns)
{
    const vl_ast *expression = result->kid[0];

    if (result->kid[1] != NULL)
        return query_add_name(walk, columns,
                              (vl_name){result->kid[1]->text, result->kid[1]->text_size});
    if (expression->type == VL_AST_COLUMN)
        return query_add_name(walk, columns, (vl_name){expression->text, expression->text_size});
    return query_add_name(walk, columns, (vl_name){"", 0});
}

/* The columns that a star stands for, and the source that its qualifier means. */
static velo_status
names_star(vl_names_walk *walk, const vl_names_scope *scope, const vl_ast *star,
           vl_name_list *columns)
{
    const vl_ast *qualifier = star->kid[0];
    int is_found = 0;

    if (qualifier == NULL)
        return query_join_columns(walk, scope->sources, columns);
    for (const vl_names_source *source = scope->sources; source != NULL; source = source->next) {
        if (vl_name_compare(source->name.text, source->name.size, qualifier->text,
                            qualifier->text_size) != 0)
            continue;
        is_found = 1;
        if (source->table != NULL && !source->has_alias)
            VL_TRY(vl_names_told(walk, qualifier, source->table, -1));
        columns->is_open |= source->columns.is_open;
        for (uint32_t i = 0; i < source->columns.count; i++)
            VL_TRY(query_add_name(walk, columns, source->columns.names[i]));
    }
    if (!is_found)
        return vl_schema_fail(&walk->builder, qualifier, "no such table: %.*s",
                              (int)qualifier->text_size, qualifier->text);
    return VELO_OK;
}

/* ORDER BY of a single SELECT: a name alone means a result's alias before it means a column. */
static velo_status
query_order(vl_names_walk *walk, const vl_names_scope *scope, const vl_ast *order)
{
    for (const vl_ast *term = vl_ast_first(order); term != NULL; term = term->next) {
        const vl_ast *expression = term->kid[0];
        int is_alias = 0;

        for (const vl_ast *result = vl_ast_first(scope->results);
             result != NULL && expression->type == VL_AST_COLUMN && expression->kid[0] == NULL;
             result = result->next)
            is_alias |= result->type == VL_AST_RESULT && result->kid[1] != NULL &&
                        vl_name_compare(result->kid[1]->text, result->kid[1]->text_size,
                                        expression->text, expression->text_size) == 0;
        if (!is_alias)
            VL_TRY(vl_names_expression(walk, scope, expression));
    }
    return VELO_OK;
}

/* One SELECT or VALUES. columns may be NULL. */
static velo_status
names_core(vl_names_walk *walk, const vl_names_scope *outer, const vl_ast *core,
           const vl_ast *order, vl_name_list *columns)
{
    vl_name_list own = {0};
    vl_names_scope scope;

    vl_names_scope_init(&scope, outer);
    if (core->type == VL_AST_VALUES) {
        VL_TRY(vl_names_expression(walk, &scope, core->kid[0]));
        for (uint32_t i = 0; columns != NULL && i < vl_ast_first(core->kid[0])->kid[0]->count; i++)
            VL_TRY(query_add_name(walk, columns, (vl_name){"", 0}));
        return VELO_OK;
    }
    VL_TRY(vl_names_from(walk, &scope, core->kid[1]));
    for (const vl_ast *result = vl_ast_first(core->kid[0]); result != NULL; result = result->next) {
        if (result->type == VL_AST_STAR) {
            VL_TRY(names_star(walk, &scope, result, &own));
            continue;
        }
        VL_TRY(vl_names_expression(walk, &scope, result->kid[0]));
        VL_TRY(query_result_name(walk, result, &own));
    }
    scope.results = core->kid[0];
    for (unsigned kid = 2; kid < 6; kid++)
        VL_TRY(vl_names_expression(walk, &scope, core->kid[kid]));
    VL_TRY(query_order(walk, &scope, order));
    if (columns != NULL)
        *columns = own;
    return VELO_OK;
}

/* Whether a name is the alias of a result in one of the SELECTs. */
static int
query_is_compound_alias(const vl_ast *query, const vl_ast *name)
{
    if (name->type != VL_AST_COLUMN || name->kid[0] != NULL)
        return 0;
    for (const vl_ast *core = vl_ast_first(query->kid[1]); core != NULL; core = core->next)
        for (const vl_ast *result = core->type == VL_AST_SELECT ? vl_ast_first(core->kid[0]) : NULL;
             result != NULL; result = result->next)
            if (result->type == VL_AST_RESULT && result->kid[1] != NULL &&
                vl_name_compare(result->kid[1]->text, result->kid[1]->text_size, name->text,
                                name->text_size) == 0)
                return 1;
    return 0;
}

/* Resolve a term of a compound's ORDER BY in the first SELECT in which its names have a meaning. */
static velo_status
query_resolve_term(vl_names_walk *walk, const vl_names_scope *outer, const vl_ast *query,
                   const vl_ast *expression, int *is_found)
{
    *is_found = 0;
    for (const vl_ast *core = vl_ast_first(query->kid[1]); core != NULL; core = core->next) {
        vl_names_walk inside = *walk;
        vl_names_scope scope;

        if (core->type == VL_AST_VALUES)
            continue;
        inside.quiet++;
        vl_names_scope_init(&scope, outer);
        VL_TRY(vl_names_from(&inside, &scope, core->kid[1]));
        scope.results = core->kid[0];
        if (vl_names_expression(&inside, &scope, expression) == VELO_OK) {
            *is_found = 1;
            return vl_names_expression(walk, &scope, expression);
        }
        if (walk->builder.ctx->error.code == VELO_NOMEM)
            return VELO_NOMEM;
    }
    return VELO_OK;
}

/* A term of a compound's ORDER BY: a number, an alias, something of one of the SELECTs, or a column
 * of the result. */
static velo_status
query_compound_term(vl_names_walk *walk, const vl_names_scope *outer, const vl_ast *query,
                    const vl_ast *term, uint32_t number, const vl_name_list *columns)
{
    const vl_ast *expression = term->kid[0];
    int is_found;

    while (expression->type == VL_AST_COLLATE)
        expression = expression->kid[0];
    if (expression->type == VL_AST_INTEGER || query_is_compound_alias(query, expression))
        return VELO_OK;
    VL_TRY(query_resolve_term(walk, outer, query, expression, &is_found));
    if (is_found || (expression->type == VL_AST_COLUMN && expression->kid[0] == NULL &&
                     (columns->is_open ||
                      query_has_name(columns, (vl_name){expression->text, expression->text_size}))))
        return VELO_OK;
    return vl_schema_fail(&walk->builder, term,
                          "%u%s ORDER BY term does not match any column in the result set", number,
                          number % 10 == 1 && number % 100 != 11   ? "st"
                          : number % 10 == 2 && number % 100 != 12 ? "nd"
                          : number % 10 == 3 && number % 100 != 13 ? "rd"
                                                                   : "th");
}

/* The SELECTs of a query, and its ORDER BY. */
static velo_status
query_cores(vl_names_walk *walk, const vl_names_scope *outer, const vl_ast *query,
            vl_name_list *columns)
{
    int is_compound = query->kid[1]->count > 1;
    uint32_t number = 0;

    for (const vl_ast *core = vl_ast_first(query->kid[1]); core != NULL; core = core->next)
        VL_TRY(names_core(walk, outer, core, is_compound ? NULL : query->kid[2],
                          core == vl_ast_first(query->kid[1]) ? columns : NULL));
    if (!is_compound)
        return VELO_OK;
    for (const vl_ast *term = vl_ast_first(query->kid[2]); term != NULL; term = term->next)
        VL_TRY(query_compound_term(walk, outer, query, term, ++number, columns));
    return VELO_OK;
}

velo_status
vl_names_query(vl_names_walk *walk, const vl_names_scope *outer, const vl_ast *query,
               vl_name_list *columns)
{
    vl_names_walk inside = *walk;
    vl_names_with with = {0};
    vl_name_list own = {0};

    if (++walk->shared->query_count > VL_NAMES_QUERY_MAX)
        return vl_schema_fail(&walk->builder, NULL, "too many queries within queries");
    if (query->kid[0] != NULL)
        VL_TRY(query_enter_with(&inside, &with, query->kid[0]));
    VL_TRY(query_cores(&inside, outer, query, &own));
    VL_TRY(vl_names_expression(&inside, outer, query->kid[3]));
    VL_TRY(vl_names_expression(&inside, outer, query->kid[4]));
    if (columns != NULL)
        *columns = own;
    return VELO_OK;
}

/* ---- expressions ---- */

/* IN with a table: its name, and the arguments of a function. */
static velo_status
query_in_source(vl_names_walk *walk, const vl_names_scope *scope, const vl_ast *source)
{
    const vl_names_with *with;
    const vl_table_def *table;

    VL_TRY(vl_names_expression(walk, scope, source->kid[1]));
    if ((source->flags & VL_AST_CALL) != 0 || query_find_cte(walk, source->kid[0], &with) != NULL)
        return VELO_OK;
    return vl_names_table(walk, source->kid[0], &table);
}

velo_status
vl_names_expression(vl_names_walk *walk, const vl_names_scope *scope, const vl_ast *node)
{
    if (node == NULL)
        return VELO_OK;
    switch ((vl_ast_type)node->type) {
    case VL_AST_LIST:
        for (const vl_ast *element = vl_ast_first(node); element != NULL; element = element->next)
            VL_TRY(vl_names_expression(walk, scope, element));
        return VELO_OK;
    case VL_AST_COLUMN:
        return vl_names_column(walk, scope, node);
    case VL_AST_QUERY:
        return vl_names_query(walk, scope, node, NULL);
    case VL_AST_SOURCE:
        return query_in_source(walk, scope, node);
    default: /* what its kids mean */
        for (unsigned i = 0; i < node->kid_count; i++)
            VL_TRY(vl_names_expression(walk, scope, node->kid[i]));
        return VELO_OK;
    }
}
