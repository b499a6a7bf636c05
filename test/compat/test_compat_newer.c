/* test_compat_newer.c - what SQLite's interface has got in its later versions, and what is seldom
 * used of it, on our library.
 *
 * It includes our sqlite3.h and nothing of VelociDB. Each check that fails prints its line. */
#define _GNU_SOURCE
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int newer_failed;
static int newer_passed;

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (condition) {                                                                           \
            newer_passed++;                                                                        \
        } else {                                                                                   \
            newer_failed++;                                                                        \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);                                 \
        }                                                                                          \
    } while (0)

static sqlite3 *
newer_open(void)
{
    sqlite3 *db = NULL;

    EXPECT(sqlite3_open(":memory:", &db) == SQLITE_OK);
    return db;
}

static void
newer_exec(sqlite3 *db, const char *sql)
{
    char *message = NULL;

    EXPECT(sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK);
    if (message != NULL)
        printf("%s: %s\n", sql, message);
    sqlite3_free(message);
}

/* ---- the normalized text ---- */

static void
test_normalized(void)
{
    static const struct {
        const char *sql;
        const char *expected;
    } cases[] = {
        {"SELECT * FROM t1 WHERE a IN (1) AND b=51.42", "SELECT*FROM t1 WHERE a IN(?,?,?)AND b=?;"},
        {"SELECT a, b+15, c FROM T1 WHERE d NOT IN (SELECT x FROM t2);",
         "SELECT a,b+?,c FROM t1 WHERE d NOT IN(SELECT x FROM t2);"},
        {"/*a*/ -- b\n SELECT NULL /* c */ , b FROM t1 -- d\n WHERE d IN (WITH t(a) AS (VALUES(5)) "
         "SELECT a FROM t) OR e='hello';",
         "SELECT?,b FROM t1 WHERE d IN(WITH t(a)AS(VALUES(?))SELECT a FROM t)OR e=?;"},
        {"SELECT x,$::abc(15),y,@abc,z,?99,w FROM t1", "SELECT x,?,y,?,z,?,w FROM t1;"},
        {"SELECT a,NULL,b FROM t1 WHERE c IS NOT NULL or D is null or e=5",
         "SELECT a,?,b FROM t1 WHERE c IS NOT NULL OR d IS NULL OR e=?;"},
        {"SELECT \"a\" FROM t1 WHERE \"x\" IN (\"1\",\"2\",'3');",
         "SELECT a FROM t1 WHERE x IN(?,?,?);"},
        {"SELECT * FROM t1 WHERE x IN ([x],\"a\",'b',sqlite_version());",
         "SELECT*FROM t1 WHERE x IN(x,a,?,sqlite_version());"},
        {"SELECT * FROM t1 WHERE x IN ((SELECT x FROM t1));",
         "SELECT*FROM t1 WHERE x IN((SELECT x FROM t1));"},
        {"SELECT a, a||'b', a+\"b\" FROM t1 WHERE x IN (SELECT x FROM t1 WHERE x IN (1,2,3,4));",
         "SELECT a,a||?,a+b FROM t1 WHERE x IN(SELECT x FROM t1 WHERE x IN(?,?,?));"},
        {"SELECT \"col f\", [col f] FROM t1;", "SELECT\"col f\",\"col f\"FROM t1;"},
        {"INSERT INTO t1 (x) VALUES(\"sl1\"), (1), (\"sl2\"), ('i');",
         "INSERT INTO t1(x)VALUES(?),(?),(?),(?);"},
        {"UPDATE t1 SET x = \"y\" WHERE x IN (1, \"sl1\", 'i');",
         "UPDATE t1 SET x=y WHERE x IN(?,?,?);"},
        {"ATTACH \"normalize800.db\" AS somefile;", "ATTACH\"normalize800.db\"AS somefile;"},
        {"select a from t1 where a in ()", "SELECT a FROM t1 WHERE a IN(?,?,?);"},
    };
    sqlite3 *db = newer_open();

    newer_exec(db, "CREATE TABLE t1(a,b,c,d,e,\"col f\",w,x,y,z); CREATE TABLE t2(x,\"col y\")");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sqlite3_stmt *stmt = NULL;
        const char *text;

        EXPECT(sqlite3_prepare_v3(db, cases[i].sql, -1, SQLITE_PREPARE_NORMALIZE, &stmt, NULL) ==
               SQLITE_OK);
        text = sqlite3_normalized_sql(stmt);
        EXPECT(text != NULL && strcmp(text, cases[i].expected) == 0);
        if (text == NULL || strcmp(text, cases[i].expected) != 0)
            printf("  %s\n  %s\n", cases[i].sql, text != NULL ? text : sqlite3_errmsg(db));
        EXPECT(sqlite3_normalized_sql(stmt) == text);
        EXPECT(sqlite3_finalize(stmt) == SQLITE_OK);
    }
    EXPECT(sqlite3_normalized_sql(NULL) == NULL);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

