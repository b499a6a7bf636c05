/* test_api_races.c - threads that insert into the same tables: appenders that load whole pages,
 * single rows with indexes, rollbacks to savepoints, deletions at the end, and readers.
 *
 * What is certain whatever the order: a transaction adds rows whose numbers give 0, so no reader
 * ever sees another sum; in the end there are as many rows as were committed. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include "base/rng.h"

#include <pthread.h>
#include <stdio.h>

#define RACES_WRITERS 3U
#define RACES_STEPS   30U

/* A thread. */
typedef struct races_thread {
    pthread_t thread;
    velo_connection *connection; /* its own */
    vl_rng rng;                  /* its own */
    int64_t loaded;              /* rows of t that it has committed */
    int64_t inserted;            /* rows of u */
    int64_t wrong;               /* sums that were not 0, and errors that cannot be */
    char said[200];              /* of the last of these */
} races_thread;

static velo_status
races_exec(races_thread *self, const char *sql)
{
    velo_status st = velo_exec(self->connection, sql, NULL, NULL);
    int code = (int)st & 0xff;

    if (st != VELO_OK && code != VELO_BUSY && code != VELO_CONSTRAINT) {
        self->wrong++;
        (void)snprintf(self->said, sizeof self->said, "%.100s: %.90s", sql,
                       velo_error_text(self->connection));
    }
    return st;
}

/* Append pairs of rows whose numbers give 0. */
static velo_status
races_load(races_thread *self, int64_t pairs)
{
    velo_appender *appender = NULL;
    velo_status st = velo_appender_begin(self->connection, NULL, "t", NULL, &appender);

    for (int64_t i = 0; st == VELO_OK && i < 2 * pairs; i++) {
        st = velo_append_null(appender);
        if (st == VELO_OK)
            st = velo_append_int64(appender, i % 2 == 0 ? i : 1 - i);
        if (st == VELO_OK)
            st = velo_append_row(appender);
    }
    if (appender == NULL)
        return st;
    if (st == VELO_OK)
        return velo_appender_end(appender);
    (void)velo_appender_end(appender);
    return st;
}

/* Insert a pair of rows with an entry each. */
static velo_status
races_insert(races_thread *self)
{
    char sql[80];
    int number = (int)vl_rng_below(&self->rng, 4);
    velo_status st;

    (void)snprintf(sql, sizeof sql, "INSERT INTO u(a) VALUES (%d)", number);
    st = races_exec(self, sql);
    (void)snprintf(sql, sizeof sql, "INSERT INTO u(a) VALUES (%d)", -number);
    return st == VELO_OK ? races_exec(self, sql) : st;
}

/* One transaction; what it adds counts when it is committed. */
static void
races_write(races_thread *self)
{
    int64_t pairs = 1 + (int64_t)vl_rng_below(&self->rng, 120), loaded = 2 * pairs, inserted = 0;
    int goes_back = vl_rng_chance(&self->rng, 1, 4);
    velo_status st = races_exec(self, "BEGIN CONCURRENT");

    if (st == VELO_OK)
        st = races_load(self, pairs);
    for (unsigned i = 0; st == VELO_OK && i < 3; i++, inserted += 2)
        st = races_insert(self);
    if (st == VELO_OK && goes_back) {
        st = races_exec(self, "SAVEPOINT s");
        if (st == VELO_OK)
            st = races_load(self, 50);
        if (st == VELO_OK)
            st = races_insert(self);
        if (st == VELO_OK)
            st = races_exec(self, "ROLLBACK TO s");
    }
    if (st == VELO_OK && vl_rng_chance(&self->rng, 1, 3)) {
        st = races_load(self, 20);
        loaded += 40;
    }
    if (st == VELO_OK && !vl_rng_chance(&self->rng, 1, 5))
        st = races_exec(self, "COMMIT");
    else
        loaded = inserted = 0;
    if (velo_in_transaction(self->connection)) {
        (void)races_exec(self, "ROLLBACK");
        loaded = inserted = 0;
    }
    self->loaded += loaded;
    self->inserted += inserted;
}

