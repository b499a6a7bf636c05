/* value.h - what SQL's operators do with single values: affinity, CAST, comparison, arithmetic.
 *
 * These functions define the semantics; vector kernels are checked against them. They are SQLite's,
 * whose documents are the specification ("Datatypes In SQLite", "SQL Language Expressions").
 *
 * Values that come in are borrowed for the call. Text that a function makes lives in the arena that
 * it is given, other text and blobs as long as the value they came from. Any thread may call. */
#ifndef VL_VEC_VALUE_H
#define VL_VEC_VALUE_H

#include "base/arena.h"
#include "base/status.h"
#include "base/type.h"

/* The longest text or blob, in bytes. */
#define VL_VALUE_SIZE_MAX 1000000000U

/* Operators with two numbers, or integers. */
typedef enum vl_operator {
    VL_OPERATOR_ADD,
    VL_OPERATOR_SUBTRACT,
    VL_OPERATOR_MULTIPLY,
    VL_OPERATOR_DIVIDE,
    VL_OPERATOR_REMAINDER,
    VL_OPERATOR_AND, /* of bits */
    VL_OPERATOR_OR,  /* of bits */
    VL_OPERATOR_SHIFT_LEFT,
    VL_OPERATOR_SHIFT_RIGHT
} vl_operator;

/* The affinity of a column whose type was declared as the `size` bytes at `text`; size 0 for a
 * column without a type. */
vl_affinity vl_affinity_declared(const char *text, size_t size);

/* The affinity that is applied to both sides before they are compared. */
vl_affinity vl_affinity_comparison(vl_affinity left, vl_affinity right);

/* Apply an affinity as when a value is stored: nothing is lost, what does not fit stays as it is.
 * errors  VELO_NOMEM; then *value is unchanged */
velo_status vl_value_apply(vl_ctx *ctx, vl_arena *arena, vl_affinity affinity, vl_value *value)
    VL_MUST_CHECK;

/* Whether a text is plainly no number, by its first bytes: numeric affinities leave it as it is. 0
 * says nothing. Never for what the affinities would change. */
int vl_value_is_no_number(const vl_value *text);

/* Apply an affinity before a comparison: as vl_value_apply, but numeric ones change text only, and
 * into the number it is.
 * errors  VELO_NOMEM; then *value is unchanged */
velo_status vl_value_apply_comparison(vl_ctx *ctx, vl_arena *arena, vl_affinity affinity,
                                      vl_value *value) VL_MUST_CHECK;

/* CAST to the type of the affinity; NONE is BLOB. NULL stays NULL.
 * errors  VELO_NOMEM; then *value is unchanged */
velo_status vl_value_cast(vl_ctx *ctx, vl_arena *arena, vl_affinity affinity, vl_value *value)
    VL_MUST_CHECK;

/* Order of sorting: NULL, numbers by exact value, text by the collation, blobs by bytes. Returns
 * less than, equal to or greater than 0. Two NULLs are equal; SQL's `=` asks for NULL first. */
int vl_value_compare(const vl_value *left, const vl_value *right, vl_collation collation);

/* Hash of a value; values that compare as equal under the collation have the same. */
uint64_t vl_value_hash(const vl_value *value, vl_collation collation);

/* Whether a value counts as true: 1, 0, or -1 for NULL. */
int vl_value_truth(const vl_value *value);

/* The value as a number, for arithmetic: INTEGER, REAL or NULL. Text and blobs are the number they
 * begin with, or 0. */
vl_value vl_value_number(const vl_value *value);

/* The value as 64 bits, for bit operators: 0 for NULL. */
int64_t vl_value_integer(const vl_value *value);

/* The value as a double; 0 for NULL. */
double vl_value_real(const vl_value *value);

/* Arithmetic. NULL when either side is NULL, for division by zero, and where the result is not a
 * number. Integers that overflow give a REAL in + - * /. */
vl_value vl_value_operate(vl_operator op, const vl_value *left, const vl_value *right);

/* -value, ~value and NOT value. */
vl_value vl_value_negate(const vl_value *value);
vl_value vl_value_complement(const vl_value *value);
vl_value vl_value_not(const vl_value *value);

/* left || right, as TEXT; NULL when either is.
 * errors  VELO_TOOBIG beyond VL_VALUE_SIZE_MAX, VELO_NOMEM; then *result is NULL */
velo_status vl_value_concat(vl_ctx *ctx, vl_arena *arena, const vl_value *left,
                            const vl_value *right, vl_value *result) VL_MUST_CHECK;

static inline vl_value
vl_value_of_null(void)
{
    return (vl_value){.type = VL_TYPE_NULL};
}

static inline vl_value
vl_value_of_integer(int64_t integer)
{
    return (vl_value){.type = VL_TYPE_INTEGER, .as.integer = integer};
}

/* NaN becomes NULL. */
static inline vl_value
vl_value_of_real(double real)
{
    if (real != real)
        return vl_value_of_null();
    return (vl_value){.type = VL_TYPE_REAL, .as.real = real};
}

#endif
