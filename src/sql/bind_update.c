/* bind_update.c - UPDATE and DELETE.
 *
 * Their child finds the rows: it yields what names a row, and what of FROM is needed. Everything
 * else is computed on the full row when it is changed (31, item 2).
 *
 * Invariants
 *   BU1  The child reads only columns that finding the rows needs.
 *   BU2  Rows come in the order of their keys where a conflict may keep some and not others, and
 *        where triggers see the order, unless ORDER BY says otherwise (31, item 14). */
#include "sql/bind_int.h"

#include "catalog/virtual.h"
#include "sql/schema_build.h"

#include <string.h>

/* What finds the rows. */
typedef struct update_work {
    vl_binder *b;
    vl_bind_scope *scope;
    vl_bind_source *target;
    vl_join_item list; /* the target, then FROM */
    vl_exprs where;
    vl_query order;     /* its ORDER BY and LIMIT only */
    vl_bind_layout row; /* the full row */
    uint8_t *is_used;   /* of the target's ids, by what finds rows */
    uint8_t *is_named;  /* of a virtual target: those that expressions name */
    int is_joined;      /* a table with FROM: a row may be found more than once */
} update_work;

/* ---- names ---- */

/* The source whose rows are changed. */
static vl_bind_source *
update_target(vl_binder *b, vl_bind_scope *scope, const vl_table_def *table, vl_bind_word alias,
              const vl_ast *at)
{
    if (!vl_bind_is_view(table)) {
        vl_bind_source *target = vl_bind_source_of_table(b, table, VL_BIND_SOURCE_TABLE, alias);

        if (target == NULL)
            return NULL;
        target->is_changed = 1;
        vl_bind_index_choice(b, scope, target, at);
        return target;
    }
    if (at->flags & VL_AST_INDEXED)
        return vl_bind_fail(b, scope, at->kid[5], "no such index: %.*s", (int)at->kid[5]->text_size,
                            at->kid[5]->text);
    return vl_bind_source_of_view(b, table, alias);
}

static int
update_open_target(update_work *work, const vl_ast *with, const vl_ast *source, const vl_ast *whole,
                   vl_ast_op event, const vl_ast *sets)
{
    vl_binder *b = work->b;
    vl_bind_scope like = vl_bind_statement_scope(b);
    vl_bind_word alias = {NULL, 0};
    const vl_table_def *table;

    like.with = vl_bind_with(b, b->around, &like, with, whole);
    work->scope = vl_bind_scope_new(b, b->around, &like);
    if (work->scope == NULL || b->status != VELO_OK)
        return 0;
    if (source->kid[2] != NULL)
        alias = (vl_bind_word){source->kid[2]->text, source->kid[2]->text_size};
    table = vl_bind_table(b, work->scope, source->kid[0]);
    if (table == NULL || !vl_bind_may_change(b, work->scope, table, event, sets))
        return 0;
    work->target = update_target(b, work->scope, table, alias, source);
    if (work->target == NULL)
        return 0;
    if (source->kid[0]->kid[0] != NULL)
        work->target->database =
            (vl_bind_word){source->kid[0]->kid[0]->text, source->kid[0]->kid[0]->text_size};
    vl_bind_scope_add(b, work->scope, work->target);
    work->row = vl_bind_full_row(b, work->target);
    work->list.list = vl_bind_alloc(b, 2, sizeof(vl_join_item));
    if (work->list.list == NULL)
        return 0;
    work->list.list[0] = (vl_join_item){.source = work->target, .places = 1};
    work->list.list_count = 1;
    work->list.places = 1;
    return b->status == VELO_OK;
}

/* The sources of UPDATE FROM, as one item in parentheses. */
static void
update_bind_from(update_work *work, const vl_ast *from)
{
    vl_join_item *item = &work->list.list[1];

    if (from == NULL)
        return;
    vl_bind_from(work->b, work->scope, from, item);
    for (uint32_t i = 1; i < work->scope->source_count; i++) {
        const vl_bind_source *source = work->scope->sources[i];

        if (work->b->status == VELO_OK && source->alias.text != NULL &&
            vl_name_compare(source->alias.text, source->alias.size, work->target->alias.text,
                            work->target->alias.size) == 0)
            vl_bind_fail(work->b, work->scope, NULL,
                         "target object/alias may not appear in FROM clause: %.*s",
                         (int)source->alias.size, source->alias.text);
    }
    if (item->list_count == 1 && item->list[0].source != NULL)
        *item = item->list[0];
    work->list.list_count = 2;
    work->list.places |= item->places;
}

