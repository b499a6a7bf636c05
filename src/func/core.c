/* core.c - functions of values of any type: choosing, comparing, types, numbers, the connection.
 *
 * Invariants
 *   C1  A result of type REAL is never a NaN. */
#include "func/func_int.h"

#include "vec/digits.h"
#include "vec/number.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Beyond this all reals are whole. */
#define CORE_WHOLE_FROM 4503599627370496.0

#define CORE_ROUND_MAX 30

/* Variants of min and max. */
enum {
    CORE_MIN,
    CORE_MAX
};

/* Options of the build, as sqlite_compileoption_get() lists them. */
static const char *const core_options[] = {
    "ENABLE_MATH_FUNCTIONS", "LIKE_DOESNT_MATCH_BLOBS",       "MAX_FUNCTION_ARG=1000",
    "MAX_LENGTH=1000000000", "MAX_LIKE_PATTERN_LENGTH=50000", "THREADSAFE=1"};

static velo_status
core_abs(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    (void)count;
    if (args->type == VL_TYPE_NULL)
        return VELO_OK;
    if (args->type != VL_TYPE_INTEGER) {
        double real = vl_value_real(args);

        *result = vl_value_of_real(real < 0.0 ? -real : real); /* -0.0 stays */
        return VELO_OK;
    }
    if (args->as.integer == INT64_MIN)
        return vl_fail(call->ctx, VELO_ERROR, "integer overflow");
    *result = vl_value_of_integer(args->as.integer < 0 ? -args->as.integer : args->as.integer);
    return VELO_OK;
}

static velo_status
core_coalesce(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    int i = 0;

    (void)call;
    while (i < count - 1 && args[i].type == VL_TYPE_NULL)
        i++;
    *result = args[i];
    return VELO_OK;
}

static velo_status
core_iif(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    int i = 0;

    (void)call;
    for (; i + 1 < count; i += 2) {
        if (vl_value_truth(&args[i]) == 1) {
            *result = args[i + 1];
            return VELO_OK;
        }
    }
    if (i < count)
        *result = args[i];
    return VELO_OK;
}

static velo_status
core_first(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    (void)call;
    (void)count;
    *result = args[0];
    return VELO_OK;
}

/* The second argument is the planner's, which has it as a constant; here it only has to be one. */
static velo_status
core_likelihood(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    (void)count;
    if (args[1].type != VL_TYPE_REAL || !(args[1].as.real >= 0.0 && args[1].as.real <= 1.0))
        return vl_fail(call->ctx, VELO_ERROR,
                       "second argument to likelihood() must be a constant between 0.0 and 1.0");
    *result = args[0];
    return VELO_OK;
}

/* Of equal ones min takes the last and max the first, as SQLite does. */
static velo_status
core_extreme(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    const vl_value *best = args;

    for (int i = 0; i < count; i++) {
        int order;

        if (args[i].type == VL_TYPE_NULL)
            return VELO_OK;
        order = vl_value_compare(best, &args[i], call->collation);
        if (call->func->variant == CORE_MIN ? order >= 0 : order < 0)
            best = &args[i];
    }
    *result = *best;
    return VELO_OK;
}

static velo_status
core_nullif(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    (void)count;
    if (vl_value_compare(&args[0], &args[1], call->collation) != 0)
        *result = args[0];
    return VELO_OK;
}

static velo_status
core_typeof(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    static const char *const names[] = {"", "integer", "real", "text", "blob", "null"};
    const char *name = names[args->type];

    (void)call;
    (void)count;
    *result = (vl_value){.type = VL_TYPE_TEXT, .size = (uint32_t)strlen(name), .as.data = name};
    return VELO_OK;
}

static velo_status
core_sign(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    vl_value number = vl_func_numeric(args);

    (void)call;
    (void)count;
    if (number.type == VL_TYPE_INTEGER)
        *result = vl_value_of_integer((number.as.integer > 0) - (number.as.integer < 0));
    else if (number.type == VL_TYPE_REAL)
        *result = vl_value_of_integer((number.as.real > 0.0) - (number.as.real < 0.0));
    return VELO_OK;
}

