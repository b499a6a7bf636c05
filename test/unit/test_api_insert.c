/* test_api_insert.c - INSERT, UPDATE and DELETE the short way (exec/op_change.c), against the long
 * one: the same statements on two databases, of which one has triggers that do nothing. */
#include "api/api_int.h"
#include "exec/exec_int.h"
#include "lib/api_run.h"
#include "lib/unit.h"
#include "txn/txn_int.h"

#include <stdio.h>

/* Statements of a round of chance. */
#define INSERT_STEPS  250
#define INSERT_ROUNDS 12

/* Statements that chance draws from. */
#define INSERT_TEXTS 12

static velo_connection *
insert_open_connection(void)
{
    velo_connection *connection = NULL;

    if (velo_open(NULL, NULL, &connection) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", velo_error_text(connection));
    return connection;
}

static velo_statement *
insert_prepare(velo_connection *connection, const char *sql)
{
    velo_statement *statement = NULL;

    if (velo_prepare(connection, sql, -1, &statement, NULL) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s: %s", sql, velo_error_text(connection));
    return statement;
}

/* ---- whether it is taken ---- */

/* How often a statement goes the short way, when it is run once. */
static uint64_t
insert_is_short(velo_connection *connection, const char *sql)
{
    velo_statement *statement = insert_prepare(connection, sql);
    uint64_t count;

    if (statement == NULL || velo_step(statement) != VELO_DONE)
        return UINT64_MAX;
    count = statement->exec->short_runs;
    (void)velo_finalize(statement);
    return count;
}

static void
changes_of_one_given_row_are_short(void)
{
    velo_connection *connection = insert_open_connection();

    CHECK_OK(velo_exec(connection,
                       "CREATE TABLE t(id INTEGER PRIMARY KEY, a INT DEFAULT 5, b TEXT UNIQUE,"
                       "               c AS (a + 1), CHECK (a < 1000));"
                       "CREATE TABLE f(a DEFAULT (abs(-3)));"
                       "CREATE TABLE n(a PRIMARY KEY, b) WITHOUT ROWID;"
                       "CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT, a);"
                       "CREATE TABLE w(a); CREATE VIEW v AS SELECT * FROM w;"
                       "CREATE TRIGGER i INSTEAD OF INSERT ON v BEGIN SELECT 1; END;"
                       "CREATE TABLE g(a); CREATE TRIGGER j AFTER INSERT ON g BEGIN SELECT 1; END",
                       NULL, NULL));
    CHECK_EQ(insert_is_short(connection, "INSERT INTO t(b) VALUES ('x')"), 1);
    CHECK_EQ(insert_is_short(connection, "INSERT INTO t(id, b) VALUES (?, ?)"), 1);
    CHECK_EQ(insert_is_short(connection, "REPLACE INTO t(id, b) VALUES (?, ?)"), 1);
    CHECK_EQ(insert_is_short(connection, "INSERT OR IGNORE INTO t(id) VALUES (7)"), 1);
    CHECK_EQ(insert_is_short(connection, "INSERT INTO t DEFAULT VALUES"), 1);
    CHECK_EQ(insert_is_short(connection, "INSERT INTO n VALUES (1, ?)"), 1);
    CHECK_EQ(insert_is_short(connection, "INSERT INTO t(b) VALUES (abs(?))"), 0);
    CHECK_EQ(insert_is_short(connection, "INSERT INTO t(b) VALUES ('y'), ('z')"), 0);
    CHECK_EQ(insert_is_short(connection, "INSERT INTO t(b) SELECT 'q'||id||a FROM t"), 0);
    CHECK_EQ(insert_is_short(connection, "INSERT INTO f DEFAULT VALUES"), 0);
    CHECK_EQ(insert_is_short(connection, "INSERT INTO s(a) VALUES (1)"), 0);
    CHECK_EQ(insert_is_short(connection, "INSERT INTO v VALUES (1)"), 0);
    CHECK_EQ(insert_is_short(connection, "INSERT INTO g VALUES (1)"), 0);
    CHECK_EQ(insert_is_short(connection, "UPDATE t SET a = a + ? WHERE id = ?"), 1);
    CHECK_EQ(insert_is_short(connection, "UPDATE t SET id = 70 WHERE id = 7"), 1);
    CHECK_EQ(insert_is_short(connection, "DELETE FROM t WHERE id = '70'"), 1);
    CHECK_EQ(insert_is_short(connection, "DELETE FROM w WHERE rowid = ?"), 1);
    CHECK_EQ(insert_is_short(connection, "UPDATE t SET a = (SELECT 1) WHERE id = ?"), 0);
    CHECK_EQ(insert_is_short(connection, "UPDATE t SET a = 1 WHERE id = ? AND a = 2"), 0);
    CHECK_EQ(insert_is_short(connection, "DELETE FROM t WHERE id IN (1, 2)"), 0);
    CHECK_EQ(insert_is_short(connection, "DELETE FROM t WHERE id > 1000"), 0);
    CHECK_EQ(insert_is_short(connection, "DELETE FROM g"), 0);
    CHECK_EQ(insert_is_short(connection, "INSERT INTO t(b) VALUES ('x') ON CONFLICT DO NOTHING"),
             0);
    CHECK_OK(velo_close(connection));
}

/* ---- undo records ---- */

/* How many the transaction has. */
static uint32_t
insert_count_undo(const velo_connection *connection)
{
    uint32_t count = 0;

    for (const vl_undo *at = vl_undo_last(connection->session->txn->log); at != NULL;
         at = at->previous)
        count++;
    return count;
}

static void
inserts_share_an_undo_record_but_where_somebody_would_notice(void)
{
    velo_connection *connection = insert_open_connection();
    velo_statement *insert;
    velo_statement *cursor;

    CHECK_OK(velo_exec(connection, "CREATE TABLE t(id INTEGER PRIMARY KEY, a); BEGIN", NULL, NULL));
    insert = insert_prepare(connection, "INSERT INTO t(a) VALUES (?)");
    for (int i = 0; i < 100; i++) {
        CHECK_EQ(velo_step(insert), VELO_DONE);
        CHECK_OK(velo_reset(insert));
        if (i == 50)
            CHECK_OK(velo_exec(connection, "SAVEPOINT s", NULL, NULL));
    }
    CHECK_EQ(insert_count_undo(connection), 2); /* none lies on both sides of the savepoint */
    CHECK_OK(velo_exec(connection, "ROLLBACK TO s", NULL, NULL));
    CHECK_RUN(connection, "SELECT count(*), max(id) FROM t", "51,51");

    /* A statement does not see what is inserted while it is open. */
    cursor = insert_prepare(connection, "SELECT id FROM t ORDER BY id");
    for (int i = 1; i <= 51; i++) {
        CHECK_EQ(velo_step(cursor), VELO_ROW);
        CHECK_EQ(velo_column_int64(cursor, 0), i);
        CHECK_EQ(velo_step(insert), VELO_DONE);
        CHECK_OK(velo_reset(insert));
    }
    CHECK_EQ(velo_step(cursor), VELO_DONE);
    CHECK_OK(velo_finalize(cursor));
    CHECK_EQ(insert_count_undo(connection), 52);
    CHECK_OK(velo_finalize(insert));
    CHECK_RUN(connection, "INSERT INTO t SELECT id + 102, a FROM t; SELECT count(*) FROM t", "204");
    CHECK_RUN(connection, "ROLLBACK; SELECT count(*) FROM t", "0");
    CHECK_OK(velo_close(connection));
}

/* The same with indexes: each entry has a record, the rows have one together. */
static void
inserts_with_indexes_share_an_undo_record(void)
{
    velo_connection *connection = insert_open_connection();
    velo_statement *insert;

    CHECK_OK(
        velo_exec(connection,
                  "CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b); CREATE INDEX i ON t(b);"
                  "BEGIN",
                  NULL, NULL));
    insert = insert_prepare(connection, "INSERT INTO t(a, b) VALUES (?1, ?2)");
    for (int i = 0; i < 100; i++) {
        CHECK_OK(velo_bind_int64(insert, 1, i));
        CHECK_OK(velo_bind_int64(insert, 2, i % 7));
        CHECK_EQ(velo_step(insert), VELO_DONE);
        CHECK_OK(velo_reset(insert));
        if (i == 50)
            CHECK_OK(velo_exec(connection, "SAVEPOINT s", NULL, NULL));
    }
    CHECK_EQ(insert_count_undo(connection),
             202 - VL_BY_BUILD(49U, 7U)); /* entries wait that come after it */
    CHECK_RUN(connection, "SELECT count(*) FROM t INDEXED BY i WHERE b >= 0", "100");
    CHECK_EQ(insert_count_undo(connection), 202); /* none lies on both sides of the savepoint */
    CHECK_RUN(connection, "SELECT count(*) FROM t WHERE a >= 40 AND b >= 0", "60");

    /* One that fails changes nothing, and the next one goes the long way. */
    CHECK_OK(velo_bind_int64(insert, 1, 99));
    CHECK_EQ(velo_step(insert) & 0xff, VELO_CONSTRAINT);
    CHECK_TEXT(velo_error_text(connection), "UNIQUE constraint failed: t.a");
    (void)velo_reset(insert);
    CHECK_EQ(insert_count_undo(connection), 202);
    CHECK_RUN(connection, "SELECT count(*), max(id) FROM t", "100,100");
    CHECK_OK(velo_bind_int64(insert, 1, 100));
    CHECK_EQ(velo_step(insert), VELO_DONE);
    CHECK_OK(velo_finalize(insert));
    CHECK_RUN(connection, "SELECT id FROM t WHERE a = 100", "101"); /* and there is no gap */
    CHECK_RUN(connection, "ROLLBACK TO s; SELECT count(*), max(id), max(a) FROM t", "51,51,50");
    CHECK_RUN(connection, "INSERT INTO t(a, b) VALUES (77, 1), (78, 1); SELECT max(id) FROM t",
              "53");
    CHECK_RUN(connection, "INSERT INTO t(a, b) VALUES (79, 1), (78, 1), (80, 1)",
              "!UNIQUE constraint failed: t.a");
    CHECK_RUN(connection, "INSERT OR FAIL INTO t(a, b) VALUES (79, 1), (78, 1), (80, 1)",
              "!UNIQUE constraint failed: t.a");
    CHECK_RUN(connection, "SELECT count(*), max(id), max(a) FROM t", "54,54,79");
    CHECK_RUN(connection, "PRAGMA integrity_check; ROLLBACK; SELECT count(*) FROM t", "ok|0");
    CHECK_OK(velo_close(connection));
}

/* Two who insert at a time: each is told of the other's entry, and keeps what it has. */
static void
inserts_with_indexes_meet_those_of_others(void)
{
    velo_connection *one = api_run_open("two_writers"), *two = api_run_open("two_writers");

    CHECK_RUN(one, "CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b); CREATE INDEX i ON t(b)",
              "");
    CHECK_RUN(two, "PRAGMA busy_timeout = 0; BEGIN CONCURRENT; INSERT INTO t(a) VALUES (1)", "0");
    CHECK_RUN(one, "PRAGMA busy_timeout = 0; BEGIN CONCURRENT; INSERT INTO t(a) VALUES (2)", "0");
    for (int i = 0; i < 3; i++)
        CHECK(api_run(one, "INSERT INTO t(a, b) VALUES (1, 5)")[0] == '!');
    CHECK_RUN(one, "INSERT INTO t(a, b) VALUES (3, 5); SELECT a, b FROM t ORDER BY a", "2,~|3,5");
    CHECK_RUN(two, "INSERT INTO t(a, b) VALUES (4, 5); SELECT a FROM t ORDER BY a; ROLLBACK",
              "1|4");
    CHECK_RUN(one, "INSERT INTO t(a, b) VALUES (1, 5); COMMIT; SELECT a FROM t WHERE b = 5", "3|1");
    CHECK_RUN(two, "SELECT count(*), count(DISTINCT id) FROM t; PRAGMA integrity_check", "3,3|ok");
    CHECK_OK(velo_close(two));
    CHECK_OK(velo_close(one));
}

/* A record that a savepoint knows of is not joined with the one before it. */
static void
savepoints_between_inserts_stay(void)
{
    velo_connection *connection = insert_open_connection();

    CHECK_OK(velo_exec(connection, "CREATE TABLE t(id INTEGER PRIMARY KEY, a)", NULL, NULL));
    for (int is_plain = 0; is_plain < 2; is_plain++) {
        connection->is_plain = is_plain;
        CHECK_RUN(connection,
                  "BEGIN; INSERT INTO t VALUES (1, 1); SAVEPOINT a; INSERT INTO t VALUES (2, 2);"
                  "SAVEPOINT b; INSERT INTO t VALUES (3, 3); ROLLBACK TO b;"
                  "UPDATE t SET a = 5 WHERE id > 100; ROLLBACK TO b; SELECT count(*) FROM t",
                  "2");
        CHECK_RUN(connection,
                  "INSERT INTO t VALUES (3, 3); INSERT INTO t VALUES (4, 4); ROLLBACK TO b;"
                  "INSERT INTO t VALUES (3, 7); SELECT count(*), sum(a) FROM t",
                  "3,10");
        CHECK_RUN(connection, "ROLLBACK TO a; SELECT count(*) FROM t; ROLLBACK", "1");
    }
    CHECK_OK(velo_close(connection));
}

/* What a savepoint takes back stays so after a crash, though a checkpoint has come between and has
 * written and listed it. */
static void
savepoints_between_inserts_survive_a_crash(void)
{
    static const char *const inserts[2] = {"INSERT INTO t(a) VALUES (7)",
                                           "INSERT INTO t(a) SELECT 7"};
    static const char *const backs[4] = {"ROLLBACK TO s", "ROLLBACK TO s; RELEASE s",
                                         "ROLLBACK TO r; RELEASE s",
                                         "ROLLBACK TO s; ROLLBACK TO s"};

    for (unsigned i = 0; i < 2 * 4 * 3; i++) {
        velo_connection *connection, *other, *copy;
        const char *insert = inserts[i % 2];
        char name[32], after[40], sql[600], wanted[16];

        (void)snprintf(name, sizeof name, "back%u", i);
        (void)snprintf(after, sizeof after, "after%u", i);
        connection = api_run_open(name);
        other = api_run_open(name);
        CHECK_RUN(connection, "CREATE TABLE t(id INTEGER PRIMARY KEY, a)", "");
        if (i / 16 == 1)
            CHECK_RUN(connection, "CREATE INDEX ta ON t(a)", "");
        (void)snprintf(sql, sizeof sql, "BEGIN; %s; %s; SAVEPOINT s; %s; %s; SAVEPOINT r; %s; %s",
                       insert, insert, insert, insert, insert, insert);
        CHECK_RUN(connection, sql, "");
        CHECK_OK(velo_exec(other, "PRAGMA wal_checkpoint", NULL, NULL));
        (void)snprintf(sql, sizeof sql, "%s; %s; COMMIT; SELECT count(*) FROM t", backs[i / 2 % 4],
                       i / 8 % 2 == 0 ? "SELECT 1 LIMIT 0" : insert);
        (void)snprintf(wanted, sizeof wanted, "%u", (i / 2 % 4 == 2 ? 4 : 2) + i / 8 % 2);
        CHECK_RUN(connection, sql, wanted);
        api_run_copy(name, after);
        copy = api_run_open(after);
        CHECK_RUN(copy, "SELECT count(*) FROM t", wanted);
        CHECK_RUN(copy, "PRAGMA integrity_check", "ok");
        CHECK_OK(velo_close(copy));
        CHECK_OK(velo_close(other));
        CHECK_OK(velo_close(connection));
    }
}

/* What stands in a database, by the table and by each index. */
static const char insert_content[] =
    "SELECT count(*), total(id), total(a), total(b) FROM t NOT INDEXED;"
    "SELECT count(*), total(a) FROM t INDEXED BY ta WHERE a > -1;"
    "SELECT count(*), total(b) FROM t INDEXED BY tb WHERE b > -1";

/* An image of a database now has what was committed, as another connection sees it. */
static void
insert_check_image(const char *name, velo_connection *other, unsigned number)
{
    char after[60], wanted[400];
    velo_connection *copy;

    (void)snprintf(after, sizeof after, "%s_%u", name, number);
    (void)snprintf(wanted, sizeof wanted, "%s", api_run(other, insert_content));
    api_run_copy(name, after);
    copy = api_run_open(after);
    CHECK_RUN(copy, insert_content, wanted);
    CHECK_RUN(copy, "PRAGMA integrity_check", "ok");
    CHECK_OK(velo_close(copy));
}

/* A statement of chance. */
static void
insert_make_text(vl_rng *rng, char *sql, size_t size)
{
    static const char *const texts[] = {
        "INSERT INTO t(a, b) VALUES (%u, %u)",
        "INSERT OR IGNORE INTO t(a, b) VALUES (%u, %u)",
        "INSERT OR REPLACE INTO t(a, b) VALUES (%u, %u)",
        "INSERT OR FAIL INTO t(a, b) VALUES (900 + %u, 3), (%u, 4), (7, 5)",
        "INSERT INTO t(a, b) SELECT a + 1000 + %u, %u FROM t WHERE id < 20",
        "INSERT INTO t(id, a) VALUES (%u + 60, %u) ON CONFLICT(a) DO UPDATE SET b = 1",
        "UPDATE OR IGNORE t SET a = a + 1, b = %u WHERE id = %u",
        "DELETE FROM t WHERE b = %u OR id = %u",
        "BEGIN -- %u %u",
        "SAVEPOINT s%u -- %u",
        "ROLLBACK TO s%u -- %u",
        "RELEASE s%u -- %u",
        "COMMIT -- %u %u",
        "ROLLBACK -- %u %u",
    };
    uint64_t at = vl_rng_below(rng, 40);
    unsigned below;

    at = at < 14 ? at : at < 18 ? 9 : at < 22 ? 10 : 0;
    below = at >= 9 && at <= 11 ? 2 : at < 5 ? 5000 : 200;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(sql, size, texts[at], (unsigned)vl_rng_below(rng, below),
                   (unsigned)vl_rng_below(rng, 300));
#pragma GCC diagnostic pop
}

static void
inserts_with_indexes_survive_crashes_by_chance(void)
{
    for (unsigned round = 0; round < 5 && !unit_has_failed(); round++) {
        velo_connection *connection, *other;
        char name[32], sql[200];
        vl_rng rng;

        vl_rng_init(&rng, unit_seed() + round);
        (void)snprintf(name, sizeof name, "entries%u", round);
        connection = api_run_open(name);
        other = api_run_open(name);
        connection->is_plain = round == 4;
        CHECK_RUN(connection,
                  "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE UNIQUE INDEX ta ON t(a);"
                  "CREATE INDEX tb ON t(b) WHERE b > -1",
                  "");
        for (unsigned i = 0; i < 120 && !unit_has_failed(); i++) {
            insert_make_text(&rng, sql, sizeof sql);
            (void)api_run(connection, sql); /* it may be refused */
            if (vl_rng_chance(&rng, 1, 12))
                (void)api_run(other, "PRAGMA wal_checkpoint");
            if (vl_rng_chance(&rng, 1, 30))
                insert_check_image(name, other, i);
        }
        CHECK_RUN(connection, "PRAGMA integrity_check", "ok");
        CHECK_OK(velo_close(other));
        CHECK_OK(velo_close(connection));
    }
}

/* ---- by chance ---- */

/* The two databases, with the same statements. */
typedef struct insert_pair {
    velo_connection *sides[2];                 /* the short way, and the long one */
    velo_statement *inserts[2 * INSERT_TEXTS]; /* of both, in turn */
    velo_statement *cursors[2];
    vl_rng rng;
} insert_pair;

static const char *const insert_texts[INSERT_TEXTS] = {
    "INSERT INTO t VALUES (?, ?, ?, ?)",
    "INSERT INTO t(a, b) VALUES (?2, ?3)",
    "INSERT OR IGNORE INTO t VALUES (?, ?, ?, ?)",
    "INSERT OR REPLACE INTO t VALUES (?, ?, ?, ?)",
    "INSERT OR FAIL INTO t(id, b) VALUES (?1, ?3)",
    "INSERT OR ROLLBACK INTO t(id, c) VALUES (?1, ?4)",
    "INSERT INTO t(c) VALUES ('12')",
    "INSERT INTO t DEFAULT VALUES",
    "UPDATE t SET a = ?2, c = ?4 WHERE rowid = ?1",
    "UPDATE OR REPLACE t SET b = ?3, a = a + 1 WHERE rowid = ?1",
    "UPDATE OR IGNORE t SET id = ?2 WHERE rowid = ?1",
    "DELETE FROM t WHERE rowid = ?1",
};

static const char *const insert_tables[6] = {
    "CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, b TEXT, c REAL)",
    "CREATE TABLE t(id INTEGER PRIMARY KEY, a INT NOT NULL DEFAULT 3, b TEXT, c CHECK (c < 9))",
    "CREATE TABLE t(id INT PRIMARY KEY, a INT, b TEXT COLLATE NOCASE UNIQUE, c, d AS (a || b))",
    "CREATE TABLE t(id INTEGER PRIMARY KEY, a ANY, b TEXT, c INT, UNIQUE (a, c)) STRICT",
    "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT UNIQUE, c); CREATE INDEX x ON t(a + id, c)",
    "CREATE TABLE t(id, a INT, b TEXT, c UNIQUE ON CONFLICT REPLACE); CREATE INDEX ta ON t(a)",
};

static void
insert_begin(insert_pair *pair, const char *table)
{
    for (int side = 0; side < 2; side++) {
        velo_connection *connection = insert_open_connection();

        pair->sides[side] = connection;
        pair->cursors[side] = NULL;
        CHECK_OK(velo_exec(connection, table, NULL, NULL));
        connection->is_plain = side == 1;
        if (side == 1)
            CHECK_OK(velo_exec(connection, "CREATE TRIGGER i AFTER INSERT ON t BEGIN SELECT 1; END",
                               NULL, NULL));
        for (int i = 0; i < INSERT_TEXTS; i++)
            pair->inserts[2 * i + side] = insert_prepare(connection, insert_texts[i]);
    }
}

static void
insert_end(insert_pair *pair)
{
    for (int i = 0; i < 2 * INSERT_TEXTS; i++)
        (void)velo_finalize(pair->inserts[i]);
    for (int side = 0; side < 2; side++) {
        (void)velo_finalize(pair->cursors[side]);
        CHECK_OK(velo_close(pair->sides[side]));
    }
}

/* Bind a value of chance: of a few, so that they meet. */
static void
insert_bind(velo_statement *statement, int index, uint64_t draw)
{
    static const char *const texts[] = {"", "12", "a", "A", "1.5", "x y z", "9e3"};

    switch (draw % 6) {
    case 0:
        (void)velo_bind_null(statement, index);
        break;
    case 1:
        (void)velo_bind_double(statement, index, (double)(draw / 6 % 20) / 2);
        break;
    case 2:
        (void)velo_bind_text(statement, index, texts[draw / 6 % 7], -1, VELO_COPY);
        break;
    case 3:
        (void)velo_bind_blob(statement, index, "\0\1", 2, VELO_COPY);
        break;
    default:
        (void)velo_bind_int64(statement, index, (int64_t)(draw / 6 % 40));
        break;
    }
}

/* Run one of the inserts on both. */
static void
insert_step(insert_pair *pair)
{
    uint64_t number = vl_rng_below(&pair->rng, INSERT_TEXTS);
    uint64_t draws[4];
    char told[2][400];

    for (int i = 0; i < 4; i++)
        draws[i] = vl_rng_below(&pair->rng, 6000);
    if (vl_rng_chance(&pair->rng, 1, 2))
        draws[0] = 6 * vl_rng_below(&pair->rng, 40) + 4; /* a number for the key */
    for (int side = 0; side < 2; side++) {
        velo_statement *insert = pair->inserts[2 * number + (uint64_t)side];
        velo_connection *connection = pair->sides[side];
        velo_status st;

        for (int i = 0; i < velo_parameter_count(insert); i++)
            insert_bind(insert, i + 1, draws[i]);
        st = velo_step(insert);
        (void)snprintf(told[side], sizeof told[side], "%d %s %lld %lld %lld %d", (int)st,
                       st == VELO_DONE ? "" : velo_error_text(connection),
                       (long long)velo_changes(connection),
                       (long long)velo_total_changes(connection),
                       (long long)velo_last_insert_rowid(connection),
                       vl_session_is_in_transaction(connection->session));
        (void)velo_reset(insert);
    }
    CHECK_TEXT(told[0], told[1]);
}

/* Move the cursors, or put them away. */
static void
insert_look(insert_pair *pair)
{
    int64_t seen[2] = {-1, -1};
    int is_over = vl_rng_chance(&pair->rng, 1, 8);

    for (int side = 0; side < 2; side++) {
        if (pair->cursors[side] == NULL)
            pair->cursors[side] = insert_prepare(pair->sides[side], "SELECT rowid FROM t");
        if (!is_over && velo_step(pair->cursors[side]) == VELO_ROW) {
            seen[side] = velo_column_int64(pair->cursors[side], 0);
            continue;
        }
        (void)velo_finalize(pair->cursors[side]);
        pair->cursors[side] = NULL;
    }
    CHECK_EQ(seen[0], seen[1]);
}

/* Run a text on both. */
static void
insert_say(insert_pair *pair, const char *sql)
{
    char told[500];

    (void)snprintf(told, sizeof told, "%s", api_run(pair->sides[0], sql));
    CHECK_TEXT(api_run(pair->sides[1], sql), told);
}

static void
short_changes_do_what_long_ones_do(void)
{
    static const char *const others[] = {"BEGIN",
                                         "COMMIT",
                                         "ROLLBACK",
                                         "SAVEPOINT a",
                                         "SAVEPOINT b",
                                         "ROLLBACK TO a",
                                         "ROLLBACK TO b",
                                         "RELEASE a",
                                         "DELETE FROM t WHERE rowid % 5 = 0",
                                         "UPDATE t SET a = 7 WHERE rowid > 1000"};

    for (uint64_t round = 0; round < INSERT_ROUNDS && !unit_has_failed(); round++) {
        insert_pair pair;

        vl_rng_init(&pair.rng, unit_seed() + round);
        insert_begin(&pair, insert_tables[round % 6]);
        for (int i = 0; i < INSERT_STEPS && !unit_has_failed(); i++) {
            uint64_t draw = vl_rng_below(&pair.rng, 20);

            if (draw < 2)
                insert_look(&pair);
            else if (draw < 6)
                insert_say(&pair, others[vl_rng_below(&pair.rng, 10)]);
            else
                insert_step(&pair);
            if (draw == 6)
                insert_say(&pair, "SELECT count(*), sum(rowid), sum(a), max(b), total(c) FROM t");
            if (draw == 7)
                insert_say(&pair, "SELECT rowid, c FROM t WHERE a > 3 ORDER BY a, rowid");
        }
        insert_say(&pair, "PRAGMA integrity_check");
        insert_say(&pair, "SELECT count(*), sum(rowid), sum(a), max(b), total(c) FROM t");
        insert_end(&pair);
    }
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(changes_of_one_given_row_are_short),
        UNIT_TEST(inserts_share_an_undo_record_but_where_somebody_would_notice),
        UNIT_TEST(inserts_with_indexes_share_an_undo_record),
        UNIT_TEST(inserts_with_indexes_meet_those_of_others),
        UNIT_TEST(savepoints_between_inserts_stay),
        UNIT_TEST(savepoints_between_inserts_survive_a_crash),
        UNIT_TEST(inserts_with_indexes_survive_crashes_by_chance),
        UNIT_TEST(short_changes_do_what_long_ones_do),
    };

    return unit_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
