/* bind_expr.c - what an expression means: operators, literals, comparisons, subqueries.
 *
 * Invariants
 *   BE1  Recursion is as deep as the tree, which vl_parse limits, and queries within it are counted
 *        (bind_query.c).
 *   BE2  Only what cannot fail is folded: arithmetic of literals. */
#include "sql/bind_int.h"
#include "sql/schema_build.h"

#include "base/collation.h"
#include "vec/like.h"
#include "vec/number.h"

#include <string.h>

/* ---- literals ---- */

/* The text without the separators of digits. */
static const char *
expr_digits(vl_binder *b, const vl_ast *ast, size_t *size)
{
    char *digits = vl_bind_alloc(b, ast->text_size + 1U, 1);

    *size = 0;
    if (digits == NULL)
        return NULL;
    for (uint32_t i = 0; i < ast->text_size; i++)
        if (ast->text[i] != '_')
            digits[(*size)++] = ast->text[i];
    return digits;
}

static vl_expr *
expr_number(vl_binder *b, const vl_bind_scope *scope, const vl_ast *ast, int is_negative)
{
    size_t size;
    const char *digits = expr_digits(b, ast, &size);
    vl_value value;

    if (digits == NULL)
        return NULL;
    if (size > 1 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')) {
        int64_t integer;

        if (!vl_number_read_hex(digits, size, &integer))
            return vl_bind_fail(b, scope, ast, "hex literal too big: %s%s", is_negative ? "-" : "",
                                digits);
        if (is_negative && integer == INT64_MIN)
            return vl_bind_fail(b, scope, ast, "hex literal too big: -%s", digits);
        value = vl_value_of_integer(integer);
    } else {
        value = vl_number_read(digits, size).value;
    }
    if (is_negative && value.type == VL_TYPE_REAL && value.as.real == 9223372036854775808.0 &&
        ast->type == VL_AST_INTEGER &&
        strcmp(digits + strspn(digits, "0"), "9223372036854775808") == 0)
        value = vl_value_of_integer(INT64_MIN);
    else if (is_negative && value.type == VL_TYPE_REAL)
        value.as.real = -value.as.real; /* -0.0 is one literal; -(0.0) is 0.0 */
    else if (is_negative)
        value = vl_value_negate(&value);
    return vl_expr_constant(b, value, ast);
}

static vl_expr *
expr_blob(vl_binder *b, const vl_ast *ast)
{
    uint32_t size = ast->text_size / 2;
    uint8_t *bytes = vl_bind_alloc(b, size + 1U, 1);
    vl_value value = {.type = VL_TYPE_BLOB, .size = size};

    if (bytes == NULL)
        return NULL;
    for (uint32_t i = 0; i < 2 * size; i++) {
        unsigned char c = (unsigned char)ast->text[i];
        unsigned digit = c <= 57U ? c - 48U : (c & 0xdfU) - 65U + 10U; /* ASCII */

        bytes[i / 2] = (uint8_t)((unsigned)bytes[i / 2] << 4 | digit);
    }
    value.as.data = bytes;
    return vl_expr_constant(b, value, ast);
}

static vl_expr *
expr_param(vl_binder *b, const vl_ast *ast)
{
    vl_expr *expr = vl_expr_new(b, VL_EXPR_PARAM, 0, ast);

    if (expr == NULL)
        return NULL;
    expr->index = ast->count;
    if (ast->count > 0 && ast->count <= b->plan->param_count && ast->text[0] != '?' &&
        b->plan->param_names[ast->count - 1] == NULL)
        b->plan->param_names[ast->count - 1] = vl_bind_text(b, ast->text, ast->text_size);
    if (ast->count > 0 && ast->count <= b->plan->param_count && ast->text[0] == '?' &&
        ast->text_size > 1 && b->plan->param_names[ast->count - 1] == NULL)
        b->plan->param_names[ast->count - 1] = vl_bind_text(b, ast->text, ast->text_size);
    return vl_expr_finish(b, expr);
}

/* ---- lists and rows ---- */

vl_exprs
vl_bind_list(vl_binder *b, vl_bind_scope *scope, const vl_ast *list)
{
    vl_exprs exprs = {NULL, 0};

    for (const vl_ast *kid = vl_ast_first(list); kid != NULL && b->status == VELO_OK;
         kid = kid->next)
        vl_exprs_add(b, &exprs, vl_bind_expr(b, scope, kid));
    return exprs;
}

/* The program of a subquery, which runs for each row of what is around it if it names that. */
static uint32_t
expr_program(vl_binder *b, const vl_query *query, uint32_t only, vl_bind_frame *frame)
{
    uint32_t program;

    b->repeated++;
    program = vl_plan_program(b, query, NULL, only, frame);
    b->repeated--;
    return program;
}

/* The expression whose collation is that of a query's column in comparisons: of several SELECTs the
 * last one's, as in SQLite. */
static const vl_expr *
expr_result(const vl_query *query, uint32_t column)
{
    return query->cores[query->core_count - 1]->results.list[column];
}

/* Let a column of a row value compare as the query's column does. A query of one column, as in
 * SQLite, has no collation. Before the query is planned. */
static void
expr_take_collation(vl_binder *b, const vl_query *query, uint32_t column, vl_expr *expr)
{
    const vl_expr *result = expr_result(query, column);

    if (query->column_count == 1)
        return;
    expr->is_column = (uint8_t)vl_expr_collation(b, result, &expr->collation);
    expr->has_collation = result->has_collation;
}

