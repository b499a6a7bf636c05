/* test_api_attach.c - ATTACH and DETACH through velocidb.h: names, transactions over several files,
 * what fails half way, and connections in each other's way. */
#define _GNU_SOURCE /* readlink */
#include "lib/api_run.h"
#include "lib/unit.h"

#include "base/alloc.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Attach a file of the test's folder. */
static const char *
attach_file(velo_connection *connection, const char *file, const char *name)
{
    char sql[700];

    (void)snprintf(sql, sizeof sql, "ATTACH '%s' AS %s", unit_path(file), name);
    return api_run(connection, sql);
}

#define CHECK_ATTACH(connection, file, name, wanted)                                               \
    do {                                                                                           \
        const char *attach_got = attach_file((connection), (file), (name));                        \
        CHECK_TEXT(attach_got, wanted);                                                            \
    } while (0)

/* A connection to one file with another one attached as aux, each with a table. */
static velo_connection *
attach_pair(const char *file, const char *other)
{
    velo_connection *db = api_run_open(file);

    if (attach_file(db, other, "aux")[0] == '!' ||
        velo_exec(db,
                  "CREATE TABLE IF NOT EXISTS main.t(a INTEGER PRIMARY KEY, b);"
                  "CREATE TABLE IF NOT EXISTS aux.u(a INTEGER PRIMARY KEY, b)",
                  NULL, NULL) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", velo_error_text(db));
    return db;
}

/* ---- names ---- */

static void
names_are_found_in_order(void)
{
    velo_connection *db = attach_pair("order1", "order2");

    CHECK_RUN(db,
              "CREATE TABLE aux.t(x); INSERT INTO aux.t VALUES ('aux'); INSERT INTO t VALUES "
              "(1, 'main'); INSERT INTO u VALUES (1, 'u')",
              "");
    CHECK_RUN(db, "SELECT b FROM t; SELECT x FROM aux.t; SELECT b FROM u", "main|aux|u");
    CHECK_RUN(db, "SELECT main.t.b, aux.t.x FROM main.t, aux.t", "main,aux");
    CHECK_ATTACH(db, "order3", "third", "");
    CHECK_RUN(db, "CREATE TABLE third.u(a); SELECT b FROM u; SELECT count(*) FROM third.u", "u|0");
    CHECK_RUN(db, "INSERT INTO third.u SELECT a + 1 FROM u; SELECT a FROM third.u", "2");
    CHECK_RUN(db, "UPDATE third.u SET a = (SELECT x FROM aux.t); SELECT a FROM third.u", "aux");
    CHECK_RUN(db, "CREATE INDEX aux.i ON t(x); PRAGMA aux.index_list(t); PRAGMA index_info(i)",
              "0,i,0,c,0|0,0,x");
    CHECK_RUN(db, "EXPLAIN QUERY PLAN SELECT * FROM aux.t WHERE x = 1",
              "1,0,0,SEARCH aux.t USING COVERING INDEX i (x=?)");
    CHECK_RUN(db, "EXPLAIN SELECT * FROM aux.t ORDER BY x DESC, 1 + x",
              "0,Select,0,0,0,~,0,~|1,SCAN,1,0,0,SCAN aux.t,0,~|"
              "2,USE,2,0,0,USE TEMP B-TREE FOR ORDER BY,0,~");
    CHECK_RUN(db, "EXPLAIN DROP TABLE aux.t; EXPLAIN DELETE FROM u WHERE a = 1",
              "0,Other,0,0,0,~,0,~|0,Delete,0,0,0,~,0,~|"
              "1,SEARCH,1,0,0,SEARCH u USING INTEGER PRIMARY KEY (rowid=?),0,~");
    CHECK_RUN(db, "ALTER TABLE third.u RENAME TO v; ALTER TABLE v RENAME COLUMN a TO z", "");
    CHECK_RUN(db, "SELECT z FROM v; DROP TABLE v; SELECT count(*) FROM third.sqlite_schema",
              "aux|0");
    CHECK_RUN(db, "SELECT schema, name FROM pragma_table_list WHERE name IN ('t', 'u')",
              "main,t|aux,t|aux,u");
    CHECK_TEXT(velo_database_name(db, 2), "aux");
    CHECK(velo_database_name(db, 4) == NULL);
    CHECK_TEXT(velo_database_path(db, "third"), unit_path("order3"));
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
mistakes_are_told_as_sqlite_does(void)
{
    velo_connection *db = attach_pair("words1", "words2");
    char sql[60];

    CHECK_RUN(db, "ATTACH ':memory:' AS main", "!database main is already in use");
    CHECK_RUN(db, "ATTACH ':memory:' AS Aux", "!database Aux is already in use");
    CHECK_RUN(db, "ATTACH '/nonexistent/x' AS y", "!unable to open database: /nonexistent/x");
    CHECK_RUN(db, "DETACH nosuch", "!no such database: nosuch");
    CHECK_RUN(db, "DETACH main", "!cannot detach database main");
    CHECK_RUN(db, "DETACH temp", "!cannot detach database temp");
    CHECK_RUN(db, "SELECT * FROM x.t", "!no such table: x.t");
    CHECK_RUN(db, "SELECT * FROM aux.t", "!no such table: aux.t");
    CHECK_RUN(db, "CREATE TABLE x.t(a)", "!unknown database x");
    CHECK_RUN(db, "PRAGMA x.user_version", "!unknown database x");
    CHECK_RUN(db, "VACUUM x", "!unknown database x");
    CHECK_RUN(db, "CREATE TRIGGER r AFTER INSERT ON aux.u BEGIN SELECT 1; END",
              "!trigger r cannot reference objects in database aux");
    CHECK_RUN(db, "ATTACH ':memory:' AS 'a b'; CREATE TABLE \"a b\".c(d); SELECT * FROM c", "");
    CHECK_RUN(db, "ATTACH NULL AS n; DETACH n; ATTACH ? || 'x' AS q",
              "!parameters within an expression of ATTACH are not supported");
    CHECK_RUN(db,
              "ATTACH ':mem' || 'ory:' AS lower('E'); SELECT name, file = '' FROM "
              "pragma_database_list",
              "main,0|aux,0|a b,1|e,1");
    for (int i = 4; i < 11; i++) {
        (void)snprintf(sql, sizeof sql, "ATTACH ':memory:' AS d%d", i);
        CHECK_RUN(db, sql, "");
    }
    CHECK_RUN(db, "ATTACH ':memory:' AS d11", "!too many attached databases - max 10");
    CHECK_EQ(velo_set_attached_limit(db, 3), 10);
    CHECK_RUN(db, "DETACH d4; ATTACH ':memory:' AS d4", "!too many attached databases - max 3");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* Prepared statements follow what ATTACH, DETACH and others' changes make of their names. */
static void
statements_follow_the_databases(void)
{
    velo_connection *db = attach_pair("follow1", "follow2");
    velo_connection *other = api_run_open("follow2");
    velo_statement *statement = NULL;

    CHECK_RUN(db, "INSERT INTO u VALUES (1, 'aux')", "");
    CHECK_EQ(velo_prepare(db, "SELECT * FROM u", -1, &statement, NULL), VELO_OK);
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_TEXT(velo_column_database(statement, 0), "aux");
    CHECK_RUN(db, "DETACH aux", "!database aux is locked");
    CHECK_EQ(velo_reset(statement), VELO_OK);
    CHECK_RUN(other, "ALTER TABLE u ADD COLUMN c DEFAULT 'c'", "");
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_EQ(velo_column_count(statement), 3);
    CHECK_TEXT(velo_column_text(statement, 2), "c");
    CHECK_EQ(velo_reset(statement), VELO_OK);
    CHECK_RUN(db, "DETACH aux", "");
    CHECK_EQ(velo_step(statement), VELO_ERROR);
    CHECK_TEXT(velo_error_text(db), "no such table: u");
    CHECK_EQ(velo_reset(statement), VELO_ERROR);
    CHECK_ATTACH(db, "follow2", "renamed", "");
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_TEXT(velo_column_database(statement, 0), "renamed");
    CHECK_EQ(velo_reset(statement), VELO_OK);
    CHECK_RUN(db, "CREATE TABLE main.u(only)", "");
    CHECK_EQ(velo_step(statement), VELO_DONE);
    CHECK_TEXT(velo_column_name(statement, 0), "only");
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ---- transactions ---- */

static void
transactions_cover_all_databases(void)
{
    velo_connection *db = attach_pair("cover1", "cover2");

    CHECK_RUN(db, "BEGIN; INSERT INTO t VALUES (1, 1); INSERT INTO u VALUES (1, 1)", "");
    CHECK_EQ(velo_database_state(db, "aux"), VELO_TRANSACTION_WRITE);
    CHECK_EQ(velo_database_state(db, "temp"), VELO_TRANSACTION_NONE);
    CHECK_RUN(db, "SAVEPOINT s; DELETE FROM u; DELETE FROM t; CREATE TABLE aux.w(a)", "");
    CHECK_RUN(db, "SELECT count(*) FROM t; SELECT count(*) FROM u; SELECT count(*) FROM w",
              "0|0|0");
    CHECK_RUN(db, "ROLLBACK TO s; SELECT count(*) FROM t, u", "1");
    CHECK_RUN(db, "SELECT * FROM w", "!no such table: w");
    CHECK_RUN(db, "ROLLBACK; SELECT count(*) FROM t; SELECT count(*) FROM u", "0|0");
    CHECK_RUN(db, "BEGIN; INSERT INTO t VALUES (1, 1); INSERT INTO u VALUES (1, 1); COMMIT", "");
    CHECK_RUN(db, "BEGIN; CREATE TABLE aux.w(a); INSERT INTO w VALUES (1); COMMIT", "");
    CHECK_EQ(velo_close(db), VELO_OK);
    db = attach_pair("cover2", "cover1");
    CHECK_RUN(db, "SELECT count(*) FROM main.u; SELECT count(*) FROM aux.t; SELECT a FROM w",
              "1|1|1");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ATTACH and DETACH inside of a transaction, as SQLite has it by now. */
static void
databases_come_and_go_inside_of_transactions(void)
{
    velo_connection *db = attach_pair("come1", "come2");

    CHECK_RUN(db, "BEGIN; SAVEPOINT a; INSERT INTO t VALUES (1, 1)", "");
    CHECK_ATTACH(db, "come3", "new", "");
    CHECK_RUN(db, "CREATE TABLE new.x(a); INSERT INTO x VALUES (1); SAVEPOINT b", "");
    CHECK_RUN(db, "INSERT INTO x VALUES (2); ROLLBACK TO b; SELECT a FROM x", "1");
    CHECK_RUN(db, "DETACH new", "!database new is locked");
    CHECK_RUN(db, "ROLLBACK TO a; SELECT * FROM x", "!no such table: x");
    CHECK_RUN(db, "COMMIT; DETACH new; PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
a_statement_that_fails_is_undone_everywhere(void)
{
    velo_connection *db = attach_pair("undo1", "undo2");

    CHECK_RUN(db,
              "CREATE TEMP TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO u VALUES (new.a, "
              "new.b); END",
              "");
    CHECK_RUN(db, "INSERT INTO t VALUES (1, 'one'), (2, 'two'); SELECT * FROM u", "1,one|2,two");
    CHECK_RUN(db, "DELETE FROM t WHERE a = 2", "");
    CHECK_RUN(db, "INSERT INTO t VALUES (3, 'three'), (2, 'again')",
              "!UNIQUE constraint failed: u.a");
    CHECK_RUN(db, "SELECT a FROM t; SELECT a FROM u", "1|1|2");
    CHECK_RUN(db, "BEGIN; INSERT INTO t VALUES (5, 'five')", "");
    CHECK_RUN(db, "INSERT INTO t VALUES (4, 'four'), (2, 'again')",
              "!UNIQUE constraint failed: u.a");
    CHECK_RUN(db, "COMMIT; SELECT a FROM t; SELECT a FROM u", "1|5|1|2|5");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* Put something else under a descriptor of this process that is open for a file. */
static int
attach_spoil(const char *file)
{
    int spoiled = 0;

    for (int fd = 3; fd < 200; fd++) {
        char link[40];
        char path[700];
        ssize_t size;

        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        size = readlink(link, path, sizeof path - 1);
        if (size <= 0)
            continue;
        path[size] = 0;
        if (strcmp(path, unit_path(file)) == 0) {
            int other = open("/dev/full", O_RDWR);

            spoiled += other >= 0 && dup2(other, fd) == fd;
            (void)close(other);
        }
    }
    return spoiled;
}

/* The second of two commits fails: the first one stays, and is told. */
static void
a_commit_that_fails_half_way_is_told(void)
{
    velo_connection *db = attach_pair("half1", "half2");

    CHECK_RUN(db, "BEGIN; INSERT INTO t VALUES (1, 1); INSERT INTO u VALUES (1, 1)", "");
    if (attach_spoil("half2-wal") == 0) {
        unit_skip("descriptors of files cannot be found here");
        (void)velo_close(db);
        return;
    }
    CHECK(strncmp(api_run(db, "COMMIT"),
                  "!the transaction was committed in main, but not in aux: ", 56) == 0);
    CHECK_EQ(velo_in_transaction(db), 0);
    CHECK_RUN(db, "SELECT a FROM t; INSERT INTO t VALUES (2, 2); SELECT count(*) FROM t", "1|2");
    CHECK(api_run(db, "BEGIN; INSERT INTO u VALUES (2, 2)")[0] == '!');
    CHECK_RUN(db, "ROLLBACK; SELECT a FROM t WHERE a = 2", "2");
    (void)velo_close(db); /* the last writes of aux fail as well */
}

/* ---- one file under two names ---- */

static void
one_file_may_have_two_names(void)
{
    velo_connection *db = attach_pair("twice", "twice");

    CHECK_RUN(db, "INSERT INTO main.t VALUES (1, 'x'); SELECT b FROM aux.t", "x");
    CHECK_RUN(db, "INSERT INTO aux.t VALUES (2, 'y'); SELECT b FROM main.t", "x|y");
    CHECK_RUN(db, "INSERT INTO aux.t SELECT a + 10, b FROM main.t; SELECT count(*) FROM t", "4");
    CHECK_RUN(db, "BEGIN; INSERT INTO main.t VALUES (3, 'z'); SELECT count(*) FROM aux.t", "4");
    CHECK_RUN(db, "INSERT INTO aux.t VALUES (3, 'z')", "!database is locked");
    CHECK_RUN(db, "CREATE TABLE aux.w(a)", "!database is locked");
    CHECK_RUN(db, "COMMIT; SELECT count(*) FROM aux.t", "5");
    CHECK_RUN(db, "CREATE TABLE aux.w(a); INSERT INTO main.w VALUES (1); SELECT a FROM w", "1");
    CHECK_RUN(db, "CREATE TEMP TRIGGER r AFTER INSERT ON main.t BEGIN DELETE FROM w; END", "");
    CHECK_RUN(db, "INSERT INTO main.t VALUES (9, 9); SELECT count(*) FROM aux.w", "0");
    CHECK_RUN(db, "BEGIN IMMEDIATE", "!database is locked");
    CHECK_RUN(db, "DETACH aux; BEGIN IMMEDIATE; COMMIT", "");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ---- others ---- */

static void
upkeep_is_of_one_database(void)
{
    velo_connection *db = attach_pair("upkeep1", "upkeep2");

    CHECK_RUN(db, "INSERT INTO u VALUES (1, 1), (2, 1); CREATE INDEX aux.ub ON u(b); ANALYZE", "");
    CHECK_RUN(db, "SELECT * FROM aux.sqlite_stat1", "u,ub,2 2");
    CHECK_RUN(db, "REINDEX; REINDEX aux.ub; VACUUM aux; PRAGMA aux.integrity_check", "ok");
    CHECK_RUN(db, "PRAGMA aux.user_version = 3; PRAGMA aux.user_version; PRAGMA user_version",
              "3|0");
    CHECK_RUN(db,
              "PRAGMA foreign_keys = ON; CREATE TABLE aux.p(id PRIMARY KEY); CREATE TABLE "
              "aux.c(p REFERENCES p ON DELETE CASCADE); INSERT INTO p VALUES (1), (2)",
              "");
    CHECK_RUN(db, "CREATE TABLE main.p(id PRIMARY KEY); INSERT INTO main.p VALUES (9)", "");
    CHECK_RUN(db, "INSERT INTO c VALUES (9)", "!FOREIGN KEY constraint failed");
    CHECK_RUN(db, "INSERT INTO c VALUES (1), (2); DELETE FROM aux.p WHERE id = 1; SELECT * FROM c",
              "2");
    CHECK_RUN(db,
              "PRAGMA aux.foreign_key_check; CREATE TABLE aux.s(a INTEGER PRIMARY KEY "
              "AUTOINCREMENT); INSERT INTO s DEFAULT VALUES; SELECT * FROM aux.sqlite_sequence",
              "s,1");
    CHECK_RUN(db,
              "PRAGMA foreign_keys = OFF; INSERT INTO c VALUES (8); PRAGMA foreign_key_check(c)",
              "c,3,p,0");
    CHECK_RUN(db, "PRAGMA main.foreign_key_check(c)", "!no such table: main.c");
    CHECK_RUN(db, "PRAGMA foreign_key_check; PRAGMA aux.foreign_key_check", "c,3,p,0");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
hooks_and_values_name_databases(void)
{
    velo_connection *db = attach_pair("hooks1", "hooks2");
    velo_column_info info = {.size = sizeof info};
    velo_blob *blob = NULL;
    char bytes[3];

    CHECK_RUN(db, "CREATE TABLE aux.t(z TEXT NOT NULL); INSERT INTO aux.t VALUES ('abc')", "");
    CHECK_EQ(velo_find_column(db, "aux", "t", "z", &info), VELO_OK);
    CHECK_TEXT(info.type, "TEXT");
    CHECK_EQ(velo_find_column(db, NULL, "t", "z", &info), VELO_ERROR);
    CHECK_EQ(velo_find_column(db, NULL, "u", "b", &info), VELO_OK);
    CHECK_EQ(velo_find_column(db, "x", "t", "z", &info), VELO_ERROR);
    CHECK_EQ(velo_blob_open(db, "aux", "t", "z", 1, 1, &blob), VELO_OK);
    CHECK_EQ(velo_blob_write(blob, "X", 1, 1), VELO_OK);
    CHECK_EQ(velo_blob_read(blob, bytes, 3, 0), VELO_OK);
    CHECK(memcmp(bytes, "aXc", 3) == 0);
    velo_blob_close(blob);
    CHECK_RUN(db, "SELECT z FROM aux.t", "aXc");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
lack_of_memory_attaches_all_or_nothing(void)
{
    velo_connection *db = attach_pair("lack1", "lack2");
    char sql[700];

    CHECK_RUN(db, "CREATE INDEX aux.i ON u(b); INSERT INTO u VALUES (1, 1); DETACH aux", "");
    (void)snprintf(sql, sizeof sql, "ATTACH '%s' AS aux", unit_path("lack2"));
    CHECK(api_run_each_failure(db, sql, 7, "SELECT count(*) FROM pragma_database_list", "1") > 9);
    CHECK_RUN(db, "SELECT b FROM u WHERE b = 1", "1");
    CHECK_RUN(db,
              "CREATE TEMP TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO u VALUES (new.a, 0); END",
              "");
    CHECK(api_run_each_failure(db, "INSERT INTO t VALUES (2, 2)", 1,
                               "SELECT count(*) FROM t; SELECT count(*) FROM u", "0|1") > 2);
    CHECK(api_run_each_failure(db, "SAVEPOINT s", 1, "SELECT count(*) FROM t, u", "2") > 2);
    CHECK_RUN(db, "INSERT INTO t VALUES (3, 3); ROLLBACK; SELECT count(*) FROM u", "2");
    CHECK(api_run_each_failure(db, "DETACH aux", 1, "SELECT b FROM u WHERE a = 1", "1") > 0);
    CHECK_RUN(db, "SELECT name FROM pragma_database_list", "main|temp");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ---- threads ---- */

#define ATTACH_ROUNDS VL_BY_BUILD(150, 40)

typedef struct attach_worker {
    pthread_t thread;
    velo_connection *connection;
    const char *first; /* what it changes first, then second */
    const char *second;
    char text[300]; /* what went wrong */
    int commits;
} attach_worker;

/* Move from one file to the other in transactions: so often, and until one has committed, which
 * comes when the other worker has ended at the latest. */
static void *
attach_transfer(void *argument)
{
    attach_worker *worker = argument;

    for (int i = 0; (i < ATTACH_ROUNDS || worker->commits == 0) && worker->text[0] == 0; i++) {
        char sql[300];
        velo_status st;

        (void)snprintf(sql, sizeof sql,
                       "BEGIN; UPDATE %s SET b = b - 1 WHERE a = 1; UPDATE %s SET b = b + 1 WHERE "
                       "a = 1; COMMIT",
                       worker->first, worker->second);
        st = velo_exec(worker->connection, sql, NULL, NULL);
        worker->commits += st == VELO_OK;
        if (st == VELO_OK)
            continue;
        if (((unsigned)st & 0xffU) != VELO_BUSY)
            (void)snprintf(worker->text, sizeof worker->text, "%s",
                           velo_error_text(worker->connection));
        (void)velo_exec(worker->connection, "ROLLBACK", NULL, NULL);
    }
    return NULL;
}

/* Two connections that have attached the same files the other way round. */
static void
opposite_orders_do_not_lock_up(void)
{
    velo_connection *db = attach_pair("left", "right");
    attach_worker workers[2] = {{.first = "t", .second = "u"}, {.first = "u", .second = "t"}};

    CHECK_RUN(db, "INSERT INTO t VALUES (1, 100); INSERT INTO u VALUES (1, 100)", "");
    for (unsigned i = 0; i < 2; i++) {
        workers[i].connection = api_run_open(i == 0 ? "left" : "right");
        CHECK_ATTACH(workers[i].connection, i == 0 ? "right" : "left", "other", "");
        CHECK_RUN(workers[i].connection, "PRAGMA synchronous = OFF", "");
        velo_set_busy_timeout(workers[i].connection, -1); /* only the graph can end a circle */
        CHECK_EQ(pthread_create(&workers[i].thread, NULL, attach_transfer, &workers[i]), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(pthread_join(workers[i].thread, NULL), 0);
        CHECK_TEXT(workers[i].text, "");
        CHECK(workers[i].commits > 0);
        CHECK_EQ(velo_close(workers[i].connection), VELO_OK);
    }
    CHECK_RUN(db, "SELECT t.b + u.b FROM t, u", "200");
    CHECK_RUN(db, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(db), VELO_OK);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(names_are_found_in_order),
        UNIT_TEST(mistakes_are_told_as_sqlite_does),
        UNIT_TEST(statements_follow_the_databases),
        UNIT_TEST(transactions_cover_all_databases),
        UNIT_TEST(databases_come_and_go_inside_of_transactions),
        UNIT_TEST(a_statement_that_fails_is_undone_everywhere),
        UNIT_TEST(a_commit_that_fails_half_way_is_told),
        UNIT_TEST(one_file_may_have_two_names),
        UNIT_TEST(upkeep_is_of_one_database),
        UNIT_TEST(hooks_and_values_name_databases),
        UNIT_TEST(lack_of_memory_attaches_all_or_nothing),
        UNIT_TEST(opposite_orders_do_not_lock_up),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
