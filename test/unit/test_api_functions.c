/* test_api_functions.c - PRAGMAs as table-valued functions, through the public interface. */
#include "lib/unit.h"
#include "velocidb.h"

#include <stdio.h>

#define ROWS_SIZE 8192U

static velo_connection *connection;

static const char schema_sql[] =
    "CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT 'x');"
    "CREATE TABLE child(a INT, b REAL REFERENCES parent(id) ON DELETE CASCADE, UNIQUE(a, b));"
    "CREATE TABLE keyed(k TEXT COLLATE NOCASE PRIMARY KEY, v) WITHOUT ROWID;"
    "CREATE INDEX child_b ON child(b DESC) WHERE a > 0;"
    "CREATE VIEW seen AS SELECT id, upper(name) AS big FROM parent;"
    "CREATE TABLE list(t TEXT); INSERT INTO list VALUES ('keyed'), ('nothing'), ('parent');";

static void
begin(void)
{
    if (velo_open(":memory:", NULL, &connection) != VELO_OK ||
        velo_exec(connection, schema_sql, NULL, NULL) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "cannot begin: %s", velo_error_text(connection));
}

static void
end(void)
{
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* Append a row: values with commas between them, and a space before all rows but the first. */
static void
rows_add(velo_statement *statement, char *rows)
{
    size_t at = strlen(rows);

    for (int i = 0; i < velo_column_count(statement); i++) {
        const char *value = velo_column_text(statement, i);

        at += (size_t)snprintf(rows + at, ROWS_SIZE - at, "%s%s",
                               i > 0     ? ","
                               : at == 0 ? ""
                                         : " ",
                               value != NULL ? value : "~");
        if (at >= ROWS_SIZE)
            return;
    }
}

/* The rows of a statement; an error is "!" and its message behind those that came before. `name`
 * is given to the first parameter, if there is one. */
static const char *
query_with(const char *sql, const char *name)
{
    static char rows[ROWS_SIZE];
    velo_statement *statement;
    velo_status st;

    rows[0] = 0;
    st = velo_prepare(connection, sql, -1, &statement, NULL);
    if (st == VELO_OK && name != NULL)
        st = velo_bind_text(statement, 1, name, -1, VELO_BORROW);
    while (st == VELO_OK || st == VELO_ROW) {
        st = velo_step(statement);
        if (st == VELO_ROW)
            rows_add(statement, rows);
    }
    if (st != VELO_DONE) {
        size_t at = strlen(rows);

        (void)snprintf(rows + at, ROWS_SIZE - at, "!%s", velo_error_text(connection));
    }
    (void)velo_finalize(statement);
    return rows;
}

static const char *
query(const char *sql)
{
    return query_with(sql, NULL);
}

static void
pragmas_are_functions(void)
{
    static const char *const cases[][2] = {
        {"SELECT * FROM pragma_table_info('parent')", "0,id,INTEGER,0,~,1 1,name,TEXT,1,'x',0"},
        {"SELECT * FROM PRAGMA_Table_Info('PARENT') WHERE pk", "0,id,INTEGER,0,~,1"},
        {"SELECT cid, name FROM pragma_table_info('seen')", "0,id 1,big"},
        {"SELECT name, hidden FROM pragma_table_xinfo('keyed')", "k,0 v,0"},
        {"SELECT name, type, ncol, wr, strict FROM pragma_table_list WHERE name LIKE '%e%d%' "
         "ORDER BY name",
         "keyed,table,2,1,0"},
        {"SELECT schema, name, type FROM pragma_table_list('seen')", "main,seen,view"},
        {"SELECT name, \"unique\", origin, partial FROM pragma_index_list('child')",
         "child_b,0,c,1 sqlite_autoindex_child_1,1,u,0"},
        {"SELECT * FROM pragma_index_info('child_b')", "0,1,b"},
        {"SELECT * FROM pragma_index_xinfo('child_b')", "0,1,b,1,BINARY,1 1,-1,~,0,BINARY,0"},
        {"SELECT * FROM pragma_index_info('keyed')", "0,0,k"},
        {"SELECT * FROM pragma_foreign_key_list('child')",
         "0,0,parent,b,id,NO ACTION,CASCADE,NONE"},
        {"SELECT seq, name, file FROM pragma_database_list", "0,main,"},
        {"SELECT name FROM pragma_collation_list ORDER BY name", "BINARY NOCASE RTRIM"},
        {"SELECT count(*) FROM pragma_function_list WHERE name = 'abs' AND narg = 1", "1"},
        {"SELECT count(*) FROM pragma_compile_options WHERE compile_options LIKE 'THREADSAFE=%'",
         "1"},
        {"SELECT * FROM pragma_user_version", "0"},
        {"SELECT * FROM pragma_application_id()", "0"},
        {"SELECT schema_version > 0 FROM pragma_schema_version", "1"},
        {"SELECT * FROM pragma_encoding", "UTF-8"},
        {"SELECT * FROM pragma_journal_mode", "memory"},
        {"SELECT timeout FROM pragma_busy_timeout", "0"},
        {"SELECT page_size >= 512 FROM pragma_page_size", "1"},
        {"SELECT * FROM pragma_synchronous, pragma_foreign_keys, pragma_query_only", "2,0,0"},
        {"SELECT * FROM pragma_integrity_check", "ok"},
        {"SELECT quick_check FROM pragma_quick_check('child')", "ok"},
        {"SELECT cache_size < 0 FROM pragma_cache_size", "1"},
        {"SELECT data_version > 0 FROM pragma_data_version", "1"},
        {"SELECT count(*) FROM pragma_table_info", "0"},
        {"SELECT count(*) FROM pragma_table_info()", "0"},
        {"SELECT count(*) FROM pragma_table_info(NULL)", "0"},
        {"SELECT count(*) FROM pragma_table_info('nothing')", "0"},
        {"SELECT count(*) FROM pragma_table_info(5)", "0"},
        {"SELECT count(*) FROM pragma_table_info(x'706172656e74')", "2"},
    };

    begin();
    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++)
        if (strcmp(query(cases[i][0]), cases[i][1]) != 0)
            unit_failed(__FILE__, __LINE__, "%s: %s", cases[i][0], query(cases[i][0]));
    end();
}

