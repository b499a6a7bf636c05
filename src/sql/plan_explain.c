/* plan_explain.c - a plan in SQLite's words.
 *
 * Operators are told from the leaves up: what is read first comes first, then what is done with it,
 * then the subqueries of its expressions.
 *
 * Invariants
 *   PX1  A program that is run for each row or once is told once, at its first use.
 *   PX2  After memory ran out nothing more is told; the one check is at the end. */
#include "sql/plan_explain.h"

#include <stdio.h>
#include <string.h>

typedef struct explainer {
    vl_ctx *ctx;
    vl_arena *arena;
    const vl_plan *plan;
    uint8_t *is_told; /* of each program */
    vl_explain_row *rows;
    uint32_t count;
    uint32_t capacity;
    uint32_t subqueries; /* told so far */
    const char *queue;   /* name of the recursion at hand */
    int failed;
} explainer;

/* A detail that grows. */
typedef struct explain_text {
    explainer *x;
    char *text;
    size_t size;
    size_t capacity;
} explain_text;

static void explain_op(explainer *x, const vl_op *op, int32_t parent);
static void explain_scan(explainer *x, const vl_op *op, int32_t parent, const char *suffix);

/* ---- rows ---- */

static void
explain_put(explain_text *to, const char *piece)
{
    size_t size = strlen(piece);

    if (to->x->failed)
        return;
    if (to->capacity - to->size <= size) {
        size_t capacity = 2 * (to->size + size) + 64;
        char *text = vl_arena_alloc(to->x->arena, capacity);

        if (text == NULL) {
            to->x->failed = 1;
            return;
        }
        if (to->size > 0)
            memcpy(text, to->text, to->size);
        to->text = text;
        to->capacity = capacity;
    }
    memcpy(to->text + to->size, piece, size + 1);
    to->size += size;
}

static void
explain_put_number(explain_text *to, uint32_t number)
{
    char digits[12];
    size_t at = sizeof digits - 1;

    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    explain_put(to, digits + at);
}

static int32_t
explain_row(explainer *x, int32_t parent, const char *detail)
{
    if (x->failed || detail == NULL)
        return 0;
    if (x->count == x->capacity) {
        uint32_t capacity = x->capacity == 0 ? 8 : 2 * x->capacity;
        vl_explain_row *rows = vl_arena_alloc_array(x->arena, capacity, sizeof *rows);

        if (rows == NULL) {
            x->failed = 1;
            return 0;
        }
        if (x->count > 0)
            memcpy(rows, x->rows, x->count * sizeof *rows);
        x->rows = rows;
        x->capacity = capacity;
    }
    x->rows[x->count] = (vl_explain_row){(int32_t)x->count + 1, parent, detail};
    return (int32_t)++x->count;
}

/* ---- scans ---- */

static const char *
explain_column(const vl_table_def *table, int32_t column)
{
    if (column == VL_COLUMN_ROWID)
        return "rowid";
    return column < 0 ? "<expr>" : table->columns[column].name;
}

/* A term of what is looked up: "a=?". */
static void
explain_term(explain_text *to, const char *name, const char *op, int *is_first)
{
    explain_put(to, *is_first ? " (" : " AND ");
    *is_first = 0;
    explain_put(to, name);
    explain_put(to, op);
    explain_put(to, "?");
}

static const char *
explain_name(const vl_op *op, const vl_table_def *table)
{
    return op->name != NULL ? op->name : table->object.name;
}

static void
explain_table_scan(explain_text *to, const vl_op *op)
{
    const vl_op_table_scan *as = &op->as.table_scan;
    int is_search = as->key != NULL || as->low.expr != NULL || as->high.expr != NULL;
    int is_first = 1;

    explain_put(to, is_search ? "SEARCH " : "SCAN ");
    explain_put(to, explain_name(op, as->table));
    if (!is_search)
        return;
    if (as->key != NULL && as->key->is_union) {
        explain_put(to, " USING MULTI-INDEX OR");
        return;
    }
    explain_put(to, " USING INTEGER PRIMARY KEY");
    if (as->key != NULL)
        explain_term(to, "rowid", "=", &is_first);
    if (as->low.expr != NULL)
        explain_term(to, "rowid", ">", &is_first);
    if (as->high.expr != NULL)
        explain_term(to, "rowid", "<", &is_first);
    explain_put(to, ")");
}

