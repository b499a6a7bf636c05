/* math.c - the mathematical functions.
 *
 * Invariants
 *   M1  No result is a NaN: what would be one is NULL.
 *
 * Arguments count that are numbers, or text of which all is one; of anything else, and where the
 * result is not a number, the result is NULL. Errors of the C library are of no interest: NaN says
 * enough. */
#include "func/func_int.h"

#include <math.h>

#define MATH_PI 3.14159265358979323846

/* Variants of functions with one argument. */
enum {
    MATH_ACOS,
    MATH_ACOSH,
    MATH_ASIN,
    MATH_ASINH,
    MATH_ATAN,
    MATH_ATANH,
    MATH_COS,
    MATH_COSH,
    MATH_DEGREES,
    MATH_EXP,
    MATH_RADIANS,
    MATH_SIN,
    MATH_SINH,
    MATH_SQRT,
    MATH_TAN,
    MATH_TANH
};

/* Variants of logarithms, of rounding, and of functions with two arguments. */
enum {
    MATH_LN,
    MATH_LOG10,
    MATH_LOG2
};
enum {
    MATH_CEIL,
    MATH_FLOOR,
    MATH_TRUNC
};
enum {
    MATH_ATAN2,
    MATH_MOD,
    MATH_POW
};

static double
math_real(const vl_value *number)
{
    return number->type == VL_TYPE_INTEGER ? (double)number->as.integer : number->as.real;
}

static double
math_of_one(uint32_t variant, double x)
{
    static double (*const functions[])(double) = {
        [MATH_ACOS] = acos, [MATH_ACOSH] = acosh, [MATH_ASIN] = asin, [MATH_ASINH] = asinh,
        [MATH_ATAN] = atan, [MATH_ATANH] = atanh, [MATH_COS] = cos,   [MATH_COSH] = cosh,
        [MATH_EXP] = exp,   [MATH_SIN] = sin,     [MATH_SINH] = sinh, [MATH_SQRT] = sqrt,
        [MATH_TAN] = tan,   [MATH_TANH] = tanh};

    if (variant == MATH_DEGREES)
        return x * (180.0 / MATH_PI);
    if (variant == MATH_RADIANS)
        return x * (MATH_PI / 180.0);
    return functions[variant](x);
}

static velo_status
math_one(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    vl_value number = vl_func_numeric(args);

    (void)count;
    if (number.type != VL_TYPE_NULL)
        *result = vl_value_of_real(math_of_one(call->func->variant, math_real(&number)));
    return VELO_OK;
}

static velo_status
math_two(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    vl_value first = vl_func_numeric(&args[0]);
    vl_value second = vl_func_numeric(&args[1]);
    double x;
    double y;

    (void)count;
    if (first.type == VL_TYPE_NULL || second.type == VL_TYPE_NULL)
        return VELO_OK;
    x = math_real(&first);
    y = math_real(&second);
    if (call->func->variant == MATH_ATAN2)
        *result = vl_value_of_real(atan2(x, y));
    else if (call->func->variant == MATH_MOD)
        *result = vl_value_of_real(fmod(x, y));
    else
        *result = vl_value_of_real(pow(x, y));
    return VELO_OK;
}

/* Integers stay what they are. */
static velo_status
math_round(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    vl_value number = vl_func_numeric(args);

    (void)count;
    *result = number;
    if (number.type != VL_TYPE_REAL)
        return VELO_OK;
    if (call->func->variant == MATH_CEIL)
        result->as.real = ceil(number.as.real);
    else if (call->func->variant == MATH_FLOOR)
        result->as.real = floor(number.as.real);
    else
        result->as.real = trunc(number.as.real);
    return VELO_OK;
}

/* log(B, X). Of X SQLite takes the number that it begins with, whatever else it is. */
static vl_value
math_log_base(const vl_value *args)
{
    vl_value base = vl_func_numeric(&args[0]);
    double x = vl_value_real(&args[1]);

    if (base.type == VL_TYPE_NULL || math_real(&base) <= 1.0 || x <= 0.0)
        return vl_value_of_null();
    return vl_value_of_real(log(x) / log(math_real(&base)));
}

