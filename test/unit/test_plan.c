/* test_plan.c - statements to plans: which operators, which expressions, which words explain them.
 */
#include "lib/plan_rig.h"
#include "lib/unit.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct plan_pair {
    const char *sql;    /* what is planned */
    const char *wanted; /* the plan, see sql_plan_print */
} plan_pair;

static void
plan_check_pairs(const plan_pair *pairs, size_t count,
                 const char *(*tell)(plan_rig *rig, const char *sql))
{
    plan_rig rig;

    plan_rig_init(&rig, NULL);
    for (size_t i = 0; i < count; i++) {
        const char *text = tell(&rig, pairs[i].sql);

        if (strcmp(text, pairs[i].wanted) != 0)
            unit_failed(__FILE__, __LINE__, "%s\nis planned as\n%snot\n%s", pairs[i].sql, text,
                        pairs[i].wanted);
    }
    plan_rig_deinit(&rig);
}

/* check_tree: table, of statements */
static void
plan_reads_one_table(void)
{
    static const plan_pair pairs[] = {
        {"SELECT 1", "project (1)\n"
                     "  values\n"},
        {"SELECT 1 WHERE ?1", "project (1)\n"
                              "  filter (?1)\n"
                              "    values\n"},
        {"SELECT * FROM t WHERE id = '5'", "scan t [rowid a b c] key = '5'\n"},
        {"SELECT a FROM t WHERE id IN (5, 1, ?)", "project (#1)\n"
                                                  "  scan t [rowid a] key in(5, 1, ?1)\n"},
        {"SELECT a FROM t WHERE id > 1 AND id <= 10 AND b = 1",
         "project (#1)\n"
         "  scan t [rowid a b] > 1 <= 10 filter((#2 =/text 1))\n"},
        {"SELECT a FROM t WHERE id BETWEEN 1 AND 2", "project (#1)\n"
                                                     "  scan t [rowid a] >= 1 <= 2\n"},
        {"SELECT a FROM t WHERE rowid = 1 ORDER BY a", "sort #0\n"
                                                       "  project (#1)\n"
                                                       "    scan t [rowid a] key = 1\n"},
        {"SELECT a FROM t ORDER BY id DESC", "project (#1)\n"
                                             "  scan t backward [rowid a]\n"},
        {"SELECT c FROM t WHERE a = 1 OR a = 2 OR a = ?",
         "project (#1)\n"
         "  index t.ta [a c] key in(1, 2, compared-integer(?1))\n"},
        {"SELECT c FROM t WHERE a IS NULL", "project (#1)\n"
                                            "  index t.ta [a c] key is NULL\n"},
        {"SELECT c FROM t WHERE a IS ?", "project (#1)\n"
                                         "  index t.ta [a c] key is compared-integer(?1)\n"},
        {"SELECT c FROM t WHERE a = 1 AND b > 'x' AND b < 'y'",
         "project (#2)\n"
         "  index t.ta [a b c] key = 1 >('x') <('y')\n"},
        {"SELECT c FROM t WHERE +a = 1", "project (#1)\n"
                                         "  scan t [a c] filter((#0 = 1))\n"},
        {"SELECT c FROM t WHERE a = 1.5 AND fail(c) AND c > 0",
         "project (#1)\n"
         "  index t.ta [a c] key = 1.5 filter((#1 > 0), fail(#1))\n"},
        {"SELECT c FROM t NOT INDEXED WHERE a = 1", "project (#1)\n"
                                                    "  scan t [a c] filter((#0 =/int 1))\n"},
        {"SELECT c FROM t INDEXED BY ta WHERE a > 1", "project (#1)\n"
                                                      "  index t.ta [a c] >(1)\n"},
        {"SELECT a, b FROM t WHERE a = 1 ORDER BY b", "index t.ta covering [a b] key = 1\n"},
        {"SELECT a, b FROM t ORDER BY a, b", "index t.ta covering [a b]\n"},
        {"SELECT a, b FROM t ORDER BY a, b DESC", "sort #0 #1 desc\n"
                                                  "  index t.ta covering [a b]\n"},
        {"SELECT c FROM t ORDER BY a DESC, b DESC LIMIT 2", "limit limit 2\n"
                                                            "  project (#2)\n"
                                                            "    index t.ta backward [a b c]\n"},
        {"SELECT c FROM t ORDER BY c COLLATE NOCASE DESC NULLS LAST LIMIT 2 OFFSET 1",
         "project (#0)\n"
         "  limit limit 2 offset 1\n"
         "    sort #1/nocase desc limit 2 offset 1\n"
         "      project (#0, #0)\n"
         "        scan t [c]\n"},
        {"SELECT y FROM u WHERE y = 'A'", "index u.uy covering [y] key = 'A'\n"},
        {"SELECT y FROM u WHERE y COLLATE BINARY = 'A'",
         "index u.uy covering [y] filter((#0 =/text 'A'))\n"},
        {"SELECT * FROM w WHERE k = 1", "index w.sqlite_autoindex_w_1 covering [k l n] key = 1\n"},
        {"SELECT * FROM w WHERE k = 1 AND l > 2",
         "index w.sqlite_autoindex_w_1 covering [k l n] key = 1 >(2)\n"},
        {"SELECT n FROM w", "index w.sqlite_autoindex_w_1 covering [n]\n"},
        {"SELECT e FROM x WHERE upper(e) = 'A'", "index x.xe [e] key = 'A'\n"},
        {"SELECT e FROM x WHERE f = 1 AND e = 2", "project (#0)\n"
                                                  "  index x.xp [e f] key = 2 filter((#1 = 1))\n"},
        {"SELECT e FROM x WHERE f = 2 AND e = 2", "project (#0)\n"
                                                  "  scan x [e f] filter((#1 = 2), (#0 = 2))\n"},
        {"SELECT g, h FROM x WHERE g = 3",
         "project (stored-integer((#0*2)), #1)\n"
         "  scan x [f h] filter((stored-integer((#0*2)) =/int 3))\n"},
    };

    plan_check_pairs(pairs, VL_ARRAY_COUNT(pairs), plan_rig_print);
}

