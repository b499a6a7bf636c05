/* test_func_registry.c - looking functions up, and functions of a connection. */
#include "lib/unit.h"
#include "unit/func_case.h"
#include "vec/value.h"

#include <stdlib.h>
#include <string.h>

static const vl_func *
find(const vl_func_set *set, const char *name, int count)
{
    const vl_func *func;

    return vl_func_find(unit_ctx(), set, name, strlen(name), count, &func) == VELO_OK ? func : NULL;
}

static void
builtin_functions_are_described(void)
{
    const unsigned one_of = VL_FUNC_TOTAL | VL_FUNC_FAILING | VL_FUNC_VOLATILE;
    const vl_func *func;

    for (size_t i = 0; (func = vl_func_builtin(i)) != NULL; i++) {
        int is_window = (func->flags & VL_FUNC_WINDOW) != 0;

        CHECK((func->scalar == NULL) != (func->aggregate == NULL) || is_window);
        CHECK_EQ((func->flags & VL_FUNC_AGGREGATE) != 0, func->aggregate != NULL || is_window);
        CHECK(vl_is_power_of_two(func->flags & one_of));
        CHECK((func->flags & VL_FUNC_VOLATILE) == 0 || (func->flags & VL_FUNC_DETERMINISTIC) == 0);
        CHECK(func->least >= 0 && (func->most == -1 || func->most >= func->least));
        CHECK(func->results != 0 && (func->results & ~VL_FUNC_YIELDS_ANY) == 0);
        for (const char *at = func->name; *at != '\0'; at++)
            CHECK(!(*at >= 'A' && *at <= 'Z'));
        CHECK(find(NULL, func->name, func->least) == func);
        CHECK(func->most < 0 || find(NULL, func->name, func->most) == func);
    }
    CHECK(vl_func_builtin(1000000) == NULL);
}

/* All built-in functions, by name. */
static const char builtin_names[] =
    "-> ->> abs acos acosh asin asinh atan atan2 atanh avg ceil ceiling changes char coalesce "
    "concat concat_ws cos cosh count cume_dist current_date current_time current_timestamp date "
    "datetime degrees dense_rank exp first_value floor format glob group_concat hex if ifnull iif "
    "instr "
    "json json_array json_array_insert json_array_length json_error_position json_extract "
    "json_group_array json_group_object json_insert json_object json_patch json_pretty json_quote "
    "json_remove json_replace json_set json_type json_valid jsonb jsonb_array jsonb_array_insert "
    "jsonb_extract jsonb_group_array jsonb_group_object jsonb_insert jsonb_object jsonb_patch "
    "jsonb_remove jsonb_replace jsonb_set "
    "julianday lag last_insert_rowid last_value lead length like likelihood likely ln match "
    "load_extension log "
    "log10 log2 lower ltrim max median min mod nth_value ntile nullif octet_length percent_rank "
    "percentile percentile_cont percentile_disc pi pow "
    "power printf quote "
    "radians random randomblob rank replace round row_number rtrim sign sin sinh "
    "sqlite_compileoption_get sqlite_compileoption_used sqlite_source_id sqlite_version "
    "sqrt strftime string_agg substr substring sum tan tanh time timediff total "
    "total_changes trim trunc typeof unhex unicode unistr unistr_quote unixepoch "
    "unlikely upper zeroblob";

static void
builtin_functions_are_all_there(void)
{
    const char *at = builtin_names;
    size_t named = 0;
    size_t count = 0;

    while (vl_func_builtin(count) != NULL)
        count++;
    while (*at != '\0') {
        size_t size = strcspn(at, " ");
        int is_found = 0;

        for (size_t f = 0; f < count; f++)
            is_found |= strlen(vl_func_builtin(f)->name) == size &&
                        memcmp(vl_func_builtin(f)->name, at, size) == 0;
        if (!is_found)
            unit_failed(__FILE__, __LINE__, "there is no %.*s()", (int)size, at);
        named++;
        at += size + strspn(at + size, " ");
    }
    CHECK_EQ(count, named + 2); /* min and max are two functions each */
}

