/* test_api_authorize.c - the application's authorizer: src/sql/bind_auth.c and src/api/authorize.c,
 * through velocidb.h. What SQLite 3.40 asks for the same statements was found with it. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include <stdio.h>
#include <string.h>

/* What was asked, and what is answered. */
typedef struct authorize_log {
    char text[2000];     /* "action first second database inner;" */
    velo_action refused; /* gets `answer`, if `first` and `second` fit */
    const char *first;   /* NULL: any */
    const char *second;  /* likewise */
    int answer;
} authorize_log;

static const char *
authorize_word(const char *text)
{
    return text == NULL ? "~" : text[0] == 0 ? "''" : text;
}

static int
authorize(void *user, velo_action action, const char *first, const char *second,
          const char *database, const char *inner)
{
    authorize_log *log = user;
    size_t used = strlen(log->text);

    (void)snprintf(log->text + used, sizeof log->text - used, "%d %s %s %s %s;", (int)action,
                   authorize_word(first), authorize_word(second), authorize_word(database),
                   authorize_word(inner));
    if (action == log->refused &&
        (log->first == NULL || (first != NULL && strcmp(first, log->first) == 0)) &&
        (log->second == NULL || (second != NULL && strcmp(second, log->second) == 0)))
        return log->answer;
    return VELO_ALLOW;
}

static velo_connection *
authorize_open(void)
{
    velo_connection *connection = api_run_open(NULL);
    const char *got = api_run(
        connection,
        "CREATE TABLE t(a INTEGER PRIMARY KEY, b, c TEXT CHECK (length(c) < 9) DEFAULT "
        "(upper('d')),"
        "g AS (b + 1));"
        "CREATE TABLE u(x, y); CREATE INDEX ui ON u(x); CREATE VIEW v AS SELECT a, b FROM t;"
        "CREATE TABLE l(m); CREATE TABLE w(k PRIMARY KEY, z) WITHOUT ROWID;"
        "CREATE TRIGGER ti AFTER INSERT ON t BEGIN INSERT INTO l VALUES (new.b); END;"
        "CREATE TRIGGER vi INSTEAD OF INSERT ON v BEGIN INSERT INTO u VALUES (new.a, new.b); END;"
        "INSERT INTO t(a, b, c) VALUES (1, 2, 'x'); INSERT INTO u VALUES (1, 2), (3, 4)");

    if (strcmp(got, "") != 0)
        unit_failed(__FILE__, __LINE__, "%s", got);
    return connection;
}

