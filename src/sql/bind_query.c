/* bind_query.c - queries: SELECT, VALUES and what joins them.
 *
 * Invariants
 *   BQ1  Queries nest VL_PLAN_DEPTH_MAX deep at most, views and CTEs in place counted.
 *   BQ2  Results are bound first: whether they have aggregates decides what the rest may have.
 *   BQ3  All cores of a query have the same number of results. */
#include "sql/bind_int.h"

#include <string.h>

vl_bind_scope *
vl_bind_scope_new(vl_binder *b, vl_bind_scope *parent, const vl_bind_scope *like)
{
    vl_bind_scope *scope = vl_bind_alloc(b, 1, sizeof *scope);

    if (scope == NULL)
        return NULL;
    scope->parent = parent;
    scope->with = like->with;
    scope->home = like->home;
    scope->text = like->text;
    scope->text_size = like->text_size;
    return scope;
}

/* ---- result columns ---- */

/* The text of a result, as it was written. */
static const char *
query_span(vl_binder *b, const vl_bind_scope *scope, const vl_ast *ast)
{
    size_t begin = ast->offset;
    size_t end = begin + ast->length;

    if (scope->text == NULL || end > scope->text_size)
        return "?";
    return vl_bind_text(b, scope->text + begin, end - begin);
}

/* What a result column is called and where it comes from. */
static void
query_describe(vl_binder *b, const vl_bind_scope *scope, const vl_ast *ast, const vl_expr *expr,
               vl_bind_column *column)
{
    const vl_ast *inner = ast != NULL && ast->type == VL_AST_RESULT ? ast->kid[0] : NULL;
    const vl_bind_source *source = NULL;
    uint8_t collation;

    while (inner != NULL && inner->type == VL_AST_COLLATE)
        inner = inner->kid[0];
    if (expr->kind == VL_EXPR_COLUMN)
        source = b->ids[expr->index].source;
    *column = (vl_bind_column){.affinity = expr->affinity, .classes = expr->classes};
    (void)vl_expr_collation(b, expr, &collation);
    column->collation = collation;
    if (source != NULL && expr->op == 0) {
        uint32_t position = expr->index - source->base;

        if (position < source->column_count) {
            const vl_bind_column *from = &source->columns[position];

            column->declared = from->declared;
            column->database = from->database;
            column->table = from->table;
            column->column = from->column;
            column->name = from->name;
        } else {
            column->name = "rowid";
            column->declared = "INTEGER";
            column->table = source->table->object.name;
            column->database =
                source->table->schema != NULL ? source->table->schema->database : NULL;
            column->column = "rowid";
        }
    } else if (inner != NULL && inner->type == VL_AST_COLUMN &&
               (expr->kind == VL_EXPR_COALESCE || expr->kind == VL_EXPR_CONVERT)) {
        column->name = vl_bind_text(b, inner->text, inner->text_size);
    }
    if (ast == NULL || ast->type != VL_AST_RESULT)
        return;
    column->is_alias = ast->kid[1] != NULL;
    if (ast->kid[1] != NULL)
        column->name = vl_bind_text(b, ast->kid[1]->text, ast->kid[1]->text_size);
    else if (column->name == NULL || inner == NULL || inner->type != VL_AST_COLUMN)
        column->name = query_span(b, scope, ast);
}

/* Results that grow. */
typedef struct query_results {
    vl_exprs exprs;
    vl_bind_column *columns;
    uint32_t capacity;
} query_results;

static void
query_add_result(vl_binder *b, const vl_bind_scope *scope, query_results *results,
                 const vl_ast *ast, vl_expr *expr, const char *name)
{
    vl_bind_column *columns;
    uint32_t count = results->exprs.count;

    if (expr == NULL || b->status != VELO_OK)
        return;
    if (count == VL_PLAN_COLUMNS_MAX) {
        vl_bind_fail(b, scope, ast, "too many columns in result set");
        return;
    }
    columns = vl_bind_grow(b, results->columns, count, &results->capacity, sizeof *columns);
    if (columns == NULL)
        return;
    results->columns = columns;
    query_describe(b, scope, ast, expr, &columns[count]);
    if (name != NULL && columns[count].name == NULL)
        columns[count].name = name;
    vl_exprs_add(b, &results->exprs, expr);
}

