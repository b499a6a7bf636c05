/* test_api_temp.c - TEMP tables, indexes, views and triggers through velocidb.h. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

static void
temp_comes_before_main(void)
{
    velo_connection *db = api_run_open(NULL);

    CHECK_RUN(db, "CREATE TABLE t(a); INSERT INTO t VALUES ('main')", "");
    CHECK_RUN(db, "CREATE TEMP TABLE t(a); INSERT INTO t VALUES ('temp')", "");
    CHECK_RUN(db, "SELECT a FROM t; SELECT a FROM main.t; SELECT a FROM temp.t", "temp|main|temp");
    CHECK_RUN(db, "SELECT main.t.a, temp.t.a FROM main.t, temp.t", "main,temp");
    CHECK_RUN(db, "UPDATE t SET a = 'x'; DELETE FROM main.t; SELECT a FROM t", "x");
    CHECK_RUN(db, "ATTACH (SELECT a FROM temp.t) AS z",
              "!tables of other databases cannot be read here");
    CHECK_RUN(db, "DROP TABLE t; SELECT count(*) FROM t", "0");
    CHECK_RUN(db, "DROP TABLE temp.t", "!no such table: temp.t");
    CHECK_RUN(db, "CREATE TEMP TABLE main.x(a)", "!temporary table name must be unqualified");
    CHECK_RUN(db, "CREATE TABLE temp.x(a UNIQUE); CREATE INDEX i ON x(a); PRAGMA index_list(x)",
              "0,i,0,c,0|1,sqlite_autoindex_x_1,1,u,0");
    CHECK_RUN(db, "INSERT INTO x VALUES (1),(1)", "!UNIQUE constraint failed: x.a");
    CHECK_RUN(db, "ALTER TABLE x RENAME TO y; ALTER TABLE y ADD COLUMN b DEFAULT 7", "");
    CHECK_RUN(db, "INSERT INTO y(a) VALUES (5); SELECT * FROM y WHERE a = 5", "5,7");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
a_query_of_create_table_as_means_what_was_there(void)
{
    velo_connection *db = api_run_open(NULL);

    CHECK_RUN(db, "CREATE TABLE t(a); INSERT INTO t VALUES (1),(2)", "");
    CHECK_RUN(db, "CREATE TEMP TABLE t AS SELECT a * 10 AS a FROM t; SELECT a FROM t", "10|20");
    CHECK_RUN(db, "CREATE TABLE main.u AS SELECT t.a, m.a AS b FROM t, main.t AS m WHERE b = 1",
              "");
    CHECK_RUN(db, "SELECT * FROM main.u", "10,1|20,1");
    CHECK_RUN(db,
              "CREATE TEMP TABLE o AS SELECT tbl_name FROM sqlite_temp_schema WHERE name = 't'; "
              "SELECT * FROM o",
              "t");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
each_connection_has_its_own(void)
{
    velo_connection *one = api_run_open("own");
    velo_connection *other = api_run_open("own");

    CHECK_RUN(one, "SELECT count(*) FROM sqlite_temp_schema", "0");
    CHECK_RUN(one, "CREATE TEMP TABLE t(a); INSERT INTO t VALUES (1)", "");
    CHECK_RUN(other, "SELECT * FROM t", "!no such table: t");
    CHECK_RUN(other, "CREATE TEMP TABLE t(b); INSERT INTO t VALUES (2); SELECT b FROM t", "2");
    CHECK_RUN(one, "SELECT a FROM t; SELECT name, tbl_name FROM temp.sqlite_master", "1|t,t");
    CHECK_RUN(one, "SELECT count(*) FROM sqlite_master", "0");
    CHECK_EQ(velo_close(one), VELO_OK);
    one = api_run_open("own");
    CHECK_RUN(one, "SELECT * FROM t", "!no such table: t");
    CHECK_EQ(velo_close(one), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
}

static void
transactions_cover_it(void)
{
    velo_connection *db = api_run_open("covered");

    CHECK_RUN(db, "CREATE TABLE m(a); CREATE TEMP TABLE t(a)", "");
    CHECK_RUN(db, "BEGIN; INSERT INTO m VALUES (1); INSERT INTO t VALUES (1); SAVEPOINT s", "");
    CHECK_RUN(db, "INSERT INTO t VALUES (2); INSERT INTO m VALUES (2); ROLLBACK TO s", "");
    CHECK_RUN(db, "SELECT count(*) FROM m; SELECT count(*) FROM t; RELEASE s; ROLLBACK", "1|1");
    CHECK_RUN(db, "SELECT count(*) FROM m; SELECT count(*) FROM t", "0|0");
    CHECK_RUN(db, "BEGIN; SAVEPOINT x; CREATE TEMP TABLE u(a); INSERT INTO u VALUES (1)", "");
    CHECK_RUN(db, "ROLLBACK TO x; SELECT * FROM u", "!no such table: u");
    CHECK_RUN(db, "CREATE TEMP TABLE u(b); COMMIT; SELECT name FROM temp.sqlite_schema", "t|u");
    CHECK_RUN(db, "BEGIN; DROP TABLE u; ROLLBACK; SELECT count(*) FROM u", "0");
    CHECK_RUN(db, "INSERT INTO u VALUES (1), (raise_nothing(2))",
              "!no such function: raise_nothing");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* The first TEMP object within a transaction, whose savepoints were there before. */