/* The double of what format('%!.*f') writes. */
static double
core_round_at(double real, int digits_behind)
{
    char text[VL_DIGITS_MAX + 16];
    vl_digits digits;
    double rounded;

    vl_digits_find(fabs(real), -digits_behind, VL_DIGITS_ALL, &digits);
    memcpy(text, digits.text, (size_t)digits.count);
    text[digits.count] = 'e';
    text[digits.count + 1 +
         (int)vl_number_write_integer(digits.point - digits.count, text + digits.count + 1)] = '\0';
    rounded = digits.count > 0 ? strtod(text, NULL) : 0.0;
    return real < 0.0 ? -rounded : rounded;
}

static velo_status
core_round(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    int64_t digits = 0;
    double real;

    (void)call;
    if (args[0].type == VL_TYPE_NULL)
        return VELO_OK;
    if (count == 2) {
        if (args[1].type == VL_TYPE_NULL)
            return VELO_OK;
        digits = vl_value_integer(&args[1]);
        digits = digits < 0 ? 0 : digits > CORE_ROUND_MAX ? CORE_ROUND_MAX : digits;
    }
    real = vl_value_real(&args[0]);
    if (fabs(real) > CORE_WHOLE_FROM)
        *result = vl_value_of_real(real);
    else if (digits == 0)
        *result = vl_value_of_real((double)(int64_t)(real + (real < 0.0 ? -0.5 : 0.5)));
    else
        *result = vl_value_of_real(core_round_at(real, (int)digits));
    return VELO_OK;
}

static velo_status
core_random(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    int64_t bits = 0;

    (void)args;
    (void)count;
    if (call->environment->random == NULL)
        return vl_fail(call->ctx, VELO_ERROR, "there is no source of random numbers");
    VL_TRY(call->environment->random(call->environment->user, call->ctx, &bits, sizeof bits));
    if (bits == INT64_MIN) /* has no abs() */
        bits = 0;
    *result = vl_value_of_integer(bits);
    return VELO_OK;
}

static velo_status
core_randomblob(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    int64_t size = vl_value_integer(args);
    velo_status status;
    void *to;

    (void)count;
    if (call->environment->random == NULL)
        return vl_fail(call->ctx, VELO_ERROR, "there is no source of random numbers");
    if (size < 1)
        size = 1;
    to = vl_func_room(call, VL_TYPE_BLOB, (uint64_t)size, result, &status);
    if (to == NULL)
        return status;
    return call->environment->random(call->environment->user, call->ctx, to, (size_t)size);
}

static velo_status
core_zeroblob(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    int64_t size = vl_value_integer(args);
    velo_status status;
    void *to;

    (void)count;
    if (size < 0)
        size = 0;
    to = vl_func_room(call, VL_TYPE_BLOB, (uint64_t)size, result, &status);
    if (to != NULL)
        memset(to, 0, (size_t)size);
    return status;
}

static velo_status
core_changes(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    const vl_func_environment *environment = call->environment;

    (void)args;
    (void)count;
    *result = vl_value_of_integer(
        environment->changes != NULL ? environment->changes(environment->user) : 0);
    return VELO_OK;
}

static velo_status
core_total_changes(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    const vl_func_environment *environment = call->environment;

    (void)args;
    (void)count;
    *result = vl_value_of_integer(
        environment->total_changes != NULL ? environment->total_changes(environment->user) : 0);
    return VELO_OK;
}

static velo_status
core_last_insert_rowid(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    const vl_func_environment *environment = call->environment;

    (void)args;
    (void)count;
    *result = vl_value_of_integer(environment->last_insert_rowid != NULL
                                      ? environment->last_insert_rowid(environment->user)
                                      : 0);
    return VELO_OK;
}

/* MATCH has a meaning in virtual tables only. It counts as one that cannot fail, so that it goes to
 * the table that it is about, which decides it. */
