/* test_api_growth.c - each way to read a table is taken, by its plan, and costs what it should:
 * steps (rows that operators look at or yield, and their calls) are counted with few rows and with
 * many. A fast way that is missing would fail no other test. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include <stdio.h>
#include <string.h>

#define FEW  400
#define MANY 12000

/* How the steps may grow when the table has ten times as many rows. */
typedef enum growth {
    SAME, /* no more, but for a few that come from the heights of trees */
    ROWS  /* with each chunk of the table: the contrast, which shows that steps tell of it */
} growth;

typedef struct growth_case {
    const char *sql;
    const char *plan; /* what its plan has in it */
    growth growth;
} growth_case;

static int
count_step(void *user)
{
    ++*(uint64_t *)user;
    return 0;
}

static velo_connection *
growth_open(int rows)
{
    velo_connection *db = api_run_open(NULL);
    char sql[1000];

    (void)snprintf(
        sql, sizeof sql,
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, c, d);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
        " INSERT INTO t SELECT i, i, i %% 7, 'k' || i, CASE WHEN i %% 100 = 0 THEN i END FROM n;"
        "CREATE INDEX ta ON t(a); CREATE INDEX tba ON t(b, a); CREATE UNIQUE INDEX tc ON t(c);"
        "CREATE INDEX td ON t(d) WHERE d IS NOT NULL; CREATE INDEX te ON t(a + 1);"
        "CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO w SELECT c, a FROM t;"
        "CREATE INDEX wv ON w(v);"
        "CREATE TABLE s(x); INSERT INTO s VALUES (5), (50), (300)",
        rows);
    if (velo_exec(db, sql, NULL, NULL) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", velo_error_text(db));
    return db;
}

