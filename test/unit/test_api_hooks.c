/* test_api_hooks.c - hooks of connections, through velocidb.h. */
#include "lib/unit.h"
#include "velocidb.h"

#include <stdio.h>
#include <string.h>

/* What hooks were told, as text. */
typedef struct hooks_log {
    char text[600];
    int answer; /* what a hook that is asked returns */
    int count;
} hooks_log;

static void
hooks_note(hooks_log *log, const char *text)
{
    (void)snprintf(log->text + strlen(log->text), sizeof log->text - strlen(log->text), "%s;",
                   text);
}

static int
hooks_commit(void *user)
{
    hooks_note(user, "commit");
    return ((hooks_log *)user)->answer;
}

static void
hooks_rollback(void *user)
{
    hooks_note(user, "rollback");
}

static void
hooks_update(void *user, velo_change change, const char *database, const char *table, int64_t rowid)
{
    char text[100];

    (void)snprintf(text, sizeof text, "%d %s.%s %d", (int)change, database, table, (int)rowid);
    hooks_note(user, text);
}

static velo_connection *
hooks_open(hooks_log *log)
{
    velo_connection *connection = NULL;

    memset(log, 0, sizeof *log);
    if (velo_open(NULL, NULL, &connection) != VELO_OK ||
        velo_exec(connection, "CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE)", NULL, NULL) !=
            VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", velo_error_text(connection));
    velo_set_commit_hook(connection, hooks_commit, log);
    velo_set_rollback_hook(connection, hooks_rollback, log);
    return connection;
}

#define CHECK_LOG(log, wanted)                                                                     \
    do {                                                                                           \
        CHECK_TEXT((log).text, wanted);                                                            \
        (log).text[0] = 0;                                                                         \
    } while (0)

static void
commits_and_rollbacks_are_told(void)
{
    hooks_log log;
    velo_connection *connection = hooks_open(&log);

    CHECK_OK(velo_exec(connection, "INSERT INTO t VALUES(1, 1)", NULL, NULL));
    CHECK_LOG(log, "commit;");
    CHECK_OK(velo_exec(connection, "SELECT * FROM t; BEGIN; SELECT * FROM t; COMMIT", NULL, NULL));
    CHECK_LOG(log, "");
    CHECK_OK(velo_exec(connection, "BEGIN; INSERT INTO t VALUES(2, 2); COMMIT", NULL, NULL));
    CHECK_LOG(log, "commit;");
    CHECK_OK(velo_exec(connection, "BEGIN; INSERT INTO t VALUES(3, 3); ROLLBACK", NULL, NULL));
    CHECK_LOG(log, "rollback;");
    CHECK_STATUS(velo_exec(connection, "INSERT INTO t VALUES(1, 9)", NULL, NULL),
                 VELO_CONSTRAINT_PRIMARYKEY);
    CHECK_LOG(log, "rollback;");
    CHECK_OK(velo_exec(connection, "BEGIN; INSERT INTO t VALUES(4, 4)", NULL, NULL));
    CHECK_OK(velo_close(connection));
    CHECK_LOG(log, ""); /* closing is not told */
}

static void
commit_is_refused(void)
{
    hooks_log log;
    velo_connection *connection = hooks_open(&log);

    log.answer = 1;
    CHECK_STATUS(velo_exec(connection, "INSERT INTO t VALUES(1, 1)", NULL, NULL),
                 VELO_CONSTRAINT_COMMITHOOK);
    CHECK_TEXT(velo_error_text(connection), "constraint failed");
    CHECK_LOG(log, "commit;rollback;");
    CHECK_STATUS(velo_exec(connection, "BEGIN; INSERT INTO t VALUES(2, 2); COMMIT", NULL, NULL),
                 VELO_CONSTRAINT_COMMITHOOK);
    CHECK_LOG(log, "commit;rollback;");
    CHECK(!velo_in_transaction(connection));
    velo_set_commit_hook(connection, NULL, NULL);
    CHECK_STATUS(velo_exec(connection, "INSERT INTO t SELECT 5, count(*) FROM t", NULL, NULL),
                 VELO_OK);
    CHECK_OK(velo_exec(connection, "UPDATE t SET b = 0 WHERE b = 0", NULL, NULL));
    CHECK_EQ(velo_changes(connection), 1); /* nothing of what was refused is there */
    CHECK_OK(velo_close(connection));
}

static void
changed_rows_are_told(void)
{
    hooks_log log;
    velo_connection *connection = hooks_open(&log);
    velo_statement *statement;

    CHECK_OK(velo_prepare(connection, "INSERT INTO t VALUES(?, ?)", -1, &statement, NULL));
    CHECK_EQ(velo_step(statement), VELO_DONE);
    velo_set_commit_hook(connection, NULL, NULL);
    velo_set_rollback_hook(connection, NULL, NULL);
    log.text[0] = 0;
    velo_set_update_hook(connection, hooks_update, &log);
    CHECK_OK(velo_bind_int64(statement, 1, 7));
    CHECK_EQ(velo_step(statement), VELO_DONE); /* prepared before the hook was set */
    CHECK_LOG(log, "18 main.t 7;");
    CHECK_OK(velo_finalize(statement));
    CHECK_OK(velo_exec(connection, "UPDATE t SET b = 3 WHERE a = 7", NULL, NULL));
    CHECK_LOG(log, "23 main.t 7;");
    CHECK_OK(velo_exec(connection, "UPDATE t SET a = 8 WHERE a = 7", NULL, NULL));
    CHECK_LOG(log, "23 main.t 8;");
    CHECK_OK(velo_exec(connection, "INSERT INTO t VALUES(8, 0) ON CONFLICT(a) DO UPDATE SET b = 4",
                       NULL, NULL));
    CHECK_LOG(log, "23 main.t 8;");
    CHECK_OK(velo_exec(connection, "INSERT OR REPLACE INTO t VALUES(9, 4)", NULL, NULL));
    CHECK_LOG(log, "18 main.t 9;");
    CHECK_OK(velo_exec(connection, "DELETE FROM t WHERE a = 9", NULL, NULL));
    CHECK_LOG(log, "9 main.t 9;");
    CHECK_OK(velo_exec(connection, "INSERT OR IGNORE INTO t VALUES(1, 5)", NULL, NULL));
    CHECK_LOG(log, "");
    velo_set_update_hook(connection, NULL, NULL);
    CHECK_OK(velo_exec(connection, "DELETE FROM t", NULL, NULL));
    CHECK_LOG(log, "");
    CHECK_OK(velo_close(connection));
}

static int
hooks_progress(void *user)
{
    hooks_log *log = user;

    log->count++;
    return log->answer;
}

static void
progress_is_asked(void)
{
    static const char *const count = "WITH RECURSIVE c(x) AS (VALUES(1) UNION ALL SELECT x + 1 "
                                     "FROM c WHERE x < 5000) SELECT count(*) FROM c";
    hooks_log log;
    velo_connection *connection = hooks_open(&log);
    int often;

    velo_set_progress(connection, 1, hooks_progress, &log);
    CHECK_OK(velo_exec(connection, "CREATE TABLE u(x)", NULL, NULL));
    CHECK(log.count > 0); /* a statement without rows as well */
    log.count = 0;
    velo_set_progress(connection, 100, hooks_progress, &log);
    CHECK_OK(velo_exec(connection, count, NULL, NULL));
    often = log.count;
    CHECK(often > 10);
    log.count = 0;
    velo_set_progress(connection, 1000, hooks_progress, &log);
    CHECK_OK(velo_exec(connection, count, NULL, NULL));
    CHECK(log.count > 0 && log.count < often);
    log.answer = 1;
    CHECK_STATUS(velo_exec(connection, count, NULL, NULL), VELO_INTERRUPT);
    CHECK_TEXT(velo_error_text(connection), "interrupted");
    velo_set_progress(connection, 0, hooks_progress, &log);
    CHECK_OK(velo_exec(connection, count, NULL, NULL));
    CHECK_OK(velo_close(connection));
}

static void
hooks_trace(void *user, velo_trace_event event, velo_statement *statement, int64_t ns)
{
    char text[100];

    (void)snprintf(text, sizeof text, "%d %s%s", (int)event,
                   statement == NULL ? "-" : velo_statement_sql(statement),
                   event == VELO_TRACE_END && ns < 0 ? " before it began" : "");
    hooks_note(user, text);
}

static void
statements_are_traced(void)
{
    hooks_log log;
    velo_connection *connection = hooks_open(&log);
    velo_statement *statement;

    velo_set_commit_hook(connection, NULL, NULL);
    velo_set_trace(connection, 15, hooks_trace, &log);
    CHECK_OK(velo_exec(connection, "SELECT 1", NULL, NULL));
    CHECK_LOG(log, "1 SELECT 1;4 SELECT 1;2 SELECT 1;");
    velo_set_trace(connection, VELO_TRACE_BEGIN | VELO_TRACE_END, hooks_trace, &log);
    CHECK_OK(velo_prepare(connection, "VALUES(1),(2)", -1, &statement, NULL));
    CHECK(velo_statement_get_user(statement) == NULL);
    velo_statement_set_user(statement, &log);
    CHECK(velo_statement_get_user(statement) == &log);
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_LOG(log, "1 VALUES(1),(2);");
    CHECK_OK(velo_reset(statement));
    CHECK_LOG(log, "2 VALUES(1),(2);"); /* the end of a run that was given up */
    CHECK_OK(velo_finalize(statement));
    CHECK_LOG(log, "");
    CHECK_OK(velo_exec(connection, "BEGIN", NULL, NULL));
    CHECK_LOG(log, "1 BEGIN;2 BEGIN;");
    velo_set_trace(connection, VELO_TRACE_CLOSE, hooks_trace, &log);
    CHECK_OK(velo_close(connection));
    CHECK_LOG(log, "8 -;");
}

/* Rows that lie ready are taken a shorter way: with what is told of rows, and without words of a
 * failure that came between. */
static void
rows_that_lie_ready_are_told(void)
{
    hooks_log log;
    velo_connection *connection = hooks_open(&log);
    velo_statement *statement;

    CHECK_OK(velo_exec(connection,
                       "CREATE TABLE r(a INTEGER PRIMARY KEY); INSERT INTO r WITH "
                       "n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 40) "
                       "SELECT i FROM n",
                       NULL, NULL));
    velo_set_commit_hook(connection, NULL, NULL);
    CHECK_OK(velo_prepare(connection, "SELECT a FROM r", -1, &statement, NULL));
    for (int i = 1; i <= 40; i++) {
        if (i == 8) {
            CHECK_EQ(velo_exec(connection, "nonsense", NULL, NULL), VELO_ERROR);
            CHECK_EQ(velo_error_code(connection), VELO_ERROR);
        }
        velo_set_trace(connection, i == 13 || i == 14 ? VELO_TRACE_ROW : 0, hooks_trace, &log);
        log.text[0] = 0;
        CHECK_EQ(velo_step(statement), VELO_ROW);
        CHECK_EQ(velo_column_int64(statement, 0), i);
        CHECK_EQ(velo_error_code(connection), VELO_ROW);
        CHECK_LOG(log, i == 13 || i == 14 ? "4 SELECT a FROM r;" : "");
    }
    CHECK_EQ(velo_step(statement), VELO_DONE);
    CHECK_OK(velo_finalize(statement));
    CHECK_OK(velo_close(connection));
}

/* ---- changes in full ---- */

static void
hooks_row_values(hooks_log *log, velo_row_change *change,
                 velo_value *(*get)(velo_row_change *change, int column))
{
    for (int i = 0; get(change, i) != NULL; i++)
        hooks_note(log, velo_value_text(get(change, i)));
}

static void
hooks_row_change(void *user, velo_row_change *change)
{
    hooks_log *log = user;
    char text[100];

    (void)snprintf(text, sizeof text, "%d %s.%s %d %d %d %d", (int)velo_row_change_kind(change),
                   velo_row_change_database(change), velo_row_change_table(change),
                   velo_row_change_columns(change), (int)velo_row_change_rowid_before(change),
                   (int)velo_row_change_rowid_after(change), velo_row_change_depth(change));
    hooks_note(log, text);
    hooks_row_values(log, change, velo_row_change_before);
    hooks_note(log, "to");
    hooks_row_values(log, change, velo_row_change_after);
}

static void
changes_are_told_in_full(void)
{
    static const struct {
        const char *sql;
        const char *wanted;
    } cases[] = {
        {"INSERT INTO t VALUES (1, 'x')", "18 main.t 2 1 1 0;to;1;x;"},
        {"UPDATE t SET b = 'y', a = 5", "23 main.t 2 1 5 0;1;x;to;5;y;"},
        {"INSERT OR IGNORE INTO t VALUES (6, 'y')", ""},
        {"REPLACE INTO t VALUES (6, 'y')", "9 main.t 2 5 5 0;5;y;to;18 main.t 2 6 6 0;to;6;y;"},
        {"DELETE FROM t", "9 main.t 2 6 6 0;6;y;to;"},
        {"CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO w VALUES ('k', 'v')",
         "18 main.w 2 0 0 0;to;k;v;"},
        {"CREATE TRIGGER r AFTER INSERT ON t BEGIN UPDATE w SET v = new.b; END;"
         "INSERT INTO t VALUES (7, 'z')",
         "18 main.t 2 7 7 0;to;7;z;23 main.w 2 0 0 1;k;v;to;k;z;"},
    };
    hooks_log log;
    velo_connection *connection = hooks_open(&log);

    velo_set_commit_hook(connection, NULL, NULL);
    velo_set_row_change_hook(connection, hooks_row_change, &log);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        log.text[0] = 0;
        CHECK_OK(velo_exec(connection, cases[i].sql, NULL, NULL));
        CHECK_TEXT(log.text, cases[i].wanted);
    }
    velo_set_row_change_hook(connection, NULL, NULL);
    log.text[0] = 0;
    CHECK_OK(velo_exec(connection, "DELETE FROM t", NULL, NULL));
    CHECK_TEXT(log.text, "");
    (void)velo_close(connection);
}

