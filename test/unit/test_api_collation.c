/* test_api_collation.c - collations of the application: src/api/collation.c and base/collation.c,
 * through velocidb.h. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include <stdio.h>
#include <string.h>

/* What a collation of the tests counts. */
typedef struct collation_counts {
    int compared;
    int destroyed;
    int asked;
} collation_counts;

static int
collation_bytes(size_t left_size, const void *left, size_t right_size, const void *right)
{
    size_t common = left_size < right_size ? left_size : right_size;
    int order = common == 0 ? 0 : memcmp(left, right, common);

    return order != 0 ? order : (left_size > right_size) - (left_size < right_size);
}

/* The order of bytes, turned. */
static int
collation_turned(void *user, size_t left_size, const void *left, size_t right_size,
                 const void *right)
{
    if (user != NULL)
        ((collation_counts *)user)->compared++;
    return collation_bytes(right_size, right, left_size, left);
}

/* By the first letter alone. */
static int
collation_first(void *user, size_t left_size, const void *left, size_t right_size,
                const void *right)
{
    (void)user;
    return collation_bytes(left_size > 0, left, right_size > 0, right);
}

/* No order at all. */
static int
collation_mad(void *user, size_t left_size, const void *left, size_t right_size, const void *right)
{
    (void)left_size;
    (void)left;
    (void)right_size;
    (void)right;
    return ++((collation_counts *)user)->compared % 3 - 1;
}

static void
collation_destroyed(void *user)
{
    ((collation_counts *)user)->destroyed++;
}

static velo_connection *
collation_open(const char *path)
{
    velo_connection *connection = api_run_open(path);

    if (velo_create_collation(connection, "turned", collation_turned, NULL, NULL) != VELO_OK ||
        velo_create_collation(connection, "First", collation_first, NULL, NULL) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "no collations: %s", velo_error_text(connection));
    return connection;
}