/* ORDER BY and LIMIT; the statement's name for messages. */
static void
update_bind_order(update_work *work, const vl_ast *order, const vl_ast *limit, const vl_ast *offset,
                  const char *what)
{
    vl_binder *b = work->b;
    uint32_t count = 0;

    if (order != NULL && limit == NULL) {
        vl_bind_fail(b, work->scope, NULL, "ORDER BY without LIMIT on %s", what);
        return;
    }
    work->order.order = vl_bind_alloc(b, order != NULL ? order->count : 1U, sizeof(vl_bind_order));
    if (work->order.order == NULL)
        return;
    for (const vl_ast *term = vl_ast_first(order); term != NULL; term = term->next) {
        vl_bind_order *key = &work->order.order[count++];

        key->slot = VL_BIND_NONE;
        key->expr = vl_bind_expr(b, work->scope, term->kid[0]);
        if (key->expr == NULL)
            return;
        (void)vl_expr_collation(b, key->expr, &key->collation);
        (void)vl_bind_need(b, key->collation);
        key->is_descending = (term->flags & VL_AST_DESC) != 0;
        key->nulls_last = (term->flags & VL_AST_NULLS_LAST) != 0 ||
                          (key->is_descending && (term->flags & VL_AST_NULLS_FIRST) == 0);
    }
    work->order.order_count = count;
    vl_bind_limit(b, &work->order, work->scope, limit, offset);
}

/* What names a row: the rowid, be it hidden or not; of a view all of it, of a virtual table both.
 */
static vl_exprs
update_keys(const update_work *work)
{
    vl_exprs keys = {NULL, 0};

    if (vl_bind_is_view(work->target->table)) {
        for (uint32_t i = 0; i < work->target->column_count; i++)
            vl_exprs_add(work->b, &keys, vl_expr_column(work->b, work->target->base + i, NULL));
        return keys;
    }
    for (uint32_t i = 0; vl_bind_is_virtual(work->target->table) && i < work->target->column_count;
         i++)
        vl_exprs_add(work->b, &keys, vl_expr_column(work->b, work->target->base + i, NULL));
    vl_exprs_add(work->b, &keys,
                 vl_expr_column(work->b, vl_bind_source_id(work->target, VL_COLUMN_ROWID), NULL));
    return keys;
}

/* Wish for the rows of a table WITHOUT ROWID in the order of the primary key: BU2. */
static void
update_wish_key_order(update_work *work)
{
    const vl_index_def *primary = work->target->table->primary;
    vl_bind_order *order = vl_bind_alloc(work->b, primary->term_count, sizeof *order);

    if (order == NULL)
        return;
    for (uint32_t i = 0; i < primary->term_count; i++) {
        const vl_index_term *term = &primary->terms[i];

        order[i].slot = VL_BIND_NONE;
        order[i].expr =
            vl_expr_column(work->b, vl_bind_source_id(work->target, term->column), NULL);
        order[i].collation = (uint8_t)term->collation;
        order[i].is_descending = order[i].nulls_last = term->is_descending != 0;
    }
    work->order.order = order;
    work->order.order_count = primary->term_count;
}

/* Remember, and later restore, which columns finding the rows needs: BU1. */
static void
update_keep_used(update_work *work)
{
    vl_binder *b = work->b;
    uint32_t count = work->target->column_count + 1;

    work->is_used = vl_bind_alloc(b, count, 1);
    if (work->is_used == NULL)
        return;
    for (uint32_t i = 0; i < count; i++)
        work->is_used[i] = b->ids[work->target->base + i].is_used;
}

static void
update_restore_used(update_work *work)
{
    if (work->is_used == NULL)
        return;
    for (uint32_t i = 0; i <= work->target->column_count; i++)
        work->b->ids[work->target->base + i].is_used = work->is_used[i];
}

/* ---- columns of a virtual table that an UPDATE leaves as they are ---- */

/* Remember which columns the clauses so far name, before update_keys names all. */
static void
update_note_named(update_work *work)
{
    vl_binder *b = work->b;

    if (!vl_bind_is_virtual(work->target->table))
        return;
    work->is_named = vl_bind_alloc(b, work->target->column_count + 1U, 1);
    for (uint32_t i = 0; work->is_named != NULL && i < work->target->column_count; i++)
        work->is_named[i] = b->ids[work->target->base + i].is_used;
}