/* check_tree: table, of statements */
static void
plan_joins(void)
{
    static const plan_pair pairs[] = {
        {"SELECT t.a FROM t, u WHERE t.id = u.x", "project (#2)\n"
                                                  "  loop-join inner p1 with(#0)\n"
                                                  "    scan u [x]\n"
                                                  "p1(1):\n"
                                                  "  scan t [rowid a] key = $0\n"},
        {"SELECT t.a FROM u, t WHERE t.id = u.x AND u.a = 1",
         "project (#3)\n"
         "  loop-join inner p1 with(#0)\n"
         "    scan u [x a] filter((#1 =/int 1))\n"
         "p1(1):\n"
         "  scan t [rowid a] key = $0\n"},
        {"SELECT t.c FROM t JOIN u ON t.c = u.y JOIN w ON w.k = u.x AND w.l = t.a",
         "project (#1)\n"
         "  loop-join inner p1 with(#2, #0)\n"
         "    hash-join inner #1 = #1\n"
         "      scan t [a c]\n"
         "      scan u [x y]\n"
         "p1(2):\n"
         "  index w.sqlite_autoindex_w_1 covering [k l] key = compared-numeric($0) key = "
         "compared-numeric($1)\n"},
        {"SELECT r FROM u JOIN num ON num.id = u.x WHERE n < 5",
         "project (#3)\n"
         "  loop-join inner p1 with(#0)\n"
         "    scan u [x]\n"
         "p1(1):\n"
         "  scan num [rowid n r] key = $0 filter((#1 </int 5))\n"},
        {"SELECT r FROM num JOIN u ON num.id = u.x WHERE n < 5 AND u.a < 5",
         "project (#2)\n"
         "  hash-join inner #0 =/num #0\n"
         "    scan num [rowid n r] filter((#1 </int 5))\n"
         "    scan u [x a] filter((#1 </int 5))\n"},
        {"SELECT r FROM u JOIN num ON num.id = u.x AND n > u.a WHERE n < 5",
         "project (#2)\n"
         "  hash-join inner #0 =/num #0 on((#1 >/num #4))\n"
         "    scan num [rowid n r] filter((#1 </int 5))\n"
         "    scan u [x a]\n"},
        {"SELECT * FROM t CROSS JOIN u ON t.id = u.x", "hash-join inner #0 =/num #0\n"
                                                       "  scan t [rowid a b c]\n"
                                                       "  scan u [x y t_id a]\n"},
        {"SELECT t.a FROM t LEFT JOIN u ON u.t_id = t.id AND t.a > 1 WHERE t.b = 2",
         "project (#1)\n"
         "  loop-join left p1 with(#1, #0)\n"
         "    index t.ta covering [rowid a b] filter((#2 =/text 2))\n"
         "p1(2):\n"
         "  index u.ut covering [t_id] key = $1 filter(($0 >/int 1))\n"},
        {"SELECT t.a FROM t LEFT JOIN u ON u.x = t.c AND u.y = 'b' WHERE u.a = 1",
         "project (#0)\n"
         "  filter ((#4 =/int 1))\n"
         "    hash-join left #1 =/num #0\n"
         "      scan t [a c]\n"
         "      index u.uy [x y a] key = 'b'\n"},
        {"SELECT t.a FROM t RIGHT JOIN u ON u.t_id = t.id WHERE t.b = 2",
         "project (#1)\n"
         "  filter ((#2 =/text 2))\n"
         "    hash-join right #0 =/num #0\n"
         "      index t.ta covering [rowid a b]\n"
         "      index u.ut covering [t_id]\n"},
        {"SELECT t.a FROM t FULL JOIN u USING (a) WHERE t.b = 2",
         "project (#0)\n"
         "  filter ((#1 =/text 2))\n"
         "    hash-join full #0 =/num #0\n"
         "      index t.ta covering [a b]\n"
         "      scan u [a]\n"},
        {"SELECT a FROM t FULL JOIN u USING (a)", "project (coalesce(#0, #1))\n"
                                                  "  hash-join full #0 =/num #0\n"
                                                  "    index t.ta covering [a]\n"
                                                  "    scan u [a]\n"},
        {"SELECT t.c FROM t JOIN w ON fail(t.a) FULL JOIN u ON u.x = t.c",
         "project (#1)\n"
         "  hash-join full #1 =/num #0\n"
         "    filter (fail(#0))\n"
         "      hash-join inner\n"
         "        scan t [a c]\n"
         "        index w.sqlite_autoindex_w_1 covering []\n"
         "    scan u [x]\n"},
        {"SELECT t.c FROM t JOIN w ON fail(t.a) LEFT JOIN u ON u.x = t.c",
         "project (#1)\n"
         "  filter (fail(#0))\n"
         "    hash-join left #1 =/num #0\n"
         "      hash-join inner\n"
         "        scan t [a c]\n"
         "        index w.sqlite_autoindex_w_1 covering []\n"
         "      scan u [x]\n"},
        {"SELECT t.a FROM t LEFT JOIN (u JOIN w ON u.x = w.k) ON u.t_id = t.id",
         "project (#1)\n"
         "  hash-join left #0 =/num #1\n"
         "    index t.ta covering [rowid a]\n"
         "    loop-join inner p1 with(#0)\n"
         "      scan u [x t_id]\n"
         "p1(1):\n"
         "  index w.sqlite_autoindex_w_1 covering [k] key = compared-numeric($0)\n"},
        {"SELECT * FROM t NATURAL JOIN u", "project (#0, #1, #2, #3, #4, #5, #6)\n"
                                           "  hash-join inner #1 =/num #3\n"
                                           "    scan t [rowid a b c]\n"
                                           "    scan u [x y t_id a]\n"},
        {"SELECT j.a FROM (t JOIN u ON t.id = u.t_id) AS j WHERE j.x = 1",
         "project (#3)\n"
         "  loop-join inner p1 with(#1)\n"
         "    scan u [x t_id] filter((#0 =/int 1))\n"
         "p1(1):\n"
         "  scan t [rowid a] key = $0\n"},
    };

    plan_check_pairs(pairs, VL_ARRAY_COUNT(pairs), plan_rig_print);
}

