/* test_api_long_keys.c - indexes and primary keys of values longer than a page, through velocidb.h.
 * What a text gives was checked with SQLite. */
#include "api/api_int.h"
#include "lib/api_run.h"
#include "lib/unit.h"

#include <string.h>

static velo_connection *
long_open(const char *name)
{
    velo_open_options options = {.size = sizeof options, .no_threads = 1};
    velo_connection *connection = NULL;

    if (velo_open(name == NULL ? NULL : unit_path(name), &options, &connection) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", velo_error_text(connection));
    return connection;
}

/* Texts of 20,000 bytes that differ in their last ones only, and some that are short. */
#define LONG_TEXT(number) "(printf('%.20000c', 'x') || printf('%06d', " number "))"
#define LONG_ROWS(count)                                                                           \
    "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " count ") "

/* Indexes, unique or not, made before the rows and after them. */
static void
long_indexes_find_and_order(void)
{
    velo_connection *connection = long_open("index");

    CHECK_RUN(connection, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE, c)", "");
    CHECK_RUN(connection, "CREATE INDEX tc ON t(c, b DESC)", "");
    CHECK_RUN(connection,
              LONG_ROWS("200") "INSERT INTO t SELECT i, " LONG_TEXT("i * 7 % 211") ", i % 3 FROM n",
              "");
    CHECK_RUN(connection, "INSERT INTO t SELECT 1000, " LONG_TEXT("7") ", 0",
              "!UNIQUE constraint failed: t.b");
    CHECK_RUN(connection, "SELECT a FROM t WHERE b = " LONG_TEXT("77"), "11");
    CHECK_RUN(connection, "SELECT a FROM t WHERE b = " LONG_TEXT("999"), "");
    CHECK_RUN(connection,
              "SELECT group_concat(a) FROM (SELECT a FROM t WHERE b < " LONG_TEXT(
                  "22") " AND b >= " LONG_TEXT("19") " ORDER BY b)",
              "63,33,3");
    CHECK_RUN(connection,
              "SELECT group_concat(a) FROM (SELECT a FROM t WHERE c = 1 ORDER BY b DESC LIMIT 5)",
              "28,58,88,118,148");
    CHECK_RUN(connection, "INSERT OR REPLACE INTO t SELECT 1001, " LONG_TEXT("7") ", 0", "");
    CHECK_RUN(connection, "SELECT a FROM t WHERE b = " LONG_TEXT("7"), "1001");
    CHECK_RUN(connection, "DELETE FROM t WHERE a % 2 = 0; SELECT count(*) FROM t", "100");
    CHECK_RUN(connection, "UPDATE t SET b = b || 'y' WHERE a % 3 = 0", "");
    CHECK_RUN(connection, "CREATE UNIQUE INDEX tu ON t(b, c)", "");
    CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
    connection = long_open("index");
    CHECK_RUN(connection, "SELECT a FROM t WHERE b = " LONG_TEXT("7"), "1001");
    CHECK_RUN(connection, "DROP INDEX tc; DELETE FROM t; PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* Primary keys of tables WITHOUT ROWID, foreign keys, transactions that are taken back. */
static void
long_primary_keys(void)
{
    velo_connection *connection = long_open(NULL);

    CHECK_RUN(connection, "PRAGMA foreign_keys = ON", "");
    CHECK_RUN(connection, "CREATE TABLE p(k TEXT PRIMARY KEY, v) WITHOUT ROWID", "");
    CHECK_RUN(connection, "CREATE TABLE c(i INTEGER PRIMARY KEY, k REFERENCES p ON UPDATE CASCADE)",
              "");
    CHECK_RUN(connection, "CREATE INDEX ck ON c(k)", "");
    CHECK_RUN(connection, LONG_ROWS("50") "INSERT INTO p SELECT " LONG_TEXT("i") ", i FROM n", "");
    CHECK_RUN(connection, LONG_ROWS("40") "INSERT INTO c SELECT i, " LONG_TEXT("i") " FROM n", "");
    CHECK_RUN(connection, "INSERT INTO c SELECT 99, " LONG_TEXT("99"),
              "!FOREIGN KEY constraint failed");
    CHECK_RUN(connection, "DELETE FROM p WHERE v = 5", "!FOREIGN KEY constraint failed");
    CHECK_RUN(connection, "DELETE FROM p WHERE v = 45", "");
    CHECK_RUN(connection, "BEGIN; UPDATE p SET k = k || 'z' WHERE v <= 10", "");
    CHECK_RUN(connection, "SELECT i FROM c WHERE k = " LONG_TEXT("9") " || 'z'", "9");
    CHECK_RUN(connection, "SAVEPOINT s; DELETE FROM c; DELETE FROM p; ROLLBACK TO s", "");
    CHECK_RUN(connection, "SELECT count(*) FROM c JOIN p USING (k)", "40");
    CHECK_RUN(connection, "ROLLBACK; SELECT i FROM c WHERE k = " LONG_TEXT("9"), "9");
    CHECK_RUN(connection, "SELECT v FROM p WHERE k > " LONG_TEXT("47") " ORDER BY k DESC",
              "50|49|48");
    CHECK_RUN(connection, "PRAGMA foreign_key_check; PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* As long as texts and blobs may be: many pages. */
static void
long_keys_of_megabytes(void)
{
    velo_connection *connection = long_open("megabytes");

    CHECK_RUN(connection, "CREATE TABLE t(b BLOB PRIMARY KEY) WITHOUT ROWID", "");
    CHECK_RUN(connection, "BEGIN; INSERT INTO t VALUES (zeroblob(3000000))", "");
    CHECK_RUN(connection, "INSERT INTO t VALUES (zeroblob(3000001)), (zeroblob(2999999))", "");
    CHECK_RUN(connection, "INSERT INTO t VALUES (zeroblob(3000000))",
              "!UNIQUE constraint failed: t.b");
    CHECK_RUN(connection, "COMMIT; SELECT length(b) FROM t", "2999999|3000000|3000001");
    CHECK_EQ(velo_close(connection), VELO_OK);
    connection = long_open("megabytes");
    CHECK_RUN(connection, "SELECT count(*) FROM t WHERE b = zeroblob(3000000)", "1");
    CHECK_RUN(connection, "DELETE FROM t WHERE b > zeroblob(2999999)", "");
    CHECK_RUN(connection, "SELECT length(b) FROM t; PRAGMA integrity_check", "2999999|ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(long_indexes_find_and_order),
        UNIT_TEST(long_primary_keys),
        UNIT_TEST(long_keys_of_megabytes),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
