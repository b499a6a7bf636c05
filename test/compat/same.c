/* same.c - prints what a library with SQLite's interface answers, for two of them to be compared.
 *
 * test_same.sh runs it on ours and on the installed one, and expects the same lines but for those
 * that same.txt lists with a reason. It is linked with neither: the linker's path decides. */
#define _GNU_SOURCE
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what is printed of a query ---- */

static void
same_row(sqlite3_stmt *stmt)
{
    static const char *const types[] = {"?", "int", "real", "text", "blob", "null"};

    for (int i = 0; i < sqlite3_column_count(stmt); i++) {
        const unsigned char *text = sqlite3_column_text(stmt, i);

        printf("%s%s", i == 0 ? " " : "|", text != NULL ? (const char *)text : "NULL");
        printf(":%s", types[sqlite3_column_type(stmt, i)]);
    }
}

/* Run all statements of a text; of each its rows, code, words, place of an error and counts. */
static void
same_run(sqlite3 *db, const char *sql)
{
    while (*sql != 0) {
        sqlite3_stmt *stmt = NULL;
        const char *tail = sql;
        int code = sqlite3_prepare_v2(db, sql, -1, &stmt, &tail);

        printf("%.*s =>", (int)(tail - sql > 0 ? tail - sql : 40), sql);
        if (code == SQLITE_OK && stmt != NULL) {
            while ((code = sqlite3_step(stmt)) == SQLITE_ROW)
                same_row(stmt);
            printf(" [%d ro=%d p=%d c=%d]", sqlite3_extended_errcode(db),
                   sqlite3_stmt_readonly(stmt), sqlite3_bind_parameter_count(stmt),
                   sqlite3_column_count(stmt));
        }
        if (code != SQLITE_OK && code != SQLITE_DONE)
            printf(" error %d %s at %d", sqlite3_extended_errcode(db), sqlite3_errmsg(db),
                   sqlite3_error_offset(db));
        (void)sqlite3_finalize(stmt);
        printf("\n");
        if (tail == sql)
            break;
        sql = tail;
    }
}

/* ---- functions with subtypes ---- */

static void
same_mark(sqlite3_context *context, int count, sqlite3_value **values)
{
    sqlite3_result_value(context, values[0]);
    sqlite3_result_subtype(context, count > 1 ? (unsigned)sqlite3_value_int(values[1]) : 5);
}

static void
same_subtype(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_int(context, (int)sqlite3_value_subtype(values[0]));
}

static void
same_step(sqlite3_context *context, int count, sqlite3_value **values)
{
    int *sum = sqlite3_aggregate_context(context, sizeof *sum);

    (void)count;
    if (sum != NULL)
        *sum += (int)sqlite3_value_subtype(values[0]);
}

static void
same_final(sqlite3_context *context)
{
    int *sum = sqlite3_aggregate_context(context, 0);

    sqlite3_result_int(context, sum != NULL ? *sum : 0);
    sqlite3_result_subtype(context, 9);
}

static void
test_subtypes(sqlite3 *db)
{
    (void)sqlite3_create_function(db, "mark", -1, SQLITE_UTF8, NULL, same_mark, NULL, NULL);
    (void)sqlite3_create_function(db, "sub", 1, SQLITE_UTF8, NULL, same_subtype, NULL, NULL);
    (void)sqlite3_create_function(db, "subs", 1, SQLITE_UTF8, NULL, NULL, same_step, same_final);
    same_run(db, "SELECT sub(mark('a'));"
                 "SELECT sub(mark('a') COLLATE nocase);"
                 "SELECT sub(CAST(mark('a') AS TEXT));"
                 "SELECT sub(CAST(mark(1) AS TEXT));"
                 "SELECT sub(CAST(mark(1) AS INTEGER));"
                 "SELECT sub(nullif(mark('a'), 2));"
                 "SELECT sub(min(mark('a'), mark('b', 7)));"
                 "SELECT sub(max(mark('a'), mark('b', 7)));"
                 "SELECT sub(iif(1, mark('a'), 2));"
                 "SELECT sub(ifnull(NULL, mark('a')));"
                 "SELECT sub(likely(mark('a')));"
                 "SELECT sub(+mark('a'));"
                 "SELECT sub(-mark(1));"
                 "SELECT sub((mark('a')));"
                 "SELECT sub(mark('a') || 'b');"
                 "SELECT subs(mark(column1)) FROM (VALUES(1), ('x'), (2.5));"
                 "SELECT sub(subs(mark(1)));"
                 "SELECT subs(mark(column1)) FILTER (WHERE column1 > 1) FROM (VALUES(1), (2));"
                 "SELECT sub(x) FROM (SELECT mark('a') AS x);"
                 "SELECT sub(x) FROM (SELECT mark('a') AS x LIMIT 1);"
                 "SELECT sub(min(column1)) FROM (VALUES(1), (2));"
                 "SELECT sub(max(mark(column1))) FROM (VALUES(1), (2));"
                 "SELECT json_array(json('[1]') COLLATE nocase);"
                 "SELECT json_array(nullif(json('[1]'), 1));"
                 "SELECT json_array(CAST(json('[1]') AS TEXT));"
                 "SELECT json_array(min(json('[1]'), json('[2]')));"
                 "SELECT json_group_array(json(column1)) FROM (VALUES('[1]'), ('[2]'));"
                 "SELECT json_array(json_group_array(column1)) FROM (VALUES(1), (2));"
                 "SELECT json_array(max(json(column1))) FROM (VALUES('[1]'), ('[2]'));");
}

