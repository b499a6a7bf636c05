/* plan_build.c - plans built by hand, for tests of the executor. */
#include "lib/plan_build.h"

#include "lib/unit.h"
#include "vec/number.h"
#include "vec/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIDS_MAX 64

static void
plan_wrong(const char *what, const char *at)
{
    fprintf(stderr, "plan_build: %s: %s\n", what, at);
    exit(2);
}

static void *
plan_alloc(plan_builder *builder, size_t count, size_t size)
{
    void *memory = vl_arena_alloc_array(&builder->arena, count, size);

    if (memory == NULL)
        plan_wrong("no memory", "");
    return memory;
}

static void *
plan_copy(plan_builder *builder, const void *data, size_t size)
{
    void *memory = vl_arena_copy(&builder->arena, data, size);

    if (memory == NULL)
        plan_wrong("no memory", "");
    return memory;
}

void
plan_init(plan_builder *builder)
{
    memset(builder, 0, sizeof *builder);
    vl_arena_init(&builder->arena, NULL, 0);
    builder->plan.arena = &builder->arena;
    builder->plan.programs = builder->programs;
    builder->plan.program_count = 1;
    builder->plan.is_read_only = 1;
}

void
plan_deinit(plan_builder *builder)
{
    vl_arena_deinit(&builder->arena);
}

/* ---- reading ---- */

static const char *
skip_spaces(const char *at)
{
    return at + strspn(at, " \n");
}

static size_t
word_size(const char *at)
{
    return strcspn(at, " \n();");
}

/* Read a value; NULL when there is none. */
static const char *
read_value(plan_builder *builder, const char *at, vl_value *value)
{
    size_t size = word_size(at);
    const char *data;

    *value = vl_value_of_null();
    if (*at == '\'') {
        size = strcspn(at + 1, "'");
        *value = (vl_value){.type = VL_TYPE_TEXT,
                            .size = (uint32_t)size,
                            .as.data = plan_copy(builder, at + 1, size)};
        return at + size + 2;
    }
    if (size == 1 && *at == 'n')
        return at + 1;
    if (size == 0)
        return NULL;
    data = plan_copy(builder, at + 1, size - 1);
    if (*at == 'i' && (size > 1 && strspn(data, "-0123456789") == size - 1)) {
        *value = vl_value_of_integer(strtoll(data, NULL, 10));
    } else if (*at == 'r' && size > 1 && strspn(data, "-+.e0123456789Inf") == size - 1) {
        *value = vl_value_of_real(strtod(data, NULL));
    } else if (*at == 't' || *at == 'b') {
        *value = (vl_value){.type = *at == 't' ? VL_TYPE_TEXT : VL_TYPE_BLOB,
                            .size = (uint32_t)size - 1,
                            .as.data = data};
    } else {
        return NULL;
    }
    return at + size;
}