/* From now on see which columns the values of SET name. */
static void
update_watch_named(update_work *work)
{
    for (uint32_t i = 0; work->is_named != NULL && i < work->target->column_count; i++)
        work->b->ids[work->target->base + i].is_used = 0;
}

/* What nothing names and SET does not change the module may leave out. */
static void
update_find_unchanged(update_work *work, const int32_t *columns, uint32_t count)
{
    vl_bind_id *ids = work->b->ids + work->target->base;

    if (work->is_named == NULL)
        return;
    for (uint32_t i = 0; i < work->target->column_count; i++)
        ids[i].is_unchanged = !work->is_named[i] && !ids[i].is_used;
    for (uint32_t i = 0; i < count; i++)
        if (columns[i] >= 0)
            ids[columns[i]].is_unchanged = 0;
    if (work->target->table->instance->key_column >= 0)
        ids[work->target->table->instance->key_column].is_unchanged = 0;
}

/* ---- the child ---- */

/* Whether rows come in the order of the target's keys: by its scan, or by that and what is joined
 * to each of its rows. */
static int
update_is_key_order(const update_work *work, const vl_op *op)
{
    vl_bind_word alias = work->target->alias;

    while (op != NULL && (op->kind == VL_OP_KIND_FILTER || op->kind == VL_OP_KIND_PROJECT ||
                          op->kind == VL_OP_KIND_LOOP_JOIN))
        op = op->children[0];
    return op != NULL && op->kind == VL_OP_KIND_TABLE_SCAN && op->name != NULL &&
           op->as.table_scan.table == work->target->table &&
           vl_name_compare(op->name, strlen(op->name), alias.text, alias.size) == 0;
}

/* Whether the child finds one row at most. */
static int
update_is_single(const vl_op *op)
{
    while (op != NULL && (op->kind == VL_OP_KIND_FILTER || op->kind == VL_OP_KIND_PROJECT))
        op = op->children[0];
    return op != NULL && op->kind == VL_OP_KIND_TABLE_SCAN && op->as.table_scan.key != NULL &&
           op->as.table_scan.key->expr != NULL;
}

/* Sort by what names the rows: BU2. */
static vl_op *
update_sort_keys(update_work *work, vl_bind_rel rel, const vl_exprs *keys)
{
    vl_bind_order *order = vl_bind_alloc(work->b, keys->count + 1U, sizeof *order);

    if (order == NULL)
        return NULL;
    for (uint32_t i = 0; i < keys->count; i++) {
        order[i].expr = keys->list[i];
        order[i].collation = keys->list[i]->collation;
    }
    return vl_sort_new(work->b, rel, order, keys->count);
}

/* Operators that find the rows and yield the keys, then `extra` (ids). */
static vl_op *
update_child(update_work *work, const vl_exprs *keys, const vl_exprs *extra, int is_ordered)
{
    vl_binder *b = work->b;
    const vl_bind_layout none = {NULL, 0};
    vl_wish wish = {.is_limited = work->order.limit != NULL};
    vl_exprs exprs = {NULL, 0};
    vl_bind_rel rel;
    vl_op *op;

    is_ordered = is_ordered && !vl_bind_is_virtual(work->target->table);
    if (is_ordered && work->order.order_count == 0 && work->target->table->is_without_rowid)
        update_wish_key_order(work);
    wish.order = work->order.order;
    wish.count = work->order.order_count;
    rel = vl_plan_from(b, work->scope, &work->list, &work->where, &wish);

    if (rel.op == NULL || b->status != VELO_OK)
        return NULL;
    if (wish.count > 0 && !wish.is_met)
        rel.op = vl_sort_new(work->b, rel, wish.order, wish.count);
    else if (wish.count == 0 && is_ordered && !update_is_key_order(work, rel.op))
        rel.op = update_sort_keys(work, rel, keys);
    if (work->order.limit != NULL) {
        op = vl_op_new(b, VL_OP_KIND_LIMIT, 1, rel.op, NULL);
        if (op == NULL)
            return NULL;
        op->as.limit.limit = vl_lower(b, &none, work->order.limit);
        op->as.limit.offset = vl_lower(b, &none, work->order.offset);
        rel.op = op;
        if (work->is_joined) /* the rows are chosen: now they come together */
            rel.op = update_sort_keys(work, rel, keys);
    }
    for (uint32_t i = 0; i < keys->count; i++)
        vl_exprs_add(b, &exprs, keys->list[i]);
    for (uint32_t i = 0; i < extra->count; i++)
        vl_exprs_add(b, &exprs, extra->list[i]);
    op = vl_op_new(b, VL_OP_KIND_PROJECT, 1, rel.op, NULL);
    if (op == NULL)
        return NULL;
    op->as.project.exprs = vl_lower_all(b, &rel.layout, &exprs);
    op->column_count = exprs.count;
    return op;
}