/* ---- errors and their places ---- */

static void
test_errors(sqlite3 *db)
{
    same_run(db, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT NOT NULL UNIQUE, c CHECK(c > 0));"
                 "CREATE INDEX i ON t(c); INSERT INTO t VALUES(1, 'x', 1);");
    same_run(db, "SELECT nothing FROM t");
    same_run(db, "SELECT a, b FROM t, u");
    same_run(db, "SELECT f(1)");
    same_run(db, "SELECT abs(1, 2)");
    same_run(db, "SELEC 1");
    same_run(db, "SELECT 1 FROM");
    same_run(db, "SELECT 'a");
    same_run(db, "SELECT a.b.c.d FROM t");
    same_run(db, "INSERT INTO t(a, z) VALUES(1, 2)");
    same_run(db, "INSERT INTO t VALUES(1, 2)");
    same_run(db, "INSERT INTO t VALUES(1, 'y', 2)");
    same_run(db, "INSERT INTO t VALUES(2, 'x', 2)");
    same_run(db, "INSERT INTO t VALUES(2, NULL, 2)");
    same_run(db, "INSERT INTO t VALUES(2, 'y', 0)");
    same_run(db, "INSERT INTO t VALUES('q', 'y', 3)");
    same_run(db, "UPDATE t SET z = 1");
    same_run(db, "DELETE FROM t WHERE z = 1");
    same_run(db, "CREATE TABLE t(a)");
    same_run(db, "CREATE INDEX i ON t(b)");
    same_run(db, "DROP TABLE u");
    same_run(db, "DROP INDEX u");
    same_run(db, "DROP VIEW t");
    same_run(db, "COMMIT");
    same_run(db, "ROLLBACK");
    same_run(db, "RELEASE x");
    same_run(db, "BEGIN; BEGIN");
    same_run(db, "COMMIT");
    same_run(db, "SELECT 1 UNION SELECT 1, 2");
    same_run(db, "SELECT 1 ORDER BY 3");
    same_run(db, "SELECT * FROM t GROUP BY sum(a)");
    same_run(db, "SELECT a FROM t WHERE sum(a) > 1");
    same_run(db, "SELECT (1, 2)");
    same_run(db, "SELECT 1 IN (1, 2, (3, 4))");
    same_run(db, "SELECT ?1, ?2, :a, ?1");
    same_run(db, "SELECT ?0");
    same_run(db, "SELECT ?99999999");
    same_run(db, "ATTACH 'x' AS main");
    same_run(db, "DETACH nobody");
    same_run(db, "PRAGMA nobody.user_version");
    same_run(db, "ALTER TABLE t RENAME COLUMN z TO y");
    same_run(db, "ALTER TABLE u ADD COLUMN z");
    same_run(db, "ALTER TABLE t ADD COLUMN b");
    same_run(db, "REINDEX nobody; ANALYZE nobody");
}

/* ---- arguments of PRAGMAs ---- */