static const struct {
    const char *name;
    uint8_t kind;
    uint8_t op;
    uint8_t is_not;
} plan_operators[] = {
    {"+", VL_EXPR_ARITHMETIC, VL_OPERATOR_ADD, 0},
    {"-", VL_EXPR_ARITHMETIC, VL_OPERATOR_SUBTRACT, 0},
    {"*", VL_EXPR_ARITHMETIC, VL_OPERATOR_MULTIPLY, 0},
    {"/", VL_EXPR_ARITHMETIC, VL_OPERATOR_DIVIDE, 0},
    {"%", VL_EXPR_ARITHMETIC, VL_OPERATOR_REMAINDER, 0},
    {"&", VL_EXPR_ARITHMETIC, VL_OPERATOR_AND, 0},
    {"|", VL_EXPR_ARITHMETIC, VL_OPERATOR_OR, 0},
    {"<<", VL_EXPR_ARITHMETIC, VL_OPERATOR_SHIFT_LEFT, 0},
    {">>", VL_EXPR_ARITHMETIC, VL_OPERATOR_SHIFT_RIGHT, 0},
    {"||", VL_EXPR_CONCAT, 0, 0},
    {"neg", VL_EXPR_NEGATE, 0, 0},
    {"bitnot", VL_EXPR_BIT_NOT, 0, 0},
    {"not", VL_EXPR_NOT, 0, 0},
    {"isnull", VL_EXPR_IS_NULL, 0, 0},
    {"notnull", VL_EXPR_IS_NULL, 0, 1},
    {"istrue", VL_EXPR_IS_TRUE, 0, 0},
    {"nottrue", VL_EXPR_IS_TRUE, 0, 1},
    {"isfalse", VL_EXPR_IS_TRUE, 1, 0},
    {"notfalse", VL_EXPR_IS_TRUE, 1, 1},
    {"=", VL_EXPR_COMPARE, VL_COMPARE_EQ, 0},
    {"<>", VL_EXPR_COMPARE, VL_COMPARE_NE, 0},
    {"<", VL_EXPR_COMPARE, VL_COMPARE_LT, 0},
    {"<=", VL_EXPR_COMPARE, VL_COMPARE_LE, 0},
    {">", VL_EXPR_COMPARE, VL_COMPARE_GT, 0},
    {">=", VL_EXPR_COMPARE, VL_COMPARE_GE, 0},
    {"is", VL_EXPR_COMPARE, VL_COMPARE_IS, 0},
    {"isnot", VL_EXPR_COMPARE, VL_COMPARE_IS_NOT, 0},
    {"row=", VL_EXPR_ROW_COMPARE, VL_COMPARE_EQ, 0},
    {"row<>", VL_EXPR_ROW_COMPARE, VL_COMPARE_NE, 0},
    {"row<", VL_EXPR_ROW_COMPARE, VL_COMPARE_LT, 0},
    {"row<=", VL_EXPR_ROW_COMPARE, VL_COMPARE_LE, 0},
    {"row>", VL_EXPR_ROW_COMPARE, VL_COMPARE_GT, 0},
    {"row>=", VL_EXPR_ROW_COMPARE, VL_COMPARE_GE, 0},
    {"rowis", VL_EXPR_ROW_COMPARE, VL_COMPARE_IS, 0},
    {"rowisnot", VL_EXPR_ROW_COMPARE, VL_COMPARE_IS_NOT, 0},
    {"between", VL_EXPR_BETWEEN, 0, 0},
    {"notbetween", VL_EXPR_BETWEEN, 0, 1},
    {"and", VL_EXPR_AND, 0, 0},
    {"or", VL_EXPR_OR, 0, 0},
    {"like", VL_EXPR_LIKE, 0, 0},
    {"notlike", VL_EXPR_LIKE, 0, 1},
    {"glob", VL_EXPR_LIKE, 1, 0},
    {"notglob", VL_EXPR_LIKE, 1, 1},
    {"case", VL_EXPR_CASE, 0, 0},
    {"casebase", VL_EXPR_CASE, 1, 0},
    {"coalesce", VL_EXPR_COALESCE, 0, 0},
    {"in", VL_EXPR_IN_LIST, 0, 0},
    {"notin", VL_EXPR_IN_LIST, 0, 1},
    {"cast", VL_EXPR_CAST, 0, 0},
    {"convert", VL_EXPR_CONVERT, 0, 0},
    {"compared", VL_EXPR_CONVERT, 1, 0},
    {"call", VL_EXPR_FUNCTION, 0, 0},
    {"exists", VL_EXPR_EXISTS, 0, 0},
    {"notexists", VL_EXPR_EXISTS, 0, 1},
    {"scalar", VL_EXPR_SCALAR, 0, 0},
    {"inquery", VL_EXPR_IN_QUERY, 1, 0},
    {"notinquery", VL_EXPR_IN_QUERY, 1, 1},
    {"raise", VL_EXPR_RAISE, VL_CONFLICT_ABORT, 0},
};

static const char *const plan_affinities[] = {"none", "blob", "text", "numeric", "integer", "real"};
static const char *const plan_collations[] = {"binary", "nocase", "rtrim"};
static const char *const plan_effects[] = {"total", "failing", "volatile"};

/* Position of a word among names; -1 when it is none of them. */
static int
find_word(const char *at, size_t size, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(names[i]) == size && memcmp(names[i], at, size) == 0)
            return (int)i;
    }
    return -1;
}

static void
find_function(plan_builder *builder, vl_expr *expr, const char *at, size_t size)
{
    const vl_func *func = builder->functions;

    for (; func != NULL && func->name != NULL; func++) {
        if (strlen(func->name) == size && memcmp(func->name, at, size) == 0)
            expr->func = func;
    }
    if (expr->func == NULL)
        plan_wrong("unknown option", at);
    if ((expr->func->flags & VL_FUNC_VOLATILE) != 0)
        expr->effect = VL_EFFECT_VOLATILE;
}

