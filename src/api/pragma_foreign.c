/* pragma_foreign.c - PRAGMA foreign_key_check: rows that lack the parent that they refer to.
 *
 * Invariants
 *   PF1  What is looked at is what the statement sees, children and parents alike.
 *   PF2  Rows come table by table, the newest first, then in the order of their rowids or primary
 * keys, then of the foreign keys, as in SQLite. */
#include "api/pragma_int.h"

#include "exec/edit.h"
#include "sql/foreign.h"

#include <stdio.h>
#include <string.h>

/* A child table at work. */
typedef struct check_work {
    const vl_pragma_call *call;
    const vl_table_def *child;
    vl_fk_up *ups;  /* child->fk_count of them */
    vl_plan *plan;  /* of its rows: all columns, then the rowid where there is one */
    vl_value *key;  /* room for the longest key */
    vl_arena arena; /* of the row at hand */
    vl_source source;
    vl_exec *exec;
} check_work;

static velo_status
check_no_memory(vl_ctx *ctx)
{
    return vl_fail(ctx, VELO_NOMEM, "cannot allocate a check of foreign keys");
}

/* Find the parent keys. A parent that is not there is NULL. */
static velo_status
check_locate(vl_ctx *ctx, check_work *work)
{
    const vl_table_def *child = work->child;
    uint16_t longest = 0;

    work->ups = vl_arena_alloc_array(work->call->arena, child->fk_count, sizeof *work->ups);
    if (work->ups == NULL)
        return check_no_memory(ctx);
    for (uint32_t i = 0; i < child->fk_count; i++) {
        const vl_fk_def *fk = &child->fks[i];
        vl_fk_up *up = &work->ups[i];
        uint16_t *columns =
            vl_arena_alloc_array(work->call->arena, (size_t)2 * fk->count, sizeof *columns);

        if (columns == NULL)
            return check_no_memory(ctx);
        *up = (vl_fk_up){
            .fk = fk, .parent = vl_foreign_parent(child->schema, fk), .columns = columns};
        if (up->parent == NULL)
            memcpy(columns, fk->columns, fk->count * sizeof *columns);
        else if (!vl_foreign_locate(up->parent, fk, &up->index, columns, columns + fk->count))
            return vl_fail(ctx, VELO_ERROR, "foreign key mismatch - \"%s\" referencing \"%s\"",
                           child->object.name, fk->parent);
        if (fk->count > longest)
            longest = fk->count;
    }
    work->key = vl_arena_alloc_array(work->call->arena, longest, sizeof *work->key);
    return work->key == NULL ? check_no_memory(ctx) : VELO_OK;
}

/* Plan the reading of the child's rows: the columns of its foreign keys one after another, then the
 * rowid. */
static velo_status
check_plan(vl_ctx *ctx, check_work *work)
{
    static const char *const names[] = {"rowid", "oid", "_rowid_"};
    const vl_table_def *child = work->child;
    const char *rowid = "NULL";
    vl_parse_result parsed;
    size_t room = 2 * strlen(child->object.name) + 64;
    size_t at = 7;
    char *sql;

    for (uint32_t i = 0; i < child->fk_count; i++)
        for (uint16_t k = 0; k < child->fks[i].count; k++)
            room += 2 * strlen(child->columns[child->fks[i].columns[k]].name) + 3;
    sql = vl_arena_alloc(work->call->arena, room);
    if (sql == NULL)
        return check_no_memory(ctx);
    for (size_t i = VL_ARRAY_COUNT(names); i > 0 && child->primary == NULL; i--)
        if (vl_table_def_column(child, names[i - 1], strlen(names[i - 1])) < 0)
            rowid = names[i - 1];
    memcpy(sql, "SELECT ", 7);
    for (uint32_t i = 0; i < child->fk_count; i++)
        for (uint16_t k = 0; k < child->fks[i].count; k++) {
            at += vl_put_name(sql + at, child->columns[child->fks[i].columns[k]].name);
            sql[at++] = ',';
        }
    at += (size_t)snprintf(sql + at, room - at, "%s FROM ", rowid);
    at += vl_put_name(sql + at, child->object.name);
    sql[at] = 0; /* the binder looks for it */
    VL_TRY(vl_parse(ctx, sql, at, NULL, work->call->arena, &parsed));
    return vl_plan_by_schema(ctx, work->call->arena, parsed.statement, sql,
                             vl_pragma_schema(work->call),
                             work->call->statement->connection->function_set, &work->plan);
}

