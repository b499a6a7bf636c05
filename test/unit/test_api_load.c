/* test_api_load.c - rows that an appender inserts whole pages at a time: who sees them, what is
 * undone, what a crash leaves, and what is in the way.
 *
 * Each fact is compared with what INSERT gives, or known from the numbers that were appended. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include "base/rng.h"

#include <stdio.h>
#include <string.h>

/* Rounds of chance. */
#define LOAD_ROUNDS 6U

/* Append rows (id, number, text) from `first` on; ids are not given when `is_given` is 0. */
static velo_status
load_rows(velo_connection *connection, int64_t first, int64_t count, int is_given)
{
    velo_appender *appender = NULL;
    velo_status st = velo_appender_begin(connection, NULL, "t", NULL, &appender);

    for (int64_t i = first; st == VELO_OK && i < first + count; i++) {
        uint64_t product = (uint64_t)i * 7; /* the last ones do not fit */
        char text[40];

        (void)snprintf(text, sizeof text, "%lld", (long long)product);
        st = is_given ? velo_append_int64(appender, i) : velo_append_null(appender);
        if (st == VELO_OK)
            st = velo_append_text(appender, text, -1);
        (void)snprintf(text, sizeof text, "text %lld", (long long)(i % 100));
        if (st == VELO_OK)
            st = velo_append_text(appender, text, -1);
        if (st == VELO_OK)
            st = velo_append_row(appender);
    }
    if (appender == NULL)
        return st;
    return st == VELO_OK ? velo_appender_end(appender) : ((void)velo_appender_end(appender), st);
}

/* What a table with the rows 1 to `count` gives. */
static const char *
load_wanted(int64_t count)
{
    long long sum = count * (count + 1) / 2;
    static char text[120];

    (void)snprintf(text, sizeof text, "%lld,%lld,%lld,integer|ok", (long long)count, sum, sum * 7);
    return text;
}

static const char load_probe[] =
    "SELECT count(*), sum(id), sum(n), max(typeof(n)) FROM t; PRAGMA integrity_check";
static const char load_table[] = "CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER, s TEXT)";

static void
pages_are_filled(void)
{
    for (int is_given = 0; is_given < 2; is_given++) {
        velo_connection *connection = api_run_open(NULL);

        CHECK_RUN(connection, load_table, "");
        CHECK_EQ(load_rows(connection, 1, 20000, is_given), VELO_OK);
        CHECK_RUN(connection, load_probe, load_wanted(20000));
        CHECK_RUN(connection, "SELECT n, s FROM t WHERE id = 12345", "86415,text 45");
        CHECK_RUN(connection, "INSERT INTO t(n) VALUES(1) RETURNING id", "20001");
        CHECK_RUN(connection, "DELETE FROM t WHERE id > 20000", "");
        CHECK_EQ(load_rows(connection, 20001, 3, is_given), VELO_OK);
        CHECK_EQ(load_rows(connection, 20004, 997, is_given), VELO_OK);
        CHECK_RUN(connection, load_probe, load_wanted(21000));
        CHECK_EQ(velo_close(connection), VELO_OK);
    }
}

static void
others_see_all_or_nothing(void)
{
    velo_connection *one = api_run_open("seen.db");
    velo_connection *two = api_run_open("seen.db");

    CHECK_RUN(one, load_table, "");
    CHECK_EQ(load_rows(one, 1, 1000, 0), VELO_OK);
    CHECK_RUN(two, "BEGIN; SELECT count(*) FROM t", "1000");
    CHECK_RUN(one, "BEGIN", "");
    CHECK_EQ(load_rows(one, 1001, 9000, 0), VELO_OK);
    CHECK_RUN(one, "SELECT count(*) FROM t", "10000");
    CHECK_RUN(two, "SELECT count(*), max(id) FROM t; SELECT * FROM t WHERE id = 5000", "1000,1000");
    CHECK_RUN(one, "COMMIT", "");
    CHECK_RUN(two, "SELECT count(*), max(id) FROM t; COMMIT", "1000,1000");
    CHECK_RUN(two, load_probe, load_wanted(10000));
    CHECK_EQ(velo_close(two), VELO_OK);
    CHECK_EQ(velo_close(one), VELO_OK);
}