/* ---- the log, limits, numbers ---- */

static void
hooks_log_bytes(void *user, const char *database, uint64_t log_bytes)
{
    hooks_log *log = user;

    log->count++;
    log->answer = log_bytes > 0 && strcmp(database, "main") == 0;
}

static void
commits_are_told_with_the_log(void)
{
    hooks_log log;
    velo_connection *connection = NULL;

    memset(&log, 0, sizeof log);
    CHECK_OK(velo_open(unit_path("log.vdb"), NULL, &connection));
    CHECK_OK(velo_exec(connection, "CREATE TABLE t(a)", NULL, NULL));
    velo_set_log_hook(connection, hooks_log_bytes, &log);
    CHECK_OK(velo_exec(connection, "INSERT INTO t VALUES (1)", NULL, NULL));
    CHECK_EQ(log.count, 1);
    CHECK(log.answer);
    CHECK_OK(velo_exec(connection, "BEGIN; INSERT INTO t VALUES (2)", NULL, NULL));
    CHECK_EQ(log.count, 1);
    CHECK_OK(velo_exec(connection, "COMMIT; SELECT * FROM t; BEGIN; COMMIT", NULL, NULL));
    CHECK_EQ(log.count, 2);
    CHECK_OK(velo_exec(connection, "BEGIN; DELETE FROM t; ROLLBACK", NULL, NULL));
    CHECK_EQ(log.count, 2);
    CHECK_OK(velo_exec(connection, "PRAGMA journal_mode = wal", NULL, NULL));
    CHECK_EQ(log.count, 2);
    CHECK_OK(velo_exec(connection, "DELETE FROM t", NULL, NULL));
    CHECK_EQ(log.count, 3);
    log.count = 2;
    velo_set_log_hook(connection, NULL, NULL);
    CHECK_OK(velo_exec(connection, "DELETE FROM t", NULL, NULL));
    CHECK_EQ(log.count, 2);
    (void)velo_close(connection);
}