/* ---- explaining a statement that is prepared ---- */

static void
test_explain(void)
{
    sqlite3 *db = newer_open();
    sqlite3_stmt *stmt = NULL;

    newer_exec(db, "CREATE TABLE t(a); INSERT INTO t VALUES(7)");
    EXPECT(sqlite3_prepare_v2(db, "SELECT a + ?1 FROM t", -1, &stmt, NULL) == SQLITE_OK);
    EXPECT(sqlite3_bind_int(stmt, 1, 5) == SQLITE_OK);
    EXPECT(sqlite3_stmt_explain(stmt, 2) == SQLITE_OK && sqlite3_stmt_isexplain(stmt) == 2);
    EXPECT(sqlite3_column_count(stmt) == 4);
    EXPECT(sqlite3_step(stmt) == SQLITE_ROW);
    EXPECT(strcmp((const char *)sqlite3_column_text(stmt, 3), "SCAN t") == 0);
    EXPECT(sqlite3_stmt_explain(stmt, 0) == SQLITE_BUSY);
    EXPECT(sqlite3_reset(stmt) == SQLITE_OK);
    EXPECT(sqlite3_stmt_explain(stmt, 1) == SQLITE_OK && sqlite3_column_count(stmt) == 8);
    EXPECT(sqlite3_stmt_explain(stmt, 3) == SQLITE_ERROR && sqlite3_stmt_explain(stmt, -1) != 0);
    newer_exec(db, "CREATE TABLE u(a)"); /* planned anew, it still explains itself */
    EXPECT(sqlite3_step(stmt) == SQLITE_ROW && sqlite3_stmt_isexplain(stmt) == 1);
    EXPECT(sqlite3_reset(stmt) == SQLITE_OK);
    EXPECT(sqlite3_stmt_explain(stmt, 0) == SQLITE_OK && sqlite3_stmt_isexplain(stmt) == 0);
    EXPECT(sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0) == 12);
    EXPECT(strcmp(sqlite3_sql(stmt), "SELECT a + ?1 FROM t") == 0);
    EXPECT(sqlite3_finalize(stmt) == SQLITE_OK);
    EXPECT(sqlite3_prepare_v2(db, "EXPLAIN QUERY PLAN DELETE FROM t", -1, &stmt, NULL) ==
           SQLITE_OK);
    EXPECT(sqlite3_stmt_explain(stmt, 0) == SQLITE_OK && sqlite3_step(stmt) == SQLITE_DONE);
    EXPECT(sqlite3_changes(db) == 1);
    EXPECT(sqlite3_finalize(stmt) == SQLITE_OK);
    EXPECT(sqlite3_stmt_explain(NULL, 0) == SQLITE_MISUSE);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

/* ---- small ones ---- */