static void
plan_runs_subqueries(void)
{
    static const plan_pair pairs[] = {
        {"SELECT a, (SELECT max(x) FROM u WHERE t_id = t.id) FROM t",
         "project (#1, scalar-p1(#0))\n"
         "  index t.ta covering [rowid a]\n"
         "p1(1):\n"
         "  aggregate max (#0)\n"
         "    index u.ut [x t_id] key = $0\n"},
        {"SELECT a FROM t WHERE c = (SELECT x FROM u ORDER BY y LIMIT 1)",
         "project (#0)\n"
         "  scan t [a c] filter((#1 =/num scalar-p1()))\n"
         "p1(0):\n"
         "  limit limit 1\n"
         "    project (#0)\n"
         "      index u.uy [x y]\n"},
        {"SELECT a FROM t WHERE EXISTS (SELECT fail(x) FROM u WHERE u.t_id = t.id ORDER BY y)",
         "project (#1)\n"
         "  index t.ta covering [rowid a] filter(exists-p1(#0))\n"
         "p1(1):\n"
         "  project (1)\n"
         "    index u.ut covering [t_id] key = $0\n"},
        {"SELECT a FROM t WHERE c IN (SELECT x FROM u WHERE u.y = t.b)",
         "project (#0)\n"
         "  scan t [a b c] filter(in-p1/num(#2, #1))\n"
         "p1(1):\n"
         "  project (#0)\n"
         "    index u.uy [x y] key = $0\n"},
        {"SELECT a FROM t WHERE id NOT IN (SELECT t_id FROM u)",
         "project (#1)\n"
         "  index t.ta covering [rowid a] filter(not-in-p1/num(#0))\n"
         "p1(0):\n"
         "  index u.ut covering [t_id]\n"},
        {"SELECT a FROM t WHERE (a, b) IN (SELECT x, y FROM u)",
         "project (#0)\n"
         "  index t.ta covering [a b] filter(in-p1/num(#0, #1))\n"
         "p1(0):\n"
         "  scan u [x y]\n"},
        {"SELECT a FROM t WHERE (a, b) = (SELECT x, y FROM u)",
         "project (#0)\n"
         "  index t.ta covering [a b] filter(row=/num(#0, #1, scalar-p1(), scalar-p1()))\n"
         "p1(0):\n"
         "  scan u [x y]\n"},
        {"SELECT a FROM t t1 WHERE a = (SELECT max(a) FROM t t2 WHERE t2.c = (SELECT x FROM u "
         "WHERE y = t1.b AND a = t2.a))",
         "project (#0)\n"
         "  index t.ta covering [a b] filter((#0 =/int scalar-p2(#1)))\n"
         "p2(1):\n"
         "  aggregate max (#0)\n"
         "    limit limit 1\n"
         "      index t.ta backward [a c] filter((#1 =/num scalar-p1(#0, $0)), notnull(#0))\n"
         "p1(2):\n"
         "  project (#0)\n"
         "    index u.uy [x y a] key = $1 filter((#2 =/num $0))\n"},
    };

    plan_check_pairs(pairs, VL_ARRAY_COUNT(pairs), plan_rig_print);
}

