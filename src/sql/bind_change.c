/* bind_change.c - what INSERT, UPDATE and DELETE share: the full row and all that is computed on
 * it.
 *
 * Invariants
 *   BC1  A full row has each column at its position, then the rowid. The column that is the rowid
 *        has its value as well.
 *   BC2  A generated column comes after those that it names. */
#include "sql/bind_int.h"

#include "catalog/virtual.h"
#include "sql/schema_build.h"

#include <string.h>

#define CHANGE_GENERATED_MAX 100000U

/* ---- rows ---- */

vl_bind_layout
vl_bind_full_row(vl_binder *b, const vl_bind_source *source)
{
    vl_bind_layout row = vl_bind_layout_new(b, source->base, source->column_count + 1);

    if (row.ids != NULL && source->table->rowid_column >= 0)
        row.ids[source->column_count] = source->base + (uint32_t)source->table->rowid_column;
    return row; /* keeps BC1 */
}

void
vl_bind_unalias(vl_bind_source *source)
{
    source->alias =
        (vl_bind_word){source->table->object.name, (uint32_t)strlen(source->table->object.name)};
    source->is_aliased = 0;
    source->is_qualified_only = 0;
}

vl_bind_scope *
vl_bind_own_scope(vl_binder *b, vl_bind_source *source)
{
    const vl_table_def *table = source->table;
    vl_bind_scope like = {.home = table->schema, .text = table->object.sql};
    vl_bind_scope *scope = vl_bind_scope_new(b, NULL, &like);
    vl_bind_source *own = vl_bind_alloc(b, 1, sizeof *own);

    if (scope == NULL || own == NULL)
        return NULL;
    scope->text_size = like.text != NULL ? strlen(like.text) : 0;
    scope->is_own = 1;
    scope->sources = vl_bind_alloc(b, 1, sizeof(vl_bind_source *));
    if (scope->sources == NULL)
        return NULL;
    *own = *source;
    vl_bind_unalias(own);
    scope->sources[0] = own;
    scope->source_count = 1;
    return scope;
}

/* The expression of a generated column, as it is stored. */
static vl_expr *
change_generated(vl_binder *b, vl_bind_source *source, uint32_t column)
{
    const vl_column_def *def = &source->table->columns[column];
    vl_bind_scope *scope = vl_bind_own_scope(b, source);
    vl_expr *expr = vl_expr_new(b, VL_EXPR_CONVERT, 1, NULL);
    vl_purity around = b->purity;

    if (scope == NULL || expr == NULL)
        return NULL;
    if (b->depth == VL_PLAN_DEPTH_MAX || b->generated == CHANGE_GENERATED_MAX)
        return vl_bind_fail(b, NULL, NULL, "generated columns of %s are nested too deeply",
                            source->table->object.name);
    b->depth++;
    b->generated++;
    b->purity = VL_PURITY_GENERATED;
    expr->kids[0] = vl_bind_expr(b, scope, def->generated_ast);
    b->purity = around;
    b->depth--;
    expr->affinity = (uint8_t)def->affinity;
    expr->classes = source->columns[column].classes | VL_CLASS_NULL;
    expr = vl_expr_finish(b, expr);
    if (expr == NULL)
        return NULL;
    if (vl_expr_size(expr) > VL_EXPR_SIZE_MAX)
        return vl_bind_fail(b, NULL, NULL, "generated columns of %s are too large",
                            source->table->object.name);
    expr->collation = (uint8_t)def->collation;
    expr->has_collation = 0; /* a COLLATE inside is not the column's */
    expr->is_column = 1;
    return expr;
}

/* A generated column of a table of which an outer join may make a row of NULLs: NULL in that,
 * whatever its expression makes of NULLs. */