/* A subquery's columns as expressions: the first row's. `count_wanted` 0: any. */
static vl_exprs
expr_scalars(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast, uint32_t count_wanted)
{
    vl_query *query = vl_bind_query(b, scope, scope, ast->kid[0]);
    vl_exprs exprs = {NULL, 0};
    vl_exprs made = {NULL, 0};
    vl_bind_frame frame;
    uint32_t program;

    if (query == NULL)
        return exprs;
    if (count_wanted != 0 && query->column_count != count_wanted) {
        vl_bind_fail(b, scope, ast, "sub-select returns %u columns - expected %u",
                     (unsigned)query->column_count, (unsigned)count_wanted);
        return exprs;
    }
    for (uint32_t i = 0; i < query->column_count; i++) {
        vl_expr *expr = vl_expr_new(b, VL_EXPR_SCALAR, 0, ast);

        if (expr == NULL)
            return exprs;
        expr_take_collation(b, query, i, expr);
        vl_exprs_add(b, &made, expr);
    }
    program = expr_program(b, query, VL_BIND_NONE, &frame);
    if (b->status != VELO_OK)
        return exprs;
    for (uint32_t i = 0; i < query->column_count; i++) {
        vl_expr *expr = made.list[i];
        vl_exprs arguments = vl_program_arguments(b, frame.arguments, frame.count, ast);

        expr->program = program;
        expr->index = i;
        expr->kids = arguments.list;
        expr->kid_count = arguments.count;
        expr->affinity = query->columns[i].affinity;
        expr->classes = query->columns[i].classes | VL_CLASS_NULL;
        vl_exprs_add(b, &exprs, vl_expr_finish(b, expr));
    }
    return exprs;
}

vl_exprs
vl_bind_row(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    vl_exprs exprs = {NULL, 0};

    if (ast->type == VL_AST_ROW)
        return vl_bind_list(b, scope, ast->kid[0]);
    if (ast->type == VL_AST_SUBQUERY)
        return expr_scalars(b, scope, ast, 0);
    vl_exprs_add(b, &exprs, vl_bind_expr(b, scope, ast));
    return exprs;
}

/* ---- operators ---- */

static vl_expr *
expr_one(vl_binder *b, vl_expr_kind kind, vl_expr *kid, uint8_t classes, const vl_ast *at)
{
    vl_expr *expr = vl_expr_new(b, kind, 1, at);

    if (expr == NULL || kid == NULL)
        return NULL;
    expr->kids[0] = kid;
    expr->classes = classes;
    return vl_expr_finish(b, expr);
}

/* Truth values: NULL only where a kid may be. */
static uint8_t
expr_truth_classes(const vl_expr *kid)
{
    return (uint8_t)(VL_CLASS_INTEGER | (kid->classes & VL_CLASS_NULL));
}

static vl_expr *
expr_is_null(vl_binder *b, vl_expr *kid, int is_not, const vl_ast *at)
{
    vl_expr *expr = expr_one(b, VL_EXPR_IS_NULL, kid, VL_CLASS_INTEGER, at);

    if (expr != NULL)
        expr->is_not = (uint8_t)is_not;
    return expr;
}

/* +x: no affinity, and no use of an index; the collation stays. */
static vl_expr *
expr_plus(vl_binder *b, vl_expr *kid)
{
    vl_expr *expr;

    if (kid->kind == VL_EXPR_CAST ||
        kid->kind == VL_EXPR_CONVERT) { /* the affinity is what it does */
        expr = expr_one(b, VL_EXPR_CONVERT, kid, kid->classes, NULL);
        if (expr == NULL)
            return NULL;
        expr->offset = kid->offset;
        if (!expr->has_collation)
            expr->is_column = (uint8_t)vl_expr_collation(b, kid, &expr->collation);
        return expr;
    }
    expr = vl_expr_copy(b, kid);
    if (expr == NULL)
        return NULL;
    expr->affinity = VL_AFFINITY_NONE;
    if (expr->kind == VL_EXPR_COLUMN)
        expr->op = 1;
    return expr;
}

static vl_expr *
expr_minus(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    const vl_ast *kid = ast->kid[0];
    vl_expr *expr;

    if (kid->type == VL_AST_INTEGER || kid->type == VL_AST_REAL)
        return expr_number(b, scope, kid, 1);
    expr = vl_bind_expr(b, scope, kid);
    return expr_one(b, VL_EXPR_NEGATE, expr, VL_CLASS_INTEGER | VL_CLASS_REAL | VL_CLASS_NULL, ast);
}

static vl_expr *
expr_unary(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    vl_expr *kid;

    if (ast->op == VL_OP_MINUS)
        return expr_minus(b, scope, ast);
    kid = vl_bind_expr(b, scope, ast->kid[0]);
    if (kid == NULL)
        return NULL;
    if (ast->op == VL_OP_PLUS)
        return expr_plus(b, kid);
    if (ast->op == VL_OP_ISNULL || ast->op == VL_OP_NOTNULL)
        return expr_is_null(b, kid, ast->op == VL_OP_NOTNULL, ast);
    if (ast->op == VL_OP_NOT)
        return expr_one(b, VL_EXPR_NOT, kid, expr_truth_classes(kid), ast);
    return expr_one(b, VL_EXPR_BIT_NOT, kid, VL_CLASS_INTEGER | VL_CLASS_NULL, ast);
}

/* AND and OR; what is of the same kind on the left is taken in. */
static vl_expr *
expr_logic(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    vl_expr_kind kind = ast->op == VL_OP_AND ? VL_EXPR_AND : VL_EXPR_OR;
    vl_expr *left = vl_bind_expr(b, scope, ast->kid[0]);
    vl_expr *right = vl_bind_expr(b, scope, ast->kid[1]);
    vl_expr *expr = vl_expr_new(b, kind, 0, ast);
    vl_exprs kids = {NULL, 0};

    if (left == NULL || right == NULL || expr == NULL)
        return NULL;
    if (left->kind == kind)
        for (uint32_t i = 0; i < left->kid_count; i++)
            vl_exprs_add(b, &kids, left->kids[i]);
    else
        vl_exprs_add(b, &kids, left);
    vl_exprs_add(b, &kids, right);
    expr->kids = kids.list;
    expr->kid_count = kids.count;
    expr->classes = (uint8_t)(expr_truth_classes(left) | expr_truth_classes(right));
    return vl_expr_finish(b, expr);
}

