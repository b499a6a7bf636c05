/* sql_plan_print.c - plans as text. */
#define _GNU_SOURCE 1
#include "lib/sql_plan.h"

#include "exec/table_func.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct plan_printer {
    FILE *out;
    const vl_plan *plan;
    unsigned char *is_wanted; /* program_count flags: 1 to be printed, 2 printed */
} plan_printer;

static void plan_expr(plan_printer *p, const vl_expr *expr);

static void
plan_list(plan_printer *p, const char *name, const vl_exprs *exprs)
{
    if (exprs->count == 0)
        return;
    (void)fprintf(p->out, " %s(", name);
    for (uint32_t i = 0; i < exprs->count; i++) {
        (void)fputs(i > 0 ? ", " : "", p->out);
        plan_expr(p, exprs->list[i]);
    }
    (void)fputs(")", p->out);
}

static void
plan_value(plan_printer *p, const vl_value *value)
{
    switch (value->type) {
    case VL_TYPE_INTEGER:
        (void)fprintf(p->out, "%lld", (long long)value->as.integer);
        break;
    case VL_TYPE_REAL:
        (void)fprintf(p->out, "%g", value->as.real);
        break;
    case VL_TYPE_TEXT:
        (void)fprintf(p->out, "'%.*s'", (int)value->size, (const char *)value->as.data);
        break;
    case VL_TYPE_BLOB:
        (void)fprintf(p->out, "x[%u]", (unsigned)value->size);
        break;
    case VL_TYPE_NULL:
        (void)fputs("NULL", p->out);
        break;
    }
}

/* What a comparison applies: "/text", "/num", "/nocase". */
static void
plan_compared(plan_printer *p, unsigned affinity, unsigned collation)
{
    static const char *const affinities[] = {"", "", "/text", "/num", "/int", "/real"};
    static const char *const collations[] = {"", "/nocase", "/rtrim"};

    (void)fprintf(p->out, "%s%s", affinities[affinity], collations[collation]);
}

static void
plan_kids(plan_printer *p, const vl_expr *expr, uint32_t first, const char *separator)
{
    for (uint32_t i = first; i < expr->kid_count; i++) {
        (void)fputs(i > first ? separator : "", p->out);
        plan_expr(p, expr->kids[i]);
    }
}

static void
plan_call(plan_printer *p, const char *name, const vl_expr *expr, uint32_t first)
{
    (void)fprintf(p->out, "%s(", name);
    plan_kids(p, expr, first, ", ");
    (void)fputs(")", p->out);
}

static void
plan_program_call(plan_printer *p, const char *name, const vl_expr *expr, uint32_t first)
{
    p->is_wanted[expr->program] |= 1;
    (void)fprintf(p->out, "%s%s%u(", expr->is_not ? "not-" : "", name, (unsigned)expr->program);
    plan_kids(p, expr, first, ", ");
    (void)fputs(")", p->out);
}

static const char *const plan_comparisons[] = {"=", "<>", "<", "<=", ">", ">=", "is", "is-not"};

static void
plan_comparison(plan_printer *p, const vl_expr *expr)
{
    (void)fputs("(", p->out);
    plan_expr(p, expr->kids[0]);
    (void)fprintf(p->out, " %s", plan_comparisons[expr->op]);
    plan_compared(p, expr->compared, expr->collation);
    (void)fputs(" ", p->out);
    plan_expr(p, expr->kids[1]);
    (void)fputs(")", p->out);
}

static void
plan_between(plan_printer *p, const vl_expr *expr)
{
    (void)fprintf(p->out, "%sbetween", expr->is_not ? "not-" : "");
    plan_compared(p, expr->compared, expr->collation);
    if (expr->compared != expr->compared2 || expr->collation != expr->collation2) {
        (void)fputs(",", p->out);
        plan_compared(p, expr->compared2, expr->collation2);
    }
    plan_call(p, "", expr, 0);
}

static void
plan_in_list(plan_printer *p, const vl_expr *expr)
{
    (void)fprintf(p->out, "%sin", expr->is_not ? "not-" : "");
    plan_compared(p, expr->compared, expr->collation);
    plan_call(p, "", expr, 0);
}