static velo_status
core_match(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    (void)args;
    (void)count;
    (void)result;
    return vl_fail(call->ctx, VELO_ERROR, "unable to use function MATCH in the requested context");
}

static velo_status
core_load_extension(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    (void)args;
    (void)count;
    (void)result;
    return vl_fail(call->ctx, VELO_ERROR, "not authorized");
}

/* Make the result a text of static lifetime. */
static velo_status
core_static_text(const char *text, vl_value *result)
{
    *result = (vl_value){.type = VL_TYPE_TEXT, .size = (uint32_t)strlen(text), .as.data = text};
    return VELO_OK;
}

static velo_status
core_version(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    (void)call;
    (void)args;
    (void)count;
    return core_static_text(VL_FUNC_SQLITE_VERSION, result);
}

static velo_status
core_source_id(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    (void)call;
    (void)args;
    (void)count;
    return core_static_text("VelociDB " VELO_VERSION, result);
}

static velo_status
core_option_get(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    int64_t index = vl_value_integer(args);

    (void)call;
    (void)count;
    if (index < 0 || index >= (int64_t)VL_ARRAY_COUNT(core_options))
        return VELO_OK;
    return core_static_text(core_options[index], result);
}

static unsigned char
core_upper(unsigned char c)
{
    return c >= 'a' && c <= 'z' ? (unsigned char)(c - ('a' - 'A')) : c;
}

/* Size of what `name` and `word` have in common at their beginning, in either case. */
static size_t
core_common(vl_func_bytes name, const char *word)
{
    size_t size = 0;

    while (name.at + size < name.end && core_upper(name.at[size]) == (unsigned char)word[size])
        size++;
    return size;
}

/* Whether `name` is the option, or what stands before its '='. */
static int
core_is_option(vl_func_bytes name, const char *option)
{
    size_t size = core_common(name, option);

    return name.at + size == name.end && (option[size] == '\0' || option[size] == '=');
}

static velo_status
core_option_used(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    static const char prefix[] = "SQLITE_";
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes name = vl_func_text_of(args, room);
    int is_used = 0;

    (void)call;
    (void)count;
    if (args->type == VL_TYPE_NULL)
        return VELO_OK;
    if (core_common(name, prefix) == sizeof prefix - 1)
        name.at += sizeof prefix - 1;
    for (size_t i = 0; i < VL_ARRAY_COUNT(core_options); i++)
        is_used |= core_is_option(name, core_options[i]);
    *result = vl_value_of_integer(is_used);
    return VELO_OK;
}