static vl_expr *
expr_arithmetic(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast, vl_operator op)
{
    vl_expr *expr = vl_expr_new(b, VL_EXPR_ARITHMETIC, 2, ast);
    vl_expr *left = vl_bind_expr(b, scope, ast->kid[0]);
    vl_expr *right = vl_bind_expr(b, scope, ast->kid[1]);
    int is_bits = op >= VL_OPERATOR_AND;

    if (expr == NULL || left == NULL || right == NULL)
        return NULL;
    if (left->kind == VL_EXPR_CONSTANT && right->kind == VL_EXPR_CONSTANT && !left->has_collation &&
        !right->has_collation) /* keeps BE2 */
        return vl_expr_constant(b, vl_value_operate(op, &left->value, &right->value), ast);
    expr->op = (uint8_t)op;
    expr->kids[0] = left;
    expr->kids[1] = right;
    expr->classes = VL_CLASS_INTEGER | VL_CLASS_NULL;
    if (!is_bits)
        expr->classes |= VL_CLASS_REAL;
    return vl_expr_finish(b, expr);
}

static vl_expr *
expr_concat(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    vl_expr *expr = vl_expr_new(b, VL_EXPR_CONCAT, 2, ast);

    if (expr == NULL)
        return NULL;
    expr->kids[0] = vl_bind_expr(b, scope, ast->kid[0]);
    expr->kids[1] = vl_bind_expr(b, scope, ast->kid[1]);
    expr->classes = VL_CLASS_TEXT | VL_CLASS_NULL;
    return vl_expr_finish(b, expr);
}

/* Whether an expression runs a program, or may differ from one evaluation to the next. */
static int
expr_is_dear(const vl_expr *expr)
{
    if (expr->program != VL_BIND_NONE || expr->effect == VL_EFFECT_VOLATILE)
        return 1;
    for (uint32_t i = 0; i < expr->kid_count; i++)
        if (expr_is_dear(expr->kids[i]))
            return 1;
    return 0;
}

/* Whether a row value that is compared several times is evaluated by a LET around that. */
static int
expr_needs_let(const vl_exprs *row)
{
    for (uint32_t i = 0; i < row->count && row->count <= UINT8_MAX; i++)
        if (expr_is_dear(row->list[i]))
            return 1;
    return 0;
}

/* What is compared, with the row's values around it. */
static vl_expr *
expr_let(vl_binder *b, const vl_exprs *row, vl_expr *body, const vl_ast *at)
{
    vl_expr *expr = vl_expr_new(b, VL_EXPR_LET, row->count + 1, at);

    if (expr == NULL || body == NULL)
        return NULL;
    expr->op = (uint8_t)row->count;
    memcpy(expr->kids, row->list, row->count * sizeof *expr->kids);
    expr->kids[row->count] = body;
    expr->classes = body->classes;
    return vl_expr_finish(b, expr);
}

/* Let the left side of a comparison of rows be the values of the LET around it. */
static vl_expr *
expr_take_let(vl_binder *b, vl_expr *compare)
{
    for (uint32_t i = 0; compare != NULL && i < compare->kid_count / 2; i++) {
        vl_expr *base = vl_expr_new(b, VL_EXPR_BASE, 0, NULL);

        if (base == NULL)
            return NULL;
        base->index = i;
        base->classes = compare->kids[i]->classes;
        compare->kids[i] = base;
    }
    if (compare != NULL)
        compare->is_constant = 0;
    return compare;
}

/* left op right of rows of one size. */
static vl_expr *
expr_row_compare(vl_binder *b, vl_comparison op, const vl_exprs *left, const vl_exprs *right,
                 const vl_ast *at)
{
    uint32_t count = left->count;
    vl_expr *expr = vl_expr_new(b, VL_EXPR_ROW_COMPARE, 2 * count, at);
    uint8_t *affinities = vl_bind_alloc(b, count, 1);
    uint8_t *collations = vl_bind_alloc(b, count, 1);

    if (expr == NULL || affinities == NULL || collations == NULL)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        const vl_expr *l = left->list[i];
        const vl_expr *r = right->list[i];

        expr->kids[i] = left->list[i];
        expr->kids[count + i] = right->list[i];
        affinities[i] =
            (uint8_t)vl_affinity_comparison((vl_affinity)l->affinity, (vl_affinity)r->affinity);
        collations[i] = vl_bind_need(b, vl_expr_collation_of_two(b, l, r));
    }
    expr->op = (uint8_t)op;
    expr->affinities = affinities;
    expr->collations = collations;
    expr->classes = VL_CLASS_INTEGER | VL_CLASS_NULL;
    return vl_expr_finish(b, expr);
}

/* x IS TRUE and the like: the word, or -1 when the right side is none. */
static int
expr_truth_word(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    int word;

    while (ast->type == VL_AST_COLLATE)
        ast = ast->kid[0];
    if (ast->type != VL_AST_COLUMN || ast->kid[0] != NULL || (ast->flags & VL_AST_QUOTED) != 0)
        return -1;
    if (vl_bind_is(ast->text, ast->text_size, "true"))
        word = 1;
    else if (vl_bind_is(ast->text, ast->text_size, "false"))
        word = 0;
    else
        return -1;
    for (const vl_bind_scope *at = scope; at != NULL; at = at->parent)
        for (uint32_t i = 0; i < at->source_count; i++)
            if (vl_bind_source_column(at->sources[i], ast->text, ast->text_size) >= 0)
                return -1;
    (void)b;
    return word;
}

static vl_expr *
expr_is_true(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast, int word)
{
    vl_expr *kid = vl_bind_expr(b, scope, ast->kid[0]);
    vl_expr *expr = expr_one(b, VL_EXPR_IS_TRUE, kid, VL_CLASS_INTEGER, ast);

    if (expr == NULL)
        return NULL;
    expr->is_not = ast->op == VL_OP_IS_NOT;
    expr->op = word == 0;
    return expr;
}