static void
plan_in_query(plan_printer *p, const vl_expr *expr)
{
    p->is_wanted[expr->program] |= 1;
    (void)fprintf(p->out, "%sin-p%u", expr->is_not ? "not-" : "", (unsigned)expr->program);
    for (uint32_t i = 0; i < expr->op; i++)
        plan_compared(p, expr->affinities[i], expr->collations[i]);
    plan_call(p, "", expr, 0);
}

static void
plan_rows(plan_printer *p, const vl_expr *expr)
{
    uint32_t half = expr->kid_count / 2;

    (void)fprintf(p->out, "row%s", plan_comparisons[expr->op]);
    for (uint32_t i = 0; i < half; i++)
        plan_compared(p, expr->affinities[i], expr->collations[i]);
    plan_call(p, "", expr, 0);
}

/* check_tree: table, of kinds */
static void
plan_expr(plan_printer *p, const vl_expr *expr)
{
    static const char *const operators[] = {"+", "-", "*", "/", "%", "&", "|", "<<", ">>"};
    static const char *const affinities[] = {"none", "blob", "text", "numeric", "integer", "real"};

    if (expr == NULL) {
        (void)fputs("-", p->out);
        return;
    }
    switch ((vl_expr_kind)expr->kind) {
    case VL_EXPR_CONSTANT:
        plan_value(p, &expr->value);
        break;
    case VL_EXPR_PARAM:
        (void)fprintf(p->out, "?%u", (unsigned)expr->index);
        break;
    case VL_EXPR_COLUMN:
        (void)fprintf(p->out, "#%u", (unsigned)expr->index);
        break;
    case VL_EXPR_OUTER:
        (void)fprintf(p->out, "$%u", (unsigned)expr->index);
        break;
    case VL_EXPR_NEGATE:
        plan_call(p, "-", expr, 0);
        break;
    case VL_EXPR_BIT_NOT:
        plan_call(p, "~", expr, 0);
        break;
    case VL_EXPR_NOT:
        plan_call(p, "not", expr, 0);
        break;
    case VL_EXPR_IS_NULL:
        plan_call(p, expr->is_not ? "notnull" : "isnull", expr, 0);
        break;
    case VL_EXPR_IS_TRUE:
        (void)fputs(expr->is_not ? "is-not" : "is", p->out);
        plan_call(p, expr->op == 1 ? "-false" : "-true", expr, 0);
        break;
    case VL_EXPR_ARITHMETIC:
        (void)fputs("(", p->out);
        plan_kids(p, expr, 0, operators[expr->op]);
        (void)fputs(")", p->out);
        break;
    case VL_EXPR_CONCAT:
        (void)fputs("(", p->out);
        plan_kids(p, expr, 0, "||");
        (void)fputs(")", p->out);
        break;
    case VL_EXPR_COMPARE:
        plan_comparison(p, expr);
        break;
    case VL_EXPR_BETWEEN:
        plan_between(p, expr);
        break;
    case VL_EXPR_AND:
        plan_call(p, "and", expr, 0);
        break;
    case VL_EXPR_OR:
        plan_call(p, "or", expr, 0);
        break;
    case VL_EXPR_LIKE:
        (void)fputs(expr->is_not ? "not-" : "", p->out);
        plan_call(p, expr->op == 1 ? "glob" : "like", expr, 0);
        break;
    case VL_EXPR_CASE:
        plan_call(p, expr->op == 1 ? "case-base" : "case", expr, 0);
        break;
    case VL_EXPR_BASE:
        (void)fputs("base", p->out);
        break;
    case VL_EXPR_LET:
        plan_call(p, "let", expr, 0);
        break;
    case VL_EXPR_CAST:
        (void)fprintf(p->out, "cast-%s", affinities[expr->affinity]);
        plan_call(p, "", expr, 0);
        break;
    case VL_EXPR_CONVERT:
        (void)fprintf(p->out, "%s-%s", expr->op == 1 ? "compared" : "stored",
                      affinities[expr->affinity]);
        plan_call(p, "", expr, 0);
        break;
    case VL_EXPR_COALESCE:
        plan_call(p, "coalesce", expr, 0);
        break;
    case VL_EXPR_FUNCTION:
        (void)fputs(expr->func->name, p->out);
        plan_compared(p, 0, expr->collation);
        plan_call(p, "", expr, 0);
        break;
    case VL_EXPR_IN_LIST:
        plan_in_list(p, expr);
        break;
    case VL_EXPR_IN_QUERY:
        plan_in_query(p, expr);
        break;
    case VL_EXPR_EXISTS:
        plan_program_call(p, "exists-p", expr, 0);
        break;
    case VL_EXPR_SCALAR:
        plan_program_call(p, "scalar-p", expr, 0);
        break;
    case VL_EXPR_ROW_COMPARE:
        plan_rows(p, expr);
        break;
    case VL_EXPR_RAISE:
        plan_call(p, "raise", expr, 0);
        break;
    }
}

