/* test_api_sqlite.c - databases of SQLite's through velocidb.h: there and back, what is refused,
 * and converting a file when it is opened. That SQLite agrees: test/shell/test_convert.sh. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SQLITE_MAKE                                                                                \
    "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b UNIQUE, c AS (a + 1) STORED);"          \
    "INSERT INTO t(b) WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < " \
    "600) SELECT 'text ' || i FROM n; DELETE FROM t WHERE a > 590;"                                \
    "CREATE TABLE w(k TEXT, n, PRIMARY KEY(n DESC, k)) WITHOUT ROWID;"                             \
    "INSERT INTO w SELECT b, a % 7 FROM t; CREATE INDEX wi ON w(k COLLATE NOCASE) WHERE n > 3;"    \
    "CREATE VIEW v AS SELECT b FROM t; CREATE TRIGGER r AFTER DELETE ON t BEGIN "                  \
    "DELETE FROM w WHERE k = old.b; END; PRAGMA user_version = 42"

#define SQLITE_PROBE                                                                               \
    "SELECT count(*), sum(a), sum(c), max(b) FROM t; SELECT count(*), sum(n) FROM w;"              \
    "SELECT count(*) FROM w WHERE k = 'text 10' COLLATE NOCASE AND n > 3; SELECT * FROM "          \
    "sqlite_sequence; SELECT group_concat(name) FROM sqlite_schema; PRAGMA user_version;"          \
    "PRAGMA integrity_check"

static const char sqlite_wanted[] = "590,174345,174935,text 99|590,1767|0|t,600|"
                                    "t,sqlite_autoindex_t_1,sqlite_sequence,w,wi,v,r|42|ok";

/* Make a file of SQLite's in the test's folder. */
static void
sqlite_make(const char *name)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection, SQLITE_MAKE, "");
    CHECK_STATUS(velo_export_sqlite(connection, unit_path(name), NULL, NULL), VELO_OK);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static int
sqlite_exists(const char *name)
{
    return access(unit_path(name), F_OK) == 0;
}

static const char *
sqlite_probe(velo_connection *connection)
{
    return api_run(connection, SQLITE_PROBE);
}