/* Whether a later source joins a column of the name so that the first is not the value. */
static int
query_is_coalesced(const vl_bind_scope *scope, uint32_t place, const char *name)
{
    for (uint32_t i = place + 1; i < scope->source_count; i++) {
        int32_t column = vl_bind_source_column(scope->sources[i], name, strlen(name));

        if (column >= 0 && (scope->sources[i]->columns[column].joined & VL_JOIN_RIGHT) != 0)
            return 1;
    }
    return 0;
}

/* The database that a table is named with; NULL: of others. */
static const char *
query_database(const vl_bind_source *source)
{
    if (source->kind != VL_BIND_SOURCE_TABLE || source->column_count == 0)
        return NULL;
    return source->columns[0].database;
}

/* Whether two sources have one name, with what stands before it. */
static int
query_is_named_alike(const vl_bind_source *a, const vl_bind_source *b)
{
    const char *of_a = query_database(a);
    const char *of_b = query_database(b);

    if (a->alias.text == NULL || b->alias.text == NULL || (of_a == NULL) != (of_b == NULL))
        return 0;
    return (of_a == NULL || strcmp(of_a, of_b) == 0) &&
           vl_name_compare(a->alias.text, a->alias.size, b->alias.text, b->alias.size) == 0;
}

/* Whether another source of the same name has a column of the name, which is none that the join has
 * made one of: then a star means neither, as in SQLite. */
static int
query_is_ambiguous(const vl_bind_scope *scope, uint32_t place, const vl_bind_column *column)
{
    const vl_bind_source *source = scope->sources[place];

    for (uint32_t i = 0; i < scope->source_count; i++) {
        const vl_bind_source *other = scope->sources[i];
        int32_t same;

        if (i == place || !query_is_named_alike(source, other))
            continue;
        same = vl_bind_source_column(other, column->name, strlen(column->name));
        if (same >= 0 && other->columns[same].joined == 0)
            return 1;
    }
    return 0;
}

static void
query_star_source(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast, uint32_t place,
                  query_results *results)
{
    const vl_bind_source *source = scope->sources[place];

    for (uint32_t i = 0; i < source->column_count && b->status == VELO_OK; i++) {
        const vl_bind_column *column = &source->columns[i];
        vl_expr *expr;

        if (column->is_hidden || (ast->kid[0] == NULL && column->joined != 0))
            continue;
        if (query_is_ambiguous(scope, place, column)) {
            const char *database = query_database(source);

            vl_bind_fail(b, scope, ast, "ambiguous column name: %s.%.*s.%s",
                         database != NULL ? database : "*", (int)source->alias.size,
                         source->alias.text, column->name);
            return;
        }
        if (ast->kid[0] == NULL && query_is_coalesced(scope, place, column->name)) {
            vl_bind_word name = {column->name, (uint32_t)strlen(column->name)};

            expr = vl_bind_unqualified(b, scope, 0, scope->source_count, name, ast);
        } else {
            expr = vl_bind_read(b, scope, source, (int32_t)i, ast);
        }
        query_add_result(b, scope, results, ast, expr, column->name);
    }
}

static void
query_star(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast, query_results *results)
{
    const vl_ast *name = ast->kid[0];
    int is_found = 0;

    for (uint32_t i = 0; i < scope->source_count; i++) {
        const vl_bind_source *source = scope->sources[i];

        if (source->is_qualified_only ||
            (name != NULL && (source->alias.text == NULL ||
                              vl_name_compare(name->text, name->text_size, source->alias.text,
                                              source->alias.size) != 0)))
            continue;
        is_found = 1;
        query_star_source(b, scope, ast, i, results);
    }
    if (!is_found && name != NULL)
        vl_bind_fail(b, scope, ast, "no such table: %.*s", (int)name->text_size, name->text);
    else if (!is_found)
        vl_bind_fail(b, scope, ast, "no tables specified");
}

