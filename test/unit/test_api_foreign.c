/* test_api_foreign.c - foreign keys, through the public interface. What is expected was seen in
 * SQLite. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include "base/alloc.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static velo_connection *
foreign_open(const char *name, const char *sql)
{
    velo_connection *connection = NULL;

    if (velo_open(name == NULL ? NULL : unit_path(name), NULL, &connection) != VELO_OK ||
        velo_exec(connection, "PRAGMA foreign_keys = ON", NULL, NULL) != VELO_OK ||
        velo_exec(connection, sql, NULL, NULL) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", velo_error_text(connection));
    return connection;
}

#define FOREIGN_FAILED "!FOREIGN KEY constraint failed"

/* ---- keys ---- */

static void
children_need_a_parent(void)
{
    velo_connection *db =
        foreign_open(NULL, "CREATE TABLE p(id INTEGER PRIMARY KEY, a TEXT UNIQUE, b);"
                           "CREATE TABLE c(x INTEGER PRIMARY KEY, p REFERENCES p, a REFERENCES "
                           "p(a)); INSERT INTO p VALUES (1, 'one', 0), (2, 'two', 0)");

    CHECK_RUN(db, "INSERT INTO c VALUES (1, 1, 'one'), (2, '2', NULL), (3, NULL, 'two')", "");
    CHECK_EQ(velo_exec(db, "INSERT INTO c VALUES (4, 3, NULL)", NULL, NULL),
             VELO_CONSTRAINT_FOREIGNKEY);
    CHECK_TEXT(velo_error_text(db), "FOREIGN KEY constraint failed");
    CHECK_RUN(db, "INSERT INTO c VALUES (4, 1, 'ONE')", FOREIGN_FAILED);
    CHECK_RUN(db, "INSERT INTO c VALUES (4, 1, NULL), (5, 9, NULL)", FOREIGN_FAILED);
    CHECK_RUN(db, "UPDATE c SET p = 3 WHERE x = 1", FOREIGN_FAILED);
    CHECK_RUN(db, "DELETE FROM p WHERE id = 2", FOREIGN_FAILED);
    CHECK_RUN(db, "UPDATE p SET id = 7 WHERE id = 1", FOREIGN_FAILED);
    CHECK_RUN(db, "UPDATE p SET a = 'eins' WHERE id = 1", FOREIGN_FAILED);
    CHECK_RUN(db, "UPDATE p SET b = 1, id = id, a = a", "");
    CHECK_RUN(db, "DELETE FROM c WHERE x = 2; UPDATE c SET a = NULL WHERE x = 3", "");
    CHECK_RUN(db, "DELETE FROM p WHERE id = 2", "");
    CHECK_RUN(db, "SELECT * FROM c", "1,1,one|3,~,~");
    CHECK_RUN(db, "INSERT OR IGNORE INTO c VALUES (4, 5, NULL)", FOREIGN_FAILED);
    CHECK_RUN(db, "INSERT OR REPLACE INTO p VALUES (1, 'one', 5)", "");
    CHECK_RUN(db, "INSERT OR REPLACE INTO p VALUES (1, 'eins', 5)", FOREIGN_FAILED);
    CHECK_RUN(db, "PRAGMA foreign_key_check", "");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
keys_have_the_parents_affinity_and_collation(void)
{
    velo_connection *db = foreign_open(
        NULL,
        "CREATE TABLE p(a TEXT COLLATE NOCASE, b INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID;"
        "CREATE TABLE c(b TEXT, a, FOREIGN KEY (a, b) REFERENCES p);"
        "CREATE TABLE d(b INTEGER, a, FOREIGN KEY (b, a) REFERENCES p(b, a) ON DELETE CASCADE);"
        "INSERT INTO p VALUES ('x', 1), (5, 2)");

    CHECK_RUN(db, "INSERT INTO c(a, b) VALUES ('X', '1'), (5, 2), (NULL, 8), (8, NULL)", "");
    CHECK_RUN(db, "INSERT INTO d(a, b) VALUES ('X', '1'), (5, 2)", "");
    CHECK_RUN(db, "INSERT INTO c(a, b) VALUES ('x', 2)", FOREIGN_FAILED);
    CHECK_RUN(db, "UPDATE p SET a = 'X' WHERE b = 1", "");
    CHECK_RUN(db, "DELETE FROM p WHERE b = 1", FOREIGN_FAILED);
    CHECK_RUN(db, "DELETE FROM c; DELETE FROM p WHERE b = 1; SELECT * FROM d", "2,5");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
what_lacks_a_parent_key_is_told(void)
{
    velo_connection *db = foreign_open(
        NULL, "CREATE TABLE p(id INTEGER PRIMARY KEY, a, b); CREATE TABLE \"c\"\"d\"(x REFERENCES "
              "p(a)); CREATE TABLE n(x REFERENCES nowhere); CREATE UNIQUE INDEX pa ON p(a) WHERE "
              "b > 0");

    CHECK_RUN(db, "INSERT INTO \"c\"\"d\" VALUES (NULL)",
              "!foreign key mismatch - \"c\"\"d\" referencing \"p\"");
    CHECK_RUN(db, "DELETE FROM p", "!foreign key mismatch - \"c\"\"d\" referencing \"p\"");
    CHECK_RUN(db, "UPDATE p SET b = 1; INSERT INTO p VALUES (1, 1, 1)", "");
    CHECK_RUN(db, "INSERT INTO n VALUES (NULL)", "!no such table: main.nowhere");
    CHECK_RUN(db, "CREATE UNIQUE INDEX pa2 ON p(a); INSERT INTO \"c\"\"d\" VALUES (1)", "");
    CHECK_RUN(db, "DELETE FROM p", FOREIGN_FAILED);
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
a_row_may_be_its_own_parent(void)
{
    velo_connection *db = foreign_open(
        NULL, "CREATE TABLE t(id INTEGER PRIMARY KEY, p REFERENCES t);"
              "CREATE TABLE u(id INTEGER PRIMARY KEY, p REFERENCES u ON UPDATE CASCADE);");

    CHECK_RUN(db, "INSERT INTO t(p) VALUES (1); INSERT INTO t VALUES (2, 1), (3, 2)", "");
    CHECK_RUN(db, "INSERT INTO t VALUES (5, 6), (6, 5)", "");
    CHECK_RUN(db, "INSERT INTO t VALUES (7, 8)", FOREIGN_FAILED);
    CHECK_RUN(db, "DELETE FROM t WHERE id = 1", FOREIGN_FAILED);
    CHECK_RUN(db, "UPDATE t SET id = 9 WHERE id = 3", "");
    CHECK_RUN(db, "UPDATE t SET id = 10, p = 10 WHERE id = 9", "");
    CHECK_RUN(db, "UPDATE t SET id = 11 WHERE id = 10", FOREIGN_FAILED);
    CHECK_RUN(db, "DELETE FROM t; SELECT count(*) FROM t", "0");
    CHECK_RUN(db,
              "INSERT INTO u VALUES (1, 1), (2, 1); UPDATE u SET id = 5 WHERE id = 1;"
              "SELECT * FROM u",
              "2,5|5,5");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ---- actions ---- */

static void
actions_change_children(void)
{
    velo_connection *db = foreign_open(
        NULL, "CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES (0), (1), (2), (3);"
              "CREATE TABLE c(x INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE ON UPDATE "
              "CASCADE); CREATE TABLE n(p REFERENCES p ON DELETE SET NULL ON UPDATE SET NULL);"
              "CREATE TABLE d(p DEFAULT 0 REFERENCES p ON DELETE SET DEFAULT ON UPDATE SET "
              "DEFAULT); CREATE TABLE g(c REFERENCES c ON DELETE CASCADE);"
              "CREATE TABLE log(s); CREATE TRIGGER r AFTER DELETE ON g BEGIN INSERT INTO log "
              "VALUES ('g' || OLD.c); END; INSERT INTO c VALUES (10, 1), (11, 1), (12, 2);"
              "INSERT INTO n VALUES (1), (3); INSERT INTO d VALUES (1), (2);"
              "INSERT INTO g VALUES (10), (12), (10)");

    CHECK_RUN(db, "DELETE FROM p WHERE id = 1; SELECT changes(), total_changes()", "1,23");
    CHECK_RUN(db,
              "SELECT * FROM c; SELECT * FROM n; SELECT * FROM d; SELECT * FROM g; SELECT * "
              "FROM log",
              "12,2|~|3|0|2|12|g10|g10");
    CHECK_RUN(db, "UPDATE p SET id = id + 10 WHERE id > 1; SELECT * FROM p", "0|12|13");
    CHECK_RUN(db, "SELECT * FROM c; SELECT * FROM n; SELECT * FROM d", "12,12|~|~|0|0");
    CHECK_RUN(db, "DELETE FROM p WHERE id = 0", FOREIGN_FAILED);
    CHECK_RUN(db, "REPLACE INTO p VALUES (12); SELECT count(*) FROM c", "0");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
restrict_does_not_wait(void)
{
    velo_connection *db = foreign_open(
        NULL, "CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);"
              "CREATE TABLE r(p REFERENCES p ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED);"
              "INSERT INTO r VALUES (1)");

    CHECK_EQ(velo_exec(db, "BEGIN; DELETE FROM p", NULL, NULL), VELO_CONSTRAINT_TRIGGER);
    CHECK_TEXT(velo_error_text(db), "FOREIGN KEY constraint failed");
    CHECK_RUN(db, "PRAGMA defer_foreign_keys = ON; DELETE FROM p", "");
    CHECK_RUN(db, "COMMIT", FOREIGN_FAILED);
    CHECK_RUN(db, "DELETE FROM r; COMMIT; PRAGMA defer_foreign_keys", "0");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
cascades_go_deep_and_have_a_limit(void)
{
    velo_connection *db = foreign_open(
        NULL, "CREATE TABLE t(id INTEGER PRIMARY KEY, p INTEGER REFERENCES t ON DELETE CASCADE);"
              "CREATE INDEX tp ON t(p)");

    CHECK_RUN(db,
              "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
              "INSERT INTO t SELECT i, nullif(i - 1, 0) FROM n",
              "");
    CHECK_RUN(db, "DELETE FROM t WHERE id = 1; SELECT count(*), changes() FROM t", "0,1");
    CHECK_RUN(db,
              "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)"
              "INSERT INTO t SELECT i, nullif(i - 1, 0) FROM n",
              "");
    CHECK_RUN(db, "DELETE FROM t WHERE id = 1", "!too many levels of trigger recursion");
    CHECK_RUN(db, "SELECT count(*) FROM t; PRAGMA foreign_key_check", "1100");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ---- deferred ---- */

static void
deferred_constraints_wait_for_the_commit(void)
{
    velo_connection *db = foreign_open(
        NULL, "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p DEFERRABLE "
              "INITIALLY DEFERRED)");

    CHECK_RUN(db, "INSERT INTO c VALUES (1)", FOREIGN_FAILED);
    CHECK_RUN(db, "BEGIN; INSERT INTO c VALUES (1)", "");
    CHECK_RUN(db, "COMMIT", FOREIGN_FAILED);
    CHECK_RUN(db, "INSERT INTO p VALUES (1); COMMIT", "");
    CHECK_RUN(db, "BEGIN; DELETE FROM p; SAVEPOINT a; INSERT INTO p VALUES (1); ROLLBACK TO a", "");
    CHECK_RUN(db, "COMMIT", FOREIGN_FAILED);
    CHECK_RUN(db, "DELETE FROM c; COMMIT; SELECT count(*) FROM p", "0");
    CHECK_RUN(db, "SAVEPOINT a; INSERT INTO c VALUES (3); SAVEPOINT b; INSERT INTO c VALUES (4)",
              "");
    CHECK_RUN(db, "ROLLBACK TO b; RELEASE b; INSERT INTO p VALUES (3)", "");
    CHECK_RUN(db, "INSERT INTO c VALUES (5)", "");
    CHECK_RUN(db, "RELEASE a", FOREIGN_FAILED);
    CHECK_RUN(db, "UPDATE c SET p = 3 WHERE p = 5; RELEASE a; SELECT * FROM c", "3|3");
    CHECK_RUN(db, "BEGIN; INSERT INTO c VALUES (8); ROLLBACK; BEGIN; COMMIT", "");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
a_statement_that_fails_gives_back_what_it_counted(void)
{
    velo_connection *db = foreign_open(
        NULL, "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(u UNIQUE, p REFERENCES p "
              "DEFERRABLE INITIALLY DEFERRED)");

    CHECK_RUN(db, "BEGIN; INSERT INTO c VALUES (1, 5), (1, 6)", "!UNIQUE constraint failed: c.u");
    CHECK_RUN(db, "COMMIT", "");
    CHECK_RUN(db, "BEGIN; INSERT OR FAIL INTO c VALUES (1, 5), (1, 6)",
              "!UNIQUE constraint failed: c.u");
    CHECK_RUN(db, "COMMIT", FOREIGN_FAILED);
    CHECK_RUN(db, "INSERT OR ROLLBACK INTO c VALUES (1, 5)", "!UNIQUE constraint failed: c.u");
    CHECK_RUN(db, "BEGIN; COMMIT; SELECT count(*) FROM c", "0");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ---- the switch, dropping, checking ---- */

static void
the_switch_is_the_connections(void)
{
    velo_connection *db = foreign_open("switch", "CREATE TABLE p(id INTEGER PRIMARY KEY);"
                                                 "CREATE TABLE c(p REFERENCES p)");
    velo_connection *other = NULL;
    velo_statement *statement = NULL;

    CHECK_EQ(velo_open(unit_path("switch"), NULL, &other), VELO_OK);
    CHECK_RUN(other, "PRAGMA foreign_keys", "0");
    CHECK_RUN(other, "INSERT INTO c VALUES (7)", "");
    CHECK_RUN(db, "PRAGMA foreign_keys; PRAGMA foreign_key_check", "1|c,1,p,0");
    CHECK_EQ(velo_prepare(db, "INSERT INTO c VALUES (8)", -1, &statement, NULL), VELO_OK);
    CHECK_EQ(velo_step(statement), VELO_CONSTRAINT_FOREIGNKEY);
    (void)velo_reset(statement);
    CHECK_RUN(db, "BEGIN; PRAGMA foreign_keys = OFF; PRAGMA foreign_keys", "1");
    CHECK_RUN(db, "COMMIT; PRAGMA foreign_keys = OFF; PRAGMA foreign_keys", "0");
    CHECK_EQ(velo_step(statement), VELO_DONE);
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK_RUN(db, "PRAGMA foreign_key_check(c); PRAGMA foreign_key_check(p)", "c,1,p,0|c,2,p,0");
    CHECK_EQ(velo_close(db), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
}

static void
dropping_deletes_rows_first(void)
{
    velo_connection *db = foreign_open(
        NULL, "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p REFERENCES p);"
              "CREATE TABLE q(id INTEGER PRIMARY KEY); CREATE TABLE d(q REFERENCES q ON DELETE SET "
              "NULL); CREATE TABLE e(q REFERENCES q DEFERRABLE INITIALLY DEFERRED);"
              "INSERT INTO p VALUES (1); INSERT INTO c VALUES (1); INSERT INTO q VALUES (1), (2);"
              "INSERT INTO d VALUES (1); CREATE TABLE m(x REFERENCES q(none))");

    CHECK_RUN(db, "DROP TABLE p", FOREIGN_FAILED);
    CHECK_RUN(db, "DROP TABLE q; SELECT * FROM d", "~");
    CHECK_RUN(db, "DROP TABLE c; DROP TABLE p", "");
    CHECK_RUN(db,
              "CREATE TABLE q(id INTEGER PRIMARY KEY); INSERT INTO q VALUES (3);"
              "DROP TABLE m; INSERT INTO e VALUES (3)",
              "");
    CHECK_RUN(db, "DROP TABLE q", FOREIGN_FAILED);
    CHECK_RUN(db, "BEGIN; DROP TABLE q", "");
    CHECK_RUN(db, "COMMIT", FOREIGN_FAILED);
    CHECK_RUN(db, "DROP TABLE e; COMMIT; SELECT name FROM sqlite_schema", "d");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
the_check_finds_orphans(void)
{
    velo_connection *db = foreign_open(
        NULL, "PRAGMA foreign_keys = OFF; CREATE TABLE p(a PRIMARY KEY, b, c, UNIQUE (b, c));"
              "CREATE TABLE c(x REFERENCES p, y, z, w REFERENCES gone(q), FOREIGN KEY (z, y) "
              "REFERENCES p(c, b)); CREATE TABLE d(x PRIMARY KEY REFERENCES p) WITHOUT ROWID;"
              "INSERT INTO p VALUES (1, 2, 3); INSERT INTO d VALUES (1), (5);"
              "INSERT INTO c VALUES (1, 2, 3, NULL), (2, 2, 3, 4), (1, 3, 2, 5), (NULL, 2, "
              "NULL, NULL)");

    CHECK_RUN(db, "PRAGMA foreign_key_check", "d,~,p,0|c,2,gone,1|c,2,p,2|c,3,p,0|c,3,gone,1");
    CHECK_RUN(db, "SELECT \"table\", fkid FROM pragma_foreign_key_check('d')", "d,0");
    CHECK_RUN(db, "CREATE TABLE e(x REFERENCES p(b)); PRAGMA foreign_key_check(e)",
              "!foreign key mismatch - \"e\" referencing \"p\"");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ---- several transactions ---- */

/* Tables of which every two transactions below may leave no orphan, whatever their order is. */
static const char interleaved_sql[] =
    "CREATE TABLE p(id INTEGER PRIMARY KEY, k TEXT UNIQUE);"
    "CREATE TABLE c(x INTEGER PRIMARY KEY, p REFERENCES p, k REFERENCES p(k));"
    "CREATE TABLE a(x INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE);"
    "CREATE TABLE f(x INTEGER PRIMARY KEY, k REFERENCES p(k) DEFERRABLE INITIALLY DEFERRED);"
    "CREATE INDEX fk ON f(k, x)";

/* What each order begins with. */
static const char interleaved_rows[] =
    "BEGIN; DELETE FROM a; DELETE FROM f; DELETE FROM c; DELETE FROM p;"
    "INSERT INTO p VALUES (1, 'one'), (2, 'two'); INSERT INTO a VALUES (5, 2);"
    "INSERT INTO f VALUES (5, 'two'); COMMIT";

static const char *const interleaved_parents[] = {"DELETE FROM p WHERE id = 1",
                                                  "UPDATE p SET id = 3 WHERE id = 1",
                                                  "UPDATE p SET k = 'three' WHERE id = 1",
                                                  "DELETE FROM f; DELETE FROM a; DELETE FROM p",
                                                  "REPLACE INTO p VALUES (1, 'new')",
                                                  "DELETE FROM p WHERE id = 2"};
static const char *const interleaved_children[] = {"INSERT INTO c VALUES (1, 1, NULL)",
                                                   "INSERT INTO c VALUES (1, NULL, 'one')",
                                                   "INSERT INTO a VALUES (1, 1)",
                                                   "INSERT INTO f VALUES (1, 'one')",
                                                   "UPDATE a SET p = 1 WHERE x = 5",
                                                   "UPDATE f SET x = 1 WHERE x = 5",
                                                   "UPDATE f SET k = 'one', x = 9 WHERE x = 5"};

/* Run both transactions, steps of the first where a bit of `order` is 0: BEGIN with a look that
 * takes the snapshot, the change, COMMIT. */
static void
interleaved_run(velo_connection *const *both, const char *const *changes, unsigned order)
{
    uint32_t at[2] = {0, 0};

    for (uint32_t step = 0; step < 6; step++) {
        uint32_t who = order >> step & 1U;
        const char *const texts[3] = {"BEGIN; SELECT * FROM p", changes[who], "COMMIT"};
        velo_status st;

        if (at[who] == 3) /* it has failed before */
            continue;
        st = velo_exec(both[who], texts[at[who]], NULL, NULL);
        at[who]++;
        if (st == VELO_OK)
            continue;
        CHECK(((unsigned)st & 0xffU) == VELO_BUSY || ((unsigned)st & 0xffU) == VELO_CONSTRAINT);
        (void)velo_exec(both[who], "ROLLBACK", NULL, NULL);
        at[who] = 3;
    }
}

static void
no_order_of_two_transactions_leaves_an_orphan(void)
{
    velo_connection *both[2] = {foreign_open("order", interleaved_sql),
                                foreign_open("order", "PRAGMA synchronous = OFF")};
    uint32_t done = 0;

    CHECK_RUN(both[0], "PRAGMA synchronous = OFF", "");
    for (size_t i = 0; i < VL_ARRAY_COUNT(interleaved_parents); i++)
        for (size_t k = 0; k < VL_ARRAY_COUNT(interleaved_children); k++)
            for (unsigned order = 0; order < 64; order++) {
                const char *const changes[2] = {interleaved_parents[i], interleaved_children[k]};

                if (__builtin_popcount(order) != 3)
                    continue;
                CHECK_RUN(both[0], interleaved_rows, "");
                interleaved_run(both, changes, order);
                CHECK_RUN(both[0], "PRAGMA foreign_key_check", "");
                done++;
            }
    CHECK_EQ(done, 20 * VL_ARRAY_COUNT(interleaved_parents) * VL_ARRAY_COUNT(interleaved_children));
    CHECK_EQ(velo_close(both[0]), VELO_OK);
    CHECK_EQ(velo_close(both[1]), VELO_OK);
}

#define FOREIGN_THREADS 3
#define FOREIGN_CHANGES VL_BY_BUILD(300, 60)

/* A thread with a connection of its own. */
typedef struct foreign_worker {
    pthread_t thread;
    uint32_t number; /* its random numbers go on from here */
    velo_connection *connection;
    uint32_t made;  /* changes that were made */
    char text[300]; /* what went wrong, or nothing */
} foreign_worker;

static void *
foreign_work(void *argument)
{
    static const struct {
        const char *begin; /* before the number of a parent */
        const char *end;
    } changes[] = {{"INSERT OR IGNORE INTO p VALUES (", ")"},
                   {"DELETE FROM p WHERE id = ", ""},
                   {"INSERT INTO c(p) VALUES (", ")"},
                   {"DELETE FROM c WHERE p = ", ""},
                   {"UPDATE c SET x = x + 1000 - (x > 5000) * 6000 WHERE p = ", ""},
                   {"INSERT INTO a(p) VALUES (", ")"}};
    foreign_worker *worker = argument;

    for (uint32_t i = 0; i < FOREIGN_CHANGES && worker->text[0] == 0; i++) {
        char sql[200];
        velo_status st;

        worker->number = worker->number * 1664525U + 1013904223U;
        (void)snprintf(sql, sizeof sql, "%s%u%s", changes[(worker->number >> 16) % 6].begin,
                       worker->number >> 24 & 7U, changes[(worker->number >> 16) % 6].end);
        st = velo_exec(worker->connection, sql, NULL, NULL);
        worker->made += st == VELO_OK;
        if (st != VELO_OK && ((unsigned)st & 0xffU) != VELO_BUSY &&
            ((unsigned)st & 0xffU) != VELO_CONSTRAINT)
            (void)snprintf(worker->text, sizeof worker->text, "%s: %s", sql,
                           velo_error_text(worker->connection));
    }
    return NULL;
}

static void
threads_leave_no_orphan(void)
{
    velo_connection *db = foreign_open(
        "threads", "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(x INTEGER PRIMARY KEY, "
                   "p REFERENCES p); CREATE INDEX cp ON c(p, x); CREATE TABLE a(p REFERENCES p ON "
                   "DELETE CASCADE)");
    foreign_worker workers[FOREIGN_THREADS];

    memset(workers, 0, sizeof workers);
    for (uint32_t i = 0; i < FOREIGN_THREADS; i++) {
        workers[i].number = (uint32_t)unit_seed() + i * 77;
        workers[i].connection = foreign_open("threads", "PRAGMA synchronous = OFF");
        velo_set_busy_timeout(workers[i].connection, -1);
        CHECK_EQ(pthread_create(&workers[i].thread, NULL, foreign_work, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < FOREIGN_THREADS; i++)
        CHECK_EQ(pthread_join(workers[i].thread, NULL), 0);
    for (uint32_t i = 0; i < FOREIGN_THREADS; i++) {
        CHECK_TEXT(workers[i].text, "");
        CHECK(workers[i].made > 0);
        CHECK_EQ(velo_close(workers[i].connection), VELO_OK);
    }
    CHECK_RUN(db, "PRAGMA foreign_key_check; PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ---- lack of memory ---- */

static const char memory_sql[] =
    "CREATE TABLE p(id INTEGER PRIMARY KEY, k UNIQUE); CREATE TABLE c(x INTEGER PRIMARY KEY, p "
    "REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE, k REFERENCES p(k) ON DELETE SET NULL);"
    "CREATE TABLE d(x REFERENCES c DEFERRABLE INITIALLY DEFERRED);"
    "INSERT INTO p VALUES (1, 'a'), (2, 'b'); INSERT INTO c VALUES (1, 1, 'b'), (2, 2, 'a');"
    "INSERT INTO d VALUES (2)";

/* Run a statement with the nth request for memory failing, for every n; each time nothing or all of
 * it is done, and the counters say so: COMMIT is refused as `commit` says. */
static void
memory_check(const char *sql, const char *wanted, const char *commit)
{
    static const char state[] = "SELECT * FROM p; SELECT * FROM c; SELECT * FROM d";
    velo_connection *db = foreign_open(NULL, memory_sql);
    vl_allocator *allocator = vl_allocator_default();
    char before[200];
    int is_met = 1;

    (void)snprintf(before, sizeof before, "%s", api_run(db, state));
    for (uint64_t n = 1; is_met; n++) {
        uint64_t failed = atomic_load(&allocator->failed_count);
        velo_status st;

        CHECK_RUN(db, "BEGIN", "");
        vl_allocator_fail_nth(allocator, n, 1);
        st = velo_exec(db, sql, NULL, NULL);
        vl_allocator_fail_nth(allocator, 0, 0);
        is_met = atomic_load(&allocator->failed_count) != failed;
        CHECK(st == VELO_OK || (is_met && st == VELO_NOMEM));
        CHECK_RUN(db, state, st == VELO_OK ? wanted : before);
        if (st != VELO_OK)
            CHECK_RUN(db, "COMMIT", "");
        else if (commit[0] != 0)
            CHECK_RUN(db, "COMMIT", commit);
        if (st == VELO_OK)
            CHECK_RUN(db, "ROLLBACK", "");
        CHECK(n < 100000);
    }
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
lack_of_memory_leaves_nothing_half_done(void)
{
    memory_check("DELETE FROM p WHERE id = 2", "1,a|1,1,~|2", FOREIGN_FAILED);
    memory_check("UPDATE p SET id = id + 5", "6,a|7,b|1,6,b|2,7,a|2", "");
    memory_check("INSERT INTO c VALUES (3, 1, 'a'), (4, 2, 'b')",
                 "1,a|2,b|1,1,b|2,2,a|3,1,a|4,2,b|2", "");
    memory_check("INSERT OR REPLACE INTO p VALUES (3, 'b')", "1,a|3,b|1,1,~|2", FOREIGN_FAILED);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(children_need_a_parent),
        UNIT_TEST(keys_have_the_parents_affinity_and_collation),
        UNIT_TEST(what_lacks_a_parent_key_is_told),
        UNIT_TEST(a_row_may_be_its_own_parent),
        UNIT_TEST(actions_change_children),
        UNIT_TEST(restrict_does_not_wait),
        UNIT_TEST(cascades_go_deep_and_have_a_limit),
        UNIT_TEST(deferred_constraints_wait_for_the_commit),
        UNIT_TEST(a_statement_that_fails_gives_back_what_it_counted),
        UNIT_TEST(the_switch_is_the_connections),
        UNIT_TEST(dropping_deletes_rows_first),
        UNIT_TEST(the_check_finds_orphans),
        UNIT_TEST(no_order_of_two_transactions_leaves_an_orphan),
        UNIT_TEST(threads_leave_no_orphan),
        UNIT_TEST(lack_of_memory_leaves_nothing_half_done),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