static void
test_small(void)
{
    sqlite3 *db = newer_open();
    sqlite3_str *str = sqlite3_str_new(db);
    sqlite3_int64 now = -1;
    sqlite3_int64 most = -1;
    char *text;

    EXPECT(sqlite3_set_errmsg(db, SQLITE_BUSY, "who knows") == SQLITE_OK);
    EXPECT(sqlite3_errcode(db) == SQLITE_BUSY && strcmp(sqlite3_errmsg(db), "who knows") == 0);
    EXPECT(sqlite3_set_errmsg(db, SQLITE_FULL, NULL) == SQLITE_OK);
    EXPECT(strcmp(sqlite3_errmsg(db), sqlite3_errstr(SQLITE_FULL)) == 0);
    EXPECT(sqlite3_set_errmsg(NULL, SQLITE_FULL, "x") == SQLITE_MISUSE);
    EXPECT(sqlite3_setlk_timeout(db, 100, 0) == SQLITE_OK);
    EXPECT(sqlite3_setlk_timeout(db, -1, SQLITE_SETLK_BLOCK_ON_CONNECT) == SQLITE_OK);
    EXPECT(sqlite3_setlk_timeout(db, -2, 0) == SQLITE_RANGE);
    newer_exec(db, "CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(100000))");
    EXPECT(sqlite3_db_status64(db, SQLITE_DBSTATUS_CACHE_USED, &now, &most, 0) == SQLITE_OK);
    EXPECT(now > 0 && most == 0);
    EXPECT(sqlite3_db_status64(db, 99, &now, &most, 0) == SQLITE_ERROR);
    EXPECT(sqlite3_db_status64(NULL, 1, &now, &most, 0) == SQLITE_MISUSE);
    sqlite3_str_appendall(str, "abcdef");
    sqlite3_str_truncate(str, 9);
    sqlite3_str_truncate(str, -1);
    EXPECT(sqlite3_str_length(str) == 6);
    sqlite3_str_truncate(str, 2);
    sqlite3_str_appendall(str, "x");
    text = sqlite3_str_finish(str);
    EXPECT(strcmp(text, "abx") == 0);
    sqlite3_free(text);
    str = sqlite3_str_new(db);
    sqlite3_str_appendall(str, "abcdef");
    sqlite3_str_free(str);
    sqlite3_str_free(NULL);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

/* ---- a virtual table whose rows are changed column by column ---- */

#define ROWS_MAX 600

typedef struct rows_table {
    sqlite3_vtab base;
    int values[ROWS_MAX][3];
    int asked;     /* columns that were told */
    int left_out;  /* columns that were not */
    int unchanged; /* arguments of xUpdate without change */
} rows_table;

typedef struct rows_cursor {
    sqlite3_vtab_cursor base;
    int row;
} rows_cursor;

static rows_table *rows_only;
static int rows_live; /* tables that are connected */

static int
rows_connect(sqlite3 *db, void *aux, int count, const char *const *words, sqlite3_vtab **out,
             char **message)
{
    (void)aux;
    (void)count;
    (void)words;
    (void)message;
    rows_only = calloc(1, sizeof *rows_only);
    *out = &rows_only->base;
    rows_live++;
    for (int i = 0; i < ROWS_MAX; i++)
        for (int k = 0; k < 3; k++)
            rows_only->values[i][k] = 10 * i + k;
    return sqlite3_declare_vtab(db, "CREATE TABLE x(a, b, c)");
}

static int
rows_disconnect(sqlite3_vtab *table)
{
    rows_live--;
    free(table);
    return SQLITE_OK;
}

static int
rows_best(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    info->estimatedCost = 10;
    return SQLITE_OK;
}

static int
rows_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    (void)table;
    *out = calloc(1, sizeof(rows_cursor));
    return SQLITE_OK;
}

static int
rows_close(sqlite3_vtab_cursor *cursor)
{
    free(cursor);
    return SQLITE_OK;
}

static int
rows_filter(sqlite3_vtab_cursor *cursor, int number, const char *text, int count,
            sqlite3_value **values)
{
    (void)number;
    (void)text;
    (void)count;
    (void)values;
    ((rows_cursor *)(void *)cursor)->row = 0;
    return SQLITE_OK;
}

static int
rows_next(sqlite3_vtab_cursor *cursor)
{
    ((rows_cursor *)(void *)cursor)->row++;
    return SQLITE_OK;
}

static int
rows_eof(sqlite3_vtab_cursor *cursor)
{
    return ((rows_cursor *)(void *)cursor)->row == ROWS_MAX;
}

static int
rows_column(sqlite3_vtab_cursor *cursor, sqlite3_context *context, int column)
{
    rows_table *table = (rows_table *)(void *)cursor->pVtab;

    if (sqlite3_vtab_nochange(context)) {
        table->left_out++;
        return SQLITE_OK;
    }
    table->asked++;
    sqlite3_result_int(context, table->values[((rows_cursor *)(void *)cursor)->row][column]);
    return SQLITE_OK;
}

static int
rows_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid)
{
    *rowid = ((rows_cursor *)(void *)cursor)->row + 1;
    return SQLITE_OK;
}

