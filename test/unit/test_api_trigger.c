/* test_api_trigger.c - triggers, through the public interface. What is expected was seen in SQLite,
 * but for its own differences that docs/sql.md names. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

static velo_connection *
trigger_open(const char *name, const char *sql)
{
    velo_connection *connection = NULL;

    if (velo_open(name == NULL ? NULL : unit_path(name), NULL, &connection) != VELO_OK ||
        velo_exec(connection, sql, NULL, NULL) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", velo_error_text(connection));
    return connection;
}

/* The code that a text fails with. */
static int
trigger_code(velo_connection *connection, const char *sql)
{
    return (int)velo_exec(connection, sql, NULL, NULL);
}

/* ---- what a body sees ---- */

/* 31, item 2. */
static void
a_body_sees_what_its_statement_has_changed(void)
{
    velo_connection *db = trigger_open(
        NULL, "CREATE TABLE t(id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1,1),(2,2),(3,3);"
              "CREATE TRIGGER r AFTER UPDATE ON t WHEN OLD.id = 1 BEGIN"
              " UPDATE t SET x = x + 1000 WHERE id = 3; DELETE FROM t WHERE id = 2; END;");

    CHECK_RUN(db, "UPDATE t SET x = x + 1", "");
    CHECK_RUN(db, "SELECT * FROM t", "1,2|3,1004");
    CHECK_RUN(db, "SELECT changes()", "2");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
rows_pass_by_in_rowid_order_and_each_sees_those_before(void)
{
    velo_connection *db = trigger_open(
        NULL, "CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE INDEX tx ON t(x);"
              "INSERT INTO t VALUES (1,9),(2,8),(3,7); CREATE TABLE log(s);"
              "CREATE TRIGGER d AFTER DELETE ON t BEGIN"
              " INSERT INTO log VALUES (OLD.id || ':' || (SELECT count(*) FROM t)); END;"
              "CREATE TRIGGER u BEFORE UPDATE ON t BEGIN"
              " INSERT INTO log SELECT OLD.id || ':' || sum(x) FROM t; END;");

    CHECK_RUN(db, "UPDATE t SET x = x + 10 WHERE x > 0; SELECT s FROM log; DELETE FROM log",
              "1:24|2:34|3:44");
    CHECK_RUN(db, "DELETE FROM t WHERE x > 0; SELECT s FROM log", "1:2|2:1|3:0");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
before_triggers_change_what_was_not_set(void)
{
    velo_connection *db = trigger_open(
        NULL, "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); INSERT INTO t VALUES (1,1,1),(2,2,2);"
              "CREATE TABLE log(s);"
              "CREATE TRIGGER x BEFORE UPDATE ON t BEGIN"
              " UPDATE t SET a = 50, b = 60 WHERE id = NEW.id AND OLD.id = 1;"
              " DELETE FROM t WHERE id = NEW.id AND OLD.id = 2; END;"
              "CREATE TRIGGER y AFTER UPDATE ON t BEGIN"
              " INSERT INTO log VALUES (OLD.a || OLD.b || '>' || NEW.a || NEW.b); END;");

    CHECK_RUN(db, "UPDATE t SET b = b + 1", "");
    CHECK_RUN(db, "SELECT * FROM t", "1,50,2"); /* b as it was computed, a as it is now */
    CHECK_RUN(db, "SELECT changes(); SELECT s FROM log", "1|11>5060|11>502");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
old_and_new_are_rows_as_they_are_stored(void)
{
    velo_connection *db = trigger_open(
        NULL, "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, g AS (a || '!'), b INT DEFAULT 4);"
              "CREATE TABLE log(s);"
              "CREATE TRIGGER bi BEFORE INSERT ON t BEGIN INSERT INTO log VALUES"
              " ('b' || NEW.id || typeof(NEW.a) || NEW.g || typeof(NEW.b) || NEW.rowid); END;"
              "CREATE TRIGGER ai AFTER INSERT ON t BEGIN INSERT INTO log VALUES"
              " ('a' || NEW.id || typeof(NEW.a) || NEW.g || NEW.b || NEW.rowid); END;"
              "CREATE TRIGGER au AFTER UPDATE OF id, a ON t BEGIN INSERT INTO log VALUES"
              " ('u' || OLD.id || NEW.id || OLD.g || NEW.g); END;");

    CHECK_RUN(db, "INSERT INTO t(a, b) VALUES (5, '6'); SELECT s FROM log",
              "b-1text5!integer-1|a1text5!61");
    CHECK_RUN(db, "DELETE FROM log; INSERT INTO t(id, a) VALUES ('7', 'x'); SELECT s FROM log",
              "b7textx!integer7|a7textx!47");
    CHECK_RUN(db,
              "DELETE FROM log; UPDATE t SET id = id + 1 WHERE id = 7;"
              "UPDATE t SET b = 1; UPDATE t SET (b, a) = (2, 'y') WHERE id = 1;"
              "UPDATE t SET rowid = 9 WHERE id = 8; SELECT s FROM log",
              "u78x!x!|u115!y!"); /* rowid is not a name of UPDATE OF */
    CHECK_RUN(db, "INSERT INTO t(id) VALUES ('no')", "!datatype mismatch");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
update_from_takes_the_last_of_the_rows_that_it_finds(void)
{
    velo_connection *db = trigger_open(
        NULL, "CREATE TABLE t(id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1,'a'),(2,'b');"
              "CREATE TABLE u(k, v); INSERT INTO u VALUES (2,'p'),(1,'q'),(2,'r'),(1,'s');"
              "CREATE TABLE log(s); CREATE TRIGGER r AFTER UPDATE ON t BEGIN"
              " INSERT INTO log VALUES (OLD.x || NEW.x); END;");

    CHECK_RUN(db, "UPDATE t SET x = v FROM u WHERE k = id; SELECT s FROM log; DELETE FROM log",
              "as|br");
    CHECK_RUN(db, "UPDATE t SET x = x || 1 FROM u WHERE k = id; SELECT s FROM log", "ss1|rr1");
    CHECK_RUN(db,
              "DROP TRIGGER r; UPDATE t SET x = v FROM u WHERE k = id; SELECT changes(), x FROM t",
              "2,s|2,r");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
triggers_are_fired_the_newest_first(void)
{
    velo_connection *db = trigger_open(
        "order", "CREATE TABLE t(a); CREATE TABLE log(s);"
                 "CREATE TRIGGER a1 AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('a1'); END;"
                 "CREATE TRIGGER b1 BEFORE INSERT ON t BEGIN INSERT INTO log VALUES ('b1'); END;"
                 "CREATE TRIGGER a2 AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('a2'); END;"
                 "CREATE TRIGGER b2 INSERT ON t BEGIN INSERT INTO log VALUES ('b2'); END;");

    CHECK_RUN(db, "INSERT INTO t VALUES (1); SELECT s FROM log", "b2|b1|a2|a1");
    CHECK_EQ(velo_close(db), VELO_OK);
    db = trigger_open("order", "DROP TRIGGER b1; DELETE FROM log");
    CHECK_RUN(db, "INSERT INTO t VALUES (1); SELECT s FROM log", "b2|a2|a1");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
when_and_bodies_may_hold_any_query(void)
{
    velo_connection *db = trigger_open(
        NULL, "CREATE TABLE t(a); CREATE TABLE o(x, y); INSERT INTO o VALUES (1,10),(2,20),(3,30);"
              "CREATE TABLE log(s);"
              "CREATE TRIGGER r AFTER INSERT ON t WHEN NEW.a IN (SELECT x FROM o) BEGIN"
              " INSERT INTO log WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c"
              "  WHERE n < NEW.a) SELECT n * NEW.a FROM c;"
              " UPDATE o SET y = p.z FROM (SELECT NEW.a AS w, max(s) AS z FROM log) AS p"
              "  WHERE x = p.w;"
              " SELECT * FROM o WHERE x = NEW.a LIMIT NEW.a;"
              " DELETE FROM o WHERE y = (SELECT min(y) FROM o) AND NEW.a = 2; END;");

    CHECK_RUN(db, "INSERT INTO t VALUES (3), (7), (2)", "");
    CHECK_RUN(db, "SELECT s FROM log", "3|6|9|2|4");
    CHECK_RUN(db, "SELECT * FROM o", "1,10");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ---- conflicts ---- */

static void
the_outer_clause_goes_before_that_of_the_body(void)
{
    velo_connection *db = trigger_open(
        NULL, "CREATE TABLE t(a); CREATE TABLE u(k UNIQUE, v); INSERT INTO u VALUES (1, 'old');"
              "CREATE TRIGGER r AFTER INSERT ON t BEGIN"
              " INSERT OR IGNORE INTO u VALUES (NEW.a, 'new'); END;");

    CHECK_RUN(db, "INSERT INTO t VALUES (1); SELECT * FROM u", "1,old");
    CHECK_RUN(db, "INSERT OR REPLACE INTO t VALUES (1); SELECT * FROM u", "1,new");
    CHECK_RUN(db, "INSERT OR ABORT INTO t VALUES (1)", "!UNIQUE constraint failed: u.k");
    CHECK_RUN(db, "SELECT count(*) FROM t", "2");
    CHECK_RUN(db, "INSERT OR FAIL INTO t VALUES (5), (1), (6)", "!UNIQUE constraint failed: u.k");
    CHECK_RUN(db, "SELECT count(*) FROM t; SELECT k FROM u", "4|1|5");
    CHECK_RUN(db, "BEGIN; INSERT INTO u VALUES (8, 8); INSERT OR ROLLBACK INTO t VALUES (1)",
              "!UNIQUE constraint failed: u.k");
    CHECK(!velo_in_transaction(db));
    CHECK_RUN(db, "SELECT k FROM u", "1|5");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
replace_fires_delete_triggers_only_if_they_are_recursive(void)
{
    velo_connection *db = trigger_open(
        NULL,
        "CREATE TABLE t(a UNIQUE, b); INSERT INTO t VALUES (1,'x'),(2,'y');"
        "CREATE TABLE log(s);"
        "CREATE TRIGGER bd BEFORE DELETE ON t BEGIN INSERT INTO log VALUES ('b'||OLD.b); END;"
        "CREATE TRIGGER ad AFTER DELETE ON t BEGIN INSERT INTO log VALUES ('a'||OLD.b); END;");

    CHECK_RUN(db, "REPLACE INTO t VALUES (1, 'z'); SELECT count(*) FROM log", "0");
    CHECK_RUN(db, "PRAGMA recursive_triggers = ON; PRAGMA recursive_triggers", "1");
    CHECK_RUN(db, "REPLACE INTO t VALUES (1, 'w'); SELECT s FROM log; SELECT changes()", "bz|az|1");
    CHECK_RUN(db,
              "DELETE FROM log; UPDATE OR REPLACE t SET a = 1 WHERE a = 2;"
              "SELECT s FROM log; SELECT * FROM t",
              "bw|aw|1,y");
    CHECK_RUN(db,
              "CREATE TRIGGER again AFTER DELETE ON t BEGIN"
              " INSERT INTO t VALUES (OLD.a, 'again'); END;"
              "REPLACE INTO t VALUES (1, 'v')",
              "!UNIQUE constraint failed: t.a"); /* and not without an end */
    CHECK_RUN(db, "SELECT * FROM t", "1,y");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
a_delete_trigger_of_replace_may_delete_the_updated_row(void)
{
    velo_connection *db = trigger_open(
        NULL, "PRAGMA recursive_triggers = 1; CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b);"
              "INSERT INTO t VALUES (1,1,1),(2,2,2),(3,3,3);"
              "CREATE TRIGGER d AFTER DELETE ON t WHEN OLD.id = 1 BEGIN"
              " DELETE FROM t WHERE id = 2; UPDATE t SET b = 33 WHERE id = 3; END;");

    CHECK_RUN(db, "UPDATE OR REPLACE t SET a = 1 WHERE id = 2; SELECT changes(); SELECT * FROM t",
              "0|3,3,33");
    CHECK_RUN(db, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
upserts_fire_what_they_do(void)
{
    velo_connection *db = trigger_open(
        NULL, "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE TABLE log(s);"
              "CREATE TRIGGER bi BEFORE INSERT ON t BEGIN INSERT INTO log VALUES ('bi'); END;"
              "CREATE TRIGGER ai AFTER INSERT ON t BEGIN INSERT INTO log VALUES ('ai'); END;"
              "CREATE TRIGGER bu BEFORE UPDATE OF a ON t BEGIN INSERT INTO log VALUES ('bu'); END;"
              "CREATE TRIGGER au AFTER UPDATE OF b ON t BEGIN INSERT INTO log VALUES ('au'); END;");

    CHECK_RUN(db,
              "INSERT INTO t VALUES (1, 1, 1) ON CONFLICT DO UPDATE SET a = 2;"
              "SELECT s FROM log; DELETE FROM log",
              "bi|ai");
    CHECK_RUN(db,
              "INSERT INTO t VALUES (1, 1, 1) ON CONFLICT DO UPDATE SET a = 2 RETURNING a;"
              "SELECT changes(); SELECT s FROM log; DELETE FROM log",
              "2|1|bi|bu");
    CHECK_RUN(db,
              "INSERT INTO t VALUES (1, 1, 1) ON CONFLICT DO UPDATE SET b = 2;"
              "SELECT s FROM log; DELETE FROM log",
              "bi|au");
    CHECK_RUN(db,
              "INSERT INTO t VALUES (1, 1, 1) ON CONFLICT DO NOTHING;"
              "SELECT changes(); SELECT s FROM log",
              "0|bi");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ---- RAISE ---- */

static const char raise_sql[] =
    "CREATE TABLE t(a); CREATE TABLE log(s); CREATE TABLE how(k);"
    "CREATE TRIGGER b BEFORE INSERT ON t WHEN NEW.a = 3 BEGIN"
    " INSERT INTO log VALUES ('before');"
    " SELECT CASE (SELECT k FROM how) WHEN 'ignore' THEN RAISE(IGNORE)"
    "  WHEN 'abort' THEN RAISE(ABORT, 'aborted ' || NEW.a)"
    "  WHEN 'fail' THEN RAISE(FAIL, 'failed')"
    "  WHEN 'rollback' THEN RAISE(ROLLBACK, 'rolled back') END;"
    " INSERT INTO log VALUES ('behind'); END;"
    "BEGIN; INSERT INTO t VALUES (0); SAVEPOINT s; INSERT INTO t VALUES (1);";

/* Insert 2, 3 and 4 where RAISE is said for 3; what is left. */
static const char *
raise_run(velo_connection *db, const char *how, const char *error)
{
    char sql[200];

    (void)snprintf(sql, sizeof sql, "DELETE FROM how; INSERT INTO how VALUES ('%s')", how);
    if (velo_exec(db, sql, NULL, NULL) != VELO_OK)
        return velo_error_text(db);
    if (strcmp(api_run(db, "INSERT INTO t VALUES (2), (3), (4)"), error) != 0)
        return velo_error_text(db);
    return api_run(db, "SELECT a FROM t UNION ALL SELECT s FROM log");
}

static void
raise_ignore_passes_over_the_row(void)
{
    velo_connection *db = trigger_open(NULL, raise_sql);

    CHECK_TEXT(raise_run(db, "ignore", ""), "0|1|2|4|before");
    CHECK_RUN(db, "SELECT changes()", "2");
    CHECK_RUN(db, "ROLLBACK TO s; COMMIT; SELECT a FROM t", "0");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
raise_abort_undoes_the_statement(void)
{
    velo_connection *db = trigger_open(NULL, raise_sql);

    CHECK_TEXT(raise_run(db, "abort", "!aborted 3"), "0|1");
    CHECK_EQ(trigger_code(db, "INSERT INTO t VALUES (3)"), VELO_CONSTRAINT_TRIGGER);
    CHECK(velo_in_transaction(db));
    CHECK_RUN(db, "SELECT changes(); RELEASE s; COMMIT; SELECT a FROM t", "0|0|1");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
raise_fail_keeps_what_was_done(void)
{
    velo_connection *db = trigger_open(NULL, raise_sql);

    CHECK_TEXT(raise_run(db, "fail", "!failed"), "0|1|2|before");
    CHECK_RUN(db, "SELECT changes()", "1");
    CHECK_RUN(db, "ROLLBACK TO s; SELECT a FROM t", "0");
    CHECK_RUN(db, "COMMIT", "");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
raise_rollback_ends_the_transaction(void)
{
    velo_connection *db = trigger_open(NULL, raise_sql);

    CHECK_TEXT(raise_run(db, "rollback", "!rolled back"), "");
    CHECK(!velo_in_transaction(db));
    CHECK_RUN(db, "RELEASE s", "!no such savepoint: s");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
raise_ignore_ends_the_innermost_program(void)
{
    velo_connection *db = trigger_open(
        NULL, "CREATE TABLE t(a); CREATE TABLE u(a); CREATE TABLE log(s);"
              "CREATE TRIGGER ub BEFORE INSERT ON u WHEN NEW.a % 2 BEGIN SELECT RAISE(IGNORE); END;"
              "CREATE TRIGGER ta AFTER INSERT ON t BEGIN"
              " INSERT INTO u VALUES (NEW.a), (NEW.a + 1), (NEW.a + 2);"
              " INSERT INTO log VALUES (changes()); END;");

    CHECK_RUN(db, "INSERT INTO t VALUES (1), (2)", "");
    CHECK_RUN(db, "SELECT a FROM u; SELECT s FROM log", "2|2|4|1|2");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
raise_in_when_and_in_a_subquery_counts(void)
{
    velo_connection *db = trigger_open(
        NULL, "CREATE TABLE t(a); CREATE TABLE log(s);"
              "CREATE TRIGGER w BEFORE DELETE ON t WHEN OLD.a = 1 OR RAISE(IGNORE) BEGIN"
              " INSERT INTO log VALUES (OLD.a); END;"
              "CREATE TRIGGER i BEFORE INSERT ON t BEGIN INSERT INTO log SELECT 'i' || NEW.a"
              " WHERE (SELECT CASE WHEN NEW.a = 5 THEN RAISE(ABORT, 'five') ELSE 1 END); "
              "END;");

    CHECK_RUN(db, "INSERT INTO t VALUES (1), (2)", "");
    CHECK_RUN(db, "DELETE FROM t; SELECT a FROM t; SELECT s FROM log", "2|i1|i2|1");
    CHECK_RUN(db, "INSERT INTO t VALUES (4), (5)", "!five");
    CHECK_RUN(db, "SELECT count(*) FROM t", "1");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ---- nesting ---- */

static void
triggers_fire_triggers_but_not_themselves(void)
{
    velo_connection *db =
        trigger_open(NULL, "CREATE TABLE t(a); CREATE TABLE u(a);"
                           "CREATE TRIGGER tt AFTER INSERT ON t WHEN NEW.a < 5 BEGIN"
                           " INSERT INTO t VALUES (NEW.a + 1); INSERT INTO u VALUES (NEW.a); END;"
                           "CREATE TRIGGER uu AFTER INSERT ON u WHEN NEW.a < 5 BEGIN"
                           " INSERT INTO t VALUES (NEW.a + 10); END;");

    CHECK_RUN(db, "INSERT INTO t VALUES (1); SELECT a FROM t; SELECT a FROM u", "1|2|11|1");
    CHECK_RUN(db,
              "DELETE FROM t; DELETE FROM u; PRAGMA recursive_triggers = yes;"
              "INSERT INTO t VALUES (3); SELECT a FROM t; SELECT a FROM u",
              "3|4|5|14|13|4|3");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
recursion_has_a_limit_and_leaves_nothing(void)
{
    velo_connection *db = trigger_open(
        NULL, "PRAGMA recursive_triggers = 1; CREATE TABLE t(a INTEGER PRIMARY KEY, b);"
              "CREATE TRIGGER r AFTER INSERT ON t WHEN NEW.a < NEW.b BEGIN"
              " INSERT INTO t VALUES (NEW.a + 1, NEW.b); END;");

    CHECK_RUN(db, "INSERT INTO t VALUES (1, 1000); SELECT count(*), max(a) FROM t", "1000,1000");
    CHECK_RUN(db, "SELECT changes(), total_changes()", "1,1000");
    CHECK_RUN(db, "DELETE FROM t; INSERT INTO t VALUES (1, 1001)",
              "!too many levels of trigger recursion");
    CHECK_RUN(db, "SELECT count(*) FROM t", "0");
    CHECK_RUN(db, "INSERT INTO t VALUES (1, 10); SELECT count(*) FROM t", "10");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
deep_recursion_gives_its_memory_back(void)
{
    velo_connection *db =
        trigger_open(NULL, "PRAGMA recursive_triggers = 1; CREATE TABLE t(a, b);"
                           "CREATE TRIGGER r AFTER INSERT ON t WHEN NEW.a < NEW.b BEGIN"
                           " INSERT INTO t VALUES (NEW.a + 1, NEW.b); END;");
    vl_allocator *allocator = vl_allocator_default();
    velo_statement *insert = NULL;
    uint64_t before;

    CHECK_EQ(velo_prepare(db, "INSERT INTO t VALUES (1, ?1)", -1, &insert, NULL), VELO_OK);
    CHECK_EQ(velo_bind_int64(insert, 1, 2), VELO_OK);
    CHECK_EQ(velo_step(insert), VELO_DONE);
    CHECK_EQ(velo_reset(insert), VELO_OK);
    before = atomic_load(&allocator->used_bytes);
    CHECK_EQ(velo_bind_int64(insert, 1, 900), VELO_OK);
    CHECK_EQ(velo_step(insert), VELO_DONE);
    CHECK_EQ(velo_reset(insert), VELO_OK);
    CHECK(atomic_load(&allocator->used_bytes) < before + 2 * 1024 * 1024);
    CHECK_RUN(db, "SELECT count(*) FROM t", "902");
    CHECK_EQ(velo_finalize(insert), VELO_OK);
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
an_error_deep_in_triggers_leaves_nothing_changed(void)
{
    velo_connection *db = trigger_open(
        NULL, "CREATE TABLE a(x); CREATE TABLE b(x UNIQUE); CREATE TABLE c(x CHECK (x <> 3));"
              "INSERT INTO a VALUES (1),(2),(3); CREATE INDEX ax ON a(x);"
              "CREATE TRIGGER ra AFTER UPDATE ON a BEGIN INSERT INTO b VALUES (OLD.x); END;"
              "CREATE TRIGGER rb AFTER INSERT ON b BEGIN"
              " DELETE FROM a WHERE x = 77; INSERT INTO c VALUES (NEW.x); END;");

    CHECK_RUN(db, "BEGIN; UPDATE a SET x = x + 100", "!CHECK constraint failed: x <> 3");
    CHECK_RUN(db, "SELECT x FROM a; SELECT count(*) FROM b; SELECT count(*) FROM c", "1|2|3|0|0");
    CHECK_RUN(db, "UPDATE a SET x = x + 100 WHERE x < 3; COMMIT; SELECT x FROM a; SELECT x FROM c",
              "101|102|3|1|2");
    CHECK_RUN(db, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ---- views ---- */

static const char view_sql[] =
    "CREATE TABLE p(id INTEGER PRIMARY KEY, n); CREATE TABLE q(id, m);"
    "INSERT INTO p VALUES (1,'a'),(2,'b'); INSERT INTO q VALUES (1,10),(2,20);"
    "CREATE VIEW v(i, n, m) AS SELECT p.id, n, m FROM p JOIN q ON p.id = q.id;"
    "CREATE TRIGGER vi INSTEAD OF INSERT ON v BEGIN"
    " INSERT INTO p VALUES (NEW.i, NEW.n); INSERT INTO q VALUES (NEW.i, NEW.m); END;"
    "CREATE TRIGGER vu INSTEAD OF UPDATE OF m, n ON v WHEN NEW.i = OLD.i BEGIN"
    " UPDATE p SET n = NEW.n WHERE id = OLD.i; UPDATE q SET m = NEW.m WHERE id = OLD.i; END;"
    "CREATE TRIGGER vd INSTEAD OF DELETE ON v BEGIN"
    " DELETE FROM p WHERE id = OLD.i; SELECT RAISE(IGNORE); DELETE FROM q; END;";

static void
views_are_changed_through_their_triggers(void)
{
    velo_connection *db = trigger_open(NULL, view_sql);

    CHECK_RUN(db,
              "INSERT INTO v(m, i) VALUES (30, 3); INSERT INTO v SELECT i + 3, n, m FROM v;"
              "SELECT * FROM v",
              "1,a,10|2,b,20|3,~,30|4,a,10|5,b,20|6,~,30");
    CHECK_RUN(db, "SELECT changes()", "0");
    CHECK_RUN(db, "UPDATE v SET m = m + 1, n = n || '!' WHERE i < 3 RETURNING i, m", "1,11|2,21");
    CHECK_RUN(db,
              "UPDATE v SET n = k.w FROM (SELECT 3 AS j, 'three' AS w) AS k WHERE i = k.j;"
              "SELECT * FROM v WHERE i < 4",
              "1,a!,11|2,b!,21|3,three,30");
    CHECK_RUN(db, "DELETE FROM v WHERE m > 20 RETURNING i; SELECT id FROM p", "1|4|5");
    CHECK_RUN(db, "SELECT count(*) FROM q", "6");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
views_refuse_what_no_trigger_takes(void)
{
    velo_connection *db = trigger_open(NULL, view_sql);

    CHECK_RUN(db, "UPDATE v SET i = 5", "!cannot modify v because it is a view");
    CHECK_RUN(db, "DROP TRIGGER vi; INSERT INTO v VALUES (1,2,3)",
              "!cannot modify v because it is a view");
    CHECK_RUN(db, "DROP TRIGGER vd; DELETE FROM v", "!cannot modify v because it is a view");
    CHECK_RUN(db, "UPDATE v SET zz = 5, m = 1", "!no such column: zz");
    CHECK_RUN(db,
              "CREATE TRIGGER vi INSTEAD OF INSERT ON v BEGIN SELECT 1; END;"
              "INSERT INTO v VALUES (1,2,3) ON CONFLICT DO NOTHING",
              "!cannot UPSERT a view");
    CHECK_RUN(db, "INSERT INTO v VALUES (1,2)",
              "!table v has 3 columns but 2 values were supplied");
    CHECK_RUN(db, "INSERT INTO v(zz) VALUES (1)", "!table v has no column named zz");
    CHECK_RUN(db, "INSERT INTO v DEFAULT VALUES RETURNING *", "~,~,~");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ---- counters ---- */

/* 31, item 10. */
static void
counters_are_those_of_the_program_at_work(void)
{
    velo_connection *db = trigger_open(
        NULL, "CREATE TABLE t(a); CREATE TABLE u(a); CREATE TABLE log(n INTEGER PRIMARY KEY, s);"
              "INSERT INTO u(rowid, a) VALUES (70, 1), (71, 2);"
              "CREATE TRIGGER r AFTER INSERT ON t BEGIN"
              " INSERT INTO log(s) VALUES (changes() || '/' || last_insert_rowid());"
              " UPDATE u SET a = a + 1;"
              " INSERT INTO log(s) VALUES (changes() || '/' || last_insert_rowid()); END;");

    CHECK_RUN(db, "INSERT INTO t(rowid, a) VALUES (500, 1), (501, 2)", "");
    CHECK_RUN(db, "SELECT changes(), total_changes(), last_insert_rowid()", "2,12,501");
    CHECK_RUN(db, "SELECT s FROM log", "2/500|2/1|2/501|2/3");
    CHECK_EQ(velo_changes(db), 2);
    CHECK_EQ(velo_last_insert_rowid(db), 501);
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
returning_does_not_see_what_after_triggers_do(void)
{
    velo_connection *db = trigger_open(
        NULL, "CREATE TABLE t(id INTEGER PRIMARY KEY, a);"
              "CREATE TRIGGER b BEFORE INSERT ON t WHEN NEW.a = 2 BEGIN SELECT RAISE(IGNORE); END;"
              "CREATE TRIGGER r AFTER INSERT ON t BEGIN"
              " UPDATE t SET a = a * 10 WHERE id = NEW.id; END;"
              "CREATE TRIGGER d AFTER DELETE ON t BEGIN INSERT INTO t VALUES (OLD.id, 0); END;");

    CHECK_RUN(db, "INSERT INTO t(a) VALUES (1), (2), (3) RETURNING id, a", "1,1|2,3");
    CHECK_RUN(db, "DELETE FROM t RETURNING *; SELECT * FROM t", "1,10|2,30|1,0|2,0");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
sequences_are_one_for_a_statement_and_its_triggers(void)
{
    velo_connection *db =
        trigger_open(NULL, "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a);"
                           "CREATE TRIGGER r AFTER INSERT ON t WHEN NEW.a < 10 BEGIN"
                           " INSERT INTO t(a) VALUES (NEW.a + 10); END;"
                           "CREATE TABLE u(a); CREATE TRIGGER ur AFTER DELETE ON u BEGIN"
                           " INSERT INTO t(a) VALUES (99); END; INSERT INTO u VALUES (1), (2);");

    CHECK_RUN(db, "INSERT INTO t(a) VALUES (1), (2); SELECT * FROM t", "1,1|2,11|3,2|4,12");
    CHECK_RUN(db, "DELETE FROM t; DELETE FROM u; SELECT * FROM t", "5,99|6,99");
    CHECK_RUN(db, "SELECT * FROM sqlite_sequence", "t,6");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ---- schemas ---- */

static void
bad_bodies_are_found_when_they_are_needed(void)
{
    static const char *const cases[][2] = {
        {"AFTER INSERT ON t BEGIN SELECT NEW.x; END", "!no such column: NEW.x"},
        {"AFTER INSERT ON t BEGIN SELECT OLD.a; END", "!no such column: OLD.a"},
        {"AFTER INSERT ON t WHEN a BEGIN SELECT 1; END", "!no such column: a"},
        {"AFTER INSERT ON t BEGIN DELETE FROM nosuch; END", "!no such table: main.nosuch"},
        {"AFTER INSERT ON t BEGIN SELECT 1 FROM nosuch; END", "!no such table: main.nosuch"},
        {"AFTER INSERT ON t BEGIN SELECT nosuch(1); END", "!no such function: nosuch"},
        {"AFTER INSERT ON t BEGIN INSERT INTO u VALUES (1, 2); END",
         "!table u has 1 columns but 2 values were supplied"},
        {"AFTER INSERT ON t BEGIN INSERT INTO u VALUES (1); END", "!no such column: NEW.y"},
    };
    velo_connection *db =
        trigger_open(NULL, "CREATE TABLE t(a); CREATE TABLE u(a);"
                           "CREATE TRIGGER deep BEFORE INSERT ON u BEGIN SELECT NEW.y; END;");

    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        char sql[300];

        (void)snprintf(sql, sizeof sql, "CREATE TRIGGER r %s", cases[i][0]);
        CHECK_RUN(db, sql, "");
        CHECK_RUN(db, "INSERT INTO t SELECT 1 WHERE 0", cases[i][1]); /* when it is prepared */
        CHECK_EQ(velo_error_offset(db), -1);
        CHECK_RUN(db, "DROP TRIGGER r", "");
    }
    CHECK_RUN(db, "INSERT INTO t VALUES (1); SELECT a FROM t", "1");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
creating_refuses_what_sqlite_refuses(void)
{
    static const char *const cases[][2] = {
        {"TRIGGER x AFTER INSERT ON t BEGIN SELECT ?; END", "!trigger cannot use variables"},
        {"TRIGGER x AFTER INSERT ON t WHEN :a BEGIN SELECT 1; END",
         "!trigger cannot use variables"},
        {"TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM main.t; END",
         "!qualified table names are not allowed on INSERT, UPDATE, and DELETE statements within "
         "triggers"},
        {"TRIGGER x AFTER INSERT ON t BEGIN UPDATE t INDEXED BY i SET a = 1; END",
         "!the INDEXED BY clause is not allowed on UPDATE or DELETE statements within triggers"},
        {"TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM t NOT INDEXED; END",
         "!the NOT INDEXED clause is not allowed on UPDATE or DELETE statements within triggers"},
        {"TRIGGER x INSTEAD OF INSERT ON t BEGIN SELECT 1; END",
         "!cannot create INSTEAD OF trigger on table: t"},
        {"TRIGGER x AFTER INSERT ON v BEGIN SELECT 1; END",
         "!cannot create AFTER trigger on view: v"},
        {"TRIGGER x AFTER INSERT ON nosuch BEGIN SELECT 1; END", "!no such table: main.nosuch"},
        {"TEMP TRIGGER main.x AFTER INSERT ON t BEGIN SELECT 1; END",
         "!temporary trigger may not have qualified name"},
    };
    velo_connection *db = trigger_open(NULL, "CREATE TABLE t(a); CREATE VIEW v AS SELECT * FROM t");

    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        char sql[300];

        (void)snprintf(sql, sizeof sql, "CREATE %s", cases[i][0]);
        CHECK_RUN(db, sql, cases[i][1]);
    }
    CHECK_RUN(db, "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'", "0");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
statements_follow_the_schema(void)
{
    velo_connection *db = trigger_open(NULL, "CREATE TABLE t(a); CREATE TABLE log(s)");
    velo_statement *insert = NULL;

    CHECK_EQ(velo_prepare(db, "INSERT INTO t VALUES (1)", -1, &insert, NULL), VELO_OK);
    CHECK_EQ(velo_step(insert), VELO_DONE);
    CHECK_RUN(db, "CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log VALUES (NEW.a); END",
              "");
    CHECK_EQ(velo_step(insert), VELO_DONE);
    CHECK_RUN(db, "SELECT s FROM log", "1");
    CHECK_RUN(db,
              "ALTER TABLE log RENAME TO journal; ALTER TABLE t RENAME COLUMN a TO b;"
              "ALTER TABLE t RENAME TO tt; SELECT sql FROM sqlite_schema WHERE name = 'r'",
              "CREATE TRIGGER r AFTER INSERT ON \"tt\" BEGIN INSERT INTO \"journal\" VALUES "
              "(NEW.b); END");
    CHECK_RUN(db, "INSERT INTO tt VALUES (2); SELECT s FROM journal", "1|2");
    CHECK_EQ(velo_step(insert), VELO_ERROR); /* no such table: t */
    CHECK_EQ(velo_finalize(insert), VELO_ERROR);
    CHECK_RUN(db, "DROP TABLE tt; SELECT name FROM sqlite_schema", "journal");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
a_statement_fires_the_same_triggers_many_times(void)
{
    velo_connection *db =
        trigger_open(NULL, "CREATE TABLE t(a); CREATE TABLE s(n, x); INSERT INTO s VALUES (0, 0);"
                           "CREATE TRIGGER r AFTER INSERT ON t BEGIN"
                           " UPDATE s SET n = n + 1, x = x + NEW.a; END;");
    velo_statement *insert = NULL;

    CHECK_EQ(velo_prepare(db, "INSERT INTO t VALUES (?1), (?1 + 1)", -1, &insert, NULL), VELO_OK);
    for (int i = 0; i < 300; i++) {
        CHECK_EQ(velo_bind_int64(insert, 1, i), VELO_OK);
        CHECK_EQ(velo_step(insert), VELO_DONE);
        CHECK_EQ(velo_reset(insert), VELO_OK);
    }
    CHECK_EQ(velo_finalize(insert), VELO_OK);
    CHECK_RUN(db, "SELECT * FROM s", "600,90000");
    CHECK_EQ(velo_close(db), VELO_OK);
}

/* ---- two connections ---- */

static void
bodies_meet_the_changes_of_others(void)
{
    velo_connection *one = trigger_open(
        "two", "CREATE TABLE t(a); CREATE TABLE s(n); INSERT INTO s VALUES (0);"
               "CREATE TRIGGER r AFTER INSERT ON t BEGIN UPDATE s SET n = n + NEW.a; END;");
    velo_connection *other = trigger_open("two", "SELECT 1");

    CHECK_RUN(one, "BEGIN; SELECT n FROM s", "0");
    CHECK_RUN(other, "INSERT INTO t VALUES (5)", "");
    CHECK_EQ(trigger_code(one, "INSERT INTO t VALUES (1)"), VELO_BUSY_SNAPSHOT);
    CHECK_RUN(one, "SELECT count(*) FROM t; ROLLBACK", "0");
    CHECK_RUN(one, "INSERT INTO t VALUES (1); SELECT n FROM s", "6");
    CHECK_RUN(one, "BEGIN; INSERT INTO t VALUES (100)", "");
    CHECK_EQ(trigger_code(other, "INSERT INTO t VALUES (7)"), VELO_BUSY);
    CHECK_RUN(other, "SELECT a FROM t", "5|1");
    CHECK_RUN(one, "ROLLBACK", "");
    CHECK_RUN(other, "INSERT INTO t VALUES (7); SELECT n FROM s", "13");
    CHECK_EQ(velo_close(one), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
}

/* ---- lack of memory ---- */

static const char memory_sql[] =
    "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a UNIQUE, b TEXT);"
    "INSERT INTO t(a, b) VALUES (1, 'one'), (2, 'two'), (3, 'three');"
    "CREATE TABLE log(s); CREATE VIEW v AS SELECT a, b FROM t;"
    "PRAGMA recursive_triggers = 1;"
    "CREATE TRIGGER bi BEFORE INSERT ON t BEGIN INSERT INTO log VALUES ('i' || NEW.b); END;"
    "CREATE TRIGGER au AFTER UPDATE ON t WHEN NEW.a < 50 AND EXISTS (SELECT 1 FROM log) BEGIN"
    " UPDATE t SET a = a + 100 WHERE id = OLD.id; INSERT INTO log SELECT OLD.b || NEW.b; END;"
    "CREATE TRIGGER ad AFTER DELETE ON t BEGIN INSERT INTO log VALUES ('d' || OLD.b); END;"
    "CREATE TRIGGER vu INSTEAD OF UPDATE ON v BEGIN UPDATE t SET b = NEW.b WHERE a = OLD.a;"
    " SELECT RAISE(IGNORE) WHERE OLD.a = 2; INSERT INTO log VALUES ('v'); END;";

static const char memory_state[] = "SELECT * FROM t; SELECT s FROM log; SELECT * FROM "
                                   "sqlite_sequence";

/* Run a statement with the nth request for memory failing, for every n; each time nothing or all of
 * it is done, and `wanted` is all. */
static void
memory_check(const char *sql, const char *wanted)
{
    velo_connection *db = trigger_open(NULL, memory_sql);
    vl_allocator *allocator = vl_allocator_default();
    char before[1000];
    int is_met = 1;

    (void)snprintf(before, sizeof before, "%s", api_run(db, memory_state));
    for (uint64_t n = 1; is_met; n++) {
        uint64_t failed = atomic_load(&allocator->failed_count);
        velo_status st;

        CHECK_RUN(db, "BEGIN", "");
        vl_allocator_fail_nth(allocator, n, 1);
        st = velo_exec(db, sql, NULL, NULL);
        vl_allocator_fail_nth(allocator, 0, 0);
        is_met = atomic_load(&allocator->failed_count) != failed;
        CHECK(st == VELO_OK || (is_met && st == VELO_NOMEM));
        CHECK_RUN(db, memory_state, st == VELO_OK ? wanted : before);
        CHECK_RUN(db, "ROLLBACK", "");
        CHECK(n < 100000);
    }
    CHECK_RUN(db, "PRAGMA integrity_check", "ok");
    CHECK_EQ(velo_close(db), VELO_OK);
}

static void
lack_of_memory_leaves_nothing_half_done(void)
{
    memory_check("INSERT OR REPLACE INTO t(a, b) SELECT a, b || 'x' FROM t WHERE a < 3",
                 "3,3,three|4,1,onex|5,2,twox|ionex|done|itwox|dtwo|t,5");
    memory_check("INSERT INTO t(a, b) VALUES (1, 'neu') ON CONFLICT(a) DO UPDATE SET b = "
                 "excluded.b",
                 "1,101,neu|2,2,two|3,3,three|ineu|oneneu|t,4");
    memory_check("UPDATE v SET b = b || '?' WHERE a < 3",
                 "1,1,one?|2,102,two?|3,3,three|v|twotwo?|t,3");
}

/* ---- beyond memory ---- */

static void
many_rows_are_collected_and_changed(void)
{
    velo_connection *db =
        trigger_open(NULL, "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); CREATE TABLE s(n, x);"
                           "INSERT INTO s VALUES (0, 0); CREATE TRIGGER r AFTER INSERT ON t BEGIN"
                           " UPDATE s SET n = n + 1, x = x + length(NEW.a); END;");

    CHECK_RUN(db,
              "INSERT INTO t(a) WITH c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c"
              " WHERE i < 3000) SELECT printf('%.*c', i % 50, 'x') FROM c",
              "");
    CHECK_RUN(db, "SELECT * FROM s", "3000,73560");
    CHECK_RUN(db, "SELECT count(*), sum(length(a)) FROM t", "3000,73560");
    CHECK_EQ(velo_close(db), VELO_OK);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(a_body_sees_what_its_statement_has_changed),
        UNIT_TEST(rows_pass_by_in_rowid_order_and_each_sees_those_before),
        UNIT_TEST(before_triggers_change_what_was_not_set),
        UNIT_TEST(old_and_new_are_rows_as_they_are_stored),
        UNIT_TEST(update_from_takes_the_last_of_the_rows_that_it_finds),
        UNIT_TEST(triggers_are_fired_the_newest_first),
        UNIT_TEST(when_and_bodies_may_hold_any_query),
        UNIT_TEST(the_outer_clause_goes_before_that_of_the_body),
        UNIT_TEST(replace_fires_delete_triggers_only_if_they_are_recursive),
        UNIT_TEST(a_delete_trigger_of_replace_may_delete_the_updated_row),
        UNIT_TEST(upserts_fire_what_they_do),
        UNIT_TEST(raise_ignore_passes_over_the_row),
        UNIT_TEST(raise_abort_undoes_the_statement),
        UNIT_TEST(raise_fail_keeps_what_was_done),
        UNIT_TEST(raise_rollback_ends_the_transaction),
        UNIT_TEST(raise_ignore_ends_the_innermost_program),
        UNIT_TEST(raise_in_when_and_in_a_subquery_counts),
        UNIT_TEST(triggers_fire_triggers_but_not_themselves),
        UNIT_TEST(recursion_has_a_limit_and_leaves_nothing),
        UNIT_TEST(deep_recursion_gives_its_memory_back),
        UNIT_TEST(an_error_deep_in_triggers_leaves_nothing_changed),
        UNIT_TEST(views_are_changed_through_their_triggers),
        UNIT_TEST(views_refuse_what_no_trigger_takes),
        UNIT_TEST(counters_are_those_of_the_program_at_work),
        UNIT_TEST(returning_does_not_see_what_after_triggers_do),
        UNIT_TEST(sequences_are_one_for_a_statement_and_its_triggers),
        UNIT_TEST(bad_bodies_are_found_when_they_are_needed),
        UNIT_TEST(creating_refuses_what_sqlite_refuses),
        UNIT_TEST(statements_follow_the_schema),
        UNIT_TEST(a_statement_fires_the_same_triggers_many_times),
        UNIT_TEST(bodies_meet_the_changes_of_others),
        UNIT_TEST(lack_of_memory_leaves_nothing_half_done),
        UNIT_TEST(many_rows_are_collected_and_changed),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