static void
plan_groups(void)
{
    static const plan_pair pairs[] = {
        {"SELECT count(*), count(a), sum(DISTINCT a), sum(a) + 1 FROM t",
         "project (#0, #1, #2, (#3+1))\n"
         "  aggregate count count (#0) sum distinct (#0) sum (#0)\n"
         "    index t.ta covering [a]\n"},
        {"SELECT count(*) FILTER (WHERE a > 1), group_concat(b ORDER BY c DESC) FROM t",
         "aggregate count where (#0 >/int 1) group_concat (#1) #2 desc\n"
         "  scan t [a b c]\n"},
        {"SELECT c, count(*) FROM t GROUP BY c", "aggregate grouped by(#0) count\n"
                                                 "  scan t [c]\n"},
        {"SELECT c, count(*) FROM t GROUP BY c ORDER BY c", "aggregate grouped by(#0) count\n"
                                                            "  scan t [c]\n"},
        {"SELECT c, count(*) FROM t GROUP BY c ORDER BY c DESC",
         "sort #0 desc\n"
         "  aggregate grouped by(#0) count\n"
         "    scan t [c]\n"},
        {"SELECT a + 1, count(*) FROM t GROUP BY a + 1 HAVING count(*) > 1 AND a + 1 > 2",
         "filter ((#1 > 1), (#0 > 2))\n"
         "  aggregate grouped by((#0+1)) count\n"
         "    index t.ta covering [a]\n"},
        {"SELECT b AS q, a FROM t GROUP BY q COLLATE NOCASE",
         "aggregate grouped by(#1) 0/nocase bare(#0)\n"
         "  index t.ta covering [a b]\n"},
        {"SELECT b, max(c) FROM t GROUP BY a",
         "project (#2, #1)\n"
         "  aggregate grouped sorted by(#0) max (#2) bare(#1) of-row 0\n"
         "    index t.ta [a b c]\n"},
        {"SELECT min(a) FROM t WHERE b = 1",
         "aggregate min (#0)\n"
         "  limit limit 1\n"
         "    index t.ta covering [a b] filter((#1 =/text 1), notnull(#0))\n"},
        {"SELECT max(a), min(a) FROM t", "aggregate max (#0) min (#0)\n"
                                         "  index t.ta covering [a]\n"},
        {"SELECT (SELECT sum(t.a + u.x) FROM u) FROM t", "project (scalar-p1(#0))\n"
                                                         "  index t.ta covering [a]\n"
                                                         "p1(1):\n"
                                                         "  aggregate sum (($0+#0))\n"
                                                         "    scan u [x]\n"},
        {"SELECT (SELECT count(t.a) FROM u) FROM t", "project (scalar-p1(#0))\n"
                                                     "  aggregate count (#0)\n"
                                                     "    index t.ta covering [a]\n"
                                                     "p1(1):\n"
                                                     "  project ($0)\n"
                                                     "    index u.uy covering []\n"},
        {"SELECT DISTINCT c, y FROM t, u", "distinct 2 1/nocase\n"
                                           "  hash-join inner\n"
                                           "    scan t [c]\n"
                                           "    index u.uy covering [y]\n"},
    };

    plan_check_pairs(pairs, VL_ARRAY_COUNT(pairs), plan_rig_print);
}