static const vl_func core_funcs[] = {
    VL_FUNC_SCALAR("abs", 1, 1, 0, VL_FUNC_PURE_FAILING, VL_FUNC_MAYBE_NUMBER, core_abs),
    VL_FUNC_SCALAR("changes", 0, 0, 0, VL_FUNC_VOLATILE | VL_FUNC_INNOCUOUS, VL_FUNC_YIELDS_INTEGER,
                   core_changes),
    VL_FUNC_SCALAR("coalesce", 2, -1, 0, VL_FUNC_PURE_TOTAL | VL_FUNC_LAZY, VL_FUNC_YIELDS_ANY,
                   core_coalesce),
    VL_FUNC_SCALAR("if", 2, -1, 0, VL_FUNC_PURE_TOTAL | VL_FUNC_LAZY, VL_FUNC_YIELDS_ANY, core_iif),
    VL_FUNC_SCALAR("ifnull", 2, 2, 0, VL_FUNC_PURE_TOTAL | VL_FUNC_LAZY, VL_FUNC_YIELDS_ANY,
                   core_coalesce),
    VL_FUNC_SCALAR("iif", 2, -1, 0, VL_FUNC_PURE_TOTAL | VL_FUNC_LAZY, VL_FUNC_YIELDS_ANY,
                   core_iif),
    VL_FUNC_SCALAR("last_insert_rowid", 0, 0, 0, VL_FUNC_VOLATILE | VL_FUNC_INNOCUOUS,
                   VL_FUNC_YIELDS_INTEGER, core_last_insert_rowid),
    VL_FUNC_SCALAR("likelihood", 2, 2, 0, VL_FUNC_PURE_FAILING | VL_FUNC_HINT, VL_FUNC_YIELDS_ANY,
                   core_likelihood),
    VL_FUNC_SCALAR("likely", 1, 1, 0, VL_FUNC_PURE_TOTAL | VL_FUNC_HINT, VL_FUNC_YIELDS_ANY,
                   core_first),
    VL_FUNC_SCALAR("load_extension", 1, 2, 0, VL_FUNC_VOLATILE | VL_FUNC_DIRECT_ONLY,
                   VL_FUNC_YIELDS_NULL, core_load_extension),
    VL_FUNC_SCALAR("match", 2, 2, 0, VL_FUNC_PURE_TOTAL, VL_FUNC_YIELDS_ANY, core_match),
    VL_FUNC_SCALAR("max", 2, -1, CORE_MAX, VL_FUNC_PURE_TOTAL | VL_FUNC_COLLATED,
                   VL_FUNC_YIELDS_ANY, core_extreme),
    VL_FUNC_SCALAR("min", 2, -1, CORE_MIN, VL_FUNC_PURE_TOTAL | VL_FUNC_COLLATED,
                   VL_FUNC_YIELDS_ANY, core_extreme),
    VL_FUNC_SCALAR("nullif", 2, 2, 0, VL_FUNC_PURE_TOTAL | VL_FUNC_COLLATED, VL_FUNC_YIELDS_ANY,
                   core_nullif),
    VL_FUNC_SCALAR("random", 0, 0, 0, VL_FUNC_VOLATILE | VL_FUNC_INNOCUOUS, VL_FUNC_YIELDS_INTEGER,
                   core_random),
    VL_FUNC_SCALAR("randomblob", 1, 1, 0, VL_FUNC_VOLATILE | VL_FUNC_INNOCUOUS, VL_FUNC_YIELDS_BLOB,
                   core_randomblob),
    VL_FUNC_SCALAR("round", 1, 2, 0, VL_FUNC_PURE_TOTAL, VL_FUNC_MAYBE_REAL, core_round),
    VL_FUNC_SCALAR("sign", 1, 1, 0, VL_FUNC_PURE_TOTAL, VL_FUNC_MAYBE_INTEGER, core_sign),
    VL_FUNC_SCALAR("sqlite_compileoption_get", 1, 1, 0, VL_FUNC_PURE_TOTAL, VL_FUNC_MAYBE_TEXT,
                   core_option_get),
    VL_FUNC_SCALAR("sqlite_compileoption_used", 1, 1, 0, VL_FUNC_PURE_TOTAL, VL_FUNC_MAYBE_INTEGER,
                   core_option_used),
    VL_FUNC_SCALAR("sqlite_source_id", 0, 0, 0, VL_FUNC_PURE_TOTAL, VL_FUNC_YIELDS_TEXT,
                   core_source_id),
    VL_FUNC_SCALAR("sqlite_version", 0, 0, 0, VL_FUNC_PURE_TOTAL, VL_FUNC_YIELDS_TEXT,
                   core_version),
    VL_FUNC_SCALAR("total_changes", 0, 0, 0, VL_FUNC_VOLATILE | VL_FUNC_INNOCUOUS,
                   VL_FUNC_YIELDS_INTEGER, core_total_changes),
    VL_FUNC_SCALAR("typeof", 1, 1, 0, VL_FUNC_PURE_TOTAL, VL_FUNC_YIELDS_TEXT, core_typeof),
    VL_FUNC_SCALAR("unlikely", 1, 1, 0, VL_FUNC_PURE_TOTAL | VL_FUNC_HINT, VL_FUNC_YIELDS_ANY,
                   core_first),
    VL_FUNC_SCALAR("zeroblob", 1, 1, 0, VL_FUNC_PURE_FAILING, VL_FUNC_YIELDS_BLOB, core_zeroblob)};

const vl_func_table vl_func_core = {core_funcs, VL_ARRAY_COUNT(core_funcs)};