int
vl_bind_results(vl_binder *b, vl_bind_scope *scope, const vl_ast *list, vl_exprs *exprs,
                vl_bind_column **columns)
{
    query_results results = {{NULL, 0}, NULL, 0};

    for (const vl_ast *ast = vl_ast_first(list); ast != NULL && b->status == VELO_OK;
         ast = ast->next) {
        if (ast->type == VL_AST_STAR)
            query_star(b, scope, ast, &results);
        else
            query_add_result(b, scope, &results, ast, vl_bind_expr(b, scope, ast->kid[0]), NULL);
    }
    *exprs = results.exprs;
    *columns = results.columns;
    return b->status == VELO_OK;
}

/* ---- one SELECT or VALUES ---- */

/* Let a column also stand for an expression of a further row or SELECT. */
static void
query_merge_column(vl_bind_column *column, const vl_bind_column *more)
{
    unsigned numbers = VL_CLASS_INTEGER | VL_CLASS_REAL;

    column->classes |= more->classes;
    if (column->affinity == VL_AFFINITY_NONE)
        column->affinity = more->affinity;
    if ((column->affinity == VL_AFFINITY_TEXT && (more->classes & numbers) != 0) ||
        (column->affinity >= VL_AFFINITY_NUMERIC && (more->classes & VL_CLASS_TEXT) != 0 &&
         more->affinity < VL_AFFINITY_NUMERIC))
        column->affinity = VL_AFFINITY_BLOB;
}

static void
query_name_value(vl_binder *b, vl_bind_column *column, uint32_t number)
{
    static const char *const names[] = {"column1", "column2", "column3", "column4",
                                        "column5", "column6", "column7", "column8"};
    char name[24] = "column";
    size_t size = 6;

    if (number <= VL_ARRAY_COUNT(names)) { /* most, and each INSERT of VALUES has them */
        column->name = names[number - 1];
        return;
    }
    for (uint32_t digit = 1000000; digit > 0; digit /= 10)
        if (number >= digit)
            name[size++] = (char)('0' + number / digit % 10);
    column->name = vl_bind_text(b, name, size);
}

static void
query_bind_values(vl_binder *b, vl_core *core, const vl_ast *ast)
{
    const vl_ast *list = ast->kid[0];
    vl_bind_scope *scope = core->scope;

    core->rows = vl_bind_alloc(b, list->count, sizeof(vl_exprs));
    if (core->rows == NULL)
        return;
    for (const vl_ast *row = vl_ast_first(list); row != NULL; row = row->next) {
        vl_exprs exprs = vl_bind_list(b, scope, row->kid[0]);

        if (b->status != VELO_OK)
            return;
        if (core->row_count == 0) {
            core->results = exprs;
            core->columns = vl_bind_alloc(b, exprs.count + 1U, sizeof(vl_bind_column));
        }
        if (core->columns == NULL)
            return;
        if (exprs.count != core->results.count) {
            vl_bind_fail(b, scope, row, "all VALUES must have the same number of terms");
            return;
        }
        for (uint32_t i = 0; i < exprs.count && b->status == VELO_OK; i++) {
            vl_bind_column column;

            query_describe(b, scope, NULL, exprs.list[i], &column);
            if (core->row_count > 0) {
                query_merge_column(&core->columns[i], &column);
            } else {
                core->columns[i] = column;
                query_name_value(b, &core->columns[i], i + 1);
            }
        }
        core->rows[core->row_count++] = exprs;
    }
}

/* Whether something in a tree is a call, or, with over_only, one of a window function; what stands
 * in queries within it is theirs. */
static int
query_has_call(const vl_ast *tree, int over_only)
{
    for (; tree != NULL; tree = tree->next) {
        if (tree->type == VL_AST_FUNCTION && (!over_only || tree->kid[3] != NULL))
            return 1;
        for (uint32_t i = 0; i < tree->kid_count; i++)
            if (tree->type != VL_AST_QUERY && (tree->type != VL_AST_LIST || i == 0) &&
                query_has_call(tree->kid[i], over_only))
                return 1;
    }
    return 0;
}

/* A node of a tree that nobody wrote. NULL: no memory. */
static vl_ast *
query_node(vl_binder *b, vl_ast_type type, const vl_ast *at)
{
    unsigned count = vl_ast_kid_count(type);
    vl_ast *node = vl_bind_alloc(b, 1, sizeof *node + count * sizeof(vl_ast *));

    if (node == NULL)
        return NULL;
    node->type = (uint8_t)type;
    node->kid_count = (uint8_t)count;
    node->offset = at->offset;
    node->length = at->length;
    return node;
}

