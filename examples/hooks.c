/* hooks.c - being told of changes and commits, and refusing one. */
#include "example.h"

static void
on_change(void *user, velo_change change, const char *database, const char *table, int64_t rowid)
{
    (void)user;
    (void)printf("%s row %lld of %s.%s\n",
                 change == VELO_CHANGE_INSERT   ? "inserted"
                 : change == VELO_CHANGE_DELETE ? "deleted"
                                                : "changed",
                 (long long)rowid, database, table);
}

static int
on_commit(void *user)
{
    int *left = user;

    return (*left)-- <= 0; /* not 0: it is rolled back instead */
}

int
main(void)
{
    velo_connection *connection = NULL;
    int left = 1;

    example_check(connection, velo_open(NULL, NULL, &connection), VELO_OK);
    example_run(connection, "CREATE TABLE t(a)");
    velo_set_update_hook(connection, on_change, NULL);
    velo_set_commit_hook(connection, on_commit, &left);
    example_run(connection, "INSERT INTO t VALUES (1), (2)");
    example_check(connection, velo_exec(connection, "DELETE FROM t WHERE a = 1", NULL, NULL),
                  VELO_CONSTRAINT_COMMITHOOK);
    (void)printf("%lld rows are left\n", example_ask(connection, "SELECT count(*) FROM t"));
    return velo_close(connection) != VELO_OK;
}