/* check_tree: table, of statements */
static void
plan_makes_compounds_and_ctes(void)
{
    static const plan_pair pairs[] = {
        {"SELECT a FROM t UNION ALL SELECT x FROM u", "union-all\n"
                                                      "  index t.ta covering [a]\n"
                                                      "  scan u [x]\n"},
        {"SELECT a FROM t UNION SELECT x FROM u EXCEPT SELECT 1 ORDER BY 1 DESC LIMIT 3",
         "limit limit 3\n"
         "  sort #0 desc limit 3\n"
         "    except\n"
         "      union\n"
         "        index t.ta covering [a]\n"
         "        scan u [x]\n"
         "      project (1)\n"
         "        values\n"},
        {"SELECT y FROM u INTERSECT SELECT b FROM t", "intersect 0/nocase\n"
                                                      "  index u.uy covering [y]\n"
                                                      "  index t.ta covering [b]\n"},
        {"WITH q(z) AS (SELECT a FROM t WHERE b = 1) SELECT z FROM q WHERE z > 1",
         "project (#0)\n"
         "  index t.ta covering [a b] >(1) filter((#1 =/text 1))\n"},
        {"WITH q AS MATERIALIZED (SELECT a FROM t) SELECT * FROM q", "program p1\n"
                                                                     "p1(0):\n"
                                                                     "  index t.ta covering [a]\n"},
        {"WITH q AS (SELECT a FROM t) SELECT * FROM q AS q1, q AS q2 WHERE q1.a = q2.a",
         "hash-join inner #0 =/num #0\n"
         "  program p1 shared\n"
         "  program p1 shared\n"
         "p1(0):\n"
         "  index t.ta covering [a]\n"},
        {"WITH RECURSIVE r(n, p) AS (SELECT 1, 2 UNION SELECT n + 1, p FROM r WHERE n < 5 ORDER BY "
         "2 DESC LIMIT 7) SELECT n FROM r",
         "project (#0)\n"
         "  program p1\n"
         "p1(0):\n"
         "  recurse p2 union #1 desc limit 7\n"
         "    project (1, 2)\n"
         "      values\n"
         "p2(0):\n"
         "  project ((#0+1), #1)\n"
         "    filter ((#0 < 5))\n"
         "      queue\n"},
        {"WITH RECURSIVE r(i) AS (SELECT 5 UNION ALL SELECT t.a FROM t, r WHERE t.id = r.i) SELECT "
         "* FROM r",
         "program p1\n"
         "p1(0):\n"
         "  recurse p2\n"
         "    project (5)\n"
         "      values\n"
         "p2(0):\n"
         "  project (#2)\n"
         "    loop-join inner p3 with(#0)\n"
         "      queue\n"
         "p3(1):\n"
         "  scan t [rowid a] key = $0\n"},
        {"SELECT (WITH r(i) AS (SELECT t.a UNION ALL SELECT i + t.c FROM r LIMIT 3) SELECT sum(i) "
         "FROM r) FROM t",
         "project (scalar-p3(#0, #1))\n"
         "  scan t [a c]\n"
         "p3(2):\n"
         "  aggregate sum (#0)\n"
         "    program p1 with($0, $1)\n"
         "p1(2):\n"
         "  recurse p2 with($1) limit 3\n"
         "    project ($0)\n"
         "      values\n"
         "p2(1):\n"
         "  project ((#0+$0))\n"
         "    queue\n"},
    };

    plan_check_pairs(pairs, VL_ARRAY_COUNT(pairs), plan_rig_print);
}

static void
plan_asks_queries_inside(void)
{
    static const plan_pair pairs[] = {
        {"SELECT * FROM v WHERE a = 1 AND bb = 'x'",
         "project (#0, #1)\n"
         "  index t.ta [a b c] key = 1 key = 'x' filter((#2 > 1))\n"},
        {"SELECT a FROM (SELECT a, fail(b) AS f FROM t) WHERE a = 1",
         "index t.ta covering [a] key = 1\n"},
        {"SELECT a FROM (SELECT a, fail(b) AS f FROM t) WHERE f = 1",
         "project (#0)\n"
         "  filter ((#1 = 1))\n"
         "    project (#0, fail(#1))\n"
         "      index t.ta covering [a b]\n"},
        {"SELECT a FROM (SELECT a, b FROM t ORDER BY c LIMIT 5) WHERE a = 1",
         "project (#0)\n"
         "  filter ((#0 =/int 1))\n"
         "    project (#0, #1)\n"
         "      limit limit 5\n"
         "        sort #2 limit 5\n"
         "          project (#0, NULL, #1)\n"
         "            scan t [a c]\n"},
        {"SELECT value FROM series(1, 5) WHERE value > 2", "project (#0)\n"
                                                           "  filter ((#0 > 2))\n"
                                                           "    function series (1, 5)\n"},
        {"SELECT value FROM t, series(t.a, 5)", "project (#1)\n"
                                                "  loop-join inner p1 with(#0)\n"
                                                "    index t.ta covering [a]\n"
                                                "p1(1):\n"
                                                "  function series ($0, 5)\n"},
        {"SELECT value FROM series, t WHERE last = 5 AND t.a = first",
         "project (#1)\n"
         "  loop-join inner p1 with(#0)\n"
         "    index t.ta covering [a]\n"
         "p1(1):\n"
         "  function series ($0, 5)\n"},
        {"SELECT value FROM t LEFT JOIN series ON first = t.a AND value > 2",
         "project (#1)\n"
         "  loop-join left p1 with(#0)\n"
         "    index t.ta covering [a]\n"
         "p1(1):\n"
         "  filter ((#0 > 2))\n"
         "    function series ($0)\n"},
        {"SELECT x.value FROM series x, series y WHERE x.first = y.value AND y.first = x.value",
         "project (#0)\n"
         "  loop-join inner p1 with(#0, #1)\n"
         "    function series\n"
         "p1(2):\n"
         "  filter (($1 = #0))\n"
         "    function series ($0)\n"},
    };

    plan_check_pairs(pairs, VL_ARRAY_COUNT(pairs), plan_rig_print);
}