/* The hidden columns take arguments, and tell them. */
static void
functions_take_arguments_as_columns(void)
{
    static const char *const cases[][2] = {
        {"SELECT name, arg, schema FROM pragma_table_info('keyed')", "k,keyed,~ v,keyed,~"},
        {"SELECT name, arg, schema FROM pragma_table_info('keyed', 'main')",
         "k,keyed,main v,keyed,main"},
        {"SELECT name, arg FROM pragma_table_info WHERE arg = 'keyed'", "k,keyed v,keyed"},
        {"SELECT name FROM pragma_table_info WHERE 'main' = schema AND 'keyed' = arg", "k v"},
        {"SELECT integrity_check, arg, schema FROM pragma_integrity_check WHERE schema = 'main'",
         ""},
        {"SELECT page_size > 0, schema FROM pragma_page_size('main')", "1,main"},
        {"SELECT name, typeof(arg) FROM pragma_table_list(5)", ""},
        {"SELECT typeof(arg) FROM pragma_integrity_check(5)", "text"},
    };

    begin();
    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++)
        if (strcmp(query(cases[i][0]), cases[i][1]) != 0)
            unit_failed(__FILE__, __LINE__, "%s: %s", cases[i][0], query(cases[i][0]));
    CHECK_TEXT(query_with("SELECT name FROM pragma_table_info(?1)", "parent"), "id name");
    CHECK_TEXT(query_with("SELECT name FROM pragma_table_info WHERE arg = ?1", "seen"), "id big");
    end();
}