static void *
races_write_main(void *argument)
{
    races_thread *self = argument;

    for (unsigned i = 0; i < RACES_STEPS; i++)
        races_write(self);
    return NULL;
}

static int
races_take_sum(void *user, int count, const char *const *values, const char *const *names)
{
    races_thread *self = user;

    (void)count;
    (void)names;
    if (values[0][0] != '0' || values[0][1] != 0) {
        self->wrong++;
        (void)snprintf(self->said, sizeof self->said, "sum %s", values[0]);
    }
    return 0;
}

static void *
races_read_main(void *argument)
{
    races_thread *self = argument;

    for (unsigned i = 0; i < 2 * RACES_STEPS; i++) {
        if (velo_exec(self->connection,
                      "SELECT coalesce(sum(n), 0) FROM t;"
                      "SELECT coalesce(sum(a), 0) FROM u NOT INDEXED;"
                      "SELECT coalesce(sum(a), 0) FROM u WHERE a > -10",
                      races_take_sum, self) != VELO_OK)
            self->wrong++;
        if (i % 8 == 0)
            (void)races_exec(self, "PRAGMA wal_checkpoint");
    }
    return NULL;
}

static void
races_run(const char *name, velo_connection *(*open)(const char *), const char *table)
{
    races_thread threads[RACES_WRITERS + 1] = {0};
    char wanted[200];
    int64_t loaded = 0, inserted = 0;
    velo_connection *own = open(name);

    CHECK_RUN(own, table, "");
    for (unsigned i = 0; i <= RACES_WRITERS; i++) {
        threads[i].connection = open(name);
        vl_rng_init(&threads[i].rng, unit_seed() + i);
        (void)velo_exec(threads[i].connection, "PRAGMA busy_timeout = 20000", NULL, NULL);
    }
    for (unsigned i = 0; i <= RACES_WRITERS; i++)
        CHECK_EQ(pthread_create(&threads[i].thread, NULL,
                                i < RACES_WRITERS ? races_write_main : races_read_main,
                                &threads[i]),
                 0);
    for (unsigned i = 0; i <= RACES_WRITERS; i++) {
        CHECK_EQ(pthread_join(threads[i].thread, NULL), 0);
        CHECK_TEXT(threads[i].said, "");
        CHECK_EQ(threads[i].wrong, 0);
        loaded += threads[i].loaded;
        inserted += threads[i].inserted;
        CHECK_EQ(velo_close(threads[i].connection), VELO_OK);
    }
    CHECK(loaded > 0 && inserted > 0);
    (void)snprintf(wanted, sizeof wanted, "%lld,%lld,0|%lld,%lld,0|%lld|ok", (long long)loaded,
                   (long long)loaded, (long long)inserted, (long long)inserted,
                   (long long)inserted);
    CHECK_RUN(own,
              "SELECT count(*), count(DISTINCT id), sum(n) FROM t; SELECT count(*), count(DISTINCT "
              "rowid), sum(a) FROM u NOT INDEXED; SELECT count(*) FROM u WHERE a > -10;"
              "PRAGMA integrity_check",
              wanted);
    CHECK_EQ(velo_close(own), VELO_OK);
}

static void
who_loads_beside_others_loses_nothing(void)
{
    races_run("races.db", api_run_open,
              "CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER); CREATE TABLE u(a);"
              "CREATE INDEX ua ON u(a)");
}

static velo_connection *
races_open_shared(const char *name)
{
    velo_connection *connection = NULL;
    velo_open_options options = {.size = sizeof options};

    options.memory_name = name;
    if (velo_open(NULL, &options, &connection) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", velo_error_text(connection));
    return connection;
}

/* In memory, who commits collects. */
static void
the_same_in_memory(void)
{
    races_run("races", races_open_shared,
              "CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER); CREATE TABLE u(a);"
              "CREATE INDEX ua ON u(a)");
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(who_loads_beside_others_loses_nothing),
        UNIT_TEST(the_same_in_memory),
    };

    return unit_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