static void
explain_index_scan(explain_text *to, const vl_op *op)
{
    const vl_op_index_scan *as = &op->as.index_scan;
    int is_search = as->key_count > 0 || as->low.count > 0 || as->high.count > 0;
    int is_primary = as->index == as->table->primary;
    int is_first = 1;

    explain_put(to, is_search ? "SEARCH " : "SCAN ");
    explain_put(to, explain_name(op, as->table));
    if (is_primary && !is_search)
        return;
    explain_put(to, is_primary        ? " USING PRIMARY KEY"
                    : as->is_covering ? " USING COVERING INDEX "
                                      : " USING INDEX ");
    if (!is_primary)
        explain_put(to, as->index->object.name);
    for (uint32_t i = 0; i < as->key_count; i++)
        explain_term(to, explain_column(as->table, as->index->terms[i].column), "=", &is_first);
    for (uint32_t i = 0; i < as->low.count; i++)
        explain_term(to, explain_column(as->table, as->index->terms[as->key_count + i].column), ">",
                     &is_first);
    for (uint32_t i = 0; i < as->high.count; i++)
        explain_term(to, explain_column(as->table, as->index->terms[as->key_count + i].column), "<",
                     &is_first);
    if (!is_first)
        explain_put(to, ")");
}

/* ---- programs ---- */

static void
explain_program(explainer *x, uint32_t program, int32_t parent)
{
    x->is_told[program] = 1; /* keeps PX1 */
    explain_op(x, x->plan->programs[program].root, parent);
}

static void
explain_subquery(explainer *x, uint32_t program, const char *what, int32_t parent)
{
    explain_text to = {.x = x};

    if (x->is_told[program])
        return;
    if (x->plan->programs[program].is_correlated)
        explain_put(&to, "CORRELATED ");
    explain_put(&to, what);
    explain_put(&to, " SUBQUERY ");
    explain_put_number(&to, ++x->subqueries);
    explain_program(x, program, explain_row(x, parent, to.text));
}

/* The subqueries of an expression. */
static void
explain_expr(explainer *x, const vl_expr *expr, int32_t parent)
{
    if (expr == NULL)
        return;
    if (expr->kind == VL_EXPR_SCALAR || expr->kind == VL_EXPR_EXISTS)
        explain_subquery(x, expr->program, "SCALAR", parent);
    if (expr->kind == VL_EXPR_IN_QUERY)
        explain_subquery(x, expr->program, "LIST", parent);
    for (uint32_t i = 0; i < expr->kid_count; i++)
        explain_expr(x, expr->kids[i], parent);
}

static void
explain_exprs(explainer *x, const vl_exprs *exprs, int32_t parent)
{
    for (uint32_t i = 0; i < exprs->count; i++)
        explain_expr(x, exprs->list[i], parent);
}

static void
explain_lookup(explainer *x, const vl_lookup *lookup, int32_t parent)
{
    explain_expr(x, lookup->expr, parent);
    explain_exprs(x, &lookup->in_list, parent);
    if (lookup->in_program >= 0)
        explain_subquery(x, (uint32_t)lookup->in_program, "LIST", parent);
}

/* Rows of a program that is kept, or run as it is read. */
static void
explain_program_scan(explainer *x, const vl_op *op, int32_t parent)
{
    const vl_op_program_scan *as = &op->as.program_scan;
    const vl_program *program = &x->plan->programs[as->program];
    const char *name = program->name != NULL ? program->name : "SUBQUERY";
    const char *queue = x->queue;
    explain_text to = {.x = x};
    explain_text scan = {.x = x};

    if (!x->is_told[as->program]) {
        explain_put(&to, as->is_shared ? "MATERIALIZE " : "CO-ROUTINE ");
        explain_put(&to, name);
        x->queue = name;
        explain_program(x, as->program, explain_row(x, parent, to.text));
        x->queue = queue;
    }
    explain_put(&scan, "SCAN ");
    explain_put(&scan, op->name != NULL ? op->name : name);
    (void)explain_row(x, parent, scan.text);
    explain_exprs(x, &as->arguments, parent);
}