static vl_expr *
expr_comparison(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast, vl_comparison op)
{
    vl_exprs left;
    vl_exprs right;

    if (op >= VL_COMPARE_IS) {
        int word = expr_truth_word(b, scope, ast->kid[1]);

        if (word >= 0)
            return expr_is_true(b, scope, ast, word);
        if (ast->kid[1]->type == VL_AST_NULL && ast->kid[0]->type != VL_AST_ROW)
            return expr_is_null(b, vl_bind_expr(b, scope, ast->kid[0]), op == VL_COMPARE_IS_NOT,
                                ast);
    }
    left = vl_bind_row(b, scope, ast->kid[0]);
    right = vl_bind_row(b, scope, ast->kid[1]);
    if (b->status != VELO_OK)
        return NULL;
    if (left.count != right.count)
        return vl_bind_fail(b, scope, ast->kid[0], "row value misused");
    if (left.count == 1)
        return vl_expr_compare(b, op, left.list[0], right.list[0], ast);
    return expr_row_compare(b, op, &left, &right, ast);
}

static vl_expr *
expr_binary(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    static const uint8_t comparisons[][2] = {
        {VL_OP_EQ, VL_COMPARE_EQ}, {VL_OP_NE, VL_COMPARE_NE},         {VL_OP_LT, VL_COMPARE_LT},
        {VL_OP_LE, VL_COMPARE_LE}, {VL_OP_GT, VL_COMPARE_GT},         {VL_OP_GE, VL_COMPARE_GE},
        {VL_OP_IS, VL_COMPARE_IS}, {VL_OP_IS_NOT, VL_COMPARE_IS_NOT},
    };
    static const uint8_t operators[][2] = {
        {VL_OP_ADD, VL_OPERATOR_ADD},
        {VL_OP_SUB, VL_OPERATOR_SUBTRACT},
        {VL_OP_MUL, VL_OPERATOR_MULTIPLY},
        {VL_OP_DIV, VL_OPERATOR_DIVIDE},
        {VL_OP_MOD, VL_OPERATOR_REMAINDER},
        {VL_OP_BIT_AND, VL_OPERATOR_AND},
        {VL_OP_BIT_OR, VL_OPERATOR_OR},
        {VL_OP_SHIFT_LEFT, VL_OPERATOR_SHIFT_LEFT},
        {VL_OP_SHIFT_RIGHT, VL_OPERATOR_SHIFT_RIGHT},
    };
    vl_exprs arguments = {NULL, 0};

    if (ast->op == VL_OP_AND || ast->op == VL_OP_OR)
        return expr_logic(b, scope, ast);
    if (ast->op == VL_OP_CONCAT)
        return expr_concat(b, scope, ast);
    for (unsigned i = 0; i < VL_ARRAY_COUNT(comparisons); i++)
        if (ast->op == comparisons[i][0])
            return expr_comparison(b, scope, ast, (vl_comparison)comparisons[i][1]);
    for (unsigned i = 0; i < VL_ARRAY_COUNT(operators); i++)
        if (ast->op == operators[i][0])
            return expr_arithmetic(b, scope, ast, (vl_operator)operators[i][1]);
    vl_exprs_add(b, &arguments, vl_bind_expr(b, scope, ast->kid[0]));
    vl_exprs_add(b, &arguments, vl_bind_expr(b, scope, ast->kid[1]));
    return vl_bind_call_named(b, scope, ast->op == VL_OP_ARROW ? "->" : "->>", arguments, ast);
}

/* ---- LIKE, BETWEEN, CASE, CAST, COLLATE ---- */

/* Whether matching cannot fail: the pattern is short and the escape is one character. */
static int
expr_like_is_total(const vl_expr *pattern, const vl_expr *escape)
{
    uint32_t character;

    if (pattern->kind != VL_EXPR_CONSTANT || pattern->value.size > VL_LIKE_PATTERN_MAX)
        return 0;
    if (escape == NULL)
        return 1;
    return escape->kind == VL_EXPR_CONSTANT && escape->value.type == VL_TYPE_TEXT &&
           vl_like_escape(NULL, escape->value.as.data, escape->value.size, &character) == VELO_OK;
}

static vl_expr *
expr_like(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    uint32_t count = ast->kid[2] != NULL ? 3 : 2;
    vl_expr *expr = vl_expr_new(b, VL_EXPR_LIKE, count, ast);
    int is_call = (ast->op != VL_OP_LIKE && (ast->op != VL_OP_GLOB || count == 3)) ||
                  vl_bind_is_overridden(b, ast->op == VL_OP_LIKE ? "like" : "glob", count);
    vl_bind_word word = {ast->op == VL_OP_LIKE ? "like" : "glob", 4};
    vl_bind_answer answer = VL_BIND_ALLOWED;

    if (expr == NULL || (!is_call && !vl_bind_ask_function(b, scope, word, &answer)))
        return NULL;
    if (answer == VL_BIND_IGNORED)
        return vl_expr_constant(b, vl_value_of_null(), ast);
    for (uint32_t i = 0; i < count; i++) {
        expr->kids[i] = vl_bind_expr(b, scope, ast->kid[i]);
        if (expr->kids[i] == NULL)
            return NULL;
    }
    if (is_call) {
        const char *name = ast->op == VL_OP_REGEXP ? "regexp"
                           : ast->op == VL_OP_GLOB ? "glob"
                           : ast->op == VL_OP_LIKE ? "like"
                                                   : "match";
        vl_exprs arguments = {NULL, 0};
        vl_expr *call;

        vl_exprs_add(b, &arguments, expr->kids[1]);
        vl_exprs_add(b, &arguments, expr->kids[0]);
        vl_exprs_add(b, &arguments, count == 3 ? expr->kids[2] : NULL);
        call = vl_bind_call_named(b, scope, name, arguments, ast);
        if (call == NULL || (ast->flags & VL_AST_IS_NOT) == 0)
            return call;
        return expr_one(b, VL_EXPR_NOT, call, expr_truth_classes(call), ast);
    }
    expr->op = ast->op == VL_OP_GLOB;
    expr->is_not = (ast->flags & VL_AST_IS_NOT) != 0;
    expr->classes = VL_CLASS_INTEGER | VL_CLASS_NULL;
    if (!expr_like_is_total(expr->kids[1], count == 3 ? expr->kids[2] : NULL))
        expr->effect = VL_EFFECT_FAILING;
    return vl_expr_finish(b, expr);
}