static void
functions_are_joined(void)
{
    static const char *const cases[][2] = {
        {"SELECT t, p.name FROM list, pragma_table_info(t) p", "keyed,k keyed,v parent,id "
                                                               "parent,name"},
        {"SELECT t, p.name FROM pragma_table_info(t) p, list",
         "keyed,k keyed,v parent,id parent,name"},
        {"SELECT p.name FROM pragma_table_info(t) p, list a JOIN list b USING (t)", "k v id name"},
        {"SELECT p.name FROM list a JOIN list b USING (t), pragma_table_info(t) p", "k v id name"},
        {"SELECT a.t, p.name FROM list a LEFT JOIN list b ON b.t = a.t AND b.t = 'keyed', "
         "pragma_table_info(coalesce(b.t, 'parent')) p",
         "keyed,k keyed,v nothing,id nothing,name parent,id parent,name"},
        {"SELECT t, p.name FROM list LEFT JOIN pragma_table_info(t) p",
         "keyed,k keyed,v nothing,~ parent,id parent,name"},
        {"SELECT t, p.name FROM list LEFT JOIN pragma_table_info(t) p ON p.pk = 0",
         "keyed,v nothing,~ parent,name"},
        {"SELECT s.name, p.name FROM sqlite_schema s JOIN pragma_table_info(s.name) p "
         "WHERE s.type = 'table' AND p.pk ORDER BY 1",
         "keyed,k parent,id"},
        {"SELECT s.name, i.name, c.name FROM sqlite_schema s, pragma_index_list(s.name) i, "
         "pragma_index_info(i.name) c WHERE s.name = 'child' ORDER BY 2, 3",
         "child,child_b,b child,sqlite_autoindex_child_1,a child,sqlite_autoindex_child_1,b"},
        {"SELECT t, p.name FROM list JOIN pragma_table_info p ON p.arg = t",
         "keyed,k keyed,v parent,id parent,name"},
        {"SELECT t, p.name FROM pragma_table_info p JOIN list ON t = p.arg AND p.schema = 'main'",
         "keyed,k keyed,v parent,id parent,name"},
        {"SELECT t, p.name FROM pragma_table_info p, (SELECT 'keyed' AS t) WHERE t = arg",
         "keyed,k keyed,v"},
        {"SELECT t, p.name FROM list LEFT JOIN pragma_table_info p ON p.arg = t AND pk",
         "keyed,k nothing,~ parent,id"},
        {"SELECT t, (SELECT group_concat(name, '+') FROM pragma_table_info(t)) FROM list",
         "keyed,k+v nothing,~ parent,id+name"},
        {"SELECT t FROM list WHERE 'v' IN (SELECT name FROM pragma_table_info(t))", "keyed"},
        {"SELECT a.name, b.name FROM pragma_table_info('keyed') a JOIN pragma_table_info('seen') b "
         "ON a.cid = b.cid",
         "k,id v,big"},
        {"WITH c AS (SELECT name FROM pragma_table_info('keyed')) SELECT * FROM c x, c y",
         "k,k k,v v,k v,v"},
        {"SELECT 'UTF-8' IN pragma_encoding, 'UTF-8' IN pragma_encoding(), 5 IN "
         "pragma_user_version",
         "1,1,0"},
        {"SELECT type, count(*) FROM pragma_table_info('parent') GROUP BY type ORDER BY 1",
         "INTEGER,1 TEXT,1"},
    };

    begin();
    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++)
        if (strcmp(query(cases[i][0]), cases[i][1]) != 0)
            unit_failed(__FILE__, __LINE__, "%s: %s", cases[i][0], query(cases[i][0]));
    end();
}

static void
functions_fail_in_words(void)
{
    static const char *const cases[][2] = {
        {"SELECT * FROM pragma_table_info('a', 'b', 'c')",
         "!too many arguments on pragma_table_info() - max 2"},
        {"SELECT * FROM pragma_user_version('1')",
         "!too many arguments on pragma_user_version() - max 0"},
        {"SELECT * FROM pragma_table_info('list', 'other')", "!unknown database 'other'"},
        {"SELECT schema FROM pragma_page_size WHERE schema = 'other'", "!unknown database 'other'"},
        {"SELECT * FROM pragma_wal_checkpoint", "!no such table: pragma_wal_checkpoint"},
        {"SELECT * FROM pragma_nothing('x')", "!no such table: pragma_nothing"},
        {"SELECT * FROM pragma_", "!no such table: pragma_"},
        {"SELECT * FROM pragma_table_info(abs(-9223372036854775808))", "!integer overflow"},
        {"SELECT * FROM sqlite_schema, pragma_table_info(name)", "!ambiguous column name: name"},
        {"SELECT * FROM pragma_table_info(t) p CROSS JOIN list",
         "!arguments of a table-valued function name a table to its right"},
        {"SELECT * FROM pragma_table_info(q.name) p, pragma_table_info(p.name) q",
         "!arguments of a table-valued function name a table to its right"},
        {"SELECT user_version FROM pragma_table_info('list')", "!no such column: user_version"},
    };

    begin();
    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++)
        if (strcmp(query(cases[i][0]), cases[i][1]) != 0)
            unit_failed(__FILE__, __LINE__, "%s: %s", cases[i][0], query(cases[i][0]));
    end();
}

