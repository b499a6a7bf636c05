/* api_run.h - SQL through velocidb.h in unit tests: rows as text, images of a crash, failing
 * requests for memory. */
#ifndef VL_TEST_API_RUN_H
#define VL_TEST_API_RUN_H

#include "velocidb.h"

/* Open a database in memory (NULL), or a file of the test's folder. Fails the test when it cannot.
 */
velo_connection *api_run_open(const char *name);

/* What a text gives: its rows, values separated by commas and rows by bars, NULL as "~"; or "!" and
 * the error. Lives until the next call. */
const char *api_run(velo_connection *connection, const char *sql);

/* Copy a database that is open, its log included, as a crash would leave it now: background work
 * may go on, but no statement may run. */
void api_run_copy(const char *from, const char *to);

/* Run a text again and again on a connection, at first with the first request for memory failing,
 * then with the one `stride` behind it, and so on, until it succeeds; every time it fails, `probe`
 * must give `wanted`. Returns how many failures there were, 0 when a check failed. */
unsigned api_run_each_failure(velo_connection *connection, const char *sql, unsigned stride,
                              const char *probe, const char *wanted);

/* A text gives what is wanted; it runs once. */
#define CHECK_RUN(connection, sql, wanted)                                                         \
    do {                                                                                           \
        const char *api_run_got = api_run((connection), (sql));                                    \
        CHECK_TEXT(api_run_got, wanted);                                                           \
    } while (0)

#endif