static void
test_pragmas(sqlite3 *db)
{
    static const char *const flags[] = {"foreign_keys",    "recursive_triggers",
                                        "query_only",      "full_column_names",
                                        "cell_size_check", "read_uncommitted"};
    static const char *const words[] = {"on",    "off",  "yes",     "no",  "true", "false", "1",
                                        "0",     "'on'", "\"off\"", "2",   "-1",   "+1",    "abc",
                                        "extra", "full", "'1'",     "0x1", "1.5",  "NULL",  "[on]"};
    static const char *const others[] = {
        "PRAGMA synchronous = full; PRAGMA synchronous; PRAGMA synchronous = 0;"
        "PRAGMA synchronous; PRAGMA synchronous = 'normal'; PRAGMA synchronous;"
        "PRAGMA synchronous = extra; PRAGMA synchronous; PRAGMA synchronous = 7;"
        "PRAGMA synchronous; PRAGMA synchronous = off; PRAGMA synchronous = on;"
        "PRAGMA synchronous;",
        "PRAGMA cache_size = -100; PRAGMA cache_size; PRAGMA cache_size = +5; PRAGMA cache_size;"
        "PRAGMA cache_size = '77'; PRAGMA cache_size; PRAGMA cache_size = 12abc;"
        "PRAGMA cache_size; PRAGMA cache_size('9'); PRAGMA cache_size;",
        "PRAGMA user_version = -7; PRAGMA user_version; PRAGMA user_version = '12';"
        "PRAGMA user_version; PRAGMA user_version = 0x10; PRAGMA user_version;"
        "PRAGMA user_version = 5000000000; PRAGMA user_version; PRAGMA user_version = abc;"
        "PRAGMA user_version;",
        "PRAGMA application_id = 1.9; PRAGMA application_id;",
        "PRAGMA busy_timeout = 100; PRAGMA busy_timeout; PRAGMA busy_timeout = -5;"
        "PRAGMA busy_timeout = '50'; PRAGMA busy_timeout = 0;",
        "PRAGMA temp_store = memory; PRAGMA temp_store; PRAGMA temp_store = 1; PRAGMA temp_store;"
        "PRAGMA temp_store = 'default'; PRAGMA temp_store; PRAGMA temp_store = 9;"
        "PRAGMA temp_store;",
        "PRAGMA locking_mode; PRAGMA locking_mode = 'exclusive'; PRAGMA locking_mode;"
        "PRAGMA locking_mode = abc; PRAGMA locking_mode = normal;",
        "PRAGMA secure_delete; PRAGMA secure_delete = fast; PRAGMA secure_delete = 1;"
        "PRAGMA secure_delete = 'off'; PRAGMA secure_delete = 2;",
        "PRAGMA max_page_count = 100000; PRAGMA max_page_count = 0; PRAGMA max_page_count = -5;"
        "PRAGMA journal_size_limit = -7; PRAGMA journal_size_limit = 100;"
        "PRAGMA journal_size_limit = abc;",
        "PRAGMA threads = 4; PRAGMA threads = -1; PRAGMA threads = 100; PRAGMA threads = 0;",
        "PRAGMA analysis_limit = 100; PRAGMA analysis_limit = -1; PRAGMA analysis_limit = abc;"
        "PRAGMA analysis_limit = 0;",
        "PRAGMA wal_autocheckpoint = 50; PRAGMA wal_autocheckpoint = 0;"
        "PRAGMA wal_autocheckpoint = -5; PRAGMA wal_autocheckpoint = 1000;",
        "PRAGMA soft_heap_limit = 1000000; PRAGMA soft_heap_limit = -1;"
        "PRAGMA soft_heap_limit = 0;",
        "PRAGMA encoding = 'UTF-8'; PRAGMA encoding; PRAGMA encoding = 'nonsense';",
        "PRAGMA table_info(t); PRAGMA table_info('t'); PRAGMA table_info(\"t\");"
        "PRAGMA table_info = t; PRAGMA main.table_info(t); PRAGMA index_list(t);"
        "PRAGMA index_info(i); PRAGMA index_xinfo('i'); PRAGMA table_info(nobody);"
        "PRAGMA nonsense; PRAGMA nonsense = 1; PRAGMA table_info(1);",
        "PRAGMA journal_mode; PRAGMA journal_mode = 'memory'; PRAGMA journal_mode = nonsense;"
        "PRAGMA journal_mode = off;",
    };
    char sql[160];

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
            (void)snprintf(sql, sizeof sql, "PRAGMA %s=%s; PRAGMA %s;", flags[i], words[k],
                           flags[i]);
            same_run(db, sql);
        }
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        (void)snprintf(sql, sizeof sql, "PRAGMA %s=off;", flags[i]);
        same_run(db, sql);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        same_run(db, others[i]);
}