/* ---- operators ---- */

/* The arms of an OR that are looked up each by itself; `number` counts them. */
static void
explain_arms(explainer *x, const vl_op *op, int32_t parent, const char *suffix, uint32_t *number)
{
    explain_text to = {.x = x};

    if (op->kind == VL_OP_KIND_COMPOUND) {
        explain_arms(x, op->children[0], parent, suffix, number);
        explain_arms(x, op->children[1], parent, suffix, number);
        return;
    }
    explain_put(&to, "INDEX ");
    explain_put_number(&to, ++*number);
    explain_scan(x, op, explain_row(x, parent, to.text), suffix);
}

static void
explain_union(explainer *x, const vl_op_table_scan *as, int32_t parent, const char *suffix)
{
    uint32_t number = 0;

    x->is_told[as->key->in_program] = 1;
    explain_arms(x, x->plan->programs[as->key->in_program].root,
                 explain_row(x, parent, "MULTI-INDEX OR"), suffix, &number);
    explain_exprs(x, &as->filter, parent);
}

static void
explain_scan(explainer *x, const vl_op *op, int32_t parent, const char *suffix)
{
    explain_text to = {.x = x};

    if (op->kind == VL_OP_KIND_TABLE_SCAN && op->as.table_scan.key != NULL &&
        op->as.table_scan.key->is_union) {
        explain_union(x, &op->as.table_scan, parent, suffix);
    } else if (op->kind == VL_OP_KIND_TABLE_SCAN) {
        const vl_op_table_scan *as = &op->as.table_scan;

        explain_table_scan(&to, op);
        explain_put(&to, suffix);
        (void)explain_row(x, parent, to.text);
        if (as->key != NULL)
            explain_lookup(x, as->key, parent);
        explain_expr(x, as->low.expr, parent);
        explain_expr(x, as->high.expr, parent);
        explain_exprs(x, &as->filter, parent);
    } else {
        const vl_op_index_scan *as = &op->as.index_scan;

        explain_index_scan(&to, op);
        explain_put(&to, suffix);
        (void)explain_row(x, parent, to.text);
        for (uint32_t i = 0; i < as->key_count; i++)
            explain_lookup(x, &as->keys[i], parent);
        explain_exprs(x, &as->low, parent);
        explain_exprs(x, &as->high, parent);
        explain_exprs(x, &as->filter, parent);
    }
}

static int
explain_is_scan(const vl_op *op)
{
    return op->kind == VL_OP_KIND_TABLE_SCAN || op->kind == VL_OP_KIND_INDEX_SCAN;
}

static const char *
explain_suffix(vl_join_kind kind)
{
    return kind == VL_JOIN_KIND_LEFT ? " LEFT-JOIN" : "";
}

static void
explain_loop_join(explainer *x, const vl_op *op, int32_t parent)
{
    const vl_op_loop_join *as = &op->as.loop_join;
    const vl_op *right = x->plan->programs[as->program].root;

    explain_op(x, op->children[0], parent);
    x->is_told[as->program] = 1;
    if (explain_is_scan(right))
        explain_scan(x, right, parent, explain_suffix(as->kind));
    else
        explain_op(x, right, parent);
    explain_exprs(x, &as->arguments, parent);
    explain_exprs(x, &as->condition, parent);
}

