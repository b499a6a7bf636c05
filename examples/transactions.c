/* transactions.c - two connections to one database: snapshots, a conflict, and trying again. */
#include "example.h"

int
main(void)
{
    velo_open_options options = {.size = sizeof options, .memory_name = "bank"};
    velo_connection *one = NULL;
    velo_connection *other = NULL;

    example_check(one, velo_open(NULL, &options, &one), VELO_OK);
    example_check(other, velo_open(NULL, &options, &other), VELO_OK);
    example_run(one, "CREATE TABLE account(id INTEGER PRIMARY KEY, money INT); "
                     "INSERT INTO account VALUES (1, 100), (2, 100)");
    example_run(one, "BEGIN");
    (void)printf("one sees %lld\n", example_ask(one, "SELECT sum(money) FROM account"));
    example_run(other, "UPDATE account SET money = 150 WHERE id = 1");
    (void)printf("one still sees %lld\n", example_ask(one, "SELECT sum(money) FROM account"));

    /* The row has changed since the snapshot of `one`: roll back, and do it again. */
    example_check(one,
                  velo_exec(one, "UPDATE account SET money = money - 10 WHERE id = 1", NULL, NULL),
                  VELO_BUSY_SNAPSHOT);
    example_run(one, "ROLLBACK; BEGIN; UPDATE account SET money = money - 10 WHERE id = 1; "
                     "SAVEPOINT s; DELETE FROM account; ROLLBACK TO s; COMMIT");
    (void)printf("the other sees %lld\n", example_ask(other, "SELECT sum(money) FROM account"));
    return velo_close(other) != VELO_OK || velo_close(one) != VELO_OK;
}