/* ---- operators ---- */

static void
plan_columns(plan_printer *p, const vl_table_def *table, const int32_t *columns, uint32_t count)
{
    (void)fputs(" [", p->out);
    for (uint32_t i = 0; i < count; i++)
        (void)fprintf(p->out, "%s%s", i > 0 ? " " : "",
                      columns[i] < 0 ? "rowid" : table->columns[columns[i]].name);
    (void)fputs("]", p->out);
}

static void
plan_lookup(plan_printer *p, const vl_lookup *lookup)
{
    if (lookup->in_program >= 0) {
        p->is_wanted[lookup->in_program] |= 1;
        (void)fprintf(p->out, " in-p%d", (int)lookup->in_program);
        plan_list(p, "with", &lookup->in_arguments);
    } else if (lookup->expr != NULL) {
        (void)fputs(lookup->is_null_equal ? " is " : " = ", p->out);
        plan_expr(p, lookup->expr);
    } else {
        plan_list(p, "in", &lookup->in_list);
    }
}

static void
plan_table_scan(plan_printer *p, const vl_op *op)
{
    const vl_op_table_scan *as = &op->as.table_scan;

    (void)fprintf(p->out, "scan %s%s", as->table->object.name, as->is_backward ? " backward" : "");
    plan_columns(p, as->table, as->columns, op->column_count);
    if (as->key != NULL) {
        (void)fputs(" key", p->out);
        plan_lookup(p, as->key);
    }
    if (as->low.expr != NULL) {
        (void)fputs(as->low.is_excluded ? " > " : " >= ", p->out);
        plan_expr(p, as->low.expr);
    }
    if (as->high.expr != NULL) {
        (void)fputs(as->high.is_excluded ? " < " : " <= ", p->out);
        plan_expr(p, as->high.expr);
    }
    plan_list(p, "filter", &as->filter);
}

static void
plan_index_scan(plan_printer *p, const vl_op *op)
{
    const vl_op_index_scan *as = &op->as.index_scan;

    (void)fprintf(p->out, "index %s.%s%s%s", as->table->object.name, as->index->object.name,
                  as->is_covering ? " covering" : "", as->is_backward ? " backward" : "");
    plan_columns(p, as->table, as->columns, op->column_count);
    for (uint32_t i = 0; i < as->key_count; i++) {
        (void)fputs(" key", p->out);
        plan_lookup(p, &as->keys[i]);
    }
    plan_list(p, as->low_is_excluded ? ">" : ">=", &as->low);
    plan_list(p, as->high_is_excluded ? "<" : "<=", &as->high);
    plan_list(p, "filter", &as->filter);
}

static void
plan_sort_keys(plan_printer *p, const vl_sort_key *keys, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        (void)fputs(" ", p->out);
        plan_expr(p, keys[i].expr);
        plan_compared(p, 0, keys[i].collation);
        (void)fputs(keys[i].is_descending ? " desc" : "", p->out);
        if (keys[i].nulls_last != keys[i].is_descending)
            (void)fputs(keys[i].nulls_last ? " nulls-last" : " nulls-first", p->out);
    }
}

static void
plan_limits(plan_printer *p, const vl_expr *limit, const vl_expr *offset)
{
    if (limit != NULL) {
        (void)fputs(" limit ", p->out);
        plan_expr(p, limit);
    }
    if (offset != NULL) {
        (void)fputs(" offset ", p->out);
        plan_expr(p, offset);
    }
}