/* The build side of a hash join: the index that SQLite would make. */
static void
explain_hash_join(explainer *x, const vl_op *op, int32_t parent)
{
    const vl_op_hash_join *as = &op->as.hash_join;
    const vl_op *right = op->children[1];
    explain_text to = {.x = x};
    int is_first = 1;

    if (op->children[0]->kind != VL_OP_KIND_VALUES || op->children[0]->column_count > 0)
        explain_op(x, op->children[0], parent); /* else a table that is kept, of a subquery */
    if (right->kind != VL_OP_KIND_TABLE_SCAN || as->right.count == 0 ||
        right->as.table_scan.key != NULL || right->as.table_scan.low.expr != NULL ||
        right->as.table_scan.high.expr != NULL) {
        if (explain_is_scan(right))
            explain_scan(x, right, parent, explain_suffix(as->kind));
        else
            explain_op(x, right, parent);
    } else {
        const vl_op_table_scan *scan = &right->as.table_scan;

        explain_put(&to, "SEARCH ");
        explain_put(&to, explain_name(right, scan->table));
        explain_put(&to, " USING AUTOMATIC COVERING INDEX");
        for (uint32_t i = 0; i < as->right.count; i++) {
            const vl_expr *key = as->right.list[i];

            explain_term(&to,
                         key->kind == VL_EXPR_COLUMN
                             ? explain_column(scan->table, scan->columns[key->index])
                             : "<expr>",
                         "=", &is_first);
        }
        explain_put(&to, ")");
        explain_put(&to, explain_suffix(as->kind));
        (void)explain_row(x, parent, to.text);
        explain_exprs(x, &scan->filter, parent);
    }
    explain_exprs(x, &as->left, parent);
    explain_exprs(x, &as->right, parent);
    explain_exprs(x, &as->condition, parent);
}

static void
explain_aggregate(explainer *x, const vl_op *op, int32_t parent)
{
    const vl_op_aggregate *as = &op->as.aggregate;

    explain_op(x, op->children[0], parent);
    if (as->is_grouped && !as->is_sorted_input)
        (void)explain_row(x, parent, "USE TEMP B-TREE FOR GROUP BY");
    explain_exprs(x, &as->groups, parent);
    for (uint32_t i = 0; i < as->aggregate_count; i++) {
        explain_exprs(x, &as->aggregates[i].arguments, parent);
        explain_expr(x, as->aggregates[i].filter, parent);
    }
}

/* As SQLite has it: a query for the sorted rows, which is read as they are asked for. */
static void
explain_window(explainer *x, const vl_op *op, int32_t parent)
{
    const vl_op_window *as = &op->as.window;
    explain_text routine = {.x = x};
    explain_text scan = {.x = x};
    uint32_t number = ++x->subqueries + 1;

    explain_put(&routine, "CO-ROUTINE (subquery-");
    explain_put_number(&routine, number);
    explain_put(&routine, ")");
    explain_op(x, op->children[0], explain_row(x, parent, routine.text));
    explain_put(&scan, "SCAN (subquery-");
    explain_put_number(&scan, number);
    explain_put(&scan, ")");
    (void)explain_row(x, parent, scan.text);
    explain_exprs(x, &as->partition, parent);
    for (uint32_t i = 0; i < as->call_count; i++) {
        explain_exprs(x, &as->calls[i].arguments, parent);
        explain_expr(x, as->calls[i].filter, parent);
    }
}

static const char *
explain_compound_words(vl_compound kind)
{
    switch (kind) {
    case VL_COMPOUND_UNION_ALL:
        return "UNION ALL";
    case VL_COMPOUND_UNION:
        return "UNION USING TEMP B-TREE";
    case VL_COMPOUND_INTERSECT:
        return "INTERSECT USING TEMP B-TREE";
    case VL_COMPOUND_EXCEPT:
        return "EXCEPT USING TEMP B-TREE";
    }
    return NULL;
}

/* The parts of a compound, below the row COMPOUND QUERY. */
static void
explain_compound_part(explainer *x, const vl_op *op, int32_t parent)
{
    if (op->kind != VL_OP_KIND_COMPOUND) {
        explain_op(x, op, explain_row(x, parent, "LEFT-MOST SUBQUERY"));
        return;
    }
    explain_compound_part(x, op->children[0], parent);
    explain_op(x, op->children[1],
               explain_row(x, parent, explain_compound_words(op->as.compound.kind)));
}

static void
explain_recurse(explainer *x, const vl_op *op, int32_t parent)
{
    explain_op(x, op->children[0], explain_row(x, parent, "SETUP"));
    explain_program(x, op->as.recurse.program, explain_row(x, parent, "RECURSIVE STEP"));
}