static void
read_option(plan_builder *builder, vl_expr *expr, const char *at, size_t size)
{
    int which = find_word(at, size, plan_affinities, VL_ARRAY_COUNT(plan_affinities));

    if (which >= 0) {
        expr->affinity = (uint8_t)which;
        expr->compared = (uint8_t)which;
        expr->compared2 = (uint8_t)which;
        return;
    }
    which = find_word(at, size, plan_collations, VL_ARRAY_COUNT(plan_collations));
    if (which >= 0) {
        expr->collation = (uint8_t)which;
        expr->collation2 = (uint8_t)which;
        return;
    }
    which = find_word(at, size, plan_effects, VL_ARRAY_COUNT(plan_effects));
    if (which >= 0)
        expr->effect = (uint8_t)which;
    else if (*at >= '0' && *at <= '9')
        expr->program = (uint32_t)strtoul(at, NULL, 10);
    else if (size > 7 && memcmp(at, "columns", 7) == 0)
        expr->op = (uint8_t)strtoul(at + 7, NULL, 10);
    else
        find_function(builder, expr, at, size);
}

static const char *
read_operator(plan_builder *builder, const char *at, vl_expr *expr)
{
    size_t size = word_size(at);
    size_t name = memchr(at, ':', size) == NULL ? size : strcspn(at, ":");
    size_t i = 0;

    while (i < VL_ARRAY_COUNT(plan_operators) && (strlen(plan_operators[i].name) != name ||
                                                  memcmp(plan_operators[i].name, at, name) != 0))
        i++;
    if (i == VL_ARRAY_COUNT(plan_operators))
        plan_wrong("unknown operator", at);
    expr->kind = plan_operators[i].kind;
    expr->op = plan_operators[i].op;
    expr->is_not = plan_operators[i].is_not;
    while (name < size) {
        const char *option = at + name + 1;
        size_t option_size = strcspn(option, ": ()\n");

        read_option(builder, expr, option, option_size);
        name += option_size + 1;
    }
    return at + size;
}

/* check_tree: table, the atoms. */
static const char *
read_atom(plan_builder *builder, const char *at, vl_expr *expr)
{
    size_t size = word_size(at);
    char *end;

    if (size == 4 && memcmp(at, "base", 4) == 0) {
        expr->kind = VL_EXPR_BASE;
        return at + 4;
    }
    if (size > 1 && strchr("cop", *at) != NULL && at[1] >= '0' && at[1] <= '9') {
        expr->index = (uint32_t)strtoul(at + 1, &end, 10);
        expr->kind = *at == 'c' ? VL_EXPR_COLUMN : *at == 'o' ? VL_EXPR_OUTER : VL_EXPR_PARAM;
        return end;
    }
    expr->kind = VL_EXPR_CONSTANT;
    at = read_value(builder, at, &expr->value);
    return at;
}

static const char *
read_expr(plan_builder *builder, const char *at, vl_expr **out)
{
    vl_expr *expr = plan_alloc(builder, 1, sizeof *expr);
    vl_expr *kids[KIDS_MAX];

    at = skip_spaces(at);
    *out = expr;
    if (*at != '(') {
        const char *end = read_atom(builder, at, expr);

        if (end == NULL)
            plan_wrong("unknown atom", at);
        return end;
    }
    at = skip_spaces(read_operator(builder, at + 1, expr));
    while (*at != ')') {
        if (*at == '\0' || expr->kid_count == KIDS_MAX)
            plan_wrong("unfinished list", at);
        at = skip_spaces(read_expr(builder, at, &kids[expr->kid_count]));
        if (expr->effect < kids[expr->kid_count]->effect)
            expr->effect = kids[expr->kid_count]->effect;
        expr->kid_count++;
    }
    expr->kids = plan_copy(builder, kids, expr->kid_count * sizeof(vl_expr *));
    expr->affinities = plan_bytes(builder, KIDS_MAX, expr->compared);
    expr->collations = plan_bytes(builder, KIDS_MAX, expr->collation);
    return at + 1;
}

vl_expr *
plan_expr(plan_builder *builder, const char *text)
{
    vl_expr *expr;
    const char *end = skip_spaces(read_expr(builder, text, &expr));

    if (*end != '\0')
        plan_wrong("more than one expression", end);
    return expr;
}

/* Read expressions up to the text's end or a semicolon. */
static const char *
read_exprs(plan_builder *builder, const char *at, vl_exprs *exprs)
{
    vl_expr *list[KIDS_MAX];

    exprs->count = 0;
    for (at = skip_spaces(at); *at != '\0' && *at != ';'; at = skip_spaces(at)) {
        if (exprs->count == KIDS_MAX)
            plan_wrong("too many expressions", at);
        at = read_expr(builder, at, &list[exprs->count++]);
    }
    exprs->list = plan_copy(builder, list, exprs->count * sizeof(vl_expr *));
    return at;
}