static int
rows_update(sqlite3_vtab *base, int count, sqlite3_value **values, sqlite3_int64 *rowid)
{
    rows_table *table = (rows_table *)(void *)base;
    int row = count == 5 ? sqlite3_value_int(values[0]) - 1 : -1;

    (void)rowid;
    if (row < 0)
        return SQLITE_READONLY;
    for (int k = 0; k < 3; k++) {
        if (sqlite3_value_nochange(values[2 + k])) {
            EXPECT(sqlite3_value_type(values[2 + k]) == SQLITE_NULL);
            table->unchanged++;
        } else {
            table->values[row][k] = sqlite3_value_int(values[2 + k]);
        }
    }
    return SQLITE_OK;
}

static void
test_nochange(void)
{
    static const sqlite3_module module = {.iVersion = 1,
                                          .xConnect = rows_connect,
                                          .xBestIndex = rows_best,
                                          .xDisconnect = rows_disconnect,
                                          .xOpen = rows_open,
                                          .xClose = rows_close,
                                          .xFilter = rows_filter,
                                          .xNext = rows_next,
                                          .xEof = rows_eof,
                                          .xColumn = rows_column,
                                          .xRowid = rows_rowid,
                                          .xUpdate = rows_update};
    sqlite3 *db = newer_open();

    EXPECT(sqlite3_create_module(db, "numbers", &module, NULL) == SQLITE_OK);
    newer_exec(db, "UPDATE numbers SET b = 1000");
    EXPECT(rows_only->left_out == 2 * ROWS_MAX && rows_only->unchanged == 2 * ROWS_MAX);
    EXPECT(rows_only->asked == 0 || rows_only->asked == ROWS_MAX); /* b itself: as may be */
    EXPECT(rows_only->values[3][0] == 30 && rows_only->values[3][1] == 1000 &&
           rows_only->values[3][2] == 32);
    rows_only->left_out = rows_only->unchanged = 0;
    newer_exec(db, "UPDATE numbers SET b = c + 1 WHERE a < 50"); /* a and c are named: told */
    EXPECT(rows_only->left_out == 0 && rows_only->unchanged == 0);
    EXPECT(rows_only->values[3][0] == 30 && rows_only->values[3][1] == 33 &&
           rows_only->values[3][2] == 32 && rows_only->values[5][1] == 1000);
    newer_exec(db, "UPDATE numbers SET b = c + 1 WHERE rowid = 7");
    EXPECT(rows_only->unchanged == 1 && rows_only->values[6][0] == 60);
    rows_only->unchanged = 0;
    newer_exec(db, "UPDATE numbers SET a = NULL"); /* a NULL is not "unchanged" */
    EXPECT(rows_only->unchanged == 2 * ROWS_MAX && rows_only->values[9][0] == 0);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

/* A table is of the database that it was connected for. */
static void
test_detach(void)
{
    static const sqlite3_module module = {.iVersion = 1,
                                          .xCreate = rows_connect,
                                          .xConnect = rows_connect,
                                          .xBestIndex = rows_best,
                                          .xDisconnect = rows_disconnect,
                                          .xDestroy = rows_disconnect,
                                          .xOpen = rows_open,
                                          .xClose = rows_close,
                                          .xFilter = rows_filter,
                                          .xNext = rows_next,
                                          .xEof = rows_eof,
                                          .xColumn = rows_column,
                                          .xRowid = rows_rowid};
    sqlite3 *db = newer_open();
    sqlite3_stmt *stmt = NULL;

    EXPECT(sqlite3_create_module(db, "numbers", &module, NULL) == SQLITE_OK);
    newer_exec(db, "ATTACH ':memory:' AS x; CREATE VIRTUAL TABLE x.n USING numbers");
    EXPECT(rows_live == 1);
    EXPECT(sqlite3_prepare_v2(db, "SELECT count(*) FROM x.n", -1, &stmt, NULL) == SQLITE_OK);
    EXPECT(sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0) == ROWS_MAX);
    EXPECT(sqlite3_reset(stmt) == SQLITE_OK);
    newer_exec(db, "DETACH x; ATTACH ':memory:' AS x; CREATE VIRTUAL TABLE x.n USING numbers");
    rows_only->values[0][0] = 77; /* of the new one, which the statement finds */
    EXPECT(sqlite3_finalize(stmt) == SQLITE_OK);
    EXPECT(rows_live == 1);
    EXPECT(sqlite3_prepare_v2(db, "SELECT a FROM x.n LIMIT 1", -1, &stmt, NULL) == SQLITE_OK);
    EXPECT(sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0) == 77);
    EXPECT(sqlite3_finalize(stmt) == SQLITE_OK);
    newer_exec(db, "DETACH x");
    EXPECT(rows_live == 0);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