/* ---- what is told of columns, statements and connections ---- */

static void
same_metadata(sqlite3 *db, const char *schema, const char *table, const char *column)
{
    const char *type = "-";
    const char *collation = "-";
    int not_null = -1;
    int key = -1;
    int counts = -1;
    int code = sqlite3_table_column_metadata(db, schema, table, column, &type, &collation,
                                             &not_null, &key, &counts);

    printf("metadata %s.%s.%s: %d %s %s %d %d %d:%s\n", schema != NULL ? schema : "", table,
           column != NULL ? column : "", code, type != NULL ? type : "NULL",
           collation != NULL ? collation : "NULL", not_null, key, counts,
           code != SQLITE_OK ? sqlite3_errmsg(db) : "");
}

static void
test_metadata(sqlite3 *db)
{
    same_run(db, "CREATE TABLE m(a INTEGER PRIMARY KEY AUTOINCREMENT, b VARCHAR(10) NOT NULL "
                 "COLLATE nocase, c, d AS (a + 1)); CREATE TABLE w(x TEXT, y INT, PRIMARY KEY(y, "
                 "x)) WITHOUT ROWID; CREATE VIEW v AS SELECT a FROM m;"
                 "CREATE TEMP TABLE tt(q REAL);");
    same_metadata(db, "main", "m", "a");
    same_metadata(db, NULL, "m", "B");
    same_metadata(db, "main", "m", "c");
    same_metadata(db, "main", "m", "d");
    same_metadata(db, "main", "m", "rowid");
    same_metadata(db, "main", "m", NULL);
    same_metadata(db, "main", "m", "nobody");
    same_metadata(db, "main", "w", "x");
    same_metadata(db, "main", "w", "y");
    same_metadata(db, "main", "w", "rowid");
    same_metadata(db, "main", "v", "a");
    same_metadata(db, "main", "nobody", "a");
    same_metadata(db, "other", "m", "a");
    same_metadata(db, NULL, "tt", "q");
    same_metadata(db, "main", "tt", "q");
    same_metadata(db, NULL, "sqlite_schema", "name");
    same_metadata(db, NULL, "sqlite_master", "rowid");
}

static void
test_counts(sqlite3 *db)
{
    static const int ops[] = {SQLITE_STMTSTATUS_FULLSCAN_STEP, SQLITE_STMTSTATUS_SORT,
                              SQLITE_STMTSTATUS_AUTOINDEX,     SQLITE_STMTSTATUS_REPREPARE,
                              SQLITE_STMTSTATUS_RUN,           SQLITE_STMTSTATUS_FILTER_MISS,
                              SQLITE_STMTSTATUS_FILTER_HIT};
    static const char *const queries[] = {
        "SELECT * FROM n",
        "SELECT * FROM n WHERE rowid = 3",
        "SELECT * FROM n WHERE rowid > 5",
        "SELECT * FROM n WHERE b = 3",
        "SELECT * FROM n ORDER BY a",
        "SELECT * FROM n ORDER BY rowid",
        "SELECT count(*) FROM n",
        "SELECT b, count(*) FROM n GROUP BY b",
        "SELECT a, count(*) FROM n GROUP BY a",
        "SELECT DISTINCT a FROM n ORDER BY a",
        "SELECT a FROM n UNION SELECT b FROM n",
        "SELECT * FROM n x, n y WHERE x.a = y.a",
        "UPDATE n SET a = a + 1",
        "DELETE FROM n WHERE a = 4",
    };

    same_run(db, "CREATE TABLE n(a, b); CREATE INDEX nb ON n(b);"
                 "WITH RECURSIVE c(x) AS (VALUES(1) UNION ALL SELECT x + 1 FROM c WHERE x < 10)"
                 "INSERT INTO n SELECT x, x % 3 FROM c;");
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        sqlite3_stmt *stmt = NULL;

        if (sqlite3_prepare_v2(db, queries[i], -1, &stmt, NULL) != SQLITE_OK)
            continue;
        for (int run = 0; run < 2; run++) {
            while (sqlite3_step(stmt) == SQLITE_ROW)
                continue;
            (void)sqlite3_reset(stmt);
        }
        printf("counts %s:", queries[i]);
        for (size_t k = 0; k < sizeof ops / sizeof ops[0]; k++) {
            printf(" %d", sqlite3_stmt_status(stmt, ops[k], 1));
            printf("/%d", sqlite3_stmt_status(stmt, ops[k], 0));
        }
        printf(" vm=%d", sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_VM_STEP, 0) > 0);
        printf(" mem=%d\n", sqlite3_stmt_status(stmt, SQLITE_STMTSTATUS_MEMUSED, 0) > 0);
        (void)sqlite3_finalize(stmt);
    }
    for (int op = 0; op <= SQLITE_DBSTATUS_CACHE_SPILL + 1; op++) {
        int now = 0;
        int most = 0;
        int code = sqlite3_db_status(db, op, &now, &most, 0);

        printf("db_status %d: %d %d\n", op, code, now > 0);
    }
}

