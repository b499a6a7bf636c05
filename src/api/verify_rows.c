/* verify_rows.c - checking that rows keep what their table asks of them: NOT NULL, the types of a
 * STRICT table, CHECK.
 *
 * A query of the table is made that yields the rows which break something, and for each such rule
 * whether it is broken; the rules' messages are SQLite's.
 *
 * Invariants
 *   VR1  A row is told of once for each column, and once for all CHECKs together, in the order of
 *        the columns. */
#include "api/api_int.h"

#include "sql/ast_print.h"
#include "sql/parse.h"
#include "vec/value.h"

#include <stdio.h>
#include <string.h>

/* A text that grows. */
typedef struct verify_text {
    vl_arena *arena;
    char *text; /* with a zero byte behind */
    size_t size;
    size_t room;
    int failed; /* no memory */
} verify_text;

/* What is looked at: a query, and what each of its columns says. */
typedef struct verify_rules {
    verify_text query;
    const char **messages; /* count of them */
    uint32_t count;
    int has_mark; /* an OR is needed before the next rule of the WHERE */
} verify_rules;

static void
verify_put_bytes(verify_text *to, const char *piece, size_t size)
{
    if (to->room - to->size <= size && !to->failed) {
        size_t room = 2 * (to->size + size) + 128;
        char *text = vl_arena_alloc(to->arena, room);

        to->failed = text == NULL;
        if (text != NULL && to->size > 0)
            memcpy(text, to->text, to->size);
        to->text = text;
        to->room = room;
    }
    if (to->failed)
        return;
    memcpy(to->text + to->size, piece, size);
    to->size += size;
    to->text[to->size] = 0;
}

static void
verify_put(verify_text *to, const char *piece)
{
    verify_put_bytes(to, piece, strlen(piece));
}

static void
verify_put_name(verify_text *to, const char *name)
{
    char *quoted = vl_arena_alloc(to->arena, 2 * strlen(name) + 3);

    to->failed = to->failed || quoted == NULL;
    if (!to->failed)
        verify_put_bytes(to, quoted, vl_put_name(quoted, name));
}

/* The types that a column of a STRICT table may have beside NULL; NULL: all. */
static const char *
verify_types(const vl_table_def *table, const vl_column_def *column)
{
    if (!table->is_strict || column->is_strict_any)
        return NULL;
    switch (column->affinity) {
    case VL_AFFINITY_INTEGER:
        return "'integer'";
    case VL_AFFINITY_REAL:
        return "'real'";
    case VL_AFFINITY_TEXT:
        return "'text'";
    case VL_AFFINITY_BLOB:
        return "'blob'";
    case VL_AFFINITY_NONE:
    case VL_AFFINITY_NUMERIC:
        return NULL;
    }
    return NULL;
}

/* What is told of a rule that is broken. */
static void
verify_add_message(verify_rules *rules, const char *before, const char *type, const char *behind,
                   const vl_table_def *table, const vl_column_def *column)
{
    verify_text text = {.arena = rules->query.arena};

    verify_put(&text, before);
    verify_put(&text, type);
    verify_put(&text, behind);
    verify_put(&text, table->object.name);
    if (column != NULL) {
        verify_put(&text, ".");
        verify_put(&text, column->name);
    }
    rules->query.failed = rules->query.failed || text.failed;
    rules->messages[rules->count++] = text.text;
}

/* Go on to the next rule: in the results behind a comma, in the WHERE behind OR. */
static void
verify_begin_rule(verify_rules *rules, int is_where)
{
    if (rules->has_mark)
        verify_put(&rules->query, is_where ? " OR " : ", ");
    rules->has_mark = 1;
}

/* The rules of a column. */
static void
verify_put_column(verify_rules *rules, const vl_table_def *table, const vl_column_def *column,
                  int is_where)
{
    const char *types = verify_types(table, column);
    verify_text *to = &rules->query;

    if (column->is_not_null && column->key_place == 0) {
        verify_begin_rule(rules, is_where);
        verify_put_name(to, column->name);
        verify_put(to, " IS NULL");
        if (!is_where)
            verify_add_message(rules, "NULL", "", " value in ", table, column);
    }
    if (types != NULL) {
        verify_begin_rule(rules, is_where);
        verify_put(to, "typeof(");
        verify_put_name(to, column->name);
        verify_put(to, ") NOT IN ('null', ");
        verify_put(to, types);
        verify_put(to, ")");
        if (!is_where)
            verify_add_message(rules, "non-", column->type, " value in ", table, column);
    }
}