/* A list of one element, which is in no other. */
static vl_ast *
query_node_list(vl_binder *b, vl_ast *element, const vl_ast *at)
{
    vl_ast *list = query_node(b, VL_AST_LIST, at);

    if (list == NULL || element == NULL)
        return NULL;
    list->count = 1;
    list->kid[0] = list->kid[1] = element;
    return list;
}

/* A row of VALUES as a SELECT; columns of the first row are called as those of VALUES. NULL: no
 * memory. */
static vl_ast *
query_row_as_select(vl_binder *b, const vl_ast *row, int is_first)
{
    vl_ast *select = query_node(b, VL_AST_SELECT, row);
    vl_ast *list = query_node(b, VL_AST_LIST, row);
    uint32_t number = 0;

    if (select == NULL || list == NULL)
        return NULL;
    for (vl_ast *expr = row->kid[0]->kid[0]; expr != NULL; expr = expr->next) {
        vl_ast *result = query_node(b, VL_AST_RESULT, expr);
        vl_ast *name = query_node(b, VL_AST_NAME, expr);
        vl_bind_column column = {0};

        if (result == NULL || name == NULL)
            return NULL;
        query_name_value(b, &column, ++number);
        if (column.name == NULL)
            return NULL;
        name->text = column.name;
        name->text_size = (uint32_t)strlen(column.name);
        result->kid[0] = expr;
        result->kid[1] = is_first ? name : NULL;
        if (list->kid[1] != NULL)
            list->kid[1]->next = result;
        else
            list->kid[0] = result;
        list->kid[1] = result;
        list->count++;
    }
    select->op = is_first ? 0 : VL_OP_UNION_ALL;
    select->kid[0] = list;
    return select;
}

/* VALUES whose rows have aggregates or window functions, as SELECTs: that of its row, or SELECT *
 * FROM (one SELECT for each row, joined by UNION ALL). As in SQLite, rows that are several may not
 * have aggregates of their own unless a window function is there. NULL: no memory. */
static const vl_ast *
query_values_as_select(vl_binder *b, const vl_ast *ast)
{
    const vl_ast *rows = ast->kid[0];
    vl_ast *cores = query_node(b, VL_AST_LIST, ast);
    vl_ast *select = NULL;

    if (cores == NULL)
        return NULL;
    for (const vl_ast *row = vl_ast_first(rows); row != NULL; row = row->next) {
        select = query_row_as_select(b, row, cores->count == 0);
        if (select == NULL)
            return NULL;
        if (cores->kid[1] != NULL)
            cores->kid[1]->next = select;
        else
            cores->kid[0] = select;
        cores->kid[1] = select;
        cores->count++;
    }
    if (rows->count > 1) {
        vl_ast *query = query_node(b, VL_AST_QUERY, ast);
        vl_ast *source = query_node(b, VL_AST_SOURCE, ast);

        select = query_node(b, VL_AST_SELECT, ast);
        if (query == NULL || source == NULL || select == NULL)
            return NULL;
        query->kid[1] = cores;
        source->kid[0] = query;
        select->kid[0] = query_node_list(b, query_node(b, VL_AST_STAR, ast), ast);
        select->kid[1] = query_node_list(b, source, ast);
        if (select->kid[0] == NULL || select->kid[1] == NULL)
            return NULL;
    }
    select->op = ast->op;
    return select;
}

/* The expression of a term of GROUP BY. */
static vl_expr *
query_group_term(vl_binder *b, vl_core *core, const vl_ast *term, uint32_t rank)
{
    int64_t number;

    if (vl_bind_ordinal(term, &number)) {
        uint32_t slot = vl_bind_ordinal_slot(b, core->scope, term, number, core->results.count,
                                             rank, "GROUP BY");

        if (slot != VL_BIND_NONE && term->type == VL_AST_COLLATE)
            return vl_bind_collate(b, core->scope, term, core->results.list[slot]);
        return slot != VL_BIND_NONE ? core->results.list[slot] : NULL;
    }
    return vl_bind_expr(b, core->scope, term);
}