static void
plan_computes(void)
{
    static const plan_pair pairs[] = {
        {"SELECT CASE WHEN a THEN 1 END, iif(a, 2, 3), coalesce(a, b, 4), likely(c) FROM t",
         "project (case(#0, 1), case(#0, 2, 3), coalesce(#0, #1, 4), #2)\n"
         "  scan t [a b c]\n"},
        {"SELECT CAST(a AS TEXT) || 'x', -a, ~a, NOT a, a IS TRUE, a IS NOT FALSE, a ISNULL FROM t",
         "project ((cast-text(#0)||'x'), -(#0), ~(#0), not(#0), is-true(#0), is-not-false(#0), "
         "isnull(#0))\n"
         "  index t.ta covering [a]\n"},
        {"SELECT a LIKE 'x%', b GLOB c, b NOT LIKE 'a' ESCAPE '\\', random() FROM t",
         "project (like(#0, 'x%'), glob(#1, #2), not-like(#1, 'a', '\\'), random())\n"
         "  scan t [a b c]\n"},
        {"SELECT max(t.a, b COLLATE NOCASE), min(y, 'a') FROM t, u",
         "project (max(#0, #1), min/nocase(#2, 'a'))\n"
         "  hash-join inner\n"
         "    index t.ta covering [a b]\n"
         "    index u.uy covering [y]\n"},
        {"SELECT 1 + 2 * 3, -5, 0x10, 9223372036854775808, x'00ff', 1 || 2",
         "project (7, -5, 16, 9.22337e+18, x[2], (1||2))\n"
         "  values\n"},
    };

    plan_check_pairs(pairs, VL_ARRAY_COUNT(pairs), plan_rig_print);
}

/* check_tree: table, of statements */
static void
plan_changes(void)
{
    static const plan_pair pairs[] = {
        {"INSERT INTO t VALUES (1, 2, 'x', NULL), (?, ?, ?, ?)",
         "insert t #0 #1 #2 #3 #0\n"
         "  values (1, 2, 'x', NULL) (?1, ?2, ?3, ?4)\n"},
        {"INSERT INTO t (b, a) SELECT y, x FROM u WHERE x > 1",
         "insert t default:NULL #1 #0 default:NULL default:NULL\n"
         "  project (#1, #0)\n"
         "    scan u [x y] filter((#0 >/int 1))\n"},
        {"INSERT OR IGNORE INTO t DEFAULT VALUES RETURNING rowid AS r, a + 1",
         "insert t default:NULL default:NULL default:NULL default:NULL default:NULL ignore "
         "returning(#0, (#1+1))\n"
         "  values\n"},
        {"INSERT INTO x (e, f) VALUES (1, 2)",
         "insert x #0 #1 default:NULL default:NULL default:NULL check((#0 <> #1)) "
         "g:=stored-integer((#1*2)) h:=stored-blob((#2||'x')) xp where (#1 = 1) xe(upper(#0))\n"
         "  values (1, 2)\n"},
        {"INSERT INTO w VALUES (1, 2, 3) ON CONFLICT (l, k) DO UPDATE SET n = excluded.n + w.n "
         "WHERE w.n > 0 ON CONFLICT DO NOTHING",
         "insert w #0 #1 #2 default:NULL on-conflict sqlite_autoindex_w_1 n=(#6+#2) where((#2 > "
         "0)) on-conflict any nothing\n"
         "  values (1, 2, 3)\n"},
        {"REPLACE INTO u (x) VALUES (1)",
         "insert u #0 default:NULL default:NULL default:NULL default:NULL replace\n"
         "  values (1)\n"},
        {"UPDATE t SET a = a + 1, b = (SELECT y FROM u WHERE u.x = t.a) WHERE id = 7 RETURNING a, "
         "b",
         "update t direct keys 1 a=(#1+1) b=scalar-p1(#1) returning(#1, #2)\n"
         "  project (#0)\n"
         "    scan t [rowid] key = 7\n"
         "p1(1):\n"
         "  project (#1)\n"
         "    hash-join inner $0 =/num #0\n"
         "      values\n"
         "      scan u [x y]\n"},
        {"UPDATE OR REPLACE t SET a = 5 WHERE a = 4",
         "update t keys 1 a=5 replace\n"
         "  project (#0)\n"
         "    sort #0\n"
         "      index t.ta covering [rowid a] key = 4\n"},
        {"UPDATE t SET c = 5 WHERE a > 4 ORDER BY c LIMIT 3",
         "update t keys 1 c=5\n"
         "  project (#0)\n"
         "    limit limit 3\n"
         "      sort #2\n"
         "        index t.ta [rowid a c] >(4)\n"},
        {"UPDATE t SET (a, b) = (u.x, u.y), id = 3 FROM u WHERE u.t_id = t.id RETURNING *",
         "update t keys 1 a=#5 b=#6 rowid=3 returning(#0, #1, #2, #3)\n"
         "  project (#0, #1, #2, #3)\n"
         "    loop-join inner p1 with(#0)\n"
         "      scan t [rowid]\n"
         "p1(1):\n"
         "  index u.ut [x y t_id] key = $0\n"},
        {"UPDATE w SET n = 1 WHERE k = 2",
         "update w keys 1 n=1\n"
         "  project (#1)\n"
         "    index w.sqlite_autoindex_w_1 covering [k rowid] key = 2\n"},
        {"UPDATE x SET e = 1", "update x keys 1 e=1 check((#0 <> #1)) g:=stored-integer((#1*2)) "
                               "h:=stored-blob((#2||'x')) xp where (#1 = 1) xe(upper(#0))\n"
                               "  project (#0)\n"
                               "    scan x [rowid]\n"},
        {"DELETE FROM t", "delete t all keys 1\n"
                          "  project (#0)\n"
                          "    scan t [rowid]\n"},
        {"DELETE FROM t WHERE a = 1 RETURNING *", "delete t keys 1 returning(#0, #1, #2, #3)\n"
                                                  "  project (#0)\n"
                                                  "    index t.ta covering [rowid a] key = 1\n"},
        {"DELETE FROM w WHERE n = 1 ORDER BY k LIMIT 2",
         "delete w keys 1\n"
         "  project (#2)\n"
         "    limit limit 2\n"
         "      index w.sqlite_autoindex_w_1 covering [k n rowid] filter((#1 = 1))\n"},
        {"DELETE FROM u WHERE x IN (SELECT a FROM t)",
         "delete u keys 1\n"
         "  project (#1)\n"
         "    scan u [x rowid] filter(in-p1/num(#0))\n"
         "p1(0):\n"
         "  index t.ta covering [a]\n"},
    };

    plan_check_pairs(pairs, VL_ARRAY_COUNT(pairs), plan_rig_print);
}