/* ---- settings ---- */

static void
same_config(sqlite3 *db, const char *name, int op)
{
    int now = -1;
    int code = sqlite3_db_config(db, op, -1, &now);

    printf("config %s: %d %d", name, code, now);
    code = sqlite3_db_config(db, op, 1, &now);
    printf(" %d %d", code, now);
    code = sqlite3_db_config(db, op, 0, &now);
    printf(" %d %d\n", code, now);
}

static void
test_settings(const char *folder)
{
    char path[96];
    sqlite3 *db = NULL;

    (void)snprintf(path, sizeof path, "%s/d.db", folder);
    (void)sqlite3_open(path, &db);
    same_config(db, "fkey", SQLITE_DBCONFIG_ENABLE_FKEY);
    same_config(db, "trigger", SQLITE_DBCONFIG_ENABLE_TRIGGER);
    same_config(db, "no_ckpt", SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE);
    same_config(db, "qpsg", SQLITE_DBCONFIG_ENABLE_QPSG);
    same_config(db, "eqp", SQLITE_DBCONFIG_TRIGGER_EQP);
    same_config(db, "defensive", SQLITE_DBCONFIG_DEFENSIVE);
    same_config(db, "legacy_alter", SQLITE_DBCONFIG_LEGACY_ALTER_TABLE);
    same_config(db, "trusted", SQLITE_DBCONFIG_TRUSTED_SCHEMA);
    same_config(db, "unknown", 99);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 1, NULL);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    same_run(db, "CREATE TABLE t(a); PRAGMA journal_mode = off; PRAGMA journal_mode;"
                 "PRAGMA writable_schema = on; PRAGMA writable_schema;"
                 "DELETE FROM sqlite_master;");
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, NULL);
    same_run(db, "PRAGMA writable_schema = off;"
                 "PRAGMA journal_mode = off; PRAGMA journal_mode; PRAGMA journal_mode = delete;");
    (void)sqlite3_close(db);
    (void)unlink(path);
}

/* Images of databases, in and out of transactions. */
static void
test_images(sqlite3 *db, const char *folder)
{
    char sql[128];
    sqlite3_int64 size = 0;
    unsigned char *image;

    (void)snprintf(sql, sizeof sql, "ATTACH '%s/e.db' AS aux", folder);
    (void)sqlite3_exec(db, sql, NULL, NULL, NULL);
    same_run(db, "CREATE TABLE aux.s(a); BEGIN; INSERT INTO aux.s VALUES(1), (2);");
    image = sqlite3_serialize(db, "aux", &size, 0);
    printf("image of an attached database in a transaction: %d\n", image != NULL);
    if (image != NULL) {
        sqlite3 *copy = NULL;

        (void)sqlite3_open(":memory:", &copy);
        printf("deserialize %d\n",
               sqlite3_deserialize(copy, "main", image, size, size,
                                   SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE));
        same_run(copy, "SELECT count(*) FROM s; INSERT INTO s VALUES(3); SELECT count(*) FROM s;");
        (void)sqlite3_close(copy);
    }
    same_run(db, "COMMIT; DETACH aux;");
    (void)snprintf(sql, sizeof sql, "%s/e.db", folder);
    (void)unlink(sql);
}

int
main(void)
{
    char folder[] = "/tmp/same.XXXXXX";
    sqlite3 *db = NULL;

    if (mkdtemp(folder) == NULL || sqlite3_open(":memory:", &db) != SQLITE_OK)
        return 1;
    test_subtypes(db);
    test_errors(db);
    test_pragmas(db);
    test_metadata(db);
    test_counts(db);
    test_images(db, folder);
    test_settings(folder);
    printf("close %d\n", sqlite3_close(db));
    (void)rmdir(folder);
    return 0;
}