static void
query_bind_group(vl_binder *b, vl_core *core, const vl_ast *ast)
{
    uint32_t rank = 0;

    core->scope->aggregates = VL_AGGREGATES_GROUPING;
    for (const vl_ast *term = vl_ast_first(ast->kid[3]); term != NULL && b->status == VELO_OK;
         term = term->next)
        vl_exprs_add(b, &core->groups, query_group_term(b, core, term, ++rank));
    for (uint32_t i = 0; i < core->groups.count; i++) {
        const vl_expr *group = core->groups.list[i];

        /* By number or alias a term may mean an aggregate. */
        if (group->kind == VL_EXPR_COLUMN && b->ids[group->index].source == NULL)
            vl_bind_fail(b, core->scope, ast->kid[3],
                         "aggregate functions are not allowed in the GROUP BY clause");
    }
}

static void
query_bind_select(vl_binder *b, vl_core *core, const vl_ast *ast)
{
    vl_bind_scope *scope = core->scope;
    int is_aggregate;

    vl_bind_windows(b, scope, ast->kid[5]);
    scope->results = ast->kid[0]; /* ON may name aliases */
    vl_bind_from(b, scope, ast->kid[1], &core->from);
    scope->results = NULL;
    scope->aggregates = VL_AGGREGATES_ALLOWED;
    scope->has_windows = 1;
    if (b->status != VELO_OK ||
        !vl_bind_results(b, scope, ast->kid[0], &core->results, &core->columns))
        return; /* keeps BQ2 */
    core->is_distinct = (ast->flags & VL_AST_DISTINCT) != 0;
    core->is_grouped = ast->kid[3] != NULL;
    is_aggregate = core->is_grouped || scope->call_count > 0;
    scope->results = ast->kid[0];
    scope->aggregates = is_aggregate ? VL_AGGREGATES_LATE : VL_AGGREGATES_MISUSED;
    scope->has_windows = 0;
    if (ast->kid[2] != NULL)
        vl_expr_conjuncts(b, vl_bind_expr(b, scope, ast->kid[2]), &core->where);
    query_bind_group(b, core, ast);
    scope->aggregates = is_aggregate ? VL_AGGREGATES_ALLOWED : VL_AGGREGATES_LATE;
    if (ast->kid[4] != NULL && !is_aggregate)
        vl_bind_fail(b, scope, NULL, "HAVING clause on a non-aggregate query");
    if (ast->kid[4] != NULL)
        core->having = vl_bind_expr(b, scope, ast->kid[4]);
}

static vl_core *
query_bind_core(vl_binder *b, vl_bind_scope *parent, const vl_bind_scope *like, const vl_ast *ast)
{
    vl_core *core = vl_bind_alloc(b, 1, sizeof *core);

    if (core == NULL)
        return NULL;
    core->op = (vl_ast_op)ast->op;
    core->scope = vl_bind_scope_new(b, parent, like);
    if (core->scope == NULL)
        return NULL;
    if (!like->is_inserted && !vl_bind_may(b, NULL, VELO_ACTION_SELECT, NULL))
        return NULL;
    if (ast->type == VL_AST_VALUES && !like->is_inserted &&
        query_has_call(ast->kid[0], ast->kid[0]->count > 1)) {
        ast = query_values_as_select(b, ast);
        if (ast == NULL)
            return NULL;
    }
    if (!like->is_inserted)
        core->scope->aggregates = VL_AGGREGATES_LATE;
    if (ast->type == VL_AST_VALUES)
        query_bind_values(b, core, ast);
    else
        query_bind_select(b, core, ast);
    return b->status == VELO_OK ? core : NULL;
}

/* ---- all of a query ---- */

void
vl_bind_merge_cores(vl_binder *b, vl_query *query)
{
    const vl_core *first = query->cores[0];
    uint8_t *collations = vl_bind_alloc(b, query->column_count + 1U, 1);

    query->columns = vl_bind_alloc(b, query->column_count + 1U, sizeof(vl_bind_column));
    if (query->columns == NULL || collations == NULL)
        return;
    memcpy(query->columns, first->columns, query->column_count * sizeof(vl_bind_column));
    for (uint32_t i = 0; i < query->column_count; i++) {
        int is_known = 0;

        for (uint32_t k = 0; k < query->core_count; k++) {
            if (k > 0)
                query_merge_column(&query->columns[i], &query->cores[k]->columns[i]);
            if (!is_known)
                is_known = vl_expr_collation(b, query->cores[k]->results.list[i], &collations[i]);
        }
        if (query->core_count > 1)
            query->columns[i].collation = collations[i];
        collations[i] = query->columns[i].collation;
    }
    query->collations = collations;
}