/* BETWEEN of rows: two comparisons. */
static vl_expr *
expr_between_rows(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast, const vl_exprs *operand)
{
    int has_let = expr_needs_let(operand);
    vl_expr *expr = vl_expr_new(b, VL_EXPR_AND, 2, ast);

    for (unsigned i = 0; i < 2; i++) {
        vl_exprs end = vl_bind_row(b, scope, ast->kid[1 + i]);

        if (b->status != VELO_OK || expr == NULL)
            return NULL;
        if (operand->count != end.count)
            return vl_bind_fail(b, scope, ast->kid[0], "row value misused");
        expr->kids[i] =
            expr_row_compare(b, i == 0 ? VL_COMPARE_GE : VL_COMPARE_LE, operand, &end, ast);
        if (has_let)
            expr->kids[i] = expr_take_let(b, expr->kids[i]);
    }
    expr->classes = VL_CLASS_INTEGER | VL_CLASS_NULL;
    expr = vl_expr_finish(b, expr);
    if (has_let)
        expr = expr_let(b, operand, expr, ast);
    if ((ast->flags & VL_AST_IS_NOT) == 0)
        return expr;
    return expr_one(b, VL_EXPR_NOT, expr, VL_CLASS_INTEGER | VL_CLASS_NULL, ast);
}

static vl_expr *
expr_between(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    vl_exprs operand = vl_bind_row(b, scope, ast->kid[0]);
    vl_expr *expr = vl_expr_new(b, VL_EXPR_BETWEEN, 3, ast);

    if (expr == NULL || b->status != VELO_OK)
        return NULL;
    if (operand.count != 1)
        return expr_between_rows(b, scope, ast, &operand);
    expr->kids[0] = operand.list[0];
    for (uint32_t i = 1; i < 3; i++) {
        expr->kids[i] = vl_bind_expr(b, scope, ast->kid[i]);
        if (expr->kids[i] == NULL)
            return NULL;
    }
    expr->is_not = (ast->flags & VL_AST_IS_NOT) != 0;
    expr->compared = (uint8_t)vl_affinity_comparison((vl_affinity)expr->kids[0]->affinity,
                                                     (vl_affinity)expr->kids[1]->affinity);
    expr->compared2 = (uint8_t)vl_affinity_comparison((vl_affinity)expr->kids[0]->affinity,
                                                      (vl_affinity)expr->kids[2]->affinity);
    expr->classes = VL_CLASS_INTEGER | VL_CLASS_NULL;
    expr = vl_expr_finish(b, expr);
    if (expr != NULL) {
        expr->collation =
            vl_bind_need(b, vl_expr_collation_of_two(b, expr->kids[0], expr->kids[1]));
        expr->collation2 =
            vl_bind_need(b, vl_expr_collation_of_two(b, expr->kids[0], expr->kids[2]));
    }
    return expr;
}

/* What WHEN of a CASE means. base: the operand, of which the comparison has a place; or NULL.
 * operand: a row value, if it has several columns. */
static vl_expr *
expr_when(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast, const vl_ast *when, vl_expr *base,
          const vl_exprs *operand)
{
    vl_expr *condition;

    if (operand->count > 1) {
        vl_exprs right = vl_bind_row(b, scope, when->kid[0]);

        if (b->status == VELO_OK && operand->count != right.count)
            return vl_bind_fail(b, scope, when->kid[0], "row value misused");
        if (b->status != VELO_OK)
            return NULL;
        condition = expr_row_compare(b, VL_COMPARE_EQ, operand, &right, ast);
        return expr_needs_let(operand) ? expr_take_let(b, condition) : condition;
    }
    condition = vl_bind_expr(b, scope, when->kid[0]);
    if (condition == NULL || base == NULL)
        return condition;
    condition = vl_expr_compare(b, VL_COMPARE_EQ, base, condition, when->kid[0]);
    if (condition == NULL)
        return NULL;
    condition->kids[0] = vl_expr_new(b, VL_EXPR_BASE, 0, ast->kid[0]);
    if (condition->kids[0] == NULL)
        return NULL;
    condition->kids[0]->classes = base->classes;
    condition->has_collation = 0;
    return condition;
}

static vl_expr *
expr_case(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    vl_expr *expr = vl_expr_new(b, VL_EXPR_CASE, 0, ast);
    vl_exprs operand = {NULL, 1};
    vl_expr *base = NULL;
    vl_exprs kids = {NULL, 0};
    unsigned classes = ast->kid[2] == NULL ? VL_CLASS_NULL : 0;

    if (expr == NULL)
        return NULL;
    if (ast->kid[0] != NULL) {
        operand = vl_bind_row(b, scope, ast->kid[0]);
        if (b->status != VELO_OK)
            return NULL;
    }
    if (ast->kid[0] != NULL && operand.count == 1) {
        base = vl_expr_copy(b, operand.list[0]); /* its affinity, collation and classes */
        if (base == NULL)
            return NULL;
        expr->op = 1;
        vl_exprs_add(b, &kids, operand.list[0]);
    }
    for (const vl_ast *when = vl_ast_first(ast->kid[1]); when != NULL; when = when->next) {
        vl_expr *condition = expr_when(b, scope, ast, when, base, &operand);
        vl_expr *result = vl_bind_expr(b, scope, when->kid[1]);

        if (condition == NULL || result == NULL)
            return NULL;
        classes |= result->classes;
        vl_exprs_add(b, &kids, condition);
        vl_exprs_add(b, &kids, result);
    }
    if (ast->kid[2] != NULL) {
        vl_expr *other = vl_bind_expr(b, scope, ast->kid[2]);

        classes |= other != NULL ? other->classes : 0U;
        vl_exprs_add(b, &kids, other);
    }
    expr->kids = kids.list;
    expr->kid_count = kids.count;
    expr->classes = (uint8_t)classes;
    expr = vl_expr_finish(b, expr);
    return operand.count > 1 && expr_needs_let(&operand) ? expr_let(b, &operand, expr, ast) : expr;
}