static vl_expr *
change_generated_or_null(vl_binder *b, vl_bind_source *source, uint32_t column)
{
    vl_expr *expr = change_generated(b, source, column);
    vl_expr *is_row = vl_expr_new(b, VL_EXPR_IS_NULL, 1, NULL);
    vl_expr *either = vl_expr_new(b, VL_EXPR_CASE, 2, NULL);

    if (expr == NULL || is_row == NULL || either == NULL)
        return NULL;
    is_row->kids[0] = vl_expr_column(b, vl_bind_source_id(source, VL_COLUMN_ROWID), NULL);
    is_row->is_not = 1;
    is_row->classes = VL_CLASS_INTEGER;
    either->kids[0] = vl_expr_finish(b, is_row);
    either->kids[1] = expr;
    either->classes = expr->classes | VL_CLASS_NULL;
    either = vl_expr_finish(b, either);
    if (either == NULL)
        return NULL;
    either->affinity = expr->affinity;
    either->collation = expr->collation;
    either->is_column = 1;
    return either;
}

vl_expr *
vl_bind_source_expr(vl_binder *b, const vl_bind_source *source, uint32_t column, const vl_ast *at)
{
    vl_bind_source *named = b->ids[source->base].source;

    if (source->kind == VL_BIND_SOURCE_TABLE && source->table->columns[column].generated == 1)
        return named->is_nullable ? change_generated_or_null(b, named, column)
                                  : change_generated(b, named, column);
    return vl_expr_column(b, vl_bind_source_id(source, (int32_t)column), at);
}

/* ---- what may be changed ---- */

int
vl_bind_may_change(vl_binder *b, const vl_bind_scope *scope, const vl_table_def *table,
                   vl_ast_op event, const vl_ast *sets)
{
    const char *name = table->object.name;

    if (strcmp(name, "sqlite_schema") == 0 || strcmp(name, "sqlite_temp_schema") == 0)
        vl_bind_fail(b, scope, NULL, "table %s may not be modified",
                     strcmp(name, "sqlite_schema") == 0 ? "sqlite_master" : "sqlite_temp_master");
    else if (vl_bind_is_view(table) && !vl_bind_has_fires(b, table, event, sets))
        vl_bind_fail(b, scope, NULL, "cannot modify %s because it is a view", name);
    else if (vl_bind_is_virtual(table) && !table->instance->can_change)
        vl_bind_fail(b, scope, NULL, "table %s may not be modified", name);
    else if (vl_bind_is_virtual(table))
        vl_bind_use_database(b, table->schema->database, 1);
    else
        vl_bind_use_schema(b, table->schema, 1);
    return b->status == VELO_OK;
}

vl_conflict
vl_bind_conflict(const vl_binder *b, vl_ast_op written)
{
    return b->conflict != VL_CONFLICT_DEFAULT ? b->conflict : vl_schema_conflict(written);
}

/* ---- computed on the row ---- */

static void
change_bind_checks(vl_binder *b, vl_bind_source *source, vl_change_target *target,
                   const vl_bind_layout *row)
{
    const vl_table_def *table = source->table;
    vl_exprs checks = {NULL, 0};
    const vl_check_def **defs;
    vl_bind_scope *scope;

    if (table->check_count == 0)
        return;
    scope = vl_bind_own_scope(b, source);
    defs = vl_bind_alloc(b, table->check_count, sizeof *defs);
    if (scope == NULL || defs == NULL)
        return;
    b->purity = VL_PURITY_CHECK;
    for (uint32_t i = 0; i < table->check_count; i++) {
        vl_exprs_add(b, &checks, vl_bind_expr(b, scope, table->checks[i].ast));
        defs[i] = &table->checks[i];
    }
    b->purity = VL_PURITY_NONE;
    target->checks = vl_lower_all(b, row, &checks);
    target->check_defs = defs;
}

/* Whether an expression names columns whose flag is 0. */
typedef struct change_names {
    const vl_bind_source *source;
    const uint8_t *is_known;
    int is_unknown;
} change_names;

static void
change_visit_names(void *arg, uint32_t id)
{
    change_names *names = arg;
    uint32_t column = id - names->source->base;

    if (id >= names->source->base && column < names->source->column_count &&
        !names->is_known[column])
        names->is_unknown = 1;
}

/* Whether some column is generated. */
static int
change_has_generated(const vl_bind_source *source)
{
    for (uint32_t i = 0; i < source->column_count; i++)
        if (source->table->columns[i].generated != 0)
            return 1;
    return 0;
}

