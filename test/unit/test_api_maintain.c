/* test_api_maintain.c - ANALYZE and REINDEX through velocidb.h. Numbers and words were taken from
 * SQLite. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include <stdio.h>
#include <string.h>

/* Rows 1 to `count` of (i % 2, i, i % 10). */
#define MAINTAIN_FILL(count)                                                                       \
    "INSERT INTO t WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i "      \
    "< " #count ") SELECT i % 2, i, i % 10 FROM n"

/* ---- ANALYZE ---- */

static void
counts_are_those_of_sqlite(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection, "CREATE TABLE t(a, b, c COLLATE NOCASE); CREATE INDEX i1 ON t(a)", "");
    CHECK_RUN(connection, "CREATE UNIQUE INDEX i2 ON t(b DESC, a); CREATE INDEX i3 ON t(a, c)", "");
    CHECK_RUN(connection, "CREATE INDEX i4 ON t(c) WHERE b > 450; CREATE INDEX i5 ON t(a + c)", "");
    CHECK_RUN(connection, MAINTAIN_FILL(500), "");
    CHECK_RUN(connection, "UPDATE t SET c = CASE b % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'A' END", "");
    CHECK_RUN(connection, "CREATE TABLE n(x); INSERT INTO n VALUES (1), (NULL)", "");
    CHECK_RUN(connection, "CREATE TABLE p(x PRIMARY KEY); INSERT INTO p VALUES (1), (2), (3)", "");
    CHECK_RUN(connection, "CREATE TABLE q(x); CREATE INDEX iq ON q(x) WHERE x > 2", "");
    CHECK_RUN(connection, "INSERT INTO q VALUES (1), (2), (3), (3), (3); CREATE TABLE e(x)", "");
    CHECK_RUN(connection, "ANALYZE; SELECT * FROM sqlite_stat1 ORDER BY 1, 2",
              "n,~,2|p,sqlite_autoindex_p_1,3 1|q,~,5|q,iq,3 3|t,i1,500 250|t,i2,500 1 1|"
              "t,i3,500 250 125|t,i4,50 25|t,i5,500 167");
    CHECK_RUN(connection, "SELECT type, sql FROM sqlite_schema WHERE name = 'sqlite_stat1'",
              "table,CREATE TABLE sqlite_stat1(tbl,idx,stat)");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
one_object_is_counted_alone(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection, "CREATE TABLE t(a, b, c); CREATE INDEX ia ON t(a)", "");
    CHECK_RUN(connection, "CREATE INDEX ib ON t(b); CREATE TABLE u(x); INSERT INTO u VALUES (1)",
              "");
    CHECK_RUN(connection, MAINTAIN_FILL(10), "");
    CHECK_RUN(connection, "ANALYZE ia; SELECT * FROM sqlite_stat1", "t,ia,10 5");
    CHECK_RUN(connection, "DELETE FROM t WHERE b > 8; ANALYZE main.t", "");
    CHECK_RUN(connection, "SELECT * FROM sqlite_stat1 ORDER BY 2", "t,ia,8 4|t,ib,8 1");
    CHECK_RUN(connection, "DELETE FROM t; ANALYZE ib; ANALYZE u", "");
    CHECK_RUN(connection, "SELECT * FROM sqlite_stat1 ORDER BY 1, 2", "t,ia,8 4|u,~,1");
    CHECK_RUN(connection, "ANALYZE nope", "!no such table: nope");
    CHECK_RUN(connection, "ANALYZE main.nope", "!no such table: main.nope");
    CHECK_RUN(connection, "ANALYZE nowhere.t", "!unknown database nowhere");
    CHECK_RUN(connection, "ANALYZE main; SELECT * FROM sqlite_stat1", "u,~,1");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

#define MAINTAIN_BAD_INDEX "EXPLAIN QUERY PLAN SELECT * FROM t WHERE a = 1 AND c = 3"
#define MAINTAIN_USES_A    "SEARCH t USING INDEX ia (a=?)"
#define MAINTAIN_USES_C    "SEARCH t USING INDEX ic (c=?)"