/* Columns of FROM that some expression names. */
static vl_exprs
update_extra(const update_work *work)
{
    vl_exprs extra = {NULL, 0};

    for (uint32_t i = 1; i < work->scope->source_count; i++) {
        const vl_bind_source *source = work->scope->sources[i];

        for (uint32_t k = 0; k <= source->column_count; k++)
            if (work->b->ids[source->base + k].is_used)
                vl_exprs_add(work->b, &extra, vl_expr_column(work->b, source->base + k, NULL));
    }
    return extra;
}

/* Whether a conflict may keep some rows and leave others out. */
static int
update_is_selective(const vl_table_def *table, vl_conflict conflict)
{
    int is_selective = conflict >= VL_CONFLICT_FAIL;

    for (const vl_index_def *index = table->indexes; index != NULL; index = index->next)
        is_selective |= index->conflict >= VL_CONFLICT_FAIL;
    for (uint32_t i = 0; i < table->column_count; i++)
        is_selective |= table->columns[i].not_null >= VL_CONFLICT_FAIL;
    return is_selective || table->key_conflict >= VL_CONFLICT_FAIL;
}

/* Whether REPLACE may put a default in place of a NULL. */
static int
update_puts_defaults(const vl_table_def *table, vl_conflict conflict)
{
    int puts = conflict == VL_CONFLICT_REPLACE;

    for (uint32_t i = 0; i < table->column_count; i++)
        puts |=
            conflict == VL_CONFLICT_DEFAULT && table->columns[i].not_null == VL_CONFLICT_REPLACE;
    return puts;
}

/* Whether triggers see in which order rows of a table are changed. */
static int
update_fires(const update_work *work, vl_ast_op event, const vl_ast *sets)
{
    const vl_table_def *table = work->target->table;

    return !vl_bind_is_view(table) && vl_bind_has_fires(work->b, table, event, sets);
}

/* ---- UPDATE ---- */

/* For expressions on the full row the target is given: generated columns have their place. */
static void
update_finish(update_work *work, const vl_ast *ast, vl_op *op, const vl_bind_layout *layout,
              const vl_exprs *sets)
{
    vl_binder *b = work->b;
    vl_op_update *as = &op->as.update;
    vl_bind_scope *scope;

    as->sets = vl_lower_all(b, layout, sets);
    work->target->kind = VL_BIND_SOURCE_GIVEN;
    vl_bind_change_target(b, work->target, &as->target, &work->row);
    scope = vl_bind_scope_new(b, b->around, work->scope);
    if (scope == NULL)
        return;
    vl_bind_scope_add(b, scope, work->target);
    vl_bind_returning(b, scope, ast->kid[5], &as->target, layout);
    op->column_count = as->target.returning.count;
}