static void
plan_is_explained(void)
{
    static const plan_pair pairs[] = {
        {"SELECT * FROM t WHERE id = 1", "1 0 SEARCH t USING INTEGER PRIMARY KEY (rowid=?)\n"},
        {"SELECT a FROM t WHERE a = 1 AND b > 'x'",
         "1 0 SEARCH t USING COVERING INDEX ta (a=? AND b>?)\n"},
        {"SELECT * FROM t AS q WHERE id > 5 AND id < 9",
         "1 0 SEARCH q USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)\n"},
        {"SELECT * FROM w WHERE k = 1", "1 0 SEARCH w USING PRIMARY KEY (k=?)\n"},
        {"SELECT c FROM t ORDER BY c", "1 0 SCAN t\n"
                                       "2 0 USE TEMP B-TREE FOR ORDER BY\n"},
        {"SELECT DISTINCT c FROM t GROUP BY b", "1 0 SCAN t\n"
                                                "2 0 USE TEMP B-TREE FOR GROUP BY\n"
                                                "3 0 USE TEMP B-TREE FOR DISTINCT\n"},
        {"SELECT t.c FROM t JOIN u ON u.t_id = t.id",
         "1 0 SCAN t\n"
         "2 0 SEARCH u USING COVERING INDEX ut (t_id=?)\n"},
        {"SELECT t.c FROM t LEFT JOIN u ON u.x = t.c",
         "1 0 SCAN t\n"
         "2 0 SEARCH u USING AUTOMATIC COVERING INDEX (x=?) LEFT-JOIN\n"},
        {"SELECT t.c FROM t, u", "1 0 SCAN t\n"
                                 "2 0 SCAN u USING COVERING INDEX uy\n"},
        {"SELECT (SELECT max(x) FROM u WHERE t_id = t.id) FROM t WHERE c IN (SELECT x FROM u)",
         "1 0 SCAN t\n"
         "2 0 LIST SUBQUERY 1\n"
         "3 2 SCAN u\n"
         "4 0 CORRELATED SCALAR SUBQUERY 2\n"
         "5 4 SEARCH u USING INDEX ut (t_id=?)\n"},
        {"SELECT a FROM t UNION SELECT x FROM u UNION ALL SELECT 1",
         "1 0 COMPOUND QUERY\n"
         "2 1 LEFT-MOST SUBQUERY\n"
         "3 2 SCAN t USING COVERING INDEX ta\n"
         "4 1 UNION USING TEMP B-TREE\n"
         "5 4 SCAN u\n"
         "6 1 UNION ALL\n"
         "7 6 SCAN CONSTANT ROW\n"},
        {"WITH q AS MATERIALIZED (SELECT a FROM t) SELECT * FROM q AS q1, q AS q2",
         "1 0 MATERIALIZE q\n"
         "2 1 SCAN t USING COVERING INDEX ta\n"
         "3 0 SCAN q1\n"
         "4 0 SCAN q2\n"},
        {"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r LIMIT 3",
         "1 0 CO-ROUTINE r\n"
         "2 1 SETUP\n"
         "3 2 SCAN CONSTANT ROW\n"
         "4 1 RECURSIVE STEP\n"
         "5 4 SCAN r\n"
         "6 0 SCAN r\n"},
        {"SELECT value FROM series(1, 2)", "1 0 SCAN series VIRTUAL TABLE INDEX 0:\n"},
        {"VALUES (1), (2)", "1 0 SCAN 2 CONSTANT ROWS\n"},
        {"SELECT e FROM x WHERE upper(e) = 'A'", "1 0 SEARCH x USING INDEX xe (<expr>=?)\n"},
        {"UPDATE t SET a = (SELECT max(x) FROM u) WHERE id = 1",
         "1 0 SEARCH t USING INTEGER PRIMARY KEY (rowid=?)\n"
         "2 0 SCALAR SUBQUERY 1\n"
         "3 2 SCAN u\n"},
        {"INSERT INTO t (a) SELECT x FROM u", "1 0 SCAN u\n"},
        {"DELETE FROM t WHERE a BETWEEN 1 AND 2",
         "1 0 SEARCH t USING COVERING INDEX ta (a>? AND a<?)\n"},
        {"SELECT max(a) FROM t", "1 0 SCAN t USING COVERING INDEX ta\n"},
    };

    plan_check_pairs(pairs, VL_ARRAY_COUNT(pairs), plan_rig_explain);
}