static void
plans_of_all_connections_follow(void)
{
    velo_connection *one = api_run_open("plans");
    velo_connection *other = api_run_open("plans");
    velo_statement *statement;

    CHECK_RUN(one, "CREATE TABLE t(a, b, c); CREATE INDEX ic ON t(c); CREATE INDEX ia ON t(a)", "");
    CHECK_RUN(one, MAINTAIN_FILL(2000), "");
    CHECK_EQ(
        velo_prepare(other, "SELECT count(*) FROM t WHERE a = 1 AND c = 3", -1, &statement, NULL),
        VELO_OK);
    CHECK_CONTAINS(api_run(other, MAINTAIN_BAD_INDEX), MAINTAIN_USES_A);
    CHECK_RUN(one, "BEGIN; ANALYZE", "");
    CHECK_CONTAINS(api_run(one, MAINTAIN_BAD_INDEX), MAINTAIN_USES_C);
    CHECK_CONTAINS(api_run(other, MAINTAIN_BAD_INDEX), MAINTAIN_USES_A);
    CHECK_RUN(one, "ROLLBACK", "");
    CHECK_CONTAINS(api_run(one, MAINTAIN_BAD_INDEX), MAINTAIN_USES_A);
    CHECK_RUN(one, "SELECT * FROM sqlite_stat1", "!no such table: sqlite_stat1");
    CHECK_RUN(one, "ANALYZE", "");
    CHECK_CONTAINS(api_run(other, MAINTAIN_BAD_INDEX), MAINTAIN_USES_C);
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_EQ(velo_column_int64(statement, 0), 200);
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK_EQ(velo_close(one), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
    one = api_run_open("plans");
    CHECK_CONTAINS(api_run(one, MAINTAIN_BAD_INDEX), MAINTAIN_USES_C);
    CHECK_RUN(one, "DROP TABLE sqlite_stat1", "");
    CHECK_CONTAINS(api_run(one, MAINTAIN_BAD_INDEX), MAINTAIN_USES_A);
    CHECK_RUN(one, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(one), VELO_OK);
}

/* A dump of a database writes them so. */
static void
counts_may_be_written(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection, "CREATE TABLE t(a, b, c); CREATE INDEX ic ON t(c)", "");
    CHECK_RUN(connection, "CREATE INDEX ia ON t(a); ANALYZE sqlite_schema", "");
    CHECK_RUN(connection, "INSERT INTO sqlite_stat1 VALUES ('t', 'ia', '4000 2000')", "");
    CHECK_RUN(connection, "INSERT INTO sqlite_stat1 VALUES ('t', 'ic', '4000 4 unordered')", "");
    CHECK_RUN(connection, "INSERT INTO sqlite_stat1 VALUES (1, 2, 3), ('x', NULL, 'y')", "");
    CHECK_RUN(connection, "INSERT INTO sqlite_stat1 VALUES ('t', 'ia', ''), ('t', NULL, '')", "");
    CHECK_CONTAINS(api_run(connection, MAINTAIN_BAD_INDEX), MAINTAIN_USES_A);
    CHECK_RUN(connection, "ANALYZE sqlite_schema", "");
    CHECK_CONTAINS(api_run(connection, MAINTAIN_BAD_INDEX), MAINTAIN_USES_C);
    CHECK_RUN(connection, "SELECT count(*) FROM sqlite_stat1", "6");
    CHECK_RUN(connection, "DROP INDEX ic; SELECT count(*) FROM sqlite_stat1", "5");
    CHECK_RUN(connection, "DROP TABLE t; SELECT * FROM sqlite_stat1", "1,2,3|x,~,y");
    CHECK_RUN(connection, "UPDATE sqlite_stat1 SET tbl = 5; DELETE FROM sqlite_stat1", "");
    CHECK_RUN(connection, "CREATE INDEX i ON sqlite_stat1(tbl)",
              "!table sqlite_stat1 may not be indexed");
    CHECK_RUN(connection, "ALTER TABLE sqlite_stat1 ADD x",
              "!table sqlite_stat1 may not be altered");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* ---- REINDEX ---- */

static void
indexes_are_made_anew(void)
{
    velo_connection *one = api_run_open("reindex");
    velo_connection *other = api_run_open("reindex");

    CHECK_RUN(one, "CREATE TABLE t(a, b UNIQUE, c COLLATE NOCASE); CREATE INDEX ia ON t(a)", "");
    CHECK_RUN(one, "CREATE INDEX ic ON t(c)", "");
    CHECK_RUN(one, MAINTAIN_FILL(1000), "");
    CHECK_RUN(other, "BEGIN; SELECT count(*) FROM t WHERE a = 1", "500");
    CHECK_RUN(one, "CREATE TEMP TABLE x(y UNIQUE)", "");
    CHECK_RUN(one, "BEGIN; REINDEX; SELECT count(*) FROM t WHERE a = 1", "500");
    CHECK_RUN(one, "DELETE FROM t WHERE a = 1; SELECT count(*) FROM t WHERE c = 2", "100");
    CHECK_RUN(one, "ROLLBACK; PRAGMA integrity_check", "ok");
    CHECK_RUN(one, "REINDEX; DELETE FROM t WHERE c = 3", "");
    CHECK_RUN(other, "SELECT count(*) FROM t WHERE a = 1; COMMIT", "500");
    CHECK_RUN(other, "SELECT count(*) FROM t WHERE a = 1; PRAGMA integrity_check", "400|ok");
    CHECK_RUN(one, "INSERT INTO t VALUES (1, 500, 3)", "!UNIQUE constraint failed: t.b");
    CHECK_RUN(one, "REINDEX main.t; REINDEX ia; REINDEX main.ic", "");
    CHECK_RUN(one, "SELECT count(*) FROM t WHERE c = 2; PRAGMA integrity_check", "100|ok");
    CHECK_RUN(one, "REINDEX nope", "!unable to identify the object to be reindexed");
    CHECK_RUN(one, "REINDEX main.nope", "!unable to identify the object to be reindexed");
    CHECK_RUN(one, "REINDEX nowhere.t", "!unknown database nowhere");
    CHECK_EQ(velo_close(one), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
    one = api_run_open("reindex");
    CHECK_RUN(one, "PRAGMA integrity_check; SELECT max(b) FROM t WHERE a = 1", "ok|999");
    CHECK_EQ(velo_close(one), VELO_OK);
}

static void
a_collation_names_its_indexes(void)
{
    velo_connection *connection = api_run_open(NULL);
    const char *trees = "SELECT rootpage FROM sqlite_schema WHERE type = 'index' ORDER BY name";
    char before[100];

    CHECK_RUN(connection, "CREATE TABLE t(a, b, c COLLATE NOCASE); CREATE INDEX i1 ON t(a)", "");
    CHECK_RUN(connection, "CREATE INDEX i2 ON t(c, a)", "");
    (void)snprintf(before, sizeof before, "%s", api_run(connection, trees));
    CHECK_RUN(connection, "REINDEX RTRIM", "");
    CHECK_RUN(connection, trees, before);
    CHECK_RUN(connection, "DELETE FROM t WHERE 0", ""); /* a change of nothing is in nobody's way */
    CHECK_RUN(connection, "BEGIN; REINDEX nocase; COMMIT", "");
    CHECK(strcmp(api_run(connection, trees), before) != 0);
    CHECK_EQ(strncmp(api_run(connection, trees), before, strcspn(before, "|")), 0); /* i1 */
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* ---- crashes and memory ---- */

static void
a_crash_keeps_what_was_committed(void)
{
    velo_connection *connection = api_run_open("crash");

    CHECK_RUN(connection, "CREATE TABLE t(a, b, c); CREATE INDEX ia ON t(a)", "");
    CHECK_RUN(connection, MAINTAIN_FILL(1000), "");
    CHECK_RUN(connection, "REINDEX; ANALYZE; BEGIN; DELETE FROM t; REINDEX; ANALYZE", "");
    CHECK_RUN(connection, "SELECT count(*) FROM sqlite_stat1", "0");
    api_run_copy("crash", "copy");
    CHECK_EQ(velo_close(connection), VELO_OK);
    connection = api_run_open("copy");
    CHECK_RUN(connection, "SELECT * FROM sqlite_stat1; SELECT count(*) FROM t WHERE a = 1",
              "t,ia,1000 500|500");
    CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* In the tiny build the keys do not fit the memory for them: they are sorted in a file. */
static void
an_index_is_filled_in_the_order_of_its_keys(void)
{
    velo_connection *connection = api_run_open("filled");

    CHECK_RUN(connection, "CREATE TABLE t(a, b, c)", "");
    CHECK_RUN(connection, MAINTAIN_FILL(3000), "");
    CHECK_RUN(connection,
              "UPDATE t SET c = 'text ' || (b * 7919 % 3000) || "
              "substr('abcdefghijklmnopqrstuvwxyz', 1, b % 26)",
              "");
    CHECK_RUN(connection, "DELETE FROM t WHERE b % 100 = 7", "");
    CHECK_RUN(connection, "CREATE INDEX ic ON t(c); CREATE UNIQUE INDEX ib ON t(b DESC)", "");
    CHECK_RUN(connection, "CREATE INDEX ip ON t(c, a) WHERE b > 1500", "");
    CHECK_RUN(connection, "PRAGMA integrity_check; SELECT count(*) FROM t WHERE c > ''", "ok|2970");
    CHECK_RUN(connection, "CREATE UNIQUE INDEX ia ON t(a)", "!UNIQUE constraint failed: t.a");
    CHECK_RUN(connection, "INSERT INTO t(b, c) VALUES (5001, NULL), (5002, NULL)", "");
    CHECK_RUN(connection, "CREATE UNIQUE INDEX iu ON t(c)", ""); /* NULLs are no twins */
    CHECK_RUN(connection, "SELECT count(*) FROM pragma_index_list('t')", "4");
    CHECK_RUN(connection, "BEGIN; DELETE FROM t WHERE b <= 1500; INSERT INTO t VALUES (1, 2, 3)",
              "");
    CHECK_RUN(connection, "CREATE INDEX ix ON t(b, c); INSERT INTO t VALUES (4, 5, 6)", "");
    CHECK_RUN(connection, "PRAGMA integrity_check; SELECT count(*) FROM t WHERE b < 10", "ok|2");
    CHECK_RUN(connection, "SAVEPOINT s; DELETE FROM t WHERE b = 2; ROLLBACK TO s", "");
    CHECK_RUN(connection, "PRAGMA integrity_check; SELECT count(*) FROM t WHERE b < 10", "ok|2");
    CHECK_RUN(connection, "ROLLBACK; SELECT count(*) FROM pragma_index_list('t')", "4");
    CHECK_RUN(connection, "PRAGMA integrity_check; SELECT count(*) FROM t", "ok|2972");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
no_memory_leaves_all_as_it_was(void)
{
    velo_connection *connection = api_run_open("memory");

    CHECK_RUN(connection, "CREATE TABLE t(a, b, c); CREATE INDEX ia ON t(a)", "");
    CHECK_RUN(connection, MAINTAIN_FILL(20), "");
    CHECK(api_run_each_failure(connection, "CREATE INDEX ix ON t(c, b)", 1,
                               "SELECT count(*) FROM sqlite_schema", "2") > 0);
    CHECK_RUN(connection, "PRAGMA integrity_check; DROP INDEX ix", "ok");
    CHECK(api_run_each_failure(connection, "REINDEX", 1, "SELECT count(*) FROM t WHERE a = 1",
                               "10") > 0);
    CHECK(api_run_each_failure(connection, "ANALYZE", 1, "SELECT count(*) FROM sqlite_schema",
                               "2") > 0);
    CHECK_RUN(connection, "SELECT * FROM sqlite_stat1; PRAGMA integrity_check", "t,ia,20 10|ok");
    CHECK(api_run_each_failure(connection, "ANALYZE t", 1, "SELECT * FROM sqlite_stat1",
                               "t,ia,20 10") > 0);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(counts_are_those_of_sqlite),
        UNIT_TEST(one_object_is_counted_alone),
        UNIT_TEST(plans_of_all_connections_follow),
        UNIT_TEST(counts_may_be_written),
        UNIT_TEST(indexes_are_made_anew),
        UNIT_TEST(a_collation_names_its_indexes),
        UNIT_TEST(a_crash_keeps_what_was_committed),
        UNIT_TEST(an_index_is_filled_in_the_order_of_its_keys),
        UNIT_TEST(no_memory_leaves_all_as_it_was),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
