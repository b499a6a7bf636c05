/* test_api_backup.c - backups between connections through velocidb.h. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include "base/alloc.h"

#include <string.h>

#define BACKUP_PROBE                                                                               \
    "SELECT count(*), sum(a), max(b) FROM t; SELECT count(*), sum(length(v)) FROM w;"              \
    "SELECT v FROM w WHERE k = 'text 77'; SELECT seq FROM sqlite_sequence; SELECT count(*) FROM "  \
    "v;"                                                                                           \
    "SELECT group_concat(name) FROM sqlite_schema; PRAGMA user_version; PRAGMA integrity_check"

static const char backup_wanted[] = "3000,4501500,text 999|500,201389|77|3000|500|"
                                    "t,sqlite_autoindex_t_1,sqlite_sequence,w,v|7|ok";

static velo_connection *
backup_make(const char *name)
{
    velo_connection *connection = api_run_open(name);

    if (velo_exec(connection,
                  "PRAGMA synchronous = OFF; CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b "
                  "UNIQUE, c);INSERT INTO t(b, c) WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL "
                  "SELECT i + 1 FROM n WHERE i < 3000) SELECT 'text ' || i, 1 FROM n;"
                  "ALTER TABLE t DROP COLUMN c;"
                  "CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID;"
                  "INSERT INTO w SELECT b, a FROM t WHERE a < 500;"
                  "CREATE VIEW v AS SELECT k FROM w;"
                  "INSERT INTO w VALUES('long', hex(zeroblob(100000))); PRAGMA user_version = 7",
                  NULL, NULL) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", velo_error_text(connection));
    return connection;
}

static velo_backup *
backup_begin(velo_connection *to, velo_connection *from)
{
    velo_backup *backup = NULL;

    if (velo_backup_begin(to, "main", from, NULL, &backup) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", velo_error_text(to));
    return backup;
}

static void
backup_between(const char *from_name, const char *to_name, int pages)
{
    velo_connection *from = backup_make(from_name);
    velo_connection *to = api_run_open(to_name);
    velo_connection *reader = NULL;
    velo_backup *backup = backup_begin(to, from);
    int64_t before = INT64_MAX;
    velo_status st;

    CHECK(backup != NULL);
    CHECK_RUN(to, "CREATE TABLE old(x); CREATE INDEX oi ON old(x); INSERT INTO old VALUES(1)", "");
    if (to_name != NULL)
        reader = api_run_open(to_name);
    CHECK_EQ(velo_backup_page_count(backup), 0);
    while ((st = velo_backup_step(backup, pages)) == VELO_OK) {
        CHECK(velo_backup_remaining(backup) > 0 && velo_backup_remaining(backup) <= before);
        before = velo_backup_remaining(backup);
        CHECK(velo_backup_page_count(backup) >= before);
        CHECK_RUN(from, "DELETE FROM t WHERE a = (SELECT min(a) FROM t)", "");
        if (reader != NULL)
            CHECK_RUN(reader, "SELECT x FROM old", "1");
    }
    CHECK_STATUS(st, VELO_DONE);
    CHECK_EQ(velo_backup_remaining(backup), 0);
    CHECK_STATUS(velo_backup_step(backup, 1), VELO_DONE);
    CHECK_EQ(velo_close(from), VELO_BUSY);
    CHECK_EQ(velo_backup_end(backup), VELO_OK);
    CHECK_RUN(to, BACKUP_PROBE, backup_wanted);
    if (reader != NULL)
        CHECK_RUN(reader, BACKUP_PROBE, backup_wanted);
    CHECK_RUN(to, "INSERT INTO t(b) VALUES('new') RETURNING a; DROP TABLE w", "3001");
    CHECK_EQ(velo_close(reader), VELO_OK);
    CHECK_EQ(velo_close(from), VELO_OK);
    CHECK_EQ(velo_close(to), VELO_OK);
    if (to_name == NULL)
        return;
    to = api_run_open(to_name);
    CHECK_RUN(to, "SELECT count(*) FROM t; PRAGMA integrity_check", "3001|ok");
    CHECK_EQ(velo_close(to), VELO_OK);
}

static void
all_is_copied(void)
{
    backup_between(NULL, NULL, -1);
    backup_between(NULL, "a", 1);
    backup_between("b", NULL, 3);
    backup_between("c", "d", 2);
}

static void
an_end_before_the_last_step_undoes(void)
{
    velo_connection *from = backup_make(NULL);
    velo_connection *to = api_run_open("a");
    velo_backup *backup = backup_begin(to, from);

    CHECK_RUN(to, "CREATE TABLE old(x); INSERT INTO old VALUES(1)", "");
    CHECK_STATUS(velo_backup_step(backup, 1), VELO_OK);
    CHECK_STATUS(velo_backup_step(backup, 2), VELO_OK);
    CHECK_EQ(velo_close(to), VELO_BUSY);
    CHECK_EQ(velo_backup_end(backup), VELO_OK);
    CHECK_TEXT(velo_error_text(to), "not an error");
    CHECK_RUN(to, "SELECT x FROM old; SELECT group_concat(name) FROM sqlite_schema", "1|old");
    CHECK_RUN(to, "CREATE TABLE more(y); PRAGMA integrity_check", "ok");
    backup = backup_begin(to, from); /* one that never stepped */
    CHECK_EQ(velo_backup_end(backup), VELO_OK);
    CHECK_EQ(velo_backup_end(NULL), VELO_OK);
    CHECK_EQ(velo_close(from), VELO_OK);
    CHECK_EQ(velo_close(to), VELO_OK);
}