vl_exprs
plan_exprs(plan_builder *builder, const char *text)
{
    vl_exprs exprs;

    (void)read_exprs(builder, text, &exprs);
    return exprs;
}

vl_sort_key *
plan_keys(plan_builder *builder, const char *text, uint32_t *count)
{
    vl_sort_key keys[KIDS_MAX];

    *count = 0;
    for (text = skip_spaces(text); *text != '\0'; text = skip_spaces(text)) {
        size_t size = word_size(text);
        int collation = find_word(text, size, plan_collations, VL_ARRAY_COUNT(plan_collations));
        vl_sort_key *key = *count == 0 ? NULL : &keys[*count - 1];

        if (key != NULL && collation >= 0) {
            key->collation = (uint8_t)collation;
        } else if (key != NULL && size == 4 && memcmp(text, "desc", 4) == 0) {
            key->is_descending = 1;
            key->nulls_last = 1;
        } else if (key != NULL && size == 4 && memcmp(text, "last", 4) == 0) {
            key->nulls_last = 1;
        } else if (key != NULL && size == 5 && memcmp(text, "first", 5) == 0) {
            key->nulls_last = 0;
        } else {
            keys[*count] = (vl_sort_key){.collation = VL_COLLATE_BINARY};
            text = read_expr(builder, text, &keys[(*count)++].expr);
            continue;
        }
        text += size;
    }
    return plan_copy(builder, keys, *count * sizeof keys[0]);
}

const uint8_t *
plan_bytes(plan_builder *builder, uint32_t count, uint8_t value)
{
    uint8_t *bytes = plan_alloc(builder, count + 1U, 1);

    memset(bytes, value, count);
    return bytes;
}

vl_value *
plan_row(plan_builder *builder, const char *text, uint32_t *count)
{
    vl_value values[KIDS_MAX];

    *count = 0;
    for (text = skip_spaces(text); *text != '\0'; text = skip_spaces(text)) {
        if (*count == KIDS_MAX)
            plan_wrong("too many values", text);
        text = read_value(builder, text, &values[(*count)++]);
        if (text == NULL)
            plan_wrong("no value", "");
    }
    return plan_copy(builder, values, *count * sizeof values[0]);
}

/* ---- operators ---- */

vl_op *
plan_op(plan_builder *builder, vl_op_kind kind, uint32_t column_count, vl_op *left, vl_op *right)
{
    vl_op *op = plan_alloc(builder, 1, sizeof *op);

    op->kind = kind;
    op->column_count = column_count;
    op->children[0] = left;
    op->children[1] = right;
    op->child_count = right != NULL ? 2 : left != NULL ? 1 : 0;
    return op;
}

vl_op *
plan_values(plan_builder *builder, const char *rows)
{
    vl_op *op = plan_op(builder, VL_OP_KIND_VALUES, 0, NULL, NULL);
    size_t row_count = 0;

    for (const char *at = rows; *at != '\0'; at++)
        row_count += *at == ';';
    row_count += *skip_spaces(rows) != '\0';
    op->as.values.rows = plan_alloc(builder, row_count + 1, sizeof(vl_exprs));
    op->as.values.row_count = (uint32_t)row_count;
    for (size_t i = 0; i < row_count; i++) {
        rows = read_exprs(builder, rows, &op->as.values.rows[i]);
        if (*rows == ';')
            rows++;
    }
    op->column_count = row_count == 0 ? 1 : op->as.values.rows[0].count;
    return op;
}

vl_op *
plan_series(plan_builder *builder, uint32_t count, uint32_t modulus)
{
    vl_op *op = plan_op(builder, VL_OP_KIND_VALUES, 2, NULL, NULL);
    vl_expr *exprs = plan_alloc(builder, 2 * (size_t)count + 1, sizeof *exprs);
    vl_expr **list = plan_alloc(builder, 2 * (size_t)count + 1, sizeof(vl_expr *));

    op->as.values.rows = plan_alloc(builder, count + 1U, sizeof(vl_exprs));
    op->as.values.row_count = count;
    for (size_t i = 0; i < count; i++) {
        exprs[2 * i].value = vl_value_of_integer((int64_t)i);
        exprs[2 * i + 1].value = vl_value_of_integer((int64_t)(i % modulus));
        list[2 * i] = &exprs[2 * i];
        list[2 * i + 1] = &exprs[2 * i + 1];
        op->as.values.rows[i] = (vl_exprs){.list = list + 2 * i, .count = 2};
    }
    return op;
}

vl_op *
plan_filter(plan_builder *builder, vl_op *child, const char *conjuncts)
{
    vl_op *op = plan_op(builder, VL_OP_KIND_FILTER, child->column_count, child, NULL);

    op->as.filter.conjuncts = plan_exprs(builder, conjuncts);
    return op;
}

