/* functions.c - a scalar function and an aggregate of one's own. */
#include "example.h"

static void
square(velo_call *call, int count, velo_value **arguments)
{
    int64_t value = velo_value_int64(arguments[0]);

    (void)count;
    if (value > 1000000)
        velo_result_error(call, VELO_ERROR, "too large to be squared");
    else
        velo_result_int64(call, value * value);
}

static void
longest_step(velo_call *call, int count, velo_value **arguments)
{
    int64_t *longest = velo_call_state(call, sizeof *longest);

    (void)count;
    if (longest != NULL && velo_value_bytes(arguments[0]) > *longest)
        *longest = velo_value_bytes(arguments[0]);
}

static void
longest_final(velo_call *call)
{
    int64_t *longest = velo_call_state(call, 0);

    velo_result_int64(call, longest == NULL ? 0 : *longest);
}

int
main(void)
{
    velo_function scalar = {.size = sizeof scalar,
                            .name = "square",
                            .argument_count = 1,
                            .flags = VELO_FUNCTION_DETERMINISTIC,
                            .scalar = square};
    velo_function aggregate = {.size = sizeof aggregate,
                               .name = "longest",
                               .argument_count = 1,
                               .step = longest_step,
                               .final = longest_final};
    velo_connection *connection = NULL;

    example_check(connection, velo_open(NULL, NULL, &connection), VELO_OK);
    example_check(connection, velo_create_function(connection, &scalar), VELO_OK);
    example_check(connection, velo_create_function(connection, &aggregate), VELO_OK);
    (void)printf("%lld\n", example_ask(connection, "SELECT square(7)"));
    (void)printf("%lld\n", example_ask(connection, "SELECT longest(column1) FROM (VALUES ('a'), "
                                                   "('abc'), ('ab'))"));
    if (velo_exec(connection, "SELECT square(1e7)", NULL, NULL) != VELO_OK)
        (void)printf("%s\n", velo_error_text(connection));
    return velo_close(connection) != VELO_OK;
}
