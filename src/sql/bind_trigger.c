/* bind_trigger.c - triggers: which of them a change fires, and plans for their bodies.
 *
 * Invariants
 *   BG1  An action stands once in a plan, for a trigger and a conflict clause.
 *   BG2  The arguments of a body's programs are columns of OLD and NEW and nothing else: no other
 *        source is around its statements. */
#include "sql/bind_int.h"
#include "sql/foreign.h"

#include <string.h>

/* ---- which ---- */

int
vl_bind_sets_name(const vl_ast *sets, const char *name, size_t size)
{
    for (const vl_ast *set = vl_ast_first(sets); set != NULL; set = set->next) {
        if (set->kid[0] == NULL && vl_name_compare(set->text, set->text_size, name, size) == 0)
            return 1;
        for (const vl_ast *at = vl_ast_first(set->kid[0]); at != NULL; at = at->next)
            if (vl_name_compare(at->text, at->text_size, name, size) == 0)
                return 1;
    }
    return 0;
}

/* Whether a trigger is for the change. Names decide about UPDATE OF, as in SQLite: rowid is not the
 * column that is the rowid. */
static int
trigger_fires(const vl_trigger_def *trigger, vl_ast_op event, const vl_ast *sets)
{
    const vl_ast *ast = trigger->ast;

    if (ast->op2 != event)
        return 0;
    if (ast->kid[2] == NULL || sets == NULL)
        return 1;
    for (const vl_ast *column = vl_ast_first(ast->kid[2]); column != NULL; column = column->next)
        if (vl_bind_sets_name(sets, column->text, column->text_size))
            return 1;
    return 0;
}

/* The newest trigger of "temp" on a table of another database among those older than `below`. */
static const vl_trigger_def *
trigger_next_temporary(vl_binder *b, const vl_table_def *table, int64_t below)
{
    const vl_trigger_def *found = NULL;

    if (strcmp(table->schema->database, "temp") == 0)
        return NULL;
    for (uint32_t i = 0; i < b->env->schema_count; i++) {
        const vl_schema *schema = b->env->schemas[i];

        if (schema->trigger_count == 0 || strcmp(schema->database, "temp") != 0)
            continue;
        for (uint32_t at = 0; at < schema->trigger_count; at++) {
            const vl_trigger_def *trigger = schema->triggers[at];

            if (trigger->object.rowid < below &&
                (found == NULL || trigger->object.rowid > found->object.rowid) &&
                vl_bind_find_table(b, ((const vl_ast *)trigger->ast)->kid[1]) == table)
                found = trigger;
        }
    }
    return found;
}

const vl_trigger_def *
vl_bind_next_trigger(vl_binder *b, const vl_table_def *table, const vl_trigger_def *last)
{
    const vl_trigger_def *next = NULL;

    if (last != NULL && last->schema == table->schema)
        return last->next;
    next = trigger_next_temporary(b, table, last == NULL ? INT64_MAX : last->object.rowid);
    if (next == NULL && b->env->has_no_triggers && strcmp(table->schema->database, "temp") != 0)
        return NULL;
    return next != NULL ? next : table->triggers;
}

int
vl_bind_has_fires(vl_binder *b, const vl_table_def *table, vl_ast_op event, const vl_ast *sets)
{
    for (const vl_trigger_def *trigger = vl_bind_next_trigger(b, table, NULL); trigger != NULL;
         trigger = vl_bind_next_trigger(b, table, trigger))
        if (trigger_fires(trigger, event, sets))
            return 1;
    return 0;
}

uint32_t
vl_bind_action(vl_binder *b, vl_action action)
{
    vl_action *actions;

    for (uint32_t i = 0; i < b->action_count; i++)
        if (vl_action_is_same(&b->actions[i], &action)) {
            b->actions[i].is_of_replace &= action.is_of_replace;
            return i; /* keeps BG1 */
        }
    actions = vl_bind_grow(b, b->actions, b->action_count, &b->action_capacity, sizeof *actions);
    if (actions == NULL)
        return 0;
    b->actions = actions;
    actions[b->action_count] = action;
    return b->action_count++;
}