vl_query *
vl_bind_cores(vl_binder *b, vl_bind_scope *parent, const vl_bind_scope *like, const vl_ast *first,
              uint32_t count)
{
    vl_query *query = vl_bind_alloc(b, 1, sizeof *query);

    if (query == NULL || b->status != VELO_OK)
        return NULL;
    if (b->depth == VL_PLAN_DEPTH_MAX)
        return vl_bind_fail(b, like, first, "queries are nested too deeply");
    query->cores = vl_bind_alloc(b, count, sizeof(vl_core *));
    if (query->cores == NULL)
        return NULL;
    b->depth++; /* keeps BQ1 */
    for (; query->core_count < count && b->status == VELO_OK; first = first->next) {
        vl_core *core = query_bind_core(b, parent, like, first);

        if (core == NULL)
            break;
        query->cores[query->core_count++] = core;
        if (query->core_count == 1)
            query->column_count = core->results.count;
        else if (core->results.count != query->column_count && core->rows != NULL)
            vl_bind_fail(b, like, NULL, "all VALUES must have the same number of terms");
        else if (core->results.count != query->column_count) /* keeps BQ3 */
            vl_bind_fail(b, like, NULL,
                         "SELECTs to the left and right of %s do not have the same number of "
                         "result columns",
                         vl_ast_op_words((vl_ast_op)first->op));
    }
    b->depth--;
    if (b->status == VELO_OK)
        vl_bind_merge_cores(b, query);
    return b->status == VELO_OK ? query : NULL;
}

vl_query *
vl_bind_query(vl_binder *b, vl_bind_scope *parent, const vl_bind_scope *like, const vl_ast *ast)
{
    const vl_ast *list = ast->kid[1];
    vl_bind_scope *inner = vl_bind_scope_new(b, parent, like);
    vl_query *query;

    if (inner == NULL || b->status != VELO_OK)
        return NULL;
    inner->is_inserted = like->is_inserted && list->count == 1 &&
                         vl_ast_first(list)->type == VL_AST_VALUES &&
                         vl_ast_first(list)->kid[0]->count == 1;
    inner->with = vl_bind_with(b, parent, like, ast->kid[0], ast);
    if (b->status != VELO_OK)
        return NULL;
    query = vl_bind_cores(b, parent, inner, vl_ast_first(list), list->count);
    if (query == NULL)
        return NULL;
    vl_bind_order_by(b, query, ast->kid[2]);
    vl_bind_limit(b, query, inner, ast->kid[3], ast->kid[4]);
    for (uint32_t i = 0; i < query->core_count && b->status == VELO_OK; i++)
        vl_bind_ask_unnamed(b, query->cores[i]->scope);
    return b->status == VELO_OK ? query : NULL;
}

static void
query_forget_json(vl_binder *b, vl_exprs *exprs)
{
    for (uint32_t i = 0; i < exprs->count && b->status == VELO_OK; i++) {
        vl_expr *expr = exprs->list[i];
        vl_expr *outer;

        if (!expr->may_be_json)
            continue;
        outer = vl_expr_new(b, VL_EXPR_CONVERT, 1, NULL);
        if (outer == NULL)
            return;
        outer->kids[0] = expr;
        outer->affinity = VL_AFFINITY_NONE;
        outer->classes = expr->classes;
        exprs->list[i] = vl_expr_finish(b, outer);
    }
}

void
vl_bind_forget_json(vl_binder *b, vl_query *query)
{
    if (query == NULL)
        return;
    for (uint32_t i = 0; i < query->core_count && b->status == VELO_OK; i++) {
        vl_core *core = query->cores[i];

        query_forget_json(b, &core->results);
        for (uint32_t row = 0; row < core->row_count; row++)
            query_forget_json(b, &core->rows[row]);
    }
}