/* ---- callbacks that end the transaction ---- */

static void
end_all(sqlite3_context *context, int count, sqlite3_value **values)
{
    sqlite3 *db = sqlite3_context_db_handle(context);

    (void)count;
    if (sqlite3_value_int(values[0]) == 2)
        EXPECT(sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_result_value(context, values[0]);
}

static void
test_rollback_inside(void)
{
    sqlite3 *db = newer_open();

    EXPECT(sqlite3_create_function(db, "ending", 1, SQLITE_UTF8, NULL, end_all, NULL, NULL) ==
           SQLITE_OK);
    newer_exec(db, "CREATE TABLE t(a); CREATE TABLE u(a); INSERT INTO u VALUES(1),(2),(3);"
                   "BEGIN; INSERT INTO t VALUES(9)");
    EXPECT(sqlite3_exec(db, "INSERT INTO t SELECT ending(a) FROM u", NULL, NULL, NULL) ==
           SQLITE_ABORT);
    EXPECT(sqlite3_extended_errcode(db) == SQLITE_ABORT_ROLLBACK);
    EXPECT(strcmp(sqlite3_errmsg(db), "abort due to ROLLBACK") == 0);
    EXPECT(sqlite3_get_autocommit(db) == 1);
    newer_exec(db, "INSERT INTO t SELECT count(*) FROM t"); /* all of it is gone */
    newer_exec(db, "CREATE TABLE c AS SELECT * FROM t WHERE a = 0 AND rowid = 1");
    EXPECT(sqlite3_changes(db) == 1);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

/* ---- hooks and backups ---- */

static int
count_commit(void *user)
{
    ++*(int *)user;
    return 0;
}

static void
test_backup_hook(void)
{
    sqlite3 *from = newer_open();
    sqlite3 *to = newer_open();
    sqlite3_backup *backup;
    int commits = 0;

    newer_exec(from, "CREATE TABLE t(a); INSERT INTO t VALUES(1)");
    EXPECT(sqlite3_commit_hook(to, count_commit, &commits) == NULL);
    newer_exec(to, "CREATE TABLE other(a)");
    EXPECT(commits == 1);
    backup = sqlite3_backup_init(to, "main", from, "main");
    EXPECT(backup != NULL && sqlite3_backup_step(backup, -1) == SQLITE_DONE);
    EXPECT(sqlite3_backup_finish(backup) == SQLITE_OK);
    EXPECT(commits == 1); /* nobody is asked for a backup */
    newer_exec(to, "INSERT INTO t VALUES(2)");
    EXPECT(commits == 2);
    EXPECT(sqlite3_close(to) == SQLITE_OK);
    EXPECT(sqlite3_close(from) == SQLITE_OK);
}

/* ---- what the authorizer is asked for ANALYZE ---- */

static int
analyze_asked(void *user, int action, const char *first, const char *second, const char *database,
              const char *inner)
{
    char *told = user;
    size_t size = strlen(told);

    (void)second;
    (void)inner;
    if (action == SQLITE_ANALYZE)
        (void)snprintf(told + size, 100 - size, "%s.%s ", database, first);
    return SQLITE_OK;
}

static void
test_analyze(void)
{
    static const char *const cases[][2] = {{"ANALYZE main", "main.t "}, {"ANALYZE aux", "aux.u "},
                                           {"ANALYZE t", "main.t "},    {"ANALYZE i", "main.t "},
                                           {"ANALYZE aux.u", "aux.u "}, {"ANALYZE nobody", ""},
                                           {"ANALYZE", "main.t aux.u "}};
    sqlite3 *db = newer_open();
    char told[100] = "";

    newer_exec(db, "CREATE TABLE t(a); CREATE INDEX i ON t(a); ATTACH ':memory:' AS aux;"
                   "CREATE TABLE aux.u(a); INSERT INTO t VALUES(1); INSERT INTO aux.u VALUES(1)");
    EXPECT(sqlite3_set_authorizer(db, analyze_asked, told) == SQLITE_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        told[0] = 0;
        (void)sqlite3_exec(db, cases[i][0], NULL, NULL, NULL);
        EXPECT(strcmp(told, cases[i][1]) == 0);
    }
    EXPECT(sqlite3_close(db) == SQLITE_OK);
}

/* ---- a child of fork ---- */

#if !defined(__SANITIZE_THREAD__) /* it does not let children have threads */
/* What a child finds: its exit status says how many expectations failed. */
static int
fork_child(sqlite3 *db, sqlite3_stmt *stmt, const char *path)
{
    sqlite3_stmt *other = NULL;
    sqlite3 *own = NULL;
    int before = newer_failed;

    EXPECT(sqlite3_step(stmt) == SQLITE_MISUSE);
    EXPECT(strstr(sqlite3_errmsg(db), "fork") != NULL);
    EXPECT(sqlite3_exec(db, "INSERT INTO t VALUES(2)", NULL, NULL, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_prepare_v2(db, "SELECT 1", -1, &other, NULL) == SQLITE_MISUSE);
    EXPECT(sqlite3_reset(stmt) == SQLITE_OK && sqlite3_finalize(stmt) == SQLITE_OK);
    EXPECT(sqlite3_close(db) == SQLITE_OK);        /* and the parent's files stay as they are */
    EXPECT(sqlite3_open(path, &own) == SQLITE_OK); /* the parent has it */
    EXPECT(sqlite3_exec(own, "SELECT * FROM t", NULL, NULL, NULL) == SQLITE_BUSY);
    EXPECT(sqlite3_close(own) == SQLITE_OK);
    own = newer_open();
    newer_exec(own, "CREATE TABLE t(a); INSERT INTO t VALUES(1)");
    EXPECT(sqlite3_close(own) == SQLITE_OK);
    return newer_failed - before;
}

static void
test_fork(void)
{
    char folder[] = "/tmp/newer.XXXXXX";
    char path[64];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int status = -1;
    pid_t child;

    EXPECT(mkdtemp(folder) != NULL);
    (void)snprintf(path, sizeof path, "%s/a.db", folder);
    EXPECT(sqlite3_open(path, &db) == SQLITE_OK);
    newer_exec(db, "CREATE TABLE t(a); INSERT INTO t VALUES(1); BEGIN; INSERT INTO t VALUES(3)");
    EXPECT(sqlite3_prepare_v2(db, "SELECT a FROM t", -1, &stmt, NULL) == SQLITE_OK);
    EXPECT(sqlite3_step(stmt) == SQLITE_ROW);
    (void)fflush(stdout);
    child = fork();
    if (child == 0) {
        int failed = fork_child(db, stmt, path);

        (void)fflush(stdout);
        _exit(failed);
    }
    EXPECT(child > 0 && waitpid(child, &status, 0) == child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT(sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0) == 3);
    EXPECT(sqlite3_step(stmt) == SQLITE_DONE);
    EXPECT(sqlite3_finalize(stmt) == SQLITE_OK);
    newer_exec(db, "INSERT INTO t VALUES(4); COMMIT; PRAGMA integrity_check");
    EXPECT(sqlite3_close(db) == SQLITE_OK);
    EXPECT(sqlite3_open(path, &db) == SQLITE_OK);
    EXPECT(sqlite3_prepare_v2(db, "SELECT sum(a) FROM t", -1, &stmt, NULL) == SQLITE_OK);
    EXPECT(sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0) == 8);
    EXPECT(sqlite3_finalize(stmt) == SQLITE_OK);
    EXPECT(sqlite3_close(db) == SQLITE_OK);
    (void)unlink(path);
    EXPECT(rmdir(folder) == 0);
}
#endif

int
main(void)
{
    test_normalized();
    test_explain();
    test_small();
    test_nochange();
    test_detach();
    test_rollback_inside();
    test_backup_hook();
    test_analyze();
#if !defined(__SANITIZE_THREAD__)
    test_fork();
#endif
    printf("test_compat_newer: %d passed, %d failed\n", newer_passed, newer_failed);
    return newer_failed != 0;
}