uint8_t
vl_bind_classes(vl_affinity affinity, int is_cast)
{
    switch (affinity) {
    case VL_AFFINITY_TEXT:
        return is_cast ? VL_CLASS_TEXT : VL_CLASS_TEXT | VL_CLASS_BLOB;
    case VL_AFFINITY_NUMERIC:
        return is_cast ? VL_CLASS_INTEGER | VL_CLASS_REAL : VL_CLASS_ANY & ~VL_CLASS_NULL;
    case VL_AFFINITY_INTEGER:
        return is_cast ? VL_CLASS_INTEGER : VL_CLASS_ANY & ~VL_CLASS_NULL;
    case VL_AFFINITY_REAL:
        return is_cast ? VL_CLASS_REAL : VL_CLASS_REAL | VL_CLASS_TEXT | VL_CLASS_BLOB;
    case VL_AFFINITY_NONE:
    case VL_AFFINITY_BLOB:
        return is_cast ? VL_CLASS_BLOB : VL_CLASS_ANY & ~VL_CLASS_NULL;
    }
    return VL_CLASS_ANY;
}

static vl_expr *
expr_cast(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    const vl_ast *type = ast->kid[1];
    vl_expr *kid = vl_bind_expr(b, scope, ast->kid[0]);
    vl_affinity affinity =
        type != NULL ? vl_affinity_declared(type->text, type->text_size) : VL_AFFINITY_NUMERIC;
    vl_expr *expr;

    if (kid == NULL)
        return NULL;
    expr = expr_one(b, VL_EXPR_CAST, kid,
                    (uint8_t)(vl_bind_classes(affinity, 1) | (kid->classes & VL_CLASS_NULL)), ast);
    if (expr != NULL)
        expr->affinity = (uint8_t)affinity;
    return expr;
}

int
vl_bind_collation(vl_binder *b, const vl_bind_scope *scope, const vl_ast *at, const char *name,
                  size_t size, uint8_t *collation)
{
    int number = vl_collation_find(name, size);

    *collation = number < 0 ? VL_COLLATE_BINARY : (uint8_t)number;
    if (number < 0)
        vl_bind_fail(b, scope, at, "no such collation sequence: %.*s", (int)size, name);
    return number >= 0;
}

vl_expr *
vl_bind_collate(vl_binder *b, const vl_bind_scope *scope, const vl_ast *ast, const vl_expr *inner)
{
    vl_expr *expr = vl_expr_copy(b, inner);
    uint8_t collation;

    if (expr == NULL || !vl_bind_collation(b, scope, ast, ast->text, ast->text_size, &collation))
        return NULL;
    if (expr->kind == VL_EXPR_COMPARE || expr->kind == VL_EXPR_BETWEEN ||
        expr->kind == VL_EXPR_IN_LIST || expr->kind == VL_EXPR_FUNCTION) {
        /* These compare by a collation of their own. */
        vl_expr *outer = expr_one(b, VL_EXPR_CONVERT, expr, expr->classes, ast);

        if (outer == NULL)
            return NULL;
        outer->affinity = VL_AFFINITY_NONE;
        outer->op = 2;
        outer->may_be_json = expr->may_be_json;
        expr = outer;
    }
    expr->collation = collation;
    expr->has_collation = 1;
    return expr;
}

/* ---- IN, EXISTS ---- */

static vl_expr *
expr_in_query(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast, const vl_exprs *left,
              const vl_ast *query_ast)
{
    vl_query *query = vl_bind_query(b, scope, scope, query_ast);
    vl_expr *expr = vl_expr_new(b, VL_EXPR_IN_QUERY, 0, ast);
    uint8_t *affinities = vl_bind_alloc(b, left->count, 1);
    uint8_t *collations = vl_bind_alloc(b, left->count, 1);
    vl_exprs kids = {NULL, 0};
    vl_bind_frame frame;

    if (query == NULL || expr == NULL || affinities == NULL || collations == NULL)
        return NULL;
    if (query->column_count != left->count)
        return vl_bind_fail(b, scope, ast, "sub-select returns %u columns - expected %u",
                            (unsigned)query->column_count, (unsigned)left->count);
    for (uint32_t i = 0; i < left->count; i++) {
        const vl_expr *side = left->list[i];

        vl_exprs_add(b, &kids, left->list[i]);
        affinities[i] = (uint8_t)vl_affinity_comparison((vl_affinity)side->affinity,
                                                        (vl_affinity)query->columns[i].affinity);
        collations[i] = vl_bind_need(b, vl_expr_collation_of_two(b, side, expr_result(query, i)));
    }
    expr->program = expr_program(b, query, VL_BIND_NONE, &frame);
    if (b->status != VELO_OK)
        return NULL;
    for (uint32_t i = 0; i < frame.count; i++)
        vl_exprs_add(b, &kids, vl_expr_column(b, frame.arguments[i], ast));
    expr->op = (uint8_t)left->count;
    expr->kids = kids.list;
    expr->kid_count = kids.count;
    expr->affinities = affinities;
    expr->collations = collations;
    expr->is_not = (ast->flags & VL_AST_IS_NOT) != 0;
    expr->classes = VL_CLASS_INTEGER | VL_CLASS_NULL;
    return vl_expr_finish(b, expr);
}