/* Generated columns in an order in which they can be computed: BC2. */
static void
change_bind_generated(vl_binder *b, vl_bind_source *source, vl_change_target *target,
                      const vl_bind_layout *row)
{
    uint32_t count = source->column_count;
    vl_exprs ordered = {NULL, 0};
    uint32_t wanted = 0;
    vl_expr **exprs;
    uint8_t *is_known;
    int32_t *columns;

    if (!change_has_generated(source))
        return;
    exprs = vl_bind_alloc(b, count + 1U, sizeof *exprs);
    is_known = vl_bind_alloc(b, count + 1U, 1);
    columns = vl_bind_alloc(b, count + 1U, sizeof *columns);
    if (exprs == NULL || is_known == NULL || columns == NULL)
        return;
    for (uint32_t i = 0; i < count; i++) {
        is_known[i] = source->table->columns[i].generated == 0;
        if (is_known[i])
            continue;
        wanted++;
        exprs[i] = change_generated(b, source, i);
        if (exprs[i] == NULL)
            return;
    }
    for (uint32_t before = UINT32_MAX; ordered.count < wanted && before != ordered.count;) {
        before = ordered.count;
        for (uint32_t i = 0; i < count; i++) {
            change_names names = {source, is_known, 0};

            if (is_known[i])
                continue;
            vl_expr_visit(exprs[i], change_visit_names, &names);
            if (names.is_unknown)
                continue;
            is_known[i] = 1;
            columns[ordered.count] = (int32_t)i;
            vl_exprs_add(b, &ordered, exprs[i]);
            if (b->status != VELO_OK)
                return;
        }
    }
    if (ordered.count < wanted)
        vl_bind_fail(b, NULL, NULL, "generated column loop in table %s",
                     source->table->object.name);
    target->generated = vl_lower_all(b, row, &ordered);
    target->generated_columns = columns;
}

static void
change_bind_indexes(vl_binder *b, vl_bind_source *source, vl_change_target *target,
                    const vl_bind_layout *row)
{
    vl_bind_scope *scope;
    uint32_t count = 0;

    if (source->table->indexes == NULL)
        return;
    scope = vl_bind_own_scope(b, source);
    for (const vl_index_def *index = source->table->indexes; index != NULL; index = index->next)
        count++;
    target->index_exprs = vl_bind_alloc(b, count + 1U, sizeof *target->index_exprs);
    target->index_where = vl_bind_alloc(b, count + 1U, sizeof *target->index_where);
    if (scope == NULL || target->index_exprs == NULL || target->index_where == NULL)
        return;
    count = 0;
    b->purity = VL_PURITY_INDEX;
    for (const vl_index_def *index = source->table->indexes; index != NULL;
         index = index->next, count++) {
        vl_exprs exprs = {NULL, 0};

        if (index->object.sql != NULL) {
            scope->text = index->object.sql;
            scope->text_size = strlen(index->object.sql);
        }
        for (uint32_t i = 0; i < index->term_count; i++)
            if (index->terms[i].ast != NULL)
                vl_exprs_add(b, &exprs, vl_bind_expr(b, scope, index->terms[i].ast));
        target->index_exprs[count] = vl_lower_all(b, row, &exprs);
        if (index->where_ast != NULL)
            target->index_where[count] = vl_lower(b, row, vl_bind_expr(b, scope, index->where_ast));
    }
    b->purity = VL_PURITY_NONE;
}

void
vl_bind_change_target(vl_binder *b, vl_bind_source *source, vl_change_target *target,
                      const vl_bind_layout *row)
{
    target->table = source->table;
    target->row_count = source->column_count + 1;
    if (vl_bind_is_view(source->table) || vl_bind_is_virtual(source->table))
        return;
    if (b->status == VELO_OK)
        change_bind_checks(b, source, target, row);
    if (b->status == VELO_OK)
        change_bind_generated(b, source, target, row);
    if (b->status == VELO_OK)
        change_bind_indexes(b, source, target, row);
}

