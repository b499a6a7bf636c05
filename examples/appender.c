/* appender.c - many rows at once, by value and by columns. */
#include "example.h"

int
main(void)
{
    static const int64_t ids[] = {1001, 1002, 1003};
    static const int64_t offsets[] = {0, 3, 3, 8};
    static const uint8_t valid[] = {0x5}; /* the second is NULL */
    const velo_array columns[] = {{VELO_INTEGER, ids, NULL, NULL},
                                  {VELO_TEXT, "onethree", offsets, valid}};
    velo_connection *connection = NULL;
    velo_appender *appender = NULL;

    example_check(connection, velo_open(NULL, NULL, &connection), VELO_OK);
    example_run(connection, "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT); BEGIN");
    example_check(connection, velo_appender_begin(connection, NULL, "t", NULL, &appender), VELO_OK);
    for (int i = 1; i <= 1000; i++) {
        example_check(connection, velo_append_int64(appender, i), VELO_OK);
        example_check(connection, velo_append_text(appender, "a name", -1), VELO_OK);
        example_check(connection, velo_append_row(appender), VELO_OK);
    }
    example_check(connection, velo_append_columns(appender, columns, 2, 3), VELO_OK);
    example_check(connection, velo_append_int64(appender, 7), VELO_OK);
    example_check(connection, velo_append_null(appender), VELO_OK);
    example_check(connection, velo_append_row(appender), VELO_OK);
    example_check(connection, velo_appender_end(appender), VELO_CONSTRAINT_PRIMARYKEY);
    (void)printf("%s\n", velo_error_text(connection));
    example_run(connection, "COMMIT");
    (void)printf("%lld rows\n", example_ask(connection, "SELECT count(*) FROM t"));
    return velo_close(connection) != VELO_OK;
}