static void
plan_collations(plan_printer *p, const uint8_t *collations, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (collations[i] != VL_COLLATE_BINARY) {
            (void)fprintf(p->out, " %u", (unsigned)i);
            plan_compared(p, 0, collations[i]);
        }
}

static void
plan_hash_join(plan_printer *p, const vl_op_hash_join *as)
{
    static const char *const kinds[] = {"inner", "left", "right", "full", "semi", "anti"};

    (void)fprintf(p->out, "hash-join %s", kinds[as->kind]);
    for (uint32_t i = 0; i < as->left.count; i++) {
        (void)fputs(" ", p->out);
        plan_expr(p, as->left.list[i]);
        (void)fputs(as->is_null_equal[i] ? " is" : " =", p->out);
        plan_compared(p, as->compared[i], as->collations[i]);
        (void)fputs(" ", p->out);
        plan_expr(p, as->right.list[i]);
    }
    plan_list(p, "on", &as->condition);
}

static void
plan_aggregate(plan_printer *p, const vl_op_aggregate *as)
{
    (void)fprintf(p->out, "aggregate%s%s", as->is_grouped ? " grouped" : "",
                  as->is_sorted_input ? " sorted" : "");
    plan_list(p, "by", &as->groups);
    plan_collations(p, as->collations, as->groups.count);
    for (uint32_t i = 0; i < as->aggregate_count; i++) {
        const vl_aggregate *call = &as->aggregates[i];

        (void)fprintf(p->out, " %s", call->func->name);
        plan_compared(p, 0, call->collation);
        (void)fputs(call->is_distinct ? " distinct" : "", p->out);
        plan_list(p, "", &call->arguments);
        plan_sort_keys(p, call->order, call->order_count);
        if (call->filter != NULL) {
            (void)fputs(" where ", p->out);
            plan_expr(p, call->filter);
        }
    }
    plan_list(p, "bare", &as->bare);
    if (as->min_max >= 0)
        (void)fprintf(p->out, " of-row %d", (int)as->min_max);
}

static void
plan_target(plan_printer *p, const vl_change_target *target)
{
    static const char *const conflicts[] = {"",      " rollback", " abort",
                                            " fail", " ignore",   " replace"};
    uint32_t number = 0;

    (void)fputs(conflicts[target->conflict], p->out);
    plan_list(p, "check", &target->checks);
    for (uint32_t i = 0; i < target->generated.count; i++) {
        (void)fprintf(p->out, " %s:=", target->table->columns[target->generated_columns[i]].name);
        plan_expr(p, target->generated.list[i]);
    }
    for (const vl_index_def *index = target->table->indexes; index != NULL;
         index = index->next, number++) {
        plan_list(p, index->object.name, &target->index_exprs[number]);
        if (target->index_where[number] != NULL) {
            (void)fprintf(p->out, " %s where ", index->object.name);
            plan_expr(p, target->index_where[number]);
        }
    }
    plan_list(p, "returning", &target->returning);
}

static void
plan_sets(plan_printer *p, const vl_table_def *table, const int32_t *columns, const vl_exprs *sets)
{
    for (uint32_t i = 0; i < sets->count; i++) {
        (void)fprintf(p->out, " %s=", columns[i] < 0 ? "rowid" : table->columns[columns[i]].name);
        plan_expr(p, sets->list[i]);
    }
}

static void
plan_upsert(plan_printer *p, const vl_table_def *table, const vl_upsert *upsert)
{
    (void)fprintf(p->out, " on-conflict %s",
                  upsert->is_any     ? "any"
                  : upsert->is_rowid ? "rowid"
                                     : upsert->index->object.name);
    if (upsert->is_nothing)
        (void)fputs(" nothing", p->out);
    plan_sets(p, table, upsert->targets, &upsert->sets);
    plan_list(p, "where", &upsert->where);
}

