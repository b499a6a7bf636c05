/* bind_insert.c - INSERT, REPLACE and what follows ON CONFLICT.
 *
 * Invariants
 *   BI1  A column takes the first value that the list of columns gives it.
 *   BI2  Expressions of an UPSERT are on the table's row followed by the row to be inserted. */
#include "sql/bind_int.h"
#include "sql/schema_build.h"

#include <string.h>

/* ---- columns ---- */

static int32_t
insert_column(vl_binder *b, const vl_bind_scope *scope, const vl_bind_source *target,
              const vl_ast *name)
{
    int32_t column = vl_bind_source_column(target, name->text, name->text_size);

    if (column >= 0 && !vl_bind_is_view(target->table) &&
        target->table->columns[column].generated != 0)
        vl_bind_fail(b, scope, NULL, "cannot INSERT into generated column \"%s\"",
                     target->columns[column].name);
    if (column >= 0)
        return column;
    if (!target->table->is_without_rowid && (vl_bind_is(name->text, name->text_size, "rowid") ||
                                             vl_bind_is(name->text, name->text_size, "oid") ||
                                             vl_bind_is(name->text, name->text_size, "_rowid_")))
        return VL_COLUMN_ROWID;
    vl_bind_near_set(b, target, (vl_bind_word){name->text, name->text_size});
    vl_bind_fail(b, scope, NULL, "table %s has no column named %.*s", target->table->object.name,
                 (int)name->text_size, name->text);
    return VL_COLUMN_ROWID;
}

/* Which value goes where. *count: of values that are wanted. */
static int32_t *
insert_sources(vl_binder *b, const vl_bind_scope *scope, const vl_bind_source *target,
               const vl_ast *ast, uint32_t *count)
{
    const vl_ast *names = ast->kid[4] != NULL ? ast->kid[3] : NULL;
    uint32_t columns = target->column_count;
    int32_t *sources = vl_bind_alloc(b, columns + 1U, sizeof *sources);

    *count = 0;
    if (sources == NULL)
        return NULL;
    for (uint32_t i = 0; i <= columns; i++)
        sources[i] = -1;
    for (const vl_ast *name = vl_ast_first(ast->kid[3]); name != NULL; name = name->next)
        (void)insert_column(b, scope, target, name);
    if (names == NULL && ast->kid[4] != NULL)
        for (uint32_t i = 0; i < columns; i++)
            if (vl_bind_is_view(target->table) ||
                (target->table->columns[i].generated == 0 && !target->table->columns[i].is_hidden))
                sources[i] = (int32_t)(*count)++;
    for (const vl_ast *name = vl_ast_first(names); name != NULL; name = name->next) {
        int32_t column = insert_column(b, scope, target, name);
        uint32_t place = column < 0 ? columns : (uint32_t)column;

        if (b->status != VELO_OK)
            return NULL;
        if (sources[place] < 0) /* keeps BI1 */
            sources[place] = (int32_t)*count;
        (*count)++;
    }
    if (target->table->rowid_column >= 0) {
        int32_t *key = &sources[target->table->rowid_column];

        /* The rowid and the column that is it have one value. */
        if (*key < 0)
            *key = sources[columns];
        sources[columns] = *key;
    }
    return sources;
}

void
vl_bind_defaults(vl_binder *b, vl_bind_source *target, vl_exprs *defaults)
{
    vl_expr *null = vl_expr_constant(b, vl_value_of_null(), NULL);
    const vl_bind_layout none = {NULL, 0};
    vl_bind_scope *scope = NULL; /* made for the first expression */

    for (uint32_t i = 0; i <= target->column_count; i++) {
        const void *ast = i < target->column_count && !vl_bind_is_view(target->table)
                              ? target->table->columns[i].default_ast
                              : NULL;

        if (ast != NULL && scope == NULL) {
            scope = vl_bind_own_scope(b, target);
            if (scope == NULL)
                return;
            scope->source_count = 0; /* no columns */
        }
        vl_exprs_add(b, defaults, ast != NULL ? vl_bind_expr(b, scope, ast) : null);
    }
    *defaults = vl_lower_all(b, &none, defaults);
}

/* ---- rows ---- */

