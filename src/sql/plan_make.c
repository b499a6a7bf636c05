/* plan_make.c - from a statement to a plan: the frame around binder and planner.
 *
 * Invariants
 *   PM1  Program 0 is the statement's and has no arguments: every id is of some row in it. Only
 * that of a trigger's body has some: columns of OLD and NEW. PM2  A plan is given only when all of
 * it was made. */
#include "sql/plan_make.h"

#include "base/assert.h"
#include "sql/bind_int.h"

#include <string.h>

static void
make_describe(vl_binder *b, const vl_query *query)
{
    vl_result_column *columns =
        vl_bind_alloc(b, query->column_count + 1U, sizeof(vl_result_column));

    if (columns == NULL)
        return;
    for (uint32_t i = 0; i < query->column_count; i++) {
        const vl_bind_column *column = &query->columns[i];

        columns[i] = (vl_result_column){column->name,  column->declared, column->database,
                                        column->table, column->column,   column->affinity};
    }
    b->plan->columns = columns;
    b->plan->column_count = query->column_count;
}

static void
make_select(vl_binder *b, const vl_ast *statement)
{
    vl_bind_scope like = vl_bind_statement_scope(b);
    vl_query *query = vl_bind_query(b, b->around, &like, statement);
    vl_bind_frame frame;
    vl_bind_frame *outer = vl_program_begin(b, &frame);
    vl_bind_rel rel = vl_plan_query(b, query, NULL);

    vl_program_end(b, outer, 0, rel.op);
    if (b->status == VELO_OK)
        make_describe(b, query);
}

/* The schemas that names were looked up in: whether a name means something depends on all. */
static void
make_schemas(vl_binder *b)
{
    uint32_t count = b->env->schema_count;
    const vl_schema **schemas = vl_bind_alloc(b, count + 1U, sizeof *schemas);

    if (schemas == NULL)
        return;
    for (uint32_t i = 0; i < count; i++)
        schemas[i] = b->env->schemas[i];
    b->plan->schemas = schemas;
    b->plan->schema_count = count;
}

vl_plan_kind
vl_plan_kind_of(const vl_ast *statement)
{
    if (statement == NULL)
        return VL_PLAN_OTHER;
    switch (statement->type) {
    case VL_AST_QUERY:
        return VL_PLAN_SELECT;
    case VL_AST_INSERT:
        return VL_PLAN_INSERT;
    case VL_AST_UPDATE:
        return VL_PLAN_UPDATE;
    case VL_AST_DELETE:
        return VL_PLAN_DELETE;
    default:
        return VL_PLAN_OTHER;
    }
}

void
vl_bind_statement(vl_binder *b, const vl_ast *statement)
{
    switch (b->plan->kind) {
    case VL_PLAN_SELECT:
        make_select(b, statement);
        break;
    case VL_PLAN_INSERT:
        vl_bind_insert(b, statement);
        break;
    case VL_PLAN_UPDATE:
        vl_bind_update(b, statement);
        break;
    case VL_PLAN_DELETE:
        vl_bind_delete(b, statement);
        break;
    case VL_PLAN_OTHER:
        b->plan->other = statement;
        break;
    }
}

int
vl_plan_begin(vl_binder *b, vl_plan_kind kind, uint32_t variable_count)
{
    b->plan = vl_bind_alloc(b, 1, sizeof *b->plan);
    if (b->plan == NULL)
        return 0;
    b->plan->arena = b->arena;
    b->plan->kind = kind;
    b->plan->is_read_only = kind == VL_PLAN_SELECT;
    b->plan->param_count = variable_count;
    b->plan->param_names = vl_bind_alloc(b, variable_count + 1U, sizeof(const char *));
    if (kind != VL_PLAN_OTHER)
        (void)vl_program_new(b, NULL); /* number 0 */
    return b->status == VELO_OK;
}

velo_status
vl_plan_finish(vl_binder *b, vl_plan **plan)
{
    if (b->is_ignored)
        return vl_plan_ignored(b, plan);
    if (b->status == VELO_OK)
        make_schemas(b);
    if (b->status != VELO_OK)
        return b->status;
    VL_ASSERT(b->program_count == 0 || b->programs[0].argument_count == 0 ||
              b->around != NULL); /* PM1 */
    b->plan->programs = b->programs;
    b->plan->program_count = b->program_count;
    b->plan->actions = b->actions;
    b->plan->action_count = b->action_count;
    *plan = b->plan; /* keeps PM2 */
    return VELO_OK;
}

velo_status
vl_plan_make(vl_ctx *ctx, vl_arena *arena, const vl_ast *statement, const char *text,
             uint32_t variable_count, const vl_plan_env *env, vl_plan **plan)
{
    vl_binder b = {.ctx = ctx, .arena = arena, .env = env, .text = text};

    *plan = NULL;
    if (!vl_plan_begin(&b, vl_plan_kind_of(statement), variable_count))
        return b.status;
    vl_bind_statement(&b, statement);
    return vl_plan_finish(&b, plan);
}