static void
numbers_are_told(void)
{
    velo_statistics before = {.size = sizeof before};
    velo_statistics after = {.size = sizeof after};
    velo_statement_statistics of_statement = {.size = sizeof of_statement};
    velo_connection *connection = NULL;
    velo_statement *statement = NULL;

    CHECK_OK(velo_open(unit_path("numbers.vdb"), NULL, &connection));
    CHECK_OK(velo_exec(connection, "CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)", NULL, NULL));
    CHECK_OK(velo_get_statistics(connection, NULL, &before));
    CHECK(before.cache_bytes > 0 && before.cache_frames > 0 && before.schema_bytes > 0);
    CHECK(before.log_bytes > 0 && before.log_syncs > 0 && before.commits >= 2);
    CHECK_EQ(before.statements, 0);
    CHECK_OK(velo_prepare(connection, "SELECT a FROM t ORDER BY a", -1, &statement, NULL));
    for (int run = 0; run < 2; run++) {
        while (velo_step(statement) == VELO_ROW)
            continue;
        CHECK_OK(velo_reset(statement));
        CHECK_OK(velo_exec(connection, "CREATE TABLE IF NOT EXISTS u(b)", NULL, NULL));
    }
    CHECK_OK(velo_statement_get_statistics(statement, &of_statement));
    CHECK_EQ(of_statement.plans, 2);
    CHECK_EQ(of_statement.runs, 2);
    CHECK_EQ(of_statement.rows, 4);
    CHECK(of_statement.bytes > 0);
    CHECK_OK(
        velo_exec(connection, "BEGIN; DELETE FROM t; ROLLBACK; PRAGMA wal_checkpoint", NULL, NULL));
    CHECK_OK(velo_get_statistics(connection, "main", &after));
    CHECK_EQ(after.commits, before.commits + 1);
    CHECK(after.rollbacks > before.rollbacks);
    CHECK(after.checkpoints > before.checkpoints);
    CHECK_EQ(after.statements, 1);
    CHECK(after.statement_bytes >= of_statement.bytes);
    CHECK_EQ(velo_get_statistics(connection, "nobody", &after), VELO_NOTFOUND);
    after.size = 1;
    CHECK_EQ(velo_get_statistics(connection, NULL, &after), VELO_MISUSE);
    CHECK_EQ(velo_get_statistics(NULL, NULL, &before), VELO_MISUSE);
    (void)velo_finalize(statement);
    (void)velo_close(connection);
}