static void
explain_change(explainer *x, const vl_op *op, const vl_change_target *target, int32_t parent)
{
    explain_op(x, op->children[0], parent);
    explain_exprs(x, &target->checks, parent);
    if (op->kind == VL_OP_KIND_UPDATE)
        explain_exprs(x, &op->as.update.sets, parent);
    if (op->kind == VL_OP_KIND_INSERT)
        for (uint32_t i = 0; i < op->as.insert.upsert_count; i++) {
            explain_exprs(x, &op->as.insert.upserts[i].sets, parent);
            explain_exprs(x, &op->as.insert.upserts[i].where, parent);
        }
    explain_exprs(x, &target->returning, parent);
}

static void
explain_values(explainer *x, const vl_op *op, int32_t parent)
{
    explain_text to = {.x = x};

    if (op->as.values.row_count == 1) {
        (void)explain_row(x, parent, "SCAN CONSTANT ROW");
    } else {
        explain_put(&to, "SCAN ");
        explain_put_number(&to, op->as.values.row_count);
        explain_put(&to, " CONSTANT ROWS");
        (void)explain_row(x, parent, to.text);
    }
    for (uint32_t i = 0; i < op->as.values.row_count; i++)
        explain_exprs(x, &op->as.values.rows[i], parent);
}

/* A row that names what is read. */
static void
explain_named(explainer *x, const char *name, const char *suffix, int32_t parent)
{
    explain_text to = {.x = x};

    explain_put(&to, "SCAN ");
    explain_put(&to, name != NULL ? name : "SUBQUERY");
    explain_put(&to, suffix);
    (void)explain_row(x, parent, to.text);
}

/* A scan of a virtual table, with what its module has chosen. */
static void
explain_virtual(explainer *x, const vl_op *op, int32_t parent)
{
    const vl_op_virtual_scan *as = &op->as.virtual_scan;
    explain_text to = {.x = x};
    char number[16];

    if (as->is_hex)
        (void)snprintf(number, sizeof number, "0x%x", (unsigned)as->number);
    else
        (void)snprintf(number, sizeof number, "%d", as->number);
    explain_put(&to, "SCAN ");
    explain_put(&to, op->name);
    explain_put(&to, " VIRTUAL TABLE INDEX ");
    explain_put(&to, number);
    explain_put(&to, ":");
    if (as->text != NULL)
        explain_put(&to, as->text);
    (void)explain_row(x, parent, to.text);
    for (uint32_t i = 0; i < as->argument_count; i++)
        explain_lookup(x, &as->arguments[i], parent);
    explain_exprs(x, &as->filter, parent);
}

/* What an operator adds to the rows of its child. */
static void
explain_after(explainer *x, const vl_op *op, int32_t parent)
{
    explain_op(x, op->children[0], parent);
    if (op->kind == VL_OP_KIND_FILTER)
        explain_exprs(x, &op->as.filter.conjuncts, parent);
    if (op->kind == VL_OP_KIND_PROJECT)
        explain_exprs(x, &op->as.project.exprs, parent);
    if (op->kind == VL_OP_KIND_DISTINCT)
        (void)explain_row(x, parent, "USE TEMP B-TREE FOR DISTINCT");
    if (op->kind == VL_OP_KIND_SORT)
        (void)explain_row(x, parent, "USE TEMP B-TREE FOR ORDER BY");
    if (op->kind == VL_OP_KIND_LIMIT) {
        explain_expr(x, op->as.limit.limit, parent);
        explain_expr(x, op->as.limit.offset, parent);
    }
}

