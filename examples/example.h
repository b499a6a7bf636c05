/* example.h - what the examples share: saying what went wrong. */
#ifndef VELO_EXAMPLES_EXAMPLE_H
#define VELO_EXAMPLES_EXAMPLE_H

#include "velocidb.h"

#include <stdio.h>
#include <stdlib.h>

/* End the program with the connection's message, unless a call gave what it should. */
static inline void
example_check(velo_connection *connection, velo_status status, velo_status wanted)
{
    if (status == wanted)
        return;
    (void)fprintf(stderr, "%s: %s\n", velo_status_name(status), velo_error_text(connection));
    exit(1);
}

/* Run a text whose rows are of no interest. */
static inline void
example_run(velo_connection *connection, const char *sql)
{
    example_check(connection, velo_exec(connection, sql, NULL, NULL), VELO_OK);
}

/* A number that a query gives. */
static inline long long
example_ask(velo_connection *connection, const char *sql)
{
    velo_statement *statement = NULL;
    long long number;

    example_check(connection, velo_prepare(connection, sql, -1, &statement, NULL), VELO_OK);
    example_check(connection, velo_step(statement), VELO_ROW);
    number = (long long)velo_column_int64(statement, 0);
    (void)velo_finalize(statement);
    return number;
}

#endif