static void
loads_are_undone(void)
{
    velo_connection *connection = api_run_open("undone.db");

    CHECK_RUN(connection, load_table, "");
    CHECK_EQ(load_rows(connection, 1, 500, 1), VELO_OK);
    CHECK_RUN(connection, "BEGIN", "");
    CHECK_EQ(load_rows(connection, 501, 9000, 1), VELO_OK);
    CHECK_RUN(connection, "ROLLBACK", "");
    CHECK_RUN(connection, load_probe, load_wanted(500));
    CHECK_RUN(connection, "BEGIN", "");
    CHECK_EQ(load_rows(connection, 501, 1500, 0), VELO_OK);
    CHECK_RUN(connection, "SAVEPOINT s", "");
    CHECK_EQ(load_rows(connection, 2001, 3000, 0), VELO_OK);
    CHECK_RUN(connection, "PRAGMA wal_checkpoint; ROLLBACK TO s", "0,-1,-1");
    api_run_copy("undone.db", "undone1.db");
    CHECK_EQ(load_rows(connection, 2001, 1000, 0), VELO_OK);
    CHECK_RUN(connection, "COMMIT", "");
    CHECK_RUN(connection, load_probe, load_wanted(3000));
    api_run_copy("undone.db", "undone2.db");
    CHECK_EQ(velo_close(connection), VELO_OK);
    connection = api_run_open("undone1.db");
    CHECK_RUN(connection, load_probe, load_wanted(500));
    CHECK_EQ(velo_close(connection), VELO_OK);
    connection = api_run_open("undone2.db");
    CHECK_RUN(connection, load_probe, load_wanted(3000));
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* What a crash leaves is what was committed, wherever a checkpoint falls. */
static void
a_crash_leaves_what_was_committed(void)
{
    velo_connection *connection = api_run_open("crash.db");

    CHECK_RUN(connection, load_table, "");
    CHECK_RUN(connection, "BEGIN", "");
    CHECK_EQ(load_rows(connection, 1, 4000, 0), VELO_OK);
    api_run_copy("crash.db", "crash0.db");
    CHECK_RUN(connection, "COMMIT; PRAGMA wal_checkpoint; BEGIN", "0,-1,-1");
    CHECK_EQ(load_rows(connection, 4001, 4000, 0), VELO_OK);
    api_run_copy("crash.db", "crash1.db");
    CHECK_RUN(connection, "COMMIT", "");
    api_run_copy("crash.db", "crash2.db");
    CHECK_EQ(load_rows(connection, 8001, 2, 0), VELO_OK);
    api_run_copy("crash.db", "crash3.db");
    CHECK_EQ(velo_close(connection), VELO_OK);
    for (int i = 0; i < 4; i++) {
        static const int64_t counts[] = {0, 4000, 8000, 8002};
        char name[20];

        (void)snprintf(name, sizeof name, "crash%d.db", i);
        connection = api_run_open(name);
        if (i == 0)
            CHECK_RUN(connection, "SELECT count(*) FROM t; PRAGMA integrity_check", "0|ok");
        else
            CHECK_RUN(connection, load_probe, load_wanted(counts[i]));
        CHECK_EQ(load_rows(connection, counts[i] + 1, 100, 0), VELO_OK);
        CHECK_RUN(connection, load_probe, load_wanted(counts[i] + 100));
        CHECK_EQ(velo_close(connection), VELO_OK);
    }
}

/* Two who load into one table at a time meet each other's rows, and both get theirs in. */
static void
two_load_one_table(void)
{
    velo_connection *one = api_run_open("two.db");
    velo_connection *two = api_run_open("two.db");

    CHECK_RUN(one, load_table, "");
    CHECK_RUN(one, "BEGIN CONCURRENT", "");
    CHECK_RUN(two, "BEGIN CONCURRENT", "");
    for (int i = 0; i < 4; i++) {
        CHECK_EQ(load_rows(one, 1, 700, 0), VELO_OK);
        CHECK_EQ(load_rows(two, 1, 500, 0), VELO_OK);
    }
    CHECK_RUN(one, "SELECT count(*) FROM t; COMMIT", "2800");
    CHECK_RUN(two, "SELECT count(*) FROM t; ROLLBACK", "2000");
    CHECK_RUN(two, "SELECT count(*), count(DISTINCT id) FROM t; PRAGMA integrity_check",
              "2800,2800|ok");
    CHECK_EQ(velo_close(two), VELO_OK);
    CHECK_EQ(velo_close(one), VELO_OK);
}

/* Rows that lie elsewhere, deleted rows at the end, and rows that are there already. */
static void
what_is_in_the_way_is_met(void)
{
    velo_connection *connection = api_run_open("way.db");

    CHECK_RUN(connection, load_table, "");
    CHECK_EQ(load_rows(connection, 3001, 3000, 1), VELO_OK);
    CHECK_EQ(load_rows(connection, 1, 3000, 1), VELO_OK);
    CHECK_RUN(connection, load_probe, load_wanted(6000));
    CHECK_RUN(connection, "BEGIN; DELETE FROM t WHERE id > 5000", "");
    CHECK_EQ(load_rows(connection, 5001, 1000, 1), VELO_OK);
    CHECK_RUN(connection, "COMMIT", "");
    CHECK_RUN(connection, load_probe, load_wanted(6000));
    CHECK_RUN(connection, "UPDATE t SET s = 'x' WHERE id >= 5990; BEGIN", "");
    CHECK_EQ(load_rows(connection, 6001, 1000, 0), VELO_OK);
    CHECK_STATUS(load_rows(connection, 6500, 1000, 1), VELO_CONSTRAINT_PRIMARYKEY);
    CHECK_TEXT(velo_error_text(connection), "row 1: UNIQUE constraint failed: t.id");
    CHECK_RUN(connection, "COMMIT", "");
    CHECK_RUN(connection, load_probe, load_wanted(7000));
    CHECK_EQ(load_rows(connection, INT64_MAX - 999, 999, 1), VELO_OK);
    CHECK_EQ(load_rows(connection, 1, 100, 0), VELO_OK); /* random ones behind the last number */
    CHECK_RUN(connection, "SELECT count(*) FROM t; PRAGMA integrity_check", "8099|ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* A row may be replaced or passed over, as the table says. */
static void
conflict_clauses_hold(void)
{
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection,
              "CREATE TABLE t(id INTEGER PRIMARY KEY ON CONFLICT REPLACE, n INTEGER NOT NULL ON "
              "CONFLICT IGNORE CHECK(n <> 70), s TEXT)",
              "");
    CHECK_RUN(connection, "INSERT INTO t VALUES(500, 1, 'old')", "");
    CHECK_STATUS(load_rows(connection, 1, 1000, 1), VELO_CONSTRAINT_CHECK);
    CHECK_TEXT(velo_error_text(connection), "row 10: CHECK constraint failed: n <> 70");
    CHECK_RUN(connection, "SELECT * FROM t", "500,1,old");
    CHECK_EQ(load_rows(connection, 11, 990, 1), VELO_OK);
    CHECK_RUN(connection, "SELECT count(*), max(n) FROM t; SELECT * FROM t WHERE id = 500",
              "990,7000|500,3500,text 0");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* What was passed over. */
typedef struct load_passed {
    int64_t rows[8];
    int count;
    int64_t last; /* beyond this one it is not passed over */
} load_passed;

static int
load_pass(void *user, int64_t row, velo_status status, const char *message)
{
    load_passed *passed = user;

    if (((int)status & 0xff) != VELO_CONSTRAINT ||
        strstr(message, "CHECK constraint failed") == NULL)
        unit_failed(__FILE__, __LINE__, "row %lld: %s", (long long)row, message);
    passed->rows[passed->count++ & 7] = row;
    return row > passed->last;
}

static void
bad_rows_are_passed_over(void)
{
    velo_connection *connection = api_run_open(NULL);
    load_passed passed = {.last = 4000};
    velo_appender *appender;

    CHECK_RUN(connection, "CREATE TABLE t(a CHECK(a % 1500 <> 0))", "");
    CHECK_EQ(velo_appender_begin(connection, NULL, "t", NULL, &appender), VELO_OK);
    velo_appender_pass_over(appender, load_pass, &passed);
    for (int i = 1; i <= 4000; i++) {
        CHECK_EQ(velo_append_int64(appender, i), VELO_OK);
        CHECK_EQ(velo_append_row(appender), VELO_OK);
        if (i == 2000)
            CHECK_EQ(velo_appender_flush(appender), VELO_OK);
    }
    CHECK_EQ(velo_appender_flush(appender), VELO_OK);
    CHECK_EQ(passed.count, 2);
    CHECK_EQ(passed.rows[0], 1500);
    CHECK_EQ(passed.rows[1], 3000);
    CHECK_RUN(connection, "SELECT count(*), sum(a) FROM t", "3998,7997500");
    for (int i = 4001; i <= 4600; i++) {
        CHECK_EQ(velo_append_int64(appender, i), VELO_OK);
        CHECK_EQ(velo_append_row(appender), VELO_OK);
    }
    CHECK_STATUS(velo_appender_end(appender), VELO_CONSTRAINT_CHECK);
    CHECK_TEXT(velo_error_text(connection), "row 4500: CHECK constraint failed: a % 1500 <> 0");
    CHECK_RUN(connection, "SELECT count(*) FROM t", "3998");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* Random sizes of rows, some with values that have pages of their own, against INSERT. */
static void
rows_of_all_sizes_are_loaded(void)
{
    static char bytes[70000];
    velo_connection *connection = api_run_open("sizes.db");
    velo_appender *appender;
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)('a' + i % 26);
    CHECK_RUN(connection, "CREATE TABLE t(a, b, c); CREATE TABLE u(a, b, c); BEGIN", "");
    CHECK_EQ(velo_appender_begin(connection, NULL, "t", NULL, &appender), VELO_OK);
    for (int i = 0; i < 2000; i++) {
        int64_t size = (int64_t)vl_rng_below(&rng, 300);

        if (vl_rng_below(&rng, 60) == 0)
            size = (int64_t)vl_rng_below(&rng, sizeof bytes);
        CHECK_EQ(velo_append_int64(appender, i), VELO_OK);
        CHECK_EQ(velo_append_text(appender, bytes, size), VELO_OK);
        CHECK_EQ(velo_append_blob(appender, bytes, size / 3), VELO_OK);
        CHECK_EQ(velo_append_row(appender), VELO_OK);
    }
    CHECK_EQ(velo_appender_end(appender), VELO_OK);
    CHECK_RUN(connection, "INSERT INTO u SELECT * FROM t ORDER BY rowid; COMMIT", "");
    api_run_copy("sizes.db", "sizes1.db");
    CHECK_EQ(velo_close(connection), VELO_OK);
    connection = api_run_open("sizes1.db");
    CHECK_RUN(connection,
              "SELECT count(*) FROM t JOIN u ON t.rowid = u.rowid WHERE t.a IS u.a AND t.b IS u.b "
              "AND t.c IS u.c AND typeof(t.c) = 'blob' AND t.a = t.rowid - 1; PRAGMA "
              "integrity_check",
              "2000|ok");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* ---- by chance ---- */

/* Append rows behind the others; one of those at the end may be bad, so that all are undone. */
static void
load_append(velo_connection *connection, int64_t count, int is_bad)
{
    velo_appender *appender = NULL;
    velo_status st = velo_appender_begin(connection, NULL, "t", NULL, &appender);

    for (int64_t i = 0; st == VELO_OK && i < count; i++) {
        st = velo_append_null(appender);
        if (st == VELO_OK)
            st = velo_append_int64(appender, is_bad && i >= count - 2 ? -1 : i % 200);
        if (st == VELO_OK)
            st = velo_append_text(appender, "appended", 1 + i % 7);
        if (st == VELO_OK)
            st = velo_append_row(appender);
    }
    if (appender != NULL)
        (void)velo_appender_end(appender); /* it may be refused */
}

/* A statement of chance. */
static void
load_make_text(vl_rng *rng, char *sql, size_t size)
{
    static const char *const texts[] = {
        "INSERT INTO t(n, s) VALUES (%u, 'one')",
        "INSERT INTO t(n, s) SELECT n + 1, %u FROM t WHERE id < 40",
        "DELETE FROM t WHERE id > (SELECT max(id) - %u FROM t)",
        "UPDATE t SET n = n + 1 WHERE id > (SELECT max(id) - %u FROM t)",
        "INSERT OR REPLACE INTO t(id, n) SELECT id, n + 2 FROM t WHERE id %% 50 = %u",
        "INSERT INTO u(a) VALUES (%u)",
        "SAVEPOINT s%u",
        "ROLLBACK TO s%u",
        "RELEASE s%u",
        "BEGIN -- %u",
        "COMMIT -- %u",
        "ROLLBACK -- %u",
    };
    uint64_t at = vl_rng_below(rng, 26);
    unsigned below;

    at = at < 12 ? at : at < 16 ? 6 : at < 20 ? 7 : at < 21 ? 9 : at < 24 ? 0 : 5;
    below = at == 2 || at == 3 ? 300 : at >= 6 && at <= 8 ? 2 : 50;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(sql, size, texts[at], (unsigned)vl_rng_below(rng, below));
#pragma GCC diagnostic pop
}

/* What stands in a database. */
static const char load_content[] =
    "SELECT count(*), total(id), total(n), total(length(s)) FROM t; SELECT count(*), total(a), "
    "max(rowid) FROM u NOT INDEXED; SELECT count(*), total(a) FROM u WHERE a > -1";

/* An image of a database now has what was committed, as another connection sees it. */
static void
load_check_image(const char *name, velo_connection *other)
{
    char wanted[400];
    velo_connection *copy;

    (void)snprintf(wanted, sizeof wanted, "%s", api_run(other, load_content));
    api_run_copy(name, "chance_image.db");
    copy = api_run_open("chance_image.db");
    CHECK_RUN(copy, load_content, wanted);
    CHECK_RUN(copy, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(copy), VELO_OK);
}

static void
load_take_chances(const char *name, vl_rng *rng)
{
    velo_connection *connection = api_run_open(name);
    velo_connection *other = api_run_open(name);
    char sql[200];

    CHECK_RUN(connection,
              "CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER CHECK (n >= 0), s TEXT);"
              "CREATE TABLE u(a); CREATE INDEX ua ON u(a)",
              "");
    for (unsigned i = 0; i < 150 && !unit_has_failed(); i++) {
        if (vl_rng_chance(rng, 1, 3)) {
            load_append(connection, 1 + (int64_t)vl_rng_below(rng, 600), vl_rng_chance(rng, 1, 6));
        } else {
            load_make_text(rng, sql, sizeof sql);
            (void)api_run(connection, sql); /* it may be refused */
        }
        if (vl_rng_chance(rng, 1, 10))
            (void)api_run(other, "PRAGMA wal_checkpoint");
        if (vl_rng_chance(rng, 1, 20))
            load_check_image(name, other);
    }
    (void)api_run(connection, "COMMIT");
    load_check_image(name, other);
    CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(other), VELO_OK);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* Loads, rows by themselves, savepoints and checkpoints: a crash leaves what was committed. */
static void
loads_survive_crashes_by_chance(void)
{
    for (unsigned round = 0; round < LOAD_ROUNDS && !unit_has_failed(); round++) {
        char name[32];
        vl_rng rng;

        vl_rng_init(&rng, unit_seed() + round);
        (void)snprintf(name, sizeof name, "chance%u.db", round);
        load_take_chances(name, &rng);
    }
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(pages_are_filled),
        UNIT_TEST(others_see_all_or_nothing),
        UNIT_TEST(loads_are_undone),
        UNIT_TEST(a_crash_leaves_what_was_committed),
        UNIT_TEST(two_load_one_table),
        UNIT_TEST(what_is_in_the_way_is_met),
        UNIT_TEST(conflict_clauses_hold),
        UNIT_TEST(bad_rows_are_passed_over),
        UNIT_TEST(rows_of_all_sizes_are_loaded),
        UNIT_TEST(loads_survive_crashes_by_chance),
    };

    return unit_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