/* check_tree: table, of operators */
static void
explain_op(explainer *x, const vl_op *op, int32_t parent)
{
    if (x->failed || op == NULL)
        return;
    switch (op->kind) {
    case VL_OP_KIND_VALUES:
        explain_values(x, op, parent);
        break;
    case VL_OP_KIND_TABLE_SCAN:
    case VL_OP_KIND_INDEX_SCAN:
        explain_scan(x, op, parent, "");
        break;
    case VL_OP_KIND_FUNCTION_SCAN:
        explain_named(x, op->name, " VIRTUAL TABLE INDEX 0:", parent);
        explain_exprs(x, &op->as.function_scan.arguments, parent);
        break;
    case VL_OP_KIND_VIRTUAL_SCAN:
        explain_virtual(x, op, parent);
        break;
    case VL_OP_KIND_PROGRAM_SCAN:
        explain_program_scan(x, op, parent);
        break;
    case VL_OP_KIND_QUEUE_SCAN:
        explain_named(x, op->name != NULL ? op->name : x->queue, "", parent);
        break;
    case VL_OP_KIND_FILTER:
    case VL_OP_KIND_PROJECT:
    case VL_OP_KIND_DISTINCT:
    case VL_OP_KIND_SORT:
    case VL_OP_KIND_LIMIT:
        explain_after(x, op, parent);
        break;
    case VL_OP_KIND_LOOP_JOIN:
        explain_loop_join(x, op, parent);
        break;
    case VL_OP_KIND_HASH_JOIN:
        explain_hash_join(x, op, parent);
        break;
    case VL_OP_KIND_AGGREGATE:
        explain_aggregate(x, op, parent);
        break;
    case VL_OP_KIND_WINDOW:
        explain_window(x, op, parent);
        break;
    case VL_OP_KIND_COMPOUND:
        explain_compound_part(x, op, explain_row(x, parent, "COMPOUND QUERY"));
        break;
    case VL_OP_KIND_RECURSE:
        explain_recurse(x, op, parent);
        break;
    case VL_OP_KIND_INSERT:
        explain_change(x, op, &op->as.insert.target, parent);
        break;
    case VL_OP_KIND_UPDATE:
        explain_change(x, op, &op->as.update.target, parent);
        break;
    case VL_OP_KIND_DELETE:
        explain_change(x, op, &op->as.delete_.target, parent);
        break;
    }
}

velo_status
vl_plan_explain(vl_ctx *ctx, vl_arena *arena, const vl_plan *plan, const vl_explain_row **rows,
                uint32_t *count)
{
    explainer x = {.ctx = ctx, .arena = arena, .plan = plan};

    *rows = NULL;
    *count = 0;
    x.is_told = vl_arena_alloc_array(arena, plan->program_count + 1U, 1);
    if (x.is_told == NULL)
        return vl_fail(ctx, VELO_NOMEM, "out of memory");
    if (plan->program_count > 0)
        explain_program(&x, 0, 0);
    if (x.failed)
        return vl_fail(ctx, VELO_NOMEM, "out of memory");
    *rows = x.rows;
    *count = x.count;
    return VELO_OK;
}

/* ---- operators as they are ---- */

static const char *
explain_join_words(vl_join_kind kind)
{
    static const char *const words[] = {
        [VL_JOIN_KIND_INNER] = "JOIN",       [VL_JOIN_KIND_LEFT] = "LEFT JOIN",
        [VL_JOIN_KIND_RIGHT] = "RIGHT JOIN", [VL_JOIN_KIND_FULL] = "FULL JOIN",
        [VL_JOIN_KIND_SEMI] = "SEMI-JOIN",   [VL_JOIN_KIND_ANTI] = "ANTI-JOIN"};

    return words[kind];
}

static void
explain_describe_aggregate(explain_text *to, const vl_op_aggregate *as)
{
    if (!as->is_grouped)
        explain_put(to, "AGGREGATE");
    else
        explain_put(to, as->is_sorted_input ? "GROUP BY IN ORDER" : "GROUP BY HASH");
}

static void
explain_describe_program(explain_text *to, const vl_op *op)
{
    const vl_op_program_scan *as = &op->as.program_scan;
    const char *name = to->x->plan->programs[as->program].name;

    explain_put(to, as->is_shared ? "SCAN MATERIALIZED " : "SCAN ");
    explain_put(to, op->name != NULL ? op->name : name != NULL ? name : "SUBQUERY");
}