static void
what_is_in_the_way_is_told(void)
{
    velo_connection *from = backup_make("a");
    velo_connection *to = api_run_open("b");
    velo_connection *other = api_run_open("b");
    velo_connection *same = api_run_open("a");
    velo_backup *backup = NULL;

    CHECK_STATUS(velo_backup_begin(from, NULL, from, NULL, &backup), VELO_ERROR);
    CHECK_TEXT(velo_error_text(from), "source and destination must be distinct");
    CHECK_STATUS(velo_backup_begin(same, NULL, from, NULL, &backup), VELO_ERROR);
    CHECK_STATUS(velo_backup_begin(to, "none", from, NULL, &backup), VELO_ERROR);
    CHECK_TEXT(velo_error_text(to), "unknown database none");
    CHECK(backup == NULL);
    CHECK_RUN(to, "CREATE TABLE old(x); BEGIN", "");
    CHECK_STATUS(velo_backup_begin(to, NULL, from, NULL, &backup), VELO_ERROR);
    CHECK_TEXT(velo_error_text(to), "destination database is in use");
    CHECK_RUN(to, "COMMIT", "");
    backup = backup_begin(to, from);
    CHECK_RUN(other, "BEGIN IMMEDIATE; INSERT INTO old VALUES(1)", "");
    CHECK_STATUS(velo_backup_step(backup, 1), VELO_BUSY);
    CHECK_RUN(other, "COMMIT", "");
    CHECK_RUN(from, "BEGIN; DELETE FROM w", "");
    CHECK_STATUS(velo_backup_step(backup, 1), VELO_LOCKED);
    CHECK_RUN(from, "ROLLBACK", "");
    CHECK_STATUS(velo_backup_step(backup, 1), VELO_OK);
    CHECK_RUN(other, "INSERT INTO old VALUES(2)",
              "!database is locked: another transaction changes the schema");
    CHECK_STATUS(velo_backup_step(backup, -1), VELO_DONE);
    CHECK_EQ(velo_backup_end(backup), VELO_OK);
    CHECK_RUN(other, BACKUP_PROBE, backup_wanted);
    CHECK_EQ(velo_close(same), VELO_OK);
    CHECK_EQ(velo_close(from), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
    CHECK_EQ(velo_close(to), VELO_OK);
}

/* From a temporary database, and into an attached one. */
static void
any_database_is_copied(void)
{
    velo_connection *from = api_run_open(NULL);
    velo_connection *to = api_run_open("a");
    velo_backup *backup = NULL;

    CHECK_RUN(from, "CREATE TEMP TABLE x(y); INSERT INTO x VALUES(5), (6); CREATE TABLE z(y)", "");
    CHECK_RUN(to, "CREATE TABLE x(mine); ATTACH ':memory:' AS other", "");
    CHECK_EQ(velo_backup_begin(to, "other", from, "temp", &backup), VELO_OK);
    CHECK_STATUS(velo_backup_step(backup, -1), VELO_DONE);
    CHECK_EQ(velo_backup_end(backup), VELO_OK);
    CHECK_RUN(to, "SELECT y FROM other.x; SELECT count(*) FROM x; INSERT INTO other.x VALUES(7)",
              "5|6|0");
    CHECK_EQ(velo_backup_begin(from, NULL, to, "other", &backup), VELO_OK);
    CHECK_STATUS(velo_backup_step(backup, -1), VELO_DONE);
    CHECK_EQ(velo_backup_end(backup), VELO_OK);
    CHECK_RUN(from,
              "SELECT sum(y) FROM main.x; SELECT sum(y) FROM temp.x; SELECT name FROM "
              "main.sqlite_schema",
              "18|11|x");
    CHECK_EQ(velo_close(from), VELO_OK);
    CHECK_EQ(velo_close(to), VELO_OK);
}

static void
a_source_is_not_detached(void)
{
    velo_connection *from = api_run_open(NULL);
    velo_connection *to = api_run_open(NULL);
    velo_backup *backup = NULL;

    CHECK_RUN(from,
              "ATTACH ':memory:' AS w; ATTACH ':memory:' AS x; CREATE TABLE x.t(a); INSERT INTO "
              "x.t WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 9000) "
              "SELECT 'text ' || i FROM n",
              "");
    CHECK_EQ(velo_backup_begin(to, NULL, from, "x", &backup), VELO_OK);
    CHECK_RUN(from, "DETACH x", "!database x is locked");
    CHECK_EQ(velo_backup_step(backup, 1), VELO_OK);
    CHECK_RUN(from, "DETACH x", "!database x is locked");
    CHECK_RUN(from, "DETACH w", ""); /* another one may go */
    CHECK_STATUS(velo_backup_step(backup, -1), VELO_DONE);
    CHECK_RUN(from, "DETACH x", "!database x is locked");
    CHECK_EQ(velo_backup_end(backup), VELO_OK);
    CHECK_RUN(from, "DETACH x", "");
    CHECK_RUN(to, "SELECT count(*) FROM t; PRAGMA integrity_check", "9000|ok");
    CHECK_EQ(velo_close(from), VELO_OK);
    CHECK_EQ(velo_close(to), VELO_OK);
}

static void
memory_may_run_out(void)
{
    velo_connection *from = backup_make(NULL);
    velo_connection *to = api_run_open(NULL);
    unsigned failures = 0;
    velo_status st = VELO_NOMEM;

    CHECK_RUN(to, "CREATE TABLE old(x); INSERT INTO old VALUES(1)", "");
    for (uint64_t nth = 1; st != VELO_DONE; nth++) {
        velo_backup *backup = NULL;

        vl_allocator_fail_nth(vl_allocator_default(), nth, 1);
        st = velo_backup_begin(to, NULL, from, NULL, &backup);
        if (st == VELO_OK)
            do
                st = velo_backup_step(backup, 5);
            while (st == VELO_OK);
        vl_allocator_fail_nth(vl_allocator_default(), 0, 0);
        (void)velo_backup_end(backup);
        if (st == VELO_DONE)
            break;
        CHECK_STATUS(st, VELO_NOMEM);
        CHECK_RUN(to, "SELECT x FROM old; SELECT group_concat(name) FROM sqlite_schema", "1|old");
        failures++;
    }
    CHECK(failures > 10);
    CHECK_RUN(to, BACKUP_PROBE, backup_wanted);
    CHECK_EQ(velo_close(from), VELO_OK);
    CHECK_EQ(velo_close(to), VELO_OK);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(all_is_copied),
        UNIT_TEST(an_end_before_the_last_step_undoes),
        UNIT_TEST(what_is_in_the_way_is_told),
        UNIT_TEST(any_database_is_copied),
        UNIT_TEST(a_source_is_not_detached),
        UNIT_TEST(memory_may_run_out),
    };

    return unit_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
