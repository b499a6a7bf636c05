/* test_api_sequence.c - AUTOINCREMENT and sqlite_sequence (31, item 13), by one connection and by
 * many. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include "base/platform.h"

#include <pthread.h>
#include <stdio.h>

static velo_connection *
sequence_make(const char *name)
{
    velo_connection *db = api_run_open(name);

    (void)api_run(db, "CREATE TABLE t(i INTEGER PRIMARY KEY AUTOINCREMENT, x)");
    return db;
}

/* What SQLite does too. */
static void
sequence_is_a_table(void)
{
    velo_connection *db = sequence_make(NULL);

    CHECK_RUN(db, "INSERT INTO t(x) VALUES (1), (2), (3); SELECT * FROM sqlite_sequence", "t,3");
    CHECK_RUN(db, "DELETE FROM t; INSERT INTO t(x) VALUES (1) RETURNING i", "4");
    CHECK_RUN(db, "UPDATE sqlite_sequence SET seq = 10 WHERE name = 't'", "");
    CHECK_RUN(db, "INSERT INTO t(x) VALUES (1) RETURNING i", "11");
    CHECK_RUN(db, "UPDATE sqlite_sequence SET seq = 0; INSERT INTO t(x) VALUES (1) RETURNING i",
              "12");
    CHECK_RUN(db, "DELETE FROM t; DELETE FROM sqlite_sequence", "");
    CHECK_RUN(db, "INSERT INTO t(x) VALUES (1), (2); SELECT i FROM t", "1|2");
    CHECK_RUN(db, "INSERT INTO t VALUES (20, 1); INSERT INTO t(x) VALUES (1) RETURNING i", "21");
    CHECK_RUN(db,
              "INSERT INTO sqlite_sequence VALUES ('u', 5), ('u', 6); SELECT * FROM "
              "sqlite_sequence; SELECT count(*) FROM sqlite_sequence",
              "t,21|u,5|u,6|3");
    CHECK_RUN(db, "DELETE FROM sqlite_sequence WHERE name = 'u'; SELECT changes()", "2");
    CHECK_RUN(db, "INSERT INTO t VALUES (9223372036854775807, 1); INSERT INTO t(x) VALUES (1)",
              "!database or disk is full");
    CHECK_RUN(db, "SELECT seq FROM sqlite_sequence", "9223372036854775807");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
sequence_goes_back_with_its_transaction(void)
{
    velo_connection *db = sequence_make(NULL);

    CHECK_RUN(db, "INSERT INTO t(x) VALUES (1)", "");
    CHECK_RUN(db, "BEGIN; INSERT INTO t(x) VALUES (2), (3); SELECT seq FROM sqlite_sequence", "3");
    CHECK_RUN(db, "ROLLBACK; SELECT seq FROM sqlite_sequence", "1");
    CHECK_RUN(db, "BEGIN; INSERT INTO t(x) VALUES (2); SAVEPOINT a; INSERT INTO t(x) VALUES (3)",
              "");
    CHECK_RUN(db, "ROLLBACK TO a; INSERT INTO t(x) VALUES (4) RETURNING i", "3");
    CHECK_RUN(db, "COMMIT; SELECT i FROM t; SELECT seq FROM sqlite_sequence", "1|2|3|3");
    /* Also what the application has written there. */
    CHECK_RUN(db, "BEGIN; DELETE FROM t; DELETE FROM sqlite_sequence", "");
    CHECK_RUN(db, "INSERT INTO t(x) VALUES (1) RETURNING i", "1");
    CHECK_RUN(db, "ROLLBACK; INSERT INTO t(x) VALUES (1) RETURNING i", "4");
    CHECK_RUN(db,
              "BEGIN; UPDATE sqlite_sequence SET seq = 50; INSERT INTO t(x) VALUES (1) RETURNING i",
              "51");
    CHECK_RUN(db, "COMMIT; INSERT INTO t(x) VALUES (1) RETURNING i", "52");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* Two transactions at a time, each with statements of its own snapshot. */
static void
sequence_makes_no_conflict(void)
{
    velo_connection *one = sequence_make("two");
    velo_connection *other = api_run_open("two");

    CHECK_RUN(one, "INSERT INTO t(x) VALUES (1)", "");
    CHECK_RUN(one, "BEGIN CONCURRENT; INSERT INTO t(x) VALUES (2) RETURNING i", "2");
    CHECK_RUN(other, "BEGIN CONCURRENT; INSERT INTO t(x) VALUES (3) RETURNING i", "3");
    CHECK_RUN(one, "INSERT INTO t(x) VALUES (4) RETURNING i; SELECT * FROM sqlite_sequence",
              "4|t,4");
    CHECK_RUN(other, "INSERT INTO t(x) VALUES (5) RETURNING i; SELECT * FROM sqlite_sequence",
              "5|t,5");
    CHECK_RUN(one, "COMMIT", "");
    CHECK_RUN(other, "INSERT INTO t(x) VALUES (6) RETURNING i; COMMIT", "6");
    CHECK_RUN(one, "SELECT i, x FROM t; SELECT rowid > 0, * FROM sqlite_sequence",
              "1,1|2,2|3,3|4,4|5,5|6,6|1,t,6");
    CHECK_RUN(one, "SELECT count(*), max(seq), sum(seq) FROM sqlite_sequence", "1,6,6");
    CHECK_RUN(one, "SELECT seq FROM sqlite_sequence WHERE name = 't' ORDER BY rowid DESC", "6");
    /* Who is alone puts the rows together; who changes them changes all. */
    CHECK_RUN(one, "UPDATE sqlite_sequence SET seq = 0; SELECT changes()", "1");
    CHECK_RUN(one, "SELECT * FROM sqlite_sequence; INSERT INTO t(x) VALUES (7) RETURNING i",
              "t,0|7");
    CHECK_RUN(one, "BEGIN CONCURRENT; INSERT INTO t(x) VALUES (8)", "");
    CHECK_RUN(other, "INSERT INTO t(x) VALUES (9) RETURNING i", "9");
    CHECK_RUN(one, "COMMIT; DELETE FROM t; DELETE FROM sqlite_sequence; SELECT changes()", "1");
    CHECK_RUN(other,
              "SELECT count(*) FROM sqlite_sequence; INSERT INTO t(x) VALUES (1) RETURNING i",
              "0|1");
    CHECK_EQ(velo_close(one), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
}

/* A number is not given again though its row is gone, whoever of both was given the greater one. */
static void
sequence_gives_nothing_twice(void)
{
    velo_connection *one = sequence_make("twice");
    velo_connection *other = api_run_open("twice");

    CHECK_RUN(one, "INSERT INTO t(x) VALUES (1); BEGIN CONCURRENT; SELECT count(*) FROM t", "1");
    CHECK_RUN(other, "INSERT INTO t(x) VALUES (2) RETURNING i; DELETE FROM t WHERE i = 2", "2");
    CHECK_RUN(one, "INSERT INTO t(x) VALUES (3) RETURNING i", "3");
    CHECK_RUN(other, "BEGIN CONCURRENT; INSERT INTO t(x) VALUES (4); DELETE FROM t WHERE x = 4",
              "");
    CHECK_RUN(one, "ROLLBACK; INSERT INTO t(x) VALUES (5) RETURNING i", "5");
    CHECK_RUN(other, "COMMIT; DELETE FROM t; INSERT INTO t(x) VALUES (6) RETURNING i", "6");
    /* The greatest is undone beside an open transaction, which may have deleted one below. */
    CHECK_RUN(one, "BEGIN CONCURRENT; INSERT INTO t(x) VALUES (7); DELETE FROM t WHERE x = 7", "");
    CHECK_RUN(other, "BEGIN CONCURRENT; INSERT INTO t(x) VALUES (8); ROLLBACK", "");
    CHECK_RUN(one, "COMMIT", "");
    CHECK_RUN(other, "INSERT INTO t(x) VALUES (9) RETURNING i", "9");
    /* A rowid of the application's own counts, also before it commits. */
    CHECK_RUN(one, "BEGIN CONCURRENT; INSERT INTO t VALUES (100, 0); DELETE FROM t WHERE i = 100",
              "");
    CHECK_RUN(other, "INSERT INTO t(x) VALUES (10) RETURNING i", "101");
    CHECK_RUN(one, "COMMIT; INSERT INTO t(x) VALUES (11) RETURNING i", "102");
    CHECK_EQ(velo_close(one), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
}

/* A crash that leaves committed rows, deleted ones among them, and transactions that were open. */
static void
sequence_survives_a_crash(void)
{
    velo_connection *one = sequence_make("crash");
    velo_connection *other = api_run_open("crash");
    velo_connection *copy;

    CHECK_RUN(one, "INSERT INTO t(x) VALUES (1), (2), (3); PRAGMA wal_checkpoint", "0,-1,-1");
    CHECK_RUN(one, "BEGIN CONCURRENT; INSERT INTO t(x) VALUES (4)", "");
    CHECK_RUN(other, "INSERT INTO t(x) VALUES (5); DELETE FROM t WHERE x > 1", "");
    CHECK_RUN(other, "SELECT count(*) FROM t", "1");
    api_run_copy("crash", "image");
    copy = api_run_open("image");
    CHECK_RUN(copy, "SELECT i FROM t; SELECT * FROM sqlite_sequence", "1|t,5");
    CHECK_RUN(copy, "INSERT INTO t(x) VALUES (1) RETURNING i; PRAGMA integrity_check", "6|ok");
    CHECK_EQ(velo_close(copy), VELO_OK);
    CHECK_RUN(one, "COMMIT", "");
    api_run_copy("crash", "image2");
    copy = api_run_open("image2");
    CHECK_RUN(copy, "SELECT * FROM sqlite_sequence; INSERT INTO t(x) VALUES (1) RETURNING i",
              "t,5|6");
    CHECK_EQ(velo_close(copy), VELO_OK);
    CHECK_EQ(velo_close(one), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
    one = api_run_open("crash");
    CHECK_RUN(one, "INSERT INTO t(x) VALUES (1) RETURNING i; SELECT * FROM sqlite_sequence",
              "6|t,6");
    CHECK_EQ(velo_close(one), VELO_OK);
}

/* ---- threads ---- */

#define SEQUENCE_THREADS 4
#define SEQUENCE_TURNS   40

/* A thread that inserts, with or without committing, and deletes what it has inserted before. */
typedef struct sequence_worker {
    pthread_t thread;
    velo_connection *connection;
    int number;
    velo_status failed;
} sequence_worker;

static void *
sequence_work(void *argument)
{
    sequence_worker *self = argument;
    char sql[400];

    for (int i = 0; i < SEQUENCE_TURNS && self->failed == VELO_OK; i++) {
        (void)snprintf(sql, sizeof sql,
                       "BEGIN CONCURRENT; INSERT INTO t(x) VALUES (%d), (%d); "
                       "INSERT INTO seen SELECT i, x FROM t WHERE x = %d; "
                       "INSERT INTO t(x) VALUES (-1); DELETE FROM t WHERE x = %d; %s",
                       self->number, self->number, self->number, self->number,
                       i % 5 == 4 ? "ROLLBACK" : "COMMIT");
        self->failed = velo_exec(self->connection, sql, NULL, NULL);
    }
    return NULL;
}

static void
sequence_is_drawn_from_by_many(void)
{
    velo_connection *db = sequence_make("many");
    sequence_worker workers[SEQUENCE_THREADS];

    CHECK_RUN(db, "PRAGMA synchronous = OFF; CREATE TABLE seen(i, x); CREATE INDEX tx ON t(x)", "");
    for (int i = 0; i < SEQUENCE_THREADS; i++) {
        workers[i] = (sequence_worker){.connection = api_run_open("many"), .number = i};
        CHECK_RUN(workers[i].connection, "PRAGMA synchronous = OFF", "");
    }
    for (int i = 0; i < SEQUENCE_THREADS; i++)
        CHECK_EQ(pthread_create(&workers[i].thread, NULL, sequence_work, &workers[i]), 0);
    for (int i = 0; i < SEQUENCE_THREADS; i++) {
        CHECK_EQ(pthread_join(workers[i].thread, NULL), 0);
        CHECK_EQ(workers[i].failed, VELO_OK); /* no conflict, no wait that gives up */
        CHECK_EQ(velo_close(workers[i].connection), VELO_OK);
    }
    CHECK_RUN(db, "SELECT count(*) - count(DISTINCT i), count(*) FROM seen", "0,256");
    CHECK_RUN(db, "SELECT count(*) FROM seen JOIN t USING (i)", "0");
    CHECK_RUN(db, "SELECT count(*), max(seq) >= (SELECT max(i) FROM seen) FROM sqlite_sequence",
              "1,1");
    CHECK_RUN(db,
              "INSERT INTO t(x) VALUES (7); SELECT (SELECT i FROM t WHERE x = 7) > max(i), "
              "(SELECT i FROM t WHERE x = 7) = (SELECT seq FROM sqlite_sequence) FROM seen",
              "1,1");
    CHECK_RUN(db, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* A request for memory that fails at any place leaves all as it was. */
static void
sequence_survives_each_failure(void)
{
    velo_connection *one = sequence_make("nth");
    velo_connection *other = api_run_open("nth");

    CHECK_RUN(one, "BEGIN CONCURRENT; INSERT INTO t(x) VALUES (1)", "");
    CHECK_RUN(other, "INSERT INTO t(x) VALUES (2)", "");
    CHECK_RUN(one, "COMMIT", "");
    CHECK(api_run_each_failure(one, "UPDATE sqlite_sequence SET seq = seq + 10", 1,
                               "SELECT * FROM sqlite_sequence", "t,2") > 0);
    CHECK(api_run_each_failure(one, "INSERT INTO t(x) VALUES (3)", 1,
                               "SELECT * FROM sqlite_sequence; SELECT count(*) FROM t",
                               "t,12|2") > 0);
    CHECK_RUN(one, "SELECT * FROM sqlite_sequence; SELECT max(i) FROM t", "t,13|13");
    CHECK_EQ(velo_close(one), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(sequence_is_a_table),
        UNIT_TEST(sequence_goes_back_with_its_transaction),
        UNIT_TEST(sequence_makes_no_conflict),
        UNIT_TEST(sequence_gives_nothing_twice),
        UNIT_TEST(sequence_survives_a_crash),
        UNIT_TEST(sequence_is_drawn_from_by_many),
        UNIT_TEST(sequence_survives_each_failure),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