const vl_ast *
vl_bind_all_of(vl_binder *b, const vl_ast *from)
{
    static const vl_ast_type types[] = {VL_AST_QUERY, VL_AST_SELECT, VL_AST_STAR, VL_AST_LIST,
                                        VL_AST_LIST};
    vl_ast *nodes[VL_ARRAY_COUNT(types)];
    vl_ast *list;

    for (unsigned i = 0; i < VL_ARRAY_COUNT(types); i++) {
        unsigned kid_count = vl_ast_kid_count(types[i]);

        nodes[i] = vl_bind_alloc(b, 1, sizeof(vl_ast) + kid_count * sizeof(vl_ast *));
        if (nodes[i] == NULL)
            return NULL;
        nodes[i]->type = (uint8_t)types[i];
        nodes[i]->kid_count = (uint8_t)kid_count;
        nodes[i]->offset = from->offset;
        nodes[i]->length = from->length;
        nodes[i]->count = 1;
    }
    list = vl_bind_alloc(b, 1, sizeof(vl_ast) + from->kid_count * sizeof(vl_ast *));
    if (list == NULL)
        return NULL;
    memcpy(list, from, sizeof(vl_ast) + from->kid_count * sizeof(vl_ast *));
    nodes[3]->kid[0] = nodes[3]->kid[1] = nodes[1]; /* the query's list of SELECT */
    nodes[4]->kid[0] = nodes[4]->kid[1] = nodes[2]; /* results */
    nodes[0]->kid[1] = nodes[3];
    nodes[1]->kid[0] = nodes[4];
    nodes[1]->kid[1] = list;
    return nodes[0];
}

/* x IN table: a query for all of it. */
static const vl_ast *
expr_query_of_source(vl_binder *b, const vl_ast *source)
{
    unsigned kid_count = vl_ast_kid_count(VL_AST_LIST);
    vl_ast *list = vl_bind_alloc(b, 1, sizeof(vl_ast) + kid_count * sizeof(vl_ast *));
    vl_ast *copy = vl_bind_alloc(b, 1, sizeof(vl_ast) + source->kid_count * sizeof(vl_ast *));

    if (list == NULL || copy == NULL)
        return NULL;
    memcpy(copy, source, sizeof(vl_ast) + source->kid_count * sizeof(vl_ast *));
    copy->next = NULL;
    list->type = VL_AST_LIST;
    list->kid_count = (uint8_t)kid_count;
    list->count = 1;
    list->kid[0] = list->kid[1] = copy;
    return vl_bind_all_of(b, list);
}

/* (a, b) IN ((1, 2), (3, 4)): equal to one of them. */
static vl_expr *
expr_in_rows(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast, const vl_exprs *left)
{
    int has_let = expr_needs_let(left);
    vl_expr *expr = vl_expr_new(b, VL_EXPR_OR, 0, ast);
    vl_exprs kids = {NULL, 0};

    for (const vl_ast *row = vl_ast_first(ast->kid[1]); row != NULL; row = row->next) {
        vl_exprs right = vl_bind_row(b, scope, row);
        vl_expr *compare;

        if (b->status != VELO_OK)
            return NULL;
        if (right.count != left->count)
            return vl_bind_fail(b, scope, row, "IN(...) element has %u term%s - expected %u",
                                (unsigned)right.count, right.count == 1 ? "" : "s",
                                (unsigned)left->count);
        compare = expr_row_compare(b, VL_COMPARE_EQ, left, &right, row);
        vl_exprs_add(b, &kids, has_let ? expr_take_let(b, compare) : compare);
    }
    if (expr == NULL || b->status != VELO_OK)
        return NULL;
    expr->kids = kids.list;
    expr->kid_count = kids.count;
    expr->classes = VL_CLASS_INTEGER | VL_CLASS_NULL;
    expr = kids.count == 1 ? kids.list[0] : vl_expr_finish(b, expr);
    if (has_let)
        expr = expr_let(b, left, expr, ast);
    if ((ast->flags & VL_AST_IS_NOT) == 0)
        return expr;
    return expr_one(b, VL_EXPR_NOT, expr, VL_CLASS_INTEGER | VL_CLASS_NULL, ast);
}

static vl_expr *
expr_in_list(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast, const vl_exprs *left)
{
    vl_expr *expr = vl_expr_new(b, VL_EXPR_IN_LIST, 0, ast);
    vl_exprs kids = {NULL, 0};
    uint8_t collation;

    if (expr == NULL)
        return NULL;
    vl_exprs_add(b, &kids, left->list[0]);
    for (const vl_ast *item = vl_ast_first(ast->kid[1]); item != NULL; item = item->next) {
        vl_expr *kid = vl_bind_expr(b, scope, item);

        if (kid == NULL)
            return NULL;
        vl_exprs_add(b, &kids, kid);
    }
    expr->kids = kids.list;
    expr->kid_count = kids.count;
    expr->compared =
        (uint8_t)vl_affinity_comparison((vl_affinity)left->list[0]->affinity, VL_AFFINITY_NONE);
    if (kids.count == 2 && kids.list[1]->is_constant) /* x IN (c) is x = c */
        collation = vl_expr_collation_of_two(b, left->list[0], kids.list[1]);
    else
        (void)vl_expr_collation(b, left->list[0], &collation);
    expr->is_not = (ast->flags & VL_AST_IS_NOT) != 0;
    expr->classes = VL_CLASS_INTEGER | VL_CLASS_NULL;
    expr = vl_expr_finish(b, expr);
    if (expr != NULL) {
        expr->collation = vl_bind_need(b, collation);
        expr->has_collation = left->list[0]->has_collation;
    }
    return expr;
}