void
vl_bind_returning(vl_binder *b, vl_bind_scope *scope, const vl_ast *list, vl_change_target *target,
                  const vl_bind_layout *row)
{
    vl_bind_column *columns;
    vl_exprs results;
    vl_result_column *described;

    if (list == NULL || b->status != VELO_OK)
        return;
    if (vl_bind_is_virtual(target->table) && b->plan->kind != VL_PLAN_INSERT) {
        vl_bind_fail(b, scope, NULL, "%s RETURNING is not available on virtual tables",
                     b->plan->kind == VL_PLAN_DELETE ? "DELETE" : "UPDATE");
        return;
    }
    if (!vl_bind_results(b, scope, list, &results, &columns))
        return;
    target->returning = vl_lower_all(b, row, &results);
    described = vl_bind_alloc(b, results.count + 1U, sizeof *described);
    if (described == NULL)
        return;
    for (uint32_t i = 0; i < results.count; i++)
        described[i] =
            (vl_result_column){columns[i].name,  columns[i].declared, columns[i].database,
                               columns[i].table, columns[i].column,   columns[i].affinity};
    b->plan->columns = described;
    b->plan->column_count = results.count;
}

/* ---- SET ---- */

/* Columns and values of SETs, while they are read. */
typedef struct change_sets {
    int32_t *columns;
    uint32_t count;
    uint32_t capacity;
    vl_exprs values;
} change_sets;

/* The column that is set, or -2 after a failure. */
static int32_t
change_set_column(vl_binder *b, const vl_bind_scope *scope, const vl_bind_source *target,
                  const vl_ast *at)
{
    int32_t column = vl_bind_source_column(target, at->text, at->text_size);

    if (column >= 0 && !vl_bind_is_view(target->table) &&
        target->table->columns[column].generated != 0) {
        vl_bind_fail(b, scope, NULL, "cannot UPDATE generated column \"%s\"",
                     target->columns[column].name);
        return -2;
    }
    if (column >= 0)
        return column == target->table->rowid_column ? VL_COLUMN_ROWID : column;
    if (!target->table->is_without_rowid && (vl_bind_is(at->text, at->text_size, "rowid") ||
                                             vl_bind_is(at->text, at->text_size, "oid") ||
                                             vl_bind_is(at->text, at->text_size, "_rowid_")))
        return VL_COLUMN_ROWID;
    vl_bind_near_set(b, target, (vl_bind_word){at->text, at->text_size});
    vl_bind_fail(b, scope, at, "no such column: %.*s", (int)at->text_size, at->text);
    return -2;
}

/* Set a column; an earlier SET of it does not count. */
static void
change_add_set(vl_binder *b, const vl_bind_scope *scope, const vl_bind_source *target,
               change_sets *sets, int32_t column, vl_expr *value)
{
    int32_t *columns;

    if (value == NULL || b->status != VELO_OK ||
        vl_bind_ask_column(b, scope, VELO_ACTION_UPDATE, target, column) != VL_BIND_ALLOWED)
        return;
    for (uint32_t i = 0; i < sets->count; i++)
        if (sets->columns[i] == column) {
            sets->values.list[i] = value;
            return;
        }
    columns = vl_bind_grow(b, sets->columns, sets->count, &sets->capacity, sizeof *columns);
    if (columns == NULL)
        return;
    sets->columns = columns;
    columns[sets->count++] = column;
    vl_exprs_add(b, &sets->values, value);
}

int
vl_bind_sets(vl_binder *b, vl_bind_scope *scope, const vl_bind_source *target, const vl_ast *list,
             const int32_t **columns, vl_exprs *values)
{
    change_sets sets = {0};

    for (const vl_ast *set = vl_ast_first(list); set != NULL && b->status == VELO_OK;
         set = set->next) {
        const vl_ast *names = set->kid[0];
        vl_exprs row;
        uint32_t i = 0;

        if (names == NULL) {
            change_add_set(b, scope, target, &sets, change_set_column(b, scope, target, set),
                           vl_bind_expr(b, scope, set->kid[1]));
            continue;
        }
        row = vl_bind_row(b, scope, set->kid[1]);
        if (b->status == VELO_OK && row.count != names->count)
            vl_bind_fail(b, scope, NULL, "%u columns assigned %u values", (unsigned)names->count,
                         (unsigned)row.count);
        for (const vl_ast *name = vl_ast_first(names); name != NULL && b->status == VELO_OK;
             name = name->next, i++)
            change_add_set(b, scope, target, &sets, change_set_column(b, scope, target, name),
                           row.list[i]);
    }
    *columns = sets.columns;
    *values = sets.values;
    return b->status == VELO_OK;
}