/* Whatever compares goes by the collation that is asked for, or declared. */
static void
everything_that_compares_goes_by_them(void)
{
    static const struct {
        const char *sql;
        const char *wanted;
    } cases[] = {
        {"SELECT a FROM t ORDER BY a", "c|b2|b1|a2|a1"},
        {"SELECT a FROM t ORDER BY a DESC", "a1|a2|b1|b2|c"},
        {"SELECT a FROM t ORDER BY a LIMIT 2", "c|b2"},
        {"SELECT a FROM t ORDER BY a COLLATE BINARY", "a1|a2|b1|b2|c"},
        {"SELECT b FROM t ORDER BY b COLLATE Turned", "c|b2|b1|a2|a1"},
        {"SELECT count(*) FROM t GROUP BY b COLLATE first ORDER BY 1", "1|2|2"},
        {"SELECT count(*) FROM (SELECT DISTINCT b COLLATE first FROM t)", "3"},
        {"SELECT count(DISTINCT b COLLATE first) FROM t", "3"},
        {"SELECT a FROM t WHERE a < 'b1' ORDER BY b", "b2|c"},
        {"SELECT a FROM t WHERE b COLLATE first = 'bx' ORDER BY b", "b1|b2"},
        {"SELECT a FROM t WHERE b COLLATE first IN ('bx', 'cy') ORDER BY b", "b1|b2|c"},
        {"SELECT a FROM t WHERE a BETWEEN 'b2' AND 'a2' ORDER BY b", "a2|b1|b2"},
        {"SELECT a FROM t WHERE (b COLLATE first, 1) = ('ax', 1) ORDER BY b", "a1|a2"},
        {"SELECT min(a), max(a), min(b), max(b) FROM t", "c,a1,a1,c"},
        {"SELECT max(a, 'bb'), min('bb', a) FROM t WHERE b = 'a1'", "a1,bb"},
        {"SELECT nullif(b COLLATE first, 'ax') FROM t ORDER BY b", "~|~|b1|b2|c"},
        {"SELECT CASE b COLLATE first WHEN 'cx' THEN 1 ELSE 0 END FROM t ORDER BY b", "0|0|0|0|1"},
        {"SELECT a FROM t UNION SELECT 'zz' ORDER BY 1", "zz|c|b2|b1|a2|a1"},
        {"SELECT f FROM t INTERSECT SELECT 'bzz'", "b2"},
        {"SELECT b FROM t WHERE f NOT IN (SELECT 'bq') ORDER BY b", "a1|a2|c"},
        {"SELECT x.b, y.b FROM t x JOIN t y ON x.f = y.b WHERE x.b > y.b ORDER BY 1",
         "a2,a1|b2,b1"},
        {"SELECT b, rank() OVER (ORDER BY f) FROM t ORDER BY b", "a1,1|a2,1|b1,3|b2,3|c,5"},
        {"SELECT b, count(*) OVER (PARTITION BY f) FROM t ORDER BY b", "a1,2|a2,2|b1,2|b2,2|c,1"},
        {"SELECT group_concat(b, '' ORDER BY a) FROM t", "cb2b1a2a1"},
        {"WITH RECURSIVE r(x) AS (SELECT f FROM t WHERE b = 'a1' UNION "
         "SELECT x || 'x' FROM r) SELECT x FROM r",
         "a1"},
        {"SELECT a FROM t WHERE a = 'b1' COLLATE nocase", "b1"},
        {"SELECT typeof(a) FROM (SELECT a FROM t UNION ALL SELECT 1 UNION ALL SELECT NULL UNION "
         "ALL "
         "SELECT x'00') WHERE a IS NULL OR a < 'zzzzz' OR a > 'zzzz'",
         "text|text|text|text|text|integer|null|blob"},
    };
    velo_connection *connection = collation_open(NULL);

    CHECK_RUN(connection,
              "CREATE TABLE t(a COLLATE turned, b, f TEXT COLLATE first);"
              "INSERT INTO t VALUES ('b1', 'b1', 'b1'), ('a2', 'a2', 'a2'), ('c', 'c', 'c'),"
              "('a1', 'a1', 'a1'), ('b2', 'b2', 'b2')",
              "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CHECK_RUN(connection, cases[i].sql, cases[i].wanted);
    CHECK_RUN(connection, "CREATE INDEX ta ON t(a); CREATE INDEX tf ON t(f, a DESC)", "");
    CHECK_RUN(connection, "CREATE INDEX tb ON t(b COLLATE turned); CREATE INDEX te ON t(a || '')",
              "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CHECK_RUN(connection, cases[i].sql, cases[i].wanted);
    CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
    CHECK_RUN(connection, "REINDEX turned; REINDEX first; PRAGMA integrity_check", "ok");
    CHECK_RUN(connection, "SELECT coll FROM pragma_index_xinfo('tf')", "First|turned|BINARY");
    (void)velo_close(connection);
}

/* Many rows: sorts in memory and beyond, groups and sets. */
static void
many_rows_are_sorted_and_grouped(void)
{
    velo_connection *connection = collation_open(NULL);

    CHECK_RUN(connection,
              "CREATE TABLE t(a COLLATE turned); WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT "
              "i + 1 FROM n WHERE i < 1999) INSERT INTO t SELECT printf('%05d', i * 7919 % 2000) "
              "FROM n",
              "");
    CHECK_RUN(connection,
              "SELECT count(*) FROM (SELECT a, lag(a) OVER (ORDER BY a) AS l FROM t) "
              "WHERE l COLLATE BINARY <= a",
              "0");
    CHECK_RUN(connection, "SELECT a FROM t ORDER BY a LIMIT 1 OFFSET 1998", "00001");
    CHECK_RUN(connection,
              "SELECT count(*), sum(c) FROM (SELECT count(*) AS c FROM t GROUP BY substr(a, 3) "
              "COLLATE first)",
              "10,2000");
    (void)velo_close(connection);
}

/* A callback that gives no order makes results wrong and nothing else. */
static void
a_mad_one_damages_nothing(void)
{
    collation_counts counts = {0, 0, 0};
    velo_connection *connection = api_run_open(NULL);

    CHECK_OK(velo_create_collation(connection, "mad", collation_mad, &counts, collation_destroyed));
    CHECK_RUN(connection,
              "CREATE TABLE t(a COLLATE mad); CREATE INDEX ta ON t(a);"
              "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 299) "
              "INSERT INTO t SELECT 'x' || i FROM n",
              "");
    CHECK_RUN(connection, "SELECT count(*) FROM (SELECT a FROM t ORDER BY a)", "300");
    CHECK_RUN(connection, "SELECT count(*) > 0 FROM (SELECT a FROM t GROUP BY a)", "1");
    CHECK_RUN(connection, "SELECT count(*) > 0 FROM (SELECT a FROM t UNION SELECT a FROM t)", "1");
    CHECK_RUN(connection, "DELETE FROM t WHERE a < 'x5'; PRAGMA integrity_check", "ok");
    CHECK(counts.compared > 300);
    (void)velo_close(connection);
    CHECK_EQ(counts.destroyed, 1);
}

/* A file outlives what its schema names. */
static void
one_that_is_missing_stops_what_needs_it(void)
{
    static const char *const needing[] = {
        "SELECT * FROM t ORDER BY a",
        "SELECT * FROM t WHERE a = 'x'",
        "SELECT * FROM t WHERE a IN ('x')",
        "SELECT * FROM t WHERE a IN (SELECT 1)",
        "SELECT * FROM t WHERE a BETWEEN 1 AND 2",
        "SELECT * FROM t WHERE (a, 1) > (1, 2)",
        "SELECT DISTINCT a FROM t",
        "SELECT 1 FROM t GROUP BY a",
        "SELECT max(a) FROM t",
        "SELECT min(a, 'x') FROM t",
        "SELECT count(DISTINCT a) FROM t",
        "SELECT a FROM t UNION SELECT a FROM t",
        "SELECT sum(1) OVER (PARTITION BY a) FROM t",
        "SELECT sum(1) OVER (ORDER BY a) FROM t",
        "DELETE FROM t WHERE a > 'x'",
        "CREATE TABLE u(b COLLATE turned)",
        "CREATE INDEX u ON t(b COLLATE turned)",
        "SELECT * FROM t ORDER BY b COLLATE turned",
        "WITH RECURSIVE r(x) AS (SELECT a FROM t UNION SELECT 1 FROM r) SELECT 1 FROM r",
    };
    velo_connection *connection = collation_open("missing.vdb");

    CHECK_RUN(connection,
              "CREATE TABLE t(a COLLATE turned, b); CREATE INDEX ta ON t(a);"
              "INSERT INTO t VALUES ('a', 1), ('b', 2)",
              "");
    (void)velo_close(connection);
    connection = api_run_open("missing.vdb");
    for (size_t i = 0; i < sizeof needing / sizeof needing[0]; i++)
        CHECK_RUN(connection, needing[i], "!no such collation sequence: turned");
    CHECK_RUN(connection, "SELECT a, b FROM t WHERE b = 2", "b,2");
    CHECK_RUN(connection, "INSERT INTO t VALUES ('c', 3); DELETE FROM t WHERE b = 1", "");
    CHECK_RUN(connection, "UPDATE t SET a = 'd' WHERE b = 3; SELECT a FROM t ORDER BY b", "b|d");
    CHECK_RUN(connection, "SELECT a FROM t UNION ALL SELECT 1 ORDER BY 1 COLLATE nocase", "1|b|d");
    CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
    CHECK_OK(velo_create_collation(connection, "TURNED", collation_turned, NULL, NULL));
    CHECK_RUN(connection, "SELECT a FROM t ORDER BY a", "d|b");
    CHECK_RUN(connection, "SELECT name FROM pragma_collation_list", "turned|RTRIM|NOCASE|BINARY");
    (void)velo_close(connection);
}

/* It is another one's as soon as it is replaced, which must not happen under a statement. */
static void
they_are_replaced_between_statements(void)
{
    collation_counts counts = {0, 0, 0};
    velo_connection *connection = api_run_open(NULL);
    velo_statement *statement = NULL;
    velo_statement *other = NULL;

    CHECK_EQ(velo_create_collation(connection, "", collation_turned, &counts, collation_destroyed),
             VELO_MISUSE);
    CHECK_EQ(velo_create_collation(connection, NULL, collation_turned, &counts, NULL), VELO_MISUSE);
    CHECK_EQ(velo_create_collation(connection, "nocase", collation_turned, NULL, NULL),
             VELO_MISUSE);
    CHECK_EQ(velo_create_collation(NULL, "x", collation_turned, NULL, NULL), VELO_MISUSE);
    CHECK_EQ(counts.destroyed, 1);
    CHECK_OK(
        velo_create_collation(connection, "c", collation_turned, &counts, collation_destroyed));
    CHECK_RUN(connection, "CREATE TABLE t(a COLLATE c); INSERT INTO t VALUES ('a'), ('b')", "");
    CHECK_OK(velo_prepare(connection, "SELECT a FROM t ORDER BY a", -1, &statement, NULL));
    CHECK_OK(velo_prepare(connection, "SELECT 1", -1, &other, NULL));
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_TEXT(velo_column_text(statement, 0), "b");
    CHECK_EQ(velo_create_collation(connection, "C", collation_first, NULL, NULL), VELO_BUSY);
    CHECK_TEXT(velo_error_text(connection),
               "unable to delete/modify collation sequence due to active statements");
    CHECK_OK(velo_reset(statement));
    CHECK_EQ(velo_step(other), VELO_ROW);
    CHECK_EQ(velo_create_collation(connection, "C", NULL, NULL, NULL), VELO_BUSY);
    CHECK_OK(velo_create_collation(connection, "new", collation_first, NULL, NULL));
    CHECK_OK(velo_reset(other));
    CHECK_OK(velo_create_collation(connection, "C", collation_first, NULL, NULL));
    CHECK_EQ(counts.destroyed, 2);
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_TEXT(velo_column_text(statement, 0), "a");
    CHECK_OK(velo_reset(statement));
    CHECK_OK(velo_create_collation(connection, "c", NULL, &counts, collation_destroyed));
    CHECK_EQ(counts.destroyed, 3);
    CHECK_EQ(velo_step(statement), VELO_ERROR);
    CHECK_TEXT(velo_error_text(connection), "no such collation sequence: c");
    (void)velo_finalize(statement);
    (void)velo_finalize(other);
    (void)velo_close(connection);
}

static void
collation_provide(void *user, velo_connection *connection, const char *name)
{
    collation_counts *counts = user;

    counts->asked++;
    if (strcmp(name, "nobody") != 0)
        CHECK_OK(velo_create_collation(connection, name, collation_turned, NULL, NULL));
}

static void
they_are_asked_for(void)
{
    collation_counts counts = {0, 0, 0};
    velo_connection *connection = api_run_open(NULL);

    velo_set_collation_needed(connection, collation_provide, &counts);
    CHECK_RUN(connection, "SELECT 'a' < 'b' COLLATE asked_for", "0");
    CHECK_RUN(connection, "SELECT 'a' < 'b' COLLATE asked_for", "0");
    CHECK_EQ(counts.asked, 1);
    CHECK_RUN(connection, "SELECT 'a' < 'b' COLLATE nobody", "!no such collation sequence: nobody");
    CHECK_EQ(counts.asked, 2);
    CHECK_RUN(connection,
              "CREATE TABLE t(a COLLATE asked_too); INSERT INTO t VALUES ('a'), ('b');"
              "SELECT a FROM t ORDER BY a",
              "b|a");
    velo_set_collation_needed(connection, NULL, NULL);
    CHECK_RUN(connection, "SELECT 'a' < 'b' COLLATE never", "!no such collation sequence: never");
    CHECK_EQ(counts.asked, 3);
    (void)velo_close(connection);
}

/* What would need equality in keys is refused, in words. */
static void
unique_keys_are_refused(void)
{
    static const char *const refused[] = {
        "CREATE TABLE u(a COLLATE turned UNIQUE)",
        "CREATE TABLE u(a TEXT COLLATE turned PRIMARY KEY)",
        "CREATE TABLE u(a TEXT COLLATE turned, b, PRIMARY KEY (b, a)) WITHOUT ROWID",
        "CREATE UNIQUE INDEX u ON t(b COLLATE turned)",
    };
    velo_connection *connection = collation_open(NULL);

    CHECK_RUN(connection, "CREATE TABLE t(b)", "");
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        CHECK_RUN(connection, refused[i],
                  "!unique keys by a collation of the application (turned) are not supported yet");
    CHECK_RUN(connection, "CREATE TABLE u(a COLLATE turned, b UNIQUE)", "");
    (void)velo_close(connection);
}

/* Two connections with their own meaning of a name; a callback that uses the other one. */
typedef struct collation_pair {
    velo_connection *other;
    char seen[16];
} collation_pair;

static int
collation_asks_other(void *user, size_t left_size, const void *left, size_t right_size,
                     const void *right)
{
    collation_pair *pair = user;
    const char *rows = api_run(pair->other, "SELECT a FROM t ORDER BY a");

    (void)snprintf(pair->seen, sizeof pair->seen, "%s", rows);
    return collation_bytes(left_size, left, right_size, right);
}

static void
each_connection_has_its_own(void)
{
    collation_pair pair = {api_run_open("own.vdb"), ""};
    velo_connection *connection = api_run_open("own.vdb");
    velo_statement *statement = NULL;

    CHECK_OK(velo_create_collation(pair.other, "own", collation_turned, NULL, NULL));
    CHECK_OK(velo_create_collation(connection, "own", collation_asks_other, &pair, NULL));
    CHECK_RUN(pair.other, "CREATE TABLE t(a COLLATE own); INSERT INTO t VALUES ('a'), ('b'), ('c')",
              "");
    CHECK_OK(velo_prepare(connection, "SELECT a FROM t ORDER BY a", -1, &statement, NULL));
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_TEXT(velo_column_text(statement, 0), "a");
    CHECK_TEXT(pair.seen, "c|b|a");
    (void)velo_finalize(statement);
    (void)velo_close(connection);
    (void)velo_close(pair.other);
}

/* The schema is changed, and the file made anew, with what it names. */
static void
the_schema_changes_around_them(void)
{
    velo_connection *connection = collation_open("changes.vdb");

    CHECK_RUN(connection,
              "CREATE TABLE t(a COLLATE turned, b, CHECK (a <> 'no' COLLATE first));"
              "CREATE INDEX ta ON t(a); INSERT INTO t VALUES ('a', 1), ('b', 2)",
              "");
    CHECK_RUN(connection, "INSERT INTO t VALUES ('nein', 3)",
              "!CHECK constraint failed: a <> 'no' COLLATE first");
    CHECK_RUN(connection, "ALTER TABLE t RENAME COLUMN a TO c; ALTER TABLE t RENAME TO u", "");
    CHECK_RUN(connection, "ALTER TABLE u ADD COLUMN d DEFAULT 'x' COLLATE first", "");
    CHECK_RUN(connection, "SELECT c FROM u WHERE d = 'xyz' ORDER BY c", "b|a");
    CHECK_RUN(connection, "ALTER TABLE u DROP COLUMN b; VACUUM; PRAGMA integrity_check", "ok");
    CHECK_RUN(connection, "ANALYZE; SELECT c FROM u ORDER BY c", "b|a");
    CHECK_RUN(connection, "CREATE TABLE v AS SELECT c FROM u ORDER BY c; SELECT c FROM v", "b|a");
    CHECK_RUN(connection,
              "CREATE VIEW w AS SELECT c FROM u; CREATE TRIGGER r AFTER INSERT ON v BEGIN "
              "DELETE FROM u WHERE c > new.c; END; INSERT INTO v VALUES ('b'); SELECT c FROM w",
              "b");
    (void)velo_close(connection);
    connection = api_run_open("changes.vdb");
    CHECK_RUN(connection, "SELECT c FROM u", "b");
    CHECK_RUN(connection, "INSERT INTO v VALUES ('b')", "!no such collation sequence: turned");
    CHECK_RUN(connection, "VACUUM; ANALYZE", "");
    CHECK_RUN(connection, "REINDEX", "!no such collation sequence: first"); /* of the CHECK */
    CHECK_RUN(connection, "DROP TABLE u; SELECT count(*) FROM v", "3");
    (void)velo_close(connection);
}

/* Every request for memory fails once. */
static void
lack_of_memory_is_told(void)
{
    velo_connection *connection = collation_open(NULL);

    CHECK_RUN(connection, "CREATE TABLE t(a COLLATE turned); INSERT INTO t VALUES ('a'), ('b')",
              "");
    CHECK(api_run_each_failure(connection,
                               "UPDATE t SET a = a || 'x' WHERE a IN (SELECT a FROM t ORDER BY a)",
                               3, "SELECT a FROM t ORDER BY a", "b|a") > 0);
    (void)velo_close(connection);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(everything_that_compares_goes_by_them),
        UNIT_TEST(many_rows_are_sorted_and_grouped),
        UNIT_TEST(a_mad_one_damages_nothing),
        UNIT_TEST(one_that_is_missing_stops_what_needs_it),
        UNIT_TEST(they_are_replaced_between_statements),
        UNIT_TEST(they_are_asked_for),
        UNIT_TEST(unique_keys_are_refused),
        UNIT_TEST(each_connection_has_its_own),
        UNIT_TEST(the_schema_changes_around_them),
        UNIT_TEST(lack_of_memory_is_told),
    };

    return unit_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
