/* test_api_names.c - what names mean in SQL: src/sql through velocidb.h. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include <string.h>

/* Texts of a table name it by its own name, whatever a statement calls it. */
static void
a_tables_texts_know_its_own_name(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection,
              "CREATE TABLE orders(id INTEGER PRIMARY KEY, amount CHECK (orders.amount > 0), open);"
              "CREATE INDEX io ON orders(amount) WHERE orders.open = 1",
              "");
    CHECK_RUN(connection,
              "INSERT INTO orders AS o VALUES (1, 10, 1), (2, 20, 0) "
              "ON CONFLICT (id) DO UPDATE SET amount = o.amount + 1",
              "");
    CHECK_RUN(connection, "UPDATE orders AS o SET amount = amount + 100 WHERE o.open = 1", "");
    CHECK_RUN(connection, "SELECT q.id FROM orders AS q WHERE q.open = 1 AND q.amount = 110", "1");
    CHECK_RUN(connection, "UPDATE orders AS o SET amount = 0",
              "!CHECK constraint failed: orders.amount > 0");
    CHECK_RUN(connection, "DELETE FROM orders AS o WHERE o.amount = 20; SELECT * FROM orders",
              "1,110,1");
    (void)velo_close(connection);
}

/* The queue of a recursion has columns without types; the whole has those of its first term. */
static void
a_queue_has_no_types(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection, "CREATE TABLE t(a INT); INSERT INTO t VALUES (1)", "");
    CHECK_RUN(connection,
              "WITH RECURSIVE c(x) AS (SELECT a FROM t UNION ALL SELECT '2' FROM c WHERE x < 3) "
              "SELECT count(*) FROM c",
              "2");
    CHECK_RUN(connection,
              "WITH RECURSIVE c(x) AS (SELECT a FROM t UNION ALL SELECT x + 1 FROM c WHERE x < 3) "
              "SELECT x, x = '1' FROM c",
              "1,1|2,0|3,0");
    (void)velo_close(connection);
}

/* Every keyword is found, in any letters, and nothing that only begins as one. */
static void
keywords_are_found(void)
{
    size_t count = 0;

    for (const char *word; (word = velo_keyword(count)) != NULL; count++) {
        CHECK(velo_is_keyword(word, strlen(word)));
        CHECK(count == 0 || strcmp(velo_keyword(count - 1), word) < 0);
    }
    CHECK(count > 140);
    CHECK(velo_is_keyword("Select", 6));
    CHECK(!velo_is_keyword("Select", 5));
    CHECK(!velo_is_keyword("", 0));
    CHECK(velo_keyword(count + 1) == NULL);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(a_tables_texts_know_its_own_name),
        UNIT_TEST(a_queue_has_no_types),
        UNIT_TEST(keywords_are_found),
    };

    return unit_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