/* Scans: what they read, and how. */
static void
explain_describe_scan(explain_text *to, const vl_op *op)
{
    switch (op->kind) {
    case VL_OP_KIND_TABLE_SCAN:
        explain_table_scan(to, op);
        break;
    case VL_OP_KIND_INDEX_SCAN:
        explain_index_scan(to, op);
        break;
    case VL_OP_KIND_PROGRAM_SCAN:
        explain_describe_program(to, op);
        break;
    case VL_OP_KIND_QUEUE_SCAN:
        explain_put(to, "SCAN QUEUE");
        break;
    default:
        explain_put(to, "SCAN ");
        explain_put(to, op->name != NULL ? op->name : "SUBQUERY");
        explain_put(to, " BY ITS MODULE");
        break;
    }
}

static void
explain_describe_change(explain_text *to, const vl_op *op)
{
    const vl_change_target *target = op->kind == VL_OP_KIND_INSERT   ? &op->as.insert.target
                                     : op->kind == VL_OP_KIND_UPDATE ? &op->as.update.target
                                                                     : &op->as.delete_.target;

    explain_put(to, op->kind == VL_OP_KIND_INSERT   ? "INSERT INTO "
                    : op->kind == VL_OP_KIND_UPDATE ? "UPDATE "
                                                    : "DELETE FROM ");
    explain_put(to, target->table->object.name);
}

/* check_tree: table, of operators */
static void
explain_describe(explain_text *to, const vl_op *op)
{
    switch (op->kind) {
    case VL_OP_KIND_VALUES:
        explain_put(to, "VALUES");
        break;
    case VL_OP_KIND_TABLE_SCAN:
    case VL_OP_KIND_INDEX_SCAN:
    case VL_OP_KIND_FUNCTION_SCAN:
    case VL_OP_KIND_VIRTUAL_SCAN:
    case VL_OP_KIND_PROGRAM_SCAN:
    case VL_OP_KIND_QUEUE_SCAN:
        explain_describe_scan(to, op);
        break;
    case VL_OP_KIND_FILTER:
        explain_put(to, "FILTER");
        break;
    case VL_OP_KIND_PROJECT:
        explain_put(to, "PROJECT");
        break;
    case VL_OP_KIND_LOOP_JOIN:
        explain_put(to, "LOOP ");
        explain_put(to, explain_join_words(op->as.loop_join.kind));
        break;
    case VL_OP_KIND_HASH_JOIN:
        explain_put(to, "HASH ");
        explain_put(to, explain_join_words(op->as.hash_join.kind));
        break;
    case VL_OP_KIND_AGGREGATE:
        explain_describe_aggregate(to, &op->as.aggregate);
        break;
    case VL_OP_KIND_WINDOW:
        explain_put(to, "WINDOW FUNCTIONS");
        break;
    case VL_OP_KIND_DISTINCT:
        explain_put(to, "DISTINCT");
        break;
    case VL_OP_KIND_SORT:
        explain_put(to, op->as.sort.limit != NULL ? "SORT, TOP ROWS" : "SORT");
        break;
    case VL_OP_KIND_LIMIT:
        explain_put(to, "LIMIT");
        break;
    case VL_OP_KIND_COMPOUND:
        explain_put(to, op->as.compound.kind == VL_COMPOUND_UNION_ALL   ? "UNION ALL"
                        : op->as.compound.kind == VL_COMPOUND_UNION     ? "UNION"
                        : op->as.compound.kind == VL_COMPOUND_INTERSECT ? "INTERSECT"
                                                                        : "EXCEPT");
        break;
    case VL_OP_KIND_RECURSE:
        explain_put(to, op->as.recurse.is_union ? "RECURSION, UNION" : "RECURSION, UNION ALL");
        break;
    case VL_OP_KIND_INSERT:
    case VL_OP_KIND_UPDATE:
    case VL_OP_KIND_DELETE:
        explain_describe_change(to, op);
        break;
    }
}

velo_status
vl_plan_describe(vl_ctx *ctx, vl_arena *arena, const vl_plan *plan, const vl_op *op,
                 const char **text)
{
    explainer x = {.ctx = ctx, .arena = arena, .plan = plan};
    explain_text to = {.x = &x};

    explain_describe(&to, op);
    *text = to.text;
    return x.failed ? vl_fail(ctx, VELO_NOMEM, "out of memory") : VELO_OK;
}