static void
all_comes_back(void)
{
    velo_connection *connection;

    sqlite_make("a.sqlite");
    CHECK(velo_is_sqlite_file(unit_path("a.sqlite")));
    CHECK(!velo_is_sqlite_file(unit_path("none")));
    connection = api_run_open(NULL);
    CHECK_STATUS(velo_import_sqlite(connection, unit_path("a.sqlite"), NULL, NULL), VELO_OK);
    CHECK_TEXT(sqlite_probe(connection), sqlite_wanted);
    CHECK_RUN(connection, "INSERT INTO t(b) VALUES('new') RETURNING a", "601");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* A temporary table of the same name is neither written nor filled. */
static void
temporary_tables_are_left_alone(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection,
              "CREATE TABLE t(a); INSERT INTO t VALUES(1); CREATE INDEX i ON t(a);"
              "CREATE TRIGGER r AFTER DELETE ON t BEGIN SELECT 1; END; CREATE TEMP TABLE t(b, a);"
              "INSERT INTO temp.t VALUES(2, 3)",
              "");
    CHECK_STATUS(velo_export_sqlite(connection, unit_path("a"), NULL, NULL), VELO_OK);
    CHECK_RUN(connection, "DROP TABLE main.t", "");
    CHECK_STATUS(velo_import_sqlite(connection, unit_path("a"), NULL, NULL), VELO_OK);
    CHECK_RUN(connection, "SELECT * FROM main.t; SELECT * FROM temp.t", "1|2,3");
    CHECK_RUN(connection,
              "SELECT group_concat(name) FROM main.sqlite_schema; "
              "SELECT group_concat(name) FROM temp.sqlite_schema",
              "t,i,r|t");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
an_import_is_a_part_of_the_transaction(void)
{
    velo_connection *connection = api_run_open(NULL);

    sqlite_make("a.sqlite");
    CHECK_RUN(connection, "PRAGMA user_version = 5; CREATE TABLE x(y); BEGIN", "");
    CHECK_STATUS(velo_import_sqlite(connection, unit_path("a.sqlite"), NULL, NULL), VELO_OK);
    CHECK_RUN(connection, "SELECT count(*) FROM t; PRAGMA user_version", "590|5");
    CHECK_RUN(connection, "ROLLBACK; SELECT name FROM sqlite_schema", "x");
    CHECK_RUN(connection, "CREATE TABLE w(q); BEGIN; INSERT INTO x VALUES(1)", "");
    CHECK_STATUS(velo_import_sqlite(connection, unit_path("a.sqlite"), NULL, NULL), VELO_ERROR);
    CHECK_TEXT(velo_error_text(connection), "table w: table w already exists");
    CHECK_RUN(connection, "COMMIT; SELECT group_concat(name) FROM sqlite_schema; SELECT y FROM x",
              "x,w|1");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static int
sqlite_compare_backwards(void *user, size_t left_size, const void *left, size_t right_size,
                         const void *right)
{
    int order = memcmp(left, right, left_size < right_size ? left_size : right_size);

    (void)user;
    return order != 0 ? -order : (left_size < right_size) - (left_size > right_size);
}

/* The name of a collation is any text. */
static void
an_index_by_any_collation_is_written(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_STATUS(
        velo_create_collation(connection, "my \"coll", sqlite_compare_backwards, NULL, NULL),
        VELO_OK);
    CHECK_RUN(connection,
              "CREATE TABLE t(a COLLATE \"my \"\"coll\"); CREATE INDEX i ON t(a); "
              "INSERT INTO t VALUES('x'), ('y')",
              "");
    CHECK_STATUS(velo_export_sqlite(connection, unit_path("a"), NULL, NULL), VELO_OK);
    CHECK_RUN(connection, "DROP TABLE t", "");
    CHECK_STATUS(velo_import_sqlite(connection, unit_path("a"), NULL, NULL), VELO_OK);
    CHECK_RUN(connection, "SELECT group_concat(a) FROM (SELECT a FROM t ORDER BY a)", "y,x");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* Put a text of the same length in the place of another within a file. */
static void
sqlite_replace(const char *name, const char *from, const char *to)
{
    static char bytes[1 << 17];
    FILE *file = fopen(unit_path(name), "r+");
    size_t size, at;

    CHECK(file != NULL);
    CHECK_EQ(strlen(from), strlen(to));
    size = fread(bytes, 1, sizeof bytes, file);
    for (at = 0; at + strlen(from) <= size && memcmp(bytes + at, from, strlen(from)) != 0; at++)
        continue;
    CHECK(at + strlen(from) <= size);
    CHECK_EQ(fseek(file, (long)at, SEEK_SET), 0);
    CHECK_EQ(fwrite(to, 1, strlen(to), file), strlen(to));
    CHECK_EQ(fclose(file), 0);
}

/* Texts of the file that the next test makes, what is put in their place, and what an import gives.
 */
static const struct {
    const char *from, *to;
    velo_status wanted;
} sqlite_texts[] = {
    {"CREATE TABLE evil(x /*........................*/)",
     "CREATE TABLE evil(x /*........................*/)", VELO_OK},
    {"CREATE TABLE evil(x /*........................*/)",
     "CREATE TABLE user(x /*........................*/)", VELO_CORRUPT},
    {"CREATE TABLE evil(x /*........................*/)",
     "CREATE TABLE IF NOT EXISTS evil(x /*..........*/)", VELO_CORRUPT},
    {"CREATE TABLE evil(x /*........................*/)",
     "CREATE TABLE main.evil(x /*...................*/)", VELO_CORRUPT},
    {"CREATE TABLE evil(x /*........................*/)",
     "CREATE TABLE other.evil2(x /*.................*/)", VELO_CORRUPT},
    {"CREATE TABLE evil(x /*........................*/)",
     "CREATE TEMP TABLE evil(x /*...................*/)", VELO_CORRUPT},
    {"CREATE VIEW v AS SELECT 1 /*........................*/",
     "CREATE VIEW w AS SELECT 1 /*........................*/", VELO_CORRUPT},
    {"CREATE VIEW v AS SELECT 1 /*........................*/",
     "CREATE VIEW IF NOT EXISTS v AS SELECT 1 /*..........*/", VELO_CORRUPT},
    {"CREATE VIEW v AS SELECT 1 /*........................*/",
     "CREATE TEMP VIEW v AS SELECT 1 /*...................*/", VELO_CORRUPT},
    {"CREATE VIEW v AS SELECT 1 /*........................*/",
     "CREATE VIEW other.v AS SELECT 1 /*..................*/", VELO_CORRUPT},
    {"CREATE INDEX i ON evil(x) /*........................*/",
     "CREATE INDEX j ON evil(x) /*........................*/", VELO_CORRUPT},
    {"CREATE INDEX i ON evil(x) /*........................*/",
     "CREATE INDEX i ON user(x) /*........................*/", VELO_CORRUPT},
    {"CREATE INDEX i ON evil(x) /*........................*/",
     "CREATE INDEX main.i ON evil(x) /*...................*/", VELO_CORRUPT},
    {"CREATE INDEX i ON evil(x) /*........................*/",
     "CREATE INDEX other.i ON evil(x) /*..................*/", VELO_CORRUPT},
    {"CREATE INDEX i ON evil(x) /*........................*/",
     "CREATE INDEX IF NOT EXISTS i ON evil(x) /*..........*/", VELO_CORRUPT},
    {"CREATE TRIGGER r AFTER DELETE ON evil BEGIN SELECT 1 /*........................*/",
     "CREATE TRIGGER r AFTER DELETE ON main.evil BEGIN SELECT 1 /*...................*/", VELO_OK},
    {"CREATE TRIGGER r AFTER DELETE ON evil BEGIN SELECT 1 /*........................*/",
     "CREATE TRIGGER r AFTER DELETE ON user BEGIN SELECT 1 /*........................*/",
     VELO_CORRUPT},
    {"CREATE TRIGGER r AFTER DELETE ON evil BEGIN SELECT 1 /*........................*/",
     "CREATE TRIGGER r AFTER DELETE ON other.evil BEGIN SELECT 1 /*..................*/",
     VELO_CORRUPT},
};

/* What a file says that made its objects makes those and nothing else. */
static void
texts_make_what_their_rows_say(void)
{
    for (size_t i = 0; i < sizeof sqlite_texts / sizeof sqlite_texts[0]; i++) {
        velo_connection *connection = api_run_open(NULL);

        CHECK_RUN(connection,
                  "CREATE TABLE evil(x /*........................*/); INSERT INTO evil VALUES(666);"
                  "CREATE VIEW v AS SELECT 1 /*........................*/;"
                  "CREATE INDEX i ON evil(x) /*........................*/ WHERE x;"
                  "CREATE TRIGGER r AFTER DELETE ON evil BEGIN SELECT 1 "
                  "/*........................*/; END",
                  "");
        (void)unlink(unit_path("a"));
        CHECK_STATUS(velo_export_sqlite(connection, unit_path("a"), NULL, NULL), VELO_OK);
        CHECK_EQ(velo_close(connection), VELO_OK);
        sqlite_replace("a", sqlite_texts[i].from, sqlite_texts[i].to);
        connection = api_run_open(NULL);
        CHECK_RUN(connection,
                  "CREATE TABLE user(x); ATTACH ':memory:' AS other; CREATE TABLE other.evil(x)",
                  "");
        CHECK_STATUS(velo_import_sqlite(connection, unit_path("a"), NULL, NULL),
                     sqlite_texts[i].wanted);
        CHECK_RUN(connection,
                  "SELECT count(*) FROM user; SELECT count(*) FROM temp.sqlite_schema; "
                  "SELECT group_concat(name) FROM other.sqlite_schema",
                  "0|0|evil");
        CHECK_EQ(velo_close(connection), VELO_OK);
    }
}

/* ---- progress ---- */

typedef struct sqlite_count {
    int calls;
    int stop_at;
} sqlite_count;

static int
sqlite_progress(void *user, uint64_t done, uint64_t total)
{
    sqlite_count *count = user;

    (void)done;
    (void)total;
    return ++count->calls == count->stop_at;
}

static void
progress_is_told_and_ends_it(void)
{
    velo_connection *connection = api_run_open(NULL);
    sqlite_count count = {0, 0};

    CHECK_RUN(connection, SQLITE_MAKE, "");
    CHECK_STATUS(velo_export_sqlite(connection, unit_path("b"), sqlite_progress, &count), VELO_OK);
    CHECK(count.calls >= 5);
    count = (sqlite_count){0, 3};
    CHECK_STATUS(velo_export_sqlite(connection, unit_path("c"), sqlite_progress, &count),
                 VELO_INTERRUPT);
    CHECK(!sqlite_exists("c"));
    CHECK(!velo_in_transaction(connection));
    CHECK_STATUS(velo_export_sqlite(connection, unit_path("b"), NULL, NULL), VELO_CANTOPEN);
    CHECK(sqlite_exists("b"));
    CHECK_EQ(velo_close(connection), VELO_OK);
    connection = api_run_open(NULL);
    count = (sqlite_count){0, 1};
    CHECK_STATUS(velo_import_sqlite(connection, unit_path("b"), sqlite_progress, &count),
                 VELO_INTERRUPT);
    CHECK_RUN(connection, "SELECT count(*) FROM sqlite_schema", "0");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* ---- opening ---- */

static velo_status
sqlite_open(const char *name, velo_sqlite_choice choice, velo_connection **connection)
{
    velo_open_options options = {.size = sizeof options, .sqlite_files = choice};

    return velo_open(unit_path(name), &options, connection);
}

static void
opening_refuses_or_converts(void)
{
    velo_connection *connection;
    char words[5000];

    sqlite_make("a.sqlite");
    CHECK_STATUS(sqlite_open("a.sqlite", VELO_SQLITE_REFUSE, &connection), VELO_NOTADB);
    (void)snprintf(words, sizeof words,
                   "%s is a database of SQLite's: convert it with `velocidb convert %s NEW`",
                   unit_path("a.sqlite"), unit_path("a.sqlite"));
    CHECK_TEXT(velo_error_text(connection), words);
    CHECK_EQ(velo_close(connection), VELO_OK);
    CHECK(velo_is_sqlite_file(unit_path("a.sqlite")));
    CHECK_STATUS(sqlite_open("a.sqlite", VELO_SQLITE_CONVERT, &connection), VELO_OK);
    CHECK_TEXT(sqlite_probe(connection), sqlite_wanted);
    CHECK_EQ(velo_close(connection), VELO_OK);
    CHECK(!velo_is_sqlite_file(unit_path("a.sqlite")));
    CHECK(velo_is_sqlite_file(unit_path("a.sqlite.sqlite-orig")));
    CHECK(!sqlite_exists("a.sqlite.velo-new"));
    connection = api_run_open("a.sqlite");
    CHECK_TEXT(sqlite_probe(connection), sqlite_wanted);
    CHECK_EQ(velo_close(connection), VELO_OK);
    CHECK_EQ(rename(unit_path("a.sqlite.sqlite-orig"), unit_path("b")), 0);
}

static unsigned
sqlite_mode(const char *name)
{
    struct stat info;

    return stat(unit_path(name), &info) == 0 ? (unsigned)info.st_mode & 0777 : 0;
}

/* A file that only some may read stays so, and so does what is kept of it; the log is as the
 * database is. */
static void
a_converted_file_has_the_old_ones_mode(void)
{
    static const unsigned modes[] = {0600, 0660, 0644};

    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        velo_connection *connection;

        (void)unlink(unit_path("a.sqlite-orig"));
        (void)unlink(unit_path("a"));
        sqlite_make("a");
        CHECK_EQ(chmod(unit_path("a"), modes[i]), 0);
        CHECK_STATUS(sqlite_open("a", VELO_SQLITE_CONVERT, &connection), VELO_OK);
        CHECK_RUN(connection, "INSERT INTO t(b) VALUES('new')", "");
        CHECK_EQ(sqlite_mode("a"), modes[i]);
        CHECK_EQ(sqlite_mode("a-wal"), modes[i]);
        CHECK_EQ(sqlite_mode("a.sqlite-orig"), modes[i]);
        CHECK_EQ(velo_close(connection), VELO_OK);
        CHECK(!velo_is_sqlite_file(unit_path("a")));
    }
}

static void
a_conversion_in_the_way_is_refused(void)
{
    velo_connection *connection;
    FILE *file;

    sqlite_make("a");
    file = fopen(unit_path("a.sqlite-orig"), "w");
    CHECK(file != NULL);
    (void)fclose(file);
    CHECK_STATUS(sqlite_open("a", VELO_SQLITE_CONVERT, &connection), VELO_CANTOPEN);
    CHECK(strstr(velo_error_text(connection), "is there already") != NULL);
    CHECK_EQ(velo_close(connection), VELO_OK);
    CHECK(velo_is_sqlite_file(unit_path("a")));
}

/* A damaged file cannot be converted: it stays as it is, and nothing is left beside it. */
static void
a_damaged_file_stays(void)
{
    velo_connection *connection;
    FILE *file;

    sqlite_make("a");
    file = fopen(unit_path("a"), "r+");
    CHECK(file != NULL);
    CHECK_EQ(fseek(file, 4096 * 3, SEEK_SET), 0);
    CHECK_EQ(fwrite("\1\2\3\4", 1, 4, file), 4);
    (void)fclose(file);
    CHECK_STATUS(sqlite_open("a", VELO_SQLITE_CONVERT, &connection), VELO_CORRUPT);
    CHECK(strstr(velo_error_text(connection), "page 4: ") != NULL);
    CHECK_EQ(velo_close(connection), VELO_OK);
    CHECK(velo_is_sqlite_file(unit_path("a")));
    CHECK(!sqlite_exists("a.velo-new"));
    CHECK(!sqlite_exists("a.sqlite-orig"));
    connection = api_run_open(NULL);
    CHECK_STATUS(velo_import_sqlite(connection, unit_path("a"), NULL, NULL), VELO_CORRUPT);
    CHECK_RUN(connection, "SELECT count(*) FROM sqlite_schema", "0");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(all_comes_back),
        UNIT_TEST(temporary_tables_are_left_alone),
        UNIT_TEST(an_import_is_a_part_of_the_transaction),
        UNIT_TEST(an_index_by_any_collation_is_written),
        UNIT_TEST(texts_make_what_their_rows_say),
        UNIT_TEST(progress_is_told_and_ends_it),
        UNIT_TEST(opening_refuses_or_converts),
        UNIT_TEST(a_converted_file_has_the_old_ones_mode),
        UNIT_TEST(a_conversion_in_the_way_is_refused),
        UNIT_TEST(a_damaged_file_stays),
    };

    return unit_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