static vl_op *
insert_rows(vl_binder *b, const vl_bind_scope *like, const vl_bind_source *target,
            const vl_ast *ast, uint32_t wanted)
{
    const vl_ast *names = ast->kid[3];
    vl_bind_scope inserted;
    vl_query *query;
    vl_op *op;

    if (ast->kid[4] == NULL) {
        op = vl_op_new(b, VL_OP_KIND_VALUES, 0, NULL, NULL);
        if (op == NULL)
            return NULL;
        op->as.values.rows = vl_bind_alloc(b, 1, sizeof(vl_exprs));
        op->as.values.row_count = 1;
        return op;
    }
    inserted = *like;
    inserted.is_inserted = 1;
    query = vl_bind_query(b, b->around, &inserted, ast->kid[4]);
    if (query == NULL)
        return NULL;
    if (query->column_count != wanted && names != NULL)
        return vl_bind_fail(b, like, NULL, "%u values for %u columns",
                            (unsigned)query->column_count, (unsigned)wanted);
    if (query->column_count != wanted)
        return vl_bind_fail(b, like, NULL, "table %s has %u columns but %u values were supplied",
                            target->table->object.name, (unsigned)wanted,
                            (unsigned)query->column_count);
    return vl_plan_query(b, query, NULL).op;
}

/* ---- ON CONFLICT ---- */

/* Whether a term of a conflict target is the term of an index; a collation counts where it is asked
 * for. */
static int
insert_term_fits(vl_binder *b, vl_bind_scope *own, const vl_index_term *term, const vl_ast *ast)
{
    const vl_expr *wanted;
    const vl_expr *expr;

    wanted = vl_bind_expr(b, own, ast);
    if (wanted == NULL)
        return 0;
    if (ast->type == VL_AST_COLLATE && wanted->collation != (uint8_t)term->collation)
        return 0;
    if (term->ast != NULL) {
        expr = vl_bind_expr(b, own, term->ast);
        return expr != NULL && vl_expr_equal(expr, wanted);
    }
    return wanted->kind == VL_EXPR_COLUMN &&
           wanted->index == vl_bind_source_id(own->sources[0], term->column);
}

/* Whether an index is the one that a conflict target names. */
static int
insert_index_fits(vl_binder *b, vl_bind_scope *own, const vl_index_def *index, const vl_ast *upsert)
{
    const vl_ast *list = upsert->kid[0];

    if (!index->is_unique || index->term_count != list->count)
        return 0;
    if (index->where_ast != NULL) {
        const vl_expr *predicate = vl_bind_expr(b, own, index->where_ast);
        const vl_expr *wanted =
            upsert->kid[1] != NULL ? vl_bind_expr(b, own, upsert->kid[1]) : NULL;

        if (predicate == NULL || wanted == NULL || !vl_expr_equal(predicate, wanted))
            return 0;
    }
    for (uint32_t i = 0; i < index->term_count; i++) {
        int is_found = 0;

        for (const vl_ast *term = vl_ast_first(list); term != NULL && !is_found; term = term->next)
            is_found = insert_term_fits(b, own, &index->terms[i], term->kid[0]);
        if (!is_found)
            return 0;
    }
    return 1;
}

/* What a conflict target means. */
static void
insert_find_target(vl_binder *b, vl_bind_source *target, const vl_ast *ast, vl_upsert *upsert)
{
    const vl_ast *list = ast->kid[0];
    vl_bind_scope *own = vl_bind_own_scope(b, target);
    const vl_expr *first;

    if (list == NULL) {
        upsert->is_any = 1;
        return;
    }
    if (own == NULL)
        return;
    own->is_own = 0; /* it is the statement's */
    for (const vl_ast *term = vl_ast_first(list); term != NULL && b->status == VELO_OK;
         term = term->next) {
        if ((term->flags & (VL_AST_NULLS_FIRST | VL_AST_NULLS_LAST)) != 0)
            vl_bind_fail(b, own, term, "unsupported use of NULLS %s",
                         (term->flags & VL_AST_NULLS_FIRST) != 0 ? "FIRST" : "LAST");
        else
            (void)vl_bind_expr(b, own, term->kid[0]);
    }
    own->is_own = 1;
    first = vl_bind_expr(b, own, vl_ast_first(list)->kid[0]);
    if (first == NULL)
        return;
    if (!target->table->is_without_rowid && list->count == 1 && first->kind == VL_EXPR_COLUMN &&
        first->index == vl_bind_source_id(target, VL_COLUMN_ROWID)) {
        upsert->is_rowid = 1;
        return;
    }
    for (const vl_index_def *index = target->table->indexes; index != NULL; index = index->next)
        if (insert_index_fits(b, own, index, ast)) {
            upsert->index = index;
            return;
        }
    if (target->table->primary != NULL && b->status == VELO_OK &&
        insert_index_fits(b, own, target->table->primary, ast)) {
        upsert->index = target->table->primary;
        return;
    }
    vl_bind_fail(b, NULL, NULL,
                 "ON CONFLICT clause does not match any PRIMARY KEY or UNIQUE constraint");
}