/* What is told is what the statement's transaction sees. */
static void
functions_see_their_transaction(void)
{
    begin();
    CHECK_TEXT(query("BEGIN"), "");
    CHECK_TEXT(query("CREATE TABLE fresh(only)"), "");
    CHECK_TEXT(query("PRAGMA user_version = 7"), "");
    CHECK_TEXT(query("SELECT name, user_version FROM pragma_table_info('fresh'), "
                     "pragma_user_version"),
               "only,7");
    CHECK_TEXT(query("ROLLBACK"), "");
    CHECK_TEXT(query("SELECT count(*) FROM pragma_table_info('fresh')"), "0");
    CHECK_TEXT(query("SELECT * FROM pragma_user_version"), "0");
    CHECK_TEXT(query("PRAGMA user_version"), "0");
    end();
}

/* A prepared statement tells of the schema at each run, also after that has changed. */
static void
functions_follow_the_schema(void)
{
    velo_statement *statement;

    begin();
    CHECK_EQ(velo_prepare(connection, "SELECT group_concat(name) FROM pragma_table_info('list')",
                          -1, &statement, NULL),
             VELO_OK);
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_TEXT(velo_column_text(statement, 0), "t");
    CHECK_EQ(velo_reset(statement), VELO_OK);
    CHECK_TEXT(query("DROP TABLE list"), "");
    CHECK_TEXT(query("CREATE TABLE list(t, more)"), "");
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_TEXT(velo_column_text(statement, 0), "t,more");
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    end();
}

/* In views and changes. */
static void
functions_stand_anywhere(void)
{
    begin();
    CHECK_TEXT(query("CREATE VIEW columns AS SELECT t, name FROM list, pragma_table_info(t)"), "");
    CHECK_TEXT(query("SELECT * FROM columns WHERE t = 'keyed'"), "keyed,k keyed,v");
    CHECK_TEXT(query("SELECT name FROM pragma_table_info('columns')"), "t name");
    CHECK_TEXT(query("CREATE TABLE copy(name, pk)"), "");
    CHECK_TEXT(query("INSERT INTO copy SELECT name, pk FROM pragma_table_info('parent')"), "");
    CHECK_TEXT(query("SELECT * FROM copy"), "id,1 name,0");
    CHECK_TEXT(query("INSERT INTO copy SELECT name, 5 FROM pragma_table_info('keyed')"), "");
    CHECK_TEXT(query("DELETE FROM copy WHERE name IN (SELECT name FROM "
                     "pragma_table_info('parent'))"),
               "");
    CHECK_TEXT(query("SELECT * FROM copy"), "k,5 v,5");
    CHECK_TEXT(query("UPDATE copy SET pk = p.cid FROM pragma_table_info('keyed') p "
                     "WHERE p.name = copy.name"),
               "");
    CHECK_TEXT(query("SELECT * FROM copy"), "k,0 v,1");
    CHECK_TEXT(query("UPDATE pragma_user_version SET user_version = 1"),
               "!no such table: pragma_user_version");
    end();
}

/* The answer of the statement and of the function is the same. */
static void
functions_answer_as_statements(void)
{
    static const char *const cases[][2] = {
        {"PRAGMA table_info(child)", "SELECT * FROM pragma_table_info('child')"},
        {"PRAGMA table_xinfo(seen)", "SELECT * FROM pragma_table_xinfo('seen')"},
        {"PRAGMA table_list", "SELECT * FROM pragma_table_list"},
        {"PRAGMA index_xinfo(keyed)", "SELECT * FROM pragma_index_xinfo('keyed')"},
        {"PRAGMA compile_options", "SELECT * FROM pragma_compile_options"},
        {"PRAGMA integrity_check", "SELECT * FROM pragma_integrity_check"},
    };
    char rows[ROWS_SIZE];

    begin();
    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        (void)snprintf(rows, sizeof rows, "%s", query(cases[i][0]));
        CHECK(rows[0] != 0 && rows[0] != '!');
        CHECK_TEXT(query(cases[i][1]), rows);
    }
    end();
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(pragmas_are_functions),
        UNIT_TEST(functions_take_arguments_as_columns),
        UNIT_TEST(functions_are_joined),
        UNIT_TEST(functions_fail_in_words),
        UNIT_TEST(functions_see_their_transaction),
        UNIT_TEST(functions_follow_the_schema),
        UNIT_TEST(functions_stand_anywhere),
        UNIT_TEST(functions_answer_as_statements),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