static void
plan_insert(plan_printer *p, const vl_op_insert *as)
{
    const vl_table_def *table = as->target.table;

    (void)fprintf(p->out, "insert %s", table->object.name);
    for (uint32_t i = 0; i <= table->column_count; i++) {
        if (as->sources[i] >= 0)
            (void)fprintf(p->out, " #%d", (int)as->sources[i]);
        else {
            (void)fputs(" default:", p->out);
            plan_expr(p, as->target.defaults.list[i]);
        }
    }
    plan_target(p, &as->target);
    for (uint32_t i = 0; i < as->upsert_count; i++)
        plan_upsert(p, table, &as->upserts[i]);
}

static void
plan_program_scan(plan_printer *p, const vl_op_program_scan *as)
{
    p->is_wanted[as->program] |= 1;
    (void)fprintf(p->out, "program p%u%s", (unsigned)as->program, as->is_shared ? " shared" : "");
    plan_list(p, "with", &as->arguments);
}

static void
plan_loop_join(plan_printer *p, const vl_op_loop_join *as)
{
    p->is_wanted[as->program] |= 1;
    (void)fprintf(p->out, "loop-join %s p%u", as->kind == VL_JOIN_KIND_LEFT ? "left" : "inner",
                  (unsigned)as->program);
    plan_list(p, "with", &as->arguments);
    plan_list(p, "on", &as->condition);
}

static void
plan_recurse(plan_printer *p, const vl_op *op)
{
    const vl_op_recurse *as = &op->as.recurse;

    p->is_wanted[as->program] |= 1;
    (void)fprintf(p->out, "recurse p%u%s", (unsigned)as->program, as->is_union ? " union" : "");
    plan_list(p, "with", &as->arguments);
    plan_sort_keys(p, as->order, as->order_count);
    plan_limits(p, as->limit, as->offset);
}

static void
plan_window(plan_printer *p, const vl_op_window *as)
{
    static const char *const units[] = {"rows", "range", "groups"};
    static const char *const bounds[] = {"begin", "-", "now", "+", "end"};
    static const char *const excludes[] = {"", " no-others", " no-current", " no-group",
                                           " no-ties"};

    (void)fputs("window", p->out);
    plan_list(p, "by", &as->partition);
    plan_sort_keys(p, as->order, as->order_count);
    for (uint32_t i = 0; i < as->call_count; i++) {
        const vl_window_call *call = &as->calls[i];
        const vl_window_frame *frame = &as->frames[call->frame];

        (void)fprintf(p->out, " %s", call->func->name);
        plan_list(p, "", &call->arguments);
        if (call->filter != NULL) {
            (void)fputs(" filter ", p->out);
            plan_expr(p, call->filter);
        }
        (void)fprintf(p->out, " {%s %s", units[frame->unit], bounds[frame->start]);
        if (frame->start_offset != NULL)
            plan_expr(p, frame->start_offset);
        (void)fprintf(p->out, " %s", bounds[frame->end]);
        if (frame->end_offset != NULL)
            plan_expr(p, frame->end_offset);
        (void)fprintf(p->out, "%s}", excludes[frame->exclude]);
    }
}