vl_op *
plan_project(plan_builder *builder, vl_op *child, const char *exprs)
{
    vl_op *op = plan_op(builder, VL_OP_KIND_PROJECT, 0, child, NULL);

    op->as.project.exprs = plan_exprs(builder, exprs);
    op->column_count = op->as.project.exprs.count;
    return op;
}

vl_op *
plan_limit(plan_builder *builder, vl_op *child, const char *limit, const char *offset)
{
    vl_op *op = plan_op(builder, VL_OP_KIND_LIMIT, child->column_count, child, NULL);

    op->as.limit.limit = limit == NULL ? NULL : plan_expr(builder, limit);
    op->as.limit.offset = offset == NULL ? NULL : plan_expr(builder, offset);
    return op;
}

vl_op *
plan_sort(plan_builder *builder, vl_op *child, const char *keys)
{
    vl_op *op = plan_op(builder, VL_OP_KIND_SORT, child->column_count, child, NULL);

    op->as.sort.keys = plan_keys(builder, keys, &op->as.sort.key_count);
    return op;
}

uint32_t
plan_program(plan_builder *builder, vl_op *root, uint32_t argument_count)
{
    uint32_t number = builder->plan.program_count++;

    if (number == PLAN_PROGRAMS_MAX)
        plan_wrong("too many programs", "");
    builder->programs[number] = (vl_program){
        .root = root, .argument_count = argument_count, .is_correlated = argument_count > 0};
    return number;
}

const vl_plan *
plan_root(plan_builder *builder, vl_op *root)
{
    builder->programs[0].root = root;
    builder->plan.column_count = root->column_count;
    return &builder->plan;
}

/* ---- running ---- */

void
plan_write_value(const vl_value *value, char *text, size_t size)
{
    size_t used = strlen(text);
    char number[VL_NUMBER_TEXT_SIZE];
    int length = 0;

    switch (value->type) {
    case VL_TYPE_NULL:
        (void)snprintf(text + used, size - used, "n");
        return;
    case VL_TYPE_INTEGER:
        length = (int)vl_number_write_integer(value->as.integer, number);
        (void)snprintf(text + used, size - used, "i%.*s", length, number);
        return;
    case VL_TYPE_REAL:
        length = (int)vl_number_write_real(value->as.real, number);
        (void)snprintf(text + used, size - used, "r%.*s", length, number);
        return;
    case VL_TYPE_TEXT:
    case VL_TYPE_BLOB:
        (void)snprintf(text + used, size - used, "%c%.*s", value->type == VL_TYPE_TEXT ? 't' : 'b',
                       (int)value->size, value->size == 0 ? "" : (const char *)value->as.data);
        return;
    }
}

static void
plan_write(char *text, size_t size, const char *what)
{
    size_t used = strlen(text);

    (void)snprintf(text + used, size - used, "%s", what);
}

void
plan_run(vl_ctx *ctx, const vl_plan *plan, const vl_exec_env *env, const vl_value *params,
         uint32_t param_count, char *text, size_t size)
{
    vl_exec_env nothing = {.memory_limit = 0};
    vl_exec *exec;
    const vl_value *row;
    velo_status status = vl_exec_create(ctx, plan, env == NULL ? &nothing : env, &exec);
    int is_first = 1;

    text[0] = '\0';
    if (status == VELO_OK) {
        vl_exec_bind(exec, params, param_count);
        while ((status = vl_exec_step(ctx, exec, &row)) == VELO_ROW) {
            plan_write(text, size, is_first ? "" : "; ");
            for (uint32_t i = 0; i < plan->programs[0].root->column_count; i++) {
                plan_write(text, size, i == 0 ? "" : " ");
                plan_write_value(&row[i], text, size);
            }
            is_first = 0;
        }
    }
    if (status != VELO_DONE) {
        plan_write(text, size, is_first ? "!" : "; !");
        plan_write(text, size, ctx->error.text);
    }
    vl_exec_destroy(exec);
}

int
plan_yields(plan_builder *builder, vl_op *root, const vl_exec_env *env, const char *params,
            const char *rows)
{
    static char text[1 << 16];
    uint32_t count = 0;
    vl_value *values = params == NULL ? NULL : plan_row(builder, params, &count);

    plan_run(unit_ctx(), plan_root(builder, root), env, values, count, text, sizeof text);
    if (strcmp(text, rows) == 0)
        return 1;
    fprintf(stderr, "  expected %s\n  got      %s\n", rows, text);
    return 0;
}