static void
it_may_begin_inside_of_a_transaction(void)
{
    velo_connection *db = api_run_open("inside");

    CHECK_RUN(db, "CREATE TABLE m(a); BEGIN; SAVEPOINT a; INSERT INTO m VALUES (1); SAVEPOINT b",
              "");
    CHECK_RUN(db, "CREATE TEMP TABLE t(x); INSERT INTO t VALUES (5); SAVEPOINT c", "");
    CHECK_RUN(db, "INSERT INTO t VALUES (6); ROLLBACK TO c; SELECT x FROM t", "5");
    CHECK_RUN(db, "ROLLBACK TO b; SELECT x FROM t", "!no such table: t");
    CHECK_RUN(db, "CREATE TEMP TABLE t(y); INSERT INTO t VALUES (7); RELEASE a; COMMIT", "");
    CHECK_RUN(db, "SELECT y, a FROM t, m", "7,1");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
temporary_triggers_are_fired_first(void)
{
    velo_connection *db = api_run_open("triggers");
    velo_connection *other = api_run_open("triggers");

    CHECK_RUN(db, "CREATE TABLE t(a); CREATE TABLE log(x); CREATE TEMP TABLE mine(x)", "");
    CHECK_RUN(db,
              "CREATE TRIGGER p AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('p' || new.a); END",
              "");
    CHECK_RUN(db,
              "CREATE TEMP TRIGGER q AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('q' || "
              "new.a); INSERT INTO mine VALUES (new.a); END",
              "");
    CHECK_RUN(db, "INSERT INTO t VALUES (1), (2); SELECT x FROM log; SELECT x FROM mine",
              "q1|p1|q2|p2|1|2");
    CHECK_RUN(other, "INSERT INTO t VALUES (3); SELECT x FROM log WHERE x LIKE '%3'", "p3");
    CHECK_RUN(db,
              "SELECT count(*) FROM mine; SELECT tbl_name FROM sqlite_temp_schema WHERE name = "
              "'q'",
              "2|t");
    CHECK_RUN(db, "INSERT INTO t SELECT CASE WHEN a = 2 THEN raise_it(a) ELSE a END FROM t",
              "!no such function: raise_it");
    CHECK_RUN(db,
              "CREATE TEMP TRIGGER z AFTER DELETE ON t BEGIN DELETE FROM main.log WHERE x = 'q1'; "
              "END; DELETE FROM t WHERE a = 1; SELECT count(*) FROM log WHERE x = 'q1'",
              "0");
    CHECK_RUN(db,
              "DROP TRIGGER z; ALTER TABLE t RENAME TO s; INSERT INTO s VALUES (9); SELECT max(x) "
              "FROM mine",
              "9");
    CHECK_RUN(db, "DROP TABLE s; SELECT name FROM sqlite_temp_schema", "mine");
    CHECK_RUN(db,
              "CREATE TRIGGER main.r AFTER INSERT ON log BEGIN INSERT INTO mine VALUES (1); END;"
              "INSERT INTO log VALUES (1)",
              "!no such table: main.mine");
    CHECK_EQ(velo_close(other), VELO_OK);
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* A trigger of "temp" that only REPLACE fires writes into a database that nothing else uses. */
static void
replace_fires_temporary_triggers(void)
{
    velo_connection *db = api_run_open("replace");

    CHECK_RUN(db, "CREATE TABLE t(a PRIMARY KEY, b); CREATE TEMP TABLE mine(x)", "");
    CHECK_RUN(db,
              "CREATE TEMP TRIGGER d AFTER DELETE ON t BEGIN INSERT INTO mine VALUES (old.b); END",
              "");
    CHECK_RUN(db, "INSERT INTO t VALUES (1, 'x'); REPLACE INTO t VALUES (1, 'y')", "");
    CHECK_RUN(db, "SELECT * FROM mine; PRAGMA recursive_triggers = ON", "");
    CHECK_RUN(db, "REPLACE INTO t VALUES (1, 'z'); SELECT x FROM mine; SELECT b FROM t", "y|z");
    CHECK_RUN(db,
              "DROP TRIGGER d; CREATE TABLE log(x); CREATE TRIGGER e AFTER DELETE ON t BEGIN "
              "INSERT INTO log VALUES (old.b); END",
              "");
    CHECK_RUN(db,
              "CREATE TEMP TRIGGER f AFTER INSERT ON log BEGIN INSERT INTO mine VALUES (new.x); "
              "END",
              "");
    CHECK_RUN(db, "REPLACE INTO t VALUES (1, 'a'); SELECT x FROM mine; SELECT x FROM log", "y|z|z");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
views_of_temp_see_everything(void)
{
    velo_connection *db = api_run_open(NULL);

    CHECK_RUN(db, "CREATE TABLE t(a); INSERT INTO t VALUES (3); CREATE TEMP TABLE u(b)", "");
    CHECK_RUN(db, "CREATE TEMP VIEW v AS SELECT a, b FROM t, u; INSERT INTO u VALUES (4)", "");
    CHECK_RUN(db, "SELECT * FROM v; PRAGMA table_info(v)", "3,4|0,a,,0,~,0|1,b,,0,~,0");
    CHECK_RUN(db,
              "CREATE TEMP TRIGGER i INSTEAD OF INSERT ON v BEGIN INSERT INTO t VALUES (new.a);"
              "INSERT INTO u VALUES (new.b); END; INSERT INTO v VALUES (5, 6)",
              "");
    CHECK_RUN(db, "SELECT a FROM t; SELECT b FROM u", "3|5|4|6");
    CHECK_RUN(db, "CREATE VIEW w AS SELECT * FROM temp.u",
              "!view w cannot reference objects in database temp");
    CHECK_RUN(db, "CREATE VIEW w AS SELECT * FROM u; SELECT * FROM w", "!no such table: main.u");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
pragmas_tell_of_it(void)
{
    velo_connection *db = api_run_open(NULL);

    CHECK_RUN(db, "PRAGMA database_list", "0,main,");
    CHECK_RUN(db, "SELECT count(*) FROM pragma_page_size('temp'), pragma_table_info('t', 'temp')",
              "0");
    CHECK_RUN(db, "SELECT * FROM pragma_integrity_check(1, 'temp')", "ok");
    CHECK_RUN(db, "CREATE TABLE t(a); CREATE TEMP TABLE t(b, c); PRAGMA database_list",
              "0,main,|1,temp,");
    CHECK_RUN(db, "SELECT name FROM pragma_table_info('t'); PRAGMA main.table_info(t)",
              "b|c|0,a,,0,~,0");
    CHECK_RUN(db, "SELECT name FROM pragma_table_info('t', 'main')", "a");
    CHECK_RUN(db, "SELECT schema, name FROM pragma_table_list WHERE name = 't'", "main,t|temp,t");
    CHECK_RUN(db, "PRAGMA temp.user_version = 5; PRAGMA temp.user_version; PRAGMA user_version",
              "5|0");
    CHECK_RUN(db, "PRAGMA temp_store; PRAGMA temp_store = 0; PRAGMA temp_store", "0|0");
    CHECK_RUN(db, "PRAGMA integrity_check; PRAGMA temp.integrity_check", "ok|ok");
    CHECK_RUN(db, "PRAGMA nosuch.table_info(t)", "!unknown database nosuch");
    CHECK_RUN(db, "BEGIN; PRAGMA temp_store = file",
              "!temporary storage cannot be changed from within a transaction");
    CHECK_RUN(db, "ROLLBACK; SELECT count(*) FROM temp.t", "0");
    CHECK_RUN(db, "PRAGMA temp_store = memory; SELECT count(*) FROM sqlite_temp_schema", "0");
    CHECK_RUN(db, "PRAGMA temp_store; SELECT name FROM pragma_table_info('t')", "2|a");
    CHECK_TEXT(velo_database_name(db, 1), "temp");
    CHECK_TEXT(velo_database_path(db, "TEMP"), "");
    CHECK_EQ(velo_database_is_read_only(db, "temp"), 0);
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
it_can_be_written_where_main_cannot(void)
{
    velo_open_options options = {.size = sizeof options, .is_read_only = 1};
    velo_connection *db = api_run_open("readonly");
    velo_connection *reader = NULL;

    CHECK_RUN(db, "CREATE TABLE t(a); INSERT INTO t VALUES (1)", "");
    CHECK_EQ(velo_open(unit_path("readonly"), &options, &reader), VELO_OK);
    CHECK_RUN(reader, "CREATE TEMP TABLE c AS SELECT a FROM t; SELECT a FROM c", "1");
    CHECK_RUN(reader, "INSERT INTO t VALUES (2)", "!attempt to write a readonly database");
    CHECK_RUN(db, "BEGIN IMMEDIATE", "");
    CHECK_RUN(reader, "INSERT INTO c VALUES (3); SELECT count(*) FROM c", "2");
    CHECK_RUN(db, "COMMIT", "");
    CHECK_EQ(velo_close(reader), VELO_OK);
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* Statements that are prepared follow what their names mean. */
static void
statements_follow_the_names(void)
{
    velo_connection *db = api_run_open(NULL);
    velo_statement *select = NULL;
    velo_statement *insert = NULL;

    CHECK_RUN(db, "CREATE TABLE t(a); INSERT INTO t VALUES ('main')", "");
    CHECK_EQ(velo_prepare(db, "SELECT a FROM t", -1, &select, NULL), VELO_OK);
    CHECK_EQ(velo_prepare(db, "INSERT INTO t VALUES ('new')", -1, &insert, NULL), VELO_OK);
    CHECK_EQ(velo_step(select), VELO_ROW);
    CHECK_TEXT(velo_column_text(select, 0), "main");
    CHECK_EQ(velo_reset(select), VELO_OK);
    CHECK_RUN(db, "CREATE TEMP TABLE t(a); INSERT INTO t VALUES ('temp')", "");
    CHECK_EQ(velo_step(select), VELO_ROW);
    CHECK_TEXT(velo_column_text(select, 0), "temp");
    CHECK_TEXT(velo_column_database(select, 0), "temp");
    CHECK_EQ(velo_reset(select), VELO_OK);
    CHECK_EQ(velo_step(insert), VELO_DONE);
    CHECK_RUN(db, "SELECT a FROM temp.t; DROP TABLE temp.t", "temp|new");
    CHECK_EQ(velo_step(insert), VELO_DONE);
    CHECK_RUN(db, "SELECT a FROM t", "main|new");
    CHECK_EQ(velo_finalize(select), VELO_OK);
    CHECK_EQ(velo_finalize(insert), VELO_OK);
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
an_idle_connection_stays_cheap(void)
{
    velo_connection *first = api_run_open("cheap");
    velo_connection *second = NULL;
    uint64_t before;

    CHECK_RUN(first, "CREATE TABLE t(a)", "");
    before = velo_memory_used();
    CHECK_EQ(velo_open(unit_path("cheap"), NULL, &second), VELO_OK);
    CHECK(velo_memory_used() - before < 98304); /* a database in memory takes millions */
    CHECK_EQ(velo_close(second), VELO_OK);
    CHECK_EQ(velo_close(first), VELO_OK);
}

static void
lack_of_memory_leaves_nothing(void)
{
    static const char probe[] = "SELECT count(*) FROM temp.sqlite_schema; SELECT count(*) FROM m";
    velo_connection *db = api_run_open("memory");

    CHECK_RUN(db, "CREATE TABLE m(a); INSERT INTO m VALUES (1)", "");
    CHECK(api_run_each_failure(db, "CREATE TEMP TABLE t AS SELECT a FROM m", 3, probe, "0|1") > 9);
    CHECK(api_run_each_failure(db,
                               "CREATE TEMP TRIGGER r AFTER INSERT ON m BEGIN INSERT INTO t VALUES "
                               "(new.a); END",
                               3, probe, "1|1") > 2);
    CHECK(api_run_each_failure(db, "INSERT INTO m VALUES (2)", 1, probe, "2|1") > 2);
    CHECK_RUN(db, "SELECT a FROM t", "1|2");
    CHECK_EQ(velo_close(db), VELO_OK);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(temp_comes_before_main),
        UNIT_TEST(a_query_of_create_table_as_means_what_was_there),
        UNIT_TEST(each_connection_has_its_own),
        UNIT_TEST(transactions_cover_it),
        UNIT_TEST(it_may_begin_inside_of_a_transaction),
        UNIT_TEST(temporary_triggers_are_fired_first),
        UNIT_TEST(replace_fires_temporary_triggers),
        UNIT_TEST(views_of_temp_see_everything),
        UNIT_TEST(pragmas_tell_of_it),
        UNIT_TEST(it_can_be_written_where_main_cannot),
        UNIT_TEST(statements_follow_the_names),
        UNIT_TEST(an_idle_connection_stays_cheap),
        UNIT_TEST(lack_of_memory_leaves_nothing),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