/* Steps of a statement. */
static uint64_t
growth_steps(velo_connection *db, const char *sql)
{
    uint64_t steps = 0;

    velo_set_progress(db, 1, count_step, &steps);
    if (velo_exec(db, sql, NULL, NULL) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s: %s", sql, velo_error_text(db));
    velo_set_progress(db, 0, NULL, NULL);
    return steps;
}

static void
check_cases(const growth_case *cases, size_t count)
{
    velo_connection *few = growth_open(FEW);
    velo_connection *many = growth_open(MANY);

    for (size_t i = 0; i < count; i++) {
        uint64_t at_few = growth_steps(few, cases[i].sql);
        uint64_t at_many = growth_steps(many, cases[i].sql);
        char explain[600];
        const char *plan;

        (void)snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", cases[i].sql);
        plan = api_run(many, explain);
        if (strstr(plan, cases[i].plan) == NULL)
            unit_failed(__FILE__, __LINE__, "%s: the plan \"%s\" has no \"%s\"", cases[i].sql, plan,
                        cases[i].plan);
        if (cases[i].growth == SAME ? at_many > at_few + 6 : at_many < at_few + 12)
            unit_failed(__FILE__, __LINE__, "%s: %llu steps with few rows, %llu with many",
                        cases[i].sql, (unsigned long long)at_few, (unsigned long long)at_many);
    }
    CHECK_OK(velo_close(few));
    CHECK_OK(velo_close(many));
}

static void
reads_by_key_do_not_grow(void)
{
    static const growth_case cases[] = {
        {"SELECT * FROM t WHERE id = 77", "USING INTEGER PRIMARY KEY (rowid=?)", SAME},
        {"SELECT * FROM t WHERE id IN (3, 77, 390)", "USING INTEGER PRIMARY KEY (rowid=?)", SAME},
        {"SELECT * FROM t WHERE id BETWEEN 100 AND 120", "USING INTEGER PRIMARY KEY (rowid>? AND",
         SAME},
        {"SELECT * FROM t WHERE id < 20", "USING INTEGER PRIMARY KEY (rowid<?)", SAME},
        {"SELECT b FROM t WHERE a = 33", "USING INDEX ta (a=?)", SAME},
        {"SELECT b FROM t WHERE a IN (33, 34, 200)", "USING INDEX ta (a=?)", SAME},
        {"SELECT b FROM t WHERE a = 5 OR a = 9", "USING INDEX ta (a=?)", SAME},
        {"SELECT b FROM t WHERE a = 5 OR c = 'k9' OR d = 200",
         "MULTI-INDEX OR|2,1,0,INDEX 1|3,2,0,SEARCH t USING INDEX ta (a=?)|4,1,0,INDEX 2|"
         "5,4,0,SEARCH t USING INDEX tc (c=?)|6,1,0,INDEX 3|7,6,0,SEARCH t USING INDEX td (d=?)",
         SAME},
        {"SELECT b FROM t WHERE (a = 5 AND d IS NULL) OR id = 30 OR id BETWEEN 50 AND 60",
         "INDEX 2|5,4,0,SEARCH t USING INTEGER PRIMARY KEY (rowid=?)", SAME},
        {"SELECT c FROM t WHERE +b = 3 AND (a = 10 OR d = 300 OR c = 'k10')", "MULTI-INDEX OR",
         SAME},
        {"SELECT c FROM t WHERE a = 5 OR a + 1 = 40 ORDER BY id DESC LIMIT 2", "MULTI-INDEX OR",
         SAME},
        {"SELECT t.b FROM s LEFT JOIN t ON t.a = s.x OR t.c = 'k' || s.x", "MULTI-INDEX OR", SAME},
        {"SELECT (SELECT sum(b) FROM t WHERE a = x OR id = x + 1) FROM s", "MULTI-INDEX OR", SAME},
        {"SELECT k FROM w WHERE v = 5 OR k = 'k6'", "MULTI-INDEX OR", SAME},
        {"SELECT b FROM t WHERE a > 10 AND a < 30", "USING INDEX ta (a>? AND a<?)", SAME},
        {"SELECT a FROM t WHERE b = 3 AND a < 50", "USING COVERING INDEX tba (b=? AND a<?)", SAME},
        {"SELECT a FROM t WHERE (b, a) > (2, 4) AND b = 2 AND a < 40", "COVERING INDEX tba", SAME},
        {"SELECT id FROM t WHERE c = 'k9'", "USING COVERING INDEX tc (c=?)", SAME},
        {"SELECT c FROM t WHERE d = 200", "USING INDEX td (d=?)", SAME},
        {"SELECT c FROM t WHERE a + 1 = 200", "USING INDEX te (<expr>=?)", SAME},
        {"SELECT v FROM w WHERE k = 'k7'", "SEARCH w USING PRIMARY KEY (k=?)", SAME},
        {"SELECT b FROM t WHERE a IN (SELECT x FROM s)", "USING INDEX ta (a=?)", SAME},
        {"SELECT count(*) FROM s JOIN t ON t.id = s.x", "USING INTEGER PRIMARY KEY (rowid=?)",
         SAME},
        {"SELECT t.b FROM s JOIN t ON t.a = s.x", "SEARCH t USING INDEX ta (a=?)", SAME},
    };

    check_cases(cases, VL_ARRAY_COUNT(cases));
}

static void
reads_to_a_limit_do_not_grow(void)
{
    static const growth_case cases[] = {
        {"SELECT * FROM t LIMIT 5", "SCAN t", SAME},
        {"SELECT id FROM t ORDER BY id DESC LIMIT 5", "SCAN t", SAME},
        {"SELECT c FROM t ORDER BY a LIMIT 5", "USING INDEX ta", SAME},
        {"SELECT c FROM t ORDER BY a DESC LIMIT 5", "USING INDEX ta", SAME},
        {"SELECT a FROM t WHERE b = 4 ORDER BY a LIMIT 5", "tba (b=?)", SAME},
        {"SELECT min(a) FROM t", "COVERING INDEX ta", SAME},
        {"SELECT max(a) FROM t", "COVERING INDEX ta", SAME},
        {"SELECT max(id) FROM t", "t", SAME},
        {"SELECT EXISTS (SELECT 1 FROM t WHERE b = 6)", "tba (b=?)", SAME},
        {"SELECT (SELECT a FROM t WHERE b = 6)", "tba (b=?)", SAME},
    };

    check_cases(cases, VL_ARRAY_COUNT(cases));
}

static void
changes_by_key_do_not_grow(void)
{
    static const growth_case cases[] = {
        {"UPDATE t SET d = NULL WHERE id = 77", "USING INTEGER PRIMARY KEY (rowid=?)", SAME},
        {"UPDATE t SET d = NULL WHERE c = 'k9'", "tc (c=?)", SAME},
        {"DELETE FROM t WHERE a BETWEEN 300 AND 310", "ta (a>? AND a<?)", SAME},
        {"UPDATE t SET d = NULL WHERE a = 78 OR c = 'k79'", "MULTI-INDEX OR", SAME},
        {"DELETE FROM t WHERE a = 80 OR id = 81", "MULTI-INDEX OR", SAME},
        {"UPDATE w SET v = 1 WHERE k = 'k8'", "SEARCH w USING PRIMARY KEY (k=?)", SAME},
    };

    check_cases(cases, VL_ARRAY_COUNT(cases));
}

static void
scans_grow(void)
{
    static const growth_case cases[] = {
        {"SELECT id FROM t WHERE +a = 33", "SCAN t", ROWS},
        {"SELECT id FROM t WHERE a = 33 OR b + 1 = 900", "SCAN t", ROWS},
        {"SELECT id FROM t WHERE a > 33 OR c > 'k'", "SCAN t", ROWS},
        {"SELECT sum(b) FROM t", "SCAN t", ROWS},
        {"SELECT c FROM t ORDER BY b + 1 LIMIT 5", "SCAN t", ROWS},
    };

    check_cases(cases, VL_ARRAY_COUNT(cases));
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(reads_by_key_do_not_grow),
        UNIT_TEST(reads_to_a_limit_do_not_grow),
        UNIT_TEST(changes_by_key_do_not_grow),
        UNIT_TEST(scans_grow),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