vl_fires
vl_bind_fires(vl_binder *b, const vl_table_def *table, vl_ast_op event, const vl_ast *sets,
              vl_conflict conflict, int is_of_replace)
{
    vl_fires fires = {.foreign = vl_bind_foreign(b, table, event, sets, is_of_replace)};
    uint32_t count = 0;
    uint32_t *before;
    uint32_t *after;

    for (const vl_trigger_def *trigger = vl_bind_next_trigger(b, table, NULL); trigger != NULL;
         trigger = vl_bind_next_trigger(b, table, trigger))
        count += (uint32_t)trigger_fires(trigger, event, sets);
    if (count == 0 || b->env->is_dropping)
        return fires;
    before = vl_bind_alloc(b, count, sizeof *before);
    after = vl_bind_alloc(b, count, sizeof *after);
    if (before == NULL || after == NULL)
        return fires;
    fires.before = before;
    fires.after = after;
    for (const vl_trigger_def *trigger = vl_bind_next_trigger(b, table, NULL); trigger != NULL;
         trigger = vl_bind_next_trigger(b, table, trigger)) {
        uint32_t number;

        if (!trigger_fires(trigger, event, sets))
            continue;
        number = vl_bind_action(b, (vl_action){.trigger = trigger,
                                               .table = table,
                                               .conflict = conflict,
                                               .is_of_replace = is_of_replace,
                                               .has_old = event != VL_OP_INSERT,
                                               .has_new = event != VL_OP_DELETE});
        if (((const vl_ast *)trigger->ast)->op == VL_OP_AFTER)
            after[fires.after_count++] = number;
        else
            before[fires.before_count++] = number;
    }
    return fires;
}

/* ---- rows that are given ---- */

vl_bind_source *
vl_bind_source_of_view(vl_binder *b, const vl_table_def *view, vl_bind_word alias)
{
    vl_bind_source *source = vl_bind_alloc(b, 1, sizeof *source);

    if (source == NULL)
        return NULL;
    source->table = view;
    source->is_aliased = alias.text != NULL;
    source->alias = alias;
    if (alias.text == NULL)
        source->alias = (vl_bind_word){view->object.name, (uint32_t)strlen(view->object.name)};
    vl_bind_view(b, source, view);
    return b->status == VELO_OK ? source : NULL;
}

vl_bind_source *
vl_bind_source_given(vl_binder *b, const vl_table_def *table, vl_bind_word alias)
{
    vl_bind_source *source;

    if (!vl_bind_is_view(table))
        return vl_bind_source_of_table(b, table, VL_BIND_SOURCE_GIVEN, alias);
    b->unasked++;
    source = vl_bind_source_of_view(b, table, alias);
    b->unasked--;
    if (source != NULL)
        source->kind = VL_BIND_SOURCE_GIVEN;
    return source;
}

/* ---- bodies ---- */

/* What is around the statements of a body. */
typedef struct trigger_work {
    vl_binder b;
    const vl_action *action;
    vl_bind_source *old_row; /* NULL: there is none */
    vl_bind_source *new_row; /* likewise */
} trigger_work;

/* OLD or NEW. Its values are as they happen to be, before constraints are looked at. Its columns
 * have no affinity in comparisons, but for the rowid, as in SQLite; where children are counted,
 * they have it. */
static vl_bind_source *
trigger_row(trigger_work *work, const char *name)
{
    vl_binder *b = &work->b;
    vl_bind_word alias = {name, (uint32_t)strlen(name)};
    int is_counted = work->action->fk != NULL && work->action->task <= VL_FK_COUNT_NEW;
    vl_bind_source *source = vl_bind_source_given(b, work->action->table, alias);

    if (source == NULL)
        return NULL;
    source->is_qualified_only = 1;
    for (uint32_t i = 0; i < source->column_count; i++) {
        source->columns[i].classes = VL_CLASS_ANY;
        if ((int32_t)i != work->action->table->rowid_column && !is_counted)
            source->columns[i].affinity = VL_AFFINITY_NONE;
    }
    vl_bind_scope_add(b, b->around, source);
    return source;
}

/* Make the scope with OLD and NEW. Keeps BG2. */
static void
trigger_begin(trigger_work *work)
{
    vl_binder *b = &work->b;
    const vl_action *action = work->action;
    vl_bind_scope like;

    b->home = action->trigger != NULL ? action->trigger->schema : action->table->schema;
    like = vl_bind_statement_scope(b);
    b->around = vl_bind_scope_new(b, NULL, &like);
    if (b->around == NULL)
        return;
    if (action->has_old)
        work->old_row = trigger_row(work, action->fk != NULL ? VL_FK_OLD_NAME : "old");
    if (action->has_new && b->status == VELO_OK)
        work->new_row = trigger_row(work, action->fk != NULL ? VL_FK_NEW_NAME : "new");
}

/* Say where the arguments of program 0 come from. */
static void
trigger_describe(trigger_work *work)
{
    vl_binder *b = &work->b;
    uint32_t *columns = vl_bind_alloc(b, b->root.count + 1U, sizeof *columns);

    if (columns == NULL || b->status != VELO_OK)
        return;
    for (uint32_t i = 0; i < b->root.count; i++) {
        const vl_bind_source *source = b->ids[b->root.arguments[i]].source;

        if (source == NULL || (source != work->old_row && source != work->new_row)) {
            vl_bind_fail(b, NULL, NULL, "a trigger names a row that is not there");
            return;
        }
        columns[i] = b->root.arguments[i] - source->base;
        if (source == work->new_row)
            columns[i] += source->column_count + 1;
    }
    b->plan->row_columns = columns;
}

