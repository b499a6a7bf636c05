/* sqlite_files.c - a database of SQLite's, written and read. usage: sqlite_files FOLDER */
#include "example.h"

static int
show(void *user, uint64_t done, uint64_t total)
{
    (void)user;
    (void)fprintf(stderr, "%llu of %llu\n", (unsigned long long)done, (unsigned long long)total);
    return 0;
}

int
main(int argc, char **argv)
{
    velo_connection *connection = NULL;
    char path[500];

    (void)snprintf(path, sizeof path, "%s/example.sqlite", argc > 1 ? argv[1] : ".");
    (void)remove(path);
    example_check(connection, velo_open(NULL, NULL, &connection), VELO_OK);
    example_run(connection, "CREATE TABLE t(a INTEGER PRIMARY KEY, b); CREATE INDEX tb ON t(b); "
                            "INSERT INTO t VALUES (1, 'x'), (2, 'y')");
    example_check(connection, velo_export_sqlite(connection, path, show, NULL), VELO_OK);
    example_check(connection, velo_close(connection), VELO_OK);
    (void)printf("a database of SQLite's: %d\n", velo_is_sqlite_file(path));
    example_check(connection, velo_open(NULL, NULL, &connection), VELO_OK);
    example_check(connection, velo_import_sqlite(connection, path, show, NULL), VELO_OK);
    (void)printf("%lld rows\n", example_ask(connection, "SELECT count(*) FROM t WHERE b > 'a'"));
    (void)remove(path);
    return velo_close(connection) != VELO_OK;
}