static void
it_is_asked_what_sqlite_asks(void)
{
    static const struct {
        const char *sql;
        const char *wanted;
    } cases[] = {
        {"SELECT 1", "21 ~ ~ ~ ~;"},
        {"SELECT a, b FROM t WHERE c = 'x'",
         "21 ~ ~ ~ ~;20 t a main ~;20 t b main ~;20 t c main ~;"},
        {"SELECT rowid FROM u", "21 ~ ~ ~ ~;20 u ROWID main ~;"},
        {"SELECT count(*) FROM u", "21 ~ ~ ~ ~;31 ~ count ~ ~;20 u '' ~ ~;"},
        {"SELECT upper(c), c LIKE 'x' FROM t",
         "21 ~ ~ ~ ~;31 ~ upper ~ ~;20 t c main ~;31 ~ like ~ ~;20 t c main ~;"},
        {"SELECT b FROM v", "21 ~ ~ ~ ~;21 ~ ~ ~ v;20 t a main v;20 t b main v;20 v b main ~;"},
        {"WITH q AS (SELECT x FROM u) SELECT x FROM q", "21 ~ ~ ~ ~;21 ~ ~ ~ q;20 u x main q;"},
        {"SELECT sql FROM sqlite_schema LIMIT 0", "21 ~ ~ ~ ~;20 sqlite_master sql main ~;"},
        {"INSERT INTO u VALUES (1, 2)", "18 u ~ main ~;"},
        {"INSERT INTO u VALUES (1, 2), (3, 4)", "18 u ~ main ~;21 ~ ~ ~ ~;"},
        {"INSERT INTO t(b) VALUES (3)", "18 t ~ main ~;18 l ~ main ti;20 t b main ti;"},
        {"INSERT INTO v VALUES (7, 8)",
         "18 v ~ main ~;18 u ~ main vi;20 v a main vi;20 v b main vi;"},
        {"INSERT INTO w VALUES (1, 2) ON CONFLICT (k) DO UPDATE SET z = excluded.z",
         "18 w ~ main ~;20 w k main ~;23 w z main ~;"},
        {"UPDATE u SET x = y WHERE x = 1", "20 u x main ~;20 u y main ~;23 u x main ~;"},
        {"DELETE FROM u WHERE x = 9", "9 u ~ main ~;20 u x main ~;"},
        {"SELECT 1 FROM (SELECT g FROM t)", "21 ~ ~ ~ ~;21 ~ ~ ~ ~;20 t g main ~;"},
        {"BEGIN; COMMIT", "22 BEGIN ~ ~ ~;22 COMMIT ~ ~ ~;"},
        {"SAVEPOINT s; ROLLBACK TO s; RELEASE s",
         "32 BEGIN s ~ ~;32 ROLLBACK s ~ ~;32 RELEASE s ~ ~;"},
        {"PRAGMA user_version; PRAGMA main.user_version = 3",
         "19 user_version ~ ~ ~;19 user_version 3 main ~;"},
        {"CREATE INDEX n ON u(y)", "18 sqlite_master ~ main ~;1 n u main ~;20 u y main ~;"
                                   "18 sqlite_master ~ main ~;27 n ~ main ~;"},
        {"DROP INDEX n", "9 sqlite_master ~ main ~;10 n u main ~;"},
        {"CREATE TRIGGER n AFTER DELETE ON u BEGIN DELETE FROM l; END",
         "7 n u main ~;18 sqlite_master ~ main ~;"},
        {"DROP TRIGGER n", "16 n u main ~;9 sqlite_master ~ main ~;"},
        {"CREATE TABLE n(q)", "18 sqlite_master ~ main ~;2 n ~ main ~;23 sqlite_master type main ~;"
                              "23 sqlite_master name main ~;23 sqlite_master tbl_name main ~;"
                              "23 sqlite_master rootpage main ~;23 sqlite_master sql main ~;"
                              "20 sqlite_master ROWID main ~;"},
        {"ALTER TABLE n RENAME TO n2", "26 main n ~ ~;"},
        {"DROP TABLE n2", "9 sqlite_master ~ main ~;11 n2 ~ main ~;9 n2 ~ main ~;"},
        {"REINDEX ui", "27 ui ~ main ~;"},
        {"EXPLAIN QUERY PLAN DELETE FROM u", "9 u ~ main ~;"},
    };
    static authorize_log log;
    velo_connection *connection = authorize_open();

    velo_set_authorizer(connection, authorize, &log);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        log.text[0] = 0;
        CHECK(api_run(connection, cases[i].sql)[0] != '!');
        CHECK_TEXT(log.text, cases[i].wanted);
    }
    (void)velo_close(connection);
}