/* Whether all CHECKs hold: keeps VR1. */
static velo_status
verify_put_checks(vl_ctx *ctx, verify_rules *rules, const vl_table_def *table, int is_where)
{
    verify_begin_rule(rules, is_where);
    verify_put(&rules->query, "NOT (");
    for (uint32_t i = 0; i < table->check_count; i++) {
        const char *text;
        size_t size;

        VL_TRY(vl_ast_print(ctx, table->checks[i].ast, rules->query.arena, &text, &size));
        verify_put(&rules->query, i > 0 ? " AND (" : "(");
        verify_put_bytes(&rules->query, text, size);
        verify_put(&rules->query, ")");
    }
    verify_put(&rules->query, ")");
    if (!is_where)
        verify_add_message(rules, "CHECK constraint failed in ", "", "", table, NULL);
    return VELO_OK;
}

/* All rules of a table, once as results and once as a WHERE. */
static velo_status
verify_make_rules(vl_ctx *ctx, vl_arena *arena, const vl_table_def *table, int has_checks,
                  verify_rules *rules)
{
    *rules = (verify_rules){.query = {.arena = arena}};
    rules->messages =
        vl_arena_alloc_array(arena, 2 * (size_t)table->column_count + 1, sizeof *rules->messages);
    if (rules->messages == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a check");
    for (int is_where = 0; is_where <= 1; is_where++) {
        verify_put(&rules->query, is_where ? " WHERE " : "SELECT ");
        rules->has_mark = 0;
        for (uint16_t i = 0; i < table->column_count; i++)
            verify_put_column(rules, table, &table->columns[i], is_where);
        if (has_checks && table->check_count > 0)
            VL_TRY(verify_put_checks(ctx, rules, table, is_where));
        if (!is_where) {
            verify_put(&rules->query, " FROM ");
            verify_put_name(&rules->query, table->object.name);
        }
    }
    return rules->query.failed ? vl_fail(ctx, VELO_NOMEM, "cannot allocate a check") : VELO_OK;
}

/* Tell of each rule that each row breaks. */
static velo_status
verify_read(vl_ctx *ctx, vl_exec *exec, const verify_rules *rules, vl_exec_fault *tell,
            void *argument)
{
    const vl_value *row;
    velo_status st;

    while ((st = vl_exec_step(ctx, exec, &row)) == VELO_ROW)
        for (uint32_t i = 0; i < rules->count; i++)
            if (vl_value_truth(&row[i]) > 0)
                tell(argument, rules->messages[i]);
    return st == VELO_DONE ? VELO_OK : st;
}

velo_status
vl_verify_rows(vl_ctx *ctx, velo_statement *statement, uint32_t number, const vl_table_def *table,
               vl_arena *arena, vl_exec_fault *tell, void *argument)
{
    velo_connection *connection = statement->connection;
    vl_source source = {connection->databases[number]->engine->store, &statement->parts[number].txn,
                        NULL, 0};
    vl_exec_env env = {.source = &source,
                       .functions = &connection->functions,
                       .table_func_user = statement,
                       .io = connection->engine->io,
                       .interrupt = &connection->interrupt};
    vl_parse_result parsed;
    verify_rules rules;
    vl_exec *exec;
    vl_plan *plan;
    velo_status st;

    VL_TRY(verify_make_rules(ctx, arena, table, !connection->ignores_checks, &rules));
    if (rules.count == 0)
        return VELO_OK;
    VL_TRY(vl_parse(ctx, rules.query.text, rules.query.size, NULL, arena, &parsed));
    VL_TRY(vl_plan_by_schema(ctx, arena, parsed.statement, rules.query.text,
                             statement->schemas[number], connection->function_set, &plan));
    VL_TRY(vl_exec_create(ctx, plan, &env, &exec));
    st = verify_read(ctx, exec, &rules, tell, argument);
    vl_exec_destroy(exec);
    return st;
}
