/* query.c - open a database, insert with parameters, and step through rows. */
#include "example.h"

int
main(void)
{
    velo_connection *connection = NULL;
    velo_statement *statement = NULL;

    example_check(connection, velo_open(":memory:", NULL, &connection), VELO_OK);
    example_run(connection, "CREATE TABLE city(name TEXT, people INT)");
    example_check(
        connection,
        velo_prepare(connection, "INSERT INTO city VALUES (?, :people)", -1, &statement, NULL),
        VELO_OK);
    for (int i = 1; i <= 3; i++) {
        char name[20];

        (void)snprintf(name, sizeof name, "City %d", i);
        example_check(connection, velo_bind_text(statement, 1, name, -1, VELO_COPY), VELO_OK);
        example_check(
            connection,
            velo_bind_int64(statement, velo_parameter_index(statement, ":people"), i * 1000),
            VELO_OK);
        example_check(connection, velo_step(statement), VELO_DONE);
    }
    (void)velo_finalize(statement);
    example_check(connection,
                  velo_prepare(connection, "SELECT name, people FROM city ORDER BY people DESC", -1,
                               &statement, NULL),
                  VELO_OK);
    while (velo_step(statement) == VELO_ROW)
        (void)printf("%s has %lld\n", velo_column_text(statement, 0),
                     (long long)velo_column_int64(statement, 1));
    (void)velo_finalize(statement);
    if (velo_exec(connection, "SELECT wrong FROM city", NULL, NULL) != VELO_OK)
        (void)printf("at byte %d: %s\n", velo_error_offset(connection),
                     velo_error_text(connection));
    return velo_close(connection) != VELO_OK;
}