/* WHEN as program 0: one row of its value. */
static void
trigger_bind_when(vl_binder *b, const vl_ast *when)
{
    const vl_bind_layout none = {NULL, 0};
    vl_exprs exprs = {NULL, 0};
    vl_bind_frame frame;
    vl_op *op;

    vl_exprs_add(b, &exprs, vl_bind_expr(b, b->around, when));
    (void)vl_program_begin(b, &frame);
    exprs = vl_lower_all(b, &none, &exprs);
    op = vl_op_new(b, VL_OP_KIND_VALUES, 0, NULL, NULL);
    if (op != NULL) {
        op->as.values.rows = vl_bind_alloc(b, 1, sizeof exprs);
        if (op->as.values.rows != NULL)
            op->as.values.rows[0] = exprs;
        op->as.values.row_count = 1;
        op->column_count = 1;
    }
    vl_program_end(b, NULL, 0, op);
}

/* One plan of a body: of a statement, or of WHEN. */
static velo_status
trigger_plan(vl_ctx *ctx, vl_arena *arena, const vl_action *action, const vl_plan_env *env,
             const char *text, const vl_ast *ast, vl_plan **plan)
{
    trigger_work work = {.action = action};
    vl_plan_kind kind = vl_plan_kind_of(ast);
    vl_plan_env unasked = *env;
    velo_status st;

    if (action->fk != NULL)
        unasked.authorize = NULL; /* it is the schema's */
    work.b = (vl_binder){
        .ctx = ctx, .arena = arena, .env = &unasked, .text = text, .conflict = action->conflict};
    if (action->trigger != NULL)
        work.b.inner = action->trigger->object.name;
    *plan = NULL;
    if (!vl_plan_begin(&work.b, kind == VL_PLAN_OTHER ? VL_PLAN_SELECT : kind, 0))
        return work.b.status;
    trigger_begin(&work);
    if (work.b.status == VELO_OK && kind == VL_PLAN_OTHER)
        trigger_bind_when(&work.b, ast);
    else if (work.b.status == VELO_OK)
        vl_bind_statement(&work.b, ast);
    trigger_describe(&work);
    st = vl_plan_finish(&work.b, plan);
    if (st != VELO_OK && ctx != NULL)
        ctx->error.sql_offset = -1; /* it would be a place in the trigger's text */
    return st;
}

/* The one statement for a foreign key. */
static velo_status
trigger_foreign_body(vl_ctx *ctx, vl_arena *arena, const vl_action *action, const vl_plan_env *env,
                     vl_body *made)
{
    const char *text;
    vl_ast *ast;

    VL_TRY(vl_foreign_statement(ctx, arena, action, &text, &ast));
    made->step_count = 1;
    return trigger_plan(ctx, arena, action, env, text, ast, &made->steps[0]);
}

velo_status
vl_plan_body(vl_ctx *ctx, vl_arena *arena, const vl_action *action, const vl_plan_env *env,
             vl_body **body)
{
    const vl_ast *ast = action->trigger != NULL ? action->trigger->ast : NULL;
    vl_body *made = vl_arena_alloc_array(arena, 1, sizeof *made);
    const char *text = action->trigger != NULL ? action->trigger->object.sql : NULL;

    *body = NULL;
    if (made == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a trigger");
    made->action = *action;
    made->steps =
        vl_arena_alloc_array(arena, ast != NULL ? ast->kid[4]->count + 1U : 1U, sizeof(vl_plan *));
    if (made->steps == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a trigger");
    if (ast == NULL) {
        VL_TRY(trigger_foreign_body(ctx, arena, action, env, made));
        *body = made;
        return VELO_OK;
    }
    if (ast->kid[3] != NULL)
        VL_TRY(trigger_plan(ctx, arena, action, env, text, ast->kid[3], &made->when));
    if (made->when != NULL && made->when->is_ignored) { /* so is all that follows */
        made->when = NULL;
        *body = made;
        return VELO_OK;
    }
    for (const vl_ast *step = vl_ast_first(ast->kid[4]); step != NULL; step = step->next) {
        vl_plan *plan;

        VL_TRY(trigger_plan(ctx, arena, action, env, text, step, &plan));
        if (plan != NULL && !plan->is_ignored)
            made->steps[made->step_count++] = plan;
    }
    *body = made;
    return VELO_OK;
}