/* Statements whose planning and explaining run out of memory at every place. */
static velo_status
plan_with_little_memory(vl_ctx *ctx, void *argument)
{
    plan_rig *rig = argument;
    const vl_explain_row *rows;
    vl_parse_result parsed;
    vl_arena arena;
    vl_plan *plan;
    uint32_t count;
    velo_status st;

    vl_arena_init(&arena, ctx->allocator, 256);
    st = vl_parse(ctx, rig->sql, strlen(rig->sql), NULL, &arena, &parsed);
    if (st == VELO_OK)
        st = vl_plan_make(ctx, &arena, parsed.statement, rig->sql, parsed.variable_count, &rig->env,
                          &plan);
    if (st == VELO_OK)
        st = vl_plan_explain(ctx, &arena, plan, &rows, &count);
    vl_arena_deinit(&arena);
    return st;
}

static void
plan_survives_lack_of_memory(void)
{
    static const char *const statements[] = {
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + a FROM r, t WHERE t.id = n) "
        "SELECT n, max(t.c), count(*) FROM r LEFT JOIN t ON t.a = n AND t.b LIKE 'x%' "
        "WHERE n IN (SELECT x FROM u WHERE y = t.b) GROUP BY n, t.b HAVING sum(t.a) > 1 "
        "ORDER BY 2 DESC, t.c || 'x' LIMIT 5",
        "SELECT * FROM v JOIN (SELECT x AS a, count(*) FROM u GROUP BY x) USING (a) UNION "
        "SELECT 1, 2, (SELECT b FROM t WHERE (a, b) > (1, 2))",
        "UPDATE t SET (a, b) = (SELECT x, y FROM u WHERE t_id = id) FROM w WHERE w.k = t.a "
        "RETURNING *",
        "INSERT INTO w SELECT a, b, c FROM t WHERE true ON CONFLICT (k, l) DO UPDATE SET "
        "n = excluded.n RETURNING n",
        "INSERT INTO x (e, f) VALUES (1, ?1), (:a, CASE 1 WHEN 2 THEN 3 END)",
        "DELETE FROM u WHERE x BETWEEN 1 AND 2 ORDER BY y LIMIT 3",
    };

    for (size_t i = 0; i < VL_ARRAY_COUNT(statements); i++) {
        plan_rig rig;

        plan_rig_init(&rig, NULL);
        rig.sql = statements[i];
        if (unit_each_alloc_failure(plan_with_little_memory, &rig) == 0)
            unit_failed(__FILE__, __LINE__, "%s never ran out of memory", statements[i]);
        plan_rig_deinit(&rig);
        if (unit_has_failed())
            return;
    }
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(plan_reads_one_table),
        UNIT_TEST(plan_joins),
        UNIT_TEST(plan_runs_subqueries),
        UNIT_TEST(plan_groups),
        UNIT_TEST(plan_makes_compounds_and_ctes),
        UNIT_TEST(plan_asks_queries_inside),
        UNIT_TEST(plan_computes),
        UNIT_TEST(plan_changes),
        UNIT_TEST(plan_is_explained),
        UNIT_TEST(plan_survives_lack_of_memory),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