static void
what_is_denied_fails(void)
{
    static const struct {
        velo_action refused;
        const char *first;
        const char *second;
        const char *sql;
        const char *wanted;
    } cases[] = {
        {VELO_ACTION_READ, "t", "b", "SELECT b FROM t", "!access to t.b is prohibited"},
        {VELO_ACTION_READ, "t", "b", "SELECT a FROM t", "1"},
        {VELO_ACTION_READ, "t", "b", "SELECT * FROM v", "!access to t.b is prohibited"},
        {VELO_ACTION_READ, "t", "b", "CREATE TABLE n AS SELECT b FROM t",
         "!access to t.b is prohibited"},
        {VELO_ACTION_READ, "t", "b", "INSERT INTO t(b) VALUES (5)", "!access to t.b is prohibited"},
        {VELO_ACTION_SELECT, NULL, NULL, "SELECT 1", "!not authorized"},
        {VELO_ACTION_FUNCTION, NULL, "upper", "SELECT upper('x')",
         "!not authorized to use function: upper"},
        {VELO_ACTION_FUNCTION, NULL, "sum", "SELECT sum(x) OVER () FROM u",
         "!not authorized to use function: sum"},
        {VELO_ACTION_INSERT, "u", NULL, "INSERT INTO u VALUES (1, 2)", "!not authorized"},
        {VELO_ACTION_INSERT, "u", NULL, "INSERT INTO v VALUES (1, 2)", "!not authorized"},
        {VELO_ACTION_UPDATE, "u", "y", "UPDATE u SET x = 1, y = 2", "!not authorized"},
        {VELO_ACTION_UPDATE, "u", "y", "UPDATE u SET x = x WHERE 0", ""},
        {VELO_ACTION_DELETE, "u", NULL, "DELETE FROM u", "!not authorized"},
        {VELO_ACTION_CREATE_TABLE, NULL, NULL, "CREATE TABLE n(q)", "!not authorized"},
        {VELO_ACTION_DROP_TABLE, NULL, NULL, "DROP TABLE u", "!not authorized"},
        {VELO_ACTION_PRAGMA, NULL, NULL, "PRAGMA user_version = 1", "!not authorized"},
        {VELO_ACTION_PRAGMA, NULL, NULL, "SELECT * FROM pragma_table_info('t')", "!not authorized"},
        {VELO_ACTION_TRANSACTION, "BEGIN", NULL, "BEGIN", "!not authorized"},
        {VELO_ACTION_RECURSIVE, NULL, NULL,
         "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT 1 FROM r",
         "!not authorized"},
    };
    static authorize_log log = {.answer = VELO_DENY};
    velo_connection *connection = authorize_open();

    velo_set_authorizer(connection, authorize, &log);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        log.refused = cases[i].refused;
        log.first = cases[i].first;
        log.second = cases[i].second;
        log.text[0] = 0;
        CHECK_RUN(connection, cases[i].sql, cases[i].wanted);
        if (cases[i].wanted[0] == '!')
            CHECK_EQ(velo_error_code(connection), VELO_AUTH);
    }
    log.answer = 7;
    CHECK_RUN(connection, "WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT 2 FROM r) SELECT * FROM r",
              "!authorizer malfunction");
    velo_set_authorizer(connection, NULL, NULL);
    CHECK_RUN(connection, "SELECT count(*) FROM u", "2");
    (void)velo_close(connection);
}