static void
insert_upsert(vl_binder *b, vl_bind_scope *like, vl_bind_source *target, const vl_ast *ast,
              const vl_bind_layout *row, vl_upsert *upsert)
{
    static const vl_bind_word excluded = {"excluded", 8};
    vl_bind_source *given =
        vl_bind_source_of_table(b, target->table, VL_BIND_SOURCE_GIVEN, excluded);
    vl_bind_scope *scope = vl_bind_scope_new(b, b->around, like);
    vl_exprs where = {NULL, 0};
    vl_bind_layout other;
    vl_bind_layout both;

    if (given == NULL || scope == NULL)
        return;
    insert_find_target(b, target, ast, upsert);
    if (ast->kid[2] == NULL) {
        upsert->is_nothing = 1;
        return;
    }
    given->is_qualified_only = 1;
    given->is_unasked = 1;
    vl_bind_scope_add(b, scope, target);
    vl_bind_scope_add(b, scope, given);
    other = vl_bind_full_row(b, given);
    both = vl_bind_layout_join(b, row, &other); /* keeps BI2 */
    if (b->status != VELO_OK ||
        !vl_bind_sets(b, scope, target, ast->kid[2], &upsert->targets, &upsert->sets))
        return;
    upsert->sets = vl_lower_all(b, &both, &upsert->sets);
    if (ast->kid[3] != NULL)
        vl_expr_conjuncts(b, vl_bind_expr(b, scope, ast->kid[3]), &where);
    upsert->where = vl_lower_all(b, &both, &where);
    upsert->fires =
        vl_bind_fires(b, target->table, VL_OP_UPDATE, ast->kid[2], VL_CONFLICT_ABORT, 0);
}

static void
insert_upserts(vl_binder *b, vl_bind_scope *like, vl_bind_source *target, const vl_ast *list,
               const vl_bind_layout *row, vl_op_insert *as)
{
    if (list == NULL || b->status != VELO_OK)
        return;
    if (vl_bind_is_view(target->table)) {
        vl_bind_fail(b, like, NULL, "cannot UPSERT a view");
        return;
    }
    if (vl_bind_is_virtual(target->table)) {
        vl_bind_fail(b, like, NULL, "UPSERT not implemented for virtual table \"%s\"",
                     target->table->object.name);
        return;
    }
    as->upserts = vl_bind_alloc(b, list->count + 1U, sizeof(vl_upsert));
    if (as->upserts == NULL)
        return;
    for (const vl_ast *ast = vl_ast_first(list); ast != NULL && b->status == VELO_OK;
         ast = ast->next)
        insert_upsert(b, like, target, ast, row, &as->upserts[as->upsert_count++]);
}

/* ---- all of it ---- */

void
vl_bind_insert(vl_binder *b, const vl_ast *ast)
{
    vl_bind_scope like = vl_bind_statement_scope(b);
    vl_bind_scope *scope = vl_bind_scope_new(b, b->around, &like);
    vl_bind_frame frame;
    vl_bind_word alias = {NULL, 0};
    const vl_table_def *table;
    vl_bind_source *target;
    vl_bind_layout row;
    int32_t *sources;
    uint32_t wanted;
    vl_op *op;

    if (scope == NULL)
        return;
    like.with = vl_bind_with(b, b->around, &like, ast->kid[0], ast);
    scope->with = like.with;
    if (ast->kid[2] != NULL)
        alias = (vl_bind_word){ast->kid[2]->text, ast->kid[2]->text_size};
    table = b->status == VELO_OK ? vl_bind_table(b, scope, ast->kid[1]) : NULL;
    if (table == NULL || !vl_bind_may(b, scope, VELO_ACTION_INSERT, table) ||
        !vl_bind_may_change(b, scope, table, VL_OP_INSERT, NULL))
        return;
    target = vl_bind_source_given(b, table, alias);
    if (target == NULL)
        return;
    vl_bind_scope_add(b, scope, target);
    row = vl_bind_full_row(b, target);
    sources = insert_sources(b, scope, target, ast, &wanted);
    if (sources == NULL)
        return;
    (void)vl_program_begin(b, &frame);
    op = vl_op_new(b, VL_OP_KIND_INSERT, 1, insert_rows(b, &like, target, ast, wanted), NULL);
    if (op != NULL) {
        vl_op_insert *as = &op->as.insert;

        as->target.conflict = vl_bind_conflict(b, ast->op2);
        as->target.fires = vl_bind_fires(b, table, VL_OP_INSERT, NULL, as->target.conflict, 0);
        as->target.replaced = vl_bind_fires(b, table, VL_OP_DELETE, NULL, VL_CONFLICT_REPLACE, 1);
        as->sources = sources;
        vl_bind_defaults(b, target, &as->target.defaults);
        vl_bind_change_target(b, target, &as->target, &row);
        insert_upserts(b, &like, target, ast->kid[5], &row, as);
        target->scope = scope;
        target->place = 0;
        vl_bind_returning(b, scope, ast->kid[6], &as->target, &row);
        op->column_count = as->target.returning.count;
    }
    vl_program_end(b, NULL, 0, op);
}