static vl_expr *
expr_in(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    const vl_ast *right = ast->kid[1];
    vl_exprs left = vl_bind_row(b, scope, ast->kid[0]);

    if (b->status != VELO_OK || left.count == 0)
        return NULL;
    if (left.count > 255)
        return vl_bind_fail(b, scope, ast,
                            "row values of more than 255 columns are not supported "
                            "yet");
    if (right->type == VL_AST_LIST && right->count == 0)
        return vl_expr_constant(b, vl_value_of_integer((ast->flags & VL_AST_IS_NOT) != 0), ast);
    if (right->type == VL_AST_LIST && right->count == 1 && right->kid[0]->type == VL_AST_SUBQUERY)
        right = right->kid[0]->kid[0]; /* IN ((SELECT ...)) means IN (SELECT ...) */
    if (right->type == VL_AST_SOURCE)
        right = expr_query_of_source(b, right);
    if (right == NULL)
        return NULL;
    if (right->type == VL_AST_QUERY)
        return expr_in_query(b, scope, ast, &left, right);
    if (left.count > 1)
        return expr_in_rows(b, scope, ast, &left);
    return expr_in_list(b, scope, ast, &left);
}

/* The rows of EXISTS are not looked at: results are not computed, and no order is needed. */
static void
expr_drop_results(vl_binder *b, vl_query *query)
{
    vl_core *core = query->cores[0];
    vl_expr *one = vl_expr_constant(b, vl_value_of_integer(1), NULL);

    if (query->core_count > 1 || core->rows != NULL || core->is_distinct || core->is_grouped ||
        core->scope->call_count > 0 || one == NULL)
        return;
    core->results = (vl_exprs){NULL, 0};
    vl_exprs_add(b, &core->results, one);
    query->column_count = 1;
    query->order_count = 0;
}

static vl_expr *
expr_exists(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    vl_query *query = vl_bind_query(b, scope, scope, ast->kid[0]);
    vl_expr *expr = vl_expr_new(b, VL_EXPR_EXISTS, 0, ast);
    vl_exprs arguments;
    vl_bind_frame frame;

    if (query == NULL || expr == NULL)
        return NULL;
    expr_drop_results(b, query);
    expr->program = expr_program(b, query, VL_BIND_NONE, &frame);
    if (b->status != VELO_OK)
        return NULL;
    arguments = vl_program_arguments(b, frame.arguments, frame.count, ast);
    expr->kids = arguments.list;
    expr->kid_count = arguments.count;
    expr->classes = VL_CLASS_INTEGER;
    return vl_expr_finish(b, expr);
}

/* ---- all of them ---- */

static vl_expr *
expr_now(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    const char *name = ast->op == VL_OP_CURRENT_TIME   ? "current_time"
                       : ast->op == VL_OP_CURRENT_DATE ? "current_date"
                                                       : "current_timestamp";

    return vl_bind_call_named(b, scope, name, (vl_exprs){NULL, 0}, ast);
}

static vl_expr *
expr_subquery(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    vl_exprs exprs = expr_scalars(b, scope, ast, 1);

    return exprs.count == 1 ? exprs.list[0] : NULL;
}

static vl_expr *
expr_string(vl_binder *b, const vl_ast *ast)
{
    vl_value value = {.type = VL_TYPE_TEXT, .size = ast->text_size};

    value.as.data = ast->text;
    return vl_expr_constant(b, value, ast);
}

/* RAISE: only where a trigger is around. What it does is of the row at hand, so nothing is
 * evaluated ahead. */
static vl_expr *
expr_raise(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    vl_expr *expr;

    if (b->around == NULL)
        return vl_bind_fail(b, scope, ast, "RAISE() may only be used within a trigger-program");
    expr = vl_expr_new(b, VL_EXPR_RAISE, ast->kid[0] != NULL ? 1 : 0, ast);
    if (expr == NULL)
        return NULL;
    expr->op = (uint8_t)vl_schema_conflict((vl_ast_op)ast->op);
    expr->effect = VL_EFFECT_VOLATILE;
    if (ast->kid[0] != NULL)
        expr->kids[0] = vl_bind_expr(b, scope, ast->kid[0]);
    return vl_expr_finish(b, expr);
}

vl_expr *
vl_bind_expr(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    if (b->status != VELO_OK)
        return NULL;
    switch (ast->type) {
    case VL_AST_NULL:
        return vl_expr_constant(b, vl_value_of_null(), ast);
    case VL_AST_INTEGER:
    case VL_AST_REAL:
        return expr_number(b, scope, ast, 0);
    case VL_AST_STRING:
        return expr_string(b, ast);
    case VL_AST_BLOB:
        return expr_blob(b, ast);
    case VL_AST_NOW:
        return expr_now(b, scope, ast);
    case VL_AST_PARAM:
        return expr_param(b, ast);
    case VL_AST_COLUMN:
        return vl_bind_name(b, scope, ast);
    case VL_AST_UNARY:
        return expr_unary(b, scope, ast);
    case VL_AST_BINARY:
        return expr_binary(b, scope, ast);
    case VL_AST_LIKE:
        return expr_like(b, scope, ast);
    case VL_AST_BETWEEN:
        return expr_between(b, scope, ast);
    case VL_AST_IN:
        return expr_in(b, scope, ast);
    case VL_AST_CASE:
        return expr_case(b, scope, ast);
    case VL_AST_CAST:
        return expr_cast(b, scope, ast);
    case VL_AST_COLLATE:
        return vl_bind_collate(b, scope, ast, vl_bind_expr(b, scope, ast->kid[0]));
    case VL_AST_FUNCTION:
        return vl_bind_function(b, scope, ast);
    case VL_AST_EXISTS:
        return expr_exists(b, scope, ast);
    case VL_AST_SUBQUERY:
        return expr_subquery(b, scope, ast);
    case VL_AST_RAISE:
        return expr_raise(b, scope, ast);
    case VL_AST_ROW:
    default: /* a row where one value belongs */
        return vl_bind_fail(b, scope, ast, "row value misused");
    }
}