void
vl_bind_update(vl_binder *b, const vl_ast *ast)
{
    update_work work = {.b = b};
    const int32_t *columns = NULL;
    vl_exprs sets = {NULL, 0};
    vl_exprs keys;
    vl_exprs extra;
    vl_bind_layout layout;
    vl_bind_frame frame;
    vl_op *op;
    vl_conflict conflict = vl_bind_conflict(b, ast->op2);

    if (!update_open_target(&work, ast->kid[0], ast->kid[1], ast, VL_OP_UPDATE, ast->kid[2]))
        return;
    update_bind_from(&work, ast->kid[3]);
    work.is_joined = ast->kid[3] != NULL && !vl_bind_is_view(work.target->table) &&
                     !vl_bind_is_virtual(work.target->table);
    if (ast->kid[4] != NULL)
        vl_expr_conjuncts(b, vl_bind_expr(b, work.scope, ast->kid[4]), &work.where);
    update_bind_order(&work, ast->kid[6], ast->kid[7], ast->kid[8], "UPDATE");
    update_note_named(&work);
    keys = update_keys(&work);
    update_keep_used(&work);
    update_watch_named(&work);
    if (b->status != VELO_OK ||
        !vl_bind_sets(b, work.scope, work.target, ast->kid[2], &columns, &sets))
        return;
    update_find_unchanged(&work, columns, sets.count);
    update_restore_used(&work);
    extra = update_extra(&work);
    (void)vl_program_begin(b, &frame);
    op = vl_op_new(b, VL_OP_KIND_UPDATE, 1,
                   update_child(&work, &keys, &extra,
                                work.is_joined ||
                                    update_is_selective(work.target->table, conflict) ||
                                    update_fires(&work, VL_OP_UPDATE, ast->kid[2])),
                   NULL);
    layout = vl_bind_layout_new(b, VL_BIND_NONE, work.row.count + extra.count);
    if (op != NULL && layout.ids != NULL) {
        memcpy(layout.ids, work.row.ids, work.row.count * sizeof *layout.ids);
        for (uint32_t i = 0; i < extra.count; i++)
            layout.ids[work.row.count + i] = extra.list[i]->index;
        op->as.update.target.conflict = conflict;
        op->as.update.target.fires =
            vl_bind_fires(b, work.target->table, VL_OP_UPDATE, ast->kid[2], conflict, 0);
        op->as.update.target.replaced =
            vl_bind_fires(b, work.target->table, VL_OP_DELETE, NULL, VL_CONFLICT_REPLACE, 1);
        if (update_puts_defaults(work.target->table, conflict))
            vl_bind_defaults(b, work.target, &op->as.update.target.defaults);
        op->as.update.key_count = keys.count;
        op->as.update.is_joined = work.is_joined;
        op->as.update.columns = columns;
        op->as.update.is_direct = update_is_single(op->children[0]);
        update_finish(&work, ast, op, &layout, &sets);
    }
    vl_program_end(b, NULL, 0, op);
}

/* ---- DELETE ---- */

void
vl_bind_delete(vl_binder *b, const vl_ast *ast)
{
    update_work work = {.b = b};
    const vl_exprs none = {NULL, 0};
    vl_exprs keys;
    vl_bind_scope *scope;
    vl_bind_answer answer;
    vl_bind_frame frame;
    vl_op *op;

    if (!update_open_target(&work, ast->kid[0], ast->kid[1], ast, VL_OP_DELETE, NULL))
        return;
    answer = vl_bind_ask_table(b, work.scope, VELO_ACTION_DELETE, work.target->table, NULL);
    if (ast->kid[2] != NULL)
        vl_expr_conjuncts(b, vl_bind_expr(b, work.scope, ast->kid[2]), &work.where);
    update_bind_order(&work, ast->kid[4], ast->kid[5], ast->kid[6], "DELETE");
    keys = update_keys(&work);
    if (b->status != VELO_OK)
        return;
    (void)vl_program_begin(b, &frame);
    op =
        vl_op_new(b, VL_OP_KIND_DELETE, 1,
                  update_child(&work, &keys, &none, update_fires(&work, VL_OP_DELETE, NULL)), NULL);
    scope = vl_bind_scope_new(b, b->around, work.scope);
    if (op != NULL && scope != NULL) {
        vl_op_delete *as = &op->as.delete_;

        as->key_count = keys.count;
        as->target.fires =
            vl_bind_fires(b, work.target->table, VL_OP_DELETE, NULL, VL_CONFLICT_DEFAULT, 0);
        as->is_all = as->target.fires.before_count + as->target.fires.after_count == 0 &&
                     as->target.fires.foreign == NULL && answer == VL_BIND_ALLOWED &&
                     ast->kid[2] == NULL && ast->kid[3] == NULL && ast->kid[5] == NULL;
        work.target->kind = VL_BIND_SOURCE_GIVEN;
        vl_bind_change_target(b, work.target, &as->target, &work.row);
        vl_bind_scope_add(b, scope, work.target);
        vl_bind_returning(b, scope, ast->kid[3], &as->target, &work.row);
        op->column_count = as->target.returning.count;
    }
    vl_program_end(b, NULL, 0, op);
}