static void
lookup_tells_what_is_wrong(void)
{
    const vl_func *func;

    CHECK(find(NULL, "ABS", 1) == find(NULL, "abs", 1));
    CHECK(find(NULL, "abs", 2) == NULL);
    CHECK_TEXT(unit_ctx()->error.text, "wrong number of arguments to function abs()");
    CHECK(find(NULL, "Coalesce", 1) == NULL);
    CHECK_TEXT(unit_ctx()->error.text, "wrong number of arguments to function Coalesce()");
    CHECK(find(NULL, "Nosuch", 0) == NULL);
    CHECK_TEXT(unit_ctx()->error.text, "no such function: Nosuch");
    CHECK(find(NULL, "", 0) == NULL);
    CHECK_TEXT(unit_ctx()->error.text, "no such function: ");
    CHECK_STATUS(vl_func_find(unit_ctx(), NULL, "abs\0", 4, 1, &func), VELO_ERROR);
    CHECK_STATUS(vl_func_find(unit_ctx(), NULL, "abs", 2, 1, &func), VELO_ERROR);
    CHECK_TEXT(unit_ctx()->error.text, "no such function: ab");
    CHECK(find(NULL, "concat", VL_FUNC_ARGUMENTS_MAX) != NULL);
    CHECK(find(NULL, "concat", VL_FUNC_ARGUMENTS_MAX + 1) == NULL);
    CHECK_TEXT(unit_ctx()->error.text, "too many arguments on function concat");
}

static void
lookup_tells_scalars_from_aggregates(void)
{
    CHECK(find(NULL, "min", 1)->aggregate != NULL);
    CHECK(find(NULL, "min", 2)->scalar != NULL);
    CHECK(find(NULL, "MAX", 1)->aggregate != NULL);
    CHECK(find(NULL, "max", 100)->scalar != NULL);
    CHECK(find(NULL, "max", 0) == NULL);
    CHECK(find(NULL, "count", 0) == find(NULL, "count", 1));
}

/* A function that returns its user data, which counts how often it was released. */
typedef struct own_function {
    int64_t result;
    int released;
} own_function;

static velo_status
own_call(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    (void)args;
    (void)count;
    *result = vl_value_of_integer(((own_function *)call->func->user)->result);
    return VELO_OK;
}

static void
own_release(void *user)
{
    ((own_function *)user)->released++;
}

static vl_func
own_func(const char *name, int least, int most, own_function *own)
{
    return (vl_func){.name = name,
                     .least = (int16_t)least,
                     .most = (int16_t)most,
                     .flags = VL_FUNC_VOLATILE,
                     .results = VL_FUNC_YIELDS_ANY,
                     .scalar = own_call,
                     .user = own,
                     .release = own_release};
}

static void
set_goes_before_builtin_functions(void)
{
    own_function own[4] = {{1, 0}, {2, 0}, {3, 0}, {4, 0}};
    vl_func any = own_func("Abs", 0, -1, &own[0]);
    vl_func two = own_func("abs", 2, 2, &own[1]);
    vl_func other = own_func("aBS", 2, 2, &own[2]);
    vl_func own_name = own_func("mine", 1, 1, &own[3]);
    char name[] = "ABS";
    vl_func_set *set;

    CHECK_OK(vl_func_set_create(unit_ctx(), &set));
    any.name = name;
    CHECK_OK(vl_func_set_add(unit_ctx(), set, &any));
    memset(name, 'x', sizeof name - 1);          /* the name was copied */
    CHECK(find(set, "abs", 1)->user == &own[0]); /* hides the exact one that is built in */
    CHECK_OK(vl_func_set_add(unit_ctx(), set, &two));
    CHECK(find(set, "abs", 1)->user == &own[0]);
    CHECK(find(set, "ABS", 2)->user == &own[1]); /* exact before any */
    CHECK_OK(vl_func_set_add(unit_ctx(), set, &other));
    CHECK(find(set, "abs", 2)->user == &own[2]);
    CHECK_EQ(own[1].released, 1);
    any.name = "abs";
    CHECK_OK(vl_func_set_add(unit_ctx(), set, &any)); /* exact before any in whatever order */
    CHECK_EQ(own[0].released, 1);
    CHECK(find(set, "abs", 2)->user == &own[2]);
    CHECK_OK(vl_func_set_add(unit_ctx(), set, &own_name));
    CHECK(find(set, "mine", 1)->user == &own[3]);
    CHECK(find(set, "mine", 2) == NULL);
    CHECK_TEXT(unit_ctx()->error.text, "wrong number of arguments to function mine()");
    CHECK(vl_func_set_remove(set, "ABS", 0, -1));
    CHECK(!vl_func_set_remove(set, "ABS", 0, -1));
    CHECK(find(set, "abs", 1) == find(NULL, "abs", 1));
    CHECK_EQ(own[0].released, 2);
    CHECK_EQ(own[2].released, 0);
    vl_func_set_destroy(set);
    for (size_t i = 0; i < VL_ARRAY_COUNT(own); i++)
        CHECK_EQ(own[i].released, i == 0 ? 2 : 1); /* the first was added twice */
    vl_func_set_destroy(NULL);
}