/* check_tree: table, of kinds */
static void
plan_op_line(plan_printer *p, const vl_op *op)
{
    static const char *const compounds[] = {"union-all", "union", "intersect", "except"};

    switch (op->kind) {
    case VL_OP_KIND_VALUES:
        (void)fputs("values", p->out);
        for (uint32_t i = 0; i < op->as.values.row_count; i++)
            plan_list(p, "", &op->as.values.rows[i]);
        break;
    case VL_OP_KIND_TABLE_SCAN:
        plan_table_scan(p, op);
        break;
    case VL_OP_KIND_INDEX_SCAN:
        plan_index_scan(p, op);
        break;
    case VL_OP_KIND_FUNCTION_SCAN:
        (void)fprintf(p->out, "function %s", op->as.function_scan.function->name);
        plan_list(p, "", &op->as.function_scan.arguments);
        plan_list(p, "filter", &op->as.function_scan.filter);
        break;
    case VL_OP_KIND_VIRTUAL_SCAN:
        (void)fprintf(p->out, "virtual %s", op->name);
        plan_list(p, "filter", &op->as.virtual_scan.filter);
        break;
    case VL_OP_KIND_PROGRAM_SCAN:
        plan_program_scan(p, &op->as.program_scan);
        break;
    case VL_OP_KIND_QUEUE_SCAN:
        (void)fputs("queue", p->out);
        break;
    case VL_OP_KIND_FILTER:
        (void)fputs("filter", p->out);
        plan_list(p, "", &op->as.filter.conjuncts);
        break;
    case VL_OP_KIND_PROJECT:
        (void)fputs("project", p->out);
        plan_list(p, "", &op->as.project.exprs);
        break;
    case VL_OP_KIND_LOOP_JOIN:
        plan_loop_join(p, &op->as.loop_join);
        break;
    case VL_OP_KIND_HASH_JOIN:
        plan_hash_join(p, &op->as.hash_join);
        break;
    case VL_OP_KIND_AGGREGATE:
        plan_aggregate(p, &op->as.aggregate);
        break;
    case VL_OP_KIND_WINDOW:
        plan_window(p, &op->as.window);
        break;
    case VL_OP_KIND_DISTINCT:
        (void)fprintf(p->out, "distinct %u", (unsigned)op->as.distinct.key_count);
        plan_collations(p, op->as.distinct.collations, op->as.distinct.key_count);
        break;
    case VL_OP_KIND_SORT:
        (void)fputs("sort", p->out);
        plan_sort_keys(p, op->as.sort.keys, op->as.sort.key_count);
        plan_limits(p, op->as.sort.limit, op->as.sort.offset);
        break;
    case VL_OP_KIND_LIMIT:
        (void)fputs("limit", p->out);
        plan_limits(p, op->as.limit.limit, op->as.limit.offset);
        break;
    case VL_OP_KIND_COMPOUND:
        (void)fputs(compounds[op->as.compound.kind], p->out);
        plan_collations(p, op->as.compound.collations, op->column_count);
        break;
    case VL_OP_KIND_RECURSE:
        plan_recurse(p, op);
        break;
    case VL_OP_KIND_INSERT:
        plan_insert(p, &op->as.insert);
        break;
    case VL_OP_KIND_UPDATE:
        (void)fprintf(p->out, "update %s%s keys %u", op->as.update.target.table->object.name,
                      op->as.update.is_direct ? " direct" : "", (unsigned)op->as.update.key_count);
        plan_sets(p, op->as.update.target.table, op->as.update.columns, &op->as.update.sets);
        plan_target(p, &op->as.update.target);
        break;
    case VL_OP_KIND_DELETE:
        (void)fprintf(p->out, "delete %s%s keys %u", op->as.delete_.target.table->object.name,
                      op->as.delete_.is_all ? " all" : "", (unsigned)op->as.delete_.key_count);
        plan_target(p, &op->as.delete_.target);
        break;
    }
}

static void
plan_op(plan_printer *p, const vl_op *op, int depth)
{
    (void)fprintf(p->out, "%*s", 2 * depth, "");
    plan_op_line(p, op);
    (void)fputs("\n", p->out);
    for (uint32_t i = 0; i < op->child_count; i++)
        plan_op(p, op->children[i], depth + 1);
}

const char *
sql_plan_print(vl_arena *arena, const vl_plan *plan)
{
    char *text = NULL;
    size_t size = 0;
    plan_printer p = {open_memstream(&text, &size), plan, NULL};
    const char *copy;
    int is_more = 1;

    p.is_wanted = calloc(plan->program_count + 1U, 1);
    if (p.out == NULL || p.is_wanted == NULL)
        abort();
    if (plan->program_count > 0)
        p.is_wanted[0] = 1;
    while (is_more) {
        is_more = 0;
        for (uint32_t i = 0; i < plan->program_count; i++) {
            if (p.is_wanted[i] != 1)
                continue;
            if (i > 0)
                (void)fprintf(p.out, "p%u(%u):\n", (unsigned)i,
                              (unsigned)plan->programs[i].argument_count);
            plan_op(&p, plan->programs[i].root, i > 0);
            p.is_wanted[i] |= 2;
            is_more = 1;
        }
    }
    (void)fclose(p.out);
    copy = vl_arena_copy(arena, text, size);
    free(text);
    free(p.is_wanted);
    if (copy == NULL)
        abort();
    return copy;
}