/* A statement of one row fits the first chunk of its plan's memory: thousands of them are kept. */
static void
small_statements_take_little_memory(void)
{
    static const char *const texts[] = {
        "INSERT INTO t VALUES (?1, ?2, ?3, ?4)", "SELECT k, a, b FROM t WHERE id = ?1",
        "UPDATE t SET b = ?2 WHERE id = ?1", "DELETE FROM t WHERE id = ?1"};
    velo_connection *connection = NULL;

    CHECK_OK(velo_open(NULL, NULL, &connection));
    CHECK_OK(velo_exec(connection, "CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER, a, b TEXT)",
                       NULL, NULL));
    for (size_t i = 0; i < VL_ARRAY_COUNT(texts); i++) {
        velo_statement_statistics found = {.size = sizeof found};
        velo_statement *statement = NULL;

        CHECK_OK(velo_prepare(connection, texts[i], -1, &statement, NULL));
        CHECK_OK(velo_statement_get_statistics(statement, &found));
        CHECK(found.bytes <= 9000);
        (void)velo_finalize(statement);
    }
    (void)velo_close(connection);
}

static void
calls_have_a_limit(void)
{
    hooks_log log;
    velo_connection *connection = hooks_open(&log);

    velo_set_argument_limit(connection, 1);
    CHECK_OK(velo_exec(connection, "SELECT abs(-1)", NULL, NULL));
    CHECK_EQ(velo_exec(connection, "SELECT max(1, 2)", NULL, NULL), VELO_ERROR);
    CHECK_TEXT(velo_error_text(connection), "too many arguments on function max");
    velo_set_argument_limit(connection, 1000);
    CHECK_OK(velo_exec(connection, "SELECT max(1, 2)", NULL, NULL));
    (void)velo_close(connection);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(commits_and_rollbacks_are_told),
        UNIT_TEST(commit_is_refused),
        UNIT_TEST(changed_rows_are_told),
        UNIT_TEST(progress_is_asked),
        UNIT_TEST(statements_are_traced),
        UNIT_TEST(rows_that_lie_ready_are_told),
        UNIT_TEST(changes_are_told_in_full),
        UNIT_TEST(commits_are_told_with_the_log),
        UNIT_TEST(numbers_are_told),
        UNIT_TEST(small_statements_take_little_memory),
        UNIT_TEST(calls_have_a_limit),
    };

    return unit_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