static void
set_calls_with_user_data(void)
{
    own_function own = {42, 0};
    vl_func func = own_func("mine", 0, 0, &own);
    vl_func_call call = {.ctx = unit_ctx(), .environment = &func_case_environment};
    vl_func_set *set;
    vl_value result;

    CHECK_OK(vl_func_set_create(unit_ctx(), &set));
    CHECK_OK(vl_func_set_add(unit_ctx(), set, &func));
    call.func = find(set, "mine", 0);
    CHECK(call.func != NULL);
    CHECK_OK(vl_func_call_scalar(&call, NULL, 0, &result));
    CHECK_EQ(result.as.integer, 42);
    vl_func_set_destroy(set);
}

static void
set_refuses_what_is_no_function(void)
{
    own_function own = {0, 0};
    vl_func wrong[6];
    vl_func_set *set;

    for (size_t i = 0; i < VL_ARRAY_COUNT(wrong); i++)
        wrong[i] = own_func("mine", 0, 0, &own);
    wrong[0].name = NULL;
    wrong[1].name = "";
    wrong[2].scalar = NULL;
    wrong[3].aggregate = find(NULL, "sum", 1)->aggregate;
    wrong[4].least = 1;
    wrong[5].most = VL_FUNC_ARGUMENTS_MAX + 1;
    CHECK_OK(vl_func_set_create(unit_ctx(), &set));
    for (size_t i = 0; i < VL_ARRAY_COUNT(wrong); i++)
        CHECK_STATUS(vl_func_set_add(unit_ctx(), set, &wrong[i]), VELO_MISUSE);
    CHECK_EQ(own.released, 0);
    vl_func_set_destroy(set);
}

static velo_status
set_with_failures(vl_ctx *ctx, void *argument)
{
    own_function own = {0, 0};
    vl_func func = own_func("mine", 0, 0, &own);
    vl_func_set *set;
    velo_status status;

    VL_TRY(vl_func_set_create(ctx, &set));
    status = vl_func_set_add(ctx, set, &func);
    vl_func_set_destroy(set);
    if (own.released != 1)
        ++*(int *)argument;
    return status;
}

static void
set_releases_once_when_memory_fails(void)
{
    int wrong = 0;

    CHECK_EQ(unit_each_alloc_failure(set_with_failures, &wrong), 2);
    CHECK_EQ(wrong, 0);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(builtin_functions_are_described),
        UNIT_TEST(builtin_functions_are_all_there),
        UNIT_TEST(lookup_tells_what_is_wrong),
        UNIT_TEST(lookup_tells_scalars_from_aggregates),
        UNIT_TEST(set_goes_before_builtin_functions),
        UNIT_TEST(set_calls_with_user_data),
        UNIT_TEST(set_refuses_what_is_no_function),
        UNIT_TEST(set_releases_once_when_memory_fails),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
