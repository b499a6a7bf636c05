/* plan_build.h - plans built by hand, for tests of the executor.
 *
 * Values are written as texts: i5 an integer, r1.5 a real, tabc a text, babc a blob, n NULL, and
 * 'a b' a text with anything but a quote in it. Rows are values with spaces between them and `;`
 * behind each row but the last; the results of a plan are written in the same way.
 *
 * Expressions are atoms or lists, (operator kid kid ...). Atoms are values, and c0 a column, o0 an
 * argument of the program, p1 a parameter, base the base of a CASE. Operators:
 *
 *     + - * / % & | << >> || neg bitnot not isnull notnull istrue nottrue isfalse notfalse
 *     = <> < <= > >= is isnot between notbetween and or like notlike glob notglob
 *     case casebase coalesce in notin cast convert compared row=, row<> and so on, raise
 *     call (of plan_builder.functions), exists, notexists, scalar, inquery, notinquery
 *
 * and behind any of them options: `:name`, where name is an affinity (none blob text numeric
 * integer real), a collation (binary nocase rtrim), an effect (total failing volatile), a number
 * (of a program), `columns2` (IN_QUERY), or the name of a function. `(= :text:nocase c0 ta)` is not
 * allowed: options stand without a space, as in `(=:text:nocase c0 ta)`. What is wrong with a text
 * stops the program. */
#ifndef VL_TEST_PLAN_BUILD_H
#define VL_TEST_PLAN_BUILD_H

#include "base/arena.h"
#include "exec/exec.h"
#include "sql/plan.h"

#define PLAN_PROGRAMS_MAX 16

typedef struct plan_builder {
    vl_arena arena;
    vl_plan plan;
    vl_program programs[PLAN_PROGRAMS_MAX];
    const vl_func *functions; /* for call: an array that ends with a name NULL; or NULL */
} plan_builder;

/* Begin with an empty plan; program 0 is there, without a root. */
void plan_init(plan_builder *builder);
void plan_deinit(plan_builder *builder);

/* An expression; a list of them, written one behind the other. */
vl_expr *plan_expr(plan_builder *builder, const char *text);
vl_exprs plan_exprs(plan_builder *builder, const char *text);

/* Sort keys: expressions; behind each may stand asc, desc, and first or last for NULLs, and a
 * collation: "c0 desc c1 nocase". */
vl_sort_key *plan_keys(plan_builder *builder, const char *text, uint32_t *count);

/* `count` bytes, all `value`: affinities or collations. */
const uint8_t *plan_bytes(plan_builder *builder, uint32_t count, uint8_t value);

/* An operator of a kind with a number of columns; children may be NULL. */
vl_op *plan_op(plan_builder *builder, vl_op_kind kind, uint32_t column_count, vl_op *left,
               vl_op *right);

/* VALUES of rows; expressions are allowed as well. */
vl_op *plan_values(plan_builder *builder, const char *rows);
vl_op *plan_filter(plan_builder *builder, vl_op *child, const char *conjuncts);
vl_op *plan_project(plan_builder *builder, vl_op *child, const char *exprs);

/* LIMIT; limit and offset are expressions or NULL. */
vl_op *plan_limit(plan_builder *builder, vl_op *child, const char *limit, const char *offset);
vl_op *plan_sort(plan_builder *builder, vl_op *child, const char *keys);

/* VALUES of `count` rows (number, number % modulus), from 0. */
vl_op *plan_series(plan_builder *builder, uint32_t count, uint32_t modulus);

/* Add a program; returns its number. */
uint32_t plan_program(plan_builder *builder, vl_op *root, uint32_t argument_count);

/* Make this the statement. */
const vl_plan *plan_root(plan_builder *builder, vl_op *root);

/* Values of a row, in the arena. */
vl_value *plan_row(plan_builder *builder, const char *text, uint32_t *count);

/* Run the plan and write its rows to `text`, `size` bytes with the end. Parameters are a row, or
 * NULL. An error is written behind the rows that came before it: "!" and its message. */
void plan_run(vl_ctx *ctx, const vl_plan *plan, const vl_exec_env *env, const vl_value *params,
              uint32_t param_count, char *text, size_t size);

/* Append a value as it is written above; for tests that read rows themselves. */
void plan_write_value(const vl_value *value, char *text, size_t size);

/* Check that a plan yields these rows, with env NULL for an empty one. Prints what differs. */
int plan_yields(plan_builder *builder, vl_op *root, const vl_exec_env *env, const char *params,
                const char *rows);

/* CHECK that an operator yields rows. */
#define CHECK_ROWS(builder, root, rows)                                                            \
    do {                                                                                           \
        if (!plan_yields((builder), (root), NULL, NULL, (rows))) {                                 \
            unit_failed(__FILE__, __LINE__, "other rows than expected");                           \
            return;                                                                                \
        }                                                                                          \
    } while (0)

#endif