/* Whether a row has a foreign key's parent. values: of the key's columns. */
static velo_status
check_key(vl_ctx *ctx, check_work *work, const vl_fk_up *up, const vl_value *values, int *found)
{
    const vl_view *view = &work->source.statement->view;
    int64_t rowid;

    *found = 1;
    for (uint16_t i = 0; i < up->fk->count; i++)
        if (values[i].type == VL_TYPE_NULL)
            return VELO_OK;
    *found = 0;
    if (up->parent == NULL)
        return VELO_OK;
    for (uint16_t i = 0; i < up->fk->count; i++) /* into the order of the parent's index */
        for (uint16_t k = 0; k < up->fk->count; k++)
            if (up->fk->columns[k] == up->columns[i])
                work->key[i] = values[k];
    return vl_foreign_find(ctx, work->source.store, &work->arena, up, work->key, view, &rowid,
                           found);
}

/* Check a row. */
static velo_status
check_row(vl_ctx *ctx, check_work *work, const vl_value *row)
{
    const vl_table_def *child = work->child;
    const vl_value *rowid = &row[work->plan->column_count - 1];
    uint32_t at = 0;

    for (uint32_t i = 0; i < child->fk_count; i++) {
        const char *parent = child->fks[i].parent;
        vl_value told[4] = {
            {.type = VL_TYPE_TEXT,
             .size = (uint32_t)strlen(child->object.name),
             .as.data = child->object.name},
            *rowid,
            {.type = VL_TYPE_TEXT, .size = (uint32_t)strlen(parent), .as.data = parent},
            {.type = VL_TYPE_INTEGER, .as.integer = i}};
        int found;

        vl_arena_reset(&work->arena);
        VL_TRY(check_key(ctx, work, &work->ups[i], row + at, &found));
        if (!found)
            VL_TRY(vl_made_add(ctx, work->call->made, work->call->arena, told));
        at += child->fks[i].count;
    }
    return VELO_OK;
}

static velo_status
check_run(vl_ctx *ctx, check_work *work)
{
    velo_connection *connection = work->call->statement->connection;
    vl_exec_env env = {.functions = &connection->functions,
                       .io = connection->engine->io,
                       .interrupt = &connection->interrupt};
    const vl_value *row;
    velo_status st;

    VL_TRY(check_locate(ctx, work));
    VL_TRY(check_plan(ctx, work));
    work->source =
        (vl_source){vl_pragma_engine(work->call)->store, vl_pragma_txn(work->call), NULL, 0};
    env.source = &work->source;
    VL_TRY(vl_exec_create(ctx, work->plan, &env, &work->exec));
    for (;;) {
        st = vl_exec_step(ctx, work->exec, &row);
        if (st != VELO_ROW)
            return st == VELO_DONE ? VELO_OK : st;
        VL_TRY(check_row(ctx, work, row));
    }
}

/* The newest child table that is older than the one with the given row in the schema; NULL: none.
 */
static const vl_table_def *
check_next(const vl_schema *schema, int64_t below)
{
    const vl_table_def *child = NULL;

    for (uint32_t i = 0; i < schema->table_count; i++)
        if (schema->tables[i]->fk_count > 0 && schema->tables[i]->object.rowid < below &&
            (child == NULL || schema->tables[i]->object.rowid > child->object.rowid))
            child = schema->tables[i];
    return child;
}

velo_status
vl_pragma_foreign_key_check(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    int64_t below = INT64_MAX;

    for (;;) {
        check_work work = {.call = call, .child = check_next(vl_pragma_schema(call), below)};
        velo_status st;

        if (work.child == NULL)
            return VELO_OK;
        below = work.child->object.rowid;
        if (argument != NULL &&
            vl_name_compare(argument->text, argument->text_size, work.child->object.name,
                            strlen(work.child->object.name)) != 0)
            continue;
        vl_arena_init(&work.arena, ctx->allocator, 0);
        st = check_run(ctx, &work);
        vl_exec_destroy(work.exec);
        vl_arena_deinit(&work.arena);
        VL_TRY(st);
    }
}