static void
what_is_ignored_is_left_out(void)
{
    static const struct {
        velo_action refused;
        const char *first;
        const char *second;
        const char *sql;
        const char *wanted;
    } cases[] = {
        {VELO_ACTION_READ, "t", "b", "SELECT a, b FROM t WHERE b IS NULL", "1,~"},
        {VELO_ACTION_READ, "t", "b", "SELECT * FROM v", "1,~"},
        {VELO_ACTION_READ, "u", "ROWID", "SELECT rowid, x FROM u", "~,1|~,3"},
        {VELO_ACTION_READ, "t", "b", "CREATE TABLE n AS SELECT b FROM t",
         "!access to t.b is prohibited"},
        {VELO_ACTION_FUNCTION, NULL, "upper", "SELECT upper('x')", "~"},
        {VELO_ACTION_FUNCTION, NULL, "like", "SELECT 'x' LIKE 'x'", "~"},
        {VELO_ACTION_SELECT, NULL, NULL, "SELECT 1", ""},
        {VELO_ACTION_INSERT, "u", NULL, "INSERT INTO u VALUES (1, 2)", ""},
        {VELO_ACTION_INSERT, "l", NULL, "INSERT INTO t(a, b) VALUES (2, 5)", ""},
        {VELO_ACTION_UPDATE, "u", "y", "UPDATE u SET x = 7, y = 7 WHERE x = 3", ""},
        {VELO_ACTION_DELETE, "l", NULL, "DELETE FROM l", ""},
        {VELO_ACTION_CREATE_TABLE, NULL, NULL, "CREATE TABLE n(q)", ""},
        {VELO_ACTION_PRAGMA, NULL, NULL, "PRAGMA user_version = 9", ""},
        {VELO_ACTION_TRANSACTION, NULL, NULL, "BEGIN", ""},
        {VELO_ACTION_CREATE_VTABLE, NULL, NULL, "SELECT * FROM u", "1,2|7,4"},
        {VELO_ACTION_CREATE_VTABLE, NULL, NULL, "SELECT count(*) FROM l", "0"},
        {VELO_ACTION_CREATE_VTABLE, NULL, NULL, "SELECT count(*) FROM t", "2"},
        {VELO_ACTION_CREATE_VTABLE, NULL, NULL, "PRAGMA user_version", "0"},
        {VELO_ACTION_CREATE_VTABLE, NULL, NULL, "SELECT * FROM n", "!no such table: n"},
    };
    static authorize_log log = {.answer = VELO_IGNORE};
    velo_connection *connection = authorize_open();

    CHECK_RUN(connection, "INSERT INTO l VALUES (1)", "");
    velo_set_authorizer(connection, authorize, &log);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        log.refused = cases[i].refused;
        log.first = cases[i].first;
        log.second = cases[i].second;
        log.text[0] = 0;
        CHECK_RUN(connection, cases[i].sql, cases[i].wanted);
    }
    CHECK(!velo_in_transaction(connection));
    (void)velo_close(connection);
}

/* A statement that is prepared asks again when the authorizer is another one. */
static void
prepared_statements_ask_again(void)
{
    static const char *const texts[] = {"SELECT x FROM u", "INSERT INTO u VALUES (5, 6)",
                                        "SAVEPOINT s", "PRAGMA user_version"};
    static const velo_action actions[] = {VELO_ACTION_READ, VELO_ACTION_INSERT,
                                          VELO_ACTION_SAVEPOINT, VELO_ACTION_PRAGMA};
    static authorize_log log;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        velo_connection *connection = authorize_open();
        velo_statement *statement = NULL;

        log = (authorize_log){.refused = actions[i], .answer = VELO_DENY};
        CHECK_OK(velo_prepare(connection, texts[i], -1, &statement, NULL));
        CHECK(velo_step(statement) >= VELO_ROW);
        CHECK_OK(velo_reset(statement));
        velo_set_authorizer(connection, authorize, &log);
        CHECK_EQ(velo_step(statement), VELO_AUTH);
        CHECK_EQ(velo_step(statement), VELO_AUTH);
        log.answer = VELO_IGNORE;
        log.refused = actions[i] == VELO_ACTION_READ ? VELO_ACTION_SELECT : actions[i];
        CHECK_EQ(velo_step(statement), VELO_DONE);
        velo_set_authorizer(connection, NULL, NULL);
        CHECK(velo_step(statement) >= VELO_ROW);
        (void)velo_finalize(statement);
        (void)velo_close(connection);
    }
}

static void
lack_of_memory_is_told(void)
{
    static authorize_log log = {.refused = VELO_ACTION_READ, .second = "b", .answer = VELO_IGNORE};
    velo_connection *connection = authorize_open();

    velo_set_authorizer(connection, authorize, &log);
    CHECK(api_run_each_failure(connection, "INSERT INTO v SELECT a, b FROM t WHERE c LIKE 'x'", 3,
                               "SELECT count(*) FROM u", "2") > 0);
    CHECK(api_run_each_failure(connection, "CREATE INDEX n ON u(y)", 7, "SELECT count(*) FROM u",
                               "3") > 0);
    (void)velo_close(connection);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(it_is_asked_what_sqlite_asks), UNIT_TEST(what_is_denied_fails),
        UNIT_TEST(what_is_ignored_is_left_out),  UNIT_TEST(prepared_statements_ask_again),
        UNIT_TEST(lack_of_memory_is_told),
    };

    return unit_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