static velo_status
math_log(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    vl_value number = vl_func_numeric(&args[0]);
    double x;

    if (count == 2) {
        *result = math_log_base(args);
        return VELO_OK;
    }
    if (number.type == VL_TYPE_NULL || math_real(&number) <= 0.0)
        return VELO_OK;
    x = math_real(&number);
    if (call->func->variant == MATH_LN)
        *result = vl_value_of_real(log(x));
    else if (call->func->variant == MATH_LOG2)
        *result = vl_value_of_real(log2(x));
    else
        *result = vl_value_of_real(log10(x));
    return VELO_OK;
}

static velo_status
math_pi(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    (void)call;
    (void)args;
    (void)count;
    *result = vl_value_of_real(MATH_PI);
    return VELO_OK;
}

/* An element of the table below. */
#define MATH_FUNC(name, count, variant, results, scalar)                                           \
    VL_FUNC_SCALAR(name, count, count, variant, VL_FUNC_PURE_TOTAL, results, scalar)

static const vl_func math_funcs[] = {
    MATH_FUNC("acos", 1, MATH_ACOS, VL_FUNC_MAYBE_REAL, math_one),
    MATH_FUNC("acosh", 1, MATH_ACOSH, VL_FUNC_MAYBE_REAL, math_one),
    MATH_FUNC("asin", 1, MATH_ASIN, VL_FUNC_MAYBE_REAL, math_one),
    MATH_FUNC("asinh", 1, MATH_ASINH, VL_FUNC_MAYBE_REAL, math_one),
    MATH_FUNC("atan", 1, MATH_ATAN, VL_FUNC_MAYBE_REAL, math_one),
    MATH_FUNC("atan2", 2, MATH_ATAN2, VL_FUNC_MAYBE_REAL, math_two),
    MATH_FUNC("atanh", 1, MATH_ATANH, VL_FUNC_MAYBE_REAL, math_one),
    MATH_FUNC("ceil", 1, MATH_CEIL, VL_FUNC_MAYBE_NUMBER, math_round),
    MATH_FUNC("ceiling", 1, MATH_CEIL, VL_FUNC_MAYBE_NUMBER, math_round),
    MATH_FUNC("cos", 1, MATH_COS, VL_FUNC_MAYBE_REAL, math_one),
    MATH_FUNC("cosh", 1, MATH_COSH, VL_FUNC_MAYBE_REAL, math_one),
    MATH_FUNC("degrees", 1, MATH_DEGREES, VL_FUNC_MAYBE_REAL, math_one),
    MATH_FUNC("exp", 1, MATH_EXP, VL_FUNC_MAYBE_REAL, math_one),
    MATH_FUNC("floor", 1, MATH_FLOOR, VL_FUNC_MAYBE_NUMBER, math_round),
    MATH_FUNC("ln", 1, MATH_LN, VL_FUNC_MAYBE_REAL, math_log),
    VL_FUNC_SCALAR("log", 1, 2, MATH_LOG10, VL_FUNC_PURE_TOTAL, VL_FUNC_MAYBE_REAL, math_log),
    MATH_FUNC("log10", 1, MATH_LOG10, VL_FUNC_MAYBE_REAL, math_log),
    MATH_FUNC("log2", 1, MATH_LOG2, VL_FUNC_MAYBE_REAL, math_log),
    MATH_FUNC("mod", 2, MATH_MOD, VL_FUNC_MAYBE_REAL, math_two),
    MATH_FUNC("pi", 0, 0, VL_FUNC_YIELDS_REAL, math_pi),
    MATH_FUNC("pow", 2, MATH_POW, VL_FUNC_MAYBE_REAL, math_two),
    MATH_FUNC("power", 2, MATH_POW, VL_FUNC_MAYBE_REAL, math_two),
    MATH_FUNC("radians", 1, MATH_RADIANS, VL_FUNC_MAYBE_REAL, math_one),
    MATH_FUNC("sin", 1, MATH_SIN, VL_FUNC_MAYBE_REAL, math_one),
    MATH_FUNC("sinh", 1, MATH_SINH, VL_FUNC_MAYBE_REAL, math_one),
    MATH_FUNC("sqrt", 1, MATH_SQRT, VL_FUNC_MAYBE_REAL, math_one),
    MATH_FUNC("tan", 1, MATH_TAN, VL_FUNC_MAYBE_REAL, math_one),
    MATH_FUNC("tanh", 1, MATH_TANH, VL_FUNC_MAYBE_REAL, math_one),
    MATH_FUNC("trunc", 1, MATH_TRUNC, VL_FUNC_MAYBE_NUMBER, math_round)};

const vl_func_table vl_func_math = {math_funcs, VL_ARRAY_COUNT(math_funcs)};
